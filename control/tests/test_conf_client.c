// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of single clients in the configuration: what they come to, and every error once.

#include "control/conf/conf.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

static const char head[] = "interfaces:\n"
			   "  - {name: eth0, side: outside}\n"
			   "  - {name: eth1, side: inside}\n"
			   "gateways:\n"
			   "  - name: gw1\n"
			   "    endpoint: {address: 192.0.2.1, port: 1194}\n"
			   "    ca: ca.crt\n"
			   "    cert: s.crt\n"
			   "    key: s.key\n"
			   "    local_networks: [10.1.0.0/16]\n"
			   "    max_connections: 5\n"; // line 11
#define CIDR "    client_cidr: 10.8.0.0/24\n"
#define CIDR6 "    client_cidr6: fd00:8::/64\n"
#define LIST "    clients:\n"

static char text[64 * 1024];

static struct conf *parse(const char *tail, struct conf_error *err)
{
	memset(err, 0, sizeof(*err));
	snprintf(text, sizeof(text), "%s%s", head, tail);
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

static void test_values(void)
{
	struct conf_error err;
	struct conf *c = parse(CIDR CIDR6 LIST "      - name: Alice Example\n"
					       "        address: 10.8.0.50\n"
					       "        address6: fd00:8::50\n"
					       "        push: [\"dhcp-option DNS 10.1.0.9\"]\n"
					       "        push_remove: [redirect-gateway, inactive]\n"
					       "      - {name: bob, disabled: yes}\n",
		&err);
	const struct conf_client *own;

	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->warning_count, 0);
	CU_ASSERT_EQUAL_FATAL(c->gateways[0].client_count, 2);
	own = conf_client_by_name(&c->gateways[0], "Alice Example");
	CU_ASSERT_PTR_EQUAL_FATAL(own, &c->gateways[0].clients[0]);
	CU_ASSERT_EQUAL(own->address.family, 4);
	CU_ASSERT_EQUAL(own->address.addr[3], 50);
	CU_ASSERT_EQUAL(own->address6.family, 6);
	CU_ASSERT_EQUAL(own->address6.addr[15], 0x50);
	CU_ASSERT_EQUAL(own->push_count, 1);
	CU_ASSERT_STRING_EQUAL(own->push[0].text, "dhcp-option DNS 10.1.0.9");
	CU_ASSERT_EQUAL(own->push_remove_count, 2);
	CU_ASSERT_FALSE(own->disabled);
	CU_ASSERT_EQUAL(own->line, 15);
	CU_ASSERT_TRUE(c->gateways[0].clients[1].disabled);
	CU_ASSERT_PTR_NULL(conf_client_by_name(&c->gateways[0], "carol"));
	conf_free(c);
	c = parse(CIDR "    clients: []\n", &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->gateways[0].client_count, 0);
	conf_free(c);
}

static const struct {
	const char *tail, *error;
} rows[] = {
	{CIDR "    clients: alice\n",
		"13:14: gateway gw1: clients must be a list of mappings, as many as 0..4096, got "
		"\"alice\""},
	{CIDR LIST "      - alice\n",
		"14:9: gateway gw1: client 1: must be a mapping of options, got \"alice\""},
	{CIDR LIST "      - {address: 10.8.0.9}\n", "14:9: gateway gw1: client 1: name is missing"},
	{CIDR LIST "      - {name: \"\"}\n",
		"14:16: gateway gw1: client 1: name must be 1..64 characters, got \"\""},
	{CIDR LIST "      - {name: bob, color: blue}\n",
		"14:21: gateway gw1: client bob: unknown option \"color\", the nearest one is "
		"\"name\""},
	{CIDR LIST "      - {name: bob, disabled: maybe}\n",
		"14:31: gateway gw1: client bob: disabled must be yes or no, got \"maybe\""},
	{CIDR LIST "      - {name: bob}\n      - {name: bob}\n",
		"15:16: gateway gw1: client bob: name must be unique, got the one of line 14 again"},
	// Places of the gateway, of the network and of everybody.
	{CIDR LIST "      - {name: bob, address: 10.8.0.1}\n",
		"14:30: gateway gw1: client bob: address must be one of 10.8.0.2..10.8.0.254 (the "
		"gateway has the one before), got \"10.8.0.1\""},
	{CIDR LIST "      - {name: bob, address: 10.8.0.0}\n",
		"14:30: gateway gw1: client bob: address must be one of 10.8.0.2..10.8.0.254 (the "
		"gateway has the one before), got \"10.8.0.0\""},
	{CIDR LIST "      - {name: bob, address: 10.8.0.255}\n",
		"14:30: gateway gw1: client bob: address must be one of 10.8.0.2..10.8.0.254 (the "
		"gateway has the one before), got \"10.8.0.255\""},
	{CIDR LIST "      - {name: bob, address: 10.9.0.9}\n",
		"14:30: gateway gw1: client bob: address must be one of 10.8.0.2..10.8.0.254 (the "
		"gateway has the one before), got \"10.9.0.9\""},
	{CIDR LIST "      - {name: bob, address: \"fd00:8::9\"}\n",
		"14:30: gateway gw1: client bob: address must be one of 10.8.0.2..10.8.0.254 (the "
		"gateway has the one before), got \"fd00:8::9\""},
	{CIDR LIST "      - {name: bob, address: 10.8.0}\n",
		"14:30: gateway gw1: client bob: address must be an IPv4 or IPv6 unicast address, "
		"got \"10.8.0\""},
	{CIDR6 LIST "      - {name: bob, address: 10.8.0.9}\n",
		"14:30: gateway gw1: client bob: address must be absent without client_cidr, got "
		"\"10.8.0.9\""},
	{CIDR "    topology: net30\n" LIST "      - {name: bob, address: 10.8.0.9}\n",
		"15:30: gateway gw1: client bob: address must be one of every fourth address "
		"10.8.0.6..10.8.0.254 (topology net30), got \"10.8.0.9\""},
	{CIDR "    topology: net30\n" LIST "      - {name: bob, address: 10.8.0.2}\n",
		"15:30: gateway gw1: client bob: address must be one of every fourth address "
		"10.8.0.6..10.8.0.254 (topology net30), got \"10.8.0.2\""},
	{CIDR LIST "      - {name: bob, address: 10.8.0.9}\n"
		   "      - {name: eve, address: 10.8.0.9}\n",
		"15:30: gateway gw1: client eve: address must be unique, got \"10.8.0.9\" of client "
		"bob again"},
	{CIDR LIST "      - {name: bob, address6: \"fd00:8::9\"}\n",
		"14:31: gateway gw1: client bob: address6 must be absent without client_cidr6, got "
		"\"fd00:8::9\""},
	{CIDR6 LIST "      - {name: bob, address6: \"fd00:8::1\"}\n",
		"14:31: gateway gw1: client bob: address6 must be an address of fd00:8::/64 from the "
		"third one on (the gateway has the second), got \"fd00:8::1\""},
	{CIDR6 LIST "      - {name: bob, address6: \"fd00:8::\"}\n",
		"14:31: gateway gw1: client bob: address6 must be an address of fd00:8::/64 from the "
		"third one on (the gateway has the second), got \"fd00:8::\""},
	{CIDR6 LIST "      - {name: bob, address6: \"fd00:9::9\"}\n",
		"14:31: gateway gw1: client bob: address6 must be an address of fd00:8::/64 from the "
		"third one on (the gateway has the second), got \"fd00:9::9\""},
	{CIDR6 LIST "      - {name: bob, address6: \"fd00:8::9\"}\n"
		    "      - {name: eve, address6: \"fd00:8:0::9\"}\n",
		"15:31: gateway gw1: client eve: address6 must be unique, got \"fd00:8::9\" of "
		"client bob again"},
	{CIDR LIST "      - {name: bob, push: [peer-id 3]}\n",
		"14:27: gateway gw1: client bob: push must leave out what the gateway pushes itself, "
		"got \"peer-id 3\""},
	{CIDR LIST "      - {name: bob, push_remove: [ifconfig]}\n",
		"14:34: gateway gw1: client bob: push_remove must leave \"ifconfig\" alone, got "
		"\"ifconfig\""},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_error err;
		struct conf *c = parse(rows[i].tail, &err);
		char want[512];

		snprintf(want, sizeof(want), "sluice.yaml:%s", rows[i].error);
		CU_ASSERT_PTR_NULL(c);
		if (strcmp(err.text, want) != 0)
			fprintf(stderr, "expected: %s\n     got: %s\n", want, err.text);
		CU_ASSERT_STRING_EQUAL(err.text, want);
		conf_free(c);
	}
}

static void test_places(void)
{
	static const char *const tails[] = {
		CIDR LIST
		"      - {name: a, address: 10.8.0.2}\n      - {name: b, address: 10.8.0.254}\n",
		CIDR "    topology: p2p\n" LIST "      - {name: a, address: 10.8.0.3}\n",
		CIDR
		"    topology: net30\n" LIST
		"      - {name: a, address: 10.8.0.6}\n      - {name: b, address: 10.8.0.254}\n",
		CIDR6 LIST "      - {name: a, address6: \"fd00:8::2\"}\n"
			   "      - {name: b, address6: \"fd00:8:0:0:ffff:ffff:ffff:ffff\"}\n",
	};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct conf_error err;
		struct conf *c = parse(tails[i], &err);

		CU_ASSERT_STRING_EQUAL(err.text, "");
		conf_free(c);
	}
}

// What docs/sluice.yaml.example says of clients.
static void test_example(void)
{
	struct conf_error err = {0};
	FILE *f = fopen(SOURCE_DIR "/docs/sluice.yaml.example", "r");
	const struct conf_client *own;
	struct conf *c;
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	c = conf_parse(text, len, "/etc/sluice/sluice.yaml", &err);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(c->gateways[0].client_count, 2);
	own = &c->gateways[0].clients[0];
	CU_ASSERT_STRING_EQUAL(own->name, "blue-branch");
	CU_ASSERT_EQUAL(own->address.addr[3], 50);
	CU_ASSERT_EQUAL(own->address6.addr[15], 0x50);
	CU_ASSERT_EQUAL(own->push_count, 1);
	CU_ASSERT_STRING_EQUAL(own->push_remove[0].text, "setenv-safe");
	CU_ASSERT_TRUE(c->gateways[0].clients[1].disabled);
	conf_free(c);
}

static void test_warning(void)
{
	struct conf_error err;
	struct conf *c = parse(CIDR LIST "      - {name: bob, push: [mssfix 1300]}\n", &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(c->warning_count, 1);
	CU_ASSERT_STRING_EQUAL(c->warnings[0],
		"sluice.yaml:14:27: gateway gw1: client bob: clients take no such option from a "
		"server: \"mssfix 1300\"");
	conf_free(c);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"values", test_values},
		{"errors", test_errors},
		{"first and last places", test_places},
		{"warning", test_warning},
		{"example", test_example},
		{NULL, NULL},
	};

	return harness_run("conf_client", tests);
}
