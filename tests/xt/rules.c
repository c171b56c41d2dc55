/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.c: what each option of each extension means. rules4.t and rules6.t
 * hold one rule a line and the model's canonical text; rules4.blob and
 * rules6.blob the table that the unmodified iptables made of these rules.
 *
 *   xt_rules DIR            decode the blobs, compare the texts: needs no privileges
 *   xt_rules DIR --kernel   also: iptables makes the same blobs today, and the
 *                           kernel reads them back as we do
 *   xt_rules DIR --update   write the blobs and the texts anew (look at the diff!)
 */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/xtables/xtables.h"
#include "xt/kernel.h"

#define MAX_LINES 1000

struct file {
	uint8_t family;
	char path[4096], blob_path[4096];
	char *line[MAX_LINES]; /* as read */
	unsigned n;
	struct bf_buf blob;
};

static unsigned failed;

static void die(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, strerror(errno));
	exit(2);
}

static void read_lines(struct file *f)
{
	FILE *in = fopen(f->path, "r");
	size_t cap = 0;

	if (!in)
		die("cannot read", f->path);
	while (f->n < MAX_LINES && getline(&f->line[f->n], &cap, in) > 0) {
		f->line[f->n][strcspn(f->line[f->n], "\n")] = '\0';
		f->n++;
		cap = 0;
	}
	if (f->n == MAX_LINES)
		die("too many lines", f->path);
	free(f->line[f->n]); /* at the end of the file, a line of nothing */
	f->line[f->n] = NULL;
	fclose(in);
}

static void read_blob(struct file *f)
{
	FILE *in = fopen(f->blob_path, "rb");
	char buf[65536];
	size_t n;

	if (!in)
		die("cannot read", f->blob_path);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		bf_buf_add(&f->blob, buf, n);
	fclose(in);
}

static void write_file(const char *path, const void *p, size_t len)
{
	FILE *out = fopen(path, "wb");

	if (!out || fwrite(p, 1, len, out) != len || fclose(out))
		die("cannot write", path);
}

/* The rule of a line, without the text behind it; NULL: a comment or a chain. */
static char *rule_of(const char *line)
{
	const char *end = strstr(line, " ; ");

	return line[0] != '-' ? NULL : end ? strndup(line, (size_t)(end - line)) : strdup(line);
}

/* The kernel's own tools make the table. */
static void make_blob(const struct file *f, struct bf_buf *blob)
{
	const char *const argv[] = { "xtables-legacy-multi",
								 f->family == NFPROTO_IPV4 ? "iptables-restore" : "ip6tables-restore", NULL };
	_cleanup_buf_ struct bf_buf in = { 0 };

	bf_buf_puts(&in, "*filter\n");
	for (unsigned i = 0; i < f->n; i++)
		if (f->line[i][0] == ':')
			bf_buf_printf(&in, "%s\n", f->line[i]);
	for (unsigned i = 0; i < f->n; i++) {
		_cleanup_free_ char *rule = rule_of(f->line[i]);

		bf_buf_printf(&in, "%s\n", rule ? rule : "#");
	}
	bf_buf_puts(&in, "COMMIT\n");
	if (xk_iptables(in.data, argv) || xk_capture(f->family, blob)) {
		fprintf(stderr, "%s: iptables-restore refuses the rules:\n%s", f->path, in.data);
		exit(2);
	}
}

static struct bf_ruleset *model(struct file *f, struct bf_buf *state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	struct bf_ruleset *rs = NULL;
	int err = bf_xt_decode_replace(f->family, f->blob.data, f->blob.len, &info, state, &d);

	if (!err)
		err = bf_xt_to_ruleset(state->data, state->len, &rs, &d);
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", f->blob_path, strerror(-err), d.text.data ? d.text.data : "");
		exit(1);
	}
	return rs;
}

/* The next rule of the chain that the line adds to: rules of one chain stand in the order of their lines. */
static const struct bf_rule *next_rule(const struct bf_ruleset *rs, const char *line, uint32_t *seen)
{
	const struct bf_table *t = rs->tables[0];
	char name[32] = "";

	sscanf(line, "-A %31s", name);
	for (uint32_t i = 0; i < t->n_chains; i++)
		if (!strcmp(t->chains[i]->name, name))
			return seen[i] < t->chains[i]->n_rules ? &t->chains[i]->rules[seen[i]++] : NULL;
	return NULL;
}

static void compare(struct file *f, bool update)
{
	_cleanup_buf_ struct bf_buf state = { 0 }, out = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = model(f, &state);
	uint32_t seen[64] = { 0 };

	for (unsigned i = 0; i < f->n; i++) {
		_cleanup_free_ char *rule = rule_of(f->line[i]);
		_cleanup_buf_ struct bf_buf line = { 0 };
		const struct bf_rule *r = rule ? next_rule(rs, rule, seen) : NULL;

		bf_buf_puts(&line, rule ? rule : f->line[i]);
		if (r) {
			bf_buf_puts(&line, " ; ");
			bf_rule_print(&line, r, f->family);
		}
		if (!update && strcmp(line.data, f->line[i]) != 0) {
			fprintf(stderr, "%s:%u:\n  want  %s\n  have  %s\n", f->path, i + 1, f->line[i], line.data);
			failed++;
		}
		bf_buf_printf(&out, "%s\n", line.data);
	}
	if (update)
		write_file(f->path, out.data, out.len);
}

/* What iptables makes today is what is on file, and both read it back alike. */
static void compare_kernel(struct file *f)
{
	_cleanup_buf_ struct bf_buf now = { 0 }, theirs = { 0 }, state = { 0 }, ours = { 0 }, ours_info = { 0 },
								again = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = model(f, &state);
	struct ipt_getinfo info;

	make_blob(f, &now);
	if (now.len != f->blob.len || memcmp(now.data, f->blob.data, now.len) != 0) {
		fprintf(stderr, "%s: iptables makes another table today: xt_rules --update\n", f->blob_path);
		failed++;
	}
	if (xk_entries(f->family, &theirs) || bf_xt_get_entries(state.data, state.len, NULL, &ours) ||
		theirs.len != ours.len || memcmp(theirs.data, ours.data, ours.len) != 0) {
		fprintf(stderr, "%s: the kernel reads the entries back otherwise\n", f->blob_path);
		failed++;
	}
	if (xk_info(f->family, &info) || bf_xt_get_info(state.data, state.len, &ours_info) ||
		memcmp(ours_info.data, &info, sizeof(info)) != 0) {
		fprintf(stderr, "%s: the kernel gives other information\n", f->blob_path);
		failed++;
	}
	if (bf_xt_encode_replace(state.data, state.len, &again)) {
		failed++;
		return;
	}
	((struct ipt_replace *)(void *)again.data)->num_counters = info.num_entries;
	if (xk_replace(f->family, again.data, again.len)) {
		fprintf(stderr, "%s: the kernel refuses what we export\n", f->blob_path);
		failed++;
	}
}

static void run(const char *dir, uint8_t family, const char *mode)
{
	struct file f = { .family = family };
	bool update = mode && !strcmp(mode, "--update");

	snprintf(f.path, sizeof(f.path), "%s/rules%c.t", dir, family == NFPROTO_IPV4 ? '4' : '6');
	snprintf(f.blob_path, sizeof(f.blob_path), "%s/rules%c.blob", dir, family == NFPROTO_IPV4 ? '4' : '6');
	read_lines(&f);
	if (update) {
		make_blob(&f, &f.blob);
		write_file(f.blob_path, f.blob.data, f.blob.len);
	} else {
		read_blob(&f);
	}
	compare(&f, update);
	if (mode && !update)
		compare_kernel(&f);
	for (unsigned i = 0; i < f.n; i++)
		free(f.line[i]);
	bf_buf_free(&f.blob);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : NULL;

	if (argc < 2)
		return 2;
	if (mode && xk_enter() < 0) {
		printf("no network namespace: %s\n", strerror(errno));
		return 77;
	}
	run(argv[1], NFPROTO_IPV4, mode);
	run(argv[1], NFPROTO_IPV6, mode);
	return failed ? 1 : 0;
}
