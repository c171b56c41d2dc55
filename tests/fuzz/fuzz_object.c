/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_object.c: any bytes as an object file of BPF (the first one chooses
 * whether a section is named). What is taken refers to nothing outside of
 * itself; what is not says why.
 */
#include "base/func.h"
#include "match/match.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bf_program p = { .file = "f.o", .section = size && data[0] & 1 ? "third" : NULL };
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
	return 0;
}
