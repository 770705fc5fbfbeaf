// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The outside addresses of a gateway: clients that move between them, and what a reload changes.

#include "control/gateway_priv.h"
#include "control/channel/session_priv.h"

#include "control/tests/test_pki.h"
#include "dataplane/crypto.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_byteorder.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS 24 // an id comes back only when workers have drained

static struct dp *dp;
static struct worker *worker;
static struct gateway *g;
static struct gateway_settings *settings;
static struct client *by_peer[PEERS];
static struct test_pki *pki;

static struct gateway_settings *settings_new(void)
{
	struct conf_gateway gw = {.name = "gw1",
		.endpoint_addr_count = 1,
		.endpoint_addrs = {{.family = 4, .addr = {192, 0, 2, 1}}},
		.client_cidr = {.family = 4, .len = 24, .addr = {10, 8}},
		.max_connections = 2,
		.hand_window_s = 60};
	char err[256];
	struct gateway_settings *s;

	snprintf(gw.ca, sizeof(gw.ca), "%s", test_pki_path(pki, "ca.crt"));
	snprintf(gw.cert, sizeof(gw.cert), "%s", test_pki_path(pki, "server.crt"));
	snprintf(gw.key, sizeof(gw.key), "%s", test_pki_path(pki, "server.key"));
	s = gateway_settings_load(&gw, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	s->session.arg = g;
	return s;
}

static void set_up(void)
{
	const struct dp_limits limits = {.peers_max = PEERS,
		.routes_max = 64,
		.gateways_max = 2,
		.worker_count = 1,
		.mbufs = 1024};
	const struct fabric_ops ops = {0};
	const struct conf conf = {0};

	memset(by_peer, 0, sizeof(by_peer));
	dp = dp_new(&limits);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
	worker = worker_new(dp, 0, rte_lcore_id(), WORKER_POLL_BUSY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(worker);
	g = calloc(1, sizeof(*g));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	g->tun_fd = -1;
	g->limit = handshake_limit_new(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->limit);
	g->env = (struct gateway_env){
		.loop = ev_default_loop(EVFLAG_AUTO), .dp = dp, .client_by_peer = by_peer};
	g->env.publish = publish_new(dp);
	g->env.fabric = fabric_open(&conf, g->env.loop, dp, g->env.publish, NULL, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->env.fabric);
	g->env.pool = pool_new(g->env.loop, 1, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->env.pool);
	CU_ASSERT_EQUAL_FATAL(fabric_domain(g->env.fabric, ""), 0);
	settings = settings_new();
	g->settings = settings;
	g->locals[0] = (struct gateway_local){
		.gw = g, .addr = {.family = 4, .addr = {192, 0, 2, 1}}};
	g->locals[5] = (struct gateway_local){
		.gw = g, .addr = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 1}}};
	g->tun_mtu = 1400;
	g->pool = ippool_new(
		&settings->conf.client_cidr, &settings->conf.client_cidr6, CONF_TOPOLOGY_SUBNET);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->pool);
}

static void tear_down(void)
{
	struct fabric *fabric = g->env.fabric;
	struct publish *publish = g->env.publish;
	struct pool *pool = g->env.pool;

	gateway_close(g);
	pool_free(pool);
	fabric_close(fabric);
	publish_free(publish);
	worker_free(worker);
	dp_free(dp);
}

static struct client_key key_at(uint8_t third, uint8_t last)
{
	return (struct client_key){
		.family = 4, .port_be = 4242, .addr = {198, 51, third, last}, .sid = {last, third}};
}

// NULL: no room.
static struct client *begin_at(uint8_t third, uint8_t last)
{
	const struct session_addr remote = {
		.family = 4, .addr = {198, 51, third, last}, .port_be = 4242};
	const struct session_start start = {
		.remote_sid = {last, third}, .own_sid = {7, last, third}};
	struct client_key key = key_at(third, last);

	return client_new(g, &remote, &key, &start);
}

static struct client *begin(uint8_t last)
{
	struct client *c = begin_at(100, last);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
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
	a = begin(1);
	b = begin(2);
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
	tear_down();
}

// With tun_mtu: auto an IPv6 client of a gateway that began with IPv4 gets what fits its datagrams.
static void test_tun_mtu_family(void)
{
	struct session_lease lease = {0};
	struct client *c;

	set_up();
	g->tun_mtu = 1448;
	g->link_mtu = 1500;
	c = begin(1);
	CU_ASSERT_EQUAL(client_session_ops.admit(g, c->session, &lease), SESSION_ADMIT);
	CU_ASSERT_EQUAL(lease.tun_mtu, 1448);
	c = begin(2);
	c->session->info.remote.family = 6;
	CU_ASSERT_EQUAL(client_session_ops.admit(g, c->session, &lease), SESSION_ADMIT);
	CU_ASSERT_EQUAL(lease.tun_mtu, 1428);
	tear_down();
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
	stays = begin(1);
	CU_ASSERT_EQUAL(admit(stays), SESSION_ADMIT);
	goes = begin(2);
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
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"a client may move to another address of ours", test_float_local},
		{"tun mtu by the client's IP version", test_tun_mtu_family},
		{"addresses come and go by a reload", test_locals_apply},
		{NULL, NULL},
	};
	const char *why;
	int rc;

	harness_eal_init(256);
	if (crypto_init(&why))
		return 1;
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	rc = harness_run("gateway_local", tests);
	test_pki_free(pki);
	return rc;
}
