// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Wrapped client keys: published values, every rule of length, every bit flipped, other keys,
// metadata.

#include "control/channel/tls_crypt_v2.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400u

static struct tls_crypt_v2 *server;
static struct tls_crypt_v2_client client, back;
static uint8_t wkc[TLS_CRYPT_V2_WKC_MAX];

// The keys of OpenVPN's unit tests: 00 01 02 ... [test_tls_crypt.c]
static void set_up(void)
{
	uint8_t key[TLS_CRYPT_KEY_BYTES];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	server = tls_crypt_v2_new(key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
	memset(&client, 0, sizeof(client));
	for (size_t i = 0; i < sizeof(client.key); i++)
		client.key[i] = (uint8_t)i;
}

static void tear_down(void)
{
	tls_crypt_v2_free(server);
}

static void check_wrap(size_t len, const char *tag_hex)
{
	uint8_t tag[TLS_CRYPT_TAG_BYTES];

	CU_ASSERT_EQUAL_FATAL(tls_crypt_v2_wrap(server, &client, wkc), (int)len);
	CU_ASSERT_EQUAL(wkc[len - 2] << 8 | wkc[len - 1], (int)len);
	if (tag_hex) {
		CU_ASSERT_EQUAL_FATAL(harness_hex(tag_hex, tag, sizeof(tag)), sizeof(tag));
		CU_ASSERT_EQUAL(memcmp(wkc, tag, sizeof(tag)), 0);
	}
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, len), 0);
	CU_ASSERT_EQUAL(memcmp(&back, &client, sizeof(back)), 0);
}

static void test_published(void)
{
	set_up();
	client.type = TLS_CRYPT_V2_TIME;
	client.unix_s = 0;
	check_wrap(299, "177da5c074a94619b16be4acb71f1a6ccf24f33c6bbaf498459d5f06c369d495");
	client.type = TLS_CRYPT_V2_USER;
	client.user_len = 6;
	memcpy(client.user, "\x00\x00\x41\x08\x20\xc3", 6);
	check_wrap(297, "69eda75582aa170b8c9418fe28248cdb7761bea2d277aa1647eb3a9d94083733");
	memset(client.user, 0, sizeof(client.user));
	client.user_len = 0;
	client.type = TLS_CRYPT_V2_NONE;
	check_wrap(TLS_CRYPT_V2_WKC_MIN, NULL);
	client.type = TLS_CRYPT_V2_USER;
	client.user_len = TLS_CRYPT_V2_METADATA_MAX - 1;
	memset(client.user, 'x', client.user_len);
	check_wrap(TLS_CRYPT_V2_WKC_MAX, NULL);
	client.user_len++;
	CU_ASSERT_EQUAL(tls_crypt_v2_wrap(server, &client, wkc), -EMSGSIZE);
	tear_down();
}

static bool is_zero(const struct tls_crypt_v2_client *c)
{
	static const struct tls_crypt_v2_client zero;

	return memcmp(c, &zero, sizeof(zero)) == 0;
}

static void test_forged(void)
{
	uint8_t other_key[TLS_CRYPT_KEY_BYTES] = {1};
	struct tls_crypt_v2 *other = tls_crypt_v2_new(other_key);
	int len;

	set_up();
	client.type = TLS_CRYPT_V2_TIME;
	len = tls_crypt_v2_wrap(server, &client, wkc);
	for (int i = 0; i < len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			wkc[i] ^= (uint8_t)(1u << bit);
			memset(&back, 0xaa, sizeof(back));
			CU_ASSERT_EQUAL(
				tls_crypt_v2_unwrap(server, &back, wkc, (size_t)len), -EBADMSG);
			CU_ASSERT_TRUE(is_zero(&back));
			wkc[i] ^= (uint8_t)(1u << bit);
		}
	}
	for (int n = 0; n < len; n++)
		CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, (size_t)n), -EBADMSG);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(other, &back, wkc, (size_t)len), -EBADMSG);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, (size_t)len), 0);
	tls_crypt_v2_free(other);
	tear_down();
}

// A datagram of `len` bytes that claims a WKc of `claim`.
static size_t off_of(size_t len, size_t claim)
{
	uint8_t *wire = calloc(1, len ? len : 1); // exact, for the address sanitizer
	size_t off;

	CU_ASSERT_PTR_NOT_NULL_FATAL(wire);
	if (len >= 2) {
		wire[len - 2] = (uint8_t)(claim >> 8);
		wire[len - 1] = (uint8_t)claim;
	}
	off = tls_crypt_v2_wkc_off(wire, len);
	free(wire);
	return off;
}

static void test_lengths(void)
{
	CU_ASSERT_EQUAL(off_of(0, 290), 0);
	CU_ASSERT_EQUAL(off_of(1, 290), 0);
	CU_ASSERT_EQUAL(off_of(2, 2), 0);
	CU_ASSERT_EQUAL(off_of(2, 290), 0);
	CU_ASSERT_EQUAL(off_of(48, 1024), 0); // not even a packet
	CU_ASSERT_EQUAL(off_of(49, 49), 0);
	CU_ASSERT_EQUAL(off_of(338, 289), 0); // shorter than any key
	CU_ASSERT_EQUAL(off_of(338, 290), 0); // reaches into the packet, by one
	CU_ASSERT_EQUAL(off_of(339, 290), 49);
	CU_ASSERT_EQUAL(off_of(339, 291), 0);
	CU_ASSERT_EQUAL(off_of(339, 338), 0); // all but the opcode
	CU_ASSERT_EQUAL(off_of(339, 339), 0); // all of it [CVE-2026-35058]
	CU_ASSERT_EQUAL(off_of(339, 340), 0); // and more
	CU_ASSERT_EQUAL(off_of(339, 0xffff), 0);
	CU_ASSERT_EQUAL(off_of(339, 0), 0);
	CU_ASSERT_EQUAL(off_of(340, 289), 0);
	CU_ASSERT_EQUAL(off_of(2000, 1024), 976);
	CU_ASSERT_EQUAL(off_of(2000, 1025), 0); // longer than any key
	CU_ASSERT_EQUAL(off_of(65535, 1024), 64511);
}

// Seals what tls_crypt_v2_wrap() never would.
static size_t seal_raw(
	const uint8_t *text, size_t text_len, const uint8_t *id, size_t id_len, size_t claim)
{
	uint8_t key[TLS_CRYPT_KEY_BYTES], clear[6] = {(uint8_t)(claim >> 8), (uint8_t)claim};
	struct tls_crypt *crypt;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	crypt = tls_crypt_new(key);
	if (id_len > 0)
		memcpy(clear + 2, id, id_len);
	CU_ASSERT_EQUAL(tls_crypt_seal(crypt, clear, 2 + id_len, text, text_len, wkc, wkc + 32), 0);
	if (id_len > 0)
		memcpy(wkc + 32 + text_len, id, id_len);
	memcpy(wkc + 32 + text_len + id_len, clear, 2);
	tls_crypt_free(crypt);
	return 32 + text_len + id_len + 2;
}

static int unwrap_metadata(const uint8_t *data, size_t len)
{
	uint8_t text[TLS_CRYPT_V2_WKC_MAX];
	size_t n;

	memcpy(text, client.key, sizeof(client.key));
	memcpy(text + sizeof(client.key), data, len);
	n = seal_raw(text, sizeof(client.key) + len, NULL, 0, 290 + len);
	return tls_crypt_v2_unwrap(server, &back, wkc, n);
}

static void test_metadata(void)
{
	static const uint8_t time[] = {1, 0, 0, 0, 0, 0, 0, 1, 2, 9};
	uint8_t type[3] = {0, 'h', 'i'};

	set_up();
	CU_ASSERT_EQUAL(unwrap_metadata(type, 1), 0);
	CU_ASSERT_EQUAL(back.type, TLS_CRYPT_V2_USER);
	CU_ASSERT_EQUAL(back.user_len, 0);
	CU_ASSERT_EQUAL(unwrap_metadata(type, 3), 0);
	CU_ASSERT_EQUAL(back.user_len, 2);
	CU_ASSERT_EQUAL(unwrap_metadata(time, 9), 0);
	CU_ASSERT_EQUAL(back.unix_s, 258);
	CU_ASSERT_EQUAL(unwrap_metadata(time, 8), -EPROTO);
	CU_ASSERT_EQUAL(unwrap_metadata(time, 10), -EPROTO);
	CU_ASSERT_EQUAL(unwrap_metadata(time, 1), -EPROTO);
	for (unsigned int i = 2; i < 256; i++) {
		type[0] = (uint8_t)i;
		CU_ASSERT_EQUAL(unwrap_metadata(type, 1), -EPROTO);
		CU_ASSERT_EQUAL(unwrap_metadata(type, 3), -EPROTO);
		CU_ASSERT_TRUE(is_zero(&back)); // not even the key
	}
	tear_down();
}

// Keys of OpenVPN 3's ecosystem name the server key between text and length.
static void test_key_id(void)
{
	static const uint8_t id[] = {0x06, 0x3f, 0xe6, 0x34};
	uint8_t text[TLS_CRYPT_V2_WKC_MAX];
	size_t n;

	set_up();
	memcpy(text, client.key, sizeof(client.key));
	n = seal_raw(text, sizeof(client.key), id, sizeof(id), 294);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, n), 0);
	CU_ASSERT_EQUAL(memcmp(back.key, client.key, sizeof(back.key)), 0);
	CU_ASSERT_EQUAL(back.type, TLS_CRYPT_V2_NONE);
	wkc[n - 3] ^= 1; // the key id is authentic, too
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, n), -EBADMSG);
	memcpy(text + sizeof(client.key), "\x00user", 5);
	n = seal_raw(text, sizeof(client.key) + 5, id, sizeof(id), 299);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, n), 0);
	CU_ASSERT_EQUAL(back.user_len, 4);
	// The length it names must be its own.
	n = seal_raw(text, sizeof(client.key), NULL, 0, 291);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, n), -EBADMSG);
	n = seal_raw(text, sizeof(client.key) - 1, NULL, 0, 289);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, &back, wkc, n), -EBADMSG);
	tear_down();
}

static void test_age(void)
{
	const uint64_t now = 2000000000;

	memset(&client, 0, sizeof(client));
	CU_ASSERT_FALSE(tls_crypt_v2_is_expired(&client, 0, now));
	CU_ASSERT_TRUE(tls_crypt_v2_is_expired(&client, DAY, now)); // without a time
	client.type = TLS_CRYPT_V2_USER;
	CU_ASSERT_TRUE(tls_crypt_v2_is_expired(&client, DAY, now));
	client.type = TLS_CRYPT_V2_TIME;
	CU_ASSERT_FALSE(tls_crypt_v2_is_expired(&client, 0, now));
	CU_ASSERT_TRUE(tls_crypt_v2_is_expired(&client, DAY, now));
	client.unix_s = (int64_t)now - DAY;
	CU_ASSERT_FALSE(tls_crypt_v2_is_expired(&client, DAY, now));
	client.unix_s--;
	CU_ASSERT_TRUE(tls_crypt_v2_is_expired(&client, DAY, now));
	client.unix_s = (int64_t)now + 1000; // made where the clock is ahead
	CU_ASSERT_FALSE(tls_crypt_v2_is_expired(&client, DAY, now));
	client.unix_s = INT64_MAX;
	CU_ASSERT_FALSE(tls_crypt_v2_is_expired(&client, UINT32_MAX, now));
	client.unix_s = -1;
	CU_ASSERT_TRUE(tls_crypt_v2_is_expired(&client, UINT32_MAX, now));
}

static void test_load(void)
{
	char path[] = "/tmp/sluice-test-v2-XXXXXX", text[1024];
	uint8_t key[TLS_CRYPT_KEY_BYTES] = {0};
	int fd = mkstemp(path);
	ssize_t len;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	len = key_file_pem_compose(text, sizeof(text), KEY_FILE_V2_SERVER, key, sizeof(key));
	CU_ASSERT_EQUAL(write(fd, text, (size_t)len), len);
	server = tls_crypt_v2_load(path);
	CU_ASSERT_PTR_NOT_NULL(server);
	tls_crypt_v2_free(server);
	len = key_file_pem_compose(text, sizeof(text), KEY_FILE_V2_SERVER, key, sizeof(key) - 1);
	CU_ASSERT_EQUAL(pwrite(fd, text, (size_t)len, 0), len);
	CU_ASSERT_EQUAL(ftruncate(fd, len), 0);
	CU_ASSERT_PTR_NULL(tls_crypt_v2_load(path));
	CU_ASSERT_EQUAL(errno, EBADMSG);
	len = key_file_pem_compose(text, sizeof(text), KEY_FILE_V2_CLIENT, key, sizeof(key));
	CU_ASSERT_EQUAL(pwrite(fd, text, (size_t)len, 0), len);
	CU_ASSERT_EQUAL(ftruncate(fd, len), 0);
	CU_ASSERT_PTR_NULL(tls_crypt_v2_load(path));
	CU_ASSERT_EQUAL(errno, EBADMSG);
	close(fd);
	unlink(path);
	CU_ASSERT_PTR_NULL(tls_crypt_v2_load(path));
	CU_ASSERT_EQUAL(errno, ENOENT);
	tls_crypt_v2_free(NULL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"published keys, every kind of metadata", test_published},
		{"every bit flipped, every truncation, another server key", test_forged},
		{"rules of length", test_lengths},
		{"metadata not known", test_metadata},
		{"key id of OpenVPN 3", test_key_id},
		{"age", test_age},
		{"server key file", test_load},
		{NULL, NULL},
	};

	return harness_run("tls_crypt_v2", tests);
}
