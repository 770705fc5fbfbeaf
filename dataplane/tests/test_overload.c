// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/overload.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#define HZ 1000000u // one cycle is a microsecond, an epoch 1000 of them
#define EPOCH 1000u

static struct overload *o;
static uint64_t now;

static void setup(void)
{
	o = overload_new(8, HZ, -1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	now = 1;
	overload_turn(o, now, false); // starts the first epoch
}

// Ends the epoch of a worker all of whose turns were full, or none.
static void epoch(bool full)
{
	overload_turn(o, now + 1, full);
	overload_turn(o, now + 2, full);
	now += EPOCH + 10;
	overload_turn(o, now, full);
}

static unsigned int offer(uint16_t gateway, unsigned int packets, uint32_t bytes)
{
	unsigned int admitted = 0;

	for (unsigned int i = 0; i < packets; i++)
		admitted += overload_admit(o, gateway, bytes);
	return admitted;
}

static void test_enter(void)
{
	setup();
	for (unsigned int i = 0; i < 3; i++) {
		offer(0, 10, 1000);
		offer(1, 10, 1000);
		epoch(true);
		CU_ASSERT_FALSE(o->saturated);
	}
	epoch(false); // a pause starts the count again
	for (unsigned int i = 0; i < 3; i++) {
		offer(0, 10, 1000);
		epoch(true);
	}
	CU_ASSERT_FALSE(o->saturated);
	CU_ASSERT_EQUAL(offer(0, 10000, 1000), 10000);
	epoch(true);
	CU_ASSERT_TRUE(o->saturated);
	overload_free(o);
}

static void saturate(void)
{
	for (unsigned int i = 0; i < OVERLOAD_ENTER_EPOCHS; i++) {
		offer(0, 90, 1000);
		offer(1, 9, 1000);
		offer(2, 1, 1000);
		epoch(true);
	}
	CU_ASSERT_TRUE_FATAL(o->saturated);
}

// Who wants less than an equal share gets all of it; the rest goes to the others.
static void test_share(void)
{
	setup();
	saturate();
	CU_ASSERT_EQUAL(o->capacity, 100000);
	CU_ASSERT_EQUAL(o->limit, 90000);
	// One gateway now floods tenfold; the others keep what they want.
	offer(0, 900, 1000);
	CU_ASSERT_EQUAL(offer(1, 9, 1000), 9);
	CU_ASSERT_EQUAL(offer(2, 1, 1000), 1);
	epoch(true);
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int first = offer(0, 900, 1000);

		CU_ASSERT_TRUE(first > 50 && first < 92);
		CU_ASSERT_EQUAL(offer(1, 9, 1000), 9);
		CU_ASSERT_EQUAL(offer(2, 1, 1000), 1);
		epoch(true);
	}
	// Two floods share equally.
	offer(0, 900, 1000);
	offer(1, 500, 1000);
	epoch(true);
	CU_ASSERT_EQUAL(offer(0, 900, 1000), offer(1, 500, 1000));
	overload_free(o);
}

static void test_lone_gateway(void)
{
	setup();
	for (unsigned int i = 0; i < OVERLOAD_ENTER_EPOCHS; i++) {
		offer(5, 100, 1000);
		epoch(true);
	}
	CU_ASSERT_TRUE(o->saturated);
	CU_ASSERT_EQUAL(o->limit, OVERLOAD_UNLIMITED);
	CU_ASSERT_EQUAL(offer(5, 100000, 1000), 100000);
	overload_free(o);
}

// Pressure lowers what is shared, draining queues raise it.
static void test_adapts(void)
{
	uint64_t before;

	setup();
	saturate();
	before = o->capacity;
	offer(0, 900, 1000);
	offer(1, 900, 1000);
	epoch(true);
	CU_ASSERT_TRUE(o->capacity < before);
	before = o->capacity;
	offer(0, 900, 1000);
	offer(1, 900, 1000);
	epoch(false);
	CU_ASSERT_TRUE(o->capacity > before);
	for (unsigned int i = 0; i < 10000; i++)
		epoch(true);
	CU_ASSERT_TRUE(o->saturated);
	epoch(false);
	CU_ASSERT_TRUE(o->capacity >= 1500);
	overload_free(o);
}

static void test_leave(void)
{
	setup();
	saturate();
	for (unsigned int i = 0; i + 1 < OVERLOAD_LEAVE_EPOCHS; i++) {
		offer(0, 5, 1000);
		offer(1, 5, 1000);
		epoch(false);
		CU_ASSERT_TRUE(o->saturated);
	}
	epoch(false);
	CU_ASSERT_FALSE(o->saturated);
	CU_ASSERT_EQUAL(o->limit, OVERLOAD_UNLIMITED);
	overload_free(o);
}

static void test_unbound(void)
{
	unsigned int n = 0;

	setup();
	for (unsigned int i = 0; i < 10000; i++)
		n += overload_unbound_take(o, now);
	CU_ASSERT_EQUAL(n, OVERLOAD_UNBOUND_BURST);
	for (unsigned int i = 0; i < 10000; i++)
		n += overload_unbound_take(o, now + HZ / 10);
	CU_ASSERT_EQUAL(n, OVERLOAD_UNBOUND_BURST + OVERLOAD_UNBOUND_PPS / 10);
	n = 0;
	for (unsigned int i = 0; i < 1000; i++)
		n += overload_float_take(o, now);
	CU_ASSERT_EQUAL(n, OVERLOAD_FLOAT_BURST);
	overload_free(o);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"needs lasting pressure", test_enter},
		{"shares by gateway", test_share},
		{"does not limit a lone gateway", test_lone_gateway},
		{"follows the queues", test_adapts},
		{"ends when all would fit", test_leave},
		{"budgets packets from unbound addresses", test_unbound},
		{NULL, NULL},
	};

	harness_eal_init(64);
	return harness_run("overload", tests);
}
