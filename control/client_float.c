// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Float: a connected client's address changes, because its network or a NAT on the way does, maybe to
// the other IP version; or it sends to another address of its gateway and wants answers from there. The
// worker has seen that the newest packet on one of its keys came from there. [OpenVPN mudp.c, multi.c
// multi_process_float]

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <string.h>

LOG_TYPE("client");

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

static bool is_same(const struct session_addr *a, const struct session_addr *b)
{
	return a->family == b->family && a->port_be == b->port_be &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

// Workers do not know the interface that a link-local address belongs to: only a client that had
// one there before may have another.
static bool is_out_of_scope(const struct session_addr *to)
{
	return to->family == 6 && to->addr[0] == 0xfe && (to->addr[1] & 0xc0) == 0x80 &&
	       !to->scope_id;
}

static void set_key(struct client *c, const struct session_addr *remote, uint8_t local_id)
{
	struct gateway *g = c->gw;
	struct client_key key = c->key;
	struct client *same;

	memcpy(key.addr, remote->addr, sizeof(key.addr));
	key.family = remote->family;
	key.local_id = local_id;
	key.port_be = remote->port_be;
	HASH_FIND(by_key, g->clients, &key, sizeof(key), same);
	// A handshake there that uses this client's session id: it has not shown a key, this one has.
	if (same)
		client_free(same);
	HASH_DELETE(by_key, g->clients, c);
	c->key = key;
	HASH_ADD(by_key, g->clients, key, sizeof(c->key), c);
}

// The client has changed the address it sends to.
static void log_local(const struct client *c, uint8_t local_id)
{
	char text[SESSION_ADDR_TEXT_BYTES];

	LOG(NOTICE, "gateway=%s client=%s: talks to %s now", c->settings->conf.name, c->common_name,
		session_addr_text(&c->gw->locals[local_id].addr, text, sizeof(text)));
}

void client_float(struct client *c, const struct session_addr *to, uint8_t local_id)
{
	const struct bucket_rate rate = bucket_rate(1000, FLOAT_PER_SECOND, FLOAT_BURST);
	const struct session_addr *was = &session_info(c->session)->remote;
	bool moved = !is_same(to, was), other_local = local_id != c->key.local_id;
	struct session_addr remote = *to;
	struct gateway *g = c->gw;
	struct client *other;

	if (!c->admitted || (!moved && !other_local) || !gateway_local_in_use(g, local_id))
		return;
	if (!bucket_take(&c->float_bucket, clock_ms(), &rate))
		return;
	remote.scope_id = was->scope_id;
	other = client_at_address(g, local_id, &remote);
	if (gateway_is_local(g, to) || is_out_of_scope(&remote) || !may_take(c, other)) {
		g->floats_refused++;
		session_float_refused(c->session, &remote);
		return;
	}
	if (other)
		session_close(other->session, SESSION_END_REPLACED, clock_ms());
	if (client_link_publish(c, &remote, local_id, 0))
		return;                       // its next packet asks again
	memset(&c->pmtu, 0, sizeof(c->pmtu)); // another path
	set_key(c, &remote, local_id);
	g->floats++;
	if (moved)
		session_float(c->session, &remote);
	if (other_local)
		log_local(c, local_id);
}
