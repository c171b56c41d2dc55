/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.c: the packets of a capture as lines "frame BYTES WORDS". Those that
 * have no Ethernet header get one:
 *
 *   "any" device:  cooked header with the protocol | packet      loopback of BSD:  4 bytes | packet
 *
 * Whoever captured may have been killed, or the file cut or damaged on its way:
 * packets before that are taken, and it is an error.
 */
#include <net/ethernet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "summary.h"

enum { FRAME_MAX = 65000, NONE = -1 };

static const struct link {
	int type;
	unsigned header;
	int protocol; /* where in the header; NONE: the packet's first bits tell */
} links[] = {
	{ DLT_EN10MB, 0, NONE }, { DLT_RAW, 0, NONE }, { DLT_IPV4, 0, NONE }, { DLT_IPV6, 0, NONE },
	{ DLT_NULL, 4, NONE }, { DLT_LOOP, 4, NONE }, { DLT_LINUX_SLL, 16, 14 }, { DLT_LINUX_SLL2, 20, 0 },
};

struct capture {
	FILE *to;
	const char *path, *words;
	const struct link *link;
	bool verbose;          /* packets are shown byte by byte */
	unsigned long n, left; /* packets; of these left out */
	u_char frame[FRAME_MAX];
};

/* What stands behind "#" is shown in place of the packet. */
static void put_name(const struct capture *c, const struct pcap_pkthdr *h, unsigned len)
{
	char when[16];
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&h->ts.tv_sec, &tm));
	fprintf(c->to, " # %s.%06ld ", when, (long)h->ts.tv_usec);
	bf_cli_summary_frame(c->to, c->frame, len);
	fprintf(c->to, " length %u%s%s", h->len, *c->words ? " " : "", c->words);
}

/* Of the frame; 0: there is not even a packet's first byte. */
static unsigned make_frame(struct capture *c, const u_char *p, unsigned len)
{
	static const u_char from_to[ETHER_ADDR_LEN * 2] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	unsigned skip = c->link->header, at = c->link->type == DLT_EN10MB ? 0 : ETHER_HDR_LEN;

	if (len < skip + (at ? 1u : ETHER_HDR_LEN))
		return 0;
	len = len - skip < FRAME_MAX - at ? len - skip : FRAME_MAX - at;
	memcpy(c->frame, from_to, sizeof(from_to));
	if (c->link->protocol != NONE)
		memcpy(c->frame + sizeof(from_to), p + c->link->protocol, 2);
	else
		memcpy(c->frame + sizeof(from_to), p[skip] >> 4 == 6 ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(c->frame + at, p + skip, len);
	return at + len;
}

static void put_packet(struct capture *c, const struct pcap_pkthdr *h, const u_char *p)
{
	unsigned len = make_frame(c, p, h->caplen);

	c->n++;
	if (!len) {
		c->left++;
		return;
	}
	fputs("frame ", c->to);
	for (unsigned i = 0; i < len; i++)
		fprintf(c->to, "%02x", c->frame[i]);
	fprintf(c->to, " %s", c->words);
	if (!c->verbose)
		put_name(c, h, len);
	fputc('\n', c->to);
}

static bool put_packets(struct capture *c, pcap_t *from)
{
	struct pcap_pkthdr *h;
	const u_char *p;
	int rc;

	while ((rc = pcap_next_ex(from, &h, &p)) == 1)
		put_packet(c, h, p);
	if (rc == PCAP_ERROR)
		fprintf(stderr, "bpfilter test: %s: behind packet %lu: %s\n", c->path, c->n, pcap_geterr(from));
	else if (c->left)
		fprintf(stderr, "bpfilter test: %s: %lu of %lu packets left out, they are shorter than their first header\n", c->path, c->left,
		        c->n);
	return rc != PCAP_ERROR;
}

static const struct link *find_link(pcap_t *from, const char *path)
{
	int type = pcap_datalink(from);
	const char *name = pcap_datalink_val_to_description(type);

	for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].type == type)
			return &links[i];
	fprintf(stderr, "bpfilter test: %s: its packets begin with %s (%d); Ethernet, IP, and what tcpdump -i any makes are understood\n",
	        path, name ? name : "something", type);
	return NULL;
}

static char *read_from(pcap_t *from, const char *path, const char *words, bool verbose, bool *whole)
{
	struct capture *c = calloc(1, sizeof(*c));
	char *text = NULL;
	size_t len;

	*whole = false;
	if (c && (c->link = find_link(from, path))) {
		c->path = path;
		c->words = words;
		c->verbose = verbose;
		c->to = open_memstream(&text, &len);
		*whole = c->to && put_packets(c, from);
		if (c->to && (ferror(c->to) | fclose(c->to))) {
			fprintf(stderr, "bpfilter test: %s: no memory for its packets\n", path);
			free(text);
			text = NULL;
		}
	}
	free(c);
	return text;
}

char *bf_cli_capture(const char *path, const char *words, bool verbose, bool *whole)
{
	char error[PCAP_ERRBUF_SIZE], *text;
	pcap_t *from = pcap_open_offline(path, error);

	if (!from) {
		fprintf(stderr, "bpfilter test: %s%s%s\n", strstr(error, path) ? "" : path, strstr(error, path) ? "" : ": ", error);
		return NULL;
	}
	text = read_from(from, path, words, verbose, whole);
	pcap_close(from);
	return text;
}
