// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Control strings: what both sides say inside TLS after the key exchange. [OpenVPN push.c,
// forward.c parse_incoming_control_channel_command]

#include "control/channel/push.h"
#include "control/channel/session_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_printable(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static bool begins_with(const char *text, size_t len, const char *head)
{
	return len >= strlen(head) && memcmp(text, head, strlen(head)) == 0;
}

static void string_input(struct session *s, const char *text, size_t len, uint64_t now_ms)
{
	while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == '\n'))
		len--;
	if (len == 0)
		return;
	if (!is_printable(text, len)) {
		session_log_limited(s, LOG_LEVEL_INFO, now_ms,
			"control message with unprintable bytes dropped");
		return;
	}
	if (begins_with(text, len, "PUSH_REQUEST"))
		s->push_wanted = true;
	else if (begins_with(text, len, "EXIT"))
		// The slot is free at once; what the client retransmits is acked for a while, so
		// that it does not look like somebody new.
		session_leave(s, SESSION_END_EXIT, NULL, SESSION_LINGER_MS, false, now_ms);
	else
		session_log_limited(
			s, LOG_LEVEL_INFO, now_ms, "control message ignored: %.*s", (int)len, text);
}

// One record may hold several strings; each ends with a NUL.
void session_control_input(struct session *s, const uint8_t *data, size_t len, uint64_t now_ms)
{
	const uint8_t *end;

	while (len > 0 && (s->phase == SESSION_OPENING || s->phase == SESSION_CONNECTED)) {
		end = memchr(data, 0, len);
		if (!end) {
			session_log_limited(
				s, LOG_LEVEL_INFO, now_ms, "unterminated control message dropped");
			return;
		}
		string_input(s, (const char *)data, (size_t)(end - data), now_ms);
		len -= (size_t)(end + 1 - data);
		data = end + 1;
	}
}

// Who is turned away for lack of room should try the next server, in words its version knows.
void session_control_refuse(struct session *s, enum session_verdict v, uint64_t now_ms)
{
	static const struct {
		const char *why;
		bool final; // another server would say the same
	} refusals[] = {
		[SESSION_REFUSE_FULL] = {"server is full", false},
		[SESSION_REFUSE_DUPLICATE] = {"this certificate is already connected", true},
		[SESSION_REFUSE_NO_ADDRESS] = {"no client address is free", false},
		[SESSION_REFUSE_ADDRESS_IN_USE] = {"its address is still another client's", false},
		[SESSION_REFUSE_DISABLED] = {"this client is disabled", true},
	};
	const char *why = refusals[v].why;
	char text[SESSION_TEXT_BYTES];

	if (refusals[v].final) {
		snprintf(text, sizeof(text), "AUTH_FAILED,%s", why);
	} else if (s->peer.proto & PEER_PROTO_AUTH_FAIL_TEMP) {
		snprintf(text, sizeof(text), "AUTH_FAILED,TEMP[backoff 5,advance remote]:%s", why);
	} else {
		snprintf(text, sizeof(text), "RESTART,[N]%s", why);
	}
	session_log_limited(s, LOG_LEVEL_NOTICE, now_ms, "refused: %s", why);
	session_leave(s, SESSION_END_REFUSED, text, SESSION_LINGER_MS, false, now_ms);
}

// One string, one record: older clients take a record for a message.
int session_control_say(struct session *s, const char *text)
{
	return tls_conn_write(s->keys[0].tls, (const uint8_t *)text, strlen(text) + 1);
}

void session_control_farewell(struct session *s, uint64_t now_ms)
{
	if (s->phase != SESSION_LEAVING || s->farewell[0] == '\0' || s->keys[0].stage != KEY_ACTIVE)
		return;
	if (session_control_say(s, s->farewell))
		session_log_limited(s, LOG_LEVEL_INFO, now_ms, "last message not sent: %s",
			tls_conn_error(s->keys[0].tls));
	s->farewell[0] = '\0';
}

static void log_connected(const struct session *s)
{
	char vpn4[INET_ADDRSTRLEN], vpn6[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET, s->lease.vpn4, vpn4, sizeof(vpn4));
	inet_ntop(AF_INET6, s->lease.vpn6, vpn6, sizeof(vpn6));
	session_log(s, LOG_LEVEL_NOTICE,
		"connected: peer id %u, %s, %s, %s, keys by %s, control channel %s, OpenVPN %s %s",
		s->lease.peer_id, vpn4, vpn6, s->info.tls_version, s->info.key_derivation,
		s->info.wrap, s->info.iv_ver[0] ? s->info.iv_ver : "unknown", s->info.iv_plat);
}

// Data keys and PUSH_REPLY belong to the same moment: the client derives its own when it has read
// which way.
static int connect_client(struct session *s, uint64_t now_ms)
{
	int ret = session_rekey_add(s, &s->keys[0], now_ms);

	if (ret)
		return ret;
	s->phase = SESSION_CONNECTED;
	s->info.connected_ms = now_ms;
	s->info.reload = s->cfg->reload;
	// Clients before 2.6 do not know the option that tells them.
	if (s->cfg->gw->session_timeout_s > 0)
		s->expire_ms = now_ms + (uint64_t)s->cfg->gw->session_timeout_s * 1000;
	log_connected(s);
	return 0;
}

// What the client has been told stays what it is told again, whatever updates came in between.
static int compose(struct session *s, struct push *p)
{
	char text[PUSH_TEXT_BYTES];
	int ret;

	if (s->told)
		return push_from_text(p, "PUSH_REPLY", s->told);
	ret = push_compose(p, s->cfg->gw, &s->lease, &s->peer, &s->ncp);
	if (ret)
		return ret;
	push_text(p, text);
	s->told = strdup(text);
	return s->told ? 0 : -ENOMEM;
}

static void push(struct session *s, uint64_t now_ms)
{
	bool first = s->phase == SESSION_OPENING;
	struct push p;
	unsigned int i;

	if (compose(s, &p) ||
		(first && (session_wrap_make_dynamic(s) || connect_client(s, now_ms)))) {
		session_log_limited(s, LOG_LEVEL_WARNING, now_ms, "no data keys or push reply");
		session_leave(s, SESSION_END_REFUSED, "AUTH_FAILED,internal error",
			SESSION_LINGER_MS, false, now_ms);
		return;
	}
	for (i = 0; i < p.count; i++) {
		if (session_control_say(s, p.part[i])) {
			session_keys_fail(s, &s->keys[0], SESSION_END_TLS,
				tls_conn_error(s->keys[0].tls), now_ms);
			return;
		}
	}
	s->push_ms = now_ms ? now_ms : 1;
	if (first)
		s->cfg->ops->connected(s->cfg->arg, s);
}

void session_control_push(struct session *s, uint64_t now_ms)
{
	if ((s->phase != SESSION_OPENING && s->phase != SESSION_CONNECTED) ||
		s->keys[0].stage != KEY_ACTIVE)
		return;
	if (s->phase == SESSION_OPENING && (s->peer.proto & PEER_PROTO_REQUEST_PUSH))
		s->push_wanted = true;
	if (!s->push_wanted)
		return;
	s->push_wanted = false;
	// Our reply is on its way and the layers below see to it that it arrives.
	if (s->push_ms && now_ms - s->push_ms < SESSION_PUSH_AGAIN_MS)
		return;
	push(s, now_ms);
}
