// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// For tests of a gateway's clients: a gateway without sockets and devices, and what clients begin
// at it, from 198.51.x.y. One at a time; the caller makes pki first.
#pragma once

#include "control/gateway_priv.h"
#include "control/tests/test_pki.h"

#define PEERS 24 // an id comes back only when workers have drained

extern struct dp *dp;
extern struct worker *worker;
extern struct gateway *g;
extern struct gateway_settings *settings;
extern struct client *by_peer[PEERS];
extern struct test_pki *pki;

// Others than those of the set-up, but the same. The caller puts them.
struct gateway_settings *client_bed_settings(void);

void client_bed_set_up(void);
void client_bed_tear_down(void);

struct client_key client_bed_key(uint8_t third, uint8_t last);
// NULL: no room.
struct client *client_bed_begin_at(uint8_t third, uint8_t last);
// From 198.51.100.last.
struct client *client_bed_begin(uint8_t last);
// NULL: there is none.
struct client *client_bed_client(uint8_t third, uint8_t last);
