// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/inner.h"

#include "dataplane/csum.h"
#include "dataplane/proto.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/packet.h"

#include <CUnit/CUnit.h>

#include <netinet/in.h>
#include <string.h>

static const uint8_t addr_a[16] = {10, 8, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t addr_b[16] = {192, 168, 7, 9, 0xde, 0xad, 0xbe, 0xef, 1, 1, 1, 1, 2, 2, 2, 2};

static struct packet_spec spec_of(int family, uint8_t proto)
{
	struct packet_spec s = {.family = family,
		.proto = proto,
		.src_port = 4000,
		.dst_port = 80,
		.payload = (const uint8_t *)"odd payload",
		.payload_len = 11};

	memcpy(s.src, addr_a, 16);
	memcpy(s.dst, addr_b, 16);
	return s;
}

static enum inner_kind parse(const uint8_t *ip, size_t len, struct inner *in)
{
	return inner_parse(ip, (uint32_t)len, in);
}

static void test_parse_good(void)
{
	uint8_t ip[PACKET_MAX];
	struct inner in;

	for (int family = 4; family <= 6; family += 2) {
		struct packet_spec s = spec_of(family, IPPROTO_UDP);
		size_t len;

		s.ttl = 17;
		s.tos = 0xb9;
		len = packet_build(ip, &s);
		CU_ASSERT_EQUAL(parse(ip, len, &in), INNER_IP);
		CU_ASSERT_EQUAL(in.family, family);
		CU_ASSERT_EQUAL(in.bytes, len);
		CU_ASSERT_EQUAL(in.ttl, 17);
		CU_ASSERT_EQUAL(in.tos, 0xb9);
		CU_ASSERT_EQUAL(in.proto, IPPROTO_UDP);
		CU_ASSERT_FALSE(in.options);
		CU_ASSERT_FALSE(in.fragment);
		CU_ASSERT_EQUAL(memcmp(in.src, addr_a, family == 4 ? 4 : 16), 0);
		CU_ASSERT_EQUAL(memcmp(in.dst, addr_b, family == 4 ? 4 : 16), 0);
		// Trailing bytes are not the packet's.
		CU_ASSERT_EQUAL(parse(ip, len + 5, &in), INNER_IP);
		CU_ASSERT_EQUAL(in.bytes, len);
		for (size_t cut = 1; cut < len; cut++)
			CU_ASSERT_EQUAL(parse(ip, cut, &in), INNER_TRUNCATED);
	}
}

static void test_parse_bad(void)
{
	struct packet_spec s = spec_of(4, IPPROTO_UDP);
	uint8_t ip[PACKET_MAX], bad[PACKET_MAX];
	size_t len = packet_build(ip, &s);
	struct inner in;

	CU_ASSERT_EQUAL(parse(ip, 0, &in), INNER_NOT_IP);
	for (unsigned int i = 0; i < 20; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(bad, ip, len);
			bad[i] ^= (uint8_t)(1 << bit);
			CU_ASSERT_NOT_EQUAL(parse(bad, len, &in), INNER_IP);
		}
	}
	memcpy(bad, ip, len);
	bad[0] = 0x44;
	CU_ASSERT_EQUAL(parse(bad, len, &in), INNER_BAD_IP);
	bad[0] = 0x45;
	bad[2] = 0;
	bad[3] = 19;
	CU_ASSERT_EQUAL(parse(bad, len, &in), INNER_BAD_IP);
	for (unsigned int version = 0; version < 16; version++) {
		if (version == 4 || version == 6)
			continue;
		bad[0] = (uint8_t)(version << 4 | 5);
		CU_ASSERT_EQUAL(parse(bad, len, &in), INNER_NOT_IP);
	}
}

static void test_parse_kinds(void)
{
	static const uint8_t router_alert[] = {0x94, 4, 0, 0};
	struct packet_spec s = spec_of(4, 1);
	uint8_t ip[PACKET_MAX];
	struct inner in;
	size_t len = packet_build(ip, &s);
	uint16_t sum;

	memmove(ip + 24, ip + 20, len - 20);
	memcpy(ip + 20, router_alert, 4);
	ip[0] = 0x46;
	ip[3] += 4;
	len += 4;
	ip[10] = ip[11] = 0;
	sum = packet_csum(ip, 24, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	CU_ASSERT_EQUAL(parse(ip, len, &in), INNER_IP);
	CU_ASSERT_TRUE(in.options);
	CU_ASSERT_EQUAL(in.hdr_len, 24);

	s = spec_of(6, IPPROTO_HOPOPTS);
	len = packet_build(ip, &s);
	CU_ASSERT_EQUAL(parse(ip, len, &in), INNER_IP);
	CU_ASSERT_TRUE(in.options);
	s = spec_of(6, IPPROTO_FRAGMENT);
	len = packet_build(ip, &s);
	CU_ASSERT_EQUAL(parse(ip, len, &in), INNER_IP);
	CU_ASSERT_TRUE(in.fragment);
}

static void test_messages(void)
{
	uint8_t data[64] = {0};
	struct inner in;

	harness_hex("2a187bf3641eb4cb07ed2d0a981fc748", data, sizeof(data));
	CU_ASSERT_EQUAL(parse(data, 16, &in), INNER_PING);
	CU_ASSERT_EQUAL(parse(data, 15, &in), INNER_NOT_IP);
	CU_ASSERT_EQUAL(parse(data, 17, &in), INNER_NOT_IP);
	data[15] ^= 1;
	CU_ASSERT_EQUAL(parse(data, 16, &in), INNER_NOT_IP);
	harness_hex("287f346bd4ef7a812d56b8d3afc5459c06", data, sizeof(data));
	CU_ASSERT_EQUAL(parse(data, 17, &in), INNER_OCC_EXIT);
	CU_ASSERT_EQUAL(parse(data, 16, &in), INNER_NOT_IP);
	data[16] = 0;
	CU_ASSERT_EQUAL(parse(data, 17, &in), INNER_OCC_REQUEST);
	for (data[16] = 1; data[16] < 6; data[16]++)
		CU_ASSERT_EQUAL(parse(data, 17, &in), INNER_OCC);
	data[3] ^= 0x80;
	CU_ASSERT_EQUAL(parse(data, 17, &in), INNER_NOT_IP);
}

static void test_multicast(void)
{
	static const struct {
		int family;
		uint8_t dst[16];
		bool yes;
	} rows[] = {
		{4, {10, 0, 0, 1}, false},
		{4, {223, 255, 255, 255}, false},
		{4, {224, 0, 0, 1}, true},
		{4, {239, 1, 2, 3}, true},
		{4, {255, 255, 255, 255}, true},
		{4, {0, 0, 0, 0}, true},
		{6, {0xfd, 1}, false},
		{6, {0xff, 2}, true},
	};
	uint8_t ip[PACKET_MAX];
	struct inner in;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet_spec s = spec_of(rows[i].family, IPPROTO_UDP);

		memcpy(s.dst, rows[i].dst, 16);
		CU_ASSERT_EQUAL(parse(ip, packet_build(ip, &s), &in), INNER_IP);
		CU_ASSERT_EQUAL(inner_is_multicast(&in), rows[i].yes);
	}
}

#define SYN 0x02
#define SYN_ACK 0x12
#define ACK 0x10

struct mss_row {
	const char *opts; // hex, a multiple of four bytes
	uint8_t flags;
	uint16_t limit, want; // want: value at `at` afterwards, 0: packet unchanged
	uint8_t at;
};

static const struct mss_row mss_rows[] = {
	{"020405b4", SYN, 1400, 1400, 2},
	{"020405b4", SYN_ACK, 1400, 1400, 2},
	{"020405b4", SYN | 0xc0, 1400, 1400, 2}, // with ECN bits
	{"020405b4", SYN, 1460, 0, 0},           // already there
	{"02040400", SYN, 1400, 0, 0},           // lower
	{"020405b4", ACK, 1400, 0, 0},
	{"020405b4", 0x11, 1400, 0, 0},
	{"020405b4", SYN, 0, 0, 0},
	{"01020405b4010101", SYN, 1300, 1300, 3}, // odd place
	{"01010402010103030001020405b40101", SYN, 1300, 1300, 12},
	{"0402080a0102030405060708020405b4", SYN, 1200, 1200, 14},
	{"0103030a020405b4", SYN, 1200, 1200, 6},
	{"00020405b4000000", SYN, 1400, 0, 0}, // behind the end
	{"02030505b4010101", SYN, 1400, 0, 0}, // wrong length
	{"02000000", SYN, 1400, 0, 0},         // length 0
	{"08010204", SYN, 1400, 0, 0},         // length 1
	{"01010102", SYN, 1400, 0, 0},         // kind in the last byte
	{"01010204", SYN, 1400, 0, 0},         // value past the header
	{"01020405", SYN, 1400, 0, 0},         // half the value past the header
	{"08ff0000020405b4", SYN, 1400, 0, 0}, // option longer than the header
	{"01010101", SYN, 1400, 0, 0},
	{"", SYN, 1400, 0, 0},
};

static void mss_check(int family, const struct mss_row *r)
{
	struct packet_spec s = spec_of(family, IPPROTO_TCP);
	uint16_t want = r->want - (r->want && family == 6 ? 20 : 0);
	uint8_t opts[40], ip[PACKET_MAX], before[PACKET_MAX], *tcp;
	struct inner in;
	size_t len;

	s.tcp_flags = r->flags;
	s.tcp_opts = opts;
	s.tcp_opts_len = harness_hex(r->opts, opts, sizeof(opts));
	len = packet_build(ip, &s);
	memcpy(before, ip, len);
	CU_ASSERT_EQUAL_FATAL(parse(ip, len, &in), INNER_IP);
	// 1460 is what IPv6 lowers to 1440.
	if (family == 6 && r->limit == 1460)
		return;
	CU_ASSERT_EQUAL(inner_mss_clamp(ip, &in, r->limit), r->want != 0);
	CU_ASSERT_TRUE(packet_l4_ok(ip));
	tcp = ip + in.hdr_len;
	if (!want) {
		CU_ASSERT_EQUAL(memcmp(ip, before, len), 0);
		return;
	}
	CU_ASSERT_EQUAL(tcp[20 + r->at] << 8 | tcp[21 + r->at], want);
}

static void test_mss(void)
{
	for (unsigned int i = 0; i < sizeof(mss_rows) / sizeof(mss_rows[0]); i++) {
		mss_check(4, &mss_rows[i]);
		mss_check(6, &mss_rows[i]);
	}
}

// Header lengths that lie about the packet.
static void test_mss_bounds(void)
{
	uint8_t opts[4] = {2, 4, 5, 0xb4}, ip[PACKET_MAX], before[PACKET_MAX];
	struct packet_spec s = spec_of(4, IPPROTO_TCP);
	struct inner in;
	size_t len;

	s.tcp_flags = SYN;
	s.tcp_opts = opts;
	s.tcp_opts_len = 4;
	s.payload_len = 0;
	len = packet_build(ip, &s);
	CU_ASSERT_EQUAL_FATAL(parse(ip, len, &in), INNER_IP);
	for (unsigned int doff = 0; doff < 16; doff++) {
		ip[20 + 12] = (uint8_t)(doff << 4);
		memcpy(before, ip, len);
		if (doff == 6)
			continue;
		CU_ASSERT_FALSE(inner_mss_clamp(ip, &in, 1000));
		CU_ASSERT_EQUAL(memcmp(ip, before, len), 0);
	}
	ip[20 + 12] = 6 << 4;
	in.fragment = true;
	CU_ASSERT_FALSE(inner_mss_clamp(ip, &in, 1000));
	in.fragment = false;
	in.bytes = 39; // shorter than a TCP header
	CU_ASSERT_FALSE(inner_mss_clamp(ip, &in, 1000));
}

static void test_ttl(void)
{
	uint8_t ip[PACKET_MAX];
	struct packet_spec s = spec_of(4, IPPROTO_UDP);

	for (unsigned int ttl = 2; ttl < 256; ttl++) {
		for (unsigned int id = 0; id < 3; id++) {
			s.family = 4;
			s.ttl = (uint8_t)ttl;
			s.dst[3] = (uint8_t)(ttl * 31 + id);
			packet_build(ip, &s);
			inner_ttl_decrement(ip, 4);
			CU_ASSERT_EQUAL(ip[8], ttl - 1);
			CU_ASSERT_TRUE(packet_ip_ok(ip));
		}
		s.family = 6;
		packet_build(ip, &s);
		inner_ttl_decrement(ip, 6);
		CU_ASSERT_EQUAL(ip[7], ttl - 1);
	}
}

// RFC 6040, figure 4. Rows: inner, columns: outer Not-ECT, ECT(0), ECT(1), CE. -1: drop.
static void test_ecn_decap(void)
{
	enum { NOT = 0, E1 = 1, E0 = 2, CE = 3 };
	static const int outer_of[4] = {NOT, E0, E1, CE};
	static const struct {
		int inner, want[4];
	} rows[] = {
		{NOT, {NOT, NOT, NOT, -1}},
		{E0, {E0, E0, E1, CE}},
		{E1, {E1, E1, E1, CE}},
		{CE, {CE, CE, CE, CE}},
	};
	uint8_t ip[PACKET_MAX];
	struct inner in;

	for (int family = 4; family <= 6; family += 2) {
		for (int i = 0; i < 4; i++) {
			for (int j = 0; j < 4; j++) {
				struct packet_spec s = spec_of(family, IPPROTO_UDP);
				bool ok;

				s.tos = (uint8_t)(0xb8 | rows[i].inner);
				parse(ip, packet_build(ip, &s), &in);
				ok = inner_ecn_decap(ip, &in, (uint8_t)(0x28 | outer_of[j]));
				CU_ASSERT_EQUAL(ok, rows[i].want[j] >= 0);
				CU_ASSERT_TRUE(packet_ip_ok(ip));
				if (!ok)
					continue;
				CU_ASSERT_EQUAL(parse(ip, in.bytes, &in), INNER_IP);
				CU_ASSERT_EQUAL(in.tos, 0xb8 | rows[i].want[j]);
			}
		}
	}
}

static void test_tos_encap(void)
{
	for (unsigned int tos = 0; tos < 256; tos++) {
		CU_ASSERT_EQUAL(inner_tos_encap((uint8_t)tos, true, false), tos);
		CU_ASSERT_EQUAL(inner_tos_encap((uint8_t)tos, false, false), tos & 3);
		CU_ASSERT_EQUAL(inner_tos_encap((uint8_t)tos, true, true), tos & 0xfc);
		CU_ASSERT_EQUAL(inner_tos_encap((uint8_t)tos, false, true), 0);
	}
}

// Leaves what a virtual device would: the pseudo header's sum in the checksum field.
static void make_partial(uint8_t *ip, const struct inner *in)
{
	size_t at = in->hdr_len + (in->proto == IPPROTO_TCP ? 16u : 6u);
	size_t alen = in->family == 4 ? 4 : 16;
	uint32_t l4 = in->bytes - in->hdr_len;
	uint16_t sum;
	uint8_t both[32];

	memcpy(both, in->src, alen);
	memcpy(both + alen, in->dst, alen);
	sum = (uint16_t)~packet_csum(both, 2 * alen, in->proto + l4);
	ip[at] = (uint8_t)(sum >> 8);
	ip[at + 1] = (uint8_t)sum;
}

static void test_csum_complete(void)
{
	uint8_t ip[PACKET_MAX], payload[1400], good[PACKET_MAX];
	struct inner in;

	for (unsigned int i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + 3);
	for (unsigned int i = 0; i < 4 * 80; i++) {
		struct packet_spec s = spec_of(i & 1 ? 4 : 6, i & 2 ? IPPROTO_TCP : IPPROTO_UDP);
		size_t len;

		s.payload = payload;
		s.payload_len = i / 4 < 40 ? i / 4 : 1400 - i / 4;
		len = packet_build(ip, &s);
		memcpy(good, ip, len);
		CU_ASSERT_EQUAL_FATAL(parse(ip, len, &in), INNER_IP);
		CU_ASSERT_FALSE(inner_csum_complete(ip, &in));
		CU_ASSERT_EQUAL(memcmp(ip, good, len), 0);
		make_partial(ip, &in);
		CU_ASSERT_FALSE(packet_l4_ok(ip));
		CU_ASSERT_TRUE(inner_csum_complete(ip, &in));
		CU_ASSERT_TRUE(packet_l4_ok(ip));
		CU_ASSERT_EQUAL(memcmp(ip, good, len), 0);
		// A wrong one is the sender's affair.
		ip[len - 1] ^= 0x55;
		memcpy(good, ip, len);
		CU_ASSERT_FALSE(inner_csum_complete(ip, &in));
		CU_ASSERT_EQUAL(memcmp(ip, good, len), 0);
	}
}

// A finished checksum that happens to equal the pseudo header's sum stays.
static void test_csum_lookalike(void)
{
	struct packet_spec s = spec_of(4, IPPROTO_UDP);
	uint8_t payload[2], ip[PACKET_MAX], good[PACKET_MAX];
	unsigned int seen = 0;
	struct inner in;
	size_t len;

	s.payload = payload;
	s.payload_len = 2;
	for (unsigned int v = 0; v < 65536; v++) {
		uint16_t field;

		payload[0] = (uint8_t)(v >> 8);
		payload[1] = (uint8_t)v;
		len = packet_build(ip, &s);
		CU_ASSERT_EQUAL_FATAL(parse(ip, len, &in), INNER_IP);
		memcpy(good, ip, len);
		make_partial(ip, &in);
		memcpy(&field, ip + 26, 2);
		if (memcmp(good + 26, &field, 2) != 0)
			continue;
		seen++;
		CU_ASSERT_FALSE(inner_csum_complete(ip, &in));
		CU_ASSERT_EQUAL(memcmp(ip, good, len), 0);
	}
	CU_ASSERT_TRUE(seen >= 1);
}

static void test_csum_partial(void)
{
	uint8_t data[300];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + (i >> 3));
	for (unsigned int off = 0; off < 9; off++) {
		for (unsigned int len = 0; len + off <= sizeof(data); len++) {
			uint16_t want = packet_csum(data + off, len, 0), got, be;

			got = (uint16_t)~csum_fold(csum_partial(data + off, len));
			be = rte_be_to_cpu_16(got);
			CU_ASSERT_EQUAL(be, want);
		}
	}
	memset(data, 0xff, sizeof(data));
	CU_ASSERT_EQUAL(csum_fold(csum_partial(data, 300)), 0xffff);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"valid headers", test_parse_good},
		{"invalid headers", test_parse_bad},
		{"options and fragments", test_parse_kinds},
		{"messages of the data channel", test_messages},
		{"multicast", test_multicast},
		{"MSS options", test_mss},
		{"MSS with lying header lengths", test_mss_bounds},
		{"TTL", test_ttl},
		{"ECN at the exit", test_ecn_decap},
		{"traffic class at the entry", test_tos_encap},
		{"unfinished checksums", test_csum_complete},
		{"finished checksums that look unfinished", test_csum_lookalike},
		{"sums of any length", test_csum_partial},
		{NULL, NULL},
	};

	return harness_run("inner", tests);
}
