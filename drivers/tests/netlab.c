// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/tests/netlab.h"

#include "drivers/netns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIPPED 77

void netlab_require(void)
{
	int token = geteuid() == 0 ? netns_enter_empty() : -1;

	if (token < 0) {
		fprintf(stderr, "skipped: needs root and the right to make network namespaces\n");
		exit(SKIPPED);
	}
	netns_leave(token);
}

const char *netlab_name(const char *ns, char *buf, size_t size)
{
	snprintf(buf, size, "drivers-%d-%s", (int)getpid(), ns);
	return buf;
}

bool netlab_run(const char *ns, const char *fmt, ...)
{
	char command[512], line[640], name[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (ns[0])
		snprintf(line, sizeof(line), "ip netns exec %s %s >/dev/null 2>&1",
			netlab_name(ns, name, sizeof(name)), command);
	else
		snprintf(line, sizeof(line), "%s >/dev/null 2>&1", command);
	return system(line) == 0;
}

bool netlab_add(const char *ns)
{
	char name[64];

	return netlab_run("", "ip netns add %s", netlab_name(ns, name, sizeof(name))) &&
	       netlab_run(ns, "ip link set lo up");
}

void netlab_del(const char *ns)
{
	char name[64];

	netlab_run("", "ip netns del %s", netlab_name(ns, name, sizeof(name)));
}
