// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What an engine provides besides the functions of crypto.h (but crypto_init), aead.h and cbc.h.
// For crypto.c only.
#pragma once

// Picks the implementation for this CPU. 0, or -ENOTSUP, -ENOMEM with the cause in *why.
int crypto_engine_init(const char **why);
