// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Work runs in the pool, ends come back in the loop's thread, connected clients go first.

#include "control/pool.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define JOBS 200

struct job {
	struct pool_job base; // first
	int number;
	pthread_t worked_in;
	bool worked, again;
};

static struct ev_loop *loop;
static struct pool *pool;
static struct job jobs[JOBS];
static int order[2 * JOBS], done_count, expected;
static pthread_t control;
static _Atomic(bool) gate, inside;
static _Atomic(bool) ending; // pool_free() is called: jobs need not have been worked on

static void work(struct pool_job *base)
{
	struct job *j = (struct job *)base;

	j->worked_in = pthread_self();
	j->worked = true;
}

static void wait_for_gate(struct pool_job *base)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	work(base);
	while (!atomic_load(&gate))
		nanosleep(&pause, NULL);
}

static void done(struct pool_job *base)
{
	struct job *j = (struct job *)base;

	CU_ASSERT_TRUE(pthread_equal(pthread_self(), control));
	CU_ASSERT_TRUE(j->worked || atomic_load(&ending));
	CU_ASSERT_FALSE(j->worked && pthread_equal(j->worked_in, control));
	order[done_count++] = j->number;
	if (j->again) {
		j->again = false;
		pool_submit(pool, POOL_NEW, base);
		return;
	}
	if (loop && done_count == expected)
		ev_break(loop, EVBREAK_ALL);
}

static struct job *job(int number, void (*fn)(struct pool_job *))
{
	struct job *j = &jobs[number];

	memset(j, 0, sizeof(*j));
	j->base = (struct pool_job){.work = fn, .done = done};
	j->number = number;
	return j;
}

static void begin(unsigned int threads)
{
	control = pthread_self();
	done_count = 0;
	atomic_store(&gate, false);
	atomic_store(&inside, false);
	atomic_store(&ending, false);
	loop = ev_default_loop(EVFLAG_AUTO);
	pool = pool_new(loop, threads, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void test_many(void)
{
	struct pool_load l;

	begin(3);
	for (int i = 0; i < JOBS; i++) {
		struct job *j = job(i, work);

		j->again = i % 10 == 0;
		pool_submit(pool, POOL_NEW, &j->base);
	}
	expected = JOBS + JOBS / 10;
	ev_run(loop, 0);
	CU_ASSERT_EQUAL(done_count, expected);
	pool_load(pool, &l);
	CU_ASSERT_EQUAL(l.threads, 3);
	CU_ASSERT_EQUAL(l.waiting, 0);
	CU_ASSERT_EQUAL(l.done, (uint64_t)expected);
	CU_ASSERT_TRUE(l.waiting_max > 0);
	pool_free(pool);
}

// One thread, kept busy by the first job: those who are connected overtake those who wait.
static void test_order(void)
{
	begin(1);
	pool_submit(pool, POOL_NEW, &job(0, wait_for_gate)->base);
	for (int i = 1; i <= 4; i++)
		pool_submit(pool, i & 1 ? POOL_NEW : POOL_ESTABLISHED, &job(i, work)->base);
	atomic_store(&gate, true);
	expected = 5;
	ev_run(loop, 0);
	// The first is taken before the others come in, or after those who go before it.
	if (order[0] == 0) {
		CU_ASSERT_EQUAL(memcmp(order, (int[]){0, 2, 4, 1, 3}, 5 * sizeof(int)), 0);
	} else {
		CU_ASSERT_EQUAL(memcmp(order, (int[]){2, 4, 0, 1, 3}, 5 * sizeof(int)), 0);
	}
	pool_free(pool);
}

// Until the pool ends, and time enough for it to say so to its threads.
static void outlast(struct pool_job *base)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	work(base);
	atomic_store(&inside, true);
	while (!atomic_load(&ending))
		sched_yield();
	nanosleep(&pause, NULL);
}

// What is worked on is finished; what waits is not begun, and its owner told, before the pool is gone.
static void test_free(void)
{
	unsigned int worked = 0;

	begin(1);
	pool_submit(pool, POOL_NEW, &job(0, outlast)->base);
	while (!atomic_load(&inside))
		sched_yield();
	for (int i = 1; i < JOBS; i++)
		pool_submit(pool, i & 1 ? POOL_NEW : POOL_ESTABLISHED, &job(i, work)->base);
	expected = -1;
	atomic_store(&ending, true);
	pool_free(pool);
	CU_ASSERT_EQUAL(done_count, JOBS);
	CU_ASSERT_EQUAL(order[0], 0);
	for (int i = 0; i < JOBS; i++)
		worked += jobs[i].worked;
	CU_ASSERT_EQUAL(worked, 1);
}

static void test_limits(void)
{
	errno = 0;
	CU_ASSERT_PTR_NULL(pool_new(ev_default_loop(EVFLAG_AUTO), 0, NULL));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(pool_new(ev_default_loop(EVFLAG_AUTO), POOL_THREADS_MAX + 1, NULL));
	pool_free(NULL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"many jobs", test_many},
		{"order", test_order},
		{"end", test_free},
		{"limits", test_limits},
		{NULL, NULL},
	};

	return harness_run("pool", tests);
}
