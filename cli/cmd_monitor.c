/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd_monitor.c: `bpfilter monitor [-djl] [-n COUNT] [-w FILE] [EXPRESSION]`
 *
 * A packet is a line, or an object of JSON, or a packet of a capture file in
 * the format pcapng (draft-ietf-opsawg-pcapng), with what decided it as its comment.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "summary.h"

struct monitor {
	bool json, drops, logs;
	unsigned long left;      /* packets to be shown; 0: all */
	FILE *capture;
	struct bpf_program filter;
	bool filtered;
	uint64_t lost, told_at;  /* told so far, and when */
	int failed;              /* errno: it could not be written */
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Text. */

static void summary(const struct bf_seen *s, char *out, size_t size)
{
	FILE *to = fmemopen(out, size, "w");

	*out = '\0';
	if (!to)
		return;
	if (s->caplen)
		bf_cli_summary(to, s->bytes, s->caplen);
	else
		fputs("packet", to);
	fclose(to);
	out[size - 1] = '\0';
}

static void print_rule(FILE *to, const struct bf_seen_rule *r)
{
	if (r->handle && r->number)
		fprintf(to, "%s handle %" PRIu64 " (%s)", r->chain, r->handle, r->rule);
	else if (r->number)
		fprintf(to, "%s %u (%s)", r->chain, r->number, r->rule);
	else
		fprintf(to, "%s %s", r->chain, r->rule);
}

/* How it was decided: "input drop by INPUT 3 (...)". */
static void print_decision(FILE *to, const struct bf_seen *s)
{
	fprintf(to, "%s %s %s %s", s->hook, s->family, s->table, s->accept ? "accept" : "drop");
	for (unsigned i = 0; i < s->n_rules; i++) {
		fputs(i ? " > " : ": ", to);
		print_rule(to, &s->rules[i]);
	}
}

static void print_packet(const struct bf_seen *s, const char *prefix)
{
	time_t t = (time_t)(s->time / 1000000000);
	char when[16], what[160];
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&t, &tm));
	summary(s, what, sizeof(what));
	printf("%s.%06u %s%s len %u", when, (unsigned)(s->time % 1000000000 / 1000), prefix, what, s->len);
	printf("%s%s%s%s ", *s->iif ? " iif " : "", s->iif, *s->oif ? " oif " : "", s->oif);
	if (s->mark)
		printf("mark %#x ", s->mark);
}

static void print_text(const struct bf_seen *s)
{
	print_packet(s, "");
	print_decision(stdout, s);
	putchar('\n');
}

/* A line for each rule that logs it. */
static void print_logs(const struct bf_seen *s)
{
	for (unsigned i = 0; i < s->n_rules; i++)
		if (s->rules[i].log) {
			print_packet(s, s->rules[i].log);
			printf("%s %s %s: ", s->hook, s->family, s->table);
			print_rule(stdout, &s->rules[i]);
			putchar('\n');
		}
}

/* JSON: one object a line. */

static void print_json(const struct bf_seen *s)
{
	json_t *rules = json_array(), *o;
	char what[160];

	summary(s, what, sizeof(what));
	for (unsigned i = 0; i < s->n_rules; i++) {
		json_t *r = json_pack("{s:s, s:s}", "chain", s->rules[i].chain, "rule", s->rules[i].rule);

		if (s->rules[i].handle)
			json_object_set_new(r, "handle", json_integer((json_int_t)s->rules[i].handle));
		else if (s->rules[i].number)
			json_object_set_new(r, "number", json_integer(s->rules[i].number));
		if (s->rules[i].log)
			json_object_set_new(r, "log", json_string(s->rules[i].log));
		json_array_append_new(rules, r);
	}
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:o}", "time", (json_int_t)s->time, "hook", s->hook,
	              "family", s->family, "table", s->table, "verdict", s->accept ? "accept" : "drop", "packet", what, "length",
	              (int)s->len, "mark", (int)s->mark, "iif", s->iif, "oif", s->oif, "rules", rules);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

/* pcapng. Blocks are in this machine's byte order, which their first one tells. */

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void put_padded(FILE *f, const void *p, size_t n)
{
	static const char zeros[4];

	fwrite(p, n, 1, f);
	fwrite(zeros, -n & 3, 1, f);
}

static void begin_capture(FILE *f)
{
	put32(f, 0x0a0d0d0a); /* section header: length, byte order, version 1.0, length of the section unknown */
	put32(f, 28);
	put32(f, 0x1a2b3c4d);
	put32(f, 1);
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	put32(f, 28);
	put32(f, 1); /* interface: raw IP, any length; if_tsresol 9: nanoseconds */
	put32(f, 32);
	put32(f, 101); /* LINKTYPE_RAW */
	put32(f, 0);
	put32(f, 1 << 16 | 9);
	put32(f, 9);
	put32(f, 0);
	put32(f, 32);
}

static void capture(FILE *f, const struct bf_seen *s)
{
	char *comment = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&comment, &n);
	uint32_t len;

	if (!to)
		return;
	print_decision(to, s);
	fclose(to);
	n = n > 65000 ? 65000 : n;
	len = 32 + ((s->caplen + 3) & ~3u) + 4 + (((uint32_t)n + 3) & ~3u) + 4;
	put32(f, 6); /* enhanced packet; option 1: comment */
	put32(f, len);
	put32(f, 0);
	put32(f, (uint32_t)(s->time >> 32));
	put32(f, (uint32_t)s->time);
	put32(f, s->caplen);
	put32(f, s->len);
	put_padded(f, s->bytes, s->caplen);
	put32(f, (uint32_t)n << 16 | 1);
	put_padded(f, comment, n);
	put32(f, 0);
	put32(f, len);
	free(comment);
}

/* Packets. */

static bool is_logged(const struct bf_seen *s)
{
	for (unsigned i = 0; i < s->n_rules; i++)
		if (s->rules[i].log)
			return true;
	return false;
}

static bool wanted(const struct monitor *m, const struct bf_seen *s)
{
	const struct pcap_pkthdr h = { .caplen = s->caplen, .len = s->len };

	if ((m->drops && s->accept) || (m->logs && !is_logged(s)))
		return false;
	return !m->filtered || pcap_offline_filter(&m->filter, &h, s->bytes);
}

/* Once a second, however many times. */
static void tell_lost(struct monitor *m, const struct bf_seen *s)
{
	if (s->lost == m->lost || s->time - m->told_at < 1000000000)
		return;
	fprintf(stderr, "bpfilter monitor: %" PRIu64 " rules and packets were not seen: too many at once\n", s->lost - m->lost);
	m->lost = s->lost;
	m->told_at = s->time;
}

/* What cannot be written, nobody watches. */
static bool is_written(struct monitor *m)
{
	FILE *to = m->capture ? m->capture : stdout;

	if (!fflush(to) && !ferror(to))
		return true;
	m->failed = errno;
	return false;
}

static int on_packet(void *arg, const struct bf_seen *s)
{
	struct monitor *m = arg;

	tell_lost(m, s);
	if (!wanted(m, s))
		return 0;
	if (m->capture)
		capture(m->capture, s);
	else if (m->json)
		print_json(s);
	else if (m->logs)
		print_logs(s);
	else
		print_text(s);
	return !is_written(m) || (m->left && !--m->left);
}

static int idle(void *arg)
{
	(void)arg;
	return stopped;
}

static bool compile(struct monitor *m, int argc, char **argv)
{
	pcap_t *p = pcap_open_dead(DLT_RAW, 65535);
	char text[4096] = "";
	bool ok;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", argv[i]);
	}
	ok = p && !pcap_compile(p, &m->filter, text, 1, PCAP_NETMASK_UNKNOWN);
	if (!ok)
		fprintf(stderr, "bpfilter monitor: %s: %s\n", text, p ? pcap_geterr(p) : strerror(errno));
	if (p)
		pcap_close(p);
	return m->filtered = ok;
}

static bool open_capture(struct monitor *m, const char *path)
{
	m->capture = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!m->capture)
		fprintf(stderr, "bpfilter monitor: cannot write %s: %s\n", path, strerror(errno));
	else
		begin_capture(m->capture);
	return m->capture && is_written(m);
}

static bool options(struct monitor *m, int argc, char **argv)
{
	const char *path = NULL;
	char *end;
	int opt;

	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt(argc, argv, "+djln:w:")) != -1) {
		switch (opt) {
		case 'd':
			m->drops = true;
			break;
		case 'j':
			m->json = true;
			break;
		case 'l':
			m->logs = true;
			break;
		case 'n':
			m->left = strtoul(optarg, &end, 10);
			if (*end || !m->left)
				return bf_cli_usage(argv[0]), false;
			break;
		case 'w':
			path = optarg;
			break;
		default:
			return bf_cli_usage(argv[0]), false;
		}
	}
	if (optind < argc && !compile(m, argc - optind, argv + optind))
		return false;
	return !path || open_capture(m, path);
}

/* The other end of a pipe is gone: no mistake. */
static int end(const struct monitor *m, int status)
{
	int err = m->failed;

	if (m->capture && m->capture != stdout && fclose(m->capture) && !err)
		err = errno;
	if (!err || err == EPIPE)
		return status;
	fprintf(stderr, "bpfilter monitor: cannot write: %s\n", strerror(err));
	return 1;
}

int bf_cmd_monitor(struct bf_ctx *ctx, int argc, char **argv)
{
	const struct sigaction stop = { .sa_handler = on_signal }, go_on = { .sa_handler = SIG_IGN };
	struct monitor m = { 0 };
	int rc = 2;

	if (options(&m, argc, argv)) {
		sigaction(SIGINT, &stop, NULL);
		sigaction(SIGTERM, &stop, NULL);
		sigaction(SIGPIPE, &go_on, NULL); /* or programs would be left that tell nobody */
		rc = bf_monitor(ctx, on_packet, idle, &m);
		rc = rc > 0 ? 0 : bf_cli_result(ctx, argv[0], rc);
	}
	if (m.filtered)
		pcap_freecode(&m.filter);
	return end(&m, rc);
}
