/* SPDX-License-Identifier: GPL-2.0-only */
/* state.c: statements that remember: counters, limits, quotas, numbers of connections; in rules, in elements, as
 * objects. */
#include "front/native/parse.h"

/* counter name "x", limit name ip saddr map { ... } */
static bool by_name(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ast_object type, enum bf_ntype_id data_type)
{
	static const struct bf_pctx c = { .keys = true }, none = { 0 };
	struct bf_types key, data = { .type = { &bf_ntypes[data_type] }, .n = 1 };
	struct bf_ast_expr *e, *map;

	s->kind = BF_STMT_OBJECT;
	s->object.type = type;
	e = s->object.name = bf_p_concat(p, &c);
	if (!e)
		return false;
	if (!bf_p_eat_word(p, "map"))
		return bf_p_resolve(p, e, &data, NULL);
	map = s->object.name = bf_p_expr_new(p, BF_AST_MAP, e->loc);
	if (!map)
		return false;
	map->two.l = e;
	map->two.r = bf_p_concat(p, &none);
	map->loc = bf_p_span(p, map->loc);
	bf_native_types_of(e, &key);
	return map->two.r && bf_p_resolve(p, map->two.r, &key, &data);
}

bool bf_p_counter_state(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_COUNTER;
	return bf_p_expect_word(p, "packets") && bf_p_number(p, UINT64_MAX, "a number of packets", &s->counter.packets) &&
	       bf_p_expect_word(p, "bytes") && bf_p_number(p, UINT64_MAX, "a number of bytes", &s->counter.bytes);
}

bool bf_p_counter(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	if (bf_p_eat_word(p, "name"))
		return by_name(p, s, BF_OBJ_COUNTER, BF_T_COUNTER);
	s->kind = BF_STMT_COUNTER;
	return !bf_p_at(p, "packets") || bf_p_counter_state(p, s);
}

static const struct {
	const char *name;
	uint64_t value;
} byte_units[] = { { "bytes", 1 }, { "kbytes", 1024 }, { "mbytes", 1024 * 1024 }, { "gbytes", 1024 * 1024 * 1024 } },
  time_units[] = { { "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 }, { "week", 604800 } };

static bool word_is(const char *text, size_t len, const char *word)
{
	return !strncmp(text, word, len) && !word[len];
}

/* Multiplies n; false: no such unit. */
static bool bytes_of(const char *text, size_t len, uint64_t *n)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(byte_units); i++)
		if (word_is(text, len, byte_units[i].name))
			return !__builtin_mul_overflow(*n, byte_units[i].value, n);
	return false;
}

static bool read_bytes(struct bf_nparser *p, uint64_t *n)
{
	if (!bf_p_number(p, UINT64_MAX, "a number", n))
		return false;
	if (p->tok.kind != BF_TOK_WORD || !bytes_of(p->tok.text, p->tok.n, n))
		return bf_p_unexpected(p, "'bytes', 'kbytes' or 'mbytes'");
	bf_p_next(p);
	return true;
}

bool bf_p_quota_state(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_QUOTA;
	s->quota.over = bf_p_eat_word(p, "over");
	if (!s->quota.over)
		bf_p_eat_word(p, "until");
	return read_bytes(p, &s->quota.bytes) && (!bf_p_eat_word(p, "used") || read_bytes(p, &s->quota.used));
}

bool bf_p_quota(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return bf_p_eat_word(p, "name") ? by_name(p, s, BF_OBJ_QUOTA, BF_T_QUOTA) : bf_p_quota_state(p, s);
}

static bool time_unit(struct bf_nparser *p, const char *text, size_t len, uint64_t *per)
{
	struct bf_suggest g;

	bf_suggest_start(&g, text, len);
	for (size_t i = 0; i < BF_ARRAY_SIZE(time_units); i++) {
		bf_suggest_try(&g, time_units[i].name);
		if (word_is(text, len, time_units[i].name)) {
			*per = time_units[i].value;
			bf_p_next(p);
			return true;
		}
	}
	return bf_p_unknown(p, bf_p_loc(p), "unknown unit of time", &g);
}

/* N/second, N mbytes/second; the lexer gives mbytes/second as a word */
static bool read_rate(struct bf_nparser *p, struct bf_ast_rate *r)
{
	const char *slash = NULL;

	if (!bf_p_number(p, UINT64_MAX, "a rate", &r->rate))
		return false;
	if (p->tok.kind == BF_TOK_WORD) {
		size_t len = p->tok.n;

		slash = memchr(p->tok.text, '/', len);
		r->bytes = true;
		if (!bytes_of(p->tok.text, slash ? (size_t)(slash - p->tok.text) : len, &r->rate))
			return bf_p_unexpected(p, "'/', 'bytes', 'kbytes' or 'mbytes'");
		if (slash)
			return time_unit(p, slash + 1, len - (size_t)(slash + 1 - p->tok.text), &r->per);
		bf_p_next(p);
	}
	if (!bf_p_expect(p, '/', "'/' and a unit of time"))
		return false;
	return p->tok.kind == BF_TOK_WORD ? time_unit(p, p->tok.text, p->tok.n, &r->per)
	                                  : bf_p_unexpected(p, "a unit of time");
}

static bool read_burst(struct bf_nparser *p, struct bf_ast_rate *r)
{
	if (r->bytes)
		return read_bytes(p, &r->burst);
	return bf_p_number(p, UINT32_MAX, "a burst", &r->burst) && bf_p_expect_word(p, "packets");
}

bool bf_p_limit_state(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_loc loc;

	s->kind = BF_STMT_LIMIT;
	if (!bf_p_expect_word(p, "rate"))
		return false;
	s->limit.over = bf_p_eat_word(p, "over");
	if (!s->limit.over)
		bf_p_eat_word(p, "until");
	loc = bf_p_loc(p);
	if (!read_rate(p, &s->limit))
		return false;
	if (!s->limit.rate)
		return bf_p_error(p, loc, "a rate of 0");
	s->limit.burst = s->limit.bytes ? 0 : 5;
	return !bf_p_eat_word(p, "burst") || read_burst(p, &s->limit);
}

bool bf_p_limit(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	return bf_p_eat_word(p, "name") ? by_name(p, s, BF_OBJ_LIMIT, BF_T_LIMIT) : bf_p_limit_state(p, s);
}

bool bf_p_ct_count(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	uint64_t n;

	s->kind = BF_STMT_CT_COUNT;
	if (!bf_p_expect_word(p, "ct") || !bf_p_expect_word(p, "count"))
		return false;
	s->ct_count.over = bf_p_eat_word(p, "over");
	if (!bf_p_number(p, UINT32_MAX, "a number of connections", &n))
		return false;
	s->ct_count.n = (uint32_t)n;
	return true;
}

static struct bf_ast_stmt *stateful(struct bf_nparser *p)
{
	struct bf_ast_stmt *s = bf_p_new(p, struct bf_ast_stmt);
	bool ok;

	if (!s)
		return NULL;
	s->loc = bf_p_loc(p);
	if (bf_p_eat_word(p, "counter"))
		ok = bf_p_counter(p, s);
	else if (bf_p_eat_word(p, "limit"))
		ok = bf_p_limit_state(p, s);
	else if (bf_p_eat_word(p, "quota"))
		ok = bf_p_quota_state(p, s);
	else if (bf_p_at(p, "ct"))
		ok = bf_p_ct_count(p, s);
	else
		ok = bf_p_unexpected(p, "',', 'timeout', 'comment', 'counter', 'limit', 'quota' or the end of the element");
	s->loc = bf_p_span(p, s->loc);
	return ok ? s : NULL;
}

bool bf_p_add_state(struct bf_nparser *p, struct bf_ast_stmt **list)
{
	unsigned n = 0;

	for (; *list; list = &(*list)->next)
		if (++n == BF_PARSE_STATES)
			return bf_p_error(p, bf_p_loc(p), "%d counters, limits and the like are enough", BF_PARSE_STATES);
	*list = stateful(p);
	return *list;
}
