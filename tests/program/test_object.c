/* SPDX-License-Identifier: GPL-2.0-only */
/* Object files cut short and with bytes changed: they are refused, or read, and nothing else happens (sanitizers look). */
#include <stdio.h>

#include "base/func.h"
#include "front/native/native.h"
#include "match/match.h"

enum { ROUNDS = 3000 };
static unsigned good, bad;

static int read_one(const char *bytes, size_t len, const char *section)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	struct bf_program p = { .file = "x", .section = section };
	char why[256] = "";
	int err = bf_object_read(a, bytes, len, &p, why, sizeof(why));

	if (err && (!*why || (err != -EINVAL && err != -EOPNOTSUPP))) {
		fprintf(stderr, "error %d says \"%s\"\n", err, why);
		exit(1);
	}
	for (uint32_t i = 0; !err && i < p.n_funcs; i++)
		for (uint32_t k = 0; k < p.funcs[i].n_relocs; k++)
			if (p.funcs[i].relocs[k].insn >= p.funcs[i].n_insns || !p.funcs[i].relocs[k].symbol) {
				fprintf(stderr, "a relocation outside of its function\n");
				exit(1);
			}
	*(err ? &bad : &good) += 1;
	return err;
}

static void change(const struct bf_buf *file, unsigned seed)
{
	char *copy = memcpy(malloc(file->len), file->data, file->len);
	size_t len = file->len;

	srandom(seed);
	if (seed % 4 == 0)
		len = (size_t)random() % len;
	for (unsigned i = 0; i < seed % 5; i++)
		if (len)
			copy[(size_t)random() % len] = (char)random();
	read_one(copy, len, seed % 3 ? seed % 3 == 1 ? "ssh" : "stranger" : seed % 2 ? "fields" : "config");
	free(copy);
}

/* One that is in it. */
static const char *section_of(const char *file)
{
	static const char *const known[][2] = { { "ssh", "third" }, { "sets", "listed" }, { "core", "config" }, { "hooks", "task" },
		                             { "deep", "deep" } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(known); i++)
		if (strstr(file, known[i][0]))
			return known[i][1];
	return "word";
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		_cleanup_buf_ struct bf_buf file = { 0 };

		if (bf_native_file(argv[i], &file)) {
			fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		if (!strstr(argv[i], "empty") && read_one(file.data, file.len, section_of(argv[i]))) {
			fprintf(stderr, "%s is refused\n", argv[i]);
			return 1;
		}
		for (unsigned k = 0; k < ROUNDS; k++)
			change(&file, k);
	}
	printf("%u read, %u refused\n", good, bad);
	return argc < 2 || !good || !bad;
}
