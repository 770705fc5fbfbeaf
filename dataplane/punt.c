// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/punt.h"

#include "dataplane/bucket.h"
#include "dataplane/pkt.h"
#include "dataplane/punt_limits.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <errno.h>

// Peers that share a bucket share its rate: bounded memory, and no way to get a fresh bucket.
#define PEER_BUCKETS 4096u

struct punt_limits {
	struct bucket_rate peer_rate, gateway_rate;
	uint64_t peer[PEER_BUCKETS];
	uint64_t gateway[];
};

struct punt_limits *punt_limits_new(uint16_t gateways_max, int socket)
{
	uint64_t hz = rte_get_tsc_hz();
	struct punt_limits *l;

	l = rte_zmalloc_socket("punt_limits", sizeof(*l) + gateways_max * sizeof(l->gateway[0]),
		RTE_CACHE_LINE_SIZE, socket);
	if (!l) {
		errno = ENOMEM;
		return NULL;
	}
	l->peer_rate = bucket_rate(hz, PUNT_PEER_PPS, PUNT_PEER_BURST);
	l->gateway_rate = bucket_rate(hz, PUNT_GATEWAY_PPS, PUNT_GATEWAY_BURST);
	return l;
}

void punt_limits_free(struct punt_limits *l)
{
	rte_free(l);
}

unsigned int punt_pop_burst(struct dp *dp, struct rte_mbuf **m, unsigned int n)
{
	return rte_ring_sc_dequeue_burst(dp->punt, (void *)m, n, NULL);
}

void punt_done(struct dp *dp, unsigned int n)
{
	uint32_t done = atomic_load_explicit(&dp->punt_done, memory_order_relaxed);

	atomic_store_explicit(&dp->punt_done, done + n, memory_order_release);
}

uint32_t punt_done_count(const struct dp *dp)
{
	return atomic_load_explicit(&dp->punt_done, memory_order_acquire);
}

// Frames for an exception interface are the port's own traffic and have no peer.
static bool is_within_limits(struct worker *w, const struct pkt *p)
{
	struct punt_limits *l = w->punt_limits;

	if (p->gateway >= w->dp->gateways_max)
		return true;
	if (p->peer_id != PROTO_PEER_ID_UNDEF &&
		!bucket_take(&l->peer[p->peer_id % PEER_BUCKETS], w->now_tsc, &l->peer_rate))
		return false;
	return bucket_take(&l->gateway[p->gateway], w->now_tsc, &l->gateway_rate);
}

void punt_push(struct worker *w, struct rte_mbuf *m, enum punt_dest dest, enum punt_reason reason)
{
	struct pkt *p = pkt_of(m);
	struct gateway_counters *gc = NULL;
	uint16_t port = m->port;
	uint8_t flags = p->flags;

	if (!is_within_limits(w, p)) {
		pkt_drop(w, m, DROP_PUNT_LIMIT);
		return;
	}
	if (p->gateway < w->dp->gateways_max)
		gc = &w->counters->gateway[p->gateway];
	p->punt_dest = (uint8_t)dest;
	p->punt_reason = (uint8_t)reason;
	if (rte_ring_mp_enqueue(w->dp->punt, m) != 0) {
		pkt_drop(w, m, DROP_PUNT_FULL);
		return;
	}
	// m is the punt thread's from here on.
	counter_add(&w->counters->port[port].punt[reason], 1);
	if (!gc)
		return;
	counter_add(&gc->punt[reason], 1);
	if (flags & PKT_F_INBOUND)
		counter_add(&gc->slow_in_pkts, 1);
	if ((flags & PKT_F_OUTBOUND) && dest == PUNT_TO_LINK)
		counter_add(&gc->slow_out_pkts, 1);
}

void punt_exception(
	struct worker *w, const struct dp_port *port, struct rte_mbuf *m, enum drop_reason reason)
{
	if (port->has_exception)
		punt_push(w, m, PUNT_TO_EXCEPTION, PUNT_EXCEPTION);
	else
		pkt_drop(w, m, reason);
}
