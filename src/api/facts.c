/* SPDX-License-Identifier: GPL-2.0-only */
/* facts.c: see facts.h. */
#include "api/facts.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>

#include "base/hook.h"

enum { NO_DIR = 2 << 8, SECOND = 1000000000 };

static struct bf_device look_up(int sock, const char name[16])
{
	struct bf_device d = { .type = ARPHRD_ETHER };
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, name, sizeof(r.ifr_name));
	if (!*name || ioctl(sock, SIOCGIFINDEX, &r))
		return d;
	d.index = (uint32_t)r.ifr_ifindex;
	if (!ioctl(sock, SIOCGIFHWADDR, &r))
		d.type = r.ifr_hwaddr.sa_family;
	return d;
}

void bf_facts_begin(struct bf_facts *f, const struct bf_npacket *p, int sock)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	*f = (struct bf_facts){ .p = p, .now = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec,
		.iif = look_up(sock, p->iif), .oif = look_up(sock, p->oif) };
	if (getrandom(&f->random, sizeof(f->random), 0) < 0)
		f->random = 0;
}

static void words(struct bf_facts *f, uint32_t loader, uint64_t arg, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	if (f->n < BF_TRIAL_LOADS)
		f->given->load[f->n++] = (struct bf_rt_trial_load){ loader, 1, arg, { a, b, c, d } };
}

/* As loaders of nft's values leave it: right-aligned. */
static void value(struct bf_facts *f, uint32_t loader, uint64_t arg, uint64_t v)
{
	words(f, loader, arg, 0, 0, (uint32_t)(v >> 32), (uint32_t)v);
}

static void meta(struct bf_facts *f, enum bf_meta_key key, uint64_t v)
{
	value(f, BF_LOAD_META, key, v);
}

static void add_device(struct bf_facts *f, const struct bf_device *d, bool there, enum bf_meta_key index,
                       enum bf_meta_key type, enum bf_meta_key group)
{
	meta(f, index, there ? d->index : 0);
	if (!there)
		return;
	meta(f, type, d->type);
	meta(f, group, 0);
}

static void add_clock(struct bf_facts *f)
{
	uint64_t seconds = f->now / SECOND;

	meta(f, BF_META_TIME, f->now);
	meta(f, BF_META_DAY, (seconds / 86400 + 4) % 7);
	meta(f, BF_META_HOUR, seconds % 86400);
}

static void add_address(struct bf_facts *f, const struct bf_packet *s, uint32_t loader, unsigned dir, bf_u128 a)
{
	if (s->family == NFPROTO_IPV4)
		words(f, loader, dir, (uint32_t)a, 0, 0, 0);
	else
		words(f, loader, dir, (uint32_t)(a >> 96), (uint32_t)(a >> 64), (uint32_t)(a >> 32), (uint32_t)a);
}

static bf_u128 address(const struct bf_packet *s, uint32_t at)
{
	uint32_t n = s->family == NFPROTO_IPV4 ? 4 : 16;
	bf_u128 a = 0;

	for (uint32_t i = 0; i < n && at + i < s->len; i++)
		a = a << 8 | s->data[at + i];
	return a;
}

/* The connection is that of this packet, seen in the direction that its state says; nothing translates it. */
static void make_connection(struct bf_packet *s)
{
	uint32_t at = s->family == NFPROTO_IPV4 ? 12 : 8, n = s->family == NFPROTO_IPV4 ? 4 : 16;
	unsigned mine = s->ctstate & BF_CT_REPLY ? 1 : 0;
	struct bf_l4 l4;

	bf_packet_l4(s, &l4);
	s->ct.proto = l4.proto;
	s->ct.saddr[mine] = s->ct.daddr[!mine] = address(s, at);
	s->ct.daddr[mine] = s->ct.saddr[!mine] = address(s, at + n);
	if (l4.bad || l4.frag || l4.avail < 4)
		return;
	s->ct.sport[mine] = s->ct.dport[!mine] = (uint16_t)(s->data[l4.off] << 8 | s->data[l4.off + 1]);
	s->ct.dport[mine] = s->ct.sport[!mine] = (uint16_t)(s->data[l4.off + 2] << 8 | s->data[l4.off + 3]);
}

static void add_connection(struct bf_facts *f, struct bf_packet *s)
{
	if (s->ctstate & BF_CT_NONE || (s->family != NFPROTO_IPV4 && s->family != NFPROTO_IPV6))
		return;
	make_connection(s);
	words(f, BF_LOAD_CT_PROTO, 0, s->ct.proto, 0, 0, 0);
	words(f, BF_LOAD_CT_EXPIRES, 0, 0, 0, 0, 0);
	for (unsigned dir = 0; dir < 2; dir++) {
		add_address(f, s, BF_LOAD_CT_SRC, dir, s->ct.saddr[dir]);
		add_address(f, s, BF_LOAD_CT_DST, dir, s->ct.daddr[dir]);
		words(f, BF_LOAD_CT_SPORT, dir, s->ct.sport[dir], 0, 0, 0);
		words(f, BF_LOAD_CT_DPORT, dir, s->ct.dport[dir], 0, 0, 0);
	}
	value(f, BF_LOAD_CONN, BF_CONN_MARK | NO_DIR, f->p->ctmark);
	value(f, BF_LOAD_CONN, BF_CONN_FAMILY | NO_DIR, s->family);
	value(f, BF_LOAD_CONN, BF_CONN_EXPIRES | NO_DIR, 0);
	value(f, BF_LOAD_CONN, BF_CONN_ZONE | NO_DIR, 0);
	value(f, BF_LOAD_CONN, BF_CONN_PACKETS | NO_DIR, 0);
	value(f, BF_LOAD_CONN, BF_CONN_BYTES | NO_DIR, 0);
}

static void add_comm(struct bf_facts *f)
{
	const char *c = f->p->comm;
	uint32_t w[4];

	for (int i = 0; i < 4; i++)
		w[i] = (uint32_t)(uint8_t)c[4 * i] << 24 | (uint32_t)(uint8_t)c[4 * i + 1] << 16 |
		       (uint32_t)(uint8_t)c[4 * i + 2] << 8 | (uint8_t)c[4 * i + 3];
	words(f, BF_LOAD_META, BF_META_COMM, w[0], w[1], w[2], w[3]);
}

/* One of some numbers by a packet's flow, as programs take it: sums and products of both ends. */

static uint32_t mix(uint32_t h, uint32_t v)
{
	h = (h ^ v) * 0x85ebca6bu;
	return h ^ h >> 15;
}

static uint32_t flow_hash(const struct bf_packet *s)
{
	uint32_t at = s->family == NFPROTO_IPV4 ? 12 : 8, n = s->family == NFPROTO_IPV4 ? 1 : 4, from = 0, to = 0, h;
	struct bf_l4 l4;

	bf_packet_l4(s, &l4);
	h = l4.proto;
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t src = 0, dst = 0;

		for (uint32_t k = 0; i < n && k < 4; k++) {
			src = src << 8 | s->data[at + 4 * i + k];
			dst = dst << 8 | s->data[at + 4 * (n + i) + k];
		}
		h = mix(mix(h, src + dst), src ^ dst);
	}
	if (!l4.bad && !l4.frag && l4.avail >= 4) {
		from = (uint32_t)(s->data[l4.off] << 8 | s->data[l4.off + 1]);
		to = (uint32_t)(s->data[l4.off + 2] << 8 | s->data[l4.off + 3]);
	}
	return mix(mix(h, from + to), from ^ to);
}

static void note_asked(struct bf_facts *f, const char *text, uint64_t arg)
{
	for (uint32_t i = 0; i < f->n_asked; i++)
		if (f->asked[i].arg == arg && (text == f->asked[i].text || (text && f->asked[i].text && !strcmp(text, f->asked[i].text))))
			return;
	if (f->n_asked < BF_ASKED_MAX)
		f->asked[f->n_asked++] = (struct bf_asked){ text, arg };
}

static void print_fib(struct bf_buf *out, unsigned what, unsigned flags)
{
	static const char *const of[] = { "saddr", "daddr", "mark", "iif", "oif" };
	static const char *const results[] = { [NFT_FIB_RESULT_OIF] = "oif", [NFT_FIB_RESULT_OIFNAME] = "oifname",
		                                   [NFT_FIB_RESULT_ADDRTYPE] = "type" };
	const char *dot = " ";

	bf_buf_puts(out, "fib");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(of); i++)
		if (flags & 1u << i) {
			bf_buf_printf(out, "%s%s", dot, of[i]);
			dot = " . ";
		}
	bf_buf_printf(out, " %s", what < BF_ARRAY_SIZE(results) && results[what] ? results[what] : "");
}

static void print_socket(struct bf_buf *out, unsigned what)
{
	static const char *const keys[] = { [NFT_SOCKET_TRANSPARENT] = "transparent", [NFT_SOCKET_MARK] = "mark",
		                                [NFT_SOCKET_WILDCARD] = "wildcard", [NFT_SOCKET_CGROUPV2] = "cgroupv2" };

	bf_buf_printf(out, "socket %s", what < BF_ARRAY_SIZE(keys) ? keys[what] : "");
}

static void print_question(struct bf_buf *out, uint64_t arg)
{
	switch (arg & 0xff) {
	case BF_ASSIST_FIB: return print_fib(out, arg >> 8 & 0xff, arg >> 16 & 0xff);
	case BF_ASSIST_META: return bf_buf_puts(out, "meta sdifname");
	case BF_ASSIST_RT: return bf_buf_puts(out, "rt mtu");
	case BF_ASSIST_CT: return bf_buf_puts(out, "ct id");
	default: return print_socket(out, arg >> 8 & 0xff);
	}
}

void bf_facts_print_asked(struct bf_buf *out, const struct bf_facts *f)
{
	for (uint32_t i = 0; i < f->n_asked; i++) {
		const struct bf_asked *a = &f->asked[i];

		bf_buf_puts(out, !i ? ", if " : i + 1 < f->n_asked ? ", " : " and ");
		if (a->text)
			bf_buf_puts(out, a->text);
		else
			print_question(out, a->arg);
	}
	if (f->n_asked)
		bf_buf_puts(out, f->n_asked > 1 ? " find nothing" : " finds nothing");
}

/* The interpreter's questions. */
static bool load(const struct bf_packet *s, uint32_t loader, uint64_t arg, bf_u128 *v)
{
	struct bf_facts *f = s->user;

	if (loader == BF_LOAD_ANSWER)
		note_asked(f, NULL, arg);
	if (loader == BF_LOAD_PICK) {
		uint64_t from = arg & 1 ? flow_hash(s) : f->random;

		*v = (from * (arg >> 32) >> 32) + ((uint32_t)arg >> 1);
		return true;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		const struct bf_rt_trial_load *l = &f->given->load[i];

		if (l->loader != loader || l->arg != arg)
			continue;
		*v = 0;
		for (int k = 0; k < 4; k++)
			*v = *v << 32 | l->value[k];
		return true;
	}
	return false;
}

static bool assist(const struct bf_packet *s, const struct bf_assist *a)
{
	struct bf_facts *f = s->user;

	note_asked(f, a->text ? a->text : a->name, 0);
	return false;
}

void bf_facts_at(struct bf_facts *f, struct bf_rt_trial *given, struct bf_packet *s)
{
	uint32_t can = bf_hook_kinds[s->hook].can;

	f->given = given;
	f->n = 0;
	memset(given->load, 0, sizeof(given->load));
	given->random = f->random;
	meta(f, BF_META_PROTOCOL, s->protocol);
	meta(f, BF_META_PRIORITY, f->p->priority);
	meta(f, BF_META_RANDOM, f->random);
	meta(f, BF_META_CPU, 0);
	meta(f, BF_META_IPSEC, 0);
	meta(f, BF_META_SDIF, 0);
	add_device(f, &f->iif, can & BF_CAN_IIF && *f->p->iif, BF_META_IIF, BF_META_IIFTYPE, BF_META_IIFGROUP);
	add_device(f, &f->oif, can & BF_CAN_OIF && *f->p->oif, BF_META_OIF, BF_META_OIFTYPE, BF_META_OIFGROUP);
	add_clock(f);
	if (can & BF_CAN_CT)
		add_connection(f, s);
	if (*f->p->comm)
		add_comm(f);
	s->has_mac = can & BF_CAN_LINK && s->link_len && (can & BF_CAN_IIF && *f->p->iif ? f->iif : f->oif).type == ARPHRD_ETHER;
	if (s->has_mac)
		words(f, BF_LOAD_ETHER_SADDR, 0, (uint32_t)(s->ether_saddr[0] << 8 | s->ether_saddr[1]),
		      (uint32_t)s->ether_saddr[2] << 24 | (uint32_t)s->ether_saddr[3] << 16 | (uint32_t)s->ether_saddr[4] << 8 |
		      s->ether_saddr[5], 0, 0);
	s->load = load;
	s->assist = assist;
	s->user = f;
}
