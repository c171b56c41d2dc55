/* SPDX-License-Identifier: GPL-2.0-only */
/* events.c: see events.h; libbpf knows how a ring buffer is read. */
#include "kern/events.h"

#include <bpf/libbpf.h>
#include <stdio.h>

#include "base/lazy.h"
#include "kern/ns.h"
#include "kern/sys.h"

#define LIBBPF(F) F(ring_buffer__new) F(ring_buffer__add) F(ring_buffer__poll) F(ring_buffer__free)
BF_LAZY(libbpf, LIBBPF, "libbpf.so.1")

enum { UNITS_MAX = 64 };

struct source {
	bf_event_fn *fn;
	void *arg;
	struct bf_rt_watch *watch;
	int ring; /* polled as long as it is open */
};

struct bf_events {
	struct ring_buffer *rings; /* NULL: none yet */
	struct source source[UNITS_MAX];
	uint32_t n;
};

int bf_events_new(struct bf_events **out, struct bf_diag *d)
{
	if (libbpf_load())
		return bf_diag_error(d, -EOPNOTSUPP, "libbpf, which reads what programs tell, is not installed");
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void bf_events_free(struct bf_events *e)
{
	if (!e)
		return;
	libbpf.ring_buffer__free(e->rings);
	for (uint32_t i = 0; i < e->n; i++) {
		bf_map_munmap(e->source[i].watch, sizeof(struct bf_rt_watch));
		close(e->source[i].ring);
	}
	free(e);
}

static int hand_out(void *arg, void *data, size_t size)
{
	struct source *s = arg;

	return size < sizeof(struct bf_rt_event) ? 0 : s->fn(s->arg, data);
}

static int open_pin(const struct bf_ns *ns, const char *unit, const char *name)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/%u/%s/map-%s", ns->dir, bf_slot(bf_ns_gen(ns)), unit, name);
	return bf_pin_get(path);
}

int bf_events_add(struct bf_events *e, struct bf_ns *ns, const char *unit, bf_event_fn *fn, void *arg)
{
	struct source *s = &e->source[e->n];
	_cleanup_close_ int ring = -1, watch = -1;
	int rc = 0;

	if (e->n == UNITS_MAX)
		return -E2BIG;
	ring = open_pin(ns, unit, "events");
	watch = ring < 0 ? ring : open_pin(ns, unit, "watch");
	if (watch < 0)
		return watch;
	*s = (struct source){ fn, arg, bf_map_mmap(watch, sizeof(*s->watch), false), -1 };
	if (!s->watch)
		return -errno;
	s->ring = TAKE_FD(ring);
	e->n++;
	if (e->rings)
		rc = libbpf.ring_buffer__add(e->rings, s->ring, hand_out, s);
	else
		e->rings = libbpf.ring_buffer__new(s->ring, hand_out, s, NULL);
	return e->rings ? rc : -errno;
}

int bf_events_poll(struct bf_events *e, int timeout_ms)
{
	return e->rings ? libbpf.ring_buffer__poll(e->rings, timeout_ms) : 0;
}

uint64_t bf_events_lost(const struct bf_events *e)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < e->n; i++)
		lost += __atomic_load_n(&e->source[i].watch->lost, __ATOMIC_RELAXED);
	return lost;
}

uint64_t bf_ns_generation(const struct bf_ns *ns)
{
	return ns->gen ? bf_ns_gen(ns) : 0;
}
