/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_patch.c: tables as iptables hands them over, one after the other,
 * as one that is compiled and what changes in place (front/xtables/changes.c,
 * gen/patch.c): rules anywhere in a chain, jumps that come and go, chains that
 * come (-N), are filled, jumped to, emptied and removed (-X). After each change
 * the cells, with what the patch writes, are walked beside the oracle that runs
 * the table as it then is: verdicts and the counter of each entry.
 *
 *   test_xt_patch [ROUNDS [SEED]]
 */
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdio.h>

#include "gen/patch_link.h"
#include "lib/inplace.h"
#include "lib/model.h"
#include "xt/build.h"

enum { CHAINS = 8, HOOKS = 3, RULES = 40, STEPS = 12, PACKETS = 60, HZ = 250 };
enum { TO_DROP = -1, TO_ACCEPT = -2, TO_RETURN = -3, TO_NOWHERE = -4 };

struct rule {
	uint8_t source; /* the packet's must be this one; 0: any */
	bool port, limited;
	bool go;
	int to; /* a chain; or TO_* */
};

struct table { /* chains 0 .. 2 are INPUT, FORWARD, OUTPUT, the others "D", "E", ... */
	struct rule rules[CHAINS][RULES];
	unsigned n[CHAINS];
	bool there[CHAINS];
	bool drops[HOOKS]; /* policies */
};

struct world {
	struct rng r;
	struct table t;
	struct bf_arena *arena;
	struct bf_buf first, now, edits; /* the state that was compiled; as it is; what led there */
	struct bf_ruleset *base;
	struct bf_graph g;
	uint64_t version;
};

static unsigned n_patched, n_refused, n_learned, n_policies, n_chains_came, n_chains_went, n_no_edit;

/* ------------------------------------------------------------------- the table */

static bool is_jumped_to(const struct table *t, int chain)
{
	for (unsigned c = 0; c < CHAINS; c++)
		for (unsigned i = 0; i < t->n[c]; i++)
			if (t->rules[c][i].to == chain)
				return true;
	return false;
}

/* Jumps go to later chains only. */
static struct rule random_rule(struct world *w, unsigned chain)
{
	struct rule x = { .source = rng_percent(&w->r, 85) ? 1 + rng_below(&w->r, 6) : 0, .port = rng_percent(&w->r, 30),
		              .limited = rng_percent(&w->r, 12), .go = rng_percent(&w->r, 20) };
	unsigned to = HOOKS + rng_below(&w->r, CHAINS - HOOKS);

	if (to > chain && w->t.there[to] && rng_percent(&w->r, 35))
		x.to = (int)to;
	else
		x.to = -1 - (int)rng_below(&w->r, rng_percent(&w->r, 90) ? 3 : 4);
	return x;
}

static void random_table(struct world *w)
{
	for (unsigned c = 0; c < CHAINS; c++) {
		w->t.there[c] = c < HOOKS || rng_percent(&w->r, 60);
		w->t.n[c] = 0;
	}
	for (unsigned c = 0; c < CHAINS; c++) {
		w->t.n[c] = w->t.there[c] && !rng_percent(&w->r, 10) ? rng_below(&w->r, c == 0 ? RULES - 8 : 10) : 0;
		for (unsigned i = 0; i < w->t.n[c]; i++)
			w->t.rules[c][i] = random_rule(w, c);
	}
}

static void insert(struct world *w, unsigned c, unsigned at, struct rule x)
{
	struct rule *rules = w->t.rules[c];

	if (w->t.n[c] == RULES || at > w->t.n[c])
		return;
	memmove(&rules[at + 1], &rules[at], (w->t.n[c]++ - at) * sizeof(*rules));
	rules[at] = x;
}

static void delete(struct world *w, unsigned c, unsigned at)
{
	struct rule *rules = w->t.rules[c];

	if (at < w->t.n[c])
		memmove(&rules[at], &rules[at + 1], (--w->t.n[c] - at) * sizeof(*rules));
}

/* What one call of iptables does. */
static void change(struct world *w)
{
	unsigned c = rng_below(&w->r, CHAINS), at = rng_below(&w->r, w->t.n[c] + 1);

	if (c < HOOKS && rng_percent(&w->r, 8)) {
		w->t.drops[c] = !w->t.drops[c]; /* -P */
		n_policies++;
	} else if (!w->t.there[c]) {
		w->t.there[c] = true; /* -N */
		w->t.n[c] = 0;
		n_chains_came++;
	} else if (c >= HOOKS && !w->t.n[c] && !is_jumped_to(&w->t, (int)c) && rng_percent(&w->r, 60)) {
		w->t.there[c] = false; /* -X */
		n_chains_went++;
	} else if (c >= HOOKS && rng_percent(&w->r, 10)) {
		w->t.n[c] = 0; /* -F */
	} else if (rng_percent(&w->r, 55)) {
		insert(w, c, rng_percent(&w->r, 50) ? at : rng_percent(&w->r, 50) ? 0 : w->t.n[c], random_rule(w, c));
	} else {
		delete(w, c, at);
	}
}

static void put_rule(struct bb *b, const struct rule *x, const uint32_t *first)
{
	uint8_t *e = bb_entry(b);

	if (x->source) {
		memcpy(e, (uint8_t[4]){ 10, 0, 0, x->source }, 4);
		memset(e + 8, 0xff, 4);
	}
	if (x->port) {
		const struct xt_tcp tcp = { .spts = { 0, 0xffff }, .dpts = { 22, 22 } };

		bb_proto(b, IPPROTO_TCP, 0);
		bb_match(b, "tcp", 0, &tcp, sizeof(tcp));
	}
	if (x->limited)
		bb_match(b, "limit", 0, &(struct xt_rateinfo){ .avg = XT_LIMIT_SCALE * 60, .burst = 2 }, sizeof(struct xt_rateinfo));
	if (x->to >= 0)
		bb_verdict(b, (int32_t)first[x->to]);
	else if (x->to == TO_NOWHERE) /* to the next entry, as iptables writes rules without a target */
		bb_verdict(b, (int32_t)(bb_offset(b) + BF_XT_HEAD + 8));
	else
		bb_verdict(b, x->to == TO_DROP ? -NF_DROP - 1 : x->to == TO_ACCEPT ? -NF_ACCEPT - 1 : XT_RETURN);
	if (x->to >= 0 && x->go)
		b->buf.data[b->entry + b->l->flags] |= (char)b->l->flag_goto;
}

static void put_all(struct bb *b, const struct table *t, uint32_t *first)
{
	bb_begin(b, NFPROTO_IPV4);
	for (unsigned c = 0; c < CHAINS; c++) {
		if (!t->there[c])
			continue;
		if (c < HOOKS)
			bb_hook(b, NF_INET_LOCAL_IN + c);
		else
			bb_head(b, (char[2]){ (char)('A' + c), 0 });
		first[c] = bb_offset(b);
		for (unsigned i = 0; i < t->n[c]; i++)
			put_rule(b, &t->rules[c][i], first);
		if (c < HOOKS)
			bb_policy(b, NF_INET_LOCAL_IN + c, t->drops[c] ? -NF_DROP - 1 : -NF_ACCEPT - 1);
		else {
			bb_entry(b);
			bb_verdict(b, XT_RETURN);
		}
	}
	bb_end(b);
}

/* Twice: the second time it is known where chains begin. */
static void make_state(const struct table *t, struct bf_buf *state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	uint32_t first[CHAINS] = { 0 };
	struct bf_xt_replace info;
	struct bb b;

	put_all(&b, t, first);
	bb_free(&b);
	put_all(&b, t, first);
	if (bf_xt_decode_replace(NFPROTO_IPV4, b.buf.data, b.buf.len, &info, state, &d)) {
		fprintf(stderr, "no table: %s\n", d.text.data ? d.text.data : "");
		abort();
	}
	bb_free(&b);
}

/* ------------------------------------------------------------------ both beside */

static bool compile(struct world *w)
{
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 1, .class_min = rng_percent(&w->r, 50) ? 4 : 16,
		                           .gates = rng_percent(&w->r, 80) };

	make_state(&w->t, &w->first);
	bf_buf_add(&w->now, w->first.data, w->first.len);
	if (bf_xt_to_ruleset(w->first.data, w->first.len, &w->base, NULL) ||
	    bf_graph_build(&w->g, w->arena, w->base->tables[0], &o, NULL))
		abort();
	if (!w->g.link)
		return false;
	test_graph_room(&w->g, w->arena);
	return true;
}

static int patch(struct world *w, const struct bf_buf *edits, struct bf_patch *out)
{
	const struct bf_xt_base base = { .state = w->first.data, .len = w->first.len };
	_cleanup_buf_ struct bf_buf spans = { 0 }, changes = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *stub = NULL;
	const struct bf_gear *gear = NULL;
	int err = bf_gen_patch_spans(w->g.link, w->g.link_len, &spans);

	if (!err)
		err = bf_xt_changes(&base, edits->data, edits->len, (void *)spans.data,
		                    (uint32_t)(spans.len / sizeof(struct bf_span)), &stub, &changes, NULL);
	if (!err)
		err = bf_gen_patch(&(struct bf_changes){ .link = w->g.link, .len = w->g.link_len, .stub = stub->tables[0],
		                                         .now = stub->tables[1], .changes = (void *)changes.data,
		                                         .n = changes.len / sizeof(struct bf_changed),
		                                         .fresh = bf_xt_next_slot(&base, w->edits.data, w->edits.len),
		                                         .version = w->version }, w->arena, out, &gear, NULL);
	if (!err && gear) {
		n_learned++;
		err = test_graph_learn(&w->g, gear, w->arena) ? 0 : -EAGAIN;
	}
	return err;
}

static bool counters_differ(const struct bf_buf *slots, const struct bf_rt_counter *want, const struct bf_rt_counter *got)
{
	const uint32_t *slot = (const void *)slots->data;

	for (uint32_t i = 0; i < slots->len / sizeof(*slot); i++)
		if (want[i].packets != got[slot[i]].packets || want[i].bytes != got[slot[i]].bytes)
			return fprintf(stderr, "entry %u, slot %u: oracle %llu packets, cells %llu\n", i, slot[i],
			               (unsigned long long)want[i].packets, (unsigned long long)got[slot[i]].packets), true;
	return false;
}

static bool packets_differ(struct world *w, const struct bf_table *now, const struct bf_buf *slots)
{
	const struct test_model_opts o = { .family = NFPROTO_IPV4 };
	struct bf_interp *in = test_must(bf_interp_new(now, HZ));
	struct bf_table room = *w->base->tables[0];
	struct cells cells;
	bool bad;

	room.n_counters = ((const struct bf_link_head *)w->g.link)->n_counters;
	if (cells_init(&cells, &w->g, &room, HZ))
		abort();
	cells.version = w->version;
	bad = test_packets_differ(&cells, in, &w->r, &o, now, PACKETS) ||
	      counters_differ(slots, bf_interp_counters(in), cells.counters);
	cells_free(&cells);
	bf_interp_free(in);
	return bad;
}

static bool state_differs(struct world *w, const struct bf_buf *edits)
{
	const struct bf_xt_base base = { .state = w->first.data, .len = w->first.len };
	_cleanup_buf_ struct bf_buf state = { 0 }, slots = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *now = NULL;
	bool bad;

	if (bf_xt_apply(&base, edits->data, edits->len, &state, &slots) || bf_xt_to_ruleset(state.data, state.len, &now, NULL))
		abort();
	bad = state.len != w->now.len || memcmp(state.data, w->now.data, state.len) ||
	      packets_differ(w, now->tables[0], &slots);
	if (bad) {
		_cleanup_buf_ struct bf_buf text = { 0 };

		bf_buf_puts(&text, "compiled:\n");
		bf_table_print(&text, w->base->tables[0], NULL);
		bf_buf_puts(&text, "now:\n");
		bf_table_print(&text, now->tables[0], NULL);
		fputs(text.data, stderr);
	}
	return bad;
}

/* One more edit. What is refused is as if it had not been asked for. */
static bool step_differs(struct world *w)
{
	_cleanup_buf_ struct bf_buf next = { 0 }, edits = { 0 };
	struct table before = w->t;
	struct bf_patch p;
	int err;

	change(w);
	make_state(&w->t, &next);
	bf_buf_add(&edits, w->edits.data, w->edits.len);
	err = bf_xt_diff(w->now.data, w->now.len, next.data, next.len, &edits);
	n_no_edit += err != 0;
	if (!err)
		err = patch(w, &edits, &p);
	if (err) {
		n_refused++;
		w->t = before;
		if (err != -EAGAIN)
			abort();
		return false;
	}
	n_patched++;
	test_graph_write(&w->g, &p);
	w->version++;
	bf_buf_free(&w->now);
	bf_buf_free(&w->edits);
	w->now = next;
	w->edits = edits;
	next = edits = (struct bf_buf){ 0 };
	return state_differs(w, &w->edits);
}

static bool round_differs(uint64_t seed)
{
	struct world w = { .r = { seed }, .arena = test_must(bf_arena_new()) };
	bool bad = false;

	random_table(&w);
	if (compile(&w))
		for (unsigned i = 0; i < STEPS && !bad; i++)
			bad = step_differs(&w);
	if (bad)
		fprintf(stderr, "differs with seed %llu\n", (unsigned long long)seed);
	bf_buf_free(&w.first);
	bf_buf_free(&w.now);
	bf_buf_free(&w.edits);
	bf_ruleset_free(w.base);
	bf_arena_free(w.arena);
	return bad;
}

int main(int argc, char **argv)
{
	struct test_rounds t = test_rounds(argc, argv, 1000, round_differs);

	printf("%u tables: %u changes in place, before %u of them programs learned something, %u to be compiled, %u of them no edits; "
	       "%u chains came, %u went; %u policies; %u failed\n", t.n, n_patched, n_learned, n_refused, n_no_edit, n_chains_came,
	       n_chains_went, n_policies, t.failed);
	return t.failed != 0 || (t.n > 100 && (n_patched < 4 * n_refused || !n_learned));
}
