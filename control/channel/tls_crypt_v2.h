// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Client keys of tls-crypt-v2, wrapped so that only the server can open them (WKc): the server needs
// no list of clients. Clients append theirs to their first packets. Pure. Any thread; a server key
// is read-only after it is made.
//
//   WKc  tag (32) | encrypted: client key (256), metadata | [key id of OpenVPN 3 (4)] | length (2)
//
// [OpenVPN tls_crypt.c; openvpn3 ssl/proto.hpp, crypto/tls_crypt_v2.hpp]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/key_file.h"
#include "control/channel/tls_crypt.h"

#define TLS_CRYPT_V2_CLIENT_KEY_BYTES KEY_FILE_STATIC_BYTES
#define TLS_CRYPT_V2_WKC_MIN (TLS_CRYPT_TAG_BYTES + TLS_CRYPT_V2_CLIENT_KEY_BYTES + 2)
#define TLS_CRYPT_V2_WKC_MAX 1024
#define TLS_CRYPT_V2_METADATA_MAX (TLS_CRYPT_V2_WKC_MAX - TLS_CRYPT_V2_WKC_MIN)

// What stands beside a client's key, authentic.
enum tls_crypt_v2_metadata {
	TLS_CRYPT_V2_NONE,
	TLS_CRYPT_V2_USER, // the operator's text
	TLS_CRYPT_V2_TIME, // when the key was made
};

struct tls_crypt_v2_client {
	uint8_t key[TLS_CRYPT_V2_CLIENT_KEY_BYTES]; // for tls_wrap_key_new()
	enum tls_crypt_v2_metadata type;
	int64_t unix_s; // TIME
	size_t user_len;
	uint8_t user[TLS_CRYPT_V2_METADATA_MAX]; // USER
};

struct tls_crypt_v2; // a server key

struct tls_crypt_v2 *tls_crypt_v2_new(const uint8_t key[TLS_CRYPT_KEY_BYTES]); // NULL and errno
// From a PEM file. NULL and errno: that of open() and read(), EBADMSG if the file holds no key.
struct tls_crypt_v2 *tls_crypt_v2_load(const char *path);
void tls_crypt_v2_free(struct tls_crypt_v2 *s); // wipes; accepts NULL

// Where in a datagram of `len` bytes the WKc at its end begins; 0: there is none that could be one.
// At least a whole empty packet of tls-crypt stands before it.
size_t tls_crypt_v2_wkc_off(const uint8_t *wire, size_t len);
// Opens a WKc of exactly len bytes. 0 and *client, which the caller wipes; -EBADMSG: wrong length,
// or not authentic; -EPROTO: metadata of a type or form not known. On error *client is zeros.
int tls_crypt_v2_unwrap(const struct tls_crypt_v2 *s, struct tls_crypt_v2_client *client,
	const uint8_t *wkc, size_t len);
// Makes the WKc of a client. Its length, or -EMSGSIZE, -EIO.
int tls_crypt_v2_wrap(const struct tls_crypt_v2 *s, const struct tls_crypt_v2_client *client,
	uint8_t out[TLS_CRYPT_V2_WKC_MAX]);
// Is the key too old, at most max_age_s being allowed (0: any age)? So are keys without a time.
bool tls_crypt_v2_is_expired(
	const struct tls_crypt_v2_client *client, uint32_t max_age_s, uint64_t unix_s);
void tls_crypt_v2_client_wipe(struct tls_crypt_v2_client *client);
