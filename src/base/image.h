/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h: a compiled table: instructions, map specifications, relocations,
 * and what the kernel shall do beside them. No file descriptor, no address of
 * this kernel: gen/ makes it from a ruleset as a pure function, kern/ turns it
 * into objects. One image is one *unit*, the smallest thing that is replaced
 * (the filter table of one family, for instance).
 */
#ifndef BF_IMAGE_H
#define BF_IMAGE_H

#include <linux/bpf.h>

#include "base/arena.h"
#include "base/hook.h"

enum bf_map_role {
	BF_MAP_DATA,    /* private to the image, made from init */
	BF_MAP_RODATA,  /* the same, frozen before the programs load: the verifier sees its values as constants */
	BF_MAP_COUNTERS,/* struct bf_rt_counter [stripes][n_counters], zero at first; mmapable */
	BF_MAP_JOURNAL, /* struct bf_journal and room for records (bf_ns_patch); mmapable */
	BF_MAP_EVENTS,  /* ring buffer of struct bf_rt_event; pinned for who watches */
	BF_MAP_WATCH,   /* struct bf_rt_watch; mmapable, likewise */
	BF_MAP_TRIAL,   /* struct bf_rt_trial; mmapable */
	BF_MAP_HANDOFF, /* hash: sk_buff address -> struct bf_handoff; the namespace's, provided by kern/ */
	BF_MAP_PENDING, /* array of one struct bf_pending; the namespace's, provided by kern/ */
	BF_MAP_LIVE,    /* what programs change: a user's, or a hash of struct bf_rt_elem; init: its first elements, key and value each */
	BF_MAP_LIVES,   /* array of maps: those of role LIVE from `first` on, `n` of them */
	BF_MAP_ASSIST,  /* hash: sk_buff address -> answers; the companion's, provided by kern/ */
};

struct bf_map_spec {
	const char *name; /* at most 15 characters */
	enum bf_map_role role;
	uint32_t type; /* BPF_MAP_TYPE_* */
	uint32_t key_size, value_size, max_entries, map_flags;
	const void *init; /* first bytes of element 0, or NULL */
	size_t init_len;
	bool kept;        /* LIVE: it goes on under its name, with what is in it, when its shape stays the same; */
	bool merged;      /* then elements of init that it has not got are added */
	uint32_t first, n; /* LIVES: in the image's maps */
	bool patched;     /* parts of it will be written while programs read others (bf_ns_patch); mmapable */
	bool same;        /* of a geared image: it is the live unit's */
};

enum bf_reloc_kind {
	BF_RELOC_MAP_FD,    /* ld_imm64: the map itself */
	BF_RELOC_MAP_VALUE, /* ld_imm64: address of `addend` within the only element's value */
	BF_RELOC_KFUNC,     /* call: kernel function `type` */
	BF_RELOC_BTF_ID,    /* ld_imm64 or mov imm: BTF id of struct `type` in the kernel */
	BF_RELOC_OFFSET,    /* offset of member `member` of struct `type` is put where a CO-RE relocation would put it:
	                     * insn.off of loads and stores, insn.imm of ALU and ld_imm64. Paths are written as in C,
	                     * "tuplehash[1].tuple.src.u3.all[2]"; anonymous structs and unions are left out of them. Of
	                     * enum `type` and an enumerator: its value */
	BF_RELOC_SIZE,      /* byte size of the member -> imm */
	BF_RELOC_EXISTS,    /* 1 if the kernel has struct `type` with `member`, else 0 -> imm */
	/* As users' files have them, bit fields too. What the kernel has not makes an instruction that must not be reached. */
	BF_RELOC_FIELD,     /* as OFFSET; a load or store becomes one of the kernel's size */
	BF_RELOC_FIELD_SIZE, /* bytes to read: of a bit field's, all that it lies in; of a type -> imm */
	BF_RELOC_FIELD_SIGNED, /* 1 or 0 -> imm */
	BF_RELOC_FIELD_LEFT, /* what is read so is shifted left so far, as 64 bits, and then right, -> imm */
	BF_RELOC_FIELD_RIGHT,
};

struct bf_reloc {
	uint32_t insn;
	enum bf_reloc_kind kind;
	uint32_t map;       /* index into maps */
	int32_t addend;
	const char *type;
	const char *member;
};

/* A function of a program. Those that stand apart are verified by themselves (rt/code.h); by args they are told. */
struct bf_func {
	const char *name;
	uint32_t insn;    /* the first */
	const char *args; /* NULL: no; else a letter for each argument: f frame, i 32 bits, l 64 bits, c the context,
	                   * p what of the packet a user's function sees (struct bf_packet), h the handle to it. It returns an int */
};

/* Where an instruction of a user's function comes from. */
struct bf_line {
	uint32_t insn, line;
	const char *file, *text;
};

struct bf_prog_image {
	const char *name;      /* at most 15 characters */
	uint8_t family;        /* NFPROTO_IPV4 or NFPROTO_IPV6; NFPROTO_NETDEV at hooks that see all families */
	struct bf_attach at;   /* priority: wished for; a free place right before it is taken (kern/dispatch.h) */
	bool handoff;          /* packets may leave with a hand-off: needs companion and (terminal codes) backstop */
	uint32_t config;       /* where its struct bf_rt_config begins in the map "config": bf_link adds it */
	struct bpf_insn *insns;
	uint32_t n_insns;
	struct bf_reloc *relocs;
	uint32_t n_relocs;
	struct bf_func *funcs; /* all, the entry first; n_funcs 0: it is one function */
	uint32_t n_funcs;
	struct bf_line *lines; /* in the order of instructions */
	uint32_t n_lines;
	uint32_t frame; /* bytes of the frame that those which stand apart see */
	bool same;      /* of a geared image: it is the live unit's, and there are no instructions here */
};

/* What the kernel does for us: the companion. */
enum bf_handoff_kind {
	BF_HANDOFF_XT_TARGET,  /* an xtables target, run by nft_compat */
	BF_HANDOFF_NFT_REJECT, /* nft's own reject expression */
	BF_HANDOFF_DROP,       /* drop: the verdict of a packet that has other hand-offs (LOG) to go through first */
	BF_HANDOFF_NFT_LOG,    /* nft's log: info is a struct bf_handoff_log */
	BF_HANDOFF_NFT_SET,    /* nft sets a mark: struct bf_handoff_set */
	BF_HANDOFF_NFT_NOTRACK,/* nft's notrack */
};

struct bf_handoff_log {
	uint32_t level, flags; /* as in syslog(3); NF_LOG_* of linux/netfilter/nf_log.h */
	uint32_t grouped;      /* 1: to group `group`, then there is no level */
	uint32_t snaplen;      /* 0: all */
	uint16_t group, threshold;
	char prefix[128];
};

enum bf_handoff_place {
	BF_PLACE_NONE, BF_PLACE_MARK, BF_PLACE_PRIORITY, BF_PLACE_CT_MARK,
	BF_PLACE_CT_LABEL, /* from here on only from NONE; a label's number */
	BF_PLACE_CT_ZONE, BF_PLACE_CT_EVENT, BF_PLACE_TRACE, BF_PLACE_PKTTYPE,
	BF_PLACE_MSS,       /* TCP's option, which only gets smaller; from NONE, or */
	BF_PLACE_ROUTE_MSS, /* what the route's MTU leaves */
	BF_PLACE_HEADER,    /* 16 bits of the IP header: what mask has of them stays */
};
struct bf_handoff_set { /* to := (from & mask) ^ value; from NONE: value */
	uint8_t to, from; /* enum bf_handoff_place */
	uint8_t at, sum;  /* HEADER: byte; where the checksum is (0: there is none) */
	uint32_t mask, value;
};

struct bf_handoff_spec { /* one code; its number is its index */
	enum bf_handoff_kind kind;
	bool terminal;
	char name[29]; /* XT_TARGET: as struct xt_entry_target; the others: nothing */
	uint8_t revision;
	uint16_t size;
	uint8_t info[256];
	uint8_t reject_type, reject_code; /* NFT_REJECT_*, ICMP code */
};

enum bf_assist_kind {
	BF_ASSIST_XT,     /* a match of xtables, run by nft_compat: it says yes or no */
	BF_ASSIST_FIB,    /* nft's fib: `what` is NFT_FIB_RESULT_*, `flags` NFTA_FIB_F_*; a value */
	BF_ASSIST_SOCKET, /* nft's socket: `what` is NFT_SOCKET_*, `flags` the level; a value */
	BF_ASSIST_META,   /* nft's meta: NFT_META_*; a value */
	BF_ASSIST_RT,     /* nft's rt: NFT_RT_*; a value */
	BF_ASSIST_CT,     /* nft's ct: NFT_CT_*; a value */
};

/* What a field asks for (loader BF_LOAD_ANSWER), as loader_arg. words: of the value; text: its bytes are characters. */
#define BF_ASSIST_ARG(kind, what, flags, words, text) \
	((uint64_t)(kind) | (uint64_t)(what) << 8 | (uint64_t)(flags) << 16 | (uint64_t)(words) << 32 | (uint64_t)(text) << 40)

struct bf_assist_spec { /* one answer bit; its number is its index (at most 32) */
	char name[29];
	uint8_t revision;
	uint16_t size;
	const void *info;
	uint8_t hooks; /* bit mask of NF_INET_* hooks whose programs ask for it */
	uint8_t kind;  /* enum bf_assist_kind */
	uint8_t what, flags;
	uint8_t at, words; /* of the value, in struct bf_rt_assist */
	bool text;
};

struct bf_companion {
	const struct bf_handoff_spec *codes;
	uint32_t n_codes;
	const struct bf_assist_spec *assists;
	uint32_t n_assists;
	uint32_t max_codes_per_packet; /* bound on hand-offs along any path, at most BF_HANDOFF_MAX */
	uint32_t assist_states; /* assists answer for packets in these connection states only (XT_CONNTRACK_STATE_*); 0: all */
};

/* What the codes mean, as a number: old and new programs and tables know each other by it. */
uint64_t bf_companion_tag(const struct bf_companion *c);

/*
 * A rule more or less renumbers the counters behind it, those of the other chains' policies, too, whose programs would
 * otherwise stay the same: these are kept at the end of the counters' room, where their places do not change.
 */
#define BF_MOVED_COUNTERS 5
struct bf_moved_counter {
	uint32_t counter, place;
};

/* A change of maps that are in use (bf_ns_patch): where nobody looks yet. */
struct bf_write {
	const char *map;  /* name of the map */
	uint64_t at;      /* bytes from the begin of its value */
	const void *bytes;
	size_t len;
	bool once;        /* not if the last 8 bytes there are not 0: then it has been written, and what it is changes since */
};

struct bf_patch {
	struct bf_write *writes;
	uint32_t n;
};

/* Where programs look for elements of a set that come and go in place (opt/set.h): one for each kind of field that is looked for. */
struct bf_set_place {
	uint64_t set;  /* its id in the table */
	uint32_t head; /* place in the map "class"; 0: nobody looks for them. (A set that has none of these cannot change in place.) */
	enum bf_set_place_kind { BF_PLACE_SET, BF_PLACE_EXACT } kind; /* opt/set.h, opt/exact.h */
};

struct bf_image {
	struct bf_arena *arena; /* owns everything */
	uint8_t family;
	const char *name; /* of the unit: "ip-filter" */
	struct bf_prog_image *progs;
	uint32_t n_progs;
	struct bf_map_spec *maps;
	uint32_t n_maps;
	uint32_t n_counters; /* places, at least as many as the table has counters */
	struct bf_moved_counter moved[BF_MOVED_COUNTERS]; /* counters that are not at their own place */
	uint32_t n_moved;
	uint32_t stripes; /* counter copies, a power of two; CPU c uses c & (stripes - 1) */
	bool geared;    /* of the table that is enforced, as it was compiled: only some programs, and the companion, are others (bf_gen_gear) */
	bool straight;  /* some program is straight code: the same table can be had as data, for a verifier that refuses it */
	const void *link; /* what bf_gen_patch must know of it; 8-aligned. NULL: it cannot be patched */
	size_t link_len;  /* a multiple of 8 */
	const struct bf_set_place *places;
	uint32_t n_places;
	bool conntrack; /* connection tracking must be on in the namespace, for this family */
	struct bf_companion companion;
	const struct bf_piece *pieces; /* what became of the rules, where that was asked for (gen/explain.h) */
	const char *sets; /* likewise, a line for each set; NULL: there are none */
	uint32_t n_pieces;
};

void bf_image_free(struct bf_image *img);
#define _cleanup_image_ _cleanup_(bf_image_freep)
static inline void bf_image_freep(struct bf_image **img)
{
	bf_image_free(*img);
}

#endif
