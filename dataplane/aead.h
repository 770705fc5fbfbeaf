// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The crypto engine: bursts of AEAD operations in place. Nothing above this header knows which
// engine runs. Operations are free of side effects but on the buffers they name.
// First engine: aead_ipsec_mb.c (direct GCM calls of intel-ipsec-mb).
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/proto.h"

enum aead_cipher { AEAD_AES_128_GCM, AEAD_AES_192_GCM, AEAD_AES_256_GCM, AEAD_CIPHER_COUNT };

// An expanded key; its inside is the engine's: 1008 bytes in intel-ipsec-mb 1.3, 1264 in 2.0.
// Wipe with aead_key_wipe().
#define AEAD_KEY_BYTES 1280
struct aead_key {
	alignas(64) uint8_t opaque[AEAD_KEY_BYTES];
	enum aead_cipher cipher;
};

struct aead_op {
	const struct aead_key *key;
	uint8_t *data; // text, changed in place
	uint32_t len;  // bytes of text, 0 allowed
	uint8_t *tag;  // 16 bytes: seal writes, open compares (in constant time)
	const uint8_t *aad;
	uint32_t aad_len; // 4 or 8
	bool ok;          // open: tag matched. If not, data is undefined and must not be looked at
	uint8_t nonce[PROTO_NONCE_BYTES];
};

// Once per process before any other call, main thread. Chooses the best implementation for the
// CPU and runs known-answer tests on it. Returns 0, -ENOTSUP (no AES-NI/PCLMUL: errno text says
// what is missing through *why), -EIO (self-test failed).
int aead_init(const char **why);

// "AVX512 (VAES)" or the like, for the log.
const char *aead_engine_name(void);

// Name as in OpenVPN ("AES-256-GCM") and key length in bytes. aead_cipher_by_name ignores case;
// returns -1 when the engine does not have it.
const char *aead_cipher_name(enum aead_cipher cipher);
size_t aead_cipher_key_bytes(enum aead_cipher cipher);
int aead_cipher_by_name(const char *name);

// Expands raw (aead_cipher_key_bytes() long). Control, before publication.
void aead_key_init(struct aead_key *key, enum aead_cipher cipher, const uint8_t *raw);
void aead_key_wipe(struct aead_key *key);

// Worker. Brings a key near before the burst that uses it.
static inline void aead_key_prefetch(const struct aead_key *key)
{
	for (size_t i = 0; i < sizeof(key->opaque); i += 64)
		__builtin_prefetch(key->opaque + i);
}

// Encrypts n operations and writes their tags.
void aead_seal_burst(struct aead_op *ops, unsigned int n);

// Decrypts n operations, sets ok of each, returns how many are ok.
unsigned int aead_open_burst(struct aead_op *ops, unsigned int n);
