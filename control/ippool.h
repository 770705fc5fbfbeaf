// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Tunnel addresses of one gateway. Entry i is one IPv4 and one IPv6 address: in topologies subnet
// and p2p the network's third and following addresses in IPv4 (the first is the gateway's own), in
// net30 the third address of each block of four but the first, whose second address is the far end
// that the client sees; and the same index from NET::2 (or NET::1000 where the prefix is shorter
// than 112). A client gets the
// address it had before if that is free, else one never used, else the one free for longest. Entries
// with an address that is one client's for good are reserved: nobody is given them.
// Control thread only.
#pragma once

#include <stdint.h>

#include "control/conf/conf.h"

struct ippool;

#define IPPOOL_ENTRIES_MAX 65536
#define IPPOOL_NONE UINT32_MAX

// Clients networks of this size have room for, at most IPPOOL_ENTRIES_MAX; cidr6 may be unset.
uint32_t ippool_capacity(const struct conf_prefix *cidr4, const struct conf_prefix *cidr6,
	enum conf_topology topology);

// cidr4 or cidr6 may be unset, not both. NULL and errno (ENOMEM, EINVAL: no room for a client).
struct ippool *ippool_new(const struct conf_prefix *cidr4, const struct conf_prefix *cidr6,
	enum conf_topology topology);
void ippool_free(struct ippool *p);

// Takes an entry for the named client. IPPOOL_NONE: all in use.
uint32_t ippool_take(struct ippool *p, const char *name);
void ippool_give_back(struct ippool *p, uint32_t entry);

// Addresses of an entry; zeros for a family the pool does not have.
void ippool_addresses(const struct ippool *p, uint32_t entry, uint8_t vpn4[4], uint8_t vpn6[16]);
// The IPv4 address at the other end of the tunnel of a client with this one: in net30 of its own
// block, else the gateway's.
void ippool_far_end(const struct ippool *p, const uint8_t vpn4[4], uint8_t far4[4]);
// Reserves the entry with this address, if there is one. Whoever has it keeps it.
void ippool_reserve(struct ippool *p, uint8_t family, const uint8_t *addr);
void ippool_unreserve_all(struct ippool *p);
// The gateway's own: NET+1, NET::1.
void ippool_self(const struct ippool *p, uint8_t self4[4], uint8_t self6[16]);
uint32_t ippool_used(const struct ippool *p);
