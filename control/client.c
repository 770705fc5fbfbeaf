// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A gateway's side of a session: admission, duplicate certificates, the peer in the data plane,
// timers. See session.h for what sessions ask.

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <rte_common.h>
#include <utlist.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("client");

#define HALF_OPEN_MIN 32       // handshakes under way at once, however few may connect
#define ABANDONED_STEPS_MAX 64 // in the pool, beyond which nobody is evicted who has one there

// Steps in the pool whose session is gone, of all gateways: their memory is still to be freed.
static unsigned int abandoned_steps;

// Names ---------------------------------------------------------------------------------------

static struct client *clients_of_name(struct gateway *g, const char *name)
{
	struct client_name *cn;

	HASH_FIND_STR(g->names, name, cn);
	return cn ? cn->first : NULL;
}

static int name_enter(struct client *c, const char *name)
{
	struct gateway *g = c->gw;
	struct client_name *cn;

	HASH_FIND_STR(g->names, name, cn);
	if (!cn) {
		cn = calloc(1, sizeof(*cn));
		if (!cn)
			return -ENOMEM;
		snprintf(cn->name, sizeof(cn->name), "%s", name);
		HASH_ADD_STR(g->names, name, cn);
	}
	snprintf(c->common_name, sizeof(c->common_name), "%s", name);
	DL_PREPEND2(cn->first, c, name_prev, name_next);
	return 0;
}

static void name_leave(struct client *c)
{
	struct gateway *g = c->gw;
	struct client_name *cn;

	HASH_FIND_STR(g->names, c->common_name, cn);
	if (!cn)
		return;
	DL_DELETE2(cn->first, c, name_prev, name_next);
	if (!cn->first) {
		HASH_DEL(g->names, cn);
		free(cn);
	}
}

// Admission -----------------------------------------------------------------------------------

struct client *client_at_address(
	const struct gateway *g, uint8_t local_id, const struct session_addr *remote)
{
	uint32_t id = iroute_link_lookup(
		g->env.dp->iroute, g->id, local_id, remote->family, remote->addr, remote->port_be);

	return id == PROTO_PEER_ID_UNDEF ? NULL : g->env.client_by_peer[id];
}

// The admitted session at the address this one comes from.
static struct client *client_before(const struct client *c)
{
	struct client *other = client_at_address(
		c->gw, c->key.local_id, &session_info(c->session)->remote);

	return other != c ? other : NULL;
}

// Ends older sessions that this one replaces. Only called when the newcomer can have their place.
static void retire_older(struct client *c, const char *name, bool same_name)
{
	struct client *old, *next;

	old = client_before(c);
	if (old)
		session_close(old->session, SESSION_END_REPLACED, clock_ms());
	if (!same_name)
		return;
	for (old = clients_of_name(c->gw, name); old; old = next) {
		next = old->name_next;
		session_close(old->session, SESSION_END_REPLACED, clock_ms());
	}
}

// How many places retire_older() would free.
static uint32_t older_count(const struct client *c, const char *name, bool same_name)
{
	const struct client *at = client_before(c), *old;
	uint32_t n = at ? 1 : 0;

	for (old = same_name ? clients_of_name(c->gw, name) : NULL; old; old = old->name_next)
		n += old != at;
	return n;
}

// By a reload since the handshake began, which knew nothing of this client yet.
static bool is_disabled_now(const struct gateway *g, const char *name)
{
	const struct conf_client *own = conf_client_by_name(&g->settings->conf, name);

	return own && own->disabled;
}

static enum session_verdict admit(void *arg, struct session *s, struct session_lease *lease)
{
	struct client *c = session_owner(s);
	const struct conf_gateway *conf = &c->settings->conf;
	const char *name = session_info(s)->common_name;
	struct gateway *g = arg;
	enum session_verdict verdict;
	bool replace;

	c->options = conf_client_by_name(conf, name);
	replace = client_is_alone(c);
	verdict = SESSION_REFUSE_DISABLED;
	if ((c->options && c->options->disabled) || is_disabled_now(g, name))
		goto refuse;
	verdict = SESSION_REFUSE_DUPLICATE;
	if (conf->duplicate_cn == CONF_DUPLICATE_REFUSE && clients_of_name(g, name))
		goto refuse;
	verdict = SESSION_REFUSE_FULL;
	if (g->admitted_count - older_count(c, name, replace) >= g->settings->conf.max_connections)
		goto refuse;
	retire_older(c, name, replace);
	verdict = client_lease_take(c, name, lease);
	if (verdict != SESSION_ADMIT)
		goto refuse;
	if (name_enter(c, name)) {
		client_lease_give_back(c);
		verdict = SESSION_REFUSE_FULL;
		goto refuse;
	}
	c->admitted = true;
	half_open_del(&g->half_open, &c->handshake);
	g->admitted_count++;
	g->admitted_total++;
	g->env.client_by_peer[c->peer_id] = c;
	client_steer(c, lease, true);
	client_subnets_fill(c, c->options);
	return SESSION_ADMIT;
refuse:
	g->refused_total++;
	return verdict;
}

static void depart(struct client *c)
{
	struct gateway *g = c->gw;

	c->admitted = false;
	g->admitted_count--;
	client_subnets_trim(c, NULL);
	client_steer(c, session_lease(c->session), false);
	g->env.client_by_peer[c->peer_id] = NULL;
	client_lease_give_back(c);
	name_leave(c);
}

// What sessions ask ---------------------------------------------------------------------------

static void send_datagram(void *arg, struct session *s, const uint8_t *data, size_t len)
{
	const struct client *c = session_owner(s);
	struct gateway *g = arg;

	endpoint_send(g->locals[c->key.local_id].endpoint, &session_info(s)->remote, data, len);
}

static void step_work(struct pool_job *job)
{
	struct tls_step *step = (struct tls_step *)job; // its first member

	step->result = tls_conn_handshake(step->conn);
}

static void step_done(struct pool_job *job)
{
	struct tls_step *step = (struct tls_step *)job;
	struct client *c = step->client;
	int result = step->result;

	if (c)
		c->step = NULL;
	else
		tls_conn_free(step->conn);
	abandoned_steps -= !c;
	free(step);
	if (!c)
		return;
	session_tls_done(c->session, result, clock_ms());
	client_settle(c);
}
static_assert(offsetof(struct tls_step, job) == 0, "tls_step: the job comes first");

static int tls_step(void *arg, struct session *s, struct tls_conn *conn)
{
	struct client *c = session_owner(s);
	struct tls_step *step = calloc(1, sizeof(*step));
	struct gateway *g = arg;

	if (!step)
		return -ENOMEM;
	step->job = (struct pool_job){.work = step_work, .done = step_done};
	step->client = c;
	step->conn = conn;
	step->result = -ECANCELED; // if the pool ends before it gets to it
	c->step = step;
	// Whoever is connected has traffic to lose.
	pool_submit(g->env.pool, session_is_connected(s) ? POOL_ESTABLISHED : POOL_NEW, &step->job);
	return 0;
}

static void tls_abandon(void *arg, struct session *s, struct tls_conn *conn)
{
	struct client *c = session_owner(s);

	(void)arg;
	(void)conn; // is the step's
	c->step->client = NULL;
	c->step = NULL;
	abandoned_steps++;
}

static int key_add(void *arg, struct session *s, const struct session_key *key, bool promote)
{
	struct client *c = session_owner(s);
	struct gateway *g = arg;

	return c->admitted ? publish_key_add(g->env.publish, c->peer_id, key, promote) : -ENOENT;
}

static void key_promote(void *arg, struct session *s, uint8_t key_id)
{
	struct client *c = session_owner(s);
	struct gateway *g = arg;

	if (c->admitted)
		publish_key_promote(g->env.publish, c->peer_id, key_id);
}

static void key_remove(void *arg, struct session *s, uint8_t key_id)
{
	struct client *c = session_owner(s);
	struct gateway *g = arg;

	if (c->admitted)
		publish_key_del(g->env.publish, c->peer_id, key_id);
}

static void connected(void *arg, struct session *s)
{
	struct client *c = session_owner(s);
	struct gateway *g = arg;

	c->behind = c->settings != g->settings;
}

static void closed(void *arg, struct session *s, enum session_end end)
{
	struct client *c = session_owner(s);

	(void)arg;
	(void)end;
	if (c->admitted)
		depart(c);
	// Whoever closed it may be in the middle of another session's call: free it from the timer.
	ev_timer_stop(c->gw->env.loop, &c->timer);
	ev_timer_set(&c->timer, 0., 0.);
	ev_timer_start(c->gw->env.loop, &c->timer);
}

const struct session_ops client_session_ops = {
	.send = send_datagram,
	.tls_step = tls_step,
	.tls_abandon = tls_abandon,
	.admit = admit,
	.key_add = key_add,
	.key_promote = key_promote,
	.key_remove = key_remove,
	.connected = connected,
	.closed = closed,
};

// Life and timers -----------------------------------------------------------------------------

// Tells the session what the data plane has received. False while that carries nothing for it.
static bool data_seen(struct client *c, uint64_t now, struct publish_peer_stats *stats)
{
	if (!c->admitted || !session_is_connected(c->session) ||
		!publish_peer_stats(c->gw->env.publish, c->peer_id, stats))
		return false;
	if (stats->recv_age_ms != UINT64_MAX)
		session_data_seen(c->session, now - stats->recv_age_ms);
	return true;
}

// Sends a keepalive if nothing was sent for the interval; returns when to look again.
static uint64_t keepalive(struct client *c, uint64_t now)
{
	uint64_t interval = (uint64_t)c->settings->conf.keepalive_interval_s * 1000;
	struct publish_peer_stats stats;
	uint64_t idle;

	if (!data_seen(c, now, &stats) || interval == 0)
		return UINT64_MAX;
	// The worker may not have sent yet what it was given a moment ago.
	idle = now - c->pinged_ms;
	if (stats.send_age_ms < idle)
		idle = stats.send_age_ms;
	if (idle < interval)
		return now + (interval - idle);
	// A full ring means the worker is busy sending: nothing lost by waiting.
	publish_message(c->gw->env.publish, c->peer_id, proto_ping, sizeof(proto_ping));
	c->pinged_ms = now;
	return now + interval;
}

void client_settle(struct client *c)
{
	uint64_t now = clock_ms(), next, ping, forget = pmtu_next(&c->pmtu);

	if (c->unproven && !session_is_unproven(c->session)) {
		c->unproven = false;
		c->gw->unproven_count--;
	}
	if (c->behind && now >= c->catch_up_ms)
		client_catch_up(c);
	if (session_is_closed(c->session)) {
		client_free(c);
		return;
	}
	next = session_next_tick(c->session);
	ping = keepalive(c, now);
	next = ping < next ? ping : next;
	if (c->admitted && next > now + CLIENT_USAGE_CHECK_MS)
		next = now + CLIENT_USAGE_CHECK_MS;
	next = forget < next ? forget : next;
	next = c->behind && c->catch_up_ms < next ? c->catch_up_ms : next;
	ev_timer_stop(c->gw->env.loop, &c->timer);
	ev_now_update(c->gw->env.loop);
	ev_timer_set(&c->timer, next > now ? (double)(next - now) / 1000. : 0., 0.);
	ev_timer_start(c->gw->env.loop, &c->timer);
}

static void timer_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct publish_peer_stats stats;
	struct client *c = t->data;

	(void)loop;
	(void)revents;
	// First what the data plane has seen, so that the tick does not time out a live client.
	(void)data_seen(c, clock_ms(), &stats);
	client_link_age(c, clock_ms());
	if (!session_is_closed(c->session))
		session_tick(c->session, clock_ms());
	client_usage_check(c, clock_ms());
	client_settle(c);
}

uint32_t gateway_half_open_limit(const struct gateway *g)
{
	uint32_t n = g->settings->conf.max_connections;

	return n < HALF_OPEN_MIN ? HALF_OPEN_MIN : n > HALF_OPEN_MAX ? HALF_OPEN_MAX : n;
}

// Who gives his place to a handshake from there; NULL: nobody.
static struct client *victim_for(struct gateway *g, const struct session_addr *remote, bool of_node)
{
	struct half_open_entry *entry = of_node ? half_open_node_victim(&g->half_open, remote)
						: half_open_victim(&g->half_open, remote);
	struct client *c = entry ? container_of(entry, struct client, handshake) : NULL;

	// Places may change hands faster than the pool gets to steps that nobody waits for any more.
	return c && c->step && abandoned_steps >= ABANDONED_STEPS_MAX ? NULL : c;
}

// Room for one more handshake from there, at the cost of another source or gateway if need be.
// Clients that have been admitted are not asked for anything, nor are those that say goodbye: they
// must not keep others from coming, nor themselves from coming back.
static bool make_room(struct gateway *g, const struct session_addr *remote)
{
	bool own = g->half_open.count >= gateway_half_open_limit(g);
	bool of_node = !own && half_open_node_is_full(&g->half_open);
	struct client *c;

	if (!own && !of_node)
		return true;
	c = victim_for(g, remote, of_node);
	if (!c) {
		g->half_open_dropped++;
		if (of_node)
			g->env.half_open->dropped++;
		return false;
	}
	c->gw->half_open_evicted++;
	if (c->gw != g)
		g->env.half_open->moved++;
	session_close(c->session, SESSION_END_CROWDED, clock_ms());
	client_free(c);
	return true;
}

struct client *client_new(struct gateway *g, const struct session_addr *remote,
	const struct client_key *key, const struct session_start *start)
{
	struct client *c = make_room(g, remote) ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->gw = g;
	c->key = *key;
	c->settings = g->settings;
	c->session = session_new(&c->settings->session, remote, start, clock_ms());
	if (!c->session || half_open_add(&g->half_open, remote, &c->handshake)) {
		session_free(c->session);
		free(c);
		return NULL;
	}
	c->settings->refs++;
	c->unproven = start->unproven;
	g->unproven_count += c->unproven;
	session_set_owner(c->session, c);
	ev_timer_init(&c->timer, timer_due, 0., 0.);
	c->timer.data = c;
	HASH_ADD(by_key, g->clients, key, sizeof(c->key), c);
	g->session_count++;
	return c;
}

void client_free(struct client *c)
{
	struct gateway *g = c->gw;

	if (c->admitted)
		depart(c);
	half_open_del(&g->half_open, &c->handshake);
	g->unproven_count -= c->unproven;
	ev_timer_stop(g->env.loop, &c->timer);
	HASH_DELETE(by_key, g->clients, c);
	g->session_count--;
	session_free(c->session);
	gateway_settings_put(c->settings);
	free(c);
}

void gateway_event(struct client *c, const struct event *ev)
{
	struct session_addr from = {.family = ev->family, .port_be = ev->port_be};
	uint64_t now = clock_ms();

	switch ((enum event_type)ev->type) {
	case EVENT_KEY_USED:
		session_key_used(c->session, ev->key_id, now);
		break;
	case EVENT_PKTID_HIGH:
		session_renegotiate(c->session, "packet ids run out", now);
		break;
	case EVENT_EPOCH:
		client_usage_check(c, now);
		break;
	case EVENT_OCC_REQUEST:
		client_occ_reply(c);
		break;
	case EVENT_COMPRESSED:
		session_compressed(c->session, now);
		break;
	case EVENT_PEER_EXIT:
		session_peer_exit(c->session, now);
		break;
	case EVENT_FLOAT:
		memcpy(from.addr, ev->addr, sizeof(from.addr));
		client_float(c, &from, ev->local_id);
		break;
	}
	client_settle(c);
}
