// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packet ids of one key: hands out nonces for sending, rejects replays on receipt.
// Worker only: both directions belong to the peer's owner. Never wraps: when 32 bits are used up
// reserve fails, because a repeated nonce breaks AES-GCM for good. Replay window as in RFC 6479.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PKTID_MAX 0xffffffffu
#define PKTID_RENEGOTIATE 0xff000000u // ask control for a new key from here on
#define PKTID_WINDOW 2048u            // packets; must be a multiple of 64 and a power of two
#define PKTID_WORDS (PKTID_WINDOW / 64u + 1u)

struct pktid_send {
	uint32_t last; // last id given out; 0 before the first
};

struct pktid_recv {
	uint32_t highest;              // highest id accepted; 0 before the first
	uint64_t bitmap[64];           // ring of PKTID_WORDS rounded up to a power of two
};

// Takes n consecutive ids. Returns the first, or 0 if fewer than n are left (nothing is taken).
static inline uint32_t pktid_reserve(struct pktid_send *s, uint32_t n)
{
	uint32_t first = s->last + 1;

	if (n > PKTID_MAX - s->last)
		return 0;
	s->last += n;
	return first;
}

// True if id was never accepted and is not older than the window; marks it accepted.
// Only after the packet authenticated. The only check of replay: there is no test without update.
bool pktid_accept(struct pktid_recv *r, uint32_t id);
