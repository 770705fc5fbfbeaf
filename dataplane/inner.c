// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/inner.h"

#include "dataplane/csum.h"
#include "dataplane/proto.h"

#include <rte_branch_prediction.h>

#include <netinet/in.h>

#define IP4_HDR_BYTES 20
#define IP6_HDR_BYTES 40
#define IP4_FRAGMENT_BITS 0x3fff // MF and offset
#define TCP_HDR_BYTES 20
#define TCP_CSUM_OFFSET 16
#define TCP_SYN 0x02
#define TCP_OPT_END 0
#define TCP_OPT_NOP 1
#define TCP_OPT_MSS 2
#define TCP_OPT_MSS_BYTES 4
#define UDP_HDR_BYTES 8
#define UDP_CSUM_OFFSET 6

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline void store16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

static enum inner_kind ip4_parse(const uint8_t *ip, uint32_t len, struct inner *in)
{
	uint32_t hdr_len, total;

	if (len < IP4_HDR_BYTES)
		return INNER_TRUNCATED;
	hdr_len = (ip[0] & 0xfu) * 4;
	total = get_be16(ip + 2);
	if (hdr_len < IP4_HDR_BYTES || total < hdr_len)
		return INNER_BAD_IP;
	if (total > len)
		return INNER_TRUNCATED;
	if (csum_ip4(ip, hdr_len / 4) != 0)
		return INNER_BAD_IP;
	in->family = 4;
	in->tos = ip[1];
	in->ttl = ip[8];
	in->proto = ip[9];
	in->options = hdr_len > IP4_HDR_BYTES;
	in->fragment = get_be16(ip + 6) & IP4_FRAGMENT_BITS;
	in->hdr_len = (uint16_t)hdr_len;
	in->bytes = (uint16_t)total;
	in->src = ip + 12;
	in->dst = ip + 16;
	return INNER_IP;
}

static enum inner_kind ip6_parse(const uint8_t *ip, uint32_t len, struct inner *in)
{
	uint32_t total;

	if (len < IP6_HDR_BYTES)
		return INNER_TRUNCATED;
	total = IP6_HDR_BYTES + (uint32_t)get_be16(ip + 4);
	if (total > len)
		return INNER_TRUNCATED;
	if (total > UINT16_MAX)
		return INNER_BAD_IP; // no link of ours carries it
	in->family = 6;
	in->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	in->ttl = ip[7];
	in->proto = ip[6];
	in->options = ip[6] == IPPROTO_HOPOPTS;
	in->fragment = ip[6] == IPPROTO_FRAGMENT;
	in->hdr_len = IP6_HDR_BYTES;
	in->bytes = (uint16_t)total;
	in->src = ip + 8;
	in->dst = ip + 24;
	return INNER_IP;
}

enum inner_kind inner_parse_ip(const uint8_t *data, uint32_t len, struct inner *in)
{
	if (len == 0)
		return INNER_NOT_IP;
	if (likely(data[0] >> 4 == 4))
		return ip4_parse(data, len, in);
	if (data[0] >> 4 == 6)
		return ip6_parse(data, len, in);
	return INNER_NOT_IP;
}

enum inner_kind inner_parse(const uint8_t *data, uint32_t len, struct inner *in)
{
	enum inner_kind kind = inner_parse_ip(data, len, in);

	// The messages' first nibble is 2, which is no IP version.
	if (likely(kind != INNER_NOT_IP))
		return kind;
	if (len == PROTO_PING_BYTES && memcmp(data, proto_ping, PROTO_PING_BYTES) == 0)
		return INNER_PING;
	if (len <= PROTO_OCC_MAGIC_BYTES || memcmp(data, proto_occ_magic, PROTO_OCC_MAGIC_BYTES))
		return INNER_NOT_IP;
	if (data[PROTO_OCC_MAGIC_BYTES] == PROTO_OCC_EXIT)
		return INNER_OCC_EXIT;
	return data[PROTO_OCC_MAGIC_BYTES] == PROTO_OCC_REQUEST ? INNER_OCC_REQUEST : INNER_OCC;
}

bool inner_is_multicast(const struct inner *in)
{
	uint32_t addr;

	if (in->family == 6)
		return in->dst[0] == 0xff;
	memcpy(&addr, in->dst, 4);
	return in->dst[0] >= 224 || addr == 0;
}

// Lowers the value at opt, which is at an odd place of the header as often as not: then its bytes
// are halves of two words, and the update works on the swapped value.
static void mss_lower(uint8_t *tcp, uint8_t *opt, uint16_t mss)
{
	uint16_t old = load16(opt), new;

	opt[0] = (uint8_t)(mss >> 8);
	opt[1] = (uint8_t)mss;
	new = load16(opt);
	if ((opt - tcp) & 1) {
		old = rte_bswap16(old);
		new = rte_bswap16(new);
	}
	store16(tcp + TCP_CSUM_OFFSET, csum_update(load16(tcp + TCP_CSUM_OFFSET), old, new));
}

bool inner_mss_clamp(uint8_t *ip, const struct inner *in, uint16_t mss)
{
	uint8_t *tcp = ip + in->hdr_len;
	unsigned int room = in->bytes - in->hdr_len, end;

	if (likely(in->proto != IPPROTO_TCP) || in->fragment || mss == 0)
		return false;
	if (room < TCP_HDR_BYTES || likely(!(tcp[13] & TCP_SYN)))
		return false;
	end = (tcp[12] >> 4) * 4u;
	if (end > room)
		return false;
	if (in->family == 6)
		mss = mss > 20 ? mss - 20 : 1;
	for (unsigned int i = TCP_HDR_BYTES, len; i < end; i += len) {
		if (tcp[i] == TCP_OPT_END)
			return false;
		if (tcp[i] == TCP_OPT_NOP) {
			len = 1;
			continue;
		}
		if (i + 1 >= end)
			return false;
		len = tcp[i + 1];
		if (len < 2 || i + len > end)
			return false;
		if (tcp[i] != TCP_OPT_MSS || len != TCP_OPT_MSS_BYTES)
			continue;
		if (get_be16(tcp + i + 2) <= mss)
			return false;
		mss_lower(tcp, tcp + i + 2, mss);
		return true;
	}
	return false;
}

void inner_ttl_decrement(uint8_t *ip, uint8_t family)
{
	uint16_t old;

	if (family == 6) {
		ip[7]--;
		return;
	}
	old = load16(ip + 8); // TTL and protocol
	ip[8]--;
	store16(ip + 10, csum_update(load16(ip + 10), old, load16(ip + 8)));
}

bool inner_csum_complete(uint8_t *ip, const struct inner *in)
{
	uint16_t len = in->bytes - in->hdr_len, field, sum;
	unsigned int at;
	uint64_t pseudo;

	if (in->fragment)
		return false;
	if (in->proto == IPPROTO_TCP && len >= TCP_HDR_BYTES)
		at = TCP_CSUM_OFFSET;
	else if (in->proto == IPPROTO_UDP && len >= UDP_HDR_BYTES)
		at = UDP_CSUM_OFFSET;
	else
		return false;
	pseudo = csum_pseudo(in->family, in->src, in->dst, in->proto) + rte_cpu_to_be_16(len);
	field = load16(ip + in->hdr_len + at);
	if (likely(field != csum_fold(pseudo)))
		return false;
	// One finished checksum in 65536 looks like that too: then the whole sums up to all ones.
	sum = csum_fold(pseudo + csum_partial(ip + in->hdr_len, len));
	if (sum == 0xffff)
		return false;
	// The sum includes the field, which holds the pseudo header's sum once more.
	sum = (uint16_t)~csum_fold((uint64_t)sum + (uint16_t)~field);
	if (sum == 0 && in->proto == IPPROTO_UDP)
		sum = 0xffff;
	store16(ip + in->hdr_len + at, sum);
	return true;
}

uint8_t inner_tos_encap(uint8_t inner_tos, bool copy_dscp, bool ecn_compat)
{
	uint8_t tos = copy_dscp ? inner_tos & ~INNER_ECN_MASK : 0;

	return ecn_compat ? tos : tos | (inner_tos & INNER_ECN_MASK);
}

static void ecn_set(uint8_t *ip, struct inner *in, uint8_t ecn)
{
	uint16_t old;

	in->tos = (uint8_t)((in->tos & ~INNER_ECN_MASK) | ecn);
	if (in->family == 6) {
		ip[1] = (uint8_t)((ip[1] & 0x0f) | in->tos << 4);
		return;
	}
	old = load16(ip);
	ip[1] = in->tos;
	store16(ip + 10, csum_update(load16(ip + 10), old, load16(ip)));
}

bool inner_ecn_decap(uint8_t *ip, struct inner *in, uint8_t outer_tos)
{
	uint8_t outer = outer_tos & INNER_ECN_MASK, inner = in->tos & INNER_ECN_MASK;

	if (likely(outer == INNER_ECN_NOT_ECT || outer == INNER_ECN_ECT0))
		return true;
	if (inner == INNER_ECN_NOT_ECT)
		return outer != INNER_ECN_CE;
	if (outer == INNER_ECN_CE && inner != INNER_ECN_CE)
		ecn_set(ip, in, INNER_ECN_CE);
	else if (outer == INNER_ECN_ECT1 && inner == INNER_ECN_ECT0)
		ecn_set(ip, in, INNER_ECN_ECT1);
	return true;
}
