// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/prefix_table.h"

#include "dataplane/map.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/naive_routes.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct rte_rcu_qsbr *qsbr;

static const uint8_t *ip(const char *text)
{
	static uint8_t addr[4][16];
	static int next;
	uint8_t *a = addr[next++ % 4];

	memset(a, 0, 16);
	CU_ASSERT_FATAL(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, a) == 1);
	return a;
}

static void test_longest(void)
{
	static const struct {
		const char *addr;
		uint32_t want;
	} v4[] = {{"10.1.2.3", 5}, {"10.1.2.4", 4}, {"10.1.3.3", 3}, {"10.2.0.0", 2},
		{"11.0.0.0", 1}, {"0.0.0.0", 1}, {"255.255.255.255", 1}, {"10.1.2.255", 4}},
	  v6[] = {{"2001:db8::1", 14}, {"2001:db8::2", 13}, {"2001:db8:0:1::", 12},
		  {"2001:db8:1::", 11}, {"2001:db9::", 10}, {"::", 10}};
	struct prefix_table *t = prefix_table_new("t", 100, qsbr);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(prefix_table_lookup(t, 3, 4, ip("10.1.2.3")), PREFIX_NONE);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 4, ip("0.0.0.0"), 0, 1), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 4, ip("10.99.99.99"), 8, 2), 0); // masked
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 4, ip("10.1.0.0"), 16, 3), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 4, ip("10.1.2.0"), 24, 4), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 4, ip("10.1.2.3"), 32, 5), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 6, ip("::"), 0, 10), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 6, ip("2001:db8::"), 32, 11), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 6, ip("2001:db8::"), 63, 12), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 6, ip("2001:db8::"), 64, 13), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 3, 6, ip("2001:db8::1"), 128, 14), 0);
	for (size_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++)
		CU_ASSERT_EQUAL(prefix_table_lookup(t, 3, 4, ip(v4[i].addr)), v4[i].want);
	for (size_t i = 0; i < sizeof(v6) / sizeof(v6[0]); i++)
		CU_ASSERT_EQUAL(prefix_table_lookup(t, 3, 6, ip(v6[i].addr)), v6[i].want);
	CU_ASSERT_EQUAL(prefix_table_count(t), 10);
	CU_ASSERT_EQUAL(prefix_table_count_of(t, 3, 4), 5);
	CU_ASSERT_EQUAL(prefix_table_count_of(t, 3, 6), 5);
	CU_ASSERT_EQUAL(prefix_table_lookup(t, 2, 4, ip("10.1.2.3")), PREFIX_NONE);
	CU_ASSERT_EQUAL(prefix_table_del(t, 3, 4, ip("10.1.2.0"), 24), 0);
	CU_ASSERT_EQUAL(prefix_table_del(t, 3, 4, ip("10.1.2.0"), 24), -ENOENT);
	CU_ASSERT_EQUAL(prefix_table_lookup(t, 3, 4, ip("10.1.2.4")), 3);
	CU_ASSERT_EQUAL(prefix_table_lookup(t, 3, 4, ip("10.1.2.3")), 5);
	prefix_table_free(t);
}

static void test_exact(void)
{
	struct prefix_table *t = prefix_table_new("t", 4, qsbr);
	uint8_t len = 0, addr[16];
	uint64_t pos = 0;
	uint32_t value;

	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("10.0.0.0"), 8, 1), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("10.0.0.0"), 16, 2), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("10.0.0.0"), 16, 7), 0); // replaced
	CU_ASSERT_EQUAL(prefix_table_get(t, 0, 4, ip("10.0.0.0"), 16), 7);
	CU_ASSERT_EQUAL(prefix_table_get(t, 0, 4, ip("10.0.0.0"), 24), PREFIX_NONE);
	CU_ASSERT_EQUAL(prefix_table_cover(t, 0, 4, ip("10.0.0.1"), 32, &len), 7);
	CU_ASSERT_EQUAL(len, 16);
	CU_ASSERT_EQUAL(prefix_table_cover(t, 0, 4, ip("10.0.0.1"), 16, &len), 1);
	CU_ASSERT_EQUAL(len, 8);
	CU_ASSERT_EQUAL(prefix_table_cover(t, 0, 4, ip("10.0.0.1"), 8, &len), PREFIX_NONE);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 6, ip("fd00::"), 8, 3), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 1, 6, ip("fd00::"), 64, 4), 0);
	CU_ASSERT_EQUAL(prefix_table_cover(t, 1, 6, ip("fd00::1"), 128, &len), 4);
	CU_ASSERT_EQUAL(prefix_table_cover(t, 1, 6, ip("fd00::1"), 64, &len), PREFIX_NONE);
	CU_ASSERT(prefix_table_next(t, &pos, 1, 6, addr, &len, &value));
	CU_ASSERT(memcmp(addr, ip("fd00::"), 16) == 0);
	CU_ASSERT_EQUAL(len, 64);
	CU_ASSERT_EQUAL(value, 4);
	CU_ASSERT_FALSE(prefix_table_next(t, &pos, 1, 6, addr, &len, &value));
	// Full: what is there can still be replaced.
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("1.0.0.0"), 8, 1), -ENOSPC);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("10.0.0.0"), 8, 8), 0);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("1.0.0.0"), 33, 1), -EINVAL);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 6, ip("::"), 129, 1), -EINVAL);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 5, ip("::"), 8, 1), -EINVAL);
	CU_ASSERT_EQUAL(prefix_table_add(t, PREFIX_DOMAINS_MAX, 4, ip("1.0.0.0"), 8, 1), -EINVAL);
	CU_ASSERT_EQUAL(prefix_table_add(t, 0, 4, ip("10.0.0.0"), 8, PREFIX_NONE), -EINVAL);
	CU_ASSERT_EQUAL(prefix_table_lookup(t, PREFIX_DOMAINS_MAX, 4, ip("1.0.0.0")), PREFIX_NONE);
	prefix_table_free(t);
}

// Random routes against the list, over several rebuilds of the table.
static void check_random(uint8_t family)
{
	static struct naive_routes naive;
	struct prefix_table *t = prefix_table_new("t", 400, qsbr);
	unsigned int bits = family == 4 ? 32 : 128;
	uint32_t wrong = 0;

	naive.count = 0;
	for (int step = 0; step < 20000; step++) {
		uint8_t addr[16] = {0};
		uint8_t len = (uint8_t)((unsigned int)rand() % (bits + 1));

		for (unsigned int i = 0; i < bits / 8; i++)
			addr[i] = (uint8_t)(rand() % 3 ? 0 : rand() % 3);
		wrong += prefix_table_lookup(t, 9, family, addr) !=
			 naive_lookup(&naive, addr, PREFIX_NONE);
		if (rand() % 2 && naive.count < 400) {
			naive_add(&naive, addr, len, (uint32_t)step);
			wrong += prefix_table_add(t, 9, family, addr, len, (uint32_t)step) != 0;
		} else {
			bool was = naive_del(&naive, addr, len);

			wrong += (prefix_table_del(t, 9, family, addr, len) == 0) != was;
		}
		wrong += prefix_table_count(t) != naive.count;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	prefix_table_free(t);
}

static void test_random(void)
{
	check_random(4);
	check_random(6);
}

// A reader that never becomes quiescent holds the spare table: the writer goes on until the slots
// are used up, then refuses instead of touching it; afterwards all is well again.
static void test_stalled_reader(void)
{
	struct map *m = map_new("m", 100, qsbr);
	struct map_key key = {.tag = 2};
	uint32_t done = 0;
	int ret = 0;

	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	for (; done < 10000 && ret == 0; done++) {
		key.hi = done;
		ret = map_set(m, &key, 1);
		if (ret == 0)
			CU_ASSERT_EQUAL(map_del(m, &key), 0);
	}
	CU_ASSERT_EQUAL(ret, -ENOSPC);
	CU_ASSERT(done > 2 * 100 && done < 600);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	for (uint32_t i = 0; i < 100; i++) {
		key.hi = i;
		CU_ASSERT_EQUAL(map_set(m, &key, i), 0);
	}
	for (uint32_t i = 0; i < 100; i++) {
		key.hi = i;
		CU_ASSERT_EQUAL(map_get(m, &key), i);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	map_free(m);
}

static struct map *shared;
static _Atomic(bool) stop;
static _Atomic(uint32_t) lookups;

// Key 0 is always there; the others come and go with their own number as value.
static void *reader(void *arg)
{
	uint32_t *wrong = arg;

	rte_rcu_qsbr_thread_register(qsbr, 1);
	rte_rcu_qsbr_thread_online(qsbr, 1);
	while (!atomic_load(&stop)) {
		for (uint32_t i = 0; i < 64; i++) {
			struct map_key key = {.hi = i, .tag = 7};
			uint32_t value = map_get(shared, &key);

			*wrong += value != i && (i == 0 || value != MAP_NONE);
		}
		atomic_fetch_add(&lookups, 64);
		rte_rcu_qsbr_quiescent(qsbr, 1);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 1);
	rte_rcu_qsbr_thread_unregister(qsbr, 1);
	return NULL;
}

static void test_concurrent(void)
{
	uint32_t wrong = 0;
	pthread_t thread;

	shared = map_new("m", 64, qsbr);
	CU_ASSERT_EQUAL(map_set(shared, &(struct map_key){.tag = 7}, 0), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, reader, &wrong), 0);
	while (atomic_load(&lookups) < 200000) {
		struct map_key key = {.hi = 1 + (uint64_t)rand() % 63, .tag = 7};

		if (rand() % 2)
			map_set(shared, &key, (uint32_t)key.hi); // or full for a moment
		else
			map_del(shared, &key);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	map_free(shared);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"longest prefix wins", test_longest},
		{"exact prefixes, covers, bounds", test_exact},
		{"agrees with a plain list", test_random},
		{"a stalled reader's table is left alone", test_stalled_reader},
		{"lookups during changes", test_concurrent},
		{NULL, NULL},
	};
	int ret;

	harness_eal_init(64);
	qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(4), 64);
	rte_rcu_qsbr_init(qsbr, 4);
	ret = harness_run("prefix_table", tests);
	rte_free(qsbr);
	return ret;
}
