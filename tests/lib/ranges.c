/* SPDX-License-Identifier: GPL-2.0-only */
#include "lib/ranges.h"

static bf_u128 some(struct rng *r, const struct bf_field *f)
{
	return rng_u128(r) & bf_field_ones(f);
}

static struct bf_range prefix(struct rng *r, const struct bf_field *f, unsigned len)
{
	bf_u128 low = len >= f->bits ? 0 : bf_field_ones(f) >> len, v = some(r, f);

	if (f->bits == 128)
		v = (v & ~((bf_u128)7 << 125)) | (bf_u128)1 << 125; /* 2000::/3 */
	return (struct bf_range){ v & ~low, v | low };
}

static struct bf_range usual_prefix(struct rng *r, const struct bf_field *f)
{
	static const uint8_t of4[] = { 32, 32, 24, 24, 24, 23, 22, 20, 28, 16 }, of6[] = { 128, 64, 64, 48, 48, 56, 40, 32 };

	if (f->bits == 128)
		return prefix(r, f, of6[rng_below(r, BF_ARRAY_SIZE(of6))]);
	return prefix(r, f, (unsigned)of4[rng_below(r, BF_ARRAY_SIZE(of4))] * f->bits / 32);
}

static struct bf_range near_power(struct rng *r, const struct bf_field *f)
{
	bf_u128 v = ((bf_u128)1 << rng_below(r, f->bits)) + rng_below(r, 3) - 1;

	switch (rng_below(r, 4)) {
	case 0:
		return (struct bf_range){ 0, rng_below(r, 2) };
	case 1:
		return (struct bf_range){ bf_field_ones(f) - rng_below(r, 2), bf_field_ones(f) };
	default:
		return (struct bf_range){ v, v + rng_below(r, 2) };
	}
}

static struct bf_range one(struct rng *r, const struct bf_field *f, enum test_shape shape, uint32_t i, uint32_t n)
{
	bf_u128 v = some(r, f), w = some(r, f);

	switch (shape) {
	case SHAPE_VALUES:
		return (struct bf_range){ v, v };
	case SHAPE_CROWDED:
		v = (bf_u128)rng_below(r, 3) * 0x1234567 + rng_below(r, 1 << 20);
		return (struct bf_range){ v, v };
	case SHAPE_PREFIXES:
		return usual_prefix(r, f);
	case SHAPE_ANY_PREFIX:
		if (n < 3000 && rng_percent(r, 5))
			return prefix(r, f, 1 + rng_below(r, f->bits));
		return prefix(r, f, f->bits - rng_below(r, f->bits * 3 / 8));
	case SHAPE_NARROW:
		v = (bf_u128)i * 19 + rng_below(r, 9);
		return (struct bf_range){ v, v + rng_below(r, 9) };
	case SHAPE_TOUCHING:
		return (struct bf_range){ (bf_u128)i * 7, (bf_u128)i * 7 + 6 };
	case SHAPE_ALTERNATE:
		return (struct bf_range){ 2 * i + 1, 2 * i + 1 };
	case SHAPE_EDGES:
		return near_power(r, f);
	case SHAPE_ALL: /* holes are made below */
		return (struct bf_range){ v, v };
	default:
		w = v + w / n;
		return (struct bf_range){ BF_MIN(v, w), BF_MAX(v, w) };
	}
}

static int by_lo(const void *a, const void *b)
{
	const struct bf_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* What lies between them, instead. */
static uint32_t holes(struct bf_range *out, uint32_t n, bf_u128 most)
{
	bf_u128 from = 0;
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct bf_range r = out[i];

		if (r.lo > from)
			out[k++] = (struct bf_range){ from, r.lo - 1 };
		from = r.hi + 1;
		if (r.hi == most)
			return k;
	}
	out[k++] = (struct bf_range){ from, most };
	return k;
}

uint32_t test_ranges_join(struct bf_range *out, uint32_t n)
{
	uint32_t kept = 0;

	qsort(out, n, sizeof(*out), by_lo);
	for (uint32_t i = 1; i < n; i++) {
		if (out[i].lo > out[kept].hi)
			out[++kept] = out[i];
		else
			out[kept].hi = BF_MAX(out[kept].hi, out[i].hi);
	}
	return kept + 1;
}

struct bf_range *test_ranges(struct rng *r, const struct bf_field *f, bf_u128 mask, enum test_shape shape, uint32_t n,
                             uint32_t *n_out)
{
	struct bf_range *out = malloc((n + 2) * sizeof(*out));
	bf_u128 ones = bf_field_ones(f);

	for (uint32_t i = 0; i < n; i++) {
		struct bf_range a = one(r, f, shape, i, n);

		a.lo = BF_MIN(a.lo, ones) & mask;
		a.hi = BF_MIN(a.hi, ones) & mask;
		out[i] = (struct bf_range){ BF_MIN(a.lo, a.hi), BF_MAX(a.lo, a.hi) };
	}
	n = test_ranges_join(out, n);
	*n_out = shape == SHAPE_ALL ? holes(out, n, ones) : n;
	return out;
}

bool test_ranges_have(const struct bf_range *r, uint32_t n, bf_u128 v)
{
	for (uint32_t i = 0; i < n; i++)
		if (v >= r[i].lo && v <= r[i].hi)
			return true;
	return false;
}
