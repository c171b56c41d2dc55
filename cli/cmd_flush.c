/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_flush.c: `bpfilter flush`: all there is, or `bpfilter flush WHAT`: of native tables. */
#include "native.h"

int bf_cmd_flush(struct bf_ctx *ctx, int argc, char **argv)
{
	int rest, o = bf_cli_options(argc, argv, "", &rest);

	if (o < 0)
		return 2;
	if (rest < argc)
		return bf_cmd_change(ctx, argc, argv);
	if (bf_cli_dry_run)
		return 0;
	return bf_cli_result(ctx, argv[0], bf_flush(ctx));
}
