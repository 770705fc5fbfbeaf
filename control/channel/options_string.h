// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The options string ("OCC") that both sides send in their key messages:
// "V4,dev-type tun,link-mtu 1549,...,cipher AES-256-GCM,auth SHA1,keysize 128,key-method 2,tls-client".
// Only its cipher and whether it says compression or fragment mean anything. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct tls_wrap_key;

#define OPTIONS_STRING_BYTES 512

struct options_string {
	char cipher[32]; // as spelled; "": none named; "none" for [null-cipher]
	char auth[32];
	bool comp_lzo;    // compression in the client's configuration, of whatever kind
	bool mtu_dynamic; // fragment
	bool dev_tap;
};

// Ends at `len` or the first NUL; unprintable items are skipped. Never fails.
void options_string_parse(struct options_string *o, const char *text, size_t len);
// The server's. cipher NULL: not named; auth NULL: SHA1, as a server has it that nobody told.
// comp_lzo as the client said, which silences old clients; so do the words about tls-auth, if wrap
// is of that kind. Returns the length without NUL or -EMSGSIZE.
int options_string_compose(char *out, size_t room, const char *cipher, const char *auth,
	bool comp_lzo, const struct tls_wrap_key *wrap);
