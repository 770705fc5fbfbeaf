// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// ICMP messages of routers. The first byte says the family; a checksum that the parser verifies is
// filled in, or nothing would get past it.

#include "control/icmp.h"

#include "control/tests/fuzz.h"
#include "dataplane/csum.h"

#include <string.h>

static void checksum(uint8_t *data, size_t len)
{
	size_t hdr = len ? (size_t)(data[0] & 0xf) * 4 : 0;
	uint16_t c;

	if (len < hdr + 4)
		return;
	memset(data + hdr + 2, 0, 2);
	c = (uint16_t)~csum_fold(csum_partial(data + hdr, (uint32_t)(len - hdr)));
	memcpy(data + hdr + 2, &c, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct icmp_too_big out;
	uint8_t family, *copy;

	if (len < 1)
		return 0;
	family = data[0] & 1 ? 6 : 4;
	copy = malloc(len); // one more than is used: no malloc(0)
	FUZZ_CHECK(copy != NULL);
	memcpy(copy, data + 1, len - 1);
	if (family == 4)
		checksum(copy, len - 1);
	if (icmp_parse(family, copy, len - 1, &out)) {
		FUZZ_CHECK(out.local.family == family && out.remote.family == family);
		// What must be there at least, over either family.
		FUZZ_CHECK(len - 1 >= 64);
	}
	free(copy);
	return 0;
}
