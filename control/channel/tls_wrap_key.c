// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/tls_wrap.h"

#include <openssl/crypto.h>

#include <errno.h>

// 0 or an errno.
static int load_static(const char *path, uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES])
{
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len = key_file_read(path, text);
	int err = 0;

	if (len < 0)
		err = (int)-len;
	else if (key_file_static_parse(raw, text, (size_t)len) < 0)
		err = EBADMSG;
	OPENSSL_cleanse(text, sizeof(text));
	return err;
}

struct tls_wrap_key *tls_wrap_key_load(enum tls_wrap_mode mode, const char *path)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key = NULL;
	int err = load_static(path, raw);

	if (err == 0) {
		key = tls_wrap_key_new(mode, raw, true);
		err = errno;
	}
	OPENSSL_cleanse(raw, sizeof(raw));
	errno = err;
	return key;
}

struct tls_wrap_key *tls_wrap_key_load_auth(
	const char *path, enum tls_wrap_digest digest, enum tls_wrap_direction direction)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key = NULL;
	int err = load_static(path, raw);

	if (err == 0) {
		key = tls_wrap_key_auth(raw, digest, direction);
		err = errno;
	}
	OPENSSL_cleanse(raw, sizeof(raw));
	errno = err;
	return key;
}
