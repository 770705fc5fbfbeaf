// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/neigh.h"

#include <stdlib.h>
#include <string.h>

#define ETHER_TYPE_VLAN 0x8100
#define ETHER_TYPE_IPV4 0x0800
#define ETHER_TYPE_IPV6 0x86dd
#define LINK_KEY_BITS 32

void neigh_init(struct neigh_table *t, const struct route_mirror_ops *ops,
	const struct kernel_port *ports, unsigned int port_count)
{
	memset(t, 0, sizeof(*t));
	t->ops = ops;
	t->ports = ports;
	t->port_count = port_count;
	t->generation = 1;
	TAILQ_INIT(&t->age);
	TAILQ_INIT(&t->used);
}

static struct prefix_tree *hosts_of(const struct neigh_table *t, uint8_t family)
{
	return (struct prefix_tree *)&t->hosts[family == 6];
}

static uint8_t addr_bits(uint8_t family)
{
	return family == 6 ? 128 : 32;
}

static void link_key(int ifindex, uint8_t key[4])
{
	key[0] = (uint8_t)((unsigned int)ifindex >> 24);
	key[1] = (uint8_t)((unsigned int)ifindex >> 16);
	key[2] = (uint8_t)((unsigned int)ifindex >> 8);
	key[3] = (uint8_t)ifindex;
}

struct neigh_link *neigh_link_find(const struct neigh_table *t, int ifindex)
{
	uint8_t key[4];

	link_key(ifindex, key);
	return prefix_tree_get(&t->links, key, LINK_KEY_BITS);
}

const struct kernel_port *neigh_port_find(const struct neigh_table *t, int ifindex)
{
	unsigned int i;

	for (i = 0; i < t->port_count; i++)
		if (ifindex > 0 && t->ports[i].ifindex == ifindex)
			return &t->ports[i];
	return NULL;
}

struct neigh_link *neigh_link_get(struct neigh_table *t, int ifindex)
{
	struct neigh_link *link;
	uint8_t key[4];
	void **slot;

	link_key(ifindex, key);
	slot = prefix_tree_slot(&t->links, key, LINK_KEY_BITS);
	if (!slot)
		return NULL;
	link = *slot;
	if (link)
		return link;
	link = calloc(1, sizeof(*link));
	if (!link) {
		prefix_tree_del(&t->links, key, LINK_KEY_BITS);
		return NULL;
	}
	link->ifindex = ifindex;
	link->port = neigh_port_find(t, ifindex);
	*slot = link;
	return link;
}

void neigh_link_drop(struct neigh_table *t, struct neigh_link *link)
{
	uint8_t key[4];

	if (link->known || link->refs || link->routes)
		return;
	link_key(link->ifindex, key);
	prefix_tree_del(&t->links, key, LINK_KEY_BITS);
	free(link);
}

static uint16_t hop_mtu(const struct neigh_hop *hop)
{
	const struct neigh_link *link = hop->neigh->link;
	uint16_t mtu = link->mtu ? link->mtu : link->port->mtu;

	return hop->mtu && hop->mtu < mtu ? hop->mtu : mtu;
}

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

// Ethernet header: destination, source, [0x8100, VLAN id,] type of IP.
static void hop_publish(const struct neigh_table *t, const struct neigh_hop *hop)
{
	const struct neigh *n = hop->neigh;
	const struct kernel_port *port = n->link->port;
	struct nexthop nh = {.l2_len = 14};
	uint8_t *type = nh.l2 + 12;

	if (!port || !n->usable || !n->link->up) {
		t->ops->nexthop_set(t->ops->arg, hop->index, NULL);
		return;
	}
	nh.port = port->port;
	nh.mtu = hop_mtu(hop);
	memcpy(nh.l2, n->lladdr, 6);
	memcpy(nh.l2 + 6, port->mac, 6);
	if (port->vlan) {
		put_be16(type, ETHER_TYPE_VLAN);
		put_be16(type + 2, port->vlan);
		type += 4;
		nh.l2_len = 18;
	}
	put_be16(type, n->family == 6 ? ETHER_TYPE_IPV6 : ETHER_TYPE_IPV4);
	t->ops->nexthop_set(t->ops->arg, hop->index, &nh);
}

static void neigh_publish(const struct neigh_table *t, const struct neigh *n)
{
	const struct neigh_hop *hop;

	for (hop = n->hops; hop; hop = hop->next)
		hop_publish(t, hop);
}

void neigh_link_changed(struct neigh_table *t, const struct neigh_link *link)
{
	struct neigh *n;

	TAILQ_FOREACH(n, &t->used, used)
	if (n->link == link)
		neigh_publish(t, n);
}

struct neigh *neigh_find(const struct neigh_table *t, const struct neigh_link *link, uint8_t family,
	const uint8_t *addr)
{
	struct neigh *n = prefix_tree_get(hosts_of(t, family), addr, addr_bits(family));

	while (n && n->link != link)
		n = n->same_addr;
	return n;
}

struct neigh *neigh_get(
	struct neigh_table *t, struct neigh_link *link, uint8_t family, const uint8_t *addr)
{
	struct prefix_tree *hosts = hosts_of(t, family);
	struct neigh *n = neigh_find(t, link, family, addr);
	void **slot;

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	slot = prefix_tree_slot(hosts, addr, addr_bits(family));
	if (!slot) {
		free(n);
		return NULL;
	}
	n->same_addr = *slot;
	*slot = n;
	n->link = link;
	link->refs++;
	n->family = family;
	memcpy(n->addr, addr, addr_bits(family) / 8);
	n->generation = t->generation;
	TAILQ_INSERT_TAIL(&t->age, n, age);
	return n;
}

void neigh_drop(struct neigh_table *t, struct neigh *n)
{
	struct prefix_tree *hosts = hosts_of(t, n->family);
	struct neigh **pos;
	void **slot;

	if (n->known || n->hops)
		return;
	// The slot exists, so that no memory is needed and it cannot fail.
	slot = prefix_tree_slot(hosts, n->addr, addr_bits(n->family));
	if (*slot == n) {
		*slot = n->same_addr;
	} else {
		for (pos = &((struct neigh *)*slot)->same_addr; *pos != n;)
			pos = &(*pos)->same_addr;
		*pos = n->same_addr;
	}
	if (!*slot)
		prefix_tree_del(hosts, n->addr, addr_bits(n->family));
	TAILQ_REMOVE(&t->age, n, age);
	n->link->refs--;
	neigh_link_drop(t, n->link);
	free(n);
}

void neigh_set(struct neigh_table *t, struct neigh *n, const uint8_t *lladdr)
{
	if (n->usable == (lladdr != NULL) && (!lladdr || !memcmp(n->lladdr, lladdr, 6)))
		return;
	n->usable = lladdr != NULL;
	if (lladdr)
		memcpy(n->lladdr, lladdr, 6);
	neigh_publish(t, n);
}

void neigh_touch(struct neigh_table *t, struct neigh *n)
{
	if (n->generation == t->generation)
		return;
	n->generation = t->generation;
	TAILQ_REMOVE(&t->age, n, age);
	TAILQ_INSERT_TAIL(&t->age, n, age);
}

struct neigh_hop *neigh_hop_get(struct neigh_table *t, struct neigh *n, uint16_t mtu)
{
	struct neigh_hop *hop;

	for (hop = n->hops; hop && hop->mtu != mtu;)
		hop = hop->next;
	if (hop) {
		hop->refs++;
		return hop;
	}
	hop = calloc(1, sizeof(*hop));
	if (!hop)
		return NULL;
	hop->index = t->ops->nexthop_new(t->ops->arg);
	if (hop->index == NEXTHOP_KERNEL) {
		free(hop);
		return NULL;
	}
	hop->neigh = n;
	hop->mtu = mtu;
	hop->refs = 1;
	if (!n->hops) {
		TAILQ_INSERT_TAIL(&t->used, n, used);
		t->used_count++;
	}
	hop->next = n->hops;
	n->hops = hop;
	hop_publish(t, hop);
	return hop;
}

void neigh_hop_put(struct neigh_table *t, struct neigh_hop *hop)
{
	struct neigh *n = hop->neigh;
	struct neigh_hop **pos;

	if (--hop->refs)
		return;
	for (pos = &n->hops; *pos != hop;)
		pos = &(*pos)->next;
	*pos = hop->next;
	t->ops->nexthop_set(t->ops->arg, hop->index, NULL);
	t->ops->nexthop_free(t->ops->arg, hop->index);
	free(hop);
	if (n->hops)
		return;
	TAILQ_REMOVE(&t->used, n, used);
	t->used_count--;
	n->gateway = false;
	neigh_drop(t, n);
}

void neigh_probe(const struct neigh_table *t, const struct neigh *n)
{
	if (!n->known || !n->fixed)
		t->ops->probe(t->ops->arg, n->link->ifindex, n->family, n->addr, n->known);
}

void neigh_refresh(struct neigh_table *t, unsigned int share, unsigned int max)
{
	unsigned int n = t->used_count / share + 1;
	struct neigh *neigh;

	if (n > max)
		n = max;
	if (n > t->used_count)
		n = t->used_count;
	while (n--) {
		// The longest unprobed one is at the head.
		neigh = TAILQ_FIRST(&t->used);
		TAILQ_REMOVE(&t->used, neigh, used);
		TAILQ_INSERT_TAIL(&t->used, neigh, used);
		if (neigh->link->up && (neigh->usable || neigh->gateway))
			neigh_probe(t, neigh);
	}
}

static void delete_link(void *arg, void *value)
{
	struct neigh_table *t = arg;
	struct neigh_link *link = value;

	link->known = false;
	neigh_link_drop(t, link);
}

void neigh_fini(struct neigh_table *t)
{
	static const uint8_t zero[4];
	struct neigh *n;

	// Routes gave their next hops back: only what the kernel knows is left.
	while ((n = TAILQ_FIRST(&t->age))) {
		n->known = false;
		neigh_drop(t, n);
	}
	prefix_tree_walk(&t->links, zero, 0, delete_link, t);
}
