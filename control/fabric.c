// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/fabric.h"

#include "control/icmp_socket.h"
#include "dataplane/base/log.h"
#include "dataplane/worker.h"
#include "drivers/netns.h"
#include "drivers/tun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("fabric");

#define LINK_MTU_DEFAULT 1500

struct fabric_vlan {
	uint16_t domain;
	char interface[IFNAMSIZ]; // the kernel's, in the domain's namespace
};

struct fabric_port {
	const struct conf_interface *conf;
	struct port *port;
	struct steer *steer;        // NULL: no XDP program
	int exception_fd;           // -1: none
	bool exception_gone;        // and that was said
	char kernel_name[IFNAMSIZ]; // of the kernel interface that carries the addresses
	int ifindex;                // of that interface
	uint16_t domain;            // of untagged frames
	uint16_t *vlan_domain;      // [DP_VLANS] or NULL: what workers read
	struct fabric_vlan *vlans;  // [conf->vlan_count] or NULL
	bool started;
};

struct domain {
	char netns[CONF_NAME_BYTES];
	struct kernel *kernel;
	struct icmp_socket *icmp; // NULL: no gateway's outside
};

struct fabric {
	struct ev_loop *loop;
	struct dp *dp;
	struct publish *publish;
	struct slowpath *slowpath;
	struct fabric_ops ops;
	unsigned int port_count, domain_count;
	struct fabric_port ports[PORT_ACCELERATED_MAX];
	struct domain domains[FABRIC_DOMAINS_MAX];
};

// Domains -------------------------------------------------------------------------------------

static void kernel_routes_changed(void *arg, uint16_t domain)
{
	struct fabric *f = arg;

	if (f->ops.routes_changed)
		f->ops.routes_changed(f->ops.arg, domain);
}

// Packet buffers have the size that they got at the start.
static void warn_of_mtu(const struct port *p, uint16_t mtu)
{
	if (p->kind == PORT_AF_XDP && mtu > p->mtu_max)
		LOG(ERR,
			"interface %s: its MTU is %u now, packet buffers take %u: larger packets are "
			"lost until sluiced is restarted, or ip link set %s mtu %u",
			p->name, mtu, p->mtu_max, p->name, p->mtu_max);
}

static void kernel_link_changed(
	void *arg, uint16_t domain, const struct kernel_port *port, uint16_t mtu, bool up)
{
	const struct fabric *f = arg;

	(void)domain;
	LOG(NOTICE, "interface %s: %s, mtu %u", port->name, up ? "up" : "down", mtu);
	for (unsigned int i = 0; i < f->port_count; i++)
		if (f->ports[i].port && f->ports[i].port->id == port->port)
			warn_of_mtu(f->ports[i].port, mtu);
}

static void kernel_retire(void *arg, const void *old)
{
	struct fabric *f = arg;

	publish_retire_nexthop(f->publish, old);
}

static int domain_index(struct fabric *f, const char *netns)
{
	for (unsigned int i = 0; i < f->domain_count; i++)
		if (!strcmp(f->domains[i].netns, netns))
			return (int)i;
	if (f->domain_count == FABRIC_DOMAINS_MAX) {
		LOG(ERR, "more than %u network namespaces in use", FABRIC_DOMAINS_MAX);
		return -ENOSPC;
	}
	snprintf(f->domains[f->domain_count].netns, CONF_NAME_BYTES, "%s", netns);
	return (int)f->domain_count++;
}

// The kernel interface behind a port's frames with this tag (0: none).
static struct kernel_port kernel_port_of(const struct fabric_port *fp, uint16_t vlan)
{
	struct kernel_port kp = {.port = fp->port->id,
		.vlan = vlan,
		.mtu = fp->port->mtu,
		.name = fp->port->name,
		.parent = fp->kernel_name};

	memcpy(kp.mac, fp->port->mac.addr_bytes, sizeof(kp.mac));
	return kp;
}

static size_t ports_and_vlans(const struct fabric *f)
{
	size_t n = f->port_count;

	for (unsigned int i = 0; i < f->port_count; i++)
		n += f->ports[i].conf->vlan_count;
	return n;
}

// Ports of the domain and VLANs of ports; out has room for ports_and_vlans().
static unsigned int domain_ports(const struct fabric *f, uint16_t domain, struct kernel_port *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->port_count; i++) {
		const struct fabric_port *fp = &f->ports[i];

		if (fp->domain == domain && fp->ifindex > 0) {
			out[n] = kernel_port_of(fp, 0);
			out[n++].ifindex = fp->ifindex;
		}
		for (size_t v = 0; v < fp->conf->vlan_count; v++) {
			if (fp->vlans[v].domain != domain)
				continue;
			out[n] = kernel_port_of(fp, fp->conf->vlans[v].id);
			out[n].name = fp->vlans[v].interface;
			out[n++].by_name = true;
		}
	}
	return n;
}

// Workers know nothing of the kernel's packet filter. Whoever has rules there must hear of it.
static void warn_of_rules(const char *netns)
{
	char text[256];

	if (kernel_rules_check(netns, text, sizeof(text)) == 1)
		LOG(WARNING,
			"%s%s: %s: carried packets go round these rules; a gateway with "
			"`fast_path: no` obeys them",
			netns[0] ? "namespace " : "this namespace", netns, text);
}

static int domain_mirror(struct fabric *f, uint16_t domain)
{
	struct kernel_ops ops = {.routes_changed = kernel_routes_changed,
		.link_changed = kernel_link_changed,
		.retire = kernel_retire,
		.arg = f};
	struct kernel_port *ports = calloc(ports_and_vlans(f), sizeof(*ports));
	struct domain *d = &f->domains[domain];

	if (!ports)
		return -ENOMEM;
	d->kernel = kernel_new(
		f->loop, d->netns, domain, f->dp->fib, ports, domain_ports(f, domain, ports), &ops);
	free(ports);
	if (!d->kernel)
		return -errno;
	warn_of_rules(d->netns);
	return 0;
}

int fabric_domain(struct fabric *f, const char *netns)
{
	int index = domain_index(f, netns), rc;

	if (index < 0 || f->domains[index].kernel)
		return index;
	rc = domain_mirror(f, (uint16_t)index);
	return rc ? rc : index;
}

static void link_too_big(void *arg, uint16_t domain, const struct icmp_too_big *r)
{
	const struct fabric *f = arg;

	f->ops.too_big(f->ops.arg, domain, r);
}

int fabric_link_listen(struct fabric *f, uint16_t domain)
{
	struct domain *d = &f->domains[domain];

	if (d->icmp || !f->ops.too_big)
		return 0;
	d->icmp = icmp_socket_open(f->loop, d->netns, domain, link_too_big, f);
	return d->icmp ? 0 : -errno;
}

struct kernel *fabric_kernel(struct fabric *f, uint16_t domain)
{
	return f->domains[domain].kernel;
}

const char *fabric_domain_netns(const struct fabric *f, uint16_t domain)
{
	return f->domains[domain].netns;
}

static bool leads_into(const struct fabric_port *fp, uint16_t domain)
{
	for (size_t v = 0; v < fp->conf->vlan_count; v++)
		if (fp->vlans[v].domain == domain)
			return true;
	return fp->domain == domain;
}

uint16_t fabric_link_mtu(const struct fabric *f, uint16_t domain)
{
	uint16_t mtu = 0;

	for (unsigned int i = 0; i < f->port_count; i++) {
		const struct fabric_port *fp = &f->ports[i];

		if (!(fp->conf->sides & PORT_LINK) || !leads_into(fp, domain))
			continue;
		if (mtu == 0 || fp->port->mtu < mtu)
			mtu = fp->port->mtu;
	}
	return mtu ? mtu : LINK_MTU_DEFAULT;
}

// Ports ---------------------------------------------------------------------------------------

static int port_domains(struct fabric *f, struct fabric_port *fp)
{
	int index = domain_index(f, fp->conf->netns);

	if (index < 0)
		return index;
	fp->domain = (uint16_t)index;
	if (fp->conf->vlan_count == 0)
		return 0;
	fp->vlan_domain = malloc(DP_VLANS * sizeof(uint16_t));
	fp->vlans = calloc(fp->conf->vlan_count, sizeof(*fp->vlans));
	if (!fp->vlan_domain || !fp->vlans)
		return -ENOMEM;
	for (unsigned int i = 0; i < DP_VLANS; i++)
		fp->vlan_domain[i] = DP_NO_DOMAIN;
	for (size_t i = 0; i < fp->conf->vlan_count; i++) {
		index = domain_index(f, fp->conf->vlans[i].netns);
		if (index < 0)
			return index;
		fp->vlans[i].domain = (uint16_t)index;
		fp->vlan_domain[fp->conf->vlans[i].id] = (uint16_t)index;
	}
	return 0;
}

// Only behind an exception interface without a name in the configuration is there any to choose.
static void port_vlan_names(struct fabric_port *fp)
{
	for (size_t i = 0; i < fp->conf->vlan_count; i++) {
		const struct conf_vlan *v = &fp->conf->vlans[i];

		if (v->interface[0])
			memcpy(fp->vlans[i].interface, v->interface, IFNAMSIZ);
		else
			snprintf(fp->vlans[i].interface, IFNAMSIZ, "%.10s.%u", fp->kernel_name,
				(unsigned int)(v->id & (DP_VLANS - 1)));
	}
}

// The kernel gets an interface of its own for a port it cannot see.
static int port_exception(struct fabric *f, struct fabric_port *fp)
{
	char *name = fp->kernel_name;

	if (!fp->port->needs_exception) {
		snprintf(name, IFNAMSIZ, "%.15s", fp->conf->name);
		fp->ifindex = fp->port->ifindex;
		return 0;
	}
	if (fp->conf->exception[0])
		memcpy(name, fp->conf->exception, IFNAMSIZ);
	else
		snprintf(name, IFNAMSIZ, "sluice-x%u", fp->port->id);
	fp->exception_fd = exception_open(
		name, fp->conf->netns, fp->port->mac.addr_bytes, fp->port->mtu, &fp->ifindex);
	if (fp->exception_fd < 0)
		return fp->exception_fd;
	return slowpath_exception_add(f->slowpath, fp->port->id, fp->exception_fd);
}

// The mirror of the kernel's tables follows the interface by its number, which a new one would not
// have: only a restart helps.
void fabric_exceptions_check(struct fabric *f)
{
	for (unsigned int i = 0; i < f->port_count; i++) {
		struct fabric_port *fp = &f->ports[i];

		if (fp->exception_fd < 0 || fp->exception_gone ||
			!slowpath_exception_is_gone(f->slowpath, fp->port->id))
			continue;
		fp->exception_gone = true;
		LOG(ERR,
			"interface %s: its exception interface %s was deleted: the kernel gets none "
			"of its packets until sluiced is restarted",
			fp->port->name, fp->kernel_name);
	}
}

// Workers that poll no port get nothing: the kernel has it all.
static uint32_t steer_sides(const struct fabric *f, const struct fabric_port *fp)
{
	uint32_t sides = 0;

	if (atomic_load(&f->dp->workers[0]->disabled))
		return 0;
	if (fp->conf->sides & PORT_LINK)
		sides |= STEER_LINK;
	if (fp->conf->sides & PORT_VPN)
		sides |= STEER_VPN;
	return sides;
}

static int port_steer(const struct fabric *f, const struct conf *conf, struct fabric_port *fp)
{
	int token, rc = 0;

	if (fp->port->kind != PORT_AF_XDP)
		return 0;
	token = netns_enter(fp->conf->netns);
	if (token < 0)
		return token;
	fp->steer = steer_open(fp->ifindex);
	if (!fp->steer)
		rc = errno_log(-errno, "interface %s: cannot find its XDP program", fp->conf->name);
	netns_leave(token);
	if (rc)
		return rc;
	rc = steer_config_set(fp->steer, fp->port->mac.addr_bytes, steer_sides(f, fp),
		conf->control_pps, conf->control_prefix_pps);
	if (!rc)
		rc = steer_vlan_add(fp->steer, 0);
	for (size_t i = 0; !rc && i < fp->conf->vlan_count; i++)
		rc = steer_vlan_add(fp->steer, fp->conf->vlans[i].id);
	return rc ? errno_log(rc, "interface %s: cannot set up its XDP program", fp->conf->name)
		  : 0;
}

static int port_bring_up(struct fabric *f, const struct conf *conf, struct fabric_port *fp)
{
	const struct conf_interface *ci = fp->conf;
	struct port_conf pc = {.kind = ci->driver,
		.side = ci->sides,
		.queues = conf->workers,
		.mtu = ci->mtu,
		.memif_server = ci->memif_server,
		.memif_id = ci->memif_id,
		.vlans = ci->vlan_count > 0};
	int rc;

	snprintf(pc.name, sizeof(pc.name), "%s", ci->name);
	snprintf(pc.netns, sizeof(pc.netns), "%s", ci->netns);
	pc.bpf_object = conf->bpf_object;
	rc = port_open(&pc, f->dp->pool, &fp->port);
	if (!rc)
		rc = port_start(fp->port);
	if (rc)
		return rc; // logged where it was first seen
	fp->started = true;
	rc = port_domains(f, fp);
	if (!rc)
		rc = port_exception(f, fp);
	if (!rc)
		port_vlan_names(fp);
	if (!rc)
		rc = port_steer(f, conf, fp);
	return rc;
}

struct fabric *fabric_open(const struct conf *conf, struct ev_loop *loop, struct dp *dp,
	struct publish *publish, struct slowpath *slowpath, const struct fabric_ops *ops)
{
	struct fabric *f = calloc(1, sizeof(*f));
	int rc = 0;

	if (!f)
		return NULL;
	f->loop = loop;
	f->dp = dp;
	f->publish = publish;
	f->slowpath = slowpath;
	f->ops = *ops;
	for (size_t i = 0; i < conf->interface_count && !rc; i++) {
		struct fabric_port *fp = &f->ports[f->port_count++];

		fp->conf = &conf->interfaces[i];
		fp->exception_fd = -1;
		rc = port_bring_up(f, conf, fp);
	}
	// The mirrors need all ports of their domain: only now.
	for (unsigned int i = 0; i < f->domain_count && !rc; i++)
		rc = domain_mirror(f, (uint16_t)i);
	if (rc) {
		fabric_close(f);
		errno = -rc;
		return NULL;
	}
	return f;
}

void fabric_close(struct fabric *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < f->domain_count; i++) {
		icmp_socket_close(f->domains[i].icmp);
		kernel_free(f->domains[i].kernel);
	}
	for (unsigned int i = f->port_count; i-- > 0;) {
		struct fabric_port *fp = &f->ports[i];

		steer_close(fp->steer);
		if (fp->exception_fd >= 0) {
			slowpath_exception_del(f->slowpath, fp->port->id);
			close(fp->exception_fd);
		}
		if (fp->started)
			port_stop(fp->port);
		port_close(fp->port);
		free(fp->vlan_domain);
		free(fp->vlans);
	}
	free(f);
}

void fabric_fill_state(const struct fabric *f, struct dp_state *st)
{
	for (unsigned int i = 0; i < f->port_count; i++) {
		const struct fabric_port *fp = &f->ports[i];

		st->ports[fp->port->id] = (struct dp_port){
			.port = fp->port,
			.domain = fp->domain,
			.vlan_domain = fp->vlan_domain,
			.link_side = fp->conf->sides & PORT_LINK,
			.vpn_side = fp->conf->sides & PORT_VPN,
			.complete_csum = fp->port->complete_csum,
			.has_exception = fp->exception_fd >= 0,
			.udp_csum_offload = fp->port->udp_csum_offload,
			.ip_csum_offload = fp->port->ip_csum_offload,
		};
	}
}

// Steering ------------------------------------------------------------------------------------

// One entry of a port's XDP program, under one tag (0: none).
struct steer_change {
	int (*call)(struct steer *s, uint16_t vlan, const struct steer_change *c);
	uint8_t family;
	const uint8_t *addr;
	uint16_t port_be; // endpoints
	uint8_t len;      // clients: of the prefix
};

static int endpoint_add(struct steer *s, uint16_t vlan, const struct steer_change *c)
{
	return steer_endpoint_add(s, vlan, c->family, c->addr, c->port_be);
}

static int endpoint_del(struct steer *s, uint16_t vlan, const struct steer_change *c)
{
	return steer_endpoint_del(s, vlan, c->family, c->addr, c->port_be);
}

static int client_add(struct steer *s, uint16_t vlan, const struct steer_change *c)
{
	return steer_client_add(s, vlan, c->family, c->addr, c->len);
}

static int client_del(struct steer *s, uint16_t vlan, const struct steer_change *c)
{
	return steer_client_del(s, vlan, c->family, c->addr, c->len);
}

// Makes a change for every tag of every port of this side that leads into the domain, of untagged
// frames as of VLANs. Goes on after an error; returns the last one.
static int steer_each(
	struct fabric *f, uint16_t domain, uint8_t side, const struct steer_change *change)
{
	int rc = 0, err;

	for (unsigned int i = 0; i < f->port_count; i++) {
		struct fabric_port *fp = &f->ports[i];

		if (!fp->steer || !(fp->conf->sides & side))
			continue;
		if (fp->domain == domain && (err = change->call(fp->steer, 0, change)))
			rc = err;
		for (size_t v = 0; v < fp->conf->vlan_count; v++) {
			if (fp->vlans[v].domain != domain)
				continue;
			err = change->call(fp->steer, fp->conf->vlans[v].id, change);
			rc = err ? err : rc;
		}
	}
	return rc;
}

int fabric_endpoint_add(struct fabric *f, uint16_t domain, const struct session_addr *local)
{
	struct steer_change change = {endpoint_add, local->family, local->addr, local->port_be, 0};
	int rc = steer_each(f, domain, PORT_LINK, &change);

	// All ports or none: what is steered and not listened to would be lost.
	if (rc)
		fabric_endpoint_del(f, domain, local);
	return rc;
}

void fabric_endpoint_del(struct fabric *f, uint16_t domain, const struct session_addr *local)
{
	struct steer_change change = {endpoint_del, local->family, local->addr, local->port_be, 0};

	// What is not there need not go.
	(void)steer_each(f, domain, PORT_LINK, &change);
}

int fabric_client_add(
	struct fabric *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct steer_change change = {client_add, family, addr, 0, len};

	return steer_each(f, domain, PORT_VPN, &change);
}

void fabric_client_del(
	struct fabric *f, uint16_t domain, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct steer_change change = {client_del, family, addr, 0, len};

	(void)steer_each(f, domain, PORT_VPN, &change);
}

const struct port *fabric_port(const struct fabric *f, unsigned int i)
{
	return i < f->port_count ? f->ports[i].port : NULL;
}

int fabric_port_verdicts(
	const struct fabric *f, unsigned int i, uint64_t counts[STEER_VERDICT_COUNT])
{
	if (i >= f->port_count || !f->ports[i].steer)
		return -ENOENT;
	return steer_stats(f->ports[i].steer, counts);
}
