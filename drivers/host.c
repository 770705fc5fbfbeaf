// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/host.h"

#include "dataplane/base/log.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_TYPE("host");

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"
#define ARGS_MAX 128
#define LCORES_TEXT_BYTES 2048
#define MIB ((uint64_t)1024 * 1024)

static int capabilities_check(void)
{
	static const struct {
		int cap;
		const char *name, *why;
	} needed[] = {
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "TUN devices, XDP and routes"},
		{CAP_NET_RAW, "CAP_NET_RAW", "AF_XDP sockets"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "network namespaces"},
		{CAP_IPC_LOCK, "CAP_IPC_LOCK", "packet memory"},
	};
	uint64_t effective = 0;
	char line[128];
	FILE *f;
	size_t i;

	f = fopen("/proc/self/status", "re");
	if (!f)
		return errno_log(errno, "/proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	fclose(f);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(effective >> needed[i].cap & 1))
			return errno_log(EPERM, "%s is missing (%s): start as root", needed[i].name,
				needed[i].why);
	return 0;
}

int host_check_cpu(int (*has)(enum rte_cpu_flag_t flag))
{
	static const struct {
		enum rte_cpu_flag_t flag;
		const char *name;
	} needed[] = {
		{RTE_CPUFLAG_AES, "AES-NI"},
		{RTE_CPUFLAG_PCLMULQDQ, "PCLMULQDQ"},
		{RTE_CPUFLAG_AVX, "AVX"},
	};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (has(needed[i].flag) != 1)
			return errno_log(ENOTSUP,
				"the CPU offers no %s: in a virtual machine choose CPU type \"host\"",
				needed[i].name);
	return 0;
}

static uint64_t number_read(const char *dir, const char *pages, const char *file)
{
	unsigned long long value = 0;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, pages, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

struct hugepages {
	uint64_t free_bytes;
	uint64_t smallest_kb; // page size to reserve more of
	uint64_t smallest_total;
	char text[192]; // what is there, for a message
};

static int hugepages_read(const char *dir, struct hugepages *h)
{
	unsigned long long kb;
	uint64_t nfree, total;
	struct dirent *e;
	size_t used = 0;
	DIR *d;

	memset(h, 0, sizeof(*h));
	d = opendir(dir);
	if (!d)
		return errno_log(errno, "%s: the kernel offers no hugepages", dir);
	while ((e = readdir(d)) != NULL) {
		if (sscanf(e->d_name, "hugepages-%llukB", &kb) != 1)
			continue;
		nfree = number_read(dir, e->d_name, "free_hugepages");
		total = number_read(dir, e->d_name, "nr_hugepages");
		h->free_bytes += nfree * kb * 1024;
		if (h->smallest_kb == 0 || kb < h->smallest_kb) {
			h->smallest_kb = kb;
			h->smallest_total = total;
		}
		if (used < sizeof(h->text))
			used += (size_t)snprintf(h->text + used, sizeof(h->text) - used,
				"%s%" PRIu64 " of %" PRIu64 " pages of %llu kB free",
				used ? ", " : "", nfree, total, kb);
	}
	closedir(d);
	return h->smallest_kb ? 0 : errno_log(ENOMEM, "the kernel offers no hugepages");
}

int host_check_hugepages(const char *dir, uint64_t needed_bytes)
{
	uint64_t missing_pages, page_bytes;
	struct hugepages h;
	int ret;

	ret = hugepages_read(dir, &h);
	if (ret < 0)
		return -ENOMEM;
	if (h.free_bytes >= needed_bytes)
		return 0;
	page_bytes = h.smallest_kb * 1024;
	missing_pages = (needed_bytes - h.free_bytes + page_bytes - 1) / page_bytes;
	LOG(ERR,
		"hugepages: need %" PRIu64 " MB, %s: echo %" PRIu64 " > %s/hugepages-%" PRIu64
		"kB/nr_hugepages",
		(needed_bytes + MIB - 1) / MIB, h.text, h.smallest_total + missing_pages, dir,
		h.smallest_kb);
	return -ENOMEM;
}

int host_check(uint64_t memory_bytes)
{
	int ret;

	ret = capabilities_check();
	if (ret == 0)
		ret = host_check_cpu(rte_cpu_get_flag_enabled);
	if (ret == 0)
		ret = host_check_hugepages(HUGEPAGES_DIR, memory_bytes);
	return ret;
}

// "1,2" or "1-3,8" to a set. Strict: nothing else is accepted.
static int lcores_parse(const char *text, bool set[RTE_MAX_LCORE])
{
	unsigned long first, last;
	char *end;

	for (;;) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return -EINVAL;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last >= RTE_MAX_LCORE)
			return -EINVAL;
		for (; first <= last; first++) {
			if (set[first])
				return -EINVAL;
			set[first] = true;
		}
		if (*end == '\0')
			return 0;
		if (*end != ',')
			return -EINVAL;
		text = end + 1;
	}
}

// The CPU an lcore runs on: the one of its number, or, where the machine has fewer, the CPUs we
// may use in turn. So a list made for a large machine runs on a small one, shared and slower.
static unsigned int cpu_of_lcore(unsigned int lcore, const cpu_set_t *cpus)
{
	unsigned int nth, cpu;

	if (lcore < CPU_SETSIZE && CPU_ISSET(lcore, cpus))
		return lcore;
	nth = lcore % (unsigned int)CPU_COUNT(cpus);
	for (cpu = 0;; cpu++)
		if (CPU_ISSET(cpu, cpus) && nth-- == 0)
			return cpu;
}

static int lcores_map(const char *workers, unsigned int main_lcore, char *text, size_t size)
{
	bool set[RTE_MAX_LCORE] = {false};
	unsigned int lcore;
	size_t used = 0;
	cpu_set_t cpus;

	if (lcores_parse(workers, set) < 0)
		return errno_log(EINVAL,
			"worker lcores \"%s\": expected a list like 1,2 or 1-3 "
			"below %d, each once",
			workers, RTE_MAX_LCORE);
	if (main_lcore >= RTE_MAX_LCORE || set[main_lcore])
		return errno_log(EINVAL, "control lcore %u must be below %d and no worker's",
			main_lcore, RTE_MAX_LCORE);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return errno_log(errno, "sched_getaffinity");
	set[main_lcore] = true;
	for (lcore = 0; lcore < RTE_MAX_LCORE; lcore++) {
		if (!set[lcore])
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%u@%u", used ? "," : "",
			lcore, cpu_of_lcore(lcore, &cpus));
		if (used >= size)
			return errno_log(E2BIG, "too many worker lcores");
	}
	return 0;
}

struct args {
	int count;
	char *argv[ARGS_MAX];
};

static int args_add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int args_add(struct args *a, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (a->count == ARGS_MAX - 1)
		return -E2BIG;
	va_start(ap, fmt);
	len = vasprintf(&a->argv[a->count], fmt, ap);
	va_end(ap);
	if (len < 0)
		return -ENOMEM;
	a->argv[++a->count] = NULL;
	return 0;
}

static int args_build(struct args *a, const char *program, const char *lcores,
	unsigned int main_lcore, uint64_t memory_bytes, const char *const *pci_addrs,
	size_t pci_count)
{
	bool debug = log_get_level() >= LOG_LEVEL_DEBUG;
	int ret = 0;
	size_t i;

	ret |= args_add(a, "%s", program);
	// No files in /run or on hugetlbfs: nothing to clean up after a crash.
	ret |= args_add(a, "--in-memory");
	ret |= args_add(a, "--no-telemetry");
	// A umem needs its pool in one piece, which physical addresses would cut at each page.
	ret |= args_add(a, "--iova-mode=va");
	ret |= args_add(a, "--lcores=%s", lcores);
	ret |= args_add(a, "--main-lcore=%u", main_lcore);
	ret |= args_add(a, "-m");
	ret |= args_add(a, "%" PRIu64, (memory_bytes + MIB - 1) / MIB);
	ret |= args_add(a, "--log-level=*:%s", debug ? "info" : "error");
	if (pci_count == 0)
		ret |= args_add(a, "--no-pci");
	for (i = 0; i < pci_count; i++) {
		ret |= args_add(a, "-a");
		ret |= args_add(a, "%s", pci_addrs[i]);
	}
	return ret ? -ENOMEM : 0;
}

int host_eal_init(const char *program, const char *worker_lcores, unsigned int main_lcore,
	uint64_t memory_bytes, const char *const *pci_addrs, size_t pci_count)
{
	char lcores[LCORES_TEXT_BYTES];
	char *argv[ARGS_MAX];
	struct args a = {0};
	int ret, i;

	ret = lcores_map(worker_lcores, main_lcore, lcores, sizeof(lcores));
	if (ret < 0)
		return ret;
	ret = args_build(&a, program, lcores, main_lcore, memory_bytes, pci_addrs, pci_count);
	if (ret < 0) {
		errno_log(ret, "DPDK arguments");
		goto out;
	}
	// Straight to standard error; DPDK's default stream copies everything to syslog as well.
	rte_openlog_stream(stderr);
	// getopt shuffles the array it is given, so it gets one of its own.
	memcpy(argv, a.argv, sizeof(argv));
	if (rte_eal_init(a.count, argv) < 0)
		ret = errno_log(rte_errno ? rte_errno : EINVAL,
			"DPDK does not start (lcores %s, %" PRIu64
			" MB; log_level debug says more)",
			lcores, (memory_bytes + MIB - 1) / MIB);
out:
	for (i = 0; i < a.count; i++)
		free(a.argv[i]);
	return ret;
}

void host_eal_fini(void)
{
	// It would close ports that are still open, in whatever namespace we are now; an AF_XDP one
	// would take the XDP program off an unrelated interface of the same number.
	if (rte_eth_dev_count_avail() == 0)
		rte_eal_cleanup();
}
