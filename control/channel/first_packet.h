// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What to do with a control packet that belongs to no session: answer it statelessly with a cookie,
// begin a session because it returned one, or drop it. Pure: nothing is remembered, nothing sent.
// [OpenVPN mudp.c do_pre_decrypt_check]
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/channel/cookie.h"
#include "control/channel/session.h"
#include "control/channel/tls_wrap_set.h"

enum first_packet_verdict {
	FIRST_PACKET_DROP,  // see `why`
	FIRST_PACKET_REPLY, // send `reply` (never longer than the datagram that asked + a few acks)
	FIRST_PACKET_SESSION,  // cookie is valid: make a session and give it the datagram
	FIRST_PACKET_UNPROVEN, // the same, though its address is not proven: a few at a time
};

// Why first packets are dropped: enum, name in status.
#define FIRST_PACKET_DROPS(X) \
	X(MALFORMED, "malformed") /* no control packet, or not one that begins anything */ \
	X(AUTH, "auth")           /* no key of the gateway fits */ \
	X(COOKIE, "cookie")       /* wrong, expired or missing cookie */ \
	X(METADATA, "metadata")   /* client key with metadata not known */ \
	X(EXPIRED, "expired")     /* client key too old, or without a time */ \
	X(UNPROVEN, "unproven")   /* client that cannot return a cookie */ \
	X(RATE, "rate")           /* more than handshake_rate, handshake_prefix_rate */

enum first_packet_drop {
#define X(id, name) FIRST_PACKET_DROP_##id,
	FIRST_PACKET_DROPS(X)
#undef X
		FIRST_PACKET_DROP_COUNT
};
const char *first_packet_drop_name(enum first_packet_drop why);

struct first_packet {
	enum first_packet_verdict verdict;
	enum first_packet_drop why;
	struct session_start start; // own_sid: the cookie; a reference to the key that fits
	uint8_t reply[128];         // with tls-crypt-v2 it asks for the client key once more
	size_t reply_len;
};

// Any verdict must be followed by first_packet_fini().
void first_packet_judge(struct first_packet *out, const struct tls_wrap_set *wrap,
	const struct cookie_key *cookie, const struct session_addr *local,
	const struct session_addr *remote, const uint8_t *data, size_t len, uint64_t unix_s);
void first_packet_fini(struct first_packet *fp); // gives the key's reference back
