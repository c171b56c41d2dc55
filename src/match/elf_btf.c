/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_btf.c: maps as libbpf has them in BTF: a variable in section .maps, of a
 * struct whose members say what it is:
 *
 *   int (*type)[BPF_MAP_TYPE_HASH];     __uint(type, ...): the number of elements of an array that is pointed to
 *   typeof(u32) *key;                   __type(key, u32): what is pointed to
 *
 * libbpf itself falls over files that are damaged, so little of BTF
 * (linux/btf.h) is read here: where each type begins, once, and then names,
 * pointers, arrays and sizes.
 */
#include "match/elf.h"

#include <stdio.h>

enum { DEEPEST = 32, ENUM64 = 19, TYPE_TAG = 18 };

/* Bytes behind the head of a type; -1: no such kind. */
static long tail_of(const struct btf_type *t)
{
	uint32_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (long)(n * sizeof(struct btf_member));
	case BTF_KIND_ENUM:
		return (long)(n * sizeof(struct btf_enum));
	case BTF_KIND_FUNC_PROTO:
		return (long)(n * sizeof(struct btf_param));
	case BTF_KIND_DATASEC:
		return (long)(n * sizeof(struct btf_var_secinfo));
	case ENUM64:
		return n * 12l;
	default:
		return BTF_INFO_KIND(t->info) && BTF_INFO_KIND(t->info) <= ENUM64 ? 0 : -1;
	}
}

static bool add_types(struct bf_elf *e, const char *at, size_t len)
{
	while (len >= sizeof(struct btf_type)) {
		const struct btf_type *t = (const void *)at;
		long tail = tail_of(t);

		if (tail < 0 || (size_t)tail > len - sizeof(*t))
			return false;
		e->types[++e->n_types] = t;
		at += sizeof(*t) + (size_t)tail;
		len -= sizeof(*t) + (size_t)tail;
	}
	return !len;
}

int bf_elf_types(struct bf_elf *e, const void *btf, size_t len)
{
	struct btf_header h;
	const char *begin;

	if (len < sizeof(h))
		return bf_elf_error(e, -EINVAL, "its types (.BTF) are damaged");
	memcpy(&h, btf, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len > len || h.type_off % 4 || h.hdr_len % 4 || h.type_off > len - h.hdr_len ||
	    h.type_len > len - h.hdr_len - h.type_off || h.str_off > len - h.hdr_len || h.str_len > len - h.hdr_len - h.str_off ||
	    !h.str_len)
		return bf_elf_error(e, -EINVAL, "its types (.BTF) are damaged");
	e->n_types = 0; /* a damaged file may have two such sections */
	begin = bf_arena_memdup(e->arena, btf, len); /* aligned */
	e->types = bf_arena_array(e->arena, h.type_len / sizeof(struct btf_type) + 2, const struct btf_type *);
	if (!begin || !e->types)
		return -ENOMEM;
	e->strings = begin + h.hdr_len + h.str_off;
	e->strings_len = h.str_len;
	if (e->strings[h.str_len - 1] || !add_types(e, begin + h.hdr_len + h.type_off, h.type_len))
		return bf_elf_error(e, -EINVAL, "its types (.BTF) are damaged");
	return 0;
}

const char *bf_elf_name(const struct bf_elf *e, uint32_t off)
{
	return off < e->strings_len ? e->strings + off : "";
}

/* NULL: no such type. Names for types and const are looked through. */
const struct btf_type *bf_elf_type(const struct bf_elf *e, uint32_t id)
{
	for (int depth = 0; id && id <= e->n_types && depth < DEEPEST; depth++) {
		const struct btf_type *t = e->types[id];

		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case TYPE_TAG:
			id = t->type;
			break;
		default:
			return t;
		}
	}
	return NULL;
}

static bool is(const struct btf_type *t, uint32_t kind)
{
	return t && BTF_INFO_KIND(t->info) == kind;
}

static const struct btf_array *array(const struct btf_type *t)
{
	return (const void *)(t + 1);
}

/* 0: not to be known. */
static uint64_t size_of(const struct bf_elf *e, uint32_t id)
{
	uint64_t n = 1;

	for (int depth = 0; depth < DEEPEST; depth++) {
		const struct btf_type *t = bf_elf_type(e, id);

		if (is(t, BTF_KIND_PTR))
			return n * 8;
		if (is(t, BTF_KIND_INT) || is(t, BTF_KIND_STRUCT) || is(t, BTF_KIND_UNION) || is(t, BTF_KIND_ENUM) || is(t, ENUM64))
			return n * t->size;
		if (!is(t, BTF_KIND_ARRAY) || n > INT32_MAX)
			return 0;
		n *= array(t)->nelems;
		id = array(t)->type;
	}
	return 0;
}

static bool number(const struct bf_elf *e, const struct btf_member *m, uint32_t *out)
{
	const struct btf_type *p = bf_elf_type(e, m->type), *t = is(p, BTF_KIND_PTR) ? bf_elf_type(e, p->type) : NULL;

	if (!is(t, BTF_KIND_ARRAY))
		return false;
	*out = array(t)->nelems;
	return true;
}

static bool size(const struct bf_elf *e, const struct btf_member *m, uint32_t *out)
{
	const struct btf_type *p = bf_elf_type(e, m->type);
	uint64_t n = is(p, BTF_KIND_PTR) ? size_of(e, p->type) : 0;

	*out = (uint32_t)n;
	return n && n <= INT32_MAX;
}

static int member(struct bf_elf *e, const char *map, const struct btf_member *m, struct bf_map_spec *out)
{
	const char *name = bf_elf_name(e, m->name_off);
	bool ok;

	if (!strcmp(name, "type"))
		ok = number(e, m, &out->type);
	else if (!strcmp(name, "max_entries"))
		ok = number(e, m, &out->max_entries);
	else if (!strcmp(name, "map_flags"))
		ok = number(e, m, &out->map_flags);
	else if (!strcmp(name, "key_size"))
		ok = number(e, m, &out->key_size);
	else if (!strcmp(name, "value_size"))
		ok = number(e, m, &out->value_size);
	else if (!strcmp(name, "key"))
		ok = size(e, m, &out->key_size);
	else if (!strcmp(name, "value"))
		ok = size(e, m, &out->value_size);
	else
		return bf_elf_error(e, -EOPNOTSUPP, "its map \"%s\" has a \"%s\", which is not served", map, name);
	return ok ? 0 : bf_elf_error(e, -EINVAL, "its map \"%s\": what is its %s?", map, name);
}

/* Maps that lead to other objects, or belong to sockets, cgroups, tasks, are left out. */
static bool served(uint32_t kind)
{
	static const uint32_t kinds[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
		BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK,
		BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_BLOOM_FILTER };

	for (size_t i = 0; i < BF_ARRAY_SIZE(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

static int describe(struct bf_elf *e, const char *name, uint32_t id, struct bf_map_spec *out)
{
	const struct btf_type *t = bf_elf_type(e, id);
	const struct btf_member *m = (const void *)(t + 1);
	int err = 0;

	if (!is(t, BTF_KIND_STRUCT))
		return bf_elf_error(e, -EINVAL, "its map \"%s\" is not described by a struct", name);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info) && !err; i++)
		err = member(e, name, &m[i], out);
	if (!err && !served(out->type))
		return bf_elf_error(e, -EOPNOTSUPP, "its map \"%s\" is of a type (%u) that is not served", name, out->type);
	return err;
}

int bf_elf_map(struct bf_elf *e, const char *name, struct bf_map_spec *out)
{
	if (!e->n_types)
		return bf_elf_error(e, -EINVAL, "it has maps, but no types of them (compile it with -g)");
	for (uint32_t id = 1; id <= e->n_types; id++)
		if (is(e->types[id], BTF_KIND_VAR) && !strcmp(bf_elf_name(e, e->types[id]->name_off), name))
			return describe(e, name, e->types[id]->type, out);
	return bf_elf_error(e, -EINVAL, "its map \"%s\" has no type", name);
}

/* Bytes behind the pointer that is argument i; 0: there is none. */
static uint32_t pointed(const struct bf_elf *e, const struct btf_type *proto, uint32_t i)
{
	const struct btf_param *p = (const void *)(proto + 1);
	const struct btf_type *t = i < BTF_INFO_VLEN(proto->info) ? bf_elf_type(e, p[i].type) : NULL;
	uint64_t n = is(t, BTF_KIND_PTR) ? size_of(e, t->type) : 0;

	return n <= INT32_MAX ? (uint32_t)n : 0;
}

bool bf_elf_args(const struct bf_elf *e, const char *name, uint32_t *key, uint32_t *value)
{
	for (uint32_t id = 1; id <= e->n_types; id++) {
		const struct btf_type *t = e->types[id], *proto;

		if (!is(t, BTF_KIND_FUNC) || strcmp(bf_elf_name(e, t->name_off), name))
			continue;
		proto = bf_elf_type(e, t->type);
		if (!is(proto, BTF_KIND_FUNC_PROTO))
			return false;
		*key = pointed(e, proto, 1);
		*value = pointed(e, proto, 2);
		return true;
	}
	return false;
}
