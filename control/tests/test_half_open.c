// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Places for handshakes by source: who has to give one to whom.

#include "control/half_open.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct half_open *h;
static struct half_open_entry entries[HALF_OPEN_MAX + 1];
static unsigned int used;

static void set_up(void)
{
	h = calloc(1, sizeof(*h));
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	memset(entries, 0, sizeof(entries));
	used = 0;
}

static void tear_down(void)
{
	for (unsigned int i = 0; i < used; i++)
		half_open_del(h, &entries[i]);
	CU_ASSERT_EQUAL(h->count, 0);
	CU_ASSERT_EQUAL(h->most, 0);
	CU_ASSERT_PTR_NULL(h->sources);
	free(h);
}

static struct session_addr ip4(uint8_t third, uint8_t last)
{
	return (struct session_addr){.family = 4, .addr = {198, 51, third, last}};
}

static struct session_addr ip6(uint8_t third, uint8_t fourth)
{
	return (struct session_addr){
		.family = 6, .addr = {0x20, 1, 0xd, 0xb8, 0, third, fourth, [15] = 1}};
}

static struct half_open_entry *add(struct session_addr from)
{
	struct half_open_entry *e = &entries[used++];

	CU_ASSERT_EQUAL(half_open_add(h, &from, e), 0);
	return e;
}

static struct half_open_entry *victim(struct session_addr from)
{
	return half_open_victim(h, &from);
}

static void test_sources(void)
{
	struct half_open_entry *first;

	set_up();
	CU_ASSERT_PTR_NULL(victim(ip4(1, 1)));
	first = add(ip4(1, 1));
	CU_ASSERT_PTR_NULL(victim(ip4(2, 1))); // one each: nobody gives
	add(ip4(1, 255));                      // the same /24
	CU_ASSERT_PTR_EQUAL(victim(ip4(2, 1)), first);
	CU_ASSERT_PTR_NULL(victim(ip4(1, 7)));
	add(ip4(2, 1));
	CU_ASSERT_PTR_NULL(victim(ip4(2, 2))); // two and one: it would only change sides
	CU_ASSERT_PTR_EQUAL(victim(ip4(3, 1)), first);
	// The oldest that is left.
	half_open_del(h, first);
	half_open_del(h, first); // once is enough
	CU_ASSERT_EQUAL(h->count, 2);
	CU_ASSERT_PTR_NULL(victim(ip4(3, 1)));
	add(ip4(1, 1));
	CU_ASSERT_PTR_EQUAL(victim(ip4(3, 1)), first + 1);
	tear_down();
}

static void test_ipv6(void)
{
	struct half_open_entry *first;

	set_up();
	first = add(ip6(1, 0));
	add(ip6(1, 0xff)); // the same /48
	add(ip6(1, 1));
	add(ip6(2, 0));
	CU_ASSERT_PTR_EQUAL(victim(ip6(2, 0)), first);
	CU_ASSERT_PTR_NULL(victim(ip6(1, 3)));
	// The same bytes in the other family are another source.
	CU_ASSERT_PTR_EQUAL(
		victim((struct session_addr){.family = 4, .addr = {0x20, 1, 0xd}}), first);
	tear_down();
}

// Sources that always want more end with the same share of a full book, and then leave each other
// alone.
static void test_shares(void)
{
	unsigned int has[4] = {40}, moves = 0;
	struct half_open_entry *e;

	set_up();
	for (uint8_t i = 0; i < 40; i++)
		add(ip4(0, i));
	for (uint8_t turn = 0; turn < 200; turn++) {
		const uint8_t who = turn * 7 % 4;
		const struct session_addr from = ip4(who, turn);

		e = half_open_victim(h, &from);
		if (!e)
			continue;
		half_open_del(h, e);
		CU_ASSERT_EQUAL(half_open_add(h, &from, e), 0);
		CU_ASSERT_EQUAL(h->count, 40);
		has[who]++;
		moves++;
	}
	CU_ASSERT_EQUAL(moves, 30);
	CU_ASSERT_EQUAL(h->most, 10);
	for (unsigned int who = 1; who < 4; who++)
		CU_ASSERT_EQUAL(has[who], 10);
	tear_down();
}

static void test_bound(void)
{
	const struct session_addr from = ip4(1, 1);

	set_up();
	for (unsigned int i = 0; i < HALF_OPEN_MAX; i++)
		add(from);
	CU_ASSERT_EQUAL(half_open_add(h, &from, &entries[used]), -ENOSPC);
	CU_ASSERT_PTR_EQUAL(victim(ip4(2, 1)), &entries[0]);
	tear_down();
}

// Two gateways: the node's places are shared like those of one gateway.
static void test_node(void)
{
	struct half_open_node node = {.max = 8};
	struct half_open_entry flood[8] = {0}, quiet[8] = {0}, *e;
	struct half_open *other = calloc(1, sizeof(*other));
	const struct session_addr here = ip4(9, 9);
	unsigned int n;

	set_up();
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	CU_ASSERT_FALSE(half_open_node_is_full(h)); // of no node
	half_open_init(h, &node);
	half_open_init(other, &node);
	// Each of the flood from a source of its own.
	for (uint8_t i = 0; i < 8; i++) {
		const struct session_addr from = ip4(i, 1);

		CU_ASSERT_FALSE(half_open_node_is_full(h));
		CU_ASSERT_EQUAL(half_open_add(h, &from, &flood[i]), 0);
	}
	CU_ASSERT_TRUE(half_open_node_is_full(h));
	CU_ASSERT_TRUE(half_open_node_is_full(other));
	CU_ASSERT_PTR_NULL(half_open_node_victim(h, &here)); // one more of the flood
	for (n = 0; (e = half_open_node_victim(other, &here)) && n < 8; n++) {
		CU_ASSERT_PTR_EQUAL(e, &flood[n]); // the oldest
		half_open_del(h, e);
		CU_ASSERT_EQUAL(half_open_add(other, &here, &quiet[n]), 0);
	}
	CU_ASSERT_EQUAL(n, 4); // half each, and no more
	CU_ASSERT_EQUAL(node.count, 8);
	// At the quiet gateway another source has none: it gets one of its own gateway.
	CU_ASSERT_PTR_EQUAL(
		half_open_node_victim(other, &(struct session_addr){.family = 6}), quiet);
	node.max = 0;
	CU_ASSERT_FALSE(half_open_node_is_full(h));
	for (unsigned int i = 0; i < 8; i++) {
		half_open_del(h, &flood[i]);
		half_open_del(other, &quiet[i]);
	}
	CU_ASSERT_EQUAL(node.count, 0);
	CU_ASSERT_EQUAL(node.peak, 8);
	half_open_fini(h);
	half_open_fini(other);
	CU_ASSERT_PTR_NULL(node.books);
	free(other);
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"who has more gives to who has fewer", test_sources},
		{"an IPv6 source is a /48", test_ipv6},
		{"shares even out", test_shares},
		{"the book is bounded", test_bound},
		{"gateways share the places of a node", test_node},
		{NULL, NULL},
	};

	return harness_run("half_open", tests);
}
