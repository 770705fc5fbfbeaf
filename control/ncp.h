// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Choice of the data cipher: the first of the gateway's list that the client offers. Pure.
// [OpenVPN ssl_ncp.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/options_string.h"
#include "control/peer_info.h"
#include "dataplane/cipher.h"

// What a client is told that offers none of ours.
#define NCP_FAILURE_TEXT "AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)"

struct ncp_choice {
	enum cipher cipher;
	bool push;       // the client understands a pushed cipher
	const char *why; // "IV_CIPHERS", "IV_NCP=2", "cipher option"; static
};

// 0 or -ENOENT.
int ncp_choose(struct ncp_choice *choice, const enum cipher *ours, size_t ours_count,
	const struct peer_info *peer, const struct options_string *options);
