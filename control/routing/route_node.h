// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Insides of the route mirror: a node per prefix with the kernel's candidate routes for it, best
// first, and what of it stands in the forwarding table. route_node.c decides and publishes,
// route_cand.c keeps the candidates, route_mirror.c is the door. Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "control/routing/neigh.h"
#include "control/routing/prefix_tree.h"
#include "control/routing/route_mirror.h"

// One hop of a kernel route.
struct route_hop {
	struct neigh_link *link;
	struct neigh_hop *hop; // gateway out of an accelerated link, else NULL
	bool dead, encap;
	uint8_t family; // of the gateway; 0: directly connected
	uint8_t addr[16];
};

// A kernel route. Those of one prefix hang together, best first.
struct cand {
	struct cand *next;
	TAILQ_ENTRY(cand) age;
	struct node *node;
	uint32_t generation;
	uint32_t prio;
	uint16_t mtu;
	uint8_t rank; // of its table
	uint8_t type, tos;
	uint8_t source_len;
	uint8_t source[16];
	uint8_t hop_count;
	struct route_hop hops[];
};

enum { RANK_OWN, RANK_LOCAL, RANK_MAIN, RANK_DEFAULT, RANK_IGNORED };

// What a prefix means before neighbours are looked at.
struct meaning {
	bool route;              // the kernel has a route for it
	struct neigh_link *link; // accelerated link it is directly connected to
	uint16_t mtu;            // of that route
	uint32_t nexthop;        // otherwise
};

// A prefix that the kernel or the forwarding table knows, or both.
struct node {
	struct cand *cands;
	struct meaning meaning; // as last published
	struct neigh_hop *host; // next hop of the neighbour with this very address
	LIST_ENTRY(node) multipath;
	bool in_multipath;
	bool pinned; // the kernel's, since longer prefixes found no room
	uint8_t family, len;
	uint8_t addr[16];
	uint32_t have; // in the forwarding table; ROUTE_MIRROR_NONE: nothing
};

TAILQ_HEAD(route_cand_list, cand);
LIST_HEAD(node_list, node);

struct route_mirror {
	struct route_mirror_ops ops;
	struct neigh_table neighs;
	struct prefix_tree nodes[2]; // IPv4, IPv6
	struct route_cand_list age;  // oldest generation first
	struct node_list multipath;  // prefixes whose best route has several hops
	uint32_t count;
	bool changed, full;
};

static inline struct prefix_tree *route_nodes(const struct route_mirror *m, uint8_t family)
{
	return (struct prefix_tree *)&m->nodes[family == 6];
}

static inline uint8_t route_addr_bits(uint8_t family)
{
	return family == 6 ? 128 : 32;
}

// Finds or makes. NULL: no memory.
struct node *route_node_get(
	struct route_mirror *m, uint8_t family, const uint8_t *addr, uint8_t len);
// Frees a node that neither the kernel nor the forwarding table needs.
void route_node_drop(struct route_mirror *m, struct node *n);
// What the kernel's routes of this prefix mean for a worker.
struct meaning route_node_meaning(const struct node *n);
// Of several hops the one that workers use; NULL: none is ours.
const struct route_hop *route_node_choose(const struct cand *c);
// Brings the forwarding table in line with what the kernel says of this prefix now. May free n.
void route_node_update(struct route_mirror *m, struct node *n);
// The same for the address of a neighbour, and for every prefix with several hops.
void route_node_update_host(struct route_mirror *m, const struct neigh *neigh);
void route_node_update_multipath(struct route_mirror *m);
// The prefixes that are the kernel's in every domain. 0 or -ENOMEM.
int route_node_add_holes(struct route_mirror *m);

// Adds a candidate of a rank. 0 or -ENOMEM.
int route_cand_add(struct route_mirror *m, const struct route_mirror_route *r, uint8_t rank,
	enum route_mirror_how how);
// Takes a candidate out of its prefix. The caller updates the node, and only then frees the
// candidate: while a route is published its next hops keep their indexes.
struct cand *route_cand_remove(struct route_mirror *m, struct cand **pos);
void route_cand_free(struct route_mirror *m, struct cand *c);
// The link became a port or is none any more: gateways of its routes get next hops or lose them.
void route_cand_relink(struct route_mirror *m, const struct neigh_link *link);
