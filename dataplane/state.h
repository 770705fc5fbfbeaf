// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Everything workers share. struct dp is made once at start; struct dp_state is the immutable
// snapshot of ports, endpoints and gateways that control rebuilds and exchanges as a whole.
// Control is the only writer of all of it; workers report quiescent once per loop turn and keep no
// pointer across turns. See docs/state.md.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/counters.h"
#include "dataplane/fib.h"
#include "dataplane/iroute.h"
#include "dataplane/peer.h"
#include "drivers/port.h"

#define DP_GATEWAYS_MAX 1024
#define DP_LOCALS_MAX 16 // outside addresses of a gateway, with those that are leaving
#define DP_WORKERS_MAX 32
#define DP_VLANS 4096
#define DP_NO_DOMAIN UINT16_MAX
#define DP_MBUF_DATA_BYTES 2304 // what most nodes need

// A gateway as the workers see it. Index = gateway id, stable for the gateway's life.
struct dp_gateway {
	bool active;
	bool fast_path;        // off: everything inner goes through the TUN device
	bool client_to_client; // else what one client sends to another is dropped
	bool copy_dscp;        // inner to outer header; never back (RFC 2983, pipe model)
	bool ecn_compat;       // outer Not-ECT: RFC 6040 compatibility mode, else normal mode
	uint16_t vpn_domain;   // inside
	uint16_t link_domain;  // outside
	uint16_t tun_mtu;      // inner packets above go to the kernel
	rte_be32_t self4_be;   // the gateway's own tunnel addresses; 0 / zeros: none
	uint8_t self6[16];
	_Atomic(uint8_t) *capture; // CAPTURE_* bits, see capture.h
};

struct dp_port {
	const struct port *port;     // NULL: unused id
	uint16_t domain;             // of untagged frames
	const uint16_t *vlan_domain; // [DP_VLANS], DP_NO_DOMAIN where unused; NULL: no VLANs
	bool link_side, vpn_side;
	bool complete_csum; // frames may carry unfinished checksums (veth, virtio)
	bool has_exception; // frames that are not ours go to PUNT_TO_EXCEPTION; else dropped
	bool udp_csum_offload, ip_csum_offload;
};

// Open addressing, built by control, never changed after publication.
struct dp_endpoint {
	uint8_t addr[16]; // IPv4 in the first four bytes, rest zero
	rte_be16_t port_be;
	uint16_t domain;
	uint8_t family;   // 4, 6; 0: empty slot
	uint8_t local_id; // which of the gateway's addresses, below DP_LOCALS_MAX
	uint16_t gateway;
};

struct dp_state {
	uint64_t version;
	struct dp_port ports[PKT_PORT_MAX];
	uint32_t endpoint_mask; // table size - 1
	struct dp_endpoint *endpoints;
	uint16_t gateway_count;
	struct dp_gateway gateways[]; // gateway_count
};

// Who listens on the address, or NULL. Valid as long as st.
const struct dp_endpoint *state_endpoint_lookup(const struct dp_state *st, uint16_t domain,
	uint8_t family, const uint8_t *addr, rte_be16_t port_be);
// Builds the table from a list; the result is owned by st and replaces an earlier one, so only
// before publication. 0, -ENOMEM, -EEXIST (duplicate) or -EINVAL (family).
int state_endpoints_set(struct dp_state *st, const struct dp_endpoint *list, uint32_t n);
// All zero, no endpoints. NULL and errno.
struct dp_state *state_new(uint16_t gateway_count);
// Frees the endpoints too; what ports and gateways point to is not the state's. Accepts NULL.
void state_free(struct dp_state *st);

struct worker;
struct rte_mempool;
struct rte_ring;

struct dp {
	_Atomic(struct dp_state *) state;
	struct rte_rcu_qsbr *qsbr;
	struct peer_table *peers;
	struct iroute *iroute;
	struct fib *fib;
	struct rte_mempool *pool; // every mbuf of ports, punt and inject; private area = struct pkt
	struct rte_ring *punt;    // workers -> punt thread, multi-producer single-consumer
	struct rte_ring *capture; // workers -> capture writer
	_Atomic(uint32_t) punt_done; // packets of the punt ring the punt thread is done with
	uint32_t subnets_max;
	uint16_t gateways_max;
	uint16_t worker_count;
	struct worker *workers[DP_WORKERS_MAX];
};

struct dp_limits {
	uint32_t peers_max;
	uint32_t subnets_max; // behind clients
	uint32_t routes_max;
	uint16_t gateways_max;
	uint16_t worker_count;
	uint16_t port_queues;     // queues of all ports together; 0: one port each side
	uint32_t mbufs;           // 0: computed from the rest, see docs/state.md
	uint16_t mbuf_data_bytes; // data room without headroom, 0: DP_MBUF_DATA_BYTES
};

// What dp_new() takes of the hugepages, in bytes.
struct dp_memory {
	uint32_t mbufs;
	uint32_t mbuf_bytes; // one of them, with its header, scratch and headroom
	uint64_t pool, peers, addresses, routes, rings;
	uint64_t total;
};

// The arithmetic alone. Any thread, before EAL too.
void dp_memory_plan(const struct dp_limits *limits, struct dp_memory *out);

// Main thread, after EAL init. Allocates everything from hugepages at once; on failure logs the
// arithmetic and returns NULL with errno (ENOMEM, EINVAL). The first state is an empty one.
struct dp *dp_new(const struct dp_limits *limits);
// Frees what dp_new() made and the state last published. Workers, peers and ports are gone by
// then, and every mbuf is back in the pool. Accepts NULL.
void dp_free(struct dp *dp);

static inline const struct dp_state *state_get(struct dp *dp)
{
	return atomic_load_explicit(&dp->state, memory_order_acquire);
}
