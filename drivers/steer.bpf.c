// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
// Copyright (c) 2026, The Sluice authors
//
// Picks from an interface what a worker can finish by itself and leaves the rest to the kernel.
// The order of the tests is the order of the verdicts in steer.h.

#include "drivers/steer_maps.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_FRAGMENT 0x3fff // more-fragments bit and offset
#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_AUTHENTICATION 51
#define IPV6_DESTINATION 60
#define IPV6_MOBILITY 135
#define IPV6_HIP 139
#define IPV6_SHIM6 140

#define OPCODE_SHIFT 3
#define OPCODE_DATA_V1 6
#define OPCODE_DATA_V2 9

#define RATE_TRIES 4

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps"); // the name DPDK's driver looks for

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_config);
} config SEC(".maps");

// Value: when the endpoint's next control packet is due (see rate_allows).
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ENDPOINTS_MAX);
	__type(key, struct steer_endpoint_key);
	__type(value, __u64);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_CLIENTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_client_key);
	__type(value, __u8);
} clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_VLANS);
	__type(key, __u32);
	__type(value, __u8);
} vlans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STEER_PREFIXES_MAX);
	__type(key, struct steer_prefix_key);
	__type(value, __u64);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

// A packet, parsed as far as the verdict needs. Addresses point into it.
struct parsed {
	void *l4, *end; // end of the frame
	__u32 l4_bytes; // as the IP header says; the frame has at least as many
	__u16 vlan;
	__u8 family;
	__u8 protocol;
	__u8 ttl;
	__u8 is_fragment;
	__u8 has_options;
	__u8 dst[16], src[16];
};

// A leaky bucket in one word: *due is the time at which all packets so far would have been sent at
// the permitted rate. It may run ahead of the clock by the burst. Compare and swap, since an
// endpoint's packets come in on several CPUs; a packet that loses every time counts as too many.
static __always_inline int rate_allows(__u64 *due, __u64 interval, __u64 now)
{
	__u64 was, start;
	int i;

	if (interval == 0)
		return 1;
#pragma unroll
	for (i = 0; i < RATE_TRIES; i++) {
		was = *(volatile __u64 *)due;
		start = was > now ? was : now;
		if (start - now + interval > STEER_BURST_NS)
			return 0;
		if (__sync_val_compare_and_swap(due, was, start + interval) == was)
			return 1;
	}
	return 0;
}

static __always_inline int prefix_allows(const struct parsed *p, __u64 interval, __u64 now)
{
	struct steer_prefix_key key = {.family = p->family};
	__u64 *due, first = now + interval;

	if (interval == 0)
		return 1;
	__builtin_memcpy(key.addr, p->src, 3);
	if (p->family == 6)
		__builtin_memcpy(key.addr + 3, p->src + 3, 3);
	due = bpf_map_lookup_elem(&prefixes, &key);
	if (due)
		return rate_allows(due, interval, now);
	bpf_map_update_elem(&prefixes, &key, &first, BPF_NOEXIST);
	return 1;
}

static __always_inline int control_verdict(
	const struct parsed *p, __u64 *due, const struct steer_config *conf)
{
	__u64 now = bpf_ktime_get_ns();

	// The prefix first: what one source sends too much must not use up the endpoint's budget.
	if (!prefix_allows(p, conf->prefix_interval_ns, now))
		return STEER_DROP_CONTROL;
	if (!rate_allows(due, conf->control_interval_ns, now))
		return STEER_DROP_CONTROL;
	return STEER_PASS_CONTROL;
}

static __always_inline int parse_ipv4(struct parsed *p, void *l3)
{
	struct iphdr *ip = l3;
	__u32 total;

	if ((void *)(ip + 1) > p->end)
		return STEER_PASS_SHORT;
	if (ip->version != 4 || ip->ihl < 5)
		return STEER_PASS_OTHER;
	total = bpf_ntohs(ip->tot_len);
	if (total < ip->ihl * 4 || l3 + total > p->end)
		return STEER_PASS_SHORT;
	p->family = 4;
	p->has_options = ip->ihl > 5;
	p->is_fragment = (ip->frag_off & bpf_htons(IPV4_FRAGMENT)) != 0;
	p->protocol = ip->protocol;
	p->ttl = ip->ttl;
	__builtin_memcpy(p->src, &ip->saddr, 4);
	__builtin_memcpy(p->dst, &ip->daddr, 4);
	p->l4 = ip + 1;
	p->l4_bytes = total - sizeof(*ip);
	return -1;
}

static __always_inline int parse_ipv6(struct parsed *p, void *l3)
{
	struct ipv6hdr *ip = l3;

	if ((void *)(ip + 1) > p->end)
		return STEER_PASS_SHORT;
	if (ip->version != 6)
		return STEER_PASS_OTHER;
	p->l4_bytes = bpf_ntohs(ip->payload_len);
	p->l4 = ip + 1;
	if (p->l4 + p->l4_bytes > p->end)
		return STEER_PASS_SHORT;
	p->family = 6;
	p->protocol = ip->nexthdr;
	p->ttl = ip->hop_limit;
	__builtin_memcpy(p->src, &ip->saddr, 16);
	__builtin_memcpy(p->dst, &ip->daddr, 16);
	switch (ip->nexthdr) {
	case IPV6_FRAGMENT:
		p->is_fragment = 1;
		break;
	case IPV6_HOP_BY_HOP:
	case IPV6_ROUTING:
	case IPV6_AUTHENTICATION:
	case IPV6_DESTINATION:
	case IPV6_MOBILITY:
	case IPV6_HIP:
	case IPV6_SHIM6:
		p->has_options = 1;
	}
	return -1;
}

// There is no memcmp() here.
static __always_inline int is_same_mac(const __u8 *a, const __u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		 (a[5] ^ b[5]));
}

// A verdict, or -1 and the packet is an IP packet for this machine's MAC on a VLAN of ours.
static __always_inline int parse(
	struct parsed *p, struct xdp_md *ctx, const struct steer_config *conf)
{
	void *data = (void *)(long)ctx->data;
	struct ethhdr *eth = data;
	__u8 *known;
	__be16 type, tag[2];
	__u32 vlan = 0;
	void *l3 = eth + 1;

	p->end = (void *)(long)ctx->data_end;
	if (l3 > p->end)
		return STEER_PASS_SHORT;
	if (!is_same_mac(eth->h_dest, conf->mac))
		return STEER_PASS_MAC;
	type = eth->h_proto;
	if (type == bpf_htons(ETH_P_8021Q)) {
		if (l3 + sizeof(tag) > p->end)
			return STEER_PASS_SHORT;
		__builtin_memcpy(tag, l3, sizeof(tag));
		l3 += sizeof(tag);
		vlan = bpf_ntohs(tag[0]) & (STEER_VLANS - 1);
		type = tag[1];
		// A priority tag: neither untagged nor in a VLAN.
		if (vlan == 0)
			return STEER_PASS_VLAN;
	}
	if (type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6))
		return STEER_PASS_OTHER;
	known = bpf_map_lookup_elem(&vlans, &vlan);
	if (!known || !*known)
		return STEER_PASS_VLAN;
	p->vlan = vlan;
	return type == bpf_htons(ETH_P_IP) ? parse_ipv4(p, l3) : parse_ipv6(p, l3);
}

// -1: not a datagram to an endpoint of ours.
static __always_inline int link_verdict(struct parsed *p, const struct steer_config *conf)
{
	struct steer_endpoint_key key = {.vlan = bpf_htons(p->vlan), .family = p->family};
	struct udphdr *udp = p->l4;
	__u8 *opcode = (__u8 *)(udp + 1);
	__u32 bytes;
	__u64 *due;

	// An IPv6 fragment has its protocol behind the fragment header.
	if (p->is_fragment && (p->protocol == IPPROTO_UDP || p->protocol == IPV6_FRAGMENT))
		return STEER_PASS_FRAGMENT;
	if (p->protocol != IPPROTO_UDP)
		return -1;
	if ((void *)(udp + 1) > p->end || p->l4_bytes < sizeof(*udp))
		return STEER_PASS_SHORT;
	__builtin_memcpy(key.addr, p->dst, 16);
	key.port = udp->dest;
	due = bpf_map_lookup_elem(&endpoints, &key);
	if (!due)
		return -1;
	bytes = bpf_ntohs(udp->len);
	if (bytes < sizeof(*udp) || bytes > p->l4_bytes)
		return STEER_PASS_SHORT;
	// An empty datagram reaches the same socket as a control packet, so the same limit holds.
	if (bytes == sizeof(*udp) || (void *)(opcode + 1) > p->end)
		return control_verdict(p, due, conf);
	if (*opcode >> OPCODE_SHIFT == OPCODE_DATA_V1 || *opcode >> OPCODE_SHIFT == OPCODE_DATA_V2)
		return STEER_REDIRECT;
	return control_verdict(p, due, conf);
}

// -1: not to a client.
static __always_inline int vpn_verdict(const struct parsed *p)
{
	struct steer_client_key key = {
		.prefix_bits = STEER_CLIENT_FIXED_BITS + (p->family == 4 ? 32 : 128),
		.vlan = bpf_htons(p->vlan),
		.family = p->family,
	};

	__builtin_memcpy(key.addr, p->dst, 16);
	if (!bpf_map_lookup_elem(&clients, &key))
		return -1;
	// The sender is told by the kernel.
	return p->ttl <= 1 ? STEER_PASS_TTL : STEER_REDIRECT;
}

static __always_inline int verdict_of(struct xdp_md *ctx)
{
	struct steer_config *conf;
	struct parsed p = {0};
	__u32 zero = 0;
	int v;

	conf = bpf_map_lookup_elem(&config, &zero);
	if (!conf || conf->sides == 0)
		return STEER_PASS_OTHER;
	v = parse(&p, ctx, conf);
	if (v >= 0)
		return v;
	if (p.has_options)
		return STEER_PASS_OPTIONS;
	if (conf->sides & STEER_LINK) {
		v = link_verdict(&p, conf);
		// On a port that is both sides, a fragment may be a client's.
		if (v >= 0 && !(v == STEER_PASS_FRAGMENT && conf->sides & STEER_VPN))
			return v;
	}
	if (conf->sides & STEER_VPN) {
		int to_client = vpn_verdict(&p);

		if (to_client >= 0)
			return to_client;
	}
	return v >= 0 ? v : STEER_PASS_OTHER;
}

SEC("xdp")
int sluice_steer(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index;
	__u32 v = verdict_of(ctx);
	__u64 *count;

	if (v == STEER_REDIRECT && !bpf_map_lookup_elem(&xsks_map, &queue))
		v = STEER_PASS_NO_SOCKET;
	count = bpf_map_lookup_elem(&verdicts, &v);
	if (count)
		(*count)++;
	if (v == STEER_REDIRECT)
		return bpf_redirect_map(&xsks_map, queue, XDP_PASS);
	return v == STEER_DROP_CONTROL ? XDP_DROP : XDP_PASS;
}
