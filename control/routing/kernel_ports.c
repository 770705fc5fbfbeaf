// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/kernel_ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/log.h"

LOG_TYPE("kernel");

#define TEXT_BYTES 192

// Why a VLAN's interface is not followed.
enum fit { FIT_ABSENT, FIT_TAG, FIT_MAC, FIT_GOOD };

struct kernel_port_state {
	enum fit fit; // VLANs
	int misfit;   // interface whose fault was logged last, 0: none
	uint16_t mtu;
	bool up, changed;
};

int kernel_ports_init(struct kernel_ports *p, const char *netns, const struct kernel_port *list,
	unsigned int count)
{
	*p = (struct kernel_ports){.netns = netns};
	p->list = calloc(count + 1, sizeof(*p->list));
	p->states = calloc(count + 1, sizeof(*p->states));
	if (!p->list || !p->states)
		return -ENOMEM;
	p->count = count;
	for (unsigned int i = 0; i < count; i++) {
		p->list[i] = list[i];
		if (list[i].by_name)
			p->list[i].ifindex = 0;
		else
			p->states[i] = (struct kernel_port_state){.mtu = list[i].mtu, .up = true};
	}
	return 0;
}

void kernel_ports_fini(struct kernel_ports *p)
{
	free(p->list);
	free(p->states);
	*p = (struct kernel_ports){0};
}

// Workers write the port's MAC address and its tag into every packet, and take only what is sent
// to that address: an interface that differs would have hosts answer past them.
static enum fit fit_of(const struct kernel_port *port, const struct kernel_msg_link *link)
{
	if (link->vlan && link->vlan != port->vlan)
		return FIT_TAG;
	return memcmp(link->mac, port->mac, sizeof(port->mac)) ? FIT_MAC : FIT_GOOD;
}

// "interface eth1: VLAN 100: eth1.100 in namespace blue", what all messages begin with.
static const char *text(
	char out[TEXT_BYTES], const struct kernel_ports *p, const struct kernel_port *port)
{
	snprintf(out, TEXT_BYTES, "interface %s: VLAN %u: %s%s%s", port->parent, port->vlan,
		port->name, *p->netns ? " in namespace " : "", p->netns);
	return out;
}

static void misfit_log(const struct kernel_ports *p, const struct kernel_port *port, enum fit fit,
	const struct kernel_msg_link *link)
{
	const uint8_t *mac = port->mac;
	char name[TEXT_BYTES];

	text(name, p, port);
	if (fit == FIT_MAC)
		LOG(WARNING,
			"%s has another MAC address, packets to it take the slow path: ip link set "
			"%s address %02x:%02x:%02x:%02x:%02x:%02x",
			name, port->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	else if (link->vlan == KERNEL_MSG_VLAN_OTHER)
		LOG(WARNING, "%s has tags of another kind, packets to it take the slow path", name);
	else
		LOG(WARNING, "%s has tag %u, packets to it take the slow path", name, link->vlan);
}

static void port_lost(const struct kernel_ports *p, unsigned int i)
{
	struct kernel_port *port = &p->list[i];
	char name[TEXT_BYTES];

	port->ifindex = 0;
	p->states[i] = (struct kernel_port_state){.fit = FIT_ABSENT};
	LOG(NOTICE, "%s is gone, packets to it take the slow path", text(name, p, port));
}

static void port_found(const struct kernel_ports *p, unsigned int i,
	const struct kernel_msg_link *link, enum fit fit)
{
	struct kernel_port *port = &p->list[i];
	struct kernel_port_state *s = &p->states[i];
	char name[TEXT_BYTES];

	if (fit == FIT_GOOD) {
		if (s->fit != FIT_GOOD)
			LOG(NOTICE, "%s: workers follow its routes", text(name, p, port));
		port->ifindex = link->ifindex;
		s->fit = FIT_GOOD;
		s->misfit = 0;
		return;
	}
	if (s->fit != fit || s->misfit != link->ifindex)
		misfit_log(p, port, fit, link);
	port->ifindex = 0;
	*s = (struct kernel_port_state){.fit = fit, .misfit = link->ifindex};
}

// Has the link the name of this VLAN's interface, still or from now on?
static void port_follow(
	struct kernel_ports *p, unsigned int i, const struct kernel_msg_link *link, bool gone)
{
	const struct kernel_port *port = &p->list[i];
	struct kernel_port_state *s = &p->states[i];

	if (!gone && !strcmp(link->name, port->name)) {
		port_found(p, i, link, fit_of(port, link));
		return;
	}
	if (port->ifindex == link->ifindex)
		port_lost(p, i);
	if (s->misfit == link->ifindex)
		s->misfit = 0;
}

bool kernel_ports_link(struct kernel_ports *p, const struct kernel_msg_link *link, bool gone)
{
	bool up = link->up && !gone, changed = false;

	for (unsigned int i = 0; i < p->count; i++) {
		struct kernel_port_state *s = &p->states[i];

		if (p->list[i].by_name)
			port_follow(p, i, link, gone);
		if (p->list[i].ifindex != link->ifindex || (s->mtu == link->mtu && s->up == up))
			continue;
		s->mtu = link->mtu;
		s->up = up;
		s->changed = changed = true;
	}
	return changed;
}

void kernel_ports_changed(struct kernel_ports *p,
	void (*tell)(void *arg, const struct kernel_port *port, uint16_t mtu, bool up), void *arg)
{
	for (unsigned int i = 0; i < p->count; i++) {
		struct kernel_port_state *s = &p->states[i];

		if (s->changed)
			tell(arg, &p->list[i], s->mtu, s->up);
		s->changed = false;
	}
}

void kernel_ports_report(const struct kernel_ports *p)
{
	char name[TEXT_BYTES];

	for (unsigned int i = 0; i < p->count; i++) {
		const struct kernel_port *port = &p->list[i];

		if (!port->by_name || port->ifindex || p->states[i].misfit)
			continue;
		LOG(WARNING,
			"%s is not there yet, packets to it take the slow path: ip link add link "
			"%s name %s%s%s type vlan id %u",
			text(name, p, port), port->parent, port->name, *p->netns ? " netns " : "",
			p->netns, port->vlan);
	}
}
