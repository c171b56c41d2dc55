/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print.c: a table as canonical text, in nft's words and shape. It is complete
 * and unambiguous: equal text, equal rules.
 *
 *   table ip filter {
 *       chain INPUT {
 *           type filter hook input priority 0; policy drop; counter packets 2 bytes 120
 *           ip saddr 10.0.0.0/8 tcp dport 22 counter packets 5 bytes 300 accept comment "ssh"
 *       }
 *   }
 */
#include "rule/print.h"

#include <inttypes.h>

#include "match/match.h"

const char *bf_family_name(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : family == NFPROTO_NETDEV ? "netdev" : "inet";
}

const char *bf_hook_name(uint8_t hook)
{
	return hook < BF_HOOKS ? bf_hook_kinds[hook].name : "unknown";
}

const char *bf_verdict_name(enum bf_verdict_kind v)
{
	static const char *const names[] = {
		[BF_VERDICT_CONTINUE] = "", [BF_VERDICT_ACCEPT] = "accept", [BF_VERDICT_DROP] = "drop",
		[BF_VERDICT_RETURN] = "return", [BF_VERDICT_JUMP] = "jump", [BF_VERDICT_GOTO] = "goto",
		[BF_VERDICT_ACTION] = "", [BF_VERDICT_MAP] = "vmap",
	};

	return names[v];
}

/* One more word of a rule; spaces stand between words only. */
static void space(struct bf_buf *out, size_t start)
{
	if (out->len > start)
		bf_buf_puts(out, " ");
}

static void print_counter(struct bf_buf *out, uint32_t counter, const struct bf_rt_counter *counters)
{
	if (counter == BF_NO_COUNTER)
		return;
	bf_buf_puts(out, "counter");
	if (counters)
		bf_buf_printf(out, " packets %" PRIu64 " bytes %" PRIu64, (uint64_t)counters[counter].packets,
		              (uint64_t)counters[counter].bytes);
}

static void print_verdict(struct bf_buf *out, const struct bf_verdict *v)
{
	bf_buf_puts(out, bf_verdict_name(v->kind));
	if (v->kind == BF_VERDICT_JUMP || v->kind == BF_VERDICT_GOTO) {
		bf_buf_puts(out, " ");
		bf_name_print(out, v->chain->name);
		if (v->index)
			bf_buf_printf(out, " rule %" PRIu32, v->index); /* only hand-made tables jump into the middle */
	}
}

static void print_rule(struct bf_buf *out, const struct bf_rule *r, uint8_t family, const struct bf_rt_counter *counters)
{
	size_t start = out->len;

	bf_conds_print(out, r, family);
	if (r->counter != BF_NO_COUNTER) {
		space(out, start);
		print_counter(out, r->counter, counters);
	}
	for (uint32_t i = 0; i < r->n_actions; i++) {
		space(out, start);
		r->actions[i].target->print(out, r->actions[i].data);
	}
	if (*bf_verdict_name(r->verdict.kind)) {
		space(out, start);
		print_verdict(out, &r->verdict);
	}
	if (out->len == start)
		bf_buf_puts(out, "continue"); /* a rule that does nothing is a rule all the same */
	if (r->comment) {
		space(out, start);
		bf_buf_puts(out, "comment ");
		bf_text_quote(out, r->comment, SIZE_MAX);
	}
}

void bf_rule_print(struct bf_buf *out, const struct bf_rule *r, uint8_t family)
{
	print_rule(out, r, family, NULL);
}

static void print_place(struct bf_buf *out, const struct bf_attach *at)
{
	for (uint32_t i = 0; i < at->n_devices; i++) {
		bf_buf_puts(out, i ? ", " : at->n_devices > 1 ? " devices { " : " device ");
		bf_text_quote(out, at->devices[i], SIZE_MAX);
	}
	bf_buf_puts(out, at->n_devices > 1 ? " }" : "");
	if (at->cgroup) {
		bf_buf_puts(out, " cgroup ");
		bf_text_quote(out, at->cgroup, SIZE_MAX);
	}
}

static void print_chain_head(struct bf_buf *out, const struct bf_chain *c, const struct bf_rt_counter *counters)
{
	if (c->base) {
		bf_buf_printf(out, "\t\ttype filter hook %s", bf_hook_name(c->at.hook));
		print_place(out, &c->at);
		bf_buf_printf(out, " priority %d; policy %s;", c->at.priority, bf_verdict_name(c->policy));
		if (c->counter != BF_NO_COUNTER && counters) {
			bf_buf_puts(out, " ");
			print_counter(out, c->counter, counters);
		}
		bf_buf_puts(out, "\n");
	} else if (c->policy != BF_VERDICT_RETURN) {
		bf_buf_printf(out, "\t\tpolicy %s;\n", bf_verdict_name(c->policy));
	}
}

void bf_table_print(struct bf_buf *out, const struct bf_table *t, const struct bf_rt_counter *counters)
{
	bf_buf_printf(out, "table %s ", bf_family_name(t->family));
	bf_name_print(out, t->name);
	bf_buf_puts(out, " {\n");
	for (uint32_t i = 0; i < t->n_chains; i++) {
		const struct bf_chain *c = t->chains[i];

		bf_buf_puts(out, i ? "\n\tchain " : "\tchain ");
		bf_name_print(out, c->name);
		bf_buf_puts(out, " {\n");
		print_chain_head(out, c, counters);
		for (uint32_t j = 0; j < c->n_rules; j++) {
			bf_buf_puts(out, "\t\t");
			print_rule(out, &c->rules[j], t->family, counters);
			bf_buf_puts(out, "\n");
		}
		bf_buf_puts(out, "\t}\n");
	}
	bf_buf_puts(out, "}\n");
}
