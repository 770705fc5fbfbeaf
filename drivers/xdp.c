// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAPS_MAX 32

int64_t xdp_program_id(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int ret = bpf_xdp_query(ifindex, 0, &opts);

	if (ret < 0)
		return ret;
	if (opts.attach_mode == XDP_ATTACHED_MULTI)
		return opts.drv_prog_id  ? opts.drv_prog_id
		       : opts.hw_prog_id ? opts.hw_prog_id
					 : opts.skb_prog_id;
	return opts.prog_id;
}

// Name and map ids of a program. Returns the number of maps, or -errno.
static int program_read(uint32_t id, char name[BPF_OBJ_NAME_LEN], uint32_t maps[MAPS_MAX])
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd, ret;

	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	info.nr_map_ids = MAPS_MAX;
	info.map_ids = (__u64)(uintptr_t)maps;
	ret = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (ret < 0)
		return -errno;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return info.nr_map_ids < MAPS_MAX ? (int)info.nr_map_ids : MAPS_MAX;
}

int xdp_program_map(uint32_t id, const char *name)
{
	char program[BPF_OBJ_NAME_LEN];
	uint32_t maps[MAPS_MAX];
	int count, i;

	count = program_read(id, program, maps);
	if (count < 0)
		return count;
	for (i = 0; i < count; i++) {
		struct bpf_map_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(maps[i]);

		if (fd < 0)
			continue;
		// The kernel keeps the first 15 characters of a name.
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
			!strncmp(info.name, name, BPF_OBJ_NAME_LEN - 1))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

bool xdp_program_is_ours(uint32_t id)
{
	static const char *const needed[] = {"xsks_map", "endpoints", "clients"};
	char name[BPF_OBJ_NAME_LEN];
	uint32_t maps[MAPS_MAX];
	size_t i;
	int fd;

	if (program_read(id, name, maps) < 0)
		return false;
	if (strncmp(name, XDP_PROGRAM_NAME, BPF_OBJ_NAME_LEN))
		return false;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		fd = xdp_program_map(id, needed[i]);
		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

static bool fdinfo_has_program(const char *path, uint32_t id)
{
	char line[128];
	unsigned int found;
	bool has = false;
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (!has && fgets(line, sizeof(line), f))
		has = sscanf(line, "prog_id: %u", &found) == 1 && found == id;
	fclose(f);
	return has;
}

static bool process_holds(const char *pid, uint32_t id)
{
	char path[600];
	struct dirent *e;
	bool holds = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	d = opendir(path);
	if (!d)
		return false;
	while (!holds && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, e->d_name);
		holds = e->d_name[0] != '.' && fdinfo_has_program(path, id);
	}
	closedir(d);
	return holds;
}

pid_t xdp_program_holder(uint32_t id)
{
	struct dirent *e;
	pid_t holder = 0;
	DIR *d;

	d = opendir("/proc");
	if (!d)
		return 0;
	while (holder == 0 && (e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && process_holds(e->d_name, id))
			holder = pid;
	}
	closedir(d);
	return holder;
}

int xdp_program_detach(int ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int fd, ret;

	if (xdp_program_id(ifindex) != (int64_t)id)
		return -ENOENT;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	// The kernel compares too: it refuses if another program has just taken its place.
	opts.old_prog_fd = fd;
	ret = bpf_xdp_detach(ifindex, 0, &opts);
	close(fd);
	return ret;
}

int xdp_program_attach(int ifindex, uint32_t id)
{
	int fd, ret;

	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	ret = bpf_xdp_attach(ifindex, fd, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	close(fd);
	return ret;
}
