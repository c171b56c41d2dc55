/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_collect.c: `bpfilter collect` */
#include <stdio.h>

#include "cli.h"

int bf_cmd_collect(struct bf_ctx *ctx, int argc, char **argv)
{
	char line[80], attached[40] = "";
	int n, m;

	if (bf_cli_flags(argc, argv, "") < 0)
		return 2;
	n = bf_collect(ctx);
	if (bf_cli_result(ctx, argv[0], n))
		return 1;
	m = bf_reattach(ctx);
	if (bf_cli_result(ctx, argv[0], m))
		return 1;
	if (m)
		snprintf(attached, sizeof(attached), ", %d attached again", m);
	snprintf(line, sizeof(line), "%d released%s\n", n, attached);
	return bf_cli_print(line);
}
