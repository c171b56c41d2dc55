/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.h: sets, maps and objects of a table: what rules look things up in
 * (match.h: bf_lookup), change (bf_element_change), share (bf_object).
 *
 *   set ── element: one range for each part of the key ── its datum: verdict, value, object
 *
 * Elements are boxes; of several that hold a key the first counts. Those of a
 * set that rules change (BF_SET_LIVE) are exact, or (BF_SET_BOXES) lie apart from
 * each other, and these are only what it begins with: from then on its content
 * is the kernel's.
 */
#ifndef BF_RULE_SET_H
#define BF_RULE_SET_H

#include "rule/rule.h"

enum { BF_SET_PARTS = 16, BF_SET_WORDS = 16, BF_SET_STATEFULS = 2 };

/* A statement with state: of an element, or as an object. Meaning and arithmetic are nft's. */
enum bf_stateful_kind { BF_STATEFUL_NONE, BF_STATEFUL_COUNTER, BF_STATEFUL_LIMIT, BF_STATEFUL_QUOTA };
struct bf_stateful {
	uint8_t kind;   /* enum bf_stateful_kind */
	bool over;      /* LIMIT, QUOTA: holds beyond it instead of up to it */
	bool bytes;     /* LIMIT: of bytes, not packets */
	uint64_t rate;  /* LIMIT: so many */
	uint64_t per;   /* in so many seconds */
	uint64_t burst; /* packets: how many at once; bytes: above the rate */
	uint64_t quota; /* QUOTA: bytes */
	uint64_t packets, used; /* what it begins with; used: bytes, of COUNTER and QUOTA */
};
/* -EINVAL, -EOVERFLOW: nft's kernel would refuse it. */
int bf_stateful_check(const struct bf_stateful *s);

struct bf_object {
	const char *name; /* NULL: a rule's own */
	uint64_t id;      /* of this object in the table, over all changes of it: its state goes on */
	struct bf_stateful what;
};

enum bf_set_data { BF_DATA_NONE, BF_DATA_VERDICT, BF_DATA_VALUE, BF_DATA_OBJECT };

union bf_datum {
	uint32_t verdict; /* number in the set's list */
	bf_u128 value;
	const struct bf_object *object;
};

struct bf_element_life { /* of LIVE sets */
	uint64_t timeout;     /* ms; 0: the set's; UINT64_MAX: it stays */
	uint64_t expires;     /* ms left; 0: all of the timeout */
	bool noted;           /* it has a comment, which others keep */
	uint8_t n_state;      /* its own, */
	const struct bf_stateful *state; /* or NULL: as the set says */
};

enum {
	BF_SET_OPEN = 1 << 1,   /* elements come and go by commands: in place, where that can be; */
	BF_SET_SINGLE = 1 << 2, /* never ranges */
	BF_SET_LIVE = 1 << 0, /* rules change it, or elements come and go with time, or have state */
	BF_SET_BOXES = 1 << 3, /* LIVE, but no rule changes it: elements may be ranges */
	BF_SET_EXACT = 1 << 5, /* as OPEN, of several parts or with data; never ranges, but for a last element that is all others */
	BF_SET_GROWS = 1 << 4, /* LIVE: nothing is said about how many elements there may be */
};

struct bf_set {
	const char *name;  /* NULL: anonymous */
	uint64_t id;       /* of this set in the table, over all changes of it */
	uint32_t flags;
	uint8_t n_parts;
	uint8_t bits[BF_SET_PARTS]; /* of each part: 1 .. 128, BF_SET_WORDS words of 32 bits in all */
	enum bf_set_data data;
	uint8_t data_bits; /* VALUE: 1 .. 128 */
	uint32_t size;     /* LIVE: most elements; 0: 65,535 */
	uint64_t timeout;  /* LIVE: ms, of elements that say nothing else; 0: they stay */
	uint8_t n_state;
	struct bf_stateful state[BF_SET_STATEFULS]; /* each element has, in this order */
	uint32_t n;        /* elements */
	struct bf_range *keys; /* [n][n_parts] */
	union bf_datum *datum; /* [n], where data says so */
	struct bf_element_life *life; /* [n], or NULL: all as the set says */
	uint32_t room;
	struct bf_verdict *verdicts; /* VERDICT: those that there are; no MAP, no ACTION */
	uint32_t n_verdicts, verdict_room;
};

/* Builders. All memory from the arena; NULL or -ENOMEM. */
struct bf_set *bf_table_add_set(struct bf_ruleset *rs, struct bf_table *t, const char *name);
/* key: n_parts ranges. datum, life: or NULL. They are copied. */
int bf_set_add(struct bf_ruleset *rs, struct bf_set *s, const struct bf_range *key, const union bf_datum *datum,
               const struct bf_element_life *life);
/* The number of a verdict. */
int bf_set_add_verdict(struct bf_ruleset *rs, struct bf_set *s, const struct bf_verdict *v, uint32_t *number);
struct bf_object *bf_table_add_object(struct bf_ruleset *rs, struct bf_table *t, const char *name, uint64_t id,
                                      const struct bf_stateful *what);

/* Words of 32 bits that a key takes. */
uint32_t bf_set_words(const struct bf_set *s);

/* The first element that holds the key, n_parts values; its number, or -1. By looking at one after the other. */
int64_t bf_set_scan(const struct bf_set *s, const bf_u128 *key);

#endif
