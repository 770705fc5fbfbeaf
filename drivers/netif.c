// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/netif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ethtool(int sock, const char *name, void *command)
{
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_data = command;
	return ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

// Drivers that tell nothing have one queue and no name.
static void ethtool_read(int sock, const char *name, struct netif *out)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};

	if (ethtool(sock, name, &info) == 0)
		snprintf(out->driver, sizeof(out->driver), "%s", info.driver);
	if (ethtool(sock, name, &flags) == 0)
		out->strips_vlan = flags.data & ETH_FLAG_RXVLAN;
	out->rx = out->tx = 1;
	if (ethtool(sock, name, &channels) < 0)
		return;
	out->combined = (uint16_t)channels.combined_count;
	out->combined_max = (uint16_t)channels.max_combined;
	if (channels.max_rx && channels.max_tx) {
		out->rx = (uint16_t)channels.rx_count;
		out->tx = (uint16_t)channels.tx_count;
	}
}

int netif_read(const char *name, struct netif *out)
{
	struct ifreq ifr = {0};
	int sock, ret = 0;

	memset(out, 0, sizeof(*out));
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	out->ifindex = (int)if_nametoindex(name);
	if (out->ifindex == 0)
		return -ENODEV;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0) {
		ret = -errno;
		goto out;
	}
	out->is_up = ifr.ifr_flags & IFF_UP;
	if (ioctl(sock, SIOCGIFMTU, &ifr) < 0) {
		ret = -errno;
		goto out;
	}
	out->mtu = ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)ifr.ifr_mtu;
	ethtool_read(sock, name, out);
out:
	close(sock);
	return ret;
}
