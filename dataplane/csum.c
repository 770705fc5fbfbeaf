// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/csum.h"

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
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
	const uint8_t *p = data;
	uint64_t low = 0, high = 0;

	// Halves apart, so that no carry is lost and nothing waits for a flag: 65535 bytes stay
	// far below 2^64.
	for (; len >= 32; p += 32, len -= 32) {
		uint64_t a = load64(p), b = load64(p + 8), c = load64(p + 16), d = load64(p + 24);

		low += (a & 0xffffffff) + (b & 0xffffffff) + (c & 0xffffffff) + (d & 0xffffffff);
		high += (a >> 32) + (b >> 32) + (c >> 32) + (d >> 32);
	}
	for (; len >= 8; p += 8, len -= 8) {
		low += load64(p) & 0xffffffff;
		high += load64(p) >> 32;
	}
	if (len)
		low += tail_sum(p, len);
	return low + high;
}
