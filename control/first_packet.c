// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/first_packet.h"

#include <string.h>

// The answer to a reset: our session id is the cookie, it acknowledges message 0 and is itself
// message 0. It does not depend on anything but the client's session id and address.
static int compose_reply(struct first_packet *out, const struct tls_wrap_key *wrap,
	const struct cookie_key *cookie, const struct session_addr *remote, uint64_t unix_s)
{
	struct ctrl_pkt reply = {
		.opcode = OP_CONTROL_HARD_RESET_SERVER_V2, .ack_count = 1, .acks = {0}};
	uint8_t plain[64];
	int len;

	if (cookie_make(cookie, unix_s, remote, out->remote_sid, out->own_sid))
		return -1;
	memcpy(reply.sid, out->own_sid, sizeof(reply.sid));
	memcpy(reply.receiver_sid, out->remote_sid, sizeof(reply.receiver_sid));
	len = ctrl_pkt_compose(&reply, plain, sizeof(plain));
	if (len < 0)
		return -1;
	len = tls_wrap_seal_first(
		wrap, (uint32_t)unix_s, plain, (size_t)len, out->reply, sizeof(out->reply));
	if (len < 0)
		return -1;
	out->reply_len = (size_t)len;
	return 0;
}

// A third packet: everything it acknowledges, and its own id, must be among the first of a
// handshake, so that a cookie is no ticket into the middle of one.
static bool has_early_ids(const struct ctrl_pkt *p)
{
	for (unsigned int i = 0; i < p->ack_count; i++)
		if (p->acks[i] > 1)
			return false;
	return !ctrl_pkt_has_id(p->opcode) || p->id <= 1;
}

static bool returns_cookie(const struct ctrl_pkt *p, const struct cookie_key *cookie,
	const struct session_addr *remote, uint64_t unix_s)
{
	return p->ack_count > 0 && cookie_is_valid(cookie, unix_s, remote, p->sid, p->receiver_sid);
}

static bool begins_session(uint8_t opcode)
{
	return opcode == OP_CONTROL_V1 || opcode == OP_ACK_V1;
}

void first_packet_judge(struct first_packet *out, const struct tls_wrap_key *wrap,
	const struct cookie_key *cookie, const struct session_addr *remote, const uint8_t *data,
	size_t len, uint64_t unix_s)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	struct ctrl_pkt p;
	int plain_len;

	memset(out, 0, sizeof(*out));
	out->verdict = FIRST_PACKET_DROP;
	if (len < CTRL_HDR_BYTES || !ctrl_pkt_is_from_client(data[0]) || proto_key_id(data[0]) != 0)
		return;
	plain_len = tls_wrap_open_first(wrap, data, len, plain, sizeof(plain));
	if (plain_len < 0 || ctrl_pkt_parse(&p, plain, (size_t)plain_len))
		return;
	memcpy(out->remote_sid, p.sid, sizeof(out->remote_sid));

	if (p.opcode == OP_CONTROL_HARD_RESET_CLIENT_V2) {
		if (compose_reply(out, wrap, cookie, remote, unix_s) == 0)
			out->verdict = FIRST_PACKET_REPLY;
		return;
	}
	if (!begins_session(p.opcode) || !has_early_ids(&p))
		return;
	if (returns_cookie(&p, cookie, remote, unix_s)) {
		memcpy(out->own_sid, p.receiver_sid, sizeof(out->own_sid));
		out->verdict = FIRST_PACKET_SESSION;
		return;
	}
	// Clients up to 2.5 acknowledge our reply once; if that packet was lost their next one
	// carries no ack. The reply once more makes them repeat it.
	if (p.opcode == OP_CONTROL_V1 && p.ack_count == 0 &&
		compose_reply(out, wrap, cookie, remote, unix_s) == 0)
		out->verdict = FIRST_PACKET_REPLY;
}
