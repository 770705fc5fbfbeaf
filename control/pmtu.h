// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What is known of the path MTU to one client, beyond the next hop's: learned from ICMP, forgotten
// after ten minutes (RFC 8201, section 4; RFC 1191, section 6.3). Since anybody can send such
// messages, an estimate only falls, never below what any path carries, and in few steps.
// No I/O, time is passed in. Control thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PMTU_MIN4 576
#define PMTU_MIN6 1280
#define PMTU_FORGET_MS (10 * 60 * 1000)
#define PMTU_STEPS_MAX 8 // per ten minutes; the next one goes to the minimum

// All zero: nothing is known.
struct pmtu {
	uint16_t bytes; // of the IP packet; 0: not known
	uint8_t steps;
	uint64_t forget_ms; // when to try larger packets again
};

// A router reports an MTU. link_mtu: of the next hop, 0: not known. True when the estimate fell.
bool pmtu_report(struct pmtu *p, uint8_t family, uint16_t mtu, uint16_t link_mtu, uint64_t now_ms);
// Forgets an estimate that is old enough. True when there was one.
bool pmtu_forget(struct pmtu *p, uint64_t now_ms);
// When to call pmtu_forget(); UINT64_MAX: nothing to forget.
uint64_t pmtu_next(const struct pmtu *p);
