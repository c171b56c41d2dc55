/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * match.h: matches and targets that are not plain fields. One file each,
 * ending in one const ops struct that is listed in match.c; what is left NULL
 * gets the safe default (a match without lower() is refused at compile time).
 */
#ifndef BF_MATCH_H
#define BF_MATCH_H

#include "base/buf.h"
#include "rule/rule.h"
#include "rule/set.h"

struct bf_lower;      /* gen/lower.h: builds cells */
struct bf_packet;     /* interp/interp.h */
struct bf_interp;
struct bf_handoff_spec; /* base/image.h */

/* Where a test leads; labels of gen/lower.h. */
typedef uint32_t bf_label;

struct bf_match_ops {
	const char *name; /* nft's or iptables' word: "limit", "statistic", ... */
	size_t data_size;
	uint32_t needs;   /* BF_NEED_* beyond those of the fields it lowers to */
	bool stateful;    /* looking at it changes what the next packet sees */
	bool pure;        /* no state, and it never drops: it may be looked at in any order (opt/box.h; any's and lookup's depend: bf_cond_acts) */
	/* Append the canonical text, without a leading space. */
	void (*print)(struct bf_buf *out, const void *data, bool neg);
	size_t state_size; /* the oracle's: bytes of bf_interp_state() */
	/* Emit cells that go to `hit` when the match (negation applied by the caller, who swaps the labels) is true. */
	int (*lower)(struct bf_lower *l, const void *data, bf_label hit, bf_label miss);
	/* Can it be asked at all? If not, it does not hold, negated neither. NULL: always. */
	bool (*there)(struct bf_interp *in, const struct bf_packet *p, const void *data);
	/* The oracle: what the kernel's match answers. May set *hotdrop: drop the packet now. */
	bool (*eval)(struct bf_interp *in, const struct bf_packet *p, const void *data, bool *hotdrop);
};

struct bf_target_ops {
	const char *name;
	size_t data_size;
	bool terminal; /* ends the packet's way (REJECT); else the next rule follows (LOG) */
	void (*print)(struct bf_buf *out, const void *data);
	/*
	 * Cells here, in front of the hand-off at netfilter's hooks, instead of it at others (bf_lower_where); what is terminal
	 * drops behind them. NULL: nothing at netfilter's, -EOPNOTSUPP at others.
	 */
	int (*lower)(struct bf_lower *l, const void *data);
	/* The oracle: what these do. */
	void (*run)(struct bf_interp *in, const struct bf_packet *p, const void *data);
	/* What the kernel shall run. */
	int (*handoff)(const void *data, uint8_t family, struct bf_handoff_spec *out);
};

/* All of them, NULL-terminated (match.c): a new one is one file and one line there. */
extern const struct bf_match_ops *const bf_matches[];
extern const struct bf_target_ops *const bf_targets[];

extern const struct bf_match_ops bf_match_limit;
extern const struct bf_match_ops bf_match_statistic;
extern const struct bf_match_ops bf_match_tcpopt;
extern const struct bf_match_ops bf_match_tcpmss;
extern const struct bf_match_ops bf_match_conntrack; /* the combinations that plain ct fields cannot say */
extern const struct bf_match_ops bf_match_any;       /* "or": one of several groups of conditions holds */
extern const struct bf_match_ops bf_match_bytecode;  /* classic BPF */
extern const struct bf_match_ops bf_match_program;   /* a user's function */
extern const struct bf_match_ops bf_match_lookup;    /* in a set or map */
extern const struct bf_match_ops bf_match_element;   /* a rule adds, updates or deletes an element */
extern const struct bf_match_ops bf_match_compare;   /* a field against a field */
extern const struct bf_match_ops bf_match_put;       /* sets an output of the program; holds */
extern const struct bf_match_ops bf_match_counter;   /* counts, and holds */
extern const struct bf_match_ops bf_match_object;    /* counter, limit or quota, nft's arithmetic */
extern const struct bf_match_ops bf_match_found_object; /* the same, of the object that the last lookup found */
extern const struct bf_match_ops bf_match_generator; /* makes a number, and holds: bf_field_made */
extern const struct bf_match_ops bf_match_jhash;     /* likewise, of some fields; a field that is not there: it does not hold */
extern const struct bf_match_ops bf_match_assist;    /* answered by a match of the kernel, beforehand (addrtype) */

extern const struct bf_target_ops bf_target_reject;
extern const struct bf_target_ops bf_target_answer;  /* nft's reject */
extern const struct bf_target_ops bf_target_nft_log; /* their data: struct bf_handoff_log, */
extern const struct bf_target_ops bf_target_nft_set; /* _set of base/image.h, */
extern const struct bf_target_ops bf_target_nft_notrack; /* a byte */
extern const struct bf_target_ops bf_target_log;     /* xt LOG */
extern const struct bf_target_ops bf_target_nflog;

/* Parameters. */

/*
 * A key and where it is looked for. True: it is there; what the element leads to is at hand behind it, until the next
 * lookup, LOAD or match: BF_VERDICT_MAP, bf_field_found, bf_match_found_object. A part that the packet does not have: it
 * does not hold, negated neither.
 */
struct bf_key_part {
	const struct bf_field *field;
	bf_u128 mask; /* 0: all */
};
struct bf_lookup {
	const struct bf_set *set;
	struct bf_key_part part[16]; /* set->n_parts */
};
/*
 * add, update, delete of a LIVE set. True unless, adding, the set is full or (state of the element: limit, quota) does not
 * hold. data: of maps.
 */
enum bf_element_verb { BF_ELEMENT_ADD, BF_ELEMENT_UPDATE, BF_ELEMENT_DELETE };
struct bf_element_change {
	enum bf_element_verb verb;
	struct bf_lookup key;
	uint64_t timeout; /* ms; 0: as the set says */
	uint8_t n_state;  /* of new elements, instead of the set's */
	const struct bf_stateful *state;
	struct bf_key_part data; /* of maps; field NULL: `value` */
	bf_u128 value;
};
/* ((field & mask) >> shift). A shift below 0 goes left. Up to 31 bits, and for fields of up to 32 bits only. */
struct bf_operand {
	const struct bf_field *field;
	bf_u128 mask; /* 0: all */
	int8_t shift;
};
void bf_operand_print(struct bf_buf *out, const struct bf_operand *o);
/* The oracle's: 1; 0: not there. */
int bf_operand_value(struct bf_interp *in, const struct bf_packet *p, const struct bf_operand *o, bf_u128 *v);
/*
 * a `relation` b + add, as whole numbers without end. What the packet does not have: it does not hold, negated neither. add:
 * fields of up to 32 bits only. Both are up to 32 bits wide, or need the same number of 32-bit words.
 */
#define BF_COMPARE_ADD_MAX INT32_MAX
enum bf_relation { BF_EQ, BF_NE, BF_LT, BF_LE, BF_GT, BF_GE };
struct bf_compare {
	enum bf_relation relation;
	struct bf_operand a, b;
	int64_t add;
};
/*
 * Output `out` (enum bf_out) := from ^ value, the lowest 32 bits. It holds, unless `from` is not there. Conditions behind it
 * see a mark that was put. (At netfilter hooks the packet itself must get it by an action of the kernel's.)
 */
struct bf_put {
	uint8_t out;
	struct bf_operand from; /* field NULL: it is `value` */
	uint32_t value;
	const void *param; /* or param_len bytes, whose place in the map "params" is put instead */
	uint32_t param_len;
};
struct bf_count_here {
	uint32_t counter; /* of the table */
};
struct bf_object_use {
	const struct bf_object *object;
};
/* offset .. offset + mod - 1: in turn (object counts the packets), or by chance (object NULL). */
struct bf_generator {
	const struct bf_object *object;
	uint32_t mod, offset;
};
/*
 * offset .. offset + mod - 1 by the kernel's jhash() of what nft's registers hold: (field >> shift), so many bytes of it, by
 * the machine's order (host) or the highest first; of several parts each is filled up to a multiple of 4 with zeros.
 */
enum { BF_JHASH_PARTS = 16, BF_JHASH_BYTES = 60 };
struct bf_jhash {
	uint32_t mod, offset, seed;
	const struct bf_object *object; /* NULL: by `seed`; else its seed is made by chance, once */
	uint32_t n;
	struct bf_jhash_part {
		const struct bf_field *field;
		uint8_t shift, bytes;
		bool host;
	} part[BF_JHASH_PARTS];
};
struct bf_limit { /* as xt_rateinfo: avg in 1/10000 s between packets; cost and cap follow from it and HZ */
	uint32_t avg;
	uint32_t burst;
};
/* The kernel's: -ERANGE for a burst of 0 or one whose credits wrap below those of a single packet. */
int bf_limit_check(const struct bf_limit *l, uint32_t hz);

struct bf_statistic {
	uint16_t mode; /* 0 random, 1 nth */
	bool invert;
	uint32_t probability; /* of 0x80000000 */
	uint32_t every, packet, count; /* nth, as struct xt_statistic_info holds them */
};
/*
 * True when all conditions of at least one group hold. Front-ends use it for
 * what a list of conditions cannot say: multiport --ports, owner.
 * The conditions are fields or stateless matches, none is a
 * guard; lower() tests them with bf_lower_cond, eval() with bf_interp_cond.
 */
struct bf_any {
	const struct bf_any_group {
		const struct bf_cond_ref *conds;
		uint32_t n;
	} *groups;
	uint32_t n;
};
struct bf_tcpopt { /* xt_tcp's option test. An unreadable header drops the packet, whatever invert says */
	uint8_t kind;
	bool invert;
};
struct bf_tcpmss { /* xt_tcpmss: no MSS option gives `invert`; an unreadable header drops the packet; min > max: no MSS is in between */
	uint16_t min, max;
	bool invert;
};
/*
 * xt_conntrack, revision 3: struct xt_conntrack_mtinfo3 in host order. Kept
 * whole because its options do not combine as plain conditions: a packet
 * without connection matches when STATE is asked and agrees, whatever else is
 * asked, and never when STATE is not asked.
 */
struct bf_conntrack {
	uint16_t match, invert;        /* XT_CONNTRACK_* of linux/netfilter/xt_conntrack.h */
	uint16_t state_mask, status_mask;
	uint16_t l4proto;
	uint32_t expires_min, expires_max;
	bf_u128 addr[4], mask[4];      /* origsrc, origdst, replsrc, repldst; IPv4: a 32-bit number */
	uint16_t port_lo[4], port_hi[4]; /* in the same order */
};
struct bf_bytecode { /* classic BPF, run on the packet from its network header on */
	uint16_t len;
	const struct sock_filter *insns; /* linux/filter.h */
	bool frame; /* from the Ethernet header on, where the device has such headers; all of the frame is the packet's */
};
/* Does the kernel take it? -EINVAL: no. -EOPNOTSUPP: yes, but it loads what we do not offer (SKF_AD_NLATTR, ...). -ENOMEM. */
int bf_bytecode_check(const struct bf_bytecode *b);
/*
 * A function of an object file, with those it calls, and its maps; names are those of the image. bf_object_read (object
 * files: elf.c) makes it, all of it in the arena. `why`: what is wrong with the file, with -EINVAL, -EOPNOTSUPP.
 */
#define BF_USERS_MAP "u_" /* how names of such maps begin */
enum bf_users_verb { BF_USERS_HAS, BF_USERS_GET, BF_USERS_ADD, BF_USERS_UPDATE, BF_USERS_DELETE, BF_USERS_USE };
struct bf_users_call { /* a function it calls that asks the table: bf_set_NAME(), bf_counter_NAME() and so on (bpfilter/program.h) */
	const char *symbol;   /* what the image calls it */
	const char *word, *name; /* "set", ...: what NAME is */
	uint8_t verb;         /* enum bf_users_verb */
	bool seen;            /* while the file is read */
	bool typed;           /* the file says, */
	uint32_t key, value;  /* of how many bytes these are */
	const struct bf_set *set;       /* who that is: bound by the front-end; */
	const struct bf_object *object; /* USE */
};
/* What it wants to know of the kernel's configuration (__kconfig): as text, by the front-end, to bf_users_config_put. */
struct bf_users_config {
	const char *name;
	bool seen;         /* while the file is read */
	bool weak;         /* it stays 0 where there is none */
	enum { BF_CONFIG_NUMBER, BF_CONFIG_BOOL, BF_CONFIG_TRISTATE, BF_CONFIG_STRING } kind;
	uint32_t at, size; /* in the map that holds them, */
	void *value;       /* whose first bytes these are */
};
bool bf_users_config_put(const struct bf_users_config *c, const char *text); /* false: it is nothing of that kind */
struct bf_program {
	const char *file, *section; /* section: NULL, there is one only */
	const struct bf_rt_func *funcs; /* base/func.h; the first is it */
	uint32_t n_funcs;
	struct bf_map_spec *maps; /* of these only what it comes to */
	uint32_t n_maps;
	struct bf_users_call *calls;
	uint32_t n_calls;
	struct bf_users_config *configs;
	uint32_t n_configs;
};
int bf_object_read(struct bf_arena *a, const void *bytes, size_t len, struct bf_program *p, char *why, size_t why_size);
struct bf_assist { /* struct xt_entry_match content for the kernel */
	char name[29];
	uint8_t revision;
	uint16_t size;    /* of info */
	const void *info;
	const char *text; /* how it is printed */
};
struct bf_reject {
	uint8_t with; /* enum ipt_reject_with or enum ip6t_reject_with, by family */
	uint8_t family;
};
enum bf_answer_with { BF_ANSWER_ICMPX, BF_ANSWER_ICMP, BF_ANSWER_ICMPV6, BF_ANSWER_RESET };
struct bf_answer {
	uint8_t with; /* enum bf_answer_with; ICMP, ICMPV6: packets of the other family never get there */
	uint8_t code; /* ICMPX: NFT_REJECT_ICMPX_* of linux/netfilter/nf_tables.h */
};
struct bf_log { /* struct xt_log_info */
	uint8_t level, flags;
	char prefix[30];
};
struct bf_nflog { /* struct xt_nflog_info */
	uint32_t len;
	uint16_t group, threshold, flags;
	char prefix[64];
};

#endif
