// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packets for tests, made and checked by plain code that shares nothing with the data plane:
// byte-wise checksums, OpenSSL's ciphers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/cbc.h"
#include "dataplane/cipher.h"

#define PACKET_MAX 4096
#define PACKET_UNTAGGED (-1)

struct packet_spec {
	int family; // 4 or 6
	uint8_t src[16], dst[16];
	uint8_t proto; // IPPROTO_UDP, IPPROTO_TCP, else the payload follows the IP header
	uint8_t ttl;   // 0: 64
	uint8_t tos;
	uint16_t src_port, dst_port;
	uint8_t tcp_flags;
	const uint8_t *tcp_opts;
	size_t tcp_opts_len; // a multiple of 4
	const uint8_t *payload;
	size_t payload_len;
};

// Complement of the sum of big-endian words, in host order.
uint16_t packet_csum(const void *data, size_t len, uint32_t sum);

// An IP packet with right checksums. Returns its length.
size_t packet_build(uint8_t *out, const struct packet_spec *spec);
// Header checksum (IPv4) and TCP or UDP checksum right? A zero UDP checksum is wrong here.
bool packet_ip_ok(const uint8_t *ip);
bool packet_l4_ok(const uint8_t *ip);

// Ethernet around an IP packet. Returns the length.
size_t packet_frame(uint8_t *out, const uint8_t dst[6], const uint8_t src[6], int vlan,
	const uint8_t *ip, size_t len);

// AES-GCM in place. open: false if the tag does not match.
void packet_aead_seal(enum cipher cipher, const uint8_t *key, const uint8_t nonce[12],
	const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t tag[16]);
bool packet_aead_open(enum cipher cipher, const uint8_t *key, const uint8_t nonce[12],
	const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t tag[16]);

// HMAC, IV and AES-CBC of text, which begins with the packet id; without IV and padding for none. seal:
// pads if `pad`, else len is whole blocks; returns the length. open: length of the text, or -1.
size_t packet_cbc_seal(enum cipher cipher, enum digest digest, const struct cbc_raw *raw,
	const uint8_t iv[16], const uint8_t *text, size_t len, bool pad, uint8_t *out);
int packet_cbc_open(enum cipher cipher, enum digest digest, const struct cbc_raw *raw,
	const uint8_t *data, size_t len, uint8_t *text);
