// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Key method 2: the message each side sends first inside TLS, and the data channel's keys made of
// it (OpenVPN's PRF) or of the TLS exporter. Pure but for random bytes. Secrets are the caller's to
// wipe: keyex_client_wipe(), keyex_random_wipe(), OPENSSL_cleanse() of key blocks.
//
//   C->S  0 (4) | 2 (1) | pre-master (48) | random1 (32) | random2 (32) | options | user | password
//         | peer info
//   S->C  0 (4) | 2 (1) |                   random1 (32) | random2 (32) | options | "" | "" | ""
//   each string: length with NUL (2), bytes, NUL; an empty one is a length of 0
//
// [OpenVPN ssl.c key_method_2_read, key_method_2_write]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/session.h"

#define KEYEX_MSG_BYTES_MAX 8192 // from a client; longer is refused
#define KEYEX_BLOCK_BYTES 256
#define KEYEX_USER_BYTES_MAX 128 // username and password, without NUL
#define KEYEX_EKM_LABEL "EXPORTER-OpenVPN-datakeys"

struct keyex_random {
	uint8_t random1[32], random2[32];
};

// A string inside the message, without its NUL. May hold any other byte.
struct keyex_text {
	const char *text; // never NULL; not terminated
	size_t len;
};

struct keyex_client {
	uint8_t pre_master[48];
	struct keyex_random random;
	struct keyex_text options, username, password, peer_info; // into the message
};

// Reads a whole message (one TLS record). Missing trailing strings are empty. 0; -EAGAIN: a prefix
// of a message, more may come; -EBADMSG.
int keyex_client_parse(struct keyex_client *m, const uint8_t *data, size_t len);
void keyex_client_wipe(struct keyex_client *m);

int keyex_random_init(struct keyex_random *r); // 0 or -EIO
void keyex_random_wipe(struct keyex_random *r);
// The server's message. Returns its length or -EMSGSIZE.
int keyex_server_compose(
	uint8_t *out, size_t room, const struct keyex_random *server, const char *options);

// The TLS 1.0 PRF. 0 or -EIO (this OpenSSL has no MD5).
int keyex_prf(const uint8_t *secret, size_t secret_len, const char *label, const uint8_t *seed,
	size_t seed_len, uint8_t *out, size_t out_len);
// Key block by OpenVPN's PRF. 0 or -EIO.
int keyex_block_prf(uint8_t block[KEYEX_BLOCK_BYTES], const struct keyex_client *client,
	const struct keyex_random *server, const uint8_t client_sid[SESSION_ID_BYTES],
	const uint8_t server_sid[SESSION_ID_BYTES]);
// Cuts the server's keys out of a block, from the PRF or the exporter. digest: of CBC ciphers. 0, or
// -EINVAL if any of them is all zero.
int keyex_slice(struct session_key *key, const uint8_t block[KEYEX_BLOCK_BYTES], uint8_t key_id,
	enum cipher cipher, enum digest digest);
// The same for the epoch format: the first secrets of its chains.
int keyex_slice_epoch(struct session_key *key, const uint8_t block[KEYEX_BLOCK_BYTES],
	uint8_t key_id, enum cipher cipher);
