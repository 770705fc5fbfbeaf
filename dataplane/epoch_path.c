// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/epoch_path.h"

#include "dataplane/capture.h"
#include "dataplane/keyslot.h"
#include "dataplane/outer.h"
#include "dataplane/peer.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>

// Control is to put more keys in. A full ring: with the next packet.
static void tell_if_moved(struct worker *w, const struct peer *peer, struct keyslot *k)
{
	struct event ev = {
		.type = EVENT_EPOCH,
		.peer_id = peer->peer_id,
		.generation = peer->generation,
		.key_id = k->key_id,
	};

	if (unlikely(k->epoch.moved))
		k->epoch.moved = !event_push(w, &ev);
}

// --- Inbound -----------------------------------------------------------------------------------

static enum drop_reason op_fill(struct aead_op *op, struct rte_mbuf *m, const struct keyslot *k)
{
	uint8_t *hdr = rte_pktmbuf_mtod(m, uint8_t *);
	struct pkt *p = pkt_of(m);
	const struct epoch_key *key;
	rte_be64_t id;

	if (unlikely(p->opcode != OP_DATA_V2))
		return DROP_EPOCH;
	if (unlikely(p->link_bytes <= PROTO_EPOCH_HDR_BYTES + PROTO_TAG_BYTES))
		return DROP_SHORT;
	memcpy(&id, hdr + PROTO_DATA_V2_PREFIX_BYTES, sizeof(id));
	p->pktid = rte_be_to_cpu_64(id);
	key = epoch_recv_key(&k->epoch, p->pktid);
	if (unlikely(!key))
		return DROP_EPOCH;
	epoch_nonce(op->nonce, hdr + PROTO_DATA_V2_PREFIX_BYTES, key->iv);
	op->key = &key->key;
	op->aad = hdr;
	op->aad_len = PROTO_EPOCH_HDR_BYTES;
	op->data = hdr + PROTO_EPOCH_HDR_BYTES;
	op->len = p->link_bytes - (PROTO_EPOCH_HDR_BYTES + PROTO_TAG_BYTES);
	op->tag = op->data + op->len;
	return DROP_REASON_COUNT;
}

// What became of the packet. Cuts it down to the text.
static enum drop_reason unpack(struct rte_mbuf *m, const struct aead_op *op, struct keyslot *k)
{
	uint64_t id = pkt_of(m)->pktid;

	if (unlikely(!op->ok)) {
		counter_add(&k->recv_failed, 1);
		epoch_failed(&k->epoch, id);
		return DROP_AUTH;
	}
	m->data_off += PROTO_EPOCH_HDR_BYTES;
	m->data_len = (uint16_t)op->len;
	m->pkt_len = op->len;
	return epoch_accept(&k->epoch, id, op->len);
}

unsigned int epoch_path_open_burst(struct worker *w, struct rte_mbuf **m, struct peer **peer,
	struct keyslot **key, unsigned int n)
{
	struct aead_op ops[WORKER_BURST];
	unsigned int whole = 0, good = 0;
	enum drop_reason reason;

	for (unsigned int i = 0; i < n; i++) {
		if (capture_is_on(w->st, pkt_of(m[i])->gateway, CAPTURE_LINK))
			capture_copy(w, m[i], CAPTURE_LINK, true);
		reason = op_fill(&ops[whole], m[i], key[i]);
		if (unlikely(reason != DROP_REASON_COUNT)) {
			pkt_drop(w, m[i], reason);
			continue;
		}
		m[whole] = m[i];
		peer[whole] = peer[i];
		key[whole++] = key[i];
	}
	aead_open_burst(w->crypto, ops, whole);
	for (unsigned int i = 0; i < whole; i++) {
		reason = unpack(m[i], &ops[i], key[i]);
		tell_if_moved(w, peer[i], key[i]);
		if (unlikely(reason != DROP_REASON_COUNT)) {
			pkt_drop(w, m[i], reason);
			continue;
		}
		m[good] = m[i];
		peer[good] = peer[i];
		key[good++] = key[i];
	}
	return good;
}

// --- Outbound ----------------------------------------------------------------------------------

bool epoch_path_make_room(struct rte_mbuf *m, const struct peer *peer)
{
	return pkt_make_room(
		m, OUTER_HDR_MAX + PROTO_EPOCH_HDR_BYTES + peer->framing, PROTO_TAG_BYTES);
}

uint64_t epoch_path_take(
	struct worker *w, struct rte_mbuf *m, const struct peer *peer, struct keyslot *k)
{
	uint64_t id;
	const struct epoch_key *key = epoch_send_take(
		&k->epoch, m->data_len + FRAMING_BYTES_MAX, &id);

	tell_if_moved(w, peer, k);
	if (unlikely(!key))
		return 0;
	pkt_of(m)->send_key = key;
	return id;
}

void epoch_path_fill(
	struct aead_op *op, struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k)
{
	const struct epoch_key *key = pkt_of(m)->send_key;
	rte_be64_t id = rte_cpu_to_be_64(pkt_of(m)->pktid);
	uint8_t *hdr;

	op->len = m->data_len;
	rte_pktmbuf_append(m, PROTO_TAG_BYTES); // fits: room was made
	hdr = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_EPOCH_HDR_BYTES);
	proto_compose_v2(hdr, k->key_id, peer->peer_id);
	memcpy(hdr + PROTO_DATA_V2_PREFIX_BYTES, &id, sizeof(id));
	epoch_nonce(op->nonce, (const uint8_t *)&id, key->iv);
	op->key = &key->key;
	op->aad = hdr;
	op->aad_len = PROTO_EPOCH_HDR_BYTES;
	op->data = hdr + PROTO_EPOCH_HDR_BYTES;
	op->tag = op->data + op->len;
}
