/* SPDX-License-Identifier: GPL-2.0-only */
/* json_stmt.c: statements as libnftables-json(5) has them. */
#include <linux/netfilter/nf_log.h>

#include "front/native/json.h"
#include "front/native/print.h"
#include "rule/print.h"

static void member(struct bf_buf *out, const char *key, const struct bf_ast_expr *e)
{
	bf_json_key(out, key);
	bf_json_expr(out, e);
}

/* Without an operator bits are looked for one by one; in sets and behind masks all of them. */
static bool asks_for_bits(const struct bf_ast_stmt *s)
{
	const struct bf_ast_expr *r = bf_ast_peel(s->match.r);

	if (s->match.rel != BF_REL_IMPLICIT || s->match.mask || bf_ast_peel(s->match.l)->kind != BF_AST_KEY)
		return false;
	if (r->kind == BF_AST_LIST)
		r = bf_ast_peel(r->items.first);
	return r->kind == BF_AST_VALUE && r->value.type && r->value.type->flags && r->value.type->syms;
}

static void put_match(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	static const char *const ops[] = { [BF_REL_IMPLICIT] = "==", [BF_REL_EQ] = "==", [BF_REL_NE] = "!=", [BF_REL_LT] = "<",
		                               [BF_REL_GT] = ">",        [BF_REL_LE] = "<=", [BF_REL_GE] = ">=", [BF_REL_NEG] = "!" };

	bf_json_open(out, "match");
	bf_buf_puts(out, "{");
	bf_json_text(out, "op", asks_for_bits(s) ? "in" : ops[s->match.rel]);
	bf_json_key(out, "left");
	if (s->match.mask) { /* l r / mask: (l & mask) is r */
		bf_json_open(out, "&");
		bf_buf_puts(out, "[");
		bf_json_expr(out, s->match.l);
		bf_buf_puts(out, ", ");
		bf_json_expr(out, s->match.mask);
		bf_buf_puts(out, "]}");
	} else {
		bf_json_expr(out, s->match.l);
	}
	bf_json_key(out, "right");
	(asks_for_bits(s) || s->match.mask || s->match.rel == BF_REL_NEG ? bf_json_expr : bf_json_one)(out, s->match.r);
	bf_buf_puts(out, "}}");
}

static void put_pair(struct bf_buf *out, const char *word, const char *l, const char *r, const struct bf_ast_stmt *s)
{
	bf_json_open(out, word);
	bf_buf_puts(out, "{");
	member(out, l, s->match.l);
	member(out, r, s->match.r);
	bf_buf_puts(out, "}}");
}

static void put_element(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	const struct bf_ast_elem *el = s->element.elem;
	const char *word = el->data ? "map" : "set", *verb = s->element.verb == 'a' ? "add" : s->element.verb == 'u' ? "update" : "delete";
	_cleanup_buf_ struct bf_buf name = { 0 };

	bf_json_open(out, word);
	bf_buf_puts(out, "{");
	bf_json_text(out, "op", verb);
	bf_json_key(out, "elem");
	bf_json_elem_key(out, el, false);
	if (el->data)
		member(out, "data", el->data);
	bf_buf_printf(&name, "@%s", s->element.set.text);
	bf_json_text(out, word, name.data ? name.data : "");
	if (el->more && el->more->stmts)
		bf_json_fresh(out, el->more->stmts);
	bf_buf_puts(out, "}}");
}

static void put_reject(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	static const char *const types[] = { [BF_REJECT_ICMP] = "icmp", [BF_REJECT_ICMPV6] = "icmpv6", [BF_REJECT_ICMPX] = "icmpx",
		                                 [BF_REJECT_TCP] = "tcp reset", [BF_REJECT_ERRNO] = "errno" };

	bf_json_open(out, "reject");
	if (s->reject.with == BF_REJECT_DEFAULT) {
		bf_buf_puts(out, "null}");
		return;
	}
	bf_buf_puts(out, "{");
	bf_json_text(out, "type", types[s->reject.with]);
	if (s->reject.code)
		member(out, "expr", s->reject.code);
	bf_buf_puts(out, "}}");
}

static void put_limit(struct bf_buf *out, const struct bf_ast_rate *r)
{
	const char *unit = NULL, *burst = NULL;

	bf_json_int(out, "rate", r->bytes ? bf_print_bytes(r->rate, &unit) : r->rate);
	if (r->burst)
		bf_json_int(out, "burst", r->bytes ? bf_print_bytes(r->burst, &burst) : r->burst);
	bf_json_text(out, "per", bf_print_per(r->per));
	if (r->over)
		bf_buf_puts(out, ", \"inv\": true");
	if (unit)
		bf_json_text(out, "rate_unit", unit);
	if (burst)
		bf_json_text(out, "burst_unit", burst);
}

static void put_quota(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	const char *unit;

	bf_json_int(out, "val", bf_print_bytes(s->quota.bytes, &unit));
	bf_json_text(out, "val_unit", unit);
	if (s->quota.used) {
		bf_json_int(out, "used", bf_print_bytes(s->quota.used, &unit));
		bf_json_text(out, "used_unit", unit);
	}
	if (s->quota.over)
		bf_buf_puts(out, ", \"inv\": true");
}

void bf_json_state(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	if (s->kind == BF_STMT_LIMIT) {
		put_limit(out, &s->limit);
	} else if (s->kind == BF_STMT_QUOTA) {
		bf_json_int(out, "bytes", s->quota.bytes);
		bf_json_int(out, "used", s->quota.used);
		bf_json_key(out, "inv");
		bf_buf_puts(out, s->quota.over ? "true" : "false");
	} else if (!s->counter.bare) {
		bf_json_int(out, "packets", s->counter.packets);
		bf_json_int(out, "bytes", s->counter.bytes);
	}
}

static void put_log_flags(struct bf_buf *out, uint32_t flags)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
		{ NF_LOG_TCPSEQ, "tcp sequence" }, { NF_LOG_TCPOPT, "tcp options" }, { NF_LOG_IPOPT, "ip options" },
		{ NF_LOG_UID, "skuid" },           { NF_LOG_MACDECODE, "ether" },
	};

	bf_json_key(out, "flags");
	if (flags == (NF_LOG_TCPSEQ | NF_LOG_TCPOPT | NF_LOG_IPOPT | NF_LOG_UID | NF_LOG_MACDECODE)) {
		bf_buf_puts(out, "\"all\"");
		return;
	}
	bf_buf_puts(out, "[");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(words); i++)
		if (flags & words[i].bit) {
			bf_json_next(out);
			bf_json_string(out, words[i].word);
		}
	bf_buf_puts(out, "]");
}

static void put_log(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	if (!s->log.set) {
		bf_buf_puts(out, "null");
		return;
	}
	bf_buf_puts(out, "{");
	if (s->log.set & BF_LOG_PREFIX)
		bf_json_text(out, "prefix", s->log.prefix);
	if (s->log.set & BF_LOG_GROUP)
		bf_json_int(out, "group", s->log.group);
	if (s->log.set & BF_LOG_SNAPLEN)
		bf_json_int(out, "snaplen", s->log.snaplen);
	if (s->log.set & BF_LOG_THRESHOLD)
		bf_json_int(out, "queue-threshold", s->log.threshold);
	if (s->log.set & BF_LOG_LEVEL)
		bf_json_text(out, "level", bf_print_levels[s->log.level]);
	if (s->log.flags)
		put_log_flags(out, s->log.flags);
	bf_buf_puts(out, "}");
}

static void put_counter(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	if (s->counter.bare) {
		bf_buf_puts(out, "null");
		return;
	}
	bf_buf_puts(out, "{");
	bf_json_int(out, "packets", s->counter.packets);
	bf_json_int(out, "bytes", s->counter.bytes);
	bf_buf_puts(out, "}");
}

static const char *word_of(enum bf_ast_stmt_kind kind)
{
	static const char *const words[] = { [BF_STMT_COUNTER] = "counter", [BF_STMT_LIMIT] = "limit", [BF_STMT_QUOTA] = "quota",
		                                 [BF_STMT_LOG] = "log", [BF_STMT_CT_COUNT] = "ct count", [BF_STMT_NOTRACK] = "notrack",
		                                 [BF_STMT_STRIP] = "reset" };

	return kind < BF_ARRAY_SIZE(words) && words[kind] ? words[kind] : NULL;
}

static void put_ct_count(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_json_int(out, "val", s->ct_count.n);
	if (s->ct_count.over)
		bf_buf_puts(out, ", \"inv\": true");
}

static void put_braced(struct bf_buf *out, void (*members)(struct bf_buf *out, const struct bf_ast_stmt *s),
                       const struct bf_ast_stmt *s)
{
	bf_buf_puts(out, "{");
	members(out, s);
	bf_buf_puts(out, "}");
}

static void put_limit_of(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	put_limit(out, &s->limit);
}

/* {"word": ...} */
static void put_worded(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_json_open(out, word_of(s->kind));
	switch (s->kind) {
	case BF_STMT_COUNTER: put_counter(out, s); break;
	case BF_STMT_LIMIT: put_braced(out, put_limit_of, s); break;
	case BF_STMT_QUOTA: put_braced(out, put_quota, s); break;
	case BF_STMT_LOG: put_log(out, s); break;
	case BF_STMT_CT_COUNT: put_braced(out, put_ct_count, s); break;
	case BF_STMT_STRIP: bf_json_expr(out, s->strip); break;
	default: bf_buf_puts(out, "null");
	}
	bf_buf_puts(out, "}");
}

static void put_ours(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_print_stmt(&text, s);
	out->err = out->err ? out->err : text.err;
	bf_buf_puts(out, "{");
	bf_json_text(out, "bpfilter", text.data ? text.data : "");
	bf_buf_puts(out, "}");
}

static void put_stmt(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	switch (s->kind) {
	case BF_STMT_MATCH: put_match(out, s); break;
	case BF_STMT_VERDICT: bf_json_expr(out, s->verdict); break;
	case BF_STMT_VMAP: put_pair(out, "vmap", "key", "data", s); break;
	case BF_STMT_SET: put_pair(out, "mangle", "key", "value", s); break;
	case BF_STMT_ELEMENT: put_element(out, s); break;
	case BF_STMT_REJECT: put_reject(out, s); break;
	case BF_STMT_OBJECT:
		bf_json_open(out, s->object.type == BF_OBJ_COUNTER ? "counter" : s->object.type == BF_OBJ_QUOTA ? "quota" : "limit");
		bf_json_expr(out, s->object.name);
		bf_buf_puts(out, "}");
		break;
	default:
		if (word_of(s->kind))
			put_worded(out, s);
		else
			put_ours(out, s);
	}
}

void bf_json_fresh(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	bf_json_key(out, "stmt");
	bf_buf_puts(out, "[");
	for (; s; s = s->next) {
		struct bf_ast_stmt fresh = *s;

		if (s->kind == BF_STMT_COUNTER)
			fresh.counter.bare |= !s->counter.packets && !s->counter.bytes;
		bf_json_next(out);
		put_stmt(out, &fresh);
	}
	bf_buf_puts(out, "]");
}

void bf_json_stmts(struct bf_buf *out, const struct bf_ast_stmt *s)
{
	for (; s; s = s->next) {
		bf_json_next(out);
		put_stmt(out, s);
	}
}
