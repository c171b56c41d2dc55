/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_core.c: .BTF.ext. CO-RE: where a user's file looks into types of the kernel the
 * compiler leaves a note for each access; the kernel they are looked up in is
 * asked when the program is loaded (kern/reloc.c).
 *
 *   .BTF.ext   header | functions | lines | size of a note, then for each section
 *              name, n, n notes { byte in the section, type here, what of it: "0:2:1", kind }
 *
 * "0:2:1" are numbers of members and elements of the type as the file has it;
 * they become names ("tuple.src[1]"), which the kernel's type has, too. Lines
 * stand there in the same way, for what the verifier has to say.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "match/elf.h"

enum { FIELD_MAX = 200 };

struct note { /* struct bpf_core_relo */
	uint32_t insn_off, type_id, access, kind;
};

struct header { /* Documentation/bpf/btf.rst */
	uint16_t magic;
	uint8_t version, flags;
	uint32_t len, func_off, func_len, line_off, line_len, core_off, core_len;
};

static bool is(const struct btf_type *t, uint32_t kind)
{
	return t && BTF_INFO_KIND(t->info) == kind;
}

static bool has_members(const struct btf_type *t)
{
	return is(t, BTF_KIND_STRUCT) || is(t, BTF_KIND_UNION);
}

static int not_served(struct bf_elf *e, const char *what)
{
	return bf_elf_error(e, -EOPNOTSUPP, "it asks %s of a type of the kernel, which is not served", what);
}

/* The first name on the way to what it is: of a struct, or of a typedef that a nameless one has. Flavours (___) are ours. */
static const char *kernel_name(struct bf_elf *e, uint32_t id)
{
	const char *name = "", *flavour;

	for (int i = 0; !*name && id && id <= e->n_types && i < 8; i++) {
		const struct btf_type *t = e->types[id];

		name = bf_elf_name(e, t->name_off);
		id = t->type;
		if (has_members(t))
			break;
	}
	flavour = strstr(name, "___");
	return flavour && flavour != name ? bf_arena_strndup(e->arena, name, (size_t)(flavour - name)) : bf_arena_strdup(e->arena, name);
}

/* One step; false: there is none. */
static bool step(const struct bf_elf *e, uint32_t *id, unsigned long i, char *path)
{
	const struct btf_type *t = bf_elf_type(e, *id);
	const struct btf_member *m = (const void *)(t + 1);
	const struct btf_array *a = (const void *)(t + 1);
	size_t len = strlen(path);
	const char *name;

	if (is(t, BTF_KIND_ARRAY)) {
		*id = a->type;
		return snprintf(path + len, FIELD_MAX - len, "[%lu]", i) < (int)(FIELD_MAX - len);
	}
	if (!has_members(t) || i >= BTF_INFO_VLEN(t->info))
		return false;
	name = bf_elf_name(e, m[i].name_off);
	*id = m[i].type;
	return snprintf(path + len, FIELD_MAX - len, "%s%s", *name && len ? "." : "", name) < (int)(FIELD_MAX - len);
}

/* "0:2:1" below type id. */
static int member_path(struct bf_elf *e, uint32_t id, const char *access, const char **out)
{
	char path[FIELD_MAX] = "", *end;

	if (strtoul(access, &end, 10))
		return not_served(e, "an element of an array");
	while (*end == ':') {
		unsigned long i = strtoul(end + 1, &end, 10);

		if (!step(e, &id, i, path))
			return bf_elf_broken(e);
	}
	*out = bf_arena_strdup(e->arena, path);
	return *end ? bf_elf_broken(e) : *out ? 0 : -ENOMEM;
}

static int enumerator(struct bf_elf *e, uint32_t id, const char *access, const char **out)
{
	const struct btf_type *t = bf_elf_type(e, id);
	unsigned long i = strtoul(access, NULL, 10);
	bool wide = is(t, 19); /* BTF_KIND_ENUM64 */
	size_t size = wide ? 12 : sizeof(struct btf_enum);
	uint32_t name;

	if ((!wide && !is(t, BTF_KIND_ENUM)) || i >= BTF_INFO_VLEN(t->info))
		return bf_elf_broken(e);
	memcpy(&name, (const char *)(t + 1) + i * size, sizeof(name));
	*out = bf_arena_strdup(e->arena, bf_elf_name(e, name));
	return *out ? 0 : -ENOMEM;
}

static int reloc_of(struct bf_elf *e, const struct note *n, struct bf_rt_reloc *r)
{
	static const uint8_t kinds[] = {
		[BPF_CORE_FIELD_BYTE_OFFSET] = BF_RELOC_FIELD,   [BPF_CORE_FIELD_BYTE_SIZE] = BF_RELOC_FIELD_SIZE,
		[BPF_CORE_FIELD_EXISTS] = BF_RELOC_EXISTS,       [BPF_CORE_FIELD_SIGNED] = BF_RELOC_FIELD_SIGNED,
		[BPF_CORE_FIELD_LSHIFT_U64] = BF_RELOC_FIELD_LEFT, [BPF_CORE_FIELD_RSHIFT_U64] = BF_RELOC_FIELD_RIGHT,
		[BPF_CORE_TYPE_ID_TARGET] = BF_RELOC_BTF_ID,     [BPF_CORE_TYPE_EXISTS] = BF_RELOC_EXISTS,
		[BPF_CORE_TYPE_SIZE] = BF_RELOC_FIELD_SIZE,      [BPF_CORE_ENUMVAL_EXISTS] = BF_RELOC_EXISTS,
		[BPF_CORE_ENUMVAL_VALUE] = BF_RELOC_FIELD,
	};
	const char *access = bf_elf_name(e, n->access);

	if (n->kind >= BF_ARRAY_SIZE(kinds) || !kinds[n->kind])
		return not_served(e, n->kind == BPF_CORE_TYPE_ID_LOCAL ? "the number here" : "whether it is the same");
	r->kind = kinds[n->kind];
	r->symbol = kernel_name(e, n->type_id);
	if (!r->symbol)
		return -ENOMEM;
	if (!*r->symbol)
		return not_served(e, "something without a name");
	if (n->kind < BPF_CORE_TYPE_ID_LOCAL)
		return member_path(e, n->type_id, access, &r->member);
	if (n->kind >= BPF_CORE_ENUMVAL_EXISTS)
		return enumerator(e, n->type_id, access, &r->member);
	return 0;
}

static int read_note(struct bf_elf *e, size_t section, const struct note *n)
{
	int func = bf_elf_func_at(e, section, n->insn_off / 8), err;
	struct bf_rt_reloc r = { 0 };

	if (func < 0 || n->insn_off % 8 || e->funcs[func].n_relocs == e->funcs[func].n_insns)
		return bf_elf_broken(e);
	r.insn = n->insn_off / 8 - e->begin[func];
	if (r.insn + 1 == e->funcs[func].n_insns)
		return bf_elf_broken(e);
	err = reloc_of(e, n, &r);
	if (!err)
		bf_elf_add_reloc(e, func, &r);
	return err;
}

struct line { /* struct bpf_line_info */
	uint32_t insn_off, file, text, line_col;
};

/* Of functions that are there: lines come in the order of a section. */
static int read_line(struct bf_elf *e, size_t section, const struct line *n)
{
	int func = bf_elf_func_at(e, section, n->insn_off / 8);
	struct bf_rt_func *f = func < 0 ? NULL : &e->funcs[func];
	struct bf_line *l;

	if (!f || f->n_lines == f->n_insns)
		return 0;
	if (!f->lines)
		f->lines = bf_arena_array(e->arena, f->n_insns, struct bf_line);
	if (!f->lines)
		return -ENOMEM;
	l = (struct bf_line *)&f->lines[f->n_lines++];
	l->insn = n->insn_off / 8 - e->begin[func];
	l->line = n->line_col >> 10;
	l->file = bf_elf_name(e, n->file);
	l->text = bf_elf_name(e, n->text);
	return 0;
}

static int read_one(struct bf_elf *e, size_t section, const char *p, bool lines)
{
	_Static_assert(sizeof(struct line) == sizeof(struct note), "of one size");
	struct note n;
	struct line l;

	memcpy(&n, p, sizeof(n));
	memcpy(&l, p, sizeof(l));
	return lines ? read_line(e, section, &l) : read_note(e, section, &n);
}

static int read_records(struct bf_elf *e, const char *p, size_t len, bool lines)
{
	uint32_t size, head[2];
	int err = 0;

	memcpy(&size, p, sizeof(size));
	p += sizeof(size);
	len -= sizeof(size);
	while (!err && len >= sizeof(head)) {
		size_t section;

		memcpy(head, p, sizeof(head));
		p += sizeof(head);
		len -= sizeof(head);
		if (size < sizeof(struct note) || head[1] > len / size)
			return bf_elf_broken(e);
		section = bf_elf_section(e, bf_elf_name(e, head[0]));
		for (uint32_t i = 0; i < head[1] && !err; i++, p += size, len -= size)
			err = read_one(e, section, p, lines);
	}
	return err;
}

static int read_ext(struct bf_elf *e, bool lines)
{
	struct header h;
	uint32_t off, len;

	if (!e->ext || !e->n_types || e->ext_len < sizeof(h))
		return 0;
	memcpy(&h, e->ext, sizeof(h));
	off = lines ? h.line_off : h.core_off;
	len = lines ? h.line_len : h.core_len;
	if (h.magic != BTF_MAGIC || h.len < sizeof(h) || len <= sizeof(uint32_t))
		return 0;
	if (h.len > e->ext_len || off > e->ext_len - h.len || len > e->ext_len - h.len - off)
		return bf_elf_broken(e);
	return read_records(e, e->ext + h.len + off, len, lines);
}

int bf_elf_core(struct bf_elf *e)
{
	return read_ext(e, false);
}

int bf_elf_lines(struct bf_elf *e)
{
	return read_ext(e, true);
}
