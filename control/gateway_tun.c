// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A gateway's TUN device: made at start, and again if somebody deletes it.

#include "control/gateway_priv.h"

#include "dataplane/base/log.h"
#include "drivers/tun.h"

#include <string.h>
#include <unistd.h>

LOG_TYPE("gateway");

#define RETRY_S 1.
#define RETRY_MAX_S 60.

static const char *gateway_name(const struct gateway *g)
{
	return g->settings->conf.name;
}

void gateway_tun_close(struct gateway *g)
{
	ev_timer_stop(g->env.loop, &g->tun_retry);
	if (g->tun_fd < 0)
		return;
	slowpath_tun_del(g->env.slowpath, g->id);
	close(g->tun_fd);
	g->tun_fd = -1;
}

// The connected prefix of the addresses is the kernel's route to clients.
static int set_addresses(struct gateway *g)
{
	struct kernel *k = fabric_kernel(g->env.fabric, g->vpn_domain);
	const struct conf_gateway *gw = &g->settings->conf;
	uint8_t self4[4], self6[16];
	int rc = 0;

	ippool_self(g->pool, self4, self6);
	if (gw->client_cidr.family)
		rc = kernel_addr_add(k, g->tun_ifindex, 4, self4, gw->client_cidr.len);
	if (!rc && gw->client_cidr6.family)
		rc = kernel_addr_add(k, g->tun_ifindex, 6, self6, gw->client_cidr6.len);
	return rc ? errno_log(rc, "gateway=%s: cannot set the address of %s", gw->name, gw->tun)
		  : 0;
}

int gateway_tun_open(struct gateway *g)
{
	const struct conf_gateway *gw = &g->settings->conf;
	int rc;

	g->tun_fd = tun_open(gw->tun, gw->netns, g->tun_mtu, &g->tun_ifindex);
	if (g->tun_fd < 0)
		return g->tun_fd; // logged there
	rc = set_addresses(g);
	if (!rc)
		rc = slowpath_tun_add(g->env.slowpath, g->id, g->tun_fd);
	if (rc)
		gateway_tun_close(g);
	return rc;
}

static void open_again(struct gateway *g, double wait_s)
{
	const char *tun = g->settings->conf.tun;

	if (gateway_tun_open(g) == 0) {
		gateway_subnets_restore(g);
		LOG(NOTICE,
			"gateway=%s: TUN device %s is there again; routes that others had set "
			"through it are not",
			gateway_name(g), tun);
		return;
	}
	LOG(ERR,
		"gateway=%s: no TUN device %s: packets that need the kernel are lost; remove what is "
		"in its way, next attempt in %.0f s",
		gateway_name(g), tun, wait_s);
	ev_timer_set(&g->tun_retry, wait_s, 0.);
	g->tun_retry_s = wait_s * 2 < RETRY_MAX_S ? wait_s * 2 : RETRY_MAX_S;
	ev_timer_start(g->env.loop, &g->tun_retry);
}

static void retry_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct gateway *g = t->data;

	(void)loop;
	(void)revents;
	open_again(g, g->tun_retry_s);
}

void gateway_tun_init(struct gateway *g)
{
	g->tun_fd = -1;
	ev_timer_init(&g->tun_retry, retry_due, 0., 0.);
	g->tun_retry.data = g;
}

void gateway_tun_check(struct gateway *g)
{
	if (g->tun_fd < 0 || !slowpath_tun_is_gone(g->env.slowpath, g->id))
		return;
	LOG(ERR, "gateway=%s: TUN device %s was deleted: the fast path goes on, making it again",
		gateway_name(g), g->settings->conf.tun);
	gateway_tun_close(g);
	open_again(g, RETRY_S);
}
