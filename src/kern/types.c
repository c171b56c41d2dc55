/* SPDX-License-Identifier: GPL-2.0-only */
/* types.c: see types.h. Questions are kept as 64-bit hashes; of some fifty of them no two will ever have the same. */
#include "kern/types.h"

#include <sys/stat.h>

#include "kern/path.h"
#include "kern/sys.h"

enum { MAX_KNOWN = 1024 };

/* sysfs makes the file anew when the module is loaded. 0: no module. */
static uint64_t module_id(void)
{
	struct stat st;

	if (stat("/sys/kernel/btf/nf_conntrack", &st))
		return 0;
	return (uint64_t)st.st_ino ^ (uint64_t)st.st_ctim.tv_sec << 32 ^ (uint64_t)st.st_ctim.tv_nsec;
}

static int make_pinned(const char *path)
{
	const struct bf_map_desc m = { "bf_types", BPF_MAP_TYPE_HASH, 8, 4, MAX_KNOWN, BPF_F_NO_PREALLOC, 0 };
	_cleanup_close_ int fd = bf_map_create(&m);
	int err = fd < 0 ? fd : bf_pin(fd, path);

	return err ? err : TAKE_FD(fd);
}

void bf_types_open(struct bf_types *t, const char *base)
{
	char path[BF_PATH_MAX];

	*t = (struct bf_types)BF_TYPES_NONE;
	if (!base)
		return;
	bf_path(path, "%s/types", base);
	t->known = bf_pin_get(path);
	if (t->known == -ENOENT)
		t->known = make_pinned(path);
	t->module = module_id();
}

void bf_types_close(struct bf_types *t)
{
	if (t->known >= 0)
		close(t->known);
	bf_btf_close(t->btf);
	*t = (struct bf_types)BF_TYPES_NONE;
}

static uint64_t hash(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull; /* FNV-1a */
	while (*s++);
	return h;
}

static int open_btf(struct bf_types *t, struct bf_diag *d)
{
	int err = t->btf ? 0 : bf_btf_open(&t->btf);

	if (err == -ENOMEM)
		return bf_diag_error(d, err, "out of memory reading the kernel's type information");
	if (err)
		return bf_diag_error(d, -EOPNOTSUPP,
		                     "cannot read the kernel's type information /sys/kernel/btf/vmlinux (%s): "
		                     "a kernel built with CONFIG_DEBUG_INFO_BTF is needed", strerror(-err));
	return 0;
}

/* Where a member is read, when it is read as one number: a bit field as all that it lies in. */
static void around(const struct bf_btf_member *m, uint32_t *at, uint32_t *size)
{
	*at = m->offset;
	*size = m->size;
	if (!m->bits || !m->size || m->size > 8)
		return;
	*at = m->first / 8 / *size * *size;
	while (m->first + m->bits > (*at + *size) * 8 && *size < 8) {
		*size *= 2;
		*at = m->first / 8 / *size * *size;
	}
}

static uint32_t field(const struct bf_btf_member *m, enum bf_reloc_kind kind)
{
	const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	uint32_t at, size, bits = m->bits ? m->bits : m->size * 8, first = m->bits ? m->first : m->offset * 8;

	around(m, &at, &size);
	switch (kind) {
	case BF_RELOC_FIELD: return at;
	case BF_RELOC_FIELD_SIZE: return size;
	case BF_RELOC_FIELD_SIGNED: return m->is_signed;
	case BF_RELOC_FIELD_LEFT: return big ? (8 - size) * 8 + (first - at * 8) : 64 - (first + bits - at * 8);
	default: return 64 - bits;
	}
}

static int look_up(const struct bf_btf *b, enum bf_reloc_kind kind, const char *type, const char *member, uint32_t *answer)
{
	struct bf_btf_member m = { 0 };
	int r;

	switch (kind) {
	case BF_RELOC_KFUNC:
		r = bf_btf_func(b, type);
		break;
	case BF_RELOC_BTF_ID:
		r = bf_btf_struct(b, type);
		break;
	default:
		r = bf_btf_find(b, type, member, &m);
	}
	if (kind >= BF_RELOC_FIELD) {
		*answer = r ? 0 : field(&m, kind);
		return r;
	}
	*answer = kind == BF_RELOC_OFFSET ? m.offset : kind == BF_RELOC_SIZE ? m.size : kind == BF_RELOC_EXISTS ? !r : (uint32_t)r;
	return r < 0 && kind != BF_RELOC_EXISTS ? r : 0;
}

int bf_types_ask(struct bf_types *t, enum bf_reloc_kind kind, const char *type, const char *member, uint32_t *answer,
                 struct bf_diag *d)
{
	const char kind_name[] = { (char)('0' + kind), '\0' };
	uint64_t key = hash(hash(hash(t->module ^ 0xcbf29ce484222325ull, kind_name), type), member ? member : "");
	int err;

	if (t->known >= 0 && !bf_map_lookup(t->known, &key, answer))
		return 0;
	err = open_btf(t, d);
	if (!err)
		err = look_up(t->btf, kind, type, member, answer);
	if (!err && t->known >= 0)
		bf_map_update(t->known, &key, answer, BPF_ANY);
	return err;
}
