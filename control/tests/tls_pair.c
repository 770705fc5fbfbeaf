// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/tls_pair.h"

#include <CUnit/CUnit.h>
#include <openssl/err.h>

#include <stdio.h>
#include <string.h>

void tls_pair_init(struct tls_pair *p, struct test_pki *pki, const struct tls_context *ctx,
	const char *cert, int max)
{
	char file[64];

	memset(p, 0, sizeof(*p));
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(p->ctx, 0); // what is weak is the server's to find
	SSL_CTX_set_max_proto_version(p->ctx, max);
	CU_ASSERT_EQUAL_FATAL(SSL_CTX_load_verify_file(p->ctx, test_pki_path(pki, "ca.crt")), 1);
	SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	if (cert) {
		snprintf(file, sizeof(file), "%s.crt", cert);
		CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate_file(
					      p->ctx, test_pki_path(pki, file), SSL_FILETYPE_PEM),
			1);
		snprintf(file, sizeof(file), "%s.key", cert);
		CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey_file(
					      p->ctx, test_pki_path(pki, file), SSL_FILETYPE_PEM),
			1);
	}
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(p->in, -1);
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_connect_state(p->ssl);
	p->conn = tls_conn_new(ctx);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->conn);
}

void tls_pair_fini(struct tls_pair *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	tls_conn_free(p->conn);
	ERR_clear_error();
}

// In pieces of an odd size, as control packets do.
void tls_pair_run(struct tls_pair *p)
{
	uint8_t buf[333];
	int i, n;

	for (i = 0; i < 200; i++) {
		if (p->client == 0) {
			n = SSL_do_handshake(p->ssl);
			p->client = n == 1 ? 1 : 0;
			if (n != 1 && SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ)
				p->client = -1;
		}
		n = BIO_read(p->out, buf, sizeof(buf));
		if (n > 0)
			CU_ASSERT_EQUAL(tls_conn_input(p->conn, buf, (size_t)n), 0);
		if (p->server == 0)
			p->server = tls_conn_handshake(p->conn);
		n = (int)tls_conn_output(p->conn, buf, sizeof(buf));
		if (n > 0)
			BIO_write(p->in, buf, n);
	}
}
