// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ctl/ctl_keys.h"

#include "control/channel/key_file.h"
#include "control/channel/tls_crypt_v2.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int complain(const char *path, const char *what)
{
	fprintf(stderr, "sluicectl: %s: %s\n", path, what);
	return -1;
}

static int save(const struct ctl_keys_args *a, char *text, ssize_t len)
{
	int ret = len < 0 ? (int)len : key_file_write(a->file, text, (size_t)len, a->force);

	explicit_bzero(text, KEY_FILE_BYTES_MAX);
	if (ret == -EEXIST)
		return complain(a->file, "the file exists, --force replaces it");
	return ret < 0 ? complain(a->file, strerror(-ret)) : 0;
}

int ctl_keys_static(const struct ctl_keys_args *a)
{
	uint8_t key[KEY_FILE_STATIC_BYTES];
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len;

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return complain(a->file, "no random bytes");
	len = key_file_static_compose(text, sizeof(text), key);
	explicit_bzero(key, sizeof(key));
	return save(a, text, len);
}

int ctl_keys_v2_server(const struct ctl_keys_args *a)
{
	uint8_t key[TLS_CRYPT_KEY_BYTES];
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len;

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return complain(a->file, "no random bytes");
	len = key_file_pem_compose(text, sizeof(text), KEY_FILE_V2_SERVER, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	return save(a, text, len);
}

static int set_metadata(struct tls_crypt_v2_client *client, const struct ctl_keys_args *a)
{
	if (!a->metadata) {
		client->type = TLS_CRYPT_V2_TIME;
		client->unix_s = time(NULL);
		return 0;
	}
	client->type = TLS_CRYPT_V2_USER;
	client->user_len = strlen(a->metadata);
	if (client->user_len >= sizeof(client->user)) {
		fprintf(stderr, "sluicectl: --metadata must be at most %zu bytes, got %zu\n",
			sizeof(client->user) - 1, client->user_len);
		return -1;
	}
	memcpy(client->user, a->metadata, client->user_len);
	return 0;
}

// The file holds the key as the client uses it, and behind it wrapped for the server.
static ssize_t compose_client(const struct tls_crypt_v2 *server,
	const struct tls_crypt_v2_client *client, char text[KEY_FILE_BYTES_MAX])
{
	uint8_t body[sizeof(client->key) + TLS_CRYPT_V2_WKC_MAX];
	ssize_t len;
	int n;

	memcpy(body, client->key, sizeof(client->key));
	n = tls_crypt_v2_wrap(server, client, body + sizeof(client->key));
	len = n < 0 ? n
		    : key_file_pem_compose(text, KEY_FILE_BYTES_MAX, KEY_FILE_V2_CLIENT, body,
			      sizeof(client->key) + (size_t)n);
	explicit_bzero(body, sizeof(body));
	return len;
}

int ctl_keys_v2_client(const struct ctl_keys_args *a)
{
	struct tls_crypt_v2 *server = tls_crypt_v2_load(a->server_key);
	struct tls_crypt_v2_client client = {0};
	char text[KEY_FILE_BYTES_MAX];
	int ret = -1;

	if (!server)
		return complain(a->server_key,
			errno == EBADMSG ? "no \"" KEY_FILE_V2_SERVER "\" in it" : strerror(errno));
	if (set_metadata(&client, a) == 0) {
		if (RAND_priv_bytes(client.key, sizeof(client.key)) != 1)
			ret = complain(a->file, "no random bytes");
		else
			ret = save(a, text, compose_client(server, &client, text));
	}
	tls_crypt_v2_client_wipe(&client);
	tls_crypt_v2_free(server);
	return ret;
}
