// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/cbc_path.h"

#include "dataplane/capture.h"
#include "dataplane/keyslot.h"
#include "dataplane/outer.h"
#include "dataplane/peer.h"
#include "dataplane/pkt.h"
#include "dataplane/worker.h"

#include <rte_mbuf.h>

// --- Inbound -----------------------------------------------------------------------------------

// False: the length is none that a packet can have.
static bool op_fill(struct cbc_op *op, struct rte_mbuf *m, const struct keyslot *k)
{
	const struct pkt *p = pkt_of(m);
	uint32_t prefix = p->opcode == OP_DATA_V2 ? PROTO_DATA_V2_PREFIX_BYTES
						  : PROTO_DATA_V1_PREFIX_BYTES;
	uint32_t head = prefix + cbc_head_bytes(&k->recv_cbc);

	if (!k->recv_cbc.iv_bytes) {
		if (p->link_bytes < head + PROTO_PKTID_BYTES)
			return false;
	} else if (p->link_bytes < head + CBC_BLOCK_BYTES ||
		   (p->link_bytes - head) % CBC_BLOCK_BYTES != 0) {
		return false;
	}
	op->key = &k->recv_cbc;
	op->data = rte_pktmbuf_mtod_offset(m, uint8_t *, prefix);
	op->len = p->link_bytes - head;
	return true;
}

// The packet is authentic: now its inside may be looked at. Cuts it down to the text, or says why
// not.
static enum drop_reason unpack(struct rte_mbuf *m, const struct cbc_op *op, struct keyslot *k)
{
	uint8_t *text = op->data + cbc_head_bytes(op->key);
	int len = op->key->iv_bytes ? cbc_unpad(text, op->len) : (int)op->len;
	uint32_t id;

	if (unlikely(len < PROTO_PKTID_BYTES))
		return DROP_BAD_PADDING;
	memcpy(&id, text, sizeof(id));
	pkt_of(m)->pktid32 = rte_be_to_cpu_32(id);
	if (unlikely(!pktid_accept(&k->recv_pktid, pkt_of(m)->pktid32)))
		return DROP_REPLAY;
	text += PROTO_PKTID_BYTES;
	m->data_off += (uint16_t)(text - rte_pktmbuf_mtod(m, uint8_t *));
	m->data_len = (uint16_t)(len - PROTO_PKTID_BYTES);
	m->pkt_len = m->data_len;
	return DROP_REASON_COUNT;
}

unsigned int cbc_path_open_burst(struct worker *w, struct rte_mbuf **m, struct peer **peer,
	struct keyslot **key, unsigned int n)
{
	struct cbc_op ops[WORKER_BURST];
	unsigned int whole = 0, good = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (capture_is_on(w->st, pkt_of(m[i])->gateway, CAPTURE_LINK))
			capture_copy(w, m[i], CAPTURE_LINK, true);
		if (unlikely(!op_fill(&ops[whole], m[i], key[i]))) {
			pkt_drop(w, m[i], DROP_SHORT);
			continue;
		}
		m[whole] = m[i];
		peer[whole] = peer[i];
		key[whole++] = key[i];
	}
	cbc_open_burst(w->crypto, ops, whole);
	for (unsigned int i = 0; i < whole; i++) {
		enum drop_reason reason = DROP_AUTH;

		if (likely(ops[i].ok))
			reason = unpack(m[i], &ops[i], key[i]);
		else
			counter_add(&key[i]->recv_failed, 1);
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

bool cbc_path_make_room(struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k)
{
	uint32_t head = OUTER_HDR_MAX + PROTO_DATA_V2_PREFIX_BYTES + cbc_head_bytes(&k->send_cbc) +
			PROTO_PKTID_BYTES + peer->framing;

	return pkt_make_room(m, head, CBC_BLOCK_BYTES);
}

void cbc_path_fill(struct cbc_op *op, struct rte_mbuf *m, uint32_t id, const struct peer *peer,
	const struct keyslot *k)
{
	uint8_t *text = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_PKTID_BYTES), *prefix;
	rte_be32_t id_be = rte_cpu_to_be_32(id);

	memcpy(text, &id_be, sizeof(id_be));
	op->key = &k->send_cbc;
	op->number = id;
	op->len = op->key->iv_bytes ? cbc_pad(text, m->data_len) : m->data_len;
	rte_pktmbuf_append(m, (uint16_t)(op->len - m->data_len)); // fits: room was made
	op->data = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)cbc_head_bytes(op->key));
	if (peer->data_v1) {
		prefix = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_DATA_V1_PREFIX_BYTES);
		prefix[0] = (uint8_t)(OP_DATA_V1 << 3 | (k->key_id & PROTO_KEY_ID_MASK));
	} else {
		prefix = (uint8_t *)rte_pktmbuf_prepend(m, PROTO_DATA_V2_PREFIX_BYTES);
		proto_compose_v2(prefix, k->key_id, peer->peer_id);
	}
}
