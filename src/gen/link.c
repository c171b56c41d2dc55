/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link.c: one program out of functions (link.h).
 *
 *   entry | function | function | ...      in the order in which calls reach them
 *
 * First everything reachable is placed, then each function is copied to its
 * place and its relocations are rebased. Calls between functions are relative
 * and end here; maps, kernel functions and layouts are left to kern/.
 */
#include "gen/link.h"

#include "gen/fold.h"
#include "rt/code.h"

#define MAX_FUNCS 256        /* the verifier's own limit on functions in a program */
#define MAX_INSNS 1000000u

struct link {
	struct bf_image *img;
	struct bf_prog_image *prog;
	const struct bf_rt_func *own;
	uint32_t n_own;
	struct bf_diag *diag;
	const char *variant; /* "mg" or "it": how the entry's name ends */
	const struct bf_rt_func *funcs[MAX_FUNCS];
	uint32_t at[MAX_FUNCS]; /* where each begins */
	uint32_t n_funcs, n_insns, n_relocs, n_lines;
};

/* "name", or "name_mg" where there is one for each kind of loop. */
static bool named(const char *have, const char *name, const char *variant)
{
	size_t n = strlen(name);

	return !strncmp(have, name, n) && (!have[n] || (have[n] == '_' && !strcmp(have + n + 1, variant)));
}

static const struct bf_rt_func *find_func(const struct link *l, const char *name)
{
	for (uint32_t i = 0; i < l->n_own; i++)
		if (!strcmp(l->own[i].name, name))
			return &l->own[i];
	for (const struct bf_rt_func *f = bf_rt_funcs; f->name; f++)
		if (named(f->name, name, l->variant))
			return f;
	return NULL;
}

/* Index of the function in the program; placed behind the others when it is new. Negative: error. */
static int place(struct link *l, const char *name, const char *caller)
{
	const struct bf_rt_func *f = find_func(l, name);

	if (!f)
		return bf_diag_error(l->diag, -ENOENT, "no function %s (called by %s)", name, caller);
	for (uint32_t i = 0; i < l->n_funcs; i++)
		if (l->funcs[i] == f)
			return (int)i;
	if (l->n_funcs == MAX_FUNCS || f->n_insns > MAX_INSNS - l->n_insns)
		return bf_diag_error(l->diag, -E2BIG, "program %s is too large: more than %u functions or %u instructions",
		                     l->prog->name, MAX_FUNCS, MAX_INSNS);
	l->funcs[l->n_funcs] = f;
	l->at[l->n_funcs] = l->n_insns;
	l->n_insns += f->n_insns;
	l->n_relocs += f->n_relocs;
	l->n_lines += f->n_lines;
	return (int)l->n_funcs++;
}

static bool calls_straight(const struct bf_rt_func *f)
{
	for (uint32_t j = 0; j < f->n_relocs; j++)
		if (f->relocs[j].kind == BF_RT_RELOC_CALL && !strcmp(f->relocs[j].symbol, "bf_straight"))
			return true;
	return false;
}

/* Straight code comes right behind the entry, of which it may become a part (fold.h). */
static int place_all(struct link *l, const char *entry)
{
	int r = place(l, entry, "nobody: the entry");

	if (r >= 0 && calls_straight(l->funcs[0]))
		r = place(l, "bf_straight", entry);
	for (uint32_t i = 0; r >= 0 && i < l->n_funcs; i++) {
		const struct bf_rt_func *f = l->funcs[i];

		for (uint32_t j = 0; r >= 0 && j < f->n_relocs; j++)
			if (f->relocs[j].kind == BF_RT_RELOC_CALL)
				r = place(l, f->relocs[j].symbol, f->name);
	}
	return r < 0 ? r : 0;
}

static bool may_be_missing(const char *map)
{
	static const char *const names[] = { "class", "journal", "trial", "events", "watch", "params", "sets4", "sets16", "handoff", "pending", "assist", "stack" };

	for (size_t i = 0; i < BF_ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], map))
			return true;
	return false;
}

/* Binds a map by name. 0: bound; 1: not there and never used, now the constant 0. */
static int bind_map(struct link *l, const struct bf_rt_reloc *from, struct bf_reloc *to, struct bpf_insn *insn)
{
	to->addend = from->addend;
	if (!strcmp(from->symbol, "config"))
		to->addend += (int32_t)l->prog->config;
	for (to->map = 0; to->map < l->img->n_maps; to->map++)
		if (!strcmp(l->img->maps[to->map].name, from->symbol))
			return 0;
	if (!may_be_missing(from->symbol))
		return bf_diag_error(l->diag, -ENOENT, "program %s needs a map %s", l->prog->name, from->symbol);
	insn[0].src_reg = 0;
	insn[0].imm = insn[1].imm = 0;
	return 1;
}

static int relocate(struct link *l, uint32_t at, const struct bf_rt_reloc *from)
{
	uint32_t insn = at + from->insn;
	struct bf_reloc *to = &l->prog->relocs[l->prog->n_relocs];
	int r;

	if (from->kind == BF_RT_RELOC_CALL) {
		r = place(l, from->symbol, l->prog->name); /* is placed: only looked up */
		if (r < 0)
			return r;
		l->prog->insns[insn].src_reg = BPF_CLASS(l->prog->insns[insn].code) == BPF_LD ? BPF_PSEUDO_FUNC : BPF_PSEUDO_CALL;
		l->prog->insns[insn].imm = (int32_t)l->at[r] - (int32_t)insn - 1;
		return 0;
	}
	*to = (struct bf_reloc){ .insn = insn, .kind = from->kind };
	if (from->kind == BF_RELOC_MAP_FD || from->kind == BF_RELOC_MAP_VALUE) {
		r = bind_map(l, from, to, &l->prog->insns[insn]);
		if (r)
			return r < 0 ? r : 0;
	} else {
		to->type = from->symbol;
		to->member = from->member;
		to->addend = from->addend;
	}
	l->prog->n_relocs++;
	return 0;
}

static int copy_func(struct link *l, uint32_t i)
{
	const struct bf_rt_func *f = l->funcs[i];
	int r = 0;

	l->prog->funcs[i] = (struct bf_func){ f->name, l->at[i], f->args };
	memcpy(&l->prog->insns[l->at[i]], f->insns, f->n_insns * sizeof(*f->insns));
	for (uint32_t j = 0; j < f->n_lines; j++) {
		struct bf_line *line = &l->prog->lines[l->prog->n_lines++];

		*line = f->lines[j];
		line->insn += l->at[i];
	}
	for (uint32_t j = 0; !r && j < f->n_relocs; j++)
		r = relocate(l, l->at[i], &f->relocs[j]);
	return r;
}

/* What config decides is left out. */
static int fold(struct link *l)
{
	for (uint32_t i = 0; i < l->img->n_maps; i++) {
		const struct bf_map_spec *m = &l->img->maps[i];

		if (!strcmp(m->name, "config") && m->init_len)
			return bf_fold(l->prog, i, m->init, (uint32_t)m->init_len);
	}
	return 0;
}

int bf_link(struct bf_image *img, struct bf_prog_image *p, const char *entry, const struct bf_rt_func *own,
            uint32_t n_own, struct bf_diag *d)
{
	struct link l = { .img = img, .prog = p, .own = own, .n_own = n_own, .diag = d };
	int r;

	l.variant = entry + strlen(entry) - BF_MIN(strlen(entry), 2u);
	r = place_all(&l, entry);

	if (r)
		return r;
	p->insns = bf_arena_array(img->arena, l.n_insns, struct bpf_insn);
	p->relocs = bf_arena_array(img->arena, l.n_relocs, struct bf_reloc);
	p->funcs = bf_arena_array(img->arena, l.n_funcs, struct bf_func);
	p->lines = bf_arena_array(img->arena, l.n_lines, struct bf_line);
	p->n_lines = 0;
	if (!p->insns || !p->relocs || !p->funcs || !p->lines)
		return -ENOMEM;
	p->n_funcs = l.n_funcs;
	p->frame = BF_FRAME_APART;
	p->n_insns = l.n_insns;
	p->n_relocs = 0;
	for (uint32_t i = 0; !r && i < l.n_funcs; i++)
		r = copy_func(&l, i);
	return r ? r : fold(&l);
}
