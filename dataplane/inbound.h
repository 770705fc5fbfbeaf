// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The path from outside to inside. Worker only; m[] belongs to the path afterwards. n is at most
// WORKER_BURST. What it transmits waits for worker_tx_flush().
#pragma once

#include <stdint.h>

struct rte_mbuf;
struct worker;

// Frames of a link-side port. Counts them as received.
void inbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);
// From the inject ring, PKT_STAGE_INBOUND_LINK: gateway and source known, peer not.
void inbound_link_burst(struct worker *w, struct rte_mbuf **m, unsigned int n);
// From the handoff ring, PKT_STAGE_INBOUND_PEER: this worker owns the peer.
void inbound_peer_burst(struct worker *w, struct rte_mbuf **m, unsigned int n);
