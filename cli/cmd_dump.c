/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_dump.c: `bpfilter dump [-c] [-j]` */
#include <stdlib.h>

#include "cli.h"

int bf_cmd_dump(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "cj");
	char *text = NULL;
	int rc;

	if (flags < 0)
		return 2;
	if (flags == 3)
		return bf_cli_usage(argv[0]);
	rc = bf_dump(ctx, (flags & 1 ? BF_DUMP_CODE : 0) | (flags & 2 ? BF_DUMP_JSON : 0), &text);
	rc = bf_cli_result(ctx, argv[0], rc);
	if (!rc)
		rc = bf_cli_print(text);
	free(text);
	return rc;
}
