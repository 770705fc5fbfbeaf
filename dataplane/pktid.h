// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packet ids of one key: hands out nonces for sending, rejects replays on receipt.
// Worker only: both directions belong to the peer's owner. Never wraps: when 32 bits are used up
// reserve fails, because a repeated nonce breaks AES-GCM for good. Replay window as in RFC 6479.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define PKTID_MAX 0xffffffffu
#define PKTID_RENEGOTIATE 0xff000000u // ask control for a new key from here on

// Ids from highest - (PKTID_WINDOW - 1) to highest are judged by their bit, older ones are
// replays. Exact, not rounded: the ring has one word more than the window, so that the window
// never reaches into the word that is being reused.
#define PKTID_WINDOW 2048u
#define PKTID_WORDS (PKTID_WINDOW / 64u + 1u)
static_assert(PKTID_WINDOW % 64u == 0, "pktid: the window is whole words");

struct pktid_send {
	uint32_t last; // last id given out; 0 before the first
};

// All zero before the first packet.
struct pktid_recv {
	uint32_t highest;             // highest id accepted; 0 before the first
	uint64_t bitmap[PKTID_WORDS]; // bit id % 64 of word id / 64 % PKTID_WORDS: id was accepted
};
static_assert(sizeof(struct pktid_recv) == 8 + 8 * PKTID_WORDS, "pktid: layout has changed");

// Takes n consecutive ids. Returns the first, or 0 if fewer than n are left (nothing is taken).
static inline uint32_t pktid_reserve(struct pktid_send *s, uint32_t n)
{
	uint32_t first = s->last + 1;

	if (n > PKTID_MAX - s->last)
		return 0;
	s->last += n;
	return first;
}

// True if id is not 0, was never accepted and is not older than the window; marks it accepted.
// Only after the packet authenticated. The only check of replay: there is no test without update.
bool pktid_accept(struct pktid_recv *r, uint32_t id);
