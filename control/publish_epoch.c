// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/publish_epoch.h"

#include "control/channel/epoch_chain.h"

#include <rte_malloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// What a slot's keys are made of: each chain is at the epoch of the last key made.
struct source {
	enum cipher cipher;
	struct epoch_chain recv, send;
};

typedef _Atomic(struct epoch_key *) ring_slot;

static void key_free(struct epoch_key *key)
{
	if (key)
		explicit_bzero(key, sizeof(*key));
	rte_free(key);
}

static void key_retired(void *arg, void *obj)
{
	(void)arg;
	key_free(obj);
}

static struct epoch_key *key_new(enum cipher cipher, const struct epoch_chain *c, int *error)
{
	struct epoch_key *key = rte_zmalloc("epoch_key", sizeof(*key), RTE_CACHE_LINE_SIZE);
	uint8_t raw[CIPHER_KEY_BYTES_MAX];

	*error = -ENOMEM;
	if (!key)
		return NULL;
	*error = epoch_chain_key(c, raw, cipher_key_bytes(cipher), key->iv);
	if (*error) {
		key_free(key);
		key = NULL;
	} else {
		key->epoch = c->epoch;
		aead_key_init(&key->key, cipher, raw);
	}
	explicit_bzero(raw, sizeof(raw));
	return key;
}

// The key of the chain's epoch, visible to the worker from here on.
static int key_put(ring_slot *ring, enum cipher cipher, const struct epoch_chain *c)
{
	struct epoch_key *key;
	int error;

	// Never: no two keys that are needed have the same index.
	if (atomic_load_explicit(&ring[c->epoch % EPOCH_RING], memory_order_relaxed))
		return -EBUSY;
	key = key_new(cipher, c, &error);
	if (key)
		atomic_store_explicit(&ring[c->epoch % EPOCH_RING], key, memory_order_release);
	return error;
}

// On to epoch `last`, with keys for the epochs from `first` on.
static int extend(
	ring_slot *ring, enum cipher cipher, struct epoch_chain *c, uint32_t first, uint32_t last)
{
	struct epoch_chain next;
	int error = 0;

	while (!error && c->epoch < last) {
		next = *c;
		error = epoch_chain_next(&next);
		if (!error && next.epoch >= first)
			error = key_put(ring, cipher, &next);
		if (!error)
			*c = next; // else made again by the next call
	}
	explicit_bzero(&next, sizeof(next));
	return error;
}

static void take_out(ring_slot *slot, struct retire *retire)
{
	struct epoch_key *key = atomic_exchange_explicit(slot, NULL, memory_order_acq_rel);

	retire_later(retire, key_retired, NULL, key);
}

// What the worker has left for good: its epochs never go back.
static void sweep(struct epoch_slot *s, uint32_t recv_epochs, uint32_t send, struct retire *retire)
{
	uint32_t current = recv_epochs & UINT16_MAX, previous = recv_epochs >> 16;
	const struct epoch_key *key;

	for (unsigned int i = 0; i < EPOCH_RING; i++) {
		key = atomic_load_explicit(&s->recv[i], memory_order_relaxed);
		if (key && key->epoch < current && key->epoch != previous)
			take_out(&s->recv[i], retire);
		key = atomic_load_explicit(&s->send[i], memory_order_relaxed);
		if (key && key->epoch < send)
			take_out(&s->send[i], retire);
	}
}

static uint32_t at_most(uint32_t epoch, uint32_t max)
{
	return epoch < max ? epoch : max;
}

static int fill(struct epoch_slot *s, struct source *src, uint32_t current, uint32_t send)
{
	int recv_error = extend(s->recv, src->cipher, &src->recv, 1,
		at_most(current + EPOCH_FUTURE, EPOCH_RECV_MAX));
	int send_error = extend(s->send, src->cipher, &src->send, send,
		at_most(send + EPOCH_AHEAD, EPOCH_SEND_MAX));

	return recv_error ? recv_error : send_error;
}

int publish_epoch_refill(struct keyslot *k, struct retire *retire)
{
	struct epoch_slot *s = &k->epoch;
	uint32_t recv = atomic_load_explicit(&s->recv_epochs, memory_order_acquire);
	uint32_t send = atomic_load_explicit(&s->send_epoch, memory_order_acquire);
	uint32_t wanted = atomic_load_explicit(&s->send_wanted, memory_order_acquire);

	sweep(s, recv, send, retire);
	return fill(s, s->source, recv & UINT16_MAX, wanted > send ? wanted : send);
}

int publish_epoch_init(struct keyslot *k, const struct session_key *key)
{
	struct source *src = calloc(1, sizeof(*src));
	int error;

	keyslot_epoch_init(k, key->cipher);
	k->epoch.source = src;
	if (!src)
		return -ENOMEM;
	src->cipher = key->cipher;
	epoch_chain_init(&src->recv, key->recv_key);
	epoch_chain_init(&src->send, key->send_key);
	error = key_put(k->epoch.recv, src->cipher, &src->recv);
	if (!error)
		error = key_put(k->epoch.send, src->cipher, &src->send);
	return error ? error : fill(&k->epoch, src, 1, 1);
}

void publish_epoch_fini(struct keyslot *k)
{
	for (unsigned int i = 0; i < EPOCH_RING; i++) {
		key_free(atomic_load_explicit(&k->epoch.recv[i], memory_order_relaxed));
		key_free(atomic_load_explicit(&k->epoch.send[i], memory_order_relaxed));
	}
	if (k->epoch.source)
		explicit_bzero(k->epoch.source, sizeof(struct source));
	free(k->epoch.source);
	k->epoch.source = NULL;
}
