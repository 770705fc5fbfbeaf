// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Copies of a gateway's packets for `sluicectl capture`. Off: one load and branch per packet.
// On: the worker copies up to CAPTURE_SNAPLEN bytes into a bounded ring, at most CAPTURE_PPS copies
// a second; a full ring loses copies, never packets. Control drains the ring into a pcap file.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/state.h"

struct worker;

#define CAPTURE_LINK 0x01 // sealed packets, from the outer IP header on
#define CAPTURE_VPN 0x02  // inner IP packets
#define CAPTURE_SNAPLEN 2048
#define CAPTURE_PPS 20000u // per worker

// Scratch of a copy. The data starts at an IP header, outer or inner (pcap LINKTYPE_RAW).
struct capture_info {
	uint64_t tsc;
	uint32_t bytes; // of the packet; the copy may be shorter
	uint16_t gateway;
	uint8_t what; // CAPTURE_LINK or CAPTURE_VPN
	bool inbound;
};

static inline struct capture_info *capture_info_of(struct rte_mbuf *m)
{
	return (struct capture_info *)rte_mbuf_to_priv(m);
}

// Worker. Does anyone want copies of this gateway's packets?
static inline bool capture_is_on(const struct dp_state *st, uint16_t gateway, uint8_t what)
{
	const _Atomic(uint8_t) *bits;

	if (unlikely(gateway >= st->gateway_count))
		return false;
	bits = st->gateways[gateway].capture;
	return unlikely(bits && (atomic_load_explicit(bits, memory_order_relaxed) & what));
}

// Control: up to n copies, now the caller's (rte_pktmbuf_free when done). Returns how many.
unsigned int capture_pop_burst(struct dp *dp, struct rte_mbuf **m, unsigned int n);

// Worker. m's data starts at the OpenVPN header (LINK) or the inner IP header (VPN); gateway, peer_id
// and link_tos of its scratch are set. Only if the gateway's capture bits ask for it.
void capture_copy(struct worker *w, struct rte_mbuf *m, uint8_t what, bool inbound);
