// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/handshake_limit.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4 // entries a prefix may be in
// Tokens are counted in parts, so that a bucket refills by a whole number of them per ms.
#define PARTS HANDSHAKE_LIMIT_PERIOD_MS

struct bucket {
	uint64_t parts;
	uint64_t filled_ms;
};

struct prefix {
	bool used;
	uint8_t family, addr[6];
	struct bucket answers, unproven;
};

struct handshake_limit {
	uint64_t seed;
	uint32_t total_rate, prefix_rate, unproven_max;
	bool loaded;
	struct bucket total;
	struct prefix prefixes[HANDSHAKE_LIMIT_PREFIXES];
};

static void fill(struct bucket *b, uint32_t rate, uint64_t now_ms)
{
	uint64_t full = (uint64_t)rate * PARTS, passed = now_ms - b->filled_ms;

	// Within a period any bucket is full again.
	if (passed >= HANDSHAKE_LIMIT_PERIOD_MS || b->parts + passed * rate > full)
		b->parts = full;
	else
		b->parts += passed * rate;
	b->filled_ms = now_ms;
}

static bool has(const struct bucket *b, uint32_t tokens)
{
	return b->parts >= (uint64_t)tokens * PARTS;
}

static void take(struct bucket *b, uint32_t tokens)
{
	b->parts -= (uint64_t)tokens * PARTS;
}

static void give_back(struct bucket *b, uint32_t rate, uint32_t tokens)
{
	uint64_t full = (uint64_t)rate * PARTS;

	b->parts += (uint64_t)tokens * PARTS;
	if (b->parts > full)
		b->parts = full;
}

struct handshake_limit *handshake_limit_new(uint64_t now_ms)
{
	struct handshake_limit *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	// Secret: nobody can choose prefixes that meet in one place.
	if (RAND_bytes((unsigned char *)&l->seed, sizeof(l->seed)) != 1) {
		free(l);
		errno = EIO;
		return NULL;
	}
	l->total.filled_ms = now_ms;
	l->unproven_max = HANDSHAKE_LIMIT_UNPROVEN_MAX;
	return l;
}

void handshake_limit_free(struct handshake_limit *l)
{
	free(l);
}

void handshake_limit_set(struct handshake_limit *l, uint32_t total, uint32_t prefix)
{
	// The first time the bucket is full.
	if (l->total_rate == 0)
		l->total.parts = (uint64_t)total * PARTS;
	l->total_rate = total;
	l->prefix_rate = prefix;
}

bool handshake_limit_load(struct handshake_limit *l, uint32_t half_open, uint32_t limit)
{
	bool was = l->loaded;

	// The others must not find all places taken by those who prove nothing.
	l->unproven_max = HANDSHAKE_LIMIT_UNPROVEN_MAX;
	if (limit / 4 < l->unproven_max)
		l->unproven_max = limit / 4;
	if ((uint64_t)half_open * 4 >= (uint64_t)limit * 3)
		l->loaded = true;
	else if ((uint64_t)half_open * 2 < limit)
		l->loaded = false;
	return l->loaded != was;
}

bool handshake_limit_is_loaded(const struct handshake_limit *l)
{
	return l->loaded;
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
	return v ^ (v >> 31);
}

static uint64_t hash(const struct handshake_limit *l, const struct prefix *key)
{
	uint64_t v = key->family;

	for (size_t i = 0; i < sizeof(key->addr); i++)
		v = v << 8 | key->addr[i];
	return mix(mix(v + l->seed) ^ l->seed);
}

static bool same_prefix(const struct prefix *p, const struct prefix *key)
{
	return p->used && p->family == key->family &&
	       memcmp(p->addr, key->addr, sizeof(p->addr)) == 0;
}

// The prefix's entry, its buckets filled up to now. The fullest makes room for a new one: it is the
// one that loses least.
static struct prefix *find(
	struct handshake_limit *l, const struct session_addr *remote, uint64_t now_ms)
{
	struct prefix key = {.used = true, .family = remote->family}, *best = NULL, *p = NULL;
	uint64_t first;

	memcpy(key.addr, remote->addr, remote->family == 4 ? 3 : 6);
	first = hash(l, &key);
	for (unsigned int way = 0; way < WAYS; way++) {
		p = &l->prefixes[(first + way) % HANDSHAKE_LIMIT_PREFIXES];
		fill(&p->answers, l->prefix_rate, now_ms);
		fill(&p->unproven, HANDSHAKE_LIMIT_UNPROVEN, now_ms);
		if (same_prefix(p, &key))
			return p;
		if (!best || (best->used && (!p->used || p->answers.parts > best->answers.parts)))
			best = p;
	}
	*best = key;
	best->answers = (struct bucket){(uint64_t)l->prefix_rate * PARTS, now_ms};
	best->unproven = (struct bucket){(uint64_t)HANDSHAKE_LIMIT_UNPROVEN * PARTS, now_ms};
	return best;
}

static uint32_t cost(const struct handshake_limit *l)
{
	// A rate below that would mean never.
	if (!l->loaded || l->prefix_rate < HANDSHAKE_LIMIT_LOADED_COST)
		return 1;
	return HANDSHAKE_LIMIT_LOADED_COST;
}

bool handshake_limit_answer(
	struct handshake_limit *l, const struct session_addr *remote, uint64_t now_ms)
{
	struct prefix *p = find(l, remote, now_ms);

	fill(&l->total, l->total_rate, now_ms);
	if (!has(&l->total, 1) || !has(&p->answers, cost(l)))
		return false;
	take(&l->total, 1);
	take(&p->answers, cost(l));
	return true;
}

void handshake_limit_proved(
	struct handshake_limit *l, const struct session_addr *remote, uint64_t now_ms)
{
	struct prefix *p = find(l, remote, now_ms);

	fill(&l->total, l->total_rate, now_ms);
	give_back(&l->total, l->total_rate, 1);
	give_back(&p->answers, l->prefix_rate, cost(l));
}

bool handshake_limit_unproven(struct handshake_limit *l, const struct session_addr *remote,
	uint32_t count, uint64_t now_ms)
{
	struct prefix *p = find(l, remote, now_ms);

	if (l->loaded || count >= l->unproven_max || !has(&p->unproven, 1))
		return false;
	take(&p->unproven, 1);
	return true;
}
