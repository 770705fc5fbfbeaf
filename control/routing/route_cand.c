// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/route_node.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static uint8_t table_rank(uint32_t table)
{
	switch (table) {
	case RT_TABLE_LOCAL:
		return RANK_LOCAL;
	case RT_TABLE_MAIN:
		return RANK_MAIN;
	case RT_TABLE_DEFAULT:
		return RANK_DEFAULT;
	default:
		return RANK_IGNORED;
	}
}

static void hop_put(struct route_mirror *m, struct route_hop *h)
{
	if (h->hop)
		neigh_hop_put(&m->neighs, h->hop);
	if (!h->link)
		return;
	h->link->routes--;
	neigh_link_drop(&m->neighs, h->link);
}

void route_cand_free(struct route_mirror *m, struct cand *c)
{
	unsigned int i;

	for (i = 0; i < c->hop_count; i++)
		hop_put(m, &c->hops[i]);
	free(c);
}

// The gateway's next hop. On failure the hop is the kernel's, which is always right.
static void cand_hop_resolve(struct route_mirror *m, struct route_hop *h, uint16_t mtu)
{
	struct neigh *n = neigh_get(&m->neighs, h->link, h->family, h->addr);

	if (!n)
		return;
	h->hop = neigh_hop_get(&m->neighs, n, mtu);
	if (!h->hop) {
		neigh_drop(&m->neighs, n);
		return;
	}
	if (!n->gateway && !n->usable)
		neigh_probe(&m->neighs, n);
	n->gateway = true;
}

static bool hop_has_next_hop(const struct route_hop *h)
{
	return h->link->port && h->family && !h->encap;
}

// Its hops through the link, which became a port or is none any more.
static void cand_relink(struct route_mirror *m, struct cand *c, const struct neigh_link *link)
{
	struct neigh_hop *old[ROUTE_MIRROR_HOPS];
	unsigned int i, count = 0;
	struct route_hop *h;
	bool uses = false;

	for (i = 0; i < c->hop_count; i++) {
		h = &c->hops[i];
		if (h->link != link)
			continue;
		uses = true;
		if (h->hop)
			old[count++] = h->hop;
		h->hop = NULL;
		if (hop_has_next_hop(h))
			cand_hop_resolve(m, h, c->mtu);
	}
	if (!uses)
		return;
	// No route may lead to a next hop that is given back.
	route_node_update(m, c->node);
	while (count--)
		neigh_hop_put(&m->neighs, old[count]);
}

void route_cand_relink(struct route_mirror *m, const struct neigh_link *link)
{
	struct cand *c;

	TAILQ_FOREACH(c, &m->age, age)
	cand_relink(m, c, link);
}

static struct cand *cand_new(
	struct route_mirror *m, const struct route_mirror_route *r, uint8_t rank)
{
	struct cand *c = calloc(1, sizeof(*c) + r->hop_count * sizeof(c->hops[0]));
	struct route_hop *h;
	unsigned int i;

	if (!c)
		return NULL;
	c->rank = rank;
	c->prio = r->prio;
	c->type = r->type;
	c->tos = r->tos;
	c->mtu = r->mtu;
	c->source_len = r->source_len;
	memcpy(c->source, r->source, sizeof(c->source));
	for (i = 0; i < r->hop_count; i++) {
		h = &c->hops[i];
		h->dead = r->hops[i].dead;
		h->encap = r->hops[i].encap;
		h->family = r->hops[i].family;
		memcpy(h->addr, r->hops[i].addr, sizeof(h->addr));
		h->link = neigh_link_get(&m->neighs, r->hops[i].ifindex);
		c->hop_count++;
		if (!h->link) {
			route_cand_free(m, c);
			return NULL;
		}
		h->link->routes++;
		if (hop_has_next_hop(h))
			cand_hop_resolve(m, h, c->mtu);
	}
	return c;
}

static bool hop_is_same(const struct route_hop *h, const struct route_mirror_hop *r)
{
	return h->link->ifindex == r->ifindex && h->family == r->family &&
	       !memcmp(h->addr, r->addr, sizeof(h->addr));
}

static bool cand_has_hop(const struct cand *c, const struct route_mirror_hop *hop)
{
	unsigned int i;

	for (i = 0; i < c->hop_count; i++)
		if (hop_is_same(&c->hops[i], hop))
			return true;
	return false;
}

static unsigned int cand_shared_hops(const struct cand *c, const struct route_mirror_route *r)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->hop_count; i++)
		n += cand_has_hop(c, &r->hops[i]);
	return n;
}

// The kernel sorts the routes of a prefix by these; among equals the order of arrival decides.
static bool cand_in_group(const struct cand *c, const struct route_mirror_route *r, uint8_t rank)
{
	return c->rank == rank && c->tos == r->tos && c->prio == r->prio &&
	       c->source_len == r->source_len && !memcmp(c->source, r->source, sizeof(c->source));
}

static bool cand_is_before(const struct cand *c, const struct route_mirror_route *r, uint8_t rank)
{
	if (c->rank != rank)
		return c->rank < rank;
	if (c->tos != r->tos)
		return c->tos > r->tos;
	return c->prio < r->prio;
}

static bool cand_is_same(const struct cand *c, const struct route_mirror_route *r, uint8_t rank)
{
	return cand_in_group(c, r, rank) && c->type == r->type && c->mtu == r->mtu &&
	       c->hop_count == r->hop_count && cand_shared_hops(c, r) == r->hop_count;
}

struct cand *route_cand_remove(struct route_mirror *m, struct cand **pos)
{
	struct cand *c = *pos;

	*pos = c->next;
	if (c->rank != RANK_OWN) {
		TAILQ_REMOVE(&m->age, c, age);
		m->count--;
	}
	return c;
}

static void cand_insert(struct route_mirror *m, struct node *n, struct cand **pos, struct cand *c)
{
	c->node = n;
	c->next = *pos;
	*pos = c;
	c->generation = m->neighs.generation;
	if (c->rank != RANK_OWN) {
		TAILQ_INSERT_TAIL(&m->age, c, age);
		m->count++;
	}
}

static void cand_touch(struct route_mirror *m, struct cand *c, const struct route_mirror_route *r)
{
	unsigned int i, k;

	for (i = 0; i < c->hop_count; i++)
		for (k = 0; k < r->hop_count; k++)
			if (hop_is_same(&c->hops[i], &r->hops[k]))
				c->hops[i].dead = r->hops[k].dead;
	if (c->generation == m->neighs.generation)
		return;
	c->generation = m->neighs.generation;
	TAILQ_REMOVE(&m->age, c, age);
	TAILQ_INSERT_TAIL(&m->age, c, age);
}

// Does the new route take the place of this one of the same group? IPv6 tells every change of a
// multipath route by the whole of it, so that a common hop means the same route.
static bool cand_is_replaced(
	const struct cand *c, const struct route_mirror_route *r, enum route_mirror_how how)
{
	if (how == ROUTE_MIRROR_REPLACE)
		return true;
	return r->family == 6 && c->type == r->type && cand_shared_hops(c, r) > 0;
}

int route_cand_add(struct route_mirror *m, const struct route_mirror_route *r, uint8_t rank,
	enum route_mirror_how how)
{
	struct node *n = route_node_get(m, r->family, r->addr, r->len);
	struct cand **pos, *old = NULL, *c;

	if (!n)
		return -ENOMEM;
	for (pos = &n->cands; *pos; pos = &(*pos)->next) {
		if (!cand_is_same(*pos, r, rank))
			continue;
		cand_touch(m, *pos, r);
		route_node_update(m, n);
		return 0;
	}
	// The new one takes its next hops before the old one gives them back: indexes stay.
	c = cand_new(m, r, rank);
	if (!c) {
		route_node_drop(m, n);
		return -ENOMEM;
	}
	for (pos = &n->cands; *pos && cand_is_before(*pos, r, rank);)
		pos = &(*pos)->next;
	while (*pos && cand_in_group(*pos, r, rank) && !old) {
		if (cand_is_replaced(*pos, r, how))
			old = *pos;
		else if (how == ROUTE_MIRROR_FIRST)
			break;
		else
			pos = &(*pos)->next;
	}
	cand_insert(m, n, pos, c);
	if (old)
		route_cand_remove(m, &c->next);
	route_node_update(m, n);
	if (old)
		route_cand_free(m, old);
	return 0;
}

int route_mirror_route_add(
	struct route_mirror *m, const struct route_mirror_route *r, enum route_mirror_how how)
{
	uint8_t rank = table_rank(r->table);

	return rank == RANK_IGNORED ? 0 : route_cand_add(m, r, rank, how);
}

// IPv6 takes single hops out of a multipath route: they go behind the ones that stay. Returns how
// many; 0: not this route.
static unsigned int cand_split_hops(struct cand *c, const struct route_mirror_route *r)
{
	struct route_hop gone[ROUTE_MIRROR_HOPS] = {0};
	unsigned int i, k, kept = 0, n = 0;

	if (!r->hop_count || c->type != r->type || cand_shared_hops(c, r) != r->hop_count)
		return 0;
	for (i = 0; i < c->hop_count; i++) {
		for (k = 0; k < r->hop_count && !hop_is_same(&c->hops[i], &r->hops[k]);)
			k++;
		if (k == r->hop_count)
			c->hops[kept++] = c->hops[i];
		else
			gone[n++] = c->hops[i];
	}
	memcpy(&c->hops[kept], gone, n * sizeof(gone[0]));
	c->hop_count = (uint8_t)kept;
	return n;
}

bool route_mirror_route_del(struct route_mirror *m, const struct route_mirror_route *r)
{
	uint8_t rank = table_rank(r->table);
	struct cand **pos, *c;
	unsigned int n_gone;
	struct node *n;

	if (rank == RANK_IGNORED)
		return true;
	n = prefix_tree_get(route_nodes(m, r->family), r->addr, r->len);
	if (!n)
		return false;
	for (pos = &n->cands; *pos; pos = &(*pos)->next) {
		if (!cand_is_same(*pos, r, rank))
			continue;
		c = route_cand_remove(m, pos);
		route_node_update(m, n);
		route_cand_free(m, c);
		return true;
	}
	for (c = n->cands; r->family == 6 && c; c = c->next) {
		if (!cand_in_group(c, r, rank))
			continue;
		n_gone = cand_split_hops(c, r);
		if (!n_gone)
			continue;
		route_node_update(m, n);
		while (n_gone--)
			hop_put(m, &c->hops[c->hop_count + n_gone]);
		return true;
	}
	return false;
}
