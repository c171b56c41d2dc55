/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of all sorts, for tests/program/run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpfilter/program.h>

static volatile const char letters[] = "bpfilter";
__u32 wanted = 7;
volatile __u32 calls;

/* A function that others call, constants and variables of the file. */
static __attribute__((noinline)) int same(const char *b)
{
	for (int i = 0; i < 8; i++)
		if (b[i] != letters[i])
			return 0;
	return 1;
}

SEC("word") int has_word(struct bf_packet *p, struct bf_handle *h)
{
	char b[8];

	calls++;
	return p->payload && !bf_packet_read(p, h, p->payload, b, sizeof(b)) && same(b);
}

SEC("port") int right_port(struct bf_packet *p, struct bf_handle *h)
{
	return p->dport == wanted && p->iif && p->family == 4 && p->protocol == 17 && p->length == 20 + 8 + 8;
}

SEC("now") int at_once(struct bf_packet *p, struct bf_handle *h)
{
	return p->dport == 8 ? BF_DROP_NOW : BF_NO_MATCH;
}

/* The verifier says no. */
SEC("wild") int goes_wild(struct bf_packet *p, struct bf_handle *h)
{
	return *(volatile int *)(p->mark + 5ul);
}

/* Of no kind that is there. */
SEC("lost") int calls_nobody(struct bf_packet *p, struct bf_handle *h)
{
	extern int no_such_function(int) __ksym;

	return no_such_function(1);
}
