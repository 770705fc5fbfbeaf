// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/tests/packet.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

static uint32_t sum_bytes(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

uint16_t packet_csum(const void *data, size_t len, uint32_t sum)
{
	sum = sum_bytes(data, len, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static size_t hdr_len_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? (ip[0] & 0xfu) * 4 : 40;
}

// What the pseudo header adds, for the l4_len bytes after the IP header.
static uint32_t pseudo_sum(const uint8_t *ip, size_t l4_len)
{
	bool v4 = ip[0] >> 4 == 4;
	uint32_t sum = sum_bytes(ip + (v4 ? 12 : 8), v4 ? 8 : 32, 0);

	return sum + (v4 ? ip[9] : ip[6]) + (uint32_t)l4_len;
}

static size_t ip_header(uint8_t *ip, const struct packet_spec *s, size_t l4_len)
{
	memset(ip, 0, 40);
	if (s->family == 4) {
		ip[0] = 0x45;
		ip[1] = s->tos;
		put16(ip + 2, 20 + l4_len);
		put16(ip + 4, 0x1234);
		ip[8] = s->ttl ? s->ttl : 64;
		ip[9] = s->proto;
		memcpy(ip + 12, s->src, 4);
		memcpy(ip + 16, s->dst, 4);
		put16(ip + 10, packet_csum(ip, 20, 0));
		return 20;
	}
	ip[0] = (uint8_t)(0x60 | s->tos >> 4);
	ip[1] = (uint8_t)(s->tos << 4);
	put16(ip + 4, l4_len);
	ip[6] = s->proto;
	ip[7] = s->ttl ? s->ttl : 64;
	memcpy(ip + 8, s->src, 16);
	memcpy(ip + 24, s->dst, 16);
	return 40;
}

size_t packet_build(uint8_t *out, const struct packet_spec *s)
{
	size_t l4_hdr = s->proto == IPPROTO_UDP   ? 8
			: s->proto == IPPROTO_TCP ? 20 + s->tcp_opts_len
						  : 0;
	size_t l4_len = l4_hdr + s->payload_len, hdr = ip_header(out, s, l4_len);
	uint8_t *l4 = out + hdr;

	assert(hdr + l4_len <= PACKET_MAX);
	memset(l4, 0, l4_hdr);
	if (s->payload_len)
		memcpy(l4 + l4_hdr, s->payload, s->payload_len);
	if (l4_hdr) {
		put16(l4, s->src_port);
		put16(l4 + 2, s->dst_port);
	}
	if (s->proto == IPPROTO_UDP) {
		put16(l4 + 4, l4_len);
		put16(l4 + 6, packet_csum(l4, l4_len, pseudo_sum(out, l4_len)));
	} else if (s->proto == IPPROTO_TCP) {
		l4[12] = (uint8_t)(l4_hdr / 4 << 4);
		l4[13] = s->tcp_flags;
		if (s->tcp_opts_len)
			memcpy(l4 + 20, s->tcp_opts, s->tcp_opts_len);
		put16(l4 + 16, packet_csum(l4, l4_len, pseudo_sum(out, l4_len)));
	}
	return hdr + l4_len;
}

bool packet_ip_ok(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 || packet_csum(ip, hdr_len_of(ip), 0) == 0;
}

bool packet_l4_ok(const uint8_t *ip)
{
	size_t hdr = hdr_len_of(ip);
	size_t len = ip[0] >> 4 == 4 ? get16(ip + 2) - hdr : get16(ip + 4);
	uint8_t proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];

	if (proto == IPPROTO_UDP && get16(ip + hdr + 6) == 0)
		return false;
	return packet_csum(ip + hdr, len, pseudo_sum(ip, len)) == 0;
}

size_t packet_frame(uint8_t *out, const uint8_t dst[6], const uint8_t src[6], int vlan,
	const uint8_t *ip, size_t len)
{
	size_t l2 = 12;

	memcpy(out, dst, 6);
	memcpy(out + 6, src, 6);
	if (vlan != PACKET_UNTAGGED) {
		put16(out + 12, 0x8100);
		put16(out + 14, (size_t)vlan);
		l2 += 4;
	}
	put16(out + l2, ip[0] >> 4 == 4 ? 0x0800 : 0x86dd);
	memcpy(out + l2 + 2, ip, len);
	return l2 + 2 + len;
}

static const EVP_CIPHER *aead(enum cipher cipher)
{
	switch (cipher) {
	case CIPHER_AES_128_GCM:
		return EVP_aes_128_gcm();
	case CIPHER_AES_192_GCM:
		return EVP_aes_192_gcm();
	case CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return EVP_aes_256_gcm();
	}
}

void packet_aead_seal(enum cipher cipher, const uint8_t *key, const uint8_t nonce[12],
	const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, uint8_t tag[16])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	EVP_EncryptInit_ex(c, aead(cipher), NULL, key, nonce);
	EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_len);
	EVP_EncryptUpdate(c, data, &n, data, (int)len);
	EVP_EncryptFinal_ex(c, data + n, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(c);
}

bool packet_aead_open(enum cipher cipher, const uint8_t *key, const uint8_t nonce[12],
	const uint8_t *aad, size_t aad_len, uint8_t *data, size_t len, const uint8_t tag[16])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok;
	int n;

	EVP_DecryptInit_ex(c, aead(cipher), NULL, key, nonce);
	EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len);
	EVP_DecryptUpdate(c, data, &n, data, (int)len);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(uintptr_t)tag);
	ok = EVP_DecryptFinal_ex(c, data + n, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static const EVP_CIPHER *cbc(enum cipher cipher)
{
	return cipher == CIPHER_AES_128_CBC   ? EVP_aes_128_cbc()
	       : cipher == CIPHER_AES_192_CBC ? EVP_aes_192_cbc()
	       : cipher == CIPHER_AES_256_CBC ? EVP_aes_256_cbc()
					      : EVP_enc_null();
}

static const EVP_MD *md(enum digest digest)
{
	return EVP_get_digestbyname(digest_name(digest));
}

size_t packet_cbc_seal(enum cipher cipher, enum digest digest, const struct cbc_raw *raw,
	const uint8_t iv[16], const uint8_t *text, size_t len, bool pad, uint8_t *out)
{
	size_t mac = digest_bytes(digest), iv_bytes = cipher == CIPHER_NONE ? 0 : 16;
	size_t head = mac + iv_bytes;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, last;

	memcpy(out + mac, iv, iv_bytes);
	EVP_EncryptInit_ex(c, cbc(cipher), NULL, raw->cipher, iv);
	EVP_CIPHER_CTX_set_padding(c, pad);
	EVP_EncryptUpdate(c, out + head, &n, text, (int)len);
	EVP_EncryptFinal_ex(c, out + head + n, &last);
	EVP_CIPHER_CTX_free(c);
	HMAC(md(digest), raw->mac, (int)mac, out + mac, iv_bytes + (size_t)(n + last), out, NULL);
	return head + (size_t)(n + last);
}

int packet_cbc_open(enum cipher cipher, enum digest digest, const struct cbc_raw *raw,
	const uint8_t *data, size_t len, uint8_t *text)
{
	size_t mac = digest_bytes(digest), head = mac + (cipher == CIPHER_NONE ? 0 : 16);
	uint8_t want[64];
	EVP_CIPHER_CTX *c;
	int n, last = -1;

	if (len < head + (cipher == CIPHER_NONE ? 4 : 16))
		return -1;
	HMAC(md(digest), raw->mac, (int)mac, data + mac, len - mac, want, NULL);
	if (memcmp(want, data, mac) != 0)
		return -1;
	c = EVP_CIPHER_CTX_new();
	EVP_DecryptInit_ex(c, cbc(cipher), NULL, raw->cipher, data + mac);
	EVP_DecryptUpdate(c, text, &n, data + head, (int)(len - head));
	if (EVP_DecryptFinal_ex(c, text + n, &last) != 1)
		n = 0, last = -1;
	EVP_CIPHER_CTX_free(c);
	return n + last;
}
