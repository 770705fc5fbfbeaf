// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of the data channel's ciphers: every error once, and what none needs.

#include "control/tests/conf_gateway.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#define NAMES \
	"AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305, AES-256-CBC, AES-192-CBC, " \
	"AES-128-CBC, none"

static const struct {
	const char *options, *error;
} rows[] = {
	{"data_ciphers: [AES-256-GCM, none]",
		"13:19: gateway gw1: data_ciphers must not have \"none\" without allow_insecure: "
		"yes: packets would not be encrypted"},
	{"data_ciphers: none:AES-256-GCM\n    allow_insecure: no",
		"13:19: gateway gw1: data_ciphers must not have \"none\" without allow_insecure: "
		"yes: packets would not be encrypted"},
	{"fallback_cipher: none\n    allow_insecure: no",
		"13:22: gateway gw1: fallback_cipher must not have \"none\" without "
		"allow_insecure: yes: packets would not be encrypted"},
	{"allow_insecure: maybe",
		"13:21: gateway gw1: allow_insecure must be yes or no, got \"maybe\""},
	{"auth: none\n    allow_insecure: yes",
		"13:11: gateway gw1: auth must be one of SHA1, SHA256, SHA384, SHA512, got \"none\""},
	{"auth: MD5",
		"13:11: gateway gw1: auth must be one of SHA1, SHA256, SHA384, SHA512, got \"MD5\""},
	{"fallback_cipher: BF-CBC", "13:22: gateway gw1: fallback_cipher must be one of off, " NAMES
				    ", got \"BF-CBC\""},
	{"data_ciphers: [AES-256-GCM, AES-256-GCM]",
		"13:33: gateway gw1: data_ciphers has \"AES-256-GCM\" twice"},
	{"data_ciphers: [AES-256-GCM, ROT13]",
		"13:33: gateway gw1: data_ciphers must be of " NAMES ", got \"ROT13\""},
	{"data_ciphers: []",
		"13:19: gateway gw1: data_ciphers must be at least one cipher, got none"},
	{"data_ciphers: AES-256-GCM:DES",
		"13:31: gateway gw1: data_ciphers must be of " NAMES ", got \"DES\""},
	{"data_ciphers: {a: b}",
		"13:19: gateway gw1: data_ciphers must be of " NAMES ", got a mapping"},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		conf_gateway_expect(rows[i].options, rows[i].error);
}

// A warning for as long as somebody may get it, and only then.
static void test_insecure(void)
{
	static const struct {
		const char *options;
		bool none;
		uint32_t column; // of the warning
	} cases[] = {
		{"allow_insecure: yes\n    fallback_cipher: none", true, 21},
		{"allow_insecure: yes\n    data_ciphers: none", true, 21},
		{"allow_insecure: yes\n    data_ciphers: AES-256-GCM:none:AES-128-CBC", true, 21},
		{"allow_insecure: yes\n    data_ciphers: AES-256-GCM", false, 0},
		{"allow_insecure: no", false, 0},
		{"fallback_cipher: AES-256-CBC", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf_error err;
		struct conf *c = conf_gateway_parse(cases[i].options, &err);
		char expected[256];

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_EQUAL(conf_allows_none(&c->gateways[0]), cases[i].none);
		CU_ASSERT_EQUAL(c->warning_count, cases[i].none);
		snprintf(expected, sizeof(expected),
			"sluice.yaml:13:%u: gateway gw1: allow_insecure: packets of clients that "
			"get cipher none are not encrypted",
			cases[i].column);
		if (cases[i].none)
			CU_ASSERT_STRING_EQUAL(c->warnings[0], expected);
		conf_free(c);
	}
}

static void test_values(void)
{
	struct conf_error err;
	struct conf *c = conf_gateway_parse(
		"data_ciphers: aes-128-cbc:NONE\n    allow_insecure: yes\n"
		"    fallback_cipher: AES-256-CBC\n    auth: sha384",
		&err);
	const struct conf_gateway *g;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	g = &c->gateways[0];
	CU_ASSERT_EQUAL_FATAL(g->data_cipher_count, 2);
	CU_ASSERT_EQUAL(g->data_ciphers[0], CIPHER_AES_128_CBC);
	CU_ASSERT_EQUAL(g->data_ciphers[1], CIPHER_NONE);
	CU_ASSERT_EQUAL(g->fallback_cipher, CIPHER_AES_256_CBC);
	CU_ASSERT_EQUAL(g->auth, DIGEST_SHA384);
	CU_ASSERT_TRUE(g->allow_insecure);
	conf_free(c);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"errors", test_errors},
		{"none", test_insecure},
		{"values", test_values},
		{NULL, NULL},
	};

	return harness_run("conf_cipher", tests);
}
