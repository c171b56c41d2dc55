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

static const char *const hows[] = { "mg", "it" };

static void load(struct rtprog *c)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	if (rtprog_load(c, &d))
		fail_msg("%s %s: %s", bf_hook_kinds[c->hook].name, c->how, d.text.data);
}

/* Everything in use at once: the verifier's opinion. */
static void everything(void **state)
{
	static struct bf_cell cells[] = { { .op = BF_CELL_VERDICT, .lo = BF_ACCEPT } };
	static const uint32_t params[16];

	for (unsigned hook = 0; hook < BF_HOOKS; hook += hook ? 1 : BF_HOOK_XDP)
		for (size_t h = 0; h < 4; h++) {
			static const char *const all[] = { "mg", "it", "smg", "sit" };
			struct rtprog c = { .family = NFPROTO_IPV6, .hook = (uint8_t)hook, .how = all[h], .cells = cells, .n_cells = 1,
			                    .n_counters = 1, .params = params, .n_params = sizeof(params), .config.stack_depth = 3 };

			c.config.ops = ~(1u << BF_CELL_HANDOFF | 1u << BF_CELL_CLASS | 1u << BF_CELL_SET) & ((1u << BF_CELL_OPS) - 1);
			c.config.needs = BF_NEED_ADDRS | BF_NEED_IPHDR | BF_NEED_L4 | BF_NEED_PORTS | BF_NEED_L4INFO | BF_NEED_IIFNAME |
			                 BF_NEED_OIFNAME | BF_NEED_MARK;
			c.config.loaders = ((1u << BF_LOADERS) - 1) & ~(1u << BF_LOAD_TCP_MSS | 1u << BF_LOAD_SK | 1u << BF_LOAD_EXTHDR | 1u << BF_LOAD_TCP_OPTION | 1u << BF_LOAD_IP_OPTION | 1u << BF_LOAD_CHUNK);
			c.config.specials = 1u << BF_SPECIAL_LIMIT;
			load(&c);
			rtprog_unload(&c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
	};

	return cmocka_run_group_tests_name("rt_hooks", tests, NULL, NULL);
}
