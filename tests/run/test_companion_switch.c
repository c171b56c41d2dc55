/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Switches of generations whose companions differ, under a flood: each packet
 * that is to be rejected gets its ICMP error, none is accepted; of those that
 * need answers of the kernel's matches none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_addrtype.h>
#include <pthread.h>
#include <sys/socket.h>

#include "kern/kern.h"
#include "run/net.h"
#include "run/noter.h"
#include "run/image.h"

enum { SENDERS = 3, SWITCHES = 60, PORT = 7777 };

struct sender {
	struct sockaddr_in to;
	bool stop;
	uint64_t sent;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		/* not connected: errors do not come back, each sendto is one packet */
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&s->to, sizeof(s->to)) == 1)
			s->sent++;
		if (s->sent % 64 == 0)
			usleep(100);
	}
	close(fd);
	return NULL;
}

/* A counter of /proc/net/snmp of the calling thread's namespace. */
static uint64_t snmp(const char *group, const char *name)
{
	FILE *f = fopen("/proc/thread-self/net/snmp", "re");
	char names[2048], values[2048];
	uint64_t v = 0;

	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		char *n, *m, *a = strtok_r(names, " \n", &n), *b = strtok_r(values, " \n", &m);

		if (strncmp(a, group, strlen(group)) || a[strlen(group)] != ':')
			continue;
		while (a && strcmp(a, name)) {
			a = strtok_r(NULL, " \n", &n);
			b = strtok_r(NULL, " \n", &m);
		}
		v = a ? strtoull(b, NULL, 10) : 0;
	}
	fclose(f);
	return v;
}

/* Number i of a series of contents that all differ; code 0 is always REJECT, answer 0 always "is it for me?". */
static void commit(struct bf_ns *ns, unsigned i, bool assist, bool note)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "ip-filter", 2, 1);
	_cleanup_diag_ struct bf_diag d = { 0 };
	struct xt_nflog_info nflog = { .group = (uint16_t)i };
	struct xt_addrtype_info_v1 local = { .dest = 1 << 2 }, other = { .dest = (uint16_t)(1 << (3 + i % 2)) };
	struct bf_handoff_spec codes[2] = {
		{ .kind = BF_HANDOFF_NFT_REJECT, .terminal = true, .reject_type = NFT_REJECT_ICMP_UNREACH, .reject_code = 3 },
		{ .name = "NFLOG", .size = sizeof(nflog) },
	};
	struct bf_assist_spec assists[2] = {
		{ .name = "addrtype", .revision = 1, .size = sizeof(local), .info = &local, .hooks = 1 << NF_INET_LOCAL_IN },
		{ .name = "addrtype", .revision = 1, .size = sizeof(other), .info = &other, .hooks = 1 << NF_INET_LOCAL_IN },
	};
	struct noter_plan plan = { .proto = IPPROTO_UDP, .dport = htons(PORT) };

	memcpy(codes[1].info, &nflog, sizeof(nflog));
	img->companion = (struct bf_companion){ codes, 2, assists, assist ? 2 : 0, 1 };
	plan.entry = (struct bf_handoff){ .tag = bf_companion_tag(&img->companion), .n = note, .terminal = 1 };
	noter_image(img, NF_INET_LOCAL_IN, -3, &plan, assist);
	if (bf_ns_commit(ns, &(struct bf_change){ "ip-filter", img, "x", 1 }, 1, &d))
		fail_msg("commit %u: %s", i, d.text.data);
}

static uint64_t flood(struct bf_ns *ns, bool assist, bool note)
{
	struct sender s[SENDERS];
	pthread_t t[SENDERS];
	uint64_t sent = 0;

	for (int i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){
			.to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }
		};
		assert_int_equal(pthread_create(&t[i], NULL, send_all, &s[i]), 0);
	}
	for (unsigned i = 1; i <= SWITCHES; i++)
		commit(ns, i, assist, note);
	for (int i = 0; i < SENDERS; i++) {
		__atomic_store_n(&s[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(t[i], NULL);
		sent += s[i].sent;
	}
	return sent;
}

static void nothing_left(void)
{
	FILE *f = popen("nft list tables | grep -c bpfilter", "re");
	int n = -1;

	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	assert_int_equal(n, 1);
}

static void no_reject_is_lost(void **state)
{
	struct bf_ns *ns = *state;
	uint64_t before, sent, answered, in;

	commit(ns, 0, false, true);
	before = snmp("Icmp", "OutDestUnreachs");
	in = snmp("Udp", "InDatagrams") + snmp("Udp", "NoPorts");
	sent = flood(ns, false, true);
	answered = snmp("Icmp", "OutDestUnreachs") - before;
	printf("%llu sent, %llu rejected\n", (unsigned long long)sent, (unsigned long long)answered);
	assert_true(sent > 1000);
	assert_int_equal(snmp("Udp", "InDatagrams") + snmp("Udp", "NoPorts") - in, 0);
	assert_int_equal(answered, sent);
	nothing_left();
}

static void no_answer_is_lost(void **state)
{
	struct bf_ns *ns = *state;
	uint64_t sent, in;

	commit(ns, 0, true, false);
	in = snmp("Udp", "NoPorts");
	sent = flood(ns, true, false);
	in = snmp("Udp", "NoPorts") - in;
	printf("%llu sent, %llu accepted\n", (unsigned long long)sent, (unsigned long long)in);
	assert_true(sent > 1000);
	assert_int_equal(in, sent);
	nothing_left();
}

static int setup(void **state)
{
	struct bf_diag d = { 0 };
	struct bf_ns *ns;

	test_net_new();
	if (system("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 net.ipv4.icmp_msgs_per_sec=10000000 "
			   "net.ipv4.icmp_msgs_burst=10000000 2>/dev/null") < 0)
		return -1;
	if (bf_ns_open(&ns, -1, true, &d) || bf_ns_lock(ns, 1000)) {
		fprintf(stderr, "%s\n", d.text.data);
		return -1;
	}
	*state = ns;
	return 0;
}

static int teardown(void **state)
{
	int err = bf_ns_destroy(*state, NULL);

	bf_ns_close(*state);
	return err;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_reject_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(no_answer_is_lost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
