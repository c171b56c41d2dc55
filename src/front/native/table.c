/* SPDX-License-Identifier: GPL-2.0-only */
/* table.c: the blocks of tables, chains, and of counters, quotas, limits with a name. Sets: set.c. */
#include "front/native/parse.h"

struct table_block {
	struct bf_ast_table *t;
	struct bf_ast_obj **objs;
	struct bf_ast_set **sets;
	struct bf_ast_chain **chains;
};

static const char *const table_words[] = {
	"chain", "set", "map", "counter", "quota", "limit", "flags", "comment", NULL
};
static const char *const not_ours[] = { "ct", "flowtable", "secmark", "synproxy", "meter", NULL };

bool bf_p_comment(struct bf_nparser *p, const char **out)
{
	struct bf_ast_word text;

	if (!bf_p_phrase(p, "a comment in quotes", &text))
		return false;
	if (strlen(text.text) > 128) /* nft's limit for rules and what else has one */
		return bf_p_error(p, text.loc, "a comment has at most 128 characters");
	*out = text.text;
	return true;
}

/* The word here is none of these: says so; what it was meant to be, or NULL. */
static const char *misspelt(struct bf_nparser *p, const char *what, const char *const *words)
{
	struct bf_suggest s;

	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (unsigned i = 0; words[i]; i++)
		bf_suggest_try(&s, words[i]);
	bf_p_unknown(p, bf_p_loc(p), what, &s);
	return s.best;
}

static bool table_chain(struct bf_nparser *p, struct table_block *b)
{
	struct bf_ast_word name;
	struct bf_ast_chain *c = bf_p_name(p, "the name of a chain", &name) ? bf_p_chain_body(p, name) : NULL;

	if (!c)
		return false;
	*b->chains = c;
	b->chains = &c->next;
	return true;
}

static bool table_set(struct bf_nparser *p, struct table_block *b, bool map)
{
	struct bf_ast_word name;
	struct bf_ast_set *s = bf_p_name(p, "the name of a set", &name) ? bf_p_set_body(p, name, map) : NULL;

	if (!s)
		return false;
	*b->sets = s;
	b->sets = &s->next;
	return true;
}

static bool table_obj(struct bf_nparser *p, struct table_block *b, enum bf_ast_object type)
{
	struct bf_ast_word name;
	struct bf_ast_obj *o = bf_p_name(p, "a name", &name) ? bf_p_obj_body(p, name, type) : NULL;

	if (!o)
		return false;
	*b->objs = o;
	b->objs = &o->next;
	return true;
}

static bool table_flags(struct bf_nparser *p, struct table_block *b)
{
	static const char *const flags[] = { "dormant", NULL };

	if (!bf_p_eat_word(p, "dormant"))
		return misspelt(p, "unknown flag", flags), false;
	b->t->dormant = true;
	return true;
}

static bool table_item(struct bf_nparser *p, void *arg)
{
	struct table_block *b = arg;
	const char *word = NULL;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "'chain', 'set', 'map' or another part of a table");
	for (unsigned i = 0; not_ours[i]; i++)
		if (bf_p_at(p, not_ours[i]))
			return bf_p_error(p, bf_p_loc(p), "nft's '%s' is not served by bpfilter", not_ours[i]);
	for (unsigned i = 0; table_words[i] && !word; i++)
		if (bf_p_at(p, table_words[i]))
			word = table_words[i];
	if (!word)
		word = misspelt(p, "a table has no", table_words); /* read on as if it were right */
	if (!word)
		return false;
	bf_p_next(p);
	switch (word[0] == 'c' ? word[1] : word[0]) {
	case 'h': return table_chain(p, b);
	case 's': return table_set(p, b, false);
	case 'm': return table_set(p, b, true);
	case 'q': return table_obj(p, b, BF_OBJ_QUOTA);
	case 'l': return table_obj(p, b, BF_OBJ_LIMIT);
	case 'f': return table_flags(p, b);
	default:
		return word[2] == 'u' ? table_obj(p, b, BF_OBJ_COUNTER) : bf_p_comment(p, &b->t->comment);
	}
}

struct bf_ast_table *bf_p_table_body(struct bf_nparser *p)
{
	struct bf_ast_table *t = bf_p_new(p, struct bf_ast_table);
	struct table_block b;

	if (!t)
		return NULL;
	b = (struct table_block){ t, &t->objs, &t->sets, &t->chains };
	return bf_p_block(p, table_item, &b) ? t : NULL;
}

/* Counters, quotas, limits. */


static bool obj_item(struct bf_nparser *p, void *arg)
{
	struct bf_ast_obj *o = arg;
	struct bf_ast_stmt *s;

	if (bf_p_eat_word(p, "comment"))
		return bf_p_comment(p, &o->comment);
	s = bf_p_new(p, struct bf_ast_stmt);
	if (!s)
		return false;
	s->loc = bf_p_loc(p);
	o->state = s;
	if (o->type == BF_OBJ_COUNTER)
		return bf_p_counter_state(p, s);
	return o->type == BF_OBJ_QUOTA ? bf_p_quota_state(p, s) : bf_p_limit_state(p, s);
}

struct bf_ast_obj *bf_p_obj_body(struct bf_nparser *p, struct bf_ast_word name, enum bf_ast_object type)
{
	struct bf_ast_obj *o = bf_p_new(p, struct bf_ast_obj);
	bool ok;

	if (!o)
		return NULL;
	o->type = type;
	o->name = name;
	if (p->tok.kind == '{')
		ok = bf_p_block(p, obj_item, o);
	else
		ok = bf_p_ends(p) || obj_item(p, o); /* add counter ip t c packets 1 bytes 2 */
	if (ok && type != BF_OBJ_COUNTER && !o->state)
		ok = bf_p_error(p, name.loc, "a %s needs to say %s", bf_nobjects[type],
	                    type == BF_OBJ_QUOTA ? "how many bytes" : "its rate");
	return ok ? o : NULL;
}
