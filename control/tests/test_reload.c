// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a reload refuses: every option that only a restart can change by its name, and nothing that
// has merely moved in the file; and a file that gets on with itself, but not with what runs.

#include "control/gateway_priv.h"
#include "control/node.h"

#include "control/tests/test_pki.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_lcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GATEWAY \
	"gateways:\n" \
	"  - name: gw1\n" \
	"    endpoint: {address: 192.0.2.1, port: 1194}\n" \
	"    ca: ca.crt\n" \
	"    cert: s.crt\n" \
	"    key: s.key\n" \
	"    client_cidr: 10.8.0.0/24\n" \
	"    local_networks: [10.1.0.0/16]\n"
#define INTERFACES \
	"interfaces:\n" \
	"  - {name: eth0, side: outside}\n" \
	"  - {name: eth1, side: inside, vlans: {7: blue}}\n"

static struct conf *parse(const char *text)
{
	struct conf_error err = {""};
	struct conf *c = conf_parse(text, strlen(text), "sluice.yaml", &err);

	if (!c)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static void test_refused(void)
{
	static const struct {
		const char *text, *report;
	} cases[] = {
		{"workers: 1\n" INTERFACES GATEWAY, ""},
		{"# moved\n\nworkers: 1\n" INTERFACES GATEWAY, ""},
		{"workers: 2\n" INTERFACES GATEWAY, "refused: workers: needs a restart\n"},
		{"workers: 1\ncontrol_pps: 30000\nmemory: 1gb\n" INTERFACES GATEWAY,
			"refused: memory: needs a restart\n"
			"refused: control_pps: needs a restart\n"},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside, mtu: 1400}\n"
		 "  - {name: eth1, side: inside}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: both}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
		// How a VLAN is written does not matter.
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside}\n"
		 "  - {name: eth1, side: inside, vlans: {7: {netns: blue, interface: eth1.7}}}\n" GATEWAY,
			""},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside}\n"
		 "  - {name: eth1, side: inside, vlans: {7: {netns: blue, interface: blue0}}}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
	};
	struct conf *now = parse(cases[0].text);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_reload_report report = {.text = ""};
		struct conf *new = parse(cases[i].text);

		reload_refuse_node_options(now, new, &report);
		CU_ASSERT_STRING_EQUAL(report.text, cases[i].report);
		conf_free(new);
	}
	conf_free(now);
}

// A node with one gateway, gw1, that runs as `running` says. No sockets and no devices: what these
// tests reload never gets so far as to open any.

static struct test_pki *pki;
static struct node node;

// The gateways' part of a file, and the file.
struct gateway_text {
	const char *name, *port, *netns, *cidr, *local;
	const char *max_connections; // NULL: 5
};

static const struct gateway_text running = {"gw1", "1194", "", "10.8.0.0/24", "10.1.0.0/16", NULL};

// What there is no room for is missed, and only in the report.
static void test_long_report(void)
{
	struct conf *old = parse("workers: 1\n" INTERFACES GATEWAY);
	struct conf *new = parse("workers: 2\n" INTERFACES GATEWAY);
	struct node_reload_report report = {0};
	size_t len = 0;

	for (int i = 0; i < 200; i++) {
		reload_refuse_node_options(old, new, &report);
		CU_ASSERT(report.full || strlen(report.text) > len);
		len = strlen(report.text);
	}
	CU_ASSERT(report.full);
	CU_ASSERT(len < sizeof(report.text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(report.text, "restart\nmore is in the log\n"));
	CU_ASSERT_STRING_EQUAL(strstr(report.text, "more"), "more is in the log\n");
	conf_free(old);
	conf_free(new);
}

static void file_write(const struct gateway_text *gws, size_t n)
{
	FILE *f = fopen(test_pki_path(pki, "sluice.yaml"), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("workers: 1\n" INTERFACES "gateways:\n", f);
	for (size_t i = 0; i < n; i++) {
		fprintf(f,
			"  - name: %s\n"
			"    endpoint: {address: 192.0.2.1, port: %s}\n"
			"    client_cidr: %s\n"
			"    local_networks: [%s]\n"
			"    max_connections: %s\n",
			gws[i].name, gws[i].port, gws[i].cidr, gws[i].local,
			gws[i].max_connections ? gws[i].max_connections : "5");
		if (gws[i].netns[0])
			fprintf(f, "    netns: %s\n", gws[i].netns);
		fprintf(f, "    ca: %s\n", test_pki_path(pki, "ca.crt"));
		fprintf(f, "    cert: %s\n", test_pki_path(pki, "server.crt"));
		fprintf(f, "    key: %s\n", test_pki_path(pki, "server.key"));
	}
	fclose(f);
}

static struct gateway *gateway_make(const struct conf_gateway *gw)
{
	struct gateway *g = calloc(1, sizeof(*g));
	char err[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	g->env = node_gateway_env(&node);
	g->id = (uint16_t)publish_gateway_id_get(node.publish);
	g->tun_fd = -1;
	g->limit = handshake_limit_new(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->limit);
	g->settings = gateway_settings_load(gw, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->settings);
	g->locals[0] = (struct gateway_local){.gw = g,
		.addr = {.family = 4,
			.addr = {192, 0, 2, 1},
			.port_be = rte_cpu_to_be_16(gw->endpoint_port)}};
	g->pool = ippool_new(&gw->client_cidr, &gw->client_cidr6, gw->topology);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->pool);
	return g;
}

static void set_up(void)
{
	const struct dp_limits limits = {.peers_max = 512,
		.routes_max = 64,
		.gateways_max = 3,
		.worker_count = 1,
		.mbufs = 1024};
	const struct fabric_ops ops = {0};
	const struct conf none = {0};
	struct conf_error err;

	memset(&node, 0, sizeof(node));
	file_write(&running, 1);
	node.conf = conf_load(test_pki_path(pki, "sluice.yaml"), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.conf);
	node.half_open.max = node.conf->max_handshakes;
	node.loop = ev_default_loop(EVFLAG_AUTO);
	node.dp = dp_new(&limits);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.dp);
	CU_ASSERT_PTR_NOT_NULL_FATAL(worker_new(node.dp, 0, rte_lcore_id(), WORKER_POLL_BUSY));
	node.publish = publish_new(node.dp);
	node.fabric = fabric_open(&none, node.loop, node.dp, node.publish, NULL, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node.fabric);
	node.gateways[0] = gateway_make(&node.conf->gateways[0]);
}

static void tear_down(void)
{
	gateway_close(node.gateways[0]);
	fabric_close(node.fabric);
	publish_free(node.publish);
	worker_free(node.dp->workers[0]);
	dp_free(node.dp);
	conf_free(node.conf);
}

static const struct {
	struct gateway_text gw[2]; // without a name: none
	bool leaving;
	const char *report; // how it begins
} clashes[] = {
	// gw1 moves, which is refused, and somebody wants what it still has.
	{{{"gw1", "1194", "", "10.9.0.0/24", "10.1.0.0/16", NULL},
		 {"gw2", "1195", "", "10.8.0.0/24", "10.1.0.0/16", NULL}},
		false,
		"refused: gateway gw1: client_cidr: needs a restart\n"
		"error: gateway gw2: client_cidr must not overlap the 10.8.0.0/24 of gateway "
		"gw1 in the same routing domain, got \"10.8.0.0/24\"; gateway gw1 goes on "
		"with that until a restart\nnothing was changed\n"},
	{{{"gw2", "1194", "", "10.7.0.0/24", "10.1.0.0/16", NULL},
		 {"gw1", "1195", "", "10.8.0.0/24", "10.1.0.0/16", NULL}},
		false,
		"refused: gateway gw1: endpoint.port: needs a restart\n"
		"error: gateway gw2: endpoint must be unique, got 192.0.2.1 port 1194 of "
		"gateway gw1 again; gateway gw1 goes on with that until a restart\n"
		"nothing was changed\n"},
	{{{"gw1", "1194", "tenant1", "10.8.0.0/24", "10.1.0.0/16", NULL},
		 {"gw2", "1195", "", "10.7.0.0/24", "10.8.0.0/16", NULL}},
		false,
		"refused: gateway gw1: netns: needs a restart\n"
		"error: gateway gw2: local_networks must not overlap the client network of "
		"gateway gw1 in the same routing domain, got \"10.8.0.0/16\"; gateway gw1 "
		"goes on with that until a restart\nnothing was changed\n"},
	// Its own local networks are put in force, beside a client network that stays.
	{{{"gw1", "1194", "", "10.9.0.0/24", "10.8.0.0/16", NULL}}, false,
		"refused: gateway gw1: client_cidr: needs a restart\n"
		"error: gateway gw1: client_cidr must not overlap local network 10.8.0.0/16 "
		"of gateway gw1, got \"10.8.0.0/24\"; gateway gw1 goes on with that until a "
		"restart\nnothing was changed\n"},
	// More clients than the network has room for that stays.
	{{{"gw1", "1194", "", "172.16.0.0/16", "10.1.0.0/16", "300"}}, false,
		"refused: gateway gw1: client_cidr: needs a restart\n"
		"error: gateway gw1: client_cidr must be a /23 or larger for max_connections "
		"300 (and network, gateway and broadcast address), got \"10.8.0.0/24\"; "
		"gateway gw1 goes on with that until a restart\nnothing was changed\n"},
	// It is to go, or is about to: it still runs.
	{{{"gw2", "1195", "", "10.8.0.0/24", "10.1.0.0/16", NULL}}, false,
		"error: gateway gw2: client_cidr must not overlap the 10.8.0.0/24 of gateway "
		"gw1 in the same routing domain, got \"10.8.0.0/24\"; gateway gw1 would "
		"close only now: remove it in a reload of its own\nnothing was changed\n"},
	{{{"gw1", "1194", "", "10.8.0.0/24", "10.1.0.0/16", NULL}}, true,
		"error: gateway gw1: endpoint must be unique, got 192.0.2.1 port 1194 of "
		"gateway gw1 again; gateway gw1 is closing: try again in a moment\n"
		"nothing was changed\n"},
};

static void test_clashes(void)
{
	set_up();
	for (size_t i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++) {
		struct node_reload_report report;

		file_write(clashes[i].gw, clashes[i].gw[1].name ? 2 : 1);
		node.leaving[0] = clashes[i].leaving;
		node_reload(&node, &report);
		CU_ASSERT_STRING_EQUAL(report.text, clashes[i].report);
		CU_ASSERT(!report.ok);
		CU_ASSERT_PTR_NULL(node.gateways[1]);
		CU_ASSERT_EQUAL(node.reloads, 0);
	}
	tear_down();
}

// A change that is refused costs nothing else: the rest is put in force, of its gateway too.
static void test_refused_alone(void)
{
	static const struct gateway_text moved = {
		"gw1", "1194", "", "10.9.0.0/24", "10.1.0.0/16", "7"};
	static const struct gateway_text grown = {
		"gw1", "1194", "", "10.8.0.0/24", "10.2.0.0/16", "8"};
	struct node_reload_report report;

	set_up();
	file_write(&moved, 1);
	node_reload(&node, &report);
	CU_ASSERT(report.ok);
	CU_ASSERT_STRING_EQUAL(report.text,
		"refused: gateway gw1: client_cidr: needs a restart\n"
		"gateway gw1: max_connections is 7 from now on, was 5; 0 clients stay connected\n"
		"reload 1 done: new settings hold for sessions to come\n");
	CU_ASSERT_EQUAL(gateway_conf(node.gateways[0])->client_cidr.addr[1], 8);
	file_write(&grown, 1);
	node_reload(&node, &report);
	CU_ASSERT(report.ok);
	CU_ASSERT_STRING_EQUAL(report.text,
		"gateway gw1: max_connections is 8 from now on, was 7; 0 clients stay connected\n"
		"reload 2 done: new settings hold for sessions to come\n");
	CU_ASSERT_EQUAL(gateway_conf(node.gateways[0])->max_connections, 8);
	CU_ASSERT_EQUAL(gateway_conf(node.gateways[0])->local_networks[0].addr[1], 2);
	tear_down();
}

// Given with the reload, the time a client has for its handshake holds for its cookie, too.
static void test_hand_window(void)
{
	static const struct gateway_text hurry = {
		"gw1", "1194", "", "10.8.0.0/24", "10.1.0.0/16", "5\n    hand_window: 10s"};
	struct node_reload_report report;

	set_up();
	file_write(&hurry, 1);
	node_reload(&node, &report);
	CU_ASSERT(report.ok);
	CU_ASSERT_EQUAL(node.gateways[0]->cookie.slot_s, 5);
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"a report that is too long", test_long_report},
		{"names what needs a restart, and nothing else", test_refused},
		{"a gateway must get on with what runs, not only with the file", test_clashes},
		{"a refused change does not stand in the way of others", test_refused_alone},
		{"a cookie lives as long as the hand window in force says", test_hand_window},
		{NULL, NULL},
	};
	int rc;

	harness_eal_init(256);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	chmod(test_pki_path(pki, "server.key"), 0600); // or every reload warns
	rc = harness_run("reload", tests);
	test_pki_free(pki);
	return rc;
}
