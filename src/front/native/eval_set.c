/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_set.c: the sets, maps and objects of a table, and what rules do with
 * them: look keys up, add and delete elements, use objects by name.
 *
 * A key that is some bits of a field (`ip dscp`) is looked up as it lies in the
 * field: the elements of a set for it are shifted. So a named set that is used
 * so is there once more, without its name; one that changes cannot be.
 */
#include "front/native/evaluate.h"

#include "front/native/native.h"
#include "front/native/parse.h"

/* ---------------------------------------------------------------- objects */

static bool add_object(struct bf_ev *ev, const struct bf_ast_obj *o, uint32_t n)
{
	static const enum bf_ast_stmt_kind kinds[] = { BF_STMT_COUNTER, BF_STMT_QUOTA, BF_STMT_LIMIT };
	const struct bf_ast_stmt none = { .kind = kinds[o->type - BF_OBJ_COUNTER], .loc = o->name.loc };
	struct bf_stateful what;

	if (!bf_ev_stateful(ev, o->state ? o->state : &none, &what))
		return false;
	ev->objects[n] = bf_table_add_object(ev->rs, ev->t, o->name.text, o->handle ? o->handle : (1ull << 62) + n, &what);
	return ev->objects[n] || bf_ev_nomem(ev);
}

static const struct bf_object *find_object(struct bf_ev *ev, enum bf_ast_object type, const struct bf_ast_expr *name)
{
	static const char *const words[] = { "counter", "quota", "limit" };
	const struct bf_ast_expr *v = bf_ast_peel(name);
	const char *text = v->kind == BF_AST_VALUE ? v->value.text : NULL;
	struct bf_suggest s;
	char hint[80];
	uint32_t n = 0;

	if (!text)
		return bf_ev_error(ev, name->loc, "the name of a %s is wanted here", words[type - BF_OBJ_COUNTER]), NULL;
	bf_suggest_start(&s, text, strlen(text));
	for (const struct bf_ast_obj *o = ev->table->objs; o; o = o->next, n++) {
		if (o->type != type)
			continue;
		if (!strcmp(o->name.text, text))
			return ev->objects[n];
		bf_suggest_try(&s, o->name.text);
	}
	bf_ev_error(ev, name->loc, "the table has no %s '%s'%s", words[type - BF_OBJ_COUNTER], text,
	            bf_suggest_text(&s, hint, sizeof(hint)));
	return NULL;
}

/* --------------------------------------------------------------- elements */

struct shape { /* of a set's elements */
	struct bf_types key, data;
	uint8_t shift[BF_NTYPE_PARTS];
	enum bf_ast_object object;
};

static unsigned width(const struct bf_types *t, unsigned i)
{
	return t->bits[i] ? t->bits[i] : t->type[i] && t->type[i]->bits ? t->type[i]->bits : 128;
}

static bool part_range(struct bf_ev *ev, const struct shape *sh, unsigned i, const struct bf_ast_expr *e,
                       struct bf_range *out)
{
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	unsigned bits = width(&sh->key, i);

	if (!bf_ev_add_values(ev, e, sh->key.type[i], bits, &r))
		return false;
	if (r.n != 1)
		return bf_ev_unserved(ev, e->loc, "an element that is not one range of values");
	out->lo = r.r[0].lo << sh->shift[i];
	out->hi = r.r[0].hi << sh->shift[i] | (bf_ast_peel(e)->kind == BF_AST_ANY ? ~(bf_u128)0 : 0);
	return true;
}

static bool key_ranges(struct bf_ev *ev, const struct bf_set *s, const struct shape *sh, const struct bf_ast_expr *e,
                       struct bf_range *out)
{
	const struct bf_ast_expr *i = bf_ast_peel(e);
	unsigned n = i->kind == BF_AST_CONCAT ? i->items.n : 1;

	if (i->kind == BF_AST_ANY) {
		for (unsigned k = 0; k < s->n_parts; k++)
			out[k] = (struct bf_range){ 0, ~(bf_u128)0 };
		return true;
	}
	if (n != s->n_parts)
		return bf_ev_error(ev, e->loc, "%u part%s, the key has %u", n, n == 1 ? "" : "s", s->n_parts);
	i = i->kind == BF_AST_CONCAT ? i->items.first : e;
	for (unsigned k = 0; k < n; k++, i = i->next)
		if (!part_range(ev, sh, k, i, &out[k]))
			return false;
	return true;
}

static bool datum_of(struct bf_ev *ev, struct bf_set *s, const struct shape *sh, const struct bf_ast_expr *e,
                     union bf_datum *out)
{
	_cleanup_ranges_ struct bf_ev_ranges r = { 0 };
	struct bf_verdict v = { 0 };
	struct bf_chain *to;

	switch (s->data) {
	case BF_DATA_NONE: return true;
	case BF_DATA_OBJECT:
		out->object = find_object(ev, sh->object, e);
		return out->object;
	case BF_DATA_VERDICT:
		if (!bf_ev_verdict(ev, e, &v.kind, &to))
			return false;
		v.chain = to;
		return !bf_set_add_verdict(ev->rs, s, &v, &out->verdict) || bf_ev_nomem(ev);
	case BF_DATA_VALUE: break;
	}
	if (!bf_ev_add_values(ev, e, sh->data.type[0], s->data_bits, &r))
		return false;
	out->value = r.r[0].lo;
	return (r.n == 1 && (r.r[0].lo == r.r[0].hi || sh->data.type[0] == &bf_ntypes[BF_T_IFNAME])) ||
	       bf_ev_error(ev, e->loc, "a map gives one value");
}

static bool states(struct bf_ev *ev, const struct bf_ast_stmt *list, struct bf_stateful *out, uint8_t *n)
{
	for (*n = 0; list; list = list->next) {
		if (*n == BF_SET_STATEFULS)
			return bf_ev_unserved(ev, list->loc, "more than %d states of an element", BF_SET_STATEFULS);
		if (!bf_ev_stateful(ev, list, &out[(*n)++]))
			return false;
	}
	return true;
}

static bool life_of(struct bf_ev *ev, const struct bf_set *s, const struct bf_ast_elem *el, struct bf_element_life *out)
{
	struct bf_stateful *list;
	uint8_t n;

	*out = (struct bf_element_life){ .timeout = el->more->has_timeout ? el->more->timeout : 0,
		                             .expires = el->more->has_expires ? el->more->expires : 0, .noted = el->more->comment };
	if (!el->more->stmts)
		return true;
	list = bf_arena_array(ev->rs->arena, BF_SET_STATEFULS, struct bf_stateful);
	if (!list)
		return bf_ev_nomem(ev);
	if (!states(ev, el->more->stmts, list, &n))
		return false;
	for (unsigned i = 0; i < n && s->n_state; i++)
		if (n != s->n_state || list[i].kind != s->state[i].kind)
			return bf_ev_unserved(ev, el->key->loc, "an element with another state than the set says");
	out->state = list;
	out->n_state = n;
	return true;
}

static bool is_prefix(const struct bf_range *r)
{
	bf_u128 differ = r->lo ^ r->hi;

	return !(differ & (differ + 1)) && !(r->lo & differ);
}

/* What is cut into prefixes counts in several places; what passes by its own limit must be in one. */
static bool may_be_box(struct bf_ev *ev, const struct bf_set *s, const struct bf_ast_elem *el, const struct bf_range *key,
                       const struct bf_element_life *life)
{
	const struct bf_stateful *state = life && life->state ? life->state : s->state;
	unsigned n = life && life->state ? life->n_state : s->n_state;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < s->n_parts && state[i].kind != BF_STATEFUL_COUNTER; k++)
			if (!is_prefix(&key[k]))
				return bf_ev_unserved(ev, el->key->loc, "a range with a limit or quota of its own that is no prefix");
	return true;
}

/* Names of interfaces are ranges as they end with their NUL; packets have nothing behind it. */
static void cut_names(const struct bf_set *s, const struct shape *sh, struct bf_range *key)
{
	for (unsigned i = 0; s->flags & BF_SET_EXACT && i < s->n_parts; i++) {
		bf_u128 differ = key[i].lo ^ key[i].hi;

		if (sh->key.type[i] == &bf_ntypes[BF_T_IFNAME] && differ + 1 && !(differ & (differ + 1)) && !(key[i].lo & differ) &&
		    !(key[i].lo & (differ + 1) * 0xff))
			key[i].hi = key[i].lo;
	}
}

static bool add_element(struct bf_ev *ev, struct bf_set *s, const struct shape *sh, const struct bf_ast_elem *el)
{
	struct bf_range key[BF_SET_PARTS];
	struct bf_element_life life;
	union bf_datum datum;
	bool live = el->more && (el->more->has_timeout || el->more->has_expires || el->more->stmts ||
	                         (el->more->comment && s->flags & BF_SET_LIVE));

	memset(&datum, 0, sizeof(datum));
	if (!key_ranges(ev, s, sh, el->key, key))
		return false;
	if (s->data != BF_DATA_NONE && !el->data)
		return bf_ev_error(ev, el->key->loc, "an element of a map without data");
	if (s->data != BF_DATA_NONE && !datum_of(ev, s, sh, el->data, &datum))
		return false;
	if (live && !life_of(ev, s, el, &life))
		return false;
	cut_names(s, sh, key);
	if (s->flags & BF_SET_BOXES && !may_be_box(ev, s, el, key, live ? &life : NULL))
		return false;
	for (unsigned i = 0; (s->flags & (BF_SET_LIVE | BF_SET_BOXES)) == BF_SET_LIVE && i < s->n_parts; i++)
		if (sh->key.type[i] == &bf_ntypes[BF_T_IFNAME]) /* with nothing behind its NUL */
			key[i].hi = key[i].lo;
		else if (key[i].lo != key[i].hi)
			return bf_ev_unserved(ev, el->key->loc, "ranges in a set whose elements come and go");
	return !bf_set_add(ev->rs, s, key, s->data == BF_DATA_NONE ? NULL : &datum, live ? &life : NULL) || bf_ev_nomem(ev);
}

/* What none of the others is, is the last. */
static bool add_elements(struct bf_ev *ev, struct bf_set *s, const struct shape *sh, const struct bf_ast_expr *set,
                         bool any)
{
	bool ok = true;

	for (const struct bf_ast_elem *i = set->set.first; i && ev->err != -ENOMEM; i = i->next) {
		const struct bf_ast_expr *key = bf_ast_peel(i->key);

		if (key->kind == BF_AST_SET)
			ok &= add_elements(ev, s, sh, key, any);
		else if ((key->kind == BF_AST_ANY) == any)
			ok &= add_element(ev, s, sh, i);
	}
	return ok;
}

static bool fill(struct bf_ev *ev, struct bf_set *s, const struct shape *sh, const struct bf_ast_expr *elements)
{
	const struct bf_ast_expr *set = elements ? bf_ast_peel(elements) : NULL;

	if (!set || set->kind != BF_AST_SET)
		return true;
	return add_elements(ev, s, sh, set, false) && add_elements(ev, s, sh, set, true);
}

static void set_data(struct bf_set *s, struct shape *sh)
{
	const struct bf_ntype *t = sh->data.n ? sh->data.type[0] : NULL;

	if (!sh->data.n)
		return;
	s->data = BF_DATA_VALUE;
	s->data_bits = (uint8_t)(sh->data.bits[0] ? sh->data.bits[0] : t && t->bits ? t->bits : 32);
	if (t && t->form == BF_FORM_VERDICT)
		s->data = BF_DATA_VERDICT;
	else if (t && t->form == BF_FORM_OBJECT)
		s->data = BF_DATA_OBJECT;
	if (s->data == BF_DATA_OBJECT)
		sh->object = t == &bf_ntypes[BF_T_COUNTER] ? BF_OBJ_COUNTER :
		             t == &bf_ntypes[BF_T_QUOTA]   ? BF_OBJ_QUOTA : BF_OBJ_LIMIT;
}

/* ------------------------------------------------------------- named sets */

static bool has_life(const struct bf_ast_expr *elements)
{
	elements = elements ? bf_ast_peel(elements) : NULL;
	if (elements && elements->kind == BF_AST_SET)
		for (const struct bf_ast_elem *i = elements->set.first; i; i = i->next)
			if ((i->more && (i->more->has_timeout || i->more->stmts)) || has_life(i->key))
				return true;
	return false;
}

/* Notes the sets that rules put elements in: they need not say so themselves. */
static bool find_changed(struct bf_ev *ev)
{
	for (const struct bf_ast_chain *c = ev->table->chains; c; c = c->next)
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
				const char *last = ev->n_changed ? ev->changed[ev->n_changed - 1] : NULL;

				if (s->kind != BF_STMT_ELEMENT || (last && !strcmp(last, s->element.set.text)))
					continue;
				if (bf_grow(&ev->changed, ev->n_changed, &ev->cap_changed, sizeof(*ev->changed)) < 0)
					return bf_ev_nomem(ev);
				ev->changed[ev->n_changed++] = s->element.set.text;
			}
	return true;
}

static bool is_changed(const struct bf_ev *ev, const struct bf_ast_set *a)
{
	for (uint32_t i = 0; i < ev->n_changed; i++)
		if (!strcmp(ev->changed[i], a->name.text))
			return true;
	return false;
}

static bool is_live(const struct bf_ev *ev, const struct bf_ast_set *a)
{
	if (is_changed(ev, a) && !(a->flags & (BF_SET_CONSTANT | BF_SET_INTERVAL)))
		return true;
	return a->flags & BF_SET_DYNAMIC || bf_ast_set_timed(a) || a->stmts || has_life(a->elements);
}

/* Elements that come may say so, whatever those that are there say. */
static bool know_verdicts(struct bf_ev *ev, struct bf_set *s)
{
	const struct bf_verdict accept = { .kind = BF_VERDICT_ACCEPT }, drop = { .kind = BF_VERDICT_DROP };
	uint32_t number;

	if (!(s->flags & BF_SET_EXACT) || s->data != BF_DATA_VERDICT)
		return true;
	return (!bf_set_add_verdict(ev->rs, s, &accept, &number) && !bf_set_add_verdict(ev->rs, s, &drop, &number)) || bf_ev_nomem(ev);
}

static bool add_set(struct bf_ev *ev, const struct bf_ast_set *a, uint32_t n)
{
	struct shape sh = { 0 };
	struct bf_set *s = bf_table_add_set(ev->rs, ev->t, a->name.text);

	if (!s)
		return bf_ev_nomem(ev);
	ev->sets[n] = s;
	bf_native_set_types(a, &sh.key, &sh.data);
	s->id = a->handle ? a->handle : (1ull << 62) + n;
	s->n_parts = (uint8_t)sh.key.n;
	for (uint32_t i = 0; i < sh.key.n; i++)
		s->bits[i] = (uint8_t)width(&sh.key, i);
	if (!s->n_parts || bf_set_words(s) > BF_SET_WORDS)
		return bf_ev_unserved(ev, a->name.loc, "keys of '%s' are wider than %d bits", a->name.text, 32 * BF_SET_WORDS);
	if (a->map)
		set_data(s, &sh);
	if (sh.data.n > 1)
		return bf_ev_unserved(ev, a->name.loc, "maps to concatenations");
	if (is_live(ev, a))
		s->flags |= BF_SET_LIVE | (a->flags & BF_SET_INTERVAL ? BF_SET_BOXES : 0);
	else if (!a->map && s->n_parts == 1 && !(a->flags & BF_SET_CONSTANT))
		s->flags |= BF_SET_OPEN | (a->flags & BF_SET_INTERVAL ? 0 : BF_SET_SINGLE);
	else if (!(a->flags & (BF_SET_CONSTANT | BF_SET_INTERVAL)) && (s->data == BF_DATA_NONE || s->data == BF_DATA_VERDICT))
		s->flags |= BF_SET_EXACT;
	if (a->size > UINT32_MAX)
		return bf_ev_error(ev, a->name.loc, "a set has at most %u elements", UINT32_MAX);
	if (s->flags & BF_SET_BOXES && (s->n_parts > BF_LIVE_PARTS || bf_set_words(s) == BF_SET_WORDS))
		return bf_ev_unserved(ev, a->name.loc, "ranges of more than %d parts or %d bits whose elements come and go",
		                      BF_LIVE_PARTS, 32 * BF_SET_WORDS - 32);
	if (s->flags & BF_SET_LIVE && !a->has_size && !(a->flags & BF_SET_DYNAMIC) && !is_changed(ev, a))
		s->flags |= BF_SET_GROWS;
	s->size = a->has_size ? (uint32_t)a->size : 0;
	s->timeout = a->has_timeout ? a->timeout : 0;
	return states(ev, a->stmts, s->state, &s->n_state) && fill(ev, s, &sh, a->elements) && know_verdicts(ev, s);
}

bool bf_ev_sets(struct bf_ev *ev)
{
	uint32_t n = 0, n_objects = 0;

	for (const struct bf_ast_set *s = ev->table->sets; s; s = s->next)
		n++;
	for (const struct bf_ast_obj *o = ev->table->objs; o; o = o->next)
		n_objects++;
	ev->sets = bf_arena_array(ev->rs->arena, n + 1, struct bf_set *);
	ev->objects = bf_arena_array(ev->rs->arena, n_objects + 1, struct bf_object *);
	if (!ev->sets || !ev->objects)
		return bf_ev_nomem(ev);
	if (!find_changed(ev))
		return false;
	n = n_objects = 0;
	for (const struct bf_ast_obj *o = ev->table->objs; o && ev->err != -ENOMEM; o = o->next)
		add_object(ev, o, n_objects++);
	for (const struct bf_ast_set *s = ev->table->sets; s && ev->err != -ENOMEM; s = s->next)
		add_set(ev, s, n++);
	return ev->err != -ENOMEM;
}

static struct bf_set *model_of(struct bf_ev *ev, const struct bf_ast_set *a)
{
	uint32_t n = 0;

	for (const struct bf_ast_set *s = ev->table->sets; s != a; s = s->next)
		n++;
	return ev->sets[n];
}

bool bf_ev_spread_set(struct bf_ev *ev, const struct bf_ast_set *a, struct bf_ast_loc loc)
{
	if (ev->env && ev->env->no_elements)
		return bf_ev_unserved(ev, loc, "the elements of '%s' are not told", a->name.text);
	model_of(ev, a)->flags &= ~(uint32_t)(BF_SET_OPEN | BF_SET_EXACT);
	return true;
}

/* ------------------------------------------------------------------- keys */

/* A field under a mask, and how far up it lies in the field. */
static bool key_part(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *e, struct bf_key_part *out,
                     uint8_t *shift)
{
	bf_u128 mask = ~(bf_u128)0, c;
	struct bf_native_key k = { 0 };
	const struct bf_ast_expr *f = bf_ast_peel(e);
	struct bf_types t;

	bf_native_types_of(e, &t);
	for (; f->kind == BF_AST_BINOP; f = bf_ast_peel(f->two.l)) {
		if (f->two.op != BF_OP_AND)
			return bf_ev_unserved(ev, f->loc, "only & can be done with what is looked up");
		if (!bf_ev_number(ev, f->two.r, t.type[0], &c))
			return false;
		mask &= c;
	}
	if (!bf_ev_key(ev, f, &k) || !bf_ev_depends(ev, d, f, &k))
		return false;
	if (k.values)
		return bf_ev_unserved(ev, f->loc, "this cannot be looked up");
	*shift = k.shift;
	mask = (mask & bf_ev_ones(k.bits)) << k.shift;
	*out = (struct bf_key_part){ k.field, mask == bf_field_ones(k.field) ? 0 : mask };
	return true;
}

static bool key_parts(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, struct bf_lookup *l,
                      struct shape *sh)
{
	const struct bf_ast_expr *e = bf_ast_peel(key);
	unsigned n = e->kind == BF_AST_CONCAT ? e->items.n : 1;

	if (n > BF_SET_PARTS)
		return bf_ev_error(ev, key->loc, "more than %d parts", BF_SET_PARTS);
	bf_native_types_of(key, &sh->key);
	e = e->kind == BF_AST_CONCAT ? e->items.first : e;
	for (unsigned i = 0; i < n; i++, e = e->next)
		if (!key_part(ev, d, e, &l->part[i], &sh->shift[i]))
			return false;
	return true;
}

static bool shifted(const struct shape *sh)
{
	for (unsigned i = 0; i < BF_NTYPE_PARTS; i++)
		if (sh->shift[i])
			return true;
	return false;
}

/* A set of these elements for that key. */
static struct bf_set *own_set(struct bf_ev *ev, const struct bf_lookup *l, struct shape *sh,
                              const struct bf_ast_expr *elements, const struct bf_types *data)
{
	struct bf_set *s = bf_table_add_set(ev->rs, ev->t, NULL);

	if (!s)
		return bf_ev_nomem(ev), NULL;
	s->id = 1ull << 63 | ev->rule->handle << 16 | (++ev->states & 0xffff);
	s->n_parts = (uint8_t)BF_MAX(sh->key.n, 1u);
	for (unsigned i = 0; i < s->n_parts; i++)
		s->bits[i] = l->part[i].field->bits;
	if (data)
		sh->data = *data;
	set_data(s, sh);
	if (has_life(elements))
		s->flags |= BF_SET_LIVE;
	if (bf_set_words(s) > BF_SET_WORDS)
		return bf_ev_unserved(ev, elements->loc, "keys wider than %d bits", 32 * BF_SET_WORDS), NULL;
	return fill(ev, s, sh, elements) ? s : NULL;
}

bool bf_ev_lookup(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key, const struct bf_ast_expr *set,
                  const struct bf_types *data, struct bf_lookup *l)
{
	const struct bf_ast_expr *v = bf_ast_peel(set);
	const struct bf_ast_set *a;
	struct shape sh = { 0 };

	*l = (struct bf_lookup){ 0 };
	if (!key_parts(ev, d, key, l, &sh))
		return false;
	if (v->kind == BF_AST_SET)
		return l->set = own_set(ev, l, &sh, v, data), l->set;
	a = bf_ev_set_find(ev, v, data != NULL);
	if (!a || !bf_ev_same_keys(ev, key, set, a))
		return false;
	l->set = model_of(ev, a);
	if (!shifted(&sh))
		return true;
	if (l->set->flags & BF_SET_LIVE)
		return bf_ev_unserved(ev, key->loc, "some bits of a byte in a set whose elements come and go");
	if (!bf_ev_spread_set(ev, a, key->loc))
		return false;
	bf_native_set_types(a, &sh.key, &sh.data);
	return l->set = own_set(ev, l, &sh, a->elements, a->map ? &sh.data : NULL), l->set;
}

/* -------------------------------------------------------------- statements */

bool bf_ev_in_named(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_expr *key,
                    const struct bf_ast_expr *set, bool neg)
{
	struct bf_lookup l;

	return bf_ev_lookup(ev, d, key, set, NULL, &l) && bf_ev_add_match(ev, d, &bf_match_lookup, &l, neg);
}

static bool object_by_map(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s,
                          const struct bf_ast_expr *map)
{
	static const enum bf_ntype_id types[] = { BF_T_COUNTER, BF_T_QUOTA, BF_T_LIMIT };
	struct bf_types data = { .type = { &bf_ntypes[types[s->object.type - BF_OBJ_COUNTER]] }, .n = 1 };
	struct bf_lookup l;
	char nothing = 0;

	return bf_ev_lookup(ev, d, map->two.l, map->two.r, &data, &l) &&
	       bf_ev_add_match(ev, d, &bf_match_lookup, &l, false) &&
	       bf_ev_add_match(ev, d, &bf_match_found_object, &nothing, false);
}

bool bf_ev_object(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *name = bf_ast_peel(s->object.name);
	struct bf_object_use use;

	if (name->kind == BF_AST_MAP)
		return object_by_map(ev, d, s, name);
	use.object = find_object(ev, s->object.type, s->object.name);
	return use.object && bf_ev_add_match(ev, d, &bf_match_object, &use, false);
}

static bool element_data(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_elem *el, struct bf_set *s,
                         struct bf_element_change *c)
{
	const struct bf_ast_expr *v = el->data ? bf_ast_peel(el->data) : NULL;
	uint8_t shift = 0;

	if (s->data == BF_DATA_NONE || c->verb == BF_ELEMENT_DELETE)
		return true;
	if (!v)
		return bf_ev_error(ev, el->key->loc, "an element of a map without data");
	if (s->data != BF_DATA_VALUE)
		return bf_ev_unserved(ev, v->loc, "rules put values into maps, not verdicts or objects");
	if (v->kind != BF_AST_KEY && v->kind != BF_AST_BINOP)
		return bf_ev_number(ev, v, NULL, &c->value);
	if (!key_part(ev, d, v, &c->data, &shift))
		return false;
	return !shift || bf_ev_unserved(ev, v->loc, "some bits of a byte as data");
}

static enum bf_element_verb verb_of(const struct bf_ast_stmt *s)
{
	switch (s->element.verb) {
	case 'a': return BF_ELEMENT_ADD;
	case 'u': return BF_ELEMENT_UPDATE;
	default: return BF_ELEMENT_DELETE;
	}
}

bool bf_ev_element(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	const struct bf_ast_elem *el = s->element.elem;
	const struct bf_ast_expr ref = { .kind = BF_AST_SETREF, .loc = s->element.set.loc, .name = s->element.set };
	struct bf_element_change c = { .verb = verb_of(s) };
	const struct bf_ast_set *a = NULL;
	struct bf_stateful *list;
	struct shape sh = { 0 };
	struct bf_set *set;

	for (const struct bf_ast_set *i = ev->table->sets; i && !a; i = i->next)
		a = strcmp(i->name.text, s->element.set.text) ? NULL : i;
	if (!a)
		return bf_ev_set_find(ev, &ref, el->data != NULL), false;
	set = model_of(ev, a);
	if (a->flags & (BF_SET_CONSTANT | BF_SET_INTERVAL))
		return bf_ev_error(ev, s->element.set.loc, "rules cannot change '%s': it is constant or has ranges", a->name.text);
	if (!bf_ev_same_keys(ev, el->key, &ref, a) || !key_parts(ev, d, el->key, &c.key, &sh))
		return false;
	if (shifted(&sh))
		return bf_ev_unserved(ev, el->key->loc, "some bits of a byte in a set that rules change");
	c.key.set = set;
	c.timeout = el->more && el->more->has_timeout ? el->more->timeout : 0;
	if (el->more && el->more->stmts) {
		list = bf_arena_array(ev->rs->arena, BF_SET_STATEFULS, struct bf_stateful);
		if (!list)
			return bf_ev_nomem(ev);
		if (!states(ev, el->more->stmts, list, &c.n_state))
			return false;
		c.state = list;
	}
	return element_data(ev, d, el, set, &c) && bf_ev_add_match(ev, d, &bf_match_element, &c, false);
}
