// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Wrapping of the control channel: none, tls-auth, tls-crypt, and tls-crypt with a key per client
// (tls-crypt-v2). Every session has its own send counter and replay window. Without I/O but for
// the loading of files. Any mode turns an unwrapped packet (ctrl_pkt.h) into a datagram and back;
// callers never look inside. Control thread only. docs/control-channel.md has the whole picture.
//
//   tls-auth   |op kid| session id (8) | HMAC (20, 32, 64) | packet id (4) | time (4) | rest ...
//   tls-crypt  |op kid| session id (8) | packet id (4) | time (4) | tag (32) | encrypted rest ...
//   tls-crypt-v2: the same; the client's reset and P_CONTROL_WKC_V1 carry its wrapped key behind
//   it, which is cut off here; tls_wrap_set.h opens it
//
// [OpenVPN ssl_pkt.c, tls_crypt.c, packet_id.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/ctrl_pkt.h"
#include "control/channel/key_file.h"

enum tls_wrap_mode { TLS_WRAP_NONE, TLS_WRAP_AUTH, TLS_WRAP_CRYPT, TLS_WRAP_CRYPT_V2 };
const char *tls_wrap_mode_name(enum tls_wrap_mode mode); // "tls-auth"

enum tls_wrap_digest { TLS_WRAP_SHA1, TLS_WRAP_SHA256, TLS_WRAP_SHA512 };
// Which half of a static key a side sends with; it receives with the other. BOTH: with the first.
enum tls_wrap_direction { TLS_WRAP_BOTH, TLS_WRAP_NORMAL, TLS_WRAP_INVERSE };

#define TLS_WRAP_STATIC_KEY_BYTES KEY_FILE_STATIC_BYTES
#define TLS_WRAP_CRYPT_OVERHEAD (4 + 4 + 32)
#define TLS_WRAP_AUTH_OVERHEAD_MAX (4 + 4 + 64)
// Room for any unwrapped packet, wrapped in any mode.
#define TLS_WRAP_BYTES_MAX (CTRL_PKT_BYTES_MAX + TLS_WRAP_AUTH_OVERHEAD_MAX)

// Read-only after it is made; counted references. NULL everywhere: no wrapping.
struct tls_wrap_key;

// A key of tls-crypt or, from its client key, tls-crypt-v2; the server's or (for tests) the
// client's side. One reference. NULL and errno.
struct tls_wrap_key *tls_wrap_key_new(
	enum tls_wrap_mode mode, const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], bool server);
// A key of tls-auth, for the side that has this direction.
struct tls_wrap_key *tls_wrap_key_auth(const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES],
	enum tls_wrap_digest digest, enum tls_wrap_direction direction);
// The key of dynamic tls-crypt: exported key material, and the session's own key (NULL: none) in it.
struct tls_wrap_key *tls_wrap_key_dynamic(
	const struct tls_wrap_key *base, const uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES], bool server);
// The server's side from a key file. NULL and errno: that of open() and read(), EBADMSG if the
// file holds no key.
struct tls_wrap_key *tls_wrap_key_load(enum tls_wrap_mode mode, const char *path);
struct tls_wrap_key *tls_wrap_key_load_auth(
	const char *path, enum tls_wrap_digest digest, enum tls_wrap_direction direction);
struct tls_wrap_key *tls_wrap_key_ref(struct tls_wrap_key *key); // returns key
void tls_wrap_key_free(struct tls_wrap_key *key);                // one reference; the last wipes
enum tls_wrap_mode tls_wrap_mode(const struct tls_wrap_key *key);
enum tls_wrap_direction tls_wrap_direction(const struct tls_wrap_key *key); // of tls-auth
// Bytes that wrapping adds to a packet of ours.
size_t tls_wrap_overhead(const struct tls_wrap_key *key);

// Does a packet that begins so have a wrapped client key behind it (in tls-crypt-v2)?
bool tls_wrap_carries_key(uint8_t first_byte);

// Stateless use, before there is a session: no replay check; replies have packet id 1.
// Both return the length written, -EMSGSIZE, or (open) -EBADMSG: not ours, drop silently.
int tls_wrap_open_first(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room);
int tls_wrap_seal_first(const struct tls_wrap_key *key, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room);

// Of one session. Packets are ordered by (time, packet id).
struct tls_wrap {
	struct tls_wrap_key *key;    // a reference of its own
	uint32_t send_id, send_time; // of the last packet sent
	uint32_t recv_id, recv_time; // highest accepted
	uint64_t recv_seen;          // bit n: recv_id - n was accepted
};

// Takes a reference. replied: the stateless reply has used packet id 1.
void tls_wrap_init(struct tls_wrap *w, struct tls_wrap_key *key, bool replied);
void tls_wrap_fini(struct tls_wrap *w); // a zeroed one is fine
// Returns the length written, or -EMSGSIZE, -EIO.
int tls_wrap_seal(struct tls_wrap *w, uint32_t unix_s, const uint8_t *plain, size_t len,
	uint8_t *out, size_t room);
// Returns the length of the unwrapped packet; -EBADMSG: not authentic; -EALREADY: replayed;
// -EMSGSIZE. Only an authentic packet moves the window.
int tls_wrap_open(struct tls_wrap *w, const uint8_t *wire, size_t len, uint8_t *out, size_t room);
