// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What workers see of a client, and how long they may go on looking at it. The one reader of the
// grace periods is the test itself, so each step of them is under its hand.

#include "control/publish.h"

#include "dataplane/aead.h"
#include "dataplane/inject.h"
#include "dataplane/outer.h"
#include "dataplane/punt.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_byteorder.h>
#include <rte_lcore.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <errno.h>
#include <string.h>

#define READER 0
#define DOMAIN 3
#define GATEWAY 1
#define PEERS 2

static struct dp *dp;
static struct worker *worker;
static struct publish *p;

static uint32_t subnets_max;
static const uint8_t client6[16] = {0, 0x64, 0xff, 0x9b, [15] = 9}; // begins with a zero

static void set_up(void)
{
	const struct dp_limits limits = {.peers_max = PEERS,
		.subnets_max = subnets_max,
		.routes_max = 64,
		.gateways_max = 2,
		.worker_count = 1,
		.mbufs = 1024};

	dp = dp_new(&limits);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dp);
	worker = worker_new(dp, 0, rte_lcore_id(), WORKER_POLL_BUSY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(worker);
	p = publish_new(dp);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	rte_rcu_qsbr_thread_register(dp->qsbr, READER);
	rte_rcu_qsbr_thread_online(dp->qsbr, READER);
}

static void tear_down(void)
{
	rte_rcu_qsbr_thread_offline(dp->qsbr, READER);
	rte_rcu_qsbr_thread_unregister(dp->qsbr, READER);
	publish_free(p);
	worker_free(worker);
	dp_free(dp);
}

static void quiescent(void)
{
	rte_rcu_qsbr_quiescent(dp->qsbr, READER);
	publish_tick(p);
}

static struct publish_peer client(uint8_t last)
{
	struct publish_peer d = {
		.gateway = GATEWAY,
		.vpn_domain = DOMAIN,
		.local = {.family = 4, .addr = {192, 0, 2, 1}, .port_be = rte_cpu_to_be_16(1194)},
		.remote = {.family = 4, .addr = {198, 51, 100, last}, .port_be = 4242},
		.vpn4 = {10, 8, 0, last},
	};

	memcpy(d.vpn6, client6, sizeof(d.vpn6));
	d.vpn6[15] = last;
	return d;
}

static uint32_t add(uint8_t last)
{
	const struct publish_peer d = client(last);
	uint32_t id = publish_peer_id_get(p);

	CU_ASSERT_NOT_EQUAL_FATAL(id, PROTO_PEER_ID_UNDEF);
	CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, id));
	CU_ASSERT_EQUAL_FATAL(publish_peer_add(p, id, &d), 0);
	return id;
}

// Out of line: CUnit's way out of a failed test is none that the compiler knows.
static __attribute__((noinline)) struct peer *peer_of(uint32_t id)
{
	struct peer *peer = peer_by_id(dp->peers, id);

	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	return peer;
}

static uint32_t by_link(const struct publish_peer *d)
{
	return iroute_link_lookup(dp->iroute, d->gateway, d->local_id, d->remote.family,
		d->remote.addr, d->remote.port_be);
}

static void key_make(struct session_key *k, uint8_t key_id)
{
	*k = (struct session_key){.key_id = key_id, .cipher = CIPHER_AES_256_GCM};
	memset(k->send_key, 0x10 + key_id, sizeof(k->send_key));
	memset(k->recv_key, 0x20 + key_id, sizeof(k->recv_key));
	memset(k->send_iv, 0x30 + key_id, sizeof(k->send_iv));
	memset(k->recv_iv, 0x40 + key_id, sizeof(k->recv_iv));
}

static void key_add(uint32_t id, uint8_t key_id, bool promote)
{
	struct session_key key;

	key_make(&key, key_id);
	CU_ASSERT_EQUAL(publish_key_add(p, id, &key, promote), 0);
}

static void test_visible(void)
{
	const struct publish_peer d = client(9);
	const struct peer_link *link;
	struct peer *peer;
	uint32_t id;

	set_up();
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, d.vpn4), PROTO_PEER_ID_UNDEF);
	id = add(9);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, d.vpn4), id);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 6, d.vpn6), id);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN + 1, 4, d.vpn4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(by_link(&d), id);
	peer = peer_of(id);
	CU_ASSERT_EQUAL(peer->peer_id, id);
	CU_ASSERT_EQUAL(peer->gateway, GATEWAY);
	CU_ASSERT_NOT_EQUAL(peer->generation, 0);
	CU_ASSERT_PTR_NULL(peer_key_primary(peer));
	link = peer->link;
	CU_ASSERT_EQUAL(link->hdr_len, 28);
	CU_ASSERT_EQUAL(link->hdr[8], OUTER_TTL);
	CU_ASSERT_EQUAL(link->hdr[9], 17);
	CU_ASSERT_EQUAL(memcmp(link->hdr + 12, d.local.addr, 4), 0);
	CU_ASSERT_EQUAL(memcmp(link->hdr + 16, d.remote.addr, 4), 0);
	CU_ASSERT_EQUAL(memcmp(link->remote_addr, d.remote.addr, 16), 0);
	publish_peer_del(p, id);
	tear_down();
}

static void test_keys(void)
{
	struct keyslot *first, *second;
	struct keyslot copy;
	struct peer *peer;
	uint32_t id;

	set_up();
	id = add(9);
	peer = peer_of(id);
	key_add(id, 0, true);
	first = peer_key_primary(peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_EQUAL(first->key_id, 0);
	CU_ASSERT_EQUAL(first->send_iv[0], 0x30);
	CU_ASSERT_EQUAL(first->recv_iv[0], 0x40);
	CU_ASSERT_EQUAL(first->generation, peer->generation);
	// A second one receives and does not send until it is promoted.
	key_add(id, 1, false);
	second = peer_key_by_id(peer, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	CU_ASSERT_PTR_EQUAL(peer_key_primary(peer), first);
	publish_key_promote(p, id, 1);
	CU_ASSERT_PTR_EQUAL(peer_key_primary(peer), second);
	CU_ASSERT_PTR_EQUAL(peer_key_by_id(peer, 0), first);
	publish_key_promote(p, id, 5); // nobody's
	CU_ASSERT_PTR_EQUAL(peer_key_primary(peer), second);
	// The third takes the place of the one that does not send: two at most. A worker may still
	// be using the first one.
	copy = *first;
	key_add(id, 2, false);
	CU_ASSERT_PTR_NULL(peer_key_by_id(peer, 0));
	CU_ASSERT_PTR_EQUAL(peer_key_primary(peer), second);
	publish_tick(p);
	CU_ASSERT_EQUAL(memcmp(&copy, first, sizeof(copy)), 0);
	quiescent();
	CU_ASSERT_NOT_EQUAL(memcmp(&copy, first, sizeof(copy)), 0);
	publish_key_del(p, id, 2);
	CU_ASSERT_PTR_NULL(peer_key_by_id(peer, 2));
	CU_ASSERT_PTR_EQUAL(peer_key_primary(peer), second);
	publish_peer_del(p, id);
	tear_down();
}

// Key block of OpenVPN's test_ssl.c, whose first half sends.
static void published_key(struct session_key *k)
{
	static const char text[] = "abcdefgh01234567ABCDEFGHjkuchenl";

	*k = (struct session_key){
		.key_id = 7, .cipher = CIPHER_AES_256_GCM, .epoch = true, .recv_key = {1}};
	for (uint8_t i = 0; i < sizeof(k->send_key); i++)
		k->send_key[i] = (uint8_t)text[i] ^ i;
}

// Which epochs have a key, one bit each.
static uint32_t held(_Atomic(struct epoch_key *) *ring)
{
	uint32_t set = 0;

	for (unsigned int i = 0; i < EPOCH_RING; i++) {
		const struct epoch_key *key = ring[i];

		if (key)
			CU_ASSERT_EQUAL(key->epoch % EPOCH_RING, i);
		set |= key ? UINT32_C(1) << key->epoch : 0;
	}
	return set;
}

static struct epoch_slot *epoch_add(uint32_t id)
{
	struct session_key key;
	struct keyslot *k;

	published_key(&key);
	CU_ASSERT_EQUAL_FATAL(publish_key_add(p, id, &key, true), 0);
	k = peer_key_primary(peer_of(id));
	CU_ASSERT_EQUAL(k->format, FORMAT_EPOCH);
	CU_ASSERT_EQUAL(k->send_pktid.last, PKTID_MAX);
	return &k->epoch;
}

// The whole way from the key block to the published packet of epoch 4: its tag.
static void test_epoch_known(void)
{
	static const char plain[] = "The quick little fox jumps over the bureaucratic hurdles";
	uint8_t aad[12] = {0x07, 0, 0, 0x17, 0, 4, [11] = 1}, text[sizeof(plain)], tag[16],
		want[16];
	struct aead_op op = {.aad = aad, .aad_len = 12, .data = text, .len = sizeof(plain) - 1};
	struct crypto *crypto = crypto_new();
	const struct epoch_key *key;
	struct epoch_slot *s;
	uint32_t id;

	set_up();
	id = add(9);
	s = epoch_add(id);
	s->recv_epochs = s->send_epoch = s->send_wanted = 3;
	CU_ASSERT_EQUAL(publish_key_refill(p, id), 0);
	key = s->send[4];
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	memcpy(text, plain, op.len);
	op.key = &key->key;
	op.tag = tag;
	epoch_nonce(op.nonce, aad + 4, key->iv);
	aead_seal_burst(crypto, &op, 1);
	harness_hex("0ffff5913d39d75b18573b5748589a7d", want, sizeof(want));
	CU_ASSERT_EQUAL(memcmp(tag, want, sizeof(want)), 0);
	publish_peer_del(p, id);
	tear_down();
	crypto_free(crypto);
}

// Keys are ahead of what is in use; those gone by go after a grace period.
static void test_epoch_refill(void)
{
	struct publish_key_usage u;
	struct epoch_key *old;
	struct epoch_slot *s;
	uint32_t id;

	set_up();
	id = add(9);
	s = epoch_add(id);
	CU_ASSERT_EQUAL(held(s->recv), 0x3e); // 1 to 5
	CU_ASSERT_EQUAL(held(s->send), 0x0e); // 1 to 3
	CU_ASSERT_EQUAL(publish_key_refill(p, id), 0);
	CU_ASSERT_EQUAL(held(s->recv), 0x3e);
	CU_ASSERT_EQUAL(held(s->send), 0x0e);
	// The client has moved to 4, we want to follow but had no key.
	old = s->recv[2];
	s->recv_epochs = 1 << 16 | 4;
	s->send_epoch = 3;
	s->send_wanted = 4;
	CU_ASSERT_EQUAL(publish_key_refill(p, id), 0);
	CU_ASSERT_EQUAL(held(s->recv), 0x1f2); // previous, 4 to 8
	CU_ASSERT_EQUAL(held(s->send), 0x78);  // 3 still in use, 4 to 6
	publish_tick(p);
	CU_ASSERT_EQUAL(old->epoch, 2); // a worker may have it still
	quiescent();
	CU_ASSERT_NOT_EQUAL(old->epoch, 2);
	CU_ASSERT_TRUE_FATAL(publish_key_usage(p, id, 7, &u));
	CU_ASSERT_EQUAL(u.recv_epoch, 4);
	CU_ASSERT_EQUAL(u.send_epoch, 3);
	CU_ASSERT_FALSE(u.gcm);
	// Forgeries: the most of any key that is held.
	counter_add(&s->failed[2], 9);
	counter_add(&s->failed[1], 3);
	counter_add(&s->failed[8], 5);
	CU_ASSERT_TRUE(publish_key_usage(p, id, 7, &u));
	CU_ASSERT_EQUAL(u.recv_failed, 5);
	// Skipped epochs get no keys.
	s->recv_epochs = 4 << 16 | 8;
	s->send_epoch = 6;
	s->send_wanted = 14;
	CU_ASSERT_EQUAL(publish_key_refill(p, id), 0);
	CU_ASSERT_EQUAL(held(s->recv), 0x1f10);
	CU_ASSERT_EQUAL(held(s->send), 0x1c040);
	quiescent();
	publish_key_del(p, id, 7);
	quiescent();
	publish_peer_del(p, id);
	tear_down();
}

static void test_epoch_quote(void)
{
	struct epoch_slot *s;
	uint32_t id;

	set_up();
	id = add(9);
	s = epoch_add(id);
	CU_ASSERT_FALSE(publish_packet_sent(p, id, 7, 0x00010000)); // nothing was
	counter_add(&peer_key_primary(peer_of(id))->send_pkts, 1);
	CU_ASSERT_TRUE(publish_packet_sent(p, id, 7, 0x00010000));
	CU_ASSERT_FALSE(publish_packet_sent(p, id, 7, 0x00010001));
	CU_ASSERT_FALSE(publish_packet_sent(p, id, 7, 0x00020000));
	CU_ASSERT_FALSE(publish_packet_sent(p, id, 7, 0x00000000));
	s->send_epoch = 2;
	CU_ASSERT_TRUE(publish_packet_sent(p, id, 7, 0x00020000));
	publish_peer_del(p, id);
	tear_down();
}

// The last epochs: none that the other side would refuse.
static void test_epoch_end(void)
{
	struct epoch_slot *s;
	unsigned int n;
	uint32_t id;

	set_up();
	id = add(9);
	s = epoch_add(id);
	for (uint32_t e = 5; e < 65530; e += 4) {
		s->recv_epochs = e | (e - 4) << 16;
		s->send_epoch = s->send_wanted = e < EPOCH_SEND_MAX ? e : EPOCH_SEND_MAX;
		CU_ASSERT_EQUAL_FATAL(publish_key_refill(p, id), 0);
		quiescent();
	}
	for (unsigned int i = n = 0; i < EPOCH_RING; i++) {
		n += s->recv[i] != NULL;
		CU_ASSERT_TRUE(!s->recv[i] || s->recv[i]->epoch <= 65530);
		CU_ASSERT_TRUE(!s->send[i] || s->send[i]->epoch <= 65518);
	}
	CU_ASSERT_EQUAL(n, 3); // 65525, 65529, 65530
	CU_ASSERT_PTR_NOT_NULL(s->recv[65530 % EPOCH_RING]);
	publish_peer_del(p, id);
	tear_down();
}

// Lookups end at once, memory and id last until nobody can know them.
static void test_grace(void)
{
	const struct publish_peer d = client(9);
	uint32_t id, other, generation;
	struct peer *peer;

	set_up();
	other = publish_peer_id_get(p);
	id = add(9);
	CU_ASSERT_NOT_EQUAL(other, id);
	CU_ASSERT_EQUAL(publish_peer_id_get(p), PROTO_PEER_ID_UNDEF);
	peer = peer_of(id);
	generation = peer->generation;
	key_add(id, 0, true);

	publish_peer_del(p, id);
	CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, id));
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, d.vpn4), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 6, d.vpn6), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(by_link(&d), PROTO_PEER_ID_UNDEF);
	publish_tick(p);
	CU_ASSERT_EQUAL(peer->peer_id, id);
	CU_ASSERT_EQUAL(peer->generation, generation);
	CU_ASSERT_EQUAL(publish_peer_id_get(p), PROTO_PEER_ID_UNDEF);
	publish_peer_del(p, id); // once is enough
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_peer_id_get(p), id);
	CU_ASSERT_EQUAL(publish_peer_add(p, id, &d), 0);
	CU_ASSERT_EQUAL(peer_of(id)->generation, generation + 1);
	publish_peer_del(p, id);
	tear_down();
}

// A packet in a ring knows the peer by its id: that does not come back before the packet is out.
static void test_ring(void)
{
	static const uint8_t text[16] = {1};
	uint32_t id;

	set_up();
	publish_peer_id_get(p);
	id = add(9);
	key_add(id, 0, true);
	CU_ASSERT_EQUAL(publish_message(p, id, text, sizeof(text)), 0);
	publish_peer_del(p, id);
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_peer_id_get(p), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(worker_turn(worker), 1);
	CU_ASSERT_EQUAL(counter_get(&worker->counters->port[PKT_PORT_CONTROL].drop[DROP_STALE]), 1);
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_peer_id_get(p), id);
	tear_down();
}

// Takes both gateway ids; returns the one that goes back.
static uint16_t gateways_full(void)
{
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), 0);
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), 1);
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), -ENOSPC);
	return 0;
}

static void gateway_is_resting(unsigned int turns)
{
	while (turns--) {
		quiescent();
		CU_ASSERT_EQUAL(publish_gateway_id_get(p), -ENOSPC);
	}
}

// What the punt thread reads from a gateway's TUN device: IPv4, to the address of client 9.
static void tun_packet(uint16_t gateway)
{
	static const uint8_t ip[28] = {
		0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 8, 0, 9};
	struct rte_mbuf *m = inject_alloc(dp, PKT_PORT_TUN);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memcpy(rte_pktmbuf_append(m, sizeof(ip)), ip, sizeof(ip));
	pkt_of(m)->stage = PKT_STAGE_OUTBOUND_TUN;
	pkt_of(m)->gateway = gateway;
	CU_ASSERT_EQUAL(inject_push(dp, 0, m), 0);
}

static void test_gateway_id(void)
{
	counter_t *counted;
	uint16_t id;

	set_up();
	id = gateways_full();
	counted = &worker->counters->gateway[id].drop[DROP_AUTH];
	counter_add(counted, 7);
	counter_add(&worker->counters->gateway[1].drop[DROP_AUTH], 7);
	publish_gateway_id_put(p, id);
	publish_tick(p);
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), -ENOSPC);
	CU_ASSERT_EQUAL(counter_get(counted), 7);
	gateway_is_resting(1);
	quiescent();
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), id);
	// A new gateway, which has not lost anything yet.
	CU_ASSERT_EQUAL(counter_get(counted), 0);
	CU_ASSERT_EQUAL(counter_get(&worker->counters->gateway[1].drop[DROP_AUTH]), 7);
	tear_down();
}

// A packet for a client of the old gateway, whose successor's client has the same address.
static void test_gateway_inject(void)
{
	uint64_t lost;
	uint16_t id;

	set_up();
	id = gateways_full();
	tun_packet(id);
	publish_gateway_id_put(p, id);
	gateway_is_resting(3);
	lost = counter_get(&worker->counters->port[PKT_PORT_TUN].drop[DROP_NO_PEER]);
	CU_ASSERT_EQUAL(worker_turn(worker), 1);
	CU_ASSERT_EQUAL(
		counter_get(&worker->counters->port[PKT_PORT_TUN].drop[DROP_NO_PEER]), lost + 1);
	// Out of the ring; but a worker may have it in hand until it says otherwise.
	publish_tick(p);
	publish_tick(p);
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), -ENOSPC);
	quiescent();
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), id);
	tear_down();
}

// One who reads packets for a gateway may still do so in the first grace period, not later.
static void test_gateway_handoff(void)
{
	struct rte_mbuf *m;
	uint16_t id;

	set_up();
	id = gateways_full();
	publish_gateway_id_put(p, id);
	m = inject_alloc(dp, PKT_PORT_CONTROL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	pkt_of(m)->stage = PKT_STAGE_INBOUND_PEER;
	pkt_of(m)->peer_id = 0;
	pkt_of(m)->gateway = id;
	CU_ASSERT_EQUAL(rte_ring_enqueue(worker->handoff, m), 0);
	gateway_is_resting(3);
	CU_ASSERT_EQUAL(worker_turn(worker), 1);
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), id);
	tear_down();
}

// What the punt thread has taken out it may still write to the device it finds under this id.
static void test_gateway_punt(void)
{
	struct rte_mbuf *m;
	uint16_t id;

	set_up();
	id = gateways_full();
	m = inject_alloc(dp, PKT_PORT_CONTROL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	pkt_of(m)->gateway = id;
	punt_push(worker, m, PUNT_TO_TUN, PUNT_LOCAL);
	publish_gateway_id_put(p, id);
	gateway_is_resting(3);
	CU_ASSERT_EQUAL(punt_pop_burst(dp, &m, 1), 1);
	gateway_is_resting(3);
	rte_pktmbuf_free(m);
	punt_done(dp, 1);
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_gateway_id_get(p), id);
	tear_down();
}

// Who asks for what another peer has gets nothing, and the other one keeps all it has.
static void test_taken(void)
{
	struct publish_peer d = client(9);
	const struct publish_peer first = client(9);
	uint32_t id, loser;

	set_up();
	id = add(9);
	loser = publish_peer_id_get(p);
	CU_ASSERT_EQUAL(publish_peer_add(p, loser, &d), -EEXIST); // the outside address
	CU_ASSERT_EQUAL(publish_peer_id_get(p), loser);           // given back
	d.remote.port_be++;
	CU_ASSERT_EQUAL(publish_peer_add(p, loser, &d), -EEXIST); // the inside ones
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, first.vpn4), id);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 6, first.vpn6), id);
	CU_ASSERT_EQUAL(by_link(&first), id);
	CU_ASSERT_EQUAL(by_link(&d), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_PTR_NULL(peer_by_id(dp->peers, loser));
	quiescent();
	quiescent();
	CU_ASSERT_EQUAL(publish_peer_id_get(p), loser);
	publish_peer_del(p, id);
	tear_down();
}

static struct publish_link link_to(const struct publish_peer *d)
{
	return (struct publish_link){
		.local_id = d->local_id, .local = d->local, .remote = d->remote, .nexthop = 7};
}

// Networks behind a client: its own, and gone before it is.
static void test_subnets(void)
{
	static const uint8_t site[16] = {10, 50}, site6[16] = {0xfd, 0, 0, 0x50};
	static const uint8_t host[16] = {10, 50, 1, 2}, host6[16] = {0xfd, 0, 0, 0x50, [15] = 1};
	uint32_t a, b;

	set_up();
	a = add(8);
	b = add(9);
	CU_ASSERT_EQUAL(publish_subnet_add(p, a, 4, site, 16), -ENOSPC); // room for addresses alone
	publish_subnet_del(p, a, 4, site, 16);
	publish_peer_del(p, a);
	publish_peer_del(p, b);
	tear_down();
	subnets_max = 2;
	set_up();
	a = add(8);
	b = add(9);
	CU_ASSERT_EQUAL(publish_subnet_add(p, a, 4, site, 16), 0);
	CU_ASSERT_EQUAL(publish_subnet_add(p, a, 6, site6, 48), 0);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, host), a);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 6, host6), a);
	CU_ASSERT_EQUAL(publish_subnet_add(p, b, 4, site, 16), -EEXIST);
	publish_subnet_del(p, b, 4, site, 16); // not b's
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, host), a);
	publish_subnet_del(p, a, 4, site, 16);
	publish_subnet_del(p, a, 6, site6, 48);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 4, host), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_EQUAL(iroute_lookup(dp->iroute, DOMAIN, 6, host6), PROTO_PEER_ID_UNDEF);
	publish_peer_del(p, a);
	CU_ASSERT_EQUAL(publish_subnet_add(p, a, 4, site, 16), -ENOENT);
	tear_down();
	subnets_max = 0;
}

static void test_link(void)
{
	const struct publish_peer d = client(9);
	struct publish_link to = link_to(&d);
	const struct peer_link *before;
	struct peer *peer;
	uint32_t id;

	set_up();
	id = add(9);
	peer = peer_of(id);
	before = peer->link;
	CU_ASSERT_EQUAL(publish_peer_link(p, id, &to), 0);
	CU_ASSERT_PTR_NOT_EQUAL(peer->link, before);
	CU_ASSERT_EQUAL(before->remote_port_be, d.remote.port_be); // may still be read
	CU_ASSERT_EQUAL(peer->link->nexthop, 7);
	before = peer->link;
	CU_ASSERT_EQUAL(publish_peer_link(p, id, &to), 0);
	CU_ASSERT_PTR_EQUAL(peer->link, before);
	CU_ASSERT_EQUAL(before->path_mtu, UINT16_MAX);
	to.path_mtu = 1300;
	CU_ASSERT_EQUAL(publish_peer_link(p, id, &to), 0);
	CU_ASSERT_EQUAL(peer->link->path_mtu, 1300);
	before = peer->link;
	CU_ASSERT_EQUAL(publish_peer_link(p, id, &to), 0);
	CU_ASSERT_PTR_EQUAL(peer->link, before);
	publish_peer_del(p, id);
	CU_ASSERT_EQUAL(publish_peer_link(p, id, &to), -ENOENT);
	tear_down();
}

// Two clients behind one address and port of a NAT, each to an address of ours; then one goes over
// to the other IP version.
static void test_locals(void)
{
	struct publish_peer one = client(9), two = client(10);
	struct publish_peer_stats stats;
	struct publish_link to;
	uint32_t a, b;

	set_up();
	two.remote = one.remote;
	two.local_id = 3;
	two.local.addr[3] = 2;
	a = publish_peer_id_get(p);
	b = publish_peer_id_get(p);
	CU_ASSERT_EQUAL(publish_peer_add(p, a, &one), 0);
	CU_ASSERT_EQUAL(publish_peer_add(p, b, &two), 0);
	CU_ASSERT_EQUAL(by_link(&one), a);
	CU_ASSERT_EQUAL(by_link(&two), b);
	CU_ASSERT_EQUAL(peer_of(a)->link->local_id, 0);
	CU_ASSERT_EQUAL(peer_of(a)->link->hdr[15], 1);
	CU_ASSERT_EQUAL(peer_of(b)->link->local_id, 3);
	CU_ASSERT_EQUAL(peer_of(b)->link->hdr[15], 2);
	to = link_to(&one);
	to.local_id = 3; // the other's place
	CU_ASSERT_EQUAL(publish_peer_link(p, a, &to), -EEXIST);
	publish_peer_del(p, b); // leaves room in the table
	to.local_id = 1;
	to.local = (struct session_addr){.family = 6, .addr = {0x20, 1, 13, 0xb8}, .port_be = 1194};
	to.remote = (struct session_addr){.family = 6, .addr = {0x20, 1, 13, 0xb9}, .port_be = 99};
	CU_ASSERT_EQUAL(publish_peer_link(p, a, &to), 0);
	CU_ASSERT_EQUAL(peer_of(a)->link->hdr_len, 48);
	CU_ASSERT_EQUAL(peer_of(a)->link->local_id, 1);
	CU_ASSERT_EQUAL(memcmp(peer_of(a)->link->hdr + 8, to.local.addr, 16), 0);
	CU_ASSERT_EQUAL(by_link(&one), PROTO_PEER_ID_UNDEF);
	CU_ASSERT_TRUE(publish_peer_stats(p, a, &stats));
	CU_ASSERT_EQUAL(stats.local.family, 6);
	publish_peer_del(p, a);
	CU_ASSERT_EQUAL(iroute_link_lookup(dp->iroute, GATEWAY, 1, 6, to.remote.addr, 99),
		PROTO_PEER_ID_UNDEF);
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"a peer is visible once it is published", test_visible},
		{"two keys at most, promoted in place, kept for readers", test_keys},
		{"epoch format: known packet", test_epoch_known},
		{"epoch format: keys ahead, keys gone by", test_epoch_refill},
		{"epoch format: quoted packets", test_epoch_quote},
		{"epoch format: the end of all epochs", test_epoch_end},
		{"lookups end at once, memory and id after the grace period", test_grace},
		{"an id waits for the rings", test_ring},
		{"a gateway id rests for a grace period and comes back clean", test_gateway_id},
		{"a gateway id waits for what was read for it", test_gateway_inject},
		{"a gateway id waits for what was handed over", test_gateway_handoff},
		{"a gateway id waits for the punt thread", test_gateway_punt},
		{"what another peer has stays with it", test_taken},
		{"subnets are one client's", test_subnets},
		{"a new link leaves the old one to its readers", test_link},
		{"clients are told apart by the address they talk to", test_locals},
		{NULL, NULL},
	};
	const char *why;

	harness_eal_init(256);
	if (crypto_init(&why))
		return 1;
	return harness_run("publish", tests);
}
