// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The handshakes under way at one gateway, by where they come from: IPv4 /24 and IPv6 /48, as the
// XDP program limits control packets. There is a bound on all of them together; when it is reached,
// who has fewer than the one with the most takes a place of his, so that no source shuts out others
// and a source with a single handshake keeps it.
// Bookkeeping only: nothing here knows sessions or time. Control thread only.
#pragma once

#include <stdint.h>

#include "control/channel/session.h"

#define HALF_OPEN_MAX 4096

struct half_open_source;

// Part of whoever is half open; all zero: not in the book.
struct half_open_entry {
	struct half_open_source *source;
	struct half_open_entry *prev, *next; // of the same source, oldest first
};

struct half_open {                                            // all zero: empty
	struct half_open_source *sources;                     // by prefix
	struct half_open_source *by_count[HALF_OPEN_MAX + 1]; // those that have so many
	uint32_t most;                                        // highest count in use
	uint32_t count;
};

// 0, -ENOMEM, or -ENOSPC (HALF_OPEN_MAX).
int half_open_add(
	struct half_open *h, const struct session_addr *from, struct half_open_entry *entry);
// Without effect on who is not in the book.
void half_open_del(struct half_open *h, struct half_open_entry *entry);
// Who must go so that one more from this address fits: the oldest of the source that has the most.
// NULL: nobody, for this source has its share.
struct half_open_entry *half_open_victim(struct half_open *h, const struct session_addr *from);
