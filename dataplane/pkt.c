// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/pkt.h"

#include "dataplane/counters.h"
#include "dataplane/worker.h"

void pkt_drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	uint16_t gateway = pkt_of(m)->gateway;

	counter_add(&w->counters->port[m->port].drop[reason], 1);
	if (gateway < w->dp->gateways_max)
		counter_add(&w->counters->gateway[gateway].drop[reason], 1);
	rte_pktmbuf_free(m);
}

void pkt_consume(struct worker *w, struct rte_mbuf *m)
{
	counter_add(&w->counters->port[m->port].consumed, 1);
	rte_pktmbuf_free(m);
}

bool pkt_make_room(struct rte_mbuf *m, uint32_t head, uint32_t tail)
{
	uint32_t room = rte_pktmbuf_headroom(m), shift = room < head ? head - room : 0;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(rte_pktmbuf_tailroom(m) < shift + tail))
		return false;
	if (unlikely(shift)) {
		m->data_off += (uint16_t)shift;
		memmove(rte_pktmbuf_mtod(m, uint8_t *), data, m->data_len);
	}
	return true;
}
