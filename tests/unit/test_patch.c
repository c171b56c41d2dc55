/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_patch.c: tables that change in place. A random ruleset stands for all
 * rules there ever are; some of them are there when the table is compiled and
 * go, others come. After each of several versions of this the graph, with what
 * the patch writes, is walked beside the oracle that runs the table as it then
 * is: verdicts, actions, all counters.
 *
 *   test_patch [ROUNDS [SEED]]
 */
#include <stdio.h>

#include "gen/patch_link.h"
#include "base/image.h"
#include "lib/inplace.h"
#include "lib/model.h"

enum { PACKETS = 60, HZ = 250, VERSIONS = 4 };
enum status { ALWAYS, COMES, GOES };

struct mark { /* of a rule of the ruleset */
	enum status status;
	bool active; /* in this version: it has come, or gone */
};

struct world {
	struct rng r;
	const struct bf_table *all;
	struct mark **marks;  /* by chain and rule */
	struct bf_arena *arena;
	struct bf_table *base;
	struct bf_graph g;
	uint32_t n_base;
};

static unsigned n_patched, n_refused, n_learned, n_codes, n_rules[3], chance;
static bool plain; /* in this round: few rules do what cannot be done in place */

/* Room for a copy of the table: chains without rules. */
static struct bf_table *copy_chains(struct world *w)
{
	struct bf_table *t = test_must(bf_arena_memdup(w->arena, w->all, sizeof(*t)));

	t->chains = test_must(bf_arena_array(w->arena, t->n_chains, struct bf_chain *));
	for (uint32_t i = 0; i < t->n_chains; i++) {
		t->chains[i] = test_must(bf_arena_memdup(w->arena, w->all->chains[i], sizeof(struct bf_chain)));
		t->chains[i]->table = t;
		t->chains[i]->n_rules = 0;
		t->chains[i]->rules = test_must(bf_arena_array(w->arena, w->all->chains[i]->n_rules + 1, struct bf_rule));
	}
	return t;
}

/* Its jumps lead to `to`. */
static struct bf_rule *copy_rule(const struct world *w, struct bf_table *t, uint32_t chain, uint32_t rule,
                                 const struct bf_table *to)
{
	struct bf_chain *c = t->chains[chain];
	struct bf_rule *r = &c->rules[c->n_rules++];

	*r = w->all->chains[chain]->rules[rule];
	for (uint32_t i = 0; i < t->n_chains; i++)
		if (r->verdict.chain == w->all->chains[i])
			r->verdict.chain = to->chains[i];
	return r;
}

/* Counters of statements in the middle of rules. What matches hold is this test's own. */
static void number_statements(struct bf_rule *r, uint32_t *n)
{
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_rule_cond(r, i)->kind == BF_COND_MATCH && bf_rule_cond(r, i)->match == &bf_match_counter)
			((struct bf_count_here *)bf_rule_cond(r, i)->data)->counter = (*n)++;
}

/* Counters: first those of the table that is compiled, then those of rules that come. */
static void number(struct world *w)
{
	uint32_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t c = 0; c < w->all->n_chains; c++) {
			struct bf_chain *chain = w->all->chains[c];

			for (uint32_t i = 0; i < chain->n_rules; i++) {
				struct bf_rule *r = &chain->rules[i];

				if ((w->marks[c][i].status == COMES) != pass)
					continue;
				if (r->counter != BF_NO_COUNTER)
					r->counter = n++;
				number_statements(r, &n);
			}
			if (!pass && chain->counter != BF_NO_COUNTER)
				chain->counter = n++;
		}
		if (!pass)
			w->n_base = n;
	}
	((struct bf_table *)w->all)->n_counters = n;
}

static bool has_match(const struct bf_rule *r)
{
	for (uint32_t i = 0; i < r->n_conds; i++)
		if (bf_rule_cond(r, i)->kind == BF_COND_MATCH)
			return true; /* with a state that is its own */
	return false;
}

/* May it ask what another asks? Not when its verdict is that of a map it looks into. */
static bool can_repeat(const struct bf_rule *r, const struct bf_rule *from)
{
	return r->verdict.kind != BF_VERDICT_MAP && !has_match(from);
}

/* Rules that ask what an earlier one asks: one hides the other, and which of them comes first matters. */
static void repeat_rules(struct world *w, const struct bf_chain *c)
{
	for (uint32_t i = 1; i < c->n_rules; i++) {
		uint32_t from = i - 1 - rng_below(&w->r, BF_MIN(i, 4u));

		if (rng_percent(&w->r, 70) || !can_repeat(&c->rules[i], &c->rules[from]))
			continue;
		c->rules[i].conds = c->rules[from].conds;
		c->rules[i].n_conds = c->rules[from].n_conds;
	}
}

static void make_plain(struct world *w, struct bf_rule *r)
{
	r->verdict.index = 0; /* a place in the middle of a chain would move */
	if (!plain)
		return;
	if (rng_percent(&w->r, 50)) {
		r->n_actions = 0;
		if (r->verdict.kind == BF_VERDICT_ACTION)
			r->verdict.kind = BF_VERDICT_DROP;
	}
	if (r->verdict.kind == BF_VERDICT_JUMP && rng_percent(&w->r, 90))
		r->verdict.kind = rng_percent(&w->r, 50) ? BF_VERDICT_DROP : BF_VERDICT_ACCEPT;
}

static void mark_rules(struct world *w)
{
	w->marks = test_must(bf_arena_array(w->arena, w->all->n_chains, struct mark *));
	for (uint32_t c = 0; c < w->all->n_chains; c++) {
		const struct bf_chain *chain = w->all->chains[c];

		repeat_rules(w, chain);
		w->marks[c] = test_must(bf_arena_array(w->arena, chain->n_rules + 1, struct mark));
		for (uint32_t i = 0; i < chain->n_rules; i++) {
			make_plain(w, &chain->rules[i]);
			if (rng_percent(&w->r, chance))
				w->marks[c][i].status = rng_percent(&w->r, 50) ? COMES : GOES;
			if (i && w->marks[c][i - 1].status == COMES && can_repeat(&chain->rules[i], &chain->rules[i - 1]) &&
			    rng_percent(&w->r, 30)) {
				w->marks[c][i].status = COMES; /* two that come to the same place: which is first? */
				chain->rules[i].conds = chain->rules[i - 1].conds;
				chain->rules[i].n_conds = chain->rules[i - 1].n_conds;
			}
			n_rules[w->marks[c][i].status]++;
		}
	}
}

static bool make_base(struct world *w, uint32_t class_min)
{
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 1, .class_min = class_min, .gates = rng_percent(&w->r, 70) };

	w->base = copy_chains(w);
	for (uint32_t c = 0; c < w->all->n_chains; c++)
		for (uint32_t i = 0; i < w->all->chains[c]->n_rules; i++)
			if (w->marks[c][i].status != COMES)
				copy_rule(w, w->base, c, i, w->base);
	w->base->n_counters = w->n_base;
	if (bf_graph_build(&w->g, w->arena, w->base, &o, NULL) < 0 || !w->g.link)
		return false;
	test_graph_room(&w->g, w->arena);
	return true;
}

/* Is rule `rule` of the compiled chain one of those that change together with one that changes? */
static bool in_span(const struct world *w, const struct bf_buf *spans, uint32_t c, uint32_t rule)
{
	for (const struct bf_span *s = (void *)spans->data; (char *)s < spans->data + spans->len; s++) {
		uint32_t at = 0;

		if (s->chain != c || rule < s->from || rule >= s->to)
			continue;
		for (uint32_t i = 0; i < w->all->chains[c]->n_rules; i++) {
			bool comes = w->marks[c][i].status == COMES;

			if (w->marks[c][i].active && bf_span_has(s, c, at, comes ? BF_CAME : BF_WENT))
				return true;
			at += !comes;
		}
	}
	return false;
}

struct version {
	struct bf_table *table; /* as it is in this version, */
	struct bf_table *now;   /* likewise; jumps lead to the stub's chains */
	struct bf_table *stub;
	struct bf_buf changes;
};

static void next_chain(struct world *w, struct version *v, const struct bf_buf *spans, uint32_t c)
{
	bool gone = false;
	uint32_t at = 0; /* rules as compiled */

	for (uint32_t i = 0; i < w->all->chains[c]->n_rules; i++) {
		struct mark *m = &w->marks[c][i];
		struct bf_changed ch = { .chain = c, .rule = at, .kind = BF_STAYS };

		if (m->active)
			ch.kind = m->status == COMES ? BF_CAME : BF_WENT;
		if (m->status == COMES ? m->active : !m->active) {
			copy_rule(w, v->table, c, i, v->table);
			copy_rule(w, v->now, c, i, v->stub);
		}
		gone |= ch.kind == BF_WENT;
		if (m->active || (m->status != COMES && (gone || in_span(w, spans, c, at)))) {
			ch.what = copy_rule(w, v->stub, c, i, v->stub);
			bf_buf_add(&v->changes, &ch, sizeof(ch));
		}
		at += m->status != COMES;
	}
}

static void next_version(struct world *w, struct version *v)
{
	_cleanup_buf_ struct bf_buf spans = { 0 };

	*v = (struct version){ copy_chains(w), copy_chains(w), copy_chains(w), { 0 } };
	if (bf_gen_patch_spans(w->g.link, w->g.link_len, &spans))
		abort();
	for (uint32_t c = 0; c < w->all->n_chains; c++)
		for (uint32_t i = 0; i < w->all->chains[c]->n_rules; i++)
			w->marks[c][i].active = w->marks[c][i].status != ALWAYS && rng_percent(&w->r, 60);
	for (uint32_t c = 0; c < w->all->n_chains; c++)
		next_chain(w, v, &spans, c);
}

static bool counters_differ(const struct bf_table *t, const struct bf_rt_counter *want, const struct bf_rt_counter *got)
{
	for (uint32_t i = 0; i < t->n_counters; i++)
		if (want[i].packets != got[i].packets || want[i].bytes != got[i].bytes)
			return fprintf(stderr, "counter %u: oracle %llu packets, cells %llu\n", i, (unsigned long long)want[i].packets,
			               (unsigned long long)got[i].packets), true;
	return false;
}

static bool same_codes(const struct world *w, const struct bf_packet *p, const struct bf_outcome *want,
                       const struct cells_outcome *got)
{
	if (got->n_codes != want->n_actions || got->n_codes > w->g.companion.max_codes_per_packet)
		return got->n_codes == want->n_actions && !got->n_codes;
	for (uint32_t i = 0; i < want->n_actions; i++) {
		const struct bf_handoff_spec *have = &w->g.companion.codes[got->codes[i]];
		struct bf_handoff_spec spec = { 0 };

		want->actions[i]->target->handoff(want->actions[i]->data, p->family, &spec);
		if (have->kind != spec.kind || have->size != spec.size || memcmp(have->info, spec.info, spec.size) ||
		    have->reject_type != spec.reject_type || have->reject_code != spec.reject_code)
			return false;
	}
	n_codes += want->n_actions;
	return true;
}

static bool differs(struct world *w, const struct bf_table *t, const struct test_packet *p, uint64_t version)
{
	struct bf_interp *in = test_must(bf_interp_new(t, HZ));
	struct cells cells;
	bool bad = false, overflow = false;

	if (cells_init(&cells, &w->g, t, HZ) < 0)
		abort();
	cells.version = version;
	for (unsigned i = 0; i < PACKETS && !bad && !overflow; i++) {
		struct cells_outcome got;
		struct bf_outcome want;

		bf_interp_run(in, &p[i].p, &want);
		overflow = want.overflow;
		cells_run(&cells, &p[i].p, &got);
		bad = !overflow && (got.lost || got.verdict != want.verdict || !same_codes(w, &p[i].p, &want, &got));
		if (bad)
			test_packet_differs(i, &want, &got);
	}
	bad = bad || (!overflow && counters_differ(t, bf_interp_counters(in), cells.counters));
	cells_free(&cells);
	bf_interp_free(in);
	return bad;
}

static struct bf_changes changes_of(const struct world *w, const struct version *v, uint64_t version)
{
	return (struct bf_changes){ .link = w->g.link, .len = w->g.link_len, .stub = v->stub, .now = v->now,
		                        .changes = (void *)v->changes.data, .n = v->changes.len / sizeof(struct bf_changed),
		                        .version = version };
}

/* What another version of the library compiled is not changed in place. */
static bool takes_foreign(struct world *w, const struct version *v, uint64_t version)
{
	uint32_t *link = bf_arena_memdup(w->arena, w->g.link, w->g.link_len);
	struct bf_changes c = changes_of(w, v, version);
	struct bf_patch p = { 0 };

	c.link = link;
	*link ^= 4; /* its magic */
	return bf_gen_is_ours(link, w->g.link_len) || !bf_gen_is_ours(w->g.link, w->g.link_len) ||
	       bf_gen_patch(&c, w->arena, &p, NULL, NULL) != -EAGAIN;
}

/* What is walked here can do everything; but codes have to be known by their numbers. */
static int learn(struct world *w, const struct bf_gear *gear)
{
	n_learned++;
	return test_graph_learn(&w->g, gear, w->arena) ? 0 : -EAGAIN;
}

static bool version_differs(struct world *w, const struct test_model_opts *o, uint64_t version)
{
	static struct test_packet packets[PACKETS];
	const struct bf_gear *gear = NULL;
	struct bf_patch p = { 0 };
	struct bf_changes c;
	struct version v;
	bool bad;
	int err;

	next_version(w, &v);
	c = changes_of(w, &v, version);
	err = bf_gen_patch(&c, w->arena, &p, &gear, NULL);
	if (!err && gear)
		err = learn(w, gear);
	bad = !err && takes_foreign(w, &v, version);
	bf_buf_free(&v.changes);
	if (bad)
		return true;
	if (err) {
		n_refused++;
		if (err != -EAGAIN)
			abort();
		return false;
	}
	n_patched++;
	test_graph_write(&w->g, &p);
	for (unsigned i = 0; i < PACKETS; i++)
		test_packet_random(&w->r, o, w->all, &packets[i]);
	bad = differs(w, v.table, packets, version + 1);
	if (bad) {
		_cleanup_buf_ struct bf_buf text = { 0 };

		bf_buf_puts(&text, "compiled:\n");
		bf_table_print(&text, w->base, NULL);
		bf_buf_puts(&text, "now:\n");
		bf_table_print(&text, v.table, NULL);
		fputs(text.data, stderr);
	}
	return bad;
}

static bool round_differs(uint64_t seed)
{
	struct world w = { .r = { seed }, .arena = test_must(bf_arena_new()) };
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_NETDEV };
	struct test_model_opts o = { .family = families[seed % 4], .native = seed % 4 >= 2 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	bool bad = false;

	o.all_hook = seed % 4 == 3 ? BF_HOOK_TC_INGRESS : 0;
	o.size = 4 + rng_below(&w.r, 60);
	chance = 1 + rng_below(&w.r, 12);
	plain = rng_percent(&w.r, 80);
	rs = test_model_random(&w.r, &o);
	w.all = rs->tables[0];
	mark_rules(&w);
	number(&w);
	if (make_base(&w, rng_percent(&w.r, 50) ? 2 : 8))
		for (uint64_t version = 0; version < VERSIONS && !bad; version++)
			bad = version_differs(&w, &o, version);
	if (bad)
		fprintf(stderr, "differs with seed %llu\n", (unsigned long long)seed);
	bf_arena_free(w.arena);
	return bad;
}

int main(int argc, char **argv)
{
	struct test_rounds t = test_rounds(argc, argv, 2000, round_differs);

	printf("%u rulesets: %u versions in place, %u to be compiled; of the rules %u stayed, %u came, %u went; %u hand-offs; "
	       "%u failed\n", t.n, n_patched, n_refused, n_rules[ALWAYS], n_rules[COMES], n_rules[GOES], n_codes, t.failed);
	return t.failed != 0 || (t.n > 100 && (n_patched < t.n / 4 || !n_codes));
}
