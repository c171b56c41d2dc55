/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_import.c: `bpfilter import [-4] [-6]` of the kernel's iptables, `import -n [-l]` of its nf_tables, and their ways
 * back, `bpfilter export`. Without -4, -6 or -n: both families of iptables.
 */
#include <sys/socket.h>

#include "cli.h"
#include "native.h"
#include "progress.h"
#include "status.h"

enum { IP4 = 1, IP6 = 2, NFT = 4, LEAVE = 8 };

static const int families[] = {AF_INET, AF_INET6};

static int check(struct bf_ctx *ctx, int family)
{
	return bf_import(ctx, family, BF_IMPORT_CHECK);
}

static int import(struct bf_ctx *ctx, int family)
{
	return bf_import(ctx, family, 0);
}

/* step() for each family that the options name. */
static int each(struct bf_ctx *ctx, const char *verb, int flags, int (*step)(struct bf_ctx *, int))
{
	int status = 0;

	for (unsigned i = 0; i < 2 && !status; i++)
		if (!flags || flags & 1 << i)
			status = bf_cli_result(ctx, verb, step(ctx, families[i]));
	return status;
}

static int import_nft(struct bf_ctx *ctx, int flags, bool only_check)
{
	unsigned how = (flags & LEAVE ? BF_IMPORT_LEAVE : 0) | (only_check ? BF_IMPORT_CHECK : 0);

	return bf_cli_told(ctx, "import", bf_import_nft(ctx, how));
}

/* All or none: what one of them says no to is found before the other moves. */
static int import_all(struct bf_ctx *ctx, int flags)
{
	bool iptables = !flags || flags & (IP4 | IP6), both = iptables && flags & NFT;
	int status = iptables ? each(ctx, "import", flags, check) : 0;

	if (!status && flags & NFT && (both || bf_cli_dry_run))
		status = import_nft(ctx, flags, true);
	if (status || bf_cli_dry_run)
		return status;
	if (iptables)
		status = each(ctx, "import", flags, import);
	return !status && flags & NFT ? import_nft(ctx, flags, false) : status;
}

static int export_all(struct bf_ctx *ctx, int flags)
{
	int status = !flags || flags & (IP4 | IP6) ? each(ctx, "export", flags, bf_export) : 0;

	return !status && flags & NFT ? bf_cli_told(ctx, "export", bf_export_nft(ctx)) : status;
}

static int move(struct bf_ctx *ctx, const char *verb, int flags, int (*all)(struct bf_ctx *, int))
{
	int status, sig;

	if (flags & LEAVE && !(flags & NFT))
		return bf_cli_usage(verb);
	bf_progress_catch();
	bf_progress_show(ctx);
	status = all(ctx, flags);
	sig = bf_progress_caught();
	return status && sig ? bf_end_like(sig) : status;
}

int bf_cmd_import(struct bf_ctx *ctx, int argc, char **argv)
{
	int rest, flags = bf_cli_options(argc, argv, "46nl", &rest);

	if (flags < 0)
		return 2;
	return rest == argc ? move(ctx, argv[0], flags, import_all) : bf_cli_usage(argv[0]);
}

int bf_cmd_export(struct bf_ctx *ctx, int argc, char **argv)
{
	int flags = bf_cli_flags(argc, argv, "46n");

	return flags < 0 ? 2 : move(ctx, argv[0], flags, export_all);
}
