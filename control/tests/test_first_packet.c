// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The stateless step: whose packets are answered, who gets a session, and who gets silence. Every
// case runs without wrapping, and with each way of it.

#include "control/channel/first_packet.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define NOW 3000 // first second of a time slot
#define HAND_WINDOW_S 60

static const uint8_t client_sid[SESSION_ID_BYTES] = {0xc1, 2, 3, 4, 5, 6, 7, 8};
static const struct session_addr client = {.family = 4, .addr = {192, 0, 2, 7}, .port_be = 0x1234};

static struct tls_wrap_set server; // empty: not wrapped
static struct tls_wrap_key *client_key;
static struct cookie_key cookie;
static struct session_addr ours = {.family = 4, .addr = {198, 51, 100, 1}, .port_be = 0xaa04};
static uint8_t wire[TLS_WRAP_BYTES_MAX + TLS_CRYPT_V2_WKC_MAX];
static size_t wire_len;
static struct first_packet out;

static void compose(const struct ctrl_pkt *p)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	int n = ctrl_pkt_compose(p, plain, sizeof(plain));

	CU_ASSERT_FATAL(n > 0);
	n = tls_wrap_seal_first(client_key, NOW, plain, (size_t)n, wire, sizeof(wire));
	CU_ASSERT_FATAL(n > 0);
	wire_len = (size_t)n;
}

static struct ctrl_pkt packet(uint8_t opcode)
{
	struct ctrl_pkt p = {.opcode = opcode};

	memcpy(p.sid, client_sid, sizeof(p.sid));
	return p;
}

static enum first_packet_verdict judge(const struct session_addr *from, uint64_t unix_s)
{
	first_packet_judge(&out, &server, &cookie, &ours, from, wire, wire_len, unix_s);
	first_packet_fini(&out);
	return out.verdict;
}

// The client's second packet: what a valid cookie looks like.
static struct ctrl_pkt second_packet(uint8_t opcode)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V2);

	compose(&p);
	CU_ASSERT_EQUAL_FATAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	p = packet(opcode);
	p.ack_count = 1;
	memcpy(p.receiver_sid, out.start.own_sid, sizeof(p.receiver_sid));
	if (opcode == OP_CONTROL_V1)
		p.id = 1;
	return p;
}

static void check_reset(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V2), reply;
	uint8_t plain[CTRL_PKT_BYTES_MAX], first[128];
	size_t first_len;
	int n;

	compose(&p);
	CU_ASSERT_EQUAL_FATAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	CU_ASSERT_TRUE(out.reply_len <= wire_len + 4 + CTRL_SID_BYTES);
	n = tls_wrap_open_first(client_key, out.reply, out.reply_len, plain, sizeof(plain));
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL(ctrl_pkt_parse(&reply, plain, (size_t)n), 0);
	CU_ASSERT_EQUAL(reply.opcode, OP_CONTROL_HARD_RESET_SERVER_V2);
	CU_ASSERT_EQUAL(reply.ack_count, 1);
	CU_ASSERT_EQUAL(reply.acks[0], 0);
	CU_ASSERT_EQUAL(reply.id, 0);
	CU_ASSERT_EQUAL(reply.payload_len, 0); // clients up to 2.5 would take it for TLS
	CU_ASSERT_EQUAL(memcmp(reply.receiver_sid, client_sid, SESSION_ID_BYTES), 0);
	CU_ASSERT_TRUE(cookie_is_valid(&cookie, NOW, &ours, &client, client_sid, reply.sid));
	// The same packet gives the same answer: nothing was remembered.
	memcpy(first, out.reply, out.reply_len);
	first_len = out.reply_len;
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	CU_ASSERT_EQUAL(out.reply_len, first_len);
	CU_ASSERT_EQUAL(memcmp(out.reply, first, first_len), 0);
}

static void check_returned(void)
{
	static const uint8_t opcodes[] = {OP_CONTROL_V1, OP_ACK_V1};
	struct session_addr other;

	for (size_t i = 0; i < sizeof(opcodes); i++) {
		struct ctrl_pkt p = second_packet(opcodes[i]);

		compose(&p);
		CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_SESSION);
		CU_ASSERT_EQUAL(memcmp(out.start.own_sid, p.receiver_sid, SESSION_ID_BYTES), 0);
		CU_ASSERT_EQUAL(memcmp(out.start.remote_sid, client_sid, SESSION_ID_BYTES), 0);
		CU_ASSERT_EQUAL(judge(&client, NOW + 89), FIRST_PACKET_SESSION);
		CU_ASSERT_EQUAL(judge(&client, NOW + 90), FIRST_PACKET_DROP); // expired
		CU_ASSERT_EQUAL(judge(&client, NOW - 1), FIRST_PACKET_DROP);  // of the future
		other = client;
		other.addr[0]++;
		CU_ASSERT_EQUAL(judge(&other, NOW), FIRST_PACKET_DROP); // of another address
		other = client;
		other.port_be++;
		CU_ASSERT_EQUAL(judge(&other, NOW), FIRST_PACKET_DROP); // of another port
		for (unsigned int bit = 0; bit < 8 * SESSION_ID_BYTES; bit++) {
			p.receiver_sid[bit / 8] ^= (uint8_t)(1u << bit % 8);
			compose(&p);
			CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP); // forged
			p.receiver_sid[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		p.sid[0]++; // of another session of the same client
		compose(&p);
		CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	}
}

// A cookie is a ticket to the beginning of a handshake, not into the middle of one.
static void check_late_ids(void)
{
	struct ctrl_pkt p = second_packet(OP_CONTROL_V1);

	p.id = 2;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	p.id = 1;
	p.ack_count = 2;
	p.acks[1] = 2;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	p.acks[1] = 1;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_SESSION);
	p.key_id = 1;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
}

// The packet that carried the only ack was lost: the reply once more, still nothing remembered.
static void check_lost_ack(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_V1);

	p.id = 1;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	p.id = 2;
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
}

static void check_silence(void)
{
	static const uint8_t dropped[] = {OP_CONTROL_HARD_RESET_SERVER_V2,
		OP_CONTROL_HARD_RESET_CLIENT_V3, OP_CONTROL_WKC_V1, OP_CONTROL_SOFT_RESET_V1};
	struct ctrl_pkt p;

	for (size_t i = 0; i < sizeof(dropped); i++) {
		p = second_packet(OP_CONTROL_V1);
		p.opcode = dropped[i];
		p.key_id = dropped[i] == OP_CONTROL_SOFT_RESET_V1;
		compose(&p);
		CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	}
	p = packet(OP_CONTROL_HARD_RESET_CLIENT_V2);
	compose(&p);
	for (size_t n = wire_len; n-- > 0;) {
		wire_len = n;
		CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	}
}

// What a client has, and what the gateway has beside its counterpart.
enum kind { PLAIN, CRYPT, AUTH, CRYPT_OF_BOTH, AUTH_OF_BOTH, KIND_COUNT };

static void make_keys(enum kind kind)
{
	bool crypt = kind == CRYPT || kind == CRYPT_OF_BOTH;
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 7 + 1);
	if (crypt || kind == AUTH_OF_BOTH)
		server.crypt = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, true);
	if (kind == AUTH || kind == CRYPT_OF_BOTH || kind == AUTH_OF_BOTH)
		server.auth = tls_wrap_key_auth(raw, TLS_WRAP_SHA256, TLS_WRAP_NORMAL);
	if (kind == PLAIN)
		client_key = NULL;
	else if (crypt)
		client_key = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, false);
	else
		client_key = tls_wrap_key_auth(raw, TLS_WRAP_SHA256, TLS_WRAP_INVERSE);
	CU_ASSERT_EQUAL_FATAL(client_key == NULL, kind == PLAIN);
	CU_ASSERT_EQUAL_FATAL(cookie_key_init(&cookie, HAND_WINDOW_S), 0);
}

static void free_keys(void)
{
	tls_wrap_set_fini(&server);
	tls_wrap_key_free(client_key);
	client_key = NULL;
}

static void check_all(enum kind kind)
{
	make_keys(kind);
	check_reset();
	check_returned();
	check_late_ids();
	check_lost_ack();
	check_silence();
	free_keys();
}

static void test_plain(void)
{
	check_all(PLAIN);
}

static void test_one_mode(void)
{
	check_all(CRYPT);
	check_all(AUTH);
}

static void test_migration(void)
{
	check_all(CRYPT_OF_BOTH);
	check_all(AUTH_OF_BOTH);
}

// Without the key there is no answer at all, to a scanner the port looks closed.
static void check_unauthentic(enum kind kind)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V2);
	struct tls_wrap_key *key;

	make_keys(kind);
	key = client_key;
	client_key = NULL;
	compose(&p); // an unwrapped reset
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	CU_ASSERT_EQUAL(out.why, FIRST_PACKET_DROP_AUTH);
	client_key = server.crypt != NULL ? server.crypt : server.auth; // our own, reflected
	compose(&p);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	CU_ASSERT_EQUAL(out.why, FIRST_PACKET_DROP_AUTH);
	client_key = key;
	compose(&p);
	for (size_t i = 0; i < wire_len; i++) {
		wire[i] ^= 0x40;
		CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
		wire[i] ^= 0x40;
	}
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	free_keys();
}

static void test_unauthentic(void)
{
	for (enum kind kind = CRYPT; kind < KIND_COUNT; kind++)
		check_unauthentic(kind);
}

// The session gets the key that fitted, and with it the mode for its life.
static void test_mode_is_fixed(void)
{
	static const enum tls_wrap_mode modes[] = {[PLAIN] = TLS_WRAP_NONE,
		[CRYPT] = TLS_WRAP_CRYPT,
		[AUTH] = TLS_WRAP_AUTH,
		[CRYPT_OF_BOTH] = TLS_WRAP_CRYPT,
		[AUTH_OF_BOTH] = TLS_WRAP_AUTH};

	for (enum kind kind = PLAIN; kind < KIND_COUNT; kind++) {
		struct ctrl_pkt p;

		make_keys(kind);
		p = second_packet(OP_CONTROL_V1);
		compose(&p);
		first_packet_judge(&out, &server, &cookie, &ours, &client, wire, wire_len, NOW);
		CU_ASSERT_EQUAL(out.verdict, FIRST_PACKET_SESSION);
		CU_ASSERT_EQUAL(tls_wrap_mode(out.start.wrap), modes[kind]);
		first_packet_fini(&out);
		free_keys();
	}
}

static void check_text(const struct tls_wrap_set *set, const char *expected)
{
	char text[TLS_WRAP_SET_TEXT_BYTES];

	CU_ASSERT_STRING_EQUAL(tls_wrap_set_text(set, text), expected);
}

static void test_text(void)
{
	check_text(&server, "none");
	make_keys(AUTH);
	check_text(&server, "tls-auth");
	free_keys();
	make_keys(AUTH_OF_BOTH);
	check_text(&server, "tls-crypt, tls-auth");
	free_keys();
}

// tls-crypt-v2 ---------------------------------------------------------------------------------

#define DAY 86400u

static struct tls_crypt_v2_client identity;
static uint8_t wkc[TLS_CRYPT_V2_WKC_MAX];
static size_t wkc_len;

static void wrap_identity(const struct tls_crypt_v2 *with)
{
	int n = tls_crypt_v2_wrap(with, &identity, wkc);

	CU_ASSERT_FATAL(n > 0);
	wkc_len = (size_t)n;
}

static void make_v2(void)
{
	static const uint8_t raw[TLS_CRYPT_KEY_BYTES] = {5};

	memset(&identity, 0, sizeof(identity));
	memset(identity.key, 7, sizeof(identity.key));
	identity.key[200] = 8;
	identity.type = TLS_CRYPT_V2_TIME;
	identity.unix_s = NOW;
	server.v2 = tls_crypt_v2_new(raw);
	client_key = tls_wrap_key_new(TLS_WRAP_CRYPT, identity.key, false);
	CU_ASSERT_FATAL(server.v2 != NULL && client_key != NULL);
	CU_ASSERT_EQUAL_FATAL(cookie_key_init(&cookie, HAND_WINDOW_S), 0);
	wrap_identity(server.v2);
}

// Packet id 0x0f000001, or 1 as of a client that cannot send its key again.
static void compose_v2(const struct ctrl_pkt *p, bool old)
{
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	int n = ctrl_pkt_compose(p, plain, sizeof(plain));
	struct tls_wrap w;

	CU_ASSERT_FATAL(n > 0);
	tls_wrap_init(&w, client_key, false);
	w.send_id = old ? 0 : 0x0f000000;
	n = tls_wrap_seal(&w, NOW, plain, (size_t)n, wire, sizeof(wire));
	tls_wrap_fini(&w);
	CU_ASSERT_FATAL(n > 0);
	wire_len = (size_t)n;
	if (!tls_wrap_carries_key(wire[0]))
		return;
	memcpy(wire + wire_len, wkc, wkc_len);
	wire_len += wkc_len;
}

static enum first_packet_drop dropped(void)
{
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_DROP);
	CU_ASSERT_EQUAL(out.reply_len, 0);
	CU_ASSERT_PTR_NULL(out.start.wrap);
	return out.why;
}

static void test_v2_cookie(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V3), reply;
	uint8_t plain[CTRL_PKT_BYTES_MAX];
	int n;

	make_v2();
	server.v2_cookie_required = true; // needs nothing but the cookie
	compose_v2(&p, false);
	CU_ASSERT_EQUAL_FATAL(judge(&client, NOW), FIRST_PACKET_REPLY);
	CU_ASSERT_TRUE(out.reply_len < wire_len);
	n = tls_wrap_open_first(client_key, out.reply, out.reply_len, plain, sizeof(plain));
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL(ctrl_pkt_parse(&reply, plain, (size_t)n), 0);
	CU_ASSERT_EQUAL(reply.opcode, OP_CONTROL_HARD_RESET_SERVER_V2);
	CU_ASSERT_EQUAL_FATAL(reply.payload_len, 6);
	CU_ASSERT_EQUAL(memcmp(reply.payload, "\x00\x01\x00\x02\x00\x01", 6), 0);
	// It comes back with the key, with or without TLS.
	p = packet(OP_CONTROL_WKC_V1);
	p.ack_count = 1;
	p.id = 1;
	memcpy(p.receiver_sid, out.start.own_sid, sizeof(p.receiver_sid));
	compose_v2(&p, false);
	first_packet_judge(&out, &server, &cookie, &ours, &client, wire, wire_len, NOW);
	CU_ASSERT_EQUAL(out.verdict, FIRST_PACKET_SESSION);
	CU_ASSERT_EQUAL(tls_wrap_mode(out.start.wrap), TLS_WRAP_CRYPT_V2);
	CU_ASSERT_FALSE(out.start.unproven);
	first_packet_fini(&out);
	p.payload = (const uint8_t *)"tls";
	p.payload_len = 3;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_SESSION);
	CU_ASSERT_EQUAL(judge(&client, NOW + 90), FIRST_PACKET_DROP);
	CU_ASSERT_EQUAL(out.why, FIRST_PACKET_DROP_COOKIE);
	p.receiver_sid[0] ^= 1;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_COOKIE);
	p.receiver_sid[0] ^= 1;
	p.id = 2;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_MALFORMED);
	// Without the key nothing can be read.
	p.id = 1;
	p.opcode = OP_CONTROL_V1;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH);
	free_keys();
}

static void test_v2_old(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V3);
	uint8_t sid[SESSION_ID_BYTES];

	make_v2();
	compose_v2(&p, true);
	first_packet_judge(&out, &server, &cookie, &ours, &client, wire, wire_len, NOW);
	CU_ASSERT_EQUAL(out.verdict, FIRST_PACKET_UNPROVEN);
	CU_ASSERT_TRUE(out.start.unproven);
	CU_ASSERT_EQUAL(tls_wrap_mode(out.start.wrap), TLS_WRAP_CRYPT_V2);
	CU_ASSERT_EQUAL(memcmp(out.start.remote_sid, client_sid, SESSION_ID_BYTES), 0);
	memcpy(sid, out.start.own_sid, sizeof(sid));
	first_packet_fini(&out);
	CU_ASSERT_EQUAL(judge(&client, NOW), FIRST_PACKET_UNPROVEN);
	CU_ASSERT_NOT_EQUAL(memcmp(out.start.own_sid, sid, sizeof(sid)), 0); // random
	p.id = 1;
	compose_v2(&p, true);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_UNPROVEN);
	p.id = 0;
	p.ack_count = 1;
	compose_v2(&p, true);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_UNPROVEN);
	p.ack_count = 0;
	compose_v2(&p, true);
	server.v2_cookie_required = true;
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_UNPROVEN);
	free_keys();
}

// Not authentic, not of this server, too old, not understood: no answer, each by its reason.
static void test_v2_refused(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V3);
	static const uint8_t raw[TLS_CRYPT_KEY_BYTES] = {6};
	struct tls_crypt_v2 *other = tls_crypt_v2_new(raw);

	make_v2();
	compose_v2(&p, false);
	for (size_t i = 0; i < wire_len; i++) {
		if (i == 0)
			continue; // another opcode
		wire[i] ^= 0x40;
		CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH);
		wire[i] ^= 0x40;
	}
	for (size_t n = wire_len, i = CTRL_HDR_BYTES; i < n; i++) {
		wire_len = i;
		CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH);
	}
	wrap_identity(other);
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH);
	wrap_identity(server.v2);
	server.v2_max_age_s = DAY;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(judge(&client, NOW + DAY), FIRST_PACKET_REPLY);
	CU_ASSERT_EQUAL(judge(&client, NOW + DAY + 1), FIRST_PACKET_DROP);
	CU_ASSERT_EQUAL(out.why, FIRST_PACKET_DROP_EXPIRED);
	identity.type = TLS_CRYPT_V2_USER;
	wrap_identity(server.v2);
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_EXPIRED);
	tls_crypt_v2_free(server.v2);
	server.v2 = NULL;
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH); // not configured
	free_keys();
	tls_crypt_v2_free(other);
}

static void test_v2_metadata(void)
{
	struct ctrl_pkt p = packet(OP_CONTROL_HARD_RESET_CLIENT_V3);
	uint8_t key[TLS_CRYPT_KEY_BYTES] = {5}, text[TLS_CRYPT_V2_CLIENT_KEY_BYTES + 1];
	static const uint8_t length[] = {291 >> 8, 291 & 255};
	struct tls_crypt *crypt = tls_crypt_new(key);

	make_v2();
	memcpy(text, identity.key, sizeof(identity.key));
	text[sizeof(text) - 1] = 2; // a type that may mean anything
	CU_ASSERT_EQUAL(tls_crypt_seal(crypt, length, 2, text, sizeof(text), wkc, wkc + 32), 0);
	memcpy(wkc + 32 + sizeof(text), length, 2);
	wkc_len = 291;
	compose_v2(&p, false);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_METADATA);
	tls_crypt_free(crypt);
	free_keys();
}

// Three modes at one endpoint: each client has its own, whoever comes first.
static void test_three_modes(void)
{
	uint8_t raw[TLS_WRAP_STATIC_KEY_BYTES] = {3};
	struct tls_wrap_key *keys[3];
	struct ctrl_pkt p;

	make_v2();
	server.crypt = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, true);
	server.auth = tls_wrap_key_auth(raw, TLS_WRAP_SHA1, TLS_WRAP_BOTH);
	check_text(&server, "tls-crypt-v2, tls-crypt, tls-auth");
	keys[0] = client_key;
	keys[1] = tls_wrap_key_new(TLS_WRAP_CRYPT, raw, false);
	keys[2] = tls_wrap_key_auth(raw, TLS_WRAP_SHA1, TLS_WRAP_BOTH);
	for (int i = 0; i < 3; i++) {
		p = packet(
			i == 0 ? OP_CONTROL_HARD_RESET_CLIENT_V3 : OP_CONTROL_HARD_RESET_CLIENT_V2);
		client_key = keys[i];
		compose_v2(&p, false);
		first_packet_judge(&out, &server, &cookie, &ours, &client, wire, wire_len, NOW);
		CU_ASSERT_EQUAL(out.verdict, FIRST_PACKET_REPLY);
		CU_ASSERT_EQUAL((int)tls_wrap_mode(out.start.wrap), TLS_WRAP_CRYPT_V2 - i);
		first_packet_fini(&out);
	}
	client_key = NULL; // none never beside another
	compose(&p);
	CU_ASSERT_EQUAL(dropped(), FIRST_PACKET_DROP_AUTH);
	for (int i = 0; i < 3; i++)
		tls_wrap_key_free(keys[i]);
	free_keys();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"without wrapping", test_plain},
		{"tls-crypt or tls-auth", test_one_mode},
		{"tls-crypt and tls-auth at once", test_migration},
		{"the key that fitted", test_mode_is_fixed},
		{"names of the modes", test_text},
		{"tls-crypt-v2: the cookie and the key come back", test_v2_cookie},
		{"tls-crypt-v2: clients of 2.5", test_v2_old},
		{"tls-crypt-v2: refused keys", test_v2_refused},
		{"tls-crypt-v2: unknown metadata", test_v2_metadata},
		{"three modes at once", test_three_modes},
		{"packets without the key", test_unauthentic},
		{NULL, NULL},
	};

	return harness_run("first_packet", tests);
}
