// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The punt thread: moves packets between workers and the kernel, where the fast path ends. It
// serves every gateway's TUN device and data socket, and the exception interfaces of ports the
// kernel cannot see. It never touches a replay window, a key or a session.
//
//   worker --punt ring--> TUN device, sendto(), exception interface
//   TUN device, data socket, exception interface --inject ring--> worker
//
// Descriptors stay the caller's; they may be closed once slowpath_*_del() has returned.
// Control thread calls everything here.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct dp;
struct slowpath;

// X(name, text): what the punt thread counts. Relaxed; one writer.
#define SLOWPATH_COUNTERS(X) \
	X(tun_out, "packets written to TUN devices") \
	X(tun_in, "packets read from TUN devices") \
	X(link_out, "sealed packets sent through kernel sockets") \
	X(link_in, "data packets received by kernel sockets") \
	X(link_too_large, "data packets that are larger than a packet buffer: lost") \
	X(exception_out, "frames written to exception interfaces") \
	X(exception_in, "frames read from exception interfaces") \
	X(write_failed, "packets the kernel refused") \
	X(no_device, "packets whose gateway or port was gone") \
	X(devices_gone, "devices that somebody deleted while they were in use") \
	X(tun_lost, "packets of TUN devices lost: the worker's ring was full") \
	X(link_lost, "data packets of kernel sockets lost: the worker's ring was full") \
	X(exception_lost, "frames of exception interfaces lost: the worker's ring was full") \
	X(no_mbuf, "times a packet had to wait in the kernel: packet pool empty")

struct slowpath_counters {
#define X(name, text) _Atomic(uint64_t) name;
	SLOWPATH_COUNTERS(X)
#undef X
};

// NULL and errno after one logged line.
struct slowpath *slowpath_start(struct dp *dp);
// Joins the thread; packets still in the punt ring are freed.
void slowpath_stop(struct slowpath *s);

// A gateway's TUN device, and the data socket of each of its addresses. 0 or -errno.
int slowpath_tun_add(struct slowpath *s, uint16_t gateway, int fd);
void slowpath_tun_del(struct slowpath *s, uint16_t gateway);
int slowpath_link_add(struct slowpath *s, uint16_t gateway, uint8_t local_id, int fd);
void slowpath_link_del(struct slowpath *s, uint16_t gateway, uint8_t local_id);
int slowpath_exception_add(struct slowpath *s, uint16_t port, int fd);
void slowpath_exception_del(struct slowpath *s, uint16_t port);

// Was the device deleted by somebody else? Then it is no longer read, what is for it is lost
// (no_device), and devices_gone has counted it. Until _del() or _add().
bool slowpath_tun_is_gone(struct slowpath *s, uint16_t gateway);
bool slowpath_exception_is_gone(struct slowpath *s, uint16_t port);

// Of all, and what of it was for or from a gateway's TUN device and socket.
const struct slowpath_counters *slowpath_counters(const struct slowpath *s);
// Control: all zero, for the next gateway of this id, before it has descriptors here.
void slowpath_gateway_reset(struct slowpath *s, uint16_t gateway);
const struct slowpath_counters *slowpath_gateway_counters(
	const struct slowpath *s, uint16_t gateway);
