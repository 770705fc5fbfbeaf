// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/route_mirror.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "control/routing/route_node.h"

// --- links and neighbours ---

static void neigh_gone(struct route_mirror *m, struct neigh *n)
{
	struct neigh name = {.family = n->family};
	bool gateway = n->gateway;

	memcpy(name.addr, n->addr, sizeof(name.addr));
	n->known = false;
	neigh_set(&m->neighs, n, NULL);
	if (!n->hops) {
		neigh_drop(&m->neighs, n);
		return;
	}
	// Frees n unless it is some route's gateway.
	route_node_update_host(m, &name);
	if (gateway)
		route_node_update_multipath(m);
}

// The interface got or lost the name (or what else makes it one) of a port. It loses its next hops
// first, so that none keeps another port's header; the kernel then sends, which is always right.
static void link_rebind(
	struct route_mirror *m, struct neigh_link *link, const struct kernel_port *port)
{
	struct neigh *n, *next;

	if (link->port) {
		link->port = NULL;
		route_cand_relink(m, link);
		for (n = TAILQ_FIRST(&m->neighs.age); n; n = next) {
			next = TAILQ_NEXT(n, age);
			if (n->link == link && n->known)
				neigh_gone(m, n);
		}
	}
	link->port = port;
	if (port)
		route_cand_relink(m, link);
}

bool route_mirror_link(struct route_mirror *m, int ifindex, bool up, uint16_t mtu)
{
	struct neigh_link *link = neigh_link_get(&m->neighs, ifindex);
	const struct kernel_port *port = neigh_port_find(&m->neighs, ifindex);
	bool changed, known, rebind;

	if (!link)
		return false;
	changed = link->up != up || link->mtu != mtu;
	rebind = link->port != port;
	known = link->known;
	// Routes of a link that was not known yet are still to come, or have just come.
	link->generation = m->neighs.generation;
	link->up = up;
	link->mtu = mtu;
	link->known = true;
	if (rebind)
		link_rebind(m, link, port);
	if (changed) {
		neigh_link_changed(&m->neighs, link);
		route_node_update_multipath(m);
	}
	return (changed && known && link->routes) || (rebind && port);
}

static bool link_gone(struct route_mirror *m, struct neigh_link *link)
{
	bool had_routes = link->routes > 0;

	link->known = false;
	link->up = false;
	neigh_link_changed(&m->neighs, link);
	route_node_update_multipath(m);
	neigh_link_drop(&m->neighs, link);
	return had_routes;
}

bool route_mirror_link_del(struct route_mirror *m, int ifindex)
{
	struct neigh_link *link = neigh_link_find(&m->neighs, ifindex);

	return link && link_gone(m, link);
}

int route_mirror_neigh(struct route_mirror *m, int ifindex, uint8_t family, const uint8_t *addr,
	const uint8_t *lladdr, bool fixed)
{
	struct neigh_link *link = neigh_link_find(&m->neighs, ifindex);
	struct neigh *n;
	bool changed;

	// Only ports have next hops; a port's link is always told before its neighbours.
	if (!link || !link->port)
		return 0;
	n = neigh_get(&m->neighs, link, family, addr);
	if (!n)
		return -ENOMEM;
	changed = !n->known || n->usable != (lladdr != NULL);
	n->known = true;
	n->fixed = fixed;
	neigh_touch(&m->neighs, n);
	neigh_set(&m->neighs, n, lladdr);
	if (!changed)
		return 0;
	if (n->gateway)
		route_node_update_multipath(m);
	route_node_update_host(m, n);
	return 0;
}

void route_mirror_neigh_del(
	struct route_mirror *m, int ifindex, uint8_t family, const uint8_t *addr)
{
	struct neigh_link *link = neigh_link_find(&m->neighs, ifindex);
	struct neigh *n = link ? neigh_find(&m->neighs, link, family, addr) : NULL;

	if (n)
		neigh_gone(m, n);
}

// --- resynchronisation ---

void route_mirror_resync(struct route_mirror *m)
{
	m->neighs.generation++;
}

static void cand_gone(struct route_mirror *m, struct cand *c)
{
	struct node *n = c->node;
	struct cand **pos = &n->cands;

	while (*pos != c)
		pos = &(*pos)->next;
	route_cand_remove(m, pos);
	route_node_update(m, n);
	route_cand_free(m, c);
}

static void stale_link_gone(void *arg, void *value)
{
	struct route_mirror *m = arg;
	struct neigh_link *link = value;

	if (link->known && link->generation != m->neighs.generation)
		link_gone(m, link);
}

bool route_mirror_sweep(struct route_mirror *m, unsigned int max)
{
	static const uint8_t zero[16];
	struct cand *c;
	struct neigh *n;

	for (; (c = TAILQ_FIRST(&m->age)) && c->generation != m->neighs.generation; max--) {
		if (!max)
			return false;
		cand_gone(m, c);
	}
	for (; (n = TAILQ_FIRST(&m->neighs.age)) && n->generation != m->neighs.generation; max--) {
		if (!max)
			return false;
		// First to the young end: it stays on the list when it is some route's gateway.
		neigh_touch(&m->neighs, n);
		if (n->known)
			neigh_gone(m, n);
	}
	prefix_tree_walk(&m->neighs.links, zero, 0, stale_link_gone, m);
	return true;
}

// --- questions ---

uint32_t route_mirror_lookup(const struct route_mirror *m, uint8_t family, const uint8_t *addr)
{
	void *path[PREFIX_TREE_DEPTH];
	unsigned int count;

	count = prefix_tree_path(route_nodes(m, family), addr, route_addr_bits(family), path);
	while (count--) {
		const struct node *n = path[count];

		if (n->have != ROUTE_MIRROR_NONE)
			return n->have;
	}
	return NEXTHOP_KERNEL;
}

// The best route of the longest prefix; NULL: none.
static const struct node *best_node(
	const struct route_mirror *m, uint8_t family, const uint8_t *addr)
{
	void *path[PREFIX_TREE_DEPTH];
	unsigned int count;

	count = prefix_tree_path(route_nodes(m, family), addr, route_addr_bits(family), path);
	while (count--) {
		const struct node *n = path[count];

		if (n->cands)
			return n;
	}
	return NULL;
}

bool route_mirror_is_local(const struct route_mirror *m, uint8_t family, const uint8_t *addr)
{
	const struct node *n = best_node(m, family, addr);
	const struct cand *c = n ? n->cands : NULL;

	// 127.0.0.0/8 and ::1 stand under the mirror's own hole.
	while (c && c->rank == RANK_OWN)
		c = c->next;
	return c && c->type == RTN_LOCAL;
}

struct within {
	int ifindex;
	uint8_t len;
	const struct node *found;
};

static bool leads_elsewhere(const struct cand *c, int ifindex)
{
	for (unsigned int i = 0; i < c->hop_count; i++)
		if (!c->hops[i].link || c->hops[i].link->ifindex != ifindex)
			return true;
	return c->hop_count == 0;
}

static void look_within(void *arg, void *value)
{
	struct within *w = arg;
	const struct node *n = value;

	for (const struct cand *c = n->cands; c && !w->found; c = c->next)
		if (c->rank != RANK_OWN &&
			(c->type == RTN_LOCAL ||
				(n->len > w->len && leads_elsewhere(c, w->ifindex))))
			w->found = n;
}

bool route_mirror_has_within(const struct route_mirror *m, int ifindex, uint8_t family,
	const uint8_t *addr, uint8_t len, uint8_t what[16], uint8_t *what_len)
{
	struct within w = {.ifindex = ifindex, .len = len};

	prefix_tree_walk(route_nodes(m, family), addr, len, look_within, &w);
	if (!w.found)
		return false;
	memcpy(what, w.found->addr, 16);
	*what_len = w.found->len;
	return true;
}

void route_mirror_probe(struct route_mirror *m, uint8_t family, const uint8_t *addr)
{
	const struct node *n = best_node(m, family, addr);
	struct meaning mean;
	const struct neigh *neigh;

	if (!n)
		return;
	mean = route_node_meaning(n);
	if (mean.link) {
		neigh = neigh_find(&m->neighs, mean.link, family, addr);
		if (neigh)
			neigh_probe(&m->neighs, neigh);
		else
			m->ops.probe(m->ops.arg, mean.link->ifindex, family, addr, false);
	} else if (mean.nexthop != NEXTHOP_KERNEL) {
		neigh_probe(&m->neighs, route_node_choose(n->cands)->hop->neigh);
	}
}

void route_mirror_refresh(struct route_mirror *m, unsigned int share, unsigned int max)
{
	neigh_refresh(&m->neighs, share, max);
}

uint32_t route_mirror_count(const struct route_mirror *m)
{
	return m->count;
}

bool route_mirror_take_changed(struct route_mirror *m)
{
	bool changed = m->changed;

	m->changed = false;
	return changed;
}

// --- life ---

bool route_mirror_is_full(const struct route_mirror *m)
{
	return m->full;
}

static void node_retry(void *arg, void *value)
{
	struct node *n = value;

	n->pinned = false;
	route_node_update(arg, n);
}

void route_mirror_retry(struct route_mirror *m)
{
	static const uint8_t zero[16];
	unsigned int i;

	m->full = false;
	// Longer prefixes come first: one that still finds no room pins the ones around it.
	for (i = 0; i < 2; i++)
		prefix_tree_walk(&m->nodes[i], zero, 0, node_retry, m);
}

struct route_mirror *route_mirror_new(const struct route_mirror_ops *ops,
	const struct kernel_port *ports, unsigned int port_count)
{
	struct route_mirror *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->ops = *ops;
	neigh_init(&m->neighs, &m->ops, ports, port_count);
	TAILQ_INIT(&m->age);
	LIST_INIT(&m->multipath);
	if (route_node_add_holes(m) == 0)
		return m;
	route_mirror_free(m);
	errno = ENOMEM;
	return NULL;
}

static void node_free(void *arg, void *value)
{
	struct route_mirror *m = arg;
	struct node *n = value;

	if (n->have != ROUTE_MIRROR_NONE)
		m->ops.route_del(m->ops.arg, n->family, n->addr, n->len);
	n->have = ROUTE_MIRROR_NONE;
	while (n->cands)
		route_cand_free(m, route_cand_remove(m, &n->cands));
	if (n->host)
		neigh_hop_put(&m->neighs, n->host);
	n->host = NULL;
	route_node_drop(m, n);
}

void route_mirror_free(struct route_mirror *m)
{
	static const uint8_t zero[16];
	unsigned int i;

	if (!m)
		return;
	for (i = 0; i < 2; i++)
		prefix_tree_walk(&m->nodes[i], zero, 0, node_free, m);
	neigh_fini(&m->neighs);
	free(m);
}
