/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rules.c: rules of a stored native table come and go in place. Random
 * commands are done twice: by the index of the table's rules and deltas of the
 * graph that was compiled (front/native/rules.h, gen/patch.h), and by reading
 * table and log as a whole and evaluating them anew. The cells walked with the
 * deltas must do what the oracle does with the whole, and count for the same
 * rules.
 *
 *   test_rules [ROUNDS [SEED]]
 */
#include <stdio.h>

#include "base/image.h"
#include "front/native/rules.h"
#include "gen/patch_link.h"
#include "lib/inplace.h"
#include "lib/model.h"

enum { PACKETS = 40, HZ = 250, VERSIONS = 6, CLASS_MIN = 2, CHAINS = 7 /* c4 and behind come and go */ };

struct world {
	struct rng r;
	unsigned family; /* in families */
	struct bf_arena *arena;
	struct bf_buf state, log;
	struct bf_table *base; /* the model that was compiled */
	struct bf_evaluated ev;
	struct bf_graph g;
	uint64_t version;
	bool sets; /* rules look into some from the beginning */
	char command[2000];
};

static const struct {
	const char *name;
	uint8_t nfproto;
} families[] = { { "ip", NFPROTO_IPV4 }, { "ip6", NFPROTO_IPV6 }, { "inet", NFPROTO_INET } };

static const struct bf_eval_env env = { .hz = HZ };
static unsigned n_patched, n_refused, n_fixed, n_led, n_learned;
static unsigned n_verbs[4];

/* ----------------------------------------------------------------- random text */

static const char *pick(struct rng *r, const char *const *list, unsigned n)
{
	return list[rng_below(r, n)];
}
#define PICK(r, list) pick(r, list, BF_ARRAY_SIZE(list))

/* Matches that do not contradict each other: that would be an error. */
static void add_matches(struct world *w, struct bf_buf *out, bool *l4)
{
	static const char *const ip[] = { "ip saddr 10.0.0.0/8", "ip saddr 10.1.0.0/16", "ip saddr 10.1.2.3", "ip daddr 10.9.0.1",
		                              "ip daddr != 10.9.0.0/24", "ip saddr { 10.1.2.3, 10.2.0.0/16, 192.0.2.1 }",
		                              "ip saddr 10.1.2.3 ip daddr 10.9.0.0/24" };
	static const char *const ip6[] = { "ip6 saddr 2001:db8::/32", "ip6 saddr 2001:db8:1::/48", "ip6 saddr 2001:db8::7",
		                               "ip6 daddr != 2001:db8::/64" };
	static const char *const families_alone[] = { "meta nfproto ipv4", "meta nfproto ipv6" };
	static const char *const ports[] = { "tcp dport 22", "tcp dport { 22, 80-90 }", "udp dport 53", "meta l4proto tcp",
		                                 "tcp dport != 22", "udp sport 1024-65535", "meta l4proto icmp", "meta l4proto 6 th dport 80" };
	static const char *const any[] = { "counter", "meta mark 5", "ct state established", "meta length 20-100" };
	static const char *const ip_sets[] = { "ip saddr @s", "ip daddr @s", "ip saddr != @s", "ip saddr @v", "ip daddr != @v",
		                                   "ip saddr . tcp dport @p", "ip daddr . udp dport @p", "ip saddr . tcp dport != @p",
		                                   "ip saddr . tcp dport { 10.1.2.3 . 22, 10.2.0.9 . 80 }" };
	static const char *const ip6_sets[] = { "ip6 saddr @s", "ip6 daddr != @s", "ip6 saddr @v", "ip6 daddr @v",
		                                    "ip6 saddr . tcp dport @p", "ip6 saddr . udp dport != @p" };
	unsigned kind = rng_below(&w->r, 10);

	if (rng_percent(&w->r, 25) && (w->base || w->sets)) {
		bf_buf_printf(out, "%s ", w->family == 1 ? PICK(&w->r, ip6_sets) : PICK(&w->r, ip_sets));
		*l4 = true; /* or none to be asked for */
		return;
	}
	if (kind < 6)
		bf_buf_printf(out, "%s ", w->family == 0 || (w->family == 2 && kind < 4) ? PICK(&w->r, ip) : PICK(&w->r, ip6));
	else if (w->family == 2 && kind == 6)
		bf_buf_printf(out, "%s ", PICK(&w->r, families_alone));
	*l4 = rng_percent(&w->r, 60);
	if (*l4)
		bf_buf_printf(out, "%s ", PICK(&w->r, ports));
	if (rng_percent(&w->r, 25))
		bf_buf_printf(out, "%s ", PICK(&w->r, any));
}

/* level: of the chain; jumps lead to higher ones. */
static void add_rule_text(struct world *w, struct bf_buf *out, unsigned level)
{
	static const char *const ends[] = { "accept", "drop", "counter drop", "counter accept", "return", "counter", "drop", "accept",
		                                "log prefix \"x\"", "reject", "continue", "tcp dport vmap { 22 : accept, 80 : drop }",
		                                "log prefix \"x\" tcp dport 80 drop" };
	unsigned end = rng_below(&w->r, 20), last = w->base ? CHAINS - 1 : 3;
	bool l4;

	add_matches(w, out, &l4);
	if (rng_percent(&w->r, 8) && (w->base || w->sets)) /* from chains at hooks: others might lead to themselves */
		bf_buf_puts(out, level == 1 ? "th dport vmap @m" : "counter name \"n\"");
	else if (level < last && (end == 19 || (w->base && end == 18)))
		bf_buf_printf(out, "%s c%u", rng_percent(&w->r, 50) ? "jump" : "goto", level + 1 + rng_below(&w->r, last - level));
	else if (end < (l4 ? 11u : 13u))
		bf_buf_puts(out, ends[end]);
	else
		bf_buf_puts(out, rng_percent(&w->r, 50) ? "counter drop" : "accept");
}

static void table_text(struct world *w, struct bf_buf *out)
{
	static const char *const sets[] = {
		"type ipv4_addr; elements = { 10.1.2.3, 10.9.0.1, 192.0.2.1 }; }\n"
		"set v { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 10.9.0.0-10.9.0.7 }; }\n"
		"set p { type ipv4_addr . inet_service; elements = { 10.1.2.3 . 22, 10.9.0.1 . 53, 10.1.2.3 . 80 }; }\n",
		"type ipv6_addr; elements = { 2001:db8::7, 2001:db8::1 }; }\n"
		"set v { type ipv6_addr; flags interval; elements = { 2001:db8:1::/48 }; }\n"
		"set p { type ipv6_addr . inet_service; elements = { 2001:db8::7 . 22, 2001:db8::1 . 53 }; }\n",
	};

	w->sets = rng_percent(&w->r, 70);
	bf_buf_printf(out, "table %s t {\ncounter n { }\nset s { %s", families[w->family].name, sets[w->family == 1]);
	bf_buf_printf(out, "map m { type inet_service : verdict; elements = { 22 : accept, 53 : jump c2, 80 : goto c3, 90 : drop%s }; }\n",
	              rng_percent(&w->r, 50) ? ", 85 : continue" : "");
	for (unsigned c = 0; c < 4; c++) {
		unsigned n = rng_percent(&w->r, 10) ? 0 : 3 + rng_below(&w->r, 20);

		bf_buf_printf(out, "chain c%u {\n", c);
		if (c < 2)
			bf_buf_printf(out, "type filter hook %s priority 0; policy %s;\n", c ? "output" : "input",
			              rng_percent(&w->r, 50) ? "drop" : "accept");
		while (n--) {
			add_rule_text(w, out, BF_MAX(c, 1u));
			bf_buf_puts(out, "\n");
		}
		bf_buf_puts(out, "}\n");
	}
	bf_buf_puts(out, "}\n");
}

static const struct bf_ast_chain *chain_now(const struct bf_ast_cmd *now, unsigned chain)
{
	const struct bf_ast_chain *c = now->body->chains;
	char name[16];

	snprintf(name, sizeof(name), "c%u", chain);
	while (c && strcmp(c->name.text, name))
		c = c->next;
	return c;
}

/* A handle of the chain as it is now, or 0. */
static uint64_t any_handle(struct world *w, const struct bf_ast_cmd *now, unsigned chain, uint64_t *index)
{
	const struct bf_ast_chain *c = chain_now(now, chain);
	const struct bf_ast_rule *r;
	unsigned n = 0;

	for (r = c ? c->rules : NULL; r; r = r->next)
		n++;
	if (!n)
		return 0;
	*index = n = rng_below(&w->r, n);
	for (r = c->rules; n--; r = r->next)
		;
	return r->handle;
}

/* Chains come, are emptied, and go where they can. */
static void chain_text(struct world *w, const struct bf_ast_cmd *now, struct bf_buf *out)
{
	unsigned chain = 2 + rng_below(&w->r, CHAINS - 2);
	const struct bf_ast_chain *c = chain_now(now, chain);
	const char *verb = !c ? "add" : c->rules && rng_percent(&w->r, 70) ? "flush" : "delete";

	bf_buf_printf(out, "%s chain %s t c%u\n", verb, families[w->family].name, chain);
}

static void command_text(struct world *w, const struct bf_ast_cmd *now, struct bf_buf *out)
{
	unsigned chain = rng_below(&w->r, CHAINS), verb = rng_below(&w->r, 4), level = BF_MAX(chain, 1u);
	const char *family = families[w->family].name;
	uint64_t index = 0, handle = any_handle(w, now, chain, &index);

	if (!chain_now(now, chain) || rng_percent(&w->r, 10))
		return chain_text(w, now, out);
	if (!handle && verb > 1)
		verb = 0;
	n_verbs[verb]++;
	if (verb < 2) {
		bf_buf_printf(out, "%s rule %s t c%u ", verb ? "insert" : "add", family, chain);
		if (handle && rng_percent(&w->r, 40))
			bf_buf_printf(out, "position %llu ", (unsigned long long)handle);
		else if (handle && rng_percent(&w->r, 40))
			bf_buf_printf(out, "index %llu ", (unsigned long long)index);
	} else {
		bf_buf_printf(out, "%s rule %s t c%u handle %llu ", verb == 2 ? "replace" : "delete", family, chain,
		              (unsigned long long)handle);
	}
	if (verb < 3)
		add_rule_text(w, out, level);
	bf_buf_puts(out, "\n");
}

/* ------------------------------------------------------------------- the table */

static int none(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	return -ENOENT;
}

/* Stores a random table. False: it is none that can be changed in place. */
static bool make_base(struct world *w)
{
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 1, .class_min = CLASS_MIN };
	const struct bf_napply_ops ops = { .read = none };
	_cleanup_buf_ struct bf_buf text = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_nstore_parts parts = { 0 };
	struct bf_napply a;
	bool ok;

	table_text(w, &text);
	if (bf_native_parse(&ast, "t", text.data, text.len, NULL, &d))
		return fprintf(stderr, "%s\n%s", text.data, d.text.data), abort(), false;
	bf_napply_init(&a, ast, &ops, &d);
	ok = !bf_napply_run(&a) && !bf_native_eval(ast, a.tables->cmd, &env, &w->ev, &d);
	if (ok) {
		w->base = w->ev.rs->tables[0];
		if (bf_graph_build(&w->g, w->arena, w->base, &o, NULL))
			abort();
		parts = (struct bf_nstore_parts){ .counters = w->ev.counters, .n_counters = w->ev.n_counters, .link = w->g.link,
			                              .link_len = w->g.link_len, .ev = &w->ev };
		bf_native_style(a.tables->cmd->body, BF_STYLE_STATELESS); /* as it is stored */
		bf_nstored_write(&w->state, a.tables, 1, &parts);
		ok = w->g.link;
	}
	bf_napply_free(&a);
	if (!ok)
		return false;
	test_graph_room(&w->g, w->arena);
	return true;
}

static void open_stored(struct world *w, struct bf_nstored *s, struct bf_ast **ast, struct bf_ast_cmd **cmd)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (bf_nstored_read(w->state.data, w->state.len, w->log.data, w->log.len, s) || bf_native_parse(ast, "", "", 0, NULL, NULL) ||
	    bf_nstored_parse(s, *ast, cmd, &d)) {
		fprintf(stderr, "the stored table cannot be read: %s\n", d.text.data ? d.text.data : "");
		abort();
	}
}

/* Programs that learned are told by the stored link. */
static int learn(struct world *w, struct bf_nstored *s, const struct bf_gear *gear)
{
	struct bf_buf state = { 0 };

	if (!test_graph_learn(&w->g, gear, w->arena))
		return -EAGAIN;
	n_learned++;
	bf_nstored_relink(&state, s, w->state.data, w->state.len, w->g.link, w->g.link_len);
	if (state.err)
		abort();
	bf_nstored_free(s);
	bf_buf_free(&w->state);
	w->state = state;
	return bf_nstored_read(w->state.data, w->state.len, w->log.data, w->log.len, s);
}

/* As api/native_patch.c does. */
static int change(struct world *w, const char *text, size_t len)
{
	_cleanup_nrules_ struct bf_nrules rules = { 0 };
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	_cleanup_buf_ struct bf_buf printed = { 0 }, spans = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	const struct bf_gear *gear = NULL;
	struct bf_nrules_model m = { 0 };
	struct bf_patch patch;
	int err;

	if (bf_nstored_read(w->state.data, w->state.len, w->log.data, w->log.len, &s) ||
	    bf_native_parse(&ast, "c", text, len, NULL, NULL))
		abort();
	err = bf_nrules_open(&rules, &s, ast);
	if (err)
		return err;
	for (struct bf_ast_cmd *c = ast->cmds; !err && c; c = c->next) {
		err = bf_nrules_apply(&rules, c);
		bf_native_print_cmd(&printed, c);
	}
	if (!err)
		err = bf_gen_patch_spans(s.link, s.head->link_len, &spans);
	if (!err)
		err = bf_nrules_model(&rules, &s, (void *)spans.data, (uint32_t)(spans.len / sizeof(struct bf_span)), &env, &m);
	if (!err)
		err = bf_gen_patch(&(struct bf_changes){ .link = s.link, .len = s.head->link_len, .stub = m.ev.rs->tables[0],
		                                         .now = m.now.rs ? m.now.rs->tables[0] : NULL,
		                                         .changes = (void *)m.changes.data,
		                                         .n = m.changes.len / sizeof(struct bf_changed), .fresh = s.n_counters,
		                                         .version = w->version }, w->arena, &patch, &gear, NULL);
	if (!err && gear)
		err = learn(w, &s, gear);
	if (!err) {
		test_graph_write(&w->g, &patch);
		n_led += m.now.rs && m.now.rs->tables[0]->n_chains;
		w->version++;
		bf_nlog_commands(&w->log, rules.last, (void *)m.fresh.data, m.fresh.len / sizeof(struct bf_eval_counter), printed.data,
		                 printed.len);
	}
	bf_nrules_model_free(&m);
	return err;
}

/* ------------------------------------------------------------------ both beside */

static uint32_t slot_of(const struct bf_nstored *s, const struct bf_eval_counter *c)
{
	for (uint32_t i = 0; i < s->n_counters; i++)
		if (s->counters[i].handle == c->handle && s->counters[i].ordinal == c->ordinal && s->counters[i].what == c->what)
			return i;
	return UINT32_MAX;
}

static bool counters_differ(const struct bf_nstored *s, const struct bf_evaluated *ev, const struct bf_rt_counter *want,
                            const struct bf_rt_counter *got)
{
	for (uint32_t i = 0; i < ev->n_counters; i++) {
		uint32_t slot = slot_of(s, &ev->counters[i]);

		if (slot == UINT32_MAX || want[i].packets != got[slot].packets || want[i].bytes != got[slot].bytes)
			return fprintf(stderr, "counter %u of rule %llu: oracle %llu packets, cells %lld\n", ev->counters[i].ordinal,
			               (unsigned long long)ev->counters[i].handle, (unsigned long long)want[i].packets,
			               slot == UINT32_MAX ? -1 : (long long)got[slot].packets), true;
	}
	return false;
}

static bool packets_differ(struct world *w, const struct bf_nstored *s, const struct bf_evaluated *ev)
{
	struct test_model_opts o = { .family = families[w->family].nfproto };
	const struct bf_table *now = ev->rs->tables[0];
	struct bf_interp *in = test_must(bf_interp_new(now, HZ));
	struct bf_table room = *w->base;
	struct cells cells;
	bool bad;

	room.n_counters = ((const struct bf_link_head *)w->g.link)->n_counters;
	if (cells_init(&cells, &w->g, &room, HZ))
		abort();
	cells.version = w->version;
	bad = test_packets_differ(&cells, in, &w->r, &o, now, PACKETS) ||
	      counters_differ(s, ev, bf_interp_counters(in), cells.counters);
	cells_free(&cells);
	bf_interp_free(in);
	return bad;
}

static void complain(struct world *w, const struct bf_ast_cmd *cmd)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_native_print_as(&text, cmd, BF_PRINT_HANDLES);
	fprintf(stderr, "last: %s\nthe table now:\n%s", w->command, text.data);
}

/* The text put together from the index, and that of the table. */
static bool text_differs(struct world *w, const struct bf_nstored *s, const struct bf_ast_cmd *cmd)
{
	_cleanup_nrules_ struct bf_nrules rules = { 0 };
	_cleanup_buf_ struct bf_buf text = { 0 }, whole = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;

	int err;

	if (bf_native_parse(&ast, "", "", 0, NULL, NULL) || bf_nrules_open(&rules, s, ast))
		abort();
	err = bf_nrules_text(&rules, s, &text);
	if (err == -EAGAIN)
		return false; /* chains came or went */
	if (err)
		abort();
	bf_native_style(cmd->body, BF_STYLE_STATELESS);
	bf_native_print_cmd(&whole, cmd);
	if (text.len == whole.len && !memcmp(text.data, whole.data, text.len))
		return false;
	fprintf(stderr, "as text:\n%s", text.data);
	return true;
}

/* Some commands; what came of them beside the whole. */
static bool version_differs(struct world *w)
{
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct bf_evaluated ev = { 0 };
	struct bf_ast_cmd *cmd;
	bool bad;

	open_stored(w, &s, &ast, &cmd);
	for (unsigned n = 1 + rng_below(&w->r, 3); n--;)
		command_text(w, cmd, &text);
	snprintf(w->command, sizeof(w->command), "%s", text.data);
	if (change(w, text.data, text.len)) {
		n_refused++;
		return false;
	}
	n_patched++;
	bf_nstored_free(&s);
	bf_ast_free(TAKE_PTR(ast));
	open_stored(w, &s, &ast, &cmd);
	bad = bf_native_eval(ast, cmd, &env, &ev, &d);
	if (bad)
		fprintf(stderr, "what was put in place cannot be evaluated: %s\n", d.text.data);
	bad = bad || text_differs(w, &s, cmd) || packets_differ(w, &s, &ev);
	if (bad)
		complain(w, cmd);
	bf_evaluated_free(&ev);
	return bad;
}

static bool round_differs(uint64_t seed)
{
	struct world w = { .r = { seed }, .family = seed % 3, .arena = test_must(bf_arena_new()) };
	bool bad = false;

	if (make_base(&w))
		for (unsigned i = 0; i < VERSIONS && !bad; i++)
			bad = version_differs(&w);
	else
		n_fixed++;
	if (bad)
		fprintf(stderr, "differs with seed %llu\n", (unsigned long long)seed);
	bf_evaluated_free(&w.ev);
	bf_buf_free(&w.state);
	bf_buf_free(&w.log);
	bf_arena_free(w.arena);
	return bad;
}

int main(int argc, char **argv)
{
	struct test_rounds t = test_rounds(argc, argv, 1500, round_differs);

	printf("%u tables (%u of them not to be changed in place): %u changes in place, %u of them with chains as they are now, "
	       "before %u programs learned; %u refused; %u added, %u inserted, %u replaced, %u deleted; %u failed\n", t.n, n_fixed, n_patched, n_led,
	       n_learned, n_refused, n_verbs[0], n_verbs[1], n_verbs[2], n_verbs[3], t.failed);
	return t.failed != 0 || (t.n > 100 && n_patched < t.n);
}
