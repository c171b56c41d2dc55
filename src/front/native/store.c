/* SPDX-License-Identifier: GPL-2.0-only */
/* store.c: tables to bytes and back (store.h). */
#include <stdio.h>

#include "front/native/store.h"

static const struct bf_nfamily *family_by(uint32_t nfproto)
{
	for (size_t i = 0; i < bf_n_nfamilies; i++)
		if (bf_nfamilies[i].nfproto == nfproto && bf_nfamilies[i].served)
			return &bf_nfamilies[i];
	return NULL;
}

/* The bytes come from our own pinned map; still, another version's or a damaged one must not be followed. */
int bf_nstored_read(const void *state, size_t len, struct bf_nstored *out)
{
	const struct bf_nstore_head *h = state;
	size_t name_len, handles, counters;

	if (!h || len < sizeof(*h) || h->magic != BF_NSTORE_MAGIC)
		return -EBADMSG;
	name_len = BF_ALIGN((size_t)h->name_len + 1, 8);
	handles = (size_t)h->n_handles * sizeof(*out->handles);
	counters = (size_t)h->n_counters * sizeof(*out->counters);
	len -= sizeof(*h);
	if (name_len > len || handles > len - name_len || counters > len - name_len - handles ||
	    h->text_len >= len - name_len - handles - counters)
		return -EBADMSG;
	out->head = h;
	out->family = family_by(h->family);
	out->name = (const char *)(h + 1);
	out->handles = (const void *)(out->name + name_len);
	out->counters = (const void *)((const char *)out->handles + handles);
	out->text = (const char *)out->counters + counters;
	if (!out->family || !h->name_len || strnlen(out->name, name_len) != h->name_len || out->text[h->text_len])
		return -EBADMSG;
	return 0;
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
	return bf_nhandles_give((*out)->body, s->handles, s->head->n_handles) ? 0 : -EBADMSG;
}

void bf_nstored_write(struct bf_buf *out, const struct bf_ntable *t, uint64_t last_table,
                      const struct bf_eval_counter *counters, uint32_t n)
{
	struct bf_nstore_head h = { .magic = BF_NSTORE_MAGIC, .family = t->family->nfproto, .handle = t->handle,
		.last = t->last, .last_table = last_table, .name_len = (uint32_t)strlen(t->name), .n_counters = n };
	size_t start = out->len, handles, text;

	bf_buf_add(out, &h, sizeof(h));
	bf_buf_add(out, t->name, h.name_len);
	bf_buf_reserve(out, BF_ALIGN((size_t)h.name_len + 1, 8) - h.name_len);
	handles = out->len;
	bf_nhandles_take(t->cmd->body, out);
	h.n_handles = (uint32_t)((out->len - handles) / sizeof(uint64_t));
	bf_buf_add(out, counters, n * sizeof(*counters));
	text = out->len;
	bf_native_print_cmd(out, t->cmd);
	h.text_len = out->len - text;
	bf_buf_add(out, "", 1);
	if (!out->err)
		memcpy(out->data + start, &h, sizeof(h));
}
