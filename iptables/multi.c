/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * multi.c: xtables-bpf-multi, called by the names of its links (iptables-bpf,
 * ip6tables-bpf-save, ..., or plain iptables through update-alternatives) or
 * with such a name as first argument, as xtables-legacy-multi has it:
 *
 *   iptables-bpf -A INPUT -j DROP
 *        └─ bf_run: seccomp filter, exec xtables-legacy-multi as "iptables-legacy"
 *
 * The unmodified program does all the work of iptables(8); its calls to the
 * kernel are answered by libbpfilter.
 */
#include <bpfilter/bpfilter.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "status.h"

enum { KEPT_BYTES = 4 << 20 };

static const struct applet {
	const char *name;   /* beside it, with "-bpf" behind the first word */
	const char *legacy; /* what the unmodified program finds as its own name */
	unsigned flags;
} applets[] = {
	{"iptables", "iptables-legacy", 0},
	{"iptables-save", "iptables-legacy-save", BF_RUN_NAMES},
	{"iptables-restore", "iptables-legacy-restore", 0},
	{"ip6tables", "ip6tables-legacy", 0},
	{"ip6tables-save", "ip6tables-legacy-save", BF_RUN_NAMES},
	{"ip6tables-restore", "ip6tables-legacy-restore", 0},
};

/* "iptables-bpf-save" and "iptables-save" are one. */
static const struct applet *find_applet(const char *called)
{
	const char *slash = strrchr(called, '/');
	char plain[64];
	char *bpf;

	snprintf(plain, sizeof(plain), "%s", slash ? slash + 1 : called);
	bpf = strstr(plain, "-bpf");
	if (bpf)
		memmove(bpf, bpf + 4, strlen(bpf + 4) + 1);
	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++)
		if (!strcmp(plain, applets[i].name))
			return &applets[i];
	return NULL;
}

static int usage(const char *called)
{
	fprintf(stderr, "%s: no such command; known are:\n", called);
	for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++) {
		int word = (int)strcspn(applets[i].name, "-");

		fprintf(stderr, "  %.*s-bpf%s\n", word, applets[i].name, applets[i].name + word);
	}
	return 1;
}

/*
 * A command asks four times, of which each takes memory for the table some times over. What the kernel would take back and
 * give anew, page by page, would cost more than the answers do.
 */
static void keep_memory(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES);
#endif
}

static int run(const struct applet *a, char **argv)
{
	const char *program = secure_getenv("XTABLES_LEGACY_MULTI");
	struct bf_ctx *ctx = bf_ctx_new();
	int rc;

	if (!ctx) {
		fprintf(stderr, "bpfilter: out of memory\n");
		return 1;
	}
	argv[0] = (char *)(program ? program : BF_XTABLES_LEGACY_MULTI);
	bf_progress_show(ctx);
	rc = bf_run(ctx, a->legacy, argv, a->flags | BF_RUN_EXEC | BF_RUN_TIED);
	if (rc == -ENOENT)
		fprintf(stderr, "bpfilter: %s is missing; it is part of the package iptables (iptables-legacy on Fedora and "
		                "Arch), or set XTABLES_LEGACY_MULTI\n", argv[0]);
	else if (rc < 0)
		fprintf(stderr, "bpfilter: %s", bf_ctx_message(ctx));
	bf_ctx_free(ctx);
	return rc < 0 ? 1 : bf_end_like(rc);
}

int main(int argc, char **argv)
{
	const struct applet *a = find_applet(argv[0]);

	keep_memory();
	if (!a && argc > 1) {
		argv++;
		a = find_applet(argv[0]);
	}
	return a ? run(a, argv) : usage(argv[0]);
}
