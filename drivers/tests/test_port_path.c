// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Data packets through both paths with ports of the kinds that serve tests and benchmarks: what a
// capture file holds is received, opened or sealed, and written to another file.

#include "dataplane/tests/harness.h"
#include "dataplane/tests/path.h"
#include "drivers/port.h"

#include <CUnit/Basic.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURNS 20

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, sigfigs, snaplen, linktype;
};

struct pcap_record {
	uint32_t seconds, micros, caplen, len;
};

static struct path p;
static struct path_out out, text;
// Short: two paths below it make one name of a port.
static char dir[] = "/tmp/slpXXXXXX";

static FILE *file(const char *name, const char *mode)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, mode);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	return f;
}

static FILE *pcap_begin(void)
{
	static const struct pcap_head head = {
		.magic = 0xa1b2c3d4, .major = 2, .minor = 4, .snaplen = 65535, .linktype = 1};
	FILE *f = file("in.pcap", "w");

	CU_ASSERT_EQUAL(fwrite(&head, sizeof(head), 1, f), 1);
	return f;
}

static void pcap_add(FILE *f, const uint8_t *frame, size_t len)
{
	struct pcap_record rec = {.caplen = (uint32_t)len, .len = (uint32_t)len};

	CU_ASSERT_EQUAL(fwrite(&rec, sizeof(rec), 1, f), 1);
	CU_ASSERT_EQUAL(fwrite(frame, len, 1, f), 1);
}

// How many frames out.pcap has; the last of them is in `out`.
static unsigned int pcap_read(void)
{
	struct pcap_record rec;
	struct pcap_head head;
	unsigned int n = 0;
	FILE *f = file("out.pcap", "r");

	CU_ASSERT_EQUAL(fread(&head, sizeof(head), 1, f), 1);
	for (; fread(&rec, sizeof(rec), 1, f) == 1; n++) {
		CU_ASSERT_FATAL(rec.caplen <= sizeof(out.data));
		CU_ASSERT_EQUAL(fread(out.data, rec.caplen, 1, f), 1);
		out.len = rec.caplen;
	}
	fclose(f);
	return n;
}

static struct port *port_up(
	enum path_port place, enum port_kind kind, const char *name, const char *extra)
{
	struct port_conf conf = {.kind = kind,
		.side = place == LINK ? PORT_LINK : PORT_VPN,
		.queues = 1,
		.devargs_extra = extra};
	struct port *port = NULL;

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, p.dp->pool, &port), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(port), 0);
	path_port_use(&p, place, port);
	return port;
}

static struct port *pcap_in(enum path_port place)
{
	char name[64];
	struct port *port;

	snprintf(name, sizeof(name), "%s/in.pcap:", dir);
	port = port_up(place, PORT_PCAP, name, NULL);
	memcpy(port->mac.addr_bytes, path_mac, 6); // whom the frames are made for
	return port;
}

static struct port *pcap_out(enum path_port place)
{
	char name[64];

	snprintf(name, sizeof(name), ":%s/out.pcap", dir);
	return port_up(place, PORT_PCAP, name, NULL);
}

static void turns(void)
{
	for (int i = 0; i < TURNS; i++)
		worker_turn(p.w[0]);
}

// A sealed packet, and one whose tag is wrong.
static void test_pcap_inbound(void)
{
	uint8_t ip[PACKET_MAX], data[PACKET_MAX], frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct port *in, *to;
	size_t ip_len, len;
	FILE *f;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	f = pcap_begin();
	s = path_spec_in(pp, 4);
	ip_len = packet_build(ip, &s);
	for (int i = 0; i < 2; i++) {
		len = path_seal(pp, ip, ip_len, data);
		len = path_link_frame(pp, 0, data, len, frame);
		frame[len - 1] ^= (uint8_t)i;
		pcap_add(f, frame, len);
	}
	fclose(f);
	in = pcap_in(LINK);
	to = pcap_out(VPN);
	turns();
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 1);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[in->id].rx_pkts), 2);
	CU_ASSERT_EQUAL(counter_get(&p.w[0]->counters->port[in->id].carried), 1);
	CU_ASSERT_EQUAL(path_drops(&p, in->id, DROP_AUTH), 1);
	port_close(in);
	port_close(to);
	CU_ASSERT_EQUAL_FATAL(pcap_read(), 1);
	CU_ASSERT_EQUAL(out.len, 14 + ip_len);
	CU_ASSERT_EQUAL(memcmp(out.data, path_gateway_mac, 6), 0);
	CU_ASSERT_EQUAL(out.data[14 + 8], 63);
	CU_ASSERT_TRUE(packet_ip_ok(out.data + 14) && packet_l4_ok(out.data + 14));
	CU_ASSERT_EQUAL(memcmp(out.data + 14 + 12, ip + 12, ip_len - 12), 0);
	path_teardown(&p);
}

static void test_pcap_outbound(void)
{
	uint8_t frame[PACKET_MAX];
	struct path_peer *pp;
	struct packet_spec s;
	struct port *in, *to;
	uint32_t id = 0;
	FILE *f;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	s = path_spec_out(pp, 6);
	f = pcap_begin();
	pcap_add(f, frame, path_vpn_frame(pp, &s, frame));
	fclose(f);
	in = pcap_in(VPN);
	to = pcap_out(LINK);
	turns();
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_out_pkts), 1);
	port_close(in);
	port_close(to);
	CU_ASSERT_EQUAL_FATAL(pcap_read(), 1);
	// Sealed frames bear the address of the ring port, by the next hop.
	CU_ASSERT_TRUE(path_open(pp, &out, true, &text, &id));
	CU_ASSERT_EQUAL(id, 1);
	CU_ASSERT_EQUAL(text.data[7], 63);
	CU_ASSERT_TRUE(packet_l4_ok(text.data));
	path_teardown(&p);
}

// Takes whatever is sent, and gives frames of zeros for ever, which are nobody's.
static void test_null(void)
{
	const struct port_counters *counters;
	struct rte_eth_stats stats;
	struct path_peer *pp;
	struct packet_spec s;
	struct port *port;

	path_setup(&p, 1);
	pp = path_peer_add(&p, 0, (struct path_peer_conf){0});
	port = port_up(VPN, PORT_NULL, "null0", "size=60,copy=1");
	counters = &p.w[0]->counters->port[port->id];
	s = path_spec_in(pp, 4);
	for (int i = 0; i < 5; i++)
		path_client_sends(&p, 0, pp, &s);
	CU_ASSERT_EQUAL(counter_get(&path_gateway(&p, 0, 0)->fast_in_pkts), 5);
	CU_ASSERT_EQUAL(port_stats(port, &stats), 0);
	CU_ASSERT_EQUAL(stats.opackets, 5);
	turns();
	CU_ASSERT_EQUAL(counter_get(&counters->rx_pkts), TURNS * WORKER_BURST);
	CU_ASSERT_EQUAL(path_drops(&p, port->id, DROP_NOT_OURS), TURNS * WORKER_BURST);
	CU_ASSERT_EQUAL(counter_get(&counters->carried), 0);
	port_close(port);
	path_teardown(&p);
}

static void files_remove(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/in.pcap", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/out.pcap", dir);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"pcap to pcap, inbound", test_pcap_inbound},
		{"pcap to pcap, outbound", test_pcap_outbound},
		{"null", test_null},
		{NULL, NULL},
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	harness_eal_init(512);
	path_ports_new();
	ret = harness_run("port_path", tests);
	files_remove();
	return ret;
}
