// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/tests/path.h"

#include "dataplane/inbound.h"
#include "dataplane/outbound.h"
#include "dataplane/outer.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t path_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t path_gateway_mac[6] = {2, 0, 0, 0, 0, 2};
uint64_t path_drops_seen[DROP_REASON_COUNT], path_punts_seen[PUNT_REASON_COUNT];

static struct port ports[PATH_PORTS];
static struct rte_ring *tx_rings[PATH_PORTS][PATH_WORKERS];
static struct rte_ring *rx_rings[PATH_PORTS][PATH_WORKERS];

static void die_if(bool failed, const char *what)
{
	if (failed) {
		fprintf(stderr, "path: %s failed\n", what);
		exit(1);
	}
}

static void port_new(unsigned int i, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	char name[32];
	int id;

	for (unsigned int q = 0; q < PATH_WORKERS; q++) {
		snprintf(name, sizeof(name), "tx%u_%u", i, q);
		tx_rings[i][q] = rte_ring_create(name, PATH_TX_RING, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "rx%u_%u", i, q);
		rx_rings[i][q] = rte_ring_create(name, PATH_TX_RING, SOCKET_ID_ANY, 0);
	}
	snprintf(name, sizeof(name), "port%u", i);
	id = rte_eth_from_rings(name, rx_rings[i], PATH_WORKERS, tx_rings[i], PATH_WORKERS, 0);
	die_if(id != (int)i, "rte_eth_from_rings");
	die_if(rte_eth_dev_configure(i, PATH_WORKERS, PATH_WORKERS, &conf) != 0, "configure");
	for (uint16_t q = 0; q < PATH_WORKERS; q++) {
		die_if(rte_eth_rx_queue_setup(i, q, 64, 0, NULL, pool) != 0, "rx queue");
		die_if(rte_eth_tx_queue_setup(i, q, 64, 0, NULL) != 0, "tx queue");
	}
	die_if(rte_eth_dev_start(i) != 0, "start");
	ports[i].id = (uint16_t)id;
	ports[i].queues = PATH_WORKERS;
	ports[i].mtu = 1500;
	memcpy(ports[i].mac.addr_bytes, path_mac, 6);
}

void path_ports_new(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("ports", 64, 0, 64, 2048, SOCKET_ID_ANY);

	die_if(!pool || crypto_init(&(const char *){NULL}) != 0, "pool or engine");
	for (unsigned int i = 0; i < PATH_PORTS; i++)
		port_new(i, pool);
}

static void nexthop_set(struct path *p, uint32_t index, uint16_t port, int vlan)
{
	struct nexthop nh = {.port = port, .mtu = 1500, .l2_len = vlan < 0 ? 14 : 18};

	memcpy(nh.l2, path_gateway_mac, 6);
	memcpy(nh.l2 + 6, path_mac, 6);
	if (vlan >= 0) {
		nh.l2[12] = 0x81;
		nh.l2[14] = (uint8_t)(vlan >> 8);
		nh.l2[15] = (uint8_t)vlan;
	}
	nexthop_free(fib_nexthop_set(p->dp->fib, index, &nh));
}

static void route_add(
	struct path *p, uint16_t domain, int family, const char *hex, uint8_t len, uint32_t nexthop)
{
	uint8_t addr[16] = {0};

	harness_hex(hex, addr, sizeof(addr));
	die_if(fib_route_add(p->dp->fib, domain, (uint8_t)family, addr, len, nexthop) != 0,
		"fib_route_add");
}

static void state_fill(struct path *p)
{
	struct dp_endpoint ep[4] = {0};

	p->st = state_new(2);
	die_if(!p->st, "state_new");
	for (unsigned int i = 0; i < DP_VLANS; i++)
		p->vlan_domain[i] = DP_NO_DOMAIN;
	p->vlan_domain[PATH_VLAN] = 2;
	for (unsigned int i = 0; i < PATH_PORTS; i++) {
		p->st->ports[i].port = &ports[i];
		p->st->ports[i].domain = i == VPN ? 1 : 0;
		p->st->ports[i].link_side = i != VPN;
		p->st->ports[i].vpn_side = i != LINK;
	}
	p->st->ports[VPN].vlan_domain = p->vlan_domain;
	for (uint16_t g = 0; g < 2; g++) {
		struct dp_gateway *gw = &p->st->gateways[g];

		*gw = (struct dp_gateway){.active = true,
			.fast_path = true,
			.copy_dscp = true,
			.vpn_domain = g + 1,
			.tun_mtu = 1500,
			.capture = &p->capture[g]};
		harness_hex(PATH_SELF4, &gw->self4_be, 4);
		harness_hex(PATH_SELF6, gw->self6, 16);
		for (int i = 0; i < 2; i++) {
			ep[2 * g + i].family = i ? 6 : 4;
			ep[2 * g + i].gateway = g;
			ep[2 * g + i].local_id = (uint8_t)i;
			ep[2 * g + i].port_be = htons(1194 + g);
			harness_hex(i ? "20010db8000000000000000000000001" : "c0000201",
				ep[2 * g + i].addr, 16);
		}
	}
	die_if(state_endpoints_set(p->st, ep, 4) != 0, "state_endpoints_set");
}

void path_setup(struct path *p, unsigned int workers)
{
	struct dp_limits limits = {.peers_max = 64,
		.routes_max = 64,
		.gateways_max = 4,
		.worker_count = (uint16_t)workers,
		.mbufs = 16383};

	memset(p, 0, sizeof(*p));
	p->now_tsc = rte_rdtsc();
	p->dp = dp_new(&limits);
	die_if(!p->dp, "dp_new");
	state_fill(p);
	state_free(atomic_exchange(&p->dp->state, p->st));
	for (unsigned int i = 0; i < workers; i++) {
		p->w[i] = worker_new(p->dp, (uint16_t)i, i, WORKER_POLL_BUSY);
		die_if(!p->w[i], "worker_new");
	}
	nexthop_set(p, NH_VPN, VPN, -1);
	nexthop_set(p, NH_VLAN, VPN, PATH_VLAN);
	nexthop_set(p, NH_LINK, LINK, -1);
	nexthop_set(p, NH_GONE, 31, -1);
	for (uint16_t d = 1; d <= 2; d++) {
		route_add(p, d, 4, "0a010000", 16, d == 1 ? NH_VPN : NH_VLAN);
		route_add(p, d, 6, "fd01", 16, d == 1 ? NH_VPN : NH_VLAN);
		route_add(p, d, 4, "0a020000", 16, NH_UNRESOLVED);
		route_add(p, d, 4, "0a030000", 16, NH_GONE);
	}
}

void path_port_use(struct path *p, enum path_port place, const struct port *port)
{
	p->st->ports[port->id] = p->st->ports[place];
	p->st->ports[port->id].port = port;
	nexthop_set(p, place == LINK ? NH_LINK : NH_VPN, port->id, -1);
}

static void ring_clear(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(r, (void *)&m) == 0)
		rte_pktmbuf_free(m);
}

static void conservation_check(struct path *p)
{
	for (unsigned int port = 0; port < PKT_PORT_COUNT; port++) {
		uint64_t rx = 0, out = 0;

		for (unsigned int i = 0; i < PATH_WORKERS; i++) {
			const struct port_counters *c;

			if (!p->w[i])
				continue;
			c = &p->w[i]->counters->port[port];
			rx += counter_get(&c->rx_pkts);
			out += counter_get(&c->carried) + counter_get(&c->consumed);
			for (unsigned int r = 0; r < PUNT_REASON_COUNT; r++) {
				out += counter_get(&c->punt[r]);
				path_punts_seen[r] += counter_get(&c->punt[r]);
			}
			for (unsigned int r = 0; r < DROP_REASON_COUNT; r++) {
				out += counter_get(&c->drop[r]);
				path_drops_seen[r] += counter_get(&c->drop[r]);
			}
		}
		CU_ASSERT_EQUAL(rx, out);
	}
}

void path_teardown(struct path *p)
{
	struct rte_mempool *pool = p->dp->pool;

	conservation_check(p);
	for (unsigned int i = 0; i < PATH_PORTS; i++) {
		for (unsigned int q = 0; q < PATH_WORKERS; q++) {
			ring_clear(tx_rings[i][q]);
			ring_clear(rx_rings[i][q]);
		}
	}
	ring_clear(p->dp->punt);
	ring_clear(p->dp->capture);
	for (unsigned int i = 0; i < PATH_WORKERS; i++)
		worker_free(p->w[i]);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), pool->size);
	for (unsigned int i = 0; i < PATH_PEERS; i++)
		path_peer_del(p, i);
	for (uint32_t nh = NH_VPN; nh <= NH_GONE; nh++)
		nexthop_free(fib_nexthop_set(p->dp->fib, nh, NULL));
	dp_free(p->dp);
}

static bool is_cbc(const struct path_peer *pp)
{
	return cipher_format(pp->conf.cipher) == FORMAT_CBC;
}

static void sequence(uint8_t *out, size_t len, unsigned int step, unsigned int first)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * step + first);
}

static void cbc_raw_make(struct cbc_raw *raw, int direction, unsigned int slot)
{
	sequence(raw->cipher, sizeof(raw->cipher), direction ? 5 : 3, (direction ? 7 : 1) + slot);
	sequence(raw->mac, sizeof(raw->mac), direction ? 13 : 7, (direction ? 9 : 3) + slot);
	sequence(raw->iv, sizeof(raw->iv), 17, 11 + slot);
}

// Any keys do, as long as each epoch has its own; how they are made is control's business.
static void epoch_raw(
	const struct path_peer *pp, bool recv, uint32_t epoch, uint8_t raw[32], uint8_t iv[12])
{
	sequence(raw, 32, recv ? 3 : 5, epoch * 31 + pp->id + recv);
	sequence(iv, 12, recv ? 7 : 11, epoch * 17 + pp->id + recv);
}

static _Atomic(struct epoch_key *) *epoch_slot_of(struct path_peer *pp, bool recv, uint32_t epoch)
{
	struct epoch_slot *s = &pp->key->epoch;

	return &(recv ? s->recv : s->send)[epoch % EPOCH_RING];
}

void path_epoch_put(struct path_peer *pp, bool recv, uint32_t epoch)
{
	struct epoch_key *key = rte_zmalloc("epoch", sizeof(*key), 64);
	uint8_t raw[32];

	die_if(!key, "rte_zmalloc");
	epoch_raw(pp, recv, epoch, raw, key->iv);
	key->epoch = (uint16_t)epoch;
	aead_key_init(&key->key, pp->conf.cipher, raw);
	rte_free(atomic_exchange(epoch_slot_of(pp, recv, epoch), key));
}

void path_epoch_del(struct path_peer *pp, bool recv, uint32_t epoch)
{
	rte_free(atomic_exchange(epoch_slot_of(pp, recv, epoch), NULL));
}

static void key_make(struct path_peer *pp, unsigned int slot)
{
	struct keyslot *k = rte_zmalloc("key", sizeof(*k), 64);

	die_if(!k, "rte_zmalloc");
	pp->key = k;
	sequence(pp->raw_recv, sizeof(pp->raw_recv), 3, slot * 17 + 1);
	sequence(pp->raw_send, sizeof(pp->raw_send), 5, slot * 29 + 7);
	sequence(k->recv_iv, sizeof(k->recv_iv), 1, 0xa0 + slot);
	sequence(k->send_iv, sizeof(k->send_iv), 1, 0x50 + slot);
	k->key_id = pp->conf.key_id;
	cbc_raw_make(&pp->cbc_recv, 0, slot);
	cbc_raw_make(&pp->cbc_send, 1, slot);
	if (pp->conf.epoch) {
		keyslot_epoch_init(k, pp->conf.cipher);
		for (uint32_t e = 1; e <= 1 + EPOCH_FUTURE; e++)
			path_epoch_put(pp, true, e);
		for (uint32_t e = 1; e <= 1 + EPOCH_AHEAD; e++)
			path_epoch_put(pp, false, e);
	} else if (is_cbc(pp))
		keyslot_cbc_init(k, pp->conf.cipher, pp->conf.digest, &pp->cbc_recv, &pp->cbc_send);
	else
		keyslot_aead_init(k, pp->conf.cipher, pp->raw_recv, pp->raw_send);
}

static void link_make(struct path_peer *pp)
{
	bool v6 = pp->conf.link_family == 6;
	struct peer_link *l = rte_zmalloc("link", sizeof(*l), 64);

	die_if(!l, "rte_zmalloc");
	pp->link = l;
	harness_hex(v6 ? "20010db8000000000000000000000001" : "c0000201", pp->local, 16);
	harness_hex(v6 ? "20010db8ffff00000000000000000000" : "c6336400", pp->remote, 16);
	pp->remote[v6 ? 15 : 3] = (uint8_t)(10 + pp->id);
	pp->remote_port = (uint16_t)(40000 + pp->id);
	outer_link_init(l, v6 ? 6 : 4, pp->local, htons(1194 + pp->conf.gateway), pp->remote,
		htons(pp->remote_port));
	l->nexthop = pp->conf.link_nexthop == UINT32_MAX ? NEXTHOP_KERNEL
		     : pp->conf.link_nexthop             ? pp->conf.link_nexthop
							 : (uint32_t)NH_LINK;
	l->udp_csum_zero = pp->conf.udp_csum_zero;
	l->local_id = v6;
}

struct path_peer *path_peer_add(struct path *p, unsigned int slot, struct path_peer_conf conf)
{
	static uint32_t generation = 1;
	struct path_peer *pp = &p->peers[slot];
	struct peer *peer = rte_zmalloc("peer", sizeof(*peer), 64);
	uint16_t domain = conf.gateway + 1;

	die_if(!peer, "rte_zmalloc");
	memset(pp, 0, sizeof(*pp));
	pp->conf = conf;
	pp->id = slot + 1;
	pp->next_pktid = 1;
	pp->epoch = 1;
	key_make(pp, slot);
	link_make(pp);
	harness_hex("0a080000", pp->vpn4, 4);
	harness_hex("fd080000000000000000000000000000", pp->vpn6, 16);
	// Clients of different gateways may have the same addresses.
	pp->vpn4[3] = pp->vpn6[15] = (uint8_t)(10 + slot % 4);
	peer->owner = conf.owner;
	peer->gateway = conf.gateway;
	peer->peer_id = pp->id;
	peer->generation = generation++;
	peer->mss4 = conf.mss4;
	peer->data_v1 = conf.v1;
	peer->framing = (uint8_t)conf.framing;
	memcpy(&peer->vpn4_be, pp->vpn4, 4);
	memcpy(peer->vpn6, pp->vpn6, 16);
	atomic_store(&peer->slots[0], pp->key);
	atomic_store(&peer->link, pp->link);
	pp->peer = peer;
	atomic_store(&p->dp->peers->by_id[pp->id], peer);
	die_if(iroute_add(p->dp->iroute, domain, 4, pp->vpn4, 32, pp->id) != 0, "iroute_add");
	die_if(iroute_add(p->dp->iroute, domain, 6, pp->vpn6, 128, pp->id) != 0, "iroute_add");
	die_if(iroute_link_add(p->dp->iroute, conf.gateway, pp->link->local_id, pp->link->family,
		       pp->remote, htons(pp->remote_port), pp->id) != 0,
		"iroute_link_add");
	return pp;
}

void path_peer_del(struct path *p, unsigned int slot)
{
	struct path_peer *pp = &p->peers[slot];
	uint16_t domain = pp->conf.gateway + 1;

	if (!pp->peer)
		return;
	atomic_store(&p->dp->peers->by_id[pp->id], NULL);
	iroute_del(p->dp->iroute, domain, 4, pp->vpn4, 32);
	iroute_del(p->dp->iroute, domain, 6, pp->vpn6, 128);
	iroute_link_del(p->dp->iroute, pp->conf.gateway, pp->link->local_id, pp->link->family,
		pp->remote, htons(pp->remote_port));
	for (uint32_t e = 0; pp->conf.epoch && e < EPOCH_RING; e++) {
		path_epoch_del(pp, true, e);
		path_epoch_del(pp, false, e);
	}
	rte_free(pp->peer);
	rte_free(pp->key);
	rte_free(pp->link);
	pp->peer = NULL;
}

struct packet_spec path_spec_in(const struct path_peer *pp, int family)
{
	struct packet_spec s = {.family = family,
		.proto = IPPROTO_UDP,
		.src_port = 5000,
		.dst_port = 53,
		.payload = (const uint8_t *)"the quick brown fox",
		.payload_len = 19};

	memcpy(s.src, family == 4 ? pp->vpn4 : pp->vpn6, family == 4 ? 4 : 16);
	harness_hex(family == 4 ? "0a010005" : "fd010000000000000000000000000005", s.dst, 16);
	return s;
}

struct packet_spec path_spec_out(const struct path_peer *pp, int family)
{
	struct packet_spec s = path_spec_in(pp, family), back = s;

	memcpy(back.src, s.dst, 16);
	memcpy(back.dst, s.src, 16);
	return back;
}

static void nonce_make(uint8_t nonce[12], uint32_t id, const uint8_t iv[8])
{
	uint32_t be = htonl(id);

	memcpy(nonce, &be, 4);
	memcpy(nonce + 4, iv, 8);
}

// Opcode, key id, and in P_DATA_V2 the peer id.
static size_t prefix_make(const struct path_peer *pp, uint8_t *out)
{
	size_t hdr = pp->conf.v1 ? 1 : 4;
	uint32_t first = pp->conf.v1 ? (uint32_t)(6 << 3 | pp->conf.key_id) << 24
				     : (uint32_t)(9 << 3 | pp->conf.key_id) << 24 | pp->id;

	first = htonl(first);
	memcpy(out, &first, hdr);
	return hdr;
}

size_t path_seal_cbc(
	const struct path_peer *pp, const uint8_t *text, size_t len, bool pad, uint8_t *out)
{
	size_t hdr = prefix_make(pp, out);
	uint8_t iv[16];

	sequence(iv, sizeof(iv), 1, 0);
	return hdr + packet_cbc_seal(pp->conf.cipher, pp->conf.digest, &pp->cbc_recv, iv, text, len,
			     pad, out + hdr);
}

size_t path_seal_epoch(
	const struct path_peer *pp, uint64_t id, const uint8_t *text, size_t len, uint8_t *out)
{
	size_t hdr = prefix_make(pp, out);
	uint8_t raw[32], iv[12];

	for (unsigned int i = 0; i < 8; i++)
		out[hdr + i] = (uint8_t)(id >> (56 - 8 * i));
	memcpy(out + hdr + 8, text, len);
	epoch_raw(pp, true, (uint32_t)(id >> 48), raw, iv);
	for (unsigned int i = 0; i < 8; i++)
		iv[i] ^= out[hdr + i];
	packet_aead_seal(
		pp->conf.cipher, raw, iv, out, hdr + 8, out + hdr + 8, len, out + hdr + 8 + len);
	return hdr + 8 + len + 16;
}

size_t path_seal(struct path_peer *pp, const uint8_t *text, size_t len, uint8_t *out)
{
	uint32_t id = pp->next_pktid++, id_be = htonl(id);
	size_t hdr = prefix_make(pp, out);
	uint8_t nonce[12], inside[PACKET_MAX];

	if (pp->conf.epoch)
		return path_seal_epoch(pp, (uint64_t)pp->epoch << 48 | id, text, len, out);
	if (is_cbc(pp)) {
		memcpy(inside, &id_be, 4);
		memcpy(inside + 4, text, len);
		return path_seal_cbc(pp, inside, 4 + len, true, out);
	}
	memcpy(out + hdr, &id_be, 4);
	memcpy(out + hdr + 20, text, len);
	nonce_make(nonce, id, pp->key->recv_iv);
	packet_aead_seal(pp->conf.cipher, pp->raw_recv, nonce, pp->conf.v1 ? out + 1 : out,
		pp->conf.v1 ? 4 : 8, out + hdr + 20, len, out + hdr + 4);
	return hdr + 20 + len;
}

size_t path_link_frame(
	const struct path_peer *pp, uint8_t tos, const uint8_t *data, size_t len, uint8_t *out)
{
	struct packet_spec s = {.family = pp->link->family,
		.proto = IPPROTO_UDP,
		.tos = tos,
		.src_port = pp->remote_port,
		.dst_port = 1194 + pp->conf.gateway,
		.payload = data,
		.payload_len = len};
	uint8_t ip[PACKET_MAX];

	memcpy(s.src, pp->remote, 16);
	memcpy(s.dst, pp->local, 16);
	return packet_frame(
		out, path_mac, path_gateway_mac, PACKET_UNTAGGED, ip, packet_build(ip, &s));
}

size_t path_vpn_frame(const struct path_peer *pp, const struct packet_spec *s, uint8_t *out)
{
	uint8_t ip[PACKET_MAX];
	size_t len = packet_build(ip, s);

	return packet_frame(out, path_mac, path_gateway_mac,
		pp->conf.gateway == 1 ? PATH_VLAN : PACKET_UNTAGGED, ip, len);
}

struct rte_mbuf *path_mbuf(struct path *p, const uint8_t *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->dp->pool);

	die_if(!m, "rte_pktmbuf_alloc");
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	m->port = UINT16_MAX;                        // not every driver says where it came from
	memset(pkt_of(m), 0xa5, sizeof(struct pkt)); // what an earlier user left
	return m;
}

void path_in(
	struct path *p, unsigned int worker, enum path_port port, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = path_mbuf(p, frame, len);
	struct worker *w = p->w[worker];

	w->now_tsc = p->now_tsc;
	w->st = state_get(p->dp);
	if (p->st->ports[port].link_side)
		inbound_burst(w, port, &m, 1);
	else
		outbound_burst(w, port, &m, 1);
	worker_tx_flush(w);
}

void path_client_sends(
	struct path *p, unsigned int worker, struct path_peer *pp, const struct packet_spec *s)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	size_t len = packet_build(ip, s);

	len = path_seal(pp, ip, len, data);
	len = path_link_frame(pp, 0, data, len, frame);
	path_in(p, worker, LINK, frame, len);
}

void path_host_sends(
	struct path *p, unsigned int worker, struct path_peer *pp, const struct packet_spec *s)
{
	uint8_t frame[PACKET_MAX];
	size_t len = path_vpn_frame(pp, s, frame);

	path_in(p, worker, VPN, frame, len);
}

static void take_out(struct rte_mbuf *m, struct path_out *out)
{
	CU_ASSERT_EQUAL(m->nb_segs, 1);
	CU_ASSERT_EQUAL(m->pkt_len, m->data_len);
	out->len = m->data_len;
	memcpy(out->data, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	out->pkt = *pkt_of(m);
	rte_pktmbuf_free(m);
}

bool path_sent(struct path *p, enum path_port port, unsigned int worker, struct path_out *out)
{
	struct rte_mbuf *m;

	(void)p;
	if (rte_ring_dequeue(tx_rings[port][worker], (void *)&m) != 0)
		return false;
	take_out(m, out);
	return true;
}

bool path_punted(struct path *p, struct path_out *out)
{
	struct rte_mbuf *m;

	if (punt_pop_burst(p->dp, &m, 1) == 0)
		return false;
	take_out(m, out);
	return true;
}

// Checks the outer headers and returns the length of what they carry, or 0.
static size_t outer_check(const struct path_peer *pp, const struct path_out *f, size_t *off)
{
	const uint8_t *ip = f->data + 14, *udp;
	bool v4 = pp->link->family == 4;
	size_t alen = v4 ? 4 : 16, hdr = v4 ? 20 : 40, udp_len;

	if (memcmp(f->data, path_gateway_mac, 6) || memcmp(f->data + 6, path_mac, 6))
		return 0;
	if (f->data[12] != (v4 ? 0x08 : 0x86) || f->data[13] != (v4 ? 0x00 : 0xdd))
		return 0;
	if (ip[0] >> 4 != (v4 ? 4 : 6) || (v4 && ip[6] & 0x40) || !packet_ip_ok(ip))
		return 0; // outer IPv4 carries no DF
	if (memcmp(ip + (v4 ? 12 : 8), pp->local, alen) ||
		memcmp(ip + (v4 ? 16 : 24), pp->remote, alen))
		return 0;
	udp = ip + hdr;
	udp_len = (size_t)udp[4] << 8 | udp[5];
	if ((udp[0] << 8 | udp[1]) != 1194 + pp->conf.gateway ||
		(udp[2] << 8 | udp[3]) != pp->remote_port)
		return 0;
	if (pp->conf.udp_csum_zero && v4 ? (udp[6] | udp[7]) != 0 : !packet_l4_ok(ip))
		return 0;
	if (14 + hdr + udp_len != f->len)
		return 0;
	*off = 14 + hdr + 8;
	return udp_len - 8;
}

bool path_open_epoch(const struct path_peer *pp, const struct path_out *sealed,
	struct path_out *out, uint64_t *id)
{
	size_t off = 0, len = outer_check(pp, sealed, &off);
	const uint8_t *d = sealed->data + off;
	uint8_t raw[32], iv[12];

	if (len < 29 || d[0] != (9 << 3 | pp->conf.key_id) ||
		(uint32_t)(d[1] << 16 | d[2] << 8 | d[3]) != pp->id)
		return false;
	*id = 0;
	for (unsigned int i = 0; i < 8; i++)
		*id = *id << 8 | d[4 + i];
	epoch_raw(pp, false, (uint32_t)(*id >> 48), raw, iv);
	for (unsigned int i = 0; i < 8; i++)
		iv[i] ^= d[4 + i];
	out->len = len - 28;
	memcpy(out->data, d + 12, out->len);
	return packet_aead_open(
		pp->conf.cipher, raw, iv, d, 12, out->data, out->len, d + 12 + out->len);
}

bool path_open(const struct path_peer *pp, const struct path_out *sealed, bool link,
	struct path_out *out, uint32_t *pktid)
{
	size_t off = 0, len = link ? outer_check(pp, sealed, &off) : sealed->len;
	const uint8_t *d = sealed->data + off;
	size_t hdr = pp->conf.v1 ? 1 : 4;
	uint8_t nonce[12];
	uint8_t inside[PACKET_MAX];
	uint32_t id;
	int n;

	if (len < hdr + 21 || d[0] != ((pp->conf.v1 ? 6 : 9) << 3 | pp->conf.key_id))
		return false;
	if (!pp->conf.v1 && (uint32_t)(d[1] << 16 | d[2] << 8 | d[3]) != pp->id)
		return false;
	if (is_cbc(pp)) {
		n = packet_cbc_open(pp->conf.cipher, pp->conf.digest, &pp->cbc_send, d + hdr,
			len - hdr, inside);
		if (n < 4)
			return false;
		memcpy(&id, inside, 4);
		*pktid = ntohl(id);
		out->len = (size_t)n - 4;
		memcpy(out->data, inside + 4, out->len);
		return true;
	}
	memcpy(&id, d + hdr, 4);
	*pktid = ntohl(id);
	nonce_make(nonce, *pktid, pp->key->send_iv);
	out->len = len - hdr - 20;
	memcpy(out->data, d + hdr + 20, out->len);
	return packet_aead_open(pp->conf.cipher, pp->raw_send, nonce, pp->conf.v1 ? d + 1 : d,
		pp->conf.v1 ? 4 : 8, out->data, out->len, d + hdr + 4);
}

uint64_t path_drops(const struct path *p, uint16_t port, enum drop_reason reason)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < PATH_WORKERS; i++)
		if (p->w[i])
			n += counter_get(&p->w[i]->counters->port[port].drop[reason]);
	return n;
}

uint64_t path_punts(const struct path *p, uint16_t port, enum punt_reason reason)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < PATH_WORKERS; i++)
		if (p->w[i])
			n += counter_get(&p->w[i]->counters->port[port].punt[reason]);
	return n;
}

const struct gateway_counters *path_gateway(const struct path *p, unsigned int worker, uint16_t gw)
{
	return &p->w[worker]->counters->gateway[gw];
}
