// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Unwrapping of tls-auth and tls-crypt. The seeds are packets of both sides under a key of their own. A mutated
// packet must not pass; since none would then reach the code behind the tag, every input is also
// wrapped, and as a text parsed as a key.

#include "control/channel/tls_wrap.h"

#include "control/tests/fuzz.h"

#include <string.h>

static const char key_text[] = "-----BEGIN OpenVPN Static key V1-----\n"
			       "1ac3190036f4305a3b78b9e0e9e90077\n"
			       "6386fc7f13f495294856bac332609fdd\n"
			       "7e7acd9c366583ea813af679f9fbf92f\n"
			       "a53d04c0881ed56d76b91fd87a7f00f5\n"
			       "4aa79ee16030b401d681d4d507cdb41a\n"
			       "814c7bdf8edab558b9a5767b9b3357b4\n"
			       "bfb906d724aac163c82cc429cc54d48d\n"
			       "7ac8354f59591f05fca0148e0f2a3eaf\n"
			       "6f5e04ea1f193b4b0cc705f32272fc59\n"
			       "642738f7bb2e426bc4a42e49682ae505\n"
			       "1630f025632cb2d4a1a74618dac1bfa0\n"
			       "17d861ac2f0026d46b84d1e40fe5fa48\n"
			       "695bec67d3ea61b4cc868b2561e86478\n"
			       "13a51e0c3274d07540f3c985169dc960\n"
			       "413b51fb8987f2678fd07f366c1614a5\n"
			       "6433631f42c682ef98d031b750231c25\n"
			       "-----END OpenVPN Static key V1-----\n";

static struct tls_wrap_key *server, *client, *server_auth, *client_auth;

static void make_keys(void)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];

	FUZZ_CHECK(key_file_static_parse(raw, key_text, sizeof(key_text) - 1) == 0);
	server = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, true);
	client = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, false);
	server_auth = tls_wrap_key_auth(raw, TLS_WRAP_SHA512, TLS_WRAP_NORMAL);
	client_auth = tls_wrap_key_auth(raw, TLS_WRAP_SHA512, TLS_WRAP_INVERSE);
	FUZZ_CHECK(server != NULL && client != NULL && server_auth != NULL && client_auth != NULL);
}

// Opens a packet as one side does: once, not twice.
static void open_raw(struct tls_wrap_key *key, const uint8_t *data, size_t len)
{
	uint8_t out[TLS_WRAP_BYTES_MAX];
	struct tls_wrap w;
	int first;

	tls_wrap_init(&w, key, false);
	first = tls_wrap_open_first(key, data, len, out, sizeof(out));
	FUZZ_CHECK(first <= (int)len);
	// Only wrapping has ids that a replay would repeat.
	if (first < 0)
		FUZZ_CHECK(tls_wrap_open(&w, data, len, out, sizeof(out)) == first);
	else if (tls_wrap_open(&w, data, len, out, sizeof(out)) >= 0 && key != NULL)
		FUZZ_CHECK(tls_wrap_open(&w, data, len, out, sizeof(out)) < 0);
	tls_wrap_fini(&w);
}

// The first bytes say how far ids and time step, the rest is the packet.
static void round_trip(struct tls_wrap *from, struct tls_wrap *to, const uint8_t *data, size_t len)
{
	uint8_t wire[TLS_WRAP_BYTES_MAX], out[TLS_WRAP_BYTES_MAX];
	int wire_len, n;

	for (unsigned int i = 0; i < 4; i++) {
		from->send_id += (uint32_t)(int8_t)data[i];
		wire_len = tls_wrap_seal(from, data[3], data + 4, len - 4, wire, sizeof(wire));
		if (wire_len < 0)
			return;
		n = tls_wrap_open(to, wire, (size_t)wire_len, out, sizeof(out));
		if (n >= 0) {
			FUZZ_CHECK((size_t)n == len - 4);
			FUZZ_CHECK(memcmp(out, data + 4, len - 4) == 0);
			FUZZ_CHECK(
				to->recv_id >= from->send_id || to->recv_time != from->send_time);
		}
		wire[data[1] % (unsigned int)wire_len] ^= 0x10;
		FUZZ_CHECK(tls_wrap_open(to, wire, (size_t)wire_len, out, sizeof(out)) < 0);
	}
}

static void round_trips(const uint8_t *data, size_t len)
{
	struct tls_wrap from, to;

	if (len < 4)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		tls_wrap_init(&from, i ? client : client_auth, data[0] & 1);
		tls_wrap_init(&to, i ? server : server_auth, false);
		round_trip(&from, &to, data, len);
		tls_wrap_fini(&from);
		tls_wrap_fini(&to);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];

	if (server == NULL)
		make_keys();
	open_raw(server, data, len);
	open_raw(client, data, len);
	open_raw(server_auth, data, len);
	open_raw(NULL, data, len);
	round_trips(data, len);
	key_file_static_parse(raw, (const char *)data, len);
	return 0;
}
