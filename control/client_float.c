// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Float: a connected client's address changes, because its network or a NAT on the way does. The
// worker has seen that the newest packet on one of its keys came from there. [OpenVPN mudp.c, multi.c
// multi_process_float]

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"

#include <string.h>

// Address changes of one client, so that two who share a key cannot make control and log busy.
#define FLOAT_PER_SECOND 1
#define FLOAT_BURST 5

static bool same_identity(const struct client *a, const struct client *b)
{
	const struct session_info *x = session_info(a->session), *y = session_info(b->session);

	return strcmp(x->common_name, y->common_name) == 0 &&
	       memcmp(x->cert_sha256, y->cert_sha256, sizeof(x->cert_sha256)) == 0;
}

// Only who shows the same certificate may take another client's address: it is the same device,
// whose former session has not ended yet.
static bool may_take(const struct client *c, const struct client *other)
{
	return !other || same_identity(c, other);
}

static bool is_endpoint(const struct gateway *g, const struct session_addr *a)
{
	return a->family == g->local.family && a->port_be == g->local.port_be &&
	       memcmp(a->addr, g->local.addr, sizeof(a->addr)) == 0;
}

static void set_key(struct client *c, const struct session_addr *remote)
{
	struct gateway *g = c->gw;
	struct client_key key = c->key;
	struct client *same;

	memcpy(key.addr, remote->addr, sizeof(key.addr));
	key.port_be = remote->port_be;
	HASH_FIND(by_key, g->clients, &key, sizeof(key), same);
	// A handshake there that uses this client's session id: it has not shown a key, this one has.
	if (same)
		client_free(same);
	HASH_DELETE(by_key, g->clients, c);
	c->key = key;
	HASH_ADD(by_key, g->clients, key, sizeof(c->key), c);
}

void client_float(struct client *c, const struct session_addr *to)
{
	const struct bucket_rate rate = bucket_rate(1000, FLOAT_PER_SECOND, FLOAT_BURST);
	struct session_addr remote = session_info(c->session)->remote;
	struct gateway *g = c->gw;
	struct client *other;

	if (!c->admitted || to->family != remote.family ||
		(to->port_be == remote.port_be &&
			memcmp(to->addr, remote.addr, sizeof(to->addr)) == 0))
		return;
	if (!bucket_take(&c->float_bucket, clock_ms(), &rate))
		return;
	memcpy(remote.addr, to->addr, sizeof(remote.addr));
	remote.port_be = to->port_be;
	other = client_at_address(g, &remote);
	if (is_endpoint(g, to) || !may_take(c, other)) {
		g->floats_refused++;
		session_float_refused(c->session, &remote);
		return;
	}
	if (other)
		session_close(other->session, SESSION_END_REPLACED, clock_ms());
	if (publish_peer_link(
		    g->env.publish, c->peer_id, &remote, client_link_nexthop(g, &remote), 0))
		return;                       // its next packet asks again
	memset(&c->pmtu, 0, sizeof(c->pmtu)); // another path
	set_key(c, &remote);
	g->floats++;
	session_float(c->session, &remote);
}
