// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/iroute.h"

#include <rte_malloc.h>

#include <errno.h>
#include <string.h>

#include "dataplane/map.h"
#include "dataplane/prefix_table.h"
#include "dataplane/proto.h"

struct iroute {
	struct prefix_table *prefixes; // inner address -> peer id
	struct map *links;             // gateway, its address and outside address -> peer id
};

// An IPv4 and an IPv6 address each.
#define PREFIXES_PER_PEER 2

static uint32_t prefixes_max(uint32_t peers_max, uint32_t subnets_max)
{
	return peers_max * PREFIXES_PER_PEER + subnets_max;
}

uint64_t iroute_bytes(uint32_t peers_max, uint32_t subnets_max)
{
	return sizeof(struct iroute) + prefix_table_bytes(prefixes_max(peers_max, subnets_max)) +
	       map_bytes(peers_max);
}

struct iroute *iroute_new(uint32_t peers_max, uint32_t subnets_max, struct rte_rcu_qsbr *qsbr)
{
	struct iroute *r = rte_zmalloc("iroute", sizeof(*r), RTE_CACHE_LINE_SIZE);

	if (!r) {
		errno = ENOMEM;
		return NULL;
	}
	r->prefixes = prefix_table_new(
		"iroute_prefixes", prefixes_max(peers_max, subnets_max), qsbr);
	r->links = map_new("iroute_links", peers_max, qsbr);
	if (!r->prefixes || !r->links) {
		iroute_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void iroute_free(struct iroute *r)
{
	if (!r)
		return;
	prefix_table_free(r->prefixes);
	map_free(r->links);
	rte_free(r);
}

int iroute_add(struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len,
	uint32_t peer_id)
{
	uint32_t owner = prefix_table_get(r->prefixes, domain, family, addr, len);

	if (peer_id > PROTO_PEER_ID_MAX)
		return -EINVAL;
	if (owner != PREFIX_NONE && owner != peer_id)
		return -EEXIST;
	return prefix_table_add(r->prefixes, domain, family, addr, len, peer_id);
}

int iroute_del(struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	return prefix_table_del(r->prefixes, domain, family, addr, len);
}

// "None" of the tables becomes "undefined" of the protocol, which is smaller than any other
// value that is no peer id.
static inline uint32_t peer_id_or_undef(uint32_t value)
{
	return value < PROTO_PEER_ID_UNDEF ? value : PROTO_PEER_ID_UNDEF;
}

uint32_t iroute_owner(
	const struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	return peer_id_or_undef(prefix_table_get(r->prefixes, domain, family, addr, len));
}

uint32_t iroute_lookup(const struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr)
{
	return peer_id_or_undef(prefix_table_lookup(r->prefixes, domain, family, addr));
}

// The tag is never 0 or 1, since a family is 4 or 6.
static inline struct map_key link_key(
	uint16_t gateway, uint8_t local_id, uint8_t family, const uint8_t *addr, rte_be16_t port_be)
{
	struct map_key key = {
		.tag = (uint64_t)gateway << 32 | (uint64_t)port_be << 16 | (uint64_t)local_id << 8 |
		       family,
	};
	uint32_t addr4;

	if (family == 4) {
		memcpy(&addr4, addr, sizeof(addr4));
		key.hi = addr4;
	} else {
		memcpy(&key.hi, addr, sizeof(key.hi));
		memcpy(&key.lo, addr + 8, sizeof(key.lo));
	}
	return key;
}

int iroute_link_add(struct iroute *r, uint16_t gateway, uint8_t local_id, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be, uint32_t peer_id)
{
	struct map_key key = link_key(gateway, local_id, family, addr, port_be);
	uint32_t owner = map_get(r->links, &key);

	if (peer_id > PROTO_PEER_ID_MAX || (family != 4 && family != 6))
		return -EINVAL;
	if (owner != MAP_NONE && owner != peer_id)
		return -EEXIST;
	return map_set(r->links, &key, peer_id);
}

int iroute_link_del(struct iroute *r, uint16_t gateway, uint8_t local_id, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be)
{
	struct map_key key = link_key(gateway, local_id, family, addr, port_be);

	return map_del(r->links, &key);
}

uint32_t iroute_link_lookup(const struct iroute *r, uint16_t gateway, uint8_t local_id,
	uint8_t family, const uint8_t *addr, rte_be16_t port_be)
{
	struct map_key key = link_key(gateway, local_id, family, addr, port_be);

	return peer_id_or_undef(map_get(r->links, &key));
}
