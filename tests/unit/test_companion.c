/* SPDX-License-Identifier: GPL-2.0-only */
/* test_companion.c: a companion's record and chains, and what is said when the kernel lacks something. No kernel asked.
 */
#include "lib/unit.h"

#include <stdio.h>
#include <linux/netfilter.h>

#include "kern/companion_explain.h"
#include "kern/companion_record.h"
#include "kern/companion_table.h"
#include "lib/alloc.h"

static const struct bf_handoff_spec codes[] = {
	{ .kind = BF_HANDOFF_XT_TARGET, .name = "LOG", .size = 32, .info = { 1, 2, 3 } },
	{ .kind = BF_HANDOFF_NFT_REJECT, .terminal = true, .reject_type = 1 },
	{ .kind = BF_HANDOFF_DROP, .terminal = true },
	{ .kind = BF_HANDOFF_XT_TARGET, .name = "NFLOG", .size = 77, .info = { [76] = 9 } },
	{ .kind = BF_HANDOFF_XT_TARGET, .name = "NOSUCH", .revision = 2 },
};
static const struct bf_assist_spec assists[] = {
	{ .name = "addrtype",
	  .revision = 1,
	  .size = 5,
	  .info = "12345",
	  .hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD },
	{ .name = "fib", .hooks = 1 << NF_INET_LOCAL_IN, .kind = BF_ASSIST_FIB, .what = 2, .flags = 9, .at = 3, .words = 4, .text = true },
	{ .name = "ct", .hooks = 1 << NF_INET_LOCAL_IN, .kind = BF_ASSIST_CT, .what = 20, .at = 7, .words = 1, .text = true },
};
static const struct bf_companion_hook hooks[] = {
	{ .hook = NF_INET_LOCAL_IN, .handoff = true, .priority = -3 },
	{ .hook = NF_INET_LOCAL_OUT, .handoff = false, .priority = -3 },
};

static struct bf_companion_desc all(void)
{
	return (struct bf_companion_desc){
		.unit = "ip-filter",
		.owner = 1,
		.family = NFPROTO_IPV4,
		.conntrack = true,
		.spec = { codes, BF_ARRAY_SIZE(codes), assists, BF_ARRAY_SIZE(assists), 3 },
		.hooks = hooks,
		.n_hooks = BF_ARRAY_SIZE(hooks),
	};
}

static void record_reads_back(void **state)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_buf_ struct bf_buf r = { 0 }, again = { 0 };
	struct bf_companion_desc d = all();
	struct comp_content c;

	assert_int_equal(comp_record_write(&r, &d, NULL), 0);
	comp_record_set_id(&r, 77);
	assert_int_equal(comp_record_read(r.data, r.len, a, &c), 0);
	assert_int_equal(c.id, 77);
	assert_int_equal(c.tag, bf_companion_tag(&d.spec));
	assert_string_equal(c.desc.unit, "ip-filter");
	assert_true(c.desc.conntrack);
	assert_int_equal(c.desc.spec.n_codes, 5);
	assert_int_equal(c.desc.spec.codes[3].size, 80); /* as xtables wants it */
	assert_int_equal(c.desc.spec.codes[3].info[76], 9);
	assert_memory_equal(c.desc.spec.assists[0].info, "12345\0\0", 8);
	assert_int_equal(c.desc.spec.assists[0].hooks, 1 << NF_INET_LOCAL_IN); /* no program at FORWARD */
	assert_int_equal(c.desc.spec.assists[1].kind, BF_ASSIST_FIB);
	assert_int_equal(c.desc.spec.assists[1].flags, 9);
	assert_int_equal(c.desc.spec.assists[1].at, 3);
	assert_int_equal(c.desc.spec.assists[1].words, 4);
	assert_true(c.desc.spec.assists[1].text);
	/* The normal form is its own normal form; only the tag is that of the codes as they were given. */
	assert_int_equal(comp_record_write(&again, &c.desc, NULL), 0);
	assert_int_equal(again.len, r.len);
}

static void equal_content_is_the_same(void **state)
{
	_cleanup_buf_ struct bf_buf r = { 0 }, same = { 0 };
	struct bf_companion_desc d = all();
	struct bf_companion_hook moved[2];
	struct bf_handoff_spec other[BF_ARRAY_SIZE(codes)];

	assert_int_equal(comp_record_write(&r, &d, NULL), 0);
	comp_record_set_id(&r, 1);
	assert_int_equal(comp_record_write(&same, &d, NULL), 0);
	comp_record_set_id(&same, 2);
	assert_true(comp_record_same(&r, same.data, same.len));
	assert_false(comp_record_same(&r, same.data, same.len - 1));
	for (int i = 0; i < 5; i++) {
		_cleanup_buf_ struct bf_buf changed = { 0 };

		d = all();
		memcpy(moved, hooks, sizeof(hooks));
		memcpy(other, codes, sizeof(codes));
		d.hooks = moved;
		d.spec.codes = other;
		d.conntrack = i != 0;
		d.spec.max_codes_per_packet += i == 1;
		moved[1].priority -= i == 2;
		other[0].info[31] += i == 3;
		d.unit = i == 4 ? "ip-other" : d.unit;
		assert_int_equal(comp_record_write(&changed, &d, NULL), 0);
		assert_false(comp_record_same(&r, changed.data, changed.len));
	}
}

static void damage_is_noticed(void **state)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_buf_ struct bf_buf r = { 0 };
	struct bf_companion_desc d = all();
	struct comp_content c;

	assert_int_equal(comp_record_write(&r, &d, NULL), 0);
	for (size_t len = 0; len < r.len; len++)
		assert_int_equal(comp_record_read(r.data, len, a, &c), -EINVAL);
	for (size_t i = 0; i < r.len; i++) { /* any byte: refused or read, never more than there is */
		_cleanup_free_ char *copy = malloc(r.len);

		memcpy(copy, r.data, r.len);
		copy[i] = (char)~copy[i];
		comp_record_read(copy, r.len, a, &c);
	}
}

static void nonsense_is_refused(void **state)
{
	_cleanup_diag_ struct bf_diag diag = { 0 };
	struct bf_handoff_spec bad = { .kind = BF_HANDOFF_XT_TARGET, .name = "LOG", .size = 257 };
	struct bf_companion_desc d = all();
	_cleanup_buf_ struct bf_buf r = { 0 };

	d.spec.codes = &bad;
	d.spec.n_codes = 1;
	assert_int_equal(comp_record_write(&r, &d, &diag), -EINVAL);
	bad.size = 0;
	memset(bad.name, 'x', sizeof(bad.name));
	assert_int_equal(comp_record_write(&r, &d, &diag), -EINVAL);
	d = all();
	d.family = NFPROTO_ARP;
	assert_int_equal(comp_record_write(&r, &d, &diag), -EINVAL);
	d = all();
	d.unit = "a name of more than thirty-two characters";
	assert_int_equal(comp_record_write(&r, &d, &diag), -EINVAL);
	assert_int_equal(diag.n_errors, 4);
}

static uint32_t use_of(const struct comp_table *t, const char *name)
{
	for (size_t i = 0; i < t->chains.len / sizeof(struct comp_chain); i++) {
		const struct comp_chain *c = &((const struct comp_chain *)(const void *)t->chains.data)[i];

		if (!strcmp(c->name, name))
			return c->use;
	}
	return UINT32_MAX;
}

static void chains(void **state)
{
	struct comp_content c = { .desc = all() };
	struct comp_table *t = calloc(1, sizeof(*t));

	assert_int_equal(comp_table_make(t, "T", &c, NULL, -1, NULL), 0);
	assert_int_equal(use_of(t, "conntrack"), 1);
	assert_int_equal(use_of(t, "handoff-input"), 1);
	assert_int_equal(use_of(t, "handoff-output"), UINT32_MAX);
	assert_int_equal(use_of(t, "assist-input"), 4);
	assert_int_equal(use_of(t, "codes"), 2 * 3 + 1);
	assert_int_equal(use_of(t, "finish"), 1 + 3);
	assert_int_equal(use_of(t, "n-1-0"), 2 + 3); /* 5 codes: two digits */
	assert_int_equal(use_of(t, "n-0-0"), 4 + 1);
	assert_int_equal(use_of(t, "n-0-1"), 1 + 1);
	comp_table_free(t);
	free(t);
}

/* Codes that not every hook may lead to: a tree for each hook; and a way on for what may end its rule. */
static void trees_of_hooks(void **state)
{
	static const struct bf_companion_hook two[] = { { .hook = NF_INET_PRE_ROUTING, .handoff = true },
		                                            { .hook = NF_INET_POST_ROUTING, .handoff = true } };
	const struct bf_handoff_set mss = { .to = BF_PLACE_MSS, .from = BF_PLACE_ROUTE_MSS };
	struct bf_handoff_spec one[] = { { .kind = BF_HANDOFF_NFT_SET, .size = sizeof(mss) } };
	struct comp_content c = { .desc = all() };
	struct comp_table *t = calloc(1, sizeof(*t));

	memcpy(one[0].info, &mss, sizeof(mss));
	c.desc.hooks = two;
	c.desc.spec = (struct bf_companion){ .codes = one, .n_codes = 1, .max_codes_per_packet = 1 };
	assert_int_equal(comp_table_make(t, "T", &c, NULL, -1, NULL), 0);
	assert_int_equal(use_of(t, "codes"), UINT32_MAX);
	assert_int_equal(use_of(t, "codes-prerouting"), 2 + 1);
	assert_int_equal(use_of(t, "n-0-0-postrouting"), 2 + 1);
	assert_int_equal(use_of(t, "finish"), 1 + 2);
	comp_table_free(t);
	free(t);
}

/* Every code has one rule, and the tree is never deeper than nf_tables allows. */
static void trees(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 15, 16, 17, 255, 256, 257, 6000, 65535, 65536 };
	struct bf_handoff_spec *many = calloc(65536, sizeof(*many));
	struct comp_table *t = calloc(1, sizeof(*t));

	for (size_t k = 0; k < BF_ARRAY_SIZE(sizes); k++) {
		struct comp_content c = { .desc = all() };
		uint32_t leaves = 0, nodes = 0, last_nodes = 0, deepest = 0;

		c.desc.spec.codes = many;
		c.desc.spec.n_codes = sizes[k];
		assert_int_equal(comp_table_make(t, "T", &c, NULL, -1, NULL), 0);
		for (size_t i = 0; i < t->chains.len / sizeof(struct comp_chain); i++) {
			const struct comp_chain *ch = &((const struct comp_chain *)(const void *)t->chains.data)[i];
			unsigned digit, prefix;

			if (sscanf(ch->name, "n-%u-%u", &digit, &prefix) != 2)
				continue;
			deepest = BF_MAX(deepest, digit);
			leaves += digit ? 0 : ch->use;
			last_nodes += !digit;
			nodes++;
		}
		/* Each node is led to once, the root by three rows of "codes". */
		assert_int_equal(leaves - (nodes == 1 ? 3 : last_nodes), sizes[k]);
		assert_true(deepest <= 7);
		comp_table_free(t);
	}
	free(t);
	free(many);
}

/* nft_has_xt is replaced: what the kernel of this test has. */
static const char *kernel_has[4];

int __wrap_nft_has_xt(struct bf_nft *n, uint8_t family, bool target, const char *name, uint8_t revision);
int __wrap_nft_has_xt(struct bf_nft *n, uint8_t family, bool target, const char *name, uint8_t revision)
{
	if (!kernel_has[0])
		return -EOPNOTSUPP;
	for (size_t i = 0; i < BF_ARRAY_SIZE(kernel_has) && kernel_has[i]; i++)
		if (!strcmp(kernel_has[i], name))
			return 0;
	return -ENOENT;
}

static void says(uint32_t about, int err, uint8_t family, const char *has, int expected, const char *words)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_companion_desc desc = all();
	struct nft_error e = { .err = err, .about = about, .text = "" };
	char list[64];
	int i = 0;

	snprintf(list, sizeof(list), "%s", has);
	memset(kernel_has, 0, sizeof(kernel_has));
	for (char *w = strtok(list, " "); w; w = strtok(NULL, " "))
		kernel_has[i++] = w;
	desc.family = family;
	assert_int_equal(comp_explain(NULL, &desc, &e, err, &d), expected);
	if (!strstr(d.text.data, words))
		fail_msg("\"%s\" does not say \"%s\"", d.text.data, words);
}

static void missing_pieces_are_named(void **state)
{
	says(COMP_ABOUT(COMP_ABOUT_TABLE, 0), -EAFNOSUPPORT, NFPROTO_IPV6, "bpf", -EOPNOTSUPP, "CONFIG_NF_TABLES_IPV6");
	says(COMP_ABOUT(COMP_ABOUT_CHAIN, 0), -ENOENT, NFPROTO_IPV4, "bpf", -EOPNOTSUPP, "CONFIG_NF_TABLES_IPV4");
	says(COMP_ABOUT(COMP_ABOUT_PLUMBING, 0), -ENOENT, NFPROTO_IPV4, "", -EOPNOTSUPP,
		 "CONFIG_NFT_COMPAT, which REJECT, LOG");
	says(COMP_ABOUT(COMP_ABOUT_PLUMBING, 0), -ENOENT, NFPROTO_IPV4, "LOG", -EOPNOTSUPP,
		 "CONFIG_NETFILTER_XT_MATCH_BPF");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 0), -ENOENT, NFPROTO_IPV4, "bpf", -EOPNOTSUPP, "CONFIG_NETFILTER_XT_TARGET_LOG");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 0), -ENOENT, NFPROTO_IPV4, "bpf LOG", -EOPNOTSUPP,
		 "CONFIG_NF_LOG_IPV4, which target LOG");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 0), -ENOENT, NFPROTO_IPV6, "bpf LOG", -EOPNOTSUPP, "CONFIG_NF_LOG_IPV6");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 1), -ENOENT, NFPROTO_IPV4, "bpf", -EOPNOTSUPP,
		 "CONFIG_NFT_REJECT_IPV4, which target REJECT");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 3), -ENOENT, NFPROTO_IPV4, "bpf NFLOG", -EOPNOTSUPP,
		 "CONFIG_NETFILTER_NETLINK_LOG");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 4), -ENOENT, NFPROTO_IPV4, "bpf LOG", -EOPNOTSUPP,
		 "XT_TARGET_NOSUCH (revision 2)");
	says(COMP_ABOUT(COMP_ABOUT_ASSIST, 0), -ENOENT, NFPROTO_IPV4, "bpf", -EOPNOTSUPP,
		 "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE (revision 1), which match addrtype");
	says(COMP_ABOUT(COMP_ABOUT_ASSIST, 1), -ENOENT, NFPROTO_INET, "bpf", -EOPNOTSUPP, "CONFIG_NFT_FIB_INET, which fib");
	says(COMP_ABOUT(COMP_ABOUT_ASSIST, 2), -ENOENT, NFPROTO_IPV6, "bpf", -EOPNOTSUPP, "CONFIG_NFT_CT, which ct");
	says(COMP_ABOUT(COMP_ABOUT_CT, 0), -ENOENT, NFPROTO_IPV4, "bpf", -EOPNOTSUPP,
		 "CONFIG_NFT_CT, which connection tracking");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 0), -EINVAL, NFPROTO_IPV4, "bpf LOG", -EINVAL,
		 "target LOG: nf_tables refuses it: Invalid");
	says(COMP_ABOUT(COMP_ABOUT_CODE, 0), -EPERM, NFPROTO_IPV4, "bpf LOG", -EPERM, "CAP_NET_ADMIN");
	says(0, -EMSGSIZE, NFPROTO_IPV4, "bpf", -EMSGSIZE, "refuses it: Message too long");
}

static int make_all(void *ctx)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_buf_ struct bf_buf r = { 0 };
	struct bf_companion_desc d = all();
	struct comp_table *t = calloc(1, sizeof(*t));
	struct comp_content c;
	int ret = a && t ? comp_record_write(&r, &d, NULL) : -ENOMEM;

	if (!ret)
		ret = comp_record_read(r.data, r.len, a, &c);
	if (!ret) {
		ret = comp_table_make(t, "T", &c, NULL, -1, NULL);
		comp_table_free(t);
	}
	free(t);
	return ret;
}

static void memory_runs_out(void **state)
{
	assert_true(test_alloc_each(make_all, NULL) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(record_reads_back),
		cmocka_unit_test(equal_content_is_the_same),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(chains),
		cmocka_unit_test(trees_of_hooks), cmocka_unit_test(trees),
		cmocka_unit_test(missing_pieces_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
