// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A client's key message with everything read out of it: peer information, options string, cipher
// choice, the push reply that comes of it and the server's answer.

#include "control/channel/keyex.h"
#include "control/channel/ncp.h"
#include "control/channel/push.h"

#include "control/tests/fuzz.h"

#include <string.h>
#include <strings.h>

static void check_printable(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	FUZZ_CHECK(len < room);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(text[i] >= 0x20 && text[i] <= 0x7e);
}

static void check_push(const struct peer_info *peer, const struct options_string *options)
{
	static const enum cipher ours[] = {
		CIPHER_NONE, CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305, CIPHER_AES_128_CBC};
	static const struct session_lease lease = {.peer_id = 1,
		.vpn4 = {10, 8, 0, 2},
		.vpn4_len = 24,
		.self4 = {10, 8, 0, 1},
		.tun_mtu = 1420};
	static struct conf_gateway gw = {.keepalive_interval_s = 10, .keepalive_timeout_s = 60};
	static struct push push;
	static const struct ncp_offer offer = {ours, 4, CIPHER_AES_256_CBC, DIGEST_SHA256, true};
	struct ncp_choice choice;

	if (ncp_choose(&choice, &offer, peer, options) < 0)
		return;
	ncp_digest_differs(&choice, options);
	FUZZ_CHECK(choice.why != NULL);
	FUZZ_CHECK(choice.cipher != CIPHER_NONE || strcasestr(peer->ciphers, "none") ||
		   strcasecmp(options->cipher, "none") == 0);
	FUZZ_CHECK(push_compose(&push, &gw, &lease, peer, &choice) == 0);
	FUZZ_CHECK(push.count == 1);
	check_printable(push.part[0], PUSH_PART_BYTES);
}

// The server's answer to the message, and the keys of both.
static void answer(const struct keyex_client *m, const struct options_string *options)
{
	static const uint8_t sid[SESSION_ID_BYTES] = {1};
	static const struct keyex_random server = {.random1 = {1}};
	uint8_t block[KEYEX_BLOCK_BYTES], msg[2048];
	char text[OPTIONS_STRING_BYTES];
	struct session_key key;

	FUZZ_CHECK(options_string_compose(text, sizeof(text), options, NULL, NULL, NULL) > 0);
	check_printable(text, sizeof(text));
	FUZZ_CHECK(options_string_compose(text, sizeof(text), options, "none", "SHA1", NULL) > 0);
	FUZZ_CHECK(keyex_server_compose(msg, sizeof(msg), &server, text) > 0);
	FUZZ_CHECK(keyex_block_prf(block, m, &server, sid, sid) == 0);
	FUZZ_CHECK(keyex_slice(&key, block, 0, CIPHER_AES_256_GCM, DIGEST_SHA1) == 0);
	FUZZ_CHECK(keyex_slice(&key, block, 0, CIPHER_AES_256_CBC, DIGEST_SHA512) == 0);
	FUZZ_CHECK(keyex_slice(&key, block, 0, CIPHER_NONE, DIGEST_SHA256) == 0);
	FUZZ_CHECK(keyex_slice_epoch(&key, block, 0, CIPHER_AES_256_GCM) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct options_string options;
	struct peer_info peer;
	struct keyex_client m;

	if (keyex_client_parse(&m, data, len) < 0) {
		// Most inputs die there; the texts have parsers of their own.
		m.options = m.peer_info = (struct keyex_text){(const char *)data, len};
		if (len == 0)
			return 0;
	}
	peer_info_parse(&peer, m.peer_info.text, m.peer_info.len);
	options_string_parse(&options, m.options.text, m.options.len);
	check_printable(peer.ver, sizeof(peer.ver));
	check_printable(peer.plat, sizeof(peer.plat));
	check_printable(peer.gui_ver, sizeof(peer.gui_ver));
	check_printable(peer.ciphers, sizeof(peer.ciphers));
	check_printable(options.cipher, sizeof(options.cipher));
	check_printable(options.auth, sizeof(options.auth));
	check_push(&peer, &options);
	if (m.options.text != (const char *)data)
		answer(&m, &options);
	keyex_client_wipe(&m);
	return 0;
}
