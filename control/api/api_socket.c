// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/api/api_socket.h"

#include "dataplane/base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LOG_TYPE("api");

#define BACKLOG 8

static int fill_addr(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	strcpy(sun->sun_path, path);
	return 0;
}

static void make_directory(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	// If this fails bind() says so.
	if (mkdir(dir, 0755) < 0)
		return;
}

// Nobody answers on a socket that a crashed daemon left: 0 after removing it, or -errno.
static int remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, ret;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : errno_log(errno, "socket %s", sun->sun_path);
	if (!S_ISSOCK(st.st_mode)) {
		LOG(ERR, "%s exists and is not a socket: remove it or set another socket path",
			sun->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno_log(errno, "socket");
	ret = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	close(fd);
	if (ret == ECONNREFUSED) {
		if (unlink(sun->sun_path) < 0 && errno != ENOENT)
			return errno_log(errno, "socket %s: unlink", sun->sun_path);
		return 0;
	}
	LOG(ERR, "%s: a running sluiced answers there: stop it or set another socket path",
		sun->sun_path);
	return -EADDRINUSE;
}

int api_socket_open(const char *path)
{
	struct sockaddr_un sun;
	mode_t mask;
	int fd, ret;

	ret = fill_addr(&sun, path);
	if (ret < 0)
		return errno_log(ret, "socket %s", path);
	make_directory(path);
	ret = remove_stale(&sun);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno_log(errno, "socket");
	// The mode must be right from the first moment: a umask, not a later chmod.
	mask = umask(0177);
	ret = bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ? errno : 0;
	umask(mask);
	if (ret == 0 && listen(fd, BACKLOG) < 0)
		ret = errno;
	if (ret == 0)
		return fd;
	close(fd);
	return errno_log(ret, "socket %s: bind", path);
}
