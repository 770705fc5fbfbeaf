// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The mirror without a kernel: events go in by hand, the forwarding table is a list that records
// what it is told. The last test compares any history with a mirror that was built afresh.

#include "control/routing/route_mirror.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tests/harness.h"

#define ROUTES_MAX 512
#define HOPS_MAX 4096
#define PORT0 2 // interface indexes
#define PORT1 3
#define PLAIN 4

struct table {
	struct {
		uint8_t family, len, addr[16];
		uint32_t nexthop;
	} routes[ROUTES_MAX];
	unsigned int count, room, writes;
	struct {
		bool used, set;
		struct nexthop nh;
	} hops[HOPS_MAX];
	uint32_t next;
	unsigned int probes;
	int probe_ifindex;
	uint8_t probe_addr[16];
	bool probe_known;
};

static const struct kernel_port ports[] = {
	{.ifindex = PORT0, .port = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500},
	{.ifindex = PORT1, .port = 9, .vlan = 0x123, .mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500},
};
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

// --- a forwarding table that only remembers ---

static int find(const struct table *t, uint8_t family, const uint8_t *addr, uint8_t len)
{
	for (unsigned int i = 0; i < t->count; i++)
		if (t->routes[i].family == family && t->routes[i].len == len &&
			!memcmp(t->routes[i].addr, addr, family == 6 ? 16 : 4))
			return (int)i;
	return -1;
}

static int on_set(void *arg, uint8_t family, const uint8_t *addr, uint8_t len, uint32_t nexthop)
{
	struct table *t = arg;
	int i = find(t, family, addr, len);

	CU_ASSERT_TRUE(nexthop == NEXTHOP_KERNEL || t->hops[nexthop].used);
	t->writes++;
	if (i < 0) {
		if (t->count == t->room)
			return -ENOSPC;
		i = (int)t->count++;
		t->routes[i].family = family;
		t->routes[i].len = len;
		memcpy(t->routes[i].addr, addr, 16);
	}
	t->routes[i].nexthop = nexthop;
	return 0;
}

static void on_del(void *arg, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct table *t = arg;
	int i = find(t, family, addr, len);

	CU_ASSERT_TRUE_FATAL(i >= 0);
	t->writes++;
	t->routes[i] = t->routes[--t->count];
}

static uint32_t on_new(void *arg)
{
	struct table *t = arg;

	if (t->next == HOPS_MAX)
		return NEXTHOP_KERNEL;
	t->hops[t->next].used = true;
	return t->next++;
}

static void on_hop_set(void *arg, uint32_t index, const struct nexthop *nh)
{
	struct table *t = arg;

	CU_ASSERT_TRUE(t->hops[index].used);
	t->hops[index].set = nh != NULL;
	if (nh)
		t->hops[index].nh = *nh;
}

static void on_free(void *arg, uint32_t index)
{
	struct table *t = arg;

	CU_ASSERT_TRUE(t->hops[index].used);
	CU_ASSERT_FALSE(t->hops[index].set);
	t->hops[index].used = false;
	// No route may lead to an index that somebody else can get.
	for (unsigned int i = 0; i < t->count; i++)
		CU_ASSERT_NOT_EQUAL(t->routes[i].nexthop, index);
}

static void on_probe(void *arg, int ifindex, uint8_t family, const uint8_t *addr, bool known)
{
	struct table *t = arg;

	t->probes++;
	t->probe_ifindex = ifindex;
	t->probe_known = known;
	memcpy(t->probe_addr, addr, family == 6 ? 16 : 4);
}

static struct route_mirror *mirror_new(struct table *t)
{
	struct route_mirror_ops ops = {.route_set = on_set,
		.route_del = on_del,
		.nexthop_new = on_new,
		.nexthop_set = on_hop_set,
		.nexthop_free = on_free,
		.probe = on_probe,
		.arg = t};
	struct route_mirror *m;

	memset(t, 0, sizeof(*t));
	t->next = 1;
	t->room = ROUTES_MAX;
	m = route_mirror_new(&ops, ports, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_FALSE(route_mirror_link(m, PORT0, true, 1500));
	CU_ASSERT_FALSE(route_mirror_link(m, PORT1, true, 1500));
	CU_ASSERT_FALSE(route_mirror_link(m, PLAIN, true, 1500));
	return m;
}

// Everything the mirror took it must give back.
static void mirror_end(struct route_mirror *m, const struct table *t)
{
	route_mirror_free(m);
	CU_ASSERT_EQUAL(t->count, 0);
	for (unsigned int i = 0; i < t->next; i++)
		CU_ASSERT_FALSE(t->hops[i].used);
}

// --- writing events and reading results ---

static uint8_t parse(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, text, addr) == 1)
		return 4;
	CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, addr), 1);
	return 6;
}

// "10.0.0.0/8"; hop: "192.0.2.9" on ifindex, NULL: directly connected.
static struct route_mirror_route route(const char *prefix, int ifindex, const char *gateway)
{
	struct route_mirror_route r = {.type = RTN_UNICAST, .table = RT_TABLE_MAIN, .hop_count = 1};
	char text[64];
	char *slash;

	snprintf(text, sizeof(text), "%s", prefix);
	slash = strchr(text, '/');
	*slash = '\0';
	r.family = parse(text, r.addr);
	r.len = (uint8_t)atoi(slash + 1);
	r.hops[0].ifindex = ifindex;
	if (gateway)
		r.hops[0].family = parse(gateway, r.hops[0].addr);
	return r;
}

static void hop_add(struct route_mirror_route *r, int ifindex, const char *gateway)
{
	struct route_mirror_hop *h = &r->hops[r->hop_count++];

	h->ifindex = ifindex;
	if (gateway)
		h->family = parse(gateway, h->addr);
}

static void add(struct route_mirror *m, const struct route_mirror_route *r)
{
	CU_ASSERT_EQUAL(route_mirror_route_add(m, r, ROUTE_MIRROR_FIRST), 0);
}

static void add_route(struct route_mirror *m, const char *prefix, int ifindex, const char *gateway)
{
	struct route_mirror_route r = route(prefix, ifindex, gateway);

	add(m, &r);
}

static void del(struct route_mirror *m, const struct route_mirror_route *r)
{
	CU_ASSERT_TRUE(route_mirror_route_del(m, r));
}

static void set_neigh(struct route_mirror *m, int ifindex, const char *addr, const uint8_t *mac)
{
	uint8_t a[16], family = parse(addr, a);

	CU_ASSERT_EQUAL(route_mirror_neigh(m, ifindex, family, a, mac, false), 0);
}

static void del_neigh(struct route_mirror *m, int ifindex, const char *addr)
{
	uint8_t a[16], family = parse(addr, a);

	route_mirror_neigh_del(m, ifindex, family, a);
}

static bool within(const uint8_t *addr, const uint8_t *prefix, uint8_t len)
{
	for (unsigned int i = 0; i < len; i++)
		if ((addr[i / 8] ^ prefix[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static uint32_t table_lookup(const struct table *t, uint8_t family, const uint8_t *addr)
{
	uint32_t nexthop = NEXTHOP_KERNEL;
	int best = -1;

	for (unsigned int i = 0; i < t->count; i++)
		if (t->routes[i].family == family && t->routes[i].len > best &&
			within(addr, t->routes[i].addr, t->routes[i].len)) {
			best = t->routes[i].len;
			nexthop = t->routes[i].nexthop;
		}
	return nexthop;
}

// "kernel", "none" (unresolved), or "PORT LAST-BYTE-OF-MAC MTU".
static const char *towards(const struct route_mirror *m, const struct table *t, const char *text)
{
	static char out[32];
	uint8_t addr[16], family = parse(text, addr);
	uint32_t nexthop = table_lookup(t, family, addr);
	const struct nexthop *nh = &t->hops[nexthop].nh;

	CU_ASSERT_EQUAL(route_mirror_lookup(m, family, addr), nexthop);
	if (nexthop == NEXTHOP_KERNEL)
		return "kernel";
	if (!t->hops[nexthop].set)
		return "none";
	snprintf(out, sizeof(out), "%u %x %u", nh->port, nh->l2[5], nh->mtu);
	return out;
}

#define TOWARDS(addr, want) CU_ASSERT_STRING_EQUAL(towards(m, &t, addr), want)

static struct table t;

// --- tests ---

static void test_header(void)
{
	static const uint8_t plain[] = {2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 1, 8, 0};
	static const uint8_t tagged[] = {
		2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 2, 0x81, 0, 1, 0x23, 0x86, 0xdd};
	struct route_mirror *m = mirror_new(&t);
	uint8_t addr[16];
	const struct nexthop *nh;

	add_route(m, "10.0.0.0/8", PORT0, "192.0.2.9");
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	parse("10.1.1.1", addr);
	nh = &t.hops[table_lookup(&t, 4, addr)].nh;
	CU_ASSERT_EQUAL(nh->l2_len, sizeof(plain));
	CU_ASSERT_EQUAL(memcmp(nh->l2, plain, sizeof(plain)), 0);
	add_route(m, "2001:db8::/32", PORT1, "fe80::9");
	set_neigh(m, PORT1, "fe80::9", mac_b);
	parse("2001:db8::1", addr);
	nh = &t.hops[table_lookup(&t, 6, addr)].nh;
	CU_ASSERT_EQUAL(nh->l2_len, sizeof(tagged));
	CU_ASSERT_EQUAL(memcmp(nh->l2, tagged, sizeof(tagged)), 0);
	mirror_end(m, &t);
}

static void test_connected(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route r;

	// Neighbours may come before the route that covers them.
	set_neigh(m, PORT0, "192.0.2.5", mac_a);
	TOWARDS("192.0.2.5", "kernel");
	CU_ASSERT_EQUAL(t.next, 1); // no next hop without a route
	add_route(m, "192.0.2.0/24", PORT0, NULL);
	TOWARDS("192.0.2.5", "7 a 1500");
	TOWARDS("192.0.2.6", "kernel");
	set_neigh(m, PORT0, "192.0.2.6", NULL); // incomplete
	TOWARDS("192.0.2.6", "kernel");
	set_neigh(m, PORT0, "192.0.2.6", mac_b);
	TOWARDS("192.0.2.6", "7 b 1500");
	set_neigh(m, PORT0, "192.0.2.6", NULL); // failed: stays, unresolved
	TOWARDS("192.0.2.6", "none");
	del_neigh(m, PORT0, "192.0.2.6");
	TOWARDS("192.0.2.6", "kernel");
	// On another link than the route's.
	set_neigh(m, PORT1, "192.0.2.7", mac_a);
	TOWARDS("192.0.2.7", "kernel");
	// A longer connected route moves a neighbour, a longer gateway route hides it.
	set_neigh(m, PORT1, "192.0.2.5", mac_b);
	r = route("192.0.2.4/30", PORT1, NULL);
	add(m, &r);
	TOWARDS("192.0.2.5", "9 b 1500");
	TOWARDS("192.0.2.7", "9 a 1500");
	del(m, &r);
	TOWARDS("192.0.2.5", "7 a 1500");
	TOWARDS("192.0.2.7", "kernel");
	r = route("192.0.2.4/31", PORT1, "198.51.100.1");
	add(m, &r);
	TOWARDS("192.0.2.5", "none");
	set_neigh(m, PORT1, "198.51.100.1", mac_a);
	TOWARDS("192.0.2.5", "9 a 1500");
	del(m, &r);
	TOWARDS("192.0.2.5", "7 a 1500");
	// A host route out of the link is itself a connected route.
	add_route(m, "203.0.113.1/32", PORT0, NULL);
	TOWARDS("203.0.113.1", "kernel");
	set_neigh(m, PORT0, "203.0.113.1", mac_b);
	TOWARDS("203.0.113.1", "7 b 1500");
	mirror_end(m, &t);
}

static void test_holes(void)
{
	static const uint8_t types[] = {RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST,
		RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW};
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route r;

	add_route(m, "0.0.0.0/0", PORT0, "192.0.2.9");
	add_route(m, "::/0", PORT0, "fe80::9");
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	set_neigh(m, PORT0, "fe80::9", mac_a);
	TOWARDS("10.0.0.1", "7 a 1500");
	for (size_t i = 0; i < sizeof(types); i++) {
		r = route("10.0.0.0/24", PORT0, NULL);
		r.type = types[i];
		add(m, &r);
		TOWARDS("10.0.0.1", "kernel");
		TOWARDS("10.0.1.1", "7 a 1500");
		del(m, &r);
		TOWARDS("10.0.0.1", "7 a 1500");
	}
	add_route(m, "10.0.0.0/24", PLAIN, "192.0.2.9");
	TOWARDS("10.0.0.1", "kernel");
	// What depends on more than the destination.
	r = route("10.1.0.0/24", PORT0, "192.0.2.9");
	add(m, &r);
	TOWARDS("10.1.0.1", "7 a 1500");
	r.tos = 0x10;
	add(m, &r);
	TOWARDS("10.1.0.1", "kernel");
	del(m, &r);
	TOWARDS("10.1.0.1", "7 a 1500");
	r = route("2001:db8::/32", PORT0, "fe80::9");
	r.source_len = 64;
	add(m, &r);
	TOWARDS("2001:db8::1", "kernel");
	r = route("10.2.0.0/24", PORT0, "192.0.2.9");
	r.hops[0].encap = true;
	add(m, &r);
	TOWARDS("10.2.0.1", "kernel");
	r = route("10.3.0.0/24", PORT0, "192.0.2.9");
	r.table = RT_TABLE_DEFAULT;
	add(m, &r);
	TOWARDS("10.3.0.1", "kernel");
	r.table = 100; // some rule's: not looked at
	r.addr[1] = 4;
	add(m, &r);
	TOWARDS("10.4.0.1", "7 a 1500");
	// Never forwarded, even if routes and neighbours say so.
	add_route(m, "fe80::/64", PORT0, NULL);
	add_route(m, "224.0.0.0/4", PORT0, NULL);
	set_neigh(m, PORT0, "224.0.0.5", mac_b);
	TOWARDS("fe80::9", "kernel");
	TOWARDS("ff05::1", "kernel");
	TOWARDS("::1", "kernel");
	TOWARDS("224.0.0.5", "kernel");
	TOWARDS("255.255.255.255", "kernel");
	TOWARDS("127.1.2.3", "kernel");
	TOWARDS("0.0.0.1", "kernel");
	mirror_end(m, &t);
}

static void test_preference(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route a = route("10.0.0.0/8", PORT0, "192.0.2.9"),
				  b = route("10.0.0.0/8", PORT1, "198.51.100.9"), c;

	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	set_neigh(m, PORT1, "198.51.100.9", mac_b);
	a.prio = 20;
	b.prio = 10;
	add(m, &a);
	TOWARDS("10.0.0.1", "7 a 1500");
	add(m, &b);
	TOWARDS("10.0.0.1", "9 b 1500");
	// Table local wins at the same prefix.
	c = a;
	c.table = RT_TABLE_LOCAL;
	c.type = RTN_LOCAL;
	add(m, &c);
	TOWARDS("10.0.0.1", "kernel");
	CU_ASSERT_TRUE(route_mirror_is_local(m, 4, c.addr));
	del(m, &c);
	CU_ASSERT_FALSE(route_mirror_is_local(m, 4, c.addr));
	TOWARDS("10.0.0.1", "9 b 1500");
	CU_ASSERT_EQUAL(route_mirror_count(m), 2);
	del(m, &b);
	TOWARDS("10.0.0.1", "7 a 1500");
	CU_ASSERT_FALSE(route_mirror_route_del(m, &b));
	// Among equals: in front, behind, in place of.
	b.prio = 20;
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &b, ROUTE_MIRROR_LAST), 0);
	TOWARDS("10.0.0.1", "7 a 1500");
	del(m, &b);
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &b, ROUTE_MIRROR_FIRST), 0);
	TOWARDS("10.0.0.1", "9 b 1500");
	del(m, &b);
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &b, ROUTE_MIRROR_REPLACE), 0);
	TOWARDS("10.0.0.1", "9 b 1500");
	CU_ASSERT_FALSE(route_mirror_route_del(m, &a));
	CU_ASSERT_EQUAL(route_mirror_count(m), 1);
	mirror_end(m, &t);
}

static void test_multipath(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route r = route("10.0.0.0/8", PLAIN, "203.0.113.9"), one;

	hop_add(&r, PORT0, "192.0.2.9");
	hop_add(&r, PORT1, "198.51.100.9");
	add(m, &r);
	TOWARDS("10.0.0.1", "none");
	set_neigh(m, PORT1, "198.51.100.9", mac_b);
	TOWARDS("10.0.0.1", "9 b 1500");
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	TOWARDS("10.0.0.1", "7 a 1500");
	set_neigh(m, PORT0, "192.0.2.9", NULL);
	TOWARDS("10.0.0.1", "9 b 1500");
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	route_mirror_link(m, PORT0, false, 1500);
	TOWARDS("10.0.0.1", "9 b 1500");
	route_mirror_link(m, PORT0, true, 1500);
	r.hops[1].dead = true;
	add(m, &r); // told again, one hop dead now
	TOWARDS("10.0.0.1", "9 b 1500");
	CU_ASSERT_EQUAL(route_mirror_count(m), 1);
	del(m, &r);
	TOWARDS("10.0.0.1", "kernel");
	// IPv6 tells a route that grows as a whole, and takes single hops away.
	r = route("2001:db8::/32", PORT0, "fe80::1");
	one = route("2001:db8::/32", PORT1, "fe80::2");
	set_neigh(m, PORT0, "fe80::1", mac_a);
	set_neigh(m, PORT1, "fe80::2", mac_b);
	add(m, &r);
	hop_add(&r, PORT1, "fe80::2");
	add(m, &r);
	CU_ASSERT_EQUAL(route_mirror_count(m), 1);
	TOWARDS("2001:db8::1", "7 a 1500");
	r.hop_count = 1;
	del(m, &r);
	TOWARDS("2001:db8::1", "9 b 1500");
	del(m, &one);
	TOWARDS("2001:db8::1", "kernel");
	mirror_end(m, &t);
}

static void test_links(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route r = route("10.0.0.0/8", PORT0, "192.0.2.9");

	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	add(m, &r);
	r.addr[0] = 11;
	r.mtu = 1400;
	add(m, &r);
	TOWARDS("10.0.0.1", "7 a 1500");
	TOWARDS("11.0.0.1", "7 a 1400");
	CU_ASSERT_TRUE(route_mirror_link(m, PORT0, true, 1300));
	TOWARDS("10.0.0.1", "7 a 1300");
	TOWARDS("11.0.0.1", "7 a 1300");
	CU_ASSERT_FALSE(route_mirror_link(m, PORT0, true, 1300));  // nothing new
	CU_ASSERT_FALSE(route_mirror_link(m, PORT1, false, 1500)); // has no routes
	CU_ASSERT_TRUE(route_mirror_link(m, PORT0, false, 1300));
	TOWARDS("10.0.0.1", "none");
	CU_ASSERT_TRUE(route_mirror_link(m, PORT0, true, 1500));
	TOWARDS("10.0.0.1", "7 a 1500");
	CU_ASSERT_TRUE(route_mirror_link_del(m, PORT0));
	TOWARDS("10.0.0.1", "none");
	CU_ASSERT_FALSE(route_mirror_link_del(m, 77));
	mirror_end(m, &t);
}

static void test_probes(void)
{
	struct route_mirror *m = mirror_new(&t);
	uint8_t addr[16];

	// A new gateway is asked for at once; without an entry, the probe says so.
	add_route(m, "10.0.0.0/8", PORT0, "192.0.2.9");
	CU_ASSERT_EQUAL(t.probes, 1);
	CU_ASSERT_FALSE(t.probe_known);
	CU_ASSERT_EQUAL(t.probe_ifindex, PORT0);
	add_route(m, "11.0.0.0/8", PORT0, "192.0.2.9");
	CU_ASSERT_EQUAL(t.probes, 1);
	route_mirror_refresh(m, 1, 100);
	CU_ASSERT_EQUAL(t.probes, 2); // an unanswered gateway is asked for again
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	route_mirror_refresh(m, 1, 100);
	CU_ASSERT_EQUAL(t.probes, 3);
	CU_ASSERT_TRUE(t.probe_known);
	parse("192.0.2.9", addr);
	// Permanent: a probe would make it an ordinary one.
	route_mirror_neigh(m, PORT0, 4, addr, mac_a, true);
	route_mirror_refresh(m, 1, 100);
	route_mirror_probe(m, 4, (const uint8_t[16]){10, 0, 0, 1});
	CU_ASSERT_EQUAL(t.probes, 3);
	// Connected hosts: only those with an entry are refreshed, any can be asked for.
	add_route(m, "198.51.100.0/24", PORT1, NULL);
	parse("198.51.100.7", addr);
	route_mirror_probe(m, 4, addr);
	CU_ASSERT_EQUAL(t.probes, 4);
	CU_ASSERT_EQUAL(t.probe_ifindex, PORT1);
	CU_ASSERT_EQUAL(memcmp(t.probe_addr, addr, 4), 0);
	set_neigh(m, PORT1, "198.51.100.7", NULL);
	route_mirror_refresh(m, 1, 100);
	CU_ASSERT_EQUAL(t.probes, 4);
	set_neigh(m, PORT1, "198.51.100.7", mac_b);
	route_mirror_refresh(m, 1, 100);
	CU_ASSERT_EQUAL(t.probes, 5);
	// Every share has its turn.
	route_mirror_refresh(m, 2, 100);
	route_mirror_refresh(m, 2, 100);
	CU_ASSERT_EQUAL(t.probes, 7);
	mirror_end(m, &t);
}

static void test_sweep(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route a = route("10.0.0.0/8", PORT0, "192.0.2.9"),
				  b = route("10.1.0.0/16", PORT0, "192.0.2.9");
	unsigned int before;

	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	set_neigh(m, PORT0, "192.0.2.8", mac_b);
	add_route(m, "192.0.2.0/24", PORT0, NULL);
	add(m, &a);
	add(m, &b);
	TOWARDS("192.0.2.8", "7 b 1500");
	before = t.writes;
	route_mirror_resync(m);
	// The kernel has forgotten b and a neighbour; what it still has is not touched.
	route_mirror_link(m, PORT0, true, 1500);
	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	add(m, &a);
	add_route(m, "192.0.2.0/24", PORT0, NULL);
	CU_ASSERT_EQUAL(t.writes, before);
	CU_ASSERT_FALSE(route_mirror_sweep(m, 1));
	while (!route_mirror_sweep(m, 1))
		;
	CU_ASSERT_EQUAL(t.writes, before + 2);
	TOWARDS("10.1.0.1", "7 a 1500");
	TOWARDS("192.0.2.8", "kernel");
	CU_ASSERT_EQUAL(find(&t, 4, b.addr, 16), -1);
	CU_ASSERT_EQUAL(route_mirror_count(m), 2);
	TOWARDS("224.0.0.1", "kernel");
	mirror_end(m, &t);
}

// A forwarding table without room must not send packets along a shorter prefix.
static void test_full(void)
{
	struct route_mirror *m = mirror_new(&t);
	struct route_mirror_route hole = route("10.1.1.0/24", PLAIN, NULL);

	set_neigh(m, PORT0, "192.0.2.9", mac_a);
	add_route(m, "0.0.0.0/0", PORT0, "192.0.2.9");
	add_route(m, "10.1.0.0/16", PORT0, "192.0.2.9");
	t.room = t.count;
	add(m, &hole);
	CU_ASSERT_TRUE(route_mirror_is_full(m));
	TOWARDS("10.1.1.1", "kernel");
	TOWARDS("10.1.2.1", "kernel"); // the price
	TOWARDS("10.2.0.1", "7 a 1500");
	route_mirror_retry(m);
	CU_ASSERT_TRUE(route_mirror_is_full(m));
	TOWARDS("10.1.1.1", "kernel");
	t.room++;
	route_mirror_retry(m);
	CU_ASSERT_FALSE(route_mirror_is_full(m));
	TOWARDS("10.1.1.1", "kernel");
	TOWARDS("10.1.2.1", "7 a 1500");
	TOWARDS("10.2.0.1", "7 a 1500");
	mirror_end(m, &t);
}

// --- any history against a fresh start ---

#define WORLD 48
#define STEPS 4000

static struct {
	bool present;
	struct route_mirror_route r;
} world_routes[WORLD];
static struct {
	bool present, usable;
	int ifindex;
	uint8_t addr[16];
} world_neighs[WORLD];

static void random_addr(uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 10;
	addr[2] = (uint8_t)(rand() % 2 * 128);
	addr[3] = (uint8_t)(rand() % 8);
}

static void world_init(void)
{
	for (int i = 0; i < WORLD; i++) {
		struct route_mirror_route *r = &world_routes[i].r;

		memset(r, 0, sizeof(*r));
		world_routes[i].present = world_neighs[i].present = false;
		r->family = 4;
		r->len = (uint8_t)(8 + rand() % 25);
		random_addr(r->addr);
		for (unsigned int b = r->len; b < 32; b++)
			r->addr[b / 8] &= (uint8_t) ~(0x80 >> b % 8);
		r->type = rand() % 6 ? RTN_UNICAST : RTN_BLACKHOLE;
		r->table = RT_TABLE_MAIN;
		r->prio = (uint32_t)i; // the order of equals is another test's
		r->mtu = rand() % 5 ? 0 : 1400;
		r->hop_count = 1 + (unsigned int)rand() % 2;
		for (unsigned int h = 0; h < r->hop_count; h++) {
			r->hops[h].ifindex = PORT0 + rand() % 3;
			if (rand() % 2) {
				r->hops[h].family = 4;
				random_addr(r->hops[h].addr);
			}
		}
		world_neighs[i].ifindex = PORT0 + rand() % 2;
		random_addr(world_neighs[i].addr);
		for (int k = 0; k < i; k++)
			if (world_neighs[k].ifindex == world_neighs[i].ifindex &&
				!memcmp(world_neighs[k].addr, world_neighs[i].addr, 16))
				world_neighs[i].ifindex = PLAIN;
	}
}

static void world_feed(struct route_mirror *m)
{
	for (int i = 0; i < WORLD; i++) {
		if (world_routes[i].present)
			route_mirror_route_add(m, &world_routes[i].r, ROUTE_MIRROR_LAST);
		if (world_neighs[i].present)
			route_mirror_neigh(m, world_neighs[i].ifindex, 4, world_neighs[i].addr,
				world_neighs[i].usable ? mac_a : NULL, false);
	}
}

static void world_step(struct route_mirror *m)
{
	int i = rand() % WORLD;

	switch (rand() % 4) {
	case 0:
		if (world_routes[i].present)
			del(m, &world_routes[i].r);
		else
			add(m, &world_routes[i].r);
		world_routes[i].present = !world_routes[i].present;
		break;
	case 1:
		world_neighs[i].present = true;
		world_neighs[i].usable = rand() % 3 != 0;
		route_mirror_neigh(m, world_neighs[i].ifindex, 4, world_neighs[i].addr,
			world_neighs[i].usable ? mac_a : NULL, false);
		break;
	case 2:
		world_neighs[i].present = false;
		route_mirror_neigh_del(m, world_neighs[i].ifindex, 4, world_neighs[i].addr);
		break;
	case 3:
		if (rand() % 8)
			break;
		// Everything is read again; what has gone meanwhile was told to nobody.
		for (int k = 0; k < 3; k++)
			world_routes[rand() % WORLD].present = false;
		world_neighs[rand() % WORLD].present = false;
		route_mirror_resync(m);
		for (int p = PORT0; p <= PLAIN; p++)
			route_mirror_link(m, p, true, 1500);
		world_feed(m);
		while (!route_mirror_sweep(m, 3))
			;
		break;
	}
}

// What a worker would do: kernel and unresolved come to the same.
static int verdict(const struct table *table, const uint8_t *addr)
{
	uint32_t nexthop = table_lookup(table, 4, addr);
	const struct nexthop *nh = &table->hops[nexthop].nh;

	if (nexthop == NEXTHOP_KERNEL || !table->hops[nexthop].set)
		return -1;
	return nh->port << 16 | nh->mtu;
}

static void test_histories(void)
{
	static struct table fresh_table;
	struct route_mirror *m = mirror_new(&t), *fresh;
	unsigned int accelerated = 0;
	uint8_t addr[16];

	srand(3);
	world_init();
	for (int step = 0; step < STEPS; step++) {
		world_step(m);
		if (t.next > HOPS_MAX - 200) // indexes are not reused here
			break;
		if (step % 10)
			continue;
		fresh = mirror_new(&fresh_table);
		world_feed(fresh);
		CU_ASSERT_EQUAL(route_mirror_count(m), route_mirror_count(fresh));
		for (int i = 0; i < 16; i++) {
			memset(addr, 0, sizeof(addr));
			addr[0] = 10;
			addr[2] = (uint8_t)(i / 8 * 128);
			addr[3] = (uint8_t)(i % 8);
			CU_ASSERT_EQUAL(verdict(&t, addr), verdict(&fresh_table, addr));
			CU_ASSERT_EQUAL(route_mirror_lookup(m, 4, addr), table_lookup(&t, 4, addr));
			accelerated += verdict(&t, addr) >= 0;
		}
		mirror_end(fresh, &fresh_table);
	}
	CU_ASSERT_TRUE(accelerated > 100); // the test saw more than holes
	mirror_end(m, &t);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"writes Ethernet headers", test_header},
		{"resolves connected hosts", test_connected},
		{"leaves holes to the kernel", test_holes},
		{"shows the best route", test_preference},
		{"takes the first reachable hop", test_multipath},
		{"follows links", test_links},
		{"probes what is in use", test_probes},
		{"sweeps what is gone", test_sweep},
		{"stays right when the table is full", test_full},
		{"agrees with a fresh start after any history", test_histories},
		{NULL, NULL},
	};

	return harness_run("route_mirror", tests);
}
