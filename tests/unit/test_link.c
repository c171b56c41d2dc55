/* SPDX-License-Identifier: GPL-2.0-only */
/* The linker: order of functions, calls, relocations, maps, and what it refuses. All functions are the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "gen/link.h"

#define I(c_, d, s, o, i)                                                                                              \
	{                                                                                                                  \
		.code = (c_), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                                           \
	}
#define CALL I(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0)
#define EXIT I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD64(src) I(BPF_LD | BPF_IMM | BPF_DW, 1, src, 0, 0), I(0, 0, 0, 0, 0)

static const struct bpf_insn entry_insns[] = { CALL, LD64(BPF_PSEUDO_MAP_VALUE), CALL, EXIT };
static const struct bf_rt_reloc entry_relocs[] = {
	{ 0, BF_RT_RELOC_CALL, "b", NULL, 0 },
	{ 1, BF_RELOC_MAP_VALUE, "config", NULL, 8 },
	{ 3, BF_RT_RELOC_CALL, "a", NULL, 0 },
};
static const struct bpf_insn a_insns[] = { LD64(BPF_PSEUDO_MAP_FD), CALL, EXIT };
static const struct bf_rt_reloc a_relocs[] = {
	{ 0, BF_RELOC_MAP_FD, "handoff", NULL, 0 },
	{ 2, BF_RT_RELOC_CALL, "b", NULL, 0 },
};
static const struct bpf_insn b_insns[] = { I(BPF_LDX | BPF_MEM | BPF_W, 0, 1, 0, 0), CALL, EXIT };
static const struct bf_rt_reloc b_relocs[] = {
	{ 0, BF_RELOC_OFFSET, "sk_buff", "len", 0 },
	{ 1, BF_RELOC_KFUNC, "bpf_rdonly_cast", NULL, 0 },
};
#define FUNC(name, x)                                                                                                  \
	{                                                                                                                  \
		name, x##_insns, BF_ARRAY_SIZE(x##_insns), x##_relocs, BF_ARRAY_SIZE(x##_relocs)                               \
	}
static const struct bf_rt_func own[] = { FUNC("a", a), FUNC("b", b), FUNC("entry_mg", entry) };

static struct bf_image *image(const char *const *maps, uint32_t n)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_image *img = bf_arena_new_of(a, struct bf_image);

	*img = (struct bf_image){ .arena = a,
							  .n_maps = n,
							  .maps = bf_arena_array(a, n, struct bf_map_spec),
							  .n_progs = 1,
							  .progs = bf_arena_new_of(a, struct bf_prog_image) };
	for (uint32_t i = 0; i < n; i++)
		img->maps[i].name = maps[i];
	img->progs[0].name = "p";
	img->progs[0].config = 100;
	return img;
}

static void same_reloc(const struct bf_reloc *r, uint32_t insn, enum bf_reloc_kind kind, uint32_t map, int addend)
{
	assert_int_equal(r->insn, insn);
	assert_int_equal(r->kind, kind);
	assert_int_equal(r->map, map);
	assert_int_equal(r->addend, addend);
}

/*   0 entry: call b, ld config+8, call a, exit    5 b: load sk_buff.len, call kfunc, exit    8 a: ld handoff, call b,
 * exit */
static void a_program(void **state)
{
	static const char *const maps[] = { "cells", "handoff", "config" };
	_cleanup_image_ struct bf_image *img = image(maps, 3);
	const struct bf_prog_image *p = img->progs;

	assert_int_equal(bf_link(img, img->progs, "entry_mg", own, 3, NULL), 0);
	assert_int_equal(p->n_insns, 12);
	assert_int_equal(p->insns[0].imm, 4);   /* from 0 to 5 */
	assert_int_equal(p->insns[3].imm, 4);   /* from 3 to 8 */
	assert_int_equal(p->insns[10].imm, -6); /* from 10 back to 5 */
	assert_int_equal(p->insns[0].src_reg, BPF_PSEUDO_CALL);
	assert_int_equal(p->n_relocs, 4);
	same_reloc(&p->relocs[0], 1, BF_RELOC_MAP_VALUE, 2, 108);
	same_reloc(&p->relocs[1], 5, BF_RELOC_OFFSET, 0, 0);
	assert_string_equal(p->relocs[1].type, "sk_buff");
	assert_string_equal(p->relocs[1].member, "len");
	same_reloc(&p->relocs[2], 6, BF_RELOC_KFUNC, 0, 0);
	assert_string_equal(p->relocs[2].type, "bpf_rdonly_cast");
	same_reloc(&p->relocs[3], 8, BF_RELOC_MAP_FD, 1, 0);
}

/* An address is bound as a call is; what is folded away in front of it moves it. */
static void an_address(void **state)
{
	static const char *const maps[] = { "config" };
	static const struct bpf_insn main_insns[] = { I(BPF_ALU64 | BPF_MOV | BPF_K, 9, 0, 0, 7), LD64(BPF_PSEUDO_FUNC),
		                                          I(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop), EXIT };
	static const struct bf_rt_reloc main_relocs[] = { { 1, BF_RT_RELOC_CALL, "back", NULL, 0 } };
	static const struct bpf_insn back_insns[] = { I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0), EXIT };
	const struct bf_rt_func two[] = { { "back", back_insns, 2, NULL, 0 }, { "main_mg", main_insns, 5, main_relocs, 1 } };
	_cleanup_image_ struct bf_image *img = image(maps, 1);
	const struct bf_prog_image *p = img->progs;

	img->maps[0].init = "config.";
	img->maps[0].init_len = 8;
	assert_int_equal(bf_link(img, img->progs, "main_mg", two, 2, NULL), 0);
	assert_int_equal(p->n_insns, 6);
	assert_int_equal(p->n_funcs, 2);
	assert_int_equal(p->insns[0].src_reg, BPF_PSEUDO_FUNC);
	assert_int_equal(1 + p->insns[0].imm, p->funcs[1].insn);
}

/* Not there: 0 in its place, for the maps that may be missing. */
static void a_map_that_is_missing(void **state)
{
	static const char *const maps[] = { "config" };
	_cleanup_image_ struct bf_image *img = image(maps, 1), *none = image(NULL, 0);
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_link(img, img->progs, "entry_mg", own, 3, NULL), 0);
	assert_int_equal(img->progs->n_relocs, 3);
	assert_int_equal(img->progs->insns[8].code, BPF_LD | BPF_IMM | BPF_DW);
	assert_int_equal(img->progs->insns[8].src_reg, 0);
	assert_int_equal(img->progs->insns[8].imm, 0);
	assert_int_equal(bf_link(none, none->progs, "entry_mg", own, 3, &d), -ENOENT);
	assert_non_null(strstr(d.text.data, "config"));
}

static void a_function_that_is_missing(void **state)
{
	static const char *const maps[] = { "config" };
	_cleanup_image_ struct bf_image *img = image(maps, 1);
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_link(img, img->progs, "nothing_mg", own, 3, &d), -ENOENT);
	assert_int_equal(bf_link(img, img->progs, "entry_mg", own + 1, 2, &d), -ENOENT);
	assert_non_null(strstr(d.text.data, "no function a (called by entry_mg)"));
}

static bool calls_variant(const char *entry, const char *callee)
{
	static const char *const maps[] = { "config", "cells", "counters" };
	static const struct bpf_insn insns[] = { CALL, EXIT };
	const struct bf_rt_reloc relocs[] = { { 0, BF_RT_RELOC_CALL, callee, NULL, 0 } };
	const struct bf_rt_func f[] = { { entry, insns, 2, relocs, 1 } };
	_cleanup_image_ struct bf_image *img = image(maps, 3);

	return !bf_link(img, img->progs, entry, f, 1, NULL);
}

/* Compiled functions with loops have two names; generated ones that call them need not know. */
static void variants(void **state)
{
	assert_true(calls_variant("x_mg", "bf_load"));
	assert_true(calls_variant("x_sit", "bf_special"));
	assert_true(calls_variant("x_mg", "bf_load_it"));
	assert_false(calls_variant("x_xy", "bf_load"));
	assert_false(calls_variant("x_mg", "bf_loa"));
	assert_true(calls_variant("x_xy", "bf_pkt_load"));
}

static void too_large(void **state)
{
	enum { BIG = 600000 };
	static struct bpf_insn insns[BIG];
	const struct bf_rt_reloc calls[] = { { 0, BF_RT_RELOC_CALL, "other", NULL, 0 } };
	const struct bf_rt_func f[] = { { "e_mg", insns, BIG, calls, 1 }, { "other", insns, BIG, NULL, 0 } };
	_cleanup_image_ struct bf_image *img = image(NULL, 0);
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_link(img, img->progs, "e_mg", f, 2, &d), -E2BIG);
	assert_int_equal(d.n_errors, 1);
}

/* Every entry that gen.h promises is there, and needs nothing else. */
static void the_compiled_entries(void **state)
{
	static const char *const maps[] = { "config", "cells", "counters" };
	static const char *const hows[] = { "mg", "it", "smg", "sit" };

	for (int i = 0; i < 8; i++) {
		_cleanup_image_ struct bf_image *img = image(maps, 3);
		_cleanup_diag_ struct bf_diag d = { 0 };
		char entry[64];

		snprintf(entry, sizeof(entry), "bf_filter_%s_%s", i & 1 ? "ip6" : "ip", hows[i / 2]);
		if (bf_link(img, img->progs, entry, NULL, 0, &d))
			fail_msg("%s: %s", entry, d.text.data);
		assert_true(img->progs->n_insns > 100);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(a_program), cmocka_unit_test(an_address),
		cmocka_unit_test(a_map_that_is_missing),
		cmocka_unit_test(a_function_that_is_missing),
		cmocka_unit_test(variants),
		cmocka_unit_test(too_large),
		cmocka_unit_test(the_compiled_entries),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
