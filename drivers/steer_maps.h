// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
// Copyright (c) 2026, The Sluice authors
//
// What steer.bpf.c and steer.c share: verdicts, and the layout of the maps one reads and the other
// fills. Only kernel types, since one of the two is compiled for a machine without a C library.
#pragma once

#include <linux/types.h>

#define STEER_LINK 1 // redirect P_DATA_V1/V2 for our endpoints; limit control opcodes
#define STEER_VPN 2  // redirect packets for connected clients' prefixes

// X(NAME, counter, text)
#define STEER_VERDICTS(X) \
	X(PASS_OTHER, "pass_other", "not ours: other protocol, port or address") \
	X(PASS_MAC, "pass_mac", "destination MAC is not the interface's") \
	X(PASS_FRAGMENT, "pass_fragment", "IP fragment") \
	X(PASS_OPTIONS, "pass_options", "IPv4 options or IPv6 extension header") \
	X(PASS_SHORT, "pass_short", "truncated: the kernel decides") \
	X(PASS_VLAN, "pass_vlan", "VLAN tag of no routing domain") \
	X(PASS_TTL, "pass_ttl", "to a client, TTL or hop limit used up") \
	X(PASS_CONTROL, "pass_control", "control channel packet, passed to the kernel socket") \
	X(DROP_CONTROL, "drop_control", "control channel packet above the rate limit") \
	X(REDIRECT, "redirect", "given to a worker") \
	X(PASS_NO_SOCKET, "pass_no_socket", "would be a worker's but its queue has no socket")

enum steer_verdict {
#define X(name, counter, text) STEER_##name,
	STEER_VERDICTS(X)
#undef X
		STEER_VERDICT_COUNT
};
#define STEER_QUEUES_MAX 64
#define STEER_ENDPOINTS_MAX 8192    // 8 of each of 1024 gateways
#define STEER_CLIENTS_MAX (1 << 20) // prefixes; memory is taken as they come
#define STEER_PREFIXES_MAX 16384    // source prefixes remembered for their rate
#define STEER_VLANS 4096

// Burst of a rate limit: as much as it allows in one second.
#define STEER_BURST_NS 1000000000ULL

struct steer_config {
	__u8 mac[6];
	__u16 unused;
	__u32 sides;
	__u32 unused2;
	__u64 control_interval_ns; // between control packets of one endpoint, 0: no limit
	__u64 prefix_interval_ns;  // of one source prefix
};

struct steer_endpoint_key {
	__u8 addr[16]; // IPv4 in the first four bytes, the rest zero
	__be16 port;
	__be16 vlan; // 0: untagged
	__u8 family; // 4 or 6
	__u8 unused[3];
};

// Longest-prefix match: the first 32 bits are the same for all of a VLAN and family.
#define STEER_CLIENT_FIXED_BITS 32
struct steer_client_key {
	__u32 prefix_bits; // STEER_CLIENT_FIXED_BITS + the prefix's own length
	__be16 vlan;
	__u8 family;
	__u8 unused;
	__u8 addr[16];
};

struct steer_prefix_key {
	__u8 addr[7]; // IPv4 /24 or IPv6 /48
	__u8 family;
};
