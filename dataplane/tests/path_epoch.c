// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packets of the epoch format, both ways, and the moves from one epoch to the next. What control does
// (put keys in, take them out) the test does by hand.
#include "dataplane/tests/path.h"

#include "dataplane/inbound.h"
#include "dataplane/outbound.h"
#include "dataplane/pkt.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define ID(epoch, counter) ((uint64_t)(epoch) << 48 | (counter))

static struct path p;
static struct path_out out, text;
static struct path_peer *pp;
static struct epoch_slot *slot;

static void begin(struct path_peer_conf conf)
{
	conf.epoch = true;
	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, conf);
	slot = &pp->key->epoch;
}

static uint32_t recv_epoch(void)
{
	return slot->recv_epochs & UINT16_MAX;
}

// A packet of the client's with this id: carried, or this drop reason.
static void take(uint64_t id, enum drop_reason want)
{
	uint64_t before = want == DROP_REASON_COUNT ? 0 : path_drops(&p, LINK, want);
	struct packet_spec s = path_spec_in(pp, 4);
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	size_t len = path_seal_epoch(pp, id, ip, packet_build(ip, &s), data);

	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
	CU_ASSERT_EQUAL(path_sent(&p, VPN, 0, &out), want == DROP_REASON_COUNT);
	if (want != DROP_REASON_COUNT)
		CU_ASSERT_EQUAL(path_drops(&p, LINK, want), before + 1);
}

// The id of the next packet to the client; 0: none left.
static uint64_t give(void)
{
	struct packet_spec s = path_spec_out(pp, 4);
	uint64_t before = path_drops(&p, VPN, DROP_PKTID_EXHAUSTED), id = 0;
	uint8_t want[PACKET_MAX];

	path_host_sends(&p, 0, pp, &s);
	if (!path_sent(&p, LINK, 0, &out)) {
		CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_PKTID_EXHAUSTED), before + 1);
		return 0;
	}
	CU_ASSERT_TRUE(path_open_epoch(pp, &out, &text, &id));
	s.ttl = 63;
	CU_ASSERT_EQUAL(text.len, packet_build(want, &s));
	CU_ASSERT_EQUAL(memcmp(text.data, want, text.len), 0);
	return id;
}

static void seal_at(uint64_t id, uint8_t *data, size_t *len)
{
	struct packet_spec s = path_spec_in(pp, 4);
	uint8_t ip[PACKET_MAX];

	*len = path_seal_epoch(pp, id, ip, packet_build(ip, &s), data);
}

static void expect_drop(const uint8_t *data, size_t len, enum drop_reason r)
{
	uint64_t before = path_drops(&p, LINK, r);
	uint8_t frame[PACKET_MAX];

	path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
	CU_ASSERT_EQUAL(path_drops(&p, LINK, r), before + 1);
	CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
}

static unsigned int told(void)
{
	struct event ev;
	unsigned int n = 0;

	while (event_pop(p.dp, 0, &ev)) {
		n += ev.type == EVENT_EPOCH;
		CU_ASSERT_EQUAL(ev.peer_id, pp->id);
		CU_ASSERT_EQUAL(ev.key_id, pp->conf.key_id);
	}
	return n;
}

static void test_carry(void)
{
	for (unsigned int i = 0; i < 2 * CIPHER_AEAD_COUNT; i++) {
		struct packet_spec s;

		begin((struct path_peer_conf){.cipher = (enum cipher)(i / 2),
			.link_family = i & 1 ? 6 : 4,
			.framing = i & 1 ? FRAMING_COMP_LZO : FRAMING_NONE,
			.key_id = (uint8_t)i});
		for (unsigned int len = 0; len <= 40 && !pp->conf.framing; len++) {
			uint8_t want[PACKET_MAX];

			s = path_spec_in(pp, i & 2 ? 6 : 4);
			s.payload_len = len % 20;
			path_client_sends(&p, 0, pp, &s);
			CU_ASSERT_TRUE_FATAL(path_sent(&p, VPN, 0, &out));
			s.ttl = 63;
			CU_ASSERT_EQUAL(out.len, 14 + packet_build(want, &s));
			CU_ASSERT_EQUAL(memcmp(out.data + 14, want, out.len - 14), 0);
			CU_ASSERT_EQUAL(give(), ID(1, len + 1));
		}
		s = path_spec_out(pp, 4);
		path_host_sends(&p, 0, pp, &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE(path_open_epoch(pp, &out, &text, &(uint64_t){0}));
		CU_ASSERT_EQUAL(text.data[0], pp->conf.framing ? 0xfa : 0x45);
		CU_ASSERT_EQUAL(slot->recv_epochs, 1);
		CU_ASSERT_EQUAL(slot->send_epoch, 1);
		path_teardown(&p);
	}
}

// The client goes on: we follow with the very next packet, and late ones of the epoch before pass.
static void test_client_moves(void)
{
	uint8_t data[PACKET_MAX];
	size_t len;

	begin((struct path_peer_conf){.cipher = CIPHER_AES_256_GCM, .key_id = 3});
	for (uint64_t c = 1; c <= 3; c++)
		take(ID(1, c), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(give(), ID(1, 1));
	CU_ASSERT_EQUAL(told(), 0);
	take(ID(2, 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(slot->recv_epochs, 1 << 16 | 2);
	CU_ASSERT_EQUAL(told(), 1);
	CU_ASSERT_EQUAL(give(), ID(2, 1));
	take(ID(1, 5), DROP_REASON_COUNT); // out of order over the switch
	take(ID(1, 4), DROP_REASON_COUNT);
	take(ID(1, 4), DROP_REPLAY); // each epoch has its own window
	take(ID(1, 2), DROP_REPLAY);
	take(ID(2, 1), DROP_REPLAY);
	take(ID(2, 2), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(recv_epoch(), 2);
	CU_ASSERT_EQUAL(told(), 0);
	// Three at once: what is between is given up, what was before the former one too.
	take(ID(5, 7), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(slot->recv_epochs, 2 << 16 | 5);
	take(ID(1, 9), DROP_EPOCH);
	take(ID(3, 1), DROP_EPOCH);
	take(ID(4, 1), DROP_EPOCH);
	seal_at(ID(4, 1), data, &len);
	data[len - 1] ^= 1;
	expect_drop(data, len, DROP_EPOCH); // its key is there still, but not tried
	take(ID(2, 3), DROP_REASON_COUNT);
	take(ID(5, 6), DROP_REASON_COUNT);
	// No send key of epoch 5 yet: the latest there is, then the wanted one.
	CU_ASSERT_EQUAL(told(), 1);
	CU_ASSERT_EQUAL(slot->send_wanted, 5);
	CU_ASSERT_EQUAL(give(), ID(3, 1));
	path_epoch_put(pp, false, 5);
	CU_ASSERT_EQUAL(give(), ID(5, 1));
	CU_ASSERT_EQUAL(give(), ID(5, 2));
	CU_ASSERT_EQUAL(told(), 1);
	path_teardown(&p);
}

// Whatever epoch a forged packet names: it changes nothing but the count of its key.
static void test_forged(void)
{
	uint8_t data[PACKET_MAX];
	uint64_t failed = 0;
	size_t len;

	begin((struct path_peer_conf){.cipher = CIPHER_AES_128_GCM});
	for (uint32_t epoch = 1; epoch <= 5; epoch++) {
		for (unsigned int i = 0; i < EPOCH_RING; i++)
			slot->failed[i] = 0;
		seal_at(ID(epoch, 1), data, &len);
		// Not the key id, peer id and epoch: those find the key.
		for (size_t at = 6; at < len; at++) {
			data[at] ^= (uint8_t)(1 << at % 8);
			expect_drop(data, len, DROP_AUTH);
			data[at] ^= (uint8_t)(1 << at % 8);
		}
		CU_ASSERT_EQUAL(slot->failed[epoch], len - 6);
		failed += len - 6;
		// Under the key of another epoch.
		data[5] ^= epoch == 1 ? 2 : 1;
		expect_drop(data, len, data[5] >= 1 && data[5] <= 5 ? DROP_AUTH : DROP_EPOCH);
		failed += data[5] >= 1 && data[5] <= 5;
		data[5] ^= epoch == 1 ? 2 : 1;
		for (size_t cut = 1; cut < len; cut += 3) {
			bool whole = len - cut > 28;

			expect_drop(data, len - cut, whole ? DROP_AUTH : DROP_SHORT);
			failed += whole;
		}
	}
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), failed);
	CU_ASSERT_EQUAL(slot->recv_epochs, 1);
	CU_ASSERT_EQUAL(slot->send_epoch, 1);
	CU_ASSERT_EQUAL(slot->current.highest, 0);
	CU_ASSERT_EQUAL(told(), 0);
	// No key, no try.
	seal_at(ID(6, 1), data, &len);
	expect_drop(data, len, DROP_EPOCH);
	seal_at(ID(0, 1), data, &len);
	expect_drop(data, len, DROP_EPOCH);
	seal_at(ID(0xffff, 1), data, &len);
	expect_drop(data, len, DROP_EPOCH);
	CU_ASSERT_EQUAL(counter_get(&pp->key->recv_failed), failed);
	// There is no such packet of P_DATA_V1; the counter is never 0, and moves nothing then.
	seal_at(ID(1, 1), data, &len);
	data[0] = OP_DATA_V1 << 3;
	expect_drop(data, len, DROP_EPOCH);
	take(ID(2, 0), DROP_REPLAY);
	CU_ASSERT_EQUAL(slot->recv_epochs, 1);
	path_teardown(&p);
}

// A key is not used any more after too many forgeries; well before that we go on, and the client
// follows.
static void test_forgeries_wear_out(void)
{
	uint8_t data[PACKET_MAX];
	size_t len;

	begin((struct path_peer_conf){.cipher = CIPHER_CHACHA20_POLY1305});
	slot->failed[1] = slot->limits.failed_due - 1;
	CU_ASSERT_EQUAL(slot->limits.failed_due, UINT64_C(1) << 35);
	seal_at(ID(1, 1), data, &len);
	data[len - 1] ^= 1;
	CU_ASSERT_EQUAL(give(), ID(1, 1));
	expect_drop(data, len, DROP_AUTH);
	CU_ASSERT_EQUAL(give(), ID(2, 1));
	expect_drop(data, len, DROP_AUTH); // once is enough
	CU_ASSERT_EQUAL(give(), ID(2, 2));
	CU_ASSERT_EQUAL(told(), 1);
	slot->failed[1] = slot->limits.failed_max;
	CU_ASSERT_EQUAL(slot->limits.failed_max, UINT64_C(1) << 36);
	take(ID(1, 1), DROP_EPOCH);
	take(ID(2, 1), DROP_REASON_COUNT);
	// Counts go with their keys: epoch 17 has the place of 1.
	CU_ASSERT_NOT_EQUAL(slot->failed[1], 0);
	path_epoch_put(pp, true, 6);
	for (uint32_t e = 3; e <= 13; e++) {
		path_epoch_del(pp, true, e + EPOCH_FUTURE - EPOCH_RING);
		path_epoch_put(pp, true, e + EPOCH_FUTURE);
		take(ID(e, 1), DROP_REASON_COUNT);
	}
	CU_ASSERT_EQUAL(slot->failed[1], 0);
	path_teardown(&p);
}

// We go on: by use of our key, by its packet ids, by use of the client's key. Never with the last
// packet, never without a key, and never out of the client's reach.
static void test_we_move(void)
{
	begin((struct path_peer_conf){.cipher = CIPHER_AES_256_GCM});
	CU_ASSERT_EQUAL(give(), ID(1, 1));
	CU_ASSERT_EQUAL(slot->send_usage, 5); // 47 bytes, framing: 4 blocks and a packet
	slot->send_usage = slot->limits.usage_due;
	CU_ASSERT_EQUAL(slot->limits.usage_max, (UINT64_C(1) << 36) - 1);
	CU_ASSERT_EQUAL(give(), ID(2, 1));
	CU_ASSERT_EQUAL(slot->send_usage, 5);
	CU_ASSERT_EQUAL(told(), 1);
	slot->send_counter = slot->limits.counter_due;
	CU_ASSERT_EQUAL(give(), ID(3, 1));
	CU_ASSERT_EQUAL(told(), 1);
	// No key ahead: on with this one, up to its last id.
	slot->send_counter = EPOCH_COUNTER_MAX - 2;
	CU_ASSERT_EQUAL(give(), ID(3, EPOCH_COUNTER_MAX - 1));
	CU_ASSERT_EQUAL(give(), ID(3, EPOCH_COUNTER_MAX));
	CU_ASSERT_EQUAL(give(), 0);
	CU_ASSERT_EQUAL(told(), 1);
	path_epoch_put(pp, false, 4);
	CU_ASSERT_EQUAL(give(), ID(4, 1));
	// The same up to its last block.
	slot->send_usage = slot->limits.usage_max - 9;
	CU_ASSERT_EQUAL(give(), ID(4, 2));
	CU_ASSERT_EQUAL(give(), 0);
	CU_ASSERT_EQUAL(slot->send_usage, slot->limits.usage_max - 4);
	path_epoch_put(pp, false, 5);
	CU_ASSERT_EQUAL(give(), ID(5, 1));
	// Four ahead of the client: it may have no key of the next, so it is not even asked for.
	path_epoch_put(pp, false, 6);
	slot->send_usage = slot->limits.usage_due;
	CU_ASSERT_EQUAL(give(), ID(5, 2));
	CU_ASSERT_EQUAL(slot->send_wanted, 5);
	take(ID(2, 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(give(), ID(6, 1));
	path_teardown(&p);
}

static void test_clients_key_wears_out(void)
{
	begin((struct path_peer_conf){.cipher = CIPHER_AES_256_GCM});
	take(ID(1, 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(slot->recv_usage, 4);
	slot->recv_usage = slot->limits.usage_due - 4;
	take(ID(1, 2), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(give(), ID(2, 1));
	take(ID(1, 3), DROP_REASON_COUNT); // it has not seen that yet
	CU_ASSERT_EQUAL(give(), ID(2, 2));
	CU_ASSERT_EQUAL(slot->send_wanted, 2);
	CU_ASSERT_EQUAL(told(), 1);
	take(ID(2, 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(told(), 1); // we are there already, but it may go on
	CU_ASSERT_EQUAL(slot->recv_usage, 4);
	// ChaCha20-Poly1305 does not.
	path_teardown(&p);
	begin((struct path_peer_conf){.cipher = CIPHER_CHACHA20_POLY1305});
	slot->recv_usage = slot->send_usage = UINT64_C(1) << 40;
	take(ID(1, 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(give(), ID(1, 1));
	path_teardown(&p);
}

// Epochs change in the middle of bursts, both ways, among packets of other formats.
static void test_mixed_burst(void)
{
	struct rte_mbuf *in[WORKER_BURST], *back[WORKER_BURST];
	uint8_t frame[PACKET_MAX], ip[PACKET_MAX], data[PACKET_MAX];
	struct path_peer *of[3];
	unsigned int next = 0;
	uint64_t id;

	begin((struct path_peer_conf){.cipher = CIPHER_AES_256_GCM});
	of[0] = path_peer_add(&p, 1, (struct path_peer_conf){.cipher = CIPHER_AES_256_GCM});
	of[1] = path_peer_add(&p, 2, (struct path_peer_conf){.cipher = CIPHER_AES_128_CBC});
	of[2] = pp;
	slot->limits.usage_due = 5 * 5; // five packets
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		struct path_peer *who = of[i % 3];
		struct packet_spec s = path_spec_in(who, 4);
		size_t len = packet_build(ip, &s);

		len = who == pp ? path_seal_epoch(pp, ID(1 + i / 12, i + 1), ip, len, data)
				: path_seal(who, ip, len, data);
		in[i] = path_mbuf(&p, frame, path_link_frame(who, 0, data, len, frame));
		s = path_spec_out(who, 4);
		back[i] = path_mbuf(&p, frame, path_vpn_frame(who, &s, frame));
	}
	p.w[0]->st = state_get(p.dp);
	outbound_burst(p.w[0], VPN, back, WORKER_BURST);
	worker_tx_flush(p.w[0]);
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		if (of[i % 3] != pp)
			continue;
		CU_ASSERT_TRUE(path_open_epoch(pp, &out, &text, &id));
		CU_ASSERT_EQUAL(id, ID(1 + next / 5, 1 + next % 5));
		next++;
	}
	inbound_burst(p.w[0], LINK, in, WORKER_BURST);
	worker_tx_flush(p.w[0]);
	for (unsigned int i = 0; i < WORKER_BURST; i++)
		CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	CU_ASSERT_EQUAL(slot->recv_epochs, 2 << 16 | 3);
	path_teardown(&p);
}

// Without room behind for the tag a packet is dropped; a float is told of its newest packet only.
static void test_room_and_float(void)
{
	uint8_t frame[PACKET_MAX], data[PACKET_MAX], elsewhere[PACKET_MAX];
	struct packet_spec s;
	struct rte_mbuf *m;
	struct event ev;
	size_t len;

	begin((struct path_peer_conf){.cipher = CIPHER_AES_256_GCM});
	s = path_spec_out(pp, 4);
	len = path_vpn_frame(pp, &s, frame);
	m = path_mbuf(&p, frame, len);
	m->data_off = (uint16_t)(m->buf_len - len - PROTO_TAG_BYTES + 1);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, len);
	p.w[0]->st = state_get(p.dp);
	outbound_burst(p.w[0], VPN, &m, 1);
	CU_ASSERT_EQUAL(path_drops(&p, VPN, DROP_NO_ROOM), 1);
	take(ID(2, 5), DROP_REASON_COUNT);
	while (event_pop(p.dp, 0, &ev))
		;
	pp->remote_port++; // moves
	for (unsigned int i = 0; i < 4; i++) {
		static const uint64_t ids[] = {ID(2, 4), ID(1, 9), ID(2, 6), ID(3, 1)};

		seal_at(ids[i], data, &len);
		path_in(&p, 0, LINK, elsewhere, path_link_frame(pp, 0, data, len, elsewhere));
		CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
		while (event_pop(p.dp, 0, &ev) && ev.type != EVENT_FLOAT)
			;
		CU_ASSERT_EQUAL(ev.type == EVENT_FLOAT, i >= 2);
		ev.type = EVENT_KEY_USED;
	}
	pp->remote_port--;
	path_teardown(&p);
}

const struct harness_test path_epoch_tests[] = {
	{"carries every cipher and length", test_carry},
	{"follows the client", test_client_moves},
	{"drops forged packets of any epoch", test_forged},
	{"gives up keys that forgeries were tried on", test_forgeries_wear_out},
	{"goes on by itself", test_we_move},
	{"goes on when the client's key is worn out", test_clients_key_wears_out},
	{"changes epochs in the middle of a burst", test_mixed_burst},
	{"needs room for the tag, floats by the newest packet", test_room_and_float},
	{NULL, NULL},
};
