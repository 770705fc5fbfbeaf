// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Reads a message from its beginning, never past its end. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// What is left to read.
struct reader {
	const uint8_t *data;
	size_t left;
};

// False, and nothing is read: less is left.
static inline bool reader_bytes(struct reader *r, uint8_t *out, size_t n)
{
	if (r->left < n)
		return false;
	memcpy(out, r->data, n);
	r->data += n;
	r->left -= n;
	return true;
}

static inline bool reader_u16(struct reader *r, uint16_t *out)
{
	uint8_t b[2];

	if (!reader_bytes(r, b, sizeof(b)))
		return false;
	*out = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

static inline bool reader_u32(struct reader *r, uint32_t *out)
{
	uint8_t b[4];

	if (!reader_bytes(r, b, sizeof(b)))
		return false;
	*out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}
