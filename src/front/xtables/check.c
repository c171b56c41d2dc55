/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.c: a caller's blob -> a state. The order of the checks is the
 * kernel's, because the first failing one gives the errno:
 *
 *   1. sizes in struct ipt_replace                       (ENOMEM, EINVAL)
 *   2. each entry: bounds, offsets, flags, verdict, then
 *      whether a hook begins or ends here                (EINVAL)
 *   3. number of entries, order of the hooks             (EINVAL)
 *   4. loops; comefrom of each entry (loops.c)           (ELOOP)
 *   5. each entry: matches, then target                  (what they say)
 *   6. number of counters, table name, its hooks         (ENOMEM, ENOENT, EINVAL)
 *
 * Step 5 also brings the entry into the form in which the kernel reads it
 * back. All of it works on bytes that are ours: the caller's are read once.
 */
#include <limits.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "front/xtables/check.h"

#define MAX_TABLE_SIZE (512u << 20) /* the kernel's XT_MAX_TABLE_SIZE */

int bf_xt_check_head(const void *head, size_t len)
{
	const struct ipt_replace *r = head;

	if (r->num_counters >= INT_MAX / sizeof(struct xt_counters))
		return -ENOMEM;
	if (r->num_counters == 0)
		return -EINVAL;
	if (len < (uint64_t)r->size + sizeof(*r))
		return -EINVAL;
	if (r->size >= MAX_TABLE_SIZE - 64) /* the kernel adds its own head */
		return -ENOMEM;
	return 0;
}

static int check_replace(const struct ipt_replace *r, size_t len)
{
	int rc = bf_xt_check_head(r, len);

	if (rc)
		return rc;
	return r->num_entries > MAX_TABLE_SIZE / sizeof(uint32_t) ? -ENOMEM : 0;
}

/*
 * Step 2 (bounds.c does the entries).
 */

/* A policy: takes every packet, ACCEPT or DROP. */
static bool is_policy(const struct bf_xt_layout *l, const uint8_t *e)
{
	const uint8_t *t = bf_xt_target(l, e);

	if (!bf_xt_unconditional(l, e) || !bf_xt_is_standard(t))
		return false;
	return bf_xt_verdict(t) == -NF_DROP - 1 || bf_xt_verdict(t) == -NF_ACCEPT - 1;
}

static int note_hooks(struct bf_xt_decode *c, const struct ipt_replace *r, uint32_t offset)
{
	for (unsigned h = 0; h < BF_XT_HOOKS; h++) {
		if (!(r->valid_hooks & 1u << h))
			continue;
		if (offset == r->hook_entry[h])
			c->head.hook_entry[h] = offset;
		if (offset != r->underflow[h])
			continue;
		if (!is_policy(c->blob.l, c->blob.base + offset))
			return -EINVAL;
		c->head.underflow[h] = offset;
	}
	return 0;
}

static int walk_entries(struct bf_xt_decode *c, const struct ipt_replace *r, uint32_t *offsets, struct bf_diag *d)
{
	const struct bf_xt_layout *l = c->blob.l;
	uint32_t off = 0, n = 0;

	while (off < r->size) {
		uint8_t *e = c->blob.base + off;
		int err = bf_xt_entry_bounds(l, e, r->size - off);

		if (!err)
			err = note_hooks(c, r, off);
		if (err)
			return bf_diag_error(d, err, "%.31s table: malformed entry %u at byte %u", r->name, n, off);
		memset(e + l->comefrom, 0, sizeof(uint32_t));
		memset(e + l->counters, 0, sizeof(struct xt_counters));
		offsets[n++] = off;
		off += bf_xt_next_offset(l, e);
	}
	c->head.num_entries = n;
	return 0;
}

/*
 * Step 3.
 */

static int check_hooks(const struct bf_xt_head *h, struct bf_diag *d)
{
	uint32_t entry = 0, underflow = 0;
	bool first = true;

	for (unsigned i = 0; i < BF_XT_HOOKS; i++) {
		if (!(h->valid_hooks & 1u << i))
			continue;
		if (h->hook_entry[i] == BF_XT_NONE || h->underflow[i] == BF_XT_NONE)
			return bf_diag_error(d, -EINVAL, "%s table: chain %s begins or ends at no entry", h->name,
								 bf_xt_hook_name(i));
		if (!first && (h->underflow[i] <= underflow || h->hook_entry[i] <= entry))
			return bf_diag_error(d, -EINVAL, "%s table: chain %s is out of order", h->name, bf_xt_hook_name(i));
		entry = h->hook_entry[i];
		underflow = h->underflow[i];
		first = false;
	}
	return 0;
}

/*
 * Step 5.
 */

/* What the kernel does not copy back is zero: behind the name's NUL, and behind the user's part of the payload. */
static void normalise_ext(uint8_t *head, const struct bf_xt_ext *x)
{
	size_t user = BF_XT_HEAD + (x->usersize ? x->usersize : x->size);
	char *name = (char *)head + 2;
	size_t len = strlen(name);

	memset(name + len, 0, BF_XT_NAMELEN - len);
	memset(head + user, 0, bf_xt_size(head) - user);
}

static int check_ext(struct bf_xt_cache *cache, const struct bf_xt_check *ck, uint8_t *head, bool target,
					 struct bf_diag *d)
{
	const struct bf_xt_ext *x;
	int err = bf_xt_ext_find(cache, ck->family, target, head, &x);

	if (err)
		return bf_xt_error(ck, d, err, "extension `%.29s' (%s, revision %u) is not supported by bpfilter",
						   bf_xt_name(head), target ? "target" : "match", bf_xt_rev(head));
	err = bf_xt_ext_check(x, head, ck, d);
	if (!err)
		normalise_ext(head, x);
	return err;
}

int bf_xt_check_entry(const struct bf_xt_blob *b, uint8_t *e, uint32_t place, struct bf_xt_cache *cache, struct bf_diag *d)
{
	const struct bf_xt_layout *l = b->l;
	uint8_t *t = bf_xt_target(l, e);
	struct bf_xt_check ck;
	int err;

	bf_xt_check_init(&ck, b, e, place);
	bf_xt_foreach_match (m, l, e) {
		err = check_ext(cache, &ck, m, false, d);
		if (err)
			return err;
	}
	err = check_ext(cache, &ck, t, true, d);
	if (!err)
		memset(t + bf_xt_size(t), 0, (size_t)(e + bf_xt_next_offset(l, e) - (t + bf_xt_size(t))));
	return err;
}

/*
 * Step 6. More counters than this cannot be allocated by the kernel; whether
 * the number is right is not known here.
 */
static int check_table(const struct bf_xt_head *h, uint32_t num_counters, struct bf_diag *d)
{
	const struct bf_xt_table *t;

	if (num_counters > MAX_TABLE_SIZE / sizeof(struct xt_counters))
		return -ENOMEM;
	t = bf_xt_table_find((uint8_t)h->family, h->name);
	if (!t)
		return bf_diag_error(d, -ENOENT, "table `%s' is not served by bpfilter", h->name);
	if (t->valid_hooks != h->valid_hooks)
		return bf_diag_error(d, -EINVAL, "%s table: hooks 0x%x instead of 0x%x", h->name, h->valid_hooks,
							 t->valid_hooks);
	return 0;
}

static int check_all(struct bf_xt_decode *c, const struct ipt_replace *r, struct bf_diag *d)
{
	uint32_t *offsets = bf_arena_array(c->arena, r->size / (c->blob.l->entry + BF_XT_HEAD) + 1, uint32_t);
	int err;

	if (!offsets)
		return -ENOMEM;
	err = walk_entries(c, r, offsets, d);
	if (err)
		return err;
	c->blob.offsets = offsets;
	if (c->head.num_entries != r->num_entries)
		return bf_diag_error(d, -EINVAL, "%s table: %u entries, not %u", c->head.name, c->head.num_entries,
							 r->num_entries);
	err = check_hooks(&c->head, d);
	if (!err)
		err = bf_xt_mark_hooks(c, d);
	for (uint32_t i = 0; !err && i < c->head.num_entries; i++)
		err = bf_xt_check_entry(&c->blob, bf_xt_entry(&c->blob, i), i, &c->cache, d);
	return err ? err : check_table(&c->head, r->num_counters, d);
}

/* The same bytes hold the caller's head at first and the state's at last. */
_Static_assert(sizeof(struct ipt_replace) == sizeof(struct bf_xt_head), "a state in the place of a blob");

int bf_xt_decode_in_place(uint8_t family, void *blob, size_t len, struct bf_xt_replace *info, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *arena = NULL;
	struct bf_xt_decode c = { .blob.l = bf_xt_layout(family) };
	struct ipt_replace r;
	int err;

	if (!c.blob.l || len < sizeof(r) || (uintptr_t)blob % 8)
		return -EINVAL;
	memcpy(&r, blob, sizeof(r));
	r.name[sizeof(r.name) - 1] = '\0';
	err = check_replace(&r, len);
	if (err)
		return err;
	c.arena = arena = bf_arena_new();
	if (!arena)
		return -ENOMEM;
	c.head =
		(struct bf_xt_head){ .magic = BF_XT_MAGIC, .family = family, .valid_hooks = r.valid_hooks, .size = r.size };
	memcpy(c.head.name, r.name, strlen(r.name));
	memset(c.head.hook_entry, 0xff, sizeof(c.head.hook_entry));
	memset(c.head.underflow, 0xff, sizeof(c.head.underflow));
	c.blob.head = &c.head;
	c.blob.base = (uint8_t *)blob + sizeof(c.head);
	err = check_all(&c, &r, d);
	if (err)
		return err;
	memcpy(blob, &c.head, sizeof(c.head));
	memcpy(info->name, r.name, sizeof(info->name));
	info->num_counters = r.num_counters;
	info->counters_ptr = (uintptr_t)r.counters;
	return 0;
}

int bf_xt_decode_replace(uint8_t family, const void *blob, size_t len, struct bf_xt_replace *info, struct bf_buf *state,
						 struct bf_diag *d)
{
	_cleanup_buf_ struct bf_buf copy = { 0 };
	struct ipt_replace r;
	int err;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, blob, sizeof(r));
	err = check_replace(&r, len); /* before so much memory is taken */
	if (err)
		return err;
	bf_buf_add(&copy, blob, sizeof(r) + r.size);
	if (copy.err)
		return -ENOMEM;
	err = bf_xt_decode_in_place(family, copy.data, copy.len, info, d);
	if (err)
		return err;
	bf_buf_free(state);
	*state = copy;
	copy = (struct bf_buf){ 0 };
	return 0;
}
