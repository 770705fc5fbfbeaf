// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/publish.h"

#include "control/drain.h"
#include "control/publish_epoch.h"
#include "control/retire.h"
#include "dataplane/base/log.h"
#include "dataplane/inject.h"
#include "dataplane/outer.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("publish");

// What control remembers of a peer id, published or not.
struct peer_id_record {
	uint32_t generation; // of the next peer under this id; never 0
	uint16_t vpn_domain;
	uint8_t local_id;
	struct session_addr remote;
	struct session_addr local;
	bool udp_csum_zero;
};

struct publish {
	struct dp *dp;
	struct retire *retire;
	struct drain *drain;            // ids on their way back
	struct peer_id_record *records; // by peer id
	uint32_t *free_ids;             // ring: taken at the head, returned at the tail
	uint32_t free_head, free_count;
	bool gateway_used[DP_GATEWAYS_MAX]; // ids in use, or on their way back
};

struct publish *publish_new(struct dp *dp)
{
	struct publish *p = calloc(1, sizeof(*p));
	uint32_t n = dp->peers->size;

	if (!p)
		return NULL;
	p->dp = dp;
	p->retire = retire_new(dp->qsbr);
	p->drain = p->retire ? drain_new(dp, p->retire) : NULL;
	p->records = calloc(n, sizeof(*p->records));
	p->free_ids = calloc(n, sizeof(*p->free_ids));
	if (!p->drain || !p->records || !p->free_ids) {
		publish_free(p);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		p->free_ids[i] = i;
		p->records[i].generation = 1;
	}
	p->free_count = n;
	return p;
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	retire_free(p->retire);
	drain_free(p->drain);
	free(p->records);
	free(p->free_ids);
	free(p);
}

static void peer_id_give_back(void *arg, uint32_t peer_id)
{
	struct publish *p = arg;
	uint32_t n = p->dp->peers->size;

	p->free_ids[(p->free_head + p->free_count) % n] = peer_id;
	p->free_count++;
}

uint32_t publish_peer_id_get(struct publish *p)
{
	uint32_t id;

	if (p->free_count == 0)
		return PROTO_PEER_ID_UNDEF;
	id = p->free_ids[p->free_head];
	p->free_head = (p->free_head + 1) % p->dp->peers->size;
	p->free_count--;
	return id;
}

int publish_gateway_id_get(struct publish *p)
{
	for (uint16_t id = 0; id < p->dp->gateways_max; id++) {
		if (p->gateway_used[id])
			continue;
		p->gateway_used[id] = true;
		return id;
	}
	return -ENOSPC;
}

// Nobody counts for this gateway any more, so what it counted can be forgotten.
static void gateway_id_give_back(void *arg, uint32_t id)
{
	struct publish *p = arg;

	counters_gateway_reset(p->dp, (uint16_t)id);
	p->gateway_used[id] = false;
}

void publish_gateway_id_put(struct publish *p, uint16_t id)
{
	drain_later(p->drain, gateway_id_give_back, p, id);
}

void publish_tick(struct publish *p)
{
	retire_poll(p->retire);
	drain_poll(p->drain);
}

static void state_retired(void *arg, void *obj)
{
	(void)arg;
	state_free(obj);
}

void publish_state(struct publish *p, struct dp_state *st)
{
	struct dp_state *old;

	old = atomic_exchange_explicit(&p->dp->state, st, memory_order_acq_rel);
	if (old)
		retire_later(p->retire, state_retired, NULL, old);
}

static void nexthop_retired(void *arg, void *obj)
{
	(void)arg;
	nexthop_free(obj);
}

void publish_retire_nexthop(struct publish *p, const struct nexthop *old)
{
	if (old)
		retire_later(p->retire, nexthop_retired, NULL, (void *)(uintptr_t)old);
}

static void link_retired(void *arg, void *obj)
{
	(void)arg;
	rte_free(obj);
}

static void link_retire(struct publish *p, const struct peer_link *old)
{
	if (old)
		retire_later(p->retire, link_retired, NULL, (void *)(uintptr_t)old);
}

static void key_retired(void *arg, void *obj)
{
	struct keyslot *k = obj;

	(void)arg;
	if (k->format == FORMAT_EPOCH)
		publish_epoch_fini(k);
	explicit_bzero(k, sizeof(*k));
	rte_free(k);
}

static struct peer_link *link_new(const struct publish_link *to, bool udp_csum_zero)
{
	struct peer_link *l = rte_zmalloc("peer_link", sizeof(*l), RTE_CACHE_LINE_SIZE);

	if (!l)
		return NULL;
	outer_link_init(l, to->remote.family, to->local.addr, to->local.port_be, to->remote.addr,
		to->remote.port_be);
	l->local_id = to->local_id;
	l->nexthop = to->nexthop;
	l->path_mtu = to->path_mtu ? to->path_mtu : UINT16_MAX;
	l->udp_csum_zero = udp_csum_zero && to->remote.family == 4;
	return l;
}

static bool has_vpn6(const struct peer *peer)
{
	static const uint8_t none[16];

	return memcmp(peer->vpn6, none, sizeof(none)) != 0;
}

// An address that could not be published because another peer has it stays that peer's.
static void address_del(
	struct publish *p, const struct peer *peer, uint8_t family, const uint8_t *addr)
{
	uint16_t domain = p->records[peer->peer_id].vpn_domain;

	if (iroute_lookup(p->dp->iroute, domain, family, addr) == peer->peer_id)
		iroute_del(p->dp->iroute, domain, family, addr, family == 4 ? 32 : 128);
}

int publish_peer_add(struct publish *p, uint32_t peer_id, const struct publish_peer *desc)
{
	const struct publish_link to = {.local_id = desc->local_id,
		.local = desc->local,
		.remote = desc->remote,
		.nexthop = desc->link_nexthop};
	struct peer_id_record *rec = &p->records[peer_id];
	struct peer_link *link;
	struct peer *peer;
	int rc = -ENOMEM;

	link = link_new(&to, desc->udp_csum_zero);
	peer = rte_zmalloc("peer", sizeof(*peer), RTE_CACHE_LINE_SIZE);
	if (!link || !peer)
		goto err;
	peer->owner = (uint8_t)(peer_id % p->dp->worker_count);
	peer->gateway = desc->gateway;
	peer->peer_id = peer_id;
	peer->generation = rec->generation;
	memcpy(&peer->vpn4_be, desc->vpn4, 4);
	memcpy(peer->vpn6, desc->vpn6, 16);
	peer->mss4 = desc->mss4;
	peer->data_v1 = desc->data_v1;
	peer->framing = (uint8_t)desc->framing;
	atomic_store_explicit(&peer->link, link, memory_order_release);

	rc = iroute_link_add(p->dp->iroute, desc->gateway, desc->local_id, desc->remote.family,
		desc->remote.addr, desc->remote.port_be, peer_id);
	if (rc)
		goto err;
	rec->vpn_domain = desc->vpn_domain;
	rec->local_id = desc->local_id;
	rec->local = desc->local;
	rec->remote = desc->remote;
	rec->udp_csum_zero = desc->udp_csum_zero;
	atomic_store_explicit(&p->dp->peers->by_id[peer_id], peer, memory_order_release);

	// Reachable from inside only once the peer itself is in place.
	if (peer->vpn4_be)
		rc = iroute_add(p->dp->iroute, desc->vpn_domain, 4, desc->vpn4, 32, peer_id);
	if (!rc && has_vpn6(peer))
		rc = iroute_add(p->dp->iroute, desc->vpn_domain, 6, desc->vpn6, 128, peer_id);
	if (rc) {
		errno_log(rc, "peer=%u: cannot publish its addresses", peer_id);
		publish_peer_del(p, peer_id);
	}
	return rc;
err:
	rte_free(link);
	rte_free(peer);
	peer_id_give_back(p, peer_id);
	return errno_log(rc, "peer=%u: cannot publish", peer_id);
}

int publish_subnet_add(
	struct publish *p, uint32_t peer_id, uint8_t family, const uint8_t *addr, uint8_t len)
{
	if (!peer_by_id(p->dp->peers, peer_id))
		return -ENOENT;
	return iroute_add(
		p->dp->iroute, p->records[peer_id].vpn_domain, family, addr, len, peer_id);
}

void publish_subnet_del(
	struct publish *p, uint32_t peer_id, uint8_t family, const uint8_t *addr, uint8_t len)
{
	uint16_t domain = p->records[peer_id].vpn_domain;

	if (iroute_owner(p->dp->iroute, domain, family, addr, len) == peer_id)
		iroute_del(p->dp->iroute, domain, family, addr, len);
}

static void peer_retired(void *arg, void *obj)
{
	(void)arg;
	rte_free(obj);
}

void publish_peer_del(struct publish *p, uint32_t peer_id)
{
	struct peer_id_record *rec = &p->records[peer_id];
	struct peer *peer;

	peer = atomic_exchange_explicit(&p->dp->peers->by_id[peer_id], NULL, memory_order_acq_rel);
	if (!peer)
		return;
	if (peer->vpn4_be)
		address_del(p, peer, 4, (const uint8_t *)&peer->vpn4_be);
	if (has_vpn6(peer))
		address_del(p, peer, 6, peer->vpn6);
	iroute_link_del(p->dp->iroute, peer->gateway, rec->local_id, rec->remote.family,
		rec->remote.addr, rec->remote.port_be);
	for (int i = 0; i < 2; i++) {
		struct keyslot *k = atomic_exchange(&peer->slots[i], NULL);

		if (k)
			retire_later(p->retire, key_retired, NULL, k);
	}
	link_retire(p, atomic_exchange(&peer->link, NULL));
	if (++rec->generation == 0)
		rec->generation = 1;
	retire_later(p->retire, peer_retired, NULL, peer);
	drain_later(p->drain, peer_id_give_back, p, peer_id);
}

static bool same_ends(const struct peer_id_record *rec, const struct publish_link *to)
{
	return rec->local_id == to->local_id && rec->remote.family == to->remote.family &&
	       rec->remote.port_be == to->remote.port_be &&
	       memcmp(rec->remote.addr, to->remote.addr, sizeof(to->remote.addr)) == 0;
}

int publish_peer_link(struct publish *p, uint32_t peer_id, const struct publish_link *to)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct peer_id_record *rec = &p->records[peer_id];
	const struct peer_link *old;
	struct peer_link *link;
	bool moved;
	int rc = 0;

	if (!peer)
		return -ENOENT;
	old = atomic_load_explicit(&peer->link, memory_order_relaxed);
	moved = !same_ends(rec, to);
	if (old->nexthop == to->nexthop &&
		old->path_mtu == (to->path_mtu ? to->path_mtu : UINT16_MAX) && !moved &&
		to->remote.scope_id == rec->remote.scope_id)
		return 0;
	link = link_new(to, rec->udp_csum_zero);
	if (!link)
		return -ENOMEM;
	if (moved)
		rc = iroute_link_add(p->dp->iroute, peer->gateway, to->local_id, to->remote.family,
			to->remote.addr, to->remote.port_be, peer_id);
	if (rc) {
		rte_free(link); // was not published
		return rc;
	}
	if (moved)
		iroute_link_del(p->dp->iroute, peer->gateway, rec->local_id, rec->remote.family,
			rec->remote.addr, rec->remote.port_be);
	rec->local_id = to->local_id;
	rec->local = to->local;
	rec->remote = to->remote;
	link_retire(p, atomic_exchange_explicit(&peer->link, link, memory_order_acq_rel));
	return 0;
}

static void keyslot_init_cbc(struct keyslot *k, const struct session_key *key)
{
	struct cbc_raw recv = {0}, send = {0};

	memcpy(recv.cipher, key->recv_key, sizeof(recv.cipher));
	memcpy(recv.mac, key->recv_mac, sizeof(recv.mac));
	memcpy(send.cipher, key->send_key, sizeof(send.cipher));
	memcpy(send.mac, key->send_mac, sizeof(send.mac));
	memcpy(send.iv, key->send_iv_key, sizeof(send.iv));
	keyslot_cbc_init(k, key->cipher, key->digest, &recv, &send);
	explicit_bzero(&recv, sizeof(recv));
	explicit_bzero(&send, sizeof(send));
}

static struct keyslot *keyslot_new(const struct session_key *key, uint32_t generation)
{
	struct keyslot *k = rte_zmalloc("keyslot", sizeof(*k), RTE_CACHE_LINE_SIZE);

	if (!k)
		return NULL;
	k->key_id = key->key_id;
	k->generation = generation;
	memcpy(k->recv_iv, key->recv_iv, sizeof(k->recv_iv));
	memcpy(k->send_iv, key->send_iv, sizeof(k->send_iv));
	if (cipher_format(key->cipher) == FORMAT_CBC) {
		keyslot_init_cbc(k, key);
	} else if (!key->epoch) {
		keyslot_aead_init(k, key->cipher, key->recv_key, key->send_key);
	} else if (publish_epoch_init(k, key)) {
		key_retired(NULL, k); // was not published
		return NULL;
	}
	return k;
}

int publish_key_add(
	struct publish *p, uint32_t peer_id, const struct session_key *key, bool promote)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct keyslot *k, *old;
	uint8_t slot;

	if (!peer)
		return -ENOENT;
	k = keyslot_new(key, peer->generation);
	if (!k)
		return errno_log(-ENOMEM, "peer=%u: cannot make key slot", peer_id);
	// The slot that does not send takes the new key; what it held was the older of two.
	slot = !atomic_load_explicit(&peer->primary, memory_order_relaxed);
	old = atomic_exchange_explicit(&peer->slots[slot], k, memory_order_acq_rel);
	if (old)
		retire_later(p->retire, key_retired, NULL, old);
	if (promote)
		atomic_store_explicit(&peer->primary, slot, memory_order_release);
	return 0;
}

void publish_key_promote(struct publish *p, uint32_t peer_id, uint8_t key_id)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct keyslot *k;

	for (uint8_t i = 0; peer && i < 2; i++) {
		k = atomic_load_explicit(&peer->slots[i], memory_order_relaxed);
		if (k && k->key_id == key_id)
			atomic_store_explicit(&peer->primary, i, memory_order_release);
	}
}

void publish_key_del(struct publish *p, uint32_t peer_id, uint8_t key_id)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct keyslot *k;

	for (uint8_t i = 0; peer && i < 2; i++) {
		k = atomic_load_explicit(&peer->slots[i], memory_order_relaxed);
		if (!k || k->key_id != key_id)
			continue;
		atomic_store_explicit(&peer->slots[i], NULL, memory_order_release);
		retire_later(p->retire, key_retired, NULL, k);
	}
}

int publish_key_refill(struct publish *p, uint32_t peer_id)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct keyslot *k;
	int error = 0, rc;

	for (int i = 0; peer && i < 2; i++) {
		k = atomic_load_explicit(&peer->slots[i], memory_order_relaxed);
		rc = k && k->format == FORMAT_EPOCH ? publish_epoch_refill(k, p->retire) : 0;
		error = rc ? rc : error;
	}
	return error;
}

// Of the epoch format each key has its own count.
static uint64_t failed_most(const struct keyslot *k, uint32_t recv_epochs)
{
	uint32_t current = recv_epochs & UINT16_MAX, epoch = recv_epochs >> 16;
	uint64_t most = counter_get(&k->epoch.failed[epoch % EPOCH_RING]), n;

	for (epoch = current; epoch <= current + EPOCH_FUTURE; epoch++) {
		n = counter_get(&k->epoch.failed[epoch % EPOCH_RING]);
		most = n > most ? n : most;
	}
	return most;
}

static void epoch_usage(const struct keyslot *k, struct publish_key_usage *out)
{
	uint32_t epochs = atomic_load_explicit(&k->epoch.recv_epochs, memory_order_relaxed);

	out->recv_failed = failed_most(k, epochs);
	out->recv_epoch = epochs & UINT16_MAX;
	out->send_epoch = (uint16_t)atomic_load_explicit(
		&k->epoch.send_epoch, memory_order_relaxed);
}

bool publish_key_usage(
	const struct publish *p, uint32_t peer_id, uint8_t key_id, struct publish_key_usage *out)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	const struct keyslot *k = peer ? peer_key_by_id(peer, key_id) : NULL;

	if (!k)
		return false;
	*out = (struct publish_key_usage){
		.gcm = k->format == FORMAT_AEAD && k->recv.cipher != CIPHER_CHACHA20_POLY1305,
		.recv_pkts = counter_get(&k->recv_pkts),
		.send_pkts = counter_get(&k->send_pkts),
		.recv_bytes = counter_get(&k->recv_bytes),
		.send_bytes = counter_get(&k->send_bytes),
		.recv_failed = counter_get(&k->recv_failed),
	};
	if (k->format == FORMAT_EPOCH)
		epoch_usage(k, out);
	return true;
}

int publish_message(struct publish *p, uint32_t peer_id, const uint8_t *data, uint16_t len)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	struct rte_mbuf *m;
	struct pkt *pkt;
	int rc;

	if (!peer)
		return -ENOENT;
	m = inject_alloc(p->dp, PKT_PORT_CONTROL);
	if (!m)
		return -ENOBUFS;
	pkt = pkt_of(m);
	pkt->stage = PKT_STAGE_SEAL;
	pkt->peer_id = peer_id;
	pkt->generation = peer->generation;
	pkt->gateway = peer->gateway;
	memcpy(rte_pktmbuf_append(m, len), data, len);
	rc = inject_push(p->dp, peer->owner, m);
	if (rc)
		rte_pktmbuf_free(m);
	return rc;
}

// Packet ids are given out from 1 on, one for each packet that is sent.
bool publish_packet_sent(
	const struct publish *p, uint32_t peer_id, uint8_t key_id, uint32_t packet_id)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	const struct keyslot *k = peer ? peer_key_by_id(peer, key_id) : NULL;

	if (!k || counter_get(&k->send_pkts) == 0)
		return false;
	if (k->format == FORMAT_CBC) // the packet id is inside the ciphertext
		return true;
	if (k->format == FORMAT_EPOCH) // the first half of one: epoch, and what is above 2^32
		return packet_id >> 16 > 0 &&
		       packet_id >> 16 <=
			       atomic_load_explicit(&k->epoch.send_epoch, memory_order_relaxed) &&
		       (packet_id & UINT16_MAX) <= counter_get(&k->send_pkts) >> 32;
	return packet_id > 0 && packet_id <= counter_get(&k->send_pkts);
}

// The next hop's MTU and that of the path; zero where the kernel sends.
static void path_stats(
	const struct publish *p, const struct peer *peer, struct publish_peer_stats *out)
{
	const struct peer_link *link = atomic_load_explicit(&peer->link, memory_order_relaxed);
	const struct nexthop *nh = fib_nexthop_get(p->dp->fib, link->nexthop);

	if (!nh)
		return;
	out->link_mtu = nh->mtu;
	out->path_mtu = nh->mtu < link->path_mtu ? nh->mtu : link->path_mtu;
}

static void epoch_stats(struct peer *peer, struct publish_peer_stats *out)
{
	const struct keyslot *k = peer_key_primary(peer);
	struct publish_key_usage u;

	if (!k || k->format != FORMAT_EPOCH)
		return;
	epoch_usage(k, &u);
	out->recv_epoch = u.recv_epoch;
	out->send_epoch = u.send_epoch;
}

static uint64_t age_ms(uint64_t tsc, uint64_t now)
{
	if (tsc == 0)
		return UINT64_MAX;
	return now <= tsc ? 0 : (now - tsc) * 1000 / rte_get_tsc_hz();
}

bool publish_peer_stats(const struct publish *p, uint32_t peer_id, struct publish_peer_stats *out)
{
	struct peer *peer = peer_by_id(p->dp->peers, peer_id);
	uint64_t now = rte_rdtsc();

	if (!peer)
		return false;
	*out = (struct publish_peer_stats){
		.recv_age_ms = age_ms(atomic_load(&peer->recv_tsc), now),
		.send_age_ms = age_ms(atomic_load(&peer->send_tsc), now),
		.in_pkts = counter_get(&peer->in_pkts),
		.in_bytes = counter_get(&peer->in_bytes),
		.out_pkts = counter_get(&peer->out_pkts),
		.out_bytes = counter_get(&peer->out_bytes),
		.link_in_bytes = counter_get(&peer->link_in_bytes),
		.link_out_bytes = counter_get(&peer->link_out_bytes),
		.compressed_pkts = counter_get(&peer->compressed_pkts),
		.generation = peer->generation,
		.worker = peer->owner,
		.local = p->records[peer_id].local,
	};
	path_stats(p, peer, out);
	epoch_stats(peer, out);
	return true;
}
