// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/epoch_chain.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <errno.h>
#include <string.h>

#define PREFIX "ovpn "
#define LABEL_BYTES_MAX 32 // with its prefix
#define OUT_BYTES_MAX 64

static int expand(
	const uint8_t *secret, const uint8_t *info, size_t info_len, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, ret = -EIO;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, EPOCH_SECRET_BYTES),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_len),
		OSSL_PARAM_construct_end(),
	};

	if (ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1)
		ret = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ret;
}

// info: length (2), length of the label (1), label, length of the context (1, zero)
int epoch_expand_label(
	const uint8_t secret[EPOCH_SECRET_BYTES], const char *label, uint8_t *out, size_t len)
{
	size_t label_len = strlen(PREFIX) + strlen(label);
	uint8_t info[3 + LABEL_BYTES_MAX + 1];

	if (label_len > LABEL_BYTES_MAX || len > OUT_BYTES_MAX)
		return -EINVAL;
	info[0] = 0;
	info[1] = (uint8_t)len;
	info[2] = (uint8_t)label_len;
	memcpy(info + 3, PREFIX, strlen(PREFIX));
	memcpy(info + 3 + strlen(PREFIX), label, strlen(label));
	info[3 + label_len] = 0;
	return expand(secret, info, 3 + label_len + 1, out, len);
}

void epoch_chain_init(struct epoch_chain *c, const uint8_t secret[EPOCH_SECRET_BYTES])
{
	c->epoch = 1;
	memcpy(c->secret, secret, sizeof(c->secret));
}

int epoch_chain_next(struct epoch_chain *c)
{
	uint8_t next[EPOCH_SECRET_BYTES];
	int ret;

	if (c->epoch == UINT16_MAX)
		return -ERANGE;
	ret = epoch_expand_label(c->secret, "datakey upd", next, sizeof(next));
	if (ret == 0) {
		c->epoch++;
		memcpy(c->secret, next, sizeof(c->secret));
	}
	explicit_bzero(next, sizeof(next));
	return ret;
}

int epoch_chain_key(
	const struct epoch_chain *c, uint8_t *key, size_t key_len, uint8_t iv[PROTO_NONCE_BYTES])
{
	int ret = epoch_expand_label(c->secret, "data_key", key, key_len);

	if (ret == 0)
		ret = epoch_expand_label(c->secret, "data_iv", iv, PROTO_NONCE_BYTES);
	return ret;
}
