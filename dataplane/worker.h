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

#include "dataplane/bucket.h"
#include "dataplane/counters.h"
#include "dataplane/event.h"
#include "dataplane/state.h"

#define WORKER_BURST 32
#define WORKER_TX_ROOM (WORKER_BURST * 2)
#define WORKER_RING_SIZE 4096

enum worker_poll { WORKER_POLL_BUSY, WORKER_POLL_ADAPTIVE };

struct crypto;
struct overload;
struct punt_limits;
struct rte_mbuf;
struct rte_ring;

// What to count once the port has taken a packet: the mbuf is no longer ours to look at then.
struct tx_mark {
	uint8_t origin; // m->port
	uint8_t flags;  // PKT_F_*
	uint16_t gateway;
};

// Packets waiting for one transmit queue until the end of the turn.
struct worker_txq {
	uint16_t count;
	struct tx_mark marks[WORKER_TX_ROOM];
	struct rte_mbuf *pkts[WORKER_TX_ROOM];
};

struct worker_handoff {
	uint16_t count;
	struct rte_mbuf *pkts[WORKER_BURST];
};

struct worker {
	struct dp *dp;
	const struct dp_state *st; // loaded once per turn
	uint64_t now_tsc;          // taken once per turn
	struct worker_counters *counters;
	uint16_t index;    // 0 .. worker_count - 1; its queue on every port, its QSBR thread id
	uint16_t tx_ports; // ids below this may have something in tx[]
	enum worker_poll poll;
	unsigned int lcore_id;
	struct rte_ring *handoff;  // other workers -> this
	struct rte_ring *inject;   // punt thread, control -> this
	struct crypto *crypto;     // of its bursts
	struct rte_ring *events;   // this -> control, elements of struct event
	struct overload *overload; // see overload.h
	struct punt_limits *punt_limits;
	uint64_t recv_tsc_step; // a time stamp that moved less is not stored
	uint64_t occ_tsc_step;  // events about one peer's option requests are this far apart
	uint64_t capture_bucket;
	struct bucket_rate capture_rate;
	uint32_t idle_turns; // in a row
	uint32_t load_epoch_seen;
	uint16_t ip_id;   // of the next outer IPv4 datagram
	uint32_t frag_id; // of the next fragmented IPv6 datagram
	struct worker_txq tx[PKT_PORT_MAX];
	struct worker_handoff to_worker[DP_WORKERS_MAX];
	struct worker_handoff hairpin; // of this burst, for clients of its own

	// Written by control.
	alignas(64) _Atomic(bool) stop;
	_Atomic(bool) disabled; // polls no port: only what the kernel had first comes in, by rings
	_Atomic(uint32_t) load_epoch;
};

// Main thread, before the lcore runs: makes worker `index` of dp and enters it in dp->workers.
// NULL and errno.
struct worker *worker_new(
	struct dp *dp, uint16_t index, unsigned int lcore_id, enum worker_poll poll);
// After the lcore has returned. Frees what is still in its rings; accepts NULL.
void worker_free(struct worker *w);

// lcore function: runs until worker_stop(). Returns 0.
int worker_run(void *worker);
// Any thread. The caller then waits for the lcore.
void worker_stop(struct worker *w);

// One turn of the loop without the quiescent report; returns the packets it handled.
unsigned int worker_turn(struct worker *w);

// Queues m for transmission on a port at the end of the turn; it is counted as carried when the
// port has taken it, else as TX_FULL.
void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m);
// As above for the fragments of one datagram, which are counted as one packet.
void worker_tx_fragments(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);
void worker_tx_flush(struct worker *w);
