// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of the control channel's wrapping and of first packets: short and long forms, defaults,
// every error once.

#include "control/tests/conf_gateway.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

static const struct {
	const char *options, *error;
} rows[] = {
	{"tls_auth: \"\"",
		"13:15: gateway gw1: tls_auth.key must be a path of 1..255 characters, got \"\""},
	{"tls_auth: [ta.key]",
		"13:15: gateway gw1: tls_auth must be a mapping of options, or key alone, got a list"},
	{"tls_auth: {digest: SHA1}", "13:15: gateway gw1: tls_auth.key is missing"},
	{"tls_auth: {key: ta.key, digest: SHA384}",
		"13:37: gateway gw1: tls_auth.digest must be one of SHA1, SHA256, SHA512, got "
		"\"SHA384\""},
	{"tls_auth: {key: ta.key, direction: 2}",
		"13:40: gateway gw1: tls_auth.direction must be one of none, 0, 1, got \"2\""},
	{"tls_crypt_v2: {key: v2.key}",
		"13:19: gateway gw1: tls_crypt_v2 must be a path of 1..255 characters, got a mapping"},
	{"tls_crypt_v2_max_age: 30d",
		"13:27: gateway gw1: tls_crypt_v2_max_age must be absent without tls_crypt_v2, got \"30d\""},
	{"tls_crypt_v2_cookie: allow",
		"13:26: gateway gw1: tls_crypt_v2_cookie must be absent without tls_crypt_v2, got \"allow\""},
	{"tls_crypt_v2_max_age: 180",
		"13:27: gateway gw1: tls_crypt_v2_max_age must be 24h..36500d, got \"180\""},
	{"tls_crypt_v2_cookie: yes",
		"13:26: gateway gw1: tls_crypt_v2_cookie must be one of allow, require, got \"yes\""},
	{"handshake_rate: 0", "13:21: gateway gw1: handshake_rate must be 1..10000000, got \"0\""},
	{"handshake_prefix_rate: many",
		"13:28: gateway gw1: handshake_prefix_rate must be 1..10000000, got \"many\""},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		conf_gateway_expect(rows[i].options, rows[i].error);
}

// A key file that holds none is found out later, when it is loaded: the message still says where its
// name stands.
static void test_places(void)
{
	static const struct {
		const char *options, *text, *want;
	} places[] = {
		{"tls_auth: ta.key", "tls_auth: ta.key: bad",
			"sluice.yaml:13:15: gateway gw1: tls_auth: ta.key: bad"},
		{"tls_auth: {key: ta.key}", "tls_auth: ta.key: bad",
			"sluice.yaml:13:15: gateway gw1: tls_auth: ta.key: bad"},
		{"tls_crypt: tc.key", "tls_crypt: tc.key: bad",
			"sluice.yaml:13:16: gateway gw1: tls_crypt: tc.key: bad"},
		{"tls_crypt_v2: v2.key", "tls_crypt_v2: v2.key: bad",
			"sluice.yaml:13:19: gateway gw1: tls_crypt_v2: v2.key: bad"},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct conf_error err;
		struct conf *c = conf_gateway_parse(places[i].options, &err);
		char got[256];

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		conf_gateway_error(&c->gateways[0], places[i].text, got, sizeof(got));
		CU_ASSERT_STRING_EQUAL(got, places[i].want);
		conf_free(c);
	}
}

static void check_tls_auth(
	const char *options, enum tls_wrap_digest digest, enum tls_wrap_direction direction)
{
	struct conf_error err;
	struct conf *c = conf_gateway_parse(options, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->gateways[0].tls_auth, "ta.key");
	CU_ASSERT_EQUAL(c->gateways[0].tls_auth_digest, digest);
	CU_ASSERT_EQUAL(c->gateways[0].tls_auth_direction, direction);
	conf_free(c);
}

static void test_tls_auth(void)
{
	check_tls_auth("tls_auth: ta.key", TLS_WRAP_SHA1, TLS_WRAP_BOTH);
	check_tls_auth("tls_auth: {key: ta.key}", TLS_WRAP_SHA1, TLS_WRAP_BOTH);
	check_tls_auth("tls_auth: {key: ta.key, direction: 0, digest: sha512}", TLS_WRAP_SHA512,
		TLS_WRAP_NORMAL);
	check_tls_auth("tls_auth: {key: ta.key, direction: 1, digest: SHA256}", TLS_WRAP_SHA256,
		TLS_WRAP_INVERSE);
}

static void test_tls_crypt_v2(void)
{
	struct conf_error err;
	struct conf *c = conf_gateway_parse(
		"tls_crypt_v2: v2.key\n    tls_crypt_v2_max_age: 180d\n"
		"    tls_crypt_v2_cookie: require\n    handshake_rate: 7",
		&err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->gateways[0].tls_crypt_v2, "v2.key");
	CU_ASSERT_EQUAL(c->gateways[0].tls_crypt_v2_max_age_s, 180 * 86400);
	CU_ASSERT_TRUE(c->gateways[0].tls_crypt_v2_cookie_required);
	CU_ASSERT_EQUAL(c->gateways[0].handshake_rate, 7);
	conf_free(c);
}

static void test_defaults(void)
{
	struct conf_error err;
	struct conf *c = conf_gateway_parse("", &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->gateways[0].tls_auth, "");
	CU_ASSERT_STRING_EQUAL(c->gateways[0].tls_crypt, "");
	CU_ASSERT_STRING_EQUAL(c->gateways[0].tls_crypt_v2, "");
	CU_ASSERT_EQUAL(c->gateways[0].tls_crypt_v2_max_age_s, 0);
	CU_ASSERT_FALSE(c->gateways[0].tls_crypt_v2_cookie_required);
	CU_ASSERT_EQUAL(c->gateways[0].handshake_rate, 10000);
	CU_ASSERT_EQUAL(c->gateways[0].handshake_prefix_rate, 100);
	conf_free(c);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"every error", test_errors},
		{"places of key files", test_places},
		{"tls_auth, short and long", test_tls_auth},
		{"tls_crypt_v2", test_tls_crypt_v2},
		{"defaults", test_defaults},
		{NULL, NULL},
	};

	return harness_run("conf_wrap", tests);
}
