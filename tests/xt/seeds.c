/* SPDX-License-Identifier: GPL-2.0-only */
/* seeds.c: a first corpus for fuzz_blob: xt_seeds DIR CORPUS. Tables of a few rules each, every rule of rules?.blob in
 * one. */
#include <stdio.h>

#include "xt/mutate.h"

static void read_file(const char *path, struct bf_buf *out)
{
	FILE *f = fopen(path, "rb");
	char buf[4096];
	size_t n;

	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		bf_buf_add(out, buf, n);
	if (f)
		fclose(f);
}

static void save(const char *dir, const char *name, const struct bb *b)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f)
		exit(1);
	fputc(b->family == NFPROTO_IPV6, f);
	fwrite(b->buf.data, 1, b->buf.len, f);
	fclose(f);
}

static void one_rule(struct bb *b, void *entry)
{
	b->n++;
	bf_buf_add(&b->buf, entry, bf_xt_next_offset(b->l, entry));
}

int main(int argc, char **argv)
{
	for (unsigned six = 0; six < 2 && argc > 2; six++) {
		struct bf_arena *a = bf_arena_new();
		struct rng r = { 77 };
		struct bf_buf blob = { 0 };
		char path[4096], name[64];
		struct pool p;
		struct bb b;

		snprintf(path, sizeof(path), "%s/rules%c.blob", argv[1], six ? '6' : '4');
		read_file(path, &blob);
		p = pool_of(six ? NFPROTO_IPV6 : NFPROTO_IPV4, &blob, a);
		for (uint32_t i = 0; i < p.n; i++) {
			bb_filter(&b, p.l->family, one_rule, (void *)(uintptr_t)p.entries[i]);
			snprintf(name, sizeof(name), "rule%c-%03u", six ? '6' : '4', i);
			save(argv[2], name, &b);
			bb_free(&b);
		}
		for (uint32_t i = 0; i < 40; i++) {
			make_table(&r, &p, &b);
			snprintf(name, sizeof(name), "table%c-%03u", six ? '6' : '4', i);
			save(argv[2], name, &b);
			bb_free(&b);
		}
		bf_buf_free(&blob);
		bf_arena_free(a);
	}
	return argc > 2 ? 0 : 2;
}
