// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A data plane for tests of the two paths: ports made of rings, workers whose turns the test
// drives by hand, two gateways in two routing domains, and clients that seal and open with OpenSSL.
//
//	domain 0  outside: port LINK, 192.0.2.1 and 2001:db8::1, gateway n listens on 1194 + n
//	domain 1  inside of gateway 0: port VPN untagged;  domain 2, of gateway 1: VPN, VLAN 100
//	In both:  10.1/16, fd01::/16 reachable; 10.2/16 not resolved; 10.3/16 on a port that is gone;
//	          everything else is the kernel's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/punt.h"
#include "dataplane/state.h"
#include "dataplane/tests/packet.h"
#include "dataplane/worker.h"

#define PATH_WORKERS 2
#define PATH_PEERS 8
#define PATH_TX_RING 128
#define PATH_VLAN 100
#define PATH_SELF4 "0a080001" // 10.8.0.1, of both gateways
#define PATH_SELF6 "fd080000000000000000000000000001"

enum path_port { LINK, VPN, BOTH, PATH_PORTS }; // BOTH: a port with both sides, same addresses
enum path_nexthop { NH_VPN = 1, NH_VLAN, NH_LINK, NH_UNRESOLVED, NH_GONE };

struct path_peer_conf {
	uint16_t gateway;
	int link_family; // 0: 4
	enum cipher cipher;
	enum digest digest; // CBC ciphers
	uint8_t owner;
	bool v1;
	uint8_t key_id;
	uint16_t mss4;
	uint32_t link_nexthop; // 0: NH_LINK; UINT32_MAX: NEXTHOP_KERNEL
	bool udp_csum_zero;
	enum framing framing;
	bool epoch; // epoch format: keys of epochs 1 to 5 to receive with, 1 to 3 to send with
};

struct path_peer {
	struct path_peer_conf conf;
	uint32_t id;
	struct peer *peer;
	struct keyslot *key;
	struct peer_link *link;
	uint8_t raw_recv[32], raw_send[32]; // of the worker's directions
	struct cbc_raw cbc_recv, cbc_send;  // the same for CBC ciphers
	uint8_t local[16], remote[16];
	uint16_t remote_port;
	uint8_t vpn4[4], vpn6[16];
	uint32_t next_pktid; // of what the client sends
	uint32_t epoch;      // that the client sends in
};

struct path {
	struct dp *dp;
	struct dp_state *st;
	struct worker *w[PATH_WORKERS];
	struct path_peer peers[PATH_PEERS];
	uint16_t vlan_domain[DP_VLANS];
	_Atomic(uint8_t) capture[2];
	uint64_t now_tsc; // stands still but for what a test adds: budgets do not fill up
};

// A packet that left the path, copied out of its mbuf.
struct path_out {
	size_t len;
	uint8_t data[PACKET_MAX];
	struct pkt pkt;
};

void path_ports_new(void);                             // once per process
extern const uint8_t path_mac[6], path_gateway_mac[6]; // of our ports, of every next hop

void path_setup(struct path *p, unsigned int workers);
// Asserts that everything adds up and every mbuf is back.
void path_teardown(struct path *p);
// A port of another kind in the place of LINK or VPN: the worker polls it, and what goes to that side
// goes out there. Until path_teardown(), before which the port must be closed.
void path_port_use(struct path *p, enum path_port place, const struct port *port);
// Counts a reason that the whole program has exercised.
extern uint64_t path_drops_seen[DROP_REASON_COUNT], path_punts_seen[PUNT_REASON_COUNT];

struct path_peer *path_peer_add(struct path *p, unsigned int slot, struct path_peer_conf conf);
void path_peer_del(struct path *p, unsigned int slot);

// Inner UDP packets from a client to 10.1.0.5 (fd01::5), and back.
struct packet_spec path_spec_in(const struct path_peer *pp, int family);
struct packet_spec path_spec_out(const struct path_peer *pp, int family);

// A client's data packet, from the opcode on, with its next packet id. Returns the length.
size_t path_seal(struct path_peer *pp, const uint8_t *text, size_t len, uint8_t *out);
// The same for CBC ciphers of bytes that are encrypted as they are, or padded. text: packet id first.
size_t path_seal_cbc(
	const struct path_peer *pp, const uint8_t *text, size_t len, bool pad, uint8_t *out);
// The same in the epoch format with an id of the test's choice.
size_t path_seal_epoch(
	const struct path_peer *pp, uint64_t id, const uint8_t *text, size_t len, uint8_t *out);
// Control's part: an epoch's key into the slot, or out of it. recv: of what the worker receives.
void path_epoch_put(struct path_peer *pp, bool recv, uint32_t epoch);
void path_epoch_del(struct path_peer *pp, bool recv, uint32_t epoch);
// Ethernet, IP, UDP around it, as it reaches port LINK.
size_t path_link_frame(
	const struct path_peer *pp, uint8_t tos, const uint8_t *data, size_t len, uint8_t *out);
// An inner packet as it reaches port VPN.
size_t path_vpn_frame(const struct path_peer *pp, const struct packet_spec *s, uint8_t *out);

struct rte_mbuf *path_mbuf(struct path *p, const uint8_t *data, size_t len);
// One frame through a worker's path, with the flush of its turn.
void path_in(
	struct path *p, unsigned int worker, enum path_port port, const uint8_t *frame, size_t len);
// The same from an inner packet: sealed, or framed as on port VPN.
void path_client_sends(
	struct path *p, unsigned int worker, struct path_peer *pp, const struct packet_spec *s);
void path_host_sends(
	struct path *p, unsigned int worker, struct path_peer *pp, const struct packet_spec *s);

// Next packet that was transmitted or punted. False: none.
bool path_sent(struct path *p, enum path_port port, unsigned int worker, struct path_out *out);
bool path_punted(struct path *p, struct path_out *out);
// Checks a sealed frame (link: with Ethernet, else from the opcode on) and opens it. out: text.
bool path_open(const struct path_peer *pp, const struct path_out *sealed, bool link,
	struct path_out *out, uint32_t *pktid);

// The same of the epoch format, with the whole id.
bool path_open_epoch(const struct path_peer *pp, const struct path_out *sealed,
	struct path_out *out, uint64_t *id);

uint64_t path_drops(const struct path *p, uint16_t port, enum drop_reason reason);
uint64_t path_punts(const struct path *p, uint16_t port, enum punt_reason reason);
const struct gateway_counters *path_gateway(const struct path *p, unsigned int worker, uint16_t gw);
