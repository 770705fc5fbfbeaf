// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A TAP port in a namespace of its own, with DPDK started the way the daemon does: hugepages, and
// more lcores than the machine may have CPUs.

#include "dataplane/tests/harness.h"
#include "dataplane/tests/path.h"
#include "drivers/host.h"
#include "drivers/netns.h"
#include "drivers/port.h"
#include "drivers/tests/netlab.h"

#include <CUnit/Basic.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

static struct port *path_tap(struct path *p, enum path_port place, const char *name)
{
	struct port_conf conf = {
		.kind = PORT_TAP, .side = place == LINK ? PORT_LINK : PORT_VPN, .queues = 1};
	struct port *port = NULL;

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	snprintf(conf.netns, sizeof(conf.netns), "%s", ns);
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, p->dp->pool, &port), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(port), 0);
	path_port_use(p, place, port);
	memcpy(port->mac.addr_bytes, path_mac, 6); // whom the frames are made for
	return port;
}

// The kernel's end of a TAP, as frames.
static int raw_socket(const char *name)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int token = netns_enter(ns), fd;

	ll.sll_ifindex = (int)if_nametoindex(name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&ll, sizeof(ll)), 0);
	netns_leave(token);
	return fd;
}

// Turns of the worker until a frame of ours comes out. Its length, 0: none came.
static size_t frame_through(struct path *p, int fd, uint8_t *frame, size_t size)
{
	for (int tries = 0; tries < 1000; tries++) {
		ssize_t n;

		worker_turn(p->w[0]);
		// The kernel sends of its own, too (neighbour discovery).
		while ((n = recv(fd, frame, size, 0)) > 0)
			if (!memcmp(frame, path_gateway_mac, 6) && !memcmp(frame + 6, path_mac, 6))
				return (size_t)n;
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	return 0;
}

// Sealed frames that the kernel hands to one TAP leave the other one opened, and back.
static void test_path(void)
{
	static struct path p;
	static struct path_out out, text;
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct port *link, *vpn;
	int link_fd, vpn_fd;
	uint32_t id = 0;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	link = path_tap(&p, LINK, "tap-l");
	vpn = path_tap(&p, VPN, "tap-v");
	CU_ASSERT(
		netlab_run("t", "ip link set tap-l up") && netlab_run("t", "ip link set tap-v up"));
	link_fd = raw_socket("tap-l");
	vpn_fd = raw_socket("tap-v");
	s = path_spec_in(pp, 4);
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	len = path_link_frame(pp, 0, data, len, frame);
	CU_ASSERT_EQUAL(send(link_fd, frame, len, 0), (ssize_t)len);
	len = frame_through(&p, vpn_fd, frame, sizeof(frame));
	CU_ASSERT_EQUAL(len, 14u + 20 + 8 + 19);
	CU_ASSERT_EQUAL(frame[14 + 8], 63);
	CU_ASSERT_EQUAL(memcmp(frame + 14 + 12, ip + 12, 20 + 8 + 19 - 12), 0);
	s = path_spec_out(pp, 4);
	len = path_vpn_frame(pp, &s, frame);
	CU_ASSERT_EQUAL(send(vpn_fd, frame, len, 0), (ssize_t)len);
	out.len = frame_through(&p, link_fd, out.data, sizeof(out.data));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(id, 1);
	CU_ASSERT_TRUE(packet_l4_ok(text.data));
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_out_pkts), 1);
	close(link_fd);
	close(vpn_fd);
	port_close(link);
	port_close(vpn);
	path_teardown(&p);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"lcores above the CPUs", test_lcores},
		{"tap", test_tap},
		{"data packets from TAP to TAP", test_path},
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
	path_ports_new();
	netlab_name("t", ns, sizeof(ns));
	if (!netlab_add("t"))
		return 1;
	ret = harness_run("port_tap", tests);
	netlab_del("t");
	rte_mempool_free(pool);
	host_eal_fini();
	return ret;
}
