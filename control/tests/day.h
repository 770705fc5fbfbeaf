// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A gateway through days of simulated time: client.c, gateway.c, sessions, publish.c and the pool
// are the product's own, and know nothing of it. What they stand on is replaced:
//   clocks     clock_gettime() and time() of the whole process, libev and OpenSSL included
//   sockets    endpoint_send(), and gateway.c's way in: a network that delays and loses
//   workers    publish_*() is watched, and says when a peer was last heard and spoken to; data
//              packets are their first byte, as in sim_world.h
// There is one day at a time. No test macros.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/gateway_priv.h"
#include "control/tests/sim_client.h"
#include "control/tests/test_pki.h"

#define DAY_CLIENTS 12
#define DAY_PEERS 32 // fewer than there are sessions in a day: ids must come back
#define DAY_LIVES 4096
#define DAY_PACKETS 256
#define DAY_S 1000ull
#define DAY_MIN (60 * DAY_S)
#define DAY_H (60 * DAY_MIN)

// The life of one data key in the data plane. Times: 0: has not happened.
struct day_life {
	unsigned int client, session; // which of the client's sessions
	uint64_t reset_ms;            // our first soft reset; 0: a first key
	bool by_client;               // which answered the client's
	uint64_t added_ms, promoted_ms, removed_ms;
	bool with_peer; // removed because the peer was
	bool told;      // EVENT_KEY_USED was sent
	struct session_key key;
};

struct day_client {
	struct sim_client_config cfg;
	struct sim_client *sim; // NULL: away
	struct session_addr addr;
	unsigned int index, loss_pct;
	uint64_t mute_ms, deaf_ms; // nothing it sends arrives before, nothing reaches it before
	uint64_t hold_ms;          // what it sends after its first packet is late by so much
	bool silent;               // sends no data
	uint64_t deaf_for_ms;      // deaf so long whenever a soft reset of ours is on its way
	void (*act)(struct day_client *c);
	uint64_t act_ms;  // when to call it, which clears this; 0: never
	uint64_t ping_ms; // its next keepalive

	// What the gateway has of it in the data plane.
	bool is_peer;
	uint32_t peer_id;
	uint8_t sending;
	struct day_life *lives[8]; // live, by key id
	uint64_t reset_ms[8];
	bool asked[8];               // its soft reset came before ours
	uint64_t recv_ms, send_ms;   // 0: never in this session
	unsigned int sessions, ends; // so far
	uint64_t came_ms, gone_ms;   // the last ones
	unsigned int pings;
	uint64_t gap_min_ms, gap_max_ms; // between two of the gateway's keepalives
	uint64_t resent_ms[16];          // when the newest soft reset was sent, first and again
	unsigned int resent_count;
};

struct day_packet {
	bool used, to_server;
	unsigned int client;
	uint64_t due_ms;
	size_t len;
	uint8_t data[2200];
};

struct day {
	uint64_t now; // CLOCK_MONOTONIC in milliseconds
	struct gateway *g;
	struct test_pki *pki;
	struct client *by_peer[DAY_PEERS];
	unsigned int client_of[DAY_PEERS];
	struct day_client clients[DAY_CLIENTS];
	struct tls_wrap_key *crypt;    // the clients' side
	struct tls_wrap_key *crypt_v2; // the same for tls-crypt-v2
	uint8_t wkc[TLS_CRYPT_V2_WKC_MAX];
	size_t wkc_len;
	struct day_packet packets[DAY_PACKETS];
	uint32_t random;
	unsigned int life_count, live_keys, live_peers;
	struct day_life lives[DAY_LIVES];
	unsigned int turns, data_sent, lost_up,
		lost_down;       // data for which the other end had no key
	unsigned int violations; // what must never be: three keys, keys that differ, a full book
};
extern struct day day;

// What conf_gateway has by default, with the day's certificates.
struct conf_gateway day_conf(struct test_pki *pki);
// Begins at `now`; ends. The environment needs the EAL, crypto_init() and certificates: ca, server,
// and of each client c0, c1, ...
void day_begin(struct test_pki *pki, const struct conf_gateway *conf, uint64_t now);
void day_end(void);
// From now on CLOCK_REALTIME is so much ahead of where it was when the day began.
void day_set_wall(int64_t ahead_s);

// A client that is there, as stock 2.6 with tls-crypt; change cfg and call day_join().
struct day_client *day_client(unsigned int index);
void day_join(struct day_client *c); // sends its first packet, from another port each time
void day_part(struct day_client *c); // without a word
bool day_is_up(const struct day_client *c);
// The gateway's session with it; NULL: none.
struct client *day_session(const struct day_client *c);

void day_run(uint64_t until_ms);
