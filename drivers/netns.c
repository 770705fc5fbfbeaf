// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/netns.h"

#include "dataplane/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("netns");

// A token is the descriptor of the namespace to go back to, plus one: 0 says that we never left.
#define TOKEN_STAYED 0

static int path_of(const char *name, char *path, size_t size)
{
	int len;

	if (strchr(name, '/'))
		len = snprintf(path, size, "%s", name);
	else if (!strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	else
		len = snprintf(path, size, "/run/netns/%s", name);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int home, target, ret;

	if (name[0] == '\0')
		return TOKEN_STAYED;
	ret = path_of(name, path, sizeof(path));
	if (ret < 0)
		return ret;
	// The thread's own, not the process's: they differ while another thread is elsewhere.
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	target = open(path, O_RDONLY | O_CLOEXEC);
	if (target < 0) {
		ret = -errno;
		goto err_home;
	}
	if (setns(target, CLONE_NEWNET) < 0) {
		ret = -errno;
		goto err_target;
	}
	close(target);
	return home + 1;

err_target:
	close(target);
err_home:
	close(home);
	return ret;
}

int netns_enter_empty(void)
{
	int home, ret;

	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0) {
		ret = -errno;
		close(home);
		return ret;
	}
	return home + 1;
}

void netns_leave(int token)
{
	if (token == TOKEN_STAYED)
		return;
	if (token < 0 || setns(token - 1, CLONE_NEWNET) < 0) {
		errno_log(errno, "cannot leave a network namespace");
		abort();
	}
	close(token - 1);
}
