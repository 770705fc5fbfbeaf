// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Two clocks: the TSC for everything a worker does, CLOCK_MONOTONIC milliseconds for control.
#pragma once

#include <stdint.h>
#include <time.h>

// Milliseconds of CLOCK_MONOTONIC. Control and punt thread.
static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
