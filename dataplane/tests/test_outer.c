// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/outer.h"

#include "dataplane/pkt.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/packet.h"

#include <CUnit/CUnit.h>

#include <netinet/in.h>
#include <string.h>

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t addr_a[16] = {192, 0, 2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1, 1};
static const uint8_t addr_b[16] = {198, 51, 100, 7, 0xff, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 9};
static struct rte_mempool *pool;

static size_t frame_make(uint8_t *frame, int family, int vlan, uint8_t opcode, size_t payload_len)
{
	uint8_t payload[1500] = {0}, ip[PACKET_MAX];
	struct packet_spec s = {.family = family,
		.proto = IPPROTO_UDP,
		.tos = 0x2e,
		.src_port = 40000,
		.dst_port = 1194,
		.payload = payload,
		.payload_len = payload_len};

	payload[0] = (uint8_t)(opcode << 3 | 2);
	memcpy(s.src, addr_b, 16);
	memcpy(s.dst, addr_a, 16);
	return packet_frame(frame, mac_a, mac_b, vlan, ip, packet_build(ip, &s));
}

static enum outer_verdict parse(const uint8_t *frame, size_t len, struct outer *o)
{
	struct frame f;

	if (!frame_parse(frame, (uint32_t)len, &f))
		return OUTER_TRUNCATED;
	return outer_parse(frame, (uint32_t)len, &f, o);
}

static void test_parse(void)
{
	uint8_t frame[PACKET_MAX];
	struct outer o;

	for (unsigned int i = 0; i < 8; i++) {
		int family = i & 1 ? 4 : 6, vlan = i & 2 ? 100 : PACKET_UNTAGGED;
		unsigned int l2 = i & 2 ? 18 : 14, hdr = family == 4 ? 20 : 40;
		size_t len = frame_make(frame, family, vlan, i & 4 ? 6 : 9, 100);

		CU_ASSERT_EQUAL(parse(frame, len, &o), OUTER_DATA);
		CU_ASSERT_EQUAL(o.family, family);
		CU_ASSERT_EQUAL(o.tos, 0x2e);
		CU_ASSERT_EQUAL(o.ip_len, hdr);
		CU_ASSERT_EQUAL(o.payload_off, l2 + hdr + 8);
		CU_ASSERT_EQUAL(o.payload_len, 100);
		CU_ASSERT_EQUAL(ntohs(o.src_port_be), 40000);
		CU_ASSERT_EQUAL(ntohs(o.dst_port_be), 1194);
		CU_ASSERT_EQUAL(memcmp(o.src, addr_b, family == 4 ? 4 : 16), 0);
		CU_ASSERT_EQUAL(memcmp(o.dst, addr_a, family == 4 ? 4 : 16), 0);
		// Padding behind the datagram is not its payload.
		CU_ASSERT_EQUAL(parse(frame, len + 6, &o), OUTER_DATA);
		CU_ASSERT_EQUAL(o.payload_len, 100);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(parse(frame, cut, &o), OUTER_TRUNCATED);
	}
}

static void test_opcodes(void)
{
	uint8_t frame[PACKET_MAX];
	struct outer o;

	for (unsigned int op = 0; op < 32; op++) {
		size_t len = frame_make(frame, 4, PACKET_UNTAGGED, (uint8_t)op, 40);

		CU_ASSERT_EQUAL(
			parse(frame, len, &o), op == 6 || op == 9 ? OUTER_DATA : OUTER_OTHER);
	}
	CU_ASSERT_EQUAL(parse(frame, frame_make(frame, 4, PACKET_UNTAGGED, 9, 0), &o), OUTER_OTHER);
}

static void csum4_fix(uint8_t *ip)
{
	uint16_t c;

	ip[10] = ip[11] = 0;
	c = packet_csum(ip, 20, 0);
	ip[10] = (uint8_t)(c >> 8);
	ip[11] = (uint8_t)c;
}

struct change {
	int family;
	unsigned int at; // in the IP header
	uint8_t value;
	enum outer_verdict want;
};

static void test_changed_headers(void)
{
	static const struct change rows[] = {
		{4, 0, 0x46, OUTER_OTHER},    // options
		{4, 0, 0x44, OUTER_BAD_IP},   // header too short
		{4, 0, 0x65, OUTER_BAD_IP},   // version
		{4, 3, 19, OUTER_BAD_IP},     // total length
		{4, 3, 27, OUTER_TRUNCATED},  // no room for UDP
		{4, 3, 60, OUTER_TRUNCATED},  // UDP length above the IP length
		{4, 6, 0x20, OUTER_FRAGMENT}, // more fragments
		{4, 6, 0x10, OUTER_FRAGMENT}, // offset, high bits
		{4, 7, 1, OUTER_FRAGMENT},    // offset
		{4, 6, 0x40, OUTER_DATA},     // DF
		{4, 9, IPPROTO_TCP, OUTER_OTHER},
		{4, 24, 0xff, OUTER_TRUNCATED}, // UDP length
		{4, 25, 7, OUTER_TRUNCATED},    // UDP length below its header
		{6, 0, 0x40, OUTER_BAD_IP},
		{6, 6, IPPROTO_HOPOPTS, OUTER_OTHER},
		{6, 6, IPPROTO_DSTOPTS, OUTER_OTHER},
		{6, 6, IPPROTO_FRAGMENT, OUTER_FRAGMENT},
		{6, 6, IPPROTO_TCP, OUTER_OTHER},
		{6, 4, 1, OUTER_TRUNCATED},
		{6, 5, 7, OUTER_TRUNCATED},
	};
	uint8_t frame[PACKET_MAX];
	struct outer o;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = frame_make(frame, rows[i].family, PACKET_UNTAGGED, 9, 100);

		frame[14 + rows[i].at] = rows[i].value;
		if (rows[i].at == 3)
			frame[14 + 2] = 0;
		if (rows[i].family == 4)
			csum4_fix(frame + 14);
		CU_ASSERT_EQUAL(parse(frame, len, &o), rows[i].want);
		if (parse(frame, len, &o) != rows[i].want)
			fprintf(stderr, "row %u: %d\n", i, parse(frame, len, &o));
	}
}

static void test_checksum_and_types(void)
{
	uint8_t frame[PACKET_MAX];
	size_t len = frame_make(frame, 4, PACKET_UNTAGGED, 9, 100);
	struct outer o;

	for (unsigned int i = 0; i < 160; i++) {
		frame[14 + i / 8] ^= (uint8_t)(1 << i % 8);
		CU_ASSERT_NOT_EQUAL(parse(frame, len, &o), OUTER_DATA);
		frame[14 + i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CU_ASSERT_EQUAL(parse(frame, len, &o), OUTER_DATA);
	frame[13] = 6; // ARP
	CU_ASSERT_EQUAL(parse(frame, len, &o), OUTER_OTHER);
	len = frame_make(frame, 4, 100, 9, 100);
	frame[16] = 0x81; // two tags
	CU_ASSERT_EQUAL(parse(frame, len, &o), OUTER_OTHER);
}

static struct rte_mbuf *sealed(size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *d = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);

	for (size_t i = 0; i < len; i++)
		d[i] = (uint8_t)(i * 11 + (i >> 5) + len);
	return m;
}

static void build_check(const struct peer_link *link, size_t len, enum outer_csum csum)
{
	struct rte_mbuf *m = sealed(len);
	unsigned int hdr = link->family == 4 ? 20 : 40;
	uint8_t *ip, *udp;

	outer_build(m, link, 0xb9, 0x1234, csum, false);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	udp = ip + hdr;
	CU_ASSERT_EQUAL(m->pkt_len, len + hdr + 8);
	CU_ASSERT_EQUAL(ip[0] >> 4, link->family);
	CU_ASSERT_TRUE(packet_ip_ok(ip));
	CU_ASSERT_EQUAL((size_t)(udp[4] << 8 | udp[5]), len + 8);
	CU_ASSERT_EQUAL(memcmp(ip + (hdr == 20 ? 12 : 8), addr_a, hdr == 20 ? 4 : 16), 0);
	CU_ASSERT_EQUAL(memcmp(ip + (hdr == 20 ? 16 : 24), addr_b, hdr == 20 ? 4 : 16), 0);
	if (hdr == 20) {
		CU_ASSERT_EQUAL(ip[1], 0xb9);
		CU_ASSERT_EQUAL((size_t)(ip[2] << 8 | ip[3]), len + 28);
		CU_ASSERT_EQUAL(ip[4] << 8 | ip[5], 0x1234);
		CU_ASSERT_EQUAL(ip[6] | ip[7], 0); // no DF
	} else {
		CU_ASSERT_EQUAL((ip[0] << 8 | ip[1]) >> 4 & 0xff, 0xb9);
		CU_ASSERT_EQUAL((size_t)(ip[4] << 8 | ip[5]), len + 8);
	}
	if (csum == OUTER_CSUM_ZERO && hdr == 20)
		CU_ASSERT_EQUAL(udp[6] | udp[7], 0)
	else
		CU_ASSERT_TRUE(packet_l4_ok(ip))
	rte_pktmbuf_free(m);
}

static void test_build(void)
{
	struct peer_link link = {0};

	for (int family = 4; family <= 6; family += 2) {
		outer_link_init(&link, (uint8_t)family, addr_a, htons(1194), addr_b, htons(40000));
		CU_ASSERT_EQUAL(link.hdr_len, family == 4 ? 28 : 48);
		for (size_t len = 22; len < 1500; len += len < 60 ? 1 : 37) {
			build_check(&link, len, OUTER_CSUM_SOFTWARE);
			build_check(&link, len, OUTER_CSUM_ZERO);
		}
	}
}

// A sum that comes out as zero is sent as all ones: zero means "none".
static void test_zero_sum(void)
{
	struct peer_link link = {0};
	unsigned int seen = 0;

	outer_link_init(&link, 4, addr_a, htons(1194), addr_b, htons(40000));
	for (unsigned int v = 0; v < 65536; v++) {
		struct rte_mbuf *m = sealed(24);
		uint8_t *d = rte_pktmbuf_mtod(m, uint8_t *);

		d[22] = (uint8_t)(v >> 8);
		d[23] = (uint8_t)v;
		outer_build(m, &link, 0, 1, OUTER_CSUM_SOFTWARE, false);
		d = rte_pktmbuf_mtod(m, uint8_t *);
		if (d[26] == 0xff && d[27] == 0xff)
			seen++;
		if (!packet_l4_ok(d))
			CU_FAIL("checksum");
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_TRUE(seen >= 1);
}

static void test_fragment_bounds(void)
{
	struct rte_mbuf *out[OUTER_FRAGMENTS_MAX], *m = sealed(1400);
	struct peer_link link = {0};
	unsigned int n, free_before;

	outer_link_init(&link, 4, addr_a, htons(1194), addr_b, htons(40000));
	outer_build(m, &link, 0, 7, OUTER_CSUM_SOFTWARE, false);
	m->port = 3;
	pkt_of(m)->gateway = 5;
	free_before = rte_mempool_avail_count(pool);
	CU_ASSERT_EQUAL(outer_fragment(m, pool, 27, 0, out), 0);  // no eight bytes fit
	CU_ASSERT_EQUAL(outer_fragment(m, pool, 100, 0, out), 0); // too many
	CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), free_before);
	n = outer_fragment(m, pool, 108, 0, out); // 88 bytes each, 1408 bytes
	CU_ASSERT_EQUAL(n, 16);
	for (unsigned int i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(out[i]->data_len, 108);
		CU_ASSERT_EQUAL(out[i]->port, 3);
		CU_ASSERT_EQUAL(pkt_of(out[i])->gateway, 5);
		CU_ASSERT_TRUE(rte_pktmbuf_headroom(out[i]) >= NEXTHOP_L2_MAX);
	}
	rte_pktmbuf_free_bulk(out, n);
	rte_pktmbuf_free(m);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"finds address, port and payload", test_parse},
		{"takes data opcodes alone", test_opcodes},
		{"judges changed headers", test_changed_headers},
		{"checks the header checksum and the frame's type", test_checksum_and_types},
		{"builds exact headers", test_build},
		{"never sends a zero checksum by chance", test_zero_sum},
		{"bounds fragments", test_fragment_bounds},
		{NULL, NULL},
	};

	harness_eal_init(64);
	pool = rte_pktmbuf_pool_create("outer", 255, 0, PKT_PRIV_BYTES, 2432, SOCKET_ID_ANY);
	if (!pool)
		return 1;
	return harness_run("outer", tests);
}
