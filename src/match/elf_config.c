/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_config.c: what a user's file wants to know of the kernel's configuration:
 * variables that BTF has in .kconfig. They lie one behind the other in a map
 * of their own; the front-end asks for the values.
 */
#include <stdio.h>

#include "match/elf.h"

enum { LARGEST = 256, MOST = 64 };

static bool is(const struct btf_type *t, uint32_t kind)
{
	return t && BTF_INFO_KIND(t->info) == kind;
}

/* The variable, if .kconfig has it. */
static const struct btf_type *variable(const struct bf_elf *e, const char *name)
{
	for (uint32_t id = 1; id <= e->n_types; id++) {
		const struct btf_type *sec = e->types[id];
		const struct btf_var_secinfo *v = (const void *)(sec + 1);

		if (!is(sec, BTF_KIND_DATASEC) || strcmp(bf_elf_name(e, sec->name_off), ".kconfig"))
			continue;
		for (uint32_t i = 0; i < BTF_INFO_VLEN(sec->info); i++) {
			const struct btf_type *t = bf_elf_type(e, v[i].type);

			if (is(t, BTF_KIND_VAR) && !strcmp(bf_elf_name(e, t->name_off), name))
				return t;
		}
	}
	return NULL;
}

static bool shape(const struct bf_elf *e, uint32_t id, struct bf_users_config *c)
{
	const struct btf_type *t = bf_elf_type(e, id);
	const struct btf_array *a = (const void *)(t + 1);

	if (is(t, BTF_KIND_ARRAY)) {
		const struct btf_type *of = bf_elf_type(e, a->type);

		c->kind = BF_CONFIG_STRING;
		c->size = a->nelems;
		return is(of, BTF_KIND_INT) && of->size == 1 && c->size && c->size <= LARGEST;
	}
	if (!is(t, BTF_KIND_INT) && !is(t, BTF_KIND_ENUM))
		return false;
	c->size = t->size;
	c->kind = is(t, BTF_KIND_ENUM)                                   ? BF_CONFIG_TRISTATE :
	          BTF_INT_ENCODING(*(const uint32_t *)(t + 1)) & BTF_INT_BOOL ? BF_CONFIG_BOOL : BF_CONFIG_NUMBER;
	return c->size == 1 || c->size == 2 || c->size == 4 || c->size == 8;
}

static int make_map(struct bf_elf *e)
{
	struct bf_map_spec *m = &e->maps[e->n_maps];
	char text[16];

	snprintf(text, sizeof(text), "%s.kcfg", e->id);
	*m = (struct bf_map_spec){ .role = BF_MAP_RODATA, .type = BPF_MAP_TYPE_ARRAY, .key_size = sizeof(uint32_t), .max_entries = 1 };
	m->name = bf_arena_strdup(e->arena, text);
	m->init = bf_arena_array(e->arena, LARGEST * MOST / 8, uint64_t);
	e->configs = bf_arena_array(e->arena, MOST, struct bf_users_config);
	if (!m->name || !m->init || !e->configs)
		return -ENOMEM;
	e->config = m;
	e->n_maps++;
	return 0;
}

static int add(struct bf_elf *e, const char *name, const struct btf_type *var, bool weak)
{
	struct bf_users_config *c;
	int err = e->config ? 0 : make_map(e);

	if (err)
		return err;
	if (e->n_configs == MOST)
		return bf_elf_error(e, -EOPNOTSUPP, "it asks more than %d options of the kernel", MOST);
	c = &e->configs[e->n_configs];
	*c = (struct bf_users_config){ .name = bf_arena_strdup(e->arena, name), .weak = weak, .at = e->config->value_size };
	if (!c->name)
		return -ENOMEM;
	if (!shape(e, var->type, c))
		return bf_elf_error(e, -EOPNOTSUPP, "its variable \"%s\" is of a type that no option of the kernel has", name);
	c->value = (char *)(uintptr_t)e->config->init + c->at;
	e->config->value_size = (uint32_t)BF_ALIGN(c->at + c->size, 8u);
	e->config->init_len = e->config->value_size;
	e->n_configs++;
	return 0;
}

int bf_elf_config(struct bf_elf *e, const char *name, bool weak, int32_t imm, struct bf_rt_reloc *r)
{
	const struct btf_type *var = variable(e, name);
	uint32_t i = 0;
	int err = 0;

	if (!var)
		return -ENOENT;
	while (i < e->n_configs && strcmp(e->configs[i].name, name))
		i++;
	if (i == e->n_configs)
		err = add(e, name, var, weak);
	if (err)
		return err;
	if (imm < 0 || (uint32_t)imm >= e->configs[i].size)
		return bf_elf_broken(e);
	r->kind = BF_RELOC_MAP_VALUE;
	r->symbol = e->config->name;
	r->addend = (int32_t)e->configs[i].at + imm;
	return 0;
}

static bool put_number(const struct bf_users_config *c, uint64_t v)
{
	const uint8_t v8 = (uint8_t)v;
	const uint16_t v16 = (uint16_t)v;
	const uint32_t v32 = (uint32_t)v;
	const void *from = c->size == 1 ? (const void *)&v8 : c->size == 2 ? (const void *)&v16 : c->size == 4 ? (const void *)&v32 : &v;

	memcpy(c->value, from, c->size);
	return c->size == 8 || v >> 8 * c->size == 0 || -v >> (8 * c->size - 1) == 0;
}

bool bf_users_config_put(const struct bf_users_config *c, const char *text)
{
	uint64_t v = strlen(text) == 1 && strchr("nym", *text) ? (*text == 'y' ? 1u : *text == 'm' ? 2u : 0u) : 3;
	size_t len = strlen(text);
	char *end;

	switch (c->kind) {
	case BF_CONFIG_STRING:
		if (len < 2 || *text != '"' || text[len - 1] != '"')
			return false;
		memcpy(c->value, text + 1, BF_MIN(len - 2, c->size - 1ul)); /* libbpf cuts it off, too */
		return true;
	case BF_CONFIG_BOOL: return v < 2 && put_number(c, v);
	case BF_CONFIG_TRISTATE: return v < 3 && put_number(c, v);
	default: break;
	}
	v = strtoull(text, &end, 0);
	return end != text && !*end && put_number(c, v);
}
