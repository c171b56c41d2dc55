/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A function for each kind of hook: what it is handed as its second argument, and what that is good for there.
 *
 *   prerouting ... postrouting   struct sk_buff *, trusted: what it points to is read by CO-RE
 *   ingress, egress (device)     struct __sk_buff *: helpers of BPF_PROG_TYPE_SCHED_CLS
 *   xdp                          struct xdp_md *: helpers of BPF_PROG_TYPE_XDP
 *   ingress, egress (cgroup)     struct __sk_buff *: helpers of BPF_PROG_TYPE_CGROUP_SKB
 *   connect4 ... sendmsg6        struct bpf_sock_addr *: helpers of BPF_PROG_TYPE_CGROUP_SOCK_ADDR; nothing of a packet to read
 *
 *     table inet filter {
 *         chain in { type filter hook input priority filter; program "hooks.o" section "busy" counter; }
 *         chain call { type filter hook connect4 cgroup "/"; program "hooks.o" section "task" reject with errno EACCES; }
 *     }
 *     table netdev devices {
 *         chain x { type filter hook xdp device "eth0"; program "hooks.o" section "queue" counter; }
 *         chain g { type filter hook ingress device "eth0" priority 0; program "hooks.o" section "class" counter; }
 *     }
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpfilter/program.h>

/* Of the kernel's own types what is used: where it lies is looked up when the table is loaded. */
#define CORE __attribute__((preserve_access_index))

struct net_device {
	unsigned int mtu;
} CORE;

struct sk_buff {
	unsigned int len;
	struct net_device *dev;
} CORE;

/* netfilter: as long as the device of the packet takes them, or longer (put together from several). */
SEC("busy") int netfilter_full(struct bf_packet *p, struct bf_handle *h)
{
	struct sk_buff *skb = (struct sk_buff *)h;
	struct net_device *dev = skb->dev; /* output: not yet */

	return dev && skb->len >= BPF_CORE_READ(dev, mtu);
}

/* tc: what the packet's class says, and a note in its mark for whoever comes behind. */
SEC("class") int tc_mark(struct bf_packet *p, struct bf_handle *h)
{
	struct __sk_buff *skb = (struct __sk_buff *)h;

	skb->mark = skb->mark | 0x100;
	return skb->tc_classid == 0 && p->protocol == 17;
}

/* xdp: by the queue that it came from, and what lies before the IP header. */
SEC("queue") int xdp_queue(struct bf_packet *p, struct bf_handle *h)
{
	struct xdp_md *ctx = (struct xdp_md *)h;
	unsigned char ether[14];

	if (p->network < sizeof(ether) || bpf_xdp_load_bytes(ctx, 0, ether, sizeof(ether)))
		return BF_NO_MATCH;
	return ctx->rx_queue_index == 0 && !(ether[0] & 1) && p->protocol == 17;
}

/* Control groups: by the socket that it leaves from, or comes to. */
SEC("socket") int cgroup_socket(struct bf_packet *p, struct bf_handle *h)
{
	struct __sk_buff *skb = (struct __sk_buff *)h;
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	return sk && sk->type == 2 /* SOCK_DGRAM */ && sk->protocol == p->protocol;
}

/* connect(), sendmsg(): by the name of the task that calls. */
SEC("task") int call_of_task(struct bf_packet *p, struct bf_handle *h)
{
	struct bpf_sock_addr *call = (struct bpf_sock_addr *)h;
	char comm[16] = "";

	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0] == 't' && comm[1] == 'h' && call->type == 2 /* SOCK_DGRAM */ && p->dport == 99;
}
