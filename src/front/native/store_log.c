/* SPDX-License-Identifier: GPL-2.0-only */
/* store_log.c: what changed in a table since it was stored as a whole (store.h): written, and done again when it is read. */
#include "front/native/change.h"
#include "front/native/elem_box.h"
#include "front/native/elems.h"
#include "front/native/print.h"
#include "front/native/store.h"

/* What follows the record's head, padded. */
static void finish(struct bf_buf *log, size_t start, struct bf_nlog_record r)
{
	bf_buf_reserve(log, BF_ALIGN(log->len - start, (size_t)8) - (log->len - start));
	r.len = (uint32_t)(log->len - start);
	if (!log->err)
		memcpy(log->data + start, &r, sizeof(r));
}

void bf_nlog_commands(struct bf_buf *log, uint64_t last, const struct bf_eval_counter *c, uint32_t n, const char *text, size_t len)
{
	const struct bf_nlog_record r = { .kind = BF_NLOG_COMMANDS, .n = (uint16_t)n };
	size_t start = log->len;

	bf_buf_add(log, &r, sizeof(r));
	bf_buf_add(log, &last, sizeof(last));
	bf_buf_add(log, c, n * sizeof(*c));
	bf_buf_add(log, text, len);
	bf_buf_add(log, "", 1);
	finish(log, start, r);
}

void bf_nlog_elements(struct bf_buf *log, const struct bf_nstore_pack *p, uint32_t number, bool gone, const bf_u128 *boxes, uint32_t n)
{
	const struct bf_nlog_record r = { .kind = BF_NLOG_ELEMENTS, .n = (uint16_t)(number | (gone ? BF_NLOG_GONE : 0)) };

	for (uint32_t i = 0; i < n; i++) { /* one each: padding could not be told from an element */
		size_t start = log->len;

		bf_buf_add(log, &r, sizeof(r));
		bf_npack_put(log, p, &boxes[2 * i]);
		finish(log, start, r);
	}
}

void bf_nlog_text(struct bf_buf *log, uint32_t number, bool gone, const struct bf_ast_elem *el)
{
	const struct bf_nlog_record r = { .kind = BF_NLOG_TEXT, .n = (uint16_t)(number | (gone ? BF_NLOG_GONE : 0)) };
	size_t start = log->len;

	bf_buf_add(log, &r, sizeof(r));
	if (gone)
		bf_print_expr(log, el->key);
	else
		bf_print_elem(log, el, false);
	bf_buf_add(log, "", 1);
	finish(log, start, r);
}

static bf_u128 number_at(const uint32_t *w, unsigned words)
{
	bf_u128 v = 0;

	for (unsigned i = 0; i < words; i++)
		v = v << 32 | w[i];
	return v;
}

void bf_npack_box(const struct bf_nstore_pack *p, const uint32_t *numbers, uint32_t i, bf_u128 box[2])
{
	const uint32_t *w = numbers + (size_t)i * bf_npack_size(p);

	box[0] = number_at(w, p->words);
	box[1] = p->ranges ? number_at(w + p->words, p->words) : box[0];
}

bool bf_npack_of(const struct bf_ast_set *set, struct bf_nstore_pack *out)
{
	struct bf_types key, data;
	unsigned bits;

	bf_native_set_types(set, &key, &data);
	bits = bf_nbox_bits(&key);
	if (!bits || set->map || set->stmts || set->has_timeout || set->flags & ~(BF_SET_INTERVAL | BF_SET_CONSTANT))
		return false;
	*out = (struct bf_nstore_pack){ .set = set->handle, .words = (uint8_t)((bits + 31) / 32),
		                            .ranges = set->flags & BF_SET_INTERVAL ? 1 : 0 };
	return true;
}

/* Rules. */

struct replay {
	const struct bf_nstored *s;
	struct bf_ast *ast;
	struct bf_ast_cmd *table;
	struct bf_diag *d;
};

static int read_again(void *arg, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	const struct replay *r = arg;

	(void)t;
	*out = r->table;
	return 0;
}

/* All commands as one text. */
static int parse_commands(const struct replay *r, struct bf_ast_cmd **first)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	_cleanup_buf_ struct bf_buf all = { 0 };
	const struct bf_nlog_record *rec;
	int err;

	*first = NULL;
	for (size_t at = 0; (rec = bf_nlog_next(r->s->log, r->s->log_len, &at));) {
		const char *text = (const char *)(rec + 1) + sizeof(uint64_t) + rec->n * sizeof(struct bf_eval_counter);

		if (rec->kind != BF_NLOG_COMMANDS)
			continue;
		bf_buf_add(&all, text, strnlen(text, (size_t)((const char *)rec + rec->len - text)));
		bf_buf_puts(&all, "\n");
	}
	if (!all.len || all.err)
		return all.err;
	err = bf_native_parse_more(r->ast, "changes", all.data, all.len, &o, first, r->d);
	return err == -EINVAL ? -EBADMSG : err;
}

static int replay_commands(struct replay *r)
{
	const struct bf_napply_ops ops = { .read = read_again, .ctx = r };
	struct bf_ast_cmd *cmds;
	struct bf_ast view;
	struct bf_napply a;
	struct bf_ntable *t;
	int err = parse_commands(r, &cmds);

	if (err || !cmds)
		return err;
	view = *r->ast;
	view.cmds = cmds;
	bf_napply_init(&a, &view, &ops, r->d);
	t = bf_napply_have(&a, r->s->family, r->s->name, r->s->head->handle, r->s->head->last);
	err = t ? bf_napply_run(&a) : -ENOMEM;
	if (!err && (t->gone || t->last != r->s->last))
		err = -EBADMSG;
	bf_napply_free(&a);
	return err;
}

/* Elements: of each the last word counts, since none ever overlapped another. */

struct word {
	bf_u128 box[2];
	uint32_t when;
	bool gone;
	const char *text; /* with its comment, or NULL */
};

static int by_box(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	for (int i = 0; i < 2; i++)
		if (x->box[i] != y->box[i])
			return x->box[i] < y->box[i] ? -1 : 1;
	return (x->when > y->when) - (x->when < y->when);
}

static bool is_about(const struct bf_nlog_record *r, const struct bf_nstore_pack *p, uint32_t number)
{
	return r->kind == BF_NLOG_ELEMENTS && (r->n & BF_NLOG_PACK) == number && r->len >= sizeof(*r) + 4ul * bf_npack_size(p);
}

static const char *text_about(const struct bf_nlog_record *r, uint32_t number, bool gone)
{
	const char *text = (const char *)(r + 1);

	return r->kind == BF_NLOG_TEXT && r->n == (number | (gone ? BF_NLOG_GONE : 0)) &&
	       strnlen(text, r->len - sizeof(*r)) < r->len - sizeof(*r) ? text : NULL;
}

/* set: its number in the table; number: in packs. */
static struct word *words_about(const struct bf_nstored *s, uint32_t set, uint32_t number, uint32_t *n)
{
	const struct bf_nstore_pack *p = &s->packs[number];
	struct word *w = calloc(s->log_len / sizeof(struct bf_nlog_record) + 1, sizeof(*w));
	const struct bf_nlog_record *r;
	bool before = false;

	*n = 0;
	for (size_t at = 0; w && (r = bf_nlog_next(s->log, s->log_len, &at));) {
		if (before)
			w[*n - 1].text = text_about(r, set, false);
		before = is_about(r, p, number);
		if (!before)
			continue;
		bf_npack_box(p, (const uint32_t *)(const void *)(r + 1), 0, w[*n].box);
		w[*n].when = *n;
		w[*n].gone = r->n & BF_NLOG_GONE;
		++*n;
	}
	if (w)
		qsort(w, *n, sizeof(*w), by_box);
	return w;
}

/* Those that went, or those that came; who went and came again has lost his comment. */
static struct bf_ast_expr *list_of(struct bf_arena *a, const struct bf_types *key, const struct word *w, uint32_t n, bool gone)
{
	struct bf_ast_expr *e = bf_arena_new_of(a, struct bf_ast_expr);
	struct bf_ast_elem **tail = e ? &e->set.first : NULL;
	bool first = true, was = false;

	for (uint32_t i = 0; e && i < n; i++) {
		bool last = i + 1 == n || w[i].box[0] != w[i + 1].box[0] || w[i].box[1] != w[i + 1].box[1];

		was = first ? w[i].gone : was;
		first = last;
		if (!last || (w[i].gone != gone && !(gone && was)))
			continue;
		*tail = bf_arena_new_of(a, struct bf_ast_elem);
		if (!*tail || !((*tail)->key = bf_nbox_number(a, w[i].box, key)))
			return NULL;
		tail = &(*tail)->next;
		e->set.n++;
	}
	if (e)
		e->kind = BF_AST_SET;
	return e;
}

static int exchange(struct bf_arena *a, struct bf_ast_set *set, const struct bf_ast_expr *gone, const struct bf_ast_expr *come)
{
	struct bf_nelems *el = bf_nelems_new(a, set);
	int err = el ? 0 : -ENOMEM;

	if (!err && (bf_nelems_delete(el, gone, true, NULL, NULL).what || bf_nelems_add(el, come, false, NULL, NULL).what))
		err = -EBADMSG;
	if (!err)
		set->elements = bf_nelems_expr(el);
	if (!err && el->n && !set->elements)
		err = -ENOMEM;
	bf_nelems_free(el);
	return err;
}

static bool comes(const struct word *w, uint32_t i, uint32_t n)
{
	return !w[i].gone && (i + 1 == n || w[i].box[0] != w[i + 1].box[0] || w[i].box[1] != w[i + 1].box[1]);
}

/* Elements as they stand in a command; none: NULL. */
static int parse_elements(const struct replay *r, const struct bf_buf *text, struct bf_ast_expr **out)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	struct bf_ast_cmd *cmd;
	int err;

	*out = NULL;
	if (!text->len || text->err)
		return text->err;
	err = bf_native_parse_more(r->ast, "elements", text->data, text->len, &o, &cmd, r->d);
	if (err || !cmd || !cmd->elements)
		return err && err != -EINVAL ? err : -EBADMSG;
	*out = (struct bf_ast_expr *)(uintptr_t)bf_ast_peel(cmd->elements);
	return 0;
}

static void put_text(struct bf_buf *all, const char *text)
{
	bf_buf_printf(all, "%s%s", all->len ? ", " : "add element t s { ", text);
}

/* Their comments. */
static int dress(const struct replay *r, struct bf_ast_expr *come, const struct word *w, uint32_t n)
{
	_cleanup_buf_ struct bf_buf all = { 0 };
	struct bf_ast_elem *to = come->set.first;
	const struct bf_ast_elem *from;
	struct bf_ast_expr *e;
	int err;

	for (uint32_t i = 0; i < n; i++)
		if (comes(w, i, n) && w[i].text)
			put_text(&all, w[i].text);
	if (all.len)
		bf_buf_puts(&all, " }");
	err = parse_elements(r, &all, &e);
	from = e ? e->set.first : NULL;
	for (uint32_t i = 0; i < n && from && to; i++) {
		if (!comes(w, i, n))
			continue;
		if (w[i].text) {
			to->more = from->more;
			from = from->next;
		}
		to = to->next;
	}
	return err;
}

static int change_set(const struct replay *r, struct bf_ast_set *set, const struct word *w, uint32_t n)
{
	struct bf_arena *a = r->ast->arena;
	struct bf_types key, data;
	struct bf_ast_expr *gone, *come;
	int err;

	bf_native_set_types(set, &key, &data);
	gone = list_of(a, &key, w, n, true);
	come = list_of(a, &key, w, n, false);
	err = gone && come ? dress(r, come, w, n) : -ENOMEM;
	return err ? err : exchange(a, set, gone, come);
}

static int replay_elements(const struct replay *r, uint32_t number)
{
	struct bf_ast_set *set = r->table->body->sets;
	_cleanup_free_ struct word *w = NULL;
	uint32_t n, at = 0;

	for (; set && set->handle != r->s->packs[number].set; at++)
		set = set->next;
	w = words_about(r->s, at, number, &n);
	if (!w || !n)
		return w ? 0 : -ENOMEM;
	return set ? change_set(r, set, w, n) : -EBADMSG;
}

/* Elements as text: likewise. */

struct said {
	bf_u128 *box;
	uint32_t parts, when;
	bool gone;
	struct bf_ast_elem *el;
};

struct sayings {
	struct said *v;
	uint32_t n, cap;
	struct bf_types key, data;
};

static int by_key(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	for (uint32_t i = 0; i < 2 * x->parts; i++)
		if (x->box[i] != y->box[i])
			return x->box[i] < y->box[i] ? -1 : 1;
	return (x->when > y->when) - (x->when < y->when);
}

/* Those that came, or went, as one command; NULL: there are none. */
static int parse_texts(const struct replay *r, uint32_t number, bool gone, struct bf_ast_expr **out)
{
	_cleanup_buf_ struct bf_buf all = { 0 };
	const struct bf_nlog_record *rec;
	const char *text;

	for (size_t at = 0; (rec = bf_nlog_next(r->s->log, r->s->log_len, &at));)
		if ((text = text_about(rec, number, gone)))
			put_text(&all, text);
	if (all.len)
		bf_buf_puts(&all, " }");
	return parse_elements(r, &all, out);
}

static int take_sayings(const struct replay *r, uint32_t number, bool gone, struct sayings *all)
{
	const struct bf_nlog_record *rec = NULL;
	struct bf_ast_elem *el;
	struct bf_ast_expr *e;
	uint32_t when = 0;
	size_t at = 0;
	int err = parse_texts(r, number, gone, &e);

	if (err || !e)
		return err;
	if (bf_native_type(r->ast, e, &all->key, gone || !all->data.n ? NULL : &all->data, gone, r->d))
		return -EBADMSG;
	for (el = e->set.first; el; el = el->next) {
		struct said s = { .parts = all->key.n, .gone = gone, .el = el,
			.box = bf_arena_array(r->ast->arena, 2ul * all->key.n, bf_u128) };

		do
			when++;
		while ((rec = bf_nlog_next(r->s->log, r->s->log_len, &at)) && !text_about(rec, number, gone));
		s.when = when;
		if (!rec || !s.box || !bf_nbox_read(s.box, el->key, &all->key) || bf_grow(&all->v, all->n, &all->cap, sizeof(s)) < 0)
			return s.box && rec ? -EBADMSG : -ENOMEM;
		all->v[all->n++] = s;
	}
	return 0;
}

/* What is there with this key goes, whatever is said of it; the last word says what comes. */
static int split_sayings(struct bf_arena *a, const struct sayings *all, struct bf_ast_expr *gone, struct bf_ast_expr *come)
{
	struct bf_ast_elem **g = &gone->set.first, **c = &come->set.first;

	for (uint32_t i = 0; i < all->n; i++) {
		struct said *s = &all->v[i];

		if (i + 1 < all->n && !memcmp(s->box, s[1].box, 2 * s->parts * sizeof(*s->box)))
			continue;
		*g = bf_arena_new_of(a, struct bf_ast_elem);
		if (!*g)
			return -ENOMEM;
		(*g)->key = s->el->key;
		g = &(*g)->next;
		gone->set.n++;
		if (s->gone)
			continue;
		*c = s->el;
		c = &s->el->next;
		come->set.n++;
	}
	*c = NULL;
	return 0;
}

static int replay_texts(const struct replay *r, struct bf_ast_set *set, uint32_t number)
{
	struct bf_ast_expr gone = { .kind = BF_AST_SET }, come = { .kind = BF_AST_SET };
	struct sayings all = { 0 };
	int err;

	bf_native_set_types(set, &all.key, &all.data);
	if (!set->map)
		all.data.n = 0;
	err = take_sayings(r, number, false, &all);
	if (!err)
		err = take_sayings(r, number, true, &all);
	if (!err && all.n) {
		qsort(all.v, all.n, sizeof(*all.v), by_key);
		err = split_sayings(r->ast->arena, &all, &gone, &come);
		if (!err)
			err = exchange(r->ast->arena, set, &gone, &come);
	}
	free(all.v);
	return err;
}

static bool has_pack(const struct bf_nstored *s, const struct bf_ast_set *set)
{
	for (uint32_t i = 0; i < s->head->n_packs; i++)
		if (s->packs[i].set == set->handle)
			return true;
	return false;
}

int bf_nlog_replay(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd *table, struct bf_diag *d)
{
	struct replay r = { s, ast, table, d };
	int err = replay_commands(&r);
	uint32_t number = 0;

	for (uint32_t i = 0; i < s->head->n_packs && !err; i++)
		err = replay_elements(&r, i);
	for (struct bf_ast_set *set = table->body->sets; set && !err; set = set->next, number++)
		if (!has_pack(s, set))
			err = replay_texts(&r, set, number);
	return err;
}
