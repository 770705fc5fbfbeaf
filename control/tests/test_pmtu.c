// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The estimate of a path's MTU: what a report may do to it, and for how long.

#include "control/pmtu.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

// One report each to an estimate of 1400 and to none; the result, 0: refused.
static void test_reports(void)
{
	static const struct {
		uint8_t family;
		uint16_t mtu, link, fresh, known;
	} rows[] = {
		/*  1 */ {6, 1300, 1500, 1300, 1300},
		/*  2 */ {6, 1280, 1500, 1280, 1280},
		/*  3 */ {6, 1279, 1500, 0, 0}, // no IPv6 link is that small
		/*  4 */ {6, 0, 1500, 0, 0},
		/*  5 */ {6, 1400, 1500, 1400, 0}, // known
		/*  6 */ {6, 1450, 1500, 1450, 0}, // an estimate never rises
		/*  7 */ {6, 1500, 1500, 0, 0},    // the link itself is no larger
		/*  8 */ {6, 9000, 1500, 0, 0},
		/*  9 */ {6, 1350, 1350, 0, 0},
		/* 10 */ {6, 9000, 0, 9000, 0}, // the kernel's link
		/* 11 */ {4, 1300, 1500, 1300, 1300},
		/* 12 */ {4, 576, 1500, 576, 576},
		/* 13 */ {4, 575, 1500, 576, 576},
		/* 14 */ {4, 0, 1500, 576, 576}, // routers older than RFC 1191
		/* 15 */ {4, 1500, 1500, 0, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pmtu fresh = {0}, known = {.bytes = 1400, .steps = 1, .forget_ms = 5000};

		CU_ASSERT_EQUAL(pmtu_report(&fresh, rows[i].family, rows[i].mtu, rows[i].link, 7),
			rows[i].fresh != 0);
		CU_ASSERT_EQUAL(fresh.bytes, rows[i].fresh);
		CU_ASSERT_EQUAL(pmtu_report(&known, rows[i].family, rows[i].mtu, rows[i].link, 7),
			rows[i].known != 0);
		CU_ASSERT_EQUAL(known.bytes, rows[i].known ? rows[i].known : 1400);
		CU_ASSERT_EQUAL(known.forget_ms, rows[i].known ? 7 + PMTU_FORGET_MS : 5000);
	}
}

static void test_age(void)
{
	struct pmtu p = {0};

	CU_ASSERT_EQUAL(pmtu_next(&p), UINT64_MAX);
	CU_ASSERT_FALSE(pmtu_forget(&p, UINT64_MAX));
	CU_ASSERT_TRUE(pmtu_report(&p, 6, 1300, 1500, 1000));
	CU_ASSERT_EQUAL(pmtu_next(&p), 1000 + PMTU_FORGET_MS);
	CU_ASSERT_FALSE(pmtu_forget(&p, 999 + PMTU_FORGET_MS));
	CU_ASSERT_EQUAL(p.bytes, 1300);
	CU_ASSERT_TRUE(pmtu_forget(&p, 1000 + PMTU_FORGET_MS));
	CU_ASSERT_EQUAL(p.bytes, 0);
	CU_ASSERT_EQUAL(pmtu_next(&p), UINT64_MAX);
	CU_ASSERT_TRUE(pmtu_report(&p, 6, 1400, 1500, 2000000));
}

// Lowering it byte by byte is no path, and must not become work without end.
static void test_steps(void)
{
	struct pmtu p = {0};
	unsigned int changes = 0;

	for (uint16_t mtu = 1499; mtu >= 1280; mtu--)
		changes += pmtu_report(&p, 6, mtu, 1500, 1);
	CU_ASSERT_EQUAL(changes, PMTU_STEPS_MAX + 1);
	CU_ASSERT_EQUAL(p.bytes, 1280);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"what a report may do", test_reports},
		{"forgotten after ten minutes", test_age},
		{"few steps", test_steps},
		{NULL, NULL},
	};

	return harness_run("pmtu", tests);
}
