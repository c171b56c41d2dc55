/* SPDX-License-Identifier: GPL-2.0-only */
/* trial.c: see trial.h. */
#include "kern/trial.h"

#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <linux/pkt_cls.h>
#include <stdio.h>

#include "kern/load.h"
#include "kern/ns.h"
#include "kern/sys.h"

enum { HOOK_STATE = 48 }; /* struct nf_hook_state */

struct bf_trial {
	const struct bf_image *img;
	struct bf_loaded l;
	struct bf_rt_trial *given;
	struct bf_rt_counter *counters; /* [stripes][n_counters] */
	size_t counters_len;
	int handoff, pending; /* or -1 */
};

void bf_trial_close(struct bf_trial *t)
{
	if (!t)
		return;
	bf_map_munmap(t->given, sizeof(*t->given));
	bf_map_munmap(t->counters, t->counters_len);
	bf_loaded_close(&t->l);
	free(t);
}

static const struct bf_map_spec *spec_of(const struct bf_trial *t, const char *name, int *fd)
{
	for (uint32_t i = 0; i < t->img->n_maps; i++)
		if (!strcmp(t->img->maps[i].name, name)) {
			*fd = t->l.maps[i];
			return &t->img->maps[i];
		}
	*fd = -1;
	return NULL;
}

static bool is_shared(const struct bf_map_spec *s)
{
	return s->patched || s->role == BF_MAP_JOURNAL;
}

/* The live unit's map, for a program to look into. */
static int share_map(const struct bf_ns *ns, const char *unit, const struct bf_map_spec *s, struct bf_diag *d)
{
	struct bpf_map_info info = { 0 };
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int err;

	bf_path(path, "%s/%u/%s/%s%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit, s->role == BF_MAP_JOURNAL ? "" : "map-",
	        s->name);
	fd = bf_pin_get(path);
	err = fd < 0 ? fd : bf_map_info(fd, &info);
	if (!err && info.value_size != s->value_size)
		err = -ESTALE;
	return err ? bf_diag_error(d, err, "cannot look into the live map %s: %s", path, strerror(-err)) : TAKE_FD(fd);
}

static int share_maps(struct bf_trial *t, const struct bf_ns *ns, const char *unit, struct bf_diag *d)
{
	for (uint32_t i = 0; i < t->img->n_maps; i++) {
		if (!is_shared(&t->img->maps[i]))
			continue;
		t->l.maps[i] = share_map(ns, unit, &t->img->maps[i], d);
		if (t->l.maps[i] < 0)
			return t->l.maps[i];
	}
	return 0;
}

static int open_own(struct bf_trial *t)
{
	int counters, given;

	spec_of(t, "trial", &given);
	spec_of(t, "counters", &counters);
	spec_of(t, "handoff", &t->handoff);
	spec_of(t, "pending", &t->pending);
	t->counters_len = (size_t)t->img->stripes * t->img->n_counters * sizeof(*t->counters);
	t->given = given < 0 ? NULL : bf_map_mmap(given, sizeof(*t->given), true);
	t->counters = counters < 0 ? NULL : bf_map_mmap(counters, t->counters_len, true);
	return t->given && t->counters ? 0 : -ENOMEM;
}

int bf_trial_open(struct bf_trial **out, struct bf_ns *ns, const char *unit, const struct bf_image *img,
                  struct bf_diag *d)
{
	_cleanup_free_ struct bf_trial *t = calloc(1, sizeof(*t));
	int err = t ? bf_loaded_open(&t->l, img) : -ENOMEM;

	if (err)
		return err;
	t->img = img;
	if (ns)
		err = share_maps(t, ns, unit, d);
	if (err)
		bf_loaded_close(&t->l);
	else
		err = bf_load_rest(&t->l, img, NULL, d);
	if (err)
		return err;
	err = open_own(t);
	if (err)
		bf_trial_close(TAKE_PTR(t));
	else
		*out = TAKE_PTR(t);
	return err;
}

/* What was noted for the packet, which is gone by now: the only entry. */
static void take_codes(const struct bf_trial *t, struct bf_trial_answer *out)
{
	static const struct bf_pending none;
	struct bf_handoff h;
	uint32_t zero = 0;
	uint64_t key;

	if (t->handoff < 0 || bf_map_next_key(t->handoff, NULL, &key) < 0 || bf_map_lookup(t->handoff, &key, &h))
		return;
	bf_map_delete(t->handoff, &key);
	if (t->pending >= 0)
		bf_map_update(t->pending, &zero, &none, BPF_ANY);
	out->n_codes = BF_MIN(h.n, (uint32_t)BF_HANDOFF_MAX);
	memcpy(out->code, h.code, sizeof(out->code));
	out->terminal = h.terminal;
}

static void sum_counters(const struct bf_trial *t, struct bf_rt_counter *out)
{
	uint32_t n = t->img->n_counters;

	for (uint32_t i = 0; i < n; i++) {
		out[i] = (struct bf_rt_counter){ 0 };
		for (uint32_t s = 0; s < t->img->stripes; s++) {
			out[i].packets += t->counters[(size_t)s * n + i].packets;
			out[i].bytes += t->counters[(size_t)s * n + i].bytes;
		}
	}
	for (uint32_t i = 0; i < t->img->n_moved; i++)
		out[t->img->moved[i].counter] = out[t->img->moved[i].place];
}

/* What a program answers, in its hook's numbers. */
static uint32_t verdict_of(uint8_t hook, uint32_t retval)
{
	switch (bf_hook_kinds[hook].prog_type) {
	case BPF_PROG_TYPE_XDP:
		return retval == XDP_DROP || retval == XDP_ABORTED ? BF_DROP : BF_ACCEPT;
	case BPF_PROG_TYPE_SCHED_CLS:
		return retval == TC_ACT_SHOT ? BF_DROP : BF_ACCEPT;
	case BPF_PROG_TYPE_CGROUP_SKB:
		return retval & 1 ? BF_ACCEPT : BF_DROP;
	default:
		return retval;
	}
}

/* At LOCAL_OUT a test run leaves the packet without a network header: all programs are run as if at LOCAL_IN, which no
 * program looks at. */
int bf_trial_run(struct bf_trial *t, uint32_t prog, const void *frame, uint32_t len, const struct bf_rt_trial *given,
                 struct bf_trial_answer *out, struct bf_rt_counter *counters)
{
	uint8_t state[HOOK_STATE] = { NF_INET_LOCAL_IN, t->img->progs[prog].family };
	struct bf_run_desc r = {
		.prog = t->l.progs[prog], .data = frame, .data_len = len, .ctx = state, .ctx_len = sizeof(state), .repeat = 1
	};
	uint8_t hook = t->img->progs[prog].at.hook;
	int err;

	if (hook >= BF_HOOKS_NETFILTER) { /* theirs is made of the packet */
		r.ctx = NULL;
		r.ctx_len = 0;
	}

	*out = (struct bf_trial_answer){ 0 };
	memset(t->counters, 0, t->counters_len);
	*t->given = *given;
	err = bf_prog_run(&r);
	if (err < 0)
		return err;
	out->verdict = verdict_of(hook, r.retval);
	take_codes(t, out);
	sum_counters(t, counters);
	return 0;
}
