// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A gateway's bookkeeping of its clients: what sessions ask of it is asked here by the test.

#include "control/gateway_priv.h"
#include "control/channel/options_string.h"
#include "control/channel/session_priv.h"

#include "control/tests/client_bed.h"
#include "control/tests/test_pki.h"
#include "dataplane/crypto.h"
#include "dataplane/base/clock.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_byteorder.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gateway_settings *settings_new(void)
{
	const struct conf_gateway conf = client_bed_conf();

	return client_bed_settings(&conf);
}

static enum session_verdict admit(struct client *c)
{
	struct session_lease lease = {0};

	return client_session_ops.admit(g, c->session, &lease);
}

static void test_half_open(void)
{
	struct client *a, *b;

	client_bed_set_up(settings_new());
	a = client_bed_begin(1);
	b = client_bed_begin(2);
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	CU_ASSERT_EQUAL(g->half_open.count, 2);
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(g->half_open.count, 1);
	// It has gone, and lives on to say so to its client: that is no handshake.
	client_session_ops.closed(g, a->session, SESSION_END_KILLED);
	CU_ASSERT_EQUAL(gateway_session_count(g), 2);
	CU_ASSERT_EQUAL(g->half_open.count, 1);
	client_free(a);
	CU_ASSERT_EQUAL(g->half_open.count, 1);
	// Never admitted: half open to its end.
	client_session_ops.closed(g, b->session, SESSION_END_HANDSHAKE);
	CU_ASSERT_EQUAL(g->half_open.count, 1);
	client_free(b);
	CU_ASSERT_EQUAL(g->half_open.count, 0);
	CU_ASSERT_EQUAL(gateway_session_count(g), 0);
	client_bed_tear_down();
}

// The one who is replaced loses everything at once, and is freed by the loop, not by its successor.
static void test_replaced(void)
{
	struct client *a, *b;

	client_bed_set_up(settings_new());
	settings->conf.duplicate_cn = CONF_DUPLICATE_REPLACE;
	a = client_bed_begin(1);
	b = client_bed_begin(2);
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_PTR_EQUAL(by_peer[a->peer_id], a);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT); // the same name, which is none
	CU_ASSERT(!a->admitted);
	CU_ASSERT(session_is_closed(a->session));
	CU_ASSERT_PTR_NULL(by_peer[a->peer_id]);
	CU_ASSERT_PTR_EQUAL(by_peer[b->peer_id], b);
	CU_ASSERT_EQUAL(ippool_used(g->pool), 1);
	CU_ASSERT_EQUAL(gateway_session_count(g), 2);
	ev_run(g->env.loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(gateway_session_count(g), 1);
	CU_ASSERT_EQUAL(g->half_open.count, 0);
	client_bed_tear_down();
}

static void test_full(void)
{
	struct client *c[3];

	client_bed_set_up(settings_new());
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	for (uint8_t i = 0; i < 3; i++)
		c[i] = client_bed_begin((uint8_t)(i + 1));
	CU_ASSERT_EQUAL(admit(c[0]), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(c[1]), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(c[2]), SESSION_REFUSE_FULL);
	CU_ASSERT_EQUAL(ippool_used(g->pool), 2);
	settings->conf.duplicate_cn = CONF_DUPLICATE_REFUSE;
	CU_ASSERT_EQUAL(admit(c[2]), SESSION_REFUSE_DUPLICATE);
	client_free(c[1]);
	CU_ASSERT_EQUAL(ippool_used(g->pool), 1);
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	CU_ASSERT_EQUAL(admit(c[2]), SESSION_ADMIT);
	client_bed_tear_down();
}

static struct session_addr address(uint8_t last, uint16_t port)
{
	return (struct session_addr){
		.family = 4, .addr = {198, 51, 100, last}, .port_be = rte_cpu_to_be_16(port)};
}

static bool moves(struct client *c, struct session_addr to)
{
	struct event ev = {
		.type = EVENT_FLOAT, .peer_id = c->peer_id, .family = 4, .port_be = to.port_be};

	memcpy(ev.addr, to.addr, sizeof(ev.addr));
	gateway_event(c, &ev);
	return memcmp(session_info(c->session)->remote.addr, to.addr, 16) == 0 &&
	       session_info(c->session)->remote.port_be == to.port_be;
}

static bool is_at(const struct client *c, struct session_addr a)
{
	struct client_key key = {.family = 4, .port_be = a.port_be};
	struct client *found;

	memcpy(key.addr, a.addr, sizeof(key.addr));
	memcpy(key.sid, c->key.sid, sizeof(key.sid));
	HASH_FIND(by_key, g->clients, &key, sizeof(key), found);
	return found == c && client_at_address(g, 0, &a) == c;
}

static struct client *begin_in_pool(uint8_t third, uint8_t last)
{
	struct client *c = client_bed_begin_at(third, last);
	struct key_state *ks;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	ks = &c->session->keys[0];
	CU_ASSERT_EQUAL(client_session_ops.tls_step(g, c->session, ks->tls), 0);
	ks->lent = true;
	return c;
}

// What a session leaves in the pool is memory too: not more of it than is agreed.
static void test_crowded_pool(void)
{
	uint8_t i;

	client_bed_set_up(settings_new());
	for (i = 0; i < 64; i++)
		client_free(begin_in_pool(50, i)); // in the pool until the loop has turned
	begin_in_pool(51, 0);
	for (i = 1; i < 32; i++)
		client_bed_begin_at(51, i);
	CU_ASSERT_PTR_NULL(client_bed_begin_at(52, 0));
	CU_ASSERT_EQUAL(g->half_open_dropped, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client_bed_client(51, 0));
	while (client_bed_client(51, 0)->step)
		ev_run(g->env.loop, EVRUN_ONCE);
	CU_ASSERT_PTR_NOT_NULL(client_bed_begin_at(52, 0));
	CU_ASSERT_EQUAL(g->half_open_evicted, 1);
	client_bed_tear_down();
}

// The byte of comp-lzo in each packet is taken from what the tunnel carries, if nobody fixed that.
static void test_framing(void)
{
	static const struct {
		enum framing framing;
		uint16_t fixed, want;
	} cases[] = {{FRAMING_NONE, 0, 1400}, {FRAMING_STUB_V2, 0, 1400},
		{FRAMING_COMP_LZO, 0, 1399}, {FRAMING_COMP_LZO, 1400, 1400}};
	const uint16_t epoch = 4; // bytes that a packet of its format has more

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t fixed = cases[i / 2].fixed, want = cases[i / 2].want;
		struct session_lease lease = {0};
		struct client *c;
		struct peer *peer;

		want -= i & 1 && !fixed ? epoch : 0;
		client_bed_set_up(settings_new());
		settings->conf.tun_mtu = fixed;
		settings->conf.mss_clamp = true;
		c = client_bed_begin(1);
		c->session->info.framing = cases[i / 2].framing;
		c->session->info.epoch = i & 1;
		CU_ASSERT_EQUAL_FATAL(
			client_session_ops.admit(g, c->session, &lease), SESSION_ADMIT);
		CU_ASSERT_EQUAL(lease.tun_mtu, want);
		peer = peer_by_id(dp->peers, c->peer_id);
		CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
		CU_ASSERT_EQUAL(peer->framing, cases[i / 2].framing);
		CU_ASSERT_EQUAL(peer->mss4, want - 40);
		client_bed_tear_down();
	}
}

// The options string in the data channel, with its NUL; five at once, then one a second.
static void test_occ_request(void)
{
	struct event ev = {.type = EVENT_OCC_REQUEST};
	char want[OPTIONS_STRING_BYTES];
	struct rte_mbuf *m = NULL;
	struct client *c;
	int len;

	client_bed_set_up(settings_new());
	c = client_bed_begin(1);
	gateway_event(c, &ev); // no peer yet: nothing can have come from it
	CU_ASSERT_EQUAL(rte_ring_count(worker->inject), 0);
	CU_ASSERT_EQUAL(admit(c), SESSION_ADMIT);
	for (unsigned int i = 0; i < 20; i++)
		gateway_event(c, &ev);
	CU_ASSERT_EQUAL(rte_ring_count(worker->inject), 5);
	len = session_options_string(c->session, want, sizeof(want));
	CU_ASSERT_TRUE_FATAL(len > 0);
	while (rte_ring_dequeue(worker->inject, (void *)&m) == 0) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

		CU_ASSERT_EQUAL(m->data_len, 17 + len + 1);
		CU_ASSERT_EQUAL(memcmp(data, proto_occ_magic, 16), 0);
		CU_ASSERT_EQUAL(data[16], 1);
		CU_ASSERT_EQUAL(memcmp(data + 17, want, (size_t)len + 1), 0);
		rte_pktmbuf_free(m);
	}
	client_bed_tear_down();
}

static void name_them(struct client *a, const char *name)
{
	snprintf(a->session->info.common_name, sizeof(a->session->info.common_name), "%s", name);
	memset(a->session->info.cert_sha256, name[0], sizeof(a->session->info.cert_sha256));
}

// Where a client's newest packet came from is where it is, unless somebody else is there.
static void test_float(void)
{
	struct session_addr first, to = address(9, 4711);
	struct client *a, *b, *half;

	client_bed_set_up(settings_new());
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	a = client_bed_begin(1);
	b = client_bed_begin(2);
	name_them(a, "alice");
	name_them(b, "bob");
	CU_ASSERT_FALSE(moves(a, to)); // no peer yet: nothing can have come from it
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT);
	first = session_info(a->session)->remote;
	CU_ASSERT_TRUE(moves(a, to));
	CU_ASSERT_TRUE(is_at(a, to));
	CU_ASSERT_PTR_NULL(client_at_address(g, 0, &first));
	CU_ASSERT_EQUAL(session_info(a->session)->floats, 1);
	// Neither another client's place, nor our own.
	CU_ASSERT_FALSE(moves(a, session_info(b->session)->remote));
	CU_ASSERT_TRUE(is_at(b, session_info(b->session)->remote));
	CU_ASSERT_FALSE(moves(a, g->locals[0].addr));
	CU_ASSERT_TRUE(is_at(a, to));
	CU_ASSERT_EQUAL(g->floats, 1);
	CU_ASSERT_EQUAL(g->floats_refused, 2);
	// A handshake that borrows the session id is no obstacle.
	half = client_bed_begin(1);
	half->key.sid[0] = a->key.sid[0];
	CU_ASSERT_TRUE(moves(a, session_info(half->session)->remote));
	CU_ASSERT_EQUAL(gateway_session_count(g), 2);
	// The same certificate's former session makes way.
	name_them(b, "alice");
	to = session_info(b->session)->remote;
	CU_ASSERT_TRUE(moves(a, to));
	CU_ASSERT_TRUE(session_is_closed(b->session));
	CU_ASSERT_TRUE(is_at(a, to));
	// Five at once, then one a second.
	CU_ASSERT_FALSE(moves(a, address(20, 1)));
	client_bed_tear_down();
}

// The node is full, and all of it is this gateway's: another one gets a place.
static void test_crowded_node(void)
{
	const struct session_addr remote = {.family = 4, .addr = {203, 0, 113, 1}, .port_be = 7};
	const struct session_start start = {.remote_sid = {1}, .own_sid = {2}};
	const struct client_key key = {.family = 4, .addr = {203, 0, 113, 1}, .port_be = 7};
	struct half_open_node node = {.max = 8};
	struct gateway *quiet = calloc(1, sizeof(*quiet));
	struct client *c;

	client_bed_set_up(settings_new());
	CU_ASSERT_PTR_NOT_NULL_FATAL(quiet);
	g->env.half_open = &node;
	half_open_init(&g->half_open, &node);
	quiet->env = g->env;
	quiet->settings = g->settings;
	half_open_init(&quiet->half_open, &node);
	for (uint8_t i = 0; i < 8; i++)
		CU_ASSERT_PTR_NOT_NULL(client_bed_begin_at(i, 1));
	CU_ASSERT_PTR_NULL(client_bed_begin_at(8, 1));
	CU_ASSERT_EQUAL(node.dropped, 1);
	c = client_new(quiet, &remote, &key, &start);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(node.moved, 1);
	CU_ASSERT_EQUAL(g->half_open_evicted, 1);
	CU_ASSERT_EQUAL(g->half_open.count, 7);
	CU_ASSERT_PTR_NULL(client_bed_client(0, 1)); // the oldest
	CU_ASSERT_EQUAL(node.count, 8);
	client_free(c);
	half_open_fini(&quiet->half_open);
	free(quiet);
	client_bed_tear_down();
}

// A reload keeps what only a restart can change, names each such option, and takes the rest.
static void test_fixed_options(void)
{
	static const char *const names[] = {
		"endpoint.port", "netns", "client_cidr", "tun_mtu", "fast_path"};
	struct conf_gateway gw;
	unsigned int next = 0;

	client_bed_set_up(settings_new());
	gw = settings->conf;
	CU_ASSERT_PTR_NULL(gateway_keep_fixed(g, &gw, &next));
	gw.endpoint_port = 1196;
	snprintf(gw.netns, sizeof(gw.netns), "blue");
	gw.client_cidr.len = 25;
	gw.tun_mtu = 1300;
	gw.fast_path = !gw.fast_path;
	gw.max_connections = 7;
	next = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *name = gateway_keep_fixed(g, &gw, &next);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_STRING_EQUAL(name, names[i]);
	}
	CU_ASSERT_PTR_NULL(gateway_keep_fixed(g, &gw, &next));
	CU_ASSERT_EQUAL(gw.max_connections, 7);
	gw.max_connections = settings->conf.max_connections;
	CU_ASSERT_EQUAL(memcmp(&gw, &settings->conf, sizeof(gw)), 0);
	client_bed_tear_down();
}

// One source has all places and must give some to another, but not more than makes them equal.
// Whoever is connected keeps what it has.
static void test_crowded(void)
{
	struct client *connected;

	client_bed_set_up(settings_new());
	connected = client_bed_begin(1);
	CU_ASSERT_EQUAL(admit(connected), SESSION_ADMIT);
	for (uint8_t i = 0; i < 32; i++)
		CU_ASSERT_PTR_NOT_NULL(client_bed_begin_at(51, i));
	CU_ASSERT_EQUAL(g->half_open.count, 32);
	CU_ASSERT_PTR_NULL(client_bed_begin_at(51, 99));
	CU_ASSERT_EQUAL(g->half_open_dropped, 1);
	CU_ASSERT_PTR_NOT_NULL(client_bed_begin_at(52, 0));
	CU_ASSERT_EQUAL(g->half_open_evicted, 1);
	CU_ASSERT_PTR_NULL(client_bed_client(51, 0)); // the oldest
	CU_ASSERT_PTR_NOT_NULL(client_bed_client(51, 1));
	for (uint8_t i = 1; i < 99; i++) {
		client_bed_begin_at(52, i);
		client_bed_begin_at(51, (uint8_t)(100 + i));
	}
	CU_ASSERT_EQUAL(g->half_open_evicted, 16);
	CU_ASSERT_EQUAL(g->half_open.count, 32);
	CU_ASSERT_EQUAL(gateway_session_count(g), 33);
	CU_ASSERT_PTR_NOT_NULL(client_bed_client(52, 15));
	CU_ASSERT_PTR_NULL(client_bed_client(52, 16));
	CU_ASSERT(connected->admitted);
	CU_ASSERT(!session_is_closed(connected->session));
	// Its handshake is over, so its source is as good as any other.
	CU_ASSERT_PTR_NOT_NULL(client_bed_begin_at(100, 2));
	client_bed_tear_down();
}

// What happens to a certificate that connects a second time, by policy.
static void test_duplicates(void)
{
	struct client *a, *b, *c;

	client_bed_set_up(settings_new());
	settings->conf.max_connections = 3;
	settings->conf.duplicate_cn = CONF_DUPLICATE_REFUSE;
	a = client_bed_begin(1);
	b = client_bed_begin(2);
	c = client_bed_begin(3);
	name_them(a, "alice");
	name_them(b, "alice");
	name_them(c, "bob");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(b), SESSION_REFUSE_DUPLICATE);
	CU_ASSERT(a->admitted && !session_is_closed(a->session)); // the older one stays
	CU_ASSERT_EQUAL(ippool_used(g->pool), 1);
	CU_ASSERT_EQUAL(admit(c), SESSION_ADMIT); // somebody else
	client_free(a);
	CU_ASSERT_EQUAL(admit(b), SESSION_ADMIT); // nobody's any more
	CU_ASSERT_EQUAL(g->refused_total, 1);
	// Side by side, each with a peer and an address, and each in a place.
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	a = client_bed_begin(4);
	name_them(a, "alice");
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT(b->admitted && !session_is_closed(b->session));
	CU_ASSERT_NOT_EQUAL(a->peer_id, b->peer_id);
	CU_ASSERT_NOT_EQUAL(a->pool_entry, b->pool_entry);
	CU_ASSERT_EQUAL(g->admitted_count, 3);
	a = client_bed_begin(5);
	name_them(a, "alice");
	CU_ASSERT_EQUAL(admit(a), SESSION_REFUSE_FULL);
	// In a full house a replacement needs no place: it takes those of its own.
	settings->conf.duplicate_cn = CONF_DUPLICATE_REPLACE;
	CU_ASSERT_EQUAL(admit(a), SESSION_ADMIT);
	CU_ASSERT_EQUAL(g->admitted_count, 2);
	CU_ASSERT(!b->admitted);
	CU_ASSERT(c->admitted);
	client_bed_tear_down();
}

// Settings of a reload: more room at once, less for nobody who is in already.
static void test_max_connections(void)
{
	struct client *c[4];

	client_bed_set_up(settings_new());
	settings->conf.duplicate_cn = CONF_DUPLICATE_ALLOW;
	settings->conf.max_connections = 1;
	for (uint8_t i = 0; i < 4; i++)
		c[i] = client_bed_begin((uint8_t)(i + 1));
	CU_ASSERT_EQUAL(admit(c[0]), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(c[1]), SESSION_REFUSE_FULL);
	settings = settings_new();
	settings->conf.max_connections = 3;
	gateway_settings_apply(g, settings);
	// It began under the old ones, but the room is the gateway's.
	CU_ASSERT_EQUAL(admit(c[1]), SESSION_ADMIT);
	CU_ASSERT_EQUAL(admit(c[2]), SESSION_ADMIT);
	settings = settings_new();
	settings->conf.max_connections = 1;
	gateway_settings_apply(g, settings);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(c[i]->admitted && !session_is_closed(c[i]->session));
	client_free(c[0]);
	client_free(c[1]);
	CU_ASSERT_EQUAL(admit(c[3]), SESSION_REFUSE_FULL); // one is in, and one may be
	client_free(c[2]);
	CU_ASSERT_EQUAL(admit(c[3]), SESSION_ADMIT);
	client_bed_tear_down();
}

// A router quotes a packet that was sent to the client: key 1, the first of two.
static struct icmp_too_big quote_of(const struct client *c, uint16_t mtu)
{
	struct icmp_too_big r = {.local = g->locals[0].addr,
		.remote = session_info(c->session)->remote,
		.mtu = mtu,
		.ip_bytes = 1500,
		.payload = {OP_DATA_V2 << 3 | 1, (uint8_t)(c->peer_id >> 16),
			(uint8_t)(c->peer_id >> 8), (uint8_t)c->peer_id, 0, 0, 0, 1}};

	return r;
}

static struct client *connected_v2(void)
{
	struct client *c = client_bed_begin(1);
	const struct session_key key = {.key_id = 1, .cipher = CIPHER_AES_256_GCM};

	CU_ASSERT_EQUAL_FATAL(admit(c), SESSION_ADMIT);
	((struct session_info *)(uintptr_t)session_info(c->session))->data_v2 = true;
	CU_ASSERT_EQUAL_FATAL(client_session_ops.key_add(g, c->session, &key, true), 0);
	counter_add(&peer_key_by_id(peer_by_id(dp->peers, c->peer_id), 1)->send_pkts, 2);
	return c;
}

static void send_nowhere(void *arg, struct session *s, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)s;
	(void)data;
	(void)len;
}

// Does a key that was used for so much begin a renegotiation?
static bool renegotiates(uint64_t pkts, uint64_t bytes, uint64_t failed, bool chacha)
{
	const struct session_key key = {.key_id = 2, .cipher = CIPHER_CHACHA20_POLY1305};
	struct client *c = connected_v2();
	struct session *s = c->session;
	struct keyslot *k;
	bool begun;

	s->phase = SESSION_CONNECTED;
	s->keys[0].stage = KEY_ACTIVE;
	s->keys[0].key_id = s->info.key_id = chacha ? 2 : 1;
	if (chacha)
		CU_ASSERT_EQUAL_FATAL(client_session_ops.key_add(g, s, &key, true), 0);
	k = peer_key_by_id(peer_by_id(dp->peers, c->peer_id), s->info.key_id);
	counter_add(&k->recv_pkts, pkts);
	counter_add(&k->recv_bytes, bytes);
	counter_add(&k->recv_failed, failed);
	client_usage_check(c, 1);
	begun = s->keys[1].stage == KEY_ACTIVE && s->keys[0].stage == KEY_HANDSHAKE;
	if (failed >= UINT64_C(1) << 36)
		begun = s->phase != SESSION_CONNECTED;
	client_free(c);
	return begun;
}

// Keys of the epoch format do not wear out, the epochs may; control puts keys in when told.
static void test_epoch(void)
{
	const struct session_key key = {.key_id = 3,
		.cipher = CIPHER_AES_256_GCM,
		.epoch = true,
		.recv_key = {1},
		.send_key = {2}};
	const struct event ev = {.type = EVENT_EPOCH, .key_id = 3};
	struct session_ops ops = client_session_ops;
	struct epoch_slot *slot;
	struct client *c;
	struct keyslot *k;

	client_bed_set_up(settings_new());
	ops.send = send_nowhere; // there is no socket
	settings->session.ops = &ops;
	c = connected_v2();
	c->session->phase = SESSION_CONNECTED;
	c->session->info.epoch = true;
	c->session->keys[0].stage = KEY_ACTIVE;
	c->session->keys[0].key_id = c->session->info.key_id = 3;
	CU_ASSERT_EQUAL_FATAL(client_session_ops.key_add(g, c->session, &key, true), 0);
	k = peer_key_by_id(peer_by_id(dp->peers, c->peer_id), 3);
	CU_ASSERT_EQUAL_FATAL(k->format, FORMAT_EPOCH);
	slot = &k->epoch;
	counter_add(&k->recv_pkts, UINT64_C(1) << 40);
	counter_add(&k->recv_bytes, UINT64_C(1) << 50);
	slot->recv_epochs = 1 << 16 | 2;
	CU_ASSERT_PTR_NULL(slot->recv[6]);
	gateway_event(c, &ev);
	CU_ASSERT_PTR_NOT_NULL(slot->recv[6]);
	CU_ASSERT_EQUAL(c->session->keys[0].stage, KEY_ACTIVE);
	// Who moves on with every packet has to wait.
	for (unsigned int i = 0; i < 200; i++)
		gateway_event(c, &ev);
	slot->recv_epochs = 2 << 16 | 3;
	gateway_event(c, &ev);
	CU_ASSERT_PTR_NULL(slot->recv[7]);
	client_usage_check(c, clock_ms() + 1000);
	CU_ASSERT_PTR_NOT_NULL(slot->recv[7]);
	CU_ASSERT_EQUAL(c->session->keys[0].stage, KEY_ACTIVE);
	slot->send_epoch = EPOCH_RENEGOTIATE - 1;
	gateway_event(c, &ev);
	CU_ASSERT_EQUAL(c->session->keys[0].stage, KEY_ACTIVE);
	slot->send_epoch = EPOCH_RENEGOTIATE;
	gateway_event(c, &ev);
	CU_ASSERT_EQUAL(c->session->keys[0].stage, KEY_HANDSHAKE);
	client_free(c);
	client_bed_tear_down();
}

static void test_key_usage(void)
{
	const uint64_t limit = ((UINT64_C(1) << 36) - 1) / 8 * 7;
	struct session_ops ops = client_session_ops;

	client_bed_set_up(settings_new());
	ops.send = send_nowhere; // there is no socket
	settings->session.ops = &ops;
	CU_ASSERT_FALSE(renegotiates(1000000, 1000000000, 0, false));
	CU_ASSERT_FALSE(renegotiates(0, 16 * (limit - 1), 0, false));
	CU_ASSERT_TRUE(renegotiates(0, 16 * limit, 0, false));
	CU_ASSERT_TRUE(renegotiates(limit / 2 + 1, 0, 0, false));
	CU_ASSERT_FALSE(renegotiates(limit, 16 * limit, 0, true)); // no such limit
	CU_ASSERT_FALSE(renegotiates(0, 0, (UINT64_C(1) << 35) - 1, false));
	CU_ASSERT_TRUE(renegotiates(0, 0, UINT64_C(1) << 35, false));
	CU_ASSERT_TRUE(renegotiates(0, 0, UINT64_C(1) << 36, true)); // ends
	settings->conf.reneg_bytes = 1000;
	CU_ASSERT_FALSE(renegotiates(1, 999, 0, true));
	CU_ASSERT_TRUE(renegotiates(1, 1000, 0, true));
	settings->conf.reneg_bytes = 0;
	settings->conf.reneg_pkts = 10;
	CU_ASSERT_FALSE(renegotiates(9, 999, 0, true));
	CU_ASSERT_TRUE(renegotiates(10, 1000, 0, true));
	client_bed_tear_down();
}

static uint16_t published(const struct client *c)
{
	return atomic_load(&peer_by_id(dp->peers, c->peer_id)->link)->path_mtu;
}

// Whoever sends one of these knows less than a router on the way.
static void test_path_mtu_forged(void)
{
	struct icmp_too_big r[7];
	struct client *c;

	client_bed_set_up(settings_new());
	c = connected_v2();
	for (unsigned int i = 0; i < 7; i++)
		r[i] = quote_of(c, 1300);
	r[0].remote.port_be++;                 // nobody is there
	r[1].remote.addr[3]++;                 // nor there
	r[2].payload[3]++;                     // another peer id
	r[3].payload[0] = OP_DATA_V2 << 3 | 2; // a key there is not
	r[4].payload[0] = OP_CONTROL_V1 << 3;  // never that large
	r[5].payload[7] = 3;                   // not yet sent
	r[6].ip_bytes = 1300;                  // would have fitted
	for (unsigned int i = 0; i < 7; i++)
		gateway_too_big(g, 0, &r[i]);
	CU_ASSERT_EQUAL(published(c), UINT16_MAX);
	CU_ASSERT_EQUAL(g->too_big_ignored, 7);
	CU_ASSERT_EQUAL(g->too_big_learned, 0);
	client_bed_tear_down();
}

static void test_path_mtu(void)
{
	struct icmp_too_big r;
	struct client *c;

	client_bed_set_up(settings_new());
	c = connected_v2();
	r = quote_of(c, 1300);
	gateway_too_big(g, 0, &r);
	CU_ASSERT_EQUAL(published(c), 1300);
	CU_ASSERT_EQUAL(g->too_big_learned, 1);
	// The rest of a burst, and a way that looks better again, say nothing new.
	gateway_too_big(g, 0, &r);
	r.mtu = 1400;
	gateway_too_big(g, 0, &r);
	CU_ASSERT_EQUAL(published(c), 1300);
	CU_ASSERT_EQUAL(g->too_big_learned, 1);
	CU_ASSERT_EQUAL(g->too_big_ignored, 0);
	// A change of routes does not lose it, age does.
	client_link_update(c);
	CU_ASSERT_EQUAL(published(c), 1300);
	client_link_age(c, c->pmtu.forget_ms - 1);
	CU_ASSERT_EQUAL(published(c), 1300);
	client_link_age(c, c->pmtu.forget_ms);
	CU_ASSERT_EQUAL(published(c), UINT16_MAX);
	// With CBC there is a MAC where the packet id would be.
	peer_key_by_id(peer_by_id(dp->peers, c->peer_id), 1)->format = FORMAT_CBC;
	memset(r.payload + 4, 0xa5, 4);
	r.mtu = 100;
	gateway_too_big(g, 0, &r);
	CU_ASSERT_EQUAL(published(c), PMTU_MIN4);
	peer_key_by_id(peer_by_id(dp->peers, c->peer_id), 1)->format = FORMAT_AEAD;
	client_bed_tear_down();
}

static void test_path_mtu_rate(void)
{
	struct icmp_too_big r;
	struct client *c;

	client_bed_set_up(settings_new());
	c = connected_v2();
	r = quote_of(c, 1300);
	g->pmtu_bucket = UINT64_MAX / 2; // used up
	gateway_too_big(g, 0, &r);
	CU_ASSERT_EQUAL(published(c), UINT16_MAX);
	CU_ASSERT_EQUAL(g->too_big_ignored, 1);
	client_bed_tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"who has left is not half open", test_half_open},
		{"who is replaced goes at once", test_replaced},
		{"who finds no room changes nothing", test_full},
		{"who moves is found again", test_float},
		{"framing and tun mtu", test_framing},
		{"options string on request", test_occ_request},
		{"a reload keeps fixed options", test_fixed_options},
		{"no source takes all places for handshakes", test_crowded},
		{"nor leaves more than so much in the pool", test_crowded_pool},
		{"no gateway takes all places of the node", test_crowded_node},
		{"a certificate that connects twice, by policy", test_duplicates},
		{"max_connections of a reload", test_max_connections},
		{"a key is not used for too much", test_key_usage},
		{"keys of the epoch format", test_epoch},
		{"a path MTU is learned, kept and forgotten", test_path_mtu},
		{"a path MTU that nobody on the way can have told", test_path_mtu_forged},
		{"path MTUs do not change without limit", test_path_mtu_rate},
		{NULL, NULL},
	};

	return client_bed_run("client", tests);
}
