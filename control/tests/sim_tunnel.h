// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The data channel of a simulated client, as far as pings need it: echo requests in an IPv4 packet
// of its tunnel address go out sealed, replies are opened and checked. No I/O.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/tests/sim_client.h"
#include "dataplane/aead.h"

#define SIM_TUNNEL_BYTES 256 // room for a sealed echo request

struct sim_tunnel {
	bool v2;          // the server pushed a peer id
	uint32_t peer_id; // if v2
	uint8_t key_id;
	uint32_t packet_id; // of the last packet sent
	uint8_t own4[4];
	uint8_t send_iv[PROTO_IMPLICIT_IV_BYTES], recv_iv[PROTO_IMPLICIT_IV_BYTES];
	struct aead_key send, recv;
	struct crypto *crypto;
};

// Of a connected client, with its newest key. False: it was given no address.
bool sim_tunnel_init(struct sim_tunnel *t, const struct sim_client *c, struct crypto *crypto);
// An echo request as a datagram; returns its length.
size_t sim_tunnel_echo(
	struct sim_tunnel *t, const uint8_t to[4], uint16_t seq, uint8_t out[SIM_TUNNEL_BYTES]);
// Opens a data packet of either format in place. Its text; NULL: not sealed with this key.
uint8_t *sim_tunnel_open(const struct sim_tunnel *t, uint8_t *data, size_t len, size_t *text_len);
// Is this opened packet the whole and sound reply to that echo request?
bool sim_tunnel_is_reply(const struct sim_tunnel *t, const uint8_t *text, size_t len,
	const uint8_t from[4], uint16_t seq);
