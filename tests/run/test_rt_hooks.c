/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs at XDP, tc, control groups and sockets, made by hand as cells: what they see, their verdicts, how packets leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kern/attach.h"
#include "run/net.h"
#include "run/rtprog.h"

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s %s: %s", bf_hook_kinds[c->hook].name, c->how, d.text.data);
}

/* Much of what there is in one program: the verifier's opinion. */
static void much_at_once(void **state)
{
	static struct bf_cell cells[] = { { .op = BF_CELL_VERDICT, .lo = BF_ACCEPT } };
	static const char *const all[] = { "mg", "it", "smg", "sit" };
	static const uint32_t params[16];

	for (unsigned hook = BF_HOOK_XDP; hook < BF_HOOKS; hook++)
		for (size_t h = 0; h < BF_ARRAY_SIZE(all); h++) {
			struct rtprog c = { .family = NFPROTO_NETDEV, .hook = (uint8_t)hook, .how = all[h], .cells = cells, .n_cells = 1,
			                    .n_counters = 1, .params = params, .n_params = sizeof(params) };

			c.config.ops = 1u << BF_CELL_TEST | 1u << BF_CELL_COUNT | 1u << BF_CELL_LOAD | 1u << BF_CELL_MATCH | 1u << BF_CELL_PUT;
			c.config.needs = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO | BF_NEED_IIFNAME |
			                 BF_NEED_OIFNAME | BF_NEED_MARK;
			c.config.loaders = 1u << BF_LOAD_PAYLOAD | 1u << BF_LOAD_META | 1u << BF_LOAD_SKUID | 1u << BF_LOAD_ETHER_SADDR;
			c.config.specials = 1u << BF_SPECIAL_LIMIT;
			load(&c);
			rtprog_unload(&c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(much_at_once),
	};

	return cmocka_run_group_tests_name("rt_hooks", tests, NULL, NULL);
}
