// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Who may use a worker's cipher when it cannot serve all: decided before the cipher, so that one
// gateway's excess or a flood of forged packets costs the others nothing. One per worker, used by
// that worker alone. Bytes are outer bytes as offered, whether or not they authenticate.
//
// Saturated: for OVERLOAD_ENTER_EPOCHS periods in a row most turns found a full receive burst, so
// the queues do not drain. Then the bytes that the worker got done in a period are shared among the
// gateways that offered any (max-min: who wants less than an equal share gets all of it), and the
// total is raised while queues drain and lowered while they do not. Normal again after
// OVERLOAD_LEAVE_EPOCHS periods in which everything offered would have fitted.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/bucket.h"

#define OVERLOAD_EPOCH_MS 1
#define OVERLOAD_ENTER_EPOCHS 4
#define OVERLOAD_LEAVE_EPOCHS 100
#define OVERLOAD_UNLIMITED UINT64_MAX
// Packets from addresses their peer is not bound to that may show by their tag that it is there now.
#define OVERLOAD_UNBOUND_PPS 10000
#define OVERLOAD_UNBOUND_BURST 4096
// Addresses so shown that a worker tells control of.
#define OVERLOAD_FLOAT_PPS 200
#define OVERLOAD_FLOAT_BURST 32

struct overload {
	// Read for every packet.
	bool saturated;
	uint64_t limit; // bytes per gateway and epoch, OVERLOAD_UNLIMITED: no limit
	// This epoch.
	uint64_t epoch_end;
	uint64_t admitted; // bytes of all gateways
	uint32_t turns, full_turns;
	uint16_t active_count; // entries of active[]
	// Over epochs.
	uint32_t streak; // epochs that spoke for a change of state, in a row
	uint64_t capacity;
	uint64_t epoch_cycles;
	uint64_t unbound, floats; // buckets
	struct bucket_rate unbound_rate, float_rate;
	uint16_t gateways_max;
	uint16_t *active;  // gateways with offered[] > 0
	uint64_t *offered; // by gateway, bytes of this epoch
};

// NULL and errno (ENOMEM). tsc_hz as of rte_get_tsc_hz().
struct overload *overload_new(uint16_t gateways_max, uint64_t tsc_hz, int socket);
void overload_free(struct overload *o);

// Once per turn, before its packets; full: the last turn got a full burst from some port.
void overload_turn(struct overload *o, uint64_t now_tsc, bool full);

// May this packet go to the cipher? Counts it as offered.
static inline bool overload_admit(struct overload *o, uint16_t gateway, uint32_t bytes)
{
	uint64_t before = o->offered[gateway];

	if (before == 0)
		o->active[o->active_count++] = gateway;
	o->offered[gateway] = before + bytes;
	if (before > o->limit)
		return false;
	o->admitted += bytes;
	return true;
}

// May another packet from an unbound address go to the cipher?
static inline bool overload_unbound_take(struct overload *o, uint64_t now_tsc)
{
	return bucket_take(&o->unbound, now_tsc, &o->unbound_rate);
}

// May control be told of another client's new address?
static inline bool overload_float_take(struct overload *o, uint64_t now_tsc)
{
	return bucket_take(&o->floats, now_tsc, &o->float_rate);
}
