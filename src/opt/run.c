/* SPDX-License-Identifier: GPL-2.0-only */
/* run.c: see run.h. */
#include "opt/run.h"

#include "match/match.h"

enum { NONE = UINT32_MAX };

/* ------------------------------------------------------------------ sets */

typedef uint64_t hash_fn(const struct bf_run *r, uint32_t i);
typedef bool same_fn(const struct bf_run *r, uint32_t i, uint32_t k);

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t v;

	for (; n >= sizeof(v); n -= sizeof(v), b += sizeof(v)) {
		memcpy(&v, b, sizeof(v));
		h = mix(h, v);
	}
	v = 0;
	if (n)
		memcpy(&v, b, n);
	return mix(h, v);
}

static uint8_t tag_of(uint64_t h)
{
	return (uint8_t)(h >> 56) | 1;
}

static void set_free(struct bf_run_set *s)
{
	free(s->slots);
	free(s->tags);
	*s = (struct bf_run_set){ 0 };
}

static int set_open(struct bf_run_set *s, uint32_t cap)
{
	*s = (struct bf_run_set){ malloc(cap * sizeof(*s->slots)), calloc(cap, 1), 0, cap };
	if (s->slots && s->tags)
		return 0;
	set_free(s);
	return -ENOMEM;
}

/* i is in no set yet, and nothing that is the same; there is room. */
static void set_write(struct bf_run_set *s, uint32_t i, uint64_t h)
{
	uint64_t at = h & (s->cap - 1);

	while (s->tags[at])
		at = (at + 1) & (s->cap - 1);
	s->slots[at] = i;
	s->tags[at] = tag_of(h);
	s->n++;
}

static int set_grow(struct bf_run_set *s, const struct bf_run *r, hash_fn *hash)
{
	struct bf_run_set bigger;

	if (set_open(&bigger, s->cap ? s->cap * 2 : 64))
		return -ENOMEM;
	for (uint32_t i = 0; i < s->cap; i++)
		if (s->tags[i])
			set_write(&bigger, s->slots[i], hash(r, s->slots[i]));
	set_free(s);
	*s = bigger;
	return 0;
}

/* The thing that is as thing i is, or NONE. */
static uint32_t set_find(const struct bf_run_set *s, const struct bf_run *r, uint32_t i, uint64_t h, same_fn *same)
{
	uint64_t at = h & (s->cap - 1);

	if (!s->cap)
		return NONE;
	for (; s->tags[at]; at = (at + 1) & (s->cap - 1))
		if (s->tags[at] == tag_of(h) && same(r, s->slots[at], i))
			return s->slots[at];
	return NONE;
}

static int set_put(struct bf_run_set *s, const struct bf_run *r, uint32_t i, uint64_t h, hash_fn *hash)
{
	if (s->n >= s->cap / 2 && set_grow(s, r, hash) < 0)
		return -ENOMEM;
	set_write(s, i, h);
	return 0;
}

/* -------------------------------------------------------------- services */

static const struct bf_class_svc *svc_at(const struct bf_run *r, uint32_t i)
{
	return (const void *)(r->svcs.data + (size_t)r->svc[i].place * BF_SVC_UNIT);
}

/* What it tests: the ports, META, and behind the record the tests. */
static uint64_t shape_hash(const struct bf_run *r, uint32_t i)
{
	const struct bf_class_svc *s = svc_at(r, i);

	return mix_bytes(mix_bytes(s->n_tests, s, offsetof(struct bf_class_svc, target)), s + 1,
	                 s->n_tests * sizeof(struct bf_class_test));
}

static bool same_shape(const struct bf_run *r, uint32_t i, uint32_t k)
{
	const struct bf_class_svc *a = svc_at(r, i), *b = svc_at(r, k);

	return a->n_tests == b->n_tests && !memcmp(a, b, offsetof(struct bf_class_svc, target)) &&
	       !memcmp(a + 1, b + 1, a->n_tests * sizeof(struct bf_class_test));
}

static bool same_cond(const struct bf_cond *a, const struct bf_cond *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || a->neg != b->neg || a->guard != b->guard)
		return false;
	if (a->kind == BF_COND_MATCH) /* data of one kind; pointers in it are equal or the conditions count as different */
		return a->match == b->match && (a->data == b->data || !memcmp(a->data, b->data, a->match->data_size));
	return a->field == b->field && a->mask == b->mask && a->n_ranges == b->n_ranges &&
	       !memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges));
}

static uint64_t cond_hash(uint64_t h, const struct bf_cond *c)
{
	if (c->kind == BF_COND_MATCH)
		return mix_bytes(mix(h, (uintptr_t)c->match), c->data, c->match->data_size);
	return mix_bytes(mix(mix(h, bf_field_id(c->field)), (uint64_t)c->mask), c->ranges, c->n_ranges * sizeof(*c->ranges));
}

static uint32_t next_left(const struct bf_rule *rule, uint64_t rest, uint32_t i)
{
	while (i < rule->n_conds && !bf_view_has(rest, i))
		i++;
	return i;
}

static bool same_rest(const struct bf_rule *a, uint64_t rest_a, const struct bf_rule *b, uint64_t rest_b)
{
	uint32_t i = next_left(a, rest_a, 0), k = next_left(b, rest_b, 0);

	for (; i < a->n_conds && k < b->n_conds; i = next_left(a, rest_a, i + 1), k = next_left(b, rest_b, k + 1))
		if (!same_cond(bf_rule_cond(a, i), bf_rule_cond(b, k)))
			return false;
	return i == a->n_conds && k == b->n_conds;
}

static bool has_counter(const struct bf_rule *r)
{
	return r->counter != BF_NO_COUNTER;
}

static bool same_body(const struct bf_rule *a, const struct bf_rule *b)
{
	if (a->verdict.kind != b->verdict.kind || a->verdict.chain != b->verdict.chain || a->verdict.index != b->verdict.index ||
	    a->n_actions != b->n_actions || has_counter(a) != has_counter(b))
		return false;
	for (uint32_t i = 0; i < a->n_actions; i++)
		if (a->actions[i].target != b->actions[i].target ||
		    memcmp(a->actions[i].data, b->actions[i].data, a->actions[i].target->data_size))
			return false;
	return true;
}

/* A service as a whole. One that is a rule's own is found by nobody. */
static uint64_t effect_hash(const struct bf_run *r, uint32_t i)
{
	const struct bf_run_svc *s = &r->svc[i];
	const struct bf_rule *rule = s->rule == NONE ? NULL : &r->rules[s->rule];
	uint64_t h = mix(mix(s->shape, s->end), svc_at(r, i)->flags);

	if (s->own || !rule)
		return mix(h, s->rule);
	for (uint32_t c = next_left(rule, s->rest, 0); c < rule->n_conds; c = next_left(rule, s->rest, c + 1))
		h = cond_hash(h, bf_rule_cond(rule, c));
	if (s->end != BF_END_BODY)
		return h;
	h = mix(mix(h, rule->verdict.kind * 2u + has_counter(rule)), (uintptr_t)rule->verdict.chain);
	for (uint32_t a = 0; a < rule->n_actions; a++)
		h = mix_bytes(h, rule->actions[a].data, rule->actions[a].target->data_size);
	return h;
}

static bool same_effect(const struct bf_run *r, uint32_t i, uint32_t k)
{
	const struct bf_run_svc *a = &r->svc[i], *b = &r->svc[k];

	if (a->shape != b->shape || a->end != b->end || svc_at(r, i)->flags != svc_at(r, k)->flags || a->own || b->own)
		return false;
	if (a->rule == NONE || b->rule == NONE)
		return a->rule == b->rule;
	return same_rest(&r->rules[a->rule], a->rest, &r->rules[b->rule], b->rest) &&
	       (a->end != BF_END_BODY || same_body(&r->rules[a->rule], &r->rules[b->rule]));
}

/* Makes the record at the end of svcs, not yet a service. */
static int svc_push(struct bf_run *r, const struct bf_run_rule *rule, const struct bf_box *b, const struct bf_box_ports *sport,
                    const struct bf_box_ports *dport)
{
	struct bf_class_svc s = {
		.dport = dport->lo, .sport = sport->lo, .dport_span = dport->hi - dport->lo, .sport_span = sport->hi - sport->lo,
		.meta_mask = b->meta_mask, .meta = b->meta, .n_tests = (uint16_t)b->n_tests,
	};

	if (b->rest || b->end != BF_END_BODY || r->rules[rule->index].counter == BF_NO_COUNTER)
		s.flags = BF_SVC_UNCOUNTED;
	s.target = rule->by_slot ? BF_CLASS_BY_SLOT : 0;
	if (bf_grow(&r->svc, r->n_svc, &r->cap_svc, sizeof(*r->svc)) < 0)
		return -ENOMEM;
	r->svc[r->n_svc] = (struct bf_run_svc){ .place = (uint32_t)(r->svcs.len / BF_SVC_UNIT), .shape = r->n_svc,
	                                        .rule = rule->by_slot ? NONE : rule->index, .end = b->end, .rest = b->rest,
	                                        .own = (rule->own || b->state) && !rule->by_slot };
	bf_buf_add(&r->svcs, &s, sizeof(s));
	bf_buf_add(&r->svcs, b->test, b->n_tests * sizeof(b->test[0]));
	return r->svcs.err ? -ENOMEM : 0;
}

/* Forgets the record at the end again. */
static void svc_pop(struct bf_run *r)
{
	r->svcs.len = (size_t)r->svc[r->n_svc].place * BF_SVC_UNIT;
}

/* The record at the end is a service now, or gives way to the one that is the same. */
static int svc_settle(struct bf_run *r, uint32_t *out)
{
	uint32_t i = r->n_svc;
	uint64_t h = effect_hash(r, i);

	*out = set_find(&r->by_effect, r, i, h, same_effect);
	if (*out != NONE)
		return svc_pop(r), 0;
	*out = i;
	if (r->svc[i].shape == i && set_put(&r->by_shape, r, i, shape_hash(r, i), shape_hash) < 0)
		return -ENOMEM;
	r->n_svc++;
	return r->svc[i].own ? 0 : set_put(&r->by_effect, r, i, h, effect_hash);
}

/* ------------------------------------------------------------------ boxes */

static struct bf_class_box *boxes(const struct bf_run *r)
{
	return (struct bf_class_box *)r->boxes.data;
}

/* Until bf_run_finish a box knows its service by number. */
static uint64_t box_hash(const struct bf_run *r, uint32_t i)
{
	const struct bf_class_box *b = &boxes(r)[i];

	return mix(mix_bytes(0, b->addr, sizeof(b->addr)), (uint64_t)b->len[0] << 40 | (uint64_t)b->len[1] << 32 |
	                                                           r->svc[b->svc].shape);
}

static bool same_box(const struct bf_run *r, uint32_t i, uint32_t k)
{
	const struct bf_class_box *a = &boxes(r)[i], *b = &boxes(r)[k];

	return a->addr[0] == b->addr[0] && a->addr[1] == b->addr[1] && a->len[0] == b->len[0] && a->len[1] == b->len[1] &&
	       r->svc[a->svc].shape == r->svc[b->svc].shape;
}

static bool is_final(const struct bf_run_rule *rule, const struct bf_box *b)
{
	return !b->rest && rule->final && b->end != BF_END_MISSES;
}

/* Adds a box whose service is the record at the end, unless it is hidden. */
static int box_push(struct bf_run *r, const struct bf_run_rule *rule, const struct bf_box *b, unsigned source, unsigned dest)
{
	struct bf_class_box box = {
		.addr = { b->addr[0][source].addr, b->addr[1][dest].addr },
		.len = { b->addr[0][source].len, b->addr[1][dest].len },
		.order = rule->order, .slot = r->rules[rule->index].counter, .svc = r->n_svc,
		.flags = is_final(rule, b) ? BF_BOX_FINAL : 0,
	};

	bf_buf_add(&r->boxes, &box, sizeof(box));
	if (r->boxes.err)
		return -ENOMEM;
	if (set_find(&r->finals, r, r->n_boxes, box_hash(r, r->n_boxes), same_box) != NONE) {
		r->boxes.len -= sizeof(box);
		r->n_hidden++;
		return 0;
	}
	r->n_boxes++;
	return 0;
}

/* Nearly every box of a large run is there in the end: room for all is made at once. */
static int put_final(struct bf_run *r, uint32_t i)
{
	uint32_t cap = 64;

	while (cap / 2 <= BF_MIN(r->most, 1u << 29))
		cap *= 2;
	if (!r->finals.cap && set_open(&r->finals, cap))
		return -ENOMEM;
	return set_put(&r->finals, r, i, box_hash(r, i), box_hash);
}

/* The boxes from `first` on get the service that the record at the end has become. */
static int settle(struct bf_run *r, uint32_t first)
{
	uint32_t svc;

	if (first == r->n_boxes) /* all are hidden */
		return svc_pop(r), 0;
	if (svc_settle(r, &svc) < 0)
		return -ENOMEM;
	for (uint32_t i = first; i < r->n_boxes; i++) {
		boxes(r)[i].svc = svc;
		if (boxes(r)[i].flags & BF_BOX_FINAL && put_final(r, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_ports(struct bf_run *r, const struct bf_run_rule *rule, const struct bf_box *b, unsigned sport, unsigned dport)
{
	uint32_t first = r->n_boxes;
	int err = svc_push(r, rule, b, &b->port[0][sport], &b->port[1][dport]);
	uint32_t shape;

	if (err < 0)
		return err;
	shape = set_find(&r->by_shape, r, r->n_svc, shape_hash(r, r->n_svc), same_shape);
	if (shape != NONE)
		r->svc[r->n_svc].shape = shape;
	for (unsigned i = 0; i < b->n_addr[0] && !err; i++)
		for (unsigned k = 0; k < b->n_addr[1] && !err; k++)
			err = box_push(r, rule, b, i, k);
	return err ? err : settle(r, first);
}

int bf_run_add(struct bf_run *r, const struct bf_run_rule *rule, const struct bf_box *b)
{
	uint32_t before = r->n_boxes;
	size_t most = (size_t)b->n_port[0] * b->n_port[1] * (sizeof(struct bf_class_svc) + b->n_tests * sizeof(b->test[0]));
	int err = 0;

	if (b->end != BF_END_NEVER && (r->svcs.len + most) / BF_SVC_UNIT >= BF_CLASS_SVC_MAX)
		return BF_RUN_FULL;
	r->n_rules++;
	for (unsigned i = 0; i < b->n_port[0] && b->end != BF_END_NEVER && !err; i++)
		for (unsigned k = 0; k < b->n_port[1] && !err; k++)
			err = add_ports(r, rule, b, i, k);
	r->n_rest += b->rest && r->n_boxes > before;
	r->n_never += r->n_boxes == before;
	return err;
}

/* -------------------------------------------------------------------- run */

static void free_sets(struct bf_run *r)
{
	set_free(&r->by_effect);
	set_free(&r->by_shape);
	set_free(&r->finals);
}

void bf_run_init(struct bf_run *r, const struct bf_rule *rules, uint32_t n, bool ip6)
{
	*r = (struct bf_run){ .ip6 = ip6, .rules = rules, .most = n };
}

void bf_run_free(struct bf_run *r)
{
	bf_buf_free(&r->boxes);
	bf_buf_free(&r->svcs);
	free(r->svc);
	free_sets(r);
}

uint32_t bf_run_tests(const struct bf_run *r)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < r->n_svc; i++)
		most = BF_MAX(most, svc_at(r, i)->n_tests);
	return most;
}

struct bf_class_problem bf_run_finish(struct bf_run *r)
{
	free_sets(r);
	for (uint32_t i = 0; i < r->n_boxes; i++)
		boxes(r)[i].svc = r->svc[boxes(r)[i].svc].place;
	return (struct bf_class_problem){ .ip6 = r->ip6, .boxes = boxes(r), .n_boxes = r->n_boxes, .svcs = r->svcs.data,
	                                  .svcs_size = (uint32_t)r->svcs.len };
}
