/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_graph.c: `bpfilter graph | dot -Tsvg` */
#include <stdlib.h>

#include "cli.h"

int bf_cmd_graph(struct bf_ctx *ctx, int argc, char **argv)
{
	char *text = NULL;
	int rc;

	if (bf_cli_flags(argc, argv, "") < 0)
		return 2;
	rc = bf_cli_result(ctx, argv[0], bf_graph(ctx, &text));
	if (!rc)
		rc = bf_cli_print(text);
	free(text);
	return rc;
}
