// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// State of the caches before a timed round.
#pragma once

#include <stddef.h>

// Pushes everything else out of the caches. Exits if there is no memory for that.
void cache_sweep(void);
// Brings bytes in, as a NIC or the step before has them there.
void cache_touch(const void *data, size_t bytes);
