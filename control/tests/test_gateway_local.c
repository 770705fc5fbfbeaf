// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The outside addresses of a gateway: clients that move between them, and what a reload changes.

#include "control/channel/session_priv.h"

#include "control/tests/client_bed.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_byteorder.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// At an IPv6 address, too.
static void set_up(void)
{
	const struct conf_gateway conf = client_bed_conf();

	client_bed_set_up(client_bed_settings(&conf));
	g->locals[5] = (struct gateway_local){
		.gw = g, .addr = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 1}}};
}

static enum session_verdict admit(struct client *c)
{
	struct session_lease lease = {0};

	return client_session_ops.admit(g, c->session, &lease);
}

static struct session_addr address(uint8_t last, uint16_t port)
{
	return (struct session_addr){
		.family = 4, .addr = {198, 51, 100, last}, .port_be = rte_cpu_to_be_16(port)};
}

static bool is_at_local(const struct client *c, struct session_addr a, uint8_t local_id)
{
	struct client_key key = {.family = a.family, .port_be = a.port_be, .local_id = local_id};
	struct client *found;

	memcpy(key.addr, a.addr, sizeof(key.addr));
	memcpy(key.sid, c->key.sid, sizeof(key.sid));
	HASH_FIND(by_key, g->clients, &key, sizeof(key), found);
	return found == c && client_at_address(g, local_id, &a) == c;
}

static bool is_at(const struct client *c, struct session_addr a)
{
	return is_at_local(c, a, 0);
}

static void name_them(struct client *a, const char *name)
{
	snprintf(a->session->info.common_name, sizeof(a->session->info.common_name), "%s", name);
	memset(a->session->info.cert_sha256, name[0], sizeof(a->session->info.cert_sha256));
}

static void moves_to(struct client *c, struct session_addr to, uint8_t local_id)
{
	struct event ev = {.type = EVENT_FLOAT,
		.peer_id = c->peer_id,
		.family = to.family,
		.port_be = to.port_be,
		.local_id = local_id};

	memcpy(ev.addr, to.addr, sizeof(ev.addr));
	gateway_event(c, &ev);
}

// To another address of the gateway, and to the other IP version; two clients behind one address and
// port of a NAT are two.
static void test_float_local(void)
{
	struct session_addr six = {
		.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 9}, .port_be = 7};
	struct session_addr here, link_local = {.family = 6, .addr = {0xfe, 0x80, [15] = 9}};
	struct client *a, *b;
	const struct peer *peer;

	set_up();
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	a = client_bed_begin(1);
	b = client_bed_begin(2);
	name_them(a, "alice");
	name_them(b, "bob");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT);
	here = session_info(a->session)->remote;
	peer = peer_by_id(dp->peers, a->peer_id);
	moves_to(a, here, 1); // not an address of the gateway
	moves_to(a, here, 255);
	moves_to(a, here, 0); // where it is
	g->locals[5].leaving = true;
	moves_to(a, six, 5);
	g->locals[5].leaving = false;
	g->locals[5].pending = true;
	moves_to(a, six, 5);
	g->locals[5].pending = false;
	CU_ASSERT_TRUE(is_at(a, here));
	CU_ASSERT_EQUAL(g->floats, 0);
	moves_to(a, six, 5);
	CU_ASSERT_TRUE(is_at_local(a, six, 5));
	CU_ASSERT_PTR_NULL(client_at_address(g, 0, &here));
	CU_ASSERT_EQUAL(peer->link->family, 6);
	CU_ASSERT_EQUAL(peer->link->local_id, 5);
	CU_ASSERT_EQUAL(memcmp(peer->link->hdr + 8, g->locals[5].addr.addr, 16), 0);
	CU_ASSERT_EQUAL(session_info(a->session)->remote.family, 6);
	// The same place, but for the address of ours.
	g->locals[6] = (struct gateway_local){
		.gw = g, .addr = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 2}}};
	moves_to(b, six, 6);
	CU_ASSERT_TRUE(is_at_local(b, six, 6));
	CU_ASSERT_TRUE(is_at_local(a, six, 5));
	CU_ASSERT_EQUAL(g->floats, 2);
	CU_ASSERT_EQUAL(g->floats_refused, 0);
	moves_to(b, six, 5); // alice is there
	moves_to(b, link_local, 5);
	CU_ASSERT_TRUE(is_at_local(b, six, 6));
	CU_ASSERT_EQUAL(g->floats_refused, 2);
	moves_to(b, six, 5);
	moves_to(a, here, 0); // home again
	CU_ASSERT_TRUE(is_at(a, here));
	CU_ASSERT_EQUAL(peer->link->family, 4);
	client_bed_tear_down();
}

// With tun_mtu: auto an IPv6 client of a gateway that began with IPv4 gets what fits its datagrams.
static void test_tun_mtu_family(void)
{
	struct session_lease lease = {0};
	struct client *c;

	set_up();
	g->tun_mtu = 1448;
	g->link_mtu = 1500;
	c = client_bed_begin(1);
	CU_ASSERT_EQUAL(client_session_ops.admit(g, c->session, &lease), SESSION_ADMIT);
	CU_ASSERT_EQUAL(lease.tun_mtu, 1448);
	c = client_bed_begin(2);
	c->session->info.remote.family = 6;
	CU_ASSERT_EQUAL(client_session_ops.admit(g, c->session, &lease), SESSION_ADMIT);
	CU_ASSERT_EQUAL(lease.tun_mtu, 1428);
	client_bed_tear_down();
}

// Addresses of a reload: what goes away tells its clients and nobody else's, and is in the workers'
// table until they have gone.
static void test_locals_apply(void)
{
	struct dp_endpoint e[DP_LOCALS_MAX];
	const struct session_addr *locals[DP_LOCALS_MAX];
	struct client *stays, *goes;

	set_up();
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	stays = client_bed_begin(1);
	CU_ASSERT_EQUAL(admit(stays), SESSION_ADMIT);
	goes = client_bed_begin(2);
	CU_ASSERT_EQUAL(admit(goes), SESSION_ADMIT);
	moves_to(goes, address(77, 7), 5);
	CU_ASSERT_EQUAL(gateway_locals(g, locals), 2);
	g->locals[3] = (struct gateway_local){
		.gw = g, .pending = true, .addr = {.family = 4, .addr = {192, 0, 2, 3}}};
	CU_ASSERT_EQUAL(gateway_dp_endpoints(g, e), 2);
	settings->conf.endpoint_addr_count = 2;
	settings->conf.endpoint_addrs[1] = (struct conf_addr){.family = 4, .addr = {192, 0, 2, 3}};
	gateway_locals_apply(g, NULL, NULL);
	CU_ASSERT_EQUAL(gateway_locals(g, locals), 2);
	CU_ASSERT_EQUAL(locals[1]->addr[3], 3);
	CU_ASSERT_EQUAL(gateway_dp_endpoints(g, e), 3);
	CU_ASSERT_EQUAL(e[1].local_id, 3);
	CU_ASSERT_FALSE(session_is_closed(stays->session));
	CU_ASSERT_TRUE(g->locals[5].leaving);
	gateway_locals_leave(g, g->locals[5].leave_at_ms);
	CU_ASSERT_PTR_NULL(g->locals[5].gw);
	CU_ASSERT_EQUAL(gateway_session_count(g), 1);
	CU_ASSERT_EQUAL(gateway_dp_endpoints(g, e), 2);
	CU_ASSERT_FALSE(gateway_locals_leave(g, UINT64_MAX));
	client_bed_tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"a client may move to another address of ours", test_float_local},
		{"tun mtu by the client's IP version", test_tun_mtu_family},
		{"addresses come and go by a reload", test_locals_apply},
		{NULL, NULL},
	};

	return client_bed_run("gateway_local", tests);
}
