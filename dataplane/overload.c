// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/overload.h"

#include <rte_malloc.h>

#include <errno.h>

// Rounds of the max-min share; each takes out every gateway below the mean of the rest.
#define SHARE_ROUNDS 8

struct overload *overload_new(uint16_t gateways_max, uint64_t tsc_hz, int socket)
{
	struct overload *o = rte_zmalloc_socket("overload", sizeof(*o), 0, socket);

	if (!o)
		goto fail;
	o->active = rte_zmalloc_socket("overload", gateways_max * sizeof(*o->active), 0, socket);
	o->offered = rte_zmalloc_socket("overload", gateways_max * sizeof(*o->offered), 0, socket);
	if (!o->active || !o->offered)
		goto fail;
	o->gateways_max = gateways_max;
	o->limit = OVERLOAD_UNLIMITED;
	o->epoch_cycles = tsc_hz / 1000 * OVERLOAD_EPOCH_MS;
	o->unbound_rate = bucket_rate(tsc_hz, OVERLOAD_UNBOUND_PPS, OVERLOAD_UNBOUND_BURST);
	o->float_rate = bucket_rate(tsc_hz, OVERLOAD_FLOAT_PPS, OVERLOAD_FLOAT_BURST);
	return o;
fail:
	overload_free(o);
	errno = ENOMEM;
	return NULL;
}

void overload_free(struct overload *o)
{
	if (!o)
		return;
	rte_free(o->active);
	rte_free(o->offered);
	rte_free(o);
}

static uint64_t offered_total(const struct overload *o)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < o->active_count; i++)
		total += o->offered[o->active[i]];
	return total;
}

// The most a gateway may use so that the active ones together use the capacity.
static uint64_t share(const struct overload *o)
{
	uint64_t limit = 0, left, below;
	unsigned int rest;

	for (int round = 0; round < SHARE_ROUNDS; round++) {
		below = 0;
		rest = 0;
		for (unsigned int i = 0; i < o->active_count; i++) {
			uint64_t bytes = o->offered[o->active[i]];

			if (bytes <= limit)
				below += bytes;
			else
				rest++;
		}
		if (rest == 0)
			break;
		left = o->capacity > below ? o->capacity - below : 0;
		if (left / rest <= limit)
			break;
		limit = left / rest;
	}
	return limit;
}

static void enter_or_stay_normal(struct overload *o, bool pressure)
{
	if (!pressure) {
		o->streak = 0;
		return;
	}
	o->capacity = o->admitted;
	if (++o->streak < OVERLOAD_ENTER_EPOCHS)
		return;
	o->saturated = true;
	o->streak = 0;
}

static void leave_or_adapt(struct overload *o, bool pressure)
{
	bool fits = offered_total(o) <= o->capacity;

	// Down quickly, up slowly; never to nothing, or a pause would starve everyone after it.
	if (pressure)
		o->capacity -= o->capacity >> 5;
	else
		o->capacity += (o->capacity >> 6) + 1500;
	o->streak = fits && !pressure ? o->streak + 1 : 0;
	if (o->streak < OVERLOAD_LEAVE_EPOCHS)
		return;
	o->saturated = false;
	o->streak = 0;
}

static void epoch_end(struct overload *o)
{
	bool pressure = o->turns > 0 && o->full_turns * 2 > o->turns;

	if (o->saturated)
		leave_or_adapt(o, pressure);
	else
		enter_or_stay_normal(o, pressure);
	// A lone gateway has nobody to be unfair to: its queue is the port's.
	o->limit = o->saturated && o->active_count > 1 ? share(o) : OVERLOAD_UNLIMITED;
	for (unsigned int i = 0; i < o->active_count; i++)
		o->offered[o->active[i]] = 0;
	o->active_count = 0;
	o->admitted = 0;
	o->turns = 0;
	o->full_turns = 0;
}

void overload_turn(struct overload *o, uint64_t now_tsc, bool full)
{
	o->turns++;
	o->full_turns += full;
	if (now_tsc < o->epoch_end)
		return;
	epoch_end(o);
	o->epoch_end = now_tsc + o->epoch_cycles;
}
