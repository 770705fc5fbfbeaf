// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Nanoseconds per packet of the crypto engine, sealing bursts of 32 under one key, with OpenSSL EVP
// as the reference: AEAD ciphers, and AES-CBC with HMAC. Engine and reference alternate round by
// round.

#include "dataplane/aead.h"
#include "dataplane/cbc.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST 32
#define ROUNDS 31
#define BURSTS_PER_ROUND 500
#define TEXT_BYTES_MAX 1408
#define CBC_HEAD_BYTES (DIGEST_BYTES_MAX + CBC_IV_BYTES)

static uint8_t text[BURST][CBC_HEAD_BYTES + TEXT_BYTES_MAX], tags[BURST][PROTO_TAG_BYTES];
static struct crypto *crypto;
static const uint8_t aad[PROTO_DATA_V2_AAD_BYTES], raw_key[32];

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double engine_round(const struct aead_key *key, uint32_t bytes)
{
	struct aead_op ops[BURST];
	double begin = now_ns();

	for (uint32_t b = 0; b < BURSTS_PER_ROUND; b++) {
		for (uint32_t i = 0; i < BURST; i++) {
			uint32_t pktid = b * BURST + i;

			ops[i] = (struct aead_op){.key = key,
				.data = text[i],
				.len = bytes,
				.tag = tags[i],
				.aad = aad,
				.aad_len = sizeof(aad)};
			memcpy(ops[i].nonce, &pktid, sizeof(pktid));
		}
		aead_seal_burst(crypto, ops, BURST);
	}
	return (now_ns() - begin) / (BURST * BURSTS_PER_ROUND);
}

static const EVP_CIPHER *evp_cipher(enum cipher cipher)
{
	switch (cipher) {
	case CIPHER_AES_128_GCM:
		return EVP_aes_128_gcm();
	case CIPHER_AES_192_GCM:
		return EVP_aes_192_gcm();
	case CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return EVP_aes_256_gcm();
	}
}

static double reference_round(EVP_CIPHER_CTX *ctx, uint32_t bytes)
{
	uint8_t nonce[PROTO_NONCE_BYTES] = {0};
	double begin = now_ns();
	int len;

	for (uint32_t p = 0; p < BURST * BURSTS_PER_ROUND; p++) {
		uint8_t *data = text[p % BURST];

		memcpy(nonce, &p, sizeof(p));
		if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) != 1 ||
			EVP_EncryptUpdate(ctx, NULL, &len, aad, sizeof(aad)) != 1 ||
			EVP_EncryptUpdate(ctx, data, &len, data, (int)bytes) != 1 ||
			EVP_EncryptFinal_ex(ctx, data + len, &len) != 1 ||
			EVP_CIPHER_CTX_ctrl(
				ctx, EVP_CTRL_AEAD_GET_TAG, PROTO_TAG_BYTES, tags[p % BURST]) != 1)
			abort(); // the reference itself is broken: no figure is better than a wrong one
	}
	return (now_ns() - begin) / (BURST * BURSTS_PER_ROUND);
}

static double cbc_engine_round(const struct cbc_key *key, uint32_t bytes)
{
	struct cbc_op ops[BURST];
	double begin = now_ns();

	for (uint32_t b = 0; b < BURSTS_PER_ROUND; b++) {
		for (uint32_t i = 0; i < BURST; i++)
			ops[i] = (struct cbc_op){
				.key = key, .data = text[i], .len = bytes, .number = b * BURST + i};
		cbc_seal_burst(crypto, ops, BURST);
	}
	return (now_ns() - begin) / (BURST * BURSTS_PER_ROUND);
}

static const EVP_CIPHER *evp_cbc(enum cipher cipher)
{
	return cipher == CIPHER_AES_128_CBC   ? EVP_aes_128_cbc()
	       : cipher == CIPHER_AES_192_CBC ? EVP_aes_192_cbc()
					      : EVP_aes_256_cbc();
}

struct cbc_reference {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	size_t mac_bytes;
};

// With an IV that costs nothing.
static double cbc_reference_round(struct cbc_reference *ref, uint32_t bytes)
{
	double begin = now_ns();
	size_t mac_len;
	int len;

	for (uint32_t p = 0; p < BURST * BURSTS_PER_ROUND; p++) {
		uint8_t *iv = text[p % BURST] + ref->mac_bytes, *data = iv + CBC_IV_BYTES;

		memcpy(iv, &p, sizeof(p));
		if (EVP_EncryptInit_ex(ref->cipher, NULL, NULL, NULL, iv) != 1 ||
			EVP_EncryptUpdate(ref->cipher, data, &len, data, (int)bytes) != 1 ||
			EVP_MAC_init(ref->mac, NULL, 0, NULL) != 1 ||
			EVP_MAC_update(ref->mac, iv, CBC_IV_BYTES + bytes) != 1 ||
			EVP_MAC_final(ref->mac, text[p % BURST], &mac_len, DIGEST_BYTES_MAX) != 1)
			abort();
	}
	return (now_ns() - begin) / (BURST * BURSTS_PER_ROUND);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, uint32_t bytes, double *engine, double *reference)
{
	qsort(engine, ROUNDS, sizeof(double), by_value);
	qsort(reference, ROUNDS, sizeof(double), by_value);
	printf("{\"bench\":\"aead\",\"case\":{\"direction\":\"outbound\",\"cipher\":\"%s\",\"size\":%u},"
	       "\"unit\":\"ns/pkt\",\"median\":%.1f,\"min\":%.1f,"
	       "\"ref\":{\"name\":\"openssl\",\"median\":%.1f},\"ratio\":%.3f}\n",
		name, bytes, engine[ROUNDS / 2], engine[0], reference[ROUNDS / 2],
		engine[ROUNDS / 2] / reference[ROUNDS / 2]);
}

static void run_case(enum cipher cipher, uint32_t bytes)
{
	double engine[ROUNDS], reference[ROUNDS];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct aead_key key;

	aead_key_init(&key, cipher, raw_key);
	if (!ctx || EVP_EncryptInit_ex(ctx, evp_cipher(cipher), NULL, raw_key, NULL) != 1)
		abort();
	for (int r = 0; r < ROUNDS; r++) {
		engine[r] = engine_round(&key, bytes);
		reference[r] = reference_round(ctx, bytes);
	}
	EVP_CIPHER_CTX_free(ctx);
	aead_key_wipe(&key);
	report(cipher_name(cipher), bytes, engine, reference);
}

static void cbc_reference_init(struct cbc_reference *ref, enum cipher cipher, enum digest digest,
	const struct cbc_raw *raw)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			"digest", (char *)(uintptr_t)digest_name(digest), 0),
		OSSL_PARAM_construct_end(),
	};

	ref->mac_bytes = digest_bytes(digest);
	ref->cipher = EVP_CIPHER_CTX_new();
	ref->mac = EVP_MAC_CTX_new(hmac);
	if (!ref->cipher || !ref->mac ||
		EVP_EncryptInit_ex(ref->cipher, evp_cbc(cipher), NULL, raw->cipher, raw->iv) != 1 ||
		EVP_CIPHER_CTX_set_padding(ref->cipher, 0) != 1 ||
		EVP_MAC_init(ref->mac, raw->mac, ref->mac_bytes, params) != 1)
		abort();
	EVP_MAC_free(hmac);
}

static void run_cbc_case(enum cipher cipher, enum digest digest, uint32_t bytes)
{
	double engine[ROUNDS], reference[ROUNDS];
	static const struct cbc_raw raw;
	struct cbc_reference ref;
	struct cbc_key key;
	char name[32];

	cbc_key_init(&key, cipher, digest, &raw);
	cbc_reference_init(&ref, cipher, digest, &raw);
	for (int r = 0; r < ROUNDS; r++) {
		engine[r] = cbc_engine_round(&key, bytes);
		reference[r] = cbc_reference_round(&ref, bytes);
	}
	EVP_CIPHER_CTX_free(ref.cipher);
	EVP_MAC_CTX_free(ref.mac);
	snprintf(name, sizeof(name), "%s/%s", cipher_name(cipher), digest_name(digest));
	report(name, bytes, engine, reference);
}

int main(void)
{
	static const uint32_t sizes[] = {64, 512, 1400};
	const char *why = NULL;

	if (crypto_init(&why)) {
		fprintf(stderr, "bench_aead: %s\n", why);
		return 1;
	}
	crypto = crypto_new();
	if (!crypto)
		return 1;
	for (int c = 0; c < CIPHER_AEAD_COUNT; c++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			run_case((enum cipher)c, sizes[i]);
	for (int d = 0; d < DIGEST_COUNT; d++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			run_cbc_case(CIPHER_AES_256_CBC, (enum digest)d, sizes[i] & ~15u);
	return 0;
}
