/* SPDX-License-Identifier: GPL-2.0-only */
/* main.c: `bpfilter [--netns NAME|PATH] VERB ...`: the table of verbs, and what they share. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

const struct bf_cmd bf_cmds[] = {
	{"run", "[--] COMMAND [ARGUMENT...]", "run a command; its iptables calls are served", bf_cmd_run},
	{"load", "[-r] [-e] [FILE]", "run a file of the native language; -r in place of all tables, -e tell handles", bf_cmd_load, true},
	{"check", "[-r] [FILE]", "the same, but nothing changes", bf_cmd_check, true},
	{"list", "[-a] [-c] [-j] [-n] [WHAT]", "print tables: -a handles, -c counters, -j JSON, -n numbers", bf_cmd_list, true},
	{"add", "[-e] WHAT ...", "add a table, chain, rule, set, map, element, counter, quota or limit", bf_cmd_change, true},
	{"create", "[-e] WHAT ...", "add what must not be there yet", bf_cmd_change, true},
	{"insert", "[-e] rule ...", "put a rule in front", bf_cmd_change, true},
	{"replace", "[-e] rule ...", "put a rule in place of another", bf_cmd_change, true},
	{"delete", "WHAT ...", "remove what add adds", bf_cmd_change, true},
	{"destroy", "WHAT ...", "remove it if it is there", bf_cmd_change, true},
	{"rename", "chain ...", "give a chain another name", bf_cmd_change, true},
	{"get", "[-c] element ...", "print elements of a set", bf_cmd_change, true},
	{"reset", "WHAT ...", "print counters and begin anew", bf_cmd_change, true},
	{"dump", "[-c | -j]", "print what the rules were compiled to, and why; -c to the cell, -j as JSON", bf_cmd_dump},
	{"test", "[-j] [-v] PACKET | -f FILE | -r CAPTURE [WORDS]", "which rules decide a packet: tcp 192.0.2.1 > 198.51.100.9:22 iif eth0 ct new", bf_cmd_test},
	{"monitor", "[-djl] [-n COUNT] [-w FILE] [EXPRESSION]", "packets as they happen, and the rules that decide them", bf_cmd_monitor},
	{"stats", "[-j | -p]", "what rules have counted; -p in Prometheus' text format", bf_cmd_stats},
	{"top", "[-a] [-d SECONDS] [-n ROUNDS]", "the busiest rules now", bf_cmd_top},
	{"flush", "[WHAT]", "remove all rules: everything is accepted, nothing stays attached", bf_cmd_flush, true},
	{"save", "[FILE]", "write all rules of the namespace, iptables' ones included", bf_cmd_save},
	{"restore", "[FILE]", "put what was saved in place of all rules", bf_cmd_restore, true},
	{"confirm", "[SECONDS VERB ...]", "run a verb, and go back unless it is confirmed in time", bf_cmd_confirm},
	{"graph", "", "print chains and jumps as a graph for dot(1)", bf_cmd_graph},
	{"import", "[-4] [-6] [-n [-l]]", "take over the kernel's own tables: iptables' filter tables; -n those of nft, -l but for what cannot be", bf_cmd_import, true},
	{"export", "[-4] [-6] [-n]", "hand the filter tables back to the kernel's iptables; -n native tables to nft", bf_cmd_export},
	{"collect", "", "release what nobody uses any more, attach to devices that came again", bf_cmd_collect},
	{"features", "[-j]", "what this kernel offers", bf_cmd_features},
	{"help", "[VERB]", "print this help", bf_cmd_help, true},
	{},
};

static const struct bf_cmd *find_cmd(const char *name)
{
	for (const struct bf_cmd *c = bf_cmds; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

int bf_cli_usage(const char *verb)
{
	bf_cli_print_usage(stderr, find_cmd(verb));
	return 2;
}

/* But for one letter that is left out, put in, changed, or swapped with the next. */
static bool alike(const char *a, const char *b)
{
	for (; *a && *a == *b; b++)
		a++;
	if (!*a || !*b)
		return strlen(a) + strlen(b) == 1;
	return !strcmp(a + 1, b + 1) || !strcmp(a, b + 1) || !strcmp(a + 1, b) ||
	       (a[1] == b[0] && a[0] == b[1] && !strcmp(a + 2, b + 2));
}

/* What verbs are about, said first. */
static bool is_object(const char *name)
{
	static const char *const objects[] = { "table", "chain", "rule", "set", "map", "element", "counter", "quota", "limit" };

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (!strcmp(name, objects[i]))
			return true;
	return false;
}

static int unknown(const char *name)
{
	const struct bf_cmd *c = bf_cmds;

	if (is_object(name)) {
		fprintf(stderr, "bpfilter: the verb comes first: bpfilter add %s ..., bpfilter delete %s ...; see bpfilter-add(8)\n", name, name);
		return 2;
	}

	while (c->name && !alike(name, c->name))
		c++;
	if (c->name)
		fprintf(stderr, "bpfilter: no verb '%s'; did you mean '%s'?\n", name, c->name);
	else
		fprintf(stderr, "bpfilter: no verb '%s'; see bpfilter help\n", name);
	return 2;
}

int bf_cmd_help(struct bf_ctx *ctx, int argc, char **argv)
{
	const struct bf_cmd *c = argc > 1 ? find_cmd(argv[1]) : NULL;

	(void)ctx;
	if (argc < 2)
		return bf_cli_help(stdout);
	return c ? bf_cli_verb_help(c) : unknown(argv[1]);
}

int bf_cli_flags(int argc, char **argv, const char *opts)
{
	int flags = 0, opt;

	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt(argc, argv, opts)) != -1) {
		const char *at = opt == '?' ? NULL : strchr(opts, opt);

		if (!at)
			return bf_cli_usage(argv[0]), -1;
		flags |= 1 << (at - opts);
	}
	return optind == argc ? flags : (bf_cli_usage(argv[0]), -1);
}

int bf_cli_result(struct bf_ctx *ctx, const char *verb, int rc)
{
	const char *text = bf_ctx_message(ctx);

	if (!*text && rc < 0) {
		fprintf(stderr, "bpfilter %s: %s\n", verb, strerror(-rc));
		return 1;
	}
	while (*text) {
		int line = (int)strcspn(text, "\n");

		fprintf(stderr, "bpfilter %s: %.*s\n", verb, line, text);
		text += line + (text[line] == '\n');
	}
	return rc < 0 ? 1 : 0;
}

int bf_cli_print(const char *text)
{
	if (fputs(text, stdout) >= 0 && !fflush(stdout))
		return 0;
	fprintf(stderr, "bpfilter: cannot write: %s\n", strerror(errno));
	return 1;
}

const char *bf_cli_netns_arg;
static char netns_path[4096] = "/proc/self/ns/net";

unsigned long bf_cli_netns(void)
{
	struct stat st;

	return stat(netns_path, &st) ? 0 : (unsigned long)st.st_ino;
}

/* A name as ip-netns(8) knows it, or any file that is a network namespace. */
static int set_netns(struct bf_ctx *ctx, const char *name)
{
	int fd, rc;

	bf_cli_netns_arg = name;
	snprintf(netns_path, sizeof(netns_path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(netns_path, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : bf_ctx_set_netns(ctx, fd);
	if (rc)
		fprintf(stderr, "bpfilter: network namespace %s: %s%s\n", name, strerror(-rc),
		        rc == -ENOENT && !strchr(name, '/') ? " (ip netns list tells which there are)" : "");
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Options before the verb. Returns the verb's index, 0: done, -1: wrong. */
static int global_options(struct bf_ctx *ctx, int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{"netns", required_argument, NULL, 'n'},
		{"dry-run", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		*status = 0;
		if (opt == 'h')
			return *status = bf_cli_help(stdout), 0;
		if (opt == 'V')
			return *status = bf_cli_print("bpfilter " BF_VERSION "\n"), 0;
		if (opt == 'd') {
			bf_cli_dry_run = true;
			continue;
		}
		*status = opt == 'n' ? set_netns(ctx, optarg) ? 1 : 0 : 2;
		if (*status)
			return 0;
	}
	return optind;
}

int bf_cli_verb(struct bf_ctx *ctx, int argc, char **argv)
{
	const struct bf_cmd *cmd = find_cmd(argv[0]);

	if (!cmd)
		return bf_cmd_help(ctx, 2, (char *[]){NULL, argv[0]});
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return bf_cli_verb_help(cmd);
	if (!bf_cli_dry_run || cmd->dry)
		return cmd->run(ctx, argc, argv);
	fprintf(stderr, "bpfilter %s: there is no --dry-run of it\n", argv[0]);
	return 2;
}

int main(int argc, char **argv)
{
	struct bf_ctx *ctx = bf_ctx_new();
	int status = 0, at;

	if (!ctx) {
		fprintf(stderr, "bpfilter: out of memory\n");
		return 1;
	}
	at = global_options(ctx, argc, argv, &status);
	if (at && at == argc) {
		status = 2;
		bf_cli_help(stderr);
	} else if (at) {
		status = bf_cli_verb(ctx, argc - at, argv + at);
	}
	if (!status)
		status = bf_cli_print(""); /* what is still to be written */
	bf_ctx_free(ctx);
	return status;
}
