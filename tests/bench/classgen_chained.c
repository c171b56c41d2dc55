/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classgen_chained.c: rulesets of many chains, as programs write them, in the
 * filter table (where DNAT and MARK stand, ACCEPT and a counting rule do).
 *
 *   kube       INPUT -> KUBE-SERVICES -> KUBE-SVC-* -(statistic)-> KUBE-SEP-*
 *   docker     FORWARD -> DOCKER-USER, DOCKER-ISOLATION-STAGE-1/2, DOCKER -> containers' published ports
 *   shorewall  FORWARD and INPUT by zones of devices -> rules of a pair of zones -> macros' chains
 *
 * Packets come in by in0; devices br2, br3, ... have 172.(14 + number).0.0/16.
 */
#include "classgen.h"

enum { BRIDGES = 14, FIRST_BRIDGE = 2, POD_NET = 0x0a800000, SERVICE_NET = 0x0a600000 };

static uint32_t bridge_net(unsigned bridge)
{
	return 0xac000000 | (14 + bridge) << 16;
}

static void host(struct cg_rule *r, unsigned which, uint32_t a)
{
	cg_prefix4(r, which, a, 32);
}

static void service(struct cg_rule *r, uint32_t to, uint8_t proto, unsigned port)
{
	host(r, 1, to);
	r->proto = proto;
	r->port[1] = (struct cg_range){(uint16_t)port, (uint16_t)port};
}

/* The chain of one endpoint: what it sends to itself is marked, all else is let through. */
static uint32_t kube_endpoint(struct cg_set *s, uint32_t mark, uint32_t via)
{
	uint32_t pod = POD_NET + (uint32_t)s->n_chains, chain = cg_chain(s, "KUBE-SEP-%016lX", cg_random(s));
	struct cg_rule *r;

	host(cg_add(s, chain, CG_JUMP + mark), 0, pod);
	r = cg_add(s, chain, CG_ACCEPT);
	r->proto = CG_TCP;
	r->via = via;
	r->leaf = true;
	return chain;
}

static void kube_service(struct cg_set *s, uint32_t services, uint32_t mark, unsigned number, unsigned endpoints)
{
	uint32_t chain = cg_chain(s, "KUBE-SVC-%016lX", cg_random(s)), ip = SERVICE_NET + 1 + number, via = (uint32_t)s->n;
	unsigned port = cg_often(s, 60) ? 80 : 1024 + cg_below(s, 30000);

	service(cg_add(s, services, CG_JUMP + chain), ip, CG_TCP, port);
	service(cg_add(s, chain, CG_JUMP + mark), ip, CG_TCP, port);
	cg_prefix4(&s->rules[s->n - 1], 0, 0x0a000000, 9);
	for (unsigned i = 0; i < endpoints; i++) {
		uint32_t to = kube_endpoint(s, mark, via);
		struct cg_rule *r = cg_add(s, chain, CG_JUMP + to);

		if (i + 1 < endpoints)
			r->chance = (uint32_t)(0x80000000u / (endpoints - i));
	}
}

/* A service is 2 rules, each of its endpoints (4 or 5) 3 more: 4,000 of them make 62,000 rules in 22,000 chains. */
static void make_kube(struct cg_set *s, size_t n)
{
	uint32_t services = cg_chain(s, "KUBE-SERVICES"), mark = cg_chain(s, "KUBE-MARK-MASQ");
	size_t n_services = (n * 2 + 30) / 31;

	cg_add(s, CG_INPUT, CG_JUMP + services);
	cg_add(s, mark, CG_GO_ON);
	for (size_t i = 0; i < n_services; i++)
		kube_service(s, services, mark, (unsigned)i, 4 + i % 2);
}

static struct cg_rule *between(struct cg_set *s, uint32_t chain, unsigned in, unsigned out, uint32_t to)
{
	struct cg_rule *r = cg_add(s, chain, to);

	r->in = (uint8_t)in;
	r->out = (uint8_t)out;
	return r;
}

static void docker_isolation(struct cg_set *s, uint32_t stage1, uint32_t stage2)
{
	for (unsigned b = FIRST_BRIDGE; b < FIRST_BRIDGE + BRIDGES; b++) {
		between(s, stage1, b, 0, CG_JUMP + stage2);
		between(s, stage2, 0, b, CG_DROP);
	}
	cg_add(s, stage1, CG_RETURN);
	cg_add(s, stage2, CG_RETURN);
}

static void make_docker(struct cg_set *s, size_t n)
{
	uint32_t user = cg_chain(s, "DOCKER-USER"), stage1 = cg_chain(s, "DOCKER-ISOLATION-STAGE-1");
	uint32_t stage2 = cg_chain(s, "DOCKER-ISOLATION-STAGE-2"), docker = cg_chain(s, "DOCKER");

	cg_add(s, CG_FORWARD, CG_JUMP + user);
	cg_add(s, CG_FORWARD, CG_JUMP + stage1);
	for (unsigned b = FIRST_BRIDGE; b < FIRST_BRIDGE + BRIDGES; b++) {
		between(s, CG_FORWARD, 0, b, CG_ACCEPT)->established = true;
		between(s, CG_FORWARD, 0, b, CG_JUMP + docker);
		between(s, CG_FORWARD, b, 0, CG_ACCEPT);
	}
	cg_add(s, user, CG_RETURN);
	docker_isolation(s, stage1, stage2);
	for (size_t i = s->n; i < n || i < s->n + 1; i++) {
		unsigned b = FIRST_BRIDGE + cg_below(s, BRIDGES);
		struct cg_rule *r = between(s, docker, 0, b, CG_ACCEPT);

		service(r, bridge_net(b) + 2 + (uint32_t)(i / BRIDGES) % 65000, cg_often(s, 85) ? CG_TCP : CG_UDP,
			cg_often(s, 50) ? 80 : 1 + cg_below(s, 32768));
		r->leaf = true;
		if (s->n >= n)
			break;
	}
}

/* A macro's chain: the services of some server. */
static void macro(struct cg_set *s, uint32_t pair, uint32_t net, unsigned number)
{
	uint32_t chain = cg_chain(s, "macro-%u", number), server = net + 2 + number % 65000;
	struct cg_rule *r = cg_add(s, pair, CG_JUMP + chain);

	host(r, 1, server);
	for (unsigned i = 0; i < 6; i++) {
		r = cg_add(s, chain, i == 5 ? CG_DROP : CG_ACCEPT);
		service(r, server, i == 4 ? CG_UDP : CG_TCP, 20 + i * 100 + number % 100);
		if (i == 3)
			cg_prefix4(r, 0, 0xc0000000 | cg_below(s, 64) << 16, 16);
		if (i == 5)
			r->proto = CG_TCP;
		r->leaf = true;
	}
}

/* What every pair of zones begins with. */
static void prelude(struct cg_set *s, uint32_t pair, uint32_t dynamic, uint32_t smurfs)
{
	cg_add(s, pair, CG_JUMP + dynamic);
	cg_add(s, pair, CG_JUMP + smurfs);
	cg_add(s, pair, CG_ACCEPT)->established = true;
}

static void make_shorewall(struct cg_set *s, size_t n)
{
	uint32_t dynamic = cg_chain(s, "dynamics"), smurfs = cg_chain(s, "smurfs"), logdrop = cg_chain(s, "logdrop");
	uint32_t from_net = cg_chain(s, "net_frwd"), pairs[BRIDGES];

	cg_prefix4(cg_add(s, dynamic, CG_JUMP + logdrop), 0, 0xcb007100, 24);
	cg_prefix4(cg_add(s, smurfs, CG_RETURN), 0, 0, 0);
	cg_add(s, logdrop, CG_DROP);
	between(s, CG_FORWARD, 1, 0, CG_JUMP + from_net);
	for (unsigned z = 0; z < BRIDGES; z++) {
		pairs[z] = cg_chain(s, "net-z%u", z);
		between(s, from_net, 0, FIRST_BRIDGE + z, CG_JUMP + pairs[z]);
		prelude(s, pairs[z], dynamic, smurfs);
		between(s, CG_FORWARD, FIRST_BRIDGE + z, 0, CG_JUMP + cg_chain(s, "z%u_frwd", z));
		prelude(s, (uint32_t)s->n_chains - 1, dynamic, smurfs);
	}
	for (unsigned i = 0; s->n < n || !i; i++)
		macro(s, pairs[i % BRIDGES], bridge_net(FIRST_BRIDGE + i % BRIDGES), i);
	for (unsigned z = 0; z < BRIDGES; z++)
		cg_add(s, pairs[z], CG_JUMP + logdrop);
}

const struct cg_shape cg_chained[] = {
	{"kube", make_kube, false, "kube-proxy: a service a chain, an endpoint a chain, chosen by chance"},
	{"docker", make_docker, false, "docker: containers' published ports behind 14 bridges"},
	{"shorewall", make_shorewall, false, "shorewall: chains by pair of zones, macros' chains below"},
	{0},
};
