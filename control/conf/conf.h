// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The configuration of a node as plain structs, filled from YAML by the one schema table in
// conf_schema.c. No side effects: parsing and validation touch nothing but the files they read.
// Any thread; control owns the current one.
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "control/channel/tls_wrap.h"
#include "dataplane/cipher.h"
#include "dataplane/worker.h"
#include "drivers/port.h"

#define CONF_NAME_BYTES 64
#define CONF_PATH_BYTES 256
#define CONF_GATEWAYS_MAX DP_GATEWAYS_MAX
#define CONF_LIST_MAX 64   // local networks, DNS servers per gateway
#define CONF_VLANS_MAX 256 // per interface
#define CONF_FILE_BYTES (4 << 20)
#define CONF_WARNINGS_MAX 32
#define CONF_ENDPOINT_ADDRS_MAX 8
#define CONF_WARNING_BYTES 256

struct conf_prefix {
	uint8_t family; // 4, 6; 0: not set
	uint8_t len;
	uint8_t addr[16]; // IPv4 in the first four bytes; host bits zero
};

struct conf_addr {
	uint8_t family; // 4, 6; 0: not set
	uint8_t addr[16];
};

enum conf_topology { CONF_TOPOLOGY_SUBNET, CONF_TOPOLOGY_NET30, CONF_TOPOLOGY_P2P };
enum conf_duplicate { CONF_DUPLICATE_REPLACE, CONF_DUPLICATE_ALLOW, CONF_DUPLICATE_REFUSE };
enum conf_udp_checksum { CONF_UDP_CSUM_AUTO, CONF_UDP_CSUM_ZERO };
enum conf_tls { CONF_TLS_1_0, CONF_TLS_1_1, CONF_TLS_1_2, CONF_TLS_1_3 };
enum conf_cert_profile { CONF_CERT_PREFERRED, CONF_CERT_LEGACY, CONF_CERT_INSECURE };
enum conf_name_rule { CONF_NAME_WHOLE, CONF_NAME_PREFIX, CONF_NAME_SUBJECT };

#define CONF_FINGERPRINT_BYTES 32 // SHA-256
struct conf_fingerprint {
	uint8_t sha256[CONF_FINGERPRINT_BYTES];
};

// Longest text of a list: what a client takes as one pushed option.
#define CONF_LINE_BYTES 256
#define CONF_PUSH_MAX 32
#define CONF_DOMAINS_MAX 8
#define CONF_CLIENT_PUSH_MAX 16 // of one client
#define CONF_CLIENTS_MAX 4096   // with options of their own, per gateway
#define CONF_SUBNETS_MAX 64     // behind one client
#define CONF_SUBNETS_PUSH 256   // of all clients of a gateway, pushed to each of them
#define CONF_SUBNETS_ALL 8192   // behind all clients of a node
struct conf_line {
	char text[CONF_LINE_BYTES];
};

// What holds for clients of one common name. What is in front of line is compared as bytes: it comes
// zeroed.
struct conf_client {
	char name[CONF_NAME_BYTES + 1]; // X.509 allows 64 characters
	bool disabled;
	struct conf_addr address, address6; // always these; family 0: from the pool
	size_t push_count, push_remove_count;
	struct conf_line push[CONF_CLIENT_PUSH_MAX]; // beside the gateway's
	struct conf_line push_remove[CONF_CLIENT_PUSH_MAX];
	int line;
	size_t subnet_count;
	struct conf_prefix subnets[CONF_SUBNETS_MAX]; // behind the client
};

struct conf_vlan {
	uint16_t id;
	char netns[CONF_NAME_BYTES]; // "": the daemon's own
	char interface[IFNAMSIZ];    // "": ID behind the exception interface's chosen name
};

struct conf_interface {
	char name[PORT_NAME_BYTES];
	uint8_t sides; // PORT_LINK | PORT_VPN
	enum port_kind driver;
	char netns[CONF_NAME_BYTES]; // "": the daemon's own
	uint16_t mtu;                // 0: the interface's
	bool memif_server;
	uint16_t memif_id;
	char exception[IFNAMSIZ]; // name of the exception interface (memif, pci, tap, ...)
	size_t vlan_count;
	struct conf_vlan vlans[CONF_VLANS_MAX];
	int line; // in the file, for messages
};

// Options whose values may turn out wrong after the file was read: contents of files, lists that only
// OpenSSL understands.
#define CONF_PLACES 10
extern const char *const conf_placed_options[CONF_PLACES];

struct conf_place {
	uint32_t line, column;
};

struct conf_gateway {
	char name[CONF_NAME_BYTES];
	int line;
	char file[CONF_PATH_BYTES];            // where it was read, for messages
	struct conf_place places[CONF_PLACES]; // of conf_placed_options
	size_t endpoint_addr_count;            // at least one
	struct conf_addr endpoint_addrs[CONF_ENDPOINT_ADDRS_MAX];
	uint16_t endpoint_port;
	char netns[CONF_NAME_BYTES];      // inside; "": the daemon's own
	char link_netns[CONF_NAME_BYTES]; // where the endpoint's socket lives; "": the daemon's own
	char tun[IFNAMSIZ];               // name of the TUN device; default sluice-NAME, shortened
	char ca[CONF_PATH_BYTES];         // "": peer_fingerprints alone decide
	char cert[CONF_PATH_BYTES], key[CONF_PATH_BYTES];
	char crl[CONF_PATH_BYTES];      // "": none
	char tls_auth[CONF_PATH_BYTES]; // "": none
	enum tls_wrap_digest tls_auth_digest;
	enum tls_wrap_direction tls_auth_direction; // ours
	char tls_crypt[CONF_PATH_BYTES];            // "": none
	char tls_crypt_v2[CONF_PATH_BYTES];         // "": none
	uint32_t tls_crypt_v2_max_age_s;            // 0: any
	bool tls_crypt_v2_cookie_required;
	uint32_t handshake_rate, handshake_prefix_rate; // answers in 10 s
	enum conf_tls tls_version_min;
	// As OpenSSL takes them; "": what tls_context.c thinks best.
	char tls_cipher[CONF_PATH_BYTES], tls_ciphersuites[CONF_PATH_BYTES];
	char tls_groups[CONF_PATH_BYTES];
	enum conf_cert_profile tls_cert_profile;
	// What a client's certificate must be, beyond valid.
	bool remote_cert_tls;
	char x509_name[CONF_PATH_BYTES]; // "": any
	enum conf_name_rule x509_name_rule;
	size_t peer_fingerprint_count; // 0: any
	struct conf_fingerprint peer_fingerprints[CONF_LIST_MAX];
	struct conf_prefix client_cidr, client_cidr6;
	enum conf_topology topology;
	size_t local_network_count;
	struct conf_prefix local_networks[CONF_LIST_MAX];
	size_t dns_count;
	struct conf_addr dns[CONF_LIST_MAX];
	size_t dns_search_count;
	struct conf_line dns_search[CONF_DOMAINS_MAX];
	bool redirect_gateway;
	size_t push_count, push_remove_count;
	struct conf_line push[CONF_PUSH_MAX];        // options as they are
	struct conf_line push_remove[CONF_PUSH_MAX]; // options that begin so are not pushed
	uint32_t inactive_s, inactive_bytes;         // 0: clients may be idle for ever
	uint32_t session_timeout_s;                  // 0: they may stay for ever
	size_t data_cipher_count;
	enum cipher data_ciphers[CIPHER_COUNT]; // in order of preference
	enum cipher fallback_cipher; // for clients without negotiation; CIPHER_COUNT: off
	enum digest auth;            // beside CBC ciphers
	bool allow_insecure;         // CIPHER_NONE among the ciphers above
	bool data_epoch;             // for clients that announce it
	uint32_t keepalive_interval_s, keepalive_timeout_s;
	uint32_t reneg_s;                 // renegotiate after at most; 0: never by time
	uint64_t reneg_bytes, reneg_pkts; // both directions together; 0: any
	uint16_t tls_mtu;                 // of control packets, with IP and UDP headers
	uint32_t hand_window_s;           // a handshake must be over within
	uint32_t tran_window_s;           // an old key may live on
	uint32_t max_connections;
	enum conf_duplicate duplicate_cn;
	uint16_t tun_mtu; // 0: what fits one outside datagram
	bool mss_clamp;
	bool fast_path;
	bool copy_dscp;
	bool client_to_client;
	enum conf_udp_checksum udp_checksum;
	size_t client_count;
	struct conf_client *clients; // the struct conf's
};

struct conf {
	char path[CONF_PATH_BYTES];
	uint16_t workers;
	char lcores[CONF_NAME_BYTES]; // worker cores "1,2" or "1-3"; "": chosen
	uint16_t control_lcore;
	uint16_t tls_threads; // for handshakes; 0: chosen
	enum worker_poll poll;
	uint64_t memory_bytes; // hugepages
	uint32_t max_routes;
	uint32_t max_handshakes;                  // under way at once, of all gateways
	uint32_t control_pps, control_prefix_pps; // limits of the XDP program
	char socket[CONF_PATH_BYTES];             // of sluicectl
	char bpf_object[CONF_PATH_BYTES]; // steer.bpf.o; "": where it was built or installed
	int log_level;                    // enum log_level
	size_t interface_count;
	struct conf_interface interfaces[PORT_ACCELERATED_MAX];
	size_t gateway_count;
	struct conf_gateway *gateways;
	size_t warning_count; // complete lines for the log; more than fit are left out
	char warnings[CONF_WARNINGS_MAX][CONF_WARNING_BYTES];
};

struct conf_error {
	char text[1024]; // "sluice.yaml:35:9: gateway gw1: rate must be 1mbit..100gbit, got \"0\""
};

// Reads and validates a file, and looks whether the files it names are there. NULL on error, the
// first of which is in *err (complete, one line). Relative paths start where the file is.
struct conf *conf_load(const char *path, struct conf_error *err);
// The same from memory, without looking for files; `path` is for messages and relative paths.
// For tests and the fuzzer.
struct conf *conf_parse(const char *text, size_t len, const char *path, struct conf_error *err);
void conf_free(struct conf *c);
struct conf_gateway *conf_gateway_by_name(const struct conf *c, const char *name);
// The options of clients of this common name; NULL: none.
const struct conf_client *conf_client_by_name(const struct conf_gateway *g, const char *name);

// Does the gateway let clients have cipher none?
bool conf_allows_none(const struct conf_gateway *g);

// "FILE:LINE:COLUMN: gateway NAME: TEXT" for what was found wrong after the file was read. A TEXT
// that begins with one of conf_placed_options and a colon gets the place of its value.
void conf_gateway_error(const struct conf_gateway *g, const char *text, char *out, size_t size);

// Clients a node must have room for: the sum of max_connections.
uint32_t conf_clients_max(const struct conf *c);
// The same for subnets behind them.
uint32_t conf_subnets_count(const struct conf *c);

// The schema as text: `sluiced --help-config`, and the OPTIONS section of sluice.yaml(5) (roff).
void conf_schema_help(FILE *out);
void conf_schema_man(FILE *out);
