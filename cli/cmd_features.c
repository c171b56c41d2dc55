/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_features.c: `bpfilter features [-j]`. Exit status 1 when something is
 * missing that bpfilter cannot do without.
 */
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

struct here {
	const struct bf_feature_info *f;
	const struct bf_hook_info *hooks;
	int n, n_hooks;
};

static int print_json(const struct here *h)
{
	json_t *features = json_array(), *hooks = json_array(), *all;
	int rc = 1;

	for (const struct bf_feature_info *f = h->f; f < h->f + h->n; f++)
		json_array_append_new(features, json_pack("{s:s, s:b, s:b, s:s, s:s}", "name", f->name, "present", f->present,
		                                          "required", f->required, "enables", f->enables, "hint", f->hint));
	for (const struct bf_hook_info *k = h->hooks; k < h->hooks + h->n_hooks; k++)
		json_array_append_new(hooks, json_pack("{s:s, s:s, s:b, s:s}", "name", k->name, "at", k->at, "present", k->present,
		                                       "statements", k->statements));
	all = json_pack("{s:o, s:o}", "features", features, "hooks", hooks);
	if (all && json_array_size(features) == (size_t)h->n && json_array_size(hooks) == (size_t)h->n_hooks &&
	    !json_dumpf(all, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER))
		rc = bf_cli_print("\n");
	json_decref(all);
	return rc;
}

enum { COLUMNS = 4 };

static int add_line(struct libscols_table *t, const char *const data[COLUMNS])
{
	struct libscols_line *l = scols_table_new_line(t, NULL);
	int rc = !l;

	for (unsigned i = 0; i < COLUMNS && !rc; i++)
		rc = scols_line_set_data(l, i, data[i]) != 0;
	return rc;
}

static struct libscols_table *new_table(const char *const names[COLUMNS])
{
	struct libscols_table *t = scols_new_table();
	bool ok = t;

	for (unsigned i = 0; i < COLUMNS && ok; i++)
		ok = scols_table_new_column(t, names[i], 0, i < 2 ? 0 : SCOLS_FL_WRAP);
	if (ok)
		return t;
	scols_unref_table(t);
	return NULL;
}

static int print_features(const struct here *h)
{
	struct libscols_table *t = new_table((const char *const[]){ "FEATURE", "HERE", "FOR", "OTHERWISE" });
	int rc = !t;

	for (const struct bf_feature_info *f = h->f; f < h->f + h->n && !rc; f++)
		rc = add_line(t, (const char *const[]){ f->name, f->present ? "yes" : f->required ? "MISSING" : "no", f->enables,
		                                        f->present ? "" : f->hint });
	if (!rc)
		rc = scols_print_table(t) != 0;
	scols_unref_table(t);
	return rc;
}

static int print_hooks(const struct here *h)
{
	struct libscols_table *t = new_table((const char *const[]){ "HOOK", "HERE", "OF", "STATEMENTS" });
	int rc = !t;

	for (const struct bf_hook_info *k = h->hooks; k < h->hooks + h->n_hooks && !rc; k++)
		rc = add_line(t, (const char *const[]){ k->name, k->present ? "yes" : "no", k->at, k->statements });
	if (!rc)
		rc = scols_print_table(t) != 0;
	scols_unref_table(t);
	return rc;
}

static int print_tables(const struct here *h)
{
	return print_features(h) || bf_cli_print("\n") || print_hooks(h);
}

int bf_cmd_features(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "j"), status;
	struct here h = { 0 };

	if (flags < 0)
		return 2;
	h.n = bf_get_features(ctx, &h.f);
	status = bf_cli_result(ctx, argv[0], h.n);
	if (!status) {
		h.n_hooks = bf_get_hooks(ctx, &h.hooks);
		status = bf_cli_result(ctx, argv[0], h.n_hooks);
	}
	if (!status)
		status = flags ? print_json(&h) : print_tables(&h);
	for (int i = 0; i < h.n; i++)
		status |= h.f[i].required && !h.f[i].present;
	return status;
}
