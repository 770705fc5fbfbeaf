// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "drivers/netns.h"
#include "drivers/tests/netlab.h"

#include <CUnit/Basic.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static ino_t current(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static void test_stay(void)
{
	ino_t home = current();
	int token = netns_enter("");

	CU_ASSERT(token >= 0);
	CU_ASSERT_EQUAL(current(), home);
	netns_leave(token);
	CU_ASSERT_EQUAL(current(), home);
}

static void test_errors(void)
{
	static const struct {
		const char *name;
		int ret;
	} rows[] = {
		{"no-such-namespace-here", -ENOENT},
		{"/proc/self/ns/none", -ENOENT},
		{"/proc/self/ns/mnt", -EINVAL}, // a namespace of another kind
		{"/dev/null", -EINVAL},
		{".", -EINVAL},
		{"..", -EINVAL},
	};
	ino_t home = current();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(netns_enter(rows[i].name), rows[i].ret);
		CU_ASSERT_EQUAL(current(), home);
	}
}

static void test_named(void)
{
	ino_t home = current();
	char name[64], path[96];
	int token, inner;

	CU_ASSERT_FATAL(netlab_add("a"));
	CU_ASSERT(netlab_run("a", "ip link add veth-a type veth peer name veth-b"));
	netlab_name("a", name, sizeof(name));
	CU_ASSERT_EQUAL(if_nametoindex("veth-a"), 0);
	token = netns_enter(name);
	CU_ASSERT_FATAL(token >= 0);
	CU_ASSERT_NOT_EQUAL(current(), home);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("veth-a"), 0);
	// Nested: each leave goes back one.
	inner = netns_enter_empty();
	CU_ASSERT_FATAL(inner >= 0);
	CU_ASSERT_EQUAL(if_nametoindex("veth-a"), 0);
	netns_leave(inner);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("veth-a"), 0);
	netns_leave(token);
	CU_ASSERT_EQUAL(current(), home);

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	token = netns_enter(path);
	CU_ASSERT_FATAL(token >= 0);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("veth-a"), 0);
	netns_leave(token);
	netlab_del("a");
}

// A port keeps its namespace by descriptor, which works when the name is gone.
static void test_by_descriptor(void)
{
	char name[64], path[64];
	int fd, token;

	CU_ASSERT_FATAL(netlab_add("b"));
	CU_ASSERT(netlab_run("b", "ip link add veth-a type veth peer name veth-b"));
	snprintf(path, sizeof(path), "/run/netns/%s", netlab_name("b", name, sizeof(name)));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	netlab_del("b");
	CU_ASSERT_EQUAL(netns_enter(name), -ENOENT);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	token = netns_enter(path);
	CU_ASSERT_FATAL(token >= 0);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("veth-a"), 0);
	netns_leave(token);
	close(fd);
}

int main(void)
{
	unsigned int failed;
	CU_pSuite suite;

	netlab_require();
	CU_initialize_registry();
	suite = CU_add_suite("netns", NULL, NULL);
	CU_ADD_TEST(suite, test_stay);
	CU_ADD_TEST(suite, test_errors);
	CU_ADD_TEST(suite, test_named);
	CU_ADD_TEST(suite, test_by_descriptor);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
