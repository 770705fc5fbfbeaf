// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the kernel's tables of one routing domain mean for the workers: links, routes and
// neighbours go in, changes of the forwarding table come out, one by one, never a rebuild.
// Keeps every candidate route, so that the next best one shows when the best goes away.
// No I/O: kernel.c reads netlink, tests feed it by hand. Control thread only.
//
// Anything a worker could get wrong is a hole (NEXTHOP_KERNEL): see docs/routing.md.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/fib.h"

#define ROUTE_MIRROR_HOPS 16
#define ROUTE_MIRROR_NONE UINT32_MAX

struct route_mirror;

// An accelerated interface of this domain: a port of its own, or a VLAN of one.
struct kernel_port {
	int ifindex;        // of the kernel interface with the addresses; 0: not there now
	bool by_name;       // a VLAN's: whichever has the name (kernel_ports.h)
	const char *name;   // of the kernel interface
	const char *parent; // VLAN: the port's name
	uint16_t port;      // ethdev id
	uint16_t vlan;      // tag to push, 0: none
	uint8_t mac[6];
	uint16_t mtu; // until the kernel tells its own
};

// Where the results go.
struct route_mirror_ops {
	int (*route_set)(
		void *arg, uint8_t family, const uint8_t *addr, uint8_t len, uint32_t nexthop);
	void (*route_del)(void *arg, uint8_t family, const uint8_t *addr, uint8_t len);
	// A next-hop index that no worker can still hold, NEXTHOP_KERNEL when there is none.
	uint32_t (*nexthop_new)(void *arg);
	void (*nexthop_set)(void *arg, uint32_t index, const struct nexthop *nh);
	void (*nexthop_free)(void *arg, uint32_t index);
	// The kernel should resolve or verify this neighbour now; known: it has an entry for it,
	// which is not permanent.
	void (*probe)(void *arg, int ifindex, uint8_t family, const uint8_t *addr, bool known);
	void *arg;
};

struct route_mirror_hop {
	int ifindex;
	bool dead;      // the kernel does not use it now
	bool encap;     // the kernel must wrap the packet
	uint8_t family; // of the gateway; 0: directly connected
	uint8_t addr[16];
};

struct route_mirror_route {
	uint8_t family;
	uint8_t len;
	uint8_t addr[16];
	uint8_t type; // RTN_*
	uint8_t tos;
	uint8_t source_len; // above 0: only for these source addresses
	uint8_t source[16];
	uint16_t mtu;   // 0: the link's
	uint32_t table; // RT_TABLE_*
	uint32_t prio;
	unsigned int hop_count;
	struct route_mirror_hop hops[ROUTE_MIRROR_HOPS];
};

// Where a route goes among those of the same prefix, table, TOS and priority.
enum route_mirror_how { ROUTE_MIRROR_FIRST, ROUTE_MIRROR_LAST, ROUTE_MIRROR_REPLACE };

// ports stays the caller's and must outlive the mirror. An ifindex in it may change just before
// route_mirror_link() of the interface that became a port, or no longer is one. NULL and errno.
struct route_mirror *route_mirror_new(const struct route_mirror_ops *ops,
	const struct kernel_port *ports, unsigned int port_count);
// Takes all its routes and next hops out of the forwarding table.
void route_mirror_free(struct route_mirror *m);

// Tables other than local, main and default are ignored. 0 or -ENOMEM.
int route_mirror_route_add(
	struct route_mirror *m, const struct route_mirror_route *r, enum route_mirror_how how);
// false: no such route, the mirror and the kernel differ.
bool route_mirror_route_del(struct route_mirror *m, const struct route_mirror_route *r);

// True when the link had routes and its state or MTU changed: the kernel then drops, revives or
// changes routes without a word, so that they must be read again. Also when it became a port: its
// neighbours were not looked at before.
bool route_mirror_link(struct route_mirror *m, int ifindex, bool up, uint16_t mtu);
bool route_mirror_link_del(struct route_mirror *m, int ifindex);
// lladdr NULL: not resolved. fixed: needs no probe ever.
int route_mirror_neigh(struct route_mirror *m, int ifindex, uint8_t family, const uint8_t *addr,
	const uint8_t *lladdr, bool fixed);
void route_mirror_neigh_del(
	struct route_mirror *m, int ifindex, uint8_t family, const uint8_t *addr);

// A full reading of the kernel's tables begins: what is not fed again until the sweep is gone.
void route_mirror_resync(struct route_mirror *m);
// Removes at most max stale objects. True when none is left.
bool route_mirror_sweep(struct route_mirror *m, unsigned int max);

// Next hop of the longest prefix, NEXTHOP_KERNEL when there is none or it is the kernel's.
uint32_t route_mirror_lookup(const struct route_mirror *m, uint8_t family, const uint8_t *addr);
// The address is one of the domain's own.
bool route_mirror_is_local(const struct route_mirror *m, uint8_t family, const uint8_t *addr);
// Inside the prefix there is an address of the domain, or a longer route that does not lead out of
// `ifindex`; what and *what_len: one of them.
bool route_mirror_has_within(const struct route_mirror *m, int ifindex, uint8_t family,
	const uint8_t *addr, uint8_t len, uint8_t what[16], uint8_t *what_len);
// Asks the kernel for the neighbour that a packet to this address needs, if it is on a port.
void route_mirror_probe(struct route_mirror *m, uint8_t family, const uint8_t *addr);
// Asks for a probe of one 1/share of the neighbours in use, at most max.
void route_mirror_refresh(struct route_mirror *m, unsigned int share, unsigned int max);

// Kernel routes held now.
uint32_t route_mirror_count(const struct route_mirror *m);
// The forwarding table changed since the last call.
bool route_mirror_take_changed(struct route_mirror *m);
// The forwarding table refused routes; their covering prefixes are the kernel's meanwhile.
bool route_mirror_is_full(const struct route_mirror *m);
// Tries again to publish everything after the table was full.
void route_mirror_retry(struct route_mirror *m);
