// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/mbuf_size.h"

#include "dataplane/base/log.h"
#include "dataplane/cbc.h"
#include "dataplane/framing.h"
#include "dataplane/pkt.h"
#include "dataplane/proto.h"
#include "dataplane/state.h"
#include "drivers/netif.h"
#include "drivers/netns.h"
#include "drivers/port.h"

#include <rte_mbuf.h>

#include <errno.h>

LOG_TYPE("node");

#define MTU_USUAL 1500
// What sealing adds at most: CBC with the longest MAC, and framing.
#define SEAL_BYTES_MAX \
	(PROTO_DATA_V2_PREFIX_BYTES + DIGEST_BYTES_MAX + CBC_IV_BYTES + PROTO_PKTID_BYTES + \
		CBC_BLOCK_BYTES + FRAMING_BYTES_MAX)

// What AF_XDP ports allow; without one only the mbuf's own fields limit it.
static uint32_t largest(const struct conf *c)
{
	for (size_t i = 0; i < c->interface_count; i++)
		if (c->interfaces[i].driver == PORT_AF_XDP)
			return port_af_xdp_buffer_max(PKT_PRIV_BYTES);
	return UINT16_MAX - RTE_PKTMBUF_HEADROOM;
}

// An interface that is not there gets its error when it is opened.
static uint16_t interface_mtu(const struct conf_interface *ci)
{
	struct netif nif = {0};
	int token;

	if (ci->mtu)
		return ci->mtu;
	if (ci->driver != PORT_AF_XDP)
		return MTU_USUAL;
	token = netns_enter(ci->netns);
	if (token < 0)
		return MTU_USUAL;
	if (netif_read(ci->name, &nif))
		nif.mtu = MTU_USUAL;
	netns_leave(token);
	return nif.mtu;
}

static int interface_refuse(const struct conf_interface *ci, uint16_t mtu, uint32_t most)
{
	unsigned int fits = most - port_buffer_bytes(ci->driver, 0);

	if (ci->driver != PORT_AF_XDP)
		return errno_log(EINVAL,
			"interface %s: MTU %u is too large for packet buffers that af_xdp interfaces "
			"use too, at most %u: set its `mtu`",
			ci->name, mtu, fits);
	if (ci->mtu)
		return errno_log(EINVAL,
			"interface %s: MTU %u is too large for af_xdp, at most %u: set its `mtu`",
			ci->name, mtu, fits);
	return errno_log(EINVAL,
		"interface %s: MTU %u is too large for af_xdp, at most %u: ip link set %s mtu %u",
		ci->name, mtu, fits, ci->name, fits);
}

int mbuf_size_choose(const struct conf *c, uint16_t *bytes)
{
	uint32_t most = largest(c), need, max = DP_MBUF_DATA_BYTES;

	for (size_t i = 0; i < c->interface_count; i++) {
		uint16_t mtu = interface_mtu(&c->interfaces[i]);

		need = port_buffer_bytes(c->interfaces[i].driver, mtu);
		if (need > most)
			return interface_refuse(&c->interfaces[i], mtu, most);
		max = need > max ? need : max;
	}
	// What comes from a TUN device, and what the kernel has put together of a client's fragments.
	for (size_t i = 0; i < c->gateway_count; i++) {
		const struct conf_gateway *gw = &c->gateways[i];

		need = (uint32_t)gw->tun_mtu + SEAL_BYTES_MAX;
		if (need > most)
			return errno_log(EINVAL,
				"gateway=%s: tun_mtu %u is too large for packet buffers of af_xdp "
				"interfaces, at most %u",
				gw->name, gw->tun_mtu, most - SEAL_BYTES_MAX);
		max = need > max ? need : max;
	}
	*bytes = max > DP_MBUF_DATA_BYTES ? (uint16_t)max : 0;
	return 0;
}

uint16_t mbuf_size_tun_mtu_max(const struct dp *dp)
{
	return rte_pktmbuf_data_room_size(dp->pool) - RTE_PKTMBUF_HEADROOM - SEAL_BYTES_MAX;
}
