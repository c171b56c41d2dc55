/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_live.c: sets that rules change. What is in them is in the kernel and
 * nowhere else:
 *
 *   stored text, without elements ──read──▶ tree + what is there now ──commands──▶ tree
 *   tree ──▶ elements that a new table begins with: those that are missing are added, under packets' feet
 *   tree, without elements ──▶ stored text
 *
 * Comments the kernel does not keep: elements that have one stand in the text,
 * key and comment alone (native_note.c).
 *
 *   elements that commands took away are deleted behind the switch
 *
 * When nothing but these changed there is no new table: elements come and go at once.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/native.h"
#include "gen/gen.h"
#include "rule/set.h"

enum { MS = 1000000 };

struct reader {
	struct bf_ast *ast;
	struct bf_ast_set *set;
	struct bf_ast_table *table; /* of objects */
	struct bf_types key, data;
	uint32_t n, words;
	struct bf_buf *keys; /* as read, or NULL */
	struct bf_buf parts; /* of elements that are cut into several */
	uint64_t now;        /* when they were read */
	bool boxes;          /* elements are boxes */
	struct placed {
		bf_u128 lo[4];   /* the key; of a box the least of the first part */
		struct bf_ast_elem *el;
		bool noted;
	} *order;            /* they are listed in this order: a hash has none that stays */
	uint32_t cap;
	bool there;          /* there is a hash */
	bool dressed;        /* with what counts and passes */
	struct bf_ns *take;  /* objects are reset: there, or NULL; */
	const char *unit;    /* in this unit */
};

void bf_native_live_name(char out[24], uint64_t handle)
{
	snprintf(out, 24, "set-%" PRIx64, handle & 0xffffffffff);
}

static unsigned bits_of(const struct bf_types *t, unsigned i)
{
	return t->bits[i] ? t->bits[i] : t->type[i] && t->type[i]->bits ? t->type[i]->bits : 128;
}

/* Interface names, as text. */
static const char *chars_of(struct bf_ast *ast, bf_u128 v)
{
	char s[17] = "";

	for (unsigned i = 0; i < 16; i++)
		s[i] = (char)(uint8_t)(v >> 8 * (15 - i));
	return bf_arena_strdup(ast->arena, s);
}

static struct bf_ast_expr *value(struct bf_ast *ast, const struct bf_ntype *type, bf_u128 v)
{
	struct bf_ast_expr *e = bf_arena_new_of(ast->arena, struct bf_ast_expr);
	bool text = type && type->form == BF_FORM_STRING;

	if (!e)
		return NULL;
	e->kind = BF_AST_VALUE;
	e->value.lit = text ? BF_LIT_STRING : BF_LIT_NUMBER;
	e->value.known = !text;
	e->value.type = type;
	e->value.num = v;
	e->value.text = text ? chars_of(ast, v) : NULL;
	return text && !e->value.text ? NULL : e;
}

static bf_u128 take_words(const uint32_t *w, unsigned bits)
{
	bf_u128 v = 0;

	for (unsigned i = 0; i < (bits + 31) / 32; i++)
		v = v << 32 | w[i];
	return v;
}

static struct bf_ast_expr *key_of(const struct reader *r, const uint32_t *w)
{
	struct bf_ast_expr *first = NULL, **tail = &first, *all;

	for (unsigned i = 0; i < r->key.n; i++) {
		unsigned bits = bits_of(&r->key, i);

		*tail = value(r->ast, r->key.type[i], take_words(w, bits));
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
		w += (bits + 31) / 32;
	}
	if (r->key.n == 1)
		return first;
	all = bf_arena_new_of(r->ast->arena, struct bf_ast_expr);
	if (all) {
		all->kind = BF_AST_CONCAT;
		all->items.first = first;
		all->items.n = r->key.n;
	}
	return all;
}

static void put_state(struct bf_ast_stmt *s, const struct bf_rt_state *st)
{
	bool over = st->flags & BF_RT_STATE_OVER, bytes = st->flags & BF_RT_STATE_BYTES;

	switch (st->kind) {
	case BF_STATEFUL_COUNTER:
		s->kind = BF_STMT_COUNTER;
		s->counter.packets = st->now[0];
		s->counter.bytes = st->now[1];
		return;
	case BF_STATEFUL_QUOTA:
		s->kind = BF_STMT_QUOTA;
		s->quota.over = over;
		s->quota.bytes = st->most;
		s->quota.used = BF_MIN(st->now[0], st->most);
		return;
	case BF_STATEFUL_LIMIT:
		s->kind = BF_STMT_LIMIT;
		s->limit.over = over;
		s->limit.bytes = bytes;
		s->limit.rate = st->rate;
		s->limit.per = st->unit / 1000000000;
		if (bytes)
			s->limit.burst = (uint64_t)((bf_u128)st->most * st->rate / st->unit) - st->rate;
		else
			s->limit.burst = st->most / BF_MAX(st->unit / st->rate, 1u);
	}
}

static bool add_states(const struct reader *r, struct bf_ast_elem_more *m, const struct bf_rt_elem *e)
{
	struct bf_ast_stmt **tail = &m->stmts;

	for (uint32_t i = 0; i < e->n_state && i < BF_RT_STATES; i++) {
		*tail = bf_arena_new_of(r->ast->arena, struct bf_ast_stmt);
		if (!*tail)
			return false;
		put_state(*tail, &e->state[i]);
		tail = &(*tail)->next;
	}
	return true;
}

static bool add_more(const struct reader *r, struct bf_ast_elem *el, const struct bf_rt_elem *e, uint64_t now)
{
	struct bf_ast_elem_more *m;

	if (!e->timeout && !e->n_state && !(r->set->has_timeout && r->set->timeout))
		return true;
	m = el->more = bf_arena_new_of(r->ast->arena, struct bf_ast_elem_more);
	if (!m)
		return false;
	if (e->timeout && (!r->set->has_timeout || e->timeout != r->set->timeout * MS)) {
		m->has_timeout = true;
		m->timeout = e->timeout / MS;
	}
	if (!r->dressed)
		return true;
	m->has_expires = e->timeout != 0;
	m->expires = e->expires > now ? BF_MAX((e->expires - now) / MS, 1u) : e->timeout / MS;
	m->expires = BF_MIN(m->expires, e->timeout / MS); /* a packet may have come since `now` */
	return add_states(r, m, e);
}

static int put_element(struct reader *r, struct bf_ast_expr *key, const struct bf_rt_elem *e, uint64_t now)
{
	struct bf_ast_elem *el = bf_arena_new_of(r->ast->arena, struct bf_ast_elem);
	int rc = bf_grow(&r->order, r->n, &r->cap, sizeof(*r->order));

	if (!el || rc)
		return -ENOMEM;
	el->key = key;
	if (el->key && r->data.n)
		el->data = value(r->ast, r->data.type[0], take_words(e->data, bits_of(&r->data, 0)));
	if (!el->key || (r->data.n && !el->data) || !add_more(r, el, e, now))
		return -ENOMEM;
	r->order[r->n++] = (struct placed){ .el = el, .noted = e->born == BF_BORN_NOTED };
	return 0;
}

static int put_box(void *arg, const bf_u128 *box, const struct bf_rt_elem *e)
{
	struct reader *r = arg;
	int rc = put_element(r, bf_native_box_key(r->ast, &r->key, box), e, r->now);

	if (!rc)
		r->order[r->n - 1].lo[0] = box[0];
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	for (unsigned i = 0; i < BF_ARRAY_SIZE(x->lo); i++)
		if (x->lo[i] != y->lo[i])
			return x->lo[i] < y->lo[i] ? -1 : 1;
	return 0;
}

static void put_in_order(struct reader *r, struct bf_ast_expr *set)
{
	struct bf_ast_elem **to = &set->set.first;

	if (r->n)
		qsort(r->order, r->n, sizeof(*r->order), by_place);
	for (uint32_t i = 0; i < r->n; i++, to = &(*to)->next)
		*to = r->order[i].el;
	*to = NULL;
}

/* Comments are those of elements that commands gave them to: one that packets brought again under the same key has none. */
static int put_notes(struct reader *r, struct bf_ast_expr *set)
{
	int rc = bf_native_notes_put(r->ast, set, r->set->elements);

	for (uint32_t i = 0; i < r->n; i++)
		if (!r->order[i].noted && r->order[i].el->more)
			r->order[i].el->more->comment = NULL;
	return rc;
}

static int add_part(struct reader *r, const uint32_t *key, const struct bf_rt_elem *e, uint64_t now)
{
	struct native_part p = { .e = *e };

	bf_native_box_of(&r->key, key, p.box);
	r->now = now;
	if (!e->whole)
		return put_box(r, p.box, e);
	bf_buf_add(&r->parts, &p, sizeof(p));
	return r->parts.err;
}

static int add_element(void *arg, const uint32_t *key, const struct bf_rt_elem *e, uint64_t now)
{
	struct reader *r = arg;
	int rc;

	if (r->keys)
		bf_buf_add(r->keys, key, r->words * sizeof(*key));
	if (r->keys && r->keys->err)
		return r->keys->err;
	if (r->boxes)
		return add_part(r, key, e, now);
	rc = put_element(r, key_of(r, key), e, now);
	for (uint32_t i = 0; !rc && i < BF_MIN(r->words, 16u); i++)
		r->order[r->n - 1].lo[i / 4] |= (bf_u128)key[i] << 32 * (3 - i % 4);
	return rc;
}

static int fill_set(struct bf_ns *ns, const char *unit, struct reader *r)
{
	struct bf_ast_expr *e = bf_arena_new_of(r->ast->arena, struct bf_ast_expr);
	char name[24];
	int rc;

	if (!e)
		return -ENOMEM;
	bf_native_live_name(name, r->set->handle);
	e->kind = BF_AST_SET;
	bf_native_set_types(r->set, &r->key, &r->data);
	for (unsigned i = 0; i < r->key.n; i++)
		r->words += (bits_of(&r->key, i) + 31) / 32;
	r->boxes = r->set->flags & BF_SET_INTERVAL && r->key.n <= BF_LIVE_PARTS;
	r->words += r->boxes;
	r->words = r->words <= BF_LIVE_KEY ? BF_LIVE_KEY : BF_LIVE_KEY_LONG;
	rc = bf_unit_elements(ns, unit, name, add_element, r);
	if (!rc)
		rc = bf_native_boxes(&r->parts, r->key.n, put_box, r);
	bf_buf_free(&r->parts);
	r->there = !rc;
	if (!rc) {
		put_in_order(r, e);
		e->set.n = r->n;
		rc = put_notes(r, e);
		r->set->elements = r->n ? e : NULL;
	}
	free(r->order);
	return r->there || rc != -ENOENT ? rc : 0; /* not one that changes, or no rule asks it */
}

/* Verdicts and names of objects stay in the text. */
bool bf_native_live_is(const struct bf_ast_set *s)
{
	return s->handle && !(s->map && s->data[0] && (s->data[0]->form == BF_FORM_VERDICT || s->data[0]->form == BF_FORM_OBJECT));
}

static struct native_live *record(struct native_run *r, uint64_t table, uint64_t set)
{
	if (bf_grow(&r->lives, r->n_lives, &r->cap_lives, sizeof(*r->lives)) < 0)
		return NULL;
	r->lives[r->n_lives] = (struct native_live){ .table = table, .set = set };
	return &r->lives[r->n_lives++];
}

/* As it is now; or was, up to its reset. */
static int put_object(const struct reader *r, struct bf_ast_stmt *s, uint64_t id, const struct bf_rt_elem *e)
{
	struct bf_rt_state st = e->state[0];
	int rc = r->take ? bf_unit_objects_take(r->take, r->unit, id, &st) : 0;

	if (!rc)
		put_state(s, &st);
	return rc == -ENOENT ? 0 : rc;
}

/* A quota of a rule's own. */
static int fill_rule(const struct reader *to, uint64_t id, const struct bf_rt_elem *e)
{
	uint64_t handle = (id & ~BF_EVAL_OWN) >> 16;

	if (e->state[0].kind != BF_STATEFUL_QUOTA)
		return 0;
	for (struct bf_ast_chain *c = to->table->chains; c; c = c->next)
		for (struct bf_ast_rule *r = c->rules; r; r = r->next) {
			struct bf_ast_stmt *s = r->handle == handle ? r->stmts : NULL;

			for (uint32_t n = id & 0xffff; s && n; n--)
				s = s->next;
			if (s && s->kind == BF_STMT_QUOTA)
				return put_object(to, s, id, e);
		}
	return 0;
}

static int fill_counter(void *arg, const uint32_t *key, const struct bf_rt_elem *e, uint64_t now)
{
	struct reader *r = arg;
	uint64_t id = key[0] | (uint64_t)key[1] << 32;

	(void)now;
	if (id & BF_EVAL_OWN)
		return fill_rule(r, id, e);
	for (struct bf_ast_obj *o = r->table->objs; o; o = o->next) {
		if (o->handle != id || o->type == BF_OBJ_LIMIT)
			continue;
		if (!o->state)
			o->state = bf_arena_new_of(r->ast->arena, struct bf_ast_stmt);
		if (!o->state)
			return -ENOMEM;
		return put_object(r, o->state, id, e);
	}
	return 0;
}

static int fill_objects(struct bf_ns *ns, const char *unit, struct bf_ast *ast, struct bf_ast_table *t, bool take)
{
	struct reader r = { .ast = ast, .table = t, .take = take ? ns : NULL, .unit = unit };
	int rc = bf_unit_elements(ns, unit, "objects", fill_counter, &r);

	return rc == -ENOENT ? 0 : rc;
}

int bf_native_live_take(struct bf_ns *ns, const struct native_unit *u, struct bf_ast *ast, struct bf_ast_table *t)
{
	return fill_objects(ns, u->name, ast, t, true);
}

int bf_native_live_fill(struct native_run *run, struct bf_ns *ns, const struct native_unit *u, struct bf_ast *ast,
                        struct bf_ast_table *t, bool dressed)
{
	int rc = 0;

	for (struct bf_ast_set *s = t->sets; s && !rc; s = s->next) {
		struct reader r = { .ast = ast, .set = s, .dressed = dressed };
		struct native_live *l = run && bf_native_live_is(s) ? record(run, u->stored.head->handle, s->handle) : NULL;

		if (run && bf_native_live_is(s) && !l)
			return -ENOMEM;
		r.keys = l ? &l->keys : NULL;
		if (bf_native_live_is(s))
			rc = fill_set(ns, u->name, &r);
		if (l) {
			l->words = r.words;
			l->there = r.there;
		}
	}
	return !rc && dressed && !run ? fill_objects(ns, u->name, ast, t, false) : rc;
}

static bool has_map(const struct bf_image *img, uint64_t handle)
{
	char name[24];

	bf_native_live_name(name, handle);
	for (uint32_t i = 0; i < img->n_maps; i++)
		if (img->maps[i].kept && !strcmp(img->maps[i].name, name))
			return true;
	return false;
}

/* The same by what was read. */
static void strip_read(struct native_run *r, uint64_t table, struct bf_ast_table *t)
{
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		for (uint32_t i = 0; i < r->n_lives; i++)
			if (r->lives[i].there && r->lives[i].table == table && r->lives[i].set == s->handle)
				s->elements = bf_native_notes(r->ast, s->elements);
}

/* What would be stored, without them. */
static void write_stripped(struct native_run *r, struct native_change *c, struct bf_buf *out)
{
	const struct bf_nstored *old = &c->old->stored;
	const struct bf_nstore_parts parts = { .counters = c->ev.counters, .n_counters = c->ev.n_counters,
		.places = old->places, .n_places = old->head->n_places, .link = old->link, .link_len = old->head->link_len,
		.index = old->index, .index_len = old->head->index_len };
	struct bf_ast_table *t = c->table->cmd->body;
	struct bf_ast_expr **kept;
	uint32_t n = 0;

	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		n++;
	kept = calloc(n + 1ul, sizeof(*kept));
	n = 0;
	for (struct bf_ast_set *s = t->sets; kept && s; s = s->next)
		kept[n++] = s->elements;
	if (!kept) {
		out->err = -ENOMEM;
		return;
	}
	strip_read(r, c->table->handle, t);
	bf_nstored_write(out, c->table, r->apply.last_table, &parts);
	n = 0;
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		s->elements = kept[n++];
	free(kept);
}

bool bf_native_live_only(struct native_run *r, struct native_change *c)
{
	_cleanup_buf_ struct bf_buf now = {};
	bool any = false;
	const void *old;
	size_t len;

	for (uint32_t i = 0; i < r->n_lives; i++)
		any |= r->lives[i].there && r->lives[i].table == c->table->handle;
	if (!c->old || !any || r->restored || c->n_starts)
		return false;
	old = bf_unit_state(c->old->unit, &len);
	write_stripped(r, c, &now);
	return !now.err && now.len == len && !memcmp(now.data, old, len);
}

static const struct bf_set *model_of(const struct bf_table *t, uint64_t id)
{
	for (uint32_t i = 0; i < t->n_sets; i++)
		if (t->sets[i]->id == id && t->sets[i]->flags & BF_SET_LIVE)
			return t->sets[i];
	return NULL;
}

static int add_all(struct native_run *r, const struct native_change *c, const struct native_live *l, const struct bf_set *s)
{
	_cleanup_buf_ struct bf_buf elements = {};
	char name[24];

	bf_native_live_name(name, l->set);
	bf_gen_elements(s, &elements);
	return elements.err ? elements.err : bf_unit_elements_add(r->ns, c->name, name, elements.data, elements.len, NULL);
}

int bf_native_live_change(struct native_run *r, const struct native_change *c)
{
	int rc = 0;

	for (uint32_t i = 0; i < r->n_lives && !rc; i++) {
		const struct native_live *l = &r->lives[i];
		const struct bf_set *s = l->table == c->table->handle ? model_of(c->ev.rs->tables[0], l->set) : NULL;

		if (s && l->there)
			rc = add_all(r, c, l, s);
	}
	if (!rc)
		bf_native_live_delete(r, c);
	return rc;
}

void bf_native_live_strip(struct bf_ast *ast, struct bf_ast_table *t, const struct bf_image *img)
{
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		if (bf_native_live_is(s) && has_map(img, s->handle))
			s->elements = bf_native_notes(ast, s->elements);
}

/* Elements that commands took away. */

static int by_words(const void *a, const void *b)
{
	return memcmp(a, b, BF_LIVE_KEY_LONG * sizeof(uint32_t));
}

/* Sorted. */
static uint32_t *keys_of(const struct bf_set *s, uint32_t words, size_t *n)
{
	size_t key = words * sizeof(uint32_t), size = key + sizeof(struct bf_rt_elem);
	_cleanup_buf_ struct bf_buf elements = {};
	uint32_t *all;

	bf_gen_elements(s, &elements);
	*n = elements.len / size;
	all = elements.err ? NULL : calloc(*n + 1, BF_LIVE_KEY_LONG * sizeof(*all));
	for (size_t i = 0; all && i < *n; i++)
		memcpy(&all[i * BF_LIVE_KEY_LONG], elements.data + i * size, key);
	if (all)
		qsort(all, *n, BF_LIVE_KEY_LONG * sizeof(*all), by_words);
	return all;
}

static void delete_missing(struct bf_ns *ns, const char *unit, const struct native_live *l, const struct bf_set *s)
{
	size_t n;
	_cleanup_free_ uint32_t *all = keys_of(s, l->words, &n);
	const uint32_t *old = (const void *)l->keys.data;
	char name[24];

	bf_native_live_name(name, l->set);
	if (!all)
		return;
	for (size_t at = 0; at + l->words <= l->keys.len / sizeof(*old); at += l->words) {
		uint32_t key[BF_LIVE_KEY_LONG] = { 0 };

		memcpy(key, old + at, l->words * sizeof(*key));
		if (!bsearch(key, all, n, sizeof(key), by_words))
			bf_unit_element_delete(ns, unit, name, key);
	}
}

void bf_native_live_delete(struct native_run *r, const struct native_change *c)
{
	for (uint32_t i = 0; i < r->n_lives; i++) {
		const struct native_live *l = &r->lives[i];
		const struct bf_set *s = l->table == c->table->handle ? model_of(c->ev.rs->tables[0], l->set) : NULL;

		if (s)
			delete_missing(r->ns, c->name, l, s);
	}
}

void bf_native_lives_free(struct native_run *r)
{
	for (uint32_t i = 0; i < r->n_lives; i++)
		bf_buf_free(&r->lives[i].keys);
	free(r->lives);
}
