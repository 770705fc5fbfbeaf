// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// PUSH_REPLY word by word, per kind of client, and its parts when it is long.

#include "control/channel/push.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct push push;
static struct conf_gateway gw;

static const struct session_lease lease46 = {
	.peer_id = 7,
	.vpn4 = {10, 8, 0, 6},
	.vpn4_len = 24,
	.self4 = {10, 8, 0, 1},
	.vpn6 = {0xfd, [15] = 6},
	.vpn6_len = 64,
	.self6 = {0xfd, [15] = 1},
	.tun_mtu = 1420,
};
static const struct session_lease lease_net30 = {
	.peer_id = 7,
	.vpn4 = {10, 8, 0, 6},
	.vpn4_len = 24,
	.far4 = {10, 8, 0, 5},
	.self4 = {10, 8, 0, 1},
};
static const struct ncp_choice aes256 = {
	.cipher = CIPHER_AES_256_GCM, .push = true, .why = "IV_CIPHERS"};

static void gateway_reset(void)
{
	memset(&gw, 0, sizeof(gw));
	gw.keepalive_interval_s = 10;
	gw.keepalive_timeout_s = 60;
}

static void compose(const struct session_lease *lease, uint32_t proto, uint16_t mtu, bool ncp)
{
	struct peer_info peer = {.proto = proto, .mtu = mtu};
	struct ncp_choice choice = aes256;

	choice.push = ncp;
	peer.ncp = ncp ? 2 : 0;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, lease, &peer, &choice), 0);
	CU_ASSERT_EQUAL_FATAL(push.count, 1);
}

#define COMMON COMMON_WITH("")
#define COMMON_23 COMMON_WITH("tun-ipv6,") // a client that says nothing of itself
#define COMMON_WITH(ipv6) \
	"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet," ipv6 "ping 10,ping-restart 60," \
	"explicit-exit-notify 1,ifconfig-ipv6 fd00::6/64 fd00::1,ifconfig 10.8.0.6 255.255.255.0"

static void test_clients(void)
{
	gateway_reset();
	compose(&lease46, 478, 1600, true); // 2.6.0
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,protocol-flags cc-exit tls-ekm,tun-mtu 1420");
	compose(&lease46, 990, 1600, true); // 2.6.1 and later
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,"
		       "protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1420");
	compose(&lease46, 8094, 1600, true); // 2.7: no flag that we do not keep
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,"
		       "protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1420");
	compose(&lease46, 2 | 8 | 512, 0, true); // no cc-exit, but the flags are known
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,protocol-flags dyn-tls-crypt,"
		       "key-derivation tls-ekm");
	compose(&lease46, 6, 0, true); // 2.5
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM");
	compose(&lease46, 2, 0, false); // 2.4 with ncp-disable
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON_23 ",peer-id 7");
	compose(&lease46, 0, 0, false); // 2.3: no peer id
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON_23);
	compose(&lease46, 2 | 8, 0, true); // exporter, but no protocol-flags
	CU_ASSERT_STRING_EQUAL(
		push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM,key-derivation tls-ekm");
	compose(&lease46, 2 | 128, 1400, true); // and the other way round; a small client
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,protocol-flags cc-exit,tun-mtu 1400");
}

static void test_epoch(void)
{
	struct peer_info peer = {.proto = 8094, .mtu = 1600, .ncp = 2};
	struct ncp_choice choice = aes256;

	gateway_reset();
	choice.epoch = true;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease46, &peer, &choice), 0);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON ",peer-id 7,cipher AES-256-GCM,"
		       "protocol-flags cc-exit tls-ekm dyn-tls-crypt aead-epoch,tun-mtu 1420");
	peer = (struct peer_info){.proto = 2 | 1024, .ncp = 2}; // the only flag
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease46, &peer, &choice), 0);
	CU_ASSERT_STRING_EQUAL(
		push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM,protocol-flags aead-epoch");
}

// What a client with compression in its configuration is told instead.
static void test_framing(void)
{
	struct peer_info peer = {.proto = 6, .ncp = 2};
	struct ncp_choice choice = aes256;

	gateway_reset();
	choice.framing = FRAMING_STUB_V2;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease46, &peer, &choice), 0);
	CU_ASSERT_STRING_EQUAL(
		push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM,compress stub-v2");
	choice.framing = FRAMING_COMP_LZO;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease46, &peer, &choice), 0);
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM,comp-lzo no");
}

static void test_families(void)
{
	struct session_lease lease = lease46;

	gateway_reset();
	gw.local_network_count = 3;
	gw.local_networks[0] = (struct conf_prefix){4, 16, {10, 1}};
	gw.local_networks[1] = (struct conf_prefix){6, 48, {0x20, 1, 0xd, 0xb8}};
	gw.local_networks[2] = (struct conf_prefix){4, 0, {0}};
	gw.dns_count = 2;
	gw.dns[0] = (struct conf_addr){4, {10, 1, 0, 53}};
	gw.dns[1] = (struct conf_addr){6, {0x20, 1, 0xd, 0xb8, [15] = 0x53}};
	gw.redirect_gateway = true;
	compose(&lease, 0, 0, false);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,tun-ipv6,"
		"route 10.1.0.0 255.255.0.0,"
		"route-ipv6 2001:db8::/48,route 0.0.0.0 0.0.0.0,redirect-gateway def1,"
		"dhcp-option DNS 10.1.0.53,dhcp-option DNS6 2001:db8::53,ping 10,ping-restart 60,"
		"explicit-exit-notify 1,ifconfig-ipv6 fd00::6/64 fd00::1,"
		"ifconfig 10.8.0.6 255.255.255.0");
	memset(lease.vpn6, 0, sizeof(lease.vpn6));
	gw.keepalive_interval_s = gw.keepalive_timeout_s = 0;
	gw.dns_count = 0;
	compose(&lease, 0, 0, false);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,route 10.1.0.0 255.255.0.0,"
		"route 0.0.0.0 0.0.0.0,redirect-gateway def1,explicit-exit-notify 1,"
		"ifconfig 10.8.0.6 255.255.255.0");
	lease = lease46;
	memset(lease.vpn4, 0, sizeof(lease.vpn4));
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-ipv6 2001:db8::/48,redirect-gateway def1 ipv6,"
		"explicit-exit-notify 1,ifconfig-ipv6 fd00::6/64 fd00::1,peer-id 7,"
		"cipher AES-256-GCM");
}

// What one version takes, another answers with an error.
static void test_versions(void)
{
	static const struct {
		struct peer_info peer;
		bool tun_ipv6, redirects6, timeout;
	} rows[] = {
		{{.ver = ""}, true, false, false},
		{{.ver = "2.3.18", .proto = 2}, true, false, false},
		{{.ver = "2.4.12", .proto = 2}, false, true, false}, // ncp-disable
		{{.ver = "2.4.9", .proto = 2, .ncp = 2}, false, true, false},
		{{.ver = "2.5.11", .proto = 6, .ncp = 2, .ciphers = "AES-256-GCM"}, false, true,
			false},
		{{.ver = "2.6.0", .proto = 478, .ncp = 2}, false, true, true},
		{{.ver = "2.7.6", .proto = 8094, .ncp = 2}, false, true, true},
		{{.ver = "3.11.7", .proto = 8094, .ciphers = "AES-256-GCM"}, false, true, false},
	};

	gateway_reset();
	gw.redirect_gateway = true;
	gw.session_timeout_s = 60;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(
			push_compose(&push, &gw, &lease46, &rows[i].peer, &aes256), 0);
		CU_ASSERT_EQUAL(strstr(push.part[0], ",tun-ipv6") != NULL, rows[i].tun_ipv6);
		CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], ",redirect-gateway def1"));
		CU_ASSERT_EQUAL(strstr(push.part[0], "def1 ipv6,") != NULL, rows[i].redirects6);
		CU_ASSERT_EQUAL(
			strstr(push.part[0], ",session-timeout 60") != NULL, rows[i].timeout);
	}
}

static void push_to(const char *ver, uint32_t proto)
{
	struct peer_info peer = {.proto = proto, .ncp = 2};

	snprintf(peer.ver, sizeof(peer.ver), "%s", ver);
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease_net30, &peer, &aes256), 0);
}

#define TAIL30 "ping 10,ping-restart 60,explicit-exit-notify 1,"

static void test_topologies(void)
{
	gateway_reset();
	gw.topology = CONF_TOPOLOGY_NET30;
	push_to("2.4.12", 2);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,topology net30,route 10.8.0.1," TAIL30
		"ifconfig 10.8.0.6 10.8.0.5,peer-id 7,cipher AES-256-GCM");
	push_to("3.8.1", 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], "topology net30,"));
	gw.topology = CONF_TOPOLOGY_P2P;
	push_to("2.6.12", 2);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,topology p2p," TAIL30
		"ifconfig 10.8.0.6 10.8.0.5,peer-id 7,cipher AES-256-GCM");
	// OpenVPN 3 ends at p2p.
	push_to("3.8.1", 2);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet," TAIL30
		"ifconfig 10.8.0.6 255.255.255.0,peer-id 7,cipher AES-256-GCM");
}

static void line_add(struct conf_line *lines, size_t *count, const char *text)
{
	snprintf(lines[(*count)++].text, CONF_LINE_BYTES, "%s", text);
}

// What the operator adds, takes away, and limits.
static void test_more(void)
{
	gateway_reset();
	gw.dns_count = 2;
	gw.dns[0] = (struct conf_addr){4, {10, 1, 0, 53}};
	gw.dns[1] = (struct conf_addr){6, {0x20, 1, 0xd, 0xb8, [15] = 0x53}};
	line_add(gw.dns_search, &gw.dns_search_count, "example.com");
	line_add(gw.dns_search, &gw.dns_search_count, "example.net");
	line_add(gw.push, &gw.push_count, "route 10.9.0.0 255.255.0.0 net_gateway 5");
	gw.inactive_s = 600;
	gw.session_timeout_s = 3600;
	push_to("2.6.12", 2 | 8);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,dhcp-option DNS 10.1.0.53,"
		"dhcp-option DNS6 2001:db8::53,dhcp-option DOMAIN example.com,"
		"dhcp-option DOMAIN-SEARCH example.net,route 10.9.0.0 255.255.0.0 net_gateway 5," TAIL30
		"inactive 600,session-timeout 3600,ifconfig 10.8.0.6 255.255.255.0,"
		"peer-id 7,cipher AES-256-GCM,key-derivation tls-ekm");
	gw.inactive_bytes = 1000;
	push_to("2.7.0", 2 | PEER_PROTO_DNS_OPTION_V2);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(push.part[0], ",dns server 1 address 10.1.0.53 2001:db8::53,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], ",dns search-domains example.com,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], ",dhcp-option DNS 10.1.0.53,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], ",inactive 600 1000,"));
	line_add(gw.push_remove, &gw.push_remove_count, "dhcp-option DNS6");
	line_add(gw.push_remove, &gw.push_remove_count, "route ");
	push_to("2.6.12", 2);
	CU_ASSERT_PTR_NULL(strstr(push.part[0], "DNS6"));
	CU_ASSERT_PTR_NULL(strstr(push.part[0], "net_gateway"));
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], "route-gateway 10.8.0.1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(push.part[0], "dhcp-option DNS 10.1.0.53"));
}

// What one client gets beside the gateway's options, or does not get.
static void test_client(void)
{
	static struct conf_client own;
	struct session_lease lease = lease_net30;
	struct peer_info peer = {.proto = 2, .ncp = 2};

	gateway_reset();
	gw.redirect_gateway = true;
	line_add(gw.push, &gw.push_count, "echo all");
	line_add(gw.push, &gw.push_count, "inactive 5");
	line_add(gw.push_remove, &gw.push_remove_count, "dhcp-option");
	line_add(own.push, &own.push_count, "dhcp-option DNS 10.1.0.9");
	line_add(own.push, &own.push_count, "inactive 9");
	line_add(own.push_remove, &own.push_remove_count, "redirect-gateway");
	line_add(own.push_remove, &own.push_remove_count, "inactive");
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease, &peer, &aes256), 0);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,redirect-gateway def1,echo all,"
		"inactive 5," TAIL30
		"ifconfig 10.8.0.6 255.255.255.0,peer-id 7,cipher AES-256-GCM");
	lease.client = &own;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease, &peer, &aes256), 0);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,echo all,"
		"dhcp-option DNS 10.1.0.9,inactive 9," TAIL30
		"ifconfig 10.8.0.6 255.255.255.0,peer-id 7,cipher AES-256-GCM");
}

// A client is not told to reach through the tunnel what is behind itself.
static void test_subnets(void)
{
	static struct conf_client own = {.subnet_count = 3,
		.subnets = {
			{4, 24, {10, 50}}, {6, 48, {0xfd, 0, 0, 0x50}}, {4, 32, {10, 60, 0, 1}}}};
	struct session_lease lease = lease_net30;
	struct peer_info peer = {.proto = 2, .ncp = 2};

	gateway_reset();
	line_add(gw.push, &gw.push_count, "route 10.50.0.0 255.255.255.0");
	line_add(gw.push, &gw.push_count, "route 10.50.0.0 255.255.255.0 vpn_gateway 5");
	line_add(gw.push, &gw.push_count, "route 10.50.0.0 255.255.0.0");
	line_add(gw.push, &gw.push_count, "route 10.60.0.1 255.255.255.255");
	line_add(gw.push, &gw.push_count, "route-ipv6 fd00:50::/48");
	line_add(gw.push, &gw.push_count, "route-ipv6 fd00:51::/48");
	lease.client = &own;
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease, &peer, &aes256), 0);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,route 10.50.0.0 255.255.0.0,"
		"route-ipv6 fd00:51::/48," TAIL30
		"ifconfig 10.8.0.6 255.255.255.0,peer-id 7,cipher AES-256-GCM");
}

// Where clients reach each other, each is told of what is behind the others.
static void test_client_to_client(void)
{
	static struct conf_client list[] = {
		{.name = "a", .subnet_count = 1, .subnets = {{4, 16, {10, 50}}}},
		{.name = "b",
			.subnet_count = 2,
			.subnets = {{4, 16, {10, 60}}, {6, 48, {0xfd, 0, 0, 0x60}}}},
		{.name = "c", .disabled = true, .subnet_count = 1, .subnets = {{4, 16, {10, 70}}}},
	};
	struct session_lease lease = lease46;

	gateway_reset();
	gw.client_cidr = (struct conf_prefix){4, 24, {10, 8}};
	gw.clients = list;
	gw.client_count = 3;
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM");
	gw.client_to_client = true;
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON_WITH("route 10.50.0.0 255.255.0.0,route 10.60.0.0 255.255.0.0,"
			    "route-ipv6 fd00:60::/48,") ",peer-id 7,cipher AES-256-GCM");
	// Its own are the ones under its name, which it may have got by a reload.
	lease.name = "b";
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON_WITH("route 10.50.0.0 255.255.0.0,") ",peer-id 7,cipher AES-256-GCM");
	lease.client = &list[1];
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		COMMON_WITH("route 10.50.0.0 255.255.0.0,") ",peer-id 7,cipher AES-256-GCM");
	line_add(gw.push_remove, &gw.push_remove_count, "route 10.50.");
	compose(&lease, 6, 0, true);
	CU_ASSERT_STRING_EQUAL(push.part[0], COMMON ",peer-id 7,cipher AES-256-GCM");
	// Others are not in the client's own network.
	gw.client_count = 0;
	gw.topology = CONF_TOPOLOGY_NET30;
	push_to("2.4.12", 2);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,topology net30,route 10.8.0.0 255.255.255.0," TAIL30
		"ifconfig 10.8.0.6 10.8.0.5,peer-id 7,cipher AES-256-GCM");
	gw.topology = CONF_TOPOLOGY_P2P;
	push_to("2.6.12", 2);
	CU_ASSERT_STRING_EQUAL(push.part[0],
		"PUSH_REPLY,topology p2p,route 10.8.0.0 255.255.255.0," TAIL30
		"ifconfig 10.8.0.6 10.8.0.5,peer-id 7,cipher AES-256-GCM");
}

// As many lines as there may be, each as long as it may be, and as many subnets.
static struct conf_client longest_client, longest_list[CONF_SUBNETS_PUSH / CONF_SUBNETS_MAX];

static void longest_lines(void)
{
	for (unsigned int i = 0; i < CONF_PUSH_MAX + CONF_CLIENT_PUSH_MAX; i++) {
		struct conf_line *l = i < CONF_PUSH_MAX ? &gw.push[i]
							: &longest_client.push[i - CONF_PUSH_MAX];

		memset(l->text, 'x', CONF_LINE_BYTES - 1);
		l->text[CONF_LINE_BYTES - 1] = '\0';
	}
	gw.push_count = CONF_PUSH_MAX;
	longest_client.push_count = CONF_CLIENT_PUSH_MAX;
	gw.client_to_client = true;
	gw.clients = longest_list;
	gw.client_count = CONF_SUBNETS_PUSH / CONF_SUBNETS_MAX;
	for (unsigned int i = 0; i < CONF_SUBNETS_PUSH; i++) {
		struct conf_client *c = &longest_list[i / CONF_SUBNETS_MAX];
		struct conf_prefix *p = &c->subnets[c->subnet_count++];

		*p = (struct conf_prefix){.family = 6, .len = 128};
		memset(p->addr, 0xcc, 16);
	}
}

// The longest lists a configuration can have: all options arrive once and in order, in parts that
// say whether more follow.
static void test_parts(void)
{
	struct session_lease lease = lease46;
	struct peer_info peer = {.proto = 990, .mtu = 1500};
	static char joined[PUSH_PARTS_MAX * PUSH_PART_BYTES];
	char want[128];

	gateway_reset();
	lease.client = &longest_client;
	gw.local_network_count = CONF_LIST_MAX;
	gw.dns_count = CONF_LIST_MAX;
	longest_lines();
	for (unsigned int i = 0; i < CONF_LIST_MAX; i++) {
		gw.local_networks[i] = (struct conf_prefix){.family = 6, .len = 128};
		memset(gw.local_networks[i].addr, 0xaa, 16);
		gw.local_networks[i].addr[15] = (uint8_t)i;
		gw.dns[i] = (struct conf_addr){.family = 6};
		memset(gw.dns[i].addr, 0xbb, 16);
		gw.dns[i].addr[15] = (uint8_t)i;
	}
	CU_ASSERT_EQUAL_FATAL(push_compose(&push, &gw, &lease, &peer, &aes256), 0);
	CU_ASSERT_TRUE(push.count > 4);
	joined[0] = '\0';
	for (unsigned int i = 0; i < push.count; i++) {
		const char *tail = i + 1 < push.count ? ",push-continuation 2"
						      : ",push-continuation 1";
		size_t len = strnlen(push.part[i], PUSH_PART_BYTES);

		CU_ASSERT_FATAL(len < PUSH_PART_BYTES);
		CU_ASSERT_EQUAL(strncmp(push.part[i], "PUSH_REPLY,", 11), 0);
		CU_ASSERT_STRING_EQUAL(push.part[i] + len - strlen(tail), tail);
		if (i + 1 < push.count) // full, but for one option
			CU_ASSERT_TRUE(len > PUSH_PART_BYTES - 80 - CONF_LINE_BYTES);
		strncat(joined, push.part[i] + 10, len - 10 - strlen(tail));
	}
	for (unsigned int i = 0; i < CONF_LIST_MAX; i++) {
		const char *at;

		snprintf(want, sizeof(want),
			",route-ipv6 aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aa%02x/128", i);
		at = strstr(joined, want);
		CU_ASSERT_PTR_NOT_NULL(at);
		CU_ASSERT_PTR_NULL(at != NULL ? strstr(at + 1, want) : want);
		snprintf(want, sizeof(want),
			",dhcp-option DNS6 bbbb:bbbb:bbbb:bbbb:bbbb:bbbb:bbbb:bb%02x", i);
		CU_ASSERT_PTR_NOT_NULL(strstr(joined, want));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(joined,
		",peer-id 7,cipher AES-256-GCM,protocol-flags cc-exit tls-ekm dyn-tls-crypt,"
		"tun-mtu 1420"));
}

// A reply grown byte by byte over the edge never overflows, and splits exactly once.
static void test_edge(void)
{
	unsigned int before = 1;
	bool split = false;

	for (unsigned int n = 0; n < CONF_LIST_MAX; n++) {
		struct peer_info peer = {.proto = 990, .mtu = 1500};

		gateway_reset();
		gw.local_network_count = n;
		for (unsigned int i = 0; i < n; i++)
			gw.local_networks[i] = (struct conf_prefix){
				4, 32, {10, 0, 0, (uint8_t)(i * 3)}};
		for (uint32_t s = 1; s < 1000000000; s *= 10) {
			gw.keepalive_interval_s = s;
			CU_ASSERT_EQUAL(push_compose(&push, &gw, &lease46, &peer, &aes256), 0);
			for (unsigned int i = 0; i < push.count; i++)
				CU_ASSERT_FATAL(memchr(push.part[i], 0, PUSH_PART_BYTES) != NULL);
			CU_ASSERT_TRUE(push.count >= before);
			split |= push.count == 2;
		}
		before = push.count > 1 ? push.count - 1 : 1;
	}
	CU_ASSERT_TRUE(split);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"kinds of clients", test_clients},
		{"epoch format", test_epoch},
		{"compression framing", test_framing},
		{"IPv4, IPv6, both", test_families},
		{"versions", test_versions},
		{"topologies", test_topologies},
		{"more and less", test_more},
		{"of one client", test_client},
		{"routes to a client itself", test_subnets},
		{"client to client", test_client_to_client},
		{"parts", test_parts},
		{"edge of a part", test_edge},
		{NULL, NULL},
	};

	return harness_run("push", tests);
}
