/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_load.c: `bpfilter load FILE`, `bpfilter check FILE` */
#include <stdlib.h>

#include "native.h"

static int run_file(struct bf_ctx *ctx, int argc, char **argv, const char *opts, unsigned flags)
{
	struct bf_cli_text t;
	int rest, status, o = bf_cli_options(argc, argv, opts, &rest);

	if (o < 0)
		return 2;
	if (argc - rest > 1)
		return bf_cli_usage(argv[0]);
	status = !bf_cli_read(rest < argc ? argv[rest] : "-", &t);
	if (o & 16)
		flags |= BF_NATIVE_ECHO;
	if (o & 32)
		flags |= BF_NATIVE_REPLACE;
	if (!status)
		status = bf_cli_run(ctx, argv[0], rest < argc ? argv[rest] : "-", &t, flags | bf_cli_list_flags(o));
	free(t.text);
	return status;
}

int bf_cmd_load(struct bf_ctx *ctx, int argc, char **argv)
{
	return run_file(ctx, argc, argv, "acjner", 0);
}

int bf_cmd_check(struct bf_ctx *ctx, int argc, char **argv)
{
	return run_file(ctx, argc, argv, "acjner", BF_NATIVE_CHECK);
}
