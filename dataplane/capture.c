// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/capture.h"

#include "dataplane/outer.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

#include <rte_ring.h>

static_assert(sizeof(struct capture_info) <= PKT_PRIV_BYTES, "capture: info exceeds the scratch");

unsigned int capture_pop_burst(struct dp *dp, struct rte_mbuf **m, unsigned int n)
{
	return rte_ring_sc_dequeue_burst(dp->capture, (void *)m, n, NULL);
}

// Turns the header of a datagram to the client into that of one from it. The addresses keep their
// sum, and with it the IPv4 checksum.
static void header_turn(uint8_t *ip, uint8_t family)
{
	uint8_t addr_len = family == 4 ? 4 : 16, tmp[16];
	uint8_t *src = ip + (family == 4 ? 12 : 8), *udp = src + 2 * addr_len;

	memcpy(tmp, src, addr_len);
	memcpy(src, src + addr_len, addr_len);
	memcpy(src + addr_len, tmp, addr_len);
	memcpy(tmp, udp, 2);
	memcpy(udp, udp + 2, 2);
	memcpy(udp + 2, tmp, 2);
}

// Outer header of a sealed packet: what it came with, else as the peer's link says. Returns its
// length, 0 if the peer is gone.
static uint8_t outer_header(struct worker *w, struct rte_mbuf *m, bool inbound, uint8_t *hdr)
{
	struct pkt *p = pkt_of(m);
	const struct peer_link *link = NULL;
	struct peer *peer;

	if (inbound && p->link_hdr_len) {
		memcpy(hdr, rte_pktmbuf_mtod(m, uint8_t *) - p->link_hdr_len, p->link_hdr_len);
		return p->link_hdr_len;
	}
	peer = peer_by_id(w->dp->peers, p->peer_id);
	if (peer)
		link = atomic_load_explicit(&peer->link, memory_order_acquire);
	if (!link)
		return 0;
	outer_header_write(hdr, link, p->link_tos, 0, m->data_len);
	if (inbound)
		header_turn(hdr, link->family);
	return link->hdr_len;
}

void capture_copy(struct worker *w, struct rte_mbuf *m, uint8_t what, bool inbound)
{
	uint8_t hdr[OUTER_IP6_BYTES + OUTER_UDP_BYTES], hdr_len = 0, *to;
	struct capture_info *info;
	struct rte_mbuf *c;
	uint32_t len;

	if (!bucket_take(&w->capture_bucket, w->now_tsc, &w->capture_rate))
		goto lost;
	c = rte_pktmbuf_alloc(w->dp->pool);
	if (!c)
		goto lost;
	if (what == CAPTURE_LINK)
		hdr_len = outer_header(w, m, inbound, hdr);
	len = RTE_MIN(m->data_len, (uint32_t)CAPTURE_SNAPLEN - hdr_len);
	len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(c) - hdr_len);
	to = (uint8_t *)rte_pktmbuf_append(c, (uint16_t)(hdr_len + len));
	memcpy(to, hdr, hdr_len);
	memcpy(to + hdr_len, rte_pktmbuf_mtod(m, uint8_t *), len);
	info = capture_info_of(c);
	info->tsc = w->now_tsc;
	info->bytes = hdr_len + m->data_len;
	info->gateway = pkt_of(m)->gateway;
	info->what = what;
	info->inbound = inbound;
	if (rte_ring_mp_enqueue(w->dp->capture, c) == 0) {
		counter_add(&w->counters->load.captured, 1);
		return;
	}
	rte_pktmbuf_free(c);
lost:
	counter_add(&w->counters->load.capture_lost, 1);
}
