/* SPDX-License-Identifier: GPL-2.0-only */
/* stats.c: see stats.h. */
#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bf_cli_stats_free(struct bf_stat_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free((char *)l->v[i].family);
		free((char *)l->v[i].table);
		free((char *)l->v[i].chain);
		free((char *)l->v[i].rule);
	}
	free(l->v);
	*l = (struct bf_stat_list){ 0 };
}

static int keep(void *arg, const struct bf_stat *s)
{
	struct bf_stat_list *l = arg;
	struct bf_stat *to;

	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;

		to = realloc(l->v, room * sizeof(*to));
		if (!to)
			return -ENOMEM;
		l->v = to;
		l->room = room;
	}
	to = &l->v[l->n++];
	*to = *s;
	to->family = strdup(s->family);
	to->table = strdup(s->table);
	to->chain = strdup(s->chain);
	to->rule = strdup(s->rule);
	return to->family && to->table && to->chain && to->rule ? 0 : -ENOMEM;
}

int bf_cli_stats(struct bf_ctx *ctx, struct bf_stat_list *out)
{
	int rc;

	do { /* a table that is replaced meanwhile */
		bf_cli_stats_free(out);
		rc = bf_stats(ctx, keep, out);
	} while (rc == -ESTALE);
	return rc;
}
