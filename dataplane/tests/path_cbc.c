// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packets of the CBC format, both ways: what the AEAD format does not have. Cipher none as well.
#include "dataplane/tests/path.h"

#include "dataplane/inbound.h"
#include "dataplane/outbound.h"
#include "dataplane/outer.h"
#include "dataplane/pkt.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_HDR_BYTES 42 // Ethernet, IPv4, UDP
#define PING_HEX "2a187bf3641eb4cb07ed2d0a981fc748"

static struct path p;
static struct path_out out, text;

static size_t overhead(const struct path_peer_conf *conf)
{
	return (conf->v1 ? 1 : 4) + digest_bytes(conf->digest) +
	       (conf->cipher == CIPHER_NONE ? 0 : CBC_IV_BYTES);
}

static size_t padded(const struct path_peer_conf *conf, size_t len)
{
	return conf->cipher == CIPHER_NONE ? 4 + len : (4 + len) / 16 * 16 + 16;
}

// A packet in and one out, of every length that padding can have.
static void carry_all_lengths(struct path_peer_conf conf, int family)
{
	static const uint8_t payload[32] = "the quick brown fox jumps over";
	uint8_t want[PACKET_MAX];
	size_t in_bytes = 0, len;
	struct path_peer *pp;
	struct packet_spec s;
	uint32_t id;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	for (uint32_t i = 0; i <= 16; i++) {
		s = path_spec_in(pp, family);
		s.payload = payload;
		s.payload_len = i;
		path_client_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
		s.ttl = 63;
		len = packet_build(want, &s);
		CU_ASSERT_EQUAL(out.len, 14 + len);
		CU_ASSERT_EQUAL(memcmp(out.data + 14, want, len), 0);
		in_bytes += overhead(&conf) + padded(&conf, len);
		s = path_spec_out(pp, family);
		s.payload = payload;
		s.payload_len = i;
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, i + 1);
		s.ttl = 63;
		len = packet_build(want, &s);
		CU_ASSERT_EQUAL(text.len, len);
		CU_ASSERT_EQUAL(memcmp(text.data, want, len), 0);
	}
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 17);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_out_pkts), 17);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->link_in_bytes), in_bytes);
	CU_ASSERT_EQUAL(counter_get(&pp->peer->link_out_bytes), in_bytes);
	path_teardown(&p);
}

static void test_carry(void)
{
	for (int i = 0; i < 4 * DIGEST_COUNT * 4; i++) {
		struct path_peer_conf conf = {.cipher = (enum cipher)(CIPHER_AEAD_COUNT + i % 4),
			.digest = (enum digest)(i / 4 % DIGEST_COUNT),
			.link_family = i / 16 & 1 ? 6 : 4,
			.v1 = i / 16 & 2,
			.key_id = (uint8_t)(i % 8)};

		carry_all_lengths(conf, i / 2 & 1 ? 4 : 6);
	}
}

// The keepalive, from the client and to it.
static void take_and_make(enum cipher cipher, const char *from_client, const char *to_client)
{
	uint8_t data[PACKET_MAX], frame[PACKET_MAX], ping[16];
	struct path_peer *pp;
	struct rte_mbuf *m;
	size_t len;

	path_setup(&p, 1);
	pp = path_peer_add(
		&p, 0, (struct path_peer_conf){.cipher = cipher, .digest = DIGEST_SHA256});
	len = harness_hex(from_client, data, sizeof(data));
	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->pings_in), 1);

	harness_hex(PING_HEX, ping, sizeof(ping));
	m = path_mbuf(&p, ping, sizeof(ping));
	m->port = PKT_PORT_CONTROL;
	pkt_reset(m)->peer_id = pp->id;
	pkt_of(m)->generation = pp->peer->generation;
	counter_add(&p.w[0]->counters->port[PKT_PORT_CONTROL].rx_pkts, 1);
	outbound_message_burst(p.w[0], &m, 1);
	worker_tx_flush(p.w[0]);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	len = harness_hex(to_client, data, sizeof(data));
	CU_ASSERT_EQUAL_FATAL(out.len, LINK_HDR_BYTES + len);
	CU_ASSERT_EQUAL(memcmp(out.data + LINK_HDR_BYTES, data, len), 0);
	path_teardown(&p);
}

// Whole packets, computed with python3-cryptography from the keys of peer 1: SHA256, key id 0, packet
// id 1, text PING_HEX; with AES-256-CBC the client's IV is 00 ... 0f, ours the AES-128 of 01000000 and
// 12 zeros.
static void test_known_packets(void)
{
	take_and_make(CIPHER_AES_256_CBC,
		"4800000199f6a1026eb7044dfd9fc164e9bd50f29a8ef9e3eb660a2c25b32eb88221062c"
		"000102030405060708090a0b0c0d0e0f27851aedc7c943a8146b55012d40512713e23c7c52"
		"2337cdc64c0d98031a5db6",
		"4800000181ca14ecf5b9e23b7935addd85a99b77b16f783a301bd420a67d5a2dc1a3d476"
		"93b8f181cd979d5711f9e4a6748e759f568277a338c39100931e57896fa4ed7538bfe2cf62"
		"ef70b996f78818629f72e7");
	take_and_make(CIPHER_NONE,
		"48000001fea133f16451557bf316a00e99de9733f665a162c59df0ab301211a65f481805"
		"00000001" PING_HEX,
		"48000001fc71bc519341c626adf486b04b63c35271656e28ad8d4ec3e57487e49e1c5664"
		"00000001" PING_HEX);
}

static void expect_drop(struct path_peer *pp, const uint8_t *data, size_t len, enum drop_reason r)
{
	uint64_t before = path_drops(&p, LINK, r);
	uint8_t frame[PACKET_MAX];

	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
	CU_ASSERT_EQUAL(path_drops(&p, LINK, r), before + 1);
	CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
}

static size_t good(struct path_peer *pp, uint8_t *data)
{
	struct packet_spec s = path_spec_in(pp, 4);
	uint8_t ip[PACKET_MAX];

	return path_seal(pp, ip, packet_build(ip, &s), data);
}

// One bit wrong anywhere behind the prefix, or cut anywhere: nothing comes of it, whatever the
// padding and packet id have become.
static void expect_forgeries_dropped(struct path_peer_conf conf)
{
	bool none = conf.cipher == CIPHER_NONE;
	size_t least = overhead(&conf) + (none ? 4 : 16), len;
	uint8_t data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	uint64_t failed = 0;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	len = good(pp, data);
	for (size_t at = conf.v1 ? 1 : 4; at < len; at++) {
		data[at] ^= (uint8_t)(1 << at % 8);
		expect_drop(pp, data, len, DROP_AUTH);
		data[at] ^= (uint8_t)(1 << at % 8);
		failed++;
	}
	for (size_t cut = 1; cut < len; cut++) {
		bool whole = cut >= least && (none || (len - cut) % 16 == 0);

		expect_drop(pp, data, cut, whole ? DROP_AUTH : DROP_SHORT);
		failed += whole;
	}
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), failed);
	// It was not tried as a replay, and is good once.
	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	expect_drop(pp, data, len, DROP_REPLAY);
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_pkts), 1);
	path_teardown(&p);
}

static void test_forged(void)
{
	static const enum cipher ciphers[] = {CIPHER_AES_128_CBC, CIPHER_NONE};

	for (int i = 0; i < 4 * DIGEST_COUNT; i++)
		expect_forgeries_dropped((struct path_peer_conf){
			.cipher = ciphers[i & 1], .digest = (enum digest)(i / 4), .v1 = i & 2});
}

// The MAC is right, what is inside is not.
static void test_bad_inside(void)
{
	static const struct {
		const char *hex;
		bool pad;
		enum drop_reason reason;
	} rows[] = {
		{"00000001" PING_HEX "000000000000000000000000", false, DROP_BAD_PADDING},
		{"00000001" PING_HEX "111111111111111111111111", false, DROP_BAD_PADDING},
		{"00000001" PING_HEX "ffffffffffffffffffffffff", false, DROP_BAD_PADDING},
		{"00000001" PING_HEX "000c0c0c0c0c0c0c0c0c0c0c", false, DROP_BAD_PADDING},
		{"00000001" PING_HEX "0c0c0c0c0c0c0c0c0c0c0b0c", false, DROP_BAD_PADDING},
		{"10101010101010101010101010101010", false, DROP_BAD_PADDING}, // nothing inside
		{"000001", true, DROP_BAD_PADDING},                            // no packet id
		{"00000000" PING_HEX, true, DROP_REPLAY},
		{"00000001", true, DROP_BAD_INNER}, // no text
		{"00000002ffff", true, DROP_BAD_INNER},
	};
	uint8_t inside[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *pp;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.cipher = CIPHER_AES_256_CBC});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = harness_hex(rows[i].hex, inside, sizeof(inside));

		len = path_seal_cbc(pp, inside, len, rows[i].pad, data);
		expect_drop(pp, data, len, rows[i].reason);
	}
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), 0);
	path_teardown(&p);
}

// The same without a cipher, which has no padding that could be wrong.
static void test_bad_inside_none(void)
{
	static const struct {
		const char *hex;
		enum drop_reason reason;
	} rows[] = {
		{"", DROP_SHORT},
		{"000001", DROP_SHORT}, // no packet id
		{"00000000" PING_HEX, DROP_REPLAY},
		{"00000001", DROP_BAD_INNER}, // no text
		{"00000002ffff", DROP_BAD_INNER},
		{"00000002" PING_HEX, DROP_REPLAY},
	};
	uint8_t inside[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *pp;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.cipher = CIPHER_NONE});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = harness_hex(rows[i].hex, inside, sizeof(inside));

		len = path_seal_cbc(pp, inside, len, false, data);
		expect_drop(pp, data, len, rows[i].reason);
	}
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), 0);
	path_teardown(&p);
}

// Clients of both formats in one burst, in and out: nobody's packets change their order.
static void test_mixed_burst(void)
{
	static const enum cipher ciphers[] = {
		CIPHER_AES_128_CBC, CIPHER_AES_256_GCM, CIPHER_NONE, CIPHER_CHACHA20_POLY1305};
	struct rte_mbuf *in[WORKER_BURST], *back[WORKER_BURST];
	uint8_t frame[PACKET_MAX], ip[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *pp[4];
	uint16_t next[4] = {0};
	uint32_t id;

	path_setup(&p, 1);
	for (unsigned int i = 0; i < 4; i++)
		pp[i] = path_peer_add(&p, i,
			(struct path_peer_conf){
				.cipher = ciphers[i], .digest = (enum digest)i, .v1 = i == 2});
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		struct path_peer *of = pp[i * 7 / 3 % 4];
		struct packet_spec s = path_spec_in(of, 4);
		size_t len;

		s.src_port = (uint16_t)i;
		len = path_seal(of, ip, packet_build(ip, &s), data);
		in[i] = path_mbuf(&p, frame, path_link_frame(of, 0, data, len, frame));
		s = path_spec_out(of, 4);
		s.src_port = (uint16_t)i;
		back[i] = path_mbuf(&p, frame, path_vpn_frame(of, &s, frame));
	}
	p.w[0]->st = state_get(p.dp);
	inbound_burst(p.w[0], LINK, in, WORKER_BURST);
	outbound_burst(p.w[0], VPN, back, WORKER_BURST);
	worker_tx_flush(p.w[0]);
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		unsigned int who, port;

		CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
		who = out.data[14 + 15] - 10u;
		port = (unsigned int)out.data[34] << 8 | out.data[35];
		CU_ASSERT_FATAL(who < 4);
		CU_ASSERT_EQUAL(port * 7 / 3 % 4, who);
		CU_ASSERT_TRUE(port >= next[who]);
		next[who] = (uint16_t)(port + 1);
		// Outbound, all of a burst leave as they came.
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open(pp[i * 7 / 3 % 4], &out, true, &text, &id));
		CU_ASSERT_EQUAL((unsigned int)text.data[20] << 8 | text.data[21], i);
	}
	path_teardown(&p);
}

// Without room in front a packet is moved; without room at all it is dropped.
static void test_room(void)
{
	struct path_peer_conf conf = {.cipher = CIPHER_AES_256_CBC, .digest = DIGEST_SHA512};
	uint8_t frame[PACKET_MAX], want[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct rte_mbuf *m;
	size_t len;
	uint32_t id;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	s = path_spec_out(pp, 4);
	len = path_vpn_frame(pp, &s, frame);
	for (int full = 0; full < 2; full++) {
		m = path_mbuf(&p, frame, len);
		m->data_off = full ? (uint16_t)(m->buf_len - len) : 0;
		memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, len);
		p.w[0]->st = state_get(p.dp);
		outbound_burst(p.w[0], VPN, &m, 1);
		worker_tx_flush(p.w[0]);
		CU_ASSERT_EQUAL(path_sent(&p, LINK, 0, &out), !full);
		CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_ROOM), (uint64_t)full);
		if (full)
			break;
		CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
		s.ttl = 63;
		CU_ASSERT_EQUAL(text.len, packet_build(want, &s));
		CU_ASSERT_EQUAL(memcmp(text.data, want, text.len), 0);
	}
	path_teardown(&p);
}

const struct harness_test path_cbc_tests[] = {
	{"carries every cipher, digest, length and data opcode", test_carry},
	{"makes and takes known packets", test_known_packets},
	{"drops forged and cut packets", test_forged},
	{"drops authentic packets with nonsense inside", test_bad_inside},
	{"and those that are not encrypted", test_bad_inside_none},
	{"keeps order in bursts of both formats", test_mixed_burst},
	{"makes room for headers", test_room},
	{NULL, NULL},
};
