// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/api/stats.h"

#include "control/slowpath.h"
#include "dataplane/counters.h"
#include "dataplane/drop.h"
#include "dataplane/punt.h"
#include "dataplane/state.h"
#include "dataplane/worker.h"

#include <arpa/inet.h>
#include <rte_cycles.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_PERIODS 10 // seconds a long turn is remembered

struct load_sample {
	uint64_t busy, idle, sleep; // cycles, at the last sample
	double load_pct;
	uint64_t pauses[PAUSE_PERIODS]; // cycles
	uint64_t pause_max;
};

struct stats {
	struct ev_loop *loop;
	struct dp *dp;
	const struct slowpath *slowpath;
	ev_timer timer;
	unsigned int period; // index into pauses
	struct load_sample workers[DP_WORKERS_MAX];
};

static void sample_worker(struct stats *s, unsigned int worker)
{
	const struct worker_counters *c = counters_of(s->dp, worker);
	struct load_sample *l = &s->workers[worker];
	uint64_t busy, idle, sleep, pause, all;

	if (!c)
		return;
	busy = counter_get(&c->load.busy_cycles);
	idle = counter_get(&c->load.idle_cycles);
	sleep = counter_get(&c->load.sleep_cycles);
	pause = counter_get(&c->load.longest_turn_cycles);
	all = busy - l->busy + idle - l->idle + sleep - l->sleep;
	l->load_pct = all ? 100.0 * (double)(busy - l->busy) / (double)all : 0;
	l->busy = busy;
	l->idle = idle;
	l->sleep = sleep;
	l->pauses[s->period] = pause;
	if (pause > l->pause_max)
		l->pause_max = pause;
	counters_load_reset(s->dp, worker);
}

void stats_sample(struct stats *s)
{
	s->period = (s->period + 1) % PAUSE_PERIODS;
	for (unsigned int i = 0; i < s->dp->worker_count; i++)
		sample_worker(s, i);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	stats_sample(timer->data);
}

struct stats *stats_new(struct ev_loop *loop, struct dp *dp, const struct slowpath *slowpath)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->dp = dp;
	s->slowpath = slowpath;
	ev_timer_init(&s->timer, on_timer, 1.0, 1.0);
	s->timer.data = s;
	ev_timer_start(loop, &s->timer);
	return s;
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	ev_timer_stop(s->loop, &s->timer);
	free(s);
}

static void set_int(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

static void set_real(json_t *o, const char *name, double v)
{
	json_object_set_new(o, name, json_real(v));
}

static void set_text(json_t *o, const char *name, const char *v)
{
	json_object_set_new(o, name, json_string(v));
}

static json_t *ring_json(uint64_t used, uint64_t size)
{
	json_t *o = json_object();

	set_int(o, "used", used);
	set_int(o, "size", size);
	return o;
}

static uint64_t pause_recent(const struct load_sample *l)
{
	uint64_t max = 0;

	for (unsigned int i = 0; i < PAUSE_PERIODS; i++)
		if (l->pauses[i] > max)
			max = l->pauses[i];
	return max;
}

static json_t *worker_json(struct stats *s, unsigned int worker)
{
	const struct worker_counters *c = counters_of(s->dp, worker);
	const struct load_counters *l = &c->load;
	const struct load_sample *sample = &s->workers[worker];
	double hz = (double)rte_get_tsc_hz();
	struct ring_levels r;
	json_t *o = json_object(), *rings = json_object();
	uint64_t now = counter_get(&l->longest_turn_cycles), recent = pause_recent(sample);

	recent = now > recent ? now : recent;
	set_int(o, "worker", worker);
	set_int(o, "lcore", s->dp->workers[worker]->lcore_id);
	set_real(o, "load_pct", sample->load_pct);
	set_real(o, "busy_s", (double)counter_get(&l->busy_cycles) / hz);
	set_real(o, "idle_s", (double)counter_get(&l->idle_cycles) / hz);
	set_real(o, "sleep_s", (double)counter_get(&l->sleep_cycles) / hz);
	set_int(o, "turns", counter_get(&l->turns));
	set_int(o, "busy_turns", counter_get(&l->busy_turns));
	set_real(o, "pause_us", (double)recent * 1e6 / hz);
	set_real(o, "pause_max_us",
		(double)(recent > sample->pause_max ? recent : sample->pause_max) * 1e6 / hz);
	set_int(o, "handoff_in", counter_get(&l->handoff_in));
	set_int(o, "handoff_out", counter_get(&l->handoff_out));
	set_int(o, "inject_in", counter_get(&l->inject_in));
	set_int(o, "events_lost", counter_get(&l->events_lost));
	set_int(o, "captured", counter_get(&l->captured));
	set_int(o, "capture_lost", counter_get(&l->capture_lost));
	set_int(o, "overload_turns", counter_get(&l->overload_turns));
	counters_rings(s->dp, worker, &r);
	json_object_set_new(rings, "handoff", ring_json(r.handoff, r.handoff_size));
	json_object_set_new(rings, "inject", ring_json(r.inject, r.inject_size));
	json_object_set_new(rings, "events", ring_json(r.events, r.events_size));
	json_object_set_new(o, "rings", rings);
	return o;
}

// The same counter of every worker, or of one.
struct sum {
	struct dp *dp;
	unsigned int from, to; // workers
};

static uint64_t sum_at(const struct sum *s, size_t offset)
{
	uint64_t n = 0;

	for (unsigned int i = s->from; i < s->to; i++) {
		const uint8_t *c = (const uint8_t *)counters_of(s->dp, i);

		// Workers are made one after the other at start.
		if (c)
			n += counter_get((const counter_t *)(const void *)(c + offset));
	}
	return n;
}

// Object of counters by reason, and their sum.
static json_t *punts_json(const struct sum *s, size_t offset, uint64_t *total)
{
	json_t *o = json_object();
	uint64_t n;

	for (int i = 0; i < PUNT_REASON_COUNT; i++) {
		n = sum_at(s, offset + (size_t)i * sizeof(counter_t));
		set_int(o, punt_name((enum punt_reason)i), n);
		*total += n;
	}
	return o;
}

static json_t *drops_json(const struct sum *s, size_t offset, uint64_t *total)
{
	json_t *o = json_object();
	uint64_t n;

	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		n = sum_at(s, offset + (size_t)i * sizeof(counter_t));
		set_int(o, drop_name((enum drop_reason)i), n);
		*total += n;
	}
	return o;
}

static const char *side_name(const struct dp_port *p)
{
	if (p->link_side && p->vpn_side)
		return "both";
	return p->link_side ? "outside" : "inside";
}

static void port_names(struct dp *dp, unsigned int port, json_t *o)
{
	static const char *const sources[] = {
		[PKT_PORT_TUN - PKT_PORT_MAX] = "tun",
		[PKT_PORT_SOCKET - PKT_PORT_MAX] = "socket",
		[PKT_PORT_CONTROL - PKT_PORT_MAX] = "control",
		[PKT_PORT_EXCEPTION - PKT_PORT_MAX] = "exception",
	};
	static_assert(sizeof(sources) / sizeof(*sources) == PKT_PORT_COUNT - PKT_PORT_MAX,
		"stats: a source of packets has no name");
	const struct dp_port *p = NULL;

	if (port < PKT_PORT_MAX)
		p = &state_get(dp)->ports[port];
	set_int(o, "port", port);
	if (!p)
		set_text(o, "name", sources[port - PKT_PORT_MAX]);
	else
		set_text(o, "name", p->port ? p->port->name : "?");
	set_text(o, "side", p ? side_name(p) : "kernel");
}

static bool port_is_used(struct dp *dp, const struct sum *s, unsigned int port)
{
	size_t base = offsetof(struct worker_counters, port) + port * sizeof(struct port_counters);

	if (port >= PKT_PORT_MAX || (state_get(dp) && state_get(dp)->ports[port].port))
		return true;
	return sum_at(s, base + offsetof(struct port_counters, rx_pkts)) > 0;
}

static uint64_t slowpath_get(const _Atomic(uint64_t) *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

// Adds to the drops what was received, but came to no worker; returns how many.
static uint64_t kernel_lost(const struct slowpath_counters *c, unsigned int port, json_t *drop)
{
	uint64_t lost = 0, too_large = 0;

	if (port == PKT_PORT_TUN)
		lost = slowpath_get(&c->tun_lost);
	else if (port == PKT_PORT_SOCKET)
		lost = slowpath_get(&c->link_lost);
	else if (port == PKT_PORT_EXCEPTION)
		lost = slowpath_get(&c->exception_lost);
	else
		return 0;
	set_int(drop, "lost", lost);
	if (port == PKT_PORT_SOCKET) {
		too_large = slowpath_get(&c->link_too_large);
		set_int(drop, "too_large", too_large);
	}
	return lost + too_large;
}

static json_t *port_json(struct stats *st, const struct sum *s, unsigned int port)
{
	size_t base = offsetof(struct worker_counters, port) + port * sizeof(struct port_counters);
	uint64_t punted = 0, dropped = 0, carried, consumed, rx, lost;
	json_t *o = json_object(), *punt, *drop;

	// What left is read before what came in: a packet in between counts as in flight.
	punt = punts_json(s, base + offsetof(struct port_counters, punt), &punted);
	drop = drops_json(s, base + offsetof(struct port_counters, drop), &dropped);
	carried = sum_at(s, base + offsetof(struct port_counters, carried));
	consumed = sum_at(s, base + offsetof(struct port_counters, consumed));
	lost = kernel_lost(slowpath_counters(st->slowpath), port, drop);
	dropped += lost;
	rx = lost + sum_at(s, base + offsetof(struct port_counters, rx_pkts));
	port_names(st->dp, port, o);
	set_int(o, "rx", rx);
	set_int(o, "carried", carried);
	set_int(o, "consumed", consumed);
	set_int(o, "punted", punted);
	set_int(o, "dropped", dropped);
	set_int(o, "in_flight", rx - carried - consumed - punted - dropped);
	set_int(o, "tx", sum_at(s, base + offsetof(struct port_counters, tx_pkts)));
	set_int(o, "csum_completed",
		sum_at(s, base + offsetof(struct port_counters, csum_completed)));
	json_object_set_new(o, "punt", punt);
	json_object_set_new(o, "drop", drop);
	return o;
}

static void gateway_fields(json_t *o, const struct sum *s, unsigned int gateway)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
#define FIELD(member) {#member, offsetof(struct gateway_counters, member)}
		FIELD(in_pkts),
		FIELD(in_bytes),
		FIELD(out_pkts),
		FIELD(out_bytes),
		FIELD(fast_in_pkts),
		FIELD(fast_out_pkts),
		FIELD(slow_in_pkts),
		FIELD(slow_out_pkts),
		FIELD(pings_in),
		FIELD(pings_out),
		FIELD(link_fragmented),
		FIELD(mss_clamped),
		FIELD(client_to_client),
#undef FIELD
	};
	size_t base = offsetof(struct worker_counters, gateway) +
		      gateway * sizeof(struct gateway_counters);
	uint64_t total = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		set_int(o, fields[i].name, sum_at(s, base + fields[i].offset));
	json_object_set_new(
		o, "punt", punts_json(s, base + offsetof(struct gateway_counters, punt), &total));
	json_object_set_new(
		o, "drop", drops_json(s, base + offsetof(struct gateway_counters, drop), &total));
}

json_t *stats_slowpath(const struct slowpath_counters *c)
{
	json_t *o = json_object();

#define X(name, text) set_int(o, #name, slowpath_get(&c->name));
	SLOWPATH_COUNTERS(X)
#undef X
	return o;
}

static json_t *gateway_json(struct stats *st, unsigned int gateway, const char *name)
{
	struct sum all = {st->dp, 0, st->dp->worker_count};
	json_t *o = json_object(), *workers = json_array();

	set_text(o, "gateway", name);
	gateway_fields(o, &all, gateway);
	for (unsigned int i = 0; i < st->dp->worker_count; i++) {
		struct sum one = {st->dp, i, i + 1};
		json_t *w = json_object();

		set_int(w, "worker", i);
		gateway_fields(w, &one, gateway);
		json_array_append_new(workers, w);
	}
	json_object_set_new(o, "workers", workers);
	json_object_set_new(o, "slow_path",
		stats_slowpath(slowpath_gateway_counters(st->slowpath, (uint16_t)gateway)));
	return o;
}

static json_t *rings_json(struct dp *dp)
{
	json_t *o = json_object();

	json_object_set_new(
		o, "punt", ring_json(rte_ring_count(dp->punt), rte_ring_get_capacity(dp->punt)));
	json_object_set_new(o, "capture",
		ring_json(rte_ring_count(dp->capture), rte_ring_get_capacity(dp->capture)));
	// What is in a cache of a thread counts as free.
	json_object_set_new(
		o, "buffers", ring_json(rte_mempool_in_use_count(dp->pool), dp->pool->size));
	return o;
}

json_t *stats_counters(struct stats *s, int gateway, stats_gateway_fn name, void *arg)
{
	struct dp *dp = s->dp;
	struct sum all = {dp, 0, dp->worker_count};
	json_t *o = json_object(), *workers = json_array(), *ports = json_array();
	json_t *gateways = json_array();
	const char *text;

	for (unsigned int i = 0; i < dp->worker_count; i++)
		if (counters_of(dp, i))
			json_array_append_new(workers, worker_json(s, i));
	for (unsigned int i = 0; i < PKT_PORT_COUNT; i++)
		if (port_is_used(dp, &all, i))
			json_array_append_new(ports, port_json(s, &all, i));
	for (unsigned int i = 0; i < dp->gateways_max; i++) {
		text = gateway < 0 || (unsigned int)gateway == i ? name(arg, (uint16_t)i) : NULL;
		if (text)
			json_array_append_new(gateways, gateway_json(s, i, text));
	}
	json_object_set_new(o, "workers", workers);
	json_object_set_new(o, "ports", ports);
	json_object_set_new(o, "gateways", gateways);
	json_object_set_new(o, "rings", rings_json(dp));
	json_object_set_new(o, "slow_path", stats_slowpath(slowpath_counters(s->slowpath)));
	return o;
}

static void set_addr(json_t *o, const char *name, uint8_t family, const uint8_t *addr)
{
	static const uint8_t none[16];
	char text[INET6_ADDRSTRLEN];

	if (memcmp(addr, none, family == 4 ? 4 : 16) == 0)
		return;
	if (inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, sizeof(text)))
		set_text(o, name, text);
}

static void set_remote(json_t *o, const struct session_addr *a)
{
	char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];

	if (!inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->addr, ip, sizeof(ip)))
		return;
	snprintf(text, sizeof(text), a->family == 4 ? "%s:%u" : "[%s]:%u", ip, ntohs(a->port_be));
	set_text(o, "remote", text);
}

static void set_peer(json_t *o, const struct publish_peer_stats *p)
{
	set_int(o, "generation", p->generation);
	set_int(o, "worker", p->worker);
	if (p->local.family)
		set_addr(o, "local", p->local.family, p->local.addr);
	if (p->path_mtu)
		set_int(o, "path_mtu", p->path_mtu);
	if (p->send_epoch) {
		set_int(o, "recv_epoch", p->recv_epoch);
		set_int(o, "send_epoch", p->send_epoch);
	}
	set_int(o, "in_pkts", p->in_pkts);
	set_int(o, "in_bytes", p->in_bytes);
	set_int(o, "out_pkts", p->out_pkts);
	set_int(o, "out_bytes", p->out_bytes);
	set_int(o, "link_in_bytes", p->link_in_bytes);
	set_int(o, "link_out_bytes", p->link_out_bytes);
	set_int(o, "compressed_pkts", p->compressed_pkts);
	if (p->recv_age_ms != UINT64_MAX)
		set_real(o, "idle_s", (double)p->recv_age_ms / 1000);
}

static const char *data_format(const struct session_info *info)
{
	return info->epoch ? "epoch" : info->digest ? "cbc" : "aead";
}

json_t *stats_client(const char *gateway, const struct session_info *info,
	const struct session_lease *lease, const struct publish_peer_stats *stats, uint64_t now_ms)
{
	json_t *o = json_object();

	set_text(o, "gateway", gateway);
	set_text(o, "common_name", info->common_name);
	set_text(o, "state", info->connected_ms ? "connected" : "handshake");
	set_remote(o, &info->remote);
	if (lease) {
		set_int(o, "peer_id", lease->peer_id);
		set_addr(o, "vpn4", 4, lease->vpn4);
		set_addr(o, "vpn6", 6, lease->vpn6);
	}
	if (info->wrap)
		set_text(o, "wrap", info->wrap);
	json_object_set_new(o, "dynamic_tls_crypt", json_boolean(info->dynamic));
	if (info->cipher) {
		set_text(o, "cipher", info->cipher);
		json_object_set_new(
			o, "encrypted", json_boolean(cipher_by_name(info->cipher) != CIPHER_NONE));
	}
	if (info->cipher_why)
		set_text(o, "cipher_why", info->cipher_why);
	if (info->digest)
		set_text(o, "digest", info->digest);
	if (info->cipher)
		set_text(o, "data_format", data_format(info));
	if (info->framing != FRAMING_NONE)
		set_text(o, "framing", framing_name(info->framing));
	if (info->key_derivation)
		set_text(o, "key_derivation", info->key_derivation);
	set_text(o, "tls_version", info->tls_version);
	set_text(o, "tls_suite", info->tls_suite);
	set_int(o, "key_id", info->key_id);
	set_int(o, "renegotiations", info->renegotiations);
	set_int(o, "tls_mtu", info->tls_mtu);
	set_int(o, "floats", info->floats);
	if (info->control_rtt_ms)
		set_int(o, "control_rtt_ms", info->control_rtt_ms);
	if (info->connected_ms && now_ms >= info->connected_ms)
		set_real(o, "connected_s", (double)(now_ms - info->connected_ms) / 1000);
	set_int(o, "reload", info->reload);
	set_text(o, "outdated", info->outdated);
	if (stats)
		set_peer(o, stats);
	set_text(o, "iv_ver", info->iv_ver);
	set_text(o, "iv_plat", info->iv_plat);
	set_text(o, "iv_gui_ver", info->iv_gui_ver);
	return o;
}
