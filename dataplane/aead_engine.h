// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What an engine provides besides aead_engine_name(), aead_key_init(), aead_seal_burst() and
// aead_open_burst() of aead.h. For aead.c only.
#pragma once

// Picks the implementation for this CPU. 0, or -ENOTSUP, -ENOMEM with the cause in *why.
int aead_engine_init(const char **why);
