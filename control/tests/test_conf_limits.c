// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a configuration may have at most: texts that are too long to stand in a table.

#include "control/conf/conf.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char text[4 << 20];
static size_t len;

static void add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	len += (size_t)vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	CU_ASSERT_FATAL(len < sizeof(text));
}

static void expect(const char *want)
{
	struct conf_error err = {0};
	struct conf *c = conf_parse(text, len, "sluice.yaml", &err);

	CU_ASSERT_PTR_NULL(c);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, want));
	if (!strstr(err.text, want))
		fprintf(stderr, "got: %s\n", err.text);
	conf_free(c);
	len = 0;
}

static void test_tree(void)
{
	for (int i = 0; i < 513; i++)
		add("k%d: 1\n", i);
	expect("mapping has more than 512 entries");
	add("interfaces:\n");
	for (int i = 0; i < 400000; i++)
		add("- 1\n");
	expect("too many values");
}

static void test_vlans(void)
{
	add("interfaces:\n  - name: eth0\n    side: inside\n    vlans:\n");
	for (int i = 1; i <= CONF_VLANS_MAX; i++)
		add("      %d: ns%d\n", i, i);
	add("      %d: one-too-many\n", CONF_VLANS_MAX + 1);
	expect("interface eth0: vlans must be at most 256 entries, got one more: \"257\"");
}

static void test_clients(void)
{
	add("interfaces:\n  - {name: eth0, side: outside}\n  - {name: eth1, side: inside}\n"
	    "gateways:\n");
	for (int i = 1; i <= 161; i++)
		add("  - name: gw%d\n    endpoint: {address: 192.0.2.1, port: %d}\n    netns: ns%d\n"
		    "    ca: ca.crt\n    cert: s.crt\n    key: s.key\n    client_cidr: 10.8.0.0/15\n"
		    "    local_networks: [10.64.0.0/16]\n    max_connections: 100000\n",
			i, 1000 + i, i);
	expect("max_connections of all gateways must be at most 16000000, got 16100000");
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"values", test_tree},
		{"VLANs", test_vlans},
		{"clients of all gateways", test_clients},
		{NULL, NULL},
	};

	return harness_run("conf limits", tests);
}
