/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_store.c: a stored table, its log and its link, of which some bytes are
 * others (the input says which): -EBADMSG, or something that can be read to
 * its end, changed and stored again; nothing beyond the bytes is looked at.
 *
 *   byte 0: which table | then groups of 4: place (16 bits), what is done there, a number
 */
#include "front/native/rules.h"
#include "gen/graph.h"
#include "gen/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HZ = 250 };

static const char *const tables[] = {
	"table inet t {\n"
	"set a { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.5, 10.0.0.9 }; }\n"
	"set p { type ipv6_addr; flags interval; elements = { 2001:db8::/32, fe80::-fe80::5 }; }\n"
	"counter k { packets 5 bytes 7 }\n"
	"chain d { ip saddr 10.2.0.0/16 accept; }\n"
	"chain c { type filter hook input priority 0; policy drop; ip saddr @a accept; ip6 saddr @p drop;\n"
	"ip saddr 10.1.0.0/16 accept; ip saddr 10.1.2.0/24 counter drop; jump d; udp dport { 53, 853 } accept; }\n"
	"}\n",
	"table ip t {\n"
	"map m { type inet_service : verdict; elements = { 22 : accept, 80 : jump d }; }\n"
	"set e { type inet_service; }\n"
	"chain d { counter; }\n"
	"chain c { type filter hook input priority 0; tcp dport vmap @m; tcp dport @e accept; limit rate 5/second log; }\n"
	"}\n",
};

static const char command[] = "add rule inet t c ip saddr 10.1.2.3 drop\ninsert rule inet t c tcp dport 5 accept\n"
                              "delete rule inet t c handle 9\n";

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int nothing(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	return -ENOENT;
}

static void store(const char *text, struct bf_buf *out)
{
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 1, .class_min = 2 };
	const struct bf_eval_env env = { .hz = HZ };
	const struct bf_napply_ops ops = { .read = nothing };
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct bf_evaluated ev = { 0 };
	struct bf_nstore_parts parts;
	struct bf_napply a;
	struct bf_graph g;

	expect(!bf_native_parse(&ast, "t", text, strlen(text), NULL, NULL));
	bf_napply_init(&a, ast, &ops, NULL);
	expect(!bf_napply_run(&a) && !bf_native_eval(ast, a.tables->cmd, &env, &ev, NULL));
	expect(!bf_graph_build(&g, arena, ev.rs->tables[0], &o, NULL));
	parts = (struct bf_nstore_parts){ .counters = ev.counters, .n_counters = ev.n_counters, .places = g.places,
		.n_places = g.n_places, .link = g.link, .link_len = g.link_len, .ev = &ev };
	bf_native_style(a.tables->cmd->body, BF_STYLE_STATELESS);
	bf_nstored_write(out, a.tables, a.last_table, &parts);
	bf_evaluated_free(&ev);
	bf_napply_free(&a);
}

/* Two records of each kind, of the first table: its set `a` is the first pack. */
static void make_log(const struct bf_buf *state, struct bf_buf *log)
{
	static const char one[] = "add rule inet t c udp dport 53 accept\n", two[] = "delete rule inet t c handle 10\n";
	const struct bf_eval_counter c = { .handle = 40, .stmt = BF_EVAL_NONE };
	const bf_u128 three[] = { 0x0a000003, 0x0a000003 }, five[] = { 0x0a000005, 0x0a000005 };
	struct bf_nstored s;

	expect(!bf_nstored_read(state->data, state->len, NULL, 0, &s));
	bf_nlog_commands(log, 40, &c, 1, one, strlen(one));
	bf_nlog_commands(log, 40, NULL, 0, two, strlen(two));
	bf_nlog_elements(log, &s.packs[0], 0, false, three, 1);
	bf_nlog_elements(log, &s.packs[0], 0, true, five, 1);
}

static uint64_t number_of(uint8_t v)
{
	static const uint64_t odd[] = { UINT64_MAX, UINT64_MAX - 7, 1ull << 63, UINT32_MAX, 1u << 31, 1u << 30, 65535, 1ull << 61 };

	return v < 248 ? v : odd[v - 248];
}

static void spoil(struct bf_buf *b, size_t at, uint8_t how, uint8_t v)
{
	uint64_t n = number_of(v);
	size_t size = (size_t)1 << (how & 3);

	if (how >> 4 == 15) { /* cut */
		b->len = at;
		return;
	}
	at -= how & 4 ? at % size : 0;
	if (at + size > b->len)
		return;
	if (how & 8) {
		uint64_t old = 0;

		memcpy(&old, b->data + at, size);
		n = how & 16 ? old + n : old - n;
	}
	memcpy(b->data + at, &n, size);
}

static void whole(const struct bf_nstored *s)
{
	_cleanup_ast_ struct bf_ast *ast = NULL, *types = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct bf_evaluated ev = { 0 };
	const struct bf_eval_env env = { .hz = HZ };
	struct bf_ast_cmd *cmd;

	expect(!bf_native_parse(&ast, "", "", 0, NULL, NULL) && !bf_native_parse(&types, "", "", 0, NULL, NULL));
	if (!bf_nstored_types(s, types, &cmd, &d))
		bf_native_print_as(&text, cmd, BF_PRINT_HANDLES);
	if (bf_nstored_parse(s, ast, &cmd, &d))
		return;
	bf_native_print_as(&text, cmd, BF_PRINT_HANDLES);
	if (!bf_native_eval(ast, cmd, &env, &ev, &d))
		bf_evaluated_free(&ev);
}

static void numbers(const struct bf_nstored *s)
{
	bf_u128 box[2], sum = 0;

	for (uint32_t i = 0; i < s->head->n_packs; i++)
		for (uint32_t k = 0; k < s->packs[i].n; k++) {
			bf_npack_box(&s->packs[i], s->numbers, k, box);
			sum += box[0] + box[1];
		}
	expect(sum + 1 != 0); /* all of it was read */
}

static void rules(const struct bf_nstored *s)
{
	const struct bf_eval_env env = { .hz = HZ };
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	_cleanup_nrules_ struct bf_nrules r = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct bf_nrules_model m = { 0 };
	struct bf_patch patch;

	expect(!bf_native_parse(&ast, "c", command, strlen(command), NULL, NULL));
	if (bf_nrules_open(&r, s, ast))
		return;
	for (struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		if (bf_nrules_apply(&r, c))
			return;
	bf_nrules_text(&r, s, &text);
	if (!bf_nrules_model(&r, s, NULL, 0, &env, &m))
		bf_gen_patch(&(struct bf_changes){ .link = s->link, .len = s->head->link_len, .stub = m.ev.rs->tables[0],
		                                   .changes = (void *)m.changes.data,
		                                   .n = m.changes.len / sizeof(struct bf_changed), .version = 2 }, arena, &patch,
		             NULL, &d);
	bf_nrules_model_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bf_buf states[BF_ARRAY_SIZE(tables)], log;
	_cleanup_buf_ struct bf_buf b = { 0 }, l = { 0 };
	_cleanup_nstored_ struct bf_nstored s = { 0 };
	unsigned which = size ? data[0] % BF_ARRAY_SIZE(tables) : 0;

	for (size_t i = 0; i < BF_ARRAY_SIZE(tables) && !states[i].len; i++)
		store(tables[i], &states[i]);
	if (!log.len)
		make_log(&states[0], &log);
	bf_buf_add(&b, states[which].data, states[which].len);
	if (size && data[0] & 128)
		bf_buf_add(&l, log.data, log.len);
	for (size_t i = 1; i + 4 <= size; i += 4) {
		size_t at = (data[i] | (size_t)data[i + 1] << 8) % (b.len + l.len + 1);

		spoil(at < b.len ? &b : &l, at < b.len ? at : at - b.len, data[i + 2], data[i + 3]);
	}
	if (bf_nstored_read(b.data, b.len, l.len ? l.data : NULL, l.len, &s))
		return 0;
	numbers(&s);
	whole(&s);
	rules(&s);
	return 0;
}
