// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/state.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int gateway_at(const struct dp_state *st, uint16_t domain, uint8_t family,
	const uint8_t *addr, rte_be16_t port_be)
{
	const struct dp_endpoint *e = state_endpoint_lookup(st, domain, family, addr, port_be);

	return e ? e->gateway : -1;
}

// Several addresses of one gateway, each with its number.
static void test_locals(void)
{
	const struct dp_endpoint list[] = {
		{.addr = {192, 0, 2, 1}, .port_be = 1194, .family = 4, .gateway = 1},
		{.addr = {192, 0, 2, 2}, .port_be = 1194, .family = 4, .gateway = 1, .local_id = 7},
		{.addr = {0x20, 1}, .port_be = 1194, .family = 6, .gateway = 1, .local_id = 2},
	};
	struct dp_state *st = state_new(2);

	CU_ASSERT_PTR_NOT_NULL_FATAL(st);
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, 3), 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct dp_endpoint *e = state_endpoint_lookup(
			st, 0, list[i].family, list[i].addr, list[i].port_be);

		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->gateway, 1);
		CU_ASSERT_EQUAL(e->local_id, list[i].local_id);
	}
	state_free(st);
}

static void test_endpoints(void)
{
	const struct dp_endpoint list[] = {
		{.addr = {192, 0, 2, 1}, .port_be = 1194, .domain = 0, .family = 4, .gateway = 0},
		{.addr = {192, 0, 2, 1}, .port_be = 1195, .domain = 0, .family = 4, .gateway = 1},
		{.addr = {192, 0, 2, 1}, .port_be = 1194, .domain = 1, .family = 4, .gateway = 2},
		{.addr = {192, 0, 2, 1}, .port_be = 1194, .domain = 0, .family = 6, .gateway = 3},
	};
	// Behind an IPv4 address a packet goes on.
	const uint8_t from_packet[] = {192, 0, 2, 1, 10, 0, 0, 1, 0xff, 0xff, 1, 2, 3, 4, 5, 6};
	const uint8_t other[16] = {192, 0, 2, 2};
	struct dp_state *st = state_new(4);

	CU_ASSERT_PTR_NOT_NULL_FATAL(st);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, from_packet, 1194), -1);
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, 4), 0);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, from_packet, 1194), 0);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, from_packet, 1195), 1);
	CU_ASSERT_EQUAL(gateway_at(st, 1, 4, from_packet, 1194), 2);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 6, list[3].addr, 1194), 3);
	CU_ASSERT_EQUAL(gateway_at(st, 1, 4, from_packet, 1195), -1);
	CU_ASSERT_EQUAL(gateway_at(st, 2, 4, from_packet, 1194), -1);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 6, from_packet, 1194), -1);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, other, 1194), -1);
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, from_packet, 1193), -1);
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, 0), 0); // none at all
	CU_ASSERT_EQUAL(gateway_at(st, 0, 4, from_packet, 1194), -1);
	state_free(st);
}

static void test_bad_endpoints(void)
{
	struct dp_endpoint list[] = {
		{.addr = {192, 0, 2, 1}, .port_be = 1194, .family = 4, .gateway = 0},
		{.addr = {192, 0, 2, 1, 9}, .port_be = 1194, .family = 4, .gateway = 1},
	};
	struct dp_state *st = state_new(2);

	// Bytes past an IPv4 address do not make it another one.
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, 2), -EEXIST);
	list[1].family = 0;
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, 2), -EINVAL);
	state_free(st);
	state_free(NULL);
}

#define MANY 1000

static void test_many_endpoints(void)
{
	static struct dp_endpoint list[MANY];
	struct dp_state *st = state_new(MANY);
	uint32_t wrong = 0;

	for (uint16_t i = 0; i < MANY; i++)
		list[i] = (struct dp_endpoint){.addr = {0xfd, [15] = (uint8_t)(i / 8)},
			.port_be = (rte_be16_t)(i % 8 + 1),
			.domain = i % 5,
			.family = 6,
			.gateway = i};
	CU_ASSERT_EQUAL(state_endpoints_set(st, list, MANY), 0);
	for (int i = 0; i < MANY; i++) {
		wrong += gateway_at(st, list[i].domain, 6, list[i].addr, list[i].port_be) != i;
		wrong += gateway_at(st, (uint16_t)(list[i].domain + 5), 6, list[i].addr,
				 list[i].port_be) != -1;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	state_free(st);
}

// The sum of what every queue, ring and worker can hold at once.
static void test_plan(void)
{
	struct dp_limits l = {.peers_max = 1000,
		.routes_max = 1000,
		.gateways_max = 4,
		.worker_count = 1,
		.port_queues = 2};
	struct dp_memory one, more;

	dp_memory_plan(&l, &one);
	// Two queues of fill, transmit and completion ring; a worker's two rings of 4096.
	CU_ASSERT(one.mbufs >= 2 * 6144 + 2 * 4096 + 4096 + 1024);
	CU_ASSERT(one.mbufs < 2 * 6144 + 2 * 4096 + 4096 + 1024 + 4096);
	// Header of mempool and mbuf, scratch, headroom, data.
	CU_ASSERT(one.mbuf_bytes >= 128 + 64 + 128 + 2304);
	CU_ASSERT(one.mbuf_bytes <= 4096); // an AF_XDP frame fits a page
	CU_ASSERT_EQUAL(one.total, one.pool + one.peers + one.addresses + one.routes + one.rings);
	CU_ASSERT(one.pool >= (uint64_t)one.mbufs * one.mbuf_bytes);
	l.port_queues = 0; // one port each side
	dp_memory_plan(&l, &more);
	CU_ASSERT_EQUAL(more.mbufs, one.mbufs);
	l.port_queues = 3;
	dp_memory_plan(&l, &more);
	CU_ASSERT_EQUAL(more.mbufs, one.mbufs + 6144);
	l.peers_max = 100000;
	dp_memory_plan(&l, &more);
	CU_ASSERT_EQUAL(more.peers - one.peers, 99000 * sizeof(void *));
	CU_ASSERT(more.addresses > one.addresses);
	l.mbufs = 777;
	dp_memory_plan(&l, &more);
	CU_ASSERT_EQUAL(more.mbufs, 777);
}

struct span {
	uintptr_t first, last;
	uint32_t count;
};

static void measure(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	struct span *s = arg;

	(void)pool;
	if (i == 0 || (uintptr_t)obj < s->first)
		s->first = (uintptr_t)obj;
	if (i == 0 || (uintptr_t)obj > s->last)
		s->last = (uintptr_t)obj;
	s->count++;
}

static void check_pool(struct dp *dp, uint32_t mbufs, uint16_t data_bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	struct rte_mempool *pool = dp->pool;
	struct span s = {0};

	// No gaps: what AF_XDP registers with the kernel has all of them.
	rte_mempool_obj_iter(pool, measure, &s);
	CU_ASSERT_EQUAL(s.count, mbufs);
	CU_ASSERT_EQUAL(s.last - s.first,
		(uintptr_t)(mbufs - 1) * (pool->header_size + pool->elt_size + pool->trailer_size));
	CU_ASSERT_EQUAL(dp->pool->size, mbufs);
	CU_ASSERT_EQUAL(dp->pool->nb_mem_chunks, 1);
	CU_ASSERT_EQUAL(rte_pktmbuf_priv_size(dp->pool), PKT_PRIV_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_headroom(m), RTE_PKTMBUF_HEADROOM);
	CU_ASSERT_EQUAL(rte_pktmbuf_tailroom(m), data_bytes);
	CU_ASSERT_EQUAL((uintptr_t)pkt_of(m) % 64, 0); // scratch is one cache line
	rte_pktmbuf_free(m);
}

static void test_dp(void)
{
	struct dp_limits l = {.peers_max = 1000,
		.routes_max = 1000,
		.gateways_max = 4,
		.worker_count = 2,
		.mbufs = 2047};
	const uint8_t addr[16] = {10, 8, 0, 2};
	struct dp_memory plan;

	dp_memory_plan(&l, &plan);
	// Twice: names are free again, and the second has nothing of the first.
	for (int i = 0; i < 2; i++) {
		struct dp *dp = dp_new(&l);

		CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
		CU_ASSERT_EQUAL(dp->worker_count, 2);
		CU_ASSERT_EQUAL(dp->gateways_max, 4);
		CU_ASSERT_PTR_NOT_NULL_FATAL(state_get(dp));
		CU_ASSERT_EQUAL(state_get(dp)->gateway_count, 0);
		CU_ASSERT_EQUAL(gateway_at(state_get(dp), 0, 4, addr, 1194), -1);
		CU_ASSERT_EQUAL(dp->peers->size, 1000);
		for (uint32_t id = 0; id < 1000; id++)
			CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, id));
		CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, 1000));
		CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, PROTO_PEER_ID_UNDEF));
		CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, 0, 4, addr), PROTO_PEER_ID_UNDEF);
		CU_ASSERT_EQUAL(iroute_add(dp->iroute, 0, 4, addr, 32, 3), 0);
		CU_ASSERT_EQUAL(fib_route_add(dp->fib, 0, 4, addr, 32, 3), 0);
		CU_ASSERT(rte_ring_get_capacity(dp->punt) >= 1023);
		CU_ASSERT(rte_ring_get_capacity(dp->capture) >= 1023);
		check_pool(dp, plan.mbufs, 2304);
		dp_free(dp);
	}
	l.mbuf_data_bytes = 3000;
	struct dp *dp = dp_new(&l);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
	check_pool(dp, plan.mbufs, 3000);
	dp_free(dp);
	dp_free(NULL);
}

static size_t heap_used(void)
{
	struct rte_malloc_socket_stats stats;

	rte_malloc_get_socket_stats(0, &stats);
	return stats.heap_allocsz_bytes;
}

// The plan is what is really taken, within the allocator's own headers.
static void test_plan_is_true(void)
{
	struct dp_limits l = {
		.peers_max = 5000, .routes_max = 3000, .worker_count = 1, .mbufs = 4095};
	size_t before = heap_used(), used;
	struct dp_memory plan;
	struct dp *dp = dp_new(&l);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
	used = heap_used() - before;
	dp_memory_plan(&l, &plan);
	fprintf(stderr, "planned %zu, taken %zu bytes\n", (size_t)plan.total, used);
	CU_ASSERT(used > plan.total * 95 / 100);
	CU_ASSERT(used < plan.total * 105 / 100);
	dp_free(dp);
	CU_ASSERT_EQUAL(heap_used(), before);
}

// What does not fit is refused, and nothing stays behind.
static void test_refused(void)
{
	struct dp_limits l = {
		.peers_max = 1000, .routes_max = 1000, .worker_count = 1, .mbufs = 1000000};
	size_t before = heap_used();

	errno = 0;
	CU_ASSERT_PTR_NULL(dp_new(&l));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_EQUAL(heap_used(), before);
	l.mbufs = 0;
	l.peers_max = PROTO_PEER_ID_MAX;
	CU_ASSERT_PTR_NULL(dp_new(&l));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_EQUAL(heap_used(), before);
	l.peers_max = PROTO_PEER_ID_UNDEF;
	CU_ASSERT_PTR_NULL(dp_new(&l));
	CU_ASSERT_EQUAL(errno, EINVAL);
	l.peers_max = 1;
	l.worker_count = DP_WORKERS_MAX + 1;
	CU_ASSERT_PTR_NULL(dp_new(&l));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"endpoints", test_endpoints},
		{"addresses of one gateway", test_locals},
		{"duplicate and invalid endpoints", test_bad_endpoints},
		{"a thousand endpoints", test_many_endpoints},
		{"memory arithmetic", test_plan},
		{"data plane new and free", test_dp},
		{"arithmetic is what is taken", test_plan_is_true},
		{"what does not fit is refused", test_refused},
		{NULL, NULL},
	};

	harness_eal_init(128);
	return harness_run("state", tests);
}
