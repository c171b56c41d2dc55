/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.c: see pool.h. Threads are started when there is first something to share, and sleep between two works. Who wakes up when
 * all parts are taken has missed the work, and nobody waits for it: on a busy machine that would take longer than the work.
 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { STACK = 1 << 20 };

struct bf_pool {
	pthread_mutex_t lock;
	pthread_cond_t work_came, all_left;
	pthread_t threads[BF_POOL_MAX];
	unsigned wanted, started; /* the caller's not counted */
	bool quit;
	/* the work: */
	bf_pool_fn *work; /* NULL: none that could be joined */
	void *arg;
	uint32_t n;
	atomic_uint next;
	unsigned inside; /* threads that joined */
};

struct thread { /* how one is told who it is, until it has started */
	struct bf_pool *pool;
	unsigned worker;
};

static unsigned cpus(void)
{
	cpu_set_t set;
	long n = sched_getaffinity(0, sizeof(set), &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);

	return n > 0 ? (unsigned)BF_MIN(n, (long)BF_POOL_MAX) : 1;
}

struct bf_pool *bf_pool_new(unsigned threads)
{
	struct bf_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wanted = (threads ? BF_MIN(threads, (unsigned)BF_POOL_MAX) : cpus()) - 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work_came, NULL);
	pthread_cond_init(&p->all_left, NULL);
	return p;
}

static void do_parts(struct bf_pool *p, bf_pool_fn *work, unsigned worker)
{
	uint32_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n)
		work(p->arg, i, worker);
}

static void *serve(void *arg)
{
	struct bf_pool *p = ((struct thread *)arg)->pool;
	unsigned worker = ((struct thread *)arg)->worker;

	free(arg);
	pthread_mutex_lock(&p->lock);
	while (!p->quit) {
		bf_pool_fn *work = p->work;

		if (!work || atomic_load(&p->next) >= p->n) {
			pthread_cond_wait(&p->work_came, &p->lock);
			continue;
		}
		p->inside++;
		pthread_mutex_unlock(&p->lock);
		do_parts(p, work, worker);
		pthread_mutex_lock(&p->lock);
		if (!--p->inside)
			pthread_cond_signal(&p->all_left);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool start_one(struct bf_pool *p, const pthread_attr_t *attr)
{
	struct thread *t = malloc(sizeof(*t));

	if (!t)
		return false;
	*t = (struct thread){ p, p->started + 1 };
	if (!pthread_create(&p->threads[p->started], attr, serve, t))
		return true;
	free(t);
	return false;
}

/* As many as can be had. */
static void start(struct bf_pool *p)
{
	pthread_attr_t attr;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	while (p->started < p->wanted && start_one(p, &attr))
		p->started++;
	p->wanted = p->started;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void offer(struct bf_pool *p, uint32_t n, bf_pool_fn *work, void *arg)
{
	if (p->started < p->wanted)
		start(p);
	pthread_mutex_lock(&p->lock);
	p->arg = arg;
	p->n = n;
	atomic_store(&p->next, 0);
	p->work = work;
	pthread_cond_broadcast(&p->work_came);
	pthread_mutex_unlock(&p->lock);
	do_parts(p, work, 0);
	pthread_mutex_lock(&p->lock);
	p->work = NULL;
	while (p->inside)
		pthread_cond_wait(&p->all_left, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void bf_pool_run(struct bf_pool *p, uint32_t n, bf_pool_fn *work, void *arg)
{
	if (p && p->wanted && n > 1) {
		offer(p, n, work, arg);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		work(arg, i, 0);
}

void bf_pool_free(struct bf_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->work_came);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->all_left);
	pthread_cond_destroy(&p->work_came);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
