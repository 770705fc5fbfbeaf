// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// TLS of the control channel: server side of OpenSSL over memory buffers. The only file of the
// product that sees openssl/ssl.h. No sockets, no clock, no logging of its own but warnings when
// files are loaded; what went wrong with a client is text for the caller's log line.
// Control thread only.
//
// Every key of a session makes a full handshake of its own: no tickets, no cache, no resumption,
// no renegotiation inside TLS, no compression.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/conf/conf.h"

#define TLS_MESSAGE_BYTES 2048 // largest plaintext message, both directions
#define TLS_TEXT_BYTES 256
#define TLS_CN_BYTES 65
#define TLS_HASH_BYTES 32

struct tls_context;
struct tls_conn;

// Loads ca, cert, key and crl of a gateway. NULL on error, with one line in err: option, file and
// reason.
// A CRL that is configured but missing, unreadable or empty is an error; one past its next update
// loads with a warning and refuses every client. Files are read here only: on reload make a new
// context. It may be freed while connections made from it live.
struct tls_context *tls_context_new(const struct conf_gateway *gw, char *err, size_t err_bytes);
void tls_context_free(struct tls_context *ctx);

// A connection that waits for a ClientHello. NULL: out of memory.
struct tls_conn *tls_conn_new(const struct tls_context *ctx);
void tls_conn_free(struct tls_conn *c);

// Bytes from the client, at any boundaries. 0 or -ENOMEM.
int tls_conn_input(struct tls_conn *c, const uint8_t *data, size_t len);
// Goes on with the handshake. 1: done, 0: needs more, -EPROTO: failed, see tls_conn_error(); an
// alert may wait in the output and must still be sent.
int tls_conn_handshake(struct tls_conn *c);
// One message of the client, at most `size` bytes. Its length; 0: none now; -EPROTO: failed (alert,
// close, or a message larger than size).
int tls_conn_read(struct tls_conn *c, uint8_t *buf, size_t size);
// Makes one TLS record of one message of at most TLS_MESSAGE_BYTES. 0 or -EPROTO.
int tls_conn_write(struct tls_conn *c, const uint8_t *data, size_t len);
// Bytes for the client: how many wait, and the next of them, at most `size`.
size_t tls_conn_output_pending(const struct tls_conn *c);
size_t tls_conn_output(struct tls_conn *c, uint8_t *buf, size_t size);

// Why it failed: "certificate of CN=alice expired 2026-01-01", "no shared cipher". Printable.
const char *tls_conn_error(const struct tls_conn *c);

// The client's certificate was refused: unknown CA, expired, revoked, CRL out of date.
bool tls_conn_is_refused(const struct tls_conn *c);

// The other end, once the handshake is done.
struct tls_peer {
	char common_name[TLS_CN_BYTES]; // printable ASCII
	uint8_t chain_sha256
		[TLS_HASH_BYTES]; // over the DER of the whole verified chain, leaf first
	char version[16], suite[64];
};
// 0, or -EPROTO: the certificate has no common name that may stand in a log or a table.
int tls_conn_peer(struct tls_conn *c, struct tls_peer *peer);

// RFC 5705 exporter without context. 0 or -EPROTO.
int tls_conn_export(struct tls_conn *c, const char *label, uint8_t *out, size_t len);
