// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Copies of a gateway's packets for `sluicectl capture`. Off: one load and branch per packet.
// On: the worker copies up to CAPTURE_SNAPLEN bytes into a bounded ring; a full ring loses copies,
// never packets. Control (control/api.c) drains the ring into a pcap file.
#pragma once

#include <stdint.h>

struct rte_mbuf;
struct worker;

#define CAPTURE_LINK 0x01 // sealed packets, from the OpenVPN header on, with the outer IP header
#define CAPTURE_VPN 0x02  // inner IP packets
#define CAPTURE_SNAPLEN 2048

void capture_copy(struct worker *w, uint16_t gateway, struct rte_mbuf *m, uint8_t what);
