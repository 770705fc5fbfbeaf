// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Simulated clients on a UDP socket that do to a real daemon what no stock client of today does:
//
//   v1        connects without peer ids and pings with P_DATA_V1
//   lost-ack  loses the only packet that acknowledges the server's first reply
//   reset     connects a second time from the same address and port while the first session is up
//   reset-v1  the same without peer ids
//   v2-old    connects with tls-crypt-v2 as 2.5 does: its key comes once, and no cookie with it
//   flood     10 000 first packets, each of a client of its own, none of which goes on
//   flood-old the same as v2-old
//
// Exit status 0: all went as it must. Sessions are left as they are.

#include "control/tests/sim_client.h"
#include "control/tests/sim_tunnel.h"
#include "control/channel/tls_crypt_v2.h"
#include "dataplane/base/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IV_PROTO_25 6 // peer ids, server may push unasked
#define CONNECT_MS 20000
#define ANSWER_MS 2000
#define TURN_MS 50
#define PINGS 5
#define FLOOD_PACKETS 10000

struct net {
	int fd;
	struct sim_client_config cfg;
	struct sim_client *c[2]; // first, and the one that comes after it
	struct sim_tunnel t[2];
	struct crypto *crypto;
	bool up[2];           // t is there
	bool deaf;            // the second hears nothing
	unsigned int unheard; // what it did not hear
	bool lose_ack;        // the next packet after the reset gets lost
	unsigned int resets;  // of clients, sent
	unsigned int replies; // to them
	unsigned int lost;    // by lose_ack
	unsigned int odd;     // data packets of the wrong format
	uint8_t inside[4];    // who is pinged
	uint16_t seq;         // of the last echo request
	int answered_by;      // tunnel through which its reply came; -1: none did
};

__attribute__((format(printf, 1, 2))) static bool complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return false;
}

static void send_control(void *arg, const uint8_t *data, size_t len)
{
	struct net *n = arg;

	if (proto_opcode(data[0]) == OP_CONTROL_HARD_RESET_CLIENT_V2 ||
		proto_opcode(data[0]) == OP_CONTROL_HARD_RESET_CLIENT_V3) {
		n->resets++;
	} else if (n->lose_ack) {
		n->lose_ack = false;
		n->lost++;
		return;
	}
	// What does not leave is sent again later.
	(void)!send(n->fd, data, len, 0);
}

static void take_data(struct net *n, uint8_t *data, size_t len)
{
	uint8_t copy[2048];
	size_t text_len;
	uint8_t *text;
	int i;

	for (i = 0; i < 2; i++) {
		if (!n->up[i])
			continue;
		memcpy(copy, data, len);
		text = sim_tunnel_open(&n->t[i], copy, len, &text_len);
		if (!text)
			continue;
		if ((proto_opcode(data[0]) == OP_DATA_V2) != n->t[i].v2)
			n->odd++;
		else if (sim_tunnel_is_reply(&n->t[i], text, text_len, n->inside, n->seq))
			n->answered_by = i;
	}
}

// The server's session id is not encrypted: it tells to which of the two a packet belongs.
static void take_control(struct net *n, const uint8_t *data, size_t len)
{
	bool first = !n->c[1] ||
		     memcmp(data + 1, sim_client_server_sid(n->c[0]), SESSION_ID_BYTES) == 0;

	if (proto_opcode(data[0]) == OP_CONTROL_HARD_RESET_SERVER_V2)
		n->replies++;
	if (!first && n->deaf)
		n->unheard++;
	else
		sim_client_input(n->c[first ? 0 : 1], data, len, clock_ms());
}

static void turn(struct net *n)
{
	struct pollfd p = {.fd = n->fd, .events = POLLIN};
	uint8_t data[2048];
	ssize_t len;
	int i;

	if (poll(&p, 1, TURN_MS) > 0) {
		len = recv(n->fd, data, sizeof(data), MSG_DONTWAIT);
		if (len > 0 && proto_is_data(data[0]))
			take_data(n, data, (size_t)len);
		else if (len > SESSION_ID_BYTES)
			take_control(n, data, (size_t)len);
	}
	for (i = 0; i < 2; i++)
		if (n->c[i])
			sim_client_tick(n->c[i], clock_ms());
}

static bool begin(struct net *n, int i)
{
	n->c[i] = sim_client_new(&n->cfg, clock_ms());
	return n->c[i] || complain("cannot make a client: certificates?");
}

static bool connect_tunnel(struct net *n, int i)
{
	const struct sim_client_state *st = sim_client_state(n->c[i]);
	uint64_t end = clock_ms() + CONNECT_MS;

	while (!st->connected && !st->failed && clock_ms() < end)
		turn(n);
	if (!st->connected)
		return complain("client %d did not connect: %s %s", i, st->error, st->message);
	if (!sim_tunnel_init(&n->t[i], n->c[i], n->crypto))
		return complain("client %d has no address: %s", i, st->push);
	n->up[i] = true;
	if (n->t[i].v2 != (n->cfg.iv_proto != 0))
		return complain("peer id pushed against what client %d knows: %s", i, st->push);
	if (st->ekm)
		return complain("client %d was told of keys it does not know", i);
	return true;
}

// One echo request through tunnel i: did its reply come, through the same?
static bool ping(struct net *n, int i, uint64_t wait_ms)
{
	uint8_t out[SIM_TUNNEL_BYTES];
	uint64_t end = clock_ms() + wait_ms;
	size_t len;

	n->seq++;
	n->answered_by = -1;
	len = sim_tunnel_echo(&n->t[i], n->inside, n->seq, out);
	if (send(n->fd, out, len, 0) != (ssize_t)len)
		return false;
	while (n->answered_by < 0 && clock_ms() < end)
		turn(n);
	return n->answered_by == i;
}

static bool pings(struct net *n, int i, const char *when)
{
	int k;

	for (k = 0; k < PINGS; k++)
		if (!ping(n, i, ANSWER_MS))
			return complain("%s: ping %d through client %d lost, %u of odd format",
				when, k + 1, i, n->odd);
	if (n->odd)
		return complain("%s: %u data packets of the wrong format", when, n->odd);
	printf("%s: %d pings through client %d (%s)\n", when, PINGS, i,
		n->t[i].v2 ? "P_DATA_V2" : "P_DATA_V1");
	return true;
}

static bool run_alone(struct net *n)
{
	return begin(n, 0) && connect_tunnel(n, 0) && pings(n, 0, "connected");
}

// The reset is sent once, so that the second reply can only be due to the packet without ack.
static void count_answers(struct net *n)
{
	struct pollfd p = {.fd = n->fd, .events = POLLIN};
	uint8_t data[2048];

	while (poll(&p, 1, TURN_MS) > 0 && recv(n->fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		n->unheard++;
}

static bool run_lost_ack(struct net *n)
{
	n->cfg.acks_once = true;
	n->lose_ack = true;
	if (!run_alone(n))
		return false;
	if (n->lost != 1 || n->resets != 1 || n->replies != 2)
		return complain("%u packets lost, %u resets, %u replies; must be 1, 1, 2", n->lost,
			n->resets, n->replies);
	return true;
}

// The second client gets on by one answer of the server that it does not hear.
static bool wait_unheard(struct net *n, const char *what)
{
	uint64_t end = clock_ms() + CONNECT_MS;

	n->deaf = true;
	n->unheard = 0;
	while (n->unheard == 0 && clock_ms() < end)
		turn(n);
	return n->unheard > 0 || complain("no %s for the second client", what);
}

static bool wait_reply(struct net *n)
{
	uint64_t end = clock_ms() + CONNECT_MS;
	unsigned int before = n->replies;

	while (n->replies == before && clock_ms() < end)
		turn(n);
	return n->replies > before || complain("the first reply was not said again");
}

static bool run_reset(struct net *n)
{
	unsigned int replies;

	if (!run_alone(n))
		return false;
	replies = n->replies;
	n->deaf = true;
	if (!begin(n, 1) || !wait_unheard(n, "first reply") || !pings(n, 0, "after a reset"))
		return false;
	if (n->replies == replies)
		return complain("the second client's reset was not answered by a reset");
	// Hears the reply, which is said again, and begins its handshake.
	n->deaf = false;
	if (!wait_reply(n))
		return false;
	if (!wait_unheard(n, "handshake") || !pings(n, 0, "during the handshake"))
		return false;
	n->deaf = false;
	if (!connect_tunnel(n, 1) || !pings(n, 1, "replaced"))
		return false;
	if (ping(n, 0, ANSWER_MS))
		return complain("the replaced session still answers");
	return pings(n, 1, "afterwards");
}

// The socket buffer of the server may be smaller than the flood: what is lost there costs it
// nothing either.
static bool run_flood(struct net *n)
{
	unsigned int before;
	uint64_t end;
	int i;

	n->replies = 0;
	for (i = 0; i < FLOOD_PACKETS; i++) {
		n->c[0] = sim_client_new(&n->cfg, clock_ms());
		if (!n->c[0])
			return complain("cannot make a client");
		sim_client_free(n->c[0]);
		n->c[0] = NULL;
		if (i % 50 == 0)
			usleep(1000);
	}
	end = clock_ms() + ANSWER_MS;
	do {
		before = n->unheard;
		count_answers(n);
	} while (before != n->unheard || clock_ms() < end);
	printf("%u answers to %u first packets\n", n->unheard, n->resets);
	return true;
}

static bool run_old(struct net *n)
{
	n->cfg.wkc_once = true;
	n->cfg.acks_once = true;
	return run_alone(n);
}

static bool run_flood_old(struct net *n)
{
	n->cfg.wkc_once = true;
	return run_flood(n);
}

static const struct mode {
	const char *name;
	uint32_t iv_proto;
	bool (*run)(struct net *n);
} modes[] = {
	{"v1", 0, run_alone},
	{"lost-ack", IV_PROTO_25, run_lost_ack},
	{"reset", IV_PROTO_25, run_reset},
	{"reset-v1", 0, run_reset},
	{"v2-old", IV_PROTO_25, run_old},
	{"flood", IV_PROTO_25, run_flood},
	{"flood-old", IV_PROTO_25, run_flood_old},
};

static const struct mode *find_mode(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	return NULL;
}

// A key of tls-crypt, or a client's of tls-crypt-v2 with what the server needs behind it.
static struct tls_wrap_key *load_wrap(struct net *n, const char *path)
{
	static uint8_t key[TLS_WRAP_STATIC_KEY_BYTES + TLS_CRYPT_V2_WKC_MAX];
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len = key_file_read(path, text), v2;

	if (len < 0)
		return NULL;
	v2 = key_file_pem_parse(key, sizeof(key), KEY_FILE_V2_CLIENT, text, (size_t)len);
	if (v2 > TLS_WRAP_STATIC_KEY_BYTES) {
		n->cfg.wkc = key + TLS_WRAP_STATIC_KEY_BYTES;
		n->cfg.wkc_len = (size_t)v2 - TLS_WRAP_STATIC_KEY_BYTES;
	} else if (key_file_static_parse(key, text, (size_t)len)) {
		return NULL;
	}
	return tls_wrap_key_new(TLS_WRAP_CRYPT, key, false);
}

static bool open_socket(struct net *n, const char *addr, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	to.sin_port = htons((uint16_t)atoi(port));
	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return n->fd >= 0 && inet_pton(AF_INET, addr, &to.sin_addr) == 1 &&
	       connect(n->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

int main(int argc, char **argv)
{
	static struct net n;
	const struct mode *mode = argc == 9 ? find_mode(argv[7]) : NULL;
	struct tls_wrap_key *wrap;
	const char *why;
	bool ok;

	if (!mode || inet_pton(AF_INET, argv[8], n.inside) != 1) {
		fprintf(stderr, "usage: sim_client ADDRESS PORT CA CERT KEY TLS_CRYPT_KEY "
				"v1|lost-ack|reset|reset-v1|v2-old|flood|flood-old "
				"INSIDE_ADDRESS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	n.cfg = (struct sim_client_config){.ca = argv[3], .cert = argv[4], .key = argv[5]};
	wrap = load_wrap(&n, argv[6]);
	if (!wrap || !open_socket(&n, argv[1], argv[2]) || crypto_init(&why) ||
		!(n.crypto = crypto_new())) {
		complain("no socket, no tls-crypt key, or no AES");
		return 1;
	}
	n.cfg.wrap = wrap;
	n.cfg.iv_proto = mode->iv_proto;
	n.cfg.peer_info = "IV_NCP=2\nIV_CIPHERS=AES-256-GCM\n";
	n.cfg.send = send_control;
	n.cfg.arg = &n;
	ok = mode->run(&n);
	sim_client_free(n.c[0]);
	sim_client_free(n.c[1]);
	tls_wrap_key_free(wrap);
	close(n.fd);
	return ok ? 0 : 1;
}
