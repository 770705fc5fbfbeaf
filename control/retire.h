// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Deferred free: an object that control has unpublished is freed once every worker has reported
// quiescent, because until then a worker may still hold a pointer to it. A FIFO of QSBR tokens,
// polled without blocking from the event loop. Control thread only.
#pragma once

#include <stdint.h>

struct rte_rcu_qsbr;
struct retire;

typedef void (*retire_fn)(void *arg, void *obj);

struct retire *retire_new(struct rte_rcu_qsbr *qsbr);
// Runs everything that waits; only when no worker is running any more.
void retire_free(struct retire *r);

// Calls fn(arg, obj) after a grace period. Cannot fail: without memory for the list node it
// waits for the grace period itself.
void retire_later(struct retire *r, retire_fn fn, void *arg, void *obj);

// Runs what is due, returns how many still wait.
uint32_t retire_poll(struct retire *r);
