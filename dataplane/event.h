// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Worker -> control: what control must act on. One bounded SPSC ring per worker; a full ring loses
// the event and counts it, so an event is a hint that control could also find by reading counters.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dp;
struct worker;

#define EVENT_RING_SIZE 4096

enum event_type {
	EVENT_KEY_USED,    // first packet authenticated with this key id
	EVENT_PKTID_HIGH,  // sending key has passed PKTID_RENEGOTIATE
	EVENT_PEER_EXIT,   // client said goodbye inside the data channel (OCC EXIT)
	EVENT_FLOAT,       // the peer's newest packet came from this address (rate-limited)
	EVENT_OCC_REQUEST, // client asks for the options string (at most once a second)
	EVENT_EPOCH,       // an epoch has ended: keys to come are to be put in (keyslot.h)
	EVENT_COMPRESSED,  // client compresses, or frames otherwise than agreed (once per peer)
};

struct event {
	uint32_t type; // enum event_type
	uint32_t peer_id;
	uint32_t generation; // stale events are ignored
	uint8_t key_id;
	uint8_t family;
	uint16_t port_be;
	uint8_t addr[16];
	uint8_t local_id; // EVENT_FLOAT: the address of ours it was sent to
};

// Control: takes the oldest event of a worker. False: none.
bool event_pop(struct dp *dp, unsigned int worker, struct event *ev);

// Worker: false if the ring is full, which counts the event as lost.
bool event_push(struct worker *w, const struct event *ev);
