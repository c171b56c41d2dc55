/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_list.c: `bpfilter list [-a] [-c] [-j] [-n] [WHAT]` */
#include <stdlib.h>

#include "native.h"

static int list_all(struct bf_ctx *ctx, const char *verb, unsigned flags)
{
	char *text = NULL;
	int rc = bf_cli_result(ctx, verb, bf_list(ctx, flags, &text));

	if (!rc)
		rc = bf_cli_print(text);
	free(text);
	return rc;
}

int bf_cmd_list(struct bf_ctx *ctx, int argc, char **argv)
{
	int rest, o = bf_cli_options(argc, argv, "acjn", &rest);

	if (o < 0)
		return 2;
	return rest < argc ? bf_cmd_change(ctx, argc, argv) : list_all(ctx, argv[0], bf_cli_list_flags(o));
}
