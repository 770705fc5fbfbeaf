// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Files of keys: what is read, what is refused, what is written and how.

#include "control/channel/key_file.h"

#include "control/tests/static_key.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The same key as text: `split` hex digits per line, between begin and end.
static size_t key_text(char *out, const char *begin, size_t digits, const char *end)
{
	int n = sprintf(out, "#\n# 2048 bit OpenVPN static key\n#\n%s\n", begin);

	for (size_t i = 0; i < digits; i += 32)
		n += sprintf(out + n, "%.32s\r\n", &static_key_hex[i]);
	return (size_t)(n + sprintf(out + n, "%s\ntrailing text\n", end));
}

#define BEGIN "-----BEGIN OpenVPN Static key V1-----"
#define END "-----END OpenVPN Static key V1-----"

static void test_static(void)
{
	uint8_t want[KEY_FILE_STATIC_BYTES], key[KEY_FILE_STATIC_BYTES];
	char text[2048];
	size_t len;

	harness_hex(static_key_hex, want, sizeof(want));
	len = key_text(text, BEGIN, 512, END);
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), 0);
	CU_ASSERT_EQUAL(memcmp(key, want, sizeof(key)), 0);
	for (size_t n = 0; n < len - strlen("\ntrailing text\n"); n++)
		CU_ASSERT_EQUAL(key_file_static_parse(key, text, n), -EBADMSG);
	*strstr(text, "3726") = 'g';
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), -EBADMSG);
	len = key_text(text, BEGIN, 480, END);
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), -EBADMSG);
	len = key_text(text, BEGIN, 512, "ab\n" END);
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), -EBADMSG);
	len = key_text(text, "-----BEGIN OpenVPN tls-crypt-v2 server key-----", 512, END);
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), -EBADMSG);
	len = key_text(text, END, 512, BEGIN);
	CU_ASSERT_EQUAL(key_file_static_parse(key, text, len), -EBADMSG);
}

static void test_static_round_trip(void)
{
	uint8_t key[KEY_FILE_STATIC_BYTES], back[KEY_FILE_STATIC_BYTES];
	char text[2048];
	ssize_t len;

	harness_hex(static_key_hex, key, sizeof(key));
	len = key_file_static_compose(text, sizeof(text), key);
	CU_ASSERT_FATAL(len > 0);
	CU_ASSERT_EQUAL((size_t)len, strlen(text));
	CU_ASSERT_EQUAL(key_file_static_parse(back, text, (size_t)len), 0);
	CU_ASSERT_EQUAL(memcmp(key, back, sizeof(key)), 0);
	CU_ASSERT_EQUAL(key_file_static_compose(text, (size_t)len, key), -EMSGSIZE);
}

static void test_pem(void)
{
	uint8_t body[300], back[512];
	char text[2048], two[4096];
	ssize_t len;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)i;
	len = key_file_pem_compose(text, sizeof(text), KEY_FILE_V2_CLIENT, body, sizeof(body));
	CU_ASSERT_FATAL(len > 0);
	CU_ASSERT_EQUAL((size_t)len, strlen(text));
	CU_ASSERT_EQUAL(
		strncmp(text, "-----BEGIN OpenVPN tls-crypt-v2 client key-----\nAAEC", 52), 0);
	CU_ASSERT_EQUAL(
		key_file_pem_parse(back, sizeof(back), KEY_FILE_V2_CLIENT, text, strlen(text)),
		(ssize_t)sizeof(body));
	CU_ASSERT_EQUAL(memcmp(back, body, sizeof(body)), 0);
	CU_ASSERT_EQUAL(
		key_file_pem_parse(back, 299, KEY_FILE_V2_CLIENT, text, strlen(text)), -EBADMSG);
	CU_ASSERT_EQUAL(
		key_file_pem_parse(back, sizeof(back), KEY_FILE_V2_SERVER, text, strlen(text)),
		-EBADMSG);
	for (size_t n = 0; n < strlen(text) - 1; n++)
		CU_ASSERT_EQUAL(key_file_pem_parse(back, sizeof(back), KEY_FILE_V2_CLIENT, text, n),
			-EBADMSG);
	// Text around it and other blocks before it do not matter.
	snprintf(two, sizeof(two),
		"# comment\n-----BEGIN OTHER-----\nAAEC\n-----END OTHER-----\n%sx\n", text);
	CU_ASSERT_EQUAL(
		key_file_pem_parse(back, sizeof(back), KEY_FILE_V2_CLIENT, two, strlen(two)),
		(ssize_t)sizeof(body));
	CU_ASSERT_EQUAL(
		key_file_pem_compose(text, 100, KEY_FILE_V2_CLIENT, body, sizeof(body)), -EMSGSIZE);
}

static void check_content(const char *path, const char *text)
{
	char back[KEY_FILE_BYTES_MAX];
	ssize_t n = key_file_read(path, back);
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(n, (ssize_t)strlen(text));
	CU_ASSERT_EQUAL(memcmp(back, text, (size_t)n), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(st.st_nlink, 1); // nothing is left beside it
}

static void test_write(void)
{
	char dir[] = "/tmp/sluice-test-key-XXXXXX", path[64], back[KEY_FILE_BYTES_MAX];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.key", dir);
	CU_ASSERT_EQUAL(key_file_read(path, back), -ENOENT);
	CU_ASSERT_EQUAL(key_file_write(path, "one", 3, false), 0);
	check_content(path, "one");
	CU_ASSERT_EQUAL(key_file_write(path, "two", 3, false), -EEXIST);
	check_content(path, "one");
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	CU_ASSERT_EQUAL(key_file_write(path, "three", 5, true), 0);
	check_content(path, "three");
	CU_ASSERT_EQUAL(key_file_write("/nonexistent/a.key", "x", 1, false), -ENOENT);
	CU_ASSERT_EQUAL(truncate(path, KEY_FILE_BYTES_MAX), 0);
	CU_ASSERT_EQUAL(key_file_read(path, back), -EBADMSG);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"static key text", test_static},
		{"static key written and read", test_static_round_trip},
		{"PEM", test_pem},
		{"files", test_write},
		{NULL, NULL},
	};

	return harness_run("key_file", tests);
}
