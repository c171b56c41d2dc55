/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * depth.c: how deep jumps nest. The kernel's jump stack has one place per ERROR
 * entry; a packet that needs more is dropped. Where every jump leads behind an
 * ERROR entry that can never happen: a packet is in each user chain once at
 * most. Only other jumps, which iptables never writes, need the walk.
 *
 * Reached entries form a graph without circles (loops.c), so the depth from
 * each is found once, last entries first: an explicit stack instead of recursion.
 */
#include "front/xtables/model.h"

struct depth {
	const struct bf_xt_model *m;
	uint32_t *of; /* by entry: jumps that may pile up from there on */
	bool *known;
	uint32_t *stack;
	uint32_t n;
};

static const uint8_t *target(const struct bf_xt_blob *b, uint32_t i)
{
	return bf_xt_target(b->l, bf_xt_entry(b, i));
}

static bool ends(const struct bf_xt_blob *b, uint32_t i)
{
	const uint8_t *t = target(b, i);

	return bf_xt_unconditional(b->l, bf_xt_entry(b, i)) && bf_xt_is_standard(t) && bf_xt_verdict(t) < 0;
}

static bool is_unusual(const struct bf_xt_blob *b, uint32_t i)
{
	uint32_t to = bf_xt_jump_of(b, i);

	return to != BF_XT_NONE && to != i + 1 && (to == 0 || !(b->kinds[to - 1] & BF_XT_IS_HEAD));
}

/* Is the depth of `to` known (or to no entry)? If not, it is put on the stack. */
static bool ready(struct depth *w, uint32_t to)
{
	if (to == BF_XT_NONE || to >= w->m->b.head->num_entries || w->known[to])
		return true;
	w->stack[w->n++] = to;
	return false;
}

/* The top of the stack: either it gets its depth, or what it needs first is put above it. */
static void step(struct depth *w)
{
	const struct bf_xt_blob *b = &w->m->b;
	uint32_t i = w->stack[w->n - 1], to = bf_xt_jump_of(b, i), next = ends(b, i) ? BF_XT_NONE : i + 1, deep = 0;
	bool pushes = to != i + 1 && !(bf_xt_entry(b, i)[b->l->flags] & b->l->flag_goto);

	if (!w->known[i] && (!ready(w, to) || !ready(w, next)))
		return;
	if (to != BF_XT_NONE)
		deep = w->of[to] + pushes;
	if (next != BF_XT_NONE && next < b->head->num_entries)
		deep = BF_MAX(deep, w->of[next]);
	w->of[i] = deep;
	w->known[i] = true;
	w->n--;
}

int bf_xt_check_depth(const struct bf_xt_model *m, struct bf_diag *d)
{
	struct depth w = { .m = m };
	const struct bf_xt_head *h = m->b.head;
	uint32_t room = 0;
	bool unusual = false;

	for (uint32_t i = 0; i < h->num_entries; i++) {
		room += m->b.kinds[i] & BF_XT_IS_HEAD;
		unusual |= is_unusual(&m->b, i);
	}
	if (!unusual)
		return 0;
	w.of = bf_arena_array(m->scratch, h->num_entries, uint32_t);
	w.known = bf_arena_array(m->scratch, h->num_entries, bool);
	w.stack = bf_arena_array(m->scratch, 2 * (size_t)h->num_entries + 2, uint32_t);
	if (!w.of || !w.known || !w.stack)
		return -ENOMEM;
	for (unsigned hook = 0; hook < BF_XT_HOOKS; hook++) {
		uint32_t start = h->valid_hooks & 1u << hook ? bf_xt_find(&m->b, h->hook_entry[hook]) : BF_XT_NONE;

		for (ready(&w, start); w.n > 0;) {
			if (w.n > h->num_entries) /* circles: no state of ours */
				return -EINVAL;
			step(&w);
		}
		if (start != BF_XT_NONE && w.of[start] > room)
			return bf_diag_error(d, -EOPNOTSUPP, "%s table: jumps out of %s nest deeper than the kernel's jump stack",
								 h->name, bf_xt_hook_name(hook));
	}
	return 0;
}
