/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_words.c: packets in words (front/native/packet.h), what becomes of them
 * to the letter; wrong ones with what is said of them.
 *
 *   test_words DIR [--update]   DIR/packets.txt, DIR/errors.txt
 *   test_words --pcap           the packets as a capture file, for other judges: | tcpdump -envvr -
 */
#include <stdio.h>

#include "front/native/packet.h"
#include "lib/golden.h"

static const char *const good[] = {
	"tcp 192.0.2.1:5555 > 198.51.100.9:22 iif eth0 ct new",
	"tcp 192.0.2.1 > 198.51.100.9:ssh ct established,reply seq 7 ack 9 window 100 mss 1460 df",
	"tcp [2001:db8::1]:1 > [2001:db8::2]:443 flags syn,ack ttl 3 dscp af11 mark 0x10 hopopts routing dstopts",
	"tcp 192.0.2.1:1 > 192.0.2.2:2 flags 0",
	"udp 10.0.0.1:53 > 224.0.0.251:5353 payload 00ff10 oif wan0 uid 1000 gid 0",
	"udp 10.0.0.1 > 255.255.255.255:67 length 5",
	"udp 2001:db8::1 > ff02::1 length 1 hook output",
	"udplite [2001:db8::1]:7 > [2001:db8::2]:8 length 4",
	"icmp 192.0.2.1 > 192.0.2.2",
	"icmp 192.0.2.1 > 192.0.2.2 type destination-unreachable code 4 id 9 seq 3 length 3",
	"icmp 192.0.2.1 > 192.0.2.2 frag 1480 mf length 16",
	"icmpv6 fe80::1 > ff02::2 type nd-router-solicit hoplimit 255",
	"udp [2001:db8::1]:7 > [2001:db8::2]:8 frag 8 length 8 id 77",
	"igmp 10.0.0.1 > 224.0.0.1 ttl 1",
	"sctp 10.0.0.1:1 > 10.0.0.2:2 ct invalid",
	"dccp 10.0.0.1:1 > 10.0.0.2:2 type response ct untracked ctmark 7 ctstatus assured,snat",
	"esp 10.0.0.1 > 10.0.0.2 spi 0x100 seq 5",
	"ah 2001:db8::1 > 2001:db8::2 spi 1",
	"proto 89 10.0.0.1 > 224.0.0.5 tos 0xc0 priority 3 pkttype other",
	"frame 01005e0000fb02000000000108004500001c0000000040114ecf0a0000010a0000020001000200087ac1 iif eth0 ct new mark 3",
	"frame ffffffffffff02000000000181000005080600010800060400010200000000010a0000010000000000000a000002",
	"arp 10.0.0.1 > 10.0.0.2 ether 02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff op 2 vlan 5 vlan 100",
};

static const char *const bad[] = {
	"",
	"tpc 1.2.3.4 > 5.6.7.8",
	"tcp 1.2.3.4",
	"tcp 1.2.3.4 5.6.7.8",
	"tcp 1.2.3.400 > 5.6.7.8",
	"tcp 1.2.3.4:70000 > 5.6.7.8",
	"tcp 1.2.3.4:nosuchport > 5.6.7.8",
	"tcp 1.2.3.4 > 2001:db8::1",
	"icmp 1.2.3.4:5 > 5.6.7.8",
	"icmp 2001:db8::1 > 2001:db8::2",
	"tcp [2001:db8::1 > 2001:db8::2",
	"udp 1.2.3.4 > 5.6.7.8 iff eth0",
	"udp 1.2.3.4 > 5.6.7.8 iif abcdefghijklmnop",
	"udp 1.2.3.4 > 5.6.7.8 ct esteblished",
	"udp 1.2.3.4 > 5.6.7.8 hook inptu",
	"tcp 1.2.3.4 > 5.6.7.8 flags syn,akc",
	"tcp 1.2.3.4 > 5.6.7.8 ttl 256",
	"tcp 1.2.3.4 > 5.6.7.8 ttl",
	"tcp 1.2.3.4 > 5.6.7.8 frag 12",
	"tcp 1.2.3.4 > 5.6.7.8 hopopts",
	"tcp 1.2.3.4 > 5.6.7.8 payload abc",
	"tcp 1.2.3.4 > 5.6.7.8 vlan 1 vlan 2 vlan 3",
	"proto 256 1.2.3.4 > 5.6.7.8",
	"icmp 1.2.3.4 > 5.6.7.8 type echo-requets",
	"arp 2001:db8::1 > 2001:db8::2",
	"frame 0102",
	"frame 0200000000020200000000010800450g iif eth0",
	"frame 02000000000202000000000108004500 ttl 3",
	"frame",
};

static void show(struct bf_buf *out, const struct bf_npacket *p)
{
	bf_buf_printf(out, "  family %u, network header at %u, type %u", p->family, p->nh, p->pkttype);
	if (p->has_hook)
		bf_buf_printf(out, ", hook %s", bf_hook_kinds[p->hook].name);
	bf_buf_printf(out, "%s%s%s%s", *p->iif ? ", in " : "", p->iif, *p->oif ? ", out " : "", p->oif);
	bf_buf_printf(out, ", mark %#x, priority %u, ct%s state %#x status %#x mark %u", p->mark, p->priority,
	              p->has_ct ? "" : " unsaid", p->ctstate, p->ctstatus, p->ctmark);
	if (p->has_uid)
		bf_buf_printf(out, ", uid %u", p->uid);
	if (p->has_gid)
		bf_buf_printf(out, ", gid %u", p->gid);
	for (uint32_t i = 0; i < p->len; i++)
		bf_buf_printf(out, "%s%02x", i % 32 ? i % 2 ? "" : " " : "\n  ", p->frame[i]);
	bf_buf_puts(out, "\n");
}

static void all(struct bf_buf *out, const char *const *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_arena_ struct bf_arena *a = bf_arena_new();
		_cleanup_diag_ struct bf_diag d = {};
		struct bf_npacket p;

		bf_buf_printf(out, "%s\n", text[i]);
		if (!bf_native_packet(a, "packet", 1, text[i], strlen(text[i]), &p, &d))
			show(out, &p);
		bf_buf_puts(out, d.text.data ? d.text.data : "");
	}
}

/* pcap-savefile(5), DLT_EN10MB. */
static int capture(void)
{
	const uint32_t head[] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1 };

	fwrite(head, sizeof(head), 1, stdout);
	for (size_t i = 0; i < BF_ARRAY_SIZE(good); i++) {
		_cleanup_arena_ struct bf_arena *a = bf_arena_new();
		struct bf_npacket p;

		if (bf_native_packet(a, "packet", 1, good[i], strlen(good[i]), &p, NULL))
			return 1;
		fwrite((uint32_t[]){ (uint32_t)i, 0, p.len, p.len }, 16, 1, stdout);
		fwrite(p.frame, p.len, 1, stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_buf_ struct bf_buf packets = {}, errors = {};
	struct golden g;

	if (argc == 2 && !strcmp(argv[1], "--pcap"))
		return capture();
	if (!golden_begin(&g, argc, argv))
		return 2;
	all(&packets, good, BF_ARRAY_SIZE(good));
	all(&errors, bad, BF_ARRAY_SIZE(bad));
	golden_check(&g, "packets", &packets);
	golden_check(&g, "errors", &errors);
	return golden_end(&g);
}
