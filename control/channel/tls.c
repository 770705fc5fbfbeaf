// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/tls.h"

#include "control/channel/tls_context.h"
#include "control/channel/tls_verify.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_conn {
	SSL *ssl;      // owns both BIOs
	BIO *in, *out; // from and to the client
	struct tls_failure failure;
};

// Freeing the context leaves its connections alone: OpenSSL counts references to what they share.
struct tls_conn *tls_conn_new(const struct tls_context *ctx)
{
	struct tls_conn *c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->ssl = SSL_new(ctx->ssl_ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	if (!c->ssl || !c->in || !c->out)
		goto err;
	BIO_set_mem_eof_return(c->in, -1);
	BIO_set_mem_eof_return(c->out, -1);
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_accept_state(c->ssl);
	tls_verify_attach(c->ssl, &c->failure);
	return c;
err:
	BIO_free(c->in);
	BIO_free(c->out);
	SSL_free(c->ssl);
	free(c);
	return NULL;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	SSL_free(c->ssl);
	free(c);
}

int tls_conn_input(struct tls_conn *c, const uint8_t *data, size_t len)
{
	// OpenSSL takes a write of nothing for an error.
	if (len == 0)
		return 0;
	return BIO_write(c->in, data, (int)len) == (int)len ? 0 : -ENOMEM;
}

// What OpenSSL says last is the least specific; the first entry names the cause.
static int fail(struct tls_conn *c, const char *what)
{
	unsigned long e = ERR_peek_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (c->failure.text[0] == '\0')
		snprintf(c->failure.text, sizeof(c->failure.text), "%s", reason ? reason : what);
	ERR_clear_error();
	return -EPROTO;
}

static int result(struct tls_conn *c, int ret, const char *what)
{
	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return fail(c, "client closed TLS");
	default:
		return fail(c, what);
	}
}

int tls_conn_handshake(struct tls_conn *c)
{
	int ret;

	ERR_clear_error();
	ret = SSL_do_handshake(c->ssl);
	if (ret == 1)
		return 1;
	return result(c, ret, "TLS handshake failed");
}

int tls_conn_read(struct tls_conn *c, uint8_t *buf, size_t size)
{
	int ret;

	ERR_clear_error();
	ret = SSL_read(c->ssl, buf, (int)size);
	if (ret <= 0)
		return result(c, ret, "TLS read failed");
	// A read never joins records, so what is left belongs to a message that is too long.
	if (SSL_pending(c->ssl) > 0)
		return fail(c, "message longer than the protocol allows");
	return ret;
}

int tls_conn_write(struct tls_conn *c, const uint8_t *data, size_t len)
{
	int ret;

	if (len == 0 || len > TLS_MESSAGE_BYTES)
		return fail(c, "message of a wrong length");
	ERR_clear_error();
	ret = SSL_write(c->ssl, data, (int)len);
	// A memory buffer always takes everything, so a short write is an error like any other.
	return ret == (int)len ? 0 : fail(c, "TLS write failed");
}

size_t tls_conn_output_pending(const struct tls_conn *c)
{
	return BIO_ctrl_pending(c->out);
}

size_t tls_conn_output(struct tls_conn *c, uint8_t *buf, size_t size)
{
	int n = BIO_read(c->out, buf, (int)size);

	return n > 0 ? (size_t)n : 0;
}

const char *tls_conn_error(const struct tls_conn *c)
{
	return c->failure.text[0] ? c->failure.text : "no error";
}

bool tls_conn_is_refused(const struct tls_conn *c)
{
	return c->failure.certificate;
}

static int chain_hash(SSL *ssl, uint8_t out[TLS_HASH_BYTES])
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;
	int i;

	ok = chain && sk_X509_num(chain) > 0 && md &&
	     EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	for (i = 0; ok && i < sk_X509_num(chain); i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(chain, i), &der);

		ok = len > 0 && EVP_DigestUpdate(md, der, (size_t)len) == 1;
		OPENSSL_free(der);
	}
	ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok ? 0 : -EPROTO;
}

int tls_conn_peer(struct tls_conn *c, struct tls_peer *peer)
{
	X509 *cert = SSL_get0_peer_certificate(c->ssl);

	memset(peer, 0, sizeof(*peer));
	// Verification is mandatory, this is the second lock on the same door.
	if (!cert || SSL_get_verify_result(c->ssl) != X509_V_OK)
		return fail(c, "client sent no verified certificate");
	if (!tls_rules_accept(SSL_get_SSL_CTX(c->ssl), cert, &c->failure))
		return fail(c, "client's certificate is not admitted");
	if (tls_verify_common_name(cert, peer->common_name, sizeof(peer->common_name)))
		return fail(c, "certificate has no common name of 1 to 64 printable characters");
	if (chain_hash(c->ssl, peer->chain_sha256))
		return fail(c, "certificate chain cannot be hashed");
	snprintf(peer->version, sizeof(peer->version), "%s", SSL_get_version(c->ssl));
	snprintf(peer->suite, sizeof(peer->suite), "%s", SSL_get_cipher_name(c->ssl));
	return 0;
}

int tls_conn_export(struct tls_conn *c, const char *label, uint8_t *out, size_t len)
{
	ERR_clear_error();
	if (SSL_export_keying_material(c->ssl, out, len, label, strlen(label), NULL, 0, 0) != 1)
		return fail(c, "TLS exporter failed");
	return 0;
}
