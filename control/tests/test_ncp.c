// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Cipher choice: the published picks, as far as we have the ciphers, and what else clients say.

#include "control/channel/ncp.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define A128 CIPHER_AES_128_GCM
#define A192 CIPHER_AES_192_GCM
#define A256 CIPHER_AES_256_GCM
#define CHACHA CIPHER_CHACHA20_POLY1305
#define B128 CIPHER_AES_128_CBC
#define B256 CIPHER_AES_256_CBC
#define PLAIN CIPHER_NONE
#define NONE (-1)
#define OFF CIPHER_COUNT

static const struct {
	enum cipher ours[3];
	size_t count;
	enum cipher fallback;
	const char *peer, *options;
	int want;
	bool push;
	const char *why;
} rows[] = {
	// OpenVPN's own table; its rows with BF-CBC as a server's cipher left out, which we have not.
	// [test_ncp.c]
	{{CHACHA, A128}, 2, OFF, "", "V4,cipher BF-CBC,x", NONE, false, NULL},
	{{CHACHA, A128}, 2, OFF, "IV_NCP=1\n", "V4,cipher AES-128-GCM,x", A128, false,
		"cipher option"},
	{{CHACHA, A128}, 2, OFF, "", "V4,cipher AES-128-GCM,x", A128, false, "cipher option"},
	{{CHACHA, A128}, 2, OFF, "", "", NONE, false, NULL},
	{{CHACHA, A128}, 2, OFF, "IV_NCP=2\n", "V4,cipher BF-CBC,x", A128, true, "IV_NCP=2"},
	{{CHACHA, A128}, 2, OFF, "IV_NCP=2\n", "V4,cipher CHACHA20-POLY1305", CHACHA, true,
		"cipher option"},
	{{CHACHA, A128, A256}, 3, OFF, "IV_CIPHERS=AES-128-GCM\n", "V4,cipher AES-256-CBC", A128,
		true, "IV_CIPHERS"},
	{{CHACHA, A128, A256}, 3, OFF, "IV_CIPHERS=AES-256-GCM\nIV_NCP=2\n",
		"V4,cipher AES-256-CBC", A256, true, "IV_CIPHERS"},
	// Our order decides, not the client's.
	{{A256, A128}, 2, OFF, "IV_CIPHERS=AES-128-GCM:AES-256-GCM\n", "", A256, true,
		"IV_CIPHERS"},
	{{A128, A256}, 2, OFF, "IV_CIPHERS=AES-256-GCM:AES-128-GCM\n", "", A128, true,
		"IV_CIPHERS"},
	{{A256, A128}, 2, OFF, "IV_NCP=2\n", "", A256, true, "IV_NCP=2"},
	{{A256, A128, CHACHA}, 3, OFF, // OpenVPN 3
		"IV_CIPHERS=AES-128-CBC:AES-192-CBC:AES-256-CBC:AES-128-GCM:AES-192-GCM:"
		"AES-256-GCM:CHACHA20-POLY1305\nIV_NCP=2\n",
		"", A256, true, "IV_CIPHERS"},
	{{A256, B256}, 2, OFF, "IV_CIPHERS=AES-256-CBC\nIV_NCP=2\n", "", B256, true, "IV_CIPHERS"},
	// A list says it all: the cipher option beside it counts for nothing, nor does the fallback.
	{{A128}, 1, A128, "IV_CIPHERS=AES-256-GCM\n", "V4,cipher AES-128-GCM", NONE, false, NULL},
	{{A192}, 1, B256, "IV_CIPHERS=AES-256-GCM\n", "", NONE, false, NULL},
	// IV_NCP=2 does not mean 192 bits, the client's own cipher may.
	{{A192}, 1, OFF, "IV_NCP=2\n", "V4,cipher BF-CBC", NONE, false, NULL},
	{{A192}, 1, OFF, "IV_NCP=2\n", "V4,cipher AES-192-GCM", A192, true, "cipher option"},
	{{A192}, 1, OFF, "IV_CIPHERS=AES-192-CBC:AES-192-GCM\n", "", A192, true, "IV_CIPHERS"},
	// The fallback: for a client that names it, or nothing, and cannot negotiate.
	{{A256}, 1, B256, "", "V4,cipher AES-256-CBC,auth SHA1", B256, false, "fallback_cipher"},
	{{A256}, 1, B256, "", "V4,cipher aes-256-cbc", B256, false, "fallback_cipher"},
	{{A256}, 1, B256, "IV_PROTO=2\n", "V4,dev-type tun", B256, false, "fallback_cipher"},
	{{A256}, 1, B256, "", "V4,cipher AES-128-CBC", NONE, false, NULL},
	{{A256}, 1, B256, "", "V4,cipher BF-CBC", NONE, false, NULL},
	{{A256}, 1, B256, "", "V4,cipher [null-cipher]", NONE, false, NULL},
	{{A256}, 1, B256, "", "V4,cipher AES-256-GCM", A256, false, "cipher option"},
	{{A256, B256}, 2, B128, "", "V4,cipher AES-256-CBC", B256, false, "cipher option"},
	{{A256}, 1, OFF, "", "V4,cipher AES-256-CBC", NONE, false, NULL},
	{{A192}, 1, B256, "IV_NCP=2\n", "V4,cipher AES-256-CBC", NONE, false, NULL},
	// Names count whole and in any case.
	{{A128}, 1, OFF, "IV_CIPHERS=aes-128-gcm\n", "", A128, true, "IV_CIPHERS"},
	{{A128}, 1, OFF, "IV_CIPHERS=AES-128-GCMX:XAES-128-GCM:AES-128-GC\n", "", NONE, false,
		NULL},
	{{A128}, 1, OFF, "IV_CIPHERS=:::AES-128-GCM:\n", "", A128, true, "IV_CIPHERS"},
	{{A256}, 1, OFF, "IV_CIPHERS=CHACHA20-POLY1305\n", "", NONE, false, NULL},
	{{A256}, 0, OFF, "IV_CIPHERS=AES-256-GCM\n", "", NONE, false, NULL},
	{{A256}, 1, OFF, "", "V4,cipher [null-cipher]", NONE, false, NULL},
	// No cipher at all: for who says so, and never while there is anything else in common.
	{{CHACHA, A128, PLAIN}, 3, OFF, "", "V4,cipher [null-cipher],x", PLAIN, false,
		"cipher option"},
	{{PLAIN, CHACHA, A128}, 3, OFF, "IV_CIPHERS=none:AES-128-GCM\n", "", A128, true,
		"IV_CIPHERS"},
	{{PLAIN, A128}, 2, OFF, "IV_CIPHERS=AES-256-GCM:none\n", "", PLAIN, true, "IV_CIPHERS"},
	{{PLAIN, A128}, 2, OFF, "IV_CIPHERS=AES-256-GCM\n", "V4,cipher [null-cipher]", NONE, false,
		NULL},
	{{PLAIN, A256}, 2, OFF, "IV_NCP=2\n", "V4,cipher [null-cipher]", A256, true, "IV_NCP=2"},
	{{PLAIN, A192}, 2, OFF, "IV_NCP=2\n", "V4,cipher [null-cipher]", PLAIN, true,
		"cipher option"},
	{{PLAIN}, 1, OFF, "", "V4,dev-type tun", NONE, false, NULL},
	{{PLAIN}, 1, B256, "", "V4,dev-type tun", B256, false, "fallback_cipher"},
	{{PLAIN}, 1, B256, "", "V4,cipher AES-256-CBC", B256, false, "fallback_cipher"},
	{{PLAIN}, 1, OFF, "", "V4,cipher AES-256-CBC", NONE, false, NULL},
	{{A256}, 1, PLAIN, "", "V4,cipher [null-cipher]", PLAIN, false, "fallback_cipher"},
	{{A256}, 1, PLAIN, "", "V4,cipher AES-256-CBC", NONE, false, NULL},
	{{A256}, 1, PLAIN, "IV_CIPHERS=none\n", "", NONE, false, NULL},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ncp_offer ours = {
			rows[i].ours, rows[i].count, rows[i].fallback, DIGEST_SHA256, true};
		struct options_string o;
		struct ncp_choice c;
		struct peer_info pi;
		char text[32];
		int ret;

		peer_info_parse(&pi, rows[i].peer, strlen(rows[i].peer));
		options_string_parse(&o, rows[i].options, strlen(rows[i].options));
		ret = ncp_choose(&c, &ours, &pi, &o);
		snprintf(text, sizeof(text), "row %zu: %d", i, ret);
		if (rows[i].want == NONE) {
			if (ret != -ENOENT)
				CU_FAIL(text);
			continue;
		}
		if (ret != 0 || (int)c.cipher != rows[i].want || c.push != rows[i].push ||
			c.digest != DIGEST_SHA256 || strcmp(c.why, rows[i].why) != 0)
			CU_FAIL(text);
	}
	CU_PASS("all rows");
}

static void test_digest(void)
{
	static const struct {
		enum cipher cipher;
		const char *options;
		bool differs;
	} cases[] = {
		{B256, "V4,auth SHA256", false},
		{B256, "V4,auth sha256", false},
		{B256, "V4,auth SHA1", true},
		{B256, "V4,auth [null-digest]", false},
		{B256, "V4", false},
		{A256, "V4,auth SHA1", false},
		{PLAIN, "V4,auth SHA1", true},
		{PLAIN, "V4,auth SHA256", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ncp_choice c = {.cipher = cases[i].cipher, .digest = DIGEST_SHA256};
		struct options_string o;

		options_string_parse(&o, cases[i].options, strlen(cases[i].options));
		CU_ASSERT_EQUAL(ncp_digest_differs(&c, &o), cases[i].differs);
	}
}

// Framing is only for clients that say they have compression.
static void test_framing(void)
{
	static const struct {
		const char *peer, *options;
		enum framing want;
	} cases[] = {
		{"IV_CIPHERS=AES-256-GCM\nIV_COMP_STUBv2=1\n", "V4,dev-type tun", FRAMING_NONE},
		{"IV_CIPHERS=AES-256-GCM\n", "V4,dev-type tun", FRAMING_NONE},
		{"IV_CIPHERS=AES-256-GCM\nIV_COMP_STUBv2=1\n", "V4,comp-lzo", FRAMING_STUB_V2},
		{"IV_CIPHERS=AES-256-GCM\nIV_COMP_STUBv2=0\n", "V4,comp-lzo", FRAMING_COMP_LZO},
		{"IV_CIPHERS=AES-256-GCM\nIV_COMP_STUB=1\nIV_LZO=1\n", "V4,comp-lzo",
			FRAMING_COMP_LZO},
		{"", "V4,comp-lzo,cipher AES-256-GCM", FRAMING_COMP_LZO},
	};
	static const enum cipher ciphers[] = {A256};
	const struct ncp_offer ours = {ciphers, 1, OFF, DIGEST_SHA1, true};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options_string o;
		struct ncp_choice c;
		struct peer_info pi;

		peer_info_parse(&pi, cases[i].peer, strlen(cases[i].peer));
		options_string_parse(&o, cases[i].options, strlen(cases[i].options));
		CU_ASSERT_EQUAL(ncp_choose(&c, &ours, &pi, &o), 0);
		CU_ASSERT_EQUAL(c.framing, cases[i].want);
	}
}

// Announced, with P_DATA_V2, an AEAD cipher, and nothing against it.
static void test_epoch(void)
{
	static const enum cipher ciphers[] = {A256, B256};
	static const struct {
		bool ours;
		const char *peer, *options;
		bool want;
	} cases[] = {
		{true, "IV_CIPHERS=AES-256-GCM\nIV_PROTO=8094\n", "", true}, // 2.7
		{false, "IV_CIPHERS=AES-256-GCM\nIV_PROTO=8094\n", "", false},
		{true, "IV_CIPHERS=AES-256-GCM\nIV_PROTO=990\n", "", false},  // 2.6
		{true, "IV_CIPHERS=AES-256-GCM\nIV_PROTO=1024\n", "", false}, // no P_DATA_V2
		{true, "IV_CIPHERS=AES-256-GCM\nIV_PROTO=1026\n", "", true},
		{true, "IV_CIPHERS=AES-256-CBC\nIV_PROTO=8094\n", "", false},
		{true, "IV_PROTO=8094\n", "V4,cipher AES-128-CBC", false}, // fallback
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ncp_offer ours = {ciphers, 2, B128, DIGEST_SHA1, cases[i].ours};
		struct options_string o;
		struct ncp_choice c;
		struct peer_info pi;

		peer_info_parse(&pi, cases[i].peer, strlen(cases[i].peer));
		options_string_parse(&o, cases[i].options, strlen(cases[i].options));
		CU_ASSERT_EQUAL(ncp_choose(&c, &ours, &pi, &o), 0);
		CU_ASSERT_EQUAL(c.epoch, cases[i].want);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"picks", test_rows},
		{"digest", test_digest},
		{"framing", test_framing},
		{"epoch format", test_epoch},
		{NULL, NULL},
	};

	return harness_run("ncp", tests);
}
