// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The only writer of data-plane state: control's decisions become peers, key slots, endpoints and
// routes that workers see. Unpublished objects are freed by retire.c after a grace period, key
// slots wiped. Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/channel/session.h"
#include "dataplane/state.h"

struct publish;

struct publish *publish_new(struct dp *dp);
void publish_free(struct publish *p); // waits for the grace period: shutdown only
// Frees what every worker has let go of. From the event loop, every few milliseconds.
void publish_tick(struct publish *p);

// Frees a next hop that workers may still read. NULL is fine.
void publish_retire_nexthop(struct publish *p, const struct nexthop *old);

// Swaps in a new snapshot (ports, endpoints, gateways); takes ownership.
void publish_state(struct publish *p, struct dp_state *st);

// The lowest gateway id that no packet in flight can name, or -ENOSPC.
int publish_gateway_id_get(struct publish *p);
// The gateway is closed and in no snapshot, or never was in one: the id comes back after every ring
// has drained, with its counters at zero.
void publish_gateway_id_put(struct publish *p, uint16_t id);

struct publish_peer {
	uint16_t gateway;
	uint16_t vpn_domain;
	uint8_t local_id; // of local among the gateway's addresses
	struct session_addr local, remote;
	uint32_t link_nexthop; // NEXTHOP_KERNEL: through the kernel socket
	uint8_t vpn4[4], vpn6[16];
	uint16_t mss4;
	bool data_v1;
	enum framing framing;
	bool udp_csum_zero;
};

// Reserves a dense peer id that no packet in flight can still name. PROTO_PEER_ID_UNDEF: none.
uint32_t publish_peer_id_get(struct publish *p);
// Publishes a peer under a reserved id, without keys. 0 or -errno (then the id is given back).
int publish_peer_add(struct publish *p, uint32_t peer_id, const struct publish_peer *desc);
// A network behind the client: workers take what comes from it as the client's, and send it what is for
// it. 0, -ENOENT, -EEXIST (is another client's) or -ENOSPC. Before the peer goes its subnets must.
int publish_subnet_add(
	struct publish *p, uint32_t peer_id, uint8_t family, const uint8_t *addr, uint8_t len);
void publish_subnet_del(
	struct publish *p, uint32_t peer_id, uint8_t family, const uint8_t *addr, uint8_t len);
// Unpublishes peer and keys; the id comes back after every ring has drained.
void publish_peer_del(struct publish *p, uint32_t peer_id);
// The way to a peer.
struct publish_link {
	uint8_t local_id;
	struct session_addr local, remote;
	uint32_t nexthop;
	uint16_t path_mtu; // of links further on, 0: not known
};
// New outer header: an address, route or path MTU changed. 0,
// -ENOENT, -ENOMEM, -EEXIST (the address is another peer's of this gateway), -ENOSPC; on error
// nothing has changed.
int publish_peer_link(struct publish *p, uint32_t peer_id, const struct publish_link *to);

int publish_key_add(
	struct publish *p, uint32_t peer_id, const struct session_key *key, bool promote);
void publish_key_promote(struct publish *p, uint32_t peer_id, uint8_t key_id);
void publish_key_del(struct publish *p, uint32_t peer_id, uint8_t key_id);

// More keys for the epochs to come, of both slots; nothing to do for other formats. 0, or -ENOMEM,
// -EIO: try again later.
int publish_key_refill(struct publish *p, uint32_t peer_id);

// Has a live key of the peer sealed this packet id? With CBC: anything at all. Of the epoch format:
// the upper half of one.
bool publish_packet_sent(
	const struct publish *p, uint32_t peer_id, uint8_t key_id, uint32_t packet_id);

// What a key was used for so far. False: there is no such key.
struct publish_key_usage {
	bool gcm;                                              // a key that wears out
	uint64_t recv_pkts, send_pkts, recv_bytes, send_bytes; // bytes: UDP payload
	uint64_t recv_failed;            // tags that did not match; epoch format: most of one epoch
	uint16_t recv_epoch, send_epoch; // 0: not the epoch format
};
bool publish_key_usage(
	const struct publish *p, uint32_t peer_id, uint8_t key_id, struct publish_key_usage *out);

// Sends a plaintext message inside the data channel (keepalive). 0 or -ENOBUFS.
int publish_message(struct publish *p, uint32_t peer_id, const uint8_t *data, uint16_t len);

struct publish_peer_stats {
	uint64_t recv_age_ms, send_age_ms; // UINT64_MAX: never
	uint64_t in_pkts, in_bytes, out_pkts, out_bytes, link_in_bytes, link_out_bytes;
	uint64_t compressed_pkts;        // dropped for their framing
	uint16_t recv_epoch, send_epoch; // of the key that sends; 0: not the epoch format
	uint32_t generation;
	uint16_t link_mtu,
		path_mtu; // of the next hop; the smaller of it and what was learned. 0: the kernel's
	unsigned int worker;
	struct session_addr local; // address of ours that it talks to
};
bool publish_peer_stats(const struct publish *p, uint32_t peer_id, struct publish_peer_stats *out);
