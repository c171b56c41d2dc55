/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor.c: bf_monitor (bpfilter.h).
 *
 *   lock; tables compiled anew, "watched", and switched to; unlock      begin, and after each change by others
 *   rule, rule, verdict of a packet ─▶ one struct bf_seen               until it ends
 *   lock; tables that are watched compiled as they were; unlock         end
 *
 * Who is killed while he watches leaves programs that tell nobody: slower, not
 * wrong, until the next change.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "api/subject.h"
#include "kern/events.h"
#include "match/match.h"

enum { IDLE_MS = 250, OPEN_MAX_PACKETS = 256, RULES_MAX = 256 };

struct place { /* whose counter this is */
	const struct bf_chain *chain;
	uint32_t rule;
};

struct watched { /* a table */
	struct monitor *m;
	const struct bf_subject *s;
	struct bf_image *img; /* its programs */
	struct place *places; /* by counter */
	uint32_t n_places;
};

struct underway { /* a packet between its first rule and its verdict */
	const struct watched *w;
	uint64_t skb;
	uint32_t n;
	uint32_t rule[RULES_MAX]; /* counters */
};

struct monitor {
	struct bf_ctx *ctx;
	int (*fn)(void *arg, const struct bf_seen *seen);
	int (*idle)(void *arg);
	void *arg;
	struct bf_ns *ns;
	uint64_t generation;
	struct bf_subjects subjects;
	struct watched *tables;
	struct bf_events *events;
	struct underway *underway;
	uint32_t next; /* the place to give away */
	int stop;      /* what the caller ended it with */
	int64_t real;  /* CLOCK_REALTIME is so many ns ahead of CLOCK_MONOTONIC */
};

/* Tables. */

static void let_go(struct monitor *m)
{
	bf_events_free(m->events);
	m->events = NULL;
	for (uint32_t i = 0; m->tables && i < m->subjects.n; i++) {
		bf_image_free(m->tables[i].img);
		free(m->tables[i].places);
	}
	free(m->tables);
	m->tables = NULL;
	bf_subjects_close(&m->subjects);
	bf_ns_close(m->ns);
	m->ns = NULL;
}

static int place_rules(struct watched *w)
{
	const struct bf_table *t = bf_subject_table(w->s);

	w->n_places = t->n_counters;
	w->places = calloc(t->n_counters + 1ul, sizeof(*w->places));
	if (!w->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_chains; i++) {
		const struct bf_chain *c = t->chains[i];

		for (uint32_t k = 0; k <= c->n_rules; k++) {
			uint32_t counter = k < c->n_rules ? c->rules[k].counter : c->counter;

			if (counter < w->n_places)
				w->places[counter] = (struct place){ c, k };
		}
	}
	return 0;
}

/*
 * Only data tells of its rules. Straight code that the verifier refuses is data, too: a table of iptables has been
 * tried as both when it is committed (table.c), a native one is stored with what its image says, and so made anew.
 */
static int swap(struct monitor *m, const struct bf_subject *s, bool watched)
{
	struct bf_gen_opts o = { .code_max = watched ? 0 : BF_CODE_MAX, .watched = watched };
	_cleanup_diag_ struct bf_diag first = {};
	_cleanup_image_ struct bf_image *img = NULL, *data = NULL;
	int rc = bf_subject_compile(m->ctx, s, o, false, &img);

	if (!rc)
		rc = bf_subject_commit(m->ctx, m->ns, s, img);
	if (!s->native || !img || !img->straight || !bf_verifier_refused(rc))
		return rc;
	bf_diag_move(&first, &m->ctx->diag);
	o.code_max = 0;
	rc = bf_subject_compile(m->ctx, s, o, false, &data);
	return rc ? rc : bf_subject_commit(m->ctx, m->ns, s, data);
}

static bool is_watched(struct monitor *m, const char *unit)
{
	struct bf_events *e = NULL;
	bool watched = !bf_events_new(&e, NULL) && !bf_events_add(e, m->ns, unit, NULL, NULL);

	bf_events_free(e);
	return watched;
}

/* -ENOENT: there are no tables. Leaves the namespace open and locked: what is swapped nobody shall have changed since. */
static int swap_all(struct monitor *m, bool watched)
{
	int rc = bf_ns_open(&m->ns, m->ctx->netns, false, &m->ctx->diag);

	if (!rc)
		rc = bf_ctx_lock(m->ctx, m->ns);
	if (!rc)
		rc = bf_subjects_open(m->ctx, m->ns, false, &m->subjects);
	for (uint32_t i = 0; i < m->subjects.n && !rc; i++)
		if (is_watched(m, m->subjects.s[i].unit) != watched)
			rc = swap(m, &m->subjects.s[i], watched);
	bf_subjects_close(&m->subjects);
	return rc;
}

static int on_event(void *arg, const struct bf_rt_event *e);

static int listen_to(struct monitor *m, uint32_t i)
{
	struct watched *w = &m->tables[i];
	int rc;

	*w = (struct watched){ .m = m, .s = &m->subjects.s[i] };
	rc = place_rules(w);
	if (!rc)
		rc = bf_subject_compile(m->ctx, w->s, (struct bf_gen_opts){ .watched = true }, false, &w->img);
	if (!rc)
		rc = bf_events_add(m->events, m->ns, w->s->unit, on_event, w);
	return rc == -ENOENT ? 0 : rc; /* a table without programs */
}

static int begin(struct monitor *m)
{
	int rc;

	let_go(m);
	bf_ctx_begin(m->ctx);
	rc = swap_all(m, true);
	if (!rc)
		rc = bf_subjects_open(m->ctx, m->ns, false, &m->subjects);
	if (!rc)
		rc = bf_events_new(&m->events, &m->ctx->diag);
	m->tables = calloc(m->subjects.n + 1ul, sizeof(*m->tables));
	if (!m->tables)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->subjects.n && !rc; i++)
		rc = listen_to(m, i);
	if (m->ns) {
		m->generation = bf_ns_generation(m->ns);
		bf_ns_unlock(m->ns);
	}
	return rc;
}

/* Packets. */

static struct underway *find(struct monitor *m, const struct watched *w, uint64_t skb)
{
	for (uint32_t i = 0; i < OPEN_MAX_PACKETS; i++)
		if (m->underway[i].skb == skb && m->underway[i].w == w)
			return &m->underway[i];
	return NULL;
}

static void note_rule(struct monitor *m, const struct watched *w, const struct bf_rt_event *e)
{
	struct underway *u = find(m, w, e->skb);

	if (!u) { /* the oldest place: its verdict was lost */
		u = &m->underway[m->next++ % OPEN_MAX_PACKETS];
		*u = (struct underway){ .w = w, .skb = e->skb };
	}
	if (u->n < RULES_MAX)
		u->rule[u->n++] = e->value;
}

static const struct place *place_of(const struct watched *w, uint32_t slot)
{
	for (uint32_t i = 0; i < w->img->n_moved; i++)
		if (w->img->moved[i].place == slot)
			slot = w->img->moved[i].counter;
	if (!w->s->slot)
		return slot < w->n_places && w->places[slot].chain ? &w->places[slot] : NULL;
	for (uint32_t i = 0; i < w->n_places; i++)
		if (bf_subject_slot(w->s, i) == slot)
			return w->places[i].chain ? &w->places[i] : NULL;
	return NULL;
}

/* What the rule's log statement, or LOG, puts in front of the packet; NULL: there is none. */
static const char *log_of(const struct place *p)
{
	const struct bf_rule *r = p->rule < p->chain->n_rules ? &p->chain->rules[p->rule] : NULL;

	for (uint32_t i = 0; r && i < r->n_actions; i++) {
		const struct bf_action *a = &r->actions[i];

		if (a->target == &bf_target_nft_log)
			return ((const struct bf_handoff_log *)a->data)->prefix;
		if (a->target == &bf_target_log)
			return ((const struct bf_log *)a->data)->prefix;
		if (a->target == &bf_target_nflog)
			return ((const struct bf_nflog *)a->data)->prefix;
	}
	return NULL;
}

static unsigned name_rules(const struct watched *w, const struct underway *u, struct bf_seen_rule *out, struct bf_buf *text)
{
	unsigned n = 0;

	for (uint32_t i = 0; u && i < u->n; i++) {
		const struct place *p = place_of(w, u->rule[i]);
		struct bf_subject_name name;

		if (!p)
			continue;
		bf_subject_name(w->s, p->chain, p->rule, &name);
		out[n] = (struct bf_seen_rule){ name.chain, name.handle, name.number, NULL, log_of(p) };
		bf_subject_print(w->s, p->chain, p->rule, &text[n]);
		out[n].rule = text[n].data ? text[n].data : "";
		n++;
	}
	return n;
}

/* The program accepts what the kernel will reject for it. */
static bool is_rejected(const struct watched *w, const struct underway *u)
{
	const struct place *p = u && u->n ? place_of(w, u->rule[u->n - 1]) : NULL;

	return p && p->rule < p->chain->n_rules && p->chain->rules[p->rule].verdict.kind == BF_VERDICT_ACTION;
}

static int tell(struct monitor *m, const struct watched *w, const struct bf_rt_event *e)
{
	struct underway *u = find(m, w, e->skb);
	struct bf_seen_rule rules[RULES_MAX];
	_cleanup_free_ struct bf_buf *text = calloc(RULES_MAX, sizeof(*text));
	char iif[17] = "", oif[17] = "";
	struct bf_seen seen = { .time = e->time + (uint64_t)m->real, .family = w->s->family, .table = w->s->name,
		.accept = e->value == BF_ACCEPT, .rules = rules, .len = e->len, .mark = e->mark, .iif = iif, .oif = oif,
		.bytes = e->bytes, .caplen = e->caplen, .lost = bf_events_lost(m->events) };
	int rc;

	if (!text)
		return -ENOMEM;
	memcpy(iif, e->iif, sizeof(e->iif));
	memcpy(oif, e->oif, sizeof(e->oif));
	seen.hook = e->prog < w->img->n_progs ? bf_hook_kinds[w->img->progs[e->prog].at.hook].name : "";
	seen.n_rules = name_rules(w, u, rules, text);
	seen.accept &= !is_rejected(w, u);
	m->stop = m->fn(m->arg, &seen);
	rc = m->stop ? -ECANCELED : 0;
	for (unsigned i = 0; i < seen.n_rules; i++)
		bf_buf_free(&text[i]);
	if (u)
		*u = (struct underway){ 0 };
	return rc;
}

static int on_event(void *arg, const struct bf_rt_event *e)
{
	struct watched *w = arg;

	if (e->kind == BF_EVENT_VERDICT)
		return tell(w->m, w, e);
	note_rule(w->m, w, e);
	return 0;
}

static int64_t clock_offset(void)
{
	struct timespec real, mono;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return (real.tv_sec - mono.tv_sec) * 1000000000ll + real.tv_nsec - mono.tv_nsec;
}

/* Rounds until somebody wants it to end. Without tables it waits for some. */
static int rounds(struct monitor *m)
{
	int rc = begin(m);

	while (!rc || rc == -ENOENT) {
		if (rc)
			rc = usleep(IDLE_MS * 1000) ? -EINTR : 0;
		else
			rc = bf_events_poll(m->events, IDLE_MS);
		if (rc < 0)
			break;
		m->stop = m->idle ? m->idle(m->arg) : 0;
		rc = 0;
		if (m->stop)
			break;
		if (!m->ns || bf_ns_generation(m->ns) != m->generation)
			rc = begin(m);
	}
	return rc == -EINTR || m->stop ? m->stop : rc;
}

static bool is_at(int fd, const char *path)
{
	struct stat there, mine;

	return !fstat(fd, &mine) && !stat(path, &there) && mine.st_ino == there.st_ino;
}

/* One at a time for a namespace: a lock that ends with its process. Who had it removes the file, which must still be the
 * one that is locked, therefore. */
static int take_turn(struct bf_ctx *ctx, char path[64])
{
	struct bf_ns *ns = NULL;
	int fd, busy, rc = bf_ns_open(&ns, ctx->netns, true, &ctx->diag);

	if (rc)
		return rc;
	snprintf(path, 64, "/run/bpfilter-monitor-%llx.lock", (unsigned long long)bf_ns_cookie(ns));
	bf_ns_close(ns);
	do { /* until the file is that of a watcher who goes on, or ours */
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return bf_diag_error(&ctx->diag, -errno, "cannot open %s: %s", path, strerror(errno));
		busy = flock(fd, LOCK_EX | LOCK_NB);
		if (!busy && is_at(fd, path))
			return fd;
		close(fd);
	} while (!busy);
	return bf_diag_error(&ctx->diag, -EBUSY, "somebody watches this namespace already");
}

int bf_monitor(struct bf_ctx *ctx, int (*fn)(void *arg, const struct bf_seen *seen), int (*idle)(void *arg), void *arg)
{
	struct monitor m = { .ctx = ctx, .fn = fn, .idle = idle, .arg = arg, .real = clock_offset() };
	_cleanup_close_ int turn = -1;
	char path[64];
	int rc, end;

	bf_ctx_begin(ctx);
	turn = take_turn(ctx, path);
	if (turn < 0)
		return turn;
	m.underway = calloc(OPEN_MAX_PACKETS, sizeof(*m.underway));
	rc = m.underway ? rounds(&m) : -ENOMEM;
	let_go(&m);
	end = swap_all(&m, false);
	let_go(&m);
	free(m.underway);
	unlink(path);
	return rc || end == -ENOENT ? rc : end;
}
