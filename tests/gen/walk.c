/* SPDX-License-Identifier: GPL-2.0-only */
/* walk.c: see walk.h. */
#include "gen/walk.h"

#include <stdio.h>

#include "interp/packet.h"

enum { MAX_STEPS = 1 << 20, MAX_DEPTH = 4096 };

bool walk_init(struct walk *w, const struct bf_graph *g, const struct bf_table *t)
{
	*w = (struct walk){ .graph = g, .family = t->family, .n_counters = t->n_counters };
	w->counters = calloc(t->n_counters + 1, sizeof(*w->counters));
	w->params = malloc(g->n_params + 1);
	if (!w->counters || !w->params)
		return false;
	if (g->n_params)
		memcpy(w->params, g->params, g->n_params);
	return true;
}

void walk_free(struct walk *w)
{
	free(w->counters);
	free(w->params);
}

/* Puts v where the field lies, first bits first. */
static void deposit(uint32_t *key, const struct bf_field *f, bf_u128 v)
{
	unsigned n = (f->bits + 31) / 32;

	if (n == 1)
		key[f->word] |= (uint32_t)v << f->shift;
	else
		for (unsigned i = 0; i < n; i++)
			key[f->word + i] = v >> (32 * (n - 1 - i));
}

void walk_start(struct walk *w, const struct bf_packet *p)
{
	bf_u128 v;

	w->packet = p;
	w->n_codes = 0;
	w->steps = 0;
	memset(w->key, 0, sizeof(w->key));
	for (int f = 0; f < BF_FIELDS; f++) {
		const struct bf_field *field = &bf_fields[f];

		/* th fragment and ip frag are one bit of the key, so are others: or-ing twice does no harm */
		if (field->loader < 0 && (!field->family || field->family == w->family) && bf_packet_field(p, f, &v) == 1)
			deposit(w->key, field, v);
	}
	for (uint32_t i = 0; i < w->graph->companion.n_assists; i++) {
		const struct bf_assist_spec *s = &w->graph->companion.assists[i];
		struct bf_assist a = { .revision = s->revision, .size = s->size, .info = s->info };

		memcpy(a.name, s->name, sizeof(a.name));
		if (p->assist && p->assist(p, &a))
			w->key[BF_KEY_ASSIST] |= 1u << i;
	}
}

int walk_load(struct walk *w, uint32_t loader, uint64_t arg)
{
	for (int f = 0; f < BF_FIELDS; f++) {
		const struct bf_field *field = &bf_fields[f];
		bf_u128 v;
		int there;

		if (field->loader != (int)loader || field->loader_arg != arg || (field->family && field->family != w->family))
			continue;
		there = bf_packet_field(w->packet, f, &v);
		memset(&w->key[BF_KEY_SCRATCH], 0xaa, 16); /* what is not loaded is garbage */
		if (there == 1) {
			w->key[BF_KEY_SCRATCH] = 0;
			deposit(w->key, field, v);
		}
		return there < 0 ? BF_HOTDROP : there;
	}
	fprintf(stderr, "load of an unknown loader %u\n", loader);
	return BF_HOTDROP;
}

static int limit(struct walk *w, struct bf_rt_limit *p)
{
	uint32_t now = w->packet->jiffies, prev = p->state >> 32, credit = p->state;

	if (!prev)
		prev = now;
	credit += (now - prev) * p->cpj;
	if (credit > p->cap)
		credit = p->cap;
	p->state = (uint64_t)now << 32 | credit;
	if (credit < p->cost)
		return BF_MISS;
	p->state -= p->cost;
	return BF_HIT;
}

static int tcp_option(struct walk *w, const struct bf_rt_tcpopt *p)
{
	int there = bf_packet_tcp_option(w->packet, p->kind);

	return there < 0 ? BF_HOTDROP : there != p->invert;
}

static int tcp_mss(struct walk *w, const struct bf_rt_tcpmss *p)
{
	uint16_t mss;
	int there = bf_packet_tcp_mss(w->packet, &mss);

	if (there < 0)
		return BF_HOTDROP;
	return (there && mss >= p->min && mss <= p->max) != p->invert;
}

static int nth(struct bf_rt_nth *p)
{
	bool hit = p->count == p->every;

	p->count = hit ? 0 : p->count + 1;
	return hit != p->invert;
}

int walk_special(struct walk *w, uint32_t id, uint64_t offset)
{
	void *p = w->params + offset;
	const struct bf_rt_random *r = p;

	if (offset >= w->graph->n_params || offset % 8) {
		fprintf(stderr, "parameters at %llu of %u\n", (unsigned long long)offset, w->graph->n_params);
		return BF_HOTDROP;
	}
	switch (id) {
	case BF_SPECIAL_LIMIT:
		return limit(w, p);
	case BF_SPECIAL_RANDOM:
		return ((w->random(w->random_ctx) & 0x7fffffff) < r->probability) != r->invert;
	case BF_SPECIAL_NTH:
		return nth(p);
	case BF_SPECIAL_TCPOPT:
		return tcp_option(w, p);
	case BF_SPECIAL_TCPMSS:
		return tcp_mss(w, p);
	}
	fprintf(stderr, "unknown special match %u\n", id);
	return BF_HOTDROP;
}

static int code(struct walk *w, uint32_t id)
{
	bool hotdrop = false;

	return bf_match_bytecode.eval(NULL, w->packet, w->graph->codes[id], &hotdrop);
}

/* The next cell, or -2 - verdict; -1: broken. */
static int64_t step(struct walk *w, const struct bf_cell *c, uint32_t *stack, uint32_t *depth)
{
	int answer = BF_HIT;

	switch (c->op) {
	case BF_CELL_TEST:
		answer = (w->key[c->word] & c->mask) - c->lo <= c->span;
		break;
	case BF_CELL_COUNT:
		if (c->arg >= w->n_counters)
			return -1;
		w->counters[c->arg].packets++;
		w->counters[c->arg].bytes += w->packet->len;
		break;
	case BF_CELL_VERDICT:
		return -2 - (int64_t)c->lo;
	case BF_CELL_CALL:
		if (*depth == MAX_DEPTH)
			return -1;
		stack[(*depth)++] = c->miss;
		w->deepest = BF_MAX(w->deepest, *depth);
		break;
	case BF_CELL_RET:
		return *depth ? (int64_t)stack[--*depth] : -1;
	case BF_CELL_LOAD:
		answer = walk_load(w, c->lo, c->arg);
		break;
	case BF_CELL_MATCH:
		answer = walk_special(w, c->lo, c->arg);
		break;
	case BF_CELL_CODE:
		answer = code(w, c->lo);
		break;
	case BF_CELL_HANDOFF:
		if (w->n_codes < BF_HANDOFF_MAX)
			w->codes[w->n_codes++] = c->lo;
		break;
	default:
		return -1;
	}
	if (answer == BF_HOTDROP)
		return -2 - (int64_t)BF_DROP;
	return answer ? c->hit : c->miss;
}

int walk_cells(struct walk *w, const struct bf_graph_root *r, const struct bf_packet *p)
{
	uint32_t stack[MAX_DEPTH], depth = 0;
	int64_t at = r->start;

	walk_start(w, p);
	while (at >= 0 && at < w->graph->n_cells && w->steps++ < MAX_STEPS)
		at = step(w, &w->graph->cells[at], stack, &depth);
	if (at < -1)
		return -2 - at;
	fprintf(stderr, "the graph is broken at %lld of %u cells, depth %u\n", (long long)at, w->graph->n_cells, depth);
	return -1;
}
