// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One data-channel key: both directions' expanded keys, implicit IVs, packet ids and usage.
// Control makes it, publishes it in one of a peer's two slots and frees it after a grace period;
// the owner worker alone uses it in between.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/aead.h"
#include "dataplane/pktid.h"
#include "dataplane/proto.h"

struct keyslot {
	// Read for every packet; written by control before publication.
	alignas(64) uint8_t key_id;
	uint8_t recv_iv[PROTO_IMPLICIT_IV_BYTES];
	uint8_t send_iv[PROTO_IMPLICIT_IV_BYTES];
	uint32_t generation; // of the peer it belongs to

	// Owner worker: rw.
	alignas(64) struct pktid_send send_pktid;
	_Atomic(uint64_t) recv_pkts; // accepted; control reads (first packet, AEAD limits)
	_Atomic(uint64_t) send_pkts;
	_Atomic(uint64_t) recv_failed; // tag mismatches
	bool told_used;                // EVENT_KEY_USED was sent
	bool told_pktid;               // EVENT_PKTID_HIGH was sent
	alignas(64) struct pktid_recv recv_pktid;

	struct aead_key recv;
	struct aead_key send;
};
