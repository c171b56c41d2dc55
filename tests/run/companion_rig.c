/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * companion_rig: a companion with hand-written content in the current network
 * namespace, for tests/run/companion.py. No pins: all is gone when it ends,
 * but for nf_tables tables, which it sweeps.
 *
 *   companion_rig ip|ip6 HOOK[,HOOK...] PRIORITY MAX CODE...
 *     CODE: reject:TYPE:CODE  log:LEVEL:FLAGS:PREFIX  nflog:GROUP:LEN:THRESHOLD:FLAGS:PREFIX  drop  xt:NAME
 *           assist:TYPEMASK:FLAGS (xt addrtype revision 1)  states:MASK (assist_states)  ct  nobackstop  many:N (LOG
 * with prefix "code <i> ") stdin, each answered by a line: note PROTO DPORT DADDR TERMINAL I,I,...   what is noted from
 * now on left      entries in the maps, packets noted twin      builds a second companion beside the first: the same
 * codes in reverse order tag 1|2|3 notes for the first companion, the twin, nobody rebuild   makes again what is
 * missing grace     waits for a grace period
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_addrtype.h>
#include <stdio.h>
#include <time.h>

#include "kern/grace.h"
#include "kern/sys.h"
#include "run/noter.h"

#define MAX_CODES 70000

static struct bf_handoff_spec codes[MAX_CODES];
static struct bf_assist_spec assists[32];
static struct xt_addrtype_info_v1 addrtypes[32];
static struct bf_companion_hook hooks[5];
#define OWNER 7
static struct bf_companion_desc desc = { .unit = "rig", .owner = OWNER, .hooks = hooks };
static bool backstop = true;
static uint64_t tag;
static struct bf_diag diag;

static int die(const char *what, int err)
{
	printf("error %s: %s: %s\n", what, strerror(-err), diag.text.data ? diag.text.data : "");
	fflush(stdout);
	exit(1);
}

static struct bf_handoff_spec *new_code(const char *name)
{
	struct bf_handoff_spec *c = &codes[desc.spec.n_codes++];

	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void log_code(unsigned level, unsigned flags, const char *prefix)
{
	struct bf_handoff_spec *c = new_code("LOG");
	struct xt_log_info info = { .level = (uint8_t)level, .logflags = (uint8_t)flags };

	snprintf(info.prefix, sizeof(info.prefix), "%s", prefix);
	c->size = sizeof(info);
	memcpy(c->info, &info, sizeof(info));
}

static void nflog_code(const char *arg)
{
	struct bf_handoff_spec *c = new_code("NFLOG");
	struct xt_nflog_info info = { 0 };
	unsigned group, len, threshold, flags;
	int n = 0;

	if (sscanf(arg, "%u:%u:%u:%u:%n", &group, &len, &threshold, &flags, &n) < 4)
		exit(2);
	info.group = (uint16_t)group;
	info.len = len;
	info.threshold = (uint16_t)threshold;
	info.flags = (uint16_t)flags;
	snprintf(info.prefix, sizeof(info.prefix), "%s", arg + n);
	c->size = sizeof(info);
	memcpy(c->info, &info, sizeof(info));
}

static void assist(unsigned mask, unsigned flags)
{
	uint32_t i = desc.spec.n_assists++;

	addrtypes[i] = (struct xt_addrtype_info_v1){ .dest = (uint16_t)mask, .flags = flags };
	assists[i] = (struct bf_assist_spec){
		.name = "addrtype", .revision = 1, .size = sizeof(addrtypes[i]), .info = &addrtypes[i], .hooks = 31
	};
}

static void parse(const char *arg)
{
	unsigned a, b;
	int n = 0;

	if (sscanf(arg, "reject:%u:%u", &a, &b) == 2) {
		struct bf_handoff_spec *c = new_code("");

		c->kind = BF_HANDOFF_NFT_REJECT;
		c->terminal = true;
		c->reject_type = (uint8_t)a;
		c->reject_code = (uint8_t)b;
	} else if (sscanf(arg, "log:%u:%u:%n", &a, &b, &n) == 2 && n) {
		log_code(a, b, arg + n);
	} else if (!strncmp(arg, "nflog:", 6)) {
		nflog_code(arg + 6);
	} else if (!strcmp(arg, "drop")) {
		struct bf_handoff_spec *c = new_code("");

		c->kind = BF_HANDOFF_DROP;
		c->terminal = true;
	} else if (!strncmp(arg, "xt:", 3)) {
		new_code(arg + 3)->size = 8;
	} else if (sscanf(arg, "assist:%u:%u", &a, &b) == 2) {
		assist(a, b);
	} else if (sscanf(arg, "states:%u", &a) == 1) {
		desc.spec.assist_states = a;
	} else if (!strcmp(arg, "ct")) {
		desc.conntrack = true;
	} else if (!strcmp(arg, "nobackstop")) {
		backstop = false;
	} else if (sscanf(arg, "many:%u", &a) == 1) {
		for (unsigned i = 0; i < a; i++) {
			char prefix[30];

			snprintf(prefix, sizeof(prefix), "code %u ", i);
			log_code(4, 0, prefix);
		}
	} else {
		printf("error: %s?\n", arg);
		exit(2);
	}
}

static void parse_hooks(char *arg, int priority)
{
	for (char *h = strtok(arg, ","); h; h = strtok(NULL, ","))
		hooks[desc.n_hooks++] =
			(struct bf_companion_hook){ .hook = (uint8_t)atoi(h), .handoff = true, .priority = priority };
}

static int attach(int prog, const struct bf_companion_hook *h, int priority)
{
	int link = bf_link_netfilter(prog, desc.family, h->hook, priority, 0);

	return link < 0 ? die("link", link) : link;
}

static void set_plan(int plan, char *args)
{
	struct noter_plan p = { .entry.tag = tag };
	unsigned proto, dport, daddr, terminal;
	uint32_t zero = 0;
	int n = 0;

	if (sscanf(args, "%u %u %x %u %n", &proto, &dport, &daddr, &terminal, &n) < 4)
		exit(2);
	p.proto = proto;
	p.dport = htons((uint16_t)dport);
	p.daddr = htonl(daddr);
	p.entry.terminal = terminal;
	for (char *c = strtok(args + n, ", \n"); c; c = strtok(NULL, ", \n"))
		p.entry.code[p.entry.n++] = (uint16_t)atoi(c);
	bf_map_update(plan, &zero, &p, BPF_ANY);
	puts("ok");
}

static void left(const struct bf_companion_maps *m, int plan, int counts)
{
	uint64_t entries, pending, c;
	struct noter_plan p;
	uint32_t zero = 0;

	noter_left(m, &entries, &pending);
	bf_map_lookup(plan, &zero, &p);
	printf("entries %llu pending %llu seen %llu full %llu", (unsigned long long)entries, (unsigned long long)pending,
		   (unsigned long long)p.seen, (unsigned long long)p.full);
	for (uint32_t i = 0; i < 16 && !bf_map_lookup(counts, &i, &c); i++)
		printf(" %llu", (unsigned long long)c);
	puts("");
}

static uint64_t build_twin(struct bf_nft *nft, const struct bf_companion_maps *m, struct bf_comp **out)
{
	static struct bf_handoff_spec reverse[MAX_CODES];
	struct bf_companion_desc twin = desc;
	bool changed = false;
	int ret;

	for (uint32_t i = 0; i < desc.spec.n_codes; i++)
		reverse[i] = codes[desc.spec.n_codes - 1 - i];
	twin.spec.codes = reverse;
	ret = bf_comp_open(out, &twin, NULL, 0, -1, &diag);
	if (!ret)
		ret = bf_comp_build(*out, nft, m, &changed, &diag);
	if (ret)
		die("twin", ret);
	puts(changed ? "ok" : "not built");
	return bf_companion_tag(&twin.spec);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	_cleanup_grace_ struct bf_grace grace = BF_GRACE_NONE;
	struct bf_companion_maps maps;
	struct bf_nft *nft = NULL;
	struct bf_comp *comp = NULL, *twin = NULL;
	uint64_t tags[3];
	bool changed = false;
	char line[4096];
	double t0;
	int ret, plan, prog, stop, counts;

	if (argc < 5)
		return 2;
	desc.family = strcmp(argv[1], "ip6") ? NFPROTO_IPV4 : NFPROTO_IPV6;
	parse_hooks(argv[2], atoi(argv[3]));
	desc.spec.max_codes_per_packet = (uint32_t)atoi(argv[4]);
	desc.spec.codes = codes;
	desc.spec.assists = assists;
	for (int i = 5; i < argc; i++)
		parse(argv[i]);
	if ((ret = bf_nft_open(&nft, &diag)) || (ret = bf_companion_maps_create(&maps, &diag)) ||
		(ret = bf_comp_open(&comp, &desc, NULL, 0, -1, &diag)) || (ret = bf_grace_prepare(&grace, &diag)))
		die("open", ret);
	plan = noter_plan_map();
	counts = bf_map_create(&(struct bf_map_desc){
		.name = "counts", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16 });
	prog = noter_load(desc.family, &maps, plan, bf_comp_assist_fd(comp), counts);
	if (prog < 0 || (stop = bf_backstop_load(&maps, &diag)) < 0)
		die("load", prog < 0 ? prog : stop);
	tags[0] = tag = bf_companion_tag(&desc.spec);
	tags[2] = 1;
	t0 = now();
	ret = bf_comp_build(comp, nft, &maps, &changed, &diag);
	if (ret)
		die("build", ret);
	for (uint32_t i = 0; i < desc.n_hooks; i++) {
		if (backstop)
			attach(stop, &hooks[i], hooks[i].priority + 2);
		attach(prog, &hooks[i], hooks[i].priority);
	}
	printf("ready %d %.1f ms\n", changed, (now() - t0) * 1e3);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "note ", 5)) {
			set_plan(plan, line + 5);
		} else if (!strncmp(line, "left", 4)) {
			left(&maps, plan, counts);
		} else if (!strncmp(line, "twin", 4)) {
			tags[1] = build_twin(nft, &maps, &twin);
		} else if (!strncmp(line, "tag ", 4)) {
			tag = tags[(line[4] - '1') % 3];
			puts("ok");
		} else if (!strncmp(line, "grace", 5)) {
			t0 = now();
			bf_grace_wait(&grace);
			printf("grace %.1f ms\n", (now() - t0) * 1e3);
		} else if (!strncmp(line, "rebuild", 7)) {
			changed = false;
			t0 = now();
			ret = bf_comp_build(comp, nft, &maps, &changed, &diag);
			printf("rebuild %d changed %d %.2f ms\n", ret, changed, (now() - t0) * 1e3);
		} else {
			break;
		}
		fflush(stdout);
	}
	ret = bf_companion_sweep(nft, OWNER, NULL, 0, &diag);
	if (ret)
		die("sweep", ret);
	bf_comp_close(comp);
	bf_comp_close(twin);
	bf_nft_close(nft);
	return 0;
}
