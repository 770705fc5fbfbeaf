// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// tls-auth and tls-crypt: published packets, every byte flipped, every truncation, and
// the replay window as a list of ids and verdicts.

#include "control/channel/tls_crypt.h"
#include "control/channel/tls_wrap.h"

#include "control/tests/static_key.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char reset_hex[] = "38 f419cb12d1f9e48f 00000001 61d3f8e1"
				"330206f56802be44fbed905064e3db43416bec5e526719462b7eb90c96defc9b"
				"05c44879f7";
static const char reset_plain_hex[] = "38 f419cb12d1f9e48f 00 00000000";

static struct tls_wrap_key *make_key(bool server)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key;

	CU_ASSERT_EQUAL_FATAL(harness_hex(static_key_hex, raw, sizeof(raw)), sizeof(raw));
	key = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, server);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

static struct tls_wrap_key *make_auth(
	enum tls_wrap_digest digest, enum tls_wrap_direction direction)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key;

	CU_ASSERT_EQUAL_FATAL(harness_hex(static_key_hex, raw, sizeof(raw)), sizeof(raw));
	key = tls_wrap_key_auth(raw, digest, direction);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

static void test_published_reset(void)
{
	struct tls_wrap_key *server = make_key(true), *client = make_key(false);
	uint8_t wire[128], plain[128], out[TLS_WRAP_BYTES_MAX];
	size_t len = harness_hex(reset_hex, wire, sizeof(wire));
	size_t plain_len = harness_hex(reset_plain_hex, plain, sizeof(plain));

	CU_ASSERT_EQUAL(len, plain_len + tls_wrap_overhead(server));
	CU_ASSERT_EQUAL(tls_wrap_open_first(server, wire, len, out, sizeof(out)), (int)plain_len);
	CU_ASSERT_EQUAL(memcmp(out, plain, plain_len), 0);
	CU_ASSERT_EQUAL(tls_wrap_seal_first(client, 0x61d3f8e1, plain, plain_len, out, sizeof(out)),
		(int)len);
	CU_ASSERT_EQUAL(memcmp(out, wire, len), 0);
	// A packet of ours is not one of the client's.
	CU_ASSERT_EQUAL(tls_wrap_open_first(client, wire, len, out, sizeof(out)), -EBADMSG);
	tls_wrap_key_free(server);
	tls_wrap_key_free(client);
}

// Header "012345678", packet id 1, time 0, text "1234567890", keys of zeros.
static void test_published_zero_key(void)
{
	static const uint8_t zero[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key = tls_wrap_key_new(TLS_WRAP_CRYPT, zero, true);
	uint8_t want[128], out[128];
	size_t len = harness_hex("303132333435363738 00000001 00000000"
				 "ee87b68eb5a87e2ef70c8a55e535cd8548f56894cd25b51a650505c11f75dfab"
				 "1a2ab830eea3dbf09ff3",
		want, sizeof(want));

	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	CU_ASSERT_EQUAL(tls_wrap_seal_first(key, 0, (const uint8_t *)"0123456781234567890", 19, out,
				sizeof(out)),
		(int)len);
	CU_ASSERT_EQUAL(memcmp(out, want, len), 0);
	tls_wrap_key_free(key);
}

// Exported key material of bytes 0xba and no other key; only ids stand in clear.
static void test_published_dynamic(void)
{
	uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES], want[128], out[10], tag[TLS_CRYPT_TAG_BYTES];
	static const uint8_t ids[] = {0, 0, 0, 1, 0, 0, 0, 0};
	struct tls_crypt *crypt;

	memset(ekm, 0xba, sizeof(ekm));
	crypt = tls_crypt_new(ekm);
	CU_ASSERT_PTR_NOT_NULL_FATAL(crypt);
	harness_hex("e319277f1c8d6e6a7796a855337b9cfb56e1f13a870e6647dfa195c92c17a015"
		    "ba4967a11d55ea1a06a7",
		want, sizeof(want));
	CU_ASSERT_EQUAL(tls_crypt_seal(crypt, ids, sizeof(ids), (const uint8_t *)"1234567890", 10,
				tag, out),
		0);
	CU_ASSERT_EQUAL(memcmp(tag, want, sizeof(tag)), 0);
	CU_ASSERT_EQUAL(memcmp(out, want + sizeof(tag), sizeof(out)), 0);
	CU_ASSERT_EQUAL(tls_crypt_open(crypt, ids, sizeof(ids), tag, want + 32, 10, out), 0);
	CU_ASSERT_EQUAL(memcmp(out, "1234567890", 10), 0);
	tls_crypt_free(crypt);
}

// Seals a packet as the client under exported material of bytes `fill`, opens it under `server`.
static int open_dynamic(const struct tls_wrap_key *base, uint8_t fill, struct tls_wrap_key *server)
{
	static const uint8_t plain[14] = {0x19, 1};
	uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES], wire[128], out[128];
	struct tls_wrap_key *client;
	int n;

	memset(ekm, fill, sizeof(ekm));
	client = tls_wrap_key_dynamic(base, ekm, false);
	n = tls_wrap_seal_first(client, 5, plain, sizeof(plain), wire, sizeof(wire));
	tls_wrap_key_free(client);
	return tls_wrap_open_first(server, wire, (size_t)n, out, sizeof(out));
}

// The key of the session is in it, whatever its mode, by XOR.
static void test_dynamic_base(void)
{
	struct tls_wrap_key *base = make_auth(TLS_WRAP_SHA1, TLS_WRAP_NORMAL), *key, *same;
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES], ekm[TLS_WRAP_STATIC_KEY_BYTES];

	memset(ekm, 0xba, sizeof(ekm));
	key = tls_wrap_key_dynamic(base, ekm, true);
	harness_hex(static_key_hex, raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] ^= 0xba;
	same = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, true);
	CU_ASSERT_EQUAL(open_dynamic(base, 0xba, key), 14);
	CU_ASSERT_EQUAL(open_dynamic(base, 0xba, same), 14);
	CU_ASSERT_EQUAL(open_dynamic(NULL, 0xba, key), -EBADMSG);
	CU_ASSERT_EQUAL(open_dynamic(base, 0xbb, key), -EBADMSG);
	tls_wrap_key_free(base);
	tls_wrap_key_free(key);
	tls_wrap_key_free(same);
}

static void check_every_flip(struct tls_wrap_key *server, uint8_t *wire, size_t len)
{
	uint8_t out[128];

	for (size_t i = 0; i < len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			wire[i] ^= (uint8_t)(1u << bit);
			CU_ASSERT_EQUAL(
				tls_wrap_open_first(server, wire, len, out, sizeof(out)), -EBADMSG);
			wire[i] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t n = 0; n < len; n++)
		CU_ASSERT_EQUAL(tls_wrap_open_first(server, wire, n, out, sizeof(out)), -EBADMSG);
	CU_ASSERT_EQUAL(tls_wrap_open_first(server, wire, len + 1, out, sizeof(out)), -EBADMSG);
	CU_ASSERT_TRUE(tls_wrap_open_first(server, wire, len, out, sizeof(out)) > 0);
	CU_ASSERT_EQUAL(tls_wrap_open_first(server, wire, len, out, 13), -EMSGSIZE);
	tls_wrap_key_free(server);
}

static void test_every_flip(void)
{
	uint8_t wire[128] = {0};
	size_t len = harness_hex(reset_hex, wire, sizeof(wire));

	check_every_flip(make_key(true), wire, len);
}

// The same reset under each digest and direction; the first is OpenVPN's, the others were computed
// with another implementation of HMAC.
static void test_auth_resets(void)
{
	static const struct {
		enum tls_wrap_digest digest;
		enum tls_wrap_direction server, client;
		const char *mac;
	} rows[] = {
		{TLS_WRAP_SHA1, TLS_WRAP_NORMAL, TLS_WRAP_INVERSE,
			"93537c1ded4e781529ae7cfe4b8c6d6b2b51f05a"},
		{TLS_WRAP_SHA256, TLS_WRAP_NORMAL, TLS_WRAP_INVERSE,
			"a8b9addc537f02cce0be760ef9d78fb445504321bb7e25730fcf031c9dec6950"},
		{TLS_WRAP_SHA512, TLS_WRAP_NORMAL, TLS_WRAP_INVERSE,
			"a3d933a3a60b25f6836b1c2d3c4994c93855bb6af7349ea66e9e0c9a94c7cb17"
			"9d596b9cbac4435ef89c0e72c24f7d6e1e4aa4e3f8468bf61f888ada2143f289"},
		{TLS_WRAP_SHA1, TLS_WRAP_BOTH, TLS_WRAP_BOTH,
			"428ea37796292b7098271723ed5ccabb7ca6e6c4"},
		{TLS_WRAP_SHA1, TLS_WRAP_INVERSE, TLS_WRAP_NORMAL,
			"428ea37796292b7098271723ed5ccabb7ca6e6c4"},
		{TLS_WRAP_SHA512, TLS_WRAP_BOTH, TLS_WRAP_BOTH,
			"82066e92b0860fe1c9bc4c9d067383a48d4b7327cc213ad15d8f77493d2730ef"
			"06c9ffa92a16fa0a1f2d6765015cbe9deec44528374dcf1e4e6dab679ed962e3"},
	};
	uint8_t plain[32], wire[128] = {0}, out[TLS_WRAP_BYTES_MAX];
	size_t plain_len = harness_hex("38 de694c5c7bfba274 00 00000000", plain, sizeof(plain));

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_wrap_key *server = make_auth(rows[i].digest, rows[i].server);
		struct tls_wrap_key *client = make_auth(rows[i].digest, rows[i].client);
		char hex[320];
		size_t len;

		snprintf(hex, sizeof(hex), "38de694c5c7bfba274%s0000000161d3bf6c0000000000",
			rows[i].mac);
		len = harness_hex(hex, wire, sizeof(wire));
		CU_ASSERT_EQUAL(tls_wrap_mode(server), TLS_WRAP_AUTH);
		CU_ASSERT_EQUAL(len, plain_len + tls_wrap_overhead(server));
		CU_ASSERT_EQUAL(
			tls_wrap_open_first(server, wire, len, out, sizeof(out)), (int)plain_len);
		CU_ASSERT_EQUAL(memcmp(out, plain, plain_len), 0);
		CU_ASSERT_EQUAL(
			tls_wrap_seal_first(client, 0x61d3bf6c, plain, plain_len, out, sizeof(out)),
			(int)len);
		CU_ASSERT_EQUAL(memcmp(out, wire, len), 0);
		// With directions a packet of ours is not one of the client's.
		CU_ASSERT_EQUAL(tls_wrap_open_first(client, wire, len, out, sizeof(out)) < 0,
			rows[i].server != TLS_WRAP_BOTH);
		check_every_flip(server, wire, len);
		tls_wrap_key_free(client);
	}
}

// A forged packet must not pass under another digest or direction.
static void test_auth_mismatch(void)
{
	struct tls_wrap_key *client = make_auth(TLS_WRAP_SHA256, TLS_WRAP_INVERSE);
	static const uint8_t plain[14] = {0x38, 1};
	uint8_t wire[128], out[128];
	int len = tls_wrap_seal_first(client, 5, plain, sizeof(plain), wire, sizeof(wire));

	for (int digest = TLS_WRAP_SHA1; digest <= TLS_WRAP_SHA512; digest++) {
		for (int dir = TLS_WRAP_BOTH; dir <= TLS_WRAP_INVERSE; dir++) {
			struct tls_wrap_key *server = make_auth(
				(enum tls_wrap_digest)digest, (enum tls_wrap_direction)dir);
			bool fits = digest == TLS_WRAP_SHA256 && dir == TLS_WRAP_NORMAL;
			int ret = tls_wrap_open_first(server, wire, (size_t)len, out, sizeof(out));

			CU_ASSERT_EQUAL(ret, fits ? 14 : -EBADMSG);
			tls_wrap_key_free(server);
		}
	}
	tls_wrap_key_free(client);
}

// The last reference frees; a session outlives the settings it began under.
static void test_references(void)
{
	struct tls_wrap_key *server = make_key(true);
	uint8_t wire[128], out[128];
	size_t len = harness_hex(reset_hex, wire, sizeof(wire));
	struct tls_wrap w;

	tls_wrap_init(&w, server, true);
	tls_wrap_key_free(server);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, len, out, sizeof(out)), 14);
	tls_wrap_fini(&w);
	tls_wrap_fini(&w);
}

static void test_failed_open_leaves_nothing(void)
{
	struct tls_wrap_key *server = make_key(true);
	uint8_t wire[128], out[128];
	size_t len = harness_hex(reset_hex, wire, sizeof(wire));

	memset(out, 0xaa, sizeof(out));
	wire[len - 1] ^= 1;
	CU_ASSERT_EQUAL(tls_wrap_open_first(server, wire, len, out, sizeof(out)), -EBADMSG);
	for (size_t i = 0; i < len - TLS_WRAP_CRYPT_OVERHEAD; i++)
		CU_ASSERT_TRUE(out[i] == 0 || out[i] == 0xaa); // wiped or never written
	tls_wrap_key_free(server);
}

static int deliver(struct tls_wrap *w, struct tls_wrap_key *client, uint32_t id, uint32_t time)
{
	static const uint8_t plain[14] = {0x20, 1};
	struct tls_wrap sender = {.key = client, .send_id = id - 1, .send_time = time};
	uint8_t wire[128], out[128];
	int len = tls_wrap_seal(&sender, time, plain, sizeof(plain), wire, sizeof(wire));

	CU_ASSERT_EQUAL_FATAL(len, (int)(sizeof(plain) + tls_wrap_overhead(client)));
	return tls_wrap_open(w, wire, (size_t)len, out, sizeof(out));
}

static void check_replay(struct tls_wrap_key *server, struct tls_wrap_key *client)
{
	static const struct {
		uint32_t id, time;
		bool ok;
	} rows[] = {
		{3, 100, true},
		{3, 100, false},
		{1, 100, true},
		{2, 100, true},
		{1, 100, false},
		{66, 100, true}, // 3 is now 63 behind: still in the window, seen
		{3, 100, false},
		{2, 100, false}, // 64 behind: too old
		{4, 100, true},
		{65, 100, true},
		{65, 100, false},
		{64, 100, true},
		{1, 99, false},
		{1000, 99, false}, // an earlier time is a replay
		{7, 101, true},    // a later time begins anew
		{7, 101, false},
		{6, 101, true},
		{67, 100, false},
		{70, 101, true}, // exactly 63 on: 7 is the last in the window
		{7, 101, false},
		{8, 101, true},
		{134, 101, true}, // exactly 64 on: nothing seen is left
		{71, 101, true},
		{70, 101, false},
		{134, 101, false},
		{5000, 101, true},
		{4999, 101, true},
		{4936, 101, false},
		{4937, 101, true},
		{UINT32_MAX, 101, true},
		{UINT32_MAX, 101, false},
		{1, 102, true},
	};
	struct tls_wrap w;

	tls_wrap_init(&w, server, true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int ret = deliver(&w, client, rows[i].id, rows[i].time);
		char text[64];

		snprintf(text, sizeof(text), "row %zu: id %u time %u: %d", i, rows[i].id,
			rows[i].time, ret);
		if (rows[i].ok ? ret != 14 : ret != -EALREADY)
			CU_FAIL(text);
	}
	tls_wrap_fini(&w);
	tls_wrap_key_free(server);
	tls_wrap_key_free(client);
}

static void test_replay(void)
{
	check_replay(make_key(true), make_key(false));
	check_replay(make_auth(TLS_WRAP_SHA1, TLS_WRAP_NORMAL),
		make_auth(TLS_WRAP_SHA1, TLS_WRAP_INVERSE));
	check_replay(make_auth(TLS_WRAP_SHA512, TLS_WRAP_BOTH),
		make_auth(TLS_WRAP_SHA512, TLS_WRAP_BOTH));
}

// Id 0 cannot come from tls_wrap_seal(): an id before the first.
static void test_id_zero(void)
{
	struct tls_wrap_key *server = make_key(true), *client = make_key(false);
	struct tls_wrap sender = {.key = client, .send_id = UINT32_MAX - 1, .send_time = 5}, w;
	static const uint8_t plain[14] = {0x20, 1};
	uint8_t wire[128], out[128];
	int len;

	tls_wrap_init(&w, server, false);
	// The last id, then ids start again under a later time.
	len = tls_wrap_seal(&sender, 5, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\xff\xff\xff\xff\x00\x00\x00\x05", 8), 0);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, (size_t)len, out, sizeof(out)), 14);
	len = tls_wrap_seal(&sender, 5, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x01\x00\x00\x00\x06", 8), 0);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, (size_t)len, out, sizeof(out)), 14);
	sender.send_time = 0; // takes the time given
	len = tls_wrap_seal(&sender, 77, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x02\x00\x00\x00\x4d", 8), 0);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, (size_t)len, out, sizeof(out)), 14);
	tls_wrap_fini(&w);
	tls_wrap_key_free(server);
	tls_wrap_key_free(client);
}

// A forged packet with a huge id must not close the window for the real ones.
static void test_forgery_moves_nothing(void)
{
	struct tls_wrap_key *server = make_key(true), *client = make_key(false);
	uint8_t wire[128], out[128];
	size_t len = harness_hex(reset_hex, wire, sizeof(wire));
	struct tls_wrap w, before;

	tls_wrap_init(&w, server, false);
	before = w;
	wire[9] = 0xff;
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, len, out, sizeof(out)), -EBADMSG);
	CU_ASSERT_EQUAL(memcmp(&w, &before, sizeof(w)), 0);
	wire[9] = 0;
	CU_ASSERT_TRUE(tls_wrap_open(&w, wire, len, out, sizeof(out)) > 0);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, wire, len, out, sizeof(out)), -EALREADY);
	tls_wrap_fini(&w);
	tls_wrap_key_free(server);
	tls_wrap_key_free(client);
}

static void test_first_ids(void)
{
	struct tls_wrap_key *server = make_key(true);
	static const uint8_t plain[14] = {0x20, 1};
	uint8_t wire[128];
	struct tls_wrap w;

	tls_wrap_seal_first(server, 9, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x01\x00\x00\x00\x09", 8), 0);
	tls_wrap_init(&w, server, true);
	tls_wrap_seal(&w, 10, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x02\x00\x00\x00\x0a", 8), 0);
	tls_wrap_seal(&w, 99, plain, sizeof(plain), wire, sizeof(wire)); // the time stays
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x03\x00\x00\x00\x0a", 8), 0);
	CU_ASSERT_EQUAL(tls_wrap_seal(&w, 99, plain, sizeof(plain), wire, 53), -EMSGSIZE);
	CU_ASSERT_EQUAL(w.send_id, 3);
	tls_wrap_fini(&w);
	tls_wrap_init(&w, server, false);
	tls_wrap_seal(&w, 10, plain, sizeof(plain), wire, sizeof(wire));
	CU_ASSERT_EQUAL(memcmp(wire + 9, "\x00\x00\x00\x01\x00\x00\x00\x0a", 8), 0);
	tls_wrap_fini(&w);
	tls_wrap_key_free(server);
}

static void test_none(void)
{
	static const uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	static const uint8_t plain[14] = {0x20, 1};
	uint8_t out[14];
	struct tls_wrap w;

	CU_ASSERT_EQUAL(tls_wrap_mode(NULL), TLS_WRAP_NONE);
	CU_ASSERT_EQUAL(tls_wrap_overhead(NULL), 0);
	tls_wrap_init(&w, NULL, true);
	CU_ASSERT_EQUAL(tls_wrap_seal(&w, 1, plain, sizeof(plain), out, sizeof(out)), 14);
	CU_ASSERT_EQUAL(memcmp(out, plain, sizeof(plain)), 0);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, plain, sizeof(plain), out, sizeof(out)), 14);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, plain, sizeof(plain), out, sizeof(out)), 14);
	CU_ASSERT_EQUAL(tls_wrap_open(&w, plain, sizeof(plain), out, 13), -EMSGSIZE);
	CU_ASSERT_PTR_NULL(tls_wrap_key_new(TLS_WRAP_NONE, raw, true));
}

#define BEGIN "-----BEGIN OpenVPN Static key V1-----"
#define END "-----END OpenVPN Static key V1-----"

static void test_key_load(void)
{
	char path[] = "/tmp/sluice-test-key-XXXXXX", text[2048];
	uint8_t wire[128], out[128];
	size_t len = (size_t)sprintf(text, "%s\n%s\n%s\n", BEGIN, static_key_hex, END);
	int fd = mkstemp(path);
	struct tls_wrap_key *key;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, len), (ssize_t)len);
	key = tls_wrap_key_load(TLS_WRAP_CRYPT, path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	len = harness_hex(reset_hex, wire, sizeof(wire));
	CU_ASSERT_EQUAL(tls_wrap_open_first(key, wire, len, out, sizeof(out)), 14);
	tls_wrap_key_free(key);
	CU_ASSERT_EQUAL(ftruncate(fd, 100), 0);
	CU_ASSERT_PTR_NULL(tls_wrap_key_load(TLS_WRAP_CRYPT, path));
	CU_ASSERT_EQUAL(errno, EBADMSG);
	CU_ASSERT_EQUAL(ftruncate(fd, 1 << 20), 0);
	CU_ASSERT_PTR_NULL(tls_wrap_key_load(TLS_WRAP_CRYPT, path));
	CU_ASSERT_EQUAL(errno, EBADMSG);
	close(fd);
	unlink(path);
	CU_ASSERT_PTR_NULL(tls_wrap_key_load(TLS_WRAP_CRYPT, path));
	CU_ASSERT_EQUAL(errno, ENOENT);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"published reset, both ways", test_published_reset},
		{"published packet, keys of zeros", test_published_zero_key},
		{"every bit flipped, every truncation", test_every_flip},
		{"tls-auth: a reset of every digest and direction", test_auth_resets},
		{"tls-auth: another digest or direction", test_auth_mismatch},
		{"published packet of dynamic tls-crypt", test_published_dynamic},
		{"dynamic tls-crypt: the key of the session in it", test_dynamic_base},
		{"references", test_references},
		{"a failed open leaves nothing", test_failed_open_leaves_nothing},
		{"replay window", test_replay},
		{"ids run out", test_id_zero},
		{"a forgery moves nothing", test_forgery_moves_nothing},
		{"first ids of a session", test_first_ids},
		{"no wrapping", test_none},
		{"static key file", test_key_load},
		{NULL, NULL},
	};

	return harness_run("tls_wrap", tests);
}
