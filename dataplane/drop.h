// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The one list of ways to lose a packet: it makes the enum, the counter names of the API and
// the table in docs/. Every reason has a path test.
#pragma once

// X(NAME, counter name, what happened)
#define DROP_REASONS(X) \
	X(TRUNCATED, "truncated", "frame shorter than its headers say") \
	X(BAD_IP, "bad_ip", "IP header invalid: version, length or checksum") \
	X(NOT_OURS, "not_ours", \
		"frame for another host, on a port without an exception interface") \
	X(FRAGMENT, "fragment", "IP fragment on a port without an exception interface") \
	X(NO_ENDPOINT, "no_endpoint", "UDP datagram to an address and port no gateway listens on") \
	X(NO_PEER, "no_peer", "peer id, or client address, not in use") \
	X(WRONG_GATEWAY, "wrong_gateway", "peer id belongs to another gateway or endpoint") \
	X(UNBOUND, "unbound", "too many packets from addresses their peer is not bound to") \
	X(NO_KEY, "no_key", "key id matches neither key slot") \
	X(SHORT, "short", "data packet shorter than its format's least, or not whole blocks") \
	X(EPOCH, "epoch", "epoch format: no key of the packet's epoch, or no P_DATA_V2") \
	X(OVERLOAD, "overload", \
		"worker saturated: dropped before the cipher by its gateway's share") \
	X(AUTH, "auth", "tag or HMAC mismatch") \
	X(BAD_PADDING, "bad_padding", "CBC packet, authentic, with wrong padding or no packet id") \
	X(REPLAY, "replay", "packet id seen before, zero, or older than the replay window") \
	X(COMPRESSED, "compressed", \
		"compressed payload, or one without the framing agreed with the client") \
	X(BAD_INNER, "bad_inner", "decrypted payload is neither IP nor a known message") \
	X(SPOOF, "spoof", "inner source address does not belong to the client") \
	X(CLIENT_TO_CLIENT, "client_to_client", \
		"from one client to another, where the gateway has client_to_client: no") \
	X(PKTID_EXHAUSTED, "pktid_exhausted", "packet ids of the sending key are used up") \
	X(NO_NEXTHOP, "no_nexthop", "next hop vanished between route lookup and sending") \
	X(NO_MBUF, "no_mbuf", "packet pool empty") \
	X(NO_ROOM, "no_room", "no head or tail room for headers") \
	X(STALE, "stale", "peer went away while the packet waited in a ring") \
	X(HANDOFF_FULL, "handoff_full", "ring to the owner worker full") \
	X(PUNT_FULL, "punt_full", "ring to the punt thread full") \
	X(PUNT_LIMIT, "punt_limit", \
		"token bucket of the slow path empty for this peer or gateway") \
	X(ECN, "ecn", "outer header marked for an inner packet that cannot carry it (RFC 6040)") \
	X(TX_FULL, "tx_full", "port's transmit queue full") \
	X(DOMAIN, "domain", "VLAN tag of no routing domain")

enum drop_reason {
#define X(name, counter, text) DROP_##name,
	DROP_REASONS(X)
#undef X
		DROP_REASON_COUNT
};

// Counter name and one line of explanation; NULL past the end. Any thread.
const char *drop_name(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);
