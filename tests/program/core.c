/* SPDX-License-Identifier: GPL-2.0-only */
/* What CO-RE can say about the kernel's types, and global variables of all sorts, for tests/program/run. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpfilter/program.h>

#define CORE __attribute__((preserve_access_index))

struct net_device {
	int ifindex; /* elsewhere in the kernel's */
	char name[16];
} CORE;

struct sk_buff {
	unsigned long _nfct;
	__u8 pkt_type : 3, ignore_df : 1, encapsulation : 1, remcsum_offload : 1;
	unsigned int mark, len;
	struct net_device *dev;
} CORE;

struct sk_buff___wide { /* the kernel's is narrower */
	unsigned long long mark;
} CORE;

struct sk_buff___new {
	int no_such_member;
} CORE;

struct nf_conntrack_tuple {
	struct {
		__u8 protonum;
	} dst;
} CORE;

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
} CORE;

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
} CORE;

struct no_such_struct {
	int x;
} CORE;

enum nf_inet_hooks { NF_INET_LOCAL_IN = 77 }; /* 1 */
enum nf_inet_hooks___new { NF_INET_NO_SUCH = 3 };

SEC("fields") int on_fields(struct bf_packet *p, struct bf_handle *h)
{
	struct sk_buff *skb = (void *)h;
	struct sk_buff___wide *wide = (void *)h;

	return BPF_CORE_READ(skb, len) == p->length && BPF_CORE_READ(skb, dev, ifindex) == p->iif && wide->mark == p->mark &&
	       skb->mark == p->mark && p->mark == 0x1234;
}

SEC("bits") int on_bits(struct bf_packet *p, struct bf_handle *h)
{
	struct sk_buff *skb = (void *)h;

	return BPF_CORE_READ_BITFIELD(skb, pkt_type) == 0 && BPF_CORE_READ_BITFIELD_PROBED(skb, ignore_df) <= 1 &&
	       bpf_core_field_size(skb->len) == 4;
}

SEC("conn") int on_connection(struct bf_packet *p, struct bf_handle *h)
{
	struct sk_buff *skb = (void *)h;
	struct nf_conn *ct = (void *)(skb->_nfct & ~7ul);

	return ct && BPF_CORE_READ(ct, tuplehash[0].tuple.dst.protonum) == p->protocol &&
	       BPF_CORE_READ(ct, tuplehash[1].tuple.dst.protonum) == p->protocol;
}

/* What this kernel has not is not reached. */
SEC("exists") int on_exists(struct bf_packet *p, struct bf_handle *h)
{
	struct sk_buff___new *skb = (void *)h;

	if (bpf_core_field_exists(skb->no_such_member))
		return skb->no_such_member;
	return bpf_core_type_exists(struct sk_buff) && !bpf_core_type_exists(struct no_such_struct) &&
	       bpf_core_type_size(struct sk_buff) > 100 && bpf_core_enum_value(enum nf_inet_hooks, NF_INET_LOCAL_IN) == 1 &&
	       !bpf_core_enum_value_exists(enum nf_inet_hooks___new, NF_INET_NO_SUCH);
}

/* It is. */
SEC("absent") int on_absent(struct bf_packet *p, struct bf_handle *h)
{
	return ((struct sk_buff___new *)h)->no_such_member;
}

const volatile __u32 constant = 5;
volatile __u32 variable = 6;
volatile __u32 counter;
static volatile __u64 own[4];

/* The first packet alone. */
SEC("globals") int on_globals(struct bf_packet *p, struct bf_handle *h)
{
	own[p->family & 3]++;
	bpf_printk("packet %u of %u bytes", counter, p->length);
	return own[0] == 1 && counter++ + variable + constant == 11;
}

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned int CONFIG_HZ __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_NET __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig;

SEC("config") int on_config(struct bf_packet *p, struct bf_handle *h)
{
	return LINUX_KERNEL_VERSION >= (6 << 16 | 4 << 8) && CONFIG_HZ >= 100 && CONFIG_BPF_SYSCALL && CONFIG_NET == TRI_YES &&
	       !CONFIG_NO_SUCH_OPTION && CONFIG_DEFAULT_HOSTNAME[0] == '(';
}

extern int CONFIG_NO_OTHER_OPTION __kconfig;

SEC("unset") int on_unset(struct bf_packet *p, struct bf_handle *h)
{
	return CONFIG_NO_OTHER_OPTION;
}

/* Too much for the stack. */
SEC("deep") int on_too_deep(struct bf_packet *p, struct bf_handle *h)
{
	char b[400];

	return bf_packet_read(p, h, 0, b, 399) && b[p->length & 255];
}

/* A helper that is for programs under the GPL alone, and one that programs of this kind must not call. */
SEC("helper") int on_wrong_helper(struct bf_packet *p, struct bf_handle *h)
{
	return bpf_redirect(1, 0);
}
