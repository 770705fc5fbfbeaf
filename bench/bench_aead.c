// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Nanoseconds per packet of the crypto engine, sealing bursts of 32 under one key, with OpenSSL EVP
// as the reference. Engine and reference alternate round by round.

#include "dataplane/aead.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST 32
#define ROUNDS 31
#define BURSTS_PER_ROUND 500
#define TEXT_BYTES_MAX 1408

static uint8_t text[BURST][TEXT_BYTES_MAX], tags[BURST][PROTO_TAG_BYTES];
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

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
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
	qsort(engine, ROUNDS, sizeof(double), by_value);
	qsort(reference, ROUNDS, sizeof(double), by_value);
	printf("{\"bench\":\"aead\",\"case\":{\"direction\":\"outbound\",\"cipher\":\"%s\",\"size\":%u},"
	       "\"unit\":\"ns/pkt\",\"median\":%.1f,\"min\":%.1f,"
	       "\"ref\":{\"name\":\"openssl\",\"median\":%.1f},\"ratio\":%.3f}\n",
		cipher_name(cipher), bytes, engine[ROUNDS / 2], engine[0], reference[ROUNDS / 2],
		engine[ROUNDS / 2] / reference[ROUNDS / 2]);
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
	return 0;
}
