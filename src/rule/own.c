/* SPDX-License-Identifier: GPL-2.0-only */
/* own.c: the fields that a ruleset has beside those of the table (field.h). Conditions are compared by the field's address,
 * so there is one object for each content. */
#include "rule/rule.h"

struct bf_own_field {
	struct bf_own_field *next;
	struct bf_field field;
};

static bool same(const struct bf_field *a, const struct bf_field *b)
{
	return a->loader == b->loader && a->loader_arg == b->loader_arg && a->bits == b->bits && a->type == b->type &&
	       a->family == b->family && a->word == b->word && a->shift == b->shift && a->needs == b->needs &&
	       !strcmp(a->name, b->name);
}

static size_t bucket(const struct bf_ruleset *rs, const struct bf_field *f)
{
	uint64_t h = (f->loader_arg ^ (uint64_t)f->loader << 56) * 0x9e3779b97f4a7c15u;

	return (h >> 32) % BF_ARRAY_SIZE(rs->fields);
}

const struct bf_field *bf_ruleset_field(struct bf_ruleset *rs, const struct bf_field *f)
{
	struct bf_own_field **list = &rs->fields[bucket(rs, f)], *o;

	for (o = *list; o; o = o->next)
		if (same(&o->field, f))
			return &o->field;
	o = bf_arena_new_of(rs->arena, struct bf_own_field);
	if (!o)
		return NULL;
	o->field = *f;
	o->field.name = bf_arena_strdup(rs->arena, f->name);
	if (!o->field.name)
		return NULL;
	o->next = *list;
	*list = o;
	return &o->field;
}
