/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loops.c: which hooks reach which entry, and whether a packet could go round
 * for ever. One walk per hook, depth first, without recursion: `back` holds
 * for each entry on the present path the entry before it.
 *
 *   ahead:  to where a jump goes, else to the next entry
 *   back:   from an unconditional ACCEPT, DROP, RETURN, or from what this hook
 *           has seen before, to the latest jump whose next entry is not yet seen
 *
 * An entry met while it is on the path is a loop; a path that leaves the table
 * is the same -ELOOP to the kernel. Each edge is followed once per hook.
 *
 * The path-bit lives in comefrom, as in the kernel, and is gone at the end.
 */
#include "front/xtables/check.h"

#define ON_PATH (1u << BF_XT_HOOKS)

struct walk {
	struct bf_xt_blob *b;
	uint32_t *back;
	uint32_t n;
	uint32_t hook_bit;
};

static void set_comefrom(const struct walk *w, uint32_t i, uint32_t v)
{
	memcpy(bf_xt_entry(w->b, i) + w->b->l->comefrom, &v, sizeof(v));
}

static uint32_t comefrom(const struct walk *w, uint32_t i)
{
	return bf_xt_comefrom(w->b->l, bf_xt_entry(w->b, i));
}

/* The entry always ends the chain: an unconditional verdict. */
static bool ends(const struct walk *w, uint32_t i)
{
	const uint8_t *e = bf_xt_entry(w->b, i), *t = bf_xt_target(w->b->l, e);

	return bf_xt_unconditional(w->b->l, e) && bf_xt_is_standard(t) && bf_xt_verdict(t) < 0;
}

/* Where entry i leads first: BF_XT_NONE when that is no entry. */
static uint32_t ahead(const struct walk *w, uint32_t i)
{
	const uint8_t *t = bf_xt_target(w->b->l, bf_xt_entry(w->b, i));

	if (bf_xt_is_standard(t) && bf_xt_verdict(t) >= 0)
		return bf_xt_find(w->b, (uint32_t)bf_xt_verdict(t));
	return i + 1 < w->n ? i + 1 : BF_XT_NONE;
}

/* Back along the path to the latest jump, and one on from there. False: the walk is over; *next BF_XT_NONE: off the
 * table. */
static bool back_from(const struct walk *w, uint32_t i, uint32_t *next)
{
	uint32_t from;

	do {
		set_comefrom(w, i, comefrom(w, i) & ~ON_PATH);
		from = i;
		i = w->back[from];
		if (i == from)
			return false;
	} while (from == i + 1);
	*next = i + 1 < w->n ? i + 1 : BF_XT_NONE;
	if (*next != BF_XT_NONE)
		w->back[*next] = i;
	return true;
}

static int walk_hook(const struct walk *w, uint32_t i, uint32_t *where)
{
	w->back[i] = i;
	for (;;) {
		uint32_t seen = comefrom(w, i), next;

		*where = i;
		if (seen & ON_PATH)
			return -ELOOP;
		set_comefrom(w, i, seen | w->hook_bit | ON_PATH);
		if (ends(w, i) || seen & w->hook_bit) {
			if (!back_from(w, i, &next))
				return 0;
		} else {
			next = ahead(w, i);
			if (next != BF_XT_NONE)
				w->back[next] = i;
		}
		if (next == BF_XT_NONE)
			return -ELOOP;
		i = next;
	}
}

int bf_xt_mark_hooks(struct bf_xt_decode *c, struct bf_diag *d)
{
	struct walk w = { .b = &c->blob, .n = c->head.num_entries };

	w.back = bf_arena_array(c->arena, w.n, uint32_t);
	if (!w.back)
		return -ENOMEM;
	for (unsigned h = 0; h < BF_XT_HOOKS; h++) {
		struct bf_xt_check at;
		uint32_t where = 0;
		int err;

		if (!(c->head.valid_hooks & 1u << h))
			continue;
		w.hook_bit = 1u << h;
		err = walk_hook(&w, bf_xt_find(w.b, c->head.hook_entry[h]), &where);
		if (!err)
			continue;
		bf_xt_check_init(&at, w.b, bf_xt_entry(w.b, where), where);
		return bf_xt_error(&at, d, err, "a packet of %s would go round in a loop here or leave the table",
						   bf_xt_hook_name(h));
	}
	return 0;
}
