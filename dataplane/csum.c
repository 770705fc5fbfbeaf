// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/csum.h"

// Two 64-bit lanes: what every x86-64 and most other machines add at once.
typedef uint64_t lanes __attribute__((vector_size(16)));

static inline lanes load(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

// The last one to seven bytes; a lone byte is the first of its word.
static uint64_t tail_sum(const uint8_t *p, uint32_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return (v & 0xffffffff) + (v >> 32);
}

uint64_t csum_partial(const void *data, uint32_t len)
{
	const lanes mask = {0xffffffff, 0xffffffff};
	lanes low = {0}, high = {0}, low2 = {0}, high2 = {0};
	const uint8_t *p = data;
	uint64_t sum, v;

	// Halves apart, so that no carry is lost and nothing waits for a flag: 65535 bytes stay
	// far below 2^64.
	for (; len >= 32; p += 32, len -= 32) {
		lanes a = load(p), b = load(p + 16);

		low += a & mask;
		high += a >> 32;
		low2 += b & mask;
		high2 += b >> 32;
	}
	low += low2 + high + high2;
	sum = low[0] + low[1];
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v, p, 8);
		sum += (v & 0xffffffff) + (v >> 32);
	}
	return len ? sum + tail_sum(p, len) : sum;
}
