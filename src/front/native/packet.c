/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.c: words to a packet (packet.h). Protocols and keys are two tables;
 * a key is a row: its word, what it is put into, how it is read, how large it
 * may be.
 */
#include "front/native/packet.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/netfilter.h>

#include "front/native/frame.h"
#include "front/native/parse.h"
#include "rule/field.h" /* BF_CT_* */

enum { WORD_MAX = 255, DCCP = 33, IGMP_QUERY = 0x11, ECHO4 = 8, ECHO6 = 128, SYN = 2, ACK = 16 };

struct words {
	struct bf_arena *arena;
	struct bf_diag *diag;
	const char *name, *text;
	unsigned line;
	size_t len, at;       /* at: behind the present word */
	size_t from;          /* where it begins */
	char word[WORD_MAX + 1]; /* "" at the end of the line */
	struct bf_frame_words f;
	struct bf_npacket *p;
	bool any_proto;       /* `proto N` */
	bool call;            /* connect, sendmsg: no source */
	bool has_flags, has_type;
	int err;
};

/* Errors and words. */

static bf_printf_like(2, 3) void say(struct words *w, const char *fmt, ...)
{
	struct bf_loc loc = { w->name, w->line, (unsigned)w->from + 1, (unsigned)BF_MAX(strlen(w->word), (size_t)1) };
	va_list ap;

	va_start(ap, fmt);
	w->err = bf_diag_at(w->diag, "error", &loc, w->text, w->len, -EINVAL, fmt, ap);
	va_end(ap);
}

static bf_printf_like(3, 4) bool fail(struct words *w, const char *hint, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	say(w, "%s%s", what, hint);
	return false;
}

/* How long the next word is, from w->from on. */
static size_t measure(struct words *w)
{
	while (w->at < w->len && isspace((unsigned char)w->text[w->at]))
		w->at++;
	w->from = w->at;
	while (w->at < w->len && !isspace((unsigned char)w->text[w->at]))
		w->at++;
	return w->at - w->from;
}

static bool next(struct words *w)
{
	size_t n = measure(w);

	if (n > WORD_MAX)
		return fail(w, "", "a word of more than %d characters", WORD_MAX);
	memcpy(w->word, w->text + w->from, n);
	w->word[n] = '\0';
	return true;
}

static bool need(struct words *w, const char *what)
{
	return next(w) && (w->word[0] || fail(w, "", "the packet ends here, %s is missing", what));
}

static bool number(struct words *w, const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	if (!isdigit((unsigned char)*s) || *end || errno)
		return fail(w, "", "'%s' is not a number", s);
	return *out <= max || fail(w, "", "%s is more than %llu", s, (unsigned long long)max);
}

/* Protocols. */

static const struct proto {
	const char *name;
	uint8_t number, family; /* 0: either */
	bool ports;
} protos[] = {
	{ "tcp", IPPROTO_TCP, 0, true },
	{ "udp", IPPROTO_UDP, 0, true },
	{ "udplite", IPPROTO_UDPLITE, 0, true },
	{ "sctp", IPPROTO_SCTP, 0, true },
	{ "dccp", DCCP, 0, true },
	{ "icmp", IPPROTO_ICMP, NFPROTO_IPV4, false },
	{ "icmpv6", IPPROTO_ICMPV6, NFPROTO_IPV6, false },
	{ "igmp", IPPROTO_IGMP, NFPROTO_IPV4, false },
	{ "esp", IPPROTO_ESP, 0, false },
	{ "ah", IPPROTO_AH, 0, false },
	{ "gre", IPPROTO_GRE, 0, false },
	{ "arp", 0, NFPROTO_UNSPEC, false },
	{ "proto", 0, 0, false },
	{ "frame", 0, 0, false }, /* all its bytes follow */
	{ "connect", 0, 0, false }, /* a protocol follows */
	{ "sendmsg", 0, 0, false },
};

static bool is_call(const struct proto *p)
{
	return !strcmp(p->name, "connect") || !strcmp(p->name, "sendmsg");
}

static const struct proto *read_proto(struct words *w)
{
	struct bf_suggest s;
	char hint[80];
	uint64_t n;

	if (!need(w, "a protocol"))
		return NULL;
	bf_suggest_start(&s, w->word, strlen(w->word));
	for (size_t i = 0; i < BF_ARRAY_SIZE(protos); i++) {
		bf_suggest_try(&s, protos[i].name);
		if (strcmp(protos[i].name, w->word))
			continue;
		w->any_proto = !strcmp(w->word, "proto");
		w->f.proto = protos[i].number;
		if (w->any_proto && (!need(w, "its number") || !number(w, w->word, 255, &n)))
			return NULL;
		if (w->any_proto)
			w->f.proto = (uint8_t)n;
		return &protos[i];
	}
	fail(w, bf_suggest_text(&s, hint, sizeof(hint)), "a packet begins with its protocol, not with '%s'", w->word);
	return NULL;
}

/* Addresses. */

static bool read_port(struct words *w, const char *s, uint16_t *out)
{
	const struct servent *e;
	uint64_t n;

	if (isdigit((unsigned char)*s)) {
		if (!number(w, s, 65535, &n))
			return false;
		*out = (uint16_t)n;
		return true;
	}
	e = getservbyname(s, NULL);
	if (!e)
		return fail(w, "", "'%s' is no port", s);
	*out = ntohs((uint16_t)e->s_port);
	return true;
}

static bool read_addr(struct words *w, const char *s, bf_u128 *out, uint8_t *family)
{
	uint8_t b[16];
	int n = 4;

	*family = strchr(s, ':') ? NFPROTO_IPV6 : NFPROTO_IPV4;
	if (*family == NFPROTO_IPV6)
		n = 16;
	if (inet_pton(n == 16 ? AF_INET6 : AF_INET, s, b) != 1)
		return fail(w, "", "'%s' is no address", s);
	*out = 0;
	for (int i = 0; i < n; i++)
		*out = *out << 8 | b[i];
	return true;
}

/* ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT. */
static bool read_end(struct words *w, const struct proto *p, bf_u128 *a, uint16_t *port, uint8_t *family)
{
	char s[WORD_MAX + 1], *host = s, *colon;

	if (!need(w, "an address"))
		return false;
	memcpy(s, w->word, sizeof(s));
	if (*s == '[') {
		char *close = strchr(s, ']');

		if (!close || (close[1] && close[1] != ':'))
			return fail(w, "", "an address with a port is written [ADDRESS]:PORT");
		host = s + 1;
		*close = '\0';
		colon = close[1] ? close + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL; /* IPv6 without a port */
	}
	if (colon)
		*colon++ = '\0';
	if (colon && !p->ports)
		return fail(w, "", "%s has no ports", p->name);
	if (colon && !read_port(w, colon, port))
		return false;
	return read_addr(w, host, a, family);
}

static bool read_ends(struct words *w, const struct proto *p)
{
	uint8_t s, d;

	w->f.sport = w->call ? 0 : 40000;
	if (!w->call && (!read_end(w, p, &w->f.saddr, &w->f.sport, &s) || !need(w, "'>'")))
		return false;
	if (!w->call && strcmp(w->word, ">"))
		return fail(w, "", "between source and destination stands '>'");
	if (!read_end(w, p, &w->f.daddr, &w->f.dport, &d))
		return false;
	s = w->call ? d : s;
	if (s != d)
		return fail(w, "", "source and destination are of different families");
	if (!strcmp(p->name, "arp"))
		return s == NFPROTO_IPV4 || fail(w, "", "arp asks for IPv4 addresses");
	if (p->family && p->family != s)
		return fail(w, "", "%s is of the other family", p->name);
	w->f.family = s;
	return true;
}

/* Which of four hooks it is at says the family of its destination. */
static bool read_call(struct words *w, bool sends)
{
	const struct proto *p;

	w->call = true;
	p = read_proto(w);
	if (!p)
		return false;
	if (is_call(p) || !strcmp(p->name, "arp") || !strcmp(p->name, "frame"))
		return fail(w, "", "nobody calls %s() for %s", sends ? "sendmsg" : "connect", p->name);
	if (!read_ends(w, p))
		return false;
	w->p->hook = w->f.family == NFPROTO_IPV6 ? sends ? BF_HOOK_SENDMSG6 : BF_HOOK_CONNECT6
	             : sends                     ? BF_HOOK_SENDMSG4 : BF_HOOK_CONNECT4;
	return w->p->has_hook = true;
}

/* A frame as it is: where its network header begins, and of which family that is. */
static void look_at(struct bf_npacket *p)
{
	uint32_t at = 12;

	while (at + 6 <= p->len && (!memcmp(p->frame + at, "\x81\x00", 2) || !memcmp(p->frame + at, "\x88\xa8", 2)))
		at += 4;
	p->nh = at + 2;
	p->family = NFPROTO_UNSPEC;
	if (!memcmp(p->frame + at, "\x08\x00", 2) && p->len >= p->nh + 20)
		p->family = NFPROTO_IPV4;
	if (!memcmp(p->frame + at, "\x86\xdd", 2) && p->len >= p->nh + 40)
		p->family = NFPROTO_IPV6;
	if (p->frame[0] & 1)
		p->pkttype = memcmp(p->frame, "\xff\xff\xff\xff\xff\xff", 6) ? PACKET_MULTICAST : PACKET_BROADCAST;
}

static bool read_bytes(struct words *w, const uint8_t **out, uint32_t *len);

static bool read_frame(struct words *w)
{
	if (!read_bytes(w, &w->p->frame, &w->p->len))
		return false;
	if (w->p->len < 14)
		return fail(w, "", "a frame begins with an Ethernet header of 14 bytes");
	look_at(w->p);
	return true;
}

/* Keys. */

enum how {
	FLAG,    /* no value: sets a bool */
	NUMBER,  /* max says how wide it is, too */
	NAME,    /* of a device */
	PORT_NO,
	OTHER,   /* read by a function */
};

struct key {
	const char *name;
	enum how how;
	bool words; /* in struct words; else in the packet */
	size_t at;
	uint64_t max;
	bool (*read)(struct words *w, const struct key *k);
	ptrdiff_t said; /* a bool that says that it was said; -1: none */
};

static bool read_type(struct words *w, const struct key *k);
static bool read_flags(struct words *w, const struct key *k);
static bool read_ct(struct words *w, const struct key *k);
static bool read_hook(struct words *w, const struct key *k);
static bool read_macs(struct words *w, const struct key *k);
static bool read_vlan(struct words *w, const struct key *k);
static bool read_frag(struct words *w, const struct key *k);
static bool read_dscp(struct words *w, const struct key *k);
static bool read_pkttype(struct words *w, const struct key *k);
static bool read_status(struct words *w, const struct key *k);
static bool read_payload(struct words *w, const struct key *k);
static bool read_cgroup(struct words *w, const struct key *k);

#define F(m) true, offsetof(struct words, f.m)
#define P(m) false, offsetof(struct bf_npacket, m)
#define NUM(n, where, max) { n, NUMBER, where, max, NULL, -1 }
#define NUM_SAID(n, where, max, s) { n, NUMBER, where, max, NULL, offsetof(struct words, s) }
#define BY(n, f) { n, OTHER, false, 0, 0, f, -1 }

static const struct key keys[] = {
	{ "iif", NAME, P(iif), 0, NULL, -1 },
	{ "oif", NAME, P(oif), 0, NULL, -1 },
	{ "comm", NAME, P(comm), 0, NULL, -1 },
	BY("cgroup", read_cgroup),
	BY("hook", read_hook),
	BY("ct", read_ct),
	BY("ctstatus", read_status),
	NUM("ctmark", P(ctmark), UINT32_MAX),
	NUM("mark", P(mark), UINT32_MAX),
	NUM("priority", P(priority), UINT32_MAX),
	{ "uid", NUMBER, P(uid), UINT32_MAX, NULL, offsetof(struct bf_npacket, has_uid) },
	{ "gid", NUMBER, P(gid), UINT32_MAX, NULL, offsetof(struct bf_npacket, has_gid) },
	BY("pkttype", read_pkttype),
	BY("ether", read_macs),
	BY("vlan", read_vlan),
	NUM("ttl", F(ttl), 255),
	NUM("hoplimit", F(ttl), 255),
	NUM("tos", F(tos), 255),
	BY("dscp", read_dscp),
	NUM("flowlabel", F(flowlabel), 0xfffff),
	NUM("id", F(id), 65535),
	{ "df", FLAG, F(df), 0, NULL, -1 },
	{ "mf", FLAG, F(mf), 0, NULL, -1 },
	BY("frag", read_frag),
	{ "hopopts", FLAG, F(hopopts), 0, NULL, -1 },
	{ "dstopts", FLAG, F(dstopts), 0, NULL, -1 },
	{ "routing", FLAG, F(routing), 0, NULL, -1 },
	NUM("seq", F(seq), UINT32_MAX),
	NUM("ack", F(ack), UINT32_MAX),
	NUM("window", F(window), 65535),
	NUM_SAID("mss", F(mss), 65535, f.has_mss),
	BY("flags", read_flags),
	BY("type", read_type),
	NUM("code", F(code), 255),
	NUM("spi", F(spi), UINT32_MAX),
	NUM("op", F(arp_op), 65535),
	NUM("length", F(payload_len), BF_FRAME_PAYLOAD),
	BY("payload", read_payload),
};

/* A word of a type, or a number. */
static bool read_sym(struct words *w, enum bf_ntype_id type, const char *what, uint64_t max, uint32_t *out)
{
	struct bf_suggest s;
	char hint[80];
	uint64_t n;

	if (isdigit((unsigned char)w->word[0])) {
		if (!number(w, w->word, max, &n))
			return false;
		*out = (uint32_t)n;
		return true;
	}
	if (bf_nsym_find(&bf_ntypes[type], w->word, strlen(w->word), out))
		return true;
	bf_suggest_start(&s, w->word, strlen(w->word));
	for (const struct bf_nsym *y = bf_ntypes[type].syms; y && y->name; y++)
		bf_suggest_try(&s, y->name);
	return fail(w, bf_suggest_text(&s, hint, sizeof(hint)), "'%s' is no %s", w->word, what);
}

/* Words of a type with commas in between, or'ed. */
static bool read_bits(struct words *w, enum bf_ntype_id type, const char *what, uint32_t *out)
{
	char all[WORD_MAX + 1], *save = NULL;
	uint32_t bit;

	if (!need(w, what))
		return false;
	memcpy(all, w->word, sizeof(all));
	*out = 0;
	for (char *s = strtok_r(all, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		snprintf(w->word, sizeof(w->word), "%s", s);
		w->from = w->at - strlen(save ? save : "") - (save && *save ? 1 : 0) - strlen(s);
		if (!read_sym(w, type, what, UINT32_MAX, &bit))
			return false;
		*out |= bit;
	}
	return true;
}

static bool read_type(struct words *w, const struct key *k)
{
	enum bf_ntype_id t = w->f.proto == IPPROTO_ICMPV6 ? BF_T_ICMP6TYPE : w->f.proto == IPPROTO_IGMP ? BF_T_IGMPTYPE
	                     : w->f.proto == DCCP         ? BF_T_DCCPTYPE : BF_T_ICMPTYPE;
	uint32_t v;

	if (!need(w, "a type") || !read_sym(w, t, "type", 255, &v))
		return false;
	w->f.type = (uint8_t)v;
	w->has_type = true;
	return true;
}

static bool read_flags(struct words *w, const struct key *k)
{
	uint32_t v;

	if (!need(w, "flags"))
		return false;
	w->at = w->from;
	if (w->word[0] != '0' || w->word[1]) {
		if (!read_bits(w, BF_T_TCPFLAG, "flag of TCP", &v))
			return false;
	} else {
		v = 0;
		next(w);
	}
	w->f.flags = (uint8_t)v;
	w->has_flags = true;
	return true;
}

/* States as the key has them: nft's untracked is another bit than xtables'. */
static const struct {
	const char *name;
	uint32_t bits;
} states[] = {
	{ "new", 8 }, { "established", 2 }, { "related", 4 }, { "invalid", 1 | BF_CT_NONE }, { "untracked", 256 | BF_CT_NONE },
	{ "reply", BF_CT_REPLY }, { "original", 0 }, { "snat", 64 }, { "dnat", 128 },
};

static bool read_state(struct words *w, const char *s)
{
	struct bf_suggest g;
	char hint[80];

	bf_suggest_start(&g, s, strlen(s));
	for (size_t i = 0; i < BF_ARRAY_SIZE(states); i++) {
		bf_suggest_try(&g, states[i].name);
		if (strcmp(states[i].name, s))
			continue;
		w->p->ctstate |= states[i].bits;
		return true;
	}
	return fail(w, bf_suggest_text(&g, hint, sizeof(hint)), "'%s' is no state of a connection", s);
}

static bool read_ct(struct words *w, const struct key *k)
{
	char all[WORD_MAX + 1], *save = NULL;

	if (!need(w, "a state"))
		return false;
	memcpy(all, w->word, sizeof(all));
	for (char *s = strtok_r(all, ",", &save); s; s = strtok_r(NULL, ",", &save))
		if (!read_state(w, s))
			return false;
	w->p->has_ct = true;
	return true;
}

static bool read_status(struct words *w, const struct key *k)
{
	return read_bits(w, BF_T_CTSTATUS, "status of a connection", &w->p->ctstatus);
}

static bool read_hook(struct words *w, const struct key *k)
{
	struct bf_suggest s;
	char hint[80];

	if (!need(w, "a hook"))
		return false;
	bf_suggest_start(&s, w->word, strlen(w->word));
	for (unsigned h = 0; h < BF_HOOKS; h++) {
		bf_suggest_try(&s, bf_hook_kinds[h].name);
		if (strcmp(bf_hook_kinds[h].name, w->word))
			continue;
		w->p->hook = (uint8_t)h;
		return w->p->has_hook = true;
	}
	return fail(w, bf_suggest_text(&s, hint, sizeof(hint)), "there is no hook '%s'", w->word);
}

static bool read_mac(struct words *w, uint8_t *mac)
{
	unsigned b[6];
	char end;

	if (!need(w, "an address") ||
	    sscanf(w->word, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6)
		return !w->err && fail(w, "", "'%s' is no address of Ethernet", w->word);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return true;
}

static bool read_macs(struct words *w, const struct key *k)
{
	if (!read_mac(w, w->f.smac) || !need(w, "'>'"))
		return false;
	if (strcmp(w->word, ">"))
		return fail(w, "", "between source and destination stands '>'");
	return read_mac(w, w->f.dmac);
}

static bool read_vlan(struct words *w, const struct key *k)
{
	uint64_t n;

	if (!need(w, "an id") || !number(w, w->word, 4095, &n))
		return false;
	if (w->f.n_vlan == BF_FRAME_TAGS)
		return fail(w, "", "more than %d tags", BF_FRAME_TAGS);
	w->f.vlan[w->f.n_vlan++] = (uint16_t)n;
	return true;
}

static bool read_frag(struct words *w, const struct key *k)
{
	uint64_t n;

	if (!need(w, "where the fragment begins") || !number(w, w->word, 65528, &n))
		return false;
	if (n % 8)
		return fail(w, "", "fragments begin at multiples of 8");
	w->f.frag = (uint32_t)n;
	return w->f.is_frag = true;
}

static bool read_dscp(struct words *w, const struct key *k)
{
	uint32_t v;

	if (!need(w, "a class") || !read_sym(w, BF_T_DSCP, "DSCP", 63, &v))
		return false;
	w->f.tos = (uint8_t)((w->f.tos & 3) | v << 2);
	return true;
}

static bool read_pkttype(struct words *w, const struct key *k)
{
	uint32_t v;

	if (!need(w, "a type") || !read_sym(w, BF_T_PKTTYPE, "packet type", 7, &v))
		return false;
	w->p->pkttype = (uint8_t)v;
	return true;
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* The next word: a byte is two digits. */
static bool read_bytes(struct words *w, const uint8_t **out, uint32_t *len)
{
	size_t n = measure(w);
	const char *s = w->text + w->from;
	uint8_t *b = bf_arena_alloc(w->arena, n / 2 + 1);

	w->word[0] = '\0';
	if (!b)
		return w->err = -ENOMEM, false;
	if (!n || n % 2 || n / 2 > BF_FRAME_PAYLOAD)
		return fail(w, "", "bytes are written as pairs of hexadecimal digits, at most %d of them", BF_FRAME_PAYLOAD);
	for (size_t i = 0; i < n; i++) {
		if (hex(s[i]) < 0) {
			w->from += i;
			return fail(w, "", "'%c' is no hexadecimal digit", s[i]);
		}
		b[i / 2] = (uint8_t)(b[i / 2] << 4 | hex(s[i]));
	}
	*out = b;
	*len = (uint32_t)n / 2;
	return true;
}

static bool read_payload(struct words *w, const struct key *k)
{
	bool ok = read_bytes(w, &w->f.payload, &w->f.payload_bytes);

	w->f.payload_len = w->f.payload_bytes; /* `length` behind it says otherwise */
	return ok;
}

static bool read_cgroup(struct words *w, const struct key *k)
{
	if (!need(w, "the path of a control group"))
		return false;
	w->p->cgroup = bf_arena_strdup(w->arena, w->word);
	if (!w->p->cgroup)
		w->err = -ENOMEM;
	return w->p->cgroup;
}

static void store(void *to, uint64_t v, uint64_t max)
{
	if (max > UINT16_MAX || max == BF_FRAME_PAYLOAD)
		*(uint32_t *)to = (uint32_t)v;
	else if (max > UINT8_MAX)
		*(uint16_t *)to = (uint16_t)v;
	else
		*(uint8_t *)to = (uint8_t)v;
}

static bool read_value(struct words *w, const struct key *k)
{
	char *base = k->words ? (char *)w : (char *)w->p, *to = base + k->at;
	uint64_t n;

	switch (k->how) {
	case FLAG:
		*(bool *)to = true;
		return true;
	case NUMBER:
		if (!need(w, "a number") || !number(w, w->word, k->max, &n))
			return false;
		store(to, n, k->max);
		break;
	case NAME:
		if (!need(w, k->at == offsetof(struct bf_npacket, comm) ? "the name of a task" : "the name of a device"))
			return false;
		if (strlen(w->word) > 15)
			return fail(w, "", "names of devices and tasks have at most 15 characters");
		memcpy(to, w->word, strlen(w->word) + 1);
		break;
	default:
		return k->read(w, k);
	}
	if (k->said >= 0)
		*(bool *)(base + k->said) = true;
	return true;
}

static bool is_of_frame(const struct key *k)
{
	return k->words || k->read == read_type || k->read == read_flags || k->read == read_macs || k->read == read_vlan ||
	       k->read == read_frag || k->read == read_dscp || k->read == read_payload;
}

static bool read_key(struct words *w)
{
	struct bf_suggest s;
	char hint[80];

	bf_suggest_start(&s, w->word, strlen(w->word));
	for (size_t i = 0; i < BF_ARRAY_SIZE(keys); i++) {
		bf_suggest_try(&s, keys[i].name);
		if (strcmp(keys[i].name, w->word))
			continue;
		if (w->p->frame && is_of_frame(&keys[i]))
			return fail(w, "", "the bytes of the frame say that");
		return read_value(w, &keys[i]);
	}
	return fail(w, bf_suggest_text(&s, hint, sizeof(hint)), "unknown word '%s'", w->word);
}

/* What was not said. */

static bool is_multicast(const struct bf_frame_words *f)
{
	return f->family == NFPROTO_IPV6 ? f->daddr >> 120 == 0xff : f->daddr >> 28 == 0xe;
}

static void defaults(struct words *w)
{
	struct bf_frame_words *f = &w->f;

	f->ttl = 64;
	f->window = 64240;
	f->arp_op = 1;
	memcpy(f->smac, "\x02\0\0\0\0\x01", 6);
	memcpy(f->dmac, "\x02\0\0\0\0\x02", 6);
	if (is_multicast(f))
		w->p->pkttype = PACKET_MULTICAST;
	if (f->family == NFPROTO_IPV4 && f->daddr == UINT32_MAX)
		w->p->pkttype = PACKET_BROADCAST;
}

static void derive(struct words *w)
{
	struct bf_frame_words *f = &w->f;

	if (!w->has_flags)
		f->flags = w->p->has_ct && w->p->ctstate & 2 ? ACK : SYN;
	if (!w->has_type && f->proto != DCCP)
		f->type = f->proto == IPPROTO_ICMPV6 ? ECHO6 : f->proto == IPPROTO_IGMP ? IGMP_QUERY : ECHO4;
	f->is_frag |= f->mf;
	if (!w->p->has_ct)
		w->p->ctstate = 8;
}

static bool check(struct words *w)
{
	const struct bf_frame_words *f = &w->f;

	if (f->family != NFPROTO_IPV6 && (f->hopopts || f->dstopts || f->routing))
		return fail(w, "", "only IPv6 has extension headers");
	return f->is_frag == 0 || f->family != NFPROTO_UNSPEC || fail(w, "", "arp has no fragments");
}

int bf_native_packet(struct bf_arena *a, const char *name, unsigned line, const char *text, size_t len,
                     struct bf_npacket *out, struct bf_diag *d)
{
	struct words w = { .arena = a, .diag = d, .name = name, .line = line, .text = text, .len = len, .p = out };
	const struct proto *p;

	memset(out, 0, sizeof(*out));
	out->cgroup = "/";
	p = read_proto(&w);
	if (p && (is_call(p) ? read_call(&w, *p->name == 's') : !strcmp(p->name, "frame") ? read_frame(&w) : read_ends(&w, p))) {
		defaults(&w);
		while (next(&w) && w.word[0] && read_key(&w))
			;
	}
	if (!w.err)
		derive(&w);
	if (w.err || out->frame || !check(&w))
		return w.err;
	out->family = w.f.family;
	out->frame = bf_frame_make(a, &w.f, &out->len, &out->nh);
	return out->frame ? 0 : -ENOMEM;
}
