/* SPDX-License-Identifier: GPL-2.0-only */
/* stats.h: all counters of a namespace at one time, for `bpfilter stats` and `bpfilter top`. */
#ifndef BF_CLI_STATS_H
#define BF_CLI_STATS_H

#include <bpfilter/bpfilter.h>

struct bf_stat_list {
	struct bf_stat *v; /* texts are the list's own */
	size_t n, room;
};

/* 0, or -errno: told by bf_cli_result. */
int bf_cli_stats(struct bf_ctx *ctx, struct bf_stat_list *out);
void bf_cli_stats_free(struct bf_stat_list *l);

#endif
