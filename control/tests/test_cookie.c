// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The stateless cookie: who may return it, and until when.

#include "control/channel/cookie.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <string.h>

static const uint8_t client_sid[SESSION_ID_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7};

static const struct session_addr ours = {.family = 4, .addr = {198, 51, 100, 1}, .port_be = 0xaa04};
static const struct session_addr client4 = {.family = 4, .addr = {192, 0, 2, 7}, .port_be = 0xab04};
static const struct session_addr client6 = {
	.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 9}, .port_be = 0xab04, .scope_id = 3};

static void make_key(struct cookie_key *k, uint32_t hand_window_s)
{
	CU_ASSERT_EQUAL_FATAL(cookie_key_init(k, hand_window_s), 0);
}

// Hand window 60: slots of 30 s, issued in the middle of one. [openvpn's own table for 30]
static void test_time(void)
{
	static const struct {
		uint32_t hand_window;
		uint64_t issued, shown;
		bool valid;
	} rows[] = {
		{60, 3000, 3000, true},
		{60, 3000, 3029, true},
		{60, 3000, 3060, true},
		{60, 3000, 3089, true},
		{60, 3000, 3090, false},
		{60, 3029, 3089, true},
		{60, 3029, 3090, false},
		{60, 3000, 2999, false},
		{60, 3000, 9000, false},
		{30, 1000, 1002, true},
		{30, 1000, 1010, true},
		{30, 1000, 1022, true},
		{30, 1000, 980, false},
		{30, 1000, 1040, false},
		{60, 5, 5, true},
		{60, 0, 65, true},
		{60, 0, 95, false},
		{1, 10, 12, true},
		{1, 10, 13, false},
		{0, 10, 12, true},
		{UINT32_MAX, 10, 12, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t cookie[SESSION_ID_BYTES];
		struct cookie_key k;

		make_key(&k, rows[i].hand_window);
		CU_ASSERT_EQUAL(
			cookie_make(&k, rows[i].issued, &ours, &client4, client_sid, cookie), 0);
		CU_ASSERT_EQUAL(
			cookie_is_valid(&k, rows[i].shown, &ours, &client4, client_sid, cookie),
			rows[i].valid);
	}
}

// Slots of 1 s become such of 30 s, or the other way round: nobody loses the time he was given.
static void test_window_changes(void)
{
	static const struct {
		uint32_t before, after;
		uint64_t issued, changed, shown;
		bool valid;
	} rows[] = {
		{2, 60, 3000, 2999, 3089, true}, // given out afterwards: the new time
		{2, 60, 3000, 2999, 3090, false},
		{2, 60, 3000, 3001, 3002, true}, // before: the old one
		{2, 60, 3000, 3001, 3003, false},
		{60, 2, 3000, 2999, 3002, true},
		{60, 2, 3000, 2999, 3003, false},
		{60, 2, 3000, 3001, 3089, true},
		{60, 2, 3000, 3001, 3090, false},
		{60, 60, 3000, 3001, 3089, true},
		{60, 60, 3000, 3001, 3090, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t cookie[SESSION_ID_BYTES];
		struct cookie_key k;

		make_key(&k, rows[i].before);
		if (rows[i].changed <= rows[i].issued)
			cookie_key_set_window(&k, rows[i].after, rows[i].changed);
		CU_ASSERT_EQUAL(
			cookie_make(&k, rows[i].issued, &ours, &client4, client_sid, cookie), 0);
		if (rows[i].changed > rows[i].issued)
			cookie_key_set_window(&k, rows[i].after, rows[i].changed);
		CU_ASSERT_EQUAL(
			cookie_is_valid(&k, rows[i].shown, &ours, &client4, client_sid, cookie),
			rows[i].valid);
	}
}

static void test_wrong(void)
{
	uint8_t cookie[SESSION_ID_BYTES], sid[SESSION_ID_BYTES];
	static const uint8_t zero[SESSION_ID_BYTES];
	struct cookie_key k, other_key;
	struct session_addr other;

	make_key(&k, 60);
	make_key(&other_key, 60);
	CU_ASSERT_EQUAL(cookie_make(&k, 3000, &ours, &client4, client_sid, cookie), 0);
	CU_ASSERT_TRUE(cookie_is_valid(&k, 3000, &ours, &client4, client_sid, cookie));
	CU_ASSERT_FALSE(cookie_is_valid(&other_key, 3000, &ours, &client4, client_sid, cookie));
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &client4, client_sid, zero));
	// Every single bit counts, of the cookie and of the client's session id.
	for (unsigned int i = 0; i < 8 * SESSION_ID_BYTES; i++) {
		cookie[i / 8] ^= (uint8_t)(1u << i % 8);
		CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &client4, client_sid, cookie));
		cookie[i / 8] ^= (uint8_t)(1u << i % 8);
		memcpy(sid, client_sid, sizeof(sid));
		sid[i / 8] ^= (uint8_t)(1u << i % 8);
		CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &client4, sid, cookie));
	}
	other = client4;
	other.addr[3]++;
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
	other = client4;
	other.port_be++;
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
	other = client4;
	other.family = 6;
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
	// It is good at the address that gave it, and at no other of ours.
	other = ours;
	other.addr[3]++;
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &other, &client4, client_sid, cookie));
	other = ours;
	other.family = 6;
	CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &other, &client4, client_sid, cookie));
}

static void test_ipv6(void)
{
	uint8_t cookie[SESSION_ID_BYTES];
	struct session_addr other = client6;
	struct cookie_key k;

	make_key(&k, 60);
	CU_ASSERT_EQUAL(cookie_make(&k, 3000, &ours, &client6, client_sid, cookie), 0);
	CU_ASSERT_TRUE(cookie_is_valid(&k, 3000, &ours, &client6, client_sid, cookie));
	other.scope_id = 99; // says nothing about the client
	CU_ASSERT_TRUE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
	for (unsigned int i = 0; i < 16; i++) {
		other = client6;
		other.addr[i] ^= 0x80;
		CU_ASSERT_FALSE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
	}
	// Bytes behind an IPv4 address are no part of it.
	other = client4;
	other.addr[9] = 1;
	CU_ASSERT_EQUAL(cookie_make(&k, 3000, &ours, &client4, client_sid, cookie), 0);
	CU_ASSERT_TRUE(cookie_is_valid(&k, 3000, &ours, &other, client_sid, cookie));
}

static void test_keys_differ(void)
{
	uint8_t a[SESSION_ID_BYTES], b[SESSION_ID_BYTES];
	static const uint8_t zero[COOKIE_KEY_BYTES];
	struct cookie_key k1, k2;

	make_key(&k1, 60);
	make_key(&k2, 60);
	CU_ASSERT_NOT_EQUAL(memcmp(k1.key, k2.key, sizeof(k1.key)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(k1.key, zero, sizeof(k1.key)), 0);
	cookie_make(&k1, 3000, &ours, &client4, client_sid, a);
	cookie_make(&k1, 3000, &ours, &client4, client_sid, b);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0); // nothing random: nothing to remember
	cookie_make(&k2, 3000, &ours, &client4, client_sid, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	cookie_key_wipe(&k1);
	CU_ASSERT_EQUAL(memcmp(k1.key, zero, sizeof(k1.key)), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"life time", test_time},
		{"a changed hand window holds from then on", test_window_changes},
		{"wrong cookies", test_wrong},
		{"IPv6", test_ipv6},
		{"keys", test_keys_differ},
		{NULL, NULL},
	};

	return harness_run("cookie", tests);
}
