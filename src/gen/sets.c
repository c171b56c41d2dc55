/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sets.c: a long list of ranges -> one SET cell and a set in the class data
 * (opt/set.h). A list that several conditions have is stored once: it is known
 * by its place, since copies of chains and shared conditions have the same one,
 * or else by what it contains.
 */
#include "gen/build.h"

#include "match/match.h"
#include "opt/set.h"

enum { CHECKS = 4096 }; /* values that are looked for in a new set, before anything relies on it */

struct bf_lower_set {
	struct bf_set_spec spec;
	uint32_t head; /* 0: no structure is good for it */
	struct bf_set_stats stats;
};

static const struct bf_set_head *head_in(const struct bf_buf *class, uint32_t head)
{
	return (const void *)(class->data + (size_t)head * sizeof(uint32_t));
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return bf_hash64(h ^ v) * 0x9fb21c651e98df25u;
}

static uint64_t place_key(const struct bf_set_spec *s)
{
	uint64_t h = mix((uintptr_t)s->ranges, s->n_ranges);

	return mix(mix(mix(h, (uint64_t)s->mask), s->mask >> 64), (uintptr_t)s->field);
}

/* Fields of one width and place in their words can share a set: the source address's is the destination's. */
static uint64_t content_key(const struct bf_set_spec *s)
{
	uint64_t h = mix(mix(s->field->bits, s->field->shift), (uint64_t)s->mask ^ s->mask >> 64);

	for (uint32_t i = 0; i < s->n_ranges; i++) {
		h = mix(h, (uint64_t)s->ranges[i].lo ^ s->ranges[i].lo >> 64);
		h = mix(h, (uint64_t)s->ranges[i].hi ^ s->ranges[i].hi >> 64);
	}
	return h;
}

static bool same(const struct bf_set_spec *a, const struct bf_set_spec *b)
{
	if (a->field->bits != b->field->bits || a->field->shift != b->field->shift || a->mask != b->mask ||
	    a->n_ranges != b->n_ranges)
		return false;
	for (uint32_t i = 0; i < a->n_ranges; i++)
		if (a->ranges[i].lo != b->ranges[i].lo || a->ranges[i].hi != b->ranges[i].hi)
			return false;
	return true;
}

/* A new one; its number. */
static uint32_t make(struct bf_lower *l, const struct bf_set_spec *spec)
{
	struct bf_lower_set s = { .spec = *spec };
	int err;

	if (!l->class.len)
		bf_buf_reserve(&l->class, 2 * sizeof(uint32_t)); /* place 0 is none */
	err = bf_set_build(spec, &l->class, &s.head, &s.stats);
	if (!err)
		err = bf_set_check(spec, &l->class, s.head, CHECKS, l->diag);
	if (err)
		s.head = 0;
	if ((err && err != -EOPNOTSUPP) || bf_grow(&l->sets, l->n_sets, &l->cap_sets, sizeof(s)) < 0)
		return bf_lower_error(l, err && err != -EOPNOTSUPP ? err : -ENOMEM), 0;
	l->sets[l->n_sets] = s;
	return l->n_sets++;
}

static uint32_t set_of(struct bf_lower *l, const struct bf_set_spec *spec)
{
	uint64_t place = place_key(spec), key;
	uint32_t id = bf_idmap_get(&l->set_ids, place);

	if (id != BF_IDMAP_NONE && same(&l->sets[id].spec, spec))
		return id;
	for (key = content_key(spec); (id = bf_idmap_get(&l->set_ids, key)) != BF_IDMAP_NONE; key++)
		if (same(&l->sets[id].spec, spec))
			break;
	if (id == BF_IDMAP_NONE)
		id = make(l, spec);
	if (!l->err && (bf_idmap_put(&l->set_ids, key, id) < 0 || bf_idmap_put(&l->set_ids, place, id) < 0))
		bf_lower_error(l, -ENOMEM);
	return id;
}

bool bf_lower_set(struct bf_lower *l, const struct bf_field *f, bf_u128 mask, const struct bf_range *r, uint32_t n,
                  bf_label hit, bf_label miss)
{
	const struct bf_set_spec spec = { .field = f, .mask = mask & bf_field_ones(f), .ranges = r, .n_ranges = n };
	struct bf_cell *c;
	uint32_t id;

	if (n < BF_SET_MIN || f->word == BF_KEY_ODD || l->err || l->here == BF_NO_LABEL)
		return false;
	id = set_of(l, &spec);
	if (l->err || !l->sets[id].head)
		return false;
	bf_lower_uses(l)->structs |= BF_SET_STRUCT(head_in(&l->class, l->sets[id].head)->kind);
	c = bf_lower_cell(l, BF_CELL_SET, hit, miss);
	c->word = f->word;
	c->arg = l->sets[id].head;
	return true;
}

/* ----------------------------------------------------- sets that change in place */

struct bf_lower_open {
	const struct bf_set *set;
	struct bf_set_spec spec; /* fields of one width and place are one */
	uint32_t head; /* 0: cannot be had, so nothing of this set changes in place */
	struct bf_set_stats stats;
};

static int by_value(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int build_open(struct bf_lower *l, struct bf_lower_open *o)
{
	_cleanup_free_ struct bf_range *r = calloc(o->set->n + 1ul, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	if (!l->class.len)
		bf_buf_reserve(&l->class, 2 * sizeof(uint32_t)); /* place 0 is none */
	if (o->set->n)
		memcpy(r, o->set->keys, o->set->n * sizeof(*r));
	qsort(r, o->set->n, sizeof(*r), by_value);
	o->spec.ranges = r;
	err = bf_set_build(&o->spec, &l->class, &o->head, &o->stats);
	if (!err)
		err = bf_set_check(&o->spec, &l->class, o->head, CHECKS, l->diag);
	if (err)
		o->head = 0;
	o->spec.ranges = NULL;
	return err == -EOPNOTSUPP || err == -EINVAL ? 0 : err;
}

static uint32_t struct_of(const struct bf_lower *l, uint32_t head)
{
	return head ? BF_SET_STRUCT(head_in(&l->class, head)->kind) : 0;
}

/* The head of one that was there when the table was compiled. */
static uint32_t known_head(struct bf_lower *l, const struct bf_set_spec *spec, const struct bf_set *s)
{
	const struct bf_known_set *x;
	uint32_t i = 0;

	while ((x = bf_lower_known(l, BF_KNOWN_OPEN, s, &i)))
		if (x->bits == spec->field->bits && x->shift == spec->field->shift && x->mask[0] == (uint64_t)(spec->mask >> 64) &&
		    x->mask[1] == (uint64_t)spec->mask) {
			bf_lower_uses(l)->structs |= x->structs;
			return x->at;
		}
	return bf_lower_error(l, -EAGAIN), 0;
}

/* Its head, or 0. Who comes here can look into it. */
static uint32_t open_head(struct bf_lower *l, const struct bf_lookup *k)
{
	const struct bf_field *f = k->part[0].field;
	struct bf_lower_open o = { .set = k->set, .spec = { .field = f, .mask = k->part[0].mask ? k->part[0].mask : bf_field_ones(f),
		.n_ranges = k->set->n, .open = true, .single = k->set->flags & BF_SET_SINGLE } };
	int err = 0;

	if (l->cell_base)
		return known_head(l, &o.spec, o.set);
	for (uint32_t i = 0; i < l->n_opens; i++) {
		const struct bf_set_spec *s = &l->opens[i].spec;

		if (l->opens[i].set != o.set || s->field->bits != f->bits || s->field->shift != f->shift || s->mask != o.spec.mask)
			continue;
		bf_lower_uses(l)->structs |= struct_of(l, l->opens[i].head);
		return l->opens[i].head;
	}
	if (f->word != BF_KEY_ODD && !f->fixed)
		err = build_open(l, &o);
	if (err || bf_grow(&l->opens, l->n_opens, &l->cap_opens, sizeof(o)) < 0)
		return bf_lower_error(l, err ? err : -ENOMEM), 0;
	l->opens[l->n_opens++] = o;
	if (l->inst < l->n_insts) /* else no rule looks into it yet */
		bf_lower_uses(l)->structs |= struct_of(l, o.head);
	return o.head;
}

uint32_t bf_lower_any_set(struct bf_lower *l, const struct bf_set *s)
{
	struct bf_field *f = bf_arena_new_of(l->arena, struct bf_field);
	struct bf_lookup k = { .set = s, .part[0].field = f };

	if (!f)
		return bf_lower_error(l, -ENOMEM), 0;
	*f = (struct bf_field){ .name = "a program's key", .bits = s->bits[0], .type = BF_VT_WIDE, .word = BF_KEY_SADDR, .loader = -1 };
	return open_head(l, &k);
}

/* By addresses, marks: what lies alone in its words. */
static void idle_open(struct bf_lower *l, const struct bf_set *s)
{
	for (uint32_t i = 0; i < l->n_opens; i++)
		if (l->opens[i].set == s)
			return;
	if (s->bits[0] != 32 && s->bits[0] != 128)
		return;
	l->idle.structs |= struct_of(l, bf_lower_any_set(l, s));
	l->idle.ops |= 1u << BF_CELL_SET;
}

void bf_lower_idle_sets(struct bf_lower *l)
{
	for (uint32_t i = 0; i < l->table->n_sets && !l->err; i++) {
		const struct bf_set *s = l->table->sets[i];

		if (!s->name)
			continue;
		if (s->flags & BF_SET_OPEN)
			idle_open(l, s);
		else if (s->flags & BF_SET_EXACT && bf_lower_idle_exact(l, s))
			l->idle.ops |= 1u << BF_CELL_LIVE | 1u << BF_CELL_KEEP | (s->data == BF_DATA_VERDICT ? 1u << BF_CELL_SWITCH : 0);
	}
	if (l->idle.ops & 1u << BF_CELL_LIVE && !l->params.len && !bf_buf_reserve(&l->params, 16)) /* for keys: programs know the map */
		bf_lower_error(l, -ENOMEM);
}

bool bf_lower_open_set(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss, bf_label na)
{
	uint32_t head = open_head(l, k);
	struct bf_cell *c;

	if (!head || l->err)
		return l->err;
	bf_lower_fetch(l, k->part[0].field, na);
	c = bf_lower_cell(l, BF_CELL_SET, hit, miss);
	c->word = k->part[0].field->word;
	c->arg = head;
	return true;
}

static bool is_spoiled(const struct bf_lower *l, const struct bf_set *s)
{
	for (uint32_t i = 0; i < l->n_opens; i++)
		if (l->opens[i].set == s && !l->opens[i].head)
			return true;
	return false;
}

/* A set that nobody looks into has one place that is none. */
static void finish_open(struct bf_lower *l)
{
	struct bf_set_place *p = bf_arena_array(l->arena, l->n_opens + l->n_exacts + l->table->n_sets, struct bf_set_place);
	uint32_t n = 0;

	if (!p)
		return bf_lower_error(l, -ENOMEM);
	for (uint32_t i = 0; i < l->table->n_sets; i++) {
		const struct bf_set *s = l->table->sets[i];
		uint32_t before = n;

		if (!(s->flags & BF_SET_OPEN) || is_spoiled(l, s))
			continue;
		for (uint32_t k = 0; k < l->n_opens; k++)
			if (l->opens[k].set == s)
				p[n++] = (struct bf_set_place){ s->id, l->opens[k].head };
		if (n == before)
			p[n++] = (struct bf_set_place){ s->id, 0 };
	}
	l->g->places = p;
	l->g->n_places = n + bf_lower_exact_places(l, p + n);
}

void bf_lower_tell_opens(const struct bf_lower *l, struct bf_buf *out)
{
	for (uint32_t i = 0; i < l->n_opens; i++) {
		const struct bf_lower_open *o = &l->opens[i];
		const struct bf_known_set x = { .set = o->set->id, .mask = { (uint64_t)(o->spec.mask >> 64), (uint64_t)o->spec.mask },
			.bits = o->spec.field->bits, .shift = o->spec.field->shift, .kind = BF_KNOWN_OPEN,
			.flags = o->set->flags & BF_KNOWN_FLAGS, .at = o->head, .structs = struct_of(l, o->head) };

		if (!is_spoiled(l, o->set))
			bf_buf_add(out, &x, sizeof(x));
	}
}

static void explain_set(struct bf_buf *text, const struct bf_set_spec *spec, bool built, const struct bf_set_stats *stats)
{
	bf_buf_printf(text, "%s: ", spec->field->name);
	if (built)
		bf_set_explain(text, stats);
	else
		bf_buf_printf(text, "%u ranges far from prefixes: cells", spec->n_ranges);
	bf_buf_puts(text, "\n");
}

/* Text about the sets, where somebody wants to know what became of the rules. */
void bf_lower_finish_sets(struct bf_lower *l)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	finish_open(l);
	for (uint32_t i = 0; i < l->n_sets && l->explain; i++)
		explain_set(&text, &l->sets[i].spec, l->sets[i].head, &l->sets[i].stats);
	for (uint32_t i = 0; i < l->n_opens && l->explain; i++)
		if (l->opens[i].head)
			explain_set(&text, &l->opens[i].spec, true, &l->opens[i].stats);
	if (l->explain)
		bf_lower_explain_exacts(l, &text);
	if (text.err)
		bf_lower_error(l, text.err);
	else if (text.len)
		l->g->sets = bf_lower_keep(l, text.data, text.len + 1);
}
