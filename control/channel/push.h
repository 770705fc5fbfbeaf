// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Composes PUSH_REPLY: what a client must know to use the tunnel. Pure. [OpenVPN push.c]
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/conf/conf.h"
#include "control/channel/ncp.h"
#include "control/channel/peer_info.h"
#include "control/channel/push_parts.h"
#include "control/channel/session.h"

// Keys come from the TLS exporter if the client can, else from OpenVPN's PRF. The reply says so;
// both must follow it.
bool push_uses_ekm(const struct peer_info *peer);
// The shape of the network this client is told: OpenVPN 3 does not know p2p.
enum conf_topology push_topology(const struct conf_gateway *gw, const struct peer_info *peer);
// Control packets of renegotiations are wrapped by dynamic tls-crypt if the client can.
bool push_uses_dynamic(const struct peer_info *peer);
// 0 or -EMSGSIZE.
int push_compose(struct push *p, const struct conf_gateway *gw, const struct session_lease *lease,
	const struct peer_info *peer, const struct ncp_choice *ncp);
