// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Choice of the data cipher and packet format: the first of the gateway's list that the client offers,
// for clients without a list also the fallback. No cipher, "none", only where they share no other.
// And of the framing: none, unless the client has compression in
// its configuration; then the one that costs least of those it knows, and never compression. Pure.
// [OpenVPN ssl_ncp.c, multi.c multi_client_connect_set_defaults]
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/channel/options_string.h"
#include "control/channel/peer_info.h"
#include "dataplane/cipher.h"
#include "dataplane/framing.h"

// What a client is told that offers none of ours.
#define NCP_FAILURE_TEXT "AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)"

struct ncp_offer {
	const enum cipher *ciphers; // in order of preference
	size_t count;
	enum cipher fallback; // CIPHER_COUNT: off
	enum digest digest;   // beside CBC ciphers and none; not negotiated
	bool epoch;           // the epoch format may be used
};

struct ncp_choice {
	enum cipher cipher;
	enum digest digest; // of a CBC cipher, or none
	bool push;          // the client understands a pushed cipher
	bool epoch;         // epoch format; else as cipher_format()
	enum framing framing;
	const char *why; // "IV_CIPHERS", "IV_NCP=2", "cipher option", "fallback_cipher"; static
};

// 0 or -ENOENT.
int ncp_choose(struct ncp_choice *choice, const struct ncp_offer *ours,
	const struct peer_info *peer, const struct options_string *options);

// Name of the choice's digest; NULL: the cipher needs none.
const char *ncp_digest_name(const struct ncp_choice *choice);
// True if the client names another digest than ours, which the cipher needs: it will understand nothing.
bool ncp_digest_differs(const struct ncp_choice *choice, const struct options_string *options);
