/* SPDX-License-Identifier: GPL-2.0-only */
/* test_gen.c: what an image says about itself: programs, maps, needs, the companion; errors; memory that runs out. */
#include <linux/filter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>

#include "gen/gen.h"
#include "lib/alloc.h"
#include "match/match.h"
#include "lib/unit.h"

struct table {
	struct bf_ruleset *rs;
	struct bf_table *t;
	struct bf_chain *input, *output;
	struct bf_diag diag;
	struct bf_image *img;
};

static struct bf_chain *base(struct table *b, const char *name, uint8_t hook)
{
	struct bf_chain *c = bf_table_add_chain(b->rs, b->t, name);

	c->base = true;
	c->at.hook = hook;
	c->policy = BF_VERDICT_ACCEPT;
	c->counter = b->t->n_counters++;
	return c;
}

static struct bf_rule *rule(struct table *b, struct bf_chain *c, enum bf_verdict_kind v)
{
	struct bf_rule *r = bf_chain_add_rule(b->rs, c);

	r->counter = b->t->n_counters++;
	r->verdict.kind = v;
	return r;
}

static void begin(struct table *b, uint8_t family)
{
	*b = (struct table){ .rs = bf_ruleset_new() };
	b->t = bf_ruleset_add_table(b->rs, family, "filter");
	b->input = base(b, "INPUT", NF_INET_LOCAL_IN);
	b->output = base(b, "OUTPUT", NF_INET_LOCAL_OUT);
}

static int compile(struct table *b, uint32_t code_max, uint32_t cpus)
{
	struct bf_gen_opts o = { .hz = 250, .cpus = cpus, .may_goto = true, .code_max = code_max };

	bf_image_free(b->img);
	b->img = NULL;
	return bf_gen_table(b->t, &o, &b->img, &b->diag);
}

static void end(struct table *b)
{
	bf_image_free(b->img);
	bf_ruleset_free(b->rs);
	bf_diag_free(&b->diag);
}

static const struct bf_map_spec *map(const struct table *b, const char *name)
{
	for (uint32_t i = 0; i < b->img->n_maps; i++)
		if (!strcmp(b->img->maps[i].name, name))
			return &b->img->maps[i];
	return NULL;
}

static const struct bf_rt_config *config(const struct table *b, uint32_t prog)
{
	return (const void *)((const char *)map(b, "config")->init + b->img->progs[prog].config);
}

static void nothing_to_do(void **state)
{
	struct table b;

	begin(&b, NFPROTO_IPV4);
	assert_int_equal(compile(&b, 0, 2), 0);
	assert_int_equal(b.img->n_progs, 0);
	assert_int_equal(b.img->n_maps, 0);
	assert_int_equal(b.img->n_counters, 2);
	assert_string_equal(b.img->name, "ip-filter");
	b.output->policy = BF_VERDICT_DROP; /* now the other policy counts, too */
	assert_int_equal(compile(&b, 0, 2), 0);
	assert_int_equal(b.img->n_progs, 2);
	assert_int_equal(b.img->progs[0].at.hook, NF_INET_LOCAL_IN);
	assert_string_equal(b.img->progs[0].name, "ip_input");
	end(&b);
}

static void needs_by_hook(void **state)
{
	struct table b;
	struct bf_chain *c;

	begin(&b, NFPROTO_IPV6);
	bf_rule_add_value(b.rs, rule(&b, b.input, BF_VERDICT_DROP), BF_F_MARK, 0, 1, false);
	c = bf_table_add_chain(b.rs, b.t, "user");
	bf_rule_add_value(b.rs, rule(&b, c, BF_VERDICT_DROP), BF_F_SKUID, 0, 1, false);
	rule(&b, b.output, BF_VERDICT_JUMP)->verdict.chain = c;
	assert_int_equal(compile(&b, 0, 2), 0);
	assert_int_equal(config(&b, 0)->needs, BF_NEED_MARK);
	assert_int_equal(config(&b, 0)->loaders, 0);
	assert_int_equal(config(&b, 1)->needs, 0);
	assert_int_equal(config(&b, 1)->loaders, 1u << BF_LOAD_SKUID);
	assert_int_equal(config(&b, 1)->ops & 1u << BF_CELL_CALL, 0);
	assert_null(map(&b, "params"));
	assert_null(map(&b, "handoff"));
	assert_null(map(&b, "assist"));
	assert_null(map(&b, "stack"));
	end(&b);
}

static void tracking_even_if_unreachable(void **state)
{
	struct bf_conntrack ct = { .match = XT_CONNTRACK_STATE, .state_mask = 2 };
	struct table b;

	begin(&b, NFPROTO_IPV4);
	assert_int_equal(compile(&b, 0, 2), 0);
	assert_false(b.img->conntrack);
	bf_rule_add_match(b.rs, rule(&b, bf_table_add_chain(b.rs, b.t, "nobody"), BF_VERDICT_DROP), &bf_match_conntrack, &ct,
	                  false);
	rule(&b, b.input, BF_VERDICT_DROP);
	assert_int_equal(compile(&b, 0, 2), 0);
	assert_true(b.img->conntrack);
	assert_int_equal(config(&b, 0)->needs & BF_NEED_CT, 0);
	end(&b);
}

static void add_log(struct table *b, struct bf_rule *r, const char *prefix)
{
	struct bf_log log = { .level = 4 };

	memcpy(log.prefix, prefix, strlen(prefix));
	bf_rule_add_action(b->rs, r, &bf_target_log, &log);
}

static void companions(void **state)
{
	struct bf_reject reject = { IPT_ICMP_PORT_UNREACHABLE, NFPROTO_IPV4 };
	struct bf_assist assist = { .name = "addrtype", .revision = 1, .size = 1, .info = "x", .text = "addrtype" };
	struct table b;

	begin(&b, NFPROTO_IPV4);
	for (int i = 0; i < 3; i++)
		add_log(&b, rule(&b, b.input, BF_VERDICT_CONTINUE), i < 2 ? "a" : "b");
	bf_rule_add_action(b.rs, rule(&b, b.input, BF_VERDICT_ACTION), &bf_target_reject, &reject);
	bf_rule_add_match(b.rs, rule(&b, b.output, BF_VERDICT_DROP), &bf_match_assist, &assist, false);
	assert_int_equal(compile(&b, 1000, 2), 0);
	assert_int_equal(b.img->companion.n_codes, 4); /* a, b, reject, drop */
	assert_int_equal(b.img->companion.codes[config(&b, 0)->drop_code].kind, BF_HANDOFF_DROP);
	assert_int_equal(b.img->companion.max_codes_per_packet, 5); /* three logs, reject; or the drop */
	assert_int_equal(b.img->companion.n_assists, 1);
	assert_int_equal(b.img->companion.assists[0].hooks, 1 << NF_INET_LOCAL_OUT);
	assert_true(b.img->progs[0].handoff);
	assert_false(b.img->progs[1].handoff);
	assert_non_null(map(&b, "handoff"));
	assert_non_null(map(&b, "pending"));
	assert_non_null(map(&b, "assist"));
	assert_true(config(&b, 0)->tag == bf_companion_tag(&b.img->companion));
	end(&b);
}

/* A rule more or less changes no size that programs know. */
static void sizes_are_rounded(void **state)
{
	uint32_t sizes = 0, changes = 0, last = 0;
	struct table b;

	begin(&b, NFPROTO_IPV4);
	for (int i = 0; i < 1000; i++) {
		const struct bf_map_spec *cells;

		bf_rule_add_value(b.rs, rule(&b, b.input, BF_VERDICT_CONTINUE), BF_F_IP_SADDR, 0, i, false);
		assert_int_equal(compile(&b, 0, 2), 0);
		cells = map(&b, "cells");
		assert_true(cells->init_len <= cells->value_size && cells->value_size < cells->init_len * 9 / 8 + 1024 * 32);
		assert_int_equal(config(&b, 0)->n_cells * sizeof(struct bf_cell), cells->value_size);
		sizes = cells->value_size + b.img->n_counters;
		changes += sizes != last;
		last = sizes;
	}
	assert_true(changes < 100);
	end(&b);
}

/* A rule more at INPUT: OUTPUT's program stays the same, also as straight code. */
static void other_programs_stay(void **state)
{
	struct table b;

	begin(&b, NFPROTO_IPV4);
	for (uint32_t code = 0; code <= BF_CODE_MAX; code += BF_CODE_MAX) {
		struct bpf_insn *before;
		uint32_t n;

		rule(&b, b.input, BF_VERDICT_DROP);
		assert_int_equal(compile(&b, code, 2), 0);
		n = b.img->progs[1].n_insns;
		before = malloc(n * sizeof(*before));
		memcpy(before, b.img->progs[1].insns, n * sizeof(*before));
		rule(&b, b.input, BF_VERDICT_DROP);
		b.output->counter++;
		assert_int_equal(compile(&b, code, 2), 0);
		assert_int_equal(b.img->progs[1].n_insns, n);
		assert_memory_equal(b.img->progs[1].insns, before, n * sizeof(*before));
		assert_int_equal(b.img->n_moved, 2);
		assert_int_equal(b.img->moved[1].counter, b.output->counter);
		assert_int_equal(b.img->moved[1].place, b.img->n_counters - 1 - NF_INET_LOCAL_OUT);
		free(before);
	}
	end(&b);
}

static void counters_apart(void **state)
{
	struct table b;

	begin(&b, NFPROTO_IPV4);
	rule(&b, b.input, BF_VERDICT_DROP);
	assert_int_equal(compile(&b, 0, 6), 0);
	assert_int_equal(b.img->stripes, 8);
	assert_true(b.img->n_counters >= 3);
	assert_int_equal(map(&b, "counters")->value_size, 8 * b.img->n_counters * sizeof(struct bf_rt_counter));
	b.t->n_counters = 1u << 21; /* 32 MiB each: not one for each of many CPUs */
	assert_int_equal(compile(&b, 0, 64), 0);
	assert_int_equal(b.img->stripes, 2);
	end(&b);
}

static void deep_calls(void **state)
{
	struct bf_gen_opts o = { .hz = 250, .cpus = 1, .may_goto = true, .copy_max = 1 };
	struct bf_chain *c[40];
	struct table b;
	char name[8];

	begin(&b, NFPROTO_IPV4);
	for (int i = 0; i < 40; i++) {
		name[0] = 'c', name[1] = (char)('0' + i / 10), name[2] = (char)('0' + i % 10), name[3] = 0;
		c[i] = bf_table_add_chain(b.rs, b.t, name);
	}
	for (int i = 0; i < 40; i++)
		for (int k = 0; k < 2; k++) { /* two call sites each: they return through the stack */
			struct bf_rule *r = rule(&b, i ? c[i - 1] : b.input, BF_VERDICT_JUMP);

			bf_rule_add_value(b.rs, r, BF_F_MARK, 0, k, false);
			r->verdict.chain = c[i];
		}
	assert_int_equal(bf_gen_table(b.t, &o, &b.img, &b.diag), 0);
	assert_int_equal(config(&b, 0)->stack_depth, 40);
	assert_int_equal(map(&b, "stack")->value_size, 40 * sizeof(uint32_t));
	end(&b);
}

static void too_many_assists(void **state)
{
	struct table b;
	uint8_t info[33];

	begin(&b, NFPROTO_IPV4);
	for (int i = 0; i < 33; i++) {
		struct bf_assist assist = { .name = "addrtype", .size = 1, .info = &info[i], .text = "addrtype" };

		info[i] = (uint8_t)i;
		bf_rule_add_match(b.rs, rule(&b, b.input, BF_VERDICT_DROP), &bf_match_assist, &assist, false);
	}
	assert_int_equal(compile(&b, 0, 1), -E2BIG);
	assert_non_null(strstr(b.diag.text.data, "more than 32 different addrtype matches"));
	end(&b);
}

static const struct bf_field *asked(struct table *b, unsigned what, unsigned words)
{
	const struct bf_field f = {
		.name = "fib", .bits = (uint8_t)(32 * words), .type = BF_VT_WIDE, .word = (uint8_t)(BF_KEY_WORDS - words),
		.loader = BF_LOAD_ANSWER, .loader_arg = BF_ASSIST_ARG(BF_ASSIST_FIB, what, 1, words, words == 4),
	};

	return bf_ruleset_field(b->rs, &f);
}

static void ask(struct table *b, unsigned what, unsigned words)
{
	const struct bf_range r = { 1, 1 };
	const struct bf_cond c = { .kind = BF_COND_FIELD, .field = asked(b, what, words), .mask = 1, .ranges = &r, .n_ranges = 1 };

	bf_rule_add_cond(b->rs, rule(b, b->input, BF_VERDICT_DROP), &c);
}

/* The same is asked once; each value has its own words. */
static void answers_with_values(void **state)
{
	const struct bf_assist_spec *a;
	struct table b;

	begin(&b, NFPROTO_IPV4);
	ask(&b, 3, 1);
	ask(&b, 2, 4);
	ask(&b, 3, 1);
	assert_int_equal(compile(&b, 0, 1), 0);
	assert_int_equal(b.img->companion.n_assists, 2);
	a = b.img->companion.assists;
	assert_int_equal(a[0].kind, BF_ASSIST_FIB);
	assert_int_equal(a[0].what, 3);
	assert_int_equal(a[0].at, 0);
	assert_int_equal(a[1].at, 1);
	assert_int_equal(a[1].words, 4);
	assert_true(a[1].text);
	assert_int_equal(a[1].hooks, 1 << NF_INET_LOCAL_IN);
	assert_non_null(map(&b, "assist"));
	end(&b);
}

static void too_many_values(void **state)
{
	struct table b;

	begin(&b, NFPROTO_IPV4);
	for (unsigned i = 0; i < 4; i++)
		ask(&b, i, 4);
	ask(&b, 9, 1);
	assert_int_equal(compile(&b, 0, 1), -E2BIG);
	assert_non_null(strstr(b.diag.text.data, "than fit in 16 words"));
	end(&b);
}

static void circles(void **state)
{
	struct table b;

	begin(&b, NFPROTO_IPV4);
	rule(&b, b.input, BF_VERDICT_JUMP)->verdict.chain = b.input;
	assert_int_equal(compile(&b, 0, 1), -ELOOP);
	b.input->rules[0].verdict.index = 1; /* over itself: its end */
	assert_int_equal(compile(&b, 0, 1), 0);
	b.input->rules[0].verdict.index = 2; /* nowhere */
	assert_int_equal(compile(&b, 0, 1), -EINVAL);
	end(&b);
	begin(&b, NFPROTO_BRIDGE);
	assert_int_equal(compile(&b, 0, 1), -EOPNOTSUPP);
	end(&b);
}

struct watch {
	uint32_t calls, stop_at;
	uint64_t last;
	bool wrong;
};

static int watch(void *arg, const char *stage, uint64_t done, uint64_t total)
{
	struct watch *w = arg;

	w->wrong |= strcmp(stage, "compiling") || done < w->last || done > total || (w->stop_at && w->calls >= w->stop_at);
	w->last = done;
	return ++w->calls == w->stop_at;
}

/* Classified and not, in base chains and others, for all sorts of packets. */
static void progress_is_told_and_stops(void **state)
{
	struct bf_chain *user;
	struct table b;
	uint32_t calls = 0;

	begin(&b, NFPROTO_IPV4);
	user = bf_table_add_chain(b.rs, b.t, "user");
	user->policy = BF_VERDICT_RETURN;
	rule(&b, b.output, BF_VERDICT_JUMP)->verdict.chain = user;
	for (uint32_t i = 0; i < 3000; i++) {
		bf_rule_add_value(b.rs, rule(&b, i & 1 ? b.input : user, BF_VERDICT_DROP), BF_F_IP_SADDR, 0, i * 7919, false);
		bf_rule_add_value(b.rs, rule(&b, i & 1 ? b.input : user, BF_VERDICT_ACCEPT), BF_F_MARK, 0, i, false);
	}
	for (uint32_t class_min = 32; class_min; class_min = class_min == 32 ? UINT32_MAX : 0) {
		for (uint32_t stop = 0; stop <= calls; stop = stop ? stop * 2 : 1) {
			struct watch w = { .stop_at = stop };
			const struct bf_progress p = { watch, &w };
			struct bf_gen_opts o = { .hz = 250, .cpus = 1, .may_goto = true, .class_min = class_min, .progress = &p };
			int err = bf_gen_table(b.t, &o, &b.img, &b.diag);

			assert_int_equal(err, stop ? -ECANCELED : 0);
			assert_false(w.wrong);
			if (!stop) {
				assert_true(w.calls >= (class_min == 32 ? 3 : 200));
				calls = w.calls;
			}
			bf_image_free(b.img);
			b.img = NULL;
		}
		calls = 0;
	}
	end(&b);
}

/* A table of both families: a program for each at each netfilter hook, with what that family needs. */
static void both_families(void **state)
{
	static const struct { const char *name; uint8_t family, hook; } want[] = {
		{ "ip_input", NFPROTO_IPV4, NF_INET_LOCAL_IN }, { "ip6_input", NFPROTO_IPV6, NF_INET_LOCAL_IN },
		{ "ip_output", NFPROTO_IPV4, NF_INET_LOCAL_OUT }, { "ip6_output", NFPROTO_IPV6, NF_INET_LOCAL_OUT },
	};
	struct bf_rule *r;
	struct table b;

	begin(&b, NFPROTO_INET);
	r = rule(&b, b.input, BF_VERDICT_DROP);
	bf_rule_add_value(b.rs, r, BF_F_IP6_SADDR, 0, 1, true);
	assert_int_equal(compile(&b, 0, 1), 0);
	assert_int_equal(b.img->n_progs, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_string_equal(b.img->progs[i].name, want[i].name);
		assert_int_equal(b.img->progs[i].family, want[i].family);
		assert_int_equal(b.img->progs[i].at.hook, want[i].hook);
		assert_int_equal(config(&b, i)->needs, i == 1 ? BF_NEED_ADDRS : 0);
	}
	assert_int_equal(b.img->n_moved, 2);
	b.output->counter = BF_NO_COUNTER; /* nothing to do for anybody there */
	assert_int_equal(compile(&b, 0, 1), 0);
	assert_int_equal(b.img->n_progs, 2);
	end(&b);
}

static int compile_some(void *ctx)
{
	struct table *b = ctx;
	int err = compile(b, 1000, 2);

	bf_image_free(b->img);
	b->img = NULL;
	bf_diag_free(&b->diag);
	return err;
}

static void memory_runs_out(void **state)
{
	static const struct sock_filter insns[] = { { BPF_RET | BPF_K, 0, 0, 1 } };
	struct bf_bytecode code = { 1, insns };
	struct bf_limit limit = { 100, 5 };
	struct bf_rule *r;
	struct table b;

	begin(&b, NFPROTO_IPV4);
	r = rule(&b, b.input, BF_VERDICT_DROP);
	bf_rule_add_match(b.rs, r, &bf_match_bytecode, &code, false);
	bf_rule_add_match(b.rs, r, &bf_match_limit, &limit, false);
	add_log(&b, rule(&b, b.output, BF_VERDICT_CONTINUE), "x");
	assert_true(test_alloc_each(compile_some, &b) > 20);
	end(&b);
}

UNIT_MAIN(
	cmocka_unit_test(nothing_to_do),
	cmocka_unit_test(needs_by_hook),
	cmocka_unit_test(tracking_even_if_unreachable),
	cmocka_unit_test(companions),
	cmocka_unit_test(counters_apart), cmocka_unit_test(sizes_are_rounded),
	cmocka_unit_test(other_programs_stay),
	cmocka_unit_test(deep_calls),
	cmocka_unit_test(too_many_assists), cmocka_unit_test(answers_with_values), cmocka_unit_test(too_many_values),
	cmocka_unit_test(circles), cmocka_unit_test(progress_is_told_and_stops),
	cmocka_unit_test(both_families),
	cmocka_unit_test(memory_runs_out))
