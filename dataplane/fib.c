// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// All routes are in one prefix table. Where a domain has many of a family, an lpm is built beside
// it and workers ask that instead; without memory for it they go on asking the prefix table,
// slower and just as right.

#include "dataplane/fib.h"

#include <rte_branch_prediction.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/log.h"
#include "dataplane/lpm.h"
#include "dataplane/prefix_table.h"

LOG_TYPE("fib");

// A domain goes back to the prefix table below this many routes.
#define LPM_ROUTES_LOW (FIB_LPM_ROUTES / 2)

static_assert(NEXTHOP_MAX - 1 <= LPM_VALUE_MAX, "fib: next hop does not fit an lpm entry");
static_assert(PREFIX_NONE == LPM_NONE, "fib: both lookups say \"none\" alike");

struct fib {
	// Workers: ro. Second index: 0 IPv4, 1 IPv6. NULL: ask the prefix table.
	_Atomic(struct lpm *) lpm[PREFIX_DOMAINS_MAX][2];
	struct prefix_table *routes;

	// Control.
	struct rte_rcu_qsbr *qsbr;
	struct lpm *retired;                    // unpublished, waiting for a grace period
	bool lpm_failed[PREFIX_DOMAINS_MAX][2]; // no memory: not tried again before the next shrink

	_Atomic(const struct nexthop *) nexthops[NEXTHOP_MAX]; // workers: ro
};

uint64_t fib_bytes(uint32_t routes_max)
{
	return sizeof(struct fib) + prefix_table_bytes(routes_max);
}

struct fib *fib_new(uint32_t routes_max, struct rte_rcu_qsbr *qsbr)
{
	struct fib *f = rte_zmalloc("fib", sizeof(*f), RTE_CACHE_LINE_SIZE);

	if (!f) {
		errno = ENOMEM;
		return NULL;
	}
	f->qsbr = qsbr;
	f->routes = prefix_table_new("fib_routes", routes_max, qsbr);
	if (!f->routes) {
		rte_free(f);
		errno = ENOMEM;
		return NULL;
	}
	return f;
}

static struct lpm *lpm_of(const struct fib *f, uint16_t domain, uint8_t family)
{
	return atomic_load_explicit(
		&((struct fib *)f)->lpm[domain][family == 6], memory_order_acquire);
}

void fib_free(struct fib *f)
{
	if (!f)
		return;
	for (int d = 0; d < PREFIX_DOMAINS_MAX; d++) {
		lpm_free(lpm_of(f, (uint16_t)d, 4));
		lpm_free(lpm_of(f, (uint16_t)d, 6));
	}
	while (f->retired) {
		struct lpm *l = f->retired;

		f->retired = l->next;
		lpm_free(l);
	}
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++)
		nexthop_free(fib_nexthop_get(f, i));
	prefix_table_free(f->routes);
	rte_free(f);
}

static void free_retired(struct fib *f)
{
	struct lpm **at = &f->retired;

	while (*at) {
		struct lpm *l = *at;

		if (rte_rcu_qsbr_check(f->qsbr, l->token, false) != 1) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		lpm_free(l);
	}
}

// Workers ask the prefix table again, which has every route.
static void lpm_unpublish(struct fib *f, uint16_t domain, uint8_t family)
{
	struct lpm *l = lpm_of(f, domain, family);

	atomic_store_explicit(&f->lpm[domain][family == 6], NULL, memory_order_release);
	l->token = rte_rcu_qsbr_start(f->qsbr);
	l->next = f->retired;
	f->retired = l;
}

static struct lpm *lpm_build(const struct fib *f, uint16_t domain, uint8_t family)
{
	struct lpm *l = lpm_new(f->qsbr);
	uint8_t addr[16], len;
	uint64_t pos = 0;
	uint32_t nexthop;

	if (!l)
		return NULL;
	while (prefix_table_next(f->routes, &pos, domain, family, addr, &len, &nexthop)) {
		if (lpm_add(l, addr, len, nexthop) < 0) {
			lpm_free(l);
			return NULL;
		}
	}
	return l;
}

// Gives a domain that has grown a table of its own.
static void lpm_publish(struct fib *f, uint16_t domain, uint8_t family)
{
	struct lpm *l = lpm_build(f, domain, family);

	if (!l) {
		f->lpm_failed[domain][family == 6] = true;
		LOG(WARNING,
			"domain %u: no hugepage memory for a table of %u IPv%u routes (64 MB "
			"and more): route lookups are slow, reserve more hugepages",
			domain, prefix_table_count_of(f->routes, domain, family), family);
		return;
	}
	atomic_store_explicit(&f->lpm[domain][family == 6], l, memory_order_release);
	LOG(INFO, "domain %u: %u IPv%u routes now have a table of their own", domain,
		prefix_table_count_of(f->routes, domain, family), family);
}

int fib_route_add(struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len,
	uint32_t nexthop)
{
	struct lpm *l;
	int ret;

	if (nexthop >= NEXTHOP_MAX)
		return -EINVAL;
	free_retired(f);
	ret = prefix_table_add(f->routes, domain, family, addr, len, nexthop);
	if (ret < 0)
		return ret;
	l = lpm_of(f, domain, family);
	if (!l) {
		if (prefix_table_count_of(f->routes, domain, family) > FIB_LPM_ROUTES &&
			!f->lpm_failed[domain][family == 6])
			lpm_publish(f, domain, family);
		return 0;
	}
	if (lpm_add(l, addr, len, nexthop) < 0) {
		lpm_unpublish(f, domain, family);
		f->lpm_failed[domain][family == 6] = true;
		LOG(WARNING,
			"domain %u: table of IPv%u routes cannot grow: route lookups are slow, "
			"reserve more hugepages",
			domain, family);
	}
	return 0;
}

int fib_route_del(struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	uint8_t cover_len = 0;
	uint32_t cover;
	struct lpm *l;
	int ret;

	free_retired(f);
	ret = prefix_table_del(f->routes, domain, family, addr, len);
	if (ret < 0)
		return ret;
	if (prefix_table_count_of(f->routes, domain, family) < LPM_ROUTES_LOW)
		f->lpm_failed[domain][family == 6] = false;
	l = lpm_of(f, domain, family);
	if (!l)
		return 0;
	if (prefix_table_count_of(f->routes, domain, family) < LPM_ROUTES_LOW) {
		lpm_unpublish(f, domain, family);
		return 0;
	}
	cover = prefix_table_cover(f->routes, domain, family, addr, len, &cover_len);
	lpm_del(l, addr, len, cover, cover_len);
	return 0;
}

const struct nexthop *fib_nexthop_set(struct fib *f, uint32_t index, const struct nexthop *nh)
{
	struct nexthop *copy = NULL;

	if (index == NEXTHOP_KERNEL || index >= NEXTHOP_MAX) {
		LOG(ERR, "next hop index %u is not in 1..%u", index, NEXTHOP_MAX - 1);
		return NULL;
	}
	if (nh) {
		// A cache line each: control's other memory stays off what workers read.
		copy = aligned_alloc(64, 64);
		if (copy)
			memcpy(copy, nh, sizeof(*copy));
		else
			LOG(WARNING,
				"no memory for a next hop: its traffic goes through the kernel");
	}
	return atomic_exchange_explicit(&f->nexthops[index], copy, memory_order_acq_rel);
}

void nexthop_free(const struct nexthop *nh)
{
	free((struct nexthop *)nh);
}

uint32_t fib_lookup(const struct fib *f, uint16_t domain, uint8_t family, const uint8_t *addr)
{
	const struct lpm *l;
	uint32_t nexthop;

	if (unlikely(domain >= PREFIX_DOMAINS_MAX))
		return NEXTHOP_KERNEL;
	l = lpm_of(f, domain, family);
	if (l)
		nexthop = lpm_lookup(l, addr);
	else
		nexthop = prefix_table_lookup(f->routes, domain, family, addr);
	return nexthop == PREFIX_NONE ? NEXTHOP_KERNEL : nexthop;
}

const struct nexthop *fib_nexthop_get(const struct fib *f, uint32_t index)
{
	if (unlikely(index >= NEXTHOP_MAX))
		return NULL;
	return atomic_load_explicit(&((struct fib *)f)->nexthops[index], memory_order_acquire);
}
