// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What to do with a control packet that belongs to no session: answer it statelessly with a cookie,
// begin a session because it returned one, or drop it. Pure: nothing is remembered, nothing sent.
// [OpenVPN mudp.c do_pre_decrypt_check]
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/cookie.h"
#include "control/session.h"
#include "control/tls_wrap.h"

enum first_packet_verdict {
	FIRST_PACKET_DROP,  // malformed, not authentic, wrong or expired cookie
	FIRST_PACKET_REPLY, // send `reply` (never longer than the datagram that asked + a few acks)
	FIRST_PACKET_SESSION, // cookie is valid: make a session and give it the datagram
};

struct first_packet {
	enum first_packet_verdict verdict;
	uint8_t remote_sid[SESSION_ID_BYTES];
	uint8_t own_sid[SESSION_ID_BYTES]; // the cookie
	uint8_t reply[128];
	size_t reply_len;
};

void first_packet_judge(struct first_packet *out, const struct tls_wrap_key *wrap,
	const struct cookie_key *cookie, const struct session_addr *remote, const uint8_t *data,
	size_t len, uint64_t unix_s);
