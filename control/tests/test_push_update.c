// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// PUSH_UPDATE: from one list of options to another, for every kind of option there is, and its parts
// when it is long.

#include "control/channel/push_update.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct push push;
static char then[PUSH_TEXT_BYTES];

#define TAIL "ping 10,peer-id 7,ifconfig 10.8.0.6 255.255.255.0"

static const struct {
	const char *told, *now;
	const char *update; // NULL: none
	const char *live, *later;
} rows[] = {
	{"route 10.1.0.0 255.255.0.0," TAIL, "route 10.1.0.0 255.255.0.0," TAIL, NULL, "", ""},
	// Lists of routes: the whole new one, or its removal; their order means nothing.
	{"route 10.1.0.0 255.255.0.0," TAIL,
		"route 10.1.0.0 255.255.0.0,route 10.2.0.0 255.255.0.0," TAIL,
		"PUSH_UPDATE,route 10.1.0.0 255.255.0.0,route 10.2.0.0 255.255.0.0", "route", ""},
	{"route 10.1.0.0,route 10.2.0.0," TAIL, TAIL, "PUSH_UPDATE,-route", "route", ""},
	{"route 10.1.0.0,route 10.2.0.0", "route 10.2.0.0,route 10.1.0.0", NULL, "", ""},
	{"route-ipv6 fd01::/64", "route-ipv6 fd02::/64", "PUSH_UPDATE,route-ipv6 fd02::/64",
		"route-ipv6", ""},
	{"route-ipv6 fd01::/64,route 10.1.0.0", "route 10.1.0.0", "PUSH_UPDATE,-route-ipv6",
		"route-ipv6", ""},
	// A client forgets with its routes that all traffic goes through the tunnel.
	{"route 10.1.0.0,redirect-gateway def1", "route 10.2.0.0,redirect-gateway def1",
		"PUSH_UPDATE,route 10.2.0.0,redirect-gateway def1", "route", ""},
	{"route-ipv6 fd01::/64,redirect-gateway def1 ipv6", "redirect-gateway def1 ipv6",
		"PUSH_UPDATE,-route-ipv6,redirect-gateway def1 ipv6", "route-ipv6", ""},
	{"route 10.1.0.0,redirect-gateway def1", "route 10.1.0.0", "PUSH_UPDATE,-redirect-gateway",
		"redirect-gateway", ""},
	{"route 10.1.0.0", "redirect-private def1,route 10.1.0.0",
		"PUSH_UPDATE,redirect-private def1", "redirect-gateway", ""},
	{"redirect-gateway def1", "redirect-gateway def1 ipv6",
		"PUSH_UPDATE,redirect-gateway def1 ipv6", "redirect-gateway", ""},
	// DNS: in order; both spellings together, `dns` first, for it clears what came before.
	{"dhcp-option DNS 10.1.0.53,dns server 1 address 10.1.0.53",
		"dhcp-option DNS 10.1.0.54,dns server 1 address 10.1.0.54",
		"PUSH_UPDATE,dns server 1 address 10.1.0.54,dhcp-option DNS 10.1.0.54",
		"dns, dhcp-option", ""},
	{"dhcp-option DNS 10.1.0.53,dhcp-option DNS 10.1.0.54",
		"dhcp-option DNS 10.1.0.54,dhcp-option DNS 10.1.0.53",
		"PUSH_UPDATE,-dns,dhcp-option DNS 10.1.0.54,dhcp-option DNS 10.1.0.53",
		"dhcp-option", ""},
	{"dhcp-option DOMAIN a.example,dns search-domains a.example", "route 10.1.0.0",
		"PUSH_UPDATE,route 10.1.0.0,-dns,-dhcp-option", "route, dns, dhcp-option", ""},
	{"dhcp-option DNS 10.1.0.53,dns server 1 address 10.1.0.53", "dhcp-option DNS 10.1.0.53",
		"PUSH_UPDATE,-dns,dhcp-option DNS 10.1.0.53", "dns", ""},
	{"dns search-domains a.example",
		"dns search-domains b.example,dns search-domains a.example",
		"PUSH_UPDATE,dns search-domains b.example,dns search-domains a.example", "dns", ""},
	{"dns server 1 address 10.1.0.53", "", "PUSH_UPDATE,-dns", "dns", ""},
	// One value each.
	{"route-gateway 10.8.0.1", "route-gateway 10.8.0.2", "PUSH_UPDATE,route-gateway 10.8.0.2",
		"route-gateway", ""},
	{"route-metric 5", "", "PUSH_UPDATE,-route-metric", "route-metric", ""},
	{"", "route-metric 5,route-gateway 10.8.0.1,route 10.1.0.0",
		"PUSH_UPDATE,route-gateway 10.8.0.1,route-metric 5,route 10.1.0.0",
		"route-gateway, route-metric, route", ""},
	{"tun-mtu 1420", "tun-mtu 1400", "PUSH_UPDATE,tun-mtu 1400", "tun-mtu", ""},
	{"tun-mtu 1420", "", "PUSH_UPDATE,-tun-mtu", "tun-mtu", ""},
	{"", "block-ipv6", "PUSH_UPDATE,block-ipv6", "block-ipv6", ""},
	{"block-outside-dns", "", "PUSH_UPDATE,-block-outside-dns", "block-outside-dns", ""},
	// What no update can carry.
	{"ping 10,ping-restart 60", "ping 5,ping-restart 30", NULL, "", "ping, ping-restart"},
	{"route 10.1.0.0,ping 10", "route 10.2.0.0,ping 5", "PUSH_UPDATE,route 10.2.0.0", "route",
		"ping"},
	{"inactive 600", "session-timeout 3600", NULL, "", "inactive, session-timeout"},
	{"topology net30,ifconfig 10.8.0.6 10.8.0.5",
		"topology subnet,ifconfig 10.8.0.6 255.255.255.0", NULL, "", "topology, ifconfig"},
	{"setenv-safe A 1", "setenv-safe A 2", NULL, "", "setenv-safe"},
	{"", "keepalive 10 60", NULL, "", "keepalive"},
	// A name is a whole word.
	{"route-metric 5", "route-metric 5,routes 1,dnss x", NULL, "", "routes, dnss"},
};

static void test_rows(void)
{
	struct push_change c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(push_change_find(&c, rows[i].told, rows[i].now), 0);
		CU_ASSERT_STRING_EQUAL(c.live, rows[i].live);
		CU_ASSERT_STRING_EQUAL(c.later, rows[i].later);
		CU_ASSERT_EQUAL_FATAL(
			push_update_compose(&push, then, rows[i].told, rows[i].now), 0);
		CU_ASSERT_EQUAL(push.count, rows[i].update ? 1 : 0);
		if (rows[i].update)
			CU_ASSERT_STRING_EQUAL(push.part[0], rows[i].update);
		// What is left is only what no update carries, and says the same again.
		CU_ASSERT_EQUAL(push_change_find(&c, then, rows[i].now), 0);
		CU_ASSERT_STRING_EQUAL(c.live, "");
		CU_ASSERT_STRING_EQUAL(c.later, rows[i].later);
	}
}

// There and back: nothing of the other state is left.
static void test_back(void)
{
	char again[PUSH_TEXT_BYTES];
	struct push_change c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(push_update_compose(&push, then, rows[i].told, rows[i].now), 0);
		CU_ASSERT_EQUAL(push_update_compose(&push, again, then, rows[i].told), 0);
		CU_ASSERT_EQUAL(push_change_find(&c, again, rows[i].told), 0);
		CU_ASSERT_STRING_EQUAL(c.live, "");
		CU_ASSERT_STRING_EQUAL(c.later, "");
	}
}

static void test_parts(void)
{
	static char now[PUSH_TEXT_BYTES], text[PUSH_TEXT_BYTES];
	size_t n = 0;

	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(
			now + n, sizeof(now) - n, "%sroute 10.%d.0.0 255.255.0.0", i ? "," : "", i);
	CU_ASSERT_EQUAL_FATAL(push_update_compose(&push, then, "", now), 0);
	CU_ASSERT_TRUE(push.count > 4);
	for (unsigned int i = 0; i < push.count; i++) {
		const char *tail = i + 1 < push.count ? ",push-continuation 2"
						      : ",push-continuation 1";
		size_t len = strnlen(push.part[i], PUSH_PART_BYTES);

		CU_ASSERT_FATAL(len < PUSH_PART_BYTES);
		CU_ASSERT_EQUAL(strncmp(push.part[i], "PUSH_UPDATE,route ", 18), 0);
		CU_ASSERT_STRING_EQUAL(push.part[i] + len - strlen(tail), tail);
	}
	push_text(&push, text);
	CU_ASSERT_STRING_EQUAL(text, now);
	CU_ASSERT_STRING_EQUAL(then, now);
	// And again from the text: what a client that asks twice is told.
	CU_ASSERT_EQUAL(push_from_text(&push, "PUSH_REPLY", text), 0);
	CU_ASSERT_EQUAL(strncmp(push.part[0], "PUSH_REPLY,route 10.0.0.0 ", 26), 0);
	push_text(&push, now);
	CU_ASSERT_STRING_EQUAL(text, now);
}

static void test_too_much(void)
{
	static char now[4 * PUSH_TEXT_BYTES];
	char option[PUSH_OPTION_BYTES + 1];
	size_t n = 0;

	// Longer than a client reads.
	memset(option, 'x', sizeof(option));
	memcpy(option, "route ", 6);
	option[PUSH_OPTION_BYTES] = '\0';
	CU_ASSERT_EQUAL(push_update_compose(&push, then, "", option), -EMSGSIZE);
	option[PUSH_OPTION_BYTES - 1] = '\0';
	CU_ASSERT_EQUAL(push_update_compose(&push, then, "", option), 0);
	// More of them than there can be.
	for (int i = 0; i < 1025; i++)
		n += (size_t)snprintf(now + n, sizeof(now) - n, "x,");
	CU_ASSERT_EQUAL(push_update_compose(&push, then, "", now), -EMSGSIZE);
	n = 0;
	// More than all parts hold.
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(now + n, sizeof(now) - n, "%s%s", i ? "," : "", option);
	CU_ASSERT_EQUAL(push_update_compose(&push, then, "", now), -EMSGSIZE);
}

static void test_names(void)
{
	char names[PUSH_NAMES_BYTES] = "", longest[PUSH_OPTION_BYTES];

	push_names_add(names, "route 10.1.0.0", 5);
	push_names_add(names, "route-ipv6", 10);
	push_names_add(names, "route", 5);
	CU_ASSERT_STRING_EQUAL(names, "route, route-ipv6");
	memset(longest, 'y', sizeof(longest));
	push_names_add(names, longest, sizeof(longest));
	CU_ASSERT_EQUAL(strlen(names), strlen("route, route-ipv6, ") + 60);
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "name%d", i);
		push_names_add(names, name, strlen(name));
		CU_ASSERT_TRUE_FATAL(strnlen(names, sizeof(names)) < sizeof(names));
	}
	CU_ASSERT_STRING_EQUAL(names + strlen(names) - 5, ", ...");
	CU_ASSERT_PTR_NULL(strstr(names, "..., "));
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"every kind of option", test_rows},
		{"there and back", test_back},
		{"parts", test_parts},
		{"too much", test_too_much},
		{"lists of names", test_names},
		{NULL, NULL},
	};

	return harness_run("push_update", tests);
}
