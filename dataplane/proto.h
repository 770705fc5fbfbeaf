// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Wire format of OpenVPN packets: opcodes and the data channel's header. No state, no I/O.
//
//   P_DATA_V2   |op kid| peer id (3) | packet id (4) | tag (16) | ciphertext ...
//                '------ AAD: 8 bytes -------------'
//   P_DATA_V1   |op kid| packet id (4) | tag (16) | ciphertext ...
//                       '- AAD: 4 bytes'   (the first byte is not authenticated)
//   nonce (12)  packet id (4) | implicit IV (8)
//
//   P_DATA_V2   |op kid| peer id (3) | epoch (2) | counter (6) | ciphertext ... | tag (16)
//                '------ AAD: 12 bytes -----------------------'
//   nonce (12)  epoch (2) | counter (6) | zeros (4), exclusive or IV (12)
//
//   P_DATA_V2   |op kid| peer id (3) | HMAC | IV (16) | CBC of: packet id (4) | text | padding |
//   P_DATA_V1   |op kid| HMAC | IV (16) | CBC of: packet id (4) | text | padding |
//                             '- HMAC over this ----------------------------------'
//
//   P_DATA_V2   |op kid| peer id (3) | HMAC | packet id (4) | text |     cipher none
//   P_DATA_V1   |op kid| HMAC | packet id (4) | text |
//                             '- HMAC over this ------'
//
// The first byte is opcode << 3 | key id; all numbers are big-endian. The packet id starts at 1
// and is never 0; epoch and counter make one of 64 bits, and neither is ever 0. [OpenVPN ssl_pkt.h,
// crypto.c openvpn_encrypt_aead, openvpn_encrypt_v1, packet_id.c]
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum opcode {
	OP_CONTROL_SOFT_RESET_V1 = 3,
	OP_CONTROL_V1 = 4,
	OP_ACK_V1 = 5,
	OP_DATA_V1 = 6,
	OP_CONTROL_HARD_RESET_CLIENT_V2 = 7,
	OP_CONTROL_HARD_RESET_SERVER_V2 = 8,
	OP_DATA_V2 = 9,
	OP_CONTROL_HARD_RESET_CLIENT_V3 = 10,
	OP_CONTROL_WKC_V1 = 11,
};

#define PROTO_KEY_ID_MASK 0x07
#define PROTO_PEER_ID_UNDEF 0xffffffu // "find me by my address"
#define PROTO_PEER_ID_MAX 0xfffffeu
#define PROTO_PKTID_BYTES 4
#define PROTO_TAG_BYTES 16
#define PROTO_DATA_V1_AAD_OFF 1
#define PROTO_DATA_V1_AAD_BYTES 4
#define PROTO_DATA_V2_AAD_BYTES 8
#define PROTO_DATA_V1_HDR_BYTES (1 + PROTO_PKTID_BYTES + PROTO_TAG_BYTES)     // 21
#define PROTO_DATA_V2_HDR_BYTES (1 + 3 + PROTO_PKTID_BYTES + PROTO_TAG_BYTES) // 24
#define PROTO_DATA_V1_PREFIX_BYTES 1 // in front of what a cipher makes
#define PROTO_DATA_V2_PREFIX_BYTES 4
#define PROTO_IMPLICIT_IV_BYTES 8
#define PROTO_EPOCH_ID_BYTES 8
#define PROTO_EPOCH_HDR_BYTES \
	(PROTO_DATA_V2_PREFIX_BYTES + PROTO_EPOCH_ID_BYTES) // 12, all of it AAD
// How much larger a packet is than in the other AEAD format.
#define PROTO_EPOCH_MORE_BYTES \
	(PROTO_EPOCH_HDR_BYTES + PROTO_TAG_BYTES - PROTO_DATA_V2_HDR_BYTES) // 4
#define PROTO_NONCE_BYTES 12
#define PROTO_UDP_PORT_DEFAULT 1194

static inline uint8_t proto_opcode(uint8_t first_byte)
{
	return first_byte >> 3;
}

static inline uint8_t proto_key_id(uint8_t first_byte)
{
	return first_byte & PROTO_KEY_ID_MASK;
}

static inline bool proto_is_data(uint8_t first_byte)
{
	return proto_opcode(first_byte) == OP_DATA_V1 || proto_opcode(first_byte) == OP_DATA_V2;
}

static inline uint32_t proto_peer_id(const uint8_t hdr[4])
{
	return (uint32_t)hdr[1] << 16 | (uint32_t)hdr[2] << 8 | hdr[3];
}

// First four bytes of a P_DATA_V2 packet.
static inline void proto_compose_v2(uint8_t hdr[4], uint8_t key_id, uint32_t peer_id)
{
	hdr[0] = (uint8_t)(OP_DATA_V2 << 3 | (key_id & PROTO_KEY_ID_MASK));
	hdr[1] = (uint8_t)(peer_id >> 16);
	hdr[2] = (uint8_t)(peer_id >> 8);
	hdr[3] = (uint8_t)peer_id;
}

// Messages inside the data channel that are not IP packets. [OpenVPN ping.c, occ.c]
#define PROTO_PING_BYTES 16
extern const uint8_t proto_ping[PROTO_PING_BYTES];
#define PROTO_OCC_MAGIC_BYTES 16
extern const uint8_t proto_occ_magic[PROTO_OCC_MAGIC_BYTES];
#define PROTO_OCC_REQUEST 0 // opcodes, the byte behind the magic
#define PROTO_OCC_REPLY 1   // an options string with its NUL follows
#define PROTO_OCC_EXIT 6
