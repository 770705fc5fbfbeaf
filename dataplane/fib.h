// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Destination -> next hop with a complete Ethernet header, or "the kernel's". A mirror of the
// kernel's tables, written by control (control/routing/kernel.c through control/publish.c) only.
// All routes live in a prefix table; a domain with more than FIB_LPM_ROUTES of a family also gets
// a table of its own for them (lpm.h, 64 MB) while hugepages last.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct rte_rcu_qsbr;

#define NEXTHOP_MAX 65536
#define NEXTHOP_KERNEL 0 // index of "not ours": unroutable, local, not accelerated, unresolved
#define FIB_LPM_ROUTES 4096
#define NEXTHOP_L2_MAX 18

// Immutable once published; a neighbour change publishes a new one at the same index.
struct nexthop {
	uint16_t port;  // ethdev
	uint16_t mtu;   // of the IP packet on that link
	uint8_t l2_len; // 14, or 18 with a VLAN tag
	uint8_t l2
		[NEXTHOP_L2_MAX]; // destination, source, [802.1Q tag,] ethertype (rewritten for v4/v6)
};

struct fib;

// Bytes of hugepages that fib_new() takes; tables of large domains come on top.
uint64_t fib_bytes(uint32_t routes_max);
struct fib *fib_new(uint32_t routes_max, struct rte_rcu_qsbr *qsbr);
void fib_free(struct fib *f);

// Control. A route: prefix -> next hop index (NEXTHOP_KERNEL allowed: a hole for the kernel).
// 0, -ENOSPC, -EINVAL; delete: 0 or -ENOENT.
int fib_route_add(struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len,
	uint32_t nexthop);
int fib_route_del(struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);

// Control. Publishes nh (copied) at an index, or NULL to mark it unresolved; the old one is
// returned for retire_later() with nexthop_free(), or NULL. Index 1 to NEXTHOP_MAX - 1. Without
// memory for the copy the index becomes unresolved: its traffic goes through the kernel.
const struct nexthop *fib_nexthop_set(struct fib *f, uint32_t index, const struct nexthop *nh);
void nexthop_free(const struct nexthop *nh); // accepts NULL

// Worker. Index of the route's next hop, NEXTHOP_KERNEL when there is none or it is the kernel's.
uint32_t fib_lookup(const struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr);
// NULL: unresolved.
const struct nexthop *fib_nexthop_get(const struct fib *f, uint32_t index);
