// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The handshakes under way, of the node by gateway and at one gateway by where they come from: IPv4 /24 and IPv6 /48, as the
// XDP program limits control packets. There is a bound on all of them together; when it is reached,
// who has fewer than the one with the most takes a place of his, so that no source shuts out others
// and a source with a single handshake keeps it. The node has a bound of its own, shared by the
// gateways in the same way: when it is reached, a gateway with fewer takes a place of the one with the
// most.
// Bookkeeping only: nothing here knows sessions or time. Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/channel/session.h"

#define HALF_OPEN_MAX 4096

struct half_open_source;

// Part of whoever is half open; all zero: not in the book.
struct half_open_entry {
	struct half_open_source *source;
	struct half_open_entry *prev, *next; // of the same source, oldest first
};

// The books of a node's gateways.
struct half_open_node {
	struct half_open *books;
	uint32_t count, max; // max 0: no bound
	uint32_t peak;       // highest count so far
	uint64_t dropped;    // handshakes not begun for want of a place in the node
	uint64_t moved;      // places that went from one gateway to another
};

struct half_open { // all zero: empty, of no node
	struct half_open_node *node;
	struct half_open *prev, *next;                        // of the same node
	struct half_open_source *sources;                     // by prefix
	struct half_open_source *by_count[HALF_OPEN_MAX + 1]; // those that have so many
	uint32_t most;                                        // highest count in use
	uint32_t count;
};

// Enters the book of a new gateway with its node (NULL: none), and takes an empty one out again.
void half_open_init(struct half_open *h, struct half_open_node *node);
void half_open_fini(struct half_open *h);
// 0, -ENOMEM, or -ENOSPC (HALF_OPEN_MAX).
int half_open_add(
	struct half_open *h, const struct session_addr *from, struct half_open_entry *entry);
// Without effect on who is not in the book.
void half_open_del(struct half_open *h, struct half_open_entry *entry);
// Who must go so that one more from this address fits: the oldest of the source that has the most.
// NULL: nobody, for this source has its share.
struct half_open_entry *half_open_victim(struct half_open *h, const struct session_addr *from);

// The same for the node's bound: is it reached, and who must go, here or at the gateway that has the
// most.
bool half_open_node_is_full(const struct half_open *h);
struct half_open_entry *half_open_node_victim(struct half_open *h, const struct session_addr *from);
