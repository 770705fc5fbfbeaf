// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a network behind a client must keep clear of in the kernel's tables: own addresses, and longer
// routes that lead elsewhere.

#include "control/routing/route_mirror.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define PLAIN 4 // interface indexes
#define OTHER 5

static int on_set(void *arg, uint8_t family, const uint8_t *addr, uint8_t len, uint32_t nexthop)
{
	(void)arg;
	(void)family;
	(void)addr;
	(void)len;
	CU_ASSERT_EQUAL(nexthop, NEXTHOP_KERNEL); // there are no ports
	return 0;
}

static void on_del(void *arg, uint8_t family, const uint8_t *addr, uint8_t len)
{
	(void)arg;
	(void)family;
	(void)addr;
	(void)len;
}

static const struct route_mirror_ops ops = {.route_set = on_set, .route_del = on_del};

static struct route_mirror_route route(const char *addr, uint8_t len, int ifindex)
{
	struct route_mirror_route r = {.family = 4,
		.len = len,
		.type = RTN_UNICAST,
		.table = RT_TABLE_MAIN,
		.hop_count = 1,
		.hops = {{.ifindex = ifindex}}};

	CU_ASSERT_EQUAL(inet_pton(AF_INET, addr, r.addr), 1);
	return r;
}

static void add(struct route_mirror *m, struct route_mirror_route r)
{
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &r, ROUTE_MIRROR_LAST), 0);
}

static void test_within(void)
{
	struct route_mirror *m = route_mirror_new(&ops, NULL, 0);
	const uint8_t site[16] = {10, 50};
	struct route_mirror_route r;
	uint8_t what[16], len = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	add(m, route("10.0.0.0", 8, OTHER));
	add(m, route("10.50.0.0", 16, OTHER)); // the kernel itself says so when one is added
	add(m, route("10.50.9.0", 24, PLAIN)); // leads where the network is to be
	add(m, route("10.51.0.0", 24, OTHER));
	CU_ASSERT_FALSE(route_mirror_has_within(m, PLAIN, 4, site, 16, what, &len));
	r = route("10.50.128.0", 17, OTHER);
	add(m, r);
	CU_ASSERT_TRUE(route_mirror_has_within(m, PLAIN, 4, site, 16, what, &len));
	CU_ASSERT_EQUAL(len, 17);
	CU_ASSERT_EQUAL(what[2], 128);
	CU_ASSERT_TRUE(route_mirror_route_del(m, &r));
	CU_ASSERT_FALSE(route_mirror_has_within(m, PLAIN, 4, site, 16, what, &len));
	r = route("10.50.7.1", 32, PLAIN);
	r.table = RT_TABLE_LOCAL;
	r.type = RTN_LOCAL;
	add(m, r);
	CU_ASSERT_TRUE(route_mirror_has_within(m, PLAIN, 4, site, 16, what, &len));
	CU_ASSERT_EQUAL(len, 32);
	CU_ASSERT_TRUE(route_mirror_has_within(m, PLAIN, 4, r.addr, 32, what, &len));
	CU_ASSERT_FALSE(route_mirror_has_within(m, PLAIN, 4, site, 24, what, &len));
	CU_ASSERT_FALSE(route_mirror_has_within(m, PLAIN, 6, site, 16, what, &len));
	route_mirror_free(m);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"finds what is inside a prefix", test_within},
		{NULL, NULL},
	};

	return harness_run("route_within", tests);
}
