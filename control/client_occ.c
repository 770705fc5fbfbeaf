// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Option consistency messages of the data channel: a client may ask for the options string that it
// had from the key message already, to compare it with its own. [OpenVPN occ.c]

#include "control/gateway_priv.h"

#include "control/channel/options_string.h"
#include "dataplane/base/clock.h"

#include <string.h>

// Answers to one client. Those that ask do so every ten seconds, a few times.
#define REPLIES_PER_SECOND 1
#define REPLIES_BURST 5
#define OPTIONS_AT (PROTO_OCC_MAGIC_BYTES + 1)

void client_occ_reply(struct client *c)
{
	const struct bucket_rate rate = bucket_rate(1000, REPLIES_PER_SECOND, REPLIES_BURST);
	char options[OPTIONS_STRING_BYTES];
	uint8_t msg[OPTIONS_AT + sizeof(options)];
	int len;

	if (!c->admitted || !bucket_take(&c->occ_bucket, clock_ms(), &rate))
		return;
	len = session_options_string(c->session, options, sizeof(options));
	if (len < 0)
		return;
	memcpy(msg, proto_occ_magic, PROTO_OCC_MAGIC_BYTES);
	msg[PROTO_OCC_MAGIC_BYTES] = PROTO_OCC_REPLY;
	memcpy(msg + OPTIONS_AT, options, (size_t)len + 1); // with its NUL
	// No room in the ring: it will ask again.
	publish_message(
		c->gw->env.publish, c->peer_id, msg, (uint16_t)(OPTIONS_AT + (size_t)len + 1));
}
