// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Every kind of inner packet, from a client and to one: the rows of the table in
// docs/inner-packets.md, by their titles.
#include "dataplane/tests/path.h"

#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAGIC_HEX "287f346bd4ef7a812d56b8d3afc5459c"
// A TCP SYN with a larger MSS than the peer's.
#define SYN_HEX \
	"000100020000000100000000" \
	"6002ffff00000000" \
	"020405b4"
#define PROTO_TEST 253 // no protocol: its payload follows the IP header

static struct path p;
static struct path_out out, text;

// What becomes of it. A reason of enum punt_reason or enum drop_reason goes with the last two.
struct fate {
	enum { UNUSED, CARRIED, KERNEL, LOST } what;
	int reason;
};
#define TO_KERNEL(name) \
	{ \
		KERNEL, PUNT_##name \
	}
#define DROPPED(name) \
	{ \
		LOST, DROP_##name \
	}

struct row {
	const char *title;
	uint8_t family, proto;
	const char *src, *dst; // NULL: as usual
	const char *payload;
	uint8_t at;        // the header's bytes from here on
	const char *patch; // are these
	bool bad_csum;
	uint8_t cut, behind; // bytes less or more than the header says
	struct fate in, to;
};

static const struct row rows[] = {
	{.title = "IPv4 options",
		.family = 4,
		.payload = "9404000011223344",
		.patch = "46",
		.in = TO_KERNEL(IP_OPTIONS),
		.to = TO_KERNEL(IP_OPTIONS)},
	{.title = "IPv6 hop-by-hop header",
		.family = 6,
		.at = 6,
		.patch = "00",
		.payload = "3b00050200000000",
		.in = TO_KERNEL(IP_OPTIONS),
		.to = TO_KERNEL(IP_OPTIONS)},
	{.title = "IPv6 jumbogram",
		.family = 6,
		.at = 4,
		.patch = "000000",
		.payload = "3b00c20400010000",
		.in = TO_KERNEL(IP_OPTIONS),
		.to = TO_KERNEL(IP_OPTIONS)},
	{.title = "IPv6 routing header",
		.family = 6,
		.proto = IPPROTO_ROUTING,
		.payload = "3b00040000000000",
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv6 destination options",
		.family = 6,
		.proto = IPPROTO_DSTOPTS,
		.payload = "3b00010400000000",
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv6 ESP",
		.family = 6,
		.proto = IPPROTO_ESP,
		.payload = "0000000100000001",
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv4 fragment, first",
		.family = 4,
		.at = 6,
		.patch = "20004006",
		.payload = SYN_HEX,
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv4 fragment, later",
		.family = 4,
		.at = 6,
		.patch = "0001",
		.payload = "1122334455667788",
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv6 fragment, first",
		.family = 6,
		.proto = IPPROTO_FRAGMENT,
		.payload = "0600000100000001" SYN_HEX,
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv6 fragment, later",
		.family = 6,
		.proto = IPPROTO_FRAGMENT,
		.payload = "fd000008000000011122334455667788",
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv4 multicast",
		.family = 4,
		.dst = "e00000fb",
		.in = TO_KERNEL(MULTICAST),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv6 multicast",
		.family = 6,
		.dst = "ff020000000000000000000000000001",
		.in = TO_KERNEL(MULTICAST),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv4 broadcast",
		.family = 4,
		.dst = "ffffffff",
		.in = TO_KERNEL(MULTICAST),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv4 broadcast of the clients' network",
		.family = 4,
		.dst = "0a0800ff",
		.in = TO_KERNEL(NO_ROUTE),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv4 to nowhere (0.0.0.0)",
		.family = 4,
		.dst = "00000000",
		.in = TO_KERNEL(MULTICAST),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv6 from link-local",
		.family = 6,
		.src = "fe800000000000000000000000000001",
		.in = DROPPED(SPOOF),
		.to = {CARRIED, 0}},
	{.title = "IPv6 to link-local",
		.family = 6,
		.dst = "fe800000000000000000000000000001",
		.in = TO_KERNEL(NO_ROUTE),
		.to = DROPPED(NO_PEER)},
	{.title = "IPv4 from link-local",
		.family = 4,
		.src = "a9fe0001",
		.in = DROPPED(SPOOF),
		.to = {CARRIED, 0}},
	{.title = "IPv4 from nowhere (0.0.0.0)",
		.family = 4,
		.src = "00000000",
		.in = DROPPED(SPOOF),
		.to = {CARRIED, 0}},
	{.title = "IPv6 from nowhere (::)",
		.family = 6,
		.src = "00",
		.in = DROPPED(SPOOF),
		.to = {CARRIED, 0}},
	{.title = "IPv6 from multicast",
		.family = 6,
		.src = "ff020000000000000000000000000001",
		.in = DROPPED(SPOOF),
		.to = {CARRIED, 0}},
	{.title = "version 0",
		.family = 4,
		.patch = "05",
		.in = DROPPED(BAD_INNER),
		.to = DROPPED(BAD_IP)},
	{.title = "version 5",
		.family = 4,
		.patch = "55",
		.in = DROPPED(BAD_INNER),
		.to = DROPPED(BAD_IP)},
	{.title = "version 15",
		.family = 4,
		.patch = "f5",
		.in = DROPPED(BAD_INNER),
		.to = DROPPED(BAD_IP)},
	{.title = "IPv4 header shorter than 20",
		.family = 4,
		.patch = "44",
		.in = DROPPED(BAD_IP),
		.to = DROPPED(BAD_IP)},
	{.title = "IPv4 length shorter than its header",
		.family = 4,
		.at = 2,
		.patch = "0013",
		.in = DROPPED(BAD_IP),
		.to = DROPPED(BAD_IP)},
	{.title = "IPv4 checksum wrong",
		.family = 4,
		.bad_csum = true,
		.in = DROPPED(BAD_IP),
		.to = DROPPED(BAD_IP)},
	{.title = "IPv4 cut short",
		.family = 4,
		.cut = 1,
		.in = DROPPED(TRUNCATED),
		.to = DROPPED(TRUNCATED)},
	{.title = "IPv6 cut short",
		.family = 6,
		.cut = 1,
		.in = DROPPED(TRUNCATED),
		.to = DROPPED(TRUNCATED)},
	{.title = "less than an IPv4 header",
		.family = 4,
		.cut = 9,
		.in = DROPPED(TRUNCATED),
		.to = DROPPED(TRUNCATED)},
	{.title = "less than an IPv6 header",
		.family = 6,
		.cut = 9,
		.in = DROPPED(TRUNCATED),
		.to = DROPPED(TRUNCATED)},
	{.title = "IPv4 with bytes behind its end",
		.family = 4,
		.behind = 40,
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "IPv6 with bytes behind its end",
		.family = 6,
		.behind = 40,
		.in = {CARRIED, 0},
		.to = {CARRIED, 0}},
	{.title = "TTL 1",
		.family = 4,
		.at = 8,
		.patch = "01",
		.in = TO_KERNEL(TTL),
		.to = TO_KERNEL(TTL)},
	{.title = "hop limit 1",
		.family = 6,
		.at = 7,
		.patch = "01",
		.in = TO_KERNEL(TTL),
		.to = TO_KERNEL(TTL)},
};

static void csum_fix(uint8_t *ip)
{
	size_t hdr = (ip[0] & 0xfu) * 4;
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = packet_csum(ip, hdr, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

// Returns the length that the header says; *len is what is there.
static size_t make(const struct row *r, struct packet_spec s, uint8_t *ip, size_t *len)
{
	uint8_t payload[64] = "12345678";
	size_t said;

	s.proto = r->proto ? r->proto : PROTO_TEST;
	s.payload = payload;
	s.payload_len = r->payload ? harness_hex(r->payload, payload, sizeof(payload)) : 8;
	said = packet_build(ip, &s);
	if (r->patch)
		harness_hex(r->patch, ip + r->at, 4);
	if (r->family == 4)
		csum_fix(ip);
	ip[10] ^= r->bad_csum;
	memset(ip + said, 0xaa, r->behind);
	*len = said + r->behind - r->cut;
	return r->family == 6 ? 40u + (size_t)(ip[4] << 8 | ip[5]) : said;
}

static void expect(const struct row *r, const struct fate *f, enum path_port from,
	const struct path_peer *pp, uint8_t *ip, size_t said)
{
	enum path_port to = from == LINK ? VPN : LINK;
	bool sent = path_sent(&p, to, 0, &out), ok;
	uint32_t id;

	if (f->what == CARRIED) {
		ip[r->family == 4 ? 8 : 7]--;
		if (r->family == 4)
			csum_fix(ip);
		ok = sent && (from == LINK || path_open(pp, &out, true, &text, &id));
		ok = ok && (from == LINK ? out.len == 14 + said && !memcmp(out.data + 14, ip, said)
					 : text.len == said && !memcmp(text.data, ip, said));
	} else if (f->what == KERNEL) {
		ok = !sent && path_punts(&p, from, (enum punt_reason)f->reason) == 1 &&
		     path_punted(&p, &out) && out.pkt.punt_dest == PUNT_TO_TUN && out.len == said &&
		     !memcmp(out.data, ip, said);
	} else {
		ok = !sent && path_drops(&p, from, (enum drop_reason)f->reason) == 1;
	}
	CU_ASSERT_TRUE(ok);
	if (!ok)
		fprintf(stderr, "%s %s\n", r->title,
			from == LINK ? "from a client" : "to a client");
}

static void run(const struct row *r, enum path_port from)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	size_t len, said;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){.mss4 = 1000});
	s = from == LINK ? path_spec_in(pp, r->family) : path_spec_out(pp, r->family);
	if (r->src) {
		memset(s.src, 0, sizeof(s.src));
		harness_hex(r->src, s.src, sizeof(s.src));
	}
	if (r->dst)
		harness_hex(r->dst, s.dst, sizeof(s.dst));
	said = make(r, s, ip, &len);
	if (from == LINK) {
		size_t sealed = path_seal(pp, ip, len, data);

		len = path_link_frame(pp, 0, data, sealed, frame);
	} else {
		len = packet_frame(frame, path_mac, path_gateway_mac, -1, ip, len);
	}
	path_in(&p, 0, from, frame, len);
	expect(r, from == LINK ? &r->in : &r->to, from, pp, ip, said);
	path_teardown(&p);
}

static void test_from_client(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i], LINK);
}

static void test_to_client(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run(&rows[i], VPN);
}

// Payloads that are no IP packets. Reason DROP_REASON_COUNT: they end in the worker, as they should.
static void test_no_packets(void)
{
	static const struct {
		const char *hex;
		enum cipher cipher;
		enum drop_reason reason;
	} cases[] = {
		{"", CIPHER_AES_256_GCM, DROP_SHORT},
		{"", CIPHER_AES_256_CBC, DROP_BAD_INNER},
		{"2a187bf3641eb4cb07ed2d0a981fc748", CIPHER_AES_256_GCM, DROP_REASON_COUNT},
		{"2a187bf3641eb4cb07ed2d0a981fc7", CIPHER_AES_256_GCM, DROP_BAD_INNER},
		{"2a187bf3641eb4cb07ed2d0a981fc74800", CIPHER_AES_256_GCM, DROP_BAD_INNER},
		{MAGIC_HEX, CIPHER_AES_256_GCM, DROP_BAD_INNER},
		{MAGIC_HEX "00", CIPHER_AES_256_GCM, DROP_REASON_COUNT},
		{MAGIC_HEX "02", CIPHER_AES_256_GCM, DROP_REASON_COUNT},
		{MAGIC_HEX "ff", CIPHER_AES_256_GCM, DROP_REASON_COUNT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t inside[64], data[PACKET_MAX], frame[PACKET_MAX];
		size_t len = harness_hex(cases[i].hex, inside, sizeof(inside));
		struct path_peer *pp;

		path_setup(&p, 1);
		pp = path_peer_add(&p, 0, (struct path_peer_conf){.cipher = cases[i].cipher});
		len = path_seal(pp, inside, len, data);
		path_in(&p, 0, LINK, frame, path_link_frame(pp, 0, data, len, frame));
		if (cases[i].reason == DROP_REASON_COUNT)
			CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[LINK].consumed), 1)
		else
			CU_ASSERT_EQUAL(path_drops(&p, LINK, cases[i].reason), 1)
		path_teardown(&p);
	}
}

const struct harness_test path_inner_tests[] = {
	{"every kind from a client", test_from_client},
	{"every kind to a client", test_to_client},
	{"payloads that are no packets", test_no_packets},
	{NULL, NULL},
};
