// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A token bucket of one word: the time until which its owner has used up its rate (GCRA). Time is
// the TSC; taking costs no division.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {
	uint64_t cost;  // cycles per token
	uint64_t depth; // cycles of a full bucket
};

static inline struct bucket_rate bucket_rate(uint64_t tsc_hz, uint64_t per_second, uint64_t burst)
{
	struct bucket_rate r = {.cost = tsc_hz / per_second};

	r.depth = r.cost * burst;
	return r;
}

// Takes one token. False: none left. A bucket starts full with the value 0.
static inline bool bucket_take(uint64_t *bucket, uint64_t now, const struct bucket_rate *r)
{
	uint64_t used = *bucket > now ? *bucket : now;

	if (used + r->cost - now > r->depth)
		return false;
	*bucket = used + r->cost;
	return true;
}
