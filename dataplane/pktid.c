// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/pktid.h"

#include <string.h>

#include <rte_branch_prediction.h>

// Clears the words between the old and the new highest id; the new one's word is included.
static void advance(struct pktid_recv *r, uint32_t id)
{
	uint32_t from = r->highest / 64;
	uint32_t to = id / 64;

	r->highest = id;
	if (unlikely(to - from >= PKTID_WORDS)) {
		memset(r->bitmap, 0, sizeof(r->bitmap));
		return;
	}
	while (from != to)
		r->bitmap[++from % PKTID_WORDS] = 0;
}

bool pktid_accept(struct pktid_recv *r, uint32_t id)
{
	uint64_t bit = UINT64_C(1) << (id % 64);
	uint64_t *word = &r->bitmap[id / 64 % PKTID_WORDS];

	if (unlikely(id == 0))
		return false;
	if (likely(id > r->highest))
		advance(r, id);
	else if (unlikely(r->highest - id >= PKTID_WINDOW || *word & bit))
		return false;
	*word |= bit;
	return true;
}
