// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of single clients when they come into force: which addresses are nobody else's any more, and
// what a reload means for who is connected.

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"

#include <string.h>

// An address, or what is behind it, is there once: whatever duplicate_cn allows others.
static bool is_unique(const struct conf_client *own)
{
	return own && (own->address.family || own->address6.family || own->subnet_count);
}

bool client_is_alone(const struct client *c)
{
	return c->settings->conf.duplicate_cn == CONF_DUPLICATE_REPLACE || is_unique(c->options);
}

void gateway_addresses_reserve(struct gateway *g)
{
	const struct conf_gateway *conf = &g->settings->conf;

	ippool_unreserve_all(g->pool);
	for (size_t i = 0; i < conf->client_count; i++) {
		const struct conf_client *own = &conf->clients[i];

		if (own->address.family)
			ippool_reserve(g->pool, 4, own->address.addr);
		if (own->address6.family)
			ippool_reserve(g->pool, 6, own->address6.addr);
	}
}

static bool has_address(const struct session_lease *lease, const struct conf_client *own)
{
	return (own->address.family && !memcmp(own->address.addr, lease->vpn4, 4)) ||
	       (own->address6.family && !memcmp(own->address6.addr, lease->vpn6, 16));
}

// Does the client hold what these settings give to another one?
static bool holds_anothers(const struct client *c, const struct conf_gateway *conf)
{
	const struct session_lease *lease = session_lease(c->session);

	for (size_t i = 0; i < conf->client_count && lease; i++)
		if (has_address(lease, &conf->clients[i]) &&
			strcmp(conf->clients[i].name, c->common_name))
			return true;
	return false;
}

static bool is_same(const struct conf_client *a, const struct conf_client *b)
{
	return a == b || (a && b && !memcmp(a, b, offsetof(struct conf_client, line)));
}

enum change { CHANGE_NONE, CHANGE_LATER, CHANGE_DISABLED, CHANGE_MOVED };

static enum change change_of(const struct client *c, const struct conf_gateway *conf)
{
	const struct conf_client *own = conf_client_by_name(conf, c->common_name);

	if (own && own->disabled)
		return CHANGE_DISABLED;
	if (holds_anothers(c, conf))
		return CHANGE_MOVED;
	return is_same(c->options, own) ? CHANGE_NONE : CHANGE_LATER;
}

static bool has_same_subnets(const struct conf_client *a, const struct conf_client *b)
{
	size_t n = a ? a->subnet_count : 0;

	if (n != (b ? b->subnet_count : 0))
		return false;
	return n == 0 || !memcmp(a->subnets, b->subnets, n * sizeof(a->subnets[0]));
}

static void change_count(const struct client *c, const struct conf_gateway *to_come,
	struct gateway_client_changes *out)
{
	enum change change;

	if (!c->admitted)
		return;
	change = change_of(c, to_come);
	out->subnets += !has_same_subnets(
		conf_client_by_name(&c->gw->settings->conf, c->common_name),
		conf_client_by_name(to_come, c->common_name));
	out->later += change == CHANGE_LATER;
	out->disabled += change == CHANGE_DISABLED;
	out->moved += change == CHANGE_MOVED;
}

void gateway_client_changes(const struct gateway *g, const struct gateway_settings *to_come,
	struct gateway_client_changes *out)
{
	struct client *c, *next;

	memset(out, 0, sizeof(*out));
	HASH_ITER(by_key, g->clients, c, next)
		change_count(c, &to_come->conf, out);
}

static void change_apply(struct client *c)
{
	enum change change = CHANGE_NONE;

	if (c->admitted)
		change = change_of(c, &c->gw->settings->conf);
	if (change != CHANGE_DISABLED && change != CHANGE_MOVED)
		return;
	session_restart(c->session, SESSION_END_KILLED,
		change == CHANGE_DISABLED ? "HALT,this client is disabled"
					  : "RESTART,this address is another client's from now on",
		clock_ms());
	client_settle(c);
}

static void subnets_apply(struct client *c, bool fill)
{
	const struct conf_client *own = conf_client_by_name(&c->gw->settings->conf, c->common_name);

	if (c->admitted && fill)
		client_subnets_fill(c, own);
	else if (c->admitted)
		client_subnets_trim(c, own);
}

void gateway_clients_apply(struct gateway *g)
{
	struct client *c, *next;

	gateway_addresses_reserve(g);
	HASH_ITER(by_key, g->clients, c, next)
		change_apply(c);
	// What one loses another may get: all lose first.
	HASH_ITER(by_key, g->clients, c, next)
		subnets_apply(c, false);
	HASH_ITER(by_key, g->clients, c, next)
		subnets_apply(c, true);
}
