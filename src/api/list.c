/* SPDX-License-Identifier: GPL-2.0-only */
/* list.c: all tables of a namespace, as text or as JSON: their rules (rule/print.c, rule/json.c), or what became of them
 * (gen/explain.c). */
#include "api/native.h"
#include "gen/explain.h"
#include "gen/gen.h"
#include "rule/print.h"

struct listing { /* what is printed of each table */
	int (*native)(struct bf_ctx *ctx, struct bf_buf *out, const struct native_unit *u, unsigned flags); /* or NULL */
	int (*table)(struct bf_ctx *ctx, struct bf_buf *out, const struct bf_stored *t, unsigned flags);
	unsigned flags;
	const char *begin, *gap, *middle, *end; /* before, between and behind native tables; behind the others */
	const char *other_gap;                  /* between these */
};

static int list_table(struct bf_ctx *ctx, struct bf_buf *out, const struct bf_stored *t, unsigned flags)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	_cleanup_free_ struct bf_rt_counter *counters = NULL;
	int rc = bf_xt_to_ruleset(t->state, t->len, &rs, NULL);

	if (!rc && (flags & BF_LIST_COUNTERS))
		rc = bf_stored_counters(t, &counters);
	if (rc)
		return rc;
	if (flags & BF_LIST_JSON)
		bf_table_print_json(out, rs->tables[0], counters);
	else
		bf_table_print(out, rs->tables[0], counters);
	return 0;
}

void bf_list_counts(struct bf_buf *out, const struct bf_table *t)
{
	for (uint32_t i = 0; i < t->n_chains; i++)
		for (uint32_t k = 0; k < t->chains[i]->n_rules; k++)
			if (t->chains[i]->rules[k].counter != BF_NO_COUNTER)
				bf_buf_printf(out, "count %u: chain %s, rule %u\n", t->chains[i]->rules[k].counter, t->chains[i]->name, k + 1);
}

static void print_image(struct bf_buf *out, const struct bf_image *img, const char *name, unsigned flags)
{
	if (flags & BF_DUMP_JSON) {
		bf_buf_puts(out, "{\"name\": ");
		bf_json_string(out, name);
		bf_buf_puts(out, ", \"chains\": ");
		bf_image_explain_json(out, img);
		bf_buf_puts(out, "}");
		return;
	}
	bf_buf_printf(out, "table %s\n", name);
	bf_image_explain(out, img);
	if (flags & BF_DUMP_CODE)
		bf_image_print(out, img);
}

/* The stored rules are compiled again, as they were for the kernel. */
static int dump_table(struct bf_ctx *ctx, struct bf_buf *out, const struct bf_stored *t, unsigned flags)
{
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	int rc = bf_stored_explain(ctx, t, &img);

	if (!rc)
		rc = bf_xt_to_ruleset(t->state, t->len, &rs, NULL);
	if (rc)
		return rc;
	print_image(out, img, img->name, flags);
	if (flags & BF_DUMP_CODE && !(flags & BF_DUMP_JSON))
		bf_list_counts(out, rs->tables[0]);
	return 0;
}

static int dump_native(struct bf_ctx *ctx, struct bf_buf *out, const struct native_unit *u, unsigned flags)
{
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_buf_ struct bf_buf name = {}, counts = {};
	int rc = bf_native_explain(ctx, u, &img, &counts);

	bf_buf_printf(&name, "%s %s", u->stored.family->name, u->stored.name);
	if (!rc && !name.err)
		print_image(out, img, name.data, flags);
	if (!rc && flags & BF_DUMP_CODE && !(flags & BF_DUMP_JSON) && counts.data)
		bf_buf_puts(out, counts.data);
	return rc ? rc : name.err ? name.err : counts.err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define UNITS_MAX 64

static uint32_t sorted_units(struct bf_ns *ns, struct bf_buf *names, const char *units[UNITS_MAX])
{
	uint32_t n = 0;

	if (!ns || bf_ns_units(ns, names) || !names->len)
		return 0;
	for (const char *u = names->data, *end = u + names->len; u < end && n < UNITS_MAX; u += strlen(u) + 1)
		if (!bf_native_is_unit(u))
			units[n++] = u;
	qsort(units, n, sizeof(*units), by_name);
	return n;
}

static int print_unit(struct bf_ctx *ctx, struct bf_ns *ns, const char *unit, const struct listing *l, struct bf_buf *out)
{
	_cleanup_stored_ struct bf_stored t = {};
	int family, rc;
	const char *table = bf_unit_table(unit, &family);

	rc = bf_stored_load(ns, family, table, &t);
	if (rc)
		return bf_diag_error(&ctx->diag, rc, "the stored table %s cannot be read: %s", unit, strerror(-rc));
	return l->table(ctx, out, &t, l->flags);
}

static int print_natives(struct bf_ctx *ctx, struct bf_ns *ns, const struct listing *l, struct bf_buf *out, bool *any)
{
	_cleanup_units_ struct native_units units = {};
	int rc = l->native ? bf_native_units(ctx, ns, &units) : 0;

	for (uint32_t i = 0; i < units.n && !rc; i++) {
		bf_buf_puts(out, !i ? "" : l->gap);
		rc = l->native(ctx, out, &units.v[i], l->flags);
		*any = true;
	}
	return rc;
}

static int print_units(struct bf_ctx *ctx, struct bf_ns *ns, const struct listing *l, struct bf_buf *out)
{
	_cleanup_buf_ struct bf_buf names = {};
	const char *units[UNITS_MAX];
	uint32_t n = l->flags & BF_LIST_NATIVE ? 0 : sorted_units(ns, &names, units);
	bool any = false;
	int rc = print_natives(ctx, ns, l, out, &any);

	bf_buf_puts(out, l->middle);
	for (uint32_t i = 0; i < n && !rc; i++) {
		if (i || (any && !*l->middle))
			bf_buf_puts(out, l->other_gap);
		do { /* counters that were replaced meanwhile: again, from the new ones */
			rc = print_unit(ctx, ns, units[i], l, out);
		} while (rc == -ESTALE);
	}
	return rc;
}

static int print_once(struct bf_ctx *ctx, const struct listing *l, char **text)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (rc && rc != -ENOENT)
		return rc;
	if (rc) {
		bf_ctx_begin(ctx); /* no state: an empty list, where there could be one */
		if (bf_check_kernel(&ctx->diag))
			return -EOPNOTSUPP;
	}
	bf_buf_puts(&out, l->begin);
	rc = print_units(ctx, rc ? NULL : ns, l, &out);
	bf_buf_puts(&out, l->end);
	if (rc || out.err)
		return rc ? rc : out.err;
	*text = out.data ? TAKE_PTR(out.data) : strdup("");
	return *text ? 0 : -ENOMEM;
}

/* Tables that a writer replaced while they were read: all again. */
static int print_all(struct bf_ctx *ctx, const struct listing *l, char **text)
{
	int rc;

	do
		rc = print_once(ctx, l, text);
	while (rc == -ESTALE);
	return rc;
}

int bf_list(struct bf_ctx *ctx, unsigned flags, char **text)
{
	const struct listing plain = {bf_native_list_unit, list_table, flags, "", "", "", "", "\n"};
	const struct listing json = {bf_native_list_unit, list_table, flags, BF_LIST_JSON_HEAD, "", "],\n\"iptables\": [\n", "]}\n", ",\n"};

	return print_all(ctx, flags & BF_LIST_JSON ? &json : &plain, text);
}

int bf_dump(struct bf_ctx *ctx, unsigned flags, char **text)
{
	const struct listing plain = {dump_native, dump_table, flags, "", "\n", "", "", "\n"};
	const struct listing json = {dump_native, dump_table, flags, "{\"tables\": [", ",\n", "", "]}\n", ",\n"};

	return print_all(ctx, flags & BF_DUMP_JSON ? &json : &plain, text);
}
