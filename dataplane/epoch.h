// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Keys of the epoch data format (proto.h): of each direction the one in use and those to come, and
// which packet ids were used under them. Control puts keys in and takes them out
// (control/publish_epoch.c); the owner worker decides which are in use, and calls the functions
// here. They derive nothing and allocate nothing. [OpenVPN crypto_epoch.c]
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/aead.h"
#include "dataplane/drop.h"
#include "dataplane/proto.h"

#define EPOCH_FUTURE 4u // receive keys beyond the current one
#define EPOCH_AHEAD 2u  // send keys beyond the current one
#define EPOCH_RING 16u  // more than can be there at once: no two have the same index
#define EPOCH_RECV_MAX (UINT16_MAX - EPOCH_FUTURE - 1u)
#define EPOCH_SEND_MAX (UINT16_MAX - 16u - 1u) // clients up to 2.7.6 hold 16 to come
#define EPOCH_RENEGOTIATE 0xf000u              // a new key id is due from here on

#define EPOCH_COUNTER_BITS 48
#define EPOCH_COUNTER_MAX ((UINT64_C(1) << EPOCH_COUNTER_BITS) - 1)
// AES-GCM: blocks of 16 bytes and packets together. [draft-irtf-cfrg-aead-limits]
#define EPOCH_USAGE_MAX ((UINT64_C(1) << 36) - 1)
#define EPOCH_FAILED_MAX (UINT64_C(1) << 36) // forged packets tried on one key

// Ids from highest - (EPOCH_WINDOW - 1) on are judged by their bit, as in pktid.h; the ring of words
// is larger than the window, so that what is being cleared is never in it.
#define EPOCH_WINDOW 2048u
#define EPOCH_WINDOW_WORDS 64u // a power of two

// Control makes it and frees it after a grace period; constant in between.
struct epoch_key {
	struct aead_key key;
	uint8_t iv[PROTO_NONCE_BYTES];
	uint16_t epoch;
};

struct epoch_window {
	uint64_t highest; // counter accepted; 0 before the first
	uint64_t bitmap[EPOCH_WINDOW_WORDS];
};

// At the first of each the next epoch is due, the second is never exceeded.
struct epoch_limits {
	uint64_t usage_due, usage_max;
	uint64_t counter_due, counter_max;
	uint64_t failed_due, failed_max;
};

// Part of a key slot.
struct epoch_slot {
	// Control: rw, worker: ro. At index epoch % EPOCH_RING.
	_Atomic(struct epoch_key *) recv[EPOCH_RING], send[EPOCH_RING];
	struct epoch_limits limits; // before publication
	void *source;               // control's own: what the keys are made of

	// Owner worker: rw, control: ro. Epochs only grow.
	alignas(64) _Atomic(uint32_t) recv_epochs; // current, previous << 16 (0: none): one word
	_Atomic(uint32_t) send_epoch;
	_Atomic(uint32_t) send_wanted; // at least send_epoch: where to be as soon as possible
	_Atomic(uint64_t) failed[EPOCH_RING]; // tag mismatches, by epoch of the key

	// Owner worker alone.
	uint64_t send_counter; // last given out in send_epoch
	uint64_t send_usage;   // of the key in use: blocks and packets
	uint64_t recv_usage;
	bool moved; // control is to be told by EVENT_EPOCH
	struct epoch_window current, previous;
};

static inline uint32_t epoch_of_id(uint64_t id)
{
	return (uint32_t)(id >> EPOCH_COUNTER_BITS);
}

// The nonce of a packet: its id as on the wire, then zeros, exclusive or the IV.
static inline void epoch_nonce(
	uint8_t nonce[PROTO_NONCE_BYTES], const uint8_t *id, const uint8_t *iv)
{
	for (unsigned int i = 0; i < PROTO_EPOCH_ID_BYTES; i++)
		nonce[i] = id[i] ^ iv[i];
	for (unsigned int i = PROTO_EPOCH_ID_BYTES; i < PROTO_NONCE_BYTES; i++)
		nonce[i] = iv[i];
}

// Control, before publication: limits for the cipher, first epochs; no keys yet.
void epoch_slot_init(struct epoch_slot *s, enum cipher cipher);

// Worker. The key that a packet with this id must have been sealed with. NULL: it is not there, or
// too many forgeries were tried on it. Changes nothing.
const struct epoch_key *epoch_recv_key(const struct epoch_slot *s, uint64_t id);
// Worker. The tag did not match.
void epoch_failed(struct epoch_slot *s, uint64_t id);
// Worker. The tag matched, bytes: length of the text. DROP_REASON_COUNT; DROP_REPLAY; DROP_EPOCH: the
// epoch ended with a packet before it.
enum drop_reason epoch_accept(struct epoch_slot *s, uint64_t id, uint32_t bytes);
// Worker. Is it the newest of all packets accepted so far?
bool epoch_is_newest(const struct epoch_slot *s, uint64_t id);

// Worker. Takes an id for a text of so many bytes, and the key it is to be sealed with in this turn
// of the loop. NULL: there is none left.
const struct epoch_key *epoch_send_take(struct epoch_slot *s, uint32_t bytes, uint64_t *id);
