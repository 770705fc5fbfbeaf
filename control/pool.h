// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Threads for what would keep the control thread from its sockets and timers: private-key
// operations, certificate chains. A job's work runs in one of them; its end comes back as an event
// of the control thread's loop. Control thread only, but for the work itself, which may touch
// nothing that control has not handed over with the job.
#pragma once

#include <ev.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_THREADS_MAX 64

struct pool;

// Embedded in what the job is about, so that handing it in cannot fail. The pool's until done().
struct pool_job {
	void (*work)(struct pool_job *job); // pool thread
	// Control thread; the job is the caller's again. Without work() before it if pool_free() came
	// first.
	void (*done)(struct pool_job *job);
	struct pool_job *next;
};

enum pool_class {
	POOL_ESTABLISHED, // for clients that are connected: always first
	POOL_NEW,
	POOL_CLASS_COUNT,
};

struct pool_load {
	unsigned int threads;
	uint32_t waiting, waiting_max; // jobs nobody works on yet, now and at most so far
	uint64_t done;
};

// Starts 1 to POOL_THREADS_MAX threads on the cpus of the set (NULL: those of the caller), each a
// little less urgent than control. NULL and errno.
struct pool *pool_new(struct ev_loop *loop, unsigned int threads, const cpu_set_t *cpus);
// Waits for the jobs that are worked on, drops those that wait, calls done() of all of them, ends the
// threads. Accepts NULL.
void pool_free(struct pool *p);

// Takes the job until its done(), which is never called from within this call. There are as many
// jobs as there are objects to embed them in: whoever bounds those bounds the queue.
void pool_submit(struct pool *p, enum pool_class class, struct pool_job *job);
void pool_load(struct pool *p, struct pool_load *out);
