// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/node.h"

#include "control/api/capture.h"
#include "control/leftovers.h"
#include "control/mbuf_size.h"
#include "control/api/node_api.h"
#include "control/pool.h"
#include "control/publish.h"
#include "dataplane/crypto.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "dataplane/event.h"
#include "dataplane/worker.h"
#include "drivers/host.h"

#include <rte_launch.h>
#include <rte_lcore.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("node");

#define TICK_S 0.005    // grace periods, workers' events
#define GOODBYE_MS 2000 // clients get this long to acknowledge RESTART
#define EVENTS_PER_TICK 1024
#define POOL_THREADS_AUTO_MAX \
	4u // more handshakes a second than a storm of a thousand clients needs

// Snapshot ------------------------------------------------------------------------------------

static int publish(struct node *n)
{
	struct dp_endpoint *endpoints = calloc(
		(size_t)n->dp->gateways_max * DP_LOCALS_MAX, sizeof(*endpoints));
	struct dp_state *st = state_new(n->dp->gateways_max);
	uint32_t count = 0;
	uint16_t id;
	int rc = -ENOMEM;

	if (!st || !endpoints)
		goto out;
	st->version = ++n->state_version;
	fabric_fill_state(n->fabric, st);
	for (id = 0; id < n->dp->gateways_max; id++) {
		if (!n->gateways[id])
			continue;
		gateway_fill_state(n->gateways[id], &st->gateways[id]);
		count += gateway_dp_endpoints(n->gateways[id], &endpoints[count]);
	}
	rc = state_endpoints_set(st, endpoints, count);
	if (rc)
		goto out;
	publish_state(n->publish, st);
	st = NULL;
out:
	state_free(st);
	free(endpoints);
	return rc;
}

int node_publish(struct node *n)
{
	int rc = publish(n);

	if (rc && !n->publish_again)
		errno_log(rc, "workers keep the former snapshot for now");
	n->publish_again = rc != 0;
	for (uint16_t id = 0; !rc && id < n->dp->gateways_max; id++) {
		if (!n->closed[id])
			continue;
		n->closed[id] = false;
		publish_gateway_id_put(n->publish, id);
	}
	return rc;
}

// Events and ticks ----------------------------------------------------------------------------

static void worker_events(struct node *n, unsigned int worker)
{
	struct publish_peer_stats stats;
	struct client *c;
	struct event ev;

	for (int i = 0; i < EVENTS_PER_TICK && event_pop(n->dp, worker, &ev); i++) {
		c = n->client_by_peer[ev.peer_id];
		// The peer may have gone, and its id come back, since the worker wrote this.
		if (c && publish_peer_stats(n->publish, ev.peer_id, &stats) &&
			stats.generation == ev.generation)
			gateway_event(c, &ev);
	}
}

static void gateways_leave(struct node *n, uint64_t now)
{
	bool changed = false;

	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		if (!n->leaving[id]) {
			changed |= n->gateways[id] && gateway_locals_leave(n->gateways[id], now);
			continue;
		}
		if (gateway_session_count(n->gateways[id]) > 0 && now < n->leave_at_ms[id])
			continue;
		capture_end_gateway(n->capture, id);
		gateway_close(n->gateways[id]);
		n->gateways[id] = NULL;
		n->leaving[id] = false;
		n->closed[id] = true;
		changed = true;
	}
	if (changed || n->publish_again)
		node_publish(n); // logged there, and tried again
}

static bool sessions_over(const struct node *n)
{
	for (uint16_t id = 0; id < n->dp->gateways_max; id++)
		if (n->gateways[id] && gateway_session_count(n->gateways[id]) > 0)
			return false;
	return true;
}

// Somebody deleted a device that the punt thread serves.
static void devices_check(struct node *n)
{
	uint64_t gone = atomic_load_explicit(
		&slowpath_counters(n->slowpath)->devices_gone, memory_order_relaxed);

	if (gone == n->devices_gone)
		return;
	n->devices_gone = gone;
	fabric_exceptions_check(n->fabric);
	for (uint16_t id = 0; id < n->dp->gateways_max; id++)
		if (n->gateways[id])
			gateway_tun_check(n->gateways[id]);
}

static void tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct node *n = t->data;
	uint64_t now = clock_ms(), pause;

	(void)revents;
	pause = n->last_tick_ms ? now - n->last_tick_ms : 0;
	if (pause > n->longest_pause_ms)
		n->longest_pause_ms = pause;
	n->last_tick_ms = now;
	for (unsigned int i = 0; i < n->dp->worker_count; i++)
		worker_events(n, i);
	publish_tick(n->publish);
	devices_check(n);
	if (!n->stopping)
		gateways_leave(n, now);
	else if (sessions_over(n) || now >= n->stop_at_ms)
		ev_break(loop, EVBREAK_ALL);
}

static void routes_changed(void *arg, uint16_t domain)
{
	struct node *n = arg;

	for (uint16_t id = 0; n->dp && id < n->dp->gateways_max; id++)
		if (n->gateways[id])
			gateway_routes_changed(n->gateways[id], domain);
}

// The data plane's table of endpoints says whose datagram it was.
static void too_big(void *arg, uint16_t domain, const struct icmp_too_big *r)
{
	struct node *n = arg;
	const struct dp_endpoint *e = state_endpoint_lookup(
		state_get(n->dp), domain, r->local.family, r->local.addr, r->local.port_be);

	if (e && n->gateways[e->gateway])
		gateway_too_big(n->gateways[e->gateway], e->local_id, r);
}

// Start ---------------------------------------------------------------------------------------

// Worker lcores when none are named: the machine's last cores, but never control's. On a machine
// with too few, lcore numbers go on past the last core and share cores (host_eal_init).
static void choose_lcores(const struct conf *c, char *out, size_t size)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int lcore = cpus > c->workers ? (unsigned int)(cpus - c->workers) : 0;
	size_t len = 0;

	for (unsigned int left = c->workers; left > 0 && len < size; lcore++) {
		if (lcore == c->control_lcore)
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%u", len ? "," : "", lcore);
		left--;
	}
}

static int start_eal(struct node *n)
{
	const struct conf *c = n->conf;
	char lcores[sizeof(c->lcores)];
	const char *pci[PORT_ACCELERATED_MAX] = {0};
	const char *why = NULL;
	size_t pci_count = 0;
	int rc;

	rc = host_check(c->memory_bytes);
	if (rc)
		return rc;
	for (size_t i = 0; i < c->interface_count; i++)
		if (c->interfaces[i].driver == PORT_PCI)
			pci[pci_count++] = c->interfaces[i].name;
	snprintf(lcores, sizeof(lcores), "%s", c->lcores);
	if (!lcores[0])
		choose_lcores(c, lcores, sizeof(lcores));
	rc = host_eal_init("sluiced", lcores, c->control_lcore, c->memory_bytes, pci, pci_count);
	if (rc)
		return rc;
	n->eal_up = true;
	rc = crypto_init(&why);
	if (rc)
		LOG(ERR, "crypto engine: %s", why);
	else
		LOG(NOTICE, "crypto engine: %s", crypto_engine_name());
	return rc;
}

static int start_dp(struct node *n, bool idle_workers)
{
	const struct conf *c = n->conf;
	struct dp_limits limits = {
		.peers_max = conf_clients_max(c),
		.subnets_max = conf_subnets_count(c),
		.routes_max = c->max_routes,
		.gateways_max = DP_GATEWAYS_MAX,
		.worker_count = c->workers,
	};
	uint16_t index = 0;
	unsigned int lcore;
	int rc;

	// Room for replaced clients whose peer ids have not come back yet, and for a reload.
	limits.peers_max += limits.peers_max / 4 + 256;
	limits.subnets_max += limits.subnets_max / 4 + 256;
	rc = mbuf_size_choose(c, &limits.mbuf_data_bytes);
	if (rc)
		return rc;
	limits.port_queues = (uint32_t)(c->interface_count * c->workers);
	n->dp = dp_new(&limits);
	if (!n->dp)
		return -errno;
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		struct worker *w;

		if (index == c->workers)
			break;
		w = worker_new(n->dp, index++, lcore, c->poll);
		if (!w)
			return errno_log(errno, "worker on lcore %u", lcore);
		atomic_store(&w->disabled, idle_workers);
	}
	if (index < c->workers) {
		LOG(ERR, "workers: %u, but there are only %u worker lcores", c->workers, index);
		return -EINVAL;
	}
	n->client_by_peer = calloc(n->dp->peers->size, sizeof(*n->client_by_peer));
	n->publish = publish_new(n->dp);
	n->slowpath = slowpath_start(n->dp);
	return n->client_by_peer && n->publish && n->slowpath ? 0 : -ENOMEM;
}

struct gateway_env node_gateway_env(struct node *n)
{
	return (struct gateway_env){
		.loop = n->loop,
		.dp = n->dp,
		.publish = n->publish,
		.slowpath = n->slowpath,
		.fabric = n->fabric,
		.pool = n->pool,
		.half_open = &n->half_open,
		.client_by_peer = n->client_by_peer,
		.capture = n->capture_flags,
	};
}

// Every core but the workers'; control's too if there is no other.
static void pool_cpus(const struct node *n, cpu_set_t *cpus)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(cpus);
	for (long i = 0; i < count && i < CPU_SETSIZE; i++)
		CPU_SET((size_t)i, cpus);
	for (unsigned int i = 0; i < n->dp->worker_count; i++)
		CPU_CLR((size_t)rte_lcore_to_cpu_id((int)n->dp->workers[i]->lcore_id), cpus);
	if (CPU_COUNT(cpus) == 0)
		CPU_SET((size_t)rte_lcore_to_cpu_id((int)rte_lcore_id()), cpus);
}

static int start_pool(struct node *n)
{
	unsigned int threads = n->conf->tls_threads;
	cpu_set_t cpus;

	pool_cpus(n, &cpus);
	if (threads == 0)
		threads = RTE_MIN((unsigned int)CPU_COUNT(&cpus), POOL_THREADS_AUTO_MAX);
	n->half_open.max = n->conf->max_handshakes;
	n->pool = pool_new(n->loop, threads, &cpus);
	return n->pool ? 0 : -errno;
}

static int start_fabric(struct node *n)
{
	struct fabric_ops ops = {.routes_changed = routes_changed, .too_big = too_big, .arg = n};
	struct gateway_env env;

	leftovers_remove(n->conf);
	n->fabric = fabric_open(n->conf, n->loop, n->dp, n->publish, n->slowpath, &ops);
	if (!n->fabric)
		return -errno;
	env = node_gateway_env(n);
	for (size_t i = 0; i < n->conf->gateway_count; i++) {
		int id = publish_gateway_id_get(n->publish);

		if (id < 0)
			return errno_log(id, "more than %u gateways", n->dp->gateways_max);
		n->gateways[id] = gateway_open(&env, &n->conf->gateways[i], (uint16_t)id);
		if (!n->gateways[id])
			return -errno;
	}
	return node_publish(n);
}

static int start_workers(struct node *n)
{
	for (unsigned int i = 0; i < n->dp->worker_count; i++) {
		struct worker *w = n->dp->workers[i];
		int rc = rte_eal_remote_launch(worker_run, w, w->lcore_id);

		if (rc)
			return errno_log(rc, "cannot start the worker on lcore %u", w->lcore_id);
		n->lcores_up = true;
	}
	return 0;
}

static int node_bring_up(struct node *n, bool idle_workers)
{
	int rc;

	n->loop = ev_default_loop(EVFLAG_AUTO);
	if (!n->loop)
		return errno_log(ENOSYS, "event loop");
	rc = start_eal(n);
	if (!rc)
		rc = start_dp(n, idle_workers);
	if (!rc)
		rc = start_pool(n);
	if (!rc)
		rc = start_fabric(n);
	if (!rc)
		rc = node_api_start(n);
	if (!rc)
		rc = start_workers(n);
	return rc;
}

struct node *node_start(struct conf *conf, bool idle_workers)
{
	struct node *n = calloc(1, sizeof(*n));
	int rc;

	if (!n) {
		conf_free(conf);
		return NULL;
	}
	n->conf = conf;
	n->started_ms = clock_ms();
	ev_timer_init(&n->tick, tick, TICK_S, TICK_S);
	n->tick.data = n;
	rc = node_bring_up(n, idle_workers);
	if (rc) {
		node_stop(n);
		errno = -rc;
		return NULL;
	}
	ev_timer_start(n->loop, &n->tick);
	LOG(NOTICE, "running: %zu gateways, %u workers", conf->gateway_count, conf->workers);
	return n;
}

// Stop ----------------------------------------------------------------------------------------

void node_run(struct node *n)
{
	ev_run(n->loop, 0);
}

void node_shutdown(struct node *n)
{
	if (n->stopping)
		return;
	n->stopping = true;
	n->stop_at_ms = clock_ms() + GOODBYE_MS;
	for (uint16_t id = 0; id < n->dp->gateways_max; id++)
		if (n->gateways[id])
			gateway_restart_clients(n->gateways[id], NULL);
}

void node_stop(struct node *n)
{
	if (!n)
		return;
	if (n->loop)
		ev_timer_stop(n->loop, &n->tick);
	node_api_stop(n);
	for (uint16_t id = 0; n->dp && id < n->dp->gateways_max; id++)
		gateway_close(n->gateways[id]);
	pool_free(n->pool);
	for (unsigned int i = 0; n->lcores_up && i < n->dp->worker_count; i++)
		worker_stop(n->dp->workers[i]);
	if (n->lcores_up)
		rte_eal_mp_wait_lcore();
	fabric_close(n->fabric);
	slowpath_stop(n->slowpath);
	publish_free(n->publish);
	for (unsigned int i = 0; n->dp && i < n->dp->worker_count; i++)
		worker_free(n->dp->workers[i]);
	dp_free(n->dp);
	if (n->eal_up)
		host_eal_fini();
	free(n->client_by_peer);
	conf_free(n->conf);
	free(n);
}

struct gateway *node_gateway(const struct node *n, const char *name)
{
	for (uint16_t id = 0; id < n->dp->gateways_max; id++)
		if (n->gateways[id] && !n->leaving[id] &&
			!strcmp(gateway_conf(n->gateways[id])->name, name))
			return n->gateways[id];
	return NULL;
}
