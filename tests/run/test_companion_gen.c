/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generated programs and the companion together, both as cells and as
 * straight code: REJECT, NFLOG, NFLOG then DROP, addrtype, with packets over
 * loopback. Established packets are let through without being asked about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "gen/gen.h"
#include "kern/kern.h"
#include "match/match.h"
#include "run/net.h"

enum { REJECTED = 7001, LOGGED_DROPPED, LOGGED, PLAIN, GROUP = 9 };

struct fixture {
	struct bf_ns *ns;
	struct mnl_socket *log;
};

/* NFLOG group 9: how many packets with that prefix are there? */
static void log_config(struct mnl_socket *nl, uint16_t group, uint8_t cmd)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfulnl_msg_config_cmd c = { .command = cmd };
	struct nfgenmsg *g;

	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	g->res_id = htons(group);
	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(c), &c);
	if (cmd == NFULNL_CFG_CMD_BIND)
		mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(1));
	assert_true(mnl_socket_sendto(nl, h, h->nlmsg_len) > 0);
	assert_true(mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0);
}

static struct mnl_socket *log_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct timeval wait = { .tv_usec = 50000 };

	assert_non_null(nl);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	log_config(nl, 0, NFULNL_CFG_CMD_PF_BIND);
	log_config(nl, GROUP, NFULNL_CFG_CMD_BIND);
	assert_int_equal(setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	return nl;
}

static int count_prefix(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) == NFULA_PREFIX &&
														 !strcmp(mnl_attr_get_str(a), "seen"))++ *(unsigned *)arg;
	return MNL_CB_OK;
}

static unsigned logged(struct fixture *f)
{
	char buf[16384];
	unsigned n = 0;
	ssize_t len;

	while ((len = mnl_socket_recvfrom(f->log, buf, sizeof(buf))) > 0)
		mnl_cb_run(buf, (size_t)len, 0, 0, count_prefix, &n);
	return n;
}

static struct bf_rule *rule(struct bf_ruleset *rs, struct bf_chain *c, unsigned dport)
{
	struct bf_rule *r = bf_chain_add_rule(rs, c);

	r->counter = c->table->n_counters++;
	if (dport) {
		bf_rule_add_value(rs, r, BF_F_L4PROTO, 0, IPPROTO_UDP, false);
		bf_rule_add_value(rs, r, BF_F_DPORT, 0, dport, false);
	}
	return r;
}

/* What ufw and the like do at INPUT. */
static struct bf_ruleset *ruleset(void)
{
	static const struct xt_addrtype_info_v1 local = { .dest = 1 << 2 };
	const struct bf_assist addrtype = { "addrtype", 1, sizeof(local), &local, "addrtype --dst-type LOCAL" };
	const struct bf_reject reject = { IPT_ICMP_PORT_UNREACHABLE, NFPROTO_IPV4 };
	const struct bf_nflog nflog = { .group = GROUP, .threshold = 1, .prefix = "seen" };
	struct bf_ruleset *rs = bf_ruleset_new();
	struct bf_table *t = bf_ruleset_add_table(rs, NFPROTO_IPV4, "filter");
	struct bf_chain *c = bf_table_add_chain(rs, t, "INPUT");
	struct bf_rule *r;

	c->base = true;
	c->at.hook = NF_INET_LOCAL_IN;
	c->policy = BF_VERDICT_DROP;
	r = rule(rs, c, 0);
	bf_rule_add_range(rs, r, BF_F_CT_STATE, 2 | 4, 1, 6, false);
	r->verdict.kind = BF_VERDICT_ACCEPT;
	r = rule(rs, c, REJECTED);
	bf_rule_add_action(rs, r, &bf_target_reject, &reject);
	r->verdict.kind = BF_VERDICT_ACTION;
	bf_rule_add_action(rs, rule(rs, c, LOGGED_DROPPED), &bf_target_nflog, &nflog);
	rule(rs, c, LOGGED_DROPPED)->verdict.kind = BF_VERDICT_DROP;
	bf_rule_add_action(rs, rule(rs, c, LOGGED), &bf_target_nflog, &nflog);
	r = rule(rs, c, 0);
	bf_rule_add_match(rs, r, &bf_match_assist, &addrtype, false);
	r->verdict.kind = BF_VERDICT_ACCEPT;
	c->counter = t->n_counters++;
	return rs;
}

static void commit(struct fixture *f, uint32_t code_max)
{
	_cleanup_ruleset_ struct bf_ruleset *rs = ruleset();
	struct bf_gen_opts o = { .hz = bf_kernel_hz(), .cpus = bf_possible_cpus(), .may_goto = true, .code_max = code_max };
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (bf_gen_table(rs->tables[0], &o, &img, &d) ||
		bf_ns_commit(f->ns, &(struct bf_change){ "ip-filter", img, "x", 1 }, 1, &d))
		fail_msg("%s", d.text.data);
	assert_int_equal(img->companion.assist_states, 1 | 8 | 256); /* invalid, new, untracked */
}

static void counters(struct fixture *f, struct bf_rt_counter *c, uint32_t n)
{
	struct bf_unit *u;

	assert_int_equal(bf_unit_open(f->ns, "ip-filter", &u), 0);
	assert_int_equal(bf_unit_counters(u, c, n), 0);
	bf_unit_close(u);
}

/* One datagram to that port, from a new socket. Delivered? *error: what the sender hears. */
static bool datagram(unsigned port, const char *to, int *error)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
							 .sin_port = htons((uint16_t)port),
							 .sin_addr.s_addr = inet_addr(to) };
	struct timeval wait = { .tv_usec = 30000 };
	int rx = socket(AF_INET, SOCK_DGRAM, 0), tx = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	char buf[64];
	bool got;

	setsockopt(rx, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(tx, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	assert_int_equal(
		bind(rx, (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = a.sin_port }, sizeof(a)),
		0);
	assert_int_equal(connect(tx, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(tx, "hi", 2, 0), 2);
	got = recv(rx, buf, sizeof(buf), 0) == 2;
	*error = send(tx, "", 0, MSG_DONTWAIT) < 0 ? errno : 0;
	recv(rx, buf, sizeof(buf), MSG_DONTWAIT);
	close(rx);
	close(tx);
	return got;
}

/* A question and its answer: the answer belongs to an established connection. */
static bool echo(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
							 .sin_port = htons(PLAIN),
							 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int rx = socket(AF_INET, SOCK_DGRAM, 0), tx = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(a);
	char buf[64];
	bool ok;

	assert_int_equal(bind(rx, (struct sockaddr *)&a, sizeof(a)), 0);
	ok = !connect(tx, (struct sockaddr *)&a, sizeof(a)) && send(tx, "ask", 3, 0) == 3;
	ok = ok && recvfrom(rx, buf, sizeof(buf), 0, (struct sockaddr *)&a, &len) == 3;
	for (int i = 0; i < 100 && ok; i++)
		ok = sendto(rx, "answer", 6, 0, (struct sockaddr *)&a, len) == 6 && recv(tx, buf, sizeof(buf), 0) == 6;
	close(rx);
	close(tx);
	return ok;
}

static void packets(struct fixture *f, uint32_t code_max)
{
	struct bf_rt_counter c[7];
	int error;

	commit(f, code_max);
	assert_false(datagram(REJECTED, "127.0.0.1", &error));
	assert_int_equal(error, ECONNREFUSED);
	assert_false(datagram(LOGGED_DROPPED, "127.0.0.1", &error));
	assert_int_equal(error, 0);
	assert_int_equal(logged(f), 2); /* the empty datagram that asks for the error, too */
	assert_true(datagram(LOGGED, "127.0.0.1", &error));
	assert_int_equal(logged(f), 2);
	assert_true(datagram(PLAIN, "127.0.0.1", &error));
	assert_int_equal(logged(f), 0);
	assert_false(datagram(PLAIN, "127.255.255.255", &error)); /* not LOCAL but BROADCAST */
	counters(f, c, 7);
	assert_int_equal(c[6].packets, 2); /* policy */
	assert_int_equal(c[2].packets, 2);
	assert_int_equal(c[3].packets, 2);
	assert_true(echo());
	counters(f, c, 7);
	assert_true(c[0].packets >= 100);
	assert_int_equal(system("nft flush ruleset"), 0);
	assert_false(datagram(REJECTED, "127.0.0.1", &error));
	assert_int_equal(error, 0);                         /* dropped by the backstop, nothing said */
	assert_false(datagram(PLAIN, "127.0.0.1", &error)); /* no answers */
	assert_false(datagram(LOGGED_DROPPED, "127.0.0.1", &error));
}

static void as_cells(void **state)
{
	packets(*state, 0);
}

static void as_code(void **state)
{
	packets(*state, 100000);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct bf_diag d = { 0 };

	test_net_new();
	f->log = log_open();
	if (bf_ns_open(&f->ns, -1, true, &d) || bf_ns_lock(f->ns, 1000)) {
		fprintf(stderr, "%s\n", d.text.data);
		return -1;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int err = bf_ns_destroy(f->ns, NULL);

	bf_ns_close(f->ns);
	mnl_socket_close(f->log);
	free(f);
	return err;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_cells, setup, teardown),
		cmocka_unit_test_setup_teardown(as_code, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
