// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/icmp.h"

#include "dataplane/csum.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define ICMP_HDR_BYTES 8
#define IP4_BYTES 20
#define IP6_BYTES 40
#define FRAGMENT_BYTES 8
#define UDP_BYTES 8

// What is left of a message.
struct view {
	const uint8_t *at;
	size_t len;
};

static bool skip(struct view *v, size_t n)
{
	if (v->len < n)
		return false;
	v->at += n;
	v->len -= n;
	return true;
}

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

// UDP header and the beginning of its payload.
static bool udp_parse(const struct view *v, struct icmp_too_big *out)
{
	if (v->len < UDP_BYTES + ICMP_QUOTE_BYTES)
		return false;
	memcpy(&out->local.port_be, v->at, 2);
	memcpy(&out->remote.port_be, v->at + 2, 2);
	memcpy(out->payload, v->at + UDP_BYTES, ICMP_QUOTE_BYTES);
	return true;
}

static bool quoted4(struct view v, struct icmp_too_big *out)
{
	const uint8_t *ip = v.at;
	size_t hdr;

	if (v.len < IP4_BYTES || ip[0] >> 4 != 4)
		return false;
	hdr = (size_t)(ip[0] & 0xf) * 4;
	// A later fragment has no UDP header.
	if (hdr < IP4_BYTES || ip[9] != IPPROTO_UDP || (be16(ip + 6) & 0x1fff))
		return false;
	out->ip_bytes = be16(ip + 2);
	memcpy(out->local.addr, ip + 12, 4);
	memcpy(out->remote.addr, ip + 16, 4);
	return skip(&v, hdr) && udp_parse(&v, out);
}

static bool quoted6(struct view v, struct icmp_too_big *out)
{
	const uint8_t *ip = v.at;
	uint32_t total;
	uint8_t next;

	if (!skip(&v, IP6_BYTES) || ip[0] >> 4 != 6)
		return false;
	next = ip[6];
	if (next == IPPROTO_FRAGMENT) {
		const uint8_t *fragment = v.at;

		if (!skip(&v, FRAGMENT_BYTES) || (be16(fragment + 2) & 0xfff8))
			return false;
		next = fragment[0];
	}
	total = IP6_BYTES + (uint32_t)be16(ip + 4);
	if (next != IPPROTO_UDP || total > UINT16_MAX)
		return false;
	out->ip_bytes = (uint16_t)total;
	memcpy(out->local.addr, ip + 8, 16);
	memcpy(out->remote.addr, ip + 24, 16);
	return udp_parse(&v, out);
}

static bool message4(struct view v, struct icmp_too_big *out)
{
	size_t hdr;

	if (v.len < IP4_BYTES || v.at[0] >> 4 != 4 || v.at[9] != IPPROTO_ICMP)
		return false;
	hdr = (size_t)(v.at[0] & 0xf) * 4;
	if (hdr < IP4_BYTES || !skip(&v, hdr) || v.len < ICMP_HDR_BYTES)
		return false;
	if (v.at[0] != ICMP_DEST_UNREACH || v.at[1] != ICMP_FRAG_NEEDED)
		return false;
	// The kernel shows a message before it looks at its checksum.
	if (csum_fold(csum_partial(v.at, (uint32_t)v.len)) != 0xffff)
		return false;
	out->mtu = be16(v.at + 6);
	return skip(&v, ICMP_HDR_BYTES) && quoted4(v, out);
}

static bool message6(struct view v, struct icmp_too_big *out)
{
	const uint8_t *icmp = v.at;

	if (!skip(&v, ICMP_HDR_BYTES) || icmp[0] != ICMP6_PACKET_TOO_BIG)
		return false;
	// 32 bits; what does not fit in 16 is no limit for us.
	out->mtu = be16(icmp + 4) ? UINT16_MAX : be16(icmp + 6);
	return quoted6(v, out);
}

bool icmp_parse(uint8_t family, const uint8_t *data, size_t len, struct icmp_too_big *out)
{
	struct view v = {data, len};

	if (len > UINT16_MAX)
		return false;
	memset(out, 0, sizeof(*out));
	out->local.family = out->remote.family = family;
	return family == 4 ? message4(v, out) : message6(v, out);
}
