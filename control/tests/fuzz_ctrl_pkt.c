// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Control packets: what parses composes to the same bytes, and a reliability layer fed with it
// stays within its bounds.

#include "control/channel/ctrl_pkt.h"
#include "control/channel/reliable.h"

#include "control/tests/fuzz.h"

#include <string.h>

// Everything the layer has to say; it must come to an end.
static void drain(struct reliable *r, uint64_t now_ms)
{
	uint8_t out[CTRL_PKT_BYTES_MAX + CTRL_PKT_OVERHEAD_MAX];
	struct ctrl_pkt p;
	unsigned int n = 0;

	while (reliable_recv(r) != NULL)
		reliable_recv_done(r);
	while (reliable_output(r, &p, now_ms)) {
		p.sid[0] = 1;
		FUZZ_CHECK(p.ack_count <= CTRL_ACKS_MAX);
		FUZZ_CHECK(ctrl_pkt_compose(&p, out, sizeof(out)) > 0);
		FUZZ_CHECK(++n <= 2 * RELIABLE_SEND_WINDOW + RELIABLE_RECV_WINDOW);
	}
}

static void feed_reliable(const struct ctrl_pkt *p)
{
	struct ctrl_pkt next = *p;
	struct reliable r;

	reliable_init(&r, 0, 0);
	while (reliable_send_room(&r) > 0)
		FUZZ_CHECK(reliable_send(&r, OP_CONTROL_V1, (const uint8_t *)"text", 4) == 0);
	drain(&r, 1000);
	reliable_input(&r, p, 1);
	drain(&r, 1000);
	for (unsigned int i = 0; i < 2 * RELIABLE_RECV_WINDOW; i++) {
		next.id = p->id + i * 7 % 16;
		reliable_input(&r, &next, 2);
		FUZZ_CHECK(r.owed_count <= RELIABLE_RECV_WINDOW);
	}
	drain(&r, 4000);
	FUZZ_CHECK(reliable_due_ms(&r) > 4000);
	reliable_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t out[CTRL_PKT_BYTES_MAX];
	struct ctrl_pkt p;

	if (len > 0)
		ctrl_pkt_is_from_client(data[0]);
	if (ctrl_pkt_parse(&p, data, len) < 0)
		return 0;
	FUZZ_CHECK(p.ack_count <= CTRL_ACKS_MAX);
	FUZZ_CHECK(ctrl_pkt_compose(&p, out, sizeof(out)) == (int)len);
	FUZZ_CHECK(memcmp(out, data, len) == 0);
	feed_reliable(&p);
	return 0;
}
