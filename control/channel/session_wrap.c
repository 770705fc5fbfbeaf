// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Which wrapping a packet of a session has: the one its first packet fixed, or, for keys of a
// renegotiation, dynamic tls-crypt. [OpenVPN ssl_pkt.h tls_session_get_tls_wrap, tls_crypt.c]

#include "control/channel/push.h"
#include "control/channel/session_priv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DYNAMIC_LABEL "EXPORTER-OpenVPN-dynamic-tls-crypt"

void session_wrap_init(struct session *s, const struct session_start *start)
{
	tls_wrap_init(&s->wrap, start->wrap, !start->unproven);
	s->info.wrap = tls_wrap_mode_name(tls_wrap_mode(start->wrap));
	// Only orders our packets for the client, behind the stateless reply.
	s->unix_s = (uint32_t)time(NULL);
}

void session_wrap_fini(struct session *s)
{
	tls_wrap_fini(&s->wrap);
	tls_wrap_fini(&s->dynamic);
}

static struct tls_wrap *wrap_of(struct session *s, uint8_t key_id)
{
	return key_id != 0 && s->dynamic.key ? &s->dynamic : &s->wrap;
}

size_t session_wrap_payload_max(struct session *s, uint8_t key_id, uint16_t tls_mtu)
{
	size_t ip_udp = s->info.remote.family == 6 ? 48 : 28;

	return tls_mtu - ip_udp - tls_wrap_overhead(wrap_of(s, key_id)->key) - CTRL_HDR_BYTES -
	       (1 + 4 * CTRL_ACKS_PIGGYBACK_MAX + CTRL_SID_BYTES) - 4;
}

int session_wrap_seal(struct session *s, uint8_t key_id, const uint8_t *plain, size_t len,
	uint8_t *out, size_t room)
{
	return tls_wrap_seal(wrap_of(s, key_id), s->unix_s, plain, len, out, room);
}

int session_wrap_open(struct session *s, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	return tls_wrap_open(wrap_of(s, proto_key_id(wire[0])), wire, len, out, room);
}

int session_wrap_make_dynamic(struct session *s)
{
	uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key = NULL;
	int ret;

	if (!push_uses_dynamic(&s->peer) || s->dynamic.key)
		return 0;
	ret = tls_conn_export(s->keys[0].tls, DYNAMIC_LABEL, ekm, sizeof(ekm));
	if (ret == 0) {
		key = tls_wrap_key_dynamic(s->wrap.key, ekm, true);
		ret = key ? 0 : -EIO;
	}
	explicit_bzero(ekm, sizeof(ekm));
	if (ret)
		return ret;
	tls_wrap_init(&s->dynamic, key, false);
	tls_wrap_key_free(key);
	s->info.dynamic = true;
	return 0;
}
