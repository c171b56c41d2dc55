/* SPDX-License-Identifier: GPL-2.0-only */
/* print.h: pieces of the canonical text, shared by the printing files and by match/. */
#ifndef BF_PRINT_H
#define BF_PRINT_H

#include "rule/rule.h"

/* One condition under another name than its field's: "tcp dport" for "th dport". */
void bf_cond_print_named(struct bf_buf *out, const struct bf_cond *c, const char *name);

/* All conditions of a rule, with the words that stand for several of them (print.c). */
void bf_conds_print(struct bf_buf *out, const struct bf_rule *r, uint8_t family);

/* bf_text_quote with some text, already escaped, before the closing quote. */
void bf_text_quote_end(struct bf_buf *out, const char *s, size_t max, const char *end);

/* chars as a JSON string. */
void bf_json_string(struct bf_buf *out, const char *chars);

const char *bf_family_name(uint8_t family);
const char *bf_hook_name(uint8_t hook);
const char *bf_verdict_name(enum bf_verdict_kind v);

#endif
