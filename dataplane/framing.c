// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/framing.h"

#include <stddef.h>

#define LZO_NONE 0xfa // prefix of what comp-lzo leaves as it is
#define V2_ESCAPE 0x50
#define V2_NONE 0x00

const char *framing_name(enum framing framing)
{
	static const char *const names[] = {
		[FRAMING_NONE] = NULL,
		[FRAMING_COMP_LZO] = "comp-lzo no",
		[FRAMING_STUB_V2] = "compress stub-v2",
	};

	return names[framing];
}

int framing_skip(enum framing framing, const uint8_t *data, uint32_t len)
{
	if (framing == FRAMING_NONE || len == 0)
		return 0;
	if (framing == FRAMING_COMP_LZO)
		return data[0] == LZO_NONE ? 1 : -1;
	if (data[0] != V2_ESCAPE)
		return 0;
	return len > 1 && data[1] == V2_NONE ? 2 : -1;
}

unsigned int framing_head(enum framing framing, uint8_t first, uint8_t head[FRAMING_BYTES_MAX])
{
	if (framing == FRAMING_COMP_LZO) {
		head[0] = LZO_NONE;
		return 1;
	}
	if (framing != FRAMING_STUB_V2 || first != V2_ESCAPE)
		return 0;
	head[0] = V2_ESCAPE;
	head[1] = V2_NONE;
	return 2;
}
