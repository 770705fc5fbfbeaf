// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/day.h"

#include "control/gateway_priv.h"
#include "control/retire.h"

#include "control/channel/peer_info.h"
#include "dataplane/worker.h"

#include <rte_lcore.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DELAY_MS 20
#define PING_MS (10 * DAY_S)

struct day day;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "day: %s\n", what);
	exit(1);
}

// Clocks --------------------------------------------------------------------------------------

// Threads of the pool read them, too.
static _Atomic(uint64_t) mono_ms; // 0: the real ones
static _Atomic(int64_t) wall_s;   // CLOCK_REALTIME at CLOCK_MONOTONIC 0

int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ms = atomic_load(&mono_ms);

	if (ms == 0 || (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME))
		return (int)syscall(SYS_clock_gettime, id, ts);
	ts->tv_sec = (time_t)(ms / 1000) + (id == CLOCK_REALTIME ? atomic_load(&wall_s) : 0);
	ts->tv_nsec = (long)(ms % 1000) * 1000000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

static int64_t wall_begin_s;

void day_set_wall(int64_t ahead_s)
{
	atomic_store(&wall_s, wall_begin_s + ahead_s);
}

static void clock_set(uint64_t now)
{
	day.now = now;
	atomic_store(&mono_ms, now);
}

// Network -------------------------------------------------------------------------------------

static uint32_t draw(uint32_t below)
{
	day.random ^= day.random << 13;
	day.random ^= day.random >> 17;
	day.random ^= day.random << 5;
	return day.random % below;
}

static void post(struct day_client *c, bool to_server, const uint8_t *data, size_t len)
{
	bool first = proto_opcode(data[0]) == OP_CONTROL_HARD_RESET_CLIENT_V2;
	unsigned int i;

	if (day.now < (to_server ? c->mute_ms : c->deaf_ms) || draw(100) < c->loss_pct)
		return;
	for (i = 0; i < DAY_PACKETS && day.packets[i].used; i++)
		;
	must(i < DAY_PACKETS && len <= sizeof(day.packets[0].data), "a packet too many");
	day.packets[i] = (struct day_packet){.used = true,
		.to_server = to_server,
		.client = c->index,
		.due_ms = day.now + DELAY_MS + (to_server && !first ? c->hold_ms : 0),
		.len = len};
	memcpy(day.packets[i].data, data, len);
}

static void client_send(void *arg, const uint8_t *data, size_t len)
{
	post(arg, true, data, len);
}

static void note_reset(struct day_client *c, uint8_t key_id)
{
	if (!c->reset_ms[key_id]) {
		c->reset_ms[key_id] = day.now;
		c->resent_count = 0;
		c->deaf_ms = day.now + c->deaf_for_ms;
	}
	if (c->resent_count < sizeof(c->resent_ms) / sizeof(c->resent_ms[0]))
		c->resent_ms[c->resent_count++] = day.now;
}

void __wrap_endpoint_send(
	struct endpoint *e, const struct session_addr *remote, const uint8_t *data, size_t len);

void __wrap_endpoint_send(
	struct endpoint *e, const struct session_addr *remote, const uint8_t *data, size_t len)
{
	struct day_client *c = &day.clients[remote->addr[3]];
	uint8_t key_id = proto_key_id(data[0]);

	(void)e;
	if (proto_opcode(data[0]) == OP_CONTROL_SOFT_RESET_V1)
		note_reset(c, key_id);
	if (remote->port_be == c->addr.port_be)
		post(c, false, data, len);
}

// Data plane ----------------------------------------------------------------------------------

int __real_publish_peer_add(struct publish *p, uint32_t peer_id, const struct publish_peer *desc);
int __wrap_publish_peer_add(struct publish *p, uint32_t peer_id, const struct publish_peer *desc);

int __wrap_publish_peer_add(struct publish *p, uint32_t peer_id, const struct publish_peer *desc)
{
	struct day_client *c = &day.clients[desc->remote.addr[3]];

	day.violations += c->is_peer;
	day.client_of[peer_id] = c->index;
	day.live_peers++;
	c->is_peer = true;
	c->peer_id = peer_id;
	c->recv_ms = c->send_ms = 0;
	c->came_ms = day.now;
	c->sessions++;
	return __real_publish_peer_add(p, peer_id, desc);
}

static struct day_client *client_of(uint32_t peer_id)
{
	return &day.clients[day.client_of[peer_id]];
}

static void life_over(struct day_client *c, uint8_t key_id, bool with_peer)
{
	struct day_life *l = c->lives[key_id];

	if (!l)
		return;
	l->removed_ms = day.now;
	l->with_peer = with_peer;
	c->lives[key_id] = NULL;
	c->reset_ms[key_id] = 0;
	c->asked[key_id] = false;
	day.live_keys--;
}

void __real_publish_peer_del(struct publish *p, uint32_t peer_id);
void __wrap_publish_peer_del(struct publish *p, uint32_t peer_id);

void __wrap_publish_peer_del(struct publish *p, uint32_t peer_id)
{
	struct day_client *c = client_of(peer_id);

	for (uint8_t id = 0; id < 8; id++) {
		life_over(c, id, true);
		c->reset_ms[id] = 0;
	}
	day.live_peers--;
	c->is_peer = false;
	c->gone_ms = day.now;
	c->ends++;
	__real_publish_peer_del(p, peer_id);
}

static unsigned int live_of(const struct day_client *c)
{
	unsigned int n = 0;

	for (int i = 0; i < 8; i++)
		n += c->lives[i] != NULL;
	return n;
}

int __real_publish_key_add(
	struct publish *p, uint32_t peer_id, const struct session_key *key, bool promote);
int __wrap_publish_key_add(
	struct publish *p, uint32_t peer_id, const struct session_key *key, bool promote);

int __wrap_publish_key_add(
	struct publish *p, uint32_t peer_id, const struct session_key *key, bool promote)
{
	struct day_client *c = client_of(peer_id);
	struct day_life *l = &day.lives[day.life_count++];

	must(day.life_count < DAY_LIVES, "a key too many");
	day.violations += c->lives[key->key_id] != NULL || promote != (live_of(c) == 0);
	*l = (struct day_life){.client = c->index,
		.session = c->sessions,
		.reset_ms = c->reset_ms[key->key_id],
		.by_client = c->asked[key->key_id],
		.added_ms = day.now,
		.promoted_ms = promote ? day.now : 0,
		.key = *key};
	c->lives[key->key_id] = l;
	if (promote)
		c->sending = key->key_id;
	day.live_keys++;
	day.violations += live_of(c) > 2;
	return __real_publish_key_add(p, peer_id, key, promote);
}

void __real_publish_key_promote(struct publish *p, uint32_t peer_id, uint8_t key_id);
void __wrap_publish_key_promote(struct publish *p, uint32_t peer_id, uint8_t key_id);

void __wrap_publish_key_promote(struct publish *p, uint32_t peer_id, uint8_t key_id)
{
	struct day_client *c = client_of(peer_id);

	if (c->lives[key_id])
		c->lives[key_id]->promoted_ms = day.now;
	else
		day.violations++;
	c->sending = key_id;
	__real_publish_key_promote(p, peer_id, key_id);
}

void __real_publish_key_del(struct publish *p, uint32_t peer_id, uint8_t key_id);
void __wrap_publish_key_del(struct publish *p, uint32_t peer_id, uint8_t key_id);

void __wrap_publish_key_del(struct publish *p, uint32_t peer_id, uint8_t key_id)
{
	struct day_client *c = client_of(peer_id);

	day.violations += !c->lives[key_id] || c->sending == key_id;
	life_over(c, key_id, false);
	__real_publish_key_del(p, peer_id, key_id);
}

bool __real_publish_peer_stats(
	const struct publish *p, uint32_t peer_id, struct publish_peer_stats *out);
bool __wrap_publish_peer_stats(
	const struct publish *p, uint32_t peer_id, struct publish_peer_stats *out);

bool __wrap_publish_peer_stats(
	const struct publish *p, uint32_t peer_id, struct publish_peer_stats *out)
{
	const struct day_client *c = client_of(peer_id);

	if (!__real_publish_peer_stats(p, peer_id, out))
		return false;
	out->recv_age_ms = c->recv_ms ? day.now - c->recv_ms : UINT64_MAX;
	out->send_age_ms = c->send_ms ? day.now - c->send_ms : UINT64_MAX;
	return true;
}

int __wrap_publish_message(struct publish *p, uint32_t peer_id, const uint8_t *data, uint16_t len);

// The gateway's keepalive.
int __wrap_publish_message(struct publish *p, uint32_t peer_id, const uint8_t *data, uint16_t len)
{
	struct day_client *c = client_of(peer_id);
	uint8_t first = (uint8_t)(OP_DATA_V2 << 3 | c->sending);
	uint64_t gap = day.now - c->send_ms;

	(void)p;
	day.violations += len != PROTO_PING_BYTES || memcmp(data, proto_ping, len) != 0;
	c->pings++;
	if (c->send_ms && (gap < c->gap_min_ms || c->gap_min_ms == 0))
		c->gap_min_ms = gap;
	if (c->send_ms && gap > c->gap_max_ms)
		c->gap_max_ms = gap;
	c->send_ms = day.now;
	day.data_sent++;
	post(c, false, &first, 1);
	return 0;
}

static bool keys_match(const struct day_client *c, const struct day_life *l)
{
	const struct session_key *theirs = sim_client_key(c->sim, l->key.key_id);
	size_t bytes = cipher_key_bytes(l->key.cipher);

	return theirs && theirs->cipher == l->key.cipher &&
	       memcmp(theirs->recv_key, l->key.send_key, bytes) == 0 &&
	       memcmp(theirs->send_key, l->key.recv_key, bytes) == 0;
}

static void data_at_server(struct day_client *c, uint8_t key_id)
{
	struct event ev = {.type = EVENT_KEY_USED, .key_id = key_id};
	struct day_life *l = c->lives[key_id];

	if (!c->is_peer)
		return;
	if (!l) {
		day.lost_up++;
		return;
	}
	c->recv_ms = day.now;
	if (l->told)
		return;
	l->told = true;
	day.violations += !keys_match(c, l);
	gateway_event(day.by_peer[c->peer_id], &ev);
}

static void control_at_server(struct day_client *c, const uint8_t *data, size_t len)
{
	uint8_t key_id = proto_key_id(data[0]);

	if (proto_opcode(data[0]) == OP_CONTROL_SOFT_RESET_V1 && !c->reset_ms[key_id])
		c->asked[key_id] = true;
	gateway_input(&day.g->locals[0], &c->addr, data, len);
}

// Clients -------------------------------------------------------------------------------------

#define PROTO_26 \
	(PEER_PROTO_DATA_V2 | PEER_PROTO_REQUEST_PUSH | PEER_PROTO_TLS_KEY_EXPORT | \
		PEER_PROTO_CC_EXIT | PEER_PROTO_AUTH_FAIL_TEMP)

struct day_client *day_client(unsigned int index)
{
	struct day_client *c = &day.clients[index];
	char cert[16], key[16];

	snprintf(cert, sizeof(cert), "c%u.crt", index);
	snprintf(key, sizeof(key), "c%u.key", index);

	*c = (struct day_client){.index = index,
		.addr = {.family = 4,
			.addr = {198, 51, 100, (uint8_t)index},
			.port_be = rte_cpu_to_be_16(20000)}};
	c->cfg = (struct sim_client_config){
		.ca = test_pki_path(day.pki, "ca.crt"),
		.cert = test_pki_path(day.pki, cert),
		.key = test_pki_path(day.pki, key),
		.wrap = day.crypt,
		.iv_proto = PROTO_26,
		.peer_info = "IV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\nIV_MTU=1600\n",
		.defer_ms = 60 * DAY_S,
		.send = client_send,
		.arg = c,
	};
	return c;
}

void day_join(struct day_client *c)
{
	day_part(c);
	c->addr.port_be = rte_cpu_to_be_16(rte_be_to_cpu_16(c->addr.port_be) + 1);
	c->ping_ms = 0;
	c->sim = sim_client_new(&c->cfg, day.now);
	must(c->sim, "no client");
}

void day_part(struct day_client *c)
{
	for (unsigned int i = 0; i < DAY_PACKETS; i++)
		if (day.packets[i].client == c->index)
			day.packets[i].used = false;
	sim_client_free(c->sim);
	c->sim = NULL;
}

bool day_is_up(const struct day_client *c)
{
	return c->sim && sim_client_state(c->sim)->connected && c->is_peer;
}

struct client *day_session(const struct day_client *c)
{
	struct client *s, *next;

	HASH_ITER(by_key, day.g->clients, s, next)
		if (s->key.addr[3] == c->index)
			return s;
	return NULL;
}

static void client_pings(struct day_client *c)
{
	const struct session_key *key = sim_client_send_key(c->sim, day.now);
	uint8_t first;

	if (!key || !sim_client_state(c->sim)->connected || c->silent || day.now < c->ping_ms)
		return;
	first = (uint8_t)(OP_DATA_V2 << 3 | key->key_id);
	day.data_sent++;
	post(c, true, &first, 1);
	c->ping_ms = day.now + PING_MS;
}

static void client_turn(struct day_client *c)
{
	if (c->act && c->act_ms && c->act_ms <= day.now) {
		c->act_ms = 0;
		c->act(c);
	}
	if (!c->sim)
		return;
	if (sim_client_next_tick(c->sim) <= day.now)
		sim_client_tick(c->sim, day.now);
	client_pings(c);
}

// Time passes ---------------------------------------------------------------------------------

static void deliver(void)
{
	for (unsigned int i = 0; i < DAY_PACKETS; i++) {
		struct day_packet *slot = &day.packets[i], p;
		struct day_client *c;

		if (!slot->used || slot->due_ms > day.now)
			continue;
		p = *slot;
		slot->used = false;
		c = &day.clients[p.client];
		if (p.to_server && p.len == 1)
			data_at_server(c, proto_key_id(p.data[0]));
		else if (p.to_server)
			control_at_server(c, p.data, p.len);
		else if (c->sim && p.len == 1) // not before it has read PUSH_REPLY
			day.lost_down += sim_client_state(c->sim)->connected &&
					 !sim_client_key(c->sim, proto_key_id(p.data[0]));
		else if (c->sim)
			sim_client_input(c->sim, p.data, p.len, day.now);
	}
}

static bool has_steps(void)
{
	struct client *c, *next;

	HASH_ITER(by_key, day.g->clients, c, next)
		if (c->step)
			return true;
	return false;
}

static void earlier(uint64_t *next, uint64_t t)
{
	if (t < *next)
		*next = t;
}

static uint64_t next_event(void)
{
	uint64_t next = UINT64_MAX;
	struct client *s, *more;

	for (unsigned int i = 0; i < DAY_PACKETS; i++)
		if (day.packets[i].used)
			earlier(&next, day.packets[i].due_ms);
	for (unsigned int i = 0; i < DAY_CLIENTS; i++) {
		const struct day_client *c = &day.clients[i];

		if (c->act && c->act_ms)
			earlier(&next, c->act_ms);
		if (!c->sim)
			continue;
		earlier(&next, sim_client_next_tick(c->sim));
		if (sim_client_state(c->sim)->connected && !c->silent)
			earlier(&next, c->ping_ms);
	}
	// libev calls a timer when its time is over, not when it is reached: a millisecond later.
	HASH_ITER(by_key, day.g->clients, s, more)
		if (ev_is_active(&s->timer))
			earlier(&next, (uint64_t)(s->timer.at * 1000.) + 1);
	return next > day.now ? next : day.now + 1;
}

void day_run(uint64_t until_ms)
{
	while (day.now < until_ms) {
		uint64_t next = next_event();

		clock_set(next < until_ms ? next : until_ms);
		day.turns++;
		deliver();
		for (unsigned int i = 0; i < DAY_CLIENTS; i++)
			client_turn(&day.clients[i]);
		ev_run(day.g->env.loop, EVRUN_NOWAIT);
		// Handshakes take no time here, but threads of their own.
		while (has_steps())
			ev_run(day.g->env.loop, EVRUN_ONCE);
		publish_tick(day.g->env.publish);
	}
}

// Begin and end -------------------------------------------------------------------------------

struct conf_gateway day_conf(struct test_pki *pki)
{
	struct conf_gateway gw = {.name = "gw1",
		.endpoint_addr_count = 1,
		.endpoint_addrs = {{.family = 4, .addr = {192, 0, 2, 1}}},
		.client_cidr = {.family = 4, .len = 24, .addr = {10, 8}},
		.data_cipher_count = 2,
		.data_ciphers = {CIPHER_AES_256_GCM, CIPHER_AES_128_GCM},
		.fallback_cipher = CIPHER_COUNT,
		.duplicate_cn = CONF_DUPLICATE_ALLOW,
		.handshake_rate = 1000,
		.handshake_prefix_rate = 1000,
		.keepalive_interval_s = 10,
		.keepalive_timeout_s = 60,
		.reneg_s = 3600,
		.hand_window_s = 60,
		.tran_window_s = 3600,
		.max_connections = DAY_CLIENTS};

	snprintf(gw.ca, sizeof(gw.ca), "%s", test_pki_path(pki, "ca.crt"));
	snprintf(gw.cert, sizeof(gw.cert), "%s", test_pki_path(pki, "server.crt"));
	snprintf(gw.key, sizeof(gw.key), "%s", test_pki_path(pki, "server.key"));
	return gw;
}

static void wrap_init(struct tls_wrap_set *set)
{
	struct tls_crypt_v2_client v2 = {.type = TLS_CRYPT_V2_TIME, .unix_s = time(NULL)};
	uint8_t key[TLS_WRAP_STATIC_KEY_BYTES];
	int len;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	memcpy(v2.key, key, sizeof(v2.key));
	set->crypt = tls_wrap_key_new(TLS_WRAP_CRYPT, key, true);
	set->v2 = tls_crypt_v2_new(key + 100);
	day.crypt = tls_wrap_key_new(TLS_WRAP_CRYPT, key, false);
	day.crypt_v2 = tls_wrap_key_new(TLS_WRAP_CRYPT, key, false);
	len = set->v2 ? tls_crypt_v2_wrap(set->v2, &v2, day.wkc) : -1;
	must(set->crypt && day.crypt && day.crypt_v2 && len > 0, "keys of tls-crypt");
	day.wkc_len = (size_t)len;
}

static void settings_init(struct gateway *g, const struct conf_gateway *conf)
{
	struct gateway_settings *s;
	char err[1024] = "";

	s = gateway_settings_load(conf, err, sizeof(err));
	must(s, err);
	wrap_init(&s->wrap);
	gateway_settings_apply(g, s);
}

void day_begin(struct test_pki *pki, const struct conf_gateway *conf, uint64_t now)
{
	const struct dp_limits limits = {.peers_max = DAY_PEERS,
		.routes_max = 64,
		.gateways_max = 2,
		.worker_count = 1,
		.mbufs = 1024};
	const struct fabric_ops ops = {0};
	const struct conf none = {0};
	struct gateway *g = calloc(1, sizeof(*g));
	struct dp *dp = dp_new(&limits);

	must(g && dp, "no memory");
	memset(&day, 0, sizeof(day));
	day.g = g;
	day.pki = pki;
	day.random = 2463534242u;
	wall_begin_s = (int64_t)time(NULL) - (int64_t)(now / 1000);
	day_set_wall(0);
	clock_set(now);
	must(worker_new(dp, 0, rte_lcore_id(), WORKER_POLL_BUSY), "no worker");
	g->tun_fd = -1;
	g->locals[0] = (struct gateway_local){
		.gw = g, .addr = {.family = 4, .addr = {192, 0, 2, 1}}};
	g->tun_mtu = 1400;
	g->limit = handshake_limit_new(now);
	g->env = (struct gateway_env){
		.loop = ev_default_loop(EVFLAG_AUTO), .dp = dp, .client_by_peer = day.by_peer};
	g->env.publish = publish_new(dp);
	must(g->env.publish, "no memory");
	g->env.fabric = fabric_open(&none, g->env.loop, dp, g->env.publish, NULL, &ops);
	g->env.pool = pool_new(g->env.loop, 1, NULL);
	g->pool = ippool_new(&conf->client_cidr, &conf->client_cidr6, conf->topology);
	must(g->limit && g->env.fabric && g->env.pool && g->pool, "no memory");
	must(fabric_domain(g->env.fabric, "") == 0 &&
			cookie_key_init(&g->cookie, conf->hand_window_s) == 0,
		"domain");
	settings_init(g, conf);
}

void day_end(void)
{
	struct gateway_env env = day.g->env;

	for (unsigned int i = 0; i < DAY_CLIENTS; i++)
		day_part(&day.clients[i]);
	gateway_close(day.g);
	pool_free(env.pool);
	fabric_close(env.fabric);
	publish_free(env.publish);
	worker_free(env.dp->workers[0]);
	dp_free(env.dp);
	tls_wrap_key_free(day.crypt);
	tls_wrap_key_free(day.crypt_v2);
	atomic_store(&mono_ms, 0);
}
