// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The reliability layer: its rules one by one, and two ends over a network that loses, doubles and
// reorders, with a clock and a random source of its own.

#include "control/channel/reliable.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ctrl_pkt control(uint32_t id)
{
	return (struct ctrl_pkt){.opcode = OP_CONTROL_V1, .id = id};
}

static struct ctrl_pkt ack(uint32_t a, unsigned int count)
{
	struct ctrl_pkt p = {.opcode = OP_ACK_V1, .ack_count = (uint8_t)count};

	for (unsigned int i = 0; i < count; i++)
		p.acks[i] = a + i;
	return p;
}

static void test_backoff(void)
{
	static const uint64_t due[] = {1000, 3000, 7000, 15000, 23000, 31000, 39000, 47000};
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 0, 0);
	CU_ASSERT_EQUAL(reliable_due_ms(&r), UINT64_MAX);
	CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, (const uint8_t *)"x", 1), 0);
	CU_ASSERT_EQUAL(reliable_due_ms(&r), 0); // at once
	for (unsigned int i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		if (i > 0) {
			CU_ASSERT_EQUAL(reliable_due_ms(&r), due[i]);
			CU_ASSERT_FALSE(reliable_output(&r, &p, due[i] - 1));
		}
		CU_ASSERT_TRUE(reliable_output(&r, &p, due[i]));
		CU_ASSERT_EQUAL(p.id, 0);
		CU_ASSERT_EQUAL(p.payload_len, 1);
		CU_ASSERT_EQUAL(p.payload[0], 'x');
		CU_ASSERT_FALSE(reliable_output(&r, &p, due[i]));
	}
	CU_ASSERT_EQUAL(r.retransmits, 7);
	p = ack(0, 1);
	CU_ASSERT_FALSE(reliable_is_idle(&r));
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	CU_ASSERT_TRUE(reliable_is_idle(&r));
	CU_ASSERT_EQUAL(reliable_due_ms(&r), UINT64_MAX);
	reliable_fini(&r);
}

static void test_send_window(void)
{
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 1, 1);
	for (unsigned int i = 0; i < RELIABLE_SEND_WINDOW; i++) {
		CU_ASSERT_EQUAL(reliable_send_room(&r), RELIABLE_SEND_WINDOW - i);
		CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
	}
	CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), -ENOBUFS);
	for (uint32_t id = 1; id <= 4; id++) {
		CU_ASSERT_TRUE(reliable_output(&r, &p, 5));
		CU_ASSERT_EQUAL(p.id, id); // in order
	}
	// The peer must hold all from the first open one: acks of later ones make no room.
	p = ack(2, 3);
	reliable_input(&r, &p, 11);
	CU_ASSERT_EQUAL(reliable_send_room(&r), 0);
	p = ack(1, 1);
	reliable_input(&r, &p, 11);
	CU_ASSERT_EQUAL(reliable_send_room(&r), RELIABLE_SEND_WINDOW);
	CU_ASSERT_EQUAL(
		reliable_send(&r, OP_CONTROL_V1, (const uint8_t *)"", CTRL_PKT_BYTES_MAX + 1),
		-EMSGSIZE);
	CU_ASSERT_EQUAL(reliable_send_room(&r), RELIABLE_SEND_WINDOW);
	reliable_fini(&r);
}

static void test_unsent_is_not_acked(void)
{
	struct reliable r;
	struct ctrl_pkt p = ack(0, 8);

	reliable_init(&r, 0, 0);
	reliable_send(&r, OP_CONTROL_V1, NULL, 0);
	reliable_input(&r, &p, 11); // forged or foolish
	CU_ASSERT_FALSE(reliable_is_idle(&r));
	CU_ASSERT_TRUE(reliable_output(&r, &p, 1));
	CU_ASSERT_EQUAL(p.id, 0);
	reliable_fini(&r);
}

static void test_fast_retransmit(void)
{
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 0, 0);
	for (unsigned int i = 0; i < 4; i++) {
		reliable_send(&r, OP_CONTROL_V1, NULL, 0);
		CU_ASSERT_TRUE(reliable_output(&r, &p, 10));
	}
	p = ack(1, 1);
	reliable_input(&r, &p, 11);
	reliable_input(&r, &p, 11); // the same ack again is no news
	reliable_input(&r, &p, 11);
	reliable_input(&r, &p, 11);
	p = ack(2, 1);
	reliable_input(&r, &p, 11);
	CU_ASSERT_FALSE(reliable_output(&r, &p, 11));
	p = ack(3, 1);
	reliable_input(&r, &p, 11);
	CU_ASSERT_EQUAL(reliable_due_ms(&r), 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, 11));
	CU_ASSERT_EQUAL(p.id, 0);
	CU_ASSERT_FALSE(reliable_output(&r, &p, 12));                 // once
	CU_ASSERT_EQUAL(reliable_due_ms(&r), 11 + RELIABLE_RETRY_MS); // timer not doubled
	reliable_fini(&r);
}

// The timer follows the path: measured round trips, RFC 6298; what was sent twice measures nothing.
static void test_rtt(void)
{
	struct reliable r;
	struct ctrl_pkt p;
	uint64_t now = 1000;

	reliable_init(&r, 0, 0);
	for (uint32_t id = 0; id < 40; id++) {
		CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
		CU_ASSERT_TRUE(reliable_output(&r, &p, now));
		p = ack(id, 1);
		reliable_input(&r, &p, now + 700);
		now += 1000;
		if (id == 0)
			CU_ASSERT_EQUAL(r.rtt.smoothed_ms, 700);
	}
	CU_ASSERT_TRUE(r.rtt.smoothed_ms >= 690 && r.rtt.smoothed_ms <= 700);
	CU_ASSERT_TRUE(r.rtt.deviation_ms < 20);
	CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, now));
	CU_ASSERT_TRUE(reliable_due_ms(&r) >= now + 690 && reliable_due_ms(&r) <= now + 780);
	// Lost: sent again, and its ack says nothing of the path.
	now = reliable_due_ms(&r);
	CU_ASSERT_TRUE(reliable_output(&r, &p, now));
	p = ack(40, 1);
	reliable_input(&r, &p, now + 5);
	CU_ASSERT_TRUE(r.rtt.smoothed_ms >= 690);
	// A path that is fast does not make us hasty, one that is slow does not stop us.
	r.rtt = (struct reliable_rtt){true, 1, 0};
	CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, now));
	CU_ASSERT_EQUAL(reliable_due_ms(&r), now + RELIABLE_RETRY_MIN_MS);
	r.rtt = (struct reliable_rtt){true, 60000, 60000};
	CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, now));
	CU_ASSERT_EQUAL(r.send[(r.send_next - 1) % RELIABLE_SEND_WINDOW].due_ms,
		now + RELIABLE_RETRY_MAX_MS);
	reliable_fini(&r);
}

static void test_receive(void)
{
	const struct reliable_msg *m;
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 0, 1);
	p = control(3);
	p.payload = (const uint8_t *)"three";
	p.payload_len = 5;
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	CU_ASSERT_PTR_NULL(reliable_recv(&r)); // 1 is missing
	p = control(1 + RELIABLE_RECV_WINDOW);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), -ERANGE);
	p = control(RELIABLE_RECV_WINDOW);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0); // the last of the window
	p = control(1);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	p = control(2);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	for (uint32_t id = 1; id <= 3; id++) {
		m = reliable_recv(&r);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(m->id, id);
		CU_ASSERT_EQUAL(m->opcode, OP_CONTROL_V1);
		if (id == 3) {
			CU_ASSERT_EQUAL(m->len, 5);
			CU_ASSERT_EQUAL(memcmp(m->data, "three", 5), 0);
		}
		reliable_recv_done(&r);
	}
	CU_ASSERT_PTR_NULL(reliable_recv(&r));
	reliable_recv_done(&r); // nothing there: no effect
	CU_ASSERT_EQUAL(r.recv_next, 4);
	// Acks of all four, in the order they came; not of the one that was refused.
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.opcode, OP_ACK_V1);
	CU_ASSERT_EQUAL(p.ack_count, 4);
	CU_ASSERT_EQUAL(p.acks[0], 3);
	CU_ASSERT_EQUAL(p.acks[1], 12);
	CU_ASSERT_EQUAL(p.acks[2], 1);
	CU_ASSERT_EQUAL(p.acks[3], 2);
	CU_ASSERT_FALSE(reliable_output(&r, &p, 0));
	// A duplicate is acked again, delivered or not, but not delivered again.
	p = control(2);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	p = control(12);
	CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
	CU_ASSERT_PTR_NULL(reliable_recv(&r));
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.acks[0], 2);
	CU_ASSERT_EQUAL(p.acks[1], 12);
	CU_ASSERT_EQUAL(p.ack_count, 4); // and the recent ones once more
	reliable_fini(&r);
}

static void test_ack_list(void)
{
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 0, 0);
	for (uint32_t id = 0; id < RELIABLE_RECV_WINDOW; id++) {
		p = control(id);
		reliable_input(&r, &p, 11);
		reliable_input(&r, &p, 11); // owed once
	}
	reliable_send(&r, OP_CONTROL_V1, NULL, 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.opcode, OP_CONTROL_V1);
	CU_ASSERT_EQUAL(p.ack_count, CTRL_ACKS_PIGGYBACK_MAX);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(p.acks[i], i);
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.opcode, OP_ACK_V1);
	CU_ASSERT_EQUAL(p.ack_count, CTRL_ACKS_MAX);
	for (uint32_t i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(p.acks[i], 4 + i);
	CU_ASSERT_FALSE(reliable_output(&r, &p, 0)); // repeats alone are no reason to send
	// The next message repeats the newest acks, each once.
	reliable_send(&r, OP_CONTROL_V1, NULL, 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.ack_count, CTRL_ACKS_PIGGYBACK_MAX);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(p.acks[i], 11 - i);
	reliable_fini(&r);
}

static void test_owe_ack(void)
{
	struct reliable r;
	struct ctrl_pkt p;

	reliable_init(&r, 1, 1);
	reliable_owe_ack(&r, 0);
	reliable_owe_ack(&r, 0);
	CU_ASSERT_EQUAL(reliable_due_ms(&r), 0);
	CU_ASSERT_TRUE(reliable_output(&r, &p, 0));
	CU_ASSERT_EQUAL(p.ack_count, 1);
	CU_ASSERT_EQUAL(p.acks[0], 0);
	for (uint32_t i = 0; i < 100; i++)
		reliable_owe_ack(&r, i);
	CU_ASSERT_EQUAL(r.owed_count, RELIABLE_RECV_WINDOW); // bounded
	reliable_fini(&r);
}

// Ids wrap: nothing in the windows may compare them as plain numbers.
static void test_wrap(void)
{
	struct reliable r;
	struct ctrl_pkt p;
	uint32_t id = UINT32_MAX - 1;

	reliable_init(&r, UINT32_MAX - 1, UINT32_MAX - 1);
	for (unsigned int i = 0; i < 6; i++, id++) {
		CU_ASSERT_EQUAL(reliable_send(&r, OP_CONTROL_V1, NULL, 0), 0);
		CU_ASSERT_TRUE(reliable_output(&r, &p, 1));
		CU_ASSERT_EQUAL(p.id, id);
		p = control(id);
		p.ack_count = 1;
		p.acks[0] = id;
		CU_ASSERT_EQUAL(reliable_input(&r, &p, 11), 0);
		CU_ASSERT_TRUE(reliable_is_idle(&r));
		CU_ASSERT_PTR_NOT_NULL_FATAL(reliable_recv(&r));
		reliable_recv_done(&r);
	}
	CU_ASSERT_EQUAL(r.recv_next, 4);
	reliable_fini(&r);
}

// The network between two ends. Packets are bytes, as on the wire.
#define NET_MAX 256
#define MESSAGES 400

struct net {
	struct {
		uint64_t arrives_ms;
		unsigned int to;
		size_t len;
		uint8_t data[128];
	} pkts[NET_MAX];
	unsigned int count, loss_pct, double_pct, jitter_ms;
	uint32_t random;
};

struct end {
	struct reliable r;
	uint32_t sent, received;
	bool wrong;
};

static uint32_t next_random(struct net *net)
{
	net->random ^= net->random << 13;
	net->random ^= net->random >> 17;
	net->random ^= net->random << 5;
	return net->random;
}

static void net_send(struct net *net, unsigned int to, const struct ctrl_pkt *p, uint64_t now_ms)
{
	unsigned int copies = 1;

	if (next_random(net) % 100 < net->loss_pct)
		return;
	if (next_random(net) % 100 < net->double_pct)
		copies = 2;
	for (; copies > 0; copies--) {
		unsigned int i = net->count;
		int len;

		CU_ASSERT_FATAL(i < NET_MAX);
		len = ctrl_pkt_compose(p, net->pkts[i].data, sizeof(net->pkts[i].data));
		CU_ASSERT_FATAL(len > 0);
		net->pkts[i].len = (size_t)len;
		net->pkts[i].to = to;
		net->pkts[i].arrives_ms = now_ms + 1 + next_random(net) % net->jitter_ms;
		net->count++;
	}
}

static void net_deliver(struct net *net, struct end ends[2], uint64_t now_ms)
{
	for (unsigned int i = 0; i < net->count;) {
		struct ctrl_pkt p;
		int ret;

		if (net->pkts[i].arrives_ms > now_ms) {
			i++;
			continue;
		}
		ret = ctrl_pkt_parse(&p, net->pkts[i].data, net->pkts[i].len);
		CU_ASSERT_EQUAL_FATAL(ret, 0);
		ret = reliable_input(&ends[net->pkts[i].to].r, &p, now_ms);
		CU_ASSERT_FATAL(ret == 0); // our own window never overruns the peer's
		net->pkts[i] = net->pkts[--net->count];
	}
}

static void end_turn(struct end *e, struct net *net, unsigned int peer, uint64_t now_ms)
{
	const struct reliable_msg *m;
	struct ctrl_pkt p;

	while ((m = reliable_recv(&e->r)) != NULL) {
		if (m->len != sizeof(uint32_t) || memcmp(m->data, &e->received, m->len) != 0)
			e->wrong = true;
		e->received++;
		reliable_recv_done(&e->r);
	}
	while (e->sent < MESSAGES && reliable_send_room(&e->r) > 0) {
		CU_ASSERT_EQUAL_FATAL(reliable_send(&e->r, OP_CONTROL_V1, (const uint8_t *)&e->sent,
					      sizeof(e->sent)),
			0);
		e->sent++;
	}
	while (reliable_output(&e->r, &p, now_ms)) {
		p.sid[0] = 1;
		net_send(net, peer, &p, now_ms);
	}
}

static bool run_network(unsigned int loss_pct, unsigned int double_pct, unsigned int jitter_ms,
	uint32_t seed, uint64_t limit_ms, uint32_t *retransmits)
{
	static struct net net;
	struct end ends[2] = {0};
	uint64_t now_ms = 1000;
	bool done = false;

	net = (struct net){.loss_pct = loss_pct,
		.double_pct = double_pct,
		.jitter_ms = jitter_ms,
		.random = seed};
	reliable_init(&ends[0].r, 0, 0);
	reliable_init(&ends[1].r, 0, 0);
	while (!done && now_ms < limit_ms) {
		net_deliver(&net, ends, now_ms);
		end_turn(&ends[0], &net, 1, now_ms);
		end_turn(&ends[1], &net, 0, now_ms);
		done = ends[0].received == MESSAGES && ends[1].received == MESSAGES &&
		       reliable_is_idle(&ends[0].r) && reliable_is_idle(&ends[1].r);
		now_ms += 5;
	}
	*retransmits = ends[0].r.retransmits + ends[1].r.retransmits;
	reliable_fini(&ends[0].r);
	reliable_fini(&ends[1].r);
	return done && !ends[0].wrong && !ends[1].wrong;
}

static void test_network(void)
{
	uint32_t retransmits;

	CU_ASSERT_TRUE(run_network(0, 0, 1, 1, 60000, &retransmits));
	CU_ASSERT_EQUAL(retransmits, 0);
	for (uint32_t seed = 1; seed <= 5; seed++) {
		CU_ASSERT_TRUE(run_network(30, 0, 200, seed, 3600000, &retransmits));
		CU_ASSERT_TRUE(retransmits > 100);
		CU_ASSERT_TRUE(run_network(30, 30, 200, seed, 3600000, &retransmits));
		CU_ASSERT_TRUE(run_network(0, 50, 200, seed, 60000, &retransmits));
		CU_ASSERT_TRUE(run_network(70, 10, 200, seed, 36000000, &retransmits));
	}
	CU_ASSERT_FALSE(run_network(100, 0, 200, 1, 60000, &retransmits));
}

static void send_all(struct reliable *r, uint64_t now_ms)
{
	struct ctrl_pkt p;

	while (reliable_output(r, &p, now_ms))
		;
}

// Two large messages and whether they count as stuck, as a function of what the peer did.
static size_t stuck_after(const struct ctrl_pkt *heard, unsigned int sends, uint16_t first_len)
{
	static const uint64_t due[] = {1000, 3000, 7000, 15000};
	static const uint8_t data[900] = {1};
	uint8_t out[1800];
	struct reliable r;
	size_t n;

	reliable_init(&r, 5, 5);
	reliable_send(&r, OP_CONTROL_V1, data, first_len);
	reliable_send(&r, OP_CONTROL_V1, data, sizeof(data));
	for (unsigned int i = 0; i < sends; i++)
		send_all(&r, due[i]);
	if (heard)
		reliable_input(&r, heard, due[sends] - 1);
	CU_ASSERT_EQUAL(reliable_stuck(&r, 900, due[sends]), 0); // small enough
	n = reliable_stuck(&r, 899, due[sends]);
	if (n > 0) {
		CU_ASSERT_EQUAL(reliable_stuck(&r, 899, due[sends] - 1), 0);
		reliable_take_back(&r, out);
		CU_ASSERT_TRUE(reliable_is_idle(&r));
		CU_ASSERT_EQUAL(r.send_next, n == 900 ? 6 : 5);
		CU_ASSERT_EQUAL(out[n - 900], 1); // the last one's first byte
		CU_ASSERT_EQUAL(reliable_stuck(&r, 899, due[sends]), 0);
	}
	reliable_fini(&r);
	return n;
}

static void test_stuck(void)
{
	struct ctrl_pkt heard;

	CU_ASSERT_EQUAL(stuck_after(NULL, 3, 900), 1800);
	CU_ASSERT_EQUAL(stuck_after(NULL, 2, 900), 0);
	CU_ASSERT_EQUAL(stuck_after(NULL, 3, 10), 910);
	heard = ack(6, 1); // the later one has arrived: its id is taken
	CU_ASSERT_EQUAL(stuck_after(&heard, 3, 900), 0);
	heard = ack(5, 1); // a large one has arrived
	CU_ASSERT_EQUAL(stuck_after(&heard, 3, 900), 0);
	heard = ack(5, 1); // only the small one has
	CU_ASSERT_EQUAL(stuck_after(&heard, 3, 10), 900);
	heard = control(5); // who goes on has what was sent
	CU_ASSERT_EQUAL(stuck_after(&heard, 3, 900), 0);
	heard = control(4); // who repeats has not
	CU_ASSERT_EQUAL(stuck_after(&heard, 3, 900), 1800);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"back-off", test_backoff},
		{"send window", test_send_window},
		{"an ack of what was never sent", test_unsent_is_not_acked},
		{"fast retransmission", test_fast_retransmit},
		{"round trips", test_rtt},
		{"in order, once", test_receive},
		{"acks of each packet", test_ack_list},
		{"acks without a message", test_owe_ack},
		{"ids wrap", test_wrap},
		{"loss, duplication, reordering", test_network},
		{"messages too large for the path", test_stuck},
		{NULL, NULL},
	};

	return harness_run("reliable", tests);
}
