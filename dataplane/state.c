// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/state.h"

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/base/log.h"
#include "dataplane/worker.h"

LOG_TYPE("state");

#define PUNT_RING_SIZE 4096
#define CAPTURE_RING_SIZE 1024
#define POOL_CACHE 256

// An AF_XDP queue has 2048 buffers in its fill ring (received ones are replaced at once), and what
// it has sent comes back through a transmit ring and a completion ring of 2048 each. Other kinds
// of port hold less.
#define MBUFS_PER_QUEUE (2048 + 2048 + 2048)
// What a worker holds: its handoff and inject rings, the pool's cache (filled to one and a half
// times its size), and bursts it works on, waits to send or to hand over.
#define MBUFS_PER_WORKER (2 * WORKER_RING_SIZE + POOL_CACHE * 3 / 2 + 64 * WORKER_BURST)
#define MBUFS_SPARE 1024 // punt thread and control have a few in hand

static_assert(PKT_PRIV_BYTES >= sizeof(struct pkt), "state: scratch does not fit");

static uint64_t hash(uint16_t domain, uint8_t family, uint64_t hi, uint64_t lo, rte_be16_t port_be)
{
	uint64_t tag = (uint64_t)domain << 32 | (uint64_t)port_be << 16 | family;
	uint64_t h = (hi ^ tag) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32 ^ lo) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

// A packet's IPv4 address is four bytes long, not sixteen.
static void load_addr(uint8_t family, const uint8_t *addr, uint64_t *hi, uint64_t *lo)
{
	*hi = 0;
	*lo = 0;
	if (family == 4) {
		memcpy(hi, addr, 4);
	} else {
		memcpy(hi, addr, 8);
		memcpy(lo, addr + 8, 8);
	}
}

// The slot of this endpoint, or the empty one where the search ends.
static struct dp_endpoint *find(const struct dp_state *st, uint16_t domain, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be)
{
	uint64_t hi, lo, i;

	load_addr(family, addr, &hi, &lo);
	i = hash(domain, family, hi, lo, port_be);
	for (;; i++) {
		struct dp_endpoint *e = &st->endpoints[i & st->endpoint_mask];
		uint64_t e_hi, e_lo;

		if (e->family == 0)
			return e;
		memcpy(&e_hi, e->addr, 8);
		memcpy(&e_lo, e->addr + 8, 8);
		if (e_hi == hi && e_lo == lo && e->port_be == port_be && e->domain == domain &&
			e->family == family)
			return e;
	}
}

const struct dp_endpoint *state_endpoint_lookup(const struct dp_state *st, uint16_t domain,
	uint8_t family, const uint8_t *addr, rte_be16_t port_be)
{
	const struct dp_endpoint *e;

	if (unlikely(!st->endpoints))
		return NULL;
	e = find(st, domain, family, addr, port_be);
	return e->family ? e : NULL;
}

int state_endpoints_set(struct dp_state *st, const struct dp_endpoint *list, uint32_t n)
{
	uint32_t slots = rte_align32pow2(n * 2 + 2); // at most half full: searches end soon

	rte_free(st->endpoints);
	st->endpoint_mask = slots - 1;
	st->endpoints = rte_zmalloc("endpoints", slots * sizeof(*list), RTE_CACHE_LINE_SIZE);
	if (!st->endpoints)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct dp_endpoint *from = &list[i];
		struct dp_endpoint *e;
		uint64_t hi, lo;

		if (from->family != 4 && from->family != 6)
			return -EINVAL;
		e = find(st, from->domain, from->family, from->addr, from->port_be);
		if (e->family)
			return -EEXIST;
		*e = *from;
		load_addr(from->family, from->addr, &hi, &lo);
		memcpy(e->addr, &hi, 8);
		memcpy(e->addr + 8, &lo, 8);
	}
	return 0;
}

struct dp_state *state_new(uint16_t gateway_count)
{
	struct dp_state *st = rte_zmalloc("dp_state",
		sizeof(*st) + gateway_count * sizeof(st->gateways[0]), RTE_CACHE_LINE_SIZE);

	if (!st) {
		errno = ENOMEM;
		return NULL;
	}
	st->gateway_count = gateway_count;
	return st;
}

void state_free(struct dp_state *st)
{
	if (!st)
		return;
	rte_free(st->endpoints);
	rte_free(st);
}

static uint32_t data_room(const struct dp_limits *limits)
{
	return RTE_PKTMBUF_HEADROOM +
	       (limits->mbuf_data_bytes ? limits->mbuf_data_bytes : DP_MBUF_DATA_BYTES);
}

// A worker has one queue on every port.
static uint32_t queues_of(const struct dp_limits *limits)
{
	return limits->port_queues ? limits->port_queues : 2u * limits->worker_count;
}

static uint32_t mbufs_for(const struct dp_limits *limits)
{
	if (limits->mbufs)
		return limits->mbufs;
	return queues_of(limits) * MBUFS_PER_QUEUE + limits->worker_count * MBUFS_PER_WORKER +
	       PUNT_RING_SIZE + CAPTURE_RING_SIZE + MBUFS_SPARE;
}

void dp_memory_plan(const struct dp_limits *limits, struct dp_memory *out)
{
	uint32_t element = sizeof(struct rte_mbuf) + PKT_PRIV_BYTES + data_room(limits);

	out->mbufs = mbufs_for(limits);
	out->mbuf_bytes = rte_mempool_calc_obj_size(element, 0, NULL);
	// Besides the mbufs, the ring of the free ones and a cache for each lcore there could be.
	out->pool = (uint64_t)out->mbufs * out->mbuf_bytes +
		    rte_align64pow2(out->mbufs + 1) * sizeof(void *) +
		    RTE_MAX_LCORE * sizeof(struct rte_mempool_cache);
	out->peers = sizeof(struct peer_table) + (uint64_t)limits->peers_max * sizeof(void *);
	out->addresses = iroute_bytes(limits->peers_max, limits->subnets_max);
	out->routes = fib_bytes(limits->routes_max);
	out->rings = (uint64_t)(PUNT_RING_SIZE + CAPTURE_RING_SIZE) * sizeof(void *);
	out->total = out->pool + out->peers + out->addresses + out->routes + out->rings;
}

#define MB(bytes) (((bytes) + (1u << 20) - 1) >> 20)

static void log_memory(const struct dp_limits *limits)
{
	struct dp_memory m;

	dp_memory_plan(limits, &m);
	LOG(ERR,
		"hugepages do not suffice for %" PRIu64 " MB: packets %" PRIu64 " MB (%u of %u "
		"bytes, for %u queues and %u workers), clients %" PRIu64 " MB (%u), "
		"addresses %" PRIu64 " MB, routes %" PRIu64 " MB (%u): reserve more hugepages, "
		"or configure fewer clients, workers or ports",
		MB(m.total), MB(m.pool), m.mbufs, m.mbuf_bytes, queues_of(limits),
		limits->worker_count, MB(m.peers), limits->peers_max, MB(m.addresses), MB(m.routes),
		limits->routes_max);
}

static struct rte_rcu_qsbr *qsbr_new(void)
{
	struct rte_rcu_qsbr *v = rte_zmalloc(
		"qsbr", rte_rcu_qsbr_get_memsize(DP_WORKERS_MAX), RTE_CACHE_LINE_SIZE);

	if (v)
		rte_rcu_qsbr_init(v, DP_WORKERS_MAX); // cannot fail: size is in range
	return v;
}

static struct peer_table *peer_table_new(uint32_t size)
{
	struct peer_table *t = rte_zmalloc(
		"peers", sizeof(*t) + (size_t)size * sizeof(t->by_id[0]), RTE_CACHE_LINE_SIZE);

	if (t)
		t->size = size;
	return t;
}

static void pool_memory_free(struct rte_mempool_memhdr *hdr __rte_unused, void *memzone)
{
	rte_memzone_free(memzone);
}

// The mbufs side by side in one piece. An AF_XDP port registers mbufs times their size from the
// first one on with the kernel; DPDK's own way leaves gaps at page ends, which would push the
// last mbufs out of that range.
static int populate_densely(struct rte_mempool *pool, const char *name)
{
	size_t bytes = (size_t)pool->size *
		       (pool->header_size + pool->elt_size + pool->trailer_size);
	const struct rte_memzone *mz;
	int ret;

	mz = rte_memzone_reserve_aligned(name, bytes, SOCKET_ID_ANY,
		RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY, RTE_CACHE_LINE_SIZE);
	if (!mz)
		return -rte_errno;
	ret = rte_mempool_populate_iova(
		pool, mz->addr, mz->iova, mz->len, pool_memory_free, (void *)(uintptr_t)mz);
	if (ret == (int)pool->size)
		return 0;
	if (ret <= 0)
		rte_memzone_free(mz);
	return ret < 0 ? ret : -ENOMEM;
}

// Threads without a cache of their own (punt thread, control's pool) use the pool too, so its
// free list is the ring for many producers and consumers.
static struct rte_mempool *pool_new(const struct dp_limits *limits, const char *name)
{
	struct rte_pktmbuf_pool_private conf = {
		.mbuf_data_room_size = (uint16_t)data_room(limits),
		.mbuf_priv_size = PKT_PRIV_BYTES,
	};
	uint32_t element = sizeof(struct rte_mbuf) + PKT_PRIV_BYTES + data_room(limits);
	struct rte_mempool *pool;

	// With physical addresses an mbuf must not cross a page, so there DPDK places them.
	if (rte_eal_iova_mode() != RTE_IOVA_VA) {
		LOG(WARNING, "physical I/O addresses: AF_XDP ports will not work "
			     "(DPDK wants --iova-mode=va)");
		return rte_pktmbuf_pool_create_by_ops(name, mbufs_for(limits), POOL_CACHE,
			PKT_PRIV_BYTES, (uint16_t)data_room(limits), SOCKET_ID_ANY, "ring_mp_mc");
	}
	pool = rte_mempool_create_empty(name, mbufs_for(limits), element, POOL_CACHE, sizeof(conf),
		SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (!pool)
		return NULL;
	rte_pktmbuf_pool_init(pool, &conf);
	if (rte_mempool_set_ops_byname(pool, "ring_mp_mc", NULL) != 0 ||
		populate_densely(pool, name) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

static bool allocate(struct dp *dp, const struct dp_limits *limits)
{
	// DPDK's objects are found by name: one data plane after another in a test program.
	static unsigned int serial;
	struct dp_state *st = state_new(0);
	char name[32];

	atomic_store_explicit(&dp->state, st, memory_order_relaxed);
	dp->qsbr = qsbr_new();
	if (!st || !dp->qsbr)
		return false;
	dp->peers = peer_table_new(limits->peers_max);
	dp->iroute = iroute_new(limits->peers_max, limits->subnets_max, dp->qsbr);
	dp->fib = fib_new(limits->routes_max, dp->qsbr);
	if (!dp->peers || !dp->iroute || !dp->fib)
		return false;
	serial++;
	snprintf(name, sizeof(name), "dp%u_pool", serial);
	dp->pool = pool_new(limits, name);
	snprintf(name, sizeof(name), "dp%u_punt", serial);
	dp->punt = rte_ring_create(name, PUNT_RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "dp%u_capture", serial);
	dp->capture = rte_ring_create(name, CAPTURE_RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return dp->pool && dp->punt && dp->capture;
}

static bool are_valid(const struct dp_limits *l)
{
	return l->worker_count >= 1 && l->worker_count <= DP_WORKERS_MAX &&
	       l->gateways_max <= DP_GATEWAYS_MAX && l->peers_max >= 1 &&
	       l->peers_max <= PROTO_PEER_ID_MAX && data_room(l) <= UINT16_MAX;
}

struct dp *dp_new(const struct dp_limits *limits)
{
	struct dp *dp;

	if (!are_valid(limits)) {
		errno = EINVAL;
		errno_log(EINVAL, "%u workers, %u gateways, %u clients", limits->worker_count,
			limits->gateways_max, limits->peers_max);
		return NULL;
	}
	dp = rte_zmalloc("dp", sizeof(*dp), RTE_CACHE_LINE_SIZE);
	if (!dp || !allocate(dp, limits)) {
		log_memory(limits);
		dp_free(dp);
		errno = ENOMEM;
		return NULL;
	}
	dp->subnets_max = limits->subnets_max;
	dp->gateways_max = limits->gateways_max;
	dp->worker_count = limits->worker_count;
	return dp;
}

void dp_free(struct dp *dp)
{
	if (!dp)
		return;
	rte_ring_free(dp->capture);
	rte_ring_free(dp->punt);
	rte_mempool_free(dp->pool);
	fib_free(dp->fib);
	iroute_free(dp->iroute);
	rte_free(dp->peers);
	state_free(atomic_load_explicit(&dp->state, memory_order_relaxed));
	rte_free(dp->qsbr);
	rte_free(dp);
}
