/* SPDX-License-Identifier: GPL-2.0-only */
/* exts.c: the extensions that are served. A new one is its file and one line here (and the file's name in meson.build).
 * The often used stand first: they are looked for in this order. */
#include "front/xtables/xtables.h"

/* clang-format off */
#define EXTENSIONS(X) \
	X(standard) \
	X(ERROR) \
	X(reject4) \
	X(reject6) \
	X(LOG) \
	X(NFLOG) \
	X(tcp) \
	X(udp) \
	X(icmp) \
	X(icmp6) \
	X(conntrack) \
	X(conntrack2) \
	X(conntrack1) \
	X(state) \
	X(multiport) \
	X(comment) \
	X(limit) \
	X(mark) \
	X(addrtype) \
	X(addrtype0) \
	X(owner) \
	X(mac) \
	X(pkttype) \
	X(length) \
	X(ttl) \
	X(hl) \
	X(tos) \
	X(dscp) \
	X(ecn) \
	X(iprange) \
	X(tcpmss) \
	X(statistic) \
	X(bpf) \
	X(bpf0)
/* clang-format on */

#define DECLARE(x) extern const struct bf_xt_ext bf_xt_##x;
EXTENSIONS(DECLARE)

#define LIST(x) &bf_xt_##x,
const struct bf_xt_ext *const bf_xt_exts[] = { EXTENSIONS(LIST) NULL };
