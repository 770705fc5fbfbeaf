// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/tls_context.h"

#include "control/channel/tls.h"
#include "control/channel/tls_verify.h"
#include "dataplane/base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("tls");

// Forward secrecy and AEAD only: every client since 2.4 has these. TLS 1.3 suites are OpenSSL's.
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
// TLS 1.0 and 1.1 know no AEAD.
#define CIPHERS_TLS_1_0 CIPHERS_TLS_1_2 ":ECDHE+AES:DHE+AES"
#define CRLS_MAX 64

// err: "OPTION: FILE: WHAT (REASON)".
static void set_error(
	char *err, size_t size, const char *option, const char *file, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (reason)
		snprintf(err, size, "%s: %s: %s (%s)", option, file, what, reason);
	else
		snprintf(err, size, "%s: %s: %s", option, file, what);
	ERR_clear_error();
}

// An encrypted key must fail, not ask a terminal that nobody watches.
static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int is_readable(const char *option, const char *file, char *err, size_t size)
{
	int e;

	if (file[0] == '\0') {
		snprintf(err, size, "%s: must be set", option);
		return -EINVAL;
	}
	if (access(file, R_OK) == 0)
		return 0;
	e = errno;
	snprintf(err, size, "%s: %s: %s", option, file, strerror(e));
	return -e;
}

static int load_ca(SSL_CTX *ctx, const char *file, char *err, size_t size)
{
	STACK_OF(X509_NAME) * names;

	if (file[0] == '\0') // the fingerprints say it
		return 0;
	if (is_readable("ca", file, err, size))
		return -EINVAL;
	names = SSL_load_client_CA_file(file);
	if (!names || SSL_CTX_load_verify_file(ctx, file) != 1) {
		set_error(err, size, "ca", file, "no usable CA certificate");
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return -EINVAL;
	}
	SSL_CTX_set_client_CA_list(ctx, names); // takes ownership
	return 0;
}

static int load_cert(SSL_CTX *ctx, const struct conf_gateway *gw, char *err, size_t size)
{
	char until[TLS_DATE_BYTES];

	if (is_readable("cert", gw->cert, err, size) || is_readable("key", gw->key, err, size))
		return -EINVAL;
	if (SSL_CTX_use_certificate_chain_file(ctx, gw->cert) != 1) {
		set_error(err, size, "cert", gw->cert, "no usable certificate");
		return -EINVAL;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, gw->key, SSL_FILETYPE_PEM) != 1) {
		set_error(err, size, "key", gw->key, "no usable private key of that certificate");
		return -EINVAL;
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		set_error(err, size, "key", gw->key, "does not belong to the certificate");
		return -EINVAL;
	}
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) < 0) {
		tls_verify_date(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)), until);
		LOG(WARNING, "gateway=%s: %s expired %s: clients will refuse it", gw->name,
			gw->cert, until);
	}
	return 0;
}

static void warn_if_expired(const struct conf_gateway *gw, const X509_CRL *crl)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	char until[TLS_DATE_BYTES];

	if (!next || X509_cmp_current_time(next) >= 0)
		return;
	tls_verify_date(next, until);
	LOG(WARNING,
		"gateway=%s: %s: next update was due %s: every client is refused until it is "
		"renewed and the configuration reloaded",
		gw->name, gw->crl, until);
}

// All lists of the file, to its end: half a file is an error, not a shorter list.
static int add_crls(X509_STORE *store, BIO *bio, const struct conf_gateway *gw)
{
	int count;

	for (count = 0; count < CRLS_MAX; count++) {
		X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, no_password, NULL);
		int ok;

		if (!crl)
			break;
		warn_if_expired(gw, crl);
		ok = X509_STORE_add_crl(store, crl);
		X509_CRL_free(crl);
		if (ok != 1)
			return -EINVAL;
	}
	if (count == 0 || count == CRLS_MAX ||
		ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -EINVAL;
	ERR_clear_error();
	return 0;
}

static int load_crl(SSL_CTX *ctx, const struct conf_gateway *gw, char *err, size_t size)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio;
	int ret;

	if (gw->crl[0] == '\0')
		return 0;
	if (is_readable("crl_verify", gw->crl, err, size))
		return -EINVAL;
	bio = BIO_new_file(gw->crl, "r");
	ret = bio ? add_crls(store, bio, gw) : -EINVAL;
	BIO_free(bio);
	if (ret) {
		set_error(
			err, size, "crl_verify", gw->crl, "no usable certificate revocation list");
		return ret;
	}
	// Every certificate of a chain needs a current list of its issuer; without one the client
	// is refused. Stock OpenVPN lets a missing list pass.
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

static int tls_version(enum conf_tls version)
{
	static const int versions[] = {
		[CONF_TLS_1_0] = TLS1_VERSION,
		[CONF_TLS_1_1] = TLS1_1_VERSION,
		[CONF_TLS_1_2] = TLS1_2_VERSION,
		[CONF_TLS_1_3] = TLS1_3_VERSION,
	};

	return versions[version];
}

// OpenSSL's security levels. Handshakes of TLS 1.0 and 1.1 are signed with SHA-1 and MD5, which only
// level 0 admits; certificates are held to their own level all the same.
static void set_levels(SSL_CTX *ctx, const struct conf_gateway *gw)
{
	int level = gw->tls_cert_profile == CONF_CERT_PREFERRED ? 2
		    : gw->tls_cert_profile == CONF_CERT_LEGACY  ? 1
								: 0;

	X509_VERIFY_PARAM_set_auth_level(SSL_CTX_get0_param(ctx), level);
	SSL_CTX_set_security_level(ctx, gw->tls_version_min < CONF_TLS_1_2 ? 0 : level);
}

// Lists that operators may set; what OpenSSL does not take is told with its option.
static int set_lists(SSL_CTX *ctx, const struct conf_gateway *gw, char *err, size_t size)
{
	const char *ciphers = gw->tls_version_min < CONF_TLS_1_2 ? CIPHERS_TLS_1_0
								 : CIPHERS_TLS_1_2;
	const char *option = NULL, *value = NULL;

	if (gw->tls_cipher[0])
		ciphers = gw->tls_cipher;
	if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
		option = "tls_cipher";
		value = ciphers;
	} else if (gw->tls_ciphersuites[0] &&
		   SSL_CTX_set_ciphersuites(ctx, gw->tls_ciphersuites) != 1) {
		option = "tls_ciphersuites";
		value = gw->tls_ciphersuites;
	} else if (gw->tls_groups[0] && SSL_CTX_set1_groups_list(ctx, gw->tls_groups) != 1) {
		option = "tls_groups";
		value = gw->tls_groups;
	}
	if (!option)
		return 0;
	ERR_clear_error();
	snprintf(err, size, "%s: OpenSSL cannot make sense of \"%s\"", option, value);
	return -EINVAL;
}

static int set_profile(SSL_CTX *ctx, const struct conf_gateway *gw)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	// The whole profile of one message per record rests on writes not being split.
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_verify(
		ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_verify_callback);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_dh_auto(ctx, 1) == 1 &&
	       SSL_CTX_set_min_proto_version(ctx, tls_version(gw->tls_version_min)) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1 &&
	       tls_rules_attach(ctx, gw) == 1;
}

struct tls_context *tls_context_new(const struct conf_gateway *gw, char *err, size_t err_bytes)
{
	struct tls_context *ctx = calloc(1, sizeof(*ctx));

	ERR_clear_error();
	if (!ctx || !(ctx->ssl_ctx = SSL_CTX_new(TLS_server_method()))) {
		snprintf(err, err_bytes, "out of memory");
		goto err;
	}
	if (!set_profile(ctx->ssl_ctx, gw)) {
		set_error(err, err_bytes, "TLS", gw->name, "OpenSSL refuses the settings");
		goto err;
	}
	// After the lists, which may name a level as well.
	if (set_lists(ctx->ssl_ctx, gw, err, err_bytes))
		goto err;
	set_levels(ctx->ssl_ctx, gw);
	if (load_ca(ctx->ssl_ctx, gw->ca, err, err_bytes) ||
		load_cert(ctx->ssl_ctx, gw, err, err_bytes) ||
		load_crl(ctx->ssl_ctx, gw, err, err_bytes))
		goto err;
	return ctx;
err:
	tls_context_free(ctx);
	return NULL;
}

void tls_context_free(struct tls_context *ctx)
{
	if (!ctx)
		return;
	SSL_CTX_free(ctx->ssl_ctx);
	free(ctx);
}
