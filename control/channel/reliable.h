// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Reliability layer of one key state: messages go out and come in once and in order over datagrams
// that get lost, doubled and reordered. No I/O and no clock: packets and the time are passed in.
// The caller has checked session ids and key id. Control thread only.
// [OpenVPN reliable.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/ctrl_pkt.h"

#define RELIABLE_SEND_WINDOW 4  // what the oldest clients hold
#define RELIABLE_RECV_WINDOW 12 // what the newest clients send, and more
// First retransmission, then doubled: two seconds while no round trip was measured, then as RFC 6298
// says. Not sooner than half a second: a client answers when it is done with its own TLS.
#define RELIABLE_RETRY_MS 2000
#define RELIABLE_RETRY_MIN_MS 500
// A handshake has one hand window (60 s): doubled without end, a message gets five tries in it, and
// where one packet in seven is lost one exchange in some hundreds fails. One packet in eight seconds
// is no burden on any path.
#define RELIABLE_RETRY_MAX_MS 8000
#define RELIABLE_FAST_ACKS 3   // acks of later messages that resend one at once
#define RELIABLE_STUCK_SENDS 3 // so often in vain before a message counts as too large for the path

struct reliable_msg {
	bool used;
	uint8_t opcode;
	uint8_t later_acks; // send side
	bool again;         // was sent more than once: its ack measures nothing (Karn)
	bool answered;      // the peer has said something new since it was sent
	uint8_t sends;      // how often it was sent
	uint16_t len;
	uint32_t id;
	uint32_t retry_ms;
	uint64_t sent_ms;
	uint64_t due_ms; // 0: not sent yet
	uint8_t *data;   // heap; NULL if len is 0
};

// Round trip from message to ack, RFC 6298 section 2.
struct reliable_rtt {
	bool known;
	uint32_t smoothed_ms, deviation_ms;
};

struct reliable {
	uint32_t send_next; // id of the next new message
	uint32_t recv_next; // id of the next message to deliver
	uint32_t retry_min_ms, retry_max_ms;
	uint16_t acked_max;      // length of the largest message that was acked
	struct reliable_rtt rtt; // a new key state may take over what the one before has learnt
	struct reliable_msg send[RELIABLE_SEND_WINDOW];
	struct reliable_msg recv[RELIABLE_RECV_WINDOW]; // at id % RELIABLE_RECV_WINDOW
	uint8_t owed_count;                             // acks not sent yet, oldest first
	uint32_t owed[RELIABLE_RECV_WINDOW];
	uint8_t recent_count; // acks sent lately, newest first: sent again where there is room
	uint32_t recent[CTRL_ACKS_MAX];
	uint32_t retransmits;
};

// After a stateless first reply both sides continue at id 1, a fresh key state begins at 0.
void reliable_init(struct reliable *r, uint32_t send_next, uint32_t recv_next);
void reliable_fini(struct reliable *r); // wipes what it holds; a zeroed struct is fine

// Takes a packet: its acks, then its message (if it has one). A duplicate is acked again.
// 0; -ERANGE: message beyond the window, dropped without ack; -ENOMEM.
int reliable_input(struct reliable *r, const struct ctrl_pkt *p, uint64_t now_ms);
// Acks `id` without a message (the client's reset answered before there was a state).
void reliable_owe_ack(struct reliable *r, uint32_t id);
// The next message in order, or NULL. Stays valid until reliable_recv_done().
const struct reliable_msg *reliable_recv(const struct reliable *r);
void reliable_recv_done(struct reliable *r);

// Messages that can be queued now.
unsigned int reliable_send_room(const struct reliable *r);
// Queues a copy; reliable_output() sends it. 0, -ENOBUFS (window full), -EMSGSIZE, -ENOMEM.
int reliable_send(struct reliable *r, uint8_t opcode, const uint8_t *data, size_t len);
// Fills opcode, id, payload and acks of the next packet that is due; the caller adds session ids
// and key id and sends it. False if nothing is due. Ack-only packets come last. Call until false.
// The payload stays valid until the next call of this module.
bool reliable_output(struct reliable *r, struct ctrl_pkt *p, uint64_t now_ms);
// Messages that get lost because they are large: each of those sent and not acked, without a gap, went
// out RELIABLE_STUCK_SENDS times and is due again; one is larger than len_max, no such one was ever
// acked, and the peer has been silent. Then none has arrived. Their bytes; 0: it is not so.
size_t reliable_stuck(const struct reliable *r, size_t len_max, uint64_t now_ms);
// Takes them back, their bytes to `out`, to be sent in other pieces; their ids will be given anew.
void reliable_take_back(struct reliable *r, uint8_t *out);
// When reliable_output() will next have something by itself; UINT64_MAX: never.
uint64_t reliable_due_ms(const struct reliable *r);
// Everything queued was sent and acked.
bool reliable_is_idle(const struct reliable *r);
