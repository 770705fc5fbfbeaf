// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The data plane's view of a client. Control writes peers (control/publish.c) before it publishes
// them and afterwards only through the atomic pointers; the owner worker counts. Lookup by peer id
// is one load. A peer is freed after a grace period; packets that wait in rings keep id and
// generation instead of a pointer.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <assert.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "dataplane/framing.h"
#include "dataplane/keyslot.h"

// Where a client's packets come from and go to, with the outer header ready to copy: IP and UDP,
// lengths, checksums and IPv4 identification zero. Replaced as a whole when the client's address,
// ours that it talks to, the route to it or the path MTU changes.
struct peer_link {
	uint8_t family;      // 4 or 6
	uint8_t hdr_len;     // 28 or 48: IP and UDP
	bool udp_csum_zero;  // send UDP checksum 0 (IPv4 only)
	uint8_t local_id;    // which address of its gateway the client talks to
	uint16_t path_mtu;   // of a link further on, as ICMP said; UINT16_MAX: none is known
	uint32_t nexthop;    // index for nexthop_get(); 0: through the kernel
	uint32_t pseudo_sum; // UDP pseudo header without length, as a 32-bit partial sum
	uint8_t hdr[48];
	// What a received packet is compared with.
	uint8_t remote_addr[16]; // IPv4 in the first four bytes, rest zero
	rte_be16_t remote_port_be;
};

struct peer {
	// Line 0: read for every packet. Control: wo, workers: ro.
	alignas(64) _Atomic(struct keyslot *) slots[2];
	_Atomic(const struct peer_link *) link;
	_Atomic(uint8_t) primary; // slot that sends
	uint8_t owner;            // worker index, both directions
	uint16_t gateway;
	uint32_t peer_id;
	uint32_t generation; // never 0
	rte_be32_t vpn4_be;  // 0: none
	uint16_t mss4;       // clamp TCP MSS to this, inner IPv4; inner IPv6: 20 less. 0: do not
	uint8_t data_v1;     // send P_DATA_V1 (client got no peer id)
	uint8_t framing;     // enum framing
	uint8_t vpn6[16];    // all zero: none

	// Line 1 and on: owner worker: wo, control: ro. Times in TSC cycles, 0: never.
	alignas(64) _Atomic(uint64_t) recv_tsc; // last authenticated packet
	_Atomic(uint64_t) send_tsc;
	_Atomic(uint64_t) in_pkts, in_bytes; // carried, inner IP bytes
	_Atomic(uint64_t) out_pkts, out_bytes;
	_Atomic(uint64_t) link_in_bytes, link_out_bytes; // UDP payload bytes
	_Atomic(uint64_t) compressed_pkts;               // dropped for their framing
	uint64_t occ_tsc;                                // EVENT_OCC_REQUEST was sent
	bool told_compressed;                            // EVENT_COMPRESSED was sent
};
static_assert(offsetof(struct peer, recv_tsc) == 64, "peer: line 0 overflows");

// Array of peers by id; allocated once, size fixed at start.
struct peer_table {
	uint32_t size;
	_Atomic(struct peer *) by_id[];
};

static inline struct peer *peer_by_id(struct peer_table *t, uint32_t peer_id)
{
	if (unlikely(peer_id >= t->size))
		return NULL;
	return atomic_load_explicit(&t->by_id[peer_id], memory_order_acquire);
}

// The slot whose key id matches, or NULL.
static inline struct keyslot *peer_key_by_id(struct peer *p, uint8_t key_id)
{
	struct keyslot *k;

	for (int i = 0; i < 2; i++) {
		k = atomic_load_explicit(&p->slots[i], memory_order_acquire);
		if (k && k->key_id == key_id)
			return k;
	}
	return NULL;
}

static inline struct keyslot *peer_key_primary(struct peer *p)
{
	uint8_t i = atomic_load_explicit(&p->primary, memory_order_acquire);

	return atomic_load_explicit(&p->slots[i & 1], memory_order_acquire);
}
