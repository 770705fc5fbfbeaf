// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/worker.h"

#include "dataplane/capture.h"
#include "dataplane/crypto.h"
#include "dataplane/handoff.h"
#include "dataplane/inbound.h"
#include "dataplane/inject.h"
#include "dataplane/outbound.h"
#include "dataplane/overload.h"
#include "dataplane/pkt.h"
#include "dataplane/punt_limits.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_random.h>
#include <rte_ring_elem.h>

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#define IDLE_TURNS_BEFORE_SLEEP 256u
#define IDLE_TURNS_MAX (1u << 20)
#define SLEEP_MIN_NS 10000L
#define SLEEP_MAX_NS 100000L
// Time stamps of peers are good to a hundredth of a second.
#define RECV_TSC_PER_SECOND 100

static struct rte_ring *ring_new(
	const char *what, uint16_t index, uint32_t elem, uint32_t size, unsigned int flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%u", what, index);
	return rte_ring_create_elem(name, elem, size, (int)rte_socket_id(), flags);
}

static int rings_new(struct worker *w)
{
	w->handoff = ring_new("handoff", w->index, sizeof(void *), WORKER_RING_SIZE, RING_F_SC_DEQ);
	w->inject = ring_new("inject", w->index, sizeof(void *), WORKER_RING_SIZE, RING_F_SC_DEQ);
	w->events = ring_new("events", w->index, sizeof(struct event), EVENT_RING_SIZE,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	return w->handoff && w->inject && w->events ? 0 : -ENOMEM;
}

struct worker *worker_new(
	struct dp *dp, uint16_t index, unsigned int lcore_id, enum worker_poll poll)
{
	uint64_t hz = rte_get_tsc_hz();
	int socket = (int)rte_socket_id();
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);

	if (!w || index >= dp->worker_count)
		goto fail;
	w->dp = dp;
	w->index = index;
	w->lcore_id = lcore_id;
	w->poll = poll;
	w->counters = rte_zmalloc_socket("counters",
		sizeof(*w->counters) + dp->gateways_max * sizeof(w->counters->gateway[0]),
		RTE_CACHE_LINE_SIZE, socket);
	w->overload = overload_new(dp->gateways_max, hz, socket);
	w->punt_limits = punt_limits_new(dp->gateways_max, socket);
	w->crypto = crypto_new();
	if (!w->crypto || !w->counters || !w->overload || !w->punt_limits || rings_new(w) != 0)
		goto fail;
	w->recv_tsc_step = hz / RECV_TSC_PER_SECOND;
	w->occ_tsc_step = hz;
	w->capture_rate = bucket_rate(hz, CAPTURE_PPS, CAPTURE_PPS / 100);
	w->ip_id = (uint16_t)rte_rand();
	w->frag_id = (uint32_t)rte_rand();
	w->now_tsc = rte_rdtsc();
	w->st = state_get(dp);
	dp->workers[index] = w;
	return w;
fail:
	worker_free(w);
	errno = ENOMEM;
	return NULL;
}

static void ring_drain(struct rte_ring *r)
{
	void *m;

	while (r && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < PKT_PORT_MAX; i++)
		rte_pktmbuf_free_bulk(w->tx[i].pkts, w->tx[i].count);
	for (unsigned int i = 0; i < DP_WORKERS_MAX; i++)
		rte_pktmbuf_free_bulk(w->to_worker[i].pkts, w->to_worker[i].count);
	ring_drain(w->handoff);
	ring_drain(w->inject);
	rte_ring_free(w->events);
	punt_limits_free(w->punt_limits);
	overload_free(w->overload);
	crypto_free(w->crypto);
	rte_free(w->counters);
	if (w->dp && w->dp->workers[w->index] == w)
		w->dp->workers[w->index] = NULL;
	rte_free(w);
}

static void count_gateway(struct gateway_counters *gc, struct tx_mark mark, uint64_t n)
{
	bool from_port = mark.origin < PKT_PORT_MAX;

	if (mark.flags & PKT_F_INBOUND)
		counter_add(from_port ? &gc->fast_in_pkts : &gc->slow_in_pkts, n);
	else if (mark.flags & PKT_F_OUTBOUND)
		counter_add(from_port ? &gc->fast_out_pkts : &gc->slow_out_pkts, n);
}

static void count_carried(struct worker *w, struct tx_mark mark, uint64_t n)
{
	if (mark.flags & PKT_F_FRAGMENT)
		return;
	counter_add(&w->counters->port[mark.origin].carried, n);
	if (mark.gateway < w->dp->gateways_max)
		count_gateway(&w->counters->gateway[mark.gateway], mark, n);
}

static bool is_same_mark(struct tx_mark a, struct tx_mark b)
{
	return a.origin == b.origin && a.flags == b.flags && a.gateway == b.gateway;
}

static void tx_flush_port(struct worker *w, uint16_t port)
{
	struct worker_txq *q = &w->tx[port];
	unsigned int sent = 0, run;
	uint16_t n;

	// A full queue often takes more once the first part has been reaped.
	do {
		n = port_tx_burst(port, w->index, q->pkts + sent, (uint16_t)(q->count - sent));
		sent += n;
	} while (n > 0 && sent < q->count);
	counter_add(&w->counters->port[port].tx_pkts, sent);
	for (unsigned int i = 0; i < sent; i += run) {
		for (run = 1; i + run < sent && is_same_mark(q->marks[i], q->marks[i + run]);)
			run++;
		count_carried(w, q->marks[i], run);
	}
	for (unsigned int i = sent; i < q->count; i++) {
		if (q->marks[i].flags & PKT_F_FRAGMENT)
			rte_pktmbuf_free(q->pkts[i]); // its last fragment is counted
		else
			pkt_drop(w, q->pkts[i], DROP_TX_FULL);
	}
	q->count = 0;
}

static void tx_add(struct worker_txq *q, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);

	q->marks[q->count].origin = (uint8_t)m->port;
	q->marks[q->count].flags = p->flags;
	q->marks[q->count].gateway = p->gateway;
	q->pkts[q->count++] = m;
}

void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct worker_txq *q = &w->tx[port];

	tx_add(q, m);
	if (port >= w->tx_ports)
		w->tx_ports = port + 1;
	if (unlikely(q->count == WORKER_TX_ROOM))
		tx_flush_port(w, port);
}

void worker_tx_fragments(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n)
{
	struct worker_txq *q = &w->tx[port];

	// In one flush: if the port takes the last one, it took them all.
	if (q->count + n >= WORKER_TX_ROOM)
		tx_flush_port(w, port);
	for (unsigned int i = 0; i < n; i++) {
		if (i + 1 < n)
			pkt_of(m[i])->flags |= PKT_F_FRAGMENT;
		worker_tx(w, port, m[i]);
	}
}

void worker_tx_flush(struct worker *w)
{
	for (uint16_t port = 0; port < w->tx_ports; port++)
		if (w->tx[port].count)
			tx_flush_port(w, port);
	w->tx_ports = 0;
}

static unsigned int poll_ports(struct worker *w, bool *full)
{
	struct rte_mbuf *m[WORKER_BURST];
	unsigned int total = 0;

	for (uint16_t id = 0; id < PKT_PORT_MAX; id++) {
		const struct dp_port *p = &w->st->ports[id];
		uint16_t n;

		if (!p->port || w->index >= p->port->queues)
			continue;
		n = port_rx_burst(id, w->index, m, WORKER_BURST);
		if (n == 0)
			continue;
		total += n;
		*full |= n == WORKER_BURST;
		if (p->link_side)
			inbound_burst(w, id, m, n);
		else
			outbound_burst(w, id, m, n);
	}
	return total;
}

unsigned int worker_turn(struct worker *w)
{
	unsigned int n = 0;
	bool full = false;

	w->now_tsc = rte_rdtsc();
	w->st = state_get(w->dp);
	if (unlikely(!w->st))
		return 0;
	if (likely(!atomic_load_explicit(&w->disabled, memory_order_relaxed)))
		n += poll_ports(w, &full);
	n += handoff_poll(w);
	n += inject_poll(w);
	handoff_flush(w);
	worker_tx_flush(w);
	overload_turn(w->overload, w->now_tsc, full);
	return n;
}

// Books the time since the turn began. An empty turn is idle time even if it was long.
static void count_load(struct worker *w, unsigned int n, uint64_t begin)
{
	struct load_counters *l = &w->counters->load;
	uint64_t cycles = rte_rdtsc() - begin;
	uint32_t epoch = atomic_load_explicit(&w->load_epoch, memory_order_relaxed);

	counter_add(&l->turns, 1);
	counter_add(n ? &l->busy_cycles : &l->idle_cycles, cycles);
	if (n)
		counter_add(&l->busy_turns, 1);
	if (w->overload->saturated)
		counter_add(&l->overload_turns, 1);
	if (epoch != w->load_epoch_seen || cycles > counter_get(&l->longest_turn_cycles))
		atomic_store_explicit(&l->longest_turn_cycles, cycles, memory_order_relaxed);
	w->load_epoch_seen = epoch;
}

// Idle for a while: sleeps, longer each time, and lets control free without waiting for us.
static void idle_sleep(struct worker *w)
{
	uint64_t begin = rte_rdtsc();
	struct timespec ts = {0};
	long steps = (long)(w->idle_turns - IDLE_TURNS_BEFORE_SLEEP) + 1;

	ts.tv_nsec = SLEEP_MIN_NS * RTE_MIN(steps, SLEEP_MAX_NS / SLEEP_MIN_NS);
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
	nanosleep(&ts, NULL);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
	counter_add(&w->counters->load.sleep_cycles, rte_rdtsc() - begin);
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	struct rte_rcu_qsbr *qsbr = w->dp->qsbr;

	// Without this a sleep of 10 us takes 60.
	if (w->poll == WORKER_POLL_ADAPTIVE)
		prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	rte_rcu_qsbr_thread_register(qsbr, w->index); // fails only for an id above the maximum
	rte_rcu_qsbr_thread_online(qsbr, w->index);
	while (likely(!atomic_load_explicit(&w->stop, memory_order_relaxed))) {
		uint64_t begin = rte_rdtsc();
		unsigned int n = worker_turn(w);

		rte_rcu_qsbr_quiescent(qsbr, w->index);
		count_load(w, n, begin);
		w->idle_turns = n ? 0 : RTE_MIN(w->idle_turns + 1, IDLE_TURNS_MAX);
		if (w->idle_turns >= IDLE_TURNS_BEFORE_SLEEP && w->poll == WORKER_POLL_ADAPTIVE)
			idle_sleep(w);
		else if (n == 0)
			rte_pause();
	}
	rte_rcu_qsbr_thread_offline(qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(qsbr, w->index);
	return 0;
}

void worker_stop(struct worker *w)
{
	atomic_store_explicit(&w->stop, true, memory_order_relaxed);
}
