// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a client says of itself: "KEY=VALUE" lines of its key message. Hostile text: lines that are
// not [A-Za-z0-9_]+=printable are skipped, too long values are skipped, the first of two equal
// keys counts. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bits of IV_PROTO. [OpenVPN ssl.h]
enum peer_info_proto {
	PEER_PROTO_DATA_V2 = 1 << 1,
	PEER_PROTO_REQUEST_PUSH = 1 << 2, // may be sent PUSH_REPLY unasked
	PEER_PROTO_TLS_KEY_EXPORT = 1 << 3,
	PEER_PROTO_AUTH_PENDING_KW = 1 << 4,
	PEER_PROTO_NCP_P2P = 1 << 5,
	PEER_PROTO_CC_EXIT = 1 << 7, // also: understands protocol-flags
	PEER_PROTO_AUTH_FAIL_TEMP = 1 << 8,
	PEER_PROTO_DYN_TLS_CRYPT = 1 << 9,
	PEER_PROTO_DATA_EPOCH = 1 << 10,
	PEER_PROTO_DNS_OPTION_V2 = 1 << 11,
	PEER_PROTO_PUSH_UPDATE = 1 << 12,
};

struct peer_info {
	char ver[32];       // IV_VER; "": not said
	char plat[32];      // IV_PLAT
	char gui_ver[64];   // IV_GUI_VER
	char ciphers[256];  // IV_CIPHERS, colon list
	uint32_t proto;     // IV_PROTO; 0: not said
	uint32_t ncp;       // IV_NCP
	uint16_t mtu;       // IV_MTU; 0: not said or not 576..65535
	bool tcp_nonlinear; // IV_TCPNL=1
	bool comp_stub_v2;  // IV_COMP_STUBv2=1
	unsigned int lines, skipped;
};

// OpenVPN 3 and what is built on it (Connect): versions from 3.0 on.
bool peer_info_is_openvpn3(const struct peer_info *pi);
// OpenVPN 2.3 and older, which say little of themselves. Clients of 2.4 that do not negotiate and hide
// their version count as such.
bool peer_info_is_before_24(const struct peer_info *pi);
// Can it have a tunnel without IPv4? OpenVPN from 2.5 on, and OpenVPN 3.
bool peer_info_knows_ipv6_only(const struct peer_info *pi);
// Ends at `len` or the first NUL. Never fails: what cannot be read is not there.
void peer_info_parse(struct peer_info *pi, const char *text, size_t len);
