// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The plainest longest-prefix match there is, to compare the real ones with: a list, searched from
// end to end, bit by bit.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAIVE_MAX 20000

struct naive_route {
	uint8_t addr[16];
	uint8_t len;
	uint32_t value;
};

struct naive_routes {
	uint32_t count;
	struct naive_route list[NAIVE_MAX];
};

static inline bool naive_match(const uint8_t *a, const uint8_t *b, unsigned int len)
{
	if (memcmp(a, b, len / 8) != 0)
		return false;
	return len % 8 == 0 || (a[len / 8] ^ b[len / 8]) >> (8 - len % 8) == 0;
}

static inline struct naive_route *naive_find(
	struct naive_routes *n, const uint8_t *addr, uint8_t len)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (n->list[i].len == len && naive_match(n->list[i].addr, addr, len))
			return &n->list[i];
	return NULL;
}

static inline void naive_add(
	struct naive_routes *n, const uint8_t *addr, uint8_t len, uint32_t value)
{
	struct naive_route *r = naive_find(n, addr, len);

	if (!r)
		r = &n->list[n->count++];
	memcpy(r->addr, addr, sizeof(r->addr));
	r->len = len;
	r->value = value;
}

static inline bool naive_del(struct naive_routes *n, const uint8_t *addr, uint8_t len)
{
	struct naive_route *r = naive_find(n, addr, len);

	if (r)
		*r = n->list[--n->count];
	return r;
}

static inline uint32_t naive_lookup(
	const struct naive_routes *n, const uint8_t *addr, uint32_t none)
{
	int best = -1;

	for (uint32_t i = 0; i < n->count; i++) {
		const struct naive_route *r = &n->list[i];

		if (r->len <= best || !naive_match(r->addr, addr, r->len))
			continue;
		best = r->len;
		none = r->value;
	}
	return none;
}
