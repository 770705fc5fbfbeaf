// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Finds rules that forwarded packets would meet in the kernel and that the fast path goes around:
// base chains of nftables (which is what iptables-nft makes, too) and tables of legacy iptables. And
// whether the kernel forwards at all.

#include "control/routing/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/netns.h"

#define ANSWER_TIMEOUT_S 2

// The hooks that a forwarded packet passes.
static const struct {
	unsigned int hook;
	const char *name;
} hooks[] = {{NF_INET_PRE_ROUTING, "prerouting"}, {NF_INET_FORWARD, "forward"},
	{NF_INET_POST_ROUTING, "postrouting"}};

struct found {
	char *text;
	size_t size;
	bool any;
};

// --- nftables ---

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL; // arp, bridge, netdev: not on the way of a forwarded packet
	}
}

static bool hook_forwards(const struct nlattr *hook_attr)
{
	struct nlattr *tb[NFTA_HOOK_MAX + 1];
	unsigned int hook;
	size_t i;

	if (nla_parse_nested(tb, NFTA_HOOK_MAX, (struct nlattr *)hook_attr, NULL) < 0 ||
		!tb[NFTA_HOOK_HOOKNUM])
		return false;
	hook = ntohl(nla_get_u32(tb[NFTA_HOOK_HOOKNUM]));
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (hooks[i].hook == hook)
			return true;
	return false;
}

// A base chain matters when it has rules, or drops by its policy.
static void input_chain(struct nlmsghdr *h, struct found *found)
{
	const struct nfgenmsg *gen = nlmsg_data(h);
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	const char *family;
	uint32_t rules, policy;

	if (nlmsg_parse(h, sizeof(*gen), tb, NFTA_CHAIN_MAX, NULL) < 0)
		return;
	family = family_name(gen->nfgen_family);
	if (!family || !tb[NFTA_CHAIN_HOOK] || !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME] ||
		!hook_forwards(tb[NFTA_CHAIN_HOOK]))
		return;
	rules = tb[NFTA_CHAIN_USE] ? ntohl(nla_get_u32(tb[NFTA_CHAIN_USE])) : 0;
	policy = tb[NFTA_CHAIN_POLICY] ? ntohl(nla_get_u32(tb[NFTA_CHAIN_POLICY])) : NF_ACCEPT;
	if (!rules && policy == NF_ACCEPT)
		return;
	if (!found->any)
		snprintf(found->text, found->size, "nftables chain %s %s/%s", family,
			nla_get_string(tb[NFTA_CHAIN_TABLE]), nla_get_string(tb[NFTA_CHAIN_NAME]));
	found->any = true;
}

// Reads one datagram of the dump. 1: more to come, 0: done, -errno.
static int input_dump(struct nl_sock *sk, struct found *found)
{
	struct sockaddr_nl from = {0};
	unsigned char *buf = NULL;
	int len, rc = 1;

	len = nl_recv(sk, &from, &buf, NULL);
	if (len <= 0)
		return -EIO;
	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; nlmsg_ok(h, len);
		h = nlmsg_next(h, &len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			rc = 0;
		else if (h->nlmsg_type == NLMSG_ERROR)
			rc = ((struct nlmsgerr *)nlmsg_data(h))->error;
		else
			input_chain(h, found);
	}
	free(buf);
	return rc;
}

static int nftables_check(struct found *found)
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	struct nfgenmsg gen = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	struct nl_sock *sk = nl_socket_alloc();
	int rc = -ENOMEM;

	if (!sk)
		return rc;
	rc = nl_connect(sk, NETLINK_NETFILTER);
	// A kernel without netfilter has no rules either.
	if (rc < 0) {
		nl_socket_free(sk);
		return rc == -NLE_PROTO_MISMATCH ? 0 : -EIO;
	}
	(void)setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	rc = nl_send_simple(
		sk, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &gen, sizeof(gen));
	for (rc = rc < 0 ? -EIO : 1; rc > 0;)
		rc = input_dump(sk, found);
	nl_socket_free(sk);
	// -EINVAL, -EOPNOTSUPP: this kernel has no nftables.
	return rc == -EINVAL || rc == -EOPNOTSUPP ? 0 : rc;
}

// --- legacy iptables ---

// The kernel's answers for IPv4 and IPv6 differ only in their entries, which are not read: a chain
// without rules is one whose first entry is already its policy.
static bool chain_has_rules(const struct ipt_getinfo *info, unsigned int hook)
{
	return (info->valid_hooks & (1u << hook)) &&
	       info->hook_entry[hook] != info->underflow[hook];
}

static int table_info(int fd, uint8_t family, const char *table, struct ipt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo),
		"both are struct xt_getinfo in all but name");
	memset(info, 0, sizeof(*info));
	memcpy(info->name, table, strnlen(table, sizeof(info->name) - 1));
	return getsockopt(fd, family == 6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       family == 6 ? IP6T_SO_GET_INFO : IPT_SO_GET_INFO, info, &len) < 0
		       ? -errno
		       : 0;
}

// Policy of a built-in chain: the verdict of the entry at its underflow. An entry's head differs
// between the families, so that each has its own reading.
static bool policy_drops(int fd, const struct ipt_getinfo *info, uint8_t family, unsigned int hook)
{
	socklen_t len = (socklen_t)(sizeof(struct ipt_get_entries) + info->size);
	struct ipt_get_entries *get = calloc(1, len);
	const struct xt_standard_target *target;
	size_t at = info->underflow[hook];
	bool drops = false;

	if (!get)
		return true; // unknown: better one warning too many
	memcpy(get->name, info->name, sizeof(get->name));
	get->size = info->size;
	if (getsockopt(fd, family == 6 ? IPPROTO_IPV6 : IPPROTO_IP,
		    family == 6 ? IP6T_SO_GET_ENTRIES : IPT_SO_GET_ENTRIES, get, &len) == 0) {
		at += family == 6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
		if (at + sizeof(*target) <= info->size) {
			target = (const void *)((const uint8_t *)get->entrytable + at);
			drops = target->verdict == -NF_DROP - 1;
		}
	}
	free(get);
	return drops;
}

static void table_check(int fd, uint8_t family, const char *table, struct found *found)
{
	struct ipt_getinfo info;
	size_t i;

	if (table_info(fd, family, table, &info) < 0)
		return;
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && !found->any; i++) {
		unsigned int hook = hooks[i].hook;

		if (!(info.valid_hooks & (1u << hook)) ||
			(!chain_has_rules(&info, hook) && !policy_drops(fd, &info, family, hook)))
			continue;
		snprintf(found->text, found->size, "%s chain %s/%s",
			family == 6 ? "ip6tables" : "iptables", table, hooks[i].name);
		found->any = true;
	}
}

// Only tables that this namespace already uses are asked for: asking would make them.
static int legacy_check(uint8_t family, struct found *found)
{
	FILE *names = fopen(family == 6 ? "/proc/thread-self/net/ip6_tables_names"
					: "/proc/thread-self/net/ip_tables_names",
		"re");
	char table[XT_TABLE_MAXNAMELEN + 1];
	int fd;

	if (!names)
		return 0; // the kernel has no legacy tables
	fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) {
		fclose(names);
		return -errno;
	}
	while (!found->any && fgets(table, sizeof(table), names)) {
		table[strcspn(table, "\n")] = '\0';
		table_check(fd, family, table, found);
	}
	close(fd);
	fclose(names);
	return 0;
}

int kernel_rules_check(const char *netns, char *text, size_t size)
{
	struct found found = {.text = text, .size = size};
	int token = netns_enter(netns), rc;

	if (token < 0)
		return token;
	rc = nftables_check(&found);
	if (rc == 0 && !found.any)
		rc = legacy_check(4, &found);
	if (rc == 0 && !found.any)
		rc = legacy_check(6, &found);
	netns_leave(token);
	return rc < 0 ? rc : found.any;
}

int kernel_forwards(const char *netns, uint8_t family)
{
	int token = netns_enter(netns), rc;
	FILE *f;

	if (token < 0)
		return token;
	f = fopen(family == 6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
			      : "/proc/sys/net/ipv4/ip_forward",
		"re");
	rc = f ? fgetc(f) != '0' : -errno;
	if (f)
		fclose(f);
	netns_leave(token);
	return rc;
}
