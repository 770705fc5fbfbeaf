// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The outside addresses of a gateway: a pair of kernel sockets each, and a place in the XDP program's
// map and in the workers' table. Their number in the gateway (local_id) is what packets and clients
// carry, so that an answer leaves from the address that was asked. A reload adds and removes them
// while clients are connected.

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

LOG_TYPE("gateway");

#define GOODBYE_MS 2000 // clients get this long to acknowledge RESTART

static bool same_addr(const struct session_addr *a, const struct session_addr *b)
{
	return a->family == b->family && a->port_be == b->port_be &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static struct session_addr from_conf(const struct conf_addr *addr, uint16_t port)
{
	struct session_addr a = {.family = addr->family, .port_be = rte_cpu_to_be_16(port)};

	memcpy(a.addr, addr->addr, sizeof(a.addr));
	return a;
}

static struct gateway_local *local_find(struct gateway *g, const struct session_addr *addr)
{
	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++)
		if (g->locals[i].gw && same_addr(&g->locals[i].addr, addr))
			return &g->locals[i];
	return NULL;
}

static void local_close(struct gateway_local *l)
{
	struct gateway *g = l->gw;

	if (!g)
		return;
	if (l->steered)
		fabric_endpoint_del(g->env.fabric, g->link_domain, &l->addr);
	if (l->in_slowpath)
		slowpath_link_del(g->env.slowpath, g->id, gateway_local_id(l));
	endpoint_close(l->endpoint);
	memset(l, 0, sizeof(*l));
}

static int local_bring_up(struct gateway_local *l, const struct conf_gateway *gw)
{
	struct gateway *g = l->gw;
	int rc;

	l->endpoint = endpoint_open(
		g->env.loop, gw->name, gw->link_netns, &l->addr, gateway_input, l);
	if (!l->endpoint)
		return -errno;
	rc = slowpath_link_add(
		g->env.slowpath, g->id, gateway_local_id(l), endpoint_data_fd(l->endpoint));
	if (rc)
		return rc;
	l->in_slowpath = true;
	rc = fabric_endpoint_add(g->env.fabric, g->link_domain, &l->addr);
	if (rc)
		return errno_log(rc, "gateway=%s: cannot steer its endpoint", gw->name);
	l->steered = true;
	return 0;
}

static int local_open(
	struct gateway *g, const struct conf_gateway *gw, const struct session_addr *addr)
{
	struct gateway_local *l = g->locals;
	int rc;

	while (l < g->locals + DP_LOCALS_MAX && l->gw)
		l++;
	if (l == g->locals + DP_LOCALS_MAX)
		return errno_log(-EBUSY,
			"gateway=%s: %u addresses are the most, and some are still closing: try "
			"again in a moment",
			gw->name, DP_LOCALS_MAX);
	l->gw = g;
	l->addr = *addr;
	l->pending = true;
	rc = local_bring_up(l, gw);
	if (rc)
		local_close(l);
	return rc;
}

uint8_t gateway_local_id(const struct gateway_local *l)
{
	return (uint8_t)(l - l->gw->locals);
}

int gateway_locals_plan(struct gateway *g, const struct conf_gateway *gw)
{
	int rc = 0;

	for (size_t i = 0; i < gw->endpoint_addr_count && !rc; i++) {
		struct session_addr addr = from_conf(&gw->endpoint_addrs[i], gw->endpoint_port);

		if (!local_find(g, &addr))
			rc = local_open(g, gw, &addr);
	}
	return rc;
}

void gateway_locals_drop(struct gateway *g)
{
	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++)
		if (g->locals[i].pending)
			local_close(&g->locals[i]);
}

static bool is_configured(const struct conf_gateway *gw, const struct session_addr *addr)
{
	for (size_t i = 0; i < gw->endpoint_addr_count; i++) {
		struct session_addr a = from_conf(&gw->endpoint_addrs[i], gw->endpoint_port);

		if (same_addr(&a, addr))
			return true;
	}
	return false;
}

static bool talks_to(const struct client *c, const struct gateway_local *l)
{
	return c->key.local_id == gateway_local_id(l);
}

// Its clients are told, as when the gateway goes.
static uint32_t local_leave(struct gateway_local *l)
{
	struct gateway *g = l->gw;
	struct client *c, *next;
	uint32_t told = 0;

	l->leaving = true;
	l->leave_at_ms = clock_ms() + GOODBYE_MS;
	for (c = g->clients; c; c = next) {
		next = c->by_key.next; // c may be freed
		if (!talks_to(c, l))
			continue;
		told += c->admitted;
		session_restart(
			c->session, SESSION_END_SHUTDOWN, "RESTART,[N]address removed", clock_ms());
		client_settle(c);
	}
	return told;
}

void gateway_locals_apply(struct gateway *g, gateway_say_fn say, void *arg)
{
	const struct conf_gateway *gw = &g->settings->conf;
	char addr[SESSION_ADDR_TEXT_BYTES], text[CONF_NAME_BYTES + sizeof(addr) + 64];

	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++) {
		struct gateway_local *l = &g->locals[i];
		bool stays = l->gw && is_configured(gw, &l->addr);

		if (!l->gw || stays != (l->pending || l->leaving))
			continue;
		session_addr_text(&l->addr, addr, sizeof(addr));
		if (stays) {
			l->pending = l->leaving = false;
			snprintf(text, sizeof(text), "gateway %s: listens on %s too", gw->name,
				addr);
		} else {
			snprintf(text, sizeof(text), "gateway %s: leaves %s, %u clients are told",
				gw->name, addr, local_leave(l));
		}
		if (say)
			say(arg, text);
	}
}

static void end_sessions(struct gateway_local *l)
{
	struct gateway *g = l->gw;
	struct client *c, *next;

	for (c = g->clients; c; c = next) {
		next = c->by_key.next;
		if (talks_to(c, l))
			client_free(c);
	}
}

static bool has_sessions(const struct gateway_local *l)
{
	const struct client *c;

	for (c = l->gw->clients; c; c = c->by_key.next)
		if (talks_to(c, l))
			return true;
	return false;
}

bool gateway_locals_leave(struct gateway *g, uint64_t now_ms)
{
	bool changed = false;

	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++) {
		struct gateway_local *l = &g->locals[i];

		if (!l->leaving || (now_ms < l->leave_at_ms && has_sessions(l)))
			continue;
		end_sessions(l);
		local_close(l);
		changed = true;
	}
	return changed;
}

void gateway_locals_close(struct gateway *g)
{
	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++)
		local_close(&g->locals[i]);
}

const struct gateway_local *gateway_local_in_use(const struct gateway *g, uint8_t local_id)
{
	const struct gateway_local *l;

	if (local_id >= DP_LOCALS_MAX)
		return NULL;
	l = &g->locals[local_id];
	return l->gw && !l->pending && !l->leaving ? l : NULL;
}

bool gateway_is_local(const struct gateway *g, const struct session_addr *addr)
{
	for (unsigned int i = 0; i < DP_LOCALS_MAX; i++)
		if (g->locals[i].gw && same_addr(&g->locals[i].addr, addr))
			return true;
	return false;
}

const char *gateway_locals_clash(
	const struct gateway *g, const struct conf_gateway *gw, char text[SESSION_ADDR_TEXT_BYTES])
{
	if (strcmp(g->settings->conf.link_netns, gw->link_netns))
		return NULL;
	for (size_t i = 0; i < gw->endpoint_addr_count; i++) {
		struct session_addr a = from_conf(&gw->endpoint_addrs[i], gw->endpoint_port);

		if (gateway_is_local(g, &a))
			return session_addr_text(&a, text, SESSION_ADDR_TEXT_BYTES);
	}
	return NULL;
}

unsigned int gateway_locals(const struct gateway *g, const struct session_addr *out[DP_LOCALS_MAX])
{
	unsigned int n = 0;

	for (uint8_t i = 0; i < DP_LOCALS_MAX; i++)
		if (gateway_local_in_use(g, i))
			out[n++] = &g->locals[i].addr;
	return n;
}

// Those that are closing, too: their clients still say goodbye.
unsigned int gateway_dp_endpoints(const struct gateway *g, struct dp_endpoint out[DP_LOCALS_MAX])
{
	unsigned int n = 0;

	for (uint8_t i = 0; i < DP_LOCALS_MAX; i++) {
		const struct gateway_local *l = &g->locals[i];

		if (!l->gw || l->pending)
			continue;
		out[n] = (struct dp_endpoint){.port_be = l->addr.port_be,
			.domain = g->link_domain,
			.family = l->addr.family,
			.local_id = i,
			.gateway = g->id};
		memcpy(out[n].addr, l->addr.addr, sizeof(out[n].addr));
		n++;
	}
	return n;
}
