/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_quick.c: elements of sets come and go in place, in some 20 us however
 * large the set is. Neither the stored text nor the other elements are read:
 *
 *   commands ──▶ boxes ──▶ are they there? the pack's numbers (sorted), then the log ──▶ changes
 *   notes in the sets' data for version + 2 ──▶ a record for each ──▶ the store of the version
 *
 * Notes are folded into the sets (opt/set.h) when there are some, by the next
 * change or when the context is given up, behind a wait for packets of older
 * versions. Maps and concatenations (native_exact.c, opt/exact.h) are their own
 * index, and need no notes. What cannot be done so
 * (overlaps, no room) is left to the commands' long way, which
 * also tells mistakes.
 *
 * What is read of a table is kept with the context for the next call, with the
 * namespace's directory open: a fork, another namespace or another one's
 * transaction make it worthless.
 */
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "api/native.h"
#include "front/native/elem_box.h"
#include "gen/patch.h"
#include "front/native/print.h"
#include "opt/exact.h"
#include "opt/set.h"

enum { CHANGES_MAX = BF_SET_CHANGES };

struct native_warm {
	pid_t pid;
	struct bf_ns *ns;
	char unit[24];
	struct bf_quick *q;       /* of the table that was changed last; or NULL */
	struct bf_nstored stored; /* as it was compiled, without log */
	struct bf_ast *ast;
	struct bf_ast_cmd *types;
};

struct change { /* of one set by one element */
	const struct bf_ast_set *set;
	uint32_t pack;
	bf_u128 box[2];
	bool in;
	uint32_t head; /* a map or a concatenation; then `pack` is the set's number in the table, */
	size_t row;    /* and this many words from the first one are its key and data */
	const struct bf_ast_elem *el; /* of maps and concatenations, and what has a comment */
};

struct quick {
	struct bf_ctx *ctx;
	struct native_warm *w;
	struct bf_ast *ast;
	struct change c[CHANGES_MAX];
	uint32_t n;
	const void *log;
	size_t log_len;
	struct bf_buf rows;
};

/* What is kept. */

static void forget_table(struct native_warm *w)
{
	bf_quick_close(w->q);
	bf_ast_free(w->ast);
	w->q = NULL;
	w->ast = NULL;
}

static void free_warm(struct native_warm *w)
{
	if (!w)
		return;
	forget_table(w);
	bf_ns_close(w->ns);
	free(w);
}

/* The namespace, locked. *out NULL: there is nothing. */
static int open_warm(struct bf_ctx *ctx, struct native_warm **out)
{
	struct native_warm *w = ctx->warm;
	int rc = 0;

	if (w && (w->pid != getpid() || !bf_ns_is(w->ns, ctx->netns))) {
		free_warm(w);
		w = ctx->warm = NULL;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		rc = w ? bf_ns_open(&w->ns, ctx->netns, false, NULL) : -ENOMEM;
		if (rc) {
			free(w);
			return rc == -ENOMEM ? rc : 0; /* others tell */
		}
		w->pid = getpid();
		ctx->warm = w;
	}
	rc = bf_ctx_lock(ctx, w->ns);
	if (!rc)
		*out = w;
	return rc == -ENOENT ? 0 : rc;
}

static bool is_table(const struct native_warm *w, const struct bf_ast_cmd *cmd)
{
	return !strcmp(w->stored.family->name, cmd->family ? cmd->family->name : "ip") && !strcmp(w->stored.name, cmd->table.text);
}

/* This unit, if it is the command's table. 1: it is not. */
static int open_unit(struct native_warm *w, const char *unit, const struct bf_ast_cmd *cmd)
{
	int rc = bf_quick_open(w->ns, unit, &w->q);

	if (!rc)
		rc = bf_nstored_read(w->q->state, w->q->state_len, NULL, 0, &w->stored);
	if (rc || !is_table(w, cmd) || (w->stored.head->link_len && !bf_gen_is_ours(w->stored.link, w->stored.head->link_len)))
		return rc ? rc : 1;
	snprintf(w->unit, sizeof(w->unit), "%s", unit);
	rc = bf_native_parse(&w->ast, "", "", 0, NULL, NULL);
	return rc ? rc : bf_nstored_types(&w->stored, w->ast, &w->types, NULL);
}

/* False: it is not there, or not as it should be. */
static bool open_table(struct native_warm *w, const struct bf_ast_cmd *cmd)
{
	_cleanup_buf_ struct bf_buf names = {};

	if (w->q && bf_quick_fits(w->ns, w->q) && is_table(w, cmd))
		return true;
	forget_table(w);
	if (bf_ns_units(w->ns, &names))
		return false;
	for (const char *p = names.data; p && p < names.data + names.len; p += strlen(p) + 1) {
		int rc = bf_native_is_unit(p) && strlen(p) < sizeof(w->unit) ? open_unit(w, p, cmd) : 1;

		if (!rc)
			return true;
		forget_table(w);
		if (rc < 0)
			return false;
	}
	return false;
}

/* Is it there? */

enum relation { FREE, THERE, UNCLEAR };

static bool meets(const bf_u128 a[2], const bf_u128 b[2])
{
	return a[0] <= b[1] && b[0] <= a[1];
}

static bool same(const bf_u128 a[2], const bf_u128 b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

/* With what touches it. */
static void widen(const struct bf_nstore_pack *p, const bf_u128 box[2], bf_u128 out[2])
{
	bf_u128 most = p->words == 4 ? ~(bf_u128)0 : ((bf_u128)1 << 32 * p->words) - 1;

	out[0] = box[0] - (box[0] > 0);
	out[1] = box[1] + (box[1] < most);
}

/* By what the table had when it was compiled. around: where no other one may be. */
static enum relation base_relation(const struct bf_nstored *s, const struct bf_nstore_pack *p, const bf_u128 box[2],
                                   const bf_u128 around[2])
{
	const uint32_t *numbers = s->numbers + p->at / sizeof(uint32_t);
	uint32_t lo = 0, hi = p->n;
	bf_u128 b[2];

	while (lo < hi) { /* the first that does not end before */
		uint32_t mid = lo + (hi - lo) / 2;

		bf_npack_box(p, numbers, mid, b);
		if (b[1] < around[0])
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == p->n)
		return FREE;
	bf_npack_box(p, numbers, lo, b);
	if (!meets(b, around))
		return FREE;
	if (!same(b, box))
		return UNCLEAR;
	if (lo + 1 < p->n)
		bf_npack_box(p, numbers, lo + 1, b);
	return lo + 1 < p->n && meets(b, around) ? UNCLEAR : THERE;
}

/* The top 64 bits of numbers. */
static uint64_t top_of(const struct bf_nstore_pack *p, bf_u128 v)
{
	return (uint64_t)(p->words > 2 ? v >> 32 * (p->words - 2) : v);
}

static uint64_t top_at(const struct bf_nstore_pack *p, const uint32_t *w)
{
	return p->words > 1 ? (uint64_t)w[0] << 32 | w[1] : w[0];
}

/* They say mostly that two are apart. */
static bool may_meet(const struct bf_nstore_pack *p, const struct bf_nlog_record *r, uint64_t lo, uint64_t hi)
{
	const uint32_t *w = (const void *)(r + 1);

	return top_at(p, w) <= hi && top_at(p, w + (p->ranges ? p->words : 0)) >= lo;
}

/* The last record that is about something there. */
static const struct bf_nlog_record *last_about(const struct quick *q, uint32_t pack, const bf_u128 around[2])
{
	const struct bf_nstore_pack *p = &q->w->stored.packs[pack];
	uint64_t lo = top_of(p, around[0]), hi = top_of(p, around[1]);
	const struct bf_nlog_record *r, *last = NULL;
	bf_u128 b[2];

	for (size_t at = 0; (r = bf_nlog_next(q->log, q->log_len, &at));) {
		if (r->kind != BF_NLOG_ELEMENTS || (r->n & BF_NLOG_PACK) != pack || !may_meet(p, r, lo, hi))
			continue;
		bf_npack_box(p, (const uint32_t *)(const void *)(r + 1), 0, b);
		if (meets(b, around))
			last = r;
	}
	return last;
}

/* The last word about it in the log counts. Where it was about something that only overlaps, nothing is said. */
static enum relation relation(const struct quick *q, const struct change *c)
{
	const struct bf_nstore_pack *p = &q->w->stored.packs[c->pack];
	const struct bf_nlog_record *last;
	bf_u128 around[2], b[2];

	memcpy(around, c->box, sizeof(around));
	if (c->set->auto_merge)
		widen(p, c->box, around);
	last = last_about(q, c->pack, around);
	if (!last)
		return base_relation(&q->w->stored, p, c->box, around);
	bf_npack_box(p, (const uint32_t *)(const void *)(last + 1), 0, b);
	return !same(b, c->box) ? UNCLEAR : last->n & BF_NLOG_GONE ? FREE : THERE;
}

/* The set would have more than it may. */
static bool is_full(const struct quick *q, const struct change *c)
{
	const struct bf_quick *k = q->w->q;
	int64_t n = c->head ? bf_exact_head(k->class, k->n_class, c->head)->n : q->w->stored.packs[c->pack].n;
	const struct bf_nlog_record *r;

	if (!c->set->has_size)
		return false;
	for (size_t at = 0; (r = bf_nlog_next(q->log, q->log_len, &at));)
		if (r->kind == (c->head ? BF_NLOG_TEXT : BF_NLOG_ELEMENTS) && (r->n & BF_NLOG_PACK) == c->pack)
			n += r->n & BF_NLOG_GONE ? -1 : 1;
	for (uint32_t i = 0; i < q->n; i++)
		n += q->c[i].set == c->set && q->c[i].in;
	return n > (int64_t)BF_MIN(c->set->size, (uint64_t)INT64_MAX);
}

/* What is wanted. */

bool bf_native_is_quick(const struct bf_ast *ast)
{
	for (const struct bf_ast_cmd *c = ast->cmds; c; c = c->next) {
		const struct bf_ast_expr *e = c->object == BF_OBJ_ELEMENT && c->elements ? bf_ast_peel(c->elements) : NULL;

		if (!e || e->kind != BF_AST_SET || !c->table.text || !c->name.text || strcmp(c->table.text, ast->cmds->table.text) ||
		    c->family != ast->cmds->family)
			return false;
		if (c->verb != BF_VERB_ADD && c->verb != BF_VERB_CREATE && c->verb != BF_VERB_DELETE && c->verb != BF_VERB_DESTROY)
			return false;
	}
	return ast->cmds;
}

static const struct bf_ast_set *set_of(const struct native_warm *w, const char *name)
{
	const struct bf_ast_set *s = w->types->body->sets;

	while (s && strcmp(s->name.text, name))
		s = s->next;
	return s;
}

/* Where packets look for its elements, if it is no set of single fields; or 0. */
static uint32_t exact_head(const struct native_warm *w, const struct bf_ast_set *set)
{
	const struct bf_nstored *s = &w->stored;

	for (uint32_t i = 0; w->q->journal && w->q->class && i < s->head->n_places; i++)
		if (s->places[i].set == set->handle && s->places[i].kind == BF_PLACE_EXACT &&
		    bf_exact_head(w->q->class, w->q->n_class, s->places[i].head))
			return s->places[i].head;
	return 0;
}

/* Its pack's number, if it changes in place; else -1. */
static int64_t pack_of(const struct native_warm *w, const struct bf_ast_set *set)
{
	const struct bf_nstored *s = &w->stored;
	bool has_place = false, can = w->q->journal;

	for (uint32_t i = 0; i < s->head->n_places; i++) {
		has_place |= s->places[i].set == set->handle;
		can &= !s->places[i].head || w->q->class;
	}
	for (uint32_t i = 0; can && has_place && i < BF_MIN(s->head->n_packs, (uint32_t)BF_NLOG_PACK); i++)
		if (s->packs[i].set == set->handle)
			return i;
	return -1;
}

/* Notes a change, unless it is so already. False: it cannot be made this way, or must be refused. */
static bool take_change(struct quick *q, const struct change *c, enum relation r, enum bf_ast_verb verb)
{
	if (r == UNCLEAR || (r == THERE && verb == BF_VERB_CREATE) || (r == FREE && verb == BF_VERB_DELETE))
		return false;
	if (c->in == (r == THERE))
		return true;
	if (q->n == CHANGES_MAX)
		return false;
	q->c[q->n++] = *c;
	return true;
}

static bool add_change(struct quick *q, const struct change *c, enum bf_ast_verb verb)
{
	enum relation r = relation(q, c);
	bf_u128 around[2];

	widen(&q->w->stored.packs[c->pack], c->box, around);
	for (uint32_t i = 0; i < q->n; i++)
		if (q->c[i].set == c->set && meets(q->c[i].box, around))
			return false;
	return take_change(q, c, r, verb);
}

static uint32_t number_of(const struct native_warm *w, const struct bf_ast_set *set)
{
	uint32_t n = 0;

	for (const struct bf_ast_set *s = w->types->body->sets; s != set; s = s->next)
		n++;
	return n;
}

static bool add_elements(struct quick *q, const struct bf_ast_cmd *cmd, const struct bf_ast_set *set, uint32_t pack)
{
	bool bare = cmd->verb == BF_VERB_DELETE || cmd->verb == BF_VERB_DESTROY;
	struct bf_types key, data;

	bf_native_set_types(set, &key, &data);
	if (number_of(q->w, set) > BF_NLOG_PACK || bf_native_type(q->ast, cmd->elements, &key, NULL, bare, NULL))
		return false;
	for (const struct bf_ast_elem *el = bf_ast_peel(cmd->elements)->set.first; el; el = el->next) {
		enum bf_ast_expr_kind kind = bf_ast_peel(el->key)->kind;
		const struct bf_ast_elem_more *m = el->more;
		struct change c = { .set = set, .pack = pack, .in = !bare, .el = m ? el : NULL };

		if (el->data || (m && (bare || m->has_timeout || m->has_expires || m->stmts)) || kind == BF_AST_SET || kind == BF_AST_ANY || !bf_nbox_read(c.box, el->key, &key) ||
		    c.box[0] > c.box[1] || (!q->w->stored.packs[pack].ranges && c.box[0] != c.box[1]) || !add_change(q, &c, cmd->verb))
			return false;
	}
	return true;
}

/* Maps and concatenations. Is it there, with what data? */

static const uint32_t *row_of(const struct quick *q, size_t row)
{
	return (const uint32_t *)(const void *)q->rows.data + row;
}

/* The change that these commands make of it already. */
static const struct change *earlier(const struct quick *q, const struct change *c, const struct bf_exact_head *h)
{
	for (uint32_t i = q->n; i-- > 0;)
		if (q->c[i].set == c->set && !memcmp(row_of(q, q->c[i].row), row_of(q, c->row), h->key * sizeof(uint32_t)))
			return &q->c[i];
	return NULL;
}

static enum relation exact_relation(const struct quick *q, const struct change *c)
{
	const struct bf_quick *k = q->w->q;
	const struct bf_exact_head *h = bf_exact_head(k->class, k->n_class, c->head);
	const struct change *before = earlier(q, c, h);
	uint32_t at;

	if (before)
		return before->in || !c->in ? UNCLEAR : FREE;
	at = bf_exact_find(k->class, k->n_class, c->head, row_of(q, c->row), (uint32_t)k->journal->version);
	if (!at)
		return FREE;
	return c->in && memcmp(k->class + at, row_of(q, c->row) + h->key, h->data * sizeof(uint32_t)) ? UNCLEAR : THERE;
}

static bool add_exact_change(struct quick *q, const struct change *c, enum bf_ast_verb verb)
{
	return take_change(q, c, exact_relation(q, c), verb);
}

static bool add_exact(struct quick *q, const struct bf_ast_cmd *cmd, const struct bf_ast_set *set, uint32_t head)
{
	const struct native_exact x = { q->w->q->class, q->w->q->n_class, head };
	const struct bf_exact_head *h = bf_exact_head(x.class, x.n_class, head);
	struct change c = { .set = set, .head = head, .pack = number_of(q->w, set), .row = q->rows.len / sizeof(uint32_t),
		.in = cmd->verb == BF_VERB_ADD || cmd->verb == BF_VERB_CREATE };

	if (c.pack > BF_NLOG_PACK || !bf_exact_may((uint32_t)q->w->q->journal->version + 2) ||
	    !bf_native_exact_rows(q->ctx, q->ast, q->w->types, set, &x, cmd, &q->rows))
		return false;
	for (c.el = bf_ast_peel(cmd->elements)->set.first; c.el; c.el = c.el->next, c.row += h->key + h->data)
		if (!add_exact_change(q, &c, cmd->verb))
			return false;
	return true;
}

/* How it is done. */

typedef int place_fn(const struct quick *q, const struct bf_set_place *p, const void *arg);

static bool each_place(const struct quick *q, const struct bf_ast_set *set, place_fn *fn, const void *arg)
{
	const struct bf_nstored *s = &q->w->stored;

	for (uint32_t i = 0; i < s->head->n_places; i++)
		if (s->places[i].head && (!set || s->places[i].set == set->handle) && fn(q, &s->places[i], arg))
			return false;
	return true;
}

static void unnote_place(const struct bf_quick *k, const struct bf_set_place *p)
{
	uint32_t version = (uint32_t)k->journal->version;

	if (p->kind == BF_PLACE_EXACT)
		bf_exact_undo(k->class, k->n_class, p->head, version);
	else
		bf_set_unnote(k->class, k->n_class, p->head, version);
}

static int unnote(const struct quick *q, const struct bf_set_place *p, const void *arg)
{
	(void)arg;
	unnote_place(q->w->q, p);
	return 0;
}

/* Changes of maps cost packets nothing. */
static int has_more(const struct quick *q, const struct bf_set_place *p, const void *arg)
{
	const struct bf_quick *k = q->w->q;

	if (p->kind == BF_PLACE_EXACT)
		return bf_exact_changed(k->class, k->n_class, p->head) + q->n > BF_EXACT_CHANGES;
	return bf_set_noted(k->class, k->n_class, p->head) > *(const uint32_t *)arg;
}

static int fold(const struct quick *q, const struct bf_set_place *p, const void *arg)
{
	const struct bf_quick *k = q->w->q;

	(void)arg;
	if (p->kind != BF_PLACE_EXACT)
		return bf_set_fold(k->class, k->n_class, p->head);
	bf_exact_settle(k->class, k->n_class, p->head);
	return 0;
}

static int note(const struct quick *q, const struct bf_set_place *p, const void *arg)
{
	const struct bf_quick *k = q->w->q;
	uint32_t version = (uint32_t)k->journal->version;
	const struct change *c = arg;

	if (p->kind != BF_PLACE_EXACT)
		return bf_set_note(k->class, k->n_class, p->head, version + 2, c->box[0], c->box[1], c->in);
	if (c->in)
		return bf_exact_insert(k->class, k->n_class, p->head, row_of(q, c->row), version + 2);
	return bf_exact_remove(k->class, k->n_class, p->head, row_of(q, c->row), version, version + 2);
}

/* Notes cost packets time, and there is room for so many. */
static bool fold_if(const struct quick *q, uint32_t more_than)
{
	if (each_place(q, NULL, has_more, &more_than))
		return true;
	return !bf_quick_wait(q->w->q, NULL) && each_place(q, NULL, fold, NULL);
}

static void put_record(const struct quick *q, const struct change *c, struct bf_buf *out)
{
	if (!c->head)
		bf_nlog_elements(out, &q->w->stored.packs[c->pack], c->pack, !c->in, c->box, 1);
	if (c->head || c->el)
		bf_nlog_text(out, c->head ? c->pack : number_of(q->w, c->set), !c->in, c->el);
}

static bool make_changes(struct quick *q)
{
	_cleanup_buf_ struct bf_buf records = {};
	bool ok;

	for (uint32_t i = 0; i < q->n; i++)
		put_record(q, &q->c[i], &records);
	if (records.err || records.len > q->w->q->room - q->log_len)
		return false;
	ok = each_place(q, NULL, unnote, NULL) && fold_if(q, q->n < BF_SET_FOLD ? BF_SET_FOLD - q->n : 0);
	for (uint32_t i = 0; i < q->n && ok; i++)
		ok = each_place(q, q->c[i].set, note, &q->c[i]);
	if (ok)
		ok = !bf_quick_commit(q->w->q, records.data, records.len);
	if (ok)
		fold_if(q, BF_SET_FOLD); /* should it fail, the next change finds out */
	else
		each_place(q, NULL, unnote, NULL);
	return ok;
}

static int change_table(struct quick *q, bool *done)
{
	if (q->w->q->journal)
		q->log = bf_quick_log(q->w->q, &q->log_len);
	for (const struct bf_ast_cmd *cmd = q->ast->cmds; cmd; cmd = cmd->next) {
		const struct bf_ast_set *set = set_of(q->w, cmd->name.text);
		uint32_t head = set ? exact_head(q->w, set) : 0;
		int64_t pack = set ? pack_of(q->w, set) : -1;

		if (head && !add_exact(q, cmd, set, head))
			return 0;
		if (head)
			continue;
		if (set && pack < 0)
			return bf_native_live_single(q->ctx, q->w->ns, q->w->unit, q->w->types, set, q->ast, done);
		if (pack < 0 || !add_elements(q, cmd, set, (uint32_t)pack))
			return 0;
	}
	for (uint32_t i = 0; i < q->n; i++)
		if (is_full(q, &q->c[i]))
			return 0;
	*done = !q->n || make_changes(q);
	return 0;
}

/* The last changes' notes cost packets time as long as nobody folds them; whoever else is at it will. */
void bf_native_warm_free(struct native_warm *w)
{
	struct quick *q = w && w->q && w->pid == getpid() ? calloc(1, sizeof(*q)) : NULL;

	if (q && !bf_ns_lock(w->ns, 0)) {
		q->w = w;
		if (bf_quick_fits(w->ns, w->q) && w->q->journal && w->q->class && each_place(q, NULL, unnote, NULL))
			fold_if(q, 0);
		bf_ns_unlock(w->ns);
	}
	free(q);
	free_warm(w);
}

int bf_native_unnote(struct bf_ns *ns, const struct native_unit *u)
{
	const struct bf_nstored *s = &u->stored;
	struct bf_quick *q = NULL;
	uint32_t n = 0;
	int rc;

	for (uint32_t i = 0; i < s->head->n_places; i++)
		n += s->places[i].head != 0;
	if (!n)
		return 0;
	rc = bf_quick_open(ns, u->name, &q);
	for (uint32_t i = 0; !rc && q->journal && q->class && i < s->head->n_places; i++)
		if (s->places[i].head)
			unnote_place(q, &s->places[i]);
	bf_quick_close(q);
	return rc;
}

int bf_native_quick(struct bf_ctx *ctx, struct bf_ast *ast, bool *done)
{
	struct native_warm *w = NULL;
	struct quick *q;
	int rc;

	if (!bf_native_is_quick(ast))
		return 0;
	rc = open_warm(ctx, &w);
	if (rc || !w)
		return rc;
	q = calloc(1, sizeof(*q));
	if (q && open_table(w, ast->cmds)) {
		q->ctx = ctx;
		q->w = w;
		q->ast = ast;
		rc = change_table(q, done);
	}
	if (q)
		bf_buf_free(&q->rows);
	free(q);
	bf_ns_unlock(w->ns);
	return rc;
}
