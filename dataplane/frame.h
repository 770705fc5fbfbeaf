// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Ethernet framing with at most one 802.1Q tag. No state, no I/O.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/fib.h"
#include "dataplane/state.h"

#include <rte_ether.h>
#include <rte_mbuf.h>

#define FRAME_UNTAGGED UINT16_MAX

struct frame {
	uint8_t l2_len; // 14 or 18
	uint16_t vlan;  // FRAME_UNTAGGED, or the tag's VLAN id
	uint8_t family; // 4, 6, 0: not IP
};

static inline uint16_t frame_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

// False: shorter than its headers.
static inline bool frame_parse(const uint8_t *data, uint32_t len, struct frame *f)
{
	uint16_t type;

	if (len < RTE_ETHER_HDR_LEN)
		return false;
	f->l2_len = RTE_ETHER_HDR_LEN;
	f->vlan = FRAME_UNTAGGED;
	type = frame_be16(data + 12);
	if (type == RTE_ETHER_TYPE_VLAN) {
		if (len < RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
			return false;
		f->l2_len = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
		f->vlan = frame_be16(data + 14) & 0xfff;
		type = frame_be16(data + 16);
	}
	f->family = type == RTE_ETHER_TYPE_IPV4 ? 4 : type == RTE_ETHER_TYPE_IPV6 ? 6 : 0;
	return true;
}

// Is the frame addressed to the port itself? Ports are promiscuous.
static inline bool frame_is_to(const uint8_t *data, const struct rte_ether_addr *mac)
{
	return memcmp(data, mac->addr_bytes, RTE_ETHER_ADDR_LEN) == 0;
}

// Routing domain of a frame, DP_NO_DOMAIN: none has this tag. VLAN id 0 is a priority tag only.
static inline uint16_t frame_domain(const struct frame *f, const struct dp_port *port)
{
	if (f->vlan == FRAME_UNTAGGED || f->vlan == 0)
		return port->domain;
	return port->vlan_domain ? port->vlan_domain[f->vlan] : DP_NO_DOMAIN;
}

// Puts the next hop's Ethernet header in front of an IP packet. The caller has checked headroom.
static inline void frame_push(struct rte_mbuf *m, const struct nexthop *nh, uint8_t family)
{
	uint8_t *l2 = (uint8_t *)rte_pktmbuf_prepend(m, nh->l2_len);
	rte_be16_t type = rte_cpu_to_be_16(family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);

	if (nh->l2_len == RTE_ETHER_HDR_LEN)
		memcpy(l2, nh->l2, RTE_ETHER_HDR_LEN);
	else
		memcpy(l2, nh->l2, RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN);
	memcpy(l2 + nh->l2_len - 2, &type, 2);
	m->l2_len = nh->l2_len;
}
