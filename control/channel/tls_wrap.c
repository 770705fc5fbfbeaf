// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/tls_wrap.h"

#include "control/channel/tls_crypt.h"
#include "control/channel/tls_crypt_v2.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <string.h>

#define IDS_BYTES (4 + 4) // packet id and time
#define TAG_OFF (CTRL_HDR_BYTES + IDS_BYTES)
#define TEXT_OFF (TAG_OFF + TLS_CRYPT_TAG_BYTES)
#define DIGEST_BYTES_MAX 64
#define WINDOW 64

// A static key is two halves of 64 bytes for the cipher and 64 for the MAC.
#define HALF_BYTES TLS_CRYPT_KEY_BYTES
#define HALF_MAC_OFF 64

struct tls_wrap_key {
	enum tls_wrap_mode mode;
	unsigned int refs;
	struct tls_crypt *crypt_send, *crypt_recv; // tls-crypt
	EVP_MAC_CTX *auth_send, *auth_recv;        // tls-auth: keyed; copied for every packet
	size_t digest_bytes;
	enum tls_wrap_direction direction;
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES]; // what it was made of
};

const char *tls_wrap_mode_name(enum tls_wrap_mode mode)
{
	static const char *const names[] = {"none", "tls-auth", "tls-crypt", "tls-crypt-v2"};

	return names[mode];
}

static struct tls_wrap_key *key_new(
	enum tls_wrap_mode mode, const uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES])
{
	struct tls_wrap_key *k = OPENSSL_zalloc(sizeof(*k));

	if (k == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	k->mode = mode;
	k->refs = 1;
	memcpy(k->raw, raw, sizeof(k->raw));
	return k;
}

struct tls_wrap_key *tls_wrap_key_new(
	enum tls_wrap_mode mode, const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], bool server)
{
	struct tls_wrap_key *k;

	if (mode != TLS_WRAP_CRYPT && mode != TLS_WRAP_CRYPT_V2) {
		errno = EINVAL;
		return NULL;
	}
	k = key_new(mode, key);
	if (k == NULL)
		return NULL;
	// The server sends with the first half, the client with the second.
	k->crypt_send = tls_crypt_new(server ? key : key + HALF_BYTES);
	k->crypt_recv = tls_crypt_new(server ? key + HALF_BYTES : key);
	if (k->crypt_send != NULL && k->crypt_recv != NULL)
		return k;
	tls_wrap_key_free(k);
	errno = EIO;
	return NULL;
}

static EVP_MAC_CTX *auth_new(const uint8_t half[HALF_BYTES], char *digest, size_t bytes)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	if (mac != NULL && EVP_MAC_init(mac, half + HALF_MAC_OFF, bytes, params) != 1) {
		EVP_MAC_CTX_free(mac);
		mac = NULL;
	}
	EVP_MAC_free(hmac);
	return mac;
}

struct tls_wrap_key *tls_wrap_key_auth(const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES],
	enum tls_wrap_digest digest, enum tls_wrap_direction direction)
{
	static const struct {
		const char *name;
		size_t bytes;
	} digests[] = {{"SHA1", 20}, {"SHA256", 32}, {"SHA512", 64}};
	const uint8_t *send = direction == TLS_WRAP_INVERSE ? key + HALF_BYTES : key;
	const uint8_t *recv = direction == TLS_WRAP_NORMAL ? key + HALF_BYTES : key;
	struct tls_wrap_key *k = key_new(TLS_WRAP_AUTH, key);
	char name[8];

	if (k == NULL)
		return NULL;
	k->direction = direction;
	k->digest_bytes = digests[digest].bytes;
	OPENSSL_strlcpy(name, digests[digest].name, sizeof(name));
	k->auth_send = auth_new(send, name, k->digest_bytes);
	k->auth_recv = auth_new(recv, name, k->digest_bytes);
	if (k->auth_send != NULL && k->auth_recv != NULL)
		return k;
	tls_wrap_key_free(k);
	errno = EIO;
	return NULL;
}

struct tls_wrap_key *tls_wrap_key_dynamic(
	const struct tls_wrap_key *base, const uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES], bool server)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *k;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(ekm[i] ^ (base != NULL ? base->raw[i] : 0));
	k = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, server);
	OPENSSL_cleanse(raw, sizeof(raw));
	return k;
}

struct tls_wrap_key *tls_wrap_key_ref(struct tls_wrap_key *key)
{
	if (key != NULL)
		key->refs++;
	return key;
}

void tls_wrap_key_free(struct tls_wrap_key *key)
{
	if (key == NULL || --key->refs > 0)
		return;
	tls_crypt_free(key->crypt_send);
	tls_crypt_free(key->crypt_recv);
	EVP_MAC_CTX_free(key->auth_send); // wipe their copies of the key
	EVP_MAC_CTX_free(key->auth_recv);
	OPENSSL_clear_free(key, sizeof(*key));
}

enum tls_wrap_mode tls_wrap_mode(const struct tls_wrap_key *key)
{
	return key != NULL ? key->mode : TLS_WRAP_NONE;
}

enum tls_wrap_direction tls_wrap_direction(const struct tls_wrap_key *key)
{
	return key != NULL ? key->direction : TLS_WRAP_BOTH;
}

size_t tls_wrap_overhead(const struct tls_wrap_key *key)
{
	switch (tls_wrap_mode(key)) {
	case TLS_WRAP_NONE:
		return 0;
	case TLS_WRAP_AUTH:
		return key->digest_bytes + IDS_BYTES;
	default:
		return TLS_WRAP_CRYPT_OVERHEAD;
	}
}

bool tls_wrap_carries_key(uint8_t first_byte)
{
	uint8_t opcode = proto_opcode(first_byte);

	return opcode == OP_CONTROL_HARD_RESET_CLIENT_V3 || opcode == OP_CONTROL_WKC_V1;
}

// Where packet id and time stand in a datagram.
static size_t ids_off(const struct tls_wrap_key *key)
{
	return CTRL_HDR_BYTES + (key->mode == TLS_WRAP_AUTH ? key->digest_bytes : 0);
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

// The MAC covers packet id and time first, then the packet as if nothing stood in it.
static int auth_digest(const EVP_MAC_CTX *keyed, const uint8_t ids[IDS_BYTES], const uint8_t *hdr,
	const uint8_t *rest, size_t rest_len, uint8_t out[DIGEST_BYTES_MAX])
{
	EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(keyed);
	size_t n = 0;
	int ret = -EIO;

	if (mac != NULL && EVP_MAC_update(mac, ids, IDS_BYTES) == 1 &&
		EVP_MAC_update(mac, hdr, CTRL_HDR_BYTES) == 1 &&
		EVP_MAC_update(mac, rest, rest_len) == 1 &&
		EVP_MAC_final(mac, out, &n, DIGEST_BYTES_MAX) == 1)
		ret = 0;
	EVP_MAC_CTX_free(mac);
	return ret;
}

static int seal_auth(const struct tls_wrap_key *key, const uint8_t ids[IDS_BYTES],
	const uint8_t *rest, size_t rest_len, uint8_t *out)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	uint8_t *p = out + CTRL_HDR_BYTES;

	if (auth_digest(key->auth_send, ids, out, rest, rest_len, digest) < 0)
		return -EIO;
	memcpy(p, digest, key->digest_bytes);
	p += key->digest_bytes;
	memcpy(p, ids, IDS_BYTES);
	if (rest_len > 0)
		memcpy(p + IDS_BYTES, rest, rest_len);
	return 0;
}

static int seal_crypt(const struct tls_wrap_key *key, const uint8_t ids[IDS_BYTES],
	const uint8_t *rest, size_t rest_len, uint8_t *out)
{
	memcpy(out + CTRL_HDR_BYTES, ids, IDS_BYTES);
	return tls_crypt_seal(
		key->crypt_send, out, TAG_OFF, rest, rest_len, out + TAG_OFF, out + TEXT_OFF);
}

static int seal(const struct tls_wrap_key *key, uint32_t id, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room)
{
	size_t overhead = tls_wrap_overhead(key);
	uint8_t ids[IDS_BYTES];
	int ret;

	if (tls_wrap_mode(key) == TLS_WRAP_NONE)
		return copy_plain(plain, len, out, room);
	if (len < CTRL_HDR_BYTES || len > CTRL_PKT_BYTES_MAX || len + overhead > room)
		return -EMSGSIZE;
	put_u32(ids, id);
	put_u32(ids + 4, unix_s);
	memcpy(out, plain, CTRL_HDR_BYTES);
	plain += CTRL_HDR_BYTES;
	if (key->mode == TLS_WRAP_AUTH)
		ret = seal_auth(key, ids, plain, len - CTRL_HDR_BYTES, out);
	else
		ret = seal_crypt(key, ids, plain, len - CTRL_HDR_BYTES, out);
	return ret == 0 ? (int)(len + overhead) : ret;
}

static int open_auth(
	const struct tls_wrap_key *key, const uint8_t *wire, const uint8_t *rest, size_t rest_len)
{
	uint8_t expected[DIGEST_BYTES_MAX];

	if (auth_digest(key->auth_recv, rest - IDS_BYTES, wire, rest, rest_len, expected) < 0 ||
		CRYPTO_memcmp(expected, wire + CTRL_HDR_BYTES, key->digest_bytes) != 0)
		return -EBADMSG;
	return 0;
}

// On failure out holds nothing of the packet.
static int open_wrapped(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	size_t overhead = tls_wrap_overhead(key), rest_len;
	const uint8_t *rest = wire + CTRL_HDR_BYTES + overhead;
	int ret;

	// Not opened: the session has its key. Not covered by the packet's own tag either.
	if (key->mode == TLS_WRAP_CRYPT_V2 && len > 0 && tls_wrap_carries_key(wire[0]))
		len = tls_crypt_v2_wkc_off(wire, len);
	if (len < CTRL_HDR_BYTES + overhead)
		return -EBADMSG;
	if (len - overhead > CTRL_PKT_BYTES_MAX || len - overhead > room)
		return -EMSGSIZE;
	rest_len = len - overhead - CTRL_HDR_BYTES;
	if (key->mode == TLS_WRAP_AUTH) {
		ret = open_auth(key, wire, rest, rest_len);
		if (ret == 0 && rest_len > 0)
			memcpy(out + CTRL_HDR_BYTES, rest, rest_len);
	} else {
		ret = tls_crypt_open(key->crypt_recv, wire, TAG_OFF, wire + TAG_OFF, rest, rest_len,
			out + CTRL_HDR_BYTES);
	}
	if (ret < 0)
		return ret;
	memcpy(out, wire, CTRL_HDR_BYTES);
	return (int)(len - overhead);
}

int tls_wrap_open_first(
	const struct tls_wrap_key *key, const uint8_t *wire, size_t len, uint8_t *out, size_t room)
{
	if (tls_wrap_mode(key) == TLS_WRAP_NONE)
		return copy_plain(wire, len, out, room);
	return open_wrapped(key, wire, len, out, room);
}

int tls_wrap_seal_first(const struct tls_wrap_key *key, uint32_t unix_s, const uint8_t *plain,
	size_t len, uint8_t *out, size_t room)
{
	return seal(key, 1, unix_s, plain, len, out, room);
}

void tls_wrap_init(struct tls_wrap *w, struct tls_wrap_key *key, bool replied)
{
	memset(w, 0, sizeof(*w));
	w->key = tls_wrap_key_ref(key);
	w->send_id = replied ? 1 : 0;
}

void tls_wrap_fini(struct tls_wrap *w)
{
	tls_wrap_key_free(w->key);
	w->key = NULL;
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
	const uint8_t *ids;

	if (ret < 0 || tls_wrap_mode(w->key) == TLS_WRAP_NONE)
		return ret;
	ids = wire + ids_off(w->key);
	return replay_accept(w, get_u32(ids), get_u32(ids + 4)) ? ret : -EALREADY;
}
