/* SPDX-License-Identifier: GPL-2.0-only */
/* bounds.c: whether one entry is whole: its offsets, sizes, flags and verdict, in the kernel's order
 * (check_entry_size_and_hooks, xt_check_entry_offsets). What passes can be walked without looking back. */
#include "front/xtables/blob.h"

static bool verdict_ok(int32_t v)
{
	return v > 0 || v == -NF_ACCEPT - 1 || v == -NF_DROP - 1 || v == -NF_QUEUE - 1 || v == XT_RETURN;
}

static int check_target_bounds(const uint8_t *t, uint32_t target_offset, uint32_t next_offset)
{
	uint32_t size = bf_xt_size(t);

	if (size < BF_XT_HEAD || target_offset + size > next_offset)
		return -EINVAL;
	if (bf_xt_is_standard(t)) {
		if (BF_XT_ALIGN(target_offset + (uint32_t)sizeof(struct xt_standard_target)) != next_offset)
			return -EINVAL;
		return verdict_ok(bf_xt_verdict(t)) ? 0 : -EINVAL;
	}
	if (bf_xt_is_error(t)) {
		if (size != sizeof(struct xt_error_target))
			return -EINVAL;
		return memchr(t + BF_XT_HEAD, 0, XT_FUNCTION_MAXNAMELEN) ? 0 : -EINVAL;
	}
	return 0;
}

/* Matches fill the room between the entry and its target, each aligned. */
static int check_match_bounds(const uint8_t *m, uint32_t len)
{
	while (len > 0) {
		uint32_t size;

		if ((uintptr_t)m % 8 || len < BF_XT_HEAD)
			return -EINVAL;
		size = bf_xt_size(m);
		if (size < BF_XT_HEAD || size > len)
			return -EINVAL;
		len -= size;
		m += size;
	}
	return 0;
}

int bf_xt_entry_bounds(const struct bf_xt_layout *l, const uint8_t *e, uint32_t left)
{
	uint32_t target, next;
	int err;

	if ((uintptr_t)e % 8 || left <= l->entry)
		return -EINVAL;
	next = bf_xt_next_offset(l, e);
	target = bf_xt_target_offset(l, e);
	if (next > left || next < (uint32_t)l->entry + BF_XT_HEAD)
		return -EINVAL;
	if (e[l->flags] & ~l->flag_mask || e[l->invflags] & ~l->inv_mask)
		return -EINVAL;
	if (target < l->entry || target + BF_XT_HEAD > next)
		return -EINVAL;
	err = check_target_bounds(e + target, target, next);
	return err ? err : check_match_bounds(e + l->entry, target - l->entry);
}
