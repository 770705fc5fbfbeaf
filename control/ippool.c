// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ippool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST4 2            // NET+0 is the network, NET+1 the gateway
#define BLOCK4 4            // addresses of a client in net30: network, far end, client, broadcast
#define FIRST6 2            // NET::1 is the gateway
#define FIRST6_LARGE 0x1000 // where the prefix leaves room, as OpenVPN numbers them

struct entry {
	uint64_t name_hash; // of the last holder, 0: never used
	uint32_t next_free; // towards longer in use; IPPOOL_NONE at the end
	bool used;
	bool reserved; // may be among the free ones, and is passed over
};

struct ippool {
	struct conf_prefix cidr4, cidr6;
	enum conf_topology topology;
	uint32_t capacity, used;
	uint32_t fresh;                // entries from here on were never used
	uint32_t free_head, free_tail; // given back, longest free first
	struct entry entries[];
};

static uint32_t host_count(const struct conf_prefix *cidr, unsigned int bits, uint32_t reserved)
{
	unsigned int host_bits = bits - cidr->len;
	uint64_t n = host_bits >= 32 ? UINT32_MAX : (uint64_t)1 << host_bits;

	return n > reserved ? (uint32_t)(n - reserved) : 0;
}

static uint32_t first6(const struct conf_prefix *cidr6)
{
	return cidr6->len < 112 ? FIRST6_LARGE : FIRST6;
}

uint32_t ippool_capacity(const struct conf_prefix *cidr4, const struct conf_prefix *cidr6,
	enum conf_topology topology)
{
	uint32_t n = IPPOOL_ENTRIES_MAX, have;

	if (cidr4->family) {
		if (topology == CONF_TOPOLOGY_NET30) // the first block is the gateway's
			have = host_count(cidr4, 32, BLOCK4) / BLOCK4;
		else
			have = host_count(cidr4, 32, FIRST4 + 1); // the last is for broadcasts
		n = have < n ? have : n;
	}
	if (cidr6->family) {
		have = host_count(cidr6, 128, first6(cidr6));
		n = have < n ? have : n;
	}
	return cidr4->family || cidr6->family ? n : 0;
}

struct ippool *ippool_new(const struct conf_prefix *cidr4, const struct conf_prefix *cidr6,
	enum conf_topology topology)
{
	uint32_t capacity = ippool_capacity(cidr4, cidr6, topology);
	struct ippool *p;

	if (capacity == 0) {
		errno = EINVAL;
		return NULL;
	}
	p = calloc(1, sizeof(*p) + capacity * sizeof(p->entries[0]));
	if (!p)
		return NULL;
	p->cidr4 = *cidr4;
	p->cidr6 = *cidr6;
	p->topology = topology;
	p->capacity = capacity;
	p->free_head = p->free_tail = IPPOOL_NONE;
	return p;
}

void ippool_free(struct ippool *p)
{
	free(p);
}

// FNV-1a. Names come out of certificates that our own CA signed; a collision only means that a
// client gets another one's former address.
static uint64_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
	return h ? h : 1;
}

static void free_list_unlink(struct ippool *p, uint32_t entry, uint32_t before)
{
	uint32_t next = p->entries[entry].next_free;

	if (before == IPPOOL_NONE)
		p->free_head = next;
	else
		p->entries[before].next_free = next;
	if (p->free_tail == entry)
		p->free_tail = before;
}

static uint32_t take_former(struct ippool *p, uint64_t hash)
{
	uint32_t before = IPPOOL_NONE;

	for (uint32_t i = p->free_head; i != IPPOOL_NONE; before = i, i = p->entries[i].next_free) {
		if (p->entries[i].name_hash != hash || p->entries[i].reserved)
			continue;
		free_list_unlink(p, i, before);
		return i;
	}
	return IPPOOL_NONE;
}

static void free_list_append(struct ippool *p, uint32_t entry)
{
	p->entries[entry].next_free = IPPOOL_NONE;
	if (p->free_tail == IPPOOL_NONE)
		p->free_head = entry;
	else
		p->entries[p->free_tail].next_free = entry;
	p->free_tail = entry;
}

// Reserved ones wait among the free ones for the day they no longer are.
static uint32_t take_fresh(struct ippool *p)
{
	uint32_t i;

	while (p->fresh < p->capacity) {
		i = p->fresh++;
		if (!p->entries[i].reserved)
			return i;
		free_list_append(p, i);
	}
	return IPPOOL_NONE;
}

static uint32_t take_oldest(struct ippool *p)
{
	uint32_t before = IPPOOL_NONE;

	for (uint32_t i = p->free_head; i != IPPOOL_NONE; before = i, i = p->entries[i].next_free) {
		if (p->entries[i].reserved)
			continue;
		free_list_unlink(p, i, before);
		return i;
	}
	return IPPOOL_NONE;
}

uint32_t ippool_take(struct ippool *p, const char *name)
{
	uint64_t hash = name_hash(name);
	uint32_t i = take_former(p, hash);

	if (i == IPPOOL_NONE)
		i = take_fresh(p);
	if (i == IPPOOL_NONE)
		i = take_oldest(p);
	if (i == IPPOOL_NONE)
		return IPPOOL_NONE;
	p->entries[i] = (struct entry){.name_hash = hash, .next_free = IPPOOL_NONE, .used = true};
	p->used++;
	return i;
}

void ippool_give_back(struct ippool *p, uint32_t entry)
{
	if (entry >= p->capacity || !p->entries[entry].used)
		return;
	p->entries[entry].used = false;
	free_list_append(p, entry);
	p->used--;
}

// addr += n, as one big-endian number.
static void addr_add(uint8_t *addr, size_t bytes, uint32_t n)
{
	uint64_t carry = n;

	for (size_t i = bytes; i-- > 0 && carry;) {
		carry += addr[i];
		addr[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void addresses_at(
	const struct ippool *p, uint32_t off4, uint32_t off6, uint8_t vpn4[4], uint8_t vpn6[16])
{
	memset(vpn4, 0, 4);
	memset(vpn6, 0, 16);
	if (p->cidr4.family) {
		memcpy(vpn4, p->cidr4.addr, 4);
		addr_add(vpn4, 4, off4);
	}
	if (p->cidr6.family) {
		memcpy(vpn6, p->cidr6.addr, 16);
		addr_add(vpn6, 16, off6);
	}
}

static uint32_t offset4(const struct ippool *p, uint32_t entry)
{
	if (p->topology == CONF_TOPOLOGY_NET30)
		return BLOCK4 * (entry + 1) + 2;
	return FIRST4 + entry;
}

void ippool_far_end(const struct ippool *p, const uint8_t vpn4[4], uint8_t far4[4])
{
	uint8_t none[16];

	if (p->topology != CONF_TOPOLOGY_NET30) {
		addresses_at(p, 1, 0, far4, none);
		return;
	}
	memcpy(far4, vpn4, 4);
	far4[3]--; // is the third of four
}

void ippool_addresses(const struct ippool *p, uint32_t entry, uint8_t vpn4[4], uint8_t vpn6[16])
{
	addresses_at(p, offset4(p, entry), first6(&p->cidr6) + entry, vpn4, vpn6);
}

// How far the address is from the network's first one; UINT32_MAX: further than that, or outside.
static uint32_t offset_of(const struct conf_prefix *cidr, const uint8_t *addr, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (addr[i] < cidr->addr[i] || n >> 24)
			return UINT32_MAX;
		n = n << 8 | (uint8_t)(addr[i] - cidr->addr[i]);
	}
	return (uint32_t)n;
}

// IPPOOL_NONE: no entry has the address.
static uint32_t entry_of(const struct ippool *p, uint8_t family, const uint8_t *addr)
{
	uint32_t off = family == 4 ? offset_of(&p->cidr4, addr, 4) : offset_of(&p->cidr6, addr, 16);
	uint32_t first = family == 6 ? first6(&p->cidr6) : offset4(p, 0);

	if (off == UINT32_MAX || off < first)
		return IPPOOL_NONE;
	off -= first;
	if (family == 4 && p->topology == CONF_TOPOLOGY_NET30)
		off = off % BLOCK4 ? IPPOOL_NONE : off / BLOCK4;
	return off < p->capacity ? off : IPPOOL_NONE;
}

void ippool_reserve(struct ippool *p, uint8_t family, const uint8_t *addr)
{
	uint32_t entry = entry_of(p, family, addr);

	if (entry != IPPOOL_NONE)
		p->entries[entry].reserved = true;
}

void ippool_unreserve_all(struct ippool *p)
{
	for (uint32_t i = 0; i < p->capacity; i++)
		p->entries[i].reserved = false;
}

void ippool_self(const struct ippool *p, uint8_t self4[4], uint8_t self6[16])
{
	addresses_at(p, 1, 1, self4, self6);
}

uint32_t ippool_used(const struct ippool *p)
{
	return p->used;
}
