// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Netlink mirror of one routing domain (a network namespace): follows links, addresses, routes and
// neighbours through libnl and turns them into fib routes and next hops. Routes out of interfaces
// that are no accelerated port, local addresses and unresolved neighbours are the kernel's.
// Also the few things we ask of the kernel: addresses and routes of TUN devices.
// Control thread only.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/routing/route_mirror.h" // struct kernel_port
#include "dataplane/fib.h"

struct kernel;
struct publish;

struct kernel_ops {
	// Route or neighbour changes may have moved clients: look up their links again. Batched.
	void (*routes_changed)(void *arg, uint16_t domain);
	// The MTU or the state of a port changed, or of its VLAN's interface.
	void (*link_changed)(
		void *arg, uint16_t domain, const struct kernel_port *port, uint16_t mtu, bool up);
	// Frees what workers may still read (fib_nexthop_set's old values).
	void (*retire)(void *arg, const void *old);
	void *arg;
};

// Opens the netlink sockets inside `netns` ("" = own), loads all tables, follows them on `loop`.
// Ports are copied, but not their names. A VLAN's interface may come later: that is a warning. NULL and errno after one logged line.
struct kernel *kernel_new(struct ev_loop *loop, const char *netns, uint16_t domain, struct fib *fib,
	const struct kernel_port *ports, unsigned int port_count, const struct kernel_ops *ops);
void kernel_free(struct kernel *k);

// Next hop towards an address (longest prefix), NEXTHOP_KERNEL when the kernel must send.
uint32_t kernel_nexthop(const struct kernel *k, uint8_t family, const uint8_t *addr);
// Asks the kernel to resolve the neighbour of a route (after PUNT_NO_NEIGH the packet itself
// does it; this is for links of clients).
void kernel_probe(struct kernel *k, uint8_t family, const uint8_t *addr);

// Address with prefix length on an interface; -EEXIST is success.
int kernel_addr_add(
	struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len);
// A route out of an interface (of a TUN device, to what is behind its clients). -EEXIST: there is one to
// this prefix already, which stays as it is. Deleting touches nobody else's.
int kernel_route_add(
	struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len);
void kernel_route_del(
	struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len);
// Does the kernel have something of its own inside the prefix: an address of this namespace, or a longer
// route that does not lead out of `ifindex`? `what` then is its prefix, of `what_len` bits.
bool kernel_has_within(const struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr,
	uint8_t len, uint8_t what[16], uint8_t *what_len);
// Does this namespace have the address? (endpoint check)
bool kernel_has_addr(const struct kernel *k, uint8_t family, const uint8_t *addr);
// Routes mirrored now.
uint32_t kernel_route_count(const struct kernel *k);
// Times the kernel told more than was read in time, and all tables were read again.
uint64_t kernel_overruns(const struct kernel *k);

// Does this namespace forward, mangle or translate packets by rules that the fast path would go
// around? 1: yes, text names them ("nftables chain ip nat/postrouting"); 0: no; -errno: unknown.
int kernel_rules_check(const char *netns, char *text, size_t size);
// Does this namespace forward packets of a family? 1, 0; -errno: unknown.
int kernel_forwards(const char *netns, uint8_t family);
