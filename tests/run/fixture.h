/* SPDX-License-Identifier: GPL-2.0-only */
/* fixture.h: a network namespace of the test's own with its state locked, and sockets to send packets. */
#ifndef BF_TEST_FIXTURE_H
#define BF_TEST_FIXTURE_H

#include "kern/kern.h"
#include "run/net.h"

struct fixture {
	struct bf_ns *ns;        /* of the namespace the calling thread is in now, locked */
	struct test_udp v4, v6;
	struct bf_diag d;        /* of the last call that failed */
};

/* For cmocka: *state is the fixture; what the test made is destroyed with it. */
int setup(void **state);
int teardown(void **state);

#endif
