// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The epoch format without packets: a published packet byte by byte, packet ids, the replay window of
// an epoch as a table.
#include "dataplane/epoch.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdlib.h>
#include <string.h>

#define ID(epoch, counter) ((uint64_t)(epoch) << 48 | (counter))

static struct crypto *crypto;
static struct epoch_slot slot;
static struct epoch_key keys[2 * EPOCH_RING];

// [OpenVPN test_ssl.c], whole packet recomputed with python3-cryptography.
static void test_known_packet(void)
{
	static const char plain[] = "The quick little fox jumps over the bureaucratic hurdles";
	uint8_t packet[12 + sizeof(plain) - 1 + 16], want[sizeof(packet)], raw[32];
	struct aead_op op = {.aad = packet, .aad_len = 12, .data = packet + 12};
	struct epoch_key key;

	harness_hex("137f8871a9f6a8b1688128ac5e82f2d87d611e4b3aab98180bb9fcdd9e2a223b", raw, 32);
	harness_hex("b2e7dce36da8d32f22b97da8", key.iv, sizeof(key.iv));
	aead_key_init(&key.key, CIPHER_AES_256_GCM, raw);
	CU_ASSERT_EQUAL(harness_hex("070000170004000000000001"
				    "6eacea349ca836aab4d49ce685399a9bab964526e9cd11ece8cb7d77bdbc5c"
				    "6ac4f49f36ea02e9c1f5d97644afa9118ba9f9a892623f1a13"
				    "0ffff5913d39d75b18573b5748589a7d",
				want, sizeof(want)),
		sizeof(want));
	memcpy(packet, want, 12);
	memcpy(op.data, plain, sizeof(plain) - 1);
	op.len = sizeof(plain) - 1;
	op.tag = op.data + op.len;
	op.key = &key.key;
	epoch_nonce(op.nonce, packet + 4, key.iv);
	harness_hex("b2e3dce36da8d32e22b97da8", raw, 12);
	CU_ASSERT_EQUAL(memcmp(op.nonce, raw, 12), 0);
	aead_seal_burst(crypto, &op, 1);
	CU_ASSERT_EQUAL(memcmp(packet, want, sizeof(want)), 0);
	CU_ASSERT_EQUAL(aead_open_burst(crypto, &op, 1), 1);
	CU_ASSERT_EQUAL(memcmp(op.data, plain, op.len), 0);
}

static void put(bool recv, uint16_t epoch)
{
	struct epoch_key *key = &keys[epoch % EPOCH_RING + (recv ? 0 : EPOCH_RING)];

	key->epoch = epoch;
	atomic_store(&(recv ? slot.recv : slot.send)[epoch % EPOCH_RING], key);
}

static void set_up(uint16_t epoch)
{
	memset(&slot, 0, sizeof(slot));
	epoch_slot_init(&slot, CIPHER_AES_256_GCM);
	slot.recv_epochs = slot.send_epoch = slot.send_wanted = epoch;
	for (uint16_t i = 0; i <= EPOCH_FUTURE; i++)
		put(true, epoch + i);
	for (uint16_t i = 0; i <= EPOCH_AHEAD; i++)
		put(false, epoch + i);
}

// [OpenVPN test_packet_id.c]
static void test_ids(void)
{
	uint64_t id;

	set_up(0x23);
	CU_ASSERT_PTR_EQUAL(epoch_send_take(&slot, 1, &id), slot.send[0x23 % EPOCH_RING]);
	CU_ASSERT_EQUAL(id, UINT64_C(0x0023000000000001));
	set_up(0xf00f);
	slot.limits.counter_due = UINT64_MAX;
	slot.send_counter = UINT64_C(0xfffffffffffe);
	CU_ASSERT_PTR_NOT_NULL(epoch_send_take(&slot, 1, &id));
	CU_ASSERT_EQUAL(id, UINT64_C(0xf00fffffffffffff));
	CU_ASSERT_PTR_NULL(epoch_send_take(&slot, 1, &id));
	// The end of all epochs: no further, whatever the client does.
	set_up(EPOCH_SEND_MAX);
	atomic_store(&slot.recv_epochs, EPOCH_SEND_MAX);
	slot.send_usage = slot.limits.usage_due;
	CU_ASSERT_PTR_NOT_NULL(epoch_send_take(&slot, 1, &id));
	CU_ASSERT_EQUAL(id, ID(EPOCH_SEND_MAX, 1));
	CU_ASSERT_EQUAL(epoch_accept(&slot, ID(EPOCH_SEND_MAX + 3, 1), 1), DROP_REASON_COUNT);
	CU_ASSERT_EQUAL(slot.send_wanted, EPOCH_SEND_MAX);
	CU_ASSERT_EQUAL(EPOCH_RECV_MAX, 65530);
}

static void test_window(void)
{
	static const struct {
		uint64_t counter;
		bool ok;
	} rows[] = {
		{0, false},
		{1, true},
		{1, false},
		{3, true},
		{2, true},
		{2, false},
		{EPOCH_WINDOW + 3, true},
		{4, true},  // the oldest
		{3, false}, // seen
		{5, true},
		{EPOCH_WINDOW + 5, true},
		{5, false},
		{6, true},
		{UINT64_C(0x100000000), true}, // more than 32 bits, more than all words
		{UINT64_C(0x100000000), false},
		{UINT64_C(0x100000000) - EPOCH_WINDOW, false},
		{UINT64_C(0x100000001) - EPOCH_WINDOW, true},
		{UINT64_C(0x100000001) - EPOCH_WINDOW, false},
		{7, false},
		{UINT64_C(0x100000000) + 63 * 64, true}, // all words but one
		{UINT64_C(0x100000000) + 63 * 64 - 1, true},
		{UINT64_C(0x100000000) + 31 * 64 + 1, true},
		{UINT64_C(0x100000000) + 31 * 64 + 1, false},
		{UINT64_C(0x100000000), false},
		{EPOCH_COUNTER_MAX, true},
		{EPOCH_COUNTER_MAX, false},
		{EPOCH_COUNTER_MAX - 1, true},
	};

	set_up(7);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(epoch_accept(&slot, ID(7, rows[i].counter), 100),
			rows[i].ok ? DROP_REASON_COUNT : DROP_REPLAY);
}

// The window against one that remembers everything, over ids that jump about.
static void test_window_naive(void)
{
	static uint8_t seen[1 << 16];
	uint64_t highest = 0;

	set_up(7);
	srand(7);
	for (int i = 0; i < 200000; i++) {
		uint64_t base = highest > 2500 ? highest - 2500 : 0;
		uint64_t id = base + (uint64_t)rand() % (rand() % 64 ? 2600 : 6700) + 1;
		bool ok = id > highest || (highest - id < EPOCH_WINDOW && !seen[id]);

		if (id >= sizeof(seen))
			break;
		if (epoch_accept(&slot, ID(7, id), 1) != (ok ? DROP_REASON_COUNT : DROP_REPLAY)) {
			CU_FAIL("differs");
			break;
		}
		seen[id] = 1;
		highest = id > highest ? id : highest;
	}
	CU_ASSERT_TRUE(highest > 30000);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"makes and takes the known packet", test_known_packet},
		{"gives out ids to the last", test_ids},
		{"window", test_window},
		{"window against a simple one", test_window_naive},
		{NULL, NULL},
	};
	const char *why;
	int failed;

	if (crypto_init(&why) != 0)
		return 1;
	crypto = crypto_new();
	failed = harness_run("epoch", tests);
	crypto_free(crypto);
	return failed;
}
