// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/gateway.h"

#include "control/gateway_priv.h"
#include "control/mbuf_size.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

LOG_TYPE("gateway");

#define TUN_MTU_AUTO_MAX 1500

// Settings ------------------------------------------------------------------------------------

// The file's own list goes with the file.
static int clients_copy(struct conf_gateway *to, const struct conf_gateway *from)
{
	size_t bytes = from->client_count * sizeof(*from->clients);

	to->clients = NULL;
	if (from->client_count == 0)
		return 0;
	to->clients = malloc(bytes);
	if (!to->clients)
		return -ENOMEM;
	memcpy(to->clients, from->clients, bytes);
	return 0;
}

struct gateway_settings *gateway_settings_load(
	const struct conf_gateway *gw, char *err, size_t err_bytes)
{
	struct gateway_settings *s = calloc(1, sizeof(*s));
	char text[TLS_TEXT_BYTES + CONF_PATH_BYTES] = "out of memory";

	if (!s)
		goto err;
	s->conf = *gw;
	s->refs = 1;
	if (clients_copy(&s->conf, gw))
		goto err;
	s->tls = tls_context_new(&s->conf, text, sizeof(text));
	if (!s->tls)
		goto err;
	if (tls_wrap_set_load(&s->wrap, gw, text, sizeof(text)))
		goto err;
	s->session = (struct session_config){
		.gw = &s->conf, .tls = s->tls, .ops = &client_session_ops};
	return s;
err:
	conf_gateway_error(gw, text, err, err_bytes);
	gateway_settings_put(s);
	return NULL;
}

void gateway_settings_put(struct gateway_settings *s)
{
	if (!s || --s->refs > 0)
		return;
	tls_context_free(s->tls);
	tls_wrap_set_fini(&s->wrap);
	free(s->conf.clients);
	free(s);
}

void gateway_settings_drop(struct gateway_settings *s)
{
	gateway_settings_put(s);
}

const struct conf_gateway *gateway_settings_conf(const struct gateway_settings *s)
{
	return &s->conf;
}

void gateway_settings_number(struct gateway_settings *s, uint32_t reload)
{
	s->session.reload = reload;
}

void gateway_settings_apply(struct gateway *g, struct gateway_settings *s)
{
	struct gateway_settings *old = g->settings;
	struct client *c, *next;

	s->session.arg = g;
	g->settings = s;
	handshake_limit_set(g->limit, s->conf.handshake_rate, s->conf.handshake_prefix_rate);
	cookie_key_set_window(&g->cookie, s->conf.hand_window_s, (uint64_t)time(NULL));
	// What has been revoked meanwhile must not renegotiate. The other settings of a session stay
	// those it was begun with.
	HASH_ITER(by_key, g->clients, c, next)
		if (c->settings != s)
			session_set_tls(c->session, s->tls);
	if (g->pool) // else the gateway is just being made
		gateway_clients_apply(g);
	gateway_settings_put(old);
}

#define FIXED(option, member) \
	{ \
		option, offsetof(struct conf_gateway, member), \
			sizeof(((struct conf_gateway *)NULL)->member) \
	}

// What endpoints, domains, TUN device and address pool are made from, once.
static const struct {
	const char *name;
	size_t offset, bytes;
} fixed_options[] = {
	FIXED("endpoint.port", endpoint_port),
	FIXED("netns", netns),
	FIXED("link_netns", link_netns),
	FIXED("tun", tun),
	FIXED("client_cidr", client_cidr),
	FIXED("client_cidr6", client_cidr6),
	FIXED("topology", topology),
	FIXED("tun_mtu", tun_mtu),
	FIXED("fast_path", fast_path),
};

const char *gateway_keep_fixed(const struct gateway *g, struct conf_gateway *gw, unsigned int *next)
{
	const uint8_t *now = (const uint8_t *)&g->settings->conf;

	while (*next < sizeof(fixed_options) / sizeof(fixed_options[0])) {
		size_t offset = fixed_options[*next].offset, bytes = fixed_options[*next].bytes;
		const char *name = fixed_options[(*next)++].name;

		// Neither padding nor, behind a text, bytes of an older one: both come zeroed.
		if (!memcmp((uint8_t *)gw + offset, now + offset, bytes))
			continue;
		memcpy((uint8_t *)gw + offset, now + offset, bytes);
		return name;
	}
	return NULL;
}

// Input ---------------------------------------------------------------------------------------

static void note_load(struct gateway *g)
{
	if (!handshake_limit_load(g->limit, g->half_open.count, gateway_half_open_limit(g)))
		return;
	if (handshake_limit_is_loaded(g->limit))
		LOG(WARNING, "gateway=%s: %u handshakes under way: answering fewer first packets",
			gateway_conf(g)->name, g->half_open.count);
	else
		LOG(NOTICE, "gateway=%s: answering first packets as usual", gateway_conf(g)->name);
}

static bool begin_session(struct gateway *g, const struct session_addr *remote,
	struct client_key *key, const struct session_start *start, const uint8_t *data, size_t len)
{
	struct client *c;

	memcpy(key->sid, start->remote_sid, sizeof(key->sid));
	c = client_new(g, remote, key, start);
	if (!c)
		return false;
	session_input(c->session, data, len, clock_ms());
	client_settle(c);
	return true;
}

static void first_input(struct gateway_local *local, const struct session_addr *remote,
	struct client_key *key, const uint8_t *data, size_t len)
{
	struct gateway *g = local->gw;
	uint64_t now = clock_ms();
	struct first_packet fp;

	g->first_packets++;
	if (g->leaving || local->leaving)
		return;
	note_load(g);
	first_packet_judge(&fp, &g->settings->wrap, &g->cookie, &local->addr, remote, data, len,
		(uint64_t)time(NULL));
	switch (fp.verdict) {
	case FIRST_PACKET_DROP:
		g->first_drops[fp.why]++;
		break;
	case FIRST_PACKET_REPLY:
		if (handshake_limit_answer(g->limit, remote, now))
			endpoint_send(local->endpoint, remote, fp.reply, fp.reply_len);
		else
			g->first_drops[FIRST_PACKET_DROP_RATE]++;
		break;
	case FIRST_PACKET_SESSION:
		if (begin_session(g, remote, key, &fp.start, data, len))
			handshake_limit_proved(g->limit, remote, now);
		break;
	case FIRST_PACKET_UNPROVEN:
		if (handshake_limit_unproven(g->limit, remote, g->unproven_count, now))
			begin_session(g, remote, key, &fp.start, data, len);
		else
			g->first_drops[FIRST_PACKET_DROP_UNPROVEN]++;
		break;
	}
	first_packet_fini(&fp);
}

void gateway_input(void *arg, const struct session_addr *remote, const uint8_t *data, size_t len)
{
	struct gateway_local *local = arg;
	struct gateway *g = local->gw;
	struct client_key key = {.family = remote->family,
		.port_be = remote->port_be,
		.local_id = gateway_local_id(local)};
	struct client *c;

	if (len < CTRL_HDR_BYTES)
		return;
	memcpy(key.addr, remote->addr, sizeof(key.addr));
	memcpy(key.sid, data + 1, sizeof(key.sid));
	HASH_FIND(by_key, g->clients, &key, sizeof(key), c);
	if (!c) {
		first_input(local, remote, &key, data, len);
		return;
	}
	session_input(c->session, data, len, clock_ms());
	client_settle(c);
}

// Life ----------------------------------------------------------------------------------------

uint16_t gateway_outer_overhead(uint8_t family)
{
	return (uint16_t)((family == 4 ? 20 : 40) + 8 + PROTO_DATA_V2_HDR_BYTES);
}

// auto: what fits one datagram, whichever address the client comes to; no client need take more than
// 1500 unless it says so.
static uint16_t tun_mtu_choose(const struct gateway *g, const struct conf_gateway *gw)
{
	uint8_t family = 4;
	uint16_t fits;

	for (size_t i = 0; i < gw->endpoint_addr_count; i++)
		if (gw->endpoint_addrs[i].family == 6)
			family = 6;
	fits = (uint16_t)(g->link_mtu - gateway_outer_overhead(family));

	if (gw->tun_mtu)
		return gw->tun_mtu;
	return fits < TUN_MTU_AUTO_MAX ? fits : TUN_MTU_AUTO_MAX;
}

// After a reload: packet buffers have the size they got at the start.
static int check_buffers(const struct gateway *g, const struct conf_gateway *gw)
{
	uint16_t most = mbuf_size_tun_mtu_max(g->env.dp);

	if (g->tun_mtu <= most)
		return 0;
	return errno_log(EINVAL,
		"gateway=%s: tun_mtu %u does not fit the packet buffers, which take at most %u until "
		"sluiced is restarted",
		gw->name, g->tun_mtu, most);
}

static int open_domains(struct gateway *g, const struct conf_gateway *gw)
{
	int vpn, link, rc;

	link = fabric_domain(g->env.fabric, gw->link_netns);
	if (link < 0)
		return link;
	vpn = fabric_domain(g->env.fabric, gw->netns);
	if (vpn < 0)
		return vpn;
	rc = fabric_link_listen(g->env.fabric, (uint16_t)link);
	if (rc)
		return rc;
	g->link_domain = (uint16_t)link;
	g->vpn_domain = (uint16_t)vpn;
	g->link_mtu = fabric_link_mtu(g->env.fabric, g->link_domain);
	g->tun_mtu = tun_mtu_choose(g, gw);
	return check_buffers(g, gw);
}

// Without it all seems well and no packet arrives: the first to every host is the kernel's, and it
// asks for no neighbour it would not forward to.
static void warn_of_forwarding(const struct conf_gateway *gw)
{
	static const char *const settings[] = {
		"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"};
	const uint8_t has[] = {gw->client_cidr.family, gw->client_cidr6.family};
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (has[i] && kernel_forwards(gw->netns, has[i]) == 0)
			LOG(WARNING,
				"gateway=%s: %s%s does not forward IPv%u: set %s to 1 there "
				"(sysctl)",
				gw->name, gw->netns[0] ? "namespace " : "this namespace", gw->netns,
				has[i], settings[i]);
}

static int gateway_bring_up(struct gateway *g, const struct conf_gateway *gw)
{
	struct gateway_settings *settings;
	struct conf_error err;
	int rc;

	g->limit = handshake_limit_new(clock_ms());
	if (!g->limit)
		return errno_log(errno, "gateway=%s: handshake limits", gw->name);
	settings = gateway_settings_load(gw, err.text, sizeof(err.text));
	if (!settings) {
		LOG(ERR, "%s", err.text);
		return -EINVAL;
	}
	rc = cookie_key_init(&g->cookie, gw->hand_window_s);
	gateway_settings_apply(g, settings);
	if (rc)
		return errno_log(rc, "gateway=%s: no random numbers", gw->name);
	g->pool = ippool_new(&gw->client_cidr, &gw->client_cidr6, gw->topology);
	if (!g->pool)
		return errno_log(errno, "gateway=%s: client_cidr", gw->name);
	gateway_addresses_reserve(g);
	rc = open_domains(g, gw);
	if (!rc)
		rc = gateway_tun_open(g);
	if (!rc)
		rc = gateway_locals_plan(g, gw);
	if (rc)
		return rc;
	gateway_locals_apply(g, NULL, NULL);
	warn_of_forwarding(gw);
	return 0;
}

struct gateway *gateway_open(
	const struct gateway_env *env, const struct conf_gateway *gw, uint16_t id)
{
	struct gateway *g = calloc(1, sizeof(*g));
	const struct session_addr *locals[DP_LOCALS_MAX];
	char text[SESSION_ADDR_TEXT_BYTES];
	int rc;

	if (!g)
		return NULL;
	g->env = *env;
	g->id = id;
	gateway_tun_init(g);
	half_open_init(&g->half_open, env->half_open);
	slowpath_gateway_reset(env->slowpath, id);
	rc = gateway_bring_up(g, gw);
	if (rc) {
		gateway_close(g);
		errno = -rc;
		return NULL;
	}
	for (unsigned int i = 0, n = gateway_locals(g, locals); i < n; i++)
		LOG(NOTICE, "gateway=%s: listening on udp %s, tun mtu %u, at most %u clients",
			gw->name, session_addr_text(locals[i], text, sizeof(text)), g->tun_mtu,
			gw->max_connections);
	return g;
}

void gateway_close(struct gateway *g)
{
	struct client *c, *next;

	if (!g)
		return;
	HASH_ITER(by_key, g->clients, c, next)
		client_free(c);
	half_open_fini(&g->half_open);
	gateway_locals_close(g);
	gateway_tun_close(g);
	ippool_free(g->pool);
	cookie_key_wipe(&g->cookie);
	handshake_limit_free(g->limit);
	gateway_settings_put(g->settings);
	free(g);
}

void gateway_restart_clients(struct gateway *g, const char *message)
{
	struct client *c, *next;

	g->leaving = true;
	HASH_ITER(by_key, g->clients, c, next) {
		session_restart(c->session, SESSION_END_SHUTDOWN, message, clock_ms());
		client_settle(c);
	}
}

uint32_t gateway_session_count(const struct gateway *g)
{
	return g->session_count;
}

void gateway_fill_state(const struct gateway *g, struct dp_gateway *out)
{
	const struct conf_gateway *conf = &g->settings->conf;

	*out = (struct dp_gateway){
		.active = true,
		.fast_path = conf->fast_path,
		.client_to_client = conf->client_to_client,
		.copy_dscp = conf->copy_dscp,
		// Stock clients do not carry a CE mark of the outer header inwards: with ECT on
		// the outside, congestion would go unnoticed (RFC 6040, section 4.3).
		.ecn_compat = true,
		.vpn_domain = g->vpn_domain,
		.link_domain = g->link_domain,
		.tun_mtu = g->tun_mtu,
		.capture = &g->env.capture[g->id],
	};
	ippool_self(g->pool, (uint8_t *)&out->self4_be, out->self6);
}

void gateway_routes_changed(struct gateway *g, uint16_t domain)
{
	struct client *c, *next;

	if (g->link_domain != domain)
		return;
	HASH_ITER(by_key, g->clients, c, next)
		client_link_update(c);
}

// Status --------------------------------------------------------------------------------------

const struct conf_gateway *gateway_conf(const struct gateway *g)
{
	return &g->settings->conf;
}

uint16_t gateway_id(const struct gateway *g)
{
	return g->id;
}

const struct tls_wrap_set *gateway_wrap(const struct gateway *g)
{
	return &g->settings->wrap;
}

void gateway_totals(const struct gateway *g, struct gateway_totals *out)
{
	const struct conf_gateway *conf = &g->settings->conf;

	*out = (struct gateway_totals){
		.clients = g->admitted_count,
		.handshakes = g->half_open.count,
		.floats = g->floats,
		.floats_refused = g->floats_refused,
		.admitted = g->admitted_total,
		.refused = g->refused_total,
		.first_packets = g->first_packets,
		.first_drops = g->first_drops,
		.half_open_dropped = g->half_open_dropped,
		.half_open_evicted = g->half_open_evicted,
		.too_big_learned = g->too_big_learned,
		.too_big_ignored = g->too_big_ignored,
		.pool_capacity = ippool_capacity(
			&conf->client_cidr, &conf->client_cidr6, conf->topology),
		.pool_used = ippool_used(g->pool),
	};
}

void gateway_each_client(struct gateway *g, gateway_client_fn fn, void *arg)
{
	struct publish_peer_stats stats;
	struct client *c, *next;

	HASH_ITER(by_key, g->clients, c, next) {
		if (c->admitted && publish_peer_stats(g->env.publish, c->peer_id, &stats))
			fn(arg, c->session, &stats);
	}
}

unsigned int gateway_kill_client(struct gateway *g, const char *name, const char *message)
{
	struct client *c, *next;
	unsigned int n = 0;

	HASH_ITER(by_key, g->clients, c, next) {
		if (!c->admitted || strcmp(c->common_name, name))
			continue;
		session_restart(c->session, SESSION_END_KILLED, message, clock_ms());
		client_settle(c);
		n++;
	}
	return n;
}

unsigned int gateway_renegotiate_client(struct gateway *g, const char *name)
{
	struct client *c, *next;
	unsigned int n = 0;

	HASH_ITER(by_key, g->clients, c, next) {
		if (!c->admitted || strcmp(c->common_name, name))
			continue;
		session_renegotiate(c->session, "asked for", clock_ms());
		client_settle(c);
		n++;
	}
	return n;
}

unsigned int gateway_say_client(
	struct gateway *g, const char *name, const char *message, int *error)
{
	struct client *c, *next;
	unsigned int n = 0;
	int ret;

	HASH_ITER(by_key, g->clients, c, next) {
		if (!c->admitted || strcmp(c->common_name, name))
			continue;
		ret = session_say(c->session, message, clock_ms());
		client_settle(c);
		if (ret)
			*error = ret;
		else
			n++;
	}
	return n;
}
