/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edit.c: states out of edits (diff.c).
 *
 * Around what an edit exchanges only offsets change: where jumps and hooks lead. A place up
 * to its begin stays where it is (a rule that is put before a chain's
 * first one is the first then), a place from its end on moves with what is behind.
 * What leads into its middle has no place any more.
 *
 * In an edit jumps hold the *index* of the entry they lead to, in the state that it
 * makes, so that edits can be applied one after the other without offsets.
 */
#include "front/xtables/edit.h"

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
static bool move_index(uint32_t *i, const struct bf_xt_edit *e, bool policy)
{
	uint32_t to = bf_xt_moved(e, *i, policy);

	if (to == BF_XT_NONE && *i != to)
		return false;
	*i = to;
	return true;
}

static bool move_indices(struct bf_xt_items *s, const struct bf_xt_edit *e)
{
	bool ok = true;

	for (uint32_t i = 0; s->jumps && i < s->n; i++)
		ok = (i >= e->at && i < e->at + e->n_old) || move_index(&s->items[i].to, e, false) ? ok : false;
	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		ok = move_index(&s->hook_entry[h], e, false) && move_index(&s->underflow[h], e, true) ? ok : false;
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
		if (bf_xt_is_jump(l, e))
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
			bf_xt_set_verdict(s->base.l, entries + offsets[i], offsets[to]);
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
