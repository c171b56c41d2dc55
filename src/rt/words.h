/* SPDX-License-Identifier: GPL-2.0-only */
/* words.h: words of the class data, for who asks for each place whether it is there; classify.h has a way for searches. */
#ifndef BF_RT_WORDS_H
#define BF_RT_WORDS_H

#include "rt/kernel.h"

extern const __u32 class[];

/* n words at a place, or NULL: not there. The bound is checked before the address is made, whatever the optimiser thinks. */
static __always_inline const void *words_at(__u64 place, __u64 n)
{
	const __u32 *p;

	if (place > config.n_class - n || config.n_class < n)
		return NULL;
	opaque(place);
	p = class + place;
	opaque(p);
	return p;
}

#endif
