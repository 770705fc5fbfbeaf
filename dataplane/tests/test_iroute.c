// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/iroute.h"

#include "dataplane/proto.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <string.h>

static struct rte_rcu_qsbr *qsbr;

static const uint8_t a4[16] = {10, 8, 0, 2}, b4[16] = {10, 8, 0, 3};
static const uint8_t a6[16] = {0xfd, 0, 0, 8, [15] = 2}, b6[16] = {0xfd, 0, 0, 8, [15] = 3};

// The same client address in two domains is two clients.
static void test_domains(void)
{
	struct iroute *r = iroute_new(8, 0, qsbr);

	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, a4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 32, 0), 0); // peer id 0 is one like others
	CU_ASSERT_EQUAL(iroute_add(r, 2, 4, a4, 32, 7), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 6, a6, 128, 0), 0);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, a4), 0);
	CU_ASSERT_EQUAL(iroute_lookup(r, 2, 4, a4), 7);
	CU_ASSERT_EQUAL(iroute_lookup(r, 3, 4, a4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, b4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 6, a6), 0);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 6, b6), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_del(r, 1, 4, a4, 32), 0);
	CU_ASSERT_EQUAL(iroute_del(r, 1, 4, a4, 32), -ENOENT);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, a4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(r, 2, 4, a4), 7);
	iroute_free(r);
}

// Nobody takes another client's address; a subnet gives way to an address inside it.
static void test_ownership(void)
{
	struct iroute *r = iroute_new(8, 0, qsbr);

	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 32, 5), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 32, 5), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 32, 6), -EEXIST);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, a4), 5);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 24, 6), 0);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, a4), 5);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, b4), 6);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, b4, 32, PROTO_PEER_ID_UNDEF), -EINVAL);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, b4, 33, 1), -EINVAL);
	iroute_free(r);
}

// A subnet belongs to one client at a time, and is found whatever other lengths there are.
static void test_subnets(void)
{
	static const uint8_t site[16] = {10, 50}, host[16] = {10, 50, 7, 9};
	static const uint8_t site6[16] = {0xfd, 0, 0, 0x50},
			     host6[16] = {0xfd, 0, 0, 0x50, [15] = 9};
	struct iroute *r = iroute_new(1, 2, qsbr);

	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, a4, 32, 5), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, site, 16, 5), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 6, site6, 48, 5), 0);
	CU_ASSERT_EQUAL(iroute_add(r, 1, 4, site, 16, 6), -EEXIST);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, host), 5);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 6, host6), 5);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, b4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(r, 2, 4, host), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_owner(r, 1, 4, site, 16), 5);
	CU_ASSERT_EQUAL(iroute_owner(r, 1, 4, host, 32), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_del(r, 1, 4, site, 16), 0);
	CU_ASSERT_EQUAL(iroute_lookup(r, 1, 4, host), PROTO_PEER_ID_UNDEF);
	iroute_free(r);
}

static void test_full(void)
{
	struct iroute *r = iroute_new(2, 0, qsbr);
	uint8_t addr[16] = {10};

	for (uint8_t i = 0; i < 4; i++) {
		addr[3] = i;
		CU_ASSERT_EQUAL(iroute_add(r, 0, 4, addr, 32, i), 0);
	}
	addr[3] = 4;
	CU_ASSERT_EQUAL(iroute_add(r, 0, 4, addr, 32, 4), -ENOSPC);
	addr[3] = 0;
	CU_ASSERT_EQUAL(iroute_del(r, 0, 4, addr, 32), 0);
	addr[3] = 4;
	CU_ASSERT_EQUAL(iroute_add(r, 0, 4, addr, 32, 4), 0);
	iroute_free(r);
}

static void test_links(void)
{
	// What a packet has behind an IPv4 address is not part of it.
	uint8_t from_packet[16] = {10, 8, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct iroute *r = iroute_new(8, 0, qsbr);

	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 4, a4, 1000, 1), 0);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 4, a4, 1001, 2), 0);
	CU_ASSERT_EQUAL(iroute_link_add(r, 9, 0, 4, a4, 1000, 3), 0);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 6, a6, 1000, 4), 0);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 4, a4, 1000, 5), -EEXIST);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 7, 4, a4, 1000, 5), 0); // to another of ours
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 7, 4, a4, 1000), 5);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 6, 4, a4, 1000), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_link_del(r, 0, 7, 4, a4, 1000), 0);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 4, b4, 1000, PROTO_PEER_ID_UNDEF), -EINVAL);
	CU_ASSERT_EQUAL(iroute_link_add(r, 0, 0, 0, b4, 1000, 1), -EINVAL);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 4, from_packet, 1000), 1);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 4, a4, 1001), 2);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 9, 0, 4, a4, 1000), 3);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 6, a6, 1000), 4);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 6, b6, 1000), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 9, 0, 4, a4, 1001), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_link_del(r, 0, 0, 4, a4, 1000), 0);
	CU_ASSERT_EQUAL(iroute_link_del(r, 0, 0, 4, a4, 1000), -ENOENT);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 4, a4, 1000), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_link_lookup(r, 0, 0, 4, a4, 1001), 2);
	iroute_free(r);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"domains are separate", test_domains},
		{"an address has one owner", test_ownership},
		{"subnets", test_subnets},
		{"full table", test_full},
		{"outside addresses", test_links},
		{NULL, NULL},
	};
	int ret;

	harness_eal_init(64);
	qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(4), 64);
	rte_rcu_qsbr_init(qsbr, 4);
	ret = harness_run("iroute", tests);
	rte_free(qsbr);
	return ret;
}
