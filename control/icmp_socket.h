// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Listens to ICMP messages about datagrams that are too large, of one network namespace. Raw
// sockets with a filter, not the error queues (IP_RECVERR) of the endpoints' sockets: a worker's
// datagrams come from neither of the two sockets of a port, and the kernel gives an error to
// either one by a hash; an error that waits makes the next sendto() fail and its datagram is lost;
// and over IPv4 a socket that never sets DF is not told. Control thread only.
#pragma once

#include <ev.h>
#include <stdint.h>

#include "control/icmp.h"

struct icmp_socket;

typedef void (*icmp_too_big_fn)(void *arg, uint16_t domain, const struct icmp_too_big *r);

// Listens inside netns ("": own); the kernel may have one IP version only. NULL and errno after
// one logged line.
struct icmp_socket *icmp_socket_open(
	struct ev_loop *loop, const char *netns, uint16_t domain, icmp_too_big_fn fn, void *arg);
void icmp_socket_close(struct icmp_socket *s); // accepts NULL
