// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// VLANs of a port: what a link message says of a VLAN interface, which interface a VLAN follows,
// and what becomes of its routes in the mirror. Without a kernel: most have no 802.1Q to test with.

#include "control/routing/kernel_ports.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "dataplane/tests/harness.h"

#define HOPS_MAX 64
#define ROUTES_MAX 32
#define PORT 2 // interface indexes
#define FIRST 5
#define SECOND 6

static const uint8_t mac_port[6] = {2, 0, 0, 0, 0, 1}, mac_host[6] = {2, 0, 0, 0, 0, 0xa};
static const uint8_t any[16], net[16] = {10}, gateway[16] = {192, 0, 2, 9};
static const uint8_t host[16] = {192, 0, 2, 40}, link_net[16] = {192, 0, 2};

static const struct kernel_port list[] = {
	{.ifindex = PORT, .name = "eth1", .port = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500},
	{.by_name = true,
		.name = "eth1.100",
		.parent = "eth1",
		.port = 7,
		.vlan = 100,
		.mac = {2, 0, 0, 0, 0, 1},
		.mtu = 1500},
	{.by_name = true,
		.name = "eth1.200",
		.parent = "eth1",
		.port = 7,
		.vlan = 200,
		.mac = {2, 0, 0, 0, 0, 1},
		.mtu = 1500},
};

// --- link messages ---

struct vlan_data {
	const char *kind;
	uint16_t id, protocol; // 0: not told
};

static struct kernel_msg_link parsed(const char *name, const uint8_t *mac, struct vlan_data v)
{
	struct ifinfomsg ifi = {.ifi_index = FIRST, .ifi_flags = IFF_UP | IFF_RUNNING};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct kernel_msg_link out;
	struct nlattr *info, *data;

	CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
	nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put_u32(msg, IFLA_MTU, 1400);
	if (mac)
		nla_put(msg, IFLA_ADDRESS, 6, mac);
	if (v.kind) {
		info = nla_nest_start(msg, IFLA_LINKINFO);
		nla_put_string(msg, IFLA_INFO_KIND, v.kind);
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		if (v.id)
			nla_put_u16(msg, IFLA_VLAN_ID, v.id);
		if (v.protocol)
			nla_put_u16(msg, IFLA_VLAN_PROTOCOL, htons(v.protocol));
		nla_nest_end(msg, data);
		nla_nest_end(msg, info);
	}
	CU_ASSERT_EQUAL(kernel_msg_link(nlmsg_hdr(msg), &out), 0);
	nlmsg_free(msg);
	return out;
}

static void test_messages(void)
{
	static const struct {
		struct vlan_data data;
		uint16_t vlan;
	} rows[] = {
		{{NULL, 0, 0}, 0},
		{{"veth", 100, 0}, 0},
		{{"vlan", 100, 0}, 100},
		{{"vlan", 4094, ETH_P_8021Q}, 4094},
		{{"vlan", 100, ETH_P_8021AD}, KERNEL_MSG_VLAN_OTHER},
		{{"vlan", 0, 0}, KERNEL_MSG_VLAN_OTHER},
	};
	struct kernel_msg_link link;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(parsed("eth1.100", mac_port, rows[i].data).vlan, rows[i].vlan);
	link = parsed("a-name-too-long-for-linux", mac_port, rows[0].data);
	CU_ASSERT_STRING_EQUAL(link.name, "a-name-too-long");
	link = parsed("eth1.100", NULL, rows[2].data);
	CU_ASSERT_STRING_EQUAL(link.name, "eth1.100");
	CU_ASSERT_EQUAL(memcmp(link.mac, any, 6), 0);
	CU_ASSERT_EQUAL(link.ifindex, FIRST);
	CU_ASSERT_EQUAL(link.mtu, 1400);
	CU_ASSERT_TRUE(link.up);
}

// --- which interface a VLAN follows ---

static struct kernel_msg_link link_of(int ifindex, const char *name)
{
	struct kernel_msg_link link = {.ifindex = ifindex, .up = true, .mtu = 1500};

	snprintf(link.name, sizeof(link.name), "%s", name);
	memcpy(link.mac, mac_port, sizeof(link.mac));
	return link;
}

static struct kernel_ports ports;
static unsigned int told;
static uint16_t told_vlan, told_mtu;
static bool told_up;

static void on_tell(void *arg, const struct kernel_port *port, uint16_t mtu, bool up)
{
	(void)arg;
	told++;
	told_vlan = port->vlan;
	told_mtu = mtu;
	told_up = up;
}

static void ports_make(void)
{
	CU_ASSERT_EQUAL_FATAL(kernel_ports_init(&ports, "blue", list, 3), 0);
	CU_ASSERT_EQUAL(ports.list[0].ifindex, PORT);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	told = 0;
}

static void test_names(void)
{
	struct kernel_msg_link a = link_of(FIRST, "eth1.100"), b = link_of(SECOND, "eth1.100");
	struct kernel_msg_link other = link_of(FIRST, "wg0"), port = link_of(PORT, "renamed");

	ports_make();
	CU_ASSERT_FALSE(kernel_ports_link(&ports, &other, false));
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	CU_ASSERT_TRUE(kernel_ports_link(&ports, &a, false));
	CU_ASSERT_EQUAL(ports.list[1].ifindex, FIRST);
	CU_ASSERT_EQUAL(ports.list[2].ifindex, 0);
	kernel_ports_changed(&ports, on_tell, NULL);
	CU_ASSERT_EQUAL(told, 1);
	CU_ASSERT_TRUE(told_vlan == 100 && told_mtu == 1500 && told_up);
	CU_ASSERT_FALSE(kernel_ports_link(&ports, &a, false)); // nothing new
	// Renamed away, and back; removed, and made again.
	kernel_ports_link(&ports, &other, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	kernel_ports_link(&ports, &a, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, FIRST);
	kernel_ports_link(&ports, &a, true);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	kernel_ports_link(&ports, &b, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, SECOND);
	// A port of its own is one by its index, whatever its name.
	kernel_ports_link(&ports, &port, false);
	CU_ASSERT_EQUAL(ports.list[0].ifindex, PORT);
	kernel_ports_fini(&ports);
}

static void test_misfits(void)
{
	struct kernel_msg_link good = link_of(FIRST, "eth1.100"), bad = good;

	ports_make();
	bad.mac[5] ^= 1;
	kernel_ports_link(&ports, &bad, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	kernel_ports_link(&ports, &good, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, FIRST);
	kernel_ports_link(&ports, &bad, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	bad = good;
	bad.vlan = 101; // of another tenant
	kernel_ports_link(&ports, &bad, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	bad.vlan = KERNEL_MSG_VLAN_OTHER;
	kernel_ports_link(&ports, &bad, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, 0);
	good.vlan = 100;
	kernel_ports_link(&ports, &good, false);
	CU_ASSERT_EQUAL(ports.list[1].ifindex, FIRST);
	kernel_ports_fini(&ports);
}

// --- what becomes of its routes ---

static struct {
	struct {
		uint8_t addr[16], len;
		uint32_t nexthop;
	} routes[ROUTES_MAX];
	unsigned int count;
	struct {
		bool used, set;
		struct nexthop nh;
	} hops[HOPS_MAX];
	uint32_t next;
} table;

static int find(const uint8_t *addr, uint8_t len)
{
	for (unsigned int i = 0; i < table.count; i++)
		if (table.routes[i].len == len && !memcmp(table.routes[i].addr, addr, 16))
			return (int)i;
	return -1;
}

static int on_set(void *arg, uint8_t family, const uint8_t *addr, uint8_t len, uint32_t nexthop)
{
	int i = find(addr, len);

	(void)arg;
	(void)family;
	CU_ASSERT_TRUE(nexthop == NEXTHOP_KERNEL || table.hops[nexthop].used);
	if (i < 0) {
		CU_ASSERT_TRUE_FATAL(table.count < ROUTES_MAX);
		i = (int)table.count++;
		memcpy(table.routes[i].addr, addr, 16);
		table.routes[i].len = len;
	}
	table.routes[i].nexthop = nexthop;
	return 0;
}

static void on_del(void *arg, uint8_t family, const uint8_t *addr, uint8_t len)
{
	int i = find(addr, len);

	(void)arg;
	(void)family;
	CU_ASSERT_TRUE_FATAL(i >= 0);
	table.routes[i] = table.routes[--table.count];
}

static uint32_t on_new(void *arg)
{
	(void)arg;
	CU_ASSERT_TRUE_FATAL(table.next < HOPS_MAX);
	table.hops[table.next].used = true;
	return table.next++;
}

static void on_hop_set(void *arg, uint32_t index, const struct nexthop *nh)
{
	(void)arg;
	table.hops[index].set = nh != NULL;
	if (nh)
		table.hops[index].nh = *nh;
}

static void on_free(void *arg, uint32_t index)
{
	(void)arg;
	CU_ASSERT_FALSE(table.hops[index].set);
	table.hops[index].used = false;
	for (unsigned int i = 0; i < table.count; i++)
		CU_ASSERT_NOT_EQUAL(table.routes[i].nexthop, index);
}

static void on_probe(void *arg, int ifindex, uint8_t family, const uint8_t *addr, bool known)
{
	(void)arg;
	(void)ifindex;
	(void)family;
	(void)addr;
	(void)known;
}

static struct route_mirror *mirror_make(void)
{
	static const struct route_mirror_ops ops = {.route_set = on_set,
		.route_del = on_del,
		.nexthop_new = on_new,
		.nexthop_set = on_hop_set,
		.nexthop_free = on_free,
		.probe = on_probe};
	struct route_mirror *m;

	ports_make();
	memset(&table, 0, sizeof(table));
	table.next = NEXTHOP_KERNEL + 1;
	m = route_mirror_new(&ops, ports.list, ports.count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static void mirror_end(struct route_mirror *m)
{
	route_mirror_free(m);
	CU_ASSERT_EQUAL(table.count, 0);
	for (unsigned int i = 0; i < HOPS_MAX; i++)
		CU_ASSERT_FALSE(table.hops[i].used);
	kernel_ports_fini(&ports);
}

// As kernel.c does.
static bool named(struct route_mirror *m, int ifindex, const char *name)
{
	struct kernel_msg_link link = link_of(ifindex, name);

	kernel_ports_link(&ports, &link, false);
	return route_mirror_link(m, ifindex, link.up, link.mtu);
}

// A connected network and a route via a gateway in it.
static void routes_add(struct route_mirror *m, int ifindex)
{
	struct route_mirror_route r = {.family = 4,
		.type = RTN_UNICAST,
		.table = RT_TABLE_MAIN,
		.len = 24,
		.hop_count = 1,
		.hops = {{.ifindex = ifindex}}};

	memcpy(r.addr, link_net, 16);
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &r, ROUTE_MIRROR_LAST), 0);
	memcpy(r.addr, net, 16);
	r.len = 8;
	r.hops[0].family = 4;
	memcpy(r.hops[0].addr, gateway, 16);
	CU_ASSERT_EQUAL(route_mirror_route_add(m, &r, ROUTE_MIRROR_LAST), 0);
}

static void neighs_add(struct route_mirror *m, int ifindex)
{
	CU_ASSERT_EQUAL(route_mirror_neigh(m, ifindex, 4, gateway, mac_host, true), 0);
	CU_ASSERT_EQUAL(route_mirror_neigh(m, ifindex, 4, host, mac_host, true), 0);
}

// The workers' header towards an address: -1 the kernel's, 0 without a tag, else the tag.
static int tag_towards(const struct route_mirror *m, const uint8_t *addr)
{
	uint32_t index = route_mirror_lookup(m, 4, addr);
	const struct nexthop *nh = &table.hops[index].nh;

	if (index == NEXTHOP_KERNEL || !table.hops[index].set)
		return -1;
	CU_ASSERT_EQUAL(nh->port, 7);
	CU_ASSERT_EQUAL(memcmp(nh->l2, mac_host, 6), 0);
	CU_ASSERT_EQUAL(memcmp(nh->l2 + 6, mac_port, 6), 0);
	CU_ASSERT_EQUAL(nh->l2[nh->l2_len - 2] << 8 | nh->l2[nh->l2_len - 1], ETH_P_IP);
	if (nh->l2_len == 14)
		return 0;
	CU_ASSERT_EQUAL(nh->l2_len, 18);
	CU_ASSERT_EQUAL(nh->l2[12] << 8 | nh->l2[13], ETH_P_8021Q);
	return nh->l2[14] << 8 | nh->l2[15];
}

static void expect_tag(const struct route_mirror *m, int tag)
{
	CU_ASSERT_EQUAL(tag_towards(m, net), tag);
	CU_ASSERT_EQUAL(tag_towards(m, gateway), tag);
	CU_ASSERT_EQUAL(tag_towards(m, host), tag);
}

static void test_routes(void)
{
	struct route_mirror *m = mirror_make();

	named(m, PORT, "eth1");
	named(m, FIRST, "eth1.200");
	routes_add(m, FIRST);
	neighs_add(m, FIRST);
	expect_tag(m, 200);
	mirror_end(m);
	m = mirror_make();
	named(m, PORT, "eth1");
	routes_add(m, PORT);
	neighs_add(m, PORT);
	expect_tag(m, 0);
	mirror_end(m);
}

// The interface has routes already when it gets the name, and keeps them when it loses it.
static void test_renamed(void)
{
	struct route_mirror *m = mirror_make();

	CU_ASSERT_FALSE(named(m, FIRST, "tmp0"));
	routes_add(m, FIRST);
	neighs_add(m, FIRST);
	expect_tag(m, -1);
	CU_ASSERT_TRUE(named(m, FIRST, "eth1.100")); // read all again: neighbours were not kept
	CU_ASSERT_EQUAL(tag_towards(m, net), -1);
	neighs_add(m, FIRST);
	expect_tag(m, 100);
	// To the name of another VLAN: nothing may keep the old tag.
	CU_ASSERT_TRUE(named(m, FIRST, "eth1.200"));
	expect_tag(m, -1);
	neighs_add(m, FIRST);
	expect_tag(m, 200);
	named(m, FIRST, "tmp0");
	expect_tag(m, -1);
	neighs_add(m, FIRST); // none of a port's: forgotten
	expect_tag(m, -1);
	mirror_end(m);
}

// Made again under another index while the routes of the old one are still known.
static void test_made_again(void)
{
	struct kernel_msg_link old = link_of(FIRST, "eth1.100");
	struct route_mirror *m = mirror_make();

	named(m, FIRST, "eth1.100");
	routes_add(m, FIRST);
	neighs_add(m, FIRST);
	expect_tag(m, 100);
	kernel_ports_link(&ports, &old, true);
	CU_ASSERT_TRUE(route_mirror_link_del(m, FIRST));
	expect_tag(m, -1);
	named(m, SECOND, "eth1.100");
	expect_tag(m, -1);
	route_mirror_resync(m);
	named(m, SECOND, "eth1.100");
	neighs_add(m, SECOND);
	routes_add(m, SECOND);
	CU_ASSERT_TRUE(route_mirror_sweep(m, 100));
	expect_tag(m, 100);
	// Something else got the old index.
	named(m, FIRST, "tmp0");
	neighs_add(m, FIRST);
	expect_tag(m, 100);
	mirror_end(m);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"reads a VLAN interface's message", test_messages},
		{"follows a VLAN's interface by name", test_names},
		{"leaves an interface that does not fit", test_misfits},
		{"tags what goes out of it", test_routes},
		{"routes stay when the name moves", test_renamed},
		{"an interface made again", test_made_again},
		{NULL, NULL},
	};

	return harness_run("kernel_ports", tests);
}
