/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_eval.c: any bytes as tables of the native language, evaluated and made
 * to cells: what is refused says why; what is not treats packets as the
 * oracle says (where no chance and no live set is in the way), and is an
 * image, or a reason why not.
 */
#include "front/native/apply.h"
#include "front/native/eval.h"
#include "lib/cells.h"
#include "lib/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HZ = 250, TEXT_MAX = 4096, PACKETS = 12 };

static struct test_packet packets[PACKETS];

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int nothing(void *ctx, struct bf_ntable *t, struct bf_ast_cmd **out)
{
	return -ENOENT;
}

static int show(void *ctx, struct bf_napply *a, const struct bf_ast_cmd *cmd)
{
	return 0;
}

/* Names have numbers here, but those that begin with x. */
static int number(const char *name, uint32_t *out)
{
	*out = (uint32_t)name[0];
	return name[0] == 'x' ? -ENOENT : 0;
}

static int ifindex(void *ctx, const char *name, uint32_t *out)
{
	return number(name, out);
}

static int user(void *ctx, const char *name, bool group, uint32_t *out)
{
	return number(name, out);
}

static int cgroup(void *ctx, const char *path, uint64_t *out)
{
	uint32_t n;
	int err = number(path, &n);

	*out = n;
	return err;
}

static void packet4(struct test_packet *p, bool udp, unsigned offset)
{
	test_packet_ip4(p, 0x0a000001, 0x01020304);
	if (offset || udp)
		test_packet_frag4(p, offset, offset == 0);
	if (udp)
		test_packet_udp(p, 53, 5000);
	else
		test_packet_tcp(p, 1000, 22, 2, NULL, 0);
	test_packet_done(p);
}

static void packet6(struct test_packet *p, bool frag, unsigned offset)
{
	test_packet_ip6(p, (bf_u128)0x20010db8 << 96 | 1, (bf_u128)0xfe80 << 112 | 2);
	test_packet_ext6(p, 0, 0);
	if (frag)
		test_packet_frag6(p, offset, true);
	if (frag && !offset)
		test_packet_icmp(p, 58, 128, 0);
	else
		test_packet_tcp(p, 22, 80, 18, NULL, 0);
	test_packet_done(p);
}

static void make_packets(void)
{
	unsigned n = 0;

	packet4(&packets[n++], false, 0);
	packet4(&packets[n++], true, 0);
	packet4(&packets[n++], true, 185);
	packet4(&packets[n], false, 0);
	test_packet_cut(&packets[n++], 30);
	packet6(&packets[n++], false, 0);
	packet6(&packets[n++], true, 0);
	packet6(&packets[n++], true, 100);
	packet6(&packets[n], false, 0);
	test_packet_cut(&packets[n++], 50);
	test_packet_other(&packets[n++], 28);
	for (unsigned i = 0; i < n; i++)
		packets[i].p.data = packets[i].bytes;
}

/* What the two cannot know alike. */
static bool by_chance(const char *text, const struct bf_graph *g)
{
	return g->n_lives || strstr(text, "random") || strstr(text, "numgen") || strstr(text, "limit") || strstr(text, "quota");
}

static bool same(const struct bf_outcome *want, const struct cells_outcome *got)
{
	return !got->lost && got->verdict == want->verdict && got->n_codes == want->n_actions;
}

static void compare(const struct bf_table *t, const struct bf_graph *g)
{
	struct bf_interp *in = bf_interp_new(t, HZ);
	struct cells c;

	expect(in && !cells_init(&c, g, t, HZ));
	for (unsigned i = 0; i < PACKETS && g->n_roots; i++) {
		struct bf_packet p = packets[i].p;
		struct bf_outcome want;
		struct cells_outcome got;

		p.hook = t->chains[0]->at.hook; /* the first base chain's, if it is one */
		if (!p.data)
			continue;
		bf_interp_run(in, &p, &want);
		cells_run(&c, &p, &got);
		expect(want.overflow || want.unknown || same(&want, &got));
	}
	cells_free(&c);
	bf_interp_free(in);
}

static void make_cells(const char *text, const struct bf_table *t)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 1, .class_min = 2 };
	struct bf_graph g;
	int err = bf_graph_build(&g, a, t, &o, &d);

	expect(!err || err == -ENOMEM || d.n_errors);
	if (!err && !by_chance(text, &g) && t->n_chains)
		compare(t, &g);
}

static void make_image(const struct bf_table *t)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct bf_gen_opts o = { .hz = HZ, .cpus = 4, .may_goto = true, .code_max = 200 };
	struct bf_image *img = NULL;
	int err = bf_gen_table(t, &o, &img, &d);

	expect(err ? !img && (err == -ENOMEM || d.n_errors) : img != NULL);
	bf_image_free(img);
}

static void evaluate(const char *text, struct bf_ast *ast, const struct bf_ast_cmd *cmd)
{
	const struct bf_eval_env env = { .ifindex = ifindex, .user = user, .cgroup = cgroup, .hz = HZ };
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct bf_evaluated e = { 0 };
	int err = bf_native_eval(ast, cmd, &env, &e, &d);

	expect(!err == !d.n_errors || err == -ENOMEM);
	if (err)
		return;
	make_cells(text, e.rs->tables[0]);
	make_image(e.rs->tables[0]);
	bf_evaluated_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bf_napply_ops ops = { .read = nothing, .show = show };
	const struct bf_native_opts o = { .max_errors = 4, .max_nodes = 1 << 12 };
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	char text[TEXT_MAX + 1];
	struct bf_napply a;

	if (!packets[0].len)
		make_packets();
	size = BF_MIN(size, (size_t)TEXT_MAX);
	memcpy(text, data, size);
	text[size] = '\0';
	if (bf_native_parse(&ast, "f", text, size, &o, &d))
		return 0;
	bf_napply_init(&a, ast, &ops, &d);
	if (!bf_napply_run(&a))
		for (struct bf_ntable *t = a.tables; t; t = t->next)
			if (!t->gone && t->cmd)
				evaluate(text, ast, t->cmd);
	bf_napply_free(&a);
	return 0;
}
