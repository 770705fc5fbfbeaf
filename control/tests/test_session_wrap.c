// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Sessions under every way of wrapping: they connect, renegotiate, with and without dynamic
// tls-crypt, and what does not carry their own wrapping does not exist for them.

#include "control/channel/session.h"

#include "control/channel/peer_info.h"
#include "control/tests/sim_world.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define S 1000ull
#define PROTO_260 \
	(PEER_PROTO_DATA_V2 | PEER_PROTO_REQUEST_PUSH | PEER_PROTO_TLS_KEY_EXPORT | \
		PEER_PROTO_CC_EXIT | PEER_PROTO_AUTH_FAIL_TEMP)
#define PROTO_261 (PROTO_260 | PEER_PROTO_DYN_TLS_CRYPT)
#define PROTO_25 (PEER_PROTO_DATA_V2 | PEER_PROTO_REQUEST_PUSH)

static struct test_pki *pki;

static const char *const names[] = {"none", "tls-auth", "tls-crypt", "tls-crypt-v2"};

static void finish(struct world *w)
{
	CU_ASSERT_EQUAL(w->violations, 0);
	CU_ASSERT_TRUE(w->largest <= 1250 - 28);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->bad_records, 0);
	CU_ASSERT_FALSE(sim_client_state(w->c)->failed);
	world_free(w);
}

static void make_faulty(struct world *w)
{
	w->loss_pct = 20;
	w->dup_pct = 15;
	w->jitter_ms = 300;
}

static void test_connect(void)
{
	for (unsigned int i = 0; i < 4 * 2 * 4; i++) {
		enum tls_wrap_mode mode = (enum tls_wrap_mode)(i & 3);
		struct world *w = world_new(pki, false, i & 4 ? PROTO_261 : PROTO_25);
		bool v2 = mode == TLS_WRAP_CRYPT_V2;

		world_wrap(w, mode);
		w->random += i;
		if (i & 8)
			make_faulty(w);
		w->client_cfg.acks_once = !(i & 4);
		w->client_cfg.wkc_empty = i & 16;
		w->gw.hand_window_s = 120; // one of these networks is that bad
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 120 * S, world_is_connected));
		CU_ASSERT_TRUE(world_keys_match(w, 0));
		CU_ASSERT_STRING_EQUAL(session_info(w->s)->wrap, names[mode]);
		CU_ASSERT_EQUAL(sim_client_state(w->c)->asked_wkc, v2);
		CU_ASSERT_FALSE(session_is_unproven(w->s));
		finish(w);
	}
}

// A client of 2.5: its key comes with the first packet and never again.
static void test_client_25(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct world *w = world_new(pki, false, PROTO_25);

		world_wrap(w, TLS_WRAP_CRYPT_V2);
		w->random += i;
		if (i > 0)
			make_faulty(w);
		w->client_cfg.acks_once = true;
		w->client_cfg.wkc_once = true;
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 60 * S, world_is_connected));
		CU_ASSERT_TRUE(world_keys_match(w, 0));
		CU_ASSERT_STRING_EQUAL(session_info(w->s)->wrap, "tls-crypt-v2");
		CU_ASSERT_FALSE(session_is_unproven(w->s));
		finish(w);
	}
}

// A packet as the client would send it, under a key of our choice.
static void inject(struct world *w, struct ctrl_pkt *p, struct tls_wrap_key *key, uint32_t send_id)
{
	uint8_t plain[64], wire[TLS_WRAP_BYTES_MAX];
	struct tls_wrap wrap;
	int n;

	memcpy(p->sid, sim_client_sid(w->c), sizeof(p->sid));
	n = ctrl_pkt_compose(p, plain, sizeof(plain));
	tls_wrap_init(&wrap, key, false);
	wrap.send_id = send_id;
	n = tls_wrap_seal(&wrap, UINT32_MAX, plain, (size_t)n, wire, sizeof(wire));
	tls_wrap_fini(&wrap);
	CU_ASSERT_TRUE_FATAL(n > 0);
	session_input(w->s, wire, (size_t)n, w->now);
}

// Who never hears us (or is not there at all) gets a few resets, fewer bytes than it sent, no TLS,
// and ten seconds.
static void test_unproven(void)
{
	struct world *w = world_new(pki, false, PROTO_25);
	struct ctrl_pkt not_tls = {.opcode = OP_CONTROL_V1,
		.id = 1,
		.payload = (const uint8_t *)"no TLS",
		.payload_len = 6};

	world_wrap(w, TLS_WRAP_CRYPT_V2);
	w->client_cfg.wkc_once = true;
	w->cut_to_client = true;
	world_start(w);
	world_run(w, w->now + 9 * S, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w->s);
	CU_ASSERT_TRUE(session_is_unproven(w->s));
	inject(w, &not_tls, w->client_wrap, 1000);
	CU_ASSERT_TRUE(session_is_unproven(w->s));
	CU_ASSERT_EQUAL(w->closed, 0); // TLS has not seen it
	CU_ASSERT_EQUAL(w->steps, 0);
	CU_ASSERT_TRUE(w->sent_by_server <= 7);
	CU_ASSERT_TRUE(w->largest <= 26 + 4 + 40);
	CU_ASSERT_TRUE(w->bytes_by_server < w->bytes_to_server);
	CU_ASSERT_EQUAL(session_info(w->s)->tls_version[0], '\0');
	CU_ASSERT_TRUE(world_run(w, w->now + 2 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->end, SESSION_END_HANDSHAKE);
	finish(w);
}

static void renegotiate(struct world *w, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		uint8_t id = (uint8_t)(i % 7 + 1);

		world_run(w, w->now + 70 * S, NULL);
		if (i & 1)
			session_renegotiate(w->s, "test", w->now);
		else
			CU_ASSERT_TRUE_FATAL(sim_client_renegotiate(w->c, w->now));
		world_run(w, w->now + (w->loss_pct ? 65 : 2) * S, NULL);
		CU_ASSERT_EQUAL(session_info(w->s)->key_id, id);
		CU_ASSERT_EQUAL(session_info(w->s)->renegotiations, i + 1);
		CU_ASSERT_TRUE(world_keys_match(w, id));
	}
}

static void test_dynamic(void)
{
	for (unsigned int i = 0; i < 4 * 2 * 2; i++) {
		struct world *w = world_new(pki, false, i & 4 ? PROTO_261 : PROTO_260);
		bool dynamic = i & 4;

		world_wrap(w, (enum tls_wrap_mode)(i & 3));
		w->data_every_ms = 1000;
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
		if (i & 8)
			make_faulty(w);
		CU_ASSERT_EQUAL(sim_client_state(w->c)->dynamic, dynamic);
		CU_ASSERT_EQUAL(session_info(w->s)->dynamic, dynamic);
		renegotiate(w, 9);
		CU_ASSERT_EQUAL(w->closed, 0);
		finish(w);
	}
}

static void inject_soft_reset(struct world *w, struct tls_wrap_key *key, uint32_t send_id)
{
	struct ctrl_pkt p = {.opcode = OP_CONTROL_SOFT_RESET_V1, .key_id = 1};

	inject(w, &p, key, send_id);
}

static void test_other_wrapping(void)
{
	static const uint8_t other[TLS_WRAP_STATIC_KEY_BYTES] = {9};

	for (int mode = TLS_WRAP_NONE; mode <= TLS_WRAP_CRYPT_V2; mode++) {
		struct world *w = world_new(pki, false, mode & 1 ? PROTO_260 : PROTO_261);
		struct tls_wrap_key *keys[3] = {NULL, tls_wrap_key_auth(other, TLS_WRAP_SHA1, 0),
			tls_wrap_key_new(TLS_WRAP_CRYPT, other, false)};
		unsigned int sent;

		world_wrap(w, (enum tls_wrap_mode)mode);
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
		world_run(w, w->now + 10 * S, NULL);
		sent = w->sent_by_server;
		for (int i = 0; i < 3; i++)
			if (i != mode || (mode == TLS_WRAP_NONE && session_info(w->s)->dynamic))
				inject_soft_reset(w, keys[i], 100);
		// With dynamic tls-crypt the first wrapping does not do for other key ids either.
		if (session_info(w->s)->dynamic)
			inject_soft_reset(w, w->client_wrap, 1u << 30);
		CU_ASSERT_EQUAL(w->sent_by_server, sent);
		if (!session_info(w->s)->dynamic) {
			inject_soft_reset(w, w->client_wrap, 1u << 30);
			CU_ASSERT_TRUE(w->sent_by_server > sent);
		}
		tls_wrap_key_free(keys[1]);
		tls_wrap_key_free(keys[2]);
		finish(w);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"every mode connects", test_connect},
		{"tls-crypt-v2 of 2.5", test_client_25},
		{"an address that proves nothing", test_unproven},
		{"renegotiation, dynamic tls-crypt", test_dynamic},
		{"another wrapping than the session's", test_other_wrapping},
		{NULL, NULL},
	};
	int ret;

	log_set_level(LOG_LEVEL_ERR);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 30);
	ret = harness_run("session_wrap", tests);
	// Once more, with steps of the handshake that take their time elsewhere.
	world_step_ms = 40;
	ret |= harness_run("session_wrap with a pool", tests);
	test_pki_free(pki);
	return ret;
}
