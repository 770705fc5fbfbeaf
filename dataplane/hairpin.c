// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/hairpin.h"

#include "dataplane/handoff.h"
#include "dataplane/inner.h"
#include "dataplane/outbound.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

// The client of the same gateway that has the destination; NULL: nobody else.
static const struct peer *other_client(
	struct worker *w, const struct peer *from, const struct inner *in)
{
	uint16_t domain = w->st->gateways[from->gateway].vpn_domain;
	uint32_t id = iroute_lookup(w->dp->iroute, domain, in->family, in->dst);
	const struct peer *to = id == PROTO_PEER_ID_UNDEF ? NULL : peer_by_id(w->dp->peers, id);

	return to && to != from && to->gateway == from->gateway ? to : NULL;
}

// As outbound.c has it after its own parsing. The hop is counted here.
static void turn(
	struct worker *w, const struct peer *to, struct rte_mbuf *m, const struct inner *in)
{
	struct gateway_counters *gc = &w->counters->gateway[to->gateway];
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	struct pkt *p = pkt_of(m);

	counter_add(&gc->client_to_client, 1);
	if (inner_mss_clamp(ip, in, to->mss4))
		counter_add(&gc->mss_clamped, 1);
	inner_ttl_decrement(ip, in->family);
	m->ol_flags = 0;
	p->peer_id = to->peer_id;
	p->generation = to->generation;
	p->flags = PKT_F_OUTBOUND;
	p->stage = PKT_STAGE_OUTBOUND_PEER;
	p->vpn_family = in->family;
	p->vpn_tos = in->tos;
	p->vpn_proto = in->proto;
	p->vpn_hdr_len = in->hdr_len;
	p->vpn_bytes = in->bytes;
}

enum punt_reason hairpin(struct worker *w, const struct peer *from, struct rte_mbuf *m,
	const struct inner *in, enum punt_reason why)
{
	const struct dp_gateway *gw = &w->st->gateways[from->gateway];
	const struct peer *to;

	// The gateway's own, nobody's in particular, or the inside's.
	if (why == PUNT_LOCAL || why == PUNT_MULTICAST || why == PUNT_NO_NEIGH ||
		why == PUNT_TOO_BIG)
		return why;
	to = other_client(w, from, in);
	if (!to)
		return why;
	if (!gw->client_to_client) {
		pkt_drop(w, m, DROP_CLIENT_TO_CLIENT);
		return PUNT_REASON_COUNT;
	}
	if (why != PUNT_NO_ROUTE)
		return why;
	if (in->bytes > gw->tun_mtu)
		return PUNT_TOO_BIG;
	turn(w, to, m, in);
	if (to->owner == w->index)
		w->hairpin.pkts[w->hairpin.count++] = m;
	else
		handoff_push(w, to->owner, m);
	return PUNT_REASON_COUNT;
}

void hairpin_flush(struct worker *w)
{
	unsigned int n = w->hairpin.count;

	w->hairpin.count = 0;
	outbound_peer_burst(w, w->hairpin.pkts, n);
}
