// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A simulated OpenVPN client: the other end of session.h, made of the same wire modules and
// OpenSSL's client side. No sockets, no clock, no test macros: datagrams and the time go in,
// datagrams come out through a callback, what happened is in its state.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/session.h"
#include "control/channel/tls_wrap.h"

struct sim_client;

struct sim_client_config {
	const char *ca, *cert, *key; // PEM files
	struct tls_wrap_key *wrap;   // the client's side; NULL: none
	const uint8_t *wkc;          // wrapped client key of tls-crypt-v2; NULL: none
	size_t wkc_len;
	bool wkc_once;         // as 2.5: cannot send it again
	bool wkc_empty;        // sends it again before there is TLS to send
	uint32_t iv_proto;     // 0: not said
	const char *peer_info; // further lines, "IV_CIPHERS=AES-256-GCM\n"; NULL: none
	const char *options;   // options string; NULL: a usual one
	int tls_max;           // TLS1_2_VERSION ...; 0: any
	bool no_push_request;
	bool acks_once;       // as clients up to 2.5: no ack is repeated
	uint16_t chunk_bytes; // of TLS in one packet; 0: 1100, which is the most
	uint64_t defer_ms;    // sends on the old key so long after a soft reset
	void (*send)(void *arg, const uint8_t *data, size_t len);
	void *arg;
};

struct sim_client_state {
	bool connected; // PUSH_REPLY read, data keys derived
	bool failed;    // TLS has failed
	char error[128];
	uint8_t key_id;         // newest
	unsigned int exchanges; // key exchanges that are complete
	bool ekm;
	char push[16384];          // all parts, one after another
	unsigned int push_replies; // complete ones
	unsigned int push_parts;
	char update[16384]; // likewise of PUSH_UPDATE
	unsigned int update_parts;
	unsigned int messages;    // control strings that are neither
	char message[512];        // the last of them
	bool asked_wkc;           // the server's reset asked for the client key
	bool dynamic;             // dynamic tls-crypt is in use
	unsigned int bad_records; // records that were not exactly one message
};

// Sends the first packet. NULL on error.
struct sim_client *sim_client_new(const struct sim_client_config *cfg, uint64_t now_ms);
void sim_client_free(struct sim_client *c);
void sim_client_input(struct sim_client *c, const uint8_t *data, size_t len, uint64_t now_ms);
void sim_client_tick(struct sim_client *c, uint64_t now_ms);
uint64_t sim_client_next_tick(const struct sim_client *c);

// Starts a renegotiation. False: not now.
bool sim_client_renegotiate(struct sim_client *c, uint64_t now_ms);
// One record with these bytes; for a control string give its NUL as well.
void sim_client_say(struct sim_client *c, const void *data, size_t len, uint64_t now_ms);
// Identity of handshakes from now on. 0 or -EINVAL.
int sim_client_set_cert(struct sim_client *c, const char *cert, const char *key);

const struct sim_client_state *sim_client_state(const struct sim_client *c);
const uint8_t *sim_client_sid(const struct sim_client *c);
// Zeros before the server's first reply.
const uint8_t *sim_client_server_sid(const struct sim_client *c);
// Data keys, send and recv as the client uses them. NULL: not (or no longer) there.
const struct session_key *sim_client_key(const struct sim_client *c, uint8_t key_id);
// The key it sends with now; NULL before the first.
const struct session_key *sim_client_send_key(const struct sim_client *c, uint64_t now_ms);
