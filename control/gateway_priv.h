// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Shared by gateway.c (life, endpoint, settings) and client.c (admission, keys, timers) and client_link.c
// (the way to a client), gateway_tun.c (TUN device), gateway_reload.c (what a reload
// means to clients).
#pragma once

#include <uthash.h>

#include "control/channel/cookie.h"
#include "control/endpoint.h"
#include "control/channel/first_packet.h"
#include "control/gateway.h"
#include "control/half_open.h"
#include "control/channel/handshake_limit.h"
#include "control/ippool.h"
#include "control/pmtu.h"
#include "control/pool.h"
#include "control/channel/tls.h"
#include "control/channel/tls_wrap_set.h"
#include "dataplane/bucket.h"

// A configuration in force, shared by the sessions that began under it.
struct gateway_settings {
	struct conf_gateway conf;
	struct tls_context *tls;
	struct tls_wrap_set wrap;
	struct session_config session;
	uint32_t refs;
};

// How a datagram finds its session. Hashed as bytes: no padding, unused bytes zero.
struct client_key {
	uint8_t addr[16];
	uint16_t port_be;
	uint8_t family;
	uint8_t local_id; // address of ours that it talks to
	uint8_t reserved[4];
	uint8_t sid[SESSION_ID_BYTES];
};
static_assert(sizeof(struct client_key) == 32, "client_key: no padding");

// A step of a handshake in the pool.
struct tls_step {
	struct pool_job job;
	struct client *client; // NULL: gone, or no longer waiting
	struct tls_conn *conn;
	int result;
};

struct client {
	struct gateway *gw;
	struct gateway_settings *settings;
	const struct conf_client *options; // its own, of settings; NULL: none
	struct session *session;
	struct tls_step *step; // under way; NULL: none
	struct client_key key;
	UT_hash_handle by_key;
	ev_timer timer;
	bool admitted;        // holds a peer, an address and a place among the connected
	bool unproven;        // counted in gateway.unproven_count
	bool behind;          // the gateway has other settings than it was told: is to be told
	uint64_t catch_up_ms; // then
	struct half_open_entry handshake; // until admitted
	uint32_t peer_id;
	uint64_t float_bucket;          // address changes, milliseconds
	uint64_t occ_bucket;            // answers to option requests, milliseconds
	uint64_t epoch_bucket;          // refills of epoch keys, milliseconds
	struct client_subnets *subnets; // behind it, that are routed to it now; NULL: none
	uint32_t pool_entry;            // IPPOOL_NONE: all its addresses are its own
	uint64_t pinged_ms;             // when the worker was last given a keepalive to send
	struct pmtu pmtu;               // to its outside address
	char common_name[SESSION_CN_BYTES];
	struct client *name_prev, *name_next; // admitted clients of one name
};

// Admitted clients of one common name.
struct client_name {
	char name[SESSION_CN_BYTES];
	struct client *first;
	UT_hash_handle hh;
};

// One of a gateway's outside addresses; its index is its local_id.
struct gateway_local {
	struct gateway *gw; // NULL: not in use
	struct session_addr addr;
	struct endpoint *endpoint;
	bool in_slowpath, steered;
	bool pending; // of a reload that is not in force yet
	bool leaving; // clients were told to go: nobody new
	uint64_t leave_at_ms;
};

struct gateway {
	struct gateway_env env;
	uint16_t id;
	struct gateway_settings *settings; // for the next session
	struct gateway_local locals[DP_LOCALS_MAX];
	uint16_t vpn_domain, link_domain;
	uint16_t tun_mtu;
	uint16_t link_mtu; // smallest of the outside when it was opened; 0: not known
	int tun_fd, tun_ifindex;
	ev_timer tun_retry; // after somebody deleted the device
	double tun_retry_s;
	bool leaving; // clients were told to go: nobody new
	struct ippool *pool;
	struct cookie_key cookie;
	struct handshake_limit *limit;
	struct client *clients; // by client_key
	struct client_name *names;
	struct half_open half_open; // who has not been admitted: still at it, or refused
	uint32_t session_count, admitted_count;
	uint32_t unproven_count; // of the half open
	uint64_t floats, floats_refused;
	uint64_t admitted_total, refused_total, first_packets;
	uint64_t half_open_dropped, half_open_evicted;
	uint64_t first_drops[FIRST_PACKET_DROP_COUNT];
	uint64_t too_big_learned, too_big_ignored, pmtu_bucket;
};

// client.c
extern const struct session_ops client_session_ops;
// A session whose cookie was valid. NULL: no memory, or too many handshakes, which is counted.
struct client *client_new(struct gateway *g, const struct session_addr *remote,
	const struct client_key *key, const struct session_start *start);
void client_free(struct client *c);
// Handshakes under way at once, beside the connected clients.
uint32_t gateway_half_open_limit(const struct gateway *g);
// After any call into the session: frees it when it is over, else sets the timer.
void client_settle(struct client *c);

// client_usage.c: renegotiates when the newest key has been used for as much as it may. A key's last
// eighth takes ten seconds and more at 100 Gbit/s, so looking so often is enough. Keys of the epoch
// format do not wear out; they get more keys for the epochs to come.
#define CLIENT_USAGE_CHECK_MS 10000
void client_usage_check(struct client *c, uint64_t now_ms);

// client_lease.c: addresses and peer. On refusal nothing is held.
enum session_verdict client_lease_take(
	struct client *c, const char *name, struct session_lease *lease);
void client_lease_give_back(struct client *c);
// Inside ports give the workers what is for its addresses, or no longer.
void client_steer(struct client *c, const struct session_lease *lease, bool add);

// client_subnets.c. Takes back what `own` does not name (NULL: all); routes what it names and is not yet.
void client_subnets_trim(struct client *c, const struct conf_client *own);
void client_subnets_fill(struct client *c, const struct conf_client *own);
// The TUN device was made again: the kernel's routes went with the old one.
void gateway_subnets_restore(struct gateway *g);

// client_options.c: older sessions of its name make place for it.
bool client_is_alone(const struct client *c);
// Keeps what the settings give to single clients from others.
void gateway_addresses_reserve(struct gateway *g);
// After a reload: ends sessions of clients that are disabled, or have what is another's now.
void gateway_clients_apply(struct gateway *g);

// gateway_reload.c: a client that began under settings of before, now that it is connected.
void client_catch_up(struct client *c);

// client_link.c
void client_link_update(struct client *c);
// The admitted client at an outside address and port that talks to this address of ours, NULL: none.
// There is only one.
struct client *client_at_address(
	const struct gateway *g, uint8_t local_id, const struct session_addr *remote);
// client_float.c: the client's newest authentic packet came from there, to this address of ours.
void client_float(struct client *c, const struct session_addr *to, uint8_t local_id);
// client_occ.c: the client asked for the options string inside the data channel.
void client_occ_reply(struct client *c);
uint32_t client_link_nexthop(const struct gateway *g, const struct session_addr *remote);
// Publishes the way to a client. 0 or -errno, see publish_peer_link().
int client_link_publish(
	struct client *c, const struct session_addr *remote, uint8_t local_id, uint16_t path_mtu);
// Forgets a path MTU that is old enough, so that larger packets are tried again.
void client_link_age(struct client *c, uint64_t now_ms);

// gateway.c: a control packet that came to the endpoint of `arg`, a struct gateway_local.
void gateway_input(void *arg, const struct session_addr *remote, const uint8_t *data, size_t len);
// IP, UDP and data header of P_DATA_V2.
uint16_t gateway_outer_overhead(uint8_t family);

// gateway_local.c, beside what gateway.h has.
uint8_t gateway_local_id(const struct gateway_local *l);
void gateway_locals_close(struct gateway *g);
// NULL: none, or one that takes no new clients.
const struct gateway_local *gateway_local_in_use(const struct gateway *g, uint8_t local_id);
bool gateway_is_local(const struct gateway *g, const struct session_addr *addr);

// gateway_tun.c
void gateway_tun_init(struct gateway *g); // before anything can fail
// The TUN device with the gateway's own addresses, served by the punt thread. 0 or -errno, logged.
int gateway_tun_open(struct gateway *g);
void gateway_tun_close(struct gateway *g);

void gateway_settings_put(struct gateway_settings *s);
