// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inside to outside: sealing, packet ids, the outer datagram and its fragments.
#include "dataplane/tests/path.h"

#include "dataplane/capture.h"
#include "dataplane/outbound.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct path p;
static struct path_out out, text;

static void carry_one(struct path_peer_conf conf, int family)
{
	uint8_t want[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	uint32_t id;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	s = path_spec_out(pp, family);
	s.tos = 0xb9;
	for (uint32_t i = 1; i <= 3; i++) {
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, i);
	}
	s.ttl = 63;
	len = packet_build(want, &s);
	CU_ASSERT_EQUAL(text.len, len);
	CU_ASSERT_EQUAL(memcmp(text.data, want, len), 0);
	// DSCP and ECN outside are those inside.
	if (pp->link->family == 4)
		CU_ASSERT_EQUAL(out.data[15], 0xb9)
	else
		CU_ASSERT_EQUAL((out.data[14] << 8 | out.data[15]) >> 4 & 0xff, 0xb9)
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].carried), 3);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_out_pkts), 3);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_out_pkts), 0);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->out_bytes), 3 * len);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->out_pkts), 3);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->link_out_bytes), 3 * (len + (conf.v1 ? 21 : 24)));
	path_teardown(&p);
}

static void test_carry(void)
{
	for (int cipher = 0; cipher < CIPHER_AEAD_COUNT; cipher++) {
		for (int i = 0; i < 16; i++) {
			struct path_peer_conf conf = {.cipher = (enum cipher)cipher,
				.link_family = i & 1 ? 4 : 6,
				.v1 = i & 2,
				.udp_csum_zero = i & 8,
				.key_id = (uint8_t)(cipher + i) % 8};

			carry_one(conf, i & 4 ? 4 : 6);
		}
	}
}

static void test_tos(void)
{
	struct path_peer *pp;
	struct packet_spec s;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 4);
	s.tos = 0xb8 | 2;
	p.st->gateways[0].copy_dscp = false;
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_EQUAL(out.data[15], 2);
	p.st->gateways[0].ecn_compat = true;
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_EQUAL(out.data[15], 0);
	path_teardown(&p);
}

// The tag of the frame says whose client it is for.
static void test_domains(void)
{
	struct path_peer *pp[2];
	uint8_t frame[PACKET_MAX], ip[PACKET_MAX];
	struct packet_spec s;
	uint32_t id;
	size_t len;

	path_setup(&p, 1);
	for (unsigned int g = 0; g < 2; g++)
		pp[g] = path_peer_add(&p, g * 4, (struct path_peer_conf){.gateway = (uint16_t)g});
	s = path_spec_out(pp[0], 4);
	for (unsigned int g = 0; g < 2; g++) {
		path_host_sends(&p, 0, pp[g], &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp[g], &out, true, &text, &id));
		CU_ASSERT_FALSE(path_open(pp[!g], &out, true, &text, &id));
	}
	len = packet_frame(frame, path_mac, path_gateway_mac, 7, ip, packet_build(ip, &s));
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_DOMAIN), 1);
	path_teardown(&p);
}

static void test_drops(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 4);
	s.dst[2] = 99;
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_PEER), 1);
	s = path_spec_out(pp, 4);
	len = path_vpn_frame(pp, &s, frame);
	path_in(&p, 0, VPN, frame, len - 1);
	path_in(&p, 0, VPN, frame, 10);
	path_in(&p, 0, VPN, frame, 20);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_TRUNCATED), 3);
	frame[14 + 10] ^= 1;
	path_in(&p, 0, VPN, frame, len);
	frame[14 + 10] ^= 1;
	frame[13] = 0xdd;
	frame[12] = 0x86; // says IPv6
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_BAD_IP), 2);
	frame[13] = 6;
	frame[12] = 8; // ARP
	path_in(&p, 0, VPN, frame, len);
	frame[13] = 0;
	frame[5] ^= 1;
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NOT_OURS), 2);
	frame[5] ^= 1;
	atomic_store(&pp->peer->slots[0], NULL);
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_KEY), 1);
	atomic_store(&pp->peer->slots[0], pp->key);
	pp->link->nexthop = NH_GONE;
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_NEXTHOP), 1);
	CU_ASSERT_EQUAL(pp->key->send_pktid.last, 0);
	path_teardown(&p);
}

// Padding of short frames is not the packet's.
static void test_padding(void)
{
	uint8_t frame[PACKET_MAX] = {0};
	struct path_peer *pp;
	struct packet_spec s;
	uint32_t id;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 4);
	s.payload_len = 1;
	path_vpn_frame(pp, &s, frame);
	path_in(&p, 0, VPN, frame, 60);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(text.len, 29);
	path_teardown(&p);
}

static void test_pktid(void)
{
	struct path_peer *pp;
	struct packet_spec s;
	struct event ev;
	uint32_t id;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 6});
	s = path_spec_out(pp, 4);
	pp->key->send_pktid.last = PKTID_RENEGOTIATE - 2;
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev));
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev));
	CU_ASSERT_EQUAL(ev.type, EVENT_PKTID_HIGH);
	CU_ASSERT_EQUAL(ev.key_id, 6);
	pp->key->send_pktid.last = PKTID_MAX - 1;
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(id, PKTID_MAX);
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_PKTID_EXHAUSTED), 1);
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev)); // told once
	path_teardown(&p);
}

// What control must hear of a key it hears with the next packet, if its queue was full.
static void test_events_full(void)
{
	struct path_peer *pp;
	struct packet_spec in, s;
	struct event ev = {.type = EVENT_PEER_EXIT};

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.key_id = 6});
	s = path_spec_out(pp, 4);
	in = path_spec_in(pp, 4);
	while (event_push(p.w[0], &ev))
		continue;
	pp->key->send_pktid.last = PKTID_RENEGOTIATE;
	path_host_sends(&p, 0, pp, &s);
	path_client_sends(&p, 0, pp, &in);
	while (event_pop(p.dp, 0, &ev))
		CU_ASSERT_EQUAL(ev.type, EVENT_PEER_EXIT);
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_PKTID_HIGH);
	path_client_sends(&p, 0, pp, &in);
	CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_KEY_USED);
	path_host_sends(&p, 0, pp, &s);
	path_client_sends(&p, 0, pp, &in);
	CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev)); // told once
	while (path_sent(&p, LINK, 0, &out) || path_sent(&p, VPN, 0, &out))
		continue;
	path_teardown(&p);
}

static void expect_punt(struct path_peer *pp, const struct packet_spec *s, enum punt_reason reason)
{
	uint8_t want[PACKET_MAX];
	size_t len = packet_build(want, s);

	path_host_sends(&p, 0, pp, s);
	CU_ASSERT_TRUE_FATAL(path_punted(&p, &out));
	CU_ASSERT_EQUAL(out.pkt.punt_dest, PUNT_TO_TUN);
	CU_ASSERT_EQUAL(out.pkt.punt_reason, reason);
	CU_ASSERT_EQUAL(out.pkt.gateway, 0);
	CU_ASSERT_EQUAL(out.len, len);
	CU_ASSERT_EQUAL(memcmp(out.data, want, len), 0);
}

static void test_punts(void)
{
	static const uint8_t big[1400];
	struct path_peer *pp;
	struct packet_spec s;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	for (int family = 4; family <= 6; family += 2) {
		s = path_spec_out(pp, family);
		s.ttl = 1;
		expect_punt(pp, &s, PUNT_TTL);
	}
	p.st->gateways[0].tun_mtu = 1400;
	s = path_spec_out(pp, 4);
	s.payload = big;
	s.payload_len = sizeof(big);
	expect_punt(pp, &s, PUNT_TOO_BIG);
	s = path_spec_out(pp, 6);
	s.proto = IPPROTO_HOPOPTS;
	expect_punt(pp, &s, PUNT_IP_OPTIONS);
	p.st->gateways[0].fast_path = false;
	s = path_spec_out(pp, 4);
	expect_punt(pp, &s, PUNT_FAST_PATH_OFF);
	// The kernel gives them back through the TUN, which counts.
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_out_pkts), 0);
	p.st->ports[VPN].has_exception = true;
	s.dst[1] = 77;
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(path_punts(&p, VPN, PUNT_EXCEPTION), 1);
	path_teardown(&p);
}

// No way out of ours: the kernel sends the sealed packet.
static void test_link_punt(void)
{
	static const uint32_t hops[] = {UINT32_MAX, NH_UNRESOLVED};

	for (unsigned int i = 0; i < 2; i++) {
		struct path_peer *pp;
		struct packet_spec s;
		uint32_t id;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0,
			(struct path_peer_conf){.link_nexthop = hops[i], .link_family = i ? 6 : 4});
		s = path_spec_out(pp, 4);
		s.tos = 0x28;
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE_FATAL(path_punted(&p, &out));
		CU_ASSERT_EQUAL(out.pkt.punt_dest, PUNT_TO_LINK);
		CU_ASSERT_EQUAL(out.pkt.punt_reason, PUNT_LINK);
		CU_ASSERT_EQUAL(out.pkt.gateway, 0);
		CU_ASSERT_EQUAL(out.pkt.peer_id, pp->id);
		CU_ASSERT_EQUAL(out.pkt.link_family, i ? 6 : 4);
		CU_ASSERT_EQUAL(out.pkt.local_id, i);
		CU_ASSERT_EQUAL(ntohs(out.pkt.link_port_be), pp->remote_port);
		CU_ASSERT_EQUAL(memcmp(out.pkt.link_addr, pp->remote, 16), 0);
		CU_ASSERT_EQUAL(out.pkt.link_tos, 0x28);
		CU_ASSERT_TRUE(path_open(pp, &out, false, &text, &id));
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->slow_out_pkts), 1);
		path_teardown(&p);
	}
}

// A way out that is a VLAN: the tag stands before every datagram and every fragment of one.
static void test_link_tagged(void)
{
	static const uint8_t payload[700];

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int frames = i & 2 ? 2 : 1;
		struct path_peer *pp;
		struct packet_spec s;
		struct nexthop nh;
		uint32_t id;

		path_setup(&p, 1);
		nh = *fib_nexthop_get(p.dp->fib, NH_VLAN);
		nh.port = LINK;
		nh.mtu = frames == 2 ? 576 : 1500;
		nexthop_free(fib_nexthop_set(p.dp->fib, NH_VLAN, &nh));
		pp = path_peer_add(&p, 0,
			(struct path_peer_conf){
				.link_nexthop = NH_VLAN, .link_family = i & 1 ? 6 : 4});
		s = path_spec_out(pp, 4);
		s.payload = payload;
		s.payload_len = frames == 2 ? sizeof(payload) : 100;
		path_host_sends(&p, 0, pp, &s);
		for (unsigned int n = 0; n < frames; n++) {
			CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
			CU_ASSERT_EQUAL(memcmp(out.data, path_gateway_mac, 6), 0);
			CU_ASSERT_EQUAL(out.data[12] << 8 | out.data[13], 0x8100);
			CU_ASSERT_EQUAL(out.data[14] << 8 | out.data[15], PATH_VLAN);
			CU_ASSERT_EQUAL(out.data[16] << 8 | out.data[17], i & 1 ? 0x86dd : 0x0800);
		}
		CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &text));
		memmove(out.data + 12, out.data + 16, out.len - 16);
		out.len -= 4;
		CU_ASSERT_TRUE(frames == 2 || path_open(pp, &out, true, &text, &id));
		path_teardown(&p);
	}
}

// Puts fragments of an outer datagram together again, by the book. Returns the frame's length.
static size_t reassemble(struct path_out *whole, int family, unsigned int mtu, unsigned int *count)
{
	size_t ip_len = family == 4 ? 20 : 40, end = 0;
	bool last = false;

	for (*count = 0; path_sent(&p, LINK, 0, &out); ++*count) {
		const uint8_t *ip = out.data + 14, *l4 = ip + ip_len;
		size_t off, len = out.len - 14 - ip_len;

		CU_ASSERT_TRUE(out.len - 14 <= mtu);
		CU_ASSERT_TRUE(packet_ip_ok(ip));
		if (family == 4) {
			off = (size_t)((ip[6] & 0x1f) << 8 | ip[7]) * 8;
			last = !(ip[6] & 0x20);
			CU_ASSERT_EQUAL(memcmp(ip + 4, whole->data + 14 + 4, 2) && off, 0);
			CU_ASSERT_EQUAL((size_t)(ip[2] << 8 | ip[3]), out.len - 14);
		} else {
			off = (size_t)(l4[2] << 8 | l4[3]) & ~7u;
			last = !(l4[3] & 1);
			CU_ASSERT_EQUAL(ip[6], 44);
			CU_ASSERT_EQUAL(l4[0], 17);
			CU_ASSERT_EQUAL((size_t)(ip[4] << 8 | ip[5]), len);
			l4 += 8;
			len -= 8;
		}
		CU_ASSERT_EQUAL(off, end);
		CU_ASSERT_TRUE(last || len % 8 == 0);
		if (off == 0)
			memcpy(whole->data, out.data, 14 + ip_len);
		memcpy(whole->data + 14 + ip_len + off, l4, len);
		end = off + len;
	}
	CU_ASSERT_TRUE(last);
	whole->len = 14 + ip_len + end;
	return end;
}

static void repair_header(struct path_out *whole, int family, size_t l4_len)
{
	uint8_t *ip = whole->data + 14;
	uint16_t c;

	if (family == 6) {
		ip[4] = (uint8_t)(l4_len >> 8);
		ip[5] = (uint8_t)l4_len;
		ip[6] = 17;
		return;
	}
	ip[2] = (uint8_t)((l4_len + 20) >> 8);
	ip[3] = (uint8_t)(l4_len + 20);
	ip[6] = ip[7] = ip[10] = ip[11] = 0;
	c = packet_csum(ip, 20, 0);
	ip[10] = (uint8_t)(c >> 8);
	ip[11] = (uint8_t)c;
}

static void test_fragments(void)
{
	// The smaller of both counts.
	static const struct {
		uint16_t mtu, link, path;
	} rows[] = {
		{1499, 1499, UINT16_MAX},
		{1400, 1400, UINT16_MAX},
		{1280, 1280, UINT16_MAX},
		{576, 576, UINT16_MAX},
		{200, 200, UINT16_MAX},
		{1280, 1500, 1280},
		{576, 1500, 576},
		{1300, 1300, 1400},
	};
	static const uint8_t payload[1428];

	for (unsigned int i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		int family = i & 1 ? 4 : 6;
		struct nexthop nh;
		struct path_peer *pp;
		struct packet_spec s;
		struct path_out whole;
		unsigned int n;
		uint32_t id;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0, (struct path_peer_conf){.link_family = family});
		nh = *fib_nexthop_get(p.dp->fib, NH_LINK);
		nh.mtu = rows[i / 2].link;
		pp->link->path_mtu = rows[i / 2].path;
		nexthop_free(fib_nexthop_set(p.dp->fib, NH_LINK, &nh));
		s = path_spec_out(pp, 4);
		s.payload = payload;
		s.payload_len = sizeof(payload);
		path_host_sends(&p, 0, pp, &s);
		repair_header(&whole, family, reassemble(&whole, family, rows[i / 2].mtu, &n));
		CU_ASSERT_TRUE(n >= 2);
		CU_ASSERT_TRUE(path_open(pp, &whole, true, &text, &id));
		CU_ASSERT_EQUAL(text.len, 28 + sizeof(payload));
		CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].carried), 1);
		CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].tx_pkts), n);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_out_pkts), 1);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->link_fragmented), 1);
		path_teardown(&p);
	}
}

// A port of a virtual device, whose frames may come unfinished.
static void test_csum_complete(void)
{
	static const uint8_t mss[] = {1, 2, 4, 5, 0xb4, 1, 1, 0};
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	uint16_t pseudo;
	uint32_t id;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.mss4 = 1400});
	p.st->ports[VPN].complete_csum = true;
	s = path_spec_out(pp, 4);
	s.proto = IPPROTO_TCP;
	s.tcp_flags = 0x12;
	s.tcp_opts = mss;
	s.tcp_opts_len = 8;
	len = path_vpn_frame(pp, &s, frame);
	pseudo = (uint16_t)~packet_csum(frame + 14 + 12, 8, IPPROTO_TCP + (uint32_t)len - 34);
	frame[14 + 20 + 16] = (uint8_t)(pseudo >> 8);
	frame[14 + 20 + 17] = (uint8_t)pseudo;
	path_in(&p, 0, VPN, frame, len);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_TRUE(packet_l4_ok(text.data));
	CU_ASSERT_EQUAL(text.data[43] << 8 | text.data[44], 1400);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].csum_completed), 1);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->mss_clamped), 1);
	path_teardown(&p);
}

// A frame whose checksum field has only the pseudo header's sum. Returns its length.
static size_t unfinished_frame(struct path_peer *pp, int family, uint8_t proto, uint8_t *frame)
{
	struct packet_spec s = path_spec_out(pp, family);
	size_t ip_len = family == 4 ? 20 : 40, len;
	uint8_t *ip = frame + 14, *field;
	uint16_t pseudo;

	s.proto = proto;
	s.tcp_flags = 0x10;
	len = path_vpn_frame(pp, &s, frame);
	pseudo = (uint16_t)~packet_csum(ip + (family == 4 ? 12 : 8), family == 4 ? 8 : 32,
		proto + (uint32_t)(len - 14 - ip_len));
	field = ip + ip_len + (proto == IPPROTO_TCP ? 16 : 6);
	field[0] = (uint8_t)(pseudo >> 8);
	field[1] = (uint8_t)pseudo;
	return len;
}

// On a port whose frames are finished nobody looks, and a wrong checksum stays wrong.
static void test_csum_kinds(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		uint8_t proto = i & 1 ? IPPROTO_UDP : IPPROTO_TCP, frame[PACKET_MAX];
		bool complete = i < 4;
		struct path_peer *pp;
		uint32_t id;
		size_t len;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
		p.st->ports[VPN].complete_csum = complete;
		len = unfinished_frame(pp, i & 2 ? 6 : 4, proto, frame);
		CU_ASSERT_FALSE(packet_l4_ok(frame + 14));
		path_in(&p, 0, VPN, frame, len);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		CU_ASSERT_EQUAL(packet_l4_ok(text.data), complete);
		CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[VPN].csum_completed), complete);
		path_teardown(&p);
	}
}

// A packet to the client as the port gets it: the mbuf is ours, too.
static struct rte_mbuf *offered(struct path_peer *pp)
{
	struct packet_spec s = path_spec_out(pp, 4);
	uint8_t frame[PACKET_MAX];
	struct rte_mbuf *m = path_mbuf(&p, frame, path_vpn_frame(pp, &s, frame));

	rte_mbuf_refcnt_set(m, 2);
	p.w[0]->st = state_get(p.dp);
	outbound_burst(p.w[0], VPN, &m, 1);
	worker_tx_flush(p.w[0]);
	return m;
}

// The port computes the UDP checksum: it gets the pseudo header's sum and the lengths.
static void test_csum_offload(void)
{
	struct path_peer *pp;
	struct rte_mbuf *m;
	uint16_t want;
	uint8_t *ip;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	p.st->ports[LINK].udp_csum_offload = true;
	m = offered(pp);
	CU_ASSERT_EQUAL(m->ol_flags, RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4);
	CU_ASSERT_EQUAL(m->l2_len, 14);
	CU_ASSERT_EQUAL(m->l3_len, 20);
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	CU_ASSERT_TRUE(packet_ip_ok(ip));
	want = (uint16_t)~packet_csum(ip + 12, 8, IPPROTO_UDP + (uint32_t)m->data_len - 34);
	CU_ASSERT_EQUAL(ip[26] << 8 | ip[27], want);
	rte_pktmbuf_free(m);
	path_teardown(&p);
}

// The port computes the IPv4 header's: it finds zero there. IPv6 has none, fragments need their own.
static void test_ip_csum_offload(void)
{
	static const uint8_t payload[1450];
	struct path_peer *pp[2];
	struct packet_spec s;
	struct rte_mbuf *m;
	uint8_t *ip;

	path_setup(&p, 1);
	pp[0] = path_peer_add(&p, 0, (struct path_peer_conf){0});
	pp[1] = path_peer_add(&p, 1, (struct path_peer_conf){.link_family = 6});
	p.st->ports[LINK].ip_csum_offload = true;
	m = offered(pp[0]);
	CU_ASSERT_EQUAL(m->ol_flags, RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4);
	CU_ASSERT_EQUAL(m->l2_len, 14);
	CU_ASSERT_EQUAL(m->l3_len, 20);
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	CU_ASSERT_EQUAL(ip[10] << 8 | ip[11], 0);
	CU_ASSERT_TRUE(packet_l4_ok(ip));
	rte_pktmbuf_free(m);
	m = offered(pp[1]);
	CU_ASSERT_EQUAL(m->ol_flags, 0);
	rte_pktmbuf_free(m);
	while (path_sent(&p, LINK, 0, &out))
		continue;
	s = path_spec_out(pp[0], 4);
	s.payload = payload;
	s.payload_len = sizeof(payload);
	path_host_sends(&p, 0, pp[0], &s);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(packet_ip_ok(out.data + 14));
	}
	path_teardown(&p);
}

static void test_capture(void)
{
	struct path_peer *pp;
	struct packet_spec s;
	struct rte_mbuf *c[4];

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.link_family = 6});
	p.capture[0] = CAPTURE_LINK | CAPTURE_VPN;
	s = path_spec_out(pp, 4);
	path_host_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL_FATAL(capture_pop_burst(p.dp, c, 4), 2);
	CU_ASSERT_EQUAL(capture_info_of(c[0])->what, CAPTURE_VPN);
	CU_ASSERT_EQUAL(c[0]->data_len, 47);
	CU_ASSERT_EQUAL(capture_info_of(c[1])->what, CAPTURE_LINK);
	CU_ASSERT_EQUAL(c[1]->data_len, 48 + 24 + 47);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(c[1], void *, 24), pp->remote, 16), 0);
	CU_ASSERT_EQUAL(*rte_pktmbuf_mtod_offset(c[1], uint8_t *, 48), 0x48);
	CU_ASSERT_FALSE(capture_info_of(c[1])->inbound);
	rte_pktmbuf_free_bulk(c, 2);
	path_teardown(&p);
}

const struct harness_test path_outbound_tests[] = {
	{"carries every cipher, family and data opcode", test_carry},
	{"copies DSCP and ECN as configured", test_tos},
	{"keeps domains apart", test_domains},
	{"drops what cannot be sent", test_drops},
	{"cuts padding off", test_padding},
	{"never uses a packet id twice", test_pktid},
	{"tells of a key again when the queue was full", test_events_full},
	{"leaves to the kernel what it cannot finish", test_punts},
	{"lets the kernel send where it must", test_link_punt},
	{"sends to clients behind a VLAN", test_link_tagged},
	{"fragments what the link cannot take", test_fragments},
	{"finishes checksums", test_csum_complete},
	{"finishes checksums of TCP and UDP over both families", test_csum_kinds},
	{"leaves the UDP checksum to the port", test_csum_offload},
	{"leaves the IPv4 header checksum to the port", test_ip_csum_offload},
	{"captures", test_capture},
	{NULL, NULL},
};
