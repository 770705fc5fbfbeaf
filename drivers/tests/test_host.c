// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Each start of DPDK is a child process: a process can do it but once.

#include "dataplane/tests/harness.h"
#include "drivers/host.h"

#include <CUnit/Basic.h>
#include <rte_lcore.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs fn in a child with its standard error in text. Its result, negated errors as positive.
static int in_child(int (*fn)(void), char *text, size_t size)
{
	int fds[2], status = 0;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		_exit(-fn());
	}
	close(fds[1]);
	while (used < size - 1 && (n = read(fds[0], text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned int lines(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		n++;
		text++;
	}
	return n;
}

static int needs_a_petabyte(void)
{
	return host_check(1ULL << 50);
}

static void test_hugepages_missing(void)
{
	char text[2048];

	if (geteuid() != 0) {
		CU_ASSERT_EQUAL(in_child(needs_a_petabyte, text, sizeof(text)), EPERM);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "start as root"));
	} else {
		CU_ASSERT_EQUAL(in_child(needs_a_petabyte, text, sizeof(text)), ENOMEM);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "need 1073741824 MB"));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "echo "));
	}
	CU_ASSERT_EQUAL(lines(text), 1);
}

static enum rte_cpu_flag_t absent;

static int has_all_but(enum rte_cpu_flag_t flag)
{
	return flag != absent;
}

static int cpu_without(void)
{
	return host_check_cpu(has_all_but);
}

static int unknown_flags(enum rte_cpu_flag_t flag)
{
	(void)flag;
	return -EFAULT;
}

static int cpu_unknown(void)
{
	return host_check_cpu(unknown_flags);
}

static void test_cpu(void)
{
	static const struct {
		enum rte_cpu_flag_t flag;
		const char *name;
	} rows[] = {
		{RTE_CPUFLAG_AES, "AES-NI"},
		{RTE_CPUFLAG_PCLMULQDQ, "PCLMULQDQ"},
		{RTE_CPUFLAG_AVX, "AVX"},
	};
	char text[2048], want[128];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		absent = rows[i].flag;
		CU_ASSERT_EQUAL(in_child(cpu_without, text, sizeof(text)), ENOTSUP);
		snprintf(want, sizeof(want),
			"the CPU offers no %s: in a virtual machine choose CPU type \"host\"",
			rows[i].name);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
		CU_ASSERT_EQUAL(lines(text), 1);
	}
	absent = RTE_CPUFLAG_SSE3; // nothing that we need
	CU_ASSERT_EQUAL(in_child(cpu_without, text, sizeof(text)), 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	CU_ASSERT_EQUAL(in_child(cpu_unknown, text, sizeof(text)), ENOTSUP);
}

static char sysfs[] = "/tmp/slhpXXXXXX";
static uint64_t needed;

static int pages_needed(void)
{
	return host_check_hugepages(sysfs, needed);
}

static void pages_write(const char *pages, const char *file, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", sysfs, pages);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", sysfs, pages, file);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(value, f);
	fclose(f);
}

static void pages_remove(const char *pages)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s/free_hugepages", sysfs, pages);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s/nr_hugepages", sysfs, pages);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", sysfs, pages);
	rmdir(path);
}

// Too few, enough, none, and a kernel without any.
static void test_hugepages(void)
{
	char text[2048], want[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(sysfs));
	needed = 64 << 20;
	CU_ASSERT_EQUAL(in_child(pages_needed, text, sizeof(text)), ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "the kernel offers no hugepages"));
	CU_ASSERT_EQUAL(lines(text), 1);
	pages_write("hugepages-2048kB", "nr_hugepages", "20\n");
	pages_write("hugepages-2048kB", "free_hugepages", "5\n");
	CU_ASSERT_EQUAL(in_child(pages_needed, text, sizeof(text)), ENOMEM);
	// 20 and the 27 that are missing.
	snprintf(want, sizeof(want),
		"hugepages: need 64 MB, 5 of 20 pages of 2048 kB free: echo 47 > "
		"%s/hugepages-2048kB/nr_hugepages",
		sysfs);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
	CU_ASSERT_EQUAL(lines(text), 1);
	needed = 10 << 20;
	CU_ASSERT_EQUAL(in_child(pages_needed, text, sizeof(text)), 0);
	// A free page of 1 GB is as good.
	needed = 64 << 20;
	pages_write("hugepages-1048576kB", "nr_hugepages", "1\n");
	pages_write("hugepages-1048576kB", "free_hugepages", "1\n");
	CU_ASSERT_EQUAL(in_child(pages_needed, text, sizeof(text)), 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	pages_remove("hugepages-2048kB");
	pages_remove("hugepages-1048576kB");
	rmdir(sysfs);
	CU_ASSERT_EQUAL(in_child(pages_needed, text, sizeof(text)), ENOMEM);
	snprintf(want, sizeof(want), "%s: the kernel offers no hugepages", sysfs);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
}

static int without_rights(void)
{
	if (geteuid() == 0 && setuid(65534) < 0)
		return 0;
	return host_check(0);
}

static void test_not_root(void)
{
	char text[2048];

	CU_ASSERT_EQUAL(in_child(without_rights, text, sizeof(text)), EPERM);
	CU_ASSERT_EQUAL(lines(text), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "CAP_NET_ADMIN"));
}

static const char *lcores;
static unsigned int main_lcore;

static int eal_init(void)
{
	return host_eal_init("test", lcores, main_lcore, 64 << 20, NULL, 0);
}

static void test_lcores_refused(void)
{
	static const struct {
		const char *lcores;
		unsigned int main_lcore;
	} rows[] = {
		{"", 0},
		{"1,", 0},
		{",1", 0},
		{"1-", 0},
		{"3-1", 0},
		{"1,1", 0},
		{"x", 0},
		{"1 2", 0},
		{"1,0x2", 0},
		{"-1", 0},
		{"1;2", 0},
		{"1", 1},
		{"1-3", 2},
		{"128", 0},
		{"1", 4096},
		{"1-2,2", 0},
	};
	char text[2048];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lcores = rows[i].lcores;
		main_lcore = rows[i].main_lcore;
		CU_ASSERT_EQUAL(in_child(eal_init, text, sizeof(text)), EINVAL);
		CU_ASSERT_EQUAL(lines(text), 1);
	}
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"hugepages missing", test_hugepages_missing},
		{"instructions missing", test_cpu},
		{"hugepages of another machine", test_hugepages},
		{"no permission", test_not_root},
		{"lcore lists that are refused", test_lcores_refused},
		{NULL, NULL},
	};

	return harness_run("host", tests);
}
