// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Key method 2: published values of the PRF, the key block against a PRF written down a second
// time, the message at every truncation.

#include "control/channel/keyex.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <string.h>

// The seeds of these vectors hold the label already. [OpenVPN test_crypto.c, crypto.c]
static void test_prf_published(void)
{
	static const char secret1[] =
		"Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor "
		"incidunt ut labore et dolore magna aliqua.";
	static const char seed1[] =
		"Quis aute iure reprehenderit in voluptate velit esse cillum dolore";
	static const struct {
		const char *secret, *seed, *want;
	} rows[] = {
		{secret1, seed1,
			"d98c8518c85e946927916acfc2d592fbb1567e4b4b1459e6a904ac2ddab72d67"},
		{"tls1-prf-test-secret", "tls1-prf-test", "7144fe2540737595"},
	};

	for (size_t i = 0; i < 2; i++) {
		uint8_t want[32], out[32];
		size_t n = harness_hex(rows[i].want, want, sizeof(want));

		// However the seed is split into label and rest.
		for (size_t label = 0; label < 10; label++) {
			char head[16] = "";

			memcpy(head, rows[i].seed, label);
			CU_ASSERT_EQUAL(
				keyex_prf((const uint8_t *)rows[i].secret, strlen(rows[i].secret),
					head, (const uint8_t *)rows[i].seed + label,
					strlen(rows[i].seed) - label, out, n),
				0);
			CU_ASSERT_EQUAL(memcmp(out, want, n), 0);
		}
	}
}

// RFC 2246, section 5: P_hash(secret, seed) = HMAC(secret, A(1) | seed) | HMAC(secret, A(2) | seed)
static void xor_p_hash(const EVP_MD *md, const uint8_t *secret, size_t secret_len,
	const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
	uint8_t a[EVP_MAX_MD_SIZE + 256], block[EVP_MAX_MD_SIZE];
	unsigned int n = (unsigned int)EVP_MD_get_size(md);

	HMAC(md, secret, (int)secret_len, seed, seed_len, a, &n);
	for (size_t done = 0; done < out_len; done += n) {
		memcpy(a + n, seed, seed_len);
		HMAC(md, secret, (int)secret_len, a, n + seed_len, block, &n);
		for (size_t i = 0; i < n && done + i < out_len; i++)
			out[done + i] ^= block[i];
		HMAC(md, secret, (int)secret_len, a, n, block, &n);
		memcpy(a, block, n);
	}
}

static void slow_prf(const uint8_t secret[48], const uint8_t *seed, size_t seed_len, uint8_t *out,
	size_t out_len)
{
	memset(out, 0, out_len);
	xor_p_hash(EVP_md5(), secret, 24, seed, seed_len, out, out_len);
	xor_p_hash(EVP_sha1(), secret + 24, 24, seed, seed_len, out, out_len);
}

static void fill(uint8_t *out, size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(first + i);
}

static void test_block_prf(void)
{
	struct keyex_client c = {0};
	struct keyex_random s;
	uint8_t client_sid[8], server_sid[8], block[256], master[48], want[256], seed[256];

	fill(c.pre_master, 48, 1);
	fill(c.random.random1, 32, 60);
	fill(c.random.random2, 32, 100);
	fill(s.random1, 32, 140);
	fill(s.random2, 32, 180);
	fill(client_sid, 8, 220);
	fill(server_sid, 8, 230);
	CU_ASSERT_EQUAL(keyex_block_prf(block, &c, &s, client_sid, server_sid), 0);

	memcpy(seed, "OpenVPN master secret", 21);
	memcpy(seed + 21, c.random.random1, 32);
	memcpy(seed + 53, s.random1, 32);
	slow_prf(c.pre_master, seed, 85, master, sizeof(master));
	memcpy(seed, "OpenVPN key expansion", 21);
	memcpy(seed + 21, c.random.random2, 32);
	memcpy(seed + 53, s.random2, 32);
	memcpy(seed + 85, client_sid, 8);
	memcpy(seed + 93, server_sid, 8);
	slow_prf(master, seed, 101, want, sizeof(want));
	CU_ASSERT_EQUAL(memcmp(block, want, sizeof(want)), 0);
}

static void test_slice(void)
{
	uint8_t block[KEYEX_BLOCK_BYTES];
	struct session_key key;

	fill(block, sizeof(block), 0);
	for (unsigned int cipher = 0; cipher < CIPHER_AEAD_COUNT; cipher++) {
		static const size_t bytes[] = {16, 24, 32, 32};

		CU_ASSERT_EQUAL(keyex_slice(&key, block, 5, cipher, DIGEST_SHA1), 0);
		CU_ASSERT_EQUAL(key.key_id, 5);
		CU_ASSERT_EQUAL(key.cipher, cipher);
		// The client sends with the first half, we with the second.
		CU_ASSERT_EQUAL(memcmp(key.recv_key, block, bytes[cipher]), 0);
		CU_ASSERT_EQUAL(memcmp(key.send_key, block + 128, bytes[cipher]), 0);
		CU_ASSERT_EQUAL(memcmp(key.recv_iv, block + 64, 8), 0);
		CU_ASSERT_EQUAL(memcmp(key.send_iv, block + 192, 8), 0);
		for (size_t i = bytes[cipher]; i < 32; i++)
			CU_ASSERT_EQUAL(key.recv_key[i] | key.send_key[i], 0);
	}
	memset(block, 0, 32);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_256_GCM, DIGEST_SHA1), -EINVAL);
	fill(block, sizeof(block), 0);
	memset(block + 128, 0, 16);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_128_GCM, DIGEST_SHA1), -EINVAL);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_192_GCM, DIGEST_SHA1), 0);
}

static void test_slice_epoch(void)
{
	uint8_t block[KEYEX_BLOCK_BYTES];
	struct session_key key;

	fill(block, sizeof(block), 0);
	CU_ASSERT_EQUAL(keyex_slice_epoch(&key, block, 5, CIPHER_AES_128_GCM), 0);
	CU_ASSERT_EQUAL(key.key_id, 5);
	CU_ASSERT_EQUAL(key.cipher, CIPHER_AES_128_GCM);
	CU_ASSERT_TRUE(key.epoch);
	// Secrets of 32 bytes, whatever the cipher's key has.
	CU_ASSERT_EQUAL(memcmp(key.recv_key, block, 32), 0);
	CU_ASSERT_EQUAL(memcmp(key.send_key, block + 128, 32), 0);
	memset(block + 128, 0, 32);
	CU_ASSERT_EQUAL(keyex_slice_epoch(&key, block, 5, CIPHER_AES_128_GCM), -EINVAL);
	fill(block, sizeof(block), 0);
	memset(block, 0, 32);
	CU_ASSERT_EQUAL(keyex_slice_epoch(&key, block, 5, CIPHER_AES_128_GCM), -EINVAL);
	block[31] = 1;
	CU_ASSERT_EQUAL(keyex_slice_epoch(&key, block, 5, CIPHER_AES_128_GCM), 0);
}

static void test_slice_cbc(void)
{
	static const size_t bytes[] = {16, 24, 32, 0}, mac_bytes[] = {20, 32, 48, 64};
	uint8_t block[KEYEX_BLOCK_BYTES];
	struct session_key key;

	fill(block, sizeof(block), 0);
	for (unsigned int i = 0; i < 4 * DIGEST_COUNT; i++) {
		enum cipher cipher = (enum cipher)(CIPHER_AES_128_CBC + i % 4);
		enum digest digest = (enum digest)(i / 4);
		size_t n = mac_bytes[digest];

		CU_ASSERT_EQUAL(keyex_slice(&key, block, 5, cipher, digest), 0);
		CU_ASSERT_EQUAL(key.cipher, cipher);
		CU_ASSERT_EQUAL(key.digest, digest);
		CU_ASSERT_EQUAL(memcmp(key.recv_key, block, bytes[i % 4]), 0);
		CU_ASSERT_EQUAL(memcmp(key.send_key, block + 128, bytes[i % 4]), 0);
		CU_ASSERT_EQUAL(memcmp(key.recv_mac, block + 64, n), 0);
		CU_ASSERT_EQUAL(memcmp(key.send_mac, block + 192, n), 0);
		CU_ASSERT_TRUE(n == 64 || (key.recv_mac[n] | key.send_mac[n]) == 0);
		// What no key reaches to.
		CU_ASSERT_EQUAL(memcmp(key.send_iv_key, block + 128 + 48, 16), 0);
	}
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_COUNT, DIGEST_SHA1), -EINVAL);
	memset(block + 64, 0, 20);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_NONE, DIGEST_SHA1), -EINVAL);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_128_CBC, DIGEST_SHA1), -EINVAL);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_128_CBC, DIGEST_SHA256), 0);
	memset(block + 128 + 48, 0, 16);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_128_CBC, DIGEST_SHA256), -EINVAL);
	CU_ASSERT_EQUAL(keyex_slice(&key, block, 0, CIPHER_AES_128_CBC, DIGEST_COUNT), -EINVAL);
}

#define FIXED_BYTES (5 + 48 + 64)

static size_t put_text(uint8_t *out, const char *text, size_t n)
{
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	memcpy(out + 2, text, n);
	return 2 + n;
}

static size_t make_message(uint8_t *out)
{
	size_t n = FIXED_BYTES;

	memset(out, 0, 4);
	out[4] = 2;
	fill(out + 5, 48 + 64, 1);
	n += put_text(out + n, "V4,cipher X", 12);
	n += put_text(out + n, "user", 5);
	n += put_text(out + n, "", 0);
	n += put_text(out + n, "IV_VER=2.6.12\n", 15);
	return n;
}

static bool text_is(const struct keyex_text *t, const char *want)
{
	return t->len == strlen(want) && memcmp(t->text, want, t->len) == 0;
}

static void test_parse(void)
{
	uint8_t data[256];
	size_t len = make_message(data);
	struct keyex_client m;

	CU_ASSERT_EQUAL_FATAL(keyex_client_parse(&m, data, len), 0);
	CU_ASSERT_EQUAL(memcmp(m.pre_master, data + 5, 48), 0);
	CU_ASSERT_EQUAL(memcmp(m.random.random1, data + 53, 32), 0);
	CU_ASSERT_EQUAL(memcmp(m.random.random2, data + 85, 32), 0);
	CU_ASSERT_TRUE(text_is(&m.options, "V4,cipher X"));
	CU_ASSERT_TRUE(text_is(&m.username, "user"));
	CU_ASSERT_TRUE(text_is(&m.password, ""));
	CU_ASSERT_TRUE(text_is(&m.peer_info, "IV_VER=2.6.12\n"));
	data[4] = 0xf2; // reserved flags
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, len), 0);
	data[4] = 1;
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, len), -EBADMSG);
	data[4] = 2;
	data[0] = 1;
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, len), -EBADMSG);
	data[0] = 0;
	// A string without its NUL is whole, one with a NUL inside ends there.
	data[FIXED_BYTES + 2 + 11] = '!';
	data[FIXED_BYTES + 14 + 2 + 1] = '\0';
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, len), 0);
	CU_ASSERT_TRUE(text_is(&m.options, "V4,cipher X!"));
	CU_ASSERT_TRUE(text_is(&m.username, "u"));
}

// Whole strings may be missing at the end; anything else cut off is no message, and no secret of
// it stays behind.
static void test_truncated(void)
{
	static const struct keyex_client zero;
	uint8_t data[256];
	size_t len = make_message(data);
	size_t whole[] = {FIXED_BYTES + 14, FIXED_BYTES + 14 + 7, FIXED_BYTES + 14 + 7 + 2};
	struct keyex_client m;

	for (size_t n = 0; n < len; n++) {
		bool ok = n == whole[0] || n == whole[1] || n == whole[2];

		CU_ASSERT_EQUAL(keyex_client_parse(&m, data, n), ok ? 0 : -EAGAIN);
		if (!ok)
			CU_ASSERT_EQUAL(
				memcmp(m.pre_master, zero.pre_master, sizeof(m.pre_master)), 0);
	}
	data[FIXED_BYTES] = 0xff; // a length beyond the end
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, len), -EAGAIN);
}

static void test_too_long(void)
{
	static uint8_t data[KEYEX_MSG_BYTES_MAX + 1];
	struct keyex_client m;

	make_message(data);
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, KEYEX_MSG_BYTES_MAX), 0);
	CU_ASSERT_EQUAL(keyex_client_parse(&m, data, KEYEX_MSG_BYTES_MAX + 1), -EBADMSG);
}

static void test_compose(void)
{
	uint8_t out[256];
	struct keyex_random s, other;

	CU_ASSERT_EQUAL(keyex_random_init(&s), 0);
	CU_ASSERT_EQUAL(keyex_random_init(&other), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(&s, &other, sizeof(s)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(s.random1, s.random2, sizeof(s.random1)), 0);
	CU_ASSERT_EQUAL(keyex_server_compose(out, sizeof(out), &s, "V4,x"), 5 + 64 + 2 + 5 + 6);
	CU_ASSERT_EQUAL(memcmp(out, "\0\0\0\0\2", 5), 0);
	CU_ASSERT_EQUAL(memcmp(out + 5, &s, 64), 0);
	CU_ASSERT_EQUAL(memcmp(out + 69, "\0\5V4,x\0\0\0\0\0\0\0", 13), 0);
	CU_ASSERT_EQUAL(keyex_server_compose(out, 81, &s, "V4,x"), -EMSGSIZE);
	CU_ASSERT_EQUAL(keyex_server_compose(out, 82, &s, "V4,x"), 82);
	keyex_random_wipe(&s);
	memset(&other, 0, sizeof(other));
	CU_ASSERT_EQUAL(memcmp(&s, &other, sizeof(s)), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"PRF, published", test_prf_published},
		{"key block of the PRF", test_block_prf},
		{"keys out of a block", test_slice},
		{"slices, epoch format", test_slice_epoch},
		{"slicing of the block for CBC", test_slice_cbc},
		{"client's message", test_parse},
		{"every truncation", test_truncated},
		{"too long a message", test_too_long},
		{"server's message", test_compose},
		{NULL, NULL},
	};

	return harness_run("keyex", tests);
}
