// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The path from inside to outside. Worker only; m[] belongs to the path afterwards. n is at most
// WORKER_BURST. What it transmits waits for worker_tx_flush().
#pragma once

#include <stdint.h>

struct rte_mbuf;
struct worker;

// Frames of a vpn-side port. Counts them as received.
void outbound_burst(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);
// The same for frames that inbound_burst() has counted but not taken (a port with both sides).
void outbound_frames(struct worker *w, uint16_t port, struct rte_mbuf **m, unsigned int n);
// From the inject ring: inner packets of TUN devices, messages of control.
void outbound_tun_burst(struct worker *w, struct rte_mbuf **m, unsigned int n);
void outbound_message_burst(struct worker *w, struct rte_mbuf **m, unsigned int n);
// From the handoff ring, PKT_STAGE_OUTBOUND_PEER or _SEAL: this worker owns the peer.
void outbound_peer_burst(struct worker *w, struct rte_mbuf **m, unsigned int n);
