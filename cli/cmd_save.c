/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_save.c: `bpfilter save [FILE]`, `bpfilter restore [FILE]`: all rules of a namespace, over a reboot. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "native.h"
#include "progress.h"

/* The old file stays whole until the new one is. */
static int write_file(const char *path, const char *text)
{
	char new_path[4096];
	FILE *f;
	int err = 0;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	unlink(new_path);
	f = fopen(new_path, "wxe");
	if (!f || fputs(text, f) < 0 || fflush(f) || fsync(fileno(f)))
		err = errno;
	if (f && fclose(f) && !err)
		err = errno;
	if (!err && rename(new_path, path))
		err = errno;
	if (!err)
		return 0;
	unlink(new_path);
	fprintf(stderr, "bpfilter: %s: %s\n", path, strerror(err));
	return 1;
}

int bf_cmd_save(struct bf_ctx *ctx, int argc, char **argv)
{
	char *text = NULL;
	int rest, status;

	if (bf_cli_options(argc, argv, "", &rest) < 0)
		return 2;
	if (argc - rest > 1)
		return bf_cli_usage(argv[0]);
	status = bf_cli_told(ctx, argv[0], bf_save(ctx, &text));
	if (!status)
		status = rest < argc && strcmp(argv[rest], "-") ? write_file(argv[rest], text) : bf_cli_print(text);
	free(text);
	return status;
}

int bf_cmd_restore(struct bf_ctx *ctx, int argc, char **argv)
{
	const char *path;
	struct bf_cli_text t;
	int rest, status;

	if (bf_cli_options(argc, argv, "", &rest) < 0)
		return 2;
	if (argc - rest > 1)
		return bf_cli_usage(argv[0]);
	path = rest < argc ? argv[rest] : "-";
	status = !bf_cli_read(path, &t);
	bf_progress_show(ctx);
	if (!status)
		status = bf_cli_told(ctx, argv[0], bf_restore(ctx, path, t.text, t.len, bf_cli_dry_run ? BF_NATIVE_CHECK : 0));
	free(t.text);
	return status;
}
