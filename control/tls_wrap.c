// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/tls_wrap.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <string.h>

#define CIPHER_KEY_BYTES 32
#define MAC_KEY_BYTES 32
#define TAG_BYTES 32
#define IV_BYTES 16
#define ID_OFF CTRL_HDR_BYTES
#define TAG_OFF (ID_OFF + 4 + 4) // also the length of what is authenticated in clear
#define TEXT_OFF (TAG_OFF + TAG_BYTES)
#define WINDOW 64

// A static key is two halves (one per direction) of 64 bytes for the cipher and 64 for the MAC.
#define HALF_BYTES 128
#define HALF_MAC_OFF 64

struct direction {
	uint8_t cipher_key[CIPHER_KEY_BYTES];
	EVP_MAC_CTX *mac; // keyed; copied for every packet
};

struct tls_wrap_key {
	enum tls_wrap_mode mode;
	EVP_CIPHER *cipher;
	struct direction send, recv;
};

static int direction_init(struct direction *d, EVP_MAC *hmac, const uint8_t half[HALF_BYTES])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	memcpy(d->cipher_key, half, CIPHER_KEY_BYTES);
	d->mac = EVP_MAC_CTX_new(hmac);
	if (d->mac == NULL || EVP_MAC_init(d->mac, half + HALF_MAC_OFF, MAC_KEY_BYTES, params) != 1)
		return -EIO;
	return 0;
}

static void direction_fini(struct direction *d)
{
	EVP_MAC_CTX_free(d->mac); // wipes its copy of the key
	OPENSSL_cleanse(d, sizeof(*d));
}

struct tls_wrap_key *tls_wrap_key_new(
	enum tls_wrap_mode mode, const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], bool server)
{
	struct tls_wrap_key *k;
	EVP_MAC *hmac;
	int ret = -EIO;

	if (mode != TLS_WRAP_CRYPT) {
		errno = EINVAL;
		return NULL;
	}
	k = OPENSSL_zalloc(sizeof(*k));
	if (k == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	k->mode = mode;
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	// The server sends with the first half, the client with the second.
	if (hmac != NULL && k->cipher != NULL)
		ret = direction_init(&k->send, hmac, server ? key : key + HALF_BYTES);
	if (ret == 0)
		ret = direction_init(&k->recv, hmac, server ? key + HALF_BYTES : key);
	EVP_MAC_free(hmac);
	if (ret == 0)
		return k;
	tls_wrap_key_free(k);
	errno = -ret;
	return NULL;
}

void tls_wrap_key_free(struct tls_wrap_key *key)
{
	if (key == NULL)
		return;
	direction_fini(&key->send);
	direction_fini(&key->recv);
	EVP_CIPHER_free(key->cipher);
	OPENSSL_clear_free(key, sizeof(*key));
}

enum tls_wrap_mode tls_wrap_mode(const struct tls_wrap_key *key)
{
	return key != NULL ? key->mode : TLS_WRAP_NONE;
}

size_t tls_wrap_overhead(const struct tls_wrap_key *key)
{
	return tls_wrap_mode(key) == TLS_WRAP_CRYPT ? TLS_WRAP_CRYPT_OVERHEAD : 0;
}

static int make_tag(const struct direction *d, const uint8_t *clear, const uint8_t *text,
	size_t text_len, uint8_t tag[TAG_BYTES])
{
	EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(d->mac);
	size_t n = 0;
	int ret = -EIO;

	if (mac != NULL && EVP_MAC_update(mac, clear, TAG_OFF) == 1 &&
		EVP_MAC_update(mac, text, text_len) == 1 &&
		EVP_MAC_final(mac, tag, &n, TAG_BYTES) == 1 && n == TAG_BYTES)
		ret = 0;
	EVP_MAC_CTX_free(mac);
	return ret;
}

// Counter mode: encryption and decryption are the same.
static int apply_cipher(const EVP_CIPHER *cipher, const struct direction *d,
	const uint8_t iv[IV_BYTES], const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	int ret = -EIO;

	if (ctx != NULL && EVP_EncryptInit_ex2(ctx, cipher, d->cipher_key, iv, NULL) == 1 &&
		EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len)
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

static void put_u32(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static int copy_plain(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
	if (len > room || len > CTRL_PKT_BYTES_MAX)
		return -EMSGSIZE;
	if (len > 0)
		memcpy(out, in, len);
	return (int)len;
}

static int seal(const struct tls_wrap_key *key, uint32_t id, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room)
{
	int ret;

	if (tls_wrap_mode(key) == TLS_WRAP_NONE)
		return copy_plain(plain, len, out, room);
	if (len < CTRL_HDR_BYTES || len > CTRL_PKT_BYTES_MAX ||
		len + TLS_WRAP_CRYPT_OVERHEAD > room)
		return -EMSGSIZE;
	memcpy(out, plain, CTRL_HDR_BYTES);
	put_u32(out + ID_OFF, id);
	put_u32(out + ID_OFF + 4, unix_s);
	plain += CTRL_HDR_BYTES;
	len -= CTRL_HDR_BYTES;
	ret = make_tag(&key->send, out, plain, len, out + TAG_OFF);
	if (ret == 0) // the tag is the initial counter: unique because it covers id and time
		ret = apply_cipher(
			key->cipher, &key->send, out + TAG_OFF, plain, len, out + TEXT_OFF);
	return ret == 0 ? (int)(TEXT_OFF + len) : ret;
}

// On failure out holds nothing of the packet.
static int open_crypt(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	uint8_t tag[TAG_BYTES];
	size_t text_len;
	bool ok;

	if (len < TEXT_OFF)
		return -EBADMSG;
	text_len = len - TEXT_OFF;
	if (CTRL_HDR_BYTES + text_len > CTRL_PKT_BYTES_MAX || CTRL_HDR_BYTES + text_len > room)
		return -EMSGSIZE;
	memcpy(out, wire, CTRL_HDR_BYTES);
	out += CTRL_HDR_BYTES;
	ok = apply_cipher(key->cipher, &key->recv, wire + TAG_OFF, wire + TEXT_OFF, text_len,
		     out) == 0 &&
	     make_tag(&key->recv, wire, out, text_len, tag) == 0 &&
	     CRYPTO_memcmp(tag, wire + TAG_OFF, TAG_BYTES) == 0;
	if (!ok) {
		OPENSSL_cleanse(out - CTRL_HDR_BYTES, CTRL_HDR_BYTES + text_len);
		return -EBADMSG;
	}
	return (int)(CTRL_HDR_BYTES + text_len);
}

int tls_wrap_open_first(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	if (tls_wrap_mode(key) == TLS_WRAP_NONE)
		return copy_plain(wire, len, out, room);
	return open_crypt(key, wire, len, out, room);
}

int tls_wrap_seal_first(const struct tls_wrap_key *key, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room)
{
	return seal(key, 1, unix_s, plain, len, out, room);
}

void tls_wrap_init(struct tls_wrap *w, const struct tls_wrap_key *key, bool replied)
{
	memset(w, 0, sizeof(*w));
	w->key = key;
	w->send_id = replied ? 1 : 0;
}

int tls_wrap_seal(struct tls_wrap *w, uint32_t unix_s, const uint8_t *plain, size_t len,
	uint8_t *out, size_t room)
{
	int ret;

	if (w->send_time == 0)
		w->send_time = unix_s;
	if (w->send_id == UINT32_MAX) {
		// Ids start again under a later time: the pair never repeats.
		w->send_time = unix_s > w->send_time ? unix_s : w->send_time + 1;
		w->send_id = 0;
	}
	ret = seal(w->key, w->send_id + 1, w->send_time, plain, len, out, room);
	if (ret >= 0)
		w->send_id++;
	return ret;
}

// Only for packets that are authentic: moves the window.
static bool replay_accept(struct tls_wrap *w, uint32_t id, uint32_t time)
{
	uint32_t step;

	if (id == 0 || time < w->recv_time)
		return false;
	if (time > w->recv_time) {
		w->recv_time = time;
		w->recv_id = id;
		w->recv_seen = 1;
		return true;
	}
	if (id > w->recv_id) {
		step = id - w->recv_id;
		w->recv_seen = step < WINDOW ? w->recv_seen << step | 1 : 1;
		w->recv_id = id;
		return true;
	}
	step = w->recv_id - id;
	if (step >= WINDOW || (w->recv_seen >> step & 1) != 0)
		return false;
	w->recv_seen |= UINT64_C(1) << step;
	return true;
}

int tls_wrap_open(struct tls_wrap *w, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	int ret = tls_wrap_open_first(w->key, wire, len, out, room);

	if (ret < 0 || tls_wrap_mode(w->key) == TLS_WRAP_NONE)
		return ret;
	if (!replay_accept(w, get_u32(wire + ID_OFF), get_u32(wire + ID_OFF + 4)))
		return -EALREADY;
	return ret;
}
