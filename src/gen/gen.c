/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen.c: a table -> an image: the graph of cells as maps, one program for each
 * base chain (for each family of packets that it sees, where the kernel hands
 * them to different programs), each with its own element of the map "config".
 *
 * All base chains of a table get a program, or none does: the kernel counts
 * every packet of each hook on its policy, rules or not.
 */
#include "gen/gen.h"

#include <stdio.h>

#include "gen/code.h"
#include "gen/graph.h"
#include "gen/link.h"
#include "gen/patch.h"
#include "gen/patch_link.h"
#include "rt/class.h"

/* All copies of the counters; beyond it CPUs share copies. Entries of the map "stack": packets on their way at once. */
enum { MAX_COUNTER_BYTES = 64 << 20, STACK_ENTRIES = 512, EVENTS_BYTES = 1 << 20, MAX_MAPS = 16 };
/* Room that is there at least: cells, counters, words, bytes. */
enum { MIN_CELLS = 256, MIN_COUNTERS = 64, MIN_CLASS = 1024, MIN_PARAMS = 256, MAX_ROOM = 4 << 20, MAX_STEP = 32 << 10 };
/* Of the journal: at least, and for each rule of the table. */
enum { JOURNAL_BYTES = 64 << 10, JOURNAL_PER_RULE = 4, JOURNAL_MAX = 4 << 20, JOURNAL_SET_MAX = 256 << 10 };

struct gen {
	const struct bf_table *table;
	const struct bf_gen_opts *opts;
	struct bf_diag *diag;
	struct bf_image *img;
	struct bf_graph graph;
	struct bf_rt_config *config; /* one for each program */
	bool *class_first;           /* likewise: it begins with a run */
	bool same;                   /* the program being made is there */
	bool failed;                 /* out of memory */
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	}
	return "netdev";
}

/* What programs of other hooks than netfilter's are called, and their entries (link.h). */
static const struct {
	const char *name, *entry;
	enum bf_rt_kind kind;
} others[BF_HOOKS] = {
	[BF_HOOK_XDP] = { "xdp", "xdp", BF_RT_XDP },
	[BF_HOOK_TC_INGRESS] = { "tc_ingress", "tc", BF_RT_TC },
	[BF_HOOK_TC_EGRESS] = { "tc_egress", "tc", BF_RT_TC_EGRESS },
	[BF_HOOK_CGROUP_INGRESS] = { "cg_ingress", "cgroup", BF_RT_CGROUP },
	[BF_HOOK_CGROUP_EGRESS] = { "cg_egress", "cgroup", BF_RT_CGROUP_EGRESS },
	[BF_HOOK_CONNECT4] = { "connect4", "connect4", BF_RT_CALL },
	[BF_HOOK_CONNECT6] = { "connect6", "connect6", BF_RT_CALL },
	[BF_HOOK_SENDMSG4] = { "sendmsg4", "sendmsg4", BF_RT_CALL },
	[BF_HOOK_SENDMSG6] = { "sendmsg6", "sendmsg6", BF_RT_CALL },
	[BF_HOOK_SOCKOPS] = { "sockops", "sockops", BF_RT_SOCKOPS },
};

/* All text of an image is in its arena. */
static const char *text(struct gen *g, const char *a, const char *b, char between)
{
	char s[128];

	snprintf(s, sizeof(s), "%s%c%s", a, between, b);
	return bf_arena_strdup(g->img->arena, s);
}

static const char *prog_name(struct gen *g, const struct bf_graph_root *r)
{
	uint8_t hook = r->chain->at.hook;

	if (hook >= BF_HOOKS_NETFILTER)
		return others[hook].name;
	return text(g, family_name(r->family), bf_hook_kinds[hook].name, '_');
}

/* Maps. */

static struct bf_map_spec *add_map(struct gen *g, const char *name, enum bf_map_role role, uint32_t type,
                                   uint32_t key_size, uint64_t value_size, uint32_t entries, uint32_t flags)
{
	struct bf_map_spec *m = &g->img->maps[g->img->n_maps++];

	*m = (struct bf_map_spec){ .name = name, .role = role, .type = type, .key_size = key_size,
	                           .value_size = value_size, .max_entries = entries, .map_flags = flags };
	return m;
}

static void add_array(struct gen *g, const char *name, enum bf_map_role role, uint64_t size, uint32_t flags,
                      const void *init, uint64_t init_len)
{
	struct bf_map_spec *m = add_map(g, name, role, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), BF_ALIGN(size, 8), 1, flags);

	m->init = init;
	m->init_len = init_len;
}

static void add_hash(struct gen *g, const char *name, enum bf_map_role role, uint32_t value_size, uint32_t entries)
{
	add_map(g, name, role, BPF_MAP_TYPE_HASH, sizeof(uint64_t), value_size, entries, 0);
}

static struct bf_uses all_uses(const struct gen *g, uint32_t *depth)
{
	struct bf_uses u = { 0 };

	*depth = 0;
	for (uint32_t i = 0; i < g->graph.n_roots; i++) {
		u.ops |= g->graph.roots[i].uses.ops;
		u.assists |= g->graph.roots[i].uses.assists;
		*depth = BF_MAX(*depth, g->graph.roots[i].depth);
	}
	return u;
}

/*
 * Sizes that programs know as constants are rounded up, by an eighth at most once they are large, and by MAX_STEP: tables
 * that differ by a few rules then have the same programs, and kern/ need not load them again (kern/spare.c). Not for what
 * is so large that kern/ does not keep it.
 */
static uint32_t room_for(uint32_t n, uint32_t least, size_t size)
{
	uint32_t most = BF_MAX((uint32_t)(MAX_STEP / size), least);
	uint32_t step = n > least ? BF_MIN(BF_MAX((1u << (31 - __builtin_clz(n))) / 8, least), most) : least;

	return BF_ALIGN((uint64_t)n, step) * size <= MAX_ROOM ? BF_ALIGN(n, step) : n;
}

/* Sets that rules change, those of one size of keys, and the map that programs know them by. */
static void add_lives(struct gen *g, const char *name, uint32_t from, uint32_t to)
{
	uint32_t first = g->img->n_maps;
	struct bf_map_spec *m;

	if (from == to)
		return;
	for (uint32_t i = from; i < to; i++)
		g->img->maps[g->img->n_maps++] = g->graph.lives[i];
	m = add_map(g, name, BF_MAP_LIVES, BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t), sizeof(uint32_t), to - from, 0);
	m->first = first;
	m->n = to - from;
}

/* Changes in place: the maps they write to, and their journal. */
static void make_patchable(struct gen *g)
{
	static const char *const maps[] = { "cells", "class", "params" };
	static const struct bf_journal empty;
	uint64_t room = JOURNAL_BYTES + BF_MIN((uint64_t)g->table->n_counters * JOURNAL_PER_RULE, (uint64_t)JOURNAL_MAX);

	for (uint32_t i = 0; i < g->table->n_sets; i++)
		if (g->table->sets[i]->flags & (BF_SET_OPEN | BF_SET_EXACT))
			room += BF_MIN(g->table->sets[i]->n, (uint32_t)JOURNAL_SET_MAX);
	room = BF_ALIGN(room, 8);

	for (uint32_t i = 0; i < g->img->n_maps; i++)
		for (unsigned k = 0; k < BF_ARRAY_SIZE(maps); k++)
			g->img->maps[i].patched |= !strcmp(g->img->maps[i].name, maps[k]);
	add_array(g, "journal", BF_MAP_JOURNAL, sizeof(empty) + room, BPF_F_MMAPABLE, &empty, sizeof(empty));
	g->img->link = g->graph.link;
	g->img->link_len = g->graph.link_len;
}

static uint32_t users_maps(const struct gen *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->graph.n_codes; i++)
		n += g->graph.codes[i].program ? g->graph.codes[i].program->n_maps : 0;
	return n;
}

static bool same_shape(const struct bf_map_spec *a, const struct bf_map_spec *b)
{
	return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size &&
	       a->max_entries == b->max_entries && a->map_flags == b->map_flags;
}

/* Maps of users' functions. Those of one name are one. */
static int add_users_map(struct gen *g, const struct bf_program *p, const struct bf_map_spec *m)
{
	struct bf_map_spec *to;
	uint32_t i;

	for (i = 0; i < g->img->n_maps && strcmp(g->img->maps[i].name, m->name); i++)
		;
	if (i < g->img->n_maps)
		return same_shape(&g->img->maps[i], m) ? 0 :
		       bf_diag_error(g->diag, -EINVAL, "program \"%s\": its map \"%s\" has another shape in another file of the table",
		                     p->file, m->name + strlen(BF_USERS_MAP));
	to = add_map(g, m->name, m->role, m->type, m->key_size, m->value_size, m->max_entries, m->map_flags);
	to->name = bf_arena_strdup(g->img->arena, m->name);
	to->kept = m->kept;
	to->init = m->init_len ? bf_arena_memdup(g->img->arena, m->init, m->init_len) : NULL;
	to->init_len = m->init_len;
	return to->name && (to->init || !m->init_len) ? 0 : -ENOMEM;
}

static int add_users_maps(struct gen *g)
{
	int err = 0;

	for (uint32_t i = 0; i < g->graph.n_codes; i++) {
		const struct bf_program *p = g->graph.codes[i].program;

		for (uint32_t k = 0; p && k < p->n_maps && !err; k++)
			err = add_users_map(g, p, &p->maps[k]);
	}
	return err;
}

static int make_maps(struct gen *g)
{
	struct bf_image *img = g->img;
	uint32_t depth, cells = g->graph.n_cells * sizeof(struct bf_cell);
	uint64_t counters = (uint64_t)img->n_counters * img->stripes * sizeof(struct bf_rt_counter);
	struct bf_uses u = all_uses(g, &depth);

	if (counters > INT32_MAX || g->graph.n_class > INT32_MAX / sizeof(uint32_t))
		return bf_diag_error(g->diag, -E2BIG, "table %s has too many rules", g->table->name);
	img->maps = bf_arena_array(img->arena, MAX_MAPS + g->graph.n_lives + users_maps(g), struct bf_map_spec);
	if (!img->maps)
		return -ENOMEM;
	add_array(g, "config", BF_MAP_RODATA, img->n_progs * sizeof(*g->config), 0, g->config,
	          img->n_progs * sizeof(*g->config));
	add_array(g, "cells", BF_MAP_DATA, (uint64_t)g->config->n_cells * sizeof(struct bf_cell),
	          BPF_F_MMAPABLE, g->graph.cells, cells);
	add_array(g, "counters", BF_MAP_COUNTERS, BF_MAX(counters, sizeof(struct bf_rt_counter)), BPF_F_MMAPABLE, NULL, 0);
	if (g->config->n_params)
		add_array(g, "params", BF_MAP_DATA, g->config->n_params, BPF_F_MMAPABLE, g->graph.params,
		          g->graph.n_params);
	if (g->graph.n_class)
		add_array(g, "class", BF_MAP_DATA, (uint64_t)g->config->n_class * sizeof(uint32_t),
		          BPF_F_MMAPABLE, g->graph.class, g->graph.n_class * sizeof(uint32_t));
	if (g->graph.link || g->graph.n_places)
		make_patchable(g);
	if (g->opts->watched) {
		add_map(g, "events", BF_MAP_EVENTS, BPF_MAP_TYPE_RINGBUF, 0, 0, EVENTS_BYTES, 0);
		add_array(g, "watch", BF_MAP_WATCH, sizeof(struct bf_rt_watch), BPF_F_MMAPABLE, NULL, 0);
	}
	if (g->opts->trial)
		add_array(g, "trial", BF_MAP_TRIAL, sizeof(struct bf_rt_trial), BPF_F_MMAPABLE, NULL, 0);
	if (u.ops & 1u << BF_CELL_HANDOFF) {
		add_hash(g, "handoff", BF_MAP_HANDOFF, sizeof(struct bf_handoff), 1024);
		add_array(g, "pending", BF_MAP_PENDING, sizeof(struct bf_pending), 0, NULL, 0);
	}
	if (u.assists)
		add_hash(g, "assist", BF_MAP_ASSIST, sizeof(struct bf_rt_assist), 1024);
	if (depth > BF_STACK_DEPTH)
		add_hash(g, "stack", BF_MAP_DATA, depth * sizeof(uint32_t), STACK_ENTRIES);
	add_lives(g, "sets4", 0, g->graph.n_short);
	add_lives(g, "sets16", g->graph.n_short, g->graph.n_lives);
	return add_users_maps(g);
}

/* Copies of the counters: a power of two, one for each CPU unless that is too much memory. */
static uint32_t stripes_for(uint32_t n_counters, uint32_t cpus)
{
	uint64_t one = (uint64_t)n_counters * sizeof(struct bf_rt_counter);
	uint32_t n = 1;

	while (n < cpus && n < 1024 && one * n * 2 <= MAX_COUNTER_BYTES)
		n *= 2;
	return n;
}

/* Programs. */

/* One counter of each netfilter hook has a place there; others stay where they are. */
static bool move_counter(struct bf_image *img, uint32_t counter, uint8_t hook)
{
	uint32_t place = img->n_counters - 1 - hook;

	if (counter == BF_NO_COUNTER || hook >= BF_MOVED_COUNTERS)
		return false;
	for (uint32_t i = 0; i < img->n_moved; i++)
		if (img->moved[i].place == place)
			return false;
	img->moved[img->n_moved++] = (struct bf_moved_counter){ counter, place };
	return true;
}

/* Policies' counters to their places. */
static void move_counters(struct gen *g)
{
	struct bf_image *img = g->img;

	for (uint32_t i = 0; i < g->graph.n_roots; i++) {
		const struct bf_chain *c = g->graph.roots[i].chain;
		const struct bf_moved_counter *m = &img->moved[img->n_moved];

		if (!move_counter(img, c->counter, c->at.hook))
			continue;
		for (uint32_t k = 0; k < g->graph.n_cells; k++)
			if (g->graph.cells[k].op == BF_CELL_COUNT && !g->graph.cells[k].word && g->graph.cells[k].arg == m->counter)
				g->graph.cells[k].arg = m->place;
	}
}

/* Sets that programs look into, and that change in place. */
static bool has_places(const struct gen *g)
{
	for (uint32_t i = 0; i < g->graph.n_places; i++)
		if (g->graph.places[i].head)
			return true;
	return false;
}

/* Filters that begin before the network header. */
static bool has_frames(const struct bf_graph *g)
{
	for (uint32_t i = 0; i < g->n_codes; i++)
		if (g->codes[i].filter && g->codes[i].filter->frame)
			return true;
	return false;
}

static struct bf_rt_config config_of(const struct gen *g, const struct bf_graph_root *r)
{
	uint32_t params = g->graph.n_params + g->graph.spare_params;

	return (struct bf_rt_config){
		.needs = r->uses.needs,
		.start = r->start,
		.n_cells = room_for(g->graph.n_cells + g->graph.spare_cells, MIN_CELLS, sizeof(struct bf_cell)),
		.n_params = params ? room_for(params, MIN_PARAMS, 1) : 0,
		.n_class = g->graph.n_class ? room_for(g->graph.n_class, MIN_CLASS, sizeof(uint32_t)) : 0,
		.patched = g->graph.link && r->uses.structs & (BF_LIVE_SHORT - 1),
		.deltas = g->graph.link && r->uses.runs,
		.changes = has_places(g),
		.structs = r->uses.structs,
		.n_counters = g->img->n_counters,
		.stripe_mask = g->img->stripes - 1,
		.stack_depth = r->depth,
		.drop_code = g->graph.drop_code,
		.hz = g->opts->hz,
		.ops = r->uses.ops,
		.loaders = r->uses.loaders,
		.specials = r->uses.specials,
		.assist_states = g->graph.companion.assist_states,
		.tag = bf_companion_tag(&g->graph.companion),
		.tai = g->opts->tai,
		.auth_ends = g->table->auth_ends,
		.start_ip6 = r->start_ip6,
		.start_other = r->start_other,
		.kind = others[r->chain->at.hook].kind,
		.trial = g->opts->trial,
		.no_levels = BF_CLASS_DEPTH - r->uses.levels,
		.no_tests = BF_SVC_TESTS - r->uses.tests,
		.one_tree = r->uses.trees <= 1,
		.frames = r->uses.ops & 1u << BF_CELL_CODE && has_frames(&g->graph),
	};
}

static bool is_class(const struct gen *g, uint32_t cell)
{
	return g->graph.cells[cell].op == BF_CELL_CLASS;
}

/* Users' functions need the stack that "c" takes to be quicker. */
static bool asks_programs(const struct gen *g)
{
	for (uint32_t i = 0; i < g->graph.n_codes; i++)
		if (g->graph.codes[i].program)
			return true;
	return false;
}

static bool is_class_first(const struct gen *g, const struct bf_graph_root *r)
{
	const struct bf_cell *c = &g->graph.cells[r->start];

	return is_class(g, r->start) || (c->op == BF_CELL_TEST && (is_class(g, c->hit) || is_class(g, c->miss)));
}

/* How the program evaluates its cells; see gen/link.h. */
static const char *way_of(const struct gen *g, uint32_t i, bool straight)
{
	if (straight)
		return "s";
	if (!g->opts->may_goto || g->graph.roots[i].family == NFPROTO_NETDEV || asks_programs(g))
		return "";
	return g->class_first[i] ? "c" : "";
}

/* The image outlives the ruleset. */
static struct bf_attach keep_place(struct gen *g, const struct bf_attach *at)
{
	struct bf_attach copy = *at;
	const char **names = at->n_devices ? bf_arena_array(g->img->arena, at->n_devices, const char *) : NULL;

	g->failed |= at->n_devices && !names;
	for (uint32_t i = 0; i < at->n_devices && !g->failed; i++) {
		names[i] = bf_arena_strdup(g->img->arena, at->devices[i]);
		g->failed |= !names[i];
	}
	copy.devices = names;
	copy.cgroup = at->cgroup ? bf_arena_strdup(g->img->arena, at->cgroup) : NULL;
	g->failed |= at->cgroup && !copy.cgroup;
	return copy;
}

static int make_prog(struct gen *g, uint32_t i)
{
	const struct bf_graph_root *r = &g->graph.roots[i];
	struct bf_prog_image *p = &g->img->progs[i];
	const char *stem = others[r->chain->at.hook].entry;
	struct bf_rt_func *own;
	uint32_t n_own = 0;
	bool straight;
	char entry[32];
	int err;

	*p = (struct bf_prog_image){
		.name = prog_name(g, r),
		.family = r->family,
		.at = keep_place(g, &r->chain->at),
		.handoff = r->uses.ops & 1u << BF_CELL_HANDOFF,
		.config = i * sizeof(*g->config),
		.same = g->same,
	};
	if (!p->name || g->failed)
		return -ENOMEM;
	if (p->same)
		return 0;
	err = bf_code_funcs(g->img->arena, &g->graph, r, &g->config[i], g->img->geared ? 0 : g->opts->code_max, &own, &n_own,
	                    &straight, g->diag);
	if (err < 0)
		return err;
	g->img->straight |= straight;
	if (!stem)
		stem = r->family == NFPROTO_IPV6 ? "filter_ip6" : "filter_ip";
	snprintf(entry, sizeof(entry), "bf_%s_%s%s", stem, way_of(g, i, straight), g->opts->may_goto ? "mg" : "it");
	return bf_link(g->img, p, entry, own, n_own, g->diag);
}

static int make_image(struct gen *g)
{
	struct bf_image *img = g->img;
	int err;

	img->n_progs = g->graph.n_roots;
	img->n_counters = g->table->n_counters;
	if (img->n_progs)
		img->n_counters = room_for(img->n_counters + g->graph.spare_counters + BF_MOVED_COUNTERS, MIN_COUNTERS,
		                           sizeof(struct bf_rt_counter));
	img->stripes = stripes_for(g->table->n_counters, g->opts->cpus);
	img->conntrack = g->graph.conntrack;
	img->companion = g->graph.companion;
	img->pieces = g->graph.pieces;
	img->n_pieces = g->graph.n_pieces;
	img->sets = g->graph.sets;
	img->places = g->graph.places;
	img->n_places = g->graph.n_places;
	if (!img->n_progs)
		return 0;
	move_counters(g);
	img->progs = bf_arena_array(img->arena, img->n_progs, struct bf_prog_image);
	g->config = bf_arena_array(img->arena, img->n_progs, struct bf_rt_config);
	g->class_first = bf_arena_array(img->arena, img->n_progs, bool);
	if (!img->progs || !g->config || !g->class_first)
		return -ENOMEM;
	for (uint32_t i = 0; i < img->n_progs; i++) {
		g->config[i] = config_of(g, &g->graph.roots[i]);
		g->class_first[i] = is_class_first(g, &g->graph.roots[i]);
	}
	for (uint32_t i = 0; g->opts->watched && i < img->n_progs; i++)
		g->config[i].watched = i + 1;
	if (g->graph.link)
		bf_link_put_roots(g->graph.link, g->config, g->class_first, img);
	err = make_maps(g);
	for (uint32_t i = 0; i < img->n_progs && !err; i++)
		err = make_prog(g, i);
	return err;
}

int bf_gen_table(const struct bf_table *t, const struct bf_gen_opts *o, struct bf_image **out, struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct gen g = { .table = t, .opts = o, .diag = d };
	int err;

	if (t->family != NFPROTO_IPV4 && t->family != NFPROTO_IPV6 && t->family != NFPROTO_INET && t->family != NFPROTO_NETDEV)
		return bf_diag_error(d, -EOPNOTSUPP, "table %s: its family has no hooks here", t->name);
	g.img = arena ? bf_arena_new_of(arena, struct bf_image) : NULL;
	if (!g.img)
		return -ENOMEM;
	g.img->arena = arena;
	g.img->family = t->family;
	g.img->name = text(&g, family_name(t->family), t->name, '-');
	err = g.img->name ? bf_graph_build(&g.graph, arena, t, o, d) : -ENOMEM;
	if (!err)
		err = make_image(&g);
	if (err)
		return err;
	TAKE_PTR(arena);
	*out = g.img;
	return 0;
}

/* Programs that have learned something. */

/* What is told of the table here: what programs are made of. */
static int begin_gear(struct gen *g, struct bf_link_head *h)
{
	const struct bf_link_root *roots = (const void *)(h + 1);
	struct bf_image *img = g->img;

	g->graph.link = h;
	g->graph.link_len = bf_link_size(h);
	g->config = bf_arena_array(img->arena, h->n_roots, struct bf_rt_config);
	g->class_first = bf_arena_array(img->arena, h->n_roots, bool);
	g->graph.roots = bf_arena_array(img->arena, h->n_roots, struct bf_graph_root);
	img->progs = bf_arena_array(img->arena, h->n_roots, struct bf_prog_image);
	if (!g->config || !g->class_first || !g->graph.roots || !img->progs)
		return -ENOMEM;
	img->n_progs = g->graph.n_roots = h->n_roots;
	img->conntrack = h->conntrack;
	img->n_counters = h->places;
	img->stripes = h->stripes;
	img->n_moved = h->n_moved;
	memcpy(img->moved, h->moved, sizeof(img->moved));
	for (uint32_t i = 0; i < h->n_roots; i++) {
		g->config[i] = roots[i].config;
		g->config[i].tag = bf_companion_tag(&img->companion);
		g->class_first[i] = roots[i].class_first;
		img->conntrack |= (roots[i].uses.needs & BF_NEED_CT) != 0;
		g->graph.roots[i] = (struct bf_graph_root){ .chain = g->table->chains[roots[i].chain], .family = roots[i].family,
			                                        .uses = roots[i].uses, .depth = roots[i].config.stack_depth };
	}
	g->graph.n_class = g->config->n_class;
	bf_link_put_roots(h, g->config, g->class_first, img);
	return 0;
}

/* The companion's tag matters to who hands packets to it. */
static bool knows_enough(const struct bf_rt_config *old, const struct bf_rt_config *new)
{
	struct bf_rt_config c = *old;

	if (!(new->ops & 1u << BF_CELL_HANDOFF)) {
		c.tag = new->tag;
		c.drop_code = new->drop_code;
	}
	return !memcmp(&c, new, sizeof(c));
}

static int make_gear(struct gen *g, const struct bf_link *l, const struct bf_gear *gear)
{
	struct bf_link_head *h = bf_gear_link(l, gear, g->img->arena);
	int err;

	if (!h)
		return -EAGAIN;
	g->img->companion = (struct bf_companion){
		.codes = bf_arena_memdup(g->img->arena, gear->codes, gear->n_codes * sizeof(*gear->codes)),
		.n_codes = gear->n_codes, .max_codes_per_packet = BF_MIN(h->max_codes, (uint32_t)BF_HANDOFF_MAX),
	};
	if (gear->n_codes && !g->img->companion.codes)
		return -ENOMEM;
	err = begin_gear(g, h);
	if (!err)
		err = make_maps(g);
	for (uint32_t i = 0; i < g->img->n_maps && !err; i++) {
		struct bf_map_spec *m = &g->img->maps[i];

		m->same = m->role != BF_MAP_RODATA && m->role != BF_MAP_HANDOFF && m->role != BF_MAP_PENDING;
		if (m->same)
			m->init_len = 0;
	}
	for (uint32_t i = 0; i < g->img->n_progs && !err; i++) {
		g->same = knows_enough(&l->roots[i].config, &g->config[i]);
		err = make_prog(g, i);
	}
	return err;
}

int bf_gen_gear(const struct bf_changes *c, const struct bf_gear *gear, const struct bf_gen_opts *o, struct bf_image **out,
                struct bf_diag *d)
{
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	struct gen g = { .table = c->stub, .opts = o, .diag = d, .graph.drop_code = BF_NO_CODE };
	struct bf_link l;
	int err;

	if (!bf_link_open(c->link, c->len, &l) || !l.head->n_roots)
		return -EAGAIN;
	g.img = arena ? bf_arena_new_of(arena, struct bf_image) : NULL;
	if (!g.img)
		return -ENOMEM;
	*g.img = (struct bf_image){ .arena = arena, .family = c->stub->family, .geared = true };
	g.img->name = text(&g, family_name(c->stub->family), c->stub->name, '-');
	err = g.img->name ? make_gear(&g, &l, gear) : -ENOMEM;
	if (err)
		return err;
	TAKE_PTR(arena);
	*out = g.img;
	return 0;
}
