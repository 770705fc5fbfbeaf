// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Captures of a gateway's packets: sets the bits that make workers copy, drains their ring from a
// timer and hands the copies to whoever asked. Idle, it costs nothing. Control thread only.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define CAPTURES_MAX 8
#define CAPTURE_COUNT_MAX 10000000u
#define CAPTURE_SECONDS_MAX 3600u

struct capture;
struct capture_job;
struct dp;
struct rte_mbuf;

enum capture_end {
	CAPTURE_END_COUNT,
	CAPTURE_END_TIME,
	CAPTURE_END_STOPPED,
	CAPTURE_END_CLOSED, // the gateway is gone
};

struct capture_packet {
	uint64_t time_us;       // since 1970
	const uint8_t *data;    // starts at an IP header
	uint32_t len, orig_len; // copied, and of the packet
	bool inbound;
};

struct capture_sink {
	// One packet. false: no room now, it is counted as lost.
	bool (*packet)(void *arg, const struct capture_packet *p);
	// By count or time, or with the gateway; the job is gone when this returns. lost: copies
	// that did not come, for want of room here or because workers shed them (those of all
	// captures that run).
	void (*end)(void *arg, enum capture_end why, uint64_t packets, uint64_t lost);
	void *arg;
};

// flags: [dp->gateways_max], the bytes dp_gateway.capture points to.
struct capture *capture_new(struct ev_loop *loop, struct dp *dp, _Atomic(uint8_t) *flags);
void capture_free(struct capture *c); // ends what runs; accepts NULL

// what: CAPTURE_LINK or CAPTURE_VPN. NULL and errno (EBUSY: too many at a time).
struct capture_job *capture_start(struct capture *c, uint16_t gateway, uint8_t what, uint64_t count,
	uint32_t seconds, const struct capture_sink *sink);
// Without calling end(); packets and lost may be NULL.
void capture_stop(struct capture_job *job, uint64_t *packets, uint64_t *lost);

// The gateway is about to close: ends its captures, so that none sees the next one under this id.
void capture_end_gateway(struct capture *c, uint16_t gateway);

// Takes what is in the ring. The timer does it; for tests.
void capture_drain(struct capture *c);
