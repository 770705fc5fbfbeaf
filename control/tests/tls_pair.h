// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// An OpenSSL client and one of our connections, for tests: bytes go to and fro until both are quiet.
#pragma once

#include <openssl/ssl.h>

#include "control/tests/test_pki.h"
#include "control/channel/tls.h"

struct tls_pair {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	struct tls_conn *conn;
	int server, client; // results: 1 done, 0 not yet, negative failed
};

// cert: NAME.crt and NAME.key of the client, NULL: none. max: its newest TLS version, 0: any.
void tls_pair_init(struct tls_pair *p, struct test_pki *pki, const struct tls_context *ctx,
	const char *cert, int max);
void tls_pair_fini(struct tls_pair *p);
void tls_pair_run(struct tls_pair *p);
