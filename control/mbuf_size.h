// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// How large packet buffers must be: all ports share one pool, made at the start, and a packet is
// always in one buffer. Control thread.
#pragma once

#include <stdint.h>

#include "control/conf/conf.h"

struct dp;

// Data room without headroom, for dp_limits: what the largest MTU of an interface (configured, or as
// the kernel's interface has it) and the largest tun_mtu need, 0 if that is no more than usual.
// 0, or -EINVAL after one line that names what is too large and what would fit: a buffer of AF_XDP
// ports is at most one page.
int mbuf_size_choose(const struct conf *c, uint16_t *bytes);
// The largest tun_mtu that the buffers there are can carry.
uint16_t mbuf_size_tun_mtu_max(const struct dp *dp);
