// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/key_file.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_LINE_BYTES 16

static const char static_begin[] = "-----BEGIN OpenVPN Static key V1-----";
static const char static_end[] = "-----END OpenVPN Static key V1-----";

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
static int parse_hex(uint8_t key[KEY_FILE_STATIC_BYTES], const char *p, const char *end)
{
	size_t digits = 0;

	memset(key, 0, KEY_FILE_STATIC_BYTES);
	for (; p < end; p++) {
		int v = hex_value(*p);

		if (v < 0 && is_space(*p))
			continue;
		if (v < 0 || digits == 2 * KEY_FILE_STATIC_BYTES)
			return -EBADMSG;
		key[digits / 2] = (uint8_t)(key[digits / 2] << 4 | v);
		digits++;
	}
	return digits == 2 * KEY_FILE_STATIC_BYTES ? 0 : -EBADMSG;
}

int key_file_static_parse(uint8_t key[KEY_FILE_STATIC_BYTES], const char *text, size_t len)
{
	const char *begin, *end;
	int ret;

	begin = memmem(text, len, static_begin, sizeof(static_begin) - 1);
	if (begin == NULL)
		return -EBADMSG;
	begin += sizeof(static_begin) - 1;
	end = memmem(begin, len - (size_t)(begin - text), static_end, sizeof(static_end) - 1);
	if (end == NULL)
		return -EBADMSG;
	ret = parse_hex(key, begin, end);
	if (ret < 0)
		OPENSSL_cleanse(key, KEY_FILE_STATIC_BYTES);
	return ret;
}

// One block of PEM: is it ours? 1: yes and copied, 0: no, -EBADMSG: yes, but malformed.
static ssize_t take_block(uint8_t *out, size_t room, const char *label, const char *name,
	const char *header, const unsigned char *body, long len)
{
	if (strcmp(name, label) != 0)
		return 0;
	// Headers would say that the body is encrypted.
	if (header[0] != '\0' || len <= 0 || (size_t)len > room)
		return -EBADMSG;
	memcpy(out, body, (size_t)len);
	return len;
}

ssize_t key_file_pem_parse(
	uint8_t *out, size_t room, const char *label, const char *text, size_t len)
{
	BIO *in = len <= KEY_FILE_BYTES_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
	char *name, *header;
	unsigned char *body;
	ssize_t ret = 0;
	long body_len;

	while (in != NULL && ret == 0 && PEM_read_bio(in, &name, &header, &body, &body_len) == 1) {
		ret = take_block(out, room, label, name, header, body, body_len);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(body, (size_t)body_len);
	}
	BIO_free(in);
	ERR_clear_error();
	return ret > 0 ? ret : -EBADMSG;
}

ssize_t key_file_static_compose(char *out, size_t room, const uint8_t key[KEY_FILE_STATIC_BYTES])
{
	size_t n;

	if (room < sizeof(static_begin) + sizeof(static_end) + 2 * KEY_FILE_STATIC_BYTES +
			   KEY_FILE_STATIC_BYTES / HEX_LINE_BYTES + 2)
		return -EMSGSIZE;
	n = (size_t)sprintf(out, "%s\n", static_begin);
	for (size_t i = 0; i < KEY_FILE_STATIC_BYTES; i++)
		n += (size_t)sprintf(out + n, "%02x%s", key[i],
			i % HEX_LINE_BYTES == HEX_LINE_BYTES - 1 ? "\n" : "");
	n += (size_t)sprintf(out + n, "%s\n", static_end);
	return (ssize_t)n;
}

ssize_t key_file_pem_compose(
	char *out, size_t room, const char *label, const uint8_t *body, size_t len)
{
	BIO *mem = BIO_new(BIO_s_secmem());
	ssize_t ret = -ENOMEM;
	char *text;
	long n;

	if (mem != NULL && PEM_write_bio(mem, label, "", body, (long)len) > 0) {
		n = BIO_get_mem_data(mem, &text);
		ret = n > 0 && (size_t)n < room ? n : -EMSGSIZE;
		if (ret > 0) {
			memcpy(out, text, (size_t)n);
			out[n] = '\0';
		}
	}
	BIO_free(mem);
	ERR_clear_error();
	return ret;
}

ssize_t key_file_read(const char *path, char text[KEY_FILE_BYTES_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;
	int err;

	if (fd < 0)
		return -errno;
	while (n > 0 && len < KEY_FILE_BYTES_MAX) {
		n = read(fd, text + len, KEY_FILE_BYTES_MAX - len);
		if (n < 0 && errno == EINTR)
			n = 1; // again
		else if (n > 0)
			len += (size_t)n;
	}
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	return len < KEY_FILE_BYTES_MAX ? (ssize_t)len : -EBADMSG;
}

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

// The text goes into a file beside it first: what has this name is never half a key.
int key_file_write(const char *path, const char *text, size_t len, bool force)
{
	char temp[4096];
	int n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path), fd, ret;

	if (n < 0 || (size_t)n >= sizeof(temp))
		return -ENAMETOOLONG;
	fd = mkostemp(temp, O_CLOEXEC); // mode 0600
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, len);
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	// link() fails if there is one, rename() replaces it.
	if (ret == 0 && (force ? rename(temp, path) : link(temp, path)) < 0)
		ret = -errno;
	if (ret < 0 || !force)
		unlink(temp);
	return ret;
}
