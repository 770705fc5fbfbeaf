// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_clash.h"

#include "control/conf/conf_client.h"
#include "control/conf/conf_value.h"

#include <stdio.h>
#include <string.h>

static const char *endpoint_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char a[CONF_TEXT_BYTES];

	if (g->endpoint_port != o->endpoint_port || strcmp(g->link_netns, o->link_netns) != 0)
		return NULL;
	for (size_t i = 0; i < g->endpoint_addr_count * o->endpoint_addr_count; i++) {
		const struct conf_addr *addr = &g->endpoint_addrs[i / o->endpoint_addr_count];

		if (!conf_addr_equal(addr, &o->endpoint_addrs[i % o->endpoint_addr_count]))
			continue;
		snprintf(why, CONF_CLASH_BYTES,
			"must be unique, got %s port %u of gateway %s again",
			conf_text_addr(a, addr), g->endpoint_port, o->name);
		return "endpoint";
	}
	return NULL;
}

static const char *cidr_clash(const struct conf_prefix *g, const struct conf_prefix *o,
	const char *o_name, const char *option, char why[CONF_CLASH_BYTES])
{
	char a[CONF_TEXT_BYTES], b[CONF_TEXT_BYTES];

	if (!conf_prefix_overlaps(g, o))
		return NULL;
	snprintf(why, CONF_CLASH_BYTES,
		"must not overlap the %s of gateway %s in the same routing domain, got \"%s\"",
		conf_text_prefix(b, o), o_name, conf_text_prefix(a, g));
	return option;
}

const char *conf_clash_local(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char a[CONF_TEXT_BYTES], b[CONF_TEXT_BYTES];
	const struct conf_prefix *cidr, *local;

	for (size_t i = 0; i < o->local_network_count; i++) {
		local = &o->local_networks[i];
		cidr = local->family == 4 ? &g->client_cidr : &g->client_cidr6;
		if (local->len == 0 || !conf_prefix_overlaps(cidr, local))
			continue;
		snprintf(why, CONF_CLASH_BYTES,
			"must not overlap local network %s of gateway %s, got \"%s\"",
			conf_text_prefix(b, local), o->name, conf_text_prefix(a, cidr));
		return cidr->family == 4 ? "client_cidr" : "client_cidr6";
	}
	return NULL;
}

// As conf_clash_local(o, g), but g brings the trouble.
static const char *local_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char b[CONF_TEXT_BYTES];

	for (size_t i = 0; i < g->local_network_count; i++) {
		const struct conf_prefix *l = &g->local_networks[i];

		if (l->len == 0 || (!conf_prefix_overlaps(&o->client_cidr, l) &&
					   !conf_prefix_overlaps(&o->client_cidr6, l)))
			continue;
		snprintf(why, CONF_CLASH_BYTES,
			"must not overlap the client network of gateway %s in the same routing "
			"domain, got \"%s\"",
			o->name, conf_text_prefix(b, l));
		return "local_networks";
	}
	return NULL;
}

static const char *subnet_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	const char *option = conf_client_clash(g, o, why);

	if (!option)
		option = conf_client_cidr_clash(g, o, why);
	return option ? option : conf_cidr_client_clash(g, o, why);
}

const char *conf_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	const char *option = endpoint_clash(g, o, why);

	// Tenants in other namespaces may have the same addresses.
	if (option || strcmp(g->netns, o->netns) != 0)
		return option;
	if (strcmp(g->tun, o->tun) == 0) {
		snprintf(why, CONF_CLASH_BYTES,
			"must be unique in its namespace, got \"%s\" of gateway %s", g->tun,
			o->name);
		return "tun";
	}
	option = cidr_clash(&g->client_cidr, &o->client_cidr, o->name, "client_cidr", why);
	if (!option)
		option = cidr_clash(
			&g->client_cidr6, &o->client_cidr6, o->name, "client_cidr6", why);
	if (!option)
		option = conf_clash_local(g, o, why);
	if (!option)
		option = local_clash(g, o, why);
	return option ? option : subnet_clash(g, o, why);
}

// Smallest prefix length that still holds so many addresses.
static unsigned int fitting_len(unsigned int bits, uint64_t addresses)
{
	unsigned int host = 0;

	while (host < 63 && (1ull << host) < addresses)
		host++;
	return bits - host;
}

// Network, gateway and broadcast address are no client's; in net30 each client takes four.
static bool is_too_small(
	const struct conf_gateway *g, const struct conf_prefix *p, char why[CONF_CLASH_BYTES])
{
	unsigned int bits = p->family == 4 ? 32 : 128, host = bits - p->len;
	bool net30 = p->family == 4 && g->topology == CONF_TOPOLOGY_NET30;
	uint64_t need = net30 ? 4 * ((uint64_t)g->max_connections + 2)
			      : (uint64_t)g->max_connections + 3;
	char text[CONF_TEXT_BYTES];

	if (!p->family || host > 62 || need <= 1ull << host)
		return false;
	snprintf(why, CONF_CLASH_BYTES,
		"must be a /%u or larger for max_connections %u (%s), got \"%s\"",
		fitting_len(bits, need), g->max_connections,
		net30 ? "topology net30: four addresses each, and eight more"
		      : "and network, gateway and broadcast address",
		conf_text_prefix(text, p));
	return true;
}

const char *conf_clash_self(const struct conf_gateway *g, char why[CONF_CLASH_BYTES])
{
	if (g->tun_mtu && g->tun_mtu < 1280 && g->client_cidr6.family) {
		snprintf(why, CONF_CLASH_BYTES, "must be 1280..9000 with client_cidr6, got \"%u\"",
			g->tun_mtu);
		return "tun_mtu";
	}
	if (is_too_small(g, &g->client_cidr, why))
		return "client_cidr";
	return is_too_small(g, &g->client_cidr6, why) ? "client_cidr6" : NULL;
}
