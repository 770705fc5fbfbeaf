// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/first_packet.h"

#include <openssl/rand.h>

#include <errno.h>
#include <string.h>

// First byte of the packet ids of clients that understand what follows. [OpenVPN ssl_pkt.h]
#define EARLY_NEGOTIATION 0x0f

// Type 1 (flags), 2 bytes long: resend the wrapped client key with the next packet.
static const uint8_t resend_wkc[] = {0, 1, 0, 2, 0, 1};

const char *first_packet_drop_name(enum first_packet_drop why)
{
	static const char *const names[] = {
#define X(id, name) name,
		FIRST_PACKET_DROPS(X)
#undef X
	};

	return names[why];
}

// The answer to a reset: our session id is the cookie, it acknowledges message 0 and is itself
// message 0. It does not depend on anything but the client's session id and both addresses.
static int compose_reply(struct first_packet *out, const struct cookie_key *cookie,
	const struct session_addr *local, const struct session_addr *remote, uint64_t unix_s)
{
	struct ctrl_pkt reply = {
		.opcode = OP_CONTROL_HARD_RESET_SERVER_V2, .ack_count = 1, .acks = {0}};
	struct session_start *start = &out->start;
	uint8_t plain[64];
	int len;

	if (cookie_make(cookie, unix_s, local, remote, start->remote_sid, start->own_sid))
		return -1;
	if (tls_wrap_mode(start->wrap) == TLS_WRAP_CRYPT_V2) {
		reply.payload = resend_wkc;
		reply.payload_len = sizeof(resend_wkc);
	}
	memcpy(reply.sid, start->own_sid, sizeof(reply.sid));
	memcpy(reply.receiver_sid, start->remote_sid, sizeof(reply.receiver_sid));
	len = ctrl_pkt_compose(&reply, plain, sizeof(plain));
	if (len < 0)
		return -1;
	len = tls_wrap_seal_first(
		start->wrap, (uint32_t)unix_s, plain, (size_t)len, out->reply, sizeof(out->reply));
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
	const struct session_addr *local, const struct session_addr *remote, uint64_t unix_s)
{
	return p->ack_count > 0 &&
	       cookie_is_valid(cookie, unix_s, local, remote, p->sid, p->receiver_sid);
}

static bool begins_session(uint8_t opcode)
{
	return opcode == OP_CONTROL_V1 || opcode == OP_ACK_V1 || opcode == OP_CONTROL_WKC_V1;
}

static enum first_packet_drop reason(int error)
{
	switch (error) {
	case -EPROTO:
		return FIRST_PACKET_DROP_METADATA;
	case -EKEYEXPIRED:
		return FIRST_PACKET_DROP_EXPIRED;
	default:
		return FIRST_PACKET_DROP_AUTH;
	}
}

// Clients of 2.5 have one chance to show us their key, and no cookie comes back with it.
static void judge_without_cookie(
	struct first_packet *out, const struct tls_wrap_set *wrap, const struct ctrl_pkt *p)
{
	out->why = FIRST_PACKET_DROP_UNPROVEN;
	if (wrap->v2_cookie_required || p->id != 0 || p->ack_count > 0 ||
		RAND_bytes(out->start.own_sid, sizeof(out->start.own_sid)) != 1)
		return;
	out->start.own_sid[0] |= 1; // zeros would mean "none"
	out->start.unproven = true;
	out->verdict = FIRST_PACKET_UNPROVEN;
}

// Form first, then the key; only then anything is believed. False: dropped, `why` is set.
static bool read_packet(struct first_packet *out, const struct tls_wrap_set *wrap, uint64_t unix_s,
	const uint8_t *data, size_t len, uint8_t plain[CTRL_PKT_BYTES_MAX], struct ctrl_pkt *p)
{
	int n;

	out->why = FIRST_PACKET_DROP_MALFORMED;
	if (len < CTRL_HDR_BYTES || !ctrl_pkt_is_from_client(data[0]) || proto_key_id(data[0]) != 0)
		return false;
	n = tls_wrap_set_open(wrap, unix_s, data, len, plain, CTRL_PKT_BYTES_MAX, &out->start.wrap);
	if (n < 0) {
		out->why = reason(n);
		return false;
	}
	if (ctrl_pkt_parse(p, plain, (size_t)n))
		return false;
	memcpy(out->start.remote_sid, p->sid, sizeof(out->start.remote_sid));
	return true;
}

void first_packet_judge(struct first_packet *out, const struct tls_wrap_set *wrap,
	const struct cookie_key *cookie, const struct session_addr *local,
	const struct session_addr *remote, const uint8_t *data, size_t len, uint64_t unix_s)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	struct ctrl_pkt p;

	memset(out, 0, sizeof(*out));
	out->verdict = FIRST_PACKET_DROP;
	if (!read_packet(out, wrap, unix_s, data, len, plain, &p))
		return;
	if (p.opcode == OP_CONTROL_HARD_RESET_CLIENT_V3 &&
		data[CTRL_HDR_BYTES] != EARLY_NEGOTIATION) {
		judge_without_cookie(out, wrap, &p);
		return;
	}
	if (p.opcode == OP_CONTROL_HARD_RESET_CLIENT_V2 ||
		p.opcode == OP_CONTROL_HARD_RESET_CLIENT_V3) {
		if (compose_reply(out, cookie, local, remote, unix_s) == 0)
			out->verdict = FIRST_PACKET_REPLY;
		return;
	}
	if (!begins_session(p.opcode) || !has_early_ids(&p))
		return;
	out->why = FIRST_PACKET_DROP_COOKIE;
	if (returns_cookie(&p, cookie, local, remote, unix_s)) {
		memcpy(out->start.own_sid, p.receiver_sid, sizeof(out->start.own_sid));
		out->verdict = FIRST_PACKET_SESSION;
		return;
	}
	// Some clients (up to 2.5) acknowledge our reply once; if that packet was lost their next
	// one carries no ack. The reply once more makes them repeat it.
	if (p.opcode != OP_ACK_V1 && p.ack_count == 0 &&
		compose_reply(out, cookie, local, remote, unix_s) == 0)
		out->verdict = FIRST_PACKET_REPLY;
}

void first_packet_fini(struct first_packet *fp)
{
	tls_wrap_key_free(fp->start.wrap);
	fp->start.wrap = NULL;
}
