// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/tls_wrap.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_BYTES_MAX 16384

static const char key_begin[] = "-----BEGIN OpenVPN Static key V1-----";
static const char key_end[] = "-----END OpenVPN Static key V1-----";

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Exactly the hex digits of a key and white space between begin and end.
static int parse_hex(uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], const char *p, const char *end)
{
	size_t digits = 0;

	memset(key, 0, TLS_WRAP_STATIC_KEY_BYTES);
	for (; p < end; p++) {
		int v = hex_value(*p);

		if (v < 0 && is_space(*p))
			continue;
		if (v < 0 || digits == 2 * TLS_WRAP_STATIC_KEY_BYTES)
			return -EBADMSG;
		key[digits / 2] = (uint8_t)(key[digits / 2] << 4 | v);
		digits++;
	}
	return digits == 2 * TLS_WRAP_STATIC_KEY_BYTES ? 0 : -EBADMSG;
}

int tls_wrap_static_key_parse(uint8_t key[TLS_WRAP_STATIC_KEY_BYTES], const char *text, size_t len)
{
	const char *begin, *end;
	int ret;

	begin = memmem(text, len, key_begin, sizeof(key_begin) - 1);
	if (begin == NULL)
		return -EBADMSG;
	begin += sizeof(key_begin) - 1;
	end = memmem(begin, len - (size_t)(begin - text), key_end, sizeof(key_end) - 1);
	if (end == NULL)
		return -EBADMSG;
	ret = parse_hex(key, begin, end);
	if (ret < 0)
		OPENSSL_cleanse(key, TLS_WRAP_STATIC_KEY_BYTES);
	return ret;
}

// Returns the bytes read, a full buffer meaning too many, or -errno.
static ssize_t read_file(const char *path, char *buf, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;
	int err;

	if (fd < 0)
		return -errno;
	while (n > 0 && len < room) {
		n = read(fd, buf + len, room - len);
		if (n < 0 && errno == EINTR)
			n = 1; // again
		else if (n > 0)
			len += (size_t)n;
	}
	err = errno;
	close(fd);
	return n < 0 ? -err : (ssize_t)len;
}

struct tls_wrap_key *tls_wrap_key_load(enum tls_wrap_mode mode, const char *path)
{
	char text[KEY_FILE_BYTES_MAX];
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key = NULL;
	ssize_t len = read_file(path, text, sizeof(text));
	int err = 0;

	if (len < 0)
		err = (int)-len;
	else if (len == sizeof(text) || tls_wrap_static_key_parse(raw, text, (size_t)len) < 0)
		err = EBADMSG;
	if (err == 0) {
		key = tls_wrap_key_new(mode, raw, true);
		err = errno;
	}
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(raw, sizeof(raw));
	errno = err;
	return key;
}
