// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/tls_crypt_v2.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <string.h>

#define KEY_ID_BYTES 4
#define LENGTH_BYTES 2
#define TIME_BYTES 8
#define PACKET_BYTES_MIN 49 // of tls-crypt: 17 in clear, the tag
#define TEXT_BYTES_MAX (TLS_CRYPT_V2_CLIENT_KEY_BYTES + TLS_CRYPT_V2_METADATA_MAX)

// First byte of metadata, as on the wire.
enum { METADATA_USER = 0, METADATA_TIME = 1 };

struct tls_crypt_v2 {
	struct tls_crypt *crypt;
};

struct tls_crypt_v2 *tls_crypt_v2_new(const uint8_t key[TLS_CRYPT_KEY_BYTES])
{
	struct tls_crypt_v2 *s = OPENSSL_zalloc(sizeof(*s));

	if (s == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	s->crypt = tls_crypt_new(key);
	if (s->crypt != NULL)
		return s;
	OPENSSL_free(s);
	return NULL;
}

struct tls_crypt_v2 *tls_crypt_v2_load(const char *path)
{
	char text[KEY_FILE_BYTES_MAX];
	uint8_t key[TLS_CRYPT_KEY_BYTES];
	struct tls_crypt_v2 *s = NULL;
	ssize_t len = key_file_read(path, text);
	int err = 0;

	if (len < 0)
		err = (int)-len;
	else if (key_file_pem_parse(key, sizeof(key), KEY_FILE_V2_SERVER, text, (size_t)len) !=
		 (ssize_t)sizeof(key))
		err = EBADMSG;
	if (err == 0) {
		s = tls_crypt_v2_new(key);
		err = errno;
	}
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(key, sizeof(key));
	errno = err;
	return s;
}

void tls_crypt_v2_free(struct tls_crypt_v2 *s)
{
	if (s == NULL)
		return;
	tls_crypt_free(s->crypt);
	OPENSSL_free(s);
}

static size_t get_u16(const uint8_t *in)
{
	return (size_t)in[0] << 8 | in[1];
}

size_t tls_crypt_v2_wkc_off(const uint8_t *wire, size_t len)
{
	size_t wkc_len;

	// Whatever the packet claims, its own header never becomes part of the key.
	// [CVE-2026-35058]
	if (len < PACKET_BYTES_MIN + TLS_CRYPT_V2_WKC_MIN)
		return 0;
	wkc_len = get_u16(wire + len - LENGTH_BYTES);
	if (wkc_len < TLS_CRYPT_V2_WKC_MIN || wkc_len > TLS_CRYPT_V2_WKC_MAX ||
		wkc_len > len - PACKET_BYTES_MIN)
		return 0;
	return len - wkc_len;
}

static int64_t get_i64(const uint8_t *in)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < TIME_BYTES; i++)
		v = v << 8 | in[i];
	return (int64_t)v;
}

static int read_metadata(struct tls_crypt_v2_client *c, const uint8_t *data, size_t len)
{
	c->type = TLS_CRYPT_V2_NONE;
	if (len == 0)
		return 0;
	switch (data[0]) {
	case METADATA_USER:
		c->type = TLS_CRYPT_V2_USER;
		c->user_len = len - 1;
		memcpy(c->user, data + 1, len - 1);
		return 0;
	case METADATA_TIME:
		if (len != 1 + TIME_BYTES)
			return -EPROTO;
		c->type = TLS_CRYPT_V2_TIME;
		c->unix_s = get_i64(data + 1);
		return 0;
	default:
		return -EPROTO;
	}
}

// id_len: bytes of a key id between text and length. The tag covers length and key id first.
static int open_with_id(const struct tls_crypt_v2 *s, struct tls_crypt_v2_client *c,
	const uint8_t *wkc, size_t len, size_t id_len)
{
	uint8_t clear[LENGTH_BYTES + KEY_ID_BYTES], text[TEXT_BYTES_MAX];
	size_t text_len = len - TLS_CRYPT_TAG_BYTES - LENGTH_BYTES - id_len;
	int ret;

	memcpy(clear, wkc + len - LENGTH_BYTES, LENGTH_BYTES);
	memcpy(clear + LENGTH_BYTES, wkc + len - LENGTH_BYTES - id_len, id_len);
	ret = tls_crypt_open(s->crypt, clear, LENGTH_BYTES + id_len, wkc, wkc + TLS_CRYPT_TAG_BYTES,
		text_len, text);
	if (ret == 0) {
		memcpy(c->key, text, sizeof(c->key));
		ret = read_metadata(c, text + sizeof(c->key), text_len - sizeof(c->key));
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ret;
}

int tls_crypt_v2_unwrap(const struct tls_crypt_v2 *s, struct tls_crypt_v2_client *client,
	const uint8_t *wkc, size_t len)
{
	int ret;

	memset(client, 0, sizeof(*client));
	if (len < TLS_CRYPT_V2_WKC_MIN || len > TLS_CRYPT_V2_WKC_MAX ||
		get_u16(wkc + len - LENGTH_BYTES) != len)
		return -EBADMSG;
	ret = open_with_id(s, client, wkc, len, 0);
	if (ret == -EBADMSG && len >= TLS_CRYPT_V2_WKC_MIN + KEY_ID_BYTES)
		ret = open_with_id(s, client, wkc, len, KEY_ID_BYTES);
	if (ret < 0)
		tls_crypt_v2_client_wipe(client);
	return ret;
}

static size_t compose_metadata(const struct tls_crypt_v2_client *c, uint8_t *out)
{
	switch (c->type) {
	case TLS_CRYPT_V2_USER:
		out[0] = METADATA_USER;
		memcpy(out + 1, c->user, c->user_len);
		return 1 + c->user_len;
	case TLS_CRYPT_V2_TIME:
		out[0] = METADATA_TIME;
		for (unsigned int i = 0; i < TIME_BYTES; i++)
			out[1 + i] = (uint8_t)((uint64_t)c->unix_s >> (56 - 8 * i));
		return 1 + TIME_BYTES;
	default:
		return 0;
	}
}

int tls_crypt_v2_wrap(const struct tls_crypt_v2 *s, const struct tls_crypt_v2_client *client,
	uint8_t out[TLS_CRYPT_V2_WKC_MAX])
{
	uint8_t text[TEXT_BYTES_MAX], length[LENGTH_BYTES];
	size_t text_len, len;
	int ret;

	if (client->type == TLS_CRYPT_V2_USER && client->user_len + 1 > TLS_CRYPT_V2_METADATA_MAX)
		return -EMSGSIZE;
	memcpy(text, client->key, sizeof(client->key));
	text_len = sizeof(client->key) + compose_metadata(client, text + sizeof(client->key));
	len = TLS_CRYPT_TAG_BYTES + text_len + LENGTH_BYTES;
	length[0] = (uint8_t)(len >> 8);
	length[1] = (uint8_t)len;
	ret = tls_crypt_seal(
		s->crypt, length, sizeof(length), text, text_len, out, out + TLS_CRYPT_TAG_BYTES);
	memcpy(out + len - LENGTH_BYTES, length, LENGTH_BYTES);
	OPENSSL_cleanse(text, sizeof(text));
	return ret == 0 ? (int)len : ret;
}

bool tls_crypt_v2_is_expired(
	const struct tls_crypt_v2_client *client, uint32_t max_age_s, uint64_t unix_s)
{
	if (max_age_s == 0)
		return false;
	// A clock that went back, or was ahead when the key was made, makes no key older.
	return client->type != TLS_CRYPT_V2_TIME || client->unix_s < 0 ||
	       (uint64_t)client->unix_s + max_age_s < unix_s;
}

void tls_crypt_v2_client_wipe(struct tls_crypt_v2_client *client)
{
	OPENSSL_cleanse(client, sizeof(*client));
}
