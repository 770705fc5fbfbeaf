// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/sim_client.h"

#include "control/channel/ctrl_pkt.h"
#include "control/channel/keyex.h"
#include "control/channel/peer_info.h"
#include "control/channel/reliable.h"
#include "control/channel/tls_crypt_v2.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MAX 1100
#define USUAL_OPTIONS \
	"V4,dev-type tun,link-mtu 1549,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,auth " \
	"[null-digest],keysize 256,key-method 2,tls-client"

enum stage { FREE, HANDSHAKE, SENT, GOT, ACTIVE, FAILED };

struct sim_key {
	enum stage stage;
	uint8_t id;
	uint64_t started_ms;
	struct reliable rel;
	SSL *ssl;
	BIO *in, *out; // of ssl
	struct keyex_client mine;
	struct keyex_random theirs;
	struct session_key data;
	bool has_data;
};

struct sim_client {
	struct sim_client_config cfg;
	SSL_CTX *ctx;
	uint8_t sid[SESSION_ID_BYTES], server_sid[SESSION_ID_BYTES];
	bool has_server;
	struct tls_wrap wrap, dynamic;
	struct sim_key keys[2]; // newest first
	uint64_t push_due_ms;   // 0: not scheduled
	struct sim_client_state st;
};

static void key_fini(struct sim_key *k)
{
	if (k->stage == FREE)
		return;
	reliable_fini(&k->rel);
	SSL_free(k->ssl);
	memset(k, 0, sizeof(*k));
}

static int key_init(
	struct sim_client *c, struct sim_key *k, uint8_t id, uint8_t reset, uint64_t now)
{
	memset(k, 0, sizeof(*k));
	k->ssl = SSL_new(c->ctx);
	k->in = BIO_new(BIO_s_mem());
	k->out = BIO_new(BIO_s_mem());
	if (!k->ssl || !k->in || !k->out)
		return -ENOMEM;
	BIO_set_mem_eof_return(k->in, -1);
	BIO_set_mem_eof_return(k->out, -1);
	SSL_set_bio(k->ssl, k->in, k->out);
	SSL_set_connect_state(k->ssl);
	k->stage = HANDSHAKE;
	k->id = id;
	k->started_ms = now;
	reliable_init(&k->rel, 0, 0);
	// Stock clients begin at two seconds and double without end.
	k->rel.retry_min_ms = RELIABLE_RETRY_MS;
	k->rel.retry_max_ms = UINT32_MAX;
	return reliable_send(&k->rel, reset, NULL, 0);
}

static void fail(struct sim_client *c, struct sim_key *k, const char *what)
{
	unsigned long e = ERR_peek_error();

	c->st.failed = true;
	snprintf(c->st.error, sizeof(c->st.error), "%s: %s", what,
		e ? ERR_reason_error_string(e) : "");
	ERR_clear_error();
	k->stage = FAILED;
}

static size_t put_string(uint8_t *out, const char *text)
{
	size_t len = strlen(text) ? strlen(text) + 1 : 0;

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, text, len);
	return len + 2;
}

static void send_key_message(struct sim_client *c, struct sim_key *k)
{
	uint8_t msg[2048] = {0, 0, 0, 0, 2};
	char info[1024] = "";
	size_t n = 5;

	RAND_bytes(k->mine.pre_master, sizeof(k->mine.pre_master));
	RAND_bytes(k->mine.random.random1, 32);
	RAND_bytes(k->mine.random.random2, 32);
	memcpy(msg + n, k->mine.pre_master, 48);
	memcpy(msg + n + 48, k->mine.random.random1, 32);
	memcpy(msg + n + 80, k->mine.random.random2, 32);
	n += 112;
	n += put_string(msg + n, c->cfg.options ? c->cfg.options : USUAL_OPTIONS);
	n += put_string(msg + n, "");
	n += put_string(msg + n, "");
	if (c->cfg.iv_proto)
		snprintf(info, sizeof(info), "IV_VER=2.6.14\nIV_PLAT=linux\nIV_PROTO=%u\n",
			c->cfg.iv_proto);
	if (c->cfg.peer_info)
		strncat(info, c->cfg.peer_info, sizeof(info) - strlen(info) - 1);
	n += put_string(msg + n, info);
	if (SSL_write(k->ssl, msg, (int)n) != (int)n)
		fail(c, k, "key message");
	else
		k->stage = SENT;
}

static void derive(struct sim_client *c, struct sim_key *k)
{
	uint8_t block[KEYEX_BLOCK_BYTES], swap[32];
	enum cipher cipher = strstr(c->st.push, "cipher AES-128-GCM") ? CIPHER_AES_128_GCM
								      : CIPHER_AES_256_GCM;
	int ret;

	if (c->st.ekm)
		ret = SSL_export_keying_material(k->ssl, block, sizeof(block), KEYEX_EKM_LABEL,
			      strlen(KEYEX_EKM_LABEL), NULL, 0, 0) == 1
			      ? 0
			      : -EIO;
	else
		ret = keyex_block_prf(block, &k->mine, &k->theirs, c->sid, c->server_sid);
	if (ret == 0 && strstr(c->st.push, "aead-epoch"))
		ret = keyex_slice_epoch(&k->data, block, k->id, cipher);
	else if (ret == 0)
		ret = keyex_slice(&k->data, block, k->id, cipher, DIGEST_SHA1);
	if (ret) {
		fail(c, k, "key derivation");
		return;
	}
	// keyex cuts for the server.
	memcpy(swap, k->data.recv_key, 32);
	memcpy(k->data.recv_key, k->data.send_key, 32);
	memcpy(k->data.send_key, swap, 32);
	memcpy(swap, k->data.recv_iv, sizeof(k->data.recv_iv));
	memcpy(k->data.recv_iv, k->data.send_iv, sizeof(k->data.recv_iv));
	memcpy(k->data.send_iv, swap, sizeof(k->data.send_iv));
	k->has_data = true;
}

static void make_dynamic(struct sim_client *c, struct sim_key *k)
{
	static const char label[] = "EXPORTER-OpenVPN-dynamic-tls-crypt";
	uint8_t ekm[TLS_WRAP_STATIC_KEY_BYTES];
	struct tls_wrap_key *key;

	if (SSL_export_keying_material(
		    k->ssl, ekm, sizeof(ekm), label, strlen(label), NULL, 0, 0) != 1) {
		fail(c, k, "exporter");
		return;
	}
	key = tls_wrap_key_dynamic(c->cfg.wrap, ekm, false);
	tls_wrap_init(&c->dynamic, key, false);
	tls_wrap_key_free(key);
	c->st.dynamic = true;
}

static struct tls_wrap *wrap_of(struct sim_client *c, uint8_t key_id)
{
	return key_id != 0 && c->st.dynamic ? &c->dynamic : &c->wrap;
}

static void push_reply(struct sim_client *c, struct sim_key *k, const char *text)
{
	size_t len = strlen(c->st.push);

	c->st.push_parts++;
	snprintf(c->st.push + len, sizeof(c->st.push) - len, "%s;", text);
	if (strstr(text, "push-continuation 2"))
		return;
	c->st.push_replies++;
	c->push_due_ms = 0;
	if (c->st.connected)
		return;
	c->st.ekm = strstr(c->st.push, "tls-ekm");
	derive(c, k);
	if (strstr(c->st.push, "dyn-tls-crypt"))
		make_dynamic(c, k);
	c->st.connected = k->has_data;
}

static void push_update(struct sim_client *c, const char *text)
{
	size_t len = strlen(c->st.update);

	c->st.update_parts++;
	snprintf(c->st.update + len, sizeof(c->st.update) - len, "%s;", text);
}

static void other_message(struct sim_client *c, const char *text)
{
	c->st.messages++;
	snprintf(c->st.message, sizeof(c->st.message), "%.500s", text);
}

static void server_message(struct sim_client *c, struct sim_key *k, const uint8_t *d, int n)
{
	if (n < 5 + 64 + 2 || d[4] != 2) {
		fail(c, k, "server key message");
		return;
	}
	memcpy(k->theirs.random1, d + 5, 32);
	memcpy(k->theirs.random2, d + 37, 32);
	k->stage = GOT;
}

static void read_records(struct sim_client *c, struct sim_key *k)
{
	char buf[16385];
	int n = 0;

	while (k->stage != FAILED && (n = SSL_read(k->ssl, buf, sizeof(buf) - 1)) > 0) {
		if (k->stage == SENT) {
			server_message(c, k, (uint8_t *)buf, n);
			continue;
		}
		buf[n] = '\0';
		if (strlen(buf) + 1 != (size_t)n)
			c->st.bad_records++;
		if (strncmp(buf, "PUSH_REPLY,", 11) == 0)
			push_reply(c, k, buf);
		else if (strncmp(buf, "PUSH_UPDATE,", 12) == 0)
			push_update(c, buf);
		else
			other_message(c, buf);
	}
	if (k->stage != FAILED && SSL_get_error(k->ssl, n) != SSL_ERROR_WANT_READ)
		fail(c, k, "read");
}

static bool is_drained(const struct sim_key *k)
{
	return reliable_is_idle(&k->rel) && BIO_ctrl_pending(k->out) == 0;
}

static void activate(struct sim_client *c, struct sim_key *k, uint64_t now)
{
	k->stage = ACTIVE;
	c->st.exchanges++;
	c->st.key_id = k->id;
	if (k->id != 0)
		derive(c, k);
	else if (!c->cfg.no_push_request)
		c->push_due_ms = now + 1000;
}

// TLVs behind the server's reset: type 1, 2 bytes, bit 0: send the client key again.
static void server_flags(struct sim_client *c, struct sim_key *k, const struct reliable_msg *m)
{
	static const uint8_t resend[] = {0, 1, 0, 2, 0, 1};

	// Who does not know them takes them for TLS.
	if (c->cfg.wkc_once || !c->cfg.wkc || m->len != sizeof(resend) ||
		memcmp(m->data, resend, sizeof(resend)) != 0) {
		fail(c, k, "payload of the reset");
		return;
	}
	c->st.asked_wkc = true;
	if (c->cfg.wkc_empty)
		reliable_send(&k->rel, OP_CONTROL_WKC_V1, NULL, 0);
}

static void run(struct sim_client *c, struct sim_key *k, uint64_t now)
{
	const struct reliable_msg *m;
	int n;

	while ((m = reliable_recv(&k->rel))) {
		if (m->opcode == OP_CONTROL_HARD_RESET_SERVER_V2 && m->len > 0)
			server_flags(c, k, m);
		if (m->opcode == OP_CONTROL_V1 && m->len)
			BIO_write(k->in, m->data, m->len);
		reliable_recv_done(&k->rel);
	}
	if (k->stage == FAILED)
		return;
	ERR_clear_error();
	if (k->stage == HANDSHAKE && k->rel.recv_next > 0) {
		n = SSL_do_handshake(k->ssl);
		if (n == 1)
			send_key_message(c, k);
		else if (SSL_get_error(k->ssl, n) != SSL_ERROR_WANT_READ)
			fail(c, k, "handshake");
	}
	if (k->stage >= SENT && k->stage != FAILED)
		read_records(c, k);
	if (k->stage == GOT && is_drained(k))
		activate(c, k, now);
}

static void flush(struct sim_client *c, struct sim_key *k, uint64_t now)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX], wire[TLS_WRAP_BYTES_MAX + TLS_CRYPT_V2_WKC_MAX];
	int n, size = c->cfg.chunk_bytes ? c->cfg.chunk_bytes : CHUNK_BYTES_MAX;
	uint8_t chunk[CHUNK_BYTES_MAX];
	struct ctrl_pkt p;

	if (k->stage == FREE)
		return;
	while (reliable_send_room(&k->rel) > 0 && (n = BIO_read(k->out, chunk, size)) > 0)
		reliable_send(&k->rel, OP_CONTROL_V1, chunk, (size_t)n);
	for (;;) {
		if (c->cfg.acks_once)
			k->rel.recent_count = 0;
		if (!reliable_output(&k->rel, &p, now))
			break;
		p.key_id = k->id;
		if (c->st.asked_wkc && k->id == 0 && p.id == 1)
			p.opcode = OP_CONTROL_WKC_V1;
		memcpy(p.sid, c->sid, sizeof(p.sid));
		if (p.ack_count)
			memcpy(p.receiver_sid, c->server_sid, sizeof(p.receiver_sid));
		n = ctrl_pkt_compose(&p, plain, sizeof(plain));
		if (n > 0)
			n = tls_wrap_seal(
				wrap_of(c, k->id), 1, plain, (size_t)n, wire, sizeof(wire));
		if (n > 0 && tls_wrap_carries_key(wire[0])) {
			memcpy(wire + n, c->cfg.wkc, c->cfg.wkc_len);
			n += (int)c->cfg.wkc_len;
		}
		if (n > 0)
			c->cfg.send(c->cfg.arg, wire, (size_t)n);
	}
}

static void settle(struct sim_client *c, uint64_t now)
{
	flush(c, &c->keys[1], now);
	flush(c, &c->keys[0], now);
}

static bool begin(struct sim_client *c, uint8_t id, uint64_t now)
{
	struct sim_key fresh;

	if (key_init(c, &fresh, id, OP_CONTROL_SOFT_RESET_V1, now))
		return false;
	key_fini(&c->keys[1]);
	c->keys[1] = c->keys[0];
	c->keys[0] = fresh;
	return true;
}

static uint8_t next_id(const struct sim_client *c)
{
	return c->keys[0].id == 7 ? 1 : c->keys[0].id + 1;
}

static bool can_begin(const struct sim_client *c)
{
	return c->keys[0].stage == ACTIVE && c->keys[0].has_data;
}

bool sim_client_renegotiate(struct sim_client *c, uint64_t now)
{
	if (!can_begin(c) || !begin(c, next_id(c), now))
		return false;
	settle(c, now);
	return true;
}

static bool is_from_server(struct sim_client *c, const struct ctrl_pkt *p)
{
	if (p->ack_count && memcmp(p->receiver_sid, c->sid, sizeof(c->sid)) != 0)
		return false;
	if (!c->has_server && p->opcode == OP_CONTROL_HARD_RESET_SERVER_V2) {
		memcpy(c->server_sid, p->sid, sizeof(c->server_sid));
		c->has_server = true;
	}
	return c->has_server && memcmp(p->sid, c->server_sid, sizeof(c->server_sid)) == 0;
}

static struct sim_key *find_key(struct sim_client *c, const struct ctrl_pkt *p, uint64_t now)
{
	int i;

	for (i = 0; i < 2; i++)
		if (c->keys[i].stage != FREE && c->keys[i].id == p->key_id)
			return &c->keys[i];
	if (p->opcode == OP_CONTROL_SOFT_RESET_V1 && can_begin(c) && p->key_id == next_id(c) &&
		begin(c, p->key_id, now))
		return &c->keys[0];
	return NULL;
}

void sim_client_input(struct sim_client *c, const uint8_t *data, size_t len, uint64_t now)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	struct sim_key *k;
	struct ctrl_pkt p;
	int n = tls_wrap_open(wrap_of(c, proto_key_id(data[0])), data, len, plain, sizeof(plain));

	if (n < 0 || ctrl_pkt_parse(&p, plain, (size_t)n) || !is_from_server(c, &p))
		return;
	k = find_key(c, &p, now);
	if (!k)
		return;
	reliable_input(&k->rel, &p, now);
	run(c, k, now);
	settle(c, now);
}

void sim_client_say(struct sim_client *c, const void *data, size_t len, uint64_t now)
{
	if (c->keys[0].stage == ACTIVE)
		SSL_write(c->keys[0].ssl, data, (int)len);
	settle(c, now);
}

void sim_client_tick(struct sim_client *c, uint64_t now)
{
	static const char request[] = "PUSH_REQUEST";

	if (c->push_due_ms && now >= c->push_due_ms) {
		c->push_due_ms = now + 5000;
		sim_client_say(c, request, sizeof(request), now);
	}
	settle(c, now);
}

uint64_t sim_client_next_tick(const struct sim_client *c)
{
	uint64_t next = c->push_due_ms ? c->push_due_ms : UINT64_MAX;
	int i;

	for (i = 0; i < 2; i++)
		if (c->keys[i].stage != FREE && reliable_due_ms(&c->keys[i].rel) < next)
			next = reliable_due_ms(&c->keys[i].rel);
	return next;
}

int sim_client_set_cert(struct sim_client *c, const char *cert, const char *key)
{
	if (SSL_CTX_use_certificate_file(c->ctx, cert, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM) != 1)
		return -EINVAL;
	return 0;
}

struct sim_client *sim_client_new(const struct sim_client_config *cfg, uint64_t now)
{
	struct sim_client *c = calloc(1, sizeof(*c));
	uint8_t first = cfg->wkc ? OP_CONTROL_HARD_RESET_CLIENT_V3
				 : OP_CONTROL_HARD_RESET_CLIENT_V2;

	if (!c)
		return NULL;
	c->cfg = *cfg;
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx || SSL_CTX_load_verify_file(c->ctx, cfg->ca) != 1 ||
		sim_client_set_cert(c, cfg->cert, cfg->key) ||
		SSL_CTX_set_max_proto_version(c->ctx, cfg->tls_max) != 1 ||
		RAND_bytes(c->sid, sizeof(c->sid)) != 1 ||
		(SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL),
			key_init(c, &c->keys[0], 0, first, now))) {
		sim_client_free(c);
		return NULL;
	}
	tls_wrap_init(&c->wrap, cfg->wrap, false);
	if (cfg->wkc && !cfg->wkc_once)
		c->wrap.send_id = 0x0f000000; // "I can send it again"
	settle(c, now);
	return c;
}

void sim_client_free(struct sim_client *c)
{
	if (!c)
		return;
	key_fini(&c->keys[0]);
	key_fini(&c->keys[1]);
	SSL_CTX_free(c->ctx);
	tls_wrap_fini(&c->wrap);
	tls_wrap_fini(&c->dynamic);
	free(c);
}

const struct sim_client_state *sim_client_state(const struct sim_client *c)
{
	return &c->st;
}

const uint8_t *sim_client_sid(const struct sim_client *c)
{
	return c->sid;
}

const uint8_t *sim_client_server_sid(const struct sim_client *c)
{
	return c->server_sid;
}

const struct session_key *sim_client_key(const struct sim_client *c, uint8_t key_id)
{
	int i;

	for (i = 0; i < 2; i++)
		if (c->keys[i].has_data && c->keys[i].id == key_id)
			return &c->keys[i].data;
	return NULL;
}

// As stock clients choose: the newest key that is old enough, else the newest.
const struct session_key *sim_client_send_key(const struct sim_client *c, uint64_t now)
{
	const struct session_key *first = NULL;
	int i;

	for (i = 0; i < 2; i++) {
		if (!c->keys[i].has_data)
			continue;
		if (now >= c->keys[i].started_ms + c->cfg.defer_ms)
			return &c->keys[i].data;
		if (!first)
			first = &c->keys[i].data;
	}
	return first;
}
