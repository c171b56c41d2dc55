/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_stats.c: `bpfilter stats [-j | -p]`: what rules have counted, as a table, as JSON, or as Prometheus reads it. */
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "stats.h"

static int print_json(const struct bf_stat_list *l)
{
	json_t *all = json_array(), *root;
	int rc;

	for (size_t i = 0; i < l->n; i++) {
		const struct bf_stat *s = &l->v[i];
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "family", s->family, "table", s->table, "chain", s->chain,
		                      "rule", s->rule, "packets", (json_int_t)s->packets, "bytes", (json_int_t)s->bytes);

		if (s->handle && s->number)
			json_object_set_new(o, "handle", json_integer((json_int_t)s->handle));
		else if (s->number)
			json_object_set_new(o, "number", json_integer(s->number));
		json_array_append_new(all, o);
	}
	root = json_pack("{s:o}", "stats", all);
	rc = json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) || putchar('\n') == EOF;
	json_decref(root);
	return rc;
}

/* Prometheus' text format: in labels \ " and newlines are escaped. */
static void print_label(const char *name, const char *value, const char *end)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putchar('\\');
		if (*value == '\n')
			fputs("\\n", stdout);
		else
			putchar(*value);
	}
	printf("\"%s", end);
}

static void print_sample(const char *metric, const struct bf_stat *s, uint64_t value)
{
	char id[32] = "policy";

	if (s->number)
		snprintf(id, sizeof(id), "%" PRIu64, s->handle ? s->handle : s->number);
	printf("%s{", metric);
	print_label("family", s->family, ",");
	print_label("table", s->table, ",");
	print_label("chain", s->chain, ",");
	print_label(s->handle && s->number ? "handle" : "number", id, ",");
	print_label("rule", s->rule, "} ");
	printf("%" PRIu64 "\n", value);
}

static int print_prometheus(const struct bf_stat_list *l)
{
	printf("# HELP bpfilter_rule_packets_total Packets that a rule or policy matched.\n"
	       "# TYPE bpfilter_rule_packets_total counter\n");
	for (size_t i = 0; i < l->n; i++)
		print_sample("bpfilter_rule_packets_total", &l->v[i], l->v[i].packets);
	printf("# HELP bpfilter_rule_bytes_total Bytes of the packets that a rule or policy matched.\n"
	       "# TYPE bpfilter_rule_bytes_total counter\n");
	for (size_t i = 0; i < l->n; i++)
		print_sample("bpfilter_rule_bytes_total", &l->v[i], l->v[i].bytes);
	return ferror(stdout) ? 1 : 0;
}

static void set_number(struct libscols_line *line, size_t column, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	scols_line_set_data(line, column, text);
}

static int print_table(const struct bf_stat_list *l)
{
	struct libscols_table *t = scols_new_table();
	int rc;

	if (!t)
		return 1;
	scols_table_new_column(t, "PACKETS", 0, SCOLS_FL_RIGHT);
	scols_table_new_column(t, "BYTES", 0, SCOLS_FL_RIGHT);
	scols_table_new_column(t, "TABLE", 0, 0);
	scols_table_new_column(t, "CHAIN", 0, 0);
	scols_table_new_column(t, "RULE", 0, SCOLS_FL_TRUNC);
	for (size_t i = 0; i < l->n; i++) {
		const struct bf_stat *s = &l->v[i];
		struct libscols_line *line = scols_table_new_line(t, NULL);
		char table[300];

		if (!line)
			break;
		snprintf(table, sizeof(table), "%s %s", s->family, s->table);
		set_number(line, 0, s->packets);
		set_number(line, 1, s->bytes);
		scols_line_set_data(line, 2, table);
		scols_line_set_data(line, 3, s->chain);
		scols_line_set_data(line, 4, s->rule);
	}
	rc = scols_print_table(t);
	scols_unref_table(t);
	return rc ? 1 : 0;
}

int bf_cmd_stats(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "jp"), rc;
	struct bf_stat_list l = { 0 };

	if (flags < 0)
		return 2;
	if (flags == 3)
		return bf_cli_usage(argv[0]);
	rc = bf_cli_result(ctx, argv[0], bf_cli_stats(ctx, &l));
	if (!rc)
		rc = flags == 1 ? print_json(&l) : flags == 2 ? print_prometheus(&l) : print_table(&l);
	bf_cli_stats_free(&l);
	return rc;
}
