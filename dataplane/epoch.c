// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/epoch.h"

#include "dataplane/counters.h"

#include <rte_branch_prediction.h>

#include <string.h>

void epoch_slot_init(struct epoch_slot *s, enum cipher cipher)
{
	bool wears_out = cipher != CIPHER_CHACHA20_POLY1305;

	s->limits = (struct epoch_limits){
		.usage_due = wears_out ? EPOCH_USAGE_MAX / 8 * 7 : UINT64_MAX,
		.usage_max = wears_out ? EPOCH_USAGE_MAX : UINT64_MAX,
		.counter_due = EPOCH_COUNTER_MAX / 8 * 7,
		.counter_max = EPOCH_COUNTER_MAX,
		.failed_due = EPOCH_FAILED_MAX / 2,
		.failed_max = EPOCH_FAILED_MAX,
	};
	atomic_store_explicit(&s->recv_epochs, 1, memory_order_relaxed);
	atomic_store_explicit(&s->send_epoch, 1, memory_order_relaxed);
	atomic_store_explicit(&s->send_wanted, 1, memory_order_relaxed);
}

// Of the worker's own words.
static inline uint32_t get(const _Atomic(uint32_t) *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint32_t current_of(const struct epoch_slot *s)
{
	return get(&s->recv_epochs) & UINT16_MAX;
}

static inline uint32_t previous_of(const struct epoch_slot *s)
{
	return get(&s->recv_epochs) >> 16;
}

static inline struct epoch_key *key_at(const _Atomic(struct epoch_key *) *ring, uint32_t epoch)
{
	struct epoch_key *k = atomic_load_explicit(&ring[epoch % EPOCH_RING], memory_order_acquire);

	return k && k->epoch == epoch ? k : NULL;
}

// Never too small: the last block may be a part of one.
static inline uint64_t usage_of(uint32_t bytes)
{
	return (bytes + 15) / 16 + 1;
}

// --- Sending -----------------------------------------------------------------------------------

// On to the latest epoch that is wanted and whose key is there.
static void send_move(struct epoch_slot *s)
{
	uint32_t from = get(&s->send_epoch), wanted = get(&s->send_wanted), to = from;

	for (unsigned int i = 0; i < EPOCH_RING; i++) {
		const struct epoch_key *k = atomic_load_explicit(&s->send[i], memory_order_acquire);

		if (k && k->epoch > to && k->epoch <= wanted)
			to = k->epoch;
	}
	if (to == from)
		return;
	s->send_counter = 0;
	s->send_usage = 0;
	s->moved = true;
	atomic_store_explicit(&s->send_epoch, to, memory_order_release);
}

static void send_want(struct epoch_slot *s, uint32_t epoch)
{
	if (epoch > EPOCH_SEND_MAX)
		epoch = EPOCH_SEND_MAX;
	if (epoch <= get(&s->send_wanted))
		return;
	atomic_store_explicit(&s->send_wanted, epoch, memory_order_release);
	s->moved = true;
	send_move(s);
}

// No further ahead than the client's receiver has keys.
static void send_want_next(struct epoch_slot *s)
{
	uint32_t epoch = get(&s->send_epoch);

	if (epoch < current_of(s) + EPOCH_FUTURE)
		send_want(s, epoch + 1);
}

const struct epoch_key *epoch_send_take(struct epoch_slot *s, uint32_t bytes, uint64_t *id)
{
	const struct epoch_limits *l = &s->limits;
	uint64_t usage = usage_of(bytes);
	const struct epoch_key *k;
	uint32_t epoch;

	if (unlikely(get(&s->send_wanted) > get(&s->send_epoch)))
		send_move(s);
	else if (unlikely(s->send_usage >= l->usage_due || s->send_counter >= l->counter_due))
		send_want_next(s);
	epoch = get(&s->send_epoch);
	k = key_at(s->send, epoch);
	if (unlikely(!k || s->send_counter >= l->counter_max ||
		     l->usage_max - s->send_usage < usage))
		return NULL;
	s->send_usage += usage;
	*id = (uint64_t)epoch << EPOCH_COUNTER_BITS | ++s->send_counter;
	return k;
}

// --- Receiving ---------------------------------------------------------------------------------

const struct epoch_key *epoch_recv_key(const struct epoch_slot *s, uint64_t id)
{
	uint32_t epoch = epoch_of_id(id);

	if (unlikely(epoch < current_of(s) && epoch != previous_of(s)))
		return NULL;
	if (unlikely(counter_get(&s->failed[epoch % EPOCH_RING]) >= s->limits.failed_max))
		return NULL;
	return key_at(s->recv, epoch);
}

// The client's sending key of this epoch is no good any more: it follows when we go on.
static void recv_worn(struct epoch_slot *s, uint32_t epoch)
{
	if (epoch == current_of(s) && epoch == get(&s->send_epoch))
		send_want_next(s);
}

void epoch_failed(struct epoch_slot *s, uint64_t id)
{
	uint32_t epoch = epoch_of_id(id);
	_Atomic(uint64_t) *failed = &s->failed[epoch % EPOCH_RING];

	counter_add(failed, 1);
	if (unlikely(counter_get(failed) >= s->limits.failed_due))
		recv_worn(s, epoch);
}

static void recv_move(struct epoch_slot *s, uint32_t to)
{
	uint32_t from = current_of(s);

	s->previous = s->current;
	memset(&s->current, 0, sizeof(s->current));
	s->recv_usage = 0;
	for (uint32_t e = from + EPOCH_FUTURE + 1; e <= to + EPOCH_FUTURE; e++)
		atomic_store_explicit(&s->failed[e % EPOCH_RING], 0, memory_order_relaxed);
	s->moved = true;
	atomic_store_explicit(&s->recv_epochs, to | from << 16, memory_order_release);
	if (get(&s->send_epoch) < to)
		send_want(s, to);
}

static bool window_accept(struct epoch_window *w, uint64_t id)
{
	uint64_t bit = UINT64_C(1) << (id % 64);
	uint64_t *word = &w->bitmap[id / 64 % EPOCH_WINDOW_WORDS];

	if (likely(id > w->highest)) {
		uint64_t from = w->highest / 64, to = id / 64;

		w->highest = id;
		if (unlikely(to - from >= EPOCH_WINDOW_WORDS))
			memset(w->bitmap, 0, sizeof(w->bitmap));
		else
			while (from != to)
				w->bitmap[++from % EPOCH_WINDOW_WORDS] = 0;
	} else if (unlikely(w->highest - id >= EPOCH_WINDOW || *word & bit)) {
		return false;
	}
	*word |= bit;
	return true;
}

enum drop_reason epoch_accept(struct epoch_slot *s, uint64_t id, uint32_t bytes)
{
	uint32_t epoch = epoch_of_id(id), current = current_of(s);
	uint64_t counter = id & EPOCH_COUNTER_MAX;

	if (unlikely(counter == 0))
		return DROP_REPLAY;
	if (unlikely(epoch < current)) {
		if (epoch != previous_of(s))
			return DROP_EPOCH;
		return window_accept(&s->previous, counter) ? DROP_REASON_COUNT : DROP_REPLAY;
	}
	if (unlikely(epoch > current))
		recv_move(s, epoch);
	if (unlikely(!window_accept(&s->current, counter)))
		return DROP_REPLAY;
	s->recv_usage += usage_of(bytes);
	if (unlikely(s->recv_usage >= s->limits.usage_due))
		recv_worn(s, epoch);
	return DROP_REASON_COUNT;
}

bool epoch_is_newest(const struct epoch_slot *s, uint64_t id)
{
	return epoch_of_id(id) == current_of(s) && (id & EPOCH_COUNTER_MAX) == s->current.highest;
}
