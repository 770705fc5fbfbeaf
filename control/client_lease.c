// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a client holds while it is admitted: its addresses, and the peer that workers know it by.

#include "control/gateway_priv.h"

#include "dataplane/base/log.h"

#include <string.h>

LOG_TYPE("client");

#define OUTER_OVERHEAD_TCPIP 40 // inner IPv4 and TCP header: MSS = MTU - this

static int peer_publish(struct client *c, const struct session_lease *lease)
{
	const struct conf_gateway *conf = &c->settings->conf;
	const struct session_info *info = session_info(c->session);
	struct gateway *g = c->gw;
	struct publish_peer desc = {
		.gateway = g->id,
		.vpn_domain = g->vpn_domain,
		.local_id = c->key.local_id,
		.local = g->locals[c->key.local_id].addr,
		.remote = info->remote,
		.link_nexthop = client_link_nexthop(g, &info->remote),
		.mss4 = conf->mss_clamp ? (uint16_t)(lease->tun_mtu - OUTER_OVERHEAD_TCPIP) : 0,
		.data_v1 = !info->data_v2,
		.framing = info->framing,
		.udp_csum_zero = conf->udp_checksum == CONF_UDP_CSUM_ZERO,
	};

	memcpy(desc.vpn4, lease->vpn4, sizeof(desc.vpn4));
	memcpy(desc.vpn6, lease->vpn6, sizeof(desc.vpn6));
	return publish_peer_add(g->env.publish, c->peer_id, &desc);
}

void client_steer(struct client *c, const struct session_lease *lease, bool add)
{
	static const uint8_t none[16];
	struct gateway *g = c->gw;
	int rc = 0;

	if (!c->settings->conf.fast_path)
		return;
	if (!add) {
		if (memcmp(lease->vpn4, none, 4))
			fabric_client_del(g->env.fabric, g->vpn_domain, 4, lease->vpn4, 32);
		if (memcmp(lease->vpn6, none, 16))
			fabric_client_del(g->env.fabric, g->vpn_domain, 6, lease->vpn6, 128);
		return;
	}
	if (memcmp(lease->vpn4, none, 4))
		rc = fabric_client_add(g->env.fabric, g->vpn_domain, 4, lease->vpn4, 32);
	if (!rc && memcmp(lease->vpn6, none, 16))
		rc = fabric_client_add(g->env.fabric, g->vpn_domain, 6, lease->vpn6, 128);
	// Works all the same, through the TUN device.
	if (rc)
		LOG(WARNING, "gateway=%s client=%s: packets to it take the slow path: %s",
			c->settings->conf.name, c->common_name, strerror(-rc));
}

// As configured, or what fits one outside datagram in this client's packet format.
static uint16_t tun_mtu(const struct client *c)
{
	const struct session_info *info = session_info(c->session);
	uint16_t text = c->gw->tun_mtu, link = c->gw->link_mtu, bytes;

	if (c->settings->conf.tun_mtu)
		return text;
	// An IPv6 address may have come later than the TUN device.
	bytes = gateway_outer_overhead(info->remote.family);
	if (link && text > link - bytes)
		text = link - bytes;
	bytes = text + PROTO_DATA_V2_HDR_BYTES;
	if (info->digest)
		text = cipher_text_max((enum cipher)cipher_by_name(info->cipher),
			(enum digest)digest_by_name(info->digest), bytes);
	else if (info->epoch)
		text -= PROTO_EPOCH_MORE_BYTES;
	// The other framing has nothing to add to IP packets.
	return info->framing == FRAMING_COMP_LZO ? text - 1 : text;
}

// A reload may have given it to this client while another one still has it.
static bool is_free(const struct client *c, const struct conf_addr *a)
{
	const struct gateway *g = c->gw;

	return !a->family || iroute_lookup(g->env.dp->iroute, g->vpn_domain, a->family, a->addr) ==
				     PROTO_PEER_ID_UNDEF;
}

// Its own addresses; from the pool in a family in which it has none.
static enum session_verdict addresses_take(
	struct client *c, const char *name, struct session_lease *lease)
{
	static const struct conf_client nothing;
	const struct conf_client *own = c->options ? c->options : &nothing;
	const struct conf_gateway *conf = &c->settings->conf;
	struct gateway *g = c->gw;

	c->pool_entry = IPPOOL_NONE;
	if (!is_free(c, &own->address) || !is_free(c, &own->address6))
		return SESSION_REFUSE_ADDRESS_IN_USE;
	if ((conf->client_cidr.family && !own->address.family) ||
		(conf->client_cidr6.family && !own->address6.family)) {
		c->pool_entry = ippool_take(g->pool, name);
		if (c->pool_entry == IPPOOL_NONE)
			return SESSION_REFUSE_NO_ADDRESS;
		ippool_addresses(g->pool, c->pool_entry, lease->vpn4, lease->vpn6);
	}
	if (own->address.family)
		memcpy(lease->vpn4, own->address.addr, sizeof(lease->vpn4));
	if (own->address6.family)
		memcpy(lease->vpn6, own->address6.addr, sizeof(lease->vpn6));
	if (conf->client_cidr.family)
		ippool_far_end(g->pool, lease->vpn4, lease->far4);
	return SESSION_ADMIT;
}

enum session_verdict client_lease_take(
	struct client *c, const char *name, struct session_lease *lease)
{
	struct gateway *g = c->gw;
	enum session_verdict verdict = addresses_take(c, name, lease);

	if (verdict != SESSION_ADMIT)
		return verdict;
	c->peer_id = publish_peer_id_get(g->env.publish);
	if (c->peer_id == PROTO_PEER_ID_UNDEF)
		goto err;
	lease->peer_id = c->peer_id;
	ippool_self(g->pool, lease->self4, lease->self6);
	lease->vpn4_len = c->settings->conf.client_cidr.len;
	lease->vpn6_len = c->settings->conf.client_cidr6.len;
	lease->tun_mtu = tun_mtu(c);
	lease->name = session_info(c->session)->common_name;
	lease->client = c->options;
	if (peer_publish(c, lease)) // gives the id back
		goto err;
	return SESSION_ADMIT;
err:
	ippool_give_back(g->pool, c->pool_entry);
	return SESSION_REFUSE_FULL;
}

void client_lease_give_back(struct client *c)
{
	publish_peer_del(c->gw->env.publish, c->peer_id);
	ippool_give_back(c->gw->pool, c->pool_entry);
}
