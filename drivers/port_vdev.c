// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The kinds of port that are nothing but arguments of a DPDK virtual device.

#include "drivers/port_ops.h"

#include "dataplane/base/log.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

LOG_TYPE("port");

// Commas and equal signs would become arguments of their own.
static int name_check(const struct port_conf *conf)
{
	if (!strpbrk(conf->name, ",= \t"))
		return 0;
	return errno_log(EINVAL, "a %s port's name has no commas, blanks or equal signs",
		port_kind_name(conf->kind));
}

// name: path of the socket. A path that starts with @ is in the abstract name space and leaves
// no file behind. The client side uses the server's memory, or its own.
static int memif_prepare(const struct port_conf *conf, struct port_slot *s)
{
	bool is_abstract = conf->name[0] == '@';

	if (name_check(conf) < 0)
		return -EINVAL;
	s->pub.needs_exception = true;
	if (port_args_add(s, "role=%s,id=%u,socket=%s,socket-abstract=%s",
		    conf->memif_server ? "server" : "client", conf->memif_id,
		    conf->name + is_abstract, is_abstract ? "yes" : "no") < 0)
		return errno_log(E2BIG, "%s: path too long", conf->name);
	return 0;
}

// name: the kernel's end of the TAP, which the kernel sees: the accelerated end needs an
// exception interface of its own only if it has addresses, so it gets none.
static int tap_prepare(const struct port_conf *conf, struct port_slot *s)
{
	if (name_check(conf) < 0)
		return -EINVAL;
	if (strlen(conf->name) >= IFNAMSIZ)
		return errno_log(
			EINVAL, "%s: interface names have up to 15 characters", conf->name);
	s->pub.complete_csum = true;
	s->pub.needs_exception = true;
	return port_args_add(s, "iface=%s", conf->name);
}

static int null_prepare(const struct port_conf *conf, struct port_slot *s)
{
	(void)conf;
	s->pub.needs_exception = true;
	return 0;
}

// name: IN:OUT, two pcap files; either may be empty.
static int pcap_prepare(const struct port_conf *conf, struct port_slot *s)
{
	const char *colon = strchr(conf->name, ':');
	int ret = 0;

	if (name_check(conf) < 0)
		return -EINVAL;
	if (!colon || strchr(colon + 1, ':') || conf->queues != 1)
		return errno_log(EINVAL,
			"%s: a pcap port is one queue and two files, IN:OUT (either may be empty)",
			conf->name);
	s->pub.needs_exception = true;
	if (colon != conf->name)
		ret |= port_args_add(s, "rx_pcap=%.*s", (int)(colon - conf->name), conf->name);
	if (colon[1])
		ret |= port_args_add(s, "%stx_pcap=%s", s->args[0] ? "," : "", colon + 1);
	return ret ? errno_log(E2BIG, "%s: paths too long", conf->name) : 0;
}

const struct port_ops port_memif_ops = {
	.name = "memif", .driver = "net_memif", .prepare = memif_prepare};
const struct port_ops port_tap_ops = {.name = "tap", .driver = "net_tap", .prepare = tap_prepare};
const struct port_ops port_null_ops = {
	.name = "null", .driver = "net_null", .prepare = null_prepare};
const struct port_ops port_pcap_ops = {
	.name = "pcap", .driver = "net_pcap", .prepare = pcap_prepare};
