// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the two paths do differently for packets of the epoch format (proto.h). Worker only, for peers
// it owns.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/aead.h"

struct keyslot;
struct peer;
struct rte_mbuf;
struct worker;

// Inbound. Authenticates and decrypts n packets, checks for replay: the survivors move to the front of
// the three arrays in their order, cut down to the text. Returns how many there are.
unsigned int epoch_path_open_burst(struct worker *w, struct rte_mbuf **m, struct peer **peer,
	struct keyslot **key, unsigned int n);

// Outbound. Is there room for the header, framing and the tag? Moves the packet for it if that helps.
bool epoch_path_make_room(struct rte_mbuf *m, const struct peer *peer);
// Outbound. The packet's id, and the key in its scratch that epoch_path_fill() seals with. 0: there
// is none left.
uint64_t epoch_path_take(
	struct worker *w, struct rte_mbuf *m, const struct peer *peer, struct keyslot *k);
// Outbound. Makes the packet around the text and describes the operation. Room was made.
void epoch_path_fill(
	struct aead_op *op, struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k);
