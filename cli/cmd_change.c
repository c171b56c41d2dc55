/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_change.c: `bpfilter add rule inet filter input tcp dport 22 accept` and
 * its like: the verb and what follows it are one command of the native
 * language. A shell takes quotes away: what the language wants in quotes
 * stands in both, 'comment "two words"'.
 */
#include <stdlib.h>

#include "native.h"

int bf_cmd_change(struct bf_ctx *ctx, int argc, char **argv)
{
	struct bf_cli_text t;
	int rest, status, o = bf_cli_options(argc, argv, "acjne", &rest);
	char *verb = argv[0];

	if (o < 0)
		return 2;
	if (rest == argc)
		return bf_cli_usage(verb);
	argv[rest - 1] = verb; /* in place of the last option, or itself */
	status = !bf_cli_join(argc - rest + 1, argv + rest - 1, &t);
	if (!status)
		status = bf_cli_run(ctx, verb, "command", &t, bf_cli_list_flags(o) | (o & 16 ? BF_NATIVE_ECHO : 0));
	free(t.text);
	return status;
}
