// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The ports of one routing domain as its mirror sees them, and which kernel interface stands for
// each. A port of its own has it from the start. A VLAN of a port has the interface with its name,
// which may come, go and come back: link messages tell. Control thread only; no I/O but the log.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/routing/kernel_msg.h"
#include "control/routing/route_mirror.h"

struct kernel_port_state;

struct kernel_ports {
	struct kernel_port *list; // the mirror's; ifindex changes here
	struct kernel_port_state *states;
	unsigned int count;
	const char *netns; // "": own
};

// Copies the list; netns, names and parents stay the caller's. 0 or -ENOMEM; then, too,
// kernel_ports_fini() is right.
int kernel_ports_init(struct kernel_ports *p, const char *netns, const struct kernel_port *list,
	unsigned int count);
void kernel_ports_fini(struct kernel_ports *p);

// A link appeared, changed or (gone) vanished. Before the mirror hears of it: it asks the list.
// True when kernel_ports_changed() has something new to tell.
bool kernel_ports_link(struct kernel_ports *p, const struct kernel_msg_link *link, bool gone);

// Calls tell once for every port whose state or MTU changed since the last call.
void kernel_ports_changed(struct kernel_ports *p,
	void (*tell)(void *arg, const struct kernel_port *port, uint16_t mtu, bool up), void *arg);

// All links are known: logs which VLANs have no interface, and how to make it.
void kernel_ports_report(const struct kernel_ports *p);
