/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parts.c: where a packet's time goes in a namespace's program at INPUT.
 *
 *   parts [-n ROUNDS] [-p PACKET] [-a] TRACE      (in the namespace; IPv4)
 *
 * The program is compiled anew from the state that is enforced, and loaded many
 * times: each time it ends at another instruction of its entry, with the verdict
 * that the packet does not get. Where that verdict comes out, the packet passes.
 * All are run in turns by BPF_PROG_TEST_RUN; each one's time is the least of all
 * its turns, less that of a program that does nothing. Prints nanoseconds and
 * the instruction for those that end a straight piece of code (-a: for all).
 * What the processor does at once with what comes behind shows up there, not here.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/ctx.h"
#include "front/xtables/xtables.h"
#include "gen/gen.h"
#include "gen/print.h"
#include "kern/insn.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"

enum { ENTRY = 24, FRAME = 60, CUT = 3, TURN_NS = 100000 };

struct part {
	uint32_t at;
	int prog;
	unsigned best;
	bool passed;
};

struct parts {
	unsigned rounds, packet, n;
	bool all;
	uint8_t frame[FRAME];
	struct part *part; /* by instruction of the entry; then nothing, a tail call, the whole */
};

static bool is_jump(const struct bpf_insn *i)
{
	return (BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32) && BPF_OP(i->code) != BPF_CALL &&
	       BPF_OP(i->code) != BPF_EXIT;
}

static bool is_call(const struct bpf_insn *i)
{
	return (i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL) ||
	       (i->code == (BPF_LD | BPF_IMM | BPF_DW) && i->src_reg == BPF_PSEUDO_FUNC);
}

static uint32_t moved(uint32_t at, uint32_t cut)
{
	return at + (at > cut ? CUT : 0);
}

static void retarget(struct bpf_insn *to, const struct bpf_insn *from, uint32_t at, uint32_t cut)
{
	uint32_t self = at >= cut ? at + CUT : at;

	if (is_jump(from) && from->code == (BPF_JMP32 | BPF_JA))
		to->imm = (int32_t)moved(at + 1 + (uint32_t)from->imm, cut) - (int32_t)self - 1;
	else if (is_jump(from))
		to->off = (int16_t)((int32_t)moved(at + 1 + (uint32_t)(int32_t)from->off, cut) - (int32_t)self - 1);
	else if (is_call(from))
		to->imm = (int32_t)moved(at + 1 + (uint32_t)from->imm, cut) - (int32_t)self - 1;
}

/* The same program, which ends where instruction `cut` would come. The verifier takes out what follows. */
static struct bf_prog_image cut_at(const struct bf_prog_image *p, uint32_t cut, int verdict)
{
	const struct bpf_insn end[CUT] = { MOV(0, verdict), JNE(0, verdict, 1), EXIT };
	struct bf_prog_image q = *p;

	q.n_insns = p->n_insns + CUT;
	q.insns = calloc(q.n_insns, sizeof(*q.insns));
	q.relocs = calloc(p->n_relocs + 1, sizeof(*q.relocs));
	q.funcs = calloc(p->n_funcs + 1, sizeof(*q.funcs));
	memcpy(q.insns + cut, end, sizeof(end));
	for (uint32_t i = 0; i < p->n_insns; i++) {
		struct bpf_insn *to = &q.insns[i >= cut ? i + CUT : i];

		*to = p->insns[i];
		if (!i || p->insns[i - 1].code != (BPF_LD | BPF_IMM | BPF_DW))
			retarget(to, &p->insns[i], i, cut);
	}
	for (uint32_t i = 0; i < p->n_relocs; i++) {
		q.relocs[i] = p->relocs[i];
		q.relocs[i].insn += p->relocs[i].insn >= cut ? CUT : 0;
	}
	for (uint32_t i = 0; i < p->n_funcs; i++) {
		q.funcs[i] = p->funcs[i];
		q.funcs[i].insn = moved(p->funcs[i].insn, cut);
	}
	return q;
}

static void cut_free(struct bf_prog_image *q)
{
	free(q->insns);
	free(q->relocs);
	free(q->funcs);
}

static int load_one(const struct bf_image *img, const struct bf_prog_image *p, const struct bf_loaded *whole)
{
	struct bf_image one = *img;
	struct bf_prog_image q = *p;
	_cleanup_diag_ struct bf_diag d = {};
	struct bf_loaded l;
	int prog;

	one.progs = &q;
	one.n_progs = 1;
	if (bf_loaded_open(&l, &one))
		return -1;
	for (uint32_t i = 0; i < img->n_maps; i++)
		l.maps[i] = fcntl(whole->maps[i], F_DUPFD_CLOEXEC, 3);
	if (bf_load_rest(&l, &one, NULL, &d))
		return -1;
	prog = l.progs[0];
	l.progs[0] = -1;
	bf_loaded_close(&l);
	return prog;
}

static void run_part(const struct parts *p, struct part *a)
{
	uint8_t state[48] = { NF_INET_LOCAL_IN, NFPROTO_IPV4 };
	struct bf_run_desc r = { .prog = a->prog, .data = p->frame, .data_len = FRAME, .ctx = state, .ctx_len = 48,
	                         .repeat = TURN_NS / 50 };

	if (a->prog < 0 || bf_prog_run(&r) < 0)
		return;
	a->best = BF_MIN(a->best, r.duration);
	a->passed = r.retval;
}

static int plain(int verdict)
{
	const struct bpf_insn insns[] = { MOV(0, verdict), EXIT };

	return bf_prog_load_diag("parts", NF_INET_LOCAL_IN, insns, BF_ARRAY_SIZE(insns), NULL);
}

/* A dispatcher before a program that does nothing (kern/dispatch.c). */
static int tail(int to)
{
	const struct bf_map_desc array = { "parts", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0, 0 };
	const struct bf_map_desc gen = { "parts", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE, 0 };
	int a = bf_map_create(&array), g = bf_map_create(&gen);
	const struct bpf_insn insns[] = { LD_MAP(4, BPF_PSEUDO_MAP_VALUE, g), LOAD(4, 4, 0), LD_MAP(2, BPF_PSEUDO_MAP_FD, a),
		                          JSET(4, 1, 3), MOV(3, 0), CALL(FN_TAIL_CALL), JA(2), MOV(3, 1), CALL(FN_TAIL_CALL),
		                          MOV(0, 0), EXIT };
	uint32_t zero = 0;

	bf_map_update(a, &zero, &to, BPF_ANY);
	return bf_prog_load_diag("parts", NF_INET_LOCAL_IN, insns, BF_ARRAY_SIZE(insns), NULL);
}

/* The program's parts that the packet comes to: those whose verdict comes out. How many. */
static uint32_t cut_all(struct parts *p, const struct bf_image *img, const struct bf_prog_image *g, const struct bf_loaded *l,
                        uint32_t end, bool passes)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < end; i++) {
		struct bf_prog_image q;

		if (i && g->insns[i - 1].code == (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		q = cut_at(g, i, !passes);
		p->part[n] = (struct part){ .at = i, .prog = load_one(img, &q, l), .best = ~0u };
		cut_free(&q);
		run_part(p, &p->part[n]);
		if (p->part[n].prog >= 0 && p->part[n].passed != passes)
			n++;
		else
			close(p->part[n].prog);
	}
	return n;
}

static void print_part(const struct part *a, const struct bpf_insn *i, unsigned base)
{
	struct bf_buf b = {};

	bf_insn_print(&b, i, a->at);
	bf_buf_add(&b, "", 1);
	printf("%4d  %5u  %s\n", (int)(a->best - base), a->at, (char *)b.data);
	bf_buf_free(&b);
}

static void measure(struct parts *p, const struct bf_image *img, const struct bf_prog_image *g, const struct bf_loaded *l,
                    int whole)
{
	uint32_t n, end = g->n_funcs > 1 ? g->funcs[1].insn : g->n_insns;
	struct part probe = { .prog = whole };
	struct part *nothing;

	run_part(p, &probe);
	p->part = calloc(end + 3, sizeof(*p->part));
	n = cut_all(p, img, g, l, end, probe.passed);
	nothing = &p->part[n];
	nothing[0] = (struct part){ .prog = plain(1), .best = ~0u };
	nothing[1] = (struct part){ .prog = tail(nothing->prog), .best = ~0u };
	nothing[2] = (struct part){ .prog = whole, .best = ~0u };
	for (unsigned r = 0; r < p->rounds; r++)
		for (uint32_t i = 0; i < n + 3; i++)
			run_part(p, &p->part[i]);
	printf("nothing %u ns, a tail call %d more, all of it %d more\n", nothing->best, (int)(nothing[1].best - nothing->best),
	       (int)(nothing[2].best - nothing->best));
	for (uint32_t i = 0; i < n; i++)
		if (p->all || is_jump(&g->insns[p->part[i].at]))
			print_part(&p->part[i], &g->insns[p->part[i].at], nothing->best);
	free(p->part);
}

static int compile(const struct bf_ruleset *rs, struct parts *p)
{
	const struct bf_gen_opts o = { .hz = bf_kernel_hz(), .cpus = bf_possible_cpus(), .may_goto = bf_probe_one("may_goto"),
	                               .code_max = BF_CODE_MAX };
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_image_ struct bf_image *img = NULL;
	struct bf_loaded l = {};

	if (bf_gen_table(rs->tables[0], &o, &img, &d) || bf_load(&l, img, NULL, &d))
		return 1;
	for (uint32_t i = 0; i < img->n_progs; i++)
		if (img->progs[i].at.hook == NF_INET_LOCAL_IN)
			measure(p, img, &img->progs[i], &l, l.progs[i]);
	bf_loaded_close(&l);
	return 0;
}

static bool read_packet(struct parts *p, const char *path)
{
	FILE *f = fopen(path, "r");
	bool ok = f && !fseek(f, (long)p->packet * ENTRY, SEEK_SET) && fread(p->frame + ETH_HLEN, ENTRY, 1, f) == 1;

	if (f)
		fclose(f);
	p->frame[12] = ETH_P_IP >> 8;
	p->frame[ETH_HLEN + 25] = 26;
	return ok;
}

int main(int argc, char **argv)
{
	struct parts p = { .rounds = 50 };
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_stored_ struct bf_stored t = {};
	_cleanup_ruleset_ struct bf_ruleset *rs = NULL;
	struct bf_ns *ns = NULL;
	int c, rc;

	while ((c = getopt(argc, argv, "n:p:a")) != -1)
		if (c == 'n')
			p.rounds = (unsigned)atoi(optarg);
		else if (c == 'p')
			p.packet = (unsigned)atoi(optarg);
		else
			p.all = c == 'a';
	if (optind + 1 != argc || !read_packet(&p, argv[optind]))
		return 2;
	if (bf_ns_open(&ns, -1, false, &d) || bf_stored_load(ns, AF_INET, "filter", &t) || !t.unit)
		return 1;
	rc = bf_xt_to_ruleset(t.state, t.len, &rs, &d) || compile(rs, &p);
	bf_ns_close(ns);
	return rc;
}
