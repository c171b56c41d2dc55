/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hooks.c: what chains can do at each hook of this kernel: what base/hook.h
 * says the hook can, as far as the kernel has what that takes.
 */
#include "api/ctx.h"
#include "base/buf.h"

enum { ALONE = 1, FUNCTIONS }; /* a chain's program does it alone; ... with a kernel that takes functions */

static const struct {
	uint32_t can;
	const char *words;
	uint8_t takes; /* 0: at netfilter's hooks it is the companion that does it */
} statements[] = {
	{ BF_CAN_DROP, "drop", ALONE },
	{ BF_CAN_REJECT, "reject", 0 },
	{ BF_CAN_EVENT, "log", 0 },
	{ BF_CAN_COMPANION, "notrack", 0 },
	{ BF_CAN_SET_MARK, "meta mark set", 0 },
	{ BF_CAN_PRIORITY, "meta priority set", 0 },
	{ BF_CAN_CT_SET, "ct mark set", 0 },
	{ BF_CAN_COMPANION, "ip dscp set", 0 },
	{ BF_CAN_REDIRECT, "redirect to", 0 },
	{ BF_CAN_REDIRECT, "route via", 0 },
	{ BF_CAN_MIRROR, "mirror to", 0 },
	{ BF_CAN_SOCKSET, "set rto", 0 },
	{ BF_CAN_IP | BF_CAN_ERRNO, "program", FUNCTIONS },
};

static char *words(const struct bf_features *f, enum bf_hook hook)
{
	bool companion = hook >= BF_HOOKS_NETFILTER || (bf_has(f, "nf_tables") && bf_has(f, "nft_compat"));
	const bool has[] = { [0] = companion, [ALONE] = true, [FUNCTIONS] = bf_has(f, "program") };
	struct bf_buf b = { 0 };

	for (unsigned i = 0; i < BF_ARRAY_SIZE(statements); i++)
		if (bf_hook_kinds[hook].can & statements[i].can && has[statements[i].takes])
			bf_buf_printf(&b, "%s%s", b.len ? ", " : "", statements[i].words);
	if (!b.err)
		return b.data;
	bf_buf_free(&b);
	return NULL;
}

int bf_get_hooks(struct bf_ctx *ctx, const struct bf_hook_info **out)
{
	static const char *const at[] = { [BF_POINT_NETNS] = "namespace", [BF_POINT_DEVICE] = "device", [BF_POINT_CGROUP] = "cgroup" };

	bf_ctx_begin(ctx);
	bf_probe(&ctx->features);
	for (unsigned h = 0; h < BF_HOOKS; h++) {
		bool present = bf_probe_hook(h);

		free(ctx->hook_words[h]);
		ctx->hook_words[h] = present ? words(&ctx->features, h) : strdup("");
		if (!ctx->hook_words[h])
			return -ENOMEM;
		ctx->hooks[h] = (struct bf_hook_info){ bf_hook_kinds[h].name, at[bf_hook_kinds[h].point], present, ctx->hook_words[h] };
	}
	*out = ctx->hooks;
	return BF_HOOKS;
}
