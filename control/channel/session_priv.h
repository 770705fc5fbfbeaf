// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inside of a session, shared by session*.c only:
//   session.c          life and API, datagrams in and out, timers
//   session_keys.c     key exchange of one key id: TLS done, key messages, admission
//   session_rekey.c    data keys and renegotiation: derive, promote, retire
//   session_control.c  control strings: push, exit, refusals, goodbye
//   session_update.c   control strings while connected: changed settings, the operator's words
//   session_wrap.c     wrapping of control packets
//   session_log.c      log lines
#pragma once

#include "control/channel/key_state.h"
#include "control/channel/ncp.h"
#include "control/channel/peer_info.h"
#include "control/channel/session.h"
#include "control/channel/tls_wrap.h"
#include "dataplane/base/log.h"

#define SESSION_LINGER_MS 5000  // absorbs what the client still retransmits
#define SESSION_GOODBYE_MS 2000 // a last message or alert is acked by then, or never
#define SESSION_PUSH_AGAIN_MS 30000
#define SESSION_OLD_KEY_MS 60000  // an old key is accepted at least so long
#define SESSION_UNPROVEN_MS 10000 // an unproven address must answer within
#define SESSION_NEVER UINT64_MAX
#define SESSION_TLS_MTU 1250    // unless configured; as stock OpenVPN has it
#define SESSION_TLS_MTU_MIN 576 // what any IPv4 path carries, and where larger packets get lost

enum session_phase {
	SESSION_OPENING,   // until the client is connected
	SESSION_CONNECTED, // keys in place, PUSH_REPLY sent
	SESSION_LEAVING,   // over for the surroundings (closed() was called), a last word goes out
	SESSION_CLOSED,
};

// A key the data plane has.
struct session_data_key {
	bool live;
	bool confirmed; // the client has it too
	uint8_t key_id;
	uint64_t die_ms; // 0: not yet decided
};

// A control string that waits for a key that can carry it.
struct session_message {
	struct session_message *next;
	char text[];
};

struct session {
	const struct session_config *cfg;
	const struct tls_context *tls; // of the next handshake
	enum session_phase phase;
	uint8_t own_sid[SESSION_ID_BYTES], remote_sid[SESSION_ID_BYTES];
	struct tls_wrap wrap;         // fixed by the first packet
	struct tls_wrap dynamic;      // of key ids above 0; without a key: not negotiated
	uint32_t unix_s;              // time of the wrap counters
	uint64_t started_ms, seen_ms; // seen: last authentic packet

	// Newest first. The second is the one before, kept to ack what is still on its way.
	struct key_state keys[2];

	// Newest first; independent of `keys`, for a key outlives its exchange and the next one's
	// beginning. Never more than two: the data plane has two slots.
	struct session_data_key data[2];
	uint8_t sending;     // key id of the data key in use for sending
	uint64_t promote_ms; // when to send on data[0]; 0: done
	uint64_t reneg_ms;   // when to renegotiate; 0: never
	uint64_t old_die_ms; // tran_window of the key that the running renegotiation replaces
	uint64_t doom_ms;    // a renegotiation failed: the session ends with its last key; 0: no

	bool unproven;   // our reset is not acked yet
	bool identified; // info.common_name and info.cert_sha256 are locked
	bool admitted;
	bool push_wanted;   // PUSH_REQUEST came before it could be answered
	uint64_t expire_ms; // session_timeout; 0: never
	uint64_t push_ms;   // last PUSH_REPLY; 0: none
	struct peer_info peer;
	struct ncp_choice ncp;
	struct options_string options; // of the first key exchange
	char *told; // options the client has, as from push_text(); NULL: none yet
	struct session_message *queue, **queue_tail;
	unsigned int queued;

	// Phase LEAVING.
	char farewell[256]; // control string still to be sent; "": none, or sent
	bool leave_when_acked;
	uint64_t leave_ms; // CLOSED at the latest

	struct session_info info;
	struct session_lease lease;
	void *owner;
};

// session.c: over for the surroundings. `farewell` NULL: no last word. The session is closed for
// good linger_ms later (0: at once), or when everything is acked, if when_acked.
void session_leave(struct session *s, enum session_end end, const char *farewell,
	unsigned int linger_ms, bool when_acked, uint64_t now_ms);

// session_keys.c: goes on with what arrived for this key state.
void session_keys_run(struct session *s, struct key_state *ks, uint64_t now_ms);
// The step of its handshake that ran elsewhere is over.
void session_keys_step_done(struct session *s, struct key_state *ks, int result, uint64_t now_ms);
// Frees a key state, or one that is free already.
void session_keys_drop(struct session *s, struct key_state *ks);
// The exchange is over: by ack, or because the client uses the key.
void session_keys_active(struct session *s, struct key_state *ks, uint64_t now_ms);
// This key state's exchange has failed. `end` applies if the session falls with it.
void session_keys_fail(struct session *s, struct key_state *ks, enum session_end end,
	const char *why, uint64_t now_ms);

// session_rekey.c
int session_rekey_add(struct session *s, struct key_state *ks, uint64_t now_ms);
void session_rekey_start(struct session *s, const char *why, uint64_t now_ms);
// A soft reset of the client: the key state to use, NULL if it is out of turn.
struct key_state *session_rekey_accept(struct session *s, uint8_t key_id, uint64_t now_ms);
void session_rekey_failed(struct session *s, uint64_t now_ms);
void session_rekey_active(struct session *s, uint64_t now_ms);
void session_rekey_used(struct session *s, uint8_t key_id, uint64_t now_ms);
void session_rekey_tick(struct session *s, uint64_t now_ms);
uint64_t session_rekey_next_tick(const struct session *s);

// session_control.c
void session_control_input(struct session *s, const uint8_t *data, size_t len, uint64_t now_ms);
void session_control_refuse(struct session *s, enum session_verdict v, uint64_t now_ms);
// Sends PUSH_REPLY if it is wanted and due, and connects the session.
void session_control_push(struct session *s, uint64_t now_ms);
// Sends the farewell as soon as the newest key can carry it.
void session_control_farewell(struct session *s, uint64_t now_ms);
// Now, on the newest key, which must be active. 0 or -EPROTO.
int session_control_say(struct session *s, const char *text);

// session_update.c: sends what waits as far as it can be sent.
void session_update_flush(struct session *s, uint64_t now_ms);
void session_update_fini(struct session *s);

// session_wrap.c
void session_wrap_init(struct session *s, const struct session_start *start);
void session_wrap_fini(struct session *s);
// TLS bytes in a packet that has tls_mtu bytes with its IP and UDP headers.
size_t session_wrap_payload_max(struct session *s, uint8_t key_id, uint16_t tls_mtu);
// As tls_wrap_seal() and tls_wrap_open(); opening finds the key id in the packet.
int session_wrap_seal(struct session *s, uint8_t key_id, const uint8_t *plain, size_t len,
	uint8_t *out, size_t room);
int session_wrap_open(
	struct session *s, const uint8_t *wire, size_t len, uint8_t *out, size_t room);
// When the push reply is about to tell the client of dynamic tls-crypt: makes its key. 0 or -errno.
int session_wrap_make_dynamic(struct session *s);

// session_log.c: "gateway=gw1 client=alice 192.0.2.5:40000: ..."
void session_log(const struct session *s, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
// The same with an address behind.
void session_log_move(const struct session *s, const char *what, const struct session_addr *to);
// The same for what a client can cause at will: a few lines a second for all clients together.
void session_log_limited(const struct session *s, enum log_level level, uint64_t now_ms,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
