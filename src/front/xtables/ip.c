/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ip.c: what a rule asks of the IP header and the interfaces, as
 * ip_packet_match() and ip6_packet_match() of the kernel test it. Traps:
 *
 *   IPv4 addresses   (addr & mask) != ip: bits of ip outside mask never agree
 *   IPv6 addresses   (addr ^ ip) & mask: bits outside mask do not matter
 *   interfaces       as IPv6 addresses, byte by byte under a mask ("eth+")
 *   -f               with its inversion but without -f itself: never matches
 *   IPv6 protocol    behind all extension headers; a chain that cannot be
 *                    followed drops the packet. Only looked for with
 *                    IP6T_F_PROTO; protocol 0 then means any
 *   IP6T_F_TOS       accepted and not looked at
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "front/xtables/cond.h"

static int iface(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, const char *name,
				 const unsigned char *mask, bool neg)
{
	static const unsigned char any[16];
	bf_u128 m;

	if (!memcmp(mask, any, sizeof(any))) /* nearly always */
		return bf_xt_const(rs, r, !neg);
	m = bf_xt_be(mask, 16);
	return bf_xt_masked(rs, r, f, m, bf_xt_be(name, 16) & m, neg);
}

static int addr4(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, struct in_addr a, struct in_addr mask,
				 bool neg)
{
	return bf_xt_masked(rs, r, f, bf_xt_be(&mask, 4), bf_xt_be(&a, 4), neg);
}

static int addr6(struct bf_ruleset *rs, struct bf_rule *r, enum bf_field_id f, const struct in6_addr *a,
				 const struct in6_addr *mask, bool neg)
{
	bf_u128 m = bf_xt_be(mask, 16);

	return bf_xt_masked(rs, r, f, m, bf_xt_be(a, 16) & m, neg);
}

static int ip4(struct bf_ruleset *rs, struct bf_rule *r, const struct ipt_ip *ip)
{
	int err = addr4(rs, r, BF_F_IP_SADDR, ip->src, ip->smsk, ip->invflags & IPT_INV_SRCIP);

	if (!err)
		err = addr4(rs, r, BF_F_IP_DADDR, ip->dst, ip->dmsk, ip->invflags & IPT_INV_DSTIP);
	if (!err)
		err = iface(rs, r, BF_F_IIFNAME, ip->iniface, ip->iniface_mask, ip->invflags & IPT_INV_VIA_IN);
	if (!err)
		err = iface(rs, r, BF_F_OIFNAME, ip->outiface, ip->outiface_mask, ip->invflags & IPT_INV_VIA_OUT);
	if (!err && ip->proto)
		err = bf_xt_range(rs, r, BF_F_L4PROTO, ip->proto, ip->proto, ip->invflags & IPT_INV_PROTO);
	if (!err && ip->flags & IPT_F_FRAG)
		err = bf_rule_add_value(rs, r, BF_F_IP_FRAG, 0, !(ip->invflags & IPT_INV_FRAG), false);
	else if (!err && ip->invflags & IPT_INV_FRAG)
		err = bf_xt_never(rs, r);
	return err;
}

static int proto6(struct bf_ruleset *rs, struct bf_rule *r, const struct ip6t_ip6 *ip)
{
	int err = bf_rule_add_guard(rs, r, BF_F_L4_BADEXT, 1, 1);

	if (err || !ip->proto)
		return err;
	return bf_xt_range(rs, r, BF_F_L4PROTO, ip->proto, ip->proto, ip->invflags & IP6T_INV_PROTO);
}

static int ip6(struct bf_ruleset *rs, struct bf_rule *r, const struct ip6t_ip6 *ip)
{
	int err = addr6(rs, r, BF_F_IP6_SADDR, &ip->src, &ip->smsk, ip->invflags & IP6T_INV_SRCIP);

	if (!err)
		err = addr6(rs, r, BF_F_IP6_DADDR, &ip->dst, &ip->dmsk, ip->invflags & IP6T_INV_DSTIP);
	if (!err)
		err = iface(rs, r, BF_F_IIFNAME, ip->iniface, ip->iniface_mask, ip->invflags & IP6T_INV_VIA_IN);
	if (!err)
		err = iface(rs, r, BF_F_OIFNAME, ip->outiface, ip->outiface_mask, ip->invflags & IP6T_INV_VIA_OUT);
	if (!err && ip->flags & IP6T_F_PROTO)
		err = proto6(rs, r, ip);
	return err;
}

int bf_xt_ip_conds(struct bf_ruleset *rs, struct bf_rule *r, const struct bf_xt_layout *l, const uint8_t *e)
{
	struct ipt_ip v4;
	struct ip6t_ip6 v6;

	if (l->family == NFPROTO_IPV4) {
		memcpy(&v4, e, sizeof(v4));
		return ip4(rs, r, &v4);
	}
	memcpy(&v6, e, sizeof(v6));
	return ip6(rs, r, &v6);
}
