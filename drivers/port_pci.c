// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A NIC bound to vfio-pci, by its PCI address. The kernel does not see it.

#include "drivers/port_ops.h"

#include "dataplane/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("port");

#define PCI_DEVICES "/sys/bus/pci/devices"

// The kernel driver that holds the NIC, "" if none.
static int driver_of(const char *devices, const char *address, char *name, size_t size)
{
	char path[256], target[PATH_MAX];
	const char *slash;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", devices, address);
	if (access(path, F_OK) < 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "%s/%s/driver", devices, address);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : "");
	return 0;
}

int port_pci_check(const char *devices, const char *address)
{
	char driver[32];

	if (strspn(address, "0123456789abcdefABCDEF:.") != strlen(address))
		return errno_log(EINVAL, "%s: expected a PCI address like 0000:3b:00.0", address);
	if (driver_of(devices, address, driver, sizeof(driver)) < 0)
		return errno_log(ENODEV, "%s: no such PCI device (lspci -D)", address);
	// mlx5 is bifurcated: its kernel driver stays, and DPDK works beside it.
	if (!strcmp(driver, "vfio-pci") || !strcmp(driver, "uio_pci_generic") ||
		!strcmp(driver, "igb_uio") || !strcmp(driver, "mlx5_core"))
		return 0;
	if (!driver[0])
		return errno_log(EBUSY, "%s: has no driver: dpdk-devbind.py --bind=vfio-pci %s",
			address, address);
	return errno_log(EBUSY, "%s: held by driver \"%s\": dpdk-devbind.py --bind=vfio-pci %s",
		address, driver, address);
}

static int pci_prepare(const struct port_conf *conf, struct port_slot *s)
{
	int ret = port_pci_check(PCI_DEVICES, conf->name);

	if (ret < 0)
		return ret;
	snprintf(s->bus, sizeof(s->bus), "pci");
	snprintf(s->pub.device, sizeof(s->pub.device), "%s", conf->name);
	s->pub.needs_exception = true;
	s->tx_offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	s->ring_size = 2048;
	return 0;
}

// EAL probed the NIC at start, since it was named with -a then; else it is plugged now.
static int pci_plug(struct port_slot *s, char device[RTE_ETH_NAME_MAX_LEN])
{
	uint16_t id;
	int ret;

	snprintf(device, RTE_ETH_NAME_MAX_LEN, "%s", s->pub.device);
	if (rte_eth_dev_get_port_by_name(s->pub.device, &id) == 0)
		return 0;
	ret = rte_eal_hotplug_add(s->bus, s->pub.device, s->args);
	if (ret < 0)
		return errno_log(ret, "%s: no DPDK driver takes this NIC", s->pub.name);
	return 0;
}

// A NIC that rx-filters by MAC needs no promiscuous mode, but must hear neighbour discovery.
static int pci_ready(struct port_slot *s)
{
	int ret = rte_eth_allmulticast_enable(s->pub.id);

	if (ret < 0 && ret != -ENOTSUP)
		return errno_log(ret, "%s: cannot receive multicast", s->pub.name);
	return 0;
}

const struct port_ops port_pci_ops = {
	.name = "pci",
	.prepare = pci_prepare,
	.plug = pci_plug,
	.ready = pci_ready,
};
