// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Known answers are written in hex, as published. For the self-tests.
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint8_t kat_digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

// hex: well-formed, lower case, at least len bytes.
static inline void kat_hex(uint8_t *out, size_t len, const char *hex)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(kat_digit(hex[2 * i]) << 4 | kat_digit(hex[2 * i + 1]));
}
