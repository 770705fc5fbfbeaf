// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A worker's token buckets of the slow path, one per gateway and a fixed number for peers.
// Made with the worker, used by punt_push() alone.
#pragma once

#include <stdint.h>

struct punt_limits;

// NULL and errno (ENOMEM).
struct punt_limits *punt_limits_new(uint16_t gateways_max, int socket);
void punt_limits_free(struct punt_limits *l);
