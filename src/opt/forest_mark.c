/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forest_mark.c: after a rule has been found in one tree, which of the others
 * can hold one that comes before it? Only rules that some packet of this one
 * matches as well, and most specific rules share no packet with an earlier one of
 * another tree. That is found out beforehand, box by box, by asking each tree
 * for such a rule; what is known goes into the low bits of the rules' orders
 * (rt/class.h).
 *
 *   box ──▶ tree 1: the windows that it meets ─▶ ... ─▶ leaf: an earlier rule that meets it?  bit 1
 *      └──▶ tree 2 ...                                                                      bit 2
 *
 * Below a node whose rules all come later nothing is looked for. A box that
 * meets very many windows is given up: a bit too many costs a walk, no more.
 */
#include "opt/forest.h"

#define LOOKS 256 /* at children and rules, for one box in one tree; */
#define MANY 200000
#define FEW_LOOKS 32 /* of more boxes than that: they take time, as hardly anything is in the cache */
#define PART 8192 /* rules in leaves, that one thread does */

struct marker {
	struct forest *f;
	const struct bf_class_head *head;
	uint32_t nodes;    /* place of the first */
	uint32_t *least;   /* by node: the least order below it */
	const struct bf_class_box *box;
	unsigned looks;
};

static const uint64_t *node_at(const struct marker *m, uint32_t place)
{
	return (const uint64_t *)(const void *)(m->f->out->data + 4ull * place);
}

/* Of the rule in place n of all leaves'. */
static uint32_t *order_of(const struct forest *f, uint32_t n)
{
	size_t at = f->p->ip6 ? offsetof(struct bf_class_rule6, order) : offsetof(struct bf_class_rule4, order);

	return (uint32_t *)(void *)(f->rules.data + 4ull * n * f->rule_words + at);
}

static uint32_t box_of(const struct forest *f, uint32_t n)
{
	return ((const uint32_t *)(const void *)f->numbers.data)[n];
}

static uint32_t first_of(const struct forest *f, uint64_t leaf)
{
	return (uint32_t)leaf / f->rule_words;
}

static uint32_t size_of(uint64_t leaf)
{
	return leaf >> 32 & BF_CLASS_LEAF_MAX;
}

static uint32_t children_of(uint64_t node)
{
	return 1u << (32 - (node >> 40 & 31));
}

static uint32_t *least_of(const struct marker *m, uint64_t node)
{
	return m->least + ((uint32_t)node - m->nodes) / 2;
}

/* Children come behind their parents: so from behind, each child is known before it is asked for. */
static void find_least(const struct marker *m, uint32_t n)
{
	const uint64_t *node = node_at(m, m->nodes);

	for (uint32_t i = n; i-- > 0;) {
		m->least[i] = UINT32_MAX;
		if (i + 1 < n && node[i] == node[i + 1])
			m->least[i] = m->least[i + 1];
		else if (node[i] & BF_CLASS_LEAF)
			m->least[i] = size_of(node[i]) ? *order_of(m->f, first_of(m->f, node[i])) : UINT32_MAX;
		else
			for (uint32_t k = 0; k < children_of(node[i]); k++)
				m->least[i] = BF_MIN(m->least[i], least_of(m, node[i])[k]);
	}
}

/* The children of a node that a box meets. Parts of addresses are the last dimensions, and say more than the whole. */
static struct range window_of(const struct forest *f, uint64_t node, const struct bf_class_box *b)
{
	unsigned word = node >> 48 & (BF_KEY_WORDS - 1), top = 32 - (node >> 32 & 31), bits = 32 - (node >> 40 & 31);

	for (unsigned i = f->n_dims; i-- > 0;) {
		const struct dim *d = &f->dim[i];
		unsigned end = d->shift + d->width;

		if (d->word == word && top <= end && d->shift + bits <= top)
			return window_range(dims_box_range(f, b, i), (struct range){ 0, UINT32_MAX >> (32 - d->width) }, d->width,
			                    end - top, bits);
	}
	return (struct range){ 0, (1u << bits) - 1 };
}

/* Is there a packet that both may match? */
static bool meet(const struct forest *f, const struct bf_class_box *a, const struct bf_class_box *b)
{
	const struct range *x = f->svc + service_number(a->svc) * f->n_columns, *y = f->svc + service_number(b->svc) * f->n_columns;
	unsigned width = f->p->ip6 ? 128 : 32;

	for (unsigned i = 0; i < 2; i++) {
		unsigned len = BF_MIN(a->len[i], b->len[i]);

		if (len && (a->addr[i] ^ b->addr[i]) >> (width - len))
			return false;
	}
	for (unsigned i = 0; i < f->n_columns; i++)
		if (x[i].lo > y[i].hi || y[i].lo > x[i].hi)
			return false;
	return true;
}

static bool meets_leaf(struct marker *m, uint64_t leaf)
{
	uint32_t n = first_of(m->f, leaf), end = n + size_of(leaf);

	for (; n < end && *order_of(m->f, n) < m->box->order; n++) {
		if (!m->looks || meet(m->f, &m->f->p->boxes[box_of(m->f, n)], m->box))
			return true;
		m->looks--;
	}
	return false;
}

/* May some rule below the node come before the box, and take a packet of it? */
static bool meets_earlier(struct marker *m, uint64_t node)
{
	const uint64_t *child;
	struct range w;

	if (node & BF_CLASS_LEAF)
		return meets_leaf(m, node);
	w = window_of(m->f, node, m->box);
	child = node_at(m, (uint32_t)node);
	for (uint32_t k = w.lo; k <= w.hi; k++) {
		if (!m->looks)
			return true;
		m->looks--;
		if (least_of(m, node)[k] < m->box->order && (k == w.lo || child[k] != child[k - 1]) && meets_earlier(m, child[k]))
			return true;
	}
	return false;
}

/* Trees that may hold an earlier one. Of the first nobody asks. */
static uint8_t mark(struct marker *m, const struct bf_class_box *b)
{
	uint8_t trees = 0;

	m->box = b;
	for (uint32_t t = 1; t < m->head->n_trees && m->head->tree[t].first < b->order; t++) {
		m->looks = m->f->p->n_boxes > MANY ? FEW_LOOKS : LOOKS;
		trees |= (uint8_t)(meets_earlier(m, m->head->tree[t].root) << t);
	}
	return trees;
}

#define UNKNOWN 1 /* tree 0 */

struct marking {
	const struct marker *m;
	uint8_t *marks; /* by box */
};

/* As they lie in leaves: neighbours meet the same nodes, which then are in the cache. Who marks a box that two parts have, does not matter. */
static void mark_part(void *arg, uint32_t part, unsigned worker)
{
	const struct marking *k = arg;
	struct marker m = *k->m;
	struct forest *f = m.f;
	uint32_t end = BF_MIN(f->copies, (part + 1) * PART);

	if (!worker && !f->err)
		forest_tell(f);
	for (uint32_t i = part * PART; i < end && !f->told->stop; i++) {
		uint8_t *to = &k->marks[box_of(f, i)];

		if (__atomic_load_n(to, __ATOMIC_RELAXED) == UNKNOWN)
			__atomic_store_n(to, mark(&m, &f->p->boxes[box_of(f, i)]), __ATOMIC_RELAXED);
	}
}

static int mark_all(struct marker *m, uint8_t *marks)
{
	struct marking k = { m, marks };

	memset(marks, UNKNOWN, m->f->p->n_boxes);
	bf_pool_run(m->f->o->pool, (m->f->copies + PART - 1) / PART, mark_part, &k);
	return m->f->err;
}

bool forest_has_room(const struct bf_class_problem *p)
{
	for (uint32_t i = 0; i < p->n_boxes; i++)
		if (p->boxes[i].order & BF_CLASS_MARKS || p->boxes[i].order >= ~BF_CLASS_MARKS)
			return false;
	return true;
}

static void put_marks(struct forest *f, const uint8_t *marks)
{
	for (uint32_t i = 0; i < f->copies; i++)
		*order_of(f, i) |= marks[box_of(f, i)];
}

int forest_mark(struct forest *f, uint32_t head, uint32_t nodes)
{
	struct bf_class_head *h = (struct bf_class_head *)(void *)(f->out->data + 4ull * head);
	uint32_t n = ((uint32_t)(f->out->len / 4) - nodes) / 2;
	struct marker m = { .f = f, .head = h, .nodes = nodes };
	uint8_t *marks = NULL;
	int err = 0;

	h->unmarked = f->o->unmarked || !forest_has_room(f->p) ? ~0u : 0;
	if (f->ref || h->unmarked || h->n_trees < 2)
		return 0;
	forest_tell(f);
	if (f->err)
		return f->err;
	m.least = malloc(4ull * n + 4);
	marks = malloc(f->p->n_boxes);
	err = m.least && marks ? 0 : -ENOMEM;
	if (!err) {
		find_least(&m, n);
		err = mark_all(&m, marks);
	}
	if (!err)
		put_marks(f, marks);
	free(m.least);
	free(marks);
	return err;
}
