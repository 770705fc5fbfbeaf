// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A TAP port in a namespace of its own, with DPDK started the way the daemon does: hugepages, and
// more lcores than the machine may have CPUs.

#include "dataplane/tests/harness.h"
#include "drivers/host.h"
#include "drivers/netns.h"
#include "drivers/port.h"
#include "drivers/tests/netlab.h"

#include <CUnit/Basic.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SKIPPED 77
#define MEMORY_BYTES (64 << 20)
#define ARP_BYTES 42

static struct rte_mempool *pool;
static char ns[64];

static void test_lcores(void)
{
	unsigned int lcore;

	CU_ASSERT_EQUAL(rte_lcore_count(), 4);
	CU_ASSERT_EQUAL(rte_get_main_lcore(), 0);
	for (lcore = 0; lcore < 4; lcore++)
		CU_ASSERT(rte_lcore_is_enabled(lcore));
}

// Asks the kernel's end for its address by ARP and waits for the answer.
static bool arp_answered(const struct port *p)
{
	static const uint8_t request[ARP_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
		0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 6, 0, 2, 0, 0, 0, 0, 0, 0,
		10, 6, 0, 1};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	bool answered = false;
	int tries;

	memcpy(rte_pktmbuf_append(m, ARP_BYTES), request, ARP_BYTES);
	CU_ASSERT_EQUAL(port_tx_burst(p->id, 0, &m, 1), 1);
	for (tries = 0; tries < 1000 && !answered; tries++) {
		if (port_rx_burst(p->id, 0, &m, 1) == 1) {
			const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

			// An answer (2) from 10.6.0.1.
			answered = rte_pktmbuf_pkt_len(m) >= ARP_BYTES && b[12] == 8 &&
				   b[13] == 6 && b[21] == 2 && !memcmp(b + 28, request + 38, 4);
			rte_pktmbuf_free(m);
			continue;
		}
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	return answered;
}

static void test_tap(void)
{
	struct port_conf conf = {.kind = PORT_TAP, .side = PORT_VPN, .queues = 1, .mtu = 1400};
	struct port *p = NULL;
	int token;

	snprintf(conf.name, sizeof(conf.name), "tap-a");
	snprintf(conf.netns, sizeof(conf.netns), "%s", ns);
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &p), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(p), 0);
	CU_ASSERT(p->complete_csum);
	CU_ASSERT_EQUAL(p->mtu, 1400);
	CU_ASSERT_EQUAL(if_nametoindex("tap-a"), 0);
	CU_ASSERT(netlab_run("t", "ip addr add 10.6.0.1/24 dev tap-a"));
	CU_ASSERT(netlab_run("t", "sh -c 'ip link show tap-a up | grep -q \"mtu 1400\"'"));
	CU_ASSERT(arp_answered(p));
	port_stop(p);
	port_close(p);
	token = netns_enter(ns);
	CU_ASSERT_EQUAL(if_nametoindex("tap-a"), 0);
	netns_leave(token);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"lcores above the CPUs", test_lcores},
		{"tap", test_tap},
		{NULL, NULL},
	};
	int ret;

	netlab_require();
	if (host_check(MEMORY_BYTES) < 0)
		return SKIPPED;
	if (host_eal_init("test", "1-3", 0, MEMORY_BYTES, NULL, 0) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("test", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool)
		return 1;
	netlab_name("t", ns, sizeof(ns));
	if (!netlab_add("t"))
		return 1;
	ret = harness_run("port_tap", tests);
	netlab_del("t");
	rte_mempool_free(pool);
	host_eal_fini();
	return ret;
}
