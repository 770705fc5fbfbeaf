// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The cipher of tls-crypt under one key: HMAC-SHA256 over what stays in clear and the text; the
// first half of that tag is the counter of AES-256-CTR over the text. Wraps control packets
// (tls_wrap.h) and client keys (tls_crypt_v2.h). Pure; a key is read-only after it is made.
// [OpenVPN tls_crypt.c]
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TLS_CRYPT_KEY_BYTES 128 // 64 for the cipher, 64 for the MAC; the first 32 of each are used
#define TLS_CRYPT_TAG_BYTES 32

struct tls_crypt;

struct tls_crypt *tls_crypt_new(const uint8_t key[TLS_CRYPT_KEY_BYTES]); // NULL and errno
void tls_crypt_free(struct tls_crypt *k);                                // wipes; accepts NULL

// Writes the tag and text_len bytes. 0 or -EIO.
int tls_crypt_seal(const struct tls_crypt *k, const uint8_t *clear, size_t clear_len,
	const uint8_t *text, size_t text_len, uint8_t tag[TLS_CRYPT_TAG_BYTES], uint8_t *out);
// Writes text_len bytes. 0, or -EBADMSG: not authentic, out is zeros.
int tls_crypt_open(const struct tls_crypt *k, const uint8_t *clear, size_t clear_len,
	const uint8_t tag[TLS_CRYPT_TAG_BYTES], const uint8_t *text, size_t text_len, uint8_t *out);
