// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The CBC engine against OpenSSL, which has the published vectors of AES-CBC (RFC 3602, NIST SP
// 800-38A) and HMAC (RFC 2202, RFC 4231) behind it; those of HMAC have lengths that no packet has.
#include "dataplane/cbc.c" // reaches self_test(), which has no other door

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 2048
#define PACKET_ROOM (DIGEST_BYTES_MAX + CBC_IV_BYTES + TEXT_MAX)

static struct crypto *crypto;

static void fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rand();
}

static const EVP_CIPHER *evp_cipher(enum cipher cipher)
{
	return cipher == CIPHER_AES_128_CBC   ? EVP_aes_128_cbc()
	       : cipher == CIPHER_AES_192_CBC ? EVP_aes_192_cbc()
	       : cipher == CIPHER_AES_256_CBC ? EVP_aes_256_cbc()
					      : EVP_enc_null();
}

static const EVP_MD *evp_digest(enum digest digest)
{
	return digest == DIGEST_SHA1     ? EVP_sha1()
	       : digest == DIGEST_SHA256 ? EVP_sha256()
	       : digest == DIGEST_SHA384 ? EVP_sha384()
					 : EVP_sha512();
}

static void evp_encrypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
	uint8_t *out, const uint8_t *in, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	CU_ASSERT_FATAL(EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv) == 1);
	CU_ASSERT_FATAL(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
	CU_ASSERT_FATAL(EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

// One packet of a burst.
struct one {
	struct cbc_raw raw;
	enum cipher cipher;
	enum digest digest;
	struct cbc_key key;
	uint8_t plain[TEXT_MAX];
	uint8_t data[PACKET_ROOM + 1]; // a byte behind shows what is written too far
	uint8_t want[PACKET_ROOM];
};

static uint8_t *text_of(const struct one *o, uint8_t *packet)
{
	return packet + cbc_head_bytes(&o->key);
}

static size_t bytes_of(const struct one *o, const struct cbc_op *op)
{
	return cbc_head_bytes(&o->key) + op->len;
}

static void expect(struct one *o, const struct cbc_op *op)
{
	uint8_t counter[16] = {0}, *iv = o->want + o->key.mac_bytes;

	memcpy(counter, &op->number, sizeof(op->number));
	if (o->key.iv_bytes)
		evp_encrypt(EVP_aes_128_ecb(), o->raw.iv, NULL, iv, counter, 16);
	evp_encrypt(
		evp_cipher(o->cipher), o->raw.cipher, iv, text_of(o, o->want), o->plain, op->len);
	CU_ASSERT_PTR_NOT_NULL(HMAC(evp_digest(o->digest), o->raw.mac, o->key.mac_bytes, iv,
		o->key.iv_bytes + op->len, o->want, NULL));
}

#define WHATS 32 // every cipher with every digest, and eight in a row with the same digest

static void one_init(struct one *o, struct cbc_op *op, int what, uint32_t len)
{
	o->cipher = (enum cipher)(CIPHER_AEAD_COUNT + what % 4);
	o->digest = (enum digest)(what / 8 % DIGEST_COUNT);
	fill((uint8_t *)&o->raw, sizeof(o->raw));
	fill(o->plain, sizeof(o->plain));
	memset(o->data, 0xa5, sizeof(o->data));
	cbc_key_init(&o->key, o->cipher, o->digest, &o->raw);
	*op = (struct cbc_op){
		.key = &o->key, .data = o->data, .len = len, .number = (uint32_t)rand()};
	memcpy(text_of(o, o->data), o->plain, len);
}

static void test_lengths(void)
{
	static struct one o;
	unsigned int wrong = 0;

	for (uint32_t len = 16; len <= TEXT_MAX; len += 16) {
		for (int what = 0; what < WHATS; what++) {
			struct cbc_op op;

			one_init(&o, &op, what, len);
			expect(&o, &op);
			cbc_seal_burst(crypto, &op, 1);
			wrong += memcmp(o.data, o.want, bytes_of(&o, &op)) != 0;
			wrong += o.data[bytes_of(&o, &op)] != 0xa5;
			wrong += cbc_open_burst(crypto, &op, 1) != 1 || !op.ok;
			wrong += memcmp(text_of(&o, o.data), o.plain, len) != 0;
			wrong += o.data[bytes_of(&o, &op)] != 0xa5;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

#define BURST 200 // more than the engine takes at a time
static struct one ones[BURST];
static struct cbc_op ops[BURST];

static void make_burst(void)
{
	for (int i = 0; i < BURST; i++)
		one_init(&ones[i], &ops[i], i, 16 * (1 + (uint32_t)rand() % (TEXT_MAX / 16)));
	// Runs of one key, as bursts of one client have.
	for (int i = 0; i < BURST; i++)
		if (i % 8 > 3 &&
			cbc_head_bytes(&ones[i].key) == cbc_head_bytes(&ones[i - i % 8].key))
			ops[i].key = &ones[i - i % 8].key;
}

static void test_burst(void)
{
	make_burst();
	cbc_seal_burst(crypto, ops, 0); // nothing to do is allowed
	CU_ASSERT_EQUAL(cbc_open_burst(crypto, ops, 0), 0);
	cbc_seal_burst(crypto, ops, BURST);
	for (int i = 0; i < BURST; i++) {
		struct one *o = &ones[i];

		if (ops[i].key != &o->key)
			continue;
		expect(o, &ops[i]);
		CU_ASSERT_EQUAL(memcmp(o->data, o->want, bytes_of(o, &ops[i])), 0);
	}
	CU_ASSERT_EQUAL(cbc_open_burst(crypto, ops, BURST), BURST);
	for (int i = 0; i < BURST; i++) {
		CU_ASSERT_TRUE(ops[i].ok);
		CU_ASSERT_EQUAL(
			memcmp(text_of(&ones[i], ones[i].data), ones[i].plain, ops[i].len), 0);
	}
}

// Any one bit wrong in MAC (all of its bytes), IV or text of one packet: that packet alone is
// refused.
static void test_forged(void)
{
	for (int round = 0; round < 600; round++) {
		int victim = round % BURST;
		struct cbc_op *op = &ops[victim];
		size_t at;

		make_burst();
		for (int i = 0; i < BURST; i++)
			ops[i].len = 32;
		cbc_seal_burst(crypto, ops, BURST);
		at = (size_t)round % bytes_of(&ones[victim], op);
		op->data[at] ^= (uint8_t)(1 << rand() % 8);
		CU_ASSERT_EQUAL(cbc_open_burst(crypto, ops, BURST), BURST - 1);
		CU_ASSERT_FALSE(op->ok);
	}
}

// Without a cipher a text may have any length.
static void test_none_lengths(void)
{
	static struct one o;
	unsigned int wrong = 0;

	for (uint32_t len = 1; len < 300; len++) {
		struct cbc_op op;

		one_init(&o, &op, 3 + 8 * (int)(len % DIGEST_COUNT), len);
		expect(&o, &op);
		cbc_seal_burst(crypto, &op, 1);
		wrong += memcmp(o.data, o.want, bytes_of(&o, &op)) != 0;
		wrong += memcmp(text_of(&o, o.data), o.plain, len) != 0;
		wrong += o.data[bytes_of(&o, &op)] != 0xa5;
		wrong += cbc_open_burst(crypto, &op, 1) != 1 || !op.ok;
		o.data[len % bytes_of(&o, &op)] ^= 0x80;
		wrong += cbc_open_burst(crypto, &op, 1) != 0 || op.ok;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(o.key.cipher, CIPHER_NONE);
}

static void test_truncated(void)
{
	for (int what = 0; what < WHATS; what++) {
		one_init(&ones[0], &ops[0], what, 160);
		cbc_seal_burst(crypto, ops, 1);
		ops[0].len = 144;
		CU_ASSERT_EQUAL(cbc_open_burst(crypto, ops, 1), 0);
		ops[0].len = 176;
		CU_ASSERT_EQUAL(cbc_open_burst(crypto, ops, 1), 0);
	}
}

// The IV of a number is the number's alone, and no other number's.
static void test_ivs(void)
{
	uint8_t iv[2][CBC_IV_BYTES], *at;
	struct one *o = &ones[0];

	one_init(o, &ops[0], 0, 32);
	at = o->data + o->key.mac_bytes;
	for (uint32_t i = 0; i < 2; i++) {
		ops[0].number = i + 1;
		cbc_seal_burst(crypto, ops, 1);
		memcpy(iv[i], at, CBC_IV_BYTES);
	}
	CU_ASSERT_NOT_EQUAL(memcmp(iv[0], iv[1], CBC_IV_BYTES), 0);
	ops[0].number = 1;
	cbc_seal_burst(crypto, ops, 1);
	CU_ASSERT_EQUAL(memcmp(at, iv[0], CBC_IV_BYTES), 0);
}

static void test_padding(void)
{
	uint8_t text[64];

	for (uint32_t len = 0; len < 40; len++) {
		uint32_t padded;

		memset(text, 0xa5, sizeof(text));
		padded = cbc_pad(text, len);
		CU_ASSERT_EQUAL(padded % 16, 0);
		CU_ASSERT(padded > len && padded <= len + 16);
		CU_ASSERT_EQUAL(text[padded], 0xa5);
		CU_ASSERT_EQUAL(cbc_unpad(text, padded), (int)len);
		text[len] ^= 1; // first byte of the padding, or its only one
		CU_ASSERT(padded - len == 1 ? cbc_unpad(text, padded) != (int)len
					    : cbc_unpad(text, padded) == -1);
	}
	memset(text, 0, 16);
	CU_ASSERT_EQUAL(cbc_unpad(text, 16), -1);
	memset(text, 17, 32);
	CU_ASSERT_EQUAL(cbc_unpad(text, 32), -1);
	memset(text, 255, 32);
	CU_ASSERT_EQUAL(cbc_unpad(text, 32), -1);
	memset(text, 16, 16);
	CU_ASSERT_EQUAL(cbc_unpad(text, 16), 0);
}

// What fits in a datagram, as in the table of MSS in OpenVPN's mss.c: 40 bytes less for TCP/IPv4, of
// 1492 bytes with 28 or 48 of headers.
static void test_text_max(void)
{
	static const struct {
		enum cipher cipher;
		enum digest digest;
		uint16_t bytes, text;
	} rows[] = {
		{CIPHER_AES_256_GCM, 0, 1464, 1440},
		{CIPHER_AES_256_GCM, 0, 1444, 1420},
		{CIPHER_AES_256_CBC, DIGEST_SHA1, 1464, 1419},
		{CIPHER_AES_256_CBC, DIGEST_SHA1, 1444, 1387},
		{CIPHER_AES_256_CBC, DIGEST_SHA256, 1464, 1403},
		{CIPHER_AES_256_CBC, DIGEST_SHA256, 1444, 1387},
		{CIPHER_AES_128_CBC, DIGEST_SHA512, 100, 11},
		{CIPHER_AES_128_CBC, DIGEST_SHA512, 99, 0},
		{CIPHER_AES_128_GCM, 0, 24, 0},
		{CIPHER_NONE, DIGEST_SHA1, 1464, 1436},
		{CIPHER_NONE, DIGEST_SHA512, 73, 1},
		{CIPHER_NONE, DIGEST_SHA512, 72, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(cipher_text_max(rows[i].cipher, rows[i].digest, rows[i].bytes),
			rows[i].text);
}

// A wrong answer anywhere in the table must be seen, or the self-test tests nothing.
static void test_self_test(void)
{
	for (int c = 0; c < CIPHER_COUNT - CIPHER_AEAD_COUNT; c++) {
		for (int d = 0; d < DIGEST_COUNT; d++) {
			enum cipher cipher = (enum cipher)(CIPHER_AEAD_COUNT + c);
			struct kat wrong = kats[c];

			CU_ASSERT(self_test(crypto, cipher, (enum digest)d, &wrong));
			wrong.answers[d].mac = wrong.answers[d].long_mac;
			CU_ASSERT_FALSE(self_test(crypto, cipher, (enum digest)d, &wrong));
			wrong = kats[c];
			wrong.answers[d].long_mac = wrong.answers[d].mac;
			CU_ASSERT_FALSE(self_test(crypto, cipher, (enum digest)d, &wrong));
			wrong = kats[c];
			wrong.sealed = kats[(c + 1) % 4].sealed;
			CU_ASSERT_FALSE(self_test(crypto, cipher, (enum digest)d, &wrong));
		}
	}
}

static void test_wipe(void)
{
	static const struct cbc_key zero;
	static struct one o;

	one_init(&o, &ops[0], 0, 16);
	CU_ASSERT_NOT_EQUAL(memcmp(&o.key, &zero, sizeof(zero)), 0);
	cbc_key_wipe(&o.key);
	CU_ASSERT_EQUAL(memcmp(&o.key, &zero, sizeof(zero)), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"all lengths as OpenSSL", test_lengths},
		{"burst of mixed keys as OpenSSL", test_burst},
		{"all lengths without a cipher", test_none_lengths},
		{"one forged packet of a burst", test_forged},
		{"truncated and extended text", test_truncated},
		{"IVs", test_ivs},
		{"padding", test_padding},
		{"what fits", test_text_max},
		{"self-test sees wrong answers", test_self_test},
		{"wipe", test_wipe},
		{NULL, NULL},
	};
	const char *why = "";
	int ret = crypto_init(&why);

	if (ret < 0) {
		fprintf(stderr, "crypto_init: %d: %s\n", ret, why);
		return 1;
	}
	crypto = crypto_new();
	ret = crypto ? harness_run("cbc", tests) : 1;
	crypto_free(crypto);
	return ret;
}
