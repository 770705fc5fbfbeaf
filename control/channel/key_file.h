// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Files that hold keys of the control channel: "OpenVPN Static key V1" in hex, keys of tls-crypt-v2
// in PEM. Text in, bytes out; only key_file_read() and key_file_write() touch the disk. Callers
// wipe what they got. Any thread. [OpenVPN crypto.c read_key_file, tls_crypt.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KEY_FILE_BYTES_MAX 16384
#define KEY_FILE_STATIC_BYTES 256
#define KEY_FILE_V2_SERVER "OpenVPN tls-crypt-v2 server key"
#define KEY_FILE_V2_CLIENT "OpenVPN tls-crypt-v2 client key"

// Static key text into its 256 bytes. 0 or -EBADMSG.
int key_file_static_parse(uint8_t key[KEY_FILE_STATIC_BYTES], const char *text, size_t len);
// The body of the first PEM block of this label, at most `room` bytes. Its length, or -EBADMSG.
ssize_t key_file_pem_parse(
	uint8_t *out, size_t room, const char *label, const char *text, size_t len);

// Text for a file, NUL at its end. Its length, or -EMSGSIZE, -ENOMEM.
ssize_t key_file_static_compose(char *out, size_t room, const uint8_t key[KEY_FILE_STATIC_BYTES]);
ssize_t key_file_pem_compose(
	char *out, size_t room, const char *label, const uint8_t *body, size_t len);

// A whole file of at most KEY_FILE_BYTES_MAX - 1 bytes. Its length, or -errno; -EBADMSG: larger.
ssize_t key_file_read(const char *path, char text[KEY_FILE_BYTES_MAX]);
// A new file of mode 0600. Without force -EEXIST if there is one; with force it is replaced, whole
// or not at all. 0 or -errno.
int key_file_write(const char *path, const char *text, size_t len, bool force);
