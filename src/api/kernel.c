/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.c: the kernel's own ip_tables, asked as iptables asks it. What it
 * gives back is put through the same decoder as a caller's blob, so that a
 * kernel table and one of ours have the same form.
 */
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <sys/socket.h>

#include "api/ctx.h"

#define TRIES 10 /* a native iptables may change the table between two questions */

void bf_kernel_table_free(struct bf_kernel_table *k)
{
	if (k->sock >= 0)
		close(k->sock);
	bf_buf_free(&k->state);
	free(k->counters);
}

static int level(int family)
{
	return family == AF_INET6 ? SOL_IPV6 : SOL_IP;
}

static int get_entries(const struct bf_kernel_table *k, const struct ipt_getinfo *info, struct ipt_get_entries **out)
{
	socklen_t len = (socklen_t)(sizeof(**out) + info->size);
	_cleanup_free_ struct ipt_get_entries *e = calloc(1, len);

	if (!e)
		return -ENOMEM;
	memcpy(e->name, info->name, sizeof(e->name));
	e->size = info->size;
	if (getsockopt(k->sock, level(k->family), IPT_SO_GET_ENTRIES, e, &len))
		return -errno;
	*out = TAKE_PTR(e);
	return 0;
}

/* -EAGAIN: it changed between the two questions. */
static int ask(struct bf_kernel_table *k, struct ipt_getinfo *info, struct ipt_get_entries **out)
{
	int rc = -EAGAIN;

	for (int i = 0; i < TRIES && rc == -EAGAIN; i++) {
		socklen_t len = sizeof(*info);

		memset(info, 0, sizeof(*info));
		memcpy(info->name, k->name, sizeof(info->name));
		if (getsockopt(k->sock, level(k->family), IPT_SO_GET_INFO, info, &len))
			return -errno;
		rc = get_entries(k, info, out);
	}
	return rc;
}

/* As the caller of REPLACE would hand the same rules in. */
static int decode(struct bf_kernel_table *k, const struct ipt_getinfo *info, const void *entries, struct bf_diag *d)
{
	struct ipt_replace head = {.valid_hooks = info->valid_hooks,
		.num_entries = info->num_entries,
		.size = info->size,
		.num_counters = info->num_entries};
	_cleanup_buf_ struct bf_buf blob = {};
	struct bf_xt_replace unused;

	memcpy(head.name, info->name, sizeof(head.name));
	memcpy(head.hook_entry, info->hook_entry, sizeof(head.hook_entry));
	memcpy(head.underflow, info->underflow, sizeof(head.underflow));
	bf_buf_add(&blob, &head, sizeof(head));
	bf_buf_add(&blob, entries, info->size);
	if (blob.err)
		return blob.err;
	return bf_xt_decode_replace(bf_nfproto(k->family), blob.data, blob.len, &unused, &k->state, d);
}

/* Entries as the kernel wrote them: checked by decode() before. */
static int take_counters(struct bf_kernel_table *k, const char *e)
{
	bool v6 = k->family == AF_INET6;

	k->counters = calloc(k->num_entries, sizeof(*k->counters));
	if (!k->counters)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->num_entries; i++) {
		const struct ipt_entry *e4 = (const void *)e;
		const struct ip6t_entry *e6 = (const void *)e;
		const struct xt_counters *c = v6 ? &e6->counters : &e4->counters;

		k->counters[i] = (struct bf_rt_counter){c->pcnt, c->bcnt};
		e += v6 ? e6->next_offset : e4->next_offset;
	}
	return 0;
}

int bf_kernel_read(int netns, int family, const char *table, struct bf_kernel_table *k, struct bf_diag *d)
{
	_cleanup_free_ struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info;
	int rc;

	*k = (struct bf_kernel_table){.sock = bf_netns_socket(netns, family), .family = family};
	snprintf(k->name, sizeof(k->name), "%s", table);
	rc = k->sock < 0 ? k->sock : ask(k, &info, &entries);
	if (rc)
		return bf_diag_error(d, rc, "cannot read the kernel's %s table: %s", table, strerror(-rc));
	k->num_entries = info.num_entries;
	rc = decode(k, &info, entries->entrytable, d);
	return rc ? rc : take_counters(k, (const char *)entries->entrytable);
}

bool bf_kernel_is_empty(const struct bf_kernel_table *k)
{
	_cleanup_stored_ struct bf_stored none = {};

	return !bf_stored_load(NULL, k->family, k->name, &none) && none.len == k->state.len &&
	       !memcmp(none.state, k->state.data, none.len);
}

int bf_kernel_add_counters(struct bf_kernel_table *k, const struct bf_rt_counter *c, struct bf_diag *d)
{
	size_t len = sizeof(struct xt_counters_info) + k->num_entries * sizeof(*c);
	_cleanup_free_ struct xt_counters_info *info = calloc(1, len);

	if (!info)
		return -ENOMEM;
	memcpy(info->name, k->name, sizeof(info->name));
	info->num_counters = k->num_entries;
	memcpy(info->counters, c, k->num_entries * sizeof(*c));
	if (setsockopt(k->sock, level(k->family), IPT_SO_SET_ADD_COUNTERS, info, (socklen_t)len))
		return bf_diag_error(d, -errno, "the kernel's %s table does not take the counters: %s", k->name, strerror(errno));
	return 0;
}

int bf_kernel_write(struct bf_kernel_table *k, const void *state, size_t len, struct bf_diag *d)
{
	_cleanup_free_ struct xt_counters *old = calloc(k->num_entries, sizeof(*old));
	_cleanup_buf_ struct bf_buf blob = {};
	struct ipt_replace *head;
	int rc = bf_xt_encode_replace(state, len, &blob);

	if (rc || blob.err || !old)
		return rc ? rc : -ENOMEM;
	head = (void *)blob.data;
	head->num_counters = k->num_entries;
	head->counters = old;
	if (setsockopt(k->sock, level(k->family), IPT_SO_SET_REPLACE, blob.data, (socklen_t)blob.len))
		return bf_diag_error(d, -errno, "cannot write the kernel's %s table: %s", k->name, strerror(errno));
	k->num_entries = head->num_entries;
	return 0;
}
