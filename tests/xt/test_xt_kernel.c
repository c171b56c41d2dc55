/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_xt_kernel.c: the same blobs to the kernel's ip_tables and to ours:
 * tables out of pieces of real ones, whole and spoilt. The errno must be the same,
 * and what both give back, byte for byte.
 *
 *   test_xt_kernel DIR [ROUNDS [SEED]]
 */
#include <inttypes.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>

#include "xt/kernel.h"
#include "xt/mutate.h"

static struct {
	unsigned rounds, accepted, unserved, differ, refused[200];
} count;

static void read_file(const char *dir, char family, struct bf_buf *out)
{
	char path[4096], buf[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/rules%c.blob", dir, family);
	f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		bf_buf_add(out, buf, n);
	fclose(f);
}

static void keep(const struct bb *b, const char *why, uint32_t round)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/xt-differ-%u.blob", count.differ);
	f = fopen(path, "wb");
	if (f) {
		fwrite(b->buf.data, 1, b->buf.len, f);
		fclose(f);
	}
	fprintf(stderr, "IPv%c, round %u: %s (kept as %s)\n", b->family == NFPROTO_IPV4 ? '4' : '6', round, why, path);
	count.differ++;
}

/* The extension that we do not know, the kernel does: its answer is not ours to give. */
static bool is_unserved(const struct bb *b, const struct bf_diag *d)
{
	char name[40] = "", kind[16] = "";
	const char *at = d->text.data ? strstr(d->text.data, "extension `") : NULL;

	if (!at || sscanf(at, "extension `%39[^']' (%15[a-z]", name, kind) != 2)
		return false;
	return xk_revision(b->family, name, 0, !strcmp(kind, "target")) != -ENOENT;
}

static void compare_tables(const struct bb *b, const struct bf_buf *state, uint32_t round)
{
	_cleanup_buf_ struct bf_buf theirs = { 0 }, ours = { 0 }, info = { 0 };
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct ipt_getinfo their_info;
	int err;

	if (xk_entries(b->family, &theirs) || bf_xt_get_entries(state->data, state->len, NULL, &ours) ||
		theirs.len != ours.len || memcmp(theirs.data, ours.data, ours.len) != 0)
		keep(b, "other entries are read back", round);
	if (xk_info(b->family, &their_info) || bf_xt_get_info(state->data, state->len, &info) ||
		memcmp(&their_info, info.data, sizeof(their_info)) != 0)
		keep(b, "other information is read back", round);
	err = bf_xt_to_ruleset(state->data, state->len, &rs, NULL);
	if (err && err != -EOPNOTSUPP)
		keep(b, "no model", round);
}

static void compare(const struct bb *b, uint32_t *entries, uint32_t round)
{
	_cleanup_buf_ struct bf_buf state = { 0 };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_xt_replace info;
	int ours = bf_xt_decode_replace(b->family, b->buf.data, b->buf.len, &info, &state, &d), theirs;

	if (ours == -EOPNOTSUPP || (ours == -ENOENT && is_unserved(b, &d))) {
		count.unserved++;
		return;
	}
	if (!ours && info.num_counters != *entries)
		ours = -EAGAIN;
	theirs = xk_replace(b->family, b->buf.data, b->buf.len);
	count.refused[-theirs]++;
	if (ours != theirs) {
		char why[600];

		snprintf(why, sizeof(why), "the kernel says %s, we say %s %.400s", theirs ? strerror(-theirs) : "yes",
				 ours ? strerror(-ours) : "yes", d.text.data ? d.text.data : "");
		keep(b, why, round);
	}
	if (!theirs) {
		count.accepted++;
		*entries = xk_num_entries(b->family);
		if (!ours)
			compare_tables(b, &state, round);
	}
}

static void run(const char *dir, uint8_t family, uint32_t rounds, uint64_t seed)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_buf_ struct bf_buf blob = { 0 };
	struct rng r = { seed };
	struct pool p;
	uint32_t entries;

	read_file(dir, family == NFPROTO_IPV4 ? '4' : '6', &blob);
	p = pool_of(family, &blob, a);
	entries = xk_num_entries(family);
	for (uint32_t i = 0; i < rounds && count.differ < 20; i++) {
		struct bb b;

		make_table(&r, &p, &b);
		memcpy(bb_num_counters(&b), &entries, sizeof(entries));
		if (rng_below(&r, 100) < 75)
			mutate(&r, &b);
		compare(&b, &entries, i);
		count.rounds++;
		bb_free(&b);
	}
}

/* The state of a table that nobody has touched is the kernel's of a new namespace. */
static void compare_empty(uint8_t family)
{
	struct bb b = { .family = family };
	_cleanup_buf_ struct bf_buf state = { 0 };

	bf_xt_state_empty(family, bf_xt_table_find(family, "filter"), &state);
	compare_tables(&b, &state, 0);
}

/* Which revisions there are: those we serve, the kernel has; one that it does not have, we do not either. */
static void compare_revisions(uint8_t family)
{
	struct bb b = { .family = family };

	for (const struct bf_xt_ext *const *x = bf_xt_exts; *x; x++)
		for (unsigned rev = 0; rev < 6; rev++)
			if (xk_revision(family, (*x)->name, (uint8_t)rev, (*x)->target) !=
				bf_xt_revision(family, (*x)->name, (uint8_t)rev, (*x)->target))
				keep(&b, (*x)->name, rev);
	if (bf_xt_revision(family, "nonsense", 0, false) != xk_revision(family, "nonsense", 0, false))
		keep(&b, "nonsense", 0);
}

int main(int argc, char **argv)
{
	uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3000;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 20231;
	int err = argc > 1 ? xk_enter() : -EINVAL;

	if (err) {
		printf("no network namespace: %s\n", strerror(-err));
		return 77;
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t family = i ? NFPROTO_IPV6 : NFPROTO_IPV4;

		compare_empty(family);
		compare_revisions(family);
		run(argv[1], family, rounds, seed);
	}
	printf("%u blobs: %u accepted by both", count.rounds, count.accepted);
	for (unsigned e = 1; e < BF_ARRAY_SIZE(count.refused); e++)
		if (count.refused[e])
			printf(", %u %s", count.refused[e], strerrorname_np((int)e));
	printf("; %u not served; %u differ\n", count.unserved, count.differ);
	return count.differ ? 1 : 0;
}
