// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// When an id that packets carry (a peer's, a gateway's) may go to a new owner. Packets that wait in
// rings name their owner by id, so the id must rest until none of them can name the former one:
//   1. a grace period: nobody has the former owner in sight any more, so nothing that names it
//      enters a ring from now on
//   2. the rings have been emptied past what they held then
//   3. another grace period: workers have finished what they took out
// Control thread only.
#pragma once

#include <stdint.h>

struct dp;
struct drain;
struct retire;

typedef void (*drain_fn)(void *arg, uint32_t id);

// NULL and errno. Uses `retire` for the grace periods.
struct drain *drain_new(struct dp *dp, struct retire *retire);
// Forgets what waits. After retire_free(), which still calls here.
void drain_free(struct drain *d);

// Calls fn(arg, id) when no packet under way can name the id. Unpublish its owner first, and close
// what reads packets for it. Without memory the id is never heard of again, which is safe.
void drain_later(struct drain *d, drain_fn fn, void *arg, uint32_t id);

// Goes on with what can; returns how many wait for the rings. From the event loop.
uint32_t drain_poll(struct drain *d);
