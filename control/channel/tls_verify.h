// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inside of tls.[ch]: verification of a client's certificate, told in words. Not for others.
#pragma once

#include <openssl/ssl.h>

#include "control/channel/tls.h"

struct tls_failure;

#define TLS_DATE_BYTES 16

// Whose certificates a gateway admits, beyond valid ones.
struct tls_rules {
	bool no_ca;        // the fingerprint alone says it: who signed does not matter
	bool client_usage; // the extended key usage must name clientAuth
	enum conf_name_rule name_rule;
	char name[CONF_PATH_BYTES]; // "": any
	size_t fingerprint_count;   // 0: any
	struct conf_fingerprint fingerprints[CONF_LIST_MAX];
};

// Gives the context a copy, which goes with its last connection. 1 or 0, as OpenSSL has it.
int tls_rules_attach(SSL_CTX *ctx, const struct conf_gateway *gw);
// Does the client's own certificate keep them? If not, `f` says why (unless it already says more).
bool tls_rules_accept(const SSL_CTX *ctx, X509 *cert, struct tls_failure *f);

// First failure of a connection; empty while there is none.
struct tls_failure {
	char text[TLS_TEXT_BYTES];
	bool certificate; // it was the certificate that did not pass
};

// From now on a failed verification of this connection is described in *f, which must live as long.
void tls_verify_attach(SSL *ssl, struct tls_failure *f);
int tls_verify_callback(int ok, X509_STORE_CTX *store);

// The subject's only or last common name. -EINVAL: none, too long, or not printable ASCII.
int tls_verify_common_name(X509 *cert, char *out, size_t size);
// "2026-01-01"
void tls_verify_date(const ASN1_TIME *t, char out[TLS_DATE_BYTES]);
