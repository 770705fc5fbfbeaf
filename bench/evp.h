// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The reference of bench_crypto: the same operations through OpenSSL's EVP, one context, one key
// (changing keys costs OpenSSL a key expansion, which would flatter the engine).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/aead.h"
#include "dataplane/cbc.h"

struct evp;

// Aborts when OpenSSL fails, as all of these: no figure is better than a wrong one. digest: CBC.
struct evp *evp_new(enum cipher cipher, enum digest digest, bool seal);
void evp_free(struct evp *e);
// An AEAD or CBC operation as the engine's; of CBC the IV costs nothing here.
void evp_aead(struct evp *e, const struct aead_op *op);
void evp_cbc(struct evp *e, const struct cbc_op *op);
