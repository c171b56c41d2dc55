/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recipe.c: what an image's objects are made of, as bytes, so that a later
 * image can be compared: maps that have the same recipe can hold the other's
 * data, programs that have it (and the same maps) need not be verified again.
 *
 *   | size | maps ... | size | program 0 ... | size | program 1 ...
 *
 * Left out is what may differ: data that is filled in anew, counters.
 */
#include "kern/recipe.h"

#include "kern/load.h"
#include "kern/sys.h"

/* Kept maps are memory that nobody uses until the next change. */
enum { KEEP_BYTES = 8 << 20 };

static void put(struct bf_buf *b, const void *p, size_t len)
{
	const uint64_t n = len;

	bf_buf_add(b, &n, sizeof(n));
	bf_buf_add(b, p, len);
}

static void put_string(struct bf_buf *b, const char *s)
{
	put(b, s ? s : "", s ? strlen(s) : 0);
}

static void put_number(struct bf_buf *b, uint64_t v)
{
	bf_buf_add(b, &v, sizeof(v));
}

static int given_id(const struct bf_map_spec *s, const struct bf_given_maps *given, uint32_t *id)
{
	struct bpf_map_info info = { 0 };
	int fd = bf_given_map(s, given), err = fd < 0 ? -ENOENT : bf_map_info(fd, &info);

	*id = info.id;
	return err;
}

/* What can be filled by memory alone, or is always the same. */
static bool can_be_kept(const struct bf_map_spec *s)
{
	if (s->type != BPF_MAP_TYPE_ARRAY)
		return false;
	return s->role == BF_MAP_RODATA || s->map_flags & BPF_F_MMAPABLE;
}

static int put_map(struct bf_buf *b, const struct bf_map_spec *s, const struct bf_given_maps *given, size_t *bytes)
{
	const uint32_t shape[] = { s->role, s->type, s->key_size, s->value_size, s->max_entries, s->map_flags, s->patched };
	bool is_given = s->role == BF_MAP_HANDOFF || s->role == BF_MAP_PENDING || s->role == BF_MAP_ASSIST;
	uint32_t id = 0;

	put_string(b, s->name);
	put(b, shape, sizeof(shape));
	if (is_given) {
		int err = given_id(s, given, &id);

		put_number(b, id);
		return err;
	}
	if (s->role == BF_MAP_RODATA)
		put(b, s->init, s->init_len);
	*bytes += bf_map_bytes(s->value_size, s->max_entries);
	return can_be_kept(s) && *bytes <= KEEP_BYTES ? 0 : -ENOENT;
}

static int put_maps(struct bf_buf *b, const struct bf_image *img, const struct bf_given_maps *given, size_t bytes)
{
	bool counted = false;
	int err = 0;

	put_number(b, img->n_counters);
	for (uint32_t i = 0; i < img->n_maps && !err; i++) {
		err = put_map(b, &img->maps[i], given, &bytes);
		counted |= img->maps[i].role == BF_MAP_COUNTERS;
	}
	return err || counted || !img->n_counters ? err : -ENOENT;
}

static void put_prog(struct bf_buf *b, const struct bf_prog_image *p)
{
	const uint64_t shape[] = { p->family, p->at.hook, p->n_relocs, p->n_funcs, p->frame };

	put_string(b, p->name);
	put(b, shape, sizeof(shape));
	put(b, p->insns, p->n_insns * sizeof(*p->insns));
	for (uint32_t i = 0; i < p->n_relocs; i++) {
		const struct bf_reloc *r = &p->relocs[i];
		const uint32_t numbers[] = { r->insn, r->kind, r->map, (uint32_t)r->addend };

		put(b, numbers, sizeof(numbers));
		put_string(b, r->type);
		put_string(b, r->member);
	}
	for (uint32_t i = 0; i < p->n_funcs; i++) {
		put_string(b, p->funcs[i].name);
		put_string(b, p->funcs[i].args);
		put_number(b, (uint64_t)p->funcs[i].insn << 1 | (p->funcs[i].args != NULL));
	}
}

/* The size of a section is known when it ends. */
static size_t open_section(struct bf_buf *b)
{
	put_number(b, 0);
	return b->len;
}

static void close_section(struct bf_buf *b, size_t begin)
{
	const uint64_t size = b->len - begin;

	if (!b->err)
		memcpy(b->data + begin - sizeof(size), &size, sizeof(size));
}

int bf_recipe_make(const struct bf_image *img, const struct bf_given_maps *given, size_t state_len, struct bf_buf *out)
{
	size_t begin = open_section(out);
	int err = img->n_progs ? put_maps(out, img, given, state_len) : -ENOENT;

	close_section(out, begin);
	for (uint32_t i = 0; i < img->n_progs && !err; i++) {
		begin = open_section(out);
		put_prog(out, &img->progs[i]);
		close_section(out, begin);
	}
	return err ? err : out->err;
}

/* Section n of a recipe. False: it has none. */
static bool section(const void *recipe, size_t len, uint32_t n, const char **p, size_t *size)
{
	const char *at = recipe;

	for (uint32_t i = 0; len >= sizeof(uint64_t); i++) {
		uint64_t s;

		memcpy(&s, at, sizeof(s));
		at += sizeof(s);
		len -= sizeof(s);
		if (s > len)
			return false;
		if (i == n) {
			*p = at;
			*size = s;
			return true;
		}
		at += s;
		len -= s;
	}
	return false;
}

bool bf_recipe_same(const void *a, size_t a_len, const void *b, size_t b_len, uint32_t n)
{
	const char *x, *y;
	size_t xs, ys;

	return section(a, a_len, n, &x, &xs) && section(b, b_len, n, &y, &ys) && xs == ys && !memcmp(x, y, xs);
}
