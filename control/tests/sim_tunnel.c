// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/sim_tunnel.h"

#include "dataplane/csum.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IP_BYTES 20
#define ICMP_BYTES 8
#define FILL_BYTES 56
#define ECHO_BYTES (IP_BYTES + ICMP_BYTES + FILL_BYTES)
#define ICMP_ID 0x51c3

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, (uint16_t)(v >> 16));
	put16(at + 2, (uint16_t)v);
}

static uint16_t checksum(const uint8_t *data, uint32_t len)
{
	return (uint16_t)~csum_fold(csum_partial(data, len));
}

static void put_checksum(uint8_t *at, const uint8_t *data, uint32_t len)
{
	uint16_t sum = checksum(data, len); // already in network order

	memcpy(at, &sum, sizeof(sum));
}

bool sim_tunnel_init(struct sim_tunnel *t, const struct sim_client *c, struct crypto *crypto)
{
	const struct sim_client_state *st = sim_client_state(c);
	const struct session_key *key = sim_client_key(c, st->key_id);
	const char *addr = strstr(st->push, ",ifconfig ");
	const char *id = strstr(st->push, ",peer-id ");
	char text[INET_ADDRSTRLEN];

	memset(t, 0, sizeof(*t));
	if (!key || !addr || sscanf(addr, ",ifconfig %15[0-9.]", text) != 1 ||
		inet_pton(AF_INET, text, t->own4) != 1)
		return false;
	t->crypto = crypto;
	t->v2 = id;
	t->peer_id = id ? (uint32_t)strtoul(id + strlen(",peer-id "), NULL, 10) : 0;
	t->key_id = key->key_id;
	memcpy(t->send_iv, key->send_iv, sizeof(t->send_iv));
	memcpy(t->recv_iv, key->recv_iv, sizeof(t->recv_iv));
	aead_key_init(&t->send, key->cipher, key->send_key);
	aead_key_init(&t->recv, key->cipher, key->recv_key);
	return true;
}

static void compose_echo(
	const struct sim_tunnel *t, const uint8_t to[4], uint16_t seq, uint8_t p[ECHO_BYTES])
{
	uint8_t *icmp = p + IP_BYTES;
	unsigned int i;

	memset(p, 0, ECHO_BYTES);
	p[0] = 0x45;
	put16(p + 2, ECHO_BYTES);
	p[8] = 64;
	p[9] = IPPROTO_ICMP;
	memcpy(p + 12, t->own4, 4);
	memcpy(p + 16, to, 4);
	put_checksum(p + 10, p, IP_BYTES);
	icmp[0] = 8; // echo request
	put16(icmp + 4, ICMP_ID);
	put16(icmp + 6, seq);
	for (i = 0; i < FILL_BYTES; i++)
		icmp[ICMP_BYTES + i] = (uint8_t)(seq + i);
	put_checksum(icmp + 2, icmp, ICMP_BYTES + FILL_BYTES);
}

size_t sim_tunnel_echo(
	struct sim_tunnel *t, const uint8_t to[4], uint16_t seq, uint8_t out[SIM_TUNNEL_BYTES])
{
	size_t id_off = t->v2 ? 4 : 1, hdr = id_off + PROTO_PKTID_BYTES + PROTO_TAG_BYTES;
	struct aead_op op = {.key = &t->send, .data = out + hdr, .len = ECHO_BYTES};

	if (t->v2)
		proto_compose_v2(out, t->key_id, t->peer_id);
	else
		out[0] = (uint8_t)(OP_DATA_V1 << 3 | t->key_id);
	put32(out + id_off, ++t->packet_id);
	op.tag = out + id_off + PROTO_PKTID_BYTES;
	op.aad = t->v2 ? out : out + PROTO_DATA_V1_AAD_OFF;
	op.aad_len = t->v2 ? PROTO_DATA_V2_AAD_BYTES : PROTO_DATA_V1_AAD_BYTES;
	memcpy(op.nonce, out + id_off, PROTO_PKTID_BYTES);
	memcpy(op.nonce + PROTO_PKTID_BYTES, t->send_iv, sizeof(t->send_iv));
	compose_echo(t, to, seq, op.data);
	aead_seal_burst(t->crypto, &op, 1);
	return hdr + ECHO_BYTES;
}

uint8_t *sim_tunnel_open(const struct sim_tunnel *t, uint8_t *data, size_t len, size_t *text_len)
{
	bool v2 = proto_opcode(data[0]) == OP_DATA_V2;
	size_t id_off = v2 ? 4 : 1, hdr = id_off + PROTO_PKTID_BYTES + PROTO_TAG_BYTES;
	struct aead_op op = {.key = &t->recv, .data = data + hdr};

	if (len < hdr || proto_key_id(data[0]) != t->key_id)
		return NULL;
	op.len = (uint32_t)(len - hdr);
	op.tag = data + id_off + PROTO_PKTID_BYTES;
	op.aad = v2 ? data : data + PROTO_DATA_V1_AAD_OFF;
	op.aad_len = v2 ? PROTO_DATA_V2_AAD_BYTES : PROTO_DATA_V1_AAD_BYTES;
	memcpy(op.nonce, data + id_off, PROTO_PKTID_BYTES);
	memcpy(op.nonce + PROTO_PKTID_BYTES, t->recv_iv, sizeof(t->recv_iv));
	if (aead_open_burst(t->crypto, &op, 1) != 1 || !op.ok)
		return NULL;
	*text_len = op.len;
	return op.data;
}

bool sim_tunnel_is_reply(const struct sim_tunnel *t, const uint8_t *text, size_t len,
	const uint8_t from[4], uint16_t seq)
{
	const uint8_t *icmp = text + IP_BYTES;
	uint8_t asked[ECHO_BYTES];

	compose_echo(t, from, seq, asked);
	return len == ECHO_BYTES && text[0] == 0x45 && text[9] == IPPROTO_ICMP &&
	       checksum(text, IP_BYTES) == 0 && memcmp(text + 12, from, 4) == 0 &&
	       memcmp(text + 16, t->own4, 4) == 0 && icmp[0] == 0 && icmp[1] == 0 &&
	       checksum(icmp, ICMP_BYTES + FILL_BYTES) == 0 &&
	       memcmp(icmp + 4, asked + IP_BYTES + 4, ECHO_BYTES - IP_BYTES - 4) == 0;
}
