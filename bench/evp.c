// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/evp.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

struct evp {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	bool seal;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const EVP_CIPHER *algorithm(enum cipher cipher)
{
	switch (cipher) {
	case CIPHER_AES_128_GCM:
		return EVP_aes_128_gcm();
	case CIPHER_AES_192_GCM:
		return EVP_aes_192_gcm();
	case CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	case CIPHER_AES_128_CBC:
		return EVP_aes_128_cbc();
	case CIPHER_AES_192_CBC:
		return EVP_aes_192_cbc();
	case CIPHER_AES_256_CBC:
		return EVP_aes_256_cbc();
	default:
		return EVP_aes_256_gcm();
	}
}

static EVP_MAC_CTX *hmac_new(enum digest digest)
{
	static const uint8_t key[DIGEST_BYTES_MAX];
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			"digest", (char *)(uintptr_t)digest_name(digest), 0),
		OSSL_PARAM_construct_end(),
	};

	must(mac && EVP_MAC_init(mac, key, digest_bytes(digest), params) == 1);
	EVP_MAC_free(hmac);
	return mac;
}

struct evp *evp_new(enum cipher cipher, enum digest digest, bool seal)
{
	static const uint8_t key[CIPHER_KEY_BYTES_MAX], iv[CBC_IV_BYTES];
	struct evp *e = calloc(1, sizeof(*e));

	must(e);
	e->seal = seal;
	e->cipher = EVP_CIPHER_CTX_new();
	must(EVP_CipherInit_ex(e->cipher, algorithm(cipher), NULL, key, iv, seal) == 1);
	if (cipher < CIPHER_AEAD_COUNT)
		return e;
	must(EVP_CIPHER_CTX_set_padding(e->cipher, 0) == 1);
	e->mac = hmac_new(digest);
	return e;
}

void evp_free(struct evp *e)
{
	EVP_CIPHER_CTX_free(e->cipher);
	EVP_MAC_CTX_free(e->mac);
	free(e);
}

void evp_aead(struct evp *e, const struct aead_op *op)
{
	int len;

	must(EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, op->nonce, e->seal) == 1);
	must(EVP_CipherUpdate(e->cipher, NULL, &len, op->aad, (int)op->aad_len) == 1);
	must(EVP_CipherUpdate(e->cipher, op->data, &len, op->data, (int)op->len) == 1);
	if (!e->seal)
		must(EVP_CIPHER_CTX_ctrl(
			     e->cipher, EVP_CTRL_AEAD_SET_TAG, PROTO_TAG_BYTES, op->tag) == 1);
	// The tag of another key does not match; checking it costs the same.
	must(EVP_CipherFinal_ex(e->cipher, op->data + len, &len) == 1 || !e->seal);
	if (e->seal)
		must(EVP_CIPHER_CTX_ctrl(
			     e->cipher, EVP_CTRL_AEAD_GET_TAG, PROTO_TAG_BYTES, op->tag) == 1);
}

static void mac(struct evp *e, const struct cbc_op *op, uint8_t *out)
{
	size_t len;

	must(EVP_MAC_init(e->mac, NULL, 0, NULL) == 1);
	must(EVP_MAC_update(e->mac, op->data + op->key->mac_bytes, CBC_IV_BYTES + op->len) == 1);
	must(EVP_MAC_final(e->mac, out, &len, DIGEST_BYTES_MAX) == 1);
}

void evp_cbc(struct evp *e, const struct cbc_op *op)
{
	uint8_t *iv = op->data + op->key->mac_bytes, *text = iv + CBC_IV_BYTES;
	uint8_t expected[DIGEST_BYTES_MAX];
	int len;

	if (!e->seal)
		mac(e, op, expected);
	must(EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, iv, e->seal) == 1);
	must(EVP_CipherUpdate(e->cipher, text, &len, text, (int)op->len) == 1);
	if (e->seal)
		mac(e, op, op->data);
}
