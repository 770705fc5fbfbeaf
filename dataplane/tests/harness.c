// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/tests/harness.h"

#include <CUnit/Basic.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 32

static char *kept[ARGS_MAX];

static void add(char **argv, int *argc, const char *arg)
{
	if (*argc >= ARGS_MAX) {
		fprintf(stderr, "harness: more than %d EAL arguments\n", ARGS_MAX);
		exit(1);
	}
	// EAL goes on using the strings, and moves the pointers in argv about.
	kept[*argc] = strdup(arg);
	argv[*argc] = kept[*argc];
	(*argc)++;
}

void harness_eal_init_args(unsigned int mem_mb, const char *const *args)
{
	static char *argv[ARGS_MAX + 1];
	char mem[16], prefix[48], lcores[32];
	int argc = 0;

	snprintf(mem, sizeof(mem), "%u", mem_mb);
	snprintf(prefix, sizeof(prefix), "--file-prefix=unit%d", (int)getpid());
	// Lcore 0 floats over all CPUs: tests run side by side.
	snprintf(lcores, sizeof(lcores), "0@0-%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
	add(argv, &argc, "unit");
	add(argv, &argc, "--no-huge");
	add(argv, &argc, "--no-shconf");
	add(argv, &argc, "--no-pci");
	add(argv, &argc, "--no-telemetry");
	add(argv, &argc, "--log-level=error");
	add(argv, &argc, prefix);
	add(argv, &argc, "-m");
	add(argv, &argc, mem);
	add(argv, &argc, "--lcores");
	add(argv, &argc, lcores);
	for (; args && *args; args++)
		add(argv, &argc, *args);
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "harness: rte_eal_init: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
}

int harness_run(const char *suite, const struct harness_test *tests)
{
	unsigned int failures;
	CU_pSuite s;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite(suite, NULL, NULL);
	if (!s)
		return 1;
	for (; tests->name; tests++)
		if (!CU_add_test(s, tests->name, tests->run))
			return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}

static unsigned int nibble(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned int)(c - '0');
	return (unsigned int)(tolower((unsigned char)c) - 'a') + 10;
}

size_t harness_hex(const char *hex, void *out, size_t max)
{
	uint8_t *bytes = out;
	size_t digits = 0;

	for (; *hex && digits / 2 < max; hex++) {
		if (!isxdigit((unsigned char)*hex))
			continue;
		if (digits % 2 == 0)
			bytes[digits / 2] = (uint8_t)(nibble(*hex) << 4);
		else
			bytes[digits / 2] |= (uint8_t)nibble(*hex);
		digits++;
	}
	return digits / 2;
}
