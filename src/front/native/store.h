/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h: a table as it is kept, bytes beside its programs:
 *
 *   struct bf_nstore_head | name | handles | counters | places | packs | numbers | link | index | types | canonical text
 *
 * handles: of what the text holds, in its order: objects, sets, then each
 * chain with its rules behind it. counters: whose counter of the unit is which
 * (eval.h): they go on in the next version of the table by handle. link: of
 * the image. index: of rules (rules.h). Each part but the last is padded to 8 bytes.
 *
 * Sets of plain numbers can change without all of that being read: a pack has
 * the numbers of a set's elements, sorted; places say where the programs look
 * for them; types is a table of nothing but objects, and sets without elements.
 *
 * What changed in place since then is the *log*, the records of the unit's
 * journal: commands about rules, elements that came and went. All of it is the
 * table as it is.
 */
#ifndef BF_NSTORE_H
#define BF_NSTORE_H

#include "base/image.h"
#include "front/native/apply.h"
#include "front/native/eval.h"

struct bf_nstore_head {
	uint32_t magic;
	uint32_t family;     /* NFPROTO_* */
	uint64_t handle, last;
	uint64_t last_table; /* the last handle given to a table, when this was written */
	uint64_t text_len, types_len, link_len, index_len, numbers_len;
	uint32_t name_len, n_handles, n_counters, n_places, n_packs, n_objs;
};
#define BF_NSTORE_MAGIC 0x356e6662 /* "bfn5" */

struct bf_nstore_pack {
	uint64_t set;   /* handle */
	uint64_t at;    /* bytes from the first number */
	uint32_t n;     /* elements */
	uint8_t words;  /* of 32 bits, the most significant first, of a number */
	uint8_t ranges; /* an element is two numbers */
	uint8_t pad[2];
};

struct bf_nstored { /* what the bytes say; valid as long as they are */
	const struct bf_nstore_head *head;
	const struct bf_nfamily *family;
	const char *name;
	const uint64_t *handles; /* of the text, not of what the log brought: bf_nhandles_take */
	uint64_t last;           /* handle given in it */
	const struct bf_eval_counter *counters;
	uint32_t n_counters;
	const struct bf_set_place *places;
	const struct bf_nstore_pack *packs;
	const uint32_t *numbers;
	const void *link, *index;
	const char *types, *text; /* NUL-terminated behind their lengths */
	const void *log;
	size_t log_len;
	struct bf_eval_counter *own; /* counters, where the log has some */
};

/* -EBADMSG: these are not such bytes. log: of the unit's journal, or NULL. */
int bf_nstored_read(const void *state, size_t len, const void *log, size_t log_len, struct bf_nstored *out);
void bf_nstored_free(struct bf_nstored *s);
#define _cleanup_nstored_ _cleanup_(bf_nstored_free)
/* The table with nothing but its objects and sets, with handles; these without elements. */
int bf_nstored_types(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd **out, struct bf_diag *d);
/* Its `add table`, with handles, as part of ast: what the log says has been done. */
int bf_nstored_parse(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd **out, struct bf_diag *d);
/* Gives out handles, in order. False: there are not as many of them as there are places. */
bool bf_nhandles_give(struct bf_ast_table *t, const uint64_t *handles, uint32_t n);
/* ... and appends those that are there. */
void bf_nhandles_take(struct bf_ast_table *t, struct bf_buf *out);

struct bf_nstore_parts { /* what is stored beside the tree */
	const struct bf_eval_counter *counters;
	uint32_t n_counters;
	const struct bf_set_place *places;
	uint32_t n_places;
	const void *link;
	size_t link_len;
	const struct bf_evaluated *ev; /* an index is made, */
	const void *index;             /* or this is it */
	size_t index_len;
};
/* A settled table. The first failure sticks in out->err. parts: or NULL. */
void bf_nstored_write(struct bf_buf *out, const struct bf_ntable *t, uint64_t last_table, const struct bf_nstore_parts *parts);

/* The bytes that s is about, with another link. */
void bf_nstored_relink(struct bf_buf *out, const struct bf_nstored *s, const void *state, size_t len, const void *link, size_t link_len);

/*
 * The log: records, each of a multiple of 8 bytes.
 *
 *   COMMANDS   last handle (64 bits) | n struct bf_eval_counter | text, padded with NULs
 *              About rules of this table, without its sets. Counters go on behind those that there were.
 *   ELEMENTS   numbers as the pack has them, padded: n & BF_NLOG_PACK says which; BF_NLOG_GONE: they went
 *   TEXT       an element of a map or a concatenation as text, padded with NULs: n & BF_NLOG_PACK is the set's number in the
 *              table; BF_NLOG_GONE: it went. Of a set that has a pack: one with a comment, right behind its numbers
 */
enum bf_nlog_kind { BF_NLOG_COMMANDS = 1, BF_NLOG_ELEMENTS, BF_NLOG_TEXT };
enum { BF_NLOG_GONE = 0x8000, BF_NLOG_PACK = 0x7fff };
struct bf_nlog_record {
	uint32_t len; /* of all of it, this head included */
	uint16_t kind;
	uint16_t n;
};
/* Of the head and what a record of its kind has at least; SIZE_MAX: no such kind. */
static inline size_t bf_nlog_least(const struct bf_nlog_record *r)
{
	if (r->kind == BF_NLOG_ELEMENTS)
		return sizeof(*r);
	if (r->kind == BF_NLOG_TEXT)
		return sizeof(*r) + 1;
	return r->kind == BF_NLOG_COMMANDS ? sizeof(*r) + sizeof(uint64_t) + r->n * sizeof(struct bf_eval_counter) + 1 : SIZE_MAX;
}

/* The next one, and *at behind it; NULL: the end, or nothing that can be read (*at is not len then). */
static inline const struct bf_nlog_record *bf_nlog_next(const void *log, size_t len, size_t *at)
{
	const struct bf_nlog_record *r = (const void *)((const char *)log + *at);

	if (len - *at < sizeof(*r) || r->len % 8 || r->len > len - *at || r->len < bf_nlog_least(r))
		return NULL;
	*at += r->len;
	return r;
}
void bf_nlog_commands(struct bf_buf *log, uint64_t last, const struct bf_eval_counter *c, uint32_t n, const char *text, size_t len);
/* boxes: lo and hi of n elements. */
void bf_nlog_elements(struct bf_buf *log, const struct bf_nstore_pack *p, uint32_t number, bool gone, const bf_u128 *boxes, uint32_t n);
void bf_nlog_text(struct bf_buf *log, uint32_t number, bool gone, const struct bf_ast_elem *el);
/* Of the table that s is about, its text parsed already. */
int bf_nlog_replay(const struct bf_nstored *s, struct bf_ast *ast, struct bf_ast_cmd *table, struct bf_diag *d);

/* Element i of a pack, or of a record. */
void bf_npack_box(const struct bf_nstore_pack *p, const uint32_t *numbers, uint32_t i, bf_u128 box[2]);
static inline uint32_t bf_npack_size(const struct bf_nstore_pack *p)
{
	return p->words * (p->ranges ? 2u : 1u);
}
void bf_npack_put(struct bf_buf *out, const struct bf_nstore_pack *p, const bf_u128 box[2]);
/* Can it be one? Then what of it can be said without its elements. */
bool bf_npack_of(const struct bf_ast_set *set, struct bf_nstore_pack *out);

#endif
