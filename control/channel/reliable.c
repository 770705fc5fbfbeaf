// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/reliable.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Message ids wrap; a distance above half the space means "behind".
static uint32_t id_distance(uint32_t from, uint32_t to)
{
	return to - from;
}

static void msg_clear(struct reliable_msg *m)
{
	OPENSSL_clear_free(m->data, m->len);
	memset(m, 0, sizeof(*m));
}

static int msg_fill(
	struct reliable_msg *m, uint8_t opcode, uint32_t id, const uint8_t *data, size_t len)
{
	uint8_t *copy = NULL;

	if (len > CTRL_PKT_BYTES_MAX)
		return -EMSGSIZE;
	if (len > 0) {
		copy = OPENSSL_malloc(len);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, data, len);
	}
	*m = (struct reliable_msg){
		.used = true,
		.opcode = opcode,
		.id = id,
		.len = (uint16_t)len,
		.data = copy,
	};
	return 0;
}

void reliable_init(struct reliable *r, uint32_t send_next, uint32_t recv_next)
{
	memset(r, 0, sizeof(*r));
	r->send_next = send_next;
	r->recv_next = recv_next;
	r->retry_min_ms = RELIABLE_RETRY_MIN_MS;
	r->retry_max_ms = RELIABLE_RETRY_MAX_MS;
}

void reliable_fini(struct reliable *r)
{
	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++)
		msg_clear(&r->send[i]);
	for (unsigned int i = 0; i < RELIABLE_RECV_WINDOW; i++)
		msg_clear(&r->recv[i]);
	memset(r, 0, sizeof(*r));
}

static void measure(struct reliable_rtt *rtt, uint64_t ms)
{
	uint32_t now = ms < RELIABLE_RETRY_MAX_MS ? (uint32_t)ms : RELIABLE_RETRY_MAX_MS, off;

	if (!rtt->known) {
		*rtt = (struct reliable_rtt){true, now, now / 2};
		return;
	}
	off = now > rtt->smoothed_ms ? now - rtt->smoothed_ms : rtt->smoothed_ms - now;
	rtt->deviation_ms = (3 * rtt->deviation_ms + off) / 4;
	rtt->smoothed_ms = (7 * rtt->smoothed_ms + now) / 8;
}

static uint32_t first_retry_ms(const struct reliable *r)
{
	uint32_t ms = r->rtt.smoothed_ms + 4 * r->rtt.deviation_ms;

	if (!r->rtt.known)
		return RELIABLE_RETRY_MS;
	return ms < r->retry_min_ms ? r->retry_min_ms : ms > r->retry_max_ms ? r->retry_max_ms : ms;
}

// An acked message is done with. Messages sent before it that are still open get one mark each;
// enough marks resend them at once. Acks of messages we no longer hold are normal: peers repeat.
static void take_ack(struct reliable *r, uint32_t id, uint64_t now_ms)
{
	bool known = false;

	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		struct reliable_msg *m = &r->send[i];

		// Nobody can ack what was never sent.
		if (m->used && m->id == id && m->due_ms != 0) {
			if (!m->again && now_ms >= m->sent_ms)
				measure(&r->rtt, now_ms - m->sent_ms);
			if (m->len > r->acked_max)
				r->acked_max = m->len;
			msg_clear(m);
			known = true;
		}
	}
	if (!known)
		return;
	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		struct reliable_msg *m = &r->send[i];

		if (m->used && m->due_ms != 0 && id_distance(m->id, id) < RELIABLE_SEND_WINDOW &&
			m->later_acks < RELIABLE_FAST_ACKS)
			m->later_acks++;
	}
}

void reliable_owe_ack(struct reliable *r, uint32_t id)
{
	for (unsigned int i = 0; i < r->owed_count; i++) {
		if (r->owed[i] == id)
			return;
	}
	if (r->owed_count == RELIABLE_RECV_WINDOW) // the peer will send it again
		return;
	r->owed[r->owed_count++] = id;
}

static void mark_answered(struct reliable *r)
{
	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++)
		if (r->send[i].used && r->send[i].due_ms != 0)
			r->send[i].answered = true;
}

static int take_message(struct reliable *r, const struct ctrl_pkt *p)
{
	struct reliable_msg *m = &r->recv[p->id % RELIABLE_RECV_WINDOW];
	uint32_t ahead = id_distance(r->recv_next, p->id);
	int ret;

	if (ahead >= UINT32_MAX / 2) { // delivered before: our ack was lost
		reliable_owe_ack(r, p->id);
		return 0;
	}
	if (ahead >= RELIABLE_RECV_WINDOW)
		return -ERANGE;
	// Two ids of the window share a slot only where ids wrap, which no session lives to see.
	if (m->used && m->id != p->id)
		return -ERANGE;
	if (!m->used) {
		ret = msg_fill(m, p->opcode, p->id, p->payload, p->payload_len);
		if (ret < 0)
			return ret;
		mark_answered(r);
	}
	reliable_owe_ack(r, p->id);
	return 0;
}

int reliable_input(struct reliable *r, const struct ctrl_pkt *p, uint64_t now_ms)
{
	for (unsigned int i = 0; i < p->ack_count; i++)
		take_ack(r, p->acks[i], now_ms);
	return ctrl_pkt_has_id(p->opcode) ? take_message(r, p) : 0;
}

const struct reliable_msg *reliable_recv(const struct reliable *r)
{
	const struct reliable_msg *m = &r->recv[r->recv_next % RELIABLE_RECV_WINDOW];

	return m->used && m->id == r->recv_next ? m : NULL;
}

void reliable_recv_done(struct reliable *r)
{
	if (reliable_recv(r) == NULL)
		return;
	msg_clear(&r->recv[r->recv_next % RELIABLE_RECV_WINDOW]);
	r->recv_next++;
}

// The peer must be able to hold everything from the oldest open message on.
unsigned int reliable_send_room(const struct reliable *r)
{
	uint32_t span = 0;

	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		const struct reliable_msg *m = &r->send[i];

		if (m->used && id_distance(m->id, r->send_next) > span)
			span = id_distance(m->id, r->send_next);
	}
	return RELIABLE_SEND_WINDOW - span;
}

int reliable_send(struct reliable *r, uint8_t opcode, const uint8_t *data, size_t len)
{
	int ret;

	if (reliable_send_room(r) == 0)
		return -ENOBUFS;
	ret = msg_fill(
		&r->send[r->send_next % RELIABLE_SEND_WINDOW], opcode, r->send_next, data, len);
	if (ret == 0)
		r->send_next++;
	return ret;
}

static void remember_ack(struct reliable *r, uint32_t id)
{
	unsigned int i = 0;

	while (i < r->recent_count && r->recent[i] != id)
		i++;
	if (i == r->recent_count && r->recent_count < CTRL_ACKS_MAX)
		r->recent_count++;
	if (i == CTRL_ACKS_MAX)
		i--;
	memmove(&r->recent[1], &r->recent[0], i * sizeof(r->recent[0]));
	r->recent[0] = id;
}

static bool packet_acks(const struct ctrl_pkt *p, uint32_t id)
{
	for (unsigned int i = 0; i < p->ack_count; i++) {
		if (p->acks[i] == id)
			return true;
	}
	return false;
}

// Owed acks first, then recent ones again: an ack is never acked, so saying it more than once is
// all that helps against its loss.
static void add_acks(struct reliable *r, struct ctrl_pkt *p, unsigned int max)
{
	unsigned int n = r->owed_count < max ? r->owed_count : max;

	memcpy(p->acks, r->owed, n * sizeof(r->owed[0]));
	p->ack_count = (uint8_t)n;
	r->owed_count = (uint8_t)(r->owed_count - n);
	memmove(r->owed, &r->owed[n], r->owed_count * sizeof(r->owed[0]));
	for (unsigned int i = 0; i < r->recent_count && p->ack_count < max; i++) {
		if (!packet_acks(p, r->recent[i]))
			p->acks[p->ack_count++] = r->recent[i];
	}
	for (unsigned int i = 0; i < n; i++)
		remember_ack(r, p->acks[i]);
}

// The oldest message that is new, late or overtaken.
static struct reliable_msg *next_due(struct reliable *r, uint64_t now_ms)
{
	struct reliable_msg *best = NULL;

	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		struct reliable_msg *m = &r->send[i];

		if (!m->used || (m->due_ms > now_ms && m->later_acks < RELIABLE_FAST_ACKS))
			continue;
		if (best == NULL ||
			id_distance(m->id, r->send_next) > id_distance(best->id, r->send_next))
			best = m;
	}
	return best;
}

static void schedule_retry(struct reliable *r, struct reliable_msg *m, uint64_t now_ms)
{
	bool first = m->due_ms == 0;
	bool fast = m->later_acks >= RELIABLE_FAST_ACKS;

	if (first) {
		m->sent_ms = now_ms;
		m->retry_ms = first_retry_ms(r);
	} else {
		m->again = true;
		r->retransmits++;
	}
	// A fast retransmission is no sign of a slow path: the timer starts again, not doubled.
	if (!first && !fast && m->retry_ms < r->retry_max_ms)
		m->retry_ms *= 2;
	if (m->sends < UINT8_MAX)
		m->sends++;
	m->later_acks = 0;
	m->due_ms = now_ms + m->retry_ms;
}

bool reliable_output(struct reliable *r, struct ctrl_pkt *p, uint64_t now_ms)
{
	struct reliable_msg *m = next_due(r, now_ms);

	memset(p, 0, sizeof(*p));
	if (m != NULL) {
		p->opcode = m->opcode;
		p->id = m->id;
		p->payload = m->data;
		p->payload_len = m->len;
		schedule_retry(r, m, now_ms);
		add_acks(r, p, CTRL_ACKS_PIGGYBACK_MAX);
		return true;
	}
	if (r->owed_count == 0)
		return false;
	p->opcode = OP_ACK_V1;
	add_acks(r, p, CTRL_ACKS_MAX);
	return true;
}

static bool is_stuck(const struct reliable_msg *m, uint32_t id, uint64_t now_ms)
{
	return m->used && m->id == id && m->opcode == OP_CONTROL_V1 &&
	       m->sends >= RELIABLE_STUCK_SENDS && m->due_ms <= now_ms && !m->answered;
}

static uint32_t oldest_id(const struct reliable *r)
{
	return r->send_next - (RELIABLE_SEND_WINDOW - reliable_send_room(r));
}

size_t reliable_stuck(const struct reliable *r, size_t len_max, uint64_t now_ms)
{
	size_t total = 0, largest = 0;

	for (uint32_t id = oldest_id(r); id != r->send_next; id++) {
		const struct reliable_msg *m = &r->send[id % RELIABLE_SEND_WINDOW];

		if (!is_stuck(m, id, now_ms))
			return 0;
		total += m->len;
		largest = m->len > largest ? m->len : largest;
	}
	return largest > len_max && r->acked_max <= len_max ? total : 0;
}

void reliable_take_back(struct reliable *r, uint8_t *out)
{
	uint32_t first = oldest_id(r);

	for (uint32_t id = first; id != r->send_next; id++) {
		struct reliable_msg *m = &r->send[id % RELIABLE_SEND_WINDOW];

		memcpy(out, m->data, m->len);
		out += m->len;
		msg_clear(m);
	}
	r->send_next = first;
}

uint64_t reliable_due_ms(const struct reliable *r)
{
	uint64_t due = r->owed_count > 0 ? 0 : UINT64_MAX;

	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		const struct reliable_msg *m = &r->send[i];

		if (!m->used)
			continue;
		if (m->later_acks >= RELIABLE_FAST_ACKS)
			return 0;
		if (m->due_ms < due)
			due = m->due_ms;
	}
	return due;
}

bool reliable_is_idle(const struct reliable *r)
{
	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		if (r->send[i].used)
			return false;
	}
	return true;
}
