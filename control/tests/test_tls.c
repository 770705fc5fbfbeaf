// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// TLS against a real OpenSSL client over memory buffers.

#include "control/channel/tls.h"

#include "control/tests/test_pki.h"
#include "control/tests/tls_pair.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct test_pki *pki;

static struct conf_gateway gateway(const char *crl)
{
	struct conf_gateway gw = {.name = "gw1"};

	snprintf(gw.ca, sizeof(gw.ca), "%s", test_pki_path(pki, "ca.crt"));
	snprintf(gw.cert, sizeof(gw.cert), "%s", test_pki_path(pki, "server.crt"));
	snprintf(gw.key, sizeof(gw.key), "%s", test_pki_path(pki, "server.key"));
	if (crl)
		snprintf(gw.crl, sizeof(gw.crl), "%s", test_pki_path(pki, crl));
	return gw;
}

static struct tls_context *context(const struct conf_gateway *gw)
{
	char err[TLS_TEXT_BYTES] = "";
	struct tls_context *ctx = tls_context_new(gw, err, sizeof(err));

	if (!ctx)
		fprintf(stderr, "%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
	return ctx;
}

static void test_handshake(void)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
	struct conf_gateway gw = gateway(NULL);
	uint8_t ours[256], theirs[256];
	struct tls_peer peer, again;
	struct tls_context *ctx;
	struct tls_pair p;
	int i;

	for (i = 0; i < 2; i++) {
		ctx = context(&gw);
		tls_pair_init(&p, pki, ctx, "alice", versions[i]);
		// A context may go while its connections live.
		tls_context_free(ctx);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL_FATAL(p.server, 1);
		CU_ASSERT_EQUAL_FATAL(p.client, 1);
		CU_ASSERT_EQUAL(tls_conn_peer(p.conn, &peer), 0);
		CU_ASSERT_STRING_EQUAL(peer.common_name, "alice");
		CU_ASSERT_STRING_EQUAL(peer.version, names[i]);
		CU_ASSERT_STRING_EQUAL(peer.suite, SSL_get_cipher_name(p.ssl));
		if (i > 0)
			CU_ASSERT_EQUAL(memcmp(peer.chain_sha256, again.chain_sha256, 32), 0);
		again = peer;
		CU_ASSERT_EQUAL(
			tls_conn_export(p.conn, "EXPORTER-OpenVPN-datakeys", ours, sizeof(ours)),
			0);
		CU_ASSERT_EQUAL(SSL_export_keying_material(p.ssl, theirs, sizeof(theirs),
					"EXPORTER-OpenVPN-datakeys", 25, NULL, 0, 0),
			1);
		CU_ASSERT_EQUAL(memcmp(ours, theirs, sizeof(ours)), 0);
		tls_pair_fini(&p);
	}
	ctx = context(&gw);
	tls_pair_init(&p, pki, ctx, "bob", 0);
	tls_pair_run(&p);
	CU_ASSERT_EQUAL(tls_conn_peer(p.conn, &peer), 0);
	CU_ASSERT_STRING_EQUAL(peer.common_name, "bob");
	CU_ASSERT_NOT_EQUAL(memcmp(peer.chain_sha256, again.chain_sha256, 32), 0);
	tls_pair_fini(&p);
	tls_context_free(ctx);
}

// One record per message: the client's reads give back what was written, message by message; no
// session ticket comes before them.
static void test_records(void)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct conf_gateway gw = gateway(NULL);
	struct tls_context *ctx = context(&gw);
	static uint8_t big[TLS_MESSAGE_BYTES + 1];
	uint8_t buf[4096];
	struct tls_pair p;
	int i;

	for (i = 0; i < 2; i++) {
		tls_pair_init(&p, pki, ctx, "alice", versions[i]);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL_FATAL(p.server, 1);
		CU_ASSERT_EQUAL(tls_conn_read(p.conn, buf, sizeof(buf)), 0);
		CU_ASSERT_EQUAL(tls_conn_write(p.conn, (const uint8_t *)"one", 4), 0);
		CU_ASSERT_EQUAL(tls_conn_write(p.conn, big, TLS_MESSAGE_BYTES), 0);
		CU_ASSERT_TRUE(tls_conn_output_pending(p.conn) > TLS_MESSAGE_BYTES);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL(SSL_read(p.ssl, buf, sizeof(buf)), 4);
		CU_ASSERT_EQUAL(SSL_read(p.ssl, buf, sizeof(buf)), TLS_MESSAGE_BYTES);
		SSL_write(p.ssl, "two", 4);
		SSL_write(p.ssl, "three", 6);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL(tls_conn_read(p.conn, buf, TLS_MESSAGE_BYTES), 4);
		CU_ASSERT_EQUAL(tls_conn_read(p.conn, buf, TLS_MESSAGE_BYTES), 6);
		CU_ASSERT_EQUAL(tls_conn_read(p.conn, buf, TLS_MESSAGE_BYTES), 0);
		// Larger than a message may be, in either direction.
		SSL_write(p.ssl, big, sizeof(big));
		tls_pair_run(&p);
		CU_ASSERT_EQUAL(tls_conn_read(p.conn, buf, TLS_MESSAGE_BYTES), -EPROTO);
		CU_ASSERT_EQUAL(tls_conn_write(p.conn, big, sizeof(big)), -EPROTO);
		tls_pair_fini(&p);
	}
	tls_context_free(ctx);
}

static void test_refused(void)
{
	static const struct {
		const char *cert, *crl;
		const char *text; // what the log says
	} rows[] = {
		{"mallory", NULL, "certificate of CN=mallory: unknown CA"},
		{"old", NULL, "certificate of CN=old expired "},
		{"early", NULL, "certificate of CN=early not valid before "},
		{"server", NULL, "purpose"},
		{NULL, NULL, "peer did not return a certificate"},
		{"bob", "crl.pem", "certificate of CN=bob is revoked"},
		{"alice", "stale.pem", "CRL of CN=ca expired "},
		{"alice", "foreign.pem", "no CRL of the issuer of CN=alice is loaded"},
	};
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct conf_gateway gw;
	struct tls_context *ctx;
	char byte;
	struct tls_pair p;
	size_t i;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		gw = gateway(rows[i / 2].crl);
		ctx = context(&gw);
		tls_pair_init(&p, pki, ctx, rows[i / 2].cert, versions[i % 2]);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL(p.server, -EPROTO);
		if (!strstr(tls_conn_error(p.conn), rows[i / 2].text))
			fprintf(stderr, "row %zu: %s\n", i / 2, tls_conn_error(p.conn));
		CU_ASSERT_PTR_NOT_NULL(strstr(tls_conn_error(p.conn), rows[i / 2].text));
		// The alert has reached the client.
		if (p.client == 1) {
			CU_ASSERT_TRUE(SSL_read(p.ssl, &byte, 1) <= 0);
			CU_ASSERT_EQUAL(SSL_get_error(p.ssl, -1), SSL_ERROR_SSL);
		} else {
			CU_ASSERT_EQUAL(p.client, -1);
		}
		tls_pair_fini(&p);
		tls_context_free(ctx);
	}
}

static void test_revocation(void)
{
	struct conf_gateway gw = gateway("crl.pem");
	struct tls_context *ctx = context(&gw);
	struct tls_pair p;

	tls_pair_init(&p, pki, ctx, "alice", 0);
	tls_pair_run(&p);
	CU_ASSERT_EQUAL(p.server, 1);
	tls_pair_fini(&p);
	tls_context_free(ctx);
}

static void test_min_version(void)
{
	struct conf_gateway gw = gateway(NULL);
	struct tls_context *ctx;
	struct tls_pair p;

	gw.tls_version_min = CONF_TLS_1_3;
	ctx = context(&gw);
	tls_pair_init(&p, pki, ctx, "alice", TLS1_2_VERSION);
	tls_pair_run(&p);
	CU_ASSERT_EQUAL(p.server, -EPROTO);
	CU_ASSERT_STRING_EQUAL(tls_conn_error(p.conn), "unsupported protocol");
	tls_pair_fini(&p);
	tls_pair_init(&p, pki, ctx, "alice", TLS1_3_VERSION);
	tls_pair_run(&p);
	CU_ASSERT_EQUAL(p.server, 1);
	tls_pair_fini(&p);
	tls_context_free(ctx);
}

static void test_names(void)
{
	static const struct {
		const char *cn;
		size_t len;
		bool ok;
	} rows[] = {
		{"A name of sixty-four characters, which is all that X.509 allows.", 64, true},
		{"x", 1, true},
		{"", 0, false},
		{"alice\0mallory", 13, false},
		{"alice\ngateway=gw2", 17, false},
		{"m\xc3\xbcller", 7, false},
	};
	struct conf_gateway gw = gateway(NULL);
	struct tls_context *ctx = context(&gw);
	struct tls_peer peer;
	struct tls_pair p;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_pki_issue_cn(pki, "ca", "odd", rows[i].cn, rows[i].len);
		tls_pair_init(&p, pki, ctx, "odd", 0);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL_FATAL(p.server, 1);
		CU_ASSERT_EQUAL(tls_conn_peer(p.conn, &peer), rows[i].ok ? 0 : -EPROTO);
		CU_ASSERT_STRING_EQUAL(peer.common_name, rows[i].ok ? rows[i].cn : "");
		tls_pair_fini(&p);
	}
	tls_context_free(ctx);
}

static void test_files(void)
{
	static const struct {
		const char *ca, *cert, *key, *crl;
		const char *text, *option; // after the path, before it
	} rows[] = {
		{"none.crt", "server.crt", "server.key", NULL, "none.crt: No such file", "ca: "},
		{"server.key", "server.crt", "server.key", NULL, "server.key: no usable CA",
			"ca: "},
		{"ca.crt", "none.crt", "server.key", NULL, "none.crt: No such file", "cert: "},
		{"ca.crt", "server.key", "server.key", NULL, "server.key: no usable certificate",
			"cert: "},
		{"ca.crt", "server.crt", "none.key", NULL, "none.key: No such file", "key: "},
		{"ca.crt", "server.crt", "alice.key", NULL, "alice.key: no usable private key",
			"key: "},
		{"ca.crt", "server.crt", "server.key", "none.pem", "none.pem: No such file",
			"crl_verify: "},
		{"ca.crt", "server.crt", "server.key", "ca.crt",
			"ca.crt: no usable certificate "
			"revocation list",
			"crl_verify: "},
		{"ca.crt", "server.crt", "server.key", "half.pem",
			"half.pem: no usable certificate "
			"revocation list",
			"crl_verify: "},
	};
	struct conf_gateway gw;
	char err[TLS_TEXT_BYTES];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gw = gateway(rows[i].crl);
		snprintf(gw.ca, sizeof(gw.ca), "%s", test_pki_path(pki, rows[i].ca));
		snprintf(gw.cert, sizeof(gw.cert), "%s", test_pki_path(pki, rows[i].cert));
		snprintf(gw.key, sizeof(gw.key), "%s", test_pki_path(pki, rows[i].key));
		CU_ASSERT_PTR_NULL(tls_context_new(&gw, err, sizeof(err)));
		if (!strstr(err, rows[i].text))
			fprintf(stderr, "row %zu: %s\n", i, err);
		CU_ASSERT_PTR_NOT_NULL(strstr(err, rows[i].text));
		CU_ASSERT_EQUAL(strncmp(err, rows[i].option, strlen(rows[i].option)), 0);
		CU_ASSERT_PTR_NULL(strchr(err, '\n'));
	}
}

static void test_garbage(void)
{
	struct conf_gateway gw = gateway(NULL);
	struct tls_context *ctx = context(&gw);
	struct tls_conn *c = tls_conn_new(ctx);
	uint8_t noise[512];

	memset(noise, 0x5a, sizeof(noise));
	CU_ASSERT_EQUAL(tls_conn_input(c, noise, 0), 0);
	CU_ASSERT_EQUAL(tls_conn_handshake(c), 0);
	CU_ASSERT_EQUAL(tls_conn_input(c, noise, sizeof(noise)), 0);
	CU_ASSERT_EQUAL(tls_conn_handshake(c), -EPROTO);
	CU_ASSERT_EQUAL(tls_conn_handshake(c), -EPROTO);
	CU_ASSERT_EQUAL(tls_conn_read(c, noise, sizeof(noise)), -EPROTO);
	tls_conn_free(c);
	tls_context_free(ctx);
}

static void make_half_crl(void)
{
	FILE *in = fopen(test_pki_path(pki, "crl.pem"), "r");
	FILE *out = fopen(test_pki_path(pki, "half.pem"), "w");
	char text[4096];
	size_t n;

	CU_ASSERT_TRUE_FATAL(in && out);
	n = fread(text, 1, sizeof(text), in);
	// A whole list, and one that was cut off.
	fwrite(text, 1, n, out);
	fwrite(text, 1, n / 2, out);
	fclose(in);
	fclose(out);
}

static void test_setup(void)
{
	test_pki_ca(pki, "ca");
	test_pki_ca(pki, "ca2");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 10);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 10);
	test_pki_issue(pki, "ca", "bob", "clientAuth", -1, 10);
	test_pki_issue(pki, "ca", "old", "clientAuth", -10, -1);
	test_pki_issue(pki, "ca", "early", "clientAuth", 1, 10);
	test_pki_issue(pki, "ca2", "mallory", "clientAuth", -1, 10);
	test_pki_crl(pki, "ca", "crl.pem", "bob", 10);
	test_pki_crl(pki, "ca", "stale.pem", NULL, -1);
	test_pki_crl(pki, "ca2", "foreign.pem", NULL, 10);
	make_half_crl();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"certificates", test_setup},
		{"handshake, names, exporter", test_handshake},
		{"one record per message", test_records},
		{"refused clients", test_refused},
		{"revocation list in force", test_revocation},
		{"minimum version", test_min_version},
		{"common names", test_names},
		{"files", test_files},
		{"garbage", test_garbage},
		{NULL, NULL},
	};
	int ret;

	pki = test_pki_new();
	ret = harness_run("tls", tests);
	test_pki_free(pki);
	return ret;
}
