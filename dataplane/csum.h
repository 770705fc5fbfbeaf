// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Internet checksums (RFC 1071) and their incremental update (RFC 1624). Sums are taken over
// 16-bit words as they lie in memory, so a result is stored as it is, on either byte order.
#pragma once

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

// Folds a partial sum to 16 bits, without complement.
static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

// Partial sum of len bytes, to be added to others; each but the last must have even length.
uint64_t csum_partial(const void *data, uint32_t len);

// Partial sum of a few 32-bit words, for headers.
static inline uint64_t csum_words(const void *data, unsigned int words)
{
	const uint8_t *d = data;
	uint64_t sum = 0;
	uint32_t v;

	for (unsigned int i = 0; i < words; i++) {
		memcpy(&v, d + 4 * i, 4);
		sum += v;
	}
	return sum;
}

// Checksum field of an IPv4 header of `words` 32-bit words whose field is zero now. Over a valid
// header with its field in place the result is 0.
static inline uint16_t csum_ip4(const void *hdr, unsigned int words)
{
	return (uint16_t)~csum_fold(csum_words(hdr, words));
}

// New field after a 16-bit word of the data changed from old to new (RFC 1624, equation 3).
static inline uint16_t csum_update(uint16_t field, uint16_t old, uint16_t new)
{
	return (uint16_t)~csum_fold((uint64_t)(uint16_t)~field + (uint16_t)~old + new);
}

// Pseudo header of TCP and UDP without the length: addresses and protocol.
static inline uint64_t csum_pseudo(uint8_t family, const void *src, const void *dst, uint8_t proto)
{
	unsigned int words = family == 4 ? 1 : 4;

	return csum_words(src, words) + csum_words(dst, words) + rte_cpu_to_be_16(proto);
}
