/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ext.c: finding extensions, and what the kernel checks of each before the
 * extension's own check. Names are compared as the kernel does: a name of 29
 * bytes without a NUL is -EINVAL, never longer than its field.
 */
#include "front/xtables/blob.h"

static bool fits(const struct bf_xt_ext *x, uint8_t family, const char *name, bool target)
{
	return x->target == target && (!x->family || x->family == family) && !strcmp(x->name, name);
}

/* The kernel forgets that it saw another revision in the family's own list when it goes on to the list for all
 * families: only names in the latter get -EPROTOTYPE. */
static int search(uint8_t family, const char *name, uint8_t rev, bool target, const struct bf_xt_ext **out)
{
	int err = -ENOENT;

	for (const struct bf_xt_ext *const *x = bf_xt_exts; *x; x++) {
		if (!fits(*x, family, name, target))
			continue;
		if ((*x)->revision == rev) {
			*out = *x;
			return 0;
		}
		if ((*x)->unspec)
			err = -EPROTOTYPE;
	}
	return err;
}

static unsigned slot_of(const char *name, bool target, uint8_t rev)
{
	unsigned h = rev * 7u + target;

	for (; *name; name++)
		h = h * 31 + (unsigned char)*name;
	return h % BF_ARRAY_SIZE(((struct bf_xt_cache *)NULL)->slot);
}

int bf_xt_ext_find(struct bf_xt_cache *cache, uint8_t family, bool target, const uint8_t *head,
				   const struct bf_xt_ext **out)
{
	const char *name = bf_xt_name(head);
	const struct bf_xt_ext **slot;
	int err;

	if (!memchr(name, 0, BF_XT_NAMELEN))
		return -EINVAL;
	slot = &cache->slot[slot_of(name, target, bf_xt_rev(head))];
	if (*slot && (*slot)->revision == bf_xt_rev(head) && fits(*slot, family, name, target)) {
		*out = *slot;
		return 0;
	}
	err = search(family, name, bf_xt_rev(head), target, out);
	if (!err)
		*slot = *out;
	return err;
}

static const char *kind(const struct bf_xt_ext *x)
{
	return x->target ? "target" : "match";
}

int bf_xt_ext_check(const struct bf_xt_ext *x, const uint8_t *head, const struct bf_xt_check *c, struct bf_diag *d)
{
	unsigned size = bf_xt_size(head) - BF_XT_HEAD;

	if (size != BF_XT_ALIGN(x->size))
		return bf_xt_error(c, d, -EINVAL, "%s `%s' has %u bytes of parameters instead of %u", kind(x), x->name, size,
						   BF_XT_ALIGN(x->size));
	if (x->table && strcmp(x->table, c->table) != 0)
		return bf_xt_error(c, d, -EINVAL, "%s `%s' works in the %s table only", kind(x), x->name, x->table);
	if (x->hooks && c->hooks & ~x->hooks)
		return bf_xt_error(c, d, -EINVAL, "%s `%s' cannot be used at %s", kind(x), x->name,
						   bf_xt_hook_name((unsigned)__builtin_ctz(c->hooks & ~x->hooks)));
	if (x->proto && (x->proto != c->proto || c->invflags & XT_INV_PROTO))
		return bf_xt_error(c, d, -EINVAL, "%s `%s' needs -p %u", kind(x), x->name, x->proto);
	return x->check ? x->check(head + BF_XT_HEAD, c, d) : 0;
}

int bf_xt_revision(uint8_t family, const char *name, uint8_t revision, bool target)
{
	int err = -ENOENT;

	for (const struct bf_xt_ext *const *x = bf_xt_exts; *x; x++) {
		if (!fits(*x, family, name, target))
			continue;
		if ((*x)->revision == revision)
			return 0;
		err = -EPROTONOSUPPORT;
	}
	return err;
}
