// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The life of a session: a simulated client, a network with faults, a clock of our own.

#include "control/channel/session.h"

#include "control/tests/session_bed.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define S 1000ull

static struct test_pki *pki;

// A client without negotiation gets the fallback, or no cipher if that is all it can do; and no push
// of a cipher it could only complain about.
static void test_fallback(void)
{
	static const struct {
		enum cipher cipher, fallback;
		const char *name, *why;
	} cases[] = {
		{CIPHER_AES_256_CBC, CIPHER_AES_256_CBC, "AES-256-CBC", "fallback_cipher"},
		{CIPHER_NONE, CIPHER_COUNT, "[null-cipher]", "cipher option"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(pki, true, WORLD_PROTO_24);
		const struct session_info *info;
		const struct session_key *key;
		char options[128];

		w->gw.data_ciphers[w->gw.data_cipher_count++] = CIPHER_NONE;
		w->gw.fallback_cipher = cases[i].fallback;
		w->gw.auth = DIGEST_SHA256;
		w->client_cfg.peer_info = NULL;
		snprintf(options, sizeof(options),
			"V4,dev-type tun,cipher %s,auth SHA256,tls-client", cases[i].name);
		w->client_cfg.options = options;
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 60 * S, world_is_connected));
		info = session_info(w->s);
		CU_ASSERT_STRING_EQUAL(info->cipher, cipher_name(cases[i].cipher));
		CU_ASSERT_STRING_EQUAL(info->digest, "SHA256");
		CU_ASSERT_STRING_EQUAL(info->cipher_why, cases[i].why);
		CU_ASSERT_PTR_NULL(strstr(sim_client_state(w->c)->push, "cipher"));
		key = &w->keys[0];
		CU_ASSERT_TRUE_FATAL(w->live[0]);
		CU_ASSERT_EQUAL(key->cipher, cases[i].cipher);
		CU_ASSERT_EQUAL(key->digest, DIGEST_SHA256);
		CU_ASSERT_NOT_EQUAL(memcmp(key->recv_mac, key->send_mac, 32), 0);
		world_finish(w);
	}
}

static void test_connect(void)
{
	unsigned int i;

	for (i = 0; i < 32; i++) {
		bool wrapped = i & 1, ekm = i & 2, faulty = i & 8, small = i & 16;
		struct world *w = world_new(pki, wrapped, ekm ? WORLD_PROTO_26 : WORLD_PROTO_24);
		const struct session_info *info;

		w->client_cfg.tls_max = i & 4 ? TLS1_2_VERSION : 0;
		if (small)
			w->client_cfg.peer_info = "IV_CIPHERS=AES-128-GCM\n";
		w->random += i;
		w->loss_pct = faulty ? 20 : 0;
		w->dup_pct = faulty ? 15 : 0;
		w->jitter_ms = faulty ? 300 : 0;
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 60 * S, world_is_connected));
		CU_ASSERT_TRUE(world_keys_match(w, 0));
		CU_ASSERT_EQUAL(sim_client_state(w->c)->ekm, ekm);
		info = session_info(w->s);
		CU_ASSERT_STRING_EQUAL(info->common_name, "alice");
		CU_ASSERT_STRING_EQUAL(info->tls_version, i & 4 ? "TLSv1.2" : "TLSv1.3");
		CU_ASSERT_STRING_EQUAL(info->cipher, small ? "AES-128-GCM" : "AES-256-GCM");
		CU_ASSERT_STRING_EQUAL(info->cipher_why, "IV_CIPHERS");
		CU_ASSERT_STRING_EQUAL(info->key_derivation, ekm ? "tls-ekm" : "prf");
		CU_ASSERT_STRING_EQUAL(info->iv_ver, "2.6.14");
		CU_ASSERT_TRUE(info->data_v2);
		CU_ASSERT_EQUAL(info->iv_mtu, small ? 0 : 1600);
		CU_ASSERT_EQUAL(session_lease(w->s)->peer_id, 7);
		CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->push, "peer-id 7"));
		CU_ASSERT_TRUE(w->largest <= 1250 - 28);
		world_finish(w);
	}
}

// Pushed at once to who said so, else on request; never twice for one question.
static void test_push(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);
	unsigned int i, sent;

	w->client_cfg.no_push_request = true;
	w->gw.local_network_count = CONF_LIST_MAX;
	for (i = 0; i < CONF_LIST_MAX; i++)
		w->gw.local_networks[i] = (struct conf_prefix){4, 24, {172, 16, (uint8_t)i, 0}};
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_connected));
	CU_ASSERT_TRUE(sim_client_state(w->c)->push_parts > 1);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->push_replies, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->push, "172.16.63.0"));
	world_run(w, w->now + 3 * S, NULL);
	sent = w->sent_by_server;
	sim_client_say(w->c, "PUSH_REQUEST", 13, w->now);
	world_run(w, w->now + 3 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->push_replies, 1);
	CU_ASSERT_EQUAL(w->sent_by_server, sent + 1); // an ack
	world_run(w, w->now + 30 * S, NULL);
	sim_client_say(w->c, "PUSH_REQUEST", 13, w->now);
	world_run(w, w->now + 3 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->push_replies, 2);
	CU_ASSERT_EQUAL(w->adds, 1);
	world_finish(w);
	// Nobody asked: nobody is connected, and in the end the handshake has failed.
	w = world_new(pki, false, WORLD_PROTO_24);
	w->client_cfg.no_push_request = true;
	world_start(w);
	world_run(w, w->now + 59 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->exchanges, 1);
	CU_ASSERT_EQUAL(w->connected + w->adds + w->closed, 0);
	CU_ASSERT_TRUE(world_run(w, w->now + 2 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->end, SESSION_END_HANDSHAKE);
	world_finish(w);
}

static void test_identity(void)
{
	static const char *const names[] = {"bob", "alice2"};
	char cert[32], key[32];
	struct world *w;
	unsigned int i;

	// Another name; the same name on another certificate.
	for (i = 0; i < 2; i++) {
		w = world_connected(pki, true, WORLD_PROTO_26);
		snprintf(cert, sizeof(cert), "%s.crt", names[i]);
		snprintf(key, sizeof(key), "%s.key", names[i]);
		world_run(w, w->now + 5 * S, NULL);
		CU_ASSERT_EQUAL_FATAL(sim_client_set_cert(w->c, test_pki_path(pki, cert),
					      test_pki_path(pki, key)),
			0);
		sim_client_renegotiate(w->c, w->now);
		CU_ASSERT_TRUE(world_run(w, w->now + 2 * S, world_is_closed));
		CU_ASSERT_EQUAL(w->end, SESSION_END_IDENTITY);
		CU_ASSERT_EQUAL(w->adds, 1);
		CU_ASSERT_STRING_EQUAL(session_info(w->s)->common_name, "alice");
		CU_ASSERT_TRUE(world_run(w, w->now + 6 * S, world_is_gone));
		CU_ASSERT_STRING_EQUAL(
			sim_client_state(w->c)->message, "AUTH_FAILED,certificate changed");
		world_finish(w);
	}
}

// A list that is loaded while the client is connected counts at its next renegotiation.
static void test_revoked(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);
	struct tls_context *tls;
	char err[TLS_TEXT_BYTES];

	snprintf(w->gw.crl, sizeof(w->gw.crl), "%s", test_pki_path(pki, "crl.pem"));
	tls = tls_context_new(&w->gw, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(tls);
	session_set_tls(w->s, tls);
	world_run(w, w->now + 5 * S, NULL);
	CU_ASSERT_EQUAL(w->closed, 0);
	sim_client_renegotiate(w->c, w->now);
	CU_ASSERT_TRUE(world_run(w, w->now + 3 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->end, SESSION_END_TLS);
	CU_ASSERT_EQUAL(w->adds, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->error, "certificate revoked"));
	world_finish(w);
	tls_context_free(tls);
}

static void test_hand_window(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);
	uint64_t start;

	world_start(w);
	while (!w->s)
		world_run(w, w->now + 10, NULL);
	start = w->now;
	w->cut_to_server = true;
	CU_ASSERT_TRUE(world_run(w, w->now + 100 * S, world_is_gone));
	CU_ASSERT_TRUE(w->now >= start + 59 * S && w->now <= start + 60 * S);
	CU_ASSERT_EQUAL(w->end, SESSION_END_HANDSHAKE);
	CU_ASSERT_EQUAL(session_next_tick(w->s), UINT64_MAX);
	world_finish(w);
}

static void test_refusals(void)
{
	static const struct {
		enum session_verdict verdict;
		uint32_t proto;
		const char *peer_info, *options;
		const char *message;
	} rows[] = {
		{SESSION_REFUSE_FULL, WORLD_PROTO_26, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"AUTH_FAILED,TEMP[backoff 5,advance remote]:server is full"},
		{SESSION_REFUSE_FULL, WORLD_PROTO_24, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"RESTART,[N]server is full"},
		// Bit 8 decides, and no other: 2.6 without it, 2.4 with it, nothing said at all.
		{SESSION_REFUSE_FULL, WORLD_PROTO_26 & ~(1u << 8), "IV_CIPHERS=AES-256-GCM\n", NULL,
			"RESTART,[N]server is full"},
		{SESSION_REFUSE_FULL, WORLD_PROTO_24 | 1u << 8, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"AUTH_FAILED,TEMP[backoff 5,advance remote]:server is full"},
		{SESSION_REFUSE_FULL, 0, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"RESTART,[N]server is full"},
		{SESSION_REFUSE_NO_ADDRESS, WORLD_PROTO_26, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"AUTH_FAILED,TEMP[backoff 5,advance remote]:no client address is free"},
		{SESSION_REFUSE_DUPLICATE, WORLD_PROTO_24, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"AUTH_FAILED,this certificate is already connected"},
		{SESSION_REFUSE_NO_ADDRESS, WORLD_PROTO_24, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"RESTART,[N]no client address is free"},
		{SESSION_REFUSE_DUPLICATE, WORLD_PROTO_26, "IV_CIPHERS=AES-256-GCM\n", NULL,
			"AUTH_FAILED,this certificate is already connected"},
		{SESSION_ADMIT, WORLD_PROTO_26, "IV_CIPHERS=BF-CBC\n", NULL,
			"AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)"},
		{SESSION_ADMIT, WORLD_PROTO_24, NULL, "V4,dev-type tun,cipher BF-CBC,tls-client",
			"AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)"},
		{SESSION_ADMIT, WORLD_PROTO_26, NULL,
			"V4,dev-type tun,mtu-dynamic,cipher AES-256-GCM",
			"AUTH_FAILED,fragment is not supported by this server"},
		{SESSION_ADMIT, WORLD_PROTO_26, NULL, "V4,dev-type tap,cipher AES-256-GCM",
			"AUTH_FAILED,dev tap is not supported by this server, use dev tun"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(pki, i & 1, rows[i].proto);
		uint64_t closed;

		w->verdict = rows[i].verdict;
		w->client_cfg.peer_info = rows[i].peer_info;
		w->client_cfg.options = rows[i].options;
		world_start(w);
		CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_closed));
		closed = w->now;
		CU_ASSERT_EQUAL(w->end, SESSION_END_REFUSED);
		CU_ASSERT_EQUAL(w->admitted, rows[i].verdict != SESSION_ADMIT);
		CU_ASSERT_TRUE(world_run(w, w->now + 10 * S, world_is_gone));
		CU_ASSERT_EQUAL(w->now, closed + 5 * S);
		CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, rows[i].message);
		CU_ASSERT_EQUAL(w->adds + w->connected, 0);
		CU_ASSERT_PTR_NULL(session_lease(w->s));
		world_finish(w);
	}
}

static void test_exit(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);
	unsigned int sent;
	uint64_t closed;

	world_run(w, w->now + 3 * S, NULL);
	w->cut_to_client = true; // its ack is lost: the client says it again
	sim_client_say(w->c, "EXIT", 5, w->now);
	CU_ASSERT_TRUE(world_run(w, w->now + 1 * S, world_is_closed));
	closed = w->now;
	CU_ASSERT_EQUAL(w->end, SESSION_END_EXIT);
	CU_ASSERT_FALSE(world_is_gone(w));
	CU_ASSERT_FALSE(session_is_connected(w->s));
	sent = w->sent_by_server;
	w->cut_to_client = false;
	sim_client_say(w->c, "EXIT", 5, w->now); // a second one prolongs nothing
	CU_ASSERT_FALSE(sim_client_renegotiate(w->c, w->now) && session_is_connected(w->s));
	CU_ASSERT_TRUE(world_run(w, w->now + 10 * S, world_is_gone));
	CU_ASSERT_TRUE(w->sent_by_server > sent);
	CU_ASSERT_EQUAL(w->now, closed + 5 * S);
	CU_ASSERT_EQUAL(w->sessions, 1);
	CU_ASSERT_EQUAL(w->adds, 1);
	world_finish(w);
	// In the data channel: over at once.
	w = world_connected(pki, true, WORLD_PROTO_26);
	session_peer_exit(w->s, w->now);
	CU_ASSERT_TRUE(world_is_gone(w));
	CU_ASSERT_EQUAL(w->end, SESSION_END_EXIT);
	world_finish(w);
}

static void test_restart(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);
	uint64_t begun;

	world_run(w, w->now + 3 * S, NULL);
	begun = w->now;
	session_restart(w->s, SESSION_END_SHUTDOWN, NULL, w->now);
	CU_ASSERT_EQUAL(w->closed, 1);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->now, begun + 20); // one round trip: acked
	CU_ASSERT_EQUAL(w->end, SESSION_END_SHUTDOWN);
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, "RESTART");
	world_finish(w);
	// During a renegotiation the message waits for the key the client listens to.
	w = world_connected(pki, true, WORLD_PROTO_26);
	world_run(w, w->now + 3 * S, NULL);
	session_renegotiate(w->s, "test", w->now);
	session_restart(w->s, SESSION_END_KILLED, "HALT,go away", w->now);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, "HALT,go away");
	CU_ASSERT_EQUAL(w->adds, 1);
	world_finish(w);
	// Nobody is there: two seconds.
	w = world_connected(pki, true, WORLD_PROTO_26);
	world_run(w, w->now + 3 * S, NULL);
	w->cut_to_client = true;
	begun = w->now;
	session_restart(w->s, SESSION_END_KILLED, NULL, w->now);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->now, begun + 2 * S);
	world_finish(w);
	w = world_connected(pki, true, WORLD_PROTO_26);
	session_close(w->s, SESSION_END_REPLACED, w->now);
	CU_ASSERT_TRUE(world_is_gone(w));
	CU_ASSERT_EQUAL(w->end, SESSION_END_REPLACED);
	world_finish(w);
}

// What the log says meanwhile goes to a file; log_end() returns it, until the next one.
static FILE *log_file;
static int log_stderr;
static enum log_level log_level;

static void log_begin(void)
{
	log_file = tmpfile();
	CU_ASSERT_PTR_NOT_NULL_FATAL(log_file);
	fflush(stderr);
	log_stderr = dup(STDERR_FILENO);
	dup2(fileno(log_file), STDERR_FILENO);
	log_level = log_get_level();
	log_set_level(LOG_LEVEL_NOTICE);
}

static const char *log_end(void)
{
	static char text[4096];
	size_t n;

	log_set_level(log_level);
	dup2(log_stderr, STDERR_FILENO);
	close(log_stderr);
	rewind(log_file);
	n = fread(text, 1, sizeof(text) - 1, log_file);
	text[n] = '\0';
	fclose(log_file);
	return text;
}

// How long a client was connected does not depend on when it last had something to say.
static void test_duration(void)
{
	static const struct {
		enum session_end end;
		const char *line;
	} rows[] = {
		{SESSION_END_REPLACED,
			"gateway=gw1 client=alice 192.0.2.5:40000: closed after 50 s: client "
			"connected again\n"},
		{SESSION_END_KILLED,
			"gateway=gw1 client=alice 192.0.2.5:40000: closed after 50 s: ended by the "
			"operator\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_connected(pki, true, WORLD_PROTO_26);
		const char *text;

		world_run(w, session_info(w->s)->connected_ms + 50 * S, NULL);
		log_begin();
		if (rows[i].end == SESSION_END_KILLED)
			session_restart(w->s, rows[i].end, NULL, w->now);
		else
			session_close(w->s, rows[i].end, w->now);
		text = log_end();
		CU_ASSERT_PTR_NOT_NULL(strstr(text, rows[i].line));
		world_finish(w);
	}
}

static void test_keepalive(void)
{
	struct world *w = world_connected(pki, true, WORLD_PROTO_26);
	uint64_t last;

	world_run(w, w->now + 100 * S, NULL);
	session_data_seen(w->s, w->now);
	last = w->now;
	CU_ASSERT_TRUE(world_run(w, w->now + 300 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->now, last + 120 * S);
	CU_ASSERT_EQUAL(w->end, SESSION_END_TIMEOUT);
	world_finish(w);
	w = world_new(pki, true, WORLD_PROTO_26);
	w->gw.keepalive_timeout_s = 0;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_connected));
	world_run(w, w->now + 2000 * S, NULL);
	CU_ASSERT_EQUAL(w->closed, 0);
	world_finish(w);
}

static void test_tls_failure(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);

	w->client_cfg.cert = test_pki_path(pki, "mallory.crt");
	w->client_cfg.key = test_pki_path(pki, "mallory.key");
	world_start(w);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_closed));
	CU_ASSERT_EQUAL(w->end, SESSION_END_TLS);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	CU_ASSERT_TRUE(sim_client_state(w->c)->failed);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->error, "alert unknown ca"));
	CU_ASSERT_EQUAL(w->admitted, 0);
	world_finish(w);
}

static void test_strings(void)
{
	static const struct {
		const char *text;
		size_t len;
		bool ends;
	} rows[] = {
		{"INFO,hello", 11, false},
		{"EXIT", 4, false},     // unterminated
		{"EX\001IT", 6, false}, // unprintable
		{"\0\0\0", 3, false},   // empty ones
		{"E", 1, false},
		{"PUSH_REQUEST\0PUSH_REQUEST", 26, false},
		{"NOP\0EXIT", 9, true}, // two in one record
		{"EXIT\r\n", 7, true},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_connected(pki, false, WORLD_PROTO_26);

		sim_client_say(w->c, rows[i].text, rows[i].len, w->now);
		world_run(w, w->now + 1 * S, NULL);
		CU_ASSERT_EQUAL(w->closed, rows[i].ends);
		CU_ASSERT_EQUAL(sim_client_state(w->c)->push_replies, 1);
		world_finish(w);
	}
}

// Whatever a stranger sends from the client's address changes nothing.
static void test_garbage(void)
{
	static uint8_t noise[65536];
	struct world *w;
	unsigned int i, j, sent;

	for (j = 0; j < 2; j++) {
		w = world_connected(pki, j == 1, WORLD_PROTO_26);
		world_run(w, w->now + 5 * S, NULL);
		sent = w->sent_by_server;
		for (i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(i * 131 + (i >> 8) + j);
		for (i = 0; i < 4000; i++) {
			noise[0] = (uint8_t)i;
			// The right id of the client, the wrong one of the server.
			memcpy(noise + 1, sim_client_sid(w->c), SESSION_ID_BYTES);
			noise[9] = i % 3 ? (uint8_t)(1 + i % 8) : (uint8_t)(9 + i % 200);
			session_input(w->s, noise, i % 90, w->now);
		}
		session_input(w->s, noise, sizeof(noise), w->now);
		session_input(w->s, noise, 0, w->now);
		CU_ASSERT_EQUAL(w->sent_by_server, sent);
		CU_ASSERT_EQUAL(w->closed, 0);
		session_renegotiate(w->s, "test", w->now);
		world_run(w, w->now + 5 * S, NULL);
		CU_ASSERT_TRUE(world_keys_match(w, 1));
		world_finish(w);
	}
}

static void make_certificates(void)
{
	test_pki_ca(pki, "ca");
	test_pki_ca(pki, "ca2");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 10);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 10);
	test_pki_issue(pki, "ca", "bob", "clientAuth", -1, 10);
	test_pki_issue_cn(pki, "ca", "alice2", "alice", 5);
	test_pki_issue(pki, "ca2", "mallory", "clientAuth", -1, 10);
	test_pki_crl(pki, "ca", "crl.pem", "alice", 10);
}

// The longest a client may stay; who does not know the option is told to halt.
static void test_session_timeout(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);
	uint64_t begun;

	w->gw.session_timeout_s = 100;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 5 * S, world_is_connected));
	begun = session_info(w->s)->connected_ms;
	CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->push, "session-timeout 100"));
	CU_ASSERT_TRUE(world_run(w, w->now + 300 * S, world_is_closed));
	CU_ASSERT_EQUAL(w->now, begun + 100 * S);
	CU_ASSERT_EQUAL(w->end, SESSION_END_EXPIRED);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, "HALT,session timeout");
	world_finish(w);
}

// Without IPv4 only clients get in that can be without.
static void test_ipv6_only(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_24);

	memset(&w->gw.client_cidr, 0, sizeof(w->gw.client_cidr));
	world_start(w);
	CU_ASSERT_TRUE(world_run(w, w->now + 20 * S, world_is_gone));
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message,
		"AUTH_FAILED,this server gives IPv6 addresses only, which needs OpenVPN 2.5 or later");
	CU_ASSERT_EQUAL(w->admitted, 0);
	world_finish(w);
	w = world_new(pki, true, WORLD_PROTO_26);
	memset(&w->gw.client_cidr, 0, sizeof(w->gw.client_cidr));
	world_start(w);
	CU_ASSERT_TRUE(world_run(w, w->now + 10 * S, world_is_connected));
	world_finish(w);
}

static bool has_step(const struct world *w)
{
	return w->step != NULL;
}

// A step of the handshake is under way elsewhere when its time is over, or the session's.
static void test_step_outlived(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);

	w->step_ms = 1000000;
	w->gw.hand_window_s = 5;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 3 * S, has_step));
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 20 * S, world_is_gone));
	CU_ASSERT_EQUAL(w->end, SESSION_END_HANDSHAKE);
	session_free(w->s);
	w->s = NULL;
	CU_ASSERT_EQUAL(w->steps, 1);
	CU_ASSERT_EQUAL(w->steps_abandoned, 1);
	world_finish(w);
	// A renegotiation fails for its time, the session goes on and takes another.
	w = world_new(pki, true, WORLD_PROTO_26);
	w->step_ms = 1;
	w->gw.hand_window_s = 5;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
	w->step_ms = 1000000;
	session_renegotiate(w->s, "test", w->now);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 3 * S, has_step));
	world_run(w, w->now + 8 * S, NULL);
	CU_ASSERT_TRUE(session_is_connected(w->s));
	CU_ASSERT_TRUE(w->step != NULL);
	session_restart(w->s, SESSION_END_SHUTDOWN, NULL, w->now);
	CU_ASSERT_TRUE(world_run(w, w->now + 5 * S, world_is_gone));
	session_free(w->s);
	w->s = NULL;
	CU_ASSERT_EQUAL(w->steps_abandoned, 1);
	world_finish(w);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"connect", test_connect},
		{"fallback cipher", test_fallback},
		{"push", test_push},
		{"identity lock", test_identity},
		{"revoked while connected", test_revoked},
		{"hand window", test_hand_window},
		{"refusals", test_refusals},
		{"exit", test_exit},
		{"restart", test_restart},
		{"duration in the log", test_duration},
		{"keepalive", test_keepalive},
		{"TLS failure", test_tls_failure},
		{"control strings", test_strings},
		{"garbage", test_garbage},
		{"step outlived", test_step_outlived},
		{"session timeout", test_session_timeout},
		{"IPv6 only", test_ipv6_only},
		{NULL, NULL},
	};
	int ret;

	log_set_level(LOG_LEVEL_ERR);
	pki = test_pki_new();
	make_certificates();
	ret = harness_run("session", tests);
	// Once more, with steps of the handshake that take their time elsewhere.
	world_step_ms = 40;
	ret |= harness_run("session with a pool", tests);
	test_pki_free(pki);
	return ret;
}
