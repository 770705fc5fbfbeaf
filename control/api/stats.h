// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the workers count, as JSON: sums over workers, per gateway and worker, per port, every punt
// and drop reason by name. Also samples each worker's load once a second. Control thread only.
#pragma once

#include <ev.h>
#include <stdint.h>

#include <jansson.h>

#include "control/publish.h"
#include "control/channel/session.h"

struct dp;
struct slowpath;
struct slowpath_counters;
struct stats;

// NULL and errno.
struct stats *stats_new(struct ev_loop *loop, struct dp *dp, const struct slowpath *slowpath);
void stats_free(struct stats *s); // accepts NULL
// What the timer does once a second. For tests.
void stats_sample(struct stats *s);

// Name of a gateway id in use, else NULL.
typedef const char *(*stats_gateway_fn)(void *arg, uint16_t id);

// gateway: id, or -1 for all. A new reference, NULL: no memory.
//   workers[]   worker, lcore, load_pct, busy_s, idle_s, sleep_s, turns, busy_turns, pause_us (the
//               longest turn of the last ten seconds), pause_max_us (since the start), handoff_in,
//               handoff_out, inject_in, events_lost, captured, capture_lost, overload_turns,
//               rings{handoff, inject, events}{used, size}
//   ports[]     port, name, side, rx, carried, consumed, punted, dropped, in_flight, tx,
//               csum_completed, punt{reason: n}, drop{reason: n}
//               always: rx = carried + consumed + punted + dropped + in_flight
//               tun, socket, exception: also what the punt thread lost on its way to a worker,
//               as drops "lost" and, of the socket, "too_large"
//   gateways[]  gateway, in_pkts, in_bytes, out_pkts, out_bytes, fast_in_pkts, fast_out_pkts,
//               slow_in_pkts, slow_out_pkts, pings_in, pings_out, link_fragmented, mss_clamped,
//               client_to_client, punt{}, drop{}, and workers[] with the same of each worker;
//               slow_path{} (of it)
//   slow_path   SLOWPATH_COUNTERS of all gateways and ports {name: n}
//   rings       punt, capture {used, size}
json_t *stats_counters(struct stats *s, int gateway, stats_gateway_fn name, void *arg);

// SLOWPATH_COUNTERS {name: n}.
json_t *stats_slowpath(const struct slowpath_counters *c);

// One client of a gateway. stats may be NULL (not admitted yet).
//   gateway, common_name, state (handshake, connected), remote, local, vpn4, vpn6, peer_id, generation,
//   worker, wrap, dynamic_tls_crypt, cipher, cipher_why, digest, data_format
//   (aead, epoch, cbc), recv_epoch, send_epoch (of the key that sends), framing, key_derivation,
//   tls_version, tls_suite, key_id, renegotiations, tls_mtu, connected_s,
//   idle_s (since the last packet from it), in_pkts, in_bytes, out_pkts, out_bytes,
//   link_in_bytes, link_out_bytes, compressed_pkts (dropped), iv_ver, iv_plat, iv_gui_ver
json_t *stats_client(const char *gateway, const struct session_info *info,
	const struct session_lease *lease, const struct publish_peer_stats *stats, uint64_t now_ms);
