// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/inject.h"

#include "dataplane/inbound.h"
#include "dataplane/outbound.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

#include <rte_ring.h>

#include <errno.h>

struct rte_mbuf *inject_alloc(struct dp *dp, uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	struct pkt *p;

	if (!m)
		return NULL;
	m->port = port;
	p = pkt_of(m);
	memset(p, 0, sizeof(*p));
	pkt_reset(m);
	return m;
}

int inject_push(struct dp *dp, unsigned int worker, struct rte_mbuf *m)
{
	if (worker >= dp->worker_count || !dp->workers[worker])
		return -ENOBUFS;
	return rte_ring_mp_enqueue(dp->workers[worker]->inject, m);
}

// A frame of the kernel: nothing to do but to send it where its exception interface belongs.
static void exception_send(struct worker *w, struct rte_mbuf *m)
{
	uint16_t port = pkt_of(m)->tx_port;

	if (port >= PKT_PORT_MAX || !w->st->ports[port].port) {
		pkt_drop(w, m, DROP_NO_NEXTHOP);
		return;
	}
	m->ol_flags = 0;
	worker_tx(w, port, m);
}

struct sorted {
	unsigned int n;
	struct rte_mbuf *m[WORKER_BURST];
};

unsigned int inject_poll(struct worker *w)
{
	struct sorted link = {0}, tun = {0}, message = {0}, *to;
	struct rte_mbuf *m[WORKER_BURST];
	unsigned int n;

	n = rte_ring_sc_dequeue_burst(w->inject, (void *)m, WORKER_BURST, NULL);
	if (n == 0)
		return 0;
	counter_add(&w->counters->load.inject_in, n);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t stage = pkt_of(m[i])->stage;

		counter_add(&w->counters->port[m[i]->port].rx_pkts, 1);
		if (stage == PKT_STAGE_EXCEPTION) {
			exception_send(w, m[i]);
			continue;
		}
		to = stage == PKT_STAGE_INBOUND_LINK   ? &link
		     : stage == PKT_STAGE_OUTBOUND_TUN ? &tun
						       : &message;
		to->m[to->n++] = m[i];
	}
	if (link.n)
		inbound_link_burst(w, link.m, link.n);
	if (tun.n)
		outbound_tun_burst(w, tun.m, tun.n);
	if (message.n)
		outbound_message_burst(w, message.m, message.n);
	return n;
}
