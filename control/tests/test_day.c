// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Whole days of a gateway's clock: every timer fires when it should, nothing leaks. The monotonic
// clock passes 2^32 milliseconds, the 50th day of a machine, in the middle of the first.

#include "control/tests/day.h"

#include "control/channel/peer_info.h"
#include "dataplane/base/log.h"
#include "dataplane/crypto.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>
#include <openssl/ssl.h>
#include <rte_malloc.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRAP_MS (UINT64_C(1) << 32)
#define TICK_MS 5 // how late a timer may be: libev's own millisecond, and what follows from another
#define HEAP_SLACK 1024

// Who comes to the gateway, by index.
enum {
	STOCK_26,
	STOCK_24,
	OLD_23, // DATA_V1
	DYNAMIC,
	LOSSY,
	RENEGOTIATES, // by itself, every half hour
	SLOW,         // cut off for 40 s when we renegotiate
	IDLES,        // says goodbye when it had nothing to send for half an hour
	VANISHES,
	HALF,     // falls silent in its first handshake
	UNPROVEN, // and before that, as a client that cannot return a cookie
	LATE,     // returns its cookie late
	KINDS
};
static_assert(KINDS == DAY_CLIENTS, "test_day: one client of each kind");

static struct test_pki *pki;
static unsigned int step[KINDS];                      // of act functions
static unsigned int rounds, late_taken, late_refused; // what HALF, UNPROVEN, LATE came to

static bool near(uint64_t ms, uint64_t want, uint64_t late)
{
	return ms >= want && ms <= want + late;
}

// What clients do -----------------------------------------------------------------------------

static void renegotiate(struct day_client *c)
{
	if (day_is_up(c))
		sim_client_renegotiate(c->sim, day.now);
	c->act_ms = day.now + 30 * DAY_MIN;
}

static void idle(struct day_client *c)
{
	switch (step[IDLES]++ % 4) {
	case 0:
		day_join(c);
		c->act_ms = day.now + 30 * DAY_MIN;
		break;
	case 1:
		CU_ASSERT_TRUE(day_is_up(c));
		sim_client_say(c->sim, "EXIT", 5, day.now);
		c->act_ms = day.now + 1 * DAY_S;
		break;
	case 2: // its place is free at once, its session acks what comes late
		CU_ASSERT_FALSE(c->is_peer);
		CU_ASSERT_PTR_NOT_NULL(day_session(c));
		day_part(c);
		c->act_ms = day.now + 5 * DAY_S;
		break;
	default:
		CU_ASSERT_PTR_NULL(day_session(c));
		c->act_ms = day.now + 10 * DAY_MIN;
	}
}

// Twice the keepalive timeout after its last packet it is gone.
static void vanish(struct day_client *c)
{
	switch (step[VANISHES]++ % 2) {
	case 0:
		if (c->ends > 0)
			CU_ASSERT_TRUE(near(c->gone_ms, c->recv_ms + 120 * DAY_S, TICK_MS));
		CU_ASSERT_FALSE(c->is_peer);
		day_join(c);
		c->act_ms = day.now + 45 * DAY_MIN;
		break;
	default:
		CU_ASSERT_TRUE(day_is_up(c));
		day_part(c);
		c->act_ms = day.now + 15 * DAY_MIN;
	}
}

// Packets take 20 ms: with the third, 60 ms from here, the session begins, and has the hand window.
static void half(struct day_client *c)
{
	switch (step[HALF]++ % 4) {
	case 0:
		day_join(c);
		c->act_ms = day.now + 50;
		break;
	case 1:
		c->mute_ms = day.now + 10 * DAY_MIN;
		c->act_ms = day.now + 10 + 60 * DAY_S - 1;
		break;
	case 2:
		CU_ASSERT_PTR_NOT_NULL(day_session(c));
		CU_ASSERT_EQUAL(day.g->half_open.count >= 1, true);
		c->act_ms = day.now + 1 + TICK_MS;
		break;
	default:
		CU_ASSERT_PTR_NULL(day_session(c));
		day_part(c);
		rounds++;
		c->act_ms = day.now + 58 * DAY_MIN;
	}
}

static void unproven(struct day_client *c)
{
	switch (step[UNPROVEN]++ % 3) {
	case 0:
		day_join(c);
		c->mute_ms = day.now + 10 * DAY_MIN;
		c->act_ms = day.now + 20 + 10 * DAY_S - 1;
		break;
	case 1:
		CU_ASSERT_PTR_NOT_NULL(day_session(c));
		CU_ASSERT_EQUAL(day.g->unproven_count, 1);
		c->act_ms = day.now + 1 + TICK_MS;
		break;
	default:
		CU_ASSERT_PTR_NULL(day_session(c));
		CU_ASSERT_EQUAL(day.g->unproven_count, 0);
		day_part(c);
		rounds++;
		c->act_ms = day.now + 37 * DAY_MIN;
	}
}

// A cookie is good for the hand window, in whatever slot it was made, and not for long after.
static void late(struct day_client *c)
{
	const uint64_t *refused = &day.g->first_drops[FIRST_PACKET_DROP_COOKIE];
	static uint64_t before;

	switch (step[LATE]++ % 2) {
	case 0:
		before = *refused;
		c->hold_ms = step[LATE] % 4 == 1 ? 59 * DAY_S : 95 * DAY_S;
		day_join(c);
		c->act_ms = day.now + c->hold_ms + 100;
		break;
	default:
		CU_ASSERT_EQUAL(day_session(c) != NULL, c->hold_ms < 60 * DAY_S);
		late_taken += day_session(c) != NULL;
		late_refused += *refused > before;
		day_part(c);
		c->act_ms = day.now + 17 * DAY_MIN + 7 * DAY_S;
	}
}

static void make_clients(void)
{
	static void (*const acts[KINDS])(struct day_client *) = {[RENEGOTIATES] = renegotiate,
		[IDLES] = idle,
		[VANISHES] = vanish,
		[HALF] = half,
		[UNPROVEN] = unproven,
		[LATE] = late};
	struct day_client *c;

	for (unsigned int i = 0; i < KINDS; i++)
		day_client(i)->act = acts[i];
	c = &day.clients[STOCK_24];
	c->cfg.iv_proto = PEER_PROTO_DATA_V2;
	c->cfg.acks_once = true;
	c->cfg.tls_max = TLS1_2_VERSION;
	c = &day.clients[OLD_23];
	c->cfg.iv_proto = 0;
	c->cfg.acks_once = true;
	c->cfg.tls_max = TLS1_2_VERSION;
	c->cfg.peer_info = NULL;
	day.clients[DYNAMIC].cfg.iv_proto |= PEER_PROTO_DYN_TLS_CRYPT;
	day.clients[LOSSY].loss_pct = 15;
	day.clients[SLOW].deaf_for_ms = 40 * DAY_S;
	c = &day.clients[UNPROVEN];
	c->cfg.wrap = day.crypt_v2;
	c->cfg.wkc = day.wkc;
	c->cfg.wkc_len = day.wkc_len;
	c->cfg.wkc_once = true;
}

// All that stay come in the same moment, the others begin their rounds.
static void all_come(void)
{
	memset(step, 0, sizeof(step));
	rounds = late_taken = late_refused = 0;
	for (unsigned int i = 0; i < KINDS; i++) {
		struct day_client *c = &day.clients[i];

		c->mute_ms = c->deaf_ms = 0;
		if (i <= SLOW)
			day_join(c);
		c->act_ms = c->act ? day.now + 1 : 0;
	}
}

static void all_go(void)
{
	for (unsigned int i = 0; i < KINDS; i++) {
		day.clients[i].act_ms = 0;
		day_part(&day.clients[i]);
	}
	day_run(day.now + 10 * DAY_MIN);
}

// What is left ---------------------------------------------------------------------------------

struct memory {
	size_t shared, heap;
};

static struct memory memory_in_use(void)
{
	struct rte_malloc_socket_stats st = {0};

	for (unsigned int i = 0; i < 4; i++) // retired objects may retire others
		publish_tick(day.g->env.publish);
	rte_malloc_get_socket_stats(0, &st);
	return (struct memory){st.heap_allocsz_bytes, mallinfo2().uordblks};
}

static void expect_nothing_left(const struct memory *before)
{
	struct memory after = memory_in_use();
	const struct gateway *g = day.g;

	CU_ASSERT_EQUAL(g->session_count, 0);
	CU_ASSERT_EQUAL(g->admitted_count, 0);
	CU_ASSERT_EQUAL(g->half_open.count, 0);
	CU_ASSERT_EQUAL(g->unproven_count, 0);
	CU_ASSERT_EQUAL(ippool_used(g->pool), 0);
	CU_ASSERT_PTR_NULL(g->clients);
	CU_ASSERT_PTR_NULL(g->names);
	CU_ASSERT_EQUAL(g->settings->refs, 1);
	CU_ASSERT_EQUAL(day.live_keys, 0);
	CU_ASSERT_EQUAL(day.live_peers, 0);
	for (unsigned int i = 0; i < DAY_PEERS; i++) {
		CU_ASSERT_PTR_NULL(peer_by_id(g->env.dp->peers, i));
		CU_ASSERT_PTR_NULL(day.by_peer[i]);
	}
	CU_ASSERT_EQUAL(after.shared, before->shared);
	CU_ASSERT_TRUE(after.heap <= before->heap + HEAP_SLACK);
	CU_ASSERT_EQUAL(day.violations, 0);
	CU_ASSERT_EQUAL(day.lost_up, 0);
	CU_ASSERT_EQUAL(day.lost_down, 0);
	CU_ASSERT_EQUAL(g->refused_total, 0);
	CU_ASSERT_EQUAL(g->half_open_dropped + g->half_open_evicted, 0);
}

// Keys ----------------------------------------------------------------------------------------

struct spread {
	uint64_t least_ms, most_ms, sum_ms;
	unsigned int count, quarters[4];
	uint64_t first_ms, last_ms; // of those after the first key
};

static void spread_add(struct spread *s, uint64_t after_ms, bool first, uint64_t at_ms)
{
	uint64_t width = s->most_ms - s->least_ms, above = after_ms - s->least_ms;

	// Two seconds: the exchange ends a little before or after the key is there.
	CU_ASSERT_TRUE(after_ms + 2 * DAY_S >= s->least_ms && after_ms <= s->most_ms + 2 * DAY_S);
	s->sum_ms += after_ms;
	s->count++;
	if (after_ms >= s->least_ms && above < width)
		s->quarters[above * 4 / width]++;
	if (!first)
		return;
	if (!s->first_ms || at_ms < s->first_ms)
		s->first_ms = at_ms;
	if (at_ms > s->last_ms)
		s->last_ms = at_ms;
}

// Times between least and most, evenly, so that what comes together parts. The bounds hold but for
// one run in millions.
static void expect_even(const struct spread *s)
{
	uint64_t middle = (s->least_ms + s->most_ms) / 2, mean = s->sum_ms / s->count;
	uint64_t width = s->most_ms - s->least_ms;

	CU_ASSERT_TRUE(s->count >= 100);
	CU_ASSERT_TRUE(mean + width / 6 > middle && mean < middle + width / 6);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_TRUE(s->quarters[i] >= s->count / 20);
	CU_ASSERT_TRUE(s->last_ms - s->first_ms > width / 100);
}

// The key before `l` of the same session, or NULL.
static const struct day_life *life_before(const struct day_life *l)
{
	for (const struct day_life *p = l - 1; p >= day.lives; p--)
		if (p->client == l->client)
			return p->session == l->session ? p : NULL;
	return NULL;
}

static const struct day_life *life_after(const struct day_life *l)
{
	for (const struct day_life *n = l + 1; n < day.lives + day.life_count; n++)
		if (n->client == l->client)
			return n->session == l->session ? n : NULL;
	return NULL;
}

// When the key before l had to go: a minute after l was there at the least, else at the end of the
// transition window, but never later than the arrival of a third key.
static void expect_replaced(const struct day_life *old, const struct day_life *l)
{
	const struct day_life *third = life_after(l);
	uint64_t tran = day.g->settings->conf.tran_window_s * DAY_S, want;

	if (!old->removed_ms || old->with_peer)
		return;
	want = l->reset_ms + tran;
	if (want < l->added_ms + 60 * DAY_S)
		want = l->added_ms + 60 * DAY_S;
	if (third && third->added_ms < want)
		want = third->added_ms;
	CU_ASSERT_TRUE(near(old->removed_ms, want, TICK_MS));
}

// Every key of those who lose no packets.
static void expect_key_times(struct spread *s)
{
	for (const struct day_life *l = day.lives; l < day.lives + day.life_count; l++) {
		const struct day_life *old = life_before(l);

		if (!old || !l->reset_ms || l->client == LOSSY)
			continue;
		if (!l->by_client)
			spread_add(s, l->reset_ms - old->added_ms, !life_before(old), l->reset_ms);
		// What had no time to be promoted went with its peer.
		if (l->promoted_ms || !l->with_peer)
			CU_ASSERT_TRUE(near(l->promoted_ms, l->reset_ms + 60 * DAY_S, TICK_MS));
		expect_replaced(old, l);
	}
}

// As long as nothing comes back: at first after half a second at least, then doubled up to eight.
static void expect_backoff(const struct day_client *c)
{
	uint64_t want = 0;

	CU_ASSERT_TRUE_FATAL(c->resent_count >= 6);
	for (unsigned int i = 1; i < c->resent_count; i++) {
		uint64_t gap = c->resent_ms[i] - c->resent_ms[i - 1];

		if (i == 1)
			CU_ASSERT_TRUE(gap >= 500 && gap <= 2000);
		if (i > 1)
			CU_ASSERT_TRUE(near(gap + TICK_MS, want < 8000 ? want : 8000, 2 * TICK_MS));
		want = 2 * gap;
	}
}

static void expect_keepalives(void)
{
	static const int stay[] = {STOCK_26, STOCK_24, OLD_23, DYNAMIC, RENEGOTIATES, SLOW};

	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++) {
		const struct day_client *c = &day.clients[stay[i]];

		CU_ASSERT_TRUE(
			c->gap_min_ms >= 10 * DAY_S && c->gap_max_ms <= 10 * DAY_S + TICK_MS);
		CU_ASSERT_TRUE(c->pings >= 8600);
	}
}

// Days ----------------------------------------------------------------------------------------

static void test_day(void)
{
	struct conf_gateway conf = day_conf(pki);
	struct spread spread = {.least_ms = 3240 * DAY_S, .most_ms = 3600 * DAY_S};
	struct memory before;

	day_begin(pki, &conf, WRAP_MS - 15 * DAY_H);
	make_clients();
	all_come(); // what is allocated once, is allocated now
	day_run(day.now + 3 * DAY_H);
	all_go();
	before = memory_in_use();
	expect_nothing_left(&before);
	make_clients();
	day.life_count = 0;
	all_come();
	day_run(day.now + 24 * DAY_H);
	CU_ASSERT_TRUE(day.now > WRAP_MS + 11 * DAY_H);
	for (unsigned int i = 0; i <= SLOW; i++) {
		CU_ASSERT_TRUE(day_is_up(&day.clients[i]));
		CU_ASSERT_EQUAL(day.clients[i].sessions, 1);
	}
	CU_ASSERT_TRUE(day.clients[IDLES].ends >= 30);
	CU_ASSERT_TRUE(day.clients[VANISHES].ends >= 22);
	CU_ASSERT_TRUE(rounds >= 50);
	CU_ASSERT_TRUE(late_taken >= 30 && late_refused >= 30);
	expect_keepalives();
	expect_backoff(&day.clients[SLOW]);
	all_go();
	expect_key_times(&spread);
	expect_even(&spread);
	expect_nothing_left(&before);
	day_end();
}

// Comes back as soon as it has been sent away, and looks whether it was in time.
static void stay_away(struct day_client *c)
{
	c->act_ms = day.now + 10 * DAY_S;
	if (c->is_peer)
		return;
	if (c->ends > 0) {
		CU_ASSERT_TRUE(near(c->gone_ms, c->came_ms + 6 * DAY_H, 2 * DAY_S));
		CU_ASSERT_STRING_EQUAL(sim_client_state(c->sim)->message, "HALT,session timeout");
		CU_ASSERT_PTR_NULL(day_session(c));
	}
	day_join(c);
}

// Keys that are replaced three times an hour, and sessions that may last six.
static void test_short_times(void)
{
	struct conf_gateway conf = day_conf(pki);
	struct spread spread = {.least_ms = 1080 * DAY_S, .most_ms = 1200 * DAY_S};
	struct memory before;

	conf.reneg_s = 1200;
	conf.tran_window_s = 30;
	conf.session_timeout_s = 6 * 3600;
	day_begin(pki, &conf, DAY_H);
	before = memory_in_use();
	before.heap = SIZE_MAX - HEAP_SLACK; // the other day looks at it
	make_clients();
	for (unsigned int i = STOCK_26; i <= DYNAMIC; i++) {
		day.clients[i].act = stay_away;
		day.clients[i].act_ms = day.now + 1;
	}
	day_run(day.now + 24 * DAY_H + 10 * DAY_MIN);
	for (unsigned int i = STOCK_26; i <= DYNAMIC; i++)
		CU_ASSERT_EQUAL(day.clients[i].ends, 4);
	all_go();
	expect_key_times(&spread);
	expect_even(&spread);
	expect_nothing_left(&before);
	day_end();
}

// A list that gets old lets nobody in any more, nor go on; until there is a newer one.
static void test_crl(void)
{
	struct conf_gateway conf = day_conf(pki);
	struct gateway_settings *s;
	struct day_client *a, *b;
	uint64_t expires;
	char err[1024];

	test_pki_crl(pki, "ca", "crl.pem", NULL, 1);
	snprintf(conf.crl, sizeof(conf.crl), "%s", test_pki_path(pki, "crl.pem"));
	day_begin(pki, &conf, DAY_H);
	expires = day.now + 24 * DAY_H - 2 * DAY_S; // it was made before
	a = day_client(0);
	b = day_client(1);
	day_join(a);
	day_run(expires - 10 * DAY_S);
	CU_ASSERT_TRUE(day_is_up(a));
	CU_ASSERT_TRUE(day.life_count > 20);
	day_join(b);
	day_run(expires - 5 * DAY_S);
	CU_ASSERT_TRUE(day_is_up(b));
	day_part(b);
	day_run(expires + 75 * DAY_MIN);
	CU_ASSERT_FALSE(a->is_peer);
	CU_ASSERT_TRUE(near(a->gone_ms, expires, 61 * DAY_MIN));
	day_join(b);
	day_run(day.now + 90 * DAY_S);
	CU_ASSERT_FALSE(day_is_up(b));
	test_pki_crl(pki, "ca", "crl.pem", NULL, 3);
	s = gateway_settings_load(&conf, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	s->wrap = day.g->settings->wrap;
	memset(&day.g->settings->wrap, 0, sizeof(s->wrap));
	gateway_settings_apply(day.g, s);
	day_join(b);
	day_run(day.now + 5 * DAY_S);
	CU_ASSERT_TRUE(day_is_up(b));
	day_end();
}

// Somebody sets the clock, or the machine slept, which the monotonic clock does not count. Who is
// connected notices nothing; who was about to return a cookie comes again.
static void test_wall_clock(void)
{
	static const int64_t ahead_s[] = {12 * 3600, -6 * 3600, 0};
	struct conf_gateway conf = day_conf(pki);
	struct day_client *a, *b;

	day_begin(pki, &conf, DAY_H);
	a = day_client(0);
	b = day_client(1);
	day_join(a);
	day_run(day.now + 5 * DAY_S);
	for (size_t i = 0; i < sizeof(ahead_s) / sizeof(ahead_s[0]); i++) {
		uint64_t refused = day.g->first_drops[FIRST_PACKET_DROP_COOKIE];

		day_join(b);
		day_run(day.now + 30); // the answer with its cookie is on its way
		day_set_wall(ahead_s[i]);
		day_run(day.now + 5 * DAY_S);
		CU_ASSERT_FALSE(day_is_up(b));
		CU_ASSERT_TRUE(day.g->first_drops[FIRST_PACKET_DROP_COOKIE] > refused);
		day_join(b);
		day_run(day.now + 5 * DAY_S);
		CU_ASSERT_TRUE(day_is_up(b));
		day_run(day.now + 2 * DAY_H);
		CU_ASSERT_TRUE(day_is_up(b));
		day_part(b);
		day_run(day.now + 5 * DAY_MIN);
		CU_ASSERT_FALSE(b->is_peer);
	}
	CU_ASSERT_TRUE(day_is_up(a));
	CU_ASSERT_EQUAL(a->sessions, 1);
	CU_ASSERT_TRUE(day.life_count > 9);
	CU_ASSERT_EQUAL(day.violations + day.lost_up + day.lost_down, 0);
	day_end();
}

// What the allocator keeps for a thread would look like memory in use, and grow for days.
static void without_thread_cache(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (getenv(name) || setenv(name, "glibc.malloc.tcache_count=0", 1))
		return;
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	static const struct harness_test tests[] = {
		{"24 hours", test_day},
		{"24 hours of short times", test_short_times},
		{"a revocation list gets old", test_crl},
		{"the wall clock jumps", test_wall_clock},
		{NULL, NULL},
	};
	const char *why;
	char name[8];
	int ret;

	(void)argc;
	without_thread_cache(argv);
	log_set_level(LOG_LEVEL_ERR);
	harness_eal_init(256);
	if (crypto_init(&why))
		return 1;
	pki = test_pki_new();
	test_pki_ca(pki, "ca");
	test_pki_issue(pki, "ca", "server", "serverAuth", -2, 30);
	for (unsigned int i = 0; i < KINDS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		test_pki_issue(pki, "ca", name, "clientAuth", -2, 30);
	}
	ret = harness_run("day", tests);
	test_pki_free(pki);
	return ret;
}
