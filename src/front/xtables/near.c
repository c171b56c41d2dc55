/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * near.c: a table that is handed over and is nearly the one that is stored.
 * iptables gives back what it got, with one rule more. What is still as it was
 * when it was checked need not be checked, decoded or copied again: entries are
 * compared from both ends, where they lie, and what is left between is the edit.
 *
 *   stored   base, entries 0 .. k-1 | edit | base, k .. | edit | ... : pieces, nothing is put together
 *   handed   ======= the same =======|## window ##|===== the same, moved =====
 *
 * That holds only if what differs changes nothing for the rest: rules with a
 * condition, none of them a jump (as "simple" in splice.c). All else, and all
 * that is wrong, is -EAGAIN: then the whole is decoded, and that says why. So are
 * windows with several rules on both sides, for diff.c finds what stayed between.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "front/xtables/check.h"
#include "front/xtables/edit.h"

enum { PIECES_MAX = 1024, WINDOW_MAX = 64 << 10 };

struct piece { /* n entries behind each other, of the base or one of an edit */
	const uint8_t *e;
	uint32_t n, id;     /* number of the first one's counter; of the base: which entry it is */
	uint32_t index, off; /* where it stands in the state */
	size_t since;        /* edits from there on have moved what its jumps lead to */
};

struct near {
	struct bf_xt_blob base;
	const uint8_t *blob; /* the entries handed over */
	struct ipt_replace r;
	const void *edits;
	size_t edits_len;
	struct piece p[PIECES_MAX + 1]; /* the last one: where the state ends */
	uint32_t n_pieces, next_id;
	uint32_t hook_entry[BF_XT_HOOKS], underflow[BF_XT_HOOKS]; /* indices */
	/* the window: entries at .. end - 1 of the state, bytes off .. stop - 1 of it and off .. stop_new - 1 of what was handed over */
	uint32_t at, end, off, stop, stop_new;
};

static bool of_base(const struct near *w, const struct piece *p)
{
	return p->id < w->base.head->num_entries;
}

static uint32_t base_offset(const struct near *w, uint32_t i)
{
	return i < w->base.head->num_entries ? w->base.offsets[i] : w->base.head->size;
}

/* Bytes of the piece's first n entries. */
static uint32_t piece_bytes(const struct near *w, const struct piece *p, uint32_t n)
{
	if (!of_base(w, p))
		return n ? bf_xt_next_offset(w->base.l, p->e) : 0;
	return base_offset(w, p->id + n) - base_offset(w, p->id);
}

/* ------------------------------------------------------------------- pieces */

/* The piece that begins with entry `index`, made by cutting one in two; n_pieces: the end. -1: there is no room. */
static int cut(struct near *w, uint32_t index)
{
	uint32_t i = 0, n;
	struct piece *p;

	while (i < w->n_pieces && index >= w->p[i].n) {
		index -= w->p[i].n;
		i++;
	}
	if (!index || i == w->n_pieces)
		return index ? -1 : (int)i;
	if (w->n_pieces == PIECES_MAX)
		return -1;
	p = &w->p[i];
	n = piece_bytes(w, p, index);
	memmove(p + 1, p, (w->n_pieces++ - i) * sizeof(*p));
	p[1] = (struct piece){ .e = p->e + n, .n = p->n - index, .id = p->id + index, .since = p->since };
	p->n = index;
	return (int)i + 1;
}

static bool remove_entries(struct near *w, const struct bf_xt_edit *e)
{
	int from = cut(w, e->at), to = from < 0 ? -1 : cut(w, e->at + e->n_old);

	if (to < 0)
		return false;
	memmove(&w->p[from], &w->p[to], (w->n_pieces - (uint32_t)to) * sizeof(*w->p));
	w->n_pieces -= (uint32_t)(to - from);
	return true;
}

/* What is stored was checked once; but it may be damaged. */
static bool add_entries(struct near *w, const struct bf_xt_edit *edit)
{
	const uint8_t *e = (const uint8_t *)(edit + 1);
	size_t since = (size_t)(e - (const uint8_t *)w->edits) + edit->size;
	uint32_t left = edit->size;
	int at = cut(w, edit->at);

	if (at < 0 || edit->n_new > PIECES_MAX - w->n_pieces)
		return false;
	memmove(&w->p[(uint32_t)at + edit->n_new], &w->p[at], (w->n_pieces - (uint32_t)at) * sizeof(*w->p));
	w->n_pieces += edit->n_new;
	for (uint32_t i = 0; i < edit->n_new; i++) {
		if (!left || bf_xt_entry_bounds(w->base.l, e, left))
			return false;
		w->p[(uint32_t)at + i] = (struct piece){ .e = e, .n = 1, .id = w->next_id++, .since = since };
		left -= bf_xt_next_offset(w->base.l, e);
		e += bf_xt_next_offset(w->base.l, e);
	}
	return !left;
}

static uint32_t moved_by_all(const struct near *w, size_t since, uint32_t i, bool policy)
{
	for (size_t at = since; at < w->edits_len;) {
		const struct bf_xt_edit *e = (const void *)((const char *)w->edits + at);

		i = bf_xt_moved(e, i, policy);
		at += sizeof(*e) + e->size;
	}
	return i;
}

static bool put_edits(struct near *w)
{
	for (size_t at = 0; at < w->edits_len;) {
		const struct bf_xt_edit *e = (const void *)((const char *)w->edits + at);

		if (w->edits_len - at < sizeof(*e) || w->edits_len - at - sizeof(*e) < e->size || e->n_new == BF_XT_REACHED ||
		    e->n_old > UINT32_MAX - e->at || !remove_entries(w, e) || !add_entries(w, e))
			return false;
		at += sizeof(*e) + e->size;
	}
	return true;
}

static bool make_pieces(struct near *w)
{
	const struct bf_xt_head *h = w->base.head;
	uint32_t index = 0, off = 0, i;

	w->p[0] = (struct piece){ .e = w->base.base, .n = h->num_entries };
	w->n_pieces = 1;
	w->next_id = h->num_entries;
	if (!put_edits(w))
		return false;
	for (i = 0; i < w->n_pieces; i++) {
		w->p[i].index = index;
		w->p[i].off = off;
		index += w->p[i].n;
		off += piece_bytes(w, &w->p[i], w->p[i].n);
	}
	w->p[i] = (struct piece){ .index = index, .off = off };
	for (unsigned k = 0; k < BF_XT_HOOKS; k++) {
		w->hook_entry[k] = moved_by_all(w, 0, bf_xt_find(&w->base, h->hook_entry[k]), false);
		w->underflow[k] = moved_by_all(w, 0, bf_xt_find(&w->base, h->underflow[k]), true);
	}
	return true;
}

static uint32_t n_entries(const struct near *w)
{
	return w->p[w->n_pieces].index;
}

/* The piece that entry i of the state is in. */
static const struct piece *piece_of(const struct near *w, uint32_t i)
{
	const struct piece *p = &w->p[w->n_pieces];

	while (p->index > i)
		p--;
	return p;
}

static uint32_t offset_of(const struct near *w, uint32_t i)
{
	const struct piece *p = piece_of(w, i);

	return p->off + (p == &w->p[w->n_pieces] ? 0 : piece_bytes(w, p, i - p->index));
}

/* ------------------------------------------------------------------- window */

/* But for hooks and counters, which are set anew, and for where a jump leads. */
static bool alike(const struct bf_xt_layout *l, const uint8_t *x, const uint8_t *y, uint32_t n, bool jump)
{
	uint32_t hooks = l->comefrom + (uint32_t)sizeof(uint32_t), from = l->counters + (uint32_t)sizeof(struct xt_counters), v;

	if (memcmp(x, y, l->comefrom) || memcmp(x + hooks, y + hooks, l->counters - hooks))
		return false;
	if (!jump)
		return !memcmp(x + from, y + from, n - from);
	v = bf_xt_target_offset(l, x) + BF_XT_HEAD;
	return v >= from && v + 4 <= n && !memcmp(x + from, y + from, v - from) && !memcmp(x + v + 4, y + v + 4, n - v - 4);
}

/* What entry i of a piece is. The base's is known: looking for its target would not be safe, should it be damaged. */
static uint8_t kind_of(const struct near *w, const struct piece *p, uint32_t i)
{
	return of_base(w, p) ? w->base.kinds[p->id + i] : bf_xt_kind(w->base.l, p->e);
}

static bool is_jump(const struct near *w, const struct piece *p, uint32_t i)
{
	return kind_of(w, p, i) & BF_XT_IS_JUMP;
}

/* Which entry of the state a jump leads to. */
static uint32_t jump_of(const struct near *w, const struct piece *p, uint32_t i)
{
	uint32_t to = of_base(w, p) ? bf_xt_jump_of(&w->base, p->id + i) : (uint32_t)bf_xt_verdict(bf_xt_target(w->base.l, p->e));

	return moved_by_all(w, p->since, to, false);
}

/* Of the entries of a piece, how many from its first one on are as those at `to`, of which there are `left` bytes? */
static uint32_t alike_ahead(const struct near *w, const struct piece *p, const uint8_t *to, uint32_t left)
{
	uint32_t i, at = 0;

	for (i = 0; i < p->n; i++) {
		uint32_t end = piece_bytes(w, p, i + 1);

		if (end > left || !alike(w->base.l, p->e + at, to + at, end - at, is_jump(w, p, i)))
			break;
		at = end;
	}
	return i;
}

/* The same from the last one down, `to` being where the piece would end; no entry before the state's `first`. */
static uint32_t alike_back(const struct near *w, const struct piece *p, uint32_t first, const uint8_t *to, uint32_t left)
{
	uint32_t i, end = piece_bytes(w, p, p->n), all = end;

	for (i = p->n; i && p->index + i > first; i--) {
		uint32_t at = piece_bytes(w, p, i - 1);

		if (all - at > left || !alike(w->base.l, p->e + at, to - (all - at), end - at, is_jump(w, p, i - 1)))
			break;
		end = at;
	}
	return p->n - i;
}

static void find_window(struct near *w)
{
	uint32_t n, k = w->n_pieces;

	for (uint32_t i = 0; i < w->n_pieces; i++) {
		n = alike_ahead(w, &w->p[i], w->blob + w->p[i].off, w->r.size - BF_MIN(w->r.size, w->p[i].off));
		w->at = w->p[i].index + n;
		if (n < w->p[i].n)
			break;
	}
	w->off = offset_of(w, w->at);
	w->end = n_entries(w);
	w->stop_new = w->r.size;
	while (k-- && w->end > w->at) {
		n = alike_back(w, &w->p[k], w->at, w->blob + w->stop_new, w->stop_new - w->off);
		w->end -= n;
		w->stop_new -= piece_bytes(w, &w->p[k], w->p[k].n) - piece_bytes(w, &w->p[k], w->p[k].n - n);
		if (n < w->p[k].n)
			break;
	}
	w->stop = offset_of(w, w->end);
}

/* Where the entry is that entry i of the state was; BF_XT_NONE: nowhere. */
static uint32_t place_of(const struct near *w, uint32_t i, bool policy)
{
	if (i == BF_XT_NONE || i >= n_entries(w))
		return BF_XT_NONE;
	if (i < w->at || (i == w->at && !(policy && w->end == w->at)))
		return offset_of(w, i);
	return i >= w->end ? offset_of(w, i) - w->stop + w->stop_new : BF_XT_NONE;
}

/* Do the jumps of entries from .. to - 1 lead where those of the state do? */
static bool jumps_fit(const struct near *w, uint32_t from, uint32_t to)
{
	for (const struct piece *p = w->p; p < &w->p[w->n_pieces]; p++) {
		uint32_t i = BF_MAX(from, p->index), end = BF_MIN(to, p->index + p->n), place;

		for (; i < end; i++) {
			if (!is_jump(w, p, i - p->index))
				continue;
			place = place_of(w, jump_of(w, p, i - p->index), false);
			if (place == BF_XT_NONE ||
			    place != (uint32_t)bf_xt_verdict(bf_xt_target(w->base.l, w->blob + place_of(w, i, false))))
				return false;
		}
	}
	return true;
}

static bool hooks_fit(const struct near *w)
{
	const struct bf_xt_head *h = w->base.head;

	for (unsigned i = 0; i < BF_XT_HOOKS; i++)
		if (h->valid_hooks >> i & 1 && (place_of(w, w->hook_entry[i], false) != w->r.hook_entry[i] ||
		                                place_of(w, w->underflow[i], true) != w->r.underflow[i]))
			return false;
	return true;
}

static bool is_simple(const struct bf_xt_layout *l, const uint8_t *e, uint8_t kind)
{
	return !kind && !bf_xt_unconditional(l, e);
}

static bool old_are_simple(const struct near *w)
{
	for (uint32_t i = w->at; i < w->end; i++) {
		const struct piece *p = piece_of(w, i);
		const uint8_t *e = p->e + piece_bytes(w, p, i - p->index);

		if (!is_simple(w->base.l, e, kind_of(w, p, i - p->index)))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------------- edit */

/* A new entry as it stands in a state. All of the window are reached as the entry was that stood where it begins. */
static bool put_entry(struct near *w, uint8_t *e, struct bf_xt_cache *cache)
{
	const struct bf_xt_layout *l = w->base.l;
	const struct piece *p = piece_of(w, w->at);
	uint32_t hooks = bf_xt_comefrom(l, p->e + piece_bytes(w, p, w->at - p->index));

	memcpy(e + l->comefrom, &hooks, sizeof(hooks));
	memset(e + l->counters, 0, sizeof(struct xt_counters));
	return is_simple(l, e, bf_xt_kind(l, e)) && !bf_xt_check_entry(&w->base, e, 0, cache, NULL);
}

static bool put_entries(struct near *w, uint8_t *e, uint32_t left, uint32_t *n)
{
	struct bf_xt_cache cache = { 0 };

	for (*n = 0; left; ++*n) {
		if (bf_xt_entry_bounds(w->base.l, e, left) || !put_entry(w, e, &cache))
			return false;
		left -= bf_xt_next_offset(w->base.l, e);
		e += bf_xt_next_offset(w->base.l, e);
	}
	return true;
}

static int put_edit(struct near *w, struct bf_buf *out)
{
	struct bf_xt_edit edit = { w->at, w->end - w->at, 0, w->stop_new - w->off };
	size_t start = out->len;

	if (edit.size % 8)
		return -EAGAIN;
	bf_buf_add(out, &edit, sizeof(edit));
	bf_buf_add(out, w->blob + w->off, edit.size);
	if (out->err)
		return out->err;
	if (put_entries(w, (uint8_t *)out->data + start + sizeof(edit), edit.size, &edit.n_new) &&
	    w->r.num_entries == n_entries(w) - edit.n_old + edit.n_new && (edit.n_old < 2 || edit.n_new < 2)) {
		memcpy(out->data + start, &edit, sizeof(edit));
		return 0;
	}
	out->len = start;
	return -EAGAIN;
}

static int put_runs(const struct near *w, struct bf_buf *runs)
{
	for (const struct piece *p = w->p; p < &w->p[w->n_pieces]; p++) {
		struct bf_xt_run run = { p->id, p->n };

		bf_buf_add(runs, &run, sizeof(run));
	}
	return runs->err;
}

/* The head as decoding it would take it. The name's end is where the kernel would put it. */
static bool head_fits(struct near *w, const struct bf_xt_base *base, const void *blob, size_t len)
{
	const struct bf_xt_head *h = base->state;

	if (len < sizeof(w->r) || (uintptr_t)blob % 8)
		return false;
	memcpy(&w->r, blob, sizeof(w->r));
	w->r.name[sizeof(w->r.name) - 1] = '\0';
	w->blob = (const uint8_t *)blob + sizeof(w->r);
	return !bf_xt_check_head(&w->r, len) && !strcmp(w->r.name, h->name) && w->r.valid_hooks == h->valid_hooks &&
	       !(w->r.size % 8);
}

static int find_edit(struct near *w, struct bf_buf *out, struct bf_buf *runs)
{
	int rc;

	if (!make_pieces(w) || w->r.num_counters != n_entries(w))
		return -EAGAIN;
	find_window(w);
	if (w->at == n_entries(w) ? w->stop_new != w->off : w->stop_new - w->off > WINDOW_MAX)
		return -EAGAIN;
	if (w->stop - w->off > WINDOW_MAX || !old_are_simple(w) || !hooks_fit(w) || !jumps_fit(w, 0, w->at) ||
	    !jumps_fit(w, w->end, n_entries(w)))
		return -EAGAIN;
	rc = put_edit(w, out);
	return rc ? rc : put_runs(w, runs);
}

int bf_xt_near(const struct bf_xt_base *base, const void *edits, size_t edits_len, const void *blob, size_t len,
               struct bf_buf *out, struct bf_buf *runs)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	_cleanup_free_ struct near *w = calloc(1, sizeof(*w));

	if (!arena || !w)
		return -ENOMEM;
	w->edits = edits;
	w->edits_len = edits_len;
	if (bf_xt_open(base, arena, &w->base) || !head_fits(w, base, blob, len))
		return -EAGAIN;
	return find_edit(w, out, runs);
}
