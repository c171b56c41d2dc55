/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_test.c: `bpfilter test [-j] [-v] PACKET | -f FILE | -r CAPTURE [WORDS]` */
#include <errno.h>
#include <getopt.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "summary.h"

/* The words of one packet, as one line. */
static char *join(int argc, char **argv)
{
	size_t len = 2;
	char *text, *end;

	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	text = end = calloc(1, len);
	for (int i = 0; text && i < argc; i++)
		end += sprintf(end, "%s%s", i ? " " : "", argv[i]);
	return text;
}

static char *read_all(FILE *f)
{
	size_t len = 0, room = 0;
	char *text = NULL;

	do {
		char *more = realloc(text, room += 65536);

		if (!more)
			return free(text), NULL;
		text = more;
		len += fread(text + len, 1, room - len - 1, f);
		text[len] = '\0';
	} while (!feof(f) && !ferror(f));
	return text;
}

static char *read_file(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = f ? read_all(f) : NULL;

	if (!text)
		fprintf(stderr, "bpfilter test: cannot read %s: %s\n", path, strerror(errno));
	if (f && f != stdin)
		fclose(f);
	return text;
}

struct capture {
	FILE *to;
	const char *words;
	bool raw;     /* packets begin with an IP header */
	bool verbose; /* they are shown byte by byte */
};

/* What stands behind "#" is shown in place of the packet. */
static void put_name(const struct capture *c, const struct pcap_pkthdr *h, const u_char *p)
{
	char when[16];
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&h->ts.tv_sec, &tm));
	fprintf(c->to, " # %s.%06ld ", when, (long)h->ts.tv_usec);
	(c->raw ? bf_cli_summary : bf_cli_summary_frame)(c->to, p, h->caplen);
	fprintf(c->to, " length %u%s%s", h->len, *c->words ? " " : "", c->words);
}

/* The packets of a capture as lines "frame BYTES WORDS": those that begin with an IP header get an Ethernet header. */
static void put_packet(const struct capture *c, const struct pcap_pkthdr *h, const u_char *p)
{
	FILE *to = c->to;

	fputs("frame ", to);
	if (c->raw && h->caplen)
		fputs(p[0] >> 4 == 6 ? "02000000000202000000000186dd" : "0200000000020200000000010800", to);
	for (bpf_u_int32 i = 0; i < h->caplen; i++)
		fprintf(to, "%02x", p[i]);
	fprintf(to, " %s", c->words);
	if (!c->verbose)
		put_name(c, h, p);
	fputc('\n', to);
}

static char *read_capture(const char *path, const char *words, bool verbose)
{
	char error[PCAP_ERRBUF_SIZE], *text = NULL;
	struct capture to = { .words = words, .verbose = verbose };
	pcap_t *c = pcap_open_offline(path, error);
	struct pcap_pkthdr *h;
	const u_char *p;
	size_t len;
	int link;

	if (!c) {
		fprintf(stderr, "bpfilter test: %s%s%s\n", strstr(error, path) ? "" : path, strstr(error, path) ? "" : ": ", error);
		return NULL;
	}
	link = pcap_datalink(c);
	to.to = open_memstream(&text, &len);
	to.raw = link == DLT_RAW;
	if (link != DLT_EN10MB && link != DLT_RAW)
		fprintf(stderr, "bpfilter test: %s: its packets begin with %s; Ethernet and raw IP are understood\n", path,
		        pcap_datalink_val_to_description(link));
	while (to.to && (link == DLT_EN10MB || link == DLT_RAW) && pcap_next_ex(c, &h, &p) == 1)
		put_packet(&to, h, p);
	if (to.to)
		fclose(to.to);
	pcap_close(c);
	if (link != DLT_EN10MB && link != DLT_RAW) {
		free(text);
		return NULL;
	}
	return text;
}

static int test(struct bf_ctx *ctx, const char *name, char *packets, unsigned flags)
{
	char *text = NULL;
	int rc, status = 1;

	if (!packets)
		return 1;
	rc = bf_test(ctx, name, packets, flags, &text);
	free(packets);
	if (rc >= 0)
		status = bf_cli_print(text);
	free(text);
	if (bf_cli_result(ctx, "test", rc))
		return 1;
	if (rc)
		fprintf(stderr, "bpfilter test: the programs and the interpreter do not agree: a fault of bpfilter's\n");
	return rc ? 1 : status;
}

int bf_cmd_test(struct bf_ctx *ctx, int argc, char **argv)
{
	const char *file = NULL, *capture = NULL;
	char *words, *text;
	unsigned flags = 0;
	bool verbose = false;
	int opt;

	optind = 0; /* glibc: forget the last scan */
	while ((opt = getopt(argc, argv, "+jvf:r:")) != -1) {
		if (opt == 'j')
			flags |= BF_TEST_JSON;
		else if (opt == 'v')
			verbose = true;
		else if (opt == 'f')
			file = optarg;
		else if (opt == 'r')
			capture = optarg;
		else
			return bf_cli_usage(argv[0]);
	}
	if ((file && (capture || optind != argc)) || (!file && !capture && optind == argc))
		return bf_cli_usage(argv[0]);
	if (file)
		return test(ctx, file, read_file(file), flags);
	words = join(argc - optind, argv + optind);
	if (!capture || !words)
		return test(ctx, "packet", words, flags);
	text = read_capture(capture, words, verbose);
	free(words);
	return test(ctx, capture, text, flags);
}
