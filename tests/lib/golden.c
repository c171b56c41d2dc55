/* SPDX-License-Identifier: GPL-2.0-only */
/* golden.c: see golden.h. */
#include "lib/golden.h"

#include <stdio.h>

static void read_file(struct bf_buf *out, const char *path)
{
	FILE *f = fopen(path, "r");
	char block[4096];
	size_t n;

	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		bf_buf_add(out, block, n);
	if (f)
		fclose(f);
}

static int compare(const char *path, const struct bf_buf *got)
{
	_cleanup_buf_ struct bf_buf want = { 0 };
	size_t at = 0, line = 1;

	read_file(&want, path);
	if (want.len == got->len && !memcmp(want.data, got->data, got->len))
		return 0;
	for (; at < want.len && at < got->len && want.data[at] == got->data[at]; at++)
		line += want.data[at] == '\n';
	fprintf(stderr, "%s: differs from line %zu on; now it is:\n%s\n(--update writes it anew)\n", path, line, got->data);
	return 1;
}

static int update(const char *path, const struct bf_buf *got)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return perror(path), 1;
	fwrite(got->data, 1, got->len, f);
	return fclose(f) != 0;
}

bool golden_begin(struct golden *g, int argc, char **argv)
{
	*g = (struct golden){ .dir = argv[1], .update = argc > 2 && !strcmp(argv[2], "--update") };
	if (argc < 2)
		fprintf(stderr, "usage: %s DIR [--update]\n", argv[0]);
	return argc > 1;
}

void golden_check(struct golden *g, const char *name, const struct bf_buf *got)
{
	char path[512];

	g->n++;
	snprintf(path, sizeof(path), "%s/%s.txt", g->dir, name);
	if (!got)
		g->failed++;
	else
		g->failed += (unsigned)(g->update ? update(path, got) : compare(path, got));
}

int golden_end(const struct golden *g)
{
	printf("%u texts, %u differ\n", g->n, g->failed);
	return g->failed != 0;
}
