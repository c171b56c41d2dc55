/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * help.c: what `bpfilter help`, `bpfilter help VERB` and `bpfilter VERB --help`
 * print. tests/help holds it against the manual pages and the completions.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define CHANGES " add create insert replace delete destroy rename get reset "

static const struct {
	const char *verbs; /* each between spaces */
	const char *flag, *arg;
	const char *help;
} flags[] = {
	{ " load check ", "-r", "", "in place of all native tables" },
	{ " load check" CHANGES, "-e", "", "tell the handles of what is new" },
	{ " load check list" CHANGES, "-a", "", "print handles, where something is listed" },
	{ " load check list" CHANGES, "-c", "", "print what counters have counted" },
	{ " load check list" CHANGES, "-j", "", "print JSON" },
	{ " load check list" CHANGES, "-n", "", "print numbers in place of words" },
	{ " dump ", "-c", "", "print cells and instructions, too" },
	{ " monitor ", "-d", "", "only what is dropped" },
	{ " monitor ", "-l", "", "only what a rule logs" },
	{ " dump test monitor stats features ", "-j", "", "print JSON" },
	{ " monitor ", "-n", " COUNT", "end after so many packets" },
	{ " monitor ", "-w", " FILE", "write a capture, with the rules as comments" },
	{ " test ", "-f", " FILE", "packets, one on each line" },
	{ " test ", "-r", " CAPTURE", "the packets of a capture" },
	{ " test ", "-v", "", "show them byte by byte" },
	{ " stats ", "-p", "", "print Prometheus' text format" },
	{ " top ", "-a", "", "idle rules as well" },
	{ " top ", "-d", " SECONDS", "how long a round is" },
	{ " top ", "-n", " ROUNDS", "end after so many rounds" },
	{ " import export ", "-4", "", "the filter table of iptables" },
	{ " import export ", "-6", "", "the filter table of ip6tables" },
	{ " import export ", "-n", "", "tables of nft" },
	{ " import ", "-l", "", "with -n: leave what cannot be translated" },
	{ " load restore import flush" CHANGES, "--dry-run", "", "all but the change itself" },
};

void bf_cli_print_usage(FILE *to, const struct bf_cmd *c)
{
	fprintf(to, "usage: bpfilter [--netns NAME|PATH] %s%s%s\n", c->name, *c->args ? " " : "", c->args);
}

int bf_cli_help(FILE *to)
{
	fprintf(to, "usage: bpfilter [--netns NAME|PATH] VERB [ARGUMENT...]\n"
	            "\n"
	            "Turns packet-filter rules into eBPF.\n"
	            "\n");
	for (const struct bf_cmd *c = bf_cmds; c->name; c++)
		fprintf(to, "  %-9s %-26s %s\n", c->name, c->args, c->help);
	fprintf(to, "\n"
	            "  --netns NAME|PATH   work on another network namespace (ip-netns(8) name, or a file)\n"
	            "  --dry-run           all but the change itself (verbs of the native language)\n"
	            "  --help, --version   (VERB --help: more of a verb)\n"
	            "\n"
	            "See bpfilter(8), and xtables-bpf(8) for iptables-bpf and its family.\n");
	return fflush(to) ? 1 : 0;
}

static bool has(const char *verbs, const char *verb)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", verb);
	return strstr(verbs, word);
}

int bf_cli_verb_help(const struct bf_cmd *c)
{
	bool in_main = has(" run dump collect features help ", c->name);

	bf_cli_print_usage(stdout, c);
	printf("\n%s\n\n", c->help);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (has(flags[i].verbs, c->name))
			printf("  %s%-*s %s\n", flags[i].flag, 14 - (int)strlen(flags[i].flag), flags[i].arg, flags[i].help);
	printf("  %-14s %s\n\nSee bpfilter%s%s(8).\n", "--help", "print this", in_main ? "" : "-", in_main ? "" : c->name);
	return fflush(stdout) ? 1 : 0;
}
