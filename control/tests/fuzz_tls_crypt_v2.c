// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// First packets that carry a wrapped client key. The seeds are those of a client under a server key
// of its own. Mutated ones must not pass; since none would then reach what stands behind the tags,
// every input is also wrapped as metadata, cut for its length alone, and read as a key file.

#include "control/channel/tls_crypt_v2.h"
#include "control/channel/tls_wrap.h"

#include "control/tests/fuzz.h"

#include <string.h>

static struct tls_crypt_v2 *server;
static struct tls_wrap_key *key;

static void make_keys(void)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];

	for (unsigned int i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)i;
	server = tls_crypt_v2_new(raw);
	key = tls_wrap_key_new(TLS_WRAP_CRYPT_V2, raw, true);
	FUZZ_CHECK(server != NULL && key != NULL);
}

static void open_packet(const uint8_t *data, size_t len)
{
	size_t off = tls_crypt_v2_wkc_off(data, len);
	struct tls_crypt_v2_client client;
	uint8_t out[TLS_WRAP_BYTES_MAX];
	int n;

	if (off > 0) {
		FUZZ_CHECK(off >= 49 && len - off >= TLS_CRYPT_V2_WKC_MIN);
		FUZZ_CHECK(len - off <= TLS_CRYPT_V2_WKC_MAX);
		if (tls_crypt_v2_unwrap(server, &client, data + off, len - off) == 0)
			(void)tls_crypt_v2_is_expired(&client, 86400, 1000000);
	}
	n = tls_wrap_open_first(key, data, len, out, sizeof(out));
	FUZZ_CHECK(n <= (int)len);
}

// The same with the WKc alone, so that lengths need not agree with a packet around it.
static void open_wkc(const uint8_t *data, size_t len)
{
	struct tls_crypt_v2_client client;

	if (tls_crypt_v2_unwrap(server, &client, data, len) == 0)
		FUZZ_CHECK(len >= TLS_CRYPT_V2_WKC_MIN && len <= TLS_CRYPT_V2_WKC_MAX);
}

static void round_trip(const uint8_t *data, size_t len)
{
	struct tls_crypt_v2_client client = {.type = TLS_CRYPT_V2_USER}, back;
	uint8_t wkc[TLS_CRYPT_V2_WKC_MAX];
	int n;

	client.user_len = len < TLS_CRYPT_V2_METADATA_MAX ? len : TLS_CRYPT_V2_METADATA_MAX - 1;
	memcpy(client.user, data, client.user_len);
	n = tls_crypt_v2_wrap(server, &client, wkc);
	FUZZ_CHECK(n > 0);
	FUZZ_CHECK(tls_crypt_v2_unwrap(server, &back, wkc, (size_t)n) == 0);
	FUZZ_CHECK(memcmp(&client, &back, sizeof(client)) == 0);
	wkc[len % (size_t)n] ^= 1;
	FUZZ_CHECK(tls_crypt_v2_unwrap(server, &back, wkc, (size_t)n) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t body[2048];

	if (server == NULL)
		make_keys();
	open_packet(data, len);
	open_wkc(data, len);
	round_trip(data, len);
	key_file_pem_parse(body, sizeof(body), KEY_FILE_V2_CLIENT, (const char *)data, len);
	return 0;
}
