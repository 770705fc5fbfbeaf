// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Known answers are written in hex, as published. For the self-tests.
#pragma once

#include <stddef.h>
#include <stdint.h>

// hex: well-formed, lower case, at least len bytes.
static inline void kat_hex(uint8_t *out, size_t len, const char *hex)
{
	for (size_t i = 0; i < 2 * len; i++) {
		uint8_t digit = (uint8_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);

		out[i / 2] = (uint8_t)(i & 1 ? out[i / 2] | digit : digit << 4);
	}
}
