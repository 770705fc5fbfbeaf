// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A poll-mode core: polls its queue of every port and its rings, runs the two paths, reports
// quiescent. Never logs, allocates, locks or calls the kernel other than through its ports.
// control/main.c starts and stops workers; bench/ and tests drive their turns by hand.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/event.h"
#include "dataplane/state.h"

#define WORKER_BURST 32
#define WORKER_RING_SIZE 4096

enum worker_poll { WORKER_POLL_BUSY, WORKER_POLL_ADAPTIVE };

struct rte_mbuf;

// Packets waiting for one transmit queue until the end of the turn.
struct worker_tx {
	uint16_t count;
	struct rte_mbuf *pkts[WORKER_BURST * 2];
};

struct worker {
	struct dp *dp;
	const struct dp_state *st; // loaded once per turn
	uint16_t index;            // 0 .. worker_count - 1; also its queue on every port
	unsigned int lcore_id;
	enum worker_poll poll;
	uint64_t now_tsc;          // taken once per turn
	struct rte_ring *handoff;  // other workers -> this
	struct rte_ring *inject;   // punt thread, control -> this
	struct rte_ring *events;   // this -> control, elements of struct event
	counter_t events_lost;
	struct worker_tx tx[PKT_PORT_MAX];
	struct worker_tx to_worker[DP_WORKERS_MAX];
	_Atomic(bool) stop;
	_Atomic(bool) disabled;    // test aid: polls nothing, so that everything is the kernel's
	struct overload *overload; // see overload.h
	struct worker_counters *counters;
};

struct worker *worker_new(struct dp *dp, uint16_t index, unsigned int lcore_id,
	enum worker_poll poll);
void worker_free(struct worker *w);

// lcore function: runs until worker_stop(). Returns 0.
int worker_run(void *worker);
void worker_stop(struct worker *w);

// One turn of the loop without the quiescent report; returns the packets it handled.
unsigned int worker_turn(struct worker *w);

// The two paths. m[] belongs to the path afterwards. port: ethdev id they came from.
void inbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);
void outbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);

// Queues m for transmission on a port at the end of the turn and counts it as carried.
void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m);
void worker_tx_flush(struct worker *w);
// Posts an event for control; a full ring counts it as lost.
void worker_event(struct worker *w, const struct event *ev);
