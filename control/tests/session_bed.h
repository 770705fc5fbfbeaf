// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// How tests of a session begin and end.
#pragma once

#include "control/channel/peer_info.h"
#include "control/tests/sim_world.h"

#include <CUnit/CUnit.h>

// Stock 2.6.
#define WORLD_PROTO_26 \
	(PEER_PROTO_DATA_V2 | PEER_PROTO_REQUEST_PUSH | PEER_PROTO_TLS_KEY_EXPORT | \
		PEER_PROTO_CC_EXIT | PEER_PROTO_AUTH_FAIL_TEMP)
// Stock 2.4: keys by PRF, asks for its push reply.
#define WORLD_PROTO_24 PEER_PROTO_DATA_V2

// A world whose client has connected, both ends with the same keys.
static inline struct world *world_connected(struct test_pki *pki, bool wrapped, uint32_t proto)
{
	struct world *w = world_new(pki, wrapped, proto);

	world_start(w);
	CU_ASSERT_TRUE_FATAL(world_run(w, w->now + 10000, world_is_connected));
	CU_ASSERT_TRUE(world_keys_match(w, 0));
	return w;
}

// Nothing that never may happen has happened.
static inline void world_finish(struct world *w)
{
	CU_ASSERT_EQUAL(w->violations, 0);
	CU_ASSERT_TRUE(w->live_max <= 2);
	CU_ASSERT_TRUE(w->connected <= 1);
	CU_ASSERT_TRUE(w->closed <= 1);
	CU_ASSERT_EQUAL(sim_client_state(w->c)->bad_records, 0);
	world_free(w);
}
