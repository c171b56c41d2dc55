/* SPDX-License-Identifier: GPL-2.0-only */
/* One of each relocation that rtgen knows; what it makes of them: good.expected. */
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define NOINLINE __attribute__((noinline))

struct inner {
	int a;
	unsigned b[4];
} CORE;
struct outer___ours {
	int x;
	struct {
		struct inner in[2];
	};
} CORE;

struct {
	int unused;
} table SEC(".maps");

extern int value[];
extern int elsewhere(int x);
extern int kernel_function(int x) SEC(".ksyms");

static NOINLINE int helper(struct outer___ours *o)
{
	return o->in[1].b[3];
}

static NOINLINE int other(struct outer___ours *o)
{
	return helper(o) + o->x;
}

struct frame;

__attribute__((noinline, btf_decl_tag("apart"))) int apart(struct frame *f, unsigned a, unsigned long long b)
{
	return a + b;
}

SEC("prog") int entry(struct outer___ours *o)
{
	int (*lookup)(void *) = (void *)1;

	return other(o) + value[2] + elsewhere(1) + kernel_function(2) + lookup(&table) +
	       __builtin_preserve_field_info(o->in[0].a, 2) + __builtin_preserve_field_info(o->x, 1) +
	       (int)__builtin_btf_type_id(*o, 1);
}
