// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The data channel's ciphers and digests by name, and the packet format that goes with each.
// Constant; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The AEAD ciphers first, the one that does not encrypt last.
enum cipher {
	CIPHER_AES_128_GCM,
	CIPHER_AES_192_GCM,
	CIPHER_AES_256_GCM,
	CIPHER_CHACHA20_POLY1305,
	CIPHER_AES_128_CBC,
	CIPHER_AES_192_CBC,
	CIPHER_AES_256_CBC,
	CIPHER_NONE, // packets are authenticated only
	CIPHER_COUNT
};
#define CIPHER_AEAD_COUNT 4
#define CIPHER_KEY_BYTES_MAX 32

// Of the HMAC beside a CBC cipher, or none. There is no "no digest": anybody could send packets.
enum digest { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };
#define DIGEST_BYTES_MAX 64

// How a data packet is laid out, see proto.h.
enum data_format {
	FORMAT_AEAD,  // packet id and tag in front
	FORMAT_CBC,   // encrypt (or not) then MAC, packet id inside
	FORMAT_EPOCH, // AEAD ciphers too: epoch and packet id in front, tag behind
};

// Name as in OpenVPN ("AES-256-GCM", "SHA256"), NULL past the end; length of the key (of none: 0), or
// of the HMAC and its key, in bytes, 0 past the end. By name: ignores case, -1 if there is none.
const char *cipher_name(enum cipher cipher);
size_t cipher_key_bytes(enum cipher cipher);
enum data_format cipher_format(enum cipher cipher); // FORMAT_EPOCH has to be agreed on besides
int cipher_by_name(const char *name);
const char *digest_name(enum digest digest);
size_t digest_bytes(enum digest digest);
int digest_by_name(const char *name);

// Largest text whose P_DATA_V2 packet is at most `bytes` long; 0: there is none. digest: of FORMAT_CBC.
uint16_t cipher_text_max(enum cipher cipher, enum digest digest, uint16_t bytes);
