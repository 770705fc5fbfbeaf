// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/slowpath.h"

#include "control/endpoint.h"
#include "dataplane/base/log.h"
#include "dataplane/inject.h"
#include "dataplane/punt.h"
#include "dataplane/state.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

LOG_TYPE("slowpath");

#define POLL_MS 1 // workers cannot wake us: they make no system calls
#define BURST 64  // packets per descriptor and ring and turn, so that none starves the others
#define EVENTS_MAX 64

// In place of a descriptor.
#define FD_NONE (-1)
#define FD_GONE (-2) // its device was deleted

enum source_kind { SOURCE_TUN, SOURCE_LINK, SOURCE_EXCEPTION };

// What an epoll event names: kind and index packed into its data.
static uint64_t source_pack(enum source_kind kind, uint16_t index)
{
	return (uint64_t)kind << 32 | index;
}

struct slowpath {
	struct dp *dp;
	pthread_t thread;
	int epoll_fd;
	_Atomic(bool) stop;
	struct slowpath_counters counters, *gateways; // of all; by gateway
	// Descriptors by gateway, link_index() and port, or FD_NONE, FD_GONE. The lock is held while one is in use, so that
	// after a _del() nothing touches the descriptor.
	pthread_mutex_t lock;
	int *tun_fd, *data_fd;
	int exception_fd[PKT_PORT_MAX];
};

static uint16_t link_index(uint16_t gateway, uint8_t local_id)
{
	return (uint16_t)(gateway * DP_LOCALS_MAX + local_id);
}
static_assert(DP_GATEWAYS_MAX * DP_LOCALS_MAX <= UINT16_MAX, "slowpath: index overflows");

#define NO_GATEWAY UINT16_MAX

static void add_one(struct slowpath_counters *c, size_t offset)
{
	_Atomic(uint64_t) *n = (void *)((uint8_t *)c + offset);

	atomic_store_explicit(
		n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void count_at(struct slowpath *s, uint16_t gateway, size_t offset)
{
	add_one(&s->counters, offset);
	if (gateway != NO_GATEWAY)
		add_one(&s->gateways[gateway], offset);
}

#define COUNT(s, gateway, name) count_at(s, gateway, offsetof(struct slowpath_counters, name))

// Kernel -> worker ----------------------------------------------------------------------------

// lost: the counter's offset, if the ring is full.
static void inject(
	struct slowpath *s, unsigned int worker, struct rte_mbuf *m, uint16_t gateway, size_t lost)
{
	if (inject_push(s->dp, worker, m)) {
		count_at(s, gateway, lost);
		rte_pktmbuf_free(m);
	}
}

// The descriptor of a deleted device is ready for ever and has nothing to say: no more of it. Control
// finds out by the counter.
static void device_gone(struct slowpath *s, int *slot)
{
	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, *slot, NULL);
	*slot = FD_GONE;
	COUNT(s, NO_GATEWAY, devices_gone);
}

// One packet from a TUN device or an exception interface. False when there is none.
static bool read_device(struct slowpath *s, int *slot, uint16_t port, uint8_t stage, uint16_t index)
{
	uint16_t gateway = stage == PKT_STAGE_OUTBOUND_TUN ? index : NO_GATEWAY;
	struct rte_mbuf *m = inject_alloc(s->dp, port);
	struct pkt *pkt;
	ssize_t n;

	if (!m) {
		COUNT(s, gateway, no_mbuf);
		return false;
	}
	n = read(*slot, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			device_gone(s, slot);
		rte_pktmbuf_free(m);
		return false;
	}
	rte_pktmbuf_append(m, (uint16_t)n);
	pkt = pkt_of(m);
	pkt->stage = stage;
	if (gateway != NO_GATEWAY) {
		pkt->gateway = index;
		COUNT(s, gateway, tun_in);
	} else {
		pkt->tx_port = index;
		COUNT(s, gateway, exception_in);
	}
	inject(s, index % s->dp->worker_count, m, gateway,
		gateway != NO_GATEWAY ? offsetof(struct slowpath_counters, tun_lost)
				      : offsetof(struct slowpath_counters, exception_lost));
	return true;
}

static bool read_link(struct slowpath *s, int fd, uint16_t gateway, uint8_t local_id)
{
	struct rte_mbuf *m = inject_alloc(s->dp, PKT_PORT_SOCKET);
	struct session_addr remote;
	union sockaddr_any ss;
	socklen_t ss_len = sizeof(ss);
	struct pkt *pkt;
	ssize_t n;

	if (!m) {
		COUNT(s, gateway, no_mbuf);
		return false;
	}
	n = recvfrom(fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m), MSG_TRUNC, &ss.sa,
		&ss_len);
	if (n < 0 || n > rte_pktmbuf_tailroom(m) || session_addr_from_sockaddr(&remote, &ss)) {
		if (n > rte_pktmbuf_tailroom(m))
			COUNT(s, gateway, link_too_large);
		rte_pktmbuf_free(m);
		return n >= 0;
	}
	rte_pktmbuf_append(m, (uint16_t)n);
	pkt = pkt_of(m);
	pkt->stage = PKT_STAGE_INBOUND_LINK;
	pkt->link_tos = 0; // the kernel does not tell
	pkt->gateway = gateway;
	pkt->local_id = local_id;
	pkt->link_family = remote.family;
	pkt->link_port_be = remote.port_be;
	memcpy(pkt->link_addr, remote.addr, sizeof(pkt->link_addr));
	COUNT(s, gateway, link_in);
	inject(s, gateway % s->dp->worker_count, m, gateway,
		offsetof(struct slowpath_counters, link_lost));
	return true;
}

static void serve_source(struct slowpath *s, uint64_t source)
{
	uint16_t index = (uint16_t)source;
	int i, *slot;

	for (i = 0; i < BURST; i++) {
		bool more = false;

		pthread_mutex_lock(&s->lock);
		switch ((enum source_kind)(source >> 32)) {
		case SOURCE_TUN:
			slot = &s->tun_fd[index];
			more = *slot >= 0 &&
			       read_device(s, slot, PKT_PORT_TUN, PKT_STAGE_OUTBOUND_TUN, index);
			break;
		case SOURCE_LINK:
			slot = &s->data_fd[index];
			more = *slot >= 0 &&
			       read_link(s, *slot, index / DP_LOCALS_MAX, index % DP_LOCALS_MAX);
			break;
		case SOURCE_EXCEPTION:
			slot = &s->exception_fd[index];
			more = *slot >= 0 &&
			       read_device(s, slot, PKT_PORT_EXCEPTION, PKT_STAGE_EXCEPTION, index);
			break;
		}
		pthread_mutex_unlock(&s->lock);
		if (!more)
			return;
	}
}

// Worker -> kernel ----------------------------------------------------------------------------

static ssize_t send_link(int fd, struct rte_mbuf *m, const struct pkt *pkt)
{
	struct session_addr remote = {.family = pkt->link_family, .port_be = pkt->link_port_be};
	union sockaddr_any ss;
	socklen_t len;

	memcpy(remote.addr, pkt->link_addr, sizeof(remote.addr));
	len = session_addr_to_sockaddr(&remote, &ss);
	return sendto(fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m), 0, &ss.sa, len);
}

static void serve_punted(struct slowpath *s, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	uint16_t gateway = pkt->punt_dest == PUNT_TO_EXCEPTION ? NO_GATEWAY : pkt->gateway;
	size_t done = 0;
	ssize_t n = -1;
	int fd = FD_NONE;

	switch ((enum punt_dest)pkt->punt_dest) {
	case PUNT_TO_TUN:
		fd = s->tun_fd[pkt->gateway];
		done = offsetof(struct slowpath_counters, tun_out);
		break;
	case PUNT_TO_LINK:
		fd = s->data_fd[link_index(pkt->gateway, pkt->local_id)];
		done = offsetof(struct slowpath_counters, link_out);
		break;
	case PUNT_TO_EXCEPTION:
		fd = s->exception_fd[m->port];
		done = offsetof(struct slowpath_counters, exception_out);
		break;
	}
	if (fd < 0) {
		COUNT(s, gateway, no_device);
		return;
	}
	if (pkt->punt_dest == PUNT_TO_LINK)
		n = send_link(fd, m, pkt);
	else
		n = write(fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m));
	count_at(s, gateway, n < 0 ? offsetof(struct slowpath_counters, write_failed) : done);
}

static unsigned int serve_punt_ring(struct slowpath *s)
{
	struct rte_mbuf *m[BURST];
	unsigned int n;

	n = punt_pop_burst(s->dp, m, BURST);
	if (n == 0)
		return 0;
	pthread_mutex_lock(&s->lock);
	for (unsigned int i = 0; i < n; i++)
		serve_punted(s, m[i]);
	pthread_mutex_unlock(&s->lock);
	rte_pktmbuf_free_bulk(m, n);
	punt_done(s->dp, n);
	return n;
}

static void *slowpath_run(void *arg)
{
	struct slowpath *s = arg;
	struct epoll_event ev[EVENTS_MAX];
	unsigned int punted = 0;
	int n;

	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		n = epoll_wait(s->epoll_fd, ev, EVENTS_MAX, punted == BURST ? 0 : POLL_MS);
		for (int i = 0; i < n; i++)
			serve_source(s, ev[i].data.u64);
		punted = serve_punt_ring(s);
	}
	return NULL;
}

// Control's side ------------------------------------------------------------------------------

static void fds_clear(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fds[i] = FD_NONE;
}

static void slowpath_release(struct slowpath *s)
{
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->tun_fd);
	free(s->data_fd);
	free(s->gateways);
	free(s);
}

struct slowpath *slowpath_start(struct dp *dp)
{
	struct slowpath *s = calloc(1, sizeof(*s));
	int rc = ENOMEM;

	if (!s)
		return NULL;
	s->dp = dp;
	pthread_mutex_init(&s->lock, NULL); // default attributes: cannot fail
	s->tun_fd = calloc(dp->gateways_max, sizeof(int));
	s->data_fd = calloc((size_t)dp->gateways_max * DP_LOCALS_MAX, sizeof(int));
	s->gateways = calloc(dp->gateways_max, sizeof(*s->gateways));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!s->tun_fd || !s->data_fd || !s->gateways || s->epoll_fd < 0)
		goto err;
	fds_clear(s->tun_fd, dp->gateways_max);
	fds_clear(s->data_fd, dp->gateways_max * DP_LOCALS_MAX);
	fds_clear(s->exception_fd, PKT_PORT_MAX);
	rc = pthread_create(&s->thread, NULL, slowpath_run, s);
	if (rc)
		goto err;
	pthread_setname_np(s->thread, "sluice-punt"); // for ps; failure does not matter
	return s;
err:
	errno_log(rc, "cannot start the punt thread");
	slowpath_release(s);
	errno = rc;
	return NULL;
}

void slowpath_stop(struct slowpath *s)
{
	struct rte_mbuf *m[BURST];
	unsigned int n;

	if (!s)
		return;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	while ((n = punt_pop_burst(s->dp, m, BURST))) {
		rte_pktmbuf_free_bulk(m, n);
		punt_done(s->dp, n);
	}
	slowpath_release(s);
}

static int source_add(struct slowpath *s, int *slot, int fd, enum source_kind kind, uint16_t index)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = source_pack(kind, index)};
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		rc = errno_log(-errno, "cannot watch descriptor %d", fd);
	else
		*slot = fd;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void source_del(struct slowpath *s, int *slot)
{
	pthread_mutex_lock(&s->lock);
	if (*slot >= 0)
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, *slot, NULL);
	*slot = FD_NONE;
	pthread_mutex_unlock(&s->lock);
}

static bool source_is_gone(struct slowpath *s, const int *slot)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	gone = *slot == FD_GONE;
	pthread_mutex_unlock(&s->lock);
	return gone;
}

int slowpath_tun_add(struct slowpath *s, uint16_t gateway, int fd)
{
	return source_add(s, &s->tun_fd[gateway], fd, SOURCE_TUN, gateway);
}

void slowpath_tun_del(struct slowpath *s, uint16_t gateway)
{
	source_del(s, &s->tun_fd[gateway]);
}

bool slowpath_tun_is_gone(struct slowpath *s, uint16_t gateway)
{
	return source_is_gone(s, &s->tun_fd[gateway]);
}

int slowpath_link_add(struct slowpath *s, uint16_t gateway, uint8_t local_id, int fd)
{
	uint16_t index = link_index(gateway, local_id);

	return source_add(s, &s->data_fd[index], fd, SOURCE_LINK, index);
}

void slowpath_link_del(struct slowpath *s, uint16_t gateway, uint8_t local_id)
{
	source_del(s, &s->data_fd[link_index(gateway, local_id)]);
}

int slowpath_exception_add(struct slowpath *s, uint16_t port, int fd)
{
	return source_add(s, &s->exception_fd[port], fd, SOURCE_EXCEPTION, port);
}

void slowpath_exception_del(struct slowpath *s, uint16_t port)
{
	source_del(s, &s->exception_fd[port]);
}

bool slowpath_exception_is_gone(struct slowpath *s, uint16_t port)
{
	return source_is_gone(s, &s->exception_fd[port]);
}

const struct slowpath_counters *slowpath_counters(const struct slowpath *s)
{
	return &s->counters;
}

void slowpath_gateway_reset(struct slowpath *s, uint16_t gateway)
{
	_Atomic(uint64_t) *n = (void *)&s->gateways[gateway];

	for (size_t i = 0; i < sizeof(s->gateways[gateway]) / sizeof(*n); i++)
		atomic_store_explicit(&n[i], 0, memory_order_relaxed);
}

const struct slowpath_counters *slowpath_gateway_counters(
	const struct slowpath *s, uint16_t gateway)
{
	return &s->gateways[gateway];
}
