// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Stages over arrays, each compacts the survivors: parse, find the peer, [hand over to its owner,]
// find the key, authenticate, check for replay. Only then may a packet change anything.
#include "dataplane/inbound.h"

#include "dataplane/capture.h"
#include "dataplane/cbc_path.h"
#include "dataplane/epoch_path.h"
#include "dataplane/frame.h"
#include "dataplane/hairpin.h"
#include "dataplane/handoff.h"
#include "dataplane/inner.h"
#include "dataplane/memo.h"
#include "dataplane/outbound.h"
#include "dataplane/outer.h"
#include "dataplane/overload.h"
#include "dataplane/pkt.h"
#include "dataplane/punt.h"
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4

// Packets of one burst with what the stages have found for them so far.
struct batch {
	unsigned int n;
	struct rte_mbuf *m[WORKER_BURST];
	struct peer *peer[WORKER_BURST];
	struct keyslot *key[WORKER_BURST];
};

// --- Parse -------------------------------------------------------------------------------------

static const enum drop_reason drop_of_verdict[] = {
	[OUTER_OTHER] = DROP_NOT_OURS,
	[OUTER_FRAGMENT] = DROP_FRAGMENT,
	[OUTER_TRUNCATED] = DROP_TRUNCATED,
	[OUTER_BAD_IP] = DROP_BAD_IP,
};

// What became of a frame that is no data packet of ours.
struct leftovers {
	unsigned int n;
	struct rte_mbuf *m[WORKER_BURST]; // frames the other path may want
};

static void leave(struct worker *w, const struct dp_port *port, struct leftovers *rest,
	struct rte_mbuf *m, enum drop_reason reason)
{
	if (port->vpn_side)
		rest->m[rest->n++] = m;
	else
		punt_exception(w, port, m, reason);
}

// Cuts the mbuf down to the UDP payload and remembers where it came from.
static void link_fill(struct rte_mbuf *m, const struct outer *o, const struct dp_endpoint *e)
{
	struct pkt *p = pkt_of(m);

	p->gateway = e->gateway;
	p->local_id = e->local_id;
	p->link_family = o->family;
	p->link_tos = o->tos;
	p->link_hdr_len = o->ip_len + OUTER_UDP_BYTES;
	p->link_port_be = o->src_port_be;
	memset(p->link_addr, 0, sizeof(p->link_addr));
	memcpy(p->link_addr, o->src, o->family == 4 ? 4 : 16);
	m->data_off += o->payload_off;
	m->data_len = o->payload_len;
	m->pkt_len = o->payload_len;
}

static void parse_one(struct worker *w, const struct dp_port *port, struct rte_mbuf *m,
	struct leftovers *rest, struct batch *b)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	enum outer_verdict verdict;
	struct frame f;
	struct outer o;
	const struct dp_endpoint *e;
	uint16_t domain;
	uint8_t addr[16] = {0};

	pkt_reset(m);
	if (!frame_parse(data, m->data_len, &f)) {
		pkt_drop(w, m, DROP_TRUNCATED);
		return;
	}
	if (!frame_is_to(data, &port->port->mac)) {
		punt_exception(w, port, m, DROP_NOT_OURS);
		return;
	}
	domain = frame_domain(&f, port);
	if (domain == DP_NO_DOMAIN) {
		punt_exception(w, port, m, DROP_DOMAIN);
		return;
	}
	verdict = outer_parse(data, m->data_len, &f, &o);
	if (unlikely(verdict == OUTER_TRUNCATED || verdict == OUTER_BAD_IP)) {
		pkt_drop(w, m, drop_of_verdict[verdict]);
		return;
	}
	if (unlikely(verdict != OUTER_DATA)) {
		leave(w, port, rest, m, drop_of_verdict[verdict]);
		return;
	}
	memcpy(addr, o.dst, o.family == 4 ? 4 : 16);
	e = state_endpoint_lookup(w->st, domain, o.family, addr, o.dst_port_be);
	if (unlikely(!e || e->gateway >= w->st->gateway_count)) {
		leave(w, port, rest, m, DROP_NO_ENDPOINT);
		return;
	}
	link_fill(m, &o, e);
	b->m[b->n++] = m;
}

// --- Find the peer -----------------------------------------------------------------------------

// False: too short to be looked at.
static bool opcode_parse(struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct pkt *p = pkt_of(m);
	uint16_t hdr;

	if (m->data_len == 0)
		return false;
	p->opcode = proto_opcode(data[0]);
	p->key_id = proto_key_id(data[0]);
	p->link_bytes = m->data_len;
	hdr = p->opcode == OP_DATA_V2 ? PROTO_DATA_V2_HDR_BYTES : PROTO_DATA_V1_HDR_BYTES;
	return m->data_len > hdr;
}

static struct peer *peer_find(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt_of(m);
	uint32_t id = PROTO_PEER_ID_UNDEF;

	if (likely(p->opcode == OP_DATA_V2))
		id = proto_peer_id(rte_pktmbuf_mtod(m, const uint8_t *));
	if (unlikely(id == PROTO_PEER_ID_UNDEF))
		id = iroute_link_lookup(w->dp->iroute, p->gateway, p->local_id, p->link_family,
			p->link_addr, p->link_port_be);
	return id == PROTO_PEER_ID_UNDEF ? NULL : peer_by_id(w->dp->peers, id);
}

// Is this where the peer's packets come from, and the address of ours that they are sent to? Replies
// go from there, and behind a NAT they reach the client only so. A peer without an address has nowhere to come from.
static bool is_bound(const struct peer *peer, const struct pkt *p)
{
	const struct peer_link *link = atomic_load_explicit(&peer->link, memory_order_acquire);

	return link && link->family == p->link_family && link->local_id == p->local_id &&
	       link->remote_port_be == p->link_port_be &&
	       memcmp(link->remote_addr, p->link_addr, 16) == 0;
}

// A client whose address has changed shows it by its tag. Whoever does not know the key gets no
// more of the cipher than this budget. P_DATA_V1 has no peer id: there the address is the client.
static bool may_float(struct worker *w, const struct pkt *p)
{
	return p->opcode == OP_DATA_V2 && overload_unbound_take(w->overload, w->now_tsc);
}

// Keeps the packets whose peer is this worker's; the others are handed over or dropped.
static void find_burst(struct worker *w, struct batch *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->m[i];
		struct pkt *p = pkt_of(m);
		struct peer *peer;

		if (unlikely(!opcode_parse(m))) {
			pkt_drop(w, m, DROP_SHORT);
			continue;
		}
		peer = peer_find(w, m);
		if (unlikely(!peer)) {
			pkt_drop(w, m, DROP_NO_PEER);
			continue;
		}
		if (unlikely(peer->gateway != p->gateway)) {
			pkt_drop(w, m, DROP_WRONG_GATEWAY);
			continue;
		}
		if (unlikely(!is_bound(peer, p))) {
			if (!may_float(w, p)) {
				pkt_drop(w, m, DROP_UNBOUND);
				continue;
			}
			p->flags |= PKT_F_UNBOUND;
		}
		p->peer_id = peer->peer_id;
		p->generation = peer->generation;
		if (peer->owner != w->index) {
			p->stage = PKT_STAGE_INBOUND_PEER;
			handoff_push(w, peer->owner, m);
			continue;
		}
		b->m[n] = m;
		b->peer[n++] = peer;
	}
	b->n = n;
}

// --- Authenticate ------------------------------------------------------------------------------

static void batch_add(struct batch *b, struct rte_mbuf *m, struct peer *peer, struct keyslot *k)
{
	b->m[b->n] = m;
	b->peer[b->n] = peer;
	b->key[b->n++] = k;
}

// Packets of the other formats go to a batch of their own. All of a peer's have the same format, so
// they stay in order.
static void key_burst(struct worker *w, struct batch *b, struct batch *other)
{
	struct keyslot *k, *last = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->m[i];
		struct pkt *p = pkt_of(m);

		k = peer_key_by_id(b->peer[i], p->key_id);
		if (unlikely(!k)) {
			pkt_drop(w, m, DROP_NO_KEY);
			continue;
		}
		if (unlikely(!overload_admit(w->overload, p->gateway, p->link_bytes))) {
			pkt_drop(w, m, DROP_OVERLOAD);
			continue;
		}
		if (unlikely(k->format != FORMAT_AEAD)) {
			batch_add(other, m, b->peer[i], k);
			continue;
		}
		if (k != last)
			aead_key_prefetch(&k->recv);
		last = k;
		b->m[n] = m;
		b->peer[n] = b->peer[i];
		b->key[n++] = k;
	}
	b->n = n;
}

static void op_fill(struct aead_op *op, struct rte_mbuf *m, const struct keyslot *k)
{
	uint8_t *hdr = rte_pktmbuf_mtod(m, uint8_t *), *id;
	struct pkt *p = pkt_of(m);

	if (likely(p->opcode == OP_DATA_V2)) {
		op->aad = hdr;
		op->aad_len = PROTO_DATA_V2_AAD_BYTES;
		id = hdr + 4;
	} else {
		op->aad = hdr + PROTO_DATA_V1_AAD_OFF;
		op->aad_len = PROTO_DATA_V1_AAD_BYTES;
		id = hdr + 1;
	}
	memcpy(op->nonce, id, PROTO_PKTID_BYTES);
	memcpy(op->nonce + PROTO_PKTID_BYTES, k->recv_iv, PROTO_IMPLICIT_IV_BYTES);
	p->pktid32 = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
	op->key = &k->recv;
	op->tag = id + PROTO_PKTID_BYTES;
	op->data = op->tag + PROTO_TAG_BYTES;
	op->len = (uint32_t)(p->link_bytes - (op->data - hdr));
}

static void open_burst(struct worker *w, struct batch *b)
{
	struct aead_op ops[WORKER_BURST];
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		if (capture_is_on(w->st, pkt_of(b->m[i])->gateway, CAPTURE_LINK))
			capture_copy(w, b->m[i], CAPTURE_LINK, true);
		op_fill(&ops[i], b->m[i], b->key[i]);
	}
	aead_open_burst(w->crypto, ops, b->n);
	for (unsigned int i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->m[i];
		struct keyslot *k = b->key[i];

		if (unlikely(!ops[i].ok)) {
			counter_add(&k->recv_failed, 1);
			pkt_drop(w, m, DROP_AUTH);
			continue;
		}
		if (unlikely(!pktid_accept(&k->recv_pktid, pkt_of(m)->pktid32))) {
			pkt_drop(w, m, DROP_REPLAY);
			continue;
		}
		rte_pktmbuf_adj(m, (uint16_t)(pkt_of(m)->link_bytes - ops[i].len));
		b->m[n] = m;
		b->peer[n] = b->peer[i];
		b->key[n++] = k;
	}
	b->n = n;
}

// --- Authenticated: side effects ----------------------------------------------------------------

static bool tell(struct worker *w, const struct peer *peer, enum event_type type, uint8_t key_id)
{
	struct event ev = {
		.type = type,
		.peer_id = peer->peer_id,
		.generation = peer->generation,
		.key_id = key_id,
	};

	return event_push(w, &ev);
}

static bool is_newest(const struct keyslot *k, const struct pkt *p)
{
	if (k->format == FORMAT_EPOCH)
		return epoch_is_newest(&k->epoch, p->pktid);
	return p->pktid32 == k->recv_pktid.highest;
}

// The peer is where its newest packet comes from: one that was under way for longer must not take
// it back. Control decides; until it has, replies go to the old address.
static void tell_float(
	struct worker *w, const struct peer *peer, const struct keyslot *k, const struct pkt *p)
{
	struct event ev = {
		.type = EVENT_FLOAT,
		.peer_id = peer->peer_id,
		.generation = peer->generation,
		.key_id = k->key_id,
		.family = p->link_family,
		.port_be = p->link_port_be,
		.local_id = p->local_id,
	};

	memcpy(ev.addr, p->link_addr, 16);
	if (is_newest(k, p) && overload_float_take(w->overload, w->now_tsc))
		event_push(w, &ev);
}

// Control answers. One client's questions must not fill the ring that all events go through.
static void tell_occ_request(struct worker *w, struct peer *peer, uint8_t key_id)
{
	if (peer->occ_tsc && w->now_tsc - peer->occ_tsc < w->occ_tsc_step)
		return;
	if (tell(w, peer, EVENT_OCC_REQUEST, key_id))
		peer->occ_tsc = w->now_tsc;
}

static void account(struct worker *w, struct peer *peer, struct keyslot *k, const struct pkt *p)
{
	uint64_t last = atomic_load_explicit(&peer->recv_tsc, memory_order_relaxed);

	counter_add(&k->recv_pkts, 1);
	counter_add(&k->recv_bytes, p->link_bytes);
	counter_add(&peer->link_in_bytes, p->link_bytes);
	if (w->now_tsc - last >= w->recv_tsc_step)
		atomic_store_explicit(&peer->recv_tsc, w->now_tsc, memory_order_relaxed);
	if (unlikely(p->flags & PKT_F_UNBOUND))
		tell_float(w, peer, k, p);
	if (unlikely(!k->told_used))
		k->told_used = tell(w, peer, EVENT_KEY_USED, k->key_id);
}

// --- Inner packet ------------------------------------------------------------------------------

static bool is_from_peer(
	struct worker *w, const struct peer *peer, uint16_t domain, const struct inner *in)
{
	uint8_t addr[16] = {0};

	if (in->family == 4) {
		if (likely(memcmp(in->src, &peer->vpn4_be, 4) == 0 && peer->vpn4_be))
			return true;
		memcpy(addr, in->src, 4);
	} else {
		if (in->src[0] == 0xfe && (in->src[1] & 0xc0) == 0x80)
			return false; // link-local chatter of clients
		memcpy(addr, in->src, 16);
		if (likely(memcmp(addr, peer->vpn6, 16) == 0))
			return !(in->src[0] == 0 && memcmp(addr, addr + 1, 15) == 0);
	}
	return iroute_lookup(w->dp->iroute, domain, in->family, addr) == peer->peer_id;
}

static bool is_own_address(const struct dp_gateway *gw, const struct inner *in)
{
	static const uint8_t none[16];

	if (in->family == 4)
		return gw->self4_be && memcmp(in->dst, &gw->self4_be, 4) == 0;
	return memcmp(in->dst, gw->self6, 16) == 0 && memcmp(in->dst, none, 16) != 0;
}

// Why the kernel must finish the packet, or PUNT_REASON_COUNT and the next hop.
static enum punt_reason route(struct worker *w, const struct dp_gateway *gw, const struct inner *in,
	struct memo *memo, const struct nexthop **nh)
{
	uint32_t index;

	if (is_own_address(gw, in))
		return PUNT_LOCAL;
	if (unlikely(inner_is_multicast(in)))
		return PUNT_MULTICAST;
	if (unlikely(!gw->fast_path))
		return PUNT_FAST_PATH_OFF;
	if (unlikely(in->options))
		return PUNT_IP_OPTIONS;
	if (unlikely(in->ttl <= 1))
		return PUNT_TTL;
	index = memo_fib(memo, w->dp->fib, gw->vpn_domain, in->family, in->dst);
	if (unlikely(index == NEXTHOP_KERNEL))
		return PUNT_NO_ROUTE;
	*nh = fib_nexthop_get(w->dp->fib, index);
	if (unlikely(!*nh))
		return PUNT_NO_NEIGH;
	if (unlikely(in->bytes > (*nh)->mtu))
		return PUNT_TOO_BIG;
	return PUNT_REASON_COUNT;
}

static void carry(struct worker *w, struct peer *peer, struct rte_mbuf *m, struct inner *in,
	struct memo *memo)
{
	struct gateway_counters *gc = &w->counters->gateway[peer->gateway];
	const struct dp_gateway *gw = &w->st->gateways[peer->gateway];
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	const struct nexthop *nh = NULL;
	struct pkt *p = pkt_of(m);
	enum punt_reason punt;

	m->data_len = in->bytes;
	m->pkt_len = in->bytes;
	p->flags |= PKT_F_INBOUND;
	counter_add(&gc->in_pkts, 1);
	counter_add(&gc->in_bytes, in->bytes);
	counter_add(&peer->in_pkts, 1);
	counter_add(&peer->in_bytes, in->bytes);
	if (inner_mss_clamp(ip, in, peer->mss4))
		counter_add(&gc->mss_clamped, 1);
	if (capture_is_on(w->st, p->gateway, CAPTURE_VPN))
		capture_copy(w, m, CAPTURE_VPN, true);
	punt = route(w, gw, in, memo, &nh);
	if (unlikely(punt != PUNT_REASON_COUNT)) {
		punt = hairpin(w, peer, m, in, punt);
		if (punt != PUNT_REASON_COUNT)
			punt_push(w, m, PUNT_TO_TUN, punt);
		return;
	}
	if (unlikely(nh->port >= PKT_PORT_MAX || !w->st->ports[nh->port].port)) {
		pkt_drop(w, m, DROP_NO_NEXTHOP);
		return;
	}
	inner_ttl_decrement(ip, in->family);
	m->ol_flags = 0;
	frame_push(m, nh, in->family); // fits: the packet has more than that in front of it
	worker_tx(w, nh->port, m);
}

// What the client's framing puts in front of the payload comes off. False: the packet is gone.
static bool unframe(struct worker *w, struct peer *peer, struct rte_mbuf *m)
{
	int skip = framing_skip(
		(enum framing)peer->framing, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

	if (likely(skip >= 0)) {
		rte_pktmbuf_adj(m, (uint16_t)skip);
		return true;
	}
	counter_add(&peer->compressed_pkts, 1);
	if (!peer->told_compressed)
		peer->told_compressed = tell(w, peer, EVENT_COMPRESSED, pkt_of(m)->key_id);
	pkt_drop(w, m, DROP_COMPRESSED);
	return false;
}

// The payload is an IP packet of the client's, a message, or rubbish.
static void deliver(struct worker *w, struct peer *peer, struct rte_mbuf *m, struct memo *memo)
{
	struct gateway_counters *gc = &w->counters->gateway[peer->gateway];
	const struct dp_gateway *gw = &w->st->gateways[peer->gateway];
	struct inner in;
	uint8_t *data;

	if (unlikely(peer->framing != FRAMING_NONE) && !unframe(w, peer, m))
		return;
	data = rte_pktmbuf_mtod(m, uint8_t *);
	switch (inner_parse(data, m->data_len, &in)) {
	case INNER_IP:
		break;
	case INNER_PING:
		counter_add(&gc->pings_in, 1);
		pkt_consume(w, m);
		return;
	case INNER_OCC_EXIT:
		tell(w, peer, EVENT_PEER_EXIT, pkt_of(m)->key_id);
		pkt_consume(w, m);
		return;
	case INNER_OCC_REQUEST:
		tell_occ_request(w, peer, pkt_of(m)->key_id);
		pkt_consume(w, m);
		return;
	case INNER_OCC:
		pkt_consume(w, m);
		return;
	case INNER_TRUNCATED:
		pkt_drop(w, m, DROP_TRUNCATED);
		return;
	case INNER_BAD_IP:
		pkt_drop(w, m, DROP_BAD_IP);
		return;
	case INNER_NOT_IP:
		pkt_drop(w, m, DROP_BAD_INNER);
		return;
	}
	if (unlikely(!is_from_peer(w, peer, gw->vpn_domain, &in)))
		pkt_drop(w, m, DROP_SPOOF);
	else if (unlikely(!inner_ecn_decap(data, &in, pkt_of(m)->link_tos)))
		pkt_drop(w, m, DROP_ECN);
	else
		carry(w, peer, m, &in, memo);
}

static void deliver_burst(struct worker *w, struct batch *b, struct memo *memo)
{
	for (unsigned int i = 0; i < b->n; i++) {
		account(w, b->peer[i], b->key[i], pkt_of(b->m[i]));
		deliver(w, b->peer[i], b->m[i], memo);
	}
}

// --- The path ----------------------------------------------------------------------------------

static __rte_noinline void other_burst(struct worker *w, struct batch *b, struct memo *memo)
{
	struct batch cbc;
	unsigned int n = 0;

	cbc.n = 0;
	for (unsigned int i = 0; i < b->n; i++) {
		if (b->key[i]->format == FORMAT_CBC) {
			batch_add(&cbc, b->m[i], b->peer[i], b->key[i]);
			continue;
		}
		b->m[n] = b->m[i];
		b->peer[n] = b->peer[i];
		b->key[n++] = b->key[i];
	}
	b->n = epoch_path_open_burst(w, b->m, b->peer, b->key, n);
	deliver_burst(w, b, memo);
	cbc.n = cbc_path_open_burst(w, cbc.m, cbc.peer, cbc.key, cbc.n);
	deliver_burst(w, &cbc, memo);
}

// From here on the peers are this worker's own.
static void owned_burst(struct worker *w, struct batch *b)
{
	struct memo memo = {0};
	struct batch other;

	other.n = 0;
	key_burst(w, b, &other);
	if (likely(b->n)) {
		open_burst(w, b);
		deliver_burst(w, b, &memo);
	}
	if (unlikely(other.n))
		other_burst(w, &other, &memo);
	if (unlikely(w->hairpin.count))
		hairpin_flush(w);
}

void inbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n)
{
	const struct dp_port *p = &w->st->ports[port];
	struct leftovers rest;
	struct batch b;

	rest.n = 0;
	b.n = 0;
	counter_add(&w->counters->port[port].rx_pkts, n);
	for (unsigned int i = 0; i < RTE_MIN(n, (unsigned int)PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned int i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n) {
			rte_prefetch0(rte_pktmbuf_mtod(m[i + PREFETCH_AHEAD], void *));
			rte_prefetch0(pkt_of(m[i + PREFETCH_AHEAD]));
		}
		m[i]->port = port; // not every driver says so
		parse_one(w, p, m[i], &rest, &b);
	}
	find_burst(w, &b);
	if (b.n)
		owned_burst(w, &b);
	if (rest.n)
		outbound_frames(w, port, rest.m, rest.n);
}

void inbound_link_burst(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < n; i++) {
		pkt_of(m[i])->link_hdr_len = 0;
		if (unlikely(pkt_of(m[i])->gateway >= w->st->gateway_count))
			pkt_drop(w, m[i], DROP_NO_ENDPOINT);
		else if (unlikely(m[i]->data_len &&
				  !proto_is_data(*rte_pktmbuf_mtod(m[i], uint8_t *))))
			pkt_drop(w, m[i], DROP_NOT_OURS);
		else
			b.m[b.n++] = m[i];
	}
	find_burst(w, &b);
	if (b.n)
		owned_burst(w, &b);
}

void inbound_peer_burst(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < n; i++) {
		const struct pkt *p = pkt_of(m[i]);
		struct peer *peer = peer_by_id(w->dp->peers, p->peer_id);

		if (unlikely(!peer || peer->generation != p->generation ||
			     p->gateway >= w->st->gateway_count)) {
			pkt_drop(w, m[i], DROP_STALE);
			continue;
		}
		b.m[b.n] = m[i];
		b.peer[b.n++] = peer;
	}
	if (b.n)
		owned_burst(w, &b);
}
