/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restore.c: what save.c wrote, in place of all that is there: native tables by
 * their commands, with the handles they had, iptables' tables by their blobs,
 * checked as if iptables had handed them over; all by one switch.
 */
#include <inttypes.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <sys/socket.h>

#include "api/native.h"
#include "base/base64.h"

struct table { /* of iptables */
	int family;
	uint32_t older;
	char name[32], unit[48];
	struct bf_buf state, counters, head;
	struct bf_buf carried; /* counters, for the change */
	struct bf_image *image; /* NULL: the table goes */
};

struct hidden {
	const struct bf_ntable *table;
	struct native_start start;
};

struct restored {
	struct table v[64];
	uint32_t n;
	const char *text; /* where lines about handles are looked for */
	size_t len;
	const struct bf_ntable *last; /* the table whose handles came last, */
	struct bf_buf hidden;  /* struct hidden of it and of others */
};

static void forget(struct restored *s)
{
	bf_buf_free(&s->hidden);
	for (uint32_t i = 0; i < s->n; i++) {
		bf_buf_free(&s->v[i].state);
		bf_buf_free(&s->v[i].counters);
		bf_buf_free(&s->v[i].head);
		bf_buf_free(&s->v[i].carried);
		bf_image_free(s->v[i].image);
	}
	memset(s, 0, sizeof(*s));
}

/* Lines that begin with #:. */

struct line {
	const char *at, *end; /* behind the #: */
	unsigned number;
};

static bool next_line(const struct restored *s, struct line *l)
{
	const char *end = s->text + s->len, *p = l->at ? l->end + 1 : s->text;

	for (; p < end; p = l->end + 1) {
		l->end = memchr(p, '\n', (size_t)(end - p));
		l->end = l->end ? l->end : end;
		l->at = p + 2;
		l->number++;
		if (l->end - p > 2 && p[0] == '#' && p[1] == ':')
			return true;
	}
	return false;
}

static bool starts(const struct line *l, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(l->end - l->at) > n && !strncmp(l->at, word, n) && l->at[n] == ' ';
}

static int broken(struct native_run *r, const struct line *l, const char *what)
{
	return bf_diag_error(&r->ctx->diag, -EINVAL, "%s:%u: error: %s", r->ast->sources[0].name, l->number, what);
}

/* iptables. */

static int decode(struct native_run *r, struct table *t, const struct bf_buf *blob)
{
	struct bf_xt_replace info;
	uint32_t one = 1; /* what is replaced is of no interest here */
	int rc;

	if (blob->len < sizeof(struct ipt_replace))
		return -EINVAL;
	memcpy(blob->data + offsetof(struct ipt_replace, num_counters), &one, sizeof(one));
	rc = bf_xt_decode_replace(bf_nfproto(t->family), blob->data, blob->len, &info, &t->state, &r->ctx->diag);
	if (!rc && strcmp(info.name, t->name))
		rc = -EINVAL;
	return rc;
}

static int compile(struct native_run *r, struct table *t, struct bf_image *image)
{
	int rc = image ? 0 : bf_stored_compile(r->ctx, &t->state, &image);

	if (rc)
		return rc;
	bf_image_free(t->image);
	t->image = image;
	bf_buf_free(&t->head);
	return bf_stored_head(image, &t->state, t->older, &t->head);
}

/* Entry i has counter i. */
static void carry(struct table *t)
{
	const struct bf_rt_counter *c = (const void *)t->counters.data;

	for (uint32_t i = 0; i < t->counters.len / sizeof(*c); i++) {
		struct bf_carried one = { i, BF_CARRIED_NONE, 0, 0 };

		memcpy(&one.packets, &c[i].packets, sizeof(one.packets));
		memcpy(&one.bytes, &c[i].bytes, sizeof(one.bytes));
		bf_buf_add(&t->carried, &one, sizeof(one));
	}
}

static int read_rules(struct native_run *r, struct table *t, struct line *l)
{
	_cleanup_buf_ struct bf_buf blob = {};
	int rc;

	if (!next_line(r->restored, l) || !starts(l, "rules") ||
	    !bf_base64_get(&blob, l->at + 6, (size_t)(l->end - l->at - 6)))
		return broken(r, l, "these are no rules of iptables");
	rc = blob.err ? blob.err : decode(r, t, &blob);
	if (rc)
		return rc == -ENOMEM ? rc : broken(r, l, "these rules of iptables cannot be read here");
	if (!next_line(r->restored, l) || !starts(l, "counters") ||
	    !bf_base64_get(&t->counters, l->at + 9, (size_t)(l->end - l->at - 9)))
		return broken(r, l, "these are no counters");
	carry(t);
	return t->counters.err ? t->counters.err : t->carried.err ? t->carried.err : compile(r, t, NULL);
}

static int read_table(struct native_run *r, struct line *l)
{
	struct restored *s = r->restored;
	struct table *t = &s->v[s->n];
	char text[64] = "", family[8];

	memcpy(text, l->at, BF_MIN((size_t)(l->end - l->at), sizeof(text) - 1));
	if (s->n == BF_ARRAY_SIZE(s->v) || sscanf(text, "iptables %7s %31s %u", family, t->name, &t->older) != 3)
		return broken(r, l, "which table of iptables?");
	t->family = !strcmp(family, "ip6") ? AF_INET6 : AF_INET;
	if (!bf_xt_owns(t->family, t->name))
		return broken(r, l, "bpfilter has no such table of iptables");
	bf_unit_name(t->family, t->name, t->unit);
	s->n++;
	return read_rules(r, t, l);
}

static bool is_listed(const struct restored *s, const char *unit)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].unit, unit))
			return true;
	return false;
}

/* Tables that are there and were not: they go. */
static int remove_others(struct native_run *r)
{
	_cleanup_buf_ struct bf_buf names = {};
	struct restored *s = r->restored;
	int rc = r->ns ? bf_ns_units(r->ns, &names) : 0;

	for (const char *u = names.data; !rc && u && u < names.data + names.len; u += strlen(u) + 1)
		if (!bf_native_is_unit(u) && !is_listed(s, u) && s->n < BF_ARRAY_SIZE(s->v))
			snprintf(s->v[s->n++].unit, sizeof(s->v->unit), "%s", u);
	return rc;
}

int bf_restored_read(struct native_run *r, const char *text, size_t len)
{
	struct line l = {};
	int rc = 0;

	if (!r->restored)
		return 0;
	forget(r->restored);
	r->restored->text = text;
	r->restored->len = len;
	if (!next_line(r->restored, &l) || !starts(&l, "bpfilter") || strncmp(l.at, "bpfilter 1", 10))
		return bf_diag_error(&r->ctx->diag, -EINVAL, "%s: error: this was not saved by bpfilter save",
		                     r->ast->sources[0].name);
	while (!rc && next_line(r->restored, &l))
		if (starts(&l, "iptables"))
			rc = read_table(r, &l);
	return rc ? rc : remove_others(r);
}

/* Handles. */

static bool read_number(const struct line *l, const char **at, uint64_t *n)
{
	bool any = false;

	while (*at < l->end && **at == ' ')
		++*at;
	for (*n = 0; *at < l->end && **at >= '0' && **at <= '9'; ++*at, any = true)
		*n = *n * 10 + (uint64_t)(**at - '0');
	return any;
}

static struct bf_ntable *find(struct native_run *r, const struct line *l, const char **at)
{
	for (struct bf_ntable *t = r->apply.tables; t; t = t->next) {
		char head[300];
		const char *word = starts(l, "hidden") ? "hidden" : "table";
		int n = snprintf(head, sizeof(head), "%s %s %.255s ", word, t->family->name, t->name);

		if (!t->gone && t->changed && l->end - l->at > n && !strncmp(l->at, head, (size_t)n)) {
			*at = l->at + n;
			return t;
		}
	}
	return NULL;
}

static bool is_free(const struct native_run *r, uint64_t handle)
{
	for (const struct bf_ntable *t = r->apply.tables; t; t = t->next)
		if (!t->gone && t->handle == handle)
			return false;
	return handle;
}

/* A file that somebody edited has other objects than handles: those of that table are new. */
static void give(struct native_run *r, const struct line *l)
{
	_cleanup_buf_ struct bf_buf handles = {}, own = {};
	const char *at;
	struct bf_ntable *t = find(r, l, &at);
	uint64_t handle, last, h;

	if (!t || !read_number(l, &at, &handle) || !read_number(l, &at, &last))
		return;
	bf_nhandles_take(t->cmd->body, &own);
	while (read_number(l, &at, &h))
		if (h && h <= last)
			bf_buf_add(&handles, &h, sizeof(h));
	if (own.err || handles.err || own.len != handles.len)
		return;
	bf_nhandles_give(t->cmd->body, (const void *)handles.data, (uint32_t)(handles.len / sizeof(h)));
	t->last = last;
	if (is_free(r, handle))
		t->handle = t->cmd->body->handle = handle;
	r->apply.last_table = BF_MAX(r->apply.last_table, t->handle);
	r->restored->last = t;
}

/* Handles are as they were: so these are whose they were. */
static void keep_hidden(struct native_run *r, const struct line *l)
{
	struct restored *s = r->restored;
	const char *at;
	struct bf_ntable *t = find(r, l, &at);
	uint64_t n[5];

	while (t && t == s->last) {
		for (unsigned i = 0; i < 5; i++)
			if (!read_number(l, &at, &n[i]))
				return;
		bf_buf_add(&s->hidden, &(struct hidden){ t, { n[0], BF_EVAL_NONE, (uint32_t)n[1], (uint32_t)n[2], { n[3], n[4] } } },
		           sizeof(struct hidden));
	}
}

int bf_restored_starts(struct native_run *r, struct native_change *c)
{
	const struct hidden *h = r->restored ? (const void *)r->restored->hidden.data : NULL;
	size_t n = h ? r->restored->hidden.len / sizeof(*h) : 0;
	_cleanup_buf_ struct bf_buf v = {};

	for (size_t i = 0; i < n; i++)
		if (h[i].table == c->table)
			bf_buf_add(&v, &h[i].start, sizeof(h[i].start));
	if (v.err || (r->restored && r->restored->hidden.err))
		return -ENOMEM;
	return bf_native_more_starts(c, (const void *)v.data, v.len / sizeof(struct native_start));
}

void bf_restored_handles(struct native_run *r)
{
	struct line l = {};

	while (r->restored && next_line(r->restored, &l))
		if (starts(&l, "table"))
			give(r, &l);
		else if (starts(&l, "hidden"))
			keep_hidden(r, &l);
}

/* The change. */

uint32_t bf_restored_changes(const struct restored *s, struct bf_change *out)
{
	for (uint32_t i = 0; s && out && i < s->n; i++) {
		const struct table *t = &s->v[i];

		out[i] = (struct bf_change){ .unit = t->unit, .image = t->image, .head = t->head.data, .head_len = t->head.len,
			.state = t->state.data, .state_len = t->state.len, .carried = (const void *)t->carried.data,
			.n_carried = (uint32_t)(t->carried.len / sizeof(struct bf_carried)) };
	}
	return s ? s->n : 0;
}

bool bf_restored_without_code(struct native_run *r)
{
	bool any = false;

	for (uint32_t i = 0; r->restored && i < r->restored->n; i++) {
		struct table *t = &r->restored->v[i];
		struct bf_image *data = NULL;

		if (t->image && t->image->straight && !bf_stored_compile_data(&t->state, &data))
			any |= !compile(r, t, data);
	}
	return any;
}

int bf_restore(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags)
{
	_cleanup_close_ int lock = -1;
	struct restored *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	bf_ctx_begin(ctx);
	lock = bf_ctx_lock_xtables(ctx);
	flags = (flags & BF_NATIVE_CHECK) | BF_NATIVE_REPLACE;
	rc = lock == -ETIMEDOUT ? lock : bf_native_text(ctx, name, text, len, flags, NULL, s, NULL);
	forget(s);
	free(s);
	return rc;
}
