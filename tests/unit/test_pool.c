/* SPDX-License-Identifier: GPL-2.0-only */
/* test_pool.c: work that threads share is done once, and nothing of them stays behind. */
#include "lib/unit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/pool.h"

static atomic_int allowed = 100; /* threads that can be had */

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*f)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");
	return atomic_fetch_sub(&allowed, 1) > 0 ? real(t, attr, f, arg) : EAGAIN;
}

/* Threads beside those that were there at first: a sanitizer may have some. */
static unsigned tasks(void)
{
	static unsigned first;
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	first = first ? first : n;
	return n - first;
}

enum { PARTS = 500 };

struct work {
	atomic_uint done[PARTS];
	atomic_uint busy[BF_POOL_MAX];
	atomic_uint wrong, workers;
	pthread_t caller;
	uint32_t last; /* of the caller's parts */
	bool in_order;
};

static void do_part(void *arg, uint32_t part, unsigned worker)
{
	struct work *w = arg;
	sigset_t set;

	w->wrong += worker >= BF_POOL_MAX || atomic_fetch_add(&w->busy[worker], 1);
	w->wrong += (worker == 0) != pthread_equal(pthread_self(), w->caller);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	w->wrong += worker && (!sigismember(&set, SIGINT) || !sigismember(&set, SIGCHLD));
	w->workers |= 1u << worker;
	w->done[part]++;
	if (!worker) {
		w->in_order &= part >= w->last;
		w->last = part;
	}
	if (part % 16 == 0)
		sched_yield();
	w->busy[worker]--;
}

static void run(struct bf_pool *p, struct work *w, uint32_t n)
{
	*w = (struct work){ .caller = pthread_self(), .in_order = true };
	bf_pool_run(p, n, do_part, w);
	assert_int_equal(w->wrong, 0);
	assert_true(w->in_order);
	for (uint32_t i = 0; i < PARTS; i++)
		assert_int_equal(w->done[i], i < n);
}

static void each_part_is_done_once(void **state)
{
	struct work w;
	struct bf_pool *any = bf_pool_new(2);

	run(any, &w, 2); /* a sanitizer's own thread comes with the first one */
	bf_pool_free(any);
	tasks();
	for (unsigned threads = 0; threads <= BF_POOL_MAX + 3; threads++) {
		struct bf_pool *p = bf_pool_new(threads);

		for (uint32_t n = 0; n < PARTS; n = 2 * n + 1)
			for (unsigned i = 0; i < 200; i++)
				run(p, &w, n);
		bf_pool_free(p);
		assert_int_equal(tasks(), 0);
	}
}

static void threads_come_when_there_is_work(void **state)
{
	struct bf_pool *p = bf_pool_new(3);
	struct work w;

	run(p, &w, 1);
	assert_int_equal(tasks(), 0);
	run(p, &w, 2);
	assert_int_equal(tasks(), 2);
	bf_pool_free(p);
	assert_int_equal(tasks(), 0);
}

static void the_caller_does_what_nobody_else_does(void **state)
{
	struct work w;
	struct bf_pool *p;

	run(NULL, &w, PARTS);
	assert_int_equal(w.workers, 1);
	for (int left = 0; left < 3; left++) {
		allowed = left;
		p = bf_pool_new(5);
		run(p, &w, PARTS);
		assert_int_equal(tasks(), left);
		assert_int_equal(w.workers & ~((2u << left) - 1), 0);
		bf_pool_free(p);
	}
	allowed = 100;
}

UNIT_MAIN(cmocka_unit_test(each_part_is_done_once), cmocka_unit_test(threads_come_when_there_is_work),
          cmocka_unit_test(the_caller_does_what_nobody_else_does))
