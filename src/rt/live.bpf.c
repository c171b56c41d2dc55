/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live.bpf.c: LIVE cells: sets that rules change, and objects. Elements come
 * and go in hashes that all programs of a table, and of the one before it,
 * share. All that changes in an element changes by atomic instructions.
 *
 * A new element is a copy of what params has; its state is such that it needs
 * nothing more: a bucket that was empty at the beginning of time is full. Its
 * end is set by whoever sees it first, and what data it has is told by `born`.
 *
 * Where elements are boxes a packet asks for its key under each combination of
 * prefix lengths that there is.
 *
 * An element that has expired is not there. Who adds it again takes it over as
 * it lies there, the first one by exchanging its end. Where there is no room
 * for another one, what has expired is swept, by the packet that found it so:
 * one in fifty times as long as that takes.
 */
#include "rt/gather.h"
#include "rt/users.h"

enum { COUNTER = 1, LIMIT, QUOTA };
enum { BPF_NOEXIST = 1 };

MAP(sets4);
MAP(sets16);

struct key {
	__u32 w[BF_LIVE_KEY_LONG];
};

static __always_inline void *set_of(const struct bf_rt_live *p)
{
	__u32 i = p->set;

	if (config.structs & BF_LIVE_SHORT && p->words <= BF_LIVE_KEY)
		return bpf_map_lookup_elem(&sets4, &i);
	return config.structs & BF_LIVE_LONG ? bpf_map_lookup_elem(&sets16, &i) : NULL;
}

static __always_inline struct bf_rt_elem *look(void *set, struct key *k)
{
	return bpf_map_lookup_elem(set, k);
}

#define exchange(p, old, new) __sync_val_compare_and_swap(p, old, new)

/* Alive? Its end is set, if it has just come. */
static __always_inline bool is_alive(struct bf_rt_elem *e, __u64 now)
{
	__u64 end = *(volatile __u64 *)&e->expires;

	if (!end && e->timeout) {
		exchange(&e->expires, 0, now + e->timeout);
		return true;
	}
	return !end || end > now;
}

static __always_inline int try_limit(struct bf_rt_state *s, __u64 now, __u64 cost)
{
	__u64 old = *(volatile __u64 *)&s->now[0], tokens = now - old;
	bool pass;

	if ((__s64)tokens < 0)
		tokens = 0; /* another CPU's clock is a little ahead */
	if (tokens > s->most)
		tokens = s->most;
	pass = tokens >= cost;
	if (!pass)
		return BF_MISS;
	return exchange(&s->now[0], old, now - tokens + cost) == old ? BF_HIT : GO_ON;
}

static __noinline int limit(struct bf_rt_state *s, __u64 now, __u32 len)
{
	__u64 cost = s->unit;
	int r = GO_ON;

	if (s->flags & BF_RT_STATE_BYTES)
		cost *= len;
	if (s->rate)
		cost /= s->rate;
	LOOP_BEGIN(MAX_ROUNDS)
		r = try_limit(s, now, cost);
		if (r != GO_ON)
			break;
	LOOP_END
	return (r == BF_HIT) ^ (s->flags & BF_RT_STATE_OVER ? 1 : 0);
}

static __always_inline int holds(struct bf_rt_state *s, __u64 now, __u32 len)
{
	__u64 used;

	if (s->kind == LIMIT)
		return limit(s, now, len);
	if (s->kind == QUOTA) {
		used = __sync_fetch_and_add(&s->now[0], len) + len;
		return (used >= s->most) == (s->flags & BF_RT_STATE_OVER ? 1 : 0);
	}
	__sync_fetch_and_add(&s->now[0], 1);
	__sync_fetch_and_add(&s->now[1], len);
	return BF_HIT;
}

static __always_inline int all_hold(struct bf_rt_elem *e, __u64 now, __u32 len)
{
	if (e->n_state > 0 && !holds(&e->state[0], now, len))
		return BF_MISS;
	if (e->n_state > 1 && !holds(&e->state[1], now, len))
		return BF_MISS;
	return BF_HIT;
}

/* By masks: branches would make as many cases, each of which the verifier follows to the end. */
static __always_inline void fill_key(const struct bf_frame *f, const struct bf_rt_live *p, struct key *k)
{
	for (__u32 i = 0; i < BF_LIVE_KEY; i++)
		k->w[i] = gather(f, &p->word[i]);
	if (p->words <= BF_LIVE_KEY)
		return;
	for (__u32 i = BF_LIVE_KEY; i < BF_LIVE_KEY_LONG; i++)
		k->w[i] = gather(f, &p->word[i]);
}

/* So many bits from the word's first one on. By arithmetic, for the same reason. */
static __always_inline __u32 cut_mask(__u32 len, __u32 before)
{
	__s32 n = (__s32)(len - before), below;

	below = n >> 31;
	barrier_var(below);
	n = (n & ~below) - 32;
	below = n >> 31;
	barrier_var(below);
	return 0xffffffff00000000ull >> (32 + (n & below));
}

/* The key under the lengths at place `at`. */
static __always_inline void cut_word(const struct bf_rt_live *p, const __u8 *len, __u32 i, struct key *k)
{
	__u32 cut = p->word[i].cut, is_lengths = -(cut >> 7);
	__u32 all = len[0] | len[1] << 8 | len[2] << 16 | (__u32)len[3] << 24;

	k->w[i] &= (cut_mask(len[cut & (BF_LIVE_PARTS - 1)], (cut & 0x30) << 1) & ~is_lengths) | (all & is_lengths);
}

static __always_inline void cut_key(const struct bf_rt_live *p, const __u8 *len, struct key *k)
{
	for (__u32 i = 0; i < BF_LIVE_KEY; i++)
		cut_word(p, len, i, k);
	if (p->words <= BF_LIVE_KEY)
		return;
	for (__u32 i = BF_LIVE_KEY; i < BF_LIVE_KEY_LONG; i++)
		cut_word(p, len, i, k);
}

/* They are always there, but may be overlooked while others take their place. */
static __always_inline struct bf_rt_lengths *lengths_of(const struct bf_rt_live *p, void *set, struct key *out)
{
	struct bf_rt_lengths *l;

	for (__u32 i = 0; i < BF_LIVE_KEY_LONG; i++)
		out->w[i] = -(__u32)(p->word[i].cut >> 7);
	l = bpf_map_lookup_elem(set, out);
	return l ? l : bpf_map_lookup_elem(set, out);
}

/*
 * The element that is there, and not another one: whoever replaces or deletes one gives its memory away while it is looked at, and
 * what is read may be of one that has expired.
 */
static __always_inline struct bf_rt_elem *look_alive(void *set, struct key *k, __u64 now)
{
	struct bf_rt_elem *e = look(set, k);

	if (!e || (e->born && is_alive(e, now)))
		return e;
	e = look(set, k);
	return e && e->born && is_alive(e, now) ? e : NULL;
}

#define PRESENT(l) (*(volatile __u32 *)&(l)->more)
#define IS_PRESENT(l, was) (PRESENT(l) == (was) && (was) && !(l)->born) /* in an element there is another number, or it is born */

/*
 * The box that the key lies in; one that has expired may lie across it. There is no room on the stack for two keys, so it is cut
 * where it lies, and gathered anew for each length.
 */
static __always_inline struct bf_rt_elem *look_through(const struct bf_frame *f, const struct bf_rt_live *p, void *set, struct key *k,
                                                       __u64 now, const struct bf_rt_lengths *l)
{
	struct bf_rt_elem *found = NULL;
	__u32 n = l->n, at;

	LOOP_BEGIN(BF_RT_LENGTHS)
		if (!n)
			break;
		n--;
		at = n * p->parts;
		if (at > BF_RT_LENGTHS)
			break;
		fill_key(f, p, k);
		cut_key(p, l->len + at, k);
		found = look_alive(set, k, now);
		if (found)
			break;
	LOOP_END
	return found;
}

/*
 * Lengths, too, may be gone while they are gone through: that it is nowhere is believed when they are the present ones still; else
 * once more. (A loop around both is too much for the verifier.)
 */
static __always_inline struct bf_rt_elem *look_cut(const struct bf_frame *f, const struct bf_rt_live *p, void *set, struct key *k,
                                                   __u64 now)
{
	struct bf_rt_lengths *l = lengths_of(p, set, k);
	struct bf_rt_elem *found;
	__u32 was;

	if (!l)
		return NULL;
	was = PRESENT(l);
	found = look_through(f, p, set, k, now, l);
	if (found || IS_PRESENT(l, was))
		return found;
	l = lengths_of(p, set, k);
	return l ? look_through(f, p, set, k, now, l) : NULL;
}

static __always_inline void write_data(const struct bf_frame *f, const struct bf_rt_live *p, struct bf_rt_elem *e)
{
	for (__u32 i = 0; i < BF_LIVE_DATA; i++)
		if (i < p->data)
			*(volatile __u32 *)&e->data[i] = gather(f, &p->from[i]);
	barrier();
	*(volatile __u32 *)&e->born = BF_BORN;
}

/* One that has expired begins anew: 1. 0: somebody else was quicker. */
static __always_inline bool begin_again(const struct bf_frame *f, const struct bf_rt_live *p, struct bf_rt_elem *e, __u64 now)
{
	__u64 end = *(volatile __u64 *)&e->expires, timeout = p->fresh.timeout;

	if (exchange(&e->expires, end, timeout ? now + timeout : 0) != end)
		return false;
	e->timeout = timeout;
	for (int i = 0; i < BF_RT_STATES; i++)
		e->state[i] = p->fresh.state[i];
	e->n_state = p->fresh.n_state;
	for (int i = 0; i < BF_LIVE_DATA; i++)
		e->data[i] = p->fresh.data[i];
	if (f && p->data)
		write_data(f, p, e);
	else
		*(volatile __u32 *)&e->born = BF_BORN;
	return true;
}

struct sweep {
	__u64 now;
};

static __noinline long sweep_one(void *set, const void *key, struct bf_rt_elem *e, const struct sweep *s)
{
	__u64 end = *(volatile __u64 *)&e->expires;

	if (end && end <= s->now)
		bpf_map_delete_elem(set, key);
	return 0;
}

enum { REST = 50, BUSY = 1000000000 };

static __always_inline bool sweep(struct bf_rt_live *p, void *set, __u64 now)
{
	__u64 next = *(volatile __u64 *)&p->sweep;
	struct sweep s = { now };

	if (now < next || exchange(&p->sweep, next, now + BUSY) != next)
		return false;
	bpf_for_each_map_elem(set, sweep_one, &s, 0);
	next = bpf_ktime_get_ns();
	*(volatile __u64 *)&p->sweep = next + (next - now) * REST;
	return true;
}

/* There, afterwards; NULL: no room. f: NULL where no data comes from the packet. */
static __always_inline struct bf_rt_elem *add(const struct bf_frame *f, struct bf_rt_live *p, void *set, void *k,
                                              struct bf_rt_elem *e, __u64 now)
{
	if (e) {
		if (!is_alive(e, now))
			begin_again(f, p, e, now);
		return e;
	}
	if (bpf_map_update_elem(set, k, &p->fresh, BPF_NOEXIST)) {
		e = look(set, k);
		if (e || !sweep(p, set, now) || bpf_map_update_elem(set, k, &p->fresh, BPF_NOEXIST))
			return e; /* another CPU was quicker, or there is no room */
	}
	e = look(set, k);
	if (e && f && p->data)
		write_data(f, p, e);
	return e;
}

/* Who comes next gets the next number, whatever CPU it is on. */
static __always_inline int turn(struct bf_frame *f, const struct bf_rt_live *p, struct bf_rt_elem *e)
{
	__u64 before = __sync_fetch_and_add(&e->state[0].now[0], 1);

	set_scratch(f, 0, p->timeout + (p->data ? before % p->data : 0));
	return BF_HIT;
}

/* A rule's own secret, made when it is first wanted. */
static __always_inline int seed(struct bf_frame *f, struct bf_rt_elem *e)
{
	__u64 old = *(volatile __u64 *)&e->state[0].now[0], made = bpf_get_prandom_u32() | 1ull << 32;

	if (!old)
		old = exchange(&e->state[0].now[0], 0, made);
	f->kept[BF_KEPT_MADE] = old ? old : made;
	return BF_HIT;
}

static __always_inline __u32 turned_left(__u32 v, __u32 n)
{
	return v << n | v >> (32 - n);
}

struct jenkins {
	__u32 a, b, c;
};

static __always_inline void jhash_mix(struct jenkins *j)
{
	j->a = (j->a - j->c) ^ turned_left(j->c, 4);
	j->c += j->b;
	j->b = (j->b - j->a) ^ turned_left(j->a, 6);
	j->a += j->c;
	j->c = (j->c - j->b) ^ turned_left(j->b, 8);
	j->b += j->a;
	j->a = (j->a - j->c) ^ turned_left(j->c, 16);
	j->c += j->b;
	j->b = (j->b - j->a) ^ turned_left(j->a, 19);
	j->a += j->c;
	j->c = (j->c - j->b) ^ turned_left(j->b, 4);
	j->b += j->a;
}

static __always_inline __u32 jhash_final(struct jenkins *j)
{
	j->c = (j->c ^ j->b) - turned_left(j->b, 14);
	j->a = (j->a ^ j->c) - turned_left(j->c, 11);
	j->b = (j->b ^ j->a) - turned_left(j->a, 25);
	j->c = (j->c ^ j->b) - turned_left(j->b, 16);
	j->a = (j->a ^ j->c) - turned_left(j->c, 4);
	j->b = (j->b ^ j->a) - turned_left(j->a, 14);
	return (j->c ^ j->b) - turned_left(j->b, 24);
}

static __always_inline __u32 as_bytes(const struct key *k, const struct bf_rt_live *p, __u32 i)
{
	__u8 form = p->word[i].form;
	__u32 left = form & BF_GATHER_LEFT, v = k->w[i] << left;

	if (form & BF_GATHER_JOIN && i + 1 < BF_LIVE_KEY_LONG)
		v |= k->w[i + 1] >> ((32 - left) & 31);
	return form & BF_GATHER_NET ? bpf_htonl(v) : v;
}

static __noinline int key_as_bytes(const struct bf_rt_live *p, struct key *k)
{
	for (__u32 i = 0; i < BF_LIVE_KEY_LONG; i++)
		k->w[i] = as_bytes(k, p, i);
	return 0;
}

/*
 * linux/jhash.h's jhash() of the bytes as a register of nf_tables has them; words behind the last are 0. A function without
 * the frame, which it does not need: there is little room on the stack.
 */
static __noinline __u32 hash(const struct key *k, __u32 len, __u32 start)
{
	struct jenkins j = { start, start, start };

	for (__u32 i = 0; i < BF_LIVE_KEY_LONG - 1; i += 3) {
		j.a += k->w[i];
		j.b += k->w[i + 1];
		j.c += k->w[i + 2];
		if (len <= i * 4 + 12)
			break;
		jhash_mix(&j);
	}
	return jhash_final(&j);
}

static __always_inline int put_hash(struct bf_frame *f, const struct bf_rt_live *p, struct key *k)
{
	__u32 start = 0xdeadbeef + p->set + (p->sweep & BF_HASH_SEEDED ? p->parts : f->kept[BF_KEPT_MADE]);
	__u64 h;

	key_as_bytes(p, k);
	h = hash(k, p->set, start);
	set_scratch(f, 0, (__u32)(h * p->data >> 32) + (__u32)p->timeout);
	return BF_HIT;
}

APART int VARIANT(bf_live_)(struct bf_frame *f, __u32 verb, __u64 off)
{
	struct bf_rt_live *p;
	struct bf_rt_elem *e;
	struct key k = {};
	__u64 now;
	void *set;

	if (!f || !(config.structs & (BF_LIVE_SHORT | BF_LIVE_LONG | BF_LIVE_HASHES)))
		return BF_HOTDROP;
	p = params_at(off, bf_rt_live);
	if (!p)
		return BF_HOTDROP;
	fill_key(f, p, &k);
	if (config.structs & BF_LIVE_HASHES && verb == BF_LIVE_HASH)
		return put_hash(f, p, &k);
	if (!(config.structs & (BF_LIVE_SHORT | BF_LIVE_LONG)))
		return BF_HOTDROP;
	set = set_of(p);
	if (!set)
		return BF_HOTDROP;
	now = bpf_ktime_get_ns();
	if (verb == BF_LIVE_DELETE) {
		bpf_map_delete_elem(set, &k);
		return BF_HIT;
	}
	if (config.structs & BF_LIVE_CUTS && p->parts)
		e = look_cut(f, p, set, &k, now);
	else
		e = verb == BF_LIVE_LOOK ? look_alive(set, &k, now) : look(set, &k);
	if (verb == BF_LIVE_ADD || verb == BF_LIVE_UPDATE)
		e = add(f, p, set, &k, e, now);
	if (!e || !e->born || !is_alive(e, now))
		return BF_MISS;
	if (verb == BF_LIVE_UPDATE && e->timeout)
		*(volatile __u64 *)&e->expires = now + p->timeout;
	if (verb == BF_LIVE_TURN)
		return turn(f, p, e);
	if (config.structs & BF_LIVE_HASHES && verb == BF_LIVE_SEED)
		return seed(f, e);
	set_scratch(f, 0, e->data[0]);
	set_scratch(f, 1, e->data[1]);
	set_scratch(f, 2, e->data[2]);
	set_scratch(f, 3, e->data[3]);
	return all_hold(e, now, counted_length(f));
}

/* For users' functions. `what` is constant: so the verifier knows how much of their memory is read, and written. */
static __always_inline int users_wish(struct bf_packet *pk, struct bf_rt_live *p, void *set, void *k, __u32 *to, __u32 what)
{
	__u32 verb = what & 0xff, n = what >> 16;
	__u64 now = bpf_ktime_get_ns();
	struct bf_rt_elem *e;

	if (verb == BF_LIVE_DELETE)
		return bpf_map_delete_elem(set, k) ? BF_MISS : BF_HIT;
	e = look(set, k);
	if (verb == BF_LIVE_ADD || verb == BF_LIVE_UPDATE)
		e = add(NULL, p, set, k, e, now);
	if (!e || !e->born || !is_alive(e, now))
		return BF_MISS;
	if (verb == BF_LIVE_UPDATE && e->timeout)
		*(volatile __u64 *)&e->expires = now + p->timeout;
	for (__u32 i = 0; i < 4; i++)
		if (i < n)
			to[i] = e->data[i];
	return all_hold(e, now, pk->reserved[BF_USERS_LENGTH]);
}

static __always_inline void copy_key(__u32 *to, const __u32 *from, __u32 n, __u32 room)
{
	for (__u32 i = 0; i < room; i++)
		if (i < n)
			to[i] = from[i];
}

int VARIANT(bf_users_short_)(struct bf_packet *pk, const __u32 *from, __u32 *to, __u64 off, __u32 what)
{
	struct bf_rt_live *p = params_at(off, bf_rt_live);
	__u32 k[BF_LIVE_KEY] = {}, i;
	void *set;

	if (!p || !(config.structs & BF_LIVE_SHORT))
		return BF_MISS;
	i = p->set;
	set = bpf_map_lookup_elem(&sets4, &i);
	if (!set)
		return BF_MISS;
	copy_key(k, from, what >> 8 & 0xff, BF_LIVE_KEY);
	return users_wish(pk, p, set, k, to, what);
}

int VARIANT(bf_users_long_)(struct bf_packet *pk, const __u32 *from, __u32 *to, __u64 off, __u32 what)
{
	struct bf_rt_live *p = params_at(off, bf_rt_live);
	__u32 k[BF_LIVE_KEY_LONG] = {}, i;
	void *set;

	if (!p || !(config.structs & BF_LIVE_LONG))
		return BF_MISS;
	i = p->set;
	set = bpf_map_lookup_elem(&sets16, &i);
	if (!set)
		return BF_MISS;
	copy_key(k, from, what >> 8 & 0xff, BF_LIVE_KEY_LONG);
	return users_wish(pk, p, set, k, to, what);
}
