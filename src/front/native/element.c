/* SPDX-License-Identifier: GPL-2.0-only */
/* element.c: rules that put elements into sets. */
#include "front/native/parse.h"

static bool set_word(struct bf_nparser *p, struct bf_ast_word *out)
{
	out->loc = bf_p_loc(p);
	return bf_p_expect(p, '@', "'@' and the name of a set") && bf_p_name(p, "the name of a set", out);
}

static bool type_elem(struct bf_nparser *p, struct bf_ast_stmt *s, struct bf_ast_loc loc)
{
	struct bf_types key;

	bf_native_types_of(s->element.elem->key, &key);
	if (!key.n)
		return bf_p_error(p, loc, "what is put into a set comes from the packet: a field");
	if (s->element.elem->data) { /* by the map's type, when all of the table is read */
		struct bf_nlater *l = bf_p_new(p, struct bf_nlater);

		if (!l)
			return false;
		*l = (struct bf_nlater){ p->later, s };
		p->later = l;
	}
	return bf_p_resolve(p, s->element.elem->key, &key, NULL);
}

void bf_p_later(struct bf_nparser *p)
{
	struct bf_types key, data;

	for (struct bf_nlater *l = p->later; l; l = l->next) {
		struct bf_ast_set *set = bf_p_find_set(p, l->stmt->element.set.text);

		if (!set)
			continue;
		bf_native_set_types(set, &key, &data);
		if (set->map)
			bf_p_resolve(p, l->stmt->element.elem->data, &data, NULL);
		else
			bf_p_error(p, l->stmt->element.elem->data->loc, "'%s' is a set, it has no data", set->name.text);
	}
	p->later = NULL;
}

/* add @set { ip saddr timeout 30s } */
bool bf_p_element(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_loc loc;

	s->kind = BF_STMT_ELEMENT;
	s->element.verb = p->lex.text[s->loc.at];
	if (!set_word(p, &s->element.set) || !bf_p_expect(p, '{', "'{'"))
		return false;
	loc = bf_p_loc(p);
	s->element.elem = bf_p_elem(p, true);
	if (!s->element.elem)
		return bf_p_skip(p), bf_p_eat(p, '}'), false;
	if (s->element.elem->more && s->element.elem->more->comment)
		return bf_p_error(p, loc, "what rules add has no comment"), bf_p_skip(p), bf_p_eat(p, '}'), false;
	return bf_p_expect(p, '}', "'}'") && type_elem(p, s, loc);
}

/* set add ip saddr timeout 30s @set */
bool bf_p_old_element(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_loc loc = bf_p_loc(p);

	s->kind = BF_STMT_ELEMENT;
	s->element.verb = p->tok.text[0];
	bf_p_next(p);
	s->element.elem = bf_p_elem(p, true);
	return s->element.elem && set_word(p, &s->element.set) && type_elem(p, s, loc);
}
