// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The addresses a gateway listens on: short and long forms, every error once, clashes of two
// gateways.

#include "control/conf/conf.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#define EIGHT \
	"192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, 192.0.2.7, " \
	"\"2001:db8::8\""

// The endpoint of gw1 is on line 6, that of gw2 on line 13.
static struct conf *parse(const char *one, const char *two, struct conf_error *err)
{
	static const char head[] = "interfaces:\n"
				   "  - {name: eth0, side: outside}\n"
				   "  - {name: eth1, side: inside}\n"
				   "gateways:\n";
	static const char gateway[] = "  - name: gw%d\n"
				      "    endpoint: %s\n"
				      "    netns: ns%d\n"
				      "    ca: ca.crt\n"
				      "    cert: s.crt\n"
				      "    key: s.key\n"
				      "    client_cidr: 10.8.0.0/24\n";
	char text[2048];
	int len;

	memset(err, 0, sizeof(*err));
	len = snprintf(text, sizeof(text), "%s", head);
	len += snprintf(text + len, sizeof(text) - (size_t)len, gateway, 1, one, 1);
	if (two)
		snprintf(text + len, sizeof(text) - (size_t)len, gateway, 2, two, 2);
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

static const struct {
	const char *one, *two, *error;
} rows[] = {
	{"{address: 0.0.0.0}", NULL,
		"6:25: gateway gw1: endpoint.address: \"0.0.0.0\" is not supported yet: name the "
		"addresses one by one, at most 8"},
	{"{address: \"::\"}", NULL,
		"6:25: gateway gw1: endpoint.address: \"::\" is not supported yet: name the "
		"addresses one by one, at most 8"},
	{"{address: [192.0.2.1, \"*\"]}", NULL,
		"6:37: gateway gw1: endpoint.address: \"*\" is not supported yet: name the "
		"addresses one by one, at most 8"},
	{"{address: [192.0.2.1, \"fe80::1\"]}", NULL,
		"6:37: gateway gw1: endpoint.address must not be link-local, got \"fe80::1\""},
	{"{address: 224.0.0.1}", NULL,
		"6:25: gateway gw1: endpoint.address must be an IPv4 or IPv6 unicast address, got "
		"\"224.0.0.1\""},
	{"{address: \"::ffff:192.0.2.1\"}", NULL,
		"6:25: gateway gw1: endpoint.address must be an IPv4 or IPv6 unicast address, got "
		"\"::ffff:192.0.2.1\""},
	{"{address: 192.0.2.1, port: 70000}", NULL,
		"6:42: gateway gw1: endpoint.port must be 1..65535, got \"70000\""},
	{"{port: 1194}", NULL, "6:15: gateway gw1: endpoint.address is missing"},
	{"{address: []}", NULL,
		"6:25: gateway gw1: endpoint.address must be at least one address, got none"},
	{"{address: {a: b}}", NULL,
		"6:25: gateway gw1: endpoint.address must be an IPv4 or IPv6 unicast address, got a "
		"mapping"},
	{"{address: [192.0.2.1, 192.0.2.2, 192.0.2.1]}", NULL,
		"6:48: gateway gw1: endpoint.address has \"192.0.2.1\" twice"},
	{"{address: [" EIGHT ", 192.0.2.9]}", NULL,
		"6:118: gateway gw1: endpoint.address must be at most 8 entries, got one more: \"192.0.2.9\""},
	{"{address: [192.0.2.1, 192.0.2.2]}", "{address: [192.0.2.3, 192.0.2.2]}",
		"13:15: gateway gw2: endpoint must be unique, got 192.0.2.2 port 1194 of gateway gw1 "
		"again"},
};

static void test_errors(void)
{
	struct conf_error err;
	struct conf *c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = parse(rows[i].one, rows[i].two, &err);
		CU_ASSERT_PTR_NULL(c);
		conf_free(c);
		CU_ASSERT_EQUAL(strncmp(err.text, "sluice.yaml:", 12), 0);
		if (strcmp(err.text + 12, rows[i].error))
			printf("\n  want %s\n  got  %s\n", rows[i].error, err.text + 12);
		CU_ASSERT_STRING_EQUAL(err.text + 12, rows[i].error);
	}
}

static void test_forms(void)
{
	static const char *const forms[] = {"{address: 192.0.2.1}", "{address: [192.0.2.1]}"};
	struct conf_error err;
	struct conf *c;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		c = parse(forms[i], "{address: 192.0.2.1, port: 1195}", &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_EQUAL(c->gateways[0].endpoint_addr_count, 1);
		CU_ASSERT_EQUAL(c->gateways[0].endpoint_addrs[0].addr[3], 1);
		CU_ASSERT_EQUAL(c->gateways[0].endpoint_port, 1194);
		conf_free(c);
	}
	c = parse("{address: [" EIGHT "]}", "{address: [192.0.2.9, \"2001:db8::9\"]}", &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->gateways[0].endpoint_addr_count, 8);
	CU_ASSERT_EQUAL(c->gateways[0].endpoint_addrs[6].addr[3], 7);
	CU_ASSERT_EQUAL(c->gateways[0].endpoint_addrs[7].family, 6);
	CU_ASSERT_EQUAL(c->gateways[1].endpoint_addr_count, 2);
	conf_free(c);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"errors", test_errors},
		{"forms", test_forms},
		{NULL, NULL},
	};

	return harness_run("conf_endpoint", tests);
}
