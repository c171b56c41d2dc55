/* SPDX-License-Identifier: GPL-2.0-only */
/* classgen.h: what the parts of the generator of rulesets and packets share; classgen.c has the story. */
#ifndef BF_BENCH_CLASSGEN_H
#define BF_BENCH_CLASSGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Host byte order, most significant word first; IPv4 has w[0] only. */
struct cg_addr {
	uint32_t w[4];
};

struct cg_range {
	uint16_t lo, hi;
};

enum { CG_MASKED = 255 };                                   /* as a prefix length: look at mask instead */
enum { CG_ICMP = 1, CG_TCP = 6, CG_UDP = 17, CG_GRE = 47, CG_ESP = 50, CG_ICMP6 = 58 };
enum { CG_INPUT, CG_FORWARD, CG_OUTPUT, CG_CHAINS };        /* chains that are always there */
enum { CG_GO_ON, CG_ACCEPT, CG_DROP, CG_RETURN, CG_JUMP };  /* where a rule leads; CG_JUMP + chain */

struct cg_rule {
	struct cg_addr addr[2]; /* source, destination; bits behind the prefix are 0 */
	uint32_t mask[2];
	struct cg_range port[2];
	uint8_t len[2];
	uint8_t proto; /* 0: any */
	bool established;
	bool leaf;        /* packets of traces are meant for it */
	uint8_t in, out;  /* devices, 0: any */
	uint32_t chance;  /* of 2^31 packets so many, by -m statistic; 0: all */
	uint32_t chain, to;
	uint32_t via;     /* its packets are made for this rule: an earlier one on the way has the narrower tests */
};

struct cg_set {
	bool v6;
	uint64_t seed, rng;
	uint32_t policy; /* of INPUT and FORWARD: CG_ACCEPT, CG_DROP */
	struct cg_rule *rules;
	size_t n, room;
	char (*chains)[32];
	size_t n_chains, room_chains;
};

struct cg_packet {
	struct cg_addr addr[2];
	uint16_t port[2];
	uint8_t proto;
};

/* A hash of two numbers; the set's own random numbers: all 64 bits, below n, true in `percent` of 100. */
uint64_t cg_hash(uint64_t a, uint64_t b);
uint64_t cg_random(struct cg_set *s);
uint32_t cg_below(struct cg_set *s, uint32_t n);
bool cg_often(struct cg_set *s, unsigned percent);

/* A new rule that matches everything, in that chain, leading there; valid until the next one. */
struct cg_rule *cg_add(struct cg_set *s, uint32_t chain, uint32_t to);
uint32_t cg_chain(struct cg_set *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cg_prefix(struct cg_rule *r, unsigned which, struct cg_addr a, unsigned len);
void cg_prefix4(struct cg_rule *r, unsigned which, uint32_t a, unsigned len);

/* A shape fills an empty set with about n rules. */
struct cg_shape {
	const char *name;
	void (*make)(struct cg_set *s, size_t n);
	bool v6;
	const char *about;
};
extern const struct cg_shape cg_classbench[], cg_flat[], cg_chained[]; /* end with a name of NULL */

void cg_print_iptables(const struct cg_set *s, FILE *out);
void cg_print_nft(const struct cg_set *s, FILE *out);

/* One packet that rule i matches. */
struct cg_packet cg_packet_for(struct cg_set *s, size_t i);
/* kind: "last", "hot", "random", "zipf". False: there is no such kind. */
bool cg_write_trace(struct cg_set *s, const char *kind, size_t n, FILE *out);

#endif
