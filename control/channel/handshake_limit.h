// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// How many first packets an endpoint answers: token buckets for all and per source prefix (IPv4
// /24, IPv6 /48), in a table of fixed size. Never asked about packets of a session. No clock of its
// own. Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/channel/session.h"

#define HANDSHAKE_LIMIT_PERIOD_MS 10000
#define HANDSHAKE_LIMIT_PREFIXES 1024
#define HANDSHAKE_LIMIT_UNPROVEN 10     // unproven sessions per prefix and period
#define HANDSHAKE_LIMIT_UNPROVEN_MAX 64 // and at a time, or a quarter of the half-open limit
#define HANDSHAKE_LIMIT_LOADED_COST 4   // tokens of the prefix for an answer while loaded

struct handshake_limit;

struct handshake_limit *handshake_limit_new(uint64_t now_ms); // NULL and errno
void handshake_limit_free(struct handshake_limit *l);         // accepts NULL
// Answers in a period: of the endpoint, to one prefix.
void handshake_limit_set(struct handshake_limit *l, uint32_t total, uint32_t prefix);

// Tells how full the endpoint is. Loaded from three quarters of the limit on, until below half of
// it. True: that has just changed.
bool handshake_limit_load(struct handshake_limit *l, uint32_t half_open, uint32_t limit);
bool handshake_limit_is_loaded(const struct handshake_limit *l);

// May this source be answered now? Takes the tokens.
bool handshake_limit_answer(
	struct handshake_limit *l, const struct session_addr *remote, uint64_t now_ms);
// It returned the cookie: what its answer had cost comes back.
void handshake_limit_proved(
	struct handshake_limit *l, const struct session_addr *remote, uint64_t now_ms);
// May it begin a session without a cookie, while `count` of those exist?
bool handshake_limit_unproven(struct handshake_limit *l, const struct session_addr *remote,
	uint32_t count, uint64_t now_ms);
