/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/image.h"

#include <stdio.h>

#include "kern/attach.h"

enum { MAX = 16 };

struct bf_image *test_image(uint8_t family, const char *unit, uint32_t n_counters, uint32_t stripes)
{
	struct bf_arena *a = bf_arena_new();
	struct bf_image *img = bf_arena_new_of(a, struct bf_image);

	*img = (struct bf_image){
		.arena = a,
		.family = family,
		.name = bf_arena_strdup(a, unit),
		.n_counters = n_counters,
		.stripes = stripes,
		.progs = bf_arena_array(a, MAX, struct bf_prog_image),
		.maps = bf_arena_array(a, MAX, struct bf_map_spec),
	};
	return img;
}

void test_image_map(struct bf_image *img, struct bf_map_spec spec)
{
	if (img->n_maps == MAX)
		abort();
	img->maps[img->n_maps++] = spec;
}

void test_image_prog(struct bf_image *img, uint8_t hook, int priority, const struct bpf_insn *insns, uint32_t n,
                     const struct bf_reloc *relocs, uint32_t n_relocs)
{
	struct bf_prog_image *p = &img->progs[img->n_progs];
	char name[16];

	if (img->n_progs++ == MAX)
		abort();
	snprintf(name, sizeof(name), "test_%u", hook);
	*p = (struct bf_prog_image){
		.name = bf_arena_strdup(img->arena, name),
		.family = img->family,
		.at.hook = hook,
		.at.priority = priority,
		.insns = bf_arena_memdup(img->arena, insns, n * sizeof(*insns)),
		.n_insns = n,
		.relocs = bf_arena_memdup(img->arena, relocs, n_relocs * sizeof(*relocs)),
		.n_relocs = n_relocs,
	};
}

static uint32_t counters_map(struct bf_image *img)
{
	uint32_t i;

	for (i = 0; i < img->n_maps; i++)
		if (img->maps[i].role == BF_MAP_COUNTERS)
			return i;
	test_image_map(img, (struct bf_map_spec){
		.name = "counters",
		.role = BF_MAP_COUNTERS,
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = img->n_counters * img->stripes * (uint32_t)sizeof(struct bf_rt_counter),
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	});
	return i;
}

void test_image_verdict(struct bf_image *img, uint8_t hook, int priority, uint32_t counter, int verdict)
{
	const struct bpf_insn insns[] = {
		I_LDX(BPF_DW, 1, 1, 8), /* ctx->skb */
		I_LDX(BPF_W, 2, 1, 0),  /* skb->len */
		I_LD64(3), I_ZERO,
		I_MOV64(4, 1),
		I_ADD_MEM(3, 4, 0),
		I_ADD_MEM(3, 2, 8),
		I_MOV64(0, verdict),
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 1, .kind = BF_RELOC_OFFSET, .type = "sk_buff", .member = "len" },
		{ .insn = 2, .kind = BF_RELOC_MAP_VALUE, .map = counters_map(img), .addend = (int)(counter * 16) },
	};

	test_image_prog(img, hook, priority, insns, BF_ARRAY_SIZE(insns), relocs, BF_ARRAY_SIZE(relocs));
}

void test_image_hook(struct bf_image *img, uint8_t hook, const char *at, int priority, uint32_t counter, int verdict)
{
	const struct bpf_insn insns[] = {
		I_LD64(3), I_ZERO,
		I_MOV64(4, 1),
		I_ADD_MEM(3, 4, 0),
		I_MOV64(0, bf_hook_code(hook, verdict)),
		I_EXIT,
	};
	const struct bf_reloc relocs[] = {
		{ .insn = 0, .kind = BF_RELOC_MAP_VALUE, .map = counters_map(img), .addend = (int)(counter * 16) },
	};
	struct bf_attach *to = &img->progs[img->n_progs].at;
	const char **devices = bf_arena_array(img->arena, 1, const char *);

	test_image_prog(img, hook, priority, insns, BF_ARRAY_SIZE(insns), relocs, BF_ARRAY_SIZE(relocs));
	devices[0] = bf_arena_strdup(img->arena, at);
	if (bf_hook_kinds[hook].point == BF_POINT_CGROUP) {
		to->cgroup = devices[0];
	} else {
		to->devices = devices;
		to->n_devices = 1;
	}
}
