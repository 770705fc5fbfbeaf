// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What does not depend on the engine: the known-answer test at start.

#include "dataplane/aead.h"

#include <string.h>

#include "dataplane/kat.h"

#define KAT_TEXT_BYTES_MAX 128
#define KAT_AAD_BYTES_MAX 20

// In hex, as published. The published vectors are too short for the wide loops of an engine. So a
// second answer: the tag over KAT_LONG_BYTES bytes i & 0xff with the same key, nonce and AAD
// (computed with OpenSSL).
#define KAT_LONG_BYTES 1500
struct kat {
	const char *key, *nonce, *aad, *plain;
	const char *sealed;
	const char *tag;
	const char *long_tag;
};

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 4, 10 and 16
// share text, AAD and nonce; each key is a prefix of the longest.
#define GCM_TEXTS \
	.key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", \
	.nonce = "cafebabefacedbaddecaf888", .aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2", \
	.plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
		 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"

static const struct kat kats[CIPHER_AEAD_COUNT] = {
	[CIPHER_AES_128_GCM] =
		{
			// test case 4
			GCM_TEXTS,
			.sealed = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
				  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
			.tag = "5bc94fbc3221a5db94fae95ae7121a47",
			.long_tag = "232bee31c0b5182aa19894a6046fc0e2",
		},
	[CIPHER_AES_192_GCM] =
		{
			// test case 10
			GCM_TEXTS,
			.sealed = "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
				  "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
			.tag = "2519498e80f1478f37ba55bd6d27618c",
			.long_tag = "24108b6e80d3114f4a717c78f3873bf1",
		},
	[CIPHER_AES_256_GCM] =
		{
			// test case 16
			GCM_TEXTS,
			.sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
				  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
			.tag = "76fc6ece0f4e1768cddf8853bb2d551b",
			.long_tag = "8beb0b1e153a227911e9e4d16646c5fa",
		},
	[CIPHER_CHACHA20_POLY1305] =
		{
			// RFC 8439, section 2.8.2
			.key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
			.nonce = "070000004041424344454647",
			.aad = "50515253c0c1c2c3c4c5c6c7",
			.plain = "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
				 "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
				 "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
				 "637265656e20776f756c642062652069742e",
			.sealed = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
				  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
				  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
				  "3ff4def08e4b7a9de576d26586cec64b6116",
			.tag = "1ae10b594f09e26a7e902ecbd0600691",
			.long_tag = "8341c91a37a9df52d803e04c3d44f69d",
		},
};

// One test case in bytes.
struct answer {
	uint8_t key[CIPHER_KEY_BYTES_MAX];
	uint8_t nonce[PROTO_NONCE_BYTES];
	uint8_t aad[KAT_AAD_BYTES_MAX];
	uint32_t aad_len, len;
	uint8_t plain[KAT_TEXT_BYTES_MAX];
	uint8_t sealed[KAT_TEXT_BYTES_MAX];
	uint8_t tag[PROTO_TAG_BYTES];
	uint8_t long_tag[PROTO_TAG_BYTES];
};

static void load_answer(struct answer *a, const struct kat *k)
{
	a->aad_len = (uint32_t)strlen(k->aad) / 2;
	a->len = (uint32_t)strlen(k->plain) / 2;
	kat_hex(a->key, sizeof(a->key), k->key);
	kat_hex(a->nonce, sizeof(a->nonce), k->nonce);
	kat_hex(a->aad, a->aad_len, k->aad);
	kat_hex(a->plain, a->len, k->plain);
	kat_hex(a->sealed, a->len, k->sealed);
	kat_hex(a->tag, sizeof(a->tag), k->tag);
	kat_hex(a->long_tag, sizeof(a->long_tag), k->long_tag);
}

static bool sealed_is(
	struct crypto *c, struct aead_op *op, const uint8_t *sealed, const uint8_t *tag)
{
	aead_seal_burst(c, op, 1);
	return (!sealed || memcmp(op->data, sealed, op->len) == 0) &&
	       memcmp(op->tag, tag, PROTO_TAG_BYTES) == 0;
}

// Opens what was just sealed: a tag with one bit wrong must be refused, the right one accepted.
static bool opens_only_with_its_tag(struct crypto *c, struct aead_op *op)
{
	uint8_t sealed[KAT_LONG_BYTES];

	memcpy(sealed, op->data, op->len);
	op->tag[PROTO_TAG_BYTES - 1] ^= 0x01;
	op->ok = true;
	if (aead_open_burst(c, op, 1) != 0 || op->ok)
		return false;
	op->tag[PROTO_TAG_BYTES - 1] ^= 0x01;
	memcpy(op->data, sealed, op->len);
	return aead_open_burst(c, op, 1) == 1 && op->ok;
}

static bool answers_are_right(struct crypto *c, const struct answer *a, struct aead_op *op)
{
	op->len = a->len;
	memcpy(op->data, a->plain, a->len);
	if (!sealed_is(c, op, a->sealed, a->tag) || !opens_only_with_its_tag(c, op) ||
		memcmp(op->data, a->plain, a->len) != 0)
		return false;
	op->len = KAT_LONG_BYTES;
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		op->data[i] = (uint8_t)i;
	if (!sealed_is(c, op, NULL, a->long_tag) || !opens_only_with_its_tag(c, op))
		return false;
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		if (op->data[i] != (uint8_t)i)
			return false;
	return true;
}

static bool self_test(struct crypto *c, enum cipher cipher, const struct kat *kat)
{
	uint8_t text[KAT_LONG_BYTES], tag[PROTO_TAG_BYTES];
	struct answer answer;
	struct aead_key key;
	struct aead_op op = {
		.key = &key,
		.data = text,
		.tag = tag,
		.aad = answer.aad,
	};

	load_answer(&answer, kat);
	op.aad_len = answer.aad_len;
	memcpy(op.nonce, answer.nonce, sizeof(op.nonce));
	aead_key_init(&key, cipher, answer.key);
	return answers_are_right(c, &answer, &op);
}

const char *aead_self_test(struct crypto *c)
{
	static const char *const failed[CIPHER_AEAD_COUNT] = {
		[CIPHER_AES_128_GCM] = "known-answer test of AES-128-GCM failed",
		[CIPHER_AES_192_GCM] = "known-answer test of AES-192-GCM failed",
		[CIPHER_AES_256_GCM] = "known-answer test of AES-256-GCM failed",
		[CIPHER_CHACHA20_POLY1305] = "known-answer test of CHACHA20-POLY1305 failed",
	};

	for (int i = 0; i < CIPHER_AEAD_COUNT; i++)
		if (!self_test(c, (enum cipher)i, &kats[i]))
			return failed[i];
	return NULL;
}

void aead_key_wipe(struct aead_key *key)
{
	explicit_bzero(key, sizeof(*key));
}
