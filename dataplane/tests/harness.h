// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What unit tests share: DPDK without hugepages, root or devices, and the CUnit runner.
//
//	int main(void)
//	{
//		static const struct harness_test tests[] = {
//			{"accepts each id once", test_once},
//			{NULL, NULL},
//		};
//
//		harness_eal_init(256);
//		return harness_run("pktid", tests);
//	}
#pragma once

#include <stddef.h>

struct harness_test {
	const char *name;
	void (*run)(void);
};

// Starts EAL with mem_mb of ordinary memory, one lcore and no devices; further arguments
// ("--vdev=net_null0") are appended up to NULL. Exits with status 1 when EAL does not start.
void harness_eal_init_args(unsigned int mem_mb, const char *const *args);

static inline void harness_eal_init(unsigned int mem_mb)
{
	harness_eal_init_args(mem_mb, NULL);
}

// Runs the tests up to the one without a name; returns the exit status of the test program.
int harness_run(const char *suite, const struct harness_test *tests);

// Bytes of a string of hex digits (blanks are skipped); returns how many. At most max.
size_t harness_hex(const char *hex, void *out, size_t max);
