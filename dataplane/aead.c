// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What does not depend on the engine: names of the ciphers and the known-answer test at start.

#include "dataplane/aead.h"

#include <rte_common.h>

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dataplane/aead_engine.h"

static const struct {
	const char *name;
	size_t key_bytes;
} ciphers[AEAD_CIPHER_COUNT] = {
	[AEAD_AES_128_GCM] = {"AES-128-GCM", 16},
	[AEAD_AES_192_GCM] = {"AES-192-GCM", 24},
	[AEAD_AES_256_GCM] = {"AES-256-GCM", 32},
};

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 4, 10 and 16
// share text, AAD and nonce; each key is a prefix of the longest. In hex, as published.
#define KAT_BYTES 60
#define KAT_AAD_BYTES 20
static const char kat_key[] = "feffe9928665731c6d6a8f9467308308"
			      "feffe9928665731c6d6a8f9467308308";
static const char kat_nonce[] = "cafebabefacedbaddecaf888";
static const char kat_aad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char kat_plain[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
				"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

// The published vectors are too short for the wide loops of an engine. So a second answer: the
// tag over KAT_LONG_BYTES bytes i & 0xff with the same key, nonce and AAD (computed with OpenSSL).
#define KAT_LONG_BYTES 1500
struct kat {
	const char *sealed;
	const char *tag;
	const char *long_tag;
};
static const struct kat kat_128 = {
	// test case 4
	.sealed = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
	.tag = "5bc94fbc3221a5db94fae95ae7121a47",
	.long_tag = "232bee31c0b5182aa19894a6046fc0e2",
};
static const struct kat kat_192 = {
	// test case 10
	.sealed = "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
		  "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
	.tag = "2519498e80f1478f37ba55bd6d27618c",
	.long_tag = "24108b6e80d3114f4a717c78f3873bf1",
};
static const struct kat kat_256 = {
	// test case 16
	.sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	.tag = "76fc6ece0f4e1768cddf8853bb2d551b",
	.long_tag = "8beb0b1e153a227911e9e4d16646c5fa",
};

static const struct kat *const kats[AEAD_CIPHER_COUNT] = {
	[AEAD_AES_128_GCM] = &kat_128,
	[AEAD_AES_192_GCM] = &kat_192,
	[AEAD_AES_256_GCM] = &kat_256,
};

// One test case in bytes.
struct answer {
	uint8_t key[32];
	uint8_t nonce[PROTO_NONCE_BYTES];
	uint8_t aad[KAT_AAD_BYTES];
	uint8_t plain[KAT_BYTES];
	uint8_t sealed[KAT_BYTES];
	uint8_t tag[PROTO_TAG_BYTES];
	uint8_t long_tag[PROTO_TAG_BYTES];
};

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

// The tables above are well-formed: lower case, exactly as long as the array.
static void from_hex(uint8_t *out, size_t len, const char *hex)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

static void load_answer(struct answer *a, const struct kat *k)
{
	from_hex(a->key, sizeof(a->key), kat_key);
	from_hex(a->nonce, sizeof(a->nonce), kat_nonce);
	from_hex(a->aad, sizeof(a->aad), kat_aad);
	from_hex(a->plain, sizeof(a->plain), kat_plain);
	from_hex(a->sealed, sizeof(a->sealed), k->sealed);
	from_hex(a->tag, sizeof(a->tag), k->tag);
	from_hex(a->long_tag, sizeof(a->long_tag), k->long_tag);
}

static bool sealed_is(struct aead_op *op, const uint8_t *sealed, const uint8_t *tag)
{
	aead_seal_burst(op, 1);
	return (!sealed || memcmp(op->data, sealed, op->len) == 0) &&
	       memcmp(op->tag, tag, PROTO_TAG_BYTES) == 0;
}

// Opens what was just sealed: a tag with one bit wrong must be refused, the right one accepted.
static bool opens_only_with_its_tag(struct aead_op *op)
{
	uint8_t sealed[KAT_LONG_BYTES];

	memcpy(sealed, op->data, op->len);
	op->tag[PROTO_TAG_BYTES - 1] ^= 0x01;
	op->ok = true;
	if (aead_open_burst(op, 1) != 0 || op->ok)
		return false;
	op->tag[PROTO_TAG_BYTES - 1] ^= 0x01;
	memcpy(op->data, sealed, op->len);
	return aead_open_burst(op, 1) == 1 && op->ok;
}

static bool answers_are_right(const struct answer *a, struct aead_op *op)
{
	op->len = KAT_BYTES;
	memcpy(op->data, a->plain, KAT_BYTES);
	if (!sealed_is(op, a->sealed, a->tag) || !opens_only_with_its_tag(op) ||
		memcmp(op->data, a->plain, KAT_BYTES) != 0)
		return false;
	op->len = KAT_LONG_BYTES;
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		op->data[i] = (uint8_t)i;
	if (!sealed_is(op, NULL, a->long_tag) || !opens_only_with_its_tag(op))
		return false;
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		if (op->data[i] != (uint8_t)i)
			return false;
	return true;
}

static bool self_test(enum aead_cipher cipher, const struct kat *kat)
{
	uint8_t text[KAT_LONG_BYTES], tag[PROTO_TAG_BYTES];
	struct answer answer;
	struct aead_key key;
	struct aead_op op = {
		.key = &key,
		.data = text,
		.tag = tag,
		.aad = answer.aad,
		.aad_len = KAT_AAD_BYTES,
	};

	load_answer(&answer, kat);
	memcpy(op.nonce, answer.nonce, sizeof(op.nonce));
	aead_key_init(&key, cipher, answer.key);
	return answers_are_right(&answer, &op);
}

int aead_init(const char **why)
{
	static const char *const failed[AEAD_CIPHER_COUNT] = {
		[AEAD_AES_128_GCM] = "known-answer test of AES-128-GCM failed",
		[AEAD_AES_192_GCM] = "known-answer test of AES-192-GCM failed",
		[AEAD_AES_256_GCM] = "known-answer test of AES-256-GCM failed",
	};
	int ret = aead_engine_init(why);

	if (ret < 0)
		return ret;
	for (int c = 0; c < AEAD_CIPHER_COUNT; c++) {
		if (!self_test((enum aead_cipher)c, kats[c])) {
			*why = failed[c];
			return -EIO;
		}
	}
	return 0;
}

const char *aead_cipher_name(enum aead_cipher cipher)
{
	return (unsigned int)cipher < AEAD_CIPHER_COUNT ? ciphers[cipher].name : NULL;
}

size_t aead_cipher_key_bytes(enum aead_cipher cipher)
{
	return (unsigned int)cipher < AEAD_CIPHER_COUNT ? ciphers[cipher].key_bytes : 0;
}

int aead_cipher_by_name(const char *name)
{
	for (int c = 0; c < AEAD_CIPHER_COUNT; c++)
		if (strcasecmp(name, ciphers[c].name) == 0)
			return c;
	return -1;
}

void aead_key_wipe(struct aead_key *key)
{
	explicit_bzero(key, sizeof(*key));
}
