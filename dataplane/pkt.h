// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the paths remember of one packet: scratch in the mbuf's private area, one cache line.
// Workers write it; punt thread and control fill it for what they inject.
// A packet leaves a path by exactly one door: port_tx_burst, pkt_drop, punt_push, handoff_push.
#pragma once

#include <stdalign.h>
#include <stdint.h>
#include <assert.h>

#include <rte_mbuf.h>

#include "dataplane/drop.h"

struct worker;

// m->port of packets that no ethdev received; counted like ports of their own.
#define PKT_PORT_MAX 32     // ethdev port ids are below
#define PKT_PORT_TUN 32     // read from a TUN device by the punt thread
#define PKT_PORT_SOCKET 33  // data packet read from a kernel UDP socket by the punt thread
#define PKT_PORT_CONTROL 34 // message made by control (keepalive)
#define PKT_PORT_COUNT 35

// Where a packet that comes out of a ring goes on.
enum pkt_stage {
	PKT_STAGE_INBOUND_PEER,  // link side parsed, at the owner: find key. Data: OpenVPN header
	PKT_STAGE_OUTBOUND_PEER, // inner parsed, at the owner: seal. Data: inner IP header
	PKT_STAGE_INBOUND_LINK,  // from a kernel socket. Data: OpenVPN header; find the peer
	PKT_STAGE_OUTBOUND_TUN,  // from a TUN device. Data: inner IP header; find the peer
	PKT_STAGE_SEAL,          // from control. Data: plaintext message for pkt->peer_id
	PKT_STAGE_EXCEPTION,     // from an exception interface. Data: frame to send on pkt->tx_port
};

struct pkt {
	uint32_t peer_id;    // valid once found
	uint32_t generation; // of the peer when found; checked when the packet leaves a ring
	uint16_t gateway;
	uint16_t tx_port;
	uint8_t stage;       // enum pkt_stage
	uint8_t punt_dest;   // enum punt_dest
	uint8_t punt_reason; // enum punt_reason
	uint8_t key_id;
	uint8_t opcode;
	uint8_t link_tos;    // DSCP and ECN of the outer header (inbound)
	uint8_t link_family; // 4 or 6
	uint8_t flags;       // PKT_F_*
	uint32_t pktid;      // inbound: as received
	uint16_t link_port_be; // source UDP port (inbound)
	uint16_t vpn_hdr_len;  // length of the inner IP header
	uint16_t link_bytes;   // UDP payload length on the link side
	uint16_t vpn_bytes;    // inner IP length
	uint8_t link_addr[16]; // source address (inbound); IPv4 in the first four bytes
	uint32_t nexthop;
};
static_assert(sizeof(struct pkt) <= 64, "pkt: scratch is one cache line");

#define PKT_F_UNBOUND 0x01 // source is not the address the peer is bound to
#define PKT_F_CSUM_PARTIAL 0x02 // L4 checksum was found unfinished and must be completed

#define PKT_PRIV_BYTES 64

static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}

// Worker. Takes ownership of m, counts the reason per port and, if known, per gateway.
void pkt_drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason);
