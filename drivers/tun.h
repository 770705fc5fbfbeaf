// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The kernel's side of what workers do not finish: a TUN device per gateway (inner IP packets) and
// a TAP device per port that the kernel cannot see (Ethernet frames, the exception interface).
// Devices vanish with their descriptor, so a crash leaves nothing behind. Main thread.
#pragma once

#include <stdint.h>

// Non-blocking descriptor (IFF_NO_PI), or -errno: -EBUSY name taken, -EPERM, -ENOENT netns.
// Up, with mtu; no addresses yet. *ifindex is in the namespace. TUN: rp_filter off, send_redirects
// off, no IPv6 link-local address, so that the kernel answers and forwards as a router does.
int tun_open(const char *name, const char *netns, uint16_t mtu, int *ifindex);
int exception_open(
	const char *name, const char *netns, const uint8_t mac[6], uint16_t mtu, int *ifindex);
