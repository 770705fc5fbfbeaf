// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Sessions and the epoch data format: who is told of it, and that all its keys are of that format.

#include "control/channel/session.h"

#include "control/channel/peer_info.h"
#include "control/tests/sim_world.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define S 1000ull

static struct test_pki *pki;

// What the client announces besides, and whether the gateway allows it.
static void check(uint32_t proto, bool allowed, const char *ciphers, bool want)
{
	struct world *w = world_new(pki, true, proto);

	w->gw.data_epoch = allowed;
	w->client_cfg.peer_info = ciphers;
	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10 * S, world_is_connected));
	CU_ASSERT_EQUAL(session_info(w->s)->epoch, want);
	CU_ASSERT_EQUAL(strstr(sim_client_state(w->c)->push, "aead-epoch") != NULL, want);
	CU_ASSERT_EQUAL(w->keys[0].epoch, want);
	CU_ASSERT_TRUE(world_keys_match(w, 0));
	world_run(w, w->now + 4 * S, NULL);
	CU_ASSERT_TRUE_FATAL(sim_client_renegotiate(w->c, w->now));
	world_run(w, w->now + 1 * S, NULL);
	CU_ASSERT_EQUAL(w->keys[1].epoch, want);
	CU_ASSERT_TRUE(world_keys_match(w, 1));
	CU_ASSERT_NOT_EQUAL(memcmp(w->keys[0].send_key, w->keys[1].send_key, 32), 0);
	CU_ASSERT_EQUAL(w->violations, 0);
	world_free(w);
}

static void test_negotiation(void)
{
	static const uint32_t ekm = PEER_PROTO_TLS_KEY_EXPORT | PEER_PROTO_CC_EXIT;
	static const uint32_t v2 = PEER_PROTO_DATA_V2 | PEER_PROTO_REQUEST_PUSH;
	static const char *const lists[] = {"IV_CIPHERS=AES-256-GCM\n", "IV_CIPHERS=AES-128-GCM\n"};

	for (int i = 0; i < 16; i++) {
		uint32_t proto = v2 | (i & 1 ? PEER_PROTO_DATA_EPOCH : 0) | (i & 4 ? ekm : 0);

		check(proto, i & 2, lists[i / 8], (i & 3) == 3);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"negotiation", test_negotiation},
		{NULL, NULL},
	};
	int ret;

	log_set_level(LOG_LEVEL_ERR);
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 30);
	ret = harness_run("session_epoch", tests);
	test_pki_free(pki);
	return ret;
}
