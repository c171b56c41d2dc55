/* SPDX-License-Identifier: GPL-2.0-only */
/* edit.h: a state's entries as a list that edits work on (edit.c). */
#ifndef BF_XT_EDIT_H
#define BF_XT_EDIT_H

#include "front/xtables/blob.h"

static inline bool bf_xt_is_jump(const struct bf_xt_layout *l, const uint8_t *e)
{
	const uint8_t *t = bf_xt_target(l, e);

	return bf_xt_is_standard(t) && bf_xt_verdict(t) >= 0;
}

static inline void bf_xt_set_verdict(const struct bf_xt_layout *l, uint8_t *e, uint32_t v)
{
	memcpy(bf_xt_target(l, e) + BF_XT_HEAD, &v, sizeof(v));
}

/* Where an edit leaves entry i; BF_XT_NONE: it led into the middle of what is gone, or nowhere. What is put where a policy
 * stands comes before it. */
static inline uint32_t bf_xt_moved(const struct bf_xt_edit *e, uint32_t i, bool policy)
{
	if (i == BF_XT_NONE || i < e->at || (i == e->at && !(policy && !e->n_old)))
		return i;
	return i < e->at + e->n_old ? BF_XT_NONE : i - e->n_old + e->n_new;
}

struct bf_xt_item {
	const uint8_t *e; /* in the state, or in an edit: then a jump's verdict means nothing */
	uint32_t to;      /* index of the item it jumps to, or BF_XT_NONE */
	uint32_t id;      /* entry of the state that the edits began with; beyond these: entries that came, numbered as they came */
	uint32_t hooks;   /* that reach it, where an edit said so; else BF_XT_AS_IT_SAYS */
};
#define BF_XT_AS_IT_SAYS UINT32_MAX

struct bf_xt_items {
	struct bf_xt_blob base; /* the state that the edits began with */
	struct bf_xt_item *items;
	uint32_t n, cap, next_id;
	bool jumps; /* some item jumps */
	bool reached; /* some edit told hooks */
	uint32_t hook_entry[BF_XT_HOOKS], underflow[BF_XT_HOOKS]; /* indices */
};

/* Takes the base's entries and applies the edits; there is room for `room` more. -EINVAL: they do not fit. */
int bf_xt_items_make(struct bf_xt_items *s, const void *edits, size_t len, uint32_t room);
/* One more edit, which stays where it is. */
int bf_xt_items_apply(struct bf_xt_items *s, const struct bf_xt_edit *e);
void bf_xt_items_free(struct bf_xt_items *s);
#define _cleanup_items_ _cleanup_(bf_xt_items_free)

#endif
