/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_import.c: `bpfilter import [-4] [-6]` and its way back, `bpfilter export`. Without -4 or -6: both families. */
#include <sys/socket.h>

#include "cli.h"

static int both(struct bf_ctx *ctx, int argc, char **argv, int (*move)(struct bf_ctx *, int))
{
	int flags = bf_cli_flags(argc, argv, "46"), status = 0;

	if (flags < 0)
		return 2;
	if (flags != 2)
		status = bf_cli_result(ctx, argv[0], move(ctx, AF_INET));
	if (!status && flags != 1)
		status = bf_cli_result(ctx, argv[0], move(ctx, AF_INET6));
	return status;
}

int bf_cmd_import(struct bf_ctx *ctx, int argc, char **argv)
{
	return both(ctx, argc, argv, bf_import);
}

int bf_cmd_export(struct bf_ctx *ctx, int argc, char **argv)
{
	return both(ctx, argc, argv, bf_export);
}
