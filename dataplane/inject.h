// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Punt thread and control -> worker: packets from TUN devices, kernel sockets, exception
// interfaces, and messages of control (keepalive). One bounded multi-producer ring per worker.
#pragma once

#include <stdint.h>

struct dp;
struct rte_mbuf;
struct worker;

// A fresh mbuf with reset scratch (pkt_reset) and m->port = port (PKT_PORT_*), or NULL (pool empty).
// Any thread but workers.
struct rte_mbuf *inject_alloc(struct dp *dp, uint16_t port);

// Gives m to a worker; pkt->stage and what it asks for (pkt.h) must be set. 0, or -ENOBUFS (ring
// full; m still the caller's). The worker counts it as received on m->port. Any worker will do:
// it finds the peer and hands over to the owner.
int inject_push(struct dp *dp, unsigned int worker, struct rte_mbuf *m);

// Worker: takes a burst of its ring through the paths. Returns how many.
unsigned int inject_poll(struct worker *w);
