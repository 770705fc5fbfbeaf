// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/tun.h"

#include "dataplane/base/log.h"
#include "drivers/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_TYPE("tun");

// Writes one interface setting below /proc/sys/net. Which namespace's settings /proc shows is
// decided by the writing thread, so this must run where the device is. A kernel without IPv6 has
// no such file, which is no error.
static int setting_write(const char *family, const char *name, const char *key, const char *value)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int settings_apply(const char *name, bool is_tun)
{
	static const struct {
		const char *family, *key, *value;
		bool tun_only;
	} settings[] = {
		// Packets come in from where the client is, not from where a route says.
		{"ipv4", "rp_filter", "0", false},
		// A client behind the same device is no reason to tell anybody of a better way.
		{"ipv4", "send_redirects", "0", false},
		{"ipv4", "accept_redirects", "0", false},
		{"ipv6", "accept_redirects", "0", false},
		// 1 = none: a TUN has no link-local neighbours. An exception interface has.
		{"ipv6", "addr_gen_mode", "1", true},
		{"ipv6", "accept_ra", "0", true},
	};
	size_t i;
	int ret;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (settings[i].tun_only && !is_tun)
			continue;
		ret = setting_write(settings[i].family, name, settings[i].key, settings[i].value);
		if (ret < 0)
			return errno_log(ret, "%s: cannot set %s.%s to %s", name,
				settings[i].family, settings[i].key, settings[i].value);
	}
	return 0;
}

static int link_setup(const char *name, const uint8_t *mac, uint16_t mtu)
{
	struct ifreq ifr = {0};
	int sock, ret = 0;

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return errno_log(errno, "socket");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (mac) {
		ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
		if (ioctl(sock, SIOCSIFHWADDR, &ifr) < 0) {
			ret = errno_log(errno, "%s: cannot set its address", name);
			goto out;
		}
	}
	ifr.ifr_mtu = mtu;
	if (ioctl(sock, SIOCSIFMTU, &ifr) < 0) {
		ret = errno_log(errno, "%s: cannot set MTU %u", name, mtu);
		goto out;
	}
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) == 0) {
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(sock, SIOCSIFFLAGS, &ifr) == 0)
			goto out;
	}
	ret = errno_log(errno, "%s: cannot set it up", name);
out:
	close(sock);
	return ret;
}

// Runs inside the namespace: the device is made where /dev/net/tun was opened.
static int device_open(
	const char *name, short flags, const uint8_t *mac, uint16_t mtu, int *ifindex)
{
	struct ifreq ifr = {0};
	int fd, ret;

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno_log(errno, "/dev/net/tun (modprobe tun?)");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	// EXCL: without it a persistent device of somebody else's would be taken over.
	ifr.ifr_flags = (short)(flags | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		ret = errno_log(errno, "%s: cannot make the device%s", name,
			errno == EBUSY || errno == EINVAL ? " (does the name exist already?)" : "");
		goto err;
	}
	ret = settings_apply(name, flags == IFF_TUN);
	if (ret < 0)
		goto err;
	ret = link_setup(name, mac, mtu);
	if (ret < 0)
		goto err;
	*ifindex = (int)if_nametoindex(name);
	return fd;

err:
	close(fd);
	return ret;
}

static int open_in(const char *name, const char *netns, short flags, const uint8_t *mac,
	uint16_t mtu, int *ifindex)
{
	int token, ret;

	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strpbrk(name, "/%: \t"))
		return errno_log(EINVAL, "\"%s\" is no interface name (1..15 characters)", name);
	token = netns_enter(netns);
	if (token < 0)
		return errno_log(token, "%s: network namespace %s", name, netns);
	if (if_nametoindex(name) != 0)
		ret = errno_log(EBUSY, "%s: an interface of this name exists already", name);
	else
		ret = device_open(name, flags, mac, mtu, ifindex);
	netns_leave(token);
	return ret;
}

int tun_open(const char *name, const char *netns, uint16_t mtu, int *ifindex)
{
	return open_in(name, netns, IFF_TUN, NULL, mtu, ifindex);
}

int exception_open(
	const char *name, const char *netns, const uint8_t mac[6], uint16_t mtu, int *ifindex)
{
	return open_in(name, netns, IFF_TAP, mac, mtu, ifindex);
}
