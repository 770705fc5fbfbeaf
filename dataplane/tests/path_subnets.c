// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Networks behind clients: who may send from there, and who gets what is for there.
#include "dataplane/tests/path.h"

#include "dataplane/tests/harness.h"
#include "dataplane/tests/path_tests.h"

#include <CUnit/CUnit.h>

#include <string.h>

#define SITE4 "0a320000" // 10.50.0.0/16
#define HOST4 "0a320709"
#define SITE6 "fd500000000000000000000000000000" // /32
#define HOST6 "fd500000000000000000000000000009"

static struct path p;
static struct path_out out, text;

static void subnet(const struct path_peer *pp, int family, uint8_t len, bool add)
{
	uint16_t domain = pp->conf.gateway + 1;
	uint8_t addr[16] = {0};
	int rc;

	harness_hex(family == 4 ? SITE4 : SITE6, addr, sizeof(addr));
	rc = add ? iroute_add(p.dp->iroute, domain, (uint8_t)family, addr, len, pp->id)
		 : iroute_del(p.dp->iroute, domain, (uint8_t)family, addr, len);
	CU_ASSERT_EQUAL(rc, 0);
}

static struct packet_spec from_site(const struct path_peer *pp, int family)
{
	struct packet_spec s = path_spec_in(pp, family);

	harness_hex(family == 4 ? HOST4 : HOST6, s.src, sizeof(s.src));
	return s;
}

static void test_source(void)
{
	struct path_peer *owner, *other;
	struct packet_spec s;

	path_setup(&p, 1);
	owner = path_peer_add(&p, 0, (struct path_peer_conf){0});
	other = path_peer_add(&p, 1, (struct path_peer_conf){0});
	subnet(owner, 4, 16, true);
	subnet(owner, 6, 32, true);
	for (int family = 4; family <= 6; family += 2) {
		uint64_t spoofed = path_drops(&p, LINK, DROP_SPOOF);

		s = from_site(owner, family);
		path_client_sends(&p, 0, owner, &s);
		CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
		path_client_sends(&p, 0, other, &s); // not behind this one
		CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
		CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_SPOOF), spoofed + 1);
		subnet(owner, family, family == 4 ? 16 : 32, false);
		path_client_sends(&p, 0, owner, &s); // nor behind that one any more
		CU_ASSERT_FALSE(path_sent(&p, VPN, 0, &out));
		CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_SPOOF), spoofed + 2);
	}
	path_teardown(&p);
}

// An address inside of the network that is another client's is not the network's.
static void test_source_inside(void)
{
	struct path_peer *owner, *other;
	struct packet_spec s;
	uint8_t addr[16] = {0};

	path_setup(&p, 1);
	owner = path_peer_add(&p, 0, (struct path_peer_conf){0});
	other = path_peer_add(&p, 1, (struct path_peer_conf){0});
	subnet(owner, 4, 16, true);
	harness_hex(HOST4, addr, sizeof(addr));
	CU_ASSERT_EQUAL(iroute_add(p.dp->iroute, 1, 4, addr, 32, other->id), 0);
	s = from_site(owner, 4);
	path_client_sends(&p, 0, owner, &s);
	CU_ASSERT_EQUAL(path_drops(&p, LINK, DROP_SPOOF), 1);
	path_client_sends(&p, 0, other, &s);
	CU_ASSERT_TRUE(path_sent(&p, VPN, 0, &out));
	path_teardown(&p);
}

static void test_destination(void)
{
	struct path_peer *owner;
	uint32_t id;

	path_setup(&p, 2);
	owner = path_peer_add(&p, 0, (struct path_peer_conf){.owner = 1});
	subnet(owner, 4, 16, true);
	subnet(owner, 6, 32, true);
	for (int family = 4; family <= 6; family += 2) {
		struct packet_spec s = path_spec_out(owner, family);

		harness_hex(family == 4 ? HOST4 : HOST6, s.dst, sizeof(s.dst));
		path_host_sends(&p, 0, owner, &s);
		worker_turn(p.w[0]); // hands it over
		worker_turn(p.w[1]);
		CU_ASSERT_TRUE_FATAL(path_sent(&p, LINK, 1, &out));
		CU_ASSERT_TRUE_FATAL(path_open(owner, &out, true, &text, &id));
		CU_ASSERT_EQUAL(
			memcmp(text.data + (family == 4 ? 16 : 24), s.dst, family == 4 ? 4 : 16),
			0);
	}
	path_teardown(&p);
}

const struct harness_test path_subnet_tests[] = {
	{"sources behind a client", test_source},
	{"an address inside that is another client's", test_source_inside},
	{"destinations behind a client", test_destination},
	{NULL, NULL},
};
