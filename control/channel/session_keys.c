// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/options_string.h"
#include "control/channel/push.h"
#include "control/channel/session_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void session_keys_fail(struct session *s, struct key_state *ks, enum session_end end,
	const char *why, uint64_t now_ms)
{
	bool was_busy = key_state_is_busy(ks);
	// What a step under way will find is not known yet, and no longer matters.
	bool refused = !ks->lent && tls_conn_is_refused(ks->tls);

	session_log_limited(s, LOG_LEVEL_NOTICE, now_ms, "key id %u failed: %s", ks->key_id, why);
	key_state_fail(ks);
	// What happens to the key before is of no weight, nor to one of a session that is over.
	if (ks != &s->keys[0] || s->phase == SESSION_LEAVING)
		return;
	// A certificate that has expired or was revoked meanwhile ends the session at once.
	if (s->phase == SESSION_CONNECTED && ks->key_id != 0 && was_busy && !refused)
		session_rekey_failed(s, now_ms);
	else
		// The alert of TLS still has to reach the client.
		session_leave(s, end, NULL, SESSION_GOODBYE_MS, true, now_ms);
}

// Name and certificate chain of the first handshake hold for the life of the session.
static bool is_same_identity(struct session *s, const struct tls_peer *peer)
{
	return strcmp(s->info.common_name, peer->common_name) == 0 &&
	       memcmp(s->info.cert_sha256, peer->chain_sha256, SESSION_HASH_BYTES) == 0;
}

static int identify(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	struct tls_peer peer;

	if (tls_conn_peer(ks->tls, &peer))
		return -EPROTO;
	if (s->identified && !is_same_identity(s, &peer)) {
		session_log(s, LOG_LEVEL_WARNING,
			"certificate changed at renegotiation, now of %s: session ends",
			peer.common_name);
		session_leave(s, SESSION_END_IDENTITY, "AUTH_FAILED,certificate changed",
			SESSION_LINGER_MS, false, now_ms);
		return 0;
	}
	memcpy(s->info.common_name, peer.common_name, sizeof(s->info.common_name));
	memcpy(s->info.cert_sha256, peer.chain_sha256, SESSION_HASH_BYTES);
	memcpy(s->info.tls_version, peer.version, sizeof(s->info.tls_version));
	memcpy(s->info.tls_suite, peer.suite, sizeof(s->info.tls_suite));
	s->identified = true;
	session_log(
		s, LOG_LEVEL_INFO, "TLS: certificate verified, %s, %s", peer.version, peer.suite);
	return 0;
}

static void copy_peer_info(struct session *s)
{
	struct session_info *i = &s->info;

	snprintf(i->iv_ver, sizeof(i->iv_ver), "%s", s->peer.ver);
	snprintf(i->iv_plat, sizeof(i->iv_plat), "%s", s->peer.plat);
	snprintf(i->iv_gui_ver, sizeof(i->iv_gui_ver), "%s", s->peer.gui_ver);
	i->iv_proto = s->peer.proto;
	i->iv_mtu = s->peer.mtu;
	i->data_v2 = s->peer.proto & PEER_PROTO_DATA_V2;
	i->key_derivation = push_uses_ekm(&s->peer) ? "tls-ekm" : "prf";
}

static void refuse(struct session *s, const char *farewell, uint64_t now_ms)
{
	session_log_limited(s, LOG_LEVEL_NOTICE, now_ms, "refused: %s",
		strchr(farewell, ',') ? strchr(farewell, ',') + 1 : farewell);
	session_leave(s, SESSION_END_REFUSED, farewell, SESSION_LINGER_MS, false, now_ms);
}

// What the client must not have: settings that change its data packets, which it does not take back
// when told so in PUSH_REPLY.
static const char *unsupported(const struct options_string *o)
{
	if (o->dev_tap)
		return "AUTH_FAILED,dev tap is not supported by this server, use dev tun";
	if (o->mtu_dynamic)
		return "AUTH_FAILED,fragment is not supported by this server";
	return NULL;
}

static int choose_cipher(struct session *s, const struct options_string *options, uint64_t now_ms)
{
	const struct conf_gateway *gw = s->cfg->gw;
	const struct ncp_offer ours = {.ciphers = gw->data_ciphers,
		.count = gw->data_cipher_count,
		.fallback = gw->fallback_cipher,
		.digest = gw->auth,
		.epoch = gw->data_epoch};
	const char *digest;

	if (ncp_choose(&s->ncp, &ours, &s->peer, options))
		return -ENOENT;
	digest = ncp_digest_name(&s->ncp);
	s->info.cipher = cipher_name(s->ncp.cipher);
	s->info.cipher_why = s->ncp.why;
	s->info.digest = digest;
	s->info.epoch = s->ncp.epoch;
	s->info.framing = s->ncp.framing;
	session_log(s, LOG_LEVEL_NOTICE,
		"Data Channel: using negotiated cipher '%s'%s%s%s%s (by %s)", s->info.cipher,
		digest ? ", auth '" : "", digest ? digest : "", digest ? "'" : "",
		s->info.epoch ? ", epoch format" : "", s->ncp.why);
	if (s->ncp.cipher == CIPHER_NONE)
		session_log_limited(s, LOG_LEVEL_WARNING, now_ms,
			"data packets are not encrypted, as the client wants (cipher none)");
	if (ncp_digest_differs(&s->ncp, options))
		session_log_limited(s, LOG_LEVEL_WARNING, now_ms,
			"client has auth %s, this gateway %s: its packets will not pass",
			options->auth, digest);
	return 0;
}

// First key of a session: everything a client is admitted by. The verdict is the last step, so that
// an older session of the same certificate goes only for one that will work.
static void decide(struct session *s, const struct key_state *ks, uint64_t now_ms)
{
	const struct conf_gateway *gw = s->cfg->gw;
	struct options_string *options = &s->options;
	enum session_verdict verdict;
	const char *farewell;

	peer_info_parse(&s->peer, ks->client.peer_info.text, ks->client.peer_info.len);
	copy_peer_info(s);
	options_string_parse(options, ks->client.options.text, ks->client.options.len);
	farewell = unsupported(options);
	if (!farewell && !gw->client_cidr.family && !peer_info_knows_ipv6_only(&s->peer))
		farewell = "AUTH_FAILED,this server gives IPv6 addresses only, which needs OpenVPN "
			   "2.5 or later";
	if (!farewell && choose_cipher(s, options, now_ms))
		farewell = NCP_FAILURE_TEXT;
	if (farewell) {
		refuse(s, farewell, now_ms);
		return;
	}
	verdict = s->cfg->ops->admit(s->cfg->arg, s, &s->lease);
	s->admitted = verdict == SESSION_ADMIT;
	if (!s->admitted)
		session_control_refuse(s, verdict, now_ms);
}

int session_options_string(const struct session *s, char *out, size_t room)
{
	return options_string_compose(out, room, &s->options, s->ncp.push ? NULL : s->info.cipher,
		s->info.digest, s->wrap.key);
}

// The message is written even to a client that was refused: before it a 2.x client takes no word.
static int answer(struct session *s, struct key_state *ks)
{
	char options[OPTIONS_STRING_BYTES];
	uint8_t msg[TLS_MESSAGE_BYTES];
	int len, ret;

	if (session_options_string(s, options, sizeof(options)) < 0)
		return -EPROTO;
	len = keyex_server_compose(msg, sizeof(msg), &ks->server, options);
	if (len < 0)
		return len;
	ret = tls_conn_write(ks->tls, msg, (size_t)len);
	explicit_bzero(msg, sizeof(msg));
	return ret;
}

static void key_message(
	struct session *s, struct key_state *ks, const uint8_t *data, size_t len, uint64_t now_ms)
{
	const struct keyex_text none = {"", 0};

	if (keyex_client_parse(&ks->client, data, len)) {
		session_keys_fail(s, ks, SESSION_END_TLS, "key message is malformed", now_ms);
		return;
	}
	if (keyex_random_init(&ks->server)) {
		session_keys_fail(s, ks, SESSION_END_TLS, "no random bytes", now_ms);
		return;
	}
	if (s->phase == SESSION_OPENING)
		decide(s, ks, now_ms);
	// The texts point into the buffer that ends with this call.
	ks->client.options = ks->client.username = ks->client.password = ks->client.peer_info =
		none;
	if (s->phase == SESSION_CLOSED)
		return;
	if (answer(s, ks)) {
		session_keys_fail(s, ks, SESSION_END_TLS, "key message cannot be sent", now_ms);
		return;
	}
	// Renegotiated: the client may use the key as soon as it has our message, which leaves only
	// when this call is over. Afterwards the secrets are gone.
	if (s->phase == SESSION_CONNECTED && session_rekey_add(s, ks, now_ms)) {
		session_keys_fail(s, ks, SESSION_END_TLS, "no data keys", now_ms);
		return;
	}
	ks->stage = KEY_SENT;
}

void session_keys_active(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	ks->stage = KEY_ACTIVE;
	if (ks != &s->keys[0])
		return;
	s->info.key_id = ks->key_id;
	if (s->phase == SESSION_OPENING || s->phase == SESSION_CONNECTED)
		session_rekey_active(s, now_ms);
}

// What a step of the handshake has come to. True: it is over, and well.
static bool handshake_result(struct session *s, struct key_state *ks, int ret, uint64_t now_ms)
{
	if (ret == 0)
		return false;
	if (ret < 0 || identify(s, ks, now_ms)) {
		session_keys_fail(s, ks, SESSION_END_TLS, tls_conn_error(ks->tls), now_ms);
		return false;
	}
	ks->stage = KEY_WAIT;
	return true;
}

// The next step, if there is something to take it with.
static bool handshake(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	const struct session_config *cfg = s->cfg;

	if (!ks->fed)
		return false;
	ks->fed = false;
	if (!cfg->ops->tls_step)
		return handshake_result(s, ks, tls_conn_handshake(ks->tls), now_ms);
	if (cfg->ops->tls_step(cfg->arg, s, ks->tls))
		session_keys_fail(s, ks, SESSION_END_TLS, "out of memory", now_ms);
	else
		ks->lent = true;
	return false;
}

static void read_messages(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	uint8_t msg[TLS_MESSAGE_BYTES];
	int n = 0;

	while (ks->stage != KEY_FREE && ks->stage != KEY_FAILED) {
		n = tls_conn_read(ks->tls, msg, sizeof(msg));
		if (n <= 0)
			break;
		if (ks->stage == KEY_WAIT)
			key_message(s, ks, msg, (size_t)n, now_ms);
		else
			session_control_input(s, msg, (size_t)n, now_ms);
	}
	explicit_bzero(msg, sizeof(msg));
	if (n < 0)
		session_keys_fail(s, ks, SESSION_END_TLS, tls_conn_error(ks->tls), now_ms);
}

void session_keys_run(struct session *s, struct key_state *ks, uint64_t now_ms)
{
	if (key_state_feed(ks)) {
		session_keys_fail(s, ks, SESSION_END_TLS, "out of memory", now_ms);
		return;
	}
	if (ks->stage == KEY_FAILED || ks->lent)
		return;
	if (ks->stage == KEY_SENT && key_state_is_drained(ks))
		session_keys_active(s, ks, now_ms);
	if (ks->stage == KEY_HANDSHAKE && !handshake(s, ks, now_ms))
		return;
	read_messages(s, ks, now_ms);
}

void session_keys_step_done(struct session *s, struct key_state *ks, int result, uint64_t now_ms)
{
	ks->lent = false;
	// It may have failed meanwhile for another reason; an alert still goes out.
	if (ks->stage == KEY_HANDSHAKE)
		(void)handshake_result(s, ks, result, now_ms);
	session_keys_run(s, ks, now_ms);
}

void session_keys_drop(struct session *s, struct key_state *ks)
{
	if (ks->stage != KEY_FREE && ks->lent)
		s->cfg->ops->tls_abandon(s->cfg->arg, s, ks->tls);
	key_state_fini(ks);
}
