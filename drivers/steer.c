// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/steer.h"

#include "dataplane/base/log.h"
#include "drivers/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_TYPE("steer");

#define NS_PER_S 1000000000ULL

enum map { MAP_CONFIG, MAP_ENDPOINTS, MAP_CLIENTS, MAP_VLANS, MAP_VERDICTS, MAP_COUNT };
static const char *const map_names[] = {"config", "endpoints", "clients", "vlans", "verdicts"};

struct steer {
	int maps[MAP_COUNT];
};

const char *steer_verdict_name(enum steer_verdict v)
{
	static const char *const names[] = {
#define X(name, counter, text) [STEER_##name] = counter,
		STEER_VERDICTS(X)
#undef X
	};

	return (unsigned int)v < STEER_VERDICT_COUNT ? names[v] : "?";
}

const char *steer_object_path(char *buf, size_t size)
{
	// A program that runs from its build directory wants the object of the same build. Tests
	// lie one directory further down.
	static const char *const places[] = {"../drivers", "../../drivers"};
	char exe[PATH_MAX], path[PATH_MAX + 32];
	ssize_t len;
	size_t i;

	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (len > 0) {
		exe[len] = '\0';
		dirname(exe);
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s/steer.bpf.o", exe, places[i]);
			if (access(path, R_OK) == 0 && strlen(path) < size)
				return strcpy(buf, path);
		}
	}
	if (access(STEER_OBJECT_INSTALLED, R_OK) < 0 || sizeof(STEER_OBJECT_INSTALLED) > size)
		return NULL;
	return strcpy(buf, STEER_OBJECT_INSTALLED);
}

static const char *interface_name(int ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname((unsigned int)ifindex, name))
		snprintf(name, IF_NAMESIZE, "#%d", ifindex);
	return name;
}

static int detach_stale(int ifindex, uint32_t id, const char *name)
{
	int ret = xdp_program_detach(ifindex, id);

	if (ret < 0)
		return errno_log(ret, "%s: cannot remove the XDP program of an earlier run", name);
	LOG(NOTICE, "%s: removed the XDP program of an earlier run", name);
	return 0;
}

int steer_clean(int ifindex)
{
	char name[IF_NAMESIZE];
	int64_t id = xdp_program_id(ifindex);
	pid_t holder;

	interface_name(ifindex, name);
	if (id <= 0)
		return id < 0 ? errno_log((int)id, "%s: cannot ask for its XDP program", name) : 0;
	if (!xdp_program_is_ours((uint32_t)id))
		return errno_log(EBUSY,
			"%s: has an XDP program of another owner (id %u; ip link "
			"set %s xdp off removes it)",
			name, (unsigned int)id, name);
	holder = xdp_program_holder((uint32_t)id);
	if (holder)
		return errno_log(
			EBUSY, "%s: in use by process %d: stop it first", name, (int)holder);
	return detach_stale(ifindex, (uint32_t)id, name);
}

int steer_clean_all(void)
{
	struct if_nameindex *links = if_nameindex(), *link;
	int count = 0;

	if (!links)
		return errno_log(errno, "cannot list the interfaces");
	for (link = links; link->if_index; link++) {
		int64_t id = xdp_program_id((int)link->if_index);

		if (id <= 0 || !xdp_program_is_ours((uint32_t)id) ||
			xdp_program_holder((uint32_t)id))
			continue;
		if (detach_stale((int)link->if_index, (uint32_t)id, link->if_name) == 0)
			count++;
	}
	if_freenameindex(links);
	return count;
}

struct steer *steer_open_program(uint32_t program_id)
{
	struct steer *s = malloc(sizeof(*s));
	int missing = 0;
	size_t i;

	if (!s)
		return NULL;
	for (i = 0; i < MAP_COUNT; i++) {
		s->maps[i] = xdp_program_map(program_id, map_names[i]);
		if (s->maps[i] < 0)
			missing = -s->maps[i];
	}
	if (missing) {
		steer_close(s);
		errno = missing;
		return NULL;
	}
	return s;
}

struct steer *steer_open(int ifindex)
{
	char name[IF_NAMESIZE];
	int64_t id = xdp_program_id(ifindex);
	struct steer *s;

	interface_name(ifindex, name);
	if (id <= 0 || !xdp_program_is_ours((uint32_t)id)) {
		errno = id < 0 ? (int)-id : ENOENT;
		errno_log(errno, "%s: our XDP program is not on it", name);
		return NULL;
	}
	s = steer_open_program((uint32_t)id);
	if (!s)
		errno_log(errno, "%s: maps of the XDP program", name);
	return s;
}

void steer_close(struct steer *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < MAP_COUNT; i++)
		if (s->maps[i] >= 0)
			close(s->maps[i]);
	free(s);
}

static uint64_t interval_ns(uint32_t pps)
{
	return pps ? NS_PER_S / pps : 0;
}

// libbpf 1.x returns -errno, but not every function of every version does.
static int result(int ret)
{
	return ret < 0 ? -errno : 0;
}

int steer_config_set(struct steer *s, const uint8_t mac[6], uint32_t sides, uint32_t control_pps,
	uint32_t prefix_pps)
{
	struct steer_config conf = {
		.sides = sides,
		.control_interval_ns = interval_ns(control_pps),
		.prefix_interval_ns = interval_ns(prefix_pps),
	};
	uint32_t zero = 0;

	memcpy(conf.mac, mac, sizeof(conf.mac));
	return result(bpf_map_update_elem(s->maps[MAP_CONFIG], &zero, &conf, BPF_ANY));
}

int steer_vlan_add(struct steer *s, uint16_t vlan)
{
	uint32_t key = vlan;
	uint8_t yes = 1;

	if (vlan >= STEER_VLANS)
		return -EINVAL;
	return result(bpf_map_update_elem(s->maps[MAP_VLANS], &key, &yes, BPF_ANY));
}

static int endpoint_key(struct steer_endpoint_key *key, uint16_t vlan, uint8_t family,
	const uint8_t *addr, uint16_t port_be)
{
	if ((family != 4 && family != 6) || vlan >= STEER_VLANS)
		return -EINVAL;
	memset(key, 0, sizeof(*key));
	key->vlan = htons(vlan);
	key->family = family;
	key->port = port_be;
	memcpy(key->addr, addr, family == 4 ? 4 : 16);
	return 0;
}

int steer_endpoint_add(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint16_t port_be)
{
	struct steer_endpoint_key key;
	uint64_t due = 0;
	int ret = endpoint_key(&key, vlan, family, addr, port_be);

	return ret < 0 ? ret
		       : result(bpf_map_update_elem(s->maps[MAP_ENDPOINTS], &key, &due, BPF_ANY));
}

int steer_endpoint_del(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint16_t port_be)
{
	struct steer_endpoint_key key;
	int ret = endpoint_key(&key, vlan, family, addr, port_be);

	return ret < 0 ? ret : result(bpf_map_delete_elem(s->maps[MAP_ENDPOINTS], &key));
}

static int client_key(struct steer_client_key *key, uint16_t vlan, uint8_t family,
	const uint8_t *addr, uint8_t len)
{
	if ((family != 4 && family != 6) || len > (family == 4 ? 32 : 128) || vlan >= STEER_VLANS)
		return -EINVAL;
	memset(key, 0, sizeof(*key));
	key->prefix_bits = STEER_CLIENT_FIXED_BITS + len;
	key->vlan = htons(vlan);
	key->family = family;
	memcpy(key->addr, addr, family == 4 ? 4 : 16);
	return 0;
}

int steer_client_add(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct steer_client_key key;
	uint8_t yes = 1;
	int ret = client_key(&key, vlan, family, addr, len);

	return ret < 0 ? ret
		       : result(bpf_map_update_elem(s->maps[MAP_CLIENTS], &key, &yes, BPF_ANY));
}

int steer_client_del(
	struct steer *s, uint16_t vlan, uint8_t family, const uint8_t *addr, uint8_t len)
{
	struct steer_client_key key;
	int ret = client_key(&key, vlan, family, addr, len);

	return ret < 0 ? ret : result(bpf_map_delete_elem(s->maps[MAP_CLIENTS], &key));
}

int steer_stats(struct steer *s, uint64_t counts[STEER_VERDICT_COUNT])
{
	int cpus = libbpf_num_possible_cpus(), cpu, ret = 0;
	uint64_t *values;
	uint32_t v;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (v = 0; v < STEER_VERDICT_COUNT && ret == 0; v++) {
		ret = result(bpf_map_lookup_elem(s->maps[MAP_VERDICTS], &v, values));
		counts[v] = 0;
		for (cpu = 0; ret == 0 && cpu < cpus; cpu++)
			counts[v] += values[cpu];
	}
	free(values);
	return ret;
}
