/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lower.c: the builder of cells: labels, the primitives of lower.h, parameters,
 * hand-off codes, assists, bytecode; see build.h for how labels work.
 */
#include "base/func.h"
#include "gen/build.h"

#include <linux/filter.h>

enum { MAX_CELLS = 1 << 26, MAX_ASSISTS = 32, MAX_CODES = 0xffff, PROGRESS_STEPS = 256 };

void bf_lower_error(struct bf_lower *l, int err)
{
	if (!l->err)
		l->err = err;
}

void bf_lower_progress(struct bf_lower *l, uint64_t more, double ahead)
{
	uint64_t done;

	l->rules_done += more;
	done = BF_MIN(l->rules_done + (uint64_t)ahead, l->rules);
	if (l->err || done < l->rules_told + l->rules / PROGRESS_STEPS)
		return;
	l->rules_told = done;
	if (bf_progress_tell(l->progress, "compiling", done, l->rules))
		bf_lower_error(l, -ECANCELED);
}

/* Labels. */

bf_label bf_lower_labels(struct bf_lower *l, uint32_t n)
{
	bf_label first = l->n_labels;

	if (n >= (1u << 29) - l->n_labels)
		return bf_lower_error(l, -E2BIG), 0;
	while (l->cap_labels - l->n_labels < n)
		if (bf_grow(&l->labels, l->cap_labels, &l->cap_labels, sizeof(*l->labels)) < 0)
			return bf_lower_error(l, -ENOMEM), 0;
	memset(&l->labels[first], 0, n * sizeof(*l->labels));
	l->n_labels += n;
	return first;
}

bf_label bf_lower_label(struct bf_lower *l)
{
	return bf_lower_labels(l, 1);
}

/* The label that stands for all names of this one. */
bf_label bf_lower_find(struct bf_lower *l, bf_label label)
{
	struct bf_label_slot *s = l->labels;

	if (label >= l->n_labels) /* only after an error */
		return BF_NO_LABEL;
	while (s[label].kind == BF_LABEL_ALIAS) {
		if (s[s[label].to].kind == BF_LABEL_ALIAS)
			s[label].to = s[s[label].to].to;
		label = s[label].to;
	}
	return label;
}

bool bf_lower_used(struct bf_lower *l, bf_label label)
{
	label = bf_lower_find(l, label);
	return label != BF_NO_LABEL && l->labels[label].used;
}

void bf_lower_use(struct bf_lower *l, bf_label label)
{
	label = bf_lower_find(l, label);
	if (label != BF_NO_LABEL)
		l->labels[label].used = true;
}

/* Makes the unbound `from` another name of `to`; both are nobody's other names. */
static void alias(struct bf_lower *l, bf_label from, bf_label to)
{
	l->labels[to].used |= l->labels[from].used;
	l->labels[from].kind = BF_LABEL_ALIAS;
	l->labels[from].to = to;
}

void bf_lower_bind(struct bf_lower *l, bf_label label)
{
	label = bf_lower_find(l, label);
	if (l->err || label == l->here)
		return;
	if (l->labels[label].kind != BF_LABEL_UNBOUND)
		bf_lower_error(l, -EINVAL);
	else if (l->here != BF_NO_LABEL)
		alias(l, label, l->here);
	else if (l->labels[label].used) /* else nothing leads here */
		l->here = label;
}

void bf_lower_goto(struct bf_lower *l, bf_label to)
{
	to = bf_lower_find(l, to);
	if (l->err || l->here == BF_NO_LABEL)
		return;
	if (to == l->here)
		bf_lower_error(l, -ELOOP);
	else
		alias(l, l->here, to);
	l->here = BF_NO_LABEL;
}

/* Cells. */

struct bf_uses *bf_lower_uses(struct bf_lower *l)
{
	return &l->insts[l->inst].uses;
}

uint32_t bf_lower_add_cell(struct bf_lower *l, const struct bf_cell *c)
{
	if (l->err || l->n_cells == MAX_CELLS)
		return bf_lower_error(l, -E2BIG), 0;
	if (bf_grow(&l->cells, l->n_cells, &l->cap_cells, sizeof(*l->cells)) < 0)
		return bf_lower_error(l, -ENOMEM), 0;
	l->cells[l->n_cells] = *c;
	return l->n_cells++;
}

/* A new cell here, or a place to scribble when nothing leads here. */
struct bf_cell *bf_lower_cell(struct bf_lower *l, enum bf_cell_op op, bf_label hit, bf_label miss)
{
	static struct bf_cell nowhere;
	struct bf_cell *c;

	if (l->err || l->here == BF_NO_LABEL)
		return &nowhere;
	if (l->n_cells == MAX_CELLS)
		return bf_lower_error(l, -E2BIG), &nowhere;
	if (bf_grow(&l->cells, l->n_cells, &l->cap_cells, sizeof(*l->cells)) < 0)
		return bf_lower_error(l, -ENOMEM), &nowhere;
	l->labels[l->here].kind = BF_LABEL_CELL;
	l->labels[l->here].to = l->cell_base + l->n_cells;
	l->here = BF_NO_LABEL;
	if (hit != BF_NO_LABEL)
		bf_lower_use(l, hit);
	if (miss != BF_NO_LABEL)
		bf_lower_use(l, miss);
	if (l->inst < l->n_insts) /* else one of the shared cells */
		bf_lower_uses(l)->ops |= 1u << op;
	c = &l->cells[l->n_cells++];
	*c = (struct bf_cell){ .op = op, .hit = hit, .miss = miss };
	return c;
}

void bf_lower_drop(struct bf_lower *l, bf_label at)
{
	bf_label here = l->here;

	l->here = BF_NO_LABEL;
	bf_lower_bind(l, at);
	bf_lower_goto(l, l->drop);
	l->here = here;
}

void bf_lower_test(struct bf_lower *l, uint8_t word, uint32_t mask, uint32_t lo, uint32_t hi, bf_label hit,
                   bf_label miss)
{
	struct bf_cell *c;

	hi = BF_MIN(hi, mask);
	if (lo > hi)
		return bf_lower_goto(l, miss);
	if (lo == 0 && hi == mask) /* a whole mask of 0, too */
		return bf_lower_goto(l, hit);
	c = bf_lower_cell(l, BF_CELL_TEST, hit, miss);
	c->word = word;
	c->mask = mask;
	c->lo = lo;
	c->span = hi - lo;
}

void bf_lower_count(struct bf_lower *l, uint32_t counter, bf_label next)
{
	bf_lower_cell(l, BF_CELL_COUNT, next, BF_NO_LABEL)->arg = counter;
}

void bf_lower_count_here(struct bf_lower *l, uint32_t counter, bool found)
{
	bf_label next = bf_lower_label(l);
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_COUNT, next, BF_NO_LABEL);

	c->word = found;
	c->arg = found ? 0 : counter;
	bf_lower_bind(l, next);
}

/* Things that are numbered by what they contain. */

typedef bool same_fn(const void *a, const void *b);

/* The number of `thing` in the array `list`; appended when it is new. tag keeps the kinds apart in the one hash. */
static uint32_t number_of(struct bf_lower *l, struct bf_buf *list, uint32_t *n, const void *thing, size_t size,
                          uint64_t hash, uint64_t tag, same_fn *same)
{
	uint64_t key = bf_hash64(hash ^ tag << 56);
	uint32_t id;

	for (; (id = bf_idmap_get(&l->content_ids, key)) != BF_IDMAP_NONE; key++) /* the next key after a collision */
		if (id >> 30 == tag && same(list->data + (id & 0x3fffffff) * size, thing))
			return id & 0x3fffffff;
	bf_buf_add(list, thing, size);
	if (list->err || bf_idmap_put(&l->content_ids, key, (uint32_t)tag << 30 | *n) < 0)
		bf_lower_error(l, -ENOMEM);
	return (*n)++;
}

static uint64_t hash_bytes(const void *p, size_t n, uint64_t h)
{
	for (const uint8_t *b = p; n--; b++)
		h = (h ^ *b) * 0x100000001b3;
	return h;
}

static bool same_assist(const void *a, const void *b)
{
	const struct bf_assist_spec *x = a, *y = b;

	return x->kind == y->kind && x->what == y->what && x->flags == y->flags && !strcmp(x->name, y->name) &&
	       x->revision == y->revision && x->size == y->size && (!x->size || !memcmp(x->info, y->info, x->size));
}

/* The number of the answer; what is asked for it is asked once. */
static uint32_t ask(struct bf_lower *l, const struct bf_assist_spec *s, uint64_t hash)
{
	uint32_t n = number_of(l, &l->assists, &l->n_assists, s, sizeof(*s), hash, 2, same_assist);

	if (n >= MAX_ASSISTS) {
		if (!l->err)
			bf_diag_error(l->diag, -E2BIG, "more than %d different %s matches in one table", MAX_ASSISTS, s->name);
		return bf_lower_error(l, -E2BIG), 0;
	}
	bf_lower_uses(l)->assists |= 1u << n;
	bf_lower_need(l, BF_NEED_ASSIST);
	return n;
}

void bf_lower_assist(struct bf_lower *l, const struct bf_assist *a, bf_label hit, bf_label miss)
{
	struct bf_assist_spec s = { .revision = a->revision, .size = a->size, .info = a->info };
	uint32_t n;

	memcpy(s.name, a->name, sizeof(s.name));
	n = ask(l, &s, hash_bytes(a->info, a->size, a->size));
	bf_lower_test(l, BF_KEY_ASSIST, 1u << n, 1u << n, 1u << n, hit, miss);
}

/* An answer with a value: its number and place, for the program. arg: BF_ASSIST_ARG */
static uint64_t value_of(struct bf_lower *l, uint64_t arg)
{
	static const char *const names[] = { [BF_ASSIST_FIB] = "fib", [BF_ASSIST_SOCKET] = "socket", [BF_ASSIST_META] = "meta",
		                                 [BF_ASSIST_RT] = "rt", [BF_ASSIST_CT] = "ct" };
	struct bf_assist_spec s = { .kind = (uint8_t)arg, .what = (uint8_t)(arg >> 8), .flags = (uint8_t)(arg >> 16),
	                            .at = l->n_values, .words = (uint8_t)(arg >> 32), .text = arg >> 40 & 1 };
	uint32_t n, before = l->n_assists;

	strcpy(s.name, names[s.kind]);
	n = ask(l, &s, arg);
	if (l->err)
		return 0;
	if (l->n_assists > before)
		l->n_values += s.words;
	if (l->n_values > BF_ANSWER_WORDS) {
		bf_diag_error(l->diag, -E2BIG, "more different values that the kernel is asked for (fib, socket, ...) than fit in %d words", BF_ANSWER_WORDS);
		return bf_lower_error(l, -E2BIG), 0;
	}
	return BF_ANSWER_AT(n, ((struct bf_assist_spec *)(void *)l->assists.data)[n].at + s.words - 1);
}

void bf_lower_load(struct bf_lower *l, enum bf_loader loader, uint64_t arg, bf_label hit, bf_label miss)
{
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_LOAD, hit, miss);

	bf_lower_uses(l)->loaders |= 1u << loader;
	c->lo = loader;
	c->arg = loader == BF_LOAD_ANSWER ? value_of(l, arg) : arg;
}

/* Parameters of the condition being lowered: its copies in other hooks and chains share them, their state included. */
uint32_t bf_lower_param(struct bf_lower *l, const void *params, size_t size)
{
	uint64_t key = (uintptr_t)l->cond + l->nth_param++;
	struct bf_buf *to = l->cell_base ? &l->slots : &l->params; /* a change in place: its state outlives the next one */
	uint32_t offset = bf_idmap_get(&l->param_ids, key);
	void *p;

	if (offset != BF_IDMAP_NONE)
		return offset;
	offset = l->slot_at + (uint32_t)to->len - l->slot_from;
	p = bf_buf_reserve(to, BF_ALIGN(size, 16));
	if (!p || bf_idmap_put(&l->param_ids, key, offset) < 0)
		return bf_lower_error(l, -ENOMEM), 0;
	memcpy(p, params, size);
	return offset;
}

void bf_lower_special(struct bf_lower *l, enum bf_special id, const void *params, size_t size, bf_label hit,
                      bf_label miss)
{
	uint32_t offset = bf_lower_param(l, params, size);
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_MATCH, hit, miss);

	bf_lower_uses(l)->specials |= 1u << id;
	c->lo = id;
	c->arg = offset;
}

static bool same_bytecode(const void *a, const void *b)
{
	const struct bf_bytecode *x = ((const struct bf_code *)a)->filter, *y = ((const struct bf_code *)b)->filter;

	return x && y && x->len == y->len && x->frame == y->frame && !memcmp(x->insns, y->insns, x->len * sizeof(*x->insns));
}

void bf_lower_bytecode(struct bf_lower *l, const struct bf_bytecode *b, bf_label hit, bf_label miss)
{
	uint64_t hash = hash_bytes(b->insns, b->len * sizeof(*b->insns), b->len);
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_CODE, hit, miss);
	const struct bf_code code = { .filter = b };

	bf_lower_uses(l)->ops |= 1u << BF_CELL_TEST; /* steps.c */
	c->lo = number_of(l, &l->codes, &l->n_codes, &code, sizeof(code), hash, 1, same_bytecode);
}

static bool same_program(const void *a, const void *b)
{
	const struct bf_code *x = a, *y = b;

	return x->program && y->program && x->family == y->family && !strcmp(x->program->funcs->name, y->program->funcs->name);
}

void bf_lower_program(struct bf_lower *l, const struct bf_program *p, bf_label hit, bf_label miss)
{
	const struct bf_code code = { .program = p, .family = bf_lower_family(l) };
	uint64_t hash = hash_bytes(p->funcs->name, strlen(p->funcs->name), code.family);
	struct bf_cell *c = bf_lower_cell(l, BF_CELL_CODE, hit, miss);

	bf_lower_uses(l)->ops |= 1u << BF_CELL_TEST; /* steps.c */
	c->lo = number_of(l, &l->codes, &l->n_codes, &code, sizeof(code), hash, 1, same_program);
	bf_lower_users(l, p);
}

static bool same_handoff(const void *a, const void *b)
{
	return !memcmp(a, b, sizeof(struct bf_handoff_spec));
}

static uint32_t handoff_code(struct bf_lower *l, const struct bf_handoff_spec *s)
{
	uint32_t n = number_of(l, &l->handoffs, &l->n_handoffs, s, sizeof(*s), hash_bytes(s, sizeof(*s), 0), 3, same_handoff);

	if (n >= MAX_CODES) {
		if (!l->err)
			bf_diag_error(l->diag, -E2BIG, "more than %d different targets in one table", MAX_CODES);
		bf_lower_error(l, -E2BIG);
	}
	return n;
}

uint32_t bf_lower_drop_code(struct bf_lower *l)
{
	static const struct bf_handoff_spec drop = { .kind = BF_HANDOFF_DROP, .terminal = true };

	return handoff_code(l, &drop);
}

void bf_lower_know_codes(struct bf_lower *l, const struct bf_handoff_spec *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		handoff_code(l, &s[i]);
}

void bf_lower_handoff(struct bf_lower *l, const struct bf_action *a, bf_label next)
{
	struct bf_handoff_spec s;
	struct bf_cell *c;
	int err;

	memset(&s, 0, sizeof(s)); /* the padding too: compared as bytes */
	err = a->target->handoff ? a->target->handoff(a->data, l->family, &s) : -EOPNOTSUPP;
	if (err < 0) {
		if (!l->err)
			bf_diag_error(l->diag, err, "target %s cannot be handed to the kernel", a->target->name);
		return bf_lower_error(l, err);
	}
	s.terminal = a->target->terminal;
	c = bf_lower_cell(l, BF_CELL_HANDOFF, next, BF_NO_LABEL);
	c->lo = handoff_code(l, &s);
	c->arg = s.terminal;
}

/* What matches ask. */

void bf_lower_need(struct bf_lower *l, uint32_t needs)
{
	bf_lower_uses(l)->needs |= needs;
}

uint32_t bf_lower_hz(const struct bf_lower *l)
{
	return l->hz;
}

enum bf_where bf_lower_where(const struct bf_lower *l)
{
	return l->where;
}

uint8_t bf_lower_family(const struct bf_lower *l)
{
	return l->family;
}

/* The end. */

bf_label bf_lower_at(struct bf_lower *l, uint32_t cell)
{
	bf_label label = bf_lower_label(l);

	if (!l->err)
		l->labels[label] = (struct bf_label_slot){ .kind = BF_LABEL_CELL, .used = true, .to = cell };
	return label;
}

uint32_t bf_lower_try_cell(struct bf_lower *l, bf_label label)
{
	label = bf_lower_find(l, label);
	return label == BF_NO_LABEL || l->labels[label].kind != BF_LABEL_CELL ? BF_NO_CELL : l->labels[label].to;
}

uint32_t bf_lower_cell_of(struct bf_lower *l, bf_label label)
{
	if (label == BF_NO_LABEL)
		return 0;
	label = bf_lower_find(l, label);
	if (label == BF_NO_LABEL || l->labels[label].kind != BF_LABEL_CELL)
		return bf_lower_error(l, -EINVAL), 0; /* somebody forgot to bind it */
	return l->labels[label].to;
}

void *bf_lower_keep(struct bf_lower *l, const void *p, size_t size)
{
	void *copy = l->err ? NULL : bf_arena_memdup(l->arena, p, size);

	if (!copy)
		bf_lower_error(l, -ENOMEM);
	return copy;
}

/* The image outlives the ruleset: what its matches say to the kernel comes along. */
static void take_assists(struct bf_lower *l)
{
	struct bf_assist_spec *a = bf_lower_keep(l, l->assists.data, l->assists.len);

	for (uint32_t i = 0; i < l->n_assists && !l->err; i++)
		if (a[i].size)
			a[i].info = bf_lower_keep(l, a[i].info, a[i].size);
	l->g->companion.n_assists = l->n_assists;
	l->g->companion.assists = a;
}

static void add_shared(struct bf_lower *l, bf_label which, enum bf_cell_op op, uint32_t lo)
{
	if (!bf_lower_used(l, which))
		return;
	l->here = BF_NO_LABEL;
	bf_lower_bind(l, which);
	bf_lower_cell(l, op, BF_NO_LABEL, BF_NO_LABEL)->lo = lo;
}

void bf_lower_resolve(struct bf_lower *l)
{
	add_shared(l, l->ret, BF_CELL_RET, 0);
	add_shared(l, l->drop, BF_CELL_VERDICT, BF_DROP);
	add_shared(l, l->accept, BF_CELL_VERDICT, BF_ACCEPT);
	for (uint32_t i = 0; i < l->n_cells && !l->err; i++) {
		l->cells[i].hit = bf_lower_cell_of(l, l->cells[i].hit);
		l->cells[i].miss = bf_lower_cell_of(l, l->cells[i].miss);
	}
}

static void finish_root(struct bf_lower *l, struct bf_graph_root *r)
{
	r->start = bf_lower_cell_of(l, r->start);
	r->start_ip6 = bf_lower_cell_of(l, r->start_ip6);
	r->start_other = bf_lower_cell_of(l, r->start_other);
}

/* Can it be changed in place? */
static bool has_link(const struct bf_lower *l)
{
	return (l->n_runs || l->n_gates) && !l->n_assists && !l->plan.cyclic && l->g->n_roots <= BF_ROOTS_MARKED && !l->err;
}

void bf_lower_finish(struct bf_lower *l)
{
	struct bf_graph *g = l->g;

	if (!has_link(l))
		bf_lower_no_gates(l);
	if (l->n_gates)
		bf_lower_add_spare(l);
	bf_lower_resolve(l);
	bf_lower_tidy(l);
	for (uint32_t i = 0; i < g->n_roots && !l->err; i++)
		finish_root(l, &g->roots[i]);
	bf_lower_steps(l);
	bf_lower_finish_switches(l);
	if (!l->err)
		bf_lower_finish_runs(l);
	bf_lower_finish_sets(l);
	bf_lower_finish_lives(l);
	g->drop_code = BF_NO_CODE;
	if (l->plan.logs && l->n_handoffs)
		g->drop_code = bf_lower_drop_code(l);
	if (!l->err && (l->params.err || l->class.err || l->handoffs.err || l->assists.err || l->codes.err))
		bf_lower_error(l, -ENOMEM);
	g->n_cells = l->n_cells;
	g->cells = bf_lower_keep(l, l->cells, l->n_cells * sizeof(*l->cells));
	g->n_params = l->params.len;
	g->params = bf_lower_keep(l, l->params.data, l->params.len);
	g->n_codes = l->n_codes;
	g->users = bf_lower_keep(l, l->users, l->n_users * sizeof(*l->users));
	g->n_users = l->n_users;
	g->codes = bf_lower_keep(l, l->codes.data, l->codes.len);
	g->companion.n_codes = l->n_handoffs;
	g->companion.codes = bf_lower_keep(l, l->handoffs.data, l->handoffs.len);
	take_assists(l);
	if (has_link(l))
		bf_lower_finish_link(l);
	if (l->n_handoffs)
		g->companion.max_codes_per_packet = BF_MIN(l->plan.max_codes, (uint32_t)BF_HANDOFF_MAX);
}

void bf_lower_free(struct bf_lower *l)
{
	bf_plan_free(&l->plan);
	bf_lower_free_runs(l);
	free(l->cells);
	free(l->labels);
	free(l->insts);
	free(l->edges);
	free(l->sets);
	free(l->opens);
	free(l->exacts);
	free(l->users);
	bf_lower_free_lookups(l);
	bf_buf_free(&l->params);
	bf_buf_free(&l->slots);
	bf_buf_free(&l->handoffs);
	bf_buf_free(&l->assists);
	bf_buf_free(&l->codes);
	bf_idmap_free(&l->set_ids);
	bf_idmap_free(&l->param_ids);
	bf_idmap_free(&l->content_ids);
	bf_idmap_free(&l->copies);
}
