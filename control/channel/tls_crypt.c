// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/tls_crypt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <string.h>

#define CIPHER_KEY_BYTES 32
#define MAC_KEY_BYTES 32
#define MAC_KEY_OFF 64
#define IV_BYTES 16

struct tls_crypt {
	EVP_CIPHER *cipher;
	uint8_t cipher_key[CIPHER_KEY_BYTES];
	EVP_MAC_CTX *mac; // keyed; copied for every packet
};

static int init(struct tls_crypt *k, EVP_MAC *hmac, const uint8_t key[TLS_CRYPT_KEY_BYTES])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	memcpy(k->cipher_key, key, CIPHER_KEY_BYTES);
	k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	k->mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
	if (k->cipher == NULL || k->mac == NULL ||
		EVP_MAC_init(k->mac, key + MAC_KEY_OFF, MAC_KEY_BYTES, params) != 1)
		return -EIO;
	return 0;
}

struct tls_crypt *tls_crypt_new(const uint8_t key[TLS_CRYPT_KEY_BYTES])
{
	struct tls_crypt *k = OPENSSL_zalloc(sizeof(*k));
	EVP_MAC *hmac;
	int ret;

	if (k == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ret = init(k, hmac, key);
	EVP_MAC_free(hmac);
	if (ret == 0)
		return k;
	tls_crypt_free(k);
	errno = -ret;
	return NULL;
}

void tls_crypt_free(struct tls_crypt *k)
{
	if (k == NULL)
		return;
	EVP_MAC_CTX_free(k->mac); // wipes its copy of the key
	EVP_CIPHER_free(k->cipher);
	OPENSSL_clear_free(k, sizeof(*k));
}

static int make_tag(const struct tls_crypt *k, const uint8_t *clear, size_t clear_len,
	const uint8_t *text, size_t text_len, uint8_t tag[TLS_CRYPT_TAG_BYTES])
{
	EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(k->mac);
	size_t n = 0;
	int ret = -EIO;

	if (mac != NULL && EVP_MAC_update(mac, clear, clear_len) == 1 &&
		EVP_MAC_update(mac, text, text_len) == 1 &&
		EVP_MAC_final(mac, tag, &n, TLS_CRYPT_TAG_BYTES) == 1 && n == TLS_CRYPT_TAG_BYTES)
		ret = 0;
	EVP_MAC_CTX_free(mac);
	return ret;
}

// Counter mode: encryption and decryption are the same.
static int apply_cipher(const struct tls_crypt *k, const uint8_t iv[IV_BYTES], const uint8_t *in,
	size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	int ret = -EIO;

	if (ctx != NULL && EVP_EncryptInit_ex2(ctx, k->cipher, k->cipher_key, iv, NULL) == 1 &&
		EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len)
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

// The tag may be the initial counter: it covers everything, so it repeats only with the text.
int tls_crypt_seal(const struct tls_crypt *k, const uint8_t *clear, size_t clear_len,
	const uint8_t *text, size_t text_len, uint8_t tag[TLS_CRYPT_TAG_BYTES], uint8_t *out)
{
	int ret = make_tag(k, clear, clear_len, text, text_len, tag);

	return ret == 0 ? apply_cipher(k, tag, text, text_len, out) : ret;
}

int tls_crypt_open(const struct tls_crypt *k, const uint8_t *clear, size_t clear_len,
	const uint8_t tag[TLS_CRYPT_TAG_BYTES], const uint8_t *text, size_t text_len, uint8_t *out)
{
	uint8_t expected[TLS_CRYPT_TAG_BYTES];

	if (apply_cipher(k, tag, text, text_len, out) == 0 &&
		make_tag(k, clear, clear_len, out, text_len, expected) == 0 &&
		CRYPTO_memcmp(expected, tag, TLS_CRYPT_TAG_BYTES) == 0)
		return 0;
	OPENSSL_cleanse(out, text_len);
	return -EBADMSG;
}
