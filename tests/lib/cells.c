/* SPDX-License-Identifier: GPL-2.0-only */
/* cells.c: see cells.h and, for what each cell does, rt/abi.h. */
#include "lib/cells.h"

#include "interp/packet.h"
#include "match/match.h"
#include "opt/class.h"
#include "opt/exact.h"
#include "opt/set.h"

enum { STEPS = 1 << 22 };

int cells_init(struct cells *c, const struct bf_graph *g, const struct bf_table *t, uint32_t hz)
{
	uint32_t depth = 1;

	for (uint32_t i = 0; i < g->n_roots; i++)
		depth = BF_MAX(depth, g->roots[i].depth);
	*c = (struct cells){
		.g = g,
		.counters = calloc(t->n_counters + 1, sizeof(*c->counters)),
		.params = calloc(1, g->n_params + 1),
		.stack = calloc(depth, sizeof(*c->stack)),
		.helper = bf_interp_new(t, hz),
	};
	if (!c->counters || !c->params || !c->stack || !c->helper) {
		cells_free(c);
		return -ENOMEM;
	}
	if (g->n_params)
		memcpy(c->params, g->params, g->n_params);
	return 0;
}

void cells_free(struct cells *c)
{
	free(c->counters);
	free(c->params);
	free(c->stack);
	bf_interp_free(c->helper);
}

static void store(uint32_t *words, const struct bf_field *f, bf_u128 v)
{
	unsigned n = (f->bits + 31) / 32;

	if (n == 1)
		words[0] |= (uint32_t)v << f->shift;
	for (unsigned i = 0; n > 1 && i < n; i++)
		words[i] = (uint32_t)(v >> 32 * (n - 1 - i));
}

/* Words that were not announced stay 0, as the programs leave them. */
static void fill_key(struct cells_walk *w)
{
	for (unsigned i = 0; i < BF_FIELDS; i++) {
		const struct bf_field *f = &bf_fields[i];
		bf_u128 v;

		if (f->loader >= 0 || f->fixed || (f->needs & ~w->root->uses.needs) || bf_packet_field(w->p, i, &v) != 1)
			continue;
		store(w->key + f->word, f, v);
	}
	if (w->c->g->link && w->root->uses.structs)
		w->key[BF_KEY_HALF] = w->c->version & 1;
	if (w->c->g->companion.assist_states && !(w->key[BF_KEY_CTSTATE] & w->c->g->companion.assist_states))
		return; /* nobody may look at the answers */
	for (uint32_t i = 0; i < w->c->g->companion.n_assists; i++) {
		const struct bf_assist_spec *s = &w->c->g->companion.assists[i];
		struct bf_assist a = { .revision = s->revision, .size = s->size, .info = s->info };

		memcpy(a.name, s->name, sizeof(a.name));
		if (w->root->uses.assists & 1u << i && w->p->assist && w->p->assist(w->p, &a))
			w->key[BF_KEY_ASSIST] |= 1u << i;
	}
}

/* What the fields of a ruleset's own load is right-aligned in the scratch words. */
static int own_load(struct cells_walk *w, uint32_t loader, uint64_t arg)
{
	bf_u128 v = 0;
	int there = w->root->uses.loaders & 1u << loader ? bf_packet_load(w->p, loader, arg, &v) : -1;

	for (unsigned i = 0; i < 4; i++)
		w->key[BF_KEY_SCRATCH + i] = (uint32_t)(v >> 32 * (3 - i));
	return there < 0 ? -1 : there;
}

int cells_load(struct cells_walk *w, uint32_t loader, uint64_t arg)
{
	for (unsigned i = 0; w->root->uses.loaders & 1u << loader && i < BF_FIELDS; i++) {
		const struct bf_field *f = &bf_fields[i];
		bf_u128 v = 0;
		int there;

		if (f->loader != (int)loader || f->loader_arg != arg || (f->family && f->family != w->p->family))
			continue;
		there = bf_packet_field(w->p, i, &v);
		memset(w->key + BF_KEY_SCRATCH, 0, 16);
		if (there == 1)
			store(w->key + BF_KEY_SCRATCH, f, v);
		return there < 0 ? -1 : there;
	}
	return own_load(w, loader, arg);
}

static bool limit(struct bf_rt_limit *l, uint32_t now)
{
	uint32_t prev = l->state >> 32, credit = (uint32_t)l->state;

	credit += prev ? (now - prev) * l->cpj : 0;
	credit = BF_MIN(credit, l->cap);
	l->state = (uint64_t)now << 32 | (credit >= l->cost ? credit - l->cost : credit);
	return credit >= l->cost;
}

static bool nth(struct bf_rt_nth *n)
{
	n->count = n->count == n->every ? 0 : n->count + 1;
	return (n->count == 0) != n->invert;
}

int cells_special(struct cells_walk *w, uint32_t id, uint64_t offset)
{
	void *p = w->c->params + offset;
	const struct bf_rt_tcpopt *opt = p;
	const struct bf_rt_tcpmss *mss = p;
	const struct bf_rt_random *random = p;
	uint16_t value = 0;
	int there;

	if (!(w->root->uses.specials & 1u << id)) /* what was not announced is not in the program */
		return -1;
	switch (id) {
	case BF_SPECIAL_LIMIT:
		return limit(p, (uint32_t)w->p->jiffies);
	case BF_SPECIAL_NTH:
		return nth(p);
	case BF_SPECIAL_RANDOM: /* rulesets for this walk use only never and always */
		return (random->probability != 0) != random->invert;
	case BF_SPECIAL_TCPOPT:
		there = bf_packet_tcp_option(w->p, opt->kind);
		return there < 0 ? -1 : there != opt->invert;
	case BF_SPECIAL_TCPMSS:
		there = bf_packet_tcp_mss(w->p, &value);
		return there < 0 ? -1 : (there && value >= mss->min && value <= mss->max) != mss->invert;
	}
	return -1;
}

/* Filters up to one that does not go on. */
static uint32_t code(struct cells_walk *w, const struct bf_cell *c)
{
	const struct bf_graph *g = w->c->g;
	uint32_t i = c->lo;
	bool hotdrop = false;

	while (g->steps[i] != BF_STEP_END &&
	       bf_match_bytecode.eval(w->c->helper, w->p, g->codes[g->steps[i] >> 1].filter, &hotdrop) == (g->steps[i] & 1))
		i++;
	w->out->lost |= i - c->lo > c->span;
	return (uint32_t)c->arg + (i - c->lo);
}

static void count(struct cells_walk *w, uint64_t counter)
{
	w->c->counters[counter].packets++;
	w->c->counters[counter].bytes += w->p->len;
}

/* Programs are specialised: they look at one tree where there was no more, and at so many tests. What deltas ask is no matter. */
static bool is_seen(const struct cells_walk *w, uint64_t head, const struct bf_class_found *found)
{
	const struct bf_class_head *h = (const void *)(w->c->g->class + head);
	const struct bf_uses *u = &w->root->uses;

	return h->n_trees <= BF_MAX(u->trees, 1u) && (!found || h->next[w->c->version & 1] || found->tests <= u->tests);
}

static uint32_t class(struct cells_walk *w, const struct bf_cell *c)
{
	const struct bf_graph *g = w->c->g;
	uint32_t floor = c->word ? w->key[BF_KEY_ORDER] + 1 : c->lo;
	struct bf_class_found found;

	w->out->lost |= !(w->root->uses.structs & 1u << g->class[c->arg]);
	if (!bf_class_find_at(g->class, g->n_class, (uint32_t)c->arg, w->c->version, w->p->family == NFPROTO_IPV6, w->key, floor,
	                      &found)) {
		w->out->lost |= !is_seen(w, c->arg, NULL);
		return c->miss;
	}
	w->out->lost |= !is_seen(w, c->arg, &found);
	w->key[BF_KEY_ORDER] = found.order;
	w->key[BF_KEY_SLOT] = found.slot;
	if (found.counted)
		count(w, found.slot);
	return found.target;
}

int cells_set(struct cells_walk *w, uint32_t word, uint64_t head)
{
	const struct bf_set_head *h = (const void *)(w->c->g->class + head);

	if (head >= w->c->g->n_class || !(w->root->uses.structs & BF_SET_STRUCT(h->kind))) {
		w->out->lost = true;
		return -1;
	}
	return bf_set_find(w->c->g->class, w->c->g->n_class, (uint32_t)head, &w->key[word]);
}

static uint64_t shifted(uint32_t v, uint64_t by)
{
	return (uint64_t)v >> (by & 31) << (by >> BF_CMP_LEFT & 31);
}

static void put(struct cells_walk *w, const struct bf_cell *c)
{
	uint32_t v = (uint32_t)shifted(w->key[c->word] & c->mask, c->arg) ^ c->span;

	if (c->lo >= BF_OUT_WORDS) {
		w->out->lost = true;
		return;
	}
	w->out->out[c->lo] = v;
	if (c->lo != BF_OUT_TEMP)
		w->out->out[BF_OUT_SET] |= 1u << c->lo;
	if (c->lo == BF_OUT_MARK)
		w->key[BF_KEY_MARK] = v;
}

static bool cmp(const struct cells_walk *w, const struct bf_cell *c)
{
	uint32_t other = c->other == BF_CMP_TEMP ? w->out->out[BF_OUT_TEMP] : w->key[c->other];
	int64_t a = (int64_t)shifted(w->key[c->word] & c->mask, c->span);
	int64_t b = (int64_t)shifted(other & c->lo, c->span >> BF_CMP_B) + (int64_t)c->arg;

	return c->span & BF_CMP_LESS ? a < b : a == b;
}

int cells_find(struct cells_walk *w, bool ip6, uint32_t head, uint32_t data, uint32_t words)
{
	const struct bf_graph *g = w->c->g;
	struct bf_class_found found = { 0 };

	if (head && !(w->root->uses.structs & 1u << g->class[head]))
		return -1;
	if (head && !is_seen(w, head, NULL))
		return -1;
	if (head && !bf_class_find(g->class, g->n_class, head, ip6, w->key, 0, &found))
		return 0;
	for (uint32_t i = 0; i < words; i++)
		w->key[BF_KEY_SCRATCH + i] = g->class[data + found.slot * words + i];
	return 1;
}

/* The key, cut to the lengths of an element, is that. */
static bool lies_in(const struct bf_rt_live *p, const uint32_t *key, const uint32_t *element)
{
	uint32_t lens = element[p->words - 1];

	if (lens & ~key[p->words - 1])
		return false; /* where lengths are told */
	for (unsigned i = 0; i + 1 < p->words; i++) {
		unsigned len = lens >> 8 * (p->word[i].cut & 15) & 255, before = 32 * (p->word[i].cut >> 4);
		unsigned n = len <= before ? 0 : BF_MIN(len - before, 32u);

		if (n && (key[i] ^ element[i]) >> (32 - n))
			return false;
	}
	return true;
}

static int look_exact(struct cells_walk *w, const struct bf_rt_live *p, const uint32_t *gathered)
{
	uint32_t n_words = w->c->g->n_class, key[BF_LIVE_KEY_LONG] = { 0 }, at;
	const uint32_t *class = w->c->g->class;
	const struct bf_exact_head *h = bf_exact_head(class, n_words, p->set);

	memcpy(key, gathered, p->words * sizeof(*key));
	if (!h || !(w->root->uses.structs & (p->words <= BF_LIVE_KEY ? BF_EXACT_SHORT : BF_EXACT_LONG)))
		return -1;
	at = bf_exact_find(class, n_words, p->set, key, 0);
	if (at && h->data)
		memcpy(w->key + BF_KEY_SCRATCH, class + at, 16);
	return at != 0;
}

int cells_live(struct cells_walk *w, uint32_t verb, uint64_t offset)
{
	const struct bf_rt_live *p = (const void *)(w->c->params + offset);
	uint32_t first = p->words <= BF_LIVE_KEY ? 0 : w->c->g->n_short, key[BF_LIVE_KEY_LONG];
	const struct bf_map_spec *m;

	for (unsigned i = 0; i < p->words; i++) /* the word of lengths: what of it counts */
		key[i] = (w->key[p->word[i].word] >> p->word[i].shift & p->word[i].mask) |
		         (w->kept[p->word[i].kept] & p->word[i].kept_mask) | p->word[i].constant;
	if (verb == BF_LIVE_EXACT)
		return look_exact(w, p, key);
	m = &w->c->g->lives[first + p->set];
	if (p->parts && !(w->root->uses.structs & BF_LIVE_CUTS))
		return -1;
	if (verb != BF_LIVE_LOOK || !(w->root->uses.structs & (p->words <= BF_LIVE_KEY ? BF_LIVE_SHORT : BF_LIVE_LONG)))
		return -1;
	for (const char *e = m->init; e < (const char *)m->init + m->init_len; e += m->key_size + m->value_size) {
		if (p->parts ? !lies_in(p, key, (const void *)e) : memcmp(e, key, p->words * sizeof(uint32_t)))
			continue;
		memcpy(w->key + BF_KEY_SCRATCH, e + m->key_size + offsetof(struct bf_rt_elem, data), 16);
		return 1;
	}
	return 0;
}

static uint32_t branch(struct cells_walk *w, const struct bf_cell *c)
{
	uint32_t v = w->key[c->word] & c->mask;
	uint64_t place = c->arg + 2 * (uint64_t)(v * c->lo >> c->span);

	if (place + 1 >= w->c->g->n_class) {
		w->out->lost = true;
		return UINT32_MAX;
	}
	return w->c->g->class[place] == v ? w->c->g->class[place + 1] : c->miss;
}

/* The next cell, or UINT32_MAX when the walk is over. */
static uint32_t step(struct cells_walk *w, const struct bf_cell *c)
{
	const struct bf_uses *uses = &w->root->uses;
	int answer = 1;

	/* What was not announced is not in the program. */
	if (!(uses->ops & 1u << c->op)) {
		w->out->lost = true;
		return UINT32_MAX;
	}
	switch (c->op) {
	case BF_CELL_TEST:
		return (w->key[c->word] & c->mask) - c->lo <= c->span ? c->hit : c->miss;
	case BF_CELL_BRANCH:
		return branch(w, c);
	case BF_CELL_CHANCE: /* rulesets for this walk use only never and always */
		w->key[BF_KEY_SCRATCH] = w->c->g->n_cells;
		return (w->key[BF_KEY_SCRATCH] & c->mask) - c->lo <= c->span ? c->hit : c->miss;
	case BF_CELL_COUNT:
		count(w, c->word ? w->key[BF_KEY_SLOT] : c->arg);
		return c->hit;
	case BF_CELL_CLASS:
		return class(w, c);
	case BF_CELL_VERDICT:
		w->out->verdict = c->lo;
		return UINT32_MAX;
	case BF_CELL_CALL:
		if (w->depth == w->root->depth) {
			w->out->lost = true;
			return UINT32_MAX;
		}
		w->c->stack[w->depth++] = c->miss;
		return c->hit;
	case BF_CELL_RET:
		w->out->lost |= w->depth == 0;
		return w->depth ? w->c->stack[--w->depth] : UINT32_MAX;
	case BF_CELL_LOAD:
		answer = cells_load(w, c->lo, c->arg);
		break;
	case BF_CELL_MATCH:
		answer = cells_special(w, c->lo, c->arg);
		break;
	case BF_CELL_CODE:
		return code(w, c);
	case BF_CELL_SET:
		answer = cells_set(w, c->word, c->arg);
		break;
	case BF_CELL_FIND:
		answer = cells_find(w, c->word, (uint32_t)c->arg, c->lo, c->span);
		break;
	case BF_CELL_KEEP:
		w->kept[c->lo] = w->key[c->word] >> c->span & c->mask;
		break;
	case BF_CELL_LIVE:
		answer = cells_live(w, c->lo, c->arg);
		break;
	case BF_CELL_SWITCH:
		w->out->lost |= w->key[BF_KEY_SCRATCH] >= c->lo;
		return w->out->lost ? UINT32_MAX : w->c->g->class[c->arg + w->key[BF_KEY_SCRATCH]];
	case BF_CELL_HANDOFF:
		if (w->out->n_codes < BF_HANDOFF_MAX)
			w->out->codes[w->out->n_codes] = c->lo;
		w->out->n_codes++;
		break;
	case BF_CELL_PUT:
		put(w, c);
		break;
	case BF_CELL_CMP:
		answer = cmp(w, c);
		break;
	}
	if (answer < 0)
		w->out->verdict = BF_DROP;
	return answer < 0 ? UINT32_MAX : answer ? c->hit : c->miss;
}

const struct bf_graph_root *cells_root(const struct bf_graph *g, const struct bf_packet *p)
{
	for (uint32_t i = 0; i < g->n_roots; i++)
		if (g->roots[i].chain->at.hook == p->hook &&
		    (g->roots[i].family == NFPROTO_NETDEV || g->roots[i].family == p->family))
			return &g->roots[i];
	return NULL;
}

static uint32_t start_of(const struct bf_graph_root *r, const struct bf_packet *p)
{
	if (r->family != NFPROTO_NETDEV || p->family == NFPROTO_IPV4)
		return r->start;
	return p->family == NFPROTO_IPV6 ? r->start_ip6 : r->start_other;
}

void cells_begin(struct cells_walk *w, struct cells *c, const struct bf_packet *p, struct cells_outcome *out)
{
	*w = (struct cells_walk){ .c = c, .p = p, .root = cells_root(c->g, p), .out = out };
	memset(out, 0, sizeof(*out));
	out->verdict = BF_ACCEPT;
	if (w->root)
		fill_key(w);
}

void cells_run(struct cells *c, const struct bf_packet *p, struct cells_outcome *out)
{
	struct cells_walk w;
	uint32_t at, steps = 0;

	cells_begin(&w, c, p, out);
	if (!w.root)
		return;
	for (at = start_of(w.root, p); at != UINT32_MAX; at = step(&w, &c->g->cells[at])) {
		if (at >= c->g->n_cells || steps++ == STEPS) {
			out->lost = true;
			return;
		}
	}
}
