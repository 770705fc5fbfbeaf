// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// From client to client of one gateway: what inbound.c has opened goes on in outbound.c, without the
// kernel, or is dropped where the gateway does not want that (client_to_client). Worker only.
#pragma once

#include "dataplane/punt.h"

struct inner;
struct peer;
struct rte_mbuf;
struct worker;

// A packet of `from` that the kernel would get for the reason `why`: is it for another client? Then m is
// gone (PUNT_REASON_COUNT). Else the caller's, with the reason why the kernel gets it.
enum punt_reason hairpin(struct worker *w, const struct peer *from, struct rte_mbuf *m,
	const struct inner *in, enum punt_reason why);
// Sends what the burst has for clients of this worker's own. After each burst that may have any.
void hairpin_flush(struct worker *w);
