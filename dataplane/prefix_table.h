// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One hash for all routing domains, keyed by (domain, family, prefix length, address): clients'
// addresses (iroute.h) and routes (fib.h). Lookup walks the prefix lengths in use in the domain,
// longest first. One writer (control), lock-free readers (workers, QSBR).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_rcu_qsbr;
struct prefix_table;

#define PREFIX_DOMAINS_MAX 1024
#define PREFIX_NONE UINT32_MAX

// Bytes of hugepages that prefix_table_new() takes.
uint64_t prefix_table_bytes(uint32_t entries);

// addr: 16 bytes, IPv4 in the first four. Bits past len are ignored (masked).
// Main thread. NULL and errno on failure.
struct prefix_table *prefix_table_new(
	const char *name, uint32_t entries, struct rte_rcu_qsbr *qsbr);
void prefix_table_free(struct prefix_table *t);

// Control. Value below PREFIX_NONE. Replaces the value of an existing prefix.
// 0, -ENOSPC (full), -EINVAL.
int prefix_table_add(struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr,
	uint8_t len, uint32_t value);
// 0, -ENOENT or -EINVAL. The slot is used again only after a grace period.
int prefix_table_del(
	struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);

// Control. Value of exactly this prefix, or PREFIX_NONE.
uint32_t prefix_table_get(const struct prefix_table *t, uint16_t domain, uint8_t family,
	const uint8_t *addr, uint8_t len);
// Control. Value and length of the longest matching prefix shorter than len, or PREFIX_NONE.
uint32_t prefix_table_cover(const struct prefix_table *t, uint16_t domain, uint8_t family,
	const uint8_t *addr, uint8_t len, uint8_t *cover_len);
// Control. Next prefix of a domain and family from *pos on; *pos starts at 0. False at the end.
bool prefix_table_next(const struct prefix_table *t, uint64_t *pos, uint16_t domain, uint8_t family,
	uint8_t addr[16], uint8_t *len, uint32_t *value);

// Worker: value of the longest matching prefix, or PREFIX_NONE.
uint32_t prefix_table_lookup(
	const struct prefix_table *t, uint16_t domain, uint8_t family, const uint8_t *addr);

// Control. Prefixes in all, and of one domain and family.
uint32_t prefix_table_count(const struct prefix_table *t);
uint32_t prefix_table_count_of(const struct prefix_table *t, uint16_t domain, uint8_t family);
