/* SPDX-License-Identifier: GPL-2.0-only */
/* build.c: blobs made by hand (build.h). */
#include "xt/build.h"

#include <linux/netfilter_ipv4/ip_tables.h>

void bb_begin(struct bb *b, uint8_t family)
{
	*b = (struct bb){ .family = family, .l = bf_xt_layout(family) };
	bf_buf_reserve(&b->buf, BB_REPLACE);
	memset(b->hook_entry, 0xff, sizeof(b->hook_entry));
	memset(b->underflow, 0xff, sizeof(b->underflow));
}

uint32_t bb_offset(const struct bb *b)
{
	return (uint32_t)(b->buf.len - BB_REPLACE);
}

uint8_t *bb_at(struct bb *b, uint32_t offset)
{
	return (uint8_t *)b->buf.data + BB_REPLACE + offset;
}

static uint8_t *entry(struct bb *b)
{
	return (uint8_t *)b->buf.data + b->entry;
}

static void put16(uint8_t *p, size_t v)
{
	uint16_t w = (uint16_t)v;

	memcpy(p, &w, sizeof(w));
}

void bb_hook(struct bb *b, unsigned hook)
{
	b->hook_entry[hook] = bb_offset(b);
}

uint8_t *bb_entry(struct bb *b)
{
	b->entry = b->buf.len;
	b->n++;
	bf_buf_reserve(&b->buf, b->l->entry);
	put16(entry(b) + b->l->target_offset, b->l->entry);
	return entry(b);
}

static void add_ext(struct bb *b, const char *name, uint8_t rev, const void *info, size_t size)
{
	size_t len = BF_XT_HEAD + BF_XT_ALIGN(size);
	uint8_t *p = bf_buf_reserve(&b->buf, len);

	put16(p, len);
	memcpy(p + 2, name, strnlen(name, BF_XT_NAMELEN));
	p[BF_XT_HEAD - 1] = rev;
	if (size)
		memcpy(p + BF_XT_HEAD, info, size);
}

void bb_match(struct bb *b, const char *name, uint8_t rev, const void *info, size_t size)
{
	add_ext(b, name, rev, info, size);
	put16(entry(b) + b->l->target_offset, b->buf.len - b->entry);
}

void bb_target(struct bb *b, const char *name, uint8_t rev, const void *info, size_t size)
{
	add_ext(b, name, rev, info, size);
	put16(entry(b) + b->l->next_offset, b->buf.len - b->entry);
}

void bb_verdict(struct bb *b, int32_t v)
{
	bb_target(b, XT_STANDARD_TARGET, 0, &v, sizeof(v));
}

void bb_policy(struct bb *b, unsigned hook, int32_t v)
{
	b->underflow[hook] = bb_offset(b);
	bb_entry(b);
	bb_verdict(b, v);
}

void bb_head(struct bb *b, const char *chain)
{
	char name[XT_FUNCTION_MAXNAMELEN] = "";

	memcpy(name, chain, strnlen(chain, sizeof(name)));
	bb_entry(b);
	bb_target(b, XT_ERROR_TARGET, 0, name, sizeof(name));
}

void bb_proto(struct bb *b, uint16_t proto, uint8_t invflags)
{
	put16(entry(b) + b->l->proto, proto);
	entry(b)[b->l->invflags] |= invflags;
	if (b->family == NFPROTO_IPV6 && proto)
		entry(b)[b->l->flags] |= 1; /* IP6T_F_PROTO */
}

void bb_end(struct bb *b)
{
	struct ipt_replace r = { .name = "filter", .valid_hooks = 0xe, .num_counters = 4 };

	bb_head(b, XT_ERROR_TARGET);
	r.num_entries = b->n;
	r.size = bb_offset(b);
	memcpy(r.hook_entry, b->hook_entry, sizeof(r.hook_entry));
	memcpy(r.underflow, b->underflow, sizeof(r.underflow));
	memcpy(b->buf.data, &r, sizeof(r));
}

void bb_free(struct bb *b)
{
	bf_buf_free(&b->buf);
}

void bb_filter(struct bb *b, uint8_t family, void (*rule)(struct bb *b, void *arg), void *arg)
{
	bb_begin(b, family);
	for (unsigned h = NF_INET_LOCAL_IN; h <= NF_INET_LOCAL_OUT; h++) {
		bb_hook(b, h);
		if (h == NF_INET_LOCAL_IN && rule)
			rule(b, arg);
		bb_policy(b, h, -NF_ACCEPT - 1);
	}
	bb_end(b);
}

bool bb_has_form(struct bb *b)
{
	b->n = 0;
	if (b->buf.len < BB_REPLACE)
		return false;
	for (uint32_t off = 0; off < bb_offset(b); b->n++) {
		uint32_t left = bb_offset(b) - off, min = b->l->entry + 40u, next, target;

		if (left < min)
			return false;
		next = bf_xt_next_offset(b->l, bb_at(b, off));
		target = bf_xt_target_offset(b->l, bb_at(b, off));
		if (next < min || next > left || target < b->l->entry || target + 40 > next)
			return false;
		off += next;
	}
	return b->n > 0 && b->n < 256;
}

uint8_t *bb_num_entries(struct bb *b)
{
	return (uint8_t *)b->buf.data + offsetof(struct ipt_replace, num_entries);
}

uint8_t *bb_size(struct bb *b)
{
	return (uint8_t *)b->buf.data + offsetof(struct ipt_replace, size);
}

uint8_t *bb_num_counters(struct bb *b)
{
	return (uint8_t *)b->buf.data + offsetof(struct ipt_replace, num_counters);
}
