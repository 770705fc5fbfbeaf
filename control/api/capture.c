// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/api/capture.h"

#include "dataplane/capture.h"
#include "dataplane/counters.h"
#include "dataplane/state.h"

#include <rte_cycles.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define DRAIN_S 0.01
// Packets per timer: the rate, and the time control spends on it. Not below the ring's size.
#define DRAIN_MAX 1024

struct capture_job {
	struct capture *owner;
	bool used;
	uint16_t gateway;
	uint8_t what;
	uint64_t count; // still to come
	uint64_t end_tsc;
	uint64_t packets, lost;
	uint64_t shed_before; // workers_shed() when it began
	struct capture_sink sink;
};

struct capture {
	struct ev_loop *loop;
	struct dp *dp;
	_Atomic(uint8_t) *flags;
	ev_timer timer;
	unsigned int running;
	uint64_t base_tsc, base_us; // the same moment on both clocks
	struct capture_job jobs[CAPTURES_MAX];
};

// What workers copy of a gateway: what its jobs ask for.
static void set_flags(struct capture *c, uint16_t gateway)
{
	uint8_t bits = 0;

	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (c->jobs[i].used && c->jobs[i].gateway == gateway)
			bits |= c->jobs[i].what;
	atomic_store_explicit(&c->flags[gateway], bits, memory_order_relaxed);
}

// Copies that workers did not make or could not hand over: above CAPTURE_PPS, ring or pool full.
// They do not say of which gateway, so captures at the same time share them.
static uint64_t workers_shed(const struct capture *c)
{
	const struct worker_counters *counters;
	uint64_t sum = 0;

	for (unsigned int i = 0; (counters = counters_of(c->dp, i)); i++)
		sum += counter_get(&counters->load.capture_lost);
	return sum;
}

static uint64_t job_lost(const struct capture_job *job)
{
	return job->lost + workers_shed(job->owner) - job->shed_before;
}

static void job_close(struct capture_job *job)
{
	struct capture *c = job->owner;

	job->used = false;
	set_flags(c, job->gateway);
	if (--c->running == 0)
		ev_timer_stop(c->loop, &c->timer);
}

static void job_end(struct capture_job *job, enum capture_end why)
{
	struct capture_sink sink = job->sink;
	uint64_t packets = job->packets, lost = job_lost(job);

	job_close(job);
	sink.end(sink.arg, why, packets, lost);
}

static void give(struct capture *c, const struct capture_info *info, const struct capture_packet *p)
{
	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		struct capture_job *job = &c->jobs[i];

		if (!job->used || job->gateway != info->gateway || !(job->what & info->what))
			continue;
		if (!job->sink.packet(job->sink.arg, p)) {
			job->lost++;
			continue;
		}
		job->packets++;
		if (--job->count == 0)
			job_end(job, CAPTURE_END_COUNT);
	}
}

static uint64_t tsc_to_us(const struct capture *c, uint64_t tsc)
{
	double us = ((double)tsc - (double)c->base_tsc) * 1e6 / (double)rte_get_tsc_hz();

	return c->base_us + (uint64_t)(int64_t)us;
}

static unsigned int drain_burst(struct capture *c)
{
	struct rte_mbuf *m[32];
	unsigned int n = capture_pop_burst(c->dp, m, 32);

	for (unsigned int i = 0; i < n; i++) {
		const struct capture_info *info = capture_info_of(m[i]);
		struct capture_packet p = {
			.time_us = tsc_to_us(c, info->tsc),
			.data = rte_pktmbuf_mtod(m[i], const uint8_t *),
			.len = rte_pktmbuf_data_len(m[i]),
			.orig_len = info->bytes,
			.inbound = info->inbound,
		};

		give(c, info, &p);
		rte_pktmbuf_free(m[i]);
	}
	return n;
}

static void drain_ring(struct capture *c)
{
	for (unsigned int n = 0, got = 32; n < DRAIN_MAX && got == 32; n += got)
		got = drain_burst(c);
}

void capture_drain(struct capture *c)
{
	uint64_t now = rte_rdtsc();

	drain_ring(c);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (c->jobs[i].used && now >= c->jobs[i].end_tsc)
			job_end(&c->jobs[i], CAPTURE_END_TIME);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	capture_drain(timer->data);
}

struct capture *capture_new(struct ev_loop *loop, struct dp *dp, _Atomic(uint8_t) *flags)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = loop;
	c->dp = dp;
	c->flags = flags;
	ev_timer_init(&c->timer, on_timer, DRAIN_S, DRAIN_S);
	c->timer.data = c;
	return c;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (c->jobs[i].used)
			job_end(&c->jobs[i], CAPTURE_END_STOPPED);
	free(c);
}

static void begin(struct capture *c)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	c->base_tsc = rte_rdtsc();
	c->base_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	ev_timer_again(c->loop, &c->timer);
}

struct capture_job *capture_start(struct capture *c, uint16_t gateway, uint8_t what, uint64_t count,
	uint32_t seconds, const struct capture_sink *sink)
{
	struct capture_job *job = NULL;

	// Copies that are in the ring by now are none of this one's: of a capture before it, or of a
	// gateway that had the id before. At most the ring's size.
	drain_ring(c);
	for (unsigned int i = 0; i < CAPTURES_MAX && !job; i++)
		if (!c->jobs[i].used)
			job = &c->jobs[i];
	if (!job || gateway >= c->dp->gateways_max || count == 0) {
		errno = job ? EINVAL : EBUSY;
		return NULL;
	}
	if (c->running == 0)
		begin(c);
	*job = (struct capture_job){
		.owner = c,
		.used = true,
		.gateway = gateway,
		.what = what,
		.count = count,
		.end_tsc = rte_rdtsc() + seconds * rte_get_tsc_hz(),
		.shed_before = workers_shed(c),
		.sink = *sink,
	};
	c->running++;
	set_flags(c, gateway);
	return job;
}

void capture_end_gateway(struct capture *c, uint16_t gateway)
{
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (c->jobs[i].used && c->jobs[i].gateway == gateway)
			job_end(&c->jobs[i], CAPTURE_END_CLOSED);
}

void capture_stop(struct capture_job *job, uint64_t *packets, uint64_t *lost)
{
	if (packets)
		*packets = job->packets;
	if (lost)
		*lost = job_lost(job);
	job_close(job);
}
