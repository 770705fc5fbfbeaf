// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The XDP program by BPF_PROG_TEST_RUN: one frame, one verdict. An AF_XDP socket that is bound to
// nothing stands in the map, so that a redirect shows.

#include "dataplane/tests/harness.h"
#include "drivers/steer.h"

#include <CUnit/Basic.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SKIPPED 77
#define FRAME_BYTES 256
#define UDP_PORT 1194
#define VLAN 100
#define UMEM_BYTES 65536

static const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 1};
static const uint8_t endpoint4[4] = {192, 0, 2, 1};
static const uint8_t endpoint6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
static const uint8_t client4[4] = {10, 8, 0, 2};
static const uint8_t client6[16] = {0xfd, 0, [15] = 2};

static struct bpf_object *object;
static struct steer *steer;
static int program, xsks;

// What a row says of a frame; all zero is P_DATA_V2 over UDP and IPv4 to our endpoint.
struct shape {
	uint8_t opcode;
	bool v6;
	bool to_client; // instead of the endpoint
	bool wrong_mac;
	bool broadcast;
	bool tagged;
	uint16_t vlan; // if tagged
	bool wrong_addr;
	uint16_t port;       // 0: the endpoint's
	uint8_t protocol;    // 0: UDP
	uint16_t ether_type; // 0: that of the IP version
	uint16_t fragment;   // flags and offset of IPv4
	uint8_t next_header; // an IPv6 extension header of this type in between
	uint8_t option_words;
	uint8_t ttl;     // 0: 64
	uint8_t version; // 0: the right one
	bool empty;      // no payload
	int total_more;  // lies of the length fields
	int udp_more;
	uint8_t source;   // last but one byte of the prefix of the source address
	uint16_t padding; // behind the packet, as on short Ethernet frames
};

static size_t put(uint8_t *frame, size_t at, const void *bytes, size_t len)
{
	memcpy(frame + at, bytes, len);
	return at + len;
}

static size_t put16(uint8_t *frame, size_t at, unsigned int value)
{
	frame[at] = (uint8_t)(value >> 8);
	frame[at + 1] = (uint8_t)value;
	return at + 2;
}

static size_t put_ipv4(uint8_t *f, size_t at, const struct shape *s, size_t l4_bytes)
{
	uint8_t src[4] = {198, 51, s->source, 7}, dst[4];
	size_t header = 20 + s->option_words * 4u;

	memcpy(dst, s->to_client ? client4 : endpoint4, 4);
	dst[3] ^= s->wrong_addr ? 0x40 : 0;
	f[at] = (uint8_t)((s->version ? s->version : 4) << 4 | header / 4);
	put16(f, at + 2, (unsigned int)((int)(header + l4_bytes) + s->total_more));
	put16(f, at + 6, s->fragment);
	f[at + 8] = s->ttl ? s->ttl : 64;
	f[at + 9] = s->protocol ? s->protocol : IPPROTO_UDP;
	put(f, at + 12, src, 4);
	put(f, at + 16, dst, 4);
	memset(f + at + 20, 1, header - 20); // no-operation options
	return at + header;
}

static size_t put_ipv6(uint8_t *f, size_t at, const struct shape *s, size_t l4_bytes)
{
	uint8_t src[16] = {0x20, 1, 0x0d, 0xb8, 0, s->source, [15] = 7}, dst[16];
	uint8_t protocol = s->protocol ? s->protocol : IPPROTO_UDP;
	size_t more = s->next_header ? 8 : 0;

	memcpy(dst, s->to_client ? client6 : endpoint6, 16);
	dst[14] ^= s->wrong_addr ? 0x40 : 0;
	f[at] = (uint8_t)((s->version ? s->version : 6) << 4);
	put16(f, at + 4, (unsigned int)((int)(more + l4_bytes) + s->total_more));
	f[at + 6] = s->next_header ? s->next_header : protocol;
	f[at + 7] = s->ttl ? s->ttl : 64;
	put(f, at + 8, src, 16);
	put(f, at + 24, dst, 16);
	if (s->next_header) {
		memset(f + at + 40, 0, 8);
		f[at + 40] = protocol;
	}
	return at + 40 + more;
}

static size_t frame_of(const struct shape *s, uint8_t *f)
{
	size_t payload = s->empty ? 0 : 32, at = 12;

	memset(f, 0, FRAME_BYTES);
	memcpy(f, our_mac, 6);
	if (s->wrong_mac)
		f[5] ^= 0x80;
	if (s->broadcast)
		memset(f, 0xff, 6);
	f[6] = 0x02;
	if (s->tagged)
		at = put16(f, put16(f, at, 0x8100), s->vlan);
	at = put16(f, at, s->ether_type ? s->ether_type : s->v6 ? 0x86dd : 0x0800);
	at = s->v6 ? put_ipv6(f, at, s, 8 + payload) : put_ipv4(f, at, s, 8 + payload);
	at = put16(f, at, 40000);
	at = put16(f, at, s->port ? s->port : UDP_PORT);
	at = put16(f, at, (unsigned int)((int)(8 + payload) + s->udp_more));
	at = put16(f, at, 0);
	if (payload)
		f[at] = (uint8_t)(s->opcode << 3);
	return at + payload + s->padding;
}

// The verdict of one run is the counter that moved; it must agree with the XDP action.
static int run(const uint8_t *frame, size_t len)
{
	uint64_t before[STEER_VERDICT_COUNT], after[STEER_VERDICT_COUNT];
	LIBBPF_OPTS(
		bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len, .repeat = 1);
	int v, moved = -1;

	CU_ASSERT_EQUAL_FATAL(steer_stats(steer, before), 0);
	CU_ASSERT_EQUAL_FATAL(bpf_prog_test_run_opts(program, &opts), 0);
	CU_ASSERT_EQUAL_FATAL(steer_stats(steer, after), 0);
	for (v = 0; v < STEER_VERDICT_COUNT; v++)
		if (after[v] != before[v]) {
			CU_ASSERT_EQUAL(after[v], before[v] + 1);
			CU_ASSERT_EQUAL(moved, -1);
			moved = v;
		}
	CU_ASSERT_EQUAL((int)opts.retval, moved == STEER_REDIRECT       ? XDP_REDIRECT
					  : moved == STEER_DROP_CONTROL ? XDP_DROP
									: XDP_PASS);
	return moved;
}

static int run_shape(const struct shape *s)
{
	uint8_t frame[FRAME_BYTES];

	return run(frame, frame_of(s, frame));
}

static void config(uint32_t sides, uint32_t control_pps, uint32_t prefix_pps)
{
	CU_ASSERT_EQUAL(steer_config_set(steer, our_mac, sides, control_pps, prefix_pps), 0);
}

// A fresh program: no config, empty maps.
static void program_load(void)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	char path[512];

	if (steer)
		steer_close(steer);
	if (object)
		bpf_object__close(object);
	steer = NULL;
	object = bpf_object__open_file(steer_object_path(path, sizeof(path)), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	CU_ASSERT_EQUAL_FATAL(bpf_object__load(object), 0);
	program = bpf_program__fd(bpf_object__next_program(object, NULL));
	xsks = bpf_object__find_map_fd_by_name(object, "xsks_map");
	CU_ASSERT_EQUAL_FATAL(bpf_obj_get_info_by_fd(program, &info, &len), 0);
	steer = steer_open_program(info.id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(steer);
}

// An endpoint and a client of each family untagged, one of IPv4 on the VLAN.
static void everything_known(void)
{
	program_load();
	CU_ASSERT_EQUAL(steer_vlan_add(steer, 0), 0);
	CU_ASSERT_EQUAL(steer_vlan_add(steer, VLAN), 0);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 0, 4, endpoint4, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 0, 6, endpoint6, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, VLAN, 4, endpoint4, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 4, client4, 32), 0);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 6, client6, 128), 0);
	CU_ASSERT_EQUAL(steer_client_add(steer, VLAN, 4, client4, 32), 0);
}

// A socket with a memory area and a receive ring is all that the map asks for.
static int socket_make(void **umem)
{
	struct xdp_umem_reg reg = {.len = UMEM_BYTES, .chunk_size = 4096};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), entries = 64;

	*umem = mmap(NULL, UMEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.addr = (__u64)(uintptr_t)*umem;
	if (fd < 0 || *umem == MAP_FAILED ||
		setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) < 0 ||
		setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) < 0 ||
		setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)) < 0 ||
		setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) < 0)
		return -1;
	return fd;
}

static int xsk = -1;

static void socket_in_map(void)
{
	static void *umem;
	uint32_t queue = 0;

	if (xsk < 0)
		xsk = socket_make(&umem);
	CU_ASSERT_FATAL(xsk >= 0);
	CU_ASSERT_EQUAL_FATAL(bpf_map_update_elem(xsks, &queue, &xsk, BPF_ANY), 0);
}

struct row {
	const char *name;
	uint32_t sides;
	struct shape shape;
	enum steer_verdict verdict;
};

#define LINK STEER_LINK
#define VPN STEER_VPN
#define BOTH (STEER_LINK | STEER_VPN)
#define V1 .opcode = 6
#define V2 .opcode = 9

static const struct row rows[] = {
	{"data v2", LINK, {V2}, STEER_REDIRECT},
	{"data v1", LINK, {V1}, STEER_REDIRECT},
	{"data v2, IPv6", LINK, {V2, .v6 = true}, STEER_REDIRECT},
	{"data v1, IPv6", LINK, {V1, .v6 = true}, STEER_REDIRECT},
	{"data v2, both sides", BOTH, {V2}, STEER_REDIRECT},
	{"data v2, padded frame", LINK, {V2, .padding = 12}, STEER_REDIRECT},
	{"data v2, VLAN", LINK, {V2, .tagged = true, .vlan = VLAN}, STEER_REDIRECT},
	{"data v2, VLAN with priority", LINK, {V2, .tagged = true, .vlan = 0xe000 | VLAN},
		STEER_REDIRECT},
	{"data v2, VLAN the endpoint is not on", LINK,
		{V2, .v6 = true, .tagged = true, .vlan = VLAN}, STEER_PASS_OTHER},
	{"control, VLAN", LINK, {.opcode = 4, .tagged = true, .vlan = VLAN}, STEER_PASS_CONTROL},
	{"control, VLAN the endpoint is not on", LINK,
		{.opcode = 4, .v6 = true, .tagged = true, .vlan = VLAN}, STEER_PASS_OTHER},
	{"data v2, outer TTL 1", LINK, {V2, .ttl = 1}, STEER_REDIRECT},
	{"data v2, do not fragment", LINK, {V2, .fragment = 0x4000}, STEER_REDIRECT},
	{"data, port without a side", 0, {V2}, STEER_PASS_OTHER},
	{"data, inside only", VPN, {V2}, STEER_PASS_OTHER},

	{"other port", LINK, {V2, .port = 1195}, STEER_PASS_OTHER},
	{"other port, IPv6", LINK, {V2, .v6 = true, .port = 1195}, STEER_PASS_OTHER},
	{"other address", LINK, {V2, .wrong_addr = true}, STEER_PASS_OTHER},
	{"other address, IPv6", LINK, {V2, .v6 = true, .wrong_addr = true}, STEER_PASS_OTHER},
	{"TCP", LINK, {V2, .protocol = IPPROTO_TCP}, STEER_PASS_OTHER},
	{"ICMP", LINK, {V2, .protocol = IPPROTO_ICMP}, STEER_PASS_OTHER},
	{"UDP-Lite", LINK, {V2, .protocol = 136}, STEER_PASS_OTHER},
	{"TCP, IPv6", LINK, {V2, .v6 = true, .protocol = IPPROTO_TCP}, STEER_PASS_OTHER},
	{"ARP", LINK, {.ether_type = 0x0806}, STEER_PASS_OTHER},
	{"LLDP", LINK, {.ether_type = 0x88cc}, STEER_PASS_OTHER},
	{"IPv6 header as IPv4", LINK, {V2, .version = 6}, STEER_PASS_OTHER},
	{"IPv4 header as IPv6", LINK, {V2, .v6 = true, .version = 4}, STEER_PASS_OTHER},

	{"wrong MAC", LINK, {V2, .wrong_mac = true}, STEER_PASS_MAC},
	{"broadcast MAC", LINK, {V2, .broadcast = true}, STEER_PASS_MAC},
	{"ARP broadcast", BOTH, {.broadcast = true, .ether_type = 0x0806}, STEER_PASS_MAC},
	{"wrong MAC to a client", VPN, {.to_client = true, .wrong_mac = true}, STEER_PASS_MAC},

	{"first fragment", LINK, {V2, .fragment = 0x2000}, STEER_PASS_FRAGMENT},
	{"middle fragment", LINK, {V2, .fragment = 0x2010}, STEER_PASS_FRAGMENT},
	{"last fragment", LINK, {V2, .fragment = 0x0010}, STEER_PASS_FRAGMENT},
	{"fragment, both sides", BOTH, {V2, .fragment = 0x2000}, STEER_PASS_FRAGMENT},
	{"fragment of control", LINK, {.opcode = 4, .fragment = 0x2000}, STEER_PASS_FRAGMENT},
	{"fragment of TCP", LINK, {.protocol = IPPROTO_TCP, .fragment = 0x2000}, STEER_PASS_OTHER},
	{"fragment, IPv6", LINK, {V2, .v6 = true, .next_header = 44}, STEER_PASS_FRAGMENT},

	{"IPv4 options", LINK, {V2, .option_words = 1}, STEER_PASS_OPTIONS},
	{"all IPv4 options", LINK, {V2, .option_words = 10}, STEER_PASS_OPTIONS},
	{"hop by hop", LINK, {V2, .v6 = true, .next_header = 0xff}, STEER_PASS_OPTIONS},
	{"routing header", LINK, {V2, .v6 = true, .next_header = 43}, STEER_PASS_OPTIONS},
	{"authentication", LINK, {V2, .v6 = true, .next_header = 51}, STEER_PASS_OPTIONS},
	{"destination options", LINK, {V2, .v6 = true, .next_header = 60}, STEER_PASS_OPTIONS},
	{"mobility", LINK, {V2, .v6 = true, .next_header = 135}, STEER_PASS_OPTIONS},
	{"options to a client", VPN, {.to_client = true, .option_words = 1}, STEER_PASS_OPTIONS},
	{"routing header to a client", VPN, {.to_client = true, .v6 = true, .next_header = 43},
		STEER_PASS_OPTIONS},

	{"longer than the frame", LINK, {V2, .total_more = 1}, STEER_PASS_SHORT},
	{"longer than the frame, IPv6", LINK, {V2, .v6 = true, .total_more = 1}, STEER_PASS_SHORT},
	{"shorter than its header", LINK, {V2, .total_more = -41}, STEER_PASS_SHORT},
	{"no room for UDP", LINK, {V2, .total_more = -33}, STEER_PASS_SHORT},
	{"no room for UDP, IPv6", LINK, {V2, .v6 = true, .total_more = -33}, STEER_PASS_SHORT},
	{"UDP longer than IP", LINK, {V2, .udp_more = 1}, STEER_PASS_SHORT},
	{"UDP longer than IP, padded", LINK, {V2, .udp_more = 1, .padding = 8}, STEER_PASS_SHORT},
	{"UDP shorter than its header", LINK, {V2, .udp_more = -33}, STEER_PASS_SHORT},
	{"UDP shorter than IP", LINK, {V2, .udp_more = -31}, STEER_REDIRECT},

	{"unknown VLAN", LINK, {V2, .tagged = true, .vlan = 101}, STEER_PASS_VLAN},
	{"priority tag", LINK, {V2, .tagged = true, .vlan = 0xe000}, STEER_PASS_VLAN},
	{"unknown VLAN to a client", VPN, {.to_client = true, .tagged = true, .vlan = 101},
		STEER_PASS_VLAN},
	{"two tags", LINK, {V2, .tagged = true, .vlan = VLAN, .ether_type = 0x8100},
		STEER_PASS_OTHER},

	{"no payload", LINK, {.empty = true}, STEER_PASS_CONTROL},
	{"no payload, IPv6", LINK, {.v6 = true, .empty = true}, STEER_PASS_CONTROL},
	{"no payload, padded", LINK, {.empty = true, .padding = 18}, STEER_PASS_CONTROL},
	{"payload is padding", LINK, {V2, .udp_more = -32}, STEER_PASS_CONTROL},

	{"to a client", VPN, {.to_client = true}, STEER_REDIRECT},
	{"to a client, IPv6", VPN, {.to_client = true, .v6 = true}, STEER_REDIRECT},
	{"to a client, both sides", BOTH, {.to_client = true}, STEER_REDIRECT},
	{"to a client, TCP", VPN, {.to_client = true, .protocol = IPPROTO_TCP}, STEER_REDIRECT},
	{"to a client, first fragment", VPN, {.to_client = true, .fragment = 0x2000},
		STEER_REDIRECT},
	{"to a client, last fragment", VPN, {.to_client = true, .fragment = 0x10}, STEER_REDIRECT},
	{"to a client, fragment, both sides", BOTH, {.to_client = true, .fragment = 0x10},
		STEER_REDIRECT},
	{"to a client, IPv6 fragment", VPN, {.to_client = true, .v6 = true, .next_header = 44},
		STEER_REDIRECT},
	{"to a client, VLAN", VPN, {.to_client = true, .tagged = true, .vlan = VLAN},
		STEER_REDIRECT},
	{"to a client of another VLAN", VPN,
		{.to_client = true, .v6 = true, .tagged = true, .vlan = VLAN}, STEER_PASS_OTHER},
	{"to nobody", VPN, {.to_client = true, .wrong_addr = true}, STEER_PASS_OTHER},
	{"to nobody, IPv6", VPN, {.to_client = true, .v6 = true, .wrong_addr = true},
		STEER_PASS_OTHER},
	{"to a client, outside only", LINK, {.to_client = true}, STEER_PASS_OTHER},
	{"to a client, TTL 1", VPN, {.to_client = true, .ttl = 1}, STEER_PASS_TTL},
	{"to a client, hop limit 1", VPN, {.to_client = true, .v6 = true, .ttl = 1},
		STEER_PASS_TTL},
	{"to a client, TTL 2", VPN, {.to_client = true, .ttl = 2}, STEER_REDIRECT},
	{"to nobody, TTL 1", VPN, {.to_client = true, .wrong_addr = true, .ttl = 1},
		STEER_PASS_OTHER},
};

static void rows_run(bool with_socket)
{
	bool seen[STEER_VERDICT_COUNT] = {false};
	enum steer_verdict expected;
	size_t i;
	int v;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shape shape = rows[i].shape;

		if (shape.next_header == 0xff) { // hop by hop is type 0
			uint8_t frame[FRAME_BYTES];
			size_t len = frame_of(&shape, frame);

			config(rows[i].sides, 0, 0);
			frame[14 + 6] = 0;
			v = run(frame, len);
		} else {
			config(rows[i].sides, 0, 0);
			v = run_shape(&shape);
		}
		expected = rows[i].verdict;
		if (!with_socket && expected == STEER_REDIRECT)
			expected = STEER_PASS_NO_SOCKET;
		if (v != (int)expected)
			printf("\n    row \"%s\": %s instead of %s\n", rows[i].name,
				steer_verdict_name(v), steer_verdict_name(expected));
		CU_ASSERT_EQUAL(v, (int)expected);
		seen[expected] = true;
	}
	// One row per verdict at least; the limits and the missing socket have tests of their own.
	for (v = 0; v < STEER_VERDICT_COUNT; v++)
		CU_ASSERT(seen[v] || v == STEER_DROP_CONTROL ||
			  v == (with_socket ? (int)STEER_PASS_NO_SOCKET : (int)STEER_REDIRECT));
}

static void test_rows(void)
{
	everything_known();
	socket_in_map();
	rows_run(true);
}

static void test_rows_without_socket(void)
{
	everything_known();
	rows_run(false);
}

static void test_empty_maps(void)
{
	size_t i;

	program_load();
	socket_in_map();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(run_shape(&rows[i].shape), STEER_PASS_OTHER);
	// With a configuration, but no endpoint, client or VLAN.
	config(BOTH, 1, 1);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_PASS_VLAN);
	steer_vlan_add(steer, 0);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){.to_client = true}), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){.opcode = 4}), STEER_PASS_OTHER);
}

static void test_opcodes(void)
{
	unsigned int opcode;

	everything_known();
	socket_in_map();
	config(LINK, 0, 0);
	for (opcode = 0; opcode < 32; opcode++) {
		struct shape s = {.opcode = (uint8_t)opcode};
		int expected = opcode == 6 || opcode == 9 ? STEER_REDIRECT : STEER_PASS_CONTROL;

		CU_ASSERT_EQUAL(run_shape(&s), expected);
		s.v6 = true;
		CU_ASSERT_EQUAL(run_shape(&s), expected);
	}
}

// Cut at every length: never a redirect of what is not whole, never anything but the kernel's.
static void test_truncated(void)
{
	static const struct shape shapes[] = {
		{V2},
		{V2, .v6 = true},
		{V2, .tagged = true, .vlan = VLAN},
		{.to_client = true},
		{.to_client = true, .v6 = true},
		{.opcode = 4},
	};
	uint8_t frame[FRAME_BYTES];
	size_t i, len, cut;

	everything_known();
	socket_in_map();
	config(BOTH, 0, 0);
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		len = frame_of(&shapes[i], frame);
		// The kernel runs no frame shorter than an Ethernet header.
		for (cut = 14; cut < len; cut++)
			CU_ASSERT_EQUAL(run(frame, cut), STEER_PASS_SHORT);
		CU_ASSERT_NOT_EQUAL(run(frame, len), STEER_PASS_SHORT);
	}
}

static unsigned int passed(const struct shape *s, unsigned int packets)
{
	unsigned int count = 0;
	int v;

	while (packets--) {
		v = run_shape(s);
		CU_ASSERT(v == STEER_PASS_CONTROL || v == STEER_DROP_CONTROL);
		count += v == STEER_PASS_CONTROL;
	}
	return count;
}

// In the time a run takes a packet or two may fall due.
static bool is_about(unsigned int value, unsigned int expected)
{
	return value >= expected && value <= expected + 2;
}

static void test_limit_endpoint(void)
{
	struct shape one = {.opcode = 4, .source = 1}, two = {.opcode = 4, .source = 2};

	everything_known();
	socket_in_map();
	config(LINK, 10, 0);
	CU_ASSERT(is_about(passed(&one, 60), 10));
	CU_ASSERT(passed(&two, 10) <= 2); // whatever its source
	// Data and other endpoints are none of its business.
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_REDIRECT);
	CU_ASSERT(is_about(passed(&(struct shape){.opcode = 4, .v6 = true}, 60), 10));
	// Time pays back.
	usleep(350000);
	CU_ASSERT(passed(&one, 20) >= 3);
	config(LINK, 0, 0);
	CU_ASSERT_EQUAL(passed(&one, 60), 60);
}

static void test_limit_prefix(void)
{
	struct shape one = {.opcode = 7, .source = 1}, two = {.opcode = 7, .source = 2};
	struct shape one6 = {.opcode = 7, .source = 1, .v6 = true};
	struct shape two6 = {.opcode = 7, .source = 2, .v6 = true};

	everything_known();
	config(LINK, 0, 5);
	CU_ASSERT(is_about(passed(&one, 40), 5));
	CU_ASSERT(is_about(passed(&two, 40), 5)); // another /24
	CU_ASSERT(is_about(passed(&one6, 40), 5));
	CU_ASSERT(is_about(passed(&two6, 40), 5)); // another /48
	usleep(450000);
	CU_ASSERT(passed(&one, 20) >= 2);
}

// One source that sends too much does not use up the endpoint's budget.
static void test_limit_both(void)
{
	struct shape flood = {.opcode = 7, .source = 1}, other = {.opcode = 7, .source = 2};

	everything_known();
	config(LINK, 20, 5);
	CU_ASSERT(is_about(passed(&flood, 200), 5));
	CU_ASSERT(is_about(passed(&other, 5), 5));
	// Empty datagrams reach the same socket.
	CU_ASSERT(passed(&(struct shape){.empty = true, .source = 1}, 10) <= 1);
}

static void test_add_and_remove(void)
{
	static const uint8_t net[4] = {10, 8, 0, 0}, addr3[4] = {10, 8, 0, 3};
	static const uint8_t net6[16] = {0xfd, 0};

	everything_known();
	socket_in_map();
	config(BOTH, 0, 0);
	CU_ASSERT_EQUAL(steer_endpoint_del(steer, 0, 4, endpoint4, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2, .v6 = true}), STEER_REDIRECT);
	// The one on the VLAN is another one.
	CU_ASSERT_EQUAL(
		run_shape(&(struct shape){V2, .tagged = true, .vlan = VLAN}), STEER_REDIRECT);
	CU_ASSERT_EQUAL(steer_endpoint_del(steer, 0, 4, endpoint4, htons(UDP_PORT)), -ENOENT);
	// Prefixes nest: the host's entry may go and its network's stays.
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 4, net, 24), 0);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 6, net6, 64), 0);
	CU_ASSERT_EQUAL(steer_client_del(steer, 0, 4, client4, 32), 0);
	CU_ASSERT_EQUAL(steer_client_del(steer, 0, 6, client6, 128), 0);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){.to_client = true}), STEER_REDIRECT);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){.to_client = true, .v6 = true}), STEER_REDIRECT);
	CU_ASSERT_EQUAL(steer_client_del(steer, 0, 4, net, 24), 0);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){.to_client = true}), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(steer_client_del(steer, 0, 4, addr3, 32), -ENOENT);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 4, net, 33), -EINVAL);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 6, net6, 129), -EINVAL);
	CU_ASSERT_EQUAL(steer_client_add(steer, 0, 5, net, 8), -EINVAL);
	CU_ASSERT_EQUAL(steer_client_add(steer, 4096, 4, net, 8), -EINVAL);
	CU_ASSERT_EQUAL(steer_vlan_add(steer, 4096), -EINVAL);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 0, 0, net, 1), -EINVAL);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 4096, 4, net, 1), -EINVAL);
}

// Addresses of one gateway come and go one by one; a node of 1024 gateways has room for 8 of each.
static void test_addresses(void)
{
	static const uint8_t second4[4] = {192, 0, 2, 1 ^ 0x40};
	static const uint8_t second6[16] = {0x20, 1, 0x0d, 0xb8, [14] = 0x40, [15] = 1};
	struct shape v4 = {V2, .wrong_addr = true}, v6 = {V2, .v6 = true, .wrong_addr = true};
	unsigned int i, failed = 0;

	everything_known();
	socket_in_map();
	config(LINK, 0, 0);
	CU_ASSERT_EQUAL(run_shape(&v4), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 0, 4, second4, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(run_shape(&v4), STEER_REDIRECT);
	CU_ASSERT_EQUAL(run_shape(&v6), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(steer_endpoint_add(steer, 0, 6, second6, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(run_shape(&v6), STEER_REDIRECT);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_REDIRECT);
	CU_ASSERT_EQUAL(steer_endpoint_del(steer, 0, 4, second4, htons(UDP_PORT)), 0);
	CU_ASSERT_EQUAL(run_shape(&v4), STEER_PASS_OTHER);
	CU_ASSERT_EQUAL(run_shape(&v6), STEER_REDIRECT);
	CU_ASSERT_EQUAL(run_shape(&(struct shape){V2}), STEER_REDIRECT);
	program_load();
	for (i = 0; i < 1024 * 8; i++) {
		const uint8_t addr[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};

		failed += steer_endpoint_add(steer, 0, 4, addr, htons(UDP_PORT)) != 0;
	}
	CU_ASSERT_EQUAL(failed, 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"one row per verdict", test_rows},
		{"no socket: nothing leaves the kernel", test_rows_without_socket},
		{"empty maps pass everything", test_empty_maps},
		{"each opcode", test_opcodes},
		{"truncated at each byte", test_truncated},
		{"limit per endpoint", test_limit_endpoint},
		{"limit per source prefix", test_limit_prefix},
		{"both limits", test_limit_both},
		{"add and remove", test_add_and_remove},
		{"several addresses", test_addresses},
		{NULL, NULL},
	};
	int map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "probe", 4, 4, 1, NULL);

	if (map < 0 && errno == EPERM) {
		fprintf(stderr, "skipped: not permitted to use BPF\n");
		return SKIPPED;
	}
	close(map);
	return harness_run("steer", tests);
}
