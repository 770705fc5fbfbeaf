// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// AF_XDP ports on veth pairs in namespaces of their own: what reaches the worker and what the
// kernel, what is refused, and what is left behind on the interface.
//
//   namespace c (peer)  p0 ---- v0  namespace g (the port)      10.7.0.2 -- 10.7.0.1

#include "dataplane/tests/harness.h"
#include "drivers/netns.h"
#include "drivers/port.h"
#include "drivers/steer.h"
#include "drivers/tests/netlab.h"
#include "drivers/xdp.h"

#include <CUnit/Basic.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UDP_PORT 1194
#define DATA_V2 (9 << 3)
#define CONTROL_V1 (4 << 3)
#define QUEUES 2

// DPDK's driver keeps the BPF objects and umems it has opened.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:librte_net_af_xdp\nleak:libbpf\nleak:libxdp\n";
}

static struct rte_mempool *pool;
static char ns_g[64];
static const uint8_t addr_g[4] = {10, 7, 0, 1};

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static struct port_conf conf_of(const char *name, uint16_t queues)
{
	struct port_conf conf = {.kind = PORT_AF_XDP, .side = PORT_LINK, .queues = queues};

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	snprintf(conf.netns, sizeof(conf.netns), "%s", ns_g);
	return conf;
}

static void lab_down(void)
{
	netlab_del("c");
	netlab_del("g");
}

static bool lab_up(unsigned int queues)
{
	lab_down(); // what a failed test may have left
	return netlab_add("c") && netlab_add("g") &&
	       netlab_run("c",
		       "ip link add p0 numrxqueues %u numtxqueues %u type veth peer name v0 "
		       "numrxqueues %u numtxqueues %u netns %s",
		       queues, queues, queues, queues, ns_g) &&
	       netlab_run("c", "ip link set p0 up") &&
	       netlab_run("c", "ip addr add 10.7.0.2/24 dev p0") &&
	       netlab_run("g", "ip link set v0 up") &&
	       netlab_run("g", "ip addr add 10.7.0.1/24 dev v0");
}

static int udp_socket(const char *lab, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	char name[64];
	int token, fd;

	token = netns_enter(netlab_name(lab, name, sizeof(name)));
	if (token < 0)
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	netns_leave(token);
	sin.sin_addr.s_addr = inet_addr(addr);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void send_first_byte(int fd, uint8_t first)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	uint8_t payload[64] = {first};

	memcpy(&to.sin_addr, addr_g, 4);
	CU_ASSERT_EQUAL(sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&to, sizeof(to)),
		(ssize_t)sizeof(payload));
}

// Packets that come in on any queue within a while. The first byte of the last one's payload.
static unsigned int receive(const struct port *p, uint8_t *first, unsigned int by_queue[QUEUES])
{
	struct rte_mbuf *m[32];
	unsigned int count = 0, turn;
	uint16_t q, n, i;

	for (turn = 0; turn < 40; turn++) {
		for (q = 0; q < p->queues; q++) {
			n = port_rx_burst(p->id, q, m, 32);
			for (i = 0; i < n; i++) {
				*first = *rte_pktmbuf_mtod_offset(m[i], uint8_t *, 14 + 20 + 8);
				CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m[i]), 14 + 20 + 8 + 64);
				rte_pktmbuf_free(m[i]);
			}
			count += n;
			by_queue[q] += n;
		}
		sleep_ms(5);
	}
	return count;
}

static struct steer *steer_in_g(const struct port *p)
{
	int token = netns_enter(ns_g);
	struct steer *s = steer_open(p->ifindex);

	netns_leave(token);
	return s;
}

static int64_t program_on(const char *name)
{
	int token = netns_enter(ns_g);
	int64_t id = xdp_program_id((int)if_nametoindex(name));

	netns_leave(token);
	return id;
}

static struct port *port_up(uint16_t queues, struct steer **s)
{
	struct port_conf conf = conf_of("v0", queues);
	struct port *p = NULL;

	CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &p), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(p), 0);
	CU_ASSERT_EQUAL(p->queues, queues);
	CU_ASSERT_EQUAL(p->mtu, 1500);
	CU_ASSERT(p->complete_csum);
	CU_ASSERT(!p->needs_exception);
	*s = steer_in_g(p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*s);
	CU_ASSERT_EQUAL(steer_vlan_add(*s, 0), 0);
	CU_ASSERT_EQUAL(steer_config_set(*s, p->mac.addr_bytes, STEER_LINK, 0, 0), 0);
	return p;
}

static void data_and_control(uint16_t queues)
{
	unsigned int by_queue[QUEUES] = {0};
	uint64_t counts[STEER_VERDICT_COUNT];
	int client, server, i;
	uint8_t first = 0, payload[64];
	struct steer *s;
	struct port *p;

	CU_ASSERT_FATAL(lab_up(queues));
	p = port_up(queues, &s);
	client = udp_socket("c", "10.7.0.2", 5000);
	server = udp_socket("g", "10.7.0.1", UDP_PORT);
	CU_ASSERT_FATAL(client >= 0 && server >= 0);

	// Ping reaches the kernel, and so does everything before the endpoint is known.
	CU_ASSERT(netlab_run("c", "ping -c 2 -i 0.05 -W 2 10.7.0.1"));
	send_first_byte(client, DATA_V2);
	CU_ASSERT_EQUAL(receive(p, &first, by_queue), 0);
	CU_ASSERT_EQUAL(recv(server, payload, sizeof(payload), 0), 64);

	CU_ASSERT_EQUAL(steer_endpoint_add(s, 0, 4, addr_g, htons(UDP_PORT)), 0);
	for (i = 0; i < 5; i++)
		send_first_byte(client, DATA_V2);
	CU_ASSERT_EQUAL(receive(p, &first, by_queue), 5);
	CU_ASSERT_EQUAL(first, DATA_V2);
	CU_ASSERT(recv(server, payload, sizeof(payload), 0) < 0);
	send_first_byte(client, CONTROL_V1);
	CU_ASSERT_EQUAL(receive(p, &first, by_queue), 0);
	CU_ASSERT_EQUAL(recv(server, payload, sizeof(payload), 0), 64);
	CU_ASSERT(netlab_run("c", "ping -c 2 -i 0.05 -W 2 10.7.0.1"));
	CU_ASSERT_EQUAL(steer_stats(s, counts), 0);
	CU_ASSERT_EQUAL(counts[STEER_REDIRECT], 5);
	CU_ASSERT_EQUAL(counts[STEER_PASS_CONTROL], 1);
	CU_ASSERT_EQUAL(counts[STEER_PASS_NO_SOCKET], 0);

	close(client);
	close(server);
	steer_close(s);
	port_stop(p);
	port_close(p);
	CU_ASSERT_EQUAL(program_on("v0"), 0);
	lab_down();
}

static void test_data_and_control(void)
{
	data_and_control(1);
}

// Two workers: veth spreads flows over its transmit queues, which are the peer's receive queues.
static void test_two_queues(void)
{
	unsigned int by_queue[QUEUES] = {0};
	uint8_t first = 0;
	struct steer *s;
	struct port *p;
	int fd, i;

	data_and_control(2);
	CU_ASSERT_FATAL(lab_up(2));
	p = port_up(2, &s);
	CU_ASSERT_EQUAL(steer_endpoint_add(s, 0, 4, addr_g, htons(UDP_PORT)), 0);
	CU_ASSERT(netlab_run("c", "ping -c 1 -W 2 10.7.0.1"));
	for (i = 0; i < 32; i++) {
		fd = udp_socket("c", "10.7.0.2", (uint16_t)(6000 + i));
		send_first_byte(fd, DATA_V2);
		close(fd);
	}
	CU_ASSERT_EQUAL(receive(p, &first, by_queue), 32);
	CU_ASSERT_NOT_EQUAL(by_queue[0], 0);
	CU_ASSERT_NOT_EQUAL(by_queue[1], 0);
	steer_close(s);
	port_close(p);
	CU_ASSERT_EQUAL(program_on("v0"), 0);
	lab_down();
}

static struct rte_mbuf *udp_frame(const struct port *p, const uint8_t dst[6])
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	static const uint8_t head[] = {0x08, 0x00, 0x45, 0, 0, 20 + 8 + 4, 0, 0, 0, 0, 64, 17, 0, 0,
		10, 7, 0, 1, 10, 7, 0, 2, 0x04, 0xaa, 0x13, 0x88, 0, 12, 0, 0, 'p', 'i', 'n', 'g'};
	uint32_t sum = 0;
	uint8_t *b;
	int i;

	b = (uint8_t *)rte_pktmbuf_append(m, 12 + sizeof(head));
	memcpy(b, dst, 6);
	memcpy(b + 6, p->mac.addr_bytes, 6);
	memcpy(b + 12, head, sizeof(head));
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	b[24] = (uint8_t)(~sum >> 8);
	b[25] = (uint8_t)~sum;
	return m;
}

static void test_transmit(void)
{
	static const uint8_t mac_c[6] = {0x02, 0, 0, 0, 0, 0xc0};
	struct rte_mbuf *m;
	char payload[64] = "";
	struct rte_eth_stats stats;
	struct steer *s;
	struct port *p;
	uint16_t q;
	int fd, tries;

	CU_ASSERT_FATAL(lab_up(2));
	CU_ASSERT(netlab_run("c", "ip link set p0 address 02:00:00:00:00:c0"));
	p = port_up(2, &s);
	fd = udp_socket("c", "10.7.0.2", 5000);
	for (q = 0; q < 2; q++) {
		m = udp_frame(p, mac_c);
		CU_ASSERT_EQUAL(port_tx_burst(p->id, q, &m, 1), 1);
		for (tries = 0; tries < 200 && recv(fd, payload, sizeof(payload), 0) != 4; tries++)
			sleep_ms(5);
		CU_ASSERT(!memcmp(payload, "ping", 4));
		memset(payload, 0, sizeof(payload));
	}
	CU_ASSERT_EQUAL(port_stats(p, &stats), 0);
	CU_ASSERT_EQUAL(stats.opackets, 2);
	close(fd);
	steer_close(s);
	port_close(p);
	lab_down();
}

// The same interface again in the same process: the driver leaves sockets behind, we do not.
static void test_reopen(void)
{
	struct steer *s;
	struct port *p;
	int i;

	CU_ASSERT_FATAL(lab_up(1));
	for (i = 0; i < 3; i++) {
		p = port_up(1, &s);
		steer_close(s);
		port_close(p);
		CU_ASSERT_EQUAL(program_on("v0"), 0);
	}
	lab_down();
}

static int trivial_program(void)
{
	// r0 = XDP_PASS; exit
	static const struct bpf_insn insns[] = {
		{.code = 0xb7, .dst_reg = 0, .imm = 2},
		{.code = 0x95},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "stranger", "GPL", insns, 2, NULL);
}

static int attach_in_g(int fd)
{
	int token = netns_enter(ns_g), ret;

	ret = bpf_xdp_attach((int)if_nametoindex("v0"), fd, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	netns_leave(token);
	return ret;
}

static void test_foreign_refused(void)
{
	struct port_conf conf = conf_of("v0", 1);
	struct port *p = NULL;
	int64_t before;
	int fd;

	CU_ASSERT_FATAL(lab_up(1));
	fd = trivial_program();
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(attach_in_g(fd), 0);
	before = program_on("v0");
	CU_ASSERT(before > 0);
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EBUSY);
	CU_ASSERT_EQUAL(program_on("v0"), before);
	close(fd);
	lab_down();
}

// Someone replaces our program while the port is open: closing the port leaves theirs alone.
static void test_foreign_kept_at_close(void)
{
	struct steer *s;
	struct port *p;
	int64_t theirs;
	int fd;

	CU_ASSERT_FATAL(lab_up(1));
	p = port_up(1, &s);
	fd = trivial_program();
	CU_ASSERT(netlab_run("g", "ip link set v0 xdp off"));
	CU_ASSERT_EQUAL_FATAL(attach_in_g(fd), 0);
	theirs = program_on("v0");
	steer_close(s);
	port_close(p);
	CU_ASSERT_EQUAL(program_on("v0"), theirs);
	close(fd);
	lab_down();
}

static void test_stale_removed(void)
{
	char path[512];
	struct steer *s;
	struct port *p;
	int64_t stale;

	CU_ASSERT_FATAL(lab_up(1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(steer_object_path(path, sizeof(path)));
	CU_ASSERT_FATAL(netlab_run("g", "ip link set v0 xdp obj %s sec xdp", path));
	stale = program_on("v0");
	CU_ASSERT(stale > 0);
	CU_ASSERT(xdp_program_is_ours((uint32_t)stale));
	p = port_up(1, &s);
	CU_ASSERT(program_on("v0") > 0);
	CU_ASSERT_NOT_EQUAL(program_on("v0"), stale);
	steer_close(s);
	port_close(p);
	lab_down();
}

// Another process that holds a program until it is killed.
static pid_t holder_start(int64_t program)
{
	int fds[2], fd;
	char ready = 0;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		fd = bpf_prog_get_fd_by_id((uint32_t)program);
		ready = fd >= 0 ? 'y' : 'n';
		if (write(fds[1], &ready, 1) == 1)
			pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(fds[0], &ready, 1), 1);
	CU_ASSERT_EQUAL(ready, 'y');
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void holder_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

// The same program, but a living process holds it.
static void test_live_refused(void)
{
	struct port_conf conf = conf_of("v0", 1);
	struct port *p = NULL;
	char path[512];
	int64_t theirs;
	pid_t pid;

	CU_ASSERT_FATAL(lab_up(1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(steer_object_path(path, sizeof(path)));
	CU_ASSERT_FATAL(netlab_run("g", "ip link set v0 xdp obj %s sec xdp", path));
	theirs = program_on("v0");
	pid = holder_start(theirs);
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EBUSY);
	CU_ASSERT_EQUAL(program_on("v0"), theirs);
	holder_end(pid);
	lab_down();
}

// Three interfaces that no configuration names: a dead run's program, a living process's, and a
// stranger's. Only the first goes.
static void test_clean_all(void)
{
	char path[512];
	int64_t live, stranger;
	int token, fd;
	pid_t pid;

	CU_ASSERT_FATAL(lab_up(1));
	CU_ASSERT_FATAL(netlab_run("g", "ip link add s0 type veth peer name s1"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(steer_object_path(path, sizeof(path)));
	CU_ASSERT_FATAL(netlab_run("g", "ip link set s0 xdp obj %s sec xdp", path));
	CU_ASSERT_FATAL(netlab_run("g", "ip link set s1 xdp obj %s sec xdp", path));
	fd = trivial_program();
	CU_ASSERT_EQUAL_FATAL(attach_in_g(fd), 0);
	live = program_on("s1");
	stranger = program_on("v0");
	CU_ASSERT(program_on("s0") > 0 && live > 0 && stranger > 0);
	pid = holder_start(live);
	token = netns_enter(ns_g);
	CU_ASSERT_EQUAL(steer_clean_all(), 1);
	netns_leave(token);
	CU_ASSERT_EQUAL(program_on("s0"), 0);
	CU_ASSERT_EQUAL(program_on("s1"), live);
	CU_ASSERT_EQUAL(program_on("v0"), stranger);
	holder_end(pid);
	close(fd);
	lab_down();
}

static void test_errors(void)
{
	struct port_conf conf = conf_of("v0", 2);
	struct port *p = NULL;

	CU_ASSERT_FATAL(lab_up(1));
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EBUSY); // two workers, one queue
	conf = conf_of("nosuch0", 1);
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -ENODEV);
	conf = conf_of("v0", 1);
	snprintf(conf.netns, sizeof(conf.netns), "no-such-namespace-here");
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -ENODEV);
	conf = conf_of("v0", 1);
	conf.bpf_object = "/no/such/steer.bpf.o";
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -ENOENT);
	conf = conf_of("v0", 1);
	conf.mtu = 9000;
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EINVAL);
	// Of the buffer's 2048 bytes the kernel keeps 256, Ethernet and a VLAN tag need 18.
	conf.mtu = 1775;
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EINVAL);
	conf.mtu = 1774;
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &p), 0);
	CU_ASSERT_EQUAL(p->mtu_max, 1774);
	port_close(p);
	p = NULL;
	// The offload is on until somebody turns it off.
	conf = conf_of("v0", 1);
	conf.vlans = true;
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -EINVAL);
	CU_ASSERT(netlab_run("g", "ethtool -K v0 rxvlan off"));
	CU_ASSERT_EQUAL_FATAL(port_open(&conf, pool, &p), 0);
	port_close(p);
	p = NULL;
	CU_ASSERT(netlab_run("g", "ip link set v0 down"));
	conf = conf_of("v0", 1);
	CU_ASSERT_EQUAL(port_open(&conf, pool, &p), -ENETDOWN);
	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_EQUAL(program_on("v0"), 0);
	lab_down();
}

// The driver loads the object when the queues are set up: its device exists by then.
static void test_failed_setup_leaves_nothing(void)
{
	struct port_conf conf = conf_of("v0", 1);
	struct port *p = NULL;
	struct steer *s;

	CU_ASSERT_FATAL(lab_up(1));
	conf.bpf_object = "/proc/self/exe";
	CU_ASSERT(port_open(&conf, pool, &p) < 0);
	CU_ASSERT_EQUAL(program_on("v0"), 0);
	// And the interface still works.
	p = port_up(1, &s);
	steer_close(s);
	port_close(p);
	lab_down();
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"data reaches the worker, control and ping the kernel", test_data_and_control},
		{"two queues on veth", test_two_queues},
		{"transmits on every queue", test_transmit},
		{"opens again after close", test_reopen},
		{"a foreign program is refused and stays", test_foreign_refused},
		{"a foreign program survives the close", test_foreign_kept_at_close},
		{"a stale program of ours is removed", test_stale_removed},
		{"a program that a process holds is refused", test_live_refused},
		{"what a dead run left on other interfaces is removed", test_clean_all},
		{"errors", test_errors},
		{"a failed setup leaves nothing", test_failed_setup_leaves_nothing},
		{NULL, NULL},
	};
	int ret;

	netlab_require();
	netlab_name("g", ns_g, sizeof(ns_g));
	harness_eal_init(512);
	// The driver keeps 2048 buffers for each open that fails.
	pool = rte_pktmbuf_pool_create("test", 65536, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool)
		return 1;
	ret = harness_run("port_af_xdp", tests);
	lab_down(); // a failed test may have left its namespaces
	return ret;
}
