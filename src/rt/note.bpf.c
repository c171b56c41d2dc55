/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * note.bpf.c: what a program keeps outside of its stack: counters, and what it
 * knows about one packet in hashes under the sk_buff's address: hand-offs for
 * the companion, answers from it, return addresses too deep for the stack. No
 * memory per CPU: a program may be preempted and another packet be filtered
 * meanwhile.
 */
#include "rt/kernel.h"

MAP(handoff);
MAP(assist);
MAP(stack);

static inline __u64 *pending_of(struct bf_frame *f)
{
	return &pending.stripe[BF_PENDING_STRIPE(f->skb)].n;
}

static inline void delete_notes(struct bf_frame *f)
{
	if (!bpf_map_delete_elem(&handoff, &f->skb))
		__sync_fetch_and_add(pending_of(f), -1);
}

APART int bf_forget(struct bf_frame *f)
{
	if (!f || !in_use(ops, BF_CELL_HANDOFF))
		return 0;
	if (*(volatile __u64 *)pending_of(f))
		delete_notes(f);
	return 0;
}

/* What the new entry holds at first does not matter, only that it is memory: one on the stack would be 144 bytes of it,
 * where there are none left. Nobody looks before the packet has left the program. */
static inline int first_note(struct bf_frame *f, __u32 code, __u32 terminal)
{
	struct bf_handoff *h;

	__sync_fetch_and_add(pending_of(f), 1);
	if (bpf_map_update_elem(&handoff, &f->skb, &pending, BPF_ANY)) {
		__sync_fetch_and_add(pending_of(f), -1);
		return -1;
	}
	h = bpf_map_lookup_elem(&handoff, &f->skb);
	if (!h)
		return -1;
	h->tag = config.tag;
	h->n = 1;
	h->next = 0;
	h->terminal = terminal;
	h->code[0] = code;
	return 0;
}

APART int bf_note(struct bf_frame *f, __u32 code, __u32 terminal)
{
	struct bf_handoff *h;
	__u32 n;

	if (!f || !in_use(ops, BF_CELL_HANDOFF))
		return -1;
	n = f->noted;
	if (n >= BF_HANDOFF_MAX - !terminal) /* the last place is a terminal code's: a log line is lost rather than the packet */
		return terminal ? -1 : 0;
	f->noted = n + 1;
	if (n == 0) {
		if (!first_note(f, code, terminal))
			return 0;
		f->noted = 0;
		return -1;
	}
	h = bpf_map_lookup_elem(&handoff, &f->skb);
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

APART int bf_assist(struct bf_frame *f)
{
	struct bf_rt_assist *a;

	if (!f || !needs(BF_NEED_ASSIST))
		return -1;
	a = bpf_map_lookup_elem(&assist, &f->skb);
	if (!a)
		return -1;
	f->key[BF_KEY_ASSIST] = a->answers;
	if (!in_use(loaders, BF_LOAD_ANSWER)) /* else values will be looked at: bf_finish */
		bpf_map_delete_elem(&assist, &f->skb);
	return 0;
}

APART int bf_load_answer(struct bf_frame *f, __u64 arg)
{
	struct bf_rt_assist *a;
	__u32 last = arg >> 8;

	if (!f || !in_use(loaders, BF_LOAD_ANSWER) || !(f->key[BF_KEY_ASSIST] >> (arg & 31) & 1))
		return BF_MISS;
	a = bpf_map_lookup_elem(&assist, &f->skb);
	if (!a)
		return BF_HOTDROP;
	/* The words in front of the value are not looked at. */
	set_scratch(f, 0, a->value[(last - 3) & (BF_ANSWER_WORDS - 1)]);
	set_scratch(f, 1, a->value[(last - 2) & (BF_ANSWER_WORDS - 1)]);
	set_scratch(f, 2, a->value[(last - 1) & (BF_ANSWER_WORDS - 1)]);
	set_scratch(f, 3, a->value[last & (BF_ANSWER_WORDS - 1)]);
	return BF_HIT;
}

/* The element is made when the first return address does not fit the stack. What it holds then does not matter, only that
 * it is memory: the cells, of which there are more than return addresses. */
static inline __u32 *spill_at(struct bf_frame *f, __u32 depth)
{
	__u32 *s;

	if (!f->spilled) {
		if (bpf_map_update_elem(&stack, &f->skb, cells, BPF_ANY))
			return NULL;
		f->spilled = 1;
	}
	s = bpf_map_lookup_elem(&stack, &f->skb);
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
	if (config.stack_depth > BF_STACK_DEPTH && f->spilled)
		bpf_map_delete_elem(&stack, &f->skb);
	if (in_use(loaders, BF_LOAD_ANSWER) && has_answers(f))
		bpf_map_delete_elem(&assist, &f->skb);
	if (in_use(ops, BF_CELL_HANDOFF) && verdict == BF_DROP && f->noted)
		return drop_with_notes(f);
	return verdict;
}
