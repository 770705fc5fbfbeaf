// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ippool.h"

#include <CUnit/Basic.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct conf_prefix prefix(const char *text, uint8_t len)
{
	struct conf_prefix p = {.len = len};

	p.family = strchr(text, ':') ? 6 : 4;
	CU_ASSERT_EQUAL_FATAL(inet_pton(p.family == 6 ? AF_INET6 : AF_INET, text, p.addr), 1);
	return p;
}

static const struct conf_prefix unset;

static void check_addresses(
	const struct ippool *p, uint32_t entry, const char *want4, const char *want6)
{
	uint8_t vpn4[4], vpn6[16];
	char text[INET6_ADDRSTRLEN];

	ippool_addresses(p, entry, vpn4, vpn6);
	CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET, vpn4, text, sizeof(text)), want4);
	CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET6, vpn6, text, sizeof(text)), want6);
}

static void test_capacity(void)
{
	static const struct {
		const char *net4;
		uint8_t len4;
		const char *net6;
		uint8_t len6;
		uint32_t want;
	} rows[] = {
		{"10.8.0.0", 24, NULL, 0, 253}, // .0 network, .1 gateway, .255 broadcast
		{"10.8.0.0", 29, NULL, 0, 5},
		{"10.8.0.0", 30, NULL, 0, 1},
		{"10.8.0.0", 31, NULL, 0, 0},
		{"10.0.0.0", 8, NULL, 0, IPPOOL_ENTRIES_MAX},
		{NULL, 0, "fd00::", 64, IPPOOL_ENTRIES_MAX},
		{NULL, 0, "fd00::", 124, 14}, // :: and ::1 are not for clients
		{"10.8.0.0", 24, "fd00::", 124, 14},
		{NULL, 0, NULL, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_prefix p4 = rows[i].net4 ? prefix(rows[i].net4, rows[i].len4) : unset;
		struct conf_prefix p6 = rows[i].net6 ? prefix(rows[i].net6, rows[i].len6) : unset;

		CU_ASSERT_EQUAL(ippool_capacity(&p4, &p6, CONF_TOPOLOGY_SUBNET), rows[i].want);
	}
}

static void test_addresses(void)
{
	struct conf_prefix p4 = prefix("10.8.0.0", 16), p6 = prefix("fd00:8::", 64);
	struct ippool *p = ippool_new(&p4, &p6, CONF_TOPOLOGY_SUBNET);
	uint8_t self4[4], self6[16];
	char text[INET6_ADDRSTRLEN];

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	check_addresses(p, 0, "10.8.0.2", "fd00:8::1000");
	check_addresses(p, 253, "10.8.0.255", "fd00:8::10fd");
	check_addresses(p, 254, "10.8.1.0", "fd00:8::10fe");
	ippool_self(p, self4, self6);
	CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET, self4, text, sizeof(text)), "10.8.0.1");
	CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET6, self6, text, sizeof(text)), "fd00:8::1");
	ippool_free(p);

	p6 = prefix("fd00:8::", 112);
	p = ippool_new(&unset, &p6, CONF_TOPOLOGY_SUBNET);
	check_addresses(p, 0, "0.0.0.0", "fd00:8::2");
	ippool_free(p);
}

static void test_order(void)
{
	struct conf_prefix p4 = prefix("10.8.0.0", 29); // five clients
	struct ippool *p = ippool_new(&p4, &unset, CONF_TOPOLOGY_SUBNET);

	CU_ASSERT_EQUAL(ippool_take(p, "a"), 0);
	CU_ASSERT_EQUAL(ippool_take(p, "b"), 1);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), 2);
	ippool_give_back(p, 1);
	ippool_give_back(p, 0);
	// Back to the former address, although it is not the one free for longest.
	CU_ASSERT_EQUAL(ippool_take(p, "a"), 0);
	// A stranger gets what nobody had, not b's.
	CU_ASSERT_EQUAL(ippool_take(p, "d"), 3);
	CU_ASSERT_EQUAL(ippool_take(p, "e"), 4);
	// Nothing fresh is left: b's.
	CU_ASSERT_EQUAL(ippool_take(p, "f"), 1);
	CU_ASSERT_EQUAL(ippool_used(p), 5);
	CU_ASSERT_EQUAL(ippool_take(p, "g"), IPPOOL_NONE);
	// Longest free first; giving back twice or beyond the end changes nothing.
	ippool_give_back(p, 4);
	ippool_give_back(p, 2);
	ippool_give_back(p, 2);
	ippool_give_back(p, 99);
	CU_ASSERT_EQUAL(ippool_used(p), 3);
	CU_ASSERT_EQUAL(ippool_take(p, "h"), 4);
	CU_ASSERT_EQUAL(ippool_take(p, "i"), 2);
	CU_ASSERT_EQUAL(ippool_take(p, "j"), IPPOOL_NONE);
	ippool_free(p);
}

// What is reserved goes to nobody, whether it was used before or not; whoever has it keeps it.
static void test_reserved(void)
{
	struct conf_prefix p4 = prefix("10.8.0.0", 28), p6 = prefix("fd00:8::", 64);
	struct ippool *p = ippool_new(&p4, &p6, CONF_TOPOLOGY_SUBNET);
	uint8_t addr[16] = {10, 8, 0, 3}, self[4] = {10, 8, 0, 1}, outside[4] = {10, 9, 0, 3};

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	ippool_reserve(p, 4, addr); // entry 1
	ippool_reserve(p, 4, self);
	ippool_reserve(p, 4, outside);
	addr[0] = 0;
	CU_ASSERT_EQUAL(inet_pton(AF_INET6, "fd00:8::1002", addr), 1); // entry 2
	ippool_reserve(p, 6, addr);
	CU_ASSERT_EQUAL(inet_pton(AF_INET6, "fd00:8::2", addr), 1); // not of the pool
	ippool_reserve(p, 6, addr);
	CU_ASSERT_EQUAL(ippool_take(p, "a"), 0);
	for (uint32_t i = 3; i < 13; i++)
		CU_ASSERT_EQUAL(ippool_take(p, "b"), i);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), IPPOOL_NONE);
	CU_ASSERT_EQUAL(ippool_used(p), 11);
	// In use, and then reserved: its former holder does not get it again.
	CU_ASSERT_EQUAL(inet_pton(AF_INET, "10.8.0.2", addr), 1);
	ippool_reserve(p, 4, addr);
	ippool_give_back(p, 0);
	CU_ASSERT_EQUAL(ippool_take(p, "a"), IPPOOL_NONE);
	ippool_give_back(p, 5);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), 5);
	// Nobody's any more.
	ippool_unreserve_all(p);
	CU_ASSERT_EQUAL(ippool_take(p, "a"), 0);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), 1);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), 2);
	CU_ASSERT_EQUAL(ippool_take(p, "c"), IPPOOL_NONE);
	ippool_free(p);
}

static void check_far(const struct ippool *p, uint32_t entry, const char *want)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t vpn4[4], vpn6[16], far4[4];

	ippool_addresses(p, entry, vpn4, vpn6);
	ippool_far_end(p, vpn4, far4);
	CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET, far4, text, sizeof(text)), want);
}

// net30: a block of four each, the first is the gateway's. p2p: single addresses.
static void test_topologies(void)
{
	struct conf_prefix p4 = prefix("10.8.0.0", 24), p6 = prefix("fd00:8::", 64);
	struct ippool *p = ippool_new(&p4, &p6, CONF_TOPOLOGY_NET30);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	check_addresses(p, 0, "10.8.0.6", "fd00:8::1000");
	check_far(p, 0, "10.8.0.5");
	check_addresses(p, 62, "10.8.0.254", "fd00:8::103e");
	check_far(p, 62, "10.8.0.253");
	ippool_free(p);
	CU_ASSERT_EQUAL(ippool_capacity(&p4, &p6, CONF_TOPOLOGY_NET30), 63);
	p4.len = 29;
	CU_ASSERT_EQUAL(ippool_capacity(&p4, &unset, CONF_TOPOLOGY_NET30), 1);
	p4.len = 30;
	CU_ASSERT_EQUAL(ippool_capacity(&p4, &unset, CONF_TOPOLOGY_NET30), 0);
	p4.len = 24;
	CU_ASSERT_EQUAL(ippool_capacity(&p4, &unset, CONF_TOPOLOGY_P2P), 253);
	p = ippool_new(&p4, &unset, CONF_TOPOLOGY_P2P);
	check_addresses(p, 0, "10.8.0.2", "::");
	check_far(p, 0, "10.8.0.1");
	ippool_free(p);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite("ippool", NULL, NULL);
	CU_add_test(s, "capacity", test_capacity);
	CU_add_test(s, "addresses", test_addresses);
	CU_add_test(s, "order", test_order);
	CU_add_test(s, "topologies", test_topologies);
	CU_add_test(s, "reserved", test_reserved);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
