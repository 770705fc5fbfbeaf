// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Compression framing, both ways: what clients with compression in their configuration get.
#include "dataplane/tests/path.h"

#include "dataplane/event.h"
#include "dataplane/outbound.h"
#include "dataplane/pkt.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#define PING_HEX "2a187bf3641eb4cb07ed2d0a981fc748"
#define OCC_EXIT_HEX "287f346bd4ef7a812d56b8d3afc5459c06"

static struct path p;
static struct path_out out, text;

static void sends(struct path_peer *pp, const uint8_t *inside, size_t len)
{
	uint8_t data[PACKET_MAX], frame[PACKET_MAX];

	len = path_seal(pp, inside, len, data);
	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
}

static void sends_hex(struct path_peer *pp, const char *hex)
{
	uint8_t inside[64];

	sends(pp, inside, harness_hex(hex, inside, sizeof(inside)));
}

static void message_out(struct path_peer *pp, const char *hex)
{
	uint8_t message[64];
	struct rte_mbuf *m = path_mbuf(&p, message, harness_hex(hex, message, sizeof(message)));

	m->port = PKT_PORT_CONTROL;
	pkt_reset(m)->peer_id = pp->id;
	pkt_of(m)->generation = pp->peer->generation;
	counter_add(&p.w[0]->counters->port[PKT_PORT_CONTROL].rx_pkts, 1);
	p.w[0]->st = state_get(p.dp);
	outbound_message_burst(p.w[0], &m, 1);
	worker_tx_flush(p.w[0]);
}

static void expect_out(
	const struct path_peer *pp, const char *head, const uint8_t *want, size_t len)
{
	uint8_t bytes[4];
	size_t n = harness_hex(head, bytes, sizeof(bytes));
	uint32_t id;

	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_TRUE_FATAL(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(text.len, n + len);
	CU_ASSERT_EQUAL(memcmp(text.data, bytes, n), 0);
	CU_ASSERT_EQUAL(memcmp(text.data + n, want, len), 0);
}

static void expect_message_out(const struct path_peer *pp, const char *head, const char *hex)
{
	uint8_t message[64];

	expect_out(pp, head, message, harness_hex(hex, message, sizeof(message)));
}

static size_t routed(uint8_t *want, struct packet_spec s)
{
	s.ttl = 63;
	return packet_build(want, &s);
}

static void carry_both_ways(struct path_peer_conf conf, const char *head)
{
	uint8_t ip[PACKET_MAX], want[PACKET_MAX];
	size_t n = harness_hex(head, ip, sizeof(ip)), len;
	struct path_peer *pp;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	for (int family = 4; family <= 6; family += 2) {
		struct packet_spec s = path_spec_in(pp, family);

		sends(pp, ip, n + packet_build(ip + n, &s));
		len = routed(want, s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
		CU_ASSERT_EQUAL(out.len, 14 + len);
		CU_ASSERT_EQUAL(memcmp(out.data + 14, want, len), 0);
		s = path_spec_out(pp, family);
		path_host_sends(&p, 0, pp, &s);
		expect_out(pp, head, want, routed(want, s));
	}
	// Both count the inner packet, without the framing.
	CU_ASSERT_EQUAL(counter_get(&pp->peer->in_bytes), counter_get(&pp->peer->out_bytes));
	CU_ASSERT_EQUAL(counter_get(&pp->peer->in_bytes), 20 + 40 + 2 * (8 + 19));
	CU_ASSERT_EQUAL(counter_get(&pp->peer->compressed_pkts), 0);
	path_teardown(&p);
}

static void test_carry(void)
{
	for (int i = 0; i < 8; i++) {
		struct path_peer_conf conf = {.framing = i & 1 ? FRAMING_COMP_LZO : FRAMING_STUB_V2,
			.cipher = i & 2 ? CIPHER_AES_256_GCM : CIPHER_AES_128_CBC,
			.v1 = i & 4};

		carry_both_ways(conf, i & 1 ? "fa" : "");
	}
	carry_both_ways((struct path_peer_conf){.framing = FRAMING_NONE}, "");
}

// Keepalive and option consistency messages go through the framing as IP packets do.
static void test_messages(void)
{
	static const char *const heads[] = {
		[FRAMING_NONE] = "", [FRAMING_COMP_LZO] = "fa", [FRAMING_STUB_V2] = ""};

	for (unsigned int f = FRAMING_NONE; f <= FRAMING_STUB_V2; f++) {
		struct path_peer *pp;
		char hex[64];
		struct event ev;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0, (struct path_peer_conf){.framing = (enum framing)f});
		snprintf(hex, sizeof(hex), "%s" PING_HEX, heads[f]);
		sends_hex(pp, hex);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->pings_in), 1);
		CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_KEY_USED);
		snprintf(hex, sizeof(hex), "%s" OCC_EXIT_HEX, heads[f]);
		sends_hex(pp, hex);
		CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_PEER_EXIT);
		message_out(pp, PING_HEX);
		expect_message_out(pp, heads[f], PING_HEX);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->pings_out), 1);
		path_teardown(&p);
	}
}

// What begins like the header of stub-v2 is escaped, and only there.
static void test_escape(void)
{
	struct path_peer *pp;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.framing = FRAMING_STUB_V2});
	message_out(pp, "5000112233");
	expect_message_out(pp, "5000", "5000112233");
	sends_hex(pp, "5000" PING_HEX);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->pings_in), 1);
	pp = path_peer_add(&p, 1, (struct path_peer_conf){.framing = FRAMING_COMP_LZO});
	message_out(pp, "5000112233");
	expect_message_out(pp, "fa", "5000112233");
	pp = path_peer_add(&p, 2, (struct path_peer_conf){0});
	message_out(pp, "5000112233");
	expect_message_out(pp, "", "5000112233");
	path_teardown(&p);
}

// No byte that is not the framing's passes, whatever is behind it; control hears of it once.
static void test_compressed(void)
{
	static const struct {
		enum framing framing;
		const char *hex;
		enum drop_reason reason;
	} rows[] = {
		{FRAMING_COMP_LZO, "66" PING_HEX, DROP_COMPRESSED},      // LZO
		{FRAMING_COMP_LZO, "69" PING_HEX, DROP_COMPRESSED},      // LZ4
		{FRAMING_COMP_LZO, "fb" PING_HEX "2a", DROP_COMPRESSED}, // compress stub
		{FRAMING_COMP_LZO, "5000" PING_HEX, DROP_COMPRESSED},
		{FRAMING_COMP_LZO, PING_HEX, DROP_COMPRESSED}, // none at all
		{FRAMING_COMP_LZO, "fa", DROP_BAD_INNER},
		{FRAMING_STUB_V2, "5001" PING_HEX, DROP_COMPRESSED}, // LZ4, version 2
		{FRAMING_STUB_V2, "5002" PING_HEX, DROP_COMPRESSED},
		{FRAMING_STUB_V2, "50", DROP_COMPRESSED},
		{FRAMING_STUB_V2, "5000", DROP_BAD_INNER},
		{FRAMING_STUB_V2, "fa" PING_HEX, DROP_BAD_INNER},
		{FRAMING_NONE, "fa" PING_HEX, DROP_BAD_INNER},
		{FRAMING_NONE, "5000" PING_HEX, DROP_BAD_INNER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool told = rows[i].reason == DROP_COMPRESSED;
		struct path_peer *pp;
		struct event ev;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0, (struct path_peer_conf){.framing = rows[i].framing});
		for (uint64_t n = 1; n <= 2; n++) {
			sends_hex(pp, rows[i].hex);
			CU_ASSERT_EQUAL(path_drops(&p, LINK, rows[i].reason), n);
			CU_ASSERT_EQUAL(counter_get(&pp->peer->compressed_pkts), told ? n : 0);
		}
		CU_ASSERT_TRUE(event_pop(p.dp, 0, &ev) && ev.type == EVENT_KEY_USED);
		CU_ASSERT_EQUAL(event_pop(p.dp, 0, &ev), told);
		CU_ASSERT_TRUE(!told || (ev.type == EVENT_COMPRESSED && ev.peer_id == pp->id));
		CU_ASSERT_FALSE(event_pop(p.dp, 0, &ev));
		path_teardown(&p);
	}
}

// Nothing inside the cipher: nothing to frame.
static void test_empty(void)
{
	struct path_peer *pp;

	path_setup(&p, 1);
	for (unsigned int f = FRAMING_NONE; f <= FRAMING_STUB_V2; f++) {
		pp = path_peer_add(&p, f,
			(struct path_peer_conf){
				.framing = (enum framing)f, .cipher = CIPHER_AES_256_CBC});
		sends_hex(pp, "");
		CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_BAD_INNER), f + 1);
	}
	path_teardown(&p);
}

const struct harness_test path_framing_tests[] = {
	{"carries both ways", test_carry},
	{"frames messages", test_messages},
	{"escapes", test_escape},
	{"drops what is compressed", test_compressed},
	{"drops what is empty", test_empty},
	{NULL, NULL},
};
