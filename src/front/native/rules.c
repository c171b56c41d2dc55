/* SPDX-License-Identifier: GPL-2.0-only */
/* rules.c: see rules.h. */
#include "front/native/rules.h"

#include "front/native/change.h"

enum { STAYS_MAX = 4096 };

/* -------------------------------------------------------------------- opening */

/* Rules stand in the text one behind the other, chain by chain. */
static bool index_fits(const struct bf_nrules *r, size_t text_len)
{
	uint32_t next = 0, k = 0;
	size_t at = 0;

	for (uint32_t i = 0; i < r->head->n_chains; i++) {
		const struct bf_nindex_chain *c = &r->chains[i];

		if (c->first != next || c->n > r->head->n_rules - next)
			return false;
		for (next += c->n; k < next; k++) {
			if (r->rules[k].text < at)
				return false;
			at = (size_t)r->rules[k].text + r->rules[k].len;
		}
		if (c->end < at)
			return false;
		at = c->end;
	}
	return next == r->head->n_rules && at <= text_len;
}

static int read_bare(struct bf_nrules *r, const char *text)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	uint32_t n = 0;
	int err = bf_native_parse_more(r->ast, "chains", text, r->head->text_len, &o, &r->table, NULL);

	if (err)
		return err == -ENOMEM ? err : -EAGAIN;
	if (!r->table || !r->table->body)
		return -EAGAIN;
	for (struct bf_ast_chain *c = r->table->body->chains; c; c = c->next, n++) {
		if (n == r->head->n_chains)
			return -EAGAIN;
		c->handle = r->chains[n].handle;
		c->hooks = r->chains[n].hooks;
	}
	return n == r->head->n_chains ? 0 : -EAGAIN;
}

static int read_index(struct bf_nrules *r, const struct bf_nstored *s)
{
	const struct bf_nindex_head *h = s->index;
	size_t chains, rules, len = s->head->index_len;

	if (len < sizeof(*h) || s->head->n_handles < (uint64_t)h->n_chains + h->n_rules)
		return -EAGAIN;
	chains = h->n_chains * sizeof(*r->chains);
	rules = h->n_rules * sizeof(*r->rules);
	if (len < sizeof(*h) + chains + rules + h->text_len + 1)
		return -EAGAIN;
	r->head = h;
	r->rules = (const void *)((const char *)(h + 1) + chains);
	r->chains = calloc(h->n_chains + 1ul, sizeof(*r->chains));
	r->gone = calloc(h->n_chains + 1ul, sizeof(*r->gone));
	if (!r->chains || !r->gone)
		return -ENOMEM;
	memcpy(r->chains, h + 1, chains);
	r->n_chains = h->n_chains;
	r->cap_chains = h->n_chains + 1;
	r->handles = s->handles + (s->head->n_handles - h->n_chains - h->n_rules);
	if (!index_fits(r, s->head->text_len))
		return -EAGAIN;
	return read_bare(r, (const char *)r->rules + rules);
}

/* Sets have no elements: it may take long to read these. */
static int read_sets(struct bf_nrules *r, const struct bf_nstored *s)
{
	struct bf_ast_cmd *types;
	int err = bf_nstored_types(s, r->ast, &types, NULL);

	if (err)
		return err == -ENOMEM ? err : -EAGAIN;
	r->table->body->sets = types->body->sets;
	r->table->body->objs = types->body->objs;
	return 0;
}

static int apply_record(struct bf_nrules *r, const struct bf_nlog_record *rec)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	const char *text = (const char *)(rec + 1) + sizeof(uint64_t) + rec->n * sizeof(struct bf_eval_counter);
	struct bf_ast_cmd *cmd, *next;
	int err;

	if (rec->kind != BF_NLOG_COMMANDS) /* elements: no rule that changes speaks of sets */
		return 0;
	err = bf_native_parse_more(r->ast, "log", text, strnlen(text, (size_t)((const char *)rec + rec->len - text)), &o, &cmd,
	                           NULL);
	for (; !err && cmd; cmd = next) {
		next = cmd->next;
		err = bf_nrules_apply(r, cmd);
	}
	return err;
}

int bf_nrules_open(struct bf_nrules *r, const struct bf_nstored *s, struct bf_ast *ast)
{
	const struct bf_nlog_record *rec;
	size_t at = 0;
	int err;

	*r = (struct bf_nrules){ .text = s->text, .ast = ast, .last = s->head->last };
	err = read_index(r, s);
	if (!err)
		err = read_sets(r, s);
	while (!err && (rec = bf_nlog_next(s->log, s->log_len, &at)))
		err = apply_record(r, rec);
	return err ? err : r->last == s->last ? 0 : -EAGAIN;
}

void bf_nrules_free(struct bf_nrules *r)
{
	free(r->came);
	free(r->went);
	free(r->chains);
	free(r->gone);
	*r = (struct bf_nrules){ 0 };
}

/* --------------------------------------------------------------------- places */

uint32_t bf_nrules_chain(const struct bf_nrules *r, const char *name)
{
	const struct bf_ast_chain *c = r->table->body->chains;
	uint32_t i = 0;

	for (; c && (r->gone[i] || strcmp(c->name.text, name)); c = c->next)
		i++;
	return i;
}

bool bf_nrules_has_gone(const struct bf_nrules *r, uint32_t rule)
{
	for (uint32_t i = 0; i < r->n_went; i++)
		if (r->went[i] == rule)
			return true;
	return false;
}

/* Where something stands, or would: number `at` in the list of those that came. */
struct place {
	uint32_t before; /* rule of the index */
	uint32_t at;
	bool came;       /* it is the one that came, number `at`; else it is rule `before` */
};

/* The first that came to the chain and stands behind all that came before rule `before` of it; n_came: none. */
static uint32_t behind(const struct bf_nrules *r, uint32_t chain, uint32_t before, bool include)
{
	uint32_t i = 0;

	while (i < r->n_came &&
	       (r->came[i].chain != chain || r->came[i].before < before || (include && r->came[i].before == before)))
		i++;
	return i;
}

static bool find_rule(const struct bf_nrules *r, uint32_t chain, uint64_t handle, struct place *out)
{
	const struct bf_nindex_chain *c = &r->chains[chain];

	for (uint32_t i = 0; i < r->n_came; i++)
		if (r->came[i].chain == chain && r->came[i].handle == handle)
			return *out = (struct place){ r->came[i].before, i, true }, true;
	for (uint32_t i = c->first; i < c->first + c->n; i++)
		if (bf_nrules_handle(r, chain, i) == handle && !bf_nrules_has_gone(r, i))
			return *out = (struct place){ i, 0, false }, true;
	return false;
}

/* Rule number `number` of the chain as it is now. */
static bool find_number(const struct bf_nrules *r, uint32_t chain, uint64_t number, struct place *out)
{
	const struct bf_nindex_chain *c = &r->chains[chain];

	for (uint32_t i = c->first; i <= c->first + c->n; i++) {
		for (uint32_t k = 0; k < r->n_came; k++)
			if (r->came[k].chain == chain && r->came[k].before == i && !number--)
				return *out = (struct place){ i, k, true }, true;
		if (i < c->first + c->n && !bf_nrules_has_gone(r, i) && !number--)
			return *out = (struct place){ i, 0, false }, true;
	}
	return false;
}

/* Of the rule that a command names: where one stands that comes before or behind it. */
static void beside(const struct bf_nrules *r, uint32_t chain, struct place *p, bool after)
{
	if (p->came) {
		p->at += after;
	} else {
		p->before += after;
		p->at = behind(r, chain, p->before, !after);
	}
}

static bool place_of(const struct bf_nrules *r, uint32_t chain, const struct bf_ast_cmd *cmd, struct place *out)
{
	const struct bf_nindex_chain *c = &r->chains[chain];
	bool add = cmd->verb == BF_VERB_ADD;

	if (!cmd->where) {
		out->before = add ? c->first + c->n : c->first;
		out->at = behind(r, chain, out->before, add);
		return true;
	}
	if (cmd->where == BF_AT_INDEX ? !find_number(r, chain, cmd->at, out) : !find_rule(r, chain, cmd->at, out))
		return false;
	beside(r, chain, out, add);
	return true;
}

/* ---------------------------------------------------------------------- reading */

int bf_nrules_read(const struct bf_nrules *r, const struct bf_buf *numbers, struct bf_ast_cmd **out)
{
	const struct bf_native_opts o = { .max_nodes = UINT32_MAX };
	const char *family = r->table->family ? r->table->family->name : "ip", *chain = r->table->body->chains->name.text;
	_cleanup_buf_ struct bf_buf text = { 0 };
	int err;

	*out = NULL;
	if (!numbers->len)
		return 0;
	for (const uint32_t *i = (const void *)numbers->data; (const char *)i < numbers->data + numbers->len; i++) {
		bf_buf_printf(&text, "add rule %s %s %s ", family, r->table->table.text, chain); /* which chain is of no interest */
		bf_buf_add(&text, r->text + r->rules[*i].text, r->rules[*i].len);
	}
	err = text.err ? text.err : bf_native_parse_more(r->ast, "rules", text.data, text.len, &o, out, NULL);
	return err && err != -ENOMEM ? -EAGAIN : err;
}

/* ------------------------------------------------------------------- commands */

struct looker {
	struct bf_nrules *r;
	uint32_t chain;
	bool jumps;
};

static const struct bf_ast_set *find_set(const struct bf_nrules *r, const char *name)
{
	const struct bf_ast_set *s = r->table->body->sets;

	while (s && strcmp(s->name.text, name))
		s = s->next;
	return s;
}

static bool is_base(const struct bf_nrules *r, uint32_t chain)
{
	const struct bf_ast_chain *c = r->table->body->chains;

	while (chain--)
		c = c->next;
	return c->base;
}

/*
 * Sets and objects as they were compiled are looked into (gen/ knows which). Where a map leads is not told here: from a
 * chain at a hook, to which nothing leads, packets do not go in a circle.
 */
static bool look_at_set(const struct bf_nrules *r, uint32_t chain, const struct bf_nref *ref)
{
	const struct bf_ast_set *s = find_set(r, *ref->name);
	struct bf_types key, data;

	if (ref->kind != BF_OBJ_SET)
		return true;
	if (!s || s->flags & BF_SET_CONSTANT)
		return false;
	bf_native_set_types(s, &key, &data);
	return !data.n || data.type[0]->form != BF_FORM_VERDICT || is_base(r, chain);
}

/* Packets must not go in a circle: a jump leads where nothing leads on, or comes from a chain to which nothing leads. */
static bool look_at(void *arg, const struct bf_nref *ref)
{
	struct looker *l = arg;
	uint32_t to;

	if (ref->kind != BF_OBJ_CHAIN)
		return look_at_set(l->r, l->chain, ref);
	to = bf_nrules_chain(l->r, *ref->name);
	if (to == l->r->n_chains || to == l->chain || is_base(l->r, to) ||
	    (l->r->chains[to].jumps && !is_base(l->r, l->chain)))
		return false;
	l->jumps = true;
	return true;
}

/* A counter that does not begin at 0 has to be told the kernel. */
static bool begins_at_0(const struct bf_ast_rule *rule)
{
	for (struct bf_ast_stmt *s = rule->stmts; s; s = s->next)
		if (s->kind == BF_STMT_COUNTER) {
			if (s->counter.packets || s->counter.bytes)
				return false;
			s->counter.bare = true;
		}
	return true;
}

static int come(struct bf_nrules *r, uint32_t chain, const struct place *p, struct bf_ast_rule *rule)
{
	struct looker l = { r, chain, false };

	if (!begins_at_0(rule) || !bf_nrefs_stmts(rule->stmts, look_at, &l))
		return -EAGAIN;
	if (bf_grow(&r->came, r->n_came, &r->cap_came, sizeof(*r->came)))
		return -ENOMEM;
	r->chains[chain].jumps |= l.jumps;
	rule->handle = ++r->last;
	memmove(&r->came[p->at + 1], &r->came[p->at], (r->n_came++ - p->at) * sizeof(*r->came));
	r->came[p->at] = (struct bf_nrule_came){ chain, p->before, rule->handle, rule };
	return 0;
}

static int go(struct bf_nrules *r, const struct place *p)
{
	if (p->came) {
		memmove(&r->came[p->at], &r->came[p->at + 1], (--r->n_came - p->at) * sizeof(*r->came));
		return 0;
	}
	if (bf_grow(&r->went, r->n_went, &r->cap_went, sizeof(*r->went)))
		return -ENOMEM;
	r->went[r->n_went++] = p->before;
	return 0;
}

static int replace(struct bf_nrules *r, uint32_t chain, const struct bf_ast_cmd *cmd)
{
	struct place p, in;
	int err;

	if (!find_rule(r, chain, cmd->at, &p))
		return -EAGAIN;
	in = p;
	beside(r, chain, &in, true);
	err = come(r, chain, &in, cmd->rule);
	return err ? err : go(r, &p);
}

/* ----------------------------------------------------------- chains come and go */

/* With a name that no chain of the text has, there or gone. */
static int add_chain(struct bf_nrules *r, const struct bf_ast_cmd *cmd)
{
	struct bf_ast_chain **tail = &r->table->body->chains, *c = cmd->chain;
	uint32_t cap = r->cap_chains;
	bool *gone;

	if (c && (c->base || c->policy || c->rules))
		return -EAGAIN;
	for (; *tail; tail = &(*tail)->next)
		if (!strcmp((*tail)->name.text, cmd->name.text))
			return -EAGAIN;
	if (bf_grow(&r->chains, r->n_chains, &r->cap_chains, sizeof(*r->chains)))
		return -ENOMEM;
	gone = cap == r->cap_chains ? r->gone : realloc(r->gone, r->cap_chains * sizeof(*gone));
	*tail = bf_arena_new_of(r->ast->arena, struct bf_ast_chain);
	if (!gone || !*tail)
		return -ENOMEM;
	r->gone = gone;
	r->gone[r->n_chains] = false;
	(*tail)->name = cmd->name;
	(*tail)->handle = ++r->last;
	r->chains[r->n_chains++] = (struct bf_nindex_chain){ .handle = r->last, .first = r->head->n_rules };
	return 0;
}

struct counter {
	const char *name;
	uint32_t n;
};

static bool count_use(void *arg, const struct bf_nref *ref)
{
	struct counter *c = arg;

	c->n += ref->kind == BF_OBJ_CHAIN && !strcmp(*ref->name, c->name);
	return true;
}

/* Does anything lead to it? */
static int is_used(const struct bf_nrules *r, uint32_t chain, const char *name, bool *used)
{
	struct counter came = { name }, went = { name };
	_cleanup_buf_ struct bf_buf numbers = { 0 };
	struct bf_ast_cmd *cmd;
	int err;

	for (uint32_t i = 0; i < r->n_came; i++)
		bf_nrefs_stmts(r->came[i].rule->stmts, count_use, &came);
	bf_buf_add(&numbers, r->went, r->n_went * sizeof(*r->went));
	err = numbers.err ? numbers.err : bf_nrules_read(r, &numbers, &cmd);
	for (; !err && cmd; cmd = cmd->next)
		bf_nrefs_stmts(cmd->rule->stmts, count_use, &went);
	*used = r->chains[chain].uses + came.n != went.n;
	return err;
}

static bool is_empty(const struct bf_nrules *r, uint32_t chain)
{
	struct place p;

	return !find_number(r, chain, 0, &p);
}

static int delete_chain(struct bf_nrules *r, uint32_t chain, const char *name)
{
	bool used;
	int err = is_base(r, chain) || !is_empty(r, chain) ? -EAGAIN : is_used(r, chain, name, &used);

	if (!err)
		r->gone[chain] = !used;
	return err ? err : used ? -EAGAIN : 0;
}

static int flush_chain(struct bf_nrules *r, uint32_t chain)
{
	const struct bf_nindex_chain *c = &r->chains[chain];
	int err = c->n > STAYS_MAX ? -EAGAIN : 0;

	for (uint32_t i = r->n_came; i-- > 0 && !err;)
		if (r->came[i].chain == chain)
			err = go(r, &(struct place){ .at = i, .came = true });
	for (uint32_t i = c->first; i < c->first + c->n && !err; i++)
		if (!bf_nrules_has_gone(r, i))
			err = go(r, &(struct place){ .before = i });
	return err;
}

static int apply_chain(struct bf_nrules *r, const struct bf_ast_cmd *cmd, uint32_t chain)
{
	bool there = chain < r->n_chains;

	if (cmd->where || !cmd->name.text)
		return -EAGAIN;
	switch (cmd->verb) {
	case BF_VERB_ADD:
	case BF_VERB_CREATE: return there ? -EAGAIN : add_chain(r, cmd);
	case BF_VERB_DELETE: return there ? delete_chain(r, chain, cmd->name.text) : -EAGAIN;
	case BF_VERB_FLUSH: return there ? flush_chain(r, chain) : -EAGAIN;
	default: return -EAGAIN;
	}
}

int bf_nrules_apply(struct bf_nrules *r, struct bf_ast_cmd *cmd)
{
	uint32_t chain = cmd->name.text ? bf_nrules_chain(r, cmd->name.text) : r->n_chains;
	struct place p;
	bool old = cmd->verb == BF_VERB_REPLACE || cmd->verb == BF_VERB_DELETE;

	r->n_commands++;
	if (cmd->object == BF_OBJ_CHAIN)
		return apply_chain(r, cmd, chain);
	if (cmd->object != BF_OBJ_RULE || chain == r->n_chains || (old && cmd->where != BF_AT_HANDLE))
		return -EAGAIN;
	switch (cmd->verb) {
	case BF_VERB_ADD:
	case BF_VERB_INSERT: return place_of(r, chain, cmd, &p) ? come(r, chain, &p, cmd->rule) : -EAGAIN;
	case BF_VERB_REPLACE: return replace(r, chain, cmd);
	case BF_VERB_DELETE: return find_rule(r, chain, cmd->at, &p) ? go(r, &p) : -EAGAIN;
	default: return -EAGAIN;
	}
}

/* ----------------------------------------------------------------------- text */

struct writer {
	const struct bf_nrules *r;
	struct bf_buf *out;
	uint32_t at; /* bytes of the text that are done */
};

static void copy_to(struct writer *w, uint32_t to)
{
	bf_buf_add(w->out, w->r->text + w->at, to - w->at);
	w->at = to;
}

/* Those that came before rule `before` of the chain, which begins at byte `at`. */
static void write_came(struct writer *w, uint32_t chain, uint32_t before, uint32_t at)
{
	for (uint32_t i = 0; i < w->r->n_came; i++) {
		const struct bf_nrule_came *c = &w->r->came[i];

		if (c->chain != chain || c->before != before)
			continue;
		copy_to(w, at);
		bf_buf_puts(w->out, "\t\t");
		bf_native_print_rule(w->out, c->rule);
		bf_buf_puts(w->out, "\n");
	}
}

static bool has_changed(const struct bf_nrules *r, uint32_t chain)
{
	const struct bf_nindex_chain *c = &r->chains[chain];

	for (uint32_t i = 0; i < r->n_came; i++)
		if (r->came[i].chain == chain)
			return true;
	for (uint32_t i = 0; i < r->n_went; i++)
		if (r->went[i] >= c->first && r->went[i] < c->first + c->n)
			return true;
	return false;
}

static void write_chain(struct writer *w, uint32_t chain)
{
	const struct bf_nindex_chain *c = &w->r->chains[chain];

	for (uint32_t i = c->first; i < c->first + c->n; i++) {
		const struct bf_nindex_rule *x = &w->r->rules[i];

		write_came(w, chain, i, x->text);
		if (!bf_nrules_has_gone(w->r, i))
			continue;
		copy_to(w, x->text);
		w->at += x->len;
	}
	write_came(w, chain, c->first + c->n, c->end);
}

int bf_nrules_text(const struct bf_nrules *r, const struct bf_nstored *s, struct bf_buf *out)
{
	struct writer w = { .r = r, .out = out };
	const struct bf_nlog_record *rec;

	for (size_t at = 0; (rec = bf_nlog_next(s->log, s->log_len, &at));)
		if (rec->kind != BF_NLOG_COMMANDS)
			return -EAGAIN;
	for (uint32_t i = 0; i < r->n_chains; i++)
		if (i >= r->head->n_chains ? !r->gone[i] : r->gone[i])
			return -EAGAIN;
	for (uint32_t i = 0; i < r->head->n_chains; i++)
		if (has_changed(r, i))
			write_chain(&w, i);
	copy_to(&w, (uint32_t)s->head->text_len);
	return out->err;
}

/* ----------------------------------------------------------------------- stub */

static bool meet(const struct bf_nindex_rule *a, const struct bf_nindex_rule *b)
{
	if (!(a->fams & b->fams) || (a->proto && b->proto && a->proto != b->proto))
		return false;
	return a->lo[0] <= b->hi[0] && b->lo[0] <= a->hi[0] && a->lo[1] <= b->hi[1] && b->lo[1] <= a->hi[1];
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_touched(const struct bf_nrules *r, const struct bf_span *s)
{
	const struct bf_nindex_chain *c = &r->chains[s->chain];

	for (uint32_t i = 0; i < r->n_came; i++)
		if (r->came[i].chain == s->chain && bf_span_has(s, s->chain, bf_nrules_place(r, s->chain, r->came[i].before), BF_CAME))
			return true;
	for (uint32_t i = 0; i < r->n_went; i++) {
		uint32_t k = r->went[i];

		if (k >= c->first && k < c->first + c->n && bf_nrules_place(r, s->chain, k) < s->to &&
		    bf_nrules_place(r, s->chain, k + 1) > s->from)
			return true;
	}
	return false;
}

static void mark_span(const struct bf_nrules *r, const struct bf_span *s, uint8_t *wanted)
{
	const struct bf_nindex_chain *c = &r->chains[s->chain];

	for (uint32_t k = c->first; k < c->first + c->n; k++)
		if (bf_nrules_place(r, s->chain, k) < s->to && bf_nrules_place(r, s->chain, k + 1) > s->from)
			wanted[k] = 1;
}

/* Rules of the text that the stub has, ascending: those that went, those that one of them may have hidden, all of spans. */
static int list_old(const struct bf_nrules *r, const struct bf_span *spans, uint32_t n_spans, uint8_t *wanted, struct bf_buf *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_spans; i++)
		if (spans[i].chain < r->head->n_chains && is_touched(r, &spans[i]))
			mark_span(r, &spans[i], wanted);
	for (uint32_t c = 0; c < r->head->n_chains && r->n_went; c++) {
		uint32_t end = r->chains[c].first + r->chains[c].n;

		for (uint32_t i = 0; i < r->n_went; i++) {
			if (r->went[i] < r->chains[c].first || r->went[i] >= end)
				continue;
			for (uint32_t k = r->went[i]; k < end; k++)
				if (k == r->went[i] || meet(&r->rules[r->went[i]], &r->rules[k]))
					wanted[k] = 1;
		}
	}
	for (uint32_t i = 0; i < r->head->n_rules && n <= STAYS_MAX; i++)
		if (wanted[i]) {
			bf_buf_add(out, &i, sizeof(i));
			n++;
		}
	return n > STAYS_MAX ? -EAGAIN : out->err;
}

struct filler {
	struct bf_nrules *r;
	struct bf_buf *out;
	struct bf_ast_rule **tail;
};

static void add(struct filler *f, enum bf_change_kind kind, uint32_t chain, uint32_t rule, struct bf_ast_rule *ast)
{
	const struct bf_nrule_change c = { kind, chain, rule, ast->handle };

	bf_buf_add(f->out, &c, sizeof(c));
	ast->next = NULL;
	*f->tail = ast;
	f->tail = &ast->next;
}

/* Those that came before rule `to` and have not been added. */
static void add_came(struct filler *f, uint32_t chain, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < f->r->n_came; i++) {
		const struct bf_nrule_came *c = &f->r->came[i];

		if (c->chain == chain && c->before >= from && c->before <= to)
			add(f, BF_CAME, chain, c->before, c->rule);
	}
}

static int fill_chain(struct filler *f, uint32_t chain, const uint32_t **old, const uint32_t *end,
                      struct bf_ast_cmd **cmd)
{
	const struct bf_nindex_chain *c = &f->r->chains[chain];
	uint32_t from = c->first;

	for (; *old < end && **old < c->first + c->n; ++*old, *cmd = (*cmd)->next) {
		struct bf_ast_rule *rule = *cmd ? (*cmd)->rule : NULL;

		if (!rule)
			return -EAGAIN;
		rule->handle = bf_nrules_handle(f->r, chain, **old);
		add_came(f, chain, from, **old);
		add(f, bf_nrules_has_gone(f->r, **old) ? BF_WENT : BF_STAYS, chain, **old, rule);
		from = **old + 1;
	}
	add_came(f, chain, from, c->first + c->n);
	return 0;
}

int bf_nrules_stub(struct bf_nrules *r, const struct bf_span *spans, uint32_t n_spans, struct bf_buf *out)
{
	_cleanup_free_ uint8_t *wanted = calloc(r->head->n_rules + 1ul, 1);
	_cleanup_buf_ struct bf_buf old = { 0 };
	const uint32_t *next, *end;
	struct bf_ast_cmd *cmd;
	uint32_t i = 0;
	int err;

	if (r->n_went)
		qsort(r->went, r->n_went, sizeof(*r->went), by_number);
	err = wanted ? list_old(r, spans, n_spans, wanted, &old) : -ENOMEM;
	if (!err)
		err = bf_nrules_read(r, &old, &cmd);
	next = (const void *)old.data;
	end = next + old.len / sizeof(*next);
	for (struct bf_ast_chain *c = r->table->body->chains; c && !err; c = c->next, i++) {
		struct filler f = { r, out, &c->rules };

		c->rules = NULL;
		if (i < r->head->n_chains) /* others are told as they are now */
			err = fill_chain(&f, i, &next, end, &cmd);
	}
	return err ? err : out->err;
}
