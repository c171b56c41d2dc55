/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading images: maps, relocations, diagnostics. What BTF says is compared with libbpf's reading of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <bpf/btf.h>

#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "run/image.h"

static struct btf *oracle;

static void same_member(const struct bf_btf *b, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(oracle, type, BTF_KIND_STRUCT);
	const struct btf_type *t = btf__type_by_id(oracle, (uint32_t)id);
	struct bf_btf_member m;

	assert_true(id > 0);
	assert_int_equal(bf_btf_find(b, type, name, &m), 0);
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(oracle, btf_members(t)[i].name_off), name)) {
			assert_int_equal(m.offset, btf_member_bit_offset(t, (uint32_t)i) / 8);
			assert_int_equal(m.size, btf__resolve_size(oracle, btf_members(t)[i].type));
			return;
		}
	fail_msg("libbpf does not find %s.%s", type, name);
}

static void btf_members_as_libbpf(void **state)
{
	_cleanup_btf_ struct bf_btf *b = NULL;

	assert_int_equal(bf_btf_open(&b), 0);
	same_member(b, "nf_conn", "status");
	same_member(b, "nf_conn", "tuplehash");
	same_member(b, "nf_conn", "mark");
	same_member(b, "net_device", "name");
	same_member(b, "nf_hook_state", "net");
	assert_int_equal(bf_btf_struct(b, "nf_conn"), btf__find_by_name_kind(oracle, "nf_conn", BTF_KIND_STRUCT));
	assert_int_equal(bf_btf_struct(b, "nf_conn___init"),
	                 btf__find_by_name_kind(oracle, "nf_conn___init", BTF_KIND_STRUCT));
	assert_int_equal(bf_btf_func(b, "bpf_rdonly_cast"),
	                 btf__find_by_name_kind(oracle, "bpf_rdonly_cast", BTF_KIND_FUNC));
}

static void btf_paths(void **state)
{
	_cleanup_btf_ struct bf_btf *b = NULL;
	struct bf_btf_member a, m, n;

	assert_int_equal(bf_btf_open(&b), 0);
	/* sk_buff.len lies in anonymous structs in some kernels; .mark and .network_header do in all. */
	assert_int_equal(bf_btf_find(b, "sk_buff", "network_header", &m), 0);
	assert_int_equal(m.size, 2);
	assert_int_equal(bf_btf_find(b, "struct sk_buff", "mark", &m), 0);
	assert_int_equal(m.size, 4);
	/* arrays and nesting */
	assert_int_equal(bf_btf_find(b, "nf_conn", "tuplehash", &a), 0);
	assert_int_equal(bf_btf_find(b, "nf_conn", "tuplehash.0.tuple.src.u3.ip", &m), 0);
	assert_int_equal(bf_btf_find(b, "nf_conn", "tuplehash[1].tuple.src.u3.ip", &n), 0);
	assert_int_equal(n.offset - m.offset, a.size / 2);
	assert_int_equal(m.size, 4);
	/* whole structs, and what is not there */
	assert_int_equal(bf_btf_find(b, "nf_conn", NULL, &m), 0);
	assert_true(m.size > a.size);
	assert_int_equal(bf_btf_find(b, "nf_conn", "no_such", &m), -ENOENT);
	assert_int_equal(bf_btf_find(b, "nf_conn", "tuplehash.7.tuple", &m), -ENOENT);
	assert_int_equal(bf_btf_find(b, "nf_conn", "mark.deeper", &m), -ENOENT);
	assert_int_equal(bf_btf_find(b, "no_such_struct", NULL, &m), -ENOENT);
	assert_int_equal(bf_btf_func(b, "sk_buff"), -ENOENT);
}

/* Types of a module refer to the kernel's, by ids and strings that go on where its end. */
static void btf_of_a_module(void **state)
{
	struct btf *base = btf__new_empty(), *split;
	struct bf_btf *b = NULL, *m = NULL;
	struct bf_btf_member at;
	const void *p;
	uint32_t len;
	int u32;

	u32 = btf__add_int(base, "u32", 4, 0);
	btf__add_struct(base, "both", 4);
	btf__add_field(base, "x", u32, 0, 0);
	split = btf__new_empty_split(base);
	btf__add_struct(split, "own", 12);
	btf__add_field(split, "x", u32, 32, 0);
	btf__add_field(split, "y", u32, 64, 0);
	btf__add_struct(split, "both", 8);
	btf__add_field(split, "z", u32, 32, 0);
	p = btf__raw_data(base, &len);
	assert_int_equal(bf_btf_parse(&b, p, len, NULL), 0);
	p = btf__raw_data(split, &len);
	assert_int_equal(bf_btf_parse(&m, p, len, b), 0);
	assert_int_equal(bf_btf_find(m, "own", "x", &at), 0);
	assert_int_equal(at.offset, 4);
	assert_int_equal(at.size, 4);
	assert_int_equal(bf_btf_find(m, "own", "y", &at), 0);
	assert_int_equal(at.offset, 8);
	assert_int_equal(bf_btf_find(m, "both", "z", &at), 0);
	assert_int_equal(at.offset, 4);
	assert_int_equal(bf_btf_find(m, "both", "x", &at), -ENOENT);
	bf_btf_close(m);
	bf_btf_close(b);
	btf__free(split);
	btf__free(base);
}

static void btf_damaged(void **state)
{
	struct btf *base = btf__new_empty();
	_cleanup_free_ char *copy = NULL;
	struct bf_btf *b;
	const void *p;
	uint32_t len;

	btf__add_struct(base, "s", 4);
	btf__add_field(base, "x", btf__add_int(base, "u32", 4, 0), 0, 0);
	p = btf__raw_data(base, &len);
	copy = malloc(len);
	for (uint32_t cut = 0; cut < len; cut++) {
		memcpy(copy, p, len);
		assert_int_equal(bf_btf_parse(&b, copy, cut, NULL), -EPROTO);
	}
	for (uint32_t i = 0; i < len * 8; i++) { /* any bit: no crash; AddressSanitizer looks on */
		struct bf_btf_member m;

		memcpy(copy, p, len);
		copy[i / 8] ^= (char)(1 << i % 8);
		if (bf_btf_parse(&b, copy, len, NULL))
			continue;
		bf_btf_find(b, "s", "x", &m);
		bf_btf_close(b);
	}
	btf__free(base);
}

static uint32_t run(int prog, int hook)
{
	static const char packet[64] = { [12] = 8, [14] = 0x45 };
	char state[48] = { 0 };
	struct bf_run_desc r = { .prog = prog, .data = packet, .data_len = sizeof(packet), .ctx = state,
	                         .ctx_len = sizeof(state), .repeat = 1 };

	state[0] = (char)hook;
	state[1] = 2;
	assert_int_equal(bf_prog_run(&r), 0);
	return r.retval;
}

static void load_and_count(void **state)
{
	_cleanup_image_ struct bf_image *img = test_image(2, "t", 3, 1);
	_cleanup_loaded_ struct bf_loaded l = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_rt_counter *c;

	test_image_verdict(img, 1, 0, 2, 1);
	test_image_verdict(img, 2, 0, 0, 0);
	if (bf_load(&l, img, NULL, &d))
		fail_msg("%s", d.text.data);
	assert_int_equal(run(l.progs[0], 1), 1);
	assert_int_equal(run(l.progs[0], 1), 1);
	assert_int_equal(run(l.progs[1], 2), 0);
	c = bf_map_mmap(bf_loaded_map(&l, img, BF_MAP_COUNTERS), 48, false);
	assert_int_equal(c[2].packets, 2);
	assert_int_equal(c[2].bytes, 2 * 50);
	assert_int_equal(c[0].packets, 1);
	assert_int_equal(c[1].packets, 0);
	bf_map_munmap(c, 48);
}

/* A frozen map's value is a constant to the verifier: the branch with the unsafe access is dead. */
static void load_rodata(void **state)
{
	static const uint32_t config[] = { 0, 7 };
	const struct bpf_insn insns[] = {
		I_LD64(1), I_ZERO,
		I_LDX(BPF_W, 2, 1, 0),
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 2, .off = 1, .imm = 7 },
		I_LDX(BPF_DW, 3, 10, 8), /* above the stack's end */
		I_MOV64(0, 1),
		I_EXIT,
	};
	const struct bf_reloc relocs[] = { { .insn = 0, .kind = BF_RELOC_MAP_VALUE, .map = 0, .addend = 4 } };

	for (int mapped = 0; mapped < 2; mapped++) {
		_cleanup_image_ struct bf_image *img = test_image(2, "t", 0, 1);
		_cleanup_loaded_ struct bf_loaded l = { 0 };
		_cleanup_diag_ struct bf_diag d = { 0 };

		test_image_map(img, (struct bf_map_spec){ "config", BF_MAP_RODATA, BPF_MAP_TYPE_ARRAY, 4, 8, 1,
		                                          mapped ? BPF_F_MMAPABLE : 0, config, sizeof(config) });
		test_image_prog(img, 1, 0, insns, BF_ARRAY_SIZE(insns), relocs, 1);
		if (bf_load(&l, img, NULL, &d))
			fail_msg("%s", d.text.data);
	}
}

static void load_kernel_types(void **state)
{
	const struct bpf_insn insns[] = {
		I_LDX(BPF_DW, 6, 1, 8),
		I_MOV64R(1, 6),
		I_MOV64(2, 0), /* id of sk_buff */
		I_CALL(0),     /* bpf_rdonly_cast */
		I_LDX(BPF_W, 1, 0, 0), /* sk_buff.len */
		I_MOV64(2, -1),        /* sk_buff.no_such exists */
		I_MOV64(3, -1),        /* size of sk_buff.len */
		I_MOV64(0, 0),         /* sk_buff.len exists */
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 2, .kind = BF_RELOC_BTF_ID, .type = "sk_buff" },
		{ .insn = 3, .kind = BF_RELOC_KFUNC, .type = "bpf_rdonly_cast" },
		{ .insn = 4, .kind = BF_RELOC_OFFSET, .type = "sk_buff", .member = "len" },
		{ .insn = 5, .kind = BF_RELOC_EXISTS, .type = "sk_buff", .member = "no_such" },
		{ .insn = 6, .kind = BF_RELOC_SIZE, .type = "sk_buff", .member = "len" },
		{ .insn = 7, .kind = BF_RELOC_EXISTS, .type = "sk_buff", .member = "len" },
	};
	_cleanup_image_ struct bf_image *img = test_image(2, "t", 0, 1);
	_cleanup_types_ struct bf_types types = BF_TYPES_NONE;
	_cleanup_loaded_ struct bf_loaded l = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bpf_insn copy[BF_ARRAY_SIZE(insns)];

	test_image_prog(img, 1, 0, insns, BF_ARRAY_SIZE(insns), relocs, BF_ARRAY_SIZE(relocs));
	memcpy(copy, insns, sizeof(insns));
	assert_int_equal(bf_relocate(img->progs, copy, NULL, 0, &types, &d), 0);
	assert_int_equal(copy[5].imm, 0);
	assert_int_equal(copy[6].imm, 4);
	assert_int_equal(copy[7].imm, 1);
	if (bf_load(&l, img, NULL, &d))
		fail_msg("%s", d.text.data);
	assert_int_equal(run(l.progs[0], 1), 1);
}

/* Errors name what is wrong; nothing stays open. */
static void load_errors(void **state)
{
	const struct bpf_insn bad[] = { I_LDX(BPF_DW, 0, 10, 8), I_EXIT };
	const struct bpf_insn call[] = { I_CALL(0), I_EXIT };
	const struct bf_reloc no_func = { .insn = 0, .kind = BF_RELOC_KFUNC, .type = "bpf_no_such" };
	const struct bf_reloc off_end = { .insn = 2, .kind = BF_RELOC_KFUNC, .type = "bpf_rdonly_cast" };
	const struct bf_reloc no_map = { .insn = 0, .kind = BF_RELOC_MAP_FD, .map = 1 };
	const struct {
		const struct bpf_insn *insns;
		const struct bf_reloc *reloc;
		int err;
		const char *text;
	} cases[] = {
		{ bad, NULL, -EACCES, "invalid read from stack" },
		{ call, &no_func, -EOPNOTSUPP, "no function bpf_no_such" },
		{ call, &off_end, -EINVAL, "instruction 2" },
		{ call, &no_map, -EINVAL, "instruction 0" },
	};

	for (unsigned i = 0; i < BF_ARRAY_SIZE(cases); i++) {
		_cleanup_image_ struct bf_image *img = test_image(2, "t", 0, 1);
		_cleanup_diag_ struct bf_diag d = { 0 };
		struct bf_loaded l;
		int probe = dup(0);

		close(probe);
		test_image_prog(img, 1, 0, cases[i].insns, 2, cases[i].reloc, !!cases[i].reloc);
		assert_int_equal(bf_load(&l, img, NULL, &d), cases[i].err);
		if (!strstr(d.text.data, cases[i].text))
			fail_msg("case %u: \"%s\" does not say \"%s\"", i, d.text.data, cases[i].text);
		assert_int_equal(dup(0), probe);
		close(probe);
	}
}

static void features(void **state)
{
	struct bf_features f;

	assert_int_equal(bf_probe(&f), 0);
	for (unsigned i = 0; i < f.n; i++) {
		if (f.f[i].required && !f.f[i].present)
			fail_msg("%s is missing: %s", f.f[i].name, f.f[i].hint);
		assert_int_equal(bf_has(&f, f.f[i].name), f.f[i].present);
		assert_int_equal(bf_probe_one(f.f[i].name), f.f[i].present);
	}
	assert_false(bf_has(&f, "no_such"));
	assert_false(bf_probe_one("no_such"));
	assert_true(bf_possible_cpus() >= sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(bf_kernel_hz() >= 24 && bf_kernel_hz() <= 1200);
}

static int setup(void **state)
{
	oracle = btf__load_vmlinux_btf();
	return !oracle;
}

static int teardown(void **state)
{
	btf__free(oracle);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(btf_members_as_libbpf),
		cmocka_unit_test(btf_paths),
		cmocka_unit_test(btf_of_a_module),
		cmocka_unit_test(btf_damaged),
		cmocka_unit_test(load_and_count),
		cmocka_unit_test(load_rodata),
		cmocka_unit_test(load_kernel_types),
		cmocka_unit_test(load_errors),
		cmocka_unit_test(features),
	};

	return cmocka_run_group_tests_name("kern_load", tests, setup, teardown);
}
