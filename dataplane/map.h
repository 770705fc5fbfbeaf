// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Hash map from a 24-byte key to a 32-bit value: one writer (control), readers without locks
// (workers). Open addressing in 32-byte slots, at most half of them live, so that a lookup is one
// or two cache lines. A deleted slot is never used again in place, because a reader may still be
// comparing it: when too many are dead, the writer copies the live ones into the second table,
// publishes that, and uses the first again only after a grace period.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <assert.h>

#include <rte_branch_prediction.h>

struct rte_rcu_qsbr;

#define MAP_NONE UINT32_MAX

// The tag says what the other two words are; 0 and 1 are the map's own.
struct map_key {
	uint64_t hi, lo;
	uint64_t tag;
};

#define MAP_TAG_EMPTY 0 // ends a search
#define MAP_TAG_DEAD 1  // deleted: a search goes on

struct map_slot {
	_Atomic(uint64_t) tag; // written last
	uint64_t hi, lo;
	_Atomic(uint32_t) value;
};
static_assert(sizeof(struct map_slot) == 32, "map: two slots to a cache line");

struct map_table {
	uint64_t mask; // slots - 1
	struct map_slot slots[];
};

struct map {
	// Workers: ro.
	_Atomic(struct map_table *) table;
	uint64_t seed;

	// Control.
	struct map_table *spare;
	struct rte_rcu_qsbr *qsbr;
	uint64_t spare_token; // readers may look at spare until this grace period ends
	bool spare_busy;
	uint32_t entries; // most live keys allowed
	uint32_t live;
	uint32_t used; // live and dead
};

// Bytes of hugepages that map_new() takes.
uint64_t map_bytes(uint32_t entries);
// Main thread. NULL and errno.
struct map *map_new(const char *name, uint32_t entries, struct rte_rcu_qsbr *qsbr);
void map_free(struct map *m);

// Control. Adds a key or replaces its value (below MAP_NONE). 0 or -ENOSPC.
int map_set(struct map *m, const struct map_key *key, uint32_t value);
// 0 or -ENOENT.
int map_del(struct map *m, const struct map_key *key);
// Next live key from *pos on; *pos starts at 0. False at the end.
bool map_next(const struct map *m, uint64_t *pos, struct map_key *key, uint32_t *value);

static inline uint64_t map_hash(uint64_t seed, const struct map_key *key)
{
	uint64_t h = (key->hi ^ seed) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32 ^ key->lo) * UINT64_C(0xd6e8feb86659fd93);
	h = (h ^ h >> 32 ^ key->tag) * UINT64_C(0xca9b0b5a3a6f1d2b);
	return h ^ h >> 32;
}

// Any thread. Value or MAP_NONE.
static inline uint32_t map_get(const struct map *m, const struct map_key *key)
{
	const struct map_table *t = atomic_load_explicit(
		&((struct map *)m)->table, memory_order_acquire);
	uint64_t i = map_hash(m->seed, key) & t->mask;

	for (;; i = (i + 1) & t->mask) {
		const struct map_slot *s = &t->slots[i];
		uint64_t tag = atomic_load_explicit(
			&((struct map_slot *)s)->tag, memory_order_acquire);

		if (likely(tag == key->tag && s->hi == key->hi && s->lo == key->lo))
			return atomic_load_explicit(
				&((struct map_slot *)s)->value, memory_order_relaxed);
		if (tag == MAP_TAG_EMPTY)
			return MAP_NONE;
	}
}
