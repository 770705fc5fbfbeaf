// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/kernel.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/routing/kernel_msg.h"
#include "control/routing/kernel_ports.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "drivers/netns.h"

LOG_TYPE("kernel");

#define RECV_BYTES (64 * 1024)          // dumps come in pieces of at most 32 KB
#define SOCKET_BYTES (16 * 1024 * 1024) // of events the loop has not come to yet
#define MESSAGES_PER_TURN 512           // then other events of the loop have their turn
#define SWEEP_PER_TURN 2048
#define LOAD_TIMEOUT_MS 30000
#define BATCH_S 0.02       // calls of kernel_ops are at least so far apart
#define RESYNC_DELAY_S 0.1 // between two readings of the tables
#define STALLED_S 30.0     // a reading without an end is begun again
#define REFRESH_S 1.0
#define REFRESH_SHARE 15 // every neighbour in use is probed once in so many turns
#define REFRESH_MAX 512
#define RETRY_TURNS 30 // between two attempts to fill a table that was full
#define INDEX_QUARANTINE_MS 10000

enum stage { LINKS, NEIGHS, ROUTES4, ROUTES6, RULES4, RULES6, SWEEP, IDLE };

struct kernel {
	struct ev_loop *loop;
	char *netns;
	uint16_t domain;
	struct fib *fib;
	struct kernel_ops ops;
	struct kernel_ports ports;
	struct route_mirror *mirror;
	struct nl_sock *events;   // notifications and dumps, in the kernel's order
	struct nl_sock *requests; // acknowledged
	struct nl_sock *probes;   // sent and forgotten
	ev_io readable;
	ev_timer batch, resync, refresh;
	ev_idle sweep;
	enum stage stage;
	uint32_t dump_seq;
	bool again;     // the reading that runs is not enough
	bool again_all; // and the next must read more than rules
	bool rules_only;
	unsigned int rules_foreign, rules_logged;
	struct kernel_msg_rule rule_first;
	unsigned int retry_turns;
	bool full_logged;
	uint64_t overruns;
};

// --- next-hop indexes ---

// All domains share one forwarding table and thus its indexes. A worker may hold an index for the
// rest of its turn, and a peer until control has looked up its link again: an index rests before
// another domain may get it.
static struct {
	uint32_t fresh; // never given out so far
	uint32_t head, count;
	struct {
		uint32_t index;
		uint64_t free_ms;
	} resting[NEXTHOP_MAX];
} indexes = {.fresh = NEXTHOP_KERNEL + 1};

static uint32_t on_nexthop_new(void *arg)
{
	uint32_t index;

	(void)arg;
	if (indexes.fresh < NEXTHOP_MAX)
		return indexes.fresh++;
	if (!indexes.count ||
		clock_ms() - indexes.resting[indexes.head].free_ms < INDEX_QUARANTINE_MS)
		return NEXTHOP_KERNEL;
	index = indexes.resting[indexes.head].index;
	indexes.head = (indexes.head + 1) % NEXTHOP_MAX;
	indexes.count--;
	return index;
}

static void on_nexthop_free(void *arg, uint32_t index)
{
	uint32_t tail = (indexes.head + indexes.count) % NEXTHOP_MAX;

	(void)arg;
	indexes.resting[tail].index = index;
	indexes.resting[tail].free_ms = clock_ms();
	indexes.count++;
}

// --- what the mirror asks for ---

static int on_route_set(
	void *arg, uint8_t family, const uint8_t *addr, uint8_t len, uint32_t nexthop)
{
	const struct kernel *k = arg;

	return fib_route_add(k->fib, k->domain, family, addr, len, nexthop);
}

static void on_route_del(void *arg, uint8_t family, const uint8_t *addr, uint8_t len)
{
	const struct kernel *k = arg;

	// The mirror deletes only what it has set.
	(void)fib_route_del(k->fib, k->domain, family, addr, len);
}

static void on_nexthop_set(void *arg, uint32_t index, const struct nexthop *nh)
{
	const struct kernel *k = arg;
	const struct nexthop *old = fib_nexthop_set(k->fib, index, nh);

	if (old)
		k->ops.retire(k->ops.arg, old);
}

static struct nl_addr *make_addr(uint8_t family, const uint8_t *addr)
{
	return nl_addr_build(family == 6 ? AF_INET6 : AF_INET, addr, family == 6 ? 16 : 4);
}

// NTF_USE is what a packet of the kernel's own would do: resolves an unknown neighbour, verifies a
// stale one, keeps a good one from being collected. But it makes a permanent entry an ordinary
// one: where the mirror knows of none, the request must not touch one that was made just now.
static void on_probe(void *arg, int ifindex, uint8_t family, const uint8_t *addr, bool known)
{
	const struct kernel *k = arg;
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *dst = make_addr(family, addr);
	int flags = NLM_F_CREATE | (known ? 0 : NLM_F_EXCL);
	struct nl_msg *msg = NULL;

	if (n && dst) {
		rtnl_neigh_set_ifindex(n, ifindex);
		rtnl_neigh_set_dst(n, dst);
		rtnl_neigh_set_state(n, NUD_NONE);
		rtnl_neigh_set_flags(n, NTF_USE);
		// A lost probe is repeated by the next turn of the refresh.
		if (rtnl_neigh_build_add_request(n, flags, &msg) == 0)
			nl_send_auto(k->probes, msg);
	}
	nlmsg_free(msg);
	nl_addr_put(dst);
	rtnl_neigh_put(n);
}

// --- callbacks of the owner, batched ---

static void batch_later(struct kernel *k)
{
	if (ev_is_active(&k->batch))
		return;
	ev_timer_set(&k->batch, BATCH_S, 0.);
	ev_timer_start(k->loop, &k->batch);
}

static void port_tell(void *arg, const struct kernel_port *port, uint16_t mtu, bool up)
{
	const struct kernel *k = arg;

	if (k->ops.link_changed)
		k->ops.link_changed(k->ops.arg, k->domain, port, mtu, up);
}

static void on_batch(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct kernel *k = t->data;

	(void)loop;
	(void)revents;
	kernel_ports_changed(&k->ports, port_tell, k);
	if (route_mirror_take_changed(k->mirror) && k->ops.routes_changed)
		k->ops.routes_changed(k->ops.arg, k->domain);
}

// --- reading all tables ---

static int dump_request(struct kernel *k, int type, int family)
{
	union {
		struct rtgenmsg gen;
		struct ifinfomsg link;
		struct ndmsg neigh;
		struct rtmsg route;
	} body;
	size_t len = type == RTM_GETLINK ? sizeof(body.link)
		     : type == RTM_GETNEIGH
			     ? sizeof(body.neigh)
			     : sizeof(body.route); // a rule's header has this size too
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
	int rc = -NLE_NOMEM;

	memset(&body, 0, sizeof(body));
	body.gen.rtgen_family = (unsigned char)family;
	if (msg && nlmsg_append(msg, &body, len, NLMSG_ALIGNTO) == 0) {
		rc = nl_send_auto(k->events, msg);
		k->dump_seq = nlmsg_hdr(msg)->nlmsg_seq;
	}
	nlmsg_free(msg);
	return rc < 0 ? rc : 0;
}

static void resync_later(struct kernel *k, bool all)
{
	if (k->stage != IDLE) {
		k->again = true;
		k->again_all |= all;
		return;
	}
	k->again_all |= all;
	if (ev_is_active(&k->resync))
		return;
	ev_timer_set(&k->resync, RESYNC_DELAY_S, 0.);
	ev_timer_start(k->loop, &k->resync);
}

static void rules_report(struct kernel *k)
{
	if (k->rules_foreign == k->rules_logged)
		return;
	if (k->rules_foreign)
		LOG(WARNING,
			"netns=%s: %u ip rules beyond the default ones (first: IPv%u pref %u table %u): "
			"workers follow tables local and main only; use fast_path: off where the "
			"rules matter",
			*k->netns ? k->netns : "own", k->rules_foreign, k->rule_first.family,
			k->rule_first.prio, k->rule_first.table);
	else
		LOG(NOTICE, "netns=%s: only the default ip rules are left",
			*k->netns ? k->netns : "own");
	k->rules_logged = k->rules_foreign;
}

static void stage_begin(struct kernel *k, enum stage stage);

static void sync_end(struct kernel *k)
{
	bool again = k->again, all = k->again_all;

	k->stage = IDLE;
	ev_timer_stop(k->loop, &k->resync);
	rules_report(k);
	k->again = k->again_all = false;
	if (again)
		resync_later(k, all);
}

static void stage_begin(struct kernel *k, enum stage stage)
{
	static const struct {
		int type, family;
	} dumps[] = {
		[LINKS] = {RTM_GETLINK, AF_UNSPEC},
		[NEIGHS] = {RTM_GETNEIGH, AF_UNSPEC},
		[ROUTES4] = {RTM_GETROUTE, AF_INET},
		[ROUTES6] = {RTM_GETROUTE, AF_INET6},
		[RULES4] = {RTM_GETRULE, AF_INET},
		[RULES6] = {RTM_GETRULE, AF_INET6},
	};

	k->stage = stage;
	if (stage == SWEEP && k->rules_only) {
		sync_end(k);
	} else if (stage == SWEEP) {
		ev_idle_start(k->loop, &k->sweep);
	} else if (dump_request(k, dumps[stage].type, dumps[stage].family) < 0) {
		k->again = k->again_all = true;
		sync_end(k);
	}
}

static void sync_begin(struct kernel *k, bool all)
{
	k->again = k->again_all = false;
	k->rules_only = !all;
	k->rules_foreign = 0;
	if (all)
		route_mirror_resync(k->mirror);
	ev_timer_stop(k->loop, &k->resync);
	ev_timer_set(&k->resync, STALLED_S, 0.);
	ev_timer_start(k->loop, &k->resync);
	stage_begin(k, all ? LINKS : RULES4);
}

static void on_resync(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct kernel *k = t->data;

	(void)loop;
	(void)revents;
	if (k->stage != IDLE)
		LOG(WARNING, "netns=%s: reading the kernel's tables again, no answer for %.0f s",
			*k->netns ? k->netns : "own", STALLED_S);
	ev_idle_stop(k->loop, &k->sweep);
	sync_begin(k, k->again_all || k->stage != IDLE);
}

static void sweep_turn(struct kernel *k)
{
	bool done = route_mirror_sweep(k->mirror, SWEEP_PER_TURN);

	batch_later(k);
	if (!done)
		return;
	ev_idle_stop(k->loop, &k->sweep);
	sync_end(k);
}

static void on_sweep(struct ev_loop *loop, ev_idle *idle, int revents)
{
	(void)loop;
	(void)revents;
	sweep_turn(idle->data);
}

// --- messages ---

static void input_link(struct kernel *k, struct nlmsghdr *h)
{
	struct kernel_msg_link link;
	bool again, gone = h->nlmsg_type == RTM_DELLINK;

	if (kernel_msg_link(h, &link) < 0)
		return;
	if (kernel_ports_link(&k->ports, &link, gone))
		batch_later(k);
	if (gone)
		again = route_mirror_link_del(k->mirror, link.ifindex);
	else
		again = route_mirror_link(k->mirror, link.ifindex, link.up, link.mtu);
	if (again)
		resync_later(k, true);
}

static void input_neigh(struct kernel *k, struct nlmsghdr *h)
{
	struct kernel_msg_neigh n;

	if (kernel_msg_neigh(h, &n) < 0)
		return;
	if (h->nlmsg_type == RTM_DELNEIGH)
		route_mirror_neigh_del(k->mirror, n.ifindex, n.family, n.addr);
	else if (route_mirror_neigh(k->mirror, n.ifindex, n.family, n.addr,
			 n.usable ? n.lladdr : NULL, n.fixed) < 0)
		resync_later(k, true);
}

static enum route_mirror_how route_how(const struct nlmsghdr *h, uint8_t family, bool dump)
{
	if (dump)
		return ROUTE_MIRROR_LAST;
	if (h->nlmsg_flags & NLM_F_REPLACE)
		return ROUTE_MIRROR_REPLACE;
	// IPv4 puts a new route before its equals unless told otherwise, IPv6 behind them.
	return family == 6 || (h->nlmsg_flags & NLM_F_APPEND) ? ROUTE_MIRROR_LAST
							      : ROUTE_MIRROR_FIRST;
}

static void input_route(struct kernel *k, struct nlmsghdr *h, bool dump)
{
	struct route_mirror_route r;
	int rc = kernel_msg_route(h, &r);

	if (rc == -ENOENT)
		return;
	if (rc == 0 && h->nlmsg_type == RTM_DELROUTE)
		rc = route_mirror_route_del(k->mirror, &r) ? 0 : -ESTALE;
	else if (rc == 0)
		rc = route_mirror_route_add(k->mirror, &r, route_how(h, r.family, dump));
	// The mirror is not what the kernel has: read it all again.
	if (rc < 0)
		resync_later(k, true);
}

static void input_rule(struct kernel *k, struct nlmsghdr *h, bool dump)
{
	struct kernel_msg_rule r;

	if (kernel_msg_rule(h, &r) < 0)
		return;
	if (!dump) {
		resync_later(k, false);
		return;
	}
	if (!r.is_default && !k->rules_foreign++)
		k->rule_first = r;
}

static void input_message(struct kernel *k, struct nlmsghdr *h)
{
	bool dump = k->stage < SWEEP && h->nlmsg_seq == k->dump_seq &&
		    h->nlmsg_pid == nl_socket_get_local_port(k->events);

	if (dump && (h->nlmsg_flags & NLM_F_DUMP_INTR))
		k->again = k->again_all = true;
	switch (h->nlmsg_type) {
	case NLMSG_DONE:
		if (dump)
			stage_begin(k, k->stage + 1);
		break;
	case NLMSG_ERROR:
		// A kernel without IPv6 has no such tables to read.
		if (dump)
			stage_begin(k, k->stage + 1);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		input_link(k, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		input_neigh(k, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		input_route(k, h, dump);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		input_rule(k, h, dump);
		break;
	case RTM_DELADDR:
		// Routes with this preferred source went with it, silently.
		resync_later(k, true);
		break;
	}
}

// Messages of one datagram, 0 when there is none, -1 after an overrun.
static int input_datagram(struct kernel *k)
{
	struct sockaddr_nl from = {0};
	unsigned char *buf = NULL;
	struct nlmsghdr *h;
	int len, count = 0;

	len = nl_recv(k->events, &from, &buf, NULL);
	if (len == -NLE_NOMEM || len == -NLE_MSG_TRUNC)
		return -1;
	if (len <= 0)
		return 0;
	// Only the kernel speaks for the kernel.
	for (h = (struct nlmsghdr *)buf; from.nl_pid == 0 && nlmsg_ok(h, len);
		h = nlmsg_next(h, &len), count++)
		input_message(k, h);
	free(buf);
	return count ? count : 1;
}

static void input_turn(struct kernel *k)
{
	int n, left = MESSAGES_PER_TURN;

	while (left > 0) {
		n = input_datagram(k);
		if (n == 0)
			break;
		if (n > 0) {
			left -= n;
			continue;
		}
		k->overruns++;
		LOG(NOTICE, "netns=%s: too many changes at once, reading all tables again",
			*k->netns ? k->netns : "own");
		resync_later(k, true);
		break;
	}
	batch_later(k);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	input_turn(io->data);
}

// Errors of probes (the interface is gone, no room for neighbours) need no action.
static void probes_drain(const struct kernel *k)
{
	char scrap[256];
	int i;

	for (i = 0; i < REFRESH_MAX; i++)
		if (recv(nl_socket_get_fd(k->probes), scrap, sizeof(scrap), MSG_DONTWAIT) < 0)
			break;
}

static void on_refresh(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct kernel *k = t->data;

	(void)loop;
	(void)revents;
	route_mirror_refresh(k->mirror, REFRESH_SHARE, REFRESH_MAX);
	probes_drain(k);
	if (!route_mirror_is_full(k->mirror)) {
		k->full_logged = false;
		return;
	}
	if (!k->full_logged)
		LOG(WARNING,
			"netns=%s: the forwarding table is full, routes around those that found "
			"no room go through the kernel",
			*k->netns ? k->netns : "own");
	k->full_logged = true;
	if (++k->retry_turns % RETRY_TURNS == 0)
		route_mirror_retry(k->mirror);
}

// --- life ---

static struct nl_sock *socket_open(void)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (sk && nl_connect(sk, NETLINK_ROUTE) == 0)
		return sk;
	nl_socket_free(sk);
	return NULL;
}

static int sockets_open(struct kernel *k)
{
	int bytes = SOCKET_BYTES, token = netns_enter(k->netns), rc;

	if (token < 0)
		return token;
	k->events = socket_open();
	k->requests = socket_open();
	k->probes = socket_open();
	netns_leave(token);
	if (!k->events || !k->requests || !k->probes)
		return -ENOBUFS;
	nl_socket_disable_auto_ack(k->probes);
	nl_socket_disable_auto_ack(k->events);
	nl_socket_disable_seq_check(k->events);
	nl_socket_set_msg_buf_size(k->events, RECV_BYTES);
	nl_socket_disable_msg_peek(k->events);
	// Beyond net.core.rmem_max; without the right to it overruns only come earlier.
	(void)setsockopt(
		nl_socket_get_fd(k->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	rc = nl_socket_add_memberships(k->events, RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, 0);
	if (rc == 0)
		rc = nl_socket_set_nonblocking(k->events);
	return rc < 0 ? -EIO : 0;
}

// The first reading, without the loop: nothing else runs before the routes are there.
static int load(struct kernel *k)
{
	struct pollfd pfd = {.fd = nl_socket_get_fd(k->events), .events = POLLIN};
	uint64_t end = clock_ms() + LOAD_TIMEOUT_MS;

	sync_begin(k, true);
	while (k->stage != IDLE) {
		if (k->stage == SWEEP) {
			sweep_turn(k);
			continue;
		}
		if (clock_ms() > end)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, 1000) > 0)
			input_turn(k);
	}
	return 0;
}

static void watchers_init(struct kernel *k)
{
	ev_io_init(&k->readable, on_readable, nl_socket_get_fd(k->events), EV_READ);
	ev_timer_init(&k->batch, on_batch, BATCH_S, 0.);
	ev_timer_init(&k->resync, on_resync, RESYNC_DELAY_S, 0.);
	ev_timer_init(&k->refresh, on_refresh, REFRESH_S, REFRESH_S);
	ev_idle_init(&k->sweep, on_sweep);
	k->readable.data = k->batch.data = k->resync.data = k->refresh.data = k->sweep.data = k;
}

static int kernel_init(struct kernel *k)
{
	struct route_mirror_ops ops = {.route_set = on_route_set,
		.route_del = on_route_del,
		.nexthop_new = on_nexthop_new,
		.nexthop_set = on_nexthop_set,
		.nexthop_free = on_nexthop_free,
		.probe = on_probe,
		.arg = k};
	int rc = k->netns ? sockets_open(k) : -ENOMEM;

	if (rc < 0)
		return rc;
	watchers_init(k);
	k->mirror = route_mirror_new(&ops, k->ports.list, k->ports.count);
	if (!k->mirror)
		return -ENOMEM;
	rc = load(k);
	if (rc < 0)
		return rc;
	kernel_ports_report(&k->ports);
	ev_io_start(k->loop, &k->readable);
	ev_timer_start(k->loop, &k->refresh);
	return 0;
}

struct kernel *kernel_new(struct ev_loop *loop, const char *netns, uint16_t domain, struct fib *fib,
	const struct kernel_port *ports, unsigned int port_count, const struct kernel_ops *ops)
{
	struct kernel *k;
	int rc;

	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->loop = loop;
	k->netns = strdup(netns);
	k->domain = domain;
	k->fib = fib;
	k->ops = *ops;
	rc = kernel_ports_init(&k->ports, k->netns ? k->netns : netns, ports, port_count);
	if (rc == 0)
		rc = kernel_init(k);
	if (rc == 0)
		return k;
	errno_log(rc, "netns=%s: cannot follow the kernel's tables", *netns ? netns : "own");
	kernel_free(k);
	errno = -rc;
	return NULL;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->mirror) {
		ev_io_stop(k->loop, &k->readable);
		ev_timer_stop(k->loop, &k->batch);
		ev_timer_stop(k->loop, &k->resync);
		ev_timer_stop(k->loop, &k->refresh);
		ev_idle_stop(k->loop, &k->sweep);
		route_mirror_free(k->mirror);
	}
	kernel_ports_fini(&k->ports);
	nl_socket_free(k->events);
	nl_socket_free(k->requests);
	nl_socket_free(k->probes);
	free(k->netns);
	free(k);
}

// --- questions and requests ---

uint32_t kernel_nexthop(const struct kernel *k, uint8_t family, const uint8_t *addr)
{
	return route_mirror_lookup(k->mirror, family, addr);
}

void kernel_probe(struct kernel *k, uint8_t family, const uint8_t *addr)
{
	route_mirror_probe(k->mirror, family, addr);
}

static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
	case NLE_EXIST:
		return 0;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OPNOTSUPP:
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	default:
		return -EINVAL;
	}
}

int kernel_addr_add(struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = make_addr(family, addr);
	int rc = -NLE_NOMEM;

	if (a && local) {
		nl_addr_set_prefixlen(local, len);
		rtnl_addr_set_ifindex(a, ifindex);
		rtnl_addr_set_local(a, local);
		// Nobody else can have it behind a TUN device: usable at once.
		if (family == 6)
			rtnl_addr_set_flags(a, IFA_F_NODAD);
		rc = rtnl_addr_add(k->requests, a, NLM_F_CREATE | NLM_F_EXCL);
	}
	nl_addr_put(local);
	rtnl_addr_put(a);
	return errno_of(rc);
}

int kernel_route_add(
	struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct rtnl_route *r = kernel_msg_route_make(ifindex, family, addr, len);
	int rc = r ? rtnl_route_add(k->requests, r, NLM_F_EXCL) : -NLE_NOMEM;

	rtnl_route_put(r);
	return rc == -NLE_EXIST ? -EEXIST : errno_of(rc);
}

void kernel_route_del(
	struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct rtnl_route *r = kernel_msg_route_make(ifindex, family, addr, len);

	// Somebody may have been faster, or the device is gone.
	if (r)
		(void)rtnl_route_delete(k->requests, r, 0);
	rtnl_route_put(r);
}

bool kernel_has_within(const struct kernel *k, int ifindex, uint8_t family, const uint8_t *addr,
	uint8_t len, uint8_t what[16], uint8_t *what_len)
{
	return route_mirror_has_within(k->mirror, ifindex, family, addr, len, what, what_len);
}

bool kernel_has_addr(const struct kernel *k, uint8_t family, const uint8_t *addr)
{
	return route_mirror_is_local(k->mirror, family, addr);
}

uint32_t kernel_route_count(const struct kernel *k)
{
	return route_mirror_count(k->mirror);
}

uint64_t kernel_overruns(const struct kernel *k)
{
	return k->overruns;
}
