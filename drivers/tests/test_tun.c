// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/netns.h"
#include "drivers/tests/netlab.h"
#include "drivers/tun.h"

#include <CUnit/Basic.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char ns[64];

static long setting(const char *family, const char *name, const char *key)
{
	char path[128];
	long value = -1;
	FILE *f;
	int token = netns_enter(ns);

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	f = fopen(path, "re");
	if (f && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	netns_leave(token);
	return value;
}

static unsigned int index_in_ns(const char *name)
{
	int token = netns_enter(ns);
	unsigned int index = if_nametoindex(name);

	netns_leave(token);
	return index;
}

static void test_tun_settings(void)
{
	int ifindex = 0, fd;

	// The namespace's defaults are the wrong ones, so that a setting that is not made shows.
	CU_ASSERT(netlab_run("t", "sh -c 'cd /proc/sys/net/ipv4/conf/default && "
				  "echo 1 >rp_filter && echo 1 >send_redirects'"));
	fd = tun_open("tun-a", ns, 1448, &ifindex);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL((unsigned int)ifindex, index_in_ns("tun-a"));
	CU_ASSERT_EQUAL(if_nametoindex("tun-a"), 0); // not in ours
	CU_ASSERT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL(setting("ipv4", "tun-a", "rp_filter"), 0);
	CU_ASSERT_EQUAL(setting("ipv4", "tun-a", "send_redirects"), 0);
	CU_ASSERT_EQUAL(setting("ipv4", "tun-a", "accept_redirects"), 0);
	CU_ASSERT_EQUAL(setting("ipv6", "tun-a", "addr_gen_mode"), 1);
	CU_ASSERT(netlab_run("t", "sh -c 'ip link show tun-a | grep -q \"mtu 1448\"'"));
	CU_ASSERT(netlab_run("t", "sh -c 'ip link show tun-a up | grep -q UP'"));
	CU_ASSERT(netlab_run("t", "sh -c '! ip -6 addr show dev tun-a | grep -q fe80'"));
	close(fd);
	CU_ASSERT_EQUAL(index_in_ns("tun-a"), 0);
}

// An inner packet goes in by the descriptor and the kernel's answer comes back by it.
static void test_tun_ping(void)
{
	struct {
		struct iphdr ip;
		struct icmphdr icmp;
	} ping = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP}}, pong;
	struct pollfd p;
	uint32_t sum = 0;
	uint16_t words[10];
	int ifindex, fd, i;
	bool answered = false;

	fd = tun_open("tun-a", ns, 1500, &ifindex);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT(netlab_run("t", "ip addr add 10.9.0.1/24 dev tun-a"));
	ping.ip.tot_len = htons(sizeof(ping));
	ping.ip.saddr = inet_addr("10.9.0.2");
	ping.ip.daddr = inet_addr("10.9.0.1");
	memcpy(words, &ping.ip, sizeof(words));
	for (i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ping.ip.check = (uint16_t) ~(sum + (sum >> 16));
	ping.icmp.type = ICMP_ECHO;
	ping.icmp.checksum = (uint16_t)~htons(ICMP_ECHO << 8);
	CU_ASSERT_EQUAL(write(fd, &ping, sizeof(ping)), (ssize_t)sizeof(ping));
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	while (!answered && poll(&p, 1, 2000) == 1)
		answered = read(fd, &pong, sizeof(pong)) == (ssize_t)sizeof(pong) &&
			   pong.ip.protocol == IPPROTO_ICMP && pong.icmp.type == ICMP_ECHOREPLY &&
			   pong.ip.daddr == ping.ip.saddr;
	CU_ASSERT(answered);
	close(fd);
}

static void test_exception(void)
{
	static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	int ifindex, fd;

	fd = exception_open("exc0", ns, mac, 1400, &ifindex);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL((unsigned int)ifindex, index_in_ns("exc0"));
	CU_ASSERT(netlab_run(
		"t", "sh -c 'ip link show exc0 | grep -q \"link/ether 02:11:22:33:44:55\"'"));
	CU_ASSERT(netlab_run("t", "sh -c 'ip link show exc0 | grep -q \"mtu 1400\"'"));
	// It has neighbours, so it has a link-local address.
	CU_ASSERT_EQUAL(setting("ipv6", "exc0", "addr_gen_mode"), 0);
	CU_ASSERT_EQUAL(setting("ipv4", "exc0", "rp_filter"), 0);
	close(fd);
	CU_ASSERT_EQUAL(index_in_ns("exc0"), 0);
}

static void test_errors(void)
{
	int ifindex, fd;

	CU_ASSERT_EQUAL(tun_open("tun-a", "no-such-namespace-here", 1500, &ifindex), -ENOENT);
	CU_ASSERT_EQUAL(tun_open("", ns, 1500, &ifindex), -EINVAL);
	CU_ASSERT_EQUAL(tun_open("a-name-too-long-x", ns, 1500, &ifindex), -EINVAL);
	CU_ASSERT_EQUAL(tun_open("tun%d", ns, 1500, &ifindex), -EINVAL);
	CU_ASSERT_EQUAL(tun_open("../all", ns, 1500, &ifindex), -EINVAL);
	CU_ASSERT_EQUAL(tun_open("lo", ns, 1500, &ifindex), -EBUSY);
	CU_ASSERT_EQUAL(tun_open("tun-a", ns, 10, &ifindex), -EINVAL); // MTU
	CU_ASSERT_EQUAL(index_in_ns("tun-a"), 0);
	// A persistent device of somebody else's is not taken over.
	CU_ASSERT(netlab_run("t", "ip tuntap add dev tun-x mode tun"));
	CU_ASSERT_EQUAL(tun_open("tun-x", ns, 1500, &ifindex), -EBUSY);
	CU_ASSERT_NOT_EQUAL(index_in_ns("tun-x"), 0);
	fd = tun_open("tun-a", ns, 1500, &ifindex);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(tun_open("tun-a", ns, 1500, &ifindex), -EBUSY);
	close(fd);
}

int main(void)
{
	unsigned int failed;
	CU_pSuite suite;

	netlab_require();
	netlab_name("t", ns, sizeof(ns));
	if (!netlab_add("t"))
		return 1;
	CU_initialize_registry();
	suite = CU_add_suite("tun", NULL, NULL);
	CU_ADD_TEST(suite, test_tun_settings);
	CU_ADD_TEST(suite, test_tun_ping);
	CU_ADD_TEST(suite, test_exception);
	CU_ADD_TEST(suite, test_errors);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	netlab_del("t");
	return failed ? 1 : 0;
}
