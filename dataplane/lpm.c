// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/lpm.h"

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#define GROUP_NONE UINT32_MAX

static_assert(LPM_VALUE_MAX + 1 <= LPM_VALUE_MASK, "lpm: value does not fit an entry");
static_assert(LPM_CHUNKS_MAX * LPM_CHUNK_GROUPS <= LPM_VALUE_MASK, "lpm: group does not fit");

struct lpm *lpm_new(struct rte_rcu_qsbr *qsbr)
{
	struct lpm *l = rte_zmalloc("lpm", sizeof(*l), RTE_CACHE_LINE_SIZE);

	if (!l) {
		errno = ENOMEM;
		return NULL;
	}
	l->qsbr = qsbr;
	l->free_head = GROUP_NONE;
	l->retired_head = GROUP_NONE;
	l->retired_tail = GROUP_NONE;
	return l;
}

static struct lpm_chunk *chunk_of(struct lpm *l, uint32_t group)
{
	return atomic_load_explicit(&l->chunks[group / LPM_CHUNK_GROUPS], memory_order_relaxed);
}

void lpm_free(struct lpm *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->chunk_count; i++)
		rte_free(chunk_of(l, i * LPM_CHUNK_GROUPS));
	rte_free(l);
}

static lpm_entry_t *entries_of(struct lpm *l, uint32_t group)
{
	return chunk_of(l, group)->entries[group % LPM_CHUNK_GROUPS];
}

static uint32_t *next_of(struct lpm *l, uint32_t group)
{
	return &chunk_of(l, group)->next[group % LPM_CHUNK_GROUPS];
}

static uint64_t *token_of(struct lpm *l, uint32_t group)
{
	return &chunk_of(l, group)->token[group % LPM_CHUNK_GROUPS];
}

static uint32_t load(lpm_entry_t *e)
{
	return atomic_load_explicit(e, memory_order_relaxed);
}

static void store(lpm_entry_t *e, uint32_t value)
{
	atomic_store_explicit(e, value, memory_order_release);
}

static bool add_chunk(struct lpm *l)
{
	uint32_t first = l->chunk_count * LPM_CHUNK_GROUPS;
	struct lpm_chunk *c;

	if (l->chunk_count == LPM_CHUNKS_MAX)
		return false;
	c = rte_zmalloc("lpm_chunk", sizeof(*c), RTE_CACHE_LINE_SIZE);
	if (!c)
		return false;
	// Readers see the chunk through the entry that leads to its groups, stored with release.
	atomic_store_explicit(&l->chunks[l->chunk_count++], c, memory_order_relaxed);
	for (uint32_t i = 0; i < LPM_CHUNK_GROUPS; i++)
		c->next[i] = i + 1 < LPM_CHUNK_GROUPS ? first + i + 1 : l->free_head;
	l->free_head = first;
	return true;
}

static bool retired_is_safe(struct lpm *l)
{
	return l->retired_head != GROUP_NONE &&
	       rte_rcu_qsbr_check(l->qsbr, *token_of(l, l->retired_head), false) == 1;
}

// A group whose entries all are e. GROUP_NONE: no memory.
static uint32_t group_new(struct lpm *l, uint32_t e)
{
	uint32_t group;

	if (retired_is_safe(l)) {
		group = l->retired_head;
		l->retired_head = *next_of(l, group);
		if (l->retired_head == GROUP_NONE)
			l->retired_tail = GROUP_NONE;
	} else {
		if (l->free_head == GROUP_NONE && !add_chunk(l))
			return GROUP_NONE;
		group = l->free_head;
		l->free_head = *next_of(l, group);
	}
	for (int i = 0; i < LPM_GROUP_ENTRIES; i++)
		atomic_store_explicit(&entries_of(l, group)[i], e, memory_order_relaxed);
	l->groups_used++;
	return group;
}

// No entry leads to the group any more.
static void group_retire(struct lpm *l, uint32_t group)
{
	*token_of(l, group) = rte_rcu_qsbr_start(l->qsbr);
	*next_of(l, group) = GROUP_NONE;
	if (l->retired_tail == GROUP_NONE)
		l->retired_head = group;
	else
		*next_of(l, l->retired_tail) = group;
	l->retired_tail = group;
	l->groups_used--;
}

static uint32_t entry_of(uint32_t value, uint8_t len)
{
	return value == LPM_NONE ? 0 : (uint32_t)len << LPM_LEN_SHIFT | (value + 1);
}

static unsigned int len_of(uint32_t e)
{
	return e >> LPM_LEN_SHIFT;
}

// Stores e over every route of a length from min to max in n entries and the groups below them:
// longer ones stay in front of it. Recursion is as deep as an address has bytes.
static void replace(
	struct lpm *l, lpm_entry_t *at, uint32_t n, unsigned int min, unsigned int max, uint32_t e)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t old = load(&at[i]);

		if (old & LPM_IS_GROUP)
			replace(l, entries_of(l, old & LPM_VALUE_MASK), LPM_GROUP_ENTRIES, min, max,
				e);
		else if (len_of(old) >= min && len_of(old) <= max)
			store(&at[i], e);
	}
}

// The entries of the prefix in its own table, the root or a group: *n of them from the one
// returned on.
static lpm_entry_t *range_of(
	lpm_entry_t *table, uint32_t index, unsigned int table_bits, uint8_t len, uint32_t *n)
{
	*n = 1u << (table_bits - len);
	return &table[index & ~(*n - 1)];
}

static uint32_t root_index(const uint8_t *addr)
{
	return (uint32_t)addr[0] << 16 | (uint32_t)addr[1] << 8 | addr[2];
}

int lpm_add(struct lpm *l, const uint8_t *addr, uint8_t len, uint32_t value)
{
	lpm_entry_t *table = l->root;
	uint32_t index = root_index(addr);
	unsigned int bits = LPM_ROOT_BITS;
	uint32_t n;

	if (len == 0) {
		store(&l->fallback, entry_of(value, 0));
		return 0;
	}
	while (len > bits) {
		uint32_t e = load(&table[index]);

		if (!(e & LPM_IS_GROUP)) {
			uint32_t group = group_new(l, e);

			if (group == GROUP_NONE)
				return -ENOMEM;
			e = LPM_IS_GROUP | group;
			store(&table[index], e);
		}
		table = entries_of(l, e & LPM_VALUE_MASK);
		index = addr[bits / 8];
		bits += 8;
	}
	table = range_of(table, index, bits, len, &n);
	replace(l, table, n, 0, len, entry_of(value, len));
	return 0;
}

// A group all of whose entries are one route that is no longer than the way to the group says
// nothing its parent's entry could not say.
static bool is_redundant(lpm_entry_t *group, unsigned int bits_above)
{
	uint32_t first = load(&group[0]);

	if (first & LPM_IS_GROUP || len_of(first) > bits_above)
		return false;
	for (int i = 1; i < LPM_GROUP_ENTRIES; i++)
		if (load(&group[i]) != first)
			return false;
	return true;
}

#define DEPTH_MAX 14 // the root and a group for each byte from the fourth on

void lpm_del(struct lpm *l, const uint8_t *addr, uint8_t len, uint32_t cover, uint8_t cover_len)
{
	lpm_entry_t *path[DEPTH_MAX]; // entries that lead to the groups on the way
	lpm_entry_t *table = l->root;
	uint32_t index = root_index(addr);
	unsigned int bits = LPM_ROOT_BITS, depth = 0;
	uint32_t n;

	if (len == 0) {
		store(&l->fallback, 0);
		return;
	}
	while (len > bits) {
		uint32_t e = load(&table[index]);

		if (!(e & LPM_IS_GROUP))
			return; // was never added
		path[depth++] = &table[index];
		table = entries_of(l, e & LPM_VALUE_MASK);
		index = addr[bits / 8];
		bits += 8;
	}
	table = range_of(table, index, bits, len, &n);
	// The prefix of length 0 is not in the tables.
	replace(l, table, n, len, len, cover_len ? entry_of(cover, cover_len) : 0);
	while (depth-- > 0) {
		uint32_t group = load(path[depth]) & LPM_VALUE_MASK;

		bits -= 8;
		if (!is_redundant(entries_of(l, group), bits))
			return;
		store(path[depth], load(entries_of(l, group)));
		group_retire(l, group);
	}
}
