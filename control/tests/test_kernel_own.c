// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Routes that we give to the kernel, in a network namespace of its own: told by their origin, and nobody
// else's is touched. Needs root; exits 77 (skipped) without.

#include "control/routing/kernel.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/tests/harness.h"

static struct ev_loop *loop;
static struct rte_rcu_qsbr *qsbr;
static struct fib *fib;
static struct kernel *kernel;
static int tun, other; // interface indexes

static void sh(const char *cmd)
{
	int rc = system(cmd);

	if (rc != 0)
		fprintf(stderr, "failed: %s\n", cmd);
	CU_ASSERT_EQUAL(rc, 0);
}

static void set_up(void)
{
	static const struct kernel_ops ops = {0};

	sh("ip link set lo up; ip link add tun9 type veth peer name far8; "
	   "ip link add other9 type veth peer name far9; "
	   "for i in tun9 far8 other9 far9; do ip link set $i up; done; ip addr add 192.0.2.1/24 dev other9");
	tun = (int)if_nametoindex("tun9");
	other = (int)if_nametoindex("other9");
	fib = fib_new(1024, qsbr);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fib);
	kernel = kernel_new(loop, "", 0, fib, NULL, 0, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kernel);
}

static void tear_down(void)
{
	kernel_free(kernel);
	fib_free(fib);
	sh("ip link del tun9; ip link del other9");
}

static void on_timeout(struct ev_loop *l, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(l, EVBREAK_ALL);
}

// The mirror hears of what was changed.
static void settle(void)
{
	ev_timer t;

	ev_timer_init(&t, on_timeout, 0.2, 0.);
	ev_now_update(loop);
	ev_timer_start(loop, &t);
	ev_run(loop, 0);
	ev_timer_stop(loop, &t);
}

static void test_routes4(void)
{
	const uint8_t site[16] = {10, 50};

	set_up();
	CU_ASSERT_EQUAL(kernel_route_add(kernel, tun, 4, site, 16), 0);
	sh("ip route show 10.50.0.0/16 proto 83 | grep -q 'dev tun9'");
	CU_ASSERT_EQUAL(kernel_route_add(kernel, tun, 4, site, 16), -EEXIST);
	CU_ASSERT_EQUAL(kernel_route_add(kernel, other, 4, site, 16), -EEXIST);
	CU_ASSERT_EQUAL(kernel_route_add(kernel, 9999, 4, site, 17), -ENODEV);
	kernel_route_del(kernel, other, 4, site, 16); // not out of that one
	sh("ip route show 10.50.0.0/16 proto 83 | grep -q 'dev tun9'");
	kernel_route_del(kernel, tun, 4, site, 16);
	kernel_route_del(kernel, tun, 4, site, 16);
	sh("! ip route show 10.50.0.0/16 | grep -q .");
	// A stranger's to the same prefix, out of the same device.
	sh("ip route add 10.50.0.0/16 dev tun9");
	CU_ASSERT_EQUAL(kernel_route_add(kernel, tun, 4, site, 16), -EEXIST);
	kernel_route_del(kernel, tun, 4, site, 16);
	sh("ip route show 10.50.0.0/16 | grep -q 'dev tun9'");
	tear_down();
}

static void test_routes6(void)
{
	const uint8_t site[16] = {0xfd, 0x50};

	set_up();
	CU_ASSERT_EQUAL(kernel_route_add(kernel, tun, 6, site, 48), 0);
	CU_ASSERT_EQUAL(kernel_route_add(kernel, tun, 6, site, 48), -EEXIST);
	sh("ip -6 route show fd50::/48 proto 83 | grep -q 'dev tun9'");
	kernel_route_del(kernel, tun, 6, site, 48);
	sh("! ip -6 route show fd50::/48 | grep -q .");
	tear_down();
}

static void test_within(void)
{
	const uint8_t site[16] = {10, 50}, inside[16] = {192, 0, 2};
	uint8_t what[16], len = 0;

	set_up();
	CU_ASSERT_FALSE(kernel_has_within(kernel, tun, 4, site, 16, what, &len));
	sh("ip route add 10.50.7.0/24 dev tun9");
	settle();
	CU_ASSERT_FALSE(kernel_has_within(kernel, tun, 4, site, 16, what, &len));
	sh("ip route add 10.50.9.0/24 via 192.0.2.9");
	settle();
	CU_ASSERT_TRUE(kernel_has_within(kernel, tun, 4, site, 16, what, &len));
	CU_ASSERT_EQUAL(what[2], 9);
	CU_ASSERT_EQUAL(len, 24);
	CU_ASSERT_TRUE(kernel_has_within(kernel, tun, 4, inside, 24, what, &len));
	CU_ASSERT_EQUAL(len, 32); // 192.0.2.1, or the broadcast address
	tear_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"IPv4", test_routes4},
		{"IPv6", test_routes6},
		{"what is within a prefix", test_within},
		{NULL, NULL},
	};

	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "skipped: a network namespace needs root\n");
		return errno == EPERM ? 77 : 1;
	}
	harness_eal_init(512);
	loop = ev_loop_new(EVFLAG_AUTO);
	qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	if (!loop || !qsbr || rte_rcu_qsbr_init(qsbr, 1) != 0)
		return 1;
	return harness_run("kernel_own", tests);
}
