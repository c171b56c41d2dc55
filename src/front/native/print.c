/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print.c: commands and blocks. A block stands as nft lists it, over lines with
 * tabs; one that belongs to a command other than "add table" stands on the
 * command's line.
 */
#include "front/native/parse.h"
#include "front/native/print.h"

/* A line of a block: what it begins with, and what ends it. */
static void begin(const struct bf_nprint *p)
{
	for (unsigned i = 0; !p->line && i < p->indent; i++)
		bf_buf_puts(p->out, "\t");
	bf_buf_puts(p->out, p->line ? " " : "");
}

static void end(const struct bf_nprint *p)
{
	bf_buf_puts(p->out, p->line ? ";" : "\n");
}

static void print_handle(const struct bf_nprint *p, uint64_t handle)
{
	if (handle && p->flags & BF_PRINT_HANDLES && !p->line)
		bf_buf_printf(p->out, " # handle %llu", (unsigned long long)handle);
}

static void open_block(struct bf_nprint *p, uint64_t handle)
{
	bf_buf_puts(p->out, " {");
	print_handle(p, handle);
	bf_buf_puts(p->out, p->line ? "" : "\n");
	p->indent++;
}

static void close_block(struct bf_nprint *p)
{
	p->indent--;
	begin(p);
	bf_buf_puts(p->out, "}");
	if (!p->line)
		bf_buf_puts(p->out, "\n");
}

static void print_comment(const struct bf_nprint *p, const char *comment)
{
	if (!comment)
		return;
	begin(p);
	bf_buf_printf(p->out, "comment \"%s\"", comment);
	end(p);
}

/* Chains. */

static void print_prio(const struct bf_nprint *p, const struct bf_ast_base *b, const struct bf_nfamily *f)
{
	struct bf_buf *out = p->out;

	for (size_t i = 0; i < bf_n_nprios && !(p->flags & BF_PRINT_NUMBERS); i++) {
		const struct bf_nprio *n = &bf_nprios[i];
		long off = (long)b->prio - n->value;

		if (!(n->families & f->bit) || (n->nf >= 0 && (!b->hook || b->hook->nf != n->nf)) || off < -10 || off > 10)
			continue;
		bf_buf_printf(out, " priority %s", n->name);
		if (off)
			bf_buf_printf(out, " %c %ld", off < 0 ? '-' : '+', off < 0 ? -off : off);
		return;
	}
	bf_buf_printf(out, " priority %d", b->prio);
}

static void print_base(const struct bf_nprint *p, const struct bf_ast_base *b, const struct bf_nfamily *f)
{
	begin(p);
	bf_buf_printf(p->out, "type %s", b->type == BF_CHAIN_SOCKOPS ? "sockops" : "filter");
	if (b->hook)
		bf_buf_printf(p->out, " hook %s", b->hook->name);
	if (b->devices) {
		bf_buf_puts(p->out, bf_ast_peel(b->devices)->kind == BF_AST_SET ? " devices = " : " device ");
		bf_print_expr(p->out, b->devices);
	}
	if (b->cgroup.text)
		bf_buf_printf(p->out, " cgroup \"%s\"", b->cgroup.text);
	if (b->mode)
		bf_buf_printf(p->out, " mode %s", b->mode);
	if (b->has_prio)
		print_prio(p, b, f);
	bf_buf_puts(p->out, ";");
}

static void print_chain(struct bf_nprint *p, const struct bf_ast_chain *c, const struct bf_nfamily *f)
{
	open_block(p, c->handle);
	print_comment(p, c->comment);
	if (c->base) {
		print_base(p, c->base, f);
		if (c->base->type == BF_CHAIN_FILTER)
			bf_buf_printf(p->out, " policy %s;", c->policy ? c->policy : "accept");
		bf_buf_puts(p->out, p->line ? "" : "\n");
	} else if (c->policy) {
		begin(p);
		bf_buf_printf(p->out, "policy %s", c->policy);
		end(p);
	}
	for (const struct bf_ast_rule *r = c->rules; r; r = r->next) {
		begin(p);
		bf_native_print_rule(p->out, r);
		print_handle(p, r->handle);
		end(p);
	}
	close_block(p);
}

/* Sets. */

static void print_types(struct bf_buf *out, const struct bf_ntype *const *t, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		bf_buf_printf(out, "%s%s", i ? " . " : " ", t[i] ? t[i]->name : "?");
}

static void print_type(const struct bf_nprint *p, const struct bf_ast_set *s)
{
	begin(p);
	bf_buf_puts(p->out, s->key_of ? "typeof " : "type");
	if (s->key_of)
		bf_print_expr(p->out, s->key_of);
	else
		print_types(p->out, s->key, s->n_key);
	if (s->map)
		bf_buf_puts(p->out, s->data_of ? " : " : " :");
	if (s->data_of)
		bf_print_expr(p->out, s->data_of);
	else if (s->map)
		print_types(p->out, s->data, s->n_data);
	end(p);
}

static void print_flags(const struct bf_nprint *p, uint32_t flags)
{
	static const char *const words[] = { "constant", "interval", "timeout", "dynamic" };
	static const unsigned order[] = { 0, 3, 1, 2 }; /* nft's */
	const char *comma = " ";

	if (!flags)
		return;
	begin(p);
	bf_buf_puts(p->out, "flags");
	for (unsigned i = 0; i < BF_ARRAY_SIZE(order); i++)
		if (flags & 1u << order[i]) {
			bf_buf_printf(p->out, "%s%s", comma, words[order[i]]);
			comma = ",";
		}
	end(p);
}

static void print_time(const struct bf_nprint *p, const char *word, bool has, uint64_t ms)
{
	if (!has)
		return;
	begin(p);
	bf_buf_printf(p->out, "%s ", word);
	bf_ntime_print(p->out, ms);
	end(p);
}

static void print_word(const struct bf_nprint *p, const char *word, bool has)
{
	if (!has)
		return;
	begin(p);
	bf_buf_puts(p->out, word);
	end(p);
}

static void print_set(struct bf_nprint *p, const struct bf_ast_set *s)
{
	open_block(p, s->handle);
	print_type(p, s);
	print_word(p, "policy memory", s->policy && s->policy[0] == 'm');
	if (s->has_size) {
		begin(p);
		bf_buf_printf(p->out, "size %llu", (unsigned long long)s->size);
		end(p);
	}
	print_flags(p, s->flags);
	for (const struct bf_ast_stmt *i = s->stmts; i; i = i->next) {
		begin(p);
		if (i->kind == BF_STMT_COUNTER && !i->counter.packets && !i->counter.bytes)
			bf_buf_puts(p->out, "counter");
		else
			bf_print_stmt(p->out, i);
		end(p);
	}
	print_word(p, "auto-merge", s->auto_merge);
	print_time(p, "timeout", s->has_timeout, s->timeout);
	print_time(p, "gc-interval", s->has_gc, s->gc);
	print_comment(p, s->comment);
	if (s->elements) {
		begin(p);
		bf_buf_puts(p->out, "elements = ");
		bf_print_set(p->out, s->elements, p->line ? NULL : "\n\t\t\t     ");
		end(p);
	}
	close_block(p);
}

static void print_obj(struct bf_nprint *p, const struct bf_ast_obj *o)
{
	open_block(p, o->handle);
	print_comment(p, o->comment);
	if (o->state) {
		begin(p);
		bf_print_state(p->out, o->state);
		end(p);
	}
	close_block(p);
}

/* Tables: objects, sets, chains, an empty line between them. */

static void head(const struct bf_nprint *p, bool *any, const char *word, const char *name)
{
	if (*any)
		bf_buf_puts(p->out, "\n");
	*any = true;
	begin(p);
	bf_buf_printf(p->out, "%s %s", word, name);
}

static void print_table(struct bf_nprint *p, const struct bf_ast_table *t, const struct bf_nfamily *f)
{
	bool any = t->dormant || t->comment;

	open_block(p, t->handle);
	print_word(p, "flags dormant", t->dormant);
	print_comment(p, t->comment);
	for (const struct bf_ast_obj *o = t->objs; o; o = o->next) {
		head(p, &any, bf_nobjects[o->type], o->name.text);
		print_obj(p, o);
	}
	for (const struct bf_ast_set *s = t->sets; s; s = s->next) {
		head(p, &any, s->map ? "map" : "set", s->name.text);
		print_set(p, s);
	}
	for (const struct bf_ast_chain *c = t->chains; c; c = c->next) {
		head(p, &any, "chain", c->name.text);
		print_chain(p, c, f);
	}
	close_block(p);
}

/* Commands. */

static const char *const wheres[] = {
	[BF_AT_HANDLE] = "handle", [BF_AT_POSITION] = "position", [BF_AT_INDEX] = "index"
};

static bool needs_family(const struct bf_ast_cmd *c)
{
	return c->table.text || c->where == BF_AT_HANDLE;
}

static void print_target(struct bf_buf *out, const struct bf_ast_cmd *c, const struct bf_nfamily *f)
{
	bf_buf_printf(out, "%s", bf_nobjects[c->object]);
	if (c->object >= BF_OBJ_TABLES && c->table.text)
		bf_buf_puts(out, " table");
	if (c->family || needs_family(c))
		bf_buf_printf(out, " %s", f->name);
	if (c->table.text)
		bf_buf_printf(out, " %s", c->table.text);
	if (c->name.text)
		bf_buf_printf(out, " %s", c->name.text);
	if (c->to.text)
		bf_buf_printf(out, " %s", c->to.text);
	if (c->where)
		bf_buf_printf(out, " %s %llu", wheres[c->where], (unsigned long long)c->at);
}

static void print_block(struct bf_nprint *p, const struct bf_ast_cmd *c, const struct bf_nfamily *f)
{
	bool table = c->verb == BF_VERB_ADD && c->body;

	p->line = !table;
	if (table) {
		bf_buf_printf(p->out, "table %s %s", f->name, c->table.text);
		print_table(p, c->body, f);
		return;
	}
	bf_buf_printf(p->out, "%s ", bf_nverbs[c->verb].name);
	print_target(p->out, c, f);
	if (c->body)
		print_table(p, c->body, f);
	else if (c->chain)
		print_chain(p, c->chain, f);
	else if (c->set)
		print_set(p, c->set);
	else if (c->obj && (c->obj->state || c->obj->comment))
		print_obj(p, c->obj);
	if (c->rule) {
		bf_buf_puts(p->out, " ");
		bf_native_print_rule(p->out, c->rule);
	}
	if (c->elements) {
		bf_buf_puts(p->out, " ");
		bf_print_expr(p->out, c->elements);
	}
	bf_buf_puts(p->out, "\n");
}

void bf_native_print_cmd(struct bf_buf *out, const struct bf_ast_cmd *c)
{
	bf_native_print_as(out, c, 0);
}

void bf_native_print_as(struct bf_buf *out, const struct bf_ast_cmd *c, unsigned flags)
{
	struct bf_nprint p = { .out = out, .flags = flags };

	print_block(&p, c, c->family ? c->family : &bf_nfamilies[0]);
}

void bf_native_print(struct bf_buf *out, const struct bf_ast *ast)
{
	for (const struct bf_ast_cmd *c = ast->cmds; c; c = c->next)
		bf_native_print_cmd(out, c);
}
