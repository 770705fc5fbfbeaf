// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What ties gateways to the machine: accelerated ports with their XDP programs, routing domains
// (network namespaces) with their netlink mirrors, exception interfaces. Gateways ask it for their
// domain, announce endpoints and clients, and never see a port. Control thread only.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/conf/conf.h"
#include "control/icmp.h"
#include "control/routing/kernel.h"
#include "control/publish.h"
#include "control/channel/session.h"
#include "control/slowpath.h"
#include "drivers/steer.h"

struct fabric;

#define FABRIC_DOMAINS_MAX 256

struct fabric_ops {
	// Routes of a domain moved: clients may be reached another way.
	void (*routes_changed)(void *arg, uint16_t domain);
	// A router of a domain says that a datagram was too large.
	void (*too_big)(void *arg, uint16_t domain, const struct icmp_too_big *r);
	void *arg;
};

// Opens every interface of the configuration, its XDP program, exception interface and routing
// domain. NULL and errno after one logged line that says what to mend; nothing is left behind.
struct fabric *fabric_open(const struct conf *conf, struct ev_loop *loop, struct dp *dp,
	struct publish *publish, struct slowpath *slowpath, const struct fabric_ops *ops);
// Ports stop receiving; workers must be gone before fabric_close().
void fabric_close(struct fabric *f);

// Index of a namespace's routing domain, made on first use ("": the daemon's own). -errno.
int fabric_domain(struct fabric *f, const char *netns);
// Listens to what routers say of datagrams that left from this domain (fabric_ops.too_big); once is
// enough. 0 or -errno.
int fabric_link_listen(struct fabric *f, uint16_t domain);
struct kernel *fabric_kernel(struct fabric *f, uint16_t domain);
const char *fabric_domain_netns(const struct fabric *f, uint16_t domain);
// MTU of the outside link towards clients of an endpoint in this domain.
uint16_t fabric_link_mtu(const struct fabric *f, uint16_t domain);

// A device of the punt thread was deleted: says so if it was an exception interface.
void fabric_exceptions_check(struct fabric *f);

// Ports of the snapshot the workers read.
void fabric_fill_state(const struct fabric *f, struct dp_state *st);

// An endpoint's data packets, a client's addresses and subnets: worth a worker's time from now on. 0 or -errno.
int fabric_endpoint_add(struct fabric *f, uint16_t domain, const struct session_addr *local);
void fabric_endpoint_del(struct fabric *f, uint16_t domain, const struct session_addr *local);
int fabric_client_add(
	struct fabric *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);
void fabric_client_del(
	struct fabric *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len);

// For status and counters. i from 0; NULL past the end.
const struct port *fabric_port(const struct fabric *f, unsigned int i);
// -ENOENT for a port without an XDP program.
int fabric_port_verdicts(
	const struct fabric *f, unsigned int i, uint64_t counts[STEER_VERDICT_COUNT]);
