// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The kinds of port that need no root: a packet across each, and what is refused.

#include "dataplane/tests/harness.h"
#include "drivers/port.h"

#include <CUnit/Basic.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 100

static struct rte_mempool *pool;
// Short: two paths below it make one name of a port.
static char dir[] = "/tmp/slpXXXXXX";

static struct port_conf conf_of(enum port_kind kind, uint16_t queues, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static struct port_conf conf_of(enum port_kind kind, uint16_t queues, const char *fmt, ...)
{
	struct port_conf conf = {.kind = kind, .side = PORT_LINK, .queues = queues};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(conf.name, sizeof(conf.name), fmt, ap);
	va_end(ap);
	return conf;
}

static struct port *open_started(const struct port_conf *conf)
{
	struct port *p = NULL;

	CU_ASSERT_EQUAL_FATAL(port_open(conf, pool, &p), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(p), 0);
	CU_ASSERT_EQUAL(p->kind, conf->kind);
	CU_ASSERT_EQUAL(p->side, conf->side);
	CU_ASSERT_EQUAL(p->queues, conf->queues);
	CU_ASSERT(p->needs_exception);
	CU_ASSERT_STRING_EQUAL(p->name, conf->name);
	return p;
}

static struct rte_mbuf *frame(uint8_t mark)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memset(rte_pktmbuf_append(m, FRAME_BYTES), mark, FRAME_BYTES);
	return m;
}

static void send_mark(const struct port *p, uint16_t queue, uint8_t mark)
{
	struct rte_mbuf *m = frame(mark);
	uint16_t sent = port_tx_burst(p->id, queue, &m, 1);

	CU_ASSERT_EQUAL(sent, 1);
	if (!sent)
		rte_pktmbuf_free(m);
}

// The mark of the next packet of the queue, -1: none comes.
static int receive_mark(const struct port *p, uint16_t queue)
{
	struct rte_mbuf *m;
	int mark, tries;

	for (tries = 0; tries < 50; tries++) {
		if (port_rx_burst(p->id, queue, &m, 1) == 1) {
			const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

			CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), FRAME_BYTES);
			CU_ASSERT_EQUAL(b[0], b[FRAME_BYTES - 1]);
			mark = b[0];
			rte_pktmbuf_free(m);
			return mark;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return -1;
}

static void test_names(void)
{
	static const char *const names[] = {
		"af_xdp", "pci", "memif", "tap", "ring", "null", "pcap"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CU_ASSERT_EQUAL(port_kind_by_name(names[i]), (int)i);
		CU_ASSERT_STRING_EQUAL(port_kind_name((enum port_kind)i), names[i]);
	}
	CU_ASSERT_EQUAL(port_kind_by_name("dpdk"), -1);
	CU_ASSERT_EQUAL(port_kind_by_name(""), -1);
	CU_ASSERT_STRING_EQUAL(port_kind_name((enum port_kind)99), "?");
}

static void test_ring_loop(void)
{
	struct port_conf conf = conf_of(PORT_RING, 2, "loop");
	struct port *p = open_started(&conf);

	send_mark(p, 0, 1);
	send_mark(p, 1, 2);
	CU_ASSERT_EQUAL(receive_mark(p, 0), 1);
	CU_ASSERT_EQUAL(receive_mark(p, 0), -1);
	CU_ASSERT_EQUAL(receive_mark(p, 1), 2);
	port_stop(p);
	port_close(p);
}

static void test_ring_wire(void)
{
	struct port_conf conf[2] = {
		conf_of(PORT_RING, 2, "wire/0"), conf_of(PORT_RING, 2, "wire/1")};
	unsigned int in_use = rte_mempool_in_use_count(pool);
	struct port *end[2], *again = NULL;
	int turn;

	// Twice, so that closing has left nothing of the wire, nor a packet that was under way.
	for (turn = 0; turn < 2; turn++) {
		end[0] = open_started(&conf[0]);
		end[1] = open_started(&conf[1]);
		send_mark(end[0], 0, 1);
		send_mark(end[0], 1, 2);
		send_mark(end[1], 0, 3);
		CU_ASSERT_EQUAL(receive_mark(end[1], 1), 2);
		CU_ASSERT_EQUAL(receive_mark(end[1], 0), 1);
		CU_ASSERT_EQUAL(receive_mark(end[0], 0), 3);
		CU_ASSERT_EQUAL(receive_mark(end[0], 1), -1);
		send_mark(end[0], 0, 4);
		CU_ASSERT_EQUAL(port_open(&conf[1], pool, &again), -EEXIST);
		port_close(end[0]);
		port_close(end[1]);
		CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), in_use);
	}
}

static void test_null(void)
{
	struct port_conf conf = conf_of(PORT_NULL, 1, "null0");
	struct rte_eth_stats stats;
	struct rte_mbuf *m[4];
	struct port *p;
	int i;

	// More than the 128 bytes that DPDK's hotplug takes.
	conf.devargs_extra = "size=11,copy=0,size=22,copy=0,size=33,copy=0,size=44,copy=0,"
			     "size=55,copy=0,size=66,copy=0,size=11,copy=0,size=22,copy=0,size=77";
	p = open_started(&conf);
	CU_ASSERT_EQUAL(port_rx_burst(p->id, 0, m, 4), 4);
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m[i]), 77);
		rte_pktmbuf_free(m[i]);
	}
	send_mark(p, 0, 1);
	CU_ASSERT_EQUAL(port_stats(p, &stats), 0);
	CU_ASSERT_EQUAL(stats.ipackets, 4);
	CU_ASSERT_EQUAL(stats.opackets, 1);
	port_close(p);
}

// What a port wrote another one reads.
static void test_pcap(void)
{
	struct port_conf out = conf_of(PORT_PCAP, 1, ":%s/a.pcap", dir);
	struct port_conf in = conf_of(PORT_PCAP, 1, "%s/a.pcap:%s/b.pcap", dir, dir);
	struct port *p = open_started(&out);
	int i;

	for (i = 1; i <= 3; i++)
		send_mark(p, 0, (uint8_t)i);
	port_close(p);
	p = open_started(&in);
	for (i = 1; i <= 3; i++)
		CU_ASSERT_EQUAL(receive_mark(p, 0), i);
	CU_ASSERT_EQUAL(receive_mark(p, 0), -1);
	port_close(p);
}

static bool link_becomes(const struct port *p, bool up)
{
	struct rte_eth_link link = {.link_status = !up};
	int tries;

	for (tries = 0; tries < 2000 && link.link_status != up; tries++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		if (rte_eth_link_get_nowait(p->id, &link) < 0)
			return false;
	}
	return link.link_status == up;
}

// Both ends in one process; the connection is made in the background.
static void test_memif(void)
{
	struct port_conf server = conf_of(PORT_MEMIF, 2, "%s/m.sock", dir), client = server;
	struct port *s, *c;

	server.memif_server = true;
	server.memif_id = client.memif_id = 7;
	s = open_started(&server);
	c = open_started(&client);
	CU_ASSERT(link_becomes(c, true));
	CU_ASSERT(link_becomes(s, true));
	// The client hands out its buffers with its first look.
	CU_ASSERT_EQUAL(receive_mark(c, 0), -1);
	send_mark(c, 0, 1);
	send_mark(c, 1, 2);
	send_mark(s, 0, 3);
	CU_ASSERT_EQUAL(receive_mark(s, 0), 1);
	CU_ASSERT_EQUAL(receive_mark(s, 1), 2);
	CU_ASSERT_EQUAL(receive_mark(c, 0), 3);
	CU_ASSERT_EQUAL(receive_mark(c, 1), -1);
	port_close(c);
	// The driver's thread takes leave of the other end. In the middle of that DPDK 22.11 does not
	// bear that end to be closed as well.
	CU_ASSERT(link_becomes(s, false));
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	port_close(s);
}

static void test_errors(void)
{
	const struct {
		struct port_conf conf;
		int ret;
	} rows[] = {
		{conf_of(PORT_RING, 1, "%s", ""), -EINVAL},
		{conf_of(PORT_RING, 0, "x"), -EINVAL},
		{conf_of(PORT_RING, PORT_QUEUES_MAX + 1, "x"), -EINVAL},
		{conf_of((enum port_kind)99, 1, "x"), -EINVAL},
		{conf_of(PORT_RING, 1, "x/2"), -EINVAL},
		{conf_of(PORT_RING, 1, "x/0/1"), -EINVAL},
		{conf_of(PORT_RING, 1, "/0"), -EINVAL},
		{conf_of(PORT_RING, 1, "sixteencharacter"), -EINVAL},
		{conf_of(PORT_PCAP, 1, "no-colon"), -EINVAL},
		{conf_of(PORT_PCAP, 2, "%s/a.pcap:", dir), -EINVAL},
		{conf_of(PORT_MEMIF, 1, "a,b"), -EINVAL},
		{conf_of(PORT_TAP, 1, "a-name-too-long-x"), -EINVAL},
		{conf_of(PORT_AF_XDP, 1, "nosuch0"), -ENODEV},
		{conf_of(PORT_PCI, 1, "eth0"), -EINVAL},
		{conf_of(PORT_PCI, 1, "ffff:ff:1f.7"), -ENODEV},
	};
	struct port *p = NULL;
	struct port_conf conf;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int ret = port_open(&rows[i].conf, pool, &p);

		if (ret != rows[i].ret)
			printf("\n    row %zu \"%s\": %d\n", i, rows[i].conf.name, ret);
		CU_ASSERT_EQUAL(ret, rows[i].ret);
		CU_ASSERT_PTR_NULL(p);
	}
	conf = conf_of(PORT_PCAP, 1, "%s/nothing.pcap:", dir);
	CU_ASSERT(port_open(&conf, pool, &p) < 0);
	conf = conf_of(PORT_NULL, 1, "x");
	snprintf(conf.netns, sizeof(conf.netns), "no-such-namespace-here");
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -ENODEV);
	port_close(NULL);
}

static void test_at_most(void)
{
	struct port *ports[PORT_ACCELERATED_MAX], *more = NULL;
	struct port_conf conf = conf_of(PORT_NULL, 1, "many");
	int i;

	for (i = 0; i < PORT_ACCELERATED_MAX; i++)
		CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &ports[i]), 0);
	CU_ASSERT_EQUAL(port_open(&conf, pool, &more), -ENOSPC);
	for (i = 0; i < PORT_ACCELERATED_MAX; i++)
		port_close(ports[i]);
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &more), 0);
	port_close(more);
}

static void files_remove(void)
{
	static const char *const names[] = {"a.pcap", "b.pcap", "m.sock"};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"names of kinds", test_names},
		{"ring to itself", test_ring_loop},
		{"ring as a wire", test_ring_wire},
		{"null", test_null},
		{"pcap", test_pcap},
		{"memif, both ends", test_memif},
		{"errors", test_errors},
		{"at most 24", test_at_most},
		{NULL, NULL},
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	harness_eal_init(256);
	pool = rte_pktmbuf_pool_create("test", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	ret = pool ? harness_run("port", tests) : 1;
	files_remove();
	return ret;
}
