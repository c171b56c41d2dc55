/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print.c: images and cells as text, for golden tests and for people.
 *
 *     12  test saddr & 0xffffff00 == 0xc0000200      -> 13, else 17
 *     13  count 4                                    -> 2
 */
#include <stdio.h>

#include "gen/graph.h"
#include "gen/print.h"

static const char *const word_names[BF_KEY_WORDS] = {
	"saddr", "saddr[1]", "saddr[2]", "saddr[3]", "daddr", "daddr[1]", "daddr[2]", "daddr[3]",
	"ports", "meta", "length", "l4info", "odd", "mark", "ctstate", "ctstatus",
	"iif", "iif[1]", "iif[2]", "iif[3]", "oif", "oif[1]", "oif[2]", "oif[3]",
	"assist", "order", "slot", "zero", "scratch", "scratch[1]", "scratch[2]", "scratch[3]",
};

static const char *const op_names[BF_CELL_OPS] = {
	"test", "count", "verdict", "call", "ret", "load", "match", "code", "class", "set", "handoff", "put", "cmp", "find",
	"switch", "keep", "live", "branch", "chance",
};

static const char *word_name(uint8_t word)
{
	return word < BF_KEY_WORDS ? word_names[word] : "?";
}

static void print_test(struct bf_buf *out, const struct bf_cell *c)
{
	if (c->hit == c->miss && c->word == BF_KEY_HALF)
		return bf_buf_puts(out, "whether rules came here");
	bf_buf_puts(out, word_name(c->word));
	if (c->mask != UINT32_MAX)
		bf_buf_printf(out, " & 0x%x", c->mask);
	if (c->span)
		bf_buf_printf(out, " in 0x%x..0x%x", c->lo, c->lo + c->span);
	else
		bf_buf_printf(out, " == 0x%x", c->lo);
}

static void print_shifted(struct bf_buf *out, uint32_t word, uint32_t mask, uint32_t by)
{
	bf_buf_printf(out, "(%s & 0x%x", word == BF_CMP_TEMP ? "temp" : word_name((uint8_t)word), mask);
	if (by & 31)
		bf_buf_printf(out, " >> %u", by & 31);
	if (by >> BF_CMP_LEFT & 31)
		bf_buf_printf(out, " << %u", by >> BF_CMP_LEFT & 31);
	bf_buf_puts(out, ")");
}

static void print_cmp(struct bf_buf *out, const struct bf_cell *c)
{
	print_shifted(out, c->word, c->mask, c->span);
	bf_buf_puts(out, c->span & BF_CMP_LESS ? " < " : " == ");
	print_shifted(out, c->other, c->lo, c->span >> BF_CMP_B);
	if (c->arg)
		bf_buf_printf(out, " + %lld", (long long)c->arg);
}

static void print_put(struct bf_buf *out, const struct bf_cell *c)
{
	bf_buf_printf(out, "%u = ", c->lo);
	if (c->mask) {
		print_shifted(out, c->word, c->mask, (uint32_t)c->arg);
		bf_buf_puts(out, " ^ ");
	}
	bf_buf_printf(out, "0x%x", c->span);
}

static void print_arguments(struct bf_buf *out, const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_TEST:
	case BF_CELL_CHANCE:
		return print_test(out, c);
	case BF_CELL_BRANCH:
		return bf_buf_printf(out, "%s & 0x%x, one of %u @%llu", word_name(c->word), c->mask, bf_branch_slots(c),
		                     (unsigned long long)c->arg);
	case BF_CELL_COUNT:
		return c->word ? bf_buf_puts(out, "slot") : bf_buf_printf(out, "%llu", (unsigned long long)c->arg);
	case BF_CELL_VERDICT:
		return bf_buf_puts(out, c->lo == BF_ACCEPT ? "accept" : "drop");
	case BF_CELL_LOAD:
	case BF_CELL_MATCH:
		return bf_buf_printf(out, "%u @%llu", c->lo, (unsigned long long)c->arg);
	case BF_CELL_CODE:
		return bf_buf_printf(out, "%u, up to %u @%llu", c->lo, c->span, (unsigned long long)c->arg);
	case BF_CELL_CLASS:
		bf_buf_printf(out, "@%llu", (unsigned long long)c->arg);
		return c->word ? bf_buf_puts(out, " above order") : c->lo ? bf_buf_printf(out, " from %u", c->lo) : (void)0;
	case BF_CELL_SET:
		return bf_buf_printf(out, "%s in @%llu", word_name(c->word), (unsigned long long)c->arg);
	case BF_CELL_FIND:
		return bf_buf_printf(out, "@%llu, %u words of data @%u", (unsigned long long)c->arg, c->span, c->lo);
	case BF_CELL_SWITCH:
		return bf_buf_printf(out, "%u ways @%llu", c->lo, (unsigned long long)c->arg);
	case BF_CELL_KEEP:
		return bf_buf_printf(out, "%u = %s & 0x%x", c->lo, word_name(c->word), c->mask);
	case BF_CELL_LIVE:
		return bf_buf_printf(out, "%u @%llu", c->lo, (unsigned long long)c->arg);
	case BF_CELL_HANDOFF:
		return bf_buf_printf(out, "%u%s", c->lo, c->arg ? " terminal" : "");
	case BF_CELL_PUT:
		return print_put(out, c);
	case BF_CELL_CMP:
		return print_cmp(out, c);
	}
}

static void print_ways(struct bf_buf *out, const struct bf_cell *c)
{
	switch (c->op) {
	case BF_CELL_VERDICT:
	case BF_CELL_RET:
		return bf_buf_puts(out, "\n");
	case BF_CELL_COUNT:
	case BF_CELL_HANDOFF:
	case BF_CELL_PUT:
	case BF_CELL_KEEP:
		return bf_buf_printf(out, " -> %u\n", c->hit);
	case BF_CELL_SWITCH:
		return bf_buf_puts(out, "\n");
	case BF_CELL_CLASS:
	case BF_CELL_BRANCH:
		return bf_buf_printf(out, " -> target, else %u\n", c->miss);
	case BF_CELL_CALL:
		return bf_buf_printf(out, "-> %u, back to %u\n", c->hit, c->miss);
	default:
		return bf_buf_printf(out, " -> %u, else %u\n", c->hit, c->miss);
	}
}

void bf_cells_print(struct bf_buf *out, const struct bf_cell *cells, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bf_buf_printf(out, "  %5u  %s ", i, cells[i].op < BF_CELL_OPS ? op_names[cells[i].op] : "?");
		print_arguments(out, &cells[i]);
		print_ways(out, &cells[i]);
	}
}

static void print_reloc(struct bf_buf *out, const struct bf_reloc *r, const struct bf_image *img)
{
	static const char *const kinds[] = { "map", "value of", "kernel function", "id of", "offset of", "size of", "exists" };

	bf_buf_printf(out, "  ; %s ", kinds[r->kind]);
	if (r->kind <= BF_RELOC_MAP_VALUE)
		bf_buf_printf(out, "%s", img->maps[r->map].name);
	if (r->kind == BF_RELOC_MAP_VALUE)
		bf_buf_printf(out, " + %d", r->addend);
	if (r->type)
		bf_buf_printf(out, "%s%s%s", r->type, r->member ? "." : "", r->member ? r->member : "");
}

static void print_insns(struct bf_buf *out, const struct bf_image *img, const struct bf_prog_image *p)
{
	for (uint32_t i = 0, r = 0; i < p->n_insns;) {
		bf_buf_printf(out, "  %5u  ", i);
		i += bf_insn_print(out, &p->insns[i], i);
		for (; r < p->n_relocs && p->relocs[r].insn < i; r++)
			print_reloc(out, &p->relocs[r], img);
		bf_buf_puts(out, "\n");
	}
}

static void print_map(struct bf_buf *out, const struct bf_map_spec *m)
{
	bf_buf_printf(out, "map %s: type %u, %u x (%u -> %u), flags 0x%x\n", m->name, m->type, m->max_entries, m->key_size,
	              m->value_size, m->map_flags);
	if (!strcmp(m->name, "cells"))
		bf_cells_print(out, m->init, m->init_len / sizeof(struct bf_cell));
}

static void print_config(struct bf_buf *out, const struct bf_rt_config *c)
{
	bf_buf_printf(out, "  start %u, needs 0x%x, ops 0x%x, loaders 0x%x, specials 0x%x, stack %u, drop code %d\n", c->start,
	              c->needs, c->ops, c->loaders, c->specials, c->stack_depth, (int)c->drop_code);
	if (c->n_class)
		bf_buf_printf(out, "  class %u words, structures 0x%x\n", c->n_class, c->structs);
}

static const struct bf_rt_config *config_of(const struct bf_image *img, const struct bf_prog_image *p)
{
	for (uint32_t i = 0; i < img->n_maps; i++)
		if (!strcmp(img->maps[i].name, "config"))
			return (const void *)((const char *)img->maps[i].init + p->config);
	return NULL;
}

static void print_companion(struct bf_buf *out, const struct bf_companion *c)
{
	for (uint32_t i = 0; i < c->n_codes; i++)
		bf_buf_printf(out, "code %u: kind %d %s.%u%s, %u bytes\n", i, c->codes[i].kind, c->codes[i].name,
		              c->codes[i].revision, c->codes[i].terminal ? ", terminal" : "", c->codes[i].size);
	for (uint32_t i = 0; i < c->n_assists; i++)
		bf_buf_printf(out, "assist %u: %s.%u, hooks 0x%x\n", i, c->assists[i].name, c->assists[i].revision,
		              c->assists[i].hooks);
	if (c->n_codes)
		bf_buf_printf(out, "at most %u codes a packet\n", c->max_codes_per_packet);
}

void bf_image_print(struct bf_buf *out, const struct bf_image *img)
{
	bf_buf_printf(out, "image %s: %u counters x %u%s\n", img->name, img->n_counters, img->stripes,
	              img->conntrack ? ", conntrack" : "");
	print_companion(out, &img->companion);
	for (uint32_t i = 0; i < img->n_maps; i++)
		print_map(out, &img->maps[i]);
	for (uint32_t i = 0; i < img->n_progs; i++) {
		const struct bf_prog_image *p = &img->progs[i];

		bf_buf_printf(out, "program %s: hook %u, priority %d%s, %u instructions\n", p->name, p->at.hook, p->at.priority,
		              p->handoff ? ", hands off" : "", p->n_insns);
		print_config(out, config_of(img, p));
		print_insns(out, img, p);
	}
}
