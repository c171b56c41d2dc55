/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen_print.c: a set in iptables-save's format and as nft has it. Rules
 * go out chain by chain, in their order within each.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "classgen.h"

/* Rules' numbers by chain: those of chain c are order[start[c]] .. order[start[c + 1] - 1]. */
struct by_chain {
	uint32_t *start, *order;
};

static struct by_chain sort_by_chain(const struct cg_set *s)
{
	struct by_chain b = {calloc(s->n_chains + 2, 4), calloc(s->n + 1, 4)};

	if (!b.start || !b.order) {
		perror("classgen");
		exit(1);
	}
	for (size_t i = 0; i < s->n; i++)
		b.start[s->rules[i].chain + 2]++;
	for (size_t c = 2; c < s->n_chains + 2; c++)
		b.start[c] += b.start[c - 1];
	for (size_t i = 0; i < s->n; i++)
		b.order[b.start[s->rules[i].chain + 1]++] = (uint32_t)i;
	return b;
}

static void free_by_chain(struct by_chain *b)
{
	free(b->start);
	free(b->order);
}

static const char *put_addr(char *p, size_t room, const struct cg_addr *a, bool v6)
{
	struct cg_addr net;

	for (unsigned i = 0; i < 4; i++)
		net.w[i] = htonl(a->w[i]);
	return inet_ntop(v6 ? AF_INET6 : AF_INET, &net, p, (socklen_t)room);
}

static bool any(struct cg_range r)
{
	return r.lo == 0 && r.hi == 65535;
}

static const char *proto_name(uint8_t proto)
{
	static char number[4];

	switch (proto) {
	case CG_TCP:
		return "tcp";
	case CG_UDP:
		return "udp";
	case CG_ICMP:
		return "icmp";
	case CG_ICMP6:
		return "ipv6-icmp";
	default:
		snprintf(number, sizeof(number), "%u", proto);
		return number;
	}
}

static const char *device(uint8_t n)
{
	static char name[8];

	if (n == 1)
		return "in0";
	snprintf(name, sizeof(name), "br%u", n);
	return name;
}

static void range(FILE *out, const char *before, struct cg_range r, char between)
{
	if (any(r))
		return;
	if (r.lo == r.hi)
		fprintf(out, "%s%u", before, r.lo);
	else
		fprintf(out, "%s%u%c%u", before, r.lo, between, r.hi);
}

static void iptables_addr(FILE *out, const struct cg_set *s, const struct cg_rule *r, unsigned which)
{
	char a[48], m[48];

	if (!r->len[which])
		return;
	put_addr(a, sizeof(a), &r->addr[which], s->v6);
	if (r->len[which] == CG_MASKED)
		fprintf(out, " -%c %s/%s", "sd"[which], a,
			put_addr(m, sizeof(m), &(struct cg_addr){{r->mask[which]}}, false));
	else
		fprintf(out, " -%c %s/%u", "sd"[which], a, r->len[which]);
}

static void iptables_target(FILE *out, const struct cg_set *s, uint32_t to)
{
	static const char *const names[] = {"", " -j ACCEPT", " -j DROP", " -j RETURN"};

	if (to >= CG_JUMP)
		fprintf(out, " -j %s\n", s->chains[to - CG_JUMP]);
	else
		fprintf(out, "%s\n", names[to]);
}

static void iptables_rule(FILE *out, const struct cg_set *s, const struct cg_rule *r)
{
	fprintf(out, "-A %s", s->chains[r->chain]);
	iptables_addr(out, s, r, 0);
	iptables_addr(out, s, r, 1);
	if (r->in)
		fprintf(out, " -i %s", device(r->in));
	if (r->out)
		fprintf(out, " -o %s", device(r->out));
	if (r->proto)
		fprintf(out, " -p %s", proto_name(r->proto));
	if (!any(r->port[0]) || !any(r->port[1]))
		fprintf(out, " -m %s", proto_name(r->proto));
	range(out, " --sport ", r->port[0], ':');
	range(out, " --dport ", r->port[1], ':');
	if (r->established)
		fputs(" -m conntrack --ctstate RELATED,ESTABLISHED", out);
	if (r->chance)
		fprintf(out, " -m statistic --mode random --probability %.11f", r->chance / 2147483648.0);
	iptables_target(out, s, r->to);
}

void cg_print_iptables(const struct cg_set *s, FILE *out)
{
	struct by_chain b = sort_by_chain(s);

	fputs("*filter\n", out);
	for (size_t c = 0; c < s->n_chains; c++)
		fprintf(out, ":%s %s\n", s->chains[c],
			c >= CG_CHAINS ? "-" : c != CG_OUTPUT && s->policy == CG_DROP ? "DROP" : "ACCEPT");
	for (size_t i = 0; i < s->n; i++)
		iptables_rule(out, s, &s->rules[b.order[i]]);
	fputs("COMMIT\n", out);
	free_by_chain(&b);
}

static void nft_addr(FILE *out, const struct cg_set *s, const struct cg_rule *r, unsigned which)
{
	const char *field = which ? "daddr" : "saddr", *ip = s->v6 ? "ip6" : "ip";
	char a[48], m[48];

	if (!r->len[which])
		return;
	put_addr(a, sizeof(a), &r->addr[which], s->v6);
	if (r->len[which] == CG_MASKED)
		fprintf(out, "%s %s & %s == %s ", ip, field,
			put_addr(m, sizeof(m), &(struct cg_addr){{r->mask[which]}}, false), a);
	else if (r->len[which] == (s->v6 ? 128 : 32))
		fprintf(out, "%s %s %s ", ip, field, a);
	else
		fprintf(out, "%s %s %s/%u ", ip, field, a, r->len[which]);
}

static void nft_proto(FILE *out, const struct cg_set *s, const struct cg_rule *r)
{
	char before[24];

	if (r->proto && any(r->port[0]) && any(r->port[1]))
		fprintf(out, "%s %u ", s->v6 ? "meta l4proto" : "ip protocol", r->proto);
	snprintf(before, sizeof(before), "%s sport ", proto_name(r->proto));
	range(out, before, r->port[0], '-');
	fputs(any(r->port[0]) ? "" : " ", out);
	snprintf(before, sizeof(before), "%s dport ", proto_name(r->proto));
	range(out, before, r->port[1], '-');
	fputs(any(r->port[1]) ? "" : " ", out);
}

static void nft_rule(FILE *out, const struct cg_set *s, const struct cg_rule *r)
{
	static const char *const names[] = {"", "accept", "drop", "return"};

	nft_addr(out, s, r, 0);
	nft_addr(out, s, r, 1);
	if (r->in)
		fprintf(out, "iifname %s ", device(r->in));
	if (r->out)
		fprintf(out, "oifname %s ", device(r->out));
	nft_proto(out, s, r);
	if (r->established)
		fputs("ct state established,related ", out);
	if (r->chance)
		fprintf(out, "numgen random mod 2147483648 < %u ", r->chance);
	fputs("counter ", out);
	if (r->to >= CG_JUMP)
		fprintf(out, "jump %s\n", s->chains[r->to - CG_JUMP]);
	else
		fprintf(out, "%s\n", names[r->to]);
}

void cg_print_nft(const struct cg_set *s, FILE *out)
{
	static const char *const hooks[] = {"input", "forward", "output"};
	struct by_chain b = sort_by_chain(s);

	fprintf(out, "table %s filter {\n", s->v6 ? "ip6" : "ip");
	for (size_t c = s->n_chains; c-- > 0;) { /* those that are jumped to are mostly the later ones */
		fprintf(out, "chain %s {\n", s->chains[c]);
		if (c < CG_CHAINS)
			fprintf(out, "type filter hook %s priority filter; policy %s;\n", hooks[c],
				c != CG_OUTPUT && s->policy == CG_DROP ? "drop" : "accept");
		for (uint32_t i = b.start[c]; i < b.start[c + 1]; i++)
			nft_rule(out, s, &s->rules[b.order[i]]);
		fputs("}\n", out);
	}
	fputs("}\n", out);
	free_by_chain(&b);
}
