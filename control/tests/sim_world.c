// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/sim_world.h"

#include "control/channel/first_packet.h"
#include "control/channel/peer_info.h"
#include "dataplane/proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int world_step_ms;

#define UNIX_S 1000 // long ago: replies of sessions, which know the real time, come after it

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return below ? w->random % below : 0;
}

static void post_once(struct world *w, bool to_server, const uint8_t *data, size_t len)
{
	unsigned int i;

	for (i = 0; i < WORLD_PACKETS; i++) {
		struct world_packet *p = &w->packets[i];

		if (p->used)
			continue;
		if (len > sizeof(p->data))
			abort();
		*p = (struct world_packet){.used = true, .to_server = to_server, .len = len};
		p->due_ms = w->now + w->delay_ms + draw(w, w->jitter_ms + 1);
		memcpy(p->data, data, len);
		return;
	}
}

static void post(struct world *w, bool to_server, const uint8_t *data, size_t len)
{
	if (to_server ? w->cut_to_server : w->cut_to_client)
		return;
	if (!to_server && w->carries_to_client && len > w->carries_to_client)
		return;
	if (draw(w, 100) < w->loss_pct)
		return;
	post_once(w, to_server, data, len);
	if (draw(w, 100) < w->dup_pct)
		post_once(w, to_server, data, len);
}

static void client_send(void *arg, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	w->bytes_to_server += len;
	post(w, true, data, len);
}

static void op_send(void *arg, struct session *s, const uint8_t *data, size_t len)
{
	struct world *w = arg;

	(void)s;
	w->sent_by_server++;
	w->bytes_by_server += len;
	if (len > w->largest)
		w->largest = (unsigned int)len;
	post(w, false, data, len);
}

static int op_tls_step(void *arg, struct session *s, struct tls_conn *conn)
{
	struct world *w = arg;

	(void)s;
	if (w->step)
		w->violations++;
	w->step = conn;
	w->step_due_ms = w->now + draw(w, w->step_ms + 1);
	w->steps++;
	return 0;
}

static void op_tls_abandon(void *arg, struct session *s, struct tls_conn *conn)
{
	struct world *w = arg;

	(void)s;
	if (w->step != conn)
		w->violations++;
	tls_conn_free(conn);
	w->step = NULL;
	w->steps_abandoned++;
}

static void finish_step(struct world *w)
{
	int result = tls_conn_handshake(w->step);

	w->step = NULL;
	session_tls_done(w->s, result, w->now);
}

static enum session_verdict op_admit(void *arg, struct session *s, struct session_lease *lease)
{
	struct world *w = arg;

	w->admitted++;
	if (session_info(s)->common_name[0] == '\0' || w->admitted > 1)
		w->violations++;
	*lease = (struct session_lease){.peer_id = 7,
		.vpn4 = {10, 8, 0, 2},
		.vpn4_len = 24,
		.self4 = {10, 8, 0, 1},
		.tun_mtu = 1400};
	return w->verdict;
}

static unsigned int count_live(const struct world *w)
{
	unsigned int i, n = 0;

	for (i = 0; i < 8; i++)
		n += w->live[i];
	return n;
}

static int op_key_add(void *arg, struct session *s, const struct session_key *key, bool promote)
{
	struct world *w = arg;

	(void)s;
	if (w->live[key->key_id] || w->closed || promote != (count_live(w) == 0))
		w->violations++;
	w->live[key->key_id] = true;
	w->keys[key->key_id] = *key;
	w->added_ms[key->key_id] = w->now;
	w->adds++;
	if (promote)
		w->sending = key->key_id;
	if (count_live(w) > w->live_max)
		w->live_max = count_live(w);
	return 0;
}

static void op_key_promote(void *arg, struct session *s, uint8_t key_id)
{
	struct world *w = arg;

	(void)s;
	if (!w->live[key_id] || w->sending == key_id)
		w->violations++;
	w->sending = key_id;
	w->promoted_ms[key_id] = w->now;
	w->promotes++;
}

static void op_key_remove(void *arg, struct session *s, uint8_t key_id)
{
	struct world *w = arg;

	(void)s;
	if (!w->live[key_id] || w->sending == key_id)
		w->violations++;
	w->live[key_id] = false;
	w->removed_ms[key_id] = w->now;
	w->removes++;
}

static void op_connected(void *arg, struct session *s)
{
	struct world *w = arg;

	if (!session_is_connected(s) || count_live(w) != 1)
		w->violations++;
	w->connected++;
}

static void op_closed(void *arg, struct session *s, enum session_end end)
{
	struct world *w = arg;

	(void)s;
	w->closed++;
	w->end = end;
}

static const struct session_ops pool_ops = {
	.send = op_send,
	.tls_step = op_tls_step,
	.tls_abandon = op_tls_abandon,
	.admit = op_admit,
	.key_add = op_key_add,
	.key_promote = op_key_promote,
	.key_remove = op_key_remove,
	.connected = op_connected,
	.closed = op_closed,
};

static const struct session_ops ops = {
	.send = op_send,
	.admit = op_admit,
	.key_add = op_key_add,
	.key_promote = op_key_promote,
	.key_remove = op_key_remove,
	.connected = op_connected,
	.closed = op_closed,
};

struct world *world_new(struct test_pki *pki, bool wrapped, uint32_t iv_proto)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->now = 1000000;
	w->random = 2463534242u;
	w->delay_ms = 10;
	w->step_ms = world_step_ms;
	snprintf(w->gw.name, sizeof(w->gw.name), "gw1");
	snprintf(w->gw.ca, sizeof(w->gw.ca), "%s", test_pki_path(pki, "ca.crt"));
	snprintf(w->gw.cert, sizeof(w->gw.cert), "%s", test_pki_path(pki, "server.crt"));
	snprintf(w->gw.key, sizeof(w->gw.key), "%s", test_pki_path(pki, "server.key"));
	w->gw.client_cidr = (struct conf_prefix){4, 24, {10, 8, 0, 0}};
	w->gw.fallback_cipher = CIPHER_COUNT;
	w->gw.data_ciphers[0] = CIPHER_AES_256_GCM;
	w->gw.data_ciphers[1] = CIPHER_AES_128_GCM;
	w->gw.data_cipher_count = 2;
	w->gw.keepalive_interval_s = 10;
	w->gw.keepalive_timeout_s = 60;
	w->gw.reneg_s = 3600;
	w->gw.hand_window_s = 60;
	w->gw.tran_window_s = 3600;
	w->client_cfg = (struct sim_client_config){
		.ca = test_pki_path(pki, "ca.crt"),
		.cert = test_pki_path(pki, "alice.crt"),
		.key = test_pki_path(pki, "alice.key"),
		.iv_proto = iv_proto,
		.peer_info = "IV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\nIV_MTU=1600\n",
		.defer_ms = 60000,
		.send = client_send,
		.arg = w,
	};
	world_wrap(w, wrapped ? TLS_WRAP_CRYPT : TLS_WRAP_NONE);
	return w;
}

static void wrap_v2(struct world *w, const uint8_t key[TLS_WRAP_STATIC_KEY_BYTES])
{
	struct tls_crypt_v2_client client = {.type = TLS_CRYPT_V2_TIME, .unix_s = UNIX_S};
	int len;

	memcpy(client.key, key, sizeof(client.key));
	w->server_wrap.v2 = tls_crypt_v2_new(key + 100);
	len = tls_crypt_v2_wrap(w->server_wrap.v2, &client, w->wkc);
	if (len < 0)
		abort();
	w->client_wrap = tls_wrap_key_new(TLS_WRAP_CRYPT, key, false);
	w->client_cfg.wkc = w->wkc;
	w->client_cfg.wkc_len = (size_t)len;
}

void world_wrap(struct world *w, enum tls_wrap_mode mode)
{
	uint8_t key[TLS_WRAP_STATIC_KEY_BYTES];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	tls_wrap_set_fini(&w->server_wrap);
	tls_wrap_key_free(w->client_wrap);
	w->client_wrap = NULL;
	w->client_cfg.wkc = NULL;
	if (mode == TLS_WRAP_AUTH) {
		w->server_wrap.auth = tls_wrap_key_auth(key, TLS_WRAP_SHA512, TLS_WRAP_NORMAL);
		w->client_wrap = tls_wrap_key_auth(key, TLS_WRAP_SHA512, TLS_WRAP_INVERSE);
	} else if (mode == TLS_WRAP_CRYPT) {
		w->server_wrap.crypt = tls_wrap_key_new(TLS_WRAP_CRYPT, key, true);
		w->client_wrap = tls_wrap_key_new(TLS_WRAP_CRYPT, key, false);
	} else if (mode == TLS_WRAP_CRYPT_V2) {
		wrap_v2(w, key);
	}
	w->client_cfg.wrap = w->client_wrap;
}

void world_start(struct world *w)
{
	char err[TLS_TEXT_BYTES] = "";

	w->tls = tls_context_new(&w->gw, err, sizeof(err));
	if (!w->tls || cookie_key_init(&w->cookie, w->gw.hand_window_s)) {
		fprintf(stderr, "world: %s\n", err);
		exit(1);
	}
	w->cfg = (struct session_config){
		.gw = &w->gw, .tls = w->tls, .ops = w->step_ms ? &pool_ops : &ops, .arg = w};
	w->c = sim_client_new(&w->client_cfg, w->now);
	if (!w->c) {
		fprintf(stderr, "world: no client\n");
		exit(1);
	}
}

void world_free(struct world *w)
{
	session_free(w->s);
	sim_client_free(w->c);
	tls_context_free(w->tls);
	tls_wrap_set_fini(&w->server_wrap);
	tls_wrap_key_free(w->client_wrap);
	free(w);
}

static void first_contact(struct world *w, const uint8_t *data, size_t len)
{
	const struct session_addr from = {.family = 4, .addr = {192, 0, 2, 5}, .port_be = 0x409c};
	const struct session_addr ours = {.family = 4, .addr = {192, 0, 2, 1}, .port_be = 0xaa04};
	struct first_packet fp;

	first_packet_judge(
		&fp, &w->server_wrap, &w->cookie, &ours, &from, data, len, UNIX_S + w->now / 1000);
	if (fp.verdict == FIRST_PACKET_REPLY)
		post(w, false, fp.reply, fp.reply_len);
	if ((fp.verdict == FIRST_PACKET_SESSION || fp.verdict == FIRST_PACKET_UNPROVEN) &&
		w->sessions == 0) {
		w->s = session_new(&w->cfg, &from, &fp.start, w->now);
		if (!w->s)
			abort();
		w->sessions++;
		session_input(w->s, data, len, w->now);
	}
	first_packet_fini(&fp);
}

static void arrive_at_server(struct world *w, const uint8_t *data, size_t len)
{
	if (len == 1) {
		if (!w->live[proto_key_id(data[0])]) {
			w->data_lost_up++;
		} else if (w->s) {
			session_data_seen(w->s, w->now);
			session_key_used(w->s, proto_key_id(data[0]), w->now);
		}
		return;
	}
	if (w->s && len > SESSION_ID_BYTES &&
		memcmp(data + 1, session_remote_sid(w->s), SESSION_ID_BYTES) == 0)
		session_input(w->s, data, len, w->now);
	else
		first_contact(w, data, len);
}

static void arrive_at_client(struct world *w, const uint8_t *data, size_t len)
{
	if (len == 1)
		w->data_lost_down += !sim_client_key(w->c, proto_key_id(data[0]));
	else
		sim_client_input(w->c, data, len, w->now);
}

static void send_data(struct world *w)
{
	const struct session_key *key = sim_client_send_key(w->c, w->now);
	uint8_t first;

	w->data_next_ms = w->now + w->data_every_ms;
	if (!w->connected || w->closed || !key)
		return;
	first = (uint8_t)(OP_DATA_V2 << 3 | key->key_id);
	post(w, true, &first, 1);
	first = (uint8_t)(OP_DATA_V2 << 3 | w->sending);
	post(w, false, &first, 1);
	w->data_sent += 2;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_event(const struct world *w)
{
	uint64_t next = sim_client_next_tick(w->c);
	unsigned int i;

	if (w->s)
		next = earlier(next, session_next_tick(w->s));
	if (w->step)
		next = earlier(next, w->step_due_ms);
	if (w->data_every_ms)
		next = earlier(next, w->data_next_ms);
	for (i = 0; i < WORLD_PACKETS; i++)
		if (w->packets[i].used)
			next = earlier(next, w->packets[i].due_ms);
	return next;
}

static void deliver(struct world *w)
{
	unsigned int i;

	for (i = 0; i < WORLD_PACKETS; i++) {
		struct world_packet *p = &w->packets[i];
		struct world_packet copy;

		if (!p->used || p->due_ms > w->now)
			continue;
		copy = *p;
		p->used = false;
		if (copy.to_server)
			arrive_at_server(w, copy.data, copy.len);
		else
			arrive_at_client(w, copy.data, copy.len);
	}
}

bool world_run(struct world *w, uint64_t until_ms, bool (*done)(const struct world *w))
{
	unsigned int turns = 0;
	uint64_t next;

	while (!done || !done(w)) {
		next = next_event(w);
		// A timer that is due and does nothing would turn here for ever.
		turns = next <= w->now ? turns + 1 : 0;
		if (turns > 1000) {
			w->violations++;
			return false;
		}
		if (next > until_ms) {
			w->now = until_ms > w->now ? until_ms : w->now;
			return done && done(w);
		}
		if (next > w->now)
			w->now = next;
		deliver(w);
		if (w->step && w->step_due_ms <= w->now)
			finish_step(w);
		if (w->s && session_next_tick(w->s) <= w->now)
			session_tick(w->s, w->now);
		if (sim_client_next_tick(w->c) <= w->now)
			sim_client_tick(w->c, w->now);
		if (w->data_every_ms && w->data_next_ms <= w->now)
			send_data(w);
	}
	return true;
}

bool world_is_connected(const struct world *w)
{
	return w->connected && sim_client_state(w->c)->connected;
}

bool world_is_closed(const struct world *w)
{
	return w->closed > 0;
}

bool world_is_gone(const struct world *w)
{
	return w->s && session_is_closed(w->s);
}

bool world_keys_match(const struct world *w, uint8_t key_id)
{
	const struct session_key *theirs = sim_client_key(w->c, key_id);
	const struct session_key *ours = &w->keys[key_id];
	size_t bytes;

	if (!theirs || !w->live[key_id] || ours->cipher != theirs->cipher)
		return false;
	bytes = cipher_key_bytes(ours->cipher);
	return memcmp(ours->send_key, theirs->recv_key, bytes) == 0 &&
	       memcmp(ours->recv_key, theirs->send_key, bytes) == 0 &&
	       memcmp(ours->send_key, ours->recv_key, bytes) != 0 &&
	       memcmp(ours->send_iv, theirs->recv_iv, sizeof(ours->send_iv)) == 0 &&
	       memcmp(ours->recv_iv, theirs->send_iv, sizeof(ours->recv_iv)) == 0;
}
