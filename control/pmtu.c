// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/pmtu.h"

#include <string.h>

bool pmtu_report(struct pmtu *p, uint8_t family, uint16_t mtu, uint16_t link_mtu, uint64_t now_ms)
{
	uint16_t least = family == 6 ? PMTU_MIN6 : PMTU_MIN4;

	if (mtu < least) {
		// No IPv6 link is smaller: such a message is to be discarded (RFC 8201, section 4).
		if (family == 6)
			return false;
		mtu = least;
	}
	if ((link_mtu && mtu >= link_mtu) || (p->bytes && mtu >= p->bytes))
		return false;
	// No real path has so many links, each a little smaller than the one before.
	if (p->steps >= PMTU_STEPS_MAX)
		mtu = least;
	p->bytes = mtu;
	p->steps++;
	p->forget_ms = now_ms + PMTU_FORGET_MS;
	return true;
}

bool pmtu_forget(struct pmtu *p, uint64_t now_ms)
{
	if (!p->bytes || now_ms < p->forget_ms)
		return false;
	memset(p, 0, sizeof(*p));
	return true;
}

uint64_t pmtu_next(const struct pmtu *p)
{
	return p->bytes ? p->forget_ms : UINT64_MAX;
}
