// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A data plane of any size for benchmarks: one worker that the benchmark drives, one gateway,
// clients by the thousand. What the worker transmits is only remembered, so that neither driver nor
// mempool is in the figures. Every round has fresh packets of clients chosen at random.
//
// Before a round the caches are swept, then the packets are touched, as a NIC leaves them: what is
// cold is the state of clients that have not been heard of for a while, and nothing else. The first
// bursts of a round are not counted: they bring back the worker's own code and tables.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/cipher.h"

enum world_csum { WORLD_CSUM_ZERO, WORLD_CSUM_OFFLOAD, WORLD_CSUM_SOFTWARE };

struct world_conf {
	bool inbound;
	enum cipher cipher; // an AEAD
	uint32_t peers;     // 1 to 131072
	uint32_t routes;    // inside, 1 to 1000000; destinations are spread over them
	uint16_t size; // of the inner IP packet, 48 to 1428 bytes; 0: IMIX (64, 576, 1400; 7:4:1)
	enum world_csum csum;
};

struct world;

// Once per process: EAL with hugepages on one core (-1: any), ports, engine. False: said why.
bool world_init(int core);
// NULL: said why. One at a time.
struct world *world_new(const struct world_conf *conf);
void world_free(struct world *w);

// Nanoseconds per packet of one round, through the worker's path: from the frame that a driver
// delivered to the frame that the driver gets. Aborts if a packet did not come out.
double world_path_round(struct world *w);
// The cipher alone, called in the tightest loop on the same packets.
double world_raw_round(struct world *w);
