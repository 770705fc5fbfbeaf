#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The inside on memif: a stock client pings a host that is a DPDK program at the other end of shared
# memory (testpmd, which answers ARP and echo requests). The node's address and ARP are on the
# exception interface.
# timeout: 120
. "$(dirname "$0")/_init.sh"

command -v dpdk-testpmd >/dev/null || skip "no dpdk-testpmd (package dpdk-dev)"
BED_INSIDES=0
bed_usual 1 0
pki_all "$BED_DIR/pki" client1
{
	conf_head
	printf '  - {name: %s/inside.sock, side: inside, driver: memif, exception: slx0, memif: {role: server, id: 3}}\n' "$BED_DIR"
	printf 'gateways:\n'
	conf_gateway demo
} >"$BED_DIR/sluice.yaml"
gateway_start
assert "no exception interface" on node test -d /sys/class/net/slx0
on node ip addr replace 10.20.1.1/24 dev slx0
on node ip link set slx0 up
proc_start testpmd node dpdk-testpmd --no-huge -m 128 --no-pci --no-telemetry --file-prefix "$BED_PREFIX" \
	--vdev "net_memif0,role=client,id=3,socket=$BED_DIR/inside.sock,socket-abstract=no,mac=02:00:00:00:09:01" \
	-l 0,1 -- --forward-mode=icmpecho --auto-start --port-topology=loop --total-num-mbufs=4096 --stats-period 60
client_start 1
client_wait 1 || fail "client 1 did not connect"
answers() { on client1 ping -n -q -c 1 -W 1 10.20.1.9; }
wait_for 15 answers || fail "no answer from the other end of the memif"
say_step "neighbour known: the fast path"
fast0=$(gateway_counter 'fast_in_pkts + .fast_out_pkts')
pings 1 10.20.1.9 200 -s 1000
assert_ge "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" $((fast0 + 390))
assert_ge "packets from the memif" "$(counter '.ports[] | select(.side == "inside").rx')" 200
assert_eq "neighbour" "$(on node ip neigh show 10.20.1.9 dev slx0 | grep -o 'lladdr [0-9a-f:]*')" "lladdr 02:00:00:00:09:01"
proc_stop testpmd INT
test_done
