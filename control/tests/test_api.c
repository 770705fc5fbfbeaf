// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The API over a real socket: requests and errors, bounds, stale sockets, captures as a stream.

#include "control/api/api.h"

#include "control/api/api_socket.h"
#include "control/api/capture.h"
#include "dataplane/capture.h"
#include "dataplane/state.h"
#include "dataplane/tests/harness.h"
#include "dataplane/worker.h"

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/sluice-api-XXXXXX", path[64];
static struct ev_loop *loop;
static struct api *api;
static struct dp *dp;
static struct capture *capture;
static _Atomic(uint8_t) flags[4];
static char reply_text[1 << 20];
static size_t big_bytes;

static int gateway_id(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "gw1") == 0 ? 1 : -1;
}

static json_t *status(void *arg, char *err)
{
	(void)arg;
	(void)err;
	return json_pack("{s:s%}", "text", big_bytes ? reply_text : "x", big_bytes ? big_bytes : 1);
}

static json_t *clients(void *arg, const char *gateway, char *err)
{
	(void)arg;
	if (gateway)
		return json_pack("[s]", gateway);
	snprintf(err, API_ERROR_BYTES, "no data today");
	return NULL;
}

static unsigned int kill_client(void *arg, const char *gateway, const char *client)
{
	(void)arg;
	return gateway && strcmp(client, "alice") == 0 ? 2 : 0;
}

// Says what it was asked to say.
static unsigned int notify(
	void *arg, const char *gateway, const char *client, const char *notice, char *err)
{
	(void)arg;
	if (strcmp(client, "alice") == 0)
		snprintf(err, API_ERROR_BYTES, "%s: %s", gateway, notice);
	return strcmp(client, "carol") == 0;
}

static json_t *reload(void *arg, bool restart, bool check, char *err)
{
	(void)arg;
	(void)err;
	return json_pack("[b, b]", restart, check);
}

static const struct api_ops ops = {
	.gateway_id = gateway_id,
	.status = status,
	.clients = clients,
	.kill = kill_client,
	.disconnect = notify,
	.message = notify,
	.reload = reload,
};

static int dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

// The next line; "" when the connection was closed. Runs the loop meanwhile.
static const char *line(int fd)
{
	static char text[1 << 21];
	size_t n = 0;

	for (int idle = 0; idle < 100000; idle++) {
		ssize_t ret = recv(fd, text + n, sizeof(text) - 1 - n, MSG_PEEK);
		char *end = ret > 0 ? memchr(text + n, '\n', (size_t)ret) : NULL;

		if (ret == 0 || (ret < 0 && errno != EAGAIN))
			return "";
		if (ret < 0) {
			ev_run(loop, EVRUN_NOWAIT);
			continue;
		}
		idle = 0;
		ret = end ? end + 1 - (text + n) : ret;
		CU_ASSERT_EQUAL_FATAL(recv(fd, text + n, (size_t)ret, 0), ret);
		n += (size_t)ret;
		if (!end)
			continue;
		text[n - 1] = '\0';
		return text;
	}
	return "nothing came";
}

static const struct {
	const char *request, *reply;
} rows[] = {
	{"{\"verb\":\"status\"}",
		"{\"ok\":true,\"version\":\"0.1.0\",\"verb\":\"status\",\"result\":{\"text\":\"x\"}}"},
	{"{\"verb\":\"clients\",\"gateway\":\"gw1\"}",
		"{\"ok\":true,\"version\":\"0.1.0\",\"verb\":\"clients\",\"result\":[\"gw1\"]}"},
	{"{\"verb\":\"clients\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"clients\",\"error\":\"no data today\"}"},
	{"{\"verb\":\"clients\",\"gateway\":\"gw2\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"clients\",\"error\":\"no gateway "
		"\\\"gw2\\\"\"}"},
	{"{\"verb\":\"kill\",\"gateway\":\"gw1\",\"client\":\"alice\"}",
		"{\"ok\":true,\"version\":\"0.1.0\",\"verb\":\"kill\",\"result\":{\"clients\":2}}"},
	{"{\"verb\":\"kill\",\"client\":\"bob\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"kill\",\"error\":\"no connected client "
		"\\\"bob\\\"\"}"},
	{"{\"verb\":\"kill\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"kill\",\"error\":\"kill needs a "
		"client\"}"},
	{"{\"verb\":\"dance\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"error\":\"unknown verb \\\"dance\\\"\"}"},
	{"{\"verb\":\"capture\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"capture\",\"error\":\"capture needs a "
		"gateway\"}"},
	{"{\"verb\":\"capture\",\"gateway\":\"gw1\",\"count\":0}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"capture\",\"error\":\"count must be "
		"1..10000000\"}"},
	{"{\"verb\":\"capture\",\"gateway\":\"gw1\",\"seconds\":3601}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"capture\",\"error\":\"seconds must be "
		"1..3600\"}"},
	{"{\"verb\":\"capture\",\"gateway\":\"gw1\",\"where\":\"up\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"capture\",\"error\":\"where must be "
		"link or vpn\"}"},
	{"{\"verb\":\"capture-stop\"}",
		"{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"capture-stop\",\"error\":\"this "
		"connection has no capture\"}"},
};

static void test_requests(void)
{
	int fd = dial();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(fd, rows[i].request);
		put(fd, "\n");
		CU_ASSERT_STRING_EQUAL(line(fd), rows[i].reply);
	}
	close(fd);
}

// Verbs that say something to clients: what they say, and every way to ask for it wrongly.
static const struct {
	const char *verb, *fields;
	const char *error; // NULL: it works
} notices[] = {
	{"message", ",\"gateway\":\"gw1\",\"client\":\"carol\",\"text\":\"hello\"", NULL},
	{"disconnect", ",\"gateway\":\"gw1\",\"client\":\"carol\"", NULL},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"text\":\"one, two\"",
		"gw1: INFO,one, two"},
	{"disconnect", ",\"gateway\":\"gw1\",\"client\":\"alice\"", "gw1: RESTART"},
	{"disconnect",
		",\"gateway\":\"gw1\",\"client\":\"alice\",\"text\":\"x\",\"how\":\"restart\","
		"\"next_remote\":true,\"keep_credentials\":true",
		"gw1: RESTART,[NP]x"},
	{"disconnect", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"how\":\"halt\"", "gw1: HALT"},
	{"disconnect",
		",\"gateway\":\"gw1\",\"client\":\"alice\",\"how\":\"auth-failed\",\"text\":\"x\"",
		"gw1: AUTH_FAILED,x"},
	{"message", ",\"client\":\"alice\",\"text\":\"x\"", "message needs a gateway and a client"},
	{"disconnect", ",\"gateway\":\"gw1\"", "disconnect needs a gateway and a client"},
	{"disconnect", ",\"gateway\":\"gw1\",\"client\":\"\"",
		"disconnect needs a gateway and a client"},
	{"message", ",\"gateway\":\"gw9\",\"client\":\"alice\",\"text\":\"x\"",
		"no gateway \\\"gw9\\\""},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"bob\",\"text\":\"x\"",
		"no connected client \\\"bob\\\""},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"alice\"", "text is missing"},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"text\":\"\"",
		"text must be 1..200 characters, got 0"},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"text\":\"a\\nb\"",
		"text must be printable ASCII, got 0x0a as character 2"},
	{"message", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"text\":\"[P]b\"",
		"text must not begin with \\\"[\\\", which clients take for more than text"},
	{"disconnect", ",\"gateway\":\"gw1\",\"client\":\"alice\",\"how\":\"softly\"",
		"how must be restart, halt or auth-failed, got \\\"softly\\\""},
	{"disconnect",
		",\"gateway\":\"gw1\",\"client\":\"alice\",\"how\":\"halt\",\"next_remote\":true",
		"next_remote belongs to restart"},
	{"disconnect",
		",\"gateway\":\"gw1\",\"client\":\"alice\",\"how\":\"auth-failed\","
		"\"keep_credentials\":true",
		"keep_credentials belongs to restart and halt"},
};

static void test_notices(void)
{
	char request[512], reply[512];
	int fd = dial();

	for (size_t i = 0; i < sizeof(notices) / sizeof(*notices); i++) {
		snprintf(request, sizeof(request), "{\"verb\":\"%s\"%s}\n", notices[i].verb,
			notices[i].fields);
		snprintf(reply, sizeof(reply),
			notices[i].error ? "{\"ok\":false,\"version\":\"0.1.0\",\"verb\":\"%s\","
					   "\"error\":\"%s\"}"
					 : "{\"ok\":true,\"version\":\"0.1.0\",\"verb\":\"%s\","
					   "\"result\":{\"clients\":1}}",
			notices[i].verb, notices[i].error ? notices[i].error : "");
		put(fd, request);
		CU_ASSERT_STRING_EQUAL(line(fd), reply);
	}
	put(fd, "{\"verb\":\"reload\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "[false,false]"));
	put(fd, "{\"verb\":\"reload\",\"restart\":true}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "[true,false]"));
	put(fd, "{\"verb\":\"reload\",\"check\":true}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "[false,true]"));
	close(fd);
}

static void expect_refused(int fd, const char *request, const char *start)
{
	char text[256];

	put(fd, request);
	snprintf(text, sizeof(text), "{\"ok\":false,\"version\":\"0.1.0\",\"error\":\"%s", start);
	CU_ASSERT_EQUAL(strncmp(line(fd), text, strlen(text)), 0);
}

static void test_bad_requests(void)
{
	int fd = dial();

	expect_refused(fd, "hello\n", "request is not JSON");
	expect_refused(fd, "[1]\n", "request is not valid");
	expect_refused(fd, "{\"verb\":1}\n", "request is not valid");
	expect_refused(fd, "{\"verb\":\"status\",\"more\":1}\n", "request is not valid");
	expect_refused(fd, "{\"verb\":\"status\",\"verb\":\"kill\"}\n", "request is not JSON");
	expect_refused(fd, "{\"verb\":\"message\",\"text\":1}\n", "request is not valid");
	expect_refused(fd, "{\"verb\":\"message\",\"text\":\"\\u0000\"}\n", "request is not JSON");
	expect_refused(fd, "{\"verb\":\"reload\",\"check\":\"yes\"}\n", "request is not valid");
	// Two at once are answered in order; empty lines are nothing.
	put(fd, "\n{\"verb\":\"status\"}\n\n{\"verb\":\"dance\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "dance"));
	close(fd);
}

static void test_long_request(void)
{
	char part[4096];
	int fd = dial();

	memset(part, ' ', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	for (int i = 0; i < 18; i++) {
		if (send(fd, part, strlen(part), MSG_NOSIGNAL) < 0)
			break;
		ev_run(loop, EVRUN_NOWAIT);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "request is longer than 65536 bytes"));
	CU_ASSERT_STRING_EQUAL(line(fd), "");
	close(fd);
}

static void test_half_closed(void)
{
	int fd = dial();

	put(fd, "{\"verb\":\"status\"}\n");
	shutdown(fd, SHUT_WR);
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	CU_ASSERT_STRING_EQUAL(line(fd), "");
	close(fd);
}

// A reply that does not fit the socket's buffer, read slowly.
static void test_large_reply(void)
{
	int fd = dial();

	big_bytes = sizeof(reply_text) - 1024;
	memset(reply_text, 'y', big_bytes);
	put(fd, "{\"verb\":\"status\"}\n");
	CU_ASSERT_EQUAL(strlen(line(fd)), big_bytes + strlen(rows[0].reply) - 1);
	big_bytes = 0;
	put(fd, "{\"verb\":\"status\"}\n");
	CU_ASSERT_STRING_EQUAL(line(fd), rows[0].reply);
	close(fd);
}

static void test_too_many(void)
{
	int fds[API_CLIENTS_MAX], more;

	for (int i = 0; i < API_CLIENTS_MAX; i++) {
		fds[i] = dial();
		put(fds[i], "{\"verb\":\"status\"}\n");
		CU_ASSERT_STRING_EQUAL(line(fds[i]), rows[0].reply);
	}
	more = dial();
	CU_ASSERT_STRING_EQUAL(line(more), "");
	close(more);
	for (int i = 0; i < API_CLIENTS_MAX; i++)
		close(fds[i]);
	for (int i = 0; i < 100; i++)
		ev_run(loop, EVRUN_NOWAIT);
	more = dial();
	put(more, "{\"verb\":\"status\"}\n");
	CU_ASSERT_STRING_EQUAL(line(more), rows[0].reply);
	close(more);
}

static void give_packet(uint16_t gateway, uint8_t what, uint8_t fill, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	struct capture_info *info;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	memset(rte_pktmbuf_append(m, len), fill, len);
	info = capture_info_of(m);
	info->tsc = rte_rdtsc();
	info->bytes = len + 100u;
	info->gateway = gateway;
	info->what = what;
	info->inbound = true;
	CU_ASSERT_EQUAL(rte_ring_enqueue(dp->capture, m), 0);
}

static void test_capture(void)
{
	unsigned int before = rte_mempool_avail_count(dp->pool);
	const char *text;
	int fd = dial();

	// Left over from before: not for this capture.
	give_packet(1, CAPTURE_VPN, 'z', 3);
	CU_ASSERT_EQUAL(flags[1], 0);
	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"count\":2}\n");
	CU_ASSERT_STRING_EQUAL(line(fd),
		"{\"ok\":true,\"version\":\"0.1.0\",\"verb\":\"capture\",\"result\":{\"gateway\":"
		"\"gw1\",\"where\":\"vpn\",\"snaplen\":2048}}");
	CU_ASSERT_EQUAL(flags[1], CAPTURE_VPN);
	CU_ASSERT_EQUAL(flags[0], 0);
	give_packet(1, CAPTURE_VPN, 'a', 4);
	give_packet(1, CAPTURE_LINK, 'b', 4); // not asked for
	give_packet(2, CAPTURE_VPN, 'c', 4);  // another gateway
	give_packet(1, CAPTURE_VPN, 'd', 5);
	give_packet(1, CAPTURE_VPN, 'e', 5); // one too many
	capture_drain(capture);
	text = line(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"event\":\"packet\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"len\":104,\"inbound\":true,\"data\":\"YWFhYQ==\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"data\":\"ZGRkZGQ=\""));
	CU_ASSERT_STRING_EQUAL(
		line(fd), "{\"event\":\"end\",\"reason\":\"count\",\"packets\":2,\"lost\":0}");
	CU_ASSERT_EQUAL(flags[1], 0);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(dp->pool), before);
	close(fd);
}

static void test_capture_ends(void)
{
	int fd = dial(), other = dial();

	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"where\":\"link\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	put(other, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"where\":\"vpn\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(other), "\"ok\":true"));
	CU_ASSERT_EQUAL(flags[1], CAPTURE_LINK | CAPTURE_VPN);
	put(other, "{\"verb\":\"capture-stop\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(other), "{\"packets\":0,\"lost\":0}"));
	CU_ASSERT_EQUAL(flags[1], CAPTURE_LINK);
	// Whoever goes away takes the capture with him.
	close(fd);
	for (int i = 0; i < 100; i++)
		ev_run(loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(flags[1], 0);
	close(other);
}

// A gateway's captures end with it: the next gateway under its id is somebody else's.
static void test_capture_closed(void)
{
	int fd = dial(), other = dial();

	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	give_packet(1, CAPTURE_VPN, 'a', 4);
	capture_drain(capture);
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"data\":\"YWFhYQ==\""));
	capture_end_gateway(capture, 2);
	CU_ASSERT_EQUAL(flags[1], CAPTURE_VPN);
	capture_end_gateway(capture, 1);
	CU_ASSERT_EQUAL(flags[1], 0);
	CU_ASSERT_STRING_EQUAL(
		line(fd), "{\"event\":\"end\",\"reason\":\"closed\",\"packets\":1,\"lost\":0}");
	close(fd);
	// Nor may it see, while another capture runs, what is still in the ring.
	fd = dial();
	put(other, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"where\":\"link\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(other), "\"ok\":true"));
	give_packet(1, CAPTURE_VPN, 'z', 4);
	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	give_packet(1, CAPTURE_VPN, 'b', 4);
	capture_drain(capture);
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"data\":\"YmJiYg==\""));
	close(fd);
	close(other);
	for (int i = 0; i < 100; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

// Someone who does not read loses copies, and memory stays bounded.
static void test_capture_lost(void)
{
	int fd = dial(), lost = 0;
	const char *text;

	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"count\":100000,\"seconds\":1}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	for (int i = 0; i < 2000; i++) {
		give_packet(1, CAPTURE_VPN, 'x', 1500);
		capture_drain(capture);
	}
	ev_sleep(1.0);
	capture_drain(capture);
	do
		text = line(fd);
	while (strstr(text, "\"packet\""));
	CU_ASSERT_EQUAL(
		sscanf(text, "{\"event\":\"end\",\"reason\":\"time\",\"packets\":%*d,\"lost\":%d}",
			&lost),
		1);
	CU_ASSERT(lost > 0 && lost < 2000);
	close(fd);
}

// What workers did not copy (above their rate) is lost to the capture, too; only what was shed
// while it ran.
static void test_capture_shed(void)
{
	struct load_counters *load = &dp->workers[0]->counters->load;
	int fd = dial();

	counter_add(&load->capture_lost, 1000); // before
	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\",\"count\":1}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	counter_add(&load->capture_lost, 7);
	give_packet(1, CAPTURE_VPN, 'a', 4);
	capture_drain(capture);
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"event\":\"packet\""));
	CU_ASSERT_STRING_EQUAL(
		line(fd), "{\"event\":\"end\",\"reason\":\"count\",\"packets\":1,\"lost\":7}");
	put(fd, "{\"verb\":\"capture\",\"gateway\":\"gw1\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "\"ok\":true"));
	counter_add(&load->capture_lost, 3);
	put(fd, "{\"verb\":\"capture-stop\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(line(fd), "{\"packets\":0,\"lost\":3}"));
	close(fd);
}

static void test_socket(void)
{
	char other[80], deep[96];
	struct stat st;
	int fd;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	// Ours answers: a second daemon must not take it away.
	CU_ASSERT_EQUAL(api_socket_open(path), -EADDRINUSE);
	snprintf(other, sizeof(other), "%s/file", dir);
	fclose(fopen(other, "w"));
	CU_ASSERT_EQUAL(api_socket_open(other), -EEXIST);
	unlink(other);
	// A directory is made; a socket nobody answers on is replaced.
	snprintf(deep, sizeof(deep), "%s/new", dir);
	snprintf(other, sizeof(other), "%s/new/s", dir);
	for (int i = 0; i < 2; i++) {
		fd = api_socket_open(other);
		CU_ASSERT(fd >= 0);
		close(fd);
	}
	unlink(other);
	rmdir(deep);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"requests", test_requests},
		{"words to clients", test_notices},
		{"bad requests", test_bad_requests},
		{"long request", test_long_request},
		{"half closed connection", test_half_closed},
		{"large reply", test_large_reply},
		{"too many connections", test_too_many},
		{"capture", test_capture},
		{"captures end", test_capture_ends},
		{"captures end with their gateway", test_capture_closed},
		{"capture loses copies", test_capture_lost},
		{"copies that workers shed are lost to a capture", test_capture_shed},
		{"socket file", test_socket},
		{NULL, NULL},
	};
	static const struct dp_limits limits = {.peers_max = 16,
		.routes_max = 64,
		.gateways_max = 4,
		.worker_count = 1,
		.mbufs = 511};
	int ret;

	harness_eal_init(256);
	dp = dp_new(&limits);
	if (!dp || !worker_new(dp, 0, 0, WORKER_POLL_BUSY) || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/s", dir);
	loop = ev_default_loop(0);
	capture = capture_new(loop, dp, flags);
	api = api_new(loop, path, &ops, NULL);
	if (!capture || !api)
		return 1;
	api_set_capture(api, capture);
	ret = harness_run("api", tests);
	api_free(api);
	capture_free(capture);
	worker_free(dp->workers[0]);
	dp_free(dp);
	// The socket is gone with the api.
	return ret || access(path, F_OK) == 0 || rmdir(dir) != 0;
}
