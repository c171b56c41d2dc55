/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/image.h"

void bf_image_free(struct bf_image *img)
{
	if (img)
		bf_arena_free(img->arena); /* the image lies in its own arena */
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t len) /* FNV-1a */
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

uint64_t bf_companion_tag(const struct bf_companion *c)
{
	uint64_t h = hash_bytes(0xcbf29ce484222325u, &c->max_codes_per_packet, sizeof(c->max_codes_per_packet));

	for (uint32_t i = 0; i < c->n_codes; i++) {
		const struct bf_handoff_spec *s = &c->codes[i];
		size_t name = strnlen(s->name, sizeof(s->name));
		uint8_t head[] = { s->kind, s->terminal, s->revision, s->reject_type, s->reject_code,
		                   s->size & 0xff, s->size >> 8, (uint8_t)name };

		h = hash_bytes(h, head, sizeof(head));
		h = hash_bytes(h, s->name, name);
		h = hash_bytes(h, s->info, BF_MIN(s->size, sizeof(s->info)));
	}
	return h;
}
