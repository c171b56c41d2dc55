/* SPDX-License-Identifier: GPL-2.0-only */
/* action.c: what nft does besides a verdict: reject, log, notrack, reset. */
#include <linux/netfilter/nf_log.h>
#include <syslog.h>

#include "front/native/parse.h"

bool bf_p_notrack(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_NOTRACK;
	return true;
}

static bool reject_code(struct bf_nparser *p, struct bf_ast_stmt *s, enum bf_ntype_id type)
{
	static const struct bf_pctx c = { 0 };

	if (type != BF_T_ERRNO)
		bf_p_eat_word(p, "type");
	s->reject.code = bf_p_concat(p, &c);
	if (s->reject.code && bf_ast_peel(s->reject.code)->kind != BF_AST_VALUE)
		return bf_p_error(p, s->reject.code->loc, "a packet is rejected with one code");
	return s->reject.code && bf_p_resolve_one(p, s->reject.code, type);
}

bool bf_p_reject(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const struct {
		const char *word;
		enum bf_ast_reject with;
		enum bf_ntype_id type;
	} withs[] = { { "icmp", BF_REJECT_ICMP, BF_T_ICMPCODE }, { "icmpv6", BF_REJECT_ICMPV6, BF_T_ICMP6CODE },
		          { "icmpx", BF_REJECT_ICMPX, BF_T_ICMPXCODE }, { "errno", BF_REJECT_ERRNO, BF_T_ERRNO } };

	s->kind = BF_STMT_REJECT;
	if (!bf_p_eat_word(p, "with"))
		return true;
	for (size_t i = 0; i < BF_ARRAY_SIZE(withs); i++)
		if (bf_p_eat_word(p, withs[i].word)) {
			s->reject.with = withs[i].with;
			return reject_code(p, s, withs[i].type);
		}
	s->reject.with = BF_REJECT_TCP;
	if (!bf_p_eat_word(p, "tcp"))
		return bf_p_unexpected(p, "'icmp', 'icmpv6', 'icmpx', 'tcp reset' or 'errno'");
	return bf_p_expect_word(p, "reset");
}

static bool log_flag(struct bf_nparser *p, uint32_t *flags)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} plain[] = { { "skuid", NF_LOG_UID }, { "ether", NF_LOG_MACDECODE },
		          { "all", NF_LOG_TCPSEQ | NF_LOG_TCPOPT | NF_LOG_IPOPT | NF_LOG_UID | NF_LOG_MACDECODE } };

	for (size_t i = 0; i < BF_ARRAY_SIZE(plain); i++)
		if (bf_p_eat_word(p, plain[i].word)) {
			*flags |= plain[i].flag;
			return true;
		}
	if (bf_p_eat_word(p, "ip")) {
		*flags |= NF_LOG_IPOPT;
		return bf_p_expect_word(p, "options");
	}
	if (!bf_p_eat_word(p, "tcp"))
		return bf_p_unexpected(p, "'tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether' or 'all'");
	do {
		bool sequence = bf_p_eat_word(p, "sequence");

		if (!sequence && !bf_p_expect_word(p, "options"))
			return false;
		*flags |= sequence ? NF_LOG_TCPSEQ : NF_LOG_TCPOPT;
	} while (bf_p_eat(p, ','));
	return true;
}

static bool log_level(struct bf_nparser *p, uint32_t *level)
{
	static const struct {
		const char *word;
		uint32_t level;
	} levels[] = { { "emerg", LOG_EMERG },  { "panic", LOG_EMERG },     { "alert", LOG_ALERT },
	               { "crit", LOG_CRIT },    { "err", LOG_ERR },         { "error", LOG_ERR },
	               { "warn", LOG_WARNING }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
	               { "info", LOG_INFO },    { "debug", LOG_DEBUG },     { "audit", 8 } };
	struct bf_suggest g;

	if (p->tok.kind != BF_TOK_WORD)
		return bf_p_unexpected(p, "a level");
	bf_suggest_start(&g, p->tok.text, p->tok.n);
	for (size_t i = 0; i < BF_ARRAY_SIZE(levels); i++) {
		bf_suggest_try(&g, levels[i].word);
		if (bf_p_eat_word(p, levels[i].word)) {
			*level = levels[i].level;
			return true;
		}
	}
	return bf_p_unknown(p, bf_p_loc(p), "unknown level", &g);
}

/* Variables in a prefix: "$name: " */
static bool expand(struct bf_nparser *p, struct bf_ast_word *w)
{
	_cleanup_buf_ struct bf_buf out = { 0 };
	const char *s = w->text, *dollar;

	for (; (dollar = strchr(s, '$')); s = dollar) {
		size_t n = strspn(dollar + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		const char *value = bf_p_var_text(p, dollar + 1, n);

		bf_buf_add(&out, s, (size_t)(dollar - s));
		if (!value || strchr(value, '$'))
			return bf_p_error(p, w->loc, "no text is in the variable '%.*s'", (int)n, dollar + 1);
		bf_buf_puts(&out, value);
		dollar += n + 1;
	}
	bf_buf_puts(&out, s);
	w->text = out.err ? NULL : bf_arena_strdup(p->a, out.data);
	if (!w->text)
		p->err = -ENOMEM;
	return w->text;
}

static bool log_prefix(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	struct bf_ast_word w;

	if (!bf_p_phrase(p, "a prefix in quotes", &w))
		return false;
	if (strchr(w.text, '$') && !expand(p, &w))
		return false;
	if (strlen(w.text) > 127)
		return bf_p_error(p, w.loc, "a prefix has at most 127 characters");
	s->log.prefix = w.text;
	return true;
}

static bool number32(struct bf_nparser *p, uint64_t max, const char *what, uint32_t *out)
{
	uint64_t n;

	if (!bf_p_number(p, max, what, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool log_option(struct bf_nparser *p, struct bf_ast_stmt *s, unsigned i)
{
	switch (1u << i) {
	case BF_LOG_PREFIX: return log_prefix(p, s);
	case BF_LOG_LEVEL: return log_level(p, &s->log.level);
	case BF_LOG_GROUP: return number32(p, 65535, "a group", &s->log.group);
	case BF_LOG_SNAPLEN: return number32(p, UINT32_MAX, "a length", &s->log.snaplen);
	case BF_LOG_THRESHOLD: return number32(p, 65535, "a threshold", &s->log.threshold);
	default: return log_flag(p, &s->log.flags);
	}
}

bool bf_p_log(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	static const char *const words[] = { "prefix", "level", "group", "snaplen", "queue-threshold", "flags", NULL };
	unsigned i;

	s->kind = BF_STMT_LOG;
	do {
		for (i = 0; words[i] && !bf_p_at(p, words[i]); i++)
			;
		if (!words[i])
			break;
		if (s->log.set & 1u << i && 1u << i != BF_LOG_FLAGS)
			return bf_p_error(p, bf_p_loc(p), "log has a %s already", words[i]);
		bf_p_next(p);
		s->log.set |= 1u << i;
		if (!log_option(p, s, i))
			return false;
	} while (true);
	if (s->log.set & BF_LOG_GROUP && s->log.set & (BF_LOG_LEVEL | BF_LOG_FLAGS))
		return bf_p_error(p, bf_p_span(p, s->loc), "log to a group has no level and no flags");
	return true;
}

bool bf_p_strip(struct bf_nparser *p, struct bf_ast_stmt *s)
{
	s->kind = BF_STMT_STRIP;
	if (!bf_p_at(p, "tcp"))
		return bf_p_unexpected(p, "'tcp option' and its name");
	p->whole = true;
	s->strip = bf_p_key(p);
	p->whole = false;
	if (!s->strip)
		return false;
	if (s->strip->key.row->class != BF_NK_TCPOPT || s->strip->key.row->name)
		return bf_p_error(p, s->strip->loc, "only a whole TCP option can be taken away");
	return true;
}
