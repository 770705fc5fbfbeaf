// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What enters and leaves through rings: other workers, punt thread, control; and full queues.
#include "dataplane/tests/path.h"

#include "dataplane/capture.h"
#include "dataplane/handoff.h"
#include "dataplane/inbound.h"
#include "dataplane/inject.h"
#include "dataplane/outbound.h"
#include "dataplane/overload.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ring.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct path p;
static struct path_out out, text;

static struct rte_mbuf *injected(uint16_t port, enum pkt_stage stage, const void *data, size_t len)
{
	struct rte_mbuf *m = inject_alloc(p.dp, port);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	pkt_of(m)->stage = (uint8_t)stage;
	return m;
}

static void test_handoff(void)
{
	struct path_peer *pp;
	struct packet_spec in, back;
	uint32_t id;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	in = path_spec_in(pp, 4);
	back = path_spec_out(pp, 4);
	for (unsigned int i = 0; i < 5; i++) {
		path_client_sends(&p, 0, pp, &in);
		path_host_sends(&p, 0, pp, &back);
	}
	CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
	handoff_flush(p.w[0]);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->load.handoff_out), 10);
	CU_ASSERT_EQUAL(pp->key->send_pktid.last, 0); // the owner alone gives ids
	CU_ASSERT_EQUAL(worker_turn(p.w[1]), 10);
	CU_ASSERT_EQUAL(counter_get(&p.w[1]->counters->load.handoff_in), 10);
	for (uint32_t i = 1; i <= 5; i++) {
		CU_ASSERT_TRUE(path_sent(&p, VPN, 1, &out));
		CU_ASSERT_EQUAL(out.data[14 + 8], 63);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 1, &out));
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, i);
		CU_ASSERT_EQUAL(text.data[8], 63); // one hop, not two
	}
	// Counted by the port they came from, wherever they end.
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].rx_pkts), 5);
	CU_ASSERT_EQUAL(counter_get(&p.w[1]->counters->port[LINK].carried), 5);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->fast_in_pkts), 5);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->fast_out_pkts), 5);
	path_teardown(&p);
}

// The peer went away, and another came under its id, while packets waited.
static void test_stale(void)
{
	struct path_peer *pp;
	struct packet_spec in, back;
	struct rte_mbuf *m;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	in = path_spec_in(pp, 4);
	back = path_spec_out(pp, 4);
	path_client_sends(&p, 0, pp, &in);
	path_host_sends(&p, 0, pp, &back);
	handoff_flush(p.w[0]);
	m = injected(PKT_PORT_CONTROL, PKT_STAGE_SEAL, "0123456789abcdef", 16);
	pkt_of(m)->peer_id = pp->id;
	pkt_of(m)->generation = pp->peer->generation;
	CU_ASSERT_EQUAL(inject_push(p.dp, 1, m), 0);
	path_peer_del(&p, 0);
	path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	worker_turn(p.w[1]);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_STALE), 1);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_STALE), 1);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_CONTROL, DROP_STALE), 1);
	CU_ASSERT_FALSE(path_sent(&p, LINK, 1, &out));
	CU_ASSERT_FALSE(path_sent(&p, VPN, 1, &out));
	path_teardown(&p);
}

static void test_handoff_full(void)
{
	struct path_peer *pp;
	struct packet_spec s;
	unsigned int left;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	s = path_spec_in(pp, 4);
	left = rte_ring_get_capacity(p.w[1]->handoff);
	for (unsigned int i = 0; i < left + 10; i++)
		path_client_sends(&p, 0, pp, &s);
	handoff_flush(p.w[0]);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_HANDOFF_FULL), 10);
	while (worker_turn(p.w[1]))
		while (path_sent(&p, VPN, 1, &out))
			continue;
	pp->peer->owner = 17; // no such worker
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_HANDOFF_FULL), 11);
	path_teardown(&p);
}

static void test_socket(void)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct rte_mbuf *m;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	for (unsigned int i = 0; i < 3; i++) {
		len = path_seal(pp, ip, packet_build(ip, &s), data);
		m = injected(PKT_PORT_SOCKET, PKT_STAGE_INBOUND_LINK, data, len);
		pkt_of(m)->gateway = i == 1 ? PKT_GATEWAY_NONE : 0;
		pkt_of(m)->link_family = 4;
		pkt_of(m)->local_id = 0;
		pkt_of(m)->link_port_be = htons(pp->remote_port);
		memcpy(pkt_of(m)->link_addr, pp->remote, 16);
		if (i == 2)
			*rte_pktmbuf_mtod(m, uint8_t *) = 0x38;
		CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
	}
	CU_ASSERT_EQUAL(worker_turn(p.w[0]), 3);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_SOCKET, DROP_NO_ENDPOINT), 1);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_SOCKET, DROP_NOT_OURS), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 0);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_in_pkts), 1);
	CU_ASSERT_EQUAL(inject_push(p.dp, 9, NULL), -ENOBUFS);
	path_teardown(&p);
}

// What the kernel routed to the TUN has lost its hop already, and never goes back.
static void test_tun(void)
{
	uint8_t ip[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	uint32_t id;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	path_peer_add(&p, 1, (struct path_peer_conf){.gateway = 1});
	p.st->gateways[0].fast_path = false;
	p.st->gateways[0].tun_mtu = 40;
	s = path_spec_out(pp, 4);
	s.ttl = 1;
	for (unsigned int i = 0; i < 4; i++) {
		size_t len = packet_build(ip, &s) - (i == 3);
		struct rte_mbuf *m = injected(PKT_PORT_TUN, PKT_STAGE_OUTBOUND_TUN, ip, len);

		// 1: a client of another gateway; 2: no gateway; 3: truncated
		pkt_of(m)->gateway = i == 1 ? 1 : i == 2 ? 3 : 0;
		CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
	}
	worker_turn(p.w[0]);
	worker_turn(p.w[1]);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 1, &out));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(text.data[8], 1);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_TUN, DROP_NO_PEER), 2);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_TUN, DROP_TRUNCATED), 1);
	CU_ASSERT_FALSE(path_punted(&p, &out));
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->slow_out_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->fast_out_pkts), 0);
	path_teardown(&p);
}

static void test_message(void)
{
	struct path_peer *pp;
	struct rte_mbuf *m;
	uint32_t id;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	for (unsigned int worker = 0; worker < 2; worker++) {
		m = injected(PKT_PORT_CONTROL, PKT_STAGE_SEAL, proto_ping, PROTO_PING_BYTES);
		pkt_of(m)->peer_id = pp->id;
		pkt_of(m)->generation = pp->peer->generation;
		CU_ASSERT_EQUAL(inject_push(p.dp, worker, m), 0);
		worker_turn(p.w[0]);
		worker_turn(p.w[1]);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 1, &out));
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, worker + 1);
		CU_ASSERT_EQUAL(text.len, PROTO_PING_BYTES);
		CU_ASSERT_EQUAL(memcmp(text.data, proto_ping, PROTO_PING_BYTES), 0);
	}
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->pings_out), 2);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->out_pkts), 0);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->slow_out_pkts), 0);
	path_teardown(&p);
}

// No room in front for the outer headers.
static void test_no_room(void)
{
	struct path_peer *pp;
	struct rte_mbuf *m;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	m = inject_alloc(p.dp, PKT_PORT_CONTROL);
	m->data_off = 40;
	memset(rte_pktmbuf_append(m, 16), 1, 16);
	pkt_of(m)->stage = PKT_STAGE_SEAL;
	pkt_of(m)->peer_id = pp->id;
	pkt_of(m)->generation = pp->peer->generation;
	CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
	worker_turn(p.w[0]);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_CONTROL, DROP_NO_ROOM), 1);
	CU_ASSERT_EQUAL(pp->key->send_pktid.last, 0);
	path_teardown(&p);
}

static void test_exception(void)
{
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct rte_mbuf *m;

	path_setup(&p, 1);
	for (unsigned int i = 0; i < 2; i++) {
		m = injected(PKT_PORT_EXCEPTION, PKT_STAGE_EXCEPTION, frame, sizeof(frame));
		pkt_of(m)->tx_port = i ? 30 : BOTH;
		CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
	}
	worker_turn(p.w[0]);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, BOTH, 0, &out));
	CU_ASSERT_EQUAL(out.len, sizeof(frame));
	CU_ASSERT_EQUAL(memcmp(out.data, frame, sizeof(frame)), 0);
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_EXCEPTION, DROP_NO_NEXTHOP), 1);
	path_teardown(&p);
}

// What the port does not take is not carried.
static void test_tx_full(void)
{
	unsigned int room = PATH_TX_RING - 1, sent = 0;
	static const uint8_t payload[1440];
	struct path_peer *pp;
	struct packet_spec s;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	for (unsigned int i = 0; i < room + 9; i++)
		path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_TX_FULL), 9);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].carried), room);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), room);
	// Datagrams of two fragments: one half fits no more, the whole is lost.
	s = path_spec_out(pp, 4);
	s.payload = payload;
	s.payload_len = sizeof(payload);
	for (unsigned int i = 0; i < room / 2 + 3; i++)
		path_host_sends(&p, 0, pp, &s);
	while (path_sent(&p, LINK, 0, &out))
		sent++;
	CU_ASSERT_EQUAL(sent, room);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].carried), room / 2);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_TX_FULL), 3);
	path_teardown(&p);
}

static void test_punt_full_and_limit(void)
{
	struct path_peer *pp;
	struct packet_spec s;
	unsigned int room, i;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	harness_hex(PATH_SELF4, s.dst, 16);
	for (i = 0; i < PUNT_PEER_BURST + 7; i++)
		path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_PUNT_LIMIT), 7);
	p.now_tsc += rte_get_tsc_hz(); // full again
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_PUNT_LIMIT), 7);
	// Frames of the port's own have no limit but the ring's.
	p.st->ports[LINK].has_exception = true;
	room = rte_ring_free_count(p.dp->punt);
	for (i = 0; i < room + 5; i++)
		path_in(&p, 0, LINK, (const uint8_t[60]){0xff}, 60);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_PUNT_FULL), 5);
	path_teardown(&p);
}

// Fragments need mbufs, of which there are none left.
static void test_no_mbuf(void)
{
	static const uint8_t payload[1440];
	static struct rte_mbuf *taken[16384];
	struct path_peer *pp;
	struct packet_spec s;
	struct rte_mbuf *m;
	uint8_t frame[PACKET_MAX];
	unsigned int n = 0;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 4);
	s.payload = payload;
	s.payload_len = sizeof(payload);
	len = path_vpn_frame(pp, &s, frame);
	m = path_mbuf(&p, frame, len);
	while ((taken[n] = rte_pktmbuf_alloc(p.dp->pool)))
		n++;
	p.w[0]->st = state_get(p.dp);
	outbound_burst(p.w[0], VPN, &m, 1);
	worker_tx_flush(p.w[0]);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_MBUF), 1);
	CU_ASSERT_PTR_NOT_NULL(m = inject_alloc(p.dp, PKT_PORT_TUN)); // the dropped one's
	CU_ASSERT_PTR_NULL(inject_alloc(p.dp, PKT_PORT_TUN));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free_bulk(taken, n);
	path_teardown(&p);
}

// Two gateways want more than the worker can do: the one above its share is cut, before the cipher.
static void test_overload(void)
{
	struct path_peer *pp[2];
	struct packet_spec s;

	path_setup(&p, 1);
	for (unsigned int g = 0; g < 2; g++)
		pp[g] = path_peer_add(&p, g * 4, (struct path_peer_conf){.gateway = (uint16_t)g});
	p.w[0]->overload->saturated = true;
	p.w[0]->overload->limit = 1000;
	for (unsigned int i = 0; i < 40; i++) {
		s = path_spec_in(pp[0], 4);
		path_client_sends(&p, 0, pp[0], &s);
		CU_ASSERT_EQUAL(path_sent(&p, VPN, 0, &out), i < 15); // 71 bytes each
	}
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_OVERLOAD), 25);
	CU_ASSERT_EQUAL(pp[0]->key->recv_pktid.highest, 15);
	s = path_spec_in(pp[1], 4);
	path_client_sends(&p, 0, pp[1], &s);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	s = path_spec_out(pp[0], 4);
	path_host_sends(&p, 0, pp[0], &s);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_OVERLOAD), 1);
	CU_ASSERT_EQUAL(pp[0]->key->send_pktid.last, 0);
	path_teardown(&p);
}

static unsigned int copies_of(unsigned int packets, struct path_peer *pp)
{
	struct packet_spec s = path_spec_out(pp, 4);
	struct rte_mbuf *c[WORKER_BURST];
	unsigned int copies = 0, n;

	for (unsigned int i = 0; i < packets; i++) {
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out)); // carried, copied or not
		while ((n = capture_pop_burst(p.dp, c, WORKER_BURST))) {
			rte_pktmbuf_free_bulk(c, n);
			copies += n;
		}
	}
	return copies;
}

// CAPTURE_PPS copies a second and a burst of a hundredth of that; every other one is counted.
static void test_capture_limit(void)
{
	const unsigned int burst = CAPTURE_PPS / 100;
	const struct load_counters *load;
	struct path_peer *pp;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	load = &p.w[0]->counters->load;
	p.capture[0] = CAPTURE_VPN;
	CU_ASSERT_EQUAL(copies_of(burst + 50, pp), burst);
	CU_ASSERT_EQUAL(counter_get(&load->captured), burst);
	CU_ASSERT_EQUAL(counter_get(&load->capture_lost), 50);
	p.now_tsc += rte_get_tsc_hz() / 1000; // a millisecond
	CU_ASSERT_EQUAL(copies_of(100, pp), CAPTURE_PPS / 1000);
	CU_ASSERT_EQUAL(counter_get(&load->capture_lost), 50 + 100 - CAPTURE_PPS / 1000);
	p.now_tsc += rte_get_tsc_hz(); // a full bucket holds no more than the burst
	CU_ASSERT_EQUAL(copies_of(burst + 1, pp), burst);
	path_teardown(&p);
}

// Nobody takes the copies: the ring is full, and packets go on.
static void test_capture_full(void)
{
	unsigned int room, made = 0;
	struct path_peer *pp;
	struct packet_spec s;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 4);
	room = rte_ring_get_capacity(p.dp->capture);
	p.capture[0] = CAPTURE_VPN;
	for (; made < room + 10; made++) {
		p.now_tsc += rte_get_tsc_hz() / 1000;
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	}
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->load.captured), room);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->load.capture_lost), 10);
	path_teardown(&p);
}

// A burst of several peers at once keeps order and ids per peer.
static void test_mixed_burst(void)
{
	struct rte_mbuf *m[WORKER_BURST];
	struct path_peer *pp[4];
	uint32_t id, next[4] = {0};
	uint8_t frame[PACKET_MAX];
	size_t len;

	path_setup(&p, 1);
	for (unsigned int i = 0; i < 4; i++)
		pp[i] = path_peer_add(
			&p, i, (struct path_peer_conf){.cipher = (enum cipher)(i % 3)});
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		struct path_peer *to = pp[(i * 7 / 3) % 4];
		struct packet_spec s = path_spec_out(to, i & 1 ? 4 : 6);

		len = path_vpn_frame(to, &s, frame);
		m[i] = path_mbuf(&p, frame, len);
	}
	p.w[0]->st = state_get(p.dp);
	outbound_burst(p.w[0], VPN, m, WORKER_BURST);
	worker_tx_flush(p.w[0]);
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		unsigned int to = (i * 7 / 3) % 4;

		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp[to], &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, ++next[to]);
	}
	path_teardown(&p);
}

const struct harness_test path_ring_tests[] = {
	{"hands over to the owner", test_handoff},
	{"drops packets that outlived their peer", test_stale},
	{"drops when the owner's ring is full", test_handoff_full},
	{"carries data packets of kernel sockets", test_socket},
	{"carries what the kernel routed to a TUN", test_tun},
	{"seals messages of control", test_message},
	{"drops without room for headers", test_no_room},
	{"sends frames of an exception interface", test_exception},
	{"counts what a full port refuses", test_tx_full},
	{"bounds the slow path", test_punt_full_and_limit},
	{"drops fragments without mbufs", test_no_mbuf},
	{"sheds load before the cipher", test_overload},
	{"copies for captures at a bounded rate", test_capture_limit},
	{"counts copies that nobody took", test_capture_full},
	{"keeps order in a mixed burst", test_mixed_burst},
	{NULL, NULL},
};
