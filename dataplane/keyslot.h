// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One data-channel key: packet format, both directions' expanded keys, packet ids and usage.
// Control makes it, publishes it in one of a peer's two slots and frees it after a grace period;
// the owner worker alone uses it in between.
#pragma once

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/aead.h"
#include "dataplane/cbc.h"
#include "dataplane/epoch.h"
#include "dataplane/pktid.h"
#include "dataplane/proto.h"

struct keyslot {
	// Read for every packet; written by control before publication.
	alignas(64) uint8_t key_id;
	uint8_t format;      // enum data_format
	uint16_t head_bytes; // room in front that sealing surely needs; UINT16_MAX: look closer
	uint8_t recv_iv[PROTO_IMPLICIT_IV_BYTES]; // FORMAT_AEAD
	uint8_t send_iv[PROTO_IMPLICIT_IV_BYTES];
	uint32_t generation; // of the peer it belongs to

	// Owner worker: rw.
	alignas(64) struct pktid_send send_pktid; // used up in FORMAT_EPOCH: ids come from epoch
	_Atomic(uint64_t) recv_pkts; // accepted; control reads (first packet, AEAD limits)
	_Atomic(uint64_t) send_pkts;
	_Atomic(uint64_t) recv_bytes, send_bytes; // UDP payload of these packets
	_Atomic(uint64_t) recv_failed;            // tag mismatches
	bool told_used;                           // EVENT_KEY_USED was sent
	bool told_pktid;                          // EVENT_PKTID_HIGH was sent
	alignas(64) struct pktid_recv recv_pktid;

	union {
		struct {
			union {
				struct aead_key recv;
				struct cbc_key recv_cbc; // FORMAT_CBC
			};
			union {
				struct aead_key send;
				struct cbc_key send_cbc;
			};
		};
		struct epoch_slot epoch; // FORMAT_EPOCH
	};
};
static_assert(offsetof(struct keyslot, send_pktid) == 64, "keyslot: line 0 overflows");
static_assert(sizeof(struct epoch_slot) <= 2 * sizeof(struct aead_key), "keyslot: has grown");

// Control, before publication: expand the keys and set the format of a zeroed slot.
void keyslot_aead_init(
	struct keyslot *k, enum cipher cipher, const uint8_t *recv, const uint8_t *send);
void keyslot_cbc_init(struct keyslot *k, enum cipher cipher, enum digest digest,
	const struct cbc_raw *recv, const struct cbc_raw *send);
// Without keys: they are put into the arrays of k->epoch.
void keyslot_epoch_init(struct keyslot *k, enum cipher cipher);
