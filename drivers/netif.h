// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the kernel says of one of its interfaces. Main thread, inside the interface's namespace.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netif {
	int ifindex;
	bool is_up;
	uint16_t mtu;
	char driver[32];
	uint16_t combined; // receive queues that are one with a transmit queue; 0: not that kind
	uint16_t rx, tx;   // queues of their own; at least 1 where combined is 0
	uint16_t combined_max;
	bool strips_vlan; // takes tags out of received frames before an XDP program sees them
};

// 0, or -ENODEV, -errno. Logs nothing.
int netif_read(const char *name, struct netif *out);
