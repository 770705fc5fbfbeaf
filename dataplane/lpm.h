// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Longest-prefix match by table walk, for the routes of one domain and family: 2^24 entries for
// the first three bytes of the address (64 MB), then groups of 256 for one byte more each. IPv4
// takes one load, two behind a prefix longer than 24; IPv6 one more per byte.
// Each entry is written by one atomic store, and a group that is no longer reached is used again
// only after a grace period: a lookup during a change sees the old or the new route, no other.
// It does not remember the routes; fib.c has them in a prefix table.
// One writer (control), readers without locks (workers).
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

struct rte_rcu_qsbr;

#define LPM_NONE UINT32_MAX
#define LPM_VALUE_MAX 0x3ffffeu

#define LPM_ROOT_BITS 24
#define LPM_GROUP_ENTRIES 256
#define LPM_CHUNK_GROUPS 256
#define LPM_CHUNKS_MAX 4096 // 2^20 groups, 1 GB; reached never, but bounded

// An entry: bit 31 says that bits 0-22 are a group's number; else bits 23-30 are the length of
// the prefix (1-128) and bits 0-22 its value + 1; 0: no route.
#define LPM_IS_GROUP 0x80000000u
#define LPM_LEN_SHIFT 23
#define LPM_VALUE_MASK 0x7fffffu

typedef _Atomic(uint32_t) lpm_entry_t;

struct lpm_chunk {
	lpm_entry_t entries[LPM_CHUNK_GROUPS][LPM_GROUP_ENTRIES];
	// Control: list of free groups, and of those waiting for their grace period.
	uint32_t next[LPM_CHUNK_GROUPS];
	uint64_t token[LPM_CHUNK_GROUPS];
};

struct lpm {
	lpm_entry_t fallback; // the prefix of length 0: taken where the tables say "no route"
	_Atomic(struct lpm_chunk *) chunks[LPM_CHUNKS_MAX];

	// Control.
	struct rte_rcu_qsbr *qsbr;
	uint32_t chunk_count;
	uint32_t free_head;
	uint32_t retired_head, retired_tail;
	uint32_t groups_used;
	struct lpm *next; // for the owner's list of tables to free
	uint64_t token;

	lpm_entry_t root[1u << LPM_ROOT_BITS];
};

// Control. NULL and errno: 64 MB of hugepages are not there.
struct lpm *lpm_new(struct rte_rcu_qsbr *qsbr);
void lpm_free(struct lpm *l);

// Control. The prefix addr/len (host bits zero) leads to value from now on. 0, or -ENOMEM: the
// table no longer tells the truth and must not be asked again.
// A prefix of n bits costs 2^(24 - n) stores if it is shorter than 24.
int lpm_add(struct lpm *l, const uint8_t *addr, uint8_t len, uint32_t value);
// The prefix is gone; the longest shorter one that covers it (cover LPM_NONE: none) takes over.
void lpm_del(struct lpm *l, const uint8_t *addr, uint8_t len, uint32_t cover, uint8_t cover_len);

// Worker. Value of the longest match, or LPM_NONE. addr as the table's family has it.
static inline uint32_t lpm_lookup(const struct lpm *l, const uint8_t *addr)
{
	struct lpm *t = (struct lpm *)l;
	uint32_t e = atomic_load_explicit(
		&t->root[(uint32_t)addr[0] << 16 | (uint32_t)addr[1] << 8 | addr[2]],
		memory_order_acquire);

	for (addr += 3; unlikely(e & LPM_IS_GROUP); addr++) {
		uint32_t group = e & LPM_VALUE_MASK;
		struct lpm_chunk *c = atomic_load_explicit(
			&t->chunks[group / LPM_CHUNK_GROUPS], memory_order_relaxed);

		e = atomic_load_explicit(
			&c->entries[group % LPM_CHUNK_GROUPS][*addr], memory_order_acquire);
	}
	if (e == 0)
		e = atomic_load_explicit(&t->fallback, memory_order_relaxed);
	return (e & LPM_VALUE_MASK) - 1; // no route: LPM_NONE
}
