/* SPDX-License-Identifier: GPL-2.0-only */
/* print_stmt.c: rules and their statements as nft lists them. */
#include <linux/netfilter/nf_log.h>
#include <syslog.h>

#include "front/native/print.h"

static const char *const rels[] = {
	[BF_REL_IMPLICIT] = " ", [BF_REL_EQ] = " == ", [BF_REL_NE] = " != ", [BF_REL_LT] = " < ",
	[BF_REL_GT] = " > ",     [BF_REL_LE] = " <= ", [BF_REL_GE] = " >= ", [BF_REL_NEG] = " ! "
};

static void print_match(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_print_expr(out, s->match.l);
	bf_buf_puts(out, s->kind == BF_STMT_VMAP ? " vmap " : s->kind == BF_STMT_SET ? " set " : rels[s->match.rel]);
	if (s->kind == BF_STMT_MATCH && s->match.rel >= BF_REL_LT && s->match.rel <= BF_REL_GE)
		bf_print_number(out, s->match.r);
	else
		bf_print_expr(out, s->match.r);
	if (s->match.mask) {
		bf_buf_puts(out, " / ");
		bf_print_expr(out, s->match.mask);
	}
}

uint64_t bf_print_bytes(uint64_t n, const char **unit)
{
	static const char *const units[] = { "bytes", "kbytes", "mbytes" };
	unsigned u = 0;

	for (; n && u + 1 < BF_ARRAY_SIZE(units) && n % 1024 == 0; u++)
		n /= 1024;
	*unit = units[u];
	return n;
}

static void print_bytes(struct bf_buf *out, uint64_t n)
{
	const char *unit;

	n = bf_print_bytes(n, &unit);
	bf_buf_printf(out, "%llu %s", (unsigned long long)n, unit);
}

const char *bf_print_per(uint64_t seconds)
{
	static const struct {
		uint64_t per;
		const char *word;
	} units[] = { { 1, "second" }, { 60, "minute" }, { 3600, "hour" }, { 86400, "day" }, { 604800, "week" } };
	size_t u = 0;

	while (units[u].per != seconds)
		u++;
	return units[u].word;
}

static void print_limit(struct bf_buf *out, const struct bf_ast_rate *r)
{
	bf_buf_puts(out, r->over ? "rate over " : "rate ");
	if (r->bytes)
		print_bytes(out, r->rate);
	else
		bf_buf_printf(out, "%llu", (unsigned long long)r->rate);
	bf_buf_printf(out, "/%s", bf_print_per(r->per));
	if (r->bytes && r->burst) {
		bf_buf_puts(out, " burst ");
		print_bytes(out, r->burst);
	} else if (!r->bytes && r->burst != 5) {
		bf_buf_printf(out, " burst %llu packets", (unsigned long long)r->burst);
	}
}

void bf_print_state(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	if (s->kind == BF_STMT_COUNTER) {
		bf_buf_printf(out, "packets %llu bytes %llu", (unsigned long long)s->counter.packets,
		              (unsigned long long)s->counter.bytes);
	} else if (s->kind == BF_STMT_LIMIT) {
		print_limit(out, &s->limit);
	} else {
		bf_buf_puts(out, s->quota.over ? "over " : "");
		print_bytes(out, s->quota.bytes);
		if (s->quota.used) {
			bf_buf_puts(out, " used ");
			print_bytes(out, s->quota.used);
		}
	}
}

static void print_log_flags(struct bf_buf *out, uint32_t flags)
{
	uint32_t tcp = flags & (NF_LOG_TCPSEQ | NF_LOG_TCPOPT);

	if (flags == (NF_LOG_TCPSEQ | NF_LOG_TCPOPT | NF_LOG_IPOPT | NF_LOG_UID | NF_LOG_MACDECODE)) {
		bf_buf_puts(out, " flags all");
		return;
	}
	if (tcp)
		bf_buf_printf(out, " flags tcp %s%s", tcp & NF_LOG_TCPSEQ ? "sequence" : "options",
		              tcp == (NF_LOG_TCPSEQ | NF_LOG_TCPOPT) ? ",options" : "");
	bf_buf_puts(out, flags & NF_LOG_IPOPT ? " flags ip options" : "");
	bf_buf_puts(out, flags & NF_LOG_UID ? " flags skuid" : "");
	bf_buf_puts(out, flags & NF_LOG_MACDECODE ? " flags ether" : "");
}

const char *const bf_print_levels[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit" };

static void print_log(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_buf_puts(out, "log");
	if (s->log.set & BF_LOG_PREFIX)
		bf_buf_printf(out, " prefix \"%s\"", s->log.prefix);
	if (s->log.set & BF_LOG_GROUP)
		bf_buf_printf(out, " group %u", s->log.group);
	if (s->log.set & BF_LOG_SNAPLEN)
		bf_buf_printf(out, " snaplen %u", s->log.snaplen);
	if (s->log.set & BF_LOG_THRESHOLD)
		bf_buf_printf(out, " queue-threshold %u", s->log.threshold);
	if (s->log.set & BF_LOG_LEVEL && s->log.level != LOG_WARNING) /* what it is anyhow */
		bf_buf_printf(out, " level %s", bf_print_levels[s->log.level]);
	print_log_flags(out, s->log.flags);
}

static void print_reject(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	static const char *const with[] = {
		[BF_REJECT_DEFAULT] = "",           [BF_REJECT_ICMP] = " with icmp ",    [BF_REJECT_ICMPV6] = " with icmpv6 ",
		[BF_REJECT_ICMPX] = " with icmpx ", [BF_REJECT_TCP] = " with tcp reset", [BF_REJECT_ERRNO] = " with errno "
	};

	bf_buf_printf(out, "reject%s", with[s->reject.with]);
	if (s->reject.code)
		bf_print_expr(out, s->reject.code);
}

static void print_element(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	const char *verb = s->element.verb == 'a' ? "add" : s->element.verb == 'u' ? "update" : "delete";

	bf_buf_printf(out, "%s @%s { ", verb, s->element.set.text);
	bf_print_elem(out, s->element.elem, true);
	bf_buf_puts(out, " }");
}

static void print_code(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	const char *word = s->kind == BF_STMT_PCAP ? "pcap" : s->kind == BF_STMT_BYTECODE ? "bytecode" : "program";

	bf_buf_printf(out, "%s %s\"%s\"", word, s->code.neg ? "!= " : "", s->code.text.text);
	if (s->code.section.text)
		bf_buf_printf(out, " section \"%s\"", s->code.section.text);
	if (s->code.object && !s->code.brief)
		bf_buf_printf(out, " object \"%s\"", s->code.again ? "=" : s->code.object);
}

static void print_sockset(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_buf_printf(out, "set %s ", bf_socksets[s->sock.what]);
	if (s->sock.what == BF_SOCK_RTO)
		bf_ntime_print(out, s->sock.n);
	else if (s->sock.what == BF_SOCK_CONGESTION)
		bf_print_quoted(out, s->sock.text.text);
	else
		bf_buf_printf(out, s->sock.what == BF_SOCK_MARK ? "0x%08llx" : "%llu", (unsigned long long)s->sock.n);
}

static void print_to(struct bf_buf *out, const char *words, const struct bf_ast_expr *e)
{
	bf_buf_puts(out, words);
	bf_print_expr(out, e);
}

static void print_object(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_buf_puts(out, s->object.type == BF_OBJ_COUNTER ? "counter" : s->object.type == BF_OBJ_QUOTA ? "quota" : "limit");
	print_to(out, " name ", s->object.name);
}

void bf_print_stmt(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	switch (s->kind) {
	case BF_STMT_MATCH:
	case BF_STMT_VMAP:
	case BF_STMT_SET: print_match(out, s); break;
	case BF_STMT_VERDICT: bf_print_expr(out, s->verdict); break;
	case BF_STMT_ELEMENT: print_element(out, s); break;
	case BF_STMT_REJECT: print_reject(out, s); break;
	case BF_STMT_COUNTER:
	case BF_STMT_LIMIT:
	case BF_STMT_QUOTA:
		bf_buf_puts(out, s->kind == BF_STMT_COUNTER ? "counter" : s->kind == BF_STMT_LIMIT ? "limit" : "quota");
		if (s->kind == BF_STMT_COUNTER && s->counter.bare)
			break;
		bf_buf_puts(out, " ");
		bf_print_state(out, s);
		break;
	case BF_STMT_OBJECT: print_object(out, s); break;
	case BF_STMT_LOG: print_log(out, s); break;
	case BF_STMT_CT_COUNT: bf_buf_printf(out, "ct count %s%u", s->ct_count.over ? "over " : "", s->ct_count.n); break;
	case BF_STMT_NOTRACK: bf_buf_puts(out, "notrack"); break;
	case BF_STMT_STRIP: print_to(out, "reset ", s->strip); break;
	case BF_STMT_PCAP:
	case BF_STMT_BYTECODE:
	case BF_STMT_PROGRAM: print_code(out, s); break;
	case BF_STMT_REDIRECT: print_to(out, "redirect to ", s->to); break;
	case BF_STMT_MIRROR: print_to(out, "mirror to ", s->to); break;
	case BF_STMT_ROUTE: print_to(out, "route via ", s->to); break;
	case BF_STMT_SAMPLE:
		bf_buf_printf(out, "sample %llu/%llu", (unsigned long long)s->sample.n, (unsigned long long)s->sample.of);
		break;
	case BF_STMT_SOCKSET: print_sockset(out, s); break;
	}
}

void bf_native_print_rule(struct bf_buf *out, const struct bf_ast_rule *r)
{
	const char *blank = "";

	for (const struct bf_ast_stmt *s = r->stmts; s; s = s->next) {
		bf_buf_puts(out, blank);
		bf_print_stmt(out, s);
		blank = " ";
	}
	if (r->comment)
		bf_buf_printf(out, " comment \"%s\"", r->comment);
}
