// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Networks behind a client: while it is connected, workers take what comes from there as its own and
// send it what is for there, and the kernel has a route through the gateway's TUN device, so that the
// slow path says the same. All of these or none: a network that one of them cannot have is left out.

#include "control/gateway_priv.h"

#include "control/conf/conf_value.h"
#include "dataplane/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("client");

struct client_subnets {
	size_t count;
	struct conf_prefix list[CONF_SUBNETS_MAX];
};

static void say_why(const struct client *c, const struct conf_prefix *p, const char *why)
{
	char text[CONF_TEXT_BYTES];

	LOG(WARNING, "gateway=%s client=%s: subnet %s is not routed to it: %s",
		c->settings->conf.name, c->common_name, conf_text_prefix(text, p), why);
}

// The workers would send it to the client, whatever the kernel thinks.
static bool is_kernels(const struct client *c, const struct conf_prefix *p)
{
	struct kernel *k = fabric_kernel(c->gw->env.fabric, c->gw->vpn_domain);
	char why[CONF_TEXT_BYTES + 64], text[CONF_TEXT_BYTES];
	struct conf_prefix what = {.family = p->family};

	if (!kernel_has_within(
		    k, c->gw->tun_ifindex, p->family, p->addr, p->len, what.addr, &what.len))
		return false;
	snprintf(why, sizeof(why), "the kernel has %s, inside of it, elsewhere",
		conf_text_prefix(text, &what));
	say_why(c, p, why);
	return true;
}

static bool route(struct client *c, const struct conf_prefix *p)
{
	struct gateway *g = c->gw;
	struct kernel *k = fabric_kernel(g->env.fabric, g->vpn_domain);
	int rc;

	if (is_kernels(c, p))
		return false;
	rc = publish_subnet_add(g->env.publish, c->peer_id, p->family, p->addr, p->len);
	if (rc) {
		say_why(c, p, rc == -EEXIST ? "another client has it" : strerror(-rc));
		return false;
	}
	rc = kernel_route_add(k, g->tun_ifindex, p->family, p->addr, p->len);
	if (rc) {
		publish_subnet_del(g->env.publish, c->peer_id, p->family, p->addr, p->len);
		say_why(c, p,
			rc == -EEXIST ? "the kernel has a route to it already" : strerror(-rc));
		return false;
	}
	if (!c->settings->conf.fast_path)
		return true;
	rc = fabric_client_add(g->env.fabric, g->vpn_domain, p->family, p->addr, p->len);
	if (rc)
		say_why(c, p, "but by the kernel: no room in the XDP program");
	return true;
}

static void unroute(struct client *c, const struct conf_prefix *p)
{
	struct gateway *g = c->gw;

	if (c->settings->conf.fast_path)
		fabric_client_del(g->env.fabric, g->vpn_domain, p->family, p->addr, p->len);
	kernel_route_del(fabric_kernel(g->env.fabric, g->vpn_domain), g->tun_ifindex, p->family,
		p->addr, p->len);
	publish_subnet_del(g->env.publish, c->peer_id, p->family, p->addr, p->len);
}

static bool is_among(const struct conf_prefix *p, const struct conf_prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(p, &list[i], sizeof(*p)))
			return true;
	return false;
}

void client_subnets_trim(struct client *c, const struct conf_client *own)
{
	struct client_subnets *s = c->subnets;
	size_t n = 0;

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		if (own && is_among(&s->list[i], own->subnets, own->subnet_count))
			s->list[n++] = s->list[i];
		else
			unroute(c, &s->list[i]);
	}
	s->count = n;
	if (n > 0)
		return;
	free(s);
	c->subnets = NULL;
}

void client_subnets_fill(struct client *c, const struct conf_client *own)
{
	struct client_subnets *s = c->subnets;

	if (!own || own->subnet_count == 0)
		return;
	if (!s)
		s = c->subnets = calloc(1, sizeof(*s));
	for (size_t i = 0; s && i < own->subnet_count; i++) {
		const struct conf_prefix *p = &own->subnets[i];

		if (!is_among(p, s->list, s->count) && route(c, p))
			s->list[s->count++] = *p;
	}
	if (!s)
		errno_log(ENOMEM, "gateway=%s client=%s: no subnet is routed to it",
			c->settings->conf.name, c->common_name);
}

static void restore(struct client *c)
{
	struct kernel *k = fabric_kernel(c->gw->env.fabric, c->gw->vpn_domain);

	for (size_t i = 0; c->subnets && i < c->subnets->count; i++) {
		const struct conf_prefix *p = &c->subnets->list[i];

		if (kernel_route_add(k, c->gw->tun_ifindex, p->family, p->addr, p->len))
			say_why(c, p, "by the kernel, which has no route");
	}
}

void gateway_subnets_restore(struct gateway *g)
{
	struct client *c, *next;

	HASH_ITER(by_key, g->clients, c, next)
		restore(c);
}
