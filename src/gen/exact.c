/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.c: maps and concatenations without ranges whose elements come and go by
 * commands -> a hash in the class data (opt/exact.h), and a LIVE cell that
 * gathers the key for it. One for each set, whatever fields it is asked with.
 */
#include "opt/exact.h"

#include "gen/build.h"
#include "gen/elements.h"
#include "gen/gen.h"
#include "match/match.h"

enum { CHECKS = 4096 }; /* elements that are looked for in a new one, before anything relies on it */

struct bf_lower_exact {
	const struct bf_set *set;
	uint32_t head; /* 0: cannot be had, so nothing of this set changes in place */
	uint64_t bytes;
};

void bf_gen_row(const struct bf_set *s, uint32_t i, uint32_t *row)
{
	for (unsigned p = 0; p < s->n_parts; p++) {
		bf_u128 v = s->keys[(size_t)i * s->n_parts + p].lo;

		for (unsigned w = (s->bits[p] + 31u) / 32; w-- > 0;)
			*row++ = (uint32_t)(v >> 32 * w);
	}
	if (s->datum)
		bf_datum_words(s, &s->datum[i], row);
}

bool bf_gen_is_exact(const struct bf_set *s)
{
	for (size_t i = 0; i < (size_t)s->n * s->n_parts; i++)
		if (s->keys[i].lo != s->keys[i].hi)
			return false;
	return s->flags & BF_SET_EXACT;
}

void bf_gen_verdict_name(struct bf_buf *out, const struct bf_verdict *v)
{
	static const char *const names[] = { [BF_VERDICT_ACCEPT] = "accept", [BF_VERDICT_DROP] = "drop",
		[BF_VERDICT_RETURN] = "return", [BF_VERDICT_CONTINUE] = "continue" };

	if (v->kind == BF_VERDICT_JUMP || v->kind == BF_VERDICT_GOTO)
		bf_buf_printf(out, "%s %s", v->kind == BF_VERDICT_JUMP ? "jump" : "goto", v->chain->name);
	else if (v->kind < BF_ARRAY_SIZE(names) && names[v->kind])
		bf_buf_puts(out, names[v->kind]);
	else
		bf_buf_puts(out, "?");
}

/* NUL behind each. */
static void put_names(struct bf_buf *out, const struct bf_set *s)
{
	for (uint32_t i = 0; i < s->n_verdicts; i++) {
		bf_gen_verdict_name(out, &s->verdicts[i]);
		bf_buf_add(out, "", 1);
	}
	bf_buf_add(out, "", 1);
}

/* Of elements with the same key the first one counts. */
static const uint32_t *first_of(const struct bf_exact_spec *spec, uint32_t i)
{
	const uint32_t *row = spec->rows, *end = spec->rows + (size_t)i * (spec->key + spec->data);

	while (row < end && memcmp(row, end, spec->key * sizeof(*row)))
		row += spec->key + spec->data;
	return row;
}

static bool is_right(const struct bf_lower *l, const struct bf_exact_spec *spec, uint32_t head)
{
	const uint32_t *data = (const void *)l->class.data;
	uint32_t step = spec->n / CHECKS + 1, key[BF_LIVE_KEY_LONG] = { 0 };

	for (uint32_t i = 0; i < spec->n; i += step) {
		const uint32_t *row = spec->rows + (size_t)i * (spec->key + spec->data);
		uint32_t at;

		memcpy(key, row, spec->key * sizeof(*key));
		at = bf_exact_find(data, (uint32_t)(l->class.len / 4), head, key, 0);
		if (!at)
			return false;
		if (memcmp(data + at, row + spec->key, spec->data * sizeof(*key)) &&
		    memcmp(data + at, first_of(spec, i) + spec->key, spec->data * sizeof(*key)))
			return false;
	}
	return true;
}

static int build(struct bf_lower *l, struct bf_lower_exact *e)
{
	const struct bf_set *s = e->set;
	struct bf_exact_spec spec = { .key = bf_set_words(s), .data = bf_data_words(s), .n = s->n };
	_cleanup_free_ uint32_t *rows = calloc((size_t)s->n + 1, (spec.key + spec.data) * sizeof(*rows));
	_cleanup_buf_ struct bf_buf names = { 0 };
	size_t len = l->class.len;
	int err;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++)
		bf_gen_row(s, i, rows + (size_t)i * (spec.key + spec.data));
	spec.rows = rows;
	if (s->data == BF_DATA_VERDICT)
		put_names(&names, s);
	spec.names = names.data;
	spec.names_len = names.len;
	err = names.err ? names.err : bf_exact_build(&spec, &l->class, &e->head);
	if (!err && !is_right(l, &spec, e->head)) {
		bf_diag_error(l->diag, -EBADMSG, "internal error: the hash of the set %s is wrong", s->name ? s->name : "");
		err = -EBADMSG;
	}
	if (err)
		e->head = 0;
	e->bytes = l->class.len - len;
	return err == -EOPNOTSUPP ? 0 : err;
}

static uint32_t add(struct bf_lower *l, struct bf_lower_exact *e, bool can)
{
	int err = can ? build(l, e) : 0;

	if (err || bf_grow(&l->exacts, l->n_exacts, &l->cap_exacts, sizeof(*e)) < 0)
		return bf_lower_error(l, err ? err : -ENOMEM), 0;
	l->exacts[l->n_exacts++] = *e;
	return e->head;
}

static bool is_spoiled(const struct bf_lower *l, const struct bf_set *s)
{
	for (uint32_t i = 0; i < l->n_exacts; i++)
		if (l->exacts[i].set == s && !l->exacts[i].head)
			return true;
	return false;
}

/* Its head, or 0. */
static uint32_t head_of(struct bf_lower *l, const struct bf_set *s)
{
	struct bf_lower_exact e = { .set = s };
	const struct bf_known_set *known;
	uint32_t k = 0;

	if (l->cell_base) {
		known = bf_lower_known(l, BF_KNOWN_EXACT, s, &k);
		return known ? known->at : (bf_lower_error(l, -EAGAIN), 0);
	}
	for (uint32_t i = 0; i < l->n_exacts; i++)
		if (l->exacts[i].set == s)
			return l->exacts[i].head;
	if (!l->class.len)
		bf_buf_reserve(&l->class, 2 * sizeof(uint32_t)); /* place 0 is none */
	return add(l, &e, bf_gen_is_exact(s));
}

/* All of its parts are gathered as they stand in the elements. */
static bool has_words(const struct bf_lookup *k)
{
	for (unsigned p = 0; p < k->set->n_parts; p++)
		if ((k->part[p].field->bits + 31u) / 32 != (k->set->bits[p] + 31u) / 32)
			return false;
	return true;
}

bool bf_lower_exact(struct bf_lower *l, const struct bf_lookup *k, bf_label hit, bf_label miss, bf_label na)
{
	uint32_t head = has_words(k) ? head_of(l, k->set) : 0;

	if (!head && !l->err)
		bf_lower_not_exact(l, k->set); /* with other fields it might be */
	if (!head || l->err)
		return l->err;
	bf_lower_uses(l)->structs |= bf_set_words(k->set) <= BF_LIVE_KEY ? BF_EXACT_SHORT : BF_EXACT_LONG;
	bf_lower_gather(l, k, head, hit, miss, na);
	return true;
}

bool bf_lower_idle_exact(struct bf_lower *l, const struct bf_set *s)
{
	for (uint32_t i = 0; i < l->n_exacts; i++)
		if (l->exacts[i].set == s)
			return false;
	if (!head_of(l, s))
		return false;
	l->idle.structs |= bf_set_words(s) <= BF_LIVE_KEY ? BF_EXACT_SHORT : BF_EXACT_LONG;
	return true;
}

void bf_lower_not_exact(struct bf_lower *l, const struct bf_set *s)
{
	struct bf_lower_exact e = { .set = s };

	if (l->cell_base)
		bf_lower_error(l, -EAGAIN);
	else if (s && s->flags & BF_SET_EXACT && !is_spoiled(l, s))
		add(l, &e, false);
}

void bf_lower_tell_exacts(const struct bf_lower *l, struct bf_buf *out)
{
	for (uint32_t i = 0; i < l->n_exacts; i++) {
		const struct bf_set *s = l->exacts[i].set;
		const struct bf_known_set x = { .set = s->id, .kind = BF_KNOWN_EXACT, .flags = s->flags & BF_KNOWN_FLAGS,
			.at = l->exacts[i].head };

		if (!is_spoiled(l, s))
			bf_buf_add(out, &x, sizeof(x));
	}
}

uint32_t bf_lower_exact_places(const struct bf_lower *l, struct bf_set_place *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n_exacts; i++)
		if (!is_spoiled(l, l->exacts[i].set))
			out[n++] = (struct bf_set_place){ l->exacts[i].set->id, l->exacts[i].head, BF_PLACE_EXACT };
	return n;
}

void bf_lower_explain_exacts(const struct bf_lower *l, struct bf_buf *text)
{
	for (uint32_t i = 0; i < l->n_exacts; i++) {
		const struct bf_lower_exact *e = &l->exacts[i];

		if (e->head)
			bf_buf_printf(text, "%s: %u elements, hash of keys of %u words, %llu bytes\n", e->set->name ? e->set->name : "", e->set->n,
			              bf_set_words(e->set), (unsigned long long)e->bytes);
	}
}
