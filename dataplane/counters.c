// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/counters.h"

#include "dataplane/worker.h"

#include <rte_ring.h>

#include <string.h>

static struct worker *worker_of(const struct dp *dp, unsigned int worker)
{
	return worker < dp->worker_count ? dp->workers[worker] : NULL;
}

const struct worker_counters *counters_of(const struct dp *dp, unsigned int worker)
{
	const struct worker *w = worker_of(dp, worker);

	return w ? w->counters : NULL;
}

void counters_rings(const struct dp *dp, unsigned int worker, struct ring_levels *out)
{
	const struct worker *w = worker_of(dp, worker);

	memset(out, 0, sizeof(*out));
	if (!w)
		return;
	out->handoff = rte_ring_count(w->handoff);
	out->inject = rte_ring_count(w->inject);
	out->events = rte_ring_count(w->events);
	out->handoff_size = rte_ring_get_capacity(w->handoff);
	out->inject_size = rte_ring_get_capacity(w->inject);
	out->events_size = rte_ring_get_capacity(w->events);
}

void counters_load_reset(struct dp *dp, unsigned int worker)
{
	struct worker *w = worker_of(dp, worker);

	if (w)
		atomic_fetch_add_explicit(&w->load_epoch, 1, memory_order_relaxed);
}

void counters_gateway_reset(struct dp *dp, uint16_t gateway)
{
	for (unsigned int i = 0; i < dp->worker_count; i++) {
		const struct worker *w = worker_of(dp, i);
		counter_t *c = w ? (counter_t *)&w->counters->gateway[gateway] : NULL;

		for (size_t k = 0; c && k < sizeof(struct gateway_counters) / sizeof(*c); k++)
			atomic_store_explicit(&c[k], 0, memory_order_relaxed);
	}
}
