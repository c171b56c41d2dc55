/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of your own as matches:
 *
 *     clang -O2 -g -target bpf -I/usr/include/$(uname -m)-linux-gnu -c ssh.c
 *
 *     table inet filter {
 *         chain input {
 *             type filter hook input priority filter; policy accept;
 *             tcp dport != 22 program "ssh.o" section "ssh" drop      # SSH, but not where it belongs
 *             icmp type echo-request program != "ssh.o" section "third" drop
 *         }
 *     }
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpfilter/program.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

/* What is carried begins with "SSH-" (RFC 4253, 4.2). */
SEC("ssh") int begins_with_ssh(struct bf_packet *p, struct bf_handle *h)
{
	char b[4];

	if (!p->payload || bf_packet_read(p, h, p->payload, b, sizeof(b)))
		return BF_NO_MATCH;
	return b[0] == 'S' && b[1] == 'S' && b[2] == 'H' && b[3] == '-';
}

/* Every third packet of a source. */
SEC("third") int every_third(struct bf_packet *p, struct bf_handle *h)
{
	__u64 one = 1, *n = bpf_map_lookup_elem(&seen, &p->saddr[0]);

	if (n)
		return __sync_fetch_and_add(n, 1) % 3 == 2;
	bpf_map_update_elem(&seen, &p->saddr[0], &one, BPF_ANY);
	return BF_NO_MATCH;
}
