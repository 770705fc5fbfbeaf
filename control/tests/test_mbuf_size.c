// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// How large packet buffers become, and what is refused.

#include "control/mbuf_size.h"

#include "dataplane/pkt.h"
#include "dataplane/tests/harness.h"
#include "drivers/port.h"

#include <CUnit/CUnit.h>

#include <errno.h>

static int choose(enum port_kind kind, uint16_t mtu, uint16_t tun_mtu, uint16_t *bytes)
{
	struct conf_gateway gateway = {.name = "gw1", .tun_mtu = tun_mtu};
	// The second is usual, and not there to be asked.
	const struct conf c = {.interfaces = {{.name = "out", .driver = kind, .mtu = mtu},
				       {.name = "no-such-port", .driver = kind}},
		.interface_count = 2,
		.gateways = &gateway,
		.gateway_count = 1};

	*bytes = 1;
	return mbuf_size_choose(&c, bytes);
}

static void test_sizes(void)
{
	// Ethernet and a VLAN tag are 18 bytes, the kernel keeps 256 in front of AF_XDP's, sealing
	// adds up to 106. A page holds 3648 bytes of data.
	static const struct {
		enum port_kind kind;
		uint16_t mtu, tun_mtu, bytes; // 1: refused
	} rows[] = {
		{PORT_AF_XDP, 0, 0, 0},
		{PORT_AF_XDP, 1500, 0, 0},
		{PORT_AF_XDP, 2030, 0, 0},
		{PORT_AF_XDP, 2031, 0, 2305},
		{PORT_AF_XDP, 3000, 0, 3274},
		{PORT_AF_XDP, 3374, 0, 3648},
		{PORT_AF_XDP, 3375, 0, 1},
		{PORT_AF_XDP, 9000, 0, 1},
		{PORT_AF_XDP, 0, 2198, 0},
		{PORT_AF_XDP, 0, 2199, 2305},
		{PORT_AF_XDP, 0, 3542, 3648},
		{PORT_AF_XDP, 0, 3543, 1},
		{PORT_AF_XDP, 3000, 1500, 3274},
		{PORT_MEMIF, 0, 0, 0},
		{PORT_MEMIF, 2286, 0, 0},
		{PORT_MEMIF, 2287, 0, 2305},
		{PORT_MEMIF, 9000, 0, 9018},
		{PORT_MEMIF, 0, 9000, 9106},
	};
	uint16_t bytes;

	CU_ASSERT_EQUAL(port_af_xdp_buffer_max(PKT_PRIV_BYTES), 3648);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = choose(rows[i].kind, rows[i].mtu, rows[i].tun_mtu, &bytes);

		CU_ASSERT_EQUAL(rc, rows[i].bytes == 1 ? -EINVAL : 0);
		CU_ASSERT_EQUAL(bytes, rows[i].bytes);
	}
}

// One pool for all: what a NIC could take an AF_XDP port beside it cannot.
static void test_mixed(void)
{
	struct conf c = {.interfaces = {{.name = "a", .driver = PORT_AF_XDP, .mtu = 1500},
				 {.name = "0000:00:00.0", .driver = PORT_PCI, .mtu = 3630}},
		.interface_count = 2};
	uint16_t bytes;

	CU_ASSERT_EQUAL(mbuf_size_choose(&c, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 3648);
	c.interfaces[1].mtu = 9000;
	CU_ASSERT_EQUAL(mbuf_size_choose(&c, &bytes), -EINVAL);
}

// As the kernel's interface has it: the loopback's MTU is larger than any buffer.
static void test_of_the_kernel(void)
{
	const struct conf c = {
		.interfaces = {{.name = "lo", .driver = PORT_AF_XDP}}, .interface_count = 1};
	uint16_t bytes;

	CU_ASSERT_EQUAL(mbuf_size_choose(&c, &bytes), -EINVAL);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"what interfaces and tunnels need", test_sizes},
		{"one pool for all ports", test_mixed},
		{"the MTU that an interface has", test_of_the_kernel},
		{NULL, NULL},
	};

	harness_eal_init(64);
	return harness_run("mbuf_size", tests);
}
