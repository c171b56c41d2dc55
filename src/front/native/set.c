/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.c: sets and maps with a name. Elements are typed when the block is
 * whole: the type may stand behind them.
 */
#include "front/native/parse.h"

static uint32_t bucket(const char *table, const char *name)
{
	uint32_t h = 5381;

	for (; *table; table++)
		h = h * 33 ^ (unsigned char)*table;
	for (; *name; name++)
		h = h * 33 ^ (unsigned char)*name;
	return h % BF_PARSE_BUCKETS;
}

struct bf_ast_set *bf_p_find_set(struct bf_nparser *p, const char *name)
{
	struct bf_nset_ref *r = p->sets[bucket(p->table, name)];

	while (r && (r->family != p->family || strcmp(r->table, p->table) || strcmp(r->set->name.text, name)))
		r = r->next;
	return r ? r->set : NULL;
}

static bool remember(struct bf_nparser *p, struct bf_ast_set *s)
{
	struct bf_nset_ref *r = bf_p_new(p, struct bf_nset_ref);
	uint32_t b = bucket(p->table, s->name.text);

	if (!r)
		return false;
	*r = (struct bf_nset_ref){ p->sets[b], p->family, p->table, s };
	p->sets[b] = r;
	return true;
}

static bool unknown_type(struct bf_nparser *p, bool data)
{
	struct bf_suggest s;

	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (size_t i = 0; i < BF_NTYPES; i++)
		if (data || bf_ntypes[i].form < BF_FORM_VERDICT)
			bf_suggest_try(&s, bf_ntypes[i].name);
	return bf_p_unknown(p, bf_p_loc(p), "unknown type", &s);
}

/* a . b . c */
static bool read_types(struct bf_nparser *p, const struct bf_ntype **out, uint32_t *n, bool data)
{
	do {
		const struct bf_ntype *t;

		if (p->tok.kind != BF_TOK_WORD)
			return bf_p_unexpected(p, "a type");
		t = bf_ntype_find(p->tok.text, p->tok.n);
		if (!t || (!data && t->form >= BF_FORM_VERDICT))
			return unknown_type(p, data);
		if (*n == BF_NTYPE_PARTS)
			return bf_p_error(p, bf_p_loc(p), "a key has at most %d parts", BF_NTYPE_PARTS);
		out[(*n)++] = t;
		bf_p_next(p);
	} while (bf_p_eat(p, '.'));
	return true;
}

static bool read_type(struct bf_nparser *p, struct bf_ast_set *s)
{
	if (s->n_key)
		return bf_p_error(p, bf_p_loc(p), "the type is there already");
	if (!read_types(p, s->key, &s->n_key, false))
		return false;
	if (s->map)
		return bf_p_expect(p, ':', "':' and the type of the data") && read_types(p, s->data, &s->n_data, true);
	return p->tok.kind != ':' || bf_p_error(p, bf_p_loc(p), "a set has no data; a map has");
}

static bool types_of(struct bf_nparser *p, const struct bf_ast_expr *e, const struct bf_ntype **out, uint32_t *n)
{
	struct bf_types t;

	bf_native_types_of(e, &t);
	for (*n = 0; *n < t.n; ++*n)
		out[*n] = t.type[*n];
	return t.n || bf_p_error(p, e->loc, "this has no type");
}

/* typeof ip saddr . tcp dport : meta mark */
static bool read_typeof(struct bf_nparser *p, struct bf_ast_set *s)
{
	static const struct bf_pctx c = { .keys = true };
	static const struct {
		const char *word;
		enum bf_ntype_id type;
	} words[] = {
		{ "verdict", BF_T_VERDICT }, { "counter", BF_T_COUNTER }, { "quota", BF_T_QUOTA }, { "limit", BF_T_LIMIT }
	};

	if (s->n_key)
		return bf_p_error(p, bf_p_loc(p), "the type is there already");
	s->key_of = bf_p_concat(p, &c);
	if (!s->key_of || !types_of(p, s->key_of, s->key, &s->n_key))
		return false;
	if (!s->map)
		return true;
	if (!bf_p_expect(p, ':', "':' and what the data is"))
		return false;
	for (size_t i = 0; i < BF_ARRAY_SIZE(words); i++)
		if (bf_p_eat_word(p, words[i].word)) {
			s->data[s->n_data++] = &bf_ntypes[words[i].type];
			return true;
		}
	s->data_of = bf_p_concat(p, &c);
	return s->data_of && types_of(p, s->data_of, s->data, &s->n_data);
}

static bool read_flags(struct bf_nparser *p, struct bf_ast_set *s)
{
	static const char *const flags[] = { "constant", "interval", "timeout", "dynamic", NULL };

	do {
		struct bf_suggest g;
		unsigned i = 0;

		if (p->tok.kind != BF_TOK_WORD)
			return bf_p_unexpected(p, "a flag");
		bf_suggest_start(&g, p->tok.text, p->tok.n);
		while (flags[i] && !bf_p_at(p, flags[i]))
			bf_suggest_try(&g, flags[i++]);
		if (!flags[i])
			return bf_p_unknown(p, bf_p_loc(p), "unknown flag", &g);
		s->flags |= 1u << i;
		bf_p_next(p);
	} while (bf_p_eat(p, ','));
	return true;
}

static bool read_policy(struct bf_nparser *p, struct bf_ast_set *s)
{
	s->policy = bf_p_at(p, "memory") ? "memory" : "performance";
	return bf_p_eat_word(p, s->policy) || bf_p_unexpected(p, "'performance' or 'memory'");
}

static bool read_elements(struct bf_nparser *p, struct bf_ast_set *s)
{
	if (!bf_p_expect(p, '=', "'='"))
		return false;
	if (p->tok.kind == BF_TOK_VAR)
		s->elements = bf_p_var(p);
	else if (p->tok.kind == '{')
		s->elements = bf_p_set(p, false);
	else
		return bf_p_unexpected(p, "'{' and elements");
	return s->elements;
}

static const char *const words[] = { "type",    "typeof", "flags",      "timeout",  "gc-interval",
                                     "size",    "policy", "auto-merge", "elements", "comment",
                                     "counter", "limit",  "quota",      "ct",       NULL };
enum { TYPE, TYPEOF, FLAGS, TIMEOUT, GC, SIZE, POLICY, MERGE, ELEMENTS, COMMENT };

static bool set_item(struct bf_nparser *p, void *arg)
{
	struct bf_ast_set *s = arg;
	struct bf_suggest g;
	unsigned i = 0;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "'type', 'flags', 'elements' or another part of a set");
	bf_suggest_start(&g, p->tok.text, p->tok.n);
	while (words[i] && !bf_p_at(p, words[i]))
		bf_suggest_try(&g, words[i++]);
	if (!words[i])
		return bf_p_unknown(p, bf_p_loc(p), "a set has no", &g);
	if (i > COMMENT)
		return bf_p_add_state(p, &s->stmts);
	bf_p_next(p);
	switch (i) {
	case TYPE: return read_type(p, s);
	case TYPEOF: return read_typeof(p, s);
	case FLAGS: return read_flags(p, s);
	case TIMEOUT: return s->has_timeout = bf_p_time(p, &s->timeout);
	case GC: return s->has_gc = bf_p_time(p, &s->gc);
	case SIZE: return s->has_size = bf_p_number(p, UINT32_MAX, "a size", &s->size);
	case POLICY: return read_policy(p, s);
	case MERGE: return s->auto_merge = true;
	case ELEMENTS: return read_elements(p, s);
	default: return bf_p_comment(p, &s->comment);
	}
}

void bf_native_set_types(const struct bf_ast_set *s, struct bf_types *key, struct bf_types *data)
{
	struct bf_types of;

	*key = (struct bf_types){ .n = s->n_key };
	for (uint32_t i = 0; i < s->n_key; i++)
		key->type[i] = s->key[i];
	*data = (struct bf_types){ .n = s->n_data };
	for (uint32_t i = 0; i < s->n_data; i++)
		data->type[i] = s->data[i];
	if (s->key_of) { /* what was measured by its key is as wide as that */
		bf_native_types_of(s->key_of, &of);
		memcpy(key->bits, of.bits, sizeof(key->bits));
	}
	if (s->data_of) {
		bf_native_types_of(s->data_of, &of);
		memcpy(data->bits, of.bits, sizeof(data->bits));
	}
}

struct bf_ast_set *bf_p_set_body(struct bf_nparser *p, struct bf_ast_word name, bool map)
{
	struct bf_ast_set *s = bf_p_new(p, struct bf_ast_set);
	unsigned errors = p->errors;
	struct bf_types key, data;

	if (!s)
		return NULL;
	s->name = name;
	s->map = map;
	if (!bf_p_block(p, set_item, s))
		return NULL;
	if (!s->n_key) /* unless that is why */
		return p->errors > errors ? NULL : (bf_p_error(p, name.loc, "a %s needs a type", map ? "map" : "set"), NULL);
	if (!remember(p, s))
		return NULL;
	bf_native_set_types(s, &key, &data);
	if (s->elements)
		bf_p_resolve(p, s->elements, &key, map ? &data : NULL); /* what is wrong there spoils nothing else */
	return s;
}
