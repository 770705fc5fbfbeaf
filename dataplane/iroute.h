// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inner prefix -> peer: a client's own addresses as full-length prefixes, and subnets behind it.
// Written by control, read by workers. P_DATA_V1 packets, which carry no peer id, are
// found by their outside address in a second table.
#pragma once

#include <stdint.h>

#include <rte_byteorder.h>

struct iroute;
struct rte_rcu_qsbr;

// Bytes of hugepages that iroute_new() takes.
uint64_t iroute_bytes(uint32_t peers_max, uint32_t subnets_max);
struct iroute *iroute_new(uint32_t peers_max, uint32_t subnets_max, struct rte_rcu_qsbr *qsbr);
void iroute_free(struct iroute *r);

// Control. 0, -ENOSPC, -EEXIST if the prefix belongs to another peer; del: 0 or -ENOENT.
int iroute_add(struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len,
	uint32_t peer_id);
int iroute_del(struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);
// Control. Peer id of exactly this prefix, or PROTO_PEER_ID_UNDEF.
uint32_t iroute_owner(
	const struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);

// Worker. Peer id that owns the inner address, or PROTO_PEER_ID_UNDEF.
uint32_t iroute_lookup(
	const struct iroute *r, uint16_t domain, uint8_t family, const uint8_t *addr);

// The same by outside address, per gateway and address of it: a NAT may give two clients one address
// and port if they talk to different ones.
int iroute_link_add(struct iroute *r, uint16_t gateway, uint8_t local_id, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be, uint32_t peer_id);
int iroute_link_del(struct iroute *r, uint16_t gateway, uint8_t local_id, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be);
uint32_t iroute_link_lookup(const struct iroute *r, uint16_t gateway, uint8_t local_id,
	uint8_t family, const uint8_t *addr, rte_be16_t port_be);
