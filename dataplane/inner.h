// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The inner packet: validation of its IP header, messages of the data channel, and the changes a
// router and a VPN make to it (TTL, ECN, MSS, unfinished checksums). No state, no I/O.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum inner_kind {
	INNER_IP,
	INNER_PING,        // keepalive
	INNER_OCC,         // option consistency message, ignored
	INNER_OCC_REQUEST, // the client asks for our options string
	INNER_OCC_EXIT,    // the client says goodbye
	INNER_NOT_IP,      // none of these
	INNER_TRUNCATED,   // shorter than its header says
	INNER_BAD_IP,      // header length or checksum wrong
};

struct inner {
	uint8_t family;           // 4 or 6
	uint8_t tos;              // traffic class
	uint8_t ttl;              // hop limit
	uint8_t proto;            // next header after the fixed IPv6 header
	bool options;             // IPv4 options or IPv6 hop-by-hop: the kernel looks at them
	bool fragment;            // part of a fragmented packet
	uint16_t hdr_len;         // IPv6: the fixed header
	uint16_t bytes;           // whole packet
	const uint8_t *src, *dst; // into the packet
};

// IP only: INNER_IP, _NOT_IP, _TRUNCATED or _BAD_IP. data: at least len bytes.
enum inner_kind inner_parse_ip(const uint8_t *data, uint32_t len, struct inner *in);
// The same for a decrypted payload, which may also be a message.
enum inner_kind inner_parse(const uint8_t *data, uint32_t len, struct inner *in);

bool inner_is_multicast(const struct inner *in); // or broadcast, or unspecified

// Lowers the MSS option of a TCP SYN or SYN-ACK to at most mss, with the TCP checksum. mss is for
// IPv4 inside; IPv6 gets 20 less. True if it changed something.
bool inner_mss_clamp(uint8_t *ip, const struct inner *in, uint16_t mss);

// One hop less. The caller has checked that ttl > 1.
void inner_ttl_decrement(uint8_t *ip, uint8_t family);

// Finishes a TCP or UDP checksum of which a virtual device left only the pseudo header's sum.
// True if it was unfinished.
bool inner_csum_complete(uint8_t *ip, const struct inner *in);

#define INNER_ECN_MASK 0x03
#define INNER_ECN_NOT_ECT 0
#define INNER_ECN_ECT1 1
#define INNER_ECN_ECT0 2
#define INNER_ECN_CE 3

// Traffic class of the outer header. DSCP is copied if copy_dscp, else 0. ECN is copied (RFC 6040
// normal mode), or Not-ECT in compatibility mode.
uint8_t inner_tos_encap(uint8_t inner_tos, bool copy_dscp, bool ecn_compat);

// Carries congestion marks of the outer header over (RFC 6040, section 4.2). The inner DSCP stays
// (pipe model of RFC 2983: clients usually send a zero outer one). False: the packet must be
// dropped, because it cannot carry the mark.
bool inner_ecn_decap(uint8_t *ip, struct inner *in, uint8_t outer_tos);
