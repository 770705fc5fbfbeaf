// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Outside to inside: what carries, what ends in the worker, what the kernel gets, what is lost.
#include "dataplane/tests/path.h"

#include "dataplane/capture.h"
#include "dataplane/event.h"
#include "dataplane/handoff.h"
#include "dataplane/overload.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <netinet/in.h>
#include <string.h>

static struct path p;
static struct path_out out;

// The inner packet as a router would send it on.
static void routed(uint8_t *want, size_t *len, struct packet_spec s)
{
	s.ttl = 63;
	*len = packet_build(want, &s);
}

static void carry_one(struct path_peer_conf conf, int family)
{
	uint8_t want[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct event ev;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	s = path_spec_in(pp, family);
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
	routed(want, &len, s);
	CU_ASSERT_EQUAL(out.len, 14 + len);
	CU_ASSERT_EQUAL(memcmp(out.data, path_gateway_mac, 6), 0);
	CU_ASSERT_EQUAL(memcmp(out.data + 6, path_mac, 6), 0);
	CU_ASSERT_EQUAL(out.data[12] << 8 | out.data[13], family == 4 ? 0x0800 : 0x86dd);
	CU_ASSERT_EQUAL(memcmp(out.data + 14, want, len), 0);
	CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].carried), 1);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].tx_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_in_pkts), 0);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->in_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->in_bytes), len);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->in_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->link_in_bytes), len + (conf.v1 ? 21 : 24));
	CU_ASSERT_NOT_EQUAL(atomic_load(&pp->peer->recv_tsc), 0);
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev));
	CU_ASSERT_EQUAL(ev.type, EVENT_KEY_USED);
	CU_ASSERT_EQUAL(ev.peer_id, pp->id);
	CU_ASSERT_EQUAL(ev.generation, pp->peer->generation);
	CU_ASSERT_EQUAL(ev.key_id, conf.key_id);
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev)); // once per key
	path_teardown(&p);
}

static void test_carry(void)
{
	for (int cipher = 0; cipher < CIPHER_AEAD_COUNT; cipher++) {
		for (int i = 0; i < 8; i++) {
			struct path_peer_conf conf = {.cipher = (enum cipher)cipher,
				.link_family = i & 1 ? 4 : 6,
				.v1 = i & 2,
				.key_id = (uint8_t)(cipher + i) % 8};

			carry_one(conf, i & 4 ? 4 : 6);
		}
	}
}

// P_DATA_V2 without a peer id is found by its address, and so is P_DATA_V1.
static void test_undefined_peer_id(void)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	len = packet_build(ip, &s);
	pp->id = 0xffffff;
	len = path_seal(pp, ip, len, data);
	pp->id = 1;
	len = path_link_frame(pp, 0, data, len, frame);
	path_in(&p, 0, LINK, frame, len);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	path_teardown(&p);
}

// The tag of a shared inside port says which gateway's network it is; addresses are the same.
static void test_domains(void)
{
	struct path_peer *pp[2];

	path_setup(&p, 1);
	for (unsigned int g = 0; g < 2; g++) {
		struct packet_spec s;

		pp[g] = path_peer_add(&p, g * 4, (struct path_peer_conf){.gateway = (uint16_t)g});
		s = path_spec_in(pp[g], 4);
		path_client_sends(&p, 0, pp[g], &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
		if (g == 0) {
			CU_ASSERT_EQUAL(out.data[12], 0x08);
			continue;
		}
		CU_ASSERT_EQUAL(out.data[12] << 8 | out.data[13], 0x8100);
		CU_ASSERT_EQUAL(out.data[14] << 8 | out.data[15], PATH_VLAN);
		CU_ASSERT_EQUAL(out.data[16] << 8 | out.data[17], 0x0800);
	}
	CU_ASSERT_EQUAL(memcmp(pp[0]->vpn4, pp[1]->vpn4, 4), 0);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 1)->fast_in_pkts), 1);
	path_teardown(&p);
}

// A shared outside port: an endpoint is there in its own VLAN only.
static void test_link_domains(void)
{
	uint8_t frame[PACKET_MAX], data[PACKET_MAX], ip[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	p.st->ports[LINK].domain = 3;
	p.vlan_domain[PATH_VLAN] = 0;
	p.st->ports[LINK].vlan_domain = p.vlan_domain;
	s = path_spec_in(pp, 4);
	for (unsigned int i = 0; i < 2; i++) {
		len = path_seal(pp, ip, packet_build(ip, &s), data);
		len = path_link_frame(pp, 0, data, len, frame);
		if (i == 1) {
			memmove(frame + 16, frame + 12, len - 12);
			memcpy(frame + 12, "\x81\x00\x00", 3);
			frame[15] = PATH_VLAN;
			len += 4;
		}
		path_in(&p, 0, LINK, frame, len);
		CU_ASSERT_EQUAL(path_sent(&p, VPN, 0, &out), i == 1);
		CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_NO_ENDPOINT), 1);
	}
	path_teardown(&p);
}

static void sends_text(struct path_peer *pp, const char *hex)
{
	uint8_t text[64], data[PACKET_MAX], frame[PACKET_MAX];
	size_t len = harness_hex(hex, text, sizeof(text));

	len = path_seal(pp, text, len, data);
	len = path_link_frame(pp, 0, data, len, frame);
	path_in(&p, 0, LINK, frame, len);
}

static void test_messages(void)
{
	struct path_peer *pp;
	struct event ev;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 3});
	sends_text(pp, "2a187bf3641eb4cb07ed2d0a981fc748");
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->pings_in), 1);
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_KEY_USED);
	sends_text(pp, "287f346bd4ef7a812d56b8d3afc5459c01");
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev));
	// However often it asks, control hears of it once a second.
	for (unsigned int i = 0; i < 4; i++) {
		p.now_tsc += i == 3 ? p.w[0]->occ_tsc_step : 0;
		sends_text(pp, "287f346bd4ef7a812d56b8d3afc5459c00");
		CU_ASSERT_EQUAL(event_pop(p.dp, 0, &ev), i == 0 || i == 3);
		CU_ASSERT_EQUAL(ev.type, EVENT_OCC_REQUEST);
		CU_ASSERT_EQUAL(ev.peer_id, pp->id);
	}
	sends_text(pp, "287f346bd4ef7a812d56b8d3afc5459c06");
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev));
	CU_ASSERT_EQUAL(ev.type, EVENT_PEER_EXIT);
	CU_ASSERT_EQUAL(ev.peer_id, pp->id);
	CU_ASSERT_EQUAL(ev.generation, pp->peer->generation);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].consumed), 7);
	sends_text(pp, "2a187bf3641eb4cb07ed2d0a981fc749");
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_BAD_INNER), 1);
	path_teardown(&p);
}

static void expect_punt(struct path_peer *pp, const struct packet_spec *s, enum punt_reason reason)
{
	uint64_t before = path_punts(&p, LINK, reason);
	uint8_t want[PACKET_MAX];
	size_t len = packet_build(want, s);

	path_client_sends(&p, 0, pp, s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, reason), before + 1);
	CU_ASSERT_TRUE_FATAL(path_punted(&p, &out));
	CU_ASSERT_EQUAL(out.pkt.punt_dest, PUNT_TO_TUN);
	CU_ASSERT_EQUAL(out.pkt.punt_reason, reason);
	CU_ASSERT_EQUAL(out.pkt.gateway, 0);
	// As it came: the kernel counts the hop.
	CU_ASSERT_EQUAL(out.len, len);
	CU_ASSERT_EQUAL(memcmp(out.data, want, len), 0);
	CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
}

static void test_punts(void)
{
	static const uint8_t big[1482];
	static const struct {
		int family;
		const char *dst;
		enum punt_reason reason;
	} rows[] = {
		{4, PATH_SELF4, PUNT_LOCAL},
		{6, PATH_SELF6, PUNT_LOCAL},
		{4, "08080808", PUNT_NO_ROUTE},
		{6, "26060000000000000000000000000001", PUNT_NO_ROUTE},
		{4, "0a020001", PUNT_NO_NEIGH},
		{4, "e00000fb", PUNT_MULTICAST},
		{6, "ff020000000000000000000000000001", PUNT_MULTICAST},
		{4, "ffffffff", PUNT_MULTICAST},
	};
	struct path_peer *pp;
	struct packet_spec s;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s = path_spec_in(pp, rows[i].family);
		harness_hex(rows[i].dst, s.dst, 16);
		s.ttl = rows[i].reason == PUNT_LOCAL ? 1 : 64;
		expect_punt(pp, &s, rows[i].reason);
	}
	for (int family = 4; family <= 6; family += 2) {
		s = path_spec_in(pp, family);
		s.ttl = 1;
		expect_punt(pp, &s, PUNT_TTL);
		s.ttl = 0;
		s.payload = big; // 1510 or 1530 bytes for a link of 1500
		s.payload_len = sizeof(big);
		expect_punt(pp, &s, PUNT_TOO_BIG);
	}
	s = path_spec_in(pp, 6);
	s.proto = IPPROTO_HOPOPTS;
	expect_punt(pp, &s, PUNT_IP_OPTIONS);
	// An address may begin with a zero.
	harness_hex("0064ff9b000000000000000000000001", p.st->gateways[0].self6, 16);
	memcpy(s.dst, p.st->gateways[0].self6, 16);
	s.proto = IPPROTO_UDP;
	s.ttl = 1;
	expect_punt(pp, &s, PUNT_LOCAL);
	p.st->gateways[0].fast_path = false;
	s = path_spec_in(pp, 4);
	expect_punt(pp, &s, PUNT_FAST_PATH_OFF);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_in_pkts), 15);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 0);
	path_teardown(&p);
}

static void expect_drop(const uint8_t *frame, size_t len, enum drop_reason reason)
{
	uint64_t before = path_drops(&p, LINK, reason);

	path_in(&p, 0, LINK, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, reason), before + 1);
	if (path_drops(&p, LINK, reason) != before + 1)
		fprintf(stderr, "expected drop %s\n", drop_name(reason));
}

static size_t good_frame(struct path_peer *pp, uint8_t *frame)
{
	struct packet_spec s = path_spec_in(pp, 4);
	uint8_t ip[PACKET_MAX], data[PACKET_MAX];
	size_t len = path_seal(pp, ip, packet_build(ip, &s), data);

	return path_link_frame(pp, 0, data, len, frame);
}

static void test_drops_outer(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	len = good_frame(pp, frame);
	expect_drop(frame, 13, DROP_TRUNCATED);
	expect_drop(frame, 30, DROP_TRUNCATED);
	expect_drop(frame, len - 1, DROP_TRUNCATED);
	frame[0] ^= 4;
	expect_drop(frame, len, DROP_NOT_OURS); // another MAC
	frame[0] ^= 4;
	frame[13] = 6;
	expect_drop(frame, len, DROP_NOT_OURS); // ARP
	frame[13] = 0;
	frame[24] ^= 1;
	expect_drop(frame, len, DROP_BAD_IP); // header checksum
	frame[24] ^= 1;
	frame[20] = 0x20; // MF; the checksum follows
	frame[24] -= 0x20;
	expect_drop(frame, len, DROP_FRAGMENT);
	frame[20] = 0;
	frame[24] += 0x20;
	frame[37] ^= 0x80; // another UDP port
	expect_drop(frame, len, DROP_NO_ENDPOINT);
	frame[37] ^= 0x80;
	frame[42] = 0x20; // control opcode
	expect_drop(frame, len, DROP_NOT_OURS);
	frame[42] = 0x48;
	// A tag nobody uses: this port has no VLANs.
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x07", 4);
	expect_drop(frame, len + 4, DROP_DOMAIN);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->in_pkts), 0);
	path_teardown(&p);
}

static void test_drops_peer(void)
{
	uint8_t frame[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *pp, *other;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	other = path_peer_add(&p, 1, (struct path_peer_conf){.gateway = 1});
	len = good_frame(pp, frame);
	frame[45] = 77; // low byte of the peer id
	expect_drop(frame, len, DROP_NO_PEER);
	memset(frame + 43, 0x7f, 3); // above the table
	expect_drop(frame, len, DROP_NO_PEER);
	len = good_frame(pp, frame);
	frame[45] = (uint8_t)other->id;
	expect_drop(frame, len, DROP_WRONG_GATEWAY);
	len = good_frame(pp, frame);
	frame[42] = 0x48 | 5;
	expect_drop(frame, len, DROP_NO_KEY);
	for (unsigned int i = 1; i <= 24; i++) {
		memset(data, 0x48, i);
		len = path_link_frame(pp, 0, data, i, frame);
		expect_drop(frame, len, DROP_SHORT);
	}
	len = good_frame(pp, frame);
	frame[len - 1] ^= 1;
	expect_drop(frame, len, DROP_AUTH);
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), 1);
	// A forged packet id does not move the window, and a tag is not tried twice.
	len = good_frame(pp, frame);
	frame[46] = 0x70;
	expect_drop(frame, len, DROP_AUTH);
	frame[46] = 0;
	path_in(&p, 0, LINK, frame, len);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	expect_drop(frame, len, DROP_REPLAY);
	pp->next_pktid = 0;
	len = good_frame(pp, frame);
	expect_drop(frame, len, DROP_REPLAY);
	path_teardown(&p);
}

static void test_drops_inner(void)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	path_peer_add(&p, 1, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	s.src[3] = p.peers[1].vpn4[3]; // the neighbour's
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	expect_drop(frame, path_link_frame(pp, 0, data, len, frame), DROP_SPOOF);
	s = path_spec_in(pp, 6);
	harness_hex("fe800000000000000000000000000001", s.src, 16);
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	expect_drop(frame, path_link_frame(pp, 0, data, len, frame), DROP_SPOOF);
	s = path_spec_in(pp, 4);
	len = packet_build(ip, &s);
	len = path_seal(pp, ip, len - 1, data);
	expect_drop(frame, path_link_frame(pp, 0, data, len, frame), DROP_TRUNCATED);
	len = packet_build(ip, &s);
	ip[11] ^= 1;
	len = path_seal(pp, ip, len, data);
	expect_drop(frame, path_link_frame(pp, 0, data, len, frame), DROP_BAD_IP);
	// Not-ECT inside, congestion experienced outside.
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	expect_drop(frame, path_link_frame(pp, 3, data, len, frame), DROP_ECN);
	harness_hex("0a030001", s.dst, 16);
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	expect_drop(frame, path_link_frame(pp, 0, data, len, frame), DROP_NO_NEXTHOP);
	path_teardown(&p);
}

// A frame of the client with this packet id, from its address or another.
static size_t frame_of(struct path_peer *pp, uint32_t pktid, uint16_t port, uint8_t *frame)
{
	pp->next_pktid = pktid;
	pp->remote_port = port;
	return good_frame(pp, frame);
}

static bool told_float(uint16_t port)
{
	struct event ev;

	while (event_pop(p.dp, 0, &ev))
		if (ev.type == EVENT_FLOAT)
			return ntohs(ev.port_be) == port && ev.peer_id == p.peers[0].id &&
			       ev.family == 4 && memcmp(ev.addr, p.peers[0].remote, 16) == 0;
	return false;
}

// The newest authentic packet says where the client is. What is replayed, forged or late does not.
static void test_float(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	uint16_t home;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 2});
	home = pp->remote_port;
	path_in(&p, 0, LINK, frame, frame_of(pp, 10, home, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_FALSE(told_float(home));
	path_in(&p, 0, LINK, frame, frame_of(pp, 12, 50000, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_TRUE(told_float(50000));
	expect_drop(frame, frame_of(pp, 12, 50001, frame), DROP_REPLAY);
	CU_ASSERT_FALSE(told_float(50001));
	len = frame_of(pp, 13, 50002, frame);
	frame[len - 1] ^= 1;
	expect_drop(frame, len, DROP_AUTH);
	CU_ASSERT_FALSE(told_float(50002));
	// Under way for longer than the newest: it is delivered and proves nothing.
	path_in(&p, 0, LINK, frame, frame_of(pp, 11, 50003, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_FALSE(told_float(50003));
	path_teardown(&p);
	// Without a peer id the address is all there is to find a client by.
	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.v1 = true});
	expect_drop(frame, frame_of(pp, 1, 50000, frame), DROP_NO_PEER);
	path_teardown(&p);
}

// Found on one worker, decrypted by another.
static void test_float_handover(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	struct event ev;

	path_setup(&p, 2);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	path_in(&p, 0, LINK, frame, frame_of(pp, 1, 50000, frame));
	handoff_flush(p.w[0]);
	CU_ASSERT_EQUAL(worker_turn(p.w[1]), 1);
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev));
	CU_ASSERT_TRUE_FATAL(event_pop(p.dp, 1, &ev));
	CU_ASSERT_EQUAL(ev.type, EVENT_FLOAT);
	CU_ASSERT_EQUAL(ntohs(ev.port_be), 50000);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 1, &out));
	path_teardown(&p);
}

// The same place of the client, but it sends to another address of ours: answers must leave there.
static void test_float_local(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	struct event ev;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 2});
	pp->link->local_id = 6;
	path_in(&p, 0, LINK, frame, frame_of(pp, 1, pp->remote_port, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	do {
		CU_ASSERT_TRUE_FATAL(event_pop(p.dp, 0, &ev));
	} while (ev.type != EVENT_FLOAT);
	CU_ASSERT_EQUAL(ntohs(ev.port_be), pp->remote_port);
	CU_ASSERT_EQUAL(ev.local_id, 0);
	path_teardown(&p);
}

// A flood from elsewhere gets no more of the cipher than its budget, and control few events.
static void test_unbound(void)
{
	uint8_t frame[PACKET_MAX];
	unsigned int told = 0;
	struct path_peer *pp;
	struct event ev;
	uint16_t home;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 2});
	home = pp->remote_port;
	for (unsigned int i = 1; i <= OVERLOAD_UNBOUND_BURST; i++) {
		path_in(&p, 0, LINK, frame, frame_of(pp, i, 50000, frame));
		CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	}
	while (event_pop(p.dp, 0, &ev))
		told += ev.type == EVENT_FLOAT;
	CU_ASSERT_EQUAL(told, OVERLOAD_FLOAT_BURST);
	expect_drop(frame, frame_of(pp, 60000, 50000, frame), DROP_UNBOUND);
	CU_ASSERT_EQUAL(pp->key->recv_pktid.highest, OVERLOAD_UNBOUND_BURST);
	path_in(&p, 0, LINK, frame, frame_of(pp, 60001, home, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	path_teardown(&p);
}

static void test_mss_and_ecn(void)
{
	static const uint8_t mss[] = {2, 4, 5, 0xb4};
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.mss4 = 1400});
	s = path_spec_in(pp, 4);
	s.proto = IPPROTO_TCP;
	s.tcp_flags = 2;
	s.tcp_opts = mss;
	s.tcp_opts_len = 4;
	s.payload_len = 0;
	s.tos = 0xb8 | 2;
	len = path_seal(pp, ip, packet_build(ip, &s), data);
	len = path_link_frame(pp, 3, data, len, frame);
	path_in(&p, 0, LINK, frame, len);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_EQUAL(out.data[14 + 42] << 8 | out.data[14 + 43], 1400);
	CU_ASSERT_EQUAL(out.data[15], 0xb8 | 3);
	CU_ASSERT_TRUE(packet_ip_ok(out.data + 14));
	CU_ASSERT_TRUE(packet_l4_ok(out.data + 14));
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->mss_clamped), 1);
	path_teardown(&p);
}

// What is not ours is the kernel's where it has a way to get it.
static void test_exception(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	p.st->ports[LINK].has_exception = true;
	len = good_frame(pp, frame);
	frame[42] = 0x38;
	path_in(&p, 0, LINK, frame, len);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_EXCEPTION), 1);
	CU_ASSERT_TRUE_FATAL(path_punted(&p, &out));
	CU_ASSERT_EQUAL(out.pkt.punt_dest, PUNT_TO_EXCEPTION);
	CU_ASSERT_EQUAL(out.len, len);
	CU_ASSERT_EQUAL(memcmp(out.data, frame, len), 0);
	frame[42] = 0x48;
	frame[0] = 0xff;
	path_in(&p, 0, LINK, frame, len); // broadcast
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_EXCEPTION), 2);
	path_teardown(&p);
}

// One port for both sides: data packets go in, the rest is looked at as packets for clients.
static void test_both_sides(void)
{
	uint8_t frame[PACKET_MAX], ip[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	uint32_t id;
	size_t len;
	struct path_out text;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	p.st->ports[BOTH].domain = 0;
	p.st->gateways[0].vpn_domain = 0;
	iroute_add(p.dp->iroute, 0, 4, pp->vpn4, 32, pp->id);
	len = good_frame(pp, frame);
	path_in(&p, 0, BOTH, frame, len);
	CU_ASSERT_EQUAL(path_punts(&p, BOTH, PUNT_NO_ROUTE), 1); // domain 0 has no routes
	s = path_spec_out(pp, 4);
	len = packet_frame(
		frame, path_mac, path_gateway_mac, PACKET_UNTAGGED, ip, packet_build(ip, &s));
	path_in(&p, 0, BOTH, frame, len);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[BOTH].rx_pkts), 2);
	iroute_del(p.dp->iroute, 0, 4, pp->vpn4, 32);
	path_teardown(&p);
}

static void test_capture(void)
{
	struct path_peer *pp;
	struct packet_spec s;
	struct rte_mbuf *c[4];
	uint8_t ip[PACKET_MAX];
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_in(pp, 4);
	len = packet_build(ip, &s);
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(capture_pop_burst(p.dp, c, 4), 0);
	p.capture[0] = CAPTURE_LINK | CAPTURE_VPN;
	path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL_FATAL(capture_pop_burst(p.dp, c, 4), 2);
	CU_ASSERT_EQUAL(capture_info_of(c[0])->what, CAPTURE_LINK);
	CU_ASSERT_EQUAL(c[0]->data_len, 28 + 24 + len);
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod_offset(c[0], uint8_t *, 28), 0x48);
	CU_ASSERT_TRUE(packet_ip_ok(rte_pktmbuf_mtod(c[0], uint8_t *)));
	CU_ASSERT_EQUAL(capture_info_of(c[1])->what, CAPTURE_VPN);
	CU_ASSERT_EQUAL(c[1]->data_len, len);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(c[1], uint8_t *), ip, len), 0);
	CU_ASSERT_TRUE(capture_info_of(c[1])->inbound);
	rte_pktmbuf_free_bulk(c, 2);
	path_teardown(&p);
}

const struct harness_test path_inbound_tests[] = {
	{"carries every cipher, family and data opcode", test_carry},
	{"finds the peer by address", test_undefined_peer_id},
	{"keeps domains apart", test_domains},
	{"keeps domains of the outside apart", test_link_domains},
	{"ends messages of the data channel", test_messages},
	{"leaves to the kernel what it cannot finish", test_punts},
	{"drops bad outer packets", test_drops_outer},
	{"drops what no peer, key or tag vouches for", test_drops_peer},
	{"drops bad inner packets", test_drops_inner},
	{"sees a client move", test_float},
	{"sees a client move on another worker", test_float_handover},
	{"tells of clients that send to another address", test_float_local},
	{"decrypts little from unbound addresses", test_unbound},
	{"clamps MSS and carries congestion marks over", test_mss_and_ecn},
	{"gives the rest to an exception interface", test_exception},
	{"serves both sides on one port", test_both_sides},
	{"captures", test_capture},
	{NULL, NULL},
};
