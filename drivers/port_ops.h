// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a kind of port has to say for itself; port.c does the rest. Only port*.c and their tests include this.
#pragma once

#include "drivers/port.h"

#define PORT_ARGS_BYTES 512
#define PORT_XDP_SOCKETS_MAX 1024
#define PORT_XDP_HEADROOM 256 // the kernel keeps it free in front of each frame it receives

// What port.c keeps beside the public struct.
struct port_slot {
	struct port pub; // first: port_close() gets a pointer to this
	struct rte_mempool *pool;
	const struct port_ops *ops;
	int netns_fd;               // outlives the name of the namespace
	char bus[8];                // DPDK bus of the device
	char args[PORT_ARGS_BYTES]; // its arguments
	bool one_queue_each;        // a DPDK device per queue, device 0 is pub.device and pub.id
	uint16_t device_count;      // plugged ones
	uint16_t device_ids[PORT_QUEUES_MAX];
	bool setup_failed; // the last device is half set up: drivers do not always close that well
	bool started;
	uint64_t rx_offloads, tx_offloads; // wanted, then those the device has
	uint16_t ring_size;                // descriptors per queue

	union {
		struct {
			bool owns_interface;  // it had no program but what we put there
			uint32_t program_id;  // the one that has the sockets
			uint32_t attached_id; // the one that is on the interface
			uint16_t seen_count;
			int seen[PORT_XDP_SOCKETS_MAX]; // of this process and other ports
			uint16_t socket_count;
			int sockets[PORT_QUEUES_MAX];
		} xdp;
		struct port_wire *wire; // ring
	};
};

// Everything but the name and prepare may be NULL. All run inside the namespace.
struct port_ops {
	const char *name;
	const char *driver; // of a DPDK virtual device
	// Checks what can be checked, and fills args (or device and bus), ring_size and offloads.
	int (*prepare)(const struct port_conf *conf, struct port_slot *s);
	// Makes the DPDK device itself instead of by bus and args, and says its name.
	int (*plug)(struct port_slot *s, char device[RTE_ETH_NAME_MAX_LEN]);
	// Around making and setting up each device.
	int (*device_before)(struct port_slot *s);
	int (*device_after)(struct port_slot *s);
	// All devices and queues exist.
	int (*ready)(struct port_slot *s);
	// Instead of rte_eth_dev_close.
	void (*device_close)(struct port_slot *s, uint16_t id);
	// After the last device is closed; undoes prepare, also after any failure.
	void (*release)(struct port_slot *s);
};

extern const struct port_ops port_af_xdp_ops;
extern const struct port_ops port_pci_ops;
extern const struct port_ops port_memif_ops;
extern const struct port_ops port_tap_ops;
extern const struct port_ops port_ring_ops;
extern const struct port_ops port_null_ops;
extern const struct port_ops port_pcap_ops;

// Whether DPDK may have the NIC: 0, -EINVAL (no address), -ENODEV, -EBUSY (no driver, or the kernel's),
// after one logged line. devices: /sys/bus/pci/devices, or a test's.
int port_pci_check(const char *devices, const char *address);
// MTU of the largest frame that the pool's buffers hold.
uint16_t port_mtu_max(enum port_kind kind, const struct rte_mempool *pool);

// Appends to s->args; -E2BIG when full.
int port_args_add(struct port_slot *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
