// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The XDP program (steer.bpf.c) that picks what workers take from an AF_XDP port, and its maps.
// DPDK's PMD loads and attaches it; we find program and maps from the interface. Maps are never
// pinned. Control thread only; open it inside the port's network namespace.
// Until steer_config_set() and the first add, the program passes everything to the kernel.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct steer;

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
const char *steer_verdict_name(enum steer_verdict v);

// A stale program of ours (a crashed run's) is detached; a foreign one is refused.
// Before port_open. 0, -EBUSY (foreign program), -errno.
int steer_clean(int ifindex);

// After port_start: finds the program on the interface. NULL and errno.
struct steer *steer_open(int ifindex);
void steer_close(struct steer *s);

// mac: 6 bytes; sides: STEER_LINK | STEER_VPN. control_pps: control packets per second allowed
// per endpoint; prefix_pps: per source prefix (IPv4 /24, IPv6 /48), 0: unlimited.
int steer_config_set(struct steer *s, const uint8_t mac[6], uint32_t sides, uint32_t control_pps,
	uint32_t prefix_pps);
// VLAN id (0: untagged) accepted on this port.
int steer_vlan_add(struct steer *s, uint16_t vlan);
int steer_endpoint_add(struct steer *s, uint8_t family, const uint8_t *addr, uint16_t port_be);
int steer_endpoint_del(struct steer *s, uint8_t family, const uint8_t *addr, uint16_t port_be);
// A connected client's prefix, seen on this VLAN (0: untagged).
int steer_client_add(struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr,
	uint8_t len);
int steer_client_del(struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr,
	uint8_t len);
// Sums over CPUs.
int steer_stats(struct steer *s, uint64_t counts[STEER_VERDICT_COUNT]);
