/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * funcs.c: which functions of a program the verifier looks at by themselves.
 * It is told by types (BTF): a function with global linkage stands apart, one
 * with static linkage is followed at each call. The types made here are the
 * least that say it:
 *
 *   1 u32   2 u64   3 struct of as many bytes as they see of the frame   4 pointer to 3   5 int f(void)
 *   then for each function FUNC; before it, when it stands apart, its FUNC_PROTO
 *
 * A user's function (p, h) wants more: its first argument is struct bf_packet, the
 * second what the hook gave, a context by the name of its type or, at
 * netfilter's hooks, an sk_buff; tags behind the function say that both are
 * there (nonnull, trusted: Linux 6.9).
 */
#include <ctype.h>
#include <linux/btf.h>

#include "base/buf.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "rt/abi.h"

enum { U32 = 1, U64, FRAME, FRAME_POINTER, INT_OF_VOID };

struct types {
	struct bf_buf types, strings;
	uint32_t n;
	uint32_t packet, handle, context; /* pointers to these, once there is need */
	uint8_t hook;
};

/* Names are C identifiers to the kernel, but for those of tags. */
static uint32_t add_string(struct types *t, const char *s)
{
	uint32_t at = (uint32_t)t->strings.len;

	if (!*s)
		return 0;
	for (; *s; s++)
		bf_buf_add(&t->strings, isalnum((unsigned char)*s) || *s == ':' ? s : "_", 1);
	bf_buf_add(&t->strings, "", 1);
	return at;
}

static uint32_t add_type(struct types *t, const char *name, uint32_t kind, uint32_t info, uint32_t size_or_type)
{
	struct btf_type b = { add_string(t, name), kind << 24 | info, { size_or_type } };

	bf_buf_add(&t->types, &b, sizeof(b));
	return ++t->n;
}

static void add_int(struct types *t, const char *name, uint32_t bytes)
{
	uint32_t bits = bytes * 8;

	add_type(t, name, BTF_KIND_INT, 0, bytes);
	bf_buf_add(&t->types, &bits, sizeof(bits));
}

static void add_fixed(struct types *t, uint32_t frame)
{
	bf_buf_add(&t->strings, "", 1); /* offset 0: no name */
	add_int(t, "u32", 4);
	add_int(t, "u64", 8);
	add_type(t, "bf_frame", BTF_KIND_STRUCT, 0, frame);
	add_type(t, "", BTF_KIND_PTR, 0, FRAME);
	add_type(t, "", BTF_KIND_FUNC_PROTO, 0, U32);
}

static uint32_t add_proto(struct types *t, const char *args)
{
	uint32_t name = add_string(t, "arg"), id = add_type(t, "", BTF_KIND_FUNC_PROTO, (uint32_t)strlen(args), U32);

	for (; *args; args++) {
		struct btf_param p = { name, *args == 'f' ? FRAME_POINTER : *args == 'l' ? U64 : *args == 'p' ? t->packet :
			                   *args == 'h' ? t->handle : *args == 'c' ? t->context : U32 };

		bf_buf_add(&t->types, &p, sizeof(p));
	}
	return id;
}

/* The kernel knows contexts by the name of their type. */
static const char *context_of(uint8_t hook)
{
	switch (bf_hook_kinds[hook].prog_type) {
	case BF_PROG_TYPE_NETFILTER:
		return "bpf_nf_ctx";
	case BPF_PROG_TYPE_XDP:
		return "xdp_md";
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return "bpf_sock_addr";
	case BPF_PROG_TYPE_SOCK_OPS:
		return "bpf_sock_ops";
	}
	return "__sk_buff";
}

static uint32_t add_pointer(struct types *t, const char *to, uint32_t size)
{
	return add_type(t, "", BTF_KIND_PTR, 0, add_type(t, to, BTF_KIND_STRUCT, 0, size));
}

static void add_arg(struct types *t, char arg)
{
	if (arg == 'p' && !t->packet)
		t->packet = add_pointer(t, "bf_packet", BF_PROGRAM_SEES);
	if (arg == 'c' && !t->context)
		t->context = add_pointer(t, context_of(t->hook), 0);
	if (arg == 'h' && !t->handle)
		t->handle = add_pointer(t, t->hook < BF_HOOKS_NETFILTER ? "sk_buff" : context_of(t->hook), 0);
}

static void add_tag(struct types *t, const char *tag, uint32_t func, uint32_t arg)
{
	add_type(t, tag, BTF_KIND_DECL_TAG, 0, func);
	bf_buf_add(&t->types, &arg, sizeof(arg));
}

static uint32_t add_func(struct types *t, const struct bf_func *f)
{
	bool packet = f->args && f->args[0] == 'p', handle = packet && f->args[1] == 'h';
	uint32_t proto, id;

	for (const char *arg = f->args; arg && *arg; arg++)
		add_arg(t, *arg);
	proto = f->args ? add_proto(t, f->args) : INT_OF_VOID;
	id = add_type(t, f->name, BTF_KIND_FUNC, f->args ? BTF_FUNC_GLOBAL : BTF_FUNC_STATIC, proto);
	if (packet)
		add_tag(t, "arg:nonnull", id, 0);
	if (handle && t->hook < BF_HOOKS_NETFILTER)
		add_tag(t, "arg:trusted", id, 1);
	return id;
}

static int load(const struct types *t)
{
	struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(h),
		.type_len = (uint32_t)t->types.len,
		.str_off = (uint32_t)t->types.len,
		.str_len = (uint32_t)t->strings.len,
	};
	_cleanup_buf_ struct bf_buf all = { 0 };

	bf_buf_add(&all, &h, sizeof(h));
	bf_buf_add(&all, t->types.data, t->types.len);
	bf_buf_add(&all, t->strings.data, t->strings.len);
	if (all.err || t->types.err || t->strings.err)
		return -ENOMEM;
	return bf_btf_load(all.data, (uint32_t)all.len);
}

int bf_funcs_describe(const struct bf_prog_image *p, struct bpf_func_info *info)
{
	struct types t = { .hook = p->at.hook };
	int fd;

	add_fixed(&t, p->frame);
	for (uint32_t i = 0; i < p->n_funcs; i++)
		info[i] = (struct bpf_func_info){ p->funcs[i].insn, add_func(&t, &p->funcs[i]) };
	fd = load(&t);
	bf_buf_free(&t.types);
	bf_buf_free(&t.strings);
	return fd;
}
