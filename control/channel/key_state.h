// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The control channel of one key id: reliability layer below, TLS above, and how far its key
// exchange has come. Knows nothing of sessions, policy or I/O. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/keyex.h"
#include "control/channel/reliable.h"
#include "control/channel/tls.h"

// What waits inside TLS to be sent; a client that makes it grow beyond this is not honest.
#define KEY_STATE_OUTPUT_MAX (64 * 1024)

enum key_stage {
	KEY_FREE,
	KEY_HANDSHAKE, // TLS runs
	KEY_WAIT,      // for the client's key message
	KEY_SENT,      // our key message is on its way
	KEY_ACTIVE,    // the client has acked it: control strings may flow
	KEY_FAILED,    // nothing is read any more, what is queued (an alert) still goes out
};

struct key_state {
	enum key_stage stage;
	uint8_t key_id;
	struct reliable rel;
	struct tls_conn *tls;
	bool fed;       // TLS has got something since its last step
	uint8_t *again; // what was sent in pieces that the path does not carry; NULL: nothing
	size_t again_len, again_sent;
	bool lent; // a step of the handshake runs elsewhere: nobody touches tls meanwhile
	uint64_t started_ms;
	struct keyex_client client; // secrets; wiped once keys are derived
	struct keyex_random server;
};

// first_id: id of the first message in both directions; 0, or 1 after the stateless first reply.
// 0 or -ENOMEM.
int key_state_init(struct key_state *ks, const struct tls_context *tls, uint8_t key_id,
	uint32_t first_id, uint64_t now_ms);
// Frees and wipes; a zeroed or freed one is fine. A TLS connection that is lent is not freed: the
// caller sees to it that whoever has it does.
void key_state_fini(struct key_state *ks);
void key_state_wipe_secrets(struct key_state *ks);

// Hands messages that arrived in order to TLS; while it is lent they wait. 0 or -ENOMEM.
int key_state_feed(struct key_state *ks);
// Cuts TLS output into control packets of at most payload_max bytes while the send window has room: as
// few as there must be, of one size, so that a path carries all of them or none.
// 0; -ENOMEM; -ENOBUFS: the client makes us queue without end.
int key_state_pump(struct key_state *ks, size_t payload_max);
// If what was sent is stuck (reliable_stuck()), has the next pump send it in pieces of at most
// payload_max. Says whether.
bool key_state_take_back(struct key_state *ks, size_t payload_max, uint64_t now_ms);
// Nothing waits to be sent or acked, and no step is under way that may add to it.
bool key_state_is_drained(const struct key_state *ks);
bool key_state_is_busy(const struct key_state *ks); // the exchange is under way
void key_state_fail(struct key_state *ks);
