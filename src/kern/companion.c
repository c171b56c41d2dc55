/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion.c: the life of a companion (companion.h): opened from what the
 * unit needs and what is recorded, built where it is missing, swept when
 * nobody names it any more. What it consists of: companion_table.c.
 *
 * A table is known by the random id at the end of its name; the record, kept
 * with the unit, says what is in it. To see whether it is whole, its chains
 * are asked how many rules they have, which takes microseconds and finds
 * every flush and every deleted rule.
 *
 * The first half of the id is the owner's: a container that shares its host's
 * network but not its /run keeps rules, and so tables, of its own beside it.
 */
#include "kern/companion.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <sys/random.h>

#include "kern/companion_explain.h"
#include "kern/companion_record.h"
#include "kern/companion_table.h"
#include "kern/sys.h"
#include "rt/abi.h"

#define PREFIX "bpfilter-"
#define NAME_MAX_LEN 64 /* "bpfilter-" + unit (32) + "-" + 16 digits */

/* Packets between dispatcher and companion, and those that others stole on the way. Full: DROP. */
#define HANDOFF_ENTRIES 8192
/* Packets between assist chain and dispatcher. Before the switch nobody takes the entries of a new table out, so there
 * must be room for all sk_buffs that pass until then. Full: DROP. */
#define ASSIST_ENTRIES 32768

struct bf_comp {
	struct bf_arena *arena;
	struct comp_content content;
	struct bf_buf record;
	int assist;
};

int bf_companion_maps_create(struct bf_companion_maps *m, struct bf_diag *d)
{
	m->pending = -1;
	m->handoff = bf_map_create(&(struct bf_map_desc){
		.name = "bf_handoff",
		.type = BPF_MAP_TYPE_HASH,
		.key_size = 8,
		.value_size = sizeof(struct bf_handoff),
		.max_entries = HANDOFF_ENTRIES,
	});
	if (m->handoff < 0)
		return bf_diag_error(d, m->handoff, "cannot make the map of hand-offs: %s", strerror(-m->handoff));
	m->pending = bf_map_create(&(struct bf_map_desc){
		.name = "bf_pending",
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = sizeof(struct bf_pending),
		.max_entries = 1,
	});
	if (m->pending >= 0)
		return 0;
	bf_closep(&m->handoff);
	m->handoff = -1;
	return bf_diag_error(d, m->pending, "cannot make the map of pending hand-offs: %s", strerror(-m->pending));
}

int bf_backstop_load(const struct bf_companion_maps *m, struct bf_diag *d)
{
	return comp_prog_load(&(struct comp_prog){ .kind = COMP_BACKSTOP, .handoff = m->handoff, .pending = m->pending },
						  d);
}

static int new_id(uint32_t owner, uint64_t *id)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	*id = (uint64_t)owner << 32 | number;
	return owner ? 0 : -EINVAL;
}

static bool has_assists(const struct bf_companion_desc *desc)
{
	for (uint32_t i = 0; i < desc->n_hooks; i++)
		if (comp_desc_assists(desc, desc->hooks[i].hook))
			return true;
	return false;
}

/* The record: the old one when the content is the same, else a new one with a new id. */
static int make_record(struct bf_comp *c, const struct bf_companion_desc *desc, const void *old, size_t old_len,
					   bool old_map, struct bf_diag *d)
{
	uint64_t id = 0;
	int ret;

	if (!desc) {
		bf_buf_add(&c->record, old, old_len);
		return c->record.err;
	}
	ret = comp_record_write(&c->record, desc, d);
	if (ret)
		return ret;
	if (old && comp_record_same(&c->record, old, old_len) && (old_map || !has_assists(desc))) {
		bf_buf_free(&c->record);
		bf_buf_add(&c->record, old, old_len);
		return c->record.err;
	}
	ret = new_id(desc->owner, &id);
	if (!ret)
		comp_record_set_id(&c->record, id);
	return ret;
}

static int open_assist(struct bf_comp *c, bool same, int old_assist, struct bf_diag *d)
{
	if (!has_assists(&c->content.desc))
		return 0;
	if (same && old_assist >= 0)
		c->assist = fcntl(old_assist, F_DUPFD_CLOEXEC, 3);
	else
		c->assist = bf_map_create(&(struct bf_map_desc){
			.name = "bf_assist",
			.type = BPF_MAP_TYPE_HASH,
			.key_size = 8,
			.value_size = sizeof(struct bf_rt_assist),
			.max_entries = ASSIST_ENTRIES,
		});
	if (c->assist >= 0)
		return 0;
	if (same && old_assist >= 0)
		c->assist = -errno;
	return bf_diag_error(d, c->assist, "cannot make the map of answers: %s", strerror(-c->assist));
}

static int open_comp(struct bf_comp *c, const struct bf_companion_desc *desc, const void *record, size_t record_len,
					 int old_assist, struct bf_diag *d)
{
	int ret = make_record(c, desc, record, record_len, old_assist >= 0, d);

	if (ret)
		return ret;
	ret = comp_record_read(c->record.data, c->record.len, c->arena, &c->content);
	if (ret)
		return bf_diag_error(d, ret, "the record of a companion table is damaged");
	return open_assist(c, record && comp_record_same(&c->record, record, record_len), old_assist, d);
}

int bf_comp_open(struct bf_comp **out, const struct bf_companion_desc *desc, const void *record, size_t record_len,
				 int old_assist, struct bf_diag *d)
{
	_cleanup_comp_ struct bf_comp *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->assist = -1;
	c->arena = bf_arena_new();
	if (!c->arena)
		return -ENOMEM;
	ret = open_comp(c, desc, record, record_len, old_assist, d);
	if (!ret)
		*out = TAKE_PTR(c);
	return ret;
}

void bf_comp_close(struct bf_comp *c)
{
	if (!c)
		return;
	bf_closep(&c->assist);
	bf_buf_free(&c->record);
	bf_arena_free(c->arena);
	free(c);
}

uint64_t bf_comp_id(const struct bf_comp *c)
{
	return comp_desc_empty(&c->content.desc) ? 0 : c->content.id;
}

int bf_comp_assist_fd(const struct bf_comp *c)
{
	return c->assist;
}

const void *bf_comp_record(const struct bf_comp *c, size_t *len)
{
	*len = c->record.len;
	return c->record.data;
}

/* Are all chains there, with all their rules? */
static int is_whole(struct bf_comp *c, struct bf_nft *n, const char *name, bool *whole)
{
	struct comp_table dry;
	uint32_t flags, use;
	int ret = nft_get_table(n, c->content.desc.family, name, &flags);

	*whole = false;
	if (ret || flags & NFT_TABLE_F_DORMANT)
		return ret == -ENOENT ? 0 : ret;
	ret = comp_table_make(&dry, name, &c->content, NULL, -1, NULL);
	for (size_t i = 0; i < dry.chains.len / sizeof(struct comp_chain) && !ret; i++) {
		const struct comp_chain *ch = &((struct comp_chain *)(void *)dry.chains.data)[i];

		ret = nft_get_chain(n, c->content.desc.family, name, ch->name, &use);
		if (!ret && use != ch->use)
			ret = -ENOENT;
	}
	comp_table_free(&dry);
	*whole = !ret;
	return ret == -ENOENT ? 0 : ret;
}

/*
 * Modules come by names, which the kernel makes of the family's for xtables' own; inet has none. One that was missing is asked for
 * by IPv4's.
 */
static bool brings_xt(struct bf_nft *n, const struct bf_companion_desc *desc)
{
	return desc->family == NFPROTO_INET && !nft_has_xt(n, NFPROTO_IPV4, false, "bpf", 1);
}

static int commit(struct bf_nft *n, const struct bf_companion_desc *desc, struct comp_table *t, struct nft_error *e)
{
	int ret = nft_commit(n, &t->batch, e);

	return ret == -ENOENT && brings_xt(n, desc) ? nft_commit(n, &t->batch, e) : ret;
}

int bf_comp_build(struct bf_comp *c, struct bf_nft *n, const struct bf_companion_maps *m, bool *changed,
				  struct bf_diag *d)
{
	const struct bf_companion_desc *desc = &c->content.desc;
	char name[NAME_MAX_LEN];
	struct comp_table t;
	struct nft_error e;
	bool whole;
	int ret;

	if (!bf_comp_id(c))
		return 0;
	snprintf(name, sizeof(name), PREFIX "%s-%016llx", desc->unit, (unsigned long long)c->content.id);
	ret = is_whole(c, n, name, &whole);
	if (ret)
		return bf_diag_error(d, ret, "cannot look at nf_tables table %s: %s", name, strerror(-ret));
	if (whole)
		return 0;
	ret = comp_table_make(&t, name, &c->content, m, c->assist, d);
	if (!ret) {
		ret = commit(n, desc, &t, &e);
		if (ret)
			ret = comp_explain(n, desc, &e, ret, d);
		else
			*changed = true;
	}
	comp_table_free(&t);
	return ret;
}

/* Is that a table of ours, and whose? */
static bool parse_name(const char *table, uint64_t *id)
{
	const char *dash = strrchr(table, '-');

	if (strncmp(table, PREFIX, strlen(PREFIX)) || !dash || strlen(dash + 1) != 16 ||
		strspn(dash + 1, "0123456789abcdef") != 16)
		return false;
	*id = strtoull(dash + 1, NULL, 16);
	return true;
}

struct sweep {
	uint32_t owner;
	const uint64_t *keep;
	uint32_t n_keep;
	uint8_t family;
	struct nft_batch batch;
};

static void sweep_table(const char *table, void *arg)
{
	struct sweep *s = arg;
	uint64_t id;

	if (!parse_name(table, &id) || id >> 32 != s->owner)
		return;
	for (uint32_t i = 0; i < s->n_keep; i++)
		if (s->keep[i] == id)
			return;
	nft_del_table(&s->batch, 0, s->family, table);
}

int bf_companion_sweep(struct bf_nft *n, uint32_t owner, const uint64_t *keep, uint32_t n_keep, struct bf_diag *d)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET };
	struct sweep s = { .owner = owner, .keep = keep, .n_keep = n_keep };
	struct nft_error e;
	int ret = 0;

	nft_batch_init(&s.batch, NFPROTO_UNSPEC, "");
	for (size_t i = 0; i < BF_ARRAY_SIZE(families) && !ret; i++) {
		s.family = families[i];
		ret = nft_each_table(n, s.family, sweep_table, &s);
	}
	if (!ret)
		ret = nft_commit(n, &s.batch, &e);
	nft_batch_free(&s.batch);
	return ret ? bf_diag_error(d, ret, "cannot remove old nf_tables tables: %s", strerror(-ret)) : 0;
}
