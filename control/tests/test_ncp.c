// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Cipher choice: the published picks, as far as we have the ciphers, and what else clients say.

#include "control/ncp.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define A128 CIPHER_AES_128_GCM
#define A192 CIPHER_AES_192_GCM
#define A256 CIPHER_AES_256_GCM
#define NONE (-1)

static const struct {
	enum cipher ours[3];
	size_t count;
	const char *peer, *options;
	int want;
	bool push;
	const char *why;
} rows[] = {
	// OpenVPN's own table. [test_ncp.c]
	{{A128}, 1, "", "V4,cipher BF-CBC,x", NONE, false, NULL},
	{{A128}, 1, "IV_NCP=1\n", "V4,cipher AES-128-GCM,x", A128, false, "cipher option"},
	{{A128}, 1, "", "V4,cipher AES-128-GCM,x", A128, false, "cipher option"},
	{{A128}, 1, "", "", NONE, false, NULL},
	{{A128}, 1, "IV_NCP=2\n", "V4,cipher BF-CBC,x", A128, true, "IV_NCP=2"},
	{{A128, A256}, 2, "IV_CIPHERS=AES-128-GCM\n", "V4,cipher AES-256-CBC", A128, true,
		"IV_CIPHERS"},
	{{A128, A256}, 2, "IV_CIPHERS=AES-256-GCM\nIV_NCP=2\n", "V4,cipher AES-256-CBC", A256, true,
		"IV_CIPHERS"},
	// Our order decides, not the client's.
	{{A256, A128}, 2, "IV_CIPHERS=AES-128-GCM:AES-256-GCM\n", "", A256, true, "IV_CIPHERS"},
	{{A128, A256}, 2, "IV_CIPHERS=AES-256-GCM:AES-128-GCM\n", "", A128, true, "IV_CIPHERS"},
	{{A256, A128}, 2, "IV_NCP=2\n", "", A256, true, "IV_NCP=2"},
	// A list says it all: the cipher option beside it counts for nothing.
	{{A128}, 1, "IV_CIPHERS=AES-256-GCM\n", "V4,cipher AES-128-GCM", NONE, false, NULL},
	// IV_NCP=2 does not mean 192 bits, the client's own cipher may.
	{{A192}, 1, "IV_NCP=2\n", "V4,cipher BF-CBC", NONE, false, NULL},
	{{A192}, 1, "IV_NCP=2\n", "V4,cipher AES-192-GCM", A192, true, "cipher option"},
	{{A192}, 1, "IV_CIPHERS=AES-192-CBC:AES-192-GCM\n", "", A192, true, "IV_CIPHERS"},
	// Names count whole and in any case.
	{{A128}, 1, "IV_CIPHERS=aes-128-gcm\n", "", A128, true, "IV_CIPHERS"},
	{{A128}, 1, "IV_CIPHERS=AES-128-GCMX:XAES-128-GCM:AES-128-GC\n", "", NONE, false, NULL},
	{{A128}, 1, "IV_CIPHERS=:::AES-128-GCM:\n", "", A128, true, "IV_CIPHERS"},
	{{A256}, 1, "IV_CIPHERS=CHACHA20-POLY1305\n", "", NONE, false, NULL},
	{{A256}, 0, "IV_CIPHERS=AES-256-GCM\n", "", NONE, false, NULL},
	{{A256}, 1, "", "V4,cipher [null-cipher]", NONE, false, NULL},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options_string o;
		struct ncp_choice c;
		struct peer_info pi;
		char text[32];
		int ret;

		peer_info_parse(&pi, rows[i].peer, strlen(rows[i].peer));
		options_string_parse(&o, rows[i].options, strlen(rows[i].options));
		ret = ncp_choose(&c, rows[i].ours, rows[i].count, &pi, &o);
		snprintf(text, sizeof(text), "row %zu: %d", i, ret);
		if (rows[i].want == NONE) {
			if (ret != -ENOENT)
				CU_FAIL(text);
			continue;
		}
		if (ret != 0 || (int)c.cipher != rows[i].want || c.push != rows[i].push ||
			strcmp(c.why, rows[i].why) != 0)
			CU_FAIL(text);
	}
	CU_PASS("all rows");
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"picks", test_rows},
		{NULL, NULL},
	};

	return harness_run("ncp", tests);
}
