/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_exact.c: the hash of opt/exact.h against a table of what is in it: built,
 * then changed in transactions, some of which come to nothing, by writers who are
 * killed anywhere. Whoever comes next finds what the present version says, and
 * the one before it as long as nothing was settled.
 *
 *   test_exact [KILLS [SEED]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/rng.h"
#include "opt/exact.h"

enum { KEYS = 400, WORDS_MAX = 1 << 18 };

struct world {
	uint32_t version, head, n_words, key, data;
	uint8_t in[2][KEYS]; /* what versions with (version >> 1 & 1) say: 0, or the data */
	bool settled;        /* the version before is not told any more */
	uint32_t class[WORDS_MAX] __attribute__((aligned(64)));
};

static void die(const char *what, uint32_t i)
{
	fprintf(stderr, "test_exact: %s (%u)\n", what, i);
	exit(1);
}

static void make_row(const struct world *w, uint32_t i, uint8_t data, uint32_t *row)
{
	uint32_t stored = bf_exact_words(w->key);

	memset(row, 0, (stored + w->data) * sizeof(*row));
	for (uint32_t k = 0; k < w->key; k++)
		row[k] = k == w->key - 1 ? i : i % (7 + k);
	for (uint32_t k = 0; k < w->data; k++)
		row[stored + k] = data + k;
}

/* A key that is there already, leading elsewhere: nobody will see it. */
static void repeat_one(const struct world *w, struct rng *r, struct bf_exact_spec *s, uint32_t *rows)
{
	uint32_t size = w->key + w->data, *to = rows + s->n * size;

	memcpy(to, rows + rng_below(r, s->n) * size, size * sizeof(*to));
	for (uint32_t k = w->key; k < size; k++)
		to[k] += 1000;
	s->n++;
}

static void build(struct world *w, struct rng *r)
{
	uint32_t row[24], stored = bf_exact_words(w->key), *rows = calloc(2 * KEYS, (w->key + w->data) * sizeof(*rows));
	struct bf_exact_spec s = { .key = w->key, .data = w->data, .rows = rows, .names = "accept\0jump x\0", .names_len = 15 };
	struct bf_buf out = {};

	w->version = 2;
	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t *to = rows + s.n * (w->key + w->data);

		w->in[1][i] = rng_percent(r, 60) ? 1 + rng_below(r, 200) : 0;
		if (!w->in[1][i])
			continue;
		make_row(w, i, w->in[1][i], row);
		memcpy(to, row, w->key * sizeof(*to));
		memcpy(to + w->key, row + stored, w->data * sizeof(*to));
		s.n++;
		if (rng_percent(r, 30))
			repeat_one(w, r, &s, rows);
	}
	bf_buf_reserve(&out, 8);
	if (bf_exact_build(&s, &out, &w->head) || out.len > sizeof(w->class))
		die("build", s.n);
	memcpy(w->class, out.data, out.len);
	w->n_words = (uint32_t)(out.len / 4);
	if (bf_exact_name(w->class, w->n_words, w->head, "jump x") != 1 || bf_exact_name(w->class, w->n_words, w->head, "drop") != -1)
		die("names", 0);
	w->settled = true;
	bf_buf_free(&out);
	free(rows);
}

static void check(const struct world *w, uint32_t version)
{
	const uint8_t *in = w->in[version >> 1 & 1];
	uint32_t row[24];

	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t at;

		make_row(w, i, 0, row);
		at = bf_exact_find(w->class, w->n_words, w->head, row, version);
		if (!at != !in[i] || (at && w->data && w->class[at] != in[i]))
			die(at ? "found" : "not found", i);
	}
}

/* A key stays, goes, comes, or leads to something else. */
static bool change(struct world *w, struct rng *r, uint8_t *in, uint32_t i)
{
	uint8_t next = rng_percent(r, 50) ? 0 : 1 + rng_below(r, 200);
	uint32_t row[24];
	int err = 0;

	make_row(w, i, next, row);
	if (next == *in)
		return true;
	if (*in)
		err = bf_exact_remove(w->class, w->n_words, w->head, row, w->version, w->version + 2);
	if (!err && next)
		err = bf_exact_insert(w->class, w->n_words, w->head, row, w->version + 2);
	*in = next;
	return !err;
}

static void transaction(struct world *w, struct rng *r)
{
	uint8_t *now = w->in[w->version >> 1 & 1], *next = w->in[(w->version + 2) >> 1 & 1];
	uint32_t n = 1 + rng_below(r, 20), from = rng_below(r, KEYS);
	bool ok = true;

	bf_exact_undo(w->class, w->n_words, w->head, w->version);
	if (bf_exact_changed(w->class, w->n_words, w->head) + 2 * n > BF_EXACT_CHANGES || rng_percent(r, 5)) {
		w->settled = true;
		bf_exact_settle(w->class, w->n_words, w->head);
	}
	w->settled = true; /* the other half is written to */
	memcpy(next, now, KEYS);
	for (uint32_t k = 0; k < n && ok; k++)
		ok = change(w, r, &next[(from + k * 7) % KEYS], (from + k * 7) % KEYS);
	if (!ok)
		exit(3);
	if (rng_percent(r, 20))
		return; /* and the next one has to undo it */
	__atomic_store_n(&w->version, w->version + 2, __ATOMIC_SEQ_CST);
	w->settled = false;
}

static void go_on(struct world *w, struct rng *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		transaction(w, r);
		bf_exact_undo(w->class, w->n_words, w->head, w->version);
		check(w, w->version);
		if (!w->settled)
			check(w, w->version - 2);
	}
}

static void kill_one(struct world *w, struct rng *r)
{
	const struct timespec pause = { .tv_nsec = 20000 + rng_below(r, 300000) };
	pid_t pid = fork();

	if (!pid)
		for (r->state ^= (uint64_t)getpid() << 20;;)
			transaction(w, r);
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rng_u64(r);
	bf_exact_undo(w->class, w->n_words, w->head, w->version);
	check(w, w->version);
}

int main(int argc, char **argv)
{
	static const uint8_t shapes[][2] = { { 1, 1 }, { 3, 0 }, { 5, 4 }, { 9, 1 }, { 16, 0 } };
	uint32_t kills = argc > 1 ? (uint32_t)atoi(argv[1]) : 40;
	struct rng r = { argc > 2 ? strtoull(argv[2], NULL, 0) : 1 };
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		die("memory", 0);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		memset(w, 0, sizeof(*w));
		w->key = shapes[i][0];
		w->data = shapes[i][1];
		build(w, &r);
		check(w, w->version);
		go_on(w, &r, 300);
		for (uint32_t k = 0; k < kills; k++)
			kill_one(w, &r);
		go_on(w, &r, 300);
	}
	printf("test_exact: good\n");
	return 0;
}
