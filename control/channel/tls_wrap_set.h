// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The ways of wrapping that a gateway accepts at once: loaded from its key files, read-only
// afterwards. Finds the one that fits a first packet. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/conf/conf.h"
#include "control/channel/tls_crypt_v2.h"
#include "control/channel/tls_wrap.h"

// All NULL: packets are not wrapped, and only then.
struct tls_wrap_set {
	struct tls_crypt_v2 *v2;
	struct tls_wrap_key *crypt, *auth;
	uint32_t v2_max_age_s;
	bool v2_cookie_required;
};

// Reads the key files of a gateway. 0, or -errno with one line in err; then the set is empty.
int tls_wrap_set_load(
	struct tls_wrap_set *set, const struct conf_gateway *gw, char *err, size_t err_bytes);
void tls_wrap_set_fini(struct tls_wrap_set *set); // a zeroed one is fine
// "tls-crypt-v2, tls-crypt, tls-auth"; "none".
#define TLS_WRAP_SET_TEXT_BYTES 64
const char *tls_wrap_set_text(const struct tls_wrap_set *set, char out[TLS_WRAP_SET_TEXT_BYTES]);

// Unwraps a first packet by trial: a packet that carries a client key with that one, others with at
// most two. Returns the length written and gives a reference to the key that fits (NULL: not
// wrapped). All errors mean to drop silently: -EBADMSG: none fits; -EPROTO, -EKEYEXPIRED: metadata
// not known, key too old; -EMSGSIZE; -ENOMEM.
int tls_wrap_set_open(const struct tls_wrap_set *set, uint64_t unix_s, const uint8_t *wire,
	size_t len, uint8_t *out, size_t room, struct tls_wrap_key **key);
