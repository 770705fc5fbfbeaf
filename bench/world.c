// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/world.h"

#include "bench/cache.h"
#include "dataplane/crypto.h"
#include "dataplane/inbound.h"
#include "dataplane/ipsec_mb.h"
#include "dataplane/outbound.h"
#include "dataplane/outer.h"
#include "dataplane/pkt.h"
#include "dataplane/state.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BURSTS 72
#define BURSTS_COLD 8 // of them, not counted
#define PACKETS (BURSTS * WORKER_BURST)
#define ETHER_BYTES 14
#define ENDPOINT_PORT 1194
#define NEXTHOP_LINK 1
#define NEXTHOP_VPN 2
#define DOMAIN_LINK 0
#define DOMAIN_VPN 1

enum world_port { LINK, VPN };

// What the cipher needs to know of a packet.
struct text {
	struct gcm_key_data *gcm;
	uint8_t *data;
	const uint8_t *aad;
	uint32_t len;
	uint8_t nonce[PROTO_NONCE_BYTES];
};

struct world {
	struct world_conf conf;
	struct dp *dp;
	struct dp_state *st;
	struct worker *worker;
	struct crypto *crypto;
	struct peer **peers;
	uint32_t *sent_id;   // by peer: packet id of what the client sent last
	rte_be32_t *targets; // an address behind every route
	_Atomic(uint8_t) capture;
	struct rte_mbuf *m[PACKETS];
	uint16_t frame_bytes[PACKETS];
	struct text text[PACKETS];
};

static struct port ports[2];
static unsigned int sent; // packets the worker transmitted since a round began
static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}, other_mac[6] = {2, 0, 0, 0, 0, 2};

static uint16_t tx_remember(void *queue, struct rte_mbuf **m, uint16_t n)
{
	(void)queue;
	(void)m; // the world knows them
	sent += n;
	return n;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench: %s failed: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

bool world_init(int core)
{
	char cores[16];
	const char *const args[] = {"bench", "--in-memory", "--no-pci", "--no-telemetry",
		"--iova-mode=va", "--log-level=error", "-l", cores};
	char *argv[RTE_DIM(args) + 1] = {NULL}; // EAL moves them about
	const char *why = NULL;

	snprintf(cores, sizeof(cores), "%d", core < 0 ? 0 : core);
	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = strdup(args[i]);
	if (rte_eal_init(RTE_DIM(args), argv) < 0) {
		fprintf(stderr, "bench: EAL: %s; are there hugepages? scripts/sluice setup\n",
			rte_strerror(rte_errno));
		return false;
	}
	if (crypto_init(&why)) {
		fprintf(stderr, "bench: %s\n", why);
		return false;
	}
	for (uint16_t i = 0; i < RTE_DIM(ports); i++) {
		ports[i] = (struct port){.id = i, .queues = 1, .mtu = 1500};
		memcpy(ports[i].mac.addr_bytes, own_mac, 6);
		rte_eth_fp_ops[i].tx_pkt_burst = tx_remember;
	}
	return true;
}

// --- Clients and routes --------------------------------------------------------------------------

static rte_be32_t vpn_address(uint32_t i)
{
	return rte_cpu_to_be_32((10u << 24 | 64u << 16) + i + 2);
}

static void key_add(const struct world_conf *conf, struct peer *peer)
{
	struct keyslot *k = rte_zmalloc("key", sizeof(*k), 64);
	uint8_t raw[2][CIPHER_KEY_BYTES_MAX];

	if (!k)
		die("memory for keys");
	for (size_t i = 0; i < sizeof(raw); i++)
		((uint8_t *)raw)[i] = (uint8_t)rte_rand();
	keyslot_aead_init(k, conf->cipher, raw[0], raw[1]);
	k->generation = peer->generation;
	atomic_store(&peer->slots[0], k);
}

static void link_add(const struct world_conf *conf, struct peer *peer, uint32_t i)
{
	struct peer_link *l = rte_zmalloc("link", sizeof(*l), 64);
	uint8_t local[16] = {192, 0, 2, 1}, remote[16] = {0};
	rte_be32_t addr = rte_cpu_to_be_32((198u << 24 | 18u << 16) + i);

	if (!l)
		die("memory for links");
	memcpy(remote, &addr, sizeof(addr));
	outer_link_init(l, 4, local, htons(ENDPOINT_PORT), remote, htons(40000));
	l->nexthop = NEXTHOP_LINK;
	l->udp_csum_zero = conf->csum == WORLD_CSUM_ZERO;
	atomic_store(&peer->link, l);
}

static void peer_add(struct world *w, uint32_t i)
{
	struct peer *peer = rte_zmalloc("peer", sizeof(*peer), 64);

	if (!peer)
		die("memory for peers");
	peer->peer_id = i;
	peer->generation = 1;
	peer->vpn4_be = vpn_address(i);
	peer->mss4 = 1400;
	key_add(&w->conf, peer);
	link_add(&w->conf, peer, i);
	if (iroute_add(w->dp->iroute, DOMAIN_VPN, 4, (uint8_t *)&peer->vpn4_be, 32, i))
		die("iroute_add");
	w->peers[i] = peer;
	atomic_store(&w->dp->peers->by_id[i], peer);
}

static void peer_free(struct world *w, uint32_t i)
{
	struct peer *peer = w->peers[i];

	rte_free(atomic_load(&peer->slots[0]));
	rte_free((void *)(uintptr_t)atomic_load(&peer->link));
	rte_free(peer);
}

static void nexthop_set(struct world *w, uint32_t index, uint16_t port)
{
	struct nexthop nh = {.port = port, .mtu = 1500, .l2_len = ETHER_BYTES};

	memcpy(nh.l2, other_mac, 6);
	memcpy(nh.l2 + 6, own_mac, 6);
	nexthop_free(fib_nexthop_set(w->dp->fib, index, &nh));
}

// Prefixes from /16 to /24 in 16.0.0.0/4, all by the same way.
static void routes_add(struct world *w)
{
	for (uint32_t i = 0; i < w->conf.routes; i++) {
		uint8_t len = (uint8_t)(w->conf.routes == 1 ? 8 : 16 + rte_rand() % 9);
		uint32_t addr = (1u << 28 | (uint32_t)rte_rand() >> 4) & ~(UINT32_MAX >> len);
		rte_be32_t be = rte_cpu_to_be_32(addr);
		int rc = fib_route_add(w->dp->fib, DOMAIN_VPN, 4, (uint8_t *)&be, len, NEXTHOP_VPN);

		if (rc)
			die("fib_route_add");
		w->targets[i] = rte_cpu_to_be_32(addr | 5);
	}
}

static void state_make(struct world *w)
{
	struct dp_endpoint ep = {.family = 4,
		.port_be = htons(ENDPOINT_PORT),
		.domain = DOMAIN_LINK,
		.addr = {192, 0, 2, 1}};
	bool offload = w->conf.csum == WORLD_CSUM_OFFLOAD;

	w->st = state_new(1);
	if (!w->st || state_endpoints_set(w->st, &ep, 1))
		die("state_new");
	for (unsigned int i = 0; i < RTE_DIM(ports); i++)
		w->st->ports[i] = (struct dp_port){.port = &ports[i],
			.domain = i == LINK ? DOMAIN_LINK : DOMAIN_VPN,
			.link_side = i == LINK,
			.vpn_side = i == VPN,
			.udp_csum_offload = offload,
			.ip_csum_offload = offload};
	w->st->gateways[0] = (struct dp_gateway){.active = true,
		.fast_path = true,
		.copy_dscp = true,
		.vpn_domain = DOMAIN_VPN,
		.link_domain = DOMAIN_LINK,
		.tun_mtu = 1500,
		.capture = &w->capture};
	state_free(atomic_exchange(&w->dp->state, w->st));
}

struct world *world_new(const struct world_conf *conf)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dp_limits limits = {.peers_max = conf->peers + 1,
		.routes_max = conf->routes + 16,
		.gateways_max = 1,
		.worker_count = 1};

	if (!w)
		die("memory");
	w->conf = *conf;
	w->peers = calloc(conf->peers, sizeof(w->peers[0]));
	w->sent_id = calloc(conf->peers, sizeof(w->sent_id[0]));
	w->targets = calloc(conf->routes, sizeof(w->targets[0]));
	w->crypto = crypto_new();
	w->dp = dp_new(&limits);
	if (!w->peers || !w->sent_id || !w->targets || !w->crypto || !w->dp)
		die("memory");
	state_make(w);
	w->worker = worker_new(w->dp, 0, rte_lcore_id(), WORKER_POLL_BUSY);
	if (!w->worker || rte_pktmbuf_alloc_bulk(w->dp->pool, w->m, PACKETS))
		die("worker");
	nexthop_set(w, NEXTHOP_LINK, LINK);
	nexthop_set(w, NEXTHOP_VPN, VPN);
	routes_add(w);
	for (uint32_t i = 0; i < conf->peers; i++)
		peer_add(w, i);
	return w;
}

void world_free(struct world *w)
{
	rte_pktmbuf_free_bulk(w->m, PACKETS);
	worker_free(w->worker);
	for (uint32_t i = 0; i < w->conf.peers; i++)
		peer_free(w, i);
	nexthop_free(fib_nexthop_set(w->dp->fib, NEXTHOP_LINK, NULL));
	nexthop_free(fib_nexthop_set(w->dp->fib, NEXTHOP_VPN, NULL));
	dp_free(w->dp);
	crypto_free(w->crypto);
	free(w->targets);
	free(w->sent_id);
	free(w->peers);
	free(w);
}

// --- Packets -------------------------------------------------------------------------------------

static uint16_t inner_bytes(const struct world *w, unsigned int i)
{
	static const uint16_t imix[] = {64, 64, 576, 64, 64, 576, 64, 1400, 64, 576, 64, 576};

	return w->conf.size ? w->conf.size : imix[i % RTE_DIM(imix)];
}

static void ether_put(uint8_t *frame)
{
	memcpy(frame, own_mac, 6);
	memcpy(frame + 6, other_mac, 6);
	frame[12] = 8;
	frame[13] = 0;
}

static void inner_put(uint8_t *ip, rte_be32_t src, rte_be32_t dst, uint16_t bytes)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)ip;
	struct rte_udp_hdr *u = (struct rte_udp_hdr *)(h + 1);

	memset(ip, 0, bytes);
	*h = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = htons(bytes),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = src,
		.dst_addr = dst};
	h->hdr_checksum = rte_ipv4_cksum(h);
	*u = (struct rte_udp_hdr){.src_port = htons(5000),
		.dst_port = htons(5001),
		.dgram_len = htons((uint16_t)(bytes - sizeof(*h)))};
}

static void text_set(struct text *t, struct aead_key *key, uint32_t id, const uint8_t *iv,
	uint8_t *data, uint32_t len)
{
	rte_be32_t id_be = rte_cpu_to_be_32(id);

	t->gcm = (struct gcm_key_data *)key->opaque;
	memcpy(t->nonce, &id_be, sizeof(id_be));
	memcpy(t->nonce + sizeof(id_be), iv, PROTO_IMPLICIT_IV_BYTES);
	t->data = data;
	t->len = len;
}

// What the client sends: sealed with the key that the worker opens it with.
static void inbound_make(struct world *w, unsigned int i, struct peer *peer)
{
	struct peer_link *link = (struct peer_link *)(uintptr_t)atomic_load(&peer->link);
	struct keyslot *k = atomic_load(&peer->slots[0]);
	uint16_t bytes = inner_bytes(w, i), payload = bytes + PROTO_DATA_V2_HDR_BYTES;
	uint8_t *frame = rte_pktmbuf_mtod(w->m[i], uint8_t *), *data = frame + ETHER_BYTES + 28;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + ETHER_BYTES);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	rte_be32_t dst = w->targets[rte_rand() % w->conf.routes];
	uint32_t id = ++w->sent_id[peer->peer_id], id_be = rte_cpu_to_be_32(id);
	struct aead_op op = {.key = &k->recv,
		.data = data + PROTO_DATA_V2_HDR_BYTES,
		.len = bytes,
		.tag = data + 8,
		.aad = data,
		.aad_len = PROTO_DATA_V2_AAD_BYTES};
	rte_be32_t remote;

	memcpy(&remote, link->remote_addr, sizeof(remote));
	ether_put(frame);
	inner_put((uint8_t *)ip, remote, inet_addr("192.0.2.1"), payload + 28);
	udp->src_port = link->remote_port_be;
	udp->dst_port = htons(ENDPOINT_PORT);
	proto_compose_v2(data, k->key_id, peer->peer_id);
	memcpy(data + 4, &id_be, sizeof(id_be));
	inner_put(op.data, peer->vpn4_be, dst, bytes);
	text_set(&w->text[i], &k->recv, id, k->recv_iv, op.data, bytes);
	w->text[i].aad = data;
	memcpy(op.nonce, w->text[i].nonce, sizeof(op.nonce));
	aead_seal_burst(w->crypto, &op, 1);
	w->frame_bytes[i] = ETHER_BYTES + 28 + payload;
}

static void outbound_make(struct world *w, unsigned int i, struct peer *peer)
{
	struct keyslot *k = atomic_load(&peer->slots[0]);
	uint8_t *frame = rte_pktmbuf_mtod(w->m[i], uint8_t *);
	uint16_t bytes = inner_bytes(w, i);

	ether_put(frame);
	inner_put(frame + ETHER_BYTES, w->targets[0], peer->vpn4_be, bytes);
	text_set(&w->text[i], &k->send, i + 1, k->send_iv, frame + ETHER_BYTES, bytes);
	w->text[i].aad = frame;
	w->frame_bytes[i] = ETHER_BYTES + bytes;
}

static void fill(struct world *w)
{
	for (unsigned int i = 0; i < PACKETS; i++) {
		struct peer *peer = w->peers[w->conf.peers > 1 ? rte_rand() % w->conf.peers : 0];

		rte_pktmbuf_reset(w->m[i]);
		if (w->conf.inbound)
			inbound_make(w, i, peer);
		else
			outbound_make(w, i, peer);
	}
	cache_sweep();
	for (unsigned int i = 0; i < PACKETS; i++)
		cache_touch(rte_pktmbuf_mtod(w->m[i], void *), w->frame_bytes[i]);
}

// --- Rounds --------------------------------------------------------------------------------------

static double ns(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz() /
	       ((BURSTS - BURSTS_COLD) * WORKER_BURST);
}

// As a driver hands a packet over: it has just written these fields.
static void burst_rearm(struct world *w, unsigned int first)
{
	for (unsigned int i = first; i < first + WORKER_BURST; i++) {
		w->m[i]->data_off = RTE_PKTMBUF_HEADROOM;
		w->m[i]->data_len = w->frame_bytes[i];
		w->m[i]->pkt_len = w->frame_bytes[i];
		w->m[i]->ol_flags = 0;
	}
}

double world_path_round(struct world *w)
{
	uint64_t cycles = 0;

	fill(w);
	sent = 0;
	for (unsigned int b = 0; b < BURSTS; b++) {
		struct rte_mbuf *m[WORKER_BURST];
		uint64_t begin;

		burst_rearm(w, b * WORKER_BURST);
		memcpy(m, &w->m[b * WORKER_BURST], sizeof(m));
		begin = rte_rdtsc_precise();
		w->worker->now_tsc = begin;
		w->worker->st = state_get(w->dp);
		if (w->conf.inbound)
			inbound_burst(w->worker, LINK, m, WORKER_BURST);
		else
			outbound_burst(w->worker, VPN, m, WORKER_BURST);
		worker_tx_flush(w->worker);
		if (b >= BURSTS_COLD)
			cycles += rte_rdtsc_precise() - begin;
	}
	if (sent != PACKETS)
		die("a packet was lost: the path");
	return ns(cycles);
}

static void raw_burst(const struct world *w, const struct text *t)
{
	uint8_t tag[PROTO_TAG_BYTES];
	struct gcm_context_data ctx;
	IMB_MGR *mgr = ipsec_mb_shared;
	aes_gcm_enc_dec_t run;

	if (w->conf.inbound)
		run = w->conf.cipher == CIPHER_AES_128_GCM   ? mgr->gcm128_dec
		      : w->conf.cipher == CIPHER_AES_192_GCM ? mgr->gcm192_dec
							     : mgr->gcm256_dec;
	else
		run = w->conf.cipher == CIPHER_AES_128_GCM   ? mgr->gcm128_enc
		      : w->conf.cipher == CIPHER_AES_192_GCM ? mgr->gcm192_enc
							     : mgr->gcm256_enc;
	for (unsigned int i = 0; i < WORKER_BURST; i++, t++)
		run(t->gcm, &ctx, t->data, t->data, t->len, t->nonce, t->aad,
			PROTO_DATA_V2_AAD_BYTES, tag, PROTO_TAG_BYTES);
}

double world_raw_round(struct world *w)
{
	uint64_t cycles = 0;

	fill(w);
	for (unsigned int b = 0; b < BURSTS; b++) {
		uint64_t begin = rte_rdtsc_precise();

		raw_burst(w, &w->text[b * WORKER_BURST]);
		if (b >= BURSTS_COLD)
			cycles += rte_rdtsc_precise() - begin;
	}
	return ns(cycles);
}
