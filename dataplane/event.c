// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/event.h"

#include "dataplane/worker.h"

#include <rte_ring_elem.h>

#include <assert.h>

static_assert(sizeof(struct event) % 4 == 0, "event: rings take multiples of four bytes");

bool event_pop(struct dp *dp, unsigned int worker, struct event *ev)
{
	if (worker >= dp->worker_count || !dp->workers[worker])
		return false;
	return rte_ring_sc_dequeue_elem(dp->workers[worker]->events, ev, sizeof(*ev)) == 0;
}

bool event_push(struct worker *w, const struct event *ev)
{
	if (rte_ring_sp_enqueue_elem(w->events, (void *)(uintptr_t)ev, sizeof(*ev)) == 0)
		return true;
	counter_add(&w->counters->load.events_lost, 1);
	return false;
}
