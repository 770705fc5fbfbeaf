// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One tenant's VPN gateway: its endpoint, TUN device, address pool, TLS context and clients. Admits
// and retires clients, moves their keys to the data plane, applies a changed configuration.
// Control thread only.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/conf/conf.h"
#include "control/fabric.h"
#include "control/publish.h"
#include "control/channel/session.h"
#include "control/endpoint.h"
#include "control/slowpath.h"
#include "dataplane/event.h"

struct client;
struct gateway;
struct half_open_node;
struct pool;
struct tls_wrap_set;

// What gateways stand on; outlives them.
struct gateway_env {
	struct ev_loop *loop;
	struct dp *dp;
	struct publish *publish;
	struct slowpath *slowpath;
	struct fabric *fabric;
	struct pool *pool;                // takes the steps of TLS handshakes
	struct half_open_node *half_open; // handshakes of all gateways; NULL: no bound
	struct client **client_by_peer;   // [dp->peers->size], for events of workers
	_Atomic(uint8_t) *capture;        // [dp->gateways_max], what workers copy for sluicectl
};

// Opens sockets and TUN device and listens. NULL and errno after one logged line.
struct gateway *gateway_open(
	const struct gateway_env *env, const struct conf_gateway *gw, uint16_t id);
// Closes without a word to clients (gateway_restart_clients() before, where they should know).
void gateway_close(struct gateway *g);

// Options that need a new gateway (port, namespaces, tunnel addresses, TUN device, MTU): puts g's value
// into gw for the next one that differs, from *next (0 at first) on, and returns its name. NULL: no
// more of them, what is left in gw can be put in force.
const char *gateway_keep_fixed(
	const struct gateway *g, struct conf_gateway *gw, unsigned int *next);
// A configuration for sessions to come, loaded completely (files read) but not yet in force.
// NULL on error, with one line in err: file, line, column, gateway, option, what is wrong.
struct gateway_settings;
struct gateway_settings *gateway_settings_load(
	const struct conf_gateway *gw, char *err, size_t err_bytes);
// The reload that brought them: before they are put in force.
void gateway_settings_number(struct gateway_settings *s, uint32_t reload);
void gateway_settings_drop(struct gateway_settings *s);
const struct conf_gateway *gateway_settings_conf(const struct gateway_settings *s);
// Puts it in force; takes ownership. Running sessions keep what they negotiated.
void gateway_settings_apply(struct gateway *g, struct gateway_settings *s);

// What new settings mean to the clients that are connected.
struct gateway_reload {
	// In.
	bool only_ask; // nothing is done
	bool restart;  // who cannot be told while it is connected is to connect again
	// Out.
	unsigned int told;    // clients that take all of it while they are connected
	unsigned int later;   // that keep some of the old settings, or are to connect again
	unsigned int named;   // of them in `who`
	unsigned int updates; // to be sent; the first hundred at once, the others soon
	char who[512]; // the latter, with what changed: "alice (ping), bob (route, dns), 7 more"
};
// Before gateway_settings_apply() to ask, behind it to tell.
void gateway_reload_clients(
	struct gateway *g, const struct gateway_settings *s, struct gateway_reload *r);
// What it will mean for the clients that are connected.
struct gateway_client_changes {
	uint32_t subnets;  // get or lose subnets at once
	uint32_t later;    // have other options of their own from their next connection on
	uint32_t disabled; // will be disconnected
	uint32_t moved;    // have to connect again: their address will be another client's
};
void gateway_client_changes(const struct gateway *g, const struct gateway_settings *to_come,
	struct gateway_client_changes *out);

// Tells every client to reconnect (RESTART), lets the sessions end and admits nobody new.
void gateway_restart_clients(struct gateway *g, const char *message);
// Sessions that still have something to say.
uint32_t gateway_session_count(const struct gateway *g);

// Data plane's view of it, for the next snapshot.
void gateway_fill_state(const struct gateway *g, struct dp_gateway *out);
unsigned int gateway_dp_endpoints(const struct gateway *g, struct dp_endpoint out[DP_LOCALS_MAX]);

// Outside addresses, of a new gateway or for a reload. First what can fail: opens those of gw that g
// does not have. 0 or -errno, logged; then, or if the reload comes to nothing, _drop() closes them.
int gateway_locals_plan(struct gateway *g, const struct conf_gateway *gw);
void gateway_locals_drop(struct gateway *g);
// After gateway_settings_apply(): those of its configuration are in force, the clients of others are
// told to go. Says each change (say may be NULL). Then node_publish().
typedef void (*gateway_say_fn)(void *arg, const char *text);
void gateway_locals_apply(struct gateway *g, gateway_say_fn say, void *arg);
// Closes addresses whose clients have gone, or had their time. True: the snapshot must follow.
bool gateway_locals_leave(struct gateway *g, uint64_t now_ms);
// An address of gw that g has open, be it only for the clients that still say goodbye; NULL: none.
const char *gateway_locals_clash(
	const struct gateway *g, const struct conf_gateway *gw, char text[SESSION_ADDR_TEXT_BYTES]);

// Routes of a domain moved: look up the way to each client again.
void gateway_routes_changed(struct gateway *g, uint16_t domain);
// A worker's event about one of our clients.
void gateway_event(struct client *c, const struct event *ev);

// A device of the punt thread was deleted: makes the TUN device again if it was this gateway's.
void gateway_tun_check(struct gateway *g);
// A router says that one of our datagrams is too large. Only believed if it quotes a packet that was
// sent to a client.
void gateway_too_big(struct gateway *g, uint8_t local_id, const struct icmp_too_big *r);

// For status.
const struct conf_gateway *gateway_conf(const struct gateway *g);
uint16_t gateway_id(const struct gateway *g);
// Addresses it listens on; returns how many.
unsigned int gateway_locals(const struct gateway *g, const struct session_addr *out[DP_LOCALS_MAX]);
const struct tls_wrap_set *gateway_wrap(const struct gateway *g); // of sessions to come
struct gateway_totals {
	uint32_t clients;                // connected
	uint32_t handshakes;             // not yet
	uint64_t floats, floats_refused; // address changes of clients
	uint64_t admitted, refused, first_packets;
	const uint64_t *first_drops; // by enum first_packet_drop
	uint64_t half_open_dropped;  // handshakes not begun: too many, from this source too
	uint64_t half_open_evicted;  // ended for one from another source
	uint64_t too_big_learned, too_big_ignored; // ICMP about our datagrams
	uint32_t pool_capacity, pool_used;
};
void gateway_totals(const struct gateway *g, struct gateway_totals *out);
typedef void (*gateway_client_fn)(
	void *arg, struct session *s, const struct publish_peer_stats *stats);
void gateway_each_client(struct gateway *g, gateway_client_fn fn, void *arg);
// Acts on connected clients whose common name is `name`; returns how many.
unsigned int gateway_kill_client(struct gateway *g, const char *name, const char *message);
unsigned int gateway_renegotiate_client(struct gateway *g, const char *name);
// A control string for them, "INFO,..."; 0, or why one did not get it (session_say()).
unsigned int gateway_say_client(
	struct gateway *g, const char *name, const char *message, int *error);
