/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fields.h: what a key of the language (`tcp dport`, `ct original ip saddr`,
 * `@th,16,16`) is in the model: bits of a field, what must hold before they
 * mean anything, and what a hook must be able to do.
 *
 * Values are nft's: a number with the most significant bit of the header field
 * on top; names as rule/field.h has them; times as the kernel counts them (ct
 * expiration in ms, meta time in ns since 1970, hour in seconds of the day, UTC).
 */
#ifndef BF_FIELDS_H
#define BF_FIELDS_H

#include "front/native/ast.h"
#include "rule/rule.h"

enum { BF_NATIVE_DEPS = 6 };

struct bf_native_same { /* a value as the language has it, and as the field has it */
	bf_u128 value, field;
};

struct bf_native_key {
	const struct bf_field *field;
	uint8_t shift, bits; /* the key is so many bits of the field, from that one on (0: the lowest) */
	const struct bf_native_same *values; /* the key has only these values; NULL: all, and as the field has them */
	uint32_t n_values;
	/* What must hold first, in this order, or the key cannot be read: then no test of it holds, negated neither. */
	const struct bf_cond *deps[BF_NATIVE_DEPS];
	uint32_t n_deps;
	/* One of these, instead of the dependency on the same field, if the rule has asked for it before; or NULL. */
	const struct bf_cond *also;
	uint32_t can;        /* BF_CAN_* that the hook must have */
};

/*
 * e: a KEY; family: the table's, NFPROTO_*; hooks: those it is looked at from (bits of enum bf_hook; 0: not known). 0,
 * -EOPNOTSUPP (not served: *why may say more than that), -EPROTO (never in a table of that family: `ip6 saddr` in ip),
 * -ENOMEM.
 */
int bf_native_field(struct bf_ruleset *rs, const struct bf_ast_expr *e, uint8_t family, uint32_t hooks,
                    struct bf_native_key *out, const char **why);

#endif
