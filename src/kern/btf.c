/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * btf.c: reads BTF (linux/btf.h, Documentation/bpf/btf.rst). The kernel's is
 * some 6 MB with more than 100,000 types; one pass notes where each type lies,
 * a name is then found by searching the string section for it and comparing
 * string offsets: some 0.3 ms, without an index. What was found is remembered:
 * programs ask for the same few types again and again.
 *
 * The data comes from the running kernel or from tests, so lengths are
 * checked, once, by that first pass.
 */
#include "kern/btf.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The types of one name: a struct, a function, a variable may have the same, and some structs differ by file. */
struct named {
	char name[32];
	uint32_t n;
	uint32_t id[6];
};

struct known {
	uint32_t n;
	struct named e[48];
};

struct bf_btf {
	const struct bf_btf *base;
	struct bf_btf *module; /* of nf_conntrack */
	const char *types, *strs;
	uint32_t strs_len, strs_first; /* string offsets of a module go on where the base's end */
	uint32_t first, n;             /* ids [first, first + n) lie here */
	uint32_t *at;                  /* where in types */
	struct known *known;
	void *owned;                   /* what close frees: mapped or read */
	size_t owned_len;
	bool mapped;
};

enum { MAX_NESTING = 32 };

static int extra_size(const struct btf_type *t)
{
	uint32_t vlen = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return (int)(vlen * 12);
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return (int)(vlen * 8);
	}
	return -EPROTO;
}

/* Notes where the types lie. */
static int index_types(struct bf_btf *b, uint32_t len)
{
	uint32_t pos = 0, n = 0;

	while (pos + sizeof(struct btf_type) <= len) {
		const struct btf_type *t = (const void *)(b->types + pos);
		int extra = extra_size(t);

		if (extra < 0)
			return extra;
		b->at[n++] = pos;
		pos += sizeof(*t) + (uint32_t)extra;
	}
	b->n = n;
	return pos == len ? 0 : -EPROTO;
}

int bf_btf_parse(struct bf_btf **out, const void *data, size_t len, const struct bf_btf *base)
{
	const struct btf_header *h = data;
	_cleanup_btf_ struct bf_btf *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	if (len < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len > len || h->type_off > len - h->hdr_len ||
	    h->type_len > len - h->hdr_len - h->type_off || h->str_off > len - h->hdr_len || !h->str_len ||
	    h->str_len > len - h->hdr_len - h->str_off || h->type_off % 4)
		return -EPROTO;
	b->base = base;
	b->types = (const char *)data + h->hdr_len + h->type_off;
	b->strs = (const char *)data + h->hdr_len + h->str_off;
	b->strs_len = h->str_len;
	b->strs_first = base ? base->strs_len : 0;
	b->first = base ? base->first + base->n : 1;
	if (b->strs[b->strs_len - 1])
		return -EPROTO;
	b->at = calloc(h->type_len / sizeof(struct btf_type) + 1, sizeof(*b->at)); /* what is not used costs nothing */
	b->known = calloc(1, sizeof(*b->known));
	err = b->at && b->known ? index_types(b, h->type_len) : -ENOMEM;
	if (err)
		return err;
	*out = TAKE_PTR(b);
	return 0;
}

void bf_btf_close(struct bf_btf *b)
{
	if (!b)
		return;
	bf_btf_close(b->module);
	if (b->mapped)
		munmap(b->owned, b->owned_len);
	else
		free(b->owned);
	free(b->at);
	free(b->known);
	free(b);
}

static int read_all(int fd, void *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t r = read(fd, (char *)p + done, len - done);

		if (r <= 0)
			return r ? -errno : -EPROTO;
		done += (size_t)r;
	}
	return 0;
}

/* The file can be mapped since Linux 6.16; before, it is read. */
static int open_file(struct bf_btf **out, const char *path, const struct bf_btf *base)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool mapped = true;
	struct stat st;
	size_t len;
	void *p;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	len = (size_t)st.st_size;
	p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		mapped = false;
		p = malloc(len);
		err = p ? read_all(fd, p, len) : -ENOMEM;
		if (err) {
			free(p);
			return err;
		}
	}
	err = bf_btf_parse(out, p, len, base);
	if (!err) {
		(*out)->owned = p;
		(*out)->owned_len = len;
		(*out)->mapped = mapped;
	} else if (mapped) {
		munmap(p, len);
	} else {
		free(p);
	}
	return err;
}

static const char kernel_types[] = "/sys/kernel/btf/vmlinux";
static const char kernel_types_of_init[] = "/proc/1/root/sys/kernel/btf/vmlinux"; /* no /sys in this mount namespace */

int bf_btf_peek(void)
{
	_cleanup_close_ int fd = open(kernel_types, O_RDONLY | O_CLOEXEC);
	struct btf_header h;
	int err;

	if (fd < 0 && errno == ENOENT)
		fd = open(kernel_types_of_init, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : read_all(fd, &h, sizeof(h));
	return err || h.magic == BTF_MAGIC ? err : -EPROTO;
}

int bf_btf_open(struct bf_btf **out)
{
	int err = open_file(out, kernel_types, NULL);

	if (err == -ENOENT)
		err = open_file(out, kernel_types_of_init, NULL);
	if (err)
		return err;
	err = open_file(&(*out)->module, "/sys/kernel/btf/nf_conntrack", *out);
	if (err == -ENOMEM) {
		bf_btf_close(*out);
		return err;
	}
	return 0; /* not a module, or one without BTF: then its types are simply not found */
}

static const struct btf_type *type_by_id(const struct bf_btf *b, uint32_t id)
{
	for (; b; b = b->base)
		if (id >= b->first)
			return id - b->first < b->n ? (const void *)(b->types + b->at[id - b->first]) : NULL;
	return NULL;
}

static const char *string_at(const struct bf_btf *b, uint32_t off)
{
	for (; b; b = b->base)
		if (off >= b->strs_first)
			return off - b->strs_first < b->strs_len ? b->strs + (off - b->strs_first) : "";
	return "";
}

/* Offset of a whole string in this part's own strings. They are unique (the kernel's BTF is deduplicated). */
static uint32_t find_string(const struct bf_btf *b, const char *s)
{
	size_t len = strlen(s) + 1;
	const char *p = b->strs, *end = b->strs + b->strs_len;

	while ((p = memmem(p, (size_t)(end - p), s, len))) {
		if (p == b->strs || !p[-1])
			return b->strs_first + (uint32_t)(p - b->strs);
		p++;
	}
	return 0;
}

/* A module's type may carry a name that the kernel proper has too. */
static uint32_t name_offset(const struct bf_btf *b, const char *name)
{
	uint32_t off = 0;

	if (!*name)
		return 0;
	for (; b && !off; b = b->base)
		off = find_string(b, name);
	return off;
}

static void search(const struct bf_btf *b, const char *name, struct named *out)
{
	uint32_t off = name_offset(b, name);

	out->n = 0;
	for (uint32_t i = 0; off && i < b->n && out->n < BF_ARRAY_SIZE(out->id); i++) {
		const struct btf_type *t = (const void *)(b->types + b->at[i]);

		if (t->name_off == off)
			out->id[out->n++] = b->first + i;
	}
}

static void find_named(const struct bf_btf *b, const char *name, struct named *out)
{
	struct known *k = b->known;

	for (uint32_t i = 0; i < k->n; i++)
		if (!strcmp(k->e[i].name, name)) {
			*out = k->e[i];
			return;
		}
	search(b, name, out);
	if (k->n < BF_ARRAY_SIZE(k->e) && strlen(name) < sizeof(out->name)) {
		strcpy(out->name, name);
		k->e[k->n++] = *out;
	}
}

static int find_type(const struct bf_btf *b, const char *name, uint32_t kind)
{
	struct named found;

	find_named(b, name, &found);
	for (uint32_t i = 0; i < found.n; i++)
		if (BTF_INFO_KIND(type_by_id(b, found.id[i])->info) == kind)
			return (int)found.id[i];
	return -ENOENT;
}

int bf_btf_struct(const struct bf_btf *b, const char *name)
{
	int id = find_type(b, name, BTF_KIND_STRUCT);

	return id == -ENOENT ? find_type(b, name, BTF_KIND_UNION) : id;
}

int bf_btf_func(const struct bf_btf *b, const char *name)
{
	return find_type(b, name, BTF_KIND_FUNC);
}

static uint32_t skip_modifiers(const struct bf_btf *b, uint32_t id)
{
	for (int i = 0; i < MAX_NESTING; i++) {
		const struct btf_type *t = type_by_id(b, id);
		uint32_t kind = t ? BTF_INFO_KIND(t->info) : 0;

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_VOLATILE && kind != BTF_KIND_CONST &&
		    kind != BTF_KIND_RESTRICT && kind != BTF_KIND_TYPE_TAG)
			return id;
		id = t->type;
	}
	return 0;
}

static int size_of(const struct bf_btf *b, uint32_t id, int depth, uint32_t *size)
{
	const struct btf_type *t = type_by_id(b, skip_modifiers(b, id));
	const struct btf_array *a;
	int err;

	if (!t || depth > MAX_NESTING)
		return -ENOENT;
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_PTR:
		*size = sizeof(void *);
		return 0;
	case BTF_KIND_ARRAY:
		a = (const void *)(t + 1);
		err = size_of(b, a->type, depth + 1, size);
		*size = err ? 0 : *size * a->nelems;
		return err;
	case BTF_KIND_FUNC:
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_FWD:
		return -ENOENT;
	}
	*size = t->size;
	return 0;
}

struct found {
	uint32_t type, bits;
	uint32_t width; /* of a bit field, else 0 */
};

static bool is_aggregate(const struct btf_type *t)
{
	return t && (BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT || BTF_INFO_KIND(t->info) == BTF_KIND_UNION);
}

/* A member by name, also within anonymous members: their members count as the struct's own. */
static int find_member(const struct bf_btf *b, uint32_t id, const char *name, size_t len, int depth, struct found *out)
{
	const struct btf_type *t = type_by_id(b, skip_modifiers(b, id));
	const struct btf_member *m = (const void *)(t + 1);

	if (!is_aggregate(t) || depth > MAX_NESTING)
		return -ENOENT;
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		const char *s = string_at(b, m[i].name_off);
		uint32_t bits = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset) : m[i].offset;

		if (*s && !strncmp(s, name, len) && !s[len]) {
			*out = (struct found){ m[i].type, bits, BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BITFIELD_SIZE(m[i].offset) : 0 };
			return 0;
		}
		if (!*s && !find_member(b, m[i].type, name, len, depth + 1, out)) {
			out->bits += bits;
			return 0;
		}
	}
	return -ENOENT;
}

static int find_element(const struct bf_btf *b, uint32_t id, unsigned long index, struct found *out)
{
	const struct btf_type *t = type_by_id(b, skip_modifiers(b, id));
	const struct btf_array *a = (const void *)(t + 1);
	uint32_t size;

	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_ARRAY || (a->nelems && index > a->nelems) || size_of(b, a->type, 0, &size))
		return -ENOENT;
	*out = (struct found){ a->type, (uint32_t)index * size * 8, 0 };
	return 0;
}

static bool is_signed(const struct bf_btf *b, uint32_t id)
{
	const struct btf_type *t = type_by_id(b, skip_modifiers(b, id));
	uint32_t kind = t ? BTF_INFO_KIND(t->info) : 0;

	if (kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64)
		return BTF_INFO_KFLAG(t->info);
	return kind == BTF_KIND_INT && BTF_INT_ENCODING(*(const uint32_t *)(const void *)(t + 1)) & BTF_INT_SIGNED;
}

/* Follows a path. Brackets are as good as dots: "a[1].b" is "a.1.b". */
static int walk_path(const struct bf_btf *b, uint32_t id, const char *path, struct bf_btf_member *out)
{
	struct found at = { id, 0, 0 }, next;
	uint32_t bits = 0;
	int err;

	while (path && *(path += strspn(path, ".[]"))) {
		size_t len = strcspn(path, ".[]");

		if (*path >= '0' && *path <= '9')
			err = find_element(b, at.type, strtoul(path, NULL, 10), &next);
		else
			err = find_member(b, at.type, path, len, 0, &next);
		if (err)
			return err;
		bits += next.bits;
		at = next;
		path += len;
	}
	out->offset = bits / 8;
	out->first = bits;
	out->bits = at.width;
	out->is_signed = is_signed(b, at.type);
	return size_of(b, at.type, 0, &out->size);
}

/* An enumerator: its value stands for an offset. */
static int find_enumerator(const struct bf_btf *b, const struct btf_type *t, const char *name, struct bf_btf_member *out)
{
	const struct btf_enum *e = (const void *)(t + 1);
	const struct btf_enum64 *w = (const void *)(t + 1);

	for (uint32_t i = 0; BTF_INFO_KIND(t->info) == BTF_KIND_ENUM64 && i < BTF_INFO_VLEN(t->info); i++)
		if (!strcmp(string_at(b, w[i].name_off), name)) {
			*out = (struct bf_btf_member){ .offset = w[i].val_lo32, .size = t->size };
			return w[i].val_hi32 ? -ENOENT : 0;
		}
	if (BTF_INFO_KIND(t->info) != BTF_KIND_ENUM)
		return -ENOENT;
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		if (!strcmp(string_at(b, e[i].name_off), name)) {
			*out = (struct bf_btf_member){ .offset = (uint32_t)e[i].val, .size = t->size };
			return 0;
		}
	return -ENOENT;
}

/* Functions and variables have names, too. */
static bool is_no_type(const struct btf_type *t)
{
	uint32_t kind = BTF_INFO_KIND(t->info);

	return kind == BTF_KIND_FUNC || kind == BTF_KIND_VAR || kind == BTF_KIND_DATASEC || kind == BTF_KIND_DECL_TAG || kind == BTF_KIND_FWD;
}

/* Some names have several definitions in one kernel: the first that has the member. */
static int find_in(const struct bf_btf *b, const char *type, const char *path, struct bf_btf_member *out)
{
	struct named found;

	find_named(b, type, &found);
	for (uint32_t i = 0; i < found.n; i++) {
		uint32_t id = skip_modifiers(b, found.id[i]);
		const struct btf_type *t = type_by_id(b, id);
		bool named = path && *path;

		if (!t || is_no_type(type_by_id(b, found.id[i])))
			continue;
		if ((is_aggregate(t) || !named) && !walk_path(b, id, path, out))
			return 0;
		if (named && !find_enumerator(b, t, path, out))
			return 0;
	}
	return -ENOENT;
}

int bf_btf_find(const struct bf_btf *b, const char *type, const char *path, struct bf_btf_member *out)
{
	if (!strncmp(type, "struct ", 7))
		type += 7;
	if (!find_in(b, type, path, out))
		return 0;
	return b->module ? find_in(b->module, type, path, out) : -ENOENT;
}
