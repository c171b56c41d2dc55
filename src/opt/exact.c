/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.c: an open hash of keys of several words (rt/exact.h). Slots have half
 * of the hash and the number of an entry; one cache line of these and one entry
 * is what a packet reads.
 *
 * When it is built, whoever is farther from his own slot gets the place, as in
 * set_hash.c; what comes later takes a free slot, or one that is freed for it.
 *
 * A writer may be killed between any two stores. What is done is in such an
 * order that an entry may then be lost until the table is compiled anew, but
 * never stands on two lists.
 */
#include "opt/exact.h"

#include "base/base.h"
#include "opt/set_kind.h"

enum { SPARE = 1024, WAY = 256 };

#if defined(__x86_64__) || defined(__i386__) || defined(__s390x__)
enum { LOADS_IN_ORDER = 1 }; /* of one processor, as it is seen by the others */
#else
enum { LOADS_IN_ORDER = 0 };
#endif

struct table {
	uint32_t *data;
	uint32_t n_words;
	struct bf_exact_head *h;
	uint64_t *slots;
	uint32_t n; /* of them, those behind the last home included */
};

static bool fits(uint64_t place, uint64_t words, uint32_t n_words)
{
	return place && place + words <= n_words;
}

static bool open_table(struct table *t, const uint32_t *data, uint32_t n_words, uint32_t head)
{
	struct bf_exact_head *h = (void *)(uintptr_t)(data + head);

	if (!fits(head, sizeof(*h) / 4, n_words) || !fits(h->place, 2ull * (h->slots + BF_EXACT_PROBES), n_words) ||
	    !fits(h->entries, (uint64_t)h->room * h->size + 4, n_words) || bf_exact_words(h->key) != h->key ||
	    h->size < 2 + h->key + h->data || h->data > 4 || h->n_changes > BF_EXACT_CHANGES || h->n_left > BF_EXACT_CHANGES ||
	    !fits(h->changes, 3ull * BF_EXACT_CHANGES, n_words))
		return false;
	*t = (struct table){ (uint32_t *)(uintptr_t)data, n_words, h, (void *)(uintptr_t)(data + h->place), h->slots + BF_EXACT_PROBES };
	return true;
}

/* Numbers are those in slots: from 1 on. */
static struct bf_exact_entry *entry(const struct table *t, uint32_t number)
{
	return number - 1 < t->h->room ? (void *)(t->data + t->h->entries + (size_t)(number - 1) * t->h->size) : NULL;
}

static struct bf_exact_change *change_at(const struct table *t, uint32_t i)
{
	return (struct bf_exact_change *)(void *)(t->data + t->h->changes) + i;
}

static uint32_t *left_at(const struct table *t, uint32_t i)
{
	return t->data + t->h->changes + 2 * BF_EXACT_CHANGES + i;
}

static uint64_t slot_at(const struct table *t, uint32_t i)
{
	return __atomic_load_n(&t->slots[i], __ATOMIC_ACQUIRE);
}

static void put_slot(const struct table *t, uint32_t i, uint64_t v)
{
	__atomic_store_n(&t->slots[i], v, __ATOMIC_RELEASE);
}

/* In this order: whoever is killed behind it has done it. */
static void put(uint32_t *to, uint32_t v)
{
	__atomic_store_n(to, v, __ATOMIC_SEQ_CST);
}

static uint64_t hash_of(const struct table *t, const uint32_t *key)
{
	return bf_exact_hash(key, t->h->key, t->h->seed);
}

static uint32_t home_of(const struct table *t, uint64_t slot)
{
	const struct bf_exact_entry *e = entry(t, (uint32_t)slot);

	return e ? bf_exact_home(hash_of(t, e->key), t->h->slots) : 0;
}

static bool is_free(uint64_t slot)
{
	return !slot || slot == BF_EXACT_GONE;
}

/* Finding. */

static bool is_in(const struct bf_exact_entry *e, uint32_t version)
{
	if (e->until && (e->until >= BF_EXACT_NEVER || (int32_t)(version - e->until) >= 0))
		return false;
	return !e->from || (int32_t)(version - e->from) >= 0;
}

/* Its number, or 0. */
static uint32_t find(const struct table *t, const uint32_t *key, uint32_t version)
{
	uint64_t hash = hash_of(t, key), s;
	uint32_t home = bf_exact_home(hash, t->h->slots);

	for (uint32_t i = home; i < home + BF_EXACT_PROBES && (s = slot_at(t, i)); i++) {
		const struct bf_exact_entry *e = s != BF_EXACT_GONE && s >> 32 == hash >> 32 ? entry(t, (uint32_t)s) : NULL;

		if (e && !memcmp(e->key, key, t->h->key * sizeof(*key)) && is_in(e, version))
			return (uint32_t)s;
	}
	return 0;
}

uint32_t bf_exact_find(const uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t version)
{
	struct table t;
	uint32_t number = open_table(&t, data, n_words, head) ? find(&t, key, version) : 0;

	return number ? (uint32_t)(entry(&t, number)->key + t.h->key - t.data) : 0;
}

const struct bf_exact_head *bf_exact_head(const uint32_t *data, uint32_t n_words, uint32_t head)
{
	struct table t;

	return open_table(&t, data, n_words, head) ? t.h : NULL;
}

int64_t bf_exact_name(const uint32_t *data, uint32_t n_words, uint32_t head, const char *name)
{
	struct table t;
	const char *p, *end = (const char *)(data + n_words);
	int64_t n = 0;

	if (!open_table(&t, data, n_words, head) || !t.h->names || t.h->names >= n_words)
		return -1;
	for (p = (const char *)(data + t.h->names); p < end && *p; p += strnlen(p, (size_t)(end - p)) + 1, n++)
		if (!strncmp(p, name, (size_t)(end - p)))
			return n;
	return -1;
}

/* Building. */

/* While nobody reads. False: too crowded. */
static bool place(const struct table *t, uint64_t hash, uint32_t number)
{
	uint64_t slot = hash >> 32 << 32 | number;
	uint32_t i = bf_exact_home(hash, t->h->slots), far = 0;

	for (; far < BF_EXACT_PROBES; far++, i++) {
		uint64_t there = t->slots[i];
		uint32_t his = there ? i - home_of(t, there) : 0;

		if (!there) {
			t->slots[i] = slot;
			return true;
		}
		if (his < far) {
			t->slots[i] = slot;
			slot = there;
			far = his;
		}
	}
	return false;
}

/* What of each key comes later is never found: it has no slot. */
static bool place_all(const struct table *t)
{
	for (uint32_t i = 1; i <= t->h->fresh; i++) {
		struct bf_exact_entry *e = entry(t, i);

		e->until = find(t, e->key, 0) ? BF_EXACT_NEVER : 0;
		if (!e->until && !place(t, hash_of(t, e->key), i))
			return false;
	}
	return true;
}

/* For those that may come, too. */
static uint64_t room_for(const struct bf_exact_spec *s)
{
	return (uint64_t)s->n + SPARE + s->n / 16;
}

/* Entries lie there in the order of the elements; slots get more room until nobody is too far away. */
static int make_slots(struct bf_buf *out, uint32_t head, const struct bf_exact_spec *s)
{
	uint64_t n = room_for(s), slots = n + n * 3 / 4;
	size_t len = out->len;
	struct table t;

	for (; slots < 16 * n; slots += slots / 8) {
		struct bf_exact_head *h;
		uint32_t at;

		out->len = len;
		at = bf_set_room(out, 2 * (slots + BF_EXACT_PROBES), 16);
		if (!at)
			return out->err;
		h = (void *)(out->data + 4ul * head);
		h->place = at;
		h->slots = (uint32_t)slots;
		if (!open_table(&t, (void *)out->data, (uint32_t)(out->len / 4), head))
			return -EINVAL;
		if (place_all(&t))
			return 0;
	}
	return -EOPNOTSUPP;
}

static int make_entries(struct bf_buf *out, uint32_t head, const struct bf_exact_spec *s)
{
	uint32_t key = bf_exact_words(s->key), size = BF_ALIGN(2 + key + s->data, 4u), row = s->key + s->data;
	uint64_t room = room_for(s);
	uint32_t at = bf_set_room(out, room * size + 4, 16);
	struct bf_exact_head *h;

	if (!at)
		return out->err;
	h = (void *)(out->data + 4ul * head);
	h->entries = at;
	h->size = size;
	h->key = key;
	h->data = s->data;
	h->room = (uint32_t)room;
	h->n = h->fresh = s->n;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t *to = (uint32_t *)(void *)out->data + at + (size_t)i * size + 2;

		memcpy(to, s->rows + (size_t)i * row, s->key * sizeof(*to));
		memcpy(to + key, s->rows + (size_t)i * row + s->key, s->data * sizeof(*to));
	}
	return 0;
}

static int make_rest(struct bf_buf *out, uint32_t head, const struct bf_exact_spec *s)
{
	uint32_t changes = bf_set_room(out, 3 * BF_EXACT_CHANGES, 16);
	uint32_t names = s->names && !out->err ? bf_set_room(out, s->names_len / 4 + 1, 16) : 0;
	struct bf_exact_head *h = (void *)(out->data + 4ul * head);

	if (out->err)
		return out->err;
	h->changes = changes;
	h->names = names;
	if (names)
		memcpy(out->data + 4ul * names, s->names, s->names_len);
	return 0;
}

int bf_exact_build(const struct bf_exact_spec *s, struct bf_buf *out, uint32_t *head)
{
	size_t len = out->len;
	int err;

	*head = bf_set_room(out, sizeof(struct bf_exact_head) / 4, 16);
	if (!*head)
		return out->err;
	((struct bf_exact_head *)(void *)(out->data + 4ul * *head))->seed = BF_SET_K;
	err = make_rest(out, *head, s);
	if (!err)
		err = make_entries(out, *head, s);
	if (!err)
		err = make_slots(out, *head, s);
	if (!err && out->len % 8) /* whoever comes next may have 64-bit numbers */
		bf_buf_reserve(out, 4);
	if (err && out->err != -ENOMEM) { /* as if nothing had been tried */
		out->len = len;
		out->err = 0;
	}
	return err ? err : out->err;
}

/* Changes. */

bool bf_exact_may(uint32_t version)
{
	return version && version < BF_EXACT_NEVER;
}

uint32_t bf_exact_changed(const uint32_t *data, uint32_t n_words, uint32_t head)
{
	struct table t;

	return open_table(&t, data, n_words, head) ? t.h->n_changes : 0;
}

static int note_change(const struct table *t, uint32_t number, uint32_t version)
{
	if (t->h->n_changes == BF_EXACT_CHANGES)
		return -ENOSPC;
	*change_at(t, t->h->n_changes) = (struct bf_exact_change){ number, version };
	put(&t->h->n_changes, t->h->n_changes + 1);
	return 0;
}

/* An entry that is nobody's, or 0. */
static uint32_t take_entry(const struct table *t)
{
	uint32_t number = t->h->free;

	if (number && entry(t, number)) {
		put(&t->h->free, entry(t, number)->from);
		return number;
	}
	if (number || t->h->fresh >= t->h->room)
		return 0;
	put(&t->h->fresh, t->h->fresh + 1);
	return t->h->fresh;
}

/*
 * Frees a slot near to home: some element moves to the free slot `to`, another one to where that was, until the free one
 * is near enough. They move away from their homes only, and are for a while in both places, so that who is looking for
 * them, going the same way, meets them, if its loads are done in their order. Its place, or -1.
 */
static int64_t make_way(const struct table *t, uint32_t home, uint32_t to)
{
	while (to - home >= BF_EXACT_PROBES) {
		uint32_t from = to - BF_EXACT_PROBES + 1;

		while (from < to && to - home_of(t, slot_at(t, from)) >= BF_EXACT_PROBES)
			from++;
		if (from == to || !LOADS_IN_ORDER) {
			put_slot(t, to, BF_EXACT_GONE); /* a copy, or free */
			return -1;
		}
		put_slot(t, to, slot_at(t, from));
		to = from;
	}
	return to;
}

static bool link_entry(const struct table *t, uint64_t hash, uint32_t number)
{
	uint32_t home = bf_exact_home(hash, t->h->slots), i = home, end = BF_MIN(home + WAY, t->n);
	int64_t at;

	while (i < end && !is_free(slot_at(t, i)))
		i++;
	at = i < end ? make_way(t, home, i) : -1;
	if (at >= 0)
		put_slot(t, (uint32_t)at, hash >> 32 << 32 | number);
	return at >= 0;
}

/* Whoever was killed in make_way() has left two. */
static void unlink_entry(const struct table *t, uint32_t number)
{
	uint64_t hash = hash_of(t, entry(t, number)->key), slot = hash >> 32 << 32 | number;
	uint32_t home = bf_exact_home(hash, t->h->slots);

	for (uint32_t i = home; i < home + BF_EXACT_PROBES; i++)
		if (slot_at(t, i) == slot)
			put_slot(t, i, BF_EXACT_GONE);
}

static void write_entry(const struct table *t, struct bf_exact_entry *e, const uint32_t *row, uint32_t version)
{
	put(&e->until, BF_EXACT_NEVER);
	e->from = version;
	memcpy(e->key, row, (t->h->key + t->h->data) * sizeof(*row));
	put(&e->until, 0);
}

int bf_exact_insert(uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *row, uint32_t version)
{
	struct bf_exact_entry *e;
	uint32_t number;
	struct table t;

	if (!open_table(&t, data, n_words, head))
		return -EINVAL;
	number = t.h->n_changes < BF_EXACT_CHANGES ? take_entry(&t) : 0;
	e = entry(&t, number);
	if (!e || note_change(&t, number, version))
		return -ENOSPC;
	write_entry(&t, e, row, version);
	return link_entry(&t, hash_of(&t, row), number) ? 0 : -ENOSPC;
}

int bf_exact_remove(uint32_t *data, uint32_t n_words, uint32_t head, const uint32_t *key, uint32_t before, uint32_t version)
{
	struct bf_exact_entry *e;
	uint32_t number;
	struct table t;
	int err;

	if (!open_table(&t, data, n_words, head))
		return -EINVAL;
	number = find(&t, key, before);
	e = entry(&t, number);
	if (!e)
		return -ENOENT;
	err = note_change(&t, number | BF_EXACT_OUT, version);
	if (!err)
		put(&e->until, version);
	return err;
}

void bf_exact_undo(uint32_t *data, uint32_t n_words, uint32_t head, uint32_t version)
{
	struct table t;

	if (!open_table(&t, data, n_words, head))
		return;
	for (uint32_t i = t.h->n_changes; i-- > 0;) {
		const struct bf_exact_change *c = change_at(&t, i);
		struct bf_exact_entry *e = entry(&t, c->entry & ~BF_EXACT_OUT);

		if ((int32_t)(c->version - version) <= 0)
			return;
		if (e)
			put(&e->until, c->entry & BF_EXACT_OUT ? 0 : BF_EXACT_NEVER);
	}
}

/* Those that were left before the last wait: nobody reads them. */
static void reuse(const struct table *t)
{
	while (t->h->n_left) {
		uint32_t number = *left_at(t, t->h->n_left - 1);
		struct bf_exact_entry *e;

		put(&t->h->n_left, t->h->n_left - 1);
		e = entry(t, number);
		if (!e)
			continue;
		e->from = t->h->free;
		put(&t->h->free, number);
	}
}

/* The last change. */
static void settle(const struct table *t)
{
	uint32_t number = change_at(t, t->h->n_changes - 1)->entry & ~BF_EXACT_OUT;
	struct bf_exact_entry *e = entry(t, number);
	bool leaves = e && e->until && e->until != BF_EXACT_LEFT;

	if (e && !e->until)
		put(&e->from, 0);
	if (leaves) {
		unlink_entry(t, number);
		put(&e->until, BF_EXACT_LEFT);
	}
	put(&t->h->n_changes, t->h->n_changes - 1);
	if (leaves) {
		*left_at(t, t->h->n_left) = number;
		put(&t->h->n_left, t->h->n_left + 1);
	}
}

void bf_exact_settle(uint32_t *data, uint32_t n_words, uint32_t head)
{
	struct table t;

	if (!open_table(&t, data, n_words, head))
		return;
	reuse(&t);
	while (t.h->n_changes)
		settle(&t);
}
