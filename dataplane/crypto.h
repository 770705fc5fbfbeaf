// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The crypto engine as a whole: start, name, and what each thread needs of it. What it does is in
// aead.h and cbc.h. Nothing above these headers knows which engine runs: ipsec_mb.c.
#pragma once

// One thread's state of the engine: the queue in which jobs of a burst are brought together. Empty
// between bursts.
struct crypto;

// Once per process before anything else of the engine, main thread. Chooses the best implementation
// for the CPU and runs known-answer tests on it. Returns 0, -ENOTSUP (no AES-NI/PCLMUL: *why says
// what is missing), -ENOMEM, -EIO (self-test failed).
int crypto_init(const char **why);

// "AVX512 (VAES)" or the like, for the log.
const char *crypto_engine_name(void);

// Before the thread that will use it runs. NULL: no memory. crypto_free accepts NULL.
struct crypto *crypto_new(void);
void crypto_free(struct crypto *c);
