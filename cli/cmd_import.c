/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_import.c: `bpfilter import [-4] [-6]` and its way back, `bpfilter export`. Without -4 or -6: both families. */
#include <sys/socket.h>

#include "cli.h"
#include "progress.h"
#include "status.h"

static const int families[] = {AF_INET, AF_INET6};

/* step() for each family that the options name; they are wrong: 2. */
static int each(struct bf_ctx *ctx, int argc, char **argv, int (*step)(struct bf_ctx *, int))
{
	int flags = bf_cli_flags(argc, argv, "46"), status = 0, sig;

	if (flags < 0)
		return 2;
	bf_progress_catch();
	bf_progress_show(ctx);
	for (unsigned i = 0; i < 2 && !status; i++)
		if (!flags || flags & 1 << i)
			status = bf_cli_result(ctx, argv[0], step(ctx, families[i]));
	sig = bf_progress_caught();
	return status && sig ? bf_end_like(sig) : status;
}

static int check(struct bf_ctx *ctx, int family)
{
	return bf_import(ctx, family, BF_IMPORT_CHECK);
}

static int import(struct bf_ctx *ctx, int family)
{
	return bf_import(ctx, family, 0);
}

/* Both families or none: what one of them says no to is found before the other moves. */
int bf_cmd_import(struct bf_ctx *ctx, int argc, char **argv)
{
	int status = each(ctx, argc, argv, check);

	return status ? status : each(ctx, argc, argv, import);
}

int bf_cmd_export(struct bf_ctx *ctx, int argc, char **argv)
{
	return each(ctx, argc, argv, bf_export);
}
