// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The last answer of a table within one burst: packets come in trains to the same address, and a
// repeated question costs a comparison instead of a hash.
#pragma once

#include <stdint.h>
#include <string.h>

#include "dataplane/fib.h"
#include "dataplane/iroute.h"

struct memo {
	uint8_t family; // 0: nothing remembered
	uint16_t domain;
	uint32_t value;
	uint8_t addr[16];
};

// True: value is the answer for addr (4 or 16 bytes); else addr is remembered, zero-padded, and the
// caller fills in the value.
static inline int memo_has(struct memo *o, uint16_t domain, uint8_t family, const uint8_t *addr)
{
	size_t len = family == 4 ? 4 : 16;

	if (o->family == family && o->domain == domain && memcmp(o->addr, addr, len) == 0)
		return 1;
	o->family = family;
	o->domain = domain;
	memset(o->addr, 0, sizeof(o->addr));
	memcpy(o->addr, addr, len);
	return 0;
}

static inline uint32_t memo_fib(
	struct memo *o, const struct fib *fib, uint16_t domain, uint8_t family, const uint8_t *addr)
{
	if (!memo_has(o, domain, family, addr))
		o->value = fib_lookup(fib, domain, family, o->addr);
	return o->value;
}

static inline uint32_t memo_iroute(struct memo *o, const struct iroute *r, uint16_t domain,
	uint8_t family, const uint8_t *addr)
{
	if (!memo_has(o, domain, family, addr))
		o->value = iroute_lookup(r, domain, family, o->addr);
	return o->value;
}
