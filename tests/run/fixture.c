/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	test_net_new();
	if (bf_ns_open(&f->ns, -1, true, &f->d) || bf_ns_lock(f->ns, 1000)) {
		fprintf(stderr, "%s\n", f->d.text.data);
		return -1;
	}
	f->v4 = test_udp_open(AF_INET);
	f->v6 = test_udp_open(AF_INET6);
	*state = f;
	return 0;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	int err = bf_ns_destroy(f->ns, &f->d);

	if (err)
		fprintf(stderr, "destroy: %d %s\n", err, f->d.text.data);
	bf_ns_close(f->ns);
	bf_diag_free(&f->d);
	test_udp_close(&f->v4);
	test_udp_close(&f->v6);
	free(f);
	return err;
}
