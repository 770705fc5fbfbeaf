// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// DPDK ports by kind, opened inside the network namespace they belong to. Main thread only, but
// the two burst functions. Call order: port_open, port_start, bursts, port_stop, port_close.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#define PORT_ACCELERATED_MAX 24 // Debian's DPDK has room for 32 ports
#define PORT_NAME_BYTES 64
#define PORT_QUEUES_MAX 64

enum port_kind {
	PORT_AF_XDP, // the node's own interface, through our XDP program
	PORT_PCI,    // NIC bound to vfio-pci
	PORT_MEMIF,  // shared memory, for tests and benchmarks
	PORT_TAP,
	PORT_RING,
	PORT_NULL,
	PORT_PCAP,
};

enum port_side { PORT_LINK = 1, PORT_VPN = 2 }; // outside, inside; may be both

struct port_conf {
	char name
		[PORT_NAME_BYTES]; // interface name; PCI address; memif socket path; pcap files ...
	enum port_kind kind;
	enum port_side side;
	char netns[PORT_NAME_BYTES]; // "": the daemon's own
	uint16_t queues;             // one per worker
	uint16_t mtu;                // 0: as the interface has it
	const char *bpf_object;      // path of steer.bpf.o (af_xdp)
	bool memif_server;           // memif: we make the socket
	uint16_t memif_id;
	bool vlans;                // tagged frames count: nothing may take the tags off before us
	const char *devargs_extra; // appended to the vdev arguments, NULL: none
};

struct port {
	uint16_t id; // ethdev id
	enum port_kind kind;
	enum port_side side;
	char name[PORT_NAME_BYTES];
	char netns[PORT_NAME_BYTES];
	char device[PORT_NAME_BYTES]; // DPDK device name, for unplugging
	int ifindex;                  // kernel interface (af_xdp) or 0
	uint16_t queues;
	uint16_t mtu;
	uint16_t mtu_max; // what packet buffers hold: a frame above it never arrives whole
	struct rte_ether_addr mac;
	bool complete_csum;    // peer may hand us unfinished checksums (veth, virtio_net, tap)
	bool udp_csum_offload; // transmit
	bool ip_csum_offload;
	bool needs_exception; // kernel does not see this port: wants an exception interface
};

// Data room, without headroom, that a kind of port needs of packet buffers for an MTU; and the most
// that there can be if one of the ports is an AF_XDP port, with `priv` bytes of scratch in an mbuf.
uint32_t port_buffer_bytes(enum port_kind kind, uint16_t mtu);
uint32_t port_af_xdp_buffer_max(uint16_t priv);

// 0, or -errno after logging one line that says what and how to mend it: -ENODEV (no such
// interface or namespace), -EBUSY (someone else's XDP program; or fewer queues than workers),
// -ENETDOWN, -EINVAL, -ENOMEM, -EPERM. An AF_XDP port's pool must lie in one piece, have elements
// of at most 4096 bytes, and 4096 buffers per queue beside what is in flight elsewhere. On success *out is owned by the caller until port_close().
int port_open(const struct port_conf *conf, struct rte_mempool *pool, struct port **out);
int port_start(struct port *p);
void port_stop(struct port *p);
void port_close(struct port *p); // also removes its XDP program; accepts NULL

const char *port_kind_name(enum port_kind kind);
int port_kind_by_name(const char *name); // -1: unknown

// Sums over the port's DPDK devices.
int port_stats(const struct port *p, struct rte_eth_stats *out);

// A port may be several DPDK devices of one queue each (port_af_xdp.c). This says which device and
// queue stand behind a queue of ours, as differences: an all-zero entry is a port that is one
// device. Written by port_open, read by workers that start later. Weak: one table per program,
// whoever of its objects uses it.
struct port_queue {
	uint16_t id_add, queue_sub;
};
extern struct port_queue port_queues[RTE_MAX_ETHPORTS][PORT_QUEUES_MAX];
__attribute__((weak)) struct port_queue port_queues[RTE_MAX_ETHPORTS][PORT_QUEUES_MAX];

// Worker.
static inline uint16_t port_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct port_queue *q = &port_queues[port][queue];

	n = rte_eth_rx_burst(port + q->id_add, queue - q->queue_sub, m, n);
	// The device behind a queue stamps its own id: above here there is only the port's.
	if (unlikely(q->id_add))
		for (uint16_t i = 0; i < n; i++)
			m[i]->port = port;
	return n;
}

static inline uint16_t port_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct port_queue *q = &port_queues[port][queue];

	return rte_eth_tx_burst(port + q->id_add, queue - q->queue_sub, m, n);
}
