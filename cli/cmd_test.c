/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_test.c: `bpfilter test [-j] [-v] PACKET | -f FILE | -r CAPTURE [WORDS]` */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cli.h"

/* The words of one packet, as one line. */
static char *join(int argc, char **argv)
{
	size_t len = 2;
	char *text, *end;

	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	text = end = calloc(1, len);
	for (int i = 0; text && i < argc; i++)
		end += sprintf(end, "%s%s", i ? " " : "", argv[i]);
	return text;
}

static char *read_all(FILE *f)
{
	size_t len = 0, room = 0;
	char *text = NULL;

	do {
		char *more = realloc(text, room += 65536);

		if (!more)
			return free(text), NULL;
		text = more;
		len += fread(text + len, 1, room - len - 1, f);
		text[len] = '\0';
	} while (!feof(f) && !ferror(f));
	return text;
}

static char *read_file(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = f ? read_all(f) : NULL;

	if (!text)
		fprintf(stderr, "bpfilter test: cannot read %s: %s\n", path, strerror(errno));
	if (f && f != stdin)
		fclose(f);
	return text;
}

static int test(struct bf_ctx *ctx, const char *name, char *packets, unsigned flags)
{
	char *text = NULL;
	int rc, status = 1;

	if (!packets)
		return 1;
	rc = bf_test(ctx, name, packets, flags, &text);
	free(packets);
	if (rc >= 0)
		status = bf_cli_print(text);
	free(text);
	if (bf_cli_result(ctx, "test", rc))
		return 1;
	if (rc)
		fprintf(stderr, "bpfilter test: the programs and the interpreter do not agree: a fault of bpfilter's\n");
	return rc ? 1 : status;
}

int bf_cmd_test(struct bf_ctx *ctx, int argc, char **argv)
{
	const char *file = NULL, *capture = NULL;
	char *words, *text;
	unsigned flags = 0;
	bool verbose = false, whole;
	int opt;

	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt(argc, argv, "+jvf:r:")) != -1) {
		if (opt == 'j')
			flags |= BF_TEST_JSON;
		else if (opt == 'v')
			verbose = true;
		else if (opt == 'f')
			file = optarg;
		else if (opt == 'r')
			capture = optarg;
		else
			return bf_cli_usage(argv[0]);
	}
	if ((file && (capture || optind != argc)) || (!file && !capture && optind == argc))
		return bf_cli_usage(argv[0]);
	if (file)
		return test(ctx, file, read_file(file), flags);
	words = join(argc - optind, argv + optind);
	if (!capture || !words)
		return test(ctx, "packet", words, flags);
	text = bf_cli_capture(capture, words, verbose, &whole);
	free(words);
	return test(ctx, capture, text, flags) || !whole;
}
