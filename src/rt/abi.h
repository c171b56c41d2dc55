/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abi.h: what the programs in the kernel (rt/ *.bpf.c) and the code that makes
 * them (gen/) agree on. Constants and plain structs only, usable from BPF C.
 *
 * A ruleset is lowered to a graph of *cells* (struct bf_cell). Each cell tests
 * one thing and names the cell to go to on a hit and on a miss; others count,
 * jump, hand a packet to the kernel, or end with a verdict. Small graphs are
 * emitted as straight BPF code, large ones stay data in one array-map value
 * and are walked by a loop. Both ways work on the packet's *key*: 32-bit words
 * in host byte order, filled once by the prologue with what the ruleset uses.
 *
 *   word  0..3   source address (IPv4: word 0 alone), 32 bits each, first bits first
 *         4..7   destination address
 *         8      source port << 16 | destination port (the first 4 bytes of the L4 header)
 *         9      META: bits 0-7 L4 protocol, 8-15 TTL/hop limit, 16-23 TOS/traffic class,
 *                24-26 packet type (as xt_pkttype resolves it), 28-31 zero
 *         10     length of the packet in bytes, header included, as xt_length has it: the IPv4 header's total length
 *                (skb_ip_totlen); IPv6 skb->len, whatever the header says
 *         11     L4INFO: bits 0-7 ICMP code, 8-15 ICMP type, 16-23 TCP byte 13 (flags), 24-27 TCP data offset
 *         12     ODD: bits 0-15 bytes of L4 header and payload present (clipped), BF_ODD_* flags above
 *         13     packet mark
 *         14     CTSTATE: the XT_CONNTRACK_STATE_* bits of the packet, BF_CT_* flags above; 24-31 nft's state
 *         15     conntrack status (IPS_*), 0 without a connection
 *         16..19 name of the input interface, padded with NULs, first character in the top bits
 *         20..23 name of the output interface
 *         24     answers of the kernel's own matches (assists), one bit each
 *         25     order of the rule that the last CLASS cell found
 *         26     its counter
 *         27     always 0
 *         28..31 scratch words, filled by a LOAD cell
 *
 * Words that the ruleset does not use hold 0.
 *
 * The L4 header begins where the kernel's matches look for it: IPv4 behind the
 * IP header, fragments too; IPv6 where ipv6_find_hdr(skb, &off, -1, ...) leaves
 * it, for fragments that are not the first that is offset 0 of the packet. A
 * value of it is 0 when the packet is too short to hold it: ports and ICMP
 * need 4 bytes, flags and data offset 14. After BF_ODD_BADEXT all of it is 0. Interface
 * names are the device's 16 bytes as they are (xtables compares them under a mask).
 */
#ifndef BF_RT_ABI_H
#define BF_RT_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum bf_key_word {
	BF_KEY_SADDR = 0,
	BF_KEY_DADDR = 4,
	BF_KEY_PORTS = 8,
	BF_KEY_META = 9,
	BF_KEY_LEN = 10,
	BF_KEY_L4INFO = 11,
	BF_KEY_ODD = 12,
	BF_KEY_MARK = 13,
	BF_KEY_CTSTATE = 14,
	BF_KEY_CTSTATUS = 15,
	BF_KEY_IIFNAME = 16,
	BF_KEY_OIFNAME = 20,
	BF_KEY_ASSIST = 24,
	BF_KEY_HALF = 24,  /* lowest bit of the journal's version, for gates (gen/build.h): tables with assists have none */
	BF_KEY_ORDER = 25,
	BF_KEY_SLOT = 26,
	BF_KEY_ZERO = 27,
	BF_KEY_SCRATCH = 28,
	BF_KEY_FOUND = 29, /* while a CLASS cell is looked up: what it has found (rt/classify.h). Not the first half of 8 bytes */
	BF_KEY_WORDS = 32,
};

/* Kinds of programs. */
enum bf_rt_kind {
	BF_RT_NETFILTER, /* their context is made of an sk_buff and the hook's state; */
	BF_RT_TC,        /* of an sk_buff */
	BF_RT_TC_EGRESS,
	BF_RT_CGROUP,
	BF_RT_CGROUP_EGRESS,
	BF_RT_XDP,       /* a packet without one */
	BF_RT_CALL,      /* an address that connect() or sendmsg() was called with */
	BF_RT_SOCKOPS,   /* a connection */
};

/* Families of packets. */
enum bf_fam { BF_FAM_IP, BF_FAM_IP6, BF_FAM_OTHER, BF_FAMS };

/* Flags in BF_KEY_ODD, above the 16 bits of available length. */
#define BF_ODD_AVAIL 0xffffu     /* bytes present from the L4 header on: skb->len - thoff, clipped to 0..65535 */
#define BF_ODD_FRAG (1u << 16)   /* not the first fragment: IPv4 offset != 0; IPv6 as ipv6_find_hdr reports it */
#define BF_ODD_FRAG1 (1u << 17)  /* IPv4 fragment offset is exactly 1 (8 bytes) */
#define BF_ODD_BADEXT (1u << 18) /* IPv6: the extension header chain cannot be followed (ipv6_find_hdr < 0, no fragment offset) */

/* Flags in BF_KEY_CTSTATE, above the XT_CONNTRACK_STATE_* bits (1 INVALID, 2 ESTABLISHED,
 * 4 RELATED, 8 NEW, 64 SNAT, 128 DNAT, 256 UNTRACKED; linux/netfilter/xt_conntrack.h). */
#define BF_CT_NONE (1u << 16)  /* no connection belongs to the packet */
#define BF_CT_REPLY (1u << 17) /* the packet goes in reply direction */
#define BF_CT_NFT 24           /* nft's: 1 invalid, 2 established, 4 related, 8 new, 64 untracked */

/* What the prologue has to prepare: the OR over all fields and matches in use. */
enum bf_need {
	BF_NEED_ADDRS = 1 << 0,    /* words 0..7 */
	BF_NEED_IPHDR = 1 << 1,    /* META but pkttype; LEN */
	BF_NEED_L4 = 1 << 2,       /* META protocol, ODD (IPv6: the walk over the extension headers) */
	BF_NEED_PORTS = 1 << 3,    /* implies L4 */
	BF_NEED_L4INFO = 1 << 4,   /* implies L4 */
	BF_NEED_PKTTYPE = 1 << 5,
	BF_NEED_MARK = 1 << 6,
	BF_NEED_CT = 1 << 7,       /* CTSTATE, CTSTATUS; switches conntrack on */
	BF_NEED_IIFNAME = 1 << 8,
	BF_NEED_OIFNAME = 1 << 9,
	BF_NEED_ASSIST = 1 << 10,
	BF_NEED_DEVICES = 1 << 11, /* no word: what leads to the devices */
};

/*
 * Cells. `true` means: ((key[word] & mask) - lo) <= span, in 32-bit arithmetic.
 */
enum bf_cell_op {
	BF_CELL_TEST,    /* true -> hit, else miss */
	BF_CELL_COUNT,   /* counter[arg] += {1 packet, skb->len}; -> hit. word 1: the counter is key[BF_KEY_SLOT] instead */
	BF_CELL_VERDICT, /* end: lo is BF_DROP or BF_ACCEPT. DROP with hand-offs noted: see drop_code below */
	BF_CELL_CALL,    /* push miss on the jump stack; -> hit */
	BF_CELL_RET,     /* pop the jump stack; -> what was popped */
	BF_CELL_LOAD,    /* scratch words := loader `lo` with argument arg; loaded -> hit, not available -> miss, or drop */
	BF_CELL_MATCH,   /* special match `lo` (enum bf_special), parameters at data offset arg; true -> hit, else miss, or drop */
	BF_CELL_CODE,    /* a filter, true -> hit, else miss; and the first of up to `span` that the generated function goes through at
	                  * once, from step lo on (rt/code.h; word 1: that for users' functions): it gets to step lo + i -> cell arg + i, or drop */
	BF_CELL_CLASS,   /* the first matching rule of the run whose head is at place arg of the map "class" (rt/class.h), with an
	                  * order of at least lo (word 1: above key[BF_KEY_ORDER] instead). Found: key[BF_KEY_ORDER] and
	                  * key[BF_KEY_SLOT] are set, it is counted unless its service says otherwise; -> its target. None: -> miss */
	BF_CELL_SET,     /* are the key words from `word` on in the set whose head is at place arg of the map "class" -> hit, else miss */
	BF_CELL_HANDOFF, /* note hand-off code lo for this packet; -> hit. arg 1: a terminal code, VERDICT ACCEPT follows */
	BF_CELL_PUT,     /* output `lo` (enum bf_out) := (key[word] & mask, shifted as arg says) ^ span; -> hit */
	BF_CELL_CMP,     /* a = key[word] & mask, b = key[other] & lo, shifted as span says; a == b + arg, or (BF_CMP_LESS) a < b +
	                  * arg, as 64 bits with sign -> hit, else miss */
	BF_CELL_FIND,    /* the first element of a set that the key lies in: a run whose head is at place arg of "class"; word 1: with
	                  * IPv6 leaves. Found: scratch words := `span` words at place lo + span * its number; -> hit, else miss. arg 0: element 0 is found */
	BF_CELL_SWITCH,  /* -> the cell whose number is at place arg + scratch[0] of "class"; scratch[0] is below lo */
	BF_CELL_KEEP,    /* word `lo` of what is kept := (key[word] >> span) & mask; -> hit */
	BF_CELL_LIVE,    /* sets that rules change, verb `lo` (enum bf_live_verb), parameters at offset arg (struct bf_rt_live); true -> hit, else miss */
	BF_CELL_BRANCH,  /* v = key[word] & mask; the pair of words at place arg + 2 * (v * lo >> span) of "class": its first one is v -> the
	                  * cell that its second one says, else -> miss */
	BF_CELL_CHANCE,  /* scratch[0] := a number by chance; then as TEST, of that word */
	BF_CELL_OPS,
};

/* span of a CMP cell: bits 0-4: a is shifted right, 5-9: left, 10-14, 15-19: b. arg of a PUT cell: bits 0-4, 5-9. */
#define BF_CMP_LEFT 5
#define BF_CMP_B 10
#define BF_CMP_LESS (1u << 31)
#define BF_CMP_TEMP BF_KEY_WORDS /* `other`: it is what was put to BF_OUT_TEMP */

#define BF_KEPT_WORDS 8 /* for what is loaded: other words of a set's key are taken where they are */
/* What a generator has made waits in the last of them. A key that takes all eight is complete by then: words are kept in the
 * order in which they are loaded, this one at its turn or before it. */
#define BF_KEPT_MADE (BF_KEPT_WORDS - 1)

/*
 * Outputs: what a program does to a packet or socket beside its verdict, at
 * hooks that can (base/hook.h). PUT cells set them, the last one holds; most
 * are done when the program ends, a mirror at once. MARK is also the key's
 * from then on; PRIORITY and CT_MARK are what is read from then on. EXIT and ARG say what a VERDICT DROP behind them means; what
 * then cannot be done is dropped.
 */
enum bf_out {
	BF_OUT_SET = 0,        /* bits (1 << BF_OUT_x): which were put */
	BF_OUT_MARK = 1,       /* of the packet; sock_ops: of the socket */
	BF_OUT_PRIORITY = 2,
	BF_OUT_EXIT = 3,        /* enum bf_exit */
	BF_OUT_ARG = 4,        /* of EXIT */
	BF_OUT_MIRROR = 5,     /* a copy leaves by the device of this index */
	BF_OUT_CT_MARK = 5,    /* netfilter, where there are no mirrors: what the companion will set */
	BF_OUT_RTO = 2,        /* sock_ops: jiffies, */
	BF_OUT_CWND = 3,       /* segments, */
	BF_OUT_RWND = 4,
	BF_OUT_CONGESTION = 5, /* offset in the map "params" of a name of 16 bytes, padded with NULs */
	BF_OUT_TEMP = 6,       /* no output: a number that waits for a CMP cell */
	BF_OUT_WORDS = 7,
};

enum bf_exit {
	BF_EXIT_NONE,
	BF_EXIT_REJECT,   /* ARG: BF_REJECT_* */
	BF_EXIT_REDIRECT, /* ARG: index of a device, by which the packet leaves */
	BF_EXIT_ROUTE,    /* ARG: offset in the map "params" of a struct bf_rt_hop */
	BF_EXIT_ERRNO,    /* ARG: what the system call fails with, positive */
};

/* Of BF_EXIT_REJECT. A TCP reset, or an error: ICMP's or ICMPv6's, as the packet is (type << 8 | code), or what
 * NFT_REJECT_ICMPX_* (linux/netfilter/nf_tables.h) means for its family. */
#define BF_REJECT_IS_RST (1u << 16)
#define BF_REJECT_IS_ICMPX (1u << 17)

struct bf_rt_hop { /* the next hop: a neighbour, found through the routes to it */
	__u32 family;  /* NFPROTO_IPV4 or NFPROTO_IPV6; a packet of the other one is dropped */
	__u32 addr[4]; /* as in the key */
	__u32 pad;
};

enum bf_rt_verdict { BF_DROP = 0, BF_ACCEPT = 1 };

/* What loaders, special matches and generated functions answer. DROP is xtables' hotdrop: the packet ends here, nothing is
 * counted. */
enum bf_rt_answer { BF_MISS = 0, BF_HIT = 1, BF_HOTDROP = 2 };

struct bf_cell { /* 32 bytes */
	__u8 op;
	__u8 word;
	__u16 other; /* CMP */
	__u32 hit; /* index of a cell */
	__u32 miss;
	__u32 mask;
	__u32 lo;
	__u32 span;
	__u64 arg;
};

/* LOAD cells: values that the prologue does not fetch. `available` as the kernel's match sees it. */
enum bf_loader {
	BF_LOAD_SKUID,        /* scratch[0] = fsuid of the socket's file; not available without socket or file (xt_owner) */
	BF_LOAD_SKGID,
	BF_LOAD_SOCKET,       /* scratch[0] = BF_SOCKET_*; always available (xt_owner: skb_to_full_sk, sk_socket, its file; other netns: none) */
	BF_LOAD_ETHER_SADDR,  /* scratch[0] = 16 top bits, scratch[1] = 32 low bits; not available: no Ethernet header (xt_mac) */
	BF_LOAD_TCP_MSS,      /* scratch[0] = MSS option; not available: no such option; drops as xt_tcpmss does: header or options
	                       * cut short, data offset below 5 */
	BF_LOAD_CT_PROTO,     /* scratch[0]; the CT loaders are not available without a connection */
	BF_LOAD_CT_EXPIRES,   /* scratch[0], seconds until the connection times out */
	BF_LOAD_CT_SRC,       /* scratch[0..3]; arg: 0 original, 1 reply direction. IPv4: scratch[0] alone */
	BF_LOAD_CT_DST,
	BF_LOAD_CT_SPORT,     /* scratch[0], host order; arg as above */
	BF_LOAD_CT_DPORT,
	/*
	 * Those from here on see what nft's expressions see (net/netfilter/nft_*.c of the kernel), and are not available where
	 * those break. The value is in scratch[0..3], right-aligned.
	 */
	BF_LOAD_PAYLOAD,      /* arg BF_LOAD_BITS(enum bf_base, ...) */
	BF_LOAD_EXTHDR,       /* IPv6 extension header: BF_LOAD_BITS(its number, ...) */
	BF_LOAD_TCP_OPTION,   /* BF_LOAD_BITS(its kind, ...) */
	BF_LOAD_IP_OPTION,    /* likewise; IPv4 */
	BF_LOAD_CHUNK,        /* SCTP: BF_LOAD_BITS(its type, ...) */
	BF_LOAD_META,         /* arg: enum bf_meta_key */
	BF_LOAD_SK,           /* arg: enum bf_sk_key | level << 8 */
	BF_LOAD_CONN,         /* arg: enum bf_conn_key | direction << 8 (2: none) */
	BF_LOAD_PICK,         /* one of some numbers, arg: BF_PICK(...) */
	BF_LOAD_ANSWER,       /* what an assist has found, arg: BF_ANSWER_AT(...); not available: it has found nothing */
	BF_LOAD_MADE,         /* scratch[0] alone = what the last generator has made (BF_KEPT_MADE) */
	BF_LOADERS,
};

/* Of what, from which bit on, how many bits (1 .. 128; 0: is it there, 1 or 0). */
#define BF_LOAD_BITS(what, at, bits) ((__u64)(what) | (__u64)(bits) << 8 | (__u64)(at) << 16)

/* offset .. offset + n - 1, each as often as the others: by chance, or by a hash of the addresses, ports and protocol, the same
 * in both directions. offset: below 2^31. */
#define BF_PICK(n, offset, hash) ((__u64)(n) << 32 | (__u64)(offset) << 1 | (hash))

/* The number of the assist, and the last word of its value. */
#define BF_ANSWER_AT(assist, last) ((__u64)(assist) | (__u64)(last) << 8)

enum bf_base { BF_BASE_LINK, BF_BASE_NETWORK, BF_BASE_TRANSPORT, BF_BASE_INNER };

enum bf_meta_key {
	BF_META_LENGTH,
	BF_META_PROTOCOL, /* ETH_P_* */
	BF_META_PRIORITY,
	BF_META_RANDOM,
	BF_META_CPU,
	BF_META_IIF,      /* 0 where there is no such device */
	BF_META_OIF,
	BF_META_IIFTYPE,  /* ARPHRD_*, of the device where the packet is; from here on not available without device */
	BF_META_OIFTYPE,
	BF_META_IIFGROUP,
	BF_META_OIFGROUP,
	BF_META_IIFKIND,  /* 16 characters */
	BF_META_OIFKIND,
	BF_META_SDIF,     /* index of the port of an l3mdev; 0 */
	BF_META_IPSEC,    /* 1: it came through a transform */
	BF_META_TIME,     /* nanoseconds since 1970, UTC */
	BF_META_DAY,      /* 0: Sunday; UTC */
	BF_META_HOUR,     /* seconds of the day; UTC */
	BF_META_REALM,    /* not available without a route; so the following ones */
	BF_META_NEXTHOP4,
	BF_META_NEXTHOP6,
	BF_META_XFRM,     /* 1: it will leave through a transform */
	BF_META_COMM,     /* name of the task, 16 characters; where there is one (BF_RT_CALL) */
};

enum bf_sk_key { /* not available without a socket of this namespace */
	BF_SK_CLASSID,     /* of net_cls */
	BF_SK_CGROUP,      /* id of its control group */
	BF_SK_ANCESTOR,    /* of the group above that at this level */
	BF_SK_MARK,
	BF_SK_TRANSPARENT,
	BF_SK_WILDCARD,    /* bound to no address */
};

enum bf_conn_key { /* not available without a connection */
	BF_CONN_MARK,
	BF_CONN_SECMARK,
	BF_CONN_EXPIRES, /* ms */
	BF_CONN_FAMILY,  /* NFPROTO_* */
	BF_CONN_ZONE,
	BF_CONN_PACKETS, /* 0 unless the namespace counts (net.netfilter.nf_conntrack_acct) */
	BF_CONN_BYTES,
	BF_CONN_AVERAGE,
	BF_CONN_LABELS,  /* bit mask */
	BF_CONN_HELPER,  /* 16 characters; of an expected connection's master */
};

#define BF_SOCKET_NONE 0 /* no socket, or one without sk_socket */
#define BF_SOCKET_BARE 1 /* a socket without a file: the kernel's own */
#define BF_SOCKET_FILE 2

/* MATCH cells. Their parameters lie in the data map at the offset in cell.arg. */
enum bf_special {
	BF_SPECIAL_LIMIT,     /* struct bf_rt_limit */
	BF_SPECIAL_RANDOM,    /* struct bf_rt_random */
	BF_SPECIAL_NTH,       /* struct bf_rt_nth */
	BF_SPECIAL_TCPOPT,    /* struct bf_rt_tcpopt */
	BF_SPECIAL_TCPMSS,    /* struct bf_rt_tcpmss */
	BF_SPECIALS,
};

struct bf_rt_limit { /* xt_limit's arithmetic: credit is wrapped at 32 bits as the kernel's */
	__u64 state;     /* prev (jiffies, low 32 bits) << 32 | credit; changed by compare-and-swap. prev 0: no packet
	                  * seen yet, time begins with the first one */
	__u32 cost;
	__u32 cap;
	__u32 cpj;       /* credits per jiffy (xt_limit's CREDITS_PER_JIFFY for the kernel's HZ) */
	__u32 pad;
};

struct bf_rt_random { /* xt_statistic mode random: (random & 0x7fffffff) < probability, inverted or not */
	__u32 probability;
	__u32 invert;
};

struct bf_rt_nth { /* xt_statistic mode nth */
	__u64 count; /* state; begins as xt_statistic_nth_info's count, at most `every` */
	__u32 every; /* as there: --every minus 1 */
	__u32 invert;
};

/* Is TCP option `kind` present? xt_tcpudp: drops when header or options are cut short or the data offset is below 5. */
struct bf_rt_tcpopt {
	__u8 kind;
	__u8 invert;
	__u8 pad[6];
};

struct bf_rt_tcpmss { /* MSS option in min..max (none when min > max; xt_tcpmss): no such option gives invert, an unreadable header drops */
	__u16 min;
	__u16 max;
	__u32 invert;
};

struct bf_rt_counter {
	__u64 packets;
	__u64 bytes;
};

/*
 * Sets that rules change: hashes, elements of the maps "sets4" and "sets16" by the words of their keys, which are 0 behind
 * the parts of the set. Objects are elements of such a set, too, their id (low word first) the key. They stay over
 * changes of the table.
 */
enum bf_live_verb {
	BF_LIVE_LOOK,   /* there, and its state holds? scratch words := its data */
	BF_LIVE_ADD,
	BF_LIVE_UPDATE,
	BF_LIVE_DELETE, /* always true */
	BF_LIVE_TURN,   /* of an object, a counter: scratch[0] := timeout + (packets before this one) % data; it counts */
	BF_LIVE_SEED,   /* of an object, a counter: kept[BF_KEPT_MADE] := a number by chance, the same from then on */
	BF_LIVE_HASH,   /* of no set: scratch[0] := timeout + jhash of `set` bytes of what is gathered, less than data; the
	                 * seed is `parts`, or, BF_HASH_SEEDED not in sweep, kept[BF_KEPT_MADE] */
	BF_LIVE_EXACT,  /* there? scratch words := its data. No hash: of what is gathered so in the map "class" (rt/exact.h) */
};

enum { BF_RT_STATE_OVER = 1, BF_RT_STATE_BYTES = 2 };
struct bf_rt_state {
	__u32 kind;    /* enum bf_stateful_kind */
	__u32 flags;
	__u64 unit;    /* LIMIT: ns in which `rate` packets or bytes pass */
	__u64 rate;
	__u64 most;    /* LIMIT: ns that the bucket holds; QUOTA: bytes */
	__u64 now[2];  /* COUNTER: packets, bytes. LIMIT: when the bucket was empty, ns; below `most` ago it is full. QUOTA: used */
};

#define BF_RT_STATES 2
#define BF_LIVE_DATA 4
enum { BF_BORN = 1, BF_BORN_NOTED = 3 };
struct bf_rt_elem {
	__u64 expires; /* by the monotonic clock, ns; 0: never, or, with a timeout, it has just come */
	__u64 timeout; /* ns, or 0 */
	__u32 data[BF_LIVE_DATA]; /* of maps */
	__u32 born;    /* 0: data is being written; or BF_BORN, or BF_BORN_NOTED: the stored text has a comment of this element */
	__u32 n_state;
	__u64 whole;   /* of the parts of an element that is no prefix: which one's; or 0 */
	struct bf_rt_state state[BF_RT_STATES];
};

/*
 * Elements that are boxes lie there under their prefixes: each part cut to its length, behind all parts a word of these
 * lengths, the first part's in the lowest byte, counted from the first bit of the part's first word. An element that is no
 * prefix is cut into such. Which lengths there are stands under key words of 0 and lengths of ~0: so many bytes for each
 * combination as the key has parts. Packets look for one after the other.
 */
#define BF_LIVE_PARTS 4
#define BF_RT_LENGTHS 104
struct bf_rt_lengths {
	__u64 expires, timeout; /* 0; as in bf_rt_elem */
	__u32 parts;
	__u32 n;       /* combinations, at most BF_RT_LENGTHS / parts of them */
	__u32 most;    /* elements: there are not more, */
	__u32 more;    /* of what is added: but these. As it lies there: another number each time that it changes, never 0 */
	__u32 born;    /* 0: this is no element; as there */
	__u8 len[BF_RT_LENGTHS + BF_LIVE_PARTS];
};

#define BF_LIVE_KEY 4       /* words of a key in "sets4" */
#define BF_LIVE_KEY_LONG 16 /* in "sets16" */

#define BF_HASH_SEEDED 1

/* Of HASH: the word goes left so many bits, (JOIN) with what the next one has there, then (NET) its highest byte is first. */
enum { BF_GATHER_LEFT = 31, BF_GATHER_JOIN = 64, BF_GATHER_NET = 128 };

struct bf_rt_gather { /* ((key[word] >> shift) & mask) | (kept[kept] & kept_mask) | constant */
	__u8 word, shift, kept;
	union {
		__u8 cut;  /* of keys that are cut */
		__u8 form; /* HASH: BF_GATHER_* */
	};
	__u32 mask, kept_mask, constant;
};

/* bf_rt_gather.cut, of keys that are cut: the part's number, how many of its words lie before this one; this is the word of lengths. */
#define BF_LIVE_CUT(part, before) ((part) | (before) << 4)
#define BF_LIVE_IS_LENGTHS 0x80

struct bf_rt_live {
	__u32 set;     /* number in its map; EXACT: place of the head */
	__u32 words;   /* of the key; 4 and less: of "sets4" */
	__u64 timeout; /* UPDATE: ns from now on */
	__u32 data;    /* ADD, UPDATE: words that are gathered as data; TURN: see there */
	__u32 parts;   /* LOOK, where elements are boxes: of the key, at most BF_LIVE_PARTS; `words` counts the one of lengths. Or 0. HASH: seed */
	struct bf_rt_gather word[BF_LIVE_KEY_LONG]; /* of the key; 0 behind that */
	struct bf_rt_gather from[BF_LIVE_DATA];     /* ADD, UPDATE: of its data */
	__u64 sweep;   /* ADD, UPDATE: when the set is full: not before that time, ns */
	struct bf_rt_elem fresh; /* ADD, UPDATE: a new element */
};

/*
 * Hand-off: what a BPF_NETFILTER program cannot do it notes here, under the
 * sk_buff's address, and accepts the packet; the companion nft chain right
 * behind asks xt_bpf programs for the codes and lets the kernel act. The
 * backstop behind the companion forgets what is still noted and drops the
 * packet if that was terminal.
 *
 * `pending` counts entries, so that packets without one pay a load instead of
 * a hash lookup: who makes an entry adds 1 to its stripe before, who deletes
 * one successfully subtracts 1 after.
 *
 * An entry can go stale when another hook steals the packet before the
 * companion sees it. So a program that hands off looks at its stripe of
 * pending first thing; if it is not 0, the program deletes what is noted under
 * its sk_buff's address: that was an older packet's.
 */
#define BF_HANDOFF_MAX 62 /* the last place is kept for a terminal code; of the others, what finds no place is not done */
struct bf_handoff {
	__u64 tag;      /* what the codes mean: bf_rt_config.tag */
	__u32 n;        /* codes noted */
	__u32 next;     /* codes consumed */
	__u32 terminal; /* 1: the packet must not pass (REJECT, DROP behind a LOG) */
	__u16 code[BF_HANDOFF_MAX];
};

#define BF_PENDING_STRIPES 64
#define BF_PENDING_STRIPE(skb) (((__u32)(skb) >> 8) & (BF_PENDING_STRIPES - 1))
struct bf_pending {
	struct {
		__u64 n; /* entries under addresses of this stripe */
		__u64 pad[7];
	} stripe[BF_PENDING_STRIPES];
};

/* The map "assist": what the kernel's own matches answered, noted by the chain right in front of the program, for every
 * packet anew; the program takes the entry out. No entry: DROP. An answer with a value: its bit says that there is one. */
#define BF_ANSWER_WORDS 16
struct bf_rt_assist {
	__u32 answers;
	__u32 value[BF_ANSWER_WORDS]; /* most significant words first */
	__u32 pad;
};

#define BF_EXACT_SHORT (1u << 12) /* likewise: some are in the class data, with keys of up to 4 words, */
#define BF_EXACT_LONG (1u << 13)  /* or of more */
#define BF_LIVE_SHORT (1u << 16) /* in bf_rt_config.structs: some set is one of "sets4", */
#define BF_LIVE_LONG (1u << 17)  /* of "sets16"; */
#define BF_LIVE_CUTS (1u << 18)  /* elements of some are boxes */
#define BF_LIVE_HASHES (1u << 19) /* some cell hashes */

/*
 * Changes in place begin the map "journal": programs read `version` once for
 * each packet. Its lowest bit says which half of the rules' deltas is looked at:
 * a change of rules adds 1, any other adds 2 and leaves that half as it is. The
 * records of what changed since the table was compiled follow.
 */
struct bf_journal {
	__u64 version; /* storing it is the commit */
	__u64 len[4];  /* bytes of records, by the lowest two bits of version */
};

/* The map "trial" of programs that try out packets which are only described: what of the key the description says. */
#define BF_TRIAL_LOADS 40
struct bf_rt_trial {
	__u32 given; /* bit i: word i of the key is not the packet's, but this; of META only the packet type */
	__u32 key[BF_KEY_SCRATCH];
	__u32 socket, uid, gid; /* BF_SOCKET_* */
	__u32 random;           /* where one of some numbers is picked */
	/* What loaders find that look beside the packet's bytes (BF_META_LENGTH is one of these): as they leave it in the scratch
	 * words. What is not listed is not there. */
	struct bf_rt_trial_load {
		__u32 loader, found;
		__u64 arg;
		__u32 value[4];
	} load[BF_TRIAL_LOADS];
};

/* What programs that are watched (bf_rt_config.watched) put into the ring buffer "events". */
enum bf_rt_event_kind { BF_EVENT_RULE, BF_EVENT_VERDICT };
#define BF_EVENT_BYTES 256
struct bf_rt_event {
	__u64 time;    /* CLOCK_MONOTONIC, ns */
	__u64 skb;     /* which packet: address of its sk_buff */
	__u32 kind;
	__u32 value;   /* RULE: the counter that counted it; VERDICT: enum bf_rt_verdict */
	__u32 prog;    /* number of the program in its image */
	__u32 len;     /* of the packet */
	/* Of a VERDICT: */
	__u32 mark;
	__u32 caplen;  /* so many bytes from the network header on, at most BF_EVENT_BYTES, */
	char iif[16], oif[16];
	__u8 bytes[];  /* which are these; there is always room for all */
};

struct bf_rt_watch { /* the map "watch" */
	__u64 lost; /* events for which there was no room */
};

/*
 * What a program is told about its ruleset, in the frozen map "config". The
 * verifier sees constants, so what the ruleset does not need is not there.
 */
struct bf_rt_config {
	__u32 needs;        /* BF_NEED_* */
	__u32 start;        /* first cell */
	__u32 n_cells;
	__u32 n_params;     /* bytes of the map "params" */
	__u32 n_class;      /* 32-bit words of the map "class" */
	__u32 patched;      /* 1: gates and deltas of runs go by the version in the map "journal"; */
	__u32 deltas;       /* 1: there are runs, not only gates */
	__u32 changes;      /* 1: sets may have changes noted (rt/set.h), by the same version */
	__u32 structs;      /* bit (1 << BF_CLASS_x) for each kind of structure in use */
	__u32 n_counters;   /* counters of the table */
	__u32 stripe_mask;  /* CPU & stripe_mask chooses the copy: counter i of stripe s is element s * n_counters + i,
	                     * so that CPUs do not share cache lines */
	__u32 stack_depth;  /* deepest nesting of CALL cells */
	__u32 drop_code;    /* terminal code that drops: a packet that is to be dropped but has hand-offs noted (LOG) gets
	                     * it as its last code and is accepted, so that the companion sees it; BF_NO_CODE: never needed */
	__u32 hz;           /* the kernel's HZ (BF_LOAD_CT_EXPIRES) */
	__u32 ops;          /* bit (1 << BF_CELL_x) for each kind of cell in use */
	__u32 loaders;      /* bit (1 << BF_LOAD_x), likewise */
	__u32 specials;     /* bit (1 << BF_SPECIAL_x), likewise */
	__u32 assist_states; /* bf_companion.assist_states: packets in other states have no answers and need none */
	__u64 tag;          /* bf_companion_tag() of the image's companion */
	__u32 start_ip6;    /* the first cells where a program sees all families: `start` is that of IPv4, these are IPv6's */
	__u32 start_other;  /* and that of what is neither */
	__s32 tai;          /* seconds that TAI is ahead of UTC, as the kernel has it (BF_META_TIME) */
	__u32 watched;      /* its number in the image plus 1: it tells of each packet (struct bf_rt_event); 0: it does not */
	__u32 kind;         /* enum bf_rt_kind */
	__u32 trial;        /* 1: the key is corrected by the map "trial", and there are no answers of the kernel's matches */
	__u32 no_levels;    /* of BF_CLASS_DEPTH: no tree of the class data has so many; */
	__u32 no_tests;     /* of BF_SVC_TESTS: nor a service so many tests */
	__u32 one_tree;     /* 1: no run has more than one, nor a change in place */
	__u32 auth_ends;    /* 1: IPv6's authentication header is the header of layer 4 (nft), not one to be gone past (xtables) */
	__u32 frames;       /* 1: filters see the frame, from its Ethernet header on: bf_frame.start is wanted */
};
#define BF_NO_CODE 0xffffffffu

/*
 * The maps a program may refer to, by name:
 *
 *   config     see above; array of one element, one struct bf_rt_config for each program
 *   cells      array of one element: struct bf_cell[n_cells]; may be BPF_F_RDONLY_PROG
 *   class      array of one element: runs of rules and sets as data (rt/class.h), n_class words of 32 bits
 *   params     array of one element: parameters and state of special matches, each aligned to 8 bytes
 *   counters   array of one element: struct bf_rt_counter[stripes][n_counters]
 *   journal    array of one element: struct bf_journal and records
 *   trial      array of one element: struct bf_rt_trial
 *   events     ring buffer: struct bf_rt_event
 *   watch      array of one element: struct bf_rt_watch
 *   sets4      array of maps: hashes of struct bf_rt_elem, keys of 4 words
 *   sets16     the same, keys of 16 words
 *   handoff    hash: sk_buff address -> struct bf_handoff
 *   pending    array of one element: struct bf_pending
 *   assist     hash: sk_buff address -> struct bf_rt_assist
 *   stack      hash: sk_buff address -> __u32[stack_depth]; wanted when stack_depth > BF_STACK_DEPTH. Preallocated,
 *              one element for each packet that may be on its way at the same time (256 or more)
 *
 * An image has only those it uses (bf_link).
 */

#define BF_PROGRAM_SEES 80 /* sizeof(struct bf_packet) of bpfilter/program.h */
#define BF_STACK_DEPTH 6 /* return addresses kept on the BPF stack; what lies deeper is kept in the map "stack" */

#endif
