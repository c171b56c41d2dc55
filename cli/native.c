/* SPDX-License-Identifier: GPL-2.0-only */
/* native.c: texts of the native language: where they come from, how they are run, how mistakes are shown. */
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

bool bf_cli_dry_run;

static bool grow(struct bf_cli_text *t, size_t *room)
{
	char *p;

	if (t->len + 65536 < *room)
		return true;
	*room = *room ? *room * 2 : 1 << 17;
	p = realloc(t->text, *room);
	t->text = p ? p : t->text;
	return p;
}

static bool read_all(int fd, struct bf_cli_text *t)
{
	size_t room = 0;
	ssize_t n;

	do {
		if (!grow(t, &room)) {
			errno = ENOMEM;
			return false;
		}
		n = read(fd, t->text + t->len, 65536);
		t->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return !n;
}

bool bf_cli_read(const char *path, struct bf_cli_text *out)
{
	bool in = !strcmp(path, "-"), ok;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	*out = (struct bf_cli_text){ 0 };
	ok = fd >= 0 && read_all(fd, out);
	if (!ok)
		fprintf(stderr, "bpfilter: %s: %s\n", path, strerror(errno));
	if (fd >= 0 && !in)
		close(fd);
	return ok;
}

bool bf_cli_join(int n, char **argv, struct bf_cli_text *out)
{
	size_t len = 1;
	char *p;

	for (int i = 0; i < n; i++)
		len += strlen(argv[i]) + 1;
	p = out->text = malloc(len);
	if (!p) {
		fprintf(stderr, "bpfilter: out of memory\n");
		return false;
	}
	for (int i = 0; i < n; i++) {
		*p = ' ';
		p = stpcpy(p + (i > 0), argv[i]);
	}
	*p = '\0';
	out->len = (size_t)(p - out->text);
	return true;
}

/* file:1:2: error: what it is */
static void print_line(const char *line, int len, bool colour)
{
	static const struct {
		const char *word, *on;
	} words[] = { { " error: ", "\033[1;31m" }, { " warning: ", "\033[1;35m" }, { " note: ", "\033[1;36m" } };

	for (size_t i = 0; colour && i < sizeof(words) / sizeof(*words); i++) {
		const char *at = memmem(line, (size_t)len, words[i].word, strlen(words[i].word));
		int before = at ? (int)(at - line) : 0, word = (int)strlen(words[i].word);

		if (!at)
			continue;
		fprintf(stderr, "\033[1m%.*s%s%.*s\033[0m%.*s\n", before, line, words[i].on, word, at, len - before - word,
		        at + word);
		return;
	}
	if (colour && len && (int)strspn(line, " \t^~") >= len)
		fprintf(stderr, "\033[1;32m%.*s\033[0m\n", len, line);
	else
		fprintf(stderr, "%.*s\n", len, line);
}

int bf_cli_told(struct bf_ctx *ctx, const char *verb, int rc)
{
	const char *text = bf_ctx_message(ctx);
	bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");

	if (!*text && rc < 0)
		fprintf(stderr, "bpfilter %s: %s\n", verb, strerror(-rc));
	while (*text) {
		int len = (int)strcspn(text, "\n");

		print_line(text, len, colour);
		text += len + (text[len] == '\n');
	}
	return rc < 0 ? 1 : 0;
}

int bf_cli_run(struct bf_ctx *ctx, const char *verb, const char *name, const struct bf_cli_text *t, unsigned flags)
{
	char *out = NULL;
	int rc;

	if (bf_cli_dry_run)
		flags |= BF_NATIVE_CHECK;
	bf_progress_show(ctx);
	rc = bf_native_run(ctx, name, t->text, t->len, flags, &out);
	rc = bf_cli_told(ctx, verb, rc);
	if (!rc && out && *out)
		rc = bf_cli_print(out);
	free(out);
	return rc;
}

int bf_cli_options(int argc, char **argv, const char *opts, int *rest)
{
	static const struct option longs[] = { { "dry-run", no_argument, NULL, 1 }, { 0 } };
	char all[16];
	int flags = 0, opt;

	snprintf(all, sizeof(all), "+%s", opts);
	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt_long(argc, argv, all, longs, NULL)) != -1) {
		const char *at = opt == '?' || opt == 1 ? NULL : strchr(opts, opt);

		if (opt == 1)
			bf_cli_dry_run = true;
		else if (!at)
			return bf_cli_usage(argv[0]), -1;
		else
			flags |= 1 << (at - opts);
	}
	*rest = optind;
	return flags;
}

unsigned bf_cli_list_flags(int options)
{
	static const unsigned flags[] = { BF_LIST_HANDLES, BF_LIST_COUNTERS, BF_LIST_JSON, BF_LIST_NUMERIC };
	unsigned f = 0;

	for (unsigned i = 0; i < 4; i++)
		f |= options & 1 << i ? flags[i] : 0;
	return f;
}
