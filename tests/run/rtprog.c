/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/rtprog.h"

#include <stdio.h>

enum { MAX_MAPS = 10, ETH = 14 };

static void add_map(struct bf_image *img, const char *name, enum bf_map_role role, uint32_t size, uint32_t flags,
					const void *init, size_t init_len)
{
	img->maps[img->n_maps++] = (struct bf_map_spec){ .name = name,
													 .role = role,
													 .type = BPF_MAP_TYPE_ARRAY,
													 .key_size = 4,
													 .value_size = size,
													 .max_entries = 1,
													 .map_flags = flags,
													 .init = init,
													 .init_len = init_len };
}

static void add_hash(struct bf_image *img, const char *name, enum bf_map_role role, uint32_t size)
{
	img->maps[img->n_maps++] = (struct bf_map_spec){
		.name = name, .role = role, .type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = size, .max_entries = 256
	};
}

static void add_maps(struct rtprog *c)
{
	uint32_t bytes = c->n_cells * (uint32_t)sizeof(*c->cells);
	uint32_t counters = BF_MAX(c->n_counters * c->stripes, 1u) * (uint32_t)sizeof(struct bf_rt_counter);

	add_map(c->img, "config", BF_MAP_RODATA, sizeof(c->config), BPF_F_RDONLY_PROG,
			bf_arena_memdup(c->img->arena, &c->config, sizeof(c->config)), sizeof(c->config));
	add_map(c->img, "cells", BF_MAP_DATA, bytes, BPF_F_RDONLY_PROG, c->cells, bytes);
	add_map(c->img, "counters", BF_MAP_COUNTERS, counters, BPF_F_MMAPABLE, NULL, 0);
	if (c->n_params)
		add_map(c->img, "params", BF_MAP_DATA, c->n_params, 0, c->params, c->n_params);
	if (c->n_class)
		add_map(c->img, "class", BF_MAP_DATA, c->n_class * 4, 0, c->class, c->n_class * 4);
	if (c->config.patched)
		add_map(c->img, "journal", BF_MAP_JOURNAL, sizeof(struct bf_journal), BPF_F_MMAPABLE, NULL, 0);
	if (c->need_handoff) {
		add_hash(c->img, "handoff", BF_MAP_HANDOFF, sizeof(struct bf_handoff));
		add_map(c->img, "pending", BF_MAP_PENDING, sizeof(struct bf_pending), 0, NULL, 0);
	}
	if (c->need_assist)
		add_hash(c->img, "assist", BF_MAP_ASSIST, sizeof(struct bf_rt_assist));
	if (c->config.stack_depth > BF_STACK_DEPTH)
		add_hash(c->img, "stack", BF_MAP_DATA, c->config.stack_depth * 4);
}

static const char *const stems[BF_HOOKS] = {
	[BF_HOOK_XDP] = "xdp", [BF_HOOK_TC_INGRESS] = "tc", [BF_HOOK_TC_EGRESS] = "tc", [BF_HOOK_CGROUP_INGRESS] = "cgroup",
	[BF_HOOK_CGROUP_EGRESS] = "cgroup", [BF_HOOK_CONNECT4] = "connect4", [BF_HOOK_CONNECT6] = "connect6",
	[BF_HOOK_SENDMSG4] = "sendmsg4", [BF_HOOK_SENDMSG6] = "sendmsg6", [BF_HOOK_SOCKOPS] = "sockops",
};

static uint32_t kind_of(uint8_t hook)
{
	static const uint32_t kinds[BF_HOOKS] = {
		[BF_HOOK_XDP] = BF_RT_XDP, [BF_HOOK_TC_INGRESS] = BF_RT_TC, [BF_HOOK_TC_EGRESS] = BF_RT_TC_EGRESS,
		[BF_HOOK_CGROUP_INGRESS] = BF_RT_CGROUP, [BF_HOOK_CGROUP_EGRESS] = BF_RT_CGROUP_EGRESS,
		[BF_HOOK_CONNECT4] = BF_RT_CALL, [BF_HOOK_CONNECT6] = BF_RT_CALL, [BF_HOOK_SENDMSG4] = BF_RT_CALL,
		[BF_HOOK_SENDMSG6] = BF_RT_CALL, [BF_HOOK_SOCKOPS] = BF_RT_SOCKOPS,
	};

	return kinds[hook];
}

static void fill_config(struct rtprog *c)
{
	c->stripes = c->stripes ? c->stripes : 1;
	c->config.kind = kind_of(c->hook);
	c->config.n_cells = c->n_cells;
	c->config.n_params = c->n_params;
	c->config.n_class = c->n_class;
	c->config.n_counters = c->n_counters;
	c->config.stripe_mask = c->stripes - 1;
	if (!c->config.hz)
		c->config.hz = 250;
	for (uint32_t i = 0; i < c->n_cells; i++) {
		const struct bf_cell *cell = &c->cells[i];

		if (cell->op < BF_CELL_OPS)
			c->config.ops |= 1u << cell->op;
		if (cell->op == BF_CELL_LOAD && cell->lo < BF_LOADERS)
			c->config.loaders |= 1u << cell->lo;
		if (cell->op == BF_CELL_MATCH && cell->lo < BF_SPECIALS)
			c->config.specials |= 1u << cell->lo;
	}
	c->need_handoff |= c->config.ops >> BF_CELL_HANDOFF & 1;
	c->need_assist |= !!(c->config.needs & BF_NEED_ASSIST);
}

int rtprog_load(struct rtprog *c, struct bf_diag *d)
{
	struct bf_arena *a = bf_arena_new();
	char entry[64];
	int err;

	fill_config(c);
	c->img = bf_arena_new_of(a, struct bf_image);
	*c->img = (struct bf_image){ .arena = a,
								 .family = c->family,
								 .name = "test",
								 .n_counters = c->n_counters,
								 .stripes = c->stripes,
								 .maps = bf_arena_array(a, MAX_MAPS, struct bf_map_spec),
								 .progs = bf_arena_array(a, 1, struct bf_prog_image),
								 .n_progs = 1 };
	c->img->progs[0] = (struct bf_prog_image){ .name = "test_rt", .family = c->family, .at.hook = c->hook };
	add_maps(c);
	snprintf(entry, sizeof(entry), "bf_%s_%s", c->hook ? stems[c->hook] : c->family == NFPROTO_IPV4 ? "filter_ip" : "filter_ip6",
			 c->how);
	err = bf_link(c->img, &c->img->progs[0], entry, c->own, c->n_own, d);
	if (!err)
		err = bf_load(&c->loaded, c->img, NULL, d);
	if (err) {
		bf_image_free(c->img);
		c->img = NULL;
	}
	return err;
}

void rtprog_unload(struct rtprog *c)
{
	if (!c->img)
		return;
	bf_loaded_close(&c->loaded);
	bf_image_free(c->img);
	c->img = NULL;
}

int rtprog_map(const struct rtprog *c, const char *name)
{
	for (uint32_t i = 0; i < c->img->n_maps; i++)
		if (!strcmp(c->img->maps[i].name, name))
			return c->loaded.maps[i];
	return -1;
}

int rtprog_prog(const struct rtprog *c)
{
	return c->loaded.progs[0];
}

struct bf_rt_counter rtprog_counter(const struct rtprog *c, uint32_t i)
{
	struct bf_rt_counter *all = calloc(c->n_counters * c->stripes, sizeof(*all)), sum = { 0 };
	uint32_t zero = 0;

	if (!all || bf_map_lookup(rtprog_map(c, "counters"), &zero, all))
		abort();
	for (uint32_t s = 0; s < c->stripes; s++) {
		sum.packets += all[s * c->n_counters + i].packets;
		sum.bytes += all[s * c->n_counters + i].bytes;
	}
	free(all);
	return sum;
}

/* PRE_ROUTING: at LOCAL_OUT a test run's network header is not where the data is. */
static struct bf_run_desc run_of(const struct rtprog *c, uint8_t *state, uint8_t *frame, const void *packet, size_t len)
{
	memset(frame, 2, ETH);
	frame[12] = c->family == NFPROTO_IPV4 ? 0x08 : 0x86;
	frame[13] = c->family == NFPROTO_IPV4 ? 0x00 : 0xdd;
	memcpy(frame + ETH, packet, len);
	memset(state, 0, 48);
	state[0] = NF_INET_PRE_ROUTING;
	state[1] = c->family;
	return (struct bf_run_desc){
		.prog = rtprog_prog(c), .data = frame, .data_len = (uint32_t)len + ETH, .ctx = state, .ctx_len = 48, .repeat = 1
	};
}

int rtprog_run(const struct rtprog *c, const void *packet, size_t len)
{
	uint8_t state[48], frame[65536];
	struct bf_run_desc r = run_of(c, state, frame, packet, len);
	int err = bf_prog_run(&r);

	return err < 0 ? err : (int)r.retval;
}

/* Three cells for each entry: load (or a test that is always true), test, and beside them a count that goes on with the
 * next entry. */
static void expect_word(struct bf_cell *c, uint32_t at, uint32_t entry, struct rtprog_word w)
{
	uint32_t next = at + 3, bad = at + 2;
	bool load = w.word & 0x3000, none = w.word & 0x2000;

	c[0] = (struct bf_cell){ .op = BF_CELL_TEST, .span = ~0u, .hit = at + 1 };
	if (load)
		c[0] = (struct bf_cell){ .op = BF_CELL_LOAD,
								 .lo = w.word >> 4 & 0xff,
								 .arg = w.word >> 3 & 1,
								 .hit = none ? bad : at + 1,
								 .miss = none ? next : bad };
	c[1] = (struct bf_cell){ .op = BF_CELL_TEST,
							 .word = (uint8_t)(load ? BF_KEY_SCRATCH + (w.word & 7) : w.word),
							 .mask = ~0u,
							 .lo = w.value,
							 .hit = next,
							 .miss = bad };
	c[2] = (struct bf_cell){ .op = BF_CELL_COUNT, .arg = entry, .hit = next };
}

void rtprog_expect(struct rtprog *c, uint8_t family, const char *how, uint32_t needs, const struct rtprog_word *w,
				   uint32_t n)
{
	static struct bf_cell cells[3 * BF_KEY_WORDS + 2];

	if (n > BF_KEY_WORDS)
		abort();
	for (uint32_t i = 0; i < n; i++)
		expect_word(&cells[3 * i], 3 * i, i, w[i]);
	cells[3 * n] = (struct bf_cell){ .op = BF_CELL_COUNT, .arg = n, .hit = 3 * n + 1 };
	cells[3 * n + 1] = (struct bf_cell){ .op = BF_CELL_VERDICT, .lo = BF_ACCEPT };
	*c = (struct rtprog){
		.family = family, .how = how, .cells = cells, .n_cells = 3 * n + 2, .n_counters = n + 1, .config.needs = needs
	};
}

int rtprog_unexpected(const struct rtprog *c)
{
	for (uint32_t i = 0; i + 1 < c->n_counters; i++)
		if (rtprog_counter(c, i).packets)
			return (int)i;
	return -1;
}

struct bf_rt_counter rtprog_seen(const struct rtprog *c)
{
	return rtprog_counter(c, c->n_counters - 1);
}

unsigned rtprog_time(const struct rtprog *c, const void *packet, size_t len)
{
	uint8_t state[48], frame[65536];
	struct bf_run_desc r = run_of(c, state, frame, packet, len);
	unsigned best = ~0u;

	for (int i = 0; i < 10; i++) {
		if (bf_prog_run(&r) < 0)
			return 0;
		if (i)
			best = BF_MIN(best, r.duration);
		r.repeat = 20000000 / (r.duration + 10) + 1; /* 20 ms */
	}
	return best;
}
