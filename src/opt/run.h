/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h: a run of rules -> the problem that a structure is built for (class.h).
 *
 * Rules come in order. Each becomes its boxes; all else it tests, and what it
 * does, becomes a *service*, which rules share whose tests and effects are the
 * same: a service remembers the first rule that has it, for whoever makes the
 * cells that its packets go to.
 *
 * What can never match is left out: a rule that contradicts itself, and a box
 * that an earlier *final* box equals (one that ends the run for all it lets
 * through). Only boxes go: counters keep their numbers and read 0.
 */
#ifndef BF_OPT_RUN_H
#define BF_OPT_RUN_H

#include "opt/box.h"
#include "opt/class.h"

struct bf_run_set { /* numbers of things, found by what the things are */
	uint32_t *slots; /* numbers */
	uint8_t *tags;   /* a byte of the hash, nearly always enough to tell things apart; 0: free */
	uint32_t n, cap;
};

struct bf_run_svc {
	uint32_t place;   /* in the problem's svcs, in units of BF_SVC_UNIT */
	uint32_t shape;   /* the first service with the same tests */
	uint32_t rule;    /* the first rule that has it; by_slot: none has */
	enum bf_end end;
	uint64_t rest;
	bool own;         /* it is that rule's alone */
};

struct bf_run {
	bool ip6;
	const struct bf_rule *rules; /* of the chain */
	uint32_t most;               /* that come */
	struct bf_buf boxes;         /* struct bf_class_box */
	uint32_t n_boxes;
	struct bf_buf svcs;          /* as class.h has them */
	struct bf_run_svc *svc;
	uint32_t n_svc, cap_svc;
	struct bf_run_set by_effect, by_shape, finals;
	/* Told about: rules added, those of them that can never match, boxes hidden by earlier ones, rules with a rest. */
	uint32_t n_rules, n_never, n_hidden, n_rest;
};

struct bf_run_rule { /* rule `index` of the chain, as it is added */
	uint32_t index, order;
	bool own;     /* nobody may share its service: its effect depends on where it stands */
	bool final;   /* after its body no packet comes back behind it (BF_BOX_FINAL), unless there is a rest */
	bool by_slot; /* its service says BF_CLASS_BY_SLOT */
};

enum { BF_RUN_FULL = 1 };

/* n: how many rules will come, at most. */
void bf_run_init(struct bf_run *r, const struct bf_rule *rules, uint32_t n, bool ip6);
void bf_run_free(struct bf_run *r);
/* 0; BF_RUN_FULL: no more services, nothing was added; -ENOMEM. */
int bf_run_add(struct bf_run *r, const struct bf_run_rule *rule, const struct bf_box *b);
/* Most tests that a service has. */
uint32_t bf_run_tests(const struct bf_run *r);

/* What a structure is built for. Nothing can be added any more; it lives as long as the run. */
struct bf_class_problem bf_run_finish(struct bf_run *r);

#endif
