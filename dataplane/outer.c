// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/outer.h"

#include "dataplane/csum.h"
#include "dataplane/pkt.h"
#include "dataplane/proto.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include <netinet/in.h>

static enum outer_verdict udp_parse(
	const uint8_t *data, uint32_t off, uint32_t end, struct outer *o)
{
	uint32_t udp_len;

	if (end - off < OUTER_UDP_BYTES)
		return OUTER_TRUNCATED;
	memcpy(&o->src_port_be, data + off, 2);
	memcpy(&o->dst_port_be, data + off + 2, 2);
	udp_len = frame_be16(data + off + 4);
	if (udp_len < OUTER_UDP_BYTES || udp_len > end - off)
		return OUTER_TRUNCATED;
	o->payload_off = (uint16_t)(off + OUTER_UDP_BYTES);
	o->payload_len = (uint16_t)(udp_len - OUTER_UDP_BYTES);
	if (o->payload_len == 0 || !proto_is_data(data[o->payload_off]))
		return OUTER_OTHER;
	return OUTER_DATA;
}

static enum outer_verdict ip4_parse(
	const uint8_t *data, uint32_t len, uint32_t off, struct outer *o)
{
	const uint8_t *ip = data + off;
	uint32_t total;

	if (len - off < OUTER_IP4_BYTES)
		return OUTER_TRUNCATED;
	if (ip[0] >> 4 != 4 || (ip[0] & 0xf) < 5)
		return OUTER_BAD_IP;
	if (ip[0] != 0x45)
		return OUTER_OTHER; // options
	total = frame_be16(ip + 2);
	if (total < OUTER_IP4_BYTES)
		return OUTER_BAD_IP;
	if (total > len - off)
		return OUTER_TRUNCATED;
	if (csum_ip4(ip, 5) != 0)
		return OUTER_BAD_IP;
	if (frame_be16(ip + 6) & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return OUTER_FRAGMENT;
	if (ip[9] != IPPROTO_UDP)
		return OUTER_OTHER;
	o->tos = ip[1];
	o->ip_len = OUTER_IP4_BYTES;
	o->src = ip + 12;
	o->dst = ip + 16;
	return udp_parse(data, off + OUTER_IP4_BYTES, off + total, o);
}

static enum outer_verdict ip6_parse(
	const uint8_t *data, uint32_t len, uint32_t off, struct outer *o)
{
	const uint8_t *ip = data + off;
	uint32_t total;

	if (len - off < OUTER_IP6_BYTES)
		return OUTER_TRUNCATED;
	if (ip[0] >> 4 != 6)
		return OUTER_BAD_IP;
	total = OUTER_IP6_BYTES + (uint32_t)frame_be16(ip + 4);
	if (total > len - off)
		return OUTER_TRUNCATED;
	if (ip[6] == IPPROTO_FRAGMENT)
		return OUTER_FRAGMENT;
	if (ip[6] != IPPROTO_UDP)
		return OUTER_OTHER;
	o->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	o->ip_len = OUTER_IP6_BYTES;
	o->src = ip + 8;
	o->dst = ip + 24;
	return udp_parse(data, off + OUTER_IP6_BYTES, off + total, o);
}

enum outer_verdict outer_parse(
	const uint8_t *data, uint32_t len, const struct frame *f, struct outer *o)
{
	o->family = f->family;
	if (f->family == 4)
		return ip4_parse(data, len, f->l2_len, o);
	if (f->family == 6)
		return ip6_parse(data, len, f->l2_len, o);
	return OUTER_OTHER;
}

void outer_link_init(struct peer_link *link, uint8_t family, const uint8_t *local,
	rte_be16_t local_port_be, const uint8_t *remote, rte_be16_t remote_port_be)
{
	unsigned int addr_len = family == 4 ? 4 : 16;
	uint8_t *ip = link->hdr, *udp;

	memset(link->hdr, 0, sizeof(link->hdr));
	memset(link->remote_addr, 0, sizeof(link->remote_addr));
	link->family = family;
	link->path_mtu = UINT16_MAX;
	if (family == 4) {
		ip[0] = 0x45;
		ip[8] = OUTER_TTL;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, local, 4);
		memcpy(ip + 16, remote, 4);
		udp = ip + OUTER_IP4_BYTES;
	} else {
		ip[0] = 0x60;
		ip[6] = IPPROTO_UDP;
		ip[7] = OUTER_TTL;
		memcpy(ip + 8, local, 16);
		memcpy(ip + 24, remote, 16);
		udp = ip + OUTER_IP6_BYTES;
	}
	memcpy(udp, &local_port_be, 2);
	memcpy(udp + 2, &remote_port_be, 2);
	link->hdr_len = (uint8_t)(udp + OUTER_UDP_BYTES - ip);
	link->pseudo_sum = csum_fold(csum_pseudo(family, local, remote, IPPROTO_UDP));
	memcpy(link->remote_addr, remote, addr_len);
	link->remote_port_be = remote_port_be;
}

// The UDP checksum field; payload and UDP header follow each other, the field is zero.
static uint16_t udp_csum(const struct peer_link *link, const uint8_t *udp, uint16_t udp_len)
{
	uint64_t sum = link->pseudo_sum + (uint64_t)rte_cpu_to_be_16(udp_len);
	uint16_t field = (uint16_t)~csum_fold(sum + csum_partial(udp, udp_len));

	return field ? field : 0xffff; // 0 would mean "none"
}

// All but the two checksums.
static void header_fill(
	uint8_t *ip, const struct peer_link *link, uint8_t tos, uint16_t ip_id, uint16_t payload)
{
	rte_be16_t udp_len_be = rte_cpu_to_be_16(payload + OUTER_UDP_BYTES), v;

	if (link->family == 4) {
		memcpy(ip, link->hdr, OUTER_IP4_BYTES + OUTER_UDP_BYTES);
		ip[1] = tos;
		v = rte_cpu_to_be_16(payload + link->hdr_len);
		memcpy(ip + 2, &v, 2);
		v = rte_cpu_to_be_16(ip_id);
		memcpy(ip + 4, &v, 2);
	} else {
		memcpy(ip, link->hdr, OUTER_IP6_BYTES + OUTER_UDP_BYTES);
		ip[0] = (uint8_t)(0x60 | tos >> 4);
		ip[1] = (uint8_t)(tos << 4);
		memcpy(ip + 4, &udp_len_be, 2);
	}
	memcpy(ip + link->hdr_len - 4, &udp_len_be, 2);
}

static void ip4_csum_write(uint8_t *ip)
{
	uint16_t v = csum_ip4(ip, 5);

	memcpy(ip + 10, &v, 2);
}

void outer_header_write(
	uint8_t *ip, const struct peer_link *link, uint8_t tos, uint16_t ip_id, uint16_t payload)
{
	header_fill(ip, link, tos, ip_id, payload);
	if (link->family == 4)
		ip4_csum_write(ip);
}

void outer_build(struct rte_mbuf *m, const struct peer_link *link, uint8_t tos, uint16_t ip_id,
	enum outer_csum csum, bool ip_offload)
{
	uint16_t payload = m->data_len, udp_len = payload + OUTER_UDP_BYTES, field = 0;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, link->hdr_len);

	header_fill(ip, link, tos, ip_id, payload);
	m->ol_flags = 0;
	if (link->family == 4 && ip_offload)
		m->ol_flags = RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4;
	else if (link->family == 4)
		ip4_csum_write(ip);
	if (csum == OUTER_CSUM_SOFTWARE || (csum == OUTER_CSUM_ZERO && link->family == 6)) {
		field = udp_csum(link, ip + link->hdr_len - OUTER_UDP_BYTES, udp_len);
	} else if (csum == OUTER_CSUM_OFFLOAD) {
		// What the port wants to find there: the pseudo header's sum, length included.
		field = csum_fold((uint64_t)link->pseudo_sum + rte_cpu_to_be_16(udp_len));
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM |
			       (link->family == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
	}
	m->l3_len = link->hdr_len - OUTER_UDP_BYTES; // for either offload
	memcpy(ip + link->hdr_len - 2, &field, 2);
}

// A piece of the original behind a copy of its IP header; ip6 adds a fragment header.
static void fragment_fill(struct rte_mbuf *f, const struct rte_mbuf *m, uint16_t hdr_len,
	uint16_t off, uint16_t len, bool last, uint32_t id)
{
	const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t *ip = rte_pktmbuf_mtod(f, uint8_t *);
	bool v6 = hdr_len == OUTER_IP6_BYTES;
	uint16_t out_hdr = v6 ? hdr_len + RTE_IPV6_FRAG_HDR_SIZE : hdr_len;
	rte_be16_t v;

	memcpy(ip, from, hdr_len);
	memcpy(ip + out_hdr, from + hdr_len + off, len);
	if (v6) {
		rte_be32_t id_be = rte_cpu_to_be_32(id);

		v = rte_cpu_to_be_16(len + RTE_IPV6_FRAG_HDR_SIZE);
		memcpy(ip + 4, &v, 2);
		ip[6] = IPPROTO_FRAGMENT;
		ip[40] = IPPROTO_UDP;
		ip[41] = 0;
		v = rte_cpu_to_be_16(off | (last ? 0 : 1));
		memcpy(ip + 42, &v, 2);
		memcpy(ip + 44, &id_be, 4);
	} else {
		v = rte_cpu_to_be_16(len + hdr_len);
		memcpy(ip + 2, &v, 2);
		v = rte_cpu_to_be_16(off / 8 | (last ? 0 : RTE_IPV4_HDR_MF_FLAG));
		memcpy(ip + 6, &v, 2);
		memset(ip + 10, 0, 2);
		ip4_csum_write(ip);
	}
	f->data_len = out_hdr + len;
	f->pkt_len = f->data_len;
	f->port = m->port;
	memcpy(rte_mbuf_to_priv(f), rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)m),
		sizeof(struct pkt));
}

unsigned int outer_fragment(const struct rte_mbuf *m, struct rte_mempool *pool, uint16_t mtu,
	uint32_t id, struct rte_mbuf *out[OUTER_FRAGMENTS_MAX])
{
	bool v6 = *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 6;
	uint16_t hdr_len = v6 ? OUTER_IP6_BYTES : OUTER_IP4_BYTES;
	uint16_t overhead = v6 ? hdr_len + RTE_IPV6_FRAG_HDR_SIZE : hdr_len;
	uint16_t payload = m->data_len - hdr_len, step, off = 0;
	uint16_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
	unsigned int n = 0;

	mtu = RTE_MIN(mtu, room);
	if (mtu < overhead + 8)
		return 0;
	step = (mtu - overhead) & ~7;
	// Counted instead of divided.
	for (uint32_t covered = 0; covered < payload; covered += step)
		if (++n > OUTER_FRAGMENTS_MAX)
			return 0;
	if (rte_pktmbuf_alloc_bulk(pool, out, n) != 0)
		return 0;
	for (unsigned int i = 0; i < n; i++, off += step) {
		bool last = i + 1 == n;

		fragment_fill(out[i], m, hdr_len, off, last ? payload - off : step, last, id);
	}
	return n;
}
