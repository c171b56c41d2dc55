/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * program.h: for functions of your own as matches:
 *
 *     program "ssh.o" drop
 *
 * They are compiled by clang -O2 -g -target bpf -c ssh.c:
 *
 *     #include <linux/bpf.h>
 *     #include <bpf/bpf_helpers.h>
 *     #include <bpfilter/program.h>
 *
 *     SEC("ssh") int is_ssh(struct bf_packet *p, struct bf_handle *h)
 *     {
 *         char b[4];
 *
 *         if (!p->payload || bf_packet_read(p, h, p->payload, b, sizeof(b)))
 *             return BF_NO_MATCH;
 *         return b[0] == 'S' && b[1] == 'S' && b[2] == 'H' && b[3] == '-';
 *     }
 *
 * (linux/bpf.h or vmlinux.h come first; Debian's headers want -I/usr/include/$(uname -m)-linux-gnu, too. A section has another name
 * than any function.)
 *
 * The kernel's verifier looks at the function by itself, with these arguments
 * (Linux 6.9). It may call other functions of its file, helpers, and kernel
 * functions that the kind of program may call, and have maps of its own (with
 * BTF, as libbpf has them): maps of one name are one in all files of a table,
 * and stay over changes of the table as long as their shape does. Global
 * variables begin anew with each load. CO-RE and __kconfig are answered by the
 * running kernel. Examples for each kind of hook: docs/examples.
 */
#ifndef BPFILTER_PROGRAM_H
#define BPFILTER_PROGRAM_H

/* What it returns; all else is BF_MATCH. */
enum {
	BF_NO_MATCH = 0, /* the next rule; */
	BF_MATCH = 1,    /* what stands behind it in the rule; (program != "FILE": the other way round) */
	BF_DROP_NOW = 2, /* dropped, whatever the rule says */
};

/* What is known of a packet: a copy. Numbers are the machine's, offsets are in bytes from the IP header on. */
struct bf_packet {
	__u32 saddr[4], daddr[4]; /* the most significant 32 bits first; IPv4: saddr[0] alone */
	__u16 sport, dport;       /* 0 where there are none: later fragments, other protocols than TCP, UDP, ... */
	__u8 family;              /* 4, 6; 0: neither */
	__u8 protocol;            /* of layer 4, behind IPv6's extension headers */
	__u16 payload;            /* where that begins what TCP or UDP carry; 0: nothing of that, or not here */
	__u32 transport;          /* the header of layer 4; 0: not here */
	__u32 length;             /* of the packet */
	__u32 mark;
	__u32 iif, oif;           /* indexes of devices; 0: none, or not known at this hook */
	__u32 network;            /* where the handle's bytes have the IP header */
	__u32 reserved[4];        /* bpfilter's */
};

/*
 * Netfilter's hooks: the sk_buff, trusted (struct sk_buff *). tc, cgroup: struct __sk_buff *. xdp: struct xdp_md *. connect,
 * sendmsg: struct bpf_sock_addr *, and there are no bytes of a packet. For helpers and kernel functions that take these.
 */
struct bf_handle;

/* n bytes of the packet to `to`. Not 0: they are not there. */
extern int bf_packet_read(struct bf_packet *p, struct bf_handle *h, __u32 offset, void *to, __u32 n);

/*
 * The table's own sets, maps and objects, by name. Each of these declares a function, which must find a set (map, counter,
 * ...) of that name in the table, of keys and values of that size, when the table is loaded:
 *
 *     BF_SET(bad, __u32);            // set bad { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
 *     BF_COUNTER(seen);              // counter seen { }
 *
 *     if (bf_set_bad(p, &p->saddr[0]))
 *         bf_counter_seen(p);
 *
 * Keys and values are numbers of the machine as struct bf_packet has them: 32 bits (ports, protocols, marks, too, in the low
 * bits); what is wider in words of 32 bits, the most significant first (an IPv6 address, the name of an interface: 4, an
 * Ethernet address: 2). Keys of several parts are a struct of those. What rules see a function sees: elements that come and go while
 * packets flow, time-outs.
 *
 *   bf_set_NAME(p, &key)         1: it is there; 0: it is not
 *   bf_map_NAME(p, &key, &value) 1: value is what it leads to; 0: it is not there. Maps to verdicts and objects are not served
 *   bf_add_, bf_update_, bf_delete_NAME(p, &key)    as `add @NAME`, `update`, `delete` in rules, which 'flags dynamic' allow. 1: done
 *   bf_counter_NAME(p)           counts the packet. 1
 *   bf_quota_NAME(p), bf_limit_NAME(p)    the packet counts. 1: a rule with it would match
 */
#define BF_SET(name, key) extern int bf_set_##name(struct bf_packet *p, const key *k)
#define BF_MAP(name, key, value) extern int bf_map_##name(struct bf_packet *p, const key *k, value *v)
#define BF_DYNAMIC(name, key)                                      \
	BF_SET(name, key);                                             \
	extern int bf_add_##name(struct bf_packet *p, const key *k);    \
	extern int bf_update_##name(struct bf_packet *p, const key *k); \
	extern int bf_delete_##name(struct bf_packet *p, const key *k)
#define BF_COUNTER(name) extern int bf_counter_##name(struct bf_packet *p)
#define BF_QUOTA(name) extern int bf_quota_##name(struct bf_packet *p)
#define BF_LIMIT(name) extern int bf_limit_##name(struct bf_packet *p)

#endif
