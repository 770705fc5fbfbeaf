// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// sluicectl's output: pcap bytes, tables of 100 columns; the keys it makes; and sluiced's command
// line.

#include "control/ctl/ctl_capture.h"
#include "control/ctl/ctl_keys.h"
#include "control/ctl/ctl_print.h"
#include "control/channel/key_file.h"
#include "control/options.h"
#include "control/channel/tls_crypt_v2.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_pcap(void)
{
	static const uint8_t expected[] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 8, 0, 0, 101, 0, 0, 0, // file: magic, 2.4, snaplen 2048, LINKTYPE_RAW
		1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 104, 0, 0, 0, 'a', 'a', 'a', 'a'};
	char *bytes = NULL;
	size_t len;
	FILE *f = open_memstream(&bytes, &len);
	json_t *o = json_pack(
		"{s:I, s:i, s:s}", "time_us", (json_int_t)1000002, "len", 104, "data", "YWFhYQ==");

	CU_ASSERT_EQUAL(ctl_capture_begin(f, 2048), 0);
	CU_ASSERT_EQUAL(ctl_capture_packet(f, o), 0);
	fflush(f);
	CU_ASSERT_EQUAL(len, sizeof(expected));
	CU_ASSERT_EQUAL(memcmp(bytes, expected, sizeof(expected)), 0);
	json_object_set_new(o, "data", json_string("a*b="));
	CU_ASSERT_EQUAL(ctl_capture_packet(f, o), -1);
	json_object_del(o, "data");
	CU_ASSERT_EQUAL(ctl_capture_packet(f, o), -1);
	json_decref(o);
	fclose(f);
	free(bytes);
}

static char *print(void (*fn)(FILE *, const json_t *), const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	fn(f, o);
	fclose(f);
	json_decref(o);
	return text;
}

static void test_clients(void)
{
	char *text = print(ctl_print_clients,
		"[{\"gateway\":\"gw1\",\"common_name\":\"a\\u001b[2J\",\"remote\":\"192.0.2.1:1\","
		"\"vpn4\":\"10.8.0.2\",\"cipher\":\"AES-256-GCM\",\"connected_s\":3661.5,"
		"\"wrap\":\"tls-auth\","
		"\"in_bytes\":1048576,\"out_bytes\":52428800,\"state\":\"connected\"},"
		"{\"gateway\":\"gateway2\",\"common_name\":\"\",\"state\":\"handshake\"}]");

	CU_ASSERT_STRING_EQUAL(text,
		"GATEWAY   CLIENT  FROM         ADDRESS   CIPHER       WRAP           UP       IN    OUT  STATE\n"
		"gw1       a?[2J   192.0.2.1:1  10.8.0.2  AES-256-GCM  tls-auth  1:01:01  1024.0k  50.0M  connected\n"
		"gateway2  -       -            -         -            -               -        -      -  handshake\n");
	free(text);
	// What clients of one gateway talk to, if that differs.
	text = print(ctl_print_clients,
		"[{\"gateway\":\"gw1\",\"common_name\":\"a\",\"local\":\"192.0.2.9\",\"wrap\":\"tls-auth\"},"
		"{\"gateway\":\"gw1\",\"common_name\":\"b\",\"local\":\"2001:db8::1\"}]");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "  TO "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "  192.0.2.9 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "  2001:db8::1 "));
	CU_ASSERT_PTR_NULL(strstr(text, "WRAP"));
	free(text);
	// Long ones are cut, the line still fits.
	text = print(ctl_print_clients,
		"[{\"gateway\":\"a-gateway-with-quite-a-long-name\",\"common_name\":"
		"\"somebody.with.a.long.name@example.com\",\"remote\":"
		"\"[2001:db8:1111:2222:3333:4444:5555:6666]:54321\",\"vpn4\":\"10.108.100.200\","
		"\"cipher\":\"AES-256-GCM\",\"connected_s\":90000,\"in_bytes\":123456789,"
		"\"out_bytes\":123456789,\"state\":\"connected\"}]");
	CU_ASSERT_EQUAL(strlen(strchr(text, '\n') + 1), 101);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "somebody"));
	CU_ASSERT_PTR_NOT_NULL(strchr(text, '~'));
	free(text);
	text = print(ctl_print_clients,
		"[{\"common_name\":\"a\",\"encrypted\":true},{\"common_name\":\"b\",\"encrypted\":false}]");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "\nwarning: packets of 1 client are not encrypted (cipher none)\n"));
	free(text);
	text = print(ctl_print_clients, "[]");
	CU_ASSERT_STRING_EQUAL(text, "no clients\n");
	free(text);
}

static void test_counters(void)
{
	char *text = print(ctl_print_counters,
		"{\"workers\":[{\"worker\":0,\"lcore\":1,\"load_pct\":12.34,\"pause_us\":5.2,"
		"\"rings\":{\"handoff\":{\"used\":3}}}],"
		"\"ports\":[{\"name\":\"eth0\",\"side\":\"outside\",\"rx\":123456789012,\"carried\":1,"
		"\"punt\":{\"ttl\":0},\"drop\":{\"replay\":4,\"auth\":0}}],"
		"\"gateways\":[{\"gateway\":\"gw1\",\"in_pkts\":7,\"punt\":{\"link\":2},\"drop\":{}}]}");
	char *save = NULL;

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "12.3%"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "  port eth0\n    drop replay                      4\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "  gateway gw1\n    punt link                        2\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "auth"));
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		CU_ASSERT(strlen(l) <= 100);
	free(text);
}

static void test_status(void)
{
	char *text = print(ctl_print_status,
		"{\"pid\":7,\"uptime_s\":90000,\"workers\":2,\"config\":\"/etc/x\",\"gateways\":["
		"{\"gateway\":\"gw1\",\"endpoint\":\"192.0.2.1:1194\",\"clients\":3,"
		"\"warnings\":[\"it rains\"]}],"
		"\"interfaces\":[{\"name\":\"eth0\",\"side\":\"outside\",\"mtu\":1500}]}");

	CU_ASSERT_PTR_EQUAL(
		strstr(text, "sluiced: pid 7, up 1d 01:00, workers 2, configuration /etc/x\n"),
		text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "gw1      192.0.2.1:1194"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "eth0       outside"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nwarning: gateway gw1: it rains\n"));
	free(text);
	text = print(ctl_print_reload, "{\"applied\":[\"a\"],\"refused\":[\"b\"]}");
	CU_ASSERT_STRING_EQUAL(text, "applied: a\nnot applied: b\n");
	free(text);
	text = print(ctl_print_reload, "{\"planned\":[\"a\"],\"refused\":[\"b\"]}");
	CU_ASSERT_STRING_EQUAL(text, "planned: a\nnot applied: b\n");
	free(text);
}

static const struct {
	const char *args[4];
	enum options_action action;
	const char *out, *err; // beginning
} lines[] = {
	{{NULL}, OPTIONS_RUN, "", ""},
	{{"-c", "f"}, OPTIONS_RUN, "", ""},
	{{"--config=f", "--check"}, OPTIONS_CHECK, "", ""},
	{{"--log-level", "debug", "--disable-workers"}, OPTIONS_RUN, "", ""},
	{{"--log-level", "loud"}, OPTIONS_ERROR, "",
		"sluiced: --log-level must be error, warning, notice, info or debug, got \"loud\""},
	{{"--nonsense"}, OPTIONS_ERROR, "", "sluiced: unknown option \"--nonsense\""},
	{{"-c"}, OPTIONS_ERROR, "", "sluiced: value is missing after \"-c\""},
	{{"extra"}, OPTIONS_ERROR, "", "sluiced: unexpected argument \"extra\""},
	{{"--version"}, OPTIONS_DONE, "sluiced 0.1.0\n", ""},
	{{"--help"}, OPTIONS_DONE, "sluiced, an OpenVPN-protocol gateway", ""},
	{{"--help-config"}, OPTIONS_DONE, "workers\n", ""},
	{{"--man"}, OPTIONS_DONE, ".TH SLUICE.YAML 5", ""},
};

static void test_options(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char *argv[6] = {(char *)(uintptr_t) "sluiced"}, *out = NULL, *err = NULL;
		size_t out_len, err_len;
		FILE *o = open_memstream(&out, &out_len), *e = open_memstream(&err, &err_len);
		struct options opts;
		int argc = 1;

		for (int j = 0; j < 4 && lines[i].args[j]; j++)
			argv[argc++] = (char *)(uintptr_t)lines[i].args[j];
		CU_ASSERT_EQUAL(options_parse(argc, argv, &opts, o, e), lines[i].action);
		fclose(o);
		fclose(e);
		CU_ASSERT_EQUAL(strncmp(out, lines[i].out, strlen(lines[i].out)), 0);
		CU_ASSERT_EQUAL(strncmp(err, lines[i].err, strlen(lines[i].err)), 0);
		CU_ASSERT_EQUAL(err_len > 0, lines[i].err[0] != '\0');
		if (i == 0)
			CU_ASSERT_STRING_EQUAL(opts.config, OPTIONS_CONFIG);
		if (i == 1)
			CU_ASSERT_STRING_EQUAL(opts.config, "f");
		if (i == 3)
			CU_ASSERT(opts.disable_workers && opts.log_level == LOG_LEVEL_DEBUG);
		free(out);
		free(err);
	}
}

static char key_dir[] = "/tmp/sluice-test-keys-XXXXXX";

static const char *key_path(const char *name)
{
	static char path[2][64];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", key_dir, name);
	return path[turn];
}

static void check_mode(const char *path)
{
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
}

static void test_static_key(void)
{
	struct ctl_keys_args a = {.file = key_path("static")};
	uint8_t one[KEY_FILE_STATIC_BYTES], two[KEY_FILE_STATIC_BYTES];
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len;

	CU_ASSERT_EQUAL(ctl_keys_static(&a), 0);
	check_mode(a.file);
	len = key_file_read(a.file, text);
	CU_ASSERT_EQUAL(key_file_static_parse(one, text, (size_t)len), 0);
	CU_ASSERT_EQUAL(ctl_keys_static(&a), -1); // it is there
	len = key_file_read(a.file, text);
	CU_ASSERT_EQUAL(key_file_static_parse(two, text, (size_t)len), 0);
	CU_ASSERT_EQUAL(memcmp(one, two, sizeof(one)), 0);
	a.force = true;
	CU_ASSERT_EQUAL(ctl_keys_static(&a), 0);
	len = key_file_read(a.file, text);
	CU_ASSERT_EQUAL(key_file_static_parse(two, text, (size_t)len), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one, two, sizeof(one)), 0);
	CU_ASSERT_EQUAL(unlink(a.file), 0);
}

// The key in a client's file, as the server sees it.
static void open_client(const char *file, const char *server_file, struct tls_crypt_v2_client *out)
{
	struct tls_crypt_v2 *server = tls_crypt_v2_load(server_file);
	uint8_t body[2048];
	char text[KEY_FILE_BYTES_MAX];
	ssize_t len = key_file_read(file, text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
	len = key_file_pem_parse(body, sizeof(body), KEY_FILE_V2_CLIENT, text, (size_t)len);
	CU_ASSERT_FATAL(len > KEY_FILE_STATIC_BYTES);
	CU_ASSERT_EQUAL(tls_crypt_v2_unwrap(server, out, body + KEY_FILE_STATIC_BYTES,
				(size_t)len - KEY_FILE_STATIC_BYTES),
		0);
	CU_ASSERT_EQUAL(memcmp(out->key, body, sizeof(out->key)), 0);
	tls_crypt_v2_free(server);
}

static void test_v2_keys(void)
{
	struct ctl_keys_args s = {.file = key_path("server")};
	struct ctl_keys_args c = {.file = key_path("client"), .server_key = s.file};
	struct tls_crypt_v2_client one, two;
	char long_text[735];

	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), -1); // no server key yet
	CU_ASSERT_EQUAL(ctl_keys_v2_server(&s), 0);
	check_mode(s.file);
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), 0);
	check_mode(c.file);
	open_client(c.file, s.file, &one);
	CU_ASSERT_EQUAL(one.type, TLS_CRYPT_V2_TIME);
	CU_ASSERT_TRUE(one.unix_s <= time(NULL) && one.unix_s > time(NULL) - 60);
	c.metadata = "alice, laptop";
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), -1);
	c.force = true;
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), 0);
	open_client(c.file, s.file, &two);
	CU_ASSERT_EQUAL(two.type, TLS_CRYPT_V2_USER);
	CU_ASSERT_EQUAL(two.user_len, 13);
	CU_ASSERT_EQUAL(memcmp(two.user, c.metadata, 13), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one.key, two.key, sizeof(one.key)), 0);
	memset(long_text, 'x', sizeof(long_text));
	long_text[734] = '\0';
	c.metadata = long_text;
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), -1);
	long_text[733] = '\0';
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), 0);
	open_client(c.file, s.file, &two);
	CU_ASSERT_EQUAL(two.user_len, 733);
	c.server_key = c.file; // not a server's
	CU_ASSERT_EQUAL(ctl_keys_v2_client(&c), -1);
	CU_ASSERT_EQUAL(unlink(c.file), 0);
	CU_ASSERT_EQUAL(unlink(s.file), 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"pcap file", test_pcap},
		{"clients", test_clients},
		{"counters", test_counters},
		{"status and reload", test_status},
		{"command line of sluiced", test_options},
		{"static key", test_static_key},
		{"keys of tls-crypt-v2", test_v2_keys},
		{NULL, NULL},
	};
	int ret;

	if (!mkdtemp(key_dir))
		return 1;
	ret = harness_run("ctl", tests);
	rmdir(key_dir);
	return ret;
}
