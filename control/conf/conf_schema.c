// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_schema.h"

#include "control/conf/conf.h"
#include "control/conf/conf_value.h"
#include "control/pool.h"
#include "dataplane/base/log.h"

#include <assert.h>
#include <string.h>

#define FIELD(type, member) \
	.offset = offsetof(type, member), .bytes = sizeof(((type *)NULL)->member)
#define NODE(member) FIELD(struct conf, member)
#define IFACE(member) FIELD(struct conf_interface, member)
#define VLAN(member) FIELD(struct conf_vlan, member)
#define GW(member) FIELD(struct conf_gateway, member)
#define CLIENT(member) FIELD(struct conf_client, member)
#define COUNT(type, member) .count_offset = offsetof(type, member)
#define RANGE(from, to) .min = (from), .max = (to)
#define KB 1024ull
#define MB (1024 * KB)
#define GB (1024 * MB)
#define DAY 86400

static const struct conf_word poll_words[] = {
	{"busy", WORKER_POLL_BUSY, false}, {"adaptive", WORKER_POLL_ADAPTIVE, false}, {0}};

static const struct conf_word log_words[] = {{"error", LOG_LEVEL_ERR, false},
	{"warning", LOG_LEVEL_WARNING, false}, {"notice", LOG_LEVEL_NOTICE, false},
	{"info", LOG_LEVEL_INFO, false}, {"debug", LOG_LEVEL_DEBUG, false}, {0}};

static const struct conf_word side_words[] = {{"outside", PORT_LINK, false},
	{"inside", PORT_VPN, false}, {"both", PORT_LINK | PORT_VPN, false}, {0}};

static const struct conf_word driver_words[] = {{"af_xdp", PORT_AF_XDP, false},
	{"pci", PORT_PCI, false}, {"memif", PORT_MEMIF, false}, {"tap", PORT_TAP, false},
	{"ring", PORT_RING, false}, {"null", PORT_NULL, false}, {"pcap", PORT_PCAP, false}, {0}};

static const struct conf_word memif_words[] = {
	{"client", false, false}, {"server", true, false}, {0}};

static const struct conf_word auto_words[] = {{"auto", 0, false}, {0}};

static const struct conf_word transport_words[] = {{"udp", 0, false}, {"tcp", 0, true},
	{"udp4", 0, true}, {"udp6", 0, true}, {"tcp-server", 0, true}, {0}};

static const struct conf_word endpoint_words[] = {
	{"0.0.0.0", 0, true}, {"::", 0, true}, {"\\*", 0, true}, {"any", 0, true}, {0}};

static const struct conf_word topology_words[] = {{"subnet", CONF_TOPOLOGY_SUBNET, false},
	{"net30", CONF_TOPOLOGY_NET30, false}, {"p2p", CONF_TOPOLOGY_P2P, false}, {0}};

#define CIPHER_WORDS \
	{"AES-256-GCM", CIPHER_AES_256_GCM, false}, {"AES-192-GCM", CIPHER_AES_192_GCM, false}, \
		{"AES-128-GCM", CIPHER_AES_128_GCM, false}, \
		{"CHACHA20-POLY1305", CIPHER_CHACHA20_POLY1305, false}, \
		{"AES-256-CBC", CIPHER_AES_256_CBC, false}, \
		{"AES-192-CBC", CIPHER_AES_192_CBC, false}, \
	{ \
		"AES-128-CBC", CIPHER_AES_128_CBC, false \
	}
static const struct conf_word cipher_words[] = {CIPHER_WORDS, {"none", CIPHER_NONE, false}, {0}};
static const struct conf_word fallback_words[] = {
	{"off", CIPHER_COUNT, false}, CIPHER_WORDS, {"none", CIPHER_NONE, false}, {0}};
static const struct conf_word auth_words[] = {{"SHA1", DIGEST_SHA1, false},
	{"SHA256", DIGEST_SHA256, false}, {"SHA384", DIGEST_SHA384, false},
	{"SHA512", DIGEST_SHA512, false}, {0}};

static const struct conf_word tls_words[] = {{"1.0", CONF_TLS_1_0, false},
	{"1.1", CONF_TLS_1_1, false}, {"1.2", CONF_TLS_1_2, false}, {"1.3", CONF_TLS_1_3, false},
	{0}};

static const struct conf_word cert_profile_words[] = {{"preferred", CONF_CERT_PREFERRED, false},
	{"legacy", CONF_CERT_LEGACY, false}, {"insecure", CONF_CERT_INSECURE, false},
	{"suiteb", 0, true}, {0}};

static const struct conf_word remote_cert_words[] = {
	{"no", false, false}, {"client", true, false}, {0}};

static const struct conf_word name_rule_words[] = {{"name", CONF_NAME_WHOLE, false},
	{"name-prefix", CONF_NAME_PREFIX, false}, {"subject", CONF_NAME_SUBJECT, false}, {0}};

static const struct conf_word digest_words[] = {{"SHA1", TLS_WRAP_SHA1, false},
	{"SHA256", TLS_WRAP_SHA256, false}, {"SHA512", TLS_WRAP_SHA512, false}, {0}};

static const struct conf_word direction_words[] = {{"none", TLS_WRAP_BOTH, false},
	{"0", TLS_WRAP_NORMAL, false}, {"1", TLS_WRAP_INVERSE, false}, {0}};

static const struct conf_word cookie_words[] = {
	{"allow", false, false}, {"require", true, false}, {0}};

static const struct conf_word duplicate_words[] = {{"replace", CONF_DUPLICATE_REPLACE, false},
	{"allow", CONF_DUPLICATE_ALLOW, false}, {"refuse", CONF_DUPLICATE_REFUSE, false}, {0}};

static const struct conf_word checksum_words[] = {
	{"auto", CONF_UDP_CSUM_AUTO, false}, {"zero", CONF_UDP_CSUM_ZERO, false}, {0}};

static const struct conf_option memif_options[] = {
	{"role", CONF_T_ENUM, IFACE(memif_server), .def = "client", .words = memif_words,
		.help = "Which side makes the socket. Two Sluice ports need one of each."},
	{"id", CONF_T_INTEGER, IFACE(memif_id), RANGE(0, 65535), .def = "0",
		.help = "Number of the connection on this socket."},
	{0},
};

// Of one VLAN; a namespace alone stands for the first of them.
static const struct conf_option vlan_options[] = {
	{"netns", CONF_T_NETNS, VLAN(netns),
		.help = "Network namespace (routing domain) the frames belong to. Default: the "
			"daemon's own."},
	{"interface", CONF_T_IFNAME, VLAN(interface),
		.help = "Kernel interface in that namespace that carries the VLAN's addresses, "
			"routes and neighbours, which workers follow once it is there. Default: "
			"interface name and tag, such as eth1.100."},
	{0},
};

static const struct conf_option interface_options[] = {
	{"name", CONF_T_STRING, .required = true, IFACE(name), RANGE(1, 0),
		.help = "Interface name (af_xdp, tap), PCI address such as 0000:01:00.0 (pci), path "
			"of the socket (memif), or a name of your choice (ring, null, pcap)."},
	{"side", CONF_T_ENUM, .required = true, IFACE(sides), .words = side_words,
		.help = "outside: towards the clients. inside: towards the networks behind."},
	{"driver", CONF_T_ENUM, IFACE(driver), .def = "af_xdp", .words = driver_words,
		.help = "How workers reach the interface. af_xdp shares it with the kernel; pci "
			"takes a NIC that is bound to vfio-pci; the others serve tests."},
	{"netns", CONF_T_NETNS, IFACE(netns),
		.help = "Network namespace (routing domain) the interface is in. Default: the "
			"daemon's own."},
	{"mtu", CONF_T_INTEGER, IFACE(mtu), RANGE(576, 9600), .def = "auto", .words = auto_words,
		.help = "Largest IP packet on the interface. auto: as the interface has it."},
	{"memif", CONF_T_MAPPING, .children = memif_options, .help = "Only with driver memif."},
	{"exception", CONF_T_IFNAME, IFACE(exception),
		.help = "Name of the kernel interface that gets what is not the fast path's, for "
			"drivers that hide the port from the kernel. Default: chosen."},
	{"vlans", CONF_T_VLANS, IFACE(vlans), COUNT(struct conf_interface, vlan_count),
		RANGE(1, 4094), .children = vlan_options,
		.help = "VLAN tag (802.1Q) to network namespace, or to the options below, for an "
			"interface that routing domains share. Untagged frames belong to netns."},
	{0},
};

static const struct conf_option endpoint_options[] = {
	{"address", CONF_T_ADDRS, .required = true, .own = true, GW(endpoint_addrs),
		COUNT(struct conf_gateway, endpoint_addr_count), .words = endpoint_words,
		.help = "Addresses of this node the gateway listens on, at most 8, IPv4 and IPv6. Each "
			"answers what was sent to it. Name them: 0.0.0.0 and :: are refused."},
	{"port", CONF_T_INTEGER, GW(endpoint_port), RANGE(1, 65535), .def = "1194",
		.help = "Port the gateway listens on."},
	{"transport", CONF_T_ENUM, .words = transport_words, .def = "udp", .help = "Protocol."},
	{0},
};

static const struct conf_option keepalive_options[] = {
	{"interval", CONF_T_DURATION, GW(keepalive_interval_s), RANGE(1, 3600), .def = "10s",
		.help = "Send a ping after this long without a packet to the client; pushed to the "
			"client as well."},
	{"timeout", CONF_T_DURATION, GW(keepalive_timeout_s), RANGE(2, 7200), .def = "60s",
		.help = "A client that hears nothing for this long connects again; pushed to it. The "
			"gateway waits twice as long for a client. At least twice the interval."},
	{0},
};

static const struct conf_option x509_name_options[] = {
	{"name", CONF_T_STRING, GW(x509_name), RANGE(1, 0),
		.help = "What the client's certificate must say."},
	{"type", CONF_T_ENUM, GW(x509_name_rule), .def = "name", .words = name_rule_words,
		.help = "name: the common name. name-prefix: how the common name begins. subject: the "
			"whole subject, such as C=DE, O=Example, CN=alice."},
	{0},
};

static const struct conf_option tls_auth_options[] = {
	{"key", CONF_T_FILE, .required = true, GW(tls_auth), .help = "The key file."},
	{"digest", CONF_T_ENUM, GW(tls_auth_digest), .def = "SHA1", .words = digest_words,
		.help = "Digest of the HMAC: what clients have as auth."},
	{"direction", CONF_T_ENUM, GW(tls_auth_direction), .def = "none", .words = direction_words,
		.help = "key-direction of the gateway. Clients have the other one (0 here: they have "
			"1), or none as well."},
	{0},
};

#define LATER(option) \
	{ \
		option, CONF_T_LATER, .help = NULL \
	}

static const struct conf_option client_options[] = {
	{"name", CONF_T_STRING, .required = true, CLIENT(name), RANGE(1, 0),
		.help = "Common name of the client's certificate."},
	{"address", CONF_T_ADDR, CLIENT(address),
		.help = "The client's IPv4 address, within client_cidr. Others never get it. Default: "
			"one that is free."},
	{"address6", CONF_T_ADDR, CLIENT(address6),
		.help = "The same for IPv6, within client_cidr6."},
	{"subnets", CONF_T_PREFIXES, CLIENT(subnets), COUNT(struct conf_client, subnet_count),
		.help = "Networks behind the client: routed to it while it is connected, and it may "
			"send from there."},
	{"push", CONF_T_PUSH, CLIENT(push), COUNT(struct conf_client, push_count),
		.help = "Options for this client, beside those of the gateway; no push_remove takes "
			"them away."},
	{"push_remove", CONF_T_PUSH, CLIENT(push_remove),
		COUNT(struct conf_client, push_remove_count),
		.help = "Options that begin with one of these texts are not pushed to this client, "
			"beside those of the gateway."},
	{"disabled", CONF_T_BOOL, CLIENT(disabled), .def = "no",
		.help = "yes: the client is refused, and told so. A reload disconnects it at once."},
	{0},
};
static const struct conf_list client_list = {
	"client", sizeof(struct conf_client), offsetof(struct conf_client, line), true};

static const struct conf_option gateway_options[] = {
	{"name", CONF_T_NAME, .required = true, GW(name),
		.help = "Name in messages, counters and sluicectl."},
	{"endpoint", CONF_T_MAPPING, .required = true, .children = endpoint_options,
		.help = "Where clients connect to."},
	{"netns", CONF_T_NETNS, GW(netns),
		.help = "Network namespace of the inside. Gateways in different namespaces may use "
			"the same addresses. Default: the daemon's own."},
	{"link_netns", CONF_T_NETNS, GW(link_netns),
		.help = "Network namespace of the endpoint. Default: the daemon's own."},
	{"tun", CONF_T_IFNAME, GW(tun),
		.help = "Name of the gateway's TUN device. Default: sluice-NAME, or sluice-, three "
			"letters of a longer name and five letters that keep it apart."},
	{"ca", CONF_T_FILE, GW(ca),
		.help = "Certificates (PEM) of the authorities that sign clients. Needed unless there "
			"is a peer_fingerprint."},
	{"cert", CONF_T_FILE, .required = true, GW(cert),
		.help = "The gateway's certificate (PEM), intermediates behind it."},
	{"key", CONF_T_FILE, .required = true, GW(key), .help = "The private key (PEM) of cert."},
	{"crl_verify", CONF_T_FILE, GW(crl),
		.help = "Revocation lists (PEM). When it is missing or out of date, nobody gets in."},
	{"tls_auth", CONF_T_MAPPING, .brief = true, .children = tls_auth_options,
		.help = "Static key that signs the control channel, for clients that have tls-auth. "
			"A file name alone stands for its key. Beside tls_crypt and tls_crypt_v2 for "
			"a migration."},
	{"tls_crypt", CONF_T_FILE, GW(tls_crypt),
		.help = "Static key that encrypts and signs the control channel, as made by "
			"sluicectl static-key. Without any of the tls_* keys packets are not wrapped."},
	{"tls_crypt_v2", CONF_T_FILE, GW(tls_crypt_v2),
		.help = "Server key of tls-crypt-v2, as made by sluicectl tls-crypt-v2 server-key: "
			"clients have a key each. Beside tls_crypt or tls_auth for a migration."},
	{"tls_crypt_v2_max_age", CONF_T_DURATION, GW(tls_crypt_v2_max_age_s),
		RANGE(DAY, 36500ull * DAY),
		.help = "Refuse client keys that were made longer ago, or do not say when. Default: "
			"any age."},
	{"tls_crypt_v2_cookie", CONF_T_ENUM, GW(tls_crypt_v2_cookie_required), .def = "allow",
		.words = cookie_words,
		.help = "Clients before 2.6 with tls-crypt-v2 cannot prove their address at first. "
			"allow: a few of them at a time may begin all the same. require: none."},
	{"handshake_rate", CONF_T_INTEGER, GW(handshake_rate), RANGE(1, 10000000), .def = "10000",
		.help = "First packets answered in 10 seconds. Who goes on with the handshake does "
			"not count."},
	{"handshake_prefix_rate", CONF_T_INTEGER, GW(handshake_prefix_rate), RANGE(1, 10000000),
		.def = "100", .help = "The same from one source network (IPv4 /24, IPv6 /48)."},
	{"tls_version_min", CONF_T_ENUM, GW(tls_version_min), .def = "1.2", .words = tls_words,
		.help = "Oldest TLS version a client may use. 1.0 and 1.1 are broken: only for clients "
			"that cannot do better, such as OpenVPN 2.3."},
	{"tls_cipher", CONF_T_STRING, GW(tls_cipher), RANGE(1, 0),
		.help = "Cipher suites up to TLS 1.2 in order of preference, as a list of OpenSSL's "
			"names separated by colons. Default: forward secrecy with AEAD; with "
			"tls_version_min below 1.2 also AES-CBC."},
	{"tls_ciphersuites", CONF_T_STRING, GW(tls_ciphersuites), RANGE(1, 0),
		.help = "Cipher suites of TLS 1.3, likewise. Default: OpenSSL's."},
	{"tls_groups", CONF_T_STRING, GW(tls_groups), RANGE(1, 0),
		.help = "Groups for the key exchange in order of preference, separated by colons, such "
			"as X25519:P-256. Default: OpenSSL's."},
	{"tls_cert_profile", CONF_T_ENUM, GW(tls_cert_profile), .def = "preferred",
		.words = cert_profile_words,
		.help = "What keys and signatures certificates may have. preferred: RSA of 2048 bits, "
			"SHA-2. legacy: RSA of 1024 bits, SHA-2. insecure: anything, SHA-1 too."},
	{"remote_cert_tls", CONF_T_ENUM, GW(remote_cert_tls), .def = "no",
		.words = remote_cert_words,
		.help = "client: a client's certificate must say that it is one (extended key usage "
			"clientAuth). no: one that says nothing will do; one that says something else "
			"never does."},
	{"verify_x509_name", CONF_T_MAPPING, .children = x509_name_options,
		.help = "Whose certificates are admitted."},
	{"peer_fingerprint", CONF_T_FINGERPRINTS, GW(peer_fingerprints),
		COUNT(struct conf_gateway, peer_fingerprint_count),
		.help = "SHA-256 fingerprints of the certificates that are admitted, and no others, as "
			"openssl x509 -fingerprint -sha256 prints them. Without ca they need no "
			"authority."},
	{"client_cidr", CONF_T_PREFIX4, GW(client_cidr), RANGE(8, 30),
		.help = "IPv4 network of the clients. The gateway takes the first address. At least "
			"one of client_cidr and client_cidr6 is needed."},
	{"client_cidr6", CONF_T_PREFIX6, GW(client_cidr6), RANGE(48, 124),
		.help = "IPv6 network of the clients."},
	{"topology", CONF_T_ENUM, GW(topology), .def = "subnet", .words = topology_words,
		.help = "Shape of the clients' network. subnet: all are in one, the gateway with them. "
			"net30: each has a network of four addresses of its own, for Windows clients "
			"of old. p2p: each has one address; no Windows, and OpenVPN 3, which does not "
			"know it, is told subnet."},
	{"local_networks", CONF_T_PREFIXES, GW(local_networks),
		COUNT(struct conf_gateway, local_network_count),
		.help = "Networks behind the gateway; pushed to clients as routes."},
	{"dns", CONF_T_ADDRS, GW(dns), COUNT(struct conf_gateway, dns_count),
		.help = "DNS servers; pushed to clients as dhcp-option DNS, and as dns server to those "
			"that know it."},
	{"dns_search_domains", CONF_T_DOMAINS, GW(dns_search),
		COUNT(struct conf_gateway, dns_search_count),
		.help = "Domains clients look up short names in."},
	{"redirect_gateway", CONF_T_BOOL, GW(redirect_gateway), .def = "no",
		.help = "Clients send everything through the tunnel."},
	{"push", CONF_T_PUSH, GW(push), COUNT(struct conf_gateway, push_count),
		.help = "More options for clients, each as OpenVPN writes it, such as "
			"route 10.9.0.0 255.255.0.0 net_gateway 5."},
	{"push_remove", CONF_T_PUSH, GW(push_remove), COUNT(struct conf_gateway, push_remove_count),
		.help = "Options that begin with one of these texts are not pushed, such as "
			"dhcp-option."},
	{"inactive", CONF_T_DURATION, GW(inactive_s), RANGE(0, 7 * DAY), .def = "0",
		.help = "Clients end when nothing but keepalives went through the tunnel for this "
			"long. 0: never."},
	{"inactive_bytes", CONF_T_INTEGER, GW(inactive_bytes), RANGE(0, UINT32_MAX), .def = "0",
		.help = "Less than this in the time of inactive counts as nothing."},
	{"session_timeout", CONF_T_DURATION, GW(session_timeout_s), RANGE(0, 30 * DAY), .def = "0",
		.help = "Clients end after this long in any case. 0: never."},
	{"data_ciphers", CONF_T_CIPHERS, GW(data_ciphers),
		COUNT(struct conf_gateway, data_cipher_count),
		.def = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305", .words = cipher_words,
		.help = "Ciphers of the data channel in order of preference, as a list or "
			"separated by colons. none needs allow_insecure, and is only taken for "
			"clients that have nothing else in common with the list."},
	{"fallback_cipher", CONF_T_ENUM, GW(fallback_cipher), .def = "off", .words = fallback_words,
		.help = "Cipher for clients that do not negotiate one (before 2.4, or with "
			"ncp-disable): those that name it, or name none."},
	{"auth", CONF_T_ENUM, GW(auth), .def = "SHA1", .words = auth_words,
		.help = "Digest of the HMAC beside a CBC cipher, or none. It is not negotiated: "
			"clients need the same auth. Without one anybody could send packets into "
			"the tunnel, so there is no auth none."},
	{"allow_insecure", CONF_T_BOOL, GW(allow_insecure), .def = "no",
		.help = "Lets none stand in data_ciphers and fallback_cipher. Packets of clients "
			"that get it are authenticated but not encrypted: everybody on their way "
			"can read them."},
	{"data_epoch", CONF_T_BOOL, GW(data_epoch), .def = "yes",
		.help = "Packets of the epoch format (OpenVPN 2.7) for clients that announce it."},
	{"keepalive", CONF_T_MAPPING, .children = keepalive_options,
		.help = "Finding out that the other side is gone."},
	{"reneg_sec", CONF_T_DURATION, GW(reneg_s), RANGE(0, 7 * DAY), .def = "1h",
		.help = "Renegotiate keys after this long; OpenVPN 3 stands it every 75 s at most. 0: "
			"only when a key has been used for as much as is safe."},
	{"reneg_bytes", CONF_T_SIZE, GW(reneg_bytes), RANGE(0, 1024 * GB), .def = "0",
		.help = "Renegotiate after so many bytes in both directions, looked at every ten "
			"seconds. 0: any number."},
	{"reneg_pkts", CONF_T_INTEGER, GW(reneg_pkts), RANGE(0, UINT32_MAX), .def = "0",
		.help = "The same for packets."},
	{"tls_mtu", CONF_T_INTEGER, GW(tls_mtu), RANGE(576, 1500), .def = "1250",
		.help = "Largest packet of the control channel to a client, with IP and UDP headers. "
			"Where a path loses large ones without a word, 576 are tried by themselves. "
			"What clients send is set there (max-packet-size)."},
	{"hand_window", CONF_T_DURATION, GW(hand_window_s), RANGE(1, 600), .def = "60s",
		.help = "A handshake must be over within this time."},
	{"tran_window", CONF_T_DURATION, GW(tran_window_s), RANGE(60, DAY), .def = "1h",
		.help = "An old key is accepted at most this long after a renegotiation."},
	{"max_connections", CONF_T_INTEGER, GW(max_connections), RANGE(1, 100000), .def = "100",
		.help = "Clients at a time. One more is told to try its next remote."},
	{"duplicate_cn", CONF_T_ENUM, GW(duplicate_cn), .def = "replace", .words = duplicate_words,
		.help = "The same certificate connects again: replace the old session (once the "
			"new one has authenticated), allow both, or refuse the new one."},
	{"tun_mtu", CONF_T_INTEGER, GW(tun_mtu), RANGE(576, 9000), .def = "auto",
		.words = auto_words,
		.help = "Largest packet inside the tunnel. auto: what fits one outside datagram, "
			"1500 at most, as far as the client can be told."},
	{"mss_clamp", CONF_T_BOOL, GW(mss_clamp), .def = "yes",
		.help = "Lower the MSS of TCP connections so that segments fit."},
	{"fast_path", CONF_T_BOOL, GW(fast_path), .def = "yes",
		.help = "no: everything inside goes through the TUN device and the kernel, slowly, "
			"for instance past its firewall."},
	{"copy_dscp", CONF_T_BOOL, GW(copy_dscp), .def = "yes",
		.help = "Copy DSCP from the inner to the outer header. ECN always is, both ways, as in "
			"RFC 6040."},
	{"udp_checksum", CONF_T_ENUM, GW(udp_checksum), .def = "auto", .words = checksum_words,
		.help = "Checksum of outer datagrams over IPv4. zero: none, it saves time."},
	{"client_to_client", CONF_T_BOOL, GW(client_to_client), .def = "no",
		.help = "Clients reach each other, and networks behind each other, which are pushed "
			"as routes. no: what one sends to another is dropped."},
	{"clients", CONF_T_MAPPINGS, GW(clients), COUNT(struct conf_gateway, client_count),
		RANGE(0, CONF_CLIENTS_MAX), .children = client_options, .list = &client_list,
		.help = "Options of single clients. Who is not named here is admitted like all "
			"others."},
	LATER("cipher"),
	LATER("data_ciphers_fallback"),
	LATER("compress"),
	LATER("comp_lzo"),
	LATER("fragment"),
	LATER("slow_path_pps"),
	LATER("bandwidth"),
	LATER("client_bandwidth"),
	LATER("surge"),
	LATER("auth_user_pass_verify"),
	LATER("auth_user_pass_optional"),
	LATER("auth_gen_token"),
	LATER("auth_methods"),
	LATER("username_as_common_name"),
	LATER("verify_client_cert"),
	LATER("tls_verify"),
	LATER("management"),
	LATER("status"),
	LATER("plugin"),
	LATER("port_share"),
	LATER("client_config_dir"),
	LATER("client_connect"),
	LATER("client_disconnect"),
	LATER("learn_address"),
	LATER("ifconfig_pool_persist"),
	LATER("rules"),
	LATER("replay_window"),
	LATER("vlan_tagging"),
	{0},
};

static const struct conf_list interface_list = {
	"interface", sizeof(struct conf_interface), offsetof(struct conf_interface, line), false};
static const struct conf_list gateway_list = {
	"gateway", sizeof(struct conf_gateway), offsetof(struct conf_gateway, line), true};

const struct conf_option conf_schema[] = {
	{"workers", CONF_T_INTEGER, NODE(workers), RANGE(1, DP_WORKERS_MAX), .def = "1",
		.help = "Poll-mode workers. With lcores and without workers: one for each of them."},
	{"lcores", CONF_T_LCORES, NODE(lcores),
		.help = "Cores of the workers, such as 2-5 or 2,4. Default: the last cores of the "
			"machine."},
	{"control_lcore", CONF_T_INTEGER, NODE(control_lcore), RANGE(0, 1023), .def = "0",
		.help = "Core of everything else."},
	{"tls_threads", CONF_T_INTEGER, NODE(tls_threads), RANGE(1, POOL_THREADS_MAX),
		.def = "auto", .words = auto_words,
		.help = "Threads for the steps of TLS handshakes, on cores that are no worker's. "
			"auto: one for each such core, 4 at most."},
	{"poll", CONF_T_ENUM, NODE(poll), .def = "busy", .words = poll_words,
		.help = "busy: workers never sleep, for cores that have nothing else to do. "
			"adaptive: they sleep up to 100 microseconds when idle, for small or shared "
			"machines."},
	{"memory", CONF_T_SIZE, NODE(memory_bytes), RANGE(64 * MB, 1024 * GB), .def = "512mb",
		.help = "Hugepage memory."},
	{"max_routes", CONF_T_INTEGER, NODE(max_routes), RANGE(64, 4000000), .def = "16384",
		.help = "Routes of all routing domains the workers can hold."},
	{"max_handshakes", CONF_T_INTEGER, NODE(max_handshakes), RANGE(32, 262144), .def = "4096",
		.help = "Handshakes under way at once at all gateways together, whose memory this "
			"bounds. When all places are taken, a gateway with fewer gets one of the "
			"gateway with the most."},
	{"control_pps", CONF_T_INTEGER, NODE(control_pps), RANGE(10, 10000000), .def = "20000",
		.help = "Control packets per second to one outside address; more are dropped in the "
			"driver."},
	{"control_prefix_pps", CONF_T_INTEGER, NODE(control_prefix_pps), RANGE(1, 10000000),
		.def = "2000", .help = "The same from one source network (IPv4 /24, IPv6 /48)."},
	{"socket", CONF_T_PATH, NODE(socket), RANGE(1, 107), .def = "/run/sluice/sluice.sock",
		.help = "Unix socket of sluicectl."},
	{"bpf_object", CONF_T_FILE, NODE(bpf_object),
		.help = "The XDP program of af_xdp interfaces. Default: where it was installed or "
			"built."},
	{"log_level", CONF_T_ENUM, NODE(log_level), .def = "notice", .words = log_words,
		.help = "Least important messages that are logged."},
	{"interfaces", CONF_T_MAPPINGS, .required = true, NODE(interfaces),
		COUNT(struct conf, interface_count), RANGE(1, PORT_ACCELERATED_MAX),
		.children = interface_options, .list = &interface_list,
		.help = "Accelerated interfaces. Others work through the kernel."},
	{"gateways", CONF_T_MAPPINGS, .required = true, NODE(gateways),
		COUNT(struct conf, gateway_count), RANGE(1, CONF_GATEWAYS_MAX),
		.children = gateway_options, .list = &gateway_list, .help = "VPN gateways."},
	LATER("management"),
	LATER("metrics"),
	LATER("console"),
	LATER("database"),
	LATER("auth_methods"),
	{0},
};

const char *conf_type_name(enum conf_type type)
{
	static const char *const names[] = {
		[CONF_T_STRING] = "string",
		[CONF_T_NAME] = "name",
		[CONF_T_IFNAME] = "interface name",
		[CONF_T_NETNS] = "namespace",
		[CONF_T_PATH] = "path",
		[CONF_T_FILE] = "file",
		[CONF_T_BOOL] = "yes or no",
		[CONF_T_ENUM] = "word",
		[CONF_T_INTEGER] = "integer",
		[CONF_T_DURATION] = "duration",
		[CONF_T_SIZE] = "size",
		[CONF_T_ADDR] = "address",
		[CONF_T_PREFIX4] = "IPv4 network",
		[CONF_T_PREFIX6] = "IPv6 network",
		[CONF_T_PREFIXES] = "list of networks",
		[CONF_T_ADDRS] = "list of addresses",
		[CONF_T_CIPHERS] = "list of ciphers",
		[CONF_T_PUSH] = "list of options",
		[CONF_T_DOMAINS] = "list of domains",
		[CONF_T_FINGERPRINTS] = "list of fingerprints",
		[CONF_T_LCORES] = "cores",
		[CONF_T_VLANS] = "mapping of tags",
		[CONF_T_MAPPING] = "mapping",
		[CONF_T_MAPPINGS] = "list of mappings",
		[CONF_T_LATER] = "not supported yet",
	};

	return names[type];
}

static void append_words(
	char out[CONF_LEGAL_BYTES], const struct conf_word *words, const char *head)
{
	size_t len = strlen(out);

	for (; words && words->name; words++) {
		if (words->later)
			continue;
		len += (size_t)snprintf(
			out + len, CONF_LEGAL_BYTES - len, "%s%s", head, words->name);
		head = ", ";
		if (len >= CONF_LEGAL_BYTES)
			return;
	}
}

// Options whose values have a range.
static void legal_range(char out[CONF_LEGAL_BYTES], const struct conf_option *opt)
{
	char from[CONF_TEXT_BYTES], to[CONF_TEXT_BYTES];
	unsigned long long min = opt->min, max = opt->max;

	snprintf(from, sizeof(from), "%llu", min);
	snprintf(to, sizeof(to), "%llu", max);
	if (opt->type == CONF_T_PREFIX4)
		snprintf(out, CONF_LEGAL_BYTES,
			"an IPv4 network such as 10.8.0.0/24, prefix length ");
	else if (opt->type == CONF_T_PREFIX6)
		snprintf(out, CONF_LEGAL_BYTES,
			"an IPv6 network such as fd00:8::/64, prefix length ");
	else if (opt->type == CONF_T_VLANS)
		snprintf(out, CONF_LEGAL_BYTES, "a VLAN tag ");
	else if (opt->type == CONF_T_MAPPINGS)
		snprintf(out, CONF_LEGAL_BYTES, "a list of mappings, as many as ");
	else
		out[0] = '\0';
	if (opt->type == CONF_T_DURATION) {
		conf_text_duration(from, min);
		conf_text_duration(to, max);
	} else if (opt->type == CONF_T_SIZE) {
		conf_text_size(from, min);
		conf_text_size(to, max);
	}
	snprintf(out + strlen(out), CONF_LEGAL_BYTES - strlen(out), "%s..%s", from, to);
	if (opt->type == CONF_T_INTEGER)
		append_words(out, opt->words, " or ");
}

// Options whose values have a length.
static void legal_length(char out[CONF_LEGAL_BYTES], const struct conf_option *opt)
{
	size_t max = opt->max ? opt->max : opt->bytes - 1;
	const char *head = "", *tail = "";

	if (opt->type == CONF_T_NETNS)
		head = "the name of a namespace (ip netns), ";
	else if (opt->type == CONF_T_PATH || opt->type == CONF_T_FILE)
		head = "a path of ";
	if (opt->type == CONF_T_NAME)
		tail = " of a-z, 0-9 and -";
	else if (opt->type == CONF_T_IFNAME)
		tail = " without space, slash and colon";
	else if (opt->type == CONF_T_NETNS)
		tail = " without slash";
	snprintf(out, CONF_LEGAL_BYTES, "%s1..%zu characters%s", head, max, tail);
}

const char *conf_option_legal(char out[CONF_LEGAL_BYTES], const struct conf_option *opt)
{
	static const char *const texts[] = {
		[CONF_T_BOOL] = "yes or no",
		[CONF_T_ENUM] = "one of ",
		[CONF_T_ADDR] = "an IPv4 or IPv6 unicast address",
		[CONF_T_ADDRS] = "an IPv4 or IPv6 unicast address",
		[CONF_T_PREFIXES] = "a network such as 192.168.1.0/24 or fd00:1::/64",
		[CONF_T_CIPHERS] = "of ",
		[CONF_T_PUSH] = "an option of 1..255 printable characters without comma and quotes",
		[CONF_T_DOMAINS] = "a domain of 1..253 characters a-z, A-Z, 0-9, -, _ and .",
		[CONF_T_FINGERPRINTS] =
			"a SHA-256 fingerprint: 64 hex digits, with or without colons",
		[CONF_T_LCORES] = "at most 32 cores in ascending order such as 1,2 or 1-3",
		[CONF_T_MAPPING] = "a mapping of options",
		[CONF_T_LATER] = "absent",
	};
	static_assert(DP_WORKERS_MAX == 32, "conf: the text of CONF_T_LCORES names another number");

	switch (opt->type) {
	case CONF_T_STRING:
	case CONF_T_NAME:
	case CONF_T_IFNAME:
	case CONF_T_NETNS:
	case CONF_T_PATH:
	case CONF_T_FILE:
		legal_length(out, opt);
		break;
	case CONF_T_INTEGER:
	case CONF_T_DURATION:
	case CONF_T_SIZE:
	case CONF_T_PREFIX4:
	case CONF_T_PREFIX6:
	case CONF_T_VLANS:
	case CONF_T_MAPPINGS:
		legal_range(out, opt);
		break;
	default:
		snprintf(out, CONF_LEGAL_BYTES, "%s", texts[opt->type]);
		if (opt->type == CONF_T_ENUM || opt->type == CONF_T_CIPHERS)
			append_words(out, opt->words, "");
		break;
	}
	return out;
}
