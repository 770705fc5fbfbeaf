// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The mirror against the real kernel, in a network namespace of its own: `ip` changes things, the
// workers' forwarding table must follow. Needs root; exits 77 (skipped) without.

#include "control/routing/kernel.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h> // before linux/, whose copy of it then stands back
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#define DOMAIN 3
#define WAIT_MS 5000
#define FD_SCAN 256
#define SOME_ROUTES 10000

static const char mac_a[] = "02:00:00:00:00:0a", mac_b[] = "02:00:00:00:00:0b";
static struct ev_loop *loop;
static struct rte_rcu_qsbr *qsbr;
static struct fib *fib;
static struct kernel *kernel;
static unsigned int routes_changed, link_changes, retired;
static uint16_t last_mtu;
static bool last_up;

// --- the surroundings ---

static void on_routes_changed(void *arg, uint16_t domain)
{
	(void)arg;
	routes_changed++;
	CU_ASSERT_EQUAL(domain, DOMAIN);
}

static void on_link_changed(
	void *arg, uint16_t domain, const struct kernel_port *port, uint16_t mtu, bool up)
{
	(void)arg;
	(void)domain;
	(void)port;
	link_changes++;
	last_mtu = mtu;
	last_up = up;
}

static void on_retire(void *arg, const void *old)
{
	(void)arg;
	retired++;
	// No worker runs: nobody reads it any more.
	nexthop_free(old);
}

// Runs a command of the shell; a failure fails the test.
static void __attribute__((format(printf, 1, 2))) sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	rc = system(cmd);
	if (rc != 0)
		fprintf(stderr, "failed: %s\n", cmd);
	CU_ASSERT_EQUAL(rc, 0);
}

// port0 and port1 are the accelerated interfaces; their other ends and plain0 are not. None gets a
// link-local address by itself some time later, so that route counts stand still.
static void links_make(void)
{
	sh("ip link set lo up; ip link add port0 type veth peer name far0; "
	   "ip link add port1 type veth peer name far1; ip link add plain0 type veth peer name far2; "
	   "for i in all default port0 port1 plain0; do "
	   "echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad || exit; done; "
	   "for i in port0 far0 port1 far1 plain0 far2; do "
	   "ip link set $i addrgenmode none; ip link set $i up; done; "
	   "ip addr add 192.0.2.1/24 dev port0; ip addr add 198.51.100.1/24 dev port1; "
	   "ip addr add 203.0.113.1/24 dev plain0; ip -6 addr add 2001:db8::1/64 dev port0 nodad");
}

static void links_remove(void)
{
	// A test may have lost one of them with a namespace.
	sh("for i in port0 port1 plain0; do ip link show $i >/dev/null 2>&1 && ip link del $i; done; "
	   "true");
}

static void setup(void)
{
	static const struct kernel_ops ops = {.routes_changed = on_routes_changed,
		.link_changed = on_link_changed,
		.retire = on_retire};
	struct kernel_port ports[2] = {
		{.port = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500},
		{.port = 9, .vlan = 5, .mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500},
	};

	links_make();
	ports[0].ifindex = (int)if_nametoindex("port0");
	ports[1].ifindex = (int)if_nametoindex("port1");
	fib = fib_new(65536, qsbr);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fib);
	kernel = kernel_new(loop, "", DOMAIN, fib, ports, 2, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kernel);
}

static void teardown(void)
{
	kernel_free(kernel);
	fib_free(fib);
	links_remove();
}

static uint8_t parse(const char *text, uint8_t addr[16])
{
	bool v6 = strchr(text, ':') != NULL;

	memset(addr, 0, 16);
	CU_ASSERT_EQUAL(inet_pton(v6 ? AF_INET6 : AF_INET, text, addr), 1);
	return v6 ? 6 : 4;
}

// "kernel", "unresolved", or "PORT MAC MTU" as a worker would find it for this address.
static const char *towards(const char *text)
{
	static char out[64];
	const struct nexthop *nh;
	uint8_t addr[16], family = parse(text, addr);
	uint32_t index = fib_lookup(fib, DOMAIN, family, addr);

	CU_ASSERT_EQUAL(kernel_nexthop(kernel, family, addr), index);
	if (index == NEXTHOP_KERNEL)
		return "kernel";
	nh = fib_nexthop_get(fib, index);
	if (!nh)
		return "unresolved";
	snprintf(out, sizeof(out), "%u %02x:%02x:%02x:%02x:%02x:%02x %u", nh->port, nh->l2[0],
		nh->l2[1], nh->l2[2], nh->l2[3], nh->l2[4], nh->l2[5], nh->mtu);
	return out;
}

static void on_timeout(struct ev_loop *l, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(l, EVBREAK_ALL);
}

static void run_ms(unsigned int ms)
{
	ev_timer t;

	ev_timer_init(&t, on_timeout, ms / 1000., 0.);
	ev_now_update(loop);
	ev_timer_start(loop, &t);
	ev_run(loop, 0);
	ev_timer_stop(loop, &t);
}

// Runs the loop until the workers would find `want`.
static bool becomes(const char *addr, const char *want)
{
	uint64_t end = clock_ms() + WAIT_MS;

	while (strcmp(towards(addr), want) != 0) {
		if (clock_ms() > end) {
			fprintf(stderr, "%s: want %s, have %s\n", addr, want, towards(addr));
			return false;
		}
		run_ms(10);
	}
	return true;
}

static void expect(const char *addr, const char *port, const char *mac, unsigned int mtu)
{
	char want[64];

	snprintf(want, sizeof(want), "%s %s %u", port, mac, mtu);
	CU_ASSERT_TRUE(becomes(addr, want));
}

static void expect_kernel(const char *addr)
{
	CU_ASSERT_TRUE(becomes(addr, "kernel"));
}

static void neigh(const char *addr, const char *dev, const char *mac, const char *state)
{
	sh("ip neigh replace %s dev %s lladdr %s nud %s", addr, dev, mac, state);
}

// --- tests ---

static void test_load(void)
{
	links_make();
	neigh("192.0.2.9", "port0", mac_a, "reachable");
	sh("ip route add 10.0.0.0/8 via 192.0.2.9");
	links_remove();
	// What stood there before the mirror is read at once, without a turn of the loop.
	setup();
	kernel_free(kernel);
	neigh("192.0.2.9", "port0", mac_a, "reachable");
	sh("ip route add 10.0.0.0/8 via 192.0.2.9");
	{
		static const struct kernel_ops ops = {.retire = on_retire};
		struct kernel_port port = {
			.ifindex = (int)if_nametoindex("port0"), .port = 7, .mtu = 1500};

		kernel = kernel_new(loop, "", DOMAIN, fib, &port, 1, &ops);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(kernel);
	CU_ASSERT_STRING_EQUAL(towards("10.1.2.3"), "7 02:00:00:00:00:0a 1500");
	CU_ASSERT_STRING_EQUAL(towards("192.0.2.9"), "7 02:00:00:00:00:0a 1500");
	CU_ASSERT_TRUE(kernel_route_count(kernel) > 5);
	teardown();
}

static void test_addresses(void)
{
	uint8_t addr[16];

	setup();
	parse("192.0.2.1", addr);
	CU_ASSERT_TRUE(kernel_has_addr(kernel, 4, addr));
	parse("192.0.2.2", addr);
	CU_ASSERT_FALSE(kernel_has_addr(kernel, 4, addr));
	parse("127.0.0.1", addr);
	CU_ASSERT_TRUE(kernel_has_addr(kernel, 4, addr));
	parse("2001:db8::1", addr);
	CU_ASSERT_TRUE(kernel_has_addr(kernel, 6, addr));
	sh("ip route add default via 192.0.2.254");
	neigh("192.0.2.254", "port0", mac_a, "reachable");
	expect("172.16.0.1", "7", mac_a, 1500);
	// An own address is a hole in the default route, and no longer when it goes.
	parse("172.16.0.1", addr);
	CU_ASSERT_EQUAL(kernel_addr_add(kernel, (int)if_nametoindex("port1"), 4, addr, 16), 0);
	CU_ASSERT_EQUAL(kernel_addr_add(kernel, (int)if_nametoindex("port1"), 4, addr, 16), 0);
	CU_ASSERT_EQUAL(kernel_addr_add(kernel, 9999, 4, addr, 16), -ENODEV);
	expect_kernel("172.16.0.1");
	expect_kernel("172.16.200.1");
	CU_ASSERT_TRUE(kernel_has_addr(kernel, 4, addr));
	sh("ip addr del 172.16.0.1/16 dev port1");
	expect("172.16.0.1", "7", mac_a, 1500);
	CU_ASSERT_FALSE(kernel_has_addr(kernel, 4, addr));
	parse("fd00::1", addr);
	CU_ASSERT_EQUAL(kernel_addr_add(kernel, (int)if_nametoindex("port1"), 6, addr, 64), 0);
	run_ms(100);
	CU_ASSERT_TRUE(kernel_has_addr(kernel, 6, addr));
	teardown();
}

static void test_neighbours(void)
{
	setup();
	expect_kernel("192.0.2.50");
	neigh("192.0.2.50", "port0", mac_a, "reachable");
	expect("192.0.2.50", "7", mac_a, 1500);
	neigh("192.0.2.50", "port0", mac_b, "stale");
	expect("192.0.2.50", "7", mac_b, 1500);
	sh("ip neigh change 192.0.2.50 dev port0 nud failed");
	CU_ASSERT_TRUE(becomes("192.0.2.50", "unresolved"));
	neigh("192.0.2.50", "port0", mac_a, "permanent");
	expect("192.0.2.50", "7", mac_a, 1500);
	sh("ip neigh del 192.0.2.50 dev port0");
	expect_kernel("192.0.2.50");
	// Not through a link that the best route does not use, nor through a plain one.
	neigh("192.0.2.60", "port1", mac_a, "permanent");
	neigh("203.0.113.7", "plain0", mac_a, "permanent");
	neigh("2001:db8::77", "port0", mac_b, "permanent");
	neigh("fe80::77", "port0", mac_b, "permanent");
	expect("2001:db8::77", "7", mac_b, 1500);
	CU_ASSERT_STRING_EQUAL(towards("192.0.2.60"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("203.0.113.7"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("fe80::77"), "kernel");
	teardown();
}

static void test_routes4(void)
{
	setup();
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	neigh("198.51.100.9", "port1", mac_b, "permanent");
	// Metrics: the best shows, and the next one when it goes.
	sh("ip route add 10.0.0.0/8 via 192.0.2.9 metric 200");
	expect("10.1.1.1", "7", mac_a, 1500);
	sh("ip route add 10.0.0.0/8 via 198.51.100.9 metric 100");
	expect("10.1.1.1", "9", mac_b, 1500);
	sh("ip route del 10.0.0.0/8 via 198.51.100.9 metric 100");
	expect("10.1.1.1", "7", mac_a, 1500);
	sh("ip route replace 10.0.0.0/8 via 198.51.100.9 metric 200");
	expect("10.1.1.1", "9", mac_b, 1500);
	// A longer prefix, holes of all kinds, an interface that is not accelerated, a route's MTU.
	sh("ip route add 10.1.0.0/16 via 192.0.2.9 mtu 1400");
	expect("10.1.1.1", "7", mac_a, 1400);
	sh("ip route add blackhole 10.1.1.0/24; ip route add unreachable 10.1.2.0/24; "
	   "ip route add 10.1.3.0/24 via 203.0.113.9; ip route add 10.1.4.0/24 dev plain0");
	expect_kernel("10.1.1.1");
	expect_kernel("10.1.2.1");
	expect_kernel("10.1.3.1");
	expect_kernel("10.1.4.1");
	expect("10.1.5.1", "7", mac_a, 1400);
	sh("ip route del blackhole 10.1.1.0/24");
	expect("10.1.1.1", "7", mac_a, 1400);
	// Own broadcast address, and routes that only some packets take.
	CU_ASSERT_STRING_EQUAL(towards("192.0.2.255"), "kernel");
	sh("ip route add 10.2.0.0/16 tos 0x10 via 192.0.2.9");
	expect_kernel("10.2.0.1");
	sh("ip route add 10.1.6.0/24 via 198.51.100.9 table 77");
	run_ms(50);
	CU_ASSERT_STRING_EQUAL(towards("10.1.6.1"), "7 02:00:00:00:00:0a 1400");
	// A gateway without a neighbour stays unresolved until it answers.
	sh("ip route add 10.3.0.0/16 via 192.0.2.77");
	CU_ASSERT_TRUE(becomes("10.3.0.1", "unresolved"));
	neigh("192.0.2.77", "port0", mac_b, "reachable");
	expect("10.3.0.1", "7", mac_b, 1500);
	// A default route, and what it never covers.
	sh("ip route add default via 192.0.2.9");
	expect("8.8.8.8", "7", mac_a, 1500);
	CU_ASSERT_STRING_EQUAL(towards("224.0.0.5"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("255.255.255.255"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("127.0.0.5"), "kernel");
	sh("ip route del default");
	expect_kernel("8.8.8.8");
	teardown();
}

static void test_routes6(void)
{
	setup();
	sh("ip -6 addr add 2001:db8:1::1/64 dev port1 nodad");
	neigh("2001:db8::9", "port0", mac_a, "permanent");
	neigh("fe80::9", "port1", mac_b, "permanent");
	sh("ip -6 route add 2001:db8:a::/48 via 2001:db8::9");
	expect("2001:db8:a::5", "7", mac_a, 1500);
	sh("ip -6 route add 2001:db8:a::/48 via fe80::9 dev port1 metric 5");
	expect("2001:db8:a::5", "9", mac_b, 1500);
	sh("ip -6 route del 2001:db8:a::/48 metric 5");
	expect("2001:db8:a::5", "7", mac_a, 1500);
	sh("ip -6 route add blackhole 2001:db8:a:1::/64");
	expect_kernel("2001:db8:a:1::1");
	sh("ip -6 route add default via fe80::9 dev port1");
	expect("2001:db8:ffff::1", "9", mac_b, 1500);
	CU_ASSERT_STRING_EQUAL(towards("ff02::1"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("fe80::1234"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("2001:db8::1"), "kernel");
	// A multipath route that grows and shrinks by single hops.
	sh("ip -6 route add 2001:db8:b::/48 via 2001:db8::9");
	expect("2001:db8:b::1", "7", mac_a, 1500);
	sh("ip -6 route append 2001:db8:b::/48 via fe80::9 dev port1");
	run_ms(50);
	CU_ASSERT_STRING_NOT_EQUAL(towards("2001:db8:b::1"), "kernel");
	sh("ip -6 route del 2001:db8:b::/48 via 2001:db8::9");
	expect("2001:db8:b::1", "9", mac_b, 1500);
	sh("ip -6 route del 2001:db8:b::/48 via fe80::9 dev port1");
	expect("2001:db8:b::1", "9", mac_b, 1500); // the default route's
	sh("ip -6 route del default");
	expect_kernel("2001:db8:b::1");
	teardown();
}

static void test_multipath(void)
{
	setup();
	neigh("198.51.100.9", "port1", mac_b, "permanent");
	sh("ip route add 10.0.0.0/8 nexthop via 203.0.113.9 dev plain0 "
	   "nexthop via 192.0.2.9 nexthop via 198.51.100.9");
	// The first accelerated hop has no neighbour yet: the second one carries.
	expect("10.0.0.1", "9", mac_b, 1500);
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("10.0.0.1", "7", mac_a, 1500);
	sh("ip neigh del 192.0.2.9 dev port0");
	expect("10.0.0.1", "9", mac_b, 1500);
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("10.0.0.1", "7", mac_a, 1500);
	sh("ip link set port0 down");
	expect("10.0.0.1", "9", mac_b, 1500);
	sh("ip route del 10.0.0.0/8");
	expect_kernel("10.0.0.1");
	teardown();
}

static void test_link(void)
{
	setup();
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	sh("ip route add 10.0.0.0/8 via 192.0.2.9; ip route add 10.0.0.0/8 via 198.51.100.9 metric 9");
	neigh("198.51.100.9", "port1", mac_b, "permanent");
	expect("10.0.0.1", "7", mac_a, 1500);
	link_changes = 0;
	sh("ip link set port0 mtu 1400");
	expect("10.0.0.1", "7", mac_a, 1400);
	run_ms(100);
	CU_ASSERT_TRUE(link_changes > 0);
	CU_ASSERT_EQUAL(last_mtu, 1400);
	CU_ASSERT_TRUE(last_up);
	// The kernel drops the routes of a link that goes down without telling.
	sh("ip link set port0 down");
	expect("10.0.0.1", "9", mac_b, 1500);
	run_ms(100);
	CU_ASSERT_FALSE(last_up);
	expect_kernel("192.0.2.9");
	sh("ip link set port0 up; ip route add 10.0.0.0/8 via 192.0.2.9");
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("10.0.0.1", "7", mac_a, 1400);
	run_ms(100);
	CU_ASSERT_TRUE(last_up);
	// Lost carrier: the other end goes down.
	sh("ip link set far0 down");
	CU_ASSERT_TRUE(becomes("10.0.0.1", "unresolved"));
	sh("ip link set far0 up");
	expect("10.0.0.1", "7", mac_a, 1400);
	teardown();
}

// Header of the workers' packets to this address: the 802.1Q tag, 0: without.
static unsigned int tag_towards(const char *text)
{
	uint8_t addr[16], family = parse(text, addr);
	const struct nexthop *nh = fib_nexthop_get(fib, fib_lookup(fib, DOMAIN, family, addr));

	CU_ASSERT_PTR_NOT_NULL_FATAL(nh);
	if (nh->l2_len == 14)
		return 0;
	CU_ASSERT_EQUAL(nh->l2_len, 18);
	CU_ASSERT_EQUAL(nh->l2[12] << 8 | nh->l2[13], 0x8100);
	return (unsigned int)(nh->l2[14] << 8 | nh->l2[15]);
}

static void vlan_make(const char *address)
{
	sh("ip link add port0.100 address %s type veth peer name far3; "
	   "for i in port0.100 far3; do ip link set $i addrgenmode none; ip link set $i up; done; "
	   "ip addr add 10.50.0.1/24 dev port0.100; ip -6 addr add fd50::1/64 dev port0.100 nodad",
		address);
}

static void vlan_use(void)
{
	neigh("10.50.0.9", "port0.100", mac_a, "permanent");
	neigh("10.50.0.10", "port0.100", mac_b, "permanent");
	neigh("fd50::9", "port0.100", mac_a, "permanent");
	sh("ip route replace 10.60.0.0/16 via 10.50.0.9");
	expect("10.60.0.1", "7", mac_a, 1500);
	expect("10.50.0.10", "7", mac_b, 1500);
	expect("fd50::9", "7", mac_a, 1500);
	CU_ASSERT_EQUAL(tag_towards("10.60.0.1"), 100);
	CU_ASSERT_EQUAL(tag_towards("10.50.0.10"), 100);
	CU_ASSERT_EQUAL(tag_towards("fd50::9"), 100);
}

// A VLAN's interface, which here is none, comes and goes and changes while the mirror runs.
static void test_vlan(void)
{
	static const struct kernel_ops ops = {.link_changed = on_link_changed, .retire = on_retire};
	struct kernel_port ports[2] = {
		{.port = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500},
		{.by_name = true,
			.name = "port0.100",
			.parent = "port0",
			.port = 7,
			.vlan = 100,
			.mac = {2, 0, 0, 0, 0, 1},
			.mtu = 1500},
	};

	setup();
	kernel_free(kernel);
	ports[0].ifindex = (int)if_nametoindex("port0");
	kernel = kernel_new(loop, "", DOMAIN, fib, ports, 2, &ops);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kernel);
	link_changes = 0;
	vlan_make("02:00:00:00:00:01");
	vlan_use();
	run_ms(100);
	CU_ASSERT_TRUE(link_changes > 0);
	// Untagged is the port itself, still.
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("192.0.2.9", "7", mac_a, 1500);
	CU_ASSERT_EQUAL(tag_towards("192.0.2.9"), 0);
	sh("ip link set port0.100 mtu 1400");
	expect("10.60.0.1", "7", mac_a, 1400);
	sh("ip link del port0.100");
	expect_kernel("10.60.0.1");
	expect_kernel("10.50.0.10");
	// With an address that hosts would answer to in vain: the kernel's until it is the port's.
	vlan_make("02:00:00:00:00:77");
	neigh("10.50.0.9", "port0.100", mac_a, "permanent");
	sh("ip route replace 10.60.0.0/16 via 10.50.0.9");
	run_ms(200);
	CU_ASSERT_STRING_EQUAL(towards("10.60.0.1"), "kernel");
	CU_ASSERT_STRING_EQUAL(towards("10.50.0.9"), "kernel");
	sh("ip link set port0.100 address 02:00:00:00:00:01");
	vlan_use();
	sh("ip link del port0.100");
	expect_kernel("10.60.0.1");
	teardown();
}

// Writes and runs a batch of `verb` for so many /24 routes from 20.0.0.0 on.
static void many_routes(const char *verb, unsigned int count)
{
	char path[] = "/tmp/test_kernel_XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	unsigned int i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (i = 0; i < count; i++)
		fprintf(f, "route %s %u.%u.%u.0/24 via 192.0.2.9\n", verb, 20 + (i >> 16),
			(i >> 8) & 255, i & 255);
	fclose(f);
	sh("ip -batch %s", path);
	unlink(path);
}

static void test_many(void)
{
	uint32_t before;

	setup();
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("192.0.2.9", "7", mac_a, 1500);
	before = kernel_route_count(kernel);
	routes_changed = 0;
	many_routes("add", SOME_ROUTES);
	expect("20.39.15.1", "7", mac_a, 1500); // the last one
	CU_ASSERT_EQUAL(kernel_route_count(kernel), before + SOME_ROUTES);
	CU_ASSERT_STRING_EQUAL(towards("20.0.0.1"), "7 02:00:00:00:00:0a 1500");
	CU_ASSERT_STRING_EQUAL(towards("20.39.16.1"), "kernel");
	run_ms(100);
	CU_ASSERT_TRUE(routes_changed > 0);
	CU_ASSERT_TRUE(routes_changed < 200); // batched
	many_routes("del", SOME_ROUTES);
	expect_kernel("20.39.15.1");
	CU_ASSERT_STRING_EQUAL(towards("20.0.0.1"), "kernel");
	CU_ASSERT_EQUAL(kernel_route_count(kernel), before);
	CU_ASSERT_EQUAL(kernel_overruns(kernel), 0);
	teardown();
}

// The socket that listens for changes gets a buffer for a few messages only.
static void shrink_socket(void)
{
	struct sockaddr_nl sa;
	uint32_t groups[16];
	int fd, small = 1, found = 0;

	for (fd = 3; fd < FD_SCAN; fd++) {
		socklen_t len = sizeof(sa), glen = sizeof(groups);

		memset(groups, 0, sizeof(groups));
		if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
			sa.nl_family != AF_NETLINK ||
			getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &glen) < 0 ||
			(!groups[0] && !groups[1]))
			continue;
		CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
		found++;
	}
	CU_ASSERT_EQUAL(found, 1);
}

static void test_overrun(void)
{
	uint32_t before;

	setup();
	neigh("192.0.2.9", "port0", mac_a, "permanent");
	expect("192.0.2.9", "7", mac_a, 1500);
	before = kernel_route_count(kernel);
	shrink_socket();
	many_routes("add", 2000);
	expect("20.0.0.1", "7", mac_a, 1500);
	expect("20.7.207.1", "7", mac_a, 1500);
	CU_ASSERT_TRUE(kernel_overruns(kernel) > 0);
	CU_ASSERT_EQUAL(kernel_route_count(kernel), before + 2000);
	many_routes("del", 2000);
	expect_kernel("20.0.0.1");
	expect_kernel("20.7.207.1");
	CU_ASSERT_EQUAL(kernel_route_count(kernel), before);
	CU_ASSERT_STRING_EQUAL(towards("192.0.2.9"), "7 02:00:00:00:00:0a 1500");
	teardown();
}

// A gateway in another namespace answers: the kernel is asked for it before any packet goes, and
// goes on verifying it, so that it does not grow stale for good.
static void test_probe(void)
{
	char far[32], cmd[] = "ip neigh show 192.0.2.9 dev port0 | grep -q REACHABLE";
	uint64_t end;
	uint8_t addr[16];

	setup();
	snprintf(far, sizeof(far), "kernel-far-%d", (int)getpid());
	sh("ip netns add %s && ip link set far0 netns %s && "
	   "ip -n %s link set far0 address %s up && ip -n %s addr add 192.0.2.9/24 dev far0",
		far, far, far, mac_a, far);
	sh("ip route add 10.0.0.0/8 via 192.0.2.9");
	expect("10.0.0.1", "7", mac_a, 1500);
	// Nobody sends anything; a stale entry becomes reachable by the periodic probe alone.
	sh("echo 1 >/proc/sys/net/ipv4/neigh/port0/delay_first_probe_time");
	neigh("192.0.2.9", "port0", mac_a, "stale");
	for (end = clock_ms() + WAIT_MS; system(cmd) != 0 && clock_ms() < end;)
		run_ms(100);
	CU_ASSERT_EQUAL(system(cmd), 0);
	// A directly connected host is resolved on request.
	sh("ip -n %s addr add 192.0.2.10/24 dev far0", far);
	parse("192.0.2.10", addr);
	CU_ASSERT_EQUAL(kernel_nexthop(kernel, 4, addr), NEXTHOP_KERNEL);
	kernel_probe(kernel, 4, addr);
	expect("192.0.2.10", "7", mac_a, 1500);
	sh("ip netns del %s", far);
	expect_kernel("192.0.2.10");
	teardown();
}

// Runs the loop for a while and tells whether a log line with this text came.
static bool logs(const char *text, unsigned int ms)
{
	char line[512];
	int keep = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	bool seen = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	dup2(fileno(f), STDERR_FILENO);
	run_ms(ms);
	dup2(keep, STDERR_FILENO);
	close(keep);
	rewind(f);
	while (fgets(line, sizeof(line), f))
		seen = seen || strstr(line, text);
	fclose(f);
	return seen;
}

// Policy routing is not mirrored, and that is said once.
static void test_policy(void)
{
	setup();
	sh("ip rule add pref 100 from 10.0.0.0/8 table 77");
	CU_ASSERT_TRUE(
		logs("1 ip rules beyond the default ones (first: IPv4 pref 100 table 77)", 400));
	CU_ASSERT_FALSE(logs("ip rules beyond", 200));
	sh("ip rule del pref 100");
	CU_ASSERT_TRUE(logs("only the default ip rules are left", 400));
	teardown();
}

static void test_rules(void)
{
	char text[128] = "";

	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 0);
	sh("nft add table inet t; nft add chain inet t f '{type filter hook forward priority 0;}'");
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 0); // empty: lets everything by
	sh("nft add rule inet t f ip daddr 10.0.0.1 drop");
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 1);
	CU_ASSERT_STRING_EQUAL(text, "nftables chain inet t/f");
	sh("nft delete table inet t; nft add table ip n; "
	   "nft add chain ip n p '{type filter hook forward priority 0; policy drop;}'");
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 1);
	CU_ASSERT_STRING_EQUAL(text, "nftables chain ip n/p");
	sh("nft delete table ip n; nft add table ip n; "
	   "nft add chain ip n i '{type filter hook input priority 0;}'; "
	   "nft add rule ip n i drop");
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 0);
	sh("nft delete table ip n");
	CU_ASSERT_EQUAL(kernel_rules_check("no-such-namespace", text, sizeof(text)), -ENOENT);
}

static void test_forwards(void)
{
	sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	CU_ASSERT_EQUAL(kernel_forwards("", 4), 1);
	CU_ASSERT_EQUAL(kernel_forwards("", 6), 1);
	sh("echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
	CU_ASSERT_EQUAL(kernel_forwards("", 4), 0);
	CU_ASSERT_EQUAL(kernel_forwards("", 6), 0);
	CU_ASSERT_EQUAL(kernel_forwards("no-such-namespace", 4), -ENOENT);
}

// Makes the legacy table "filter" and gives its FORWARD chain a policy, as iptables -P would.
// False: this kernel has none.
static bool legacy_policy(int verdict)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct ipt_getinfo info = {.name = "filter"};
	struct xt_counters counters[16];
	struct ipt_get_entries *get;
	struct ipt_replace *rep;
	struct xt_standard_target *target;
	socklen_t len = sizeof(info);
	bool ok;

	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len) < 0) {
		close(fd);
		return false;
	}
	CU_ASSERT_TRUE_FATAL(info.num_entries <= 16);
	len = (socklen_t)(sizeof(*get) + info.size);
	get = calloc(1, len);
	rep = calloc(1, sizeof(*rep) + info.size);
	strcpy(get->name, "filter");
	get->size = info.size;
	CU_ASSERT_EQUAL(getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, get, &len), 0);
	strcpy(rep->name, "filter");
	rep->valid_hooks = info.valid_hooks;
	rep->num_entries = rep->num_counters = info.num_entries;
	rep->size = info.size;
	rep->counters = counters;
	memcpy(rep->hook_entry, info.hook_entry, sizeof(info.hook_entry));
	memcpy(rep->underflow, info.underflow, sizeof(info.underflow));
	memcpy(rep->entries, get->entrytable, info.size);
	target = (void *)((char *)rep->entries + info.underflow[NF_INET_FORWARD] +
			  sizeof(struct ipt_entry));
	target->verdict = -verdict - 1;
	ok = setsockopt(fd, IPPROTO_IP, IPT_SO_SET_REPLACE, rep,
		     (socklen_t)(sizeof(*rep) + info.size)) == 0;
	CU_ASSERT_TRUE(ok);
	free(get);
	free(rep);
	close(fd);
	return true;
}

static void test_rules_legacy(void)
{
	char text[128] = "";

	if (!legacy_policy(NF_ACCEPT)) {
		fprintf(stderr, "this kernel has no legacy iptables\n");
		return;
	}
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 0);
	legacy_policy(NF_DROP);
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 1);
	CU_ASSERT_STRING_EQUAL(text, "iptables chain filter/forward");
	legacy_policy(NF_ACCEPT);
	CU_ASSERT_EQUAL(kernel_rules_check("", text, sizeof(text)), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"reads what is there", test_load},
		{"follows addresses", test_addresses},
		{"follows neighbours", test_neighbours},
		{"follows IPv4 routes", test_routes4},
		{"follows IPv6 routes", test_routes6},
		{"takes the first reachable hop", test_multipath},
		{"follows links", test_link},
		{"follows a VLAN's interface", test_vlan},
		{"follows thousands of routes", test_many},
		{"reads all again after an overrun", test_overrun},
		{"keeps neighbours verified", test_probe},
		{"names policy routing", test_policy},
		{"finds forwarding rules", test_rules},
		{"finds rules of legacy iptables", test_rules_legacy},
		{"knows whether the kernel forwards", test_forwards},
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
	return harness_run("kernel", tests);
}
