// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the paths remember of one packet: scratch in the mbuf's private area, one cache line.
// Workers write it; punt thread and control fill it for what they inject.
// A packet leaves a path by exactly one door: worker_tx, pkt_drop, pkt_consume, punt_push,
// handoff_push.
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <assert.h>

#include <rte_mbuf.h>

#include "dataplane/drop.h"
#include "dataplane/proto.h"

struct epoch_key;
struct worker;

// m->port of packets that no ethdev received; counted like ports of their own.
#define PKT_PORT_MAX 32       // ethdev port ids are below
#define PKT_PORT_TUN 32       // read from a TUN device by the punt thread
#define PKT_PORT_SOCKET 33    // data packet read from a kernel UDP socket by the punt thread
#define PKT_PORT_CONTROL 34   // message made by control (keepalive)
#define PKT_PORT_EXCEPTION 35 // frame the kernel sends through an exception interface
#define PKT_PORT_COUNT 36

#define PKT_GATEWAY_NONE UINT16_MAX // not known (yet)

// Where a packet that comes out of a ring goes on, and what its producer must have set.
enum pkt_stage {
	// Between workers: link side parsed, peer found. Data: OpenVPN header.
	PKT_STAGE_INBOUND_PEER,
	// Between workers: inner header parsed, peer found. Data: inner IP header.
	PKT_STAGE_OUTBOUND_PEER,
	// Punt thread, from a kernel socket. Data: OpenVPN header. Set: gateway, local_id,
	// link_family, link_addr, link_port_be, link_tos (0 if unknown).
	PKT_STAGE_INBOUND_LINK,
	// Punt thread, from a TUN device. Data: inner IP header. Set: gateway.
	PKT_STAGE_OUTBOUND_TUN,
	// Control. Data: plaintext message. Set: peer_id, generation.
	PKT_STAGE_SEAL,
	// Punt thread, from an exception interface. Data: frame. Set: tx_port.
	PKT_STAGE_EXCEPTION,
};

struct pkt {
	// Words that pkt_reset() gives a value.
	uint32_t peer_id;    // PROTO_PEER_ID_UNDEF until found
	uint32_t generation; // of the peer when found; checked when the packet leaves a ring
	uint16_t gateway;    // PKT_GATEWAY_NONE until found
	uint16_t tx_port;
	uint8_t stage;       // enum pkt_stage
	uint8_t punt_dest;   // enum punt_dest
	uint8_t punt_reason; // enum punt_reason
	uint8_t flags;       // PKT_F_*

	uint8_t opcode;
	uint8_t key_id;
	uint8_t link_tos;     // DSCP and ECN of the outer header (inbound)
	uint8_t link_family;  // 4 or 6
	uint8_t link_hdr_len; // IP and UDP in front of the OpenVPN header; 0: came without
	uint8_t vpn_family;   // inner: 4 or 6
	uint8_t vpn_tos;
	uint8_t vpn_proto;
	union {
		uint64_t pktid;   // outbound; inbound of the epoch format, with the epoch
		uint32_t pktid32; // inbound of the other formats: as received
	};
	uint16_t link_port_be; // client's UDP port
	uint16_t link_bytes;   // UDP payload length on the link side
	union {
		uint8_t link_addr[16]; // client's outside address; IPv4 in the first four bytes,
				       // rest zero
		const struct epoch_key *send_key; // outbound: from packet id to cipher
	};
	uint16_t vpn_hdr_len; // length of the inner IP header
	uint16_t vpn_bytes;   // inner IP length
	uint8_t local_id;     // of the gateway's outside addresses, see struct dp_endpoint
};
static_assert(sizeof(struct pkt) <= 64, "pkt: scratch is one cache line");

#define PKT_F_INBOUND 0x01  // inner packet of a client, authenticated: counts as in_* once carried
#define PKT_F_OUTBOUND 0x02 // inner packet for a client: counts as out_* once carried
#define PKT_F_FRAGMENT 0x04 // all but the last fragment of a datagram: not counted as carried
#define PKT_F_MESSAGE 0x08  // keepalive or the like: carried, but no inner packet
#define PKT_F_UNBOUND 0x10  // from an address the peer is not bound to

#define PKT_PRIV_BYTES 64

static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}

// Before anything else looks at the scratch of a fresh packet.
static inline struct pkt *pkt_reset(struct rte_mbuf *m)
{
	struct pkt *p = pkt_of(m);

	memset(p, 0, offsetof(struct pkt, opcode));
	p->peer_id = PROTO_PEER_ID_UNDEF;
	p->gateway = PKT_GATEWAY_NONE;
	return p;
}

// Worker. Takes ownership of m, counts the reason per port and, if known, per gateway.
void pkt_drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason);
// Is there so much room in front and behind? Moves the data towards the tail if that makes it.
bool pkt_make_room(struct rte_mbuf *m, uint32_t head, uint32_t tail);
// Worker. Takes ownership of m: a message that ends here.
void pkt_consume(struct worker *w, struct rte_mbuf *m);
