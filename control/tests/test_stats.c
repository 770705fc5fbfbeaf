// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Counters as JSON: sums over workers, every reason by name, the sum of each port, load.

#include "control/api/stats.h"

#include "control/slowpath.h"
#include "dataplane/state.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dp *dp;
static struct slowpath *slowpath;
static struct stats *stats;

static const char *name(void *arg, uint16_t id)
{
	static const char *const names[] = {"gw1", NULL, "gw3"};

	(void)arg;
	return id < 3 ? names[id] : NULL;
}

static json_int_t get(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT(json_is_integer(v));
	return json_integer_value(v);
}

static const json_t *find(const json_t *list, const char *key, const char *value)
{
	const json_t *v;
	size_t index;

	json_array_foreach(list, index, v)
	{
		const char *text = json_string_value(json_object_get(v, key));

		if (text && strcmp(text, value) == 0)
			return v;
	}
	return NULL;
}

static void test_ports(void)
{
	struct port_counters *p0 = &dp->workers[0]->counters->port[PKT_PORT_TUN];
	struct port_counters *p1 = &dp->workers[1]->counters->port[PKT_PORT_TUN];
	const json_t *port;
	json_t *o;

	counter_add(&p0->rx_pkts, 100);
	counter_add(&p1->rx_pkts, 50);
	counter_add(&p0->carried, 90);
	counter_add(&p1->consumed, 7);
	counter_add(&p1->drop[DROP_REPLAY], 3);
	counter_add(&p0->drop[DROP_REPLAY], 2);
	counter_add(&p0->drop[DROP_AUTH], 1);
	counter_add(&p1->punt[PUNT_TTL], 4);
	counter_add(&p1->tx_pkts, 11);
	o = stats_counters(stats, -1, name, NULL);
	port = find(json_object_get(o, "ports"), "name", "tun");
	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	CU_ASSERT_PTR_NOT_NULL(find(json_object_get(o, "ports"), "name", "exception"));
	CU_ASSERT_EQUAL(get(port, "rx"), 150);
	CU_ASSERT_EQUAL(get(port, "carried"), 90);
	CU_ASSERT_EQUAL(get(port, "consumed"), 7);
	CU_ASSERT_EQUAL(get(port, "punted"), 4);
	CU_ASSERT_EQUAL(get(port, "dropped"), 6);
	CU_ASSERT_EQUAL(get(port, "in_flight"), 150 - 90 - 7 - 4 - 6);
	CU_ASSERT_EQUAL(get(port, "tx"), 11);
	CU_ASSERT_EQUAL(get(json_object_get(port, "drop"), "replay"), 5);
	CU_ASSERT_EQUAL(get(json_object_get(port, "punt"), "ttl"), 4);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(port, "drop")), DROP_REASON_COUNT + 1);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(port, "punt")), PUNT_REASON_COUNT);
	for (int i = 0; i < DROP_REASON_COUNT; i++)
		get(json_object_get(port, "drop"), drop_name((enum drop_reason)i));
	json_decref(o);
}

// A datagram that no buffer holds: lost before any worker, but not unseen.
static void test_slow_path(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const uint8_t data[8000];
	const json_t *port, *gw;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	json_t *o = NULL;

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	CU_ASSERT_EQUAL_FATAL(slowpath_link_add(slowpath, 2, 0, fd), 0);
	CU_ASSERT_EQUAL(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, len),
		(ssize_t)sizeof(data));
	for (int i = 0; i < 5000; i++) {
		json_decref(o);
		o = stats_counters(stats, 2, name, NULL);
		if (get(json_object_get(o, "slow_path"), "link_too_large"))
			break;
		usleep(1000);
	}
	slowpath_link_del(slowpath, 2, 0);
	close(fd);
	// All of it from after the loss.
	json_decref(o);
	o = stats_counters(stats, 2, name, NULL);
	gw = find(json_object_get(o, "gateways"), "gateway", "gw3");
	CU_ASSERT_EQUAL(get(json_object_get(gw, "slow_path"), "link_too_large"), 1);
	CU_ASSERT_EQUAL(get(json_object_get(gw, "slow_path"), "link_in"), 0);
	port = find(json_object_get(o, "ports"), "name", "socket");
	CU_ASSERT_EQUAL(get(json_object_get(port, "drop"), "too_large"), 1);
	CU_ASSERT_EQUAL(get(json_object_get(port, "drop"), "lost"), 0);
	CU_ASSERT_EQUAL(get(port, "rx"), 1);
	CU_ASSERT_EQUAL(get(port, "dropped"), 1);
	CU_ASSERT_EQUAL(get(port, "in_flight"), 0);
	json_decref(o);
	// The next gateway of this id begins at zero, the sum of all goes on.
	slowpath_gateway_reset(slowpath, 2);
	o = stats_counters(stats, 2, name, NULL);
	gw = find(json_object_get(o, "gateways"), "gateway", "gw3");
	CU_ASSERT_EQUAL(get(json_object_get(gw, "slow_path"), "link_too_large"), 0);
	CU_ASSERT_EQUAL(get(json_object_get(o, "slow_path"), "link_too_large"), 1);
	json_decref(o);
}

static void test_gateways(void)
{
	const json_t *gw, *workers;
	json_t *o;

	counter_add(&dp->workers[0]->counters->gateway[2].in_pkts, 10);
	counter_add(&dp->workers[1]->counters->gateway[2].in_pkts, 5);
	counter_add(&dp->workers[1]->counters->gateway[2].fast_out_pkts, 8);
	counter_add(&dp->workers[1]->counters->gateway[2].drop[DROP_SPOOF], 9);
	o = stats_counters(stats, -1, name, NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "gateways")), 2);
	json_decref(o);
	o = stats_counters(stats, 2, name, NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "gateways")), 1);
	gw = find(json_object_get(o, "gateways"), "gateway", "gw3");
	CU_ASSERT_PTR_NOT_NULL_FATAL(gw);
	CU_ASSERT_EQUAL(get(gw, "in_pkts"), 15);
	CU_ASSERT_EQUAL(get(gw, "fast_out_pkts"), 8);
	CU_ASSERT_EQUAL(get(json_object_get(gw, "drop"), "spoof"), 9);
	workers = json_object_get(gw, "workers");
	CU_ASSERT_EQUAL_FATAL(json_array_size(workers), 2);
	CU_ASSERT_EQUAL(get(json_array_get(workers, 0), "in_pkts"), 10);
	CU_ASSERT_EQUAL(get(json_array_get(workers, 1), "in_pkts"), 5);
	json_decref(o);
}

static double real(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	return json_number_value(v);
}

static void test_load(void)
{
	struct load_counters *l = &dp->workers[0]->counters->load;
	uint64_t hz = rte_get_tsc_hz();
	const json_t *w;
	json_t *o;

	stats_sample(stats);
	counter_add(&l->busy_cycles, hz / 4);
	counter_add(&l->idle_cycles, hz / 4);
	counter_add(&l->sleep_cycles, hz / 2);
	atomic_store(&l->longest_turn_cycles, hz / 1000);
	stats_sample(stats);
	o = stats_counters(stats, -1, name, NULL);
	w = json_array_get(json_object_get(o, "workers"), 0);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "load_pct"), 25, 0.1);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "busy_s"), 0.25, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "pause_us"), 1000, 1);
	CU_ASSERT_EQUAL(get(json_object_get(json_object_get(w, "rings"), "handoff"), "used"), 0);
	CU_ASSERT(get(json_object_get(json_object_get(w, "rings"), "handoff"), "size") > 0);
	json_decref(o);
	// Ten seconds later the pause is history, but not the longest one.
	atomic_store(&l->longest_turn_cycles, 0);
	for (int i = 0; i < 10; i++)
		stats_sample(stats);
	o = stats_counters(stats, -1, name, NULL);
	w = json_array_get(json_object_get(o, "workers"), 0);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "load_pct"), 0, 0.1);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "pause_us"), 0, 1);
	CU_ASSERT_DOUBLE_EQUAL(real(w, "pause_max_us"), 1000, 1);
	json_decref(o);
}

static json_int_t buffers(const char *key)
{
	json_t *o = stats_counters(stats, -1, name, NULL);
	json_int_t v = get(json_object_get(json_object_get(o, "rings"), "buffers"), key);

	json_decref(o);
	return v;
}

static void test_buffers(void)
{
	json_int_t used = buffers("used");
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(buffers("used"), used + 1);
	CU_ASSERT_EQUAL(buffers("size"), 511);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(buffers("used"), used);
}

static void test_client(void)
{
	struct session_info info = {.common_name = "alice",
		.cipher = "AES-256-CBC",
		.cipher_why = "fallback_cipher",
		.digest = "SHA256",
		.framing = FRAMING_COMP_LZO,
		.reload = 4,
		.outdated = "ping"};
	struct session_lease lease = {.peer_id = 7, .vpn4 = {10, 8, 0, 2}};
	struct publish_peer_stats peer = {
		.in_pkts = 3, .recv_age_ms = 1500, .worker = 1, .compressed_pkts = 5};
	json_t *o;

	info.remote.family = 6;
	info.remote.addr[15] = 1;
	info.remote.port_be = rte_cpu_to_be_16(4711);
	o = stats_client("gw1", &info, NULL, NULL, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "state")), "handshake");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "remote")), "[::1]:4711");
	CU_ASSERT_PTR_NULL(json_object_get(o, "peer_id"));
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "encrypted")));
	json_decref(o);
	info.cipher = "none";
	o = stats_client("gw1", &info, NULL, NULL, 0);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "encrypted")));
	json_decref(o);
	info.connected_ms = 1000;
	o = stats_client("gw1", &info, &lease, &peer, 61000);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "state")), "connected");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "vpn4")), "10.8.0.2");
	CU_ASSERT_PTR_NULL(json_object_get(o, "vpn6"));
	CU_ASSERT_EQUAL(get(o, "peer_id"), 7);
	CU_ASSERT_EQUAL(get(o, "in_pkts"), 3);
	CU_ASSERT_EQUAL(get(o, "reload"), 4);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "outdated")), "ping");
	CU_ASSERT_EQUAL(get(o, "compressed_pkts"), 5);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "framing")), "comp-lzo no");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "data_format")), "cbc");
	CU_ASSERT_PTR_NULL(json_object_get(o, "send_epoch"));
	CU_ASSERT_DOUBLE_EQUAL(real(o, "connected_s"), 60, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(real(o, "idle_s"), 1.5, 0.001);
	json_decref(o);
	info.digest = NULL;
	o = stats_client("gw1", &info, &lease, &peer, 61000);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "data_format")), "aead");
	json_decref(o);
	info.epoch = true;
	peer.recv_epoch = 4;
	peer.send_epoch = 5;
	o = stats_client("gw1", &info, &lease, &peer, 61000);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "data_format")), "epoch");
	CU_ASSERT_EQUAL(get(o, "recv_epoch"), 4);
	CU_ASSERT_EQUAL(get(o, "send_epoch"), 5);
	json_decref(o);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"ports", test_ports},
		{"gateways", test_gateways},
		{"what the punt thread loses", test_slow_path},
		{"load and pauses", test_load},
		{"packet buffers", test_buffers},
		{"client", test_client},
		{NULL, NULL},
	};
	static const struct dp_limits limits = {.peers_max = 16,
		.routes_max = 64,
		.gateways_max = 3,
		.worker_count = 2,
		.mbufs = 511};
	int ret;

	harness_eal_init(256);
	dp = dp_new(&limits);
	if (!dp || !worker_new(dp, 0, 0, WORKER_POLL_BUSY) ||
		!worker_new(dp, 1, 1, WORKER_POLL_BUSY))
		return 1;
	slowpath = slowpath_start(dp);
	if (!slowpath)
		return 1;
	stats = stats_new(ev_default_loop(0), dp, slowpath);
	if (!stats)
		return 1;
	ret = harness_run("stats", tests);
	stats_free(stats);
	slowpath_stop(slowpath);
	worker_free(dp->workers[0]);
	worker_free(dp->workers[1]);
	dp_free(dp);
	return ret;
}
