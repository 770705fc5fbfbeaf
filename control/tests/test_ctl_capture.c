// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The program sluicectl (first argument) in a capture, against a daemon that the test plays: however
// it ends, the file is whole and the numbers are the daemon's.

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10000
#define PACKET \
	"{\"event\":\"packet\",\"time_us\":1,\"len\":4,\"inbound\":true,\"data\":\"RQAABA==\"}\n"
#define PCAP_BYTES(packets) (24 + (packets) * (16 + 4))

static const char *program;
static char dir[] = "/tmp/sluice-test-ctl-XXXXXX", sock[64], pcap[64], out[64];
static int listener, daemon_fd;
static pid_t child;

static void say(const char *text)
{
	CU_ASSERT_EQUAL(write(daemon_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool hears(const char *what)
{
	struct pollfd p = {.fd = daemon_fd, .events = POLLIN};
	char text[512];
	ssize_t n = poll(&p, 1, WAIT_MS) == 1 ? read(daemon_fd, text, sizeof(text) - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, what) != NULL;
}

static void run_child(void)
{
	if (!freopen(out, "w", stdout) || !freopen(out, "a", stderr))
		_exit(99);
	execl(program, program, "--socket", sock, "capture", "gw1", "--pcap", pcap, (char *)NULL);
	_exit(99);
}

// Its capture has begun, with one packet in the file.
static void begin(void)
{
	struct stat st = {0};

	child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0)
		run_child();
	daemon_fd = accept(listener, NULL, NULL);
	CU_ASSERT_FATAL(daemon_fd >= 0);
	CU_ASSERT_TRUE(hears("\"capture\""));
	say("{\"ok\":true,\"verb\":\"capture\",\"result\":{\"snaplen\":2048}}\n" PACKET);
	for (int i = 0; i < WAIT_MS && st.st_size < PCAP_BYTES(1); i++) {
		usleep(1000);
		if (stat(pcap, &st) < 0)
			st.st_size = 0;
	}
	CU_ASSERT_EQUAL(st.st_size, PCAP_BYTES(1));
}

// Its exit status, or minus the signal that ended it.
static int end(char text[256])
{
	FILE *f;
	int status;

	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	close(daemon_fd);
	f = fopen(out, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	text[fread(text, 1, 255, f)] = '\0';
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_file(unsigned int packets)
{
	struct stat st;

	CU_ASSERT_EQUAL(stat(pcap, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, PCAP_BYTES(packets));
	unlink(pcap);
}

static void test_ends(void)
{
	char text[256];

	begin();
	say("{\"event\":\"end\",\"reason\":\"count\",\"packets\":1,\"lost\":3}\n");
	CU_ASSERT_EQUAL(end(text), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, ", 3 lost\n"));
	expect_file(1);
}

// What is on the way is still taken.
static void test_interrupted(void)
{
	static const int signals[] = {SIGINT, SIGTERM};
	char text[256];

	for (int i = 0; i < 2; i++) {
		begin();
		kill(child, signals[i]);
		CU_ASSERT_TRUE(hears("\"capture-stop\""));
		say(PACKET PACKET "{\"ok\":true,\"verb\":\"capture-stop\","
				  "\"result\":{\"packets\":3,\"lost\":17}}\n");
		CU_ASSERT_EQUAL(end(text), 0);
		CU_ASSERT_EQUAL(strncmp(text, "3 packets in ", 13), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, ", 17 lost\n"));
		expect_file(3);
	}
}

// Nobody answers: a second signal ends it all the same.
static void test_twice(void)
{
	char text[256];

	begin();
	kill(child, SIGINT);
	CU_ASSERT_TRUE(hears("\"capture-stop\""));
	kill(child, SIGINT);
	CU_ASSERT_EQUAL(end(text), -SIGINT);
	expect_file(1);
}

static void test_gone(void)
{
	char text[256];

	begin();
	shutdown(daemon_fd, SHUT_RDWR);
	CU_ASSERT_NOT_EQUAL(end(text), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "sluiced went away, 1 packets"));
	expect_file(1);
}

static bool set_up(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (!mkdtemp(dir))
		return false;
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	snprintf(pcap, sizeof(pcap), "%s/pcap", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	memcpy(sun.sun_path, sock, sizeof(sock));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return listener >= 0 && bind(listener, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	       listen(listener, 1) == 0;
}

int main(int argc, char **argv)
{
	static const struct harness_test tests[] = {
		{"it ends by itself", test_ends},
		{"interrupted", test_interrupted},
		{"interrupted twice", test_twice},
		{"the daemon goes away", test_gone},
		{NULL, NULL},
	};
	int ret;

	if (argc != 2 || !set_up()) {
		fprintf(stderr, "usage: %s SLUICECTL (or %s)\n", argv[0], strerror(errno));
		return 1;
	}
	program = argv[1];
	signal(SIGPIPE, SIG_IGN);
	ret = harness_run("ctl capture", tests);
	close(listener);
	unlink(sock);
	unlink(out);
	rmdir(dir);
	return ret;
}
