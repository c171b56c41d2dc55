/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_count.c: counters of native tables. They live in the unit's map and
 * nowhere else: numbers that the text says are added to the map when the table
 * is there and taken out of the tree, so what is stored never says any.
 *
 * Whose counter is which says struct bf_eval_counter, stored with the table. A
 * rule keeps its handle while others come and go; so do its counters.
 */
#include "api/native.h"

static int add_start(struct native_change *c, uint32_t *cap, uint64_t handle, uint32_t stmt,
                     const struct bf_ast_stmt *s)
{
	int rc = bf_grow(&c->starts, c->n_starts, cap, sizeof(*c->starts));

	if (rc)
		return rc;
	c->starts[c->n_starts++] = (struct native_start){ .handle = handle, .stmt = stmt,
		.value = { s->counter.packets, s->counter.bytes } };
	return 0;
}

int bf_native_take_starts(struct native_change *c)
{
	uint32_t cap = 0;

	for (struct bf_ast_chain *chain = c->table->cmd->body->chains; chain; chain = chain->next)
		for (struct bf_ast_rule *r = chain->rules; r; r = r->next) {
			uint32_t i = 0;

			for (struct bf_ast_stmt *s = r->stmts; s; s = s->next, i++) {
				if (s->kind != BF_STMT_COUNTER)
					continue;
				if ((s->counter.packets || s->counter.bytes) && add_start(c, &cap, r->handle, i, s))
					return -ENOMEM;
				s->counter.packets = s->counter.bytes = 0;
				s->counter.bare = true;
			}
		}
	return 0;
}

int bf_native_more_starts(struct native_change *c, const struct native_start *v, size_t n)
{
	struct native_start *all = n ? realloc(c->starts, (c->n_starts + n) * sizeof(*all)) : NULL;

	if (!all)
		return n ? -ENOMEM : 0;
	memcpy(all + c->n_starts, v, n * sizeof(*v));
	c->starts = all;
	c->n_starts += (uint32_t)n;
	return 0;
}

/* The same of rules that are in the same places of another tree. */
int bf_native_starts_of(struct native_change *c, const struct bf_ast_table *like)
{
	uint32_t cap = 0;

	free(c->starts);
	c->starts = NULL;
	c->n_starts = 0;
	for (struct bf_ast_chain *to = c->table->cmd->body->chains; to; to = to->next) {
		const struct bf_ast_chain *from = like->chains;

		while (from && strcmp(from->name.text, to->name.text))
			from = from->next;
		for (struct bf_ast_rule *r = to->rules, *f = from ? from->rules : NULL; r && f; r = r->next, f = f->next) {
			uint32_t i = 0;

			for (struct bf_ast_stmt *s = f->stmts; s; s = s->next, i++)
				if (s->kind == BF_STMT_COUNTER && add_start(c, &cap, r->handle, i, s))
					return -ENOMEM;
		}
	}
	return 0;
}

/* Counters in the order of whose they are. */

struct place {
	const struct bf_eval_counter *whose;
	uint32_t i;
};

static int compare(const struct bf_eval_counter *a, const struct bf_eval_counter *b)
{
	if (a->handle != b->handle)
		return a->handle < b->handle ? -1 : 1;
	if (a->stmt != b->stmt)
		return a->stmt < b->stmt ? -1 : 1;
	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

static int by_owner(const void *a, const void *b)
{
	return compare(((const struct place *)a)->whose, ((const struct place *)b)->whose);
}

static struct place *sorted(const struct bf_eval_counter *c, uint32_t n)
{
	struct place *p = calloc(n + 1ul, sizeof(*p));

	for (uint32_t i = 0; p && i < n; i++)
		p[i] = (struct place){ &c[i], i };
	if (p)
		qsort(p, n, sizeof(*p), by_owner);
	return p;
}

/* The first that is not before this one. */
static uint32_t lower(const struct place *p, uint32_t n, const struct bf_eval_counter *key)
{
	uint32_t lo = 0;

	while (lo < n) {
		uint32_t mid = lo + (n - lo) / 2;

		if (compare(p[mid].whose, key) < 0)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static void add(struct bf_rt_counter *to, const struct bf_rt_counter *c)
{
	to->packets += c->packets;
	to->bytes += c->bytes;
}

/* Room for one of each old counter, and of each start. */
static void carry_old(struct native_change *c, const struct place *now)
{
	const struct bf_nstored *s = &c->old->stored;
	uint32_t n_old = BF_MIN(s->n_counters, bf_unit_n_counters(c->old->unit)), n = c->ev.n_counters;

	for (uint32_t i = 0; i < n_old; i++) {
		uint32_t at = lower(now, n, &s->counters[i]);

		if (at < n && !compare(now[at].whose, &s->counters[i]))
			c->carried[c->n_carried++] = (struct bf_carried){ .to = now[at].i, .from = i };
	}
}

/* The counter of a start, or -1. */
static int64_t place_of(const struct native_start *s, const struct place *now, uint32_t n)
{
	const struct bf_eval_counter key = { .handle = s->handle, .stmt = s->stmt, .what = s->what, .ordinal = s->ordinal };
	uint32_t at = lower(now, n, &key);

	if (s->stmt == BF_EVAL_NONE && (at >= n || compare(now[at].whose, &key)))
		return -1;
	return at < n && now[at].whose->handle == s->handle && now[at].whose->stmt == s->stmt ? (int64_t)now[at].i : -1;
}

/* Rules that are there already do not begin anew: what they say was taken when they came. */
static void carry_starts(struct native_change *c, const struct place *now)
{
	for (uint32_t i = 0; i < c->n_starts; i++) {
		const struct bf_rt_counter *v = &c->starts[i].value;
		int64_t to = place_of(&c->starts[i], now, c->ev.n_counters);

		if (to >= 0)
			c->carried[c->n_carried++] = (struct bf_carried){ (uint32_t)to, BF_CARRIED_NONE, v->packets, v->bytes };
	}
}

int bf_native_carry(struct native_change *c)
{
	_cleanup_free_ struct place *now = NULL;
	size_t n = c->n_starts + (c->old ? c->old->stored.n_counters : 0ul);

	if (!n)
		return 0;
	now = sorted(c->ev.counters, c->ev.n_counters);
	c->carried = calloc(n, sizeof(*c->carried));
	if (!now || !c->carried)
		return -ENOMEM;
	if (c->old)
		carry_old(c, now);
	carry_starts(c, now);
	return 0;
}

void bf_native_begin(struct bf_ns *ns, const struct native_change *c)
{
	uint32_t n = c->ev.n_counters;
	_cleanup_free_ struct place *now = sorted(c->ev.counters, n);
	_cleanup_free_ struct bf_rt_counter *out = calloc(n + 1ul, sizeof(*out));
	struct bf_unit *u = NULL;

	for (uint32_t i = 0; now && out && i < c->n_starts; i++) {
		int64_t to = place_of(&c->starts[i], now, n);

		if (to >= 0)
			add(&out[to], &c->starts[i].value);
	}
	if (now && out && !bf_unit_open(ns, c->name, &u))
		bf_unit_add_counters(u, out, BF_MIN(n, bf_unit_n_counters(u)));
	bf_unit_close(u);
}

int bf_native_slots(const struct bf_eval_counter *want, uint32_t n, const struct bf_nstored *s, uint32_t **out)
{
	_cleanup_free_ struct place *have = sorted(s->counters, s->n_counters);
	uint32_t *slot = calloc(n + 1ul, sizeof(*slot));

	*out = slot;
	if (!have || !slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = lower(have, s->n_counters, &want[i]);

		slot[i] = at < s->n_counters && !compare(have[at].whose, &want[i]) ? have[at].i : BF_CARRIED_NONE;
	}
	return 0;
}

/* For people: what several counters of a statement say together. */
static void fill_rule(struct bf_ast_rule *r, const struct place *p, uint32_t n, const struct bf_rt_counter *c)
{
	uint32_t i = 0;

	for (struct bf_ast_stmt *s = r->stmts; s; s = s->next, i++) {
		const struct bf_eval_counter key = { .handle = r->handle, .stmt = i };
		struct bf_rt_counter sum = {};

		if (s->kind != BF_STMT_COUNTER)
			continue;
		for (uint32_t at = lower(p, n, &key);
		     at < n && p[at].whose->handle == key.handle && p[at].whose->stmt == i; at++)
			add(&sum, &c[p[at].i]);
		s->counter.packets = sum.packets;
		s->counter.bytes = sum.bytes;
		s->counter.bare = false;
	}
}

int bf_native_fill(struct bf_ast_table *t, const struct bf_nstored *s, const struct bf_rt_counter *c, uint32_t n)
{
	_cleanup_free_ struct place *p = NULL;

	n = BF_MIN(n, s->n_counters);
	p = sorted(s->counters, n);
	if (!p)
		return -ENOMEM;
	for (struct bf_ast_chain *chain = t->chains; chain; chain = chain->next)
		for (struct bf_ast_rule *r = chain->rules; r; r = r->next)
			fill_rule(r, p, n, c);
	return 0;
}
