// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The options string ("OCC") that both sides send in their key messages:
// "V4,dev-type tun,link-mtu 1549,...,cipher AES-256-GCM,auth SHA1,keysize 128,key-method 2,tls-client".
// Only its cipher and whether it says compression or fragment mean anything. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_wrap_key;

#define OPTIONS_STRING_BYTES 512

struct options_string {
	char cipher[32]; // as spelled; "": none named; "none" for [null-cipher]
	char auth[32];
	uint16_t link_mtu, keysize; // 0: not said
	bool comp_lzo;              // compression in the client's configuration, of whatever kind
	bool mtu_dynamic;           // fragment
	bool dev_tap;
};

// Ends at `len` or the first NUL; unprintable items are skipped. Never fails.
void options_string_parse(struct options_string *o, const char *text, size_t len);
// The server's, in answer to the client's. 2.5 and older warn of every word that differs from what
// they expect, so what is only a number of theirs, or decided otherwise, is said as they said it.
// cipher: of the data channel, NULL where PUSH_REPLY names it; digest: beside a CBC cipher, or NULL.
// wrap: words about tls-auth, if it is of that kind. Returns the length without NUL or -EMSGSIZE.
int options_string_compose(char *out, size_t room, const struct options_string *client,
	const char *cipher, const char *digest, const struct tls_wrap_key *wrap);
