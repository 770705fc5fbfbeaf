// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/tls_verify.h"

#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SUBJECT_BYTES 100

// RFC 2253 escapes whatever is not printable, so this may stand in a log line.
static void name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && name && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

// --- rules ---

static void rules_free(
	void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	free(ptr);
}

// Contexts are made by the control thread alone.
static int rules_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, rules_free);
	return index;
}

int tls_rules_attach(SSL_CTX *ctx, const struct conf_gateway *gw)
{
	struct tls_rules *r = calloc(1, sizeof(*r));

	if (!r)
		return 0;
	r->no_ca = gw->ca[0] == '\0';
	r->client_usage = gw->remote_cert_tls;
	r->name_rule = gw->x509_name_rule;
	memcpy(r->name, gw->x509_name, sizeof(r->name));
	r->fingerprint_count = gw->peer_fingerprint_count;
	memcpy(r->fingerprints, gw->peer_fingerprints, sizeof(r->fingerprints));
	if (SSL_CTX_set_ex_data(ctx, rules_index(), r) == 1)
		return 1;
	free(r);
	return 0;
}

static const struct tls_rules *rules_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ex_data(ctx, rules_index());
}

static bool has_client_usage(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) != 0 &&
	       (X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT) != 0;
}

// "C=DE, O=Example, CN=alice", as OpenVPN has written subjects since 2.3.
static void subject_text(X509 *cert, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
			   XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT |
				   ASN1_STRFLGS_ESC_CTRL) >= 0)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static bool has_name(const struct tls_rules *r, X509 *cert, char found[CONF_PATH_BYTES])
{
	if (r->name_rule == CONF_NAME_SUBJECT)
		subject_text(cert, found, CONF_PATH_BYTES);
	else if (tls_verify_common_name(cert, found, CONF_PATH_BYTES))
		snprintf(found, CONF_PATH_BYTES, "(none)");
	if (r->name_rule == CONF_NAME_PREFIX)
		return strncmp(found, r->name, strlen(r->name)) == 0;
	return strcmp(found, r->name) == 0;
}

// Fingerprints are public: they are compared as they come.
static bool has_fingerprint(const struct tls_rules *r, X509 *cert)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(cert, EVP_sha256(), hash, &len) != 1 || len != CONF_FINGERPRINT_BYTES)
		return false;
	for (size_t i = 0; i < r->fingerprint_count; i++)
		if (memcmp(hash, r->fingerprints[i].sha256, len) == 0)
			return true;
	return false;
}

bool tls_rules_accept(const SSL_CTX *ctx, X509 *cert, struct tls_failure *f)
{
	const struct tls_rules *r = rules_of(ctx);
	char found[CONF_PATH_BYTES] = "", text[TLS_TEXT_BYTES] = "", subject[SUBJECT_BYTES];

	name_text(X509_get_subject_name(cert), subject, sizeof(subject));
	if (!r)
		snprintf(text, sizeof(text), "no rules for certificates");
	else if (r->client_usage && !has_client_usage(cert))
		snprintf(
			text, sizeof(text), "certificate of %s is not marked for clients", subject);
	else if (r->name[0] && !has_name(r, cert, found))
		snprintf(text, sizeof(text),
			"certificate of %s: its name \"%.80s\" is not admitted", subject, found);
	else if (r->fingerprint_count && !has_fingerprint(r, cert))
		snprintf(text, sizeof(text), "certificate of %s: its fingerprint is not admitted",
			subject);
	if (text[0] && f && f->text[0] == '\0')
		snprintf(f->text, sizeof(f->text), "%s", text);
	return text[0] == '\0';
}

// --- verification ---

void tls_verify_attach(SSL *ssl, struct tls_failure *f)
{
	SSL_set_app_data(ssl, f);
}

void tls_verify_date(const ASN1_TIME *t, char out[TLS_DATE_BYTES])
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1 || !strftime(out, TLS_DATE_BYTES, "%Y-%m-%d", &tm))
		snprintf(out, TLS_DATE_BYTES, "unknown date");
}

static void describe_crl(
	X509_STORE_CTX *store, int error, const char *subject, struct tls_failure *f)
{
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(store);
	char issuer[SUBJECT_BYTES] = "", date[TLS_DATE_BYTES] = "unknown date";

	if (crl) {
		name_text(X509_CRL_get_issuer(crl), issuer, sizeof(issuer));
		tls_verify_date(X509_CRL_get0_nextUpdate(crl), date);
	}
	if (error == X509_V_ERR_CRL_HAS_EXPIRED)
		snprintf(f->text, sizeof(f->text),
			"CRL of %s expired %s: no client is admitted until it is renewed", issuer,
			date);
	else if (error == X509_V_ERR_UNABLE_TO_GET_CRL)
		snprintf(f->text, sizeof(f->text), "no CRL of the issuer of %s is loaded", subject);
	else
		snprintf(f->text, sizeof(f->text), "certificate of %s: %s", subject,
			X509_verify_cert_error_string(error));
}

static void describe(X509_STORE_CTX *store, struct tls_failure *f)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	int error = X509_STORE_CTX_get_error(store);
	char subject[SUBJECT_BYTES] = "unknown subject", date[TLS_DATE_BYTES];

	if (cert)
		name_text(X509_get_subject_name(cert), subject, sizeof(subject));
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		tls_verify_date(cert ? X509_get0_notAfter(cert) : NULL, date);
		snprintf(f->text, sizeof(f->text), "certificate of %s expired %s", subject, date);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		tls_verify_date(cert ? X509_get0_notBefore(cert) : NULL, date);
		snprintf(f->text, sizeof(f->text), "certificate of %s not valid before %s", subject,
			date);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		snprintf(f->text, sizeof(f->text), "certificate of %s: unknown CA", subject);
		break;
	case X509_V_ERR_CERT_REVOKED:
		snprintf(f->text, sizeof(f->text), "certificate of %s is revoked", subject);
		break;
	default:
		describe_crl(store, error, subject, f);
	}
}

// What is wrong only because nobody is trusted to sign.
static bool is_about_trust(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return true;
	default:
		return false;
	}
}

// Adds the gateway's rules to OpenSSL's, and remembers the first reason of a failure.
int tls_verify_callback(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_failure *f = ssl ? SSL_get_app_data(ssl) : NULL;
	const SSL_CTX *ctx = ssl ? SSL_get_SSL_CTX(ssl) : NULL;
	const struct tls_rules *rules = ctx ? rules_of(ctx) : NULL;

	if (!ok && rules && rules->no_ca && is_about_trust(X509_STORE_CTX_get_error(store))) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		ok = 1;
	}
	if (ok && X509_STORE_CTX_get_error_depth(store) == 0 &&
		!tls_rules_accept(ctx, X509_STORE_CTX_get_current_cert(store), f)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
		ok = 0;
	}
	if (!ok && f)
		f->certificate = true;
	if (!ok && f && f->text[0] == '\0')
		describe(store, f);
	return ok;
}

int tls_verify_common_name(X509 *cert, char *out, size_t size)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int i, len, last = -1;
	const unsigned char *text;
	ASN1_STRING *value;

	while ((i = X509_NAME_get_index_by_NID(name, NID_commonName, last)) >= 0)
		last = i;
	if (last < 0)
		return -EINVAL;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last));
	text = ASN1_STRING_get0_data(value);
	len = ASN1_STRING_length(value);
	if (len < 1 || (size_t)len >= size)
		return -EINVAL;
	// Wide encodings hold zero bytes and fail here too.
	for (i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return -EINVAL;
	memcpy(out, text, (size_t)len);
	out[len] = '\0';
	return 0;
}
