// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Any bytes as a decrypted payload, through everything a worker does to an inner packet. The
// header checksum must still be right afterwards, and nothing outside the packet may change.
#include "dataplane/inner.h"

#include "dataplane/csum.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change(uint8_t *ip, struct inner *in, uint8_t knob)
{
	inner_csum_complete(ip, in);
	inner_mss_clamp(ip, in, (uint16_t)(knob * 8));
	inner_ecn_decap(ip, in, knob);
	if (in->ttl > 1)
		inner_ttl_decrement(ip, in->family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inner in;
	uint8_t *ip;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	// A copy of exactly this size, so that a byte too far is seen. The first byte is a knob.
	ip = malloc(size);
	if (!ip)
		return 0;
	memcpy(ip, data + 1, size - 1);
	if (inner_parse(ip, (uint32_t)size - 1, &in) == INNER_IP) {
		if (in.bytes > size - 1 || in.hdr_len > in.bytes)
			abort();
		inner_is_multicast(&in);
		change(ip, &in, data[0]);
		if (in.family == 4 && csum_ip4(ip, in.hdr_len / 4) != 0)
			abort();
		if (memcmp(ip + in.bytes, data + 1 + in.bytes, size - 1 - in.bytes) != 0)
			abort();
	}
	free(ip);
	return 0;
}
