// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Bursts of AEAD operations in place. Operations are free of side effects but on the buffers they
// name. Engine: aead_ipsec_mb.c (AES-GCM by direct calls of intel-ipsec-mb, ChaCha20-Poly1305 by its
// jobs).
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/cipher.h"
#include "dataplane/crypto.h"
#include "dataplane/proto.h"

// An expanded key; its inside is the engine's: 1008 bytes in intel-ipsec-mb 1.3, 1264 in 2.0.
// Wipe with aead_key_wipe().
#define AEAD_KEY_BYTES 1280
struct aead_key {
	alignas(64) uint8_t opaque[AEAD_KEY_BYTES];
	enum cipher cipher;
};

struct aead_op {
	const struct aead_key *key;
	uint8_t *data; // text, changed in place
	uint32_t len;  // bytes of text, 0 allowed
	uint8_t *tag;  // 16 bytes: seal writes, open compares (in constant time)
	const uint8_t *aad;
	uint32_t aad_len; // 4, 8 or 12
	bool ok;          // open: tag matched. If not, data is undefined and must not be looked at
	uint8_t nonce[PROTO_NONCE_BYTES];
};

// Seals and opens what is known, with every cipher. NULL, or what failed. For crypto_init().
const char *aead_self_test(struct crypto *c);

// Expands raw (cipher_key_bytes() long) of an AEAD cipher. Control, before publication.
void aead_key_init(struct aead_key *key, enum cipher cipher, const uint8_t *raw);
void aead_key_wipe(struct aead_key *key);

// Worker. Brings a key near before the burst that uses it.
static inline void aead_key_prefetch(const struct aead_key *key)
{
	for (size_t i = 0; i < sizeof(key->opaque); i += 64)
		__builtin_prefetch(key->opaque + i);
}

// Encrypts n operations and writes their tags. The calling thread's c.
void aead_seal_burst(struct crypto *c, struct aead_op *ops, unsigned int n);

// Decrypts n operations, sets ok of each, returns how many are ok.
unsigned int aead_open_burst(struct crypto *c, struct aead_op *ops, unsigned int n);
