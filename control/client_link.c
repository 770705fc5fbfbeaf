// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The way to a client: its next hop, which follows the routes, and the path MTU, which routers tell
// of by ICMP.

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>

LOG_TYPE("client");

// Changes per second and gateway, and how many at once: thousands of clients may be behind one
// small link. What is refused comes again with the next large packet.
#define CHANGES_PER_S 100
#define CHANGES_BURST 1000

uint32_t client_link_nexthop(const struct gateway *g, const struct session_addr *remote)
{
	struct kernel *k = fabric_kernel(g->env.fabric, g->link_domain);
	uint32_t nexthop = kernel_nexthop(k, remote->family, remote->addr);

	if (nexthop == NEXTHOP_KERNEL)
		kernel_probe(k, remote->family, remote->addr);
	return nexthop;
}

int client_link_publish(
	struct client *c, const struct session_addr *remote, uint8_t local_id, uint16_t path_mtu)
{
	const struct gateway *g = c->gw;
	const struct publish_link link = {.local_id = local_id,
		.local = g->locals[local_id].addr,
		.remote = *remote,
		.nexthop = client_link_nexthop(g, remote),
		.path_mtu = path_mtu};

	return publish_peer_link(g->env.publish, c->peer_id, &link);
}

void client_link_update(struct client *c)
{
	if (c->admitted)
		client_link_publish(
			c, &session_info(c->session)->remote, c->key.local_id, c->pmtu.bytes);
}

static void pmtu_log(const struct client *c, const char *what)
{
	char text[SESSION_ADDR_TEXT_BYTES];

	LOG(NOTICE, "gateway=%s client=%s: path MTU to %s %s %u", c->settings->conf.name,
		c->common_name,
		session_addr_text(&session_info(c->session)->remote, text, sizeof(text)), what,
		c->pmtu.bytes);
}

void client_link_age(struct client *c, uint64_t now_ms)
{
	if (c->pmtu.bytes && now_ms >= c->pmtu.forget_ms)
		pmtu_log(c, "is tried anew, it was");
	if (pmtu_forget(&c->pmtu, now_ms))
		client_link_update(c);
}

// Was the datagram that a router quotes really sent to this client? Only data packets are larger
// than any path's minimum (session.c), and the kernel fragments the others itself.
static bool is_quote_of(const struct client *c, const struct icmp_too_big *r)
{
	bool v2 = session_info(c->session)->data_v2;
	const uint8_t *payload = r->payload;
	rte_be32_t packet_id;

	if (r->ip_bytes <= r->mtu) // it would have fitted
		return false;
	if (proto_opcode(payload[0]) != (v2 ? OP_DATA_V2 : OP_DATA_V1))
		return false;
	if (v2 && proto_peer_id(payload) != c->peer_id)
		return false;
	memcpy(&packet_id, payload + (v2 ? 4 : 1), sizeof(packet_id));
	return publish_packet_sent(c->gw->env.publish, c->peer_id, proto_key_id(payload[0]),
		rte_be_to_cpu_32(packet_id));
}

void gateway_too_big(struct gateway *g, uint8_t local_id, const struct icmp_too_big *r)
{
	const struct bucket_rate rate = bucket_rate(rte_get_tsc_hz(), CHANGES_PER_S, CHANGES_BURST);
	struct client *c = client_at_address(g, local_id, &r->remote);
	struct publish_peer_stats stats;

	if (!c || !is_quote_of(c, r) || !publish_peer_stats(g->env.publish, c->peer_id, &stats)) {
		g->too_big_ignored++;
		return;
	}
	// Of a burst of large packets each brings a message: only the first says something new.
	if ((stats.path_mtu && r->mtu >= stats.path_mtu) ||
		(c->pmtu.bytes && r->mtu >= c->pmtu.bytes))
		return;
	if (!bucket_take(&g->pmtu_bucket, rte_rdtsc(), &rate) ||
		!pmtu_report(&c->pmtu, r->remote.family, r->mtu, stats.link_mtu, clock_ms())) {
		g->too_big_ignored++;
		return;
	}
	g->too_big_learned++;
	client_link_update(c);
	pmtu_log(c, "is now");
	client_settle(c);
}
