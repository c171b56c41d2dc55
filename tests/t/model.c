/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.c: what the language means, line by line: the model's rules for a rule.
 *
 *   input ; model rules ; OK, or FAIL column: message
 *
 * A line `:in FAMILY HOOK...` says where the rules of the next lines stand:
 * in chain c of a table of that family at that hook, with what `world` has in
 * the table; `:file` that inputs are whole files. Model rules are separated
 * by |, chains that were made from the rule follow as NAME { rules }.
 *
 *   t_model FILE...            compare
 *   t_model --update FILE...   write models and messages anew (look at the diff!)
 *   t_model --show             standard input, a file: the models of its tables
 */
#include <stdio.h>

#include "front/native/eval.h"
#include "front/native/native.h"
#include "text.h"

static unsigned n_lines, n_failed;

static const char world[] =
	"set s4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }; "
	"set ports { type inet_service; elements = { 22, 80 }; }; "
	"map vm { type inet_service : verdict; elements = { 22 : accept, 80 : jump other }; }; "
	"map mm { type inet_service : mark; elements = { 22 : 1, 80 : 2 }; }; "
	"set dyn { type ipv4_addr; flags dynamic,timeout; size 100; timeout 1m; }; "
	"set ds { type dscp; elements = { cs1, af11 }; }; "
	"set conc { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22, 10.0.0.1 . 80-90 }; }; "
	"counter cc { }; quota qq { over 1 mbytes; }; limit ll { rate 3/second; }; chain other { }; "
	"chain base { type filter hook prerouting priority 0; }; ";

/* The first message as "column: message"; before: what stands in front on the first line. */
static void first_message(struct bf_buf *out, const char *text, size_t before)
{
	const char *colon = strchr(text, ':'), *error;
	unsigned line = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0, column;

	colon = colon ? strchr(colon + 1, ':') : NULL;
	error = colon ? strstr(colon, ": error: ") : NULL;
	if (!error)
		return bf_buf_printf(out, "?: %s", text);
	column = (unsigned)strtoul(colon + 1, NULL, 10) - (line == 1 ? (unsigned)before : 0);
	if (line > 1)
		bf_buf_printf(out, "%u:", line);
	bf_buf_printf(out, "%u: %.*s", column, (int)strcspn(error + 9, "\n"), error + 9);
}

/* Interfaces: lo is 1, eth0 2. Users: root 0, nobody 65534. */
static int ifindex(void *ctx, const char *name, uint32_t *out)
{
	*out = !strcmp(name, "lo") ? 1 : 2;
	return strcmp(name, "lo") && strcmp(name, "eth0") ? -ENODEV : 0;
}

static int user(void *ctx, const char *name, bool group, uint32_t *out)
{
	*out = !strcmp(name, "root") ? 0 : 65534;
	return strcmp(name, "root") && strcmp(name, "nobody") ? -ENOENT : 0;
}

static void print_rules(struct bf_buf *out, const struct bf_chain *c, uint8_t family)
{
	for (uint32_t i = 0; i < c->n_rules; i++) {
		bf_buf_puts(out, i ? " | " : "");
		bf_rule_print(out, &c->rules[i], family);
	}
}

static void print_model(struct bf_buf *out, const struct bf_table *t)
{
	for (uint32_t i = 0; i < t->n_chains; i++) {
		const struct bf_chain *c = t->chains[i];

		if (!strcmp(c->name, "c")) {
			print_rules(out, c, t->family);
		} else if (!strncmp(c->name, "c:", 2)) {
			bf_buf_printf(out, " %s { ", c->name);
			print_rules(out, c, t->family);
			bf_buf_puts(out, " }");
		}
	}
}

static void number(const struct bf_ast_table *t)
{
	uint64_t handle = 1;

	for (struct bf_ast_chain *c = t ? t->chains : NULL; c; c = c->next) {
		c->handle = handle++;
		for (struct bf_ast_rule *r = c->rules; r; r = r->next)
			r->handle = handle++;
	}
}

struct outcome {
	struct bf_buf model, result;
};

static void evaluate(const char *text, size_t before, bool whole, struct outcome *o)
{
	static const struct bf_eval_env env = { .ifindex = ifindex, .user = user, .hz = 250 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_evaluated e = { 0 };
	int err = bf_native_parse(&ast, "t", text, strlen(text), NULL, &d);

	for (struct bf_ast_cmd *c = err ? NULL : ast->cmds; c && !err; c = c->next) {
		number(c->body);
		err = bf_native_eval(ast, c, &env, &e, &d);
		if (!err && whole)
			bf_table_print(&o->model, e.rs->tables[0], NULL);
		else if (!err)
			print_model(&o->model, e.rs->tables[0]);
		if (!err && e.n_counters != e.rs->tables[0]->n_counters)
			bf_buf_puts(&o->result, "counters are missing; ");
		bf_evaluated_free(&e);
	}
	bf_buf_puts(&o->result, err ? "FAIL " : "OK");
	if (err)
		first_message(&o->result, d.text.data ? d.text.data : strerror(-err), before);
}

/* Files. */

struct where {
	char before[2048];
	bool whole;
};

static void directive(struct where *w, const char *text)
{
	char family[16] = "", at[200] = "";

	w->whole = !strncmp(text, ":file", 5);
	w->before[0] = '\0';
	if (sscanf(text, ":in %15s %199[^\n]", family, at) == 2)
		snprintf(w->before, sizeof(w->before), "table %s t { %schain c { %s; ", family,
		         strcmp(family, "netdev") ? world : "", at);
}

static void escaped(struct bf_buf *out, const struct bf_buf *in)
{
	size_t len = in->len;

	while (len && in->data[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (in->data[i] == '\n' || in->data[i] == '\t')
			bf_buf_puts(out, in->data[i] == '\n' ? "\\n" : "\\t");
		else
			bf_buf_add(out, in->data + i, 1);
	}
}

static void one_line(const struct where *w, const char *path, unsigned line, char *input, const char *model,
                     const char *result, FILE *out)
{
	_cleanup_buf_ struct bf_buf text = { 0 }, got = { 0 };
	struct outcome o = { 0 };

	n_lines++;
	bf_buf_puts(&text, w->before);
	unescape(&text, input);
	bf_buf_puts(&text, w->whole ? "" : "; }; }");
	evaluate(str(&text), strlen(w->before), w->whole, &o);
	escaped(&got, &o.model);
	if (strcmp(str(&o.result), "OK"))
		bf_buf_free(&got);
	if (out) {
		fprintf(out, "%s ; %s ; %s\n", input, got.len ? str(&got) : "-", str(&o.result));
	} else if (strcmp(str(&o.result), result) || strcmp(got.len ? str(&got) : "-", model)) {
		n_failed++;
		fprintf(stderr, "%s:%u: %s\n  wanted: %s ; %s\n  got:    %s ; %s\n", path, line, input, model, result,
		        got.len ? str(&got) : "-", str(&o.result));
	}
	bf_buf_free(&o.model);
	bf_buf_free(&o.result);
}

static void one_file(const char *path, bool update)
{
	char *text = NULL, new_path[4096];
	FILE *in = fopen(path, "r"), *out = NULL;
	struct where w = { 0 };
	size_t cap = 0;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	if (update)
		out = fopen(new_path, "w");
	if (!in || (update && !out)) {
		perror(path);
		exit(2);
	}
	for (unsigned line = 1; getline(&text, &cap, in) > 0; line++) {
		char *model, *result;

		text[strcspn(text, "\n")] = '\0';
		if (text[0] == ':')
			directive(&w, text);
		if (text[0] == ':' || text[0] == '#' || !text[0]) {
			if (out)
				fprintf(out, "%s\n", text);
			continue;
		}
		model = strstr(text, " ; ");
		result = model ? strstr(model + 3, " ; ") : NULL;
		if (result) {
			*model = *result = '\0';
		} else if (update) { /* a new line */
			model = result = (char *)"   -";
		} else {
			fprintf(stderr, "%s:%u: not input ; model ; result\n", path, line);
			n_failed++;
			continue;
		}
		one_line(&w, path, line, text, model + 3, result + 3, out);
	}
	free(text);
	fclose(in);
	if (out && (fclose(out) || rename(new_path, path)))
		perror(path), exit(2);
}

static int show(void)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct outcome o = { 0 };
	char block[65536];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), stdin)) > 0)
		bf_buf_add(&text, block, n);
	evaluate(str(&text), 0, true, &o);
	printf("%s%s\n", str(&o.model), str(&o.result));
	bf_buf_free(&o.model);
	bf_buf_free(&o.result);
	return 0;
}

int main(int argc, char **argv)
{
	bool update = argc > 1 && !strcmp(argv[1], "--update");

	if (argc > 1 && !strcmp(argv[1], "--show"))
		return show();
	for (int i = 1 + update; i < argc; i++)
		one_file(argv[i], update);
	printf("%u lines, %u failed\n", n_lines, n_failed);
	return n_failed || !n_lines;
}
