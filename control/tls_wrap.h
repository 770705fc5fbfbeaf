// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Wrapping of the control channel: none, tls-crypt. A gateway has one key (or none); every session
// has its own send counter and replay window. Without I/O but for tls_wrap_key_load(). Any mode
// turns an unwrapped packet (ctrl_pkt.h) into a datagram and back; callers never look inside.
//
//   tls-crypt  |op kid| session id (8) | packet id (4) | time (4) | tag (32) | encrypted rest ...
//
// [OpenVPN tls_crypt.c, packet_id.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ctrl_pkt.h"

enum tls_wrap_mode { TLS_WRAP_NONE, TLS_WRAP_CRYPT };

#define TLS_WRAP_STATIC_KEY_BYTES 256
#define TLS_WRAP_CRYPT_OVERHEAD (4 + 4 + 32)
// Room for any unwrapped packet, wrapped in any mode.
#define TLS_WRAP_BYTES_MAX (CTRL_PKT_BYTES_MAX + TLS_WRAP_CRYPT_OVERHEAD)

struct tls_wrap_key; // of a gateway; read-only after it is made. NULL everywhere: no wrapping

// Reads "OpenVPN Static key V1" text into its 256 bytes. 0, or -EBADMSG.
int tls_wrap_static_key_parse(uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], const char *text, size_t len);
// A tls-crypt key of the server's or (for tests) the client's side. NULL and errno.
struct tls_wrap_key *tls_wrap_key_new(
	enum tls_wrap_mode mode, const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], bool server);
// The server's side from a key file. NULL and errno: that of open() and read(), EBADMSG if the
// file holds no key.
struct tls_wrap_key *tls_wrap_key_load(enum tls_wrap_mode mode, const char *path);
void tls_wrap_key_free(struct tls_wrap_key *key); // wipes
enum tls_wrap_mode tls_wrap_mode(const struct tls_wrap_key *key);
// Bytes that wrapping adds to a packet.
size_t tls_wrap_overhead(const struct tls_wrap_key *key);

// Stateless use, before there is a session: no replay check; replies have packet id 1.
// Both return the length written, -EMSGSIZE, or (open) -EBADMSG: not ours, drop silently.
int tls_wrap_open_first(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room);
int tls_wrap_seal_first(const struct tls_wrap_key *key, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room);

// Of one session. Packets are ordered by (time, packet id).
struct tls_wrap {
	const struct tls_wrap_key *key; // outlives the session
	uint32_t send_id, send_time;    // of the last packet sent
	uint32_t recv_id, recv_time;    // highest accepted
	uint64_t recv_seen;             // bit n: recv_id - n was accepted
};

// replied: the stateless reply has used packet id 1.
void tls_wrap_init(struct tls_wrap *w, const struct tls_wrap_key *key, bool replied);
// Returns the length written, or -EMSGSIZE, -EIO.
int tls_wrap_seal(struct tls_wrap *w, uint32_t unix_s, const uint8_t *plain, size_t len,
	uint8_t *out, size_t room);
// Returns the length of the unwrapped packet; -EBADMSG: not authentic; -EALREADY: replayed;
// -EMSGSIZE. Only an authentic packet moves the window.
int tls_wrap_open(struct tls_wrap *w, const uint8_t *wire, size_t len, uint8_t *out, size_t room);
