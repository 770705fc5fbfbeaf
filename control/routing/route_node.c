// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/route_node.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

// Never forwarded, whatever route there is: the kernel's in any case.
static const struct {
	uint8_t family, len;
	uint8_t addr[16];
} own_holes[] = {
	{4, 8, {0}}, {4, 8, {127}}, {4, 3, {224}}, // this network, loopback, multicast and above
	{6, 127, {0}}, {6, 10, {0xfe, 0x80}}, {6, 8, {0xff}}, // :: and ::1, link-local, multicast
};

struct node *route_node_get(
	struct route_mirror *m, uint8_t family, const uint8_t *addr, uint8_t len)
{
	void **slot = prefix_tree_slot(route_nodes(m, family), addr, len);
	struct node *n;

	if (!slot || *slot)
		return slot ? *slot : NULL;
	n = calloc(1, sizeof(*n));
	if (!n) {
		prefix_tree_del(route_nodes(m, family), addr, len);
		return NULL;
	}
	n->family = family;
	n->len = len;
	memcpy(n->addr, addr, (len + 7u) / 8);
	n->have = ROUTE_MIRROR_NONE;
	*slot = n;
	return n;
}

void route_node_drop(struct route_mirror *m, struct node *n)
{
	if (n->cands || n->host || n->have != ROUTE_MIRROR_NONE)
		return;
	if (n->in_multipath)
		LIST_REMOVE(n, multipath);
	prefix_tree_del(route_nodes(m, n->family), n->addr, n->len);
	free(n);
}

// --- what a prefix means ---

static bool is_within(const struct node *n, const uint8_t *addr, uint8_t bits)
{
	uint8_t whole = bits / 8, rest = bits % 8;

	if (n->len < bits || memcmp(n->addr, addr, whole) != 0)
		return false;
	return !rest || !((n->addr[whole] ^ addr[whole]) & (uint8_t)(0xff << (8 - rest)));
}

static bool node_is_own_hole(const struct node *n)
{
	static const size_t count = sizeof(own_holes) / sizeof(own_holes[0]);
	size_t i;

	for (i = 0; i < count; i++)
		if (own_holes[i].family == n->family &&
			is_within(n, own_holes[i].addr, own_holes[i].len))
			return true;
	return false;
}

// A worker knows destination addresses only: what depends on more is the kernel's to decide. So is
// a route of table default, which counts only where table main has no route at all.
static bool cand_is_simple(const struct cand *c)
{
	return c->rank <= RANK_MAIN && !c->tos && !c->source_len;
}

static bool hop_is_ours(const struct route_hop *h)
{
	return h->link && h->link->port && !h->encap && (!h->family || h->hop);
}

// Of several hops the first that is accelerated and reachable, for all flows: workers do not
// spread. None reachable: the first accelerated one, which stays unresolved until it answers.
const struct route_hop *route_node_choose(const struct cand *c)
{
	const struct route_hop *first = NULL, *h;
	unsigned int i;

	for (i = 0; i < c->hop_count; i++) {
		h = &c->hops[i];
		if (!hop_is_ours(h))
			continue;
		if (!first)
			first = h;
		if (!h->dead && h->link->up && (!h->hop || h->hop->neigh->usable))
			return h;
	}
	return first;
}

struct meaning route_node_meaning(const struct node *n)
{
	struct meaning mean = {.nexthop = NEXTHOP_KERNEL};
	const struct route_hop *hop;
	const struct cand *c;

	mean.route = n->cands != NULL;
	if (!n->cands || n->cands->type != RTN_UNICAST || node_is_own_hole(n))
		return mean;
	for (c = n->cands; c; c = c->next)
		if (!cand_is_simple(c))
			return mean;
	hop = route_node_choose(n->cands);
	if (!hop)
		return mean;
	if (hop->hop) {
		mean.nexthop = hop->hop->index;
	} else {
		mean.link = hop->link;
		mean.mtu = n->cands->mtu;
	}
	return mean;
}

// The longest prefix around n, n itself left out, that the kernel has a route for.
static struct node *node_cover(const struct route_mirror *m, const struct node *n)
{
	void *path[PREFIX_TREE_DEPTH];
	unsigned int count;

	count = prefix_tree_path(route_nodes(m, n->family), n->addr, n->len, path);
	while (count--) {
		struct node *cover = path[count];

		if (cover != n && cover->cands)
			return cover;
	}
	return NULL;
}

// --- publishing ---

// The longest published prefix around n gives way to the kernel: a worker that does not find n
// must not follow it.
static void pin_cover(struct route_mirror *m, const struct node *n)
{
	void *path[PREFIX_TREE_DEPTH];
	unsigned int count;

	count = prefix_tree_path(route_nodes(m, n->family), n->addr, n->len, path);
	while (count--) {
		struct node *cover = path[count];

		if (cover == n || cover->have == ROUTE_MIRROR_NONE)
			continue;
		cover->pinned = true;
		// Replacing a value needs no room.
		if (cover->have != NEXTHOP_KERNEL &&
			m->ops.route_set(m->ops.arg, cover->family, cover->addr, cover->len,
				NEXTHOP_KERNEL) == 0)
			cover->have = NEXTHOP_KERNEL;
		return;
	}
}

static void node_publish(struct route_mirror *m, struct node *n, uint32_t want)
{
	bool host = n->len == route_addr_bits(n->family);

	if (want == n->have)
		return;
	if (want == ROUTE_MIRROR_NONE) {
		m->ops.route_del(m->ops.arg, n->family, n->addr, n->len);
		n->have = ROUTE_MIRROR_NONE;
		if (n->pinned)
			pin_cover(m, n);
		n->pinned = false;
		m->changed = true;
		return;
	}
	// With prefixes missing, a new one could swallow what belongs to a missing longer one.
	if (n->pinned || (m->full && !host))
		want = NEXTHOP_KERNEL;
	if (want == n->have)
		return;
	if (m->ops.route_set(m->ops.arg, n->family, n->addr, n->len, want) == 0) {
		n->have = want;
		m->changed = true;
		return;
	}
	m->full = true;
	pin_cover(m, n);
}

// Next hop of a host that is directly connected to link, if its neighbour entry is or was good.
static struct neigh_hop *host_hop(
	struct route_mirror *m, const struct node *n, struct neigh_link *link, uint16_t mtu)
{
	struct neigh *neigh;

	if (!link || n->len != route_addr_bits(n->family))
		return NULL;
	neigh = neigh_find(&m->neighs, link, n->family, n->addr);
	if (!neigh || !neigh->known)
		return NULL;
	// An entry that fails keeps its place while the kernel has it: it usually comes back.
	if (!neigh->usable && !(n->host && n->host->neigh == neigh))
		return NULL;
	return neigh_hop_get(&m->neighs, neigh, mtu);
}

static void multipath_track(struct route_mirror *m, struct node *n)
{
	bool want = n->cands && n->cands->hop_count > 1;

	if (want == n->in_multipath)
		return;
	if (want)
		LIST_INSERT_HEAD(&m->multipath, n, multipath);
	else
		LIST_REMOVE(n, multipath);
	n->in_multipath = want;
}

static void hosts_below_update(struct route_mirror *m, const struct node *n);

// Brings the forwarding table in line with what the kernel says of this prefix now. May free n.
void route_node_update(struct route_mirror *m, struct node *n)
{
	struct meaning mean = route_node_meaning(n), before = n->meaning, around;
	struct neigh_hop *old = n->host;
	struct node *cover;
	uint32_t want;

	multipath_track(m, n);
	want = mean.route ? mean.nexthop : ROUTE_MIRROR_NONE;
	around = mean;
	if (!mean.route && n->len == route_addr_bits(n->family)) {
		cover = node_cover(m, n);
		around = cover ? route_node_meaning(cover) : mean;
	}
	n->host = host_hop(m, n, around.link, around.mtu);
	if (n->host)
		want = n->host->index;
	node_publish(m, n, want);
	if (old)
		neigh_hop_put(&m->neighs, old);
	n->meaning = mean;
	// Hosts below may have lost or found the connected route that they live on.
	if (mean.route != before.route || mean.link != before.link || mean.mtu != before.mtu)
		hosts_below_update(m, n);
	route_node_drop(m, n);
}

void route_node_update_host(struct route_mirror *m, const struct neigh *neigh)
{
	struct node *n = route_node_get(
		m, neigh->family, neigh->addr, route_addr_bits(neigh->family));

	// Without memory the address stays with its prefix: the kernel's.
	if (n)
		route_node_update(m, n);
}

static void below_update(void *m, void *value)
{
	const struct neigh *neigh;

	for (neigh = value; neigh; neigh = neigh->same_addr) {
		if (!neigh->known)
			continue;
		route_node_update_host(m, neigh);
		return; // one update sees all neighbours of the address
	}
}

static void hosts_below_update(struct route_mirror *m, const struct node *n)
{
	if (n->len == route_addr_bits(n->family))
		return;
	prefix_tree_walk(&m->neighs.hosts[n->family == 6], n->addr, n->len, below_update, m);
}

void route_node_update_multipath(struct route_mirror *m)
{
	struct node *n, *next;

	for (n = LIST_FIRST(&m->multipath); n; n = next) {
		next = LIST_NEXT(n, multipath);
		route_node_update(m, n);
	}
}

int route_node_add_holes(struct route_mirror *m)
{
	size_t i;

	for (i = 0; i < sizeof(own_holes) / sizeof(own_holes[0]); i++) {
		struct route_mirror_route r = {.family = own_holes[i].family,
			.len = own_holes[i].len,
			.type = RTN_BLACKHOLE};

		memcpy(r.addr, own_holes[i].addr, sizeof(r.addr));
		if (route_cand_add(m, &r, RANK_OWN, ROUTE_MIRROR_LAST) < 0)
			return -ENOMEM;
	}
	return 0;
}
