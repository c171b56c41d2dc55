/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.c: what users' functions ask of the table's sets and objects
 * (rt/users.h): for each a function is made that has the numbers in it,
 *
 *   bf_set_NAME(p, key) -> bf_users_set(p, key, head, words)
 *                       -> bf_users_short, bf_users_long(p, key, to, params, what)
 *
 * and what stands apart from it is the same for all.
 */
#include "gen/asm.h"
#include "gen/build.h"
#include "gen/code.h"
#include "gen/elements.h"
#include "rt/users.h"

enum { ID = -8 }; /* where an object's id lies */

static uint32_t what(const struct bf_users_call *c)
{
	static const uint8_t verbs[] = { [BF_USERS_HAS] = BF_LIVE_LOOK, [BF_USERS_GET] = BF_LIVE_LOOK, [BF_USERS_ADD] = BF_LIVE_ADD,
		                             [BF_USERS_UPDATE] = BF_LIVE_UPDATE, [BF_USERS_DELETE] = BF_LIVE_DELETE, [BF_USERS_USE] = BF_LIVE_LOOK };

	return BF_USERS_WHAT(verbs[c->verb], c->set ? bf_set_words(c->set) : 2, c->value / (uint32_t)sizeof(uint32_t));
}

static void as_class(struct bf_lower *l, const struct bf_users_call *c, struct bf_users_func *f)
{
	f->how = BF_USERS_CLASS;
	f->place = bf_lower_any_set(l, c->set);
	f->what = bf_set_words(c->set);
	if (!f->place && !l->err) {
		bf_diag_error(l->diag, -EOPNOTSUPP, "the set '%s' has ranges that a program cannot be given", c->name);
		bf_lower_error(l, -EOPNOTSUPP);
	}
}

static void as_hash(struct bf_lower *l, const struct bf_users_call *c, struct bf_users_func *f)
{
	f->how = bf_is_short(c->set) ? BF_USERS_SHORT : BF_USERS_LONG;
	f->place = bf_lower_live_params(l, c->set);
	f->what = what(c);
	f->object = c->object ? c->object->id : 0;
}

static bool is_class(const struct bf_set *s)
{
	return s && !(s->flags & BF_SET_LIVE) && s->n_parts == 1 && s->data == BF_DATA_NONE;
}

static bool is_there(const struct bf_lower *l, const char *symbol)
{
	for (uint32_t i = 0; i < l->n_users; i++)
		if (!strcmp(l->users[i].symbol, symbol))
			return true;
	return false;
}

static void add(struct bf_lower *l, const struct bf_users_call *c)
{
	struct bf_users_func f = { .symbol = bf_arena_strdup(l->arena, c->symbol) };

	if (is_class(c->set))
		as_class(l, c, &f);
	else
		as_hash(l, c, &f);
	bf_lower_not_exact(l, c->set);
	if (!f.symbol || bf_grow(&l->users, l->n_users, &l->cap_users, sizeof(f)) < 0)
		return bf_lower_error(l, -ENOMEM);
	l->users[l->n_users++] = f;
}

void bf_lower_users(struct bf_lower *l, const struct bf_program *p)
{
	if (p->n_calls && l->cell_base) /* a change in place has no room for it */
		return bf_lower_error(l, -EAGAIN);
	for (uint32_t i = 0; i < p->n_calls && !l->err; i++) {
		if (!is_there(l, p->calls[i].symbol))
			add(l, &p->calls[i]);
		if (is_class(p->calls[i].set))
			bf_lower_any_set(l, p->calls[i].set);
		else
			bf_lower_live_use(l, p->calls[i].set);
	}
}

static void put_id(struct bf_asm *a, uint64_t id)
{
	for (int i = 0; i < 2; i++)
		bf_asm_emit(a, BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, (int16_t)(ID + 4 * i), (int32_t)(id >> 32 * i));
	bf_asm_mov(a, BPF_REG_2, BPF_REG_10);
	bf_asm_emit(a, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, ID);
}

static int make(struct bf_arena *arena, const struct bf_users_func *f, struct bf_rt_func *out)
{
	static const char *const calls[] = { "bf_users_set", "bf_users_short", "bf_users_long" };
	_cleanup_asm_ struct bf_asm a = { 0 };

	if (f->how == BF_USERS_CLASS) {
		bf_asm_mov_imm(&a, BPF_REG_3, f->place);
		bf_asm_mov_imm(&a, BPF_REG_4, f->what);
	} else {
		if (f->object)
			put_id(&a, f->object);
		if (!(f->what >> 16))
			bf_asm_mov_imm(&a, BPF_REG_3, 0); /* nothing is written there */
		bf_asm_mov_imm(&a, BPF_REG_4, f->place);
		bf_asm_mov_imm(&a, BPF_REG_5, f->what);
	}
	bf_asm_call(&a, calls[f->how]);
	bf_asm_exit(&a);
	return bf_asm_finish(&a, arena, f->symbol, out);
}

int bf_users_funcs(struct bf_arena *arena, const struct bf_graph *g, struct bf_rt_func *own, uint32_t *n)
{
	int err = 0;

	for (uint32_t i = 0; i < g->n_users && !err; i++)
		err = make(arena, &g->users[i], &own[(*n)++]);
	return err;
}
