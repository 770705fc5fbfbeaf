#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Interfaces with an MTU above 1500: packet buffers follow it, nothing is cut off or lost, and what
# no buffer of an AF_XDP port can hold is refused at the start.
# timeout: 120
. "$(dirname "$0")/_init.sh"

# links MTU: all four ends.
links() {
	local link
	for link in node:out1 node:in1 client1:eth0 inside1:eth0; do
		ip -n "$BED_PREFIX-${link%:*}" link set "${link#*:}" mtu "$1"
	done
}

# Packets of SIZE both ways, unfragmented inside; none may be lost.
both_ways() {
	pings 1 "$(inside4 1)" 20 -M "do" -s $(($1 - 28))
	on inside1 ping -n -q -c 20 -i 0.02 -W 2 -M "do" -s $(($1 - 28)) 10.8.0.2 >"$BED_DIR/ping.log" 2>&1 ||
		fail "packets of $1 bytes to the client: $(cat "$BED_DIR/ping.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "packets of $1 bytes: $(cat "$BED_DIR/ping.log")"
}

tun_mtu_of() { on node ip -j link show type tun | jq -r '.[] | select(.ifname | startswith("sluice")) | .mtu'; }

start() { # OPTION OF THE GATEWAY
	GATEWAY_EXTRA=$1
	conf_write
	gateway_start
	client_start 1
	client_wait 1 || fail "client 1 did not connect"
}

stop() {
	client_stop 1
	gateway_stop
}

bed_usual
pki_all "$BED_DIR/pki" client1
say_step "2200: sealed packets above 2048 bytes"
links 2200
CLIENT_EXTRA="--tun-mtu-max 3400"
start "tun_mtu: 2100"
both_ways 2100
assert_eq "outer fragments" "$(gateway_counter link_fragmented)" 0
assert_ge "packets on the fast path" "$(gateway_counter 'fast_in_pkts')" 20
stop

say_step "3000, auto: no client need take more than 1500"
links 3000
start ""
assert_eq "tun mtu" "$(tun_mtu_of)" 1500
both_ways 1500
assert_eq "outer fragments" "$(gateway_counter link_fragmented)" 0
stop

say_step "3374, the most there can be, and packets that fill it"
links 3374
start "tun_mtu: 3322"
both_ways 3322
assert_eq "outer fragments" "$(gateway_counter link_fragmented)" 0
assert_eq "packets truncated" "$(counter '[.ports[].drop.truncated] | add')" 0
assert_ge "share of the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" 70

say_step "an interface grows beyond the buffers while in use"
ip -n "$BED_PREFIX-node" link set in1 mtu 3400
assert_log sluiced 'error fabric: interface in1: its MTU is 3400 now, packet buffers take 3374:'
stop

say_step "9000: refused by name"
links 9000
GATEWAY_EXTRA=
conf_write
sluiced_refuses 'out1: MTU 9000 .*at most 3374.*ip link set out1 mtu 3374'
say_step "the other end of a veth pair is larger than XDP allows"
links 1500
ip -n "$BED_PREFIX-client1" link set eth0 mtu 9000
sluiced_refuses 'Peer MTU is too large'
links 1500
say_step "tun_mtu: 9000: refused by name"
GATEWAY_EXTRA="tun_mtu: 9000"
conf_write
sluiced_refuses 'gateway=demo: tun_mtu 9000 .*at most 3[0-9]+'
test_done
