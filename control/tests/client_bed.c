// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/tests/client_bed.h"

#include "dataplane/crypto.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dp *dp;
struct worker *worker;
struct gateway *g;
struct gateway_settings *settings;
struct client *by_peer[PEERS];
struct test_pki *pki;

struct conf_gateway client_bed_conf(void)
{
	return (struct conf_gateway){.name = "gw1",
		.endpoint_addr_count = 1,
		.endpoint_addrs = {{.family = 4, .addr = {192, 0, 2, 1}}},
		.client_cidr = {.family = 4, .len = 24, .addr = {10, 8}},
		.max_connections = 2,
		.hand_window_s = 60};
}

struct gateway_settings *client_bed_settings(const struct conf_gateway *conf)
{
	struct conf_gateway gw = *conf;
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

void client_bed_set_up(struct gateway_settings *with)
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
	settings = with;
	settings->session.arg = g;
	g->settings = settings;
	g->locals[0] = (struct gateway_local){
		.gw = g, .addr = {.family = 4, .addr = {192, 0, 2, 1}}};
	g->tun_mtu = 1400;
	g->pool = ippool_new(
		&settings->conf.client_cidr, &settings->conf.client_cidr6, CONF_TOPOLOGY_SUBNET);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->pool);
}

void client_bed_tear_down(void)
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

struct client_key client_bed_key(uint8_t third, uint8_t last)
{
	return (struct client_key){
		.family = 4, .port_be = 4242, .addr = {198, 51, third, last}, .sid = {last, third}};
}

// NULL: no room.
struct client *client_bed_begin_at(uint8_t third, uint8_t last)
{
	const struct session_addr remote = {
		.family = 4, .addr = {198, 51, third, last}, .port_be = 4242};
	const struct session_start start = {
		.remote_sid = {last, third}, .own_sid = {7, last, third}};
	struct client_key key = client_bed_key(third, last);

	return client_new(g, &remote, &key, &start);
}

struct client *client_bed_begin(uint8_t last)
{
	struct client *c = client_bed_begin_at(100, last);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

struct client *client_bed_client(uint8_t third, uint8_t last)
{
	struct client_key key = client_bed_key(third, last);
	struct client *c;

	HASH_FIND(by_key, g->clients, &key, sizeof(key), c);
	return c;
}

int client_bed_run(const char *suite, const struct harness_test *tests)
{
	const char *why;
	int rc;

	harness_eal_init(256);
	if (crypto_init(&why))
		return 1;
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	rc = harness_run(suite, tests);
	test_pki_free(pki);
	return rc;
}
