// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What sluicectl may ask of the running daemon, answered from struct node.

#include "control/api/node_api.h"

#include "control/api/api.h"
#include "control/api/capture.h"
#include "control/endpoint.h"
#include "control/channel/first_packet.h"
#include "control/pool.h"
#include "control/api/stats.h"
#include "control/channel/tls_wrap_set.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "dataplane/crypto.h"
#include "dataplane/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("api");

static const char *gateway_name_by_id(void *arg, uint16_t id)
{
	const struct node *n = arg;

	return n->gateways[id] ? gateway_conf(n->gateways[id])->name : NULL;
}

static int gateway_id_by_name(void *arg, const char *name)
{
	const struct gateway *g = node_gateway(arg, name);

	return g ? gateway_id(g) : -1;
}

// Calls fn for the named gateway, or all of them.
static void each_gateway(
	struct node *n, const char *name, void (*fn)(struct gateway *, void *), void *arg)
{
	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		struct gateway *g = n->gateways[id];

		if (g && (!name || !strcmp(gateway_conf(g)->name, name)))
			fn(g, arg);
	}
}

static json_t *first_drops(const struct gateway_totals *t, uint64_t *total)
{
	json_t *o = json_object();

	*total = 0;
	for (int why = 0; why < FIRST_PACKET_DROP_COUNT; why++) {
		*total += t->first_drops[why];
		json_object_set_new(o, first_packet_drop_name((enum first_packet_drop)why),
			json_integer((json_int_t)t->first_drops[why]));
	}
	return o;
}

// What an operator should know as long as it is so.
static json_t *gateway_warnings(const struct conf_gateway *conf)
{
	json_t *list = json_array();

	if (conf_allows_none(conf))
		json_array_append_new(list,
			json_string("allow_insecure: packets of clients with cipher none are not "
				    "encrypted"));
	return list;
}

// A list for programs, and one line for people.
static json_t *endpoints(const struct gateway *g, char *line, size_t size)
{
	const struct session_addr *locals[DP_LOCALS_MAX];
	unsigned int n = gateway_locals(g, locals);
	char text[SESSION_ADDR_TEXT_BYTES];
	json_t *list = json_array();
	size_t len = 0;

	line[0] = '\0';
	for (unsigned int i = 0; i < n && len < size; i++) {
		session_addr_text(locals[i], text, sizeof(text));
		json_array_append_new(list, json_string(text));
		len += (size_t)snprintf(line + len, size - len, "%s%s", i ? ", " : "", text);
	}
	return list;
}

static void gateway_status(struct gateway *g, void *arg)
{
	const struct conf_gateway *conf = gateway_conf(g);
	char text[DP_LOCALS_MAX * SESSION_ADDR_TEXT_BYTES], wrap[TLS_WRAP_SET_TEXT_BYTES];
	struct gateway_totals t;
	uint64_t dropped;
	json_t *o, *drops;

	gateway_totals(g, &t);
	drops = first_drops(&t, &dropped);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"clients", t.clients},
		{"max_connections", conf->max_connections},
		{"handshakes", t.handshakes},
		{"admitted", t.admitted},
		{"refused", t.refused},
		{"floats", t.floats},
		{"floats_refused", t.floats_refused},
		{"first_packets", t.first_packets},
		{"first_dropped", dropped},
		{"half_open_dropped", t.half_open_dropped},
		{"half_open_evicted", t.half_open_evicted},
		{"too_big_learned", t.too_big_learned},
		{"too_big_ignored", t.too_big_ignored},
		{"pool_capacity", t.pool_capacity},
		{"pool_used", t.pool_used},
	};
	o = json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:o, s:o}", "gateway", conf->name,
		"endpoints", endpoints(g, text, sizeof(text)), "netns", conf->netns, "tun",
		conf->tun, "wrap", tls_wrap_set_text(gateway_wrap(g), wrap), "fast_path",
		conf->fast_path, "first_drop", drops, "warnings", gateway_warnings(conf));
	json_object_set_new(o, "endpoint", json_string(text));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	json_array_append_new(arg, o);
}

static const char *side_name(enum port_side side)
{
	return side == PORT_LINK ? "outside" : side == PORT_VPN ? "inside" : "both";
}

static json_t *port_verdicts(const struct node *n, unsigned int i)
{
	uint64_t counts[STEER_VERDICT_COUNT];
	json_t *o;

	if (fabric_port_verdicts(n->fabric, i, counts))
		return json_null();
	o = json_object();
	for (int v = 0; v < STEER_VERDICT_COUNT; v++)
		json_object_set_new(o, steer_verdict_name(v), json_integer((json_int_t)counts[v]));
	return o;
}

static json_t *interfaces_status(const struct node *n)
{
	json_t *list = json_array();
	const struct port *p;

	for (unsigned int i = 0; (p = fabric_port(n->fabric, i)); i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "name", p->name,
				"side", side_name(p->side), "driver", port_kind_name(p->kind),
				"netns", p->netns, "port", (int)p->id, "queues", (int)p->queues,
				"mtu", (int)p->mtu, "xdp", port_verdicts(n, i)));
	return list;
}

static json_t *pool_status(const struct node *n)
{
	struct pool_load l;

	pool_load(n->pool, &l);
	return json_pack("{s:i, s:i, s:i, s:I}", "threads", (int)l.threads, "waiting",
		(int)l.waiting, "waiting_max", (int)l.waiting_max, "steps", (json_int_t)l.done);
}

static json_t *handshakes_status(const struct node *n)
{
	const struct half_open_node *h = &n->half_open;

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "now", (json_int_t)h->count, "max",
		(json_int_t)h->max, "peak", (json_int_t)h->peak, "dropped", (json_int_t)h->dropped,
		"moved", (json_int_t)h->moved);
}

static json_t *status(void *arg, char *err)
{
	struct node *n = arg;
	json_t *gateways = json_array();

	(void)err;
	each_gateway(n, NULL, gateway_status, gateways);
	return json_pack("{s:i, s:I, s:s, s:i, s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "pid",
		(int)getpid(), "uptime_s", (json_int_t)((clock_ms() - n->started_ms) / 1000),
		"config", n->conf->path, "workers", (int)n->dp->worker_count, "crypto_engine",
		crypto_engine_name(), "reloads", (int)n->reloads, "control_pause_max_ms",
		(json_int_t)n->longest_pause_ms, "tls_pool", pool_status(n), "handshakes",
		handshakes_status(n), "gateways", gateways, "interfaces", interfaces_status(n),
		"slow_path", stats_slowpath(slowpath_counters(n->slowpath)));
}

struct client_list {
	json_t *list;
	const char *gateway;
};

static void client_status(void *arg, struct session *s, const struct publish_peer_stats *stats)
{
	const struct client_list *l = arg;

	json_array_append_new(l->list,
		stats_client(l->gateway, session_info(s), session_lease(s), stats, clock_ms()));
}

static void gateway_clients(struct gateway *g, void *arg)
{
	struct client_list l = {.list = arg, .gateway = gateway_conf(g)->name};

	gateway_each_client(g, client_status, &l);
}

static json_t *clients(void *arg, const char *gateway, char *err)
{
	json_t *list = json_array();

	(void)err;
	if (list)
		each_gateway(arg, gateway, gateway_clients, list);
	return list;
}

static json_t *counters(void *arg, const char *gateway, char *err)
{
	struct node *n = arg;

	(void)err;
	return stats_counters(
		n->stats, gateway ? gateway_id_by_name(n, gateway) : -1, gateway_name_by_id, n);
}

// Lines of a reload report that begin with "refused" go to one list, the rest to the other.
static json_t *report_lists(char *text, bool check)
{
	json_t *applied = json_array(), *refused = json_array();
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(
			strncmp(line, "refused", 7) ? applied : refused, json_string(line));
	return json_pack("{s:o, s:o}", check ? "planned" : "applied", applied, "refused", refused);
}

static json_t *reload(void *arg, bool restart, bool check, char *err)
{
	struct node_reload_report report;

	node_reload_how(arg,
		(restart ? NODE_RELOAD_RESTART : 0u) | (check ? NODE_RELOAD_CHECK : 0u), &report);
	if (report.ok)
		return report_lists(report.text, check);
	// What had to be refused before the error may be long.
	if (report.error[0] && strlen(report.text) >= API_ERROR_BYTES) {
		snprintf(err, API_ERROR_BYTES, "%.*s", API_ERROR_BYTES - 1, report.error);
		return NULL;
	}
	for (char *c = report.text; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ';' : '\0';
	snprintf(err, API_ERROR_BYTES, "%.*s", API_ERROR_BYTES - 1, report.text);
	return NULL;
}

struct client_action {
	const char *name, *notice; // notice NULL: no words
	unsigned int count;
	int error;
};

static void renegotiate_in(struct gateway *g, void *arg)
{
	struct client_action *a = arg;

	a->count += gateway_renegotiate_client(g, a->name);
}

static void kill_in(struct gateway *g, void *arg)
{
	struct client_action *a = arg;

	a->count += gateway_kill_client(g, a->name, a->notice);
}

static unsigned int renegotiate(void *arg, const char *gateway, const char *client)
{
	struct client_action a = {.name = client};

	each_gateway(arg, gateway, renegotiate_in, &a);
	return a.count;
}

static unsigned int kill_client(void *arg, const char *gateway, const char *client)
{
	struct client_action a = {.name = client};

	each_gateway(arg, gateway, kill_in, &a);
	return a.count;
}

static unsigned int disconnect(
	void *arg, const char *gateway, const char *client, const char *notice, char *err)
{
	struct client_action a = {.name = client, .notice = notice};

	(void)err;
	each_gateway(arg, gateway, kill_in, &a);
	return a.count;
}

static void message_in(struct gateway *g, void *arg)
{
	struct client_action *a = arg;

	a->count += gateway_say_client(g, a->name, a->notice, &a->error);
}

static unsigned int message(
	void *arg, const char *gateway, const char *client, const char *notice, char *err)
{
	struct client_action a = {.name = client, .notice = notice};

	each_gateway(arg, gateway, message_in, &a);
	if (a.error)
		snprintf(err, API_ERROR_BYTES, "client \"%.128s\": %s", client,
			a.error == -ENOBUFS ? "has not taken earlier messages yet"
					    : strerror(-a.error));
	return a.count;
}

int node_api_start(struct node *n)
{
	static const struct api_ops ops = {
		.gateway_id = gateway_id_by_name,
		.status = status,
		.clients = clients,
		.counters = counters,
		.reload = reload,
		.renegotiate = renegotiate,
		.kill = kill_client,
		.disconnect = disconnect,
		.message = message,
	};

	n->stats = stats_new(n->loop, n->dp, n->slowpath);
	n->capture = capture_new(n->loop, n->dp, n->capture_flags);
	n->api = api_new(n->loop, n->conf->socket, &ops, n);
	if (!n->stats || !n->capture || !n->api)
		return -errno;
	api_set_capture(n->api, n->capture);
	return 0;
}

void node_api_stop(struct node *n)
{
	api_free(n->api);
	capture_free(n->capture);
	stats_free(n->stats);
}
