// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inside of tls.[ch]: verification of a client's certificate, told in words. Not for others.
#pragma once

#include <openssl/ssl.h>

#include "control/tls.h"

#define TLS_DATE_BYTES 16

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
