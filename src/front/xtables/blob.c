/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blob.c: the entries' layouts, the tables served, and the answers that are
 * made from a state without looking into its rules.
 */
#include "base/shelf.h"
#include "front/xtables/blob.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdarg.h>
#include <stdio.h>

_Static_assert(sizeof(struct bf_xt_head) % 8 == 0, "entries behind the head are 8-aligned");
_Static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace), "one replace head");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one getinfo");
_Static_assert(sizeof(struct xt_entry_match) == BF_XT_HEAD && sizeof(struct xt_entry_target) == BF_XT_HEAD, "heads");

static const struct bf_xt_layout layouts[] = {
	{
		.family = NFPROTO_IPV4,
		.entry = sizeof(struct ipt_entry),
		.ip = sizeof(struct ipt_ip),
		.proto = offsetof(struct ipt_entry, ip.proto),
		.flags = offsetof(struct ipt_entry, ip.flags),
		.invflags = offsetof(struct ipt_entry, ip.invflags),
		.target_offset = offsetof(struct ipt_entry, target_offset),
		.next_offset = offsetof(struct ipt_entry, next_offset),
		.comefrom = offsetof(struct ipt_entry, comefrom),
		.counters = offsetof(struct ipt_entry, counters),
		.flag_mask = IPT_F_MASK,
		.inv_mask = IPT_INV_MASK,
		.flag_goto = IPT_F_GOTO,
	},
	{
		.family = NFPROTO_IPV6,
		.entry = sizeof(struct ip6t_entry),
		.ip = sizeof(struct ip6t_ip6),
		.proto = offsetof(struct ip6t_entry, ipv6.proto),
		.flags = offsetof(struct ip6t_entry, ipv6.flags),
		.invflags = offsetof(struct ip6t_entry, ipv6.invflags),
		.target_offset = offsetof(struct ip6t_entry, target_offset),
		.next_offset = offsetof(struct ip6t_entry, next_offset),
		.comefrom = offsetof(struct ip6t_entry, comefrom),
		.counters = offsetof(struct ip6t_entry, counters),
		.flag_mask = IP6T_F_MASK,
		.inv_mask = IP6T_INV_MASK,
		.flag_goto = IP6T_F_GOTO,
	},
};

const struct bf_xt_layout *bf_xt_layout(uint8_t family)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(layouts); i++)
		if (layouts[i].family == family)
			return &layouts[i];
	return NULL;
}

static const struct bf_xt_table tables[] = {
	{ "filter", 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT, 0 /* NF_IP_PRI_FILTER */ },
};

const struct bf_xt_table *bf_xt_table_find(uint8_t family, const char *name)
{
	if (!bf_xt_layout(family))
		return NULL;
	for (size_t i = 0; i < BF_ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i].name, name))
			return &tables[i];
	return NULL;
}

bool bf_xt_unconditional(const struct bf_xt_layout *l, const uint8_t *e)
{
	static const uint8_t zero[sizeof(struct ip6t_ip6)];

	return bf_xt_target_offset(l, e) == l->entry && !memcmp(e, zero, l->ip);
}

uint32_t bf_xt_find(const struct bf_xt_blob *b, uint32_t offset)
{
	uint32_t lo = 0, hi = b->head->num_entries;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (b->offsets[mid] == offset)
			return mid;
		if (b->offsets[mid] < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return BF_XT_NONE;
}

uint8_t bf_xt_kind(const struct bf_xt_layout *l, const uint8_t *e)
{
	const uint8_t *t = bf_xt_target(l, e);

	if (bf_xt_is_error(t))
		return BF_XT_IS_HEAD;
	return bf_xt_is_standard(t) && bf_xt_verdict(t) >= 0 ? BF_XT_IS_JUMP : 0;
}

uint32_t bf_xt_jump_of(const struct bf_xt_blob *b, uint32_t i)
{
	if (!(b->kinds[i] & BF_XT_IS_JUMP))
		return BF_XT_NONE;
	return bf_xt_find(b, (uint32_t)bf_xt_verdict(bf_xt_target(b->l, bf_xt_entry(b, i))));
}

static int open_head(const void *state, size_t len, struct bf_xt_blob *b)
{
	const struct bf_xt_head *h = state;

	if (len < sizeof(*h) || (uintptr_t)state % 8 || h->magic != BF_XT_MAGIC || len != sizeof(*h) + (size_t)h->size)
		return -EINVAL;
	b->l = bf_xt_layout((uint8_t)h->family);
	if (!b->l || h->num_entries > h->size / (b->l->entry + BF_XT_HEAD))
		return -EINVAL;
	b->head = h;
	b->base = (uint8_t *)(uintptr_t)(h + 1);
	return 0;
}

static int walk_entries(const struct bf_xt_blob *b, uint32_t *offsets, uint8_t *kinds)
{
	uint32_t off = 0, size = b->head->size, kept = 0;

	for (uint32_t i = 0; i < b->head->num_entries; i++) {
		if (off - kept >= BF_SHELF_STEP) {
			bf_shelf_put(b->base + kept, off - kept);
			kept = off;
		}
		if (off >= size || bf_xt_entry_bounds(b->l, b->base + off, size - off))
			return -EINVAL;
		offsets[i] = off;
		kinds[i] = bf_xt_kind(b->l, b->base + off);
		off += bf_xt_next_offset(b->l, b->base + off);
	}
	return off == size ? 0 : -EINVAL;
}

/* It was made of these bytes by this version; still, nothing must be looked at outside of them. */
static int use_index(struct bf_xt_blob *b, const void *index)
{
	const uint32_t *offsets = index, n = b->head->num_entries, least = b->l->entry + BF_XT_HEAD;
	bool fits = !n || (!offsets[0] && offsets[n - 1] <= b->head->size - least);

	for (uint32_t i = 1; i < n; i++)
		fits &= offsets[i] >= offsets[i - 1] + least;
	b->offsets = offsets;
	b->kinds = (const uint8_t *)(offsets + n);
	return fits ? 0 : -EINVAL;
}

int bf_xt_open(const struct bf_xt_base *base, struct bf_arena *a, struct bf_xt_blob *b)
{
	uint32_t *offsets;
	uint8_t *kinds;
	int err = open_head(base->state, base->len, b);

	if (err)
		return err;
	if (base->index)
		return use_index(b, base->index);
	b->offsets = offsets = bf_arena_array(a, b->head->num_entries, uint32_t);
	b->kinds = kinds = bf_arena_array(a, b->head->num_entries, uint8_t);
	return offsets && kinds ? walk_entries(b, offsets, kinds) : -ENOMEM;
}

size_t bf_xt_index_size(uint32_t num_entries)
{
	return BF_ALIGN((sizeof(uint32_t) + 1) * (size_t)num_entries, (size_t)8);
}

int bf_xt_index(const void *state, size_t len, struct bf_buf *out)
{
	struct bf_xt_blob b;
	int err = open_head(state, len, &b);
	uint32_t *offsets;

	if (err)
		return err;
	offsets = bf_buf_reserve(out, bf_xt_index_size(b.head->num_entries));
	return offsets ? walk_entries(&b, offsets, (uint8_t *)(offsets + b.head->num_entries)) : -ENOMEM;
}

/*
 * Answers. Those who ask for them hold a state that decode made.
 */

int bf_xt_get_info(const void *state, size_t len, struct bf_buf *out)
{
	const struct bf_xt_head *h = state;
	struct ipt_getinfo info = { 0 };

	if (len < sizeof(*h) || h->magic != BF_XT_MAGIC)
		return -EINVAL;
	memcpy(info.name, h->name, sizeof(info.name));
	info.valid_hooks = h->valid_hooks;
	memcpy(info.hook_entry, h->hook_entry, sizeof(info.hook_entry));
	memcpy(info.underflow, h->underflow, sizeof(info.underflow));
	info.num_entries = h->num_entries;
	info.size = h->size;
	bf_buf_add(out, &info, sizeof(info));
	return out->err;
}

static int put_counters(const struct bf_xt_head *h, uint8_t *e, const struct bf_rt_counter *counters)
{
	const struct bf_xt_layout *l = bf_xt_layout((uint8_t)h->family);
	uint32_t off = 0;

	if (!l)
		return -EINVAL;
	for (uint32_t i = 0; counters && i < h->num_entries; i++) {
		struct xt_counters c = { counters[i].packets, counters[i].bytes };

		if (off > h->size || h->size - off < l->entry)
			return -EINVAL;
		memcpy(e + off + l->counters, &c, sizeof(c));
		off += bf_xt_next_offset(l, e + off);
	}
	return 0;
}

static bool is_state(const struct bf_xt_head *h, size_t len)
{
	return len >= sizeof(*h) && h->magic == BF_XT_MAGIC && len == sizeof(*h) + (size_t)h->size;
}

int bf_xt_get_entries(const void *state, size_t len, const struct bf_rt_counter *counters, struct bf_buf *out)
{
	const struct bf_xt_head *h = state;

	if (!is_state(h, len))
		return -EINVAL;
	bf_buf_add(out, h + 1, h->size);
	return out->err ? out->err : put_counters(h, (uint8_t *)out->data + out->len - h->size, counters);
}

int bf_xt_take_entries(struct bf_buf *state, const struct bf_rt_counter *counters)
{
	struct bf_xt_head h;
	int err;

	if (!is_state((const void *)state->data, state->len))
		return -EINVAL;
	memcpy(&h, state->data, sizeof(h));
	err = put_counters(&h, (uint8_t *)state->data + sizeof(h), counters);
	state->len = h.size;
	memmove(state->data, state->data + sizeof(h), h.size);
	return err;
}

int bf_xt_encode_replace(const void *state, size_t len, struct bf_buf *out)
{
	const struct bf_xt_head *h = state;
	struct ipt_replace r = { 0 };

	if (!is_state(h, len))
		return -EINVAL;
	memcpy(r.name, h->name, sizeof(r.name));
	r.valid_hooks = h->valid_hooks;
	r.num_entries = h->num_entries;
	r.size = h->size;
	memcpy(r.hook_entry, h->hook_entry, sizeof(r.hook_entry));
	memcpy(r.underflow, h->underflow, sizeof(r.underflow));
	bf_buf_add(out, &r, sizeof(r));
	return bf_xt_get_entries(state, len, NULL, out);
}

/* One entry without conditions: `verdict` and the hooks that reach it, or (name) an ERROR entry. */
static void put_entry(struct bf_buf *out, const struct bf_xt_layout *l, int32_t verdict, uint32_t hooks,
					  const char *name)
{
	uint16_t target = l->entry, next = (uint16_t)(l->entry + BF_XT_HEAD + BF_XT_ALIGN(name ? 30 : sizeof(verdict)));
	uint16_t size = (uint16_t)(next - target);
	uint8_t *e = bf_buf_reserve(out, next);

	if (!e)
		return;
	memcpy(e + l->target_offset, &target, sizeof(target));
	memcpy(e + l->next_offset, &next, sizeof(next));
	memcpy(e + l->comefrom, &hooks, sizeof(hooks));
	memcpy(e + target, &size, sizeof(size));
	if (name) {
		strcpy((char *)e + target + 2, XT_ERROR_TARGET);
		strcpy((char *)e + target + BF_XT_HEAD, name);
	} else {
		memcpy(e + target + BF_XT_HEAD, &verdict, sizeof(verdict));
	}
}

int bf_xt_state_empty(uint8_t family, const struct bf_xt_table *t, struct bf_buf *state)
{
	const struct bf_xt_layout *l = bf_xt_layout(family);
	struct bf_xt_head h = { .magic = BF_XT_MAGIC, .family = family, .valid_hooks = t->valid_hooks };
	size_t at = state->len;

	if (!l)
		return -EINVAL;
	memcpy(h.name, t->name, strnlen(t->name, sizeof(h.name) - 1));
	bf_buf_add(state, &h, sizeof(h));
	for (unsigned hook = 0; hook < BF_XT_HOOKS; hook++) {
		h.hook_entry[hook] = h.underflow[hook] = BF_XT_NONE;
		if (!(t->valid_hooks & 1u << hook))
			continue;
		h.hook_entry[hook] = h.underflow[hook] = (uint32_t)(state->len - at - sizeof(h));
		put_entry(state, l, -NF_ACCEPT - 1, 1u << hook, NULL);
		h.num_entries++;
	}
	put_entry(state, l, 0, 0, XT_ERROR_TARGET);
	h.num_entries++;
	if (state->err)
		return state->err;
	h.size = (uint32_t)(state->len - at - sizeof(h));
	memcpy(state->data + at, &h, sizeof(h));
	return 0;
}

/*
 * Where an entry stands, for messages.
 */

const char *bf_xt_hook_name(unsigned hook)
{
	static const char *const names[BF_XT_HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };

	return hook < BF_XT_HOOKS ? names[hook] : "?";
}

static const char *chain_of(const struct bf_xt_blob *b, uint32_t entry, uint32_t *rule)
{
	const char *name = "?";

	*rule = 0;
	for (uint32_t i = 0; i <= entry; i++) {
		const uint8_t *t = bf_xt_target(b->l, bf_xt_entry(b, i));

		for (unsigned h = 0; h < BF_XT_HOOKS; h++)
			if (b->head->hook_entry[h] == b->offsets[i]) {
				name = bf_xt_hook_name(h);
				*rule = 0;
			}
		if (bf_xt_is_error(t)) {
			name = (const char *)t + BF_XT_HEAD; /* terminated: the check of ERROR targets */
			*rule = 0;
		} else {
			++*rule;
		}
	}
	return name;
}

int bf_xt_error(const struct bf_xt_check *c, struct bf_diag *d, int err, const char *fmt, ...)
{
	const char *chain;
	uint32_t rule;
	char msg[512];
	va_list ap;

	if (!d)
		return err;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	for (char *p = msg; *p; p++) /* names are the caller's bytes */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	chain = chain_of(c->blob, c->entry, &rule);
	return bf_diag_error(d, err, "%s table, chain %s, rule %u: %s", c->table, chain, rule, msg);
}

void bf_xt_check_init(struct bf_xt_check *c, const struct bf_xt_blob *b, const uint8_t *e, uint32_t place)
{
	*c = (struct bf_xt_check){
		.family = b->l->family,
		.table = b->head->name,
		.hooks = bf_xt_comefrom(b->l, e),
		.proto = bf_xt_u16(e + b->l->proto),
		.invflags = e[b->l->invflags],
		.ipflags = e[b->l->flags],
		.blob = b,
		.entry = place,
	};
}
