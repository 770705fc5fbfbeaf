// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The ways of wrapping that a gateway accepts at once: loaded from its key files, read-only
// afterwards. Finds the one that fits a first packet. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/conf.h"
#include "control/tls_wrap.h"

// All NULL: packets are not wrapped, and only then.
struct tls_wrap_set {
	struct tls_wrap_key *crypt, *auth;
};

// Reads the key files of a gateway. 0, or -errno with one line in err; then the set is empty.
int tls_wrap_set_load(
	struct tls_wrap_set *set, const struct conf_gateway *gw, char *err, size_t err_bytes);
void tls_wrap_set_fini(struct tls_wrap_set *set); // a zeroed one is fine
// "tls-crypt, tls-auth"; "none".
#define TLS_WRAP_SET_TEXT_BYTES 48
const char *tls_wrap_set_text(const struct tls_wrap_set *set, char out[TLS_WRAP_SET_TEXT_BYTES]);

// Unwraps a first packet by trial: at most two of them. Returns the length written and gives a
// reference to the key that fits (NULL: not wrapped); -EBADMSG: none fits, drop silently;
// -EMSGSIZE.
int tls_wrap_set_open(const struct tls_wrap_set *set, const uint8_t *wire, size_t len, uint8_t *out,
	size_t room, struct tls_wrap_key **key);
