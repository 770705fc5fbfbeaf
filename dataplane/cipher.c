// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/cipher.h"

#include <assert.h>
#include <strings.h>

#include "dataplane/proto.h"

static const struct {
	const char *name;
	size_t key_bytes;
} ciphers[CIPHER_COUNT] = {
	[CIPHER_AES_128_GCM] = {"AES-128-GCM", 16},
	[CIPHER_AES_192_GCM] = {"AES-192-GCM", 24},
	[CIPHER_AES_256_GCM] = {"AES-256-GCM", 32},
	[CIPHER_CHACHA20_POLY1305] = {"CHACHA20-POLY1305", 32},
	[CIPHER_AES_128_CBC] = {"AES-128-CBC", 16},
	[CIPHER_AES_192_CBC] = {"AES-192-CBC", 24},
	[CIPHER_AES_256_CBC] = {"AES-256-CBC", 32},
	[CIPHER_NONE] = {"none", 0},
};
static_assert(CIPHER_AES_128_CBC == CIPHER_AEAD_COUNT, "cipher: the AEAD ciphers come first");

static const struct {
	const char *name;
	size_t bytes;
} digests[DIGEST_COUNT] = {
	[DIGEST_SHA1] = {"SHA1", 20},
	[DIGEST_SHA256] = {"SHA256", 32},
	[DIGEST_SHA384] = {"SHA384", 48},
	[DIGEST_SHA512] = {"SHA512", 64},
};

const char *cipher_name(enum cipher cipher)
{
	return (unsigned int)cipher < CIPHER_COUNT ? ciphers[cipher].name : NULL;
}

size_t cipher_key_bytes(enum cipher cipher)
{
	return (unsigned int)cipher < CIPHER_COUNT ? ciphers[cipher].key_bytes : 0;
}

enum data_format cipher_format(enum cipher cipher)
{
	return (unsigned int)cipher < CIPHER_AEAD_COUNT ? FORMAT_AEAD : FORMAT_CBC;
}

int cipher_by_name(const char *name)
{
	for (int c = 0; c < CIPHER_COUNT; c++)
		if (strcasecmp(name, ciphers[c].name) == 0)
			return c;
	return -1;
}

const char *digest_name(enum digest digest)
{
	return (unsigned int)digest < DIGEST_COUNT ? digests[digest].name : NULL;
}

size_t digest_bytes(enum digest digest)
{
	return (unsigned int)digest < DIGEST_COUNT ? digests[digest].bytes : 0;
}

int digest_by_name(const char *name)
{
	for (int d = 0; d < DIGEST_COUNT; d++)
		if (strcasecmp(name, digests[d].name) == 0)
			return d;
	return -1;
}

uint16_t cipher_text_max(enum cipher cipher, enum digest digest, uint16_t bytes)
{
	size_t block = 16, head = PROTO_DATA_V2_HDR_BYTES;

	if (cipher_format(cipher) == FORMAT_AEAD)
		return bytes > head ? (uint16_t)(bytes - head) : 0;
	head = PROTO_DATA_V2_PREFIX_BYTES + digest_bytes(digest);
	if (cipher == CIPHER_NONE)
		return bytes > head + PROTO_PKTID_BYTES
			       ? (uint16_t)(bytes - head - PROTO_PKTID_BYTES)
			       : 0;
	head += block; // the IV
	if (bytes < head + block)
		return 0;
	// Packet id, and at least one byte of padding.
	return (uint16_t)((bytes - head) / block * block - PROTO_PKTID_BYTES - 1);
}
