/* SPDX-License-Identifier: GPL-2.0-only */
/* store.c: tables to bytes and back (store.h). */
#include <stdio.h>

#include "front/native/store.h"
#include "front/native/elem_box.h"
#include "front/native/rules.h"

static const struct bf_nfamily *family_by(uint32_t nfproto)
{
	for (size_t i = 0; i < bf_n_nfamilies; i++)
		if (bf_nfamilies[i].nfproto == nfproto && bf_nfamilies[i].served)
			return &bf_nfamilies[i];
	return NULL;
}

struct cursor {
	const char *p;
	size_t left;
	bool bad;
};

static const void *take_part(struct cursor *c, uint64_t n, size_t size)
{
	const char *p = c->p;

	if (n > c->left / size || BF_ALIGN(n * size, (uint64_t)8) > c->left) {
		c->bad = true;
		return NULL;
	}
	c->p += BF_ALIGN(n * size, (uint64_t)8);
	c->left -= BF_ALIGN(n * size, (uint64_t)8);
	return p;
}

static bool packs_fit(const struct bf_nstored *s)
{
	for (uint32_t i = 0; i < s->head->n_packs; i++) {
		const struct bf_nstore_pack *p = &s->packs[i];

		if (p->words - 1u > 3 || p->at % 4 || p->at > s->head->numbers_len ||
		    4ull * bf_npack_size(p) * p->n > s->head->numbers_len - p->at)
			return false;
	}
	return true;
}

/* Counters that the log brought lie behind the others. */
static int read_log(struct bf_nstored *s)
{
	const struct bf_nlog_record *r;
	uint32_t n = s->n_counters;
	size_t at = 0;

	while ((r = bf_nlog_next(s->log, s->log_len, &at)))
		n += r->kind == BF_NLOG_COMMANDS ? r->n : 0;
	if (at != s->log_len)
		return -EBADMSG;
	if (n > s->n_counters) {
		s->own = calloc(n, sizeof(*s->own));
		if (!s->own)
			return -ENOMEM;
		memcpy(s->own, s->counters, s->n_counters * sizeof(*s->own));
		s->counters = s->own;
	}
	for (at = 0; (r = bf_nlog_next(s->log, s->log_len, &at));) {
		if (r->kind != BF_NLOG_COMMANDS)
			continue;
		s->last = *(const uint64_t *)(const void *)(r + 1);
		if (r->n)
			memcpy(&s->own[s->n_counters], (const uint64_t *)(const void *)(r + 1) + 1, r->n * sizeof(*s->own));
		s->n_counters += r->n;
	}
	return 0;
}

/* The bytes come from our own pinned map; still, another version's or a damaged one must not be followed. */
int bf_nstored_read(const void *state, size_t len, const void *log, size_t log_len, struct bf_nstored *out)
{
	const struct bf_nstore_head *h = state;
	struct cursor c = { .p = (const char *)(h + 1), .left = len - sizeof(*h) };

	memset(out, 0, sizeof(*out));
	if (!h || len < sizeof(*h) || h->magic != BF_NSTORE_MAGIC || h->link_len % 8)
		return -EBADMSG;
	*out = (struct bf_nstored){ .head = h, .family = family_by(h->family), .last = h->last, .log = log, .log_len = log_len };
	out->name = take_part(&c, h->name_len + 1ul, 1);
	out->handles = take_part(&c, h->n_handles, sizeof(*out->handles));
	out->counters = take_part(&c, h->n_counters, sizeof(*out->counters));
	out->n_counters = h->n_counters;
	out->places = take_part(&c, h->n_places, sizeof(*out->places));
	out->packs = take_part(&c, h->n_packs, sizeof(*out->packs));
	out->numbers = take_part(&c, h->numbers_len, 1);
	out->link = take_part(&c, h->link_len, 1);
	out->index = take_part(&c, h->index_len, 1);
	out->types = take_part(&c, h->types_len + 1, 1);
	out->text = c.bad || h->text_len >= c.left ? NULL : c.p;
	if (!out->text || !out->family || !h->name_len || strnlen(out->name, h->name_len + 1ul) != h->name_len ||
	    out->types[h->types_len] || out->text[h->text_len] || !packs_fit(out))
		return -EBADMSG;
	return log_len ? read_log(out) : 0;
}

void bf_nstored_free(struct bf_nstored *s)
{
	free(s->own);
	s->own = NULL;
}

/* Handles, in order: given to what is read, taken from what is written. */

static void each_handle(struct bf_ast_table *t, void (*each)(void *arg, uint64_t *handle), void *arg)
{
	for (struct bf_ast_obj *o = t->objs; o; o = o->next)
		each(arg, &o->handle);
	for (struct bf_ast_set *s = t->sets; s; s = s->next)
		each(arg, &s->handle);
	for (struct bf_ast_chain *c = t->chains; c; c = c->next) {
		each(arg, &c->handle);
		for (struct bf_ast_rule *r = c->rules; r; r = r->next)
			each(arg, &r->handle);
	}
}

struct give {
	const uint64_t *next, *end;
	bool bad;
};

static void give(void *arg, uint64_t *handle)
{
	struct give *g = arg;

	if (g->next < g->end)
		*handle = *g->next++;
	else
		g->bad = true;
}

bool bf_nhandles_give(struct bf_ast_table *t, const uint64_t *handles, uint32_t n)
{
	struct give g = { handles, handles + n, false };

	each_handle(t, give, &g);
	return !g.bad && g.next == g.end;
}

static void take(void *arg, uint64_t *handle)
{
	bf_buf_add(arg, handle, sizeof(*handle));
}

void bf_nhandles_take(struct bf_ast_table *t, struct bf_buf *out)
{
	each_handle(t, take, out);
}

int bf_nstored_types(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd **out, struct bf_diag *d)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	uint32_t i = 0;
	int err = bf_native_parse_more(ast, "sets", s->types, s->head->types_len, &o, out, d);

	if (err || !*out || (*out)->next || !(*out)->body)
		return err && err != -EINVAL ? err : -EBADMSG;
	for (struct bf_ast_obj *obj = (*out)->body->objs; obj && i < s->head->n_handles; obj = obj->next)
		obj->handle = s->handles[i++];
	if (i != s->head->n_objs)
		return -EBADMSG;
	for (struct bf_ast_set *set = (*out)->body->sets; set; set = set->next) {
		if (i >= s->head->n_handles)
			return -EBADMSG;
		set->handle = s->handles[i++];
	}
	return 0;
}

int bf_nstored_parse(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd **out, struct bf_diag *d)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	char name[300];
	int err;

	snprintf(name, sizeof(name), "table %s %.255s", s->family->name, s->name);
	err = bf_native_parse_more(ast, name, s->text, s->head->text_len, &o, out, d);
	if (err)
		return err == -EINVAL ? -EBADMSG : err;
	if (!*out || (*out)->next || !(*out)->body)
		return -EBADMSG;
	(*out)->body->handle = s->head->handle;
	if (!bf_nhandles_give((*out)->body, s->handles, s->head->n_handles))
		return -EBADMSG;
	return s->log_len ? bf_nlog_replay(s, ast, *out, d) : 0;
}

/* Packs. */

static void put_number(struct bf_buf *out, const struct bf_nstore_pack *p, bf_u128 v)
{
	for (unsigned i = p->words; i-- > 0;) {
		uint32_t w = (uint32_t)(v >> 32 * i);

		bf_buf_add(out, &w, sizeof(w));
	}
}

void bf_npack_put(struct bf_buf *out, const struct bf_nstore_pack *p, const bf_u128 box[2])
{
	put_number(out, p, box[0]);
	if (p->ranges)
		put_number(out, p, box[1]);
}

/* The numbers of a set's elements: as they stand in the tree, if they are in order. */
static bool put_numbers(struct bf_buf *out, const struct bf_ast_set *set, struct bf_nstore_pack *p)
{
	const struct bf_ast_expr *e = bf_ast_peel(set->elements);
	bf_u128 box[2], last = 0;
	struct bf_types key, data;

	bf_native_set_types(set, &key, &data);
	for (const struct bf_ast_elem *i = e ? e->set.first : NULL; i; i = i->next) {
		bool lives = i->more && (i->more->has_timeout || i->more->has_expires || i->more->stmts);

		if (lives || i->data || bf_ast_peel(i->key)->kind == BF_AST_ANY || !bf_nbox_read(box, i->key, &key) ||
		    box[0] > box[1] || (p->n && box[0] <= last) || (!p->ranges && box[0] != box[1]))
			return false;
		last = box[1];
		bf_npack_put(out, p, box);
		p->n++;
	}
	return true;
}

static void put_packs(struct bf_buf *packs, struct bf_buf *numbers, const struct bf_ast_table *t)
{
	for (const struct bf_ast_set *s = t->sets; s; s = s->next) {
		struct bf_nstore_pack p;

		if (!bf_npack_of(s, &p))
			continue;
		p.at = numbers->len;
		if (put_numbers(numbers, s, &p))
			bf_buf_add(packs, &p, sizeof(p));
		else
			numbers->len = p.at;
	}
}

/* The table with nothing but its objects and sets, and these without elements. */
static void put_types(struct bf_buf *out, const struct bf_ntable *t)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bf_ast_table body = { .objs = t->cmd->body->objs };
	struct bf_ast_set **tail = &body.sets;
	struct bf_ast_cmd cmd = *t->cmd;

	for (const struct bf_ast_set *s = t->cmd->body->sets; a && s; s = s->next) {
		*tail = bf_arena_memdup(a, s, sizeof(*s));
		if (!*tail)
			break;
		(*tail)->elements = NULL;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
	}
	cmd.body = &body;
	bf_native_print_cmd(out, &cmd);
	if (!a)
		out->err = -ENOMEM;
}

static uint64_t put_part(struct bf_buf *out, const void *p, size_t len)
{
	bf_buf_add(out, p, len);
	bf_buf_reserve(out, BF_ALIGN(len, (size_t)8) - len);
	return len;
}

void bf_nstored_write(struct bf_buf *out, const struct bf_ntable *t, uint64_t last_table, const struct bf_nstore_parts *parts)
{
	static const struct bf_nstore_parts none;
	const struct bf_nstore_parts *x = parts ? parts : &none;
	_cleanup_buf_ struct bf_buf handles = { 0 }, packs = { 0 }, numbers = { 0 }, types = { 0 }, text = { 0 }, index = { 0 };
	struct bf_nstore_head h = { .magic = BF_NSTORE_MAGIC, .family = t->family->nfproto, .handle = t->handle,
		.last = t->last, .last_table = last_table, .name_len = (uint32_t)strlen(t->name), .n_counters = x->n_counters,
		.n_places = x->n_places };
	size_t start = out->len;

	bf_nhandles_take(t->cmd->body, &handles);
	put_packs(&packs, &numbers, t->cmd->body);
	put_types(&types, t);
	bf_native_once(t->cmd->body, true);
	bf_native_print_cmd(&text, t->cmd);
	if (x->ev && !text.err)
		bf_nindex_make(&index, t->cmd, text.data, text.len, x->ev);
	else
		bf_buf_add(&index, x->index, x->index_len);
	bf_native_once(t->cmd->body, false);
	for (const struct bf_ast_obj *o = t->cmd->body->objs; o; o = o->next)
		h.n_objs++;
	h.n_handles = (uint32_t)(handles.len / sizeof(uint64_t));
	h.n_packs = (uint32_t)(packs.len / sizeof(struct bf_nstore_pack));
	bf_buf_add(out, &h, sizeof(h));
	put_part(out, t->name, h.name_len + 1ul);
	put_part(out, handles.data, handles.len);
	put_part(out, x->counters, x->n_counters * sizeof(*x->counters));
	put_part(out, x->places, x->n_places * sizeof(*x->places));
	put_part(out, packs.data, packs.len);
	h.numbers_len = put_part(out, numbers.data, numbers.len);
	h.link_len = put_part(out, x->link, x->link_len);
	h.index_len = put_part(out, index.data, index.len);
	h.types_len = types.len;
	put_part(out, types.data ? types.data : "", types.len + 1);
	h.text_len = text.len;
	bf_buf_add(out, text.data ? text.data : "", text.len + 1);
	if (handles.err || packs.err || numbers.err || types.err || text.err || index.err)
		out->err = -ENOMEM;
	if (!out->err)
		memcpy(out->data + start, &h, sizeof(h));
}

void bf_nstored_relink(struct bf_buf *out, const struct bf_nstored *s, const void *state, size_t len, const void *link, size_t link_len)
{
	struct bf_nstore_head h = *s->head;
	size_t at = (size_t)((const char *)s->link - (const char *)state), behind = at + BF_ALIGN(h.link_len, (size_t)8);

	h.link_len = link_len;
	bf_buf_add(out, &h, sizeof(h));
	bf_buf_add(out, (const char *)state + sizeof(h), at - sizeof(h));
	put_part(out, link, link_len);
	bf_buf_add(out, (const char *)state + behind, len - behind);
}
