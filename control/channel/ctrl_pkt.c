// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/ctrl_pkt.h"

#include "control/channel/reader.h"

#include <errno.h>
#include <string.h>

enum key_rule { KEY_ANY, KEY_FIRST, KEY_RENEGOTIATED };

struct opcode_rule {
	bool legal, from_client, has_id;
	enum key_rule key;
};

// Opcodes 1 and 2 (key method 1) are obsolete, 6 and 9 are data. Key id 0 is a session's first
// key and never comes back. [openvpn ssl_pkt.h]
static const struct opcode_rule opcode_rules[32] = {
	[OP_CONTROL_SOFT_RESET_V1] = {true, true, true, KEY_RENEGOTIATED},
	[OP_CONTROL_V1] = {true, true, true, KEY_ANY},
	[OP_ACK_V1] = {true, true, false, KEY_ANY},
	[OP_CONTROL_HARD_RESET_CLIENT_V2] = {true, true, true, KEY_FIRST},
	[OP_CONTROL_HARD_RESET_SERVER_V2] = {true, false, true, KEY_FIRST},
	[OP_CONTROL_HARD_RESET_CLIENT_V3] = {true, true, true, KEY_FIRST},
	[OP_CONTROL_WKC_V1] = {true, true, true, KEY_FIRST},
};

static bool first_byte_is_legal(uint8_t first_byte)
{
	const struct opcode_rule *rule = &opcode_rules[proto_opcode(first_byte)];
	uint8_t key_id = proto_key_id(first_byte);

	if (!rule->legal)
		return false;
	if (rule->key == KEY_FIRST)
		return key_id == 0;
	if (rule->key == KEY_RENEGOTIATED)
		return key_id != 0;
	return true;
}

bool ctrl_pkt_is_from_client(uint8_t first_byte)
{
	return first_byte_is_legal(first_byte) &&
	       opcode_rules[proto_opcode(first_byte)].from_client;
}

bool ctrl_pkt_has_id(uint8_t opcode)
{
	return opcode < 32 && opcode_rules[opcode].has_id;
}

static bool sid_is_set(const uint8_t sid[CTRL_SID_BYTES])
{
	static const uint8_t zero[CTRL_SID_BYTES];

	return memcmp(sid, zero, CTRL_SID_BYTES) != 0;
}

static bool read_acks(struct reader *r, struct ctrl_pkt *p)
{
	if (!reader_bytes(r, &p->ack_count, 1) || p->ack_count > CTRL_ACKS_MAX)
		return false;
	for (unsigned int i = 0; i < p->ack_count; i++) {
		if (!reader_u32(r, &p->acks[i]))
			return false;
	}
	// The receiver's session id is there only to say whose messages are acked.
	return p->ack_count == 0 || reader_bytes(r, p->receiver_sid, CTRL_SID_BYTES);
}

int ctrl_pkt_parse(struct ctrl_pkt *p, const uint8_t *data, size_t len)
{
	struct reader r = {data, len};
	uint8_t first;

	memset(p, 0, sizeof(*p));
	if (len > CTRL_PKT_BYTES_MAX || !reader_bytes(&r, &first, 1) || !first_byte_is_legal(first))
		return -EBADMSG;
	p->opcode = proto_opcode(first);
	p->key_id = proto_key_id(first);
	if (!reader_bytes(&r, p->sid, CTRL_SID_BYTES) || !sid_is_set(p->sid) || !read_acks(&r, p))
		return -EBADMSG;
	if (!ctrl_pkt_has_id(p->opcode))
		return r.left == 0 ? 0 : -EBADMSG;
	if (!reader_u32(&r, &p->id))
		return -EBADMSG;
	p->payload = r.data;
	p->payload_len = r.left;
	return 0;
}

static uint8_t *write_u32(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
	return out + 4;
}

static size_t packet_bytes(const struct ctrl_pkt *p)
{
	size_t n = CTRL_HDR_BYTES + 1;

	if (p->ack_count > 0)
		n += 4 * (size_t)p->ack_count + CTRL_SID_BYTES;
	if (ctrl_pkt_has_id(p->opcode))
		n += 4 + p->payload_len;
	return n;
}

int ctrl_pkt_compose(const struct ctrl_pkt *p, uint8_t *out, size_t room)
{
	uint8_t first = (uint8_t)(p->opcode << 3 | (p->key_id & PROTO_KEY_ID_MASK));
	size_t len;

	if (p->opcode > 31 || p->key_id > PROTO_KEY_ID_MASK || !first_byte_is_legal(first) ||
		p->ack_count > CTRL_ACKS_MAX || p->payload_len > CTRL_PKT_BYTES_MAX)
		return -EINVAL;
	len = packet_bytes(p);
	if (len > room || len > CTRL_PKT_BYTES_MAX)
		return -EMSGSIZE;

	*out++ = first;
	memcpy(out, p->sid, CTRL_SID_BYTES);
	out += CTRL_SID_BYTES;
	*out++ = p->ack_count;
	for (unsigned int i = 0; i < p->ack_count; i++)
		out = write_u32(out, p->acks[i]);
	if (p->ack_count > 0) {
		memcpy(out, p->receiver_sid, CTRL_SID_BYTES);
		out += CTRL_SID_BYTES;
	}
	if (ctrl_pkt_has_id(p->opcode)) {
		out = write_u32(out, p->id);
		if (p->payload_len > 0)
			memcpy(out, p->payload, p->payload_len);
	}
	return (int)len;
}
