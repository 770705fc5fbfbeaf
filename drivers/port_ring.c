// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Ports made of rings, for tests and benchmarks. "NAME" sends to itself; "NAME/0" and "NAME/1"
// are the two ends of one wire, queue to queue, and know of each other by name.

#include "drivers/port_ops.h"

#include "dataplane/base/log.h"

#include <rte_eth_ring.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("port");

#define RING_ENTRIES 1024
#define WIRE_NAME_BYTES 16

struct port_wire {
	char name[WIRE_NAME_BYTES];
	bool loop;
	unsigned int end; // 0 or 1
	uint16_t queues;
};

// Ring q that carries what end `from` sends. -ENOENT makes it.
static struct rte_ring *ring_get(
	const struct port_wire *w, unsigned int from, uint16_t q, bool make)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "w%u.%u.%s", from, q, w->name);
	r = rte_ring_lookup(name);
	if (!r && make)
		r = rte_ring_create(
			name, RING_ENTRIES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

static int ring_prepare(const struct port_conf *conf, struct port_slot *s)
{
	const char *slash = strchr(conf->name, '/');
	size_t len = slash ? (size_t)(slash - conf->name) : strlen(conf->name);
	struct port_wire *w;

	if (len == 0 || len >= WIRE_NAME_BYTES ||
		(slash && strcmp(slash, "/0") && strcmp(slash, "/1")))
		return errno_log(EINVAL,
			"%s: a ring port is NAME, NAME/0 or NAME/1, NAME up to %d characters",
			conf->name, WIRE_NAME_BYTES - 1);
	w = calloc(1, sizeof(*w));
	if (!w)
		return errno_log(ENOMEM, "%s", conf->name);
	memcpy(w->name, conf->name, len);
	w->loop = !slash;
	w->end = slash && slash[1] == '1';
	w->queues = conf->queues;
	s->wire = w;
	s->pub.needs_exception = true;
	return 0;
}

static int ring_plug(struct port_slot *s, char device[RTE_ETH_NAME_MAX_LEN])
{
	struct rte_ring *rx[PORT_QUEUES_MAX], *tx[PORT_QUEUES_MAX];
	struct port_wire *w = s->wire;
	char name[24];
	uint16_t q;
	int id;

	for (q = 0; q < w->queues; q++) {
		tx[q] = ring_get(w, w->end, q, true);
		rx[q] = w->loop ? tx[q] : ring_get(w, !w->end, q, true);
		if (!tx[q] || !rx[q])
			return errno_log(ENOMEM, "%s: no memory for rings", s->pub.name);
	}
	snprintf(name, sizeof(name), "%s%s", w->name, w->loop ? "" : w->end ? ".1" : ".0");
	id = rte_eth_from_rings(name, rx, w->queues, tx, w->queues, 0);
	if (id < 0)
		return errno_log(
			EEXIST, "%s: DPDK cannot make the port (opened twice?)", s->pub.name);
	return rte_eth_dev_get_name_by_port((uint16_t)id, device);
}

// The wire goes with its second end; what was still under way is freed.
static void wire_free(const struct port_wire *w)
{
	unsigned int from;
	struct rte_ring *r;
	uint16_t q;
	void *m;

	for (from = 0; from < 2; from++)
		for (q = 0; (r = ring_get(w, from, q, false)) != NULL; q++) {
			while (rte_ring_dequeue(r, &m) == 0)
				rte_pktmbuf_free(m);
			rte_ring_free(r);
		}
}

static void ring_release(struct port_slot *s)
{
	char other[RTE_ETH_NAME_MAX_LEN];
	struct port_wire *w = s->wire;
	uint16_t id;

	if (!w)
		return;
	snprintf(other, sizeof(other), "net_ring_%s.%d", w->name, !w->end);
	if (w->loop || rte_eth_dev_get_port_by_name(other, &id) < 0)
		wire_free(w);
	free(w);
	s->wire = NULL;
}

const struct port_ops port_ring_ops = {
	.name = "ring",
	.prepare = ring_prepare,
	.plug = ring_plug,
	.release = ring_release,
};
