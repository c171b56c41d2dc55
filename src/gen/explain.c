/* SPDX-License-Identifier: GPL-2.0-only */
/* explain.c: what became of the rules (explain.h), for a person or a program. Rules are numbered from 1, as iptables does. */
#include "gen/explain.h"

#include "rule/print.h"

static bool begins(const struct bf_image *img, uint32_t i)
{
	return i == 0 || img->pieces[i].inst != img->pieces[i - 1].inst;
}

static void print_rules(struct bf_buf *out, const struct bf_piece *p)
{
	if (p->from + 1 == p->to)
		bf_buf_printf(out, "  rule %u: ", p->to);
	else
		bf_buf_printf(out, "  rules %u-%u: ", p->from + 1, p->to);
}

/* What bf_class_explain says, indented. */
static void print_structure(struct bf_buf *out, const struct bf_class_stats *s)
{
	_cleanup_buf_ struct bf_buf text = { 0 };

	bf_class_explain(&text, s);
	for (const char *line = text.data; line && *line; line += strcspn(line, "\n") + 1)
		bf_buf_printf(out, "    %.*s\n", (int)strcspn(line, "\n"), line);
	if (text.err)
		out->err = text.err;
}

static void print_some(struct bf_buf *out, uint32_t n, const char *what)
{
	if (n)
		bf_buf_printf(out, "; %u %s", n, what);
}

static void print_class(struct bf_buf *out, const struct bf_piece *p)
{
	bf_buf_printf(out, "classified, %u services", p->services);
	print_some(out, p->to - p->from - p->live, "can never match");
	print_some(out, p->hidden, "boxes behind others");
	print_some(out, p->rest, "with more to test");
	print_some(out, p->by_counter, "targets by counter");
	bf_buf_puts(out, "\n");
	print_structure(out, &p->stats);
}

void bf_image_explain(struct bf_buf *out, const struct bf_image *img)
{
	for (uint32_t i = 0; i < img->n_pieces; i++) {
		const struct bf_piece *p = &img->pieces[i];

		if (begins(img, i))
			bf_buf_printf(out, "chain %s, %s:\n", p->chain, p->packets);
		print_rules(out, p);
		switch (p->kind) {
		case BF_PIECE_FEW:
			bf_buf_puts(out, "cells, few rules");
			print_some(out, p->to - p->from - p->live, "can never match");
			bf_buf_puts(out, "\n");
			break;
		case BF_PIECE_LITTLE:
			bf_buf_puts(out, "cells, they choose little\n");
			break;
		case BF_PIECE_DEAD:
			bf_buf_puts(out, "no packet gets there\n");
			break;
		case BF_PIECE_HUGE:
			bf_buf_puts(out, "cells, class data would be too large\n");
			break;
		case BF_PIECE_CLASS:
			print_class(out, p);
		}
	}
	for (const char *line = img->sets; line && *line; line += strcspn(line, "\n") + 1)
		bf_buf_printf(out, "set of %.*s\n", (int)strcspn(line, "\n"), line);
}

static void json_string(struct bf_buf *out, const char *key, const char *value)
{
	bf_buf_printf(out, ", \"%s\": ", key);
	bf_json_string(out, value);
}

static void json_number(struct bf_buf *out, const char *key, uint64_t value)
{
	bf_buf_printf(out, ", \"%s\": %llu", key, (unsigned long long)value);
}

static void json_structure(struct bf_buf *out, const struct bf_class_stats *s)
{
	bf_buf_puts(out, ", \"structure\": {\"kind\": ");
	bf_json_string(out, s->kind);
	json_string(out, "why", s->why);
	json_number(out, "boxes", s->boxes);
	json_number(out, "copies", s->copies);
	json_number(out, "trees", s->trees);
	json_number(out, "depth", s->depth);
	json_number(out, "worst_leaf", s->worst_leaf);
	json_number(out, "bytes", s->bytes);
	bf_buf_printf(out, ", \"expected_nodes\": %.2f, \"expected_rules\": %.2f}", s->expected_nodes, s->expected_rules);
}

static void json_piece(struct bf_buf *out, const struct bf_piece *p)
{
	static const char *const kinds[] = { "few", "little", "dead", "class", "huge" };

	bf_buf_printf(out, "{\"first\": %u, \"last\": %u, \"as\": \"%s\"", p->from + 1, p->to, kinds[p->kind]);
	json_number(out, "live", p->live);
	if (p->kind == BF_PIECE_CLASS) {
		json_number(out, "services", p->services);
		json_number(out, "hidden", p->hidden);
		json_number(out, "rest", p->rest);
		json_number(out, "by_counter", p->by_counter);
		json_structure(out, &p->stats);
	}
	bf_buf_puts(out, "}");
}

void bf_image_explain_json(struct bf_buf *out, const struct bf_image *img)
{
	bf_buf_puts(out, "[");
	for (uint32_t i = 0; i < img->n_pieces; i++) {
		const struct bf_piece *p = &img->pieces[i];

		if (begins(img, i)) {
			bf_buf_puts(out, i ? "]},\n {\"chain\": " : "{\"chain\": ");
			bf_json_string(out, p->chain);
			json_string(out, "packets", p->packets);
			bf_buf_puts(out, ", \"pieces\": [");
		} else {
			bf_buf_puts(out, ",\n  ");
		}
		json_piece(out, p);
	}
	bf_buf_puts(out, img->n_pieces ? "]}]" : "]");
}
