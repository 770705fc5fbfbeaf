// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Worker -> worker: packets that landed on a core that does not own their peer. One bounded ring
// per receiving worker, order kept per sending worker.
#pragma once

struct rte_mbuf;
struct worker;

// Takes ownership of m; pkt->stage, peer_id and generation must be set. Full ring: drop.
void handoff_push(struct worker *w, unsigned int owner, struct rte_mbuf *m);
// Sends what this turn collected for each other worker. Once per turn.
void handoff_flush(struct worker *w);
// Takes a burst of this worker's own ring through the paths. Returns how many.
unsigned int handoff_poll(struct worker *w);
