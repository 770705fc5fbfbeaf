// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Control packets against published bytes, at every truncation, and there and back.

#include "control/channel/ctrl_pkt.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *hex;
	uint8_t opcode, key_id, ack_count;
	uint32_t acks[3], id;
	size_t payload_len;
};

// OpenVPN's own unit tests use the first four.
static const struct row good[] = {
	{"38 6891923fa3103437 00 00000000", 7, 0, 0, {0}, 0, 0},
	{"28 aeb9afe1f01d79c8 01 00000000 dd85db535623b02e", 5, 0, 1, {0}, 0, 0},
	{"28 aeb9afe1f01d79c8 03 00000000 00000001 00000002 dd85db535623b02e", 5, 0, 3, {0, 1, 2},
		0, 0},
	{"20 7819bf2ebcd19a45 01 00000000 eafebfa4418ae31b 00000001 160301", 4, 0, 1, {0}, 1, 3},
	{"40 0102030405060708 01 00000000 1112131415161718 00000000 000100020001", 8, 0, 1, {0}, 0,
		6},
	{"1b 0102030405060708 00 00000000", 3, 3, 0, {0}, 0, 0},
	{"27 0102030405060708 00 fffffffe 00", 4, 7, 0, {0}, 0xfffffffe, 1},
	{"50 0102030405060708 00 00000000", 10, 0, 0, {0}, 0, 0},
	{"58 0102030405060708 01 00000000 1112131415161718 00000001", 11, 0, 1, {0}, 1, 0},
};

static void test_good(void)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		const struct row *row = &good[i];
		uint8_t data[128], again[128];
		size_t len = harness_hex(row->hex, data, sizeof(data));
		struct ctrl_pkt p;

		CU_ASSERT_EQUAL_FATAL(ctrl_pkt_parse(&p, data, len), 0);
		CU_ASSERT_EQUAL(p.opcode, row->opcode);
		CU_ASSERT_EQUAL(p.key_id, row->key_id);
		CU_ASSERT_EQUAL(memcmp(p.sid, data + 1, CTRL_SID_BYTES), 0);
		CU_ASSERT_EQUAL(p.ack_count, row->ack_count);
		CU_ASSERT_EQUAL(memcmp(p.acks, row->acks, 4u * row->ack_count), 0);
		CU_ASSERT_EQUAL(p.id, row->id);
		CU_ASSERT_EQUAL(p.payload_len, row->payload_len);
		CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, again, sizeof(again)), (int)len);
		CU_ASSERT_EQUAL(memcmp(again, data, len), 0);
		CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, again, len - 1), -EMSGSIZE);
	}
}

static const struct {
	const char *why, *hex;
} bad[] = {
	{"truncated acks", "20 aeb9afe1f01d79c8 01 00000000 02"},
	{"key method 1", "08 6891923fa3103437 00 00000000"},
	{"key method 1 server", "10 6891923fa3103437 00 00000000"},
	{"data v1", "30 6891923fa3103437 00 00000000"},
	{"data v2", "48 6891923fa3103437 00 00000000"},
	{"opcode 0", "00 6891923fa3103437 00 00000000"},
	{"opcode 12", "60 6891923fa3103437 00 00000000"},
	{"opcode 31", "f8 6891923fa3103437 00 00000000"},
	{"hard reset with a key id", "39 6891923fa3103437 00 00000000"},
	{"v3 reset with a key id", "57 6891923fa3103437 00 00000000"},
	{"server reset with a key id", "41 6891923fa3103437 00 00000000"},
	{"wkc with a key id", "59 6891923fa3103437 00 00000001"},
	{"soft reset with key id 0", "18 6891923fa3103437 00 00000000"},
	{"session id of zeros", "38 0000000000000000 00 00000000"},
	{"nine acks",
		"20 6891923fa3103437 09 00000000 00000001 00000002 00000003 00000004 00000005 "
		"00000006 00000007 00000008 0102030405060708 00000001"},
	{"255 acks", "28 6891923fa3103437 ff 00000000 0102030405060708"},
	{"bytes behind an ack", "28 aeb9afe1f01d79c8 01 00000000 dd85db535623b02e 00"},
};

static void test_bad(void)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint8_t data[128];
		size_t len = harness_hex(bad[i].hex, data, sizeof(data));
		struct ctrl_pkt p;

		if (ctrl_pkt_parse(&p, data, len) != -EBADMSG)
			CU_FAIL(bad[i].why);
	}
}

// Every prefix of a packet is either refused or, when it only lost payload, a shorter one.
static void test_truncated(void)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		uint8_t data[128];
		size_t len = harness_hex(good[i].hex, data, sizeof(data));
		struct ctrl_pkt p;

		for (size_t n = 0; n < len; n++) {
			int want = n >= len - good[i].payload_len ? 0 : -EBADMSG;

			CU_ASSERT_EQUAL(ctrl_pkt_parse(&p, data, n), want);
		}
	}
}

static void test_size_limit(void)
{
	static uint8_t data[CTRL_PKT_BYTES_MAX + 1] = {0x20, 1};
	static uint8_t out[sizeof(data)];
	struct ctrl_pkt p;

	CU_ASSERT_EQUAL(ctrl_pkt_parse(&p, data, CTRL_PKT_BYTES_MAX), 0);
	CU_ASSERT_EQUAL(p.payload_len, CTRL_PKT_BYTES_MAX - 14);
	p.payload_len++;
	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), -EMSGSIZE);
	CU_ASSERT_EQUAL(ctrl_pkt_parse(&p, data, CTRL_PKT_BYTES_MAX + 1), -EBADMSG);
}

static void test_from_client(void)
{
	unsigned int legal = 0;

	for (unsigned int b = 0; b < 256; b++)
		legal += ctrl_pkt_is_from_client((uint8_t)b);
	CU_ASSERT_EQUAL(legal, 8 + 8 + 7 + 1 + 1 + 1); // control, ack, soft reset, v2, v3, wkc
	CU_ASSERT_TRUE(ctrl_pkt_is_from_client(0x38));
	CU_ASSERT_FALSE(ctrl_pkt_is_from_client(0x40)); // a server's reset
	CU_ASSERT_FALSE(ctrl_pkt_is_from_client(0x48));
	CU_ASSERT_FALSE(ctrl_pkt_is_from_client(0x18));
}

static void test_compose_refuses(void)
{
	struct ctrl_pkt p = {.opcode = OP_CONTROL_V1, .sid = {1}, .ack_count = CTRL_ACKS_MAX + 1};
	uint8_t out[128];

	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), -EINVAL);
	p.ack_count = CTRL_ACKS_MAX;
	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), CTRL_PKT_OVERHEAD_MAX);
	p.key_id = 8;
	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), -EINVAL);
	p.key_id = 0;
	p.opcode = OP_DATA_V2;
	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), -EINVAL);
	p.opcode = 32 + OP_CONTROL_V1;
	CU_ASSERT_EQUAL(ctrl_pkt_compose(&p, out, sizeof(out)), -EINVAL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"published packets, there and back", test_good},
		{"malformed packets", test_bad},
		{"every truncation", test_truncated},
		{"size limit", test_size_limit},
		{"first bytes a client may send", test_from_client},
		{"what cannot be composed", test_compose_refuses},
		{NULL, NULL},
	};

	return harness_run("ctrl_pkt", tests);
}
