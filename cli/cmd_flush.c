/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_flush.c: `bpfilter flush` */
#include "cli.h"

int bf_cmd_flush(struct bf_ctx *ctx, int argc, char **argv)
{
	return bf_cli_flags(argc, argv, "") < 0 ? 2 : bf_cli_result(ctx, argv[0], bf_flush(ctx));
}
