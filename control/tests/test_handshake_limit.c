// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Who is answered: rates of an endpoint and of source prefixes under a clock of our own.

#include "control/channel/handshake_limit.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#define S 1000u

static struct handshake_limit *l;
static uint64_t now;

static void set_up(uint32_t total, uint32_t prefix)
{
	now = 5000000;
	l = handshake_limit_new(now);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	handshake_limit_set(l, total, prefix);
}

static struct session_addr v4(uint8_t c, uint8_t d)
{
	return (struct session_addr){.family = 4, .addr = {198, 51, c, d}};
}

static unsigned int answers(struct session_addr from, unsigned int asked)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < asked; i++)
		n += handshake_limit_answer(l, &from, now);
	return n;
}

static void test_prefix(void)
{
	const struct session_addr a6 = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 1}};
	const struct session_addr b6 = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 9}};
	const struct session_addr c6 = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, 0, 2, 0, 1}};

	set_up(100000, 100);
	CU_ASSERT_EQUAL(answers(v4(1, 1), 60), 60);
	CU_ASSERT_EQUAL(answers(v4(1, 2), 60), 40); // one prefix, one bucket
	CU_ASSERT_EQUAL(answers(v4(2, 1), 200), 100);
	CU_ASSERT_EQUAL(answers(a6, 200), 100);
	CU_ASSERT_EQUAL(answers(b6, 200), 0);
	CU_ASSERT_EQUAL(answers(c6, 200), 100);
	now += 1 * S;
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 10);
	now += 99;
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 0);
	now += 1;
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 1);
	now += 3600 * S; // never more than full
	CU_ASSERT_EQUAL(answers(v4(1, 1), 2000), 100);
	handshake_limit_free(l);
}

static void test_total(void)
{
	unsigned int n = 0;

	set_up(50, 10);
	for (uint8_t i = 0; i < 20; i++)
		n += answers(v4(i, 1), 10);
	CU_ASSERT_EQUAL(n, 50);
	now += 10 * S;
	CU_ASSERT_EQUAL(answers(v4(100, 1), 100), 10);
	handshake_limit_free(l);
}

// Many clients behind one address: each goes on, so none stands in the way of the next.
static void test_proved(void)
{
	struct session_addr from = v4(1, 1);

	set_up(50, 10);
	for (unsigned int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(answers(from, 1), 1);
		handshake_limit_proved(l, &from, now);
	}
	// What comes back is no more than was there.
	CU_ASSERT_EQUAL(answers(from, 100), 10);
	handshake_limit_free(l);
}

static void test_load(void)
{
	static const struct {
		uint32_t half_open;
		bool loaded;
	} rows[] = {{0, false}, {74, false}, {75, true}, {74, true}, {50, true}, {49, false},
		{74, false}, {100, true}, {0, false}};
	bool before = false;

	set_up(100000, 100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(
			handshake_limit_load(l, rows[i].half_open, 100), rows[i].loaded != before);
		CU_ASSERT_EQUAL(handshake_limit_is_loaded(l), rows[i].loaded);
		before = rows[i].loaded;
	}
	handshake_limit_load(l, 75, 100);
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 25);
	handshake_limit_set(l, 100000, 2); // a small rate is not zero under load
	CU_ASSERT_EQUAL(answers(v4(2, 1), 200), 2);
	handshake_limit_free(l);
}

static unsigned int begun(struct session_addr from, unsigned int asked, uint32_t count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < asked; i++)
		n += handshake_limit_unproven(l, &from, count, now);
	return n;
}

static void test_unproven(void)
{
	set_up(100000, 1);
	CU_ASSERT_EQUAL(begun(v4(1, 1), 20, 0), HANDSHAKE_LIMIT_UNPROVEN);
	CU_ASSERT_EQUAL(begun(v4(1, 2), 20, 0), 0);
	CU_ASSERT_EQUAL(answers(v4(1, 1), 1), 1); // a rate of their own
	CU_ASSERT_EQUAL(begun(v4(2, 1), 1, HANDSHAKE_LIMIT_UNPROVEN_MAX), 0);
	CU_ASSERT_EQUAL(begun(v4(2, 1), 1, HANDSHAKE_LIMIT_UNPROVEN_MAX - 1), 1);
	handshake_limit_load(l, 0, 32); // of a small gateway a quarter
	CU_ASSERT_EQUAL(begun(v4(4, 1), 1, 8), 0);
	CU_ASSERT_EQUAL(begun(v4(4, 1), 1, 7), 1);
	handshake_limit_load(l, 0, 4096);
	CU_ASSERT_EQUAL(begun(v4(4, 1), 1, HANDSHAKE_LIMIT_UNPROVEN_MAX), 0);
	now += 1 * S;
	CU_ASSERT_EQUAL(begun(v4(1, 1), 20, 0), 1);
	handshake_limit_load(l, 1, 1);
	CU_ASSERT_EQUAL(begun(v4(3, 1), 1, 0), 0);
	handshake_limit_free(l);
}

// More prefixes than the table has: who was limited stays limited.
static void test_many_prefixes(void)
{
	unsigned int n;

	set_up(10000000, 100);
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 100);
	for (unsigned int i = 0; i < 100000; i++) {
		struct session_addr a = {
			.family = 4, .addr = {10, (uint8_t)(i >> 8), (uint8_t)i, 1}};

		n = answers(a, 1);
		CU_ASSERT_EQUAL(n, 1);
	}
	CU_ASSERT_EQUAL(answers(v4(1, 1), 200), 0);
	handshake_limit_free(l);
	handshake_limit_free(NULL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"rate of a prefix", test_prefix},
		{"rate of the endpoint", test_total},
		{"who goes on does not count", test_proved},
		{"load, with hysteresis", test_load},
		{"sessions without a cookie", test_unproven},
		{"more prefixes than entries", test_many_prefixes},
		{NULL, NULL},
	};

	return harness_run("handshake_limit", tests);
}
