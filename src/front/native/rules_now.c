/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules_now.c: chains as they are now (rules.h). Which ones: those that came,
 * those that rules of the stub lead to, and their rules, and so on. On the way it is found out
 * which hooks' packets come to them, since what came may lead others there:
 * a chain is looked at again when it gets more.
 */
#include "front/native/change.h"
#include "front/native/rules.h"

enum { NOW_MAX = 256 /* rules of such chains */ };

struct chain {
	bool wanted, tried, whole; /* tried: to be read */
	bool again;                /* its hooks are more than when its rules were looked at last */
	uint32_t hooks;
	struct bf_ast_rule *rules;
	struct bf_buf list;        /* struct bf_nrule_change, of these */
};

struct finder {
	struct bf_nrules *r;
	struct chain *chains;
	uint32_t from;   /* whose rule is looked at */
	bool more;       /* what it leads to gets its packets, too: it came, or its chain did */
	uint32_t n_rules;
	bool any, lost;
};

static bool take_ref(void *arg, const struct bf_nref *ref)
{
	struct finder *f = arg;
	uint32_t to, hooks;

	if (ref->kind != BF_OBJ_CHAIN)
		return true;
	to = bf_nrules_chain(f->r, *ref->name);
	if (to == f->r->n_chains)
		return false;
	hooks = f->chains[to].hooks | (f->more ? f->chains[f->from].hooks : 0);
	f->any = true;
	f->chains[to].again |= !f->chains[to].wanted || hooks != f->chains[to].hooks;
	f->chains[to].hooks = hooks;
	f->chains[to].wanted = true;
	return true;
}

static bool take_stub(struct finder *f, const struct bf_buf *before)
{
	const struct bf_nrule_change *c = (const void *)before->data;
	uint32_t i = 0;

	for (const struct bf_ast_chain *chain = f->r->table->body->chains; chain; chain = chain->next, i++)
		for (const struct bf_ast_rule *r = chain->rules; r; r = r->next, c++) {
			f->from = i;
			f->more = c->kind == BF_CAME;
			if (c->kind != BF_WENT && !bf_nrefs_stmts(r->stmts, take_ref, f))
				return false;
		}
	return true;
}

/* Rules of a chain, in order. */

static void add(struct chain *c, struct bf_ast_rule ***tail, enum bf_change_kind kind, uint32_t chain, uint32_t rule,
                struct bf_ast_rule *ast)
{
	const struct bf_nrule_change x = { kind, chain, rule, ast->handle };

	bf_buf_add(&c->list, &x, sizeof(x));
	ast->next = NULL;
	**tail = ast;
	*tail = &ast->next;
}

/* They are in the stub's chains, too. */
static int add_came(const struct bf_nrules *r, struct chain *c, struct bf_ast_rule ***tail, uint32_t chain, uint32_t before)
{
	for (uint32_t i = 0; i < r->n_came; i++) {
		struct bf_ast_rule *copy;

		if (r->came[i].chain != chain || r->came[i].before != before)
			continue;
		copy = bf_arena_memdup(r->ast->arena, r->came[i].rule, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		add(c, tail, BF_CAME, chain, before, copy);
	}
	return 0;
}

static int read_rules(struct finder *f, uint32_t chain)
{
	const struct bf_nindex_chain *x = &f->r->chains[chain];
	struct chain *c = &f->chains[chain];
	struct bf_ast_rule **tail = &c->rules;
	_cleanup_buf_ struct bf_buf numbers = { 0 };
	struct bf_ast_cmd *cmd;
	int err;

	for (uint32_t i = x->first; i < x->first + x->n; i++)
		if (!bf_nrules_has_gone(f->r, i))
			bf_buf_add(&numbers, &i, sizeof(i));
	err = numbers.err ? numbers.err : bf_nrules_read(f->r, &numbers, &cmd);
	for (uint32_t i = x->first; !err && i <= x->first + x->n; i++) {
		err = add_came(f->r, c, &tail, chain, i);
		if (err || i == x->first + x->n || bf_nrules_has_gone(f->r, i))
			continue;
		if (!cmd)
			return -EAGAIN;
		cmd->rule->handle = bf_nrules_handle(f->r, chain, i);
		add(c, &tail, BF_STAYS, chain, i, cmd->rule);
		cmd = cmd->next;
	}
	return err ? err : c->list.err;
}

static uint32_t count_came(const struct bf_nrules *r, uint32_t chain)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n_came; i++)
		n += r->came[i].chain == chain;
	return n;
}

/* What it leads to. Of one that is too long that is not known: then it must get no packets that it did not get before. */
static int look_at(struct finder *f, uint32_t chain)
{
	const struct bf_nindex_chain *x = &f->r->chains[chain];
	struct chain *c = &f->chains[chain];
	uint32_t n = x->n + count_came(f->r, chain);
	int err = 0;

	c->again = false;
	if (!c->tried && n <= NOW_MAX - f->n_rules) {
		f->n_rules += n;
		c->whole = true;
		err = read_rules(f, chain);
	}
	c->tried = true;
	if (!c->whole && (c->hooks & ~x->hooks || chain >= f->r->head->n_chains))
		return -EAGAIN;
	f->from = chain;
	f->more = true;
	for (const struct bf_ast_rule *r = c->rules; r && !err; r = r->next)
		err = bf_nrefs_stmts(r->stmts, take_ref, f) ? 0 : -EAGAIN;
	return err;
}

static int find_all(struct finder *f, const struct bf_buf *before)
{
	bool again = true;
	int err = 0;

	for (uint32_t i = 0; i < f->r->n_chains; i++) {
		bool came = i >= f->r->head->n_chains && !f->r->gone[i];

		f->chains[i].hooks = f->r->chains[i].hooks;
		f->chains[i].wanted = f->chains[i].again = came;
		f->any |= came;
	}
	if (!take_stub(f, before))
		return -EAGAIN;
	while (again && f->any && !err) {
		again = false;
		for (uint32_t i = 0; i < f->r->n_chains && !err; i++)
			if (f->chains[i].wanted && f->chains[i].again) {
				again = true;
				err = look_at(f, i);
			}
	}
	return err;
}

/* As a table. */

static int put_chain(struct finder *f, uint32_t i, const struct bf_ast_chain *chain, struct bf_ast_chain ***tail,
                     struct bf_nrules_now *out)
{
	const struct bf_nchain_now now = { i, f->chains[i].whole };
	struct bf_ast_chain *copy = bf_arena_memdup(f->r->ast->arena, chain, sizeof(*chain));

	if (!copy)
		return -ENOMEM;
	copy->next = NULL;
	copy->rules = f->chains[i].rules;
	copy->hooks = f->chains[i].hooks;
	**tail = copy;
	*tail = &copy->next;
	bf_buf_add(&out->chains, &now, sizeof(now));
	bf_buf_add(&out->rules, f->chains[i].list.data, f->chains[i].list.len);
	return out->chains.err ? out->chains.err : out->rules.err;
}

static int put_table(struct finder *f, struct bf_nrules_now *out)
{
	struct bf_ast_cmd *table = bf_arena_memdup(f->r->ast->arena, f->r->table, sizeof(*table));
	struct bf_ast_table *body = bf_arena_memdup(f->r->ast->arena, f->r->table->body, sizeof(*body));
	struct bf_ast_chain **tail;
	uint32_t i = 0;
	int err = 0;

	if (!table || !body)
		return -ENOMEM;
	tail = &body->chains;
	*tail = NULL;
	table->body = body;
	for (const struct bf_ast_chain *c = f->r->table->body->chains; c && !err; c = c->next, i++)
		if (f->chains[i].wanted)
			err = put_chain(f, i, c, &tail, out);
	out->table = table;
	return err;
}

int bf_nrules_now(struct bf_nrules *r, const struct bf_buf *before, struct bf_nrules_now *out)
{
	struct finder f = { .r = r, .chains = calloc(r->n_chains + 1ul, sizeof(*f.chains)) };
	int err = f.chains ? find_all(&f, before) : -ENOMEM;

	if (!err && f.any)
		err = put_table(&f, out);
	for (uint32_t i = 0; f.chains && i < r->n_chains; i++)
		bf_buf_free(&f.chains[i].list);
	free(f.chains);
	return err;
}
