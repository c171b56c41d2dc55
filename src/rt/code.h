/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code.h: the border between the functions compiled from rt/ and those that
 * gen/ makes for a ruleset (straight code, classic BPF). All are BPF functions
 * of one program; the linker (gen/link.h) binds them by name. Called as BPF
 * functions are: arguments in r1..r5, result in r0, r6..r9 kept.
 *
 * The frame of a packet lies on the entry's stack; its address is the first
 * argument of everything. 248 of the 512 bytes of stack are the frame; what a
 * program needs at its deepest is: entry and walk about 304, a function called
 * from there at most 128. Generated functions may use 64 bytes and call the
 * functions below.
 */
#ifndef BF_RT_CODE_H
#define BF_RT_CODE_H

#include "rt/abi.h"

struct bf_ctx; /* what the kernel calls a program with */

struct bf_frame {
	__u32 key[BF_KEY_WORDS];           /*   0 */
	__u64 skb;                         /* 128: address of the sk_buff (XDP: of the xdp_buff), a number */
	__u64 state;                       /* 136: of the hook's state; for device names and socket owners only. Where there is
	                                    * none: of the device */
	__u64 nh;                          /* 144: address of the network header, a number */
	__u32 len;                         /* 152: skb->len: bytes from the network header on */
	__u16 linear;                      /* 156: how many of these lie at nh, at most 65535; the rest is in fragments, or far away */
	__u16 near;                        /* 158: with config.frames: so many lie at nh - link; 0: see bf_frame_load */
	/* What changes while cells are walked. The verifier follows numbers that begin an 8-byte slot of the stack, and would
	 * tell one state from another by them; so none of these does. */
	__u8 link;                         /* 160: bytes of the Ethernet header that lie there (what does not change may begin one) */
	__u8 spilled;                      /* 161: the map "stack" holds an element for this packet */
	__u8 noted;                        /* 162: hand-off codes noted */
	__u8 next;                         /* 163: protocol of the header at thoff (IPv6) */
	__u32 thoff;                       /* 164: L4 header, from nh; valid with BF_NEED_L4 */
	__u32 version;                     /* 168: of the journal, if something changes in place */
	__u32 depth;                       /* 172: return addresses on the jump stack */
	__u32 kept[BF_KEPT_WORDS];         /* 176: by KEEP cells */
	__u32 out[BF_OUT_WORDS];           /* 208: enum bf_out, if there are PUT cells */
	__u32 behind;                      /* 236: out[] is written at places the verifier is not sure of */
	struct bf_ctx *ctx;                /* 240: not there for functions that stand apart */
};

/*
 * Functions that stand apart (APART in kernel.h, bf_rt_func.args): the verifier
 * looks at each of them once, not at each call again, and takes what it returns
 * and leaves in the frame for any number. So their calls cost next to nothing
 * to verify, but only numbers survive them: they see the frame without the
 * pointer at its end, and may not read packet data beyond the linear part,
 * unless they are called with that pointer as well.
 */
#define BF_FRAME_APART 240

/*
 * Generated, called from compiled code. Without them in `own` they are
 * functions that answer BF_MISS and BF_DROP.
 *
 * int bf_code(struct bf_frame *f, __u32 step, struct bf_ctx *ctx)
 *     A CODE cell: runs filters from number `step` on, up to one that matches. Its number; or that behind the last one of the
 *     run; or -1: the packet is to be dropped. Stands apart.
 * int bf_users_ask(struct bf_frame *f, __u32 step, struct bf_ctx *ctx)
 *     Likewise where the step is a user's function, which is a run by itself (CODE cell with word 1).
 * int bf_straight(struct bf_frame *f);        the whole ruleset: BF_DROP or BF_ACCEPT
 * int bf_straight_ip6, _other                 where one program sees all families: for IPv6, for what is neither
 */

/*
 * Compiled, for generated code.
 *
 * __s64 bf_far_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 offset, __u32 size)
 *     `size` (1, 2 or 4) bytes of the packet as a big-endian number, or -1: not there. Offsets as a classic filter has them
 *     inside xt_bpf: 0 is the network header; SKF_NET_OFF likewise, SKF_LL_OFF from the MAC header (linear part only);
 *     linux/filter.h. Stands apart.
 * __s64 bf_frame_load(struct bf_frame *f, struct bf_ctx *ctx, __s32 offset, __u32 size)
 *     Likewise at xdp and tc, but 0 is the Ethernet header, if the device has such headers, and nothing is cut off behind
 *     the length that the IP header says. A VLAN tag that was taken off stands in its place: then f->near is 0. Stands apart.
 * __s64 bf_frame_len(struct bf_frame *f)
 *     How many bytes that are. Stands apart.
 * __s64 bf_pkt_ad(struct bf_frame *f, __u32 ad)
 *     Ancillary data SKF_AD_x of linux/filter.h: PROTOCOL, PKTTYPE, IFINDEX, MARK, QUEUE, HATYPE, RXHASH, CPU, VLAN_TAG,
 *     VLAN_TAG_PRESENT, VLAN_TPID, RANDOM; or -1: the filter ends with 0 (no device), or not one of these. Stands apart.
 * int bf_program_view(struct bf_frame *f, struct bf_ctx *ctx, struct bf_packet *p, __u32 family)
 *     What a user's function sees of the packet (bpfilter/program.h); *p is 0 before. Stands apart.
 * int bf_count(struct bf_frame *f, __u64 counter)
 *     A COUNT cell. 0.
 * int bf_length(struct bf_frame *f)
 *     The packet's length as it is counted at tc: nft's, with what lies behind the packet, and with the link-layer header when
 *     it leaves. Elsewhere it is f->len. Stands apart.
 * int bf_load(struct bf_frame *f, __u32 loader, __u64 arg)
 *     A LOAD cell: enum bf_rt_answer, words in f->key[BF_KEY_SCRATCH...].
 * int bf_load_apart(struct bf_frame *f, __u32 loader, __u64 arg)
 *     Likewise, but not BF_LOAD_TCP_MSS; stands apart.
 * int bf_special(struct bf_frame *f, __u32 id, __u64 params)
 *     A MATCH cell: enum bf_rt_answer. params is the offset in the map "params".
 * int bf_special_apart(struct bf_frame *f, __u32 id, __u64 params)
 *     Likewise, but not BF_SPECIAL_TCPOPT and BF_SPECIAL_TCPMSS; stands apart.
 * int bf_set(struct bf_frame *f, __u32 word, __u64 head)
 *     A SET cell: BF_MISS or BF_HIT. Stands apart.
 * int bf_find4(struct bf_frame *f, __u32 head, __u32 data, __u32 words), bf_find6
 *     A FIND cell: BF_MISS or BF_HIT. Stand apart.
 * int bf_live(struct bf_frame *f, __u32 verb, __u64 params)
 *     A LIVE cell: BF_MISS or BF_HIT. Stands apart.
 * int bf_exact(struct bf_frame *f, __u32 verb, __u64 params)
 *     One of verb BF_LIVE_EXACT: BF_MISS or BF_HIT. Stands apart.
 * int bf_note(struct bf_frame *f, __u32 code, __u32 terminal)
 *     A HANDOFF cell. 0, or -1: could not be noted, DROP. Stands apart.
 *
 * bf_load, the specials, bf_set, bf_find, bf_live and bf_exact are there in two variants (loop.h); the linker takes the entry's.
 *
 * ops, loaders and specials of the config must name what straight code uses, as if it were made of cells.
 */

#endif
