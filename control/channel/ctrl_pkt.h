// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Control packets without their wrapping: reset, ack, control. Pure: bytes in, a view out. Checks
// form only; whether session ids, acks and message ids fit is the caller's matter.
//
//   |op kid| sender's session id (8) | n | n acked ids (4 each) | receiver's session id (8), n > 0
//   | message id (4), not in P_ACK_V1 | payload ...
//
// [OpenVPN ssl_pkt.h, reliable.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/proto.h"

#define CTRL_SID_BYTES 8
#define CTRL_ACKS_MAX 8           // in any packet
#define CTRL_ACKS_PIGGYBACK_MAX 4 // in packets that carry a message
#define CTRL_HDR_BYTES (1 + CTRL_SID_BYTES)
// Most a packet has before its payload.
#define CTRL_PKT_OVERHEAD_MAX (CTRL_HDR_BYTES + 1 + 4 * CTRL_ACKS_MAX + CTRL_SID_BYTES + 4)
#define CTRL_PKT_BYTES_MAX 2048 // unwrapped; larger ones are refused

struct ctrl_pkt {
	uint8_t opcode; // enum opcode
	uint8_t key_id;
	uint8_t sid[CTRL_SID_BYTES]; // sender's; never all zero
	uint8_t ack_count;
	uint32_t acks[CTRL_ACKS_MAX];
	uint8_t receiver_sid[CTRL_SID_BYTES]; // only if ack_count > 0, zeros otherwise
	uint32_t id;                          // message id; 0 in P_ACK_V1
	const uint8_t *payload;               // into the buffer parsed, or the caller's
	size_t payload_len;
};

// Does this first byte begin a control packet that a client may send? Data, obsolete and unknown
// opcodes do not, nor a reset with a key id or a soft reset without.
bool ctrl_pkt_is_from_client(uint8_t first_byte);
// P_ACK_V1 has no message id and no payload.
bool ctrl_pkt_has_id(uint8_t opcode);

// Parses an unwrapped packet of at most CTRL_PKT_BYTES_MAX bytes. 0, or -EBADMSG.
int ctrl_pkt_parse(struct ctrl_pkt *p, const uint8_t *data, size_t len);
// Writes a packet. Returns its length, -EMSGSIZE if it does not fit into room, -EINVAL.
int ctrl_pkt_compose(const struct ctrl_pkt *p, uint8_t *out, size_t room);
