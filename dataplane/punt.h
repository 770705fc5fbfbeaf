// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Worker -> punt thread: packets the fast path cannot finish, with the reason. One bounded
// multi-producer ring for all workers; the punt thread (control/slowpath.c) is its only consumer.
// The mbuf's scratch (struct pkt) says where the packet goes on:
//   PUNT_TO_TUN        data starts at the inner IP header -> TUN device of pkt->gateway
//   PUNT_TO_LINK       data starts at the OpenVPN header -> sendto() pkt->link_addr/link_port_be
//                      on the socket of pkt->gateway, pkt->local_id (no next hop of ours: the kernel finds it);
//                      pkt->link_tos is what the outer header should carry
//   PUNT_TO_EXCEPTION  data is the whole Ethernet frame -> exception interface of m->port
#pragma once

#include <stdint.h>

#include "dataplane/drop.h"

struct dp;
struct dp_port;
struct rte_mbuf;
struct worker;

// X(NAME, counter name, why the kernel gets it)
#define PUNT_REASONS(X) \
	X(LOCAL, "local", "addressed to the gateway itself") \
	X(TTL, "ttl", "TTL or hop limit expired: the kernel answers") \
	X(TOO_BIG, "too_big", "larger than the next link: the kernel fragments or answers") \
	X(NO_ROUTE, "no_route", "no accelerated route to the destination") \
	X(NO_NEIGH, "no_neigh", "next hop's link address not resolved yet") \
	X(IP_OPTIONS, "ip_options", "IPv4 options or IPv6 hop-by-hop header") \
	X(MULTICAST, "multicast", "multicast or broadcast destination") \
	X(FAST_PATH_OFF, "fast_path_off", "fast_path: off for this gateway") \
	X(LINK, "link", "no accelerated next hop to the client's outside address") \
	X(EXCEPTION, "exception", \
		"not the fast path's: ARP, control channel, other traffic of the node")

enum punt_reason {
#define X(name, counter, text) PUNT_##name,
	PUNT_REASONS(X)
#undef X
		PUNT_REASON_COUNT
};

enum punt_dest { PUNT_TO_TUN, PUNT_TO_LINK, PUNT_TO_EXCEPTION };

// What one peer, and all peers of one gateway, may send to TUN and LINK through one worker, so that
// no client fills the ring for others. Above: DROP_PUNT_LIMIT.
#define PUNT_PEER_PPS 65536u
#define PUNT_PEER_BURST 1024u
#define PUNT_GATEWAY_PPS 262144u
#define PUNT_GATEWAY_BURST 4096u

const char *punt_name(enum punt_reason reason);
const char *punt_text(enum punt_reason reason);

// Punt thread: up to n packets, now the caller's (rte_pktmbuf_free when done). Returns how many.
unsigned int punt_pop_burst(struct dp *dp, struct rte_mbuf **m, unsigned int n);

// Punt thread: it is done with the last n packets popped, nothing of them will reach a descriptor any
// more.
void punt_done(struct dp *dp, unsigned int n);
// Any thread: packets done with so far, modulo 2^32, like the indexes of the ring.
uint32_t punt_done_count(const struct dp *dp);

// Worker. Takes ownership of m: punts it, or drops it as PUNT_FULL or PUNT_LIMIT. Counts either.
void punt_push(struct worker *w, struct rte_mbuf *m, enum punt_dest dest, enum punt_reason reason);

// Worker. A frame of this port that is not the fast path's: the kernel gets it where the port has an
// exception interface, else it is dropped.
void punt_exception(
	struct worker *w, const struct dp_port *port, struct rte_mbuf *m, enum drop_reason reason);
