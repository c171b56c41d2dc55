/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_oracle.c: random rulesets, compiled and loaded, run by the kernel over
 * random and boundary packets (BPF_PROG_TEST_RUN), against the oracle: as data,
 * as straight code, or classified, with either kind of loops, in turn. Verdict, hand-offs
 * in order, and every counter must agree. A difference is shrunk to the rules
 * and packets that are needed for it, and printed. Loading is what takes time.
 *
 *   test_oracle [SECONDS [SEED]]
 *
 * At hooks that see all families, too.
 *
 * TEST_RUN shows a packet that came from nowhere, goes to lo, belongs to no
 * socket and no connection; what depends on more is left to tests/diff.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <time.h>

#include "gen/gen.h"
#include "kern/kern.h"
#include "kern/load.h"
#include "kern/sys.h"
#include "lib/model.h"

enum { PACKETS = 300, VERIFIED_MAX = 1000000 /* BPF_COMPLEXITY_LIMIT_INSNS */ };

struct variant {
	const char *name;
	uint32_t code_max;
	bool may_goto;
	uint32_t class_min;
};

static struct variant variants[] = {
	{ "data, may_goto", 0, true, UINT32_MAX },
	{ "data, iterator", 0, false, UINT32_MAX },
	{ "straight code", UINT32_MAX, true, UINT32_MAX },
	{ "straight code, iterator", UINT32_MAX, false, UINT32_MAX },
	{ "classified, may_goto", 0, true, 2 },
	{ "classified, iterator", 0, false, 2 },
	{ "classified, straight", UINT32_MAX, true, 6 },
};

struct run { /* a ruleset in the kernel and the oracle beside it */
	const struct bf_table *t;
	struct bf_image *img;
	struct bf_loaded l;
	struct bf_interp *in;
	int handoff, pending;
};

struct why { /* what shrinking looks at */
	const struct variant *v;
	struct bf_buf *text; /* or NULL */
	int refused;         /* looking for what does not load, with this error, not for what differs */
};

static void run_close(struct run *r)
{
	bf_interp_free(r->in);
	bf_loaded_close(&r->l);
	bf_image_free(r->img);
}

static int map_named(const struct run *r, const char *name)
{
	for (uint32_t i = 0; i < r->img->n_maps; i++)
		if (!strcmp(r->img->maps[i].name, name))
			return r->l.maps[i];
	return -1;
}

static unsigned too_long; /* straight code that the verifier could not follow to its end */
static uint32_t heaviest; /* instructions that it looked at, of its million, for data */

/* Straight code of any length, more than the verifier follows at times: then it is data, as it is for who loads rules. */
static int load(struct run *r, const struct bf_table *t, struct bf_gen_opts o, struct bf_diag *d)
{
	int err = bf_gen_table(t, &o, &r->img, d);

	if (err)
		return err;
	err = bf_load(&r->l, r->img, NULL, d);
	if (!err || !r->img->straight)
		return err;
	too_long++;
	bf_image_free(TAKE_PTR(r->img));
	o.code_max = 0;
	err = bf_gen_table(t, &o, &r->img, d);
	return err ? err : bf_load(&r->l, r->img, NULL, d);
}

static int run_open(struct run *r, const struct bf_table *t, const struct variant *v, struct bf_diag *d)
{
	const struct bf_gen_opts o = { .hz = bf_kernel_hz(), .cpus = bf_possible_cpus(), .may_goto = v->may_goto,
		                           .code_max = v->code_max, .class_min = v->class_min, .own_max = 3 };
	int err;

	*r = (struct run){ .t = t };
	err = load(r, t, o, d);
	if (err && !r->img)
		return err;
	r->in = bf_interp_new(t, o.hz);
	if (err || !r->in) {
		bf_interp_free(r->in);
		bf_image_free(r->img);
		return err ? err : -ENOMEM;
	}
	r->handoff = map_named(r, "handoff");
	r->pending = map_named(r, "pending");
	return 0;
}

static int program(const struct run *r, uint8_t hook, uint8_t family)
{
	for (uint32_t i = 0; i < r->img->n_progs; i++)
		if (r->img->progs[i].at.hook == hook &&
		    (hook >= BF_HOOKS_NETFILTER || r->img->progs[i].family == family))
			return r->l.progs[i];
	return -1;
}

enum { XDP_PASSED = 2, TC_NEXT = (uint32_t)-1 };

/* From the link header on. */
static uint32_t make_frame(const struct test_packet *p, uint8_t *frame)
{
	static const uint8_t types[][ETH_ALEN] = {
		[PACKET_HOST] = { 0 },
		[PACKET_MULTICAST] = { 1, 0, 0x5e, 0, 0, 1 },
		[PACKET_OTHERHOST] = { 2, 0, 0, 0, 0, 1 },
	};
	uint16_t protocol = p->ethertype;

	memcpy(frame, types[p->p.pkttype], ETH_ALEN);
	frame[12] = (uint8_t)(protocol >> 8);
	frame[13] = (uint8_t)protocol;
	memcpy(frame + ETH_HLEN, p->bytes, p->len);
	return ETH_HLEN + p->len;
}

/* At LOCAL_OUT, TEST_RUN leaves the packet without a network header: the program is run as if at LOCAL_IN. */
static int verdict_of(const struct run *r, const struct test_packet *p)
{
	struct { /* struct nf_hook_state */
		uint8_t hook, pf;
		uint8_t rest[46];
	} state = { p->p.hook == NF_INET_LOCAL_OUT ? NF_INET_LOCAL_IN : p->p.hook, p->p.family, { 0 } };
	bool netfilter = p->p.hook < BF_HOOKS_NETFILTER;
	uint8_t frame[ETH_HLEN + TEST_PACKET_MAX] = { 0 };
	struct bf_run_desc d = { .prog = program(r, p->p.hook, p->p.family), .data = frame, .data_len = make_frame(p, frame),
		                     .repeat = 1 };
	int err;

	if (d.prog < 0)
		return BF_ACCEPT;
	if (netfilter) {
		d.ctx = &state;
		d.ctx_len = sizeof(state);
	}
	err = bf_prog_run(&d);
	if (err < 0 || netfilter)
		return err < 0 ? err : (int)d.retval;
	return d.retval == (p->p.hook == BF_HOOK_XDP ? (uint32_t)XDP_PASSED : (uint32_t)TC_NEXT) ? BF_ACCEPT : BF_DROP;
}

/* What the program noted for the packet, which is gone by now: the only entry. */
static uint32_t take_handoff(const struct run *r, struct bf_handoff *h)
{
	static const struct bf_pending none;
	uint32_t zero = 0;
	uint64_t key;

	memset(h, 0, sizeof(*h));
	if (r->handoff < 0 || bf_map_next_key(r->handoff, NULL, &key) < 0)
		return 0;
	bf_map_lookup(r->handoff, &key, h);
	bf_map_delete(r->handoff, &key);
	if (r->pending >= 0)
		bf_map_update(r->pending, &zero, &none, 0);
	return h->n;
}

static bool same_code(const struct run *r, uint8_t family, uint32_t code, const struct bf_action *a)
{
	struct bf_handoff_spec want = { 0 };
	const struct bf_handoff_spec *have = &r->img->companion.codes[code];

	if (code >= r->img->companion.n_codes || a->target->handoff(a->data, family, &want) < 0)
		return false;
	return have->kind == want.kind && have->terminal == want.terminal && have->size == want.size &&
	       !strcmp(have->name, want.name) && !memcmp(have->info, want.info, want.size) &&
	       have->reject_type == want.reject_type && have->reject_code == want.reject_code;
}

/* A drop behind a log is a hand-off of its own. */
static bool same_handoffs(const struct run *r, uint8_t family, int verdict, const struct bf_handoff *h, const struct bf_outcome *want)
{
	bool later = want->verdict == BF_DROP && want->n_actions && h->n == want->n_actions + 1;
	bool terminal = want->n_actions && want->actions[want->n_actions - 1]->target->terminal;

	if (h->n != want->n_actions + later || h->next)
		return false;
	for (uint32_t i = 0; i < want->n_actions; i++)
		if (!same_code(r, family, h->code[i], want->actions[i]))
			return false;
	if (h->n && h->terminal != (later || terminal))
		return false;
	if (later)
		return verdict == BF_ACCEPT && r->img->companion.codes[h->code[h->n - 1]].kind == BF_HANDOFF_DROP;
	return verdict == (int)want->verdict;
}

static bool packet_differs(const struct run *r, const struct test_packet *p, bool *overflow, struct bf_buf *text)
{
	struct bf_outcome want;
	struct bf_handoff h;
	int verdict;

	bf_interp_run(r->in, &p->p, &want);
	verdict = verdict_of(r, p);
	take_handoff(r, &h);
	*overflow |= want.overflow;
	if (want.overflow || same_handoffs(r, p->p.family, verdict, &h, &want))
		return false;
	if (text)
		bf_buf_printf(text, "oracle: verdict %d, %u actions%s; program: verdict %d, %u codes%s\n", want.verdict, want.n_actions,
		              want.hotdrop ? ", hotdrop" : "", verdict, h.n, h.terminal ? ", terminal" : "");
	return true;
}

/* Where a counter is kept. */
static uint32_t place_of(const struct bf_image *img, uint32_t counter)
{
	for (uint32_t i = 0; i < img->n_moved; i++)
		if (img->moved[i].counter == counter)
			return img->moved[i].place;
	return counter;
}

static bool counters_differ(const struct run *r, struct bf_buf *text)
{
	uint32_t n = r->img->n_counters, zero = 0; /* there may be more than the table has */
	int fd = bf_loaded_map(&r->l, r->img, BF_MAP_COUNTERS);
	struct bf_rt_counter *got = calloc((size_t)n * r->img->stripes + 1, sizeof(*got));
	bool differ = false;

	if (fd >= 0)
		bf_map_lookup(fd, &zero, got);
	for (uint32_t i = 0; i < r->t->n_counters && !differ && fd >= 0; i++) {
		const struct bf_rt_counter *want = &bf_interp_counters(r->in)[i];
		struct bf_rt_counter sum = { 0 };

		for (uint32_t s = 0; s < r->img->stripes; s++) {
			sum.packets += got[s * n + place_of(r->img, i)].packets;
			sum.bytes += got[s * n + place_of(r->img, i)].bytes;
		}
		differ = want->packets != sum.packets || want->bytes != sum.bytes;
		if (differ && text)
			bf_buf_printf(text, "counter %u: oracle %llu packets %llu bytes, program %llu packets %llu bytes\n", i,
			              (unsigned long long)want->packets, (unsigned long long)want->bytes,
			              (unsigned long long)sum.packets, (unsigned long long)sum.bytes);
	}
	free(got);
	return differ;
}

static bool run_differs(const struct run *r, const struct test_packet *p, unsigned n, struct bf_buf *text)
{
	bool overflow = false;

	for (unsigned i = 0; i < n; i++)
		if (packet_differs(r, &p[i], &overflow, text))
			return true;
	return !overflow && counters_differ(r, text); /* a program knows no such stack: these tables are refused before */
}

static bool fails(void *ctx, const struct bf_table *t, const struct test_packet *p, unsigned n)
{
	struct why *why = ctx;
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct run r;
	bool bad;
	int err;

	err = run_open(&r, t, why->v, &d);
	if (err < 0) {
		if (why->text)
			bf_buf_puts(why->text, d.text.data ? d.text.data : "refused without a word\n");
		return why->refused == err;
	}
	bad = !why->refused && run_differs(&r, p, n, why->text);
	run_close(&r);
	return bad;
}

static int report(const struct variant *v, struct bf_table *t, struct test_packet *p, unsigned n, uint64_t seed, int refused)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	struct why why = { v, NULL, refused };

	test_shrink(t, p, &n, fails, &why);
	bf_buf_printf(&text, "%s with seed %llu, %s:\n", refused ? "refused" : "differs", (unsigned long long)seed, v->name);
	bf_table_print(&text, t, NULL);
	for (unsigned i = 0; i < n && !refused; i++)
		test_packet_print(&text, &p[i]);
	why.text = &text;
	fails(&why, t, p, n);
	fputs(text.data, stderr);
	return 1;
}

static struct test_packet packets[PACKETS];

static struct bf_ruleset *make(uint64_t seed)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_NETDEV };
	struct test_model_opts o = { .family = families[seed % 6], .kernel = true, .live = true };
	struct rng r = { seed };
	struct bf_ruleset *rs;

	o.native = o.family == NFPROTO_INET || o.family == NFPROTO_NETDEV || rng_percent(&r, 20);
	o.one_hook = rng_percent(&r, 90) || o.family == NFPROTO_NETDEV;
	if (o.family == NFPROTO_NETDEV)
		o.all_hook = rng_percent(&r, 50) ? BF_HOOK_XDP : BF_HOOK_TC_INGRESS;
	o.size = 1 + rng_below(&r, rng_percent(&r, 5) ? 120 : 16);
	rs = test_model_random(&r, &o);
	for (unsigned i = 0; i < PACKETS; i++) {
		test_packet_random(&r, &o, rs->tables[0], &packets[i]);
		if (o.all_hook)
			test_packet_settle(&packets[i], o.all_hook == BF_HOOK_XDP);
	}
	return rs;
}

static void weigh(const struct run *r)
{
	for (uint32_t i = 0; i < r->img->n_progs && !r->img->straight; i++) {
		struct bpf_prog_info info;

		if (!bf_prog_info(r->l.progs[i], &info))
			heaviest = BF_MAX(heaviest, info.verified_insns);
	}
}

static int one(uint64_t seed, const struct variant *v)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = make(seed);
	struct bf_table *t = rs->tables[0];
	_cleanup_diag_ struct bf_diag d = { 0 };
	int err;
	struct run r;
	bool bad;

	err = run_open(&r, t, v, &d);
	if (err)
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, d.text.data ? d.text.data : "refused without a word");
	if (err)
		return report(v, t, packets, PACKETS, seed, err);
	weigh(&r);
	bad = run_differs(&r, packets, PACKETS, NULL);
	run_close(&r);
	return bad ? report(v, t, packets, PACKETS, seed, 0) : 0;
}

int main(int argc, char **argv)
{
	time_t seconds = argc > 1 ? atol(argv[1]) : 45, begin = time(NULL);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)begin;
	unsigned rounds = 0, failed = 0;
	struct bf_features features;

	if (geteuid() != 0) {
		fputs("needs root\n", stderr);
		return 77;
	}
	bf_probe(&features);
	for (; time(NULL) - begin < seconds && failed < 3; rounds++) {
		const struct variant *v = &variants[(seed + rounds) / 2 % BF_ARRAY_SIZE(variants)];

		if (!v->may_goto || bf_has(&features, "may_goto"))
			failed += (unsigned)one(seed + rounds, v);
	}
	printf("seed %llu: %u rulesets, %u packets each, %u failed, %u too long for straight code, data: up to %u verified\n",
	       (unsigned long long)seed, rounds, PACKETS, failed, too_long, heaviest);
	return failed || too_long > 1 + rounds / 20 || heaviest > VERIFIED_MAX / 2;
}
