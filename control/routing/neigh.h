// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The mirror's links and neighbours of one routing domain, and the next hops made of them: a next
// hop is (neighbour, MTU), has an index in the forwarding table for as long as a route uses it,
// and is published complete or as unresolved. Used by route_mirror.c only; no I/O.
// Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "control/routing/prefix_tree.h"
#include "control/routing/route_mirror.h"

struct neigh_link {
	int ifindex;
	const struct kernel_port *port; // NULL: not accelerated
	bool known;                     // in the kernel; else only routes name it
	bool up;                        // administratively and carrier
	uint16_t mtu;                   // 0: not known yet
	uint32_t refs;                  // neighbours on it
	uint32_t routes;                // hops of routes out of it
	uint32_t generation;
};

struct neigh_hop {
	struct neigh_hop *next; // of the same neighbour
	struct neigh *neigh;
	uint32_t index;
	uint32_t refs;
	uint16_t mtu; // of the route; 0: the link's
};

struct neigh {
	TAILQ_ENTRY(neigh) age;  // oldest generation first
	TAILQ_ENTRY(neigh) used; // has hops: kept alive by neigh_refresh()
	struct neigh *same_addr;
	struct neigh_link *link;
	struct neigh_hop *hops;
	uint32_t generation;
	bool known;   // in the kernel's table; else only a route names it as its gateway
	bool usable;  // has a valid link-layer address
	bool fixed;   // permanent or without ARP: never needs a probe
	bool gateway; // some route's gateway: probed even when it does not answer
	uint8_t family;
	uint8_t lladdr[6];
	uint8_t addr[16];
};

TAILQ_HEAD(neigh_list, neigh);

struct neigh_table {
	const struct route_mirror_ops *ops;
	const struct kernel_port *ports;
	unsigned int port_count;
	uint32_t generation;
	struct prefix_tree links;    // by interface index
	struct prefix_tree hosts[2]; // IPv4, IPv6: address -> list of struct neigh
	struct neigh_list age, used;
	uint32_t used_count;
};

void neigh_init(struct neigh_table *t, const struct route_mirror_ops *ops,
	const struct kernel_port *ports, unsigned int port_count);
void neigh_fini(struct neigh_table *t);

// The port with this kernel interface now, NULL: none.
const struct kernel_port *neigh_port_find(const struct neigh_table *t, int ifindex);
// Finds or makes; NULL: no memory.
struct neigh_link *neigh_link_get(struct neigh_table *t, int ifindex);
struct neigh_link *neigh_link_find(const struct neigh_table *t, int ifindex);
// Frees a link that neither the kernel nor a route knows any more.
void neigh_link_drop(struct neigh_table *t, struct neigh_link *link);
// Publishes every next hop out of the link again: its state or MTU changed.
void neigh_link_changed(struct neigh_table *t, const struct neigh_link *link);

struct neigh *neigh_find(const struct neigh_table *t, const struct neigh_link *link, uint8_t family,
	const uint8_t *addr);
struct neigh *neigh_get(
	struct neigh_table *t, struct neigh_link *link, uint8_t family, const uint8_t *addr);
// Frees a neighbour that neither the kernel nor a next hop knows any more.
void neigh_drop(struct neigh_table *t, struct neigh *n);
// New state: publishes its next hops. lladdr: NULL when unresolved.
void neigh_set(struct neigh_table *t, struct neigh *n, const uint8_t *lladdr);
// Moves it to the young end of the age list.
void neigh_touch(struct neigh_table *t, struct neigh *n);

// A next hop through the neighbour, counted. NULL: no index or memory left.
struct neigh_hop *neigh_hop_get(struct neigh_table *t, struct neigh *n, uint16_t mtu);
void neigh_hop_put(struct neigh_table *t, struct neigh_hop *hop);

// Asks the kernel to resolve or verify it, unless it is fixed.
void neigh_probe(const struct neigh_table *t, const struct neigh *n);
// Asks for a probe of one 1/share of the neighbours in use.
void neigh_refresh(struct neigh_table *t, unsigned int share, unsigned int max);
