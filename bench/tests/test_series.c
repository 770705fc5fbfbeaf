// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/series.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

static void test_ranks(void)
{
	struct series s = {0};

	CU_ASSERT_EQUAL(series_median(&s), 0);
	CU_ASSERT_EQUAL(series_max(&s), 0);
	series_add(&s, 7);
	CU_ASSERT_EQUAL(series_median(&s), 7);
	CU_ASSERT_EQUAL(series_min(&s), 7);
	series_add(&s, 1);
	series_add(&s, 100);
	CU_ASSERT_EQUAL(series_median(&s), 7);
	CU_ASSERT_EQUAL(series_min(&s), 1);
	CU_ASSERT_EQUAL(series_max(&s), 100);
	// Asking does not change the order in which rounds came.
	CU_ASSERT_EQUAL(s.value[0], 7);
}

static void test_full(void)
{
	struct series s = {0};

	for (unsigned int i = 0; i < SERIES_MAX + 5; i++)
		series_add(&s, i);
	CU_ASSERT_EQUAL(s.n, SERIES_MAX);
	CU_ASSERT_EQUAL(series_max(&s), SERIES_MAX - 1);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"median, least and most of the rounds", test_ranks},
		{"more rounds than there is room for", test_full},
		{NULL, NULL},
	};

	return harness_run("series", tests);
}
