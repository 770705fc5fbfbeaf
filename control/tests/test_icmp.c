// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// ICMP messages as raw sockets give them, whole, quoting other things, and cut off at every length.

#include "control/icmp.h"

#include "dataplane/csum.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <rte_byteorder.h>

#include <stdlib.h>
#include <string.h>

// The quoted UDP header, 192.0.2.1:1194 or [2001:db8::1]:1194 to port 40000, and 8 bytes of data.
#define UDP \
	"04aa9c4005a00000" \
	"4800000700000102"
#define ICMP4 "03040000000004b0" // destination unreachable, fragmentation needed, MTU 1200
#define IP4 \
	"450005b400010000" \
	"40110000c0000201c6336402"
#define OUTER4 \
	"4500004c00000000" \
	"3f010000c6336401c0000201"
#define ICMP6 "0200000000000514" // packet too big, MTU 1300
#define ADDR6 \
	"20010db8000000000000000000000001" \
	"20010db8ffff00000000000000000002"
#define IP6 "6000000005a01140" ADDR6
#define IP6_FRAGMENT "6000000005a82c40" ADDR6

static struct icmp_too_big out;

// Fills in the ICMP checksum, which starts `hdr` bytes into the message.
static void checksum4(uint8_t *data, size_t len, size_t hdr)
{
	uint16_t c;

	if (len < hdr + 8)
		return;
	memset(data + hdr + 2, 0, 2);
	c = (uint16_t)~csum_fold(csum_partial(data + hdr, (uint32_t)(len - hdr)));
	memcpy(data + hdr + 2, &c, 2);
}

static bool parse(uint8_t family, const char *hex)
{
	uint8_t data[256];
	size_t len = harness_hex(hex, data, sizeof(data));

	if (family == 4)
		checksum4(data, len, (size_t)(data[0] & 0xf) * 4);
	return icmp_parse(family, data, len, &out);
}

static void check_common(void)
{
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(out.local.port_be), 1194);
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(out.remote.port_be), 40000);
	CU_ASSERT_EQUAL(out.payload[0], 0x48);
	CU_ASSERT_EQUAL(out.payload[3], 7);
	CU_ASSERT_EQUAL(out.payload[7], 2);
}

static void test_whole4(void)
{
	CU_ASSERT_TRUE(parse(4, OUTER4 ICMP4 IP4 UDP));
	CU_ASSERT_EQUAL(out.mtu, 1200);
	CU_ASSERT_EQUAL(out.ip_bytes, 1460);
	CU_ASSERT_EQUAL(out.local.family, 4);
	CU_ASSERT_EQUAL(memcmp(out.local.addr, "\xc0\x00\x02\x01", 5), 0); // and zeros behind
	CU_ASSERT_EQUAL(memcmp(out.remote.addr, "\xc6\x33\x64\x02", 5), 0);
	check_common();
	// Options in both IP headers.
	CU_ASSERT_TRUE(parse(4, "4600005000000000"
				"3f010000c6336401c0000201"
				"94040000" ICMP4 "460005b800010000"
				"40110000c0000201c6336402"
				"94040000" UDP));
	check_common();
	// The first fragment has the UDP header.
	CU_ASSERT_TRUE(parse(4, OUTER4 ICMP4 "450005b400012000"
					     "40110000c0000201c6336402" UDP));
	check_common();
}

static void test_whole6(void)
{
	CU_ASSERT_TRUE(parse(6, ICMP6 IP6 UDP));
	CU_ASSERT_EQUAL(out.mtu, 1300);
	CU_ASSERT_EQUAL(out.ip_bytes, 1480);
	CU_ASSERT_EQUAL(out.local.family, 6);
	CU_ASSERT_EQUAL(out.local.addr[0], 0x20);
	CU_ASSERT_EQUAL(out.local.addr[15], 1);
	CU_ASSERT_EQUAL(out.remote.addr[4], 0xff);
	CU_ASSERT_EQUAL(out.remote.addr[15], 2);
	check_common();
	CU_ASSERT_TRUE(parse(6, ICMP6 IP6_FRAGMENT "1100000100000001" UDP));
	CU_ASSERT_EQUAL(out.ip_bytes, 1488);
	check_common();
	// More than 16 bits.
	CU_ASSERT_TRUE(parse(6, "0200000000010000" IP6 UDP));
	CU_ASSERT_EQUAL(out.mtu, UINT16_MAX);
}

static void test_others(void)
{
	static const struct {
		uint8_t family;
		const char *hex;
	} rows[] = {
		{4, OUTER4 "03030000000004b0" IP4 UDP}, // port unreachable
		{4, OUTER4 "0b000000000004b0" IP4 UDP}, // time exceeded
		// Quotes TCP, a later fragment, IPv6, a header that is too short; is no ICMP.
		{4, OUTER4 ICMP4 "450005b400010000"
				 "40060000c0000201c6336402" UDP},
		{4, OUTER4 ICMP4 "450005b400010010"
				 "40110000c0000201c6336402" UDP},
		{4, OUTER4 ICMP4 IP6 UDP},
		{4, OUTER4 ICMP4 "440005b400010000"
				 "40110000c0000201c6336402" UDP},
		{4, "4500004c00000000"
		    "3f110000c6336401c0000201" ICMP4 IP4 UDP},
		{6, "0100000000000514" IP6 UDP}, // destination unreachable
		// Quotes TCP, a later fragment, a fragment of TCP, IPv4.
		{6, ICMP6 "6000000005a00640" ADDR6 UDP},
		{6, ICMP6 IP6_FRAGMENT "110005a900000001" UDP},
		{6, ICMP6 IP6_FRAGMENT "0600000100000001" UDP},
		{6, ICMP6 IP4 UDP UDP UDP},
	};
	uint8_t data[256];
	size_t len;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_FALSE(parse(rows[i].family, rows[i].hex));
	// The kernel does not verify the checksum of IPv4's before it shows them.
	CU_ASSERT_TRUE(parse(4, OUTER4 ICMP4 IP4 UDP));
	len = harness_hex(OUTER4 ICMP4 IP4 UDP, data, sizeof(data));
	CU_ASSERT_FALSE(icmp_parse(4, data, len, &out));
}

// Buffers of exactly the length, for the sanitizer.
static void test_cut_off(void)
{
	static const struct {
		uint8_t family;
		const char *hex;
	} rows[] = {
		{4, OUTER4 ICMP4 IP4 UDP},
		{6, ICMP6 IP6 UDP},
		{6, ICMP6 IP6_FRAGMENT "1100000100000001" UDP},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t whole[256];
		size_t len = harness_hex(rows[i].hex, whole, sizeof(whole));

		for (size_t n = 0; n < len; n++) {
			uint8_t *data = malloc(n ? n : 1);

			CU_ASSERT_PTR_NOT_NULL_FATAL(data);
			memcpy(data, whole, n);
			if (rows[i].family == 4)
				checksum4(data, n, 20);
			CU_ASSERT_FALSE(icmp_parse(rows[i].family, data, n, &out));
			free(data);
		}
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"fragmentation needed", test_whole4},
		{"packet too big", test_whole6},
		{"what says something else", test_others},
		{"what is cut off", test_cut_off},
		{NULL, NULL},
	};

	return harness_run("icmp", tests);
}
