/* SPDX-License-Identifier: GPL-2.0-only */
/* lookup.h: what the matches of sets, maps and objects have for each other. Inside match/ only. */
#ifndef BF_MATCH_LOOKUP_H
#define BF_MATCH_LOOKUP_H

#include "match/match.h"

void bf_lookup_print(struct bf_buf *out, const struct bf_lookup *l);
void bf_set_name_print(struct bf_buf *out, const struct bf_set *s);
void bf_stateful_print(struct bf_buf *out, const struct bf_stateful *s);
/* The key of a packet; false: some part is not there. */
bool bf_lookup_key(struct bf_interp *in, const struct bf_packet *p, const struct bf_lookup *l, bf_u128 *key);

#endif
