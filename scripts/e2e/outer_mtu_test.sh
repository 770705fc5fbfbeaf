#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The rows of the table in docs/mtu.md: which of MSS clamp, tun mtu and outer fragmentation meets a
# packet first, and that none of the links between drops a datagram for its size.
# timeout: 150
CLIENT_EXTRA="--mssfix 0" # the gateway's clamp alone
. "$(dirname "$0")/_init.sh"

tun_mtu_of() { on node ip -j link show type tun | jq -r '.[] | select(.ifname | startswith("sluice")) | .mtu'; }
mss_inside() { capture_show "$SYN" -v 'tcp[tcpflags] & tcp-syn != 0' | grep -o 'mss [0-9]*' | head -n 1; }

connect() { # MSS: a TCP connection from the client; the inside host sees this MSS
	on client1 ip link set tun0 mtu 1500
	SYN=syn$1
	capture_start "$SYN" inside1 eth0 tcp port 7777 and src 10.8.0.2
	on client1 timeout 3 socat -u /dev/null "TCP4:$(inside4 1):7777,connect-timeout=2" 2>/dev/null || true
	wait_for 3 mss_inside
	capture_stop "$SYN"
	assert_eq "the MSS the inside host sees" "$(mss_inside)" "mss $1"
}

# Packets of SIZE from the inside host to the client; none may be lost.
large() {
	on inside1 ping -n -O -c 10 -i 0.05 -W 2 -s $(($1 - 28)) "${@:2}" 10.8.0.2 >"$BED_DIR/ping.log" 2>&1 ||
		fail "packets of $1 bytes to the client: $(cat "$BED_DIR/ping.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "packets of $1 bytes: $(cat "$BED_DIR/ping.log")"
}

restart() { # OPTION OF THE GATEWAY: the client follows
	client_stop 1
	gateway_stop
	GATEWAY_EXTRA=$1
	conf_write
	gateway_start
	client_start 1
	client_wait 1 || fail "client 1 did not connect with $1"
	assert_log openvpn1 'Initialization Sequence'
}

link_mtu() { # MTU: both ends of the client's link
	ip -n "$BED_PREFIX-node" link set out1 mtu "$1"
	ip -n "$BED_PREFIX-client1" link set eth0 mtu "$1"
}

gateway_up
say_step "auto: MSS clamp, then tun mtu; no outer fragment, no DF"
assert_eq "tun mtu" "$(tun_mtu_of)" 1448
connect 1408
capture_start outer client1 eth0 udp port 1194
large 1448 -M "do"
on inside1 ip route flush cache
large 1500 -M dont
sleep 0.2
capture_stop outer
assert_ge "datagrams of 1500 bytes" "$(capture_show outer 'src host 192.0.2.1 and ip[2:2] >= 1490' | wc -l)" 10
assert_eq "outer datagrams with DF" "$(capture_show outer 'src host 192.0.2.1 and ip[6] & 0x40 != 0' | wc -l)" 0
assert_eq "outer fragments" "$(gateway_counter link_fragmented)" 0
out=$(on inside1 ping -n -c 1 -W 1 -M "do" -s 1472 10.8.0.2 2>&1 || true)
grep -qE 'mtu ?= ?1448' <<<"$out" || fail "DF above the tun mtu: no ICMP with 1448: $out"

say_step "tun_mtu: 1500: the worker fragments what it sealed, the client's kernel those of the client"
restart "tun_mtu: 1500"
assert_eq "tun mtu" "$(tun_mtu_of)" 1500
connect 1460
on inside1 ip route flush cache
socket0=$(counter '.ports[] | select(.name == "socket").rx')
large 1500 -M "do"
assert_ge "datagrams sent as fragments" "$(gateway_counter link_fragmented)" 10
assert_ge "datagrams reassembled by the kernel" "$(counter '.ports[] | select(.name == "socket").rx')" $((socket0 + 10))

say_step "the outside link shrinks to 1400 while clients are connected"
link_mtu 1400
before=$(gateway_counter link_fragmented)
sleep 0.5
large 1380 -M "do"
assert_ge "datagrams sent as fragments" "$(gateway_counter link_fragmented)" $((before + 10))

say_step "the outside link is 1400 at the start: auto follows"
restart ""
assert_eq "tun mtu" "$(tun_mtu_of)" 1348
connect 1308
large 1348 -M "do"
assert_eq "outer fragments" "$(gateway_counter link_fragmented)" 0
link_mtu 1500

say_step "a link further on is smaller: routers fragment"
# The client's host becomes a router to the host where the client runs now.
client_stop 1
host_add client9
link_add client1 far0 client9 1
addr_add client1 far0 198.51.100.1/24
addr_add client9 eth0 198.51.100.2/24
route_add client9 default 198.51.100.1
route_add node 198.51.100.0/24 "$(client4 1)"
router_on client1
ip -n "$BED_PREFIX-client1" link set far0 mtu 1300
ip -n "$BED_PREFIX-client9" link set eth0 mtu 1300
client_start 9 client1
client_wait 9 || fail "no connection behind a smaller link"
capture_start far client9 eth0 udp or 'ip[6:2] & 0x1fff != 0'
large 1340 -M "do"
sleep 0.2
capture_stop far
assert_ge "fragments of the router" "$(capture_show far 'src host 192.0.2.1 and ip[6:2] & 0x3fff != 0' | wc -l)" 20
assert_eq "outer fragments of the worker" "$(gateway_counter link_fragmented)" 0

say_step "the kernel's route says it: the worker fragments"
ip -n "$BED_PREFIX-node" route replace 198.51.100.0/24 via "$(client4 1)" mtu 1300
sleep 0.5
large 1340 -M "do"
assert_ge "datagrams sent as fragments" "$(gateway_counter link_fragmented)" 10

say_step "IPv6 outside, a link further on is smaller: its router says so, the worker fragments"
client_stop 9
gateway_stop
OUTER=6
conf_write
gateway_start
addr_add client1 far0 2001:db8:0:99::1/64
addr_add client9 eth0 2001:db8:0:99::2/64
route_add client9 default 2001:db8:0:99::1
route_add node 2001:db8:0:99::/64 "$(client6 1)"
client_start 9 client1
client_wait 9 || fail "no connection over IPv6 behind a smaller link"
path_mtu() { ctl clients | jq -r '.[0].path_mtu'; }
assert_eq "tun mtu" "$(tun_mtu_of)" 1428
assert_eq "path MTU" "$(path_mtu)" 1500
# The first are lost: what comes back is the router's message.
on inside1 ping -n -q -c 2 -i 0.2 -W 1 -M "do" -s 1400 10.8.0.2 >/dev/null 2>&1 || true
assert_log sluiced 'gateway=demo client=client1: path MTU to .2001:db8:0:99::2.:[0-9]+ is now 1300'
assert_eq "path MTU" "$(path_mtu)" 1300
before=$(gateway_counter link_fragmented)
large 1428 -M "do"
assert_ge "datagrams sent as fragments" "$(gateway_counter link_fragmented)" $((before + 10))
assert_eq "changes of a path MTU" "$(ctl status | jq '.gateways[0].too_big_learned')" 1
test_done
