// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The whole running daemon: brings everything up in order, takes it down in reverse, reloads the
// configuration. main.c adds only command line and signals. Control thread only.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/half_open.h"
#include "control/conf/conf.h"
#include "control/gateway.h"

struct api;
struct capture;
struct stats;

struct node {
	struct conf *conf; // of the start; gateways keep what was reloaded
	struct ev_loop *loop;
	struct dp *dp;
	struct publish *publish;
	struct slowpath *slowpath;
	struct fabric *fabric;
	struct pool *pool;
	struct half_open_node half_open; // handshakes of all gateways
	struct api *api;
	struct capture *capture;
	struct stats *stats;
	struct client **client_by_peer;
	_Atomic(uint8_t) capture_flags[DP_GATEWAYS_MAX];
	struct gateway *gateways[DP_GATEWAYS_MAX]; // by id, NULL: free
	bool leaving[DP_GATEWAYS_MAX];             // clients are being told; closed when they know
	uint64_t leave_at_ms[DP_GATEWAYS_MAX];
	bool closed[DP_GATEWAYS_MAX]; // gone, but the workers' snapshot may still have it
	bool publish_again;           // the last snapshot could not be made
	ev_timer tick;
	uint64_t started_ms, stop_at_ms, state_version;
	uint64_t longest_pause_ms, last_tick_ms; // of this thread
	bool eal_up, lcores_up, stopping;
	uint64_t devices_gone; // of the punt thread, that were looked at
	uint32_t reloads;
};

// Takes ownership of conf. idle_workers: poll no port (test aid). NULL after one logged line.
struct node *node_start(struct conf *conf, bool idle_workers);
// Runs until node_shutdown() has finished.
void node_run(struct node *n);
// Tells clients, then ends the loop, two seconds later at most.
void node_shutdown(struct node *n);
void node_stop(struct node *n); // accepts a half-built node

// What a reload did, for the log and sluicectl: one line each.
#define NODE_REPORT_LINE_BYTES 1024
struct node_reload_report {
	bool ok;   // false: nothing was changed, text says why
	bool full; // text lacks lines, its last one says so: the log has them
	char error[NODE_REPORT_LINE_BYTES]; // the line of text that says why
	char text[4096];
};
void node_reload(struct node *n, struct node_reload_report *report);
// The same for sluicectl, which may ask for more.
enum {
	NODE_RELOAD_RESTART =
		1, // clients that cannot be told while they are connected must reconnect
	NODE_RELOAD_CHECK = 2, // says what would happen; nothing does
};
void node_reload_how(struct node *n, unsigned int how, struct node_reload_report *report);
// The part of it that names what only a restart can change; a function of its own for its test.
void reload_refuse_node_options(
	const struct conf *now, const struct conf *new, struct node_reload_report *report);

// For reload.c: what gateways stand on; a new snapshot for the workers (0 or -ENOMEM).
struct gateway_env node_gateway_env(struct node *n);
int node_publish(struct node *n);

struct gateway *node_gateway(const struct node *n, const char *name);
