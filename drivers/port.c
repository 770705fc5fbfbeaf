// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/port.h"

#include "dataplane/base/log.h"
#include "drivers/netns.h"
#include "drivers/port_ops.h"

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("port");

static const struct port_ops *const kinds[] = {
	[PORT_AF_XDP] = &port_af_xdp_ops,
	[PORT_PCI] = &port_pci_ops,
	[PORT_MEMIF] = &port_memif_ops,
	[PORT_TAP] = &port_tap_ops,
	[PORT_RING] = &port_ring_ops,
	[PORT_NULL] = &port_null_ops,
	[PORT_PCAP] = &port_pcap_ops,
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static unsigned int open_count;
static unsigned int device_serial;

const char *port_kind_name(enum port_kind kind)
{
	return (size_t)kind < KIND_COUNT ? kinds[kind]->name : "?";
}

int port_kind_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < KIND_COUNT; i++)
		if (!strcmp(kinds[i]->name, name))
			return (int)i;
	return -1;
}

int port_args_add(struct port_slot *s, const char *fmt, ...)
{
	size_t used = strlen(s->args);
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(s->args + used, sizeof(s->args) - used, fmt, ap);
	va_end(ap);
	return len < 0 || (size_t)len >= sizeof(s->args) - used ? -E2BIG : 0;
}

#define ETHERNET_BYTES (14 + 4)

uint32_t port_buffer_bytes(enum port_kind kind, uint16_t mtu)
{
	return mtu + ETHERNET_BYTES + (kind == PORT_AF_XDP ? PORT_XDP_HEADROOM : 0u);
}

uint16_t port_mtu_max(enum port_kind kind, const struct rte_mempool *pool)
{
	uint32_t room = rte_pktmbuf_data_room_size((struct rte_mempool *)(uintptr_t)pool);
	uint32_t taken = RTE_PKTMBUF_HEADROOM + port_buffer_bytes(kind, 0);

	return room > taken ? (uint16_t)(room - taken) : 0;
}

static int conf_check(const struct port_conf *conf)
{
	if ((size_t)conf->kind >= KIND_COUNT)
		return errno_log(EINVAL, "%s: unknown kind of port %d", conf->name, conf->kind);
	if (conf->name[0] == '\0')
		return errno_log(EINVAL, "a port needs a name");
	if (conf->queues == 0 || conf->queues > PORT_QUEUES_MAX)
		return errno_log(EINVAL, "%s: %u queues, must be 1..%d", conf->name, conf->queues,
			PORT_QUEUES_MAX);
	if (open_count >= PORT_ACCELERATED_MAX)
		return errno_log(
			ENOSPC, "%s: more than %d ports", conf->name, PORT_ACCELERATED_MAX);
	return 0;
}

// Queues of one DPDK device of the port.
static uint16_t device_queues(const struct port_slot *s)
{
	return s->one_queue_each ? 1 : s->pub.queues;
}

// A virtual device is made directly: rte_eal_hotplug_add() of DPDK 24.11 refuses one whose bus, name
// and arguments together have more than 128 bytes, as with a path they may well have.
static int device_plug(struct port_slot *s, char device[RTE_ETH_NAME_MAX_LEN])
{
	char args[PORT_ARGS_BYTES + 32];
	int ret;

	snprintf(args, sizeof(args), "%s", s->args);
	if (s->one_queue_each)
		snprintf(args, sizeof(args), "%s,start_queue=%u", s->args, s->device_count);
	if (s->ops->driver) {
		snprintf(device, RTE_ETH_NAME_MAX_LEN, "%s_%u", s->ops->driver, device_serial++);
		ret = rte_vdev_init(device, args);
	} else {
		snprintf(device, RTE_ETH_NAME_MAX_LEN, "%s", s->pub.device);
		ret = rte_eal_hotplug_add(s->bus, device, args);
	}
	if (ret < 0)
		return errno_log(ret, "%s: DPDK cannot make %s device %s (%s)", s->pub.name,
			s->ops->name, device, s->args);
	return 0;
}

static int device_make(struct port_slot *s)
{
	char device[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;
	int ret;

	ret = s->ops->plug ? s->ops->plug(s, device) : device_plug(s, device);
	if (ret < 0)
		return ret;
	if (rte_eth_dev_get_port_by_name(device, &id) < 0)
		return errno_log(ENODEV, "%s: DPDK made no port of %s", s->pub.name, device);
	if (s->device_count == 0) {
		s->pub.id = id;
		snprintf(s->pub.device, sizeof(s->pub.device), "%s", device);
	}
	s->device_ids[s->device_count++] = id;
	return 0;
}

static void rss_choose(
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf, uint16_t queues)
{
	uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;

	if (queues < 2 || !(info->flow_type_rss_offloads & wanted))
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = wanted & info->flow_type_rss_offloads;
}

static int queues_setup(struct port_slot *s, uint16_t id, const struct rte_eth_dev_info *info)
{
	uint16_t rx = s->ring_size, tx = s->ring_size, q;
	int socket = rte_eth_dev_socket_id(id);
	int ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
	if (ret < 0)
		return ret;
	for (q = 0; q < device_queues(s); q++) {
		struct rte_eth_rxconf rxconf = info->default_rxconf;

		rxconf.offloads = s->rx_offloads;
		ret = rte_eth_rx_queue_setup(id, q, rx, socket, &rxconf, s->pool);
		if (ret < 0)
			return ret;
	}
	for (q = 0; q < device_queues(s); q++) {
		struct rte_eth_txconf txconf = info->default_txconf;

		txconf.offloads = s->tx_offloads;
		ret = rte_eth_tx_queue_setup(id, q, tx, socket, &txconf);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int device_configure(struct port_slot *s, uint16_t id)
{
	uint16_t queues = device_queues(s);
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	const char *name = s->pub.name;
	int ret;

	ret = rte_eth_dev_info_get(id, &info);
	if (ret < 0)
		return errno_log(ret, "%s: no device information", name);
	if (queues > info.max_rx_queues || queues > info.max_tx_queues)
		return errno_log(EBUSY, "%s: %u workers need as many queues, the device has %u/%u",
			name, queues, info.max_rx_queues, info.max_tx_queues);
	s->rx_offloads &= info.rx_offload_capa;
	s->tx_offloads &= info.tx_offload_capa;
	conf.rxmode.offloads = s->rx_offloads;
	conf.txmode.offloads = s->tx_offloads;
	rss_choose(&info, &conf, queues);
	ret = rte_eth_dev_configure(id, queues, queues, &conf);
	if (ret < 0)
		return errno_log(ret, "%s: cannot configure %u queues", name, queues);
	if (s->pub.mtu) {
		ret = rte_eth_dev_set_mtu(id, s->pub.mtu);
		if (ret < 0 && ret != -ENOTSUP)
			return errno_log(ret, "%s: cannot set MTU %u (the device takes %u..%u)",
				name, s->pub.mtu, info.min_mtu, info.max_mtu);
	}
	ret = queues_setup(s, id, &info);
	if (ret < 0) {
		s->setup_failed = true;
		return errno_log(ret, "%s: cannot set up %u queues", name, queues);
	}
	return 0;
}

static int device_open(struct port_slot *s)
{
	int ret = 0;

	if (s->ops->device_before)
		ret = s->ops->device_before(s);
	if (ret == 0)
		ret = device_make(s);
	if (ret == 0)
		ret = device_configure(s, s->device_ids[s->device_count - 1]);
	if (ret == 0 && s->ops->device_after)
		ret = s->ops->device_after(s);
	return ret;
}

// What the device turned out to be.
static int facts_read(struct port_slot *s)
{
	struct port *p = &s->pub;
	uint16_t mtu, q;
	int ret;

	ret = rte_eth_macaddr_get(p->id, &p->mac);
	if (ret < 0)
		return errno_log(ret, "%s: no MAC address", p->name);
	if (p->mtu == 0 && rte_eth_dev_get_mtu(p->id, &mtu) == 0)
		p->mtu = mtu;
	p->mtu_max = port_mtu_max(p->kind, s->pool);
	p->udp_csum_offload = s->tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	p->ip_csum_offload = s->tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	memset(port_queues[p->id], 0, sizeof(port_queues[p->id]));
	for (q = 0; s->one_queue_each && q < p->queues; q++) {
		port_queues[p->id][q].id_add = (uint16_t)(s->device_ids[q] - p->id);
		port_queues[p->id][q].queue_sub = q;
	}
	return 0;
}

static int slot_open(const struct port_conf *conf, struct port_slot *s)
{
	int ret;

	ret = s->ops->prepare(conf, s);
	if (ret == 0 && conf->devargs_extra && conf->devargs_extra[0] &&
		port_args_add(s, "%s%s", s->args[0] ? "," : "", conf->devargs_extra) < 0)
		ret = errno_log(E2BIG, "%s: device arguments", conf->name);
	do {
		if (ret == 0)
			ret = device_open(s);
	} while (ret == 0 && s->one_queue_each && s->device_count < conf->queues);
	if (ret == 0)
		ret = facts_read(s);
	if (ret == 0 && s->ops->ready)
		ret = s->ops->ready(s);
	return ret;
}

// A device whose setup failed is left to the end of the process: closing it, the AF_XDP driver
// (DPDK 22.11) writes into memory it has freed.
static void device_close(struct port_slot *s, uint16_t id, bool is_broken)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	if (is_broken || rte_eth_dev_get_name_by_port(id, name) < 0)
		return;
	if (s->ops->device_close)
		s->ops->device_close(s, id);
	else
		rte_eth_dev_close(id);
	rte_eal_hotplug_remove(s->bus, name);
}

// Inside the namespace; also for a half-open port.
static void slot_release(struct port_slot *s)
{
	uint16_t i;

	port_stop(&s->pub);
	for (i = 0; i < s->device_count; i++)
		device_close(s, s->device_ids[i], s->setup_failed && i == s->device_count - 1);
	s->device_count = 0;
	if (s->ops->release)
		s->ops->release(s);
}

static struct port_slot *slot_new(const struct port_conf *conf, struct rte_mempool *pool)
{
	struct port_slot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ops = kinds[conf->kind];
	s->pool = pool;
	s->ring_size = 1024;
	s->pub.kind = conf->kind;
	s->pub.side = conf->side;
	s->pub.queues = conf->queues;
	s->pub.mtu = conf->mtu;
	snprintf(s->bus, sizeof(s->bus), "vdev");
	snprintf(s->pub.name, sizeof(s->pub.name), "%s", conf->name);
	snprintf(s->pub.netns, sizeof(s->pub.netns), "%s", conf->netns);
	return s;
}

int port_open(const struct port_conf *conf, struct rte_mempool *pool, struct port **out)
{
	struct port_slot *s;
	int token, ret;

	ret = conf_check(conf);
	if (ret < 0)
		return ret;
	s = slot_new(conf, pool);
	if (!s)
		return errno_log(ENOMEM, "%s", conf->name);
	token = netns_enter(conf->netns);
	if (token < 0) {
		ret = errno_log(token == -ENOENT ? ENODEV : token,
			"%s: network namespace %s (ip netns list)", conf->name, conf->netns);
		goto err;
	}
	s->netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->netns_fd < 0) {
		ret = errno_log(errno, "%s: network namespace", conf->name);
		goto err_netns;
	}
	ret = slot_open(conf, s);
	if (ret < 0) {
		slot_release(s);
		close(s->netns_fd);
	}
err_netns:
	netns_leave(token);
	if (ret < 0)
		goto err;
	open_count++;
	*out = &s->pub;
	return 0;

err:
	free(s);
	return ret;
}

// Interface numbers repeat between namespaces: what the drivers do by number or name must be done
// where the port was opened.
static int slot_enter(const struct port_slot *s)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->netns_fd);
	return netns_enter(path);
}

int port_start(struct port *p)
{
	struct port_slot *s = (struct port_slot *)p;
	int token, ret = 0;
	uint16_t i;

	token = slot_enter(s);
	if (token < 0)
		return errno_log(token, "%s: network namespace %s", p->name, p->netns);
	s->started = true;
	for (i = 0; ret == 0 && i < s->device_count; i++)
		ret = rte_eth_dev_start(s->device_ids[i]);
	netns_leave(token);
	if (ret < 0) {
		port_stop(p);
		return errno_log(ret, "%s: cannot start the port", p->name);
	}
	return 0;
}

void port_stop(struct port *p)
{
	struct port_slot *s = (struct port_slot *)p;
	uint16_t i;

	if (!s->started)
		return;
	// Stopping one that does not run is no error.
	for (i = 0; i < s->device_count; i++)
		rte_eth_dev_stop(s->device_ids[i]);
	s->started = false;
}

int port_stats(const struct port *p, struct rte_eth_stats *out)
{
	const struct port_slot *s = (const struct port_slot *)p;
	struct rte_eth_stats one;
	uint16_t i;
	int ret;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < s->device_count; i++) {
		ret = rte_eth_stats_get(s->device_ids[i], &one);
		if (ret < 0)
			return ret;
		out->ipackets += one.ipackets;
		out->opackets += one.opackets;
		out->ibytes += one.ibytes;
		out->obytes += one.obytes;
		out->imissed += one.imissed;
		out->ierrors += one.ierrors;
		out->oerrors += one.oerrors;
		out->rx_nombuf += one.rx_nombuf;
	}
	return 0;
}

void port_close(struct port *p)
{
	struct port_slot *s = (struct port_slot *)p;
	int token;

	if (!p)
		return;
	token = slot_enter(s);
	if (token >= 0) {
		slot_release(s);
		netns_leave(token);
	} else {
		errno_log(token, "%s: left open, its network namespace cannot be entered", p->name);
	}
	close(s->netns_fd);
	open_count--;
	free(s);
}
