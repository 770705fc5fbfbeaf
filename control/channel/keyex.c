// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/keyex.h"

#include "control/channel/reader.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <errno.h>
#include <string.h>

#define KEY_METHOD 2
#define KEY_METHOD_MASK 0x0f // the rest are reserved flags
#define MASTER_BYTES 48

// A key block is two halves (one per direction) of 64 bytes for the cipher and 64 for the MAC.
#define HALF_BYTES 128
#define HALF_MAC_OFF 64

static bool read_text(struct reader *r, struct keyex_text *out)
{
	uint16_t n;

	if (!reader_u16(r, &n) || r->left < n)
		return false;
	out->text = (const char *)r->data;
	out->len = strnlen(
		out->text, n); // a missing NUL is tolerated, bytes behind one are not read
	r->data += n;
	r->left -= n;
	return true;
}

// Strings at the end may be missing as a whole.
static bool read_text_optional(struct reader *r, struct keyex_text *out)
{
	return r->left == 0 || read_text(r, out);
}

int keyex_client_parse(struct keyex_client *m, const uint8_t *data, size_t len)
{
	static const struct keyex_text none = {"", 0};
	struct reader r = {data, len};
	uint8_t head[5];

	memset(m, 0, sizeof(*m));
	m->options = m->username = m->password = m->peer_info = none;
	if (len > KEYEX_MSG_BYTES_MAX)
		return -EBADMSG;
	if (!reader_bytes(&r, head, sizeof(head)))
		return -EAGAIN;
	if ((head[0] | head[1] | head[2] | head[3]) != 0 ||
		(head[4] & KEY_METHOD_MASK) != KEY_METHOD)
		return -EBADMSG;
	if (reader_bytes(&r, m->pre_master, sizeof(m->pre_master)) &&
		reader_bytes(&r, m->random.random1, sizeof(m->random.random1)) &&
		reader_bytes(&r, m->random.random2, sizeof(m->random.random2)) &&
		read_text(&r, &m->options) && read_text_optional(&r, &m->username) &&
		read_text_optional(&r, &m->password) && read_text_optional(&r, &m->peer_info))
		return 0;
	keyex_client_wipe(m);
	return -EAGAIN;
}

void keyex_client_wipe(struct keyex_client *m)
{
	OPENSSL_cleanse(m, sizeof(*m));
}

int keyex_random_init(struct keyex_random *r)
{
	return RAND_priv_bytes(r->random1, sizeof(r->random1)) == 1 &&
			       RAND_priv_bytes(r->random2, sizeof(r->random2)) == 1
		       ? 0
		       : -EIO;
}

void keyex_random_wipe(struct keyex_random *r)
{
	OPENSSL_cleanse(r, sizeof(*r));
}

int keyex_server_compose(
	uint8_t *out, size_t room, const struct keyex_random *server, const char *options)
{
	size_t options_bytes = strlen(options) + 1;
	size_t len = 5 + sizeof(*server) + 2 + options_bytes + 3 * 2;

	if (len > room || options_bytes > UINT16_MAX)
		return -EMSGSIZE;
	memset(out, 0, 4);
	out[4] = KEY_METHOD;
	out += 5;
	memcpy(out, server->random1, sizeof(server->random1));
	out += sizeof(server->random1);
	memcpy(out, server->random2, sizeof(server->random2));
	out += sizeof(server->random2);
	*out++ = (uint8_t)(options_bytes >> 8);
	*out++ = (uint8_t)options_bytes;
	memcpy(out, options, options_bytes);
	out += options_bytes;
	memset(out, 0, 3 * 2); // no username, no password, no peer info
	return (int)len;
}

int keyex_prf(const uint8_t *secret, size_t secret_len, const char *label, const uint8_t *seed,
	size_t seed_len, uint8_t *out, size_t out_len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "MD5-SHA1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret, secret_len),
		// Seeds add up.
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)label, strlen(label)),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed, seed_len),
		OSSL_PARAM_construct_end(),
	};
	int ret = -EIO;

	if (ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1)
		ret = 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ret;
}

// master = PRF(pre-master, label, client's random1 | server's random1)
// block = PRF(master, label, client's random2 | server's random2 | both session ids)
int keyex_block_prf(uint8_t block[KEYEX_BLOCK_BYTES], const struct keyex_client *client,
	const struct keyex_random *server, const uint8_t client_sid[SESSION_ID_BYTES],
	const uint8_t server_sid[SESSION_ID_BYTES])
{
	uint8_t master[MASTER_BYTES];
	uint8_t seed[2 * 32 + 2 * SESSION_ID_BYTES];
	int ret;

	memcpy(seed, client->random.random1, 32);
	memcpy(seed + 32, server->random1, 32);
	ret = keyex_prf(client->pre_master, sizeof(client->pre_master), "OpenVPN master secret",
		seed, 64, master, sizeof(master));
	if (ret == 0) {
		memcpy(seed, client->random.random2, 32);
		memcpy(seed + 32, server->random2, 32);
		memcpy(seed + 64, client_sid, SESSION_ID_BYTES);
		memcpy(seed + 64 + SESSION_ID_BYTES, server_sid, SESSION_ID_BYTES);
		ret = keyex_prf(master, sizeof(master), "OpenVPN key expansion", seed, sizeof(seed),
			block, KEYEX_BLOCK_BYTES);
	}
	OPENSSL_cleanse(master, sizeof(master));
	OPENSSL_cleanse(seed, sizeof(seed));
	return ret;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= data[i];
	return any == 0;
}

// For CBC: the keys of the HMACs stand where AEAD ciphers have their implicit IVs. The key that makes
// our IVs is cut from the end of the cipher's part, which no cipher's key reaches to: as secret as
// they are and independent of them.
static int slice_cbc(struct session_key *key, const uint8_t *recv, const uint8_t *send)
{
	size_t mac = digest_bytes(key->digest), iv = sizeof(key->send_iv_key);

	if (mac == 0 || is_zero(recv + HALF_MAC_OFF, mac) || is_zero(send + HALF_MAC_OFF, mac))
		return -EINVAL;
	memcpy(key->recv_mac, recv + HALF_MAC_OFF, mac);
	memcpy(key->send_mac, send + HALF_MAC_OFF, mac);
	memcpy(key->send_iv_key, send + HALF_MAC_OFF - iv, iv);
	return is_zero(key->send_iv_key, iv) ? -EINVAL : 0;
}

int keyex_slice_epoch(struct session_key *key, const uint8_t block[KEYEX_BLOCK_BYTES],
	uint8_t key_id, enum cipher cipher)
{
	const uint8_t *recv = block, *send = block + HALF_BYTES;

	memset(key, 0, sizeof(*key));
	if (is_zero(recv, sizeof(key->recv_key)) || is_zero(send, sizeof(key->send_key)))
		return -EINVAL;
	key->key_id = key_id;
	key->cipher = cipher;
	key->epoch = true;
	memcpy(key->recv_key, recv, sizeof(key->recv_key));
	memcpy(key->send_key, send, sizeof(key->send_key));
	return 0;
}

// The client sends with the first half, the server with the second: the other way round than for
// the control channel's static keys.
int keyex_slice(struct session_key *key, const uint8_t block[KEYEX_BLOCK_BYTES], uint8_t key_id,
	enum cipher cipher, enum digest digest)
{
	const uint8_t *recv = block;
	const uint8_t *send = block + HALF_BYTES;
	size_t n = cipher_key_bytes(cipher);

	memset(key, 0, sizeof(*key));
	if ((unsigned int)cipher >= CIPHER_COUNT || n > sizeof(key->recv_key))
		return -EINVAL;
	if (n > 0 && (is_zero(recv, n) || is_zero(send, n)))
		return -EINVAL;
	key->key_id = key_id;
	key->cipher = cipher;
	memcpy(key->recv_key, recv, n);
	memcpy(key->send_key, send, n);
	if (cipher_format(cipher) == FORMAT_CBC) {
		key->digest = digest;
		return slice_cbc(key, recv, send);
	}
	memcpy(key->recv_iv, recv + HALF_MAC_OFF, sizeof(key->recv_iv));
	memcpy(key->send_iv, send + HALF_MAC_OFF, sizeof(key->send_iv));
	return 0;
}
