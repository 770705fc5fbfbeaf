// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/prefix_table.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_malloc.h>

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/map.h"

static_assert(PREFIX_NONE == MAP_NONE, "prefix_table: values of the map are handed through");

#define LENS4 33
#define LENS6 129

// Which prefix lengths a domain uses, bit n for length n. Workers: ro.
struct lens {
	_Atomic(uint64_t) v4;
	_Atomic(uint64_t) v6[3];
};

// How many prefixes of each length; control's alone.
struct counts {
	uint32_t v4[LENS4];
	uint32_t v6[LENS6];
	uint32_t total4, total6;
};

struct prefix_table {
	struct map *map;
	struct counts *counts; // PREFIX_DOMAINS_MAX
	struct lens lens[PREFIX_DOMAINS_MAX];
};

uint64_t prefix_table_bytes(uint32_t entries)
{
	return sizeof(struct prefix_table) + map_bytes(entries);
}

struct prefix_table *prefix_table_new(const char *name, uint32_t entries, struct rte_rcu_qsbr *qsbr)
{
	struct prefix_table *t = rte_zmalloc(name, sizeof(*t), RTE_CACHE_LINE_SIZE);

	if (!t) {
		errno = ENOMEM;
		return NULL;
	}
	t->counts = calloc(PREFIX_DOMAINS_MAX, sizeof(*t->counts));
	t->map = map_new(name, entries, qsbr);
	if (!t->counts || !t->map) {
		prefix_table_free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

void prefix_table_free(struct prefix_table *t)
{
	if (!t)
		return;
	map_free(t->map);
	free(t->counts);
	rte_free(t);
}

// The n highest bits of 64, n from 0 to 64.
static inline uint64_t high_bits(unsigned int n)
{
	return n ? ~UINT64_C(0) << (64 - n) : 0;
}

static inline uint64_t tag_of(uint16_t domain, uint8_t family, unsigned int len)
{
	return (uint64_t)domain << 32 | (uint64_t)family << 16 | len << 8;
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_64(v);
}

static inline uint64_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

// An IPv4 address is the upper half of a word, so that both families are masked alike.
static inline struct map_key key4(uint16_t domain, uint64_t addr, unsigned int len)
{
	return (struct map_key){addr & high_bits(len), 0, tag_of(domain, 4, len)};
}

static inline struct map_key key6(uint16_t domain, uint64_t hi, uint64_t lo, unsigned int len)
{
	return (struct map_key){hi & high_bits(RTE_MIN(len, 64u)),
		len > 64 ? lo & high_bits(len - 64) : 0, tag_of(domain, 6, len)};
}

static struct map_key key_of(uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	if (family == 4)
		return key4(domain, load32(addr) << 32, len);
	return key6(domain, load64(addr), load64(addr + 8), len);
}

static bool is_valid(uint16_t domain, uint8_t family, uint8_t len)
{
	if (domain >= PREFIX_DOMAINS_MAX)
		return false;
	return (family == 4 && len < LENS4) || (family == 6 && len < LENS6);
}

// Counts one prefix more or less and keeps the bitmap of lengths in step.
static void count(struct prefix_table *t, uint16_t domain, uint8_t family, uint8_t len, int step)
{
	struct counts *c = &t->counts[domain];
	uint32_t *n = family == 4 ? &c->v4[len] : &c->v6[len];
	uint32_t *total = family == 4 ? &c->total4 : &c->total6;
	_Atomic(uint64_t) *bits = family == 4 ? &t->lens[domain].v4 : &t->lens[domain].v6[len / 64];
	uint64_t bit = UINT64_C(1) << len % 64;

	*n += (uint32_t)step;
	*total += (uint32_t)step;
	if (*n)
		atomic_fetch_or_explicit(bits, bit, memory_order_release);
	else
		atomic_fetch_and_explicit(bits, ~bit, memory_order_release);
}

int prefix_table_add(struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr,
	uint8_t len, uint32_t value)
{
	struct map_key key;
	bool is_new;
	int ret;

	if (!is_valid(domain, family, len) || value == PREFIX_NONE)
		return -EINVAL;
	key = key_of(domain, family, addr, len);
	is_new = map_get(t->map, &key) == MAP_NONE;
	ret = map_set(t->map, &key, value);
	if (ret == 0 && is_new)
		count(t, domain, family, len, 1);
	return ret;
}

int prefix_table_del(
	struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct map_key key;
	int ret;

	if (!is_valid(domain, family, len))
		return -EINVAL;
	key = key_of(domain, family, addr, len);
	ret = map_del(t->map, &key);
	if (ret == 0)
		count(t, domain, family, len, -1);
	return ret;
}

uint32_t prefix_table_get(const struct prefix_table *t, uint16_t domain, uint8_t family,
	const uint8_t *addr, uint8_t len)
{
	struct map_key key;

	if (!is_valid(domain, family, len))
		return PREFIX_NONE;
	key = key_of(domain, family, addr, len);
	return map_get(t->map, &key);
}

static inline uint64_t lens_of(const _Atomic(uint64_t) *bits)
{
	return atomic_load_explicit((_Atomic(uint64_t) *)bits, memory_order_acquire);
}

static inline unsigned int highest(uint64_t bits)
{
	return 63 - (unsigned int)__builtin_clzll(bits);
}

// The first word's bits below `below` only.
static inline uint64_t bits_below(unsigned int below)
{
	return below < 64 ? (UINT64_C(1) << below) - 1 : ~UINT64_C(0);
}

// Both walks: longest match of a length below `below`.
static inline uint32_t walk4(const struct prefix_table *t, uint16_t domain, uint64_t addr,
	unsigned int below, unsigned int *len)
{
	uint64_t bits = lens_of(&t->lens[domain].v4) & bits_below(below);

	while (bits) {
		unsigned int n = highest(bits);
		struct map_key key = key4(domain, addr, n);
		uint32_t value = map_get(t->map, &key);

		if (value != MAP_NONE) {
			*len = n;
			return value;
		}
		bits ^= UINT64_C(1) << n;
	}
	return PREFIX_NONE;
}

static inline uint32_t walk6(const struct prefix_table *t, uint16_t domain, const uint8_t *addr,
	unsigned int below, unsigned int *len)
{
	uint64_t hi = load64(addr), lo = load64(addr + 8);

	for (unsigned int w = 3; w-- > 0;) {
		uint64_t bits = lens_of(&t->lens[domain].v6[w]);

		bits &= below > w * 64 ? bits_below(below - w * 64) : 0;
		while (bits) {
			unsigned int n = w * 64 + highest(bits);
			struct map_key key = key6(domain, hi, lo, n);
			uint32_t value = map_get(t->map, &key);

			if (value != MAP_NONE) {
				*len = n;
				return value;
			}
			bits ^= UINT64_C(1) << n % 64;
		}
	}
	return PREFIX_NONE;
}

uint32_t prefix_table_cover(const struct prefix_table *t, uint16_t domain, uint8_t family,
	const uint8_t *addr, uint8_t len, uint8_t *cover_len)
{
	unsigned int found = 0;
	uint32_t value;

	if (!is_valid(domain, family, len))
		return PREFIX_NONE;
	if (family == 4)
		value = walk4(t, domain, load32(addr) << 32, len, &found);
	else
		value = walk6(t, domain, addr, len, &found);
	*cover_len = (uint8_t)found;
	return value;
}

uint32_t prefix_table_lookup(
	const struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr)
{
	unsigned int len;

	if (unlikely(domain >= PREFIX_DOMAINS_MAX))
		return PREFIX_NONE;
	if (likely(family == 4))
		return walk4(t, domain, load32(addr) << 32, LENS4, &len);
	return walk6(t, domain, addr, LENS6, &len);
}

bool prefix_table_next(const struct prefix_table *t, uint64_t *pos, uint16_t domain, uint8_t family,
	uint8_t addr[16], uint8_t *len, uint32_t *value)
{
	uint64_t want = tag_of(domain, family, 0);
	struct map_key key;

	while (map_next(t->map, pos, &key, value)) {
		uint64_t hi = rte_cpu_to_be_64(key.hi), lo = rte_cpu_to_be_64(key.lo);

		if ((key.tag & ~UINT64_C(0xff00)) != want)
			continue;
		memcpy(addr, &hi, sizeof(hi));
		memcpy(addr + 8, &lo, sizeof(lo));
		*len = (uint8_t)(key.tag >> 8);
		return true;
	}
	return false;
}

uint32_t prefix_table_count(const struct prefix_table *t)
{
	return t->map->live;
}

uint32_t prefix_table_count_of(const struct prefix_table *t, uint16_t domain, uint8_t family)
{
	if (domain >= PREFIX_DOMAINS_MAX)
		return 0;
	return family == 4 ? t->counts[domain].total4 : t->counts[domain].total6;
}
