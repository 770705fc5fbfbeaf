// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/fib.h"

#include "dataplane/lpm.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/naive_routes.h"

#include <CUnit/CUnit.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define MANY (FIB_LPM_ROUTES + 200)

static struct rte_rcu_qsbr *qsbr;
static struct naive_routes naive;

// A route of many, no two alike.
static void many_addr(uint8_t family, uint32_t i, uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = family == 4 ? 20 : 0x20;
	addr[1] = (uint8_t)(i >> 8);
	addr[family == 4 ? 2 : 5] = (uint8_t)i;
}

static void many_add(struct fib *f, uint8_t family, uint32_t from, uint32_t to)
{
	uint8_t addr[16], len = family == 4 ? 24 : 48;

	for (uint32_t i = from; i < to; i++) {
		many_addr(family, i, addr);
		CU_ASSERT_EQUAL(fib_route_add(f, 0, family, addr, len, 1 + i % 60000), 0);
	}
}

static void many_del(struct fib *f, uint8_t family, uint32_t from, uint32_t to)
{
	uint8_t addr[16], len = family == 4 ? 24 : 48;

	for (uint32_t i = from; i < to; i++) {
		many_addr(family, i, addr);
		CU_ASSERT_EQUAL(fib_route_del(f, 0, family, addr, len), 0);
	}
}

// A hole for the kernel hides the shorter prefixes around it, with few routes and with many.
static void check_holes(struct fib *f, uint16_t domain)
{
	const uint8_t any[16] = {0}, net[16] = {10}, own[16] = {10, 0, 0, 1};
	const uint8_t host[16] = {10, 0, 0, 2}, off[16] = {10, 1, 2, 3};
	const uint8_t off_net[16] = {10, 1}, other[16] = {9, 9, 9, 9};

	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, other), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_route_add(f, domain, 4, any, 0, 9), 0);
	CU_ASSERT_EQUAL(fib_route_add(f, domain, 4, net, 8, 3), 0);
	CU_ASSERT_EQUAL(fib_route_add(f, domain, 4, own, 32, NEXTHOP_KERNEL), 0);
	CU_ASSERT_EQUAL(fib_route_add(f, domain, 4, off_net, 16, NEXTHOP_KERNEL), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, own), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, off), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, host), 3);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, other), 9);
	CU_ASSERT_EQUAL(fib_route_del(f, domain, 4, own, 32), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, own), 3);
	CU_ASSERT_EQUAL(fib_route_del(f, domain, 4, net, 8), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, host), 9);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, off), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_route_del(f, domain, 4, off_net, 16), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, off), 9);
	CU_ASSERT_EQUAL(fib_route_del(f, domain, 4, any, 0), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, domain, 4, other), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_route_del(f, domain, 4, any, 0), -ENOENT);
}

static void test_holes(void)
{
	struct fib *f = fib_new(2 * MANY, qsbr);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	check_holes(f, 5);
	many_add(f, 4, 0, MANY);
	check_holes(f, 0);
	check_holes(f, 5);
	fib_free(f);
}

static void test_bounds(void)
{
	const uint8_t net[16] = {10};
	struct fib *f = fib_new(2, qsbr);

	CU_ASSERT_EQUAL(fib_route_add(f, 0, 4, net, 8, NEXTHOP_MAX), -EINVAL);
	CU_ASSERT_EQUAL(fib_route_add(f, 0, 4, net, 33, 1), -EINVAL);
	CU_ASSERT_EQUAL(fib_route_add(f, UINT16_MAX, 4, net, 8, 1), -EINVAL);
	CU_ASSERT_EQUAL(fib_lookup(f, UINT16_MAX, 4, net), NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL(fib_route_add(f, 0, 4, net, 8, NEXTHOP_MAX - 1), 0);
	CU_ASSERT_EQUAL(fib_route_add(f, 0, 4, net, 9, 1), 0);
	CU_ASSERT_EQUAL(fib_route_add(f, 0, 4, net, 10, 1), -ENOSPC);
	CU_ASSERT_EQUAL(fib_route_del(f, 0, 4, net, 9), 0);
	CU_ASSERT_EQUAL(fib_lookup(f, 0, 4, net), NEXTHOP_MAX - 1);
	fib_free(f);
}

static void random_addr(uint8_t family, uint8_t addr[16])
{
	memset(addr, 0, 16);
	for (int i = 0; i < (family == 4 ? 4 : 16); i++)
		addr[i] = (uint8_t)(rand() % 3 ? 0 : rand() % 4 * 85);
}

// The table walk alone against the list: random prefixes of every length come and go.
static void check_lpm(uint8_t family)
{
	unsigned int bits = family == 4 ? 32 : 128;
	struct lpm *l = lpm_new(qsbr);
	uint32_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	naive.count = 0;
	for (int step = 0; step < 6000; step++) {
		// Prefixes below 12 bits are rare in the world and slow to write.
		uint8_t len = (uint8_t)(step % 64 ? 12 + (unsigned int)rand() % (bits - 11) : 0);
		uint8_t addr[16], ask[16];

		random_addr(family, addr);
		random_addr(family, ask);
		wrong += lpm_lookup(l, ask) != naive_lookup(&naive, ask, LPM_NONE);
		wrong += lpm_lookup(l, addr) != naive_lookup(&naive, addr, LPM_NONE);
		if (step % 2 && naive.count < 500) {
			naive_add(&naive, addr, len, (uint32_t)step);
			wrong += lpm_add(l, addr, len, (uint32_t)step) != 0;
		} else if (naive.count) {
			struct naive_route r = naive.list[(uint32_t)rand() % naive.count];
			uint8_t cover_len = 0;
			uint32_t cover = LPM_NONE;

			naive_del(&naive, r.addr, r.len);
			for (uint32_t i = 0; i < naive.count; i++) {
				struct naive_route *c = &naive.list[i];

				if (c->len < r.len && naive_match(c->addr, r.addr, c->len) &&
					(cover == LPM_NONE || c->len > cover_len)) {
					cover = c->value;
					cover_len = c->len;
				}
			}
			lpm_del(l, r.addr, r.len, cover, cover_len);
		}
	}
	while (naive.count) {
		struct naive_route r = naive.list[0];
		int longest = 0;

		// Longest first: nothing covers what is left but shorter ones, deleted later.
		for (uint32_t i = 1; i < naive.count; i++)
			if (naive.list[i].len > naive.list[longest].len)
				longest = (int)i;
		r = naive.list[longest];
		naive_del(&naive, r.addr, r.len);
		lpm_del(l, r.addr, r.len, LPM_NONE, 0);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	lpm_free(l);
}

static void test_lpm(void)
{
	check_lpm(4);
	check_lpm(6);
}

// Groups that are no longer needed go away, and come back only after the grace period.
static void test_lpm_groups(void)
{
	const uint8_t a[16] = {10, 1, 2, 3, 4, 5, 6, 7};
	struct lpm *l = lpm_new(qsbr);

	CU_ASSERT_EQUAL(lpm_add(l, a, 16, 1), 0);
	CU_ASSERT_EQUAL(l->groups_used, 0);
	CU_ASSERT_EQUAL(lpm_add(l, a, 64, 2), 0);
	CU_ASSERT_EQUAL(l->groups_used, 5);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	lpm_del(l, a, 64, 1, 16);
	CU_ASSERT_EQUAL(l->groups_used, 0);
	CU_ASSERT_EQUAL(lpm_lookup(l, a), 1);
	uint32_t head = l->retired_head;

	CU_ASSERT_EQUAL(lpm_add(l, a, 32, 3), 0);
	CU_ASSERT_EQUAL(l->retired_head, head); // the reader may still be there
	rte_rcu_qsbr_quiescent(qsbr, 0);
	CU_ASSERT_EQUAL(lpm_add(l, a, 40, 4), 0);
	CU_ASSERT_NOT_EQUAL(l->retired_head, head);
	CU_ASSERT_EQUAL(lpm_lookup(l, a), 4);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	lpm_free(l);
}

// The whole room against the list while the number of routes crosses the threshold both ways.
static void check_random(uint8_t family)
{
	struct fib *f = fib_new(NAIVE_MAX, qsbr);
	uint32_t wrong = 0;

	naive.count = 0;
	for (int phase = 0; phase < 3; phase++) {
		for (int step = 0; step < 1500; step++) {
			uint8_t len = (uint8_t)(12 + rand() % (family == 4 ? 21 : 117));
			uint8_t addr[16];

			random_addr(family, addr);
			if (rand() % 3) {
				uint32_t nh = (uint32_t)rand() % 100; // holes among them

				naive_add(&naive, addr, len, nh);
				wrong += fib_route_add(f, 0, family, addr, len, nh) != 0;
			} else {
				bool was = naive_del(&naive, addr, len);

				wrong += (fib_route_del(f, 0, family, addr, len) == 0) != was;
			}
			random_addr(family, addr);
			wrong += fib_lookup(f, 0, family, addr) !=
				 naive_lookup(&naive, addr, NEXTHOP_KERNEL);
		}
		// Routes elsewhere in the address space push it over the threshold and back.
		if (phase == 0)
			many_add(f, family, 0, MANY);
		if (phase == 1)
			many_del(f, family, 0, MANY);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	fib_free(f);
}

static void test_random(void)
{
	check_random(4);
	check_random(6);
}

struct reading {
	struct fib *fib;
	uint8_t family;
	_Atomic(bool) stop;
	_Atomic(uint64_t) lookups;
	uint64_t wrong;
};

// What must hold at every moment: 10/8 is next hop 7, except the kernel's 10.0.0.1, or the like
// in IPv6; one of the many is its own next hop or not there.
static void *reader(void *arg)
{
	struct reading *r = arg;
	uint8_t host[16] = {10, 1, 2, 3}, own[16] = {10, 0, 0, 1}, many[16];
	uint64_t n = 0;

	rte_rcu_qsbr_thread_register(qsbr, 1);
	rte_rcu_qsbr_thread_online(qsbr, 1);
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		uint32_t i = (uint32_t)(n++ % MANY), got;

		many_addr(r->family, i, many);
		got = fib_lookup(r->fib, 0, r->family, many);
		r->wrong += got != 1 + i && got != NEXTHOP_KERNEL;
		r->wrong += fib_lookup(r->fib, 0, r->family, host) != 7;
		r->wrong += fib_lookup(r->fib, 0, r->family, own) != NEXTHOP_KERNEL;
		atomic_store_explicit(&r->lookups, n, memory_order_relaxed);
		rte_rcu_qsbr_quiescent(qsbr, 1);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 1);
	rte_rcu_qsbr_thread_unregister(qsbr, 1);
	return NULL;
}

static void check_migration(uint8_t family)
{
	const uint8_t net[16] = {10}, own[16] = {10, 0, 0, 1};
	struct reading r = {.fib = fib_new(2 * MANY, qsbr), .family = family};
	pthread_t thread;

	fib_route_add(r.fib, 0, family, net, 8, 7);
	fib_route_add(r.fib, 0, family, own, family == 4 ? 32 : 128, NEXTHOP_KERNEL);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, reader, &r), 0);
	while (atomic_load(&r.lookups) < 1000)
		sched_yield();
	for (int round = 0; round < 2; round++) {
		many_add(r.fib, family, 0, MANY);
		many_del(r.fib, family, 0, MANY);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(r.wrong, 0);
	fib_free(r.fib);
}

static void test_migration(void)
{
	check_migration(4);
	check_migration(6);
}

static void test_nexthops(void)
{
	struct fib *f = fib_new(16, qsbr);
	struct nexthop nh = {.port = 3, .mtu = 1500, .l2_len = 14};
	const struct nexthop *old;

	CU_ASSERT_PTR_NULL(fib_nexthop_get(f, 1));
	CU_ASSERT_PTR_NULL(fib_nexthop_set(f, 1, &nh));
	nh.port = 4; // a copy was taken
	CU_ASSERT_EQUAL(fib_nexthop_get(f, 1)->port, 3);
	old = fib_nexthop_set(f, 1, &nh);
	CU_ASSERT_EQUAL(old->port, 3);
	CU_ASSERT_EQUAL(fib_nexthop_get(f, 1)->port, 4);
	nexthop_free(old);
	nexthop_free(fib_nexthop_set(f, 1, NULL));
	CU_ASSERT_PTR_NULL(fib_nexthop_get(f, 1));
	// The kernel has no next hop of ours, and there is none past the end.
	CU_ASSERT_PTR_NULL(fib_nexthop_set(f, NEXTHOP_KERNEL, &nh));
	CU_ASSERT_PTR_NULL(fib_nexthop_get(f, NEXTHOP_KERNEL));
	CU_ASSERT_PTR_NULL(fib_nexthop_set(f, NEXTHOP_MAX, &nh));
	CU_ASSERT_PTR_NULL(fib_nexthop_get(f, NEXTHOP_MAX));
	CU_ASSERT_PTR_NULL(fib_nexthop_set(f, NEXTHOP_MAX - 1, &nh));
	CU_ASSERT_EQUAL(fib_nexthop_get(f, NEXTHOP_MAX - 1)->port, 4);
	nexthop_free(NULL);
	fib_free(f);
}

// No memory for the big table: slower, not wrong.
static void test_no_memory(void)
{
	struct fib *f = fib_new(2 * MANY, qsbr);
	uint8_t addr[16];
	void *taken[64];
	int n = 0;

	while (n < 64 && (taken[n] = rte_malloc("all", 32 << 20, 0)))
		n++;
	many_add(f, 4, 0, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		many_addr(4, i, addr);
		CU_ASSERT_EQUAL(fib_lookup(f, 0, 4, addr), 1 + i);
	}
	while (n > 0)
		rte_free(taken[--n]);
	fib_free(f);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"holes for the kernel", test_holes},
		{"bounds", test_bounds},
		{"table walk agrees with a plain list", test_lpm},
		{"groups come and go", test_lpm_groups},
		{"agrees with a plain list across the threshold", test_random},
		{"lookups during migration", test_migration},
		{"next hops", test_nexthops},
		{"no memory for a big table", test_no_memory},
		{NULL, NULL},
	};
	int ret;

	harness_eal_init(320);
	qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(4), 64);
	rte_rcu_qsbr_init(qsbr, 4);
	ret = harness_run("fib", tests);
	rte_free(qsbr);
	return ret;
}
