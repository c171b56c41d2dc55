/* SPDX-License-Identifier: GPL-2.0-only */
/* find.c: looking names up in the tables of keys.c. */
#include "front/native/keys.h"

enum { MAX_GROUPS = 48 };

static bool same(const char *name, const char *word, size_t len)
{
	return name && !strncmp(name, word, len) && !name[len];
}

/* The groups are made once, before main: nobody sees them half made. */
static struct bf_nkey_group groups[MAX_GROUPS];
static size_t n_groups;
static const struct bf_nkey_group *meta;

__attribute__((constructor)) static void make_groups(void)
{
	for (size_t i = 0; i < bf_n_nkeys; i++) {
		struct bf_nkey_group *g = n_groups ? &groups[n_groups - 1] : NULL;

		if (g && !strcmp(g->name, bf_nkeys[i].group)) {
			g->n++;
			continue;
		}
		if (n_groups == MAX_GROUPS)
			abort(); /* a table too large is seen by the first test that runs */
		groups[n_groups++] = (struct bf_nkey_group){ bf_nkeys[i].group, &bf_nkeys[i], 1 };
	}
	meta = bf_nkey_group_find("meta", 4);
}

const struct bf_nkey_group *bf_nkey_groups(size_t *n)
{
	*n = n_groups;
	return groups;
}

const struct bf_nkey_group *bf_nkey_group_find(const char *name, size_t len)
{
	for (size_t i = 0; i < n_groups; i++)
		if (groups[i].name[0] == name[0] && same(groups[i].name, name, len))
			return &groups[i];
	return NULL;
}

static const struct bf_nkey *find_row(const struct bf_nkey_group *g, const char *sub, size_t sub_len, const char *name,
                                      size_t len)
{
	for (const struct bf_nkey *k = g->first; k < g->first + g->n; k++) {
		bool sub_fits = sub_len ? same(k->sub, sub, sub_len) : !k->sub;

		if (sub_fits && (len ? same(k->name, name, len) : !k->name))
			return k;
	}
	return NULL;
}

const struct bf_nkey *bf_nkey_find(const struct bf_nkey_group *g, const char *sub, size_t sub_len, const char *name,
                                   size_t len)
{
	const struct bf_nkey *k = sub_len ? find_row(g, sub, sub_len, NULL, 0) : NULL;

	if (k && k->same) /* another name for the option */
		return find_row(g, k->same, strlen(k->same), name, len);
	k = find_row(g, sub, sub_len, name, len);
	return k && k->same ? find_row(g, sub, sub_len, k->same, strlen(k->same)) : k;
}

const struct bf_nkey *bf_nkey_bare(const char *name, size_t len)
{
	const struct bf_nkey *k = bf_nkey_find(meta, NULL, 0, name, len);

	return k && k->flags & BF_NKF_BARE ? k : NULL;
}

unsigned bf_nkey_bits(const struct bf_nkey *k)
{
	return k->bits ? k->bits : 1;
}

const struct bf_nprio *bf_nprio_find(const char *name, size_t len, uint8_t families)
{
	for (size_t i = 0; i < bf_n_nprios; i++)
		if (same(bf_nprios[i].name, name, len) && (!families || bf_nprios[i].families & families))
			return &bf_nprios[i];
	return NULL;
}
