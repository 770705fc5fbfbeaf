// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// VLANs of an interface: both forms, the kernel interface they stand for, each error.

#include "control/conf/conf.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096

static const char base[] = "workers: 1\n"                      // 1
			   "# two interfaces, two gateways\n"  // 2
			   "interfaces:\n"                     // 3
			   "  - {name: eth0, side: outside}\n" // 4
			   "  - {name: eth1, side: inside}\n"  // 5
			   "gateways:\n"
			   "  - name: gw1\n"
			   "    endpoint: {address: 192.0.2.1, port: 1194}\n"
			   "    ca: ca.crt\n"
			   "    cert: s.crt\n"
			   "    key: s.key\n"
			   "    client_cidr: 10.8.0.0/24\n"
			   "    local_networks: [10.1.0.0/16]\n";

// base with the first `find` replaced.
static char *changed(const char *find, const char *replace)
{
	static char text[TEXT_MAX];
	const char *at = strstr(base, find);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(
		text, sizeof(text), "%.*s%s%s", (int)(at - base), base, replace, at + strlen(find));
	return text;
}

static struct conf *parse(const char *text, struct conf_error *err)
{
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

static const struct {
	const char *find, *replace, *error;
} errors[] = {
	{"inside}", "inside, vlans: {4095: blue}}",
		"5:40: interface eth1: vlans must have VLAN tags 1..4094, got \"4095\""},
	{"inside}", "inside, vlans: {100: a/b}}",
		"5:45: interface eth1: vlans.100.netns must be the name of a namespace (ip netns), "
		"1..63 characters without slash, got \"a/b\""},
	{"inside}", "inside, vlans: {100: [a]}}",
		"5:45: interface eth1: vlans.100.netns must be the name of a namespace (ip netns), "
		"1..63 characters without slash, got a list"},
	{"inside}", "inside, vlans: {100: {netns: a/b}}}",
		"5:53: interface eth1: vlans.100.netns must be the name of a namespace (ip netns), "
		"1..63 characters without slash, got \"a/b\""},
	{"inside}", "inside, vlans: {100: {interface: eth1.100.blue.tenant}}}",
		"5:57: interface eth1: vlans.100.interface must be 1..15 characters without space, "
		"slash and colon, got \"eth1.100.blue.tenant\""},
	{"inside}", "inside, vlans: {100: {netnz: blue}}}",
		"5:46: interface eth1: unknown option \"vlans.100.netnz\", the nearest one is "
		"\"netns\""},
	{"inside}", "inside, vlans: {1: blue, 2: {netns: blue, interface: eth1.1}}}",
		"5:77: interface eth1: vlans.2.interface must be unique in its namespace, got "
		"\"eth1.1\" of VLAN 1 of interface eth1 again"},
	{"inside}", "inside, vlans: {100: {interface: eth0}}}",
		"5:57: interface eth1: vlans.100.interface must not be an interface of its own, "
		"got \"eth0\" of line 4"},
	{"name: eth1, side: inside}", "name: interface123, side: inside, vlans: {100: blue}}",
		"5:53: interface interface123: vlans.100.interface must be given, since "
		"interface123.100 is longer than 15 characters"},
	{"inside}", "inside, vlans: {100: a, 100: b}}",
		"5:48: \"100\" is given twice, first in line 5"},
	{"inside}", "inside, vlans: 100}",
		"5:39: interface eth1: vlans must be a mapping of VLAN tag to namespace or "
		"options, got \"100\""},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct conf_error err = {""};
		char expected[1024];

		snprintf(expected, sizeof(expected), "sluice.yaml:%s", errors[i].error);
		CU_ASSERT_PTR_NULL(parse(changed(errors[i].find, errors[i].replace), &err));
		if (strcmp(err.text, expected) != 0)
			printf("\n    expected: %s\n         got: %s\n", expected, err.text);
		CU_ASSERT_STRING_EQUAL(err.text, expected);
	}
}

static void test_vlans(void)
{
	struct conf_error err;
	struct conf *c = parse(
		changed("  - {name: eth1, side: inside}\n",
			"  - name: eth1\n    side: both\n"
			"    vlans: {1: {}, 2: {interface: a}, 4094: {netns: b}, 3: b}\n"
			"  - {name: /s, side: inside, driver: memif, exception: x, vlans: {1: c}}\n"
			"  - {name: /t, side: inside, driver: memif, vlans: {1: c}}\n"),
		&err);
	const struct conf_vlan *v;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(c->interfaces[1].vlan_count, 4);
	v = c->interfaces[1].vlans;
	CU_ASSERT_EQUAL(v[2].id, 4094);
	CU_ASSERT_STRING_EQUAL(v[0].netns, "");
	CU_ASSERT_STRING_EQUAL(v[1].netns, "");
	CU_ASSERT_STRING_EQUAL(v[2].netns, "b");
	CU_ASSERT_STRING_EQUAL(v[3].netns, "b");
	CU_ASSERT_STRING_EQUAL(v[0].interface, "eth1.1");
	CU_ASSERT_STRING_EQUAL(v[1].interface, "a");
	CU_ASSERT_STRING_EQUAL(v[2].interface, "eth1.4094");
	CU_ASSERT_STRING_EQUAL(v[3].interface, "eth1.3");
	CU_ASSERT_STRING_EQUAL(c->interfaces[2].vlans[0].interface, "x.1");
	CU_ASSERT_STRING_EQUAL(c->interfaces[3].vlans[0].interface, "");
	conf_free(c);
}

// The gateway of `text` with namespaces of its own: the number of warnings about them.
static size_t domain_warnings(const char *text)
{
	char more[TEXT_MAX + 64];
	struct conf_error err;
	struct conf *c;
	size_t count;

	snprintf(more, sizeof(more), "%s    netns: b\n    link_netns: a\n", text);
	c = parse(more, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	count = c->warning_count;
	conf_free(c);
	return count;
}

// A VLAN reaches its namespace, from the outside as from the inside.
static void test_vlan_domains(void)
{
	CU_ASSERT_EQUAL(domain_warnings(base), 2);
	CU_ASSERT_EQUAL(
		domain_warnings(changed("side: outside}", "side: outside, vlans: {1: a, 2: b}}")),
		1);
	CU_ASSERT_EQUAL(
		domain_warnings(changed("side: inside}", "side: inside, vlans: {1: a, 2: b}}")), 1);
	CU_ASSERT_EQUAL(
		domain_warnings(changed("side: inside}", "side: both, vlans: {1: a, 2: b}}")), 0);
}

int main(void)
{
	static const struct harness_test list[] = {
		{"every error", test_errors},
		{"both forms", test_vlans},
		{"namespaces", test_vlan_domains},
		{NULL, NULL},
	};

	return harness_run("conf_vlan", list);
}
