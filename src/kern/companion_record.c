/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_record.c: a companion's content as bytes. The record lies in the
 * kernel beside the unit's programs, so that the next transaction, another
 * process, sees whether anything changes, and can make again what somebody
 * flushed.
 *
 *   struct head | n_codes x (struct item, info) | n_assists x (struct item, info)
 *
 * Each info is filled up with zeroes to 8 bytes, as xtables wants it.
 */
#include "kern/companion_record.h"

#include <linux/netfilter.h>
#include <stdio.h>

#include "rt/abi.h"

#define MAGIC 0x33706d63u /* "cmp3" */

struct head {
	uint32_t magic;
	uint32_t n_codes;
	uint64_t id;
	uint64_t tag;
	uint32_t n_assists;
	uint32_t max_codes;
	uint32_t assist_states, pad0;
	uint8_t family, conntrack, n_hooks, pad;
	char unit[36];
	struct {
		int32_t priority;
		uint8_t hook, handoff, pad[2];
	} hooks[COMP_HOOKS_MAX];
};

struct item {
	char name[29];
	uint8_t revision, kind, terminal, reject_type, reject_code, hooks;
	uint8_t what, flags, at, words, text;
	uint16_t size;
};

#define PADDED(size) BF_ALIGN((size_t)(size), 8)

bool comp_desc_assists(const struct bf_companion_desc *desc, uint8_t hook)
{
	for (uint32_t i = 0; i < desc->spec.n_assists; i++)
		if (desc->spec.assists[i].hooks & 1u << hook)
			return true;
	return false;
}

bool comp_desc_empty(const struct bf_companion_desc *desc)
{
	for (uint32_t i = 0; i < desc->n_hooks; i++)
		if (desc->hooks[i].handoff || comp_desc_assists(desc, desc->hooks[i].hook))
			return false;
	return !desc->conntrack;
}

static int check(const struct bf_companion_desc *desc, struct bf_diag *d)
{
	const struct bf_companion *s = &desc->spec;
	bool bad = desc->n_hooks > COMP_HOOKS_MAX || s->n_assists > 32 || s->n_codes > UINT16_MAX + 1u ||
			   s->max_codes_per_packet > BF_HANDOFF_MAX || strlen(desc->unit) > 32 ||
			   (desc->family != NFPROTO_IPV4 && desc->family != NFPROTO_IPV6 && desc->family != NFPROTO_INET);

	if (comp_desc_empty(desc)) /* of any family */
		return 0;
	for (uint32_t i = 0; i < s->n_codes && !bad; i++)
		bad = s->codes[i].size > sizeof(s->codes[i].info) || !memchr(s->codes[i].name, '\0', sizeof(s->codes[i].name));
	for (uint32_t i = 0; i < s->n_assists && !bad; i++)
		bad = s->assists[i].size > 2048 || s->assists[i].at + s->assists[i].words > BF_ANSWER_WORDS ||
			  !memchr(s->assists[i].name, '\0', sizeof(s->assists[i].name));
	for (uint32_t i = 0; i < desc->n_hooks && !bad; i++)
		bad = desc->hooks[i].hook >= NF_INET_NUMHOOKS;
	return bad ? bf_diag_error(d, -EINVAL, "unit %s: too many or malformed hand-offs to the kernel", desc->unit) : 0;
}

static void add_item(struct bf_buf *out, const struct item *it, const char *name, const void *info)
{
	struct item named = *it;
	void *room;

	snprintf(named.name, sizeof(named.name), "%s", name);
	bf_buf_add(out, &named, sizeof(named));
	room = bf_buf_reserve(out, PADDED(it->size));
	if (room && it->size)
		memcpy(room, info, it->size);
}

static uint8_t present_hooks(const struct bf_companion_desc *desc)
{
	uint8_t mask = 0;

	for (uint32_t i = 0; i < desc->n_hooks; i++)
		mask |= (uint8_t)(1u << desc->hooks[i].hook);
	return mask;
}

static void write_head(struct bf_buf *out, const struct bf_companion_desc *desc, uint32_t n_codes)
{
	struct head h = {
		.magic = MAGIC,
		.n_codes = n_codes,
		.tag = bf_companion_tag(&desc->spec),
		.n_assists = desc->spec.n_assists,
		.assist_states = desc->spec.n_assists ? desc->spec.assist_states : 0,
		.max_codes = n_codes ? BF_MAX(desc->spec.max_codes_per_packet, 1u) : 0,
		.family = desc->family,
		.conntrack = desc->conntrack,
		.n_hooks = (uint8_t)desc->n_hooks,
	};

	snprintf(h.unit, sizeof(h.unit), "%s", desc->unit);
	for (uint32_t i = 0; i < desc->n_hooks; i++) {
		h.hooks[i].hook = desc->hooks[i].hook;
		h.hooks[i].priority = desc->hooks[i].priority;
		h.hooks[i].handoff = n_codes && desc->hooks[i].handoff;
	}
	bf_buf_add(out, &h, sizeof(h));
}

int comp_record_write(struct bf_buf *out, const struct bf_companion_desc *desc, struct bf_diag *d)
{
	const struct bf_companion *s = &desc->spec;
	uint32_t n_codes = 0;
	int ret = check(desc, d);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < desc->n_hooks; i++)
		if (desc->hooks[i].handoff)
			n_codes = s->n_codes;
	write_head(out, desc, n_codes);
	for (uint32_t i = 0; i < n_codes; i++) {
		const struct bf_handoff_spec *c = &s->codes[i];
		struct item it = {
			.revision = c->revision,
			.kind = (uint8_t)c->kind,
			.terminal = c->terminal,
			.reject_type = c->reject_type,
			.reject_code = c->reject_code,
			.size = c->size,
		};

		add_item(out, &it, c->name, c->info);
	}
	for (uint32_t i = 0; i < s->n_assists; i++) {
		const struct bf_assist_spec *a = &s->assists[i];
		struct item it = {
			.revision = a->revision,
			.kind = a->kind,
			.size = a->size,
			.hooks = a->hooks & present_hooks(desc),
			.what = a->what,
			.flags = a->flags,
			.at = a->at,
			.words = a->words,
			.text = a->text,
		};

		add_item(out, &it, a->name, a->info);
	}
	return out->err;
}

uint64_t comp_record_id(const struct bf_buf *r)
{
	return ((const struct head *)(const void *)r->data)->id;
}

void comp_record_set_id(struct bf_buf *r, uint64_t id)
{
	((struct head *)(void *)r->data)->id = id;
}

bool comp_record_same(const struct bf_buf *r, const void *other, size_t len)
{
	size_t from = offsetof(struct head, id), to = from + sizeof(uint64_t);

	return r->len == len && len >= sizeof(struct head) && !memcmp(r->data, other, from) &&
		   !memcmp(r->data + to, (const char *)other + to, len - to);
}

struct reader {
	const uint8_t *p;
	size_t left;
};

static const void *take(struct reader *r, size_t len)
{
	const void *p = r->p;

	if (len > r->left)
		return NULL;
	r->p += len;
	r->left -= len;
	return p;
}

/* The next item and its info; false: the record ends too early. */
static bool take_item(struct reader *r, struct item *it, const void **info)
{
	const void *p = take(r, sizeof(*it));

	if (!p)
		return false;
	memcpy(it, p, sizeof(*it));
	it->name[sizeof(it->name) - 1] = '\0';
	*info = take(r, PADDED(it->size));
	return *info != NULL;
}

static int read_codes(struct reader *r, struct bf_handoff_spec *codes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct bf_handoff_spec *c = &codes[i];
		const void *info;
		struct item it;

		if (!take_item(r, &it, &info) || PADDED(it.size) > sizeof(c->info))
			return -EINVAL;
		c->kind = it.kind;
		c->terminal = it.terminal;
		c->revision = it.revision;
		c->reject_type = it.reject_type;
		c->reject_code = it.reject_code;
		c->size = (uint16_t)PADDED(it.size);
		memcpy(c->name, it.name, sizeof(c->name));
		memcpy(c->info, info, c->size);
	}
	return 0;
}

static int read_assists(struct reader *r, struct bf_arena *a, struct bf_assist_spec *assists, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const void *info;
		struct item it;

		if (!take_item(r, &it, &info))
			return -EINVAL;
		assists[i].revision = it.revision;
		assists[i].size = (uint16_t)PADDED(it.size);
		assists[i].hooks = it.hooks;
		assists[i].kind = it.kind;
		assists[i].what = it.what;
		assists[i].flags = it.flags;
		assists[i].at = it.at;
		assists[i].words = it.words;
		assists[i].text = it.text;
		memcpy(assists[i].name, it.name, sizeof(it.name));
		assists[i].info = bf_arena_memdup(a, info, assists[i].size);
		if (!assists[i].info)
			return -ENOMEM;
	}
	return 0;
}

static int read_head(const struct head *h, struct bf_arena *a, struct bf_companion_desc *out)
{
	struct bf_companion_hook *hooks;

	if (h->magic != MAGIC || h->n_hooks > COMP_HOOKS_MAX || h->n_assists > 32 || h->n_codes > UINT16_MAX + 1u ||
		h->max_codes > BF_HANDOFF_MAX)
		return -EINVAL;
	hooks = bf_arena_array(a, h->n_hooks, struct bf_companion_hook);
	*out = (struct bf_companion_desc){
		.unit = bf_arena_strndup(a, h->unit, sizeof(h->unit)),
		.family = h->family,
		.conntrack = h->conntrack,
		.hooks = hooks,
		.n_hooks = h->n_hooks,
		.spec = { .n_codes = h->n_codes,
				  .n_assists = h->n_assists,
				  .assist_states = h->assist_states,
				  .max_codes_per_packet = h->max_codes },
	};
	if (!hooks || !out->unit)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->n_hooks; i++)
		hooks[i] = (struct bf_companion_hook){
			.hook = h->hooks[i].hook,
			.handoff = h->hooks[i].handoff,
			.priority = h->hooks[i].priority,
		};
	return 0;
}

int comp_record_read(const void *p, size_t len, struct bf_arena *a, struct comp_content *out)
{
	struct reader r = { p, len };
	struct bf_handoff_spec *codes;
	struct bf_assist_spec *assists;
	const void *first = take(&r, sizeof(struct head));
	struct head h;
	int ret;

	if (!first)
		return -EINVAL;
	memcpy(&h, first, sizeof(h));
	ret = read_head(&h, a, &out->desc);
	if (ret)
		return ret;
	if (h.n_codes > len / sizeof(struct item))
		return -EINVAL;
	codes = bf_arena_array(a, h.n_codes, struct bf_handoff_spec);
	assists = bf_arena_array(a, h.n_assists, struct bf_assist_spec);
	if (!codes || !assists)
		return -ENOMEM;
	ret = read_codes(&r, codes, h.n_codes);
	if (!ret)
		ret = read_assists(&r, a, assists, h.n_assists);
	out->desc.spec.codes = codes;
	out->desc.spec.assists = assists;
	out->id = h.id;
	out->tag = h.tag;
	return ret ? ret : r.left ? -EINVAL : 0;
}
