// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Sessions on a bad network: handshakes and renegotiations whose packets get lost, doubled and
// reordered.

#include "control/channel/session.h"

#include "control/tests/session_bed.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define S 1000ull

static struct test_pki *pki;

static struct world *connect_world(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);

	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
	return w;
}

static void finish(struct world *w)
{
	CU_ASSERT_EQUAL(w->violations, 0);
	CU_ASSERT_TRUE(w->live_max <= 2);
	CU_ASSERT_EQUAL(w->connected, 1);
	world_free(w);
}

// A ClientHello of several packets, as OpenSSL 3.5 makes it: what the network does to the first two,
// of which none has met a session yet.
enum hello_fault {
	HELLO_SWAPPED,
	HELLO_FIRST_LOST,
	HELLO_SECOND_LOST,
	HELLO_DOUBLED,
	HELLO_FAULTS
};

struct hello_network {
	enum hello_fault fault;
	unsigned int count;
	struct world_packet held;
	void (*send)(void *arg, const uint8_t *data, size_t len);
	void *arg;
};

static void hello_send(void *arg, const uint8_t *data, size_t len)
{
	struct hello_network *n = arg;
	unsigned int i = n->count++; // 0: reset, 1 and 2: the hello

	if ((n->fault == HELLO_FIRST_LOST && i == 1) || (n->fault == HELLO_SECOND_LOST && i == 2))
		return;
	if (n->fault == HELLO_SWAPPED && i == 1) {
		n->held.len = len;
		memcpy(n->held.data, data, len);
		return;
	}
	n->send(n->arg, data, len);
	if (n->fault == HELLO_DOUBLED)
		n->send(n->arg, data, len);
	if (n->fault == HELLO_SWAPPED && i == 2)
		n->send(n->arg, n->held.data, n->held.len);
}

static void test_split_hello(void)
{
	unsigned int i;

	for (i = 0; i < HELLO_FAULTS * 4; i++) {
		struct world *w = world_new(pki, i & 1, WORLD_PROTO_26);
		struct hello_network n = {
			.fault = i / 4, .send = w->client_cfg.send, .arg = w->client_cfg.arg};
		uint64_t begun = w->now, limit = n.fault == HELLO_DOUBLED ? 2 : 4;

		// Who acks once only, and loses that: our reply again first, a retransmission more.
		if (n.fault == HELLO_FIRST_LOST && i & 2)
			limit = 8;
		w->client_cfg.chunk_bytes = 120;
		w->client_cfg.acks_once = i & 2;
		w->client_cfg.send = hello_send;
		w->client_cfg.arg = &n;
		world_start(w);
		CU_ASSERT_TRUE(world_run(w, w->now + 20 * S, world_is_connected));
		CU_ASSERT_EQUAL(w->sessions, 1);
		// One retransmission at most, and the push request a second after the keys.
		CU_ASSERT_TRUE(w->now - begun < limit * S);
		finish(w);
	}
}

// Says how many of 14 were done. A client whose own messages did not get through in its hand window
// comes back as a new session; the simulated one does not, so it ends here.
static unsigned int renegotiate_faulty(unsigned int seed)
{
	struct world *w = connect_world();
	unsigned int i;

	w->random += seed * 7919;
	w->loss_pct = 15;
	w->dup_pct = 15;
	w->jitter_ms = 200;
	w->data_every_ms = 1000; // keeps the session alive
	for (i = 0; i < 14; i++) {
		// Both at once every third time: the same key id, one exchange.
		if (i % 3 != 1)
			sim_client_renegotiate(w->c, w->now);
		if (i % 3 != 0)
			session_renegotiate(w->s, "test", w->now);
		world_run(w, w->now + 70 * S, NULL);
		if (session_info(w->s)->renegotiations == i)
			break;
		CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, i + 1);
		CU_ASSERT_TRUE(world_keys_match(w, session_info(w->s)->key_id));
	}
	CU_ASSERT_EQUAL(w->data_lost_up, 0);
	CU_ASSERT_EQUAL(w->closed, 0);
	finish(w);
	return i;
}

static void test_renegotiate_faulty(void)
{
	unsigned int seed, done = 0;

	for (seed = 0; seed < 12; seed++)
		done += renegotiate_faulty(seed) == 14;
	CU_ASSERT_TRUE(done >= 11);
}

// The client has the new key, and every ack of our last message was lost.
static struct world *lose_last_ack(void)
{
	struct world *w = connect_world();

	w->gw.tran_window_s = 200;
	world_run(w, w->now + 3 * S, NULL);
	session_renegotiate(w->s, "test", w->now);
	while (w->adds < 2)
		world_run(w, w->now + 1, NULL);
	w->cut_to_server = true;
	world_run(w, w->now + 100, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->exchanges, 2);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 0);
	return w;
}

static void test_last_ack_lost(void)
{
	struct world *w = lose_last_ack();
	uint64_t begun = w->now;

	// It uses the key, after our hand window.
	world_run(w, begun + 65 * S, NULL);
	w->cut_to_server = false;
	w->cut_to_client = true; // our message once more would make it ack
	w->data_every_ms = 1000;
	w->data_next_ms = w->now;
	world_run(w, w->now + 2 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
	CU_ASSERT_EQUAL(w->sending, 1);
	CU_ASSERT_EQUAL(w->data_lost_up, 0);
	finish(w);
	// It begins the next exchange at once.
	w = lose_last_ack();
	w->cut_to_server = false;
	w->cut_to_client = true;
	CU_ASSERT_TRUE(sim_client_renegotiate(w->c, w->now));
	world_run(w, w->now + 100, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
	w->cut_to_client = false;
	world_run(w, w->now + 20 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 2);
	CU_ASSERT_TRUE(world_keys_match(w, 2));
	finish(w);
	// It goes on with the old key for ever: the session ends when that has run out.
	w = lose_last_ack();
	begun = w->now;
	while (!w->closed && w->now < begun + 300 * S) {
		world_run(w, w->now + 10 * S, world_is_gone);
		session_data_seen(w->s, w->now);
	}
	CU_ASSERT_EQUAL(w->end, SESSION_END_RENEG);
	CU_ASSERT_TRUE(w->now >= begun + 250 * S && w->now <= begun + 260 * S);
	CU_ASSERT_EQUAL(w->sending, 0);
	finish(w);
}

// A path that loses large packets and says nothing: smaller ones get through, also in renegotiations.
static void test_black_hole(void)
{
	static const size_t carries[] = {1221, 1100, 700, 576 - 28};
	unsigned int connected = 0;

	for (size_t i = 0; i < sizeof(carries) / sizeof(carries[0]); i++) {
		struct world *w = world_new(pki, i & 1, WORLD_PROTO_26);
		uint64_t begun = w->now;

		w->carries_to_client = carries[i];
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 40 * S, world_is_connected));
		CU_ASSERT_TRUE(w->now - begun < 20 * S);
		CU_ASSERT_EQUAL(w->sessions, 1);
		if (session_info(w->s)->tls_mtu != 576)
			CU_ASSERT_TRUE(w->largest <= carries[i]);
		w->largest = 0;
		session_renegotiate(w->s, "test", w->now);
		world_run(w, w->now + 10 * S, NULL);
		CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
		CU_ASSERT_TRUE(w->largest <= carries[i]);
		finish(w);
	}
	// Any other loss is no reason.
	for (unsigned int seed = 0; seed < 40; seed++) {
		struct world *w = world_new(pki, true, WORLD_PROTO_26);

		w->random += seed * 7919;
		w->loss_pct = 30;
		world_start(w);
		connected += world_run(w, w->now + 60 * S, world_is_connected);
		CU_ASSERT_TRUE(!w->s || session_info(w->s)->tls_mtu == 1250);
		world_free(w);
	}
	CU_ASSERT_TRUE(connected >= 38);
}

static void test_tls_mtu(void)
{
	static const uint16_t mtus[] = {576, 1000, 1500};

	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		struct world *w = world_new(pki, i & 1, WORLD_PROTO_26);

		w->gw.tls_mtu = mtus[i];
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
		CU_ASSERT_TRUE(w->largest + 28 <= mtus[i]);
		CU_ASSERT_TRUE(w->largest + 28 > mtus[i] / 2);
		CU_ASSERT_EQUAL(session_info(w->s)->tls_mtu, mtus[i]);
		finish(w);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"split ClientHello", test_split_hello},
		{"renegotiation on a faulty network", test_renegotiate_faulty},
		{"last ack lost", test_last_ack_lost},
		{"a path that loses large packets", test_black_hole},
		{"packet size as configured", test_tls_mtu},
		{NULL, NULL},
	};
	int ret;

	log_set_level(LOG_LEVEL_ERR);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 10);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 10);
	ret = harness_run("session_loss", tests);
	test_pki_free(pki);
	return ret;
}
