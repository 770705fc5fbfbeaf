// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/endpoint.h"

#include "dataplane/base/log.h"
#include "dataplane/proto.h"
#include "drivers/netns.h"

#include <linux/filter.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_TYPE("endpoint");

#define DATAGRAM_BYTES_MAX 65535
#define INPUT_BATCH 64 // datagrams per wake-up, so that a flood does not keep the loop from timers
#define SOCKET_BUFFER_BYTES (4 << 20)

struct endpoint {
	struct ev_loop *loop;
	ev_io io;
	int control_fd, data_fd;
	struct session_addr local;
	endpoint_input_fn input;
	void *arg;
	uint8_t buf[DATAGRAM_BYTES_MAX];
};

socklen_t session_addr_to_sockaddr(const struct session_addr *a, union sockaddr_any *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		ss->in.sin_family = AF_INET;
		ss->in.sin_port = a->port_be;
		memcpy(&ss->in.sin_addr, a->addr, 4);
		return sizeof(ss->in);
	}
	ss->in6.sin6_family = AF_INET6;
	ss->in6.sin6_port = a->port_be;
	ss->in6.sin6_scope_id = a->scope_id;
	memcpy(&ss->in6.sin6_addr, a->addr, 16);
	return sizeof(ss->in6);
}

int session_addr_from_sockaddr(struct session_addr *a, const union sockaddr_any *ss)
{
	memset(a, 0, sizeof(*a));
	if (ss->sa.sa_family == AF_INET) {
		a->family = 4;
		a->port_be = ss->in.sin_port;
		memcpy(a->addr, &ss->in.sin_addr, 4);
		return 0;
	}
	if (ss->sa.sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	a->family = 6;
	a->port_be = ss->in6.sin6_port;
	memcpy(a->addr, &ss->in6.sin6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&ss->in6.sin6_addr))
		a->scope_id = ss->in6.sin6_scope_id;
	return 0;
}

const char *session_addr_text(const struct session_addr *a, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->addr, ip, sizeof(ip));
	snprintf(buf, size, a->family == 4 ? "%s:%u" : "[%s]:%u", ip, ntohs(a->port_be));
	return buf;
}

// Index into the group of sockets on this port, in the order they were bound: 1 for the two data
// opcodes, 0 for the rest. The program sees the datagram's payload.
static int attach_demux(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OP_DATA_V1, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OP_DATA_V2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog));
}

static int set_options(int fd, uint8_t family, bool shared)
{
	int on = 1, size = SOCKET_BUFFER_BYTES, dont = IP_PMTUDISC_DONT;
	int rc = 0;

	// Without SO_REUSEPORT, binding tells whether somebody else has the port.
	if (shared)
		rc |= setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	// Larger than the system's limit where we may; a smaller buffer is no error.
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	// The kernel fragments what does not fit, as the workers do: no DF bit.
	if (family == 6) {
		rc |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		rc |= setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof(dont));
	} else {
		rc |= setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
	}
	return rc;
}

static int bind_one(const struct session_addr *local, bool shared)
{
	union sockaddr_any ss;
	socklen_t len = session_addr_to_sockaddr(local, &ss);
	int fd, err;

	fd = socket(ss.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (set_options(fd, local->family, shared) || bind(fd, &ss.sa, len)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

static int bind_both(struct endpoint *e)
{
	int fd = bind_one(&e->local, false);

	if (fd < 0)
		return fd;
	close(fd);
	e->control_fd = bind_one(&e->local, true);
	if (e->control_fd < 0)
		return e->control_fd;
	if (attach_demux(e->control_fd))
		return -errno;
	e->data_fd = bind_one(&e->local, true);
	return e->data_fd < 0 ? e->data_fd : 0;
}

static void readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct endpoint *e = io->data;
	union sockaddr_any ss;
	struct session_addr remote;
	socklen_t ss_len;
	ssize_t n;

	(void)loop;
	(void)revents;
	for (int i = 0; i < INPUT_BATCH; i++) {
		ss_len = sizeof(ss);
		n = recvfrom(e->control_fd, e->buf, sizeof(e->buf), 0, &ss.sa, &ss_len);
		if (n < 0 && errno != EINTR) // EAGAIN, or an ICMP error of an earlier datagram
			break;
		if (n > 0 && session_addr_from_sockaddr(&remote, &ss) == 0)
			e->input(e->arg, &remote, e->buf, (size_t)n);
	}
}

static const char *mend_hint(int err)
{
	switch (err) {
	case EADDRINUSE:
		return " (another program has the port: choose another, or stop it; `ss -ulpn`)";
	case EADDRNOTAVAIL:
		return " (not an address of this node: `ip addr` shows those it has)";
	case EACCES:
		return " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
	default:
		return "";
	}
}

struct endpoint *endpoint_open(struct ev_loop *loop, const char *gateway, const char *netns,
	const struct session_addr *local, endpoint_input_fn input, void *arg)
{
	struct endpoint *e = calloc(1, sizeof(*e));
	char text[SESSION_ADDR_TEXT_BYTES];
	int token, rc;

	if (!e)
		return NULL;
	e->loop = loop;
	e->local = *local;
	e->input = input;
	e->arg = arg;
	e->control_fd = e->data_fd = -1;
	token = netns_enter(netns);
	rc = token < 0 ? token : bind_both(e);
	if (token >= 0)
		netns_leave(token);
	if (rc) {
		LOG(ERR, "gateway=%s: cannot listen on udp %s: %s%s", gateway,
			session_addr_text(local, text, sizeof(text)), strerror(-rc),
			mend_hint(-rc));
		endpoint_close(e);
		errno = -rc;
		return NULL;
	}
	ev_io_init(&e->io, readable, e->control_fd, EV_READ);
	e->io.data = e;
	ev_io_start(loop, &e->io);
	return e;
}

void endpoint_close(struct endpoint *e)
{
	if (!e)
		return;
	ev_io_stop(e->loop, &e->io); // also harmless before its start
	if (e->control_fd >= 0)
		close(e->control_fd);
	if (e->data_fd >= 0)
		close(e->data_fd);
	free(e);
}

void endpoint_send(
	struct endpoint *e, const struct session_addr *remote, const uint8_t *data, size_t len)
{
	union sockaddr_any ss;
	socklen_t ss_len = session_addr_to_sockaddr(remote, &ss);

	// The reliability layer sends again what is lost here.
	(void)!sendto(e->control_fd, data, len, 0, &ss.sa, ss_len);
}

int endpoint_data_fd(const struct endpoint *e)
{
	return e->data_fd;
}

const struct session_addr *endpoint_local(const struct endpoint *e)
{
	return &e->local;
}
