// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What of TLS and of certificates an operator may choose: versions, suites, groups, weak keys, whose
// names and fingerprints are admitted.

#include "control/tests/tls_pair.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

static struct test_pki *pki;

static struct conf_gateway gateway(void)
{
	struct conf_gateway gw = {.name = "gw1", .tls_version_min = CONF_TLS_1_2};

	snprintf(gw.ca, sizeof(gw.ca), "%s", test_pki_path(pki, "ca.crt"));
	snprintf(gw.cert, sizeof(gw.cert), "%s", test_pki_path(pki, "server.crt"));
	snprintf(gw.key, sizeof(gw.key), "%s", test_pki_path(pki, "server.key"));
	return gw;
}

// What becomes of a client with this certificate: "" it got in, else what the log will say of it.
// A client that is refused is told so by an alert.
static const char *verdict(const struct conf_gateway *gw, const char *cert, int version)
{
	static char text[TLS_TEXT_BYTES];
	struct tls_context *ctx = tls_context_new(gw, text, sizeof(text));
	struct tls_peer peer;
	struct tls_pair p;

	if (!ctx)
		return text;
	text[0] = '\0';
	tls_pair_init(&p, pki, ctx, cert, version);
	// The test is about what the server takes: the client takes anything.
	SSL_set_security_level(p.ssl, 0);
	SSL_set_cipher_list(p.ssl, "ALL");
	if (version)
		SSL_set_min_proto_version(p.ssl, version);
	tls_pair_run(&p);
	if (p.server != 1)
		snprintf(text, sizeof(text), "%s", tls_conn_error(p.conn));
	else if (tls_conn_peer(p.conn, &peer))
		snprintf(text, sizeof(text), "second lock: %s", tls_conn_error(p.conn));
	else if (version && SSL_version(p.ssl) != version)
		snprintf(text, sizeof(text), "other version: %s", SSL_get_version(p.ssl));
	// In TLS 1.3 a client is done before it hears.
	if (p.server != 1 && version && version != TLS1_3_VERSION)
		CU_ASSERT_EQUAL(p.client, -1);
	tls_pair_fini(&p);
	tls_context_free(ctx);
	return text;
}

static void test_versions(void)
{
	static const int versions[] = {
		TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	struct conf_gateway gw = gateway();

	for (int min = CONF_TLS_1_0; min <= CONF_TLS_1_3; min++) {
		gw.tls_version_min = (enum conf_tls)min;
		for (int v = 0; v < 4; v++) {
			bool in = verdict(&gw, "alice", versions[v])[0] == '\0';

			CU_ASSERT_EQUAL(in, v >= min);
		}
	}
}

static void test_lists(void)
{
	struct conf_gateway gw = gateway();
	struct tls_context *ctx;
	struct tls_peer peer;
	struct tls_pair p;
	char err[TLS_TEXT_BYTES];

	snprintf(gw.tls_cipher, sizeof(gw.tls_cipher), "ECDHE-ECDSA-CHACHA20-POLY1305");
	snprintf(gw.tls_ciphersuites, sizeof(gw.tls_ciphersuites), "TLS_CHACHA20_POLY1305_SHA256");
	snprintf(gw.tls_groups, sizeof(gw.tls_groups), "P-384:P-256");
	for (int i = 0; i < 2; i++) {
		ctx = tls_context_new(&gw, err, sizeof(err));
		CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
		tls_pair_init(&p, pki, ctx, "alice", i ? TLS1_3_VERSION : TLS1_2_VERSION);
		tls_pair_run(&p);
		CU_ASSERT_EQUAL(p.server, 1);
		CU_ASSERT_EQUAL(tls_conn_peer(p.conn, &peer), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(peer.suite, "CHACHA20"));
		CU_ASSERT_EQUAL(SSL_get_negotiated_group(p.ssl), NID_secp384r1);
		tls_pair_fini(&p);
		tls_context_free(ctx);
	}
	snprintf(gw.tls_groups, sizeof(gw.tls_groups), "P-384:nonsense");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0),
		"tls_groups: OpenSSL cannot make sense of \"P-384:nonsense\"");
	snprintf(gw.tls_ciphersuites, sizeof(gw.tls_ciphersuites), "TLS_NONE");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0),
		"tls_ciphersuites: OpenSSL cannot make sense of \"TLS_NONE\"");
	snprintf(gw.tls_cipher, sizeof(gw.tls_cipher), "NONE-SUCH");
	CU_ASSERT_STRING_EQUAL(
		verdict(&gw, "alice", 0), "tls_cipher: OpenSSL cannot make sense of \"NONE-SUCH\"");
}

// Weak keys and signatures need the operator's word, also where old TLS lowers the level of the
// handshake itself.
static void test_cert_profile(void)
{
	static const bool admitted[3][3] = {
		// RSA-2048, RSA-1024, SHA-1
		[CONF_CERT_PREFERRED] = {true, false, false},
		[CONF_CERT_LEGACY] = {true, true, false},
		[CONF_CERT_INSECURE] = {true, true, true},
	};
	static const char *const certs[] = {"rsa2048", "rsa1024", "sha1"};
	struct conf_gateway gw = gateway();

	for (int old = 0; old < 2; old++) {
		gw.tls_version_min = old ? CONF_TLS_1_0 : CONF_TLS_1_2;
		for (int profile = 0; profile < 3; profile++) {
			gw.tls_cert_profile = (enum conf_cert_profile)profile;
			for (int c = 0; c < 3; c++) {
				const char *text = verdict(&gw, certs[c], TLS1_2_VERSION);

				CU_ASSERT_EQUAL(text[0] == '\0', admitted[profile][c]);
			}
		}
	}
}

static void test_usage(void)
{
	struct conf_gateway gw = gateway();

	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0), "");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "plain", 0), "");
	CU_ASSERT_PTR_NOT_NULL(strstr(verdict(&gw, "server", 0), "certificate of CN=server"));
	gw.remote_cert_tls = true;
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0), "");
	CU_ASSERT_STRING_EQUAL(
		verdict(&gw, "plain", 0), "certificate of CN=plain is not marked for clients");
}

static void test_names(void)
{
	static const struct {
		enum conf_name_rule rule;
		const char *name;
		bool in;
	} rows[] = {
		{CONF_NAME_WHOLE, "alice", true},
		{CONF_NAME_WHOLE, "ali", false},
		{CONF_NAME_WHOLE, "alice2", false},
		{CONF_NAME_PREFIX, "ali", true},
		{CONF_NAME_PREFIX, "alice", true},
		{CONF_NAME_PREFIX, "lice", false},
		{CONF_NAME_SUBJECT, "CN=alice", true},
		{CONF_NAME_SUBJECT, "CN=ali", false},
		{CONF_NAME_SUBJECT, "alice", false},
	};
	struct conf_gateway gw = gateway();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gw.x509_name_rule = rows[i].rule;
		snprintf(gw.x509_name, sizeof(gw.x509_name), "%s", rows[i].name);
		CU_ASSERT_EQUAL(verdict(&gw, "alice", 0)[0] == '\0', rows[i].in);
	}
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0),
		"certificate of CN=alice: its name \"CN=alice\" is not admitted");
}

static void test_fingerprints(void)
{
	struct conf_gateway gw = gateway();

	gw.peer_fingerprint_count = 2;
	test_pki_fingerprint(pki, "alice", gw.peer_fingerprints[0].sha256);
	test_pki_fingerprint(pki, "self", gw.peer_fingerprints[1].sha256);
	// Beside an authority both must hold.
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0), "");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "plain", 0),
		"certificate of CN=plain: its fingerprint is not admitted");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "self", 0), "certificate of CN=self: unknown CA");
	// Instead of one, the fingerprint is all; dates count still.
	gw.ca[0] = '\0';
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "alice", 0), "");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "self", TLS1_2_VERSION), "");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "plain", 0),
		"certificate of CN=plain: its fingerprint is not admitted");
	CU_ASSERT_STRING_EQUAL(verdict(&gw, "self2", 0),
		"certificate of CN=self2: its fingerprint is not admitted");
	test_pki_fingerprint(pki, "late", gw.peer_fingerprints[0].sha256);
	CU_ASSERT_PTR_NOT_NULL(strstr(verdict(&gw, "late", 0), "certificate of CN=late expired"));
	CU_ASSERT_NOT_EQUAL(verdict(&gw, NULL, 0)[0], '\0');
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"versions", test_versions},
		{"suites and groups", test_lists},
		{"weak certificates", test_cert_profile},
		{"key usage", test_usage},
		{"names", test_names},
		{"fingerprints", test_fingerprints},
		{NULL, NULL},
	};
	int ret;

	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -1, 30);
	test_pki_issue(pki, "ca", "alice", "clientAuth", -1, 30);
	test_pki_issue(pki, "ca", "plain", NULL, -1, 30);
	test_pki_issue(pki, "ca", "late", "clientAuth", -30, -1);
	test_pki_self(pki, "self");
	test_pki_self(pki, "self2");
	test_pki_issue_rsa(pki, "ca", "rsa2048", 2048, false);
	test_pki_issue_rsa(pki, "ca", "rsa1024", 1024, false);
	test_pki_issue_rsa(pki, "ca", "sha1", 2048, true);
	ret = harness_run("tls profile", tests);
	test_pki_free(pki);
	return ret;
}
