/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtgen_btf.c: CO-RE relocations. The compiler notes in .BTF.ext, for each
 * access to a kernel struct, the local type and an access string like
 * "0:2:1:3" (indices of members and array elements). The image names them
 * instead ("tuplehash[1].tuple.src.u3.all[3]"): the kernel's struct is another.
 *
 *   .BTF.ext   header | func_info | line_info | core_relo: record size,
 *              then per section { name, n, n records { insn, type, string, kind } }
 *
 * Layout: Documentation/bpf/btf.rst, "BTF.ext".
 */
#include "rtgen.h"

#include <ctype.h>
#include <linux/btf.h>
#include <stdio.h>

struct ext_header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len;
	uint32_t func_info_off, func_info_len;
	uint32_t line_info_off, line_info_len;
	uint32_t core_relo_off, core_relo_len;
};

struct ext_section {
	uint32_t name;
	uint32_t n;
};

bool btf_is_kfunc(const struct object *o, const char *name)
{
	int32_t sec = btf__find_by_name_kind(o->btf, ".ksyms", BTF_KIND_DATASEC);
	const struct btf_type *t = sec < 0 ? NULL : btf__type_by_id(o->btf, (uint32_t)sec);
	const struct btf_var_secinfo *v = t ? btf_var_secinfos(t) : NULL;

	for (unsigned i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(o->btf, btf__type_by_id(o->btf, v[i].type)->name_off), name))
			return true;
	return false;
}

static const struct btf_type *resolve(const struct object *o, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(o->btf, *id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t))) {
		*id = t->type;
		t = btf__type_by_id(o->btf, *id);
	}
	if (!t)
		die(o, "BTF type %u does not exist", *id);
	return t;
}

static bool is_apart(const struct object *o, uint32_t func)
{
	for (uint32_t i = 1; i < btf__type_cnt(o->btf); i++) {
		const struct btf_type *t = btf__type_by_id(o->btf, i);

		if (btf_is_decl_tag(t) && t->type == func && !strcmp(btf__name_by_offset(o->btf, t->name_off), "apart"))
			return true;
	}
	return false;
}

static char arg_letter(const struct object *o, uint32_t id)
{
	const struct btf_type *t = resolve(o, &id);
	const char *to;

	if (btf_is_ptr(t)) {
		id = t->type;
		to = btf__name_by_offset(o->btf, resolve(o, &id)->name_off);
		return !strcmp(to, "bf_ctx") ? 'c' : !strcmp(to, "bf_packet") ? 'p' : 'f';
	}
	return btf__resolve_size(o->btf, id) == 8 ? 'l' : 'i';
}

void btf_apart_args(const struct object *o, const char *name, char args[6])
{
	int32_t id = btf__find_by_name_kind(o->btf, name, BTF_KIND_FUNC);
	const struct btf_type *proto;

	if (id < 0 || !is_apart(o, (uint32_t)id))
		return;
	proto = btf__type_by_id(o->btf, btf__type_by_id(o->btf, (uint32_t)id)->type);
	if (btf_vlen(proto) > 5 || !btf_vlen(proto))
		die(o, "%s: a function that stands apart has 1 to 5 arguments", name);
	for (unsigned i = 0; i < btf_vlen(proto); i++)
		args[i] = arg_letter(o, btf_params(proto)[i].type);
}

/* The kernel's name of a local type: what follows ___ tells apart our own views of one struct. */
static char *kernel_name(const struct object *o, const struct btf_type *t)
{
	char *name = xstrdup(btf__name_by_offset(o->btf, t->name_off));
	char *flavour = strstr(name, "___");

	if (flavour && flavour != name)
		*flavour = '\0';
	if (!*name)
		die(o, "CO-RE relocation against a type without a name");
	return name;
}

static void step_into_member(const struct object *o, const struct btf_type *t, unsigned i, struct bf_buf *path,
                             uint32_t *id)
{
	const struct btf_member *m = &btf_members(t)[i];
	const char *name = btf__name_by_offset(o->btf, m->name_off);

	if (i >= btf_vlen(t))
		die(o, "access string leaves its struct");
	if (btf_member_bitfield_size(t, i))
		die(o, "bit-field %s: read its byte by a marker member instead", name);
	if (*name)
		bf_buf_printf(path, "%s%s", path->len ? "." : "", name);
	*id = m->type;
}

/* "0:2:1" below type id -> "member.member[1]" */
static char *member_path(const struct object *o, uint32_t id, const char *access)
{
	struct bf_buf path = { 0 };
	char *end;

	if (strtoul(access, &end, 10) != 0)
		die(o, "access to an element of an array of structs: %s", access);
	while (*end == ':') {
		unsigned i = (unsigned)strtoul(end + 1, &end, 10);
		const struct btf_type *t = resolve(o, &id);

		if (btf_is_composite(t)) {
			step_into_member(o, t, i, &path, &id);
		} else if (btf_is_array(t)) {
			bf_buf_printf(&path, "[%u]", i);
			id = btf_array(t)->type;
		} else {
			die(o, "access string %s goes into a scalar", access);
		}
	}
	if (path.err || *end)
		die(o, "cannot read access string %s", access);
	return path.data ? path.data : xstrdup("");
}

/* The value of an enumerator is asked for as the offset of a member. */
static struct bf_rt_reloc enum_value(const struct object *o, const struct func *f, const struct bpf_core_relo *c,
                                     const struct btf_type *t, const char *access)
{
	const struct btf_enum *e = &btf_enum(t)[strtoul(access, NULL, 10)];

	return (struct bf_rt_reloc){ .insn = c->insn_off / 8 - f->begin,
	                             .kind = BF_RELOC_OFFSET,
	                             .symbol = kernel_name(o, t),
	                             .member = xstrdup(btf__name_by_offset(o->btf, e->name_off)) };
}

static void read_core_reloc(struct object *o, size_t section, const struct bpf_core_relo *c)
{
	struct func *f = func_at(o, section, c->insn_off / 8);
	uint32_t id = c->type_id;
	const struct btf_type *t = resolve(o, &id);
	const char *access = btf__name_by_offset(o->btf, c->access_str_off);
	struct bf_rt_reloc r = { 0 };

	if (!f)
		die(o, "CO-RE relocation outside of functions");
	if (c->kind == BPF_CORE_ENUMVAL_VALUE && btf_is_enum(t))
		return add_reloc(f, enum_value(o, f, c, t, access));
	if (!btf_is_composite(t))
		die(o, "%s: CO-RE relocation against something that is no struct", f->name);
	r.insn = c->insn_off / 8 - f->begin;
	r.symbol = kernel_name(o, t);
	switch (c->kind) {
	case BPF_CORE_FIELD_BYTE_OFFSET:
		r.kind = BF_RELOC_OFFSET;
		break;
	case BPF_CORE_FIELD_BYTE_SIZE:
		r.kind = BF_RELOC_SIZE;
		break;
	case BPF_CORE_FIELD_EXISTS:
	case BPF_CORE_TYPE_EXISTS:
		r.kind = BF_RELOC_EXISTS;
		break;
	case BPF_CORE_TYPE_ID_TARGET:
		r.kind = BF_RELOC_BTF_ID;
		break;
	default:
		die(o, "%s: CO-RE relocation of kind %u is not supported", f->name, c->kind);
	}
	if (c->kind < BPF_CORE_TYPE_ID_LOCAL)
		r.member = member_path(o, id, access);
	add_reloc(f, r);
}

static size_t section_by_name(const struct object *o, const char *name)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(o->elf, scn));)
		if (!strcmp(section_name(o, elf_ndxscn(scn)), name))
			return elf_ndxscn(scn);
	die(o, "no section %s", name);
}

void read_core_relocs(struct object *o)
{
	const struct ext_header *h = (const void *)o->ext;
	const uint8_t *p, *end;
	uint32_t record;

	if (o->ext_len < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) || !h->core_relo_len)
		return;
	if ((uint64_t)h->hdr_len + h->core_relo_off + h->core_relo_len > o->ext_len || h->core_relo_len < 4)
		die(o, "bad .BTF.ext");
	p = o->ext + h->hdr_len + h->core_relo_off;
	end = p + h->core_relo_len;
	record = *(const uint32_t *)(const void *)p;
	if (record < sizeof(struct bpf_core_relo))
		die(o, "bad CO-RE record size %u", record);
	for (p += 4; p < end;) {
		const struct ext_section *s = (const void *)p;
		size_t section = section_by_name(o, btf__name_by_offset(o->btf, s->name));

		p += sizeof(*s);
		if ((uint64_t)s->n * record > (uint64_t)(end - p))
			die(o, "bad .BTF.ext");
		for (uint32_t i = 0; i < s->n; i++, p += record)
			read_core_reloc(o, section, (const void *)p);
	}
}
