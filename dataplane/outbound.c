// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Stages over arrays, each compacts the survivors: parse, find the peer, [hand over to its owner,]
// find key and way out, and only when nothing can lose the packet any more but the port itself:
// packet id, cipher, outer header.
#include "dataplane/outbound.h"

#include "dataplane/capture.h"
#include "dataplane/cbc_path.h"
#include "dataplane/epoch_path.h"
#include "dataplane/frame.h"
#include "dataplane/handoff.h"
#include "dataplane/inner.h"
#include "dataplane/memo.h"
#include "dataplane/outer.h"
#include "dataplane/overload.h"
#include "dataplane/pkt.h"
#include "dataplane/punt.h"
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include <assert.h>

#define PREFETCH_AHEAD 4

static_assert(RTE_PKTMBUF_HEADROOM >= OUTER_HDR_MAX + PROTO_DATA_V2_HDR_BYTES + FRAMING_BYTES_MAX,
	"outbound: headers must fit an mbuf's headroom");

struct batch {
	unsigned int n;
	struct rte_mbuf *m[WORKER_BURST];
	struct peer *peer[WORKER_BURST];
	struct keyslot *key[WORKER_BURST];
	const struct peer_link *link[WORKER_BURST];
	const struct nexthop *nh[WORKER_BURST]; // NULL: through the kernel
};

// --- Parse, find the peer ------------------------------------------------------------------------

// Remembers inner header and peer; the data is cut down to the IP packet.
static void vpn_fill(
	struct rte_mbuf *m, uint16_t l2_len, const struct inner *in, const struct peer *peer)
{
	struct pkt *p = pkt_of(m);

	p->peer_id = peer->peer_id;
	p->generation = peer->generation;
	p->gateway = peer->gateway;
	p->flags |= PKT_F_OUTBOUND;
	p->vpn_family = in->family;
	p->vpn_tos = in->tos;
	p->vpn_proto = in->proto;
	p->vpn_hdr_len = in->hdr_len;
	p->vpn_bytes = in->bytes;
	m->data_off += l2_len;
	m->data_len = in->bytes;
	m->pkt_len = in->bytes;
}

// Why the kernel must finish a packet that came from a port, or PUNT_REASON_COUNT.
static enum punt_reason punt_reason_of(const struct dp_gateway *gw, const struct inner *in)
{
	if (unlikely(!gw->fast_path))
		return PUNT_FAST_PATH_OFF;
	if (unlikely(in->options))
		return PUNT_IP_OPTIONS;
	if (unlikely(in->ttl <= 1))
		return PUNT_TTL;
	if (unlikely(in->bytes > gw->tun_mtu))
		return PUNT_TOO_BIG;
	return PUNT_REASON_COUNT;
}

static void clamp(struct worker *w, const struct peer *peer, uint8_t *ip, const struct inner *in)
{
	if (inner_mss_clamp(ip, in, peer->mss4))
		counter_add(&w->counters->gateway[peer->gateway].mss_clamped, 1);
}

// A packet for a client of ours, from a port. Everything that changes the inner packet happens
// here, before another worker may get it.
static void admit(struct worker *w, const struct dp_port *port, struct peer *peer,
	struct rte_mbuf *m, uint16_t l2_len, const struct inner *in, struct batch *b)
{
	const struct dp_gateway *gw = &w->st->gateways[peer->gateway];
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, l2_len);
	enum punt_reason punt;

	vpn_fill(m, l2_len, in, peer);
	if (port->complete_csum && inner_csum_complete(ip, in))
		counter_add(&w->counters->port[m->port].csum_completed, 1);
	punt = punt_reason_of(gw, in);
	if (unlikely(punt != PUNT_REASON_COUNT)) {
		punt_push(w, m, PUNT_TO_TUN, punt);
		return;
	}
	clamp(w, peer, ip, in);
	inner_ttl_decrement(ip, in->family);
	if (peer->owner != w->index) {
		pkt_of(m)->stage = PKT_STAGE_OUTBOUND_PEER;
		handoff_push(w, peer->owner, m);
		return;
	}
	b->m[b->n] = m;
	b->peer[b->n++] = peer;
}

static struct peer *peer_of(
	struct worker *w, uint16_t domain, const struct inner *in, struct memo *memo)
{
	uint32_t id = memo_iroute(memo, w->dp->iroute, domain, in->family, in->dst);
	struct peer *peer = id == PROTO_PEER_ID_UNDEF ? NULL : peer_by_id(w->dp->peers, id);

	return peer && peer->gateway < w->st->gateway_count ? peer : NULL;
}

static void parse_one(struct worker *w, const struct dp_port *port, struct rte_mbuf *m,
	struct memo *memo, struct batch *b)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	enum inner_kind kind;
	struct peer *peer;
	struct inner in;
	struct frame f;
	uint16_t domain;

	pkt_reset(m);
	if (unlikely(!frame_parse(data, m->data_len, &f))) {
		pkt_drop(w, m, DROP_TRUNCATED);
		return;
	}
	if (unlikely(!frame_is_to(data, &port->port->mac) || f.family == 0)) {
		punt_exception(w, port, m, DROP_NOT_OURS);
		return;
	}
	domain = frame_domain(&f, port);
	if (unlikely(domain == DP_NO_DOMAIN)) {
		punt_exception(w, port, m, DROP_DOMAIN);
		return;
	}
	kind = inner_parse_ip(data + f.l2_len, m->data_len - f.l2_len, &in);
	if (unlikely(kind != INNER_IP || in.family != f.family)) {
		pkt_drop(w, m, kind == INNER_TRUNCATED ? DROP_TRUNCATED : DROP_BAD_IP);
		return;
	}
	peer = peer_of(w, domain, &in, memo);
	if (unlikely(!peer)) {
		punt_exception(w, port, m, DROP_NO_PEER);
		return;
	}
	admit(w, port, peer, m, f.l2_len, &in, b);
}

// --- Key and way out -------------------------------------------------------------------------------

// Next hop of the link, NULL if the kernel must send. False: the next hop names a port that is gone.
static bool way_out(struct worker *w, const struct peer_link *link, const struct nexthop **nh)
{
	*nh = NULL;
	if (link->nexthop == NEXTHOP_KERNEL)
		return true;
	*nh = fib_nexthop_get(w->dp->fib, link->nexthop);
	return !*nh || ((*nh)->port < PKT_PORT_MAX && w->st->ports[(*nh)->port].port);
}

// Less room in front than the key slot asks for.
static bool make_room(struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k)
{
	if (k->format == FORMAT_EPOCH)
		return epoch_path_make_room(m, peer);
	return k->format == FORMAT_CBC && cbc_path_make_room(m, peer, k);
}

// Everything that may lose a packet. What passes gets a packet id.
static void prepare_burst(struct worker *w, struct batch *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->m[i];
		struct peer *peer = b->peer[i];
		const struct peer_link *link = atomic_load_explicit(
			&peer->link, memory_order_acquire);
		struct keyslot *k = peer_key_primary(peer);
		enum drop_reason reason;

		if (unlikely(!k))
			reason = DROP_NO_KEY;
		else if (unlikely(!link || !way_out(w, link, &b->nh[n])))
			reason = DROP_NO_NEXTHOP;
		else if (unlikely(rte_pktmbuf_headroom(m) < k->head_bytes + peer->framing) &&
			 !make_room(m, peer, k))
			reason = DROP_NO_ROOM;
		else if (unlikely(!overload_admit(w->overload, peer->gateway, m->data_len)))
			reason = DROP_OVERLOAD;
		else
			reason = DROP_REASON_COUNT;
		if (unlikely(reason != DROP_REASON_COUNT)) {
			pkt_drop(w, m, reason);
			continue;
		}
		b->m[n] = m;
		b->peer[n] = peer;
		b->key[n] = k;
		b->link[n++] = link;
	}
	b->n = n;
}

// --- Packet ids ------------------------------------------------------------------------------------

static void tell_pktid_high(struct worker *w, const struct peer *peer, struct keyslot *k)
{
	struct event ev = {
		.type = EVENT_PKTID_HIGH,
		.peer_id = peer->peer_id,
		.generation = peer->generation,
		.key_id = k->key_id,
	};

	k->told_pktid = event_push(w, &ev); // else with the next packet
}

// The last ones of a key go singly, and those of the epoch format.
static __rte_noinline void pktid_singly(
	struct worker *w, struct batch *b, unsigned int from, unsigned int n)
{
	struct keyslot *k = b->key[from];

	for (unsigned int i = from; i < from + n; i++)
		pkt_of(b->m[i])->pktid = k->format == FORMAT_EPOCH
						 ? epoch_path_take(w, b->m[i], b->peer[i], k)
						 : pktid_reserve(&k->send_pktid, 1);
}

// Ids for a run of packets with one key.
static void pktid_run(struct worker *w, struct batch *b, unsigned int from, unsigned int n)
{
	uint32_t first = pktid_reserve(&b->key[from]->send_pktid, n);

	if (unlikely(first == 0)) {
		pktid_singly(w, b, from, n);
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		pkt_of(b->m[from + i])->pktid = first + i;
}

static void pktid_burst(struct worker *w, struct batch *b)
{
	unsigned int n = 0, run;

	for (unsigned int i = 0; i < b->n; i += run) {
		for (run = 1; i + run < b->n && b->key[i + run] == b->key[i];)
			run++;
		pktid_run(w, b, i, run);
		if (unlikely(b->key[i]->send_pktid.last >= PKTID_RENEGOTIATE) &&
			!b->key[i]->told_pktid)
			tell_pktid_high(w, b->peer[i], b->key[i]);
	}
	for (unsigned int i = 0; i < b->n; i++) {
		if (unlikely(pkt_of(b->m[i])->pktid == 0)) {
			pkt_drop(w, b->m[i], DROP_PKTID_EXHAUSTED);
			continue;
		}
		b->m[n] = b->m[i];
		b->peer[n] = b->peer[i];
		b->key[n] = b->key[i];
		b->link[n] = b->link[i];
		b->nh[n++] = b->nh[i];
	}
	b->n = n;
}

// --- Seal ------------------------------------------------------------------------------------------

// Composes the OpenVPN header in front of the text and describes the operation.
static void op_fill(
	struct aead_op *op, struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k)
{
	uint32_t len = m->data_len, id = (uint32_t)pkt_of(m)->pktid;
	uint8_t *hdr, *at;

	if (unlikely(peer->data_v1)) {
		hdr = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_DATA_V1_HDR_BYTES);
		hdr[0] = (uint8_t)(OP_DATA_V1 << 3 | (k->key_id & PROTO_KEY_ID_MASK));
		at = hdr + 1;
		op->aad = at;
		op->aad_len = PROTO_DATA_V1_AAD_BYTES;
	} else {
		hdr = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_DATA_V2_HDR_BYTES);
		proto_compose_v2(hdr, k->key_id, peer->peer_id);
		at = hdr + 4;
		op->aad = hdr;
		op->aad_len = PROTO_DATA_V2_AAD_BYTES;
	}
	id = rte_cpu_to_be_32(id);
	memcpy(at, &id, PROTO_PKTID_BYTES);
	memcpy(op->nonce, at, PROTO_PKTID_BYTES);
	memcpy(op->nonce + PROTO_PKTID_BYTES, k->send_iv, PROTO_IMPLICIT_IV_BYTES);
	op->key = &k->send;
	op->tag = at + PROTO_PKTID_BYTES;
	op->data = op->tag + PROTO_TAG_BYTES;
	op->len = len;
}

// Room for it was made.
static void frame(struct rte_mbuf *m, const struct peer *peer)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t head[FRAMING_BYTES_MAX];
	unsigned int n = framing_head((enum framing)peer->framing, data[0], head);

	memcpy(rte_pktmbuf_prepend(m, (uint16_t)n), head, n);
}

static void seal_burst(struct worker *w, struct batch *b)
{
	struct aead_op ops[WORKER_BURST], *op = ops;
	struct cbc_op cbc[WORKER_BURST], *cbc_op = cbc;

	for (unsigned int i = 0; i < b->n; i++) {
		struct pkt *p = pkt_of(b->m[i]);
		const struct dp_gateway *gw = &w->st->gateways[b->peer[i]->gateway];
		const struct keyslot *k = b->key[i];

		if (i == 0 || k != b->key[i - 1])
			aead_key_prefetch(&k->send);
		p->link_tos = 0;
		if (likely(p->flags & PKT_F_OUTBOUND)) {
			p->link_tos = inner_tos_encap(p->vpn_tos, gw->copy_dscp, gw->ecn_compat);
			if (capture_is_on(w->st, b->peer[i]->gateway, CAPTURE_VPN))
				capture_copy(w, b->m[i], CAPTURE_VPN, false);
		}
		if (unlikely(b->peer[i]->framing != FRAMING_NONE))
			frame(b->m[i], b->peer[i]);
		if (likely(k->format == FORMAT_AEAD))
			op_fill(op++, b->m[i], b->peer[i], k);
		else if (k->format == FORMAT_EPOCH)
			epoch_path_fill(op++, b->m[i], b->peer[i], k);
		else
			cbc_path_fill(cbc_op++, b->m[i], (uint32_t)p->pktid, b->peer[i], k);
	}
	aead_seal_burst(w->crypto, ops, (unsigned int)(op - ops));
	if (unlikely(cbc_op != cbc))
		cbc_seal_burst(w->crypto, cbc, (unsigned int)(cbc_op - cbc));
}

// --- Send ------------------------------------------------------------------------------------------

static void account(struct worker *w, struct peer *peer, struct keyslot *k, struct rte_mbuf *m)
{
	struct gateway_counters *gc = &w->counters->gateway[peer->gateway];
	uint64_t last = atomic_load_explicit(&peer->send_tsc, memory_order_relaxed);
	const struct pkt *p = pkt_of(m);

	counter_add(&k->send_pkts, 1);
	counter_add(&k->send_bytes, m->data_len);
	counter_add(&peer->link_out_bytes, m->data_len);
	if (w->now_tsc - last >= w->recv_tsc_step)
		atomic_store_explicit(&peer->send_tsc, w->now_tsc, memory_order_relaxed);
	if (p->flags & PKT_F_MESSAGE) {
		if (p->vpn_bytes == PROTO_PING_BYTES)
			counter_add(&gc->pings_out, 1);
		return;
	}
	counter_add(&gc->out_pkts, 1);
	counter_add(&gc->out_bytes, p->vpn_bytes);
	counter_add(&peer->out_pkts, 1);
	counter_add(&peer->out_bytes, p->vpn_bytes);
}

static void send_by_kernel(struct worker *w, struct rte_mbuf *m, const struct peer_link *link)
{
	struct pkt *p = pkt_of(m);

	p->local_id = link->local_id;
	p->link_family = link->family;
	p->link_port_be = link->remote_port_be;
	memcpy(p->link_addr, link->remote_addr, sizeof(p->link_addr));
	punt_push(w, m, PUNT_TO_LINK, PUNT_LINK);
}

// Larger than the path: the receiver's kernel puts it together again. The original goes away.
static void send_fragments(struct worker *w, struct rte_mbuf *m, const struct peer_link *link,
	const struct nexthop *nh, uint16_t mtu)
{
	struct rte_mbuf *out[OUTER_FRAGMENTS_MAX];
	unsigned int n = outer_fragment(m, w->dp->pool, mtu, w->frag_id++, out);
	uint16_t gateway = pkt_of(m)->gateway;

	if (n == 0) {
		pkt_drop(w, m, DROP_NO_MBUF);
		return;
	}
	rte_pktmbuf_free(m); // lives on in its fragments, the last of which is counted
	for (unsigned int i = 0; i < n; i++) {
		out[i]->ol_flags = 0;
		frame_push(out[i], nh, link->family);
	}
	counter_add(&w->counters->gateway[gateway].link_fragmented, 1);
	worker_tx_fragments(w, nh->port, out, n);
}

static void send_one(struct worker *w, struct rte_mbuf *m, const struct peer_link *link,
	const struct nexthop *nh)
{
	enum outer_csum csum = OUTER_CSUM_SOFTWARE;
	const struct dp_port *port;
	uint16_t mtu;
	bool too_big;

	if (unlikely(!nh)) {
		send_by_kernel(w, m, link);
		return;
	}
	port = &w->st->ports[nh->port];
	mtu = RTE_MIN(nh->mtu, link->path_mtu);
	too_big = m->data_len + link->hdr_len > mtu;
	if (link->udp_csum_zero && link->family == 4)
		csum = OUTER_CSUM_ZERO;
	else if (port->udp_csum_offload && !too_big)
		csum = OUTER_CSUM_OFFLOAD;
	outer_build(m, link, pkt_of(m)->link_tos, w->ip_id++, csum, port->ip_csum_offload);
	if (unlikely(too_big)) {
		send_fragments(w, m, link, nh, mtu);
		return;
	}
	frame_push(m, nh, link->family);
	worker_tx(w, nh->port, m);
}

// --- The path --------------------------------------------------------------------------------------

// From here on the peers are this worker's own. Data: inner IP header, or a message.
static void owned_burst(struct worker *w, struct batch *b)
{
	prepare_burst(w, b);
	pktid_burst(w, b);
	if (b->n == 0)
		return;
	seal_burst(w, b);
	for (unsigned int i = 0; i < b->n; i++) {
		if (capture_is_on(w->st, b->peer[i]->gateway, CAPTURE_LINK))
			capture_copy(w, b->m[i], CAPTURE_LINK, false);
		account(w, b->peer[i], b->key[i], b->m[i]);
		send_one(w, b->m[i], b->link[i], b->nh[i]);
	}
}

void outbound_frames(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n)
{
	const struct dp_port *p = &w->st->ports[port];
	struct memo memo = {0};
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < RTE_MIN(n, (unsigned int)PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned int i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n) {
			rte_prefetch0(rte_pktmbuf_mtod(m[i + PREFETCH_AHEAD], void *));
			rte_prefetch0(pkt_of(m[i + PREFETCH_AHEAD]));
		}
		parse_one(w, p, m[i], &memo, &b);
	}
	if (b.n)
		owned_burst(w, &b);
}

void outbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n)
{
	counter_add(&w->counters->port[port].rx_pkts, n);
	for (unsigned int i = 0; i < n; i++)
		m[i]->port = port; // not every driver says so
	outbound_frames(w, port, m, n);
}

// Not by way of the kernel either: it may have got the packet before its destination connected, or
// have changed that.
static bool is_forbidden(struct worker *w, const struct inner *in, const struct peer *to)
{
	const struct dp_gateway *gw = &w->st->gateways[to->gateway];
	const struct peer *from;
	uint32_t id;

	if (gw->client_to_client)
		return false;
	id = iroute_lookup(w->dp->iroute, gw->vpn_domain, in->family, in->src);
	from = id == PROTO_PEER_ID_UNDEF ? NULL : peer_by_id(w->dp->peers, id);
	return from && from != to && from->gateway == to->gateway;
}

// What the kernel has routed to a gateway's TUN device: it has counted the hop, and gets nothing
// back, or a packet could go round for ever.
static void tun_one(struct worker *w, struct rte_mbuf *m, struct memo *memo, struct batch *b)
{
	uint16_t gateway = pkt_of(m)->gateway;
	enum inner_kind kind;
	struct peer *peer;
	struct inner in;

	if (unlikely(gateway >= w->st->gateway_count)) {
		pkt_drop(w, m, DROP_NO_PEER);
		return;
	}
	kind = inner_parse_ip(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &in);
	if (unlikely(kind != INNER_IP)) {
		pkt_drop(w, m, kind == INNER_TRUNCATED ? DROP_TRUNCATED : DROP_BAD_IP);
		return;
	}
	peer = peer_of(w, w->st->gateways[gateway].vpn_domain, &in, memo);
	if (unlikely(!peer || peer->gateway != gateway)) {
		pkt_drop(w, m, DROP_NO_PEER);
		return;
	}
	if (unlikely(is_forbidden(w, &in, peer))) {
		pkt_drop(w, m, DROP_CLIENT_TO_CLIENT);
		return;
	}
	vpn_fill(m, 0, &in, peer);
	clamp(w, peer, rte_pktmbuf_mtod(m, uint8_t *), &in);
	if (peer->owner != w->index) {
		pkt_of(m)->stage = PKT_STAGE_OUTBOUND_PEER;
		handoff_push(w, peer->owner, m);
		return;
	}
	b->m[b->n] = m;
	b->peer[b->n++] = peer;
}

void outbound_tun_burst(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct memo memo = {0};
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < n; i++)
		tun_one(w, m[i], &memo, &b);
	if (b.n)
		owned_burst(w, &b);
}

// Peer of a packet that waited in a ring; NULL if it went away meanwhile.
static struct peer *peer_again(struct worker *w, const struct pkt *p)
{
	struct peer *peer = peer_by_id(w->dp->peers, p->peer_id);

	if (!peer || peer->generation != p->generation || peer->gateway >= w->st->gateway_count)
		return NULL;
	return peer;
}

void outbound_message_burst(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct pkt *p = pkt_of(m[i]);
		struct peer *peer = peer_again(w, p);

		if (unlikely(!peer)) {
			pkt_drop(w, m[i], DROP_STALE);
			continue;
		}
		p->gateway = peer->gateway;
		p->flags |= PKT_F_MESSAGE;
		p->vpn_bytes = m[i]->data_len;
		if (peer->owner != w->index) {
			p->stage = PKT_STAGE_SEAL;
			handoff_push(w, peer->owner, m[i]);
			continue;
		}
		b.m[b.n] = m[i];
		b.peer[b.n++] = peer;
	}
	if (b.n)
		owned_burst(w, &b);
}

void outbound_peer_burst(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct batch b;

	b.n = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct peer *peer = peer_again(w, pkt_of(m[i]));

		if (unlikely(!peer)) {
			pkt_drop(w, m[i], DROP_STALE);
			continue;
		}
		b.m[b.n] = m[i];
		b.peer[b.n++] = peer;
	}
	if (b.n)
		owned_burst(w, &b);
}
