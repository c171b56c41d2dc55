/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runner.c: the native language, line by line. A line of a .t file is
 *
 *   input ; canonical print, or = when it is the input ; OK, or FAIL column: message
 *
 * \n and \t in it are a newline and a tab. A line `:rule inet t c` says what
 * stands before the inputs of the next lines ("add rule inet t c "), `:file`
 * that nothing does. "OK ours" is a line that nft has not, or not here.
 * What is printed is parsed again and must print the same.
 *
 *   t_runner FILE...            compare
 *   t_runner --update FILE...   write prints and messages anew (look at the diff!)
 *   t_runner --nft FILE...      nft takes what is OK (and is not "ours"), lists the print as it lists the input,
 *                               and what it lists is taken and printed as it is
 *   t_runner --show             standard input: errors, or the canonical text
 */
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "front/native/native.h"
#include "text.h"

static unsigned n_lines, n_failed;

struct line {
	const char *path;
	unsigned number;
	char *input, *print, *result; /* of the line */
	char *before;                 /* what the directive says */
};

static void complain(const struct line *l, const char *what, const char *got)
{
	n_failed++;
	fprintf(stderr, "%s:%u: %s\n  input: %s\n  wanted: %s\n", l->path, l->number, what, l->input, l->print);
	fprintf(stderr, "  got:    %s\n", got);
}

static void escape(struct bf_buf *out, const char *s, size_t len)
{
	while (len && s[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || s[i] == '\t')
			bf_buf_puts(out, s[i] == '\n' ? "\\n" : "\\t");
		else
			bf_buf_add(out, s + i, 1);
	}
}

/* The first message as "column: message". */
static void first_message(struct bf_buf *out, const char *text, size_t before)
{
	const char *colon = strchr(text, ':'), *error;
	unsigned line = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
	unsigned column;

	colon = colon ? strchr(colon + 1, ':') : NULL;
	error = colon ? strstr(colon, ": error: ") : NULL;
	if (!error) {
		bf_buf_printf(out, "?: %s", text);
		return;
	}
	column = (unsigned)strtoul(colon + 1, NULL, 10);
	if (line == 1)
		column -= (unsigned)before;
	error += 9;
	if (line > 1)
		bf_buf_printf(out, "%u:", line);
	bf_buf_printf(out, "%u: %.*s", column, (int)strcspn(error, "\n"), error);
}

struct outcome {
	struct bf_buf print, result; /* escaped, without what stands before */
	struct bf_buf text;          /* the canonical text as it is */
};

static void parse(const char *text, size_t before, struct outcome *o)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	int err = bf_native_parse(&ast, "t", text, strlen(text), NULL, &d);

	if (err) {
		bf_buf_puts(&o->result, "FAIL ");
		first_message(&o->result, d.text.data ? d.text.data : strerror(-err), before);
		return;
	}
	bf_native_print(&o->text, ast);
	bf_buf_puts(&o->result, "OK");
	escape(&o->print, o->text.data + (o->text.len < before ? 0 : before),
		   o->text.len - (o->text.len < before ? 0 : before));
}

static void free_outcome(struct outcome *o)
{
	bf_buf_free(&o->print);
	bf_buf_free(&o->result);
	bf_buf_free(&o->text);
}

static bool is_ok(const char *result)
{
	return result[0] == 'O' && result[1] == 'K';
}

static void check(const struct line *l, const struct outcome *o)
{
	const char *want = !strcmp(l->print, "=") ? l->input : l->print;
	struct outcome again = { 0 };

	if (strncmp(str(&o->result), l->result, is_ok(l->result) ? 2 : strlen(l->result) + 1))
		return complain(l, l->result, str(&o->result));
	if (!is_ok(l->result))
		return;
	if (strcmp(str(&o->print), want))
		complain(l, "prints otherwise", str(&o->print));
	parse(str(&o->text), 0, &again);
	if (!is_ok(str(&again.result)))
		complain(l, "what is printed is not taken", str(&again.result));
	else if (strcmp(str(&again.text), str(&o->text)))
		complain(l, "no fixed point", str(&again.text));
	free_outcome(&again);
}

/* nft, in a namespace of our own. */

static const char world[] =
	"flush ruleset\n"
	"table %s t {\n"
	"set s4 { type ipv4_addr; flags interval,timeout; }\n set s6 { type ipv6_addr; flags interval; }\n"
	"set d4 { type ipv4_addr; flags dynamic,timeout; size 1000; timeout 1m; }\n set ports { type inet_service; flags "
	"interval; }\n"
	"set d42 { type ipv4_addr . inet_service; flags dynamic,timeout; size 1000; timeout 1m; }\n"
	"set d6 { type ipv6_addr; flags dynamic,timeout; size 1000; timeout 1m; }\n"
	"map m { type ipv4_addr : mark; }\n map vm { type ipv4_addr : verdict; }\n"
	"counter cc { packets 1 bytes 2; }\n quota qq { over 1 mbytes; }\n limit ll { rate 3/second; }\n"
	"chain other { }\n"
	"chain c { type filter hook %s priority 0; }\n}\n";

static int nft(const char *text, struct bf_buf *out)
{
	return t_nft(text, "nft -f %s 2>&1 && nft list ruleset | sed 's/ expires [0-9a-z]*//g'", out);
}

/* A rule stands in a table that has what rules speak of; anything else is alone. */
static void in_world(struct bf_buf *out, const struct line *l, const char *text)
{
	char family[16] = "", *word = strchr(l->before, ' ');

	bf_buf_puts(out, "flush ruleset\n");
	if (word && sscanf(word, " rule %15s", family) == 1) {
		bf_buf_printf(out, world, family, strstr(l->before, "out") ? "output" : "input");
		bf_buf_printf(out, "add chain %s t out { type filter hook output priority 0; }\n", family);
	}
	bf_buf_puts(out, text);
	bf_buf_puts(out, "\n");
}

static void squeeze(struct bf_buf *out, const struct bf_buf *in)
{
	for (size_t i = 0; i < in->len; i++) {
		bool blank = in->data[i] == ' ' || in->data[i] == '\n' || in->data[i] == '\t';

		if (!blank || (out->len && out->data[out->len - 1] != ' '))
			bf_buf_add(out, blank ? " " : &in->data[i], 1);
	}
}

/* What nft lists, we take and print as it is, but for where long lines break. */
static void take_listing(const struct line *l, const struct bf_buf *listed)
{
	_cleanup_buf_ struct bf_buf want = { 0 }, got = { 0 };
	struct outcome o = { 0 };

	parse(str(listed), 0, &o);
	squeeze(&want, listed);
	squeeze(&got, &o.text);
	if (!is_ok(str(&o.result)))
		complain(l, "what nft lists is not taken", str(&o.result));
	else if (strcmp(str(&want), str(&got)))
		complain(l, "what nft lists is printed otherwise", str(&got));
	free_outcome(&o);
}

static void ask_nft(const struct line *l, const char *input, const struct outcome *o)
{
	_cleanup_buf_ struct bf_buf in = { 0 }, print = { 0 }, listed = { 0 }, again = { 0 };

	if (strcmp(l->result, "OK"))
		return;
	in_world(&in, l, input);
	in_world(&print, l, str(&o->text));
	if (nft(in.data, &listed))
		complain(l, "nft does not take the input", str(&listed));
	else if (nft(print.data, &again))
		complain(l, "nft does not take the print", str(&again));
	else if (strcmp(str(&listed), str(&again)))
		complain(l, "nft lists the print otherwise than the input", str(&again));
	else
		take_listing(l, &listed);
}

/* Files. */

static bool split(struct line *l, char *text)
{
	char *second = strstr(text, " ; "), *third = second ? strstr(second + 3, " ; ") : NULL, *next;

	while (third && (next = strstr(third + 3, " ; "))) { /* the last two */
		second = third;
		third = next;
	}
	if (!third)
		return false;
	*second = *third = '\0';
	l->input = text;
	l->print = second + 3;
	l->result = third + 3;
	return true;
}

enum mode { COMPARE, UPDATE, NFT };

static void directive(struct line *l, const char *text)
{
	l->before[0] = '\0';
	if (strncmp(text, ":file", 5))
		sprintf(l->before, "add %.100s ", text + 1);
}

static void write_line(FILE *out, const struct line *l, const struct outcome *o)
{
	bool ours = !strcmp(l->result, "OK ours") && is_ok(str(&o->result));
	const char *print = !is_ok(str(&o->result)) ? "-" : strcmp(str(&o->print), l->input) ? str(&o->print) : "=";

	fprintf(out, "%s ; %s ; %s%s\n", l->input, print, str(&o->result), ours ? " ours" : "");
}

static void one_line(struct line *l, enum mode mode, FILE *out)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct outcome o = { 0 };

	n_lines++;
	bf_buf_puts(&text, l->before);
	unescape(&text, l->input);
	parse(str(&text), strlen(l->before), &o);
	if (mode == COMPARE)
		check(l, &o);
	else if (mode == UPDATE)
		write_line(out, l, &o);
	else
		ask_nft(l, str(&text), &o);
	free_outcome(&o);
}

static void one_file(const char *path, enum mode mode)
{
	char before[128] = "", *text = NULL, new_path[4096];
	struct line l = { .path = path, .before = before };
	FILE *in = fopen(path, "r"), *out = NULL;
	size_t cap = 0;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	if (mode == UPDATE)
		out = fopen(new_path, "w");
	if (!in || (mode == UPDATE && !out)) {
		perror(path);
		exit(2);
	}
	for (l.number = 1; getline(&text, &cap, in) > 0; l.number++) {
		text[strcspn(text, "\n")] = '\0';
		if (text[0] == ':')
			directive(&l, text);
		if (text[0] == ':' || text[0] == '#' || !text[0]) {
			if (out)
				fprintf(out, "%s\n", text);
		} else if (split(&l, text)) {
			one_line(&l, mode, out);
		} else {
			fprintf(stderr, "%s:%u: not input ; print ; result\n", path, l.number);
			n_failed++;
			if (out)
				fprintf(out, "%s\n", text);
		}
	}
	free(text);
	fclose(in);
	if (out && (fclose(out) || rename(new_path, path)))
		perror(path), exit(2);
}

static int show(void)
{
	_cleanup_buf_ struct bf_buf text = { 0 }, print = { 0 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct bf_native_opts o = { .include = bf_native_include };
	char block[65536];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), stdin)) > 0)
		bf_buf_add(&text, block, n);
	if (bf_native_parse(&ast, "-", str(&text), text.len, &o, &d))
		return fputs(str(&d.text), stderr), 1;
	bf_native_print(&print, ast);
	fputs(str(&print), stdout);
	return 0;
}

int main(int argc, char **argv)
{
	enum mode mode = COMPARE;
	int i = 1;

	if (argc > 1 && !strcmp(argv[1], "--show"))
		return show();
	if (argc > 1 && !strncmp(argv[1], "--", 2))
		mode = !strcmp(argv[i++], "--update") ? UPDATE : NFT;
	if (mode == NFT && unshare(CLONE_NEWNET) < 0)
		return perror("unshare"), 77;
	for (; i < argc; i++)
		one_file(argv[i], mode);
	printf("%u lines, %u failed\n", n_lines, n_failed);
	return n_failed || !n_lines;
}
