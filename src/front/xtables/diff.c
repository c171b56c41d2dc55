/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff.c: what turns one state into the next.
 *
 * iptables hands over whole tables, also to change a few rules. Neighbouring
 * states differ in some windows of entries:
 *
 *   old   | same | window: n entries | same | window: n entries | same |
 *   new   | same | n others          | same | n others          | same |
 *
 * Mostly there is one, found by comparing from both ends. If entries are left
 * on both sides there may be others alike between them (iptables-restore -n,
 * which changed several chains): these are looked for by what the entries say, each a
 * number, with a list of the least changes (E. Myers, "An O(ND) Difference
 * Algorithm and Its Variations", 1986). What such edits make is made, and compared.
 *
 * Edits of windows come from the last one to the first. So the places before a
 * window are the old ones when it is exchanged, those behind it the new ones.
 *
 * A jump that comes or goes changes also which hooks reach the chain that it
 * leads to, and those below. These are edits of their own.
 */
#include "front/xtables/edit.h"

enum { CHANGES_MAX = 320 }; /* entries that came or went; beyond it, one window */

struct window { /* entries at .. end - 1 of the old state, and of the new one */
	uint32_t at_a, end_a, at_b, end_b;
};

struct diff {
	const struct bf_xt_blob *a, *b;
	struct window *w; /* the last one first */
	uint32_t n;
};

static uint32_t offset_of(const struct bf_xt_blob *b, uint32_t i)
{
	return i < b->head->num_entries ? b->offsets[i] : b->head->size;
}

/* ------------------------------------------------------------- the one window */

/* Up to v, but for which hooks reach them. */
static bool alike_until(const struct bf_xt_layout *l, const uint8_t *x, const uint8_t *y, uint32_t v)
{
	uint32_t next = l->comefrom + sizeof(uint32_t);

	return !memcmp(x, y, l->comefrom) && !memcmp(x + next, y + next, v - next);
}

/* Equal but for where they jump to; that must be the same place or one that moved with all that is behind the window. */
static bool alike(const struct diff *d, const uint8_t *x, const uint8_t *y)
{
	const struct bf_xt_layout *l = d->a->l;
	uint32_t n = bf_xt_next_offset(l, x), v = bf_xt_target_offset(l, x) + BF_XT_HEAD, shift, to;

	if (bf_xt_next_offset(l, y) != n)
		return false;
	if (!bf_xt_is_jump(l, x))
		return alike_until(l, x, y, n);
	if (!alike_until(l, x, y, v) || memcmp(x + v + 4, y + v + 4, n - v - 4))
		return false;
	shift = d->b->head->size - d->a->head->size;
	to = bf_xt_u32(y + v) - bf_xt_u32(x + v);
	return to == 0 || to == shift;
}

static struct window outer_window(const struct diff *d)
{
	uint32_t na = d->a->head->num_entries, nb = d->b->head->num_entries, n = BF_MIN(na, nb), tail = 0, at = 0;

	while (at < n && alike(d, bf_xt_entry(d->a, at), bf_xt_entry(d->b, at)))
		at++;
	while (tail < n - at && alike(d, bf_xt_entry(d->a, na - 1 - tail), bf_xt_entry(d->b, nb - 1 - tail)))
		tail++;
	return (struct window){ at, na - tail, at, nb - tail };
}

/* Where a place of the old state is in the new one; BF_XT_NONE: nowhere. */
static uint32_t moved(const struct diff *d, uint32_t off)
{
	uint32_t begin = offset_of(d->a, d->w->at_a), stop = offset_of(d->a, d->w->end_a);

	if (off <= begin)
		return off;
	return off >= stop ? off - stop + offset_of(d->b, d->w->end_b) : BF_XT_NONE;
}

static uint32_t moved_policy(const struct diff *d, uint32_t off)
{
	uint32_t begin = offset_of(d->a, d->w->at_a);

	return off == begin && d->w->end_a == d->w->at_a ? offset_of(d->b, d->w->end_b) : moved(d, off);
}

static bool jumps_moved(const struct diff *d, uint32_t i, uint32_t k)
{
	const struct bf_xt_layout *l = d->a->l;
	const uint8_t *x = bf_xt_entry(d->a, i), *y = bf_xt_entry(d->b, k);

	return !bf_xt_is_jump(l, x) ||
	       moved(d, (uint32_t)bf_xt_verdict(bf_xt_target(l, x))) == (uint32_t)bf_xt_verdict(bf_xt_target(l, y));
}

/* Is the rest really what moving it makes of it? */
static bool rest_moved(const struct diff *d)
{
	const struct bf_xt_head *x = d->a->head, *y = d->b->head;

	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		if (x->valid_hooks >> h & 1 && (moved(d, x->hook_entry[h]) != y->hook_entry[h] ||
		                                moved_policy(d, x->underflow[h]) != y->underflow[h]))
			return false;
	for (uint32_t i = 0; i < d->w->at_a; i++)
		if (!jumps_moved(d, i, i))
			return false;
	for (uint32_t i = d->w->end_a; i < x->num_entries; i++)
		if (!jumps_moved(d, i, i - d->w->end_a + d->w->end_b))
			return false;
	return true;
}

/* --------------------------------------------------------------- several windows */

static uint64_t mix(uint64_t h, const uint8_t *p, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += (uint32_t)sizeof(uint64_t)) {
		uint64_t v = 0;

		memcpy(&v, p + at, BF_MIN(n - at, (uint32_t)sizeof(v)));
		h = (h ^ v) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

/* What an entry says: all but which hooks reach it, and of a jump the chain's name instead of its place. */
static uint64_t says(const struct bf_xt_blob *b, uint32_t i)
{
	const uint8_t *e = bf_xt_entry(b, i), *t = bf_xt_target(b->l, e);
	uint32_t next = b->l->comefrom + (uint32_t)sizeof(uint32_t), n = bf_xt_next_offset(b->l, e), v, to;
	uint64_t h = mix(n, e, b->l->comefrom);

	if (!bf_xt_is_jump(b->l, e))
		return mix(h, e + next, n - next);
	v = (uint32_t)(t - e) + BF_XT_HEAD;
	to = bf_xt_jump_of(b, i);
	h = mix(h, e + next, v - next);
	if (to == BF_XT_NONE || !to || !(b->kinds[to - 1] & BF_XT_IS_HEAD))
		return h;
	return mix(h, bf_xt_target(b->l, bf_xt_entry(b, to - 1)) + BF_XT_HEAD, XT_FUNCTION_MAXNAMELEN);
}

static uint64_t *all_say(const struct bf_xt_blob *b, uint32_t at, uint32_t end, struct bf_arena *arena)
{
	uint64_t *h = bf_arena_array(arena, end - at + 1ul, uint64_t);

	for (uint32_t i = at; h && i < end; i++)
		h[i - at] = says(b, i);
	return h;
}

/*
 * x[0 .. n - 1] becomes y[0 .. m - 1]. A diagonal k holds the points (i, j = i - k); best[k] is the farthest i on it that c
 * changes lead to; `was` keeps that for each c, to find the way back.
 */
struct ways {
	const uint64_t *x, *y;
	int n, m, c;
	int *best, *was[CHANGES_MAX + 1]; /* index 0: diagonal 0; of was[c]: from -c to c */
};

static bool from_above(const int *best, int k, int c) /* by something that came, not by what went */
{
	return k == -c || (k != c && best[k - 1] < best[k + 1]);
}

static int *keep(const int *best, int c, struct bf_arena *arena)
{
	int *was = bf_arena_array(arena, 2ul * c + 1, int);

	if (was)
		memcpy(was, best - c, (2ul * c + 1) * sizeof(*was));
	return was ? was + c : NULL;
}

/* 0; -EAGAIN: there are too many changes. */
static int find_ways(struct ways *w, struct bf_arena *arena)
{
	int *best = bf_arena_array(arena, 2ul * CHANGES_MAX + 3, int);

	if (!best)
		return -ENOMEM;
	w->best = best += CHANGES_MAX + 1;
	best[1] = 0;
	for (w->c = 0; w->c <= CHANGES_MAX; w->c++) {
		for (int k = -w->c; k <= w->c; k += 2) {
			int i = from_above(best, k, w->c) ? best[k + 1] : best[k - 1] + 1;

			while (i < w->n && i - k < w->m && w->x[i] == w->y[i - k])
				i++;
			best[k] = i;
			if (i >= w->n && i - k >= w->m)
				return 0;
		}
		w->was[w->c] = keep(best, w->c, arena);
		if (!w->was[w->c])
			return -ENOMEM;
	}
	return -EAGAIN;
}

/* Back from the end; changes side by side are one window. */
static void list_windows(const struct ways *w, const struct window *outer, struct diff *d)
{
	int i = w->n, j = w->m;

	for (int c = w->c; c > 0; c--) {
		bool above = from_above(w->was[c - 1], i - j, c);
		int from_i = above ? w->was[c - 1][i - j + 1] : w->was[c - 1][i - j - 1], from_j = from_i - (i - j) - (above ? 1 : -1);
		struct window one = { outer->at_a + (uint32_t)from_i, outer->at_a + (uint32_t)(from_i + !above),
			                  outer->at_b + (uint32_t)from_j, outer->at_b + (uint32_t)(from_j + above) };
		struct window *last = d->n ? &d->w[d->n - 1] : NULL;

		if (last && last->at_a == one.end_a && last->at_b == one.end_b) {
			last->at_a = one.at_a;
			last->at_b = one.at_b;
		} else {
			d->w[d->n++] = one;
		}
		i = from_i;
		j = from_j;
	}
}

static int find_windows(struct diff *d, const struct window *outer, struct bf_arena *arena)
{
	struct ways *w = bf_arena_array(arena, 1, struct ways);
	int err;

	if (!w)
		return -ENOMEM;
	w->n = (int)(outer->end_a - outer->at_a);
	w->m = (int)(outer->end_b - outer->at_b);
	if (abs(w->n - w->m) > CHANGES_MAX)
		return -EAGAIN;
	w->x = all_say(d->a, outer->at_a, outer->end_a, arena);
	w->y = all_say(d->b, outer->at_b, outer->end_b, arena);
	d->w = bf_arena_array(arena, CHANGES_MAX, struct window);
	d->n = 0;
	if (!w->x || !w->y || !d->w)
		return -ENOMEM;
	err = find_ways(w, arena);
	if (!err)
		list_windows(w, outer, d);
	return err;
}

/* ------------------------------------------------------------------------- edits */

/* Where the new state's entry `to` is when window k has been exchanged and those before it have not; BF_XT_NONE: nowhere. */
static uint32_t place_then(const struct diff *d, uint32_t k, uint32_t to)
{
	uint32_t i = d->n;

	while (i - 1 > k && d->w[i - 1].end_b <= to)
		i--; /* `to` is behind the window i, before which all is old */
	if (i - 1 == k)
		return to - d->w[k].at_b + d->w[k].at_a;
	if (to > d->w[i - 1].at_b)
		return BF_XT_NONE;
	return to - d->w[i - 1].at_b + d->w[i - 1].at_a;
}

static int put_edit(const struct diff *d, uint32_t k, struct bf_buf *out)
{
	const struct window *w = &d->w[k];
	uint32_t off = offset_of(d->b, w->at_b);
	struct bf_xt_edit edit = { w->at_a, w->end_a - w->at_a, w->end_b - w->at_b, offset_of(d->b, w->end_b) - off };
	uint8_t *e;

	bf_buf_add(out, &edit, sizeof(edit));
	bf_buf_add(out, d->b->base + off, edit.size);
	if (out->err)
		return out->err;
	e = (uint8_t *)out->data + out->len - edit.size;
	for (uint32_t i = w->at_b; i < w->end_b; i++) {
		if (bf_xt_is_jump(d->b->l, e)) {
			uint32_t to = bf_xt_jump_of(d->b, i);

			to = to == BF_XT_NONE ? to : place_then(d, k, to);
			if (to == BF_XT_NONE)
				return -EAGAIN;
			bf_xt_set_verdict(d->b->l, e, to);
		}
		e += bf_xt_next_offset(d->b->l, e);
	}
	return 0;
}

/* Entries alike from i of the old state and k of the new one on: those that the same other hooks reach are one edit. */
static void put_reached(const struct diff *d, uint32_t i, uint32_t end, uint32_t k, struct bf_buf *out)
{
	const struct bf_xt_layout *l = d->b->l;

	while (i < end) {
		uint32_t hooks = bf_xt_comefrom(l, bf_xt_entry(d->b, k)), pad = 0;
		struct bf_xt_edit edit = { k, 0, BF_XT_REACHED, sizeof(hooks) + sizeof(pad) };

		while (i < end && bf_xt_comefrom(l, bf_xt_entry(d->b, k)) == hooks &&
		       bf_xt_comefrom(l, bf_xt_entry(d->a, i)) != hooks) {
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

static int put_edits(const struct diff *d, struct bf_buf *out)
{
	uint32_t i = 0, k = 0;
	int err = 0;

	for (uint32_t n = 0; !err && n < d->n; n++)
		err = put_edit(d, n, out);
	if (err)
		return err;
	for (uint32_t n = d->n; n--; i = d->w[n].end_a, k = d->w[n].end_b)
		put_reached(d, i, d->w[n].at_a, k, out);
	put_reached(d, i, d->a->head->num_entries, k, out);
	return out->err;
}

/* Do the edits make the new state? */
static bool make_it(const struct bf_xt_base *old, const struct bf_buf *edits, size_t from, const struct bf_xt_base *new)
{
	_cleanup_buf_ struct bf_buf made = { 0 };

	return !bf_xt_apply(old, edits->data + from, edits->len - from, &made, NULL) && made.len == new->len &&
	       !memcmp(made.data, new->state, new->len);
}

/* -EAGAIN: one window it is. */
static int put_several(struct diff *d, const struct window *outer, struct bf_arena *arena, const struct bf_xt_base *old,
                       const struct bf_xt_base *new, struct bf_buf *out)
{
	size_t len = out->len;
	int err = find_windows(d, outer, arena);

	if (!err)
		err = put_edits(d, out);
	if (!err && !make_it(old, out, len, new))
		err = -EAGAIN;
	if (err)
		out->len = len;
	return err;
}

static bool same_kind(const struct bf_xt_head *x, const struct bf_xt_head *y)
{
	return x->family == y->family && x->valid_hooks == y->valid_hooks && !memcmp(x->name, y->name, sizeof(x->name));
}

int bf_xt_diff(const void *old, size_t old_len, const void *new, size_t new_len, struct bf_buf *out)
{
	const struct bf_xt_base from = { .state = old, .len = old_len }, to = { .state = new, .len = new_len };
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct bf_xt_blob a, b;
	struct diff d = { .a = &a, .b = &b };
	struct window outer;
	int err = arena ? bf_xt_open(&from, arena, &a) : -ENOMEM;

	if (!err)
		err = bf_xt_open(&to, arena, &b);
	if (err)
		return err;
	if (!same_kind(a.head, b.head))
		return -EAGAIN;
	outer = outer_window(&d);
	if (outer.end_a > outer.at_a + 1 || outer.end_b > outer.at_b + 1) {
		err = put_several(&d, &outer, arena, &from, &to, out);
		if (err != -EAGAIN)
			return err;
	}
	d.w = &outer;
	d.n = 1;
	return rest_moved(&d) ? put_edits(&d, out) : -EAGAIN;
}
