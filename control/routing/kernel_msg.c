// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/kernel_msg.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

#define RULE_PRIO_MAIN 32766
#define RULE_PRIO_DEFAULT 32767
#define STATES_USABLE \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static uint8_t family_of(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
}

// The MTU field of a next hop has 16 bits; links with more exist (loopback has 65536).
static uint16_t mtu_of(uint32_t mtu)
{
	return mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
}

// Copies the binary address, which libnl holds in as many bytes as its prefix was sent with.
static void addr_copy(uint8_t out[16], struct nl_addr *addr)
{
	unsigned int len = addr ? nl_addr_get_len(addr) : 0;

	memset(out, 0, 16);
	if (len)
		memcpy(out, nl_addr_get_binary_addr(addr), len < 16 ? len : 16);
}

static bool attr_u32(struct nlmsghdr *h, int hdr_len, int type, uint32_t *out)
{
	struct nlattr *a = nlmsg_find_attr(h, hdr_len, type);

	if (!a || nla_len(a) < (int)sizeof(*out))
		return false;
	*out = nla_get_u32(a);
	return true;
}

// The tag of a VLAN interface, 0 for any other kind.
static uint16_t link_vlan(struct nlattr *linkinfo)
{
	struct nlattr *info[IFLA_INFO_MAX + 1], *vlan[IFLA_VLAN_MAX + 1];

	if (!linkinfo || nla_parse_nested(info, IFLA_INFO_MAX, linkinfo, NULL) < 0 ||
		!info[IFLA_INFO_KIND] || nla_strcmp(info[IFLA_INFO_KIND], "vlan") != 0)
		return 0;
	if (!info[IFLA_INFO_DATA] ||
		nla_parse_nested(vlan, IFLA_VLAN_MAX, info[IFLA_INFO_DATA], NULL) < 0 ||
		!vlan[IFLA_VLAN_ID] || nla_len(vlan[IFLA_VLAN_ID]) < (int)sizeof(uint16_t))
		return KERNEL_MSG_VLAN_OTHER;
	if (vlan[IFLA_VLAN_PROTOCOL] &&
		nla_len(vlan[IFLA_VLAN_PROTOCOL]) >= (int)sizeof(uint16_t) &&
		nla_get_u16(vlan[IFLA_VLAN_PROTOCOL]) != htons(ETH_P_8021Q))
		return KERNEL_MSG_VLAN_OTHER;
	return nla_get_u16(vlan[IFLA_VLAN_ID]);
}

int kernel_msg_link(struct nlmsghdr *h, struct kernel_msg_link *out)
{
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *a;
	uint32_t mtu = 0;

	memset(out, 0, sizeof(*out));
	if (!nlmsg_valid_hdr(h, sizeof(*ifi)))
		return -EINVAL;
	// Bridges tell their ports by the same messages; those are about the bridge.
	if (ifi->ifi_family != AF_UNSPEC)
		return -ENOENT;
	attr_u32(h, sizeof(*ifi), IFLA_MTU, &mtu);
	out->ifindex = ifi->ifi_index;
	out->up = (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING);
	out->mtu = mtu_of(mtu);
	a = nlmsg_find_attr(h, sizeof(*ifi), IFLA_IFNAME);
	if (a)
		nla_strlcpy(out->name, a, sizeof(out->name));
	a = nlmsg_find_attr(h, sizeof(*ifi), IFLA_ADDRESS);
	if (a && nla_len(a) == sizeof(out->mac))
		memcpy(out->mac, nla_data(a), sizeof(out->mac));
	out->vlan = link_vlan(nlmsg_find_attr(h, sizeof(*ifi), IFLA_LINKINFO));
	return 0;
}

int kernel_msg_neigh(struct nlmsghdr *h, struct kernel_msg_neigh *out)
{
	struct rtnl_neigh *n = NULL;
	struct nl_addr *dst, *ll;
	int state;

	memset(out, 0, sizeof(*out));
	if (rtnl_neigh_parse(h, &n) < 0)
		return -EINVAL;
	dst = rtnl_neigh_get_dst(n);
	ll = rtnl_neigh_get_lladdr(n);
	out->family = family_of(rtnl_neigh_get_family(n));
	if (!out->family || !dst || (rtnl_neigh_get_flags(n) & NTF_PROXY)) {
		rtnl_neigh_put(n);
		return -ENOENT;
	}
	state = rtnl_neigh_get_state(n);
	out->ifindex = rtnl_neigh_get_ifindex(n);
	addr_copy(out->addr, dst);
	out->fixed = state >= 0 && (state & (NUD_PERMANENT | NUD_NOARP));
	out->usable = state >= 0 && (state & STATES_USABLE) && ll &&
		      nl_addr_get_len(ll) == sizeof(out->lladdr);
	if (out->usable)
		memcpy(out->lladdr, nl_addr_get_binary_addr(ll), sizeof(out->lladdr));
	rtnl_neigh_put(n);
	return 0;
}

static void read_hop(struct rtnl_nexthop *nh, struct route_mirror_hop *out)
{
	struct nl_addr *gw = rtnl_route_nh_get_gateway(nh);

	if (!gw)
		gw = rtnl_route_nh_get_via(nh);
	memset(out, 0, sizeof(*out));
	out->ifindex = rtnl_route_nh_get_ifindex(nh);
	out->dead = (rtnl_route_nh_get_flags(nh) & RTNH_F_DEAD) != 0;
	out->encap = rtnl_route_nh_get_encap_mpls_dst(nh) || rtnl_route_nh_get_newdst(nh);
	if (!gw)
		return;
	out->family = family_of(nl_addr_get_family(gw));
	// A gateway of a family that has no neighbours here: the kernel's.
	out->encap = out->encap || !out->family;
	addr_copy(out->addr, gw);
}

// libnl refuses routes with encapsulations that it does not know. Their prefix must still shadow
// shorter ones: the header and three attributes say enough for a hole.
static int read_unparsed(struct nlmsghdr *h, struct route_mirror_route *out)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *dst;

	if (!nlmsg_valid_hdr(h, sizeof(*rtm)))
		return -EINVAL;
	out->family = family_of(rtm->rtm_family);
	if (!out->family || (rtm->rtm_flags & RTM_F_CLONED))
		return -ENOENT;
	out->len = rtm->rtm_dst_len;
	out->type = rtm->rtm_type;
	out->tos = rtm->rtm_tos;
	out->table = rtm->rtm_table;
	attr_u32(h, sizeof(*rtm), RTA_TABLE, &out->table);
	attr_u32(h, sizeof(*rtm), RTA_PRIORITY, &out->prio);
	dst = nlmsg_find_attr(h, sizeof(*rtm), RTA_DST);
	if (dst && nla_len(dst) <= (int)sizeof(out->addr))
		memcpy(out->addr, nla_data(dst), (size_t)nla_len(dst));
	return 0;
}

static void read_route(struct rtnl_route *r, struct route_mirror_route *out)
{
	struct nl_addr *dst = rtnl_route_get_dst(r), *src = rtnl_route_get_src(r);
	uint32_t mtu = 0;
	int i, n;

	addr_copy(out->addr, dst);
	out->len = dst ? (uint8_t)nl_addr_get_prefixlen(dst) : 0;
	if (src) {
		addr_copy(out->source, src);
		out->source_len = (uint8_t)nl_addr_get_prefixlen(src);
	}
	out->type = rtnl_route_get_type(r);
	out->tos = rtnl_route_get_tos(r);
	out->table = rtnl_route_get_table(r);
	out->prio = rtnl_route_get_priority(r);
	if (rtnl_route_get_metric(r, RTAX_MTU, &mtu) == 0)
		out->mtu = mtu_of(mtu);
	n = rtnl_route_get_nnexthops(r);
	for (i = 0; i < n && i < ROUTE_MIRROR_HOPS; i++)
		read_hop(rtnl_route_nexthop_n(r, i), &out->hops[i]);
	out->hop_count = (unsigned int)i;
}

struct rtnl_route *kernel_msg_route_make(
	int ifindex, uint8_t family, const uint8_t *addr, uint8_t len)
{
	int af = family == 6 ? AF_INET6 : AF_INET;
	struct nl_addr *dst = nl_addr_build(af, addr, family == 6 ? 16 : 4);
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	struct rtnl_route *r = rtnl_route_alloc();

	if (!dst || !nh || !r) {
		nl_addr_put(dst);
		rtnl_route_nh_free(nh);
		rtnl_route_put(r);
		return NULL;
	}
	nl_addr_set_prefixlen(dst, len);
	rtnl_route_set_family(r, (uint8_t)af);
	rtnl_route_set_dst(r, dst); // cannot fail: it has the route's family
	nl_addr_put(dst);
	rtnl_route_set_table(r, RT_TABLE_MAIN);
	rtnl_route_set_type(r, RTN_UNICAST);
	rtnl_route_set_protocol(r, KERNEL_MSG_PROTOCOL);
	rtnl_route_set_scope(r, family == 6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	rtnl_route_nh_set_ifindex(nh, ifindex);
	rtnl_route_add_nexthop(r, nh);
	return r;
}

int kernel_msg_route(struct nlmsghdr *h, struct route_mirror_route *out)
{
	struct rtnl_route *r = NULL;

	memset(out, 0, sizeof(*out));
	if (rtnl_route_parse(h, &r) < 0)
		return read_unparsed(h, out);
	out->family = family_of(rtnl_route_get_family(r));
	if (!out->family || (rtnl_route_get_flags(r) & RTM_F_CLONED)) {
		rtnl_route_put(r);
		return -ENOENT;
	}
	read_route(r, out);
	rtnl_route_put(r);
	return out->len <= (out->family == 6 ? 128 : 32) ? 0 : -EINVAL;
}

int kernel_msg_rule(struct nlmsghdr *h, struct kernel_msg_rule *out)
{
	// With any of these the rule is for some packets only.
	static const int selectors[] = {FRA_FWMARK, FRA_IIFNAME, FRA_OIFNAME, FRA_IP_PROTO,
		FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_UID_RANGE, FRA_TUN_ID, FRA_L3MDEV};
	const struct fib_rule_hdr *r = nlmsg_data(h);
	size_t i;

	memset(out, 0, sizeof(*out));
	if (!nlmsg_valid_hdr(h, sizeof(*r)))
		return -EINVAL;
	out->family = family_of(r->family);
	if (!out->family)
		return -ENOENT;
	out->table = r->table;
	attr_u32(h, sizeof(*r), FRA_TABLE, &out->table);
	attr_u32(h, sizeof(*r), FRA_PRIORITY, &out->prio);
	out->is_default = r->action == FR_ACT_TO_TBL && !r->src_len && !r->dst_len && !r->tos &&
			  !(r->flags & FIB_RULE_INVERT) &&
			  ((out->prio == 0 && out->table == RT_TABLE_LOCAL) ||
				  (out->prio == RULE_PRIO_MAIN && out->table == RT_TABLE_MAIN) ||
				  (out->prio == RULE_PRIO_DEFAULT &&
					  out->table == RT_TABLE_DEFAULT));
	for (i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
		if (nlmsg_find_attr(h, sizeof(*r), selectors[i]))
			out->is_default = false;
	return 0;
}
