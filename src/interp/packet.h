/* SPDX-License-Identifier: GPL-2.0-only */
/* packet.h: the oracle's view of a packet's fields (packet.c). */
#ifndef BF_INTERP_PACKET_H
#define BF_INTERP_PACKET_H

#include "interp/interp.h"

/* The value of a field: 1; 0: a loaded field that this packet does not have; -EBADMSG: reading it drops the packet. */
int bf_packet_field(const struct bf_packet *p, enum bf_field_id f, bf_u128 *v);

/* The same for any field, */
int bf_packet_value(const struct bf_packet *p, const struct bf_field *f, bf_u128 *v);
/* and for what a ruleset's own fields load (load.c). */
int bf_packet_load(const struct bf_packet *p, uint32_t loader, uint64_t arg, bf_u128 *v);

#endif
