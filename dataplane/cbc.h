// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Bursts of AES-CBC with HMAC in place, encrypt then MAC, for clients that know no AEAD cipher; and of
// HMAC alone, for those that are to have no cipher. Knows neither opcode nor packet id: a packet here is
//
//   MAC (digest_bytes()) | IV (16) | ciphertext (a multiple of 16, not empty)
//   MAC (digest_bytes()) | text (not empty)             CIPHER_NONE
//                        '- covered by the MAC '
//
// in one piece. Engine: cbc_ipsec_mb.c, by jobs.
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/cipher.h"
#include "dataplane/crypto.h"

#define CBC_BLOCK_BYTES 16u
#define CBC_IV_BYTES 16u

// Expanded keys of one direction; their inside is the engine's. Wipe with cbc_key_wipe().
#define CBC_KEY_BYTES 832
struct cbc_key {
	alignas(64) uint8_t opaque[CBC_KEY_BYTES];
	enum cipher cipher;
	enum digest digest;
	uint8_t mac_bytes; // digest_bytes()
	uint8_t iv_bytes;  // 0: CIPHER_NONE, no padding either
};

// Secrets of one direction.
struct cbc_raw {
	uint8_t cipher[CIPHER_KEY_BYTES_MAX];
	uint8_t mac[DIGEST_BYTES_MAX];
	uint8_t iv[16]; // makes IVs: independent of the others, known to nobody else
};

struct cbc_op {
	const struct cbc_key *key;
	uint8_t *data;   // at the MAC
	uint32_t len;    // of the ciphertext, or text
	uint32_t number; // seal: the IV is made of it; never the same twice under one key
	bool ok;         // open: MAC matched. If not, the text must not be looked at
};

// Seals and opens what is known, with every cipher and digest. NULL, or what failed. For
// crypto_init().
const char *cbc_self_test(struct crypto *c);

// Expands the keys of a cipher of FORMAT_CBC. Control, before publication.
void cbc_key_init(
	struct cbc_key *key, enum cipher cipher, enum digest digest, const struct cbc_raw *raw);
void cbc_key_wipe(struct cbc_key *key);

// Writes IVs, encrypts n operations and writes their MACs. The calling thread's c.
void cbc_seal_burst(struct crypto *c, struct cbc_op *ops, unsigned int n);

// Checks the MACs of n operations in constant time and decrypts; sets ok of each, returns how many
// are ok.
unsigned int cbc_open_burst(struct crypto *c, struct cbc_op *ops, unsigned int n);

// What stands in front of the text.
static inline uint32_t cbc_head_bytes(const struct cbc_key *key)
{
	return (uint32_t)key->mac_bytes + key->iv_bytes;
}

// Pads text of len bytes (PKCS#7): writes 1 to 16 bytes behind it, returns the length with them.
static inline uint32_t cbc_pad(uint8_t *text, uint32_t len)
{
	uint8_t pad = (uint8_t)(CBC_BLOCK_BYTES - len % CBC_BLOCK_BYTES);

	for (uint32_t i = 0; i < pad; i++)
		text[len + i] = pad;
	return len + pad;
}

// Length without padding, or -1 if the padding is wrong. Only for text whose MAC matched: then how
// long this takes tells an attacker nothing. len: as of struct cbc_op.
static inline int cbc_unpad(const uint8_t *text, uint32_t len)
{
	uint8_t pad = text[len - 1];

	if (pad == 0 || pad > CBC_BLOCK_BYTES)
		return -1;
	for (uint32_t i = len - pad; i < len; i++)
		if (text[i] != pad)
			return -1;
	return (int)(len - pad);
}
