// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What one rtnetlink message says, in the mirror's terms. Attributes are read by libnl. No I/O.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/routing/route_mirror.h"

struct nlmsghdr;

// All return 0, -ENOENT for a message that does not concern the mirror, or another -errno.

#define KERNEL_MSG_VLAN_OTHER UINT16_MAX // tagged, but not as 802.1Q

struct kernel_msg_link {
	int ifindex;
	bool up; // administratively and carrier
	uint16_t mtu;
	char name[IFNAMSIZ];
	uint8_t mac[6]; // zero: it has none of this length
	uint16_t vlan;  // of a VLAN interface; 0: it is something else
};
int kernel_msg_link(struct nlmsghdr *h, struct kernel_msg_link *out);

struct kernel_msg_neigh {
	int ifindex;
	uint8_t family;
	uint8_t addr[16];
	uint8_t lladdr[6];
	bool usable; // lladdr is valid now
	bool fixed;  // permanent or without ARP
};
int kernel_msg_neigh(struct nlmsghdr *h, struct kernel_msg_neigh *out);

// Routes of ours are told by their origin.
#define KERNEL_MSG_PROTOCOL 83
struct rtnl_route;
// A route of table main straight out of an interface; the caller's (rtnl_route_put). NULL: no memory.
struct rtnl_route *kernel_msg_route_make(
	int ifindex, uint8_t family, const uint8_t *addr, uint8_t len);

int kernel_msg_route(struct nlmsghdr *h, struct route_mirror_route *out);

struct kernel_msg_rule {
	uint8_t family;
	uint32_t prio, table;
	bool is_default; // one of those every namespace begins with
};
int kernel_msg_rule(struct nlmsghdr *h, struct kernel_msg_rule *out);
