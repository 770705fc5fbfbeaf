// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/cookie.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <errno.h>
#include <string.h>

#define SLOTS_BACK 2
// slot (8) | its length (4) | ours: family (1) | address (16) | client's: family (1) | address (16) |
// port (2) | session id (8)
#define INPUT_BYTES (8 + 4 + 1 + 16 + 1 + 16 + 2 + SESSION_ID_BYTES)

static uint32_t slot_length(uint32_t hand_window_s)
{
	uint32_t s = hand_window_s / 2 + hand_window_s % 2;

	return s ? s : 1;
}

int cookie_key_init(struct cookie_key *k, uint32_t hand_window_s)
{
	*k = (struct cookie_key){.slot_s = slot_length(hand_window_s)};
	return RAND_priv_bytes(k->key, sizeof(k->key)) == 1 ? 0 : -EIO;
}

void cookie_key_set_window(struct cookie_key *k, uint32_t hand_window_s, uint64_t unix_s)
{
	uint32_t slot_s = slot_length(hand_window_s);

	if (slot_s == k->slot_s)
		return;
	k->former_slot_s = k->slot_s;
	k->former_until_s = unix_s + (uint64_t)(SLOTS_BACK + 1) * k->slot_s;
	k->slot_s = slot_s;
}

void cookie_key_wipe(struct cookie_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

// What a cookie is made for: a first packet.
struct asked {
	const struct session_addr *local, *client;
	const uint8_t *client_sid;
};

// Only fields that stay the same between two packets of a client: no flow label, no scope.
static void compose_input(
	uint8_t in[INPUT_BYTES], uint64_t slot, uint32_t slot_s, const struct asked *a)
{
	memset(in, 0, INPUT_BYTES);
	for (unsigned int i = 0; i < 8; i++)
		in[i] = (uint8_t)(slot >> (56 - 8 * i));
	for (unsigned int i = 0; i < 4; i++)
		in[8 + i] = (uint8_t)(slot_s >> (24 - 8 * i));
	in[12] = a->local->family;
	memcpy(&in[13], a->local->addr, a->local->family == 4 ? 4 : 16);
	in[29] = a->client->family;
	memcpy(&in[30], a->client->addr, a->client->family == 4 ? 4 : 16);
	memcpy(&in[46], &a->client->port_be, 2);
	memcpy(&in[48], a->client_sid, SESSION_ID_BYTES);
}

static int make_for_slot(const struct cookie_key *k, uint64_t slot, uint32_t slot_s,
	const struct asked *a, uint8_t out[SESSION_ID_BYTES])
{
	static const uint8_t zero[SESSION_ID_BYTES];
	uint8_t in[INPUT_BYTES];
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;

	compose_input(in, slot, slot_s, a);
	if (HMAC(EVP_sha256(), k->key, sizeof(k->key), in, sizeof(in), mac, &mac_len) == NULL ||
		mac_len < SESSION_ID_BYTES)
		return -EIO;
	memcpy(out, mac, SESSION_ID_BYTES);
	// A session id of zeros means "none".
	if (CRYPTO_memcmp(out, zero, SESSION_ID_BYTES) == 0)
		out[SESSION_ID_BYTES - 1] = 1;
	return 0;
}

int cookie_make(const struct cookie_key *k, uint64_t unix_s, const struct session_addr *local,
	const struct session_addr *client, const uint8_t client_sid[SESSION_ID_BYTES],
	uint8_t out[SESSION_ID_BYTES])
{
	const struct asked a = {local, client, client_sid};

	return make_for_slot(k, unix_s / k->slot_s, k->slot_s, &a, out);
}

static bool is_valid_in(const struct cookie_key *k, uint32_t slot_s, uint64_t unix_s,
	const struct asked *a, const uint8_t cookie[SESSION_ID_BYTES])
{
	uint64_t slot = unix_s / slot_s;
	uint8_t expected[SESSION_ID_BYTES];
	bool valid = false;

	for (unsigned int back = 0; back <= SLOTS_BACK && back <= slot; back++) {
		if (make_for_slot(k, slot - back, slot_s, a, expected) < 0)
			return false;
		// CRYPTO_memcmp() is 0 when both are equal.
		if (CRYPTO_memcmp(expected, cookie, SESSION_ID_BYTES) == 0)
			valid = true;
	}
	return valid;
}

bool cookie_is_valid(const struct cookie_key *k, uint64_t unix_s, const struct session_addr *local,
	const struct session_addr *client, const uint8_t client_sid[SESSION_ID_BYTES],
	const uint8_t cookie[SESSION_ID_BYTES])
{
	const struct asked a = {local, client, client_sid};

	if (is_valid_in(k, k->slot_s, unix_s, &a, cookie))
		return true;
	return unix_s < k->former_until_s && is_valid_in(k, k->former_slot_s, unix_s, &a, cookie);
}
