// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/icmp_socket.h"

#include "dataplane/base/log.h"
#include "drivers/netns.h"

#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_TYPE("icmp");

#define MESSAGE_BYTES 2048 // more than any router quotes; what is cut off is not read
#define INPUT_BATCH 64     // messages per wake-up: a flood of them must not keep the loop busy

struct icmp_socket {
	struct ev_loop *loop;
	ev_io io[2]; // IPv4, IPv6
	int fd[2];
	uint16_t domain;
	icmp_too_big_fn fn;
	void *arg;
};

// Everything else of the node's ICMP stays in the kernel: "fragmentation needed" about UDP.
static int filter4(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), // X: length of the IP header
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, ICMP_DEST_UNREACH << 8 | ICMP_FRAG_NEEDED, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8 + 9), // protocol of the datagram quoted
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int filter6(int fd)
{
	struct icmp6_filter f;

	ICMP6_FILTER_SETBLOCKALL(&f);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &f);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f));
}

static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct icmp_socket *s = io->data;
	uint8_t family = io == &s->io[0] ? 4 : 6, buf[MESSAGE_BYTES];
	struct icmp_too_big r;
	ssize_t n;

	(void)loop;
	(void)revents;
	for (int i = 0; i < INPUT_BATCH; i++) {
		n = recv(io->fd, buf, sizeof(buf), 0);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && icmp_parse(family, buf, (size_t)n, &r))
			s->fn(s->arg, s->domain, &r);
	}
}

static int open_family(struct icmp_socket *s, unsigned int i)
{
	int fd = i == 0 ? socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP)
			: socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	s->fd[i] = fd;
	if (i == 0 ? filter4(fd) : filter6(fd))
		return -errno;
	ev_io_init(&s->io[i], readable, fd, EV_READ);
	s->io[i].data = s;
	ev_io_start(s->loop, &s->io[i]);
	return 0;
}

struct icmp_socket *icmp_socket_open(
	struct ev_loop *loop, const char *netns, uint16_t domain, icmp_too_big_fn fn, void *arg)
{
	struct icmp_socket *s = calloc(1, sizeof(*s));
	int token, rc;

	if (!s)
		return NULL;
	*s = (struct icmp_socket){
		.loop = loop, .fd = {-1, -1}, .domain = domain, .fn = fn, .arg = arg};
	token = netns_enter(netns);
	rc = token < 0 ? token : 0;
	for (unsigned int i = 0; i < 2 && !rc; i++)
		rc = open_family(s, i);
	if (token >= 0)
		netns_leave(token);
	if (!rc)
		return s;
	errno_log(rc, "cannot listen to ICMP%s%s%s", netns[0] ? " in namespace " : "", netns,
		rc == -EPERM ? " (needs root or CAP_NET_RAW)" : "");
	icmp_socket_close(s);
	errno = -rc;
	return NULL;
}

void icmp_socket_close(struct icmp_socket *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		ev_io_stop(s->loop, &s->io[i]); // also harmless before its start
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	}
	free(s);
}
