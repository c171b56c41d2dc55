/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * apply.c: what commands make of tables. A .a file is cases, each from an empty
 * ruleset; a case is transactions, one behind the other:
 *
 *   --- name of the case             "--- ours: ...": nothing to compare with nft
 *   > add table ip t                 commands of one transaction
 *   > add chain ip t c
 *   table ip t { # handle 1          what there is then, or
 *   ! 1:15: message                  its errors, and there is what there was
 *
 * Between transactions tables are stored as bytes and read again.
 *
 *   t_apply FILE...            compare
 *   t_apply --update FILE...   write anew (look at the diff!)
 *   t_apply --nft FILE...      nft takes and refuses the same, and lists the same but for handles
 */
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "front/native/store.h"
#include "text.h"

enum { TABLES = 64 };

struct kept { /* a stored table */
	struct bf_buf state;
	uint64_t handle;
};

static struct kept kept[TABLES];
static unsigned n_kept, n_runs, n_failed;
static uint64_t last_table;

static void forget(void)
{
	while (n_kept)
		bf_buf_free(&kept[--n_kept].state);
	last_table = 0;
}

static int read_table(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	const struct kept *k = t->owner;
	struct bf_napply *a = ctx;
	struct bf_nstored s;
	int err = bf_nstored_read(k->state.data, k->state.len, NULL, 0, &s);

	return err ? err : bf_nstored_parse(&s, a->ast, out, a->d);
}

static void have_all(struct bf_napply *a)
{
	struct bf_nstored s;

	for (unsigned i = 0; i < n_kept; i++) {
		if (bf_nstored_read(kept[i].state.data, kept[i].state.len, NULL, 0, &s))
			abort();
		bf_napply_have(a, s.family, s.name, s.head->handle, s.last)->owner = &kept[i];
		a->last_table = BF_MAX(a->last_table, s.head->last_table);
	}
	a->last_table = BF_MAX(a->last_table, last_table);
}

static void keep_all(struct bf_napply *a)
{
	struct kept now[TABLES];
	unsigned n = 0;

	memset(now, 0, sizeof(now));
	for (struct bf_ntable *t = a->tables; t; t = t->next) {
		struct kept *old = t->owner;

		if (t->gone)
			continue;
		if (old && !t->changed)
			bf_buf_add(&now[n].state, old->state.data, old->state.len);
		else
			bf_nstored_write(&now[n].state, t, a->last_table, NULL);
		now[n++].handle = t->handle;
	}
	last_table = a->last_table;
	while (n_kept)
		bf_buf_free(&kept[--n_kept].state);
	memcpy(kept, now, sizeof(kept));
	n_kept = n;
}

/* The stored tables, read and printed. */
static void print_all(struct bf_buf *out, unsigned flags)
{
	for (unsigned i = 0; i < n_kept; i++) {
		_cleanup_ast_ struct bf_ast *ast = NULL;
		_cleanup_diag_ struct bf_diag d = { 0 };
		struct bf_ast_cmd *cmd;
		struct bf_nstored s;

		bf_native_parse(&ast, "", "", 0, NULL, NULL);
		if (bf_nstored_read(kept[i].state.data, kept[i].state.len, NULL, 0, &s) || bf_nstored_parse(&s, ast, &cmd, &d))
			bf_buf_printf(out, "what is stored cannot be read: %s\n%s", str(&d.text), s.text);
		else
			bf_native_print_as(out, cmd, flags);
	}
}

/* What is printed with numbers, or with handles, is the same table. */
static void check_styles(const struct kept *k)
{
	for (unsigned style = 0; style < 2; style++) {
		_cleanup_ast_ struct bf_ast *ast = NULL, *again = NULL;
		_cleanup_buf_ struct bf_buf text = { 0 }, print = { 0 };
		_cleanup_diag_ struct bf_diag d = { 0 };
		struct bf_ast_cmd *cmd;
		struct bf_nstored s;

		bf_native_parse(&ast, "", "", 0, NULL, NULL);
		if (bf_nstored_read(k->state.data, k->state.len, NULL, 0, &s) || bf_nstored_parse(&s, ast, &cmd, &d))
			return; /* told elsewhere */
		if (style)
			bf_native_style(cmd->body, BF_STYLE_NUMBERS);
		bf_native_print_as(&text, cmd, style ? BF_PRINT_NUMBERS : BF_PRINT_HANDLES);
		if (!bf_native_parse(&again, "again", str(&text), text.len, NULL, &d))
			bf_native_print(&print, again);
		if (!strcmp(str(&print), s.text))
			continue;
		n_failed++;
		fprintf(stderr, "what is printed with %s is another table:\n%s%s", style ? "numbers" : "handles",
		        str(&text), str(&d.text));
	}
}

/* "file:line:col: error: message" and what is below it, as "! line:col: message" */
static void print_errors(struct bf_buf *out, const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *end = line + strcspn(line, "\n"), *error = strstr(line, ": error: ");
		unsigned row, column;

		if (error && error < end && sscanf(strchr(line, ':'), ":%u:%u", &row, &column) == 2)
			bf_buf_printf(out, "! %u:%u: %.*s\n", row, column, (int)(end - error - 9), error + 9);
		else if (error && error < end)
			bf_buf_printf(out, "! %.*s\n", (int)(end - error - 9), error + 9);
	}
}

static bool transaction(const char *text, struct bf_buf *out)
{
	struct bf_napply a;
	struct bf_napply_ops ops = { .read = read_table, .ctx = &a };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	int err = bf_native_parse(&ast, "t", text, strlen(text), NULL, &d);

	n_runs++;
	if (!err) {
		bf_napply_init(&a, ast, &ops, &d);
		have_all(&a);
		err = bf_napply_run(&a);
		if (!err)
			keep_all(&a);
		bf_napply_free(&a);
	}
	if (err)
		print_errors(out, str(&d.text));
	else
		print_all(out, BF_PRINT_HANDLES);
	for (unsigned i = 0; !err && i < n_kept; i++)
		check_styles(&kept[i]);
	if (err && !out->len)
		bf_buf_printf(out, "! %s\n", strerror(-err));
	if (!out->len)
		bf_buf_puts(out, "nothing\n");
	return !err;
}

/* nft, in a namespace of our own. */

static int nft(const char *text, struct bf_buf *out)
{
	return t_nft(text, "nft -f %s >/dev/null 2>&1; s=$?; nft list ruleset; exit $s", out);
}

static void squeeze(struct bf_buf *out, const char *in)
{
	for (; *in; in++) {
		bool blank = *in == ' ' || *in == '\n' || *in == '\t';

		if (!blank || (out->len && out->data[out->len - 1] != ' '))
			bf_buf_add(out, blank ? " " : in, 1);
	}
}

static void ask_nft(const char *where, const char *text, bool ok)
{
	_cleanup_buf_ struct bf_buf listed = { 0 }, ours = { 0 }, a = { 0 }, b = { 0 };
	bool taken = !nft(text, &listed);

	print_all(&ours, 0);
	squeeze(&a, str(&listed));
	squeeze(&b, str(&ours));
	if (taken == ok && !strcmp(str(&a), str(&b)))
		return;
	n_failed++;
	fprintf(stderr, "%s: nft %s\n%s--- nft has\n%s--- we have\n%s\n", where, taken ? "takes it" : "refuses", text,
	        str(&listed), str(&ours));
}

/* Files. */

enum mode { COMPARE, UPDATE, NFT };

struct run {
	enum mode mode;
	const char *path;
	unsigned line, at;      /* at: where the transaction began */
	bool ours;
	struct bf_buf text, want;
	FILE *out;
};

static void copy_commands(FILE *out, const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");

		fprintf(out, "> %.*s\n", len, text);
		text += len + 1;
	}
}

static void end_transaction(struct run *r)
{
	_cleanup_buf_ struct bf_buf got = { 0 };
	char where[300];
	bool ok;

	if (!r->text.len)
		return;
	ok = transaction(str(&r->text), &got);
	snprintf(where, sizeof(where), "%s:%u", r->path, r->at);
	if (r->mode == UPDATE) {
		copy_commands(r->out, str(&r->text));
		fputs(str(&got), r->out);
	} else if (r->mode == NFT && !r->ours) {
		ask_nft(where, str(&r->text), ok);
	} else if (r->mode == COMPARE && strcmp(str(&got), str(&r->want))) {
		n_failed++;
		fprintf(stderr, "%s: is another now\n%s--- wanted\n%s--- got\n%s\n", where, str(&r->text),
		        str(&r->want), str(&got));
	}
	bf_buf_free(&r->text);
	bf_buf_free(&r->want);
}

static void start_case(struct run *r, const char *line)
{
	_cleanup_buf_ struct bf_buf ignored = { 0 };

	end_transaction(r);
	forget();
	r->ours = !strncmp(line, "--- ours", 8);
	if (r->mode == NFT)
		nft("flush ruleset\n", &ignored);
	if (r->out)
		fprintf(r->out, "%s\n", line);
}

static void one_line(struct run *r, const char *line)
{
	if (!strncmp(line, "---", 3)) {
		start_case(r, line);
	} else if (line[0] == '>') {
		if (r->want.len)
			end_transaction(r);
		r->at = r->text.len ? r->at : r->line;
		bf_buf_printf(&r->text, "%s\n", line + (line[1] == ' ' ? 2 : 1));
	} else if (line[0] == '#' || (!line[0] && !r->text.len)) {
		end_transaction(r);
		if (r->out)
			fprintf(r->out, "%s\n", line);
	} else {
		bf_buf_printf(&r->want, "%s\n", line);
	}
}

static void one_file(const char *path, enum mode mode)
{
	struct run r = { .mode = mode, .path = path };
	FILE *in = fopen(path, "r");
	char new_path[4096], *line = NULL;
	size_t cap = 0;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	r.out = mode == UPDATE ? fopen(new_path, "w") : NULL;
	if (!in || (mode == UPDATE && !r.out)) {
		perror(path);
		exit(2);
	}
	for (r.line = 1; getline(&line, &cap, in) > 0; r.line++) {
		line[strcspn(line, "\n")] = '\0';
		one_line(&r, line);
	}
	end_transaction(&r);
	forget();
	free(line);
	fclose(in);
	if (r.out && (fclose(r.out) || rename(new_path, path)))
		perror(path), exit(2);
}

int main(int argc, char **argv)
{
	enum mode mode = COMPARE;
	int i = 1;

	if (argc > 1 && !strncmp(argv[1], "--", 2))
		mode = !strcmp(argv[i++], "--update") ? UPDATE : NFT;
	if (mode == NFT && unshare(CLONE_NEWNET) < 0)
		return perror("unshare"), 77;
	for (; i < argc; i++)
		one_file(argv[i], mode);
	printf("%u transactions, %u failed\n", n_runs, n_failed);
	return n_failed || !n_runs;
}
