// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The kernel's UDP sockets of a gateway's address and port. Two sockets share the port; a
// classic BPF program in the kernel gives control packets to the first (control thread) and data
// packets, which come here when a worker could not take them, to the second (punt thread).
#pragma once

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "control/channel/session.h"

struct endpoint;

typedef void (*endpoint_input_fn)(
	void *arg, const struct session_addr *remote, const uint8_t *data, size_t len);

// Opens both sockets inside netns ("": own). NULL and errno after one logged line that names the
// gateway: EADDRINUSE, EADDRNOTAVAIL (not an address of this node), EACCES.
struct endpoint *endpoint_open(struct ev_loop *loop, const char *gateway, const char *netns,
	const struct session_addr *local, endpoint_input_fn input, void *arg);
void endpoint_close(struct endpoint *e);

// Control thread. Never blocks; a datagram the kernel cannot take is lost like any other.
void endpoint_send(
	struct endpoint *e, const struct session_addr *remote, const uint8_t *data, size_t len);
// The punt thread's descriptor; stays the endpoint's.
int endpoint_data_fd(const struct endpoint *e);
const struct session_addr *endpoint_local(const struct endpoint *e);

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

// sockaddr conversions, and "192.0.2.1:1194" / "[2001:db8::1]:1194" for messages.
socklen_t session_addr_to_sockaddr(const struct session_addr *a, union sockaddr_any *ss);
int session_addr_from_sockaddr(struct session_addr *a, const union sockaddr_any *ss);
const char *session_addr_text(const struct session_addr *a, char *buf, size_t size);
#define SESSION_ADDR_TEXT_BYTES 64
