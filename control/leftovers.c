// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/leftovers.h"

#include "control/fabric.h"
#include "dataplane/base/log.h"
#include "drivers/netns.h"
#include "drivers/steer.h"

#include <string.h>

LOG_TYPE("leftovers");

struct namespaces {
	unsigned int count;
	const char *names[FABRIC_DOMAINS_MAX];
};

static void namespace_add(struct namespaces *n, const char *name)
{
	for (unsigned int i = 0; i < n->count; i++)
		if (!strcmp(n->names[i], name))
			return;
	if (n->count < FABRIC_DOMAINS_MAX)
		n->names[n->count++] = name;
}

// One that does not exist is an error of whoever needs it, with a better message.
static void clean(const char *netns)
{
	int token = netns_enter(netns);

	if (token < 0)
		return;
	if (steer_clean_all() < 0)
		LOG(WARNING, "%s%s: not looked for what an earlier run left",
			netns[0] ? "namespace " : "this namespace", netns);
	netns_leave(token);
}

void leftovers_remove(const struct conf *conf)
{
	struct namespaces n = {0};

	namespace_add(&n, "");
	for (size_t i = 0; i < conf->interface_count; i++) {
		const struct conf_interface *ci = &conf->interfaces[i];

		namespace_add(&n, ci->netns);
		for (size_t v = 0; v < ci->vlan_count; v++)
			namespace_add(&n, ci->vlans[v].netns);
	}
	for (size_t i = 0; i < conf->gateway_count; i++) {
		namespace_add(&n, conf->gateways[i].netns);
		namespace_add(&n, conf->gateways[i].link_netns);
	}
	for (unsigned int i = 0; i < n.count; i++)
		clean(n.names[i]);
}
