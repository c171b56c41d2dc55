/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.c: a table as JSON, for programs that watch counters. Rules carry their
 * conditions and actions as canonical text, counters as numbers.
 *
 *   {"family": "ip", "name": "filter", "chains": [
 *     {"name": "INPUT", "hook": "input", "priority": 0, "policy": "drop", "packets": 2, "bytes": 120, "rules": [
 *       {"match": "tcp dport 22", "actions": [], "verdict": "accept", "packets": 5, "bytes": 300, "comment": "ssh"}]}]}
 */
#include <inttypes.h>

#include "match/match.h"
#include "rule/print.h"

/* Bytes that are not UTF-8 do not occur in names the kernel's tools accept from
 * a terminal, but a blob may hold any: those are written as U+00HH. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = *s >= 0xc2 && *s <= 0xdf ? 2 : *s >= 0xe0 && *s <= 0xef ? 3 : *s >= 0xf0 && *s <= 0xf4 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] > 0x8f))
		return 0; /* overlong, a surrogate, or beyond U+10FFFF */
	return n;
}

void bf_json_string(struct bf_buf *out, const char *chars)
{
	const unsigned char *s = (const unsigned char *)chars;

	bf_buf_puts(out, "\"");
	while (*s) {
		size_t n = *s < 0x80 ? 1 : utf8_len(s);

		if (*s == '"' || *s == '\\')
			bf_buf_printf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f || !n)
			bf_buf_printf(out, "\\u%04x", *s);
		else
			bf_buf_add(out, s, n);
		s += n ? n : 1;
	}
	bf_buf_puts(out, "\"");
}

static void member(struct bf_buf *out, const char *key, const char *value)
{
	bf_buf_printf(out, ", \"%s\": ", key);
	bf_json_string(out, value);
}

static void text(struct bf_buf *out, const struct bf_buf *t)
{
	bf_json_string(out, t->data ? t->data : "");
	if (t->err)
		out->err = t->err;
}

static void counter(struct bf_buf *out, uint32_t n, const struct bf_rt_counter *counters)
{
	if (n != BF_NO_COUNTER && counters)
		bf_buf_printf(out, ", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64, (uint64_t)counters[n].packets,
		              (uint64_t)counters[n].bytes);
}

static void actions(struct bf_buf *out, const struct bf_rule *r)
{
	bf_buf_puts(out, ", \"actions\": [");
	for (uint32_t i = 0; i < r->n_actions; i++) {
		_cleanup_buf_ struct bf_buf action = { 0 };

		r->actions[i].target->print(&action, r->actions[i].data);
		bf_buf_puts(out, i ? ", " : "");
		text(out, &action);
	}
	bf_buf_puts(out, "]");
}

static void rule(struct bf_buf *out, const struct bf_rule *r, uint8_t family, const struct bf_rt_counter *counters)
{
	_cleanup_buf_ struct bf_buf match = { 0 };

	bf_conds_print(&match, r, family);
	bf_buf_puts(out, "{\"match\": ");
	text(out, &match);
	actions(out, r);
	if (*bf_verdict_name(r->verdict.kind))
		member(out, "verdict", bf_verdict_name(r->verdict.kind));
	if (r->verdict.kind != BF_VERDICT_MAP && r->verdict.chain) {
		member(out, "target", r->verdict.chain->name);
		if (r->verdict.index)
			bf_buf_printf(out, ", \"index\": %" PRIu32, r->verdict.index);
	}
	counter(out, r->counter, counters);
	if (r->comment)
		member(out, "comment", r->comment);
	bf_buf_puts(out, "}");
}

static void chain(struct bf_buf *out, const struct bf_chain *c, const struct bf_rt_counter *counters)
{
	bf_buf_puts(out, "{\"name\": ");
	bf_json_string(out, c->name);
	if (c->base) {
		member(out, "hook", bf_hook_name(c->at.hook));
		bf_buf_printf(out, ", \"priority\": %d", c->at.priority);
	}
	member(out, "policy", bf_verdict_name(c->policy));
	counter(out, c->counter, counters);
	bf_buf_puts(out, ", \"rules\": [");
	for (uint32_t i = 0; i < c->n_rules; i++) {
		bf_buf_puts(out, i ? ",\n" : "\n");
		rule(out, &c->rules[i], c->table->family, counters);
	}
	bf_buf_puts(out, "]}");
}

void bf_table_print_json(struct bf_buf *out, const struct bf_table *t, const struct bf_rt_counter *counters)
{
	bf_buf_puts(out, "{\"family\": ");
	bf_json_string(out, bf_family_name(t->family));
	member(out, "name", t->name);
	bf_buf_puts(out, ", \"chains\": [");
	for (uint32_t i = 0; i < t->n_chains; i++) {
		bf_buf_puts(out, i ? ",\n" : "\n");
		chain(out, t->chains[i], counters);
	}
	bf_buf_puts(out, "]}");
}
