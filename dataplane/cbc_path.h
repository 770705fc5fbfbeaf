// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the two paths do differently for packets of the CBC format (proto.h). Worker only, for peers
// it owns.
#pragma once

#include <stdbool.h>

#include "dataplane/cbc.h"

struct keyslot;
struct peer;
struct rte_mbuf;
struct worker;

// Inbound. Authenticates and decrypts n packets, checks padding and replay: the survivors move to the
// front of the three arrays in their order, cut down to the text. Returns how many there are.
unsigned int cbc_path_open_burst(struct worker *w, struct rte_mbuf **m, struct peer **peer,
	struct keyslot **key, unsigned int n);

// Outbound. Is there room for headers, framing and padding? Moves the packet for it if that helps.
bool cbc_path_make_room(struct rte_mbuf *m, const struct peer *peer, const struct keyslot *k);
// Outbound. Makes the packet around the text, id: its packet id, and describes the operation. Room
// was made.
void cbc_path_fill(struct cbc_op *op, struct rte_mbuf *m, uint32_t id, const struct peer *peer,
	const struct keyslot *k);
