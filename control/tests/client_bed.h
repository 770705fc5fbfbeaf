// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// For tests of a gateway's clients: a gateway without sockets and devices, and what clients begin
// at it, from 198.51.x.y. One at a time, inside of client_bed_run().
#pragma once

#include "control/gateway_priv.h"
#include "control/tests/test_pki.h"
#include "dataplane/tests/harness.h"

#define PEERS 32 // an id comes back only when workers have drained

extern struct dp *dp;
extern struct worker *worker;
extern struct gateway *g;
extern struct gateway_settings *settings;
extern struct client *by_peer[PEERS];
extern struct test_pki *pki;

// Runs the tests with EAL, engine and certificates; the exit status.
int client_bed_run(const char *suite, const struct harness_test *tests);

// gw1 at 192.0.2.1, clients in 10.8.0.0/24, two at most.
struct conf_gateway client_bed_conf(void);
// Of a configuration whose files are those of pki. The caller puts them, or gives them away.
struct gateway_settings *client_bed_settings(const struct conf_gateway *conf);

// Takes the settings.
void client_bed_set_up(struct gateway_settings *with);
void client_bed_tear_down(void);

struct client_key client_bed_key(uint8_t third, uint8_t last);
// NULL: no room.
struct client *client_bed_begin_at(uint8_t third, uint8_t last);
// From 198.51.100.last.
struct client *client_bed_begin(uint8_t last);
// NULL: there is none.
struct client *client_bed_client(uint8_t third, uint8_t last);
