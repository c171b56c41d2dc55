/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * graph.c: chains and who calls whom, for Graphviz. A cluster for each table, a
 * box for each chain, base chains with what they stand at; an arrow for all
 * jumps from one chain to another, with their number, dashed where they do not come back.
 */
#include <sys/socket.h>

#include "api/native.h"
#include "front/native/change.h"
#include "rule/print.h"

struct arrow {
	uint32_t jumps, gotos;
};

struct graph {
	struct bf_buf *out;
	uint32_t table; /* its number, for the names of nodes */
	const char **chains;
	uint32_t n_chains, cap;
	struct arrow *arrows; /* of the chain that is looked at, by the chain they lead to */
};

/* In quotes; a newline is a backslash and n. */
static void string(struct bf_buf *out, const char *s)
{
	bf_buf_puts(out, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			bf_buf_puts(out, "\\");
		bf_buf_add(out, *s == '\n' ? "\\n" : s, *s == '\n' ? 2 : 1);
	}
	bf_buf_puts(out, "\"");
}

static void node(struct graph *g, uint32_t chain)
{
	bf_buf_printf(g->out, "t%uc%u", g->table, chain);
}

static void begin_table(struct graph *g, const char *family, const char *name, const char *whose)
{
	_cleanup_buf_ struct bf_buf label = { 0 };

	bf_buf_printf(&label, "%stable %s %s", whose, family, name);
	bf_buf_printf(g->out, "\tsubgraph cluster_%u {\n\t\tlabel=", g->table);
	string(g->out, label.data ? label.data : "");
	bf_buf_puts(g->out, ";\n");
}

static int add_chain(struct graph *g, const char *name, const struct bf_buf *stands, uint32_t rules)
{
	_cleanup_buf_ struct bf_buf label = { 0 };
	int rc = bf_grow(&g->chains, g->n_chains, &g->cap, sizeof(*g->chains));

	if (rc)
		return rc;
	bf_buf_printf(&label, "%s\n%s%s%u rule%s", name, stands->data ? stands->data : "", stands->len ? "\n" : "", rules,
	              rules == 1 ? "" : "s"); /* newlines: string() */
	bf_buf_puts(g->out, "\t\t");
	node(g, g->n_chains);
	bf_buf_printf(g->out, " [shape=box%s, label=", stands->len ? ", style=bold" : "");
	string(g->out, label.data ? label.data : "");
	bf_buf_puts(g->out, "];\n");
	g->chains[g->n_chains++] = name;
	return label.err;
}

static void call(struct graph *g, const char *to, bool comes_back)
{
	for (uint32_t i = 0; i < g->n_chains; i++)
		if (!strcmp(g->chains[i], to)) {
			g->arrows[i].jumps += comes_back;
			g->arrows[i].gotos += !comes_back;
			return;
		}
}

static void arrow(struct graph *g, uint32_t from, uint32_t to, uint32_t n, bool comes_back)
{
	if (!n)
		return;
	bf_buf_puts(g->out, "\t\t");
	node(g, from);
	bf_buf_puts(g->out, " -> ");
	node(g, to);
	bf_buf_puts(g->out, comes_back ? " [" : " [style=dashed, ");
	bf_buf_printf(g->out, n > 1 ? "label=\"%u\"];\n" : "];\n", n);
}

static void flush_arrows(struct graph *g, uint32_t from)
{
	for (uint32_t to = 0; to < g->n_chains; to++) {
		arrow(g, from, to, g->arrows[to].jumps, true);
		arrow(g, from, to, g->arrows[to].gotos, false);
	}
	memset(g->arrows, 0, g->n_chains * sizeof(*g->arrows));
}

static void end_table(struct graph *g)
{
	bf_buf_puts(g->out, "\t}\n");
	free(g->chains);
	free(g->arrows);
	g->chains = NULL;
	g->arrows = NULL;
	g->n_chains = g->cap = 0;
	g->table++;
}

static int room_for_arrows(struct graph *g)
{
	g->arrows = calloc(g->n_chains + 1ul, sizeof(*g->arrows));
	return g->arrows ? 0 : -ENOMEM;
}

/* Native tables. */

struct native_calls {
	struct graph *g;
	const struct bf_ast_table *t;
};

static bool native_call(void *arg, const struct bf_nref *r)
{
	const struct native_calls *c = arg;

	if (r->kind == BF_OBJ_CHAIN)
		call(c->g, *r->name, !r->leaves);
	if (r->kind != BF_OBJ_SET)
		return true;
	for (const struct bf_ast_set *s = c->t->sets; s; s = s->next) {
		const struct bf_ast_expr *e = s->map && !strcmp(s->name.text, *r->name) ? bf_ast_peel(s->elements) : NULL;

		for (const struct bf_ast_elem *el = e ? e->set.first : NULL; el; el = el->next)
			bf_nrefs_elem(el, native_call, arg);
	}
	return true;
}

static void stands_at(struct bf_buf *out, const struct bf_ast_chain *c)
{
	if (!c->base)
		return;
	bf_buf_printf(out, "%s", c->base->hook ? c->base->hook->name : "sockops");
	if (c->base->devices) {
		bf_buf_puts(out, " ");
		bf_native_print_expr(out, c->base->devices);
	}
	bf_buf_printf(out, ", priority %d, policy %s", c->base->prio, c->policy ? c->policy : "accept");
}

static int native_chains(struct graph *g, const struct bf_ast_table *t)
{
	int rc = 0;

	for (const struct bf_ast_chain *c = t->chains; c && !rc; c = c->next) {
		_cleanup_buf_ struct bf_buf stands = { 0 };
		uint32_t rules = 0;

		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			rules++;
		stands_at(&stands, c);
		rc = stands.err ? stands.err : add_chain(g, c->name.text, &stands, rules);
	}
	return rc ? rc : room_for_arrows(g);
}

static int native_table(struct bf_ctx *ctx, struct graph *g, const struct native_unit *u)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	struct native_calls calls = { .g = g };
	struct bf_ast_cmd *cmd;
	uint32_t from = 0;
	int rc = bf_native_parse(&ast, "", "", 0, NULL, NULL);

	if (!rc)
		rc = bf_nstored_parse(&u->stored, ast, &cmd, &ctx->diag);
	if (rc)
		return rc;
	calls.t = cmd->body;
	begin_table(g, u->stored.family->name, u->stored.name, "");
	rc = native_chains(g, cmd->body);
	for (const struct bf_ast_chain *c = cmd->body->chains; c && !rc; c = c->next) {
		for (const struct bf_ast_rule *r = c->rules; r; r = r->next)
			bf_nrefs_stmts(r->stmts, native_call, &calls);
		flush_arrows(g, from++);
	}
	end_table(g);
	return rc;
}

/* Those of iptables, by their models. */

static int xt_chains(struct graph *g, const struct bf_table *t)
{
	int rc = 0;

	for (uint32_t i = 0; i < t->n_chains && !rc; i++) {
		const struct bf_chain *c = t->chains[i];
		_cleanup_buf_ struct bf_buf stands = { 0 };

		if (c->base)
			bf_buf_printf(&stands, "%s, policy %s", bf_hook_name(c->at.hook), bf_verdict_name(c->policy));
		rc = stands.err ? stands.err : add_chain(g, c->name, &stands, c->n_rules);
	}
	return rc ? rc : room_for_arrows(g);
}

static int xt_table(struct graph *g, struct bf_ns *ns, const char *unit)
{
	_cleanup_stored_ struct bf_stored s = {};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	int family, rc;
	const char *name = bf_unit_table(unit, &family);

	rc = bf_stored_load(ns, family, name, &s);
	if (!rc)
		rc = bf_xt_to_ruleset(s.state, s.len, &rs, NULL);
	if (rc)
		return rc;
	begin_table(g, family == AF_INET6 ? "ip6" : "ip", name, "iptables: ");
	rc = xt_chains(g, rs->tables[0]);
	for (uint32_t i = 0; i < rs->tables[0]->n_chains && !rc; i++) {
		const struct bf_chain *c = rs->tables[0]->chains[i];

		for (uint32_t k = 0; k < c->n_rules; k++)
			if (c->rules[k].verdict.chain)
				call(g, c->rules[k].verdict.chain->name, c->rules[k].verdict.kind == BF_VERDICT_JUMP);
		flush_arrows(g, i);
	}
	end_table(g);
	return rc;
}

static int draw(struct bf_ctx *ctx, struct bf_ns *ns, struct graph *g)
{
	_cleanup_units_ struct native_units units = {};
	_cleanup_buf_ struct bf_buf names = {};
	int rc = bf_native_units(ctx, ns, &units);

	for (uint32_t i = 0; i < units.n && !rc; i++)
		rc = native_table(ctx, g, &units.v[i]);
	if (!rc)
		rc = bf_ns_units(ns, &names);
	for (const char *u = names.data; !rc && u && u < names.data + names.len; u += strlen(u) + 1)
		if (!bf_native_is_unit(u))
			rc = xt_table(g, ns, u);
	return rc;
}

int bf_graph(struct bf_ctx *ctx, char **text)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	struct graph g = { .out = &out };
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (rc == -ENOENT)
		bf_ctx_begin(ctx);
	else if (rc)
		return rc;
	bf_buf_puts(&out, "digraph bpfilter {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n");
	rc = ns ? draw(ctx, ns, &g) : 0;
	bf_buf_puts(&out, "}\n");
	if (rc || out.err)
		return rc ? rc : out.err;
	*text = TAKE_PTR(out.data);
	return 0;
}
