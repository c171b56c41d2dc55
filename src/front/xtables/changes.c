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
 * look. Others are told because they change together with one that came or
 * went (struct bf_span).
 *
 * A policy that changes is a rule that came behind all others, and matches whatever gets there.
 *
 * Whole chains may come and go: iptables -N, -X. No packet sees that. Chains
 * that rules jump to are told as they are now, in a second table.
 */
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "front/xtables/edit.h"
#include "front/xtables/model.h"

enum { STAYS_MAX = 4096, NOW_MAX = 256 /* rules of chains that are told as they are now */ };
enum { LOOKS_MAX = 32 << 20 }; /* for rules that were hidden; 0.1 s, and compiling takes no longer */

struct now { /* a chain as it is now */
	uint32_t first; /* item */
	struct bf_chain *chain;
};

struct walk {
	struct bf_xt_model m;
	struct bf_xt_items s;
	struct bf_table *t, *now;
	const struct bf_span *spans;
	uint32_t n_spans;
	struct bf_buf *out;
	struct bf_buf nows; /* struct now */
	uint32_t n_now;     /* their rules */
	struct bf_diag *d;
	bool looking;   /* for what stays and is of interest; then all of it is told */
	uint8_t *stays; /* by entry of the state: it is */
	uint32_t n_stays;
	uint64_t looks; /* for them */
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

static void mark(struct walk *w, uint32_t entry)
{
	w->n_stays += !w->stays[entry];
	w->stays[entry] = 1;
}

/* Rules that change together with one that comes before entry `place`, or is it. */
static int mark_spans(struct walk *w, const struct bf_xt_region *r, uint32_t place, enum bf_change_kind kind)
{
	uint32_t chain = chain_index(w, r->chain);

	for (uint32_t i = 0; i < w->n_spans; i++) {
		const struct bf_span *s = &w->spans[i];

		for (uint32_t k = s->from; bf_span_has(s, chain, place - r->first, kind) && k < s->to && r->first + k < r->end; k++)
			mark(w, r->first + k);
	}
	return w->n_stays > STAYS_MAX ? -EAGAIN : 0;
}

static int link_jump(struct walk *w, struct bf_chain *chain, uint32_t item);

/* Is entry i the policy of a base chain? Of which hook; BF_XT_HOOKS: no. */
static unsigned policy_of(const struct walk *w, uint32_t i)
{
	const struct bf_xt_region *r = region_at(w, i);

	return r && i == r->end && r->chain->base && r->chain->counter == i ? r->chain->at.hook : BF_XT_HOOKS;
}

/* The entry of the state that was the policy which this item, which came, is now; BF_XT_NONE: it is none. */
static uint32_t policy_before(const struct walk *w, uint32_t item)
{
	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		if (w->m.base[h] && w->s.underflow[h] == item && policy_of(w, w->m.base[h]->counter) == h)
			return w->m.base[h]->counter;
	return BF_XT_NONE;
}

/* item: which it is, where it may jump; BF_XT_NONE: it is of no interest. */
static int add(struct walk *w, uint32_t place, enum bf_change_kind kind, const struct bf_xt_source *s, uint32_t item)
{
	const struct bf_xt_region *r = region_at(w, place);
	struct bf_changed c;
	int err;

	if (!r || (kind != BF_CAME && place == r->end))
		return -EAGAIN;
	if (w->looking)
		return kind == BF_STAYS ? 0 : mark_spans(w, r, place, kind);
	err = bf_xt_model_rule(&w->m, r->chain, s, w->d);
	if (!err && item != BF_XT_NONE)
		err = link_jump(w, r->chain, item);
	c = (struct bf_changed){ .chain = chain_index(w, r->chain), .rule = place - r->first, .kind = kind,
	                         .policy = kind == BF_CAME && policy_before(w, item) == place };
	bf_buf_add(w->out, &c, sizeof(c));
	return err ? err : w->out->err;
}

static int was_there(struct walk *w, uint32_t entry, enum bf_change_kind kind, uint32_t item)
{
	struct bf_xt_source s = { bf_xt_entry(&w->m.b, entry), entry, entry, BF_XT_NONE, BF_XT_NONE };

	return add(w, entry, kind, &s, item); /* where one led that went does not matter */
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
	w->looks += r->end - i;
	if (w->looks > LOOKS_MAX)
		return -EAGAIN;
	for (uint32_t k = i + 1; k < r->end; k++)
		if (!w->stays[k] && meet(w->m.b.l, e, bf_xt_entry(&w->m.b, k)))
			mark(w, k);
	return w->n_stays > STAYS_MAX ? -EAGAIN : 0;
}

/* The entry of the state that an item stands for, as far as it is one. */
static uint32_t entry_of(const struct walk *w, uint32_t item)
{
	return item < w->s.n && w->s.items[item].id < n_base(w) ? w->s.items[item].id : BF_XT_NONE;
}

static bool is_head(const struct walk *w, uint32_t item)
{
	uint32_t entry = entry_of(w, item);

	if (entry != BF_XT_NONE)
		return w->m.b.kinds[entry] & BF_XT_IS_HEAD;
	return item < w->s.n && bf_xt_is_error(bf_xt_target(w->m.b.l, w->s.items[item].e));
}

/* What iptables writes at the end of each user chain: behind it is nothing that a packet gets to. */
static bool is_return(const struct walk *w, uint32_t item)
{
	const uint8_t *e = w->s.items[item].e, *t = bf_xt_target(w->m.b.l, e);

	return bf_xt_unconditional(w->m.b.l, e) && bf_xt_is_standard(t) && bf_xt_verdict(t) == XT_RETURN;
}

/* ------------------------------------------------------- chains as they are now */

static int add_now(struct walk *w, struct bf_chain *chain, uint32_t item)
{
	const struct bf_xt_item *it = &w->s.items[item];
	const struct bf_xt_source s = { it->e, BF_MIN(it->id, n_base(w) - 1), it->id, BF_XT_NONE, BF_XT_NONE };
	int err = bf_xt_model_rule(&w->m, chain, &s, w->d);

	return err ? err : link_jump(w, chain, item);
}

/* The chain that begins with item `first`. Too large ones are left out: NULL. */
static int make_now(struct walk *w, uint32_t first, struct bf_chain **out)
{
	uint32_t end = first;
	struct now n = { .first = first };
	int err = 0;

	*out = NULL;
	for (const struct now *x = (void *)w->nows.data; (char *)x < w->nows.data + w->nows.len; x++)
		if (x->first == first)
			return *out = x->chain, 0;
	while (end < w->s.n && !is_head(w, end))
		end++;
	if (!first || !is_head(w, first - 1) || end-- == first || !is_return(w, end) || end - first > NOW_MAX - w->n_now)
		return 0;
	w->n_now += end - first;
	n.chain = bf_table_add_chain(w->m.rs, w->now,
	                             (const char *)bf_xt_target(w->m.b.l, w->s.items[first - 1].e) + BF_XT_HEAD);
	if (!n.chain)
		return -ENOMEM;
	n.chain->policy = BF_VERDICT_RETURN;
	n.chain->counter = w->s.items[end].id;
	bf_buf_add(&w->nows, &n, sizeof(n));
	for (uint32_t i = first; i < end && !err && !w->nows.err; i++)
		err = add_now(w, n.chain, i);
	*out = n.chain;
	return err ? err : w->nows.err;
}

/* Where the last rule of the chain leads, which is that item: to a chain that there was, or to one that came. */
static int link_jump(struct walk *w, struct bf_chain *chain, uint32_t item)
{
	const struct bf_xt_item *it = &w->s.items[item];
	struct bf_rule *r = &chain->rules[chain->n_rules - 1];
	uint32_t head = it->to != BF_XT_NONE && it->to ? entry_of(w, it->to - 1) : BF_XT_NONE, number = chain->n_rules - 1;
	struct bf_chain *to;
	int err;

	if (it->to == BF_XT_NONE)
		return 0;
	if (it->to == item + 1 || !is_head(w, it->to - 1))
		return -EAGAIN; /* just goes on; into a chain's middle */
	err = make_now(w, it->to, &to);
	if (err)
		return err;
	if (head != BF_XT_NONE)
		to = head + 1 < n_base(w) ? w->m.regions[w->m.region_of[head + 1]].chain : NULL;
	r = &chain->rules[number]; /* may have moved */
	r->verdict.kind = it->e[w->m.b.l->flags] & w->m.b.l->flag_goto ? BF_VERDICT_GOTO : BF_VERDICT_JUMP;
	r->verdict.chain = to;
	return to ? 0 : -EAGAIN;
}

/* ------------------------------------------------------------------------ walk */

static int came(struct walk *w, uint32_t item, uint32_t place)
{
	const struct bf_xt_item *it = &w->s.items[item];
	struct bf_xt_source s = { it->e, place, it->id, BF_XT_NONE, BF_XT_NONE };

	return add(w, place, BF_CAME, &s, item);
}

static int went(struct walk *w, uint32_t entry)
{
	int err = was_there(w, entry, BF_WENT, BF_XT_NONE);

	return !err && w->looking ? find_hidden(w, entry) : err;
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

/*
 * A chain that came, or a rule behind an unconditional RETURN that ends a chain: no packet gets there, unless a rule
 * that came leads to the chain (make_now). Returns how many items.
 */
static uint32_t count_aside(const struct walk *w, uint32_t item)
{
	uint32_t end = item, last = item ? item - 1 : 0;

	if (!is_head(w, item)) {
		uint32_t entry = entry_of(w, last);
		const struct bf_xt_region *r = entry == BF_XT_NONE ? NULL : &w->m.regions[w->m.region_of[entry]];

		if (!r || r->head == BF_XT_NONE || entry != r->end || !is_return(w, last))
			return 0;
	}
	while (end < w->s.n && w->s.items[end].id >= n_base(w))
		end++;
	return is_head(w, end) && is_return(w, end - 1) ? end - item : 0;
}

/* Entries `next` .. are gone: a chain as a whole? Rules that led there are gone, too. Returns its entries, or 0. */
static uint32_t count_gone(const struct walk *w, uint32_t next, uint32_t id)
{
	const struct bf_xt_region *r = &w->m.regions[w->m.region_of[next]];

	if (r->head != next || r->head_rule || r->runs_on || r->counter != r->end || r->end >= id)
		return 0;
	return r->end + 1 - next;
}

/* Entries from *next to id - 1 are missing. */
static int walk_gone(struct walk *w, uint32_t *next, uint32_t id)
{
	int err = 0;

	while (!err && *next < id) {
		uint32_t chain = count_gone(w, *next, id);

		if (!chain)
			err = went(w, *next);
		*next += chain ? chain : 1;
	}
	return err;
}

/* What came stands before entry *next of the state; a policy in the place of the one that there was. */
static int walk_new(struct walk *w, uint32_t *next, uint32_t item)
{
	uint32_t policy = policy_before(w, item);
	int err;

	if (policy == BF_XT_NONE)
		return came(w, item, *next);
	err = policy < *next ? -EAGAIN : walk_gone(w, next, policy);
	if (!err)
		err = came(w, item, policy);
	*next = policy + 1;
	return err;
}

static int walk(struct walk *w)
{
	uint32_t next = 0; /* entry of the state that is due */
	int err = 0;

	for (uint32_t i = 0; !err && i < w->s.n; i++) {
		uint32_t id = w->s.items[i].id, aside;

		if (id >= n_base(w)) {
			aside = count_aside(w, i);
			if (aside)
				i += aside - 1;
			else
				err = walk_new(w, &next, i);
			continue;
		}
		err = walk_gone(w, &next, id);
		if (!err && w->stays[id])
			err = was_there(w, id, BF_STAYS, i);
		next = id + 1;
		if (!err && next_changed(w, i))
			err = -EAGAIN;
	}
	return err ? err : next == n_base(w) ? 0 : -EAGAIN;
}

static int walk_twice(struct walk *w)
{
	int err;

	w->stays = bf_arena_array(w->m.scratch, n_base(w), uint8_t);
	w->now = bf_ruleset_add_table(w->m.rs, w->t->family, w->t->name);
	if (!w->stays || !w->now)
		return -ENOMEM;
	w->looking = true;
	err = walk(w);
	w->looking = false;
	return err ? err : walk(w);
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

int bf_xt_changes(const struct bf_xt_base *base, const void *edits, size_t edits_len, const struct bf_span *spans,
                  uint32_t n_spans, struct bf_ruleset **stub, struct bf_buf *changes, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *scratch = bf_arena_new();
	_cleanup_ruleset_ struct bf_ruleset *rs = bf_ruleset_new();
	struct walk w = { .m = { .rs = rs, .scratch = scratch }, .out = changes, .d = d,
		              .spans = spans, .n_spans = n_spans };
	int err = rs && scratch ? bf_xt_open(base, scratch, &w.m.b) : -ENOMEM;

	if (!err)
		err = bf_xt_model_chains(&w.m, &w.t, d);
	if (err)
		return err;
	w.s.base = w.m.b;
	err = bf_xt_items_make(&w.s, edits, edits_len, 0);
	if (!err)
		err = walk_twice(&w);
	bf_xt_items_free(&w.s);
	bf_buf_free(&w.nows);
	if (!err)
		set_rules(&w);
	if (err || changes->err)
		return err ? err : changes->err;
	bf_ruleset_done(rs);
	*stub = TAKE_PTR(rs);
	return 0;
}
