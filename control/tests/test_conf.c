// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The configuration: every error once, by changing one place of a valid file; defaults; the
// example in docs/ field by field; help and manual page against the schema.

#include "control/conf/conf.h"

#include "control/conf/conf_schema.h"
#include "control/conf/conf_value.h"
#include "dataplane/base/log.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 65536

static const char base[] = "workers: 1\n"                                     // 1
			   "memory: 512mb\n"                                  // 2
			   "interfaces:\n"                                    // 3
			   "  - {name: eth0, side: outside}\n"                // 4
			   "  - {name: eth1, side: inside}\n"                 // 5
			   "gateways:\n"                                      // 6
			   "  - name: gw1\n"                                  // 7
			   "    endpoint: {address: 192.0.2.1, port: 1194}\n" // 8
			   "    ca: ca.crt\n"                                 // 9
			   "    cert: s.crt\n"                                // 10
			   "    key: s.key\n"                                 // 11
			   "    client_cidr: 10.8.0.0/24\n"                   // 12
			   "    local_networks: [10.1.0.0/16]\n"              // 13
			   "    keepalive: {interval: 10s, timeout: 60s}\n"   // 14
			   "    data_ciphers: [AES-256-GCM, AES-128-GCM]\n"   // 15
			   "  - name: gw2\n"                                  // 16
			   "    endpoint: {address: 192.0.2.1, port: 1195}\n" // 17
			   "    ca: ca.crt\n"                                 // 18
			   "    cert: s.crt\n"                                // 19
			   "    key: s.key\n"                                 // 20
			   "    client_cidr: 10.9.0.0/24\n"                   // 21
			   "    local_networks: [10.2.0.0/16]\n";             // 22

// base with the first `find` replaced.
static char *changed(const char *find, const char *replace)
{
	static char text[TEXT_MAX];
	const char *at = strstr(base, find);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(
		text, sizeof(text), "%.*s%s%s", (int)(at - base), base, replace, at + strlen(find));
	return text;
}

static struct conf *parse(const char *text, struct conf_error *err)
{
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

static void expect_error(const char *text, const char *expected)
{
	struct conf_error err;
	struct conf *c = parse(text, &err);

	CU_ASSERT_PTR_NULL(c);
	conf_free(c);
	if (c)
		fprintf(stderr, "accepted, expected: %s\n", expected);
	else if (strcmp(err.text, expected) != 0)
		fprintf(stderr, "expected: %s\n     got: %s\n", expected, err.text);
	CU_ASSERT_STRING_EQUAL(c ? "" : err.text, expected);
}

static const struct {
	const char *find, *replace, *error;
} rows[] = {
	// Integers, words, sizes, durations.
	{"workers: 1", "workers: 0", "1:10: workers must be 1..32, got \"0\""},
	{"workers: 1", "workers: 33", "1:10: workers must be 1..32, got \"33\""},
	{"workers: 1", "workers: two", "1:10: workers must be 1..32, got \"two\""},
	{"workers: 1", "workers: -1", "1:10: workers must be 1..32, got \"-1\""},
	{"workers: 1", "workers: 99999999999999999999",
		"1:10: workers must be 1..32, got \"99999999999999999999\""},
	{"workers: 1", "workers: [1]", "1:10: workers must be 1..32, got a list"},
	{"workers: 1", "workers: {a: 1}", "1:10: workers must be 1..32, got a mapping"},
	{"workers: 1", "workers:", "1:9: workers must be 1..32, got \"\""},
	{"512mb", "1mb", "2:9: memory must be 64mb..1tb, got \"1mb\""},
	{"512mb", "512", "2:9: memory must be 64mb..1tb, got \"512\""},
	{"512mb", "512 mb", "2:9: memory must be 64mb..1tb, got \"512 mb\""},
	{"workers: 1", "poll: sometimes",
		"1:7: poll must be one of busy, adaptive, got \"sometimes\""},
	{"workers: 1", "log_level: loud",
		"1:12: log_level must be one of error, warning, notice, info, debug, got \"loud\""},
	{"interval: 10s", "interval: 0",
		"14:27: gateway gw1: keepalive.interval must be 1s..3600s, got \"0\""},
	{"interval: 10s", "interval: 2h",
		"14:27: gateway gw1: keepalive.interval must be 1s..3600s, got \"2h\""},
	{"interval: 10s", "interval: 10 s",
		"14:27: gateway gw1: keepalive.interval must be 1s..3600s, got \"10 s\""},
	{"timeout: 60s", "timeout: 19s",
		"14:41: gateway gw1: keepalive.timeout must be at least twice keepalive.interval "
		"(10s), got \"19s\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "keepalive: 10 60",
		"14:16: gateway gw1: keepalive must be a mapping of options, got \"10 60\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tran_window: 59s",
		"14:18: gateway gw1: tran_window must be 60s..24h, got \"59s\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "reneg_sec: 8d",
		"14:16: gateway gw1: reneg_sec must be 0s..7d, got \"8d\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "redirect_gateway: maybe",
		"14:23: gateway gw1: redirect_gateway must be yes or no, got \"maybe\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "max_connections: 0",
		"14:22: gateway gw1: max_connections must be 1..100000, got \"0\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tls_mtu: 575",
		"14:14: gateway gw1: tls_mtu must be 576..1500, got \"575\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tun_mtu: 500",
		"14:14: gateway gw1: tun_mtu must be 576..9000 or auto, got \"500\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "duplicate_cn: maybe",
		"14:19: gateway gw1: duplicate_cn must be one of replace, allow, refuse, got "
		"\"maybe\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tls_version_min: 1.4",
		"14:22: gateway gw1: tls_version_min must be one of 1.0, 1.1, 1.2, 1.3, got \"1.4\""},
	// Cores.
	{"workers: 1", "lcores: 1,x",
		"1:9: lcores must be at most 32 cores in ascending order such as 1,2 or 1-3, got "
		"\"1,x\""},
	{"workers: 1", "lcores: 3-1",
		"1:9: lcores must be at most 32 cores in ascending order such as 1,2 or 1-3, got "
		"\"3-1\""},
	// Unknown and later options.
	{"workers: 1", "worker: 1",
		"1:1: unknown option \"worker\", the nearest one is \"workers\""},
	{"keepalive:", "keepalve:",
		"14:5: gateway gw1: unknown option \"keepalve\", the nearest one is \"keepalive\""},
	{"interval: 10s", "intervall: 10s",
		"14:17: gateway gw1: unknown option \"keepalive.intervall\", the nearest one is "
		"\"interval\""},
	{"{name: eth0, side", "{name: eth0, site: outside, side",
		"4:18: interface eth0: unknown option \"site\", the nearest one is \"side\""},
	{"workers: 1", "management: 1", "1:1: management is not supported yet"},
	{"keepalive: {interval: 10s, timeout: 60s}", "data_ciphers_fallback: AES-256-CBC",
		"14:5: gateway gw1: data_ciphers_fallback is not supported yet"},
	{"keepalive: {interval: 10s, timeout: 60s}", "bandwidth: 100mbit",
		"14:5: gateway gw1: bandwidth is not supported yet"},
	{"keepalive: {interval: 10s, timeout: 60s}", "client_to_client: maybe",
		"14:23: gateway gw1: client_to_client must be yes or no, got \"maybe\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "auth_user_pass_verify: x",
		"14:5: gateway gw1: auth_user_pass_verify is not supported yet"},
	{"keepalive: {interval: 10s, timeout: 60s}", "port_share: x",
		"14:5: gateway gw1: port_share is not supported yet"},
	{"keepalive: {interval: 10s, timeout: 60s}", "topology: net30",
		"12:18: gateway gw1: client_cidr must be a /23 or larger for max_connections 100 "
		"(topology net30: four addresses each, and eight more), got \"10.8.0.0/24\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "topology: star",
		"14:15: gateway gw1: topology must be one of subnet, net30, p2p, got \"star\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "push: [\"dhcp-option DNS 1.2.3.4,x\"]",
		"14:12: gateway gw1: push must be an option of 1..255 printable characters without "
		"comma and quotes, got \"dhcp-option DNS 1.2.3.4,x\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "push: [cipher AES-128-GCM]",
		"14:11: gateway gw1: push must leave out what the gateway pushes itself, got "
		"\"cipher AES-128-GCM\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "push_remove: [dhcp-option, p]",
		"14:18: gateway gw1: push_remove must leave \"peer-id\" alone, got \"p\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "dns_search_domains: exa mple",
		"14:25: gateway gw1: dns_search_domains must be a domain of 1..253 characters a-z, "
		"A-Z, 0-9, -, _ and ., got \"exa mple\""},
	{"port: 1194}", "port: 1194, transport: tcp}",
		"8:59: gateway gw1: endpoint.transport: \"tcp\" is not supported yet"},
	// Names and files.
	{"name: gw1", "name: GW1",
		"7:11: gateway GW1: name must be 1..63 characters of a-z, 0-9 and -, got \"GW1\""},
	{"name: gw1", "name: \"\"",
		"7:11: gateway 1: name must be 1..63 characters of a-z, 0-9 and -, got \"\""},
	{"  - name: gw1\n    endpoint", "  - endpoint", "7:5: gateway 1: name is missing"},
	{"    ca: ca.crt\n", "", "7:5: gateway gw1: ca is missing (or peer_fingerprint)"},
	{"    ca: ca.crt\n", "    ca: ca.crt\n    peer_fingerprint: []\n",
		"10:23: gateway gw1: peer_fingerprint must be at least one fingerprint, got none"},
	{"keepalive: {interval: 10s, timeout: 60s}", "inactive_bytes: 1000",
		"14:21: gateway gw1: inactive_bytes must be absent without inactive, got \"1000\""},
	{"    ca: ca.crt\n", "    peer_fingerprint: ab:cd\n",
		"9:23: gateway gw1: peer_fingerprint must be a SHA-256 fingerprint: 64 hex digits, "
		"with or without colons, got \"ab:cd\""},
	{"    ca: ca.crt\n",
		"    peer_fingerprint: "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
		"    crl_verify: crl.pem\n",
		"10:17: gateway gw1: crl_verify must be absent without ca: a list is its "
		"authority's, got \"crl.pem\""},
	{"    ca: ca.crt\n", "    ca: ca.crt\n    verify_x509_name: {type: subject}\n",
		"10:23: gateway gw1: verify_x509_name.name is missing"},
	{"    ca: ca.crt\n", "    ca: ca.crt\n    tls_cert_profile: suiteb\n",
		"10:23: gateway gw1: tls_cert_profile: \"suiteb\" is not supported yet"},
	{"    ca: ca.crt\n", "    ca: ca.crt\n    remote_cert_tls: server\n",
		"10:22: gateway gw1: remote_cert_tls must be one of no, client, got \"server\""},
	{"ca: ca.crt", "ca: \"\"",
		"9:9: gateway gw1: ca must be a path of 1..255 characters, got \"\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "netns: a/b",
		"14:12: gateway gw1: netns must be the name of a namespace (ip netns), 1..63 "
		"characters without slash, got \"a/b\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tun: much-too-long-name",
		"14:10: gateway gw1: tun must be 1..15 characters without space, slash and colon, "
		"got \"much-too-long-name\""},
	{"name: gw2", "name: gw1",
		"16:11: gateway gw1: name must be unique, got the one of line 7 again"},
	{"port: 1195", "port: 1194",
		"17:15: gateway gw2: endpoint must be unique, got 192.0.2.1 port 1194 of gateway gw1 "
		"again"},
	// Networks.
	{"10.8.0.0/24", "10.8.0.1/24",
		"12:18: gateway gw1: client_cidr must be a network: did you mean 10.8.0.0/24? Bits "
		"are set behind the prefix length, got \"10.8.0.1/24\""},
	{"10.8.0.0/24", "10.8.0.0/31",
		"12:18: gateway gw1: client_cidr must be an IPv4 network such as 10.8.0.0/24, prefix "
		"length 8..30, got \"10.8.0.0/31\""},
	{"10.8.0.0/24", "\"fd00::/64\"",
		"12:18: gateway gw1: client_cidr must be an IPv4 network such as 10.8.0.0/24, prefix "
		"length 8..30, got \"fd00::/64\""},
	{"10.8.0.0/24", "10.8.0.0/25\n    max_connections: 126",
		"12:18: gateway gw1: client_cidr must be a /24 or larger for max_connections 126 (and "
		"network, gateway and broadcast address), got \"10.8.0.0/25\""},
	{"10.8.0.0/24", "224.0.0.0/24",
		"12:18: gateway gw1: client_cidr must be a unicast network, got \"224.0.0.0/24\""},
	{"client_cidr: 10.8.0.0/24", "client_cidr6: \"fd00::/124\"",
		"12:19: gateway gw1: client_cidr6 must be a /121 or larger for max_connections 100 "
		"(and network, gateway and broadcast address), got \"fd00::/124\""},
	{"client_cidr: 10.8.0.0/24", "client_cidr6: \"fd00::/64\"\n    tun_mtu: 1200",
		"13:14: gateway gw1: tun_mtu must be 1280..9000 with client_cidr6, got \"1200\""},
	{"    client_cidr: 10.8.0.0/24\n", "",
		"7:5: gateway gw1: client_cidr or client_cidr6 is missing"},
	{"10.1.0.0/16", "10.1.0.5/16",
		"13:22: gateway gw1: local_networks must be a network: did you mean 10.1.0.0/16? "
		"Bits are set behind the prefix length, got \"10.1.0.5/16\""},
	{"10.1.0.0/16", "\"\"",
		"13:22: gateway gw1: local_networks must be a network such as 192.168.1.0/24 or "
		"fd00:1::/64, got \"\""},
	{"10.1.0.0/16", "10.1.0.0",
		"13:22: gateway gw1: local_networks must be a network such as 192.168.1.0/24 or "
		"fd00:1::/64, got \"10.1.0.0\""},
	{"10.1.0.0/16", "10.1.0.0/33",
		"13:22: gateway gw1: local_networks must be a network such as 192.168.1.0/24 or "
		"fd00:1::/64, got \"10.1.0.0/33\""},
	{"10.1.0.0/16", "10.1.0.0/16, 10.1.0.0/16",
		"13:35: gateway gw1: local_networks has \"10.1.0.0/16\" twice"},
	{"10.1.0.0/16", "0.0.0.0/0",
		"13:21: gateway gw1: local_networks must not be everything, use redirect_gateway: "
		"yes, got \"0.0.0.0/0\""},
	{"10.1.0.0/16", "239.0.0.0/8",
		"13:21: gateway gw1: local_networks must be unicast networks, got \"239.0.0.0/8\""},
	{"10.1.0.0/16", "10.8.0.128/25",
		"12:18: gateway gw1: client_cidr must not overlap local network 10.8.0.128/25 of "
		"gateway gw1, got \"10.8.0.0/24\""},
	{"10.9.0.0/24", "10.8.0.0/23",
		"21:18: gateway gw2: client_cidr must not overlap the 10.8.0.0/24 of gateway gw1 in "
		"the same routing domain, got \"10.8.0.0/23\""},
	{"10.9.0.0/24", "10.1.2.0/24",
		"21:18: gateway gw2: client_cidr must not overlap local network 10.1.0.0/16 of "
		"gateway gw1, got \"10.1.2.0/24\""},
	{"10.2.0.0/16", "10.8.0.0/16",
		"22:21: gateway gw2: local_networks must not overlap the client network of gateway "
		"gw1 in the same routing domain, got \"10.8.0.0/16\""},
	{"keepalive: {interval: 10s, timeout: 60s}", "tun: sluice-gw2",
		"16:5: gateway gw2: tun must be unique in its namespace, got \"sluice-gw2\" of "
		"gateway gw1"},
	{"keepalive: {interval: 10s, timeout: 60s}", "dns: [10.1.0.300]",
		"14:11: gateway gw1: dns must be an IPv4 or IPv6 unicast address, got "
		"\"10.1.0.300\""},
	// Interfaces.
	{"side: outside", "side: left",
		"4:24: interface eth0: side must be one of outside, inside, both, got \"left\""},
	{"name: eth0, side: outside", "name: eth0", "4:5: interface eth0: side is missing"},
	{"side: outside}", "side: outside, driver: magic}",
		"4:41: interface eth0: driver must be one of af_xdp, pci, memif, tap, ring, null, "
		"pcap, got \"magic\""},
	{"side: outside}", "side: outside, mtu: 100}",
		"4:38: interface eth0: mtu must be 576..9600 or auto, got \"100\""},
	{"side: outside}", "side: outside, driver: pci}",
		"4:12: interface eth0: name must be a PCI address such as 0000:01:00.0 with driver "
		"pci, got \"eth0\""},
	{"name: eth0", "name: interface-with-a-long-name",
		"4:12: interface interface-with-a-long-name: name must be an interface name of 1..15 "
		"characters without space, slash and colon, got \"interface-with-a-long-name\""},
	{"{name: eth0, side: outside}", "{name: \"a,b\", side: outside, driver: ring}",
		"4:12: interface a,b: name must be without comma, equals sign, bracket and space, "
		"got \"a,b\""},
	{"side: outside}", "side: outside, memif: {id: 1}}",
		"4:40: interface eth0: memif must be absent unless driver is memif, got a mapping"},
	{"side: outside}", "side: outside, exception: x0}",
		"4:44: interface eth0: exception must be absent with driver af_xdp: the kernel has "
		"the interface itself, got \"x0\""},
	{"name: eth1", "name: eth0",
		"5:12: interface eth0: name must be unique, got the one of line 4 again"},
	{"side: outside", "side: inside",
		"4:3: interfaces must have one of side outside (or both), got none"},
	{"side: inside", "side: outside",
		"4:3: interfaces must have one of side inside (or both), got none"},
	{"interfaces:\n  - {name: eth0, side: outside}\n  - {name: eth1, side: inside}\n",
		"interfaces: []\n", "3:13: interfaces must be a list of 1..24, got 0"},
	{"interfaces:\n  - {name: eth0, side: outside}\n  - {name: eth1, side: inside}\n", "",
		"1:1: interfaces is missing"},
	{"  - {name: eth1, side: inside}\n", "  - eth1\n",
		"5:5: interface 2: must be a mapping of options, got \"eth1\""},
	// YAML itself.
	{"workers: 1", "workers: 1\nworkers: 2",
		"2:1: \"workers\" is given twice, first in line 1"},
	{"workers: 1", "workers: &a 1", "1:10: anchors, aliases and tags are not allowed"},
	{"workers: 1", "workers: *a", "1:10: anchors, aliases and tags are not allowed"},
	{"workers: 1", "workers: !!int 1", "1:10: anchors, aliases and tags are not allowed"},
	{"workers: 1", "lcores: \"1\\n\"",
		"1:9: value contains a control character or a line break"},
	{"workers: 1", "lcores: \"1\\0\"",
		"1:9: value contains a control character or a line break"},
	{"workers: 1", "[a]: 1", "1:1: the name of an option must be a plain word"},
	{"workers: 1", "lcores: [[[[[[[1]]]]]]]", "1:14: nested too deeply"},
};

static void test_errors(void)
{
	char expected[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(expected, sizeof(expected), "sluice.yaml:%s", rows[i].error);
		expect_error(changed(rows[i].find, rows[i].replace), expected);
	}
}

// One more than there is room for.
static void test_too_many(void)
{
	const size_t max = sizeof(((struct conf_gateway *)NULL)->dns) / sizeof(struct conf_addr);
	char list[TEXT_MAX / 2], expected[256];
	size_t n = (size_t)snprintf(list, sizeof(list), "dns:\n");

	for (size_t i = 0; i <= max; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "      - 10.1.0.%zu\n", i + 1);
	snprintf(expected, sizeof(expected),
		"sluice.yaml:%zu:9: gateway gw1: dns must be at most %zu entries, got one more: "
		"\"10.1.0.%zu\"",
		15 + max, max, max + 1);
	expect_error(changed("keepalive: {interval: 10s, timeout: 60s}\n", list), expected);
}

static void test_whole_files(void)
{
	char *big, text[4096], expected[256];
	struct conf_error err;
	size_t n;

	expect_error("", "sluice.yaml:1:1: file is empty");
	expect_error("- 1\n",
		"sluice.yaml:1:1: must be a mapping of options (\"name: value\" lines), got a list");
	expect_error("workers\n",
		"sluice.yaml:1:1: must be a mapping of options (\"name: value\" lines), got "
		"\"workers\"");
	snprintf(text, sizeof(text), "%s---\nworkers: 1\n", base);
	expect_error(text, "sluice.yaml:24:1: only one YAML document is allowed");
	CU_ASSERT_PTR_NULL(parse("a: [1\nb: 2\n", &err));
	CU_ASSERT(strncmp(err.text, "sluice.yaml:2:", 14) == 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not valid YAML: "));

	big = malloc(CONF_FILE_BYTES + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	memset(big, '#', CONF_FILE_BYTES + 1);
	CU_ASSERT_PTR_NULL(conf_parse(big, CONF_FILE_BYTES + 1, "sluice.yaml", &err));
	CU_ASSERT_STRING_EQUAL(
		err.text, "sluice.yaml: file must be at most 4194304 bytes, got 4194305");
	n = (size_t)snprintf(big, CONF_FILE_BYTES, "workers: ");
	memset(big + n, 'x', 5000);
	CU_ASSERT_PTR_NULL(conf_parse(big, n + 5000, "sluice.yaml", &err));
	CU_ASSERT_STRING_EQUAL(err.text, "sluice.yaml:1:10: value is longer than 4096 bytes");
	free(big);

	n = (size_t)snprintf(text, sizeof(text), "interfaces:\n");
	for (int i = 0; i < 25; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "  - {name: e%d, side: both}\n", i);
	snprintf(expected, sizeof(expected),
		"sluice.yaml:2:3: interfaces must be a list of 1..24, got 25");
	expect_error(text, expected);
}

static void test_lcores(void)
{
	struct conf_error err;
	struct conf *c = parse(changed("workers: 1\n", "lcores: 1-2,5\n"), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->workers, 3);
	conf_free(c);
}

static void test_lcores_errors(void)
{
	expect_error(changed("workers: 1\n", "workers: 3\nlcores: 1,2\n"),
		"sluice.yaml:2:9: lcores must name one core per worker (workers: 3), got 2 in "
		"\"1,2\"");
	expect_error(changed("workers: 1\n", "control_lcore: 2\nlcores: 1,2\n"),
		"sluice.yaml:2:9: lcores must not have control_lcore (2) in it, got \"1,2\"");
}

static void test_defaults(void)
{
	struct conf_error err;
	struct conf *c = parse(base, &err);
	const struct conf_gateway *g;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->workers, 1);
	CU_ASSERT_STRING_EQUAL(c->lcores, "");
	CU_ASSERT_EQUAL(c->control_lcore, 0);
	CU_ASSERT_EQUAL(c->poll, WORKER_POLL_BUSY);
	CU_ASSERT_EQUAL(c->memory_bytes, 512ull << 20);
	CU_ASSERT_EQUAL(c->max_routes, 16384);
	CU_ASSERT_EQUAL(c->max_handshakes, 4096);
	CU_ASSERT_EQUAL(c->control_pps, 20000);
	CU_ASSERT_EQUAL(c->control_prefix_pps, 2000);
	CU_ASSERT_STRING_EQUAL(c->socket, "/run/sluice/sluice.sock");
	CU_ASSERT_STRING_EQUAL(c->bpf_object, "");
	CU_ASSERT_EQUAL(c->log_level, LOG_LEVEL_NOTICE);
	CU_ASSERT_EQUAL(c->interface_count, 2);
	CU_ASSERT_EQUAL(c->interfaces[0].driver, PORT_AF_XDP);
	CU_ASSERT_EQUAL(c->interfaces[0].mtu, 0);
	CU_ASSERT_EQUAL(c->interfaces[0].line, 4);
	CU_ASSERT_EQUAL_FATAL(c->gateway_count, 2);
	g = &c->gateways[1];
	CU_ASSERT_EQUAL(g->line, 16);
	CU_ASSERT_EQUAL(g->keepalive_interval_s, 10);
	CU_ASSERT_EQUAL(g->keepalive_timeout_s, 60);
	CU_ASSERT_EQUAL(g->reneg_s, 3600);
	CU_ASSERT_EQUAL(g->hand_window_s, 60);
	CU_ASSERT_EQUAL(g->tls_mtu, 1250);
	CU_ASSERT_EQUAL(g->tran_window_s, 3600);
	CU_ASSERT_EQUAL(g->max_connections, 100);
	CU_ASSERT_EQUAL(g->duplicate_cn, CONF_DUPLICATE_REPLACE);
	CU_ASSERT_EQUAL(g->tls_version_min, CONF_TLS_1_2);
	CU_ASSERT_EQUAL_FATAL(g->data_cipher_count, 3);
	CU_ASSERT_EQUAL(g->data_ciphers[0], CIPHER_AES_256_GCM);
	CU_ASSERT_EQUAL(g->data_ciphers[1], CIPHER_AES_128_GCM);
	CU_ASSERT_EQUAL(g->data_ciphers[2], CIPHER_CHACHA20_POLY1305);
	CU_ASSERT_EQUAL(g->fallback_cipher, CIPHER_COUNT);
	CU_ASSERT_EQUAL(g->auth, DIGEST_SHA1);
	CU_ASSERT_EQUAL(g->tun_mtu, 0);
	CU_ASSERT(g->mss_clamp && g->fast_path && g->copy_dscp && !g->redirect_gateway);
	CU_ASSERT(g->data_epoch);
	CU_ASSERT_STRING_EQUAL(g->tun, "sluice-gw2");
	CU_ASSERT_STRING_EQUAL(g->netns, "");
	CU_ASSERT_EQUAL(c->warning_count, 0);
	CU_ASSERT_EQUAL(conf_clients_max(c), 200);
	CU_ASSERT_PTR_EQUAL(conf_gateway_by_name(c, "gw2"), g);
	CU_ASSERT_PTR_NULL(conf_gateway_by_name(c, "gw3"));
	conf_free(c);
}

static void test_other_domain(void)
{
	struct conf_error err;
	// The same client CIDR and local networks are fine in another namespace.
	struct conf *c = parse(
		changed("10.9.0.0/24\n    local_networks: [10.2.0.0/16]",
			"10.8.0.0/24\n    local_networks: [10.1.0.0/16]\n    netns: b"),
		&err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(c->warning_count, 1);
	CU_ASSERT_STRING_EQUAL(c->warnings[0],
		"sluice.yaml:16:5: gateway gw2: no inside interface in namespace \"b\": all packets "
		"take the slow path");
	conf_free(c);
}

static void test_warnings(void)
{
	struct conf_error err;
	struct conf *c = parse(
		changed("keepalive: {interval: 10s, timeout: 60s}", "dns: [10.1.0.53, 192.0.2.53]"),
		&err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(c->warning_count, 1);
	CU_ASSERT_STRING_EQUAL(c->warnings[0],
		"sluice.yaml:14:10: gateway gw1: DNS server 192.0.2.53 is in no local network: "
		"clients will ask it outside the tunnel");
	conf_free(c);
}

static void test_long_names(void)
{
	struct conf_error err;
	char text[sizeof(base) + 64];
	struct conf *c;

	snprintf(text, sizeof(text), "%s", changed("name: gw1", "name: tenant-0001"));
	memcpy(strstr(text, "name: gw2"), "name: gw8", 9);
	c = parse(text, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(strlen(c->gateways[0].tun), 15);
	CU_ASSERT(strncmp(c->gateways[0].tun, "sluice-ten", 10) == 0);
	conf_free(c);
}

static char *slurp(const char *path)
{
	static char text[TEXT_MAX];
	FILE *f = fopen(path, "r");
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void is_prefix(const struct conf_prefix *p, const char *expected)
{
	char text[CONF_TEXT_BYTES];

	CU_ASSERT_STRING_EQUAL(conf_text_prefix(text, p), expected);
}

static void is_addr(const struct conf_addr *a, const char *expected)
{
	char text[CONF_TEXT_BYTES];

	CU_ASSERT_STRING_EQUAL(conf_text_addr(text, a), expected);
}

static void check_example_node(const struct conf *c)
{
	const struct conf_interface *i = c->interfaces;

	CU_ASSERT_EQUAL(c->workers, 2);
	CU_ASSERT_STRING_EQUAL(c->lcores, "1,2");
	CU_ASSERT_EQUAL(c->memory_bytes, 1ull << 30);
	CU_ASSERT_EQUAL_FATAL(c->interface_count, 4);
	CU_ASSERT_STRING_EQUAL(i[0].name, "eth0");
	CU_ASSERT_EQUAL(i[0].sides, PORT_LINK);
	CU_ASSERT_EQUAL(i[1].sides, PORT_VPN);
	CU_ASSERT_EQUAL(i[1].mtu, 1500);
	CU_ASSERT_EQUAL_FATAL(i[1].vlan_count, 2);
	CU_ASSERT_EQUAL(i[1].vlans[1].id, 200);
	CU_ASSERT_STRING_EQUAL(i[1].vlans[0].netns, "blue");
	CU_ASSERT_STRING_EQUAL(i[1].vlans[0].interface, "eth1.100");
	CU_ASSERT_STRING_EQUAL(i[1].vlans[1].netns, "red");
	CU_ASSERT_STRING_EQUAL(i[1].vlans[1].interface, "red0");
	CU_ASSERT_EQUAL(i[2].driver, PORT_PCI);
	CU_ASSERT_STRING_EQUAL(i[2].name, "0000:01:00.0");
	CU_ASSERT_STRING_EQUAL(i[2].exception, "sluice-x0");
	CU_ASSERT_EQUAL(i[3].driver, PORT_MEMIF);
	CU_ASSERT_STRING_EQUAL(i[3].netns, "green");
	CU_ASSERT(i[3].memif_server);
	CU_ASSERT_EQUAL(i[3].memif_id, 7);
}

static void check_example_blue(const struct conf_gateway *g)
{
	CU_ASSERT_STRING_EQUAL(g->name, "blue");
	is_addr(&g->endpoint_addrs[0], "192.0.2.10");
	CU_ASSERT_EQUAL(g->endpoint_port, 1194);
	CU_ASSERT_STRING_EQUAL(g->netns, "blue");
	CU_ASSERT_STRING_EQUAL(g->tun, "sluice-blue");
	CU_ASSERT_STRING_EQUAL(g->ca, "/etc/sluice/pki/blue/ca.crt");
	CU_ASSERT_STRING_EQUAL(g->cert, "/etc/sluice/pki/blue/server.crt");
	CU_ASSERT_STRING_EQUAL(g->key, "/etc/sluice/pki/blue/server.key");
	CU_ASSERT_STRING_EQUAL(g->crl, "/etc/sluice/pki/blue/crl.pem");
	CU_ASSERT_STRING_EQUAL(g->tls_crypt, "/etc/sluice/pki/blue/tls-crypt.key");
	is_prefix(&g->client_cidr, "10.8.0.0/23");
	is_prefix(&g->client_cidr6, "fd00:8::/64");
	CU_ASSERT_EQUAL_FATAL(g->local_network_count, 3);
	is_prefix(&g->local_networks[1], "192.168.7.0/24");
	is_prefix(&g->local_networks[2], "fd00:1::/48");
	CU_ASSERT_EQUAL_FATAL(g->dns_count, 2);
	is_addr(&g->dns[1], "fd00:1::53");
	CU_ASSERT_EQUAL_FATAL(g->data_cipher_count, 3);
	CU_ASSERT_EQUAL(g->data_ciphers[1], CIPHER_AES_192_GCM);
	CU_ASSERT_EQUAL(g->keepalive_timeout_s, 60);
	CU_ASSERT_EQUAL(g->tran_window_s, 1800);
	CU_ASSERT_EQUAL(g->max_connections, 500);
}

static void check_example_red(const struct conf_gateway *g)
{
	is_addr(&g->endpoint_addrs[0], "2001:db8::10");
	CU_ASSERT_EQUAL(g->endpoint_port, 1195);
	CU_ASSERT_STRING_EQUAL(g->tun, "red0");
	CU_ASSERT_STRING_EQUAL(g->tls_crypt, "");
	CU_ASSERT_STRING_EQUAL(g->tls_crypt_v2, "/etc/sluice/pki/red/tls-crypt-v2.key");
	CU_ASSERT_EQUAL(g->tls_crypt_v2_max_age_s, 730u * 86400);
	CU_ASSERT_FALSE(g->tls_crypt_v2_cookie_required);
	CU_ASSERT_STRING_EQUAL(g->tls_auth, "/etc/sluice/pki/red/ta.key");
	CU_ASSERT_EQUAL(g->tls_auth_direction, TLS_WRAP_NORMAL);
	CU_ASSERT_EQUAL(g->handshake_prefix_rate, 100);
	CU_ASSERT(g->redirect_gateway);
	CU_ASSERT_EQUAL(g->data_ciphers[0], CIPHER_AES_128_GCM);
	CU_ASSERT_EQUAL(g->duplicate_cn, CONF_DUPLICATE_REFUSE);
	CU_ASSERT_EQUAL(g->udp_checksum, CONF_UDP_CSUM_ZERO);
	CU_ASSERT_EQUAL(g->client_cidr6.family, 0);
}

static void test_example(void)
{
	struct conf_error err = {0};
	const char *text = slurp(SOURCE_DIR "/docs/sluice.yaml.example");
	struct conf *c = conf_parse(text, strlen(text), "/etc/sluice/sluice.yaml", &err);

	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	check_example_node(c);
	CU_ASSERT_EQUAL_FATAL(c->gateway_count, 2);
	check_example_blue(&c->gateways[0]);
	check_example_red(&c->gateways[1]);
	CU_ASSERT_EQUAL(c->warning_count, 0);
	conf_free(c);
}

// What is wrong with a value is found out later, by whoever uses it: it still says where it stands.
static void test_places(void)
{
	static const struct {
		const char *text, *want;
	} texts[] = {
		{"cert: s.crt: bad", "sluice.yaml:10:11: gateway gw1: cert: s.crt: bad"},
		{"key: s.key: bad", "sluice.yaml:11:10: gateway gw1: key: s.key: bad"},
		{"ca: bad", "sluice.yaml:9:9: gateway gw1: ca: bad"},
		// One that is not set, and none at all.
		{"tls_groups: bad", "sluice.yaml:7:5: gateway gw1: tls_groups: bad"},
		{"keys: bad", "sluice.yaml:7: gateway gw1: keys: bad"},
	};
	struct conf_error err = {0};
	struct conf *c = parse(base, &err);
	char got[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		conf_gateway_error(&c->gateways[0], texts[i].text, got, sizeof(got));
		CU_ASSERT_STRING_EQUAL(got, texts[i].want);
	}
	conf_gateway_error(&c->gateways[1], "ca: bad", got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(got, "sluice.yaml:18:9: gateway gw2: ca: bad");
	conf_free(c);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static void test_files(void)
{
	char dir[] = "/tmp/sluice-conf-XXXXXX", file[64], ca[64], crt[64], key[64], want[256];
	struct conf_error err;
	struct conf *c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/sluice.yaml", dir);
	snprintf(ca, sizeof(ca), "%s/ca.crt", dir);
	snprintf(crt, sizeof(crt), "%s/s.crt", dir);
	snprintf(key, sizeof(key), "%s/s.key", dir);
	CU_ASSERT_PTR_NULL(conf_load(file, &err));
	snprintf(want, sizeof(want),
		"%s: cannot be read: No such file or directory (-c FILE names another)", file);
	CU_ASSERT_STRING_EQUAL(err.text, want);
	CU_ASSERT_PTR_NULL(conf_load(dir, &err));
	write_file(file, base, 0600);
	CU_ASSERT_PTR_NULL(conf_load(file, &err));
	snprintf(want, sizeof(want),
		"%s:9:9: gateway gw1: ca must be a readable file, got \"%s\": No such file or "
		"directory",
		file, ca);
	CU_ASSERT_STRING_EQUAL(err.text, want);
	write_file(ca, "x", 0644);
	write_file(crt, "", 0644);
	CU_ASSERT_PTR_NULL(conf_load(file, &err));
	snprintf(want, sizeof(want),
		"%s:10:11: gateway gw1: cert must be a readable file, got \"%s\": it is empty",
		file, crt);
	CU_ASSERT_STRING_EQUAL(err.text, want);
	write_file(crt, "x", 0644);
	write_file(key, "x", 0644);
	c = conf_load(file, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->warning_count, 2); // the key of either gateway is readable by all
	CU_ASSERT_PTR_NOT_NULL(strstr(c->warnings[0], "(chmod 600)"));
	conf_free(c);
	unlink(key);
	unlink(crt);
	unlink(ca);
	unlink(file);
	rmdir(dir);
}

static void check_texts(
	const char *prefix, const struct conf_option *o, const char *help, const char *man)
{
	char path[160], roff[200];

	for (; o->name; o++) {
		if (o->type == CONF_T_LATER) {
			CU_ASSERT_PTR_NOT_NULL(strstr(help, o->name));
			CU_ASSERT_PTR_NOT_NULL(strstr(man, o->name));
			continue;
		}
		snprintf(path, sizeof(path), "%s%s%s", prefix, o->name,
			o->type == CONF_T_MAPPINGS ? "[]" : "");
		snprintf(roff, sizeof(roff), "\n%s\n", path);
		CU_ASSERT_PTR_NOT_NULL(strstr(o == conf_schema ? "\nworkers\n" : help, roff));
		snprintf(roff, sizeof(roff), ".TP\n\\fB%s\\fR (", path);
		CU_ASSERT_PTR_NOT_NULL(strstr(man, roff));
		CU_ASSERT(o->help && strlen(o->help) > 5);
		if (!o->children)
			continue;
		strncat(path, o->type == CONF_T_VLANS ? ".TAG." : ".",
			sizeof(path) - strlen(path) - 1);
		check_texts(path, o->children, help, man);
	}
}

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	print(f);
	fclose(f);
	return text;
}

static void test_texts(void)
{
	char *help = printed(conf_schema_help), *man = printed(conf_schema_man);

	check_texts("", conf_schema, help, man);
	// The refused values, too.
	CU_ASSERT_PTR_NOT_NULL(strstr(help, "CHACHA20-POLY1305"));
	CU_ASSERT_PTR_NOT_NULL(strstr(man, "net30, p2p"));
	CU_ASSERT(strncmp(help, "workers\n", 8) == 0);
	for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
		CU_ASSERT(strlen(line) <= 100);
	free(help);
	free(man);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"every error", test_errors},
		{"too many entries", test_too_many},
		{"errors of whole files", test_whole_files},
		{"workers from lcores", test_lcores},
		{"wrong lcores", test_lcores_errors},
		{"defaults", test_defaults},
		{"same networks in another domain", test_other_domain},
		{"warnings", test_warnings},
		{"TUN devices of long names", test_long_names},
		{"example", test_example},
		{"places of values", test_places},
		{"files", test_files},
		{"help and manual page", test_texts},
		{NULL, NULL},
	};

	return harness_run("conf", tests);
}
