// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of single clients in a gateway: who is given which address, who is turned away, and what a
// reload does to those who are connected.

#include "control/channel/session_priv.h"

#include "control/tests/client_bed.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// alice has an address of either family, bob an IPv4 address only.
static const struct conf_client usual[] = {
	{.name = "alice",
		.address = {4, {10, 8, 0, 2}},
		.address6 = {6, {0xfd, 0, 0, 8, [15] = 0x77}}},
	{.name = "bob", .address = {4, {10, 8, 0, 4}}},
};

static void send_nowhere(void *arg, struct session *s, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	(void)len;
}

static struct gateway_settings *settings_of(const struct conf_client *clients, size_t count)
{
	struct conf_client list[8];
	struct conf_gateway gw = client_bed_conf();
	static struct session_ops ops;
	struct gateway_settings *s;

	gw.client_cidr.len = 29;
	gw.client_cidr6 = (struct conf_prefix){.family = 6, .len = 64, .addr = {0xfd, 0, 0, 8}};
	gw.max_connections = 8;
	gw.duplicate_cn = CONF_DUPLICATE_ALLOW;
	gw.client_count = count;
	gw.clients = list;
	memcpy(list, clients, count * sizeof(list[0]));
	s = client_bed_settings(&gw);
	memset(list, 0xff, sizeof(list)); // the settings have their own
	ops = client_session_ops;
	ops.send = send_nowhere; // there is no socket
	s->session.ops = &ops;
	return s;
}

static void set_up(void)
{
	client_bed_set_up(settings_of(usual, 2));
	gateway_addresses_reserve(g);
}

static struct client *begin(const char *name)
{
	static uint8_t serial;
	struct client *c = client_bed_begin(++serial);
	snprintf(c->session->info.common_name, sizeof(c->session->info.common_name), "%s", name);
	return c;
}

// As the session would, which remembers its lease.
static enum session_verdict admit(struct client *c)
{
	enum session_verdict v = client_session_ops.admit(g, c->session, &c->session->lease);

	c->session->admitted = v == SESSION_ADMIT;
	return v;
}

static unsigned int last4(const struct client *c)
{
	return session_lease(c->session) ? session_lease(c->session)->vpn4[3] : 0;
}

static void test_addresses(void)
{
	struct client *alice, *bob, *other[3];

	set_up();
	// The pool has 10.8.0.2 to .6, two of which are theirs.
	for (unsigned int i = 0; i < 3; i++) {
		static const uint8_t want[] = {3, 5, 6};

		other[i] = begin(i ? "dave" : "carol");
		CU_ASSERT_EQUAL(admit(other[i]), SESSION_ADMIT);
		CU_ASSERT_EQUAL(last4(other[i]), want[i]);
		CU_ASSERT_PTR_NULL(session_lease(other[i]->session)->client);
	}
	CU_ASSERT_EQUAL(admit(begin("erin")), SESSION_REFUSE_NO_ADDRESS);
	alice = begin("alice");
	CU_ASSERT_EQUAL(admit(alice), SESSION_ADMIT);
	CU_ASSERT_EQUAL(last4(alice), 2);
	CU_ASSERT_EQUAL(session_lease(alice->session)->vpn6[15], 0x77);
	CU_ASSERT_EQUAL(session_lease(alice->session)->far4[3], 1);
	CU_ASSERT_PTR_EQUAL(session_lease(alice->session)->client, &g->settings->conf.clients[0]);
	CU_ASSERT_EQUAL(alice->pool_entry, IPPOOL_NONE);
	// bob's IPv6 address comes from the pool, which has none left.
	bob = begin("bob");
	CU_ASSERT_EQUAL(admit(bob), SESSION_REFUSE_NO_ADDRESS);
	client_free(other[0]);
	CU_ASSERT_EQUAL(admit(bob), SESSION_ADMIT);
	CU_ASSERT_EQUAL(last4(bob), 4);
	CU_ASSERT_EQUAL(session_lease(bob->session)->vpn6[14], 0x10);
	client_free(bob);
	CU_ASSERT_EQUAL(ippool_used(g->pool), 2);
	client_bed_tear_down();
}

// An address is there once, even where certificates may connect twice.
static void test_alone(void)
{
	struct client *a, *b;

	set_up();
	a = begin("alice");
	b = begin("alice");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT);
	CU_ASSERT_FALSE(a->admitted);
	CU_ASSERT_EQUAL(last4(b), 2);
	a = begin("carol");
	b = begin("carol");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT);
	CU_ASSERT_TRUE(a->admitted);
	client_bed_tear_down();
}

static void test_disabled(void)
{
	struct conf_client list[] = {usual[0], usual[1]};
	struct client *a, *b, *late;

	set_up();
	a = begin("alice");
	b = begin("bob");
	late = begin("bob");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT);
	list[1].disabled = true;
	gateway_settings_apply(g, settings_of(list, 2));
	CU_ASSERT_EQUAL(admit(late), SESSION_REFUSE_DISABLED); // began before that
	CU_ASSERT_TRUE(a->admitted);
	CU_ASSERT_EQUAL(g->admitted_count, 1);
	CU_ASSERT_EQUAL(admit(begin("bob")), SESSION_REFUSE_DISABLED);
	CU_ASSERT_EQUAL(g->admitted_count, 1);
	gateway_settings_apply(g, settings_of(usual, 2));
	CU_ASSERT_EQUAL(admit(begin("bob")), SESSION_ADMIT);
	client_bed_tear_down();
}

// A reload gives to one what another has, and takes nothing else from anybody.
static void test_reload(void)
{
	struct conf_client list[] = {usual[0], usual[1],
		{.name = "erin",
			.address = {4, {10, 8, 0, 3}},
			.address6 = {6, {0xfd, 0, 0, 8, [15] = 0x78}}}};
	struct gateway_client_changes n;
	struct client *alice, *carol, *dave;
	struct gateway_settings *s;

	set_up();
	alice = begin("alice");
	carol = begin("carol");
	dave = begin("dave");
	CU_ASSERT_EQUAL(admit(alice), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(carol), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(dave), SESSION_ADMIT);
	CU_ASSERT_EQUAL(last4(carol), 3);
	list[0].line = 99; // where it stands is no matter
	s = settings_of(list, 3);
	gateway_client_changes(g, s, &n);
	CU_ASSERT_EQUAL(n.moved, 1);
	CU_ASSERT_EQUAL(n.later, 0);
	CU_ASSERT_EQUAL(n.disabled, 0);
	gateway_settings_apply(g, s);
	CU_ASSERT_TRUE(alice->admitted && dave->admitted);
	CU_ASSERT_EQUAL(g->admitted_count, 2);
	CU_ASSERT_EQUAL(admit(begin("erin")), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(carol = begin("carol")), SESSION_ADMIT);
	CU_ASSERT_EQUAL(last4(carol), 6);
	// Other options: for whoever comes back.
	snprintf(list[0].push[0].text, CONF_LINE_BYTES, "echo hello");
	list[0].push_count = 1;
	s = settings_of(list, 3);
	gateway_client_changes(g, s, &n);
	CU_ASSERT_EQUAL(n.later, 1);
	CU_ASSERT_EQUAL(n.moved, 0);
	gateway_settings_apply(g, s);
	CU_ASSERT_EQUAL(alice->options->push_count, 0);
	CU_ASSERT_EQUAL(g->admitted_count, 4);
	client_bed_tear_down();
}

// The one who has an address that a reload gave away has not left yet.
static void test_in_use(void)
{
	struct conf_client list[] = {{.name = "erin", .address = {4, {10, 8, 0, 3}}}};
	struct client *carol, *erin;

	set_up();
	carol = begin("carol");
	CU_ASSERT_EQUAL(admit(carol), SESSION_ADMIT);
	CU_ASSERT_EQUAL(last4(carol), 3);
	gateway_settings_put(g->settings);
	g->settings = settings_of(list, 1);
	erin = begin("erin");
	CU_ASSERT_EQUAL(admit(erin), SESSION_REFUSE_ADDRESS_IN_USE);
	client_free(carol);
	CU_ASSERT_EQUAL(admit(erin), SESSION_ADMIT);
	client_bed_tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"addresses of their own, and of the pool", test_addresses},
		{"an address is there once", test_alone},
		{"who is disabled is turned away", test_disabled},
		{"a reload moves whom it must", test_reload},
		{"an address that is still in use", test_in_use},
		{NULL, NULL},
	};

	return client_bed_run("client_options", tests);
}
