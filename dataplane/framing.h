// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Compression framing: what clients with compression in their configuration put between a data
// packet's cipher and its payload, although nothing is compressed. Nothing is ever decompressed
// here. Pure. [OpenVPN comp.h, compstub.c]
//
//   comp-lzo no         0xfa | payload
//   compress stub-v2    payload, but 0x50 0x00 | payload where that begins with 0x50
//
// All else is a compressed payload, or none of this framing.
#pragma once

#include <stdint.h>

// The value is the most bytes that it adds.
enum framing {
	FRAMING_NONE = 0,
	FRAMING_COMP_LZO = 1,
	FRAMING_STUB_V2 = 2,
};
#define FRAMING_BYTES_MAX 2

// As in the push reply: "comp-lzo no", "compress stub-v2"; NULL for none. Any thread.
const char *framing_name(enum framing framing);

// Received: how many bytes stand in front of the payload, or -1: compressed, or not of this framing.
// len 0 is let through.
int framing_skip(enum framing framing, const uint8_t *data, uint32_t len);
// To be sent: how many bytes belong in front of a payload that begins with `first`, and which.
unsigned int framing_head(enum framing framing, uint8_t first, uint8_t head[FRAMING_BYTES_MAX]);
