/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * note.bpf.c: what a program keeps outside of its stack: counters, and what it
 * knows about one packet in hashes under the sk_buff's address: hand-offs for
 * the companion, answers from it, return addresses too deep for the stack. No
 * memory per CPU: a program may be preempted and another packet be filtered
 * meanwhile.
 *
 * Keys are copies of f->skb: verifiers before Linux 6.13 forget that a place on
 * the stack holds a pointer once any helper was given its address.
 */
#include "rt/kernel.h"

MAP(handoff);
MAP(assist);
MAP(stack);

static inline __u64 *pending_of(struct bf_frame *f)
{
	__u32 address; /* the verifier lets no pointer be shifted, but its lower half be copied */

	asm volatile("%0 = %1" : "=w"(address) : "w"((__u32)(__u64)f->skb));
	return &pending.stripe[BF_PENDING_STRIPE(address)].n;
}

static inline void delete_notes(struct bf_frame *f)
{
	struct sk_buff *key = f->skb;

	if (!bpf_map_delete_elem(&handoff, &key))
		__sync_fetch_and_add(pending_of(f), -1);
}

int bf_forget(struct bf_frame *f)
{
	if (*(volatile __u64 *)pending_of(f))
		delete_notes(f);
	return 0;
}

static __noinline int first_note(struct bf_frame *f, struct sk_buff **key, __u32 code, __u32 terminal)
{
	struct bf_handoff h = { .tag = config.tag, .n = 1, .terminal = terminal, .code = { code } };

	__sync_fetch_and_add(pending_of(f), 1);
	if (!bpf_map_update_elem(&handoff, key, &h, BPF_ANY))
		return 0;
	__sync_fetch_and_add(pending_of(f), -1);
	return -1;
}

int bf_note(struct bf_frame *f, __u32 code, __u32 terminal)
{
	struct sk_buff *key = f->skb;
	struct bf_handoff *h;
	__u32 n = f->noted;

	if (n >= BF_HANDOFF_MAX - !terminal) /* the last place is a terminal code's: a log line is lost rather than the packet */
		return terminal ? -1 : 0;
	f->noted = n + 1;
	if (n == 0) {
		if (!first_note(f, &key, code, terminal))
			return 0;
		f->noted = 0;
		return -1;
	}
	h = bpf_map_lookup_elem(&handoff, &key);
	if (!h)
		return -1;
	h->code[n] = code;
	h->n = n + 1;
	h->terminal |= terminal;
	return 0;
}

int bf_count(struct bf_frame *f, __u64 counter)
{
	count(f, counter);
	return 0;
}

int bf_assist(struct bf_frame *f)
{
	struct sk_buff *key = f->skb;
	struct bf_rt_assist *a = bpf_map_lookup_elem(&assist, &key);

	if (!a)
		return -1;
	f->key[BF_KEY_ASSIST] = a->answers;
	bpf_map_delete_elem(&assist, &key);
	return 0;
}

/* The element is made when the first return address does not fit the stack. What it holds then does not matter, only that
 * it is memory: the cells, of which there are more than return addresses. */
static inline __u32 *spill_at(struct bf_frame *f, __u32 depth)
{
	struct sk_buff *key = f->skb;
	__u32 *s;

	if (!f->spilled) {
		if (bpf_map_update_elem(&stack, &key, cells, BPF_ANY))
			return NULL;
		f->spilled = 1;
	}
	s = bpf_map_lookup_elem(&stack, &key);
	return s && depth < config.stack_depth ? s + depth : NULL;
}

int bf_push(struct bf_frame *f, __u32 depth, __u32 cell)
{
	__u32 *s = spill_at(f, depth);

	if (!s)
		return -1;
	*s = cell;
	return 0;
}

__s64 bf_pop(struct bf_frame *f, __u32 depth)
{
	__u32 *s = spill_at(f, depth);

	return s ? *s : -1;
}

/* A packet to be dropped that has notes (LOG) must reach the companion: it gets a last one, the drop. */
static inline int drop_with_notes(struct bf_frame *f)
{
	if (config.drop_code != BF_NO_CODE && !bf_note(f, config.drop_code, 1))
		return BF_ACCEPT;
	delete_notes(f);
	return BF_DROP;
}

int bf_finish(struct bf_frame *f, int verdict)
{
	struct sk_buff *key = f->skb;

	if (config.stack_depth > BF_STACK_DEPTH && f->spilled)
		bpf_map_delete_elem(&stack, &key);
	if (in_use(ops, BF_CELL_HANDOFF) && verdict == BF_DROP && f->noted)
		return drop_with_notes(f);
	return verdict;
}
