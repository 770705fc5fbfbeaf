// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A gateway's surroundings for test_session.c: a network that delays, loses, doubles and reorders,
// a fake clock, the stateless first reply, and a data plane that only remembers which keys it has.
// Data packets are just their first byte: what matters is whether the other end has the key.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/cookie.h"
#include "control/channel/session.h"
#include "control/tests/sim_client.h"
#include "control/tests/test_pki.h"
#include "control/channel/tls.h"
#include "control/channel/tls_wrap_set.h"

#define WORLD_PACKETS 256

struct world_packet {
	bool used, to_server;
	uint64_t due_ms;
	size_t len;
	uint8_t data[2200];
};

struct world {
	struct conf_gateway gw;
	struct tls_context *tls;
	struct tls_wrap_set server_wrap;
	struct tls_wrap_key *client_wrap;
	uint8_t wkc[TLS_CRYPT_V2_WKC_MAX]; // of the client, with tls-crypt-v2
	struct cookie_key cookie;
	struct session_config cfg;
	struct sim_client_config client_cfg;
	struct session *s;
	struct sim_client *c;
	uint64_t now;
	uint32_t random;

	// The network.
	unsigned int loss_pct, dup_pct, delay_ms, jitter_ms;
	bool cut_to_server, cut_to_client;
	size_t carries_to_client; // larger packets get lost; 0: none
	struct world_packet packets[WORLD_PACKETS];
	unsigned int sent_by_server, largest;
	size_t bytes_to_server, bytes_by_server; // control packets, also those that got lost
	// The pool: a step of the handshake takes up to so long; 0: it is taken at once.
	unsigned int step_ms;
	struct tls_conn *step; // under way
	uint64_t step_due_ms;
	unsigned int steps, steps_abandoned;
	uint64_t data_every_ms, data_next_ms; // 0: no data traffic
	unsigned int data_sent, data_lost_up, data_lost_down;

	// What the session asked of its surroundings.
	enum session_verdict verdict;
	unsigned int admitted, connected, closed, sessions;
	enum session_end end;
	bool live[8];
	struct session_key keys[8];
	unsigned int live_max, adds, promotes, removes, violations;
	uint8_t sending;
	uint64_t added_ms[8], promoted_ms[8], removed_ms[8];
};

// wrapped: with tls-crypt. Certificates ca, server, alice must exist.
// step_ms of the worlds to come.
extern unsigned int world_step_ms;
struct world *world_new(struct test_pki *pki, bool wrapped, uint32_t iv_proto);
// Another way of wrapping, for both ends.
void world_wrap(struct world *w, enum tls_wrap_mode mode);
// After changes to gw and client_cfg: loads the certificates, starts the client.
void world_start(struct world *w);
void world_free(struct world *w);

// Lets time pass up to a point, or until the predicate holds; says whether it does.
bool world_run(struct world *w, uint64_t until_ms, bool (*done)(const struct world *w));
bool world_is_connected(const struct world *w);
bool world_is_closed(const struct world *w); // the surroundings were told
bool world_is_gone(const struct world *w);   // and the session has ended
// Both ends hold the same data keys of this key id.
bool world_keys_match(const struct world *w, uint8_t key_id);
