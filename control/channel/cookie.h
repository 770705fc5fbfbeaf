// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The stateless cookie: the server's session id of its first reply is a MAC over the address of ours
// that was asked, client address, port, session id and time slot. Who returns it can be reached where it says it is; until then
// nothing is remembered. Pure. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/channel/session.h"

#define COOKIE_KEY_BYTES 32

struct cookie_key {
	uint8_t key[COOKIE_KEY_BYTES];
	uint32_t slot_s; // length of a time slot
	// Of the length before, and until when (Unix seconds) its cookies are taken.
	uint32_t former_slot_s;
	uint64_t former_until_s;
};

// A fresh random key; a cookie lives between two and three halves of hand_window_s. 0 or -EIO.
int cookie_key_init(struct cookie_key *k, uint32_t hand_window_s);
// Another hand_window_s from `unix_s` on. Cookies given out before live as long as they were given
// for; if that changes again within this time, only those of the last two lengths.
void cookie_key_set_window(struct cookie_key *k, uint32_t hand_window_s, uint64_t unix_s);
void cookie_key_wipe(struct cookie_key *k);

// 0 or -EIO. Never all zero.
int cookie_make(const struct cookie_key *k, uint64_t unix_s, const struct session_addr *local,
	const struct session_addr *client, const uint8_t client_sid[SESSION_ID_BYTES],
	uint8_t out[SESSION_ID_BYTES]);
// True if `cookie` was made for this client in this time slot or one of the two before.
bool cookie_is_valid(const struct cookie_key *k, uint64_t unix_s, const struct session_addr *local,
	const struct session_addr *client, const uint8_t client_sid[SESSION_ID_BYTES],
	const uint8_t cookie[SESSION_ID_BYTES]);
