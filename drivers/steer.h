// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The XDP program (steer.bpf.c) that picks what workers take from an AF_XDP port, and its maps.
// DPDK's PMD loads and attaches it; we find program and maps from the interface. Maps are never
// pinned. Control thread only; open it inside the port's network namespace.
// Until steer_config_set() and the first add, the program passes everything to the kernel.
#pragma once

#include "drivers/steer_maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct steer;

const char *steer_verdict_name(enum steer_verdict v);

// Path of steer.bpf.o: installed, else beside the build. NULL if neither exists.
const char *steer_object_path(char *buf, size_t size);

// A stale program of ours (a crashed run's) is detached; a foreign one is refused.
// Before port_open. 0, -EBUSY (foreign program), -errno.
int steer_clean(int ifindex);

// Takes programs of ours that no process holds off all interfaces of the namespace we are in:
// a crashed run's, also where the configuration no longer has the interface. Leaves every other
// program alone, and says nothing of it. Returns how many, or -errno.
int steer_clean_all(void);

// After port_start: finds the program on the interface. NULL and errno.
struct steer *steer_open(int ifindex);
// The same of a program that is on no interface, for tests.
struct steer *steer_open_program(uint32_t program_id);
void steer_close(struct steer *s);

// mac: 6 bytes; sides: STEER_LINK | STEER_VPN. control_pps: control packets per second allowed
// per endpoint; prefix_pps: per source prefix (IPv4 /24, IPv6 /48), 0: unlimited.
int steer_config_set(struct steer *s, const uint8_t mac[6], uint32_t sides, uint32_t control_pps,
	uint32_t prefix_pps);
// VLAN id (0: untagged) accepted on this port.
int steer_vlan_add(struct steer *s, uint16_t vlan);
// An endpoint of ours, reached on this VLAN (0: untagged).
int steer_endpoint_add(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint16_t port_be);
int steer_endpoint_del(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint16_t port_be);
// A connected client's prefix, seen on this VLAN (0: untagged).
int steer_client_add(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint8_t len);
int steer_client_del(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint8_t len);
// Sums over CPUs.
int steer_stats(struct steer *s, uint64_t counts[STEER_VERDICT_COUNT]);
