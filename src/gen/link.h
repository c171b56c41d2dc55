/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link.h: puts a program together from functions: those compiled from rt/ at
 * build time, those generated for this ruleset, and users'. The result is one run of
 * instructions with relocations for kern/ (base/image.h).
 */
#ifndef BF_LINK_H
#define BF_LINK_H

#include "base/diag.h"
#include "base/func.h"
#include "base/image.h"

extern const struct bf_rt_func bf_rt_funcs[]; /* ends with name NULL */
extern const uint32_t bf_rt_print; /* of all of them: with another one, data may have to lie otherwise */

/*
 * Entries: bf_filter_<family>_<how>, bf_<hook>_<how>
 *
 *   family  ip, ip6
 *   hook    xdp, tc, cgroup, sockops: these see all families, which begin at config.start, start_ip6, start_other;
 *           connect4, connect6, sendmsg4, sendmsg6
 *   how     mg  walk over cells, may_goto loop (Linux 6.9)
 *           it  walk over cells, open-coded iterator loop (Linux 6.4)
 *           cmg       the first cell, or where that is a TEST one of those it leads to, is a CLASS cell
 *           smg, sit  straight code: calls the generated function bf_straight; mg and it for the loops that are left in the
 *               prologue (IPv6 extension headers)
 *
 * Each is a BPF_PROG_TYPE_NETFILTER program. What generated functions may call and what they are called with: rt/code.h.
 *
 * Links program p of img: `entry` first, then every function it reaches.
 * Functions are looked up in `own` (generated; same form, may be empty) first,
 * then among the compiled ones, where a call of "x" finds "x_mg" or "x_it", as
 * the entry is. Map symbols are looked up by name in img->maps; p->config is
 * added to offsets in "config". The maps class, params, handoff, pending, assist and
 * stack may be missing: their address is then the constant 0, which is never
 * used when config is right, and refused by the verifier when not.
 * Fills p->insns, p->relocs, p->funcs (memory from img->arena).
 * -ENOENT with a diagnostic for a symbol nobody defines, -E2BIG, -ENOMEM.
 */
int bf_link(struct bf_image *img, struct bf_prog_image *p, const char *entry, const struct bf_rt_func *own,
            uint32_t n_own, struct bf_diag *d);

#endif
