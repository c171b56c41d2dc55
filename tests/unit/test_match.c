/* SPDX-License-Identifier: GPL-2.0-only */
/* test_match.c: the lists of matches and targets, and what targets ask of the kernel. */
#include "lib/unit.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

#include "base/image.h"
#include "match/match.h"

static void lists_are_sorted_and_complete(void **state)
{
	for (size_t i = 0; bf_matches[i]; i++) {
		assert_non_null(bf_matches[i]->print);
		assert_non_null(bf_matches[i]->lower);
		assert_non_null(bf_matches[i]->eval);
		assert_true(bf_matches[i]->data_size > 0);
		assert_true(i == 0 || strcmp(bf_matches[i - 1]->name, bf_matches[i]->name) < 0);
		assert_true(!bf_matches[i]->state_size || bf_matches[i]->stateful);
	}
	for (size_t i = 0; bf_targets[i]; i++) {
		assert_non_null(bf_targets[i]->print);
		assert_non_null(bf_targets[i]->handoff);
		assert_true(i == 0 || strcmp(bf_targets[i - 1]->name, bf_targets[i]->name) < 0);
	}
}

static void reject(uint8_t family, uint8_t with, int type, uint8_t code)
{
	struct bf_handoff_spec s = { 0 };

	assert_int_equal(bf_target_reject.handoff(&(struct bf_reject){ with, family }, family, &s), 0);
	assert_int_equal(s.kind, BF_HANDOFF_NFT_REJECT);
	assert_true(s.terminal);
	assert_int_equal(s.reject_type, type);
	assert_int_equal(s.reject_code, code);
}

/* Codes of ICMP "destination unreachable": RFC 792, 1812 5.2.7.1, 4443 3.1. */
static void reject_codes(void **state)
{
	static const struct {
		uint8_t family, with, code;
	} rows[] = {
		{ NFPROTO_IPV4, IPT_ICMP_NET_UNREACHABLE, 0 },   { NFPROTO_IPV4, IPT_ICMP_HOST_UNREACHABLE, 1 },
		{ NFPROTO_IPV4, IPT_ICMP_PROT_UNREACHABLE, 2 },  { NFPROTO_IPV4, IPT_ICMP_PORT_UNREACHABLE, 3 },
		{ NFPROTO_IPV4, IPT_ICMP_NET_PROHIBITED, 9 },    { NFPROTO_IPV4, IPT_ICMP_HOST_PROHIBITED, 10 },
		{ NFPROTO_IPV4, IPT_ICMP_ADMIN_PROHIBITED, 13 }, { NFPROTO_IPV6, IP6T_ICMP6_NO_ROUTE, 0 },
		{ NFPROTO_IPV6, IP6T_ICMP6_ADM_PROHIBITED, 1 },  { NFPROTO_IPV6, IP6T_ICMP6_NOT_NEIGHBOUR, 2 },
		{ NFPROTO_IPV6, IP6T_ICMP6_ADDR_UNREACH, 3 },    { NFPROTO_IPV6, IP6T_ICMP6_PORT_UNREACH, 4 },
		{ NFPROTO_IPV6, IP6T_ICMP6_POLICY_FAIL, 5 },     { NFPROTO_IPV6, IP6T_ICMP6_REJECT_ROUTE, 6 },
	};
	struct bf_handoff_spec s = { 0 };

	for (size_t i = 0; i < BF_ARRAY_SIZE(rows); i++)
		reject(rows[i].family, rows[i].with, NFT_REJECT_ICMP_UNREACH, rows[i].code);
	reject(NFPROTO_IPV4, IPT_TCP_RESET, NFT_REJECT_TCP_RST, 0);
	reject(NFPROTO_IPV6, IP6T_TCP_RESET, NFT_REJECT_TCP_RST, 0);
	assert_int_equal(bf_target_reject.handoff(&(struct bf_reject){ IPT_ICMP_ECHOREPLY, NFPROTO_IPV4 }, NFPROTO_IPV4, &s), -EINVAL);
	assert_int_equal(bf_target_reject.handoff(&(struct bf_reject){ 9, NFPROTO_IPV4 }, NFPROTO_IPV4, &s), -EINVAL);
	assert_int_equal(bf_target_reject.handoff(&(struct bf_reject){ 9, NFPROTO_IPV6 }, NFPROTO_IPV6, &s), -EINVAL);
}

static void log_is_the_kernels(void **state)
{
	const struct bf_log log = { 6, XT_LOG_UID, "twentynine characters of text" };
	const struct xt_log_info *info;
	struct bf_handoff_spec s = { 0 };

	assert_int_equal(bf_target_log.handoff(&log, NFPROTO_IPV4, &s), 0);
	info = (const void *)s.info;
	assert_int_equal(s.kind, BF_HANDOFF_XT_TARGET);
	assert_string_equal(s.name, "LOG");
	assert_int_equal(s.size, sizeof(*info));
	assert_false(s.terminal);
	assert_int_equal(info->level, 6);
	assert_int_equal(info->logflags, XT_LOG_UID);
	assert_string_equal(info->prefix, log.prefix);
}

static void nflog_is_the_kernels(void **state)
{
	const struct bf_nflog log = { 96, 7, 20, XT_NFLOG_F_COPY_LEN, "p" };
	struct bf_handoff_spec s = { 0 };
	struct xt_nflog_info info;

	assert_int_equal(bf_target_nflog.handoff(&log, NFPROTO_IPV6, &s), 0);
	memcpy(&info, s.info, sizeof(info));
	assert_string_equal(s.name, "NFLOG");
	assert_int_equal(s.size, sizeof(info));
	assert_int_equal(info.len, 96);
	assert_int_equal(info.group, 7);
	assert_int_equal(info.threshold, 20);
	assert_int_equal(info.flags, XT_NFLOG_F_COPY_LEN);
	assert_string_equal(info.prefix, "p");
}

UNIT_MAIN(cmocka_unit_test(lists_are_sorted_and_complete), cmocka_unit_test(reject_codes), cmocka_unit_test(log_is_the_kernels),
          cmocka_unit_test(nflog_is_the_kernels))
