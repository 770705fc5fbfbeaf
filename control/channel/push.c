// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/push.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DNS_ADDRESSES_MAX 8 // of one server entry

struct writer {
	struct push_parts parts;
	const struct conf_gateway *gw;
	const struct conf_client *client; // NULL: no options of its own
	bool own;                         // what comes is the client's own: nothing removes it
};

static bool begins_with_one(const char *option, const struct conf_line *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(option, texts[i].text, strlen(texts[i].text)) == 0)
			return true;
	return false;
}

struct text {
	char s[INET6_ADDRSTRLEN];
};

static const char *addr_text(struct text *t, uint8_t family, const uint8_t *addr)
{
	// Cannot fail: the family is known and the buffer holds any address.
	return inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, t->s, sizeof(t->s));
}

static const char *mask_text(struct text *t, uint8_t len)
{
	uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
	uint8_t b[4] = {
		(uint8_t)(mask >> 24), (uint8_t)(mask >> 16), (uint8_t)(mask >> 8), (uint8_t)mask};

	return addr_text(t, 4, b);
}

// A client that was told to reach the network behind it through the tunnel would cut itself off.
static bool is_route_to_own(const struct conf_client *c, const char *option)
{
	struct text net, mask;
	char route[PUSH_OPTION_BYTES];
	size_t len;

	for (size_t i = 0; i < c->subnet_count; i++) {
		const struct conf_prefix *p = &c->subnets[i];

		addr_text(&net, p->family, p->addr);
		if (p->family == 6)
			snprintf(route, sizeof(route), "route-ipv6 %s/%u", net.s, p->len);
		else
			snprintf(route, sizeof(route), "route %s %s", net.s,
				mask_text(&mask, p->len));
		len = strlen(route);
		if (strncmp(option, route, len) == 0 && (option[len] == '\0' || option[len] == ' '))
			return true;
	}
	return false;
}

static bool is_removed(const struct writer *w, const char *option)
{
	const struct conf_client *c = w->client;

	if (w->own)
		return false;
	if (c && is_route_to_own(c, option))
		return true;
	return begins_with_one(option, w->gw->push_remove, w->gw->push_remove_count) ||
	       (c && begins_with_one(option, c->push_remove, c->push_remove_count));
}

// Appends one option, unless the operator does not want it. An option that clients could not take apart (comma, too long) fails the
// whole reply: leaving it out would give a client a tunnel that is not what was configured.
__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt, ...)
{
	char option[PUSH_OPTION_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(option, sizeof(option), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(option) || memchr(option, ',', (size_t)n) != NULL)
		w->parts.error = -EMSGSIZE;
	else if (!is_removed(w, option))
		push_parts_add(&w->parts, option, (size_t)n);
}

static bool has_v4(const struct session_lease *lease)
{
	static const uint8_t none[4];

	return memcmp(lease->vpn4, none, sizeof(none)) != 0;
}

static bool has_v6(const struct session_lease *lease)
{
	static const uint8_t none[16];

	return memcmp(lease->vpn6, none, sizeof(none)) != 0;
}

static bool has_family(const struct session_lease *lease, uint8_t family)
{
	return family == 4 ? has_v4(lease) : has_v6(lease);
}

static void put_route(struct writer *w, const struct conf_prefix *p)
{
	struct text net, mask;

	if (p->family == 4)
		put(w, "route %s %s", addr_text(&net, 4, p->addr), mask_text(&mask, p->len));
	else
		put(w, "route-ipv6 %s/%u", addr_text(&net, 6, p->addr), p->len);
}

// What is behind the other clients, where they may be reached.
static void put_subnets(
	struct writer *w, const struct conf_gateway *gw, const struct session_lease *lease)
{
	for (size_t i = 0; gw->client_to_client && i < gw->client_count; i++) {
		const struct conf_client *c = &gw->clients[i];
		// By name: a reload compares with a list in which its entry is another one, or new.
		bool own = lease->name && strcmp(c->name, lease->name) == 0;

		for (size_t j = 0; !own && !c->disabled && j < c->subnet_count; j++)
			if (has_family(lease, c->subnets[j].family))
				put_route(w, &c->subnets[j]);
	}
}

// Networks of a family in which the client has no address would only make it complain.
static void put_routes(struct writer *w, const struct conf_gateway *gw,
	const struct session_lease *lease, const struct peer_info *peer)
{
	bool ipv6 = has_v6(lease) && !peer_info_is_before_24(peer);

	for (size_t i = 0; i < gw->local_network_count; i++)
		if (has_family(lease, gw->local_networks[i].family))
			put_route(w, &gw->local_networks[i]);
	put_subnets(w, gw, lease);
	// 2.3 ignores the option as a whole if a word of it is new.
	if (gw->redirect_gateway)
		put(w, "redirect-gateway def1%s", ipv6 ? " ipv6" : "");
}

// The `dns` option of 2.6 and later, for those that announce its final form: what they take from
// it they do not take from dhcp-option. One server entry has at most eight addresses.
static void put_dns_v2(struct writer *w, const struct conf_gateway *gw)
{
	char line[PUSH_OPTION_BYTES] = "";
	struct text server;
	size_t n = 0, i;

	for (i = 0; i < gw->dns_count && i < DNS_ADDRESSES_MAX; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %s",
			addr_text(&server, gw->dns[i].family, gw->dns[i].addr));
	if (i > 0 && n < sizeof(line) - 32)
		put(w, "dns server 1 address%s", line);
	for (i = 0; i < gw->dns_search_count; i++)
		put(w, "dns search-domains %s", gw->dns_search[i].text);
}

// DNS6 and not DNS for IPv6 servers: all clients since 2.4 know it.
static void put_dns(struct writer *w, const struct conf_gateway *gw, const struct peer_info *peer)
{
	struct text server;

	for (size_t i = 0; i < gw->dns_count; i++)
		put(w, "dhcp-option DNS%s %s", gw->dns[i].family == 6 ? "6" : "",
			addr_text(&server, gw->dns[i].family, gw->dns[i].addr));
	for (size_t i = 0; i < gw->dns_search_count; i++)
		put(w, i ? "dhcp-option DOMAIN-SEARCH %s" : "dhcp-option DOMAIN %s",
			gw->dns_search[i].text);
	if ((peer->proto & PEER_PROTO_DNS_OPTION_V2) != 0)
		put_dns_v2(w, gw);
}

static void put_keepalive(
	struct writer *w, const struct conf_gateway *gw, const struct peer_info *peer)
{
	bool knows_timeout = push_uses_ekm(peer) && !peer_info_is_openvpn3(peer);

	if (gw->keepalive_interval_s > 0)
		put(w, "ping %u", gw->keepalive_interval_s);
	if (gw->keepalive_timeout_s > 0)
		put(w, "ping-restart %u", gw->keepalive_timeout_s);
	put(w, "explicit-exit-notify 1");
	if (gw->inactive_s > 0 && gw->inactive_bytes > 0)
		put(w, "inactive %u %u", gw->inactive_s, gw->inactive_bytes);
	else if (gw->inactive_s > 0)
		put(w, "inactive %u", gw->inactive_s);
	// To others it would be an error in the log; the session ends here anyway.
	if (gw->session_timeout_s > 0 && knows_timeout)
		put(w, "session-timeout %u", gw->session_timeout_s);
}

enum conf_topology push_topology(const struct conf_gateway *gw, const struct peer_info *peer)
{
	if (gw->topology == CONF_TOPOLOGY_P2P && peer_info_is_openvpn3(peer))
		return CONF_TOPOLOGY_SUBNET;
	return gw->topology;
}

// Where the client is, what it sees at the other end, and how it reaches the gateway itself.
static void put_topology(
	struct writer *w, const struct session_lease *lease, enum conf_topology topology)
{
	static const char *const names[] = {[CONF_TOPOLOGY_SUBNET] = "subnet",
		[CONF_TOPOLOGY_NET30] = "net30",
		[CONF_TOPOLOGY_P2P] = "p2p"};
	struct text self;

	if (!has_v4(lease))
		return;
	if (topology == CONF_TOPOLOGY_SUBNET)
		put(w, "route-gateway %s", addr_text(&self, 4, lease->self4));
	put(w, "topology %s", names[topology]);
	// Where other clients are not in the client's own network.
	if (topology != CONF_TOPOLOGY_SUBNET && w->gw->client_to_client)
		put_route(w, &w->gw->client_cidr);
	else if (topology == CONF_TOPOLOGY_NET30)
		put(w, "route %s", addr_text(&self, 4, lease->self4));
}

static void put_addresses(
	struct writer *w, const struct session_lease *lease, enum conf_topology topology)
{
	struct text own, other;

	if (has_v6(lease))
		put(w, "ifconfig-ipv6 %s/%u %s", addr_text(&own, 6, lease->vpn6), lease->vpn6_len,
			addr_text(&other, 6, lease->self6));
	if (!has_v4(lease))
		return;
	if (topology == CONF_TOPOLOGY_SUBNET)
		put(w, "ifconfig %s %s", addr_text(&own, 4, lease->vpn4),
			mask_text(&other, lease->vpn4_len));
	else
		put(w, "ifconfig %s %s", addr_text(&own, 4, lease->vpn4),
			addr_text(&other, 4, lease->far4));
}

bool push_uses_ekm(const struct peer_info *peer)
{
	return (peer->proto & PEER_PROTO_TLS_KEY_EXPORT) != 0;
}

bool push_uses_dynamic(const struct peer_info *peer)
{
	return (peer->proto & PEER_PROTO_DYN_TLS_CRYPT) != 0;
}

// The flags stand in one option. Clients that know none of them may not know the option either.
static void put_flags(struct writer *w, const struct peer_info *peer, bool epoch)
{
	bool exit = (peer->proto & PEER_PROTO_CC_EXIT) != 0, dynamic = push_uses_dynamic(peer);

	if (exit || dynamic || epoch)
		put(w, "protocol-flags%s%s%s%s", exit ? " cc-exit" : "",
			exit && push_uses_ekm(peer) ? " tls-ekm" : "",
			dynamic ? " dyn-tls-crypt" : "", epoch ? " aead-epoch" : "");
	if (!exit && push_uses_ekm(peer))
		put(w, "key-derivation tls-ekm");
}

// What the client announced decides what it is told; a flag it does not know may end it.
static void put_protocol(struct writer *w, const struct session_lease *lease,
	const struct peer_info *peer, const struct ncp_choice *ncp)
{
	uint16_t mtu = lease->tun_mtu < peer->mtu ? lease->tun_mtu : peer->mtu;

	if ((peer->proto & PEER_PROTO_DATA_V2) != 0)
		put(w, "peer-id %u", lease->peer_id);
	if (ncp->push)
		put(w, "cipher %s", cipher_name(ncp->cipher));
	put_flags(w, peer, ncp->epoch);
	if (ncp->framing != FRAMING_NONE)
		put(w, "%s", framing_name(ncp->framing));
	if (mtu > 0)
		put(w, "tun-mtu %u", mtu);
}

static void put_lines(struct writer *w, const struct conf_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(w, "%s", lines[i].text);
}

int push_compose(struct push *p, const struct conf_gateway *gw, const struct session_lease *lease,
	const struct peer_info *peer, const struct ncp_choice *ncp)
{
	enum conf_topology topology = push_topology(gw, peer);
	struct writer w = {.gw = gw, .client = lease->client};

	push_parts_begin(&w.parts, p, "PUSH_REPLY");
	put_topology(&w, lease, topology);
	// 2.3 sets up IPv6 only if it is told that there is some.
	if (has_v6(lease) && peer_info_is_before_24(peer))
		put(&w, "tun-ipv6");
	put_routes(&w, gw, lease, peer);
	put_dns(&w, gw, peer);
	put_lines(&w, gw->push, gw->push_count);
	w.own = true;
	if (w.client)
		put_lines(&w, w.client->push, w.client->push_count);
	w.own = false;
	put_keepalive(&w, gw, peer);
	put_addresses(&w, lease, topology);
	put_protocol(&w, lease, peer, ncp);
	return push_parts_end(&w.parts);
}
