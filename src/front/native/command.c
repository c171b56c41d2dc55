/* SPDX-License-Identifier: GPL-2.0-only */
/* command.c: add, delete, list, ...: what nft -f takes at the start of a line. */
#include <stdio.h>

#include "front/native/parse.h"

#define BIT(o) (1u << (o))

enum {
	NAMED = BIT(BF_OBJ_COUNTER) | BIT(BF_OBJ_QUOTA) | BIT(BF_OBJ_LIMIT),
	SETS = BIT(BF_OBJ_SET) | BIT(BF_OBJ_MAP),
	MADE = BIT(BF_OBJ_TABLE) | BIT(BF_OBJ_CHAIN) | SETS | BIT(BF_OBJ_ELEMENT) | NAMED,
	LISTS = BIT(BF_OBJ_TABLES) | BIT(BF_OBJ_CHAINS) | BIT(BF_OBJ_SETS) | BIT(BF_OBJ_MAPS) | BIT(BF_OBJ_COUNTERS) |
	        BIT(BF_OBJ_QUOTAS) | BIT(BF_OBJ_LIMITS),
};

const struct bf_nverb bf_nverbs[] = {
	[BF_VERB_ADD] = { "add", MADE | BIT(BF_OBJ_RULE) },
	[BF_VERB_CREATE] = { "create", MADE },
	[BF_VERB_INSERT] = { "insert", BIT(BF_OBJ_RULE) },
	[BF_VERB_REPLACE] = { "replace", BIT(BF_OBJ_RULE) },
	[BF_VERB_DELETE] = { "delete", MADE | BIT(BF_OBJ_RULE) },
	[BF_VERB_DESTROY] = { "destroy", MADE | BIT(BF_OBJ_RULE) },
	[BF_VERB_LIST] = { "list", (MADE & ~BIT(BF_OBJ_ELEMENT)) | BIT(BF_OBJ_RULESET) | LISTS },
	[BF_VERB_FLUSH] = { "flush", BIT(BF_OBJ_RULESET) | BIT(BF_OBJ_TABLE) | BIT(BF_OBJ_CHAIN) | SETS },
	[BF_VERB_RESET] = { "reset", BIT(BF_OBJ_COUNTER) | BIT(BF_OBJ_QUOTA) | BIT(BF_OBJ_COUNTERS) | BIT(BF_OBJ_QUOTAS) |
	                             BIT(BF_OBJ_RULE) | BIT(BF_OBJ_RULES) },
	[BF_VERB_RENAME] = { "rename", BIT(BF_OBJ_CHAIN) },
	[BF_VERB_GET] = { "get", BIT(BF_OBJ_ELEMENT) },
	{ NULL, 0 },
};

const char *const bf_nobjects[] = {
	[BF_OBJ_RULESET] = "ruleset",
	[BF_OBJ_TABLE] = "table",
	[BF_OBJ_CHAIN] = "chain",
	[BF_OBJ_RULE] = "rule",
	[BF_OBJ_SET] = "set",
	[BF_OBJ_MAP] = "map",
	[BF_OBJ_ELEMENT] = "element",
	[BF_OBJ_COUNTER] = "counter",
	[BF_OBJ_QUOTA] = "quota",
	[BF_OBJ_LIMIT] = "limit",
	[BF_OBJ_TABLES] = "tables",
	[BF_OBJ_CHAINS] = "chains",
	[BF_OBJ_SETS] = "sets",
	[BF_OBJ_MAPS] = "maps",
	[BF_OBJ_COUNTERS] = "counters",
	[BF_OBJ_QUOTAS] = "quotas",
	[BF_OBJ_LIMITS] = "limits",
	[BF_OBJ_RULES] = "rules",
	NULL,
};

/* nft has them, bpfilter does not. */
static const char *const not_ours[] = { "ct",      "flowtable", "flowtables", "meter",     "meters",
                                        "secmark", "secmarks",  "synproxy",   "synproxys", "hooks",
                                        "monitor", "describe",  "export",     "import",    NULL };

static bool is_list(enum bf_ast_object o)
{
	return o >= BF_OBJ_TABLES || o == BF_OBJ_RULESET;
}

static bool read_object(struct bf_nparser *p, enum bf_ast_object *o)
{
	for (unsigned i = 0; bf_nobjects[i]; i++)
		if (bf_p_eat_word(p, bf_nobjects[i])) {
			*o = (enum bf_ast_object)i;
			return true;
		}
	return false;
}

static bool refused(struct bf_nparser *p)
{
	for (unsigned i = 0; not_ours[i]; i++)
		if (bf_p_at(p, not_ours[i]))
			return bf_p_error(p, bf_p_loc(p), "nft's '%s' is not served by bpfilter", not_ours[i]);
	return true;
}

/* `table inte filter`: the first word was read as the table's name. True: it is like no family's. */
static bool no_family(struct bf_nparser *p, const struct bf_ast_cmd *c)
{
	struct bf_suggest s;

	bf_suggest_start(&s, c->table.text, strlen(c->table.text));
	for (size_t i = 0; i < bf_n_nfamilies; i++)
		bf_suggest_try(&s, bf_nfamilies[i].name);
	return !s.best || bf_p_unknown(p, c->table.loc, "unknown family", &s);
}

static const struct bf_nfamily *read_family(struct bf_nparser *p)
{
	for (size_t i = 0; i < bf_n_nfamilies; i++)
		if (bf_p_eat_word(p, bf_nfamilies[i].name))
			return &bf_nfamilies[i];
	return NULL;
}

static bool at_family(const struct bf_nparser *p)
{
	for (size_t i = 0; i < bf_n_nfamilies; i++)
		if (bf_p_at(p, bf_nfamilies[i].name))
			return true;
	return false;
}

static bool read_handle(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	bf_p_next(p);
	c->where = BF_AT_HANDLE;
	c->at_loc = bf_p_loc(p);
	return bf_p_number(p, UINT64_MAX, "a handle", &c->at);
}

static bool can_have_handle(const struct bf_ast_cmd *c)
{
	return c->verb == BF_VERB_DELETE || c->verb == BF_VERB_DESTROY || c->verb == BF_VERB_LIST ||
		   c->verb == BF_VERB_RESET;
}

static bool read_where(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	static const char *const words[] = {
		[BF_AT_HANDLE] = "handle", [BF_AT_POSITION] = "position", [BF_AT_INDEX] = "index"
	};
	bool add = c->verb == BF_VERB_ADD || c->verb == BF_VERB_INSERT;

	for (enum bf_ast_where w = BF_AT_HANDLE; w <= BF_AT_INDEX; w++) {
		if (!bf_p_at(p, words[w]))
			continue;
		if (w != BF_AT_HANDLE && !add)
			return bf_p_unexpected(p, "'handle'");
		bf_p_next(p);
		c->where = w;
		c->at_loc = bf_p_loc(p);
		return bf_p_number(p, w == BF_AT_INDEX ? UINT32_MAX : UINT64_MAX, words[w], &c->at);
	}
	return add || bf_p_unexpected(p, "'handle' and its number");
}

static bool read_rule(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	if (!bf_p_name(p, "the name of a chain", &c->name) || !read_where(p, c))
		return false;
	if (c->verb == BF_VERB_DELETE || c->verb == BF_VERB_DESTROY || c->verb == BF_VERB_RESET)
		return true;
	c->rule = bf_p_rule(p);
	return c->rule;
}

static bool read_elements(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	struct bf_ast_set *set;
	struct bf_types key = { 0 }, data = { 0 };
	bool ok;

	if (!bf_p_name(p, "the name of a set", &c->name))
		return false;
	if (p->tok.kind == BF_TOK_VAR)
		c->elements = bf_p_var(p);
	else if (p->tok.kind == '{')
		c->elements = bf_p_set(p, false);
	else
		return bf_p_unexpected(p, "'{' and elements");
	if (!c->elements)
		return false;
	set = bf_p_find_set(p, c->name.text);
	if (!set)
		return true; /* not of this text: typed by whoever knows the set */
	bf_native_set_types(set, &key, &data);
	p->bare = c->verb == BF_VERB_DELETE || c->verb == BF_VERB_DESTROY || c->verb == BF_VERB_GET;
	ok = bf_p_resolve(p, c->elements, &key, set->map ? &data : NULL);
	p->bare = false;
	return ok;
}

/* The body in { }, or nothing (tables and chains), or (objects) the state without braces. */
static bool read_body(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	bool block = p->tok.kind == '{', set = c->object == BF_OBJ_SET || c->object == BF_OBJ_MAP;

	if (c->object == BF_OBJ_CHAIN)
		return !block || (c->chain = bf_p_chain_body(p, c->name));
	if (set)
		return (c->set = bf_p_set_body(p, c->name, c->object == BF_OBJ_MAP));
	return (c->obj = bf_p_obj_body(p, c->name, c->object));
}

static bool read_named(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	bool make = c->verb == BF_VERB_ADD || c->verb == BF_VERB_CREATE;

	if (bf_p_at(p, "handle") && can_have_handle(c))
		return read_handle(p, c);
	if (!bf_p_name(p, "a name", &c->name))
		return false;
	if (make)
		return read_body(p, c);
	return c->verb != BF_VERB_RENAME || bf_p_name(p, "the new name", &c->to);
}

static bool read_rest(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	p->family = c->family ? c->family : &bf_nfamilies[0];
	p->table = c->table.text;
	if (c->object == BF_OBJ_TABLE) {
		if (p->tok.kind == '{' && (c->verb == BF_VERB_ADD || c->verb == BF_VERB_CREATE))
			return (c->body = bf_p_table_body(p));
		return c->family || p->tok.kind != BF_TOK_WORD || no_family(p, c);
	}
	if (c->object == BF_OBJ_RULE)
		return read_rule(p, c);
	if (c->object == BF_OBJ_ELEMENT)
		return read_elements(p, c);
	return read_named(p, c);
}

static bool read_lists(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	c->family = read_family(p);
	if (c->object == BF_OBJ_RULESET || !bf_p_eat_word(p, "table"))
		return true;
	c->family = read_family(p);
	return bf_p_name(p, "the name of a table", &c->table);
}

/* A word that is no command may be a misspelt one; else it is a table, and a rule follows. */
static bool misspelt(struct bf_nparser *p, enum bf_ast_object *object)
{
	struct bf_ast_loc loc = bf_p_loc(p);
	struct bf_suggest s;
	struct bf_token second;

	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (unsigned i = 0; bf_nverbs[i].name; i++)
		bf_suggest_try(&s, bf_nverbs[i].name);
	for (unsigned i = 0; bf_nobjects[i]; i++)
		bf_suggest_try(&s, bf_nobjects[i]);
	bf_suggest_try(&s, "define");
	bf_suggest_try(&s, "include");
	bf_p_peek(p, &second);
	if (!s.best && second.kind == BF_TOK_WORD)
		return false;
	bf_p_unknown(p, loc, "unknown command", &s);
	*object = BF_OBJ_RULESET;
	if (s.best && !strcmp(s.best, "table")) { /* what is in it can be read all the same */
		bf_p_next(p);
		*object = BF_OBJ_TABLE;
	}
	return true;
}

static bool read_verb(struct bf_nparser *p, struct bf_ast_cmd *c, bool *verb)
{
	for (unsigned i = 0; bf_nverbs[i].name; i++) {
		if (!bf_p_eat_word(p, bf_nverbs[i].name))
			continue;
		c->verb = (enum bf_ast_verb)i;
		*verb = true;
		return true;
	}
	*verb = false;
	c->verb = BF_VERB_ADD;
	return p->tok.kind == BF_TOK_WORD || bf_p_unexpected(p, "a command");
}

static bool no_object(struct bf_nparser *p, enum bf_ast_verb verb)
{
	struct bf_suggest s;
	char what[40];

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "what it is about: table, chain, set, ...");
	bf_suggest_start(&s, p->tok.text, p->tok.n);
	for (unsigned i = 0; bf_nobjects[i]; i++)
		if (bf_nverbs[verb].objects & BIT(i))
			bf_suggest_try(&s, bf_nobjects[i]);
	snprintf(what, sizeof(what), "there is nothing to %s called", bf_nverbs[verb].name);
	return bf_p_unknown(p, bf_p_loc(p), what, &s);
}

static bool read_what(struct bf_nparser *p, struct bf_ast_cmd *c)
{
	bool verb;

	if (!refused(p) || !read_verb(p, c, &verb))
		return false;
	c->object = BF_OBJ_RULE; /* unless it says something else */
	if (read_object(p, &c->object)) {
		if (BIT(c->object) & bf_nverbs[c->verb].objects)
			return true;
		return bf_p_error(p, bf_p_span(p, c->loc), "there is no '%s %s'", bf_nverbs[c->verb].name,
		                  bf_nobjects[c->object]);
	}
	if (!refused(p))
		return false;
	if (c->verb != BF_VERB_ADD)
		return no_object(p, c->verb);
	if (!verb && !at_family(p) && misspelt(p, &c->object))
		return c->object == BF_OBJ_TABLE;
	return true;
}

bool bf_p_command(struct bf_nparser *p, void *arg)
{
	struct bf_ast_cmd *c = bf_p_new(p, struct bf_ast_cmd);
	bool ok;

	if (!c)
		return false;
	c->loc = bf_p_loc(p);
	if (!read_what(p, c))
		return false;
	if (is_list(c->object)) {
		ok = read_lists(p, c);
	} else {
		c->family = read_family(p);
		if (c->object == BF_OBJ_TABLE && bf_p_at(p, "handle") && can_have_handle(c))
			ok = read_handle(p, c);
		else
			ok = bf_p_name(p, "the name of a table", &c->table) && read_rest(p, c);
	}
	if (c->table.text)
		bf_p_later(p);
	if (!ok)
		return false;
	c->loc = bf_p_span(p, c->loc);
	*p->tail = c;
	p->tail = &c->next;
	return true;
}
