/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that ask the table's own sets, maps and counters:
 *
 *     table inet filter {
 *         set bad { type ipv4_addr; flags interval; elements = { 198.51.100.0/24 } }
 *         set bad6 { type ipv6_addr; flags interval; }
 *         set pairs { type ipv4_addr . inet_service; }
 *         map ways { type inet_service : mark; elements = { 22 : 1, 80 : 2 } }
 *         set seen { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
 *         counter strangers { }
 *         limit few { rate 10/second burst 5 packets }
 *         chain input {
 *             type filter hook input priority filter; policy accept;
 *             program "sets.o" section "listed" drop
 *             program "sets.o" section "stranger" counter
 *         }
 *     }
 *
 * Elements come and go (bpfilter add element inet filter bad { 203.0.113.0/24 }) as for rules.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpfilter/program.h>

struct address { /* of IPv6, as struct bf_packet has it */
	__u32 word[4];
};

struct pair { /* ipv4_addr . inet_service */
	__u32 address, port;
};

BF_SET(bad, __u32);
BF_SET(bad6, struct address);
BF_SET(pairs, struct pair);
BF_MAP(ways, __u32, __u32);
BF_DYNAMIC(seen, __u32);
BF_COUNTER(strangers);
BF_LIMIT(few);

/* The other end is in a set: the sender of what comes in. */
SEC("listed") int is_listed(struct bf_packet *p, struct bf_handle *h)
{
	struct pair k = { p->saddr[0], p->dport };

	if (p->family == 6)
		return bf_set_bad6(p, (const struct address *)p->saddr);
	return bf_set_bad(p, &p->saddr[0]) || bf_set_pairs(p, &k);
}

/* The first packet of a source in a minute, to a port that leads somewhere, but few of these. */
SEC("stranger") int is_stranger(struct bf_packet *p, struct bf_handle *h)
{
	__u32 port = p->dport, way;

	if (p->family != 4 || !bf_map_ways(p, &port, &way) || way != 2)
		return BF_NO_MATCH;
	if (bf_set_seen(p, &p->saddr[0]) || !bf_limit_few(p))
		return BF_NO_MATCH;
	bf_add_seen(p, &p->saddr[0]);
	bf_counter_strangers(p);
	return BF_MATCH;
}

/* Forgotten, it is a stranger again. */
SEC("forget") int is_forgotten(struct bf_packet *p, struct bf_handle *h)
{
	return bf_delete_seen(p, &p->saddr[0]);
}
