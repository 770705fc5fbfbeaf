// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Any bytes as a frame of the link side. What the parser accepts must lie inside the frame.
#include "dataplane/outer.h"

#include "dataplane/proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame f;
	struct outer o;

	if (size > UINT16_MAX || !frame_parse(data, (uint32_t)size, &f))
		return 0;
	if (outer_parse(data, (uint32_t)size, &f, &o) != OUTER_DATA)
		return 0;
	if (o.payload_len == 0 || (size_t)o.payload_off + o.payload_len > size)
		abort();
	if (o.src < data || o.dst + (o.family == 4 ? 4 : 16) > data + o.payload_off)
		abort();
	if (!proto_is_data(data[o.payload_off]))
		abort();
	return 0;
}
