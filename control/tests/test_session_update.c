// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a connected client is told: settings that a reload changed, and the operator's words.

#include "control/channel/session.h"

#include "control/tests/session_bed.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define S 1000ull
#define PROTO_27 (WORLD_PROTO_26 | PEER_PROTO_DNS_OPTION_V2 | PEER_PROTO_PUSH_UPDATE)

static struct test_pki *pki;
static struct conf_gateway gw; // what reloads bring
static struct session_config to = {.gw = &gw};
static struct push_change change;

static struct world *connect_world(uint32_t proto)
{
	struct world *w = world_new(pki, true, proto);

	w->gw.local_network_count = 1;
	w->gw.local_networks[0] = (struct conf_prefix){4, 16, {10, 1}};
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
	world_run(w, w->now + 1 * S, NULL);
	gw = w->gw;
	return w;
}

static void finish(struct world *w)
{
	CU_ASSERT_EQUAL(w->violations, 0);
	CU_ASSERT_EQUAL(w->closed, 0);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->bad_records, 0);
	world_free(w);
}

// A reload with this number brought what is in gw.
static void reload(struct world *w, uint32_t number)
{
	to.reload = number;
	CU_ASSERT_TRUE(session_update(w->s, &to, true, &change, w->now));
	world_run(w, w->now + 1 * S, NULL);
}

static void expect(struct world *w, uint32_t number, const char *outdated, const char *updates)
{
	CU_ASSERT_EQUAL(session_info(w->s)->reload, number);
	CU_ASSERT_STRING_EQUAL(session_info(w->s)->outdated, outdated);
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->update, updates);
}

#define TWO "route 10.1.0.0 255.255.0.0,route 10.2.0.0 255.255.0.0"

static void test_update(void)
{
	struct world *w = connect_world(PROTO_27);
	unsigned int sent;

	expect(w, 0, "", "");
	// Nothing that concerns the client: nothing is sent, and it is up to date.
	gw.max_connections++;
	gw.reneg_s = 17;
	sent = w->sent_by_server;
	reload(w, 1);
	expect(w, 1, "", "");
	CU_ASSERT_EQUAL(w->sent_by_server, sent);
	gw.local_network_count = 2;
	gw.local_networks[1] = (struct conf_prefix){4, 16, {10, 2}};
	// Only asked, nothing happens.
	CU_ASSERT_TRUE(session_update(w->s, &to, false, &change, w->now));
	CU_ASSERT_STRING_EQUAL(change.live, "route");
	CU_ASSERT_STRING_EQUAL(change.later, "");
	world_run(w, w->now + 1 * S, NULL);
	expect(w, 1, "", "");
	reload(w, 2);
	CU_ASSERT_STRING_EQUAL(change.live, "route");
	expect(w, 2, "", "PUSH_UPDATE," TWO ";");
	// Once.
	reload(w, 3);
	CU_ASSERT_STRING_EQUAL(change.live, "");
	expect(w, 3, "", "PUSH_UPDATE," TWO ";");
	// Who asks for a reply again gets what is now, not what was.
	world_run(w, w->now + 30 * S, NULL);
	sim_client_say(w->c, "PUSH_REQUEST", 13, w->now);
	world_run(w, w->now + 3 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->push_replies, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim_client_state(w->c)->push, TWO));
	finish(w);
}

// What no update carries is known until it is as it was.
static void test_outdated(void)
{
	struct world *w = connect_world(PROTO_27);

	gw.keepalive_timeout_s++;
	gw.dns_count = 1;
	gw.dns[0] = (struct conf_addr){4, {10, 1, 0, 53}};
	reload(w, 4);
	CU_ASSERT_STRING_EQUAL(change.live, "dns, dhcp-option");
	CU_ASSERT_STRING_EQUAL(change.later, "ping-restart");
	expect(w, 0, "ping-restart",
		"PUSH_UPDATE,dns server 1 address 10.1.0.53,dhcp-option DNS 10.1.0.53;");
	gw.keepalive_timeout_s--;
	reload(w, 5);
	CU_ASSERT_EQUAL(session_info(w->s)->reload, 5);
	CU_ASSERT_STRING_EQUAL(session_info(w->s)->outdated, "");
	CU_ASSERT_EQUAL(sim_client_state(w->c)->update_parts, 1);
	// The cipher was negotiated; another one would be today.
	gw.data_ciphers[0] = CIPHER_CHACHA20_POLY1305;
	gw.data_cipher_count = 1;
	reload(w, 6);
	expect(w, 5, "cipher",
		"PUSH_UPDATE,dns server 1 address 10.1.0.53,dhcp-option DNS 10.1.0.53;");
	gw.fallback_cipher = CIPHER_AES_256_GCM;
	gw.auth = DIGEST_SHA512; // of CBC ciphers only
	reload(w, 7);
	CU_ASSERT_EQUAL(session_info(w->s)->reload, 7);
	// A list that does not fit a reply is no list to update to.
	gw.push_count = 1;
	memset(gw.push[0].text, 'x', CONF_LINE_BYTES - 1);
	gw.push[0].text[3] = ',';
	reload(w, 8);
	CU_ASSERT_STRING_EQUAL(session_info(w->s)->outdated, "push");
	CU_ASSERT_EQUAL(session_info(w->s)->reload, 7);
	finish(w);
}

static void test_cbc(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);

	w->gw.fallback_cipher = CIPHER_AES_256_CBC;
	w->gw.auth = DIGEST_SHA256;
	w->client_cfg.peer_info = NULL;
	w->client_cfg.options = "V4,dev-type tun,cipher AES-256-CBC,auth SHA256,tls-client";
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 60 * S, world_is_connected));
	gw = w->gw;
	gw.auth = DIGEST_SHA512;
	reload(w, 1);
	CU_ASSERT_STRING_EQUAL(change.later, "auth");
	finish(w);
}

// Clients that have not said that they understand it never see it.
static void test_cannot(void)
{
	struct world *w = connect_world(WORLD_PROTO_26);
	unsigned int sent = w->sent_by_server;

	gw.redirect_gateway = true;
	gw.local_network_count = 0;
	reload(w, 1);
	CU_ASSERT_STRING_EQUAL(change.live, "");
	CU_ASSERT_STRING_EQUAL(change.later, "route, redirect-gateway");
	expect(w, 0, "route, redirect-gateway", "");
	CU_ASSERT_EQUAL(w->sent_by_server, sent);
	finish(w);
}

// The longest list, over a bad network: every part arrives, once and in order.
static void test_parts(void)
{
	struct world *w = connect_world(PROTO_27);
	const char *update = sim_client_state(w->c)->update, *at = update;

	w->loss_pct = 20;
	w->dup_pct = 10;
	w->jitter_ms = 300;
	gw.local_network_count = CONF_LIST_MAX;
	for (unsigned int i = 0; i < CONF_LIST_MAX; i++)
		gw.local_networks[i] = (struct conf_prefix){4, 24, {172, 16, (uint8_t)i, 0}};
	reload(w, 1);
	world_run(w, w->now + 30 * S, NULL);
	CU_ASSERT_TRUE(sim_client_state(w->c)->update_parts > 1);
	for (unsigned int i = 0; i < CONF_LIST_MAX; i++) {
		char want[64];

		snprintf(want, sizeof(want), ",route 172.16.%u.0 255.255.255.0", i);
		at = strstr(at, want);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(at, ",push-continuation 1;"));
	finish(w);
}

// While keys are exchanged nothing can be said: it waits, and comes in order.
static void test_renegotiation(void)
{
	struct world *w = connect_world(PROTO_27);

	w->cut_to_server = true;
	session_renegotiate(w->s, "test", w->now);
	world_run(w, w->now + 2 * S, NULL);
	gw.local_network_count = 2;
	gw.local_networks[1] = (struct conf_prefix){4, 16, {10, 2}};
	reload(w, 1);
	CU_ASSERT_EQUAL(session_say(w->s, "INFO,wait", w->now), 0);
	gw.local_network_count = 0;
	reload(w, 2);
	world_run(w, w->now + 1 * S, NULL);
	expect(w, 2, "", "");
	w->cut_to_server = false;
	world_run(w, w->now + 20 * S, NULL);
	CU_ASSERT_EQUAL(session_info(w->s)->key_id, 1);
	expect(w, 2, "", "PUSH_UPDATE," TWO ";PUSH_UPDATE,-route;");
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, "INFO,wait");
	finish(w);
}

static void test_say(void)
{
	struct world *w = world_new(pki, true, WORLD_PROTO_26);
	unsigned int said = 0;
	int ret;

	w->gw.keepalive_timeout_s = 3600;
	world_start(w);
	while (!w->s)
		world_run(w, w->now + 10, NULL);
	CU_ASSERT_EQUAL(session_say(w->s, "INFO,early", w->now), -ENOTCONN);
	CU_ASSERT_FALSE(session_update(w->s, &to, true, &change, w->now));
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
	CU_ASSERT_EQUAL(session_say(w->s, "INFO,hello", w->now), 0);
	world_run(w, w->now + 1 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->messages, 1);
	CU_ASSERT_STRING_EQUAL(sim_client_state(w->c)->message, "INFO,hello");
	// Who does not answer is not told for ever, nor does it end the session.
	w->cut_to_client = true;
	while ((ret = session_say(w->s, "INFO,and one more line for somebody who is not there",
			w->now)) == 0 &&
		said < 10000)
		said++;
	CU_ASSERT_EQUAL(ret, -ENOBUFS);
	CU_ASSERT_TRUE(said > 32);
	gw = w->gw;
	gw.local_network_count = 0;
	CU_ASSERT_TRUE(session_is_connected(w->s));
	w->cut_to_client = false;
	world_run(w, w->now + 300 * S, NULL);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->messages, said + 1);
	finish(w);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"what changed, once", test_update},
		{"what an update cannot carry", test_outdated},
		{"digest of a CBC cipher", test_cbc},
		{"clients that know no update", test_cannot},
		{"long updates", test_parts},
		{"during a renegotiation", test_renegotiation},
		{"messages", test_say},
		{NULL, NULL},
	};
	int rc;

	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 30);
	rc = harness_run("session_update", tests);
	test_pki_free(pki);
	return rc;
}
