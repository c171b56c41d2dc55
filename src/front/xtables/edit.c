/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edit.c: what turns one state into the next, and back into states.
 *
 * iptables hands over whole tables, also to add one rule. Two neighbouring
 * states differ in one window of entries:
 *
 *   old   | prefix | n_old entries | suffix |
 *   new   | prefix | n_new entries | suffix |
 *
 * Around the window only offsets change: where jumps and hooks lead. A place up
 * to the window's begin stays where it is (a rule that is put before a chain's
 * first one is the first then), a place from its end on moves with the suffix.
 * What leads into the window's middle has no place any more.
 *
 * In an edit jumps hold the *index* of the entry they lead to, in the new
 * state, so that edits can be applied one after the other without offsets.
 *
 * A jump that comes or goes changes also which hooks reach the chain that it
 * leads to, and those below. These are edits of their own.
 */
#include "front/xtables/edit.h"

static bool is_jump(const struct bf_xt_layout *l, const uint8_t *e)
{
	const uint8_t *t = bf_xt_target(l, e);

	return bf_xt_is_standard(t) && bf_xt_verdict(t) >= 0;
}

static void set_verdict(const struct bf_xt_layout *l, uint8_t *e, uint32_t v)
{
	memcpy(bf_xt_target(l, e) + BF_XT_HEAD, &v, sizeof(v));
}

/* Looking for the window. */

struct window {
	const struct bf_xt_blob *a, *b;
	uint32_t at, end_a, end_b;   /* entries at .. end - 1 */
	uint32_t off, stop_a, stop_b; /* the same as offsets */
};

/* Where a place of the old state is in the new one; BF_XT_NONE: nowhere. */
static uint32_t moved(const struct window *w, uint32_t off)
{
	if (off <= w->off)
		return off;
	return off >= w->stop_a ? off - w->stop_a + w->stop_b : BF_XT_NONE;
}

static uint32_t moved_policy(const struct window *w, uint32_t off)
{
	return off == w->off && w->stop_a == w->off ? w->stop_b : moved(w, off);
}

/* Up to v, but for which hooks reach them. */
static bool alike_until(const struct bf_xt_layout *l, const uint8_t *x, const uint8_t *y, uint32_t v)
{
	uint32_t next = l->comefrom + sizeof(uint32_t);

	return !memcmp(x, y, l->comefrom) && !memcmp(x + next, y + next, v - next);
}

/* Equal but for where they jump to; that must be the same place or one that moved with all that is behind the window. */
static bool alike(const struct window *w, const uint8_t *x, const uint8_t *y)
{
	const struct bf_xt_layout *l = w->a->l;
	uint32_t n = bf_xt_next_offset(l, x), v = bf_xt_target_offset(l, x) + BF_XT_HEAD, shift, to;

	if (bf_xt_next_offset(l, y) != n)
		return false;
	if (!is_jump(l, x))
		return alike_until(l, x, y, n);
	if (!alike_until(l, x, y, v) || memcmp(x + v + 4, y + v + 4, n - v - 4))
		return false;
	shift = w->b->head->size - w->a->head->size;
	to = bf_xt_u32(y + v) - bf_xt_u32(x + v);
	return to == 0 || to == shift;
}

static uint32_t offset_of(const struct bf_xt_blob *b, uint32_t i)
{
	return i < b->head->num_entries ? b->offsets[i] : b->head->size;
}

static void find_window(struct window *w)
{
	uint32_t na = w->a->head->num_entries, nb = w->b->head->num_entries, n = BF_MIN(na, nb), tail = 0;

	while (w->at < n && alike(w, bf_xt_entry(w->a, w->at), bf_xt_entry(w->b, w->at)))
		w->at++;
	while (tail < n - w->at && alike(w, bf_xt_entry(w->a, na - 1 - tail), bf_xt_entry(w->b, nb - 1 - tail)))
		tail++;
	w->end_a = na - tail;
	w->end_b = nb - tail;
	w->off = offset_of(w->a, w->at);
	w->stop_a = offset_of(w->a, w->end_a);
	w->stop_b = offset_of(w->b, w->end_b);
}

static bool jumps_moved(const struct window *w, uint32_t i, uint32_t k)
{
	const struct bf_xt_layout *l = w->a->l;
	const uint8_t *x = bf_xt_entry(w->a, i), *y = bf_xt_entry(w->b, k);

	return !is_jump(l, x) ||
	       moved(w, (uint32_t)bf_xt_verdict(bf_xt_target(l, x))) == (uint32_t)bf_xt_verdict(bf_xt_target(l, y));
}

/* Is the rest really what moving it makes of it? */
static bool rest_moved(const struct window *w)
{
	const struct bf_xt_head *x = w->a->head, *y = w->b->head;

	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		if (x->valid_hooks >> h & 1 && (moved(w, x->hook_entry[h]) != y->hook_entry[h] ||
		                                moved_policy(w, x->underflow[h]) != y->underflow[h]))
			return false;
	for (uint32_t i = 0; i < w->at; i++)
		if (!jumps_moved(w, i, i))
			return false;
	for (uint32_t i = w->end_a; i < x->num_entries; i++)
		if (!jumps_moved(w, i, i - w->end_a + w->end_b))
			return false;
	return true;
}

static bool same_kind(const struct bf_xt_head *x, const struct bf_xt_head *y)
{
	return x->family == y->family && x->valid_hooks == y->valid_hooks && !memcmp(x->name, y->name, sizeof(x->name));
}

static int put_edit(const struct window *w, struct bf_buf *out)
{
	struct bf_xt_edit edit = { w->at, w->end_a - w->at, w->end_b - w->at, w->stop_b - w->off };
	uint8_t *e;

	bf_buf_add(out, &edit, sizeof(edit));
	bf_buf_add(out, w->b->base + w->off, edit.size);
	if (out->err)
		return out->err;
	e = (uint8_t *)out->data + out->len - edit.size;
	for (uint32_t i = w->at; i < w->end_b; i++) {
		if (is_jump(w->b->l, e)) {
			uint32_t to = bf_xt_find(w->b, (uint32_t)bf_xt_verdict(bf_xt_target(w->b->l, e)));

			if (to == BF_XT_NONE)
				return -EAGAIN;
			set_verdict(w->b->l, e, to);
		}
		e += bf_xt_next_offset(w->b->l, e);
	}
	return 0;
}

/* Entries alike from i of the old state and k of the new one on: those that the same other hooks reach are one edit. */
static void put_reached(const struct window *w, uint32_t i, uint32_t end, uint32_t k, struct bf_buf *out)
{
	const struct bf_xt_layout *l = w->b->l;

	while (i < end) {
		uint32_t hooks = bf_xt_comefrom(l, bf_xt_entry(w->b, k)), pad = 0;
		struct bf_xt_edit edit = { k, 0, BF_XT_REACHED, sizeof(hooks) + sizeof(pad) };

		while (i < end && bf_xt_comefrom(l, bf_xt_entry(w->b, k)) == hooks &&
		       bf_xt_comefrom(l, bf_xt_entry(w->a, i)) != hooks) {
			edit.n_old++;
			i++;
			k++;
		}
		if (!edit.n_old) {
			i++;
			k++;
			continue;
		}
		bf_buf_add(out, &edit, sizeof(edit));
		bf_buf_add(out, &hooks, sizeof(hooks));
		bf_buf_add(out, &pad, sizeof(pad));
	}
}

static int put_edits(const struct window *w, struct bf_buf *out)
{
	int err = put_edit(w, out);

	if (err)
		return err;
	put_reached(w, 0, w->at, 0, out);
	put_reached(w, w->end_a, w->a->head->num_entries, w->end_b, out);
	return out->err;
}

int bf_xt_diff(const void *old, size_t old_len, const void *new, size_t new_len, struct bf_buf *out)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct bf_xt_blob a, b;
	struct window w = { .a = &a, .b = &b };
	int err = arena ? bf_xt_open(&(struct bf_xt_base){ .state = old, .len = old_len }, arena, &a) : -ENOMEM;

	if (!err)
		err = bf_xt_open(&(struct bf_xt_base){ .state = new, .len = new_len }, arena, &b);
	if (err)
		return err;
	if (!same_kind(a.head, b.head))
		return -EAGAIN;
	find_window(&w);
	return rest_moved(&w) ? put_edits(&w, out) : -EAGAIN;
}

/* Applying edits. */

static int take_base(struct bf_xt_items *s, uint32_t room)
{
	const struct bf_xt_blob *b = &s->base;

	s->n = s->next_id = b->head->num_entries;
	s->cap = s->n + room;
	s->items = malloc((size_t)s->cap * sizeof(*s->items));
	if (!s->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++) {
		s->items[i] = (struct bf_xt_item){ bf_xt_entry(b, i), bf_xt_jump_of(b, i), i, BF_XT_AS_IT_SAYS };
		s->jumps |= s->items[i].to != BF_XT_NONE;
	}
	for (unsigned h = 0; h < BF_XT_HOOKS; h++) {
		s->hook_entry[h] = bf_xt_find(b, b->head->hook_entry[h]);
		s->underflow[h] = bf_xt_find(b, b->head->underflow[h]);
	}
	return 0;
}

/* False: it led into the middle of what is gone. */
static bool move_index(uint32_t *i, const struct bf_xt_edit *e)
{
	if (*i == BF_XT_NONE || *i <= e->at)
		return true;
	if (*i < e->at + e->n_old)
		return false;
	*i = *i - e->n_old + e->n_new;
	return true;
}

static bool move_policy(uint32_t *i, const struct bf_xt_edit *e)
{
	if (*i != e->at || e->n_old)
		return move_index(i, e);
	*i += e->n_new;
	return true;
}

static bool move_indices(struct bf_xt_items *s, const struct bf_xt_edit *e)
{
	bool ok = true;

	for (uint32_t i = 0; s->jumps && i < s->n; i++)
		ok = (i >= e->at && i < e->at + e->n_old) || move_index(&s->items[i].to, e) ? ok : false;
	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		ok = move_index(&s->hook_entry[h], e) && move_policy(&s->underflow[h], e) ? ok : false;
	return ok;
}

/* The entries of an edit were checked when the state was that they came from; but what is stored may be damaged. */
static int put_items(struct bf_xt_items *s, const struct bf_xt_edit *edit)
{
	const struct bf_xt_layout *l = s->base.l;
	const uint8_t *e = (const uint8_t *)(edit + 1);
	uint32_t left = edit->size;

	for (uint32_t i = edit->at; i < edit->at + edit->n_new; i++) {
		uint32_t to = BF_XT_NONE;

		if (!left || bf_xt_entry_bounds(l, e, left))
			return -EINVAL;
		if (is_jump(l, e))
			to = (uint32_t)bf_xt_verdict(bf_xt_target(l, e));
		s->jumps |= to != BF_XT_NONE;
		s->items[i] = (struct bf_xt_item){ e, to, s->next_id++, BF_XT_AS_IT_SAYS };
		left -= bf_xt_next_offset(l, e);
		e += bf_xt_next_offset(l, e);
	}
	return left ? -EINVAL : 0;
}

static int note_reached(struct bf_xt_items *s, const struct bf_xt_edit *e)
{
	uint32_t hooks;

	if (e->at > s->n || e->n_old > s->n - e->at || e->size < sizeof(hooks))
		return -EINVAL;
	memcpy(&hooks, e + 1, sizeof(hooks));
	for (uint32_t i = e->at; i < e->at + e->n_old; i++)
		s->items[i].hooks = hooks & ((1u << BF_XT_HOOKS) - 1);
	s->reached = true;
	return 0;
}

int bf_xt_items_apply(struct bf_xt_items *s, const struct bf_xt_edit *e)
{
	if (e->n_new == BF_XT_REACHED)
		return note_reached(s, e);
	if (e->at > s->n || e->n_old > s->n - e->at || e->n_new > s->cap - s->n + e->n_old || !move_indices(s, e))
		return -EINVAL;
	memmove(&s->items[e->at + e->n_new], &s->items[e->at + e->n_old], (s->n - e->at - e->n_old) * sizeof(*s->items));
	s->n = s->n - e->n_old + e->n_new;
	return put_items(s, e);
}

static const struct bf_xt_edit *next_edit(const void *edits, size_t len, size_t *at)
{
	const struct bf_xt_edit *e = (const void *)((const char *)edits + *at);

	if (len - *at < sizeof(*e) || len - *at - sizeof(*e) < e->size || e->size % 8)
		return NULL;
	*at += sizeof(*e) + e->size;
	return e;
}

static int apply_all(struct bf_xt_items *s, const void *edits, size_t len)
{
	size_t at = 0;
	int err = 0;

	while (!err && at < len) {
		const struct bf_xt_edit *e = next_edit(edits, len, &at);

		err = e ? bf_xt_items_apply(s, e) : -EINVAL;
	}
	return err;
}

/* Where each entry will lie, and behind the last one. */
static uint32_t *offsets_of(const struct bf_xt_items *s)
{
	uint32_t *offsets = malloc(((size_t)s->n + 1) * sizeof(*offsets)), size = 0;

	for (uint32_t i = 0; offsets && i < s->n; i++) {
		offsets[i] = size;
		size += bf_xt_next_offset(s->base.l, s->items[i].e);
	}
	if (offsets)
		offsets[s->n] = size;
	return offsets;
}

/* What was counted in entries becomes offsets. */
static int put_head(const struct bf_xt_items *s, const uint32_t *offsets, struct bf_buf *out)
{
	struct bf_xt_head h = *s->base.head;

	for (unsigned i = 0; i < BF_XT_HOOKS; i++) {
		if (!(h.valid_hooks >> i & 1))
			continue;
		if (s->hook_entry[i] >= s->n || s->underflow[i] >= s->n)
			return -EINVAL;
		h.hook_entry[i] = offsets[s->hook_entry[i]];
		h.underflow[i] = offsets[s->underflow[i]];
	}
	h.num_entries = s->n;
	h.size = offsets[s->n];
	bf_buf_add(out, &h, sizeof(h));
	return out->err;
}

static int put_jumps(const struct bf_xt_items *s, const uint32_t *offsets, uint8_t *entries)
{
	for (uint32_t i = 0; s->jumps && i < s->n; i++) {
		uint32_t to = s->items[i].to;

		if (to != BF_XT_NONE && to >= s->n)
			return -EINVAL;
		if (to != BF_XT_NONE)
			set_verdict(s->base.l, entries + offsets[i], offsets[to]);
	}
	return 0;
}

/* Most entries lie behind each other where they come from, too. */
static void copy_entries(const struct bf_xt_items *s, const uint32_t *offsets, uint8_t *entries)
{
	for (uint32_t i = 0, end; i < s->n; i = end) {
		const uint8_t *from = s->items[i].e;

		for (end = i + 1; end < s->n && s->items[end].e == from + (offsets[end] - offsets[i]); end++)
			;
		memcpy(entries + offsets[i], from, offsets[end] - offsets[i]);
	}
}

static void put_hooks(const struct bf_xt_items *s, const uint32_t *offsets, uint8_t *entries)
{
	for (uint32_t i = 0; s->reached && i < s->n; i++)
		if (s->items[i].hooks != BF_XT_AS_IT_SAYS)
			memcpy(entries + offsets[i] + s->base.l->comefrom, &s->items[i].hooks, sizeof(uint32_t));
}

static int put_state(const struct bf_xt_items *s, bool only_head, struct bf_buf *out)
{
	_cleanup_free_ uint32_t *offsets = offsets_of(s);
	size_t start = out->len;
	uint8_t *entries;
	int err = offsets ? put_head(s, offsets, out) : -ENOMEM;

	if (err || only_head)
		return err;
	entries = bf_buf_room(out, offsets[s->n]);
	if (!entries)
		return -ENOMEM;
	copy_entries(s, offsets, entries);
	put_hooks(s, offsets, entries);
	err = put_jumps(s, offsets, entries);
	if (err)
		out->len = start;
	return err;
}

/* Entries that the edits bring at most. */
static uint32_t count_new(const void *edits, size_t len)
{
	const struct bf_xt_edit *e;
	size_t at = 0, n = 0;

	while (at < len && (e = next_edit(edits, len, &at)))
		n += e->n_new == BF_XT_REACHED ? 0 : BF_MIN(e->n_new, e->size / 8);
	return (uint32_t)BF_MIN(n, (size_t)INT32_MAX);
}

uint32_t bf_xt_next_slot(const struct bf_xt_base *base, const void *edits, size_t len)
{
	return ((const struct bf_xt_head *)base->state)->num_entries + count_new(edits, len);
}

uint32_t bf_xt_count_edits(const void *edits, size_t len)
{
	uint32_t n = 0;

	for (size_t at = 0; at < len && next_edit(edits, len, &at);)
		n++;
	return n;
}

int bf_xt_items_make(struct bf_xt_items *s, const void *edits, size_t len, uint32_t room)
{
	int err = take_base(s, count_new(edits, len) + room);

	return err ? err : apply_all(s, edits, len);
}

void bf_xt_items_free(struct bf_xt_items *s)
{
	free(s->items);
	s->items = NULL;
}

static int put_slots(const struct bf_xt_items *s, struct bf_buf *slots)
{
	uint32_t *slot = bf_buf_room(slots, s->n * sizeof(*slot));

	for (uint32_t i = 0; slot && i < s->n; i++)
		slot[i] = s->items[i].id;
	return slot ? 0 : -ENOMEM;
}

static int apply(const struct bf_xt_base *base, const void *edits, size_t edits_len, bool only_head, struct bf_buf *out,
                 struct bf_buf *slots)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	_cleanup_items_ struct bf_xt_items s = { 0 };
	int err = arena ? bf_xt_open(base, arena, &s.base) : -ENOMEM;

	if (!err)
		err = bf_xt_items_make(&s, edits, edits_len, 0);
	if (!err)
		err = put_state(&s, only_head, out);
	return err || !slots ? err : put_slots(&s, slots);
}

int bf_xt_apply(const struct bf_xt_base *base, const void *edits, size_t edits_len, struct bf_buf *out, struct bf_buf *slots)
{
	return apply(base, edits, edits_len, false, out, slots);
}

int bf_xt_outline(const struct bf_xt_base *base, const void *edits, size_t edits_len, struct bf_buf *head, struct bf_buf *slots)
{
	return apply(base, edits, edits_len, true, head, slots);
}
