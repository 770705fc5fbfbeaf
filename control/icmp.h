// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What routers say of UDP datagrams that are too large for a link on the way: ICMPv6 "packet too
// big", and ICMP "fragmentation needed" should one come although outer IPv4 never forbids
// fragmenting. Parses; believes nothing: anybody can send these, and whether the datagram quoted is
// ours is for the reader to judge (client_link.c). Any thread, no I/O: icmp_socket.c listens.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/session.h"

// Of the UDP payload: opcode, peer id and packet id. A router that quotes less says nothing useful.
#define ICMP_QUOTE_BYTES 8

struct icmp_too_big {
	struct session_addr local, remote; // source and destination of the datagram
	uint16_t mtu;                      // what it was too large for, as told
	uint16_t ip_bytes;                 // its length, or that of its first fragment
	uint8_t payload[ICMP_QUOTE_BYTES];
};

// A message as a raw socket gives it: over IPv4 from the IP header on, over IPv6 from the ICMPv6
// header on (there the kernel has verified the checksum; here it is verified for IPv4). False:
// another message, another protocol quoted, a later fragment, too short or damaged.
bool icmp_parse(uint8_t family, const uint8_t *data, size_t len, struct icmp_too_big *out);
