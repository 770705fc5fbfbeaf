// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The link side of a packet: Ethernet [802.1Q], IPv4 or IPv6, UDP. Parsing decides what a worker
// may take; building copies the peer's template and fills in what differs per packet.
// No state, no I/O but the mbufs named.
//
// What is larger than the next hop's MTU, or than the path MTU that control has learned, is
// fragmented here. Outer IPv4 never carries DF: a smaller link further on may fragment again, so
// that no path MTU can black-hole a client. Every datagram therefore gets its own identification.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/fib.h"
#include "dataplane/frame.h"
#include "dataplane/peer.h"

#include <rte_mbuf.h>

#define OUTER_IP4_BYTES 20
#define OUTER_IP6_BYTES 40
#define OUTER_UDP_BYTES 8
#define OUTER_HDR_MAX (NEXTHOP_L2_MAX + OUTER_IP6_BYTES + OUTER_UDP_BYTES)
#define OUTER_TTL 64
#define OUTER_FRAGMENTS_MAX 16

enum outer_verdict {
	OUTER_DATA,  // an unfragmented UDP datagram with a data opcode
	OUTER_OTHER, // the kernel's: another protocol or opcode, options, extension headers
	OUTER_FRAGMENT,
	OUTER_TRUNCATED, // shorter than its headers say
	OUTER_BAD_IP,    // version, header length or checksum wrong
};

struct outer {
	uint8_t family;       // 4 or 6
	uint8_t tos;          // traffic class
	uint8_t ip_len;       // IP header
	uint16_t payload_off; // of the UDP payload, from the start of the frame
	uint16_t payload_len;
	rte_be16_t src_port_be, dst_port_be;
	const uint8_t *src, *dst; // into the frame
};

// Parses what follows the Ethernet header described by f.
enum outer_verdict outer_parse(
	const uint8_t *data, uint32_t len, const struct frame *f, struct outer *o);

// Fills in a link's template from addresses (16 bytes, IPv4 in the first four) and ports; no path
// MTU is known.
void outer_link_init(struct peer_link *link, uint8_t family, const uint8_t *local,
	rte_be16_t local_port_be, const uint8_t *remote, rte_be16_t remote_port_be);

// Writes IP and UDP header (link->hdr_len bytes) of a datagram with `payload` bytes, UDP checksum 0.
void outer_header_write(
	uint8_t *ip, const struct peer_link *link, uint8_t tos, uint16_t ip_id, uint16_t payload);

enum outer_csum { OUTER_CSUM_SOFTWARE, OUTER_CSUM_OFFLOAD, OUTER_CSUM_ZERO };

// Puts IP and UDP in front of a sealed packet. The caller has checked headroom. ip_id is used for
// IPv4. With OFFLOAD the port fills in the UDP checksum, with ip_offload that of the IPv4 header:
// needs m->l2_len, see frame_push().
void outer_build(struct rte_mbuf *m, const struct peer_link *link, uint8_t tos, uint16_t ip_id,
	enum outer_csum csum, bool ip_offload);

// Splits an IP packet made by outer_build() with a software checksum into fragments of at most
// mtu bytes, each one segment (an AF_XDP port cannot send chained mbufs, which is what
// rte_ip_frag makes of IPv6), with m's scratch. id is used for IPv6. m stays the caller's.
// Returns how many, 0: no mbufs, or more than OUTER_FRAGMENTS_MAX.
unsigned int outer_fragment(const struct rte_mbuf *m, struct rte_mempool *pool, uint16_t mtu,
	uint32_t id, struct rte_mbuf *out[OUTER_FRAGMENTS_MAX]);
