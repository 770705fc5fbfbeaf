// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tls_verify.h"

#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SUBJECT_BYTES 100

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

// Never changes the verdict, only remembers the first reason.
int tls_verify_callback(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_failure *f = ssl ? SSL_get_app_data(ssl) : NULL;

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
