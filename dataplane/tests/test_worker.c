// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The loop on a thread of its own: turns, sleep, stop.
#include "dataplane/worker.h"

#include "dataplane/inject.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path.h"

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ring.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static struct path p;
static struct path_out out;
static pthread_t thread;

static void *run(void *w)
{
	worker_run(w);
	return NULL;
}

static void begin(enum worker_poll poll)
{
	path_setup(&p, 1);
	p.w[0]->poll = poll;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run, p.w[0]), 0);
}

static void end(void)
{
	worker_stop(p.w[0]);
	pthread_join(thread, NULL);
	path_teardown(&p);
}

// Polls a condition for up to two seconds: the thread may have to wait for a CPU.
#define WAIT_FOR(condition) \
	do { \
		bool met_ = false; \
		for (int tries_ = 0; tries_ < 2000 && !met_; tries_++) { \
			met_ = (condition); \
			if (!met_) \
				usleep(1000); \
		} \
		CU_ASSERT_TRUE(met_); \
	} while (0)

static struct load_counters *load(void)
{
	return &p.w[0]->counters->load;
}

static void exception_inject(void)
{
	struct rte_mbuf *m = inject_alloc(p.dp, PKT_PORT_EXCEPTION);

	memset(rte_pktmbuf_append(m, 60), 0, 60);
	pkt_of(m)->stage = PKT_STAGE_EXCEPTION;
	pkt_of(m)->tx_port = VPN;
	CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
}

static void test_busy(void)
{
	uint64_t token;

	begin(WORKER_POLL_BUSY);
	WAIT_FOR(counter_get(&load()->turns) > 1000);
	exception_inject();
	WAIT_FOR(counter_get(&load()->inject_in) == 1);
	WAIT_FOR(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_TRUE(counter_get(&load()->idle_cycles) > 0);
	CU_ASSERT_EQUAL(counter_get(&load()->sleep_cycles), 0);
	token = rte_rcu_qsbr_start(p.dp->qsbr);
	WAIT_FOR(rte_rcu_qsbr_check(p.dp->qsbr, token, false) == 1);
	worker_stop(p.w[0]);
	pthread_join(thread, NULL);
	CU_ASSERT_TRUE(counter_get(&load()->busy_turns) >= 1);
	CU_ASSERT_TRUE(counter_get(&load()->busy_cycles) > 0);
	// A worker that has left holds nobody up.
	token = rte_rcu_qsbr_start(p.dp->qsbr);
	CU_ASSERT_EQUAL(rte_rcu_qsbr_check(p.dp->qsbr, token, false), 1);
	path_teardown(&p);
}

// Thread CPU time of the worker over a tenth of a second.
static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec a, b;

	clock_gettime(clock, &a);
	usleep(100000);
	clock_gettime(clock, &b);
	return (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000 + (uint64_t)b.tv_nsec -
	       (uint64_t)a.tv_nsec;
}

static void test_adaptive(void)
{
	clockid_t clock;
	uint64_t token;

	begin(WORKER_POLL_ADAPTIVE);
	WAIT_FOR(counter_get(&load()->sleep_cycles) > rte_get_tsc_hz() / 100);
	pthread_getcpuclockid(thread, &clock);
	CU_ASSERT_TRUE(cpu_ns(clock) < 50000000); // less than half of the time
	exception_inject();
	WAIT_FOR(path_sent(&p, VPN, 0, &out));
	token = rte_rcu_qsbr_start(p.dp->qsbr);
	WAIT_FOR(rte_rcu_qsbr_check(p.dp->qsbr, token, false) == 1);
	end();
}

// Ports are not polled; what comes from the kernel by rings is served, or the slow path would be none.
static void test_disabled(void)
{
	static const uint8_t no_frame[11];
	const struct port_counters *port;
	struct rte_mbuf *m;

	begin(WORKER_POLL_BUSY);
	port = &p.w[0]->counters->port[LINK];
	atomic_store(&p.w[0]->disabled, true);
	usleep(10000);
	m = path_mbuf(&p, no_frame, sizeof(no_frame));
	CU_ASSERT_EQUAL(rte_ring_enqueue(rte_ring_lookup("rx0_0"), m), 0);
	exception_inject();
	WAIT_FOR(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_EQUAL(counter_get(&load()->inject_in), 1);
	CU_ASSERT_EQUAL(counter_get(&port->rx_pkts), 0);
	atomic_store(&p.w[0]->disabled, false);
	WAIT_FOR(counter_get(&port->rx_pkts) == 1);
	end();
}

static void test_longest_turn(void)
{
	uint64_t hour = 3600 * rte_get_tsc_hz();

	path_setup(&p, 1);
	atomic_store(&load()->longest_turn_cycles, hour);
	counters_load_reset(p.dp, 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run, p.w[0]), 0);
	WAIT_FOR(counter_get(&load()->longest_turn_cycles) < hour);
	CU_ASSERT_TRUE(counter_get(&load()->longest_turn_cycles) > 0);
	end();
}

static void test_rings(void)
{
	struct ring_levels l;
	struct event ev = {.type = EVENT_PEER_EXIT, .peer_id = 1}, got;
	unsigned int kept = 0;

	path_setup(&p, 1);
	for (unsigned int i = 0; i < EVENT_RING_SIZE + 3; i++) {
		ev.generation = i;
		kept += event_push(p.w[0], &ev);
	}
	counters_rings(p.dp, 0, &l);
	CU_ASSERT_EQUAL(l.events, kept);
	CU_ASSERT_EQUAL(l.events_size, kept);
	CU_ASSERT_EQUAL(l.inject, 0);
	CU_ASSERT_TRUE(l.inject_size > 1000 && l.handoff_size > 1000);
	CU_ASSERT_EQUAL(counter_get(&load()->events_lost), EVENT_RING_SIZE + 3 - kept);
	for (unsigned int i = 0; i < kept; i++) {
		CU_ASSERT_TRUE(event_pop(p.dp, 0, &got));
		CU_ASSERT_EQUAL(got.generation, i);
	}
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &got));
	CU_ASSERT_FALSE(event_pop(p.dp, 7, &got));
	CU_ASSERT_PTR_NULL(counters_of(p.dp, 1));
	counters_rings(p.dp, 1, &l);
	CU_ASSERT_EQUAL(l.events_size, 0);
	path_teardown(&p);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"works and stops", test_busy},
		{"sleeps when idle", test_adaptive},
		{"polls no port when disabled", test_disabled},
		{"measures its longest turn", test_longest_turn},
		{"bounds its events", test_rings},
		{NULL, NULL},
	};

	harness_eal_init(512);
	path_ports_new();
	return harness_run("worker", tests);
}
