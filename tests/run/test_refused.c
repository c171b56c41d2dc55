/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_refused.c: a verifier that refuses straight code. The table is then
 * loaded as data, without a word; one that refuses that too is told of, and
 * the old rules stay.
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bpfilter/bpfilter.h"
#include "kern/sys.h"
#include "run/net.h"

int __real_bf_sys_bpf(int cmd, void *attr, unsigned size);
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size);

static unsigned refuse, loads;

/* Programs of more than a dispatcher's few instructions. */
int __wrap_bf_sys_bpf(int cmd, void *attr, unsigned size)
{
	const union bpf_attr *a = attr;

	if (cmd == BPF_PROG_LOAD && a->prog_type == BF_PROG_TYPE_NETFILTER && a->insn_cnt > 40) {
		loads++;
		if (refuse) {
			refuse--;
			return -E2BIG;
		}
	}
	return __real_bf_sys_bpf(cmd, attr, size);
}

/* The table as it is, with another policy for one chain. */
static int set_policy(struct bf_ctx *ctx, int hook, int verdict)
{
	struct ipt_getinfo info;
	struct ipt_replace *r;
	void *entries = NULL, *old = NULL;
	uint32_t size, n_old;
	int rc;

	assert_int_equal(bf_xt_info(ctx, AF_INET, "filter", &info), 0);
	assert_int_equal(bf_xt_entries(ctx, AF_INET, "filter", info.size, &entries, &size), 0);
	r = calloc(1, sizeof(*r) + size);
	assert_non_null(r);
	strcpy(r->name, "filter");
	r->valid_hooks = info.valid_hooks;
	r->num_entries = r->num_counters = info.num_entries;
	r->size = size;
	memcpy(r->hook_entry, info.hook_entry, sizeof(info.hook_entry));
	memcpy(r->underflow, info.underflow, sizeof(info.underflow));
	memcpy(r->entries, entries, size);
	*(int *)((char *)r->entries + info.underflow[hook] + sizeof(struct ipt_entry) +
	         sizeof(struct xt_entry_target)) = -verdict - 1;
	rc = bf_xt_set_entries(ctx, AF_INET, r, sizeof(*r) + size, &old, &n_old);
	free(old);
	free(r);
	free(entries);
	return rc;
}

static void test_refused(void **state)
{
	struct bf_ctx *ctx;
	struct test_udp u;

	test_net_new();
	ctx = bf_ctx_new();
	assert_non_null(ctx);
	u = test_udp_open(AF_INET);

	refuse = 1;
	loads = 0;
	assert_int_equal(set_policy(ctx, NF_INET_LOCAL_IN, NF_DROP), 0);
	assert_string_equal(bf_ctx_message(ctx), "");
	assert_true(loads >= 4); /* one refused, then three hooks */
	assert_false(test_udp_send(&u, 10));

	refuse = 100;
	assert_int_not_equal(set_policy(ctx, NF_INET_FORWARD, NF_DROP), 0);
	assert_non_null(strstr(bf_ctx_message(ctx), "verifier"));
	refuse = 0;
	assert_false(test_udp_send(&u, 10));

	test_udp_close(&u);
	assert_int_equal(bf_flush(ctx), 0);
	bf_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
