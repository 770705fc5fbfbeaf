// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// From client to client: by workers alone where the gateway allows it, not at all where it does not.
#include "dataplane/tests/path.h"

#include "dataplane/capture.h"
#include "dataplane/inbound.h"
#include "dataplane/inject.h"
#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>
#include <rte_ring.h>

#include <netinet/in.h>
#include <string.h>

static struct path p;
static struct path_out out, text;

static void set_up(unsigned int workers, bool allowed)
{
	path_setup(&p, workers);
	p.st->gateways[0].client_to_client = allowed;
}

static struct packet_spec between(
	const struct path_peer *from, const struct path_peer *to, int family)
{
	struct packet_spec s = path_spec_in(from, family);

	memset(s.dst, 0, sizeof(s.dst));
	memcpy(s.dst, family == 4 ? to->vpn4 : to->vpn6, family == 4 ? 4 : 16);
	return s;
}

// The packet as `to` gets it: one hop less, and nothing else.
static void expect_at(const struct path_peer *to, unsigned int worker, const struct packet_spec *s)
{
	struct packet_spec want = *s;
	uint8_t ip[PACKET_MAX];
	uint32_t id;
	size_t len;

	want.ttl = 63;
	len = packet_build(ip, &want);
	CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, worker, &out));
	CU_ASSERT_TRUE_FATAL(path_open(to, &out, true, &text, &id));
	CU_ASSERT_EQUAL(text.len, len);
	CU_ASSERT_EQUAL(memcmp(text.data, ip, len), 0);
}

// An IPv6 hop-by-hop header in front of nothing.
static struct packet_spec with_options(const struct path_peer *from, const struct path_peer *to)
{
	static const uint8_t options[] = {59, 0, 5, 2, 0, 0, 0, 0};
	struct packet_spec s = between(from, to, 6);

	s.proto = 0;
	s.payload = options;
	s.payload_len = sizeof(options);
	return s;
}

static uint64_t all_punts(void)
{
	uint64_t n = 0;

	for (unsigned int r = 0; r < PUNT_REASON_COUNT; r++)
		n += path_punts(&p, LINK, (enum punt_reason)r);
	return n;
}

static void test_same_worker(void)
{
	const struct gateway_counters *gc;
	struct path_peer *a, *b;

	for (int family = 4; family <= 6; family += 2) {
		struct packet_spec s;

		set_up(1, true);
		a = path_peer_add(&p, 0, (struct path_peer_conf){0});
		b = path_peer_add(&p, 1,
			(struct path_peer_conf){
				.cipher = CIPHER_AES_256_CBC, .digest = DIGEST_SHA256});
		s = between(a, b, family);
		path_client_sends(&p, 0, a, &s);
		expect_at(b, 0, &s);
		s = between(b, a, family);
		path_client_sends(&p, 0, b, &s);
		expect_at(a, 0, &s);
		gc = path_gateway(&p, 0, 0);
		CU_ASSERT_EQUAL(counter_get(&gc->client_to_client), 2);
		CU_ASSERT_EQUAL(counter_get(&gc->in_pkts), 2);
		CU_ASSERT_EQUAL(counter_get(&gc->out_pkts), 2);
		CU_ASSERT_EQUAL(counter_get(&gc->fast_out_pkts), 2);
		CU_ASSERT_EQUAL(counter_get(&gc->fast_in_pkts), 0);
		CU_ASSERT_EQUAL(counter_get(&a->peer->in_pkts), 1);
		CU_ASSERT_EQUAL(counter_get(&a->peer->out_pkts), 1);
		CU_ASSERT_EQUAL(counter_get(&b->peer->out_bytes), counter_get(&a->peer->in_bytes));
		CU_ASSERT_EQUAL(all_punts(), 0);
		CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
		path_teardown(&p);
	}
}

static void test_other_worker(void)
{
	struct path_peer *a, *b;

	for (int family = 4; family <= 6; family += 2) {
		struct packet_spec s;

		set_up(2, true);
		a = path_peer_add(&p, 0, (struct path_peer_conf){0});
		b = path_peer_add(&p, 1, (struct path_peer_conf){.owner = 1});
		s = between(a, b, family);
		path_client_sends(&p, 1, a, &s); // and received by the wrong one at first
		worker_turn(p.w[1]);
		worker_turn(p.w[0]);
		worker_turn(p.w[1]);
		expect_at(b, 1, &s);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->client_to_client), 1);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->in_pkts), 1);
		CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 1, 0)->out_pkts), 1);
		CU_ASSERT_EQUAL(all_punts(), 0);
		path_teardown(&p);
	}
}

// A whole burst for one client: nothing is lost, and the order stays.
static void test_burst(void)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct rte_mbuf *m[WORKER_BURST];
	struct path_peer *a, *b, *c;

	set_up(1, true);
	a = path_peer_add(&p, 0, (struct path_peer_conf){0});
	b = path_peer_add(&p, 1, (struct path_peer_conf){0});
	c = path_peer_add(&p, 2,
		(struct path_peer_conf){.cipher = CIPHER_AES_256_CBC, .digest = DIGEST_SHA1});
	for (unsigned int i = 0; i < WORKER_BURST; i++) {
		struct path_peer *from = i % 4 == 3 ? c : a;
		struct packet_spec s = between(from, b, 4);
		size_t len;

		s.src_port = (uint16_t)(1000 + i);
		len = path_seal(from, ip, packet_build(ip, &s), data);
		m[i] = path_mbuf(&p, frame, path_link_frame(from, 0, data, len, frame));
	}
	p.w[0]->now_tsc = p.now_tsc;
	inbound_burst(p.w[0], LINK, m, WORKER_BURST);
	worker_tx_flush(p.w[0]);
	CU_ASSERT_EQUAL(p.w[0]->hairpin.count, 0);
	// Of each sender in its order; c's format is opened behind a's.
	for (unsigned int i = 0, of_a = 0, of_c = 0; i < WORKER_BURST; i++) {
		unsigned int want = i < WORKER_BURST / 4 * 3 ? of_a / 3 * 4 + of_a % 3
							     : of_c * 4 + 3;
		uint32_t id;

		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE_FATAL(path_open(b, &out, true, &text, &id));
		CU_ASSERT_EQUAL(id, i + 1);
		CU_ASSERT_EQUAL((unsigned int)(text.data[20] << 8 | text.data[21]), 1000 + want);
		of_c += i >= WORKER_BURST / 4 * 3;
		of_a++;
	}
	path_teardown(&p);
}

// Whatever the kernel would get it for, and by whichever way it comes back.
static void test_not_allowed(void)
{
	struct path_peer *a, *b;
	struct packet_spec s;

	set_up(1, false);
	a = path_peer_add(&p, 0, (struct path_peer_conf){0});
	b = path_peer_add(&p, 1, (struct path_peer_conf){0});
	for (int family = 4; family <= 6; family += 2) {
		s = between(a, b, family);
		path_client_sends(&p, 0, a, &s);
		s.ttl = 1;
		path_client_sends(&p, 0, a, &s);
	}
	s = with_options(a, b);
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_CLIENT_TO_CLIENT), 5);
	p.st->gateways[0].fast_path = false;
	s = between(a, b, 4);
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_CLIENT_TO_CLIENT), 6);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->drop[DROP_CLIENT_TO_CLIENT]), 6);
	CU_ASSERT_EQUAL(all_punts(), 0);
	CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &out));
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->client_to_client), 0);
	path_teardown(&p);
}

static void from_tun(const struct packet_spec *s)
{
	struct rte_mbuf *m = inject_alloc(p.dp, PKT_PORT_TUN);
	uint8_t ip[PACKET_MAX];
	size_t len = packet_build(ip, s);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), ip, len);
	pkt_of(m)->stage = PKT_STAGE_OUTBOUND_TUN;
	pkt_of(m)->gateway = 0;
	CU_ASSERT_EQUAL(inject_push(p.dp, 0, m), 0);
	worker_turn(p.w[0]);
}

static void test_tun(void)
{
	struct path_peer *a, *b;
	struct packet_spec s;

	set_up(1, false);
	a = path_peer_add(&p, 0, (struct path_peer_conf){0});
	b = path_peer_add(&p, 1, (struct path_peer_conf){0});
	for (int family = 4; family <= 6; family += 2) {
		s = between(a, b, family);
		from_tun(&s);
	}
	CU_ASSERT_EQUAL(path_drops(&p, PKT_PORT_TUN, DROP_CLIENT_TO_CLIENT), 2);
	CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &out));
	// To itself, from inside, and where it is allowed.
	s = between(a, a, 4);
	from_tun(&s);
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	s = path_spec_out(a, 4);
	from_tun(&s);
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	p.st->gateways[0].client_to_client = true;
	s = between(a, b, 4);
	from_tun(&s);
	CU_ASSERT_TRUE(path_sent(&p, LINK, 0, &out));
	path_teardown(&p);
}

// What a worker cannot finish is the kernel's between clients, too.
static void test_kernel(void)
{
	struct path_peer *a, *b;
	struct packet_spec s;

	set_up(1, true);
	a = path_peer_add(&p, 0, (struct path_peer_conf){0});
	b = path_peer_add(&p, 1, (struct path_peer_conf){0});
	s = between(a, b, 4);
	s.dst[3] = 99; // nobody's
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_NO_ROUTE), 1);
	s = between(a, a, 4);
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_NO_ROUTE), 2);
	s = between(a, b, 4);
	s.ttl = 1;
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_TTL), 1);
	s = with_options(a, b);
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_IP_OPTIONS), 1);
	s = between(a, b, 4);
	p.st->gateways[0].tun_mtu = 40;
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_TOO_BIG), 1);
	p.st->gateways[0].fast_path = false;
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_FAST_PATH_OFF), 1);
	CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &out));
	path_teardown(&p);
}

// Never between gateways, even in one routing domain: that is the kernel's.
static void test_gateways(void)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		struct path_peer *a, *b;
		struct packet_spec s;
		uint8_t addr[16] = {0};

		set_up(1, allowed);
		p.st->gateways[1].client_to_client = allowed;
		a = path_peer_add(&p, 0, (struct path_peer_conf){0});
		b = path_peer_add(&p, 1, (struct path_peer_conf){.gateway = 1});
		harness_hex("0a090009", addr, sizeof(addr));
		CU_ASSERT_EQUAL(iroute_add(p.dp->iroute, 1, 4, addr, 32, b->id), 0);
		s = path_spec_in(a, 4);
		memcpy(s.dst, addr, 16);
		path_client_sends(&p, 0, a, &s);
		CU_ASSERT_EQUAL(path_punts(&p, LINK, PUNT_NO_ROUTE), 1);
		CU_ASSERT_FALSE(path_sent(&p, LINK, 0, &out));
		path_teardown(&p);
	}
}

static void test_subnet(void)
{
	struct path_peer *a, *b;
	uint8_t addr[16] = {0};
	struct packet_spec s;

	set_up(1, true);
	a = path_peer_add(&p, 0, (struct path_peer_conf){0});
	b = path_peer_add(&p, 1, (struct path_peer_conf){0});
	harness_hex("0a320000", addr, sizeof(addr));
	CU_ASSERT_EQUAL(iroute_add(p.dp->iroute, 1, 4, addr, 16, b->id), 0);
	s = path_spec_in(a, 4);
	harness_hex("0a320709", s.dst, sizeof(s.dst));
	path_client_sends(&p, 0, a, &s);
	expect_at(b, 0, &s);
	p.st->gateways[0].client_to_client = false;
	path_client_sends(&p, 0, a, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_CLIENT_TO_CLIENT), 1);
	path_teardown(&p);
}

// The smaller of both clients' MSS, and both see the packet in a capture.
static void test_mss_and_capture(void)
{
	static const uint8_t mss[] = {2, 4, 0x05, 0xb4}; // 1460
	struct path_peer *a, *b;
	struct packet_spec s;
	uint32_t id;

	set_up(1, true);
	a = path_peer_add(&p, 0, (struct path_peer_conf){.mss4 = 1300});
	b = path_peer_add(&p, 1, (struct path_peer_conf){.mss4 = 1200});
	p.capture[0] = CAPTURE_VPN;
	for (unsigned int i = 0; i < 2; i++) {
		s = i ? between(b, a, 4) : between(a, b, 4);
		s.proto = IPPROTO_TCP;
		s.tcp_flags = 2;
		s.tcp_opts = mss;
		s.tcp_opts_len = sizeof(mss);
		path_client_sends(&p, 0, i ? b : a, &s);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 0, &out));
		CU_ASSERT_TRUE_FATAL(path_open(i ? a : b, &out, true, &text, &id));
		CU_ASSERT_EQUAL(text.data[42] << 8 | text.data[43], 1200);
		CU_ASSERT_TRUE(packet_l4_ok(text.data));
	}
	CU_ASSERT_EQUAL(rte_ring_count(p.dp->capture), 4);
	path_teardown(&p);
}

const struct harness_test path_hairpin_tests[] = {
	{"between clients of one worker", test_same_worker},
	{"between clients of two workers", test_other_worker},
	{"a burst in order", test_burst},
	{"not where it is not allowed", test_not_allowed},
	{"nor through the kernel", test_tun},
	{"what the kernel must finish", test_kernel},
	{"never between gateways", test_gateways},
	{"to a network behind a client", test_subnet},
	{"MSS and captures of both", test_mss_and_capture},
	{NULL, NULL},
};
