// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The engine against published vectors and against OpenSSL as an independent implementation.

#include "dataplane/aead.c" // reaches self_test(), which has no other door

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/evp.h>
#include <rte_common.h>

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 2048

static struct crypto *crypto;

// NIST, "The Galois/Counter Mode of Operation (GCM)" by McGrew and Viega, appendix B; the number
// is the test case's. Those with a nonce of 96 bits.
static const struct {
	int number;
	enum cipher cipher;
	const char *key, *nonce, *aad, *plain, *sealed, *tag;
} vectors[] = {
#define ZERO16 "00000000000000000000000000000000"
#define ZERO12 "000000000000000000000000"
#define K16 "feffe9928665731c6d6a8f9467308308"
#define N12 "cafebabefacedbaddecaf888"
#define A20 "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define P60 \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
	{1, CIPHER_AES_128_GCM, ZERO16, ZERO12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
	{2, CIPHER_AES_128_GCM, ZERO16, ZERO12, "", ZERO16, "0388dace60b6a392f328c2b971b2fe78",
		"ab6e47d42cec13bdf53a67b21257bddf"},
	{3, CIPHER_AES_128_GCM, K16, N12, "", P60 "1aafd255",
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
		"4d5c2af327cd64a62cf35abd2ba6fab4"},
	{4, CIPHER_AES_128_GCM, K16, N12, A20, P60,
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
		"5bc94fbc3221a5db94fae95ae7121a47"},
	{7, CIPHER_AES_192_GCM, ZERO16 "0000000000000000", ZERO12, "", "", "",
		"cd33b28ac773f74ba00ed1f312572435"},
	{8, CIPHER_AES_192_GCM, ZERO16 "0000000000000000", ZERO12, "", ZERO16,
		"98e7247c07f0fe411c267e4384b0f600", "2ff58d80033927ab8ef4d4587514f0fb"},
	{10, CIPHER_AES_192_GCM, K16 "feffe9928665731c", N12, A20, P60,
		"3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
		"7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
		"2519498e80f1478f37ba55bd6d27618c"},
	{13, CIPHER_AES_256_GCM, ZERO16 ZERO16, ZERO12, "", "", "",
		"530f8afbc74536b9a963b4f1c4cb738b"},
	{14, CIPHER_AES_256_GCM, ZERO16 ZERO16, ZERO12, "", ZERO16,
		"cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
	{16, CIPHER_AES_256_GCM, K16 K16, N12, A20, P60,
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
		"76fc6ece0f4e1768cddf8853bb2d551b"},
	// RFC 8439, section 2.8.2
	{0, CIPHER_CHACHA20_POLY1305,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
		"73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
		"6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
		"637265656e20776f756c642062652069742e",
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b6116",
		"1ae10b594f09e26a7e902ecbd0600691"},
};

static void test_vectors(void)
{
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		uint8_t raw[32], aad[20], text[128], plain[128], sealed[128];
		uint8_t want[16], tag[16];
		size_t len = harness_hex(vectors[i].plain, plain, sizeof(plain));
		struct aead_key key;
		struct aead_op op = {
			.key = &key, .data = text, .len = (uint32_t)len, .tag = tag, .aad = aad};

		CU_ASSERT_EQUAL(harness_hex(vectors[i].key, raw, sizeof(raw)),
			cipher_key_bytes(vectors[i].cipher));
		CU_ASSERT_EQUAL(harness_hex(vectors[i].sealed, sealed, sizeof(sealed)), len);
		CU_ASSERT_EQUAL(harness_hex(vectors[i].tag, want, 16), 16);
		CU_ASSERT_EQUAL(harness_hex(vectors[i].nonce, op.nonce, 12), 12);
		op.aad_len = (uint32_t)harness_hex(vectors[i].aad, aad, sizeof(aad));
		aead_key_init(&key, vectors[i].cipher, raw);
		memcpy(text, plain, len);
		aead_seal_burst(crypto, &op, 1);
		if (memcmp(text, sealed, len) != 0 || memcmp(tag, want, 16) != 0)
			fprintf(stderr, "test case %d fails\n", vectors[i].number);
		CU_ASSERT(memcmp(text, sealed, len) == 0);
		CU_ASSERT(memcmp(tag, want, 16) == 0);
		CU_ASSERT_EQUAL(aead_open_burst(crypto, &op, 1), 1);
		CU_ASSERT(op.ok);
		CU_ASSERT(memcmp(text, plain, len) == 0);
	}
}

static void fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rand();
}

static void openssl_seal(enum cipher cipher, const uint8_t *raw, const struct aead_op *op,
	const uint8_t *plain, uint8_t *sealed, uint8_t *tag)
{
	const EVP_CIPHER *const evp[] = {
		EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm(), EVP_chacha20_poly1305()};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	CU_ASSERT_FATAL(EVP_EncryptInit_ex(ctx, evp[cipher], NULL, raw, op->nonce) == 1);
	CU_ASSERT_FATAL(EVP_EncryptUpdate(ctx, NULL, &n, op->aad, (int)op->aad_len) == 1);
	CU_ASSERT_FATAL(EVP_EncryptUpdate(ctx, sealed, &n, plain, (int)op->len) == 1);
	CU_ASSERT_FATAL(EVP_EncryptFinal_ex(ctx, sealed + n, &n) == 1);
	CU_ASSERT_FATAL(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

// Every length up to 2000, both AAD lengths, all ciphers: same bytes as OpenSSL, and nothing
// beyond the text is touched.
static void test_lengths(void)
{
	static uint8_t plain[TEXT_MAX], text[TEXT_MAX], sealed[TEXT_MAX];
	unsigned int wrong = 0;

	for (uint32_t len = 0; len <= 2000; len++) {
		for (int c = 0; c < CIPHER_AEAD_COUNT; c++) {
			uint8_t raw[32], aad[8], tag[16], want[16];
			struct aead_key key;
			struct aead_op op = {.key = &key,
				.data = text,
				.len = len,
				.tag = tag,
				.aad = aad,
				.aad_len = len & 1 ? 8 : 4};

			fill(raw, sizeof(raw));
			fill(aad, sizeof(aad));
			fill(op.nonce, sizeof(op.nonce));
			fill(plain, sizeof(plain));
			memcpy(text, plain, sizeof(text));
			aead_key_init(&key, (enum cipher)c, raw);
			aead_seal_burst(crypto, &op, 1);
			openssl_seal((enum cipher)c, raw, &op, plain, sealed, want);
			wrong += memcmp(text, sealed, len) != 0;
			wrong += memcmp(tag, want, sizeof(tag)) != 0;
			wrong += aead_open_burst(crypto, &op, 1) != 1 || !op.ok;
			wrong += memcmp(text, plain, sizeof(text)) != 0;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

// One packet of a burst, as it lies in an mbuf: AAD, tag, text.
struct packet {
	uint8_t raw[32];
	uint8_t plain[1500];
	uint8_t aad[8];
	uint8_t tag[16];
	uint8_t text[1500];
	struct aead_key key;
};

#define BURST 64
static struct packet packets[BURST];

static void make_burst(struct aead_op *ops)
{
	for (int i = 0; i < BURST; i++) {
		struct packet *p = &packets[i];
		// Runs of one key, as bursts of one client have, between single ones.
		struct packet *key_of = i % 8 < 3 ? p : &packets[i - i % 8];

		fill((uint8_t *)p, offsetof(struct packet, key));
		memcpy(p->text, p->plain, sizeof(p->text));
		aead_key_init(&p->key, (enum cipher)(i % CIPHER_AEAD_COUNT), p->raw);
		ops[i] = (struct aead_op){
			.key = &key_of->key,
			.data = p->text,
			.len = (uint32_t)rand() % sizeof(p->text),
			.tag = p->tag,
			.aad = p->aad,
			.aad_len = 8,
		};
		fill(ops[i].nonce, sizeof(ops[i].nonce));
	}
}

static void test_burst(void)
{
	struct aead_op ops[BURST];
	uint8_t sealed[1500], tag[16];

	make_burst(ops);
	aead_seal_burst(crypto, ops, 0); // nothing to do is allowed
	CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, 0), 0);
	aead_seal_burst(crypto, ops, BURST);
	for (int i = 0; i < BURST; i++) {
		const struct packet *key_of = i % 8 < 3 ? &packets[i] : &packets[i - i % 8];

		openssl_seal(
			key_of->key.cipher, key_of->raw, &ops[i], packets[i].plain, sealed, tag);
		CU_ASSERT(memcmp(packets[i].text, sealed, ops[i].len) == 0);
		CU_ASSERT(memcmp(packets[i].tag, tag, sizeof(tag)) == 0);
	}
	CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, BURST), BURST);
	for (int i = 0; i < BURST; i++) {
		CU_ASSERT(ops[i].ok);
		CU_ASSERT(memcmp(packets[i].text, packets[i].plain, 1500) == 0);
	}
}

// What an attacker may change in one packet of the burst.
static void flip(struct aead_op *op, struct packet *p, int what, int bit)
{
	uint8_t mask = (uint8_t)(1 << bit % 8);

	switch (what) {
	case 0:
		p->tag[bit / 8 % 16] ^= mask;
		break;
	case 1:
		p->aad[bit / 8 % 8] ^= mask;
		break;
	case 2:
		op->nonce[bit / 8 % 12] ^= mask;
		break;
	default:
		p->text[(unsigned int)bit % (op->len ? op->len : 1)] ^= mask;
	}
}

// Any one bit wrong in tag, AAD, nonce or text of one packet: that packet alone is refused.
static void test_forged(void)
{
	struct aead_op ops[BURST];

	for (int round = 0; round < 4 * 128; round++) {
		int victim = round % BURST;
		unsigned int others = 0;

		make_burst(ops);
		for (int i = 0; i < BURST; i++)
			ops[i].len = 1 + ops[i].len % 200;
		aead_seal_burst(crypto, ops, BURST);
		flip(&ops[victim], &packets[victim], round / 128, round % 128);
		CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, BURST), BURST - 1);
		CU_ASSERT_FALSE(ops[victim].ok);
		for (int i = 0; i < BURST; i++)
			others += ops[i].ok;
		CU_ASSERT_EQUAL(others, BURST - 1);
	}
}

static void test_truncated(void)
{
	struct aead_op ops[BURST];

	make_burst(ops);
	ops[0].len = 100;
	aead_seal_burst(crypto, ops, 1);
	ops[0].len = 99;
	CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, 1), 0);
	make_burst(ops);
	aead_seal_burst(crypto, ops, 1);
	ops[0].aad_len = 4;
	CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, 1), 0);
	make_burst(ops);
	aead_seal_burst(crypto, ops, 1);
	ops[0].key = &packets[1].key;
	CU_ASSERT_EQUAL(aead_open_burst(crypto, ops, 1), 0);
}

// A wrong answer anywhere in the table must be seen, or the self-test tests nothing.
static void test_self_test(void)
{
	for (int c = 0; c < CIPHER_AEAD_COUNT; c++) {
		const char *other = "000102030405060708090a0b0c0d0e0f";
		struct kat wrong = kats[c];

		CU_ASSERT(self_test(crypto, (enum cipher)c, &wrong));
		wrong.tag = other;
		CU_ASSERT_FALSE(self_test(crypto, (enum cipher)c, &wrong));
		wrong = kats[c];
		wrong.long_tag = other;
		CU_ASSERT_FALSE(self_test(crypto, (enum cipher)c, &wrong));
		wrong = kats[c];
		wrong.sealed = kats[c].plain;
		CU_ASSERT_FALSE(self_test(crypto, (enum cipher)c, &wrong));
	}
}

static void test_names(void)
{
	for (int c = 0; c < CIPHER_COUNT; c++)
		CU_ASSERT_EQUAL(cipher_by_name(cipher_name((enum cipher)c)), c);
	CU_ASSERT_EQUAL(cipher_by_name("aes-256-gcm"), CIPHER_AES_256_GCM);
	CU_ASSERT_EQUAL(cipher_by_name("AES-256-GC"), -1);
	CU_ASSERT_EQUAL(cipher_by_name("AES-256-GCM "), -1);
	CU_ASSERT_EQUAL(cipher_by_name("BF-CBC"), -1);
	CU_ASSERT_EQUAL(cipher_by_name(""), -1);
	CU_ASSERT_PTR_NULL(cipher_name(CIPHER_COUNT));
	CU_ASSERT_EQUAL(cipher_key_bytes(CIPHER_COUNT), 0);
	for (int d = 0; d < DIGEST_COUNT; d++)
		CU_ASSERT_EQUAL(digest_by_name(digest_name((enum digest)d)), d);
	CU_ASSERT_EQUAL(digest_by_name("sha1"), DIGEST_SHA1);
	CU_ASSERT_EQUAL(digest_by_name("MD5"), -1);
	CU_ASSERT_PTR_NULL(digest_name(DIGEST_COUNT));
	CU_ASSERT_EQUAL(digest_bytes(DIGEST_COUNT), 0);
	CU_ASSERT(crypto_engine_name()[0] != '\0');
}

static void test_wipe(void)
{
	static const struct aead_key zero;
	struct aead_key key;
	uint8_t raw[32];

	fill(raw, sizeof(raw));
	memset(&key, 0, sizeof(key));
	aead_key_init(&key, CIPHER_AES_256_GCM, raw);
	CU_ASSERT(memcmp(&key, &zero, sizeof(key)) != 0);
	aead_key_wipe(&key);
	CU_ASSERT(memcmp(&key, &zero, sizeof(key)) == 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"published vectors", test_vectors},
		{"all lengths as OpenSSL", test_lengths},
		{"burst of mixed keys as OpenSSL", test_burst},
		{"one forged packet of a burst", test_forged},
		{"truncated text and AAD, wrong key", test_truncated},
		{"self-test sees wrong answers", test_self_test},
		{"names", test_names},
		{"wipe", test_wipe},
		{NULL, NULL},
	};
	const char *why = "";
	int ret = crypto_init(&why);

	if (ret < 0) {
		fprintf(stderr, "aead_init: %d: %s\n", ret, why);
		return 1;
	}
	fprintf(stderr, "engine: %s\n", crypto_engine_name());
	crypto = crypto_new();
	ret = crypto ? harness_run("aead", tests) : 1;
	crypto_free(crypto);
	return ret;
}
