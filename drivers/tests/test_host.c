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
#include <string.h>
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
		{"no permission", test_not_root},
		{"lcore lists that are refused", test_lcores_refused},
		{NULL, NULL},
	};

	return harness_run("host", tests);
}
