// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a reload says and does about clients that are connected: who is told what, who keeps what,
// who has to connect again. Their sessions have exchanged no keys: what they are told stays in their
// queues, where these tests read it.

#include "control/gateway_priv.h"
#include "control/node.h"

#include "control/channel/push.h"
#include "control/channel/session_priv.h"
#include "control/tests/test_pki.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PEERS 256
#define PROTO_26 (PEER_PROTO_DATA_V2 | PEER_PROTO_TLS_KEY_EXPORT)
#define PROTO_27 (PROTO_26 | PEER_PROTO_PUSH_UPDATE)

static struct test_pki *pki;
static struct node node;
static struct gateway *g;
static struct client *by_peer[PEERS];
static struct node_reload_report report;

// A file with one gateway, or with none of that name; lines: its further options.
static void file_write(const char *name, const char *lines)
{
	FILE *f = fopen(test_pki_path(pki, "sluice.yaml"), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"workers: 1\n"
		"interfaces:\n"
		"  - {name: eth0, side: outside}\n"
		"  - {name: eth1, side: inside}\n"
		"gateways:\n"
		"  - name: %s\n"
		"    endpoint: {address: 192.0.2.1}\n"
		"    client_cidr: 10.8.0.0/24\n",
		name);
	fprintf(f, "    ca: %s\n", test_pki_path(pki, "ca.crt"));
	fprintf(f, "    cert: %s\n", test_pki_path(pki, "server.crt"));
	fprintf(f, "    key: %s\n%s", test_pki_path(pki, "server.key"), lines);
	fclose(f);
}

static void gateway_make(const struct conf_gateway *gw)
{
	char err[256];

	g = calloc(1, sizeof(*g));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	g->env = node_gateway_env(&node);
	g->id = (uint16_t)publish_gateway_id_get(node.publish);
	g->tun_fd = -1;
	g->tun_mtu = 1400;
	g->limit = handshake_limit_new(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->limit);
	g->settings = gateway_settings_load(gw, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->settings);
	g->settings->session.arg = g;
	g->locals[0] = (struct gateway_local){.gw = g,
		.addr = {.family = 4,
			.addr = {192, 0, 2, 1},
			.port_be = rte_cpu_to_be_16(gw->endpoint_port)}};
	g->pool = ippool_new(&gw->client_cidr, &gw->client_cidr6, gw->topology);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->pool);
	node.gateways[g->id] = g;
}

static void set_up(const char *lines)
{
	const struct dp_limits limits = {.peers_max = PEERS,
		.routes_max = 64,
		.gateways_max = 3,
		.worker_count = 1,
		.mbufs = 1024};
	const struct fabric_ops ops = {0};
	const struct conf none = {0};
	struct conf_error err;

	memset(&node, 0, sizeof(node));
	file_write("gw1", lines);
	node.conf = conf_load(test_pki_path(pki, "sluice.yaml"), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.conf);
	node.half_open.max = node.conf->max_handshakes;
	node.loop = ev_default_loop(EVFLAG_AUTO);
	node.dp = dp_new(&limits);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.dp);
	CU_ASSERT_PTR_NOT_NULL_FATAL(worker_new(node.dp, 0, rte_lcore_id(), WORKER_POLL_BUSY));
	node.client_by_peer = by_peer;
	node.publish = publish_new(node.dp);
	node.fabric = fabric_open(&none, node.loop, node.dp, node.publish, NULL, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.fabric);
	CU_ASSERT_EQUAL_FATAL(fabric_domain(node.fabric, ""), 0);
	gateway_make(&node.conf->gateways[0]);
}

static void tear_down(void)
{
	gateway_close(g);
	fabric_close(node.fabric);
	publish_free(node.publish);
	worker_free(node.dp->workers[0]);
	dp_free(node.dp);
	conf_free(node.conf);
}

// A client in the middle of its handshake.
static struct client *begin(const char *name, uint32_t proto)
{
	static uint8_t last;
	struct session_addr remote = {.family = 4, .addr = {198, 51, 100, ++last}, .port_be = 4242};
	struct session_start start = {.remote_sid = {last}, .own_sid = {7, last}};
	struct client_key key = {.family = 4, .port_be = 4242, .sid = {last}};
	struct client *c;
	struct session *s;

	memcpy(key.addr, remote.addr, sizeof(key.addr));
	c = client_new(g, &remote, &key, &start);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	s = c->session;
	snprintf(s->info.common_name, sizeof(s->info.common_name), "%s", name);
	s->peer = (struct peer_info){.proto = proto, .ncp = 2};
	s->ncp = (struct ncp_choice){.cipher = CIPHER_AES_256_GCM, .push = true};
	return c;
}

static void connect_now(struct client *c)
{
	static char text[PUSH_TEXT_BYTES];
	struct session *s = c->session;
	struct push p;

	CU_ASSERT_EQUAL_FATAL(client_session_ops.admit(g, s, &s->lease), SESSION_ADMIT);
	s->admitted = true;
	CU_ASSERT_EQUAL_FATAL(push_compose(&p, s->cfg->gw, &s->lease, &s->peer, &s->ncp), 0);
	push_text(&p, text);
	s->told = strdup(text);
	s->phase = SESSION_CONNECTED;
	s->info.connected_ms = 1;
	s->info.reload = s->cfg->reload;
	client_session_ops.connected(g, s);
}

static struct client *client(const char *name, uint32_t proto)
{
	struct client *c = begin(name, proto);

	connect_now(c);
	return c;
}

static void reload(unsigned int how, const char *text)
{
	node_reload_how(&node, how, &report);
	CU_ASSERT(report.ok);
	CU_ASSERT_STRING_EQUAL(report.text, text);
}

#define ONE "    local_networks: [10.1.0.0/16]\n"
#define TWO "    local_networks: [10.1.0.0/16, 10.2.0.0/16]\n"
#define ROUTES_TWO "PUSH_UPDATE,route 10.1.0.0 255.255.0.0,route 10.2.0.0 255.255.0.0"

static const char *queued(const struct client *c)
{
	return c->session->queue ? c->session->queue->text : "";
}

static void test_told(void)
{
	struct client *alice, *bob, *late;

	set_up(ONE);
	// Nobody is connected, or nothing concerns those who are: no line.
	file_write("gw1", TWO);
	reload(0, "reload 1 done: new settings hold for sessions to come\n");
	alice = client("alice", PROTO_27);
	bob = client("bob", PROTO_26);
	late = begin("late", PROTO_27);
	CU_ASSERT_EQUAL(alice->session->info.reload, 1);
	file_write("gw1", TWO "    reneg_sec: 600s\n");
	reload(0, "reload 2 done: new settings hold for sessions to come\n");
	CU_ASSERT_EQUAL(alice->session->info.reload, 2);
	CU_ASSERT_EQUAL(bob->session->info.reload, 2);
	CU_ASSERT_STRING_EQUAL(queued(alice), "");
	file_write("gw1", ONE);
	reload(0,
		"gateway gw1: 1 client got the new settings, 1 client keeps the old ones until it "
		"reconnects: bob (route)\n"
		"reload 3 done: new settings hold for sessions to come\n");
	CU_ASSERT_EQUAL(alice->session->info.reload, 3);
	CU_ASSERT_STRING_EQUAL(queued(alice), "PUSH_UPDATE,route 10.1.0.0 255.255.0.0");
	CU_ASSERT_EQUAL(bob->session->info.reload, 2);
	CU_ASSERT_STRING_EQUAL(bob->session->info.outdated, "route");
	CU_ASSERT_STRING_EQUAL(queued(bob), "");
	// Whose handshake began under other settings is told as soon as it is connected.
	connect_now(late);
	CU_ASSERT_STRING_EQUAL(queued(late), "");
	client_settle(late);
	CU_ASSERT_STRING_EQUAL(queued(late), "PUSH_UPDATE,route 10.1.0.0 255.255.0.0");
	CU_ASSERT_EQUAL(late->session->info.reload, 3);
	tear_down();
}

static void test_restart(void)
{
	struct client *alice, *bob;
	const char *why;

	set_up(ONE);
	alice = client("alice", PROTO_27);
	bob = begin("bob", PROTO_27);
	bob->session->ncp.cipher = CIPHER_CHACHA20_POLY1305;
	connect_now(bob);
	file_write("gw1", TWO);
	reload(NODE_RELOAD_RESTART, "gateway gw1: 2 clients got the new settings\n"
				    "reload 1 done: new settings hold for sessions to come\n");
	CU_ASSERT_STRING_EQUAL(queued(alice), ROUTES_TWO);
	CU_ASSERT_STRING_EQUAL(queued(bob), ROUTES_TWO);
	file_write("gw1", ONE "    data_ciphers: AES-256-GCM\n");
	reload(NODE_RELOAD_RESTART,
		"gateway gw1: 1 client got the new settings, 1 client was told to reconnect: bob "
		"(cipher)\n"
		"reload 2 done: new settings hold for sessions to come\n");
	CU_ASSERT(session_is_connected(alice->session));
	CU_ASSERT_EQUAL(bob->session->phase, SESSION_LEAVING);
	CU_ASSERT_EQUAL(g->admitted_count, 1);
	// "RESTART,[P]disconnected by reload 2 at 10:14:03: cipher changed"
	why = bob->session->farewell;
	CU_ASSERT_EQUAL(strncmp(why, "RESTART,[P]disconnected by reload 2 at ", 39), 0);
	CU_ASSERT_STRING_EQUAL(why + 39 + 8, ": cipher changed");
	CU_ASSERT(why[41] == ':' && why[44] == ':');
	tear_down();
}

// A check says the same and does nothing.
static void test_check(void)
{
	struct client *alice, *bob;

	set_up(ONE);
	alice = client("alice", PROTO_27);
	bob = client("bob", PROTO_26);
	file_write("gw1", TWO);
	reload(NODE_RELOAD_CHECK,
		"gateway gw1: 1 client would get the new settings, 1 client would keep "
		"the old ones until it reconnects: bob (route)\n"
		"nothing was changed: this was a check\n");
	reload(NODE_RELOAD_CHECK | NODE_RELOAD_RESTART,
		"gateway gw1: 1 client would get the new settings, 1 client would be told to "
		"reconnect: bob (route)\nnothing was changed: this was a check\n");
	file_write("gw1", TWO "    client_cidr6: fd00:8::/64\n");
	node_reload_how(&node, NODE_RELOAD_CHECK, &report);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(report.text, "refused: gateway gw1: client_cidr6: needs a restart\n"));
	file_write("gw1", "    local_networks: [10.1.0.0/33]\n");
	node_reload_how(&node, NODE_RELOAD_CHECK, &report);
	CU_ASSERT(!report.ok);
	CU_ASSERT_EQUAL(strncmp(report.text, "error: ", 7), 0);
	CU_ASSERT_EQUAL(node.reloads, 0);
	CU_ASSERT_EQUAL(gateway_conf(g)->local_network_count, 1);
	CU_ASSERT_STRING_EQUAL(queued(alice), "");
	CU_ASSERT_STRING_EQUAL(bob->session->info.outdated, "");
	CU_ASSERT(session_is_connected(bob->session));
	tear_down();
}

// The line names some of many; the number is right.
static void test_many(void)
{
	struct gateway_reload r = {.only_ask = true};
	char name[SESSION_CN_BYTES];

	set_up(ONE);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%064d", i);
		client(name, PROTO_26);
	}
	g->settings->conf.redirect_gateway = true;
	gateway_reload_clients(g, g->settings, &r);
	CU_ASSERT_EQUAL(r.later, 20);
	CU_ASSERT_EQUAL(r.told, 0);
	CU_ASSERT_TRUE(r.named > 2 && r.named <= 8);
	snprintf(name, sizeof(name), ", %u more", 20 - r.named);
	CU_ASSERT_STRING_EQUAL(r.who + strlen(r.who) - strlen(name), name);
	tear_down();
}

// Of very many not all at once, but all of them.
static void test_paced(void)
{
	unsigned int told = 0, told_now = 0;
	struct client *c, *next;
	char name[16];

	set_up(ONE "    max_connections: 120\n");
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		client(name, PROTO_27);
	}
	file_write("gw1", TWO "    max_connections: 120\n");
	reload(0, "gateway gw1: 120 clients got the new settings\n"
		  "reload 1 done: new settings hold for sessions to come\n");
	HASH_ITER(by_key, g->clients, c, next)
		told_now += queued(c)[0] != '\0';
	CU_ASSERT_EQUAL(told_now, 100);
	for (int i = 0; i < 200 && told < 120; i++) {
		ev_run(node.loop, EVRUN_ONCE);
		told = 0;
		HASH_ITER(by_key, g->clients, c, next)
			told += strcmp(queued(c), ROUTES_TWO) == 0 && c->session->info.reload == 1;
	}
	CU_ASSERT_EQUAL(told, 120);
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"who is told what", test_told},
		{"who has to connect again", test_restart},
		{"a check", test_check},
		{"many clients", test_many},
		{"a crowd", test_paced},
		{NULL, NULL},
	};
	int rc;

	harness_eal_init(256);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	chmod(test_pki_path(pki, "server.key"), 0600); // or every reload warns
	rc = harness_run("reload_clients", tests);
	test_pki_free(pki);
	return rc;
}
