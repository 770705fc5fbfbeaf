// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/handoff.h"

#include "dataplane/inbound.h"
#include "dataplane/outbound.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

#include <rte_ring.h>

static void flush_one(struct worker *w, unsigned int owner)
{
	struct worker_handoff *h = &w->to_worker[owner];
	struct worker *to = w->dp->workers[owner];
	unsigned int sent = 0;

	if (to)
		sent = rte_ring_mp_enqueue_burst(to->handoff, (void *)h->pkts, h->count, NULL);
	counter_add(&w->counters->load.handoff_out, sent);
	for (unsigned int i = sent; i < h->count; i++)
		pkt_drop(w, h->pkts[i], DROP_HANDOFF_FULL);
	h->count = 0;
}

void handoff_push(struct worker *w, unsigned int owner, struct rte_mbuf *m)
{
	struct worker_handoff *h;

	if (unlikely(owner >= w->dp->worker_count)) {
		pkt_drop(w, m, DROP_HANDOFF_FULL);
		return;
	}
	h = &w->to_worker[owner];
	h->pkts[h->count++] = m;
	if (h->count == WORKER_BURST)
		flush_one(w, owner);
}

void handoff_flush(struct worker *w)
{
	for (unsigned int i = 0; i < w->dp->worker_count; i++)
		if (w->to_worker[i].count)
			flush_one(w, i);
}

unsigned int handoff_poll(struct worker *w)
{
	struct rte_mbuf *m[WORKER_BURST], *in[WORKER_BURST], *out[WORKER_BURST];
	unsigned int n, in_n = 0, out_n = 0;

	n = rte_ring_sc_dequeue_burst(w->handoff, (void *)m, WORKER_BURST, NULL);
	if (n == 0)
		return 0;
	counter_add(&w->counters->load.handoff_in, n);
	for (unsigned int i = 0; i < n; i++) {
		if (pkt_of(m[i])->stage == PKT_STAGE_INBOUND_PEER)
			in[in_n++] = m[i];
		else
			out[out_n++] = m[i];
	}
	if (in_n)
		inbound_peer_burst(w, in, in_n);
	if (out_n)
		outbound_peer_burst(w, out, out_n);
	return n;
}
