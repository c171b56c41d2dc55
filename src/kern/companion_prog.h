/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_prog.h: the small programs around the companion (companion_prog.c).
 * All but the backstop are SOCKET_FILTER programs for xt_bpf, whose answer is
 * whether the rule matches.
 */
#ifndef BF_KERN_COMPANION_PROG_H
#define BF_KERN_COMPANION_PROG_H

#include "kern/companion.h"

enum comp_prog_kind {
	COMP_BEGIN,    /* is something noted for this packet, for companion `tag`? */
	COMP_STEP,     /* takes the next code; false: there is none */
	COMP_LAST,     /* have all codes been taken? */
	COMP_DIGIT,    /* is digit `arg` (in base 4, from the right) of the code taken last == `value`? */
	COMP_CONSUME,  /* deletes the entry; true */
	COMP_FINISH,   /* deletes the entry; must the packet be dropped? */
	COMP_OPEN,     /* assist: an empty entry for this packet; false */
	COMP_ANSWER,   /* assist: sets bit `arg` in the packet's entry; true */
	COMP_VALUE,    /* assist: word `arg` of the values := the packet's mark, in `value` its bytes are characters; true */
	COMP_BACKSTOP, /* BPF_NETFILTER: deletes what is still noted, and drops if it was terminal */
};

#define COMP_DIGIT_BITS 2
#define COMP_DIGIT_BASE (1u << COMP_DIGIT_BITS)

struct comp_prog {
	enum comp_prog_kind kind;
	uint32_t arg, value;
	uint64_t tag;
	int handoff, pending, assist; /* maps */
};

/* A descriptor or -errno. */
int comp_prog_load(const struct comp_prog *p, struct bf_diag *d);

#endif
