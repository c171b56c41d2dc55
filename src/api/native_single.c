/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_single.c: elements of sets whose content is the kernel's come and go
 * without a look at the others.
 *
 * Boxes must not overlap. One that holds the new one, or part of it, lies under
 * the same bits cut to some combination of lengths that there is: a look for
 * each. One inside of the new one, where longer prefixes are there, is looked
 * for under each value that it may have; where these are too many, all elements
 * are gone through.
 *
 * Whatever is not plain (overlaps, joins, what is not there) is done the long
 * way, which tells mistakes.
 */
#include <unistd.h>

#include "api/native.h"
#include "gen/gen.h"
#include "rule/set.h"

enum { LOOKS = 600, BOXES_MAX = 64 };

struct single {
	struct bf_ns *ns;
	const char *unit;
	char name[24];
	const struct bf_ast_set *ast;
	const struct bf_set *s;     /* the elements of the command */
	struct bf_buf records;      /* they, as the hash has them */
	uint32_t key, words;        /* of a record; of these the parts' */
	int fd;
	struct bf_rt_lengths lens;  /* that there are */
	bool clash;
};

int bf_native_eval_set(struct bf_ctx *ctx, const struct bf_ast *ast, const struct bf_ast_cmd *types, const struct bf_ast_set *set,
                       struct bf_ast_expr *elements, struct bf_evaluated *ev, struct bf_diag *d)
{
	struct bf_ast_set alone = *set;
	struct bf_ast_table body = { .sets = &alone };
	struct bf_ast_cmd table = *types;
	struct bf_eval_env env;

	alone.next = NULL;
	alone.elements = elements;
	table.body = &body;
	table.next = NULL;
	bf_native_env(&env, ctx);
	return bf_native_eval(ast, &table, &env, ev, d);
}

static int eval_single(struct bf_ctx *ctx, struct bf_ast *ast, const struct bf_ast_cmd *types, const struct bf_ast_set *set,
                       struct bf_evaluated *ev)
{
	struct bf_types key, data;
	int rc;

	bf_native_set_types(set, &key, &data);
	rc = bf_native_type(ast, ast->cmds->elements, &key, NULL, false, &ctx->diag);
	return rc ? rc : bf_native_eval_set(ctx, ast, types, set, ast->cmds->elements, ev, &ctx->diag);
}

static const uint32_t *record(const struct single *x, size_t i, const struct bf_rt_elem **e)
{
	const char *at = x->records.data + i * (x->key * sizeof(uint32_t) + sizeof(**e));

	if (at >= x->records.data + x->records.len)
		return NULL;
	*e = (const void *)(at + x->key * sizeof(uint32_t));
	return (const void *)at;
}

/* What is there under the key that is not this very element. */
static bool is_free(struct single *x, const uint32_t *key, const struct bf_rt_elem *mine, const uint32_t *my_key)
{
	struct bf_rt_elem e;

	if (bf_element_get(x->fd, key, &e) || !e.born)
		return true;
	return !memcmp(key, my_key, x->key * sizeof(*key)) && e.whole == mine->whole;
}

struct part { /* of a key: where, and how many words */
	uint32_t at, words;
};

static void find_parts(const struct single *x, struct part *p)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < x->s->n_parts; i++) {
		p[i] = (struct part){ at, (x->s->bits[i] + 31u) / 32 };
		at += p[i].words;
	}
}

static bf_u128 part_value(const uint32_t *w, uint32_t words)
{
	bf_u128 v = 0;

	while (words--)
		v = v << 32 | *w++;
	return v;
}

static void put_part(uint32_t *w, uint32_t words, bf_u128 v)
{
	while (words--)
		*w++ = (uint32_t)(v >> 32 * words);
}

/* Bit n of those below the part's length. */
static bf_u128 below(const struct part *p, unsigned len)
{
	unsigned wild = 32 * p->words - len;

	return wild >= 128 ? ~(bf_u128)0 : ((bf_u128)1 << wild) - 1;
}

/* How many keys under lengths `len` may lie in, or around, one under `mine`; more than LOOKS: too many. */
static uint64_t how_many(const struct single *x, const uint8_t *len, const uint8_t *mine)
{
	uint64_t n = 1;

	for (unsigned i = 0; i < x->s->n_parts; i++)
		if (len[i] > mine[i])
			n = len[i] - mine[i] > 20 ? LOOKS + 1 : BF_MIN(n << (len[i] - mine[i]), LOOKS + 1ull);
	return n;
}

/* Number k of them. */
static void nth_key(const struct single *x, const uint32_t *from, const uint8_t *len, const uint8_t *mine, uint64_t k, uint32_t *out)
{
	struct part p[BF_LIVE_PARTS];

	find_parts(x, p);
	memset(out, 0, x->key * sizeof(*out));
	for (unsigned i = 0; i < x->s->n_parts; i++) {
		unsigned more = len[i] > mine[i] ? len[i] - mine[i] : 0, wild = 32 * p[i].words - len[i];
		bf_u128 v = part_value(from + p[i].at, p[i].words) & ~below(&p[i], len[i]);

		if (more)
			v |= (bf_u128)(k & ((1u << more) - 1)) << wild;
		k >>= more;
		put_part(out + p[i].at, p[i].words, v);
		out[x->words] |= (uint32_t)len[i] << 8 * i;
	}
}

/* Nothing overlaps with a part of an element. *many: it would take too long to tell so. */
static bool is_apart(struct single *x, const uint32_t *key, const struct bf_rt_elem *e, bool *many)
{
	uint8_t mine[4] = { (uint8_t)key[x->words], (uint8_t)(key[x->words] >> 8), (uint8_t)(key[x->words] >> 16),
		                (uint8_t)(key[x->words] >> 24) };
	uint32_t other[BF_LIVE_KEY_LONG];
	uint64_t all = 0;

	for (uint32_t i = 0; i < x->lens.n; i++)
		all += how_many(x, x->lens.len + (size_t)i * x->s->n_parts, mine);
	if (all > LOOKS)
		return *many = true;
	for (uint32_t i = 0; i < x->lens.n; i++) {
		const uint8_t *len = x->lens.len + (size_t)i * x->s->n_parts;

		for (uint64_t k = 0, n = how_many(x, len, mine); k < n; k++) {
			nth_key(x, key, len, mine, k, other);
			if (!is_free(x, other, e, key))
				return false;
		}
	}
	return true;
}

/* Is there anything that holds this value? */
static bool is_taken(struct single *x, bf_u128 v)
{
	struct part p = { 0, (x->s->bits[0] + 31u) / 32 };
	uint32_t from[BF_LIVE_KEY_LONG], key[BF_LIVE_KEY_LONG];
	struct bf_rt_elem e;
	uint8_t all = (uint8_t)(32 * p.words);

	put_part(from, p.words, v);
	for (uint32_t i = 0; i < x->lens.n; i++) {
		nth_key(x, from, &x->lens.len[i], &all, 0, key);
		if (!bf_element_get(x->fd, key, &e) && e.born)
			return true;
	}
	return false;
}

/* What it might be joined with. */
static bool has_neighbours(struct single *x)
{
	bf_u128 most = below(&(struct part){ 0, (x->s->bits[0] + 31u) / 32 }, 32 * ((x->s->bits[0] + 31u) / 32) - x->s->bits[0]);

	for (uint32_t i = 0; x->ast->auto_merge && i < x->s->n; i++) {
		const struct bf_range *r = &x->s->keys[i];

		if ((r->lo && is_taken(x, r->lo - 1)) || (r->hi < most && is_taken(x, r->hi + 1)))
			return true;
	}
	return false;
}

/* All elements. */

static int by_range(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static bool overlap(const struct bf_range *a, const struct bf_range *b, unsigned parts)
{
	for (unsigned i = 0; i < parts; i++)
		if (a[i].lo > b[i].hi || b[i].lo > a[i].hi)
			return false;
	return true;
}

struct scan {
	struct single *x;
	struct bf_types types, data;
	struct bf_range *sorted; /* of one part */
};

static bool meets_one(const struct scan *s, const struct bf_range *r)
{
	uint32_t lo = 0, hi = s->x->s->n;

	while (lo < hi) { /* the first that does not end before */
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->sorted[mid].hi < r->lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->x->s->n && s->sorted[lo].lo <= r->hi;
}

static bool meets_some(const struct scan *s, const struct bf_range *r)
{
	for (uint32_t i = 0; i < s->x->s->n; i++)
		if (overlap(&s->x->s->keys[(size_t)i * s->x->s->n_parts], r, s->x->s->n_parts))
			return true;
	return false;
}

static int check_one(void *arg, const uint32_t *key, const struct bf_rt_elem *e, uint64_t now)
{
	struct scan *s = arg;
	bf_u128 box[2 * BF_LIVE_PARTS];

	(void)e;
	(void)now;
	bf_native_box_of(&s->types, key, box);
	return (s->sorted ? meets_one(s, (void *)box) : meets_some(s, (void *)box)) ? -EEXIST : 0;
}

/* Ranges of one part, in order; NULL: they overlap. */
static struct bf_range *sort_ranges(const struct bf_set *s)
{
	struct bf_range *r = calloc(s->n + 1ul, sizeof(*r));

	if (!r)
		return NULL;
	memcpy(r, s->keys, s->n * sizeof(*r));
	qsort(r, s->n, sizeof(*r), by_range);
	for (uint32_t i = 1; i < s->n; i++)
		if (r[i].lo <= r[i - 1].hi) {
			free(r);
			return NULL;
		}
	return r;
}

static bool apart_among(const struct single *x)
{
	const struct bf_set *s = x->s;

	if (s->n > BOXES_MAX)
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (overlap(&s->keys[(size_t)i * s->n_parts], &s->keys[(size_t)k * s->n_parts], s->n_parts))
				return false;
	return true;
}

static bool touches(const struct bf_range *r, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (r[i].lo == r[i - 1].hi + 1)
			return true;
	return false;
}

/* Nothing of what is there overlaps with what is added, nor that with itself. */
static bool all_apart(struct single *x)
{
	_cleanup_free_ struct bf_range *sorted = x->s->n_parts == 1 ? sort_ranges(x->s) : NULL;
	struct scan scan = { .x = x, .sorted = sorted };
	const struct bf_rt_elem *e;
	const uint32_t *key;
	bool many = false;

	if (sorted ? x->ast->auto_merge && touches(sorted, x->s->n) : x->s->n_parts == 1 || !apart_among(x))
		return false;
	for (size_t i = 1; (key = record(x, i, &e)) && !many; i++)
		if (!is_apart(x, key, e, &many))
			return false;
	if (many) {
		bf_native_set_types(x->ast, &scan.types, &scan.data);
		if (bf_unit_elements(x->ns, x->unit, x->name, check_one, &scan))
			return false;
	}
	return !has_neighbours(x);
}

/* The elements as they are now. */

static bool read_lengths(struct single *x)
{
	uint32_t key[BF_LIVE_KEY_LONG] = { 0 };
	struct bf_rt_elem e;

	key[x->words] = UINT32_MAX;
	if (bf_element_get(x->fd, key, &e))
		return false;
	memcpy(&x->lens, &e, sizeof(e));
	return x->lens.parts == x->s->n_parts && x->lens.n * x->lens.parts <= BF_RT_LENGTHS;
}

/* The first record tells lengths; and that these come to those that are there. */
static bool may_add_boxes(struct single *x)
{
	struct bf_rt_lengths *l = (void *)(x->records.data + x->key * sizeof(uint32_t));

	l->more = 1;
	if (!read_lengths(x) || (x->ast->has_size && x->lens.most + (uint64_t)x->s->n > x->ast->size))
		return false;
	return all_apart(x);
}

static bool add(struct single *x)
{
	if (x->s->flags & BF_SET_BOXES && !may_add_boxes(x))
		return false;
	return !bf_unit_elements_add(x->ns, x->unit, x->name, x->records.data, x->records.len, NULL);
}

/* destroy: it is no mistake when one is not there. */
static bool take(struct single *x, bool destroy)
{
	const struct bf_rt_elem *e;
	struct bf_rt_elem there;
	const uint32_t *key;

	for (size_t i = 0; (key = record(x, i, &e)) && !(destroy && !(x->s->flags & BF_SET_BOXES)); i++)
		if (e->born && (bf_element_get(x->fd, key, &there) || there.whole != e->whole))
			return false;
	for (size_t i = 0; (key = record(x, i, &e)); i++)
		if (e->born)
			bf_element_delete(x->fd, key);
	return true;
}

static bool is_plain(const struct bf_set *s)
{
	for (size_t i = 0; i < (size_t)s->n * s->n_parts && !(s->flags & BF_SET_BOXES); i++)
		if (s->keys[i].lo != s->keys[i].hi)
			return false;
	return s->n;
}

static bool change(struct single *x, enum bf_ast_verb verb)
{
	bool done = false;

	x->words = bf_set_words(x->s);
	x->key = x->words + (x->s->flags & BF_SET_BOXES ? 1 : 0) <= BF_LIVE_KEY ? BF_LIVE_KEY : BF_LIVE_KEY_LONG;
	bf_gen_elements(x->s, &x->records);
	if (!x->records.err)
		done = verb == BF_VERB_ADD ? add(x) : take(x, verb == BF_VERB_DESTROY);
	bf_buf_free(&x->records);
	return done;
}

int bf_native_live_single(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, const struct bf_ast_cmd *types,
                          const struct bf_ast_set *set, struct bf_ast *ast, bool *done)
{
	struct single x = { .ns = ns, .unit = unit, .ast = set };
	enum bf_ast_verb verb = ast->cmds->verb;
	struct bf_evaluated ev = {};
	int rc;

	if (ast->cmds->next || verb == BF_VERB_CREATE || set->map || !bf_native_live_is(set) ||
	    bf_native_notes(ast, ast->cmds->elements)) /* comments are stored with the table */
		return 0;
	bf_native_live_name(x.name, set->handle);
	x.fd = bf_unit_elements_open(ns, unit, x.name);
	if (x.fd < 0)
		return 0; /* no such hash */
	rc = eval_single(ctx, ast, types, set, &ev);
	x.s = rc ? NULL : ev.rs->tables[0]->sets[0];
	/* Where only elements have state it takes them all to know that they come and go. */
	if (x.s && is_plain(x.s) && (!(set->flags & BF_SET_INTERVAL) || x.s->flags & BF_SET_BOXES))
		*done = change(&x, verb);
	close(x.fd);
	bf_evaluated_free(&ev);
	return rc;
}
