/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_updates.c: rules come, go and are exchanged, up to three at once, chains, too (ruling.h), through the library or
 * with the whole table as iptables does it, while threads send packets from many addresses. Each packet must meet the
 * verdict of a ruleset that was in force between its sending and its arrival.
 *
 *   test_updates [UPDATES [SEED [WORD...]]]
 *
 * A row of ruling.c: what changes how often (plain). whole: never by the library's single changes; then each packet
 * must have been counted once. native: commands about rules of a native table. killed: who changes rules is killed at
 * random moments, and another one goes on from what is in force, which must be what was before its last change, or
 * after. two: two of them at a time, each with hosts and chains (a table, native) of its own.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern/events.h"
#include "kern/kern.h"
#include "run/flood.h"
#include "run/net.h"
#include "run/ruling.h"

struct part { /* a writer's: all of it is shared, it may be killed anywhere */
	struct rng r;
	struct ruling ruling[2]; /* [flood.done & 1] is in force; from flood.begun on perhaps the other one */
	struct flood flood;
	uint64_t counted;
	pid_t pid;
};

struct world {
	const struct ruling_weights *weights;
	unsigned updates, parts, kills;
	bool whole, native, killed; /* whole: then nothing that was counted gets lost */
	struct part part[2];
};

static struct bf_ctx *ctx; /* each process its own */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "test_updates: %s: %s\n", what, why);
	_exit(1);
}

static const struct ruling *in_force(const struct part *p)
{
	return &p->ruling[p->flood.done & 1];
}

/* ------------------------------------------------------------------ changes */

/* Of those entries that decide about packets that come in, which are counted once. */
static uint64_t decided(const struct ruling *u, const struct xt_counters *c)
{
	uint64_t sum = 0;
	uint32_t i = 0;
	struct bb b;

	ruling_blob(&b, &u, 1);
	for (uint32_t off = 0; off < bb_offset(&b); off += bf_xt_next_offset(b.l, bb_at(&b, off)), i++) {
		const struct xt_standard_target *t = (void *)bb_at(&b, off + bf_xt_target_offset(b.l, bb_at(&b, off)));
		bool elsewhere = off == b.underflow[NF_INET_FORWARD] || off == b.underflow[NF_INET_LOCAL_OUT];

		if (!t->target.u.user.name[0] && !elsewhere && (t->verdict == -NF_ACCEPT - 1 || t->verdict == -NF_DROP - 1))
			sum += c[i].pcnt;
	}
	bb_free(&b);
	return sum;
}

/* The whole table. The counters that come back are those since the last time, or since the rule came. */
static void hand_over(struct world *w, const struct ruling *const *u)
{
	struct ipt_getinfo info;
	uint32_t n;
	void *old = NULL;
	struct bb b;

	if (bf_xt_info(ctx, AF_INET, "filter", &info))
		die("info", bf_ctx_message(ctx));
	n = info.num_entries;
	ruling_blob(&b, u, w->parts);
	memcpy(bb_num_counters(&b), &n, sizeof(n));
	if (bf_xt_set_entries(ctx, AF_INET, b.buf.data, b.buf.len, &old, &n))
		die("hand over", bf_ctx_message(ctx));
	if (w->whole)
		w->part[0].counted += decided(in_force(&w->part[0]), old);
	free(old);
	bb_free(&b);
}

static void run_native(struct world *w, const struct bf_buf *text)
{
	if (text->err || bf_native_run(ctx, "updates", text->data, text->len, 0, NULL))
		die("update", bf_ctx_message(ctx));
}

static void note_verdicts(const struct ruling *u, uint8_t *passes)
{
	for (uint32_t i = u->first; i < u->first + u->hosts; i++)
		passes[i] = ruling_passes(u, i);
}

static void do_steps(struct world *w, struct part *p, const struct ruling *next, const struct ruling_step *s,
					 unsigned n)
{
	static struct ruling_room room;
	_cleanup_buf_ struct bf_buf text = { 0 };

	if (w->native) {
		ruling_commands(&text, next, s, n);
		run_native(w, &text);
	} else if (w->parts == 1 && (w->whole || !ruling_is_edits(s, n) || rng_percent(&p->r, 30))) {
		hand_over(w, &next);
	} else {
		ruling_edits(&room, next, s, n);
		if (bf_xt_edit(ctx, AF_INET, "filter", room.edit, n))
			die("update", bf_ctx_message(ctx));
		bb_free(&room.b);
	}
}

/* A rule that comes and goes in one change takes a handle; of who is killed then, nobody could tell how far he got. */
static bool shows(const struct ruling *old, const struct ruling *new)
{
	bool other = false;

	for (unsigned c = 0; c < RULING_CHAINS && !other; c++) {
		_cleanup_buf_ struct bf_buf was = { 0 }, is = { 0 };

		ruling_listed(&was, old, c);
		ruling_listed(&is, new, c);
		other = old->there[c] != new->there[c] || strcmp(was.data, is.data);
	}
	return other;
}

/* Two that hand over whole tables take each other's rules away: they change single rules. */
static void draw(struct world *w, struct part *p, struct ruling *next, struct ruling_step *s, unsigned *n)
{
	do {
		*next = *in_force(p);
		*n = ruling_change(next, &p->r, s);
	} while ((w->parts > 1 && !w->native && !ruling_is_edits(s, *n)) || (w->native && w->killed && !shows(in_force(p), next)));
}

static void update(struct world *w, struct part *p)
{
	struct ruling *next = &p->ruling[(p->flood.done + 1) & 1];
	struct ruling_step steps[RULING_STEPS];
	unsigned n;

	draw(w, p, next, steps, &n);
	note_verdicts(next, flood_next(&p->flood));
	flood_begin(&p->flood);
	do_steps(w, p, next, steps, n);
	flood_done(&p->flood);
}

static void start_writer(struct world *w, struct part *p)
{
	pid_t pid = fork();

	if (pid) {
		p->pid = pid; /* the child's 0 must not come into what is shared */
		return;
	}
	ctx = bf_ctx_new();
	while (p->flood.done < w->updates)
		update(w, p);
	bf_ctx_free(ctx);
	_exit(0);
}

/* ------------------------------------------------------- what is in force */

static bool is_limit(const uint8_t *e, const struct bf_xt_layout *l)
{
	return bf_xt_target_offset(l, e) > l->entry && !strcmp((const char *)e + l->entry + 2, "limit");
}

/* The same rules: but for counters, and what a limit keeps in its bytes. */
static bool same_entries(const uint8_t *a, const uint8_t *b, size_t len, const struct bf_xt_layout *l)
{
	for (size_t off = 0; off < len; off += bf_xt_next_offset(l, a + off)) {
		uint16_t target = bf_xt_target_offset(l, a + off), next = bf_xt_next_offset(l, a + off), from = l->entry;

		if (target != bf_xt_target_offset(l, b + off) || next != bf_xt_next_offset(l, b + off) ||
			memcmp(a + off, b + off, l->ip))
			return false;
		if (is_limit(a + off, l))
			from = target;
		if (memcmp(a + off + from, b + off + from, next - from))
			return false;
	}
	return true;
}

static bool is_table(struct world *w, const struct ruling *const *u)
{
	struct ipt_getinfo info;
	void *entries = NULL;
	uint32_t size;
	struct bb b;
	bool same;

	if (bf_xt_info(ctx, AF_INET, "filter", &info) || bf_xt_entries(ctx, AF_INET, "filter", info.size, &entries, &size))
		die("entries", bf_ctx_message(ctx));
	ruling_blob(&b, u, w->parts);
	same = size == bb_offset(&b) && same_entries(entries, bb_at(&b, 0), size, b.l);
	free(entries);
	bb_free(&b);
	return same;
}

static bool is_chain(struct world *w, const struct ruling *u, unsigned chain)
{
	_cleanup_buf_ struct bf_buf want = { 0 };
	char list[40], *text = NULL;
	bool same;

	sprintf(list, "list chain inet %s c%u", ruling_table(u), chain);
	if (bf_native_run(ctx, "updates", list, strlen(list), BF_LIST_HANDLES, &text))
		return !u->there[chain];
	ruling_listed(&want, u, chain);
	same = u->there[chain] && !strcmp(text, want.data);
	free(text);
	return same;
}

static bool is_in_force(struct world *w, const struct ruling *const *u)
{
	if (!w->native)
		return is_table(w, u);
	for (unsigned k = 0; k < w->parts; k++)
		for (unsigned c = 0; c < RULING_CHAINS; c++)
			if (!is_chain(w, u[k], c))
				return false;
	return true;
}

/* What differs, for whoever has to find out why. */
static void tell(struct world *w)
{
	for (unsigned k = 0; w->native && k < w->parts; k++)
		for (unsigned c = 0; c < RULING_CHAINS; c++) {
			struct part *p = &w->part[k];
			_cleanup_buf_ struct bf_buf before = { 0 }, after = { 0 };
			char list[40], *text = NULL;

			if (is_chain(w, in_force(p), c))
				continue;
			sprintf(list, "list chain inet %s c%u", ruling_table(in_force(p)), c);
			ruling_listed(&before, in_force(p), c);
			ruling_listed(&after, &p->ruling[(p->flood.done + 1) & 1], c);
			if (bf_native_run(ctx, "updates", list, strlen(list), BF_LIST_HANDLES, &text))
				fprintf(stderr, "%s: %s\n", list, bf_ctx_message(ctx));
			fprintf(stderr, "before:\n%s\nafter (%s):\n%s\nis:\n%s\n", before.data,
			        p->flood.begun > p->flood.done ? "begun" : "not begun", after.data, text);
			free(text);
		}
}

/* Nobody changes anything now: did the last change of each come to be? */
static void settle(struct world *w)
{
	const struct ruling *u[2];

	for (unsigned last = 1u << w->parts; last-- > 0;) {
		bool may_be = true;

		for (unsigned k = 0; k < w->parts; k++) {
			struct flood *f = &w->part[k].flood;

			may_be &= !(last >> k & 1) || f->begun > f->done;
			u[k] = &w->part[k].ruling[(f->done + (last >> k & 1)) & 1];
		}
		if (!may_be || !is_in_force(w, u))
			continue;
		for (unsigned k = 0; k < w->parts; k++) {
			if (last >> k & 1)
				flood_done(&w->part[k].flood);
			else
				flood_stays(&w->part[k].flood);
		}
		return;
	}
	tell(w);
	die("settle", "what is in force is neither what was before the last change nor what is after it");
}

/* --------------------------------------------------------------------- run */

static void begin(struct world *w)
{
	_cleanup_buf_ struct bf_buf text = { 0 };
	const struct ruling *u[2];

	for (unsigned k = 0; k < w->parts; k++) {
		struct part *p = &w->part[k];

		ruling_begin(&p->ruling[0], w->weights, &p->r, w->native, w->parts == 1 ? 0 : (char)('a' + k));
		p->flood.port = (uint16_t)(RULING_PORT + FLOOD_SENDERS * k);
		p->flood.first = p->ruling[0].first;
		p->flood.hosts = p->ruling[0].hosts;
		if (w->native)
			ruling_text(&text, &p->ruling[0]);
		note_verdicts(&p->ruling[0], p->flood.ring[0]);
		u[k] = &p->ruling[0];
	}
	if (w->native)
		run_native(w, &text);
	else
		hand_over(w, u);
	w->part[0].counted = 0;
}

static uint64_t all_done(const struct world *w)
{
	return w->part[0].flood.done + w->part[1].flood.done;
}

static void run(struct world *w)
{
	uint32_t patience = 100; /* ms */

	for (bool on = true; on;) {
		uint64_t done = all_done(w);

		on = false;
		for (unsigned k = 0; k < w->parts; k++)
			start_writer(w, &w->part[k]);
		if (w->killed)
			poll(NULL, 0, (int)rng_below(&w->part[0].r, patience));
		for (unsigned k = 0; k < w->parts; k++) {
			int status;

			if (w->killed)
				kill(w->part[k].pid, SIGKILL);
			waitpid(w->part[k].pid, &status, 0);
			if (status && !(w->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
				die("writer", "failed");
			w->kills += status != 0;
			on |= w->part[k].flood.done < w->updates;
		}
		settle(w);
		patience = BF_MAX(patience * (all_done(w) > done ? 2 : 4) / 3, 30u); /* some changes take their time */
	}
}

static uint64_t generation(struct bf_ns *ns)
{
	bf_ns_lock(ns, -1);
	bf_ns_unlock(ns);
	return bf_ns_generation(ns);
}

static struct world *make_world(int argc, char **argv)
{
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		die("world", "no memory");
	w->updates = argc > 1 ? (unsigned)atoi(argv[1]) : 400;
	w->parts = 1;
	w->weights = ruling_weights("plain");
	for (int i = 3; i < argc; i++) {
		const struct ruling_weights *row = ruling_weights(argv[i]);

		w->weights = row ? row : w->weights;
		w->whole |= !strcmp(argv[i], "whole");
		w->native |= !strcmp(argv[i], "native");
		w->killed |= !strcmp(argv[i], "killed");
		w->parts += !strcmp(argv[i], "two");
	}
	for (unsigned k = 0; k < w->parts; k++)
		w->part[k].r.state = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) + (k << 20);
	return w;
}

static bool fine(const struct world *w, const struct flood *f, uint64_t compiled)
{
	if (w->whole && w->part[0].counted != f->sent) {
		printf("%llu packets were counted, %llu sent\n", (unsigned long long)w->part[0].counted,
			   (unsigned long long)f->sent);
		return false;
	}
	return !f->bad && f->sent >= w->updates && f->skipped <= f->sent / 10 &&
		   compiled <= w->updates * w->parts * (100u - w->weights->in_place) / 100 + w->kills;
}

int main(int argc, char **argv)
{
	struct world *w = make_world(argc, argv);
	_cleanup_diag_ struct bf_diag d = { 0 };
	uint64_t compiled;
	struct flood all = { 0 };
	struct bf_ns *ns;

	test_net_new();
	ctx = bf_ctx_new();
	begin(w);
	if (bf_ns_open(&ns, -1, false, &d))
		die("state", d.text.data);
	compiled = generation(ns);
	for (unsigned k = 0; k < w->parts; k++)
		flood_start(&w->part[k].flood);
	run(w);
	compiled = generation(ns) - compiled;
	bf_ns_close(ns);
	for (unsigned k = 0; k < w->parts; k++) {
		flood_stop(&w->part[k].flood);
		all.sent += w->part[k].flood.sent;
		all.skipped += w->part[k].flood.skipped;
		all.bad += w->part[k].flood.bad;
	}
	if (w->whole)
		hand_over(w, &(const struct ruling *){ in_force(&w->part[0]) });
	if (bf_flush(ctx))
		die("flush", bf_ctx_message(ctx));
	bf_ctx_free(ctx);
	printf("%u updates, %llu of them compiled, %u writers killed; %llu packets, %llu of them over too many updates to "
		   "tell; %llu met a wrong ruleset\n",
		   w->updates * w->parts, (unsigned long long)compiled, w->kills, (unsigned long long)all.sent,
		   (unsigned long long)all.skipped, (unsigned long long)all.bad);
	return !fine(w, &all, compiled);
}
