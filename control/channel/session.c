// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/session.h"

#include "control/channel/ctrl_pkt.h"
#include "control/channel/session_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_texts[] = {
	[SESSION_END_EXIT] = "client said goodbye",
	[SESSION_END_TIMEOUT] = "no sign of life",
	[SESSION_END_EXPIRED] = "session timeout",
	[SESSION_END_HANDSHAKE] = "handshake took too long",
	[SESSION_END_TLS] = "TLS failed",
	[SESSION_END_REFUSED] = "refused",
	[SESSION_END_CROWDED] = "too many handshakes at a time, most from there",
	[SESSION_END_REPLACED] = "client connected again",
	[SESSION_END_RENEG] = "renegotiation failed",
	[SESSION_END_IDENTITY] = "certificate changed",
	[SESSION_END_SHUTDOWN] = "gateway stops",
	[SESSION_END_KILLED] = "ended by the operator",
	[SESSION_END_RELOAD] = "a reload changed its settings",
};

const char *session_end_text(enum session_end end)
{
	return end_texts[end];
}

static int begin(struct session *s, const struct session_start *start, uint64_t now_ms)
{
	uint32_t first_id = start->unproven ? 0 : 1;

	if (key_state_init(&s->keys[0], s->tls, 0, first_id, now_ms))
		return -ENOMEM;
	if (start->unproven)
		return reliable_send(&s->keys[0].rel, OP_CONTROL_HARD_RESET_SERVER_V2, NULL, 0);
	return 0;
}

struct session *session_new(const struct session_config *cfg, const struct session_addr *remote,
	const struct session_start *start, uint64_t now_ms)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cfg = cfg;
	s->tls = cfg->tls;
	if (begin(s, start, now_ms)) {
		session_free(s);
		errno = ENOMEM;
		return NULL;
	}
	s->unproven = start->unproven;
	s->queue_tail = &s->queue;
	memcpy(s->own_sid, start->own_sid, SESSION_ID_BYTES);
	memcpy(s->remote_sid, start->remote_sid, SESSION_ID_BYTES);
	session_wrap_init(s, start);
	s->started_ms = now_ms;
	s->seen_ms = now_ms;
	s->info.remote = *remote;
	s->info.tls_mtu = cfg->gw->tls_mtu ? cfg->gw->tls_mtu : SESSION_TLS_MTU;
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	session_keys_drop(s, &s->keys[0]);
	session_keys_drop(s, &s->keys[1]);
	session_wrap_fini(s);
	session_update_fini(s);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static void say_closed(struct session *s, enum session_end end, uint64_t now_ms)
{
	if (s->info.connected_ms)
		session_log(s, LOG_LEVEL_NOTICE, "closed after %llu s: %s",
			(unsigned long long)(now_ms - s->info.connected_ms) / 1000,
			session_end_text(end));
	else
		session_log_limited(s, LOG_LEVEL_NOTICE, now_ms, "closed before connected: %s",
			session_end_text(end));
	s->cfg->ops->closed(s->cfg->arg, s, end);
}

void session_leave(struct session *s, enum session_end end, const char *farewell,
	unsigned int linger_ms, bool when_acked, uint64_t now_ms)
{
	// Once: a client must not prolong its stay by asking again. [CVE-2024-28882]
	if (s->phase == SESSION_LEAVING || s->phase == SESSION_CLOSED)
		return;
	s->phase = linger_ms > 0 ? SESSION_LEAVING : SESSION_CLOSED;
	s->leave_ms = now_ms + linger_ms;
	s->leave_when_acked = when_acked;
	snprintf(s->farewell, sizeof(s->farewell), "%s", farewell ? farewell : "");
	say_closed(s, end, now_ms);
}

static void send_packet(struct session *s, const struct key_state *ks, struct ctrl_pkt *p)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX], wire[TLS_WRAP_BYTES_MAX];
	int len;

	p->key_id = ks->key_id;
	memcpy(p->sid, s->own_sid, CTRL_SID_BYTES);
	if (p->ack_count > 0)
		memcpy(p->receiver_sid, s->remote_sid, CTRL_SID_BYTES);
	len = ctrl_pkt_compose(p, plain, sizeof(plain));
	if (len > 0)
		len = session_wrap_seal(s, ks->key_id, plain, (size_t)len, wire, sizeof(wire));
	// A packet that cannot be made is one that got lost.
	if (len > 0)
		s->cfg->ops->send(s->cfg->arg, s, wire, (size_t)len);
}

// A path that loses large packets and does not say so.
static void shrink_packets(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	size_t small = session_wrap_payload_max(s, ks->key_id, SESSION_TLS_MTU_MIN);

	if (s->info.tls_mtu <= SESSION_TLS_MTU_MIN || !key_state_take_back(ks, small, now_ms))
		return;
	session_log_limited(s, LOG_LEVEL_NOTICE, now_ms,
		"control packets of %u bytes get lost: of %u from now on", s->info.tls_mtu,
		SESSION_TLS_MTU_MIN);
	s->info.tls_mtu = SESSION_TLS_MTU_MIN;
}

static void flush_key(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	struct ctrl_pkt p;

	if (ks->stage == KEY_FREE)
		return;
	shrink_packets(s, ks, now_ms);
	if (key_state_pump(ks, session_wrap_payload_max(s, ks->key_id, s->info.tls_mtu)) &&
		ks->stage != KEY_FAILED)
		session_keys_fail(s, ks, SESSION_END_TLS, "too much to send", now_ms);
	while (s->phase != SESSION_CLOSED && reliable_output(&ks->rel, &p, now_ms))
		send_packet(s, ks, &p);
}

// The last step of every call: what follows from the new state, then all packets that are due.
static void settle(struct session *s, uint64_t now_ms)
{
	session_control_push(s, now_ms);
	session_update_flush(s, now_ms);
	session_control_farewell(s, now_ms);
	if (s->phase == SESSION_CLOSED)
		return;
	flush_key(s, &s->keys[1], now_ms);
	flush_key(s, &s->keys[0], now_ms);
	if (s->phase == SESSION_LEAVING &&
		(now_ms >= s->leave_ms || (s->leave_when_acked && s->farewell[0] == '\0' &&
						  key_state_is_drained(&s->keys[0]))))
		s->phase = SESSION_CLOSED;
}

static struct key_state *find_key(struct session *s, const struct ctrl_pkt *p, uint64_t now_ms)
{
	int i;

	switch (p->opcode) {
	case OP_CONTROL_HARD_RESET_CLIENT_V3:
	case OP_CONTROL_WKC_V1:
		if (tls_wrap_mode(s->wrap.key) != TLS_WRAP_CRYPT_V2)
			return NULL;
		if (p->opcode == OP_CONTROL_WKC_V1)
			break;
		// fall through
	case OP_CONTROL_HARD_RESET_CLIENT_V2:
		// The client's first packet once more: its id is acked again.
		if (p->id != 0)
			return NULL;
		break;
	case OP_CONTROL_SOFT_RESET_V1:
	case OP_CONTROL_V1:
	case OP_ACK_V1:
		break;
	default:
		return NULL;
	}
	for (i = 0; i < 2; i++) {
		struct key_state *ks = &s->keys[i];

		if (ks->stage == KEY_FREE || ks->key_id != p->key_id)
			continue;
		if (p->opcode == OP_CONTROL_SOFT_RESET_V1 && p->id == 0 &&
			ks->stage == KEY_FAILED && i == 0 && s->phase == SESSION_CONNECTED)
			break;
		return ks;
	}
	if (p->opcode == OP_CONTROL_SOFT_RESET_V1 && p->id == 0)
		return session_rekey_accept(s, p->key_id, now_ms);
	return NULL;
}

static bool is_ours(const struct session *s, const struct ctrl_pkt *p)
{
	if (memcmp(p->sid, s->remote_sid, CTRL_SID_BYTES) != 0)
		return false;
	return p->ack_count == 0 || memcmp(p->receiver_sid, s->own_sid, CTRL_SID_BYTES) == 0;
}

void session_input(struct session *s, const uint8_t *data, size_t len, uint64_t now_ms)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	struct key_state *ks;
	struct ctrl_pkt p;
	int n;

	if (s->phase == SESSION_CLOSED || len == 0)
		return;
	n = session_wrap_open(s, data, len, plain, sizeof(plain));
	if (n < 0 || ctrl_pkt_parse(&p, plain, (size_t)n) || !is_ours(s, &p))
		return;
	ks = find_key(s, &p, now_ms);
	if (!ks)
		return;
	s->seen_ms = now_ms;
	// Its acks count in any case. A message beyond the window, or without memory for it, is for
	// the client a loss like any other.
	(void)reliable_input(&ks->rel, &p, now_ms);
	s->info.control_rtt_ms = ks->rel.rtt.smoothed_ms;
	if (p.ack_count > 0) // with our session id beside it, see is_ours()
		s->unproven = false;
	if (!s->unproven)
		session_keys_run(s, ks, now_ms);
	settle(s, now_ms);
}

void session_tls_done(struct session *s, int result, uint64_t now_ms)
{
	for (int i = 0; i < 2; i++) {
		if (!s->keys[i].lent)
			continue;
		session_keys_step_done(s, &s->keys[i], result, now_ms);
		break;
	}
	settle(s, now_ms);
}

static uint64_t hand_window_ms(const struct session *s)
{
	return (uint64_t)s->cfg->gw->hand_window_s * 1000;
}

// Twice what the client is told: it notices first and comes back before we forget it.
static uint64_t keepalive_ms(const struct session *s)
{
	return (uint64_t)s->cfg->gw->keepalive_timeout_s * 2000;
}

// When the exchange that runs has failed. One that waits for nothing but the client's last ack has
// not: the client has the key, or has given up, and then it comes back as a new session. It shows
// that it has the key by using it one hand window after its own beginning, which may be one after
// ours; and for so long as it may be silent nothing is lost, since the old key goes on.
static uint64_t exchange_deadline_ms(const struct session *s)
{
	const struct key_state *ks = &s->keys[0];

	if (s->phase != SESSION_CONNECTED || !key_state_is_busy(ks))
		return SESSION_NEVER;
	if (ks->stage == KEY_SENT && s->data[1].live)
		return s->data[1].die_ms + (uint64_t)s->cfg->gw->keepalive_timeout_s * 1000;
	return ks->started_ms + hand_window_ms(s);
}

static uint64_t opening_ms(const struct session *s)
{
	uint64_t ms = hand_window_ms(s);

	return s->unproven && ms > SESSION_UNPROVEN_MS ? SESSION_UNPROVEN_MS : ms;
}

static void check_deadlines(struct session *s, uint64_t now_ms)
{
	if (s->phase == SESSION_OPENING && now_ms >= s->started_ms + opening_ms(s)) {
		session_leave(s, SESSION_END_HANDSHAKE, NULL, 0, false, now_ms);
		return;
	}
	if (s->phase != SESSION_CONNECTED)
		return;
	if (s->expire_ms && now_ms >= s->expire_ms) {
		session_leave(s, SESSION_END_EXPIRED, "HALT,session timeout", SESSION_GOODBYE_MS,
			true, now_ms);
		return;
	}
	if (keepalive_ms(s) > 0 && now_ms >= s->seen_ms + keepalive_ms(s)) {
		session_leave(s, SESSION_END_TIMEOUT, NULL, 0, false, now_ms);
		return;
	}
	if (now_ms >= exchange_deadline_ms(s))
		session_keys_fail(s, &s->keys[0], SESSION_END_HANDSHAKE,
			"not finished within the hand window", now_ms);
}

uint64_t session_tick(struct session *s, uint64_t now_ms)
{
	check_deadlines(s, now_ms);
	session_rekey_tick(s, now_ms);
	if (s->phase != SESSION_CLOSED)
		settle(s, now_ms);
	return session_next_tick(s);
}

uint64_t session_next_tick(const struct session *s)
{
	uint64_t next = session_rekey_next_tick(s), t;
	int i;

	if (s->phase == SESSION_CLOSED)
		return SESSION_NEVER;
	for (i = 0; i < 2; i++) {
		if (s->keys[i].stage == KEY_FREE)
			continue;
		t = reliable_due_ms(&s->keys[i].rel);
		next = t < next ? t : next;
	}
	if (s->phase == SESSION_LEAVING)
		return s->leave_ms < next ? s->leave_ms : next;
	t = SESSION_NEVER;
	if (s->phase == SESSION_OPENING)
		t = s->started_ms + opening_ms(s);
	else if (keepalive_ms(s) > 0)
		t = s->seen_ms + keepalive_ms(s);
	if (s->phase == SESSION_CONNECTED && s->expire_ms && s->expire_ms < t)
		t = s->expire_ms;
	next = t < next ? t : next;
	t = exchange_deadline_ms(s);
	return t < next ? t : next;
}

void session_set_tls(struct session *s, const struct tls_context *tls)
{
	s->tls = tls;
}

void session_data_seen(struct session *s, uint64_t now_ms)
{
	if (now_ms > s->seen_ms)
		s->seen_ms = now_ms;
}

void session_float(struct session *s, const struct session_addr *remote)
{
	session_log_move(s, "address changed to", remote);
	s->info.remote = *remote;
	s->info.floats++;
}

void session_float_refused(struct session *s, const struct session_addr *remote)
{
	session_log_move(s, "address of somebody else: does not change to", remote);
}

void session_key_used(struct session *s, uint8_t key_id, uint64_t now_ms)
{
	if (s->phase != SESSION_CONNECTED)
		return;
	session_rekey_used(s, key_id, now_ms);
	settle(s, now_ms);
}

void session_renegotiate(struct session *s, const char *why, uint64_t now_ms)
{
	session_rekey_start(s, why, now_ms);
	settle(s, now_ms);
}

void session_key_worn(struct session *s, const char *why, uint64_t now_ms)
{
	session_log(s, LOG_LEVEL_WARNING, "%s", why);
	session_leave(s, SESSION_END_RENEG, "RESTART", SESSION_GOODBYE_MS, true, now_ms);
	settle(s, now_ms);
}

void session_compressed(struct session *s, uint64_t now_ms)
{
	session_log_limited(s, LOG_LEVEL_WARNING, now_ms,
		"compressed packets are dropped (framing %s): remove comp-lzo and compress from the "
		"client's configuration",
		framing_name(s->info.framing));
}

void session_peer_exit(struct session *s, uint64_t now_ms)
{
	session_leave(s, SESSION_END_EXIT, NULL, 0, false, now_ms);
}

void session_restart(struct session *s, enum session_end end, const char *message, uint64_t now_ms)
{
	session_leave(s, end, message ? message : "RESTART", SESSION_GOODBYE_MS, true, now_ms);
	settle(s, now_ms);
}

void session_close(struct session *s, enum session_end end, uint64_t now_ms)
{
	session_leave(s, end, NULL, 0, false, now_ms);
	s->phase = SESSION_CLOSED;
}

bool session_is_closed(const struct session *s)
{
	return s->phase == SESSION_CLOSED;
}

bool session_is_connected(const struct session *s)
{
	return s->phase == SESSION_CONNECTED;
}

bool session_is_unproven(const struct session *s)
{
	return s->unproven;
}

const uint8_t *session_remote_sid(const struct session *s)
{
	return s->remote_sid;
}

const struct session_info *session_info(const struct session *s)
{
	return &s->info;
}

const struct session_lease *session_lease(const struct session *s)
{
	return s->admitted ? &s->lease : NULL;
}

void session_set_owner(struct session *s, void *owner)
{
	s->owner = owner;
}

void *session_owner(const struct session *s)
{
	return s->owner;
}
