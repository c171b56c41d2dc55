/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kern_rig.c: one change or look of the present network namespace, for tests in shell:
 *
 *   kern_rig drop|accept      unit "t" with that verdict at local output
 *   kern_rig append WORD      a line more in the state of unit "t", everything else as `accept`
 *   kern_rig show             the state of unit "t"
 *   kern_rig units|destroy|collect|cookie
 *   kern_rig send             a datagram over loopback; fails when it is dropped
 *   kern_rig hold SECONDS     keeps the lock
 */
#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "kern/kern.h"
#include "run/image.h"
#include "run/net.h"

static struct bf_diag diag;

static int done(const char *what, int err)
{
	if (err < 0)
		fprintf(stderr, "%s: %s\n%s", what, strerror(-err), diag.text.data ? diag.text.data : "");
	return err < 0;
}

static int commit(struct bf_ns *ns, int verdict, const char *state, size_t len)
{
	_cleanup_image_ struct bf_image *img = test_image(NFPROTO_IPV4, "t", 1, 1);

	test_image_verdict(img, NF_INET_LOCAL_OUT, 0, 0, verdict);
	return bf_ns_commit(ns, &(struct bf_change){ "t", img, state, len }, 1, &diag);
}

static int append(struct bf_ns *ns, const char *word)
{
	_cleanup_buf_ struct bf_buf b = { 0 };
	struct bf_unit *u = NULL;
	const void *p;
	size_t len;

	if (!bf_unit_open(ns, "t", &u)) {
		p = bf_unit_state(u, &len);
		bf_buf_add(&b, p, len);
		bf_unit_close(u);
	}
	bf_buf_printf(&b, "%s\n", word);
	return commit(ns, NF_ACCEPT, b.data, b.len);
}

static int show(struct bf_ns *ns)
{
	struct bf_unit *u;
	const void *p;
	size_t len;
	int err = bf_unit_open(ns, "t", &u);

	if (err)
		return err;
	p = bf_unit_state(u, &len);
	fwrite(p, 1, len, stdout);
	bf_unit_close(u);
	return 0;
}

static int units(struct bf_ns *ns)
{
	_cleanup_buf_ struct bf_buf b = { 0 };
	int err = bf_ns_units(ns, &b);

	for (const char *p = b.data; p && p < b.data + b.len; p += strlen(p) + 1)
		puts(p);
	return err;
}

static int change(struct bf_ns *ns, const char *verb, const char *arg)
{
	if (!strcmp(verb, "drop"))
		return commit(ns, NF_DROP, "drop\n", 5);
	if (!strcmp(verb, "accept"))
		return commit(ns, NF_ACCEPT, "accept\n", 7);
	if (!strcmp(verb, "append"))
		return append(ns, arg);
	if (!strcmp(verb, "destroy"))
		return bf_ns_destroy(ns, &diag);
	if (!strcmp(verb, "hold"))
		return (int)sleep((unsigned)atoi(arg));
	return -EINVAL;
}

static int send_one(void)
{
	struct test_udp u = test_udp_open(AF_INET);
	bool delivered = test_udp_send(&u, 10);

	test_udp_close(&u);
	return !delivered;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	struct rlimit few = { 24, 24 };
	bool reads = !strcmp(verb, "show") || !strcmp(verb, "units") || !strcmp(verb, "cookie");
	struct bf_ns *ns;
	int err;

	if (getenv("FEW_FILES"))
		setrlimit(RLIMIT_NOFILE, &few);
	if (!strcmp(verb, "send"))
		return send_one();
	if (!strcmp(verb, "collect"))
		return done(verb, bf_ns_collect(&diag));
	err = bf_ns_open(&ns, -1, !reads, &diag);
	if (err)
		return done("open", err);
	if (!reads)
		err = bf_ns_lock(ns, getenv("TIMEOUT") ? atoi(getenv("TIMEOUT")) : 60000);
	if (err)
		return done("lock", err);
	if (!strcmp(verb, "show"))
		err = show(ns);
	else if (!strcmp(verb, "units"))
		err = units(ns);
	else if (!strcmp(verb, "cookie"))
		printf("%llu\n", (unsigned long long)bf_ns_cookie(ns));
	else
		err = change(ns, verb, arg);
	bf_ns_close(ns);
	return done(verb, err);
}
