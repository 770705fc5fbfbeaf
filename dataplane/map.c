// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/map.h"

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <string.h>

#define SLOTS_MIN 64

static struct map_table *table_new(const char *name, uint64_t slots)
{
	struct map_table *t;

	t = rte_zmalloc(name, sizeof(*t) + slots * sizeof(t->slots[0]), RTE_CACHE_LINE_SIZE);
	if (t)
		t->mask = slots - 1;
	return t;
}

static uint64_t slots_for(uint32_t entries)
{
	return rte_align64pow2(RTE_MAX((uint64_t)entries * 2, (uint64_t)SLOTS_MIN));
}

uint64_t map_bytes(uint32_t entries)
{
	return sizeof(struct map) +
	       2 * (sizeof(struct map_table) + slots_for(entries) * sizeof(struct map_slot));
}

struct map *map_new(const char *name, uint32_t entries, struct rte_rcu_qsbr *qsbr)
{
	uint64_t slots = slots_for(entries);
	struct map *m = rte_zmalloc(name, sizeof(*m), RTE_CACHE_LINE_SIZE);

	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	m->spare = table_new(name, slots);
	atomic_init(&m->table, table_new(name, slots));
	if (!m->spare || !atomic_load_explicit(&m->table, memory_order_relaxed)) {
		map_free(m);
		errno = ENOMEM;
		return NULL;
	}
	m->seed = rte_rand();
	m->qsbr = qsbr;
	m->entries = entries;
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	rte_free(atomic_load_explicit(&m->table, memory_order_relaxed));
	rte_free(m->spare);
	rte_free(m);
}

static struct map_table *writer_table(const struct map *m)
{
	return atomic_load_explicit(&((struct map *)m)->table, memory_order_relaxed);
}

static uint64_t tag_of(const struct map_slot *s)
{
	return atomic_load_explicit(&((struct map_slot *)s)->tag, memory_order_relaxed);
}

static struct map_slot *find(const struct map *m, const struct map_key *key)
{
	struct map_table *t = writer_table(m);

	for (uint64_t i = map_hash(m->seed, key) & t->mask;; i = (i + 1) & t->mask) {
		struct map_slot *s = &t->slots[i];

		if (tag_of(s) == MAP_TAG_EMPTY)
			return NULL;
		if (tag_of(s) == key->tag && s->hi == key->hi && s->lo == key->lo)
			return s;
	}
}

// Into the first slot never used; the caller has seen that there is one.
static void insert(struct map_table *t, uint64_t seed, const struct map_key *key, uint32_t value)
{
	uint64_t i = map_hash(seed, key) & t->mask;
	struct map_slot *s;

	while (tag_of(&t->slots[i]) != MAP_TAG_EMPTY)
		i = (i + 1) & t->mask;
	s = &t->slots[i];
	s->hi = key->hi;
	s->lo = key->lo;
	atomic_store_explicit(&s->value, value, memory_order_relaxed);
	atomic_store_explicit(&s->tag, key->tag, memory_order_release);
}

bool map_next(const struct map *m, uint64_t *pos, struct map_key *key, uint32_t *value)
{
	const struct map_table *t = writer_table(m);

	for (; *pos <= t->mask; (*pos)++) {
		const struct map_slot *s = &t->slots[*pos];

		if (tag_of(s) <= MAP_TAG_DEAD)
			continue;
		*key = (struct map_key){s->hi, s->lo, tag_of(s)};
		*value = atomic_load_explicit(&((struct map_slot *)s)->value, memory_order_relaxed);
		(*pos)++;
		return true;
	}
	return false;
}

// Leaves the dead behind. False while readers may still look at the spare table.
static bool rebuild(struct map *m)
{
	struct map_table *old = writer_table(m);
	struct map_table *t = m->spare;
	struct map_key key;
	uint64_t pos = 0;
	uint32_t value;

	if (m->spare_busy && rte_rcu_qsbr_check(m->qsbr, m->spare_token, false) != 1)
		return false;
	memset(t->slots, 0, (t->mask + 1) * sizeof(t->slots[0]));
	while (map_next(m, &pos, &key, &value))
		insert(t, m->seed, &key, value);
	atomic_store_explicit(&m->table, t, memory_order_release);
	m->spare = old;
	m->spare_token = rte_rcu_qsbr_start(m->qsbr);
	m->spare_busy = true;
	m->used = m->live;
	return true;
}

int map_set(struct map *m, const struct map_key *key, uint32_t value)
{
	uint64_t slots = writer_table(m)->mask + 1;
	struct map_slot *s = find(m, key);

	if (s) {
		atomic_store_explicit(&s->value, value, memory_order_relaxed);
		return 0;
	}
	if (m->live >= m->entries)
		return -ENOSPC;
	// Searches get long above three quarters; without a free slot they would not end. In
	// between lies the time a grace period may take.
	if (m->used >= slots / 4 * 3 && !rebuild(m) && m->used >= slots / 16 * 15)
		return -ENOSPC;
	insert(writer_table(m), m->seed, key, value);
	m->live++;
	m->used++;
	return 0;
}

int map_del(struct map *m, const struct map_key *key)
{
	struct map_slot *s = find(m, key);

	if (!s)
		return -ENOENT;
	atomic_store_explicit(&s->tag, MAP_TAG_DEAD, memory_order_release);
	m->live--;
	return 0;
}
