/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_run.c: `bpfilter run -- COMMAND`: all iptables calls of it and of its descendants are served. */
#include <string.h>

#include "cli.h"
#include "progress.h"
#include "status.h"

int bf_cmd_run(struct bf_ctx *ctx, int argc, char **argv)
{
	int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	int rc;

	if (first >= argc || (first == 1 && argv[1][0] == '-'))
		return bf_cli_usage("run");
	bf_progress_show(ctx);
	rc = bf_run(ctx, NULL, argv + first, BF_RUN_NAMES | BF_RUN_EXEC);
	return rc < 0 ? bf_cli_result(ctx, "run", rc) : bf_end_like(rc);
}
