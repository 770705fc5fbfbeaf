// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Renegotiation by either side: keys agree, times are kept, no packet is lost.

#include "control/channel/session.h"

#include "control/tests/session_bed.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#define S 1000ull

static struct test_pki *pki;

// Many renegotiations of the server under traffic: every key agrees, no packet meets an end that
// lacks its key.
static void test_server_renegotiates(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);
	unsigned int i;
	uint8_t id = 0;

	w->gw.reneg_s = 5;
	w->data_every_ms = 10;
	w->delay_ms = 40;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_connected));
	for (i = 0; i < 20; i++) {
		uint64_t begun = w->now;

		id = id == 7 ? 1 : id + 1;
		while (session_info(w->s)->key_id != id && w->now < begun + 7 * S)
			world_run(w, w->now + 50, NULL);
		world_run(w, w->now + 200, NULL);
		CU_ASSERT_EQUAL(session_info(w->s)->key_id, id);
		CU_ASSERT_TRUE(world_keys_match(w, id));
		CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, i + 1);
	}
	// Promoted at half the interval after the soft reset, which began a few round trips before
	// the key was there.
	world_run(w, w->now + 3 * S, NULL);
	CU_ASSERT_EQUAL(w->sending, id);
	CU_ASSERT_TRUE(w->promoted_ms[id] > w->added_ms[id] + 1800);
	CU_ASSERT_TRUE(w->promoted_ms[id] <= w->added_ms[id] + 2500);
	CU_ASSERT_EQUAL(w->promotes, 20);
	CU_ASSERT_EQUAL(w->data_lost_up, 0);
	CU_ASSERT_EQUAL(w->data_lost_down, 0);
	CU_ASSERT_TRUE(w->data_sent > 10000);
	CU_ASSERT_EQUAL(w->closed, 0);
	world_finish(w);
}

// OpenVPN 3 does not stand what others do.
static void test_openvpn3_renegotiates_slowly(void)
{
	struct world *w = world_new(pki, true, 0);

	w->gw.reneg_s = 5;
	w->client_cfg.peer_info = "IV_VER=3.11.7\nIV_CIPHERS=AES-256-GCM\n";
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_connected));
	world_run(w, w->now + 65 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 0);
	world_run(w, w->now + 15 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
	world_finish(w);
}

// The same begun by the client, far more often than the server would.
static void test_client_renegotiates(void)
{
	static const uint32_t protos[] = {WORLD_PROTO_26, WORLD_PROTO_24};
	unsigned int i, j;

	for (j = 0; j < 2; j++) {
		struct world *w = world_connected(pki, j == 0, protos[j]);
		uint8_t id = 0;

		w->data_every_ms = 10;
		w->data_next_ms = w->now;
		for (i = 0; i < 16; i++) {
			id = id == 7 ? 1 : id + 1;
			world_run(w, w->now + 4 * S, NULL);
			CU_ASSERT_TRUE_FATAL(sim_client_renegotiate(w->c, w->now));
			world_run(w, w->now + 1 * S, NULL);
			CU_ASSERT_EQUAL(session_info(w->s)->key_id, id);
			CU_ASSERT_TRUE(world_keys_match(w, id));
			CU_ASSERT_EQUAL(w->sending, id);
		}
		CU_ASSERT_EQUAL(w->data_lost_up, 0);
		CU_ASSERT_EQUAL(w->data_lost_down, 0);
		CU_ASSERT_EQUAL(w->closed, 0);
		world_finish(w);
	}
}

// With the usual times: old key sends for the hand window, is accepted for the transition window.
static void test_key_times(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);

	w->gw.tran_window_s = 90;
	w->data_every_ms = 500;
	w->data_next_ms = w->now;
	CU_ASSERT_TRUE(session_next_tick(w->s) <= w->now + 3600 * S);
	world_run(w, w->now + 3239 * S, NULL);
	CU_ASSERT_EQUAL(w->adds, 1);
	world_run(w, w->now + 362 * S, NULL);
	CU_ASSERT_EQUAL_FATAL(w->adds, 2);
	world_run(w, w->added_ms[1] + 200 * S, NULL);
	CU_ASSERT_TRUE(w->promoted_ms[1] >= w->added_ms[1] + 59 * S);
	CU_ASSERT_TRUE(w->promoted_ms[1] <= w->added_ms[1] + 60 * S);
	CU_ASSERT_TRUE(w->removed_ms[0] >= w->added_ms[1] + 89 * S);
	CU_ASSERT_TRUE(w->removed_ms[0] <= w->added_ms[1] + 90 * S);
	CU_ASSERT_EQUAL(w->data_lost_up + w->data_lost_down, 0);
	// A shorter transition window does not undercut a minute.
	w->gw.tran_window_s = 1;
	session_renegotiate(w->s, "test", w->now);
	world_run(w, w->now + 120 * S, NULL);
	CU_ASSERT_EQUAL(w->removed_ms[1], w->added_ms[2] + 60 * S);
	world_finish(w);
}

static void test_simultaneous(void)
{
	struct world *w = world_connected(pki, false, WORLD_PROTO_26);

	world_run(w, w->now + 3 * S, NULL);
	session_renegotiate(w->s, "test", w->now);
	CU_ASSERT_TRUE(sim_client_renegotiate(w->c, w->now));
	session_renegotiate(w->s, "test", w->now); // no effect while one runs
	world_run(w, w->now + 5 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
	CU_ASSERT_EQUAL(w->adds, 2);
	CU_ASSERT_TRUE(world_keys_match(w, 1));
	world_finish(w);
}

// The client stops answering on the control channel while its data flows.
static void test_failed_renegotiation(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);
	uint64_t begun;

	w->gw.tran_window_s = 200;
	world_run(w, w->now + 5 * S, NULL);
	begun = w->now;
	w->cut_to_client = true;
	w->data_every_ms = 1000;
	session_renegotiate(w->s, "test", w->now);
	world_run(w, begun + 100 * S, NULL);
	CU_ASSERT_EQUAL(w->closed, 0);
	CU_ASSERT_TRUE(w->live[0] && !w->live[1]);
	CU_ASSERT_TRUE(world_run(w, begun + 300 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->now, begun + 200 * S);
	CU_ASSERT_EQUAL(w->end, SESSION_END_RENEG);
	CU_ASSERT_EQUAL(w->data_lost_up, 0);
	world_finish(w);
	// The client, which never heard of it, begins later with the same key id.
	w = world_connected(pki, true, WORLD_PROTO_26);
	w->gw.tran_window_s = 200;
	world_run(w, w->now + 5 * S, NULL);
	w->cut_to_client = true;
	w->data_every_ms = 1000;
	session_renegotiate(w->s, "test", w->now);
	world_run(w, w->now + 100 * S, NULL);
	w->cut_to_client = false;
	CU_ASSERT_TRUE(sim_client_renegotiate(w->c, w->now));
	world_run(w, w->now + 10 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, 1);
	CU_ASSERT_TRUE(world_keys_match(w, 1));
	world_run(w, w->now + 300 * S, NULL);
	CU_ASSERT_EQUAL(w->closed, 0);
	world_finish(w);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"server renegotiates", test_server_renegotiates},
		{"openvpn3 renegotiates slowly", test_openvpn3_renegotiates_slowly},
		{"client renegotiates", test_client_renegotiates},
		{"times of keys", test_key_times},
		{"both renegotiate", test_simultaneous},
		{"failed renegotiation", test_failed_renegotiation},
		{NULL, NULL},
	};
	int ret;

	log_set_level(LOG_LEVEL_ERR);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 10);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 10);
	ret = harness_run("session_rekey", tests);
	// Once more, with steps of the handshake that take their time elsewhere.
	world_step_ms = 40;
	ret |= harness_run("session_rekey with a pool", tests);
	test_pki_free(pki);
	return ret;
}
