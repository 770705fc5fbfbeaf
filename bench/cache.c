// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/cache.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWEEP_BYTES (64u << 20) // twice the last-level cache of the machines measured
#define LINE 64

void cache_sweep(void)
{
	static uint8_t *memory;

	if (!memory)
		memory = calloc(1, SWEEP_BYTES);
	if (!memory) {
		fprintf(stderr, "bench: no memory to sweep the caches\n");
		exit(1);
	}
	for (size_t i = 0; i < SWEEP_BYTES; i += LINE)
		memory[i]++;
}

void cache_touch(const void *data, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += LINE)
		(void)*((const volatile uint8_t *)data + at);
}
