// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Key schedule of the epoch format: published values, and the chain made of a key block.

#include "control/channel/epoch_chain.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <string.h>

static bool is_hex(const uint8_t *data, const char *hex)
{
	uint8_t want[64];

	return memcmp(data, want, harness_hex(hex, want, sizeof(want))) == 0;
}

// [OpenVPN test_crypto.c]
static void test_expand(void)
{
	uint8_t secret[32], out[64];

	harness_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", secret, 32);
	CU_ASSERT_EQUAL(epoch_expand_label(secret, "unit test", out, 16), 0);
	CU_ASSERT_TRUE(is_hex(out, "185eaa1c7f228ab8eb29773214d92046"));
	CU_ASSERT_EQUAL(epoch_expand_label(secret, "unit test", out, 27), 0);
	CU_ASSERT_TRUE(is_hex(out, "875a8eec18556380b8d933ed323c2df8e8eccf4972e683f06a83ac"));
	CU_ASSERT_EQUAL(epoch_expand_label(secret, "unit test", out, 64), 0);
	CU_ASSERT_EQUAL(epoch_expand_label(secret, "unit test", out, 65), -EINVAL);
	CU_ASSERT_EQUAL(epoch_expand_label(secret, "a label of twenty-seven ch.", out, 16), 0);
	CU_ASSERT_EQUAL(
		epoch_expand_label(secret, "a label of twenty-eight ch..", out, 16), -EINVAL);
}

static void test_first(void)
{
	static const uint8_t secret[32] = {0x13, 0x0c};
	uint8_t key[24], iv[12];
	struct epoch_chain c;

	epoch_chain_init(&c, secret);
	CU_ASSERT_EQUAL(c.epoch, 1);
	CU_ASSERT_EQUAL(epoch_chain_key(&c, key, sizeof(key), iv), 0);
	CU_ASSERT_TRUE(is_hex(key, "ed8533db1c28ace418e9006ab29c17417d60ebe6cd90bf0a"));
	CU_ASSERT_TRUE(is_hex(iv, "86890aabf032cb59f4cfa34e"));
	CU_ASSERT_EQUAL(epoch_chain_next(&c), 0);
	CU_ASSERT_EQUAL(c.epoch, 2);
	CU_ASSERT_TRUE(is_hex(
		c.secret, "f02515ed7e47a246adbf6d26ff350b9c517445282dd18fd290e426b831d02638"));
	c.epoch = UINT16_MAX;
	CU_ASSERT_EQUAL(epoch_chain_next(&c), -ERANGE);
	CU_ASSERT_EQUAL(c.epoch, UINT16_MAX);
}

// The key block of OpenVPN's test_ssl.c.
static void test_chain(void)
{
	static const struct {
		const char *secret, *key, *iv;
	} rows[] = {
		{"616361676163616f3838383838383838515351575153515f72726f7874787073",
			"d1db3525002c0f60b59485545b15a6ba8d6dc57d691c87b16a61638a81891a96",
			"82cb0094a2cdbecff132333c"},
		{"84df1cd673eb8ef166cc1b217504f0536a39e909e4b7743f432d3e882b876f4d",
			"9e066b2c322b990d730feacdc5fe706ed56893123a9d2d10e5dc3011895ff708",
			"37dfa02ddc649742995393e1"},
		{"0941777b6550182e07f7f2f4f3f7ca1f29c917c36735c52a0a0af6cbcff14f47",
			"0ed585090e8f593638b64cbbf495fae5422e91706a808d11b46b7cb32f6be53e",
			"cef7a57cd664f8d9c93a4d43"},
		{"10f7f2bf8543e6492f6915fa82457fae6144709679d5dfbd219c495f75e717b5",
			"137f8871a9f6a8b1688128ac5e82f2d87d611e4b3aab98180bb9fcdd9e2a223b",
			"b2e7dce36da8d32f22b97da8"},
	};
	static const char text[] = "abcdefgh01234567ABCDEFGHjkuchenl";
	uint8_t secret[32], key[32], iv[12];
	struct epoch_chain c;

	for (uint8_t i = 0; i < 32; i++)
		secret[i] = (uint8_t)text[i] ^ i;
	epoch_chain_init(&c, secret);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(c.epoch, i + 1);
		CU_ASSERT_TRUE(is_hex(c.secret, rows[i].secret));
		CU_ASSERT_EQUAL(epoch_chain_key(&c, key, sizeof(key), iv), 0);
		CU_ASSERT_TRUE(is_hex(key, rows[i].key));
		CU_ASSERT_TRUE(is_hex(iv, rows[i].iv));
		CU_ASSERT_EQUAL(epoch_chain_next(&c), 0);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"expansion", test_expand},
		{"first key", test_first},
		{"chain", test_chain},
		{NULL, NULL},
	};

	return harness_run("epoch_chain", tests);
}
