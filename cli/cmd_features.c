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

static int print_json(const struct bf_feature_info *f, int n)
{
	json_t *all = json_array();
	int rc = 1;

	for (int i = 0; i < n; i++)
		json_array_append_new(all, json_pack("{s:s, s:b, s:b, s:s, s:s}", "name", f[i].name, "present", f[i].present,
		                                     "required", f[i].required, "enables", f[i].enables, "hint", f[i].hint));
	if (all && json_array_size(all) == (size_t)n && !json_dumpf(all, stdout, JSON_INDENT(2)))
		rc = bf_cli_print("\n");
	json_decref(all);
	return rc;
}

static int add_line(struct libscols_table *t, const struct bf_feature_info *f)
{
	struct libscols_line *l = scols_table_new_line(t, NULL);
	const char *state = f->present ? "yes" : f->required ? "MISSING" : "no";

	return !l || scols_line_set_data(l, 0, f->name) || scols_line_set_data(l, 1, state) ||
	       scols_line_set_data(l, 2, f->enables) || scols_line_set_data(l, 3, f->present ? "" : f->hint);
}

static int print_table(const struct bf_feature_info *f, int n)
{
	struct libscols_table *t = scols_new_table();
	int rc = !t || !scols_table_new_column(t, "FEATURE", 0, 0) || !scols_table_new_column(t, "HERE", 0, 0) ||
	         !scols_table_new_column(t, "FOR", 0, SCOLS_FL_WRAP) ||
	         !scols_table_new_column(t, "OTHERWISE", 0, SCOLS_FL_WRAP);

	for (int i = 0; i < n && !rc; i++)
		rc = add_line(t, &f[i]);
	if (!rc)
		rc = scols_print_table(t) != 0;
	scols_unref_table(t);
	return rc;
}

int bf_cmd_features(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "j");
	const struct bf_feature_info *f;
	int n, status;

	if (flags < 0)
		return 2;
	n = bf_get_features(ctx, &f);
	status = bf_cli_result(ctx, argv[0], n);
	if (!status)
		status = flags ? print_json(f, n) : print_table(f, n);
	for (int i = 0; i < n; i++)
		status |= f[i].required && !f[i].present;
	return status;
}
