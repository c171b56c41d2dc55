/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_list.c: `bpfilter list [-c] [-j]` */
#include <stdlib.h>

#include "cli.h"

int bf_cmd_list(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "cj");
	char *text = NULL;
	int rc;

	if (flags < 0)
		return 2;
	rc = bf_list(ctx, (flags & 1 ? BF_LIST_COUNTERS : 0) | (flags & 2 ? BF_LIST_JSON : 0), &text);
	rc = bf_cli_result(ctx, argv[0], rc);
	if (!rc)
		rc = bf_cli_print(text);
	free(text);
	return rc;
}
