// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/keyslot.h"

#include "dataplane/outer.h"

void keyslot_aead_init(
	struct keyslot *k, enum cipher cipher, const uint8_t *recv, const uint8_t *send)
{
	k->format = FORMAT_AEAD;
	k->head_bytes = OUTER_HDR_MAX + PROTO_DATA_V2_HDR_BYTES;
	aead_key_init(&k->recv, cipher, recv);
	aead_key_init(&k->send, cipher, send);
}

void keyslot_cbc_init(struct keyslot *k, enum cipher cipher, enum digest digest,
	const struct cbc_raw *recv, const struct cbc_raw *send)
{
	k->format = FORMAT_CBC;
	k->head_bytes = UINT16_MAX; // padding needs room behind as well
	cbc_key_init(&k->recv_cbc, cipher, digest, recv);
	cbc_key_init(&k->send_cbc, cipher, digest, send);
}

void keyslot_epoch_init(struct keyslot *k, enum cipher cipher)
{
	k->format = FORMAT_EPOCH;
	k->head_bytes = UINT16_MAX; // the tag needs room behind as well
	k->send_pktid.last = PKTID_MAX;
	k->told_pktid = true;
	epoch_slot_init(&k->epoch, cipher);
}
