// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What clients write about themselves: real text, and hostile text.

#include "control/channel/options_string.h"
#include "control/channel/peer_info.h"
#include "control/channel/tls_wrap.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <string.h>

static void parse(struct peer_info *pi, const char *text)
{
	peer_info_parse(pi, text, strlen(text));
}

// As a stock 2.6 client sends it.
static void test_real(void)
{
	struct peer_info pi;

	parse(&pi, "IV_VER=2.6.14\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"
		   "IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=990\n"
		   "IV_LZO_STUB=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\n");
	CU_ASSERT_STRING_EQUAL(pi.ver, "2.6.14");
	CU_ASSERT_STRING_EQUAL(pi.plat, "linux");
	CU_ASSERT_STRING_EQUAL(pi.gui_ver, "");
	CU_ASSERT_STRING_EQUAL(pi.ciphers, "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305");
	CU_ASSERT_EQUAL(pi.proto, 990);
	CU_ASSERT_TRUE(pi.proto & PEER_PROTO_CC_EXIT);
	CU_ASSERT_FALSE(pi.proto & PEER_PROTO_DATA_EPOCH);
	CU_ASSERT_EQUAL(pi.ncp, 2);
	CU_ASSERT_EQUAL(pi.mtu, 1600);
	CU_ASSERT_TRUE(pi.tcp_nonlinear);
	CU_ASSERT_TRUE(pi.comp_stub_v2);
	CU_ASSERT_EQUAL(pi.lines, 10);
	CU_ASSERT_EQUAL(pi.skipped, 0);
}

static void test_hostile(void)
{
	static const struct peer_info zero;
	static const char *const skipped[] = {
		"IV_VER",
		"=2.6",
		"",
		"IV VER=2",
		"IV_VER\t=2",
		"IV_V\303\234=2",
		"IV_VER=2\t6",
		"IV_VER=\033[31m",
		"IV_VER=2.6\r",
		"IV_VER=\377",
		"IV_VER=\177",
		"IV_VER=01234567890123456789012345678901", // one too long
		"IV_PROTO=",
		"IV_PROTO=-2",
		"IV_PROTO=+2",
		"IV_PROTO=0x2",
		"IV_PROTO= 2",
		"IV_PROTO=2 ",
		"IV_PROTO=4294967296",
		"IV_PROTO=99999999999999999999",
		"IV_MTU=65536",
		"IV_MTU=575",
		"IV_TCPNL=2",
		"IV_TCPNL=yes",
	};
	struct peer_info pi;

	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		char text[128];

		strcpy(text, skipped[i]);
		strcat(text, "\n");
		parse(&pi, text);
		CU_ASSERT_EQUAL(pi.lines, 1);
		if (pi.skipped != 1)
			CU_FAIL(skipped[i]);
		pi.lines = pi.skipped = 0;
		CU_ASSERT_EQUAL(memcmp(&pi, &zero, sizeof(pi)), 0);
	}
	// A bad line spoils nothing but itself; unknown keys are fine; the first one counts.
	parse(&pi, "\001\nIV_VER=2.6\nIV_VER=9\nUV_X=a b=c\nIV_MTU=1500");
	CU_ASSERT_STRING_EQUAL(pi.ver, "2.6");
	CU_ASSERT_EQUAL(pi.mtu, 1500);
	CU_ASSERT_EQUAL(pi.lines, 5);
	CU_ASSERT_EQUAL(pi.skipped, 2);
	peer_info_parse(&pi, "IV_VER=2\0IV_PLAT=x\n", 20);
	CU_ASSERT_EQUAL(pi.lines, 1);
	CU_ASSERT_STRING_EQUAL(pi.ver, "2");
	peer_info_parse(&pi, "IV_VER=2.6", 8);
	CU_ASSERT_STRING_EQUAL(pi.ver, "2");
	peer_info_parse(&pi, "", 0);
	CU_ASSERT_EQUAL(memcmp(&pi, &zero, sizeof(pi)), 0);
}

static void test_many_lines(void)
{
	static char text[2000];
	struct peer_info pi;

	memset(text, '\n', sizeof(text));
	peer_info_parse(&pi, text, sizeof(text));
	CU_ASSERT_EQUAL(pi.lines, 256);
}

static void test_options(void)
{
	static const struct {
		const char *text, *cipher, *auth;
		bool comp_lzo, mtu_dynamic, dev_tap;
	} rows[] = {
		{"V4,dev-type tun,link-mtu 1521,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,"
		 "auth [null-digest],keysize 256,key-method 2,tls-client",
			"AES-256-GCM", "[null-digest]", false, false, false},
		{"V4,dev-type tap,comp-lzo,mtu-dynamic,cipher BF-CBC,auth SHA1,tls-client",
			"BF-CBC", "SHA1", true, true, true},
		{"V4,cipher [null-cipher],auth SHA1", "none", "SHA1", false, false, false},
		{"cipher A,cipher B", "A", "", false, false, false},
		{"V4,comp-lzonot,xcomp-lzo,mtu-dynamic ", "", "", false, false, false},
		{"cipher ,auth,cipherX Y", "", "", false, false, false},
		{"cipher 01234567890123456789012345678901,auth \033", "", "", false, false, false},
		{"comp-lzo", "", "", true, false, false},
		{",,,,", "", "", false, false, false},
		{"", "", "", false, false, false},
	};
	struct options_string o;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		options_string_parse(&o, rows[i].text, strlen(rows[i].text));
		CU_ASSERT_STRING_EQUAL(o.cipher, rows[i].cipher);
		CU_ASSERT_STRING_EQUAL(o.auth, rows[i].auth);
		CU_ASSERT_EQUAL(o.comp_lzo, rows[i].comp_lzo);
		CU_ASSERT_EQUAL(o.mtu_dynamic, rows[i].mtu_dynamic);
		CU_ASSERT_EQUAL(o.dev_tap, rows[i].dev_tap);
	}
	options_string_parse(&o, "cipher AES", 9); // ends where the caller says
	CU_ASSERT_STRING_EQUAL(o.cipher, "AE");
}

// Each client compares the answer with its own string, "client" replaced by "server".
static void test_options_compose(void)
{
	static const struct {
		const char *client, *cipher, *digest, *answer;
	} rows[] = {
		// 2.3.18 and AES-256-CBC
		{"V4,dev-type tun,link-mtu 1557,tun-mtu 1500,proto UDPv4,cipher AES-256-CBC,"
		 "auth SHA1,keysize 256,key-method 2,tls-client",
			"AES-256-CBC", "SHA1",
			"V4,dev-type tun,link-mtu 1557,tun-mtu 1500,proto UDPv4,cipher AES-256-CBC,"
			"auth SHA1,keysize 256,key-method 2,tls-server"},
		// 2.4.12 as it is, compression configured: the cipher comes with PUSH_REPLY
		{"V4,dev-type tun,link-mtu 1542,tun-mtu 1500,proto UDPv4,comp-lzo,cipher BF-CBC,"
		 "auth SHA1,keysize 128,key-method 2,tls-client",
			NULL, NULL,
			"V4,dev-type tun,link-mtu 1542,tun-mtu 1500,proto UDPv4,comp-lzo,"
			"cipher BF-CBC,auth SHA1,keysize 128,key-method 2,tls-server"},
		// 2.4.12 and AES-256-GCM
		{"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,"
		 "auth [null-digest],keysize 256,key-method 2,tls-client",
			NULL, NULL,
			"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,"
			"auth [null-digest],keysize 256,key-method 2,tls-server"},
		// another digest beside CBC: it is to warn
		{"V4,link-mtu 1569,cipher AES-256-CBC,auth SHA256,keysize 256,tls-client",
			"AES-256-CBC", "SHA1",
			"V4,dev-type tun,link-mtu 1569,tun-mtu 1500,proto UDPv4,cipher AES-256-CBC,"
			"auth SHA1,keysize 256,key-method 2,tls-server"},
		{"cipher [null-cipher],auth SHA1,keysize 0", "none", "SHA1",
			"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,"
			"cipher [null-cipher],auth SHA1,keysize 128,key-method 2,tls-server"},
		// nothing, and numbers that are none
		{"", NULL, NULL,
			"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,auth SHA1,"
			"keysize 128,key-method 2,tls-server"},
		{"link-mtu 65536,keysize -1,link-mtu 1x,keysize 999999", "AES-128-CBC", "SHA1",
			"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-128-CBC,"
			"auth SHA1,keysize 128,key-method 2,tls-server"},
	};
	struct options_string client;
	char out[OPTIONS_STRING_BYTES];
	int len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		options_string_parse(&client, rows[i].client, strlen(rows[i].client));
		len = options_string_compose(
			out, sizeof(out), &client, rows[i].cipher, rows[i].digest, NULL);
		CU_ASSERT_EQUAL(len, (int)strlen(out));
		CU_ASSERT_STRING_EQUAL(out, rows[i].answer);
		CU_ASSERT_EQUAL(options_string_compose(out, (size_t)len, &client, rows[i].cipher,
					rows[i].digest, NULL),
			-EMSGSIZE);
	}
}

static void test_options_tls_auth(void)
{
	static const struct {
		enum tls_wrap_direction direction;
		const char *text;
	} rows[] = {
		{TLS_WRAP_BOTH, "proto UDPv4,auth SHA1,keysize 128,tls-auth,key-method 2,"},
		{TLS_WRAP_NORMAL, "proto UDPv4,keydir 0,auth SHA1,keysize 128,tls-auth,key-method"},
		{TLS_WRAP_INVERSE,
			"proto UDPv4,keydir 1,auth SHA1,keysize 128,tls-auth,key-method"},
	};
	static const uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	static const struct options_string none;
	char out[OPTIONS_STRING_BYTES];
	struct tls_wrap_key *key;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		key = tls_wrap_key_auth(raw, TLS_WRAP_SHA256, rows[i].direction);
		CU_ASSERT_PTR_NOT_NULL_FATAL(key);
		CU_ASSERT_TRUE(
			options_string_compose(out, sizeof(out), &none, NULL, NULL, key) > 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(out, rows[i].text));
		tls_wrap_key_free(key);
	}
	key = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, true);
	CU_ASSERT_TRUE(options_string_compose(out, sizeof(out), &none, NULL, NULL, key) > 0);
	CU_ASSERT_PTR_NULL(strstr(out, "tls-auth"));
	CU_ASSERT_PTR_NULL(strstr(out, "keydir"));
	tls_wrap_key_free(key);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"a stock client", test_real},
		{"hostile lines", test_hostile},
		{"endless lines", test_many_lines},
		{"options string", test_options},
		{"options string of the server", test_options_compose},
		{"options string under tls-auth", test_options_tls_auth},
		{NULL, NULL},
	};

	return harness_run("peer_info", tests);
}
