// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What workers count. One block per worker, written by that worker alone with relaxed stores,
// read and summed by control. Invariant, per port and exactly, once the rings are empty:
//   rx_pkts = carried + sum(punt) + sum(drop) + consumed
// (consumed: messages that end in the worker, such as keepalives).
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/drop.h"
#include "dataplane/pkt.h"
#include "dataplane/punt.h"

struct dp;

typedef _Atomic(uint64_t) counter_t;

// One writer per counter, so that no locked instruction is needed.
static inline void counter_add(counter_t *c, uint64_t n)
{
	atomic_store_explicit(
		c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter_t *c)
{
	return atomic_load_explicit((counter_t *)c, memory_order_relaxed);
}

// By the port a packet came from (ethdev id or PKT_PORT_*).
struct port_counters {
	counter_t rx_pkts;
	counter_t carried;  // left by port_tx_burst, in either direction
	counter_t consumed; // keepalive and other messages that end here
	counter_t punt[PUNT_REASON_COUNT];
	counter_t drop[DROP_REASON_COUNT];
	// Packets that left by this port, received anywhere (fragments counted singly).
	counter_t tx_pkts;
	counter_t csum_completed; // unfinished checksums finished
};

struct gateway_counters {
	counter_t in_pkts, in_bytes;   // inner IP, inbound, carried or punted after authentication
	counter_t out_pkts, out_bytes; // inner IP, outbound, sealed
	// Received from a port and sent to a port by a worker; slow: one side was the kernel.
	counter_t fast_in_pkts, fast_out_pkts, slow_in_pkts, slow_out_pkts;
	counter_t pings_in, pings_out;
	counter_t link_fragmented; // sealed datagrams sent as fragments
	counter_t mss_clamped;
	counter_t client_to_client; // by workers alone; counts as fast_out, not as fast_in
	counter_t punt[PUNT_REASON_COUNT];
	counter_t drop[DROP_REASON_COUNT];
};

// How a worker spends its time; cycles of the TSC.
struct load_counters {
	counter_t turns, busy_turns;
	counter_t busy_cycles, idle_cycles, sleep_cycles;
	counter_t longest_turn_cycles; // since the last counters_load_reset()
	counter_t handoff_in, handoff_out;
	counter_t inject_in;
	counter_t events_lost;
	counter_t captured, capture_lost;
	counter_t overload_turns; // turns that began saturated
};

// Packets waiting in a worker's rings, and the room there is.
struct ring_levels {
	uint32_t handoff, inject, events;
	uint32_t handoff_size, inject_size, events_size;
};

struct worker_counters {
	struct load_counters load;
	struct port_counters port[PKT_PORT_COUNT];
	struct gateway_counters gateway[]; // gateways_max of them
};

// What one worker counted; NULL past the last worker. Any thread.
const struct worker_counters *counters_of(const struct dp *dp, unsigned int worker);
void counters_rings(const struct dp *dp, unsigned int worker, struct ring_levels *out);
// Starts a new period of longest_turn_cycles. Control; effective with the worker's next turn.
void counters_load_reset(struct dp *dp, unsigned int worker);
// Zeroes what all workers counted for a gateway id. Control, and only while the id is nobody's: no
// worker may have a packet that would be counted for it.
void counters_gateway_reset(struct dp *dp, uint16_t gateway);
