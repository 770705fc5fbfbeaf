// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/pool.h"

#include "dataplane/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

LOG_TYPE("pool");

#define NICENESS 5 // on a core they share with control and the punt thread, those go first

struct queue {
	struct pool_job *first, **end;
};

struct pool {
	struct ev_loop *loop;
	ev_async finished; // control's loop is told that `over` is not empty
	unsigned int thread_count;
	pthread_t threads[POOL_THREADS_MAX];
	pthread_mutex_t lock; // of what follows
	pthread_cond_t submitted;
	struct queue waiting[POOL_CLASS_COUNT], over;
	struct pool_load load;
	bool stop;
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

static void queue_put(struct queue *q, struct pool_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct pool_job *queue_take(struct queue *q)
{
	struct pool_job *job = q->first;

	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->end = &q->first;
	return job;
}

static struct pool_job *next_job(struct pool *p)
{
	for (int class = 0; class < POOL_CLASS_COUNT; class ++) {
		struct pool_job *job = queue_take(&p->waiting[class]);

		if (job) {
			p->load.waiting--;
			return job;
		}
	}
	return NULL;
}

static void *thread_main(void *arg)
{
	struct pool *p = arg;
	struct pool_job *job;

	// Of this thread alone, as Linux has it; without it the thread is merely more urgent.
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
	pthread_mutex_lock(&p->lock);
	while (true) {
		if (p->stop)
			break;
		job = next_job(p);
		if (!job) {
			pthread_cond_wait(&p->submitted, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		job->work(job);
		pthread_mutex_lock(&p->lock);
		queue_put(&p->over, job);
		p->load.done++;
		ev_async_send(p->loop, &p->finished);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

// A done() may submit again: what it adds comes back in another turn.
static void finish(struct pool *p)
{
	struct queue over;
	struct pool_job *job, *next;

	pthread_mutex_lock(&p->lock);
	over = p->over;
	queue_init(&p->over);
	pthread_mutex_unlock(&p->lock);
	for (job = over.first; job; job = next) {
		next = job->next;
		job->done(job);
	}
}

static void on_finished(struct ev_loop *loop, ev_async *w, int revents)
{
	(void)loop;
	(void)revents;
	finish(w->data);
}

// Signals are the control thread's: its loop waits for them.
static int start_threads(struct pool *p, unsigned int threads, const cpu_set_t *cpus)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!rc && p->thread_count < threads) {
		pthread_t *t = &p->threads[p->thread_count];

		rc = pthread_create(t, NULL, thread_main, p);
		if (rc)
			break;
		p->thread_count++;
		if (cpus && pthread_setaffinity_np(*t, sizeof(*cpus), cpus))
			LOG(WARNING, "threads of the pool stay on the control thread's core");
		(void)pthread_setname_np(*t, "sluice-pool"); // for people who look
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct pool *pool_new(struct ev_loop *loop, unsigned int threads, const cpu_set_t *cpus)
{
	struct pool *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return NULL;
	p->loop = loop;
	for (int class = 0; class < POOL_CLASS_COUNT; class ++)
		queue_init(&p->waiting[class]);
	queue_init(&p->over);
	pthread_mutex_init(&p->lock, NULL); // cannot fail with default attributes
	pthread_cond_init(&p->submitted, NULL);
	ev_async_init(&p->finished, on_finished);
	p->finished.data = p;
	ev_async_start(loop, &p->finished);
	p->load.threads = threads;
	rc = threads < 1 || threads > POOL_THREADS_MAX ? EINVAL : start_threads(p, threads, cpus);
	if (rc == 0)
		return p;
	errno_log(-rc, "cannot start %u threads", threads);
	pool_free(p);
	errno = rc;
	return NULL;
}

// The threads have ended: nobody will work on these.
static void drop_waiting(struct pool *p)
{
	struct pool_job *job;

	pthread_mutex_lock(&p->lock);
	while ((job = next_job(p)))
		queue_put(&p->over, job);
	pthread_mutex_unlock(&p->lock);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->submitted);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	drop_waiting(p);
	finish(p);
	ev_async_stop(p->loop, &p->finished);
	pthread_cond_destroy(&p->submitted);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void pool_submit(struct pool *p, enum pool_class class, struct pool_job *job)
{
	pthread_mutex_lock(&p->lock);
	queue_put(&p->waiting[class], job);
	if (++p->load.waiting > p->load.waiting_max)
		p->load.waiting_max = p->load.waiting;
	pthread_cond_signal(&p->submitted);
	pthread_mutex_unlock(&p->lock);
}

void pool_load(struct pool *p, struct pool_load *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->load;
	pthread_mutex_unlock(&p->lock);
}
