/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_table.c: the chains of a companion.
 *
 *   assist-<hook>   priority p - 1
 *       [ct state none of these] accept           packets whose way meets no such match (assist_states)
 *       [open]                                    an empty entry for every other packet
 *       for each match:  [xt match] [answer k]
 *       for each value:  [fib, socket] [mark := a word of it] [value i] ... [mark := the packet's] [answer k]
 *
 *   handoff-<hook>  priority p + 1
 *       [begin] goto codes                        all that a packet without hand-off meets
 *   codes
 *       [step] jump <tree>                        once for each code a packet can have;
 *       [last] goto finish                        leaves when all are done
 *       ...
 *   <tree>            nodes "n-<digit>-<prefix>": one rule for each value of one digit of the code
 *       [digit is 0] goto n-...                   inner node
 *       [digit is 0] target LOG, return           last digit, code that lets the packet go on
 *       [digit is 1] [consume] reject             last digit, terminal code
 *       (codes and nodes are there for each hook, "-<hook>", if some code is not for all of them)
 *   finish
 *       [finish] drop                             it was terminal; else the end of the base chain: accept
 *   conntrack         no hook; its ct expression keeps connection tracking on
 *
 * The digit of the last rule in a node needs no test. Leaves are reached by
 * goto, so nf_tables' limit of 16 nested chains is met by 8 digits of base 4
 * and the three chains above them.
 *
 * A terminal code consumes the entry before the kernel acts: reject ends the
 * packet, nothing behind it runs. Whatever goes wrong before leaves the entry
 * to `finish` or to the backstop, and both drop.
 */
#include "kern/companion_table.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>

enum { COMP_SAVED = 8 }; /* a register of 32 bits beyond those of a value */

static const char *const hook_names[NF_INET_NUMHOOKS] = { "prerouting", "input", "forward", "output", "postrouting" };

static struct comp_chain *chain(struct comp_table *t, uint32_t i)
{
	return &((struct comp_chain *)(void *)t->chains.data)[i];
}

/* Remembers a chain that the batch makes; its index, or 0 when out of memory. */
static uint32_t remember(struct comp_table *t, const char *name)
{
	struct comp_chain c = { .use = 0 };

	snprintf(c.name, sizeof(c.name), "%s", name);
	bf_buf_add(&t->chains, &c, sizeof(c));
	if (t->chains.err)
		t->err = t->chains.err;
	return (uint32_t)(t->chains.len / sizeof(c)) - (t->err ? 0 : 1);
}

static uint32_t add_chain(struct comp_table *t, const char *name)
{
	nft_add_chain(&t->batch, COMP_ABOUT(COMP_ABOUT_PLUMBING, 0), name);
	return remember(t, name);
}

static void rule(struct comp_table *t, uint32_t in, uint32_t about)
{
	if (t->err)
		return;
	nft_rule_begin(&t->batch, about, chain(t, in)->name);
	chain(t, in)->use++;
}

static void rule_end(struct comp_table *t)
{
	if (!t->err)
		nft_rule_end(&t->batch);
}

static void verdict(struct comp_table *t, int code)
{
	if (!t->err)
		nft_expr_verdict(&t->batch, code, NULL);
}

static void lead_to(struct comp_table *t, int code, uint32_t to)
{
	if (t->err)
		return;
	nft_expr_verdict(&t->batch, code, chain(t, to)->name);
	chain(t, to)->use++;
}

/* A program as match. It is loaded when it is first asked for; *cache may be NULL. */
static void match_prog(struct comp_table *t, struct comp_prog p, int *cache)
{
	int fd = cache ? *cache : -1;

	if (t->err)
		return;
	if (t->maps && fd < 0) {
		p.handoff = t->maps->handoff;
		p.pending = t->maps->pending;
		p.assist = t->assist;
		p.tag = t->tag;
		fd = comp_prog_load(&p, t->d);
		if (fd < 0) {
			t->err = fd;
			return;
		}
		bf_buf_add(&t->progs, &fd, sizeof(fd));
		if (t->progs.err) {
			close(fd);
			t->err = t->progs.err;
			return;
		}
		if (cache)
			*cache = fd;
	}
	nft_expr_bpf(&t->batch, fd);
}

static void match_kind(struct comp_table *t, enum comp_prog_kind kind, int *cache)
{
	match_prog(t, (struct comp_prog){ .kind = kind }, cache);
}

static void match_digit(struct comp_table *t, uint32_t digit, uint32_t value)
{
	match_prog(t, (struct comp_prog){ .kind = COMP_DIGIT, .arg = digit, .value = value }, &t->digit[digit][value]);
}

/* What a code sets; nothing: it is of another kind. info is not aligned. */
static struct bf_handoff_set set_of(const struct bf_handoff_spec *s)
{
	struct bf_handoff_set set = { 0 };

	if (s->kind == BF_HANDOFF_NFT_SET)
		memcpy(&set, s->info, sizeof(set));
	return set;
}

/*
 * nf_tables refuses some expressions where a hook that leads to them has no use for them. If there are such, each hook has
 * a tree of its own, in which they are for the others.
 */
static bool fits_hook(const struct bf_handoff_spec *s, uint8_t hook)
{
	const struct bf_handoff_set set = set_of(s);

	if (set.to == BF_PLACE_PKTTYPE)
		return hook == NF_INET_PRE_ROUTING;
	return set.from != BF_PLACE_ROUTE_MSS || hook >= NF_INET_FORWARD;
}

static bool needs_trees(const struct bf_companion_desc *desc)
{
	for (uint32_t i = 0; i < desc->n_hooks; i++)
		for (uint32_t c = 0; c < desc->spec.n_codes && desc->hooks[i].handoff; c++)
			if (!fits_hook(&desc->spec.codes[c], desc->hooks[i].hook))
				return true;
	return false;
}

/* Expressions that give up on some packets: the rule ends there, without its verdict. */
static bool may_break(const struct bf_handoff_spec *s)
{
	return set_of(s).to >= BF_PLACE_MSS;
}

/* A chain of the tree that is being made. */
static void tree_name(const struct comp_table *t, char name[24], const char *what)
{
	snprintf(name, 24, "%.11s%s%s", what, t->trees ? "-" : "", t->trees ? hook_names[t->hook] : "");
}

/* info is not aligned. */
static void act_log(struct comp_table *t, const struct bf_handoff_spec *s)
{
	struct bf_handoff_log l;

	memcpy(&l, s->info, sizeof(l));
	l.prefix[sizeof(l.prefix) - 1] = '\0';
	nft_expr_log(&t->batch, &l);
}

static void act_set(struct comp_table *t, const struct bf_handoff_spec *s)
{
	const struct bf_handoff_set set = set_of(s);

	nft_expr_set(&t->batch, &set);
}

static void act(struct comp_table *t, const struct bf_handoff_spec *s)
{
	if (t->trees && !fits_hook(s, t->hook))
		return verdict(t, NF_DROP); /* nobody comes here */
	if (s->terminal)
		match_kind(t, COMP_CONSUME, &t->consume);
	if (t->err)
		return;
	if (s->kind == BF_HANDOFF_XT_TARGET)
		nft_expr_target(&t->batch, s->name, s->revision, s->info, s->size);
	else if (s->kind == BF_HANDOFF_NFT_REJECT)
		nft_expr_reject(&t->batch, s->reject_type, s->reject_code);
	else if (s->kind == BF_HANDOFF_NFT_LOG)
		act_log(t, s);
	else if (s->kind == BF_HANDOFF_NFT_SET)
		act_set(t, s);
	else if (s->kind == BF_HANDOFF_NFT_NOTRACK)
		nft_expr_notrack(&t->batch);
	/* A terminal target that did not end the packet after all must not let it through. */
	verdict(t, s->terminal ? NF_DROP : NFT_RETURN);
}

/* The subtree of codes prefix * 4^(digit+1) onwards; the index of its chain. */
static uint32_t add_node(struct comp_table *t, uint32_t digit, uint32_t prefix)
{
	uint32_t n = t->desc->spec.n_codes, shift = digit * COMP_DIGIT_BITS, child[COMP_DIGIT_BASE] = { 0 }, count = 0, at;
	char name[24], plain[24];

	while (count < COMP_DIGIT_BASE && (uint64_t)(prefix * COMP_DIGIT_BASE + count) << shift < n)
		count++;
	for (uint32_t v = 0; v < count && digit && !t->err; v++)
		child[v] = add_node(t, digit - 1, prefix * COMP_DIGIT_BASE + v);
	if (digit && count == 1)
		return child[0];
	snprintf(plain, sizeof(plain), "n-%u-%u", digit, prefix);
	tree_name(t, name, plain);
	at = add_chain(t, name);
	for (uint32_t v = 0; v < count; v++) {
		uint32_t code = prefix * COMP_DIGIT_BASE + v;

		rule(t, at, digit ? COMP_ABOUT(COMP_ABOUT_PLUMBING, 0) : COMP_ABOUT(COMP_ABOUT_CODE, code));
		if (v < count - 1)
			match_digit(t, digit, v);
		if (digit)
			lead_to(t, NFT_GOTO, child[v]);
		else
			act(t, &t->desc->spec.codes[code]);
		rule_end(t);
		if (digit || !may_break(&t->desc->spec.codes[code]))
			continue;
		rule(t, at, COMP_ABOUT(COMP_ABOUT_PLUMBING, 0));
		if (v < count - 1)
			match_digit(t, digit, v);
		verdict(t, NFT_RETURN);
		rule_end(t);
	}
	return at;
}

static uint32_t add_tree(struct comp_table *t)
{
	uint32_t digits = 1;

	while ((uint64_t)1 << (digits * COMP_DIGIT_BITS) < t->desc->spec.n_codes)
		digits++;
	return add_node(t, digits - 1, 0);
}

static uint32_t add_finish(struct comp_table *t)
{
	uint32_t at = add_chain(t, "finish");

	rule(t, at, COMP_ABOUT(COMP_ABOUT_PLUMBING, 0));
	match_kind(t, COMP_FINISH, &t->finish);
	verdict(t, NF_DROP);
	rule_end(t);
	return at;
}

static uint32_t add_codes(struct comp_table *t, uint8_t hook, uint32_t finish)
{
	uint32_t rows = t->desc->spec.max_codes_per_packet, plumbing = COMP_ABOUT(COMP_ABOUT_PLUMBING, 0), tree, at;
	char name[24];

	t->hook = hook;
	tree = add_tree(t);
	tree_name(t, name, "codes");
	at = add_chain(t, name);

	for (uint32_t i = 0; i < rows; i++) {
		rule(t, at, plumbing);
		match_kind(t, COMP_STEP, &t->step);
		lead_to(t, NFT_JUMP, tree);
		rule_end(t);
		rule(t, at, plumbing);
		if (i < rows - 1)
			match_kind(t, COMP_LAST, &t->last);
		lead_to(t, NFT_GOTO, finish);
		rule_end(t);
	}
	return at;
}

static uint32_t add_base(struct comp_table *t, const char *what, const struct bf_companion_hook *h, int priority)
{
	char name[24];
	uint32_t before = 0; /* others at that hook */

	for (const struct bf_companion_hook *o = t->desc->hooks; o < h; o++)
		before += o->hook == h->hook;
	snprintf(name, sizeof(name), "%s-%s", what, hook_names[h->hook]);
	if (before)
		snprintf(name, sizeof(name), "%s-%s-%u", what, hook_names[h->hook], before + 1);
	nft_add_base_chain(&t->batch, COMP_ABOUT(COMP_ABOUT_CHAIN, 0), name, h->hook, priority);
	return remember(t, name);
}

static void add_handoff(struct comp_table *t, const struct bf_companion_hook *h, uint32_t codes)
{
	uint32_t at = add_base(t, "handoff", h, h->priority + 1);

	rule(t, at, COMP_ABOUT(COMP_ABOUT_PLUMBING, 0));
	match_kind(t, COMP_BEGIN, &t->begin);
	lead_to(t, NFT_GOTO, codes);
	rule_end(t);
}

static void add_assist_gate(struct comp_table *t, uint32_t at)
{
	uint32_t xt = t->desc->spec.assist_states, common = 1 | 2 | 4 | 8; /* invalid, established, related, new */
	uint32_t states = (xt & common) | (xt & XT_CONNTRACK_STATE_UNTRACKED ? NF_CT_STATE_UNTRACKED_BIT : 0);

	rule(t, at, COMP_ABOUT(COMP_ABOUT_CT, 0));
	if (!t->err) {
		nft_expr_ct_state(&t->batch);
		nft_expr_none_of(&t->batch, states);
	}
	verdict(t, NF_ACCEPT);
	rule_end(t);
}

/*
 * What an expression of nft's leaves in registers reaches a program by way of the packet's mark, word by word. The packet
 * has its own mark back before anybody else sees it.
 */
static void add_value(struct comp_table *t, const struct bf_assist_spec *a)
{
	const bool turned = !a->text && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	if (t->err)
		return;
	nft_expr_ask(&t->batch, a);
	nft_expr_mark(&t->batch, COMP_SAVED, false);
	for (uint32_t i = 0; i < a->words; i++) {
		if (!t->err)
			nft_expr_mark(&t->batch, turned ? a->words - 1u - i : i, true);
		match_prog(t, (struct comp_prog){ .kind = COMP_VALUE, .arg = a->at + i, .value = a->text }, NULL);
	}
	if (!t->err)
		nft_expr_mark(&t->batch, COMP_SAVED, true);
}

static void add_assists(struct comp_table *t, const struct bf_companion_hook *h)
{
	uint32_t at = add_base(t, "assist", h, h->priority - 1);

	if (t->desc->spec.assist_states)
		add_assist_gate(t, at);
	rule(t, at, COMP_ABOUT(COMP_ABOUT_PLUMBING, 0));
	match_kind(t, COMP_OPEN, &t->open);
	rule_end(t);
	for (uint32_t i = 0; i < t->desc->spec.n_assists; i++) {
		const struct bf_assist_spec *a = &t->desc->spec.assists[i];

		if (!(a->hooks & 1u << h->hook))
			continue;
		rule(t, at, COMP_ABOUT(COMP_ABOUT_ASSIST, i));
		if (a->kind != BF_ASSIST_XT)
			add_value(t, a);
		else if (!t->err)
			nft_expr_match(&t->batch, a->name, a->revision, a->info, a->size);
		match_prog(t, (struct comp_prog){ .kind = COMP_ANSWER, .arg = i }, NULL);
		rule_end(t);
	}
}

static void add_conntrack(struct comp_table *t)
{
	uint32_t at = add_chain(t, "conntrack");

	rule(t, at, COMP_ABOUT(COMP_ABOUT_CT, 0));
	if (!t->err)
		nft_expr_ct_state(&t->batch);
	rule_end(t);
}

static void init(struct comp_table *t, const char *name, const struct comp_content *content)
{
	*t = (struct comp_table){ .desc = &content->desc, .tag = content->tag };
	t->begin = t->step = t->last = t->consume = t->finish = t->open = -1;
	memset(t->digit, 0xff, sizeof(t->digit)); /* -1 each */
	nft_batch_init(&t->batch, content->desc.family, name);
}

int comp_table_make(struct comp_table *t, const char *name, const struct comp_content *content,
					const struct bf_companion_maps *maps, int assist, struct bf_diag *d)
{
	const struct bf_companion_desc *desc = &content->desc;
	uint32_t codes[NF_INET_NUMHOOKS] = { 0 }, finish = 0; /* chain 0 is none of these, or nobody asks */
	bool made[NF_INET_NUMHOOKS] = { false };

	init(t, name, content);
	t->maps = maps;
	t->assist = assist;
	t->d = d;
	nft_del_table(&t->batch, COMP_ABOUT(COMP_ABOUT_TABLE, 0), desc->family, name);
	nft_add_table(&t->batch, COMP_ABOUT(COMP_ABOUT_TABLE, 0),
				  "belongs to bpfilter; changes are undone by its next command");
	if (desc->conntrack)
		add_conntrack(t);
	if (desc->spec.n_codes)
		finish = add_finish(t);
	t->trees = needs_trees(desc);
	for (uint32_t i = 0; i < desc->n_hooks && !t->err; i++) {
		uint8_t hook = desc->hooks[i].hook, tree = t->trees ? hook : 0;

		if (desc->hooks[i].handoff && desc->spec.n_codes && !made[tree]) {
			codes[tree] = add_codes(t, hook, finish);
			made[tree] = true;
		}
		if (desc->hooks[i].handoff)
			add_handoff(t, &desc->hooks[i], codes[tree]);
		if (comp_desc_assists(desc, desc->hooks[i].hook))
			add_assists(t, &desc->hooks[i]);
	}
	return t->err;
}

void comp_table_free(struct comp_table *t)
{
	const int *fds = (const void *)t->progs.data;

	for (size_t i = 0; i < t->progs.len / sizeof(*fds); i++)
		close(fds[i]);
	bf_buf_free(&t->progs);
	bf_buf_free(&t->chains);
	nft_batch_free(&t->batch);
}
