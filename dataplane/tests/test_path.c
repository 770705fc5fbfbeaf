// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Both paths, packet by packet: bytes and counters. The last test fails when a drop or punt reason
// of the lists was exercised by none of the others.
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <stdio.h>

static void test_all_drops_seen(void)
{
	for (unsigned int r = 0; r < DROP_REASON_COUNT; r++) {
		CU_ASSERT_NOT_EQUAL(path_drops_seen[r], 0);
		if (!path_drops_seen[r])
			fprintf(stderr, "drop reason %s never exercised\n", drop_name(r));
	}
}

static void test_all_punts_seen(void)
{
	for (unsigned int r = 0; r < PUNT_REASON_COUNT; r++) {
		CU_ASSERT_NOT_EQUAL(path_punts_seen[r], 0);
		if (!path_punts_seen[r])
			fprintf(stderr, "punt reason %s never exercised\n", punt_name(r));
	}
}

int main(void)
{
	static const struct harness_test complete[] = {
		{"every drop reason was exercised", test_all_drops_seen},
		{"every punt reason was exercised", test_all_punts_seen},
		{NULL, NULL},
	};
	int failed;

	harness_eal_init(512);
	path_ports_new();
	failed = harness_run("inbound", path_inbound_tests);
	failed |= harness_run("outbound", path_outbound_tests);
	failed |= harness_run("cbc", path_cbc_tests);
	failed |= harness_run("epoch", path_epoch_tests);
	failed |= harness_run("framing", path_framing_tests);
	failed |= harness_run("inner", path_inner_tests);
	failed |= harness_run("subnets", path_subnet_tests);
	failed |= harness_run("hairpin", path_hairpin_tests);
	failed |= harness_run("rings", path_ring_tests);
	failed |= harness_run("complete", complete);
	return failed;
}
