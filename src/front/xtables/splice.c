/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * splice.c: "insert this as rule 3 of INPUT" -> an edit (edit.c). Chains are
 * found as iptables writes them: a base chain from its hook's entry to its
 * policy, a user chain from behind its ERROR head to its last entry, an
 * unconditional RETURN.
 *
 * Of most changes it can be said at once that they change nothing for other
 * rules (simple): rules with a condition that come or go and do not jump, for
 * these do not change which rules a hook reaches; jumps that come and lead to
 * a chain without jumps which the same hooks reach already.
 */
#include <linux/netfilter_ipv4/ip_tables.h>

#include "front/xtables/check.h"
#include "front/xtables/edit.h"

struct chain { /* items first .. end - 1 are its rules, end is its last entry */
	uint32_t first, end;
};

struct splicer {
	struct bf_xt_items s;
	struct bf_xt_cache cache;
	struct bf_diag *d;
	bool simple;
};

static const uint8_t *target_at(const struct splicer *p, uint32_t i)
{
	return bf_xt_target(p->s.base.l, p->s.items[i].e);
}

static bool is_head(const struct splicer *p, uint32_t i)
{
	uint32_t id = p->s.items[i].id;

	if (id < p->s.base.head->num_entries)
		return p->s.base.kinds[id] & BF_XT_IS_HEAD;
	return bf_xt_is_error(target_at(p, i));
}

static bool find_base(const struct splicer *p, const char *name, struct chain *c)
{
	for (unsigned h = 0; h < BF_XT_HOOKS; h++)
		if (p->s.base.head->valid_hooks >> h & 1 && !strcmp(name, bf_xt_hook_name(h))) {
			*c = (struct chain){ p->s.hook_entry[h], p->s.underflow[h] };
			return c->first <= c->end;
		}
	return false;
}

static bool find_user(const struct splicer *p, const char *name, struct chain *c)
{
	uint32_t i = 0;

	while (i < p->s.n && !(is_head(p, i) && !strcmp((const char *)target_at(p, i) + BF_XT_HEAD, name)))
		i++;
	if (i + 1 >= p->s.n) /* the last ERROR entry is no chain */
		return false;
	c->first = ++i;
	while (i < p->s.n && !is_head(p, i))
		i++;
	c->end = i - 1;
	return c->end >= c->first && i < p->s.n && bf_xt_unconditional(p->s.base.l, p->s.items[c->end].e) &&
	       bf_xt_is_standard(target_at(p, c->end)) && bf_xt_verdict(target_at(p, c->end)) == XT_RETURN;
}

static bool find_chain(const struct splicer *p, const char *name, struct chain *c)
{
	return find_base(p, name, c) || find_user(p, name, c);
}

static uint32_t hooks_of(const struct splicer *p, uint32_t item)
{
	const struct bf_xt_item *it = &p->s.items[item];

	return it->hooks == BF_XT_AS_IT_SAYS ? bf_xt_comefrom(p->s.base.l, it->e) : it->hooks;
}

/* Does it take every packet and lead elsewhere? */
static bool ends_way(const struct splicer *p, const uint8_t *e)
{
	return bf_xt_unconditional(p->s.base.l, e);
}

static bool has_jump(const struct splicer *p, const struct chain *c)
{
	for (uint32_t i = c->first; i < c->end; i++)
		if (p->s.items[i].to != BF_XT_NONE)
			return true;
	return false;
}

/* The entry's target names a chain: it becomes a standard target that leads there. */
static int resolve_jump(struct splicer *p, uint8_t *e, uint32_t hooks, const struct chain *from)
{
	uint8_t *t = bf_xt_target(p->s.base.l, e);
	char name[BF_XT_NAMELEN + 1] = "";
	struct chain c;

	memcpy(name, bf_xt_name(t), BF_XT_NAMELEN);
	if (!name[0] || bf_xt_size(t) != sizeof(struct xt_standard_target) || !find_user(p, name, &c))
		return 0;
	memset(t + 2, 0, BF_XT_NAMELEN + 1);
	memcpy(t + BF_XT_HEAD, &c.first, sizeof(c.first));
	if (hooks & ~hooks_of(p, c.first) || has_jump(p, &c) || c.first == from->first)
		p->simple = false;
	return 0;
}

/* A copy of the caller's entry, as it stands in a state. */
static int put_entry(struct splicer *p, const struct bf_xt_splice *s, const struct chain *c, uint32_t at, struct bf_buf *out)
{
	const struct bf_xt_layout *l = p->s.base.l;
	uint32_t hooks = hooks_of(p, at), place = p->s.items[at].id;
	int err = bf_xt_entry_bounds(l, s->entry, (uint32_t)BF_MIN(s->size, (size_t)UINT16_MAX + 1));
	uint8_t *e;
	uint16_t n;

	if (err)
		return bf_diag_error(p->d, err, "a rule for chain %s: malformed entry", s->chain);
	n = bf_xt_next_offset(l, s->entry);
	e = bf_buf_reserve(out, n);
	if (!e)
		return -ENOMEM;
	memcpy(e, s->entry, n);
	memcpy(e + l->comefrom, &hooks, sizeof(hooks));
	memset(e + l->counters, 0, sizeof(struct xt_counters));
	if (ends_way(p, e))
		p->simple = false;
	err = resolve_jump(p, e, hooks, c);
	if (place >= p->s.base.head->num_entries)
		place = 0;
	return err ? err : bf_xt_check_entry(&p->s.base, e, place, &p->cache, p->d);
}

static int find_place(const struct splicer *p, const struct bf_xt_splice *s, struct chain *c, uint32_t *at)
{
	bool insert = s->op == BF_XT_OP_INSERT;
	uint32_t number = s->number;

	if (!find_chain(p, s->chain, c))
		return bf_diag_error(p->d, -ENOENT, "there is no chain %s", s->chain);
	if (insert && !number)
		number = c->end - c->first + 1;
	if (!number || number > c->end - c->first + insert)
		return bf_diag_error(p->d, -ENOENT, "chain %s has %u rules, not %u", s->chain, c->end - c->first, number);
	*at = c->first + number - 1;
	return 0;
}

/* What goes must not have led on to others. */
static void look_at_old(struct splicer *p, uint32_t at)
{
	if (p->s.items[at].to != BF_XT_NONE || ends_way(p, p->s.items[at].e))
		p->simple = false;
}

static int splice(struct splicer *p, const struct bf_xt_splice *s, struct bf_buf *out)
{
	struct bf_xt_edit *edit;
	size_t start = out->len;
	struct chain c;
	uint32_t at = 0;
	int err = find_place(p, s, &c, &at);

	if (err)
		return err;
	if (!bf_buf_reserve(out, sizeof(*edit)))
		return -ENOMEM;
	if (s->op != BF_XT_OP_INSERT)
		look_at_old(p, at);
	if (s->op != BF_XT_OP_DELETE)
		err = put_entry(p, s, &c, at, out);
	if (err)
		return err;
	edit = (void *)(out->data + start);
	*edit = (struct bf_xt_edit){ at, s->op != BF_XT_OP_INSERT, s->op != BF_XT_OP_DELETE,
	                             (uint32_t)(out->len - start - sizeof(*edit)) };
	return 0;
}

/* A jump that comes holds an index as it was before: it moves with what it leads to. */
static void move_jump(const struct bf_xt_layout *l, struct bf_xt_edit *e)
{
	uint8_t *entry = (uint8_t *)(e + 1), *t;
	uint32_t to;

	if (!e->n_new)
		return;
	t = bf_xt_target(l, entry);
	if (!bf_xt_is_standard(t) || bf_xt_verdict(t) < 0)
		return;
	to = (uint32_t)bf_xt_verdict(t);
	if (to > e->at)
		to = to - e->n_old + e->n_new;
	memcpy(t + BF_XT_HEAD, &to, sizeof(to));
}

/* Each edit is of the state behind those before it. What items point to must not move: each has memory of its own. */
static int splice_all(struct splicer *p, const struct bf_xt_splice *s, uint32_t n, struct bf_arena *a, struct bf_buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_buf_ struct bf_buf one = { 0 };
		struct bf_xt_edit *e;
		int err = splice(p, &s[i], &one);

		if (err)
			return err;
		move_jump(p->s.base.l, (void *)one.data);
		bf_buf_add(out, one.data, one.len);
		e = bf_arena_memdup(a, one.data, one.len);
		if (!e || out->err)
			return -ENOMEM;
		err = bf_xt_items_apply(&p->s, e);
		if (err)
			return err;
	}
	return 0;
}

int bf_xt_make_edits(const struct bf_xt_base *base, const void *edits, size_t edits_len, const struct bf_xt_splice *s,
                     uint32_t n, struct bf_buf *out, bool *simple, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct splicer p = { .d = d, .simple = true };
	int err = arena ? bf_xt_open(base, arena, &p.s.base) : -ENOMEM;

	if (!err)
		err = bf_xt_items_make(&p.s, edits, edits_len, n);
	if (!err)
		err = splice_all(&p, s, n, arena, out);
	bf_xt_items_free(&p.s);
	*simple = p.simple;
	return err;
}
