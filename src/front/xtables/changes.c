/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * changes.c: what edits come to, rule by rule, in terms of the state they
 * began with (xtables.h). That state is cut into chains as ever, but only
 * rules that came or went are made.
 *
 * After all edits the entries that are left of the state are still in order:
 * one walk over the list tells which are missing and what stands between.
 *
 * The compiler leaves out what an earlier rule hides. So when a rule goes, the
 * rules behind it that could get its packets are told as well: those whose
 * addresses and protocol meet its own, as far as that shows without a closer
 * look.
 */
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "front/xtables/edit.h"
#include "front/xtables/model.h"

enum { STAYS_MAX = 4096 };

struct walk {
	struct bf_xt_model m;
	struct bf_xt_items s;
	struct bf_table *t;
	struct bf_buf *out;
	struct bf_diag *d;
	uint8_t *stays; /* by entry of the state: it may have been hidden. NULL: none went */
	uint32_t n_stays;
};

static uint32_t n_base(const struct walk *w)
{
	return w->m.b.head->num_entries;
}

/* The chain in which entry i is a rule, or before whose rule or end it stands. NULL: none whose rules are just its entries. */
static const struct bf_xt_region *region_at(const struct walk *w, uint32_t i)
{
	const struct bf_xt_region *r;

	if (i >= n_base(w))
		return NULL;
	r = &w->m.regions[w->m.region_of[i]];
	return r->chain && !r->head_rule && !r->runs_on && i >= r->first && i <= r->end ? r : NULL;
}

/* Index of the chain in the table; chains are few enough, changes too. */
static uint32_t chain_index(const struct walk *w, const struct bf_chain *c)
{
	uint32_t i = 0;

	while (w->t->chains[i] != c)
		i++;
	return i;
}

static int add(struct walk *w, uint32_t place, enum bf_change_kind kind, const struct bf_xt_source *s)
{
	const struct bf_xt_region *r = region_at(w, place);
	struct bf_changed c;
	int err;

	if (!r || (kind != BF_CAME && place == r->end))
		return -EAGAIN;
	err = bf_xt_model_rule(&w->m, r->chain, s, w->d);
	c = (struct bf_changed){ .chain = chain_index(w, r->chain), .rule = place - r->first, .kind = kind };
	bf_buf_add(w->out, &c, sizeof(c));
	return err ? err : w->out->err;
}

static int was_there(struct walk *w, uint32_t entry, enum bf_change_kind kind)
{
	struct bf_xt_source s = { bf_xt_entry(&w->m.b, entry), entry, entry, BF_XT_NONE, BF_XT_NONE };

	if (kind == BF_STAYS) { /* where one led that went does not matter */
		s.next = entry + 1;
		s.to = bf_xt_jump_of(&w->m.b, entry);
	}
	return add(w, entry, kind, &s);
}

/* 0: any */
static uint16_t proto_of(const struct bf_xt_layout *l, const uint8_t *e)
{
	return l->family == NFPROTO_IPV6 && !(e[l->flags] & IP6T_F_PROTO) ? 0 : bf_xt_u16(e + l->proto);
}

/* Can both take the same packet, as far as their addresses tell? Layouts: src, dst, smsk, dmsk at the entry's begin. */
static bool meet(const struct bf_xt_layout *l, const uint8_t *a, const uint8_t *b)
{
	uint32_t words = l->family == NFPROTO_IPV6 ? 4 : 1;
	uint16_t proto = proto_of(l, a), other = proto_of(l, b);

	if (a[l->invflags] | b[l->invflags])
		return true;
	if (proto && other && proto != other)
		return false;
	for (uint32_t i = 0; i < 2 * words; i++) {
		const uint8_t *x = a + 4 * i, *y = b + 4 * i;

		if ((bf_xt_u32(x) ^ bf_xt_u32(y)) & bf_xt_u32(x + 8 * words) & bf_xt_u32(y + 8 * words))
			return false;
	}
	return true;
}

/* Rules behind entry i, which went, that it may have hidden. */
static int find_hidden(struct walk *w, uint32_t i)
{
	const struct bf_xt_region *r = region_at(w, i);
	const uint8_t *e = bf_xt_entry(&w->m.b, i);

	if (!r)
		return -EAGAIN;
	if (!w->stays)
		w->stays = bf_arena_array(w->m.scratch, n_base(w), uint8_t);
	if (!w->stays)
		return -ENOMEM;
	for (uint32_t k = i + 1; k < r->end; k++)
		if (!w->stays[k] && meet(w->m.b.l, e, bf_xt_entry(&w->m.b, k))) {
			w->stays[k] = 1;
			w->n_stays++;
		}
	return w->n_stays > STAYS_MAX ? -EAGAIN : 0;
}

/* The entry of the state that an item stands for, as far as it is one. */
static uint32_t entry_of(const struct walk *w, uint32_t item)
{
	return item < w->s.n && w->s.items[item].id < n_base(w) ? w->s.items[item].id : BF_XT_NONE;
}

/* Where an item that came jumps to: behind an ERROR head it is the chain, whatever stands there now. */
static uint32_t target_of(const struct walk *w, uint32_t to)
{
	uint32_t head = to ? entry_of(w, to - 1) : BF_XT_NONE;

	if (head != BF_XT_NONE && w->m.b.kinds[head] & BF_XT_IS_HEAD)
		return head + 1;
	return entry_of(w, to);
}

static int came(struct walk *w, uint32_t item, uint32_t place)
{
	const struct bf_xt_item *it = &w->s.items[item];
	struct bf_xt_source s = { it->e, place, it->id, BF_XT_NONE, BF_XT_NONE };

	if (it->to != BF_XT_NONE) {
		s.to = target_of(w, it->to);
		if (s.to == BF_XT_NONE || it->to == item + 1)
			return -EAGAIN; /* leads to another rule that came, or just goes on */
	}
	return add(w, place, BF_CAME, &s);
}

/* A jump to the very next entry is none (model.c). Has an entry that stayed become one, or was one before? */
static bool next_changed(const struct walk *w, uint32_t item)
{
	const struct bf_xt_item *it = &w->s.items[item];
	const struct bf_xt_layout *l = w->m.b.l;
	uint32_t was;

	if (it->to == BF_XT_NONE || entry_of(w, item + 1) == it->id + 1)
		return false;
	was = bf_xt_find(&w->m.b, (uint32_t)bf_xt_verdict(bf_xt_target(l, it->e)));
	return it->to == item + 1 || was == it->id + 1;
}

static int walk(struct walk *w)
{
	uint32_t next = 0; /* entry of the state that is due */
	int err = 0;

	for (uint32_t i = 0; !err && i < w->s.n; i++) {
		uint32_t id = w->s.items[i].id;

		if (id >= n_base(w)) {
			err = came(w, i, next);
			continue;
		}
		for (; !err && next < id; next++) {
			err = was_there(w, next, BF_WENT);
			if (!err)
				err = find_hidden(w, next);
		}
		if (!err && w->stays && w->stays[id])
			err = was_there(w, id, BF_STAYS);
		next = id + 1;
		if (!err && next_changed(w, i))
			err = -EAGAIN;
	}
	return err ? err : next == n_base(w) ? 0 : -EAGAIN;
}

static void set_rules(struct walk *w)
{
	struct bf_changed *c = (struct bf_changed *)w->out->data;
	_cleanup_free_ uint32_t *seen = calloc(w->t->n_chains, sizeof(*seen));

	for (size_t i = 0; seen && i < w->out->len / sizeof(*c); i++)
		c[i].what = &w->t->chains[c[i].chain]->rules[seen[c[i].chain]++];
	if (!seen)
		w->out->err = -ENOMEM;
}

int bf_xt_changes(const struct bf_xt_base *base, const void *edits, size_t edits_len, struct bf_ruleset **stub,
                  struct bf_buf *changes, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *scratch = bf_arena_new();
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct walk w = { .m = { .rs = rs, .scratch = scratch }, .out = changes, .d = d };
	int err = rs && scratch ? bf_xt_open(base, scratch, &w.m.b) : -ENOMEM;

	if (!err)
		err = bf_xt_model_chains(&w.m, &w.t, d);
	if (err)
		return err;
	w.s.base = w.m.b;
	err = bf_xt_items_make(&w.s, edits, edits_len, 0);
	if (!err)
		err = walk(&w);
	bf_xt_items_free(&w.s);
	if (!err)
		set_rules(&w);
	if (err || changes->err)
		return err ? err : changes->err;
	bf_ruleset_done(rs);
	*stub = TAKE_PTR(rs);
	return 0;
}
