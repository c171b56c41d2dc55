/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_object.c: any bytes as an object file of BPF (the first one chooses
 * whether a section is named). What is taken refers to nothing outside of
 * itself, and becomes part of a program; what is not says why.
 */
#include "base/func.h"
#include "gen/gen.h"
#include "match/match.h"
#include "rule/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void check_func(const struct bf_rt_func *f)
{
	uint64_t sum = 0;

	expect(f->name && f->n_insns && f->n_relocs <= f->n_insns);
	for (uint32_t i = 0; i < f->n_insns; i++)
		sum += f->insns[i].code;
	for (uint32_t i = 0; i < f->n_relocs; i++)
		expect(f->relocs[i].symbol && f->relocs[i].insn < f->n_insns && (!i || f->relocs[i].insn >= f->relocs[i - 1].insn));
	expect(sum != UINT64_MAX); /* all of it was read */
}

/* A table that asks it: the linker and what folds programs rely on what was seen to when the file was read. */
static void compile(const struct bf_program *p)
{
	const struct bf_gen_opts o = { .hz = 250, .cpus = 1, .may_goto = true, .code_max = 4096 };
	struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = rs ? bf_ruleset_add_table(rs, NFPROTO_IPV4, "t") : NULL;
	struct bf_chain *c = t ? bf_table_add_chain(rs, t, "c") : NULL;
	struct bf_rule *r;
	struct bf_image *img = NULL;
	uint64_t sum = 0;

	expect(c);
	c->base = true;
	c->at.hook = BF_HOOK_INPUT;
	r = bf_chain_add_rule(rs, c);
	expect(r && !bf_rule_add_match(rs, r, &bf_match_program, p, false));
	r->verdict.kind = BF_VERDICT_DROP;
	t->n_counters = 2;
	if (!bf_gen_table(t, &o, &img, NULL)) {
		for (uint32_t i = 0; img->n_progs && i < img->progs->n_insns; i++)
			sum += img->progs->insns[i].code;
		for (uint32_t i = 0; img->n_progs && i < img->progs->n_lines; i++)
			expect(img->progs->lines[i].insn <= img->progs->n_insns);
		expect(sum != UINT64_MAX);
		bf_image_free(img);
	}
	bf_ruleset_free(rs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sections[] = { NULL, "third", "fields", "listed", "config", "globals", "stranger", "exists" };
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bf_program p = { .file = "f.o", .section = size ? sections[data[0] % 8] : NULL };
	char why[200] = "";
	int err;

	if (!size || !a)
		return 0;
	err = bf_object_read(a, data + 1, size - 1, &p, why, sizeof(why));
	if (err) {
		expect(err == -ENOMEM || why[0]);
		return 0;
	}
	expect(p.n_funcs);
	for (uint32_t i = 0; i < p.n_funcs; i++)
		check_func(&p.funcs[i]);
	for (uint32_t i = 0; i < p.n_maps; i++)
		expect(p.maps[i].name && (!p.maps[i].init || p.maps[i].init_len));
	for (uint32_t i = 0; i < p.n_configs; i++)
		bf_users_config_put(&p.configs[i], i & 1 ? "\"text that is rather long for it\"" : "12");
	if (!p.n_calls) /* who is asked is not there */
		compile(&p);
	return 0;
}
