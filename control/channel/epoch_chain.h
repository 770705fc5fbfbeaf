// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Key schedule of the epoch data format: from a secret of 32 bytes per direction one key and IV after
// another, forwards only. Pure. Secrets are the caller's to wipe. [OpenVPN crypto_epoch.c; the
// expansion is HKDF-Expand-Label of RFC 8446, 7.1 with the prefix "ovpn "]
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/proto.h"

#define EPOCH_SECRET_BYTES 32

struct epoch_chain {
	uint16_t epoch; // of the secret; the first is 1
	uint8_t secret[EPOCH_SECRET_BYTES];
};

void epoch_chain_init(struct epoch_chain *c, const uint8_t secret[EPOCH_SECRET_BYTES]);
// On to the next epoch. 0, -ERANGE (there is none), -EIO; on error nothing has changed.
int epoch_chain_next(struct epoch_chain *c);
// Key (key_len bytes) and IV of the chain's epoch. 0 or -EIO.
int epoch_chain_key(
	const struct epoch_chain *c, uint8_t *key, size_t key_len, uint8_t iv[PROTO_NONCE_BYTES]);

// The expansion alone, with an empty context. 0, -EINVAL (label or output too long) or -EIO.
int epoch_expand_label(
	const uint8_t secret[EPOCH_SECRET_BYTES], const char *label, uint8_t *out, size_t len);
