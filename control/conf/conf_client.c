// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_client.h"

#include "control/conf/conf_value.h"

#include <stdio.h>
#include <string.h>

#define BLOCK4 4 // addresses of a client in net30, the third of which is its own

static uint32_t bits4(const uint8_t *addr)
{
	return (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
}

// The network's n-th address as text.
static const char *text4(char out[CONF_TEXT_BYTES], const struct conf_prefix *cidr, uint32_t n)
{
	uint32_t bits = bits4(cidr->addr) + n;
	struct conf_addr a = {.family = 4,
		.addr = {(uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
			(uint8_t)bits}};

	return conf_text_addr(out, &a);
}

// Addresses that are the gateway's, the network's or everybody's; in net30, those that are no
// client's place.
static bool is_place4(const struct conf_gateway *g, const struct conf_addr *a)
{
	uint32_t size = UINT32_C(1) << (32 - g->client_cidr.len);
	uint32_t n = bits4(a->addr) - bits4(g->client_cidr.addr);

	if (!conf_prefix_has(&g->client_cidr, a) || n < 2 || n >= size - 1)
		return false;
	return g->topology != CONF_TOPOLOGY_NET30 || (n > BLOCK4 && n % BLOCK4 == 2);
}

static const char *fault4(
	const struct conf_gateway *g, const struct conf_client *c, char why[CONF_CLASH_BYTES])
{
	uint32_t size = g->client_cidr.family ? UINT32_C(1) << (32 - g->client_cidr.len) : 0;
	char first[CONF_TEXT_BYTES], last[CONF_TEXT_BYTES], got[CONF_TEXT_BYTES];

	if (!c->address.family || (g->client_cidr.family && is_place4(g, &c->address)))
		return NULL;
	conf_text_addr(got, &c->address);
	if (!g->client_cidr.family)
		snprintf(why, CONF_CLASH_BYTES, "must be absent without client_cidr, got \"%s\"",
			got);
	else if (g->topology == CONF_TOPOLOGY_NET30)
		snprintf(why, CONF_CLASH_BYTES,
			"must be one of every fourth address %s..%s (topology net30), got \"%s\"",
			text4(first, &g->client_cidr, BLOCK4 + 2),
			text4(last, &g->client_cidr, size - 2), got);
	else
		snprintf(why, CONF_CLASH_BYTES,
			"must be one of %s..%s (the gateway has the one before), got \"%s\"",
			text4(first, &g->client_cidr, 2), text4(last, &g->client_cidr, size - 2),
			got);
	return "address";
}

// NET:: and NET::1 are no client's.
static bool is_place6(const struct conf_prefix *cidr, const struct conf_addr *a)
{
	uint8_t own[16];

	memcpy(own, cidr->addr, sizeof(own));
	if (!conf_prefix_has(cidr, a) || memcmp(own, a->addr, sizeof(own)) == 0)
		return false;
	own[15] |= 1;
	return memcmp(own, a->addr, sizeof(own)) != 0;
}

static const char *fault6(
	const struct conf_gateway *g, const struct conf_client *c, char why[CONF_CLASH_BYTES])
{
	char cidr[CONF_TEXT_BYTES], got[CONF_TEXT_BYTES];

	if (!c->address6.family ||
		(g->client_cidr6.family && is_place6(&g->client_cidr6, &c->address6)))
		return NULL;
	conf_text_addr(got, &c->address6);
	if (!g->client_cidr6.family)
		snprintf(why, CONF_CLASH_BYTES, "must be absent without client_cidr6, got \"%s\"",
			got);
	else
		snprintf(why, CONF_CLASH_BYTES,
			"must be an address of %s from the third one on (the gateway has the "
			"second), got \"%s\"",
			conf_text_prefix(cidr, &g->client_cidr6), got);
	return "address6";
}

#define LEN4_MIN 8
#define LEN6_MIN 16

// Of 0.0.0.0/0 everything inside would be a part, the node's own addresses too.
static const char *subnet_kind(const struct conf_prefix *p)
{
	bool link_local = p->family == 4 ? p->addr[0] == 169 && p->addr[1] == 254
					 : p->addr[0] == 0xfe && (p->addr[1] & 0xc0) == 0x80;
	struct conf_addr a = {.family = p->family};

	memcpy(a.addr, p->addr, sizeof(a.addr));
	if (p->len < (p->family == 4 ? LEN4_MIN : LEN6_MIN))
		return "must be networks of prefix length 8..32 (IPv4) or 16..128 (IPv6)";
	return link_local || !conf_addr_is_unicast(&a) ? "must be unicast networks with a route"
						       : NULL;
}

// What of its own gateway the subnet must not overlap; NULL: nothing it does.
static const struct conf_prefix *overlapped(
	const struct conf_gateway *g, const struct conf_prefix *p, const char **what)
{
	const struct conf_prefix *cidr = p->family == 4 ? &g->client_cidr : &g->client_cidr6;

	*what = p->family == 4 ? "client_cidr" : "client_cidr6";
	if (conf_prefix_overlaps(cidr, p))
		return cidr;
	*what = "local network";
	for (size_t i = 0; i < g->local_network_count; i++)
		if (conf_prefix_overlaps(&g->local_networks[i], p))
			return &g->local_networks[i];
	return NULL;
}

static const char *subnet_fault(
	const struct conf_gateway *g, const struct conf_prefix *p, char why[CONF_CLASH_BYTES])
{
	const struct conf_prefix *cidr = p->family == 4 ? &g->client_cidr : &g->client_cidr6,
				 *other;
	char got[CONF_TEXT_BYTES], text[CONF_TEXT_BYTES];
	const char *kind = subnet_kind(p), *what;

	conf_text_prefix(got, p);
	if (kind) {
		snprintf(why, CONF_CLASH_BYTES, "%s, got \"%s\"", kind, got);
		return "subnets";
	}
	if (!cidr->family) {
		snprintf(why, CONF_CLASH_BYTES, "must be of the family of %s, got \"%s\"",
			p->family == 4 ? "client_cidr6" : "client_cidr", got);
		return "subnets";
	}
	other = overlapped(g, p, &what);
	if (!other)
		return NULL;
	snprintf(why, CONF_CLASH_BYTES, "must not overlap %s %s, got \"%s\"", what,
		conf_text_prefix(text, other), got);
	return "subnets";
}

// The first of c's subnets that overlaps one of the `count` first of o's; NULL: none.
static const struct conf_prefix *subnets_overlap(const struct conf_client *c,
	const struct conf_client *o, size_t count, const struct conf_prefix **with)
{
	for (size_t i = 0; i < c->subnet_count; i++) {
		for (size_t j = 0; j < (c == o ? i : count); j++) {
			if (!conf_prefix_overlaps(&c->subnets[i], &o->subnets[j]))
				continue;
			*with = &o->subnets[j];
			return &c->subnets[i];
		}
	}
	return NULL;
}

static const char *subnets_fault(
	const struct conf_gateway *g, const struct conf_client *c, char why[CONF_CLASH_BYTES])
{
	char got[CONF_TEXT_BYTES], text[CONF_TEXT_BYTES];
	const struct conf_prefix *p, *with;
	const char *option = NULL;

	for (size_t i = 0; i < c->subnet_count && !option; i++)
		option = subnet_fault(g, &c->subnets[i], why);
	for (const struct conf_client *o = g->clients; o <= c && !option; o++) {
		p = subnets_overlap(c, o, o->subnet_count, &with);
		if (!p)
			continue;
		snprintf(why, CONF_CLASH_BYTES, "must not overlap %s of client %s, got \"%s\"",
			conf_text_prefix(text, with), o->name, conf_text_prefix(got, p));
		option = "subnets";
	}
	return option;
}

const char *conf_client_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char got[CONF_TEXT_BYTES], text[CONF_TEXT_BYTES];
	const struct conf_prefix *p, *with;

	for (size_t i = 0; i < g->client_count; i++) {
		const struct conf_client *c = &g->clients[i];

		for (size_t j = 0; j < o->client_count; j++) {
			p = subnets_overlap(c, &o->clients[j], o->clients[j].subnet_count, &with);
			if (!p)
				continue;
			snprintf(why, CONF_CLASH_BYTES,
				"must not overlap subnet %s of client %s of gateway %s in the same "
				"routing domain, got \"%s\" of client %s",
				conf_text_prefix(text, with), o->clients[j].name, o->name,
				conf_text_prefix(got, p), c->name);
			return "clients";
		}
	}
	return NULL;
}

// The first subnet behind one of g's clients that overlaps a client network of o; NULL: none.
static const struct conf_prefix *subnet_in_cidr(const struct conf_gateway *g,
	const struct conf_gateway *o, const struct conf_client **client,
	const struct conf_prefix **cidr)
{
	for (size_t i = 0; i < g->client_count; i++) {
		*client = &g->clients[i];
		for (size_t j = 0; j < (*client)->subnet_count; j++) {
			const struct conf_prefix *p = &(*client)->subnets[j];

			*cidr = p->family == 4 ? &o->client_cidr : &o->client_cidr6;
			if (conf_prefix_overlaps(*cidr, p))
				return p;
		}
	}
	return NULL;
}

const char *conf_client_cidr_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char got[CONF_TEXT_BYTES], text[CONF_TEXT_BYTES];
	const struct conf_client *c;
	const struct conf_prefix *cidr, *p = subnet_in_cidr(g, o, &c, &cidr);

	if (!p)
		return NULL;
	snprintf(why, CONF_CLASH_BYTES,
		"must not overlap the client network %s of gateway %s in the same routing domain, "
		"got subnet \"%s\" of client %s",
		conf_text_prefix(text, cidr), o->name, conf_text_prefix(got, p), c->name);
	return "clients";
}

const char *conf_cidr_client_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES])
{
	char got[CONF_TEXT_BYTES], text[CONF_TEXT_BYTES];
	const struct conf_client *c;
	const struct conf_prefix *cidr, *p = subnet_in_cidr(o, g, &c, &cidr);

	if (!p)
		return NULL;
	snprintf(why, CONF_CLASH_BYTES,
		"must not overlap subnet %s of client %s of gateway %s in the same routing domain, "
		"got \"%s\"",
		conf_text_prefix(text, p), c->name, o->name, conf_text_prefix(got, cidr));
	return cidr->family == 4 ? "client_cidr" : "client_cidr6";
}

static const char *same_as(
	const struct conf_client *c, const struct conf_client *o, char why[CONF_CLASH_BYTES])
{
	char got[CONF_TEXT_BYTES];

	if (strcmp(c->name, o->name) == 0) {
		snprintf(why, CONF_CLASH_BYTES, "must be unique, got the one of line %d again",
			o->line);
		return "name";
	}
	if (c->address.family && conf_addr_equal(&c->address, &o->address)) {
		snprintf(why, CONF_CLASH_BYTES, "must be unique, got \"%s\" of client %s again",
			conf_text_addr(got, &c->address), o->name);
		return "address";
	}
	if (c->address6.family && conf_addr_equal(&c->address6, &o->address6)) {
		snprintf(why, CONF_CLASH_BYTES, "must be unique, got \"%s\" of client %s again",
			conf_text_addr(got, &c->address6), o->name);
		return "address6";
	}
	return NULL;
}

const char *conf_client_fault(
	const struct conf_gateway *g, size_t index, char why[CONF_CLASH_BYTES])
{
	const struct conf_client *c = &g->clients[index];
	const char *option = fault4(g, c, why);

	if (!option)
		option = fault6(g, c, why);
	if (!option)
		option = subnets_fault(g, c, why);
	for (size_t i = 0; i < index && !option; i++)
		option = same_as(c, &g->clients[i], why);
	return option;
}
