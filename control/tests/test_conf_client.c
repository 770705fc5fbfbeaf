// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of single clients in the configuration: what they come to, and every error once.

#include "control/conf/conf.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <stdlib.h>
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

static char text[1 << 20];

static struct conf *parse(const char *tail, struct conf_error *err)
{
	memset(err, 0, sizeof(*err));
	snprintf(text, sizeof(text), "%s%s", head, tail);
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

static void test_values(void)
{
	struct conf_error err;
	struct conf *c = parse(CIDR CIDR6 LIST
		"      - name: Alice Example\n"
		"        address: 10.8.0.50\n"
		"        address6: fd00:8::50\n"
		"        subnets: [192.168.7.0/24, \"fd00:77::/48\"]\n"
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
	CU_ASSERT_EQUAL_FATAL(own->subnet_count, 2);
	CU_ASSERT_EQUAL(own->subnets[1].len, 48);
	CU_ASSERT_EQUAL(conf_subnets_count(c), 2);
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
	// Subnets: what they are, and what they must keep clear of.
	{CIDR LIST "      - {name: bob, subnets: [10.7.0.1/24]}\n",
		"14:31: gateway gw1: client bob: subnets must be a network: did you mean 10.7.0.0/24? "
		"Bits are set behind the prefix length, got \"10.7.0.1/24\""},
	{CIDR LIST "      - {name: bob, subnets: [0.0.0.0/0]}\n",
		"14:30: gateway gw1: client bob: subnets must be networks of prefix length 8..32 "
		"(IPv4) or 16..128 (IPv6), got \"0.0.0.0/0\""},
	{CIDR6 LIST "      - {name: bob, subnets: [\"fd00::/15\"]}\n",
		"14:30: gateway gw1: client bob: subnets must be networks of prefix length 8..32 "
		"(IPv4) or 16..128 (IPv6), got \"fd00::/15\""},
	{CIDR LIST "      - {name: bob, subnets: [224.0.0.0/24]}\n",
		"14:30: gateway gw1: client bob: subnets must be unicast networks with a route, got "
		"\"224.0.0.0/24\""},
	{CIDR6 LIST "      - {name: bob, subnets: [\"fe80::/64\"]}\n",
		"14:30: gateway gw1: client bob: subnets must be unicast networks with a route, got "
		"\"fe80::/64\""},
	{CIDR LIST "      - {name: bob, subnets: [\"fd00:77::/64\"]}\n",
		"14:30: gateway gw1: client bob: subnets must be of the family of client_cidr, got "
		"\"fd00:77::/64\""},
	{CIDR6 LIST "      - {name: bob, subnets: [10.7.0.0/24]}\n",
		"14:30: gateway gw1: client bob: subnets must be of the family of client_cidr6, got "
		"\"10.7.0.0/24\""},
	{CIDR LIST "      - {name: bob, subnets: [10.8.0.128/25]}\n",
		"14:30: gateway gw1: client bob: subnets must not overlap client_cidr 10.8.0.0/24, "
		"got \"10.8.0.128/25\""},
	{CIDR CIDR6 LIST "      - {name: bob, subnets: [\"fd00:8::/48\"]}\n",
		"15:30: gateway gw1: client bob: subnets must not overlap client_cidr6 fd00:8::/64, "
		"got \"fd00:8::/48\""},
	{CIDR LIST "      - {name: bob, subnets: [10.7.0.0/24, 10.1.7.0/24]}\n",
		"14:30: gateway gw1: client bob: subnets must not overlap local network 10.1.0.0/16, "
		"got \"10.1.7.0/24\""},
	{CIDR LIST "      - {name: bob, subnets: [10.7.0.0/24, 10.7.0.0/24]}\n",
		"14:44: gateway gw1: client bob: subnets has \"10.7.0.0/24\" twice"},
	{CIDR LIST "      - {name: bob, subnets: [10.7.0.0/24, 10.7.0.0/16]}\n",
		"14:30: gateway gw1: client bob: subnets must not overlap 10.7.0.0/24 of client bob, "
		"got \"10.7.0.0/16\""},
	{CIDR LIST "      - {name: bob, subnets: [10.7.0.0/24]}\n"
		   "      - {name: eve, subnets: [10.6.0.0/16, 10.7.0.64/26]}\n",
		"15:30: gateway gw1: client eve: subnets must not overlap 10.7.0.0/24 of client bob, "
		"got \"10.7.0.64/26\""},
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

// Gateways of one routing domain against each other; those of others do not matter.
static void test_gateways(void)
{
	static const struct {
		const char *second, *error;
	} cases[] = {
		{"    client_cidr: 10.9.0.0/24\n" LIST
		 "      - {name: eve, subnets: [10.7.0.0/16]}\n",
			"sluice.yaml:22:7: gateway gw2: clients must not overlap subnet 10.7.0.0/24 "
			"of client bob of gateway gw1 in the same routing domain, got "
			"\"10.7.0.0/16\" of client eve"},
		{"    client_cidr: 10.9.0.0/24\n" LIST
		 "      - {name: eve, subnets: [10.8.0.0/24]}\n",
			"sluice.yaml:22:7: gateway gw2: clients must not overlap the client network "
			"10.8.0.0/24 of gateway gw1 in the same routing domain, got subnet "
			"\"10.8.0.0/24\" of client eve"},
		{"    client_cidr: 10.7.0.0/23\n",
			"sluice.yaml:20:18: gateway gw2: client_cidr must not overlap subnet "
			"10.7.0.0/24 of client bob of gateway gw1 in the same routing domain, got "
			"\"10.7.0.0/23\""},
		{"    client_cidr: 10.7.0.0/23\n    netns: blue\n", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_error err;
		char tail[2048];
		struct conf *c;

		snprintf(tail, sizeof(tail),
			CIDR LIST "      - {name: bob, subnets: [10.7.0.0/24]}\n"
				  "  - name: gw2\n"
				  "    endpoint: {address: 192.0.2.1, port: 1195}\n"
				  "    ca: ca.crt\n"
				  "    cert: s.crt\n"
				  "    key: s.key\n%s"
				  "    local_networks: [10.2.0.0/16]\n"
				  "    max_connections: 5\n",
			cases[i].second);
		c = parse(tail, &err);
		if (strcmp(err.text, cases[i].error) != 0)
			fprintf(stderr, "expected: %s\n     got: %s\n", cases[i].error, err.text);
		CU_ASSERT_STRING_EQUAL(err.text, cases[i].error);
		conf_free(c);
	}
}

static void test_many(void)
{
	struct conf_error err;
	size_t len = 0;
	char *tail = malloc(1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tail);
	len += (size_t)sprintf(tail + len, CIDR LIST "      - name: bob\n        subnets:\n");
	for (unsigned int i = 0; i <= CONF_SUBNETS_MAX; i++)
		len += (size_t)sprintf(tail + len, "          - 11.0.%u.0/24\n", i);
	CU_ASSERT_PTR_NULL(parse(tail, &err));
	CU_ASSERT_STRING_EQUAL(err.text,
		"sluice.yaml:80:13: gateway gw1: client bob: subnets must be at most 64 entries, got "
		"one more: \"11.0.64.0/24\"");
	len = (size_t)sprintf(tail, CIDR LIST);
	for (unsigned int i = 0; i <= CONF_SUBNETS_ALL; i++) {
		if (i % CONF_SUBNETS_MAX == 0)
			len += (size_t)sprintf(
				tail + len, "      - name: c%u\n        subnets:\n", i);
		len += (size_t)sprintf(tail + len, "          - 11.%u.%u.0/24\n", i / 256, i % 256);
	}
	CU_ASSERT_PTR_NULL(parse(tail, &err));
	CU_ASSERT_STRING_EQUAL(err.text,
		"sluice.yaml:5:3: subnets of all clients of all gateways must be at most 8192, got "
		"8193");
	// Fewer, but pushed to each client.
	for (unsigned int removed = 0; removed < 2; removed++) {
		struct conf *c;

		len = (size_t)sprintf(tail, CIDR "    client_to_client: yes\n%s" LIST,
			removed ? "    push_remove: [\"route \"]\n" : "");
		for (unsigned int i = 0; i <= CONF_SUBNETS_PUSH; i++) {
			if (i % CONF_SUBNETS_MAX == 0)
				len += (size_t)sprintf(
					tail + len, "      - name: c%u\n        subnets:\n", i);
			len += (size_t)sprintf(
				tail + len, "          - 11.%u.%u.0/24\n", i / 256, i % 256);
		}
		c = parse(tail, &err);
		CU_ASSERT_STRING_EQUAL(err.text,
			removed ? ""
				: "sluice.yaml:13:23: gateway gw1: client_to_client must be without "
				  "more than 256 subnets behind clients, got 257 to push "
				  "(push_remove: [\"route \"] leaves them out)");
		conf_free(c);
	}
	free(tail);
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
	CU_ASSERT_FALSE(c->gateways[0].client_to_client);
	CU_ASSERT_EQUAL_FATAL(c->gateways[0].client_count, 2);
	own = &c->gateways[0].clients[0];
	CU_ASSERT_STRING_EQUAL(own->name, "blue-branch");
	CU_ASSERT_EQUAL(own->address.addr[3], 50);
	CU_ASSERT_EQUAL(own->address6.addr[15], 0x50);
	CU_ASSERT_EQUAL(own->subnet_count, 2);
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
		{"beside other gateways", test_gateways},
		{"as many as there may be", test_many},
		{"first and last places", test_places},
		{"warning", test_warning},
		{"example", test_example},
		{NULL, NULL},
	};

	return harness_run("conf_client", tests);
}
