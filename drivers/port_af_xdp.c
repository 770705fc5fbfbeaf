// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// An interface of the node through DPDK's AF_XDP driver and our own XDP program.
//
// The driver only knows queues that receive and send ("combined"). Where an interface has
// receive queues of their own, as veth has, it sees one. There each queue becomes a DPDK device of
// its own: each brings its own copy of the program, of which one stays on the interface and
// gets all sockets in its map.

#include "drivers/port_ops.h"

#include "dataplane/base/log.h"
#include "drivers/netif.h"
#include "drivers/netns.h"
#include "drivers/steer.h"
#include "drivers/xdp.h"

#include <bpf/bpf.h>
#include <rte_mempool.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

LOG_TYPE("port");

#define RING_SIZE 2048
#define CHUNK_MAX_BYTES 4096 // the kernel's largest frame of a umem

// The kernel gives a queue back some time after the last descriptor of its socket is closed.
#define QUEUE_RELEASE_MS 200

static struct timespec last_release;

static bool is_xdp_socket(int fd)
{
	socklen_t len = sizeof(int);
	int domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP;
}

static bool is_known_socket(const struct port_slot *s, int fd)
{
	uint16_t i;

	for (i = 0; i < s->xdp.seen_count; i++)
		if (s->xdp.seen[i] == fd)
			return true;
	return false;
}

// The driver keeps its sockets to itself, and does not close them with the port (DPDK 22.11).
// Calls fn for each AF_XDP socket of this process that was not there before.
static void new_sockets(struct port_slot *s, void (*fn)(struct port_slot *s, int fd))
{
	struct dirent *e;
	DIR *d;
	int fd;

	d = opendir("/proc/self/fd");
	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		fd = atoi(e->d_name);
		if (e->d_name[0] != '.' && fd != dirfd(d) && is_xdp_socket(fd) &&
			!is_known_socket(s, fd))
			fn(s, fd);
	}
	closedir(d);
}

static void socket_seen(struct port_slot *s, int fd)
{
	if (s->xdp.seen_count < PORT_XDP_SOCKETS_MAX)
		s->xdp.seen[s->xdp.seen_count++] = fd;
}

static void socket_own(struct port_slot *s, int fd)
{
	socket_seen(s, fd);
	if (s->xdp.socket_count < PORT_QUEUES_MAX)
		s->xdp.sockets[s->xdp.socket_count++] = fd;
}

// Kernel devices whose packets may come straight from a socket, with the checksum left to a
// hardware that is not there.
static bool is_software_device(const char *driver)
{
	static const char *const drivers[] = {
		"veth",
		"virtio_net",
		"tun",
		"vif",
		"bridge",
		"macvlan",
		"ipvlan",
		"dummy",
	};
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i], driver))
			return true;
	return false;
}

static int queues_check(const struct port_conf *conf, struct port_slot *s, const struct netif *nif)
{
	uint16_t have = nif->combined_max ? nif->combined : nif->rx;

	if (!nif->combined_max && nif->tx < have)
		have = nif->tx;
	s->one_queue_each = !nif->combined_max && conf->queues > 1;
	if (have >= conf->queues)
		return 0;
	if (nif->combined_max >= conf->queues)
		return errno_log(EBUSY,
			"%s: %u workers need as many queues, it has %u: "
			"ethtool -L %s combined %u",
			conf->name, conf->queues, have, conf->name, conf->queues);
	if (!strcmp(nif->driver, "veth"))
		return errno_log(EBUSY,
			"%s: %u workers need as many queues, it has %u: create it "
			"with \"numrxqueues %u numtxqueues %u\"",
			conf->name, conf->queues, have, conf->queues, conf->queues);
	return errno_log(EBUSY,
		"%s: %u workers need as many queues, it has %u and no more: use "
		"fewer workers",
		conf->name, conf->queues, have);
}

// An element of the pool is a frame of the umem: list head, mbuf, scratch, headroom and data. DPDK
// spreads elements over memory channels, which may cost a cache line more.
uint32_t port_af_xdp_buffer_max(uint16_t priv)
{
	uint32_t head = sizeof(struct rte_mbuf) + priv + RTE_PKTMBUF_HEADROOM;
	uint32_t room = CHUNK_MAX_BYTES - head;

	while (rte_mempool_calc_obj_size(head + room, 0, NULL) > CHUNK_MAX_BYTES)
		room -= RTE_CACHE_LINE_SIZE;
	return room;
}

// The pool becomes the sockets' umem: one piece, and no frame above a page.
static int pool_check(const struct port_conf *conf, const struct port_slot *s, uint16_t mtu)
{
	struct rte_mempool *pool = s->pool;
	uint32_t frame = pool->header_size + pool->elt_size + pool->trailer_size;
	uint16_t mtu_max = port_mtu_max(PORT_AF_XDP, pool);

	if (pool->nb_mem_chunks != 1)
		return errno_log(ENOMEM, "%s: packet pool %s lies in %u pieces, must be one",
			conf->name, pool->name, pool->nb_mem_chunks);
	if (frame > CHUNK_MAX_BYTES)
		return errno_log(EINVAL, "%s: packet pool %s has elements of %u bytes, at most %d",
			conf->name, pool->name, frame, CHUNK_MAX_BYTES);
	if (pool->size < conf->queues * 2u * RING_SIZE)
		return errno_log(ENOMEM, "%s: packet pool %s has %u buffers, %u queues need %u",
			conf->name, pool->name, pool->size, conf->queues,
			conf->queues * 2u * RING_SIZE);
	if (mtu > mtu_max)
		return errno_log(EINVAL,
			"%s: MTU %u does not fit the packet buffers, which take at most %u: "
			"ip link set %s mtu %u",
			conf->name, mtu, mtu_max, conf->name, mtu_max);
	return 0;
}

static int interface_check(const struct port_conf *conf, struct port_slot *s)
{
	struct netif nif;
	int ret;

	ret = netif_read(conf->name, &nif);
	if (ret == -ENODEV)
		return errno_log(ENODEV, "%s: no such interface in %s%s (ip link)", conf->name,
			conf->netns[0] ? "network namespace " : "this network namespace",
			conf->netns);
	if (ret < 0)
		return errno_log(ret, "%s", conf->name);
	if (!nif.is_up)
		return errno_log(ENETDOWN, "%s: set it up first (ip link set %s up)", conf->name,
			conf->name);
	// Without its tag a frame would be taken for one of the untagged domain.
	if (conf->vlans && nif.strips_vlan)
		return errno_log(EINVAL,
			"%s: takes VLAN tags off received frames: ethtool -K %s rxvlan off",
			conf->name, conf->name);
	ret = queues_check(conf, s, &nif);
	if (ret == 0)
		ret = pool_check(conf, s, conf->mtu ? conf->mtu : nif.mtu);
	s->pub.ifindex = nif.ifindex;
	s->pub.mtu = conf->mtu ? conf->mtu : nif.mtu;
	s->pub.complete_csum = is_software_device(nif.driver);
	return ret;
}

static long ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

// Binding too early fails, and the driver loses 2048 buffers for each failure.
static int interface_clean(struct port_slot *s)
{
	bool was_used = xdp_program_id(s->pub.ifindex) > 0;
	long passed = last_release.tv_sec ? ms_since(&last_release) : QUEUE_RELEASE_MS;
	int ret = steer_clean(s->pub.ifindex);

	if (ret < 0)
		return ret;
	s->xdp.owns_interface = true;
	if (was_used)
		passed = 0;
	if (passed < QUEUE_RELEASE_MS)
		usleep((useconds_t)(QUEUE_RELEASE_MS - passed) * 1000);
	return 0;
}

static int af_xdp_prepare(const struct port_conf *conf, struct port_slot *s)
{
	const char *object = conf->bpf_object;
	char path[PATH_MAX];
	int ret;

	ret = interface_check(conf, s);
	if (ret < 0)
		return ret;
	if (!object || !object[0])
		object = steer_object_path(path, sizeof(path));
	if (!object || access(object, R_OK) < 0)
		return errno_log(object ? errno : ENOENT, "%s: XDP program %s", conf->name,
			object ? object : "steer.bpf.o is neither installed nor built");
	if (strchr(object, ','))
		return errno_log(EINVAL, "%s: no commas in the path %s", conf->name, object);
	ret = interface_clean(s);
	if (ret < 0)
		return ret;
	s->ring_size = RING_SIZE;
	new_sockets(s, socket_seen);
	// busy_budget=0: the worker polls a ring; asking the kernel to poll costs a call each time.
	return port_args_add(s, "iface=%s,queue_count=%u,xdp_prog=%s,busy_budget=0", conf->name,
		s->one_queue_each ? 1 : conf->queues, object);
}

// Before each further device: the driver refuses an interface that has a program.
static int af_xdp_device_before(struct port_slot *s)
{
	if (s->xdp.program_id == 0)
		return 0;
	return xdp_program_detach(s->pub.ifindex, s->xdp.attached_id);
}

static int af_xdp_device_after(struct port_slot *s)
{
	int64_t id = xdp_program_id(s->pub.ifindex);

	if (id <= 0)
		return errno_log(
			id < 0 ? (int)id : ENOENT, "%s: the XDP program vanished", s->pub.name);
	s->xdp.attached_id = (uint32_t)id;
	if (s->xdp.program_id == 0)
		s->xdp.program_id = (uint32_t)id;
	new_sockets(s, socket_own);
	return 0;
}

// All sockets into the map of the first device's program, which goes back to the interface.
static int sockets_gather(struct port_slot *s)
{
	uint32_t q;
	int map, ret;

	if (s->xdp.socket_count != s->pub.queues)
		return -ENOENT;
	map = xdp_program_map(s->xdp.program_id, "xsks_map");
	if (map < 0)
		return map;
	for (q = 0; q < s->xdp.socket_count; q++)
		if (bpf_map_update_elem(map, &q, &s->xdp.sockets[q], 0) < 0) {
			ret = -errno;
			goto out;
		}
	ret = xdp_program_detach(s->pub.ifindex, s->xdp.attached_id);
	if (ret == 0)
		ret = xdp_program_attach(s->pub.ifindex, s->xdp.program_id);
	if (ret == 0)
		s->xdp.attached_id = s->xdp.program_id;
out:
	close(map);
	return ret;
}

static int af_xdp_ready(struct port_slot *s)
{
	int ret;

	if (!s->one_queue_each)
		return 0;
	ret = sockets_gather(s);
	return ret < 0 ? errno_log(ret, "%s: cannot join %u queues", s->pub.name, s->pub.queues)
		       : 0;
}

// The driver takes off whatever program it finds under its interface number. If that is not ours
// any more, it gets to look in a namespace where there is none.
static void af_xdp_device_close(struct port_slot *s, uint16_t id)
{
	int64_t now = xdp_program_id(s->pub.ifindex);
	int token = -1;

	if (now != 0 && now != s->xdp.attached_id) {
		token = netns_enter_empty();
		if (token < 0) {
			LOG(WARNING, "%s: left open, another XDP program is on it", s->pub.name);
			return;
		}
	}
	rte_eth_dev_close(id);
	if (token >= 0)
		netns_leave(token);
}

// The driver may have attached the program before it failed.
static uint32_t program_after_failure(const struct port_slot *s)
{
	int64_t id = xdp_program_id(s->pub.ifindex);

	return id > 0 && xdp_program_is_ours((uint32_t)id) && xdp_program_holder((uint32_t)id) == 0
		       ? (uint32_t)id
		       : 0;
}

static void af_xdp_release(struct port_slot *s)
{
	uint16_t i;

	for (i = 0; i < s->xdp.socket_count; i++)
		if (is_xdp_socket(s->xdp.sockets[i]))
			close(s->xdp.sockets[i]);
	if (s->xdp.socket_count)
		clock_gettime(CLOCK_MONOTONIC, &last_release);
	if (s->xdp.attached_id == 0 && s->xdp.owns_interface)
		s->xdp.attached_id = program_after_failure(s);
	if (s->xdp.attached_id)
		xdp_program_detach(s->pub.ifindex, s->xdp.attached_id);
}

const struct port_ops port_af_xdp_ops = {
	.name = "af_xdp",
	.driver = "net_af_xdp",
	.prepare = af_xdp_prepare,
	.device_before = af_xdp_device_before,
	.device_after = af_xdp_device_after,
	.ready = af_xdp_ready,
	.device_close = af_xdp_device_close,
	.release = af_xdp_release,
};
