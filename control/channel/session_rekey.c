// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Data keys over the life of a session. [OpenVPN ssl.c key_state_soft_reset,
// tls_select_encryption_key]
//
//   soft reset      derived          promoted            old key dies
//   ----+--------------+----------------+--------------------+-----
//       |  exchange    | receive on both, send on old | receive on both, send on new
//       '------ min(hand_window, reneg/2) ------------'
//
// The old key lives until the end of the transition window, at least 60 s beyond the derivation of
// the new one. A renegotiation that begins earlier is honoured, for the client would give up
// otherwise; then the oldest key goes when the third is derived, not before: what the client sent
// on it until it saw our soft reset still arrives. So there are never more than two.

#include "control/channel/push.h"
#include "control/channel/session_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint8_t next_key_id(uint8_t key_id)
{
	return key_id == PROTO_KEY_ID_MASK ? 1 : key_id + 1;
}

static void promote(struct session *s)
{
	s->promote_ms = 0;
	if (!s->data[0].live || s->sending == s->data[0].key_id)
		return;
	s->sending = s->data[0].key_id;
	s->cfg->ops->key_promote(s->cfg->arg, s, s->sending);
}

static void remove_old(struct session *s)
{
	if (!s->data[1].live)
		return;
	if (s->sending == s->data[1].key_id)
		promote(s);
	s->cfg->ops->key_remove(s->cfg->arg, s, s->data[1].key_id);
	// Its control channel has nothing to ack any more either.
	if (s->keys[1].stage != KEY_FREE && s->keys[1].key_id == s->data[1].key_id)
		session_keys_drop(s, &s->keys[1]);
	s->data[1] = (struct session_data_key){0};
}

static int derive(struct session *s, struct key_state *ks, struct session_key *key)
{
	uint8_t block[KEYEX_BLOCK_BYTES];
	int ret;

	if (push_uses_ekm(&s->peer))
		ret = tls_conn_export(ks->tls, KEYEX_EKM_LABEL, block, sizeof(block));
	else
		ret = keyex_block_prf(block, &ks->client, &ks->server, s->remote_sid, s->own_sid);
	if (ret == 0 && s->ncp.epoch)
		ret = keyex_slice_epoch(key, block, ks->key_id, s->ncp.cipher);
	else if (ret == 0)
		ret = keyex_slice(key, block, ks->key_id, s->ncp.cipher, s->ncp.digest);
	explicit_bzero(block, sizeof(block));
	key_state_wipe_secrets(ks);
	return ret;
}

// min(hand_window, reneg/2): by then the client has the key as well.
static uint64_t promote_after_ms(const struct conf_gateway *gw)
{
	uint64_t ms = (uint64_t)gw->hand_window_s * 1000;

	if (gw->reneg_s > 0 && (uint64_t)gw->reneg_s * 500 < ms)
		ms = (uint64_t)gw->reneg_s * 500;
	return ms;
}

// A key that is replaced while it was itself young shows a client which renegotiates faster than we
// would: it forgets the old key with its next soft reset, so send on the new one as soon as it has
// it. Stock OpenVPN chooses the same.
static uint64_t promote_at_ms(const struct session *s, const struct key_state *ks, uint64_t now_ms)
{
	uint64_t after = promote_after_ms(s->cfg->gw);

	if (s->keys[1].stage != KEY_FREE && s->keys[1].started_ms + after > now_ms)
		return now_ms ? now_ms : 1;
	return ks->started_ms + after;
}

int session_rekey_add(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	bool first = !s->data[0].live;
	struct session_key key = {0};
	int ret;

	ret = derive(s, ks, &key);
	if (ret == 0) {
		remove_old(s);
		ret = s->cfg->ops->key_add(s->cfg->arg, s, &key, first);
	}
	explicit_bzero(&key, sizeof(key));
	if (ret)
		return ret;
	s->data[1] = s->data[0];
	s->data[0] = (struct session_data_key){.live = true, .key_id = ks->key_id};
	if (first) {
		s->sending = ks->key_id;
		return 0;
	}
	s->promote_ms = promote_at_ms(s, ks, now_ms);
	s->data[1].die_ms = now_ms + SESSION_OLD_KEY_MS;
	if (s->data[1].die_ms < s->old_die_ms)
		s->data[1].die_ms = s->old_die_ms;
	return 0;
}

// Replaces keys[0]; what was there becomes the key before, unless it had failed.
static struct key_state *begin(struct session *s, uint8_t key_id, uint64_t now_ms)
{
	struct key_state fresh;

	if (key_state_init(&fresh, s->tls, key_id, 0, now_ms))
		return NULL;
	if (reliable_send(&fresh.rel, OP_CONTROL_SOFT_RESET_V1, NULL, 0)) {
		key_state_fini(&fresh);
		return NULL;
	}
	fresh.rel.rtt = s->keys[0].rel.rtt;
	if (s->keys[0].stage == KEY_FAILED) {
		session_keys_drop(s, &s->keys[0]);
	} else {
		// The client forgets the older of its two keys now.
		promote(s);
		session_keys_drop(s, &s->keys[1]);
		s->keys[1] = s->keys[0];
		s->old_die_ms = now_ms + (uint64_t)s->cfg->gw->tran_window_s * 1000;
	}
	s->keys[0] = fresh;
	s->reneg_ms = 0;
	return &s->keys[0];
}

static bool can_begin(const struct session *s)
{
	return s->phase == SESSION_CONNECTED && s->keys[0].stage == KEY_ACTIVE;
}

void session_rekey_start(struct session *s, const char *why, uint64_t now_ms)
{
	uint8_t key_id = next_key_id(s->keys[0].key_id);

	if (!can_begin(s))
		return;
	if (!begin(s, key_id, now_ms)) {
		session_log(s, LOG_LEVEL_WARNING, "renegotiation: out of memory, tried again");
		s->reneg_ms = now_ms + SESSION_LINGER_MS;
		return;
	}
	session_log(s, LOG_LEVEL_INFO, "renegotiation begins, key id %u: %s", key_id, why);
}

struct key_state *session_rekey_accept(struct session *s, uint8_t key_id, uint64_t now_ms)
{
	bool again;

	// Who begins the next exchange has finished this one, whatever became of its last ack.
	if (s->phase == SESSION_CONNECTED && key_id == next_key_id(s->keys[0].key_id))
		session_rekey_used(s, s->keys[0].key_id, now_ms);
	// A client that never saw our soft reset takes the key id of the failed attempt.
	again = s->phase == SESSION_CONNECTED && s->keys[0].stage == KEY_FAILED &&
		key_id == s->keys[0].key_id;
	if (!again && (!can_begin(s) || key_id != next_key_id(s->keys[0].key_id)))
		return NULL;
	session_log(s, LOG_LEVEL_INFO, "renegotiation begins by the client, key id %u", key_id);
	return begin(s, key_id, now_ms);
}

// The old key lives on until its time, and the session with it.
void session_rekey_failed(struct session *s, uint64_t now_ms)
{
	if (s->data[0].live && s->data[0].key_id == s->keys[0].key_id) {
		s->cfg->ops->key_remove(s->cfg->arg, s, s->data[0].key_id);
		s->data[0] = s->data[1];
		s->data[0].die_ms = 0;
		s->data[1] = (struct session_data_key){0};
	}
	s->promote_ms = 0;
	s->reneg_ms = 0;
	s->doom_ms = s->old_die_ms > now_ms ? s->old_die_ms : now_ms;
	session_log(s, LOG_LEVEL_WARNING,
		"renegotiation failed, the old key lives for another %llu s",
		(unsigned long long)(s->doom_ms - now_ms) / 1000);
}

// OpenVPN 3 sends on its old key for a minute after a renegotiation and has room for two keys: asked
// again before that, it loses packets, and with the third key its connection.
#define OPENVPN3_RENEG_MIN_MS 75000

// Up to a tenth earlier than configured, so that clients which connected together part.
static uint64_t reneg_after_ms(const struct session *s)
{
	uint64_t ms = (uint64_t)s->cfg->gw->reneg_s * 1000;
	uint32_t random = 0;

	if (peer_info_is_openvpn3(&s->peer) && ms < OPENVPN3_RENEG_MIN_MS)
		ms = OPENVPN3_RENEG_MIN_MS;

	// Without random bytes the time is merely not spread.
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = 0;
	return ms - random % (ms / 10 + 1);
}

void session_rekey_active(struct session *s, uint64_t now_ms)
{
	if (s->cfg->gw->reneg_s > 0)
		s->reneg_ms = now_ms + reneg_after_ms(s);
	if (s->keys[0].key_id == 0 || s->phase != SESSION_CONNECTED)
		return;
	s->doom_ms = 0;
	s->data[0].confirmed = true;
	if (s->promote_ms && now_ms >= s->promote_ms)
		promote(s);
	s->info.renegotiations++;
	session_log(s, LOG_LEVEL_NOTICE, "renegotiated, key id %u%s", s->keys[0].key_id,
		s->info.dynamic ? ", control channel dynamic tls-crypt" : "");
}

// A client that uses a key has finished its exchange, whatever became of its last ack.
void session_rekey_used(struct session *s, uint8_t key_id, uint64_t now_ms)
{
	if (s->keys[0].stage == KEY_SENT && s->keys[0].key_id == key_id && s->data[0].live &&
		s->data[0].key_id == key_id)
		session_keys_active(s, &s->keys[0], now_ms);
}

void session_rekey_tick(struct session *s, uint64_t now_ms)
{
	if (s->phase != SESSION_CONNECTED)
		return;
	if (s->doom_ms && now_ms >= s->doom_ms) {
		session_leave(s, SESSION_END_RENEG, NULL, 0, false, now_ms);
		return;
	}
	if (s->promote_ms && now_ms >= s->promote_ms && s->data[0].confirmed)
		promote(s);
	if (s->data[1].live && now_ms >= s->data[1].die_ms && s->data[0].confirmed)
		remove_old(s);
	if (s->reneg_ms && now_ms >= s->reneg_ms)
		session_rekey_start(s, "reneg_sec", now_ms);
}

static uint64_t sooner(uint64_t t, uint64_t next)
{
	return t != 0 && t < next ? t : next;
}

uint64_t session_rekey_next_tick(const struct session *s)
{
	uint64_t next = SESSION_NEVER;

	if (s->phase != SESSION_CONNECTED)
		return next;
	next = sooner(s->doom_ms, next);
	next = sooner(s->reneg_ms, next);
	if (s->data[0].confirmed) {
		next = sooner(s->promote_ms, next);
		if (s->data[1].live)
			next = sooner(s->data[1].die_ms, next);
	}
	return next;
}
